//! Whose traffic it is (contract, "Who sent it"), strongest evidence first.

use super::catalog::{Catalog, Host, RoleAttribution};
use super::dns_tunnel::carries_data;
use super::labels::Labelling;
use super::subject::Labelled;
use super::system_agents::asks_for_others;
use crate::judge::identity::DeviceMatch;
use crate::judge::locate::Location;
use crate::vocabulary;
use std::net::IpAddr;
use std::sync::Arc;

/// The most that traffic of the phone's own system may send to one destination and still be taken
/// for it: a connectivity check, a time request or an update question is far below (contract).
pub const OS_BYTES_OUT_MAX: u64 = 64_000;

vocabulary! {
    /// Whose traffic it is. The order is the order of strength in which findings are kept.
    "attribution" pub enum Attribution {
        /// Another machine than the declared one.
        OtherDevice = "other-device",
        /// Another app than the one under audit.
        OtherApp = "other-app",
        /// Catalogued background traffic of the phone itself.
        Os = "os",
        /// Nothing explains it.
        Unknown = "unknown",
        /// A platform that the system and other apps use too.
        Shared = "shared",
        /// An SDK known from drone apps.
        ThirdParty = "third-party",
        /// The drone vendor, by name.
        Vendor = "vendor",
        /// The app or the device under audit.
        App = "app",
    }
}

impl Attribution {
    /// Contradicts a claim of silence.
    pub fn accuses(self) -> bool {
        matches!(self, Self::App | Self::Vendor)
    }

    /// Could be the app's: makes a claim of silence inconclusive.
    pub fn is_suspect(self) -> bool {
        matches!(self, Self::ThirdParty | Self::Shared | Self::Unknown)
    }
}

/// What a name says of whose traffic it is, by the catalog and the address that it was used for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NameSays {
    /// It is in no catalog.
    Uncatalogued,
    /// It is in the catalog for description only.
    Described,
    /// What this row says.
    Row(Arc<Host>),
    /// It lies under a row of the system's, and its labels look like data.
    Data(Arc<Host>),
    /// A row of the system's, but the address is not known to be its operator's own.
    AtUnknownAddress(Arc<Host>),
    /// A row of the system's, but more bytes went out than such traffic sends.
    TooMuch(Arc<Host>, u64),
    /// A row of the system's, at an address of this operator.
    AtOperator(Arc<Host>, String),
    /// A row of the system's, at an address that the catalog lists for it.
    AtListedAddress(Arc<Host>),
}

/// What an attribution rests on; words are made of it when telling.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Grounds {
    /// The device under audit sent or received it.
    Device,
    /// Another machine did, by its MAC address.
    OtherMachine,
    /// The capture labels it with the app under audit.
    App(Arc<Labelling>),
    /// The capture labels it with another app.
    OtherApp(Arc<Labelling>),
    /// A name.
    Name(Arc<str>, NameSays),
    /// The name is an alias of this one, which is in this row.
    Alias(Arc<str>, Arc<Host>),
    /// No name was seen, and the address is in this row.
    Address(Arc<Host>),
    /// No name was seen.
    Unnamed,
    /// Encrypted DNS hides what was asked for.
    HiddenLookups,
    /// No name that was asked for could be read.
    UnreadLookups,
    /// The far end asked, and our side answered as a server does.
    Served,
    /// Stated by hand.
    #[cfg(test)]
    ByHand,
}

/// An attribution and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attributed {
    /// Whose.
    pub whose: Attribution,
    /// Why.
    pub why: Grounds,
}

impl Attributed {
    pub(super) fn new(whose: Attribution, why: Grounds) -> Self {
        Self { whose, why }
    }

    /// Nobody's that can be named.
    pub(super) fn unknown(why: Grounds) -> Self {
        Self::new(Attribution::Unknown, why)
    }
}

/// By the declared device alone; `None` where it says nothing.
pub fn by_device(whose: DeviceMatch) -> Option<Attributed> {
    match whose {
        DeviceMatch::Device => Some(Attributed::new(Attribution::App, Grounds::Device)),
        DeviceMatch::Other => Some(Attributed::new(
            Attribution::OtherDevice,
            Grounds::OtherMachine,
        )),
        DeviceMatch::Unsure => None,
    }
}

/// By the capture's label, where it decides.
pub fn by_label(app: &Arc<Labelling>) -> Option<Attributed> {
    let (whose, why): (_, fn(Arc<Labelling>) -> Grounds) = match app.says {
        Labelled::Subject => (Attribution::App, Grounds::App),
        Labelled::Other => (Attribution::OtherApp, Grounds::OtherApp),
        Labelled::Unsaid => return None,
    };
    Some(Attributed::new(whose, why(Arc::clone(app))))
}

/// By everything that outranks names, in the contract's order: another machine, the label, the
/// declared device.
pub fn by_evidence(whose: DeviceMatch, app: Option<&Arc<Labelling>>) -> Option<Attributed> {
    if whose == DeviceMatch::Other {
        return by_device(whose);
    }
    app.and_then(by_label).or_else(|| by_device(whose))
}

/// The same of a lookup. Some user ids ask for names on behalf of other apps: such a label is no other app's.
pub fn by_evidence_of_lookup(
    whose: DeviceMatch,
    app: Option<&Arc<Labelling>>,
) -> Option<Attributed> {
    let app = app.filter(|app| {
        let for_others = app.owner.is_none() && app.uid.is_some_and(asks_for_others);
        app.says != Labelled::Other || !for_others
    });
    by_evidence(whose, app)
}

/// By a name that was looked up: for a mere lookup the catalogued name is enough.
pub fn by_looked_up_name(name: &Arc<str>, catalog: &Catalog) -> Attributed {
    let say = |whose, says| Attributed::new(whose, Grounds::Name(Arc::clone(name), says));
    let Some(host) = catalog.row(name) else {
        return say(Attribution::Unknown, NameSays::Uncatalogued);
    };
    let whose = match host.attribution {
        RoleAttribution::Vendor => Attribution::Vendor,
        RoleAttribution::ThirdParty => Attribution::ThirdParty,
        RoleAttribution::Shared => Attribution::Shared,
        // A name that carries data under such a domain is none that its owner gave out.
        RoleAttribution::Os if *host.pattern != **name && carries_data(name) => {
            return say(Attribution::Unknown, NameSays::Data(Arc::clone(host)));
        }
        RoleAttribution::Os => Attribution::Os,
        RoleAttribution::None => Attribution::Unknown,
    };
    say(whose, NameSays::Row(Arc::clone(host)))
}

/// By the best name of a connection, its aliases, and the address it was used for.
pub fn by_name<'n>(
    host: Option<&Arc<str>>,
    aliases: impl IntoIterator<Item = &'n Arc<str>>,
    ip: Option<IpAddr>,
    place: Option<&Location>,
    bytes_out: u64,
    catalog: &Catalog,
) -> Attributed {
    let own = match host {
        Some(name) => named(name, ip, place, bytes_out, catalog),
        None => unnamed(ip, catalog),
    };
    if own.whose == Attribution::Vendor {
        return own;
    }
    // An alias under a vendor's domain accuses, though the name asked for is another.
    let alias = aliases.into_iter().find_map(|alias| {
        let row = catalog.row(alias);
        let row = row.filter(|host| host.attribution == RoleAttribution::Vendor)?;
        Some(Grounds::Alias(Arc::clone(alias), Arc::clone(row)))
    });
    alias.map_or(own, |why| Attributed::new(Attribution::Vendor, why))
}

fn named(
    name: &Arc<str>,
    ip: Option<IpAddr>,
    place: Option<&Location>,
    bytes_out: u64,
    catalog: &Catalog,
) -> Attributed {
    let (whose, says) = match catalog.row(name) {
        None => (Attribution::Unknown, NameSays::Uncatalogued),
        Some(host) => {
            let row = || NameSays::Row(Arc::clone(host));
            match host.attribution {
                RoleAttribution::Vendor => (Attribution::Vendor, row()),
                RoleAttribution::ThirdParty => (Attribution::ThirdParty, row()),
                RoleAttribution::Shared => (Attribution::Shared, row()),
                RoleAttribution::None => (Attribution::Unknown, NameSays::Described),
                RoleAttribution::Os => acquit(host, ip, place, bytes_out, catalog),
            }
        }
    };
    Attributed::new(whose, Grounds::Name(Arc::clone(name), says))
}

/// Names acquit only together with the address, and only small traffic.
fn acquit(
    host: &Arc<Host>,
    ip: Option<IpAddr>,
    place: Option<&Location>,
    bytes_out: u64,
    catalog: &Catalog,
) -> (Attribution, NameSays) {
    let operator = place.and_then(|p| p.operator.as_deref());
    // Where customers rent the addresses, the operator does not say whose service answers.
    let rented = place.is_some_and(|p| p.tenants == Some(true));
    let by_operator = !rented && operator.is_some_and(|o| host.operators.iter().any(|h| h == o));
    let by_address = ip
        .and_then(|ip| catalog.lookup_ip(ip))
        .is_some_and(|row| row.attribution == RoleAttribution::Os && row.owner == host.owner);
    let host = Arc::clone(host);
    if !by_operator && !by_address {
        return (Attribution::Unknown, NameSays::AtUnknownAddress(host));
    }
    if bytes_out > OS_BYTES_OUT_MAX {
        return (Attribution::Unknown, NameSays::TooMuch(host, bytes_out));
    }
    let says = match operator {
        Some(operator) if by_operator => NameSays::AtOperator(host, operator.to_owned()),
        _ => NameSays::AtListedAddress(host),
    };
    (Attribution::Os, says)
}

fn unnamed(ip: Option<IpAddr>, catalog: &Catalog) -> Attributed {
    let row = ip.and_then(|ip| catalog.row_of_ip(ip));
    match row {
        Some(row) if row.attribution == RoleAttribution::Shared => {
            Attributed::new(Attribution::Shared, Grounds::Address(Arc::clone(row)))
        }
        // An address alone never acquits.
        _ => Attributed::unknown(Grounds::Unnamed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ground::label::LabelSource;
    use crate::judge::locate::Confidence;

    /// A place of which only the operator is known, and whether customers rent its addresses.
    fn at(operator: Option<(&str, bool)>) -> Location {
        Location {
            country: None,
            confidence: Confidence::Unknown,
            candidates: Vec::new(),
            asn: None,
            organisation: None,
            operator: operator.map(|(id, _)| id.to_owned()),
            tenants: operator.map(|(_, tenants)| tenants),
        }
    }

    fn judged(name: &str, ip: &str, operator: Option<(&str, bool)>, bytes_out: u64) -> Attribution {
        let place = at(operator);
        let ip = ip.parse().unwrap();
        let catalog = Catalog::embedded();
        let name = Arc::from(name);
        by_name(Some(&name), [], Some(ip), Some(&place), bytes_out, catalog).whose
    }

    #[test]
    fn a_name_acquits_only_at_addresses_that_nobody_rents() {
        use Attribution::{Os, Unknown};
        let check = "www.msftconnecttest.com";
        let time = "time.windows.com";
        for (name, ip, operator, expected) in [
            (check, "131.107.1.1", Some(("microsoft", false)), Os),
            // A machine that anybody may rent from the same company.
            (check, "20.1.2.3", Some(("microsoft", true)), Unknown),
            (time, "20.1.2.3", Some(("microsoft", true)), Unknown),
            // A time server of the list, wherever it stands; and another company's.
            (time, "168.61.215.74", Some(("microsoft", true)), Os),
            (time, "216.239.35.0", Some(("google", false)), Unknown),
            // Its owner's address, of a service that anybody asks.
            ("time.google.com", "8.8.8.8", None, Unknown),
            (
                "time2.facebook.com",
                "129.134.29.123",
                Some(("meta", false)),
                Os,
            ),
            ("time2.facebook.com", "129.134.29.123", None, Unknown),
            // No network of its own: the lookup is the system's, the connection stays unexplained.
            (
                "time.grapheneos.org",
                "167.114.145.173",
                Some(("ovh", true)),
                Unknown,
            ),
            (
                "www.appleiphonecell.com",
                "17.253.144.10",
                Some(("apple", false)),
                Os,
            ),
            (
                "www.appleiphonecell.com",
                "47.88.122.4",
                Some(("alibaba", true)),
                Unknown,
            ),
        ] {
            assert_eq!(judged(name, ip, operator, 200), expected, "{name} at {ip}");
        }
        for (bytes, whose) in [(OS_BYTES_OUT_MAX, Os), (OS_BYTES_OUT_MAX + 1, Unknown)] {
            let own = Some(("microsoft", false));
            assert_eq!(judged(check, "131.107.1.1", own, bytes), whose);
        }
        let asked = |name: &str| by_looked_up_name(&name.into(), Catalog::embedded()).whose;
        assert_eq!(
            (asked("time.grapheneos.org"), asked("hub.flylitchi.com")),
            (Os, Attribution::ThirdParty)
        );
    }

    /// What is said of a name's traffic names what it rests on.
    #[test]
    fn the_grounds_of_a_name_are_those_that_decide() {
        let catalog = Catalog::embedded();
        let by = |host: Option<&str>, aliases: &[&str], ip: &str, operator: Option<&str>| {
            let place = Location {
                country: None,
                confidence: Confidence::Unknown,
                candidates: Vec::new(),
                asn: None,
                organisation: None,
                operator: operator.map(ToOwned::to_owned),
                tenants: Some(false),
            };
            let host = host.map(Arc::from);
            let aliases: Vec<Arc<str>> = aliases.iter().map(|alias| Arc::from(*alias)).collect();
            let ip = ip.parse().unwrap();
            by_name(
                host.as_ref(),
                &aliases,
                Some(ip),
                Some(&place),
                100,
                catalog,
            )
        };
        let said = |of: Attributed| match of.why {
            Grounds::Name(_, says) => says,
            other => panic!("{other:?}"),
        };
        let (time, listed) = ("time.windows.com", "168.61.215.74");
        assert!(matches!(
            said(by(Some(time), &[], listed, Some("microsoft"))),
            NameSays::AtOperator(_, operator) if operator == "microsoft"
        ));
        // Another company's network, or none that is known: the list alone decides.
        for other in [Some("google"), None] {
            assert!(matches!(
                said(by(Some(time), &[], listed, other)),
                NameSays::AtListedAddress(_)
            ));
        }
        // An address of somebody else's row acquits no name.
        let at_other = by(Some("time.google.com"), &[], listed, None);
        assert_eq!(at_other.whose, Attribution::Unknown);
        // An alias accuses where the name does not; a name that accuses needs none.
        let vendor = by(
            Some("a.example"),
            &["b.example", "api.dji.com"],
            listed,
            None,
        );
        assert_eq!(vendor.whose, Attribution::Vendor);
        assert!(matches!(vendor.why, Grounds::Alias(alias, _) if &*alias == "api.dji.com"));
        let named = by(Some("www.dji.com"), &["api.dji.com"], listed, None);
        assert!(matches!(said(named), NameSays::Row(_)));
        let plain = by(Some("a.example"), &["time.windows.com"], listed, None);
        assert_eq!(plain.whose, Attribution::Unknown);
        // Without a name a shared address says so, and no address acquits.
        for (ip, whose) in [
            ("1.1.1.1", Attribution::Shared),
            (listed, Attribution::Unknown),
            ("203.0.113.9", Attribution::Unknown),
        ] {
            assert_eq!(by(None, &[], ip, Some("microsoft")).whose, whose, "{ip}");
        }
    }

    #[test]
    fn a_lookup_that_carries_data_is_none_that_its_domains_owner_gave_out() {
        let asked = |name: &str| by_looked_up_name(&name.into(), Catalog::embedded()).whose;
        let data = "a7".repeat(22);
        for (name, whose) in [
            ("update.microsoft.com".to_owned(), Attribution::Os),
            ("fe2.update.microsoft.com".to_owned(), Attribution::Os),
            (format!("{data}.update.microsoft.com"), Attribution::Unknown),
            // Who accuses does so whatever the name carries.
            (format!("{data}.dji.com"), Attribution::Vendor),
            (format!("{data}.example.com"), Attribution::Unknown),
        ] {
            assert_eq!(asked(&name), whose, "{name}");
        }
    }

    /// On some phones the lookups of every app go out under the telephone's user id: such a label is no other app's, unless it names an owner.
    #[test]
    fn a_lookup_is_another_apps_where_its_label_does_not_ask_for_others() {
        let of = |uid, says, owner: Option<&str>| {
            Arc::new(Labelling {
                name: Some("some.program".into()),
                uid,
                source: LabelSource::PcapdroidTrailer,
                owner: owner.map(ToOwned::to_owned),
                also: Vec::new(),
                cut: false,
                says,
            })
        };
        let by = |uid, says, owner: Option<&str>| {
            let label = of(Some(uid), says, owner);
            let lookup = by_evidence_of_lookup(DeviceMatch::Device, Some(&label));
            let flow = by_evidence(DeviceMatch::Device, Some(&label));
            (lookup.map(|a| a.whose), flow.map(|a| a.whose))
        };
        use Attribution::{App, OtherApp};
        let (telephone, app) = (1001, 10_123);
        assert!(asks_for_others(telephone) && !asks_for_others(app));
        for (label, expected) in [
            // By the device under audit, then.
            (by(telephone, Labelled::Other, None), (App, OtherApp)),
            (by(app, Labelled::Other, None), (OtherApp, OtherApp)),
            (
                by(telephone, Labelled::Other, Some("its.app")),
                (OtherApp, OtherApp),
            ),
            (by(telephone, Labelled::Subject, None), (App, App)),
        ] {
            assert_eq!(label, (Some(expected.0), Some(expected.1)));
        }
        // Where nothing is known of the machine, the label alone speaks: without a user id too, and always for the app.
        for (uid, says, expected) in [
            (Some(telephone), Labelled::Other, None),
            (None, Labelled::Other, Some(OtherApp)),
            (Some(telephone), Labelled::Subject, Some(App)),
        ] {
            let label = of(uid, says, None);
            let asked = by_evidence_of_lookup(DeviceMatch::Unsure, Some(&label));
            assert_eq!(asked.map(|a| a.whose), expected, "{uid:?} {says:?}");
        }
    }

    /// Rows as an auditor may add them.
    #[test]
    fn an_added_row_acquits_at_each_of_its_operators_and_its_own_long_name_carries_no_data() {
        let long = format!("{}.example.com", "a7".repeat(22));
        let rows = format!(
            "{long}\texact\tExample\tos-time\tUS\t\t\t\tdocumented\tby hand\ncheck.example\texact\tExample\tos-time\tUS\t\tgoogle|microsoft\t\tdocumented\tby hand\n"
        );
        let mut catalog = Catalog::embedded().clone();
        catalog.extend(&rows, "mine.tsv").unwrap();
        let asked = by_looked_up_name(&long.as_str().into(), &catalog);
        assert_eq!(asked.whose, Attribution::Os);
        for (operator, whose) in [
            ("google", Attribution::Os),
            ("microsoft", Attribution::Os),
            ("amazon", Attribution::Unknown),
        ] {
            let place = at(Some((operator, false)));
            let name = Arc::from("check.example");
            let by = by_name(Some(&name), [], None, Some(&place), 9, &catalog);
            assert_eq!(by.whose, whose, "{operator}");
        }
    }
}
