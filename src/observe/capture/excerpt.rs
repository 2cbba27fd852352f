//! Writing pcapng (draft-ietf-opsawg-pcapng): some packets of captures, as they stand there, each
//! with a comment that says why it is here and which packet it was.
//!
//! Of a pcapng a packet block keeps its interface, its time in the ticks of that interface, its bytes
//! and its options, in the byte order of its section; so do sections and interfaces, and the
//! blocks that labels refer to. A pcap becomes a section with one interface. The time of a
//! packet is never computed anew.
//!
//! Left out, because they would be wrong of an excerpt: counters of lost packets (statistics, drop
//! counts in packet blocks); because nobody judged by them: names of addresses, journals, the
//! blocks of strangers, and options that ask not to be copied (§3.5.1). Secrets are taken along only
//! where it was asked for, and then those of the sessions whose hellos are among the packets. A Simple Packet Block has no room for a comment and gets none.

use super::pcapng::options::{OPT_COMMENT, Opt, Options, half, word};
use super::raw::{Beside, BesideKind, Raw};
use crate::evidence::input::Interface;
use crate::ground::moment::Timestamp;
use crate::observe::open::keylog::lines_of;
use std::collections::BTreeSet;
use std::io::{self, Write};
use zeroize::Zeroizing;

/// How the name of the writing program begins: the reader knows excerpts by it.
pub(super) const PROGRAM: &str = "drone-audit";

const SHB: u32 = 0x0a0d_0d0a;
const IDB: u32 = 1;
const OBSOLETE: u32 = 2;
const SIMPLE: u32 = 3;
const ENHANCED: u32 = 6;
const SECRETS: u32 = 10;
const PROCESS: u32 = 0x8000_0001;

/// Type of secrets that are a key log of TLS (§4.7), and the bytes in front of it in their block.
const TLS_KEY_LOG: u32 = 0x544c_534b;
const SECRETS_FIXED: usize = 8;

const SHB_HARDWARE: u16 = 2;
const SHB_OS: u16 = 3;
const SHB_USERAPPL: u16 = 4;
const IF_TSRESOL: u16 = 9;
const IF_FCSLEN: u16 = 13;
const EPB_DROPCOUNT: u16 = 4;
/// Custom options that are not to be copied into another file (§3.5.1).
const CUSTOM_ONCE: [u16; 2] = [0x4bac, 0x4bad];

/// Link type of the stand-in for an interface that cannot be read: a user's own (LINKTYPE_USER0).
const NO_LINK: u16 = 147;

/// The most that an option can hold.
const OPTION_MAX: usize = u16::MAX as usize;

/// Packets of captures on their way into a pcapng.
pub struct Excerpt<'w> {
    out: &'w mut dyn Write,
    /// Name and version of the writing program.
    program: String,
    /// Secrets of these sessions are taken along.
    sessions: Option<BTreeSet<[u8; 32]>>,
    /// Some that stand in no capture, until a section takes them.
    given: Option<Zeroizing<Vec<u8>>>,
    /// Secrets that were asked for and are too long to be copied.
    pub long_secrets: u64,
    /// Secrets of which it is not known whose they are.
    pub other_secrets: u64,
    /// What the sections of the input at hand say of themselves.
    note: String,
    section: Section,
    /// Blocks that hold for the whole input and wait for a section to stand in.
    loose: Vec<Beside>,
}

/// The section at hand.
#[derive(Default)]
struct Section {
    big: bool,
    /// Its header, for when a packet makes it needed.
    header: Vec<u8>,
    /// Its blocks so far.
    waiting: Vec<Vec<u8>>,
    /// It is in the output.
    open: bool,
    /// The interface of a pcap that it was made for.
    pcap: Option<u32>,
}

impl<'w> Excerpt<'w> {
    /// Begins an excerpt; of the secrets of the inputs those of these sessions are taken along, by the randoms of their hellos.
    pub fn new(out: &'w mut dyn Write, sessions: Option<BTreeSet<[u8; 32]>>) -> Self {
        Self {
            out,
            program: format!("{PROGRAM} {}", env!("CARGO_PKG_VERSION")),
            sessions,
            given: None,
            long_secrets: 0,
            other_secrets: 0,
            note: String::new(),
            section: Section::default(),
            loose: Vec::new(),
        }
    }

    /// Secrets to take along that stand in no capture, as lines of a key log.
    pub fn secrets(&mut self, lines: Zeroizing<Vec<u8>>) {
        self.given = Some(lines).filter(|lines| !lines.is_empty());
    }

    /// Another input begins; `note` becomes a comment of its sections.
    pub fn input(&mut self, note: String) {
        self.note = note;
        self.section = Section::default();
        self.loose.clear();
    }

    /// Takes what stood beside the packets.
    ///
    /// # Errors
    /// When the output cannot be written.
    pub fn beside(&mut self, blocks: Vec<Beside>) -> io::Result<()> {
        for beside in blocks {
            let Beside { kind, big, block } = &beside;
            let (big, body) = (*big, body(block));
            match kind {
                BesideKind::Section => {
                    self.section = Section {
                        big,
                        header: self.header(block, big),
                        ..Section::default()
                    };
                }
                BesideKind::Interface => self.place(interface(block, big))?,
                BesideKind::UnreadInterface => {
                    let mut stand_in = half_bytes(NO_LINK, big).to_vec();
                    stand_in.extend([0; 6]);
                    self.place(frame(IDB, &stand_in, big))?;
                }
                BesideKind::Process => self.place(frame(PROCESS, body, big))?,
                BesideKind::UnreadProcess => self.place(frame(PROCESS, &[], big))?,
                BesideKind::Secrets | BesideKind::LongSecrets if self.sessions.is_none() => {}
                BesideKind::LongSecrets => {
                    self.long_secrets = self.long_secrets.saturating_add(1);
                }
                BesideKind::Secrets if word(body, 0, big) != Some(TLS_KEY_LOG) => {
                    self.other_secrets = self.other_secrets.saturating_add(1);
                }
                BesideKind::Secrets | BesideKind::AppName => {
                    if self.section.open && self.section.big == big {
                        self.loose_block(&beside)?;
                    } else {
                        self.loose.push(beside);
                    }
                }
            }
        }
        Ok(())
    }

    /// Writes a packet of the input at hand. `interfaces` are those of the capture.
    ///
    /// # Errors
    /// When the output cannot be written.
    pub fn packet(
        &mut self,
        raw: &Raw<'_>,
        interfaces: &[Interface],
        comment: &str,
    ) -> io::Result<()> {
        match *raw {
            Raw::Pcap {
                interface,
                time,
                original_len,
                data,
            } => {
                let described = interfaces.get(interface as usize);
                if self.section.pcap != Some(interface) {
                    self.section = Section {
                        header: self.header(&[], false),
                        pcap: Some(interface),
                        ..Section::default()
                    };
                    self.place(described.map(of_pcap).unwrap_or_default())?;
                }
                self.open()?;
                let nanos = described.is_some_and(|i| i.digits > 6);
                self.out
                    .write_all(&enhanced(time, nanos, original_len, data, comment))
            }
            Raw::Pcapng { big, block } => {
                self.open()?;
                self.out.write_all(&again(block, big, comment))
            }
        }
    }

    /// A block of the section, which waits until a packet needs it.
    fn place(&mut self, block: Vec<u8>) -> io::Result<()> {
        if self.section.open {
            self.out.write_all(&block)
        } else {
            self.section.waiting.push(block);
            Ok(())
        }
    }

    fn open(&mut self) -> io::Result<()> {
        if self.section.open {
            return Ok(());
        }
        self.section.open = true;
        self.out.write_all(&self.section.header)?;
        for block in std::mem::take(&mut self.section.waiting) {
            self.out.write_all(&block)?;
        }
        let big = self.section.big;
        if let Some(lines) = self.given.take() {
            self.out.write_all(&secrets(&lines, big))?;
        }
        let loose = std::mem::take(&mut self.loose);
        let (now, later): (Vec<_>, Vec<_>) = loose.into_iter().partition(|b| b.big == big);
        self.loose = later;
        now.iter().try_for_each(|beside| self.loose_block(beside))
    }

    fn loose_block(&mut self, beside: &Beside) -> io::Result<()> {
        if beside.kind == BesideKind::Secrets {
            let body = body(&beside.block);
            let length = word(body, 4, beside.big).and_then(|n| usize::try_from(n).ok());
            let text = body.get(SECRETS_FIXED..).unwrap_or_default();
            let text = length.and_then(|n| text.get(..n)).unwrap_or(text);
            let lines = self.sessions.as_ref().map(|s| lines_of(text, s));
            return match lines.filter(|lines| !lines.is_empty()) {
                Some(lines) => self.out.write_all(&secrets(&lines, beside.big)),
                None => Ok(()),
            };
        }
        let kind = word(&beside.block, 0, beside.big).unwrap_or_default();
        self.out
            .write_all(&frame(kind, body(&beside.block), beside.big))
    }

    /// A section header like that of `source` (none of a pcap), by this program.
    fn header(&self, source: &[u8], big: bool) -> Vec<u8> {
        /// Magic, version, section length.
        const FIXED: usize = 16;
        let mut out = word_bytes(0x1a2b_3c4d, big).to_vec();
        out.extend(half_bytes(1, big));
        out.extend(half_bytes(0, big));
        // The length of the section is not stated.
        out.extend([0xff; 8]);
        let mut program = self.program.clone();
        let mut own = OptionList::new(big);
        let mut options = Options::new(body(source).get(FIXED..).unwrap_or_default(), big);
        for option in options.by_ref() {
            match option.code {
                OPT_COMMENT | SHB_HARDWARE | SHB_OS => own.add(option.code, option.value),
                SHB_USERAPPL => {
                    let before = String::from_utf8_lossy(option.value);
                    let before = before.trim_end_matches('\0');
                    program = format!("{}, from a file of {before}", self.program);
                }
                _ => {}
            }
        }
        own.add(SHB_USERAPPL, program.as_bytes());
        own.add(OPT_COMMENT, self.note.as_bytes());
        out.extend(own.end());
        frame(SHB, &out, big)
    }
}

/// A list of options in the making.
struct OptionList {
    bytes: Vec<u8>,
    big: bool,
}

impl OptionList {
    fn new(big: bool) -> Self {
        Self {
            bytes: Vec::new(),
            big,
        }
    }

    fn add(&mut self, code: u16, value: &[u8]) {
        let value = value.get(..OPTION_MAX).unwrap_or(value);
        let length = u16::try_from(value.len()).unwrap_or(u16::MAX);
        self.bytes.extend(half_bytes(code, self.big));
        self.bytes.extend(half_bytes(length, self.big));
        self.bytes.extend(value);
        pad(&mut self.bytes);
    }

    fn add_all(&mut self, list: &[u8], wanted: impl Fn(&Opt<'_>) -> bool) {
        for option in Options::new(list, self.big) {
            if wanted(&option) {
                self.add(option.code, option.value);
            }
        }
    }

    /// The list with its end, or nothing where there is no option.
    fn end(mut self) -> Vec<u8> {
        if !self.bytes.is_empty() {
            self.bytes.extend([0; 4]);
        }
        self.bytes
    }
}

fn word_bytes(value: u32, big: bool) -> [u8; 4] {
    if big {
        value.to_be_bytes()
    } else {
        value.to_le_bytes()
    }
}

fn half_bytes(value: u16, big: bool) -> [u8; 2] {
    if big {
        value.to_be_bytes()
    } else {
        value.to_le_bytes()
    }
}

fn pad(bytes: &mut Vec<u8>) {
    bytes.resize(bytes.len().next_multiple_of(4), 0);
}

/// What stands between the head and the trailing length of a block.
fn body(block: &[u8]) -> &[u8] {
    block
        .get(8..block.len().saturating_sub(4))
        .unwrap_or_default()
}

/// A block of secrets with these lines of a key log.
fn secrets(lines: &[u8], big: bool) -> Zeroizing<Vec<u8>> {
    let length = u32::try_from(lines.len()).unwrap_or(u32::MAX);
    let mut body = Zeroizing::new(Vec::with_capacity(
        SECRETS_FIXED.saturating_add(lines.len()),
    ));
    body.extend(word_bytes(TLS_KEY_LOG, big));
    body.extend(word_bytes(length, big));
    body.extend_from_slice(lines);
    Zeroizing::new(frame(SECRETS, &body, big))
}

/// A block of these bytes.
fn frame(kind: u32, body: &[u8], big: bool) -> Vec<u8> {
    let padded = body.len().next_multiple_of(4);
    let length = word_bytes(u32::try_from(padded + 12).unwrap_or(u32::MAX), big);
    let mut out = Vec::with_capacity(padded + 12);
    out.extend(word_bytes(kind, big));
    out.extend(length);
    out.extend(body);
    pad(&mut out);
    out.extend(length);
    out
}

/// An interface description with the options that hold together.
fn interface(block: &[u8], big: bool) -> Vec<u8> {
    const FIXED: usize = 8;
    let body = body(block);
    let mut out = body.get(..FIXED).unwrap_or_default().to_vec();
    let mut options = OptionList::new(big);
    let list = body.get(FIXED..).unwrap_or_default();
    options.add_all(list, |o| !CUSTOM_ONCE.contains(&o.code));
    out.extend(options.end());
    frame(IDB, &out, big)
}

/// The interface that the header of a pcap describes.
fn of_pcap(interface: &Interface) -> Vec<u8> {
    let mut out = interface
        .link_type
        .unwrap_or(NO_LINK)
        .to_le_bytes()
        .to_vec();
    out.extend([0; 2]);
    out.extend(interface.snaplen.to_le_bytes());
    let mut options = OptionList::new(false);
    if interface.digits > 6 {
        options.add(IF_TSRESOL, &[9]);
    }
    if interface.fcs_len > 0 {
        options.add(IF_FCSLEN, &[interface.fcs_len]);
    }
    out.extend(options.end());
    frame(IDB, &out, false)
}

/// An enhanced packet block for the record of a pcap.
fn enhanced(time: Timestamp, nanos: bool, original: u32, data: &[u8], comment: &str) -> Vec<u8> {
    /// Nanoseconds in a tick of a pcap without nanoseconds.
    const MICRO: i64 = 1_000;
    let unit = if nanos { 1 } else { MICRO };
    // A pcap counts unsigned seconds: its times are never before the epoch.
    let ticks = time
        .nanos()
        .map_or(0, |n| n.div_euclid(unit))
        .unsigned_abs();
    let (high, low) = ((ticks >> 32) as u32, ticks as u32);
    let captured = u32::try_from(data.len()).unwrap_or(u32::MAX);
    let mut out = Vec::with_capacity(data.len() + comment.len() + 32);
    for word in [0, high, low, captured, original] {
        out.extend(word.to_le_bytes());
    }
    out.extend(data);
    pad(&mut out);
    let mut options = OptionList::new(false);
    options.add(OPT_COMMENT, comment.as_bytes());
    out.extend(options.end());
    frame(ENHANCED, &out, false)
}

/// A packet block with a comment more.
fn again(block: &[u8], big: bool, comment: &str) -> Vec<u8> {
    const FIXED: usize = 20;
    let kind = word(block, 0, big).unwrap_or(ENHANCED);
    let body = body(block);
    if kind == SIMPLE {
        return frame(kind, body, big);
    }
    let captured = word(body, 12, big).map_or(0, |n| n as usize);
    let data_end = FIXED.saturating_add(captured);
    let mut out = body.get(..data_end).unwrap_or(body).to_vec();
    if kind == OBSOLETE
        && half(body, 2, big).is_some()
        && let Some(drops) = out.get_mut(2..4)
    {
        // Its field for lost packets: not known.
        drops.copy_from_slice(&[0xff; 2]);
    }
    let list = body.get(data_end.next_multiple_of(4)..).unwrap_or_default();
    pad(&mut out);
    let mut options = OptionList::new(big);
    options.add_all(list, |option| {
        let counts = kind == ENHANCED && option.code == EPB_DROPCOUNT;
        !counts && !CUSTOM_ONCE.contains(&option.code)
    });
    options.add(OPT_COMMENT, comment.as_bytes());
    out.extend(options.end());
    frame(kind, &out, big)
}
