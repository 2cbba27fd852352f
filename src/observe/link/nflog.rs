//! Packets that a netfilter rule logged (Linux NFLOG): LINKTYPE 239.
//!
//! The registry's page LINKTYPE_NFLOG and Linux `nfnetlink_log.h`: family, version, group, then
//! attributes with length and type in the byte order of the file and values in network order. The
//! frame does not say which order that is; only one gives attributes that fit the frame.
//!
//! Says which user and group own the socket, for packets that have one (as a rule those that are
//! sent). The rule decides what is logged: a file of this type shows a choice of the traffic.

use super::ethernet::TAGS_MAX;
use super::field::{be16, be32};
use super::{Content, LinkType, Unwrapped, ether_payload};
use crate::ground::cause::LinkCause;
use crate::ground::label::{Label, LabelSource};
use crate::ground::mac::Mac;
use crate::observe::capture::{Direction, Frame};

pub(super) const NFLOG: LinkType = LinkType {
    ids: &[239],
    name: "nflog",
    read,
};

/// Family, version, group.
const HEADER: usize = 4;
/// Length and type of an attribute.
const ATTRIBUTE: usize = 4;
/// Attributes are padded to this.
const ALIGNMENT: usize = 4;

/// Attribute types (`enum nfulnl_attr_type`).
const PACKET_HEADER: u16 = 1;
const INTERFACE_IN: u16 = 4;
const INTERFACE_OUT: u16 = 5;
const ADDRESS: u16 = 8;
const PAYLOAD: u16 = 9;
const USER: u16 = 11;
const GROUP: u16 = 14;
/// 21 types are defined; more of them may come, but not that many.
const TYPE_MAX: u16 = 64;
/// The two high bits of a netlink attribute type are flags.
const TYPE_BITS: u16 = 0x3fff;

/// Netfilter families (`NFPROTO_*`): IPv4 and IPv6, also together, and ARP. Bridges and devices log
/// any ether type, which the packet header attribute names.
const INET: u8 = 1;
const IPV4: u8 = 2;
const ARP: u8 = 3;
const IPV6: u8 = 10;

/// What the attributes of a record say.
#[derive(Default)]
struct Record<'a> {
    payload: Option<&'a [u8]>,
    ether_type: Option<u16>,
    inward: Option<u32>,
    outward: Option<u32>,
    sender: Option<Mac>,
    user: Option<u32>,
    group: Option<u32>,
}

fn read<'a>(frame: &Frame<'a>) -> Unwrapped<'a> {
    let unreadable = |cause| Unwrapped::unreadable(cause);
    let (Some([family, version]), Some(attributes)) =
        (frame.data.first_chunk::<2>(), frame.data.get(HEADER..))
    else {
        return unreadable(LinkCause::NflogShort);
    };
    if *version != 0 {
        return unreadable(LinkCause::NflogVersion);
    }
    let orders = [u16::from_le_bytes, u16::from_be_bytes];
    let records = orders.map(|order| walk(attributes, order, frame.cut() > 0));
    // Where both orders fit, nothing but an order without the packet can be wrong.
    let best = records
        .into_iter()
        .flatten()
        .max_by_key(|record| record.payload.is_some());
    match best {
        Some(record) => record.applied(*family),
        None => unreadable(LinkCause::NflogAttributes),
    }
}

/// The attributes in one byte order; `None` if they do not fill the record exactly.
fn walk(mut rest: &[u8], order: fn([u8; 2]) -> u16, cut: bool) -> Option<Record<'_>> {
    let mut record = Record::default();
    while let Some(([a, b, c, d], behind)) = rest.split_first_chunk::<ATTRIBUTE>() {
        let length = usize::from(order([*a, *b])).checked_sub(ATTRIBUTE)?;
        let kind = order([*c, *d]) & TYPE_BITS;
        if kind == 0 || kind > TYPE_MAX {
            return None;
        }
        let value = match behind.get(..length) {
            Some(value) => value,
            // A cut record ends inside the packet.
            None if cut && kind == PAYLOAD => behind,
            None => return None,
        };
        record.take(kind, value);
        let padded = length.next_multiple_of(ALIGNMENT);
        // The last one may lack its padding.
        rest = behind.get(padded..).unwrap_or_default();
    }
    (rest.is_empty() || cut).then_some(record)
}

impl<'a> Record<'a> {
    fn take(&mut self, kind: u16, value: &'a [u8]) {
        match kind {
            PACKET_HEADER => self.ether_type = be16(value, 0).filter(|kind| *kind != 0),
            INTERFACE_IN => self.inward = be32(value, 0),
            INTERFACE_OUT => self.outward = be32(value, 0),
            // Length and padding of two bytes each stand before the address.
            ADDRESS if be16(value, 0) == Some(6) => {
                self.sender = value.get(4..).and_then(Mac::read);
            }
            PAYLOAD => self.payload = Some(value),
            // Minus one is nobody.
            USER => self.user = be32(value, 0).filter(|id| *id != u32::MAX),
            GROUP => self.group = be32(value, 0).filter(|id| *id != u32::MAX),
            _ => {}
        }
    }

    fn applied(self, family: u8) -> Unwrapped<'a> {
        let content = match (self.payload, family, self.ether_type) {
            (None, ..) => Content::unreadable(LinkCause::NflogWithoutPacket),
            (Some(packet), INET | IPV4 | IPV6, _) => Content::Ip(packet),
            (Some(packet), ARP, _) => Content::Arp(packet),
            (Some(packet), _, Some(kind @ 0x0600..)) => ether_payload(kind, packet, TAGS_MAX),
            _ => Content::unreadable(LinkCause::NflogFamily),
        };
        let label = Label {
            uid: self.user,
            gid: self.group,
            ..Label::of(LabelSource::Nflog)
        };
        Unwrapped {
            // The attribute holds the address of who sent it to this machine.
            source: self.sender.filter(|_| self.inward.is_some()),
            // With both, it is passed on: neither ours nor to us.
            direction: match (self.inward, self.outward) {
                (Some(_), None) => Some(Direction::In),
                (None, Some(_)) => Some(Direction::Out),
                _ => None,
            },
            port: self.inward.or(self.outward),
            label: (!label.is_empty()).then_some(label),
            ..Unwrapped::bare(content)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{reader, sample};
    use super::*;

    type Order = fn(u16) -> [u8; 2];
    const ORDERS: [Order; 2] = [u16::to_le_bytes, u16::to_be_bytes];

    fn attribute(order: Order, kind: u16, value: &[u8]) -> Vec<u8> {
        let length = u16::try_from(value.len() + ATTRIBUTE).unwrap();
        let mut bytes = [&order(length)[..], &order(kind), value].concat();
        bytes.resize(bytes.len().next_multiple_of(ALIGNMENT), 0);
        bytes
    }

    fn record(family: u8, order: Order, attributes: &[(u16, &[u8])]) -> Vec<u8> {
        let mut bytes = vec![family, 0, 0, 30];
        for (kind, value) in attributes {
            bytes.extend(attribute(order, *kind, value));
        }
        bytes
    }

    fn told(data: &[u8]) -> Unwrapped<'_> {
        (reader(239).unwrap().read)(&sample::frame(data))
    }

    #[test]
    fn users_and_directions_in_both_byte_orders() {
        let packet = sample::ipv4(b"odd length");
        for order in ORDERS {
            let sent = record(
                2,
                order,
                &[
                    (1, &[0, 0, 3, 0]),
                    (10, b"group\0"),
                    (5, &[0, 0, 0, 2]),
                    (11, &[0, 0, 0x27, 0xfa]),
                    (14, &[0, 0, 0x27, 0xfb]),
                    (9, &packet),
                ],
            );
            let read = told(&sent);
            assert_eq!(read.content, Content::Ip(&packet));
            assert_eq!(read.direction, Some(Direction::Out));
            assert_eq!((read.port, read.source), (Some(2), None));
            let label = read.label.unwrap();
            assert_eq!(label.source, LabelSource::Nflog);
            assert_eq!((label.uid, label.gid), (Some(10_234), Some(10_235)));
            // The last attribute without its padding.
            let bare = sent.len() - packet.len().next_multiple_of(4) + packet.len();
            assert_eq!(told(&sent[..bare]).content, Content::Ip(&packet));

            let received = record(
                10,
                order,
                &[
                    (1, &[0x86, 0xdd, 1, 0]),
                    (4, &[0, 0, 0, 3]),
                    (8, &[0, 6, 0, 0, 2, 0, 0, 0xaa, 0xbb, 1, 0, 0]),
                    (9, &packet),
                ],
            );
            let read = told(&received);
            assert_eq!(read.direction, Some(Direction::In));
            assert_eq!((read.port, read.label), (Some(3), None));
            assert_eq!(read.source.unwrap().to_string(), "02:00:00:aa:bb:01");

            let both = [(4, &[0, 0, 0, 3][..]), (5, &[0, 0, 0, 4]), (9, &packet)];
            assert_eq!(told(&record(2, order, &both)).direction, None);
        }
    }

    #[test]
    fn families_and_damage() {
        let packet = sample::ipv6(b"x");
        let order = ORDERS[0];
        let of = |family, kind: [u8; 2]| {
            let data = record(
                family,
                order,
                &[(1, &[kind[0], kind[1], 0, 0]), (9, &packet)],
            );
            match told(&data).content {
                Content::Ip(_) => "ip",
                Content::Arp(_) => "arp",
                Content::NotIp(_) => "not ip",
                _ => "unreadable",
            }
        };
        assert_eq!(of(7, [0x86, 0xdd]), "ip");
        assert_eq!(of(7, [0x08, 0x06]), "unreadable", "a packet, not ARP");
        assert_eq!(of(5, [0x08, 0x00]), "ip");
        assert_eq!(of(3, [0, 0]), "arp");
        assert_eq!(of(7, [0, 0]), "unreadable");
        assert_eq!(of(12, [0, 0]), "unreadable");

        let whole = record(2, order, &[(11, &[0, 0, 0, 7]), (9, &packet)]);
        for (data, why) in [
            (
                &whole[..whole.len() - 4],
                "cut, and the record does not say so",
            ),
            (&whole[..12], "no payload"),
            (&whole[..3], "no header"),
            (&[2, 0, 0, 30, 3, 0, 9, 0], "shorter than itself"),
            (&[2, 0, 0, 30, 8, 0, 9, 7, 0, 0, 0, 0], "no such type"),
            (&[2, 1, 0, 30], "another version"),
        ] {
            assert!(
                matches!(told(data).content, Content::Unreadable(..)),
                "{why}"
            );
        }
        let cut = sample::cut(&whole[..whole.len() - 8], whole.len());
        let read = (NFLOG.read)(&cut);
        let padding = packet.len().next_multiple_of(4) - packet.len();
        let left = packet.len() + padding - 8;
        assert_eq!(read.content, Content::Ip(&packet[..left]));
        assert_eq!(read.label.unwrap().uid, Some(7));
    }
}
