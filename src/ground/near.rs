//! Which known ids an unknown one was perhaps meant to be.

use strsim::levenshtein;

/// Ids named at most: a choice, not the list again.
const NAMED_MAX: usize = 3;
/// A part of an id has to have so many letters to count as one.
const PART_MIN: usize = 3;

/// The ids that are closest to `wanted`, best first: mistyped, differently written, or containing it.
pub(crate) fn near<'a>(wanted: &str, known: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    /// Letters per edit that a name may be mistyped by.
    const LETTERS_PER_EDIT: usize = 3;
    /// Longer input is no mistyped id, and comparing it would cost for nothing.
    const WANTED_MAX: usize = 64;
    let wanted = wanted.to_lowercase().replace([' ', '_'], "-");
    if wanted.len() > WANTED_MAX {
        return Vec::new();
    }
    let allowed = (wanted.chars().count() / LETTERS_PER_EDIT).max(1);
    let mut found: Vec<(usize, &str)> = known
        .filter_map(|id| {
            let plain = id.replace('_', "-");
            let edits = levenshtein(&wanted, &plain);
            let part = wanted.len() >= PART_MIN && plain.contains(&wanted);
            (edits <= allowed || part).then_some((if part { edits.min(1) } else { edits }, id))
        })
        .collect();
    found.sort_unstable();
    found.dedup();
    // Beside a near hit far ones would only distract.
    let best = found.first().map_or(0, |(edits, _)| *edits);
    found.retain(|(edits, _)| *edits <= best.saturating_add(1));
    found
        .into_iter()
        .map(|(_, id)| id)
        .take(NAMED_MAX)
        .collect()
}

/// The question whether one of them was meant; `None` if none is close.
pub(crate) fn meant<'a>(wanted: &str, known: impl Iterator<Item = &'a str>) -> Option<String> {
    match near(wanted, known).as_slice() {
        [] => None,
        [only] => Some(format!("did you mean '{only}'?")),
        [first @ .., last] => Some(format!(
            "did you mean '{}' or '{last}'?",
            first.join("', '")
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const IDS: [&str; 8] = [
        "kernel-drops",
        "drops-unknown",
        "too-short",
        "not_ip",
        "tls-sni",
        "dtls-sni",
        "app",
        "unknown",
    ];

    fn of(wanted: &str) -> Vec<&'static str> {
        near(wanted, IDS.into_iter())
    }

    #[test]
    fn mistyped_ids_and_parts_of_ids_are_found() {
        assert_eq!(of("kernel-drop"), ["kernel-drops"]);
        assert_eq!(of("kenrel-drops"), ["kernel-drops"]);
        assert_eq!(of("Too Short"), ["too-short"]);
        assert_eq!(of("NOT-IP"), ["not_ip"]);
        assert_eq!(of("drops"), ["drops-unknown", "kernel-drops"]);
        assert_eq!(of("tls"), ["dtls-sni", "tls-sni"]);
        assert_eq!(of("unknwon"), ["unknown"]);
        assert_eq!(
            meant("drops", IDS.into_iter()).as_deref(),
            Some("did you mean 'drops-unknown' or 'kernel-drops'?")
        );
        assert_eq!(meant("zzz", IDS.into_iter()), None);
        assert!(of("zzz").is_empty() && of("").is_empty());
        assert!(of(&"a".repeat(1_000_000)).is_empty());
    }
}
