//! The connections of QUIC that a key log opens: their ids, openers and streams, in whatever flow their packets go.

use crate::evidence::flow::Side;
use crate::observe::dissect::http3::Http3;
use crate::observe::dissect::quic::crypto_stream::CryptoStream;
use crate::observe::dissect::quic::version::{VERSION_2, VERSION_2_DRAFT};
use crate::observe::dissect::quic::{DOQ, DOQ_DRAFTS};
use crate::observe::dissect::{Session, dns};
use crate::observe::open::keylog::Keylog;
use crate::observe::open::quic::{LABELS_1, LABELS_2, Labels, Level, Opener, Why};
use foldhash::fast::RandomState;
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Ids by which connections are found from other flows, the latest ones.
const IDS_MAX: usize = 8192;
/// Ids of one end of a connection; peers allow each other two to eight at a time.
const OWN_IDS_MAX: usize = 32;
/// Packets in a row that do not open before the first one does: the secret is not theirs.
const IN_VAIN_MAX: u32 = 64;

/// Connections that are opened, in all flows of a series.
#[derive(Default)]
pub struct Connections {
    pub(super) index: Mutex<Index>,
}

#[derive(Default)]
pub(super) struct Index {
    known: HashMap<Box<[u8]>, (Shared, bool), RandomState>,
    oldest: VecDeque<Box<[u8]>>,
    /// Bit n: ids of n bytes are known.
    lengths: u32,
    pub(super) connections: u64,
}

pub(super) type Shared = Arc<Mutex<Connection>>;

pub(super) fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Index {
    /// From now on packets to `id` belong to the connection, and go to its server if that is said.
    pub(super) fn note(&mut self, id: &[u8], connection: &Shared, to_server: bool) {
        /// Shorter ones turn up by chance.
        const ID_MIN: usize = 4;
        if id.len() < ID_MIN {
            return;
        }
        let known = (Arc::clone(connection), to_server);
        if self.known.insert(id.into(), known).is_none() {
            self.lengths |= 1u32.checked_shl(id.len() as u32).unwrap_or(0);
            self.oldest.push_back(id.into());
        }
        if self.known.len() > IDS_MAX
            && let Some(oldest) = self.oldest.pop_front()
        {
            self.known.remove(&oldest);
        }
    }

    /// The connection of a packet with a short header, and whether it goes to the server.
    pub(super) fn of_short(&self, packet: &[u8]) -> Option<(Shared, bool)> {
        let behind = packet.get(1..)?;
        let lengths = (1..u32::BITS).rev();
        lengths
            .filter(|len| self.lengths >> len & 1 != 0)
            .filter_map(|len| self.known.get(behind.get(..len as usize)?))
            .map(|(connection, to_server)| (Arc::clone(connection), *to_server))
            .next()
    }
}

/// Who reads the streams of a connection.
#[derive(Clone)]
pub enum Reader {
    /// HTTP/3, with the side of the client.
    Http3(Http3, Side),
    /// A message of DNS with its length in front (RFC 9250 §4.2).
    Lookups,
    /// Recognition begins anew in each.
    Anything,
}

impl Reader {
    /// A reader for a stream of this number.
    pub fn open(&self, stream: u64) -> Option<Box<dyn Session>> {
        match self {
            Self::Http3(connection, client) => Some(connection.stream(stream, *client)),
            Self::Lookups => Some((dns::OVER_TCP.open)()),
            Self::Anything => None,
        }
    }
}

/// What is known of one connection.
pub(super) struct Connection {
    pub(super) number: u64,
    pub(super) random: [u8; 32],
    pub(super) version: u32,
    /// Ids that packets to the client and to the server go by.
    pub(super) to_client: Vec<Box<[u8]>>,
    pub(super) to_server: Vec<Box<[u8]>>,
    pub(super) openers: Vec<Try>,
    /// Application protocols that the client offered, and the server's choice.
    pub(super) offered: Vec<String>,
    pub(super) chosen: Option<String>,
    /// What the server said sealed of its handshake, as long as its certificate may come.
    pub(super) handshake: Option<CryptoStream>,
    pub(super) http3: Http3,
}

/// An opener of the packets of one end at one level.
pub(super) struct Try {
    level: Level,
    from_client: bool,
    labels: Labels,
    opener: Opener,
    /// It opened one.
    proven: bool,
    in_vain: u32,
}

impl Connection {
    fn labels(&self) -> [Labels; 2] {
        match self.version {
            VERSION_2 | VERSION_2_DRAFT => [LABELS_2, LABELS_1],
            _ => [LABELS_1, LABELS_2],
        }
    }

    /// Ids that packets of an end go by.
    pub(super) fn ids(&mut self, to_server: bool) -> &mut Vec<Box<[u8]>> {
        match to_server {
            true => &mut self.to_server,
            false => &mut self.to_client,
        }
    }

    pub(super) fn learn(&mut self, id: &[u8], to_server: bool) -> bool {
        let ids = self.ids(to_server);
        let new = ids.iter().all(|have| **have != *id);
        if new {
            if ids.len() >= OWN_IDS_MAX {
                ids.remove(0);
            }
            ids.push(id.into());
        }
        new
    }

    /// Opens a packet into `room`.
    pub(super) fn open(
        &mut self,
        log: &Keylog,
        (level, from_client): (Level, bool),
        packet: &[u8],
        number_at: usize,
        room: &mut Vec<u8>,
    ) -> Result<(), Why> {
        let mut why = Why::NoKey;
        // Versions differ in labels alone, and a client may begin in one and go on in the other (RFC 9369 §4): the tag tells.
        for labels in self.labels() {
            let is_it =
                |t: &Try| (t.level, t.from_client, t.labels) == (level, from_client, labels);
            let at = match self.openers.iter().position(is_it) {
                Some(at) => at,
                None => {
                    let of = (level, from_client);
                    self.openers.push(Try {
                        level,
                        from_client,
                        labels,
                        opener: Opener::new(log, &self.random, labels, of, None),
                        proven: false,
                        in_vain: 0,
                    });
                    self.openers.len().saturating_sub(1)
                }
            };
            let other = self.openers.iter().any(|t| {
                t.proven && (t.level, t.from_client) == (level, from_client) && t.labels != labels
            });
            let Some(attempt) = self.openers.get_mut(at) else {
                continue;
            };
            if other || (!attempt.proven && attempt.in_vain >= IN_VAIN_MAX) {
                why = why.max(if other { Why::NoKey } else { Why::Tag });
                continue;
            }
            match attempt.opener.open(packet, number_at, room) {
                Ok(_) => {
                    attempt.proven = true;
                    return Ok(());
                }
                Err(failed) => {
                    attempt.in_vain = attempt.in_vain.saturating_add(1);
                    why = why.max(failed);
                }
            }
        }
        room.clear();
        Err(why)
    }

    /// Who reads its streams.
    pub(super) fn reader(&self, client: Side) -> Reader {
        let offered = || self.offered.first().map(String::as_str);
        match self.chosen.as_deref().or_else(offered) {
            Some(p) if p == "h3" || p.starts_with("h3-") => {
                Reader::Http3(self.http3.clone(), client)
            }
            Some(p) if p == DOQ || p.starts_with(DOQ_DRAFTS) => Reader::Lookups,
            _ => Reader::Anything,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connection() -> Connection {
        Connection {
            number: 1,
            random: [7; 32],
            version: 1,
            to_client: Vec::new(),
            to_server: Vec::new(),
            openers: Vec::new(),
            offered: Vec::new(),
            chosen: None,
            http3: Http3::default(),
            handshake: Default::default(),
        }
    }

    #[test]
    fn the_latest_ids_are_known() {
        let shared: Shared = Arc::new(Mutex::new(connection()));
        let mut index = Index::default();
        let id = |n: usize| (n as u64 | 1 << 40).to_be_bytes();
        (0..=IDS_MAX).for_each(|n| index.note(&id(n), &shared, true));
        let short = |n| [&[0x40], &id(n)[..], b"rest"].concat();
        assert!(index.of_short(&short(0)).is_none());
        assert!(index.of_short(&short(1)).is_some() && index.of_short(&short(IDS_MAX)).is_some());
        let mut own = connection();
        (0..=OWN_IDS_MAX).for_each(|n| assert!(own.learn(&id(n), true)));
        assert_eq!(own.to_server.len(), OWN_IDS_MAX);
        assert!(own.learn(&id(0), true) && !own.learn(&id(5), true));
    }

    #[test]
    fn a_secret_that_opens_nothing_is_given_up() {
        let (random, secret) = ("07".repeat(32), "11".repeat(32));
        let line = format!("CLIENT_TRAFFIC_SECRET_0 {random} {secret}");
        let mut log = Keylog::default();
        log.read(&mut line.as_bytes()).unwrap();
        assert_eq!(log.len(), 1);
        let (mut connection, mut room) = (connection(), Vec::new());
        for _ in 0..2 * IN_VAIN_MAX {
            let packet = [0x40; 80];
            let opened = connection.open(&log, (Level::Traffic, true), &packet, 9, &mut room);
            assert!(opened.is_err() && room.is_empty());
        }
        let tries: Vec<u32> = connection.openers.iter().map(|t| t.in_vain).collect();
        assert_eq!(tries, [IN_VAIN_MAX; 2]);
    }
}
