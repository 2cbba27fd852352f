//! Records of DTLS 1.2 and 1.0 with logged secrets (RFC 6347, RFC 4347).
//!
//! Records come in any order and say their number themselves, so that nothing but their tag or check is needed: what is lost
//! costs itself alone. The epoch says which handshake's keys they are under; epoch 0 is in clear. Connection ids (RFC 9146) and
//! DTLS 1.3 have other records and are not opened.

use super::keylog::{Keylog, Label};
use super::tls::opener::{Agreed, Side, Why};
use super::tls::protection::{Record, open_12};
use super::tls::schedule::{Keys, Version, of_master};
use super::tls::suite::{Cipher, suite_of};

/// Type, version, epoch and number, length (RFC 6347 §4.1).
pub const HEADER_LEN: usize = 13;
/// Secrets of one session that are tried.
const SECRETS_MAX: usize = 4;
/// Handshakes of one connection whose keys are kept: renegotiations are rare, and each has an epoch.
const EPOCHS_MAX: usize = 8;

/// A record as it is in a datagram.
#[derive(Debug, Clone, Copy)]
pub struct DtlsRecord<'a> {
    /// Type, version, fragment.
    pub record: Record<'a>,
    /// Epoch and number.
    pub number: [u8; 8],
}

impl<'a> DtlsRecord<'a> {
    /// The first record of a datagram, and what stands behind it; `None` unless it is whole.
    pub fn read(datagram: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let (header, rest) = datagram.split_first_chunk::<HEADER_LEN>()?;
        let &[kind, v0, v1, a, b, c, d, e, f, g, h, high, low] = header;
        let (fragment, rest) =
            rest.split_at_checked(usize::from(u16::from_be_bytes([high, low])))?;
        let record = Record {
            kind,
            version: [v0, v1],
            fragment,
        };
        let number = [a, b, c, d, e, f, g, h];
        Some((Self { record, number }, rest))
    }

    fn epoch(&self) -> usize {
        let [high, low, ..] = self.number;
        usize::from(u16::from_be_bytes([high, low]))
    }
}

/// Keys of an epoch, one set for each secret that may be meant.
struct Epoch {
    cipher: Cipher,
    encrypt_then_mac: bool,
    keys: Vec<Keys>,
    why: Why,
}

/// One direction.
#[derive(Default)]
pub struct Opener {
    /// From epoch 1 on.
    epochs: Vec<Epoch>,
}

impl Opener {
    /// The hellos of a handshake: its keys are those of the next epoch.
    pub fn agreed(&mut self, log: &Keylog, agreed: &Agreed, side: Side) {
        if self.epochs.len() >= EPOCHS_MAX {
            return;
        }
        let version = match agreed.version {
            0xfefd => Some(Version::Tls12),
            0xfeff => Some(Version::Tls11),
            _ => None,
        };
        let known = suite_of(agreed.suite)
            .filter(|_| !agreed.compressed)
            .zip(version);
        let Some((suite, version)) = known else {
            self.epochs.push(Epoch {
                cipher: Cipher::ChaCha,
                encrypt_then_mac: false,
                keys: Vec::new(),
                why: Why::Unsupported,
            });
            return;
        };
        let masters = log.secrets(&agreed.client, Label::Master).take(SECRETS_MAX);
        let keys = masters.map(|master| {
            let [client, server] =
                of_master(version, &suite, master, &agreed.client, &agreed.server);
            match side {
                Side::Client => client,
                Side::Server => server,
            }
        });
        self.epochs.push(Epoch {
            cipher: suite.cipher,
            encrypt_then_mac: agreed.encrypt_then_mac,
            keys: keys.collect(),
            why: Why::NoKey,
        });
    }

    /// Opens a record into `room`; its type.
    ///
    /// # Errors
    /// Why it stays sealed; then nothing is in `room`.
    pub fn open(&mut self, record: &DtlsRecord<'_>, room: &mut Vec<u8>) -> Result<u8, Why> {
        room.clear();
        let Some(index) = record.epoch().checked_sub(1) else {
            room.extend_from_slice(record.record.fragment);
            return Ok(record.record.kind);
        };
        let epoch = self.epochs.get_mut(index).ok_or(Why::NoKey)?;
        if epoch.keys.is_empty() {
            return Err(epoch.why);
        }
        let how = (None, epoch.encrypt_then_mac);
        for at in 0..epoch.keys.len() {
            let Some(keys) = epoch.keys.get(at) else {
                break;
            };
            if open_12(epoch.cipher, keys, record.number, &record.record, how, room).is_some() {
                epoch.keys.swap(0, at);
                epoch.keys.truncate(1);
                return Ok(record.record.kind);
            }
        }
        room.clear();
        Err(Why::Tag)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SESSIONS: &str = include_str!(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/fixtures/open/dtls.txt"
    ));

    fn hex(text: &str) -> Vec<u8> {
        let pair = |p: &[u8]| u8::from_str_radix(std::str::from_utf8(p).unwrap(), 16).unwrap();
        text.as_bytes().chunks(2).map(pair).collect()
    }

    /// The hello in the first record of its kind with this type of message.
    fn hello(datagrams: &[Vec<u8>], kind: u8, last: bool) -> Vec<u8> {
        let mut found = Vec::new();
        for datagram in datagrams {
            let (record, _) = DtlsRecord::read(datagram).unwrap();
            if record.record.kind == 22
                && record.record.fragment[0] == kind
                && (found.is_empty() || last)
            {
                found = record.record.fragment[12..].to_vec();
            }
        }
        found
    }

    #[test]
    fn sessions_of_openssl_give_what_was_said_in_any_order() {
        let mut met = 0;
        for session in SESSIONS.split("case ").skip(1) {
            let mut lines = session.lines();
            let title = lines.next().unwrap();
            let (mut log, mut wire) = (String::new(), [Vec::new(), Vec::new()]);
            for line in lines {
                match line.split_once(' ').unwrap() {
                    ("c", data) => wire[0].push(hex(data)),
                    ("s", data) => wire[1].push(hex(data)),
                    _ => log.push_str(&format!("{line}\n")),
                }
            }
            let mut keys = Keylog::default();
            keys.read(&mut log.as_bytes()).unwrap();
            let (client, server) = (hello(&wire[0], 1, true), hello(&wire[1], 2, false));
            let behind_id = 35 + usize::from(server[34]);
            let agreed = Agreed {
                client: client[2..34].try_into().unwrap(),
                server: server[2..34].try_into().unwrap(),
                version: u16::from_be_bytes([server[0], server[1]]),
                suite: u16::from_be_bytes([server[behind_id], server[behind_id + 1]]),
                encrypt_then_mac: server[behind_id + 3..]
                    .windows(4)
                    .any(|w| w == [0, 22, 0, 0]),
                compressed: false,
            };
            for (side, at) in [(Side::Client, 0), (Side::Server, 1)] {
                let mut opener = Opener::default();
                opener.agreed(&keys, &agreed, side);
                let mut none = Opener::default();
                none.agreed(&Keylog::default(), &agreed, side);
                let mut got = Vec::new();
                let mut room = Vec::new();
                for datagram in wire[at].iter().rev() {
                    let mut rest = datagram.as_slice();
                    while let Some((record, behind)) = DtlsRecord::read(rest) {
                        let sealed = record.epoch() > 0;
                        assert_eq!(none.open(&record, &mut room).is_err(), sealed);
                        let kind = opener
                            .open(&record, &mut room)
                            .unwrap_or_else(|why| panic!("{title} {why:?} {agreed:x?}"));
                        if kind == 23 {
                            got.extend_from_slice(&room);
                        }
                        if sealed {
                            let mut bad = record;
                            bad.number[7] ^= 1;
                            assert_eq!(opener.open(&bad, &mut room), Err(Why::Tag));
                            assert!(room.is_empty());
                        }
                        rest = behind;
                    }
                }
                let said: &[u8] = if at == 0 {
                    b"a drone reports its position\n"
                } else {
                    b""
                };
                assert_eq!(got, said, "{title}");
            }
            met += 1;
        }
        assert!(met >= 5, "{met}");
    }

    #[test]
    fn handshakes_and_secrets_of_a_connection_are_bounded() {
        let secret = |n: u8| {
            format!(
                "CLIENT_RANDOM {} {}\n",
                "07".repeat(32),
                format!("{n:02x}").repeat(48)
            )
        };
        let text: String = (0..10).map(secret).collect();
        let mut keys = Keylog::default();
        keys.read(&mut text.as_bytes()).unwrap();
        let mut agreed = Agreed {
            client: [7; 32],
            server: [8; 32],
            version: 0xfefd,
            suite: 0xc02f,
            encrypt_then_mac: false,
            compressed: false,
        };
        let mut opener = Opener::default();
        for suite in [0xc02f, 0].into_iter().cycle().take(2 * EPOCHS_MAX) {
            agreed.suite = suite;
            opener.agreed(&keys, &agreed, Side::Client);
        }
        assert_eq!(opener.epochs.len(), EPOCHS_MAX);
        assert_eq!(opener.epochs[0].keys.len(), SECRETS_MAX);
    }
}
