//! Findings as marks on the time line, and what all its marks mean.

use super::Columns;
use crate::tell::report::html::icon;
use crate::tell::report::html::markup::Page;
use crate::tell::report::v1::Report;
use crate::tell::report::weight;
use crate::tell::report::words;
use crate::tell::report::words::Sense;
use std::collections::BTreeMap;
use std::io;

/// Columns in which marks of findings are put together: more would lie upon each other.
const MARKS: f64 = 60.0;
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
    let mut marks: BTreeMap<u32, Mark> = BTreeMap::new();
    for (index, finding) in report.findings.iter().enumerate() {
        let Some(first) = finding.first.as_deref() else {
            continue;
        };
        let (Some(at), true) = (columns.axis.at(first), columns.axis.covers(first)) else {
            continue;
        };
        // A share is from 0 to 1.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let place = (at * MARKS) as u32;
        let sense = Sense::from(weight::of(report, finding));
        let mark = marks.entry(place).or_insert(Mark {
            sense,
            names: Vec::new(),
            all: 0,
        });
        mark.sense = mark.sense.min(sense);
        mark.all = mark.all.saturating_add(1);
        if mark.names.len() < NAMED_MAX {
            mark.names.push(format!(
                "F{} {} {first}",
                index.saturating_add(1),
                finding.attribution
            ));
        }
    }
    marks
        .into_iter()
        .map(|(place, mark)| (f64::from(place) / MARKS, mark))
        .collect()
}

/// What the marks mean, as far as the drawing has any.
pub(super) fn legend(page: &mut Page<'_>, report: &Report) -> io::Result<()> {
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
