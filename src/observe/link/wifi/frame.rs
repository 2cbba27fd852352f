//! 802.11 frames (IEEE 802.11-2020 §9.2, §9.3.2): data frames lead to a packet, management, control
//! and extension frames hold none.
//!
//! A frame whose bits cannot be relied on (received with errors, a wrong check sequence, another
//! protocol version) is unreadable whatever type it states. So is a packet in several fragments,
//! unless the first one holds all of it.
//!
//! Two bits are hints, because receivers get them wrong: that a check sequence follows is believed
//! if it is right (or the frame shows in another way that it is there), that the body is protected
//! unless it begins in clear.

use super::cipher::Header;
use super::{Reception, amsdu};
use crate::ground::cause::LinkCause;
use crate::ground::mac::Mac;
use crate::observe::link::ethernet::TAGS_MAX;
use crate::observe::link::plausible::{likely, stands};
use crate::observe::link::{Content, Radio, Unwrapped, ether_payload, llc_snap};

/// Frame control, first byte: protocol version, type, and two bits of a data frame's subtype.
const VERSION: u8 = 0x03;
const TYPE: u8 = 0x0c;
const TYPE_MANAGEMENT: u8 = 0x00;
const TYPE_CONTROL: u8 = 0x04;
const TYPE_DATA: u8 = 0x08;
const NO_DATA: u8 = 0x40;
const QOS: u8 = 0x80;

/// Frame control, second byte.
const TO_DS: u8 = 0x01;
const FROM_DS: u8 = 0x02;
const MORE_FRAGMENTS: u8 = 0x04;
const RETRY: u8 = 0x08;
const PROTECTED: u8 = 0x40;
/// In QoS frames: an HT control field ends the header.
const HT_CONTROL: u8 = 0x80;

/// QoS control: several packets in the body; a mesh control field before the packet. Outside of
/// meshes the second one has other meanings (transmission opportunity, queue size).
const AGGREGATE: u8 = 0x80;
const MESH: u8 = 0x01;
/// Mesh flags: how many addresses follow; the other bits are reserved.
const MESH_ADDRESSES: u8 = 0x03;
/// Mesh flags, time to live, sequence number.
const MESH_LEN: usize = 6;

const ADDRESS_LEN: usize = 6;
/// Header of a data frame with three addresses; the fourth one and what follows it come behind.
const HEADER_LEN: usize = 24;
const SEQUENCE: usize = 22;
/// Three addresses.
const ADDRESSES: usize = 4;
/// The second address is always the transmitter's.
const TRANSMITTER: usize = 10;
const FCS_LEN: usize = 4;

/// ARP for IPv4 over Ethernet (RFC 826): how it begins, how long it is.
const ARP: [u8; 6] = [0, 1, 0x08, 0, 6, 4];
const ARP_LEN: usize = 28;

/// LLC and SNAP of RFC 1042.
const SNAP: [u8; 6] = [0xaa, 0xaa, 0x03, 0, 0, 0];

/// The same, and the ether type of EAPOL (IEEE 802.1X §11.1.4).
const EAPOL: [u8; 8] = [0xaa, 0xaa, 0x03, 0, 0, 0, 0x88, 0x8e];

/// Lengths of what stands before the body of a protected frame: nothing (removed by the adapter),
/// WEP, CCMP, GCMP and TKIP, WAPI.
const VECTORS: [usize; 4] = [0, 8, 4, 18];

/// Sender and receiver; which addresses they are, the DS bits say (§9.3.2.1, table 9-30).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Ends {
    pub(super) source: Option<Mac>,
    pub(super) target: Option<Mac>,
}

impl Ends {
    pub(super) fn with(self, content: Content<'_>) -> Unwrapped<'_> {
        Unwrapped {
            source: self.source,
            target: self.target,
            ..Unwrapped::bare(content)
        }
    }

    /// What stands behind a mesh control field, if there is one, whose ends take the place of these.
    fn behind_mesh<'a>(&mut self, qos: u8, second: u8, body: &'a [u8]) -> &'a [u8] {
        match mesh(qos, second, body) {
            Some((behind, proxied)) => {
                self.source = proxied.source.or(self.source);
                self.target = proxied.target.or(self.target);
                behind
            }
            None => body,
        }
    }

    fn unreadable<'a>(self, cause: LinkCause) -> Unwrapped<'a> {
        self.with(Content::unreadable(cause))
    }
}

/// A protected data frame (§9.2.4.1.9).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Protected<'a> {
    control: [u8; 2],
    qos: [u8; 2],
    data: &'a [u8],
    /// Behind the header; `None` if the frame ends inside it.
    body: Option<&'a [u8]>,
    cut: usize,
}

/// An EAPOL packet (IEEE 802.1X §11.3) between two stations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyExchange<'a> {
    /// Who sent it on the air.
    pub transmitter: Mac,
    /// Who received it.
    pub receiver: Mac,
    /// From the version on.
    pub packet: &'a [u8],
}

impl<'a> Protected<'a> {
    /// Header and body; `None` if the frame ends inside its header.
    pub(super) fn parts(&self) -> Option<(Header, &'a [u8])> {
        let body = self.body?;
        let [first, second] = self.control;
        let at = |at: usize| self.data.get(at..);
        let four = second & (TO_DS | FROM_DS) == TO_DS | FROM_DS;
        let fourth = match four {
            true => Some(*at(HEADER_LEN)?.first_chunk()?),
            false => None,
        };
        let header = Header {
            control: self.control,
            addresses: *at(ADDRESSES)?.first_chunk()?,
            sequence: *at(SEQUENCE)?.first_chunk()?,
            fourth,
            qos: (first & QOS != 0).then_some(self.qos),
        };
        Some((header, body))
    }

    /// Bytes of the body that were not captured.
    pub(super) fn cut(&self) -> usize {
        self.cut
    }

    /// What the frame holds, by its body in clear.
    pub(super) fn opened<'b>(&self, body: &'b [u8]) -> Unwrapped<'b> {
        let [_, second] = self.control;
        let aggregate = self.qos[0] & AGGREGATE != 0;
        Clear {
            ends: ends(self.data, second, aggregate),
            air: on_air(self.data),
            second,
            qos: self.qos,
            later: is_later(self.data),
            cut: 0,
            only_sequence: false,
        }
        .read(body)
    }
}

/// Reads a frame of which the last `cut` bytes were not captured.
pub(super) fn read<'a>(data: &'a [u8], cut: usize, said: Reception) -> Unwrapped<'a> {
    Unwrapped {
        radio: radio(data),
        ..content(data, cut, said)
    }
}

/// Transmitter, sequence control and the Retry bit of a data frame.
fn radio(data: &[u8]) -> Option<Radio> {
    let [first, second, ..] = data else {
        return None;
    };
    if first & TYPE != TYPE_DATA {
        return None;
    }
    let transmitter = data.get(TRANSMITTER..)?.first_chunk::<ADDRESS_LEN>()?;
    let sequence = data.get(SEQUENCE..)?.first_chunk::<2>()?;
    Some(Radio {
        transmitter: Mac(*transmitter),
        sequence: u16::from_le_bytes(*sequence),
        retry: second & RETRY != 0,
    })
}

fn content<'a>(data: &'a [u8], cut: usize, said: Reception) -> Unwrapped<'a> {
    match data.first_chunk() {
        Some(control) => by_control(*control, data, cut, said),
        None if said.damaged => Unwrapped::unreadable(LinkCause::WifiReceivedWithErrors),
        None => Unwrapped::unreadable(LinkCause::WifiShort),
    }
}

/// As [`read`], of a frame in a tunnel: some access points write the two bytes of frame control the
/// other way round (Cisco's in CAPWAP; Wireshark has a preference for it). Only one order leads to a
/// packet, or has the protocol version that exists.
pub(super) fn read_either(data: &[u8], cut: usize) -> Unwrapped<'_> {
    let said = Reception::default();
    let plain = read(data, cut, said);
    let Some(&[second, first]) = data.first_chunk() else {
        return plain;
    };
    if holds_packet(plain.content) || first & VERSION != 0 {
        return plain;
    }
    let swapped = by_control([first, second], data, cut, said);
    if holds_packet(swapped.content) || second & VERSION != 0 {
        swapped
    } else {
        plain
    }
}

/// True for a packet that chance does not write.
fn holds_packet(content: Content<'_>) -> bool {
    match content {
        Content::Ip(packet) => stands(packet, packet.len()),
        Content::Arp(packet) => packet.starts_with(&ARP),
        Content::Bundle(mut bundle) => bundle.any(|one| match one.content {
            Content::Bundle(_) => false,
            content => holds_packet(content),
        }),
        _ => false,
    }
}

fn by_control<'a>(
    [first, second]: [u8; 2],
    data: &'a [u8],
    cut: usize,
    said: Reception,
) -> Unwrapped<'a> {
    if said.damaged {
        return Unwrapped::unreadable(LinkCause::WifiReceivedWithErrors);
    }
    if first & VERSION != 0 {
        return Unwrapped::unreadable(LinkCause::WifiVersion);
    }
    let data_frame = first & TYPE == TYPE_DATA;
    let header = if data_frame {
        header_len(first, second)
    } else {
        data.len()
    };
    let body_at = match said.padded && data_frame {
        true => header.next_multiple_of(4),
        false => header,
    };
    let qos = if data_frame && first & QOS != 0 {
        qos_control(data, second)
    } else {
        [0, 0]
    };
    // Only here the end of the frame matters, which nothing else tells: a packet has a length.
    let by_end = qos[0] & AGGREGATE != 0 || second & MORE_FRAGMENTS != 0;
    // What the receiver says of a check sequence is believed if it is right, or cannot be looked at.
    let asked = said.fcs || by_end || data.len() == body_at.saturating_add(FCS_LEN);
    let sequence = match cut {
        0 if asked => fcs(data, header, body_at),
        _ => Fcs::NotComputed,
    };
    let trimmed = match sequence {
        Fcs::Right => said.fcs || by_end,
        Fcs::NotComputed => said.fcs && (by_end || cut > 0),
        Fcs::Wrong => false,
    };
    let end = match trimmed {
        true => data.len().saturating_sub(FCS_LEN.saturating_sub(cut)),
        false => data.len(),
    };
    let parts = Parts {
        control: [first, second],
        data,
        body: data.get(body_at..end),
        cut: if said.fcs && cut > 0 {
            // What is missing at the end is the check sequence first.
            cut.saturating_sub(FCS_LEN)
        } else {
            cut
        },
        qos,
        only_sequence: sequence == Fcs::Right && !trimmed,
    };
    let read = parts.read();
    let doubtful = said.fcs && sequence == Fcs::Wrong;
    let encrypted = matches!(read.content, Content::Protected(_));
    if doubtful && !encrypted && !parts.ends_whole(read.content, header) {
        return Unwrapped::unreadable(LinkCause::WifiCheckSequence);
    }
    read
}

/// A frame, taken apart.
struct Parts<'a> {
    control: [u8; 2],
    data: &'a [u8],
    /// Behind the header; `None` if the frame ends inside it.
    body: Option<&'a [u8]>,
    /// Bytes of the body that were not captured.
    cut: usize,
    qos: [u8; 2],
    /// The last four bytes of the body are the check sequence, which nobody announced.
    only_sequence: bool,
}

impl<'a> Parts<'a> {
    fn read(&self) -> Unwrapped<'a> {
        let [first, second] = self.control;
        match first & TYPE {
            TYPE_DATA => {}
            TYPE_MANAGEMENT => return Unwrapped::bare(Content::NotIp("802.11 management")),
            TYPE_CONTROL => return Unwrapped::bare(Content::NotIp("802.11 control")),
            _ => return Unwrapped::bare(Content::NotIp("802.11 extension")),
        }
        let aggregate = self.qos[0] & AGGREGATE != 0;
        let ends = ends(self.data, second, aggregate);
        if first & NO_DATA != 0 {
            return ends.with(Content::NotIp("802.11 without data"));
        }
        let more = second & MORE_FRAGMENTS != 0;
        let later = is_later(self.data);
        if second & PROTECTED != 0 {
            let whole = !later && !more;
            return self
                .in_clear(aggregate, ends)
                .filter(|_| whole)
                .unwrap_or_else(|| {
                    ends.with(Content::Protected(Protected {
                        control: self.control,
                        qos: self.qos,
                        data: self.data,
                        body: self.body,
                        cut: self.cut,
                    }))
                });
        }
        let Some(body) = self.body else {
            return ends.unreadable(LinkCause::WifiHeaderCut);
        };
        Clear {
            ends,
            air: on_air(self.data),
            second,
            qos: self.qos,
            later,
            cut: self.cut,
            only_sequence: self.only_sequence,
        }
        .read(body)
    }

    /// What a protected frame holds whose body is in clear: some adapters decrypt and leave the bit
    /// and the initialisation vector. LLC and SNAP of RFC 1042 are six bytes that no cipher writes.
    fn in_clear(&self, aggregate: bool, ends: Ends) -> Option<Unwrapped<'a>> {
        let body = self.body?;
        VECTORS.iter().find_map(|vector| {
            let clear = body.get(*vector..)?;
            if aggregate {
                let read = amsdu::read(clear, self.cut);
                return holds_packet(read.content).then_some(read);
            }
            let mut ends = ends;
            let packet_at = ends.behind_mesh(self.qos[1], self.control[1], clear);
            packet_at
                .starts_with(&SNAP)
                .then(|| ends.with(packet(packet_at)))
        })
    }

    /// True if the frame is as long as what it says it holds: then no check sequence follows, though
    /// the receiver says so, and nothing speaks against its bits. A packet whose own header is right
    /// is judged like any other.
    fn ends_whole(&self, content: Content<'_>, header: usize) -> bool {
        let [first, second] = self.control;
        let len = self.data.len();
        match (first & TYPE, content) {
            (_, Content::Ip(packet)) => likely(packet, packet.len()),
            (_, Content::Arp(packet)) => packet.starts_with(&ARP) && packet.len() == ARP_LEN,
            (_, Content::Bundle(_)) => holds_packet(content),
            (TYPE_DATA, Content::NotIp(_)) if first & NO_DATA != 0 => len == header,
            (TYPE_DATA, Content::NotIp(_) | Content::KeyExchange(_)) => {
                self.body.is_some_and(|body| match body {
                    // EAPOL (IEEE 802.1X §11.3): version, kind, length.
                    [_, _, _, _, _, _, 0x88, 0x8e, _, _, high, low, rest @ ..] => {
                        rest.len() == usize::from(u16::from_be_bytes([*high, *low]))
                    }
                    _ => false,
                })
            }
            (TYPE_MANAGEMENT, _) => second & PROTECTED != 0 || self.elements_end(first >> 4),
            (TYPE_CONTROL, _) => match first >> 4 {
                // CTS and ACK; poll, RTS and the end of a contention-free period (§9.3.1).
                0xc | 0xd => len == 10,
                0xa | 0xb | 0xe | 0xf => len == 16,
                _ => true,
            },
            _ => false,
        }
    }

    /// True if the elements of a management frame end where the frame does (§9.3.3, §9.4.2).
    fn elements_end(&self, subtype: u8) -> bool {
        /// HT control ends the header of management frames too.
        const ORDER: u8 = 0x80;
        let fixed = match subtype {
            5 | 8 => 12,
            2 => 10,
            1 | 3 | 11 => 6,
            0 => 4,
            10 | 12 => 2,
            4 | 9 => 0,
            // Actions have fields of any form.
            _ => return true,
        };
        let more = if self.control[1] & ORDER != 0 { 4 } else { 0 };
        let Some(mut rest) = self.data.get(HEADER_LEN + more + fixed..) else {
            return false;
        };
        while let [_, len, behind @ ..] = rest {
            match behind.get(usize::from(*len)..) {
                Some(behind) => rest = behind,
                None => return false,
            }
        }
        rest.is_empty()
    }
}

/// What the header of a data frame says of a body in clear.
struct Clear {
    ends: Ends,
    /// Transmitter and receiver on the air.
    air: Option<(Mac, Mac)>,
    second: u8,
    qos: [u8; 2],
    /// It is no first fragment.
    later: bool,
    /// Bytes of the body that were not captured.
    cut: usize,
    only_sequence: bool,
}

impl Clear {
    fn read(self, body: &[u8]) -> Unwrapped<'_> {
        let mut ends = self.ends;
        let more = self.second & MORE_FRAGMENTS != 0;
        if self.later {
            return ends.unreadable(LinkCause::WifiLaterFragment);
        }
        if self.qos[0] & AGGREGATE != 0 {
            if more {
                return ends.unreadable(LinkCause::WifiAmsduFragment);
            }
            return amsdu::read(body, self.cut);
        }
        let body = ends.behind_mesh(self.qos[1], self.second, body);
        let nothing = body.is_empty() || (self.only_sequence && body.len() == FCS_LEN);
        let content = match (body.strip_prefix(&EAPOL), self.air) {
            _ if nothing && self.cut == 0 => Content::NotIp("802.11 without data"),
            (Some(message), Some((transmitter, receiver))) => Content::KeyExchange(KeyExchange {
                transmitter,
                receiver,
                packet: message,
            }),
            _ => packet(body),
        };
        if more && !is_whole(content) {
            return ends.unreadable(LinkCause::WifiFirstFragment);
        }
        ends.with(content)
    }
}

/// Transmitter and receiver on the air.
fn on_air(data: &[u8]) -> Option<(Mac, Mac)> {
    let receiver = data.get(ADDRESSES..).and_then(Mac::read)?;
    Some((data.get(TRANSMITTER..).and_then(Mac::read)?, receiver))
}

/// True for a fragment behind the first.
fn is_later(data: &[u8]) -> bool {
    data.get(SEQUENCE).is_some_and(|b| b & 0x0f != 0)
}

/// Length of a data frame's header.
fn header_len(first: u8, second: u8) -> usize {
    let fourth = if second & (TO_DS | FROM_DS) == TO_DS | FROM_DS {
        ADDRESS_LEN
    } else {
        0
    };
    let qos = match (first & QOS != 0, second & HT_CONTROL != 0) {
        (false, _) => 0,
        (true, false) => 2,
        (true, true) => 6,
    };
    HEADER_LEN + fourth + qos
}

fn qos_control(data: &[u8], second: u8) -> [u8; 2] {
    // A QoS header without HT control ends with it.
    let end = header_len(QOS, second & !HT_CONTROL);
    let field = data.get(end - 2..).and_then(|b| b.first_chunk());
    field.copied().unwrap_or_default()
}

/// In an A-MSDU the third address (and the fourth) is the network's, each packet has its own ends.
fn ends(data: &[u8], second: u8, aggregate: bool) -> Ends {
    let address = |at: usize| data.get(at..).and_then(Mac::read);
    let [a1, a2, a3, a4] = [address(4), address(10), address(16), address(24)];
    let (source, target) = match (second & TO_DS != 0, second & FROM_DS != 0) {
        (false, false) => (a2, a1),
        (true, false) => (a2, a3.filter(|_| !aggregate)),
        (false, true) => (a3.filter(|_| !aggregate), a1),
        (true, true) if aggregate => (None, None),
        (true, true) => (a4, a3),
    };
    Ends { source, target }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fcs {
    Right,
    Wrong,
    /// All zero: simulators and some drivers leave room for it and do not compute it.
    NotComputed,
}

/// Checks the sequence at the end of a whole frame (§9.2.4.8: the CRC of IEEE 802.3, over header
/// and body, not over the padding that a receiver put between them).
fn fcs(data: &[u8], header: usize, body_at: usize) -> Fcs {
    let Some((covered, sequence)) = data.split_last_chunk::<FCS_LEN>() else {
        return Fcs::Wrong;
    };
    if *sequence == [0; FCS_LEN] {
        return Fcs::NotComputed;
    }
    let mut crc = flate2::Crc::new();
    crc.update(covered.get(..header).unwrap_or(covered));
    crc.update(covered.get(body_at..).unwrap_or_default());
    if crc.sum() == u32::from_le_bytes(*sequence) {
        Fcs::Right
    } else {
        Fcs::Wrong
    }
}

/// Takes the mesh control field off (§9.2.4.7.3), with the ends beyond the mesh that it names. Mesh
/// frames come from the distribution system; LLC never begins with 0, 1 or 2 but in tests of the
/// link, so that other meanings of the bit do no harm.
fn mesh(qos: u8, second: u8, body: &[u8]) -> Option<(&[u8], Ends)> {
    let flags = *body.first()?;
    if qos & MESH == 0 || second & FROM_DS == 0 || flags & !MESH_ADDRESSES != 0 {
        return None;
    }
    let address = |index: usize| {
        body.get(MESH_LEN + index * ADDRESS_LEN..)
            .and_then(Mac::read)
    };
    let (count, ends) = match flags {
        0 => (0, Ends::default()),
        1 => (
            1,
            Ends {
                source: address(0),
                target: None,
            },
        ),
        2 => (
            2,
            Ends {
                source: address(1),
                target: address(0),
            },
        ),
        _ => return None,
    };
    Some((body.get(MESH_LEN + count * ADDRESS_LEN..)?, ends))
}

/// The packet behind LLC. Stricter than on Ethernet: there a length field promises LLC, here what
/// does not look like it may be anything. Outside of LLC an ether type may come first (IEEE 802 §9,
/// EPD); the packet behind it has to prove it.
pub(super) fn packet(body: &[u8]) -> Content<'_> {
    if llc_snap::is_known(body) {
        return llc_snap::read(body, TAGS_MAX).content;
    }
    let typed = match body {
        [high, low, rest @ ..] => ether_payload(u16::from_be_bytes([*high, *low]), rest, TAGS_MAX),
        _ => Content::Ip(&[]),
    };
    if body.starts_with(&[0, 0]) || !holds_packet(typed) {
        return Content::unreadable(LinkCause::WifiWithoutLlc);
    }
    typed
}

/// True if the packet ends within these bytes, by its own length field.
fn is_whole(content: Content<'_>) -> bool {
    let packet = match content {
        Content::Ip(packet) => packet,
        Content::Arp(packet) => return packet.len() >= ARP_LEN,
        Content::NotIp(_) | Content::KeyExchange(_) => return true,
        _ => return false,
    };
    let length = match packet {
        [0x40..=0x4f, _, high, low, ..] => u16::from_be_bytes([*high, *low]).into(),
        // Forty bytes of header, and the payload.
        [0x60..=0x6f, _, _, _, high, low, ..] => {
            usize::from(u16::from_be_bytes([*high, *low])).saturating_add(40)
        }
        _ => return false,
    };
    // Zero is a length that does not say (segmentation offload, jumbograms).
    !matches!(length, 0 | 40) && length <= packet.len()
}

#[cfg(test)]
mod tests {
    use super::super::tests::{IP, downlink, with_fcs};
    use super::*;
    use crate::ground::gaps::GapId;
    use crate::observe::link::sample;

    fn mac(last: u8) -> Option<Mac> {
        Some(Mac([2, 0, 0, 0, 0, last]))
    }

    /// A data frame with `control` in its first two bytes, addresses ending in 1, 2, 3 (and 4),
    /// and `rest` behind the header proper.
    fn data(control: [u8; 2], rest: &[&[u8]]) -> Vec<u8> {
        let mut out = vec![control[0], control[1], 0, 0];
        for last in 1..=3 {
            out.extend([2, 0, 0, 0, 0, last]);
        }
        out.extend([0x10, 0]);
        if control[1] & 3 == 3 {
            out.extend([2, 0, 0, 0, 0, 4]);
        }
        out.extend(rest.concat());
        out
    }

    fn snap() -> Vec<u8> {
        [&[0xaa, 0xaa, 3, 0, 0, 0, 8, 0][..], &IP].concat()
    }

    fn plain(data: &[u8]) -> Unwrapped<'_> {
        read(data, 0, Reception::default())
    }

    fn is_unreadable(content: Content<'_>) -> bool {
        matches!(content, Content::Unreadable(GapId::UnreadablePackets, _))
    }

    #[test]
    fn the_ds_bits_say_who_the_ends_are() {
        for (bits, source, target) in [(0, 2, 1), (1, 2, 3), (2, 3, 1), (3, 4, 3)] {
            // Plain, QoS, QoS with HT control; subtypes with acknowledgements and polls.
            for (first, order, extra) in [
                (0x08, 0, &[][..]),
                (0x38, 0x80, &[]),
                (0x88, 0, &[0, 1]),
                (0xb8, 0x80, &[7, 0x20, 1, 2, 3, 4]),
            ] {
                let frame = data([first, bits | order], &[extra, &snap()]);
                let got = plain(&frame);
                assert_eq!(got.content, Content::Ip(&IP), "{first:x} {bits}");
                assert_eq!((got.source, got.target), (mac(source), mac(target)));
                // Protected: the ends are known. The body may be in clear all the same.
                for vector in [0, 4, 8, 18] {
                    let clear = [&vec![0x20; vector], &snap()[..]].concat();
                    let frame = data([first, bits | order | 0x40], &[extra, &clear]);
                    assert_eq!(plain(&frame).content, Content::Ip(&IP), "{vector}");
                }
                let sealed: Vec<u8> = snap().iter().map(|b| b ^ 0x5a).collect();
                let frame = data([first, bits | order | 0x40], &[extra, &sealed]);
                let got = plain(&frame);
                assert!(matches!(got.content, Content::Protected(_)));
                assert_eq!((got.source, got.target), (mac(source), mac(target)));
            }
        }
    }

    #[test]
    fn what_holds_no_packet_and_what_cannot_be_relied_on() {
        for first in [0x80, 0xd0, 0xb4, 0xd4, 0x0c, 0x48, 0xc8, 0xe8] {
            let frame = data([first, 0x41], &[&snap()]);
            assert!(
                matches!(plain(&frame).content, Content::NotIp(_)),
                "{first:x}"
            );
        }
        assert!(matches!(
            plain(&data([0x08, 1], &[])).content,
            Content::NotIp(_)
        ));
        // Association of a station told to the switches, EAPOL.
        for body in [
            &[0x00, 0x01, 0xaf, 0x81, 1, 0][..],
            &[0xaa, 0xaa, 3, 0, 0, 0, 0x88, 0x8e, 2, 3],
        ] {
            let frame = data([0x08, 1], &[body]);
            let content = plain(&frame).content.sealed();
            assert!(matches!(content, Content::NotIp(_)));
        }
        for body in [&IP[..], &[0x45; 40], &[0xaa, 0xaa], &[0x55, 0x55, 0x03, 0]] {
            assert!(is_unreadable(plain(&data([0x08, 1], &[body])).content));
        }
        let damaged = Reception {
            damaged: true,
            ..Reception::default()
        };
        assert!(is_unreadable(
            read(&data([0x80, 0], &[]), 0, damaged).content
        ));
        assert!(is_unreadable(plain(&data([0x09, 1], &[&snap()])).content));
    }

    #[test]
    fn mesh_control_names_the_ends_beyond_the_mesh() {
        let qos = [0, 1];
        let (a, b) = ([2, 0, 0, 0, 0, 5], [2, 0, 0, 0, 0, 6]);
        let group = [&[1, 30, 0, 0, 0, 0][..], &a].concat();
        let proxied = [&[2, 30, 0, 0, 0, 0][..], &a, &b].concat();
        for (bits, control, source, target) in [
            (3, &[0, 30, 0, 0, 0, 0][..], 4, 3),
            (2, &group, 5, 1),
            (3, &proxied, 6, 5),
        ] {
            let frame = data([0x88, bits], &[&qos, control, &snap()]);
            let got = plain(&frame);
            assert_eq!(got.content, Content::Ip(&IP));
            assert_eq!((got.source, got.target), (mac(source), mac(target)));
        }
        let frame = data([0x88, 3], &[&qos, &[3, 30, 0, 0, 0, 0], &snap()]);
        assert!(is_unreadable(plain(&frame).content));
    }

    #[test]
    fn fragments_are_read_only_when_whole() {
        let whole = data([0x08, 1 | MORE_FRAGMENTS], &[&snap()]);
        assert_eq!(plain(&whole).content, Content::Ip(&IP));
        let short = &whole[..whole.len() - 1];
        assert!(is_unreadable(plain(short).content));
        // The check sequence, though nobody said that it is there, is no part of the packet.
        let guised = with_fcs(short.to_vec());
        assert!(is_unreadable(plain(&guised).content));
        let mut later = data([0x08, 1], &[&snap()]);
        later[SEQUENCE] = 0x11;
        assert!(is_unreadable(plain(&later).content));
    }

    #[test]
    fn a_check_sequence_is_taken_off_and_believed_when_it_fails() {
        let said = Reception {
            fcs: true,
            ..Reception::default()
        };
        let mut frame = with_fcs(downlink());
        let wire = frame.len();
        assert_eq!(read(&frame, 0, said).content, Content::Ip(&IP));
        for cut in 1..=5 {
            let got = read(&frame[..wire - cut], cut, said).content;
            let left = IP.len() - cut.saturating_sub(4);
            assert_eq!(got, Content::Ip(&IP[..left]));
        }
        frame[30] ^= 1;
        assert!(is_unreadable(read(&frame, 0, said).content));
        frame[30] ^= 1;
        // Room that was left for it is behind the packet either way.
        frame[wire - 4..].fill(0);
        let padded = [&IP[..], &[0; 4]].concat();
        assert_eq!(read(&frame, 0, said).content, Content::Ip(&padded));
    }

    #[test]
    fn a_check_sequence_that_is_announced_and_not_there_costs_nothing() {
        let said = Reception {
            fcs: true,
            ..Reception::default()
        };
        let packet = sample::ipv6(b"not four bytes less");
        let arp = [&[0, 1, 8, 0, 6, 4, 0, 1][..], &[7; 20]].concat();
        let snap =
            |kind: [u8; 2], body: &[u8]| data([0x08, 1], &[&[0xaa, 0xaa, 3, 0, 0, 0], &kind, body]);
        let beacon = data(
            [0x80, 0],
            &[&[0; 12], &[0, 3, b'a', b'b', b'c', 1, 1, 0x82]],
        );
        let ack = [&[0xd4, 0, 0, 0][..], &[2; 6]].concat();
        let is = |frame: &[u8], ip: bool| {
            let content = read(frame, 0, said).content.sealed();
            match ip {
                true => matches!(content, Content::Ip(_) | Content::Arp(_)),
                false => matches!(content, Content::NotIp(_)),
            }
        };
        for (frame, ip) in [
            (snap([0x86, 0xdd], &packet), true),
            (snap([8, 6], &arp), true),
            (snap([0x88, 0x8e], &[2, 3, 0, 2, 9, 9]), false),
            (data([0x48, 1], &[]), false),
            (beacon, false),
            (ack, false),
        ] {
            assert!(is(&frame, ip), "{frame:02x?}");
            assert!(is(&with_fcs(frame.clone()), ip));
            // There and wrong: the bits are not relied on.
            let mut wrong = with_fcs(frame);
            *wrong.last_mut().unwrap() ^= 1;
            assert!(is_unreadable(read(&wrong, 0, said).content), "{wrong:02x?}");
        }
        // Nobody announced it, and nothing else is there.
        let empty = with_fcs(data([0x08, 1], &[]));
        assert!(matches!(plain(&empty).content, Content::NotIp(_)));
    }

    #[test]
    fn frame_control_is_read_in_the_order_that_leads_to_a_packet() {
        let packet = sample::ipv4(b"in CAPWAP");
        for control in [[0x08, 1], [0x08, 2], [0x88, 1], [0x08, 0]] {
            let qos: &[u8] = if control[0] & QOS != 0 { &[0, 0] } else { &[] };
            let llc = [0xaa, 0xaa, 3, 0, 0, 0, 8, 0];
            let mut frame = data(control, &[qos, &llc, &packet]);
            assert_eq!(read_either(&frame, 0).content, Content::Ip(&packet));
            frame.swap(0, 1);
            assert_eq!(
                read_either(&frame, 0).content,
                Content::Ip(&packet),
                "{control:x?}"
            );
        }
        // Management stays what it is; an encrypted frame is one in either order.
        let beacon = data([0x80, 0], &[&[0; 12]]);
        assert!(matches!(read_either(&beacon, 0).content, Content::NotIp(_)));
        let sealed = data([0x41, 0x08], &[&[0x77; 60]]);
        let content = read_either(&sealed, 0).content;
        assert!(matches!(content, Content::Protected(_)));
    }

    #[test]
    fn an_ether_type_may_come_without_llc_if_a_packet_proves_it() {
        let packet = sample::ipv6(b"outside the context of a network");
        let frame = data([0x08, 0], &[&[0x86, 0xdd], &packet]);
        assert_eq!(plain(&frame).content, Content::Ip(&packet));
        let frame = data([0x08, 0], &[&[0x86, 0xdd], &packet[..30]]);
        assert!(is_unreadable(plain(&frame).content));
    }
}
