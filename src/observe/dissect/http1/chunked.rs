//! Walks a chunked body (RFC 9112 §7.1) without keeping it.

/// Longest chunk-size line with its extensions. RFC 9112 §7.1.1 asks for a bound; none are in use.
const LINE_MAX: u32 = 4096;
/// Longest trailer section, as long as a head may be.
const TRAILER_MAX: u32 = super::HEAD_MAX as u32;
/// Hex digits of a chunk size that fit 64 bits.
const DIGITS_MAX: u32 = 16;

/// Where a walk through a chunked body stands. The owner feeds it what comes next and may [skip](Self::skip) chunk data that
/// it does not have.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Chunked {
    state: State,
    payload: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Size {
        value: u64,
        digits: u32,
    },
    Extension {
        last: bool,
        size: u64,
        length: u32,
    },
    Data {
        left: u64,
    },
    /// The line break behind chunk data.
    Behind,
    /// Trailer fields; `in_line` counts the bytes of the current one.
    Trailer {
        in_line: u32,
        length: u32,
    },
    Done,
    Broken,
}

impl Default for State {
    fn default() -> Self {
        Self::Size {
            value: 0,
            digits: 0,
        }
    }
}

impl Chunked {
    /// Starts behind the head.
    pub fn new() -> Self {
        Self::default()
    }

    /// Walks on over `bytes` and says how many of them belong to the body: all, unless it ends or breaks inside.
    pub fn feed(&mut self, bytes: &[u8]) -> usize {
        let mut at = 0usize;
        while let Some(&byte) = bytes.get(at) {
            match self.state {
                State::Done | State::Broken => break,
                State::Data { left } => {
                    let there = u64::try_from(bytes.len().saturating_sub(at)).unwrap_or(u64::MAX);
                    let step = left.min(there);
                    self.skip(step);
                    at = at.saturating_add(usize::try_from(step).unwrap_or(usize::MAX));
                }
                _ => {
                    self.state = self.state.after(byte);
                    at = at.saturating_add(1);
                }
            }
        }
        at.min(bytes.len())
    }

    /// As [`feed`](Self::feed), and the chunk data is added to `data`.
    pub fn keep(&mut self, bytes: &[u8], data: &mut Vec<u8>) -> usize {
        let mut rest = bytes;
        while !rest.is_empty() && !self.is_done() && !self.is_broken() {
            let ahead = usize::try_from(self.skippable()).unwrap_or(usize::MAX);
            let step = ahead.clamp(1, rest.len());
            let Some((now, behind)) = rest.split_at_checked(step) else {
                break;
            };
            if ahead > 0 {
                data.extend_from_slice(now);
            }
            if self.feed(now) == 0 {
                break;
            }
            rest = behind;
        }
        bytes.len().saturating_sub(rest.len())
    }

    /// Bytes of chunk data that come next: so many may be left out of [`feed`](Self::feed) and reported by [`skip`](Self::skip).
    pub fn skippable(&self) -> u64 {
        match self.state {
            State::Data { left } => left,
            _ => 0,
        }
    }

    /// Passes over up to [`skippable`](Self::skippable) bytes of chunk data.
    pub fn skip(&mut self, count: u64) {
        if let State::Data { left } = self.state {
            let step = left.min(count);
            self.payload = self.payload.saturating_add(step);
            self.state = if step == left {
                State::Behind
            } else {
                State::Data {
                    left: left.saturating_sub(step),
                }
            };
        }
    }

    /// It stands in an extension or a trailer field (§7.1.1, §7.1.2), which may say anything.
    pub fn is_beside(&self) -> bool {
        match self.state {
            // The first byte of it parts it from the size.
            State::Extension { length, .. } => length > 1,
            State::Trailer { in_line, .. } => in_line > 0,
            _ => false,
        }
    }

    /// Bytes of chunk data passed so far.
    #[cfg(test)]
    pub fn payload(&self) -> u64 {
        self.payload
    }

    /// The body is over; what follows is the next message.
    pub fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// The bytes were no chunked body.
    pub fn is_broken(&self) -> bool {
        self.state == State::Broken
    }
}

impl State {
    fn after(self, byte: u8) -> Self {
        match self {
            Self::Size { value, digits } => match char::from(byte).to_digit(16) {
                Some(digit) if digits < DIGITS_MAX => Self::Size {
                    value: value << 4 | u64::from(digit),
                    digits: digits.saturating_add(1),
                },
                Some(_) => Self::Broken,
                None if digits == 0 => Self::Broken,
                None => Self::Extension {
                    last: value == 0,
                    size: value,
                    length: 0,
                }
                .after_extension_byte(byte, true),
            },
            Self::Extension { .. } => self.after_extension_byte(byte, false),
            Self::Behind => match byte {
                b'\r' => Self::Behind,
                b'\n' => Self::default(),
                _ => Self::Broken,
            },
            Self::Trailer { in_line, length } => match byte {
                _ if length >= TRAILER_MAX => Self::Broken,
                b'\n' if in_line == 0 => Self::Done,
                b'\n' => Self::Trailer {
                    in_line: 0,
                    length: length.saturating_add(1),
                },
                b'\r' => Self::Trailer {
                    in_line,
                    length: length.saturating_add(1),
                },
                _ => Self::Trailer {
                    in_line: in_line.saturating_add(1),
                    length: length.saturating_add(1),
                },
            },
            Self::Data { .. } | Self::Done | Self::Broken => self,
        }
    }

    fn after_extension_byte(self, byte: u8, first: bool) -> Self {
        let Self::Extension { last, size, length } = self else {
            return self;
        };
        match byte {
            b'\n' if last => Self::Trailer {
                in_line: 0,
                length: 0,
            },
            b'\n' => Self::Data { left: size },
            _ if length >= LINE_MAX => Self::Broken,
            _ if first && !matches!(byte, b'\r' | b';' | b' ' | b'\t') => Self::Broken,
            _ => Self::Extension {
                last,
                size,
                length: length.saturating_add(1),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &[u8] = b"4;name=value\r\nWiki\r\n6\r\npedia \r\n00E\r\nin \r\n\r\nchunks.\r\n0\r\nExpires: never\r\n\r\nGET /";

    #[test]
    fn extensions_and_trailers_are_told_from_sizes() {
        let mut walk = Chunked::new();
        let told = BODY.iter().map(|byte| {
            walk.feed(std::slice::from_ref(byte));
            walk.is_beside()
        });
        let told: String = BODY
            .iter()
            .zip(told.collect::<Vec<_>>())
            .filter(|(_, beside)| *beside)
            .map(|(byte, _)| char::from(*byte))
            .collect();
        assert_eq!(told, "name=value\rExpires: never\r");
    }

    #[test]
    fn any_cutting_ends_at_the_same_byte() {
        for size in 1..BODY.len() {
            let mut walk = Chunked::new();
            let consumed: usize = BODY.chunks(size).map(|piece| walk.feed(piece)).sum();
            assert_eq!(
                (consumed, walk.payload(), walk.is_done()),
                (BODY.len() - 5, 24, true),
                "pieces of {size}"
            );
        }
    }

    #[test]
    fn chunk_data_may_be_missing() {
        let mut walk = Chunked::new();
        assert_eq!(walk.feed(b"ffffffffffff\r\n"), 14);
        assert_eq!(walk.skippable(), 0xffff_ffff_ffff);
        walk.skip(0xffff_ffff_fffe);
        assert_eq!(walk.feed(b"x\r\n0\r\n\r\nnext"), 8);
        assert!(walk.is_done() && walk.payload() == 0xffff_ffff_ffff);
    }

    #[test]
    fn what_is_no_chunk_breaks_and_stays_broken() {
        for bad in [
            &b"\r\n"[..],
            b"xyz\r\n",
            b"4 Wiki",
            b"1\r\nab\r\n",
            b"11111111111111111\r\n",
            b"-1\r\n",
            b"4\x01\r\n",
        ] {
            let mut walk = Chunked::new();
            walk.feed(bad);
            walk.feed(b"0\r\n\r\n");
            assert_eq!(walk.is_broken(), bad != b"4 Wiki", "{bad:?}");
        }
        let mut endless = Chunked::new();
        endless.feed(&[&b"1;"[..], &[b'x'; LINE_MAX as usize]].concat());
        assert!(endless.is_broken());
    }
}
