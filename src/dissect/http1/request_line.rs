//! Is this an HTTP/1 request? Judged by the request line alone (RFC 9112 §3).
//!
//! A registered method before any target, or any word in capitals before a target that nothing but HTTP writes; and always `HTTP/1.x` at
//! the end of the line, which RTSP, SIP and SSDP do not have there.

use super::HEAD_MAX;
use crate::dissect::wire::Fit;

/// Longest method taken: the longest registered one, UPDATEREDIRECTREF, has 17 letters (IANA HTTP Method Registry).
const METHOD_MAX: usize = 20;
/// Whether a stream that starts with `prefix` is an HTTP/1 request, judged by the request line alone.
pub fn fit(prefix: &[u8]) -> Fit {
    let line = skip_empty_lines(prefix);
    if line.is_empty() {
        return if prefix.len() > METHOD_MAX {
            Fit::NotMine
        } else {
            Fit::NeedMore
        };
    }
    let Some(method_end) = line.iter().position(|&byte| byte == b' ') else {
        let so_far = line.len() <= METHOD_MAX && line.iter().all(|&byte| is_method_byte(byte));
        return if so_far { Fit::NeedMore } else { Fit::NotMine };
    };
    let (method, rest) = line.split_at_checked(method_end).unwrap_or_default();
    let rest = rest.get(1..).unwrap_or_default();
    let known = is_registered(method);
    let may_be_method =
        (3..=METHOD_MAX).contains(&method.len()) && method.iter().all(|&byte| is_method_byte(byte));
    if !known && !may_be_method {
        return Fit::NotMine;
    }
    match rest.iter().position(|&byte| byte == b'\n') {
        Some(end) => {
            let line = rest.get(..end).unwrap_or_default();
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            let holds =
                target_may_be(line, known) && line.len() > VERSION.len() && ends_in_version(line);
            if holds { Fit::Mine } else { Fit::NotMine }
        }
        None => {
            let holds = rest.len() <= HEAD_MAX
                && rest.iter().all(|&b| b >= b' ' || b == b'\r')
                && target_may_be(rest, known);
            if holds { Fit::NeedMore } else { Fit::NotMine }
        }
    }
}

const VERSION: &[u8] = b" HTTP/1.x";

fn ends_in_version(line: &[u8]) -> bool {
    line.len()
        .checked_sub(VERSION.len())
        .and_then(|at| line.get(at..))
        .is_some_and(|end| {
            end.strip_suffix(b"0")
                .or_else(|| end.strip_suffix(b"1"))
                .is_some_and(|end| VERSION.starts_with(end))
        })
}

/// An unregistered method is taken only before a target that nothing but HTTP writes.
fn target_may_be(target: &[u8], known_method: bool) -> bool {
    let begins = |start: &[u8]| {
        let common = start.len().min(target.len());
        start.get(..common) == target.get(..common)
    };
    known_method || begins(b"/") || begins(b"* ") || begins(b"http://") || begins(b"https://")
}

fn is_method_byte(byte: u8) -> bool {
    byte.is_ascii_uppercase() || byte == b'-' || byte == b'_'
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
    METHODS.iter().any(|known| known.as_bytes() == method)
}

/// Skips the empty lines that some clients send before a request (RFC 9112 §2.2).
pub(super) fn skip_empty_lines(bytes: &[u8]) -> &[u8] {
    /// Bytes skipped: clients that did this sent one line break.
    const LEAD_MAX: usize = 4;
    let lead = bytes
        .iter()
        .take(LEAD_MAX)
        .take_while(|byte| matches!(byte, b'\r' | b'\n'))
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
            "get / HTTP/1.1\r\n",
            "GET /\r\n",
            "GET  HTTP/2.0\r\n",
            "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            "GET /\x02 \x00\x01",
            "command",
        ] {
            assert_eq!(fit(other.as_bytes()), Fit::NotMine, "{other:?}");
        }
        assert_eq!(
            fit(b"FROBNICATE /x HTTP/1.1\r\n"),
            Fit::Mine,
            "any token before a path"
        );
        assert_eq!(fit(b"FROBNICATE x HTTP/1.1\r\n"), Fit::NotMine);
    }
}
