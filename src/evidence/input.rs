//! What an input turned out to be: its interfaces, who recorded it, what it says about itself.

use crate::ground::cause::RecorderSays;
use crate::ground::moment::Timestamp;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;

/// Bytes of TLS key log kept per input. A secret takes about 180 bytes: some 90 000 sessions.
pub const KEY_LOG_MAX: usize = 16 << 20;

/// What a reader of the report should know of a file, and that is no gap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Remark {
    /// So many recordings follow one another in it, the second behind this packet.
    Joined(u64, u64),
    /// So many packets name a process that it does not describe.
    ProcessesMissing(u64),
    /// Its records have headers of so many bytes, against its first bytes.
    RecordHeaders(usize),
    /// Blocks with app names are of a version that is not known.
    AppNamesOfLaterVersion,
    /// A block with names of addresses is too long to be looked into.
    NamesTooLong,
    /// Lost packets were counted by messages beside it.
    CountersBeside(RecorderSays),
    /// The messages of this name count another number of packets than the so many of the file.
    CountersOfAnother(Box<str>, u64),
}

/// An interface of a capture; a classic pcap has exactly one.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Interface {
    /// LINKTYPE value (IANA "PCAP LINKTYPE" registry); `None` when a packet names no known interface.
    pub link_type: Option<u16>,
    /// The name of the link type; it is not known before the packets were read.
    pub link_name: Cow<'static, str>,
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
    pub(crate) fn begin(&mut self) {
        if self.text.last().is_some_and(|&b| b != b'\n') {
            self.push(b"\n");
        }
    }

    /// Appends text up to the bound, and then never again: no line is torn, none put together.
    pub(crate) fn push(&mut self, text: &[u8]) {
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
    /// Packets lost by the counters of a text beside the file (see [`crate::observe::capture::sidecar`]).
    pub dropped_beside: Option<u64>,
    /// Packet records read.
    pub packets: u64,
    /// First packet in file order.
    pub first: Timestamp,
    /// Last packet in file order.
    pub last: Timestamp,
    /// The earliest packet in file order whose time is known, and the latest time of all: what the input covers.
    pub span: (Timestamp, Timestamp),
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
    /// What a reader of the report should know of the file, and that is no gap.
    pub remarks: Vec<Remark>,
}

impl InputFacts {
    /// Packets lost by the capture's own counters, in the file or beside it, if there are any.
    pub fn dropped(&self) -> Option<u64> {
        let counted = self.interfaces.iter().filter_map(|i| i.dropped);
        // Both count the same packets.
        counted.reduce(u64::saturating_add).max(self.dropped_beside)
    }
}

#[cfg(test)]
impl InputFacts {
    /// An input by hand, for tests of what judges: nothing is known of it but when it began.
    pub(crate) fn by_hand(first: Timestamp) -> Self {
        Self {
            name: "by-hand.pcap".into(),
            path: PathBuf::new(),
            sha256: None,
            bytes: 0,
            format: "pcap".into(),
            interfaces: Vec::new(),
            dropped_beside: None,
            packets: 0,
            first,
            last: first,
            span: (first, first),
            digits: 6,
            truncated: 0,
            damaged: false,
            recorders: BTreeSet::new(),
            uid_names: BTreeMap::new(),
            secrets: Secrets::default(),
            hints: Hints::default(),
            remarks: Vec::new(),
        }
    }
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
}
