//! What the silence of a consistent verdict is worth: exposure, and the contrast to a baseline.
//!
//! Only if nothing bore on the claim: what an allowance or an exemption covers was no silence. Rates
//! and contrast are given only for claims that any contact would contradict; in others contacts may
//! be many, and the numbers would say what nobody heard. The auditor's own beacons, and the grace of
//! windows, are not the app's behaviour in the window.

use crate::ground::moment::Timestamp;
use crate::judge::claim::agreed::BEACON;
use crate::judge::claim::baseline::{Baseline, BaselineUse};
use crate::judge::claim::coverage::WindowCoverage;
use crate::judge::claim::definition::{Traffic, Weight};
use crate::judge::claim::silence::{BURST_GAP, Exposure, bursts, strength};
use crate::judge::claim::{Case, Outcome, Verdict, silence};
use crate::tell::report::v1;

/// What the numbers take for granted, in words.
const ASSUMPTIONS: [&str; 4] = [
    "Bursts are independent: one burst makes no other more or less likely. An app that reports on a fixed schedule is not covered by that, and may fall silent for longer than chance would.",
    "The same behaviour: whatever the app would do on the internet, it would do in the situation that was recorded (launch, connect, fly, sign-in, map). What was not exercised was not tested.",
    "The rate is constant: over the exposure, and from the baseline to the windows. A contact once a day, or only after an update, is outside what these minutes can show.",
    "A burst is one or more contacts, each less than 30 seconds after the one before. Only traffic that the capture could show counts as a contact.",
];

/// The numbers, if the verdict stands on silence.
pub(super) fn silence(case: &Case<'_>, outcome: &Outcome<'_>) -> Option<v1::Silence> {
    let of_silence = outcome
        .claim
        .rules
        .iter()
        .any(|rule| rule.traffic == Traffic::Contact && rule.weight == Weight::Contradicts);
    let heard = outcome
        .findings
        .iter()
        .any(|f| f.attribution.accuses() && !f.grace && f.allowed.as_deref() != Some(BEACON));
    if outcome.verdict != Verdict::Consistent || heard {
        return None;
    }
    let windows = apart(&case.windows);
    let exposure = Exposure {
        seconds: windows.iter().map(|w| w.active_seconds()).sum(),
        phases: phases(&windows),
    };
    // The contrast is between contacts with and without the mode: other claims are not about them.
    let against = case.baseline.filter(|_| of_silence).and_then(without_mode);
    let strength = strength(&exposure, against);
    Some(v1::Silence {
        window_seconds: windows.iter().map(|w| w.seconds).sum(),
        exposure_seconds: exposure.seconds,
        phases: strength
            .phases
            .into_iter()
            .map(|of| v1::PhaseExposure {
                phase: of.phase,
                exposure_seconds: of.seconds,
                rate_upper_per_hour: of.rate_upper_per_hour.filter(|_| of_silence).map(rounded),
            })
            .collect(),
        rate_upper_per_hour: strength
            .rate_upper_per_hour
            .filter(|_| of_silence)
            .map(rounded),
        contrast: strength.contrast.map(|c| v1::Contrast {
            bursts: c.bursts,
            baseline_seconds: c.baseline_seconds,
            window_seconds: c.window_seconds,
            probability: rounded(c.probability),
        }),
        assumptions: ASSUMPTIONS.map(str::to_owned).into(),
    })
}

/// Six digits: the last ones of a logarithm differ between machines, and reports must not.
fn rounded(number: f64) -> f64 {
    format!("{number:.5e}").parse().unwrap_or(number)
}

/// Windows that do not overlap an earlier one: the same minute must not count twice.
fn apart(windows: &[WindowCoverage]) -> Vec<&WindowCoverage> {
    let mut until = None;
    windows
        .iter()
        .filter(|coverage| {
            let Some(window) = coverage.window else {
                return true;
            };
            let clear = until.is_none_or(|end| window.start >= end);
            if clear {
                until = Some(window.end);
            }
            clear
        })
        .collect()
}

/// Seconds by phase: the ten-second slots that lie in it as a whole.
fn phases(windows: &[&WindowCoverage]) -> Vec<(String, f64)> {
    let mut out: Vec<(String, f64)> = Vec::new();
    for coverage in windows {
        for (name, phase) in &coverage.detail.phases {
            let inside = coverage.active.iter().filter(|slot| {
                phase.start <= **slot && slot.plus(10 * Timestamp::SECOND) <= phase.end
            });
            let seconds = inside.count() as f64 * 10.0;
            match out.iter_mut().find(|(have, _)| have == name) {
                Some((_, sum)) => *sum += seconds,
                None => out.push((name.clone(), seconds)),
            }
        }
    }
    out
}

/// What a baseline without the mode shows of the app; one without the app shows nothing of it.
fn without_mode(baseline: &Baseline) -> Option<silence::Baseline> {
    (baseline.kind == BaselineUse::WithoutMode).then(|| silence::Baseline {
        bursts: bursts(&baseline.contacts, BURST_GAP).len() as u64,
        seconds: baseline.active_seconds,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_names_the_number_that_the_code_uses() {
        assert_eq!(BURST_GAP, 30 * Timestamp::SECOND);
        assert!(ASSUMPTIONS[3].contains("30 seconds"));
    }
}
