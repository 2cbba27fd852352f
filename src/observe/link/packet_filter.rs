//! BSD's IPsec and packet filter taps: LINKTYPE 109 (OpenBSD enc, `net/if_enc.h`) and 117 (pflog,
//! `net/if_pflog.h` in any of its versions). Both deliver IP packets; pflog only what a rule logs.

use super::null::names_ip;
use super::plausible::possible;
use super::{Content, LinkType, Unwrapped};
use crate::ground::cause::LinkCause;
use crate::observe::capture::{Direction, Frame};

pub(super) const ENC: LinkType = LinkType {
    ids: &[109],
    name: "enc",
    // Family in the byte order of the capturing machine, security index, flags.
    read: |frame| {
        Unwrapped::bare(
            match (frame.data.first_chunk::<4>(), frame.data.get(12..)) {
                (Some(family), Some(packet)) if names_ip(*family) => Content::Ip(packet),
                (Some(_), Some(_)) => Content::unreadable(LinkCause::EncFamily),
                _ => Content::unreadable(LinkCause::EncShort),
            },
        )
    },
};

pub(super) const PFLOG: LinkType = LinkType {
    ids: &[117],
    name: "pflog",
    read: pflog,
};

/// The shortest header there ever was (OpenBSD 3.4): lengths below are none.
const HEADER_MIN: u8 = 45;
/// Its length leaves out the padding to this.
const ALIGNMENT: usize = 4;
/// Where direction stands since user and process ids came before it.
const DIRECTION: usize = 60;

fn pflog<'a>(frame: &Frame<'a>) -> Unwrapped<'a> {
    let [length @ HEADER_MIN..=u8::MAX, family, ..] = frame.data else {
        return Unwrapped::bare(Content::unreadable(LinkCause::NoPflogHeader));
    };
    let header = usize::from(*length);
    let start = header.next_multiple_of(ALIGNMENT);
    let Some(packet) = frame.data.get(start..) else {
        return Unwrapped::bare(Content::unreadable(LinkCause::PflogCut));
    };
    let wire = packet.len().saturating_add(frame.cut());
    // The layout differs between systems and versions: the packet has to be where it should be.
    let content = if names_ip([0, 0, 0, *family]) && (possible(packet, wire) || frame.cut() > 0) {
        Content::Ip(packet)
    } else {
        Content::unreadable(LinkCause::PflogHeader)
    };
    Unwrapped {
        direction: match frame.data.get(DIRECTION).filter(|_| header > DIRECTION) {
            Some(1) => Some(Direction::In),
            Some(2) => Some(Direction::Out),
            _ => None,
        },
        ..Unwrapped::bare(content)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{reader, sample};
    use super::*;

    #[test]
    fn headers_of_several_versions() {
        let v4 = sample::ipv4(b"filtered");
        let v6 = sample::ipv6(b"filtered");
        for (length, family, packet) in [(61, 2, &v4), (64, 28, &v6), (69, 30, &v6), (100, 24, &v6)]
        {
            let mut header = vec![length, family];
            header.resize(usize::from(length).next_multiple_of(4), 0);
            header[DIRECTION] = 2;
            let frame = [&header[..], packet].concat();
            let read = pflog(&sample::frame(&frame));
            assert_eq!(read.content, Content::Ip(packet), "{length}");
            assert_eq!(read.direction, Some(Direction::Out));
        }
        let mut strange = vec![61, 2];
        strange.resize(90, 0);
        for frame in [&strange[..], &strange[..50], &[28, 2, 0], &[]] {
            let content = pflog(&sample::frame(frame)).content;
            assert!(matches!(content, Content::Unreadable(..)));
        }

        for family in [[2, 0, 0, 0], [0, 0, 0, 24]] {
            let frame = [&family[..], &[0; 8], &v6].concat();
            let read = (reader(109).unwrap().read)(&sample::frame(&frame));
            assert_eq!(read.content, Content::Ip(&v6));
        }
        for frame in [&[99, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x45][..], &[2]] {
            let content = (reader(109).unwrap().read)(&sample::frame(frame)).content;
            assert!(matches!(content, Content::Unreadable(..)));
        }
    }
}
