//! From a frame to the network packet in it, by the link type that the file states.
//!
//! Every reader answers with one of: an IP packet, an ARP packet, something that carries no IP by
//! definition, or *unreadable* with the reason. There is no silent fourth: what no reader claims
//! could carry IP, and counts as unreadable. Adding a link type is one file (or one function), one
//! line in [`LINK_TYPES`], one fixture, and a frame that it cannot read for the test that all of
//! them say so. Tags and ether types are lists of their own (`tag.rs`, `not_ip.tsv`).

mod arcnet;
mod cooked;
mod ether_type;
mod ether_typed;
mod ethernet;
mod exported_pdu;
mod field;
mod frame_relay;
mod hdlc;
use crate::ground::cause::{LinkCause, Oddity};
use crate::ground::mac::Mac;
pub mod inside;
mod ipnet;
mod llc;
mod llc_snap;
mod mpls;
mod nflog;
mod not_ip;
mod null;
mod packet_filter;
mod pcapdroid;
mod pktap;
mod plausible;
mod ppp;
mod qmap;
mod raw;
mod registry;
#[cfg(test)]
mod sample;
mod slip;
mod tag;
mod usb;
mod wifi;

pub use ether_type::ether_payload;
pub use wifi::{KEYS_MAX, KeyExchange, Opener, Protected, WifiKey};

use crate::ground::gaps::GapId;
use crate::ground::label::Label;
use crate::observe::capture::{Direction, Frame};
use std::borrow::Cow;
use std::fmt;
use std::net::IpAddr;

/// What a frame holds behind its link header.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(test, derive(PartialEq))]
pub enum Content<'a> {
    /// Bytes that begin with an IPv4 or IPv6 header; which one, its version field says.
    Ip(&'a [u8]),
    /// An ARP packet (RFC 826).
    Arp(&'a [u8]),
    /// Something that carries no IP packet by its definition; what, for whoever looks at a reader.
    #[allow(dead_code)]
    NotIp(&'static str),
    /// Something that could carry IP and cannot be read.
    Unreadable(GapId, LinkCause),
    /// A protected 802.11 data frame: who holds the keys opens it, for others it is unreadable.
    Protected(Protected<'a>),
    /// A message of a handshake between stations, from which their keys are made; it holds no IP.
    KeyExchange(KeyExchange<'a>),
    /// Several packets in one frame (A-MSDU, RNDIS, NCM): it counts once, in the worst scope.
    Bundle(Bundle<'a>),
    /// Payload whose headers the writer took off, with the addresses that it noted instead.
    Extract(Extract<'a>),
}

impl Content<'_> {
    /// Something that cannot be read for its bytes.
    pub const fn unreadable(cause: LinkCause) -> Self {
        Self::Unreadable(GapId::UnreadablePackets, cause)
    }

    /// What it is for who holds no keys.
    pub fn sealed(self) -> Self {
        match self {
            Self::Protected(_) => Self::Unreadable(GapId::EncryptedWifi, LinkCause::Protected),
            Self::KeyExchange(_) => Self::NotIp("EAPOL"),
            other => other,
        }
    }
}

/// Reads the packet at an offset of a bundle, and says where the next one begins.
pub type BundleStep = for<'b> fn(&'b [u8], usize) -> Option<(Unwrapped<'b>, usize)>;

/// Packets in one frame beyond which the rest is not looked at: the largest USB transfer that a
/// record can hold (256 KiB) has room for no more packets of a size that carries something.
const BUNDLE_MAX: usize = 4096;

/// Several packets that share a frame, read one at a time.
#[derive(Clone, Copy)]
pub struct Bundle<'a> {
    bytes: &'a [u8],
    at: usize,
    left: usize,
    step: BundleStep,
}

impl<'a> Bundle<'a> {
    /// The packets of `bytes`, the first one at `at`. A step that does not advance ends it.
    pub fn new(bytes: &'a [u8], at: usize, step: BundleStep) -> Self {
        Self {
            bytes,
            at,
            left: BUNDLE_MAX,
            step,
        }
    }

    /// True once the bound was reached before the end of the frame.
    pub fn exhausted(&self) -> bool {
        self.left == 0
    }
}

impl<'a> Iterator for Bundle<'a> {
    type Item = Unwrapped<'a>;

    fn next(&mut self) -> Option<Unwrapped<'a>> {
        self.left = self.left.checked_sub(1)?;
        let (unwrapped, next) = (self.step)(self.bytes, self.at)?;
        // The step after this one finds nothing to read.
        self.at = if next > self.at { next } else { usize::MAX };
        Some(unwrapped)
    }
}

impl fmt::Debug for Bundle<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Bundle({} bytes at {})", self.bytes.len(), self.at)
    }
}

/// Payload of a transport whose headers are not in the file (exported PDU).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extract<'a> {
    /// Who sent it.
    pub source: (IpAddr, u16),
    /// Who received it.
    pub destination: (IpAddr, u16),
    /// Protocol number of the transport (6 TCP, 17 UDP, 132 SCTP, 0 when not said).
    pub protocol: u8,
    /// The payload.
    pub payload: &'a [u8],
}

/// A frame without its link header.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(test, derive(PartialEq))]
pub struct Unwrapped<'a> {
    /// What it holds.
    pub content: Content<'a>,
    /// Sender on this link, if the link has addresses.
    pub source: Option<Mac>,
    /// Receiver on this link.
    pub target: Option<Mac>,
    /// Direction that the link header states.
    pub direction: Option<Direction>,
    /// The interface of the capturing machine, where the link header and not the file numbers it.
    pub port: Option<u32>,
    /// The program that the link header or trailer names.
    pub label: Option<Label<'a>>,
    /// The bytes contradict the stated link type, and were read as what they are.
    pub oddity: Option<Oddity>,
    /// How the frame was sent on the air.
    pub radio: Option<Radio>,
}

/// What tells a frame on the air from its repetition (IEEE 802.11-2020 §10.3.2.14).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Radio {
    /// The station that transmitted it, which need not be the packet's sender.
    pub transmitter: Mac,
    /// Sequence control: sequence and fragment number.
    pub sequence: u16,
    /// The Retry bit.
    pub retry: bool,
}

/// The addresses on the link, the receiver's first, and the packet of an Ethernet frame that says nothing else: whole, unlabelled, without
/// tags.
#[inline]
pub fn plain<'a>(link_type: Option<u16>, frame: &Frame<'a>) -> Option<(&'a [u8; 12], &'a [u8])> {
    match link_type {
        Some(ethernet::ETHERNET_ID) => ethernet::plain(frame),
        _ => None,
    }
}

impl<'a> Unwrapped<'a> {
    /// Something that cannot be read for its bytes, on a link without addresses.
    pub fn unreadable(cause: LinkCause) -> Self {
        Self::bare(Content::unreadable(cause))
    }

    /// Content on a link without addresses.
    pub fn bare(content: Content<'a>) -> Self {
        Self {
            content,
            source: None,
            target: None,
            direction: None,
            port: None,
            label: None,
            oddity: None,
            radio: None,
        }
    }
}

#[cfg(test)]
impl PartialEq for Bundle<'_> {
    fn eq(&self, other: &Self) -> bool {
        (self.bytes, self.at) == (other.bytes, other.at)
    }
}

/// A link type that can be read.
pub struct LinkType {
    /// LINKTYPE values (and DLT values that appear in files).
    pub ids: &'static [u16],
    /// Its name in reports.
    pub name: &'static str,
    /// Takes the link header off.
    pub read: for<'a> fn(&Frame<'a>) -> Unwrapped<'a>,
}

/// Every link type that can be read.
pub static LINK_TYPES: &[LinkType] = &[
    ethernet::ETHERNET,
    raw::RAW,
    raw::IPV4,
    raw::IPV6,
    cooked::COOKED,
    cooked::COOKED2,
    null::NULL,
    null::LOOP,
    wifi::PLAIN,
    wifi::RADIOTAP,
    wifi::PPI,
    wifi::AVS,
    wifi::PRISM,
    usb::USBMON,
    usb::USBMON_MMAPPED,
    usb::USBPCAP,
    pktap::PKTAP,
    pktap::USER2,
    nflog::NFLOG,
    exported_pdu::EXPORTED_PDU,
    ppp::PPP,
    ppp::PPP_HDLC,
    ppp::PPPOE,
    ppp::PPPD,
    ppp::PPP_WITH_DIRECTION,
    hdlc::HDLC,
    hdlc::HDLC_WITH_DIRECTION,
    frame_relay::FRAME_RELAY,
    frame_relay::FRAME_RELAY_WITH_DIRECTION,
    ipnet::IPNET,
    slip::SLIP,
    arcnet::ARCNET_BSD,
    arcnet::ARCNET_LINUX,
    llc::TOKEN_RING,
    llc::FDDI,
    llc::IP_OVER_FC,
    llc::ATM,
    llc::ATM_CLIP,
    llc::SUNATM,
    packet_filter::ENC,
    packet_filter::PFLOG,
    mpls::MPLS,
    ether_typed::IEEE1394,
    ether_typed::IPOIB,
    ether_typed::BROADCOM,
    ether_typed::BROADCOM_PREPENDED,
    ether_typed::MARVELL,
    ether_typed::MARVELL_TYPED,
];

/// The reader for a LINKTYPE value.
pub fn reader(link_type: u16) -> Option<&'static LinkType> {
    LINK_TYPES.iter().find(|l| l.ids.contains(&link_type))
}

/// The name of a link type in reports.
pub fn name(link_type: Option<u16>) -> Cow<'static, str> {
    match link_type {
        None => Cow::Borrowed("unknown"),
        Some(id) => match reader(id) {
            Some(known) => Cow::Borrowed(known.name),
            None => registry::unread(id).name(),
        },
    }
}

/// Why packets of a link type without a reader could not be audited.
pub fn unread(link_type: Option<u16>) -> LinkCause {
    match link_type {
        None => LinkCause::NoInterface,
        Some(id) => LinkCause::TypeUnread(registry::unread(id)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::packet::{Decoded, decode};

    #[test]
    fn every_link_type_has_one_reader() {
        let mut ids: Vec<u16> = LINK_TYPES.iter().flat_map(|l| l.ids).copied().collect();
        let all = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), all);
    }

    /// A frame of a link type that its reader claims and cannot read: a protocol, a version or a
    /// family that does not exist.
    fn strange(id: u16) -> Option<Vec<u8>> {
        let noise = [0x31; 60];
        let wifi = [&[0x08, 1, 0, 0][..], &[2; 20], &noise].concat();
        let typed = |before: &[u8]| [before, &[0x12, 0x34], &noise].concat();
        let behind = |header: &[u8], rest: &[u8]| [header, rest].concat();
        let cooked = |header: &[u8]| [header, &noise].concat();
        Some(match id {
            0 | 108 | 109 => behind(&[99, 0, 0, 0], &noise),
            1 => typed(&[2; 12]),
            6 => behind(&[0x10, 0xc0], &noise),
            7 => vec![1, 2, 99, 0, 0, 0, 0x45],
            8 => vec![0; 5],
            9 | 50 => behind(&[0xff, 3, 0, 0xfd], &noise),
            10 => vec![0x30; 40],
            11 | 100 => behind(&[0xaa, 0xaa, 3, 0, 0x80, 0xc2, 0, 3], &noise),
            12 | 14 | 101 | 228 | 229 => noise.to_vec(),
            51 => behind(&[0x21, 0, 0, 7, 0, 2], &noise),
            104 => behind(&[0x0f, 0, 0, 1], &noise),
            105 => wifi,
            106 => noise.to_vec(),
            107 => behind(&[0x18, 0x41, 3, 0x99], &noise),
            113 => cooked(&[0, 4, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0, 0x00, 0xf7]),
            117 => behind(&[61, 99], &noise),
            119 => behind(
                &[&[0x44, 0, 0, 0, 144, 0, 0, 0][..], &[0; 136]].concat(),
                &wifi,
            ),
            122 => vec![0; 9],
            123 => behind(&[0, 0, 0, 1], &noise),
            127 => behind(&[0, 0, 8, 0, 0, 0, 0, 0], &wifi),
            129 => vec![1, 2, 0, 0, 99, 0, 0, 0, 0x45],
            138 => typed(&[7; 16]),
            149 | 258 => vec![1, 2, 3],
            163 => behind(
                &[&[0x80, 0x21, 0x10, 1, 0, 0, 0, 64][..], &[0; 56]].concat(),
                &wifi,
            ),
            166 => behind(&[0, 3, 0, 0xfd], &noise),
            189 | 220 | 249 => vec![0xff; 64],
            192 => behind(&[0, 0, 8, 0, 105, 0, 0, 0], &wifi),
            204 => behind(&[0, 0xff, 3, 0, 0xfd], &noise),
            205 => behind(&[0, 0x0f, 0, 0, 1], &noise),
            206 => behind(&[0, 0x18, 0x41, 3, 0x99], &noise),
            219 => behind(&[0, 1, 1, 64], &noise),
            226 => behind(&[2, 99], &noise),
            239 => vec![0xff; 8],
            242 => typed(&[0; 40]),
            252 => vec![0xff; 3],
            276 => cooked(&[
                0, 0xf7, 0, 0, 0, 0, 0, 1, 0, 1, 4, 6, 2, 0, 0, 0, 0, 1, 0, 0,
            ]),
            281 | 284 => typed(&[2; 16]),
            282 => typed(&[2; 16]),
            285 => typed(&[2; 20]),
            _ => return None,
        })
    }

    /// True if a packet is counted as something that could not be read.
    fn leaves_a_fact(content: Content<'_>) -> bool {
        match content {
            Content::Unreadable(..) | Content::Protected(_) => true,
            Content::Ip(packet) => !matches!(decode(packet, 0), Decoded::Datagram(_)),
            // One that holds nothing is told by whoever takes it.
            Content::Bundle(mut packets) => {
                packets.clone().next().is_none() || packets.any(|one| leaves_a_fact(one.content))
            }
            Content::Arp(_) | Content::NotIp(_) | Content::Extract(_) | Content::KeyExchange(_) => {
                false
            }
        }
    }

    #[test]
    fn every_link_type_tells_of_what_it_cannot_read() {
        for link in LINK_TYPES {
            for id in link.ids {
                let frame = strange(*id).unwrap_or_else(|| panic!("{id} has no frame here"));
                let content = (link.read)(&sample::frame(&frame)).content;
                assert!(leaves_a_fact(content), "{id}: {content:?}");
                // And of what was not captured.
                let content = (link.read)(&sample::cut(&[], 60)).content;
                assert!(leaves_a_fact(content), "{id} without a byte: {content:?}");
            }
        }
    }

    #[test]
    fn no_reader_panics_on_short_or_strange_frames() {
        // Every length of a few patterns, the lengths that headers state among them.
        for link in LINK_TYPES {
            for fill in [0x00, 0x01, 0x03, 0x45, 0x60, 0x80, 0xaa, 0xff] {
                let bytes = [fill; 200];
                for length in 0..bytes.len() {
                    for wire in [length, length + 1, 1500] {
                        let frame = sample::cut(&bytes[..length], wire);
                        if let Content::Bundle(bundle) = (link.read)(&frame).content {
                            assert!(bundle.count() <= BUNDLE_MAX);
                        }
                    }
                }
            }
        }
    }
}
