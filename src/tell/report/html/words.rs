//! How the page words what the report says: verdicts, weights, times, numbers.

use crate::tell::report::v1::Report;
use crate::tell::report::weight::Weight;
pub(super) use crate::tell::report::words::{
    app, because, by_attribution, bytes, place, rank, rounded, socket, stage_rank, tally,
};

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

/// The weight of a finding in a word.
pub(super) fn weight(weight: Weight) -> &'static str {
    match weight {
        Weight::Contradicts => "contradicts",
        Weight::Suspect => "leaves it open",
        Weight::Grace => "in the grace",
        Weight::Allowed => "allowed",
    }
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

#[cfg(test)]
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
