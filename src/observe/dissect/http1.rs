//! HTTP/1 heads: which host a request names, and how long bodies are.
//!
//! Reads request and response heads (RFC 9112 §2 to §6, RFC 9110 §7.2 for Host) from the start of a contiguous slice, on any
//! port. Names: the authority of the target (absolute form of a proxy request, `CONNECT host:port`) and every Host field, all
//! of them, since two readers may pick different ones. Bodies are skipped by their declared length; the length of a request body is
//! also a declaration of how much is being sent. What stands in a body is not read here.
//!
//! Text that merely looks like a request is refused: the request line must end in `HTTP/1.x`. HTTP/2 is only told apart.

use httparse::{EMPTY_HEADER, Header, ParserConfig, Status};

use crate::ground::host_name::HostName;
use crate::ground::work::looks_at;
use crate::observe::dissect::httpdns;
use crate::observe::dissect::httpdns::Asked;
use crate::observe::dissect::wire::Fit;
use crate::observe::flow::part::Coding;
use crate::observe::flow::stream::Pause;

mod authority;
mod chunked;
mod date;
mod framing;
mod lenient;
mod request_line;
mod whole;

pub use authority::Authority;
pub use chunked::Chunked;
pub use request_line::{fit, until};
pub use whole::WholeBody;

/// Longest head read. Servers refuse more than 8 to 64 kB; what lies behind the bound of a longer one is not looked at.
pub const HEAD_MAX: usize = 64 * 1024;
/// Header fields that fit without an allocation; longer heads get a table of their own size.
const FIELDS_USUAL: usize = 64;
/// What an HTTP/2 client sends first (RFC 9113 §3.4).
pub const HTTP2_PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// The outcome of reading a head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Parsed<T> {
    /// The head.
    Head(T),
    /// Good so far, but the end of the head has not come.
    NeedMore,
    /// Not HTTP/1.
    NotHttp,
}

/// What a request line asks for (RFC 9112 §3.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A path: the host is in the Host field.
    Origin,
    /// A whole URI, as sent to a proxy.
    Absolute {
        /// Scheme, lower case.
        scheme: String,
        /// Whom the proxy shall ask; outranks the Host field (RFC 9112 §3.2.2).
        authority: Authority,
    },
    /// `CONNECT`: a tunnel to this host and port.
    Tunnel(Authority),
    /// `*`, the server itself.
    Asterisk,
}

/// A request head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The method as sent.
    pub method: String,
    /// What it asks for.
    pub target: Target,
    /// What it asks for in the eyes of others, where its request line breaks the grammar.
    pub others: Vec<Target>,
    /// The target as sent.
    pub path: Vec<u8>,
    /// The Content-Type field, lower case.
    pub content_type: Option<String>,
    /// The Host fields in order.
    pub hosts: Vec<Authority>,
    /// More than one Host field: a server must refuse it (RFC 9112 §3.2), yet some answer.
    pub duplicate_host: bool,
    /// Body length declared by Content-Length; `None` without one, or if `chunked` or `bad_framing` says otherwise.
    pub content_length: Option<u64>,
    /// The body is chunked.
    pub chunked: bool,
    /// Lengths contradict each other or themselves: where the body ends cannot be told (RFC 9112 §6.3).
    pub bad_framing: bool,
    /// How the body is coded.
    pub coding: Coding,
    /// The Upgrade field, lower case: `websocket`, `h2c`.
    pub upgrade: Option<String>,
    /// Names that the target asks an HTTPDNS service for, if it is one of its requests to a bare address.
    pub asked: Option<Asked>,
    /// Bytes of the head, its empty line included.
    pub head_len: usize,
    /// Fields were dropped that broke the grammar, or the head was longer than [`HEAD_MAX`] and what lay behind is not read.
    pub damaged: bool,
}

/// A response head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// Status code.
    pub status: u16,
    /// As in [`Request`].
    pub content_length: Option<u64>,
    /// As in [`Request`].
    pub chunked: bool,
    /// As in [`Request`].
    pub bad_framing: bool,
    /// The time at which it was made (RFC 9110 §6.6.1), in seconds since 1970-01-01T00:00:00Z. `None` also where more than one
    /// is given, and for what a cache has kept (RFC 9111 §5.1): its time is that of another day.
    pub date: Option<i64>,
    /// No body follows whatever the fields say: 1xx, 204, 304. (Neither after HEAD, nor after a 2xx to CONNECT: the asker knows.)
    pub bodyless: bool,
    /// Bytes of the head, its empty line included.
    pub head_len: usize,
    /// As in [`Request`].
    pub damaged: bool,
}

/// How far a head that comes in pieces was looked at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Search {
    /// Bytes searched for the end of the head; none while the start line is not known.
    pub(super) head: usize,
    /// The start line waits for its end.
    pub(super) line: Option<Pause>,
}

/// Finds the empty line that ends a head: the offset behind it. `searched` is how many bytes an earlier call has already seen, so
/// that a head that comes in small pieces is not searched over and over.
pub fn head_end(bytes: &[u8], searched: usize) -> Option<usize> {
    let from = searched.saturating_sub(3);
    let tail = bytes.get(from..)?;
    looks_at(tail.len());
    memchr::memchr_iter(b'\n', tail).find_map(|at| {
        let behind = tail.get(at.saturating_add(1)..)?;
        let length = if behind.starts_with(b"\n") {
            1
        } else if behind.starts_with(b"\r\n") {
            2
        } else {
            return None;
        };
        from.checked_add(at)?.checked_add(1)?.checked_add(length)
    })
}

/// Reads the request head at the start of `bytes`.
pub fn request(bytes: &[u8]) -> Parsed<Request> {
    request_on(bytes, &mut Search::default())
}

/// As [`request`]. `search` is how far an earlier call has looked at the bytes in vain, so that a head that comes in small pieces is not
/// searched over and over.
pub fn request_on(bytes: &[u8], search: &mut Search) -> Parsed<Request> {
    if search.head == 0 {
        if search.line.as_mut().is_some_and(|line| line.holds(bytes)) {
            return Parsed::NeedMore;
        }
        match fit(bytes) {
            Fit::NotMine => return Parsed::NotHttp,
            Fit::NeedMore => {
                search.line = until(bytes).map(|until| until.pause(bytes));
                return Parsed::NeedMore;
            }
            Fit::Mine => {}
        }
    }
    let Some(head) = Head::find(bytes, search.head) else {
        search.head = bytes.len();
        return Parsed::NeedMore;
    };
    *search = Search::default();
    if let Some((request, damaged)) = head.parse(parse_request) {
        return Parsed::Head(Request { damaged, ..request });
    }
    lenient::request(head.bytes).map_or(Parsed::NotHttp, Parsed::Head)
}

/// Where the next request line begins behind bytes that are none; [`None`] if none is there.
pub fn next_request(bytes: &[u8]) -> Option<usize> {
    bytes
        .iter()
        .enumerate()
        .filter(|&(_, &byte)| byte == b'\n')
        .map(|(at, _)| at.saturating_add(1))
        .find(|&at| {
            let rest = bytes.get(at..).unwrap_or_default();
            rest.first().is_some_and(u8::is_ascii_alphabetic) && fit(line_of(rest)) == Fit::Mine
        })
}

/// The first line with its end, so that looking at every line of a slice takes no square of its length.
fn line_of(bytes: &[u8]) -> &[u8] {
    let end = bytes.iter().position(|&byte| byte == b'\n');
    end.and_then(|end| bytes.get(..=end)).unwrap_or_default()
}

fn parse_request<'b>(
    config: &ParserConfig,
    head: &'b [u8],
    fields: &mut [Header<'b>],
) -> Result<Option<Request>, httparse::Error> {
    let mut request = httparse::Request::new(fields);
    match config.parse_request(&mut request, head)? {
        Status::Complete(head_len) => Ok(read_request(&request, head_len)),
        Status::Partial => Ok(None),
    }
}

fn read_request(request: &httparse::Request<'_, '_>, head_len: usize) -> Option<Request> {
    let method = request.method?;
    let hosts: Vec<Authority> = framing::values(request.headers, "host")
        .map(Authority::read)
        .collect();
    let target = target(method, request.path?.as_bytes());
    let path = request.path?.as_bytes();
    Some(assemble(
        method,
        target,
        path,
        hosts,
        request.headers,
        head_len,
    ))
}

fn assemble(
    method: &str,
    target: Target,
    path: &[u8],
    hosts: Vec<Authority>,
    fields: &[Header<'_>],
    head_len: usize,
) -> Request {
    let framing = framing::request(fields);
    let bare = |authority: &Authority| matches!(authority.host, HostName::Address(_));
    let to_address = match &target {
        Target::Origin => hosts.iter().all(bare),
        Target::Absolute { authority, .. } => bare(authority),
        Target::Tunnel(_) | Target::Asterisk => false,
    };
    let text = |name| {
        framing::values(fields, name)
            .next()
            .map(|value| crate::ground::host_name::printable(value.trim_ascii()))
    };
    Request {
        method: method.to_owned(),
        asked: std::str::from_utf8(path)
            .ok()
            .filter(|_| to_address)
            .and_then(httpdns::asked),
        target,
        others: Vec::new(),
        path: path.to_vec(),
        content_type: text("content-type"),
        duplicate_host: hosts.len() > 1,
        hosts,
        content_length: framing.content_length,
        chunked: framing.chunked,
        bad_framing: framing.bad,
        coding: Coding::of_all(framing::values(fields, "content-encoding")),
        upgrade: text("upgrade"),
        head_len,
        damaged: false,
    }
}

fn target(method: &str, target: &[u8]) -> Target {
    if method.eq_ignore_ascii_case("CONNECT") {
        return Target::Tunnel(Authority::read(target));
    }
    if target == b"*" {
        return Target::Asterisk;
    }
    absolute(target).unwrap_or(Target::Origin)
}

/// A whole URI, if it is one.
fn absolute(target: &[u8]) -> Option<Target> {
    let at = target.windows(3).position(|window| window == b"://")?;
    let (scheme, rest) = target.split_at_checked(at)?;
    let rest = rest.get(3..)?;
    let sound = !scheme.is_empty()
        && scheme
            .iter()
            .all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(b));
    let end = rest.iter().position(|b| b"/?#".contains(b));
    let authority = rest.get(..end.unwrap_or(rest.len()))?;
    sound.then(|| Target::Absolute {
        scheme: String::from_utf8_lossy(scheme).to_ascii_lowercase(),
        authority: Authority::read(authority),
    })
}

/// Reads the response head at the start of `bytes`.
pub fn response(bytes: &[u8]) -> Parsed<Response> {
    response_on(bytes, &mut Search::default())
}

/// As [`response`], and as [`request_on`].
pub fn response_on(bytes: &[u8], search: &mut Search) -> Parsed<Response> {
    const START: &[u8] = b"HTTP/1.";
    let common = START.len().min(bytes.len());
    if START.get(..common) != bytes.get(..common) {
        return Parsed::NotHttp;
    }
    let Some(head) = Head::find(bytes, search.head) else {
        search.head = bytes.len();
        return Parsed::NeedMore;
    };
    *search = Search::default();
    head.parse(parse_response)
        .map_or(Parsed::NotHttp, |(response, damaged)| {
            Parsed::Head(Response {
                damaged,
                ..response
            })
        })
}

fn parse_response<'b>(
    config: &ParserConfig,
    head: &'b [u8],
    fields: &mut [Header<'b>],
) -> Result<Option<Response>, httparse::Error> {
    let mut response = httparse::Response::new(fields);
    let Status::Complete(head_len) = config.parse_response(&mut response, head)? else {
        return Ok(None);
    };
    let framing = framing::response(response.headers);
    Ok(response.code.map(|status| Response {
        status,
        content_length: framing.content_length,
        chunked: framing.chunked,
        bad_framing: framing.bad,
        date: made_at(response.headers),
        bodyless: matches!(status, 100..=199 | 204 | 304),
        head_len,
        damaged: false,
    }))
}

/// When a response was made, if it was made just now.
fn made_at(fields: &[Header<'_>]) -> Option<i64> {
    let mut dates = framing::values(fields, "date");
    let date = dates.next().filter(|_| dates.next().is_none())?;
    let kept = framing::values(fields, "age").next().is_some();
    (!kept).then(|| date::seconds(date))?
}

/// The bytes of one head.
struct Head<'a> {
    bytes: &'a [u8],
    /// It was longer than [`HEAD_MAX`]; `bytes` ends behind the last whole line before.
    cut: bool,
}

impl<'a> Head<'a> {
    fn find(bytes: &'a [u8], searched: usize) -> Option<Self> {
        let window = bytes.get(..HEAD_MAX).unwrap_or(bytes);
        // Empty lines before a request are skipped by servers (RFC 9112 §2.2).
        let lead = bytes
            .len()
            .saturating_sub(request_line::skip_empty_lines(bytes).len());
        if let Some(end) = head_end(window.get(lead..)?, searched.saturating_sub(lead)) {
            return Some(Self {
                bytes: window.get(..end.checked_add(lead)?)?,
                cut: false,
            });
        }
        if bytes.len() < HEAD_MAX {
            return None;
        }
        // The request line alone may be longer.
        let last_line = window.iter().rposition(|&byte| byte == b'\n');
        let end = last_line
            .filter(|&end| end > lead)
            .map_or(window.len(), |end| end.saturating_add(1));
        Some(Self {
            bytes: window.get(..end)?,
            cut: true,
        })
    }

    /// Parses strictly; failing that, repaired and without the lines that then still break the grammar, which the flag reports.
    fn parse<T, F>(&self, read: F) -> Option<(T, bool)>
    where
        F: for<'b> Fn(
            &ParserConfig,
            &'b [u8],
            &mut [Header<'b>],
        ) -> Result<Option<T>, httparse::Error>,
    {
        let mut config = ParserConfig::default();
        config.allow_multiple_spaces_in_request_line_delimiters(true);
        config.allow_multiple_spaces_in_response_status_delimiters(true);
        config.allow_spaces_after_header_name_in_responses(true);
        if !self.cut
            && let Ok(Some(found)) = attempt(&config, self.bytes, &read)
        {
            return Some((found, false));
        }
        config.ignore_invalid_headers_in_requests(true);
        config.ignore_invalid_headers_in_responses(true);
        let mut copy = repaired(self.bytes);
        if self.cut {
            copy.extend_from_slice(b"\r\n");
        }
        attempt(&config, &copy, &read)
            .ok()
            .flatten()
            .map(|found| (found, true))
    }
}

/// Parses with a table of the usual size, and if that is too small with one row per line: no head has more fields.
fn attempt<'b, T, F>(
    config: &ParserConfig,
    head: &'b [u8],
    read: &F,
) -> Result<Option<T>, httparse::Error>
where
    F: Fn(&ParserConfig, &'b [u8], &mut [Header<'b>]) -> Result<Option<T>, httparse::Error>,
{
    match read(config, head, &mut [EMPTY_HEADER; FIELDS_USUAL]) {
        Err(httparse::Error::TooManyHeaders) => {
            let lines = head.iter().filter(|&&byte| byte == b'\n').count();
            read(config, head, &mut vec![EMPTY_HEADER; lines])
        }
        other => other,
    }
}

/// A copy in which line breaks that only fold a field (RFC 9112 §5.2) are spaces, and spaces between a field name and its
/// colon (§5.1) stand behind the colon. No offset changes.
fn repaired(head: &[u8]) -> Vec<u8> {
    let mut copy = head.to_vec();
    let mut folded = false;
    for byte in copy.iter_mut().rev() {
        match *byte {
            b'\r' | b'\n' if folded => *byte = b' ',
            b' ' | b'\t' => folded = true,
            _ => folded = false,
        }
    }
    for line in copy.split_mut(|&byte| byte == b'\n').skip(1) {
        let Some(colon) = line.iter().position(|&byte| byte == b':') else {
            continue;
        };
        let name = line
            .get(..colon)
            .map_or(0, |name| name.trim_ascii_end().len());
        if name > 0 && name < colon {
            line.swap(name, colon);
        }
    }
    copy
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::dissect::wire::test_bytes::Noise;

    fn read(head: &str) -> Request {
        match request(head.as_bytes()) {
            Parsed::Head(request) => request,
            other => panic!("{other:?}: {head:?}"),
        }
    }

    fn hosts(request: &Request) -> Vec<&str> {
        request
            .hosts
            .iter()
            .filter_map(|authority| authority.host.name())
            .collect()
    }

    #[test]
    fn a_head_and_every_prefix_of_it() {
        let head = "\r\nPOST /log?x=1 HTTP/1.1\r\nHost: Api.Example:8080\r\nContent-Length: 5000000\r\nUpgrade: WebSocket\r\n\r\n";
        let request_ = read(&format!("{head}body"));
        assert_eq!(
            (request_.method.as_str(), &request_.target),
            ("POST", &Target::Origin)
        );
        assert_eq!(
            (hosts(&request_), request_.hosts[0].port),
            (vec!["api.example"], Some(8080))
        );
        assert_eq!(
            (
                request_.content_length,
                request_.chunked,
                request_.bad_framing
            ),
            (Some(5_000_000), false, false)
        );
        assert_eq!(
            (
                request_.upgrade.as_deref(),
                request_.head_len,
                request_.damaged
            ),
            (Some("websocket"), head.len(), false)
        );
        for cut in 0..head.len() {
            assert_eq!(
                request(&head.as_bytes()[..cut]),
                Parsed::NeedMore,
                "cut at {cut}"
            );
            assert_ne!(fit(&head.as_bytes()[..cut]), Fit::NotMine);
            assert_eq!(
                head_end(head.as_bytes(), cut),
                Some(head.len()),
                "the empty line before is no end"
            );
        }
    }

    #[test]
    fn targets_name_the_far_end_of_a_proxy() {
        // As in RFC 9112 §3.2.2 to §3.2.4.
        let absolute = read(
            "GET http://user:pw@www.Example.org:81/pub/WWW/?u=https://x/ HTTP/1.1\r\nHost: other.example\r\n\r\n",
        );
        let Target::Absolute { scheme, authority } = &absolute.target else {
            panic!("{absolute:?}")
        };
        assert_eq!(
            (scheme.as_str(), authority.host.name(), authority.port),
            ("http", Some("www.example.org"), Some(81))
        );
        assert_eq!(hosts(&absolute), ["other.example"]);
        let connect = read(
            "CONNECT flysafe-api.example:443 HTTP/1.1\r\nHost: flysafe-api.example:443\r\n\r\n",
        );
        let Target::Tunnel(authority) = &connect.target else {
            panic!("{connect:?}")
        };
        assert_eq!(
            (authority.host.name(), authority.port),
            (Some("flysafe-api.example"), Some(443))
        );
        assert_eq!(read("OPTIONS * HTTP/1.0\r\n\r\n").target, Target::Asterisk);
        assert_eq!(
            read("GET /a?u=http://b.example/ HTTP/1.1\r\n\r\n").target,
            Target::Origin
        );
    }

    #[test]
    fn what_breaks_the_grammar_costs_itself_only() {
        let head = "GET / HTTP/1.1\r\nBad Name: 1\r\nHost:\r\n  a.example\r\n\tX\r\nHost \t: b.example\r\n\x01: 2\r\n\r\n";
        let request_ = read(head);
        assert!(request_.damaged && request_.duplicate_host);
        assert_eq!(request_.head_len, head.len());
        assert_eq!(
            hosts(&request_),
            ["a.example\\032\\032\\009x", "b.example"],
            "folded, odd, kept"
        );
        let mut long = "GET / HTTP/1.1\r\n".to_owned();
        (0..1500).for_each(|n| long.push_str(&format!("X-{n}: y\r\n")));
        long.push_str("Host: last.example\r\n\r\n");
        assert_eq!(
            (hosts(&read(&long)), read(&long).damaged),
            (vec!["last.example"], false)
        );
        let endless = format!(
            "GET / HTTP/1.1\r\nHost: first.example\r\nX: {}",
            "y".repeat(HEAD_MAX)
        );
        let endless = read(&endless);
        assert_eq!(
            (hosts(&endless), endless.damaged),
            (vec!["first.example"], true)
        );
    }

    #[test]
    fn body_lengths_that_contradict_each_other_are_no_lengths() {
        let framing = |fields: &str| {
            let request = read(&format!("POST / HTTP/1.1\r\n{fields}\r\n"));
            (request.content_length, request.chunked, request.bad_framing)
        };
        assert_eq!(framing(""), (None, false, false));
        assert_eq!(
            framing("Content-Length: 7, 7\r\nContent-Length: 7\r\n"),
            (Some(7), false, false)
        );
        assert_eq!(
            framing("Content-Length: 7\r\nContent-Length: 8\r\n"),
            (None, false, true)
        );
        assert_eq!(framing("Content-Length: +7\r\n"), (None, false, true));
        assert_eq!(
            framing("Content-Length: 18446744073709551616\r\n"),
            (None, false, true)
        );
        assert_eq!(
            framing("Content-Length: 7\r\nTransfer-Encoding: gzip, Chunked\r\n"),
            (None, true, false)
        );
        assert_eq!(
            framing("Transfer-Encoding: chunked, gzip\r\n"),
            (None, false, true)
        );
    }

    #[test]
    fn responses() {
        let head = b"HTTP/1.1 200\r\nContent-Length: 12\r\n\r\n";
        let Parsed::Head(ok) = response(head) else {
            panic!()
        };
        assert_eq!(
            (ok.status, ok.content_length, ok.bodyless, ok.head_len),
            (200, Some(12), false, head.len())
        );
        for cut in 0..head.len() {
            assert_eq!(response(&head[..cut]), Parsed::NeedMore);
        }
        let Parsed::Head(switching) =
            response(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n")
        else {
            panic!()
        };
        assert!(switching.bodyless);
        assert_eq!(response(b"ICY 200 OK\r\n\r\n"), Parsed::NotHttp);
    }

    #[test]
    fn damaged_heads_and_noise_never_stop_the_reader() {
        let mut noise = Noise(0xdead_beef);
        let good = b"POST http://a.example/ HTTP/1.1\r\nHost: [2001:db8::1]:80\r\nTransfer-Encoding: chunked\r\n\r\n";
        for _ in 0..20_000 {
            let damaged = noise.damage(good);
            request(&damaged);
            response(&[b"HTTP/1.1 ", &damaged[..]].concat());
            assert!(!matches!(request(&noise.bytes(64)), Parsed::Head(_)));
        }
        assert_eq!(
            read("GET / HTTP/1.1\r\nHost: [2001:db8::1]:80\r\n\r\n").hosts[0].host,
            HostName::Address("2001:db8::1".parse().unwrap())
        );
    }
}
