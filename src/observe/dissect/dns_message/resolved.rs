//! From the name that was asked for to every address the answer gives for it.
//!
//! Follows CNAME (RFC 1034 §3.6.2), SRV targets (RFC 2782), and the alias and target names of HTTPS and SVCB records (RFC 9460 §2.4)
//! through all sections, in whatever order the records stand. Glue for name servers is not followed: nobody asked for it.

use std::collections::HashMap;
use std::net::IpAddr;
use std::rc::Rc;

use super::{CLASS_IN, Data, Message, Name, Record};

/// Names in a chain before it is given up. Resolvers stop sooner (Unbound follows 11 aliases), and each address repeats its chain.
const CHAIN_MAX: usize = 24;

/// Addresses given for one message. Real answers give a few dozen; many questions that lead to the same many addresses would multiply.
pub const RESOLVED_MAX: usize = 4096;

/// How a message ties an address to a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route {
    /// An A or AAAA record.
    Address,
    /// A hint in an HTTPS or SVCB record.
    Hint,
}

/// One address that a message gives for a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved<'m> {
    /// The name that was asked for; in a message without questions (multicast DNS) the record's owner.
    pub question: &'m Name,
    /// The names passed on the way, in order, the question left out; one list for all addresses at its end.
    pub aliases: Rc<[&'m Name]>,
    /// The address.
    pub address: IpAddr,
    /// The shortest lifetime on the way, in seconds.
    pub ttl: u32,
    /// What kind of record gave the address.
    pub route: Route,
}

/// A name on the way, and the step before it.
struct Step<'m> {
    name: &'m Name,
    before: Option<usize>,
    ttl: u32,
    depth: usize,
}

impl Message {
    /// Every address that the records give for the questions, each with the aliases between; at most [`RESOLVED_MAX`].
    pub fn resolved(&self) -> Vec<Resolved<'_>> {
        let mut records: HashMap<&str, Vec<&Record>> = HashMap::new();
        for record in self
            .records
            .iter()
            .filter(|record| record.class == CLASS_IN)
        {
            records
                .entry(record.owner.as_str())
                .or_default()
                .push(record);
        }
        let mut starts: Vec<&Name> = self
            .questions
            .iter()
            .map(|question| &question.name)
            .collect();
        if self.questions.is_empty() {
            starts.extend(
                self.records
                    .iter()
                    .filter(|r| matches!(r.data, Data::Address(_)))
                    .map(|record| &record.owner),
            );
        }
        let mut found = Vec::new();
        let mut started: HashMap<&str, ()> = HashMap::new();
        for start in starts {
            // The same name is often asked for two types in one message of multicast DNS.
            if found.len() < RESOLVED_MAX && started.insert(start.as_str(), ()).is_none() {
                follow(start, &records, &mut found);
            }
        }
        found
    }
}

fn follow<'m>(
    start: &'m Name,
    records: &HashMap<&str, Vec<&'m Record>>,
    found: &mut Vec<Resolved<'m>>,
) {
    let mut steps = vec![Step {
        name: start,
        before: None,
        ttl: u32::MAX,
        depth: 0,
    }];
    let mut seen: HashMap<&str, ()> = HashMap::from([(start.as_str(), ())]);
    let mut at = 0usize;
    while let Some(step) = steps.get(at) {
        let (name, ttl, depth) = (step.name, step.ttl, step.depth);
        let mut way: Option<Rc<[&Name]>> = None;
        for record in records.get(name.as_str()).into_iter().flatten() {
            let ttl = ttl.min(record.ttl);
            let mut way = || Rc::clone(way.get_or_insert_with(|| aliases(&steps, at)));
            let mut give = |address, route, aliases| {
                if found.len() >= RESOLVED_MAX {
                    return;
                }
                found.push(Resolved {
                    question: start,
                    aliases,
                    address,
                    ttl,
                    route,
                });
            };
            let next = match &record.data {
                Data::Address(address) => {
                    give(*address, Route::Address, way());
                    None
                }
                Data::Binding(binding) => {
                    let target = (!binding.target.is_root()).then_some(&binding.target);
                    // Hints are addresses of the target (RFC 9460 §7.3).
                    if !binding.hints.is_empty() {
                        let names: Rc<[&Name]> = match target {
                            Some(_) => way().iter().copied().chain(target).collect(),
                            None => way(),
                        };
                        for hint in &binding.hints {
                            give(*hint, Route::Hint, Rc::clone(&names));
                        }
                    }
                    target
                }
                Data::Alias(target) | Data::Service { target, .. } => Some(target),
                _ => None,
            };
            if let Some(target) = next
                && depth < CHAIN_MAX
                && seen.insert(target.as_str(), ()).is_none()
            {
                steps.push(Step {
                    name: target,
                    before: Some(at),
                    ttl,
                    depth: depth.saturating_add(1),
                });
            }
        }
        at = at.saturating_add(1);
    }
}

fn aliases<'m>(steps: &[Step<'m>], at: usize) -> Rc<[&'m Name]> {
    let mut names = Vec::new();
    let mut here = steps.get(at);
    while let Some(step) = here
        && let Some(before) = step.before
    {
        names.push(step.name);
        here = steps.get(before);
    }
    names.reverse();
    names.into()
}

#[cfg(test)]
mod tests {
    use super::super::tests::{ASKED, answer, message, rr};
    use super::super::{Section, parse, rtype};
    use super::*;
    use crate::observe::dissect::wire::test_bytes::hex;

    #[test]
    fn the_chain_is_followed_from_the_question_in_any_order() {
        let bytes = answer();
        let read = parse(&bytes).unwrap();
        assert!(read.plausible() && read.is_response && read.recursion_available);
        let resolved = read.resolved();
        assert_eq!(
            resolved.len(),
            1,
            "what nobody asked for is not tied to the question"
        );
        let only = &resolved[0];
        assert_eq!(only.question.as_str(), "www.example");
        assert_eq!(
            only.aliases.iter().map(|a| a.as_str()).collect::<Vec<_>>(),
            ["mid.cdn", "edge.cdn"]
        );
        assert_eq!(
            (only.address, only.ttl, only.route),
            ([192, 0, 2, 9].into(), 30, Route::Address)
        );
        let edns = read.section(Section::Additional).next().unwrap();
        assert_eq!(
            edns.data,
            Data::Edns {
                client_subnet: true,
                odd: 0
            }
        );
    }

    #[test]
    fn https_hints_lead_to_the_asked_name_and_the_target_is_an_alias() {
        let bytes = message(
            0x8180,
            [1, 1, 0, 1],
            &[
                b"\x03www\x07example\x00\x00\x41\x00\x01",
                &rr(
                    ASKED,
                    rtype::HTTPS,
                    40,
                    b"\x00\x01\x03svc\x03cdn\x00\x00\x04\x00\x04\xc0\x00\x02\x05",
                ),
                &rr(
                    b"\x03svc\x03cdn\x00",
                    rtype::AAAA,
                    50,
                    &[0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 6],
                ),
            ],
        );
        let read = parse(&bytes).unwrap();
        let resolved = read.resolved();
        assert_eq!(
            (resolved[0].address, resolved[0].route),
            ([192, 0, 2, 5].into(), Route::Hint)
        );
        assert_eq!(resolved[0].aliases[0].as_str(), "svc.cdn");
        assert_eq!(
            (resolved[1].address, resolved[1].ttl),
            ("2001:db8::6".parse().unwrap(), 40)
        );
        assert_eq!(resolved[1].aliases[0].as_str(), "svc.cdn");
    }

    /// An answer from the project's lab: dnsmasq, asked for www.skypixel.com.
    #[test]
    fn a_captured_alias_leads_to_the_asked_name() {
        let bytes = hex(
            "afbb858000010002000000000377777708736b79706978656c03636f6d0000010001c00c0005000100000000\
             00120363646e08736b79706978656c03636f6d00c02e00010001000000000004c633640c",
        );
        let read = parse(&bytes).unwrap();
        assert!(read.plausible());
        let resolved = read.resolved();
        assert_eq!(resolved.len(), 1);
        assert_eq!(resolved[0].question.as_str(), "www.skypixel.com");
        assert_eq!(resolved[0].aliases[0].as_str(), "cdn.skypixel.com");
        assert_eq!(resolved[0].address, IpAddr::from([198, 51, 100, 12]));
    }

    #[test]
    fn many_questions_for_the_same_many_addresses_do_not_multiply() {
        let questions: Vec<u8> = (0..200u8).flat_map(|n| [1, n, 0, 0, 1, 0, 1]).collect();
        let aliases: Vec<u8> = (0..200u8)
            .flat_map(|n| rr(&[1, n, 0], rtype::CNAME, 1, b"\x01x\x01y\x00"))
            .collect();
        let addresses: Vec<u8> = (0..200u8)
            .flat_map(|n| rr(b"\x01x\x01y\x00", rtype::A, 1, &[192, 0, 2, n]))
            .collect();
        let bytes = message(
            0x8180,
            [200, 400, 0, 0],
            &[&questions, &aliases, &addresses],
        );
        let read = parse(&bytes).unwrap();
        assert!(read.damaged.is_none() && read.records.len() == 400);
        assert_eq!(read.resolved().len(), RESOLVED_MAX);
    }
    #[test]
    fn a_chain_is_followed_for_so_many_names() {
        for (length, found) in [(CHAIN_MAX, 1), (CHAIN_MAX + 1, 0)] {
            let mut records: Vec<u8> = Vec::new();
            for n in 0..length as u8 {
                records.extend(rr(
                    &[1, b'A' + n, 0],
                    rtype::CNAME,
                    1,
                    &[1, b'A' + n + 1, 0],
                ));
            }
            let last = [1, b'A' + length as u8, 0];
            records.extend(rr(&last, rtype::A, 1, &[192, 0, 2, 9]));
            let counts = [1, length as u16 + 1, 0, 0];
            let bytes = message(0x8180, counts, &[b"\x01A\x00\x00\x01\x00\x01", &records]);
            let read = parse(&bytes).unwrap();
            assert_eq!(read.resolved().len(), found, "{length}");
        }
    }
}
