//! Which inputs belong together: rotated files of one recording are a series, captures of the
//! same minutes from two places are different vantages (contract, "Several inputs").
//!
//! A case file may name the series of a capture: captures of different names are kept apart, and
//! captures of one name that cannot be one recording are refused.
//!
//! With a single input nothing is read ahead. With several, the first packet of each says in which order they
//! stand, and when relative windows begin. How they belong together depends on their last times, too, and on link
//! types that may be described anywhere: those are guessed from the [end of the file](super::tail), so that
//! no file is read twice and independent series can be read at the same time. Once everything was read,
//! [`Plan::corrected`] compares; where a guess was wrong, and would have led to other series, the captures are read
//! again as they are. Small files and those that have no end to look at are walked once beforehand, packets not decoded.

use super::{Capture, Means, Source, tail};
use crate::evidence::input::InputFacts;
use crate::ground::error::{Error, reason};
use crate::ground::moment::Timestamp;
use crate::ground::parallel::in_order;
use crate::ground::progress::Progress;
use crate::ground::unfinished::Unfinished;
use std::collections::BTreeSet;

/// Files of one series may overlap by less than this (nanoseconds): a rotation is not atomic.
const OVERLAP: i64 = Timestamp::SECOND;

/// An input before it is audited.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Surveyed {
    source: Source,
    first: Timestamp,
    last: Timestamp,
    link_types: BTreeSet<u16>,
    sha256: Option<String>,
    /// Nothing of it is guessed.
    exact: bool,
}

/// The inputs in the order of the report, and the series as lists of indices into it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Sources by first packet time, then SHA-256, then name.
    pub inputs: Vec<Source>,
    /// Each series in the order of its files.
    pub series: Vec<Vec<u32>>,
    /// Time of the first packet of all, where it had to be found out beforehand.
    pub first: Option<Timestamp>,
    /// What it was made of; nothing for a single input.
    surveyed: Vec<Surveyed>,
}

impl Plan {
    fn of(surveyed: Vec<Surveyed>) -> Result<Self, Error> {
        let series = group(&surveyed);
        one_recording_each(&surveyed, &series)?;
        let mut times = surveyed.iter().map(|s| s.first);
        Ok(Self {
            first: Some(
                times
                    .find(|t| *t != Timestamp::UNKNOWN)
                    .unwrap_or(Timestamp::UNKNOWN),
            ),
            series,
            inputs: surveyed.iter().map(|s| s.source.clone()).collect(),
            surveyed,
        })
    }

    /// The plan as it would have been if everything had been known that the inputs, read to their ends, say;
    /// `None` if it would have been this one.
    ///
    /// # Errors
    /// Captures that were declared to be one series and cannot be.
    pub fn corrected<'f>(
        &self,
        read: impl Iterator<Item = &'f InputFacts>,
    ) -> Result<Option<Self>, Error> {
        if self.surveyed.iter().all(|s| s.exact) {
            return Ok(None);
        }
        let known = self.surveyed.iter().zip(read).map(|(guessed, facts)| {
            let interfaces = facts.interfaces.iter();
            Surveyed {
                source: guessed.source.clone(),
                first: facts.span.0,
                last: facts.span.1,
                link_types: interfaces.filter_map(|i| i.link_type).collect(),
                sha256: guessed.sha256.clone(),
                exact: true,
            }
        });
        let right = Self::of(known.collect())?;
        Ok((right.series != self.series).then_some(right))
    }
}

/// Orders and groups the inputs; `exact` if every one has to be walked, because nobody can correct the plan.
///
/// # Errors
/// The first input that is no readable capture, in the order given.
pub fn plan(
    sources: &[Source],
    spool: &mut Spool,
    hash: bool,
    exact: bool,
    means: &Means,
) -> Result<Plan, Error> {
    if let [only] = sources {
        return Ok(Plan {
            inputs: vec![only.clone()],
            series: vec![vec![0]],
            first: None,
            surveyed: Vec::new(),
        });
    }
    let sources = sources
        .iter()
        .map(|source| match source.runs_dry() {
            true => spool.take(source, means),
            false => Ok(source.clone()),
        })
        .collect::<Result<Vec<_>, _>>()?;
    means.pass("looking through", sources.iter());
    let mut surveyed = in_order(&sources, &means.threads, |_, source| {
        survey(source, exact, means)
    })?;
    surveyed.sort_by_key(|s| s.first);
    if hash {
        // Only where times tie does the order need the hash before the audit.
        let mut tied: Vec<&mut Surveyed> = surveyed
            .chunk_by_mut(|a, b| a.first == b.first)
            .filter(|same| same.len() > 1)
            .flatten()
            .collect();
        means.pass("hashing", tied.iter().map(|s| &s.source));
        for s in &mut tied {
            let (facts, _) = Capture::open(&s.source, 0, true, means)?.finish()?;
            s.sha256 = facts.sha256;
        }
    }
    surveyed.sort_by_key(|s| (s.first, s.sha256.clone(), s.source.name()));
    match Plan::of(surveyed.clone()) {
        // Nobody is refused by a guess.
        Err(_) if surveyed.iter().any(|s| !s.exact) => {
            for guessed in surveyed.iter_mut().filter(|s| !s.exact) {
                *guessed = Surveyed {
                    sha256: guessed.sha256.take(),
                    ..survey(&guessed.source, true, means)?
                };
            }
            Plan::of(surveyed)
        }
        made => made,
    }
}

/// What the order and the series depend on.
fn survey(source: &Source, exact: bool, means: &Means) -> Result<Surveyed, Error> {
    let mut capture = Capture::open(source, 0, false, means)?;
    while capture.span().0 == Timestamp::UNKNOWN && capture.next_frame().is_some() {}
    let (first, _) = capture.span();
    let end = match exact {
        true => None,
        false => end(&capture, source, means),
    };
    if end.is_none() {
        while capture.next_frame().is_some() {}
    }
    let link_types = capture
        .interfaces()
        .iter()
        .filter_map(|i| i.link_type)
        .collect();
    Ok(Surveyed {
        source: source.clone(),
        first,
        last: end.unwrap_or(capture.span().1),
        link_types,
        sha256: None,
        exact: end.is_none(),
    })
}

/// The latest time at the end of a file of which the start was read.
fn end(capture: &Capture, source: &Source, means: &Means) -> Option<Timestamp> {
    let (Source::File(path) | Source::Declared(path, _) | Source::Spooled(path, _)) = source else {
        return None;
    };
    let spliced = tail::spliced(path, capture.offset()?)?;
    let silent = Means {
        progress: Progress::default(),
        ..means.clone()
    };
    let whole = Box::new(std::io::Cursor::new(spliced));
    let mut spliced = Capture::over(source, whole, 0, false, &silent).ok()?;
    let mut packets = 0u64;
    while spliced.next_frame().is_some() {
        packets = packets.saturating_add(1);
    }
    let (_, last) = spliced.span();
    // The first packet stands at the start, too; by itself it says nothing of the end.
    (packets > 1 && last != Timestamp::UNKNOWN).then_some(last)
}

/// Each input joins the series that ended last before it began, if link types agree.
fn group(inputs: &[Surveyed]) -> Vec<Vec<u32>> {
    struct Open<'a> {
        members: Vec<u32>,
        last: Timestamp,
        link_types: &'a BTreeSet<u16>,
        name: Option<&'a str>,
    }
    let mut open: Vec<Open<'_>> = Vec::new();
    for (index, input) in (0u32..).zip(inputs) {
        let fits = open
            .iter_mut()
            .filter(|s| s.link_types == &input.link_types && s.name == input.source.series())
            .filter(|s| input.first.since(s.last).is_some_and(|gap| gap > -OVERLAP))
            .max_by_key(|s| s.last);
        match fits {
            Some(series) => {
                series.members.push(index);
                series.last = series.last.max(input.last);
            }
            None => open.push(Open {
                members: vec![index],
                last: input.last,
                link_types: &input.link_types,
                name: input.source.series(),
            }),
        }
    }
    open.into_iter().map(|s| s.members).collect()
}

/// Refuses captures that were declared to be one series, and overlap or differ in their links.
fn one_recording_each(inputs: &[Surveyed], series: &[Vec<u32>]) -> Result<(), Error> {
    let mut seen: BTreeSet<&str> = BTreeSet::new();
    for members in series {
        let first = members.first().and_then(|i| inputs.get(*i as usize));
        let Some((input, name)) = first.and_then(|i| Some((i, i.source.series()?))) else {
            continue;
        };
        if !seen.insert(name) {
            return Err(Error::at(
                input.source.display(),
                format!("cannot be of the series '{name}': it overlaps another capture of it, or was taken on another kind of link"),
            )
            .advise("captures of the same minutes are different vantages: give them different series, or none"));
        }
    }
    Ok(())
}

/// Temporary files for standard input and pipes beside other inputs: they have to be read twice.
#[derive(Debug, Default)]
pub struct Spool(Vec<Unfinished>);

impl Spool {
    fn take(&mut self, source: &Source, means: &Means) -> Result<Source, Error> {
        let refuse = |e: std::io::Error| {
            Error::at(
                source.display(),
                format!("cannot be kept in a temporary file: {}", reason(&e)),
            )
            .advise("save it to a file and name that")
        };
        let mut file = Unfinished::private().map_err(refuse)?;
        means.pass("keeping", std::iter::once(source));
        means.progress.file(&source.display());
        let mut reader = means.progress.reader(source.open()?);
        std::io::copy(&mut reader, &mut file).map_err(refuse)?;
        let path = file.path().to_owned();
        self.0.push(file);
        Ok(Source::Spooled(path, Box::new(source.clone())))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn input(first: i64, last: i64, link: u16) -> Surveyed {
        let t = |s: i64| Timestamp::from_nanos(i128::from(s) * i128::from(Timestamp::SECOND) / 10);
        Surveyed {
            source: Source::Stdin,
            first: t(first),
            last: t(last),
            link_types: BTreeSet::from([link]),
            sha256: None,
            exact: true,
        }
    }

    #[test]
    fn rotated_files_are_one_series_and_overlapping_ones_are_vantages() {
        // Tenths of a second: the second file starts 0.9 s before the first ends.
        assert_eq!(group(&[input(0, 600, 1), input(591, 900, 1)]), [[0, 1]]);
        assert_eq!(group(&[input(0, 600, 1), input(590, 900, 1)]), [[0], [1]]);
        assert_eq!(group(&[input(0, 600, 1), input(700, 900, 101)]), [[0], [1]]);
        // Two vantages, each rotated: every file finds its own.
        let interleaved = [
            input(0, 600, 1),
            input(1, 602, 101),
            input(600, 900, 1),
            input(602, 901, 101),
        ];
        assert_eq!(group(&interleaved), [[0, 2], [1, 3]]);
    }

    #[test]
    fn declared_series_are_kept_apart_and_have_to_be_possible() {
        let of = |first, last, name: &str| Surveyed {
            source: Source::Declared(
                name.into(),
                crate::observe::capture::Declared {
                    shift: 0,
                    series: Some(name.to_owned()),
                },
            ),
            ..input(first, last, 1)
        };
        let apart = [of(0, 600, "phone"), of(600, 900, "access-point")];
        assert_eq!(group(&apart), [[0], [1]]);
        assert!(one_recording_each(&apart, &group(&apart)).is_ok());
        let one = [of(0, 600, "phone"), of(600, 900, "phone")];
        assert_eq!(group(&one), [[0, 1]]);
        let both = [of(0, 600, "phone"), of(300, 900, "phone")];
        let refused = one_recording_each(&both, &group(&both)).map_err(|e| e.to_string());
        assert!(refused.is_err_and(|e| e.contains("cannot be of the series 'phone'")));
    }

    /// A pcap of packets at these seconds, larger than what is read whole to learn its end.
    fn large(folder: &std::path::Path, name: &str, seconds: impl Iterator<Item = u32>) -> Source {
        static DATA: [u8; 50_000] = [7; 50_000];
        let mut out = vec![0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        out.extend([0, 0, 4, 0, 1, 0, 0, 0]);
        for second in seconds {
            let fields = [1_700_000_000 + second, 0, 50_000, 50_000];
            out.extend(fields.map(u32::to_le_bytes).as_flattened());
            out.extend(DATA);
        }
        assert!(out.len() as u64 > tail::WHOLE_MAX);
        let path = folder.join(name);
        std::fs::write(&path, out).unwrap();
        Source::File(path)
    }

    #[test]
    fn ends_are_guessed_and_a_wrong_guess_is_corrected_by_what_was_read() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, seconds: &mut dyn Iterator<Item = u32>| {
            large(folder.path(), name, seconds)
        };
        let first = file("first.pcap", &mut (0..100));
        let next = file("next.pcap", &mut (100..200));
        let beside = file("beside.pcap", &mut (50..150));
        // Its latest packet stands before what is looked at.
        let late = file("late.pcap", &mut (0..40).chain([150]).chain(40..100));
        let means = Means::default();
        let planned = |sources: &[&Source], exact| {
            let sources: Vec<Source> = sources.iter().map(|s| (*s).clone()).collect();
            plan(&sources, &mut Spool::default(), false, exact, &means).unwrap()
        };
        let corrected = |plan: &Plan| {
            let read = plan.inputs.iter().map(|source| {
                let capture = Capture::open(source, 0, false, &means).unwrap();
                capture.finish().unwrap().0
            });
            let read: Vec<InputFacts> = read.collect();
            plan.corrected(read.iter()).unwrap()
        };
        for (sources, series, wrong) in [
            (&[&next, &first][..], &[&[0, 1][..]][..], false),
            (&[&first, &beside], &[&[0], &[1]], false),
            (&[&first, &beside, &next], &[&[0, 2], &[1]], false),
            (&[&late, &next], &[&[0], &[1]], true),
        ] {
            let guessed = planned(sources, false);
            assert!(guessed.surveyed.iter().all(|s| !s.exact));
            let right = corrected(&guessed);
            assert_eq!(right.is_some(), wrong);
            let right = right.unwrap_or(guessed);
            let exact = planned(sources, true);
            assert_eq!(right.series, series);
            assert_eq!(
                (&right.series, &right.inputs),
                (&exact.series, &exact.inputs)
            );
            assert_eq!(right.first, exact.first);
            assert_eq!(corrected(&exact), None);
        }
        // What breaks off has no end to look at.
        let Source::File(path) = &first else { return };
        let length = std::fs::metadata(path).unwrap().len();
        let cut = std::fs::OpenOptions::new().write(true).open(path).unwrap();
        cut.set_len(length - 1).unwrap();
        let plan = planned(&[&first, &next], false);
        let exact: Vec<bool> = plan.surveyed.iter().map(|s| s.exact).collect();
        assert_eq!(exact, [true, false]);
    }
}
