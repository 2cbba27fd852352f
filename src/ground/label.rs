//! What captures say about the program behind a packet.
//!
//! Labels are written by the recording tool on the device: PCAPdroid (trailer, custom block,
//! comment), PKTAP and Darwin process blocks, pymobiledevice3 comments, NFLOG, process ids of
//! pcapng. They outrank every name. A label is lent with its frame; whoever keeps it interns it.
//!
//! Says what the capture wrote, and nothing about whether that is the app under audit.

use crate::vocabulary;

vocabulary! {
    /// Which mechanism wrote the label.
    "source of a label" pub enum LabelSource {
        /// The trailer behind each packet that PCAPdroid writes into pcap files.
        PcapdroidTrailer = "pcapdroid-trailer",
        /// The comment `u-<uid>` of PCAPdroid, its names from the custom block of the same file.
        PcapdroidComment = "pcapdroid-comment",
        /// The PKTAP header of Darwin.
        Pktap = "pktap",
        /// Process-information blocks of Darwin's pcapng.
        DarwinProcess = "darwin-process",
        /// The comment of pymobiledevice3.
        Pymobiledevice3 = "pymobiledevice3",
        /// The uid and gid attributes of Linux NFLOG.
        Nflog = "nflog",
        /// The process and thread id option of pcapng.
        ProcessId = "process-id",
    }
}

/// A process as a capture names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Process<'a> {
    /// Process id.
    pub pid: Option<u32>,
    /// Process, package or app name as written, without padding; not always UTF-8.
    pub name: Option<&'a [u8]>,
    /// The name filled its field: the format may have cut it short.
    pub cut: bool,
}

impl Process<'_> {
    /// True when it names nothing at all.
    pub fn is_empty(&self) -> bool {
        self.pid.is_none() && self.name.is_none()
    }
}

/// The label of one packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Label<'a> {
    /// Who wrote it.
    pub source: LabelSource,
    /// User id of the socket's owner. On Android, each app has its own.
    pub uid: Option<u32>,
    /// Group id.
    pub gid: Option<u32>,
    /// The process that owns the socket.
    pub process: Process<'a>,
    /// The process on whose behalf it acts, if the capture names one.
    pub effective: Process<'a>,
}

impl Label<'_> {
    /// A label that says nothing yet.
    pub fn of(source: LabelSource) -> Self {
        Self {
            source,
            uid: None,
            gid: None,
            process: Process::default(),
            effective: Process::default(),
        }
    }

    /// Of two labels of one packet the one that says more: the acting process, a name, a user.
    #[must_use]
    pub fn fuller(self, other: Self) -> Self {
        let said = |l: &Self| {
            (
                l.effective.name.is_some(),
                l.process.name.is_some(),
                l.uid.is_some(),
            )
        };
        if said(&other) > said(&self) {
            other
        } else {
            self
        }
    }

    /// True when it names nothing: no label at all.
    pub fn is_empty(&self) -> bool {
        self.uid.is_none()
            && self.gid.is_none()
            && self.process.is_empty()
            && self.effective.is_empty()
    }
}
