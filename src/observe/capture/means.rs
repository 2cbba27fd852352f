//! By what means captures are read: how many threads, and who is told how far it is. Neither changes
//! what a report says.

use super::Source;
use super::hash::Hasher;
use crate::ground::progress::Progress;
use std::io;
use std::num::NonZeroUsize;

/// The means of a run. The default: as many threads as are of use, and nobody is told.
#[derive(Clone, Default)]
pub struct Means {
    /// The most threads to use, the one that reads among them; `None` for no bound. There is work
    /// for two: reading, and hashing.
    pub threads: Option<NonZeroUsize>,
    /// Who is told.
    pub progress: Progress,
}

impl Means {
    /// Announces that these inputs are gone through.
    pub(crate) fn pass<'a>(&self, doing: &'static str, sources: impl Iterator<Item = &'a Source>) {
        let sizes: Vec<Option<u64>> = sources.map(Source::bytes).collect();
        let all = sizes
            .iter()
            .try_fold(0u64, |sum, bytes| Some(sum.saturating_add((*bytes)?)));
        self.progress.pass(doing, sizes.len(), all);
    }

    pub(super) fn hasher(&self) -> io::Result<Hasher> {
        if self.threads.is_some_and(|most| most.get() == 1) {
            Ok(Hasher::here())
        } else {
            Hasher::start()
        }
    }
}
