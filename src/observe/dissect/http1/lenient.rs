//! A request head that breaks the grammar, read as servers and proxies read it that do not care (RFC 9112 §2.2, §3, §5.1, §5.2).
//!
//! Readers differ in what they make of it, so every reading is taken: each word between method and version that names a host, a field
//! line folded onto the one before and standing on its own, a line that only a carriage return ends. What is read here accuses where
//! it should; it cannot acquit, since the request stays damaged. All lines are looked at: a head has a greatest length.

use super::request_line::{is_blank, skip_empty_lines, version_at};
use super::{Authority, Request, Target, absolute, assemble, framing, target};
use httparse::Header;

/// Words of a request line that may be its target.
const WORDS_MAX: usize = 16;

/// Reads a head; `None` if its first line is no request line.
pub(super) fn request(head: &[u8]) -> Option<Request> {
    let whole = head;
    let head = skip_empty_lines(head);
    let end = head
        .iter()
        .position(|&byte| byte == b'\n')
        .unwrap_or(head.len());
    let (line, rest) = head.split_at_checked(end)?;
    let method_end = line.iter().position(is_blank)?;
    let (method, rest_of_line) = line.split_at_checked(method_end)?;
    let method = std::str::from_utf8(method).ok()?;
    let version = version_at(rest_of_line).unwrap_or(rest_of_line.len());
    let path = rest_of_line.get(..version)?.trim_ascii();
    let (first, others) = targets(method, path);

    let mut fields = Vec::new();
    // Behind the version a bare carriage return may end the line, and fields follow.
    let behind = rest_of_line.get(version..).unwrap_or_default();
    let lines = std::iter::once(behind).chain(rest.split(|&byte| byte == b'\n'));
    for line in lines {
        // What a bare carriage return parts is a line to some.
        for part in line.split(|&byte| byte == b'\r') {
            if let Some(field) = field(part) {
                fields.push(field);
            }
        }
    }
    let mut hosts: Vec<Authority> = framing::values(&fields, "host")
        .map(Authority::read)
        .collect();
    hosts.extend(
        folded_hosts(rest)
            .iter()
            .map(|value| Authority::read(value)),
    );
    hosts.dedup();
    let request = assemble(method, first, path, hosts, &fields, whole.len());
    Some(Request {
        others,
        damaged: true,
        ..request
    })
}

/// All that the words between method and version could ask for: the whole of it as it stands, then word by word.
fn targets(method: &str, path: &[u8]) -> (Target, Vec<Target>) {
    let connect = method.eq_ignore_ascii_case("CONNECT");
    let odd = |b: &u8| is_blank(b) || matches!(b, b'\r');
    let mut words = path.split(odd).filter(|word| !word.is_empty());
    let first = words.next().unwrap_or_default();
    let mut others: Vec<Target> = Vec::new();
    if first.starts_with(b"/") || first == b"*" {
        return (target(method, first), others);
    }
    let first = target(method, first);
    for word in words.take(WORDS_MAX) {
        let reading = if connect {
            Some(Target::Tunnel(Authority::read(word)))
        } else {
            absolute(word)
        };
        others.extend(reading.filter(|reading| *reading != first));
    }
    (first, others)
}

/// A field line: white space and bytes that no name has around the name are dropped.
fn field(line: &[u8]) -> Option<Header<'_>> {
    let colon = line.iter().position(|&byte| byte == b':')?;
    let (name, value) = line.split_at_checked(colon)?;
    let fits = |b: &u8| b.is_ascii_alphanumeric() || b"-_".contains(b);
    let from = name.iter().position(fits)?;
    let to = name.iter().rposition(fits)?;
    let name = std::str::from_utf8(name.get(from..=to)?).ok()?;
    Some(Header {
        name,
        value: value.get(1..)?.trim_ascii(),
    })
}

/// Values of Host fields that go on in the next line.
fn folded_hosts(rest: &[u8]) -> Vec<Vec<u8>> {
    let mut found: Vec<Vec<u8>> = Vec::new();
    let mut open: Option<Vec<u8>> = None;
    for line in rest.split(|&byte| byte == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.first().is_some_and(is_blank) {
            if let Some(value) = &mut open {
                value.extend_from_slice(line.trim_ascii());
            }
            continue;
        }
        found.extend(open.take());
        open = field(line)
            .filter(|field| field.name.eq_ignore_ascii_case("host"))
            .map(|field| field.value.to_vec());
    }
    found.extend(open);
    found
}

#[cfg(test)]
mod tests {
    use super::super::{Parsed, request, request_on};
    use super::*;

    fn names(head: &[u8]) -> Vec<String> {
        let Parsed::Head(request) = request(head) else {
            return Vec::new();
        };
        let of = |target: &Target| match target {
            Target::Tunnel(authority) | Target::Absolute { authority, .. } => {
                authority.host.name().map(str::to_owned)
            }
            Target::Origin | Target::Asterisk => None,
        };
        let mut all: Vec<String> = of(&request.target).into_iter().collect();
        all.extend(request.others.iter().filter_map(of));
        let hosts = request.hosts.iter();
        all.extend(hosts.filter_map(|h| h.host.name().map(str::to_owned)));
        all
    }

    #[test]
    fn every_fault_leaves_the_name() {
        for head in [
            &b"GET /a b HTTP/1.1\r\nHost: a.example\r\n\r\n"[..],
            b"GET /\xe9 HTTP/1.1\r\nHost: a.example\r\n\r\n",
            b"GET /\x00\x7f HTTP/1.1\r\nHost: a.example\r\n\r\n",
            b"GET / HTTP/1.1 \r\nHost: a.example\r\n\r\n",
            b"GET / HTTP/3.0\r\nHost: a.example\r\n\r\n",
            b"get / HTTP/1.12\r\nHost: a.example\r\n\r\n",
            b"GET\t/ HTTP/1.1\r\n\x01Host\t: a.example\r\n\r\n",
            b"GET / HTTP/1.1\rX: y\rHost: a.example\r\n\r\n",
            b"GET / HTTP/1.1\r\nX: y\rHost: a.example\r\n\r\n",
            b"GET / HTTP/9\r\nHost:\r\n a.\r\n example\r\n\r\n",
            b"GET /a b HTTP/1.1\r\nX: y\r\n Host: a.example\r\n\r\n",
            b"GET http://a.example/x y HTTP/1.1\r\n\r\n",
            b"GET x http://a.example/ HTTP/1.1\r\n\r\n",
            b"GET http://a.example/\n\n",
            b"CONNECT a.example:443 x HTTP/1.1\r\n\r\n",
            b"CONNECT x a.example:443 HTTP/1.1\r\n\r\n",
            b"connect a.example:443\r\n\r\n",
            b"\r\n\r\n\r\n\r\nGET / HTTP/1.1\r\nHost: a.example\r\n\r\n",
        ] {
            let found = names(head);
            assert!(
                found.iter().any(|n| n == "a.example"),
                "{}: {found:?}",
                head.escape_ascii()
            );
            // However it is cut, and without looking at a byte twice.
            let mut searched = super::super::Search::default();
            for cut in 0..head.len() {
                let part = head.get(..cut).unwrap();
                assert_eq!(request_on(part, &mut searched), Parsed::NeedMore, "{cut}");
            }
            assert!(matches!(request_on(head, &mut searched), Parsed::Head(_)));
        }
        let host = b"GET /search for http://b.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n";
        assert_eq!(
            names(host),
            ["a.example"],
            "what is searched for is no target"
        );
    }
    #[test]
    fn so_many_words_of_a_line_may_be_the_target() {
        let words: Vec<String> = (0..100).map(|n| format!("h{n}.example:443")).collect();
        let (_, others) = targets("CONNECT", words.join(" ").as_bytes());
        assert_eq!(others.len(), WORDS_MAX);
    }
}
