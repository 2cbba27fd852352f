//! Qualcomm's multiplexing and aggregation protocol, MAP or QMAP (Documentation/networking/
//! device_drivers/cellular/qualcomm/rmnet.rst, version 1): IP packets of several connections in one
//! transfer, each behind four bytes.
//!
//! The header has no signature: a transfer is read this way when its first packet has one of these
//! headers in front and is an IP packet of exactly the length that the header leaves for it. Not
//! read: versions 4 and 5, whose checksum headers and trailers make the lengths disagree.

use super::{Cut, END, Ending, Steps, Transfer, bare, lost, zeros};
use crate::ground::cause::LinkCause;
use crate::observe::link::{Content, Unwrapped};

const HEADER: usize = 4;
/// First byte: a command to the modem, not a packet; in the low bits, bytes of padding.
const COMMAND: u8 = 0x80;
const PADDING: u8 = 0x3f;

const STEPS: Steps = Steps {
    whole: |bytes, at| step(bytes, at, Ending::Whole),
    last_cut: |bytes, at| step(bytes, at, Ending::LastCut),
    more_lost: |bytes, at| step(bytes, at, Ending::MoreLost),
};

/// The packets of a transfer that begins with a MAP header and an IP packet.
pub(super) fn read<'a>(transfer: &Transfer<'a>) -> Option<Content<'a>> {
    let first = header(transfer.data)?;
    let packet = transfer.data.get(HEADER..)?;
    if first.command || !bare::is_packet(packet, first.packet) || first.len > transfer.wire {
        return None;
    }
    let mut reach = first.len;
    while let Some(next) = transfer.data.get(reach..).and_then(header) {
        reach = reach.saturating_add(next.len);
    }
    // Cut inside a header: more was there.
    if transfer.cut != Cut::Nothing && reach < transfer.data.len() {
        reach = transfer.data.len();
    }
    Some(transfer.bundle(reach, &STEPS))
}

struct Header {
    command: bool,
    /// Length of the packet behind, and of all with header and padding.
    packet: usize,
    len: usize,
}

fn header(bytes: &[u8]) -> Option<Header> {
    let [flags, _, high, low] = *bytes.first_chunk::<HEADER>()?;
    let payload = usize::from(u16::from_be_bytes([high, low]));
    Some(Header {
        command: flags & COMMAND != 0,
        packet: payload.checked_sub(usize::from(flags & PADDING))?,
        len: payload.checked_add(HEADER)?,
    })
}

fn step(bytes: &[u8], at: usize, ending: Ending) -> Option<(Unwrapped<'_>, usize)> {
    let rest = bytes.get(at..)?;
    if zeros(rest) {
        return (ending == Ending::MoreLost).then(|| (lost(ending), END));
    }
    let Some(header) = header(rest) else {
        return Some((lost(ending), END));
    };
    let all = bytes.len();
    let next = at.saturating_add(header.len);
    if header.command {
        let command = Content::NotIp("MAP command");
        return Some((Unwrapped::bare(command), next.min(all)));
    }
    let packet = rest.get(HEADER..).unwrap_or_default();
    if next > all && (ending == Ending::Whole || packet.is_empty()) {
        return Some((lost(ending), END));
    }
    if !bare::is_packet(packet, header.packet) {
        return Some((Unwrapped::unreadable(LinkCause::MapTrailing), END));
    }
    let packet = packet.get(..header.packet).unwrap_or(packet);
    Some((Unwrapped::bare(Content::Ip(packet)), next.min(all)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::link::usb::sample::{contents, cut, ipv4, whole};

    fn framed(flags: u8, payload: &[u8]) -> Vec<u8> {
        let len = u16::try_from(payload.len()).unwrap().to_be_bytes();
        [&[flags, 1][..], &len, payload].concat()
    }

    #[test]
    fn packets_commands_and_what_is_missing() {
        let (one, two) = (ipv4(61), ipv4(40));
        let first = framed(3, &[&one[..], &[0; 3]].concat());
        let bytes = [&first[..], &framed(0x80, &[1; 12]), &framed(0, &two)].concat();
        let read = |transfer: &Transfer<'_>| -> Vec<Result<usize, bool>> {
            let outline = |content| match content {
                Content::Ip(packet) => Ok(packet.len()),
                Content::NotIp(_) => Err(true),
                _ => Err(false),
            };
            let contents = contents(transfer.read(None));
            contents.into_iter().map(outline).collect()
        };
        assert_eq!(read(&whole(&bytes)), [Ok(61), Err(true), Ok(40)]);
        let told = read(&cut(&bytes, bytes.len() - 10, true));
        assert_eq!(told, [Ok(61), Err(true), Ok(30)]);
        let more = read(&cut(&bytes, first.len() + 2, true));
        assert_eq!(more, [Ok(61), Err(false)]);
        let goes_on = read(&whole(&bytes[..bytes.len() - 10]));
        assert_eq!(goes_on, [Ok(61), Err(true), Err(false)]);
        let trailer = [&bytes[..], &[9; 8]].concat();
        assert_eq!(read(&whole(&trailer)).last(), Some(&Err(false)));
        // Nothing proves that four bytes in front of something are a header.
        assert_eq!(read(&whole(&framed(0, &one[..40]))), [Err(false)]);
        assert_eq!(read(&whole(&framed(0x80, &one))), [Err(false)]);
    }
}
