//! SLIP (RFC 1055) as BSD captures it: LINKTYPE 8 (registry page LINKTYPE_SLIP). Sixteen bytes of
//! direction and compressed header stand before the packet, whose headers are whole again.

use super::plausible::{likely, possible};
use super::{Content, LinkType, Unwrapped};
use crate::ground::cause::{LinkCause, Oddity};
use crate::observe::capture::{Direction, Frame};

pub(super) const SLIP: LinkType = LinkType {
    ids: &[8],
    name: "slip",
    read,
};

/// Direction, packet type, compressed header.
const HEADER: usize = 16;

fn read<'a>(frame: &Frame<'a>) -> Unwrapped<'a> {
    let data = frame.data;
    let wire = data.len().max(frame.original_len as usize);
    let packet = data.get(HEADER..);
    let inside = packet.is_some_and(|p| possible(p, wire.saturating_sub(HEADER)));
    if !inside && likely(data, wire) {
        return Unwrapped {
            oddity: Some(Oddity::RawInSlip),
            ..Unwrapped::bare(Content::Ip(data))
        };
    }
    match packet {
        Some(packet) => Unwrapped {
            direction: match data.first() {
                Some(0) => Some(Direction::In),
                Some(1) => Some(Direction::Out),
                _ => None,
            },
            ..Unwrapped::bare(Content::Ip(packet))
        },
        None => Unwrapped::unreadable(LinkCause::SlipShort),
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    #[test]
    fn behind_the_header_or_without_one() {
        let packet = sample::ipv4(b"serial line");
        let mut frame = vec![1, 0x45];
        frame.resize(HEADER, 0);
        frame.extend(&packet);
        let unwrapped = read(&sample::frame(&frame));
        assert_eq!(unwrapped.content, Content::Ip(&packet));
        assert_eq!(unwrapped.direction, Some(Direction::Out));
        assert_eq!(unwrapped.oddity, None);
        let unwrapped = read(&sample::frame(&packet));
        assert_eq!(unwrapped.content, Content::Ip(&packet));
        assert!(unwrapped.oddity.is_some());
        let content = read(&sample::frame(&[0; 9])).content;
        assert!(matches!(content, Content::Unreadable(..)));
    }
}
