//! Which inputs belong together: rotated files of one recording are a series, captures of the
//! same minutes from two places are different vantages (contract, "Several inputs").
//!
//! A case file may name the series of a capture: captures of different names are kept apart, and
//! captures of one name that cannot be one recording are refused.
//!
//! With a single input nothing is read ahead. With several, each is walked once beforehand for
//! its first and last time and its link types; packets are not decoded for that.

use super::{Capture, Means, Source};
use crate::ground::error::{Error, reason};
use crate::ground::moment::Timestamp;
use crate::ground::unfinished::Unfinished;
use std::collections::BTreeSet;

/// Files of one series may overlap by less than this (nanoseconds): a rotation is not atomic.
const OVERLAP: i64 = Timestamp::SECOND;

/// An input before it is audited.
#[derive(Debug, Clone)]
struct Surveyed {
    source: Source,
    first: Timestamp,
    last: Timestamp,
    link_types: BTreeSet<u16>,
    sha256: Option<String>,
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
}

/// Orders and groups the inputs.
///
/// # Errors
/// The first input that is no readable capture, in the order given.
pub fn plan(
    sources: &[Source],
    spool: &mut Spool,
    hash: bool,
    means: &Means,
) -> Result<Plan, Error> {
    if let [only] = sources {
        return Ok(Plan {
            inputs: vec![only.clone()],
            series: vec![vec![0]],
            first: None,
        });
    }
    let sources = sources
        .iter()
        .map(|source| match source {
            Source::Stdin => spool.take_stdin(means),
            other => Ok(other.clone()),
        })
        .collect::<Result<Vec<_>, _>>()?;
    means.pass("looking through", sources.iter());
    let mut surveyed = Vec::with_capacity(sources.len());
    for source in sources {
        surveyed.push(survey(source, means)?);
    }
    surveyed.sort_by_key(|s| s.first);
    if hash {
        // Only where times tie does the order need the hash before the audit.
        let ties: Vec<bool> = surveyed
            .iter()
            .map(|s| surveyed.iter().filter(|o| o.first == s.first).count() > 1)
            .collect();
        let tied = surveyed.iter_mut().zip(ties).filter(|(_, tied)| *tied);
        let tied: Vec<&mut Surveyed> = tied.map(|(s, _)| s).collect();
        means.pass("hashing", tied.iter().map(|s| &s.source));
        for s in tied {
            let (facts, _) = Capture::open(&s.source, 0, true, means)?.finish()?;
            s.sha256 = facts.sha256;
        }
    }
    surveyed.sort_by_key(|s| (s.first, s.sha256.clone(), s.source.name()));
    let series = group(&surveyed);
    one_recording_each(&surveyed, &series)?;
    Ok(Plan {
        first: Some(
            surveyed
                .iter()
                .map(|s| s.first)
                .find(|t| *t != Timestamp::UNKNOWN)
                .unwrap_or(Timestamp::UNKNOWN),
        ),
        series,
        inputs: surveyed.into_iter().map(|s| s.source).collect(),
    })
}

fn survey(source: Source, means: &Means) -> Result<Surveyed, Error> {
    let mut capture = Capture::open(&source, 0, false, means)?;
    let (mut first, mut last) = (Timestamp::UNKNOWN, Timestamp::UNKNOWN);
    while let Some(frame) = capture.next_frame() {
        let time = frame.moment.time;
        if first == Timestamp::UNKNOWN {
            first = time;
        }
        last = last.max(time);
    }
    let link_types = capture
        .interfaces()
        .iter()
        .filter_map(|i| i.link_type)
        .collect();
    Ok(Surveyed {
        source,
        first,
        last,
        link_types,
        sha256: None,
    })
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

/// Temporary files for standard input beside other inputs: it has to be read twice.
#[derive(Debug, Default)]
pub struct Spool(Vec<Unfinished>);

impl Spool {
    fn take_stdin(&mut self, means: &Means) -> Result<Source, Error> {
        let refuse = |e: std::io::Error| {
            Error::at(
                "standard input",
                format!("cannot be kept in a temporary file: {}", reason(&e)),
            )
            .advise("save it to a file and name that")
        };
        let mut file = Unfinished::private().map_err(refuse)?;
        means.pass("keeping", std::iter::once(&Source::Stdin));
        means.progress.file("standard input");
        let stdin = Box::new(std::io::stdin().lock());
        std::io::copy(&mut means.progress.reader(stdin), &mut file).map_err(refuse)?;
        let path = file.path().to_owned();
        self.0.push(file);
        Ok(Source::Spooled(path))
    }
}

#[cfg(test)]
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
}
