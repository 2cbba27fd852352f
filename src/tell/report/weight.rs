//! What a report amounts to: how a finding weighs, which exit code follows, and one way to walk a
//! report of one session and one of many (`--each`).
//!
//! Nothing is judged here. A finding says for itself whether it is allowed or lies in a grace;
//! whether it contradicts follows from its claim's verdict, its attribution and its rule, as the
//! report words them.

use super::v1::{Claim, Finding, Report};
use crate::judge::claim::Verdict;
use crate::judge::classify::attribution::Attribution;
use std::collections::BTreeSet;

/// How a finding weighs, heaviest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Weight {
    /// It contradicts a claim.
    Contradicts,
    /// It could, and makes a claim inconclusive.
    Suspect,
    /// It lies in the grace of a window only: it contradicts nothing alone.
    Grace,
    /// An allowance covers it: it moves no verdict.
    Allowed,
}

/// Rules that say why something is not known: they never contradict, whoever sent it.
const OPEN: [&str; 6] = [
    "unattributed-internet",
    "no-upload-seen",
    "upload-unsure",
    "place-unsure",
    "payload-unread",
    "not-testable",
];

/// How a finding of this report weighs.
pub fn of(report: &Report, finding: &Finding) -> Weight {
    if finding.allowed.is_some() {
        return Weight::Allowed;
    }
    if finding.grace {
        return Weight::Grace;
    }
    let contradicted = report
        .claims
        .iter()
        .any(|claim| claim.verdict == Verdict::Contradicted && finding.claims.contains(&claim.id));
    if contradicted && can_contradict(finding.attribution, &finding.rule) {
        Weight::Contradicts
    } else {
        Weight::Suspect
    }
}

/// True if a finding of this rule and attribution contradicts a claim that is contradicted.
pub fn can_contradict(attribution: Attribution, rule: &str) -> bool {
    attribution.accuses() && !OPEN.contains(&rule)
}

/// The findings of a report, heaviest first, else in its own order.
pub fn ordered(report: &Report) -> Vec<(Weight, &Finding)> {
    let findings = report.findings.iter();
    let mut all: Vec<(Weight, &Finding)> = findings.map(|f| (of(report, f), f)).collect();
    all.sort_by_key(|(weight, _)| *weight);
    all
}

/// The findings that bear on a claim, heaviest first.
pub fn bearing<'a>(report: &'a Report, claim: &Claim) -> Vec<(Weight, &'a Finding)> {
    let ids = ids(claim);
    let mut all = ordered(report);
    all.retain(|(_, finding)| ids.contains(finding.id.as_str()));
    all
}

/// The findings that a claim names, to be asked for each finding of a report.
pub fn ids(claim: &Claim) -> BTreeSet<&str> {
    claim.findings.iter().map(String::as_str).collect()
}

/// One session of a report.
#[derive(Debug, Clone, Copy)]
pub struct Session<'a> {
    /// Its number from 1; `None` if the report is about one session only.
    pub number: Option<usize>,
    /// Its own report.
    pub report: &'a Report,
    /// Where its inputs begin among those of the whole report.
    pub offset: usize,
}

/// The sessions: the report itself, or those inside it.
pub fn sessions(report: &Report) -> Vec<Session<'_>> {
    if report.sessions.is_empty() {
        return vec![Session {
            number: None,
            report,
            offset: 0,
        }];
    }
    let mut offset = 0usize;
    let mut all = Vec::new();
    for (index, session) in report.sessions.iter().enumerate() {
        all.push(Session {
            number: Some(index.saturating_add(1)),
            report: session,
            offset,
        });
        offset = offset.saturating_add(session.inputs.len());
    }
    all
}

/// The exit code of `check` for this report, whatever formats it is written in.
pub fn exit_code(report: &Report) -> u8 {
    let softened = |option: &str| report.scope.softened.iter().any(|given| given == option);
    match report.verdict {
        _ if softened("--exit-zero") => 0,
        Verdict::Contradicted => 1,
        Verdict::Inconclusive if softened("--allow-inconclusive") => 0,
        Verdict::Inconclusive => 3,
        Verdict::Consistent => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tell::report::sample::{finding, report, word};

    #[test]
    fn only_the_accused_of_a_contradicted_claim_contradict() {
        let mut report = report();
        let weigh = |report: &Report, change: &dyn Fn(&mut Finding)| {
            let mut one = finding("f", "vendor");
            change(&mut one);
            of(report, &one)
        };
        assert_eq!(weigh(&report, &|_| ()), Weight::Contradicts);
        assert_eq!(
            weigh(&report, &|f| f.attribution = word("app")),
            Weight::Contradicts
        );
        assert_eq!(
            weigh(&report, &|f| f.attribution = word("shared")),
            Weight::Suspect
        );
        assert_eq!(
            weigh(&report, &|f| f.rule = "place-unsure".into()),
            Weight::Suspect
        );
        assert_eq!(weigh(&report, &|f| f.claims.clear()), Weight::Suspect);
        assert_eq!(weigh(&report, &|f| f.grace = true), Weight::Grace);
        assert_eq!(
            weigh(&report, &|f| f.allowed = Some("ntp".into())),
            Weight::Allowed
        );
        report.claims[0].verdict = word("inconclusive");
        assert_eq!(weigh(&report, &|_| ()), Weight::Suspect);
    }

    #[test]
    fn the_exit_code_follows_verdict_and_softening() {
        let mut report = report();
        for (verdict, softened, code) in [
            ("contradicted", "", 1),
            ("contradicted", "--allow-inconclusive", 1),
            ("contradicted", "--exit-zero", 0),
            ("inconclusive", "", 3),
            ("inconclusive", "--allow-inconclusive", 0),
            ("consistent", "", 0),
        ] {
            report.verdict = word(verdict);
            report.scope.softened = vec![softened.into()];
            assert_eq!(exit_code(&report), code, "{verdict} {softened}");
        }
    }
}
