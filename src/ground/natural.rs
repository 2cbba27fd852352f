//! The order in which people count: 1.9 before 1.10.

use std::cmp::Ordering;

/// Compares texts with their runs of digits as numbers, however long; texts that are equal so are compared as
/// they stand.
pub fn natural(a: &str, b: &str) -> Ordering {
    let (mut left, mut right) = (a, b);
    loop {
        let (x, rest_x) = piece(left);
        let (y, rest_y) = piece(right);
        if x.is_empty() || y.is_empty() {
            return x.len().cmp(&y.len()).then_with(|| a.cmp(b));
        }
        let number = |text: &str| text.starts_with(|c: char| c.is_ascii_digit());
        let order = if number(x) && number(y) {
            let (x, y) = (x.trim_start_matches('0'), y.trim_start_matches('0'));
            x.len().cmp(&y.len()).then_with(|| x.cmp(y))
        } else {
            x.cmp(y)
        };
        if order.is_ne() {
            return order;
        }
        (left, right) = (rest_x, rest_y);
    }
}

/// A run of digits or of other characters, and what follows.
fn piece(text: &str) -> (&str, &str) {
    let digits = text.starts_with(|c: char| c.is_ascii_digit());
    let end = text
        .find(|c: char| c.is_ascii_digit() != digits)
        .unwrap_or(text.len());
    text.split_at_checked(end).unwrap_or((text, ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_count() {
        let mut versions = [
            "1.10", "1.9", "v2", "1.9.1", "", "1.09", "beta", "10.0", "1.9-rc1",
        ];
        versions.sort_by(|a, b| natural(a, b));
        assert_eq!(
            versions,
            [
                "", "1.09", "1.9", "1.9-rc1", "1.9.1", "1.10", "10.0", "beta", "v2"
            ]
        );
    }
}
