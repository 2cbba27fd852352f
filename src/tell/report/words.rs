//! Words that several formats use alike: counts of verdicts, attributions, sizes, places, apps.

use super::v1::{App, Destination};

/// The verdict words in the order that decides over several: the worst first.
const VERDICTS: [&str; 3] = ["contradicted", "inconclusive", "consistent"];

/// `1 contradicted, 2 consistent`.
pub(in crate::tell::report) fn tally<'a>(
    verdicts: impl Iterator<Item = &'a str> + Clone,
) -> String {
    let counts = VERDICTS.iter().filter_map(|verdict| {
        let count = verdicts.clone().filter(|have| have == verdict).count();
        (count > 0).then(|| format!("{count} {verdict}"))
    });
    counts.collect::<Vec<_>>().join(", ")
}

/// The attributions, what accuses first, and what each rests on.
pub(in crate::tell::report) const ATTRIBUTIONS: [(&str, &str); 8] = [
    (
        "app",
        "labelled with the app under audit, or from the device under audit",
    ),
    ("vendor", "the name belongs to the drone vendor"),
    ("unknown", "nothing explains it"),
    (
        "third-party",
        "the name belongs to an SDK or a service known from drone apps",
    ),
    ("shared", "a platform that the phone and other apps use too"),
    ("other-app", "labelled with another app"),
    (
        "other-device",
        "another machine than the device under audit",
    ),
    ("os", "background traffic of the phone itself"),
];

/// What an attribution rests on; nothing for one that is not known here.
pub(in crate::tell::report) fn because(attribution: &str) -> &'static str {
    let known = ATTRIBUTIONS.iter().find(|(id, _)| *id == attribution);
    known.map_or("", |(_, because)| because)
}

/// Place of an attribution among the others; one that is not known here comes last.
pub(in crate::tell::report) fn rank(attribution: &str) -> usize {
    position(ATTRIBUTIONS.iter().map(|(id, _)| *id), attribution)
}

/// Stages, strongest first.
const STAGES: [&str; 5] = [
    "transferred",
    "connected",
    "attempted",
    "lookup",
    "unsolicited",
];

/// Place of a stage among the others, the strongest first.
pub(in crate::tell::report) fn stage_rank(stage: &str) -> usize {
    position(STAGES.into_iter(), stage)
}

fn position(mut known: impl Iterator<Item = &'static str>, word: &str) -> usize {
    known.position(|id| id == word).unwrap_or(usize::MAX)
}

/// Splits rows by attribution, in the order of [`rank`].
pub(in crate::tell::report) fn by_attribution<T>(
    rows: &[T],
    attribution: impl Fn(&T) -> &str,
) -> Vec<(&str, Vec<&T>)> {
    let mut ids: Vec<&str> = rows.iter().map(&attribution).collect();
    ids.sort_by_key(|id| (rank(id), *id));
    ids.dedup();
    ids.into_iter()
        .map(|id| {
            let its = rows.iter().filter(|row| attribution(row) == id);
            (id, its.collect())
        })
        .collect()
}

/// Bytes in the largest unit that gives at least one, rounded down; `None` below a kibibyte.
pub(in crate::tell::report) fn rounded(count: u64) -> Option<String> {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    const STEP: u128 = 1024;
    let count = u128::from(count);
    let mut best = None;
    let mut divisor = STEP;
    for unit in UNITS {
        if count < divisor {
            break;
        }
        let tenths = count.saturating_mul(10) / divisor;
        best = Some(format!("{}.{} {unit}", tenths / 10, tenths % 10));
        divisor = divisor.saturating_mul(STEP);
    }
    best
}

/// Exact bytes, with a rounded unit behind them from a kibibyte on.
pub(in crate::tell::report) fn bytes(count: u64) -> String {
    match rounded(count) {
        None => format!("{count} B"),
        Some(unit) => format!("{count} B ({unit})"),
    }
}

/// What stands in place of a country behind a relay.
pub(in crate::tell::report) const RELAYED: &str = "behind a relay";

/// The place in one line, which also orders a group.
pub(in crate::tell::report) fn place(row: &Destination) -> String {
    let candidates = || match (row.country_candidates.as_slice(), &row.country) {
        ([], Some(country)) => country.clone(),
        ([], None) => "no country".to_owned(),
        (several, _) => several.join(" or "),
    };
    match (row.country_confidence.as_str(), &row.country, &row.ip) {
        ("agreed", Some(country), _) => country.clone(),
        ("single", Some(country), _) => format!("{country} (one database)"),
        ("anycast", ..) => "anycast, many places".to_owned(),
        ("conflict", ..) => format!("unsure: {}", candidates()),
        (_, Some(country), _) => format!("{country} ({})", row.country_confidence),
        (_, None, None) if row.scope == "relayed" => RELAYED.to_owned(),
        (_, None, _) => "unknown place".to_owned(),
    }
}

/// An address with its port, an IPv6 address in brackets.
pub(in crate::tell::report) fn socket(ip: &str, port: Option<u16>) -> String {
    match port {
        None => ip.to_owned(),
        Some(port) if ip.contains(':') => format!("[{ip}]:{port}"),
        Some(port) => format!("{ip}:{port}"),
    }
}

/// The name or the user id of an app.
pub(in crate::tell::report) fn app(app: &App) -> String {
    let mut shown = match (&app.name, app.uid) {
        (Some(name), Some(uid)) => format!("{name} (uid {uid})"),
        (Some(name), None) => name.clone(),
        (None, Some(uid)) => format!("uid {uid}"),
        (None, None) => "unnamed".to_owned(),
    };
    if app.cut {
        shown.push_str(", name may be cut short");
    }
    if let Some(process) = &app.acts_through {
        shown.push_str(&format!(", through {process}"));
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_exact_and_rounded_down() {
        assert_eq!(bytes(0), "0 B");
        assert_eq!(bytes(1023), "1023 B");
        assert_eq!(bytes(5000), "5000 B (4.8 KiB)");
        assert_eq!(bytes(1 << 20), "1048576 B (1.0 MiB)");
        assert_eq!(bytes(u64::MAX), "18446744073709551615 B (15.9 EiB)");
    }
}
