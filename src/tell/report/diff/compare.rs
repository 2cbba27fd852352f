//! Destinations of two reports, paired: which are new, changed, gone or the same.
//!
//! New is a name, or the address of what has no name, that the baseline does not have; the same
//! name at another operator is new too. What the baseline has under another port, transport or
//! party, or as a lookup only, is changed, and the row says so.

use super::changes::{change, of_traffic};
use super::rows::{Group, Identity, Operator, Port, RowKey, Rows};
use super::{Change, Counts, DestinationChange, Status};
use crate::judge::classify::{Scope, Stage};
use std::collections::{BTreeMap, BTreeSet};

/// Operators and scopes that a note lists.
const NOTED_MAX: usize = 4;

/// What can be asked of one side.
struct Index<'r> {
    /// Keys by identity.
    by_identity: BTreeMap<&'r Identity, Vec<&'r RowKey>>,
    /// Addresses of named destinations, by scope.
    named_addresses: BTreeSet<(Scope, &'r str)>,
    /// Names beside the best one, by scope.
    names: BTreeSet<(Scope, &'r str)>,
    /// Names that were looked up.
    looked_up: &'r BTreeSet<String>,
}

impl<'r> Index<'r> {
    fn of(rows: &'r Rows, looked_up: &'r BTreeSet<String>) -> Self {
        let mut index = Self {
            by_identity: BTreeMap::new(),
            named_addresses: BTreeSet::new(),
            names: BTreeSet::new(),
            looked_up,
        };
        for (key, apps) in &rows.keyed {
            let keys = index.by_identity.entry(&key.identity).or_default();
            keys.push(key);
            for group in apps.values() {
                let scoped = |text: &'r String| (key.scope, text.as_str());
                index.names.extend(group.names.iter().map(scoped));
                if matches!(key.identity, Identity::Name(_)) {
                    let addresses = group.traffic.addresses.iter().map(scoped);
                    index.named_addresses.extend(addresses);
                }
            }
        }
        index
    }

    fn same_identity(&self, key: &RowKey) -> impl Iterator<Item = &'r RowKey> {
        let keys = self.by_identity.get(&key.identity);
        keys.into_iter().flatten().copied()
    }
}

/// Pairs all rows; what is the same is only counted.
pub(super) fn destinations(
    before: Rows,
    after: Rows,
    looked_up: (&BTreeSet<String>, &BTreeSet<String>),
) -> (Vec<DestinationChange>, Counts) {
    let (old, new) = (
        Index::of(&before, looked_up.0),
        Index::of(&after, looked_up.1),
    );
    let keys: BTreeSet<&RowKey> = before.keyed.keys().chain(after.keyed.keys()).collect();
    let (mut rows, mut counts) = (Vec::new(), Counts::default());
    let none = BTreeMap::new();
    for key in keys {
        let apps = pair(
            before.keyed.get(key).unwrap_or(&none),
            after.keyed.get(key).unwrap_or(&none),
        );
        for (app, was, is) in apps {
            let row = match (was, is) {
                (Some(was), Some(is)) => both(key, app, was, is),
                (None, Some(is)) => Some(appeared(key, app, is, &old)),
                (Some(was), None) => Some(gone(key, app, was, &new)),
                (None, None) => None,
            };
            match row {
                Some(row) => {
                    counts.count(row.status);
                    rows.push(row);
                }
                None => counts.same = counts.same.saturating_add(1),
            }
        }
    }
    rows.sort_by_cached_key(order);
    (rows, counts)
}

/// New, then changed, then gone; inside, what is news and what accuses first, then what went
/// furthest. The rest of the key makes the order total.
fn order(row: &DestinationChange) -> impl Ord + use<> {
    let seen = row.after.as_ref().or(row.before.as_ref());
    (
        row.status,
        !row.news,
        seen.map(|t| std::cmp::Reverse(t.attribution)),
        seen.map(|t| std::cmp::Reverse(t.stage)),
        (row.host.clone(), row.ip.clone(), row.scope.id()),
        (row.port, row.dynamic_port, row.transport.clone()),
        (row.app.clone(), row.asn),
        seen.map(|t| (t.addresses.clone(), t.destinations.clone())),
    )
}

type Paired = (Option<String>, Option<Group>, Option<Group>);

/// Pairs the apps of one destination. Where an app has no partner and one side also has packets
/// without a label, labels cannot tell more, and the rest is compared as one.
fn pair(
    before: &BTreeMap<Option<String>, Group>,
    after: &BTreeMap<Option<String>, Group>,
) -> Vec<Paired> {
    let (mut paired, mut was, mut is) = (Vec::new(), Vec::new(), Vec::new());
    let apps: BTreeSet<&Option<String>> = before.keys().chain(after.keys()).collect();
    for app in apps {
        match (before.get(app), after.get(app)) {
            (Some(a), Some(b)) if app.is_some() => {
                paired.push((app.clone(), Some(a.clone()), Some(b.clone())));
            }
            (a, b) => {
                was.extend(a.map(|a| (app.clone(), a.clone())));
                is.extend(b.map(|b| (app.clone(), b.clone())));
            }
        }
    }
    let unlabelled = was.iter().chain(&is).any(|(app, _)| app.is_none());
    if unlabelled && !was.is_empty() && !is.is_empty() {
        let sum = |rest: Vec<(Option<String>, Group)>| {
            Group::sum(rest.into_iter().map(|(_, group)| group))
        };
        paired.push((None, sum(was), sum(is)));
    } else {
        paired.extend(was.into_iter().map(|(app, a)| (app, Some(a), None)));
        paired.extend(is.into_iter().map(|(app, b)| (app, None, Some(b))));
    }
    paired
}

fn row(key: &RowKey, app: Option<String>, of: &Group) -> DestinationChange {
    DestinationChange {
        status: Status::Changed,
        news: false,
        scope: key.scope,
        host: match &key.identity {
            Identity::Name(name) => Some(name.clone()),
            _ => None,
        },
        ip: match &key.identity {
            Identity::Address(ip) => Some(ip.clone()),
            _ => None,
        },
        port: match key.port {
            Port::Fixed(port) => Some(port),
            Port::None | Port::Dynamic => None,
        },
        dynamic_port: key.port == Port::Dynamic,
        transport: key.transport.clone(),
        app,
        asn: match key.operator {
            Operator::System(asn) => Some(asn),
            _ => of.asn,
        },
        organisation: of.organisation.clone(),
        owner: of.owner.clone(),
        role: of.role.clone(),
        changes: Vec::new(),
        notes: Vec::new(),
        before: None,
        after: None,
    }
}

fn both(key: &RowKey, app: Option<String>, was: Group, is: Group) -> Option<DestinationChange> {
    let changes = of_traffic(&was.traffic, &is.traffic);
    if changes.is_empty() {
        return None;
    }
    Some(DestinationChange {
        news: changes.iter().any(|c| c.news),
        changes,
        before: Some(was.traffic),
        after: Some(is.traffic.clone()),
        ..row(key, app, &is)
    })
}

/// Only the capture has the row: either it is new, or the baseline has it in another form.
fn appeared(key: &RowKey, app: Option<String>, is: Group, old: &Index<'_>) -> DestinationChange {
    // What came in unasked moves no verdict, and strangers knock at every public address.
    let moves = is.traffic.stage > Stage::Unsolicited;
    let known = known(key, &is, old, moves);
    let mut row = row(key, app, &is);
    match known {
        Some(known) => {
            row.news = known.news;
            row.changes = vec![known];
        }
        None => {
            row.status = Status::New;
            row.news = moves;
            row.notes = near(key, &is, old, "the baseline");
        }
    }
    row.after = Some(is.traffic);
    row
}

/// What the baseline has of this name or address.
fn known(key: &RowKey, is: &Group, old: &Index<'_>, moves: bool) -> Option<Change> {
    let here: Vec<&RowKey> = old
        .same_identity(key)
        .filter(|other| other.scope == key.scope && other.operator == key.operator)
        .collect();
    let at_port: Vec<&&RowKey> = here.iter().filter(|other| other.port == key.port).collect();
    if at_port.iter().any(|other| other.transport == key.transport) {
        return Some(change(
            "whose",
            moves,
            "the baseline has this destination of other apps or machines only",
        ));
    }
    if !at_port.is_empty() {
        return Some(change(
            "further-transport",
            false,
            "the baseline has this destination over another transport only",
        ));
    }
    if !here.is_empty() {
        return Some(change(
            "further-port",
            moves,
            "the baseline has this destination on other ports only",
        ));
    }
    if old.same_identity(key).next().is_some() {
        // At another operator or in another scope only: new, with a note.
        return None;
    }
    let scope = key.scope;
    match &key.identity {
        Identity::Name(name) if old.names.contains(&(scope, name)) => Some(change(
            "name",
            moves,
            "the baseline has this name beside another that was stronger",
        )),
        Identity::Name(name) if old.looked_up.contains(name) => Some(change(
            "stage",
            moves,
            format!("went further: {}, before lookup", is.traffic.stage),
        )),
        Identity::Address(ip) if old.named_addresses.contains(&(scope, ip)) => Some(change(
            "name",
            moves,
            "the baseline has this address under a name; here none is to be seen",
        )),
        _ => None,
    }
}

/// What a side has that is close to a row that it does not have.
fn near(key: &RowKey, group: &Group, other: &Index<'_>, side: &str) -> Vec<String> {
    let mut notes = Vec::new();
    let same: Vec<&RowKey> = other.same_identity(key).collect();
    let listed = |words: BTreeSet<String>| {
        let words: Vec<String> = words.into_iter().take(NOTED_MAX).collect();
        words.join(", ")
    };
    let elsewhere: BTreeSet<String> = same
        .iter()
        .filter(|near| near.scope == key.scope && near.operator != key.operator)
        .map(|near| match &near.operator {
            Operator::System(asn) => format!("AS{asn}"),
            Operator::Address(ip) => ip.clone(),
            Operator::Untold => "no address".to_owned(),
        })
        .collect();
    if !elsewhere.is_empty() {
        notes.push(format!(
            "{side} has this name at another operator: {}",
            listed(elsewhere)
        ));
    }
    let scopes: BTreeSet<String> = same
        .iter()
        .filter(|near| near.scope != key.scope)
        .map(|near| near.scope.id().to_owned())
        .collect();
    if !scopes.is_empty() {
        notes.push(format!("{side} has it in scope {}", listed(scopes)));
    }
    if same
        .iter()
        .any(|near| near.scope == key.scope && near.operator == key.operator)
    {
        notes.push(format!(
            "{side} has it on another port, over another transport, or of another app or machine"
        ));
    }
    if let Identity::Name(name) = &key.identity {
        if same.is_empty() && other.looked_up.contains(name) {
            notes.push(format!("{side} asked for the name"));
        }
        let unnamed = group.traffic.addresses.iter().any(|ip| {
            let nameless = Identity::Address(ip.clone());
            other.by_identity.contains_key(&nameless)
        });
        if unnamed {
            notes.push(format!("{side} has its address without a name"));
        }
    }
    let renamed = group
        .traffic
        .addresses
        .iter()
        .any(|ip| other.named_addresses.contains(&(key.scope, ip)));
    if same.is_empty() && renamed {
        notes.push(format!("{side} has its address under another name"));
    }
    notes
}

fn gone(key: &RowKey, app: Option<String>, was: Group, new: &Index<'_>) -> DestinationChange {
    DestinationChange {
        status: Status::Gone,
        notes: near(key, &was, new, "the capture"),
        ..DestinationChange {
            before: Some(was.traffic.clone()),
            ..row(key, app, &was)
        }
    }
}
