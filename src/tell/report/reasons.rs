//! The reasons of a claim and the gaps for a reader: those of one id together, and where findings say the same as a
//! reason, their numbers in place of the sentence.

use super::v1::{Claim, Gap, Report};
use super::weight::ids;

/// Reasons of one id.
pub(super) struct Folded<'a> {
    pub(super) id: &'a str,
    /// How many there are.
    pub(super) times: usize,
    /// The words of the first.
    pub(super) text: &'a str,
    /// Places, among the findings of the report, of those that say it.
    pub(super) findings: Vec<usize>,
}

impl Folded<'_> {
    /// `F1, F2`: the findings by their numbers, as far as `most` of them.
    pub(super) fn numbers(&self, most: usize) -> String {
        let mut named: Vec<String> = self
            .findings
            .iter()
            .take(most)
            .map(|at| number(*at))
            .collect();
        let more = self.findings.len().saturating_sub(most);
        if more > 0 {
            named.push(format!("{more} more"));
        }
        named.join(", ")
    }
}

/// `F1`: how a finding is called, by its place in the report.
pub(super) fn number(at: usize) -> String {
    format!("F{}", at.saturating_add(1))
}

/// The reasons of a claim, in the order of their first.
pub(super) fn folded<'a>(report: &'a Report, claim: &'a Claim) -> Vec<Folded<'a>> {
    let ids = ids(claim);
    let mut all: Vec<Folded<'a>> = Vec::new();
    for reason in &claim.reasons {
        if let Some(have) = all.iter_mut().find(|have| have.id == reason.id) {
            have.times = have.times.saturating_add(1);
            continue;
        }
        let findings = report.findings.iter().enumerate();
        let says = findings.filter(|(_, f)| f.rule == reason.id && ids.contains(f.id.as_str()));
        let weighs =
            |(at, f): (usize, &super::v1::Finding)| (!f.grace && f.allowed.is_none()).then_some(at);
        all.push(Folded {
            id: &reason.id,
            times: 1,
            text: &reason.text,
            findings: says.filter_map(weighs).collect(),
        });
    }
    all
}

/// Gaps of one kind that a page lists one by one; more are a row with their number.
const ALIKE_MAX: usize = 3;

/// A gap, or many of its kind.
pub(super) struct Gaps<'a> {
    /// The first.
    pub(super) first: &'a Gap,
    /// How often, over all.
    pub(super) count: u64,
    /// How many more there are, with words of their own.
    pub(super) more: usize,
}

impl Gaps<'_> {
    /// The words of the first, and how many more there are.
    pub(super) fn text(&self) -> String {
        match self.more {
            0 => self.first.text.clone(),
            more => format!("{} (and {more} more like this)", self.first.text),
        }
    }
}

/// The gaps in their order, many of one kind together.
pub(super) fn gaps<'a>(gaps: impl Iterator<Item = &'a Gap> + Clone) -> Vec<Gaps<'a>> {
    let alike = |a: &Gap, b: &Gap| {
        (&a.id, a.blocking, a.covered_by.is_some()) == (&b.id, b.blocking, b.covered_by.is_some())
    };
    let mut all: Vec<Gaps<'a>> = Vec::new();
    for gap in gaps.clone() {
        let many = gaps
            .clone()
            .filter(|other| alike(gap, other))
            .nth(ALIKE_MAX);
        let have = all.iter_mut().find(|have| alike(have.first, gap));
        match have.filter(|_| many.is_some()) {
            Some(have) => {
                have.count = have.count.saturating_add(gap.count);
                have.more = have.more.saturating_add(1);
            }
            None => all.push(Gaps {
                first: gap,
                count: gap.count,
                more: 0,
            }),
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tell::report::sample::gap;

    #[test]
    fn many_gaps_of_a_kind_are_one_row_with_their_number() {
        let mut all: Vec<Gap> = (0..40)
            .map(|n| gap("time-gap", true, &format!("no packet for {n} seconds")))
            .collect();
        all.push(gap("started-late", false, "flows were open"));
        let folded = gaps(all.iter());
        assert_eq!(folded.len(), 2);
        assert_eq!((folded[0].more, folded[0].count), (39, 480));
        assert!(folded[0].text().ends_with("(and 39 more like this)"));
        assert_eq!(gaps(all.iter().skip(38)).len(), 3);
    }
}
