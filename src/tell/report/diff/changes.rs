//! What counts as a change of something that both recordings show, and which change is news.

use super::{Asked, Change, Traffic};
use crate::judge::classify::Scope;
use crate::judge::classify::attribution::Attribution;
use std::fmt::Display;

/// Bytes out changed if one side sent at least this many times what the other did …
pub(super) const BYTES_FACTOR: u64 = 4;
/// … and at least so many more: the sizes from which traffic is upload-shaped (contract). Below
/// them two runs of the same app differ by chance.
pub(super) const BYTES_FLOOR: u64 = 64 << 10;

/// What an attribution does to a claim of silence.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Effect {
    Listed,
    Suspect,
    Contradicts,
}

fn effect(attribution: Attribution) -> Effect {
    match attribution {
        _ if attribution.accuses() => Effect::Contradicts,
        _ if attribution.is_suspect() => Effect::Suspect,
        _ => Effect::Listed,
    }
}

pub(super) fn change(id: &str, news: bool, text: impl Into<String>) -> Change {
    Change {
        id: id.to_owned(),
        text: text.into(),
        news,
    }
}

/// What differs between two views of one destination.
pub(super) fn of_traffic(before: &Traffic, after: &Traffic) -> Vec<Change> {
    let mut changes = Vec::new();
    if before.stage != after.stage {
        let rose = after.stage > before.stage;
        let word = if rose { "further" } else { "less far" };
        changes.push(change(
            "stage",
            rose,
            format!("went {word}: {}, before {}", after.stage, before.stage),
        ));
    }
    changes.extend(attribution(before.attribution, after.attribution));
    changes.extend(places(before, after));
    changes.extend(bytes(before.bytes_out, after.bytes_out));
    let further: Vec<&str> = missing(&before.addresses, &after.addresses);
    if !further.is_empty() {
        changes.push(change(
            "further-address",
            false,
            format!(
                "further address of the same operator: {}",
                further.join(", ")
            ),
        ));
    }
    if before.apps != after.apps {
        changes.push(change(
            "label",
            false,
            format!(
                "labelled {}, before {}",
                or_none(&after.apps),
                or_none(&before.apps)
            ),
        ));
    }
    changes
}

/// What differs between two views of one lookup.
pub(super) fn of_asked(before: &Asked, after: &Asked) -> Vec<Change> {
    let mut changes: Vec<Change> = attribution(before.attribution, after.attribution)
        .into_iter()
        .collect();
    if before.scopes != after.scopes {
        let beyond = |asked: &Asked| asked.scopes.contains(&Scope::Internet);
        changes.push(change(
            "scope",
            beyond(after) && !beyond(before),
            format!(
                "asked of a resolver in scope {}, before {}",
                or_none(&after.scopes),
                or_none(&before.scopes)
            ),
        ));
    }
    changes
}

fn attribution(before: Attribution, after: Attribution) -> Option<Change> {
    (before != after).then(|| {
        let worse = effect(after) > effect(before);
        change(
            "attribution",
            worse,
            format!("attributed to {after}, before to {before}"),
        )
    })
}

fn places(before: &Traffic, after: &Traffic) -> Option<Change> {
    if (&before.countries, &before.regions) == (&after.countries, &after.regions) {
        return None;
    }
    let shown = |traffic: &Traffic| {
        let all: Vec<String> = traffic
            .countries
            .iter()
            .chain(&traffic.regions)
            .cloned()
            .collect();
        if all.is_empty() {
            "no known place".to_owned()
        } else {
            all.join(", ")
        }
    };
    let added = !missing(&before.countries, &after.countries).is_empty()
        || !missing(&before.regions, &after.regions).is_empty();
    Some(change(
        "place",
        added,
        format!("place: {}, before {}", shown(after), shown(before)),
    ))
}

fn bytes(before: u64, after: u64) -> Option<Change> {
    let (less, more) = (before.min(after), before.max(after));
    let differ =
        more >= less.saturating_mul(BYTES_FACTOR) && more.saturating_sub(less) >= BYTES_FLOOR;
    differ.then(|| {
        let word = if after > before { "more" } else { "less" };
        change(
            "bytes-out",
            after > before,
            format!("sent much {word}: {after} bytes out, before {before}"),
        )
    })
}

/// What of `after` is not in `before`.
fn missing<'a>(before: &[String], after: &'a [String]) -> Vec<&'a str> {
    let new = after.iter().filter(|one| !before.contains(one));
    new.map(String::as_str).collect()
}

fn or_none(words: &[impl Display]) -> String {
    if words.is_empty() {
        return "none".to_owned();
    }
    let words: Vec<String> = words.iter().map(ToString::to_string).collect();
    words.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_change_by_factor_and_floor() {
        let news = |before, after| bytes(before, after).map(|c| c.news);
        assert_eq!(news(0, BYTES_FLOOR - 1), None);
        assert_eq!(news(0, BYTES_FLOOR), Some(true));
        assert_eq!(news(1_000_000, 3_999_999), None);
        assert_eq!(news(1_000_000, 4_000_000), Some(true));
        assert_eq!(news(4_000_000, 1_000_000), Some(false));
        assert_eq!(news(u64::MAX, u64::MAX), None);
        assert_eq!(news(0, 0), None);
    }
}
