//! The label of one packet, put together from the options of its block.
//!
//! Read: comments of PCAPdroid and pymobiledevice3, the numbers of Darwin's process blocks
//! (options 0x8001 and 0x8003 of Apple's libpcap), `epb_processid_threadid` (§4.3, option 8).
//! If a packet carries several, the one that says most is its label; what only another one knows is
//! added. Two comments of pymobiledevice3 on one packet, or two different numbers of a kind, say
//! nothing.

use super::comment;
use super::comment::Comment;
use super::options::{OPT_COMMENT, Opt, word};
use super::process::{COMM_MAX, Processes, known};
use crate::ground::label::{Label, LabelSource, Process};
use std::ops::Range;

const EPB_PROCESS_THREAD: u16 = 8;
const EPB_PROCESS_BLOCK: u16 = 0x8001;
const EPB_EFFECTIVE_BLOCK: u16 = 0x8003;

/// One statement of each kind.
#[derive(Debug, Clone, Copy, Default)]
enum Said<T> {
    #[default]
    Nothing,
    Once(T),
    Contradiction,
}

impl<T: Copy + PartialEq> Said<T> {
    fn add(&mut self, value: T) {
        *self = match *self {
            Self::Nothing => Self::Once(value),
            Self::Once(have) if have == value => Self::Once(have),
            _ => Self::Contradiction,
        };
    }

    fn get(self) -> Option<T> {
        match self {
            Self::Once(value) => Some(value),
            Self::Nothing | Self::Contradiction => None,
        }
    }
}

/// A place in the held bytes of the record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Span {
    start: usize,
    end: usize,
}

impl Span {
    fn of(self, held: &[u8]) -> &[u8] {
        held.get(self.start..self.end).unwrap_or_default()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Mobile {
    pid: u32,
    name: Span,
    effective_pid: u32,
    effective_name: Span,
}

/// What the options of a packet's block say about its program.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Claims {
    uid: Said<i32>,
    mobile: Said<Mobile>,
    process: Said<u32>,
    effective: Said<u32>,
    pid: Said<u32>,
}

impl Claims {
    /// Takes note of an option; `list` is where the options begin in the held bytes. True when it
    /// is about the program.
    pub(super) fn take(&mut self, option: Opt<'_>, list: usize, big: bool) -> bool {
        match option.code {
            OPT_COMMENT => match comment::parse(option.value) {
                Some(Comment::Uid(uid)) => self.uid.add(uid),
                Some(Comment::Mobile {
                    pid,
                    name,
                    effective_pid,
                    effective_name,
                }) => {
                    let at = |range: Range<usize>| Span {
                        start: list + option.at + range.start,
                        end: list + option.at + range.end,
                    };
                    self.mobile.add(Mobile {
                        pid,
                        name: at(name),
                        effective_pid,
                        effective_name: at(effective_name),
                    });
                }
                None => return false,
            },
            EPB_PROCESS_BLOCK | EPB_EFFECTIVE_BLOCK | EPB_PROCESS_THREAD => {
                let want = if option.code == EPB_PROCESS_THREAD {
                    8
                } else {
                    4
                };
                let number = word(option.value, 0, big).filter(|_| option.value.len() == want);
                let said = match option.code {
                    EPB_PROCESS_BLOCK => &mut self.process,
                    EPB_EFFECTIVE_BLOCK => &mut self.effective,
                    _ => &mut self.pid,
                };
                match number {
                    Some(number) => said.add(number),
                    None => *said = Said::Contradiction,
                }
            }
            _ => return false,
        }
        true
    }

    /// True when a process block is referred to that the section does not describe.
    pub(super) fn dangling(&self, processes: &Processes) -> bool {
        let missing = |said: Said<u32>| said.get().is_some_and(|n| !processes.described(n));
        missing(self.process) || missing(self.effective)
    }

    /// The label; `held` is the record that the claims were read from.
    pub(super) fn label<'a>(&self, held: &'a [u8], processes: &'a Processes) -> Option<Label<'a>> {
        let all = [
            self.darwin(processes),
            self.mobile(held),
            self.pcapdroid(),
            self.process_id(),
        ];
        let mut best: Option<Label<'a>> = None;
        for label in all.into_iter().flatten() {
            if best.is_none_or(|b| strength(&b) < strength(&label)) {
                best = Some(label);
            }
        }
        let mut best = best?;
        best.uid = best.uid.or_else(|| self.pcapdroid()?.uid);
        if best.process.is_empty() {
            best.process.pid = self.process_id().and_then(|l| l.process.pid);
        }
        Some(best)
    }

    fn darwin<'a>(&self, processes: &'a Processes) -> Option<Label<'a>> {
        let find = |said: Said<u32>| said.get().and_then(|n| processes.get(n));
        some(Label {
            process: find(self.process).unwrap_or_default(),
            effective: find(self.effective).unwrap_or_default(),
            ..Label::of(LabelSource::DarwinProcess)
        })
    }

    fn mobile<'a>(&self, held: &'a [u8]) -> Option<Label<'a>> {
        let said = self.mobile.get()?;
        let process = |pid: u32, name: &'a [u8]| Process {
            pid: known(pid, name),
            name: (!name.is_empty()).then_some(name),
            cut: name.len() >= COMM_MAX,
        };
        some(Label {
            process: process(said.pid, said.name.of(held)),
            effective: process(said.effective_pid, said.effective_name.of(held)),
            ..Label::of(LabelSource::Pymobiledevice3)
        })
    }

    fn pcapdroid(&self) -> Option<Label<'static>> {
        let uid = u32::try_from(self.uid.get()?).ok()?;
        Some(Label {
            uid: Some(uid),
            ..Label::of(LabelSource::PcapdroidComment)
        })
    }

    fn process_id(&self) -> Option<Label<'static>> {
        let pid = self.pid.get().filter(|&pid| pid != 0)?;
        let mut label = Label::of(LabelSource::ProcessId);
        label.process.pid = Some(pid);
        Some(label)
    }
}

fn some(label: Label<'_>) -> Option<Label<'_>> {
    (!label.is_empty()).then_some(label)
}

/// How much a label says: on whose behalf, which program, whose user id, which process id.
fn strength(label: &Label<'_>) -> u8 {
    if !label.effective.is_empty() {
        3
    } else if label.process.name.is_some() {
        2
    } else if label.uid.is_some() {
        1
    } else {
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labelled(options: &[(u16, &[u8])], expect: impl Fn(Option<Label<'_>>)) {
        let mut processes = Processes::default();
        for (pid, name) in [(11u32, "agent"), (12, "DJI")] {
            let len = [0, 2, 0, name.len() as u8];
            let body = [&pid.to_be_bytes()[..], &len, name.as_bytes(), &[0; 3]].concat();
            processes.add(Some(&body), true);
        }
        let mut held = vec![0xee; 40];
        let mut claims = Claims::default();
        let mut places = Vec::new();
        for (_, value) in options {
            places.push(held.len());
            held.extend_from_slice(value);
        }
        for ((code, value), at) in options.iter().zip(places) {
            let option = Opt {
                code: *code,
                at: at - 40,
                value,
            };
            claims.take(option, 40, true);
        }
        expect(claims.label(&held, &processes));
    }

    const MOBILE: &[u8] =
        b"PID: 4, ProcName: nsurlsessiond, EPID: 12, EProcName: DJIPilotExtended, SVC: 0";

    #[test]
    fn the_one_that_says_most_is_the_label() {
        labelled(&[(1, MOBILE), (1, b"u-10007")], |label| {
            let label = label.unwrap_or_else(|| panic!("a label"));
            assert_eq!(label.source, LabelSource::Pymobiledevice3);
            assert_eq!((label.uid, label.process.pid), (Some(10_007), Some(4)));
            assert_eq!(label.process.name, Some(&b"nsurlsessiond"[..]));
            assert_eq!(label.effective.name, Some(&b"DJIPilotExtended"[..]));
            assert_eq!((label.process.cut, label.effective.cut), (false, true));
        });
        let index = |n: u32| n.to_be_bytes();
        labelled(
            &[(0x8001, &index(0)), (0x8003, &index(1)), (1, MOBILE)],
            |label| {
                let label = label.unwrap_or_else(|| panic!("a label"));
                assert_eq!(label.source, LabelSource::DarwinProcess);
                assert_eq!(label.process.name, Some(&b"agent"[..]));
                assert_eq!(label.effective.pid, Some(12));
            },
        );
        let thread = [0, 0, 4, 0xd2, 0, 0, 0, 9];
        labelled(&[(8, &thread), (1, b"u-0")], |label| {
            let label = label.unwrap_or_else(|| panic!("a label"));
            assert_eq!(label.source, LabelSource::PcapdroidComment);
            assert_eq!((label.uid, label.process.pid), (Some(0), Some(1234)));
        });
        labelled(&[(8, &thread)], |label| {
            assert_eq!(label.map(|l| l.source), Some(LabelSource::ProcessId));
        });
    }

    #[test]
    fn what_is_missing_contradictory_or_unknown_is_no_label() {
        let nobody = |options: &[(u16, &[u8])]| {
            labelled(options, |label| assert_eq!(label, None, "{options:?}"));
        };
        nobody(&[(1, b"u--1")]);
        nobody(&[(1, b"u-10007"), (1, b"u-10008")]);
        nobody(&[(1, MOBILE), (1, MOBILE)]);
        nobody(&[(1, b"PID=1234")]);
        nobody(&[(0x8001, &[0, 0, 0, 2])]);
        nobody(&[(0x8001, &[0, 0, 0, 0]), (0x8001, &[0, 0, 0, 1])]);
        nobody(&[(0x8001, &[0, 0, 0])]);
        nobody(&[(8, &[0; 8])]);
        nobody(&[(8, &[0, 0, 0, 7])]);
        nobody(&[(1, b"PID: 0, ProcName: , EPID: 0, EProcName: , SVC: 0")]);
    }
}
