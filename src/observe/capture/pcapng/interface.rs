//! The interfaces of a section, by number, and the packets that they lost.
//!
//! Losses are told twice: packets say how many were lost before them (§4.3 epb_dropcount), and
//! statistics how many since the capture began (§4.6). They are the same packets: the larger sum
//! counts. Statistics also say how many packets the filter let through and how many were handed to
//! the recorder: packets that the file does not hold are lost, by whatever hand.

use super::super::Notes;
use super::super::facts::Interfaces;
use super::section::{Clock, Described, Statistics};
use crate::ground::cause::FileCause;
use crate::ground::gaps::GapId;
use crate::observe::capture::sidecar::left_behind;

/// Interface descriptions that a section may hold, alike or not.
const SECTION_INTERFACES_MAX: usize = 1 << 16;

/// An interface of the section.
pub(super) struct LocalInterface {
    /// Index in the capture's interface list, which spans all sections.
    pub(super) global: u32,
    pub(super) clock: Clock,
    pub(super) snaplen: u32,
    lost_by_records: u64,
    lost_by_statistics: u64,
    /// Packets of it in the file.
    packets: u64,
    /// Packets that its filter let through, and that its recorder was handed, as said last.
    accepted: u64,
    delivered: u64,
}

impl LocalInterface {
    fn lost(&self) -> u64 {
        self.lost_by_records.max(self.lost_by_statistics)
    }
}

/// The interfaces of the section, in the order of their blocks.
#[derive(Default)]
pub(super) struct SectionInterfaces(Vec<LocalInterface>);

impl SectionInterfaces {
    pub(super) fn as_slice(&self) -> &[LocalInterface] {
        &self.0
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// Takes a description, and tells its filter.
    pub(super) fn add(
        &mut self,
        all: &mut Interfaces,
        notes: &mut Notes<'_>,
        described: Described,
    ) {
        let Described {
            interface, clock, ..
        } = described;
        let (snaplen, filter) = (interface.snaplen, interface.filter.clone());
        let placed = match all.add(interface) {
            Some(global) => {
                if let Some(filter) = filter {
                    let title = all.title(global);
                    notes.gap(
                        GapId::CaptureFilter,
                        1,
                        FileCause::Filtered(title, filter.into()),
                    );
                }
                self.place(global, clock, snaplen)
            }
            None => {
                self.add_unread(all);
                false
            }
        };
        if !placed {
            notes.gap(GapId::LimitsReached, 1, FileCause::InterfacesOver);
        }
    }

    /// Gives the next number to a description that cannot be read or kept: without that, later
    /// packets would be laid on the wrong interface.
    pub(super) fn add_unread(&mut self, all: &mut Interfaces) {
        self.place(all.unknown(), Clock::STOPPED, 0);
    }

    fn place(&mut self, global: u32, clock: Clock, snaplen: u32) -> bool {
        let room = self.0.len() < SECTION_INTERFACES_MAX;
        if room {
            self.0.push(LocalInterface {
                global,
                clock,
                snaplen,
                lost_by_records: 0,
                lost_by_statistics: 0,
                packets: 0,
                accepted: 0,
                delivered: 0,
            });
        }
        room
    }

    /// Takes the loss before a packet of interface `local`; returns what was not known before.
    pub(super) fn lost_before(&mut self, local: Option<usize>, lost: u64) -> u64 {
        match local.and_then(|at| self.0.get_mut(at)) {
            Some(local) => {
                let known = local.lost();
                local.lost_by_records = local.lost_by_records.saturating_add(lost);
                local.lost().saturating_sub(known)
            }
            None => lost,
        }
    }

    /// A packet of interface `local` is in the file.
    pub(super) fn packet(&mut self, local: Option<usize>) {
        if let Some(local) = local.and_then(|at| self.0.get_mut(at)) {
            local.packets = local.packets.saturating_add(1);
        }
    }

    /// The section is over: tells of which interfaces the counters say more than it holds.
    pub(super) fn settle(&mut self, all: &mut Interfaces, notes: &mut Notes<'_>) {
        for local in &mut self.0 {
            let told = local.lost();
            let missing = left_behind(local.accepted, local.delivered, local.packets);
            // Packets that are counted as dropped are not handed over either: they count once.
            let more = missing.saturating_sub(told);
            if more > 0 {
                all.lost(local.global, more);
                let title = all.title(local.global);
                notes.gap(
                    GapId::KernelDrops,
                    more,
                    FileCause::StatisticsCountMore(title),
                );
            }
            (local.accepted, local.delivered) = (0, 0);
        }
    }

    /// Takes statistics.
    pub(super) fn counted(
        &mut self,
        all: &mut Interfaces,
        notes: &mut Notes<'_>,
        said: &Statistics,
    ) {
        let Some(local) = self.0.get_mut(said.interface as usize) else {
            notes.damage(FileCause::StatisticsOfNoInterface);
            return;
        };
        local.accepted = local.accepted.max(said.accepted.unwrap_or(0));
        local.delivered = local.delivered.max(said.delivered.unwrap_or(0));
        let Some(lost) = said.lost else { return };
        let known = local.lost();
        // A later block repeats what an earlier one said.
        local.lost_by_statistics = local.lost_by_statistics.max(lost);
        let more = local.lost().saturating_sub(known);
        all.lost(local.global, more);
        if more > 0 {
            let title = all.title(local.global);
            notes.gap(
                GapId::KernelDrops,
                more,
                FileCause::StatisticsCountLost(title),
            );
        }
    }
}
