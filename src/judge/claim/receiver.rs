//! Uploads by receiver (contract, "Upload-shaped"): what the rows of the report say apart is summed
//! before the bound is asked.
//!
//! A receiver is one host name with all its addresses and ports, and without a name one operator. What
//! one device sent it is one sum, per vantage; what several devices sent is an upload of none of them.
//! Traffic of the subject is summed alone first, then with traffic that could be the subject's.
//!
//! What comes back on other connections counts against the sum, as it does on the same one: then it is
//! neither an upload nor none. A single row that is upload-shaped is never less than that, whatever
//! else the receiver said.

use super::Case;
use super::definition::{Definition, Parameters};
use super::fact::{Amounts, Fact};
use crate::evidence::counters::Sent;
use crate::judge::classify::Stage;
use crate::judge::classify::attribution::Attribution;
use crate::judge::classify::destination::{Client, Destination, Traffic};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

/// What the payload that a destination took amounts to, with the other rows of its receiver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Shape {
    /// An upload; with the sum, where this row alone is none.
    Upload(Option<Fact>),
    /// Neither an upload nor none; why.
    Unsure(Fact),
}

/// Who took it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Receiver {
    /// One host name.
    Named(Arc<str>),
    /// No name: one operator, by its id or AS.
    Operator(String),
    /// Nothing but an address is known, its own or the relay's.
    Address(Option<IpAddr>),
    /// A row that stands for many: only itself.
    Folded(usize),
}

impl Receiver {
    fn of(index: usize, destination: &Destination) -> Self {
        let key = &destination.key;
        if key.folded {
            return Self::Folded(index);
        }
        if let Some(host) = &key.host {
            return Self::Named(Arc::clone(host));
        }
        let place = destination.place.as_ref();
        let operator = place.and_then(|p| {
            let asn = || p.asn.map(|asn| format!("AS{asn}"));
            p.operator.clone().or_else(asn)
        });
        match operator {
            Some(operator) => Self::Operator(operator),
            None => Self::Address(key.ip.or(key.via.map(|(ip, _)| ip))),
        }
    }
}

/// Payload that went one way and the other.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Sum {
    out: u64,
    back: u64,
    declared: u64,
}

impl Sum {
    fn of(traffic: &Traffic) -> Self {
        // What came back and was not captured came back all the same.
        let Sent {
            bytes,
            lost,
            unseen,
            ..
        } = traffic.back;
        Self {
            out: traffic.out.bytes,
            back: bytes.saturating_add(lost).saturating_add(unseen),
            declared: traffic.out.declared,
        }
    }

    fn add(&mut self, other: Self) {
        self.out = self.out.saturating_add(other.out);
        self.back = self.back.saturating_add(other.back);
        self.declared = self.declared.max(other.declared);
    }

    fn is_upload(self, p: &Parameters) -> bool {
        let much =
            self.out >= p.upload_min_bytes && self.out >= self.back.saturating_mul(p.upload_ratio);
        much || self.declared >= p.upload_min_bytes
    }

    /// Much went out, and more than came in.
    fn could_be(self, p: &Parameters) -> bool {
        self.is_upload(p) || (self.out >= p.upload_min_bytes && self.out > self.back)
    }

    fn amounts(self) -> Amounts {
        Amounts {
            out: self.out,
            back: self.back,
        }
    }
}

/// A row of a receiver: which, whether it is the subject's for sure, and what each device sent.
struct Member {
    index: usize,
    accuses: bool,
    shares: Vec<((usize, Client), Sum)>,
}

/// What one device sent to a receiver in one vantage: the subject's, and with what could be.
#[derive(Default)]
struct Sums {
    sure: Sum,
    all: Sum,
}

/// Of the destinations that `about` accepts those that took an upload, or may have, among the intervals that
/// `inside` accepts.
pub(super) fn uploads(
    claim: &Definition,
    case: &Case<'_>,
    inside: &dyn Fn(u32) -> bool,
    about: &dyn Fn(&Destination) -> bool,
) -> BTreeMap<usize, Shape> {
    let mut receivers: BTreeMap<Receiver, Vec<Member>> = BTreeMap::new();
    for (index, destination) in case.destinations().iter().enumerate() {
        let whose = destination.attributed.whose;
        let counts = whose.accuses() || is_suspect(claim, whose);
        if !counts || !about(destination) {
            continue;
        }
        // What nobody on our side answered is not a part of any exchange.
        if destination
            .stage_in(inside)
            .is_none_or(|(stage, _)| stage == Stage::Unsolicited)
        {
            continue;
        }
        // Traffic in full is many times as long, and all destinations are held at once.
        let shares = destination.shares_in(inside);
        receivers
            .entry(Receiver::of(index, destination))
            .or_default()
            .push(Member {
                index,
                accuses: whose.accuses(),
                shares: shares
                    .map(|(of, traffic)| (of, Sum::of(&traffic)))
                    .collect(),
            });
    }
    let mut found = BTreeMap::new();
    for (receiver, members) in &receivers {
        judge(receiver, members, &claim.parameters, &mut found);
    }
    found
}

fn is_suspect(claim: &Definition, whose: Attribution) -> bool {
    claim.suspects.iter().any(|s| s == whose.id())
}

fn judge(
    receiver: &Receiver,
    members: &[Member],
    p: &Parameters,
    found: &mut BTreeMap<usize, Shape>,
) {
    let mut sums: BTreeMap<(usize, Client), Sums> = BTreeMap::new();
    let mut together: BTreeMap<usize, Sum> = BTreeMap::new();
    for member in members {
        for (of, sum) in &member.shares {
            let own = sums.entry(*of).or_default();
            own.all.add(*sum);
            if member.accuses {
                own.sure.add(*sum);
            }
            together.entry(of.0).or_default().add(*sum);
        }
    }
    let folded = matches!(receiver, Receiver::Folded(_));
    for member in members {
        let mut shape: Option<Shape> = None;
        for (of, alone) in &member.shares {
            if alone.out == 0 && alone.declared == 0 {
                continue;
            }
            let (Some(own), Some(all)) = (sums.get(of), together.get(&of.0)) else {
                continue;
            };
            let sum = if member.accuses { own.sure } else { own.all };
            let next = if folded && all.could_be(p) {
                Shape::Unsure(Fact::UploadFolded)
            } else if folded {
                continue;
            } else if sum.is_upload(p) {
                let together = || Fact::UploadTogether(sum.amounts());
                Shape::Upload((sum != *alone).then(together))
            } else if own.all.is_upload(p) {
                Shape::Unsure(Fact::UploadWithUnattributed(own.all.amounts()))
            } else if alone.is_upload(p) || own.all.could_be(p) {
                Shape::Unsure(Fact::UploadNotSoMuch(own.all.amounts()))
            } else if all.could_be(p) {
                Shape::Unsure(Fact::UploadBySeveral(all.amounts()))
            } else {
                continue;
            };
            shape = Some(match (shape, next) {
                (Some(Shape::Upload(sum)), _) => Shape::Upload(sum),
                (Some(before), Shape::Unsure(_)) => before,
                (_, next) => next,
            });
        }
        if let Some(shape) = shape {
            found.insert(member.index, shape);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn traffic(out: u64, back: u64) -> Traffic {
        let mut traffic = Traffic::by_hand();
        (traffic.out.bytes, traffic.back.bytes) = (out, back);
        traffic
    }

    fn ip(last: u8) -> Client {
        Client::Address([192, 168, 2, last].into())
    }

    /// Rows of one receiver: device, whether it is the subject's, out and in.
    fn shapes(rows: &[(u8, bool, u64, u64)]) -> Vec<&'static str> {
        let members: Vec<Member> = rows
            .iter()
            .enumerate()
            .map(|(index, (device, accuses, out, back))| Member {
                index,
                accuses: *accuses,
                shares: vec![((0, ip(*device)), Sum::of(&traffic(*out, *back)))],
            })
            .collect();
        let receiver = Receiver::Named("a.example".into());
        let mut found = BTreeMap::new();
        judge(&receiver, &members, &Parameters::default(), &mut found);
        (0..rows.len())
            .map(|index| match found.get(&index) {
                Some(Shape::Upload(_)) => "upload",
                Some(Shape::Unsure(_)) => "unsure",
                None => "none",
            })
            .collect()
    }

    #[test]
    fn rows_of_one_receiver_are_summed_before_the_bound_is_asked() {
        assert_eq!(shapes(&[(1, true, 65_536, 16_384)]), ["upload"]);
        assert_eq!(shapes(&[(1, true, 65_535, 0)]), ["none"]);
        let two = [(1, true, 60_000, 100), (1, true, 6_000, 100)];
        assert_eq!(shapes(&two), ["upload", "upload"]);
        // What comes back counts together as well, and takes no upload off the list.
        assert_eq!(shapes(&[(1, true, 65_536, 16_385)]), ["unsure"]);
        assert_eq!(shapes(&[(1, true, 65_536, 65_536)]), ["none"]);
        let chaff = [(1, true, 90_000, 10), (1, true, 10, 500_000)];
        assert_eq!(shapes(&chaff), ["unsure", "none"]);
        // What was acknowledged came back, captured or not.
        let mut sum = Sum::of(&traffic(65_536, 0));
        assert!(sum.is_upload(&Parameters::default()));
        let mut answer = traffic(0, 0);
        (answer.back.lost, answer.back.unseen) = (10_000, 6_385);
        sum.add(Sum::of(&answer));
        assert!(!sum.is_upload(&Parameters::default()));
    }

    #[test]
    fn a_declared_body_counts_and_a_sum_is_told_where_it_makes_the_upload() {
        let told = |rows: &[Traffic]| {
            let members: Vec<Member> = rows
                .iter()
                .enumerate()
                .map(|(index, traffic)| Member {
                    index,
                    accuses: true,
                    shares: vec![((0, ip(1)), Sum::of(traffic))],
                })
                .collect();
            let mut found = BTreeMap::new();
            let receiver = Receiver::Named("a.example".into());
            judge(&receiver, &members, &Parameters::default(), &mut found);
            found.into_iter().collect::<Vec<_>>()
        };
        let declared = |bytes| {
            let mut nothing = traffic(0, 0);
            nothing.out.declared = bytes;
            nothing
        };
        let alone = Shape::Upload(None);
        assert_eq!(told(&[declared(65_536)]), [(0, alone.clone())]);
        assert_eq!(told(&[declared(65_535)]), []);
        assert_eq!(told(&[traffic(70_000, 0)]), [(0, alone.clone())]);
        // A row of which nothing went out took no upload, whatever the others did.
        let amounts = Sum::of(&traffic(70_000, 9)).amounts();
        let together = Shape::Upload(Some(Fact::UploadTogether(amounts)));
        assert_eq!(told(&[traffic(70_000, 0), traffic(0, 9)]), [(0, together)]);
    }

    #[test]
    fn several_devices_and_traffic_of_nobody_reach_the_bound_only_in_doubt() {
        let phones = [(1, true, 40_000, 0), (2, true, 40_000, 0)];
        assert_eq!(shapes(&phones), ["unsure", "unsure"]);
        let mixed = [(1, true, 40_000, 0), (1, false, 40_000, 0)];
        assert_eq!(shapes(&mixed), ["unsure", "upload"]);
        let one = [(1, true, 70_000, 0), (2, true, 100, 0)];
        assert_eq!(shapes(&one), ["upload", "unsure"]);
        // What another device got makes it no less that this one sent more than it got.
        let apart = [(1, true, 70_000, 30_000), (2, true, 10, 500_000)];
        assert_eq!(shapes(&apart), ["unsure", "none"]);
    }

    #[test]
    fn what_stands_for_many_is_unsure_by_what_was_declared_as_well() {
        for (bytes, shape) in [
            (65_536, Some(Shape::Unsure(Fact::UploadFolded))),
            (65_535, None),
        ] {
            let mut declared = traffic(1, 0);
            declared.out.declared = bytes;
            let many = Member {
                index: 0,
                accuses: true,
                shares: vec![((0, ip(1)), Sum::of(&declared))],
            };
            let mut found = BTreeMap::new();
            let receiver = Receiver::Folded(0);
            judge(&receiver, &[many], &Parameters::default(), &mut found);
            assert_eq!(found.remove(&0), shape, "{bytes}");
        }
    }
}
