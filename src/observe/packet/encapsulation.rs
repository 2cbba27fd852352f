//! Packets in packets without encryption: where the inner one begins.
//!
//! By protocol number of the outer packet: IP in IP (RFC 2003), IPv6 in IPv4 and 6to4 (RFC 4213,
//! RFC 3056), GRE with PPTP and ERSPAN ([`gre`]), EtherIP (RFC 3378), L2TPv3 (RFC 3931 §4.1.1),
//! PIM Register (RFC 7761 §4.9.3), MPLS (RFC 4023), Ethernet behind segment routing (RFC 8986 §4.9). In UDP: VXLAN, VXLAN-GPE and
//! GENEVE ([`overlay`]), GTP-U ([`gtp`]), L2TP ([`l2tp`]), Teredo ([`teredo`]), copies of frames by
//! TZSP and CAPWAP ([`mirror`]), and packets behind next to nothing: MPLS (RFC 7510), GRE (RFC 8086),
//! GUE, LISP, IP alone ([`bare`]).
//!
//! Headers only: what stands behind them is named, not read. How much a header proves is part of
//! the answer ([`Proof`]), because a port alone says nothing of what its datagrams are. It cannot
//! open what is encrypted or compressed, IP datagrams of minimal encapsulation (RFC 2004), or
//! sessions whose framing was agreed on before the capture began.

use crate::ground::protocol::tunnel as number;
mod bare;
mod gre;
mod gtp;
mod l2tp;
mod mirror;
mod overlay;
mod teredo;

#[cfg(test)]
mod tests;

/// What stands behind a tunnel's header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Inner<'a> {
    /// An IP packet.
    Packet(&'a [u8]),
    /// What an ether type names, and the bytes behind it.
    Typed(u16, &'a [u8]),
    /// An Ethernet frame.
    Ethernet(&'a [u8]),
    /// A PPP frame, with or without its address and control bytes.
    Ppp(&'a [u8]),
    /// A frame of this link type (registry of tcpdump.org).
    Link(u16, &'a [u8]),
    /// An MPLS label stack.
    Labels(&'a [u8]),
    /// An 802.11 frame.
    Wifi(Reception, &'a [u8]),
    /// A frame whose kind, and the few bytes before it, were agreed on when the session began.
    Agreed(&'a [u8]),
    /// No packet: the tunnel's own control.
    Nothing,
    /// It could be a packet and cannot be read.
    Closed,
}

/// What stands before an 802.11 frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reception {
    /// Nothing.
    Plain,
    /// A Prism header.
    Prism,
    /// An AVS header.
    Avs,
}

/// How far the header proves that this is the tunnel it looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// The outer packet's protocol number says so.
    Number,
    /// It stands on the tunnel's port and has signs of its own.
    Header,
    /// It stands on the tunnel's port (or has a faint sign): only a packet inside can prove it.
    Inside,
    /// Chance could have written it: only a packet inside whose checksum is right can prove it.
    Checksum,
}

/// A tunnel's header, read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tunnel<'a> {
    /// The id in reports.
    pub name: &'static str,
    /// What stands behind the header.
    pub inner: Inner<'a>,
    /// How sure that is.
    pub proof: Proof,
    /// It brings copies of frames from elsewhere (a mirror port), and does not carry them on.
    pub copies: bool,
}

impl<'a> Tunnel<'a> {
    fn new(name: &'static str, proof: Proof, inner: Inner<'a>) -> Self {
        Self {
            name,
            inner,
            proof,
            copies: false,
        }
    }
}

/// A UDP datagram, as far as the grammars of tunnels look at it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Message<'a> {
    /// Source port.
    pub source_port: u16,
    /// Destination port.
    pub destination_port: u16,
    /// Captured payload.
    pub payload: &'a [u8],
    /// Payload bytes on the wire.
    pub wire_len: usize,
}

impl Message<'_> {
    fn on(&self, port: u16) -> bool {
        self.source_port == port || self.destination_port == port
    }

    /// What a header with signs of its own proves, by the port it stands on.
    fn proof(&self, ports: &[u16]) -> Proof {
        if ports.iter().any(|port| self.on(*port)) {
            Proof::Header
        } else {
            Proof::Checksum
        }
    }
}

/// The tunnel that an IP packet with this protocol number is; `None` if the number names none
/// that could be opened.
pub fn by_number(protocol: u8, payload: &[u8]) -> Option<Tunnel<'_>> {
    let numbered = |name, inner| Some(Tunnel::new(name, Proof::Number, inner));
    let behind = |inner| match payload {
        [] => Inner::Closed,
        _ => inner,
    };
    match protocol {
        number::IPV4 => numbered("ip-in-ip", behind(Inner::Packet(payload))),
        number::IPV6 => numbered("ipv6-in-ip", behind(Inner::Packet(payload))),
        number::GRE => Some(gre::read(payload)),
        // KA9Q's own form of IP in IP; other bytes behind this number are not known.
        number::IPIP if payload.first().is_some_and(|b| b >> 4 == 4) => {
            numbered("ip-in-ip", Inner::Packet(payload))
        }
        number::IPIP => numbered("ip-in-ip", Inner::Closed),
        number::ETHERIP => numbered("etherip", etherip(payload)),
        number::PIM => pim(payload),
        number::L2TP => numbered("l2tp", l2tp::over_ip(payload)),
        number::MPLS => numbered("mpls", behind(Inner::Labels(payload))),
        number::ETHERNET => numbered("ethernet-in-ip", behind(Inner::Ethernet(payload))),
        _ => None,
    }
}

/// A Register message (RFC 7761 §4.9.3): version 2, type 1, checksum, flags, and the packet that a router sends on to another. A Null-Register
/// carries none, or a header alone.
fn pim(payload: &[u8]) -> Option<Tunnel<'_>> {
    const NULL: u8 = 0x40;
    let inner = match payload {
        [0x21, _, _, _, flags, _, _, _, ..] if flags & NULL != 0 => Inner::Nothing,
        [0x21, _, _, _, _, _, _, _, packet @ ..] if !packet.is_empty() => Inner::Packet(packet),
        [0x21, ..] => Inner::Closed,
        _ => return None,
    };
    Some(Tunnel::new("pim-register", Proof::Number, inner))
}

/// RFC 3378 §3: version 3 and twelve zero bits. Early implementations swapped the two nibbles.
fn etherip(payload: &[u8]) -> Inner<'_> {
    match payload {
        [0x30 | 0x03, 0, frame @ ..] if !frame.is_empty() => Inner::Ethernet(frame),
        _ => Inner::Closed,
    }
}

type Grammar = for<'a> fn(&Message<'a>) -> Option<Tunnel<'a>>;

/// The grammars of tunnels in UDP, those with signs of their own first.
const GRAMMARS: [Grammar; 14] = [
    overlay::vxlan,
    overlay::vxlan_gpe,
    overlay::geneve,
    gtp::read,
    l2tp::over_udp,
    mirror::tzsp,
    mirror::capwap,
    mirror::peekremote,
    mirror::erm,
    teredo::read,
    bare::gre,
    bare::labels,
    bare::gue_or_lisp,
    bare::packet,
];

/// Every tunnel that a datagram may be; the one of which a packet inside is proof, it is.
pub fn in_datagram<'a>(message: Message<'a>) -> impl Iterator<Item = Tunnel<'a>> {
    GRAMMARS.iter().filter_map(move |read| read(&message))
}

/// Ports that tunnels are sent to: who sends there, asks.
const PORTS: [u16; 14] = [
    1701, 2152, 3544, 4341, 4754, 4789, 4790, 5247, 7932, 6080, 6081, 6635, 8472, 37008,
];

/// True for the well-known port of a tunnel.
pub fn is_tunnel_port(port: u16) -> bool {
    PORTS.contains(&port)
}

/// The bytes up to a length that a header states; what stands behind is padding.
fn up_to(bytes: &[u8], length: usize) -> &[u8] {
    bytes.get(..length).unwrap_or(bytes)
}

fn be16(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(*bytes.get(at..)?.first_chunk()?))
}
