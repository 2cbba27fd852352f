//! The driver: every packet of every input through the stages, one result per series.
//!
//! ```text
//! capture ─ Frame ─ link ─ packet ─ flow ─ dissect ─┐
//!                                                   ├─ Series ─ identity … claim ─ report
//!                                        ledger ────┘
//! ```
//!
//! The stream only counts and notes. What a packet means for the audit (its scope, whose it is) is
//! decided at the end, because an advertisement, an answer or a proxy request seen later can still
//! change it. Each packet ends in exactly one counter: of a flow, of frames without IP, or of
//! unreadable ones.

mod clock;
mod duplicates;
mod icmp;
mod inside;
mod limited;
#[cfg(test)]
mod order;
mod senders;
#[cfg(test)]
mod short_way;
mod sums_ahead;
mod tracker;
use crate::evidence::{Devices, Evidence, Series};
use crate::ground::cause::SessionCause;
pub mod observer;

use crate::evidence::input::{InputFacts, Interface};
use crate::evidence::ledger::Accusing;
use crate::ground::error::Error;
use crate::ground::gaps::{GapId, Gaps};
use crate::ground::interval::{Intervals, Schedule};
use crate::ground::label::{Label, Process};
use crate::ground::moment::{Moment, Timestamp};
use crate::ground::parallel::in_order;
use crate::observe::capture::series::{Plan, Spool, plan};
use crate::observe::capture::sidecar::Sidecar;
use crate::observe::capture::{Capture, Frame, Means, Source};
use crate::observe::flow::row::Rank;
use crate::observe::link::WifiKey;
use crate::observe::open::keylog::Keylog;
use ipnet::IpNet;
use observer::SharedWitness;
use senders::Senders;
use std::collections::BTreeMap;
use std::sync::Arc;
use tracker::Tracker;

/// What has to be known before the first packet.
#[derive(Clone)]
pub struct Settings {
    /// Windows as given.
    pub schedule: Schedule,
    /// The declared device.
    pub devices: Devices,
    /// Networks that the user declared local.
    pub local: Vec<IpNet>,
    /// Silence or a step of the clock beyond this many nanoseconds is a gap.
    pub time_gap: i64,
    /// Hash the inputs.
    pub hash: bool,
    /// What recorders wrote beside their captures.
    pub sidecars: BTreeMap<Source, Sidecar>,
    /// Keep one row per flow, at most so many.
    pub one_row_per_flow: Option<usize>,
    /// Whether payload is looked into for personal data.
    pub content: crate::observe::content::Policy,
    /// True for rows that accuse: they are kept when rows run out.
    pub accuses: Arc<Rank>,
    /// True for names that accuse: they are kept when names run out.
    pub names: Accusing,
    /// Keys of Wi-Fi networks: with them protected frames are opened.
    pub wifi: Arc<[WifiKey]>,
    /// Secrets of TLS connections: with them records are opened.
    pub keylog: Arc<Keylog>,
    /// By what means; nothing of the result depends on it.
    pub means: Means,
    /// Who wants to be told of every packet.
    pub observer: Option<SharedWitness>,
}

/// Inputs larger than this are not read a second time to put checksum decisions right: it would
/// double the time of an audit for the sake of rare captures, and the gap says so.
const READ_AGAIN_MAX: u64 = 256 << 20;

/// Frames between two looks at the clock, where the time is bounded.
const TIME_EVERY: u64 = 4096;

/// Reads all inputs.
///
/// # Errors
/// An input that is no readable capture, or a window that cannot be.
pub fn read(sources: &[Source], settings: &Settings) -> Result<Evidence, Error> {
    let mut spool = Spool::default();
    // What an observer was told once it cannot be told otherwise.
    let exact = settings.observer.is_some();
    let mut plan = plan(sources, &mut spool, settings.hash, exact, &settings.means)?;
    let mut evidence = read_as(&plan, settings, settings.hash)?;
    if let Some(right) = plan.corrected(evidence.inputs.iter())? {
        let inputs = std::mem::take(&mut evidence.inputs);
        plan = right;
        evidence = read_as(&plan, settings, false)?;
        for (again, first) in evidence.inputs.iter_mut().zip(inputs) {
            again.sha256 = first.sha256;
        }
    }
    if let Some(keyed) = keyed(&evidence, settings, &plan) {
        let inputs = std::mem::take(&mut evidence.inputs);
        evidence = read_as(&plan, &keyed, false)?;
        for (again, first) in evidence.inputs.iter_mut().zip(inputs) {
            again.sha256 = first.sha256;
        }
    }
    note_late_keys(&mut evidence);
    crate::evidence::link::share(&mut evidence.series);
    settings.means.progress.clear();
    Ok(evidence)
}

/// The settings with the keys that the inputs hold, if those open more: they may stand behind what they open.
fn keyed(evidence: &Evidence, settings: &Settings, plan: &Plan) -> Option<Settings> {
    // An observer is told of each packet once, and is asked nothing of what is inside.
    if settings.observer.is_some() || plan.inputs.contains(&Source::Stdin) {
        return None;
    }
    let mut keylog = Keylog::clone(&settings.keylog);
    for input in &evidence.inputs {
        // Lines that hold no secret were the recorder's to write.
        let _ = keylog.read(&mut input.secrets.tls.text());
    }
    (keylog.len() > settings.keylog.len()).then(|| Settings {
        keylog: Arc::new(keylog),
        ..settings.clone()
    })
}

/// Keys inside of what can be read only once come too late, and so do those beyond what is kept.
fn note_late_keys(evidence: &mut Evidence) {
    let Evidence { inputs, series, .. } = evidence;
    for (place, input) in (0u32..).zip(inputs.iter()) {
        let piped = input.path.as_os_str() == "-";
        let late = piped && !input.secrets.tls.text().is_empty();
        let cause = match late {
            true => SessionCause::KeysTooLate,
            false if !input.secrets.tls.is_whole() => SessionCause::KeysOver,
            false => continue,
        };
        if let Some(series) = series.first_mut() {
            let gaps = &mut series.ledger.gaps;
            gaps.whole(GapId::LimitsReached, place, 1, None, cause);
        }
    }
}

/// Reads all inputs, as they are planned to belong together.
fn read_as(plan: &Plan, settings: &Settings, hash: bool) -> Result<Evidence, Error> {
    let Plan {
        inputs,
        series: grouped,
        first,
        ..
    } = plan;
    let intervals = match first {
        Some(first) => Some(Intervals::new(&settings.schedule, *first)?),
        None => None,
    };
    settings.means.pass("reading", inputs.iter());
    let read = |_: usize, members: &Vec<u32>| {
        SeriesReader {
            inputs,
            settings,
            intervals: intervals.clone(),
        }
        .series(members, hash)
    };
    // An observer is told of the packets in their order.
    let read: Vec<(ReadSeries, Option<Intervals>)> = if settings.observer.is_some() {
        let numbered = grouped.iter().enumerate();
        numbered
            .map(|(at, members)| read(at, members))
            .collect::<Result<_, _>>()?
    } else {
        in_order(grouped, &settings.means.threads, read)?
    };
    let mut facts: BTreeMap<u32, InputFacts> = BTreeMap::new();
    let mut series = Vec::with_capacity(read.len());
    let mut first_intervals = intervals;
    for ((reading, intervals), members) in read.into_iter().zip(grouped) {
        facts.extend(members.iter().copied().zip(reading.facts));
        series.push(Series {
            link: series.len(),
            ..reading.series
        });
        first_intervals = first_intervals.or(intervals);
    }
    Ok(Evidence {
        inputs: facts.into_values().collect(),
        series,
        intervals: match first_intervals {
            Some(intervals) => intervals,
            None => Intervals::new(&settings.schedule, Timestamp::UNKNOWN)?,
        },
    })
}

/// A series, read once.
struct ReadSeries {
    series: Series,
    facts: Vec<InputFacts>,
    senders: Senders,
}

/// Reads a series. Nothing that it finds depends on other series, but for the intervals: where there are several
/// inputs, those are known beforehand.
struct SeriesReader<'a> {
    inputs: &'a [Source],
    settings: &'a Settings,
    intervals: Option<Intervals>,
}

impl SeriesReader<'_> {
    /// Reads a series, and once more where its checksums were misjudged; the intervals, too, if its first packet
    /// fixed them.
    fn series(
        mut self,
        members: &[u32],
        hash: bool,
    ) -> Result<(ReadSeries, Option<Intervals>), Error> {
        let (inputs, settings) = (self.inputs, self.settings);
        let mut first = self.read(members, hash, self.unread(members))?;
        if first.senders.misjudged() > 0 {
            let again = members
                .iter()
                .all(|i| inputs.get(*i as usize).is_some_and(|s| *s != Source::Stdin));
            let bytes: u64 = first.facts.iter().map(|f| f.bytes).sum();
            if again && bytes <= READ_AGAIN_MAX {
                let known = std::mem::take(&mut first.senders).settle();
                let read = members.iter().filter_map(|i| inputs.get(*i as usize));
                settings.means.pass("reading again", read);
                let second = self.read(members, false, known)?;
                first.series = second.series;
            } else if let Some(input) = members.first() {
                first.series.ledger.gaps.whole(
                    GapId::LimitsReached,
                    *input,
                    1,
                    None,
                    SessionCause::ChecksumsKnownLate,
                );
            }
        }
        Ok((first, self.intervals))
    }

    /// Nothing is known of the senders yet; where all inputs can be read again, it can be found out.
    fn unread(&self, members: &[u32]) -> Senders {
        let sources: Option<Vec<(u32, Source)>> = members
            .iter()
            .map(|index| {
                let source = self.inputs.get(*index as usize)?;
                (!source.runs_dry()).then(|| (*index, source.clone()))
            })
            .collect();
        let settings = self.settings.clone();
        match sources {
            Some(sources) => Senders::looking_ahead(move || sums_ahead::count(&sources, &settings)),
            None => Senders::default(),
        }
    }

    fn read(&mut self, members: &[u32], hash: bool, senders: Senders) -> Result<ReadSeries, Error> {
        let mut senders = Some(senders);
        let mut tracker: Option<Tracker> = None;
        let mut gaps = Gaps::default();
        let mut facts = Vec::new();
        for &index in members {
            let Some(source) = self.inputs.get(index as usize) else {
                continue;
            };
            let mut capture = Capture::open(source, index, hash, &self.settings.means)?;
            let named = match source {
                Source::Spooled(_, given) => given.as_ref(),
                other => other,
            };
            if let Some(sidecar) = self.settings.sidecars.get(named) {
                capture.beside(sidecar.clone());
            }
            let mut links: Vec<tracker::Link> = Vec::new();
            while let Some(frame) = capture.next_frame() {
                if frame.moment.at.frame % TIME_EVERY == 1 && self.settings.means.is_over() {
                    return Err(Error::new("the time for it is over")
                        .advise("give it more with --timeout, or audit a part of the capture"));
                }
                let tracker = match &mut tracker {
                    Some(tracker) => tracker,
                    None => {
                        let intervals = self.intervals(frame.moment.time)?;
                        let known = senders.take().unwrap_or_default();
                        tracker.insert(Tracker::new(self.settings.clone(), intervals, known))
                    }
                };
                match links.get(frame.interface as usize) {
                    Some(link) => tracker.frame(&frame, *link),
                    None => {
                        // An interface not met before: its reader is resolved once, for which the
                        // capture has to be asked, so the frame is kept meanwhile.
                        let held = Held::of(&frame);
                        links = resolved(capture.interfaces());
                        if let Some(link) = links.get(held.interface as usize) {
                            tracker.frame(&held.frame(), *link);
                        }
                    }
                }
            }
            let (mut read, noted) = capture.finish()?;
            for interface in &mut read.interfaces {
                interface.link_name = crate::observe::link::name(interface.link_type);
            }
            gaps.merge(noted);
            facts.push(read);
        }
        let tracker = match tracker {
            Some(tracker) => tracker,
            None => {
                let intervals = match &self.intervals {
                    Some(intervals) => intervals.clone(),
                    None => Intervals::new(&self.settings.schedule, Timestamp::UNKNOWN)?,
                };
                Tracker::new(self.settings.clone(), intervals, Senders::default())
            }
        };
        let (mut series, senders) = tracker.finish(members.to_vec());
        series.ledger.gaps.merge(gaps);
        Ok(ReadSeries {
            series,
            facts,
            senders,
        })
    }

    /// The intervals; the first packet of all fixes what relative windows mean.
    fn intervals(&mut self, first: Timestamp) -> Result<Intervals, Error> {
        match &self.intervals {
            Some(intervals) => Ok(intervals.clone()),
            None => Ok(self
                .intervals
                .insert(Intervals::new(&self.settings.schedule, first)?)
                .clone()),
        }
    }
}

/// The readers of these interfaces.
fn resolved(interfaces: &[Interface]) -> Vec<tracker::Link> {
    let reader = |kind: Option<u16>| kind.and_then(crate::observe::link::reader);
    let links = interfaces
        .iter()
        .map(|i| (i.link_type, reader(i.link_type)));
    links.collect()
}

/// A frame that outlives the block it was lent from.
#[derive(Debug, Clone)]
struct Held {
    moment: Moment,
    interface: u32,
    direction: Option<crate::observe::capture::Direction>,
    checksum_pending: bool,
    original_len: u32,
    data: Vec<u8>,
    label: Option<HeldLabel>,
}

/// A label that outlives its block.
#[derive(Debug, Clone)]
struct HeldLabel {
    label: Label<'static>,
    process: Option<Vec<u8>>,
    effective: Option<Vec<u8>>,
}

impl HeldLabel {
    fn of(label: &Label<'_>) -> Self {
        let nameless = |p: &Process<'_>| Process {
            pid: p.pid,
            name: None,
            cut: p.cut,
        };
        Self {
            label: Label {
                source: label.source,
                uid: label.uid,
                gid: label.gid,
                process: nameless(&label.process),
                effective: nameless(&label.effective),
            },
            process: label.process.name.map(<[u8]>::to_vec),
            effective: label.effective.name.map(<[u8]>::to_vec),
        }
    }

    fn label(&self) -> Label<'_> {
        Label {
            process: Process {
                name: self.process.as_deref(),
                ..self.label.process
            },
            effective: Process {
                name: self.effective.as_deref(),
                ..self.label.effective
            },
            ..self.label
        }
    }
}

impl Held {
    fn of(frame: &Frame<'_>) -> Self {
        Self {
            moment: frame.moment,
            interface: frame.interface,
            direction: frame.direction,
            checksum_pending: frame.checksum_pending,
            original_len: frame.original_len,
            data: frame.data.to_vec(),
            label: frame.label.as_ref().map(HeldLabel::of),
        }
    }

    fn frame(&self) -> Frame<'_> {
        Frame {
            moment: self.moment,
            interface: self.interface,
            direction: self.direction,
            checksum_pending: self.checksum_pending,
            label: self.label.as_ref().map(HeldLabel::label),
            original_len: self.original_len,
            data: &self.data,
        }
    }
}
