//! Whether a packet is a tunnel, and what is inside: the header's proof and the content's sureness
//! weighed against each other.
//!
//! A protocol number is taken at its word. A datagram is a tunnel only by what it holds: with a
//! header of its own signs on its port an IP packet that is possible is enough, and what cannot be
//! read there keeps the tunnel's name; without one it takes a packet that chance does not write.
//! What fails stays a plain datagram, for other readers to recognise.

use crate::evidence::flow::{Facts, Relay};
use crate::ground::address::classify;
use crate::ground::cause::LinkCause;
use crate::ground::gaps::GapId;
use crate::ground::public_name::is_public_name;
use crate::observe::dissect::tunnel_shape::is_other_protocol;
use crate::observe::link::inside::{Sureness, sureness, unwrap};
use crate::observe::link::{Content, Unwrapped};
use crate::observe::packet::encapsulation::{
    Inner, Message, Proof, Tunnel, by_number, in_datagram,
};
use crate::observe::packet::framing::embedded_whole;
use crate::observe::packet::transport::UdpDatagram;

/// A tunnel, as far as it could be read.
pub(super) struct Found<'a> {
    /// Its id in reports.
    pub(super) name: &'static str,
    /// It brings copies of frames from elsewhere: their link addresses say whose they are.
    pub(super) copies: bool,
    /// What is in it.
    pub(super) seen: Seen<'a>,
}

/// What is in a tunnel.
pub(super) enum Seen<'a> {
    /// A packet, or a frame without one.
    Opened(Unwrapped<'a>),
    /// The tunnel's own control.
    Control,
    /// It could be a packet and cannot be read: the gap it would be on a link, and why.
    Closed(GapId, LinkCause),
}

/// The tunnel that a packet with this protocol number is. `cut` bytes of the payload are missing.
pub(super) fn of_number(protocol: u8, payload: &[u8], cut: usize) -> Option<Found<'_>> {
    let tunnel = by_number(protocol, payload)?;
    Some(weigh(tunnel, cut).unwrap_or(Found {
        name: tunnel.name,
        copies: tunnel.copies,
        seen: Seen::Closed(GapId::UnreadablePackets, LinkCause::TunnelUnreadable),
    }))
}

/// The tunnel that a datagram is.
pub(super) fn of_datagram<'a>(udp: &UdpDatagram<'a>) -> Option<Found<'a>> {
    let message = Message {
        source_port: udp.source_port,
        destination_port: udp.destination_port,
        payload: udp.payload,
        wire_len: udp.wire_len,
    };
    let cut = udp.wire_len.saturating_sub(udp.payload.len());
    let mut unread = None;
    for tunnel in in_datagram(message) {
        match weigh(tunnel, cut) {
            Some(found) if matches!(found.seen, Seen::Opened(_)) => return Some(found),
            found => unread = unread.or(found),
        }
    }
    // Nothing inside speaks for the tunnel: then its header may be another protocol's.
    unread.filter(|_| !is_other_protocol(udp.payload, udp.source_port, udp.destination_port))
}

/// An IP packet in the data of an echo message, or of another that carries data: a tunnel through ping. Programs put bytes of their own
/// before it.
pub(super) fn of_echo(data: &[u8], cut: usize) -> Option<Found<'_>> {
    (cut == 0).then_some(())?;
    found_in("ip-in-icmp", data, data.len())
}

/// An IP packet in the payload of a protocol that is not read otherwise.
pub(super) fn of_unknown(payload: &[u8], wire: usize) -> Option<Found<'_>> {
    found_in("ip-in-ip", payload, wire)
}

fn found_in<'a>(name: &'static str, bytes: &'a [u8], wire: usize) -> Option<Found<'a>> {
    let packet = embedded_whole(bytes, wire)?;
    Some(Found {
        name,
        copies: false,
        seen: Seen::Opened(Unwrapped::bare(Content::Ip(packet))),
    })
}

/// `None` if it is no tunnel after all.
fn weigh(tunnel: Tunnel<'_>, cut: usize) -> Option<Found<'_>> {
    let proved = matches!(tunnel.proof, Proof::Number | Proof::Header);
    let found = |seen| {
        Some(Found {
            name: tunnel.name,
            copies: tunnel.copies,
            seen,
        })
    };
    match tunnel.inner {
        Inner::Nothing => return found(Seen::Control).filter(|_| proved),
        Inner::Closed => {
            let seen = Seen::Closed(GapId::UnreadablePackets, LinkCause::TunnelUnreadable);
            return found(seen).filter(|_| proved);
        }
        _ => {}
    }
    let read = unwrap(tunnel.inner, cut);
    let is_packet = matches!(read.content, Content::Ip(_));
    let sure = sureness(&read.content, cut);
    let opens = match tunnel.proof {
        // Whether it can be decoded is for the packet stage to say.
        Proof::Number => is_packet || sure >= Sureness::Possible,
        Proof::Header => sure >= Sureness::Possible,
        Proof::Inside => is_packet && sure >= Sureness::Likely,
        Proof::Checksum => is_packet && sure == Sureness::Certain,
    };
    if opens {
        return found(Seen::Opened(read));
    }
    let (gap, cause) = match read.content {
        Content::Unreadable(gap, cause) => (gap, cause),
        _ => (GapId::UnreadablePackets, LinkCause::TunnelEmpty),
    };
    found(Seen::Closed(gap, cause)).filter(|_| proved)
}

/// A flow between local addresses whose content goes on beyond the site, by what is known of it so
/// far. The same as the judgement of its row will say.
pub(super) fn asks_beyond(facts: &Facts) -> bool {
    let outside = |ip| !classify(ip).is_local();
    let asked = match &facts.relay {
        Some(Relay::Tunnel) => true,
        Some(Relay::Lookup) => {
            facts.public_lookup.a || facts.public_lookup.b || facts.hidden.is_some()
        }
        Some(Relay::Proxy(ip)) => ip.is_some_and(outside),
        None => false,
    };
    asked
        || facts.literal.is_some_and(outside)
        || facts
            .names
            .iter()
            .any(|said| said.named.is_asserted_name() && is_public_name(&said.named.name))
}
