//! What an input turned out to be: its interfaces, who recorded it, what it says about itself.

use crate::evidence::Timestamp;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::path::PathBuf;

/// Interfaces that one input may describe in all its sections and files together; an honest one
/// has a few dozen. Beyond that, only descriptions already known are taken.
pub(super) const INTERFACES_MAX: usize = 4096;

/// Bytes kept of a text in which a capture describes itself; an option can hold 64 KiB.
pub(super) const TEXT_MAX: usize = 1024;

/// Different recorders that are kept: a file joined from more says no more about itself.
const RECORDERS_MAX: usize = 64;

/// Names of user ids kept per input; a phone has a few hundred apps.
const UID_NAMES_MAX: usize = 16_384;

/// Bytes of TLS key log kept per input. A secret takes about 180 bytes: some 90 000 sessions.
pub const KEY_LOG_MAX: usize = 16 << 20;

/// Sentences kept about an input.
const NOTES_MAX: usize = 32;

/// An interface of a capture; a classic pcap has exactly one.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Interface {
    /// LINKTYPE value (IANA "PCAP LINKTYPE" registry); `None` when a packet names no known interface.
    pub link_type: Option<u16>,
    /// Bytes of frame check sequence at the end of every packet.
    pub fcs_len: u8,
    /// Digits of the fraction of a second that its clock writes.
    pub digits: u8,
    /// Packets lost by its own counters, if it keeps any.
    pub dropped: Option<u64>,
    /// Name on the capturing machine (pcapng `if_name`), such as `wlan0`.
    pub name: Option<String>,
    /// Description (pcapng `if_description`).
    pub description: Option<String>,
    /// The capture filter that the file records for it.
    pub filter: Option<String>,
    /// The most bytes it kept of a packet; 0 when it states no limit.
    pub snaplen: u32,
    /// Operating system of the machine it is on (pcapng `if_os`).
    pub os: Option<String>,
    /// The hardware (pcapng `if_hardware`).
    pub hardware: Option<String>,
}

/// The interfaces of an input, in the order of the file, in bounded memory.
#[derive(Default)]
pub(super) struct Interfaces {
    list: Vec<Interface>,
    unknown: Option<u32>,
    /// Where each description stands; only filled once the list is full.
    known: HashMap<Interface, u32>,
}

impl Interfaces {
    pub(super) fn as_slice(&self) -> &[Interface] {
        &self.list
    }

    pub(super) fn into_vec(self) -> Vec<Interface> {
        self.list
    }

    pub(super) fn get(&self, index: u32) -> Option<&Interface> {
        self.list.get(index as usize)
    }

    /// Appends an interface; `None` when there are too many and none of them is like this one.
    pub(super) fn add(&mut self, interface: Interface) -> Option<u32> {
        if self.list.len() < INTERFACES_MAX {
            self.list.push(interface);
            return u32::try_from(self.list.len() - 1).ok();
        }
        if self.known.is_empty() {
            let described = (0u32..).zip(&self.list).map(|(at, i)| {
                let bare = Interface {
                    dropped: None,
                    ..i.clone()
                };
                (bare, at)
            });
            self.known = described.collect();
        }
        self.known.get(&interface).copied()
    }

    /// The stand-in for packets whose interface is not described: one per input, read by nobody.
    pub(super) fn unknown(&mut self) -> u32 {
        match self.unknown {
            Some(at) => at,
            None => {
                let at = u32::try_from(self.list.len()).unwrap_or(u32::MAX);
                self.list.push(Interface::default());
                *self.unknown.insert(at)
            }
        }
    }

    /// Counts packets that the interface lost; zero says that it counts them.
    pub(super) fn lost(&mut self, index: u32, more: u64) {
        if let Some(i) = self.list.get_mut(index as usize) {
            i.dropped = Some(i.dropped.unwrap_or(0).saturating_add(more));
        }
    }

    /// How texts call an interface: by its name, else by its place in the file.
    pub(super) fn title(&self, index: u32) -> String {
        match self.get(index).and_then(|i| i.name.as_deref()) {
            Some(name) => format!("interface {name}"),
            None => format!("interface {index}"),
        }
    }
}

/// Who recorded (or rewrote) a section of a pcapng, by its own words.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Recorder {
    /// The hardware (`shb_hardware`).
    pub hardware: Option<String>,
    /// The operating system (`shb_os`).
    pub os: Option<String>,
    /// The program (`shb_userappl`), such as `PCAPdroid v1.7.5`.
    pub application: Option<String>,
}

/// What PCAPdroid calls the owner of a user id.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UidName {
    /// Package name, such as `dji.go.v5`; empty when it is not known.
    pub package: String,
    /// The name that the user sees; empty when it is not known.
    pub app: String,
}

/// Secrets of pcapng's Decryption Secrets Blocks, by kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SecretsKind {
    /// TLS and QUIC secrets in SSLKEYLOGFILE format.
    TlsKeyLog,
    /// SSH session keys.
    SshKeyLog,
    /// WireGuard keys.
    WireGuardKeyLog,
    /// ZigBee network key.
    ZigbeeNetworkKey,
    /// ZigBee application link key.
    ZigbeeLinkKey,
    /// OPC UA keys.
    OpcUaKeyLog,
    /// Any other kind.
    Other,
}

/// How many secrets of a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SecretsCount {
    /// Blocks.
    pub blocks: u64,
    /// Bytes of secrets in them.
    pub bytes: u64,
}

/// The TLS key log that a pcapng carries, at most [`KEY_LOG_MAX`] bytes of it.
///
/// It opens recorded sessions, so it is shown by nothing, not even by `Debug`.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct KeyLog {
    text: Vec<u8>,
    cut: bool,
}

impl KeyLog {
    /// The text, in SSLKEYLOGFILE format; blocks are separated by a line end.
    pub fn text(&self) -> &[u8] {
        &self.text
    }

    /// False when there was more than is kept.
    pub fn is_whole(&self) -> bool {
        !self.cut
    }

    /// Opens the text of another block.
    pub(super) fn begin(&mut self) {
        if self.text.last().is_some_and(|&b| b != b'\n') {
            self.push(b"\n");
        }
    }

    /// Appends text up to the bound, and then never again: no line is torn, none put together.
    pub(super) fn push(&mut self, text: &[u8]) {
        if self.cut {
            return;
        }
        let room = KEY_LOG_MAX - self.text.len();
        self.cut = text.len() > room;
        self.text
            .extend_from_slice(text.get(..room).unwrap_or(text));
        if self.cut {
            let whole = self.text.iter().rposition(|&b| b == b'\n');
            self.text.truncate(whole.map_or(0, |end| end + 1));
        }
    }
}

impl fmt::Debug for KeyLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyLog")
            .field("bytes", &self.text.len())
            .field("cut", &self.cut)
            .finish()
    }
}

/// The secrets of an input.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Secrets {
    /// How many there are of each kind.
    pub counts: BTreeMap<SecretsKind, SecretsCount>,
    /// The TLS key log.
    pub tls: KeyLog,
}

/// What the recording machine believed, which is evidence of nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Hints {
    /// Names of addresses in Name Resolution Blocks.
    pub names: u64,
}

/// What a file says beside its packets, as it is collected.
#[derive(Debug, Default)]
pub(super) struct Collected {
    pub(super) recorders: BTreeSet<Recorder>,
    pub(super) uid_names: BTreeMap<u32, BTreeSet<UidName>>,
    uid_name_count: usize,
    pub(super) secrets: Secrets,
    pub(super) hints: Hints,
    pub(super) notes: Vec<String>,
    /// Blocks beside the packets, where somebody copies them.
    pub(super) kept: Option<super::raw::Kept>,
    /// Files or sections that begin behind others, and the packet that the first of them follows.
    joints: u64,
    first_joint: u64,
}

impl Collected {
    /// Keeps a block beside the packets, where somebody copies them.
    pub(super) fn keep(&mut self, kind: super::raw::BesideKind, big: bool, block: &[u8]) {
        if let Some(kept) = &mut self.kept {
            kept.add(kind, big, block);
        }
    }

    /// Another recording begins behind packet number `packet`.
    pub(super) fn joined(&mut self, packet: u64) {
        if self.joints == 0 {
            self.first_joint = packet;
        }
        self.joints = self.joints.saturating_add(1);
    }

    /// Says that recordings follow one another, once all are known.
    pub(super) fn tell_joined(&mut self) {
        if self.joints > 0 {
            self.note(format!(
                "{} recordings follow one another in this file, the second behind packet {}: they are read as one.",
                self.joints.saturating_add(1),
                self.first_joint
            ));
        }
    }

    /// Says that packets name processes which the file does not describe.
    pub(super) fn nameless(&mut self, packets: u64) {
        if packets > 0 {
            self.note(format!(
                "{packets} packets name a process that the file does not describe: they carry no label."
            ));
        }
    }

    pub(super) fn recorder(&mut self, recorder: Recorder) {
        if recorder != Recorder::default() && self.recorders.len() < RECORDERS_MAX {
            self.recorders.insert(recorder);
        }
    }

    /// False when there is no room for it.
    pub(super) fn uid_name(&mut self, uid: u32, name: UidName) -> bool {
        let known = self.uid_names.get(&uid).is_some_and(|n| n.contains(&name));
        if known {
            return true;
        }
        if self.uid_name_count >= UID_NAMES_MAX {
            return false;
        }
        self.uid_name_count += 1;
        self.uid_names.entry(uid).or_default().insert(name);
        true
    }

    /// A sentence about the input for its reader, once.
    pub(super) fn note(&mut self, sentence: String) {
        if self.notes.len() < NOTES_MAX && !self.notes.contains(&sentence) {
            self.notes.push(sentence);
        }
    }
}

/// What a whole input turned out to be, once read to its end.
#[derive(Debug, Clone)]
pub struct InputFacts {
    /// The file name alone, so that machines agree; `-` for standard input.
    pub name: String,
    /// The path as it was given.
    pub path: PathBuf,
    /// SHA-256 of the file as it lies on disk; `None` with `--no-hash`.
    pub sha256: Option<String>,
    /// Size of the file in bytes.
    pub bytes: u64,
    /// `pcap` or `pcapng` (the first, where several follow one another), with `+gzip`, `+zstd`,
    /// `+lz4` or `+xz`.
    pub format: String,
    /// Interfaces in the order of the file.
    pub interfaces: Vec<Interface>,
    /// Packets lost by the counters of a text beside the file (see [`super::sidecar`]).
    pub dropped_beside: Option<u64>,
    /// Packet records read.
    pub packets: u64,
    /// First packet in file order.
    pub first: Timestamp,
    /// Last packet in file order.
    pub last: Timestamp,
    /// Digits of the fraction of a second: the finest of its interfaces.
    pub digits: u8,
    /// Packets whose captured bytes are fewer than their length on the wire.
    pub truncated: u64,
    /// Records or blocks that cannot be right, or a stream that broke off.
    pub damaged: bool,
    /// Who recorded it, by its own words.
    pub recorders: BTreeSet<Recorder>,
    /// Apps behind the user ids that packets are labelled with; several packages can share an id.
    /// The block with a name may lie behind the packets.
    pub uid_names: BTreeMap<u32, BTreeSet<UidName>>,
    /// Secrets that the file carries.
    pub secrets: Secrets,
    /// What the recording machine believed.
    pub hints: Hints,
    /// Sentences about the file that a reader of the report should know, and that are no gap.
    pub notes: Vec<String>,
}

impl InputFacts {
    /// Packets lost by the capture's own counters, in the file or beside it, if there are any.
    pub fn dropped(&self) -> Option<u64> {
        let counted = self.interfaces.iter().filter_map(|i| i.dropped);
        // Both count the same packets.
        counted.reduce(u64::saturating_add).max(self.dropped_beside)
    }
}

/// Text of an option, without padding, at most [`TEXT_MAX`] bytes of it; `None` when it is empty.
pub(super) fn text(bytes: &[u8]) -> Option<String> {
    let bytes = bytes.get(..TEXT_MAX).unwrap_or(bytes);
    let text = String::from_utf8_lossy(bytes);
    let text = text.trim_end_matches('\0');
    (!text.trim().is_empty()).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_log_is_bounded_joined_and_shown_by_nothing() {
        let mut log = KeyLog::default();
        for text in [&b"CLIENT_RANDOM a b"[..], b"CLIENT_RANDOM c d\n", b"x"] {
            log.begin();
            log.push(text);
        }
        assert_eq!(log.text(), b"CLIENT_RANDOM a b\nCLIENT_RANDOM c d\nx");
        assert_eq!(format!("{log:?}"), "KeyLog { bytes: 37, cut: false }");
        log.begin();
        log.push(&vec![b'k'; KEY_LOG_MAX]);
        log.begin();
        log.push(b"late");
        assert_eq!(log.text(), b"CLIENT_RANDOM a b\nCLIENT_RANDOM c d\nx\n");
        assert!(!log.is_whole());
    }

    #[test]
    fn a_full_list_takes_only_what_it_knows() {
        let mut interfaces = Interfaces::default();
        let of = |snaplen| Interface {
            link_type: Some(1),
            snaplen,
            ..Interface::default()
        };
        for snaplen in (0u32..).take(INTERFACES_MAX) {
            assert_eq!(interfaces.add(of(snaplen)), Some(snaplen));
        }
        interfaces.lost(7, 3);
        assert_eq!(interfaces.add(of(7)), Some(7));
        assert_eq!(interfaces.add(of(1 << 30)), None);
        let unknown = interfaces.unknown();
        assert_eq!(
            (unknown as usize, interfaces.unknown()),
            (INTERFACES_MAX, unknown)
        );
        assert_eq!(interfaces.add(Interface::default()), None);
    }
}
