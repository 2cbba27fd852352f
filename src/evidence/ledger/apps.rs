//! The programs that a capture's labels name, each kept once, with when they were at work.

use super::Activity;
use crate::ground::label::{Label, LabelSource, Process};
use crate::ground::moment::Moment;
use foldhash::fast::RandomState;
use hashbrown::HashTable;
use std::hash::BuildHasher;
use std::sync::Arc;

/// Labels kept apart: a phone runs a few hundred programs, some several times. Packets of further
/// ones count as unlabelled, and the bound is reported.
const APPS_MAX: usize = 4096;
/// Seconds with activity kept, over all labels: a day of a hundred programs.
const SECONDS_MAX: usize = 8_640_000;

/// A label of a series, by its place in [`Apps::list`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AppId(u32);

/// A process as a capture names it, kept.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Named {
    /// Process id.
    pub pid: Option<u32>,
    /// Name as written; bytes that are no UTF-8 are replaced.
    pub name: Option<Arc<str>>,
    /// The format may have cut the name short.
    pub cut: bool,
}

impl Named {
    fn of(process: &Process<'_>) -> Self {
        Self {
            pid: process.pid,
            name: process
                .name
                .filter(|n| !n.is_empty())
                .map(|n| Arc::from(String::from_utf8_lossy(n))),
            cut: process.cut,
        }
    }

    fn is(&self, process: &Process<'_>) -> bool {
        let name = process.name.filter(|n| !n.is_empty());
        self.pid == process.pid
            && self.cut == process.cut
            && match (&self.name, name) {
                (Some(have), Some(new)) => {
                    have.as_bytes() == new || **have == *String::from_utf8_lossy(new)
                }
                (None, None) => true,
                _ => false,
            }
    }
}

/// A label that occurs in the series.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct App {
    /// Who wrote it.
    pub source: LabelSource,
    /// The input that it was written in: process and user ids of two phones mean nothing to each
    /// other.
    pub input: u32,
    /// User id.
    pub uid: Option<u32>,
    /// Group id.
    pub gid: Option<u32>,
    /// The owner of the socket.
    pub process: Named,
    /// The process on whose behalf it acts.
    pub effective: Named,
    /// First packet with this label.
    pub first: Moment,
    /// Packets with this label.
    pub packets: u64,
    /// Seconds in which there were any.
    pub activity: Activity,
}

impl App {
    fn is(&self, label: &Label<'_>, input: u32) -> bool {
        self.input == input && self.says(label)
    }

    fn says(&self, label: &Label<'_>) -> bool {
        self.source == label.source
            && (self.uid, self.gid) == (label.uid, label.gid)
            && self.process.is(&label.process)
            && self.effective.is(&label.effective)
    }
}

/// The labels of a series.
#[derive(Debug, Default)]
pub struct Apps {
    list: Vec<App>,
    /// Of each the place of the first that says the same, whatever input it was written in.
    like: Vec<u32>,
    index: HashTable<u32>,
    hasher: RandomState,
    seconds: usize,
}

/// A bound of [`Apps`] was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Full;

impl Apps {
    /// Counts a labelled packet. `None` for a label that says nothing.
    ///
    /// # Errors
    /// When more labels occur than are kept.
    pub fn packet(
        &mut self,
        label: &Label<'_>,
        interval: u32,
        at: Moment,
    ) -> Result<Option<AppId>, Full> {
        if label.is_empty() {
            return Ok(None);
        }
        let input = at.at.input;
        let hash = self.hasher.hash_one((label, input));
        let known = self
            .index
            .find(hash, |i| {
                self.list
                    .get(*i as usize)
                    .is_some_and(|app| app.is(label, input))
            })
            .copied();
        let place = match known {
            Some(place) => place,
            None => {
                if self.list.len() >= APPS_MAX {
                    return Err(Full);
                }
                let place = u32::try_from(self.list.len()).unwrap_or(u32::MAX);
                let alike = self.list.iter().position(|app| app.says(label));
                let like = alike.and_then(|first| self.like.get(first).copied());
                self.like.push(like.unwrap_or(place));
                self.list.push(App {
                    source: label.source,
                    input,
                    uid: label.uid,
                    gid: label.gid,
                    process: Named::of(&label.process),
                    effective: Named::of(&label.effective),
                    first: at,
                    packets: 0,
                    activity: Activity::default(),
                });
                // Growing the table hashes what is in it anew; the labels themselves are not at
                // hand then, so their hashes are kept beside them.
                self.insert(hash, place);
                place
            }
        };
        let mut full = false;
        if let Some(app) = self.list.get_mut(place as usize) {
            app.packets += 1;
            if !app.activity.knows(interval, at) {
                if self.seconds < SECONDS_MAX {
                    self.seconds += 1;
                    app.activity.mark(interval, at);
                } else {
                    full = true;
                }
            }
        }
        if full {
            return Err(Full);
        }
        Ok(Some(AppId(place)))
    }

    fn insert(&mut self, hash: u64, place: u32) {
        if self.index.capacity() < APPS_MAX {
            // Once, at the first label: the table never grows again.
            let mut table = HashTable::with_capacity(APPS_MAX);
            std::mem::swap(&mut table, &mut self.index);
        }
        self.index.insert_unique(hash, place, |_| hash);
    }

    /// A label.
    pub fn get(&self, id: AppId) -> Option<&App> {
        self.list.get(id.0 as usize)
    }

    /// What a label says, whatever input it was written in: the same for each that says the same.
    pub fn like(&self, id: AppId) -> Option<u32> {
        self.like.get(id.0 as usize).copied()
    }

    /// All labels, in the order of their first packet.
    pub fn list(&self) -> &[App] {
        &self.list
    }

    /// All ids with their labels.
    pub fn iter(&self) -> impl Iterator<Item = (AppId, &App)> {
        self.list
            .iter()
            .enumerate()
            .map(|(i, app)| (AppId(u32::try_from(i).unwrap_or(u32::MAX)), app))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ground::moment::{FrameRef, Timestamp};

    fn at(frame: u64, input: u32) -> Moment {
        Moment {
            time: Timestamp::from_nanos(i128::from(frame) * 1_000_000_000),
            at: FrameRef { input, frame },
        }
    }

    #[test]
    fn a_label_is_kept_once_and_an_empty_one_never() {
        let mut apps = Apps::default();
        let mut label = Label::of(LabelSource::PcapdroidTrailer);
        assert_eq!(apps.packet(&label, 0, at(1, 0)), Ok(None));
        label.uid = Some(10_123);
        label.process.name = Some(b"DJI Fly");
        let first = apps.packet(&label, 0, at(2, 0)).unwrap().unwrap();
        assert_eq!(apps.packet(&label, 0, at(3, 0)), Ok(Some(first)));
        // The same uid on another phone is another app.
        let other = apps.packet(&label, 0, at(1, 1)).unwrap().unwrap();
        assert_ne!(first, other);
        label.process.cut = true;
        assert_ne!(apps.packet(&label, 0, at(4, 0)).unwrap(), Some(first));
        assert_eq!(apps.like(first), apps.like(other));
        assert_ne!(apps.like(first), apps.like(AppId(2)));
        let kept = apps.get(first).unwrap();
        assert_eq!((kept.packets, kept.activity.moments(0).count()), (2, 2));
    }

    #[test]
    fn more_labels_than_are_kept_are_told() {
        let mut apps = Apps::default();
        let full = (0..=u32::try_from(APPS_MAX).unwrap()).find(|uid| {
            let mut label = Label::of(LabelSource::Nflog);
            label.uid = Some(*uid);
            apps.packet(&label, 0, at(1, 0)).is_err()
        });
        assert_eq!(full, Some(u32::try_from(APPS_MAX).unwrap()));
        let mut label = Label::of(LabelSource::Nflog);
        label.uid = Some(7);
        assert_eq!(apps.packet(&label, 0, at(9, 0)), Ok(Some(AppId(7))));
    }

    #[test]
    fn more_seconds_than_are_kept_are_told() {
        let mut apps = Apps::default();
        let mut label = Label::of(LabelSource::Nflog);
        label.uid = Some(7);
        apps.seconds = SECONDS_MAX - 1;
        assert_eq!(apps.packet(&label, 0, at(1, 0)), Ok(Some(AppId(0))));
        assert!(apps.packet(&label, 0, at(2, 0)).is_err());
        // A second that is known needs no room.
        assert_eq!(apps.packet(&label, 0, at(1, 0)), Ok(Some(AppId(0))));
    }
}
