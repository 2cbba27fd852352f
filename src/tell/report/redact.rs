//! Taking the site out of a report (`--redact`), so that it can be handed on.
//!
//! MAC addresses, addresses of the site and local names become `mac-1`, `private-1`, `local-name-1`
//! and `ssid-1`, numbered in the order in which the report first speaks of them; the same thing has
//! the same label everywhere, and the same audit gives the same labels. Replaced are values and
//! what texts say of them, in the arguments of the run too. Terms of display filters that would name
//! them are left out: such a filter selects its packets and more.
//!
//! Addresses of the site are private, unique-local, link-local and shared ones, and every other address
//! that the report gives to our own side. Names are those that are not public
//! ([`is_public_name`]). Reports speak of Wi-Fi names only where a case file reports one.
//!
//! Not replaced: what was asked for or reached on the internet, app names, file names but for
//! addresses in them, times, hashes. A fingerprint of a finding is made of where traffic
//! went. Whoever has the captures can undo all of it.

mod fields;

use super::filter::Filter;
use super::{json, v1};
use crate::ground::address::{Class, classify, is_ip_literal};
use crate::ground::mac::Mac;
use crate::ground::public_name::is_public_name;
use fields::Redact;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// What a filter becomes of which nothing is left: in Wireshark it selects every frame.
const EVERYTHING: &str = "frame";

/// Replaces what belongs to the site, and renews the digests.
pub fn redact(report: &mut v1::Report) {
    let mut labels = Labels::of(report);
    report.redact(&mut labels);
    let partial = labels.partial;
    for session in &mut report.sessions {
        tell(session, partial);
        session.digest = json::digest(session);
    }
    tell(report, partial);
    report.digest = json::digest(report);
}

fn tell(report: &mut v1::Report, partial: bool) {
    report.scope.redacted = true;
    report.limits.push(
        "MAC addresses, addresses of the site and local names are replaced by labels.".to_owned(),
    );
    if partial {
        report.limits.push(
            "Display filters are partial: terms with such addresses and names are left out, so that they select more than the packets of their findings.".to_owned(),
        );
    }
}

/// What is replaced, and by what.
#[derive(Default)]
struct Labels {
    /// Addresses of our own side that their number does not give away.
    own: BTreeSet<IpAddr>,
    /// Local names of one label, in small letters: among words they are known by this list only.
    words: BTreeMap<String, &'static str>,
    /// MAC addresses that the report lists: written without separators they are known by this.
    macs: BTreeSet<Mac>,
    given: BTreeMap<String, String>,
    counts: BTreeMap<&'static str, u32>,
    /// A term was left out of a filter.
    partial: bool,
}

impl Labels {
    fn of(report: &v1::Report) -> Self {
        let mut labels = Self::default();
        let mut theirs = BTreeSet::new();
        for report in std::iter::once(report).chain(&report.sessions) {
            labels.collect(report, &mut theirs);
        }
        labels.own.retain(|ip| !theirs.contains(ip));
        labels
    }

    fn collect(&mut self, report: &v1::Report, theirs: &mut BTreeSet<IpAddr>) {
        let scope = &report.scope;
        let hosts = scope.machines.iter().filter(|m| !m.router);
        let device = scope.device.iter();
        let ours = hosts
            .flat_map(|m| &m.addresses)
            .chain(
                device
                    .clone()
                    .flat_map(|d| d.declared.iter().chain(&d.addresses)),
            )
            .chain(scope.proven_local.iter().map(|p| &p.ip))
            .chain(report.destinations.iter().flat_map(|d| &d.clients))
            .chain(report.lookups.iter().flat_map(|l| &l.clients));
        let ours = ours.filter_map(|ip| ip.parse::<IpAddr>().ok());
        self.own.extend(ours.filter(|ip| !ip.is_multicast()));
        let far = report.destinations.iter().filter_map(|d| d.ip.as_ref());
        let resolvers = report
            .lookups
            .iter()
            .flat_map(|l| l.answers.iter().chain([&l.resolver]));
        theirs.extend(
            far.chain(resolvers)
                .filter_map(|ip| ip.parse::<IpAddr>().ok()),
        );
        let macs = scope.machines.iter().map(|m| &m.mac);
        let macs = macs.chain(device.flat_map(|d| d.declared.iter().chain(&d.macs)));
        self.macs.extend(macs.filter_map(|mac| Mac::parse(mac)));
        let named = report.destinations.iter().flat_map(|d| {
            let names = d.names.iter().map(|n| &n.name);
            names.chain(d.host.as_ref())
        });
        let names = named.chain(report.lookups.iter().map(|l| &l.name));
        for name in names.filter(|n| !n.contains('.') && is_word(n)) {
            self.words.insert(name.to_ascii_lowercase(), "local-name");
        }
        for (key, name) in report.case.iter().flat_map(|c| &c.reported) {
            if key.to_lowercase().contains("ssid") && !name.trim().is_empty() {
                self.words.insert(name.to_ascii_lowercase(), "ssid");
            }
        }
    }

    fn label(&mut self, kind: &'static str, what: &str) -> String {
        if let Some(known) = self.given.get(what) {
            return known.clone();
        }
        let count = self.counts.entry(kind).or_default();
        *count = count.saturating_add(1);
        let label = format!("{kind}-{count}");
        self.given.insert(what.to_owned(), label.clone());
        label
    }

    fn is_ours(&self, ip: IpAddr) -> bool {
        let class = classify(ip).class;
        let private = matches!(
            class,
            Class::Private
                | Class::UniqueLocal
                | Class::SiteLocal
                | Class::LinkLocal
                | Class::Shared
        );
        let nobody = matches!(class, Class::Unspecified | Class::Loopback);
        private || (self.own.contains(&ip) && !nobody)
    }

    fn is_local_name(&self, name: &str) -> bool {
        let dotted = name.contains('.') && !is_ip_literal(name) && !is_public_name(name);
        dotted || self.words.contains_key(&name.to_ascii_lowercase())
    }

    fn filter(&mut self, text: &str) -> String {
        let Some(filter) = Filter::parse(text) else {
            return self.text(text);
        };
        let left = filter.without(&|term| match term {
            Filter::Address(ip) | Filter::Segment(ip) => self.is_ours(*ip),
            Filter::Question(name) => self.is_local_name(name),
            _ => false,
        });
        if left.as_ref() == Some(&filter) {
            return text.to_owned();
        }
        self.partial = true;
        left.map_or_else(|| EVERYTHING.to_owned(), |f| f.to_string())
    }

    /// Replaces what a text names, word by word.
    fn text(&mut self, text: &str) -> String {
        let text = self.phrases(text);
        let mut out = String::with_capacity(text.len());
        let mut rest = text.as_str();
        let mut before = None;
        while let Some(first) = rest.chars().next() {
            let starts = !before.is_some_and(is_part);
            let found = starts.then(|| self.at_start(rest, before)).flatten();
            let (length, label) = found.unwrap_or((first.len_utf8(), None));
            let (word, behind) = rest.split_at_checked(length).unwrap_or((rest, ""));
            before = word.chars().next_back();
            out.push_str(label.as_deref().unwrap_or(word));
            rest = behind;
        }
        out
    }

    /// Names with blanks and other characters that end a word.
    fn phrases(&mut self, text: &str) -> String {
        let phrases: Vec<(String, &'static str)> = self
            .words
            .iter()
            .filter(|(name, _)| !is_word(name))
            .map(|(name, kind)| (name.clone(), *kind))
            .collect();
        let mut text = text.to_owned();
        for (name, kind) in phrases {
            while let Some(at) = text.to_ascii_lowercase().find(&name) {
                let label = self.label(kind, &name);
                let end = at.saturating_add(name.len());
                // A label holds no blank, so what is replaced is gone.
                if text.get(at..end).is_none() || label.contains(&name) {
                    break;
                }
                text.replace_range(at..end, &label);
            }
        }
        text
    }

    /// What stands at the start of a text behind the character `before`: its length, and its label
    /// if it is replaced. `None` for anything that is no address and no local name.
    fn at_start(&mut self, text: &str, before: Option<char>) -> Option<(usize, Option<String>)> {
        self.mac(text)
            .or_else(|| {
                let inside = matches!(before, Some('.' | '-'));
                (!inside).then(|| self.name(text)).flatten()
            })
            .map(|(length, label)| (length, Some(label)))
            .or_else(|| self.address(text))
    }

    fn mac(&mut self, text: &str) -> Option<(usize, String)> {
        /// Six times two digits, with and without what stands between them.
        const LENGTHS: [usize; 2] = [17, 12];
        LENGTHS.into_iter().find_map(|length| {
            let (word, rest) = text.split_at_checked(length)?;
            // Longer runs are no MAC address: an address of IPv6, a hash.
            let more = |c: char| rest.strip_prefix(c).is_some_and(|r| r.starts_with(is_part));
            if rest.starts_with(is_part) || more(':') || more('-') {
                return None;
            }
            let mac = if word.contains([':', '-']) {
                Mac::parse(word)?
            } else {
                let pairs = (0..word.len()).step_by(2);
                let pairs: Vec<&str> = pairs.filter_map(|at| word.get(at..at + 2)).collect();
                Mac::parse(&pairs.join(":")).filter(|mac| self.macs.contains(mac))?
            };
            (!mac.is_group()).then(|| (length, self.label("mac", &mac.to_string())))
        })
    }

    fn name(&mut self, text: &str) -> Option<(usize, String)> {
        let of_name = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
        let end = text.find(|c| !of_name(c)).unwrap_or(text.len());
        // A full stop, or the line that joins words, is no part of it.
        let word = text.get(..end)?.trim_end_matches(['.', '-']);
        let lower = word.to_ascii_lowercase();
        let kind = match self.words.get(&lower) {
            Some(kind) => *kind,
            None if self.is_local_name(word) => "local-name",
            None => return None,
        };
        Some((word.len(), self.label(kind, &lower)))
    }

    /// An address of anybody: one that is not replaced is passed over as a whole.
    fn address(&mut self, text: &str) -> Option<(usize, Option<String>)> {
        /// The longest address: IPv6 with IPv4 at its end.
        const LONGEST: usize = 45;
        let of_address = |c: char| c.is_ascii_hexdigit() || matches!(c, ':' | '.');
        let end = text.find(|c| !of_address(c)).unwrap_or(text.len());
        (2..=end.min(LONGEST)).rev().find_map(|length| {
            let (word, rest) = text.split_at_checked(length)?;
            let ip: IpAddr = word.parse().ok()?;
            let more = rest.strip_prefix('.').is_some_and(|r| {
                r.starts_with(|c: char| c.is_ascii_digit()) || r.starts_with("in-addr.arpa")
            });
            if rest.starts_with(is_part) || more {
                return None;
            }
            let ours = self.is_ours(ip);
            Some((length, ours.then(|| self.label("private", &ip.to_string()))))
        })
    }
}

/// Characters inside words, numbers and addresses.
fn is_part(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn is_word(name: &str) -> bool {
    !name.is_empty()
        && name
            .chars()
            .all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tell::report::sample;

    #[test]
    fn words_are_replaced_whole_and_always_by_the_same_label() {
        let mut labels = Labels {
            own: ["2001:db8:1::5".parse().unwrap()].into(),
            words: [
                ("printer".into(), "local-name"),
                ("my home wifi".into(), "ssid"),
            ]
            .into(),
            macs: [Mac([0x60, 0x60, 0x1f, 0xaa, 0xbb, 0xcc])].into(),
            ..Labels::default()
        };
        for (text, said) in [
            (
                "192.168.1.5 asks 192.168.1.1:53 (aa:bb:cc:dd:ee:ff), not 192.168.1.55",
                "private-1 asks private-2:53 (mac-1), not private-3",
            ),
            ("AA-BB-CC-DD-EE-FF, again", "mac-1, again"),
            ("bssid=60601faabbcc&x", "bssid=mac-2&x"),
            (
                "60601faabbcd and t13d_60601faabbcc_1",
                "60601faabbcd and t13d_60601faabbcc_1",
            ),
            ("2001:db8:aa:bb:cc:dd:ee:ff", "2001:db8:aa:bb:cc:dd:ee:ff"),
            (
                "8.8.8.8 and home-192.168.1.5.pcap",
                "8.8.8.8 and home-private-1.pcap",
            ),
            (
                "fe80::1%eth0, [fd00::2]:443, 2001:db8:1::5.",
                "private-4%eth0, [private-5]:443, private-6.",
            ),
            (
                "2001:db8:1::50 and 10.0.0.0/8",
                "2001:db8:1::50 and private-7/8",
            ),
            (
                "Nas.local. is cloud.local, not local",
                "local-name-1. is local-name-2, not local",
            ),
            ("5.1.168.192.in-addr.arpa", "local-name-3"),
            ("5.113.0.203.in-addr.arpa", "5.113.0.203.in-addr.arpa"),
            (
                "the printer, not printers",
                "the local-name-4, not printers",
            ),
            (
                "ff:ff:ff:ff:ff:ff 01:00:5e:00:00:fb 127.0.0.1",
                "ff:ff:ff:ff:ff:ff 01:00:5e:00:00:fb 127.0.0.1",
            ),
            ("My Home Wifi", "ssid-1"),
            (
                "www.example.com at 203.0.113.7",
                "www.example.com at 203.0.113.7",
            ),
        ] {
            assert_eq!(labels.text(text), said);
        }
    }

    #[test]
    fn filters_stay_filters() {
        let mut labels = Labels::default();
        let text = "ip.addr == 203.0.113.7 && tcp.port == 443";
        assert_eq!(labels.filter(text), text);
        assert!(!labels.partial);
        assert_eq!(
            labels.filter("ip.addr == 203.0.113.7 && ip.addr == 10.1.2.3 && tcp.port == 443"),
            text
        );
        assert_eq!(labels.filter("ip.addr == 10.1.2.3"), EVERYTHING);
        assert!(labels.partial);
    }

    #[test]
    fn a_hostile_name_changes_no_word_of_the_program() {
        let mut report = sample::report();
        for word in ["contradicted", "vendor", "internet", "tcp"] {
            let mut destination = report.destinations[0].clone();
            destination.host = Some(word.into());
            report.destinations.push(destination);
        }
        let before = report.clone();
        redact(&mut report);
        assert!(report.scope.redacted);
        assert_eq!(report.verdict, before.verdict);
        for (one, other) in report.destinations.iter().zip(&before.destinations) {
            assert_eq!(
                (&one.attribution, &one.scope, &one.transport),
                (&other.attribution, &other.scope, &other.transport)
            );
        }
        assert_eq!(report.digest, json::digest(&report));
        let mut again = before;
        redact(&mut again);
        assert_eq!(again.digest, report.digest);
    }
}
