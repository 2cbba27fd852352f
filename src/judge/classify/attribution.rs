//! Whose traffic it is (contract, "Who sent it"), strongest evidence first.

use super::catalog::{Catalog, Host, RoleAttribution};
use super::dns_tunnel::carries_data;
use super::labels::Labelling;
use super::subject::Labelled;
use super::system_agents::asks_for_others;
use crate::judge::identity::Whose;
use crate::judge::locate::Place;
use crate::vocabulary;
use std::net::IpAddr;

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

/// An attribution and why.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Attributed {
    /// Whose.
    pub whose: Attribution,
    /// Why, in words.
    pub reason: String,
}

impl Attributed {
    fn new(whose: Attribution, reason: impl Into<String>) -> Self {
        Self {
            whose,
            reason: reason.into(),
        }
    }
}

/// By the declared device alone; `None` where it says nothing.
pub fn by_device(whose: Whose) -> Option<Attributed> {
    match whose {
        Whose::Device => Some(Attributed::new(
            Attribution::App,
            "sent or received by the device under audit",
        )),
        Whose::Other => Some(Attributed::new(
            Attribution::OtherDevice,
            "another machine than the device under audit, by its MAC address",
        )),
        Whose::Unsure => None,
    }
}

/// By the capture's label, where it decides; `who` is the app as reports name it.
pub fn by_label(says: Labelled, who: &str) -> Option<Attributed> {
    match says {
        Labelled::Subject => Some(Attributed::new(
            Attribution::App,
            format!("the capture labels its packets with the app under audit, {who}"),
        )),
        Labelled::Other => Some(Attributed::new(
            Attribution::OtherApp,
            format!("the capture labels its packets with another app, {who}"),
        )),
        Labelled::Unsaid => None,
    }
}

/// By everything that outranks names, in the contract's order: another machine, the label, the
/// declared device.
pub fn by_evidence(whose: Whose, app: Option<&Labelling>) -> Option<Attributed> {
    if whose == Whose::Other {
        return by_device(whose);
    }
    app.and_then(|app| by_label(app.says, &app.describe()))
        .or_else(|| by_device(whose))
}

/// The same of a lookup. Some user ids ask for names on behalf of other apps: such a label is no other app's.
pub fn by_evidence_of_lookup(whose: Whose, app: Option<&Labelling>) -> Option<Attributed> {
    let app = app.filter(|app| {
        let for_others = app.owner.is_none() && app.uid.is_some_and(asks_for_others);
        app.says != Labelled::Other || !for_others
    });
    by_evidence(whose, app)
}

/// By a name that was looked up: for a mere lookup the catalogued name is enough.
pub fn by_looked_up_name(name: &str, catalog: &Catalog) -> Attributed {
    let Some(host) = catalog.lookup(name) else {
        return Attributed::new(Attribution::Unknown, format!("{name} is in no catalog"));
    };
    let whose = match host.attribution {
        RoleAttribution::Vendor => Attribution::Vendor,
        RoleAttribution::ThirdParty => Attribution::ThirdParty,
        RoleAttribution::Shared => Attribution::Shared,
        // A name that carries data under such a domain is none that its owner gave out.
        RoleAttribution::Os if host.pattern != name && carries_data(name) => {
            return Attributed::new(
                Attribution::Unknown,
                format!(
                    "{name} lies under {}, and its labels look like data",
                    host.pattern
                ),
            );
        }
        RoleAttribution::Os => Attribution::Os,
        RoleAttribution::None => Attribution::Unknown,
    };
    Attributed::new(whose, by(host, name))
}

/// By the best name of a connection, its aliases, and the address it was used for.
pub fn by_name(
    host: Option<&str>,
    aliases: &[&str],
    ip: Option<IpAddr>,
    place: Option<&Place>,
    bytes_out: u64,
    catalog: &Catalog,
) -> Attributed {
    // An alias under a vendor's domain accuses, though the name asked for is another.
    let alias = aliases.iter().find_map(|alias| {
        catalog
            .lookup(alias)
            .filter(|h| h.attribution == RoleAttribution::Vendor)
            .map(|h| (h, alias))
    });
    let own = match host {
        Some(name) => named(name, ip, place, bytes_out, catalog),
        None => unnamed(ip, catalog),
    };
    match alias {
        Some((host, alias)) if own.whose != Attribution::Vendor => Attributed::new(
            Attribution::Vendor,
            format!("the name is an alias of {alias}; {}", by(host, alias)),
        ),
        _ => own,
    }
}

fn named(
    name: &str,
    ip: Option<IpAddr>,
    place: Option<&Place>,
    bytes_out: u64,
    catalog: &Catalog,
) -> Attributed {
    let Some(host) = catalog.lookup(name) else {
        return Attributed::new(Attribution::Unknown, format!("{name} is in no catalog"));
    };
    match host.attribution {
        RoleAttribution::Vendor => Attributed::new(Attribution::Vendor, by(host, name)),
        RoleAttribution::ThirdParty => Attributed::new(Attribution::ThirdParty, by(host, name)),
        RoleAttribution::Shared => Attributed::new(Attribution::Shared, by(host, name)),
        RoleAttribution::None => Attributed::new(
            Attribution::Unknown,
            format!("{name} is in the catalog for description only"),
        ),
        RoleAttribution::Os => acquit(name, host, ip, place, bytes_out, catalog),
    }
}

/// Names acquit only together with the address, and only small traffic.
fn acquit(
    name: &str,
    host: &Host,
    ip: Option<IpAddr>,
    place: Option<&Place>,
    bytes_out: u64,
    catalog: &Catalog,
) -> Attributed {
    let operator = place.and_then(|p| p.operator.as_deref());
    // Where customers rent the addresses, the operator does not say whose service answers.
    let rented = place.is_some_and(|p| p.tenants == Some(true));
    let by_operator = !rented && operator.is_some_and(|o| host.operators.iter().any(|h| h == o));
    let by_address = ip
        .and_then(|ip| catalog.lookup_ip(ip))
        .is_some_and(|row| row.attribution == RoleAttribution::Os && row.owner == host.owner);
    if !by_operator && !by_address {
        return Attributed::new(
            Attribution::Unknown,
            format!(
                "{name} is {}, but the address is not known to be its operator's own",
                host.role
            ),
        );
    }
    if bytes_out > OS_BYTES_OUT_MAX {
        return Attributed::new(
            Attribution::Unknown,
            format!(
                "{name} is {}, but {bytes_out} bytes went out, more than such traffic sends",
                host.role
            ),
        );
    }
    let proof = match operator {
        Some(operator) if by_operator => format!("the address is {operator}'s"),
        _ => "the address is one of its time servers in the catalog".to_owned(),
    };
    Attributed::new(
        Attribution::Os,
        format!("{name} is {} of {}, and {proof}", host.role, host.owner),
    )
}

fn unnamed(ip: Option<IpAddr>, catalog: &Catalog) -> Attributed {
    let row = ip.and_then(|ip| catalog.lookup_ip(ip));
    match row {
        Some(row) if row.attribution == RoleAttribution::Shared => Attributed::new(
            Attribution::Shared,
            format!("the address is {} of {}", row.role, row.owner),
        ),
        // An address alone never acquits.
        _ => Attributed::new(Attribution::Unknown, "no name was seen for this address"),
    }
}

fn by(host: &Host, name: &str) -> String {
    if host.pattern == name {
        format!("{name} is {} of {}", host.role, host.owner)
    } else {
        format!(
            "{name} lies under {}, {} of {}",
            host.pattern, host.role, host.owner
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::locate::Confidence;

    fn judged(name: &str, ip: &str, operator: Option<(&str, bool)>, bytes_out: u64) -> Attribution {
        let place = Place {
            country: None,
            confidence: Confidence::Unknown,
            candidates: Vec::new(),
            asn: None,
            organisation: None,
            operator: operator.map(|(id, _)| id.to_owned()),
            tenants: operator.map(|(_, tenants)| tenants),
        };
        let ip = ip.parse().unwrap();
        let catalog = Catalog::embedded();
        by_name(Some(name), &[], Some(ip), Some(&place), bytes_out, catalog).whose
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
        let much = OS_BYTES_OUT_MAX + 1;
        assert_eq!(
            judged(check, "131.107.1.1", Some(("microsoft", false)), much),
            Unknown
        );
        let asked = |name| by_looked_up_name(name, Catalog::embedded()).whose;
        assert_eq!(
            (asked("time.grapheneos.org"), asked("hub.flylitchi.com")),
            (Os, Attribution::ThirdParty)
        );
    }
}
