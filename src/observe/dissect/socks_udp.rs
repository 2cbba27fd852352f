//! Datagrams of a SOCKS 5 association (RFC 1928 §7): each says where the relay shall send it.
//!
//! Names are recognised on any port. An address looks like other binary, so it is read on the port of SOCKS alone; on others the
//! connection that asked for the association says `opaque-tunnel`. What is passed on is not read.

use super::host_name::HostName;
use super::wire::{Fit, Reader};
use super::{Protocol, Session, Sink, Step};
use crate::evidence::flow::NameSource;
use crate::evidence::ledger::Ends;
use crate::observe::flow::{Carries, PayloadKind};
use std::net::{Ipv4Addr, Ipv6Addr};

pub(super) const SOCKS_UDP: Protocol = Protocol {
    id: "socks-udp",
    fit,
    names: false,
    until: None,
    payload: PayloadKind::Clear,
    open: || Box::new(SocksUdp),
};

/// IANA service `socks`.
const PORT: u16 = 1080;

fn fit(bytes: &[u8], ends: &Ends) -> Fit {
    let at_home = [ends.sender.1, ends.receiver.1].contains(&PORT);
    match target(bytes) {
        Some((host, _)) if host.is_regular() && host.name().is_some_and(|n| n.contains('.')) => {
            Fit::Mine
        }
        Some(_) if at_home => Fit::Mine,
        _ => Fit::NotMine,
    }
}

/// Two reserved bytes, a fragment number, an address and a port.
fn target(bytes: &[u8]) -> Option<(HostName, u16)> {
    let mut reader = Reader::new(bytes);
    if reader.u16()? != 0 || reader.u8()? > 127 {
        return None;
    }
    let host = match reader.u8()? {
        1 => HostName::Address(Ipv4Addr::from(reader.array::<4>()?).into()),
        3 => HostName::read(reader.vector8()?),
        4 => HostName::Address(Ipv6Addr::from(reader.array::<16>()?).into()),
        _ => return None,
    };
    let port = reader.u16()?;
    (port != 0).then_some((host, port))
}

struct SocksUdp;

impl Session for SocksUdp {
    fn read(&mut self, bytes: &[u8], sink: &mut Sink<'_>) -> Step {
        sink.carries(Carries::Application);
        let Some((host, port)) = target(bytes) else {
            sink.flow.facts.tunnel = Some("socks-udp");
            return Step::Consumed(bytes.len());
        };
        // Answers say who sent them.
        let client = *sink
            .flow
            .opened_by
            .get_or_insert((sink.ends.side, crate::evidence::flow::Opening::Request));
        if client.0 == sink.side() {
            sink.host(&host, NameSource::Socks);
            sink.proxies(&host, Some(port));
        }
        Step::Consumed(bytes.len())
    }
}

#[cfg(test)]
mod tests {
    use crate::evidence::flow::Relay;
    use crate::observe::dissect::conversation::Conversation;
    use crate::observe::dissect::wire::test_bytes::hex;

    #[test]
    fn each_datagram_names_its_target() {
        let mut talk = Conversation::udp("192.168.2.254:1080");
        talk.say(hex("0000 00 03 09 612e6578616d706c65 0035 6162"));
        talk.hear(hex("0000 00 01 c0000207 0035 6162"));
        talk.say(hex("0000 00 01 2f583c0e 01bb 6162"));
        assert_eq!(
            talk.names().first().map(|(n, _)| n.as_str()),
            Some("a.example")
        );
        assert_eq!(talk.literal(), Some([47, 88, 60, 14].into()));
        assert_eq!(
            talk.facts().relay,
            Some(Relay::Proxy(Some([47, 88, 60, 14].into())))
        );
        let mut other = Conversation::udp("192.168.2.254:9000");
        other.say(hex("0000 00 01 2f583c0e 01bb 6162"));
        assert_eq!(other.protocol(), None, "any binary begins so");
    }
}
