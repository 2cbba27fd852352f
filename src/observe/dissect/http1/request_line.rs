//! Is this an HTTP/1 request? Judged by the request line alone (RFC 9112 §3), as the most lenient server would.
//!
//! A registered method in any letter case before any target, or any other word before a target that nothing but HTTP writes; and
//! `HTTP/` behind it, which RTSP, SIP and SSDP do not have there. Blanks, tabs, control bytes and bytes above 0x7e in the target, white
//! space behind the version, and versions that do not exist are the sender's faults: the line is a request all the same (§2.2, §3).
//! Without a version, or with another word in its place, it is one only where it names a host: a whole URI, or a CONNECT to a host and
//! port (HTTP/0.9 knew no other fields; nothing but HTTP asks for a host so).

use crate::ground::work::looks_at;
use crate::observe::dissect::wire::{Fit, SETTLED, Until};

/// Longest method taken: the longest registered one, UPDATEREDIRECTREF, has 17 letters (IANA HTTP Method Registry).
const METHOD_MAX: usize = 20;
/// A line of this length without an end is a request if all before its end says so: nothing else writes so long a line.
const LINE_SURE: usize = 4096;

/// Whether a stream that starts with `prefix` is an HTTP/1 request, judged by the request line alone.
pub fn fit(prefix: &[u8]) -> Fit {
    looks_at(prefix.len().min(LINE_SURE));
    let line = skip_empty_lines(prefix);
    if line.is_empty() {
        return if prefix.len() >= LEAD_MAX {
            Fit::NotMine
        } else {
            Fit::NeedMore
        };
    }
    let Some(method_end) = line.iter().position(is_blank) else {
        let so_far = line.len() <= METHOD_MAX && line.iter().all(is_method_byte);
        return if so_far { Fit::NeedMore } else { Fit::NotMine };
    };
    let (method, rest) = line.split_at_checked(method_end).unwrap_or_default();
    let known = is_registered(method);
    let may_be_method =
        (3..=METHOD_MAX).contains(&method.len()) && method.iter().all(is_method_byte);
    // The preface of HTTP/2 (RFC 9113 §3.4) is written as a request that nobody makes.
    if (!known && !may_be_method) || method == b"PRI" {
        return Fit::NotMine;
    }
    match rest.iter().position(|&byte| byte == b'\n') {
        Some(end) => {
            let line = rest.get(..end).unwrap_or_default();
            let holds = match version_at(line) {
                Some(at) => {
                    let target = line.get(..at).unwrap_or_default().trim_ascii();
                    !target.is_empty() && target_may_be(target, known)
                }
                None => {
                    let line = line.trim_ascii();
                    let mut words = line.split(is_blank).filter(|word| !word.is_empty());
                    let first = words.next().unwrap_or_default();
                    let alone = match (words.next(), words.next()) {
                        (None, _) => true,
                        (Some(word), None) => is_in_place_of_a_version(word),
                        _ => false,
                    };
                    known && alone && names_a_host(method, first)
                }
            };
            if holds { Fit::Mine } else { Fit::NotMine }
        }
        None => {
            let target = rest.trim_ascii_start();
            if !target_may_be(target, known) {
                Fit::NotMine
            } else if rest.len() < LINE_SURE {
                Fit::NeedMore
            } else if target_may_be(target, false) {
                Fit::Mine
            } else {
                Fit::NotMine
            }
        }
    }
}

/// What a request line whose target has begun waits for: its end, or so many bytes that it is one all the same.
pub fn until(prefix: &[u8]) -> Option<Until> {
    /// The longest start of a target that is asked for.
    const SCHEME: usize = 8;
    prefix.get(..SETTLED)?;
    let line = skip_empty_lines(prefix);
    let (_, rest) = line.split_at_checked(line.iter().position(is_blank)?)?;
    let lead = prefix.len().saturating_sub(rest.len());
    (rest.trim_ascii_start().len() >= SCHEME).then_some(Until {
        byte: b'\n',
        length: lead.saturating_add(LINE_SURE),
    })
}

pub(super) fn is_blank(byte: &u8) -> bool {
    matches!(byte, b' ' | b'\t' | 0x0b | 0x0c)
}

/// Where the version begins in what follows the method: the last word of the line that begins with `HTTP/` and a digit.
pub(super) fn version_at(line: &[u8]) -> Option<usize> {
    const START: &[u8] = b"HTTP/";
    line.windows(START.len().saturating_add(2))
        .rposition(|window| {
            matches!(window, [blank, name @ .., digit]
                if (is_blank(blank) || *blank == b'\r') && name.eq_ignore_ascii_case(START) && digit.is_ascii_digit())
        })
}

/// A misspelt version, its number alone, or next to nothing. Lines of logs look like requests, and have words and numbers there.
fn is_in_place_of_a_version(word: &[u8]) -> bool {
    /// Of no meaning by itself.
    const SHORT: usize = 2;
    let number = matches!(word, [b'0'..=b'9', b'.', b'0'..=b'9']);
    number || word.contains(&b'/') || (word.len() <= SHORT && !word.iter().all(u8::is_ascii_digit))
}

/// Whether a line without a version names whom a proxy shall ask.
fn names_a_host(method: &[u8], target: &[u8]) -> bool {
    let lower = target.to_ascii_lowercase();
    let host = |rest: &[u8]| rest.first().is_some_and(u8::is_ascii_alphanumeric);
    if method.eq_ignore_ascii_case(b"CONNECT") {
        let port = lower.iter().rposition(|&b| b == b':');
        return host(&lower)
            && port
                .and_then(|at| lower.get(at.saturating_add(1)..))
                .is_some_and(|digits| {
                    (1..=5).contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit)
                });
    }
    [&b"http://"[..], b"https://"]
        .iter()
        .any(|scheme| lower.strip_prefix(*scheme).is_some_and(host))
}

/// An unregistered method is taken only before a target that nothing but HTTP writes. A registered one too leaves those of its
/// namesakes alone (`OPTIONS rtsp://…`, `OPTIONS sip:…`).
fn target_may_be(target: &[u8], known_method: bool) -> bool {
    let begins = |start: &[u8]| {
        let common = start.len().min(target.len());
        let (a, b) = (start.get(..common), target.get(..common));
        matches!((a, b), (Some(a), Some(b)) if a.eq_ignore_ascii_case(b))
    };
    known_method
        || begins(b"/")
        || begins(b"* ")
        || target == b"*"
        || begins(b"http://")
        || begins(b"https://")
}

fn is_method_byte(byte: &u8) -> bool {
    byte.is_ascii_alphabetic() || matches!(byte, b'-' | b'_')
}

/// IANA HTTP Method Registry, without PRI, which is the HTTP/2 preface.
fn is_registered(method: &[u8]) -> bool {
    const METHODS: &[&str] = &[
        "ACL",
        "BASELINE-CONTROL",
        "BIND",
        "CHECKIN",
        "CHECKOUT",
        "CONNECT",
        "COPY",
        "DELETE",
        "GET",
        "HEAD",
        "LABEL",
        "LINK",
        "LOCK",
        "MERGE",
        "MKACTIVITY",
        "MKCALENDAR",
        "MKCOL",
        "MKREDIRECTREF",
        "MKWORKSPACE",
        "MOVE",
        "OPTIONS",
        "ORDERPATCH",
        "PATCH",
        "POST",
        "PROPFIND",
        "PROPPATCH",
        "PUT",
        "QUERY",
        "REBIND",
        "REPORT",
        "SEARCH",
        "TRACE",
        "UNBIND",
        "UNCHECKOUT",
        "UNLINK",
        "UNLOCK",
        "UPDATE",
        "UPDATEREDIRECTREF",
        "VERSION-CONTROL",
    ];
    METHODS
        .iter()
        .any(|known| known.as_bytes().eq_ignore_ascii_case(method))
}

/// Bytes of empty lines skipped: clients that did this sent one line break, and nobody has a reason for more than a few.
const LEAD_MAX: usize = 256;

/// Skips the empty lines that some clients send before a request (RFC 9112 §2.2), and white space before the method.
pub(super) fn skip_empty_lines(bytes: &[u8]) -> &[u8] {
    let lead = bytes
        .iter()
        .take(LEAD_MAX)
        .take_while(|byte| matches!(byte, b'\r' | b'\n') || is_blank(byte))
        .count();
    bytes.get(lead..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_other_protocols_is_not_http() {
        for other in [
            "OPTIONS rtsp://192.168.2.13:8554/live RTSP/1.0\r\n",
            "REGISTER sip:cam@example.org SIP/2.0\r\n",
            "OPTIONS sip:cam@example.org SIP/2.0\r\n",
            "M-SEARCH * SSDP/1.0\r\n",
            "EHLO mail.example\r\n",
            "SSH-2.0-OpenSSH_9.6\r\n",
            "USER pilot\r\n",
            "NOT A REQUEST AT ALL\r\n",
            "GET /\r\n",
            "get key\r\n",
            "CONNECT me\r\n",
            "CONNECT a.example:443 failed\r\n",
            "GET http://a.example/ 404\r\n",
            "POST http://a.example/v1 status=200 12ms\r\n",
            "GET  HTTP/2.0\r\n",
            "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        ] {
            assert_eq!(fit(other.as_bytes()), Fit::NotMine, "{other:?}");
        }
        assert_eq!(
            fit(b"FROBNICATE /x HTTP/1.1\r\n"),
            Fit::Mine,
            "any token before a path"
        );
        assert_eq!(fit(b"FROBNICATE x HTTP/1.1\r\n"), Fit::NotMine);
        for faulty in [
            &b"get / HTTP/1.1\r\n"[..],
            b"GET / HTTP/1.1 \r\n",
            b"GET / HTTP/3.0\r\n",
            b"GET\t/\tHTTP/1.12\r\n",
            b"GET /\xe9 \x00\x7f\r HTTP/1.1\n",
            b"\r\n\r\n\r\n\r\n GET / http/1.1\r\n",
            b"GET http://a.example/\r\n",
            b"CONNECT a.example:443\r\n",
            b"CONNECT a.example:443 x HTTP/1.1\r\n",
            b"CONNECT a.example:443 HTTR/1.1\r\n",
            b"GET http://a.example/ x\r\n",
        ] {
            assert_eq!(fit(faulty), Fit::Mine, "{faulty:?}");
            for cut in 0..faulty.len() {
                assert_ne!(fit(&faulty[..cut]), Fit::NotMine, "{faulty:?} {cut}");
            }
        }
        let long = [&b"GET http://a.example/"[..], &b"x".repeat(LINE_SURE)].concat();
        assert_eq!(fit(&long), Fit::Mine, "no line so long is anything else");
    }
}
