//! PKTAP, the header that Darwin puts before packets of all interfaces (`rvictl`, `tcpdump -i pktap`):
//! LINKTYPE 258, and 149 where Apple took a number for private use.
//!
//! LINKTYPE_PKTAP of the link type registry, versions 1 and 2, and the structures of XNU
//! (`bsd/net/pktap.h`), which are little-endian in every file there is. Says direction, interface,
//! the process that owns the socket, and the process on whose behalf it acts; behind the header
//! lies a frame of the link type that it names.
//!
//! Names come from a field of the kernel that is shorter than the names of programs.

use super::field::{le16, le32, text};
use super::plausible::possible;
use super::{Content, LinkType, Unwrapped, reader};
use crate::ground::cause::LinkCause;
use crate::ground::gaps::GapId;
use crate::ground::label::{Label, LabelSource, Process};
use crate::observe::capture::{Direction, Frame};

pub(super) const PKTAP: LinkType = LinkType {
    ids: &[258],
    name: "pktap",
    read: |frame| match header(frame.data) {
        Ok(header) => header.applied(frame),
        Err(cause) => Unwrapped::unreadable(cause),
    },
};

/// Anybody may use 149 for anything: it is PKTAP only where the bytes are.
pub(super) const USER2: LinkType = LinkType {
    ids: &[149],
    name: "user2-pktap",
    read: |frame| match header(frame.data) {
        Ok(header) if header.convincing => header.applied(frame),
        _ => Unwrapped::bare(Content::Unreadable(
            GapId::UnsupportedLink,
            LinkCause::PrivateAndNoPktap,
        )),
    },
};

/// Lengths of the headers without what may follow: version 1 up to the effective name, version 2
/// up to the flags.
const V1_MIN: usize = 108;
const V2_MIN: usize = 40;
/// Version 1 has 156 bytes in today's systems; a length far beyond that is no length.
const V1_MAX: usize = 512;

/// Both versions keep their flags here, so that one of them can say which it is.
const FLAGS: usize = 36;
const INCOMING: u32 = 0x01;
const OUTGOING: u32 = 0x02;
const VERSION_2: u32 = 0x0008_0000;
/// Flags that are defined up to now, and room for a few more.
const FLAGS_KNOWN: u32 = 0x00ff_ffff;

/// Length of an interface name with its unit.
const INTERFACE: usize = 24;

/// Length of a command name (MAXCOMLEN) and the zero behind it. The registry page says twenty
/// bytes; in XNU a tag for tracing takes the last of them.
const NAME: usize = 17;
/// XNU asks for the name with a buffer of MAXCOMLEN bytes, of which the last one is the zero: what
/// has this many bytes may have had more.
const NAME_CUT: usize = 15;

/// Record type: a packet follows.
const PACKET: u32 = 1;

/// Link types that Darwin puts behind this header (`pktap_bpf_tap`), and those that a rewritten
/// file may have; none of them holds another frame with a header of this kind.
const INNER: &[u16] = &[0, 1, 9, 12, 101, 105, 108, 127, 138];

/// Address families of Darwin.
const IPV4: u32 = 2;
const IPV6: u32 = 30;

struct Header<'a> {
    length: usize,
    /// A packet follows.
    packet: bool,
    link_type: u32,
    interface: &'a [u8],
    flags: u32,
    family: u32,
    /// Bytes of link header and trailer around the network packet.
    before: usize,
    behind: usize,
    process: Process<'a>,
    effective: Process<'a>,
    /// Nothing in it looks like something else.
    convincing: bool,
}

fn header(data: &[u8]) -> Result<Header<'_>, LinkCause> {
    let flags = le32(data, FLAGS).ok_or(LinkCause::PktapCut)?;
    let header = if flags & VERSION_2 == 0 {
        version_1(data, flags)
    } else {
        version_2(data, flags)
    };
    header.ok_or(LinkCause::PktapHeader)
}

fn version_1(data: &[u8], flags: u32) -> Option<Header<'_>> {
    let length = usize::try_from(le32(data, 0)?).ok()?;
    let header = data
        .get(..length)
        .filter(|_| (V1_MIN..=V1_MAX).contains(&length))?;
    let kind = le32(header, 4)?;
    let interface = header.get(12..)?.get(..INTERFACE)?;
    Some(Header {
        length,
        packet: kind == PACKET,
        link_type: le32(header, 8)?,
        interface: text(interface),
        flags,
        family: le32(header, 40)?,
        before: usize::try_from(le32(header, 44)?).ok()?,
        behind: usize::try_from(le32(header, 48)?).ok()?,
        process: process(le32(header, 52)?, header.get(56..)?),
        effective: process(le32(header, 84)?, header.get(88..)?),
        convincing: kind <= PACKET
            && flags & !FLAGS_KNOWN == 0
            && is_interface(text(interface))
            && ends_with_zeroes(interface),
    })
}

fn version_2(data: &[u8], flags: u32) -> Option<Header<'_>> {
    let length = usize::from(*data.first()?);
    let header = data.get(..length).filter(|_| length >= V2_MIN)?;
    // Offsets of what is there; zero for what is not.
    let at = |field: usize| match usize::from(*header.get(field)?) {
        0 => Some(&[][..]),
        offset @ V2_MIN.. => header.get(offset..),
        _ => None,
    };
    let interface = at(3)?;
    let interface = interface.get(..INTERFACE).unwrap_or(interface);
    Some(Header {
        length,
        packet: true,
        link_type: le16(header, 6)?.into(),
        interface: text(interface),
        flags,
        family: le32(header, 16)?,
        before: le16(header, 8)?.into(),
        behind: le16(header, 10)?.into(),
        process: process(le32(header, 28)?, at(4)?),
        effective: process(le32(header, 32)?, at(5)?),
        convincing: flags & !FLAGS_KNOWN == 0
            && at(1).is_some()
            && at(2).is_some()
            && (interface.is_empty() || is_interface(text(interface))),
    })
}

/// A process as the header has it; 0 and -1 mean that there is none, or that it was not found.
fn process(pid: u32, name: &[u8]) -> Process<'_> {
    let name = text(name.get(..NAME).unwrap_or(name));
    Process {
        pid: Some(pid).filter(|pid| *pid != 0 && *pid != u32::MAX),
        name: Some(name).filter(|name| !name.is_empty()),
        cut: name.len() >= NAME_CUT,
    }
}

/// True for a name such as `en0` or `pdp_ip0`.
fn is_interface(name: &[u8]) -> bool {
    !name.is_empty() && name.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'_')
}

/// True if nothing follows the text of a fixed field.
fn ends_with_zeroes(field: &[u8]) -> bool {
    field.iter().skip(text(field).len()).all(|byte| *byte == 0)
}

impl<'a> Header<'a> {
    /// The frame behind the header, with what the header says.
    fn applied(&self, frame: &Frame<'a>) -> Unwrapped<'a> {
        let inner = self.frame(frame);
        let read = if self.packet {
            self.read(&inner)
        } else if inner.data.is_empty() {
            Unwrapped::bare(Content::NotIp("a PKTAP record without a packet"))
        } else {
            Unwrapped::unreadable(LinkCause::PktapKind)
        };
        Unwrapped {
            direction: match self.flags & (INCOMING | OUTGOING) {
                INCOMING => Some(Direction::In),
                OUTGOING => Some(Direction::Out),
                _ => read.direction,
            },
            port: Some(self.interface)
                .filter(|name| !name.is_empty())
                .map(number)
                .or(read.port),
            label: self.label().or(read.label),
            ..read
        }
    }

    /// The frame without header and trailer; both count in the length on the wire.
    fn frame(&self, frame: &Frame<'a>) -> Frame<'a> {
        let data = frame.data.get(self.length..).unwrap_or_default();
        let wire = data.len().saturating_add(frame.cut());
        let wire = wire.checked_sub(self.behind).unwrap_or(wire);
        Frame {
            original_len: u32::try_from(wire).unwrap_or(u32::MAX),
            data: data.get(..wire).unwrap_or(data),
            ..*frame
        }
    }

    fn read(&self, inner: &Frame<'a>) -> Unwrapped<'a> {
        let known = u16::try_from(self.link_type)
            .ok()
            .filter(|id| INNER.contains(id))
            .and_then(reader);
        let read = match known {
            Some(link) => (link.read)(inner),
            None => Unwrapped::bare(Content::Unreadable(
                GapId::UnsupportedLink,
                LinkCause::PktapLinkType,
            )),
        };
        // The header tells where the network packet begins, whatever lies before it.
        let packet = inner.data.get(self.before..).unwrap_or_default();
        let wire = (inner.original_len as usize).saturating_sub(self.before);
        match read.content {
            Content::Unreadable(..)
                if matches!(self.family, IPV4 | IPV6) && possible(packet, wire) =>
            {
                Unwrapped {
                    content: Content::Ip(packet),
                    ..read
                }
            }
            _ => read,
        }
    }

    fn label(&self) -> Option<Label<'a>> {
        let same = match (self.effective.pid, self.process.pid) {
            (Some(effective), Some(process)) => effective == process,
            _ => self.effective.name == self.process.name,
        };
        let label = Label {
            process: self.process,
            effective: if same {
                Process::default()
            } else {
                self.effective
            },
            ..Label::of(LabelSource::Pktap)
        };
        (!label.is_empty()).then_some(label)
    }
}

/// A number for an interface name, to tell interfaces apart (FNV-1a, 32 bits).
fn number(name: &[u8]) -> u32 {
    name.iter().fold(0x811c_9dc5, |hash, byte| {
        (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193)
    })
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    struct Fields<'a> {
        link_type: u8,
        flags: u32,
        before: u8,
        behind: u8,
        process: (i32, &'a [u8]),
        effective: (i32, &'a [u8]),
    }

    const FIELDS: Fields<'static> = Fields {
        link_type: 12,
        flags: OUTGOING,
        before: 0,
        behind: 0,
        process: (4321, b"nsurlsessiond"),
        effective: (815, b"DJIPilot2"),
    };

    fn v1(fields: &Fields<'_>, length: usize) -> Vec<u8> {
        let mut header = vec![0; length];
        let mut put = |at: usize, bytes: &[u8]| header[at..at + bytes.len()].copy_from_slice(bytes);
        put(0, &u32::try_from(length).unwrap().to_le_bytes());
        put(4, &[1]);
        put(8, &[fields.link_type]);
        put(12, b"pdp_ip0");
        put(FLAGS, &fields.flags.to_le_bytes());
        put(40, &[2]);
        put(44, &[fields.before]);
        put(48, &[fields.behind]);
        put(52, &fields.process.0.to_le_bytes());
        put(56, fields.process.1);
        // XNU's tag for tracing.
        put(74, &[0x12, 0x34]);
        put(84, &fields.effective.0.to_le_bytes());
        put(88, fields.effective.1);
        header
    }

    fn v2(fields: &Fields<'_>) -> Vec<u8> {
        let name = |name: &[u8]| [name, &[0]].concat();
        let (interface, process, effective) = (
            name(b"en0"),
            name(fields.process.1),
            name(fields.effective.1),
        );
        let at = [
            40,
            40 + interface.len(),
            40 + interface.len() + process.len(),
            40 + interface.len() + process.len() + effective.len(),
        ]
        .map(|at| u8::try_from(at).unwrap());
        let mut header = vec![at[3], 0, 0, at[0], at[1], at[2], fields.link_type, 0];
        header.extend([fields.before, 0, fields.behind, 0, 6, 0, 6, 0, 30, 0, 0, 0]);
        header.extend([0; 8]);
        header.extend(fields.process.0.to_le_bytes());
        header.extend(fields.effective.0.to_le_bytes());
        header.extend((fields.flags | VERSION_2).to_le_bytes());
        [header, interface, process, effective].concat()
    }

    fn told(link_type: u16, data: &[u8]) -> Unwrapped<'_> {
        (reader(link_type).unwrap().read)(&sample::frame(data))
    }

    #[test]
    fn both_versions_name_direction_interface_and_processes() {
        let packet = sample::ipv4(b"from an app");
        for (header, interface) in [
            (v1(&FIELDS, 108), &b"pdp_ip0"[..]),
            (v1(&FIELDS, 156), b"pdp_ip0"),
            (v2(&FIELDS), b"en0"),
        ] {
            let frame = [&header[..], &packet].concat();
            for link_type in [258, 149] {
                let read = told(link_type, &frame);
                assert_eq!(read.content, Content::Ip(&packet));
                assert_eq!(read.direction, Some(Direction::Out));
                assert_eq!(read.port, Some(number(interface)));
                let label = read.label.unwrap();
                assert_eq!(label.source, LabelSource::Pktap);
                assert_eq!(label.process.pid, Some(4321));
                assert_eq!(label.process.name, Some(&b"nsurlsessiond"[..]));
                assert_eq!(label.effective.pid, Some(815));
                assert_eq!(label.effective.name, Some(&b"DJIPilot2"[..]));
                assert!(!label.process.cut && !label.effective.cut);
            }
        }
    }

    #[test]
    fn what_was_not_found_is_no_process_and_full_names_are_cut() {
        let packet = sample::ipv4(b"x");
        let label = |process, effective| {
            let fields = Fields {
                process,
                effective,
                ..FIELDS
            };
            let frame = [&v1(&fields, 108)[..], &packet].concat();
            let label = told(258, &frame).label;
            label.map(|l| {
                let owned = |p: Process<'_>| (p.pid, p.name.map(<[u8]>::to_vec), p.cut);
                (owned(l.process), owned(l.effective))
            })
        };
        let none = (None, None, false);
        assert_eq!(label((-1, b""), (-1, b"")), None);
        assert_eq!(label((0, b""), (0, b"")), None);
        let app = || (Some(9), Some(b"DJIPilot2".to_vec()), false);
        // The same process twice is said once.
        assert_eq!(
            label((9, b"DJIPilot2"), (9, b"DJIPilot2")),
            Some((app(), none.clone()))
        );
        assert_eq!(
            label((9, b"DJIPilot2"), (-1, b"DJIPilot2")),
            Some((app(), none.clone()))
        );
        assert_eq!(
            label((9, b"DJIPilot2"), (-1, b"")),
            Some((app(), none.clone()))
        );
        assert_eq!(
            label((-1, b""), (9, b"DJIPilot2")),
            Some((none.clone(), app()))
        );
        let full = (Some(7), Some(b"SixteenCharacter".to_vec()), true);
        assert_eq!(
            label((7, b"SixteenCharacter"), (0, b"")),
            Some((full, none.clone()))
        );
        let fifteen = (Some(7), Some(b"FifteenCharacte".to_vec()), true);
        assert_eq!(
            label((7, b"FifteenCharacte"), (0, b"")),
            Some((fifteen, none))
        );
    }

    #[test]
    fn the_frame_inside_is_read_by_its_link_type() {
        let v4 = sample::ipv4(b"inside");
        let v6 = sample::ipv6(b"inside");
        let inner = |link_type, before, behind, body: &[u8]| {
            let fields = Fields {
                link_type,
                before,
                behind,
                flags: INCOMING,
                ..FIELDS
            };
            [&v1(&fields, 108)[..], body].concat()
        };
        let ethernet = inner(
            1,
            14,
            4,
            &[&sample::ethernet(0x86dd, &v6)[..], &[9; 4]].concat(),
        );
        let read = told(258, &ethernet);
        assert_eq!(read.content, Content::Ip(&v6));
        assert_eq!(read.direction, Some(Direction::In));
        assert!(read.source.is_some());
        let loopback = inner(0, 4, 0, &[&[2, 0, 0, 0][..], &v4].concat());
        assert_eq!(told(258, &loopback).content, Content::Ip(&v4));
        // A link type that nobody reads: the header still says where the packet begins.
        let strange = inner(200, 6, 0, &[&[0xee; 6][..], &v4].concat());
        assert_eq!(told(258, &strange).content, Content::Ip(&v4));
        let strange = inner(200, 0, 0, &[0xee; 60]);
        let content = told(258, &strange).content;
        assert!(matches!(
            content,
            Content::Unreadable(GapId::UnsupportedLink, _)
        ));
        // Headers inside headers end here.
        let nested = inner(149, 0, 0, &inner(149, 0, 0, &v4));
        assert!(matches!(
            told(149, &nested).content,
            Content::Unreadable(..)
        ));
        // Cut inside the trailer: nothing of the packet is lost.
        let whole = inner(12, 0, 8, &[&v4[..], &[9; 8]].concat());
        let cut = sample::cut(&whole[..whole.len() - 6], whole.len());
        let read = (PKTAP.read)(&cut);
        assert_eq!(read.content, Content::Ip(&v4));
    }

    #[test]
    fn private_use_is_not_taken_for_pktap() {
        // A DUML frame, as serial dumps of a drone have it under private link types.
        let duml = [
            &[0x55, 0x1b, 0x04, 0x75, 0x0a, 0x29, 0x10, 0x00, 0x00, 0x03][..],
            &[0; 200],
        ]
        .concat();
        let packet = sample::ipv4(b"x");
        let mut unnamed = v1(&FIELDS, 108);
        unnamed[12..36].fill(0xff);
        let mut version_2 = v2(&FIELDS);
        version_2[4] = 250;
        for data in [
            duml,
            vec![],
            vec![0; 300],
            [&unnamed[..], &packet].concat(),
            [&version_2[..], &packet].concat(),
            v1(&FIELDS, 108)[..60].to_vec(),
        ] {
            let content = told(149, &data).content;
            assert!(
                matches!(content, Content::Unreadable(GapId::UnsupportedLink, _)),
                "{content:?}"
            );
        }
        for data in [&[][..], &[0; 300], &[0xff; 300]] {
            assert!(matches!(told(258, data).content, Content::Unreadable(..)));
        }
        let empty = {
            let mut header = v1(&FIELDS, 108);
            header[4] = 0;
            header
        };
        assert!(matches!(told(258, &empty).content, Content::NotIp(_)));
    }
}
