//! What an input turned out to be: its interfaces, who recorded it, what it says about itself.

use crate::evidence::input::{Hints, Interface, Recorder, Remark, Secrets, UidName};
use crate::ground::cause::InterfaceTitle;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Interfaces that one input may describe in all its sections and files together; an honest one
/// has a few dozen. Beyond that, only descriptions already known are taken.
pub(super) const INTERFACES_MAX: usize = 4096;

/// Bytes kept of a text in which a capture describes itself; an option can hold 64 KiB.
pub(super) const TEXT_MAX: usize = 1024;

/// Different recorders that are kept: a file joined from more says no more about itself.
const RECORDERS_MAX: usize = 64;

/// Names of user ids kept per input; a phone has a few hundred apps.
const UID_NAMES_MAX: usize = 16_384;

/// Remarks kept about an input.
const REMARKS_MAX: usize = 32;

/// The interfaces of an input, in the order of the file, in bounded memory.
#[derive(Default)]
pub(super) struct Interfaces {
    list: Vec<Interface>,
    unknown: Option<u32>,
    /// Where each description stands; only filled once the list is full.
    known: HashMap<Interface, u32>,
}

impl Interfaces {
    pub(super) fn as_slice(&self) -> &[Interface] {
        &self.list
    }

    pub(super) fn into_vec(self) -> Vec<Interface> {
        self.list
    }

    pub(super) fn get(&self, index: u32) -> Option<&Interface> {
        self.list.get(index as usize)
    }

    /// Appends an interface; `None` when there are too many and none of them is like this one.
    pub(super) fn add(&mut self, interface: Interface) -> Option<u32> {
        if self.list.len() < INTERFACES_MAX {
            self.list.push(interface);
            return u32::try_from(self.list.len() - 1).ok();
        }
        if self.known.is_empty() {
            let described = (0u32..).zip(&self.list).map(|(at, i)| {
                let bare = Interface {
                    dropped: None,
                    ..i.clone()
                };
                (bare, at)
            });
            self.known = described.collect();
        }
        self.known.get(&interface).copied()
    }

    /// The stand-in for packets whose interface is not described: one per input, read by nobody.
    pub(super) fn unknown(&mut self) -> u32 {
        match self.unknown {
            Some(at) => at,
            None => {
                let at = u32::try_from(self.list.len()).unwrap_or(u32::MAX);
                self.list.push(Interface::default());
                *self.unknown.insert(at)
            }
        }
    }

    /// Counts packets that the interface lost; zero says that it counts them.
    pub(super) fn lost(&mut self, index: u32, more: u64) {
        if let Some(i) = self.list.get_mut(index as usize) {
            i.dropped = Some(i.dropped.unwrap_or(0).saturating_add(more));
        }
    }

    /// How texts call an interface: by its name, else by its place in the file.
    pub(super) fn title(&self, index: u32) -> InterfaceTitle {
        match self.get(index).and_then(|i| i.name.as_deref()) {
            Some(name) => InterfaceTitle::Named(name.into()),
            None => InterfaceTitle::Place(index),
        }
    }
}

/// What a file says beside its packets, as it is collected.
#[derive(Debug, Default)]
pub(super) struct Collected {
    pub(super) recorders: BTreeSet<Recorder>,
    pub(super) uid_names: BTreeMap<u32, BTreeSet<UidName>>,
    uid_name_count: usize,
    pub(super) secrets: Secrets,
    pub(super) hints: Hints,
    pub(super) remarks: Vec<Remark>,
    /// Blocks beside the packets, where somebody copies them.
    pub(super) kept: Option<super::raw::Kept>,
    /// Files or sections that begin behind others, and the packet that the first of them follows.
    joints: u64,
    first_joint: u64,
}

impl Collected {
    /// Keeps a block beside the packets, where somebody copies them.
    pub(super) fn keep(&mut self, kind: super::raw::BesideKind, big: bool, block: &[u8]) {
        if let Some(kept) = &mut self.kept {
            kept.add(kind, big, block);
        }
    }

    /// Another recording begins behind packet number `packet`.
    pub(super) fn joined(&mut self, packet: u64) {
        if self.joints == 0 {
            self.first_joint = packet;
        }
        self.joints = self.joints.saturating_add(1);
    }

    /// Says that recordings follow one another, once all are known.
    pub(super) fn tell_joined(&mut self) {
        if self.joints > 0 {
            self.remark(Remark::Joined(
                self.joints.saturating_add(1),
                self.first_joint,
            ));
        }
    }

    /// Says that packets name processes which the file does not describe.
    pub(super) fn nameless(&mut self, packets: u64) {
        if packets > 0 {
            self.remark(Remark::ProcessesMissing(packets));
        }
    }

    pub(super) fn recorder(&mut self, recorder: Recorder) {
        if recorder != Recorder::default() && self.recorders.len() < RECORDERS_MAX {
            self.recorders.insert(recorder);
        }
    }

    /// False when there is no room for it.
    pub(super) fn uid_name(&mut self, uid: u32, name: UidName) -> bool {
        let known = self.uid_names.get(&uid).is_some_and(|n| n.contains(&name));
        if known {
            return true;
        }
        if self.uid_name_count >= UID_NAMES_MAX {
            return false;
        }
        self.uid_name_count += 1;
        self.uid_names.entry(uid).or_default().insert(name);
        true
    }

    /// What a reader should know of the input, once.
    pub(super) fn remark(&mut self, remark: Remark) {
        if self.remarks.len() < REMARKS_MAX && !self.remarks.contains(&remark) {
            self.remarks.push(remark);
        }
    }
}

/// Text of an option, without padding, at most [`TEXT_MAX`] bytes of it; `None` when it is empty.
pub(super) fn text(bytes: &[u8]) -> Option<String> {
    let bytes = bytes.get(..TEXT_MAX).unwrap_or(bytes);
    let text = String::from_utf8_lossy(bytes);
    let text = text.trim_end_matches('\0');
    (!text.trim().is_empty()).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_list_takes_only_what_it_knows() {
        let mut interfaces = Interfaces::default();
        let of = |snaplen| Interface {
            link_type: Some(1),
            snaplen,
            ..Interface::default()
        };
        for snaplen in (0u32..).take(INTERFACES_MAX) {
            assert_eq!(interfaces.add(of(snaplen)), Some(snaplen));
        }
        interfaces.lost(7, 3);
        assert_eq!(interfaces.add(of(7)), Some(7));
        assert_eq!(interfaces.add(of(1 << 30)), None);
        let unknown = interfaces.unknown();
        assert_eq!(
            (unknown as usize, interfaces.unknown()),
            (INTERFACES_MAX, unknown)
        );
        assert_eq!(interfaces.add(Interface::default()), None);
    }
}
