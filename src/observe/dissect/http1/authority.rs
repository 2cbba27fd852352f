//! `user@host:port`: the authority of a URI (RFC 3986 §3.2), a Host field, a CONNECT target.

use crate::ground::host_name::HostName;

/// A host and, if given, a port. User information is dropped: it may hold a password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authority {
    /// The host.
    pub host: HostName,
    /// The port, if one stands there and is a number up to 65535.
    pub port: Option<u16>,
}

impl Authority {
    /// Splits an authority; white space around it is dropped.
    pub fn read(bytes: &[u8]) -> Self {
        let bytes = bytes.trim_ascii();
        let host_port = bytes
            .iter()
            .rposition(|&b| b == b'@')
            .and_then(|at| bytes.get(at.checked_add(1)?..))
            .unwrap_or(bytes);
        let (host, port) = split_port(host_port);
        let port = port.and_then(|digits| {
            let digits = std::str::from_utf8(digits).ok()?;
            digits
                .bytes()
                .all(|b| b.is_ascii_digit())
                .then(|| digits.parse().ok())?
        });
        Self {
            host: HostName::read(host),
            port,
        }
    }
}

/// Splits at the colon in front of the port: the one behind a bracketed IPv6 literal, else the only one. An address with several
/// colons and no brackets is taken whole.
fn split_port(bytes: &[u8]) -> (&[u8], Option<&[u8]>) {
    let from = if bytes.starts_with(b"[") {
        bytes.iter().position(|&b| b == b']').unwrap_or(0)
    } else {
        0
    };
    let tail = bytes.get(from..).unwrap_or_default();
    let mut colons = tail
        .iter()
        .enumerate()
        .filter(|&(_, &b)| b == b':')
        .map(|(at, _)| at);
    match (colons.next(), colons.next()) {
        (Some(at), None) => {
            let (host, port) = bytes
                .split_at_checked(from.saturating_add(at))
                .unwrap_or((bytes, &[]));
            (host, port.get(1..))
        }
        _ => (bytes, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits() {
        let read = |text: &str| {
            let authority = Authority::read(text.as_bytes());
            let host = match authority.host {
                HostName::Name { text, .. } => text,
                HostName::Address(address) => address.to_string(),
                HostName::Refused(_) => String::new(),
            };
            (host, authority.port)
        };
        assert_eq!(read(" Example.org "), ("example.org".into(), None));
        assert_eq!(
            read("user:p@ss@example.org:8080"),
            ("example.org".into(), Some(8080))
        );
        assert_eq!(read("[2001:db8::1]:443"), ("2001:db8::1".into(), Some(443)));
        assert_eq!(read("[2001:db8::1]"), ("2001:db8::1".into(), None));
        assert_eq!(read("2001:db8::1"), ("2001:db8::1".into(), None));
        assert_eq!(read("192.0.2.1:80"), ("192.0.2.1".into(), Some(80)));
        assert_eq!(read("example.org:"), ("example.org".into(), None));
        assert_eq!(read("example.org:65536"), ("example.org".into(), None));
        assert_eq!(read("example.org:+80"), ("example.org".into(), None));
        assert_eq!(read(""), (String::new(), None));
        assert_eq!(read(":80"), (String::new(), Some(80)));
        assert_eq!(read("[::1"), ("[::1".into(), None));
    }
}
