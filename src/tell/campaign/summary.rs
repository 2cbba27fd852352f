//! All sessions of a campaign together: by app and version, by claim, by host.
//!
//! Sizes depend on how many versions and hosts there are, not on how many sessions. What is over a bound is
//! counted and said.

use super::rows::{ClaimRow, DestinationRow, SessionRow, rows, session};
use crate::ground::error::Error;
use crate::ground::natural::natural;
use crate::judge::claim::Verdict;
use crate::judge::classify::attribution::Attribution;
use crate::tell::tables::columns::verdict;
use crate::tell::tables::entry::Entry;
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

/// Hosts kept of a version, and of all: far more than apps have; beyond, none is called new.
const HOSTS_MAX: usize = 20_000;
/// Sessions without a verdict that are listed one by one.
pub const FAILED_MAX: usize = 50;
/// Sessions of a host that are named.
const EXAMPLES_MAX: usize = 3;

/// How many sessions ended how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// With a contradicted claim.
    pub contradicted: u64,
    /// Else with an inconclusive one.
    pub inconclusive: u64,
    /// Else.
    pub consistent: u64,
    /// Without a verdict.
    pub errors: u64,
}

impl Tally {
    /// All of them.
    pub fn sessions(&self) -> u64 {
        let all = [
            self.contradicted,
            self.inconclusive,
            self.consistent,
            self.errors,
        ];
        all.into_iter().fold(0, u64::saturating_add)
    }

    fn add(&mut self, verdict: Option<Verdict>) {
        let count = match verdict {
            Some(Verdict::Contradicted) => &mut self.contradicted,
            Some(Verdict::Inconclusive) => &mut self.inconclusive,
            Some(Verdict::Consistent) => &mut self.consistent,
            None => &mut self.errors,
        };
        *count = count.saturating_add(1);
    }

    /// The worst verdict; `None` without any.
    pub fn worst(&self) -> Option<Verdict> {
        if self.contradicted > 0 {
            Some(Verdict::Contradicted)
        } else if self.inconclusive > 0 {
            Some(Verdict::Inconclusive)
        } else {
            (self.consistent > 0).then_some(Verdict::Consistent)
        }
    }
}

/// A version of an app.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Version {
    /// The version, as it was declared.
    pub name: Option<String>,
    /// How its sessions ended.
    pub tally: Tally,
    /// The same by claim.
    pub claims: BTreeMap<String, Tally>,
    /// Hosts that its sessions show, or addresses without a name.
    pub hosts: BTreeSet<String>,
    /// There are more of them than are kept.
    pub hosts_over: bool,
}

/// A host over all sessions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Host {
    /// Who owns the name.
    pub owner: Option<String>,
    /// Whose traffic it was, of all sessions the strongest word.
    pub attribution: Option<Attribution>,
    /// Countries of its addresses; with a question mark where the databases do not agree.
    pub countries: BTreeSet<String>,
    /// Sessions that show it.
    pub sessions: u64,
    /// Payload that went there.
    pub bytes_out: u64,
    /// Some of those sessions, by id.
    pub examples: Vec<String>,
}

/// A session without a verdict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failed {
    /// Its captures.
    pub name: String,
    /// Kind of failure.
    pub kind: String,
    /// In words.
    pub text: String,
}

/// All sessions together.
#[derive(Debug, Clone, Default)]
pub struct Summary {
    /// How they ended.
    pub tally: Tally,
    /// By app, then version, in the order in which people count.
    pub apps: BTreeMap<Option<String>, Vec<Version>>,
    /// The claims that were judged, with their statements.
    pub claims: BTreeMap<String, String>,
    /// By host, or by address where it has no name.
    pub hosts: BTreeMap<String, Host>,
    /// There are more hosts than are kept.
    pub hosts_over: bool,
    /// Packets read.
    pub packets: u64,
    /// Bytes read.
    pub bytes: u64,
    /// The first of the sessions without a verdict.
    pub failed: Vec<Failed>,
    /// Programs and catalogs that audited them.
    pub programs: BTreeSet<(String, String)>,
}

impl Summary {
    /// Takes a session in.
    ///
    /// # Errors
    /// A row that cannot be read.
    pub fn add(&mut self, entry: &Entry) -> Result<(), Error> {
        let row = session(entry)?;
        let claims: Vec<ClaimRow> = rows(entry, "claims")?;
        let destinations: Vec<DestinationRow> = rows(entry, "destinations")?;
        let ended = row.verdict.as_deref().and_then(verdict);
        self.tally.add(ended);
        self.packets = self.packets.saturating_add(row.packets.unwrap_or(0));
        self.bytes = self.bytes.saturating_add(row.bytes.unwrap_or(0));
        let program = (row.program.clone(), row.catalog_sha256.clone());
        self.programs.insert(program);
        if let Some(kind) = &row.error
            && self.failed.len() < FAILED_MAX
        {
            self.failed.push(Failed {
                name: row.name(),
                kind: kind.clone(),
                text: row.error_text.clone().unwrap_or_default(),
            });
        }
        for claim in &claims {
            let statement = || claim.statement.clone();
            self.claims.entry(claim.title()).or_insert_with(statement);
        }
        self.version(&row, ended, &claims, &destinations);
        self.host(&row, &destinations);
        Ok(())
    }

    fn version(
        &mut self,
        row: &SessionRow,
        ended: Option<Verdict>,
        claims: &[ClaimRow],
        destinations: &[DestinationRow],
    ) {
        let versions = self.apps.entry(row.app.clone()).or_default();
        let order = |have: &Version| in_order(have.name.as_deref(), row.version.as_deref());
        let at = match versions.binary_search_by(order) {
            Ok(at) => at,
            Err(at) => {
                let name = row.version.clone();
                versions.insert(
                    at,
                    Version {
                        name,
                        ..Version::default()
                    },
                );
                at
            }
        };
        let Some(version) = versions.get_mut(at) else {
            return;
        };
        version.tally.add(ended);
        for claim in claims {
            let tally = version.claims.entry(claim.title()).or_default();
            tally.add(verdict(&claim.verdict));
        }
        for name in destinations.iter().filter_map(named) {
            if version.hosts.len() < HOSTS_MAX || version.hosts.contains(name) {
                version.hosts.insert(name.to_owned());
            } else {
                version.hosts_over = true;
            }
        }
    }

    fn host(&mut self, row: &SessionRow, destinations: &[DestinationRow]) {
        let mut counted = BTreeSet::new();
        for destination in destinations {
            let Some(name) = named(destination) else {
                continue;
            };
            if self.hosts.len() >= HOSTS_MAX && !self.hosts.contains_key(name) {
                self.hosts_over = true;
                continue;
            }
            let host = self.hosts.entry(name.to_owned()).or_default();
            if counted.insert(name) {
                host.sessions = host.sessions.saturating_add(1);
                if host.examples.len() < EXAMPLES_MAX {
                    host.examples.push(row.session.clone());
                }
            }
            if host.owner.is_none() {
                host.owner.clone_from(&destination.owner);
            }
            // They stand in the order of their strength.
            let word = Attribution::ALL.iter().copied();
            let word = word.filter(|a| a.id() == destination.attribution).max();
            host.attribution = host.attribution.max(word);
            if let Some(country) = &destination.country {
                let sure = destination.country_confidence == "agreed";
                let doubt = if sure { "" } else { "?" };
                host.countries.insert(format!("{country}{doubt}"));
            }
            host.bytes_out = host.bytes_out.saturating_add(destination.bytes_out);
        }
    }
}

/// Of a version the hosts that the one before it did not show; `None` of the first one, and where there were
/// more than are kept.
pub fn news(versions: &[Version], at: usize) -> Option<Vec<&str>> {
    let before = versions.get(at.checked_sub(1)?)?;
    let now = versions.get(at)?;
    if before.hosts_over || now.hosts_over {
        return None;
    }
    let new = now.hosts.difference(&before.hosts);
    Some(new.map(String::as_str).collect())
}

/// A version that was not declared comes first.
fn in_order(a: Option<&str>, b: Option<&str>) -> Ordering {
    match (a, b) {
        (Some(a), Some(b)) => natural(a, b),
        _ => a.cmp(&b),
    }
}

/// A destination's name, or its address.
fn named(destination: &DestinationRow) -> Option<&str> {
    destination.host.as_deref().or(destination.ip.as_deref())
}
