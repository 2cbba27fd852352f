//! The text of a host name that a client asserted: a TLS server name, an HTTP `Host`, a certificate's name.
//!
//! Reads the bytes of one name (RFC 6066 §3, RFC 9110 §4.2, RFC 5890 §2.3.1 for the letters-digits-hyphen rule) and writes
//! them so that equal names become equal text: ASCII letters in lower case, one trailing dot gone. Bytes outside
//! printable ASCII are kept as `\DDD` (RFC 4343 §2.1), so that nothing is lost and nothing reaches a terminal raw.
//! It says what was written, not who answers: a name is a claim of the one who wrote it.

use crate::ground::hex::percent_decoded;
use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Longest name in bytes: the wire limit of a domain name (RFC 1035 §2.3.4). More cannot be looked up.
pub const NAME_MAX: usize = 255;

/// Longest field of which the end is still taken: a request line has no more room.
const LOOKED_AT_MAX: usize = 64 << 10;

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
    /// Longer than [`NAME_MAX`], and no label begins in its last bytes.
    TooLong,
}

impl HostName {
    /// Reads the bytes of one host field.
    pub fn read(bytes: &[u8]) -> Self {
        let bytes = bytes.strip_suffix(b".").unwrap_or(bytes);
        if bytes.is_empty() {
            return Self::Refused(Refusal::Empty);
        }
        if bytes.len() > LOOKED_AT_MAX {
            return Self::Refused(Refusal::TooLong);
        }
        if bytes.len() > NAME_MAX {
            // Nobody can look it up whole; who it belongs to stands at its end.
            let tail = bytes
                .len()
                .checked_sub(NAME_MAX)
                .and_then(|from| bytes.get(from..))
                .unwrap_or(bytes);
            let label = tail.iter().position(|&b| b == b'.');
            let tail = label.and_then(|at| tail.get(at.saturating_add(1)..));
            return match tail {
                Some(tail) if !tail.is_empty() => Self::Name {
                    text: printable(tail),
                    odd: true,
                },
                _ => Self::Refused(Refusal::TooLong),
            };
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

/// The regular names that readers could see in an odd one, given as [`printable`] writes it: up to the first odd byte (as C reads a
/// string), behind the last one, without them, and with full-width letters and dots as the plain ones (UTS #46 §4). Percent signs are
/// left alone: few readers decode them in a host.
pub fn readings(text: &str) -> Vec<String> {
    let bytes = unescaped(text);
    let wide = plain(&bytes);
    let fits = |b: &u8| b.is_ascii_alphanumeric() || b"-_.".contains(b);
    let start: Vec<u8> = bytes.iter().copied().take_while(fits).collect();
    let mut end: Vec<u8> = bytes.iter().rev().copied().take_while(fits).collect();
    end.reverse();
    let without: Vec<u8> = bytes.iter().copied().filter(fits).collect();
    let mut found: Vec<String> = Vec::new();
    for reading in [&start[..], &end, &without, wide.as_bytes()] {
        let dots = |b: &u8| *b == b'.';
        let first = reading.iter().position(|b| !dots(b)).unwrap_or(0);
        let last = reading
            .iter()
            .rposition(|b| !dots(b))
            .map_or(0, |at| at.saturating_add(1));
        let bare = reading.get(first..last).unwrap_or_default();
        let one: Vec<u8> = bare
            .split(|b| dots(b))
            .filter(|label| !label.is_empty())
            .collect::<Vec<_>>()
            .join(&b'.');
        if let HostName::Name {
            text: name,
            odd: false,
        } = HostName::read(&one)
            && name != text
            && name.contains('.')
            && !found.contains(&name)
        {
            found.push(name);
        }
    }
    found
}

/// The address that a client means who asks a relay for this text, given as [`printable`] writes it: with percent signs decoded and full-width
/// digits and dots as the plain ones (the host parser of the URL standard §3.5), and a number as the address that it is written for. None of
/// them is one of `0.0.0.0/8`, where nobody is.
pub fn spelt_address(text: &str) -> Option<IpAddr> {
    let plain = plain(&percent_decoded(&unescaped(text)));
    let bytes = plain.strip_suffix('.').unwrap_or(&plain).as_bytes();
    let ip = number(bytes).map(IpAddr::from).or_else(|| address(bytes))?;
    let nobody = matches!(ip, IpAddr::V4(v4) if v4.octets().starts_with(&[0]));
    (!nobody).then_some(ip)
}

/// The text with full-width letters and dots as the plain ones.
pub(crate) fn plain(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let plain = text.chars().filter_map(|c| match c {
        '\u{3002}' | '\u{ff0e}' | '\u{ff61}' => Some('.'),
        '\u{ff01}'..='\u{ff5e}' => {
            char::from_u32(u32::from(c).saturating_sub(0xfee0)).map(|c| c.to_ascii_lowercase())
        }
        // Soft hyphens and joiners show nowhere and count for nothing.
        '\u{ad}' | '\u{200b}'..='\u{200d}' | '\u{2060}' | '\u{feff}' => None,
        other => Some(other),
    });
    plain.collect()
}

/// An IPv4 address written in fewer than four parts, or in octal or hexadecimal digits, as `inet_aton` and the host parser of the URL
/// standard (§3.5) take it: the last part fills what is left. `None` for what is dotted as usual, and for every name.
pub fn number(bytes: &[u8]) -> Option<Ipv4Addr> {
    /// Longest part that is looked at: zeros in front count for nothing, and nobody writes more.
    const DIGITS_MAX: usize = 64;
    // Nearly all are names, which begin with no digit.
    if !bytes.first()?.is_ascii_digit() || address(bytes).is_some() {
        return None;
    }
    let part = |digits: &[u8]| {
        let text = std::str::from_utf8(digits).ok()?;
        let (digits, radix) = match (text.strip_prefix("0x").or(text.strip_prefix("0X")), text) {
            (Some(""), _) => ("0", 16),
            (Some(hex), _) => (hex, 16),
            (None, "0") => ("0", 10),
            (None, _) => match text.strip_prefix('0') {
                Some(octal) => (octal, 8),
                None => (text, 10),
            },
        };
        let sign = digits.starts_with('+') || digits.len() > DIGITS_MAX;
        u32::from_str_radix(digits, radix).ok().filter(|_| !sign)
    };
    let (mut whole, mut parts) = (0u32, bytes.split(|b| *b == b'.').peekable());
    // Each part in front is a byte of the address.
    let mut left = 32u32;
    while let Some(one) = parts.next() {
        let value = part(one)?;
        if parts.peek().is_none() {
            let fits = left >= 32 || value < 1u32.checked_shl(left)?;
            return (left > 0 && fits).then(|| Ipv4Addr::from_bits(whole | value));
        }
        left = left.checked_sub(8)?;
        whole |= u8::try_from(value).map(u32::from).ok()?.checked_shl(left)?;
    }
    None
}

/// The bytes that [`printable`] wrote down.
fn unescaped(text: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, behind)) = rest.split_first() {
        let code = behind
            .get(..3)
            .filter(|_| byte == b'\\')
            .and_then(|digits| std::str::from_utf8(digits).ok()?.parse::<u8>().ok());
        match code {
            Some(code) => {
                out.push(code);
                rest = behind.get(3..).unwrap_or_default();
            }
            None => {
                out.push(byte);
                rest = behind;
            }
        }
    }
    out
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
pub(crate) fn push_printable(text: &mut String, byte: u8) {
    if byte.is_ascii_graphic() && byte != b'\\' {
        text.push(char::from(byte.to_ascii_lowercase()));
    } else {
        // Writing to a String cannot fail.
        let _ = write!(text, "\\{byte:03}");
    }
}

/// An address in dotted or colon form, or an IPv6 literal in brackets (RFC 3986 §3.2.2).
pub(crate) fn address(bytes: &[u8]) -> Option<IpAddr> {
    // Nearly all are names, which no address looks like.
    let last_is_digit = bytes.last().is_some_and(u8::is_ascii_digit);
    if !last_is_digit && !bytes.contains(&b':') {
        return None;
    }
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
    fn numbers_are_the_addresses_that_programs_take_them_for() {
        // As the tests of the host parser of the URL standard have them.
        for (text, want) in [
            ("0x7f.1", Some("127.0.0.1")),
            ("0X7F.0x1", Some("127.0.0.1")),
            ("017700000001", Some("127.0.0.1")),
            ("2130706433", Some("127.0.0.1")),
            ("192.0x00A80001", Some("192.168.0.1")),
            ("192.168.257", Some("192.168.1.1")),
            ("0300.168.0.0xF0", Some("192.168.0.240")),
            ("0", Some("0.0.0.0")),
            ("0x", Some("0.0.0.0")),
            ("4294967295", Some("255.255.255.255")),
            ("4294967296", None),
            ("1.16777216", None),
            ("1.2.65536", None),
            ("256.1", None),
            ("1.2.3.4.5", None),
            ("08", None),
            ("1..2", None),
            ("+1.2", None),
            ("1.+2", None),
            ("0x7g", None),
            ("3com", None),
            ("1.2.3.4", None),
        ] {
            let want = want.map(|ip| ip.parse().unwrap());
            assert_eq!(number(text.as_bytes()), want, "{text}");
        }
    }

    #[test]
    fn a_target_is_the_address_that_its_spelling_means() {
        for (text, want) in [
            ("794510096", Some("47.91.67.16")),
            ("0x2f5b4310", Some("47.91.67.16")),
            ("0057.0x5b.17168", Some("47.91.67.16")),
            ("47.91.67.16", Some("47.91.67.16")),
            ("47.91.67.16.", Some("47.91.67.16")),
            ("47%2e91.67.16", Some("47.91.67.16")),
            ("47。91。67。16", Some("47.91.67.16")),
            ("４７.91%2E67。16", Some("47.91.67.16")),
            ("%34%37.91.67.16", Some("47.91.67.16")),
            ("192。168。2。60", Some("192.168.2.60")),
            ("Mavic 3", None),
            ("Pixel%207", None),
            ("3号机", None),
            ("John’s iPhone 14", None),
            ("192.168.2.60/12", None),
            ("12", None),
            ("dji.com", None),
        ] {
            let HostName::Name { text: printed, .. } = HostName::read(text.as_bytes()) else {
                assert_eq!(want, Some(text.trim_end_matches('.')));
                continue;
            };
            let want = want.map(|ip| ip.parse().unwrap());
            assert_eq!(spelt_address(&printed), want, "{text}");
        }
    }

    #[test]
    fn an_odd_name_lists_what_readers_could_see_in_it() {
        for (bytes, want) in [
            (&b"api.example.test\0"[..], &["api.example.test"][..]),
            (
                b"api.example.test\0.evil.example",
                &[
                    "api.example.test",
                    "evil.example",
                    "api.example.test.evil.example",
                ],
            ),
            (b"api..example.test", &["api.example.test"]),
            (b"api.example.test..", &["api.example.test"]),
            (b"-api.example.test", &[]),
            (
                "api。example．test".as_bytes(),
                &["apiexampletest", "api.example.test"][1..],
            ),
            (
                "ａpi.example.test".as_bytes(),
                &["pi.example.test", "api.example.test"],
            ),
            (b"api.\\example.test", &["example.test", "api.example.test"]),
            (b"camera\0", &[]),
            (b"api%2eexample%2Etest", &[]),
            (b"Mavic 3", &[]),
        ] {
            let HostName::Name { text, .. } = HostName::read(bytes) else {
                unreachable!("{bytes:?}")
            };
            let found = readings(&text);
            for name in want {
                assert!(found.iter().any(|f| f == name), "{text}: {found:?}");
            }
            assert!(!want.is_empty() || found.is_empty(), "{text}: {found:?}");
        }
        let long = [&b"a.".repeat(200)[..], b"api.example.test"].concat();
        let HostName::Name { text, odd: true } = HostName::read(&long) else {
            unreachable!()
        };
        assert!(text.ends_with(".api.example.test") && text.len() <= NAME_MAX);
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
            name("bank.example\\000.evil.example", true)
        );
        assert_eq!(
            HostName::read(&[b'a'; NAME_MAX + 1]),
            HostName::Refused(Refusal::TooLong)
        );
    }
}
