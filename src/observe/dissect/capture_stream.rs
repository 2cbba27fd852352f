//! A capture that is sent somewhere while it is taken: pcap (draft-ietf-opsawg-pcap) and pcapng (draft-ietf-opsawg-pcapng) in TCP ("PCAP-over-IP"),
//! and sFlow samples (sflow.org, version 5) in UDP.
//!
//! The packets inside are copies from somewhere else: they are read like those of this capture, and teach nothing of the neighbours of this link.
//! Records that cannot be read make the flow an opaque tunnel. Options, counters and flow records without packets are passed over.

use super::wire::{Fit, Reader};
use super::{Protocol, Session, Sink, Step};
use crate::evidence::ledger::Ends;
use crate::observe::flow::{Carried, Carries, Layer, PayloadKind};

pub(super) const STREAM: Protocol = Protocol {
    id: ID,
    fit: |bytes, _| fit(bytes),
    names: false,
    until: None,
    payload: PayloadKind::Clear,
    open: || Box::new(Stream::default()),
};

pub(super) const SFLOW: Protocol = Protocol {
    id: "sflow",
    fit: |bytes, ends| fit_sflow(bytes, ends),
    names: false,
    until: None,
    payload: PayloadKind::Clear,
    open: || Box::new(Sflow),
};

const ID: &str = "capture-stream";

/// Longest record: what recorders take by default.
const RECORD_MAX: usize = 262_144;
/// Interfaces of a pcapng section that are told apart.
const INTERFACES_MAX: usize = 64;

/// Header of pcap, and of each of its records.
const HEADER: usize = 24;
const RECORD: usize = 16;

const SECTION: [u8; 4] = [0x0a, 0x0d, 0x0d, 0x0a];

fn fit(bytes: &[u8]) -> Fit {
    // Magic and version 2.4; a section's type, length and byte-order magic.
    let starts: [&[u8]; 4] = [
        &[0xa1, 0xb2, 0xc3, 0xd4, 0, 2, 0, 4],
        &[0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0],
        &[0xa1, 0xb2, 0x3c, 0x4d, 0, 2, 0, 4],
        &[0x4d, 0x3c, 0xb2, 0xa1, 2, 0, 4, 0],
    ];
    let section = bytes.len() >= 12 && bytes.starts_with(&SECTION);
    if starts.iter().any(|s| bytes.starts_with(s)) || (section && order(bytes).is_some()) {
        return Fit::Mine;
    }
    let short = bytes.len() < 8 && starts.iter().any(|s| s.starts_with(bytes));
    let section = bytes.len() < 12 && (SECTION.starts_with(bytes) || bytes.starts_with(&SECTION));
    if !bytes.is_empty() && (short || section) {
        Fit::NeedMore
    } else {
        Fit::NotMine
    }
}

/// Byte order of a section: true for little.
fn order(bytes: &[u8]) -> Option<bool> {
    match bytes.get(8..12)? {
        [0x4d, 0x3c, 0x2b, 0x1a] => Some(true),
        [0x1a, 0x2b, 0x3c, 0x4d] => Some(false),
        _ => None,
    }
}

fn word(bytes: &[u8], at: usize, little: bool) -> Option<u32> {
    let field = *bytes.get(at..)?.first_chunk::<4>()?;
    Some(if little {
        u32::from_le_bytes(field)
    } else {
        u32::from_be_bytes(field)
    })
}

fn length(bytes: &[u8], at: usize, little: bool) -> Option<usize> {
    usize::try_from(word(bytes, at, little)?).ok()
}

#[derive(Default)]
struct Stream {
    state: State,
}

#[derive(Default)]
enum State {
    #[default]
    Start,
    Pcap {
        little: bool,
        link: u16,
    },
    Pcapng {
        little: bool,
        links: Vec<u16>,
    },
}

impl Session for Stream {
    fn read(&mut self, bytes: &[u8], sink: &mut Sink<'_>) -> Step {
        sink.carries(Carries::Application);
        let step = match &mut self.state {
            State::Start => self.start(bytes),
            State::Pcap { little, link } => record(bytes, *little, *link, sink),
            State::Pcapng { little, links } => block(bytes, little, links, sink),
        };
        step.unwrap_or_else(|| {
            sink.flow.facts.tunnel = Some(ID);
            Step::DoneHere
        })
    }

    fn end(&mut self, bytes: &[u8], sink: &mut Sink<'_>) {
        if !bytes.is_empty() {
            sink.flow.facts.tunnel = Some(ID);
        }
    }
}

impl Stream {
    /// `None` if it cannot be read.
    fn start(&mut self, bytes: &[u8]) -> Option<Step> {
        if bytes.starts_with(&SECTION) {
            self.state = State::Pcapng {
                little: true,
                links: Vec::new(),
            };
            return Some(Step::Skip(0));
        }
        if bytes.len() < HEADER {
            return Some(Step::More);
        }
        let little = !matches!(bytes.first(), Some(0xa1));
        // The upper bits say how long a check sequence is.
        let link = word(bytes, 20, little)? & 0xffff;
        self.state = State::Pcap {
            little,
            link: u16::try_from(link).ok()?,
        };
        Some(Step::Consumed(HEADER))
    }
}

/// A record of pcap; `None` if it cannot be one.
fn record(bytes: &[u8], little: bool, link: u16, sink: &mut Sink<'_>) -> Option<Step> {
    if bytes.len() < RECORD {
        return Some(Step::More);
    }
    let (there, wire) = (length(bytes, 8, little)?, length(bytes, 12, little)?);
    if there > RECORD_MAX {
        return None;
    }
    let Some(data) = bytes.get(RECORD..RECORD + there) else {
        return Some(Step::More);
    };
    hand_on(data, link, wire, sink);
    Some(Step::Consumed(RECORD + there))
}

/// A block of pcapng; `None` if it cannot be one.
fn block(
    bytes: &[u8],
    little: &mut bool,
    links: &mut Vec<u16>,
    sink: &mut Sink<'_>,
) -> Option<Step> {
    const LEAST: usize = 12;
    if bytes.len() < LEAST {
        return Some(Step::More);
    }
    if bytes.starts_with(&SECTION) {
        *little = order(bytes)?;
        links.clear();
    }
    let (kind, whole) = (word(bytes, 0, *little)?, length(bytes, 4, *little)?);
    if !(LEAST..=RECORD_MAX).contains(&whole) {
        return None;
    }
    let Some(block) = bytes.get(..whole) else {
        return Some(Step::More);
    };
    let body = block.get(8..whole - 4)?;
    match kind {
        1 => {
            if links.len() >= INTERFACES_MAX {
                return None;
            }
            links.push(
                u16::try_from(
                    word(body, 0, *little).map(|w| if *little { w & 0xffff } else { w >> 16 })?,
                )
                .ok()?,
            );
        }
        // Enhanced and simple packets.
        6 => {
            let link = *links.get(length(body, 0, *little)?)?;
            let (there, wire) = (length(body, 12, *little)?, length(body, 16, *little)?);
            hand_on(body.get(20..)?.get(..there)?, link, wire, sink);
        }
        3 => {
            let (wire, data) = (length(body, 0, *little)?, body.get(4..)?);
            hand_on(
                data.get(..wire).unwrap_or(data),
                *links.first()?,
                wire,
                sink,
            );
        }
        // The old packet block.
        2 => return None,
        _ => {}
    }
    Some(Step::Consumed(whole))
}

fn hand_on(data: &[u8], link: u16, wire: usize, sink: &mut Sink<'_>) {
    sink.flow.inside.push(Carried {
        name: ID,
        layer: Layer::Link(link),
        bytes: data.to_vec(),
        cut: wire.saturating_sub(data.len()),
        copies: true,
    });
}

const SFLOW_PORT: u16 = 6343;

/// Version 5, the family of the agent's address.
fn fit_sflow(bytes: &[u8], ends: &Ends) -> Fit {
    let on = ends.sender.1 == SFLOW_PORT || ends.receiver.1 == SFLOW_PORT;
    if on && matches!(bytes, [0, 0, 0, 5, 0, 0, 0, 1 | 2, ..]) {
        Fit::Mine
    } else {
        Fit::NotMine
    }
}

struct Sflow;

impl Session for Sflow {
    fn read(&mut self, bytes: &[u8], sink: &mut Sink<'_>) -> Step {
        sink.carries(Carries::Application);
        if fit_sflow(bytes, &sink.ends) == Fit::Mine && samples(bytes, sink).is_none() {
            sink.flow.facts.tunnel = Some("sflow");
        }
        Step::Consumed(bytes.len())
    }
}

/// The samples of a datagram; `None` if it cannot be read to its end.
fn samples(bytes: &[u8], sink: &mut Sink<'_>) -> Option<()> {
    /// Kinds of samples: flows, counters, and both with wide interface numbers.
    const FLOW: u32 = 1;
    const WIDE_FLOW: u32 = 3;
    let mut reader = Reader::new(bytes);
    let _version = reader.u32()?;
    let address = if reader.u32()? == 1 { 4 } else { 16 };
    reader.take(address)?;
    // Sub-agent, sequence number, uptime.
    reader.take(12)?;
    let count = reader.u32()?;
    for _ in 0..count {
        let kind = reader.u32()?;
        let length = usize::try_from(reader.u32()?).ok()?;
        let sample = reader.take(length)?;
        // What stands before the number of records.
        let head = match kind {
            FLOW => 28,
            WIDE_FLOW => 40,
            _ => continue,
        };
        let mut reader = Reader::new(sample);
        reader.take(head)?;
        let records = reader.u32()?;
        for _ in 0..records {
            let kind = reader.u32()?;
            let length = usize::try_from(reader.u32()?).ok()?;
            let record = reader.take(length)?;
            if kind == 1 {
                sampled(record, sink)?;
            }
        }
    }
    Some(())
}

/// The start of a packet that a switch sampled (structure `sampled_header`).
fn sampled(record: &[u8], sink: &mut Sink<'_>) -> Option<()> {
    let mut reader = Reader::new(record);
    let protocol = reader.u32()?;
    let wire = usize::try_from(reader.u32()?).ok()?;
    let stripped = usize::try_from(reader.u32()?).ok()?;
    let length = usize::try_from(reader.u32()?).ok()?;
    let header = reader.take(length)?;
    let layer = match protocol {
        1 => Layer::Link(1),
        7 => Layer::Ppp,
        11 | 12 => Layer::Packet,
        // Others are no links of ours; that something was there is told.
        _ => return None,
    };
    sink.flow.inside.push(Carried {
        name: "sflow",
        layer,
        bytes: header.to_vec(),
        cut: wire.saturating_sub(stripped).saturating_sub(header.len()),
        copies: true,
    });
    Some(())
}
