//! JA4: which program says a ClientHello, by the way it says it.
//!
//! The fingerprint of FoxIO's "JA4: TLS Client Fingerprinting" (technical_details/JA4.md of FoxIO-LLC/ja4, licensed BSD 3-Clause; of that
//! family JA4 alone, the others have another licence), written from that text. For TLS over TCP, QUIC and DTLS.
//!
//! Hellos with the same fingerprint come from the same TLS library with the same settings, so connections without a name can be put beside
//! those with one. It names no program for certain: many share a library, and a program can imitate another.

use super::tls_hello::{ClientHello, is_grease};
use sha2::{Digest, Sha256};
use std::cell::RefCell;

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

/// Characters of a fingerprint.
const LENGTH: usize = 36;

/// Characters kept of each hash.
const HASH_LEN: usize = 12;

/// A hash of nothing.
const NO_HASH: &str = "000000000000";

/// Programs whose hashes are remembered: a capture has few TLS libraries, each with thousands of hellos.
const REMEMBERED: usize = 64;
/// Numbers of a list that is remembered; browsers have some fifty.
const LIST_MAX: usize = 256;

thread_local! {
    /// Nothing but what the hashes of the same numbers come to, so that it changes no result.
    static MEMORY: RefCell<Memory> = const { RefCell::new(Memory::NEW) };
}

/// The fingerprint of a hello; `None` if not all of it could be read, since a part of it has another one.
pub fn fingerprint(hello: &ClientHello, over: Over) -> Option<String> {
    if hello.damaged {
        return None;
    }
    MEMORY.with_borrow_mut(|memory| {
        memory.asked.take(hello);
        let transport = match over {
            Over::Tcp => 't',
            Over::Quic => 'q',
            Over::Dtls => 'd',
        };
        let named = if memory.asked.names_server { 'd' } else { 'i' };
        let mut text = String::with_capacity(LENGTH);
        text.push(transport);
        text.push_str(version(hello));
        text.push(named);
        push_two(&mut text, memory.asked.suites.len());
        push_two(&mut text, memory.asked.extensions_said);
        text.push_str(&ends(&hello.first_alpn));
        text.push('_');
        memory.push_hashes(&mut text);
        Some(text)
    })
}

/// What the hashes of a hello are taken of.
#[derive(Debug, PartialEq, Eq)]
struct Asked {
    /// Sorted.
    suites: Vec<u16>,
    /// Sorted, without those that the first part tells.
    extensions: Vec<u16>,
    /// In the order of the hello.
    algorithms: Vec<u16>,
    /// With those that the first part tells.
    extensions_said: usize,
    names_server: bool,
}

impl Asked {
    const NEW: Self = Self {
        suites: Vec::new(),
        extensions: Vec::new(),
        algorithms: Vec::new(),
        extensions_said: 0,
        names_server: false,
    };

    fn take(&mut self, hello: &ClientHello) {
        let sound = |to: &mut Vec<u16>, list: &[u16]| {
            to.clear();
            to.extend(list.iter().copied().filter(|value| !is_grease(*value)));
        };
        sound(&mut self.suites, &hello.cipher_suites);
        sound(&mut self.extensions, &hello.extension_types);
        sound(&mut self.algorithms, &hello.signature_algorithms);
        self.extensions_said = self.extensions.len();
        self.names_server = self.extensions.contains(&SERVER_NAME);
        self.suites.sort_unstable();
        self.extensions
            .retain(|kind| !matches!(*kind, SERVER_NAME | ALPN));
        self.extensions.sort_unstable();
    }

    fn hashes(&self) -> String {
        let mut text = hash(&list(&self.suites));
        text.push('_');
        if self.extensions.is_empty() {
            text.push_str(NO_HASH);
        } else if self.algorithms.is_empty() {
            text.push_str(&hash(&list(&self.extensions)));
        } else {
            let mut both = list(&self.extensions);
            both.push('_');
            both.push_str(&list(&self.algorithms));
            text.push_str(&hash(&both));
        }
        text
    }
}

/// Hashes of the hellos met last.
struct Memory {
    asked: Asked,
    known: Vec<(Asked, String)>,
    /// The one to give up next.
    oldest: usize,
}

impl Memory {
    const NEW: Self = Self {
        asked: Asked::NEW,
        known: Vec::new(),
        oldest: 0,
    };

    /// Adds both hashes of what is asked, with what stands between.
    fn push_hashes(&mut self, text: &mut String) {
        let asked = &self.asked;
        let known = self.known.iter().find(|(of, _)| {
            of.suites == asked.suites
                && of.extensions == asked.extensions
                && of.algorithms == asked.algorithms
        });
        if let Some((_, hashes)) = known {
            text.push_str(hashes);
            return;
        }
        let hashes = asked.hashes();
        text.push_str(&hashes);
        let lists = [&asked.suites, &asked.extensions, &asked.algorithms];
        if lists.iter().any(|list| list.len() > LIST_MAX) {
            return;
        }
        let one = (std::mem::replace(&mut self.asked, Asked::NEW), hashes);
        if let Some(place) = self.known.get_mut(self.oldest) {
            *place = one;
        } else {
            self.known.push(one);
        }
        self.oldest = self.oldest.wrapping_add(1) % REMEMBERED;
    }
}

/// A number of at most two digits, in two; what is greater is 99.
fn push_two(text: &mut String, number: usize) {
    let number = u32::try_from(number.min(99)).unwrap_or(99);
    text.extend([number / 10, number % 10].map(|digit| char::from_digit(digit, 10).unwrap_or('0')));
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
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |half: u8| char::from(DIGITS.get(usize::from(half)).copied().unwrap_or(b'0'));
    for byte in bytes {
        text.push(digit(byte >> 4));
        text.push(digit(byte & 0xf));
    }
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
    fn what_is_remembered_changes_no_fingerprint() {
        let of = |n: u16| ClientHello {
            cipher_suites: vec![0x1301, n],
            extension_types: vec![SERVER_NAME, 5, n],
            ..example()
        };
        let anew = |n: u16| {
            let mut asked = Asked::NEW;
            asked.take(&of(n));
            asked.hashes()
        };
        // More than are remembered, twice over, and each twice.
        let many = (0..3 * REMEMBERED as u16).chain(0..3 * REMEMBERED as u16);
        for n in many.flat_map(|n| [n, n]) {
            let told = fingerprint(&of(n), Over::Tcp).unwrap();
            assert!(told.ends_with(&format!("_{}", anew(n))), "{n}: {told}");
        }
        let long = ClientHello {
            cipher_suites: (0..1000).collect(),
            ..example()
        };
        fingerprint(&long, Over::Tcp).unwrap();
        MEMORY.with_borrow(|memory| {
            assert_eq!(memory.known.len(), REMEMBERED);
            assert!(
                memory
                    .known
                    .iter()
                    .all(|(of, _)| of.suites.len() <= LIST_MAX)
            );
        });
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
