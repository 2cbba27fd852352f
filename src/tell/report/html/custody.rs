//! The chain of custody: what went in, what judged it, and what a second run has to give again.

use super::Part;
use super::folding::folded;
use super::markup::Page;
use crate::tell::report::v1::{Input, Run, Tool};
use crate::tell::report::words;
use std::io;

/// The section.
pub(super) fn custody(page: &mut Page<'_>, part: &Part<'_>) -> io::Result<()> {
    let report = part.report;
    part.section(page, "custody", "Chain of custody", |page| {
        page.p(
            "SHA-256 of everything that decides the verdict. Whoever has the captures and the same program gets the same digest.",
        )?;
        page.tag("dl", &[("class", "facts hashes")], |page| {
            page.term("Digest of this report", |page| page.code(&report.digest))?;
            if let Some(case) = &report.case {
                page.term("Case file", |page| {
                    page.text(&case.path)?;
                    page.text(" ")?;
                    page.code(&case.sha256)
                })?;
            }
            if let Some(against) = &report.against {
                page.term("Findings marked against", |page| {
                    page.text(&against.path)?;
                    page.text(", digest ")?;
                    page.code(&against.digest)
                })?;
            }
            program(page, &report.tool)
        })?;
        if !report.inputs.is_empty() {
            folded(page, &report.inputs, "capture", |page, rows, words| {
                inputs(page, rows, &format!("What was read: {words}"))
            })?;
        }
        if let Some(baseline) = &report.baseline {
            folded(page, &baseline.inputs, "capture", |page, rows, words| {
                inputs(page, rows, &format!("Baseline: {words}"))
            })?;
        }
        databases(page, &report.tool)?;
        part.heading(page, "This run")?;
        run(page, &report.tool.name, &report.run)
    })
}

fn program(page: &mut Page<'_>, tool: &Tool) -> io::Result<()> {
    page.term("Program", |page| {
        page.text(&format!("{} {}", tool.name, tool.version))?;
        match &tool.commit {
            Some(commit) => {
                page.text(", commit ")?;
                page.code(commit)
            }
            None => page.text(", commit not recorded"),
        }
    })?;
    page.term("Host catalog", |page| hash(page, &tool.catalog_sha256))?;
    page.term("Claims", |page| hash(page, &tool.claims_sha256))
}

fn hash(page: &mut Page<'_>, hash: &str) -> io::Result<()> {
    match hash {
        "" => page.text("not recorded"),
        hash => page.code(hash),
    }
}

fn inputs(page: &mut Page<'_>, rows: &[Input], caption: &str) -> io::Result<()> {
    page.table("inputs", caption, &["File", "Content", "SHA-256"], |page| {
        rows.iter().try_for_each(|input| {
            page.row(&[], |page| {
                page.name(|page| {
                    page.text(&input.path)?;
                    page.small(&words::bytes(input.bytes))
                })?;
                page.cell(|page| {
                    page.text(&format!(
                        "{}, {}",
                        input.format,
                        input.link_types.join(", ")
                    ))?;
                    page.small(&words::count(input.packets, "packet"))?;
                    page.aside(|page| page.span(input.first.as_deref(), input.last.as_deref()))
                })?;
                page.cell(|page| match &input.sha256 {
                    Some(hash) => page.code(hash),
                    None => page.text("not computed (--no-hash)"),
                })
            })
        })
    })
}

fn databases(page: &mut Page<'_>, tool: &Tool) -> io::Result<()> {
    if tool.geo.is_empty() {
        return page.p("No address database was used.");
    }
    let heads = ["Address database", "Data of", "SHA-256", "Attribution"];
    page.table("databases", "Address databases", &heads, |page| {
        tool.geo.iter().try_for_each(|geo| {
            page.row(&[], |page| {
                page.name(|page| {
                    page.text(&geo.source)?;
                    page.small(&geo.kind)
                })?;
                page.cell(|page| page.time(geo.built.as_deref()))?;
                page.cell(|page| page.code(&geo.sha256))?;
                page.cell(|page| {
                    page.text(&geo.attribution)?;
                    match geo.source.as_str() {
                        // Its licence asks for a link wherever its results are shown.
                        "embedded" => page.aside(|page| {
                            page.outward("https://db-ip.com", "IP Geolocation by DB-IP")
                        }),
                        _ => Ok(()),
                    }
                })
            })
        })
    })
}

/// All that the page says of `report.run`.
fn run(page: &mut Page<'_>, tool: &str, run: &Run) -> io::Result<()> {
    page.p("Only what stands below differs between two runs on the same evidence. The digest leaves it out.")?;
    page.tag("dl", &[("class", "facts hashes")], |page| {
        page.term("Started", |page| page.time(Some(&run.started)))?;
        page.term("Took", |page| page.text(&words::seconds(run.seconds)))?;
        page.term("Command line", |page| {
            page.code(&command(tool, &run.arguments))
        })?;
        page.term("Captures as given", |page| page.list(&run.paths))
    })
}

/// Arguments as a shell takes them.
fn command(tool: &str, arguments: &[String]) -> String {
    let quoted: Vec<String> = arguments
        .iter()
        .map(|argument| {
            let bare = |c: char| c.is_ascii_alphanumeric() || "-_=./:,+@%".contains(c);
            match !argument.is_empty() && argument.chars().all(bare) {
                true => argument.clone(),
                false => format!("'{}'", argument.replace('\'', r"'\''")),
            }
        })
        .collect();
    format!("{tool} {}", quoted.join(" "))
}
