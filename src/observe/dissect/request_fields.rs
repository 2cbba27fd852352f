//! The fields of a request of HTTP/2 or HTTP/3, whose header blocks say the same (RFC 9113 §8.3, RFC 9114 §4.3): where it goes, what it looks up,
//! and how long its body is.

use super::dns_message::parse;
use super::http1::Authority;
use super::{Session, Sink, dns, doh, masque};
use crate::evidence::flow::{NameSource, Pair, Relay};
use crate::ground::cause::ReadingCause;
use crate::observe::flow::part::{Coding, Fields};

/// Authorities and hosts taken of one request; an honest one has one of either.
pub(super) const HOSTS_MAX: usize = 8;
/// Longest value of them: a host name has at most 255 bytes, and user information in front of it is forbidden (§8.3.1).
const HOST_LEN_MAX: usize = 1024;

/// The most that a header block says which is looked at: one byte of it may stand for a field of the whole table.
const TEXT_MAX: usize = 1 << 20;

/// Longest path kept: templates of proxies and questions to resolvers are far shorter.
const PATH_MAX: usize = 4096;

/// The fields of one request that say where it goes.
#[derive(Default)]
pub(super) struct Request {
    connect: bool,
    /// The `:protocol` of an extended CONNECT (RFC 8441 §4).
    protocol: Option<Vec<u8>>,
    path: Vec<u8>,
    /// The body is a DNS message.
    asks: bool,
    /// The same, sealed for somebody else.
    asks_sealed: bool,
    /// Length of the body by its head (RFC 9113 §8.1.1).
    declared: u64,
    authorities: Vec<Vec<u8>>,
    hosts: Vec<Vec<u8>>,
    /// There was more than is kept.
    over: bool,
}

/// Adds a field to what a header block says.
pub(super) fn list(fields: &mut Fields, name: &[u8], value: &[u8]) {
    if name == b"content-encoding" {
        fields.coding = Coding::of(value);
    }
    let line = [name, b": ", value, b"\r\n"];
    let length: usize = line.iter().map(|part| part.len()).sum();
    fields.total = fields.total.saturating_add(length as u64);
    if fields.text.len().saturating_add(length) <= TEXT_MAX {
        line.iter().for_each(|part| fields.text.extend(*part));
    }
}

/// A lookup by DNS over HTTPS: its question stands in the target or in the body of the request, and its answer is the body of what comes back.
/// All of it is read as it is between a client and a resolver.
pub(super) struct Exchange {
    /// What the target asks.
    questions: Vec<Vec<u8>>,
    /// The body asks.
    body: bool,
    dns: Box<dyn Session>,
    /// Bodies of both directions so far.
    held: Pair<Vec<u8>>,
}

impl Exchange {
    /// Says what the target asks.
    pub(super) fn begin(&mut self, sink: &mut Sink<'_>) {
        for question in std::mem::take(&mut self.questions) {
            self.message(&question, sink);
        }
        sink.relays(Relay::Lookup);
    }

    fn message(&mut self, bytes: &[u8], sink: &mut Sink<'_>) {
        // What stands around it has parts of its own.
        let parts = std::mem::take(&mut sink.parts);
        self.dns.read(bytes, sink);
        sink.parts = parts;
    }

    /// More of a body; `asks` if it is that of the request. True if it is a whole question that holds nothing else.
    pub(super) fn body(&mut self, asks: bool, bytes: &[u8], sink: &mut Sink<'_>) -> bool {
        let held = self.held.of_mut(sink.side());
        if (self.body || !asks) && held.len().saturating_add(bytes.len()) <= doh::MESSAGE_MAX {
            held.extend_from_slice(bytes);
        }
        let read = parse(bytes).ok().filter(|_| asks && self.body);
        read.is_some_and(|m| !m.questions.is_empty() && m.foreign(bytes.len()) == 0)
    }

    /// The body of a direction is over. An answer that is no message says that there is none.
    pub(super) fn end(&mut self, asks: bool, sink: &mut Sink<'_>) {
        let message = std::mem::take(self.held.of_mut(sink.side()));
        if !message.is_empty() && (asks || parse(&message).is_ok()) {
            self.message(&message, sink);
        }
    }
}

impl Request {
    /// What it looks up by DNS over HTTPS (RFC 8484), if it does.
    pub(super) fn exchange(&self) -> Option<Exchange> {
        let questions = doh::questions(&self.path);
        (self.asks || !questions.is_empty()).then(|| Exchange {
            questions,
            body: self.asks,
            dns: (dns::OVER_UDP.open)(),
            held: Pair::default(),
        })
    }

    /// Takes a field.
    pub(super) fn field(&mut self, name: &[u8], value: &[u8]) {
        let list = match name {
            b":method" => {
                self.connect |= value == b"CONNECT";
                return;
            }
            b":protocol" => {
                let kept = value.get(..HOST_LEN_MAX).unwrap_or(value);
                self.protocol = Some(kept.to_vec());
                return;
            }
            b":path" => {
                let kept = value.get(..PATH_MAX).unwrap_or(value);
                self.path = kept.to_vec();
                return;
            }
            b"content-type" => {
                self.asks = value.starts_with(doh::MESSAGE.as_bytes());
                self.asks_sealed = value.starts_with(doh::OBLIVIOUS.as_bytes());
                return;
            }
            b"content-length" => {
                let length = std::str::from_utf8(value).ok();
                let length = length.and_then(|digits| digits.trim().parse().ok());
                self.declared = self.declared.max(length.unwrap_or(0));
                return;
            }
            b":authority" => &mut self.authorities,
            b"host" => &mut self.hosts,
            _ => return,
        };
        if list.len() < HOSTS_MAX && value.len() <= HOST_LEN_MAX {
            list.push(value.to_vec());
        } else {
            self.over = true;
        }
    }

    /// Says it all; `name` is what reports call what a CONNECT carries.
    pub(super) fn say(&self, name: &'static str, sink: &mut Sink<'_>) {
        // The authority of a plain CONNECT is where the tunnel goes (§8.5); that of an extended one is the server's own.
        let tunnel = self.connect && self.protocol.is_none();
        for authority in &self.authorities {
            let Authority { host, port } = Authority::read(authority);
            if tunnel {
                sink.host(&host, NameSource::HttpConnect);
                sink.proxies(&host, port);
            } else {
                sink.host(&host, NameSource::Http2Authority);
            }
        }
        if !tunnel {
            for host in &self.hosts {
                sink.host(&Authority::read(host).host, NameSource::Http2Authority);
            }
        }
        // RFC 9298 and RFC 9484: datagrams or packets for anyone, named in the path.
        if let Some(protocol) = &self.protocol {
            masque::asked(&String::from_utf8_lossy(protocol), &self.path, sink);
        }
        if self.declared > 0 {
            sink.declares(self.declared);
        }
        doh::names(&self.path, sink);
        if self.asks_sealed {
            doh::sealed(sink);
        }
        if tunnel {
            sink.flow.facts.tunnel = Some(name);
        }
        if self.over {
            sink.over(ReadingCause::RequestHostsOver);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn longer_hosts_are_told_and_longer_paths_are_cut() {
        let mut request = Request::default();
        request.field(b":path", &b"/a".repeat(PATH_MAX));
        request.field(b":protocol", &b"a".repeat(2 * HOST_LEN_MAX));
        request.field(b"host", &b"h".repeat(HOST_LEN_MAX));
        assert!(!request.over && request.hosts.len() == 1);
        let protocol = request.protocol.as_ref().map_or(0, Vec::len);
        assert_eq!((request.path.len(), protocol), (PATH_MAX, HOST_LEN_MAX));
        request.field(b":authority", &b"h".repeat(HOST_LEN_MAX + 1));
        assert!(request.over && request.authorities.is_empty());
    }
}
