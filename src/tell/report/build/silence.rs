//! What the silence of a consistent verdict is worth: exposure, and the contrast to a baseline.
//!
//! Only if nothing bore on the claim: what an allowance or an exemption covers was no silence. Rates
//! and contrast are given only for claims that any contact would contradict; in others contacts may
//! be many, and the numbers would say what nobody heard. The auditor's own beacons, and the grace of
//! windows, are not the app's behaviour in the window.

use crate::ground::moment::Timestamp;
use crate::judge::claim::agreed::BEACON;
use crate::judge::claim::baseline::{Baseline, Kind};
use crate::judge::claim::coverage::WindowCoverage;
use crate::judge::claim::definition::{Traffic, Weight};
use crate::judge::claim::silence::{BURST_GAP, Exposure, bursts, strength};
use crate::judge::claim::{Case, Outcome, Verdict, silence};
use crate::tell::report::v1;

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
        assumptions: strength
            .assumptions
            .iter()
            .map(|words| (*words).to_owned())
            .collect(),
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
    (baseline.kind == Kind::WithoutMode).then(|| silence::Baseline {
        bursts: bursts(&baseline.contacts, BURST_GAP).len() as u64,
        seconds: baseline.active_seconds,
    })
}
