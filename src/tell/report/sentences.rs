//! The sentences of a report: what judging found as facts, in words. Each is made here and nowhere else, so
//! that one can be mended without touching a rule.
//!
//! Nothing is decided here. Names and addresses stand as the capture has them; formats escape them.

use crate::evidence::content::{FoundIn, TrafficPart};
use crate::ground::gaps::GapId;
use crate::ground::interval::Window;
use crate::judge::claim::baseline::Doubt;
use crate::judge::claim::fact::{
    Account, Amounts, Explained, Fact, NotExempt, Property, SaidPlace, Seen, Why,
};
use crate::judge::claim::{About, Case, Finding, Reason};
use crate::judge::classify::{Scope, Stage};
use crate::tell::report::causes::{cause, window};
use crate::tell::report::grounds::{Because, Described};
use crate::tell::report::v1;
use crate::tell::report::words::count;
use std::collections::BTreeSet;
use std::fmt::{self, Display, Formatter, Write};

/// Finds of personal data that a sentence names; all of them stand in the finding.
const TOLD_MAX: usize = 5;

/// Parts of a sentence, one behind the other.
fn joined(parts: impl IntoIterator<Item = String>) -> String {
    parts.into_iter().collect::<Vec<_>>().join("; ")
}

/// Bytes that most sentences take.
const USUAL: usize = 160;

/// What a finding says.
pub(super) fn finding(finding: &Finding, case: &Case<'_>) -> String {
    let account = &finding.account;
    let mut out = String::with_capacity(USUAL);
    // Writing to a string cannot fail.
    let _ = match finding.about {
        About::Destination(index) => match case.destinations().get(index) {
            Some(d) => write!(
                out,
                "{}: {}; {}",
                Described(&d.key),
                How(finding),
                Because(&d.attributed.why)
            ),
            None => Ok(()),
        },
        About::Lookup(index) => match case.lookups().get(index) {
            Some(l) => write!(
                out,
                "{} was looked up{} at {}{}; {}",
                l.name,
                How(finding),
                l.resolver,
                match l.scope {
                    Scope::Relayed => ", on the local network, which needs the internet to answer",
                    Scope::Local | Scope::Internet => "",
                },
                Because(&l.attributed.why)
            ),
            None => Ok(()),
        },
    };
    let mut and = |part: &str| {
        if !out.is_empty() {
            out.push_str("; ");
        }
        out.push_str(part);
    };
    account.why.iter().for_each(|why| and(&fact(why)));
    if let Some(told) = in_clear(account) {
        and(&told);
    }
    if let Some(bytes) = account.unread {
        and(&format!("{bytes} of the bytes sent cannot be read"));
    }
    if account.browser {
        and("people also open this host in a browser, so it may have been a browser");
    }
    for over in &account.over_budget {
        and(&format!(
            "the allowance {} does not cover it: {} bytes are more than its budget",
            over.allowance, over.bytes
        ));
    }
    if account.in_grace {
        and("only in the grace time at the ends of the window");
    }
    // There can be tens of thousands, and each grew by doubling.
    out.shrink_to_fit();
    out
}

/// How far it went.
struct How<'a>(&'a Finding);

impl Display for How<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let (packets_out, bytes_out, bytes_in) = match self.0.account.seen {
            Seen::Asked(1) => return Ok(()),
            Seen::Asked(times) => return write!(f, " {times} times"),
            Seen::Traffic {
                packets_out,
                bytes_out,
                bytes_in,
            } => (packets_out, bytes_out, bytes_in),
        };
        match self.0.stage {
            Stage::Transferred => write!(
                f,
                "{bytes_out} bytes sent, {bytes_in} received"
            ),
            Stage::Connected => write!(
                f,
                "packets went both ways ({bytes_in} bytes received), and no payload was sent"
            ),
            Stage::Attempted if packets_out == 0 => f.write_str(
                "an ICMP error quotes a packet that was sent there; the packet itself is not in the capture",
            ),
            Stage::Attempted => write!(f, "{} sent, and nothing came back", count(packets_out, "packet")),
            Stage::Lookup => f.write_str("a resolver was asked"),
            Stage::Unsolicited => {
                f.write_str("packets came in, and our side did not answer")
            }
        }
    }
}

/// Personal data in clear, or in what was opened.
fn in_clear(account: &Account) -> Option<String> {
    let hits = account.in_clear.as_slice();
    let told: Vec<String> = hits
        .iter()
        .take(TOLD_MAX)
        .map(|hit| format!("{} {} ({})", hit.kind, hit.text, found_in(hit.place)))
        .collect();
    let more = match hits.len().saturating_sub(TOLD_MAX) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    // What stood in a sealed connection is readable with its keys.
    let word = match hits.iter().any(|hit| hit.place.opened.is_some()) {
        true => "readable",
        false => "in clear",
    };
    (!told.is_empty()).then(|| format!("{word}: {}{more}", told.join(", ")))
}

/// Where in the traffic something stood.
pub(super) fn found_in(place: FoundIn) -> String {
    match (place.opened, place.part) {
        (None, part) => part.to_string(),
        (Some(by), TrafficPart::Payload) => format!("opened {by}"),
        (Some(by), part) => format!("{part} in opened {by}"),
    }
}

fn property(of: Property) -> &'static str {
    match of {
        Property::Owner => "the name's owner is",
        Property::Jurisdiction => "the jurisdiction of the name's owner is",
        Property::Role => "the host's role is",
        Property::Host => "the host is",
    }
}

fn said(place: &SaidPlace) -> String {
    let SaidPlace {
        provider,
        region,
        country,
    } = place;
    match region {
        Some(region) => format!("the host name says region {region} in {country}"),
        None => format!("the host name says a part of {provider} that is only in {country}"),
    }
}

fn amounts(of: Amounts) -> String {
    format!("{} bytes sent, {} received", of.out, of.back)
}

/// A fact that a judgement rests on.
fn fact(fact: &Fact) -> String {
    match fact {
        Fact::Named(of, value) => format!("{} {value}", property(*of)),
        Fact::NamedAlone(of, value) => format!(
            "{} {value}, by the name alone: no address confirms it",
            property(*of)
        ),
        Fact::Untold(of) => format!("it is not known what {}", property(*of)),
        Fact::NameInPlace(place) => said(place),
        Fact::NameInPlaceButAddress(place, countries) => format!(
            "{}, but by the address data the address is in {}",
            said(place),
            countries.join(" or ")
        ),
        Fact::NameInPlaceAlone(place) => {
            format!("{}, and the address does not confirm it", said(place))
        }
        Fact::RelayHidesAddress => "a relay hides the address".to_owned(),
        Fact::AddressUnknown => "the address is in no address database".to_owned(),
        Fact::DeliveryNetwork => {
            "the host is of a delivery network, which answers from many places".to_owned()
        }
        Fact::AddressDataStale => {
            "the address data are years older or newer than the capture".to_owned()
        }
        Fact::AddressIn(country) => {
            format!("all address data say that the address is in {country}")
        }
        Fact::AddressInOneOf(countries) => format!(
            "the address data say that the address is in one of {}",
            countries.join(", ")
        ),
        Fact::AddressDataDiffer(countries) => {
            format!("the address data do not agree: {}", countries.join(", "))
        }
        Fact::Anycast => "the address answers from many places (anycast)".to_owned(),
        Fact::OneSource(countries) => format!(
            "only one source knows the place of the address: {}",
            countries.join(", ")
        ),
        Fact::NameOfProvider(name) => format!("the host name says {name}"),
        Fact::NameOfProviderButAddress(name, address) => {
            format!("the host name says {name}, but the address belongs to {address}")
        }
        Fact::NameOfProviderAlone(name) => {
            format!("the host name says {name}, but no address confirms it")
        }
        Fact::AddressOfOperator(address) => format!("the address belongs to {address}"),
        Fact::ProviderUntold => {
            "neither the name nor the address says whose server this is".to_owned()
        }
        Fact::UploadFolded => {
            "it stands for several destinations; how much each of them received is not known"
                .to_owned()
        }
        Fact::UploadTogether(sum) => format!(
            "to this receiver, all its addresses and ports together: {}",
            amounts(*sum)
        ),
        Fact::UploadWithUnattributed(sum) => format!(
            "it is an upload only together with traffic of unknown senders: {}",
            amounts(*sum)
        ),
        Fact::UploadNotSoMuch(sum) => format!(
            "to this receiver {}: much, but not clearly an upload",
            amounts(*sum)
        ),
        Fact::UploadBySeveral(sum) => format!(
            "only several devices together sent as much as an upload: {}",
            amounts(*sum)
        ),
        Fact::Exempt { role, owner, but } => {
            let what = format!("the statement makes an exception for {role} of {owner}");
            match but {
                None => what,
                Some(NotExempt::TooMuch(bytes)) => {
                    format!("{what}, but {bytes} bytes were sent, more than such traffic needs")
                }
                Some(NotExempt::NameAlone) => format!(
                    "{what}, but only the name says so: it is not known that the address is the owner's"
                ),
            }
        }
        Fact::Baseline(how) => explained(*how),
    }
}

/// How a baseline explains something.
pub(super) fn explained(how: Explained) -> String {
    let (what, frame) = match how {
        Explained::NameAtOperator(frame) => ("the same name at the same operator", frame),
        Explained::NameAtAddress(frame) => ("the same name at the same address", frame),
        Explained::Address(frame) => ("the same address without a name", frame),
        Explained::Asked => {
            return "the baseline without the app asks for the same name".to_owned();
        }
    };
    format!("the baseline without the app shows {what} (its frame {frame})")
}

/// Why a baseline explains nothing.
pub(super) fn doubt(doubt: Doubt) -> &'static str {
    match doubt {
        Doubt::AtWork => {
            "the baseline was declared to be without the app, but it shows the app or the drone at work: it explains nothing"
        }
        Doubt::Undeclared => {
            "the baseline is not declared to be without the app (--baseline-kind without-app): it explains nothing"
        }
    }
}

/// The reasons of a verdict, each sentence once. Gaps of a window stand in the order of their kind, place
/// and words.
pub(super) fn reasons(reasons: &[Reason], case: &Case<'_>) -> Vec<v1::Reason> {
    let mut told: Vec<Told> = reasons
        .iter()
        .map(|reason| {
            let text = why(&reason.why, case);
            let gap = match &reason.why {
                Why::Gap(gap) => Some((gap.id, gap.input, gap.frame, text.clone())),
                _ => None,
            };
            let text = match &reason.window {
                Some(of) => format!("{}: {text}", window(of)),
                None => text,
            };
            let id = reason.id.clone();
            (gap, reason.window, v1::Reason { id, text })
        })
        .collect();
    let gaps_of_one =
        |(a, window, _): &Told, (b, other, _): &Told| a.is_some() && b.is_some() && window == other;
    for run in told.chunk_by_mut(gaps_of_one) {
        run.sort_by(|(a, ..), (b, ..)| a.cmp(b));
    }
    let mut met: BTreeSet<(String, String)> = BTreeSet::new();
    let all = told.into_iter().map(|(.., reason)| reason);
    all.filter(|r| met.insert((r.id.to_string(), r.text.clone())))
        .collect()
}

/// A reason in words, its window, and its place among the gaps of that window if it is one.
type Told = (Option<GapOrder>, Option<Window>, v1::Reason);

/// Kind, input, frame and words.
type GapOrder = (GapId, Option<u32>, Option<u64>, String);

fn why(why: &Why, case: &Case<'_>) -> String {
    match why {
        Why::Findings(first, 0) => finding(first, case),
        Why::Findings(first, more) => format!("{} (and {more} more)", finding(first, case)),
        Why::Gap(gap) => cause(&gap.cause, case.needs),
        Why::NotTestable(what) => joined(what.iter().cloned()),
        Why::NoUpload(bytes, ratio) => format!(
            "no upload of the app was seen ({bytes} bytes or more to one receiver, and {ratio} times what came in). So where uploads are stored was not tested"
        ),
        Why::OtherCountry(wanted, declared) => format!(
            "the statement is about operators in {wanted}, and the case file declares {declared}"
        ),
        Why::BeaconMissing(host) => format!(
            "the auditor called {host} on purpose, and the capture does not show it. It may miss other traffic too"
        ),
        Why::NoWindow => "there is no window to judge".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::content::SealedBy;

    #[test]
    fn places_in_the_traffic_stand_in_the_order_of_their_words() {
        let opened = SealedBy::ALL.iter().copied().map(Some);
        let sealed: Vec<_> = std::iter::once(None).chain(opened).collect();
        let parts = TrafficPart::ALL
            .iter()
            .filter(|p| **p != TrafficPart::Payload);
        let all: BTreeSet<FoundIn> = parts
            .flat_map(|part| sealed.iter().map(|by| FoundIn::new(*part, *by)))
            .collect();
        let words: Vec<String> = all.iter().copied().map(found_in).collect();
        assert!(words.is_sorted(), "{words:?}");
        for text in ["http url in opened quic", "opened dtls", "udp payload"] {
            assert!(words.iter().any(|word| word == text), "{text}: {words:?}");
        }
        assert_eq!(words.len(), 11 + 2 * 5 + 3);
    }
}
