//! A-MSDU: several packets in one data frame, each with receiver, sender and length (IEEE
//! 802.11-2020 §9.3.2.2.2), all but the last one padded to four bytes.
//!
//! The lengths are followed through once before anything is read. If they do not lead to the end of
//! the frame, it is no A-MSDU, and none of it is believed. The variants of meshes (a control field
//! behind each length) and of 60 GHz links (packets without addresses) stay unreadable.

use super::frame::{Ends, packet};
use crate::ground::cause::LinkCause;
use crate::ground::mac::Mac;
use crate::observe::link::{Bundle, BundleStep, Content, Unwrapped};

/// Receiver, sender, length.
const HEADER_LEN: usize = 14;

/// LLC and SNAP where the first receiver should stand: the bit that says A-MSDU was set on a plain
/// packet, by mistake or by an attacker (CVE-2020-24588).
const SNAP: [u8; 6] = [0xaa, 0xaa, 0x03, 0, 0, 0];

/// The packet at an offset.
struct Subframe<'a> {
    ends: Ends,
    /// Its captured bytes.
    body: &'a [u8],
    /// Where it ends by its length field, which may lie beyond the captured bytes.
    end: usize,
}

impl<'a> Subframe<'a> {
    /// `None` if no whole header stands there.
    fn at(bytes: &'a [u8], at: usize) -> Option<Self> {
        let (header, rest) = bytes.get(at..)?.split_first_chunk::<HEADER_LEN>()?;
        let &[.., high, low] = header;
        let length = usize::from(u16::from_be_bytes([high, low]));
        Some(Self {
            ends: Ends {
                target: Mac::read(header),
                source: header.get(6..).and_then(Mac::read),
            },
            body: rest.get(..length).unwrap_or(rest),
            end: at.saturating_add(HEADER_LEN).saturating_add(length),
        })
    }

    fn next(&self) -> usize {
        self.end.saturating_add(3) & !3
    }

    fn read(&self) -> Unwrapped<'a> {
        match self.body {
            [] => self.ends.with(Content::NotIp("an empty packet")),
            body => self.ends.with(packet(body)),
        }
    }
}

/// Reads the body of an A-MSDU of which the last `cut` bytes were not captured.
pub(super) fn read(body: &[u8], cut: usize) -> Unwrapped<'_> {
    if body.starts_with(&SNAP) {
        return Unwrapped::unreadable(LinkCause::AmsduPlain);
    }
    let Some(first) = Subframe::at(body, 0) else {
        return Unwrapped::unreadable(LinkCause::AmsduCut);
    };
    let Some(hidden) = hidden(body, cut) else {
        return Unwrapped::unreadable(LinkCause::AmsduLengths);
    };
    if first.next() >= body.len() && !hidden {
        return first.read();
    }
    let step: BundleStep = if hidden { step_then_hidden } else { step };
    Unwrapped::bare(Content::Bundle(Bundle::new(body, 0, step)))
}

/// Whether further packets lie in what was cut off; `None` if the lengths cannot be right.
fn hidden(body: &[u8], cut: usize) -> Option<bool> {
    let wire = body.len().saturating_add(cut);
    let mut at = 0;
    while let Some(subframe) = Subframe::at(body, at) {
        if subframe.end > wire {
            return None;
        }
        at = subframe.next();
    }
    // What is left is too short for a packet: padding, or a header that was cut.
    let rest = body.get(at..).unwrap_or_default();
    match cut {
        0 => rest.iter().all(|b| *b == 0).then_some(false),
        _ => Some(wire.saturating_sub(at) >= HEADER_LEN),
    }
}

fn step(bytes: &[u8], at: usize) -> Option<(Unwrapped<'_>, usize)> {
    let subframe = Subframe::at(bytes, at)?;
    Some((subframe.read(), subframe.next()))
}

/// The same, and at the end a word on the packets that were cut off.
fn step_then_hidden(bytes: &[u8], at: usize) -> Option<(Unwrapped<'_>, usize)> {
    if let Some(found) = step(bytes, at) {
        return Some(found);
    }
    let gone = Content::unreadable(LinkCause::AmsduPacketsCut);
    (at != usize::MAX).then(|| (Unwrapped::bare(gone), usize::MAX))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{IP, with_fcs};
    use super::super::{Reception, frame};
    use super::*;

    fn subframe(last: u8, length: usize) -> Vec<u8> {
        let mut out = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, last];
        out.extend(u16::try_from(length + 8).unwrap().to_be_bytes());
        out.extend([0xaa, 0xaa, 3, 0, 0, 0, 8, 0]);
        out.extend_from_slice(&IP[..length]);
        out
    }

    /// Packets of 20, 19 and 20 bytes: the second one is followed by three bytes of padding.
    fn three() -> Vec<u8> {
        let parts = [subframe(7, 20), vec![0; 2], subframe(8, 19)];
        [parts.concat(), vec![0; 3], subframe(9, 20)].concat()
    }

    fn contents(got: Unwrapped<'_>) -> Vec<Content<'_>> {
        match got.content {
            Content::Bundle(bundle) => bundle.map(|u| u.content).collect(),
            other => vec![other],
        }
    }

    #[test]
    fn packets_are_read_one_by_one_with_their_own_ends() {
        let body = three();
        let Content::Bundle(bundle) = read(&body, 0).content else {
            panic!("no bundle");
        };
        let got: Vec<Unwrapped<'_>> = bundle.collect();
        let expected = [
            (7, Content::Ip(&IP[..])),
            (8, Content::Ip(&IP[..19])),
            (9, Content::Ip(&IP[..])),
        ];
        assert_eq!(got.len(), 3);
        for (unwrapped, (last, content)) in got.iter().zip(expected) {
            assert_eq!(unwrapped.content, content);
            assert_eq!(unwrapped.source, Some(Mac([2, 0, 0, 0, 0, last])));
            assert_eq!(unwrapped.target, Some(Mac([2, 0, 0, 0, 0, 1])));
        }
        // A single packet needs no bundle, padded or not.
        for padding in [0, 2] {
            let one = [subframe(7, 20), vec![0; padding]].concat();
            assert_eq!(read(&one, 0).content, Content::Ip(&IP));
        }
    }

    #[test]
    fn the_check_sequence_is_no_packet_whether_it_was_announced_or_not() {
        let mut data = vec![0x88, 0x02, 0, 0];
        data.extend([2, 0, 0, 0, 0, 1].repeat(3));
        data.extend([0, 0, 0x80, 0]);
        data.extend(three());
        for (bytes, fcs) in [
            (data.clone(), false),
            (with_fcs(data.clone()), false),
            (with_fcs(data.clone()), true),
        ] {
            let said = Reception {
                fcs,
                ..Reception::default()
            };
            assert_eq!(contents(frame::read(&bytes, 0, said)).len(), 3);
        }
        // Four bytes that are no check sequence: something is not understood.
        data.extend([1, 2, 3, 4]);
        let got = frame::read(&data, 0, Reception::default());
        assert!(matches!(got.content, Content::Unreadable(..)));
    }

    #[test]
    fn wherever_it_is_cut_no_packet_is_forgotten() {
        let body = three();
        for len in 0..body.len() {
            let got = contents(read(&body[..len], body.len() - len));
            let whole = [42, 85].iter().filter(|end| **end <= len).count();
            let ip = got.iter().filter(|c| matches!(c, Content::Ip(_))).count();
            let bad = got.iter().any(|c| matches!(c, Content::Unreadable(..)));
            assert!(ip >= whole, "{len}");
            // The last packet is there at least in part, or its absence is told.
            assert!(bad || got.len() == 3, "{len}");
        }
        assert_eq!(contents(read(&body, 4)).len(), 3);
    }

    #[test]
    fn lengths_that_lead_nowhere_are_not_believed() {
        let mut body = three();
        body[13] += 4;
        assert!(matches!(read(&body, 0).content, Content::Unreadable(..)));
        let plain = [&SNAP[..], &[8, 0], &IP].concat();
        assert!(matches!(read(&plain, 0).content, Content::Unreadable(..)));
        // An empty packet advances.
        let empty = [2u8, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0, 0, 0, 0].repeat(9);
        assert_eq!(contents(read(&empty, 0)).len(), 9);
    }
}
