//! The work of readers, counted in tests, so that a bound on it is a bound on steps and not on time.

/// So many bytes are looked at. Whoever looks at bytes again counts them again.
#[inline]
pub fn looks_at(_bytes: usize) {
    #[cfg(test)]
    LOOKED_AT.set(LOOKED_AT.get().saturating_add(_bytes));
}

#[cfg(test)]
thread_local! {
    static LOOKED_AT: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// Bytes that readers of this thread look at within `work`.
#[cfg(test)]
pub(crate) fn of(work: impl FnOnce()) -> usize {
    let before = LOOKED_AT.get();
    work();
    LOOKED_AT.get().saturating_sub(before)
}
