//! The cursor that every byte grammar here reads with, and the answer they give when asked whose bytes these are.
//!
//! All integers are big-endian: network byte order (RFC 791, appendix B). Formats in the other order convert for
//! themselves. A read that does not fit leaves the cursor where it was and says `None`; nothing here allocates.

use crate::observe::flow::stream::Pause;

/// What a grammar answers about the first bytes of a stream or datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fit {
    /// The bytes follow this grammar.
    Mine,
    /// They cannot.
    NotMine,
    /// All bytes so far agree, but they are too few to tell.
    NeedMore,
}

/// What ends a wait: bytes that [`Fit::NeedMore`] was said of stay undecided until this byte comes, or there are so many in all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Until {
    /// The byte.
    pub byte: u8,
    /// The number of bytes.
    pub length: usize,
}

impl Until {
    /// The wait of these bytes for it.
    pub fn pause(self, bytes: &[u8]) -> Pause {
        let Self { byte, length } = self;
        let seen = bytes.len();
        Pause { byte, length, seen }
    }
}

/// From so many bytes on every grammar of binary openings has shown itself: what is still undecided waits for the end of something, and
/// looking at it again before is in vain.
pub const SETTLED: usize = 128;

/// A bounds-checked cursor over a slice.
#[derive(Debug, Clone, Copy)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    position: usize,
}

impl<'a> Reader<'a> {
    /// Starts at the first byte.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, position: 0 }
    }

    /// Starts at `position` of `bytes`; `None` if that lies past the end.
    pub fn at(bytes: &'a [u8], position: usize) -> Option<Self> {
        (position <= bytes.len()).then_some(Self { bytes, position })
    }

    /// Bytes from the start of the slice to the cursor.
    pub fn position(&self) -> usize {
        self.position
    }

    /// Bytes not yet read.
    pub fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.position..).unwrap_or_default()
    }

    /// Number of bytes not yet read.
    pub fn remaining(&self) -> usize {
        self.bytes.len().saturating_sub(self.position)
    }

    /// True at the end.
    pub fn is_empty(&self) -> bool {
        self.remaining() == 0
    }

    /// The next `count` bytes.
    pub fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let end = self.position.checked_add(count)?;
        let taken = self.bytes.get(self.position..end)?;
        self.position = end;
        Some(taken)
    }

    /// The next `N` bytes by value.
    #[inline]
    pub fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let taken = *self.rest().first_chunk::<N>()?;
        self.position = self.position.saturating_add(N);
        Some(taken)
    }

    /// One byte.
    #[inline]
    pub fn u8(&mut self) -> Option<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    /// Two bytes.
    #[inline]
    pub fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_be_bytes)
    }

    /// Three bytes, as TLS writes handshake lengths.
    pub fn u24(&mut self) -> Option<u32> {
        self.array::<3>()
            .map(|[a, b, c]| u32::from_be_bytes([0, a, b, c]))
    }

    /// Four bytes.
    pub fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    /// Eight bytes.
    pub fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_be_bytes)
    }

    /// A vector with a one-byte length in front (RFC 8446 §3.4).
    pub fn vector8(&mut self) -> Option<&'a [u8]> {
        self.prefixed(|reader| reader.u8().map(usize::from))
    }

    /// A vector with a two-byte length in front.
    pub fn vector16(&mut self) -> Option<&'a [u8]> {
        self.prefixed(|reader| reader.u16().map(usize::from))
    }

    /// A vector with a three-byte length in front.
    pub fn vector24(&mut self) -> Option<&'a [u8]> {
        self.prefixed(|reader| reader.u24().and_then(|length| usize::try_from(length).ok()))
    }

    fn prefixed(&mut self, length: impl Fn(&mut Self) -> Option<usize>) -> Option<&'a [u8]> {
        let mut ahead = *self;
        let count = length(&mut ahead)?;
        let taken = ahead.take(count)?;
        *self = ahead;
        Some(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_read_that_does_not_fit_moves_nothing() {
        let mut reader = Reader::new(&[0x01, 0x02, 0x03, 0x04, 0x05, 0x00]);
        assert_eq!(reader.u24(), Some(0x0001_0203));
        assert_eq!(reader.u32(), None);
        assert_eq!(reader.vector8(), None, "length 4, two bytes left");
        assert_eq!(reader.take(usize::MAX), None);
        assert_eq!(reader.position(), 3);
        assert_eq!(reader.u16(), Some(0x0405));
        assert_eq!(reader.vector8(), Some(&[][..]));
        assert!(reader.is_empty() && reader.u8().is_none());
        assert!(Reader::at(&[1], 2).is_none());
    }
}

/// Bytes for the tests of the grammars.
#[cfg(test)]
pub(crate) mod test_bytes {

    /// Reads hexadecimal digits; white space between them is free.
    pub(crate) fn hex(text: &str) -> Vec<u8> {
        let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
        let (pairs, rest) = digits.as_chunks::<2>();
        assert!(rest.is_empty(), "odd number of digits");
        pairs
            .iter()
            .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
            .collect()
    }

    /// A fixed sequence of numbers without pattern (xorshift64).
    pub(crate) struct Noise(pub u64);

    impl Noise {
        pub(crate) fn number(&mut self) -> u64 {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            self.0
        }

        pub(crate) fn below(&mut self, bound: usize) -> usize {
            usize::try_from(self.number() >> 16).unwrap() % bound.max(1)
        }

        pub(crate) fn bytes(&mut self, count: usize) -> Vec<u8> {
            std::iter::repeat_with(|| self.number().to_le_bytes())
                .flatten()
                .take(count)
                .collect()
        }

        /// `bytes` with one bit flipped and a random part of the end cut off.
        pub(crate) fn damage(&mut self, bytes: &[u8]) -> Vec<u8> {
            let mut damaged = bytes.to_vec();
            let at = self.below(damaged.len());
            if let Some(byte) = damaged.get_mut(at) {
                *byte ^= 1 << self.below(8);
            }
            damaged.truncate(self.below(bytes.len().saturating_add(1)));
            damaged
        }
    }
}
