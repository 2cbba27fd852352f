//! Proxying over HTTP of what is no HTTP: `connect-udp` (RFC 9298), `connect-ip` (RFC 9484), and their drafts for TCP and Ethernet.
//!
//! Asked for by the `Upgrade` token of HTTP/1.1 or the `:protocol` of an extended CONNECT in HTTP/2; the target stands in the path, by a URI
//! template of the proxy (RFC 9298 §2: `/.well-known/masque/udp/{target_host}/{target_port}/`, or in the query). Any host followed by a
//! port is taken for it. What the capsules carry is not read: it is an opaque tunnel.

use super::Sink;
use super::host_name::HostName;
use super::http1::Authority;
use crate::evidence::flow::NameSource;
use crate::ground::hex::percent_decoded;

/// Tokens, and the names of the tunnels.
const TOKENS: [(&str, &str); 5] = [
    ("connect-udp", "connect-udp"),
    ("connect-ip", "connect-ip"),
    ("connect-tcp", "connect-tcp"),
    ("connect-ethernet", "connect-ethernet"),
    ("connect-udp-bind", "connect-udp"),
];
/// Parts of a path that are looked at.
const PARTS_MAX: usize = 32;

/// What a request with this upgrade token and path asks of a relay.
pub(super) fn asked(token: &str, path: &[u8], sink: &mut Sink<'_>) {
    let mut tokens = token.split(',').map(|one| one.trim_matches([' ', '\t']));
    // Blanks were written as escapes.
    let known = tokens.find_map(|one| {
        let one = one.trim_start_matches("\\032");
        TOKENS
            .iter()
            .find(|(known, _)| one.eq_ignore_ascii_case(known))
    });
    let Some((_, tunnel)) = known else {
        return;
    };
    sink.flow.facts.tunnel = Some(tunnel);
    for (host, port) in targets(path) {
        sink.host(&host, NameSource::HttpConnect);
        sink.proxies(&host, port);
    }
}

/// The hosts in a path: every part that is an address, or a name with a port behind it.
fn targets(path: &[u8]) -> Vec<(HostName, Option<u16>)> {
    let decoded = percent_decoded(path);
    let parts: Vec<&[u8]> = decoded
        .split(|b| b"/?&".contains(b))
        .map(|part| {
            let value = part.iter().position(|&b| b == b'=');
            value
                .and_then(|at| part.get(at.saturating_add(1)..))
                .unwrap_or(part)
        })
        .filter(|part| !part.is_empty())
        .take(PARTS_MAX)
        .collect();
    let mut found = Vec::new();
    for (at, part) in parts.iter().enumerate() {
        let next = parts.get(at.saturating_add(1)).copied().unwrap_or_default();
        let port =
            |text: &[u8]| text == b"*" || (!text.is_empty() && text.iter().all(u8::is_ascii_digit));
        let authority = Authority::read(part);
        let behind = || std::str::from_utf8(next).ok()?.parse().ok();
        let said = authority.port.or_else(behind);
        match authority.host {
            HostName::Address(_) => found.push((authority.host, said)),
            HostName::Name { ref text, .. }
                if text.contains('.') && (port(next) || authority.port.is_some()) =>
            {
                found.push((authority.host, said));
            }
            HostName::Name { .. } | HostName::Refused(_) => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::dissect::conversation::Conversation;

    #[test]
    fn the_path_names_the_far_end_and_the_tunnel_is_opaque() {
        for (token, path, ip, name) in [
            // As in RFC 9298 §2 and §3.4.
            (
                "connect-udp",
                "/.well-known/masque/udp/192.0.2.6/443/",
                Some("192.0.2.6"),
                None,
            ),
            (
                "connect-udp",
                "/masque?h=a.example&p=443",
                None,
                Some("a.example"),
            ),
            (
                "connect-udp",
                "/.well-known/masque/udp/2001%3Adb8%3A%3A42/443/",
                Some("2001:db8::42"),
                None,
            ),
            (
                "CONNECT-UDP, x",
                "/u/a.example/53/",
                None,
                Some("a.example"),
            ),
            ("connect-ip", "/.well-known/masque/ip/*/*/", None, None),
            (
                "connect-ip",
                "/.well-known/masque/ip/a.example/17/",
                None,
                Some("a.example"),
            ),
        ] {
            let mut talk = Conversation::tcp("192.168.2.254:8080");
            talk.say(format!("GET {path} HTTP/1.1\r\nHost: proxy.lan\r\nConnection: Upgrade\r\nUpgrade: {token}\r\n\r\n"));
            assert!(talk.facts().tunnel.is_some(), "{path}");
            assert_eq!(talk.literal(), ip.and_then(|ip| ip.parse().ok()), "{path}");
            let names = talk.names();
            let said = names.iter().find(|(_, s)| *s == NameSource::HttpConnect);
            if ip.is_none() {
                assert_eq!(said.map(|(n, _)| n.as_str()), name, "{path}");
            }
        }
        let mut socket = Conversation::tcp("192.168.2.254:8080");
        socket.say("GET /a.example/1/ HTTP/1.1\r\nHost: proxy.lan\r\nUpgrade: websocket\r\n\r\n");
        assert_eq!(socket.facts().tunnel, None);
    }
}
