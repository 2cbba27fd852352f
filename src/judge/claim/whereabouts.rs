//! Where traffic went and whose servers those are, as far as it can be said.
//!
//! Two kinds of evidence: what the host name asserts (cloud and region), and what address data hold
//! (country, operator). A region in the name outranks the address data for accusing; to take
//! traffic off the list the address has to agree, for the name is the audited side's word. Address
//! data are sure only where the sources agree; anycast, content delivery networks, conflicting and
//! single sources leave the place unsure (contract, "Claims that ship", "The JSON report").

use super::definition::Set;
use crate::ground::moment::Timestamp;
use crate::judge::classify::destination::Destination;
use crate::judge::classify::{Basis, Scope};
use crate::judge::locate::Confidence;
use crate::judge::locate::cloud::{Cloud, cloud_of_name};

/// Whether a condition holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// It holds; why, in words.
    Yes(String),
    /// It does not hold, and that is sure.
    No,
    /// It cannot be said; why, in words.
    Unsure(String),
}

impl Answer {
    /// Both hold: a sure no decides, then doubt.
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::No, _) | (_, Self::No) => Self::No,
            (Self::Unsure(a), _) | (_, Self::Unsure(a)) => Self::Unsure(a),
            (Self::Yes(a), Self::Yes(b)) if a.is_empty() => Self::Yes(b),
            (Self::Yes(a), Self::Yes(b)) if b.is_empty() => Self::Yes(a),
            (Self::Yes(a), Self::Yes(b)) => Self::Yes(format!("{a}; {b}")),
        }
    }
}

/// A condition on what a name says: owner, role, jurisdiction, host. The name is the audited side's
/// word, so that it may make a condition hold that accuses; that it does not hold is sure only where
/// the address confirms the name, and never of traffic without one.
pub fn known(value: Option<&str>, listed: bool, set: &Set, what: &str, confirmed: bool) -> Answer {
    let wanted = matches!(set, Set::Inside(_));
    match value {
        None if wanted => Answer::Unsure(format!("nothing says what {what}")),
        None => Answer::Yes(String::new()),
        Some(value) if listed == wanted => Answer::Yes(format!("{what} {value}")),
        Some(_) if confirmed => Answer::No,
        Some(value) => Answer::Unsure(format!(
            "{what} {value} by the name alone: no address confirms it"
        )),
    }
}

fn cloud(destination: &Destination) -> Option<Cloud> {
    destination.key.host.as_deref().and_then(cloud_of_name)
}

/// Age of the address data against the capture from which on location alone says nothing.
pub const GEO_STALE_DAYS: i64 = 3 * 365;

/// Days from the making of address data to the first capture; negative if the capture is older.
pub fn data_age_days(basis: &Basis<'_>, built: u64) -> Option<i64> {
    let built = Timestamp::from_nanos(i128::from(built) * i128::from(Timestamp::SECOND));
    let captured = basis
        .evidence
        .inputs
        .iter()
        .map(|i| i.first)
        .find(|t| *t != Timestamp::UNKNOWN)?;
    Some(captured.since(built)? / (86_400 * Timestamp::SECOND))
}

/// Address data too far from the capture to say where its addresses were.
fn stale(basis: &Basis<'_>) -> bool {
    basis
        .locator
        .databases()
        .iter()
        .any(|db| data_age_days(basis, db.built).is_some_and(|d| d.abs() > GEO_STALE_DAYS))
}

/// The operator of the address data and the provider of the name are one company.
fn same_company(provider: &str, operator: &str) -> bool {
    provider == operator
        || matches!(
            (provider, operator),
            ("aws", "amazon") | ("azure", "microsoft")
        )
}

/// Whether a value fits a set.
fn fits(value: &str, set: &Set) -> bool {
    set.values().iter().any(|v| v == value) == matches!(set, Set::Inside(_))
}

/// Whether the place of a destination fits.
pub fn place(destination: &Destination, set: &Set, basis: &Basis<'_>) -> Answer {
    let place = destination.place.as_ref();
    if let Some(cloud) = cloud(destination)
        && let Some(country) = &cloud.country
    {
        let said = match &cloud.region {
            Some(region) => format!("region {region}, in {country}"),
            None => format!("a part of {} that is in {country} alone", cloud.provider),
        };
        if fits(country, set) {
            return Answer::Yes(format!("the host name says {said}"));
        }
        // The address stands in a place that fits, by all data or by each of those that differ.
        let elsewhere = place.filter(|p| {
            matches!(p.confidence, Confidence::Agreed | Confidence::Conflict)
                && !p.candidates.is_empty()
                && p.candidates.iter().all(|c| fits(c, set))
        });
        if let Some(elsewhere) = elsewhere {
            return Answer::Unsure(format!(
                "the host name says {said}, and the address is in {} by the address data",
                elsewhere.candidates.join(" or ")
            ));
        }
        let agrees = place.is_some_and(|p| {
            p.candidates.contains(country)
                || p.operator
                    .as_deref()
                    .is_some_and(|o| same_company(&cloud.provider, o))
        });
        return if agrees {
            Answer::No
        } else {
            Answer::Unsure(format!(
                "the host name says {said}, and the address does not confirm it"
            ))
        };
    }
    let Some(place) = place else {
        let why = match destination.key.scope {
            Scope::Relayed => "a relay hides the address",
            _ => "no address data cover the address",
        };
        return Answer::Unsure(why.into());
    };
    // A delivery network answers from wherever is near; where the data go is not where it stands.
    let delivers = destination
        .key
        .host
        .as_deref()
        .and_then(|host| basis.catalog.lookup(host))
        .or_else(|| {
            destination
                .key
                .ip
                .and_then(|ip| basis.catalog.lookup_ip(ip))
        })
        .is_some_and(|host| host.role == "cdn");
    if delivers {
        return Answer::Unsure(
            "the host is a content delivery network's, which answers from many places".into(),
        );
    }
    if stale(basis) {
        return Answer::Unsure("the address data and the capture lie years apart".into());
    }
    let answers: Vec<bool> = place.candidates.iter().map(|c| fits(c, set)).collect();
    let candidates = place.candidates.join(", ");
    match place.confidence {
        Confidence::Agreed => match place.country.as_deref() {
            Some(country) if fits(country, set) => {
                Answer::Yes(format!("the address is in {country} by all address data"))
            }
            Some(_) => Answer::No,
            None => Answer::Unsure("no address data cover the address".into()),
        },
        Confidence::Conflict if !answers.is_empty() && answers.iter().all(|a| *a) => Answer::Yes(
            format!("the address is in one of {candidates} by the address data"),
        ),
        Confidence::Conflict if !answers.is_empty() && answers.iter().all(|a| !*a) => Answer::No,
        Confidence::Conflict => Answer::Unsure(format!("address data differ: {candidates}")),
        Confidence::Anycast => {
            Answer::Unsure("the address answers from many places (anycast)".into())
        }
        Confidence::Single => {
            Answer::Unsure(format!("only one source places the address: {candidates}"))
        }
        Confidence::Unknown => Answer::Unsure("no address data cover the address".into()),
    }
}

/// Whether the provider of a destination fits; which evidence says so stands in the answer.
pub fn provider(destination: &Destination, set: &Set) -> Answer {
    let by_name = cloud(destination).map(|c| c.provider);
    let place = destination.place.as_ref();
    let by_address = place.and_then(|p| match (&p.operator, p.asn) {
        (Some(operator), _) => Some(operator.clone()),
        (None, Some(asn)) => Some(match &p.organisation {
            Some(organisation) => format!("AS{asn} ({organisation})"),
            None => format!("AS{asn}"),
        }),
        (None, None) => None,
    });
    match (by_name, by_address) {
        (Some(name), _) if fits(&name, set) => Answer::Yes(format!("the host name says {name}")),
        (Some(name), Some(address)) if fits(&address, set) => Answer::Unsure(format!(
            "the host name says {name}, and the address belongs to {address}"
        )),
        (None, Some(address)) if fits(&address, set) => {
            Answer::Yes(format!("the address belongs to {address}"))
        }
        (_, Some(_)) => Answer::No,
        (Some(name), None) => Answer::Unsure(format!(
            "the host name says {name}, and no address confirms it"
        )),
        (None, None) => {
            Answer::Unsure("neither name nor address says whose servers these are".into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inside(values: &[&str]) -> Set {
        Set::Inside(values.iter().map(|v| (*v).to_owned()).collect())
    }

    #[test]
    fn doubt_outlives_agreement_and_a_sure_no_outlives_doubt() {
        let yes = || Answer::Yes("a".into());
        let unsure = || Answer::Unsure("b".into());
        assert_eq!(yes().and(unsure()), unsure());
        assert_eq!(unsure().and(Answer::No), Answer::No);
        assert_eq!(
            yes().and(Answer::Yes("c".into())),
            Answer::Yes("a; c".into())
        );
    }

    #[test]
    fn a_name_makes_a_condition_hold_and_only_with_the_address_fail() {
        let told = |value: Option<&str>, set: &Set, confirmed| {
            let listed = value.is_some_and(|v| set.values().iter().any(|own| own == v));
            known(value, listed, set, "the role is", confirmed)
        };
        let (within, outside) = (inside(&["CN"]), Set::Outside(vec!["CN".into()]));
        for confirmed in [false, true] {
            assert!(matches!(told(None, &within, confirmed), Answer::Unsure(_)));
            assert_eq!(told(None, &outside, confirmed), Answer::Yes(String::new()));
            let yes = Answer::Yes("the role is CN".into());
            assert_eq!(told(Some("CN"), &within, confirmed), yes);
        }
        for (value, set) in [("US", &within), ("CN", &outside)] {
            assert!(matches!(told(Some(value), set, false), Answer::Unsure(_)));
            assert_eq!(told(Some(value), set, true), Answer::No);
        }
    }
}
