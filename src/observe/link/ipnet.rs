//! Packets of Solaris observability devices: LINKTYPE 226 (registry page LINKTYPE_IPNET).

use super::field::{be16, be32};
use super::{Content, LinkType, Unwrapped};
use crate::ground::cause::LinkCause;
use crate::observe::capture::{Direction, Frame};

pub(super) const IPNET: LinkType = LinkType {
    ids: &[226],
    name: "ipnet",
    read,
};

/// Version, family, hook, length, interface, its group, and two zones.
const HEADER: usize = 24;

/// Address families of Solaris.
const IPV4: u8 = 2;
const IPV6: u8 = 26;

fn read<'a>(frame: &Frame<'a>) -> Unwrapped<'a> {
    let data = frame.data;
    let (Some(packet), Some(family), Some(length)) =
        (data.get(HEADER..), data.get(1), be32(data, 4))
    else {
        return Unwrapped::unreadable(LinkCause::IpnetShort);
    };
    let content = match *family {
        IPV4 | IPV6 => {
            let length = usize::try_from(length).unwrap_or(usize::MAX);
            Content::Ip(packet.get(..length).unwrap_or(packet))
        }
        _ => Content::unreadable(LinkCause::IpnetFamily),
    };
    Unwrapped {
        direction: match be16(data, 2) {
            Some(0) => Some(Direction::In),
            Some(1) => Some(Direction::Out),
            // Between two zones of the machine.
            _ => None,
        },
        port: be32(data, 8),
        ..Unwrapped::bare(content)
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    #[test]
    fn family_hook_and_interface() {
        let packet = sample::ipv6(b"zone");
        let length = u8::try_from(packet.len()).unwrap();
        let header = |family, hook| {
            let mut header = vec![2, family, 0, hook, 0, 0, 0, length, 0, 0, 0, 7];
            header.resize(HEADER, 0);
            header
        };
        for (hook, direction) in [
            (0, Some(Direction::In)),
            (1, Some(Direction::Out)),
            (2, None),
        ] {
            // Padding behind the packet is none of it.
            let frame = [&header(26, hook)[..], &packet, &[0; 3]].concat();
            let unwrapped = read(&sample::frame(&frame));
            assert_eq!(unwrapped.content, Content::Ip(&packet));
            assert_eq!(unwrapped.direction, direction);
            assert_eq!(unwrapped.port, Some(7));
        }
        for frame in [[&header(30, 0)[..], &packet].concat(), vec![2, 2, 0]] {
            let content = read(&sample::frame(&frame)).content;
            assert!(matches!(content, Content::Unreadable(..)));
        }
    }
}
