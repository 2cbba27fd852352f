//! How strong a silence is: numbers for "nothing was seen", with what they take for granted.
//!
//! Pure arithmetic; knows no packets, windows or claims. A *contact* is a moment at which the
//! subject reached out; contacts that follow each other closely are one *burst* ([`bursts`]),
//! because a connection, its lookups and its retries are one decision of the app, not many.
//! Bursts are modelled as a Poisson process of constant rate λ.
//!
//! **Upper bound** ([`rate_upper_per_hour`]). With rate λ the probability of no burst in an exposure
//! of T seconds is e^(−λT). The largest λ for which that is still 5 % is −ln(0.05)/T: exactly
//! 2.9957…/T ("rule of three"; Hanley and Lippman-Hand, JAMA 249, 1983; it is the exact one-sided
//! 95 % limit of Garwood, Biometrika 28, 1936, at zero events). A higher rate is not impossible,
//! it would have been heard 19 times in 20.
//!
//! **Contrast** ([`contrast`]). A baseline without the mode showed n bursts in B seconds; windows of
//! W seconds with the mode showed none. Had the mode done nothing, how probable was that? λ is not
//! known, only sampled by the baseline, so it must not be set to n/B (which gives e^(−nW/B), too
//! small). Two ways lead to the same number:
//!
//! - *Gamma–Poisson.* After n bursts in B, with the prior 1/λ, λ is Gamma-distributed with shape n
//!   and rate B. The number of bursts in W is then negative binomial, and
//!   P(0) = ∫ e^(−λW) B^n λ^(n−1) e^(−λB) / Γ(n) dλ = (B/(B+W))^n.
//!   Other usual priors have the exponent n+½ (Jeffreys) or n+1 (flat): smaller numbers, so this
//!   is the cautious one.
//! - *Without a prior.* With one rate throughout, each of the n bursts lies anywhere in B+W with
//!   equal chance, so each misses W with probability B/(B+W): the exact conditional test of two
//!   Poisson rates (Przyborowski and Wilenski, Biometrika 31, 1940).
//!
//! What the numbers cannot say: that the mode was the reason, that another situation would be as
//! silent, or anything about traffic that the capture could not show. The report lists
//! the conditions; where one fails, the number means nothing.

use crate::ground::moment::Timestamp;

/// Probability that a rate at the bound stays unheard all the same: the bound holds at 95 %.
pub const UNHEARD: f64 = 0.05;

/// Contacts closer than this (nanoseconds) are one burst. Connection attempts of one decision
/// follow each other within seconds, and retries with back-off mostly within half a minute; a
/// longer gap merges more, counts fewer bursts, and makes the contrast weaker, never stronger.
pub const BURST_GAP: i64 = 30 * Timestamp::SECOND;

/// Seconds per hour: exposures are in seconds, rates per hour.
const HOUR: f64 = 3_600.0;

/// Time in which the subject was seen at work.
#[derive(Debug, Clone, PartialEq)]
pub struct Exposure {
    /// Seconds in all.
    pub seconds: f64,
    /// Seconds by phase, in the order of the report.
    pub phases: Vec<(String, f64)>,
}

/// A recording without the mode.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Baseline {
    /// Bursts of contacts in it: see [`bursts`].
    pub bursts: u64,
    /// Seconds in which the subject was seen at work.
    pub seconds: f64,
}

/// How strong a silence is.
#[derive(Debug, Clone, PartialEq)]
pub struct Strength {
    /// Bursts per hour that this silence still allows at 95 %; `None` without exposure.
    pub rate_upper_per_hour: Option<f64>,
    /// The same by phase, on the exposure in that phase alone.
    pub phases: Vec<PhaseStrength>,
    /// Against a baseline; `None` without one that shows bursts.
    pub contrast: Option<Contrast>,
}

/// The silence of one phase.
#[derive(Debug, Clone, PartialEq)]
pub struct PhaseStrength {
    /// The phase.
    pub phase: String,
    /// Seconds of exposure in it.
    pub seconds: f64,
    /// Bursts per hour that the silence in it still allows at 95 %; `None` without exposure.
    pub rate_upper_per_hour: Option<f64>,
}

/// Silence against a baseline.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Contrast {
    /// Bursts in the baseline.
    pub bursts: u64,
    /// Seconds of the baseline.
    pub baseline_seconds: f64,
    /// Seconds of silence.
    pub window_seconds: f64,
    /// Probability of no burst in them if the mode had done nothing; above 0, at most 1.
    pub probability: f64,
}

/// Contacts, each less than the gap after the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Burst {
    /// The first contact.
    pub first: Timestamp,
    /// The last one.
    pub last: Timestamp,
    /// How many.
    pub contacts: u64,
}

/// Everything that can be said of no contact in this exposure.
///
/// The contrast sets the baseline's exposure against the windows' exposure: both must be measured
/// the same way.
pub fn strength(exposure: &Exposure, baseline: Option<Baseline>) -> Strength {
    Strength {
        rate_upper_per_hour: rate_upper_per_hour(exposure.seconds),
        phases: exposure
            .phases
            .iter()
            .map(|(phase, seconds)| PhaseStrength {
                phase: phase.clone(),
                seconds: *seconds,
                rate_upper_per_hour: rate_upper_per_hour(*seconds),
            })
            .collect(),
        contrast: baseline.and_then(|b| contrast(b, exposure.seconds)),
    }
}

/// The exact 95 % upper bound on the rate of bursts per hour after none in `seconds`; `None` where
/// there is no finite bound (no exposure) or no number.
pub fn rate_upper_per_hour(seconds: f64) -> Option<f64> {
    let bound = -UNHEARD.ln() * HOUR / measured(seconds)?;
    bound.is_finite().then_some(bound)
}

/// The probability of no burst in `window_seconds` if nothing differed from the baseline; `None`
/// where that says nothing: a baseline without bursts or without time, or no window.
pub fn contrast(baseline: Baseline, window_seconds: f64) -> Option<Contrast> {
    let baseline_seconds = measured(baseline.seconds)?;
    let window_seconds = measured(window_seconds)?;
    if baseline.bursts == 0 {
        return None;
    }
    // (B/(B+W))^n by way of logarithms: exact where W is tiny beside B, and no overflow.
    let exponent = -(window_seconds / baseline_seconds).ln_1p() * baseline.bursts as f64;
    Some(Contrast {
        bursts: baseline.bursts,
        baseline_seconds,
        window_seconds,
        // Improbable beyond what a number can hold is still not impossible.
        probability: exponent.exp().max(f64::MIN_POSITIVE),
    })
}

/// A length of time that something can be said of.
fn measured(seconds: f64) -> Option<f64> {
    (seconds.is_finite() && seconds > 0.0).then_some(seconds)
}

/// Groups contact times, in any order, into bursts: a contact at least `gap` nanoseconds after the
/// one before begins a new one.
///
/// Contacts without a time are left out: fewer bursts make a contrast weaker, never stronger. A
/// gap of nought or less makes every contact a burst of its own.
pub fn bursts(times: &[Timestamp], gap: i64) -> Vec<Burst> {
    let mut times: Vec<Timestamp> = times
        .iter()
        .copied()
        .filter(|t| *t != Timestamp::UNKNOWN)
        .collect();
    times.sort_unstable();
    let mut bursts: Vec<Burst> = Vec::new();
    for time in times {
        match bursts.last_mut() {
            Some(burst) if time.since(burst.last).is_some_and(|since| since < gap) => {
                burst.last = time;
                burst.contacts = burst.contacts.saturating_add(1);
            }
            _ => bursts.push(Burst {
                first: time,
                last: time,
                contacts: 1,
            }),
        }
    }
    bursts
}

#[cfg(test)]
mod tests {
    use super::*;

    /// SplitMix64 (Steele, Lea and Flood, OOPSLA 2014): enough for a simulation, and the same
    /// numbers everywhere.
    struct Dice(u64);

    impl Dice {
        fn next(&mut self) -> u64 {
            self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = self.0;
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            z ^ (z >> 31)
        }

        /// Uniform in (0, 1].
        fn uniform(&mut self) -> f64 {
            ((self.next() >> 11) + 1) as f64 / (1u64 << 53) as f64
        }

        /// Waiting time at this rate.
        fn wait(&mut self, rate: f64) -> f64 {
            -self.uniform().ln() / rate
        }
    }

    fn p(bursts: u64, baseline: f64, window: f64) -> f64 {
        let baseline = Baseline {
            bursts,
            seconds: baseline,
        };
        contrast(baseline, window).unwrap().probability
    }

    /// ∫ e^(−λW) Gamma(n, B)(λ) dλ by Simpson's rule, over λ scaled to x = λB.
    fn integrated(n: u64, baseline: f64, window: f64) -> f64 {
        const STEPS: u32 = 400_000;
        let ln_gamma: f64 = (1..n).map(|k| (k as f64).ln()).sum();
        // Mean n, deviation √n: beyond 60 deviations nothing is left.
        let end = n as f64 + 60.0 * (n as f64).sqrt();
        let step = end / f64::from(STEPS);
        let density = |x: f64| {
            if x == 0.0 {
                return if n == 1 { 1.0 } else { 0.0 };
            }
            ((n - 1) as f64 * x.ln() - x - ln_gamma - x * window / baseline).exp()
        };
        let inner: f64 = (1..STEPS)
            .map(|k| {
                let weight = if k % 2 == 1 { 4.0 } else { 2.0 };
                weight * density(f64::from(k) * step)
            })
            .sum();
        (density(0.0) + inner + density(end)) * step / 3.0
    }

    #[test]
    fn the_contrast_is_the_integral_of_gamma_and_poisson() {
        for (n, baseline, window) in [
            (1, 600.0, 600.0),
            (2, 60.0, 3_600.0),
            (12, 600.0, 600.0),
            (40, 1_800.0, 90.0),
            (150, 3_600.0, 60.0),
        ] {
            let (closed, numeric) = (p(n, baseline, window), integrated(n, baseline, window));
            assert!(
                (closed - numeric).abs() < 1e-9 + 1e-7 * closed,
                "{n} {baseline} {window}: {closed} {numeric}"
            );
        }
        // By hand.
        assert_eq!(p(1, 600.0, 600.0), 0.5);
        assert!((p(3, 600.0, 600.0) - 0.125).abs() < 1e-15);
    }

    /// Both derivations, played out: four standard errors of 200 000 rounds.
    #[test]
    fn the_contrast_is_what_a_simulation_gives() {
        const ROUNDS: u32 = 200_000;
        let mut dice = Dice(20_171_130);
        for (n, baseline, window) in [(1, 600.0, 300.0), (4, 600.0, 300.0), (9, 1_200.0, 120.0)] {
            let expected = p(n, baseline, window);
            let tolerance = 4.0 * (expected * (1.0 - expected) / f64::from(ROUNDS)).sqrt();
            let (mut drawn, mut placed) = (0u32, 0u32);
            for _ in 0..ROUNDS {
                // A rate as uncertain as the baseline leaves it, then waiting for the first burst.
                let rate: f64 = (0..n).map(|_| dice.wait(baseline)).sum();
                drawn += u32::from(dice.wait(rate) > window);
                // n bursts anywhere in baseline and window: none in the window.
                let clear = (0..n).all(|_| dice.uniform() * (baseline + window) > window);
                placed += u32::from(clear);
            }
            for count in [drawn, placed] {
                let seen = f64::from(count) / f64::from(ROUNDS);
                assert!(
                    (seen - expected).abs() < tolerance,
                    "{n}: {seen} {expected}"
                );
            }
        }
    }

    #[test]
    fn at_the_bound_silence_happens_once_in_twenty() {
        const ROUNDS: u32 = 200_000;
        let tolerance = 4.0 * (0.05 * 0.95 / f64::from(ROUNDS)).sqrt();
        let mut dice = Dice(1);
        for seconds in [60.0, 600.0, 7_200.0] {
            let bound = rate_upper_per_hour(seconds).unwrap();
            let silent = (0..ROUNDS)
                .filter(|_| dice.wait(bound / HOUR) > seconds)
                .count();
            let seen = silent as f64 / f64::from(ROUNDS);
            assert!((seen - 0.05).abs() < tolerance, "{seconds}: {seen}");
            // Closed form: e^(−λT) = 0.05.
            assert!(((-bound / HOUR * seconds).exp() - 0.05).abs() < 1e-15);
        }
        let hour = rate_upper_per_hour(HOUR).unwrap();
        assert!((hour - 2.995_732_273_553_991).abs() < 1e-12);
    }

    #[test]
    fn what_says_nothing_gives_no_number() {
        for seconds in [
            0.0,
            -0.0,
            -1.0,
            f64::NAN,
            f64::INFINITY,
            f64::NEG_INFINITY,
            f64::MIN_POSITIVE / 2.0,
        ] {
            assert_eq!(rate_upper_per_hour(seconds), None, "{seconds}");
        }
        let baseline = |bursts, seconds| Baseline { bursts, seconds };
        for (of, window) in [
            (baseline(0, 600.0), 600.0),
            (baseline(5, 0.0), 600.0),
            (baseline(5, -1.0), 600.0),
            (baseline(5, f64::NAN), 600.0),
            (baseline(5, f64::INFINITY), 600.0),
            (baseline(5, 600.0), 0.0),
            (baseline(5, 600.0), f64::INFINITY),
            (baseline(5, 600.0), f64::NAN),
        ] {
            assert_eq!(contrast(of, window), None, "{of:?} {window}");
        }
        // Extreme, and still a probability that is not nought.
        for (n, b, w) in [
            (u64::MAX, f64::MAX, f64::MAX),
            (u64::MAX, f64::MIN_POSITIVE, f64::MAX),
            (1, f64::MAX, f64::MIN_POSITIVE),
        ] {
            let p = p(n, b, w);
            assert!(p > 0.0 && p <= 1.0, "{n} {b} {w}: {p}");
        }
    }

    #[test]
    fn more_bursts_and_longer_silence_say_more() {
        assert!(p(5, 600.0, 600.0) < p(4, 600.0, 600.0));
        assert!(p(5, 600.0, 601.0) < p(5, 600.0, 600.0));
        // Taking the baseline's rate for certain would overstate it.
        assert!(p(5, 600.0, 600.0) > (-5.0f64).exp());
        assert!(rate_upper_per_hour(601.0) < rate_upper_per_hour(600.0));
    }

    #[test]
    fn contacts_closer_than_the_gap_are_one_burst() {
        let at = |seconds: f64| Timestamp::from_nanos((seconds * 1e9) as i128);
        let times = [
            at(100.0),
            at(0.0),
            at(29.9),
            at(59.8),
            Timestamp::UNKNOWN,
            at(100.0),
            at(130.0),
        ];
        let found = bursts(&times, BURST_GAP);
        let counts: Vec<u64> = found.iter().map(|b| b.contacts).collect();
        // A chain of contacts may be longer than the gap; exactly the gap begins a new burst.
        assert_eq!(counts, [3, 2, 1]);
        assert_eq!((found[0].first, found[0].last), (at(0.0), at(59.8)));
        assert_eq!(bursts(&times, 0).len(), 6);
        assert_eq!(bursts(&times, i64::MAX).len(), 1);
        assert!(bursts(&[], BURST_GAP).is_empty());
        assert!(bursts(&[Timestamp::UNKNOWN; 3], BURST_GAP).is_empty());
        let far = [
            Timestamp::from_nanos(i128::from(i64::MIN) + 1),
            Timestamp::from_nanos(i128::from(i64::MAX)),
        ];
        assert_eq!(bursts(&far, BURST_GAP).len(), 2);
    }

    #[test]
    fn each_phase_is_bounded_by_its_own_exposure() {
        let exposure = Exposure {
            seconds: 600.0,
            phases: vec![("launch".into(), 30.0), ("land".into(), 0.0)],
        };
        let strong = strength(
            &exposure,
            Some(Baseline {
                bursts: 12,
                seconds: 600.0,
            }),
        );
        assert_eq!(strong.rate_upper_per_hour, rate_upper_per_hour(600.0));
        let phases: Vec<_> = strong
            .phases
            .iter()
            .map(|p| p.rate_upper_per_hour)
            .collect();
        assert_eq!(phases, [rate_upper_per_hour(30.0), None]);
        let contrast = strong.contrast.unwrap();
        assert!((contrast.probability - 0.5f64.powi(12)).abs() < 1e-15);
        assert_eq!(strength(&exposure, None).contrast, None);
    }
}
