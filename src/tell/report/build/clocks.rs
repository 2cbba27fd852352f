//! Clocks in the packets against the capture's own, and what it means for windows if they differ.

use crate::evidence::Series;
use crate::evidence::ledger::clocks::{ClockKind, Offsets};
use crate::ground::address::classify;
use crate::judge::claim::Case;
use crate::tell::report::v1;
use std::net::IpAddr;

/// Servers named in a sentence.
const NAMED: usize = 3;

/// Every clock that was compared.
pub(super) fn clocks(case: &Case<'_>) -> Vec<v1::Clock> {
    let series = case.basis.evidence.series.iter();
    let mut out: Vec<v1::Clock> = series
        .flat_map(|s| s.ledger.clocks.iter())
        .map(|(kind, server, offsets)| v1::Clock {
            source: kind.into(),
            server: server.to_string(),
            offset_least: seconds(offsets.least),
            offset_most: seconds(offsets.most),
            count: offsets.count,
            input: offsets.first.at.input,
            frame: offsets.first.at.frame,
        })
        .collect();
    out.sort_by(|a, b| {
        let key = |c: &v1::Clock| {
            (
                c.input,
                c.source.word().to_owned(),
                c.frame,
                c.server.clone(),
            )
        };
        key(a).cmp(&key(b))
    });
    out
}

/// Seconds to the microsecond: no capture of another machine's clock means more.
fn seconds(nanos: i64) -> f64 {
    nanos.div_euclid(1000) as f64 / 1e6
}

/// A sentence for each series whose clock the packets contradict.
pub(super) fn sentences(case: &Case<'_>) -> impl Iterator<Item = String> {
    let evidence = case.basis.evidence;
    evidence.series.iter().filter_map(move |series| {
        let found = Found::of(series)?;
        let inputs = series.inputs.iter();
        let names: Vec<&str> = inputs
            .filter_map(|i| evidence.inputs.get(*i as usize))
            .map(|i| i.name.as_str())
            .collect();
        Some(format!("{}: {}", names.join(", "), found.sentence()))
    })
}

/// The clocks of a series that say the same against the capture's.
struct Found {
    clocks: Vec<(ClockKind, IpAddr)>,
    least: i64,
    most: i64,
}

impl Found {
    fn of(series: &Series) -> Option<Self> {
        // A camera on the site that serves HTTP need not know what time it is.
        let judges = |kind, ip| kind == ClockKind::Ntp || !classify(ip).is_local();
        let all = series.ledger.clocks.iter();
        Self::agree(all.filter(|(kind, ip, _)| judges(*kind, *ip)))
    }

    /// All of them are off by more than they may be, and by the same.
    fn agree<'o>(all: impl Iterator<Item = (ClockKind, IpAddr, &'o Offsets)>) -> Option<Self> {
        let mut found: Option<Self> = None;
        let mut loosest = 0;
        for (kind, ip, offsets) in all {
            let may = kind.tolerance();
            if offsets.least <= may && offsets.most >= -may {
                return None;
            }
            loosest = may.max(loosest);
            let of = found.get_or_insert(Self {
                clocks: Vec::new(),
                least: offsets.least,
                most: offsets.most,
            });
            of.clocks.push((kind, ip));
            of.least = of.least.min(offsets.least);
            of.most = of.most.max(offsets.most);
        }
        found.filter(|f| f.most.saturating_sub(f.least) <= loosest)
    }

    fn sentence(&self) -> String {
        let by = |nanos: i64| (nanos.unsigned_abs() as f64 / 1e9).round();
        let (a, b) = (by(self.least), by(self.most));
        let (low, high) = (a.min(b), a.max(b));
        let seconds = if low == high {
            format!("{low:.0} seconds")
        } else {
            format!("{low:.0} to {high:.0} seconds")
        };
        let (slow, ahead) = if self.least > 0 {
            ("behind", "ahead of")
        } else {
            ("ahead", "behind")
        };
        let shifted = "windows given in wall-clock time are shifted against the packets by as much";
        let named: Vec<String> = self
            .clocks
            .iter()
            .take(NAMED)
            .map(|(kind, ip)| format!("{} of {ip}", word(*kind)))
            .collect();
        match (named.as_slice(), self.clocks.len().saturating_sub(NAMED)) {
            ([only], _) => format!(
                "the only clock in the packets ({only}) is {seconds} {ahead} the capture's. If it is right, {shifted}."
            ),
            (_, 0) => format!(
                "the clock of the capture is {seconds} {slow} by the clocks in its packets ({}): {shifted}.",
                named.join(", ")
            ),
            (_, more) => format!(
                "the clock of the capture is {seconds} {slow} by the clocks in its packets ({} and {more} more): {shifted}.",
                named.join(", ")
            ),
        }
    }
}

fn word(kind: ClockKind) -> &'static str {
    match kind {
        ClockKind::Ntp => "NTP",
        ClockKind::HttpDate => "HTTP Date",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ground::moment::{Moment, Timestamp};

    fn told(clocks: &[(ClockKind, [u8; 4], f64, f64)]) -> Option<String> {
        let nanos = |s: f64| (s * Timestamp::SECOND as f64) as i64;
        let all: Vec<_> = clocks
            .iter()
            .map(|(kind, ip, least, most)| {
                let offsets = Offsets {
                    least: nanos(*least),
                    most: nanos(*most),
                    count: 2,
                    first: Moment::NONE,
                };
                (*kind, IpAddr::from(*ip), offsets)
            })
            .collect();
        Found::agree(all.iter().map(|(k, ip, o)| (*k, *ip, o))).map(|f| f.sentence())
    }

    #[test]
    fn a_difference_is_told_when_all_clocks_say_the_same() {
        use ClockKind::{HttpDate, Ntp};
        let (a, b) = ([45, 33, 92, 1], [45, 33, 92, 2]);
        assert_eq!(told(&[]), None);
        assert_eq!(told(&[(Ntp, a, -1.9, 2.0), (HttpDate, b, -5.0, 0.0)]), None);
        assert!(told(&[(Ntp, a, 2.1, 2.1)]).is_some());
        assert!(told(&[(HttpDate, a, -9.0, -5.1)]).is_some());
        let slow = told(&[(Ntp, a, 3600.2, 3600.4), (HttpDate, b, 3598.9, 3599.4)]);
        assert_eq!(
            slow.as_deref(),
            Some(
                "the clock of the capture is 3599 to 3600 seconds behind by the clocks in its packets \
                 (NTP of 45.33.92.1, HTTP Date of 45.33.92.2): windows given in wall-clock time are \
                 shifted against the packets by as much."
            )
        );
        let one = told(&[(Ntp, a, -60.0, -60.0)]);
        assert_eq!(
            one.as_deref(),
            Some(
                "the only clock in the packets (NTP of 45.33.92.1) is 60 seconds behind the \
                 capture's. If it is right, windows given in wall-clock time are shifted against \
                 the packets by as much."
            )
        );
        // One that agrees with the capture, another difference, another sign.
        assert_eq!(told(&[(Ntp, a, 60.0, 60.0), (HttpDate, b, 0.0, 0.1)]), None);
        assert_eq!(told(&[(Ntp, a, 60.0, 60.0), (Ntp, b, 90.0, 90.0)]), None);
        assert_eq!(told(&[(Ntp, a, -60.0, -60.0), (Ntp, b, 60.0, 60.0)]), None);
        assert_eq!(told(&[(Ntp, a, -60.0, 60.0)]), None, "it changed");
    }
}
