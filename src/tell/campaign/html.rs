//! A campaign as one page: versions against claims, what is new in which version, the hosts over all sessions,
//! and the sessions. No script, no network; text passes the escaping of the report's page.

use super::rows::session;
use super::summary::{FAILED_MAX, Host, Summary, Tally, Version, news};
use super::{Each, Shown, screen};
use crate::ground::error::Error;
use crate::judge::claim::Verdict;
use crate::tell::report::html::{STYLE, markup::Page, policy};

use crate::tell::tables::columns::verdict;
use std::cmp::Reverse;
use std::io::{self, Write};

/// What this page adds to the style of a report.
const MORE_STYLE: &str = include_str!("campaign.css");

/// Hosts on the page; all are in the table `destinations`.
const HOSTS_MAX: usize = 500;
/// Sessions on the page, contradicted ones first; all are in the table `sessions`.
const SESSIONS_MAX: usize = 1_000;
/// Hosts named of what is new in a version.
const NEW_MAX: usize = 200;

/// Writes the page.
///
/// # Errors
/// When a session cannot be read, or the writer fails.
pub(super) fn write(shown: &Shown<'_>, each: &Each<'_>, out: &mut dyn Write) -> io::Result<()> {
    let listed = listed(each).map_err(io::Error::other)?;
    let mut page = Page::new(out);
    page.raw("<!DOCTYPE html>\n")?;
    page.tag("html", &[("lang", "en")], |page| {
        page.tag("head", &[], |page| {
            page.void("meta", &[("charset", "utf-8")])?;
            let policy = policy(&[STYLE, MORE_STYLE]);
            let attributes = [
                ("http-equiv", "Content-Security-Policy"),
                ("content", policy.as_str()),
            ];
            page.void("meta", &attributes)?;
            let width = "width=device-width, initial-scale=1";
            page.void("meta", &[("name", "viewport"), ("content", width)])?;
            page.void(
                "meta",
                &[("name", "color-scheme"), ("content", "light dark")],
            )?;
            page.leaf("title", &[], "drone-audit campaign")?;
            page.raw("<style>")?;
            page.raw(STYLE)?;
            page.raw(MORE_STYLE)?;
            page.raw("</style>\n")
        })?;
        page.tag("body", &[], |page| {
            page.tag("header", &[], |page| {
                page.leaf("p", &[("class", "kicker")], "drone-audit campaign")?;
                page.heading(1, None, "Versions and claims")?;
                let summary = shown.summary;
                page.p(&screen::tally(&summary.tally, summary.packets))?;
                let programs = summary.programs.iter();
                let programs = programs.map(|(version, catalog)| {
                    let short = catalog.get(..12).unwrap_or(catalog);
                    format!("Audited by version {version} with the host catalog {short}.")
                });
                programs.into_iter().try_for_each(|line| page.small(&line))
            })?;
            page.tag("main", &[], |page| {
                matrix(page, shown.summary)?;
                new_hosts(page, shown.summary)?;
                hosts(page, shown)?;
                sessions(page, shown, &listed)?;
                failed(page, shown.summary)
            })
        })
    })
}

/// A session as it is listed.
struct Listed {
    id: String,
    title: String,
    verdict: Option<Verdict>,
}

/// The sessions that are listed: those of the worst verdicts, in the order of ids.
fn listed(each: &Each<'_>) -> Result<Vec<Listed>, Error> {
    // A list for each verdict: which sessions stay must not depend on those before them.
    let mut kept: [Vec<Listed>; 3] = Default::default();
    each(&mut |entry| {
        let row = session(entry)?;
        let ended = row.verdict.as_deref().and_then(verdict);
        let list = match ended {
            Some(Verdict::Contradicted) => kept.first_mut(),
            Some(Verdict::Inconclusive) => kept.get_mut(1),
            Some(Verdict::Consistent) => kept.last_mut(),
            // They have a list of their own.
            None => None,
        };
        if let Some(list) = list.filter(|list| list.len() < SESSIONS_MAX) {
            list.push(Listed {
                title: row.title(),
                id: row.session,
                verdict: ended,
            });
        }
        Ok(())
    })?;
    let mut all: Vec<Listed> = kept.into_iter().flatten().collect();
    all.truncate(SESSIONS_MAX);
    Ok(all)
}

fn section(
    page: &mut Page<'_>,
    title: &str,
    inside: impl FnOnce(&mut Page<'_>) -> io::Result<()>,
) -> io::Result<()> {
    page.tag("section", &[], |page| {
        page.heading(2, None, title)?;
        inside(page)
    })
}

fn app_name(app: Option<&str>) -> &str {
    app.unwrap_or("App not declared")
}

fn version_name(version: &Version) -> &str {
    version.name.as_deref().unwrap_or("not declared")
}

/// A cell that says its column where the window is narrow.
fn cell(
    page: &mut Page<'_>,
    column: &str,
    inside: impl FnOnce(&mut Page<'_>) -> io::Result<()>,
) -> io::Result<()> {
    page.tag("td", &[("role", "cell"), ("data-of", column)], inside)
}

/// How sessions ended, in a cell.
fn ended(page: &mut Page<'_>, column: &str, tally: Option<&Tally>) -> io::Result<()> {
    let Some(tally) = tally else {
        return page.cell_text("");
    };
    let parts = [
        (tally.contradicted, "contradicted"),
        (tally.inconclusive, "inconclusive"),
        (tally.consistent, "consistent"),
        (tally.errors, "not audited"),
    ];
    cell(page, column, |page| {
        let there = parts.iter().filter(|(count, ..)| *count > 0);
        for (at, (count, word)) in there.enumerate() {
            if at > 0 {
                page.text(", ")?;
            }
            page.leaf("span", &[("class", word)], &format!("{count} {word}"))?;
        }
        Ok(())
    })
}

fn matrix(page: &mut Page<'_>, summary: &Summary) -> io::Result<()> {
    section(page, "Versions against claims", |page| {
        for (app, versions) in &summary.apps {
            page.heading(3, None, app_name(app.as_deref()))?;
            let mut heads = vec!["Version", "Sessions"];
            heads.extend(summary.claims.keys().map(String::as_str));
            let caption = "How the sessions of each version ended, by claim";
            page.table("matrix", caption, &heads, |page| {
                versions.iter().try_for_each(|version| {
                    page.row(&[], |page| {
                        page.name(|page| page.text(version_name(version)))?;
                        ended(page, "Sessions", Some(&version.tally))?;
                        let mut claims = summary.claims.keys();
                        claims.try_for_each(|claim| ended(page, claim, version.claims.get(claim)))
                    })
                })
            })?;
        }
        page.fold("rest", "The claims in words", |page| {
            page.tag("dl", &[], |page| {
                let mut claims = summary.claims.iter();
                claims.try_for_each(|(id, statement)| page.term(id, |page| page.text(statement)))
            })
        })
    })
}

fn new_hosts(page: &mut Page<'_>, summary: &Summary) -> io::Result<()> {
    section(page, "New in which version", |page| {
        let mut any = false;
        for (app, versions) in &summary.apps {
            for (at, version) in versions.iter().enumerate() {
                let Some(new) = news(versions, at) else {
                    continue;
                };
                any = true;
                let title = format!("{} {}", app_name(app.as_deref()), version_name(version));
                page.heading(3, None, &title)?;
                if new.is_empty() {
                    page.p("No host that the version before did not show.")?;
                    continue;
                }
                page.tag("ul", &[], |page| {
                    let mut shown = new.iter().take(NEW_MAX);
                    shown.try_for_each(|host| page.tag("li", &[], |page| page.host(host)))
                })?;
                let more = new.len().saturating_sub(NEW_MAX);
                if more > 0 {
                    page.small(&format!("and {more} more"))?;
                }
            }
        }
        if any {
            Ok(())
        } else {
            page.p("No app was recorded in two versions.")
        }
    })
}

fn hosts(page: &mut Page<'_>, shown: &Shown<'_>) -> io::Result<()> {
    let summary = shown.summary;
    let mut hosts: Vec<(&String, &Host)> = summary.hosts.iter().collect();
    hosts.sort_by_key(|(name, host)| (Reverse((host.attribution, host.sessions)), *name));
    let most = hosts
        .iter()
        .map(|(_, host)| host.sessions)
        .max()
        .unwrap_or(0);
    section(page, "Hosts and places", |page| {
        let heads = [
            "Host",
            "Whose",
            "Owner",
            "Where",
            "Sessions",
            "Bytes out",
            "Some sessions",
        ];
        let caption = "Hosts over all sessions, what accuses first; ? where databases do not agree on the country";
        page.table("hosts", caption, &heads, |page| {
            hosts.iter().take(HOSTS_MAX).try_for_each(|(name, host)| {
                page.row(&[], |page| {
                    page.name(|page| page.host(name))?;
                    let whose = host.attribution.map_or("", |a| a.id());
                    cell(page, "Whose", |page| page.text(whose))?;
                    let owner = host.owner.as_deref().unwrap_or("");
                    cell(page, "Owner", |page| page.text(owner))?;
                    let countries: Vec<&str> = host.countries.iter().map(String::as_str).collect();
                    cell(page, "Where", |page| page.text(&countries.join(", ")))?;
                    cell(page, "Sessions", |page| {
                        page.text(&host.sessions.to_string())?;
                        page.bar("internet", host.sessions, most)
                    })?;
                    let bytes = host.bytes_out.to_string();
                    cell(page, "Bytes out", |page| page.text(&bytes))?;
                    cell(page, "Some sessions", |page| {
                        let mut examples = host.examples.iter();
                        examples.try_for_each(|id| {
                            link(page, shown, id, id.get(..8).unwrap_or(id))?;
                            page.text(" ")
                        })
                    })
                })
            })
        })?;
        let more = hosts.len().saturating_sub(HOSTS_MAX);
        if more > 0 || summary.hosts_over {
            page.small(&format!(
                "and {more} more, or more still: see the table destinations"
            ))?;
        }
        Ok(())
    })
}

/// A session's id, as a link where it has a report.
fn link(page: &mut Page<'_>, shown: &Shown<'_>, id: &str, text: &str) -> io::Result<()> {
    match shown.reports {
        Some(folder) => page.leaf("a", &[("href", &format!("{folder}/{id}.html"))], text),
        None => page.leaf("code", &[], text),
    }
}

fn sessions(page: &mut Page<'_>, shown: &Shown<'_>, listed: &[Listed]) -> io::Result<()> {
    section(page, "Sessions", |page| {
        let heads = ["Session", "Verdict", "Recorded"];
        page.table(
            "sessions",
            "Sessions, the worst verdict first",
            &heads,
            |page| {
                listed.iter().try_for_each(|session| {
                    page.row(&[], |page| {
                        let short = session.id.get(..12).unwrap_or(&session.id);
                        page.name(|page| link(page, shown, &session.id, short))?;
                        let word = session.verdict.map_or("", |v| v.id());
                        page.cell(|page| page.leaf("span", &[("class", word)], word))?;
                        page.cell_text(&session.title)
                    })
                })
            },
        )?;
        let tally = &shown.summary.tally;
        let all = tally.sessions().saturating_sub(tally.errors);
        let more = all.saturating_sub(listed.len() as u64);
        if more > 0 {
            page.small(&format!("and {more} more: see the table sessions"))?;
        }
        Ok(())
    })
}

fn failed(page: &mut Page<'_>, summary: &Summary) -> io::Result<()> {
    if summary.failed.is_empty() {
        return Ok(());
    }
    section(page, "Could not be audited", |page| {
        let heads = ["Capture", "Kind", "Why"];
        page.table("failed", "Sessions without a verdict", &heads, |page| {
            summary.failed.iter().try_for_each(|failed| {
                page.row(&[], |page| {
                    page.name(|page| page.text(&failed.name))?;
                    page.cell_text(&failed.kind)?;
                    page.cell_text(&failed.text)
                })
            })
        })?;
        let more = summary.tally.errors.saturating_sub(FAILED_MAX as u64);
        if more > 0 {
            page.small(&format!("and {more} more: see the table sessions"))?;
        }
        Ok(())
    })
}
