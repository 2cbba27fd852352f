//! Networks that answer from many places at once (RFC 4786): a reviewed list, `anycast.tsv`.
//!
//! For such an address a database names some place, often the registrant's; which machine answered
//! cannot be told from the address. A network that is missing here is not thereby unicast.

use std::net::IpAddr;
use std::sync::LazyLock;

use super::network::{Network, number, rows};

/// `network`, `operator`, `source` per row.
static LIST: &str = include_str!("anycast.tsv");

/// Sorted, non-overlapping ranges per family.
struct Ranges {
    v4: Vec<(u128, u128)>,
    v6: Vec<(u128, u128)>,
}

static RANGES: LazyLock<Ranges> = LazyLock::new(|| {
    let (v6, v4): (Vec<_>, Vec<_>) = rows(LIST)
        .filter_map(|row| Network::parse(row.split('\t').next()?))
        .partition(|network| network.v6);
    Ranges {
        v4: merged(v4),
        v6: merged(v6),
    }
});

/// Sorts and joins ranges, so that one binary search answers even where rows nest.
fn merged(mut networks: Vec<Network>) -> Vec<(u128, u128)> {
    networks.sort_unstable_by_key(|network| network.first);
    let mut ranges: Vec<(u128, u128)> = Vec::with_capacity(networks.len());
    for network in networks {
        match ranges.last_mut() {
            Some((_, last)) if network.first <= last.saturating_add(1) => {
                *last = network.last.max(*last);
            }
            _ => ranges.push((network.first, network.last)),
        }
    }
    ranges
}

/// Whether the address lies in a network of the list.
pub fn contains(ip: IpAddr) -> bool {
    let ranges = if ip.is_ipv6() { &RANGES.v6 } else { &RANGES.v4 };
    let wanted = number(ip);
    let after = ranges.partition_point(|(first, _)| *first <= wanted);
    after
        .checked_sub(1)
        .and_then(|index| ranges.get(index))
        .is_some_and(|(_, last)| wanted <= *last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_a_network_with_an_operator_and_a_source() {
        let mut networks: Vec<&str> = Vec::new();
        for row in rows(LIST) {
            let columns: Vec<&str> = row.split('\t').collect();
            assert_eq!(columns.len(), 3, "{row}");
            assert!(Network::parse(columns[0]).is_some(), "{row}");
            assert!(!columns[1].is_empty() && columns[2].len() > 10, "{row}");
            networks.push(columns[0]);
        }
        assert!(networks.len() > 300);
        let count = networks.len();
        networks.sort_unstable();
        networks.dedup();
        assert_eq!(networks.len(), count, "a network stands twice");
    }

    /// The merged ranges must answer as a walk over all rows does, at and around every edge.
    #[test]
    fn lookup_agrees_with_the_rows_at_every_edge() {
        let networks: Vec<Network> = rows(LIST)
            .map(|row| Network::parse(row.split('\t').next().unwrap()).unwrap())
            .collect();
        for network in &networks {
            let edges = [
                network.first.wrapping_sub(1),
                network.first,
                network.last,
                network.last.wrapping_add(1),
            ];
            for edge in edges {
                let ip = if network.v6 {
                    IpAddr::V6(edge.into())
                } else if let Ok(bits) = u32::try_from(edge) {
                    IpAddr::V4(bits.into())
                } else {
                    continue;
                };
                let expected = networks.iter().any(|other| other.contains(ip));
                assert_eq!(contains(ip), expected, "{ip}");
            }
        }
    }

    #[test]
    fn known_networks_and_their_neighbours() {
        for (ip, expected) in [
            ("1.1.1.1", true),
            ("1.1.2.1", false),
            ("8.8.8.8", true),
            ("8.8.9.0", false),
            ("9.9.9.9", true),
            ("104.15.255.255", false),
            ("104.16.0.0", true),
            ("104.27.255.255", true),
            ("104.28.0.0", false),
            ("2606:4700:4700::1111", true),
            ("2606:4701::1", false),
            // CloudFront's networks inside China have a place and must keep it.
            ("120.52.22.97", false),
            ("52.82.128.1", false),
            ("142.250.72.3", false),
            ("192.0.2.1", false),
        ] {
            assert_eq!(contains(ip.parse().unwrap()), expected, "{ip}");
        }
    }
}
