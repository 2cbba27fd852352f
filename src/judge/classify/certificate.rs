//! Whose a server is by its certificate alone.
//!
//! A certificate of TLS up to 1.2 lists every name that it serves (RFC 5280 §4.2.1.6), and content
//! networks put those of unrelated customers into one. It does not say which of them was asked for: one
//! that most names agree on speaks, and else nobody's does, whatever its place in the list or the
//! alphabet.

use super::catalog::{Catalog, RoleAttribution};
use crate::evidence::flow::Named;
use std::collections::BTreeMap;

/// The name that stands for the certificate: the one that accuses most of those of the owner to whom
/// more than half of the names belong.
pub(super) fn owner<'n>(
    names: impl Iterator<Item = &'n Named>,
    catalog: &Catalog,
) -> Option<&'n Named> {
    let mut owners: BTreeMap<Owner<'_>, Vec<&Named>> = BTreeMap::new();
    let mut all = 0usize;
    for named in names {
        all = all.saturating_add(1);
        owners
            .entry(Owner::of(&named.name, catalog))
            .or_default()
            .push(named);
    }
    let most = owners
        .into_values()
        .find(|of| of.len().saturating_mul(2) > all)?;
    most.into_iter().max_by_key(|named| {
        (
            accuses(&named.name, catalog),
            std::cmp::Reverse(&named.name),
        )
    })
}

fn plain(name: &str) -> &str {
    name.strip_prefix("*.").unwrap_or(name)
}

fn accuses(name: &str, catalog: &Catalog) -> bool {
    catalog
        .lookup(plain(name))
        .is_some_and(|host| host.attribution == RoleAttribution::Vendor)
}

/// Who a name belongs to: its owner in the catalog, else the domain that it lies in.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Owner<'n> {
    Known(String),
    Domain(&'n str),
}

impl<'n> Owner<'n> {
    fn of(name: &'n str, catalog: &Catalog) -> Self {
        let name = plain(name);
        match catalog.lookup(name) {
            Some(host) => Self::Known(host.owner.to_string()),
            None => Self::Domain(domain(name)),
        }
    }
}

/// The part of a name that one owner has registered, as far as it can be told without a list of all
/// registries: two labels, or three below a country's short second level (`co.uk`, `com.cn`).
fn domain(name: &str) -> &str {
    const SHORT: usize = 3;
    let mut from_end = name.rsplit('.');
    let (last, second) = (from_end.next(), from_end.next());
    let below = |count: usize| {
        let mut dots = name.rmatch_indices('.').map(|(at, _)| at);
        dots.nth(count.saturating_sub(1))
            .and_then(|at| name.get(at.saturating_add(1)..))
            .unwrap_or(name)
    };
    match (last, second) {
        (Some(country), Some(second)) if country.len() == 2 && second.len() <= SHORT => below(3),
        _ => below(2),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::flow::NameSource;

    fn named(names: &[&str]) -> Vec<Named> {
        names
            .iter()
            .map(|name| Named {
                name: (*name).into(),
                source: NameSource::Certificate,
            })
            .collect()
    }

    #[test]
    fn of_an_owners_names_the_one_that_accuses_speaks() {
        let mut catalog = Catalog::embedded().clone();
        let rows = [
            "a.example.org\tsuffix\tMaker\tcdn",
            "z.example.org\tsuffix\tMaker\tvendor-backend",
        ];
        let rows = rows.map(|row| format!("{row}\tCN\t\t\t\tdeclared\tby hand\n"));
        catalog.extend(&rows.concat(), "by-hand.tsv").unwrap();
        for names in [
            ["a.example.org", "z.example.org"],
            ["a.example.org", "*.z.example.org"],
        ] {
            let names = named(&names);
            assert_eq!(owner(names.iter(), &catalog), Some(&names[1]));
        }
    }

    #[test]
    fn most_names_of_a_certificate_speak_and_no_alphabet() {
        let catalog = Catalog::embedded();
        for (names, speaks) in [
            (&["www.dji.com"][..], Some("www.dji.com")),
            (&["a.example.org", "www.dji.com"], None),
            (&["www.dji.com", "zoo.example.org"], None),
            (
                &["a.example.org", "www.dji.com", "flysafe-api.dji.com"],
                Some("flysafe-api.dji.com"),
            ),
            (
                &["b.example.co.uk", "a.example.co.uk"],
                Some("a.example.co.uk"),
            ),
            (&["a.one.co.uk", "a.two.co.uk"], None),
            // Four letters are a name that somebody registered, and so are those in front of a top level of three.
            (&["a.info.uk", "b.info.uk"], Some("a.info.uk")),
            (&["a.info.uk", "b.blog.uk"], None),
            (&["one.co.com", "two.co.com"], Some("one.co.com")),
            (&["a.one.net.uk", "a.two.net.uk"], None),
            // The one that accuses most, and else the first of the alphabet.
            (&["zoo.dji.com", "www.dji.com"], Some("www.dji.com")),
            (&["b.example.org", "a.example.org"], Some("a.example.org")),
        ] {
            let names = named(names);
            let found = owner(names.iter(), catalog).map(|n| &*n.name);
            assert_eq!(found, speaks, "{names:?}");
        }
    }
}
