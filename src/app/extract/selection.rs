//! Which frames are a finding's, and which ones it rests on.

use crate::evidence::flow::NameSource;
use crate::ground::error::Error;
use crate::ground::mac::Mac;
use crate::ground::moment::{FrameRef, Moment};
use crate::ground::text;
use crate::ground::translation::PROBE_NAME;
use crate::ground::vocabulary::Open;
use crate::observe::session::observer::{Layer, Observer};
use crate::tell::report::filter::{Fields, Filter};
use crate::tell::report::v1;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::IpAddr;

/// Different messages of neighbours that are taken along of an input. A site repeats a few hundred; a scan
/// of a large network makes tens of thousands, of which no finding needs more.
const NEIGHBOURS_MAX: usize = 4_096;

/// Hellos remembered until it is known which frames are chosen; of more the secrets stay behind.
const HELLOS_MAX: usize = 1 << 20;

/// Findings that the comment of one packet names.
const NAMED_MAX: usize = 32;

/// What a packet is good for that is not a finding's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Use {
    /// The same conversation outside the windows of the audit.
    Outside,
    /// It asks for a name of the destination, or answers.
    Name,
    /// A piece of a datagram that a later frame completes.
    Piece,
    /// The report lists it.
    Listed,
    /// It says which machine has which address, or what a translator does.
    Link,
}

impl Use {
    fn words(self) -> &'static str {
        match self {
            Self::Outside => "the same conversation, outside the window",
            Self::Name => "asks for its name",
            Self::Piece => "a fragment of its packet",
            Self::Listed => "listed by the report",
            Self::Link => "addresses on the link",
        }
    }
}

/// Why a frame was chosen.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
struct Why {
    /// Findings whose packet it is.
    findings: BTreeSet<usize>,
    /// What it is good for, and for which finding; `None` for all.
    context: BTreeSet<(Use, Option<usize>)>,
}

/// Frames with the reasons why they were chosen.
#[derive(Debug, Default)]
pub struct Chosen {
    /// Ids of the findings.
    ids: Vec<String>,
    /// The different reasons; the first one is none.
    reasons: Vec<Why>,
    known: HashMap<Why, u32>,
    /// Per input, the reason of each frame: four bytes a packet, chosen or not.
    frames: Vec<Vec<u32>>,
    /// Randoms of the hellos in them: sessions by whose secrets they can be opened.
    randoms: BTreeSet<[u8; 32]>,
}

impl Chosen {
    /// The sessions whose beginnings were chosen, as key logs name them.
    pub fn randoms(&self) -> impl Iterator<Item = &[u8; 32]> {
        self.randoms.iter()
    }

    fn add(&mut self, at: FrameRef, change: impl FnOnce(&mut Why)) {
        let (Ok(input), Some(frame)) = (usize::try_from(at.input), place(at)) else {
            return;
        };
        if self.frames.len() <= input {
            self.frames.resize_with(input.saturating_add(1), Vec::new);
        }
        let Some(frames) = self.frames.get_mut(input) else {
            return;
        };
        if frames.len() <= frame {
            frames.resize(frame.saturating_add(1), 0);
        }
        let Some(reason) = frames.get_mut(frame) else {
            return;
        };
        let have = self.reasons.get(*reason as usize);
        let mut why = have.cloned().unwrap_or_default();
        change(&mut why);
        *reason = match self.known.get(&why) {
            Some(known) => *known,
            None => {
                let next = u32::try_from(self.reasons.len()).unwrap_or(u32::MAX);
                self.known.insert(why.clone(), next);
                self.reasons.push(why);
                next
            }
        };
    }

    fn why(&self, at: FrameRef) -> Option<&Why> {
        let frames = self.frames.get(usize::try_from(at.input).ok()?)?;
        let reason = *frames.get(place(at)?)?;
        self.reasons
            .get(reason as usize)
            .filter(|why| **why != Why::default())
    }

    /// True for a packet of a finding.
    pub fn is_finding(&self, at: FrameRef) -> bool {
        self.why(at).is_some_and(|why| !why.findings.is_empty())
    }

    /// Why a frame was chosen, in words; `None` if it was not.
    pub fn comment(&self, at: FrameRef) -> Option<String> {
        let why = self.why(at)?;
        let mut parts = Vec::new();
        if !why.findings.is_empty() {
            parts.push(format!("finding {}", self.named(why.findings.iter())));
        }
        let mut uses: BTreeMap<Use, BTreeSet<usize>> = BTreeMap::new();
        for (of_use, finding) in &why.context {
            let findings = uses.entry(*of_use).or_default();
            findings.extend(finding.filter(|f| !why.findings.contains(f)));
        }
        for (of_use, findings) in uses {
            let words = of_use.words();
            if !findings.is_empty() {
                let ids = self.named(findings.iter());
                parts.push(format!("context of finding {ids}: {words}"));
            } else if why.findings.is_empty() {
                parts.push(format!("context: {words}"));
            }
        }
        Some(parts.join("; "))
    }

    fn named<'a>(&self, findings: impl ExactSizeIterator<Item = &'a usize>) -> String {
        let more = findings.len().saturating_sub(NAMED_MAX);
        let ids: Vec<&str> = findings
            .take(NAMED_MAX)
            .filter_map(|at| self.ids.get(*at).map(String::as_str))
            .collect();
        match more {
            0 => ids.join(", "),
            more => format!("{} and {more} more", ids.join(", ")),
        }
    }

    /// Findings without a packet of their own.
    pub fn empty(&self) -> Vec<String> {
        let used: BTreeSet<usize> = self
            .frames
            .iter()
            .flatten()
            .collect::<BTreeSet<_>>()
            .into_iter()
            .filter_map(|reason| self.reasons.get(*reason as usize))
            .flat_map(|why| why.findings.iter().copied())
            .collect();
        let ids = self.ids.iter().enumerate();
        ids.filter(|(at, _)| !used.contains(at))
            .map(|(_, id)| id.clone())
            .collect()
    }
}

fn place(at: FrameRef) -> Option<usize> {
    usize::try_from(at.frame.checked_sub(1)?).ok()
}

/// What is known of a frame so far.
#[derive(Default)]
struct Pending {
    fields: Fields,
    pieces: BTreeSet<FrameRef>,
}

/// Chooses frames while the captures are read.
pub struct Selection {
    chosen: Chosen,
    filters: Vec<Filter>,
    /// Findings by an address that each of their packets has.
    by_address: HashMap<IpAddr, Vec<usize>>,
    /// Findings whose packets need not have any address in common.
    anywhere: Vec<usize>,
    /// Findings by names that DNS gave their destinations.
    by_name: HashMap<String, BTreeSet<usize>>,
    /// MAC addresses of the declared device, and where each address was met with them last: from the first to the last time it is theirs.
    device: BTreeSet<Mac>,
    met: BTreeMap<(Mac, IpAddr), FrameRef>,
    neighbours: HashMap<u32, HashSet<u64>>,
    pending: BTreeMap<FrameRef, Pending>,
    /// Frames that the report lists, and for which finding.
    listed: Vec<(FrameRef, usize)>,
    /// Hellos by their frames.
    hellos: Vec<(FrameRef, [u8; 32])>,
}

impl Selection {
    /// For the findings of a report in `wanted`, or for all.
    ///
    /// # Errors
    /// When a display filter is not one that this program writes.
    pub fn new(report: &v1::Report, wanted: Option<&BTreeSet<String>>) -> Result<Self, Error> {
        let mut out = Self {
            chosen: Chosen {
                reasons: vec![Why::default()],
                known: HashMap::from([(Why::default(), 0)]),
                ..Chosen::default()
            },
            filters: Vec::new(),
            by_address: HashMap::new(),
            anywhere: Vec::new(),
            by_name: HashMap::new(),
            device: BTreeSet::new(),
            met: BTreeMap::new(),
            neighbours: HashMap::new(),
            pending: BTreeMap::new(),
            listed: Vec::new(),
            hellos: Vec::new(),
        };
        let device = report.scope.device.iter().flat_map(|d| &d.macs);
        out.device.extend(device.filter_map(|mac| Mac::parse(mac)));
        let chosen = report
            .findings
            .iter()
            .filter(|f| wanted.is_none_or(|wanted| wanted.contains(&f.id)));
        for finding in chosen {
            out.finding(finding, report)?;
        }
        Ok(out)
    }

    fn finding(&mut self, finding: &v1::Finding, report: &v1::Report) -> Result<(), Error> {
        let index = self.filters.len();
        let Some(filter) = Filter::parse(&finding.filter) else {
            let id = text::terminal(&finding.id);
            return Err(Error::at(
                format!("finding {id}"),
                "has a display filter that this program does not read",
            )
            .advise("use the version of drone-audit that wrote the report"));
        };
        match filter.addresses() {
            Some(addresses) => {
                for ip in addresses {
                    let findings = self.by_address.entry(ip).or_default();
                    if findings.last() != Some(&index) {
                        findings.push(index);
                    }
                }
            }
            None => self.anywhere.push(index),
        }
        self.filters.push(filter);
        self.chosen.ids.push(finding.id.clone());
        let mut listed: Vec<FrameRef> = finding.frames.clone();
        let destination = report
            .destinations
            .iter()
            .find(|d| finding.destination.as_ref() == Some(&d.id));
        for name in destination.iter().flat_map(|d| &d.names) {
            listed.push(FrameRef {
                input: name.input,
                frame: name.frame,
            });
            if matches!(
                name.source,
                Open::Known(NameSource::Dns | NameSource::DnsAlias)
            ) {
                let key = name.name.to_lowercase();
                self.by_name.entry(key).or_default().insert(index);
            }
        }
        for content in &finding.content {
            listed.push(FrameRef {
                input: content.input,
                frame: content.frame,
            });
        }
        self.listed.extend(listed.into_iter().map(|at| (at, index)));
        Ok(())
    }

    /// What was chosen; `packets` are those of the inputs.
    pub fn take(&mut self, packets: &[u64]) -> Chosen {
        for at in std::mem::take(&mut self.met).into_values() {
            self.link(at);
        }
        for (at, index) in std::mem::take(&mut self.listed) {
            let input = usize::try_from(at.input).ok();
            let held = input.and_then(|i| packets.get(i)).copied();
            // A report that was put together by hand may list any number.
            if held.is_some_and(|held| at.frame <= held) {
                self.chosen.add(at, |why| {
                    why.context.insert((Use::Listed, Some(index)));
                });
            }
        }
        for (at, random) in std::mem::take(&mut self.hellos) {
            if self.chosen.why(at).is_some() {
                self.chosen.randoms.insert(random);
            }
        }
        std::mem::take(&mut self.chosen)
    }

    fn link(&mut self, at: FrameRef) {
        self.chosen.add(at, |why| {
            why.context.insert((Use::Link, None));
        });
    }

    fn at(&mut self, moment: Moment) -> &mut Pending {
        let pending = self.pending.entry(moment.at).or_default();
        pending.fields.time = Some(moment.time);
        pending
    }

    fn judge(&mut self, at: FrameRef, pending: &Pending) {
        let fields = &pending.fields;
        let by_address = fields
            .addresses
            .iter()
            .filter_map(|ip| self.by_address.get(ip))
            .flatten();
        let candidates: BTreeSet<usize> = by_address.chain(&self.anywhere).copied().collect();
        for index in candidates {
            let Some(filter) = self.filters.get(index) else {
                continue;
            };
            let selected = filter.selects(fields);
            if !selected && !filter.selects_sometime(fields) {
                continue;
            }
            self.chosen.add(at, |why| {
                if selected {
                    why.findings.insert(index);
                } else {
                    why.context.insert((Use::Outside, Some(index)));
                }
            });
            for piece in pending.pieces.iter().filter(|piece| **piece != at) {
                self.chosen.add(*piece, |why| {
                    why.context.insert((Use::Piece, Some(index)));
                });
            }
        }
        for name in &fields.questions {
            if name == PROBE_NAME {
                self.link(at);
            }
            let Some(findings) = self.by_name.get(name) else {
                continue;
            };
            let all = std::iter::once(at).chain(pending.pieces.iter().copied());
            for at in all {
                self.chosen.add(at, |why| {
                    let uses = findings.iter().map(|index| (Use::Name, Some(*index)));
                    why.context.extend(uses);
                });
            }
        }
    }
}

impl Observer for Selection {
    fn layer(&mut self, layer: &Layer, pieces: &mut dyn Iterator<Item = FrameRef>) {
        let pending = self.at(layer.at);
        for (ip, port) in [layer.source, layer.destination] {
            pending.fields.addresses.insert(ip);
            pending.fields.ports.insert((layer.protocol, port));
        }
        pending.pieces.extend(pieces);
        if let Some(mac) = layer.mac
            && self.device.contains(&mac)
            && self
                .met
                .insert((mac, layer.source.0), layer.at.at)
                .is_none()
        {
            self.link(layer.at.at);
        }
    }

    fn neighbours(&mut self, at: FrameRef, message: &[u8]) {
        let mut hash = DefaultHasher::new();
        message.hash(&mut hash);
        let known = self.neighbours.entry(at.input).or_default();
        if known.len() < NEIGHBOURS_MAX && known.insert(hash.finish()) {
            self.link(at);
        }
    }

    fn question(&mut self, at: FrameRef, name: &str) {
        // Asked in a stream whose last packet came long ago: nothing is known of that frame any more.
        let pending = self.pending.entry(at).or_default();
        pending.fields.questions.insert(name.to_lowercase());
    }

    fn hello(&mut self, at: FrameRef, random: [u8; 32]) {
        if self.hellos.len() < HELLOS_MAX {
            self.hellos.push((at, random));
        }
    }

    fn done(&mut self) {
        for (at, pending) in std::mem::take(&mut self.pending) {
            self.judge(at, &pending);
        }
    }
}
