//! What was audited: the app, the device, the networks.

use super::folding::folded;
use super::markup::Page;
use super::{Part, evidence};
use crate::tell::report::v1::{Baseline, Device, Machine, Scope};
use crate::tell::report::weight;
use crate::tell::report::words;
use std::io;

/// The section.
pub(super) fn scope(page: &mut Page<'_>, part: &Part<'_>) -> io::Result<()> {
    let scope = &part.report.scope;
    part.section(page, "scope", "Scope of the audit", |page| {
        page.tag("dl", &[("class", "facts")], |page| {
            page.term("App under audit", |page| match &scope.app {
                Some(patterns) => page.text(&patterns.join(", ")),
                None => page.text("none declared"),
            })?;
            page.term("Device under audit", |page| match &scope.device {
                Some(device) => self::device(page, device),
                None => page.text("none declared"),
            })?;
            if !scope.local_networks.is_empty() {
                page.term("Declared local", |page| {
                    page.text(&scope.local_networks.join(", "))
                })?;
            }
            if let Some(baseline) = &part.report.baseline {
                page.term("Baseline", |page| self::baseline(page, baseline))?;
            }
            page.term("Exit code of check", |page| {
                page.text(&weight::exit_code(part.report).to_string())?;
                match scope.softened.is_empty() {
                    true => Ok(()),
                    false => page.small(&format!("softened by {}", scope.softened.join(", "))),
                }
            })
        })?;
        apps(page, part, scope)?;
        folded_if_any(page, &scope.machines, "machine", machines)?;
        folded_if_any(page, &scope.proven_local, "address", |page, rows, words| {
            let caption = format!("Public by number and local by proof: {words}");
            page.table("two", &caption, &["Address", "Proof"], |page| {
                rows.iter().try_for_each(|row| {
                    page.row(&[], |page| {
                        page.name(|page| page.text(&row.ip))?;
                        page.cell_text(&row.text)
                    })
                })
            })
        })
    })
}

fn folded_if_any<T>(
    page: &mut Page<'_>,
    rows: &[T],
    what: &str,
    draw: impl Fn(&mut Page<'_>, &[T], &str) -> io::Result<()>,
) -> io::Result<()> {
    match rows.is_empty() {
        true => Ok(()),
        false => folded(page, rows, what, draw),
    }
}

fn baseline(page: &mut Page<'_>, baseline: &Baseline) -> io::Result<()> {
    page.text(baseline.kind.id())?;
    let files: Vec<&str> = baseline.inputs.iter().map(|i| i.path.as_str()).collect();
    page.small(&files.join(", "))?;
    page.small(&format!(
        "{}, of those {} with the subject seen at work",
        words::seconds(baseline.seconds),
        words::seconds(baseline.active_seconds)
    ))?;
    match &baseline.doubt {
        Some(doubt) => page.leaf("div", &[("class", "note")], doubt),
        None => Ok(()),
    }
}

fn device(page: &mut Page<'_>, device: &Device) -> io::Result<()> {
    page.text(&device.declared.join(", "))?;
    if !device.macs.is_empty() {
        page.small(&format!("MAC {}", device.macs.join(", ")))?;
    }
    if !device.addresses.is_empty() {
        page.small(&format!("sent from {}", device.addresses.join(", ")))?;
    }
    match device.ambiguous {
        true => page.leaf("div", &[("class", "note")], "The declared address was used by more than one machine, or by a router: it was not extended to others."),
        false => Ok(()),
    }
}

fn apps(page: &mut Page<'_>, part: &Part<'_>, scope: &Scope) -> io::Result<()> {
    folded_if_any(page, &scope.apps_seen, "app", |page, rows, words| {
        let heads = ["App", "Label says", "Packets", "First frame"];
        let caption = format!("Apps that the captures name: {words}");
        page.table("apps", &caption, &heads, |page| {
            rows.iter().try_for_each(|seen| {
                page.row(&[], |page| {
                    page.name(|page| {
                        page.text(&words::app(&seen.app))?;
                        page.small(&format!("by {}", seen.app.source))?;
                        match seen.app.also.is_empty() {
                            true => Ok(()),
                            false => page.small(&format!("also {}", seen.app.also.join(", "))),
                        }
                    })?;
                    page.cell_text(seen.says.id())?;
                    page.cell_text(&seen.packets.to_string())?;
                    page.cell(|page| {
                        page.text(&seen.frame.to_string())?;
                        page.small(&evidence::input(part.report, seen.input))
                    })
                })
            })
        })
    })
}

fn machines(page: &mut Page<'_>, rows: &[Machine], words: &str) -> io::Result<()> {
    let heads = ["MAC address", "Maker", "Addresses", "Known as"];
    let caption = format!("Machines on the link: {words}");
    page.table("machines", &caption, &heads, |page| {
        rows.iter().try_for_each(|machine| {
            page.row(&[], |page| {
                page.name(|page| page.leaf("code", &[], &machine.mac))?;
                page.cell(|page| {
                    page.text(
                        machine
                            .maker
                            .as_deref()
                            .unwrap_or("not a known drone maker"),
                    )?;
                    match &machine.maker_kind {
                        Some(kind) => page.small(kind.word()),
                        None => Ok(()),
                    }
                })?;
                page.cell_text(&match machine.addresses.is_empty() {
                    true => "none seen".to_owned(),
                    false => machine.addresses.join(", "),
                })?;
                page.cell_text(match (machine.device, machine.router) {
                    (true, true) => "device under audit, router",
                    (true, false) => "device under audit",
                    (false, true) => "router",
                    (false, false) => "",
                })
            })
        })
    })
}
