//! The text of a host name that a client asserted: a TLS server name, an HTTP `Host`, a certificate's name.
//!
//! Reads the bytes of one name (RFC 6066 §3, RFC 9110 §4.2, RFC 5890 §2.3.1 for the letters-digits-hyphen rule) and writes
//! them so that equal names become equal text: ASCII letters in lower case, one trailing dot gone. Bytes outside
//! printable ASCII are kept as `\DDD` (RFC 4343 §2.1), so that nothing is lost and nothing reaches a terminal raw.
//! It says what was written, not who answers: a name is a claim of the one who wrote it.

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Longest name in bytes: the wire limit of a domain name (RFC 1035 §2.3.4). More cannot be looked up.
pub const NAME_MAX: usize = 255;

/// What the bytes of a host field say.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum HostName {
    /// A name.
    Name {
        /// Lower-case text without a trailing dot; bytes outside printable ASCII and `\` as `\DDD`.
        text: String,
        /// It breaks the letters-digits-hyphen-underscore rule, has an empty or overlong label or an all-numeric last one.
        odd: bool,
    },
    /// An IP literal: it repeats the address, and is no name.
    Address(IpAddr),
    /// No name can be taken from it.
    Refused(Refusal),
}

/// Why a host field gives no name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// No bytes, or only a dot.
    Empty,
    /// A NUL inside: two readers would see two names.
    Nul,
    /// Longer than [`NAME_MAX`].
    TooLong,
}

impl HostName {
    /// Reads the bytes of one host field.
    pub fn read(bytes: &[u8]) -> Self {
        let bytes = bytes.strip_suffix(b".").unwrap_or(bytes);
        if bytes.is_empty() {
            return Self::Refused(Refusal::Empty);
        }
        if bytes.len() > NAME_MAX {
            return Self::Refused(Refusal::TooLong);
        }
        if bytes.contains(&0) {
            return Self::Refused(Refusal::Nul);
        }
        if let Some(address) = address(bytes) {
            return Self::Address(address);
        }
        Self::Name {
            text: printable(bytes),
            odd: !is_host_syntax(bytes),
        }
    }

    /// The name, if it is one.
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Name { text, .. } => Some(text),
            Self::Address(_) | Self::Refused(_) => None,
        }
    }

    /// True for a name that follows the letters-digits-hyphen-underscore rule.
    pub fn is_regular(&self) -> bool {
        matches!(self, Self::Name { odd: false, .. })
    }
}

/// Lower-case printable ASCII as it is, `\` and all else as `\DDD`.
pub fn printable(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for &byte in bytes {
        push_printable(&mut text, byte);
    }
    text
}

/// Appends one byte in the form of [`printable`].
pub(super) fn push_printable(text: &mut String, byte: u8) {
    if byte.is_ascii_graphic() && byte != b'\\' {
        text.push(char::from(byte.to_ascii_lowercase()));
    } else {
        // Writing to a String cannot fail.
        let _ = write!(text, "\\{byte:03}");
    }
}

/// An address in dotted or colon form, or an IPv6 literal in brackets (RFC 3986 §3.2.2).
pub(super) fn address(bytes: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(bytes).ok()?;
    if let Ok(v4) = text.parse::<Ipv4Addr>() {
        return Some(v4.into());
    }
    let inner = text
        .strip_prefix('[')
        .and_then(|t| t.strip_suffix(']'))
        .unwrap_or(text);
    // A zone identifier (RFC 6874) names an interface of the sender, not a host.
    let inner = inner.split('%').next().unwrap_or(inner);
    inner.parse::<Ipv6Addr>().ok().map(IpAddr::from)
}

fn is_host_syntax(bytes: &[u8]) -> bool {
    /// RFC 1035 §2.3.4.
    const LABEL_MAX: usize = 63;
    let mut last_is_number = false;
    let labels_hold = bytes.split(|&b| b == b'.').all(|label| {
        last_is_number = label.iter().all(u8::is_ascii_digit);
        (1..=LABEL_MAX).contains(&label.len())
            && label
                .iter()
                .all(|&b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
            && !label.starts_with(b"-")
            && !label.ends_with(b"-")
    });
    labels_hold && !last_is_number
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str, odd: bool) -> HostName {
        HostName::Name {
            text: text.to_owned(),
            odd,
        }
    }

    #[test]
    fn equal_names_become_equal_text_and_odd_ones_are_kept_with_a_flag() {
        assert_eq!(
            HostName::read(b"MyDJI.Example."),
            name("mydji.example", false)
        );
        assert_eq!(
            HostName::read(b"_dns.resolver-1.xn--fiqs8s"),
            name("_dns.resolver-1.xn--fiqs8s", false)
        );
        for (bytes, text) in [
            (&b"a..b"[..], "a..b"),
            (b"x.example..", "x.example."),
            (b"-a.example", "-a.example"),
            (b"0x7f.1", "0x7f.1"),
            (b"a b", "a\\032b"),
            (b"\x1b[2J\\.example", "\\027[2j\\092.example"),
            (b"caf\xc3\xa9.example", "caf\\195\\169.example"),
        ] {
            assert_eq!(HostName::read(bytes), name(text, true), "{bytes:?}");
        }
    }

    #[test]
    fn literals_and_what_is_no_name_give_no_name() {
        for literal in [
            "192.0.2.7",
            "192.0.2.7.",
            "2001:db8::7",
            "[2001:db8::7]",
            "[fe80::1%25wlan0]",
        ] {
            let read = HostName::read(literal.as_bytes());
            assert!(matches!(read, HostName::Address(_)), "{literal}");
            assert_eq!(read.name(), None);
        }
        assert_eq!(HostName::read(b""), HostName::Refused(Refusal::Empty));
        assert_eq!(HostName::read(b"."), HostName::Refused(Refusal::Empty));
        assert_eq!(
            HostName::read(b"bank.example\0.evil.example"),
            HostName::Refused(Refusal::Nul)
        );
        assert_eq!(
            HostName::read(&[b'a'; NAME_MAX + 1]),
            HostName::Refused(Refusal::TooLong)
        );
    }
}
