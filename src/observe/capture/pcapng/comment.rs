//! Packet comments in which a recording tool names the program: PCAPdroid's `u-<uid>`, and
//! pymobiledevice3's `PID: n, ProcName: x, EPID: n, EProcName: x, SVC: n`.
//!
//! Anybody can write a comment, so only the exact form that the tool writes is read. `PID=n` of
//! etl2pcapng is not: its authors warn that the process is often the wrong one.

use std::ops::Range;

/// What a comment names; ranges lie in the comment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Comment {
    /// PCAPdroid; negative when it did not know the owner.
    Uid(i32),
    /// pymobiledevice3.
    Mobile {
        pid: u32,
        name: Range<usize>,
        effective_pid: u32,
        effective_name: Range<usize>,
    },
}

/// What the comment names; `None` when it is any other comment.
pub(super) fn parse(comment: &[u8]) -> Option<Comment> {
    match comment {
        [b'u', b'-', uid @ ..] => number(uid).map(Comment::Uid),
        [b'P', b'I', b'D', b':', b' ', ..] => mobile(comment),
        _ => None,
    }
}

/// A decimal number as `%d` and its like write it: no plus, no leading zero, no minus zero.
fn number<N: std::str::FromStr>(digits: &[u8]) -> Option<N> {
    let magnitude = digits.strip_prefix(b"-").unwrap_or(digits);
    let written = match magnitude {
        [b'0'] => magnitude.len() == digits.len(),
        [b'1'..=b'9', rest @ ..] => rest.iter().all(u8::is_ascii_digit),
        _ => false,
    };
    if !written {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// Names can hold commas and even what looks like a key. A process name has at most 16 bytes and
/// ", EPID: 0, EProcName: " more, so of an honest comment there is one reading; a comment with two
/// has none.
fn mobile(comment: &[u8]) -> Option<Comment> {
    const NAME: &[u8] = b", ProcName: ";
    const EPID: &[u8] = b", EPID: ";
    const ENAME: &[u8] = b", EProcName: ";
    const SVC: &[u8] = b", SVC: ";
    let find = |from: usize, key: &[u8]| {
        let rest = comment.get(from..)?;
        Some(from + rest.windows(key.len()).position(|w| w == key)?)
    };
    let pid_end = find(0, NAME)?;
    let pid = number(comment.get(b"PID: ".len()..pid_end)?)?;
    let name_start = pid_end + NAME.len();
    let end = comment.windows(SVC.len()).rposition(|w| w == SVC)?;
    number::<i64>(comment.get(end + SVC.len()..)?)?;
    let mut found = None;
    let mut from = name_start;
    while let Some(name_end) = find(from, EPID) {
        from = name_end + 1;
        let digits = name_end + EPID.len();
        let Some(digits_end) = find(digits, ENAME) else {
            break;
        };
        let effective = digits_end + ENAME.len();
        let Some(effective_pid) = comment.get(digits..digits_end).and_then(number) else {
            continue;
        };
        if effective > end {
            continue;
        }
        if found.is_some() {
            return None;
        }
        found = Some(Comment::Mobile {
            pid,
            name: name_start..name_end,
            effective_pid,
            effective_name: effective..end,
        });
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mobile_of(comment: &str) -> Option<(u32, &str, u32, &str)> {
        match parse(comment.as_bytes())? {
            Comment::Mobile {
                pid,
                name,
                effective_pid,
                effective_name,
            } => Some((pid, &comment[name], effective_pid, &comment[effective_name])),
            Comment::Uid(_) => None,
        }
    }

    #[test]
    fn user_ids_in_pcapdroids_own_form_and_no_other() {
        for (comment, uid) in [
            ("u-10234", Some(10_234)),
            ("u-0", Some(0)),
            ("u--1", Some(-1)),
            ("u-1010234", Some(1_010_234)),
            ("u-2147483648", None),
            ("u--0", None),
            ("u-010", None),
            ("u-+1", None),
            ("u- 1", None),
            ("u-1 ", None),
            ("u-", None),
            ("U-1", None),
            ("see u-10234", None),
            ("PID=4", None),
            ("PID: 4", None),
        ] {
            assert_eq!(
                parse(comment.as_bytes()),
                uid.map(Comment::Uid),
                "{comment}"
            );
        }
    }

    #[test]
    fn names_with_commas_and_keys_in_them() {
        for (comment, read) in [
            (
                "PID: 4321, ProcName: DJIPilot2, EPID: 0, EProcName: , SVC: 0",
                Some((4321, "DJIPilot2", 0, "")),
            ),
            (
                "PID: 96, ProcName: a, b, SVC: 1, EPID: 77, EProcName: c, EPID: x, SVC: 0",
                Some((96, "a, b, SVC: 1", 77, "c, EPID: x")),
            ),
            (
                "PID: 1, ProcName: , EProcName: , EPID: 2, EProcName: , SVC: 3, SVC: 0",
                Some((1, ", EProcName: ", 2, ", SVC: 3")),
            ),
            // Two readings are none.
            (
                "PID: 1, ProcName: x, EPID: 2, EProcName: y, EPID: 3, EProcName: z, SVC: 0",
                None,
            ),
            ("PID: 1, ProcName: x, EPID: 2, EProcName: y", None),
            ("PID: 1, ProcName: x, EPID: 2, EProcName: y, SVC: z", None),
            ("PID: x, ProcName: x, EPID: 2, EProcName: y, SVC: 0", None),
            ("PID: 1, ProcName: x, EPID: , EProcName: y, SVC: 0", None),
            (" PID: 1, ProcName: x, EPID: 2, EProcName: y, SVC: 0", None),
        ] {
            assert_eq!(mobile_of(comment), read, "{comment}");
        }
    }
}
