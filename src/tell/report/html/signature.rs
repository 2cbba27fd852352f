//! Who signs: fields to be filled by hand, or by the program where the case file has the word.

use super::Part;
use super::markup::Page;
use std::io;

/// What the case file may call the auditor.
const AUDITOR: [&str; 3] = ["auditor", "examiner", "analyst"];

/// The section.
pub(super) fn signature(page: &mut Page<'_>, part: &Part<'_>) -> io::Result<()> {
    let case = part.report.case.as_ref();
    let auditor = case.and_then(|case| {
        let mut known = AUDITOR.iter();
        known.find_map(|key| case.reported.get(*key))
    });
    part.section(page, "signature", "Sign-off", |page| {
        page.p("Whoever signs has read this report and the captures that it names.")?;
        page.tag("dl", &[("class", "sign")], |page| {
            page.term("Auditor", |page| {
                page.text(auditor.map_or("", String::as_str))
            })?;
            page.term("Date", |_| Ok(()))?;
            page.term("Signature", |_| Ok(()))
        })
    })
}
