//! Words and numbers that the table and the Markdown form share.

use super::{Asked, DestinationChange, Diff, LookupChange, Side, Status, Traffic};
use crate::judge::classify::Scope;

/// `2 new, 1 changed, 3 gone, 4 the same`.
fn counts(of: &super::Counts) -> String {
    format!(
        "{} new, {} changed, {} gone, {} the same",
        of.new, of.changed, of.gone, of.same
    )
}

/// The head line: word and rest.
pub(in crate::tell::report) fn headline(diff: &Diff) -> (&'static str, String) {
    let word = if diff.news { "new" } else { "nothing new" };
    let rest = format!(
        "destinations: {}; lookups: {}",
        counts(&diff.destination_counts),
        counts(&diff.lookup_counts)
    );
    (word, rest)
}

/// What the head line's word means.
pub(in crate::tell::report) fn meaning(diff: &Diff) -> &'static str {
    if diff.news {
        "The capture shows something that the baseline does not: rows marked with !."
    } else {
        match diff.capture.thin {
            false => "The capture shows nothing that the baseline does not show.",
            true => {
                "The capture shows nothing that the baseline does not show, but it has gaps, and what it does not show proves nothing."
            }
        }
    }
}

/// What a side is, without its name.
pub(in crate::tell::report) fn side(side: &Side) -> String {
    let length = match side.seconds {
        Some(seconds) => format!("{seconds:.1} s"),
        None => "no packets with a time".to_owned(),
    };
    let packets: u64 = side
        .inputs
        .iter()
        .fold(0, |sum, input| sum.saturating_add(input.packets));
    let digest = match &side.digest {
        Some(digest) => format!(", digest {digest}"),
        None => String::new(),
    };
    format!("{}, {length}, {packets} packets{digest}", side.given)
}

/// What is new, then what changed, then what is gone, under its title.
pub(in crate::tell::report) fn by_status(
    diff: &Diff,
) -> impl Iterator<Item = (&'static str, Vec<&DestinationChange>, Vec<&LookupChange>)> {
    let titles = [
        (Status::New, "New"),
        (Status::Changed, "Changed"),
        (Status::Gone, "Gone"),
    ];
    titles.into_iter().map(|(status, title)| {
        let destinations = diff.destinations.iter().filter(|r| r.status == status);
        let lookups = diff.lookups.iter().filter(|r| r.status == status);
        (title, destinations.collect(), lookups.collect())
    })
}

/// The mark of a row that is news.
pub(in crate::tell::report) fn mark(news: bool) -> &'static str {
    if news { "! " } else { "" }
}

/// Two states in one cell: one word if they agree or only one side has it.
pub(in crate::tell::report) fn arrow(before: Option<String>, after: Option<String>) -> String {
    match (before, after) {
        (Some(a), Some(b)) if a != b => format!("{a} → {b}"),
        (Some(one), _) | (None, Some(one)) => one,
        (None, None) => String::new(),
    }
}

/// Stage, bytes and packets of a row, a line each.
pub(in crate::tell::report) fn amounts(row: &DestinationChange) -> Vec<String> {
    let of = |get: fn(&Traffic) -> String| {
        arrow(row.before.as_ref().map(get), row.after.as_ref().map(get))
    };
    vec![
        of(|t| t.stage.to_string()),
        format!("out {} B", of(|t| t.bytes_out.to_string())),
        format!("in {} B", of(|t| t.bytes_in.to_string())),
        format!(
            "packets out {}, in {}",
            of(|t| t.packets_out.to_string()),
            of(|t| t.packets_in.to_string())
        ),
    ]
}

/// Whose traffic a row is.
pub(in crate::tell::report) fn whose(row: &DestinationChange) -> String {
    let of = |t: &Traffic| t.attribution.to_string();
    arrow(row.before.as_ref().map(of), row.after.as_ref().map(of))
}

/// Port, transport and scope, beside the name or address.
pub(in crate::tell::report) fn endpoint(row: &DestinationChange) -> String {
    let port = match (row.port, row.dynamic_port) {
        (Some(port), _) => format!("{}/{port}", row.transport),
        (None, true) => format!("{}/dynamic port", row.transport),
        (None, false) => row.transport.clone(),
    };
    match row.scope {
        Scope::Internet => port,
        scope @ (Scope::Local | Scope::Relayed) => format!("{port}, {scope}"),
    }
}

/// The name of a row without one.
pub(in crate::tell::report) fn unnamed(row: &DestinationChange) -> String {
    match &row.ip {
        Some(ip) => ip.clone(),
        None if row.scope == Scope::Relayed => "unnamed, behind a relay".to_owned(),
        None => "several destinations, folded".to_owned(),
    }
}

/// Addresses of a named row that are listed.
const ADDRESSES_MAX: usize = 4;

/// Addresses, operator and place of a row, a line each.
pub(in crate::tell::report) fn whereabouts(row: &DestinationChange) -> Vec<String> {
    let mut lines = Vec::new();
    let seen = row.after.as_ref().or(row.before.as_ref());
    if let Some(seen) = seen.filter(|_| row.host.is_some()) {
        let mut shown: Vec<String> = seen.addresses.iter().take(ADDRESSES_MAX).cloned().collect();
        let more = seen.addresses.len().saturating_sub(ADDRESSES_MAX);
        if more > 0 {
            shown.push(format!("and {more} more"));
        }
        if !shown.is_empty() {
            lines.push(shown.join(", "));
        }
    }
    lines.extend(match (row.asn, &row.organisation) {
        (Some(asn), Some(name)) => Some(format!("AS{asn} {name}")),
        (Some(asn), None) => Some(format!("AS{asn}")),
        (None, name) => name.clone(),
    });
    let place = |t: &Traffic| {
        let all: Vec<&str> = t
            .countries
            .iter()
            .chain(&t.regions)
            .map(String::as_str)
            .collect();
        (!all.is_empty()).then(|| all.join(", "))
    };
    let places = arrow(
        row.before.as_ref().and_then(place),
        row.after.as_ref().and_then(place),
    );
    lines.extend((!places.is_empty()).then_some(places));
    lines.extend(row.owner.as_ref().map(|owner| format!("owner {owner}")));
    lines.extend(row.app.as_ref().map(|app| format!("app {app}")));
    lines
}

fn first(side: &str, first: Option<&String>, frames: &[crate::ground::moment::FrameRef]) -> String {
    let frames: Vec<String> = frames
        .iter()
        .map(|at| format!("{}:{}", at.input, at.frame))
        .collect();
    let time = first.map_or("time not recorded", String::as_str);
    match frames.as_slice() {
        [] => format!("{side}: {time}"),
        frames => format!("{side}: {time}, frames {}", frames.join(" ")),
    }
}

/// When and where each side shows a destination.
pub(in crate::tell::report) fn firsts(row: &DestinationChange) -> Vec<String> {
    let of = |side: &str, t: &Traffic| first(side, t.first.as_ref(), &t.frames);
    let before = row.before.as_ref().map(|t| of("baseline", t));
    let after = row.after.as_ref().map(|t| of("capture", t));
    before.into_iter().chain(after).collect()
}

/// When and where each side shows a lookup.
pub(in crate::tell::report) fn asked(before: Option<&Asked>, after: Option<&Asked>) -> Vec<String> {
    let of = |side: &str, t: &Asked| first(side, t.first.as_ref(), &t.frames);
    let before = before.map(|t| of("baseline", t));
    let after = after.map(|t| of("capture", t));
    before.into_iter().chain(after).collect()
}
