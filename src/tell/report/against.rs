//! Findings marked as new or known: another report's findings, by fingerprint.
//!
//! A finding is known if the other report has one of the same id. That the other report did not
//! judge a claim, or was made with other data, makes findings new, never known.

use super::{json, read, v1};
use crate::ground::error::Error;
use std::collections::BTreeSet;
use std::path::Path;

/// The other report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Against {
    named: v1::Against,
    findings: BTreeSet<String>,
    claims: BTreeSet<String>,
}

impl Against {
    /// Reads the other report.
    ///
    /// # Errors
    /// When it cannot be read, is no report, or was edited.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let name = path.file_name().map_or_else(
            || path.display().to_string(),
            |n| n.to_string_lossy().into_owned(),
        );
        Ok(Self::of(name, &read::report(path)?))
    }

    fn of(path: String, report: &v1::Report) -> Self {
        let all = || std::iter::once(report).chain(&report.sessions);
        Self {
            named: v1::Against {
                path,
                digest: report.digest.clone(),
            },
            findings: all()
                .flat_map(|r| &r.findings)
                .map(|f| f.id.clone())
                .collect(),
            claims: all()
                .flat_map(|r| &r.claims)
                .map(|c| c.id.clone())
                .collect(),
        }
    }

    /// Marks the findings of a report, names the other one in it, and renews its digest.
    pub fn mark(&self, report: &mut v1::Report) {
        for finding in &mut report.findings {
            finding.known = Some(self.findings.contains(&finding.id));
        }
        report.against = Some(self.named.clone());
        report.digest = json::digest(report);
    }

    /// Claims of a report that the other one did not judge: all their findings are new.
    pub fn unjudged<'r>(&self, report: &'r v1::Report) -> Vec<&'r str> {
        let claims = report.claims.iter().map(|c| c.id.as_str());
        claims.filter(|id| !self.claims.contains(*id)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tell::report::sample;

    #[test]
    fn findings_are_known_by_their_ids_in_the_report_or_its_sessions() {
        let mut other = sample::report();
        other.digest = json::digest(&other);
        let mut report = sample::report();
        let added = sample::finding("0000000000000000", "app");
        report.findings.push(added);
        let known = |report: &v1::Report| report.findings.iter().map(|f| f.known).collect();

        let against = Against::of("old.json".into(), &other);
        against.mark(&mut report);
        let marks: Vec<Option<bool>> = known(&report);
        let (new, old) = marks.split_last().unwrap();
        assert_eq!(*new, Some(false));
        assert!(!old.is_empty() && old.iter().all(|m| *m == Some(true)));
        assert_eq!(report.digest, json::digest(&report));
        let named = report.against.clone().unwrap();
        assert_eq!(
            (named.path, named.digest),
            ("old.json".into(), other.digest.clone())
        );
        assert!(against.unjudged(&report).is_empty());

        let mut each = sample::report();
        each.findings.clear();
        each.claims.clear();
        each.sessions = vec![other];
        let again = Against::of("each.json".into(), &each);
        again.mark(&mut report);
        let marked_again: Vec<Option<bool>> = known(&report);
        assert_eq!(marked_again, marks);
    }
}
