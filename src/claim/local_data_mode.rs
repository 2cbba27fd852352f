//! "Local Data Mode stops all internet traffic to and from the DJI Pilot flight control app."
//!
//! Contradicted by internet traffic, direct or relayed, of the app, the device under audit or the
//! vendor's names, inside a window in which the mode was on; a lookup of such a name is an attempt
//! and counts. Traffic that nothing attributes is suspect. What a drone link says locally does not
//! count, and what only came in unasked moves nothing.

use super::coverage::WindowCoverage;
use super::{About, Case, Claim, Confidence, Description, Finding};
use crate::classify::attribution::Attribution;
use crate::classify::destination::Destination;
use crate::classify::lookup::Lookup;
use crate::classify::{Scope, Stage};
use crate::evidence::{FrameRef, Moment};
use crate::flow::NameSource;
use crate::flow::row::FRAMES_MAX;

/// The id of the claim.
pub const ID: &str = "local-data-mode";

pub(super) const CLAIM: Claim = Claim {
    description: Description {
        id: ID,
        statement: "Local Data Mode stops all internet traffic to and from the DJI Pilot flight control app",
        source: "DJI, 30 November 2017",
    },
    findings,
};

fn findings(case: &Case<'_>, window: &WindowCoverage) -> Vec<Finding> {
    let destinations = case
        .destinations()
        .iter()
        .enumerate()
        .filter_map(|(index, destination)| contact(index, destination, window));
    let lookups = case
        .lookups()
        .iter()
        .enumerate()
        .filter_map(|(index, lookup)| asked(index, lookup, window));
    destinations.chain(lookups).collect()
}

/// The rule for an attribution, and whether it contradicts.
fn rule(whose: Attribution, lookup: bool) -> Option<(&'static str, bool)> {
    match (whose, lookup) {
        (Attribution::App, false) => Some(("app-contact", true)),
        (Attribution::App, true) => Some(("app-lookup", true)),
        (Attribution::Vendor, false) => Some(("vendor-contact", true)),
        (Attribution::Vendor, true) => Some(("vendor-lookup", true)),
        (whose, _) if whose.is_suspect() => Some(("unattributed-internet", false)),
        _ => None,
    }
}

fn contact(index: usize, destination: &Destination, window: &WindowCoverage) -> Option<Finding> {
    // Lookups in clear are judged one by one, by their names.
    if destination.key.lookups_only && !destination.looked_up_nothing() {
        return None;
    }
    let (stage, traffic) = destination.stage_in(&*window.inside)?;
    if stage == Stage::Unsolicited {
        return None;
    }
    let whose = destination.attributed.whose;
    let (rule, contradicts) = rule(whose, false)?;
    let browser = destination.browsable && whose == Attribution::Vendor;
    let confidence = match whose {
        Attribution::App => Confidence::High,
        Attribution::Vendor if browser => Confidence::Medium,
        Attribution::Vendor => match destination.key.host_source {
            Some(NameSource::Certificate | NameSource::DnsAlias) => Confidence::Medium,
            _ => Confidence::High,
        },
        _ => Confidence::Low,
    };
    let name = destination.describe();
    let how = match stage {
        Stage::Transferred => format!(
            "{} bytes of payload went out and {} came in",
            traffic.bytes_out, traffic.bytes_in
        ),
        Stage::Connected => format!(
            "packets went both ways ({} bytes in), and no application payload went out",
            traffic.bytes_in
        ),
        Stage::Attempted if traffic.packets_out == 0 => {
            "an ICMP error quotes a packet that went there; the capture missed the packet itself"
                .to_owned()
        }
        Stage::Attempted => format!(
            "{} packets went out and nothing came back",
            traffic.packets_out
        ),
        Stage::Lookup => "a resolver was asked".to_owned(),
        Stage::Unsolicited => return None,
    };
    let why = &destination.attributed.reason;
    let browser = if browser {
        "; people also open this host in browsers, so a browser could have done it"
    } else {
        ""
    };
    Some(Finding {
        rule,
        contradicts,
        about: About::Destination(index),
        attribution: whose,
        stage,
        confidence,
        text: format!("{name}: {how}; {why}{browser}"),
        first: traffic.first,
        frames: frames(destination, window),
    })
}

/// Exemplars inside the window: the first and last packet of every vantage, and what the
/// destination lists between them.
fn frames(destination: &Destination, window: &WindowCoverage) -> Vec<FrameRef> {
    let mut out: Vec<FrameRef> = Vec::new();
    for view in destination.views.values() {
        for (_, traffic) in view
            .active
            .iter()
            .filter(|(epoch, _)| (window.inside)(*epoch))
        {
            let (first, last) = (traffic.first.at, traffic.last.at);
            out.extend([first, last]);
            out.extend(destination.frames.range(first..=last.max(first)).copied());
        }
    }
    out.sort();
    out.dedup();
    out.truncate(FRAMES_MAX);
    out
}

fn asked(index: usize, lookup: &Lookup, window: &WindowCoverage) -> Option<Finding> {
    if lookup.scope == Scope::Local {
        return None;
    }
    let inside: Vec<&(u64, Moment, Moment)> = lookup
        .asked
        .iter()
        .filter(|(epoch, _)| (window.inside)(**epoch))
        .map(|(_, asked)| asked)
        .collect();
    let first = inside.iter().map(|(_, first, _)| *first).min()?;
    let last = inside.iter().map(|(_, _, last)| *last).max()?;
    let count: u64 = inside.iter().map(|(count, ..)| count).sum();
    let whose = lookup.attributed.whose;
    let (rule, contradicts) = rule(whose, true)?;
    let times = if count == 1 {
        String::new()
    } else {
        format!(" {count} times")
    };
    let by = match lookup.scope {
        Scope::Relayed => ", a local resolver, which has to ask the internet",
        _ => "",
    };
    let mut frames = vec![first.at, last.at];
    frames.sort();
    frames.dedup();
    Some(Finding {
        rule,
        contradicts,
        about: About::Lookup(index),
        attribution: whose,
        stage: Stage::Lookup,
        confidence: if whose.accuses() {
            Confidence::High
        } else {
            Confidence::Low
        },
        text: format!(
            "{} was looked up{times} at {}{by}; {}",
            lookup.name, lookup.resolver, lookup.attributed.reason
        ),
        first,
        frames,
    })
}
