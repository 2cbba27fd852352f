//! One packet in a transfer, without any header of its own: Ethernet frames of CDC ECM (ECM 1.2,
//! data class) and of iPhones, IP packets of cellular modems in raw mode.
//!
//! Nothing announces them. A frame is believed when its ether type, the version of the packet and
//! the packet's length all agree with the transfer; an IP packet when its length is the transfer's
//! to the byte and its header checksum is right, or its next header is a known one. Frames of other
//! ether types stay unreadable, except those to the addresses that IEEE 802.1 keeps for one link.

use super::{Cut, Direction, END, Ending, Transfer, lost, zeros};
use crate::observe::link::{Bundle, Content, Unwrapped, ethernet};
use crate::observe::packet::checksum;

/// Bytes in front of the frames that an iPhone sends, which align the IP header behind.
const IPHONE_ALIGN: usize = 2;
/// A frame of the least length (IEEE 802.3 §3.2.8) with its check sequence: what pads it to that
/// length need not be zero.
const FRAME_MIN: usize = 64;
/// Offset of the ether type.
const ETHER_TYPE: usize = 12;
/// VLAN tags that are looked behind; tethering has none or one.
const TAGS_MAX: usize = 2;
/// How an Ethernet/IPv4 packet of RFC 826 begins, and its length.
const ARP: [u8; 7] = [0, 1, 8, 0, 6, 4, 0];
const ARP_LEN: usize = 28;
/// How the addresses begin that no bridge forwards (IEEE 802.1Q table 8-1): LLDP, EAPOL.
const LINK_ONLY: [u8; 5] = [0x01, 0x80, 0xc2, 0x00, 0x00];
/// Fixed header of IPv6.
const IPV6_HEADER: usize = 40;

/// A transfer that is one packet.
pub(super) fn read<'a>(
    transfer: &Transfer<'a>,
    direction: Option<Direction>,
) -> Option<Unwrapped<'a>> {
    let (data, wire) = (transfer.data, transfer.wire);
    let aligned = data.get(IPHONE_ALIGN..).unwrap_or_default();
    let told = transfer.cut != Cut::Untold;
    if is_frame(data, wire) {
        return Some(frame(data, told));
    }
    if direction != Some(Direction::Out) && is_frame(aligned, wire.saturating_sub(IPHONE_ALIGN)) {
        return Some(frame(aligned, told));
    }
    is_packet(data, wire).then(|| {
        let content = Content::Ip(data);
        Unwrapped::bare(if told {
            content
        } else {
            Content::Bundle(Bundle::new(data, 0, |data, at| {
                then_lost(at, || Unwrapped::bare(Content::Ip(data)))
            }))
        })
    })
}

fn frame(data: &[u8], told: bool) -> Unwrapped<'_> {
    if told {
        return ethernet::frame(data);
    }
    Unwrapped::bare(Content::Bundle(Bundle::new(data, 0, |data, at| {
        then_lost(at, || ethernet::frame(data))
    })))
}

/// The packet, and then the notice that it was cut, which the length of the record does not tell.
fn then_lost<'a>(
    at: usize,
    first: impl FnOnce() -> Unwrapped<'a>,
) -> Option<(Unwrapped<'a>, usize)> {
    match at {
        0 => Some((first(), 1)),
        1 => Some((lost(Ending::MoreLost), END)),
        _ => None,
    }
}

/// True for an Ethernet frame that fills `wire` bytes.
fn is_frame(bytes: &[u8], wire: usize) -> bool {
    if bytes.starts_with(&LINK_ONLY) {
        return true;
    }
    let mut at = ETHER_TYPE;
    for _ in 0..=TAGS_MAX {
        let kind = bytes.get(at..).and_then(|b| b.split_first_chunk::<2>());
        let Some((&kind, payload)) = kind else {
            return false;
        };
        let len = match kind {
            [0x81, 0x00] | [0x88, 0xa8] => {
                at = at.saturating_add(4);
                continue;
            }
            [0x08, 0x00] => ip_len(payload, 4),
            [0x86, 0xdd] => ip_len(payload, 6),
            [0x08, 0x06] => payload.starts_with(&ARP).then_some(ARP_LEN),
            _ => None,
        };
        let Some(end) = len.and_then(|len| len.checked_add(at)?.checked_add(2)) else {
            return false;
        };
        let padding = bytes.get(end..).unwrap_or_default();
        return end <= wire && (wire <= FRAME_MIN || zeros(padding));
    }
    false
}

/// True for an IP packet that fills `wire` bytes.
pub(super) fn is_packet(bytes: &[u8], wire: usize) -> bool {
    let four = || {
        let header_len = usize::from(bytes.first()? & 0x0f).checked_mul(4)?;
        let header = bytes.get(..header_len)?;
        Some(ip_len(bytes, 4)? == wire && checksum::sums_to_zero(header))
    };
    let six = || {
        let next = *bytes.get(6)?;
        // Extension headers, TCP, UDP, ESP, AH, ICMPv6, SCTP (IANA "Protocol Numbers").
        let known = matches!(next, 0 | 6 | 17 | 43 | 44 | 50 | 51 | 58 | 60 | 132 | 135);
        Some(ip_len(bytes, 6)? == wire && known)
    };
    four() == Some(true) || six() == Some(true)
}

/// Length of the IP packet of this version, by its header.
fn ip_len(bytes: &[u8], version: u8) -> Option<usize> {
    let [first, _, a, b, c, d, ..] = *bytes else {
        return None;
    };
    if first >> 4 != version {
        return None;
    }
    if version == 6 {
        return IPV6_HEADER.checked_add(usize::from(u16::from_be_bytes([c, d])));
    }
    let header = usize::from(first & 0x0f).checked_mul(4)?;
    let total = usize::from(u16::from_be_bytes([a, b]));
    (header >= 20 && total >= header).then_some(total)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::link::usb::sample::{contents, cut, ethernet as around, ipv4, whole};

    fn packets<'a>(transfer: &Transfer<'a>, direction: Direction) -> Option<Vec<Content<'a>>> {
        read(transfer, Some(direction)).map(contents)
    }

    #[test]
    fn a_frame_is_one_whose_lengths_agree() {
        let packet = ipv4(60);
        let frame = around(0x0800, &packet);
        let read = |bytes: &[u8]| packets(&whole(bytes), Direction::Out).is_some();
        let unwrapped = super::read(&whole(&frame), None).unwrap();
        assert_eq!(unwrapped.content, Content::Ip(&packet));
        assert!(unwrapped.source.is_some() && unwrapped.target.is_some());
        let six = [&[0x60, 0, 0, 0, 0, 8, 59, 64][..], &[0x20; 40]].concat();
        assert!(read(&around(0x86dd, &six)));
        assert!(!read(&around(0x0800, &six)));
        assert!(read(&around(
            0x8100,
            &[&[0, 5, 8, 0][..], &packet].concat()
        )));
        let arp = [&[0, 1, 8, 0, 6, 4, 0, 1][..], &[1; 20]].concat();
        assert!(read(&around(0x0806, &arp)));
        assert!(read(
            &[&LINK_ONLY[..], &[0x0e, 2, 0, 0, 0, 0, 1, 0x88, 0xcc, 2]].concat()
        ));
        // Padding: anything up to the least length, then zeros.
        assert!(read(&around(0x0800, &[&ipv4(30)[..], &[7; 16]].concat())));
        assert!(read(&[&frame[..], &[0; 900]].concat()));
        assert!(!read(&[&frame[..], &[0, 7]].concat()));
        assert!(!read(&frame[..frame.len() - 1]));
        assert!(!read(&around(0x1234, &packet)));
    }

    #[test]
    fn an_iphone_sends_two_bytes_in_front() {
        let packet = ipv4(60);
        let sent = [&[0, 0][..], &around(0x0800, &packet)].concat();
        let read = |direction| packets(&whole(&sent), direction);
        assert_eq!(read(Direction::In), Some(vec![Content::Ip(&packet)]));
        assert_eq!(read(Direction::Out), None);
    }

    #[test]
    fn a_packet_of_its_own_fills_the_transfer_and_proves_itself() {
        let packet = ipv4(60);
        let read = |bytes: &[u8]| packets(&whole(bytes), Direction::In).is_some();
        assert!(read(&packet));
        assert!(!read(&packet[..59]));
        assert!(!read(&[&packet[..], &[0]].concat()));
        let mut wrong = packet.clone();
        wrong[10] ^= 1;
        assert!(!read(&wrong));
        let six = |next: u8| [&[0x60, 0, 0, 0, 0, 8, next, 64][..], &[0x20; 40]].concat();
        assert!(read(&six(17)));
        assert!(!read(&six(200)));
    }

    #[test]
    fn a_cut_packet_is_read_as_far_as_it_goes() {
        let (packet, lost) = (ipv4(60), lost(Ending::MoreLost).content);
        let frame = around(0x0800, &packet);
        for (bytes, header) in [(&frame, 14), (&packet, 0)] {
            let part = Content::Ip(&packet[..30]);
            let told = packets(&cut(bytes, header + 30, true), Direction::In);
            assert_eq!(told, Some(vec![part]));
            let untold = packets(&cut(bytes, header + 30, false), Direction::In);
            assert_eq!(untold, Some(vec![part, lost]));
        }
    }
}
