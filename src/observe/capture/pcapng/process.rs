//! Darwin's process blocks (block type 0x80000001 of Apple's libpcap, "PIB" there and "DPEB" in
//! Wireshark), kept in the order of their section: packets refer to them by number.
//!
//! A process id, and options with name, path and UUID. The name is what PKTAP knows: at most 16
//! characters. A block that cannot be read still takes its place, or every packet behind it would
//! be laid at another program's door; a number without a block names nobody.

use super::options::{Options, word};
use crate::ground::label::Process;

const PIB_NAME: u16 = 2;
const PIB_PATH: u16 = 3;

/// Processes kept per section; a phone starts a few thousand in a day.
const PROCESSES_MAX: usize = 32_768;

/// Bytes kept of a name; a path component has no more.
const NAME_MAX: usize = 255;

/// Darwin's MAXCOMLEN: a name as long as this may have been cut.
pub(super) const COMM_MAX: usize = 16;

struct Entry {
    pid: Option<u32>,
    /// The name's place in [`Processes::names`].
    start: usize,
    len: usize,
    cut: bool,
}

/// The processes of a section.
#[derive(Default)]
pub(super) struct Processes {
    entries: Vec<Entry>,
    names: Vec<u8>,
    /// Bytes were skipped: a block may have been among them, and no number behind is certain.
    uncertain: bool,
}

/// What became of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kept {
    Yes,
    Malformed,
    TooMany,
}

impl Processes {
    /// Forgets the processes of the section before.
    pub(super) fn clear(&mut self) {
        self.entries.clear();
        self.names.clear();
        self.uncertain = false;
    }

    /// Places taken so far.
    pub(super) fn count(&self) -> usize {
        self.entries.len()
    }

    /// From here on no block has a certain number in this section.
    pub(super) fn lose_count(&mut self) {
        self.uncertain = true;
    }

    /// Takes the body of the next block; `None` for one that was not held.
    pub(super) fn add(&mut self, body: Option<&[u8]>, big: bool) -> Kept {
        if self.uncertain {
            return Kept::Yes;
        }
        if self.entries.len() >= PROCESSES_MAX {
            return Kept::TooMany;
        }
        let mut entry = Entry {
            pid: None,
            start: self.names.len(),
            len: 0,
            cut: false,
        };
        let mut kept = Kept::Malformed;
        if let Some((pid, list)) =
            body.and_then(|b| Some((word(b, 0, big)?, b.get(4..).unwrap_or_default())))
        {
            let (mut name, mut path): (&[u8], &[u8]) = (&[], &[]);
            let mut options = Options::new(list, big);
            for option in options.by_ref() {
                match option.code {
                    PIB_NAME if name.is_empty() => name = unpadded(option.value),
                    PIB_PATH if path.is_empty() => path = unpadded(option.value),
                    _ => {}
                }
            }
            if !options.broken() {
                kept = Kept::Yes;
            }
            // The path knows the whole name where the name was cut.
            let file = path.rsplit(|&b| b == b'/').next().unwrap_or_default();
            let cut = name.len() >= COMM_MAX;
            let whole = name.is_empty() || (cut && file.starts_with(name));
            let (name, cut) = if whole && !file.is_empty() {
                (file, false)
            } else {
                (name, cut)
            };
            let stored = name.get(..NAME_MAX).unwrap_or(name);
            self.names.extend_from_slice(stored);
            entry.len = stored.len();
            entry.cut = cut || stored.len() < name.len();
            entry.pid = known(pid, name);
        }
        self.entries.push(entry);
        kept
    }

    /// True when the section has a block with this number, readable or not.
    pub(super) fn described(&self, number: u32) -> bool {
        (number as usize) < self.entries.len()
    }

    /// The process with this number; `None` when the section describes none.
    pub(super) fn get(&self, number: u32) -> Option<Process<'_>> {
        let entry = self.entries.get(number as usize)?;
        let name = self.names.get(entry.start..entry.start + entry.len)?;
        let process = Process {
            pid: entry.pid,
            name: (!name.is_empty()).then_some(name),
            cut: entry.cut,
        };
        (!process.is_empty()).then_some(process)
    }
}

/// A process id as Darwin's tools write it, if it means a process: -1 never does, 0 only does
/// with a name (`kernel_task`).
pub(super) fn known(pid: u32, name: &[u8]) -> Option<u32> {
    (pid != u32::MAX && (pid != 0 || !name.is_empty())).then_some(pid)
}

/// Text up to the first NUL.
fn unpadded(value: &[u8]) -> &[u8] {
    value.split(|&b| b == 0).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(pid: u32, options: &[(u16, &str)]) -> Vec<u8> {
        let mut out = pid.to_be_bytes().to_vec();
        for (code, value) in options {
            out.extend(code.to_be_bytes());
            out.extend((value.len() as u16).to_be_bytes());
            out.extend(value.as_bytes());
            out.resize(out.len().next_multiple_of(4), 0);
        }
        out
    }

    #[test]
    fn every_block_takes_its_place_and_a_number_without_one_names_nobody() {
        let mut processes = Processes::default();
        let mut add = |body: Option<&[u8]>| processes.add(body, true);
        assert_eq!(add(Some(&block(7, &[(PIB_NAME, "first\0\0")]))), Kept::Yes);
        assert_eq!(add(Some(&[0, 0, 1])), Kept::Malformed);
        assert_eq!(add(None), Kept::Malformed);
        assert_eq!(
            add(Some(&block(0, &[(PIB_NAME, "kernel_task")]))),
            Kept::Yes
        );
        assert_eq!(add(Some(&block(u32::MAX, &[]))), Kept::Yes);
        let long = "com.apple.WebKit";
        let path = format!("/System/{long}.Networking");
        let whole = [(PIB_NAME, long), (PIB_PATH, path.as_str())];
        assert_eq!(add(Some(&block(8, &whole))), Kept::Yes);
        let other = [(PIB_NAME, long), (PIB_PATH, "/bin/sh")];
        assert_eq!(add(Some(&block(9, &other))), Kept::Yes);
        let named = |number: u32| {
            let p = processes.get(number)?;
            let name = p.name.map(|n| String::from_utf8_lossy(n).into_owned());
            Some((p.pid, name.unwrap_or_default(), p.cut))
        };
        assert_eq!(named(0), Some((Some(7), "first".into(), false)));
        for number in [1, 2, 4, 7, u32::MAX] {
            assert_eq!(named(number), None, "{number}");
        }
        assert_eq!(named(3), Some((Some(0), "kernel_task".into(), false)));
        assert_eq!(named(5).unwrap().1, "com.apple.WebKit.Networking");
        assert_eq!(named(6), Some((Some(9), long.into(), true)));
    }

    #[test]
    fn nothing_is_numbered_behind_skipped_bytes_or_past_the_limit() {
        let mut processes = Processes::default();
        processes.add(Some(&block(1, &[])), true);
        processes.lose_count();
        processes.add(Some(&block(2, &[])), true);
        assert!(processes.get(0).is_some() && processes.get(1).is_none());
        processes.clear();
        for _ in 0..PROCESSES_MAX {
            assert_eq!(processes.add(Some(&block(3, &[])), true), Kept::Yes);
        }
        assert_eq!(processes.add(Some(&block(4, &[])), true), Kept::TooMany);
        let past = u32::try_from(PROCESSES_MAX).unwrap();
        assert!(processes.get(past - 1).is_some() && processes.get(past).is_none());
    }
}
