//! By what means captures are read: how many threads, and who is told how far it is. Neither changes
//! what a report says.

use super::Source;
use super::hash::Hasher;
use crate::ground::parallel::Threads;
use crate::ground::progress::Progress;
use std::time::Instant;

/// The means of a run. The default: as many threads as are of use, and nobody is told.
#[derive(Clone, Default)]
pub struct Means {
    /// The threads beside the one that reads: for other inputs, and for hashing.
    pub threads: Threads,
    /// Who is told.
    pub progress: Progress,
    /// Take every packet through all stages, even those that are like the one before in their flow: to show that nothing depends on it.
    pub thorough: bool,
    /// When whoever waits has waited long enough; `None` for never.
    pub until: Option<Instant>,
}

impl Means {
    /// True when the time is over.
    pub(crate) fn is_over(&self) -> bool {
        self.until.is_some_and(|until| Instant::now() >= until)
    }

    /// Announces that these inputs are gone through.
    pub(crate) fn pass<'a>(&self, doing: &'static str, sources: impl Iterator<Item = &'a Source>) {
        let sizes: Vec<Option<u64>> = sources.map(Source::bytes).collect();
        let all = sizes
            .iter()
            .try_fold(0u64, |sum, bytes| Some(sum.saturating_add((*bytes)?)));
        self.progress.pass(doing, sizes.len(), all);
    }

    /// Announces that sessions begin, of one of these inputs each.
    pub fn sessions(&self, sources: &[Source]) {
        let bytes = sources.iter().try_fold(0u64, |sum, source| {
            Some(sum.saturating_add(source.bytes()?))
        });
        self.progress.sessions(sources.len(), bytes);
    }

    /// Hashes on a thread of its own as soon as there is one.
    pub(super) fn hasher(&self) -> Hasher {
        Hasher::new(self.threads.clone())
    }
}
