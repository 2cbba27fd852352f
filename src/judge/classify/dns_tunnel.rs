//! Lookups that carry data: many names under one domain, each with long labels that were never seen before.
//!
//! Programs that pass data through DNS (iodine, dnscat2 and others) write it into the labels of names under a domain whose server they run;
//! any resolver passes it on. Recognised by number and length alone, so that no encoding escapes by its alphabet. Some programs of good
//! repute do the same (reputation services of virus scanners): it is data that goes out either way. Says nothing about what the data is.

use crate::ground::public_name::is_public_name;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Different names under one domain. A page of a shop or a cloud console asks for a handful of long names under one domain; a tunnel needs a
/// new name for every packet.
const NAMES_MIN: usize = 16;

/// Bytes in front of the domain, dots left out, from which a name may carry data. Generated host names of clouds have 20 to 35 of them;
/// a tunnel that used less would need thousands of names.
const DATA_MIN: usize = 40;

/// Length of the longest label in front of the domain. Long names of hosts are made of many short words; encoded data fills its labels.
const LABEL_MIN: usize = 32;

/// The same for names that carry little each: as many, with a first label of letters and digits mixed. Clouds name machines so, a few of
/// them at a time; a tunnel needs hundreds.
const SHORT_NAMES_MIN: usize = 96;
const SHORT_LABEL_MIN: usize = 16;
const DIGITS_MIN: usize = 3;

/// A domain through which data was passed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tunnel {
    /// The domain.
    pub domain: String,
    /// Names that carried data.
    pub names: BTreeSet<Arc<str>>,
    /// Bytes of their labels, the domain and dots left out. Encoded: what they stand for is five to eight bits a byte.
    pub bytes: usize,
}

/// The domains under which these names carry data, by name.
pub fn seen(names: &BTreeSet<Arc<str>>) -> Vec<Tunnel> {
    let mut domains: BTreeMap<(&str, Shape), Tunnel> = BTreeMap::new();
    for name in names {
        let Some((labels, domain)) = split(name) else {
            continue;
        };
        let shape = match shape(labels) {
            Some(shape) if is_public_name(name) => shape,
            _ => continue,
        };
        let bytes = labels.bytes().filter(|b| *b != b'.').count();
        let tunnel = domains.entry((domain, shape)).or_insert_with(|| Tunnel {
            domain: domain.to_owned(),
            names: BTreeSet::new(),
            bytes: 0,
        });
        tunnel.names.insert(Arc::clone(name));
        tunnel.bytes = tunnel.bytes.saturating_add(bytes);
    }
    let mut found: BTreeMap<&str, Tunnel> = BTreeMap::new();
    for ((domain, shape), tunnel) in domains {
        let least = match shape {
            Shape::Long => NAMES_MIN,
            Shape::Short => SHORT_NAMES_MIN,
        };
        if tunnel.names.len() < least {
            continue;
        }
        match found.get_mut(domain) {
            Some(have) => {
                have.names.extend(tunnel.names);
                have.bytes = have.bytes.saturating_add(tunnel.bytes);
            }
            None => {
                found.insert(domain, tunnel);
            }
        }
    }
    found.into_values().collect()
}

/// How labels could carry data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Shape {
    /// Much in each name.
    Long,
    /// Little in each, and no words.
    Short,
}

fn shape(labels: &str) -> Option<Shape> {
    let bytes = labels.bytes().filter(|b| *b != b'.').count();
    let longest = labels.split('.').map(str::len).max().unwrap_or(0);
    if bytes >= DATA_MIN && longest >= LABEL_MIN {
        return Some(Shape::Long);
    }
    let first = labels.split('.').next().unwrap_or_default();
    let digits = first.bytes().filter(u8::is_ascii_digit).count();
    let encoded = first.len() >= SHORT_LABEL_MIN
        && first.bytes().all(|b| b.is_ascii_alphanumeric())
        && digits >= DIGITS_MIN
        && digits < first.len();
    encoded.then_some(Shape::Short)
}

/// True if this one name has the shape of one that carries data.
pub fn carries_data(name: &str) -> bool {
    split(name).is_some_and(|(labels, _)| shape(labels) == Some(Shape::Long))
}

/// What stands in front of a registered domain, and the domain: two labels, or three below a country with categories of two or three
/// letters. Reverse names are made of addresses and carry none.
fn split(name: &str) -> Option<(&str, &str)> {
    let mut dots = name.rmatch_indices('.').map(|(at, _)| at);
    let (top, second) = (dots.next()?, dots.next()?);
    let top_label = name.get(top.checked_add(1)?..)?;
    let second_label = name.get(second.checked_add(1)?..top)?;
    if top_label == "arpa" || (top_label, second_label) == ("int", "ip6") {
        return None;
    }
    let cut = if top_label.len() == 2 && second_label.len() <= 3 {
        dots.next()?
    } else {
        second
    };
    Some((name.get(..cut)?, name.get(cut.checked_add(1)?..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(count: usize, name: impl Fn(usize) -> String) -> BTreeSet<Arc<str>> {
        (0..count).map(|n| Arc::from(name(n).as_str())).collect()
    }

    #[test]
    fn data_in_labels_is_told_from_long_host_names() {
        let label = "a7".repeat(20);
        let data = |domain: &'static str| {
            let label = label.clone();
            move |n: usize| format!("{n:04}{label}.{domain}")
        };
        let found = seen(&names(20, data("t.example.com")));
        assert_eq!(found.len(), 1);
        assert!(
            found
                .iter()
                .all(|t| t.domain == "example.com" && t.names.len() == 20 && t.bytes == 20 * 45)
        );
        assert_eq!(
            seen(&names(20, data("evil.co.uk")))
                .first()
                .map(|t| t.domain.as_str()),
            Some("evil.co.uk")
        );
        assert_eq!(
            seen(&names(NAMES_MIN - 1, data("example.com"))),
            [],
            "too few"
        );
        assert_eq!(seen(&names(NAMES_MIN, data("example.com"))).len(), 1);
        let long_but_few_bytes = |n: usize| format!("{n:035}.example.com");
        assert_eq!(seen(&names(100, long_but_few_bytes)), [], "too short");
        let words = |n: usize| {
            format!("service-{n}.internal-balancer.us-west-2.elb.production.cloud.example")
        };
        assert_eq!(seen(&names(100, words)), [], "words");
        let few = |n: usize| format!("{n:04}a.example.com");
        assert_eq!(seen(&names(100, few)), [], "few letters");
        let local = data("printers.local");
        assert_eq!(seen(&names(100, local)), [], "does not leave the site");
        let reverse =
            |n: usize| format!("{}{:x}.8.b.d.0.1.0.0.2.ip6.arpa", "0.".repeat(23), n % 16);
        assert_eq!(seen(&names(100, reverse)), []);
    }

    #[test]
    fn the_shape_of_labels_begins_at_its_bounds() {
        let long = |label: usize, rest: usize| {
            let rest = "c".repeat(rest);
            shape(&format!("{}.{rest}", "a".repeat(label)))
        };
        assert_eq!(long(LABEL_MIN, DATA_MIN - LABEL_MIN), Some(Shape::Long));
        assert_eq!(long(LABEL_MIN, DATA_MIN - LABEL_MIN - 1), None);
        let labels = |each: usize| vec!["a".repeat(each); DATA_MIN].join(".");
        assert_eq!(shape(&labels(LABEL_MIN)), Some(Shape::Long));
        assert_eq!(shape(&labels(LABEL_MIN - 1)), None);
        let short = |digits: usize, length: usize| {
            shape(&format!(
                "{}{}",
                "7".repeat(digits),
                "a".repeat(length - digits)
            ))
        };
        assert_eq!(short(DIGITS_MIN, SHORT_LABEL_MIN), Some(Shape::Short));
        assert_eq!(short(DIGITS_MIN - 1, SHORT_LABEL_MIN), None);
        assert_eq!(short(DIGITS_MIN, SHORT_LABEL_MIN - 1), None);
        // A number is an address, a day or a counter.
        assert_eq!(short(SHORT_LABEL_MIN, SHORT_LABEL_MIN), None);
        assert_eq!(
            short(SHORT_LABEL_MIN - 1, SHORT_LABEL_MIN),
            Some(Shape::Short)
        );
        let word = format!("{}-b", "7a".repeat(SHORT_LABEL_MIN));
        assert_eq!(shape(&word), None, "no digits of an encoding");
    }

    #[test]
    fn reverse_names_carry_nothing_and_a_domain_is_what_somebody_registers() {
        for (name, parts) in [
            ("1.2.0.192.in-addr.arpa", None),
            ("1.0.ip6.int", None),
            ("a.b.other.int", Some(("a.b", "other.int"))),
            ("a.b.ip6.com", Some(("a.b", "ip6.com"))),
            ("a.example.co.uk", Some(("a", "example.co.uk"))),
            ("a.example.uk", Some(("a", "example.uk"))),
            ("a.b.abc.uk", Some(("a", "b.abc.uk"))),
            ("a.b.abcd.uk", Some(("a.b", "abcd.uk"))),
            ("example.com", None),
        ] {
            assert_eq!(split(name), parts, "{name}");
        }
        let data = "a7".repeat(DATA_MIN);
        assert!(carries_data(&format!("{data}.example.com")));
        for name in ["1.0.ip6.arpa", "example.com", "com", &format!("{data}.com")] {
            assert!(!carries_data(name), "{name}");
        }
    }
}
