//! Opens protected data frames of networks whose shared key is given.
//!
//! Every message of a handshake is heard, and its check says whether a given key is the right one
//! (IEEE 802.11-2020 §12.7.6): names of networks are not asked, a wrong passphrase opens nothing, and a
//! forged message neither. A pairwise key needs both nonces and one checked message: messages 1 and 2,
//! 2 and 3, or 3 and 4 where the fourth repeats the nonce. The group key comes in message 3 and in the
//! group key handshake (§12.7.7).
//!
//! What cannot be opened: frames before their handshake, and of associations without one in the
//! capture; WEP and TKIP; fast transition, suites of 192 bits, links of multi-link devices (whose
//! addresses are others), meshes and direct links; frames that the capture cut. Each stays protected, with
//! the reason. Replays are not told from first transmissions: both were on the air.

use super::cipher::{Before, CIPHERS, Cipher, VECTOR_LEN};
use super::derive::{Context, Method, Pairwise, suites};
use super::handshake::{Chosen, Message, group_key};
use super::key::WifiKey;
use super::{KeyExchange, Protected};
use crate::ground::cause::LinkCause;
use crate::ground::gaps::GapId;
use crate::ground::mac::Mac;
use crate::observe::link::{Content, Unwrapped};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use zeroize::Zeroizing;

/// Nonces of either side that wait for the other's: retransmissions repeat them, a rekeying brings new ones.
const NONCES_MAX: usize = 4;
/// Keys of one pair, and of one sender to its group, the newest first: rekeyings follow each other, and a frame of
/// the one before may still come.
const SESSIONS_MAX: usize = 4;
/// Handshakes under way; anybody can begin one, so the oldest gives way.
const PENDING_MAX: usize = 1024;
/// Pairs with a key, and senders with one. Only who holds a given key gets here.
const PAIRS_MAX: usize = 4096;
/// Bytes of a third message that waits for its pair's key: real ones have some hundred.
const HELD_MAX: usize = 1024;
/// Keys that are derived in vain: some seconds of work, which only forged messages or many wrong
/// keys need.
const TRIES_MAX: u32 = 1 << 20;
/// A check sequence that nobody announced.
const FCS_LEN: usize = 4;

/// Authenticator (access point) and supplicant (station).
type Pair = (Mac, Mac);

/// A handshake of which not enough was heard.
#[derive(Default)]
struct Pending {
    /// The authenticator's nonces.
    asked: Vec<[u8; 32]>,
    /// The supplicant's, with what it chose.
    answered: Vec<([u8; 32], Option<Chosen>)>,
    /// A checked message of the authenticator, which may hold the group key.
    held: Option<Box<[u8]>>,
    /// Its key management is none that is read.
    foreign: bool,
}

/// A key of a pair.
struct Session {
    nonces: [[u8; 32]; 2],
    keys: Pairwise,
    ciphers: Vec<Cipher>,
    group: Option<u8>,
}

/// A key of a sender to its group.
struct GroupKey {
    id: u8,
    key: Zeroizing<Vec<u8>>,
    ciphers: Vec<Cipher>,
}

/// Who holds the keys, and what was heard of handshakes.
pub struct Opener {
    given: Arc<[WifiKey]>,
    pending: BTreeMap<Pair, Pending>,
    /// The pairs in `pending`, oldest first.
    begun: VecDeque<Pair>,
    sessions: BTreeMap<Pair, Vec<Session>>,
    groups: BTreeMap<Mac, Vec<GroupKey>>,
    tries: u32,
    /// A limit was reached, which was not told yet.
    limited: bool,
}

impl Opener {
    /// An opener with these keys.
    pub fn new(given: Arc<[WifiKey]>) -> Self {
        Self {
            given,
            pending: BTreeMap::new(),
            begun: VecDeque::new(),
            sessions: BTreeMap::new(),
            groups: BTreeMap::new(),
            tries: 0,
            limited: false,
        }
    }

    /// True once after each time that something was not kept or not tried.
    pub fn take_limited(&mut self) -> bool {
        std::mem::take(&mut self.limited)
    }

    /// What a frame holds for who has these keys; `room` takes what was opened. Handshakes are heard, also
    /// those in opened frames.
    pub fn take<'a>(&mut self, read: Unwrapped<'a>, room: &'a mut Vec<u8>) -> Unwrapped<'a> {
        let opened = match read.content {
            Content::Protected(frame) => match self.open(&frame, room) {
                Ok(()) => {
                    let inside = frame.opened(room);
                    Unwrapped {
                        content: inside.content,
                        source: inside.source,
                        target: inside.target,
                        ..read
                    }
                }
                Err(why) => Unwrapped {
                    content: Content::Unreadable(GapId::EncryptedWifi, why),
                    ..read
                },
            },
            _ => read,
        };
        if let Content::KeyExchange(message) = opened.content {
            self.hear(&message);
        }
        opened
    }

    fn hear(&mut self, said: &KeyExchange<'_>) {
        if self.given.is_empty() {
            return;
        }
        let Some(message) = Message::read(said.packet) else {
            return;
        };
        let pair = match message.is_authenticators() {
            true => (said.transmitter, said.receiver),
            false => (said.receiver, said.transmitter),
        };
        if message.is_checked() && self.known(pair, &message) {
            return;
        }
        if message.is_pairwise() {
            self.pairwise(pair, &message);
        }
    }

    /// A message checked with a key that the pair has already; the group key in it is taken.
    fn known(&mut self, pair: Pair, message: &Message<'_>) -> bool {
        let parts = message.checked_parts();
        let sessions = self.sessions.get(&pair).map_or(&[][..], Vec::as_slice);
        let Some(session) = sessions
            .iter()
            .find(|session| session.keys.checks(&parts, &message.check))
        else {
            return false;
        };
        if let Some(key) = session.group_key(message) {
            self.keep_group(pair.0, key);
        }
        true
    }

    fn pairwise(&mut self, pair: Pair, message: &Message<'_>) {
        let chosen = match message.is_wrapped() {
            true => None,
            false => Chosen::read(message.data),
        };
        let pending = self.pending(pair);
        if message.has_nonce() {
            if message.is_authenticators() {
                pending.asked(message.nonce);
            } else {
                pending.answered(message.nonce, chosen);
            }
        }
        if !message.is_checked() {
            return;
        }
        let Some(session) = self.derive(pair, message) else {
            if message.is_authenticators()
                && message.packet().len() <= HELD_MAX
                && let Some(pending) = self.pending.get_mut(&pair)
            {
                pending.held = Some(message.packet().into());
            }
            return;
        };
        let held = self.pending.get_mut(&pair).and_then(|p| p.held.take());
        let earlier = held.as_deref().and_then(Message::read);
        for message in [Some(*message), earlier].into_iter().flatten() {
            let checked = session
                .keys
                .checks(&message.checked_parts(), &message.check);
            if let Some(key) = session.group_key(&message).filter(|_| checked) {
                self.keep_group(pair.0, key);
            }
        }
        self.keep(pair, session);
    }

    fn pending(&mut self, pair: Pair) -> &mut Pending {
        if !self.pending.contains_key(&pair) {
            if self.begun.len() >= PENDING_MAX
                && let Some(oldest) = self.begun.pop_front()
            {
                self.pending.remove(&oldest);
                self.limited = true;
            }
            self.begun.push_back(pair);
        }
        self.pending.entry(pair).or_default()
    }

    /// The key that a checked message proves, by every given one and every nonce that waits.
    fn derive(&mut self, pair: Pair, message: &Message<'_>) -> Option<Session> {
        let pending = self.pending.get(&pair)?;
        let parts = message.checked_parts();
        let addresses = [pair.0.0, pair.1.0];
        let mut foreign = pending.foreign;
        // The newest first; a message with a nonce speaks of its own.
        for (answer, chosen) in pending.answered.iter().rev() {
            if !message.is_authenticators() && message.has_nonce() && message.nonce != *answer {
                continue;
            }
            for asked in pending.asked.iter().rev() {
                if message.is_authenticators() && message.nonce != *asked {
                    continue;
                }
                let nonces = [*asked, *answer];
                let context = Context::new(addresses, nonces);
                let management = chosen.and_then(|c| c.management);
                let mut known = false;
                for suite in suites(message.version(), management) {
                    known = true;
                    let pairwise = chosen.and_then(|c| c.pairwise);
                    for ciphers in choices(pairwise, suite.method) {
                        let len = ciphers.iter().map(|c| c.key_len()).max().unwrap_or(32);
                        for given in self.given.iter() {
                            if self.tries >= TRIES_MAX {
                                self.limited = true;
                                return None;
                            }
                            let keys = Pairwise::derive(suite, given.shared(), &context, len);
                            if keys.checks(&parts, &message.check) {
                                return Some(Session {
                                    nonces,
                                    keys,
                                    ciphers,
                                    group: chosen.and_then(|c| c.group),
                                });
                            }
                            self.tries += 1;
                        }
                    }
                }
                foreign |= !known;
            }
        }
        if let Some(pending) = self.pending.get_mut(&pair) {
            pending.foreign = foreign;
        }
        None
    }

    fn keep(&mut self, pair: Pair, session: Session) {
        if !self.sessions.contains_key(&pair) && self.sessions.len() >= PAIRS_MAX {
            self.limited = true;
            return;
        }
        let sessions = self.sessions.entry(pair).or_default();
        if sessions.iter().any(|s| s.nonces == session.nonces) {
            return;
        }
        sessions.insert(0, session);
        sessions.truncate(SESSIONS_MAX);
    }

    fn keep_group(&mut self, sender: Mac, key: GroupKey) {
        if !self.groups.contains_key(&sender) && self.groups.len() >= PAIRS_MAX {
            self.limited = true;
            return;
        }
        let keys = self.groups.entry(sender).or_default();
        if keys.iter().any(|k| (k.id, &k.key) == (key.id, &key.key)) {
            return;
        }
        keys.insert(0, key);
        keys.truncate(SESSIONS_MAX);
    }

    /// Opens a frame into `room`.
    ///
    /// # Errors
    /// Why it stays protected.
    fn open(&self, frame: &Protected<'_>, room: &mut Vec<u8>) -> Result<(), LinkCause> {
        room.clear();
        if self.given.is_empty() {
            return Err(LinkCause::Protected);
        }
        let Some((header, sealed)) = frame.parts() else {
            return Err(LinkCause::ProtectedCut);
        };
        let vector = match Before::read(sealed) {
            Before::Vector(vector) => vector,
            Before::Weak => return Err(LinkCause::ProtectedByOldCipher),
            Before::Nothing => return Err(LinkCause::ProtectedCut),
        };
        let [r0, r1, r2, r3, r4, r5, t0, t1, t2, t3, t4, t5, ..] = header.addresses;
        let (receiver, transmitter) =
            (Mac([r0, r1, r2, r3, r4, r5]), Mac([t0, t1, t2, t3, t4, t5]));
        let body = sealed.get(VECTOR_LEN..).unwrap_or_default();
        let ends = [
            Some(body),
            body.len()
                .checked_sub(FCS_LEN)
                .and_then(|at| body.get(..at)),
        ];
        let mut opens = |key: &[u8], cipher: Cipher| {
            let mut ends = ends.into_iter().flatten();
            frame.cut() == 0 && ends.any(|body| header.open(cipher, key, &vector, body, room))
        };
        let failed = if frame.cut() > 0 {
            LinkCause::ProtectedCut
        } else {
            LinkCause::ProtectedCheckFails
        };
        if receiver.is_group() {
            let keys = self
                .groups
                .get(&transmitter)
                .ok_or(LinkCause::ProtectedToGroup)?;
            let mut keys = keys.iter().filter(|k| k.id == vector.key_id).peekable();
            if keys.peek().is_none() {
                return Err(LinkCause::ProtectedToGroup);
            }
            return match keys.any(|k| k.ciphers.iter().any(|c| opens(&k.key, *c))) {
                true => Ok(()),
                false => Err(failed),
            };
        }
        let pairs = [(transmitter, receiver), (receiver, transmitter)];
        let mut sessions = pairs
            .iter()
            .filter_map(|pair| self.sessions.get(pair))
            .flatten()
            .peekable();
        if sessions.peek().is_none() {
            let foreign = |pair| self.pending.get(pair).is_some_and(|p| p.foreign);
            return Err(if pairs.iter().any(foreign) {
                LinkCause::ProtectedByUnreadManagement
            } else {
                LinkCause::ProtectedWithoutHandshake
            });
        }
        match sessions.any(|s| s.ciphers.iter().any(|c| opens(s.keys.data_key(*c), *c))) {
            true => Ok(()),
            false => Err(failed),
        }
    }
}

/// The ciphers that a key may be for, by what was chosen; where the length goes into the key, those of
/// each length apart.
fn choices(pairwise: Option<u8>, method: Method) -> Vec<Vec<Cipher>> {
    let of_len = |len| {
        let of_len = CIPHERS.into_iter().filter(|c| c.key_len() == len);
        of_len.collect::<Vec<_>>()
    };
    match (pairwise, method) {
        // TKIP or another that is not opened has keys of 256 bits, for the check alone.
        (Some(chosen), _) => vec![Cipher::of(chosen).into_iter().collect()],
        (None, Method::Sha1) => vec![CIPHERS.to_vec()],
        (None, Method::Sha256) => vec![of_len(16), of_len(32)],
    }
}

impl Session {
    /// The group key in a message of this session.
    fn group_key(&self, message: &Message<'_>) -> Option<GroupKey> {
        if !message.is_wrapped() {
            return None;
        }
        let data = self.keys.unwrap(message.data)?;
        let (id, key) = group_key(&data)?;
        // What the access point itself says of its group wins.
        let group = Chosen::read(&data).and_then(|c| c.group).or(self.group);
        let fits = |c: &Cipher| c.key_len() == key.len();
        let ciphers = match group {
            Some(group) => Cipher::of(group).into_iter().filter(fits).collect(),
            None => CIPHERS.into_iter().filter(fits).collect(),
        };
        Some(GroupKey {
            id,
            key: Zeroizing::new(key.to_vec()),
            ciphers,
        })
    }
}

impl Pending {
    fn asked(&mut self, nonce: [u8; 32]) {
        if !self.asked.contains(&nonce) {
            if self.asked.len() >= NONCES_MAX {
                self.asked.remove(0);
            }
            self.asked.push(nonce);
        }
    }

    fn answered(&mut self, nonce: [u8; 32], chosen: Option<Chosen>) {
        match self.answered.iter_mut().find(|(have, _)| *have == nonce) {
            Some((_, have)) => *have = have.or(chosen),
            None => {
                if self.answered.len() >= NONCES_MAX {
                    self.answered.remove(0);
                }
                self.answered.push((nonce, chosen));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A message of a handshake: what it says of itself, its nonce, and data behind.
    fn message(info: u16, nonce: u8, data: usize) -> Vec<u8> {
        let mut out = vec![1, 3, 0, 0, 2];
        out.extend(info.to_be_bytes());
        out.extend([0; 10]);
        out.extend([nonce; 32]);
        out.extend([0; 48]);
        out.extend(u16::try_from(data).unwrap().to_be_bytes());
        out.resize(out.len() + data, 0);
        let length = u16::try_from(out.len() - 4).unwrap();
        out[2..4].copy_from_slice(&length.to_be_bytes());
        out
    }

    const PAIRWISE: u16 = 1 << 3;
    const ACK: u16 = 1 << 7;
    const CHECKED: u16 = 1 << 8;

    fn mac(n: usize) -> Mac {
        let [.., a, b] = n.to_be_bytes();
        Mac([2, 0, 0, 0, a, b])
    }

    fn opener() -> Opener {
        let key = WifiKey::of_hex(&"11".repeat(32)).unwrap();
        Opener::new([key].into())
    }

    fn hear(opener: &mut Opener, from: Mac, to: Mac, packet: &[u8]) {
        opener.hear(&KeyExchange {
            transmitter: from,
            receiver: to,
            packet,
        });
    }

    fn session(nonce: u8) -> Session {
        let suite = suites(2, None).next().unwrap();
        let nonces = [[nonce; 32], [0; 32]];
        let context = Context::new([[0; 6]; 2], nonces);
        Session {
            nonces,
            keys: Pairwise::derive(suite, &[7; 32], &context, 16),
            ciphers: Vec::new(),
            group: None,
        }
    }

    #[test]
    fn handshakes_under_way_are_bounded_and_that_is_told() {
        let mut opener = opener();
        let first = message(PAIRWISE | ACK | 2, 1, 0);
        for n in 0..PENDING_MAX {
            hear(&mut opener, mac(0), mac(1 + n), &first);
        }
        assert!(!opener.take_limited());
        hear(&mut opener, mac(0), mac(1 + PENDING_MAX), &first);
        assert!(opener.take_limited() && !opener.take_limited());
        assert_eq!(opener.pending.len(), PENDING_MAX);
        assert!(
            !opener.pending.contains_key(&(mac(0), mac(1))),
            "the oldest"
        );
        // Nonces of one handshake: the latest of either side.
        let pair = (mac(0), mac(9));
        for nonce in 1..20 {
            hear(
                &mut opener,
                pair.0,
                pair.1,
                &message(PAIRWISE | ACK | 2, nonce, 0),
            );
            hear(
                &mut opener,
                pair.1,
                pair.0,
                &message(PAIRWISE | 2, nonce, 0),
            );
        }
        let pending = opener.pending(pair);
        assert_eq!(pending.asked, [16, 17, 18, 19].map(|n| [n; 32]));
        assert_eq!(pending.answered.len(), NONCES_MAX);
        // A third message that is longer than any does not wait for its key.
        for (length, waits) in [(HELD_MAX, false), (100, true)] {
            let third = message(PAIRWISE | ACK | CHECKED | 2, 19, length);
            hear(&mut opener, pair.0, pair.1, &third);
            assert_eq!(opener.pending(pair).held.is_some(), waits);
        }
    }

    #[test]
    fn keys_that_are_tried_and_kept_are_bounded_and_that_is_told() {
        let mut opener = opener();
        opener.tries = TRIES_MAX - 1;
        let pair = (mac(0), mac(1));
        hear(
            &mut opener,
            pair.0,
            pair.1,
            &message(PAIRWISE | ACK | 2, 1, 0),
        );
        let second = message(PAIRWISE | CHECKED | 2, 2, 0);
        for _ in 0..3 {
            hear(&mut opener, pair.1, pair.0, &second);
        }
        assert!(opener.take_limited() && opener.tries == TRIES_MAX);

        for nonce in 0..10 {
            opener.keep(pair, session(nonce));
        }
        let nonces = opener
            .sessions
            .get(&pair)
            .map(|all| all.iter().map(|s| s.nonces[0][0]));
        assert_eq!(nonces.map(Iterator::collect), Some(vec![9, 8, 7, 6]));
        let key = |id| GroupKey {
            id,
            key: Zeroizing::new(vec![id; 16]),
            ciphers: Vec::new(),
        };
        for n in 1..PAIRS_MAX {
            opener.keep((mac(0), mac(1 + n)), session(1));
            opener.keep_group(mac(1 + n), key(1));
        }
        (0..10).for_each(|id| opener.keep_group(mac(1), key(id)));
        assert_eq!(opener.groups.get(&mac(1)).map(Vec::len), Some(SESSIONS_MAX));
        assert!(!opener.take_limited());
        opener.keep((mac(0), mac(1 + PAIRS_MAX)), session(1));
        assert!(opener.take_limited() && opener.sessions.len() == PAIRS_MAX);
        opener.keep_group(mac(1 + PAIRS_MAX), key(1));
        assert!(opener.take_limited() && opener.groups.len() == PAIRS_MAX);
    }
}
