//! What the evidence means for the audit: which scope, whose traffic, how far it went.
//!
//! Works on rows and facts after the last packet, and decides no verdict. Location, owner and app
//! stay apart, each with its evidence; a name may accuse alone, and acquits only together with the
//! address it was used for.

pub mod app_pattern;
pub mod apps;
pub mod attribution;
pub mod catalog;
mod certificate;
pub mod destination;
pub mod directions;
pub mod dns_tunnel;
mod group;
pub mod labels;
pub mod lookup;
mod naming;
pub mod note;
mod overhead;
pub mod reach;
pub mod rows;
pub mod subject;
pub mod system_agents;
pub mod traffic;
pub mod vantages;

use crate::evidence::Evidence;
use crate::ground::address::classify;
use crate::ground::translation::{Source, Translators};
use crate::judge::classify::catalog::Catalog;
use crate::judge::locate::{Location, Locator};
use crate::vocabulary;
use ipnet::IpNet;
use std::net::IpAddr;

/// What judging needs beside the evidence.
pub struct Basis<'a> {
    /// Everything that was read.
    pub evidence: &'a Evidence,
    /// Host names and what they are for.
    pub catalog: &'a Catalog,
    /// Where addresses are.
    pub locator: &'a Locator,
    /// Networks that the user declared local.
    pub local: &'a [IpNet],
    /// The device as declared.
    pub devices: &'a crate::evidence::Devices,
    /// The app under audit.
    pub subject: &'a subject::Subject,
}

impl Basis<'_> {
    /// Where an address is; `None` if its number says that it is nowhere. `translators` are those
    /// that the captures show.
    pub fn place(&self, ip: IpAddr, translators: &Translators) -> Option<Location> {
        match translators.inside(ip) {
            Some(inside) if classify(inside.address.into()).has_country() => {
                Some(self.locator.place_translated(ip, inside))
            }
            // A router's word: it is on its way to an address that is nowhere.
            Some(inside) if inside.source == Source::Router => None,
            _ => classify(ip).has_country().then(|| self.locator.place(ip)),
        }
    }

    /// The translators that any of the captures shows.
    pub fn translators(&self) -> Translators {
        let mut all = Translators::default();
        for series in &self.evidence.series {
            all.merge(&series.ledger.translators);
        }
        all
    }
}

vocabulary! {
    /// Where a flow goes, as far as its packets show (contract, "Scope of a packet").
    "scope" pub enum Scope {
        /// Cannot leave the link or site.
        Local = "local",
        /// To a private address, but internet use.
        Relayed = "relayed",
        /// To or from an address that is not local.
        Internet = "internet",
    }
}

vocabulary! {
    /// How far traffic went, weakest first (contract, "Stages").
    "stage" pub enum Stage {
        /// Only packets in, and our side never answered.
        Unsolicited = "unsolicited",
        /// A name was asked for.
        Lookup = "lookup",
        /// Packets out, nothing back.
        Attempted = "attempted",
        /// Packets both ways, no application payload from our side.
        Connected = "connected",
        /// Application payload out.
        Transferred = "transferred",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ground::translation::Prefix;
    use crate::judge::by_hand::{Declared, ip, on};

    /// A router's word is taken, also that an address is nowhere; an answer's moves nothing that has a place.
    #[test]
    fn an_address_is_where_the_one_inside_it_is() {
        let prefix = Prefix::of("2a00:1450:4001:81b::".parse().unwrap(), 96).unwrap();
        let place = |source, of: &str| {
            let mut translators = Translators::default();
            if let Some(source) = source {
                translators.learn(prefix, source);
            }
            on(Vec::new(), &Declared::default(), |basis| {
                basis.place(ip(of), &translators)
            })
        };
        let itself = |of: &str| Some(Locator::embedded().unwrap().place(ip(of)));
        let (public, private) = ("2a00:1450:4001:81b::3ad8:800a", "2a00:1450:4001:81b::a00:1");
        let inside = itself("58.216.128.10");
        assert_ne!(inside, itself(public));
        for (source, of, expected) in [
            (None, public, itself(public)),
            (Some(Source::Router), public, inside),
            (Some(Source::Router), private, None),
            (Some(Source::Answer), private, itself(private)),
            // Outside of the prefix, and what is nowhere by its number.
            (Some(Source::Router), "8.8.8.8", itself("8.8.8.8")),
            (None, "10.0.0.1", None),
        ] {
            assert_eq!(place(source, of), expected, "{source:?} {of}");
        }
    }
}
