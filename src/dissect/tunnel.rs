//! Tunnels that cannot be opened: WireGuard, OpenVPN, IPsec over UDP, L2TP, by their shape.
//!
//! To a public address they are internet traffic like any other. To a local one they could carry
//! anything on to the internet: the flow keeps the tunnel's name, and judging raises the gap.

use super::tunnel_shape::{StreamOpening, Tunnel as Kind, recognise_tcp, recognise_udp};
use super::wire::Fit;
use super::{Protocol, Session, Sink, Step};
use crate::flow::Carries;
use crate::ledger::Ends;

pub(super) const DATAGRAM: Protocol = Protocol {
    id: "tunnel",
    fit: |bytes, ends| match recognise_udp(bytes, ends.sender.1, ends.receiver.1) {
        Some(_) => Fit::Mine,
        None => Fit::NotMine,
    },
    open: || Box::new(Tunnel { stream: false }),
};

pub(super) const STREAM: Protocol = Protocol {
    id: "tunnel",
    fit: fit_stream,
    open: || Box::new(Tunnel { stream: true }),
};

fn fit_stream(bytes: &[u8], ends: &Ends) -> Fit {
    // An SSH session to a local host is local traffic; to a public one its address says enough.
    match recognise_tcp(bytes, ends.sender.1, ends.receiver.1) {
        Some(StreamOpening::OpenVpn) => Fit::Mine,
        Some(StreamOpening::Ssh) | None => Fit::NotMine,
    }
}

fn name(kind: Kind) -> &'static str {
    match kind {
        Kind::WireGuard => "wireguard",
        Kind::OpenVpn => "openvpn",
        Kind::Ike => "ike",
        Kind::EspInUdp => "esp-in-udp",
        Kind::L2tp => "l2tp",
        Kind::Encapsulation => "vxlan-geneve-gtp",
    }
}

struct Tunnel {
    stream: bool,
}

impl Session for Tunnel {
    fn read(&mut self, bytes: &[u8], sink: &mut Sink<'_>) -> Step {
        sink.carries(Carries::Application);
        let found = if self.stream {
            Some(Kind::OpenVpn)
        } else {
            recognise_udp(bytes, sink.ends.sender.1, sink.ends.receiver.1)
        };
        if let Some(kind) = found {
            sink.flow.facts.protocol = Some(name(kind));
            sink.flow.facts.tunnel = Some(name(kind));
        }
        Step::Done
    }
}
