//! The words that formats share: what a verdict, an attribution or a weight means, and how counts, sizes,
//! times, places and apps are written. A sentence that two formats say stands here.

use super::v1::{App, Destination, Report};
use super::weight::Weight;
use crate::evidence::seal::Seal;
use crate::ground::vocabulary::Open;
use crate::judge::claim::Verdict;
use crate::judge::classify::Scope;
use crate::judge::classify::attribution::Attribution;
use crate::judge::locate::Confidence;

/// What something means for the claims; a colour, an icon and an order come from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::tell) enum Sense {
    /// Speaks against the statement.
    Against,
    /// Leaves it open.
    Open,
    /// Speaks for it.
    For,
    /// Does not bear on it.
    Aside,
}

impl From<Verdict> for Sense {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Contradicted => Self::Against,
            Verdict::Inconclusive => Self::Open,
            Verdict::Consistent => Self::For,
        }
    }
}

impl From<Attribution> for Sense {
    fn from(attribution: Attribution) -> Self {
        match attribution {
            Attribution::App | Attribution::Vendor => Self::Against,
            Attribution::ThirdParty | Attribution::Shared | Attribution::Unknown => Self::Open,
            Attribution::Os | Attribution::OtherApp | Attribution::OtherDevice => Self::Aside,
        }
    }
}

impl From<Weight> for Sense {
    fn from(weight: Weight) -> Self {
        match weight {
            Weight::Contradicts => Self::Against,
            Weight::Suspect => Self::Open,
            Weight::Grace | Weight::Allowed => Self::Aside,
        }
    }
}

/// What a verdict means, in words that claim no more than it does.
pub(in crate::tell::report) fn meaning(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Contradicted => "The capture shows traffic that the statement rules out.",
        Verdict::Consistent => {
            "The capture was good enough to show a contradiction, and shows none. It says nothing about what it does not cover."
        }
        Verdict::Inconclusive => "The capture does not decide, for the reasons below.",
    }
}

/// The same of all captures together, where no reasons follow.
pub(in crate::tell::report) fn meaning_of_all(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Contradicted => "The captures show traffic that the statement rules out.",
        Verdict::Consistent => {
            "The captures were good enough to show a contradiction, and show none. This proves nothing beyond them."
        }
        Verdict::Inconclusive => "The captures do not decide. This is no pass.",
    }
}

/// What stands where a verdict has no reasons.
pub(in crate::tell::report) fn without_reason(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Consistent => {
            "Nothing seen contradicts the statement or casts doubt on it, and no gap stands against the verdict."
        }
        Verdict::Contradicted | Verdict::Inconclusive => "The report gives no reason.",
    }
}

/// The weight of a finding in a word.
pub(in crate::tell::report) fn weight(weight: Weight) -> &'static str {
    match weight {
        Weight::Contradicts => "contradicts",
        Weight::Suspect => "leaves it open",
        Weight::Grace => "in the grace",
        Weight::Allowed => "allowed",
    }
}

/// `1 contradicted, 2 consistent`, the worst first.
pub(in crate::tell::report) fn tally(verdicts: impl Iterator<Item = Verdict> + Clone) -> String {
    let counts = Verdict::ALL.iter().rev().filter_map(|verdict| {
        let count = verdicts.clone().filter(|have| have == verdict).count();
        (count > 0).then(|| format!("{count} {verdict}"))
    });
    counts.collect::<Vec<_>>().join(", ")
}

/// The attributions in the order in which reports list them: what accuses, what may, what does not.
const LISTED: [Attribution; 8] = [
    Attribution::App,
    Attribution::Vendor,
    Attribution::Unknown,
    Attribution::ThirdParty,
    Attribution::Shared,
    Attribution::OtherApp,
    Attribution::OtherDevice,
    Attribution::Os,
];

/// What an attribution rests on.
pub(in crate::tell::report) fn because(attribution: Attribution) -> &'static str {
    match attribution {
        Attribution::App => "labelled with the app under audit, or from the device under audit",
        Attribution::Vendor => "the name belongs to the drone vendor",
        Attribution::Unknown => "nothing explains it",
        Attribution::ThirdParty => "the name belongs to an SDK or a service known from drone apps",
        Attribution::Shared => "a platform that the phone and other apps use too",
        Attribution::OtherApp => "labelled with another app",
        Attribution::OtherDevice => "another machine than the device under audit",
        Attribution::Os => "background traffic of the phone itself",
    }
}

/// Place of an attribution among the others in lists.
pub(in crate::tell::report) fn rank(attribution: Attribution) -> usize {
    let at = LISTED.iter().position(|one| *one == attribution);
    at.unwrap_or(LISTED.len())
}

/// Splits rows by attribution, in the order of [`rank`].
pub(in crate::tell::report) fn by_attribution<T>(
    rows: &[T],
    attribution: impl Fn(&T) -> Attribution,
) -> Vec<(Attribution, Vec<&T>)> {
    let of = |whose: Attribution| {
        let its: Vec<&T> = rows
            .iter()
            .filter(|row| attribution(row) == whose)
            .collect();
        (!its.is_empty()).then_some((whose, its))
    };
    LISTED.into_iter().filter_map(of).collect()
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

/// Bytes as they are said: rounded from a kibibyte on.
pub(in crate::tell::report) fn amount(count: u64) -> String {
    rounded(count).unwrap_or_else(|| format!("{count} B"))
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
    match (row.country_confidence, &row.country, &row.ip) {
        (Confidence::Agreed, Some(country), _) => country.clone(),
        (Confidence::Single, Some(country), _) => format!("{country} (one database)"),
        (Confidence::Anycast, ..) => "anycast, many places".to_owned(),
        (Confidence::Conflict, ..) => format!("unsure: {}", candidates()),
        (Confidence::Unknown, Some(country), _) => format!("{country} (unknown)"),
        (_, None, None) if row.scope == Scope::Relayed => RELAYED.to_owned(),
        (_, None, _) => "unknown place".to_owned(),
    }
}

/// What was opened with keys, and what was not; nothing where no key opened anything and none failed.
pub(in crate::tell::report) fn opened(row: &Destination) -> Option<String> {
    let (out, back) = (row.bytes_opened_out, row.bytes_opened_in);
    let no_key = Open::Known(Seal::NoKey);
    let told = out > 0 || back > 0 || row.sealed.iter().any(|s| s.reason != no_key);
    let mut words = format!("opened with keys: {} out, {} in", bytes(out), bytes(back));
    for (at, sealed) in row.sealed.iter().enumerate() {
        let lead = if at == 0 { "; sealed:" } else { "," };
        words.push_str(&format!(
            "{lead} {} ({})",
            bytes(sealed.bytes),
            sealed.reason
        ));
    }
    told.then_some(words)
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

/// What the page is about: the case, or the captures.
pub(in crate::tell::report) fn title(report: &Report) -> String {
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
pub(in crate::tell) fn count(count: impl Into<Number>, what: &str) -> String {
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
pub(in crate::tell) struct Number(u64);

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

/// Seconds as they are measured, with minutes or hours behind them from a minute on.
pub(in crate::tell::report) fn seconds(seconds: f64) -> String {
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
pub(in crate::tell::report) fn number(value: f64) -> String {
    if value != 0.0 && value.abs() < 0.000_1 {
        return format!("{value:.1e}");
    }
    let text = format!("{value:.6}");
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
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
