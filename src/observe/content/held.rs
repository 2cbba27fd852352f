//! Bytes with the packets they came in, and the account of what was read.

use super::hits::Out;
use crate::ground::moment::Moment;
use crate::ground::work::looks_at;

/// Payload of one packet's moment that was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Credit {
    /// When it came.
    pub at: Moment,
    /// The interval of that.
    pub interval: u32,
    /// How many bytes.
    pub bytes: u64,
}

/// Adds a credit to a list, to the last one if it is of the same interval and input.
pub(super) fn add(credits: &mut Vec<Credit>, at: Moment, interval: u32, bytes: u64) {
    match credits.last_mut() {
        Some(last) if last.interval == interval && last.at.at.input == at.at.input => {
            last.bytes = last.bytes.saturating_add(bytes);
        }
        _ if bytes == 0 => {}
        _ => credits.push(Credit {
            at,
            interval,
            bytes,
        }),
    }
}

/// Where in held bytes a packet's share ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Mark {
    end: usize,
    at: Moment,
    interval: u32,
}

/// Bytes that wait, and which packet brought which of them.
#[derive(Debug, Default)]
pub(super) struct Held {
    pub(super) bytes: Vec<u8>,
    marks: Vec<Mark>,
}

impl Held {
    /// Appends the bytes of a packet.
    pub(super) fn push(&mut self, bytes: &[u8], at: Moment, interval: u32) {
        self.bytes.extend_from_slice(bytes);
        let end = self.bytes.len();
        match self.marks.last_mut() {
            Some(last) if last.at.at == at.at && last.interval == interval => last.end = end,
            _ => self.marks.push(Mark { end, at, interval }),
        }
    }

    /// Packets that the bytes came in.
    pub(super) fn packets(&self) -> usize {
        self.marks.len()
    }

    /// The packet that brought the byte at `place`; the last one for places behind.
    pub(super) fn moment(&self, place: usize) -> (Moment, u32) {
        let index = self.marks.partition_point(|mark| mark.end <= place);
        self.marks
            .get(index)
            .or(self.marks.last())
            .map_or((Moment::NONE, 0), |mark| (mark.at, mark.interval))
    }

    /// The bytes from `from` on, by packet.
    pub(super) fn pieces(&self, from: usize) -> impl Iterator<Item = (&[u8], Moment, u32)> {
        let mut begin = from;
        let first = self.marks.partition_point(|mark| mark.end <= from);
        let marks = self.marks.get(first..).unwrap_or_default().iter();
        marks.filter_map(move |mark| {
            let piece = self.bytes.get(begin..mark.end).filter(|p| !p.is_empty())?;
            begin = mark.end;
            Some((piece, mark.at, mark.interval))
        })
    }

    /// Lends the bytes from `from` to `to` packet by packet, each as what is at hand.
    pub(super) fn each(
        &self,
        from: usize,
        to: usize,
        out: &mut Out<'_>,
        lend: &mut dyn FnMut(&[u8], &mut Out<'_>),
    ) {
        let (at, interval) = (out.at, out.interval);
        let mut left = to.saturating_sub(from);
        for (piece, moment, of) in self.pieces(from) {
            if left == 0 {
                break;
            }
            let piece = piece.get(..left).unwrap_or(piece);
            left = left.saturating_sub(piece.len());
            if !piece.is_empty() {
                (out.at, out.interval) = (moment, of);
                lend(piece, out);
            }
        }
        (out.at, out.interval) = (at, interval);
    }

    /// Forgets the first `count` bytes.
    pub(super) fn forget(&mut self, count: usize) {
        let count = count.min(self.bytes.len());
        if count == 0 {
            return;
        }
        looks_at(self.bytes.len().saturating_add(self.marks.len()));
        self.bytes.drain(..count);
        self.marks.retain_mut(|mark| {
            let keep = mark.end > count;
            mark.end = mark.end.saturating_sub(count);
            keep
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ground::moment::{FrameRef, Timestamp};

    #[test]
    fn bytes_know_their_packet() {
        let at = |frame| Moment {
            time: Timestamp::UNKNOWN,
            at: FrameRef { input: 0, frame },
        };
        let mut held = Held::default();
        held.push(b"abc", at(1), 0);
        held.push(b"de", at(2), 1);
        assert_eq!(
            (held.moment(2), held.moment(3), held.moment(9)),
            ((at(1), 0), (at(2), 1), (at(2), 1))
        );
        let pieces: Vec<_> = held.pieces(1).collect();
        assert_eq!(pieces, [(&b"bc"[..], at(1), 0), (&b"de"[..], at(2), 1)]);
        held.forget(4);
        assert_eq!(
            (held.bytes.as_slice(), held.packets(), held.moment(0)),
            (&b"e"[..], 1, (at(2), 1))
        );
    }
}
