//! Key logs: secrets of TLS and QUIC sessions as clients and servers write them (the format of NSS's
//! SSLKEYLOGFILE, RFC 9850; `SSLKEYLOGFILE` in OpenSSL, curl, Chromium, aioquic).
//!
//! A line is a label, the random of the client's hello and a secret, in hexadecimal digits. Labels that
//! nothing is opened with are counted and skipped: exporters, RSA premaster secrets by their ciphertext, and what is to come. The same label may come twice for one random (a log that was
//! joined from several, or an attacker's): all its secrets are handed out, a check decides.
//!
//! Nothing shows a secret: the log has no `Debug`, and bad lines are told by number.

use crate::ground::hex::hex;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, BufRead, Read};
use zeroize::Zeroizing;

/// The longest line: label, 32 bytes, and a secret of ECH's key encapsulation are far below.
const LINE_MAX: u64 = 1024;
/// The longest secret: SHA-384's 48 bytes, the master secret's 48, an ECH shared secret of a post-quantum group less.
const SECRET_MAX: usize = 64;
/// Secrets kept: a log of a million lines and more, in about 80 bytes each.
const SECRETS_MAX: usize = 2_000_000;
/// Bytes of a piece of memory that holds secrets: it is never moved, so that no copy is left behind.
const PIECE: usize = 64 << 10;
/// A line with the configuration of an encrypted hello, which is no secret (RFC 9850 §2.3).
const CONFIG: &str = "ECH_CONFIG";
/// Configurations kept: a line's worth each, for as many connections as a browser makes in a day.
const CONFIGS_MAX: usize = 10_000;
/// Memory that is made ready for lines at once.
const LINES_MAX: usize = 1 << 20;
/// Bad lines that are named.
const NAMED_MAX: usize = 8;

/// What a secret is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Label {
    /// The master secret of TLS 1.2 and before.
    Master,
    /// Early data.
    ClientEarly,
    /// The client's part of the handshake.
    ClientHandshake,
    /// The server's.
    ServerHandshake,
    /// What the client sends after the handshake.
    ClientTraffic,
    /// What the server sends after it.
    ServerTraffic,
    /// The shared secret of an encrypted hello.
    EncryptedHello,
}

/// Labels as they are written, QUIC's older ones beside those that it shares with TLS.
const LABELS: [(&str, Label); 12] = [
    ("CLIENT_RANDOM", Label::Master),
    ("CLIENT_EARLY_TRAFFIC_SECRET", Label::ClientEarly),
    ("CLIENT_HANDSHAKE_TRAFFIC_SECRET", Label::ClientHandshake),
    ("SERVER_HANDSHAKE_TRAFFIC_SECRET", Label::ServerHandshake),
    ("CLIENT_TRAFFIC_SECRET_0", Label::ClientTraffic),
    ("SERVER_TRAFFIC_SECRET_0", Label::ServerTraffic),
    ("QUIC_CLIENT_EARLY_TRAFFIC_SECRET", Label::ClientEarly),
    (
        "QUIC_CLIENT_HANDSHAKE_TRAFFIC_SECRET",
        Label::ClientHandshake,
    ),
    (
        "QUIC_SERVER_HANDSHAKE_TRAFFIC_SECRET",
        Label::ServerHandshake,
    ),
    ("QUIC_CLIENT_TRAFFIC_SECRET_0", Label::ClientTraffic),
    ("QUIC_SERVER_TRAFFIC_SECRET_0", Label::ServerTraffic),
    ("ECH_SECRET", Label::EncryptedHello),
];

/// A label for each kind of secret, as it is written first.
fn named() -> impl Iterator<Item = (&'static str, Label)> {
    let first = |at: usize, label: Label| LABELS.iter().position(|(_, l)| *l == label) == Some(at);
    let all = LABELS.iter().enumerate();
    all.filter(move |(at, (_, label))| first(*at, *label))
        .map(|(_, named)| *named)
}

/// Of the lines of a text, those with secrets of these sessions.
pub fn lines_of(text: &[u8], randoms: &BTreeSet<[u8; 32]>) -> Zeroizing<Vec<u8>> {
    let mut out = Zeroizing::new(Vec::with_capacity(text.len().saturating_add(1)));
    for line in text.split(|b| *b == b'\n') {
        if let Ok(Line::Secret(_, random, _) | Line::Config(random, _)) = parse(line)
            && randoms.contains(&random)
        {
            out.extend_from_slice(line.trim_ascii_end());
            out.push(b'\n');
        }
    }
    out
}

/// What is wrong with a line, in words that quote nothing of it.
pub type Wrong = &'static str;

/// What was found in a text of lines.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Secrets that are kept, those met before among them.
    pub kept: u64,
    /// Lines with a label that nothing is opened with.
    pub skipped: u64,
    /// The first bad lines, by number.
    pub bad: Vec<(u64, Wrong)>,
    /// How many there are.
    pub bad_lines: u64,
    /// Secrets beyond those that are kept.
    pub beyond: u64,
}

/// A line, read.
enum Line<'a> {
    Nothing,
    Foreign,
    Secret(Label, [u8; 32], &'a [u8]),
    Config([u8; 32], &'a [u8]),
}

/// Where a secret is. The first half of the random finds it: that two sessions share it chance does not do,
/// and the check of the first record tells.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    random: [u8; 16],
    label: Label,
    piece: u32,
    at: u16,
    len: u8,
}

/// Secrets by session and label.
#[derive(Clone, Default)]
pub struct Keylog {
    entries: Vec<Entry>,
    pieces: Vec<Zeroizing<Vec<u8>>>,
    /// Configurations of encrypted hellos, the first one of each random.
    configs: BTreeMap<[u8; 32], Box<[u8]>>,
    /// `entries` beyond this index are not in order yet.
    sorted: usize,
}

impl Keylog {
    /// Reads lines up to the end.
    ///
    /// # Errors
    /// What keeps them from being read.
    pub fn read(&mut self, source: &mut dyn BufRead) -> io::Result<Found> {
        let mut out = Found::default();
        let mut line = Zeroizing::new(Vec::with_capacity(
            usize::try_from(LINE_MAX).unwrap_or(0) + 1,
        ));
        let mut number = 0_u64;
        loop {
            line.clear();
            let len = source.take(LINE_MAX).read_until(b'\n', &mut line)?;
            if len == 0 {
                self.sort();
                return Ok(out);
            }
            number += 1;
            let whole =
                line.last() == Some(&b'\n') || u64::try_from(len).is_ok_and(|l| l < LINE_MAX);
            let read = match whole {
                true => parse(&line),
                false => {
                    skip_line(source)?;
                    Err("is longer than any line of a key log")
                }
            };
            match read {
                Ok(Line::Nothing) => {}
                Ok(Line::Foreign) => out.skipped += 1,
                Ok(Line::Config(random, digits)) => match self.configure(random, digits) {
                    Ok(true) => out.kept += 1,
                    Ok(false) => out.beyond += 1,
                    Err(wrong) => bad(&mut out, number, wrong),
                },
                Ok(Line::Secret(label, random, digits)) => {
                    match self.keep(label, &random, digits) {
                        Ok(true) => out.kept += 1,
                        Ok(false) => out.beyond += 1,
                        Err(wrong) => bad(&mut out, number, wrong),
                    }
                }
                Err(wrong) => bad(&mut out, number, wrong),
            }
        }
    }

    /// False if there is no room.
    fn configure(&mut self, random: [u8; 32], digits: &[u8]) -> Result<bool, Wrong> {
        const ODD: Wrong = "holds a configuration that is not of pairs of hexadecimal digits";
        if !digits.len().is_multiple_of(2) {
            return Err(ODD);
        }
        let bytes: Option<Vec<u8>> = digits.chunks_exact(2).map(byte).collect();
        let bytes = bytes.ok_or(ODD)?;
        if self.configs.len() >= CONFIGS_MAX && !self.configs.contains_key(&random) {
            return Ok(false);
        }
        self.configs
            .entry(random)
            .or_insert_with(|| bytes.into_boxed_slice());
        Ok(true)
    }

    /// The configuration that a client encrypted its hello with.
    pub fn config(&self, random: &[u8; 32]) -> Option<&[u8]> {
        self.configs.get(random).map(|config| &**config)
    }

    /// False if there is no room.
    fn keep(&mut self, label: Label, random: &[u8; 32], digits: &[u8]) -> Result<bool, Wrong> {
        const ODD: Wrong = "holds a secret that is not of pairs of hexadecimal digits";
        if !digits.len().is_multiple_of(2) {
            return Err(ODD);
        }
        let len = digits.len() / 2;
        let fits = match label {
            Label::Master => len == 48,
            Label::EncryptedHello => (16..=SECRET_MAX).contains(&len),
            _ => len == 32 || len == 48,
        };
        if !fits {
            return Err("holds a secret of another length than its label has");
        }
        if self.entries.len() >= SECRETS_MAX {
            return Ok(false);
        }
        let mut secret = Zeroizing::new([0; SECRET_MAX]);
        for (room, pair) in secret.iter_mut().zip(digits.chunks_exact(2)) {
            *room = byte(pair).ok_or(ODD)?;
        }
        let secret = secret.get(..len).unwrap_or_default();
        if self
            .pieces
            .last()
            .is_none_or(|piece| piece.len() + len > PIECE)
        {
            self.pieces.push(Zeroizing::new(Vec::with_capacity(PIECE)));
        }
        let index = u32::try_from(self.pieces.len().saturating_sub(1));
        let (Ok(piece), Some(room)) = (index, self.pieces.last_mut()) else {
            return Ok(false);
        };
        let (Ok(at), Ok(len)) = (u16::try_from(room.len()), u8::try_from(len)) else {
            return Ok(false);
        };
        room.extend_from_slice(secret);
        let [half @ .., _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _] = *random;
        self.entries.push(Entry {
            random: half,
            label,
            piece,
            at,
            len,
        });
        Ok(true)
    }

    /// By session and label, in the order of the log; what is there twice in a row goes, as in logs that were joined.
    fn sort(&mut self) {
        if self.sorted == self.entries.len() {
            return;
        }
        let entries = std::mem::take(&mut self.entries);
        let mut entries = entries;
        entries.sort_by_key(|e| (e.random, e.label, e.piece, e.at));
        entries.dedup_by(|a, b| {
            (a.random, a.label) == (b.random, b.label) && self.secret(a) == self.secret(b)
        });
        self.sorted = entries.len();
        self.entries = entries;
    }

    fn secret(&self, entry: &Entry) -> &[u8] {
        let at = usize::from(entry.at);
        let piece = usize::try_from(entry.piece)
            .ok()
            .and_then(|p| self.pieces.get(p));
        piece
            .and_then(|p| p.get(at..at + usize::from(entry.len)))
            .unwrap_or_default()
    }

    /// The secrets of a session under a label, in the order of the log.
    pub fn secrets(&self, random: &[u8; 32], label: Label) -> impl Iterator<Item = &[u8]> {
        let [half @ .., _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _] = *random;
        let first = self
            .entries
            .partition_point(|e| (e.random, e.label) < (half, label));
        let rest = self.entries.get(first..).unwrap_or_default();
        rest.iter()
            .take_while(move |e| (e.random, e.label) == (half, label))
            .map(|e| self.secret(e))
    }

    /// The secrets of these sessions, as lines of a key log.
    pub fn lines(&self, randoms: &BTreeSet<[u8; 32]>) -> Zeroizing<Vec<u8>> {
        let mut out = Zeroizing::new(Vec::with_capacity(LINES_MAX.min(self.size(randoms))));
        for random in randoms {
            for (name, label) in named() {
                for secret in self.secrets(random, label) {
                    let digits = Zeroizing::new(hex(secret));
                    for part in [name, " ", &hex(random), " ", &digits, "\n"] {
                        out.extend_from_slice(part.as_bytes());
                    }
                }
            }
            if let Some(config) = self.config(random) {
                for part in [CONFIG, " ", &hex(random), " ", &hex(config), "\n"] {
                    out.extend_from_slice(part.as_bytes());
                }
            }
        }
        out
    }

    /// Bytes of these lines, so that memory that holds secrets is not moved.
    fn size(&self, randoms: &BTreeSet<[u8; 32]>) -> usize {
        let each = randoms
            .iter()
            .flat_map(|random| named().flat_map(move |(_, label)| self.secrets(random, label)));
        let configs = randoms.iter().filter(|r| self.configs.contains_key(*r));
        let lines = each.count().saturating_add(configs.count());
        lines.saturating_mul(LINE_MAX as usize)
    }

    /// How many secrets it holds.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// True if it holds nothing.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

fn bad(out: &mut Found, number: u64, wrong: Wrong) {
    out.bad_lines += 1;
    if out.bad.len() < NAMED_MAX {
        out.bad.push((number, wrong));
    }
}

/// Reads to the end of a line without keeping it.
fn skip_line(source: &mut dyn BufRead) -> io::Result<()> {
    loop {
        let held = source.fill_buf()?;
        let (used, ended) = match held.iter().position(|b| *b == b'\n') {
            Some(at) => (at + 1, true),
            None => (held.len(), held.is_empty()),
        };
        source.consume(used);
        if ended {
            return Ok(());
        }
    }
}

fn parse(line: &[u8]) -> Result<Line<'_>, Wrong> {
    let line = line
        .strip_prefix(b"\xef\xbb\xbf")
        .unwrap_or(line)
        .trim_ascii();
    if line.is_empty() || line.starts_with(b"#") {
        return Ok(Line::Nothing);
    }
    let mut words = line
        .split(|b| b.is_ascii_whitespace())
        .filter(|w| !w.is_empty());
    let name = words.next().unwrap_or_default();
    let named = LABELS.iter().find(|(known, _)| known.as_bytes() == name);
    let is_config = name == CONFIG.as_bytes();
    if named.is_none() && !is_config {
        let is_label = name
            .iter()
            .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || *b == b'_');
        return match is_label && words.next().is_some() {
            true => Ok(Line::Foreign),
            false => Err("is no label with values behind it"),
        };
    }
    let (Some(random), Some(secret), None) = (words.next(), words.next(), words.next()) else {
        return Err("has not a random and a secret behind its label");
    };
    let mut out = [0; 32];
    if random.len() != 64 {
        return Err("holds a random of another length than 32 bytes");
    }
    for (room, pair) in out.iter_mut().zip(random.chunks_exact(2)) {
        *room = byte(pair).ok_or("holds a random that is not of hexadecimal digits")?;
    }
    Ok(match named {
        Some((_, label)) => Line::Secret(*label, out, secret),
        None => Line::Config(out, secret),
    })
}

fn byte(pair: &[u8]) -> Option<u8> {
    let [high, low] = pair else { return None };
    let digit = |b: &u8| {
        char::from(*b)
            .to_digit(16)
            .and_then(|d| u8::try_from(d).ok())
    };
    Some(digit(high)? << 4 | digit(low)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Keylog, Found) {
        let mut log = Keylog::default();
        let found = log.read(&mut text.as_bytes()).unwrap();
        (log, found)
    }

    #[test]
    fn secrets_are_found_by_session_and_label() {
        let (a, b) = ("aa".repeat(32), "bb".repeat(32));
        let text = format!(
            "\u{feff}# made by a client\r\nCLIENT_RANDOM {a} {}\r\n\
             SERVER_TRAFFIC_SECRET_0 {b} {}\nQUIC_SERVER_TRAFFIC_SECRET_0 {b} {}\n\
             SERVER_TRAFFIC_SECRET_0 {b} {}\nEXPORTER_SECRET {b} 00\n\nWHATEVER_7 {b} x",
            "01".repeat(48),
            "02".repeat(32),
            "02".repeat(32),
            "03".repeat(48),
        );
        let (log, found) = read(&text);
        assert_eq!((found.kept, found.skipped, found.bad_lines), (4, 2, 0));
        let all = |random: u8, label| -> Vec<Vec<u8>> {
            log.secrets(&[random; 32], label)
                .map(<[u8]>::to_vec)
                .collect()
        };
        assert_eq!(all(0xaa, Label::Master), [[1; 48].to_vec()]);
        assert_eq!(
            all(0xbb, Label::ServerTraffic),
            [[2; 32].to_vec(), [3; 48].to_vec()]
        );
        assert_eq!(all(0xbb, Label::ClientTraffic), Vec::<Vec<u8>>::new());
        assert_eq!(all(0xcc, Label::Master), Vec::<Vec<u8>>::new());
    }

    #[test]
    fn bad_lines_are_numbered() {
        let a = "aa".repeat(32);
        let long = format!("CLIENT_RANDOM {}\n", "a".repeat(5000));
        let text = format!(
            "hello world\nCLIENT_RANDOM {a}\nCLIENT_RANDOM {a} 00\n{long}CLIENT_RANDOM zz {a}\n\
             CLIENT_RANDOM {} {}\nCLIENT_TRAFFIC_SECRET_0 {a} {}\nSERVER_TRAFFIC_SECRET_0 {a} {}",
            "zz".repeat(32),
            "01".repeat(48),
            "0g".repeat(32),
            "01".repeat(32),
        );
        let (_, found) = read(&text);
        let lines: Vec<u64> = found.bad.iter().map(|(line, _)| *line).collect();
        assert_eq!(lines, [1, 2, 3, 4, 5, 6, 7]);
        assert_eq!(found.kept, 1);
    }

    #[test]
    fn configurations_are_kept_by_random_up_to_a_bound() {
        let line = |n: usize, config: &str| format!("ECH_CONFIG {n:064x} {config}\n");
        let mut text = line(0, "fe0d") + &line(0, "aabb") + &line(0, "a");
        (1..=CONFIGS_MAX).for_each(|n| text.push_str(&line(n, "fe0d")));
        let (log, found) = read(&text);
        assert_eq!(log.config(&[0; 32]), Some(&[0xfe, 0x0d][..]));
        assert_eq!((found.beyond, found.bad_lines), (1, 1));
        let shown = log.lines(&BTreeSet::from([[0; 32]]));
        assert_eq!(*shown, line(0, "fe0d").into_bytes());
    }

    #[test]
    fn a_long_log_stays_small() {
        let mut text = String::new();
        for n in 0..40_000_u32 {
            text.push_str(&format!(
                "CLIENT_TRAFFIC_SECRET_0 {:064x} {:064x}\n",
                u64::from(n) << 40,
                n
            ));
        }
        let (log, found) = read(&text);
        assert_eq!(found.kept, 40_000);
        assert!(size_of::<Entry>() <= 24);
        assert_eq!(log.pieces.len(), 40_000 * 32 / PIECE + 1);
    }
}
