//! Long lists: the first rows in sight, the rest in folds of a size that a browser opens at once.

use super::markup::Page;
use crate::tell::report::words::count;
use std::io;

/// Rows in sight of a list.
const OPEN: usize = 25;
/// Rows in a fold.
const FOLD: usize = 250;

/// Draws `rows` in pieces. `draw` gets each piece with the words for it: `3 lookups`, or
/// `lookups 26 to 275 of 900`. Folded pieces stay off paper; a line there says how many.
pub(super) fn folded<T>(
    page: &mut Page<'_>,
    rows: &[T],
    what: &str,
    draw: impl Fn(&mut Page<'_>, &[T], &str) -> io::Result<()>,
) -> io::Result<()> {
    let all = rows.len();
    if all <= OPEN {
        return draw(page, rows, &count(all, what));
    }
    let (open, rest) = rows.split_at_checked(OPEN).unwrap_or((rows, &[]));
    let plural = count(2usize, what).split_off(2);
    draw(page, open, &format!("the first {OPEN} of {all} {plural}"))?;
    for (index, piece) in rest.chunks(FOLD).enumerate() {
        let before = OPEN.saturating_add(index.saturating_mul(FOLD));
        let words = format!(
            "{plural} {} to {} of {all}",
            before.saturating_add(1),
            before.saturating_add(piece.len())
        );
        page.fold("rest", &words, |page| draw(page, piece, &words))?;
    }
    let unprinted = format!(
        "{} not printed: they are in this page's folds and in the JSON report.",
        count(rest.len(), what)
    );
    page.leaf("p", &[("class", "unprinted")], &unprinted)
}
