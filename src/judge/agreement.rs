//! What the auditor and the parties agreed on: beacons that were fetched on purpose, and allowances, which are traffic that the parties agreed on beforehand, and what each covers.
//!
//! A host pattern compares names, and a name is what the audited side asserted: whoever controls the
//! app can call any server by it. With addresses too, name and address both have to fit; without them
//! the address has to belong to the name's owner by the catalog, and little goes out unless a budget
//! says how much (see [`crate::judge::claim::agreed`]). An address says nothing of
//! names. Whatever is not known fits nothing: an allowance acquits, and what acquits has to be sure.

use crate::ground::moment::Timestamp;
use crate::ground::place::Place;
use crate::judge::classify::app_pattern::{Fit, Name, Pattern};
use ipnet::IpNet;
use jiff::civil::Date;
use serde::Deserialize;
use std::fmt;
use std::net::IpAddr;

/// Traffic that the parties agreed on beforehand.
#[derive(Debug, Clone, PartialEq)]
pub struct Allowance {
    /// Its id, unique in the case file.
    pub id: String,
    /// Ids of the claims that it holds for; empty for all.
    pub claims: Vec<String>,
    /// Names; empty for any, then there are addresses.
    pub hosts: Vec<HostPattern>,
    /// Addresses and networks; empty for any, then there are hosts.
    pub addresses: Vec<IpNet>,
    /// Apps; empty for any, also for traffic without a label.
    pub apps: Vec<Pattern>,
    /// Why it was agreed on.
    pub reason: String,
    /// Last day on which it holds (UTC).
    pub expires: Date,
    /// Most payload bytes out that it covers, all destinations together.
    pub budget_bytes: Option<u64>,
    /// Where its `id` stands.
    pub place: Place,
    /// Where each of `claims` stands.
    pub(crate) claim_places: Vec<Place>,
}

impl Allowance {
    /// Whether it covers traffic under this name, at this address, of this app, for this claim.
    ///
    /// Name and address both have to fit where both are given; see the module for what a name alone
    /// is worth. `app` is a whole name or `uid:N`; a name that the capture cut short is no whole name,
    /// so that `None` is to be given for it. What is `None` fits no pattern. Days and budget are not
    /// looked at: see [`Allowance::expired_at`] and [`Allowance::budget_bytes`].
    pub fn covers(
        &self,
        host: Option<&str>,
        ip: Option<IpAddr>,
        app: Option<&str>,
        claim: &str,
    ) -> bool {
        let claim_fits = self.claims.is_empty() || self.claims.iter().any(|own| own == claim);
        let host_fits = self.hosts.is_empty()
            || host.is_some_and(|host| self.hosts.iter().any(|own| own.matches(host)));
        let address_fits = self.addresses.is_empty()
            || ip.is_some_and(|ip| {
                let ip = ip.to_canonical();
                self.addresses.iter().any(|own| own.contains(&ip))
            });
        let app_fits = self.apps.is_empty()
            || app.is_some_and(|app| {
                self.apps.iter().any(|own| {
                    own.as_str() == app || own.matches_name(Name::whole(app)) == Fit::Yes
                })
            });
        // Neither hosts nor addresses is refused when the file is read; it must not mean everything.
        let bounded = !(self.hosts.is_empty() && self.addresses.is_empty());
        bounded && claim_fits && host_fits && address_fits && app_fits
    }

    /// Whether it had ended by this day.
    pub fn expired_on(&self, day: Date) -> bool {
        day > self.expires
    }

    /// Whether it had ended by the (UTC) day of this time; at an unknown time it has.
    pub fn expired_at(&self, time: Timestamp) -> bool {
        let day = time
            .nanos()
            .and_then(|nanos| jiff::Timestamp::from_nanosecond(i128::from(nanos)).ok())
            .map(|stamp| jiff::tz::Offset::UTC.to_datetime(stamp).date());
        day.is_none_or(|day| self.expired_on(day))
    }
}

/// A host name, or all names below one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HostPattern {
    /// This name.
    Exact(String),
    /// All names below this one, at any depth, and not itself.
    Below(String),
}

impl HostPattern {
    /// Whether a name fits, whatever its case and with or without a dot at the end. Only whole labels
    /// count: `*.example.org` is not `badexample.org`.
    pub fn matches(&self, host: &str) -> bool {
        let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
        match self {
            Self::Exact(name) => host == *name,
            Self::Below(name) => host
                .strip_suffix(name.as_str())
                .and_then(|front| front.strip_suffix('.'))
                .is_some_and(|front| !front.is_empty()),
        }
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(name) => f.write_str(name),
            Self::Below(name) => write!(f, "*.{name}"),
        }
    }
}

/// A name that was fetched on purpose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Beacon {
    /// The name, in small letters.
    pub host: String,
    /// At which ends of each window it has to be found.
    pub at: Edge,
    /// Where it stands.
    pub place: Place,
}

/// An end of a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Edge {
    /// About its start.
    Start,
    /// About its end.
    End,
    /// About its start and again about its end.
    Both,
}

impl Edge {
    /// The word in the case file and in reports.
    pub fn id(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::End => "end",
            Self::Both => "both",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_allowance_covers_what_all_of_its_parts_fit() {
        let none = Allowance {
            id: "a".into(),
            claims: Vec::new(),
            hosts: Vec::new(),
            addresses: Vec::new(),
            apps: Vec::new(),
            reason: String::new(),
            expires: jiff::civil::date(2030, 1, 1),
            budget_bytes: None,
            place: Place {
                file: String::new(),
                line: 1,
                column: 1,
            },
            claim_places: Vec::new(),
        };
        let hosts = vec![
            HostPattern::Exact("a.example".into()),
            HostPattern::Below("b.example".into()),
        ];
        let addresses = vec![
            "203.0.113.0/24".parse().unwrap(),
            "198.51.100.7/32".parse().unwrap(),
        ];
        let covers = |allowance: &Allowance, host, ip: Option<&str>, claim| {
            let ip = ip.map(|ip| ip.parse().unwrap());
            allowance.covers(host, ip, None, claim)
        };
        let by_host = Allowance {
            hosts: hosts.clone(),
            ..none.clone()
        };
        let by_address = Allowance {
            addresses: addresses.clone(),
            ..none.clone()
        };
        let both = Allowance {
            hosts,
            addresses,
            claims: vec!["one".into(), "other".into()],
            ..none.clone()
        };
        let (host, ip) = (Some("a.example"), Some("203.0.113.7"));
        for (allowance, host, ip, claim, expected) in [
            (&by_host, host, None, "any", true),
            (&by_host, Some("x.b.example"), None, "any", true),
            (&by_host, Some("c.example"), ip, "any", false),
            (&by_host, None, ip, "any", false),
            (&by_address, None, ip, "any", true),
            (&by_address, host, Some("::ffff:198.51.100.7"), "any", true),
            (&by_address, host, Some("192.0.2.7"), "any", false),
            (&by_address, host, None, "any", false),
            (&both, host, ip, "one", true),
            (&both, host, ip, "other", true),
            (&both, host, ip, "third", false),
            (&both, host, None, "one", false),
            (&both, None, ip, "one", false),
            // What names neither must not mean everything.
            (&none, host, ip, "any", false),
        ] {
            let told = covers(allowance, host, ip, claim);
            assert_eq!(told, expected, "{host:?} {ip:?} {claim}");
        }
    }
}
