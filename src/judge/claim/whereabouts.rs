//! Where traffic went and whose servers those are, as far as it can be said.
//!
//! Two kinds of evidence: what the host name asserts (cloud and region), and what address data hold
//! (country, operator). A region in the name outranks the address data for accusing; to take
//! traffic off the list the address has to agree, for the name is the audited side's word. Address
//! data are sure only where the sources agree; anycast, content delivery networks, conflicting and
//! single sources leave the place unsure (contract, "Claims that ship", "The JSON report").

use super::definition::Set;
use super::fact::{Fact, Property, SaidPlace};
use crate::ground::moment::Timestamp;
use crate::judge::classify::destination::Destination;
use crate::judge::classify::{Basis, Scope};
use crate::judge::locate::Confidence;
use crate::judge::locate::cloud::{Cloud, cloud_of_name};

/// Whether a condition holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// It holds; why.
    Yes(Vec<Fact>),
    /// It does not hold, and that is sure.
    No,
    /// It cannot be said; why.
    Unsure(Fact),
}

impl Answer {
    /// Both hold: a sure no decides, then doubt.
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::No, _) | (_, Self::No) => Self::No,
            (Self::Unsure(a), _) | (_, Self::Unsure(a)) => Self::Unsure(a),
            (Self::Yes(mut a), Self::Yes(b)) => {
                a.extend(b);
                Self::Yes(a)
            }
        }
    }
}

/// A condition on what a name says: owner, role, jurisdiction, host. The name is the audited side's
/// word, so that it may make a condition hold that accuses; that it does not hold is sure only where
/// the address confirms the name, and never of traffic without one.
pub fn known(
    value: Option<&str>,
    listed: bool,
    set: &Set,
    what: Property,
    confirmed: bool,
) -> Answer {
    let wanted = matches!(set, Set::Inside(_));
    match value {
        None if wanted => Answer::Unsure(Fact::Untold(what)),
        None => Answer::Yes(Vec::new()),
        Some(value) if listed == wanted => yes(Fact::Named(what, value.to_owned())),
        Some(_) if confirmed => Answer::No,
        Some(value) => Answer::Unsure(Fact::NamedAlone(what, value.to_owned())),
    }
}

fn yes(fact: Fact) -> Answer {
    Answer::Yes(vec![fact])
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
    let databases = basis.locator.databases();
    any_stale(databases.iter().map(|db| data_age_days(basis, db.built)))
}

/// By the ages of all of them: one is enough, for a place is what they say together.
fn any_stale(mut ages: impl Iterator<Item = Option<i64>>) -> bool {
    ages.any(|age| age.is_some_and(|days| days.abs() > GEO_STALE_DAYS))
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
        let said = SaidPlace {
            provider: cloud.provider.clone(),
            region: cloud.region.clone(),
            country: country.clone(),
        };
        if fits(country, set) {
            return yes(Fact::NameInPlace(said));
        }
        // The address stands in a place that fits, by all data or by each of those that differ.
        let elsewhere = place.filter(|p| {
            matches!(p.confidence, Confidence::Agreed | Confidence::Conflict)
                && !p.candidates.is_empty()
                && p.candidates.iter().all(|c| fits(c, set))
        });
        if let Some(elsewhere) = elsewhere {
            return Answer::Unsure(Fact::NameInPlaceButAddress(
                said,
                elsewhere.candidates.clone(),
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
            Answer::Unsure(Fact::NameInPlaceAlone(said))
        };
    }
    let Some(place) = place else {
        return Answer::Unsure(match destination.key.scope {
            Scope::Relayed => Fact::RelayHidesAddress,
            Scope::Internet | Scope::Local => Fact::AddressUnknown,
        });
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
        return Answer::Unsure(Fact::DeliveryNetwork);
    }
    if stale(basis) {
        return Answer::Unsure(Fact::AddressDataStale);
    }
    let answers: Vec<bool> = place.candidates.iter().map(|c| fits(c, set)).collect();
    let candidates = || place.candidates.clone();
    match place.confidence {
        Confidence::Agreed => match place.country.as_deref() {
            Some(country) if fits(country, set) => yes(Fact::AddressIn(country.to_owned())),
            Some(_) => Answer::No,
            None => Answer::Unsure(Fact::AddressUnknown),
        },
        Confidence::Conflict if !answers.is_empty() && answers.iter().all(|a| *a) => {
            yes(Fact::AddressInOneOf(candidates()))
        }
        Confidence::Conflict if !answers.is_empty() && answers.iter().all(|a| !*a) => Answer::No,
        Confidence::Conflict => Answer::Unsure(Fact::AddressDataDiffer(candidates())),
        Confidence::Anycast => Answer::Unsure(Fact::Anycast),
        Confidence::Single => Answer::Unsure(Fact::OneSource(candidates())),
        Confidence::Unknown => Answer::Unsure(Fact::AddressUnknown),
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
        (Some(name), _) if fits(&name, set) => yes(Fact::NameOfProvider(name)),
        (Some(name), Some(address)) if fits(&address, set) => {
            Answer::Unsure(Fact::NameOfProviderButAddress(name, address))
        }
        (None, Some(address)) if fits(&address, set) => yes(Fact::AddressOfOperator(address)),
        (_, Some(_)) => Answer::No,
        (Some(name), None) => Answer::Unsure(Fact::NameOfProviderAlone(name)),
        (None, None) => Answer::Unsure(Fact::ProviderUntold),
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
        let yes = || Answer::Yes(vec![Fact::Anycast]);
        let unsure = || Answer::Unsure(Fact::AddressUnknown);
        assert_eq!(yes().and(unsure()), unsure());
        assert_eq!(unsure().and(Answer::No), Answer::No);
        assert_eq!(
            yes().and(Answer::Yes(vec![Fact::ProviderUntold])),
            Answer::Yes(vec![Fact::Anycast, Fact::ProviderUntold])
        );
    }

    #[test]
    fn a_name_makes_a_condition_hold_and_only_with_the_address_fail() {
        let told = |value: Option<&str>, set: &Set, confirmed| {
            let listed = value.is_some_and(|v| set.values().iter().any(|own| own == v));
            known(value, listed, set, Property::Role, confirmed)
        };
        let (within, outside) = (inside(&["CN"]), Set::Outside(vec!["CN".into()]));
        for confirmed in [false, true] {
            assert!(matches!(told(None, &within, confirmed), Answer::Unsure(_)));
            assert_eq!(told(None, &outside, confirmed), Answer::Yes(Vec::new()));
            let yes = yes(Fact::Named(Property::Role, "CN".to_owned()));
            assert_eq!(told(Some("CN"), &within, confirmed), yes);
        }
        for (value, set) in [("US", &within), ("CN", &outside)] {
            assert!(matches!(told(Some(value), set, false), Answer::Unsure(_)));
            assert_eq!(told(Some(value), set, true), Answer::No);
        }
    }

    #[test]
    fn one_of_several_databases_is_enough_to_be_too_old() {
        let (young, old) = (Some(GEO_STALE_DAYS), Some(-GEO_STALE_DAYS - 1));
        assert!(any_stale([young, old].into_iter()));
        assert!(!any_stale([young, None].into_iter()));
    }
}
