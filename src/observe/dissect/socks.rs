//! SOCKS 4, 4a and 5 (RFC 1928, RFC 1929): where a proxy is asked to connect to.
//!
//! A proxy on the site that is asked for a public name or address is internet use. Behind the
//! answer another protocol begins. UDP associations are named by nothing here: their datagrams
//! go to the proxy's relay port.

use super::host_name::HostName;
use super::wire::{Fit, Reader};
use super::{Protocol, Session, Sink, Step};
use crate::evidence::flow::{NameSource, Side};
use crate::evidence::ledger::Ends;
use crate::observe::flow::{Carries, PayloadKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

pub(super) const SOCKS: Protocol = Protocol {
    id: "socks",
    fit,
    names: true,
    until: None,
    payload: PayloadKind::Clear,
    open: || Box::new(Socks::default()),
};

/// Command 3 (RFC 1928 §4).
const UDP_ASSOCIATE: u8 = 3;
/// Authentication methods offered in one greeting; RFC 1928 assigns a handful.
const METHODS_MAX: usize = 10;
/// User id of version 4, and the name behind it; both end with a zero byte.
const TEXT_MAX: usize = 255;

fn fit(bytes: &[u8], _: &Ends) -> Fit {
    match bytes {
        // Version 5: the greeting is exactly its list of methods (RFC 1928 §3).
        [5, count, methods @ ..] => {
            let count = usize::from(*count);
            let known = |m: &u8| *m <= 9 || *m >= 0x80;
            // A client that does not wait sends its request behind the greeting.
            let (methods, behind) = methods.split_at(methods.len().min(count));
            if count == 0
                || count > METHODS_MAX
                || !methods.iter().all(known)
                || !matches!(
                    behind,
                    [] | [5 | 1]
                        | [5, 1..=3]
                        | [5, 1..=3, 0]
                        | [5, 1..=3, 0, 1 | 3 | 4, ..]
                        | [1, _, ..]
                )
            {
                Fit::NotMine
            } else if methods.len() == count {
                Fit::Mine
            } else {
                Fit::NeedMore
            }
        }
        [4, 1 | 2, rest @ ..] => match request4(rest) {
            Some(Some(_)) => Fit::Mine,
            Some(None) => Fit::NotMine,
            None if bytes.len() < 8 + 2 * TEXT_MAX => Fit::NeedMore,
            None => Fit::NotMine,
        },
        [5] | [4] => Fit::NeedMore,
        _ => Fit::NotMine,
    }
}

/// Where a request goes.
#[derive(Debug, PartialEq, Eq)]
struct Target {
    host: HostName,
    port: u16,
    /// Bytes of the request.
    len: usize,
}

/// A version 4 request behind version and command: `None` when more is needed, `Some(None)` when
/// it is none.
fn request4(rest: &[u8]) -> Option<Option<Target>> {
    let (fixed, rest) = rest.split_first_chunk::<6>()?;
    let [high, low, a, b, c, d] = *fixed;
    let port = u16::from_be_bytes([high, low]);
    if port == 0 {
        return Some(None);
    }
    let user = match rest.iter().position(|x| *x == 0) {
        Some(end) if end <= TEXT_MAX => end,
        None if rest.len() <= TEXT_MAX => return None,
        _ => return Some(None),
    };
    let printable = |text: &[u8]| text.iter().all(|x| (0x20..0x7f).contains(x));
    if !printable(rest.get(..user)?) {
        return Some(None);
    }
    let head = 2 + 6 + user + 1;
    // 4a: an impossible address says that a name follows.
    if a == 0 && b == 0 && c == 0 && d != 0 {
        let behind = rest.get(user + 1..)?;
        let end = match behind.iter().position(|x| *x == 0) {
            Some(end) if end <= TEXT_MAX => end,
            None if behind.len() <= TEXT_MAX => return None,
            _ => return Some(None),
        };
        return Some(Some(Target {
            host: HostName::read(behind.get(..end)?),
            port,
            len: head + end + 1,
        }));
    }
    Some(Some(Target {
        host: HostName::Address(IpAddr::V4(Ipv4Addr::new(a, b, c, d))),
        port,
        len: head,
    }))
}

/// An address of version 5 (RFC 1928 §5) and the port behind it.
fn address5(reader: &mut Reader<'_>) -> Option<(HostName, u16)> {
    let host = match reader.u8()? {
        1 => HostName::Address(IpAddr::V4(Ipv4Addr::from(reader.array::<4>()?))),
        3 => HostName::read(reader.vector8()?),
        4 => HostName::Address(IpAddr::V6(Ipv6Addr::from(reader.array::<16>()?))),
        _ => HostName::Refused(super::host_name::Refusal::Empty),
    };
    Some((host, reader.u16()?))
}

#[derive(Default)]
struct Socks {
    client: Option<Side>,
    stage: Stage,
    /// Methods that the client offered.
    offered: Vec<u8>,
}

/// No authentication, and user name with password: the request behind them is in clear (RFC 1928 §3). 255 refuses.
const CLEAR: [u8; 3] = [0, 2, 255];

/// The request goes through a protection that is not opened (RFC 1961), or is no request that is known: where it goes cannot be read.
fn sealed(sink: &mut Sink<'_>) -> Step {
    sink.flow.facts.tunnel = Some("socks");
    Step::Done
}

#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum Stage {
    #[default]
    Greeting,
    Request,
    Answer5,
    Answer4,
}

impl Session for Socks {
    fn read(&mut self, bytes: &[u8], sink: &mut Sink<'_>) -> Step {
        sink.carries(Carries::Application);
        let side = sink.side();
        let client = *self.client.get_or_insert(side);
        if side == client {
            self.client_says(bytes, sink)
        } else {
            self.server_says(bytes, sink)
        }
    }
}

impl Socks {
    fn client_says(&mut self, bytes: &[u8], sink: &mut Sink<'_>) -> Step {
        sink.client_speaks();
        match (self.stage, bytes) {
            (Stage::Greeting, [4, 1 | 2, rest @ ..]) => match request4(rest) {
                None => Step::More,
                Some(None) => Step::Handover(0),
                Some(Some(target)) => {
                    say(&target.host, target.port, sink);
                    self.stage = Stage::Answer4;
                    Step::Consumed(target.len)
                }
            },
            (Stage::Greeting, [5, count, ..]) => {
                self.stage = Stage::Request;
                let end = 2 + usize::from(*count);
                self.offered = bytes.get(2..end).unwrap_or_default().to_vec();
                Step::Consumed(end)
            }
            (Stage::Request, [1, ..]) if !self.offered.iter().any(|m| CLEAR.contains(m)) => {
                sealed(sink)
            }
            // User name and password (RFC 1929 §2).
            (Stage::Request, [1, rest @ ..]) => {
                let mut reader = Reader::new(rest);
                match (reader.vector8(), reader.vector8()) {
                    (Some(_), Some(_)) => Step::Consumed(1 + reader.position()),
                    _ => Step::More,
                }
            }
            (Stage::Request, [5, command, _reserved, rest @ ..]) => {
                let mut reader = Reader::new(rest);
                match address5(&mut reader) {
                    Some((HostName::Refused(_), _)) => sealed(sink),
                    Some(_) if *command == UDP_ASSOCIATE => {
                        // Its datagrams name their targets one by one, on another port, and are
                        // not read: what they reach cannot be seen.
                        sink.flow.facts.tunnel = Some("socks-udp");
                        self.stage = Stage::Answer5;
                        Step::Consumed(3 + reader.position())
                    }
                    Some((host, port)) => {
                        say(&host, port, sink);
                        self.stage = Stage::Answer5;
                        Step::Consumed(3 + reader.position())
                    }
                    None => Step::More,
                }
            }
            (Stage::Request, [5, ..]) => Step::More,
            (Stage::Request, _) => sealed(sink),
            // The client speaks on without waiting for the answer: what it speaks begins here.
            _ => Step::Handover(0),
        }
    }

    fn server_says(&mut self, bytes: &[u8], sink: &mut Sink<'_>) -> Step {
        match (self.stage, bytes) {
            (Stage::Request, [5, method, ..]) if !CLEAR.contains(method) => sealed(sink),
            (Stage::Request, [5, _, ..]) | (Stage::Request, [1, _, ..]) => Step::Consumed(2),
            (Stage::Answer5, [5, _, _, rest @ ..]) => {
                let mut reader = Reader::new(rest);
                match address5(&mut reader) {
                    Some(_) => Step::Handover(3 + reader.position()),
                    None => Step::More,
                }
            }
            (Stage::Answer4, [0, _, _, _, _, _, _, _, ..]) => Step::Handover(8),
            (_, [_, _, _, _, _, _, _, _, ..]) => Step::Handover(0),
            _ => Step::More,
        }
    }
}

fn say(host: &HostName, port: u16, sink: &mut Sink<'_>) {
    sink.host(host, NameSource::Socks);
    sink.proxies(host, Some(port));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ends() -> Ends {
        Ends {
            side: Side::A,
            sender: (Ipv4Addr::new(10, 0, 0, 2).into(), 50_000),
            receiver: (Ipv4Addr::new(10, 0, 0, 1).into(), 1080),
        }
    }

    #[test]
    fn greetings_and_requests_are_recognised_by_their_whole_form() {
        assert_eq!(fit(&[5, 1, 0], &ends()), Fit::Mine);
        assert_eq!(fit(&[5, 2, 0], &ends()), Fit::NeedMore);
        assert_eq!(fit(&[5, 1, 0, 7], &ends()), Fit::NotMine);
        assert_eq!(fit(&[5, 0], &ends()), Fit::NotMine);
        let named = b"\x04\x01\x01\xbb\x00\x00\x00\x01me\x00a.example\x00";
        assert_eq!(fit(named, &ends()), Fit::Mine);
        for cut in 1..named.len() {
            assert_eq!(
                fit(named.get(..cut).unwrap_or_default(), &ends()),
                Fit::NeedMore,
                "{cut}"
            );
        }
        let target = request4(named.get(2..).unwrap_or_default()).flatten();
        let want = Target {
            host: HostName::read(b"a.example"),
            port: 443,
            len: named.len(),
        };
        assert_eq!(target, Some(want));
    }
}
