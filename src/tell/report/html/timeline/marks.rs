//! Findings as marks on the time line, and what all its marks mean.

use super::Columns;
use super::groups::{Lane, Whose};
use crate::tell::report::html::icon;
use crate::tell::report::html::markup::Page;
use crate::tell::report::moments;
use crate::tell::report::v1::{Finding, Report};
use crate::tell::report::weight;
use crate::tell::report::words;
use crate::tell::report::words::Sense;
use std::io;

/// Share of the axis within which marks are put together: nearer ones would lie upon each other on a phone.
const NEAR: f64 = 0.05;
/// Findings named at a mark.
const NAMED_MAX: usize = 12;

/// Findings that begin at about the same time.
pub(super) struct Mark {
    pub(super) sense: Sense,
    names: Vec<String>,
    all: usize,
}

impl Mark {
    /// The findings by their labels.
    pub(super) fn words(&self) -> String {
        let names = self.names.join(", ");
        match self.all.saturating_sub(self.names.len()) {
            0 => names,
            more => format!("{names} and {more} more"),
        }
    }
}

/// Marks by their place, from left to right.
pub(super) fn marks(report: &Report, columns: &Columns) -> Vec<(f64, Mark)> {
    let mut drawn: Vec<(f64, usize, &Finding)> = report
        .findings
        .iter()
        .enumerate()
        .filter_map(|(index, finding)| {
            let first = finding.first.as_deref()?;
            let covered = columns.axis.covers(first);
            Some((columns.axis.at(first).filter(|_| covered)?, index, finding))
        })
        .collect();
    drawn.sort_by(|(a, i, _), (b, j, _)| a.total_cmp(b).then(i.cmp(j)));
    let mut marks: Vec<(f64, Mark)> = Vec::new();
    for (at, index, finding) in drawn {
        let sense = Sense::from(weight::of(report, finding));
        let near = marks.last().is_some_and(|(have, _)| at - have < NEAR);
        if !near {
            let names = Vec::new();
            marks.push((
                at,
                Mark {
                    sense,
                    names,
                    all: 0,
                },
            ));
        }
        let Some((_, mark)) = marks.last_mut() else {
            continue;
        };
        mark.sense = mark.sense.min(sense);
        mark.all = mark.all.saturating_add(1);
        if mark.names.len() < NAMED_MAX {
            mark.names.push(format!(
                "F{} {} {}",
                index.saturating_add(1),
                finding.attribution,
                moments::moment(finding.first.as_deref().unwrap_or_default())
            ));
        }
    }
    marks
}

/// What the marks mean, as far as the drawing has any.
pub(super) fn legend(page: &mut Page<'_>, report: &Report, lanes: &[Lane]) -> io::Result<()> {
    let windows = &report.scope.windows;
    let senses = [
        (Sense::Against, "finding that contradicts"),
        (Sense::Open, "finding that leaves it open"),
        (Sense::Aside, "finding in the grace, or allowed"),
    ];
    page.tag("ul", &[("class", "legend")], |page| {
        for (sense, words) in senses {
            let of = |finding| Sense::from(weight::of(report, finding));
            let there = report.findings.iter().any(|finding| of(finding) == sense);
            if there {
                page.tag("li", &[], |page| {
                    icon::icon(page, sense)?;
                    page.text(words)
                })?;
            }
        }
        for whose in Whose::ALL {
            if lanes.iter().any(|lane| lane.whose == whose) {
                let class = format!("swatch {}", whose.class());
                page.tag("li", &[], |page| {
                    page.leaf("span", &[("class", &class)], "")?;
                    page.text(whose.words())
                })?;
            }
        }
        let swatches = [
            ("window", "window", !windows.is_empty()),
            (
                "grace",
                "grace: traffic here contradicts nothing alone",
                windows.iter().any(|window| window.grace_seconds > 0.0),
            ),
        ];
        for (class, words, there) in swatches {
            if there {
                page.tag("li", &[], |page| {
                    page.leaf("span", &[("class", &format!("swatch {class}"))], "")?;
                    page.text(words)
                })?;
            }
        }
        let timeless = report.findings.iter().filter(|f| f.first.is_none()).count();
        match timeless {
            0 => Ok(()),
            some => page.leaf(
                "li",
                &[],
                &format!(
                    "{} without a time, not drawn",
                    words::count(some, "finding")
                ),
            ),
        }
    })
}
