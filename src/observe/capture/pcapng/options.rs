//! Options (draft-ietf-opsawg-pcapng §3.5) and numbers of a block, in the byte order of its section.

const OPT_END: u16 = 0;

/// opt_comment (§3.5.1).
pub(in super::super) const OPT_COMMENT: u16 = 1;

pub(in super::super) fn word(bytes: &[u8], at: usize, big: bool) -> Option<u32> {
    let b = bytes.get(at..)?.first_chunk::<4>().copied()?;
    Some(if big {
        u32::from_be_bytes(b)
    } else {
        u32::from_le_bytes(b)
    })
}

pub(in super::super) fn half(bytes: &[u8], at: usize, big: bool) -> Option<u16> {
    let b = bytes.get(at..)?.first_chunk::<2>().copied()?;
    Some(if big {
        u16::from_be_bytes(b)
    } else {
        u16::from_le_bytes(b)
    })
}

/// An unsigned option value of 1, 2, 4 or 8 bytes.
pub(in super::super) fn int(bytes: &[u8], big: bool) -> Option<u64> {
    if !matches!(bytes.len(), 1 | 2 | 4 | 8) {
        return None;
    }
    let fold = |acc: u64, b: &u8| (acc << 8) | u64::from(*b);
    Some(if big {
        bytes.iter().fold(0, fold)
    } else {
        bytes.iter().rev().fold(0, fold)
    })
}

/// An option.
#[derive(Clone, Copy)]
pub(in super::super) struct Opt<'a> {
    pub(in super::super) code: u16,
    /// Where its value begins in the option list.
    pub(in super::super) at: usize,
    pub(in super::super) value: &'a [u8],
}

/// Options of a block; an option list may end without opt_endofopt.
pub(in super::super) struct Options<'a> {
    list: &'a [u8],
    at: usize,
    big: bool,
    broken: bool,
}

impl<'a> Options<'a> {
    pub(in super::super) fn new(list: &'a [u8], big: bool) -> Self {
        Self {
            list,
            at: 0,
            big,
            broken: false,
        }
    }

    /// True once an option ran past the end of the list, or bytes stood behind what ends it (an
    /// opt_endofopt with a length among them): they are lost.
    pub(in super::super) fn broken(&self) -> bool {
        self.broken
    }
}

impl<'a> Iterator for Options<'a> {
    type Item = Opt<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.list.get(self.at..)?;
        let (code, len) = match (half(rest, 0, self.big), half(rest, 2, self.big)) {
            (Some(code), Some(len)) if code != OPT_END => (code, usize::from(len)),
            // The end, with padding at most behind it.
            (code, _) => {
                let from = if code == Some(OPT_END) { 2 } else { 0 };
                self.broken |= rest.iter().skip(from).any(|&b| b != 0);
                self.at = self.list.len();
                return None;
            }
        };
        let at = self.at + 4;
        let Some(value) = self.list.get(at..at + len) else {
            self.broken = true;
            self.at = self.list.len();
            return None;
        };
        self.at = at + len.next_multiple_of(4);
        Some(Opt { code, at, value })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_may_lack_its_end_and_a_broken_one_says_so() {
        let list = [0, 2, 0, 1, b'x', 0, 0, 0, 0, 9, 0, 4, 1, 2, 3, 4];
        let codes = |list: &[u8]| {
            let mut options = Options::new(list, true);
            let seen: Vec<(u16, usize, Vec<u8>)> = options
                .by_ref()
                .map(|o| (o.code, o.at, o.value.to_vec()))
                .collect();
            (seen, options.broken())
        };
        let both = vec![(2, 4, b"x".to_vec()), (9, 12, vec![1, 2, 3, 4])];
        assert_eq!(codes(&list), (both.clone(), false));
        let ended = [&list[..], &[0; 4]].concat();
        assert_eq!(codes(&ended), (both.clone(), false));
        for behind in [
            &[0, 0, 0, 0, 0, 7, 0xff, 0xff][..],
            &[0, 0, 0, 4, 1, 2, 3, 4],
            &[0, 0, 0, 4, 0, 0, 0, 0],
            &[0, 0, 7],
        ] {
            let list = [&list[..], behind].concat();
            assert_eq!(codes(&list), (both.clone(), true), "{behind:?}");
        }
        let (seen, broken) = codes(list.split_last().map_or(&[], |(_, l)| l));
        assert_eq!((seen.len(), broken), (1, true));
    }
}
