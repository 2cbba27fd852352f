//! RNDIS data messages (MS-RNDIS, REMOTE_NDIS_PACKET_MSG): one or more in a transfer, each
//! an Ethernet frame with its header in front.
//!
//! Out-of-band and per-packet data is passed over: it says nothing of the frame's content. The
//! control messages go over the control endpoint.

use super::{END, Ending, Steps, Transfer, le32, lost, zeros};
use crate::ground::cause::LinkCause;
use crate::observe::link::{Content, Unwrapped, ethernet};

/// Message type of data.
const PACKET: usize = 1;
/// Length of the header, and from where its offsets count.
const HEADER: usize = 44;
const OFFSETS_FROM: usize = 8;

const STEPS: Steps = Steps {
    whole: |bytes, at| step(bytes, at, Ending::Whole),
    last_cut: |bytes, at| step(bytes, at, Ending::LastCut),
    more_lost: |bytes, at| step(bytes, at, Ending::MoreLost),
};

/// The frames of a transfer that begins with a data message.
pub(super) fn read<'a>(transfer: &Transfer<'a>) -> Option<Content<'a>> {
    let mut reach = message(transfer.data)?.len;
    while let Some(next) = transfer.data.get(reach..).and_then(message) {
        reach = reach.saturating_add(next.len);
    }
    Some(transfer.bundle(reach, &STEPS))
}

/// A data message, as its header describes it.
struct Message {
    /// With header, data and padding.
    len: usize,
    /// Where its frame begins and ends, from the start of the message.
    start: usize,
    end: usize,
}

fn message(bytes: &[u8]) -> Option<Message> {
    let len = le32(bytes, 4)?;
    let start = le32(bytes, 8)?.checked_add(OFFSETS_FROM)?;
    let end = start.checked_add(le32(bytes, 12)?)?;
    let sound = le32(bytes, 0)? == PACKET && start >= HEADER && end <= len;
    sound.then_some(Message { len, start, end })
}

/// The frame of the message at `at`. One past the last byte stands for what is missing there.
fn step(bytes: &[u8], at: usize, ending: Ending) -> Option<(Unwrapped<'_>, usize)> {
    let all = bytes.len();
    let missing = all.saturating_add(1);
    if at == missing || (at == all && ending == Ending::MoreLost) {
        return Some((lost(ending), END));
    }
    let rest = bytes.get(at..).filter(|rest| !rest.is_empty())?;
    let Some(message) = message(rest) else {
        // Zeros keep USB packets from ending short ("Remote NDIS To USB Mapping", short packets).
        return match (zeros(rest), ending) {
            (true, Ending::Whole | Ending::LastCut) => None,
            (true, Ending::MoreLost) => Some((lost(ending), END)),
            _ if rest.len() < HEADER => Some((lost(ending), END)),
            _ => Some((Unwrapped::unreadable(LinkCause::RndisTrailing), END)),
        };
    };
    let Some(frame) = rest.get(message.start..message.end.min(rest.len())) else {
        return Some((lost(ending), END));
    };
    let next = at.saturating_add(message.len).min(all);
    if message.start == message.end {
        let empty = Content::NotIp("RNDIS message without a frame");
        return Some((Unwrapped::bare(empty), next));
    }
    let whole = message.end <= rest.len();
    let next = match ending {
        Ending::Whole if !whole => missing,
        _ => next,
    };
    Some((ethernet::frame(frame), next))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::ground::gaps::GapId;
    use crate::observe::link::usb::sample::{contents, cut, ethernet as around, ipv4, whole};

    const CUT: GapId = GapId::SnaplenCut;
    const BROKEN: GapId = GapId::UnreadablePackets;

    /// A data message around a frame, with padding that its length counts.
    pub(in crate::observe::link::usb) fn message(frame: &[u8], padding: usize) -> Vec<u8> {
        let len = u32::try_from(frame.len()).unwrap();
        let all = len + 44 + u32::try_from(padding).unwrap();
        let header = [1, all, 36, len, 0, 0, 0, 0, 0, 0, 0];
        let mut message: Vec<u8> = header.into_iter().flat_map(u32::to_le_bytes).collect();
        message.extend(frame);
        message.resize(message.len() + padding, 0);
        message
    }

    /// Lengths of the packets and gaps of the rest, in order.
    fn outline(transfer: &Transfer<'_>) -> Vec<Result<usize, GapId>> {
        let outline = |content| match content {
            Content::Ip(packet) => Ok(packet.len()),
            Content::Unreadable(gap, _) => Err(gap),
            other => panic!("{other:?}"),
        };
        let contents = contents(transfer.read(None));
        contents.into_iter().map(outline).collect()
    }

    #[test]
    fn messages_are_read_to_the_padding_and_strangers_behind_them_told() {
        let one = message(&around(0x0800, &ipv4(60)), 2);
        let two = message(&around(0x0800, &ipv4(80)), 0);
        let both = [&one[..], &two].concat();
        let padded = |padding: &[u8]| [&both[..], padding].concat();
        assert_eq!(outline(&whole(&both)), [Ok(60), Ok(80)]);
        assert_eq!(outline(&whole(&padded(&[0]))), [Ok(60), Ok(80)]);
        assert_eq!(outline(&whole(&padded(&[0; 300]))), [Ok(60), Ok(80)]);
        let stranger = outline(&whole(&padded(&[9; 60])));
        assert_eq!(stranger, [Ok(60), Ok(80), Err(BROKEN)]);
        let half_header = outline(&whole(&padded(&[1, 0, 0, 0, 90])));
        assert_eq!(half_header, [Ok(60), Ok(80), Err(BROKEN)]);
    }

    #[test]
    fn what_the_capture_or_the_transfer_cuts_off_is_told() {
        let one = message(&around(0x0800, &ipv4(60)), 2);
        let two = message(&around(0x0800, &ipv4(80)), 0);
        let both = [&one[..], &two].concat();
        // The transfer ends inside the second message: the part that is there, and the notice.
        let goes_on = outline(&whole(&both[..both.len() - 30]));
        assert_eq!(goes_on, [Ok(60), Ok(50), Err(BROKEN)]);
        // Only the last packet is short, and the record says by how much.
        assert_eq!(
            outline(&cut(&both, both.len() - 30, true)),
            [Ok(60), Ok(50)]
        );
        assert_eq!(outline(&cut(&one, one.len() - 32, true)), [Ok(30)]);
        // The record hides it, or whole messages may be missing.
        let hidden = outline(&cut(&both, both.len() - 30, false));
        assert_eq!(hidden, [Ok(60), Ok(50), Err(CUT)]);
        for kept in [one.len() - 20, one.len(), one.len() + 10, one.len() + 50] {
            let outline = outline(&cut(&both, kept, true));
            let told = outline.contains(&Err(CUT));
            // With the second header, its length shows that nothing follows it.
            assert_eq!(told, kept < one.len() + 16, "{kept}: {outline:?}");
        }
        assert_eq!(outline(&cut(&one, 12, true)), [Err(CUT)]);
    }

    #[test]
    fn lengths_that_contradict_one_another_are_no_message() {
        let good = message(&around(0x0800, &ipv4(60)), 0);
        assert!(read(&whole(&good)).is_some());
        // Type, message too short for its data, offset inside the header, data without end.
        for (at, byte) in [(0, 2), (4, 60), (8, 32), (15, 0xff)] {
            let mut bad = good.clone();
            bad[at] = byte;
            assert_eq!(outline(&whole(&bad)), [Err(BROKEN)]);
        }
        let empty = message(&[], 0);
        assert!(matches!(
            contents(whole(&empty).read(None))[..],
            [Content::NotIp(_)]
        ));
    }
}
