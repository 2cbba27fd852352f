//! Datagrams of a SOCKS 5 association (RFC 1928 §7): each says where the relay shall send it.
//!
//! Names are recognised on any port. An address looks like other binary (video in particular, whose units begin with the same four bytes), so
//! that on other ports than that of SOCKS what is passed on has to be a message that names somebody beyond doubt ([`midst`]): a lookup, the
//! beginning of a QUIC connection. Where it is not, the connection that asked for the association says `opaque-tunnel`.

use super::host_name::HostName;
use super::wire::{Fit, Reader};
use super::{Protocol, Session, Sink, Step, midst};
use crate::evidence::flow::NameSource;
use crate::evidence::ledger::Ends;
use crate::ground::address::classify;
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
        Some((host, _, _)) if host.is_regular() && host.name().is_some_and(|n| n.contains('.')) => {
            Fit::Mine
        }
        Some(_) if at_home => Fit::Mine,
        Some((HostName::Address(ip), port, inside)) if !classify(ip).is_local() => {
            let passed_on = Ends {
                receiver: (ip, port),
                ..*ends
            };
            match midst::naming(inside, &passed_on) {
                Some(_) => Fit::Mine,
                None => Fit::NotMine,
            }
        }
        _ => Fit::NotMine,
    }
}

/// Two reserved bytes, a fragment number, an address and a port; then what is passed on.
fn target(bytes: &[u8]) -> Option<(HostName, u16, &[u8])> {
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
    (port != 0).then(|| (host, port, reader.rest()))
}

struct SocksUdp;

impl Session for SocksUdp {
    fn read(&mut self, bytes: &[u8], sink: &mut Sink<'_>) -> Step {
        sink.carries(Carries::Application);
        let Some((host, port, _)) = target(bytes) else {
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
        // Video in units of their own does.
        other.say(hex("0000 00 01 6742c01e 0035 95a8"));
        assert_eq!(other.protocol(), None);
        assert_eq!(other.facts().relay, None);
        let question = hex("001b 0100 0001 0000 0000 0000 01 61 07 6578616d706c65 00 0001 0001");
        let asks = |address: &str| [&hex(address)[..], &question].concat();
        // To a resolver of the site, and not to the port of resolvers.
        other.say(asks("0000 00 01 c0a80209 0035"));
        other.say(asks("0000 00 01 08080808 1234"));
        assert_eq!(other.protocol(), None);
        other.say(asks("0000 00 01 08080808 0035"));
        assert_eq!(other.literal(), Some([8, 8, 8, 8].into()));
        let relay = Some(Relay::Proxy(Some([8, 8, 8, 8].into())));
        assert_eq!(other.facts().relay, relay);
    }
}
