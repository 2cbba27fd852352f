//! The display filters of findings: made, written, read back and applied the way Wireshark applies them.
//!
//! Understood is what reports are written with: comparisons of a handful of fields, joined by `&&`
//! and `||`. As in Wireshark a comparison holds if any occurrence of the field in the frame
//! does: of the frame's own packet, of one inside a tunnel, of one that an ICMP error quotes.
//!
//! Where the two can differ: Wireshark opens some tunnels only when it is told to (*Decode As*), shows
//! names of DNS over ports that it does not know only then, and gives no `ip.addr` to payload without
//! headers (exported PDUs).

use crate::ground::moment::Timestamp;
use crate::ground::protocol;
use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;

/// Terms that a filter may be nested in; written are three.
const DEPTH_MAX: u8 = 32;

/// Segments of a routing header (RFC 8754 §2).
const SEGMENT: &str = "ipv6.routing.srh.addr";

/// Headers with a field that names the protocol behind them.
///
/// Wireshark gives each of them a field of its own: behind extension headers, `ip.proto` and `ipv6.nxt` name the first of them. Left out are
/// those that nothing stands behind in practice (mobility, HIP, Shim6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Header {
    /// IPv4 (RFC 791).
    Ip4,
    /// IPv6 (RFC 8200).
    Ip6,
    /// Hop-by-hop options (RFC 8200 §4.3).
    HopByHop,
    /// Destination options (RFC 8200 §4.6).
    Options,
    /// Routing (RFC 8200 §4.4).
    Routing,
    /// Fragment (RFC 8200 §4.5).
    Fragment,
    /// Authentication (RFC 4302), behind either version of IP.
    Authentication,
}

impl Header {
    const ALL: [Self; 7] = [
        Self::Ip4,
        Self::Ip6,
        Self::HopByHop,
        Self::Options,
        Self::Routing,
        Self::Fragment,
        Self::Authentication,
    ];

    const fn field(self) -> &'static str {
        match self {
            Self::Ip4 => "ip.proto",
            Self::Ip6 => "ipv6.nxt",
            Self::HopByHop => "ipv6.hopopts.nxt",
            Self::Options => "ipv6.dstopts.nxt",
            Self::Routing => "ipv6.routing.nxt",
            Self::Fragment => "ipv6.fraghdr.nxt",
            Self::Authentication => "ah.next_header",
        }
    }

    /// Whether a packet between such addresses can have it.
    const fn fits(self, end: Option<IpAddr>) -> bool {
        match (self, end) {
            (_, None) | (Self::Authentication, _) => true,
            (Self::Ip4, Some(end)) => end.is_ipv4(),
            (_, Some(end)) => end.is_ipv6(),
        }
    }
}

/// What a frame holds, as far as filters ask for it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fields {
    /// When it was captured.
    pub time: Option<Timestamp>,
    /// Addresses of its packets; of a source route the last hop.
    pub addresses: BTreeSet<IpAddr>,
    /// Protocol numbers, each with a port of that packet (0 where there is none).
    pub ports: BTreeSet<(u8, u16)>,
    /// Names in questions of DNS, in small letters.
    pub questions: BTreeSet<String>,
}

/// A filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Filter {
    /// All of them.
    All(Vec<Filter>),
    /// Any of them.
    Any(Vec<Filter>),
    /// `ip.addr ==` or `ipv6.addr ==`.
    Address(IpAddr),
    /// `tcp.port ==` or `udp.port ==`.
    Port(u8, u16),
    /// `tcp`, `udp`, `icmp`, `icmpv6`.
    Transport(u8),
    /// `ip.proto ==`, `ipv6.nxt ==` and what extension headers have.
    Behind(Header, u8),
    /// `ipv6.routing.srh.addr ==`: a segment, which Wireshark does not count among the addresses.
    Segment(IpAddr),
    /// `lower(dns.qry.name) ==`.
    Question(String),
    /// `frame.time_epoch >=`.
    From(i64),
    /// `frame.time_epoch <`.
    Before(i64),
}

impl Filter {
    /// Packets of a protocol: by its name where Wireshark has one for the number, else by the number in
    /// each header that can name it in packets of `end`.
    pub fn of_protocol(number: u8, end: Option<IpAddr>) -> Self {
        match number {
            protocol::TCP | protocol::UDP | protocol::ICMP | protocol::ICMPV6 => {
                Self::Transport(number)
            }
            other => {
                let fitting = Header::ALL.into_iter().filter(|header| header.fits(end));
                Self::Any(fitting.map(|header| Self::Behind(header, other)).collect())
            }
        }
    }

    /// Packets inside one of some windows, each from one instant up to another; `None` without any.
    pub fn inside(windows: impl IntoIterator<Item = (i64, i64)>) -> Option<Self> {
        let inside = |(start, end)| Self::All(vec![Self::From(start), Self::Before(end)]);
        let mut all: Vec<Self> = windows.into_iter().map(inside).collect();
        match all.len() {
            0 | 1 => all.pop(),
            _ => Some(Self::Any(all)),
        }
    }

    /// What both select: conditions that stand side by side, not one inside another.
    pub fn and(self, other: Self) -> Self {
        one_or(vec![self, other], Self::All)
    }

    /// What either selects.
    pub fn or(self, other: Self) -> Self {
        Self::Any(vec![self, other])
    }

    /// Reads a filter; `None` for one that no report is written with.
    pub fn parse(text: &str) -> Option<Self> {
        let mut rest = Rest(text);
        let filter = rest.any(0)?;
        rest.blanks();
        rest.0.is_empty().then_some(filter)
    }

    /// Whether it selects a frame.
    pub fn selects(&self, frame: &Fields) -> bool {
        self.holds(frame, true)
    }

    /// Whether it would select a frame at another time.
    pub fn selects_sometime(&self, frame: &Fields) -> bool {
        self.holds(frame, false)
    }

    fn holds(&self, frame: &Fields, timed: bool) -> bool {
        let nanos = frame.time.and_then(Timestamp::nanos);
        match self {
            Self::All(list) => list.iter().all(|f| f.holds(frame, timed)),
            Self::Any(list) => list.iter().any(|f| f.holds(frame, timed)),
            Self::Address(ip) | Self::Segment(ip) => frame.addresses.contains(ip),
            Self::Port(transport, port) => frame.ports.contains(&(*transport, *port)),
            Self::Transport(number) | Self::Behind(_, number) => frame
                .ports
                .range((*number, 0)..=(*number, u16::MAX))
                .next()
                .is_some(),
            Self::Question(name) => frame.questions.contains(name),
            Self::From(start) => !timed || nanos.is_some_and(|n| n >= *start),
            Self::Before(end) => !timed || nanos.is_some_and(|n| n < *end),
        }
    }

    /// An address that every selected frame has one of; `None` if there is a way without.
    pub fn addresses(&self) -> Option<Vec<IpAddr>> {
        match self {
            Self::Address(ip) | Self::Segment(ip) => Some(vec![*ip]),
            Self::All(list) => list.iter().find_map(Self::addresses),
            Self::Any(list) => {
                let all: Option<Vec<_>> = list.iter().map(Self::addresses).collect();
                Some(all?.into_iter().flatten().collect())
            }
            _ => None,
        }
    }

    /// The filter without comparisons of which `hide` says so: it selects the same frames and more.
    /// `None` if nothing is left.
    pub fn without(&self, hide: &dyn Fn(&Self) -> bool) -> Option<Self> {
        match self {
            Self::All(list) => {
                let left: Vec<_> = list.iter().filter_map(|f| f.without(hide)).collect();
                match left.as_slice() {
                    [] => None,
                    [only @ Self::Any(_)] => Some(Self::All(vec![only.clone()])),
                    [only] => Some(only.clone()),
                    _ => Some(Self::All(left)),
                }
            }
            // Without one of the ways nothing but "everything" selects no less.
            Self::Any(list) => {
                let left: Option<Vec<_>> = list.iter().map(|f| f.without(hide)).collect();
                Some(Self::Any(left?))
            }
            other => (!hide(other)).then(|| other.clone()),
        }
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = |f: &mut fmt::Formatter<'_>, operator: &str, nanos: i64| {
            let (whole, part) = (
                nanos.div_euclid(Timestamp::SECOND),
                nanos.rem_euclid(Timestamp::SECOND),
            );
            write!(f, "frame.time_epoch {operator} {whole}")?;
            match part {
                0 => Ok(()),
                part => {
                    let digits = format!("{part:09}");
                    write!(f, ".{}", digits.trim_end_matches('0'))
                }
            }
        };
        match self {
            Self::All(list) => list.iter().enumerate().try_for_each(|(at, part)| {
                f.write_str(if at > 0 { " && " } else { "" })?;
                match part {
                    Self::Any(_) => write!(f, "({part})"),
                    _ => write!(f, "{part}"),
                }
            }),
            Self::Any(list) => list.iter().enumerate().try_for_each(|(at, part)| {
                f.write_str(if at > 0 { " || " } else { "" })?;
                match part {
                    Self::All(_) | Self::Any(_) => write!(f, "({part})"),
                    _ => write!(f, "{part}"),
                }
            }),
            Self::Address(ip @ IpAddr::V4(_)) => write!(f, "ip.addr == {ip}"),
            Self::Address(ip @ IpAddr::V6(_)) => write!(f, "ipv6.addr == {ip}"),
            Self::Port(protocol::TCP, port) => write!(f, "tcp.port == {port}"),
            Self::Port(_, port) => write!(f, "udp.port == {port}"),
            Self::Transport(number) => f.write_str(match *number {
                protocol::TCP => "tcp",
                protocol::UDP => "udp",
                protocol::ICMPV6 => "icmpv6",
                _ => "icmp",
            }),
            Self::Behind(header, number) => write!(f, "{} == {number}", header.field()),
            Self::Segment(ip) => write!(f, "{SEGMENT} == {ip}"),
            Self::Question(name) => {
                f.write_str("lower(dns.qry.name) == \"")?;
                for part in name.split_inclusive(['"', '\\']) {
                    match part.strip_suffix(['"', '\\']) {
                        Some(plain) => {
                            f.write_str(plain)?;
                            f.write_str("\\")?;
                            f.write_str(part.get(plain.len()..).unwrap_or_default())?;
                        }
                        None => f.write_str(part)?,
                    }
                }
                f.write_str("\"")
            }
            Self::From(start) => seconds(f, ">=", *start),
            Self::Before(end) => seconds(f, "<", *end),
        }
    }
}

/// What is still to be read.
struct Rest<'a>(&'a str);

impl<'a> Rest<'a> {
    fn blanks(&mut self) {
        self.0 = self.0.trim_start_matches(' ');
    }

    fn eat(&mut self, token: &str) -> bool {
        self.blanks();
        match self.0.strip_prefix(token) {
            Some(rest) => {
                self.0 = rest;
                true
            }
            None => false,
        }
    }

    fn any(&mut self, depth: u8) -> Option<Filter> {
        let mut list = vec![self.all(depth)?];
        while self.eat("||") {
            list.push(self.all(depth)?);
        }
        Some(one_or(list, Filter::Any))
    }

    fn all(&mut self, depth: u8) -> Option<Filter> {
        let mut list = vec![self.term(depth)?];
        while self.eat("&&") {
            list.push(self.term(depth)?);
        }
        Some(one_or(list, Filter::All))
    }

    fn term(&mut self, depth: u8) -> Option<Filter> {
        if depth > DEPTH_MAX {
            return None;
        }
        if self.eat("(") {
            let inner = self.any(depth.saturating_add(1))?;
            return self.eat(")").then_some(inner);
        }
        if self.eat("lower(dns.qry.name)") {
            return (self.eat("=="))
                .then(|| self.quoted())?
                .map(Filter::Question);
        }
        self.blanks();
        let end = self
            .0
            .find(|c: char| !(c.is_ascii_alphanumeric() || "._".contains(c)));
        let (field, rest) = self.0.split_at_checked(end.unwrap_or(self.0.len()))?;
        self.0 = rest;
        Some(match field {
            "tcp" => Filter::Transport(protocol::TCP),
            "udp" => Filter::Transport(protocol::UDP),
            "icmp" => Filter::Transport(protocol::ICMP),
            "icmpv6" => Filter::Transport(protocol::ICMPV6),
            "ip.addr" | "ipv6.addr" => Filter::Address(self.equals()?.parse().ok()?),
            "tcp.port" => Filter::Port(protocol::TCP, self.equals()?.parse().ok()?),
            "udp.port" => Filter::Port(protocol::UDP, self.equals()?.parse().ok()?),
            SEGMENT => Filter::Segment(self.equals()?.parse().ok()?),
            "frame.time_epoch" if self.eat(">=") => Filter::From(seconds(self.word())?),
            "frame.time_epoch" if self.eat("<") => Filter::Before(seconds(self.word())?),
            _ => {
                let named = |header: &Header| header.field() == field;
                let header = Header::ALL.into_iter().find(named)?;
                Filter::Behind(header, self.equals()?.parse().ok()?)
            }
        })
    }

    fn equals(&mut self) -> Option<&'a str> {
        self.eat("==").then(|| self.word())
    }

    fn word(&mut self) -> &'a str {
        self.blanks();
        let end = self.0.find([' ', ')', '(']).unwrap_or(self.0.len());
        let (word, rest) = self.0.split_at_checked(end).unwrap_or((self.0, ""));
        self.0 = rest;
        word
    }

    fn quoted(&mut self) -> Option<String> {
        if !self.eat("\"") {
            return None;
        }
        let mut out = String::new();
        let mut chars = self.0.char_indices();
        loop {
            match chars.next()? {
                (at, '"') => {
                    self.0 = self.0.get(at.checked_add(1)?..)?;
                    return Some(out);
                }
                (_, '\\') => out.push(chars.next()?.1),
                (_, c) => out.push(c),
            }
        }
    }
}

/// A list of one is that one; lists of a kind in lists of that kind are one list.
fn one_or(list: Vec<Filter>, many: fn(Vec<Filter>) -> Filter) -> Filter {
    let empty = many(Vec::new());
    let mut flat = Vec::with_capacity(list.len());
    for filter in list {
        match (filter, &empty) {
            (Filter::All(inner), Filter::All(_)) | (Filter::Any(inner), Filter::Any(_)) => {
                flat.extend(inner);
            }
            (other, _) => flat.push(other),
        }
    }
    match flat.pop() {
        Some(only) if flat.is_empty() => only,
        last => {
            flat.extend(last);
            many(flat)
        }
    }
}

/// Seconds with up to nine digits behind the point, in nanoseconds.
fn seconds(word: &str) -> Option<i64> {
    const DIGITS: usize = 9;
    let (whole, part) = word.split_once('.').unwrap_or((word, "0"));
    if part.is_empty() || part.len() > DIGITS || !part.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let whole: i64 = whole.parse().ok()?;
    whole
        .checked_mul(Timestamp::SECOND)?
        .checked_add(format!("{part:0<DIGITS$}").parse().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(seconds: i64) -> Fields {
        Fields {
            time: Some(Timestamp::from_nanos(i128::from(seconds) * 1_000_000_000)),
            addresses: ["192.0.2.7".parse().unwrap(), "10.0.0.2".parse().unwrap()].into(),
            ports: [(6, 443), (6, 40_000)].into(),
            questions: ["a\"b.example".to_owned()].into(),
        }
    }

    #[test]
    fn a_filter_is_read_applied_and_written_again() {
        let text = "((ip.addr == 192.0.2.7 && tcp.port == 443) || (ipv6.addr == 2001:db8::7 && udp)) && (frame.time_epoch >= 10.000000000 && frame.time_epoch < 20.500000000)";
        let filter = Filter::parse(text).unwrap();
        assert!(filter.selects(&frame(10)) && !filter.selects(&frame(21)));
        assert!(filter.selects_sometime(&frame(21)));
        assert_eq!(Filter::parse(&filter.to_string()), Some(filter.clone()));
        assert_eq!(filter.addresses().unwrap().len(), 2);

        let name = Filter::parse("lower(dns.qry.name) == \"a\\\"b.example\"").unwrap();
        assert!(name.selects(&frame(0)) && name.addresses().is_none());
        assert_eq!(
            name.to_string(),
            "lower(dns.qry.name) == \"a\\\"b.example\""
        );
        let windows = Filter::inside([(10_000_000_000, 20_500_000_000), (-1, 5)]);
        assert_eq!(
            Filter::Transport(6).and(windows.unwrap()).to_string(),
            "tcp && ((frame.time_epoch >= 10 && frame.time_epoch < 20.5) || (frame.time_epoch >= -1.999999999 && frame.time_epoch < 0.000000005))"
        );
        let window = Filter::inside([(10_000_000_000, 20_000_000_000)]);
        let one =
            Filter::Any(vec![Filter::Transport(6), Filter::Transport(17)]).and(window.unwrap());
        assert_eq!(
            one.to_string(),
            "(tcp || udp) && frame.time_epoch >= 10 && frame.time_epoch < 20"
        );
        assert_eq!(Filter::parse(&one.to_string()), Some(one));
        for other in [
            "",
            "ip",
            "ip.addr",
            "ip.addr == x",
            "tcp.port == 70000",
            "tcp ||",
            "(tcp",
            "tcp)",
            "ip.src == 192.0.2.7",
            "lower(dns.qry.name) == \"x",
        ] {
            assert_eq!(Filter::parse(other), None, "{other}");
        }
        assert_eq!(Filter::parse(&"(".repeat(100_000)), None);
    }

    #[test]
    fn a_protocol_without_a_name_is_looked_for_behind_each_header_that_can_stand_before_it() {
        let text = |number, end: Option<&str>| {
            Filter::of_protocol(number, end.map(|ip| ip.parse().unwrap())).to_string()
        };
        assert_eq!(text(6, Some("192.0.2.7")), "tcp");
        assert_eq!(
            text(4, Some("192.0.2.7")),
            "ip.proto == 4 || ah.next_header == 4"
        );
        assert_eq!(
            text(4, Some("2001:db8::7")),
            "ipv6.nxt == 4 || ipv6.hopopts.nxt == 4 || ipv6.dstopts.nxt == 4 || ipv6.routing.nxt == 4 || ipv6.fraghdr.nxt == 4 || ah.next_header == 4"
        );
        for number in [0, 4, 132, 255] {
            let filter = Filter::of_protocol(number, None);
            assert_eq!(Filter::parse(&filter.to_string()), Some(filter));
        }
        // Reports of earlier versions ask either version of IP.
        assert!(Filter::parse("ip.proto == 4 || ipv6.nxt == 4").is_some());

        let segment = "ipv6.addr == 2001:db8::7 || ipv6.routing.srh.addr == 2001:db8::7";
        let filter = Filter::parse(segment).unwrap();
        assert_eq!(filter.to_string(), segment);
        assert_eq!(filter.addresses().unwrap().len(), 2);
        assert!(!filter.selects(&frame(10)));
    }

    #[test]
    fn hidden_terms_never_make_it_select_less() {
        let hide =
            |f: &Filter| matches!(f, Filter::Address(ip) if ip.to_string().starts_with("10."));
        let without = |text: &str| {
            let left = Filter::parse(text).unwrap().without(&hide);
            left.map(|f| f.to_string())
        };
        assert_eq!(
            without("ip.addr == 192.0.2.7 && ip.addr == 10.0.0.2 && tcp.port == 443").as_deref(),
            Some("ip.addr == 192.0.2.7 && tcp.port == 443")
        );
        assert_eq!(
            without("(ip.addr == 10.0.0.2 && udp) || (ip.addr == 192.0.2.7 && udp)").as_deref(),
            Some("udp || (ip.addr == 192.0.2.7 && udp)")
        );
        assert_eq!(without("ip.addr == 10.0.0.2"), None);
        assert_eq!(without("ip.addr == 10.0.0.2 || tcp"), None);
    }
}
