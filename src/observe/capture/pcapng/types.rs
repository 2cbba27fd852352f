//! Which types of blocks exist (`blocks.tsv`).

use std::sync::LazyLock;

const BLOCKS: &str = include_str!("blocks.tsv");

static ASSIGNED: LazyLock<Vec<(u32, u32)>> = LazyLock::new(|| {
    let hexadecimal = |field: &str| u32::from_str_radix(field, 16).ok();
    let rows = BLOCKS.lines().filter(|line| !line.starts_with('#'));
    rows.filter_map(|row| {
        let mut fields = row.split('\t');
        Some((hexadecimal(fields.next()?)?, hexadecimal(fields.next()?)?))
    })
    .collect()
});

/// True for a type that is assigned, or left to local use.
pub(super) fn assigned(kind: u32) -> bool {
    ASSIGNED
        .iter()
        .any(|(first, last)| (*first..=*last).contains(&kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_read_and_zero_is_no_type() {
        let rows = BLOCKS.lines().filter(|l| !l.starts_with('#')).count();
        assert_eq!(ASSIGNED.len(), rows - 1, "all but the names of the columns");
        assert!(ASSIGNED.is_sorted() && ASSIGNED.iter().all(|(a, b)| a <= b));
        for kind in [1, 6, 9, 0xbad, 0x4000_0bad, 0x8000_0001] {
            assert!(assigned(kind), "{kind:x}");
        }
        for kind in [0, 0x77, 0x0600_0000, 0x0a0d_0d0b] {
            assert!(!assigned(kind), "{kind:x}");
        }
    }
}
