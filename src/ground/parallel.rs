//! Independent pieces of work on several threads, with results that do not show it.
//!
//! Pieces are taken in their order, one by one, by whichever thread is free; results stand in the order of
//! the pieces. When pieces fail, the error is that of the first of them in that order: every piece before one
//! that was begun was begun, too, and is waited for. So nothing that comes out depends on the number of threads
//! or on which was faster.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, AtomicIsize, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Stack of a working thread: that of a main thread, for which the depth of recursion is bounded elsewhere.
const STACK: usize = 8 << 20;

/// The threads that a run may still start, beside the one that runs. Clones share them.
#[derive(Debug, Clone)]
pub struct Threads(Arc<AtomicIsize>);

/// A thread that may be started; when this is dropped, another may.
#[derive(Debug)]
pub struct Lent(Arc<AtomicIsize>);

impl Threads {
    /// So many in all, the calling one among them.
    pub fn at_most(all: NonZeroUsize) -> Self {
        let more = isize::try_from(all.get() - 1).unwrap_or(isize::MAX);
        Self(Arc::new(AtomicIsize::new(more)))
    }

    /// One more, if there is one.
    pub fn lend(&self) -> Option<Lent> {
        let taken = self
            .0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |free| {
                (free > 0).then(|| free - 1)
            });
        taken.ok().map(|_| Lent(Arc::clone(&self.0)))
    }

    /// Gives away the place of a thread that only waits.
    fn while_waiting(&self) -> Waiting<'_> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Waiting(self)
    }
}

impl Default for Threads {
    /// As many as the machine works on at once, and two at least: one waits for a disk while the other works.
    fn default() -> Self {
        const LEAST: NonZeroUsize = NonZeroUsize::MIN.saturating_add(1);
        let cores = std::thread::available_parallelism().unwrap_or(LEAST);
        Self::at_most(cores.max(LEAST))
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// A thread that waits; then it takes its place again, be there one or not.
struct Waiting<'a>(&'a Threads);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What `work` makes of each of the pieces, on as many of the threads as there are pieces, the calling one among
/// them.
///
/// # Errors
/// That of the first piece, in their order, that fails. Pieces behind it may not have been begun.
pub fn in_order<T: Sync, R: Send, E: Send>(
    pieces: &[T],
    threads: &Threads,
    work: impl Fn(usize, &T) -> Result<R, E> + Sync,
) -> Result<Vec<R>, E> {
    let helpers: Vec<Lent> = (1..pieces.len()).map_while(|_| threads.lend()).collect();
    if helpers.is_empty() {
        let numbered = pieces.iter().enumerate();
        return numbered.map(|(at, piece)| work(at, piece)).collect();
    }
    let next = AtomicUsize::new(0);
    let failed = AtomicBool::new(false);
    let done: Vec<Mutex<Option<Result<R, E>>>> = pieces.iter().map(|_| Mutex::new(None)).collect();
    let run = || {
        while !failed.load(Ordering::Relaxed) {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let (Some(piece), Some(place)) = (pieces.get(at), done.get(at)) else {
                break;
            };
            let result = work(at, piece);
            if result.is_err() {
                failed.store(true, Ordering::Relaxed);
            }
            *place.lock().unwrap_or_else(PoisonError::into_inner) = Some(result);
        }
    };
    std::thread::scope(|scope| {
        let run = &run;
        let mut started = Vec::with_capacity(helpers.len());
        for lent in helpers {
            let thread = std::thread::Builder::new().stack_size(STACK);
            let help = move || {
                run();
                drop(lent);
            };
            // Where no more threads can be had, those that there are do the work.
            match thread.spawn_scoped(scope, help) {
                Ok(helper) => started.push(helper),
                Err(_) => break,
            }
        }
        run();
        let _waiting = threads.while_waiting();
        for helper in started {
            if let Err(panic) = helper.join() {
                std::panic::resume_unwind(panic);
            }
        }
    });
    // Behind a failure there may be pieces that nobody began; in front of it there are none.
    done.into_iter()
        .map_while(|place| place.into_inner().unwrap_or_else(PoisonError::into_inner))
        .collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn results_stand_in_order_and_the_first_failure_is_told() {
        let pieces: Vec<u64> = (0..40).collect();
        for threads in [1, 2, 8, 100] {
            let threads = Threads::at_most(NonZeroUsize::new(threads).unwrap());
            let doubled = in_order(&pieces, &threads, |at, piece| {
                // Later pieces are the faster ones.
                std::thread::sleep(Duration::from_micros(40 - piece));
                assert_eq!(at as u64, *piece);
                Ok::<_, ()>(piece * 2)
            });
            let expected: Vec<u64> = pieces.iter().map(|p| p * 2).collect();
            assert_eq!(doubled.unwrap(), expected);
            let failing = in_order(&pieces, &threads, |_, piece| {
                if *piece == 5 {
                    std::thread::sleep(Duration::from_millis(20));
                }
                if *piece >= 5 { Err(*piece) } else { Ok(()) }
            });
            assert_eq!(failing, Err(5));
            let none: Result<Vec<()>, ()> = in_order(&[], &threads, |_, _: &u64| Err(()));
            assert_eq!(none, Ok(vec![]));
        }
    }

    #[test]
    fn no_more_threads_are_lent_than_there_are() {
        let threads = Threads::at_most(NonZeroUsize::new(3).unwrap());
        let (one, two) = (threads.lend(), threads.clone().lend());
        assert!(one.is_some() && two.is_some() && threads.lend().is_none());
        drop(one);
        let again = threads.lend();
        assert!(again.is_some() && threads.lend().is_none());
        drop((two, again));
        // While its pieces are worked on, nothing is left; behind them everything is there again.
        let none_left = in_order(&[(); 3], &threads, |_, ()| {
            std::thread::sleep(Duration::from_millis(5));
            Ok::<_, ()>(())
        });
        assert!(none_left.is_ok());
        let all = (threads.lend(), threads.lend(), threads.lend());
        assert!(all.0.is_some() && all.1.is_some() && all.2.is_none());
        let alone = Threads::at_most(NonZeroUsize::MIN);
        assert!(alone.lend().is_none());
    }
}
