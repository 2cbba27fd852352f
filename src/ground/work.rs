//! The work of readers, counted in steps where assertions are checked, so that a bound on it is a bound on steps and not on time.
//!
//! A step is a byte that is looked at or copied, or an entry of a table that is asked. Counts belong to the thread that reads; a release
//! build counts nothing.

/// So many steps are made. Whoever looks at bytes again counts them again.
#[inline]
pub fn looks_at(_steps: usize) {
    #[cfg(debug_assertions)]
    STEPS.set(STEPS.get().saturating_add(_steps));
}

#[cfg(debug_assertions)]
thread_local! {
    static STEPS: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// Steps that readers of this thread make within `work`; `None` where they are not counted.
pub fn of(_work: impl FnOnce()) -> Option<usize> {
    #[cfg(debug_assertions)]
    {
        let before = STEPS.get();
        _work();
        Some(STEPS.get().saturating_sub(before))
    }
    #[cfg(not(debug_assertions))]
    {
        _work();
        None
    }
}
