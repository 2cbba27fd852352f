//! Packets of QUIC with logged secrets: Handshake, 0-RTT and 1-RTT (RFC 9001 §5; version 2, RFC 9369 §3.3).
//!
//! Initial packets are readable for everybody and are not read here. The caller finds packets in datagrams (coalesced ones apart), knows the
//! length of connection ids, and which direction a packet goes; connection migration changes nothing of its keys. Which
//! suite was chosen the server's hello says; until it is seen, and for 0-RTT, the length of the secret leaves two, and the tag decides.
//!
//! Packet numbers are decoded by the largest one that was opened (RFC 9000 §A.3), also behind a hole: 1-RTT packets carry enough of
//! it for what was in flight. A key update (RFC 9001 §6) is followed in either direction; packets of the phase before are still opened.
//! What is inside, frames, is read by whoever takes the plaintext: CRYPTO and STREAM frames have offsets, so that they can be put in order
//! like any stream.

use super::keylog::{Keylog, Label};
use super::tls::protection::aead;
use super::tls::schedule::{Bytes, expand_label};
use super::tls::suite::{Cipher, Hash, Suite, suite_of};
use aes::cipher::{BlockCipherEncrypt, KeyInit};
use aes::{Aes128, Aes256};
use chacha20::ChaCha20;
use chacha20::cipher::{KeyIvInit, StreamCipher, StreamCipherSeek};
use zeroize::Zeroizing;

/// Bytes that the mask is made of, four behind the beginning of the packet number (RFC 9001 §5.4.2).
const SAMPLE_LEN: usize = 16;
const SAMPLE_AT: usize = 4;
/// Secrets under one label that are tried.
const SECRETS_MAX: usize = 4;
/// Bits of the first byte (RFC 9000 §17): the long form, the key phase of the short one, the length of the packet number.
const LONG: u8 = 0x80;
const KEY_PHASE: u8 = 0x04;
const NUMBER_LEN: u8 = 0x03;

/// Labels of key, vector and header key, and of the next secret (RFC 9001 §5.1, RFC 9369 §3.3.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Labels([&'static [u8]; 4]);

/// Version 1.
pub const LABELS_1: Labels = Labels([b"quic key", b"quic iv", b"quic hp", b"quic ku"]);
/// Version 2.
pub const LABELS_2: Labels = Labels([b"quicv2 key", b"quicv2 iv", b"quicv2 hp", b"quicv2 ku"]);

/// What packets are protected with one secret after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// 0-RTT, the client's alone.
    Early,
    /// Handshake.
    Handshake,
    /// 1-RTT.
    Traffic,
}

/// Why a packet stays sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Why {
    /// The key log holds no secret for it.
    NoKey,
    /// It is shorter than a protected packet.
    Short,
    /// Its tag fails.
    Tag,
}

/// Keys of one secret.
struct Keys {
    suite: Suite,
    secret: Bytes,
    key: Bytes,
    vector: Bytes,
    header: Bytes,
}

impl Keys {
    fn of(labels: Labels, suite: Suite, secret: &[u8]) -> Option<Self> {
        let len = match suite.cipher {
            Cipher::Gcm(len) | Cipher::Ccm(len, 16) => len,
            Cipher::ChaCha => 32,
            Cipher::Ccm(..) | Cipher::Cbc(..) => return None,
        };
        let Labels([key, vector, header, _]) = labels;
        (secret.len() == suite.hash.len()).then(|| Self {
            suite,
            secret: Zeroizing::new(secret.to_vec()),
            key: expand_label(suite.hash, secret, key, len),
            vector: expand_label(suite.hash, secret, vector, 12),
            header: expand_label(suite.hash, secret, header, len),
        })
    }

    /// The keys after an update; those of the header stay (RFC 9001 §6.1).
    fn updated(&self, labels: Labels) -> Option<Self> {
        let Labels([.., update]) = labels;
        let hash = self.suite.hash;
        let secret = expand_label(hash, &self.secret, update, hash.len());
        let mut next = Self::of(labels, self.suite, &secret)?;
        next.header.clone_from(&self.header);
        Some(next)
    }

    /// The mask over first byte and packet number (RFC 9001 §5.4.3, §5.4.4).
    fn mask(&self, sample: &[u8; SAMPLE_LEN]) -> Option<[u8; 5]> {
        let mut out = [0; 5];
        if self.suite.cipher == Cipher::ChaCha {
            let (counter, nonce) = sample.split_first_chunk::<4>()?;
            let mut stream = ChaCha20::new_from_slices(&self.header, nonce).ok()?;
            stream
                .try_seek(u64::from(u32::from_le_bytes(*counter)) * 64)
                .ok()?;
            stream.try_apply_keystream(&mut out).ok()?;
            return Some(out);
        }
        let mut block = aes::Block::from(*sample);
        match self.header.len() {
            16 => Aes128::new_from_slice(&self.header)
                .ok()?
                .encrypt_block(&mut block),
            _ => Aes256::new_from_slice(&self.header)
                .ok()?
                .encrypt_block(&mut block),
        }
        out.iter_mut()
            .zip(block)
            .for_each(|(room, byte)| *room = byte);
        Some(out)
    }

    fn open(&self, number: u64, header: &[u8], sealed: &[u8], room: &mut Vec<u8>) -> Option<()> {
        let mut nonce = [0; 12];
        nonce
            .iter_mut()
            .zip(self.vector.iter())
            .for_each(|(room, byte)| *room = *byte);
        let bytes = number.to_be_bytes();
        nonce
            .iter_mut()
            .rev()
            .zip(bytes.iter().rev())
            .for_each(|(room, byte)| *room ^= byte);
        aead(self.suite.cipher, &self.key, &nonce, header, sealed, room)
    }
}

/// The packets of one direction at one level.
pub struct Opener {
    labels: Labels,
    /// One for each secret that may be meant, until a packet opens.
    keys: Vec<Keys>,
    /// Keys before and after the last update.
    before: Option<Keys>,
    after: Option<Keys>,
    phase: bool,
    /// The largest number that was opened.
    largest: Option<u64>,
}

/// A packet that was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Opened {
    /// Its number.
    pub number: u64,
}

impl Opener {
    /// An opener of the packets that a side sends at a level. `suite` is the server's choice, if that was seen.
    pub fn new(
        log: &Keylog,
        client_random: &[u8; 32],
        labels: Labels,
        (level, is_client): (Level, bool),
        suite: Option<u16>,
    ) -> Self {
        let label = match (level, is_client) {
            (Level::Early, _) => Label::ClientEarly,
            (Level::Handshake, true) => Label::ClientHandshake,
            (Level::Handshake, false) => Label::ServerHandshake,
            (Level::Traffic, true) => Label::ClientTraffic,
            (Level::Traffic, false) => Label::ServerTraffic,
        };
        let chosen = suite.and_then(suite_of).filter(|_| level != Level::Early);
        let mut keys = Vec::new();
        for secret in log.secrets(client_random, label).take(SECRETS_MAX) {
            /// AES-128 and ChaCha20 share a length of secrets.
            const EITHER: [u16; 3] = [0x1301, 0x1303, 0x1302];
            let suites = EITHER.iter().filter_map(|s| suite_of(*s));
            let suites = chosen
                .into_iter()
                .chain(suites.filter(|_| chosen.is_none()));
            keys.extend(suites.filter_map(|suite| Keys::of(labels, suite, secret)));
        }
        Self {
            labels,
            keys,
            before: None,
            after: None,
            phase: false,
            largest: None,
        }
    }

    /// Opens a packet, whose number begins at `number_at`, into `room`. The packet ends where its payload does.
    ///
    /// # Errors
    /// Why it stays sealed; then nothing is in `room`.
    pub fn open(
        &mut self,
        packet: &[u8],
        number_at: usize,
        room: &mut Vec<u8>,
    ) -> Result<Opened, Why> {
        room.clear();
        if self.keys.is_empty() {
            return Err(Why::NoKey);
        }
        let sample = packet
            .get(number_at.saturating_add(SAMPLE_AT)..)
            .and_then(|rest| rest.first_chunk::<SAMPLE_LEN>())
            .ok_or(Why::Short)?;
        for at in 0..self.keys.len() {
            let Some(found) = self.with(at, packet, number_at, sample, room) else {
                continue;
            };
            // The other secrets and suites were not meant.
            self.keys.swap(0, at);
            self.keys.truncate(1);
            self.largest = self.largest.max(Some(found.number));
            return Ok(found);
        }
        room.clear();
        Err(Why::Tag)
    }

    fn with(
        &mut self,
        at: usize,
        packet: &[u8],
        number_at: usize,
        sample: &[u8; SAMPLE_LEN],
        room: &mut Vec<u8>,
    ) -> Option<Opened> {
        let keys = self.keys.get(at)?;
        let mask = keys.mask(sample)?;
        let [first_mask, number_mask @ ..] = mask;
        let first = *packet.first()?;
        let long = first & LONG != 0;
        let first = first ^ first_mask & if long { 0x0f } else { 0x1f };
        let len = usize::from(first & NUMBER_LEN) + 1;
        let (header, sealed) = packet.split_at_checked(number_at.checked_add(len)?)?;
        let mut header = header.to_vec();
        *header.first_mut()? = first;
        let mut truncated = 0_u64;
        for (byte, mask) in header.get_mut(number_at..)?.iter_mut().zip(number_mask) {
            *byte ^= mask;
            truncated = truncated << 8 | u64::from(*byte);
        }
        let number = decoded(self.largest, truncated, len);
        let phase = !long && first & KEY_PHASE != 0;
        if long || phase == self.phase {
            if keys.open(number, &header, sealed, room).is_some() {
                return Some(Opened { number });
            }
            // Two updates since the last packet that was captured would look the same; that is not followed.
            return None;
        }
        // The other phase: packets of before that come late, or an update.
        if let Some(before) = &self.before
            && before.open(number, &header, sealed, room).is_some()
        {
            return Some(Opened { number });
        }
        if self.after.is_none() {
            self.after = keys.updated(self.labels);
        }
        let after = self.after.take()?;
        if after.open(number, &header, sealed, room).is_none() {
            self.after = (self.keys.len() == 1).then_some(after);
            return None;
        }
        self.before = Some(std::mem::replace(self.keys.get_mut(at)?, after));
        self.phase = phase;
        Some(Opened { number })
    }
}

/// The whole packet number (RFC 9000 §A.3).
fn decoded(largest: Option<u64>, truncated: u64, len: usize) -> u64 {
    let window = 1_u64 << (8 * len);
    let expected = largest.map_or(0, |largest| largest.saturating_add(1));
    let candidate = expected & !(window - 1) | truncated;
    if candidate.saturating_add(window / 2) <= expected && candidate < (1 << 62) - window {
        return candidate + window;
    }
    if candidate > expected.saturating_add(window / 2) && candidate >= window {
        return candidate - window;
    }
    candidate
}

/// The hash of a secret's length, for callers that make secrets of their own.
pub fn hash_of(secret: &[u8]) -> Option<Hash> {
    match secret.len() {
        32 => Some(Hash::Sha256),
        48 => Some(Hash::Sha384),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(text: &str) -> Vec<u8> {
        let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
        let pair = |p: &[u8]| u8::from_str_radix(std::str::from_utf8(p).unwrap(), 16).unwrap();
        digits.chunks(2).map(pair).collect()
    }

    /// RFC 9001 §A.5: a short packet under ChaCha20-Poly1305; RFC 9369 §A.5, the same in version 2.
    #[test]
    fn published_packets_are_opened() {
        let secret = "9ac312a7f877468ebe69422748ad00a15443f18203a07d6060f688f30f21632b";
        for (labels, packet) in [
            (LABELS_1, "4cfe4189655e5cd55c41f69080575d7999c25a5bfb"),
            (LABELS_2, "5558b1c60ae7b6b932bc27d786f4bc2bb20f2162ba"),
        ] {
            let mut log = Keylog::default();
            let line = format!("SERVER_TRAFFIC_SECRET_0 {} {secret}\n", "11".repeat(32));
            log.read(&mut line.as_bytes()).unwrap();
            let new =
                |suite| Opener::new(&log, &[0x11; 32], labels, (Level::Traffic, false), suite);
            for suite in [Some(0x1303), None] {
                let mut opener = new(suite);
                // The number's lower three bytes are in the packet.
                opener.largest = Some(654_360_563);
                let mut room = Vec::new();
                let opened = opener.open(&hex(packet), 1, &mut room).unwrap();
                assert_eq!((opened.number, room), (654_360_564, vec![1]));
            }
            let mut opener = new(Some(0x1301));
            assert_eq!(opener.open(&hex(packet), 1, &mut Vec::new()), Err(Why::Tag));
            assert_eq!(
                opener.open(&hex(packet)[..20], 1, &mut Vec::new()),
                Err(Why::Short)
            );
            let none = Keylog::default();
            let mut opener = Opener::new(&none, &[0x11; 32], labels, (Level::Traffic, false), None);
            assert_eq!(
                opener.open(&hex(packet), 1, &mut Vec::new()),
                Err(Why::NoKey)
            );
        }
    }

    /// RFC 9000 §A.3.
    #[test]
    fn packet_numbers_are_those_next_to_the_expected_one() {
        assert_eq!(decoded(Some(0xa82f_30ea), 0x9b32, 2), 0xa82f_9b32);
        assert_eq!(decoded(None, 7, 1), 7);
        assert_eq!(decoded(Some(255), 0, 1), 256);
        assert_eq!(decoded(Some(256), 0xff, 1), 255);
    }

    /// A variable-length integer (RFC 9000 §16).
    fn varint(bytes: &[u8], at: &mut usize) -> usize {
        let len = 1 << (bytes[*at] >> 6);
        let mut value = usize::from(bytes[*at] & 0x3f);
        for byte in &bytes[*at + 1..*at + len] {
            value = value << 8 | usize::from(*byte);
        }
        *at += len;
        value
    }

    /// Sessions of aioquic, which begin in either version, with its key log: every packet behind the Initial ones is opened.
    #[test]
    fn sessions_of_a_real_client_are_opened() {
        let text = include_str!(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/fixtures/open/quic.txt"
        ));
        for session in text.split("case ").skip(1) {
            let mut lines = session.lines();
            let version = lines.next().unwrap();
            let (mut log, mut randoms, mut wire) = (String::new(), Vec::new(), Vec::new());
            for line in lines {
                match line.split_once(' ').unwrap() {
                    ("c", data) => wire.push((true, hex(data))),
                    ("s", data) => wire.push((false, hex(data))),
                    (_, rest) => {
                        randoms.push(hex(&rest[..64]));
                        log.push_str(&format!("{line}\n"));
                    }
                }
            }
            let mut keys = Keylog::default();
            keys.read(&mut log.as_bytes()).unwrap();
            randoms.sort();
            randoms.dedup();
            // The server decides: here it answers version 2 with version 1 (RFC 9368).
            let server = wire.iter().find(|(client, _)| !client).unwrap();
            let labels = match server.1[1..5] {
                [0, 0, 0, 1] => LABELS_1,
                _ => LABELS_2,
            };
            // The hello is not read here: the session is the one whose keys open all.
            let mut best = 0;
            for random in randoms {
                let random: [u8; 32] = random.try_into().unwrap();
                let new =
                    |level, client| Opener::new(&keys, &random, labels, (level, client), None);
                let mut openers =
                    [true, false].map(|c| [new(Level::Handshake, c), new(Level::Traffic, c)]);
                let (mut ids, mut opened, mut failed) = ([0, 0], 0, 0);
                for (client, datagram) in &wire {
                    let [of_handshake, of_traffic] = &mut openers[usize::from(!client)];
                    let mut rest = datagram.as_slice();
                    let mut room = Vec::new();
                    while let Some(first) = rest.first() {
                        // Padding behind the packets of a datagram.
                        if first & 0x40 == 0 {
                            break;
                        }
                        if first & 0x80 == 0 {
                            // The receiver's id, as the receiver writes it.
                            let at = 1 + ids[usize::from(*client)];
                            match of_traffic.open(rest, at, &mut room) {
                                Ok(_) => opened += 1,
                                Err(_) => failed += 1,
                            }
                            break;
                        }
                        let kind = first >> 4 & 3;
                        let mut at = 5;
                        at += 1 + usize::from(rest[at]);
                        ids[usize::from(!client)] = usize::from(rest[at]);
                        at += 1 + usize::from(rest[at]);
                        let (initial, handshake) = match rest[1..5] {
                            [0, 0, 0, 1] => (0, 2),
                            _ => (1, 3),
                        };
                        if kind == initial {
                            at += varint(rest, &mut at.clone()) + 1;
                        }
                        let len = varint(rest, &mut at);
                        if kind == handshake {
                            match of_handshake.open(&rest[..at + len], at, &mut room) {
                                Ok(_) => opened += 1,
                                Err(_) => failed += 1,
                            }
                        }
                        rest = &rest[at + len..];
                    }
                }
                if failed == 0 {
                    best = best.max(opened);
                }
            }
            assert!(best >= 30, "{version}: {best}");
        }
    }
    #[test]
    fn secrets_under_one_label_are_bounded() {
        let line = |n: u8| {
            let (random, secret) = ("07".repeat(32), format!("{n:02x}").repeat(32));
            format!("CLIENT_TRAFFIC_SECRET_0 {random} {secret}\n")
        };
        let text: String = (0..10).map(line).collect();
        let mut log = Keylog::default();
        log.read(&mut text.as_bytes()).unwrap();
        let opener = Opener::new(
            &log,
            &[7; 32],
            LABELS_1,
            (Level::Traffic, true),
            Some(0x1301),
        );
        assert_eq!(opener.keys.len(), SECRETS_MAX);
    }
}
