//! Bytes of a TCP direction that came before the bytes in front of them (RFC 9293 §3.10.7.4), until the hole is filled or given up.
//!
//! Both that put a direction in order have their late pieces here: [`super::stream`] for dissectors, which pass over what they need
//! not see, and [`super::order`] for those who look into all of it. Numbers are compared modulo 2^32 (§3.4). What two pieces say
//! of one place is for those who keep them; here the one that begins first comes out first.

/// Bytes and pieces of a direction beyond which the hole before them is taken for lost: a sender that is missed a segment resends it long
/// before.
pub const BYTES_MAX: usize = 64 << 10;
/// See [`BYTES_MAX`].
pub const PIECES_MAX: usize = 64;

/// Pieces from which on those that follow each other become one: each may begin something, but many are a sender's that cuts small.
const PIECES_APART: usize = PIECES_MAX / 2;

/// How many bytes `a` lies behind `b`, or before it; windows of a connection are below 2^31.
pub fn distance(a: u32, b: u32) -> i32 {
    a.wrapping_sub(b).cast_signed()
}

/// A piece that waits, with what is known of it.
#[derive(Debug)]
pub struct Piece<T> {
    /// The number of its first byte.
    pub sequence: u32,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// What is known of it.
    pub of: T,
}

/// The late pieces of a direction, in the order of their numbers.
#[derive(Debug)]
pub struct Late<T> {
    pieces: Vec<Piece<T>>,
    bytes: usize,
}

impl<T> Default for Late<T> {
    fn default() -> Self {
        Self {
            pieces: Vec::new(),
            bytes: 0,
        }
    }
}

impl<T> Late<T> {
    /// The bytes of the first piece that begins at a number.
    pub fn at(&self, sequence: u32) -> Option<&[u8]> {
        let mut pieces = self.pieces.iter();
        let piece = pieces.find(|piece| piece.sequence == sequence)?;
        Some(&piece.bytes)
    }

    /// Keeps a piece while the byte `next` is waited for; behind those that begin at the same number.
    pub fn keep(&mut self, next: u32, piece: Piece<T>) {
        self.bytes = self.bytes.saturating_add(piece.bytes.len());
        let ahead = distance(piece.sequence, next);
        let place = self
            .pieces
            .partition_point(|have| distance(have.sequence, next) <= ahead);
        self.pieces.insert(place, piece);
    }

    /// The bytes from a number on of a piece that has it.
    pub fn from(&self, sequence: u32) -> Option<&[u8]> {
        self.pieces.iter().find_map(|piece| {
            let inside = usize::try_from(distance(sequence, piece.sequence)).ok()?;
            piece.bytes.get(inside..).filter(|rest| !rest.is_empty())
        })
    }

    /// Takes out the first piece that begins at a number.
    pub fn take(&mut self, sequence: u32) -> Option<Piece<T>> {
        let place = self.pieces.iter().position(|p| p.sequence == sequence)?;
        Some(self.remove(place))
    }

    /// Takes out the next piece with no hole before it, and says how many of its bytes lie before `next`.
    pub fn join(&mut self, next: u32) -> Option<(Piece<T>, usize)> {
        let ahead = distance(self.first()?, next);
        let old = usize::try_from(ahead.unsigned_abs()).unwrap_or(usize::MAX);
        (ahead <= 0).then(|| (self.remove(0), old))
    }

    fn remove(&mut self, place: usize) -> Piece<T> {
        let piece = self.pieces.remove(place);
        self.bytes = self.bytes.saturating_sub(piece.bytes.len());
        piece
    }

    /// The number of the first byte behind the first hole.
    pub fn first(&self) -> Option<u32> {
        self.pieces.first().map(|piece| piece.sequence)
    }

    /// True if the first hole should be given up.
    pub fn is_over(&self) -> bool {
        self.bytes > BYTES_MAX || self.pieces.len() > PIECES_MAX
    }

    /// Pieces that wait.
    pub fn len(&self) -> usize {
        self.pieces.len()
    }

    /// Nothing waits.
    pub fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// Bytes that wait.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Forgets all pieces; says how many bytes they had.
    pub fn clear(&mut self) -> usize {
        self.pieces.clear();
        std::mem::take(&mut self.bytes)
    }
}

impl Late<()> {
    /// Where there are many pieces, adds bytes to the one that ends where they begin: a sender who cuts its bytes small makes no more of them
    /// than holes. True if it did.
    pub fn grow(&mut self, sequence: u32, bytes: &[u8]) -> bool {
        if self.pieces.len() < PIECES_APART {
            return false;
        }
        // Nearly always the last one.
        let mut pieces = self.pieces.iter_mut().rev();
        let before = pieces.find(|piece| {
            usize::try_from(distance(sequence, piece.sequence)) == Ok(piece.bytes.len())
        });
        let Some(before) = before else {
            return false;
        };
        before.bytes.extend_from_slice(bytes);
        self.bytes = self.bytes.saturating_add(bytes.len());
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_many_pieces_those_that_follow_each_other_are_one() {
        let mut late = Late::default();
        let mut push = |sequence: u32| {
            let bytes = vec![sequence as u8; 2];
            if !late.grow(sequence, &bytes) {
                let piece = Piece {
                    sequence,
                    bytes,
                    of: (),
                };
                late.keep(0, piece);
            }
            (late.len(), late.is_over())
        };
        for n in 1..=2000 {
            let expected = PIECES_APART.min(n as usize);
            assert_eq!(push(2 * n), (expected, false), "{n}");
        }
        // Behind holes each is a piece.
        for n in 1..=PIECES_MAX - PIECES_APART {
            assert_eq!(push(10_000 + 10 * n as u32), (PIECES_APART + n, false));
        }
        assert_eq!(push(20_000), (PIECES_MAX + 1, true));
        assert_eq!(late.from(2 * 1500 + 1).map(<[u8]>::len), Some(2 * 500 + 1));
        assert_eq!(late.from(4_003), None);
        let mut next = 2;
        while let Some((piece, old)) = late.join(next) {
            next += (piece.bytes.len() - old) as u32;
        }
        assert_eq!(next, 4_002);
    }

    #[test]
    fn pieces_come_out_by_their_numbers_across_the_wrap() {
        let mut late = Late::default();
        let next = u32::MAX - 3;
        for (sequence, text) in [
            (4u32, "ef"),
            (u32::MAX, "ab"),
            (1, "cd"),
            (1, "cde"),
            (0, "b"),
        ] {
            let bytes = text.as_bytes().to_vec();
            late.keep(
                next,
                Piece {
                    sequence,
                    bytes,
                    of: (),
                },
            );
        }
        assert_eq!((late.len(), late.bytes(), late.is_over()), (5, 10, false));
        assert!(late.join(next).is_none(), "a hole is before all of them");
        assert_eq!(
            (late.first(), late.at(1)),
            (Some(u32::MAX), Some(&b"cd"[..]))
        );
        let mut out = Vec::new();
        let mut next = u32::MAX;
        while let Some((piece, old)) = late.join(next) {
            let fresh = piece.bytes.get(old..).unwrap_or_default();
            out.push((piece.sequence, String::from_utf8_lossy(fresh).into_owned()));
            next = next.wrapping_add(u32::try_from(fresh.len()).unwrap());
        }
        let read: Vec<(u32, &str)> = out.iter().map(|(at, text)| (*at, text.as_str())).collect();
        assert_eq!(
            read,
            [(u32::MAX, "ab"), (0, ""), (1, "cd"), (1, "e"), (4, "ef")]
        );
        assert_eq!((late.is_empty(), late.bytes(), late.clear()), (true, 0, 0));
    }

    #[test]
    fn what_waits_has_bounds() {
        let piece = |sequence: u32, length: usize| Piece {
            sequence,
            bytes: vec![0; length],
            of: (),
        };
        let mut many = Late::default();
        for at in 0..64 {
            many.keep(0, piece(10 + 2 * at, 1));
        }
        assert!(!many.is_over());
        many.keep(0, piece(5, 1));
        assert!(many.is_over());
        assert_eq!(many.take(5).map(|p| p.bytes.len()), Some(1));
        assert!(!many.is_over() && many.take(5).is_none());
        let mut long = Late::default();
        long.keep(0, piece(1, BYTES_MAX));
        assert!(!long.is_over());
        long.keep(0, piece(1, 1));
        assert!(long.is_over());
    }
}
