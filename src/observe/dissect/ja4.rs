//! JA4: which program says a ClientHello, by the way it says it.
//!
//! The fingerprint of FoxIO's "JA4: TLS Client Fingerprinting" (technical_details/JA4.md of FoxIO-LLC/ja4, licensed BSD 3-Clause; of that
//! family JA4 alone, the others have another licence), written from that text. For TLS over TCP, QUIC and DTLS.
//!
//! Hellos with the same fingerprint come from the same TLS library with the same settings, so connections without a name can be put beside
//! those with one. It names no program for certain: many share a library, and a program can imitate another.

use super::tls_hello::{ClientHello, is_grease};
use sha2::{Digest, Sha256};

/// What carries the hello.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Over {
    /// TLS over TCP.
    Tcp,
    /// QUIC.
    Quic,
    /// DTLS.
    Dtls,
}

/// Extensions that stand in the first part already.
const SERVER_NAME: u16 = 0;
const ALPN: u16 = 16;

/// Characters kept of each hash.
const HASH_LEN: usize = 12;

/// A hash of nothing.
const NO_HASH: &str = "000000000000";

/// The fingerprint of a hello; `None` if not all of it could be read, since a part of it has another one.
pub fn fingerprint(hello: &ClientHello, over: Over) -> Option<String> {
    if hello.damaged {
        return None;
    }
    let sound = |list: &[u16]| -> Vec<u16> {
        let kept = list.iter().copied();
        kept.filter(|value| !is_grease(*value)).collect()
    };
    let mut suites = sound(&hello.cipher_suites);
    let mut extensions = sound(&hello.extension_types);
    let transport = match over {
        Over::Tcp => 't',
        Over::Quic => 'q',
        Over::Dtls => 'd',
    };
    let named = if extensions.contains(&SERVER_NAME) {
        'd'
    } else {
        'i'
    };
    let mut text = format!(
        "{transport}{}{named}{:02}{:02}{}_",
        version(hello),
        suites.len().min(99),
        extensions.len().min(99),
        ends(&hello.first_alpn),
    );
    suites.sort_unstable();
    text.push_str(&hash(&list(&suites)));
    text.push('_');
    extensions.retain(|kind| !matches!(*kind, SERVER_NAME | ALPN));
    extensions.sort_unstable();
    let algorithms = sound(&hello.signature_algorithms);
    if extensions.is_empty() {
        text.push_str(NO_HASH);
    } else if algorithms.is_empty() {
        text.push_str(&hash(&list(&extensions)));
    } else {
        // In the order of the hello.
        text.push_str(&hash(&format!(
            "{}_{}",
            list(&extensions),
            list(&algorithms)
        )));
    }
    Some(text)
}

/// The highest version offered. Those of DTLS count down.
fn version(hello: &ClientHello) -> &'static str {
    let is_datagram = |version: u16| version >> 8 == 0xfe;
    let offered = hello.supported_versions.iter().copied();
    let highest = offered
        .filter(|version| !is_grease(*version))
        .max_by_key(|version| {
            if is_datagram(*version) {
                (true, !*version)
            } else {
                (false, *version)
            }
        });
    match highest.unwrap_or(hello.legacy_version) {
        0x0304 => "13",
        0x0303 => "12",
        0x0302 => "11",
        0x0301 => "10",
        0x0300 => "s3",
        0x0002 => "s2",
        0xfeff => "d1",
        0xfefd => "d2",
        0xfefc => "d3",
        _ => "00",
    }
}

/// First and last character of the first application protocol, or of its hexadecimal form where one of them is neither letter nor digit.
fn ends(protocol: &[u8]) -> String {
    let (Some(first), Some(last)) = (protocol.first(), protocol.last()) else {
        return "00".to_owned();
    };
    if first.is_ascii_alphanumeric() && last.is_ascii_alphanumeric() {
        return [char::from(*first), char::from(*last)].iter().collect();
    }
    format!("{:x}{:x}", first >> 4, last & 0x0f)
}

fn list(values: &[u16]) -> String {
    let mut text = String::with_capacity(values.len() * 5);
    for value in values {
        if !text.is_empty() {
            text.push(',');
        }
        push_hex(&mut text, &value.to_be_bytes());
    }
    text
}

fn hash(text: &str) -> String {
    if text.is_empty() {
        return NO_HASH.to_owned();
    }
    let mut hex = String::with_capacity(HASH_LEN);
    let digest = Sha256::digest(text.as_bytes());
    push_hex(&mut hex, digest.get(..HASH_LEN / 2).unwrap_or_default());
    hex
}

/// Digit by digit: a hello has dozens of numbers, and formatting each costs more than the hash of them all.
fn push_hex(text: &mut String, bytes: &[u8]) {
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 0xf]);
    text.extend(digits.filter_map(|digit| char::from_digit(u32::from(digit), 16)));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(text: &str) -> Vec<u16> {
        let values = text.split(',').filter(|v| !v.is_empty());
        values
            .map(|v| u16::from_str_radix(v, 16).unwrap())
            .collect()
    }

    /// The example of the specification, with GREASE strewn in.
    fn example() -> ClientHello {
        ClientHello {
            legacy_version: 0x0303,
            supported_versions: numbers("7a7a,0304,0303"),
            cipher_suites: numbers(
                "2a2a,1301,1302,1303,c02b,c02f,c02c,c030,cca9,cca8,c013,c014,009c,009d,002f,0035",
            ),
            extension_types: numbers(
                "8a8a,001b,0000,0033,0010,4469,0017,002d,000d,0005,0023,0012,002b,ff01,000b,000a,fafa,0015",
            ),
            signature_algorithms: numbers("0403,0804,0401,0503,0805,0501,0806,0601"),
            first_alpn: b"h2".to_vec(),
            ..ClientHello::default()
        }
    }

    #[test]
    fn the_example_of_the_specification() {
        let hello = example();
        let told = |hello: &ClientHello, over| fingerprint(hello, over).unwrap();
        assert_eq!(
            told(&hello, Over::Tcp),
            "t13d1516h2_8daaf6152771_e5627efa2ab1"
        );
        let mut other = hello.clone();
        other.signature_algorithms.clear();
        other.extension_types.retain(|kind| *kind != SERVER_NAME);
        assert_eq!(
            told(&other, Over::Quic),
            "q13i1515h2_8daaf6152771_6d807ffa2a79"
        );
        other.damaged = true;
        assert_eq!(fingerprint(&other, Over::Tcp), None);
    }

    /// The fingerprint that FoxIO publishes for tls-alpn-h2.pcap, whose hello has reserved signature algorithms that are no GREASE.
    #[test]
    fn a_published_fingerprint_and_empty_lists() {
        let hello = ClientHello {
            legacy_version: 0x0301,
            extension_types: vec![SERVER_NAME],
            ..ClientHello::default()
        };
        assert_eq!(
            fingerprint(&hello, Over::Tcp).unwrap(),
            "t10d000100_000000000000_000000000000"
        );
        let hello = ClientHello {
            legacy_version: 0x0303,
            cipher_suites: numbers(
                "c030,c02c,c028,c024,c014,c00a,009f,006b,0039,cca9,cca8,ccaa,ff85,00c4,0088,0081,009d,003d,0035,00c0,0084,c02f,c02b,c027,c023,c013,c009,009e,0067,0033,00be,0045,009c,003c,002f,00ba,0041,c011,c007,0005,0004,c012,c008,0016,000a,00ff",
            ),
            extension_types: numbers("0000,000b,000a,000d,0010"),
            signature_algorithms: numbers(
                "0601,0603,efef,0501,0503,0401,0403,eeee,eded,0301,0303,0201,0203",
            ),
            first_alpn: b"h2".to_vec(),
            ..ClientHello::default()
        };
        assert_eq!(
            fingerprint(&hello, Over::Tcp).unwrap(),
            "t12d4605h2_85626a9a5f7f_aaf95bb78ec9"
        );
    }

    #[test]
    fn ends_of_the_first_application_protocol() {
        let cases: [(&[u8], &str); 9] = [
            (b"", "00"),
            (b"h2", "h2"),
            (b"http/1.1", "h1"),
            (b"x", "xx"),
            (&[0xab], "ab"),
            (&[0xab, 0xcd], "ad"),
            (&[0x30, 0xab], "3b"),
            (&[0x30, 0x31, 0xab, 0xcd], "3d"),
            (&[0x30, 0xab, 0xcd, 0x31], "01"),
        ];
        for (protocol, told) in cases {
            assert_eq!(ends(protocol), told, "{protocol:x?}");
        }
    }

    #[test]
    fn versions_of_datagrams_count_down() {
        for (legacy, offered, told) in [
            (0xfeff, "", "d1"),
            (0xfefd, "", "d2"),
            (0xfefd, "fefc,fefd", "d3"),
            (0x0101, "", "00"),
            (0x0303, "0303,0304,7f1c", "00"),
            (0x0300, "", "s3"),
        ] {
            let hello = ClientHello {
                legacy_version: legacy,
                supported_versions: numbers(offered),
                ..ClientHello::default()
            };
            assert_eq!(version(&hello), told, "{legacy:x} {offered}");
        }
    }
}
