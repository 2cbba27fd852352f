//! The records of one direction of a connection, opened one after the other.
//!
//! The caller hands over whole records in order, says where some were lost ([`Opener::lost`]), and reads the hellos. Which
//! secret a record is under, its tag decides: handshake and application secrets, key updates (RFC 8446 §4.6.3, §7.2) and early
//! data follow each other in a known order, so that no handshake message has to be understood. In TLS 1.2 and before, a change of cipher
//! makes the keys of the last hello valid (also in renegotiations, which may choose another suite), and records before it are in clear,
//! those with application data aside: before them the change is missing.
//!
//! Opened or in clear, a record is content; for every other one the reason is said. Retries of early data with another suite
//! (RFC 8446 §4.2.10) are not followed, and compressed records (TLS 1.2 and before) are not inflated.

use super::super::keylog::{Keylog, Label};
use super::protection::{Record, open_12, open_13};
use super::schedule::{Bytes, Keys, Version, of_master, of_secret, updated};
use super::suite::{Cipher, Suite, suite_of};
use crate::evidence::seal::Seal;
use zeroize::Zeroizing;

/// Records that may have been lost in one hole: each is a number to try.
const LOST_MAX: u64 = 64;
/// Records in a row that are tried with all these numbers in vain, before the direction is given up.
const GIVEN_UP: u8 = 8;
/// Secrets under one label that are tried.
const SECRETS_MAX: usize = 4;

/// Types of records (RFC 8446 §B.1).
const CHANGE_CIPHER: u8 = 20;
const APPLICATION: u8 = 23;
const BLOCK: usize = 16;

/// Why a record stays sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Why {
    /// The key log holds no secret for it.
    NoKey,
    /// Records before it are missing from the capture.
    Lost,
    /// Its suite, version or compression is none that is read.
    Unsupported,
    /// Its tag or check fails.
    Tag,
}

impl From<Why> for Seal {
    fn from(why: Why) -> Self {
        match why {
            Why::NoKey => Self::NoKey,
            Why::Lost => Self::LostPackets,
            Why::Unsupported => Self::Unsupported,
            Why::Tag => Self::FailedTag,
        }
    }
}

/// Whose records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The client's.
    Client,
    /// The server's.
    Server,
}

/// What the hellos agreed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Agreed {
    /// Random of the client's hello, by which secrets are logged.
    pub client: [u8; 32],
    /// Random of the server's hello.
    pub server: [u8; 32],
    /// The version that was chosen (the extension's, where there is one).
    pub version: u16,
    /// The cipher suite.
    pub suite: u16,
    /// The server answered encrypt-then-MAC (RFC 7366).
    pub encrypt_then_mac: bool,
    /// The compression method is not null.
    pub compressed: bool,
}

/// One direction.
pub struct Opener {
    state: State,
    /// What another handshake inside the connection agreed on; it holds from the next change of cipher on.
    next: Option<State>,
    sequence: u64,
    /// Records may be missing before the next one.
    holed: bool,
    in_vain: u8,
}

enum State {
    Closed(Why),
    Thirteen(Thirteen),
    Twelve(Box<Twelve>),
}

struct Thirteen {
    suite: Suite,
    /// Secrets that follow each other: early data, handshake, application.
    steps: Vec<Vec<Bytes>>,
    /// The secret in use.
    current: Option<(Bytes, Keys)>,
}

struct Twelve {
    version: Version,
    cipher: Cipher,
    encrypt_then_mac: bool,
    /// For the next change of cipher, by each master secret.
    next: Vec<Keys>,
    /// Since the last one; `None` before the first.
    now: Option<Vec<Keys>>,
    /// The last block before, with TLS 1.0.
    chained: Option<[u8; BLOCK]>,
    /// A record before did not open, and the check of the next one does not cover its vector: TLS 1.0 with encrypt-then-MAC.
    adrift: bool,
}

impl Opener {
    /// An opener of the records of `side`, the first one of the connection first.
    pub fn new(log: &Keylog, agreed: &Agreed, side: Side) -> Self {
        Self {
            state: State::of(log, agreed, side),
            next: None,
            sequence: 0,
            holed: false,
            in_vain: 0,
        }
    }

    /// Another handshake inside the connection: its keys hold from the next change of cipher on.
    pub fn renegotiated(&mut self, log: &Keylog, agreed: &Agreed, side: Side) {
        if let State::Twelve(_) = self.state {
            self.next = Some(State::of(log, agreed, side));
        }
    }

    /// Bytes of the stream are missing before the next record.
    pub fn lost(&mut self) {
        self.holed = true;
        self.in_vain = 0;
    }

    /// Opens a record into `room`; its type inside.
    ///
    /// # Errors
    /// Why it stays sealed; then nothing is in `room`.
    pub fn open(&mut self, record: &Record<'_>, room: &mut Vec<u8>) -> Result<u8, Why> {
        room.clear();
        if record.kind == CHANGE_CIPHER
            && let Some(next) = self.next.take()
        {
            self.state = next;
        }
        let clear = match &mut self.state {
            State::Closed(_) if record.kind == CHANGE_CIPHER => true,
            State::Closed(why) => return Err(*why),
            State::Thirteen(_) => record.kind != APPLICATION,
            State::Twelve(twelve) => {
                let missed = twelve.now.is_none() && record.kind == APPLICATION;
                if record.kind == CHANGE_CIPHER || missed {
                    twelve.now = Some(std::mem::take(&mut twelve.next));
                    twelve.chained = None;
                    twelve.adrift = false;
                    self.sequence = 0;
                    self.holed = missed;
                }
                twelve.now.is_none() || record.kind == CHANGE_CIPHER
            }
        };
        if clear {
            room.extend_from_slice(record.fragment);
            return Ok(record.kind);
        }
        let tries = match self.holed && self.in_vain < GIVEN_UP {
            true => LOST_MAX,
            false => 0,
        };
        let opened = match &mut self.state {
            State::Closed(why) => Err(*why),
            State::Thirteen(thirteen) => thirteen.open(record, self.sequence, tries, room),
            State::Twelve(twelve) => {
                twelve.adrift |= self.holed && twelve.chains() && twelve.encrypt_then_mac;
                twelve.open(record, self.sequence, tries, room)
            }
        };
        match opened {
            Ok((kind, sequence)) => {
                self.sequence = sequence.saturating_add(1);
                self.holed = false;
                self.in_vain = 0;
                Ok(kind)
            }
            Err(why) => {
                room.clear();
                // It had a number all the same.
                self.sequence = self.sequence.saturating_add(1);
                self.in_vain = self.in_vain.saturating_add(1);
                Err(match why {
                    Why::Tag if self.holed => Why::Lost,
                    why => why,
                })
            }
        }
    }
}

impl State {
    fn of(log: &Keylog, agreed: &Agreed, side: Side) -> Self {
        let Some(suite) = suite_of(agreed.suite) else {
            return Self::Closed(Why::Unsupported);
        };
        let secrets = |label| -> Vec<Bytes> {
            let found = log.secrets(&agreed.client, label).take(SECRETS_MAX);
            found.map(|s| Zeroizing::new(s.to_vec())).collect()
        };
        let version = match agreed.version {
            0x0304 => {
                let steps = match side {
                    Side::Client => [
                        Label::ClientEarly,
                        Label::ClientHandshake,
                        Label::ClientTraffic,
                    ]
                    .as_slice(),
                    Side::Server => &[Label::ServerHandshake, Label::ServerTraffic],
                };
                return Self::Thirteen(Thirteen {
                    suite,
                    steps: steps.iter().map(|label| secrets(*label)).collect(),
                    current: None,
                });
            }
            0x0303 => Version::Tls12,
            0x0302 => Version::Tls11,
            0x0301 => Version::Tls10,
            _ => return Self::Closed(Why::Unsupported),
        };
        if agreed.compressed {
            return Self::Closed(Why::Unsupported);
        }
        let keys = |master: &Bytes| {
            let [client, server] =
                of_master(version, &suite, master, &agreed.client, &agreed.server);
            match side {
                Side::Client => client,
                Side::Server => server,
            }
        };
        Self::Twelve(Box::new(Twelve {
            version,
            cipher: suite.cipher,
            encrypt_then_mac: agreed.encrypt_then_mac,
            next: secrets(Label::Master).iter().map(keys).collect(),
            now: None,
            chained: None,
            adrift: false,
        }))
    }
}

impl Thirteen {
    fn open(
        &mut self,
        record: &Record<'_>,
        sequence: u64,
        tries: u64,
        room: &mut Vec<u8>,
    ) -> Result<(u8, u64), Why> {
        let cipher = self.suite.cipher;
        if let Some((secret, keys)) = &self.current {
            for sequence in sequence..=sequence.saturating_add(tries) {
                if let Some(kind) = open_13(cipher, keys, sequence, record, room) {
                    return Ok((kind, sequence));
                }
            }
            let secret = updated(self.suite.hash, secret);
            if let Some(found) = self.with(secret, record, tries, room) {
                return Ok(found);
            }
        }
        let mut known = true;
        for step in 0..self.steps.len() {
            let secrets = self.steps.get(step).cloned().unwrap_or_default();
            known &= !secrets.is_empty() || (step == 0 && self.steps.len() > 2);
            for secret in secrets {
                if let Some(found) = self.with(secret, record, tries, room) {
                    // What came before is over.
                    self.steps.drain(..=step);
                    return Ok(found);
                }
            }
        }
        Err(if known { Why::Tag } else { Why::NoKey })
    }

    /// Opens a record with a new secret, which is in use then.
    fn with(
        &mut self,
        secret: Bytes,
        record: &Record<'_>,
        tries: u64,
        room: &mut Vec<u8>,
    ) -> Option<(u8, u64)> {
        let keys = of_secret(&self.suite, &secret)?;
        let found = (0..=tries).find_map(|sequence| {
            let kind = open_13(self.suite.cipher, &keys, sequence, record, room)?;
            Some((kind, sequence))
        })?;
        self.current = Some((secret, keys));
        Some(found)
    }
}

impl Twelve {
    /// The last block of a record is the vector of the next one.
    fn chains(&self) -> bool {
        self.version == Version::Tls10 && matches!(self.cipher, Cipher::Cbc(..))
    }

    fn open(
        &mut self,
        record: &Record<'_>,
        sequence: u64,
        tries: u64,
        room: &mut Vec<u8>,
    ) -> Result<(u8, u64), Why> {
        let chains = self.chains();
        let Some(all) = self.now.as_mut().filter(|keys| !keys.is_empty()) else {
            return Err(Why::NoKey);
        };
        if self.adrift {
            return Err(Why::Lost);
        }
        let mut found = None;
        'keys: for (at, keys) in all.iter().enumerate() {
            let vector: Option<&[u8]> = match &self.chained {
                _ if !chains => None,
                Some(block) => Some(block),
                None => Some(&keys.vector),
            };
            for sequence in sequence..=sequence.saturating_add(tries) {
                let number = sequence.to_be_bytes();
                let how = (vector, self.encrypt_then_mac);
                if open_12(self.cipher, keys, number, record, how, room).is_some() {
                    found = Some((at, sequence));
                    break 'keys;
                }
            }
        }
        if let (true, Cipher::Cbc(_, hash)) = (chains, self.cipher) {
            let behind = if self.encrypt_then_mac { hash.len() } else { 0 };
            let end = record.fragment.len().checked_sub(behind);
            let sealed = end.and_then(|end| record.fragment.get(..end));
            self.chained = sealed.and_then(|s| s.last_chunk()).copied();
        }
        self.adrift = found.is_none() && chains && self.encrypt_then_mac;
        let (at, sequence) = found.ok_or(Why::Tag)?;
        // The others were of other sessions.
        all.swap(0, at);
        all.truncate(1);
        Ok((record.kind, sequence))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_secrets_under_one_label_are_tried() {
        let random = "07".repeat(32);
        let line = |n: u8| {
            let secret = |length| format!("{n:02x}").repeat(length);
            let (traffic, master) = (secret(32), secret(48));
            format!("CLIENT_TRAFFIC_SECRET_0 {random} {traffic}\nCLIENT_RANDOM {random} {master}\n")
        };
        let text: String = (0..10).map(line).collect();
        let mut log = Keylog::default();
        log.read(&mut text.as_bytes()).unwrap();
        let mut agreed = Agreed {
            client: [7; 32],
            server: [8; 32],
            version: 0x0304,
            suite: 0x1301,
            encrypt_then_mac: false,
            compressed: false,
        };
        let State::Thirteen(new) = State::of(&log, &agreed, Side::Client) else {
            panic!("a suite that is known");
        };
        let secrets: Vec<usize> = new.steps.iter().map(Vec::len).collect();
        assert_eq!(secrets, [0, 0, SECRETS_MAX]);
        (agreed.version, agreed.suite) = (0x0303, 0xc02f);
        let State::Twelve(old) = State::of(&log, &agreed, Side::Client) else {
            panic!("a suite that is known");
        };
        assert_eq!(old.next.len(), SECRETS_MAX);
    }
}
