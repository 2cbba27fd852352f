//! How the page words what the report says: verdicts, places, sizes, times.

use crate::report::v1::{App, Destination, Report};
use crate::report::weight::Weight;

/// What a word of the report means for the claims; a colour, an icon and an order come from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Sense {
    /// Speaks against the statement.
    Against,
    /// Leaves it open.
    Open,
    /// Speaks for it.
    For,
    /// Does not bear on it.
    Aside,
}

impl Sense {
    /// Of a verdict word; one that is not known leaves the claim open.
    pub(super) fn of_verdict(word: &str) -> Self {
        match word {
            "contradicted" => Self::Against,
            "consistent" => Self::For,
            _ => Self::Open,
        }
    }

    /// Of an attribution; one that is not known explains nothing.
    pub(super) fn of_attribution(word: &str) -> Self {
        match word {
            "app" | "vendor" => Self::Against,
            "os" | "other-app" | "other-device" => Self::Aside,
            _ => Self::Open,
        }
    }

    /// Of a finding, by its weight.
    pub(super) fn of_weight(weight: Weight) -> Self {
        match weight {
            Weight::Contradicts => Self::Against,
            Weight::Suspect => Self::Open,
            Weight::Grace | Weight::Allowed => Self::Aside,
        }
    }

    /// Class of the style.
    pub(super) fn class(self) -> &'static str {
        match self {
            Self::Against => "against",
            Self::Open => "open",
            Self::For => "for",
            Self::Aside => "aside",
        }
    }
}

/// What a verdict means, in words that claim no more than it does.
pub(super) fn meaning(verdict: &str) -> &'static str {
    match verdict {
        "contradicted" => "Packets in the capture cannot be squared with the statement.",
        "consistent" => {
            "The capture was fit to show a contradiction and shows none. It says nothing about what it does not cover."
        }
        "inconclusive" => {
            "The capture neither contradicts the statement nor supports it, for the reasons below."
        }
        _ => "This verdict is not known to this version of the page.",
    }
}

/// The verdict words in the order that decides over several: the worst first.
const VERDICTS: [&str; 3] = ["contradicted", "inconclusive", "consistent"];

/// `1 contradicted, 2 consistent`.
pub(super) fn tally<'a>(verdicts: impl Iterator<Item = &'a str> + Clone) -> String {
    let counts = VERDICTS.iter().filter_map(|verdict| {
        let count = verdicts.clone().filter(|have| have == verdict).count();
        (count > 0).then(|| format!("{count} {verdict}"))
    });
    counts.collect::<Vec<_>>().join(", ")
}

/// The weight of a finding in a word.
pub(super) fn weight(weight: Weight) -> &'static str {
    match weight {
        Weight::Contradicts => "contradicts",
        Weight::Suspect => "leaves it open",
        Weight::Grace => "in the grace",
        Weight::Allowed => "allowed",
    }
}

/// The attributions, what accuses first, and what each rests on.
pub(super) const ATTRIBUTIONS: [(&str, &str); 8] = [
    (
        "app",
        "labelled with the app under audit, or from the device under audit",
    ),
    ("vendor", "the name belongs to the drone vendor"),
    ("unknown", "nothing explains it"),
    (
        "third-party",
        "the name belongs to an SDK known from drone apps",
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
pub(super) fn because(attribution: &str) -> &'static str {
    let known = ATTRIBUTIONS.iter().find(|(id, _)| *id == attribution);
    known.map_or("", |(_, because)| because)
}

/// Place of an attribution among the others; one that is not known here comes last.
pub(super) fn rank(attribution: &str) -> usize {
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
pub(super) fn stage_rank(stage: &str) -> usize {
    position(STAGES.into_iter(), stage)
}

fn position(mut known: impl Iterator<Item = &'static str>, word: &str) -> usize {
    known.position(|id| id == word).unwrap_or(usize::MAX)
}

/// Splits rows by attribution, in the order of [`rank`].
pub(super) fn by_attribution<T>(
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

/// What the page is about: the case, or the captures.
pub(super) fn title(report: &Report) -> String {
    if let Some(title) = report.case.as_ref().and_then(|case| case.title.as_ref()) {
        return title.clone();
    }
    match report.inputs.as_slice() {
        [] => "Audit without a capture".to_owned(),
        [only] => format!("Audit of {}", only.path),
        several => format!("Audit of {}", count(several.len(), "capture")),
    }
}

/// `1 packet`, `2 packets`.
pub(super) fn count(count: impl Into<Number>, what: &str) -> String {
    let Number(count) = count.into();
    let plural = match (count, what.strip_suffix('y')) {
        (1, _) => return format!("1 {what}"),
        (_, Some(stem)) => format!("{stem}ies"),
        _ => format!("{what}s"),
    };
    format!("{count} {plural}")
}

/// A count of rows or of packets.
#[derive(Debug, Clone, Copy)]
pub(super) struct Number(u64);

impl From<usize> for Number {
    fn from(count: usize) -> Self {
        Self(u64::try_from(count).unwrap_or(u64::MAX))
    }
}

impl From<u64> for Number {
    fn from(count: u64) -> Self {
        Self(count)
    }
}

/// Bytes in the largest unit that gives at least one, rounded down; `None` below a kibibyte.
pub(super) fn rounded(count: u64) -> Option<String> {
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
pub(super) fn bytes(count: u64) -> String {
    match rounded(count) {
        None => format!("{count} B"),
        Some(unit) => format!("{count} B ({unit})"),
    }
}

/// Seconds as they are measured, with minutes or hours behind them from a minute on.
pub(super) fn seconds(seconds: f64) -> String {
    const MINUTE: u64 = 60;
    const HOUR: u64 = 60 * MINUTE;
    let exact = format!("{} s", number(seconds));
    if !(60.0..=9e15).contains(&seconds) {
        return exact;
    }
    // In range by the line above.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let whole = seconds as u64;
    let long = match whole {
        ..HOUR => format!("{} min {} s", whole / MINUTE, whole % MINUTE),
        _ => format!("{} h {} min", whole / HOUR, whole % HOUR / MINUTE),
    };
    format!("{exact} ({long})")
}

/// A measured number with at most six digits behind the point, none of them an idle zero. What is
/// too small for that is written with its power of ten: it is not nothing.
pub(super) fn number(value: f64) -> String {
    if value != 0.0 && value.abs() < 0.000_1 {
        return format!("{value:.1e}");
    }
    let text = format!("{value:.6}");
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

/// What stands in place of a country behind a relay.
const RELAYED: &str = "behind a relay";

/// The place in one line, which also orders a group.
pub(super) fn place(row: &Destination) -> String {
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
pub(super) fn socket(ip: &str, port: Option<u16>) -> String {
    match port {
        None => ip.to_owned(),
        Some(port) if ip.contains(':') => format!("[{ip}]:{port}"),
        Some(port) => format!("{ip}:{port}"),
    }
}

/// The name or the user id of an app.
pub(super) fn app(app: &App) -> String {
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
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_exact_first_and_readable_behind() {
        assert_eq!(bytes(1023), "1023 B");
        assert_eq!(bytes(5000), "5000 B (4.8 KiB)");
        assert_eq!(seconds(59.5), "59.5 s");
        assert_eq!(seconds(539.623_456), "539.623456 s (8 min 59 s)");
        assert_eq!(seconds(7260.0), "7260 s (2 h 1 min)");
        assert_eq!(seconds(f64::INFINITY), "inf s");
        assert_eq!(number(100.0), "100");
        assert_eq!(number(0.000_000_4), "4.0e-7");
        assert_eq!(number(0.0), "0");
        assert_eq!(count(1usize, "entry"), "1 entry");
        assert_eq!(count(2usize, "entry"), "2 entries");
    }
}
