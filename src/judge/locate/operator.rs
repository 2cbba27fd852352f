//! Who runs an autonomous system: a reviewed list, `operators.tsv`.
//!
//! A row names one AS, or part of one where an operator mixes its own services with rented
//! addresses (Google's AS15169 carries both). Names are checked against the AS data by the
//! generator. Says who announces an address; with tenants it does not say whose service answers.

use std::net::IpAddr;
use std::sync::LazyLock;

use super::network::{Network, rows};

/// `asn`, `network` or `-`, `operator`, `organisation`, `tenants`, `reason` per row.
static LIST: &str = include_str!("operators.tsv");

/// One row of the list.
#[derive(Debug)]
pub struct Operator {
    /// Stable id, such as `google`.
    pub id: &'static str,
    /// Whether customers rent or share the addresses.
    pub tenants: bool,
    /// The AS the row is about.
    pub asn: u32,
    /// Registrant of the AS, as the AS data spells it.
    pub organisation: &'static str,
    /// The part of the AS the row is about; none for all of it.
    network: Option<Network>,
}

static OPERATORS: LazyLock<Vec<Operator>> = LazyLock::new(|| {
    let mut list: Vec<Operator> = rows(LIST).filter_map(parse).collect();
    // Narrow rows come before the row of the whole AS, so the first hit is the right one.
    list.sort_by_key(|row| (row.asn, row.network.is_none()));
    list
});

/// Reads one row; none when it is malformed.
fn parse(row: &'static str) -> Option<Operator> {
    let mut columns = row.split('\t');
    let asn = columns.next()?.parse().ok()?;
    let network = match columns.next()? {
        "-" => None,
        text => Some(Network::parse(text)?),
    };
    let id = columns.next()?;
    let organisation = columns.next()?;
    let tenants = match columns.next()? {
        "yes" => true,
        "no" => false,
        _ => return None,
    };
    columns.next()?;
    Some(Operator {
        id,
        tenants,
        asn,
        organisation,
        network,
    })
}

/// The operator of an address that this AS announces.
pub fn operator(asn: u32, ip: IpAddr) -> Option<&'static Operator> {
    let start = OPERATORS.partition_point(|row| row.asn < asn);
    OPERATORS
        .get(start..)?
        .iter()
        .take_while(|row| row.asn == asn)
        .find(|row| row.network.is_none_or(|network| network.contains(ip)))
}

/// All rows, by AS.
pub fn operators() -> &'static [Operator] {
    &OPERATORS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_well_formed_and_no_row_is_repeated() {
        for row in rows(LIST) {
            assert!(parse(row).is_some(), "{row}");
            assert_eq!(row.split('\t').count(), 6, "{row}");
        }
        let mut whole: Vec<u32> = operators()
            .iter()
            .filter(|row| row.network.is_none())
            .map(|row| row.asn)
            .collect();
        let count = whole.len();
        whole.dedup();
        assert_eq!(whole.len(), count, "an AS stands twice");
        assert!(operators().iter().all(|row| {
            row.id
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        }));
    }

    #[test]
    fn rented_parts_of_google_are_not_google() {
        let find = |asn, ip: &str| operator(asn, ip.parse().unwrap()).map(|row| row.id);
        assert_eq!(find(15169, "142.250.72.3"), Some("google"));
        assert_eq!(find(15169, "2a00:1450:4001::1"), Some("google"));
        // us-central1 of Google Cloud, announced by the same AS.
        assert_eq!(find(15169, "35.208.0.1"), Some("google-cloud"));
        assert_eq!(find(396_982, "34.120.1.1"), Some("google-cloud"));
        assert_eq!(find(714, "17.253.144.10"), Some("apple"));
        assert_eq!(find(64500, "192.0.2.1"), None);
        assert_eq!(find(0, "192.0.2.1"), None);
        assert_eq!(find(u32::MAX, "192.0.2.1"), None);
    }
}
