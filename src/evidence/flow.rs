//! What is kept of a flow: its ends, what was counted per interval and input, what the link and the dissectors said.

use super::counters::{Counters, Sent};
use crate::ground::address::is_ip_literal;
use crate::ground::mac::Mac;
use crate::ground::moment::Moment;
use crate::vocabulary;
use std::hash::{Hash, Hasher};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

/// One of the two ends of a flow, in the order of its [`Key`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// The end with the lower address and port.
    A,
    /// The other end.
    B,
}

impl Side {
    /// Both, in order.
    pub const BOTH: [Side; 2] = [Side::A, Side::B];

    /// The other end.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::A => Self::B,
            Self::B => Self::A,
        }
    }
}

/// A value for each side.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pair<T> {
    /// For side A.
    pub a: T,
    /// For side B.
    pub b: T,
}

impl<T> Pair<T> {
    /// The value of a side.
    pub fn of(&self, side: Side) -> &T {
        match side {
            Side::A => &self.a,
            Side::B => &self.b,
        }
    }

    /// The value of a side, to change it.
    pub fn of_mut(&mut self, side: Side) -> &mut T {
        match side {
            Side::A => &mut self.a,
            Side::B => &mut self.b,
        }
    }
}

/// The two endpoints and the protocol, in canonical order: lower address first, then lower port.
/// IPv4 addresses stand as numbers, so that a key is small and cheap to compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    address: Pair<u128>,
    port: Pair<u16>,
    protocol: u8,
    v6: bool,
}

impl Key {
    /// The key of a packet, and which side sent it.
    pub fn new(source: (IpAddr, u16), destination: (IpAddr, u16), protocol: u8) -> (Self, Side) {
        let number = |ip: IpAddr| match ip {
            IpAddr::V4(v4) => u128::from(v4.to_bits()),
            IpAddr::V6(v6) => v6.to_bits(),
        };
        let from = (number(source.0), source.1);
        let to = (number(destination.0), destination.1);
        let (low, high, side) = if from <= to {
            (from, to, Side::A)
        } else {
            (to, from, Side::B)
        };
        let key = Self {
            address: Pair {
                a: low.0,
                b: high.0,
            },
            port: Pair {
                a: low.1,
                b: high.1,
            },
            protocol,
            v6: source.0.is_ipv6(),
        };
        (key, side)
    }

    /// The address of a side.
    pub fn ip(&self, side: Side) -> IpAddr {
        let bits = *self.address.of(side);
        if self.v6 {
            IpAddr::V6(Ipv6Addr::from_bits(bits))
        } else {
            // Only `new` makes keys: an IPv4 number fits.
            IpAddr::V4(Ipv4Addr::from_bits(bits as u32))
        }
    }

    /// The port of a side; 0 for protocols without ports.
    pub fn port(&self, side: Side) -> u16 {
        *self.port.of(side)
    }

    /// The protocol number.
    pub fn protocol(&self) -> u8 {
        self.protocol
    }

    /// True for IPv6.
    pub fn is_v6(&self) -> bool {
        self.v6
    }

    /// What is left of the key when rows run out: the address of the near end, if one is known,
    /// so that whose traffic it was can still be judged.
    #[must_use]
    pub fn folded(mut self, near: Option<Side>) -> Self {
        self.port = Pair::default();
        for side in Side::BOTH {
            if near != Some(side) {
                *self.address.of_mut(side) = 0;
            }
        }
        self
    }

    /// The same key with one side's port forgotten: ephemeral ports do not tell rows apart.
    #[must_use]
    pub fn without_port(mut self, side: Side) -> Self {
        *self.port.of_mut(side) = 0;
        self
    }
}

impl Hash for Key {
    /// Few words, so that a look into a table costs little: no address of IPv4 needs more than one.
    fn hash<H: Hasher>(&self, state: &mut H) {
        let ends = (u64::from(self.port.a) << 16) | u64::from(self.port.b);
        let rest = (ends << 16) | (u64::from(self.protocol) << 8) | u64::from(self.v6);
        if self.v6 {
            state.write_u128(self.address.a);
            state.write_u128(self.address.b);
        } else {
            // Only `new` makes keys: an IPv4 number fits.
            state.write_u64(((self.address.a as u64) << 32) | self.address.b as u64);
        }
        state.write_u64(rest);
    }
}

/// What is counted of a flow within one interval of one input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Index of the interval.
    pub interval: u32,
    /// Index of the input.
    pub input: u32,
    /// What each side sent.
    pub counted: Counters,
    /// Payload bytes of each side that were read: what a person could be told by them would have been found.
    pub read: Pair<u64>,
    /// The side sent payload of a protocol that is not recognised yet; application payload if it
    /// never is.
    pub pending: Pair<bool>,
    /// A connection was opened (first SYN), or the protocol knows no opening.
    pub opened: bool,
    /// Index of the flow's next span in the table's slab, or [`Span::LAST`].
    pub(crate) next: u32,
}

impl Span {
    /// No span comes behind it.
    pub(crate) const LAST: u32 = u32::MAX;

    /// A span that begins with a packet.
    pub(crate) fn new(interval: u32, at: Moment) -> Self {
        Self {
            interval,
            input: at.at.input,
            counted: Counters::new(at),
            read: Pair::default(),
            pending: Pair::default(),
            opened: false,
            next: Self::LAST,
        }
    }

    /// What a side sent, to count more.
    pub(crate) fn sent(&mut self, side: Side) -> &mut Sent {
        self.counted.sent.of_mut(side)
    }

    /// What was counted, once the flow is over.
    pub(crate) fn over(&self) -> Counters {
        let mut over = self.counted;
        for side in Side::BOTH {
            let replied = self.counted.sent.of(side.other()).bytes > 0;
            let sent = over.sent.of_mut(side);
            if sent.application {
                sent.unread = sent.bytes.saturating_sub(*self.read.of(side));
                sent.spared = 0;
            } else {
                sent.answered = u64::from(sent.spared > 0 && replied);
            }
        }
        over
    }

    /// True when the flow counts as traffic of this interval: it was opened here, or brought new
    /// payload. A bare ACK, FIN or RST of an older connection does not.
    pub fn counts(&self) -> bool {
        let sent = Side::BOTH.map(|side| self.counted.sent.of(side));
        self.opened || sent.iter().any(|sent| sent.bytes > 0 || sent.quoted > 0)
    }
}

/// What the link said about the packets of one side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct LinkFacts {
    /// MAC address that sent this side's packets.
    pub source: Option<Mac>,
    /// MAC address that this side's packets were sent to.
    pub target: Option<Mac>,
    /// Not all packets of this side had the same addresses.
    pub mixed: bool,
    /// Some packets of this side were marked as sent by the capturing machine.
    pub sent: bool,
    /// Some packets of this side were marked as received by it.
    pub received: bool,
    /// Who sent this side's packets under another address.
    pub behind: Option<Behind>,
}

/// Who sends the packets of an address that is not its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Behind {
    /// Who sent the first tunnel packet that brought one of them.
    Tunnel(IpAddr),
    /// Who sent one of them before a translator put this address in the place of its own: both were recorded.
    Translated(IpAddr),
}

impl Behind {
    /// The sender's own address.
    pub fn ip(self) -> IpAddr {
        match self {
            Self::Tunnel(ip) | Self::Translated(ip) => ip,
        }
    }
}

/// How a side showed that it opened the flow, weakest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Opening {
    /// It has the higher port, or sent first where there are no ports, and nothing better is known.
    HigherPort,
    /// It sent a request, query or ClientHello.
    Request,
    /// It sent the first SYN.
    Syn,
}

/// Who asked, where that is not the end that opened a stream: a far end may ask our side on a connection of ours, and our side a far end on
/// one of its (reverse tunnels).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Turned {
    /// The other end alone sent a request or ClientHello.
    OtherAsks,
    /// Both ends did.
    BothAsk,
}

vocabulary! {
    /// Where a name of the other end comes from. The order is the rank of the contract for the host
    /// of a destination, weakest first.
    "source of a name" pub enum NameSource {
        /// A CNAME target or SVCB target behind the name that was asked for.
        DnsAlias = "dns-alias",
        /// Server certificate: of TLS up to 1.2, or of TLS 1.3 where it was opened.
        Certificate = "certificate",
        /// The name asked for in DNS whose answer gave this address.
        Dns = "dns",
        /// Domain that an XMPP stream is opened to.
        Xmpp = "xmpp",
        /// Host of a SIP request URI.
        Sip = "sip",
        /// Host of an RTSP URI.
        Rtsp = "rtsp",
        /// Host of the RTMP `tcUrl`.
        Rtmp = "rtmp",
        /// Domain of a recipient that mail is handed on for.
        SmtpRecipient = "smtp-recipient",
        /// Host that an FTP proxy is asked for.
        FtpTarget = "ftp-target",
        /// Host of a CoAP request to a proxy, or its `Uri-Host`.
        Coap = "coap",
        /// SOCKS target.
        Socks = "socks",
        /// HTTP/2 `:authority` or `host`.
        Http2Authority = "http2-authority",
        /// HTTP/1 `Host` or absolute URI.
        HttpHost = "http-host",
        /// HTTP `CONNECT` target, in version 1 or 2.
        HttpConnect = "http-connect",
        /// DTLS server name.
        DtlsSni = "dtls-sni",
        /// QUIC server name.
        QuicSni = "quic-sni",
        /// TLS server name.
        TlsSni = "tls-sni",
    }
}

impl NameSource {
    /// True for names that the client itself said on the connection.
    pub fn asserted(self) -> bool {
        self >= Self::Xmpp
    }
}

/// A name that was said for the server of a flow.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Named {
    /// The name, lower case, without a trailing dot.
    pub name: Arc<str>,
    /// Who said it.
    pub source: NameSource,
}

impl Named {
    /// True for names that the client said on the connection; an address in place of a name is
    /// listed and is none.
    pub fn is_asserted_name(&self) -> bool {
        self.source.asserted() && !is_ip_literal(&self.name)
    }
}

/// A name in a flow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// The name.
    pub named: Named,
    /// Who calls the other end by it, or was shown it by the other end. Both ends of a flow may ask.
    pub asker: Side,
    /// The first packet that says it.
    pub at: Moment,
}

/// Why a flow to a private address is internet use all the same.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Relay {
    /// A name was asked for (DNS, clear or encrypted).
    Lookup,
    /// A proxy was asked to go somewhere; the address if the request names one.
    Proxy(Option<IpAddr>),
    /// It is a tunnel in clear, and a packet inside goes beyond the site or asks for it.
    Tunnel,
}

/// How lookups hide the names that they ask for. In the order of their words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HiddenLookups {
    /// DNS over DTLS.
    Dtls,
    /// DNS over HTTPS.
    Https,
    /// DNS over QUIC.
    Quic,
    /// DNS over TLS.
    Tls,
    /// HTTPDNS with encrypted names.
    HttpDns,
    /// A message in HTTP that is not read.
    HttpMessage,
}

/// What dissectors said about a flow.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// The application protocol, once recognised.
    pub protocol: Option<&'static str>,
    /// Names of servers, in the order found.
    pub names: Vec<Said>,
    /// The flow asks a relay for internet use.
    pub relay: Option<Relay>,
    /// Everything read of this flow was DNS: it asks for names, and carries nothing else.
    pub only_lookups: bool,
    /// What asks for names here says more than a lookup needs.
    pub more_than_lookups: bool,
    /// Who asked for that, or for another use of the internet.
    pub relays: Pair<bool>,
    /// Names that were looked up in this flow, with who asked.
    pub lookups: std::collections::BTreeSet<(Side, Arc<str>)>,
    /// Who looked up a public name: somebody outside has to answer it.
    pub public_lookup: Pair<bool>,
    /// An address that a request named in place of a host name.
    pub literal: Option<IpAddr>,
    /// Port that a proxy was asked to connect to, of the target that `relay` tells.
    pub target_port: Option<u16>,
    /// The client offered an encrypted hello; whether in earnest or as GREASE, DNS may tell.
    pub ech: bool,
    /// The client sent its server name encrypted, by the withdrawn extension that nobody imitates.
    pub esni: bool,
    /// Fingerprints of the client's hellos (see [`crate::observe::dissect::ja4`]), in the order found.
    pub ja4: Vec<Arc<str>>,
    /// Lookups carry a part of the asker's address to servers behind the one asked (RFC 7871).
    pub client_subnet: bool,
    /// An opaque tunnel, by its name.
    pub tunnel: Option<&'static str>,
    /// The names that are looked up in this flow are hidden.
    pub hidden: Option<HiddenLookups>,
    /// A side sent a datagram that is not believed, which may have asked for what is answered.
    pub doubted: Pair<bool>,
    /// Of discovery and group membership: no packet of it can have passed a router, or will (see
    /// [`crate::observe::dissect::neighbours::stays_on_link`]).
    pub link_only: Option<bool>,
    /// It was first seen as a quote in an ICMP error.
    pub quoted: bool,
    /// A packet names an end as the last hop of a source route.
    pub routed: bool,
    /// Copies of the same bytes differed.
    pub conflict: bool,
    /// Names beyond the bound were dropped.
    pub names_folded: bool,
}

/// Names kept per flow: a connection names one server, a proxy connection perhaps hundreds. More
/// are counted under `limits-reached`.
const NAMES_MAX: usize = 512;

/// Looked-up names kept per flow; the lookups themselves are in the ledger, this is for the
/// resolver's own row.
const LOOKUPS_MAX: usize = 256;

/// Fingerprints kept per flow: a second hello after a retry differs from the first, and what comes through a proxy adds its own.
const JA4_MAX: usize = 8;

impl Facts {
    /// Nobody said anything.
    pub const NOTHING: Self = Self {
        protocol: None,
        names: Vec::new(),
        relay: None,
        only_lookups: false,
        more_than_lookups: false,
        relays: Pair { a: false, b: false },
        lookups: std::collections::BTreeSet::new(),
        public_lookup: Pair { a: false, b: false },
        literal: None,
        target_port: None,
        ech: false,
        esni: false,
        ja4: Vec::new(),
        client_subnet: false,
        tunnel: None,
        hidden: None,
        doubted: Pair { a: false, b: false },
        link_only: None,
        quoted: false,
        routed: false,
        conflict: false,
        names_folded: false,
    };

    /// A name was looked up in this flow.
    pub fn looked_up(
        &mut self,
        asker: Side,
        name: &Arc<str>,
        public: bool,
        accuses: impl Fn(&str) -> bool,
    ) {
        *self.public_lookup.of_mut(asker) |= public;
        let kept = self.lookups.len();
        let asked = (asker, Arc::clone(name));
        if kept < LOOKUPS_MAX || (kept < 2 * LOOKUPS_MAX && accuses(name)) {
            self.lookups.insert(asked);
        } else if !self.lookups.contains(&asked) {
            self.names_folded = true;
        }
    }

    /// Adds the fingerprint of a hello.
    pub fn fingerprint(&mut self, ja4: Option<String>) {
        if let Some(ja4) = ja4
            && self.ja4.len() < JA4_MAX
            && self.ja4.iter().all(|have| **have != *ja4)
        {
            if self.ja4.is_empty() {
                self.ja4.reserve_exact(1);
            }
            self.ja4.push(Arc::from(ja4));
        }
    }

    /// Adds a name that `asker` calls the other end by, or was shown by it; the first frame that says it is kept.
    pub fn name(&mut self, asker: Side, name: &str, source: NameSource, at: Moment) {
        self.name_of_rank(asker, name, source, at, |_| false);
    }

    /// The same; beyond the bound as many again are kept that accuse.
    pub fn name_of_rank(
        &mut self,
        asker: Side,
        name: &str,
        source: NameSource,
        at: Moment,
        accuses: impl Fn(&str) -> bool,
    ) {
        if self.names.iter().any(|said| {
            said.asker == asker && said.named.source == source && *said.named.name == *name
        }) {
            return;
        }
        let kept = self.names.len();
        if kept >= NAMES_MAX {
            self.names_folded = true;
            if kept >= 2 * NAMES_MAX || !accuses(name) {
                return;
            }
        }
        let named = Named {
            name: Arc::from(name),
            source,
        };
        // Most flows have one.
        if self.names.is_empty() {
            self.names.reserve_exact(1);
        }
        self.names.push(Said { named, asker, at });
    }
}

/// Notes the link addresses of a packet.
pub fn note_link(facts: &mut LinkFacts, source: Option<Mac>, target: Option<Mac>, first: bool) {
    if first {
        facts.source = source;
        facts.target = target;
    } else if facts.source != source || facts.target != target {
        facts.mixed = true;
    }
}

#[cfg(test)]
mod tests;
