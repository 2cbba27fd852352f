//! From destinations, lookups and coverage to a verdict per claim.
//!
//! A claim is data ([`definition`]); its rules list what contradicts it and what is suspect
//! ([`rule`]); [`verdict`] is the one place that turns that and the gaps into a word. It cannot say
//! `consistent` while anything blocks it.

pub mod agreed;
pub mod baseline;
pub mod coverage;
pub mod definition;
pub mod fact;
mod receiver;
pub mod rule;
pub mod silence;
pub mod whereabouts;

#[cfg(test)]
mod tests;

use crate::evidence::content;
use crate::ground::gaps::GapId;
use crate::ground::interval::Window;
use crate::ground::moment::{FrameRef, Moment};
use crate::judge::agreement::{Allowance, Beacon};
use crate::judge::classify::attribution::Attribution;
use crate::judge::classify::destination::Destination;
use crate::judge::classify::lookup::Lookup;
use crate::judge::classify::rows::Judged;
use crate::judge::classify::{Basis, Scope, Stage};
use crate::vocabulary;
use baseline::{Baseline, Sent};
use coverage::{Needs, WindowCoverage};
use definition::{AtMost, Definition, Need};
use fact::{Account, Explained, Why};
use std::cell::OnceCell;
use std::collections::BTreeMap;

vocabulary! {
    /// What can be said of a claim, best first.
    "verdict" pub enum Verdict {
        /// The capture was fit to show a contradiction and shows none.
        Consistent = "consistent",
        /// Neither, with reasons.
        Inconclusive = "inconclusive",
        /// Packets cannot be squared with the statement.
        Contradicted = "contradicted",
    }
}

vocabulary! {
    /// How sure a finding is.
    "confidence" pub enum Confidence {
        /// Something else explains it as well.
        Low = "low",
        /// Something else could explain it.
        Medium = "medium",
        /// The packets say so themselves.
        High = "high",
    }
}

/// What a finding is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum About {
    /// Index of a destination.
    Destination(usize),
    /// Index of a lookup.
    Lookup(usize),
}

/// What a finding does to a verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weight {
    /// Nothing: it is listed.
    Listed,
    /// It makes the claim inconclusive.
    Suspect,
    /// It contradicts the claim.
    Contradicts,
}

/// Something in the evidence that bears on a claim.
#[derive(Debug, Clone)]
pub struct Finding {
    /// Stable id of the rule.
    pub rule: String,
    /// What it does to the verdict.
    pub weight: Weight,
    /// What it is about.
    pub about: About,
    /// Whose traffic.
    pub attribution: Attribution,
    /// How far it went, inside the windows.
    pub stage: Stage,
    /// How sure.
    pub confidence: Confidence,
    /// What it says, of the window in which it went furthest.
    pub account: Account,
    /// First packet inside the windows.
    pub first: Moment,
    /// Exemplar frames inside the windows.
    pub frames: Vec<FrameRef>,
    /// Payload out inside the windows.
    pub bytes_out: u64,
    /// It lies in the grace of a window only.
    pub grace: bool,
    /// Id of the allowance that covers it.
    pub allowed: Option<String>,
    /// Personal data in clear.
    pub content: Vec<Content>,
}

/// Personal data in clear.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    /// What it is.
    pub kind: content::Kind,
    /// What was found, masked unless it was asked for.
    pub text: String,
    /// Where in the traffic.
    pub place: content::FoundIn,
    /// First frame.
    pub at: FrameRef,
    /// Times.
    pub count: u64,
}

/// Why a verdict is what it is.
#[derive(Debug, Clone)]
pub struct Reason {
    /// Rule or gap.
    pub id: String,
    /// The window, where there are several.
    pub window: Option<Window>,
    /// The facts.
    pub why: Why,
}

impl Reason {
    fn new(id: &str, why: Why) -> Self {
        Self {
            id: id.to_owned(),
            window: None,
            why,
        }
    }
}

/// A claim, judged.
#[derive(Debug, Clone)]
pub struct Outcome<'a> {
    /// The claim.
    pub claim: &'a Definition,
    /// The verdict over all windows.
    pub verdict: Verdict,
    /// Why.
    pub reasons: Vec<Reason>,
    /// What bears on it.
    pub findings: Vec<Finding>,
    /// What each allowance came to.
    pub used: BTreeMap<String, agreed::Used>,
}

/// Everything a claim may look at.
pub struct Case<'a> {
    /// Destinations and lookups.
    pub judged: &'a Judged,
    /// Evidence and data behind them.
    pub basis: &'a Basis<'a>,
    /// The windows, each with its coverage; one for the whole capture if none was given.
    pub windows: Vec<WindowCoverage>,
    /// What silence needs to count.
    pub needs: Needs,
    /// A second recording of the same device.
    pub baseline: Option<&'a Baseline>,
    /// What went out to each host, once a baseline asks for it.
    pub sent: OnceCell<Sent>,
    /// What the parties agreed on beforehand.
    pub allowances: &'a [Allowance],
    /// What the auditor fetched on purpose.
    pub beacons: &'a [Beacon],
    /// The operator's country, as declared.
    pub operator_country: Option<&'a str>,
}

impl Case<'_> {
    /// The destinations.
    pub fn destinations(&self) -> &[Destination] {
        &self.judged.destinations
    }

    /// How the baseline explains a destination's traffic.
    pub fn explained(&self, destination: &Destination, bytes_out: u64) -> Option<Explained> {
        let sent = || Sent::of(&self.judged.destinations);
        self.baseline?
            .explains(destination, bytes_out, self.sent.get_or_init(sent))
    }

    /// The lookups.
    pub fn lookups(&self) -> &[Lookup] {
        &self.judged.lookups
    }
}

/// Judges a claim over all windows.
pub fn judge<'a>(claim: &'a Definition, case: &Case<'_>) -> Outcome<'a> {
    let mut all: Vec<Finding> = Vec::new();
    let mut reasons: Vec<Reason> = Vec::new();
    // Silence that nobody looked at is none.
    let mut worst = match case.windows.is_empty() {
        true => Verdict::Inconclusive,
        false => Verdict::Consistent,
    };
    if case.windows.is_empty() {
        reasons.push(Reason::new(GapId::TooShort.id(), Why::NoWindow));
    }
    let several = case.windows.len() > 1;
    let mut per_window: Vec<Vec<Finding>> = case
        .windows
        .iter()
        .map(|window| in_window(claim, case, window))
        .collect();
    let used = agreed::allow(&claim.id, case, &mut per_window);
    for (window, mut found) in case.windows.iter().zip(per_window) {
        let (word, mut why) = verdict(&found, window);
        let mut unmet = unmet(claim, case, window);
        unmet.extend(agreed::missing(case, window));
        let word = if unmet.is_empty() {
            word
        } else {
            word.max(Verdict::Inconclusive)
        };
        why.extend(unmet);
        worst = worst.max(word);
        reasons.extend(why.into_iter().map(|reason| Reason {
            window: window.window.filter(|_| several),
            ..reason
        }));
        if let Some(grace) = &window.grace {
            let late = rule::findings(claim, case, &**grace);
            found.extend(late.into_iter().map(|f| Finding {
                weight: Weight::Listed,
                grace: true,
                account: Account {
                    in_grace: true,
                    ..f.account
                },
                ..f
            }));
        }
        all.extend(found);
    }
    let findings = merged(all);
    if worst == Verdict::Contradicted {
        // The reasons of windows that are merely inconclusive do not explain a contradiction.
        let rules: Vec<&str> = findings
            .iter()
            .filter(|f| f.weight == Weight::Contradicts)
            .map(|f| f.rule.as_str())
            .collect();
        reasons.retain(|r| rules.contains(&r.id.as_str()));
    }
    Outcome {
        claim,
        verdict: worst,
        reasons,
        findings,
        used,
    }
}

/// What bears on a claim in a window, the auditor's own traffic taken off.
fn in_window(claim: &Definition, case: &Case<'_>, window: &WindowCoverage) -> Vec<Finding> {
    let mut found = rule::findings(claim, case, &*window.inside);
    for finding in &mut found {
        if claim.at_most == Some(AtMost::Inconclusive) {
            finding.weight = Weight::Listed;
        }
        if agreed::is_beacon(finding, case, window) {
            finding.weight = Weight::Listed;
            finding.allowed = Some(agreed::BEACON.into());
        }
    }
    found
}

/// Why a claim cannot be decided here, whatever was found.
fn unmet(claim: &Definition, case: &Case<'_>, window: &WindowCoverage) -> Vec<Reason> {
    let mut out = Vec::new();
    let mut say = |id: &str, why: Why| out.push(Reason::new(id, why));
    if claim.at_most == Some(AtMost::Inconclusive) {
        say("not-testable", Why::NotTestable(claim.not_testable.clone()));
    }
    for need in &claim.needs {
        match need {
            Need::Upload => {
                let beyond = |d: &Destination| d.key.scope != Scope::Local;
                let uploads = receiver::uploads(claim, case, &*window.inside, &beyond);
                let seen = uploads.iter().any(|(index, shape)| {
                    matches!(shape, receiver::Shape::Upload(_))
                        && case
                            .destinations()
                            .get(*index)
                            .is_some_and(|d| d.attributed.whose.accuses())
                });
                if !seen {
                    let p = &claim.parameters;
                    let why = Why::NoUpload(p.upload_min_bytes, p.upload_ratio);
                    say("no-upload-seen", why);
                }
            }
        }
    }
    if let (Some(wanted), Some(country)) = (&claim.for_country, case.operator_country)
        && wanted != country
    {
        let why = Why::OtherCountry(wanted.clone(), country.to_owned());
        say("not-applicable", why);
    }
    out
}

/// The one place where a verdict is made.
pub fn verdict(findings: &[Finding], window: &WindowCoverage) -> (Verdict, Vec<Reason>) {
    let say = |weight: Weight| {
        let mut reasons: Vec<Reason> = Vec::new();
        let mut rules: Vec<&str> = findings
            .iter()
            .filter(|f| f.weight == weight)
            .map(|f| f.rule.as_str())
            .collect();
        rules.sort_unstable();
        rules.dedup();
        for rule in rules {
            let of: Vec<&Finding> = findings
                .iter()
                .filter(|f| f.weight == weight && f.rule == rule)
                .collect();
            if let [first, rest @ ..] = of.as_slice() {
                let why = Why::Findings(Box::new((*first).clone()), rest.len());
                reasons.push(Reason::new(rule, why));
            }
        }
        reasons
    };
    let contradicting = say(Weight::Contradicts);
    if !contradicting.is_empty() {
        return (Verdict::Contradicted, contradicting);
    }
    let mut reasons = say(Weight::Suspect);
    let gaps = window.gaps.iter().filter(|g| g.blocks());
    reasons.extend(gaps.map(|gap| Reason::new(gap.id.id(), Why::Gap(gap.clone()))));
    if reasons.is_empty() {
        (Verdict::Consistent, Vec::new())
    } else {
        (Verdict::Inconclusive, reasons)
    }
}

/// One finding per thing and rule, whatever the windows: the furthest stage, the first time. In the order of things and rules.
fn merged(mut all: Vec<Finding>) -> Vec<Finding> {
    // Those of one thing stay in the order of the windows.
    all.sort_by(|a, b| (a.about, &a.rule).cmp(&(b.about, &b.rule)));
    all.dedup_by(|new, have| {
        let same = (new.about, &new.rule) == (have.about, &have.rule);
        if same {
            have.take_in(new);
        }
        same
    });
    all
}

impl Finding {
    /// Takes in what another window says of the same thing.
    fn take_in(&mut self, new: &mut Self) {
        if (!new.grace, new.weight, new.stage) > (!self.grace, self.weight, self.stage) {
            self.stage = new.stage;
            std::mem::swap(&mut self.account, &mut new.account);
        }
        // Traffic outside the grace decides what the finding is.
        self.weight = self.weight.max(new.weight);
        self.grace &= new.grace;
        self.bytes_out = self.bytes_out.saturating_add(new.bytes_out);
        self.first = self.first.min(new.first);
        self.frames.append(&mut new.frames);
        self.frames.sort();
        self.frames.dedup();
        self.frames.truncate(crate::evidence::row::FRAMES_MAX);
    }
}
