//! What stands behind a tunnel's header, read as on a link of its own, and how sure it is that an IP
//! packet was found there.
//!
//! The readers are those of the links; only a frame whose framing was agreed on unseen
//! ([`Inner::Agreed`]: L2TPv3, GTP-U sessions without IP) has to be found by trying.

use super::ethernet::TAGS_MAX;
use super::plausible::{certain, likely, possible};
use super::{Content, Unwrapped, ether_payload, ethernet, mpls, ppp, reader, wifi};
use crate::ground::cause::LinkCause;
use crate::ground::gaps::GapId;
use crate::ground::moment::Moment;
use crate::observe::capture::Frame;
use crate::observe::packet::encapsulation::Inner;
use crate::observe::packet::transport::{Checksum, verify};
use crate::observe::packet::{Decoded, decode};

/// How sure it is that bytes are what they were read as, weakest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sureness {
    /// They are not, or cannot be read.
    Impossible,
    /// Nothing speaks against it.
    Possible,
    /// Chance does not write such a packet.
    Likely,
    /// A checksum over its header or its payload is right.
    Certain,
}

/// Bytes of cookie and sublayer that may stand before an agreed frame: none, 4 or 8 of the one
/// (RFC 3931 §4.1.2.1), none or 4 of the other (§4.6).
const AGREED: [usize; 4] = [0, 4, 8, 12];

/// Reads what is inside; the last `cut` bytes of it were not captured. Protected 802.11 stays so: a
/// controller's tunnel carries what its access points opened.
pub fn unwrap(inner: Inner<'_>, cut: usize) -> Unwrapped<'_> {
    let read = read(inner, cut);
    Unwrapped {
        content: read.content.sealed(),
        ..read
    }
}

fn read(inner: Inner<'_>, cut: usize) -> Unwrapped<'_> {
    let bare = |content| Unwrapped::bare(content);
    match inner {
        Inner::Packet(bytes) => bare(Content::Ip(bytes)),
        Inner::Typed(kind, rest) => bare(ether_payload(kind, rest, TAGS_MAX)),
        Inner::Ethernet(frame) => ethernet::frame(frame),
        Inner::Ppp(frame) => bare(ppp::framed(frame)),
        Inner::Link(kind, bytes) => match reader(kind) {
            Some(link) => (link.read)(&frame(bytes, cut)),
            None => bare(Content::Unreadable(
                GapId::UnsupportedLink,
                LinkCause::TunnelLinkType,
            )),
        },
        Inner::Labels(stack) => mpls::labels(stack, TAGS_MAX),
        Inner::Wifi(before, bytes) => wifi::inside(before, &frame(bytes, cut)),
        Inner::Agreed(bytes) => agreed(bytes, cut),
        Inner::Nothing => bare(Content::NotIp("control of a tunnel")),
        Inner::Closed => bare(closed()),
    }
}

fn closed<'a>() -> Content<'a> {
    Content::unreadable(LinkCause::TunnelUnreadable)
}

fn frame(data: &[u8], cut: usize) -> Frame<'_> {
    let wire = data.len().saturating_add(cut);
    Frame {
        moment: Moment::NONE,
        interface: 0,
        direction: None,
        checksum_pending: false,
        label: None,
        original_len: u32::try_from(wire).unwrap_or(u32::MAX),
        data,
    }
}

/// The first framing under which a packet appears that chance does not write.
fn agreed(bytes: &[u8], cut: usize) -> Unwrapped<'_> {
    let framings = AGREED.iter().filter_map(|at| bytes.get(*at..));
    framings
        .flat_map(|rest| {
            [
                Unwrapped::bare(Content::Ip(rest)),
                ethernet::frame(rest),
                Unwrapped::bare(ppp::framed(rest)),
            ]
        })
        .find(|read| sureness(&read.content, cut) >= Sureness::Likely)
        .unwrap_or(Unwrapped::bare(closed()))
}

/// How sure it is that a packet was found.
pub fn sureness(content: &Content<'_>, cut: usize) -> Sureness {
    match content {
        Content::Ip(bytes) => packet(bytes, bytes.len().saturating_add(cut)),
        // Ethernet and IPv4 (RFC 826): eight bytes that are always the same.
        Content::Arp([0, 1, 8, 0, 6, 4, 0, 1 | 2, ..]) => Sureness::Likely,
        Content::NotIp(_) | Content::Arp(_) | Content::Bundle(_) | Content::KeyExchange(_) => {
            Sureness::Possible
        }
        Content::Extract(_) | Content::Unreadable(..) | Content::Protected(_) => {
            Sureness::Impossible
        }
    }
}

fn packet(bytes: &[u8], wire: usize) -> Sureness {
    let cut = wire.saturating_sub(bytes.len());
    if !possible(bytes, wire) {
        // Cut before anything of the header could be wrong.
        let begun = matches!(bytes.first().map(|b| b >> 4), None | Some(4 | 6));
        return if begun && cut > 0 && bytes.len() < 40 {
            Sureness::Possible
        } else {
            Sureness::Impossible
        };
    }
    let four = bytes.first().is_some_and(|b| b >> 4 == 4);
    match decode(bytes, cut) {
        // The header checksum is right.
        Decoded::Datagram(_) if four && likely(bytes, wire) => Sureness::Certain,
        Decoded::Datagram(datagram) if verify(&datagram) == Checksum::Right => Sureness::Certain,
        // A bubble (RFC 4380 §2.8): a header and nothing behind it.
        Decoded::Datagram(datagram) if datagram.protocol == 59 && wire == 40 => Sureness::Likely,
        Decoded::Datagram(_) | Decoded::BadChecksum(_)
            if likely(bytes, wire) || certain(bytes, wire) =>
        {
            Sureness::Likely
        }
        Decoded::Datagram(_) | Decoded::BadChecksum(_) => Sureness::Possible,
        Decoded::Cut(_) => Sureness::Possible,
        Decoded::Unreadable(_) => Sureness::Impossible,
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;
    use crate::ground::mac::Mac;

    #[test]
    fn every_kind_of_inside_leads_to_the_packet() {
        let packet = sample::ipv4(b"inside");
        let ethernet = sample::ethernet(0x0800, &packet);
        let ppp = [&[0xff, 3, 0, 0x21][..], &packet].concat();
        let labels = [&[0, 1, 1, 64][..], &packet].concat();
        let cookie = [&[7; 8][..], &[0; 4], &ethernet].concat();
        let session = [&[7; 4][..], &ppp].concat();
        for inner in [
            Inner::Packet(&packet),
            Inner::Typed(0x86dd, &packet),
            Inner::Ethernet(&ethernet),
            Inner::Ppp(&ppp),
            Inner::Labels(&labels),
            Inner::Agreed(&packet),
            Inner::Agreed(&cookie),
            Inner::Agreed(&session),
        ] {
            let read = unwrap(inner, 0);
            assert_eq!(read.content, Content::Ip(&packet), "{inner:02x?}");
            assert_eq!(sureness(&read.content, 0), Sureness::Certain);
        }
        assert_eq!(
            unwrap(Inner::Ethernet(&ethernet), 0).target,
            Some(Mac([2, 0, 0, 0xaa, 0xbb, 1]))
        );
        let noise: Vec<u8> = (0..200u8).map(|n| n.wrapping_mul(91) ^ 0xa5).collect();
        for inner in [Inner::Agreed(&noise), Inner::Closed] {
            let read = unwrap(inner, 0);
            assert_eq!(sureness(&read.content, 0), Sureness::Impossible);
        }
    }

    #[test]
    fn sureness_falls_with_what_is_wrong_or_missing() {
        let sure = |bytes: &[u8], cut| sureness(&Content::Ip(bytes), cut);
        let v6 = sample::ipv6(b"no checksum");
        assert_eq!(sure(&v6, 0), Sureness::Likely);
        assert_eq!(sure(&v6, 1), Sureness::Possible, "longer than it says");
        assert_eq!(sure(&v6[..30], 200), Sureness::Possible);
        assert_eq!(sure(&v6[..30], 0), Sureness::Impossible);
        assert_eq!(sure(&[], 9), Sureness::Possible);
        let mut v4 = sample::ipv4(b"x");
        assert_eq!(sure(&v4[..24], 5), Sureness::Certain, "the header is whole");
        v4[11] ^= 1;
        assert_eq!(sure(&v4, 0), Sureness::Likely, "as long as it says");
        assert_eq!(sure(&v4, 3), Sureness::Possible);
        assert_eq!(sure(&[0x15; 40], 0), Sureness::Impossible);
    }
}
