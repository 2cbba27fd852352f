//! The PROXY protocol, versions 1 and 2 (HAProxy's proxy-protocol.txt §2.1 and §2.2): a header in front of a connection that a load
//! balancer passes on. What it passes on begins behind it.
//!
//! The addresses in it are those of the connection before the load balancer. Where its destination lies beyond the site and the
//! receiver of the header on it, the receiver is a relay to there. Version 2 may repeat the server name of the client's TLS hello (`PP2_TYPE_AUTHORITY`), which is read.

use super::host_name::HostName;
use super::wire::{Fit, Reader};
use super::{Protocol, Session, Sink, Step, host_name};
use crate::evidence::flow::NameSource;
use crate::ground::address::classify;
use crate::observe::flow::{Carries, PayloadKind};
use std::net::IpAddr;

pub(super) const PROXY_HEADER: Protocol = Protocol {
    id: ID,
    fit: |bytes, _| match header(bytes) {
        Ok(_) => Fit::Mine,
        Err(undecided) => undecided,
    },
    names: true,
    until: None,
    payload: PayloadKind::Clear,
    open: || Box::new(Header),
};

const ID: &str = "proxy-protocol";

/// The longest header of version 1, its line break included (§2.1).
const LINE_MAX: usize = 107;
/// What version 1 begins with, up to the family.
const STARTS: [&[u8]; 3] = [b"PROXY TCP4 ", b"PROXY TCP6 ", b"PROXY UNKNOWN"];
/// What version 2 begins with.
const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
/// Type of the host name that the client passed (§2.2.2).
const AUTHORITY: u8 = 2;

/// A header: its length, and the host name in it.
#[derive(Debug, PartialEq, Eq)]
struct Read {
    len: usize,
    authority: Option<HostName>,
    destination: Option<(IpAddr, Option<u16>)>,
}

/// The destination in a line of version 1: the fourth word, its port the sixth.
fn destination_1(line: &[u8]) -> Option<(IpAddr, Option<u16>)> {
    let mut words = line.split(|b| *b == b' ').skip(3);
    let ip = host_name::address(words.next()?)?;
    let port = words.nth(1).and_then(|word| std::str::from_utf8(word).ok());
    Some((ip, port.and_then(|port| port.parse().ok())))
}

/// The destination among the addresses of version 2, behind the source of the same length, its port behind that of the source.
fn destination_2(family: u8, body: &[u8]) -> Option<(IpAddr, Option<u16>)> {
    let (ip, port) = match family >> 4 {
        1 => (Reader::at(body, 4)?.array::<4>().map(IpAddr::from)?, 10),
        2 => (Reader::at(body, 16)?.array::<16>().map(IpAddr::from)?, 34),
        _ => return None,
    };
    Some((ip, Reader::at(body, port).and_then(|mut ports| ports.u16())))
}

fn header(bytes: &[u8]) -> Result<Read, Fit> {
    if begins(bytes, SIGNATURE) {
        return version_2(bytes);
    }
    if !STARTS.iter().any(|start| begins(bytes, start)) {
        return Err(Fit::NotMine);
    }
    let line = bytes.get(..LINE_MAX).unwrap_or(bytes);
    match line.windows(2).position(|pair| pair == b"\r\n") {
        Some(end) => Ok(Read {
            len: end.saturating_add(2),
            authority: None,
            destination: line.get(..end).and_then(destination_1),
        }),
        None if line.len() < LINE_MAX => Err(Fit::NeedMore),
        None => Err(Fit::NotMine),
    }
}

fn version_2(bytes: &[u8]) -> Result<Read, Fit> {
    let mut reader = Reader::new(bytes);
    let fixed = (reader.take(SIGNATURE.len()), reader.u8(), reader.u8());
    let (Some(_), Some(command), Some(family)) = fixed else {
        return Err(Fit::NeedMore);
    };
    // Version 2, and LOCAL or PROXY; families and protocols up to UNIX and DGRAM.
    if !matches!(command, 0x20 | 0x21) || family >> 4 > 3 || family & 0x0f > 2 {
        return Err(Fit::NotMine);
    }
    let Some(body) = reader.vector16() else {
        return Err(Fit::NeedMore);
    };
    let addresses = match family >> 4 {
        1 => 12,
        2 => 36,
        3 => 216,
        _ => 0,
    };
    let mut fields = Reader::new(body.get(addresses..).unwrap_or_default());
    let mut authority = None;
    while let Some((kind, value)) = fields.u8().zip(fields.vector16()) {
        if kind == AUTHORITY {
            authority = Some(HostName::read(value));
        }
    }
    Ok(Read {
        len: reader.position(),
        authority,
        destination: destination_2(family, body),
    })
}

/// Whether bytes and `start` agree as far as both go.
fn begins(bytes: &[u8], start: &[u8]) -> bool {
    let common = bytes.len().min(start.len());
    bytes.get(..common) == start.get(..common)
}

struct Header;

impl Session for Header {
    fn read(&mut self, bytes: &[u8], sink: &mut Sink<'_>) -> Step {
        sink.carries(Carries::Application);
        let Ok(read) = header(bytes) else {
            return Step::Handover(0);
        };
        sink.client_speaks();
        if let Some((ip, port)) = read.destination
            && !classify(ip).is_local()
            && classify(sink.ends.receiver.0).is_local()
        {
            sink.flow.facts.literal.get_or_insert(ip);
            sink.proxies(&HostName::Address(ip), port);
        }
        if let Some(name) = &read.authority {
            sink.host(name, NameSource::TlsSni);
        }
        // What follows gives the flow its protocol.
        if sink.flow.facts.protocol == Some(ID) {
            sink.flow.facts.protocol = None;
            sink.flow.payload = PayloadKind::default();
        }
        Step::Handover(read.len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::flow::Relay;
    use crate::observe::dissect::conversation::Conversation;
    use crate::observe::dissect::tls::tests::hello;
    use crate::observe::dissect::wire::test_bytes::hex;

    #[test]
    fn a_hello_behind_either_version_in_any_segments() {
        let line = b"PROXY TCP4 192.0.2.7 198.51.100.9 56324 443\r\n".to_vec();
        let unknown = b"PROXY UNKNOWN\r\n".to_vec();
        // The example of §2.2 with a TCP over IPv4 address block, and one with a name behind it.
        let binary = [SIGNATURE, &hex("21 11 000c c0000207 c6336409 dc04 01bb")].concat();
        let named = [
            SIGNATURE,
            &hex("21 11 0018 c0000207 c6336409 dc04 01bb 02 0009 612e6578616d706c65"),
        ]
        .concat();
        let local = [SIGNATURE, &hex("20 00 0000")].concat();
        for header in [line, unknown, binary, named.clone(), local] {
            let all = [header.clone(), hello("b.example")].concat();
            for size in [1, 7, header.len(), all.len()] {
                let mut talk = Conversation::tcp("45.33.92.2:443");
                talk.say_in_pieces(&all, size);
                let names: Vec<String> = talk.names().into_iter().map(|(n, _)| n).collect();
                let wanted: &[&str] = if header == named {
                    &["a.example", "b.example"]
                } else {
                    &["b.example"]
                };
                assert_eq!(names, wanted, "segments of {size}");
                assert_eq!(talk.protocol(), Some("tls"));
            }
        }
    }

    #[test]
    fn a_header_to_a_receiver_of_the_site_names_where_the_relay_goes() {
        let beyond = Some([101, 132, 33, 7].into());
        let line = |to: &str| format!("PROXY TCP4 192.168.2.7 {to} 56324 443\r\n").into_bytes();
        let binary = [SIGNATURE, &hex("21 11 000c c0a80207 65842107 dc04 01bb")].concat();
        for header in [line("101.132.33.7"), binary] {
            let mut talk = Conversation::tcp("192.168.2.254:8443");
            talk.say(&header);
            talk.say(hello("b.example"));
            let facts = talk.facts();
            let named = (facts.literal, facts.relay.clone(), facts.target_port);
            assert_eq!(named, (beyond, Some(Relay::Proxy(beyond)), Some(443)));
        }
        // On the site, and where the receiver is the destination's own network.
        for (receiver, to) in [
            ("192.168.2.254:8443", "192.168.2.9"),
            ("45.33.92.2:8443", "101.132.33.7"),
        ] {
            let mut talk = Conversation::tcp(receiver);
            talk.say(line(to));
            let facts = talk.facts();
            assert_eq!((facts.literal, facts.relay.clone()), (None, None));
        }
    }

    #[test]
    fn other_text_is_no_header() {
        for other in [
            &b"PROXY / HTTP/1.1\r\n"[..],
            b"PROXY TCP5 1.2.3.4\r\n",
            b"\r\n\r\nGET / HTTP/1.1\r\n",
        ] {
            assert_eq!(header(other), Err(Fit::NotMine));
        }
        let endless = [STARTS[0], &[b'1'; LINE_MAX]].concat();
        assert_eq!(header(&endless), Err(Fit::NotMine));
        let version_1 = [SIGNATURE, &hex("11 11 000c")].concat();
        assert_eq!(header(&version_1), Err(Fit::NotMine));
    }
}
