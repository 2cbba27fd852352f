//! How much a consistent verdict is worth, in numbers: exposure, bound and contrast.

use crate::claim::baseline::{Baseline, Kind};
use crate::claim::definition::Traffic;
use crate::claim::silence::{self, BURST_GAP, Exposure, bursts, strength};
use crate::claim::{Case, Outcome, Verdict};
use crate::report::v1;

/// Seconds that a slot with the subject at work stands for (contract, `no-app-activity`).
const SLOT_SECONDS: f64 = 10.0;

/// The numbers of a claim; `None` unless it is consistent.
pub(super) fn silence(outcome: &Outcome<'_>, case: &Case<'_>) -> Option<v1::Silence> {
    if outcome.verdict != Verdict::Consistent {
        return None;
    }
    let mut exposure = Exposure {
        seconds: 0.0,
        phases: Vec::new(),
    };
    for window in &case.windows {
        // A slot at the end may stand for less than its length.
        exposure.seconds += (window.active.len() as f64 * SLOT_SECONDS).min(window.seconds);
        for (name, phase) in &window.detail.phases {
            let slots = window.active.iter().filter(|slot| phase.contains(**slot));
            let seconds = slots.count() as f64 * SLOT_SECONDS;
            match exposure.phases.iter_mut().find(|(have, _)| have == name) {
                Some((_, sum)) => *sum += seconds,
                None => exposure.phases.push((name.clone(), seconds)),
            }
        }
    }
    // The contrast is between contacts with and without the mode: other claims are not about them.
    let contacts = outcome
        .claim
        .rules
        .iter()
        .any(|rule| rule.traffic == Traffic::Contact);
    let against = case
        .baseline
        .filter(|b| contacts && b.kind == Kind::WithoutMode)
        .map(in_bursts);
    let strength = strength(&exposure, against);
    Some(v1::Silence {
        window_seconds: case.windows.iter().map(|w| w.seconds).sum(),
        exposure_seconds: exposure.seconds,
        phases: strength
            .phases
            .into_iter()
            .map(|of| v1::PhaseExposure {
                phase: of.phase,
                exposure_seconds: of.seconds,
                rate_upper_per_hour: of.rate_upper_per_hour,
            })
            .collect(),
        rate_upper_per_hour: strength.rate_upper_per_hour,
        contrast: strength.contrast.map(|of| v1::Contrast {
            bursts: of.bursts,
            baseline_seconds: of.baseline_seconds,
            window_seconds: of.window_seconds,
            probability: of.probability,
        }),
        assumptions: strength
            .assumptions
            .iter()
            .map(ToString::to_string)
            .collect(),
    })
}

/// A baseline's contacts as bursts, in the time in which the subject was seen at work there.
fn in_bursts(baseline: &Baseline) -> silence::Baseline {
    silence::Baseline {
        bursts: bursts(&baseline.contacts, BURST_GAP).len() as u64,
        seconds: baseline.active_seconds,
    }
}
