//! Tunnels that cannot be opened, by their shape: WireGuard, OpenVPN, IPsec over UDP and TCP, Tailscale, ZeroTier. And a session that
//! is none itself: the control connection of PPTP.
//!
//! To a public address they are internet traffic like any other. To a local one they could carry
//! anything on to the internet: the flow keeps the tunnel's name, and judging raises the gap.

use super::tunnel_shape::{StreamOpening, Tunnel as Kind, recognise_tcp, recognise_udp};
use super::wire::Fit;
use super::{Protocol, Session, Sink, Step};
use crate::evidence::ledger::Ends;
use crate::observe::flow::{Carries, PayloadKind};

pub(super) const DATAGRAM: Protocol = Protocol {
    id: "tunnel",
    fit: |bytes, ends| match recognise_udp(bytes, ends.sender.1, ends.receiver.1) {
        Some(_) => Fit::Mine,
        None => Fit::NotMine,
    },
    names: false,
    until: None,
    payload: PayloadKind::Clear,
    open: || Box::new(Datagrams),
};

pub(super) const STREAM: Protocol = Protocol {
    id: "tunnel",
    fit: |bytes, ends| fit_stream(bytes, ends, |found| session(found).is_none()),
    names: false,
    until: None,
    payload: PayloadKind::Clear,
    open: || Box::new(Stream),
};

pub(super) const PPTP: Protocol = Protocol {
    id: "pptp",
    fit: |bytes, ends| fit_stream(bytes, ends, |found| found == StreamOpening::Pptp),
    names: false,
    until: None,
    payload: PayloadKind::Clear,
    open: || Box::new(Stream),
};

fn fit_stream(bytes: &[u8], ends: &Ends, wanted: fn(StreamOpening) -> bool) -> Fit {
    match recognise_tcp(bytes, ends.sender.1, ends.receiver.1) {
        Some(found) if wanted(found) => Fit::Mine,
        _ => Fit::NotMine,
    }
}

/// The name of an opening that is no tunnel by itself.
fn session(found: StreamOpening) -> Option<&'static str> {
    match found {
        StreamOpening::Ssh => Some("ssh"),
        StreamOpening::Pptp => Some("pptp"),
        StreamOpening::OpenVpn | StreamOpening::Ipsec => None,
    }
}

fn name(kind: Kind) -> &'static str {
    match kind {
        Kind::WireGuard => "wireguard",
        Kind::OpenVpn => "openvpn",
        Kind::Ike => "ike",
        Kind::EspInUdp => "esp-in-udp",
        Kind::Tailscale => "tailscale",
        Kind::ZeroTier => "zerotier",
    }
}

struct Datagrams;

impl Session for Datagrams {
    fn read(&mut self, bytes: &[u8], sink: &mut Sink<'_>) -> Step {
        sink.carries(Carries::Application);
        if let Some(kind) = recognise_udp(bytes, sink.ends.sender.1, sink.ends.receiver.1) {
            sink.flow.facts.protocol = Some(name(kind));
            sink.flow.facts.tunnel = Some(name(kind));
        }
        Step::Done
    }
}

struct Stream;

impl Session for Stream {
    fn read(&mut self, bytes: &[u8], sink: &mut Sink<'_>) -> Step {
        sink.carries(Carries::Application);
        let tunnel = match recognise_tcp(bytes, sink.ends.sender.1, sink.ends.receiver.1) {
            Some(StreamOpening::OpenVpn) => "openvpn",
            Some(StreamOpening::Ipsec) => "esp-in-tcp",
            Some(StreamOpening::Ssh | StreamOpening::Pptp) | None => return Step::Done,
        };
        sink.flow.facts.protocol = Some(tunnel);
        sink.flow.facts.tunnel = Some(tunnel);
        Step::Done
    }
}
