//! The Per-Packet Information header (LINKTYPE 192; PPI 1.0.7, CACE Technologies): a length, the
//! link type of what follows, and fields of type and length, all little-endian.
//!
//! What follows may be of any link type that can be read. For 802.11 the field "802.11-Common" says
//! whether the check sequence is there and was right.

use super::{Reception, behind, frame};
use crate::ground::cause::LinkCause;
use crate::ground::gaps::GapId;
use crate::observe::capture::Frame;
use crate::observe::link::{Content, Unwrapped, reader};

/// Version, flags, length, link type.
const HEADER: usize = 8;
/// Flag: each field is padded to four bytes.
const ALIGNED: u8 = 0x01;
/// Field "802.11-Common"; its flags stand behind the eight bytes of the timer.
const COMMON: u16 = 2;
const COMMON_FLAGS: usize = 8;
/// Flags of that field.
const FCS_PRESENT: u16 = 0x0001;
const FCS_WRONG: u16 = 0x0004;
const PHY_ERROR: u16 = 0x0008;

/// 802.11 without a header of its own.
const PLAIN: u16 = 105;
/// Link types that name another link type in turn (PPI, PKTAP). Inside PPI they are not followed,
/// so that hostile bytes cannot nest headers without end.
const NESTING: [u16; 3] = [192, 149, 258];

pub(super) fn read<'a>(outer: &Frame<'a>) -> Unwrapped<'a> {
    let Some(&[version, flags, l0, l1, d0, d1, d2, d3]) = outer.data.first_chunk::<HEADER>() else {
        return Unwrapped::unreadable(LinkCause::PpiShort);
    };
    if version != 0 {
        return Unwrapped::unreadable(LinkCause::PpiVersion);
    }
    let length = usize::from(u16::from_le_bytes([l0, l1]));
    let (Some(fields), Some(inner)) = (outer.data.get(HEADER..length), behind(outer, length))
    else {
        return Unwrapped::unreadable(LinkCause::PpiCut);
    };
    let link_type = u16::try_from(u32::from_le_bytes([d0, d1, d2, d3])).ok();
    if link_type == Some(PLAIN) {
        return match reception(fields, flags & ALIGNED != 0) {
            Some(said) => frame::read(inner.data, inner.cut(), said),
            None => Unwrapped::unreadable(LinkCause::PpiFields),
        };
    }
    let known = link_type
        .filter(|id| !NESTING.contains(id))
        .and_then(reader);
    match known {
        Some(known) => (known.read)(&inner),
        None => Unwrapped::bare(Content::Unreadable(
            GapId::UnsupportedLink,
            LinkCause::PpiLinkType,
        )),
    }
}

/// What the fields say of an 802.11 frame; `None` if one runs past the header.
fn reception(mut fields: &[u8], aligned: bool) -> Option<Reception> {
    let mut said = Reception::default();
    while let Some((&[t0, t1, l0, l1], rest)) = fields.split_first_chunk() {
        let length = usize::from(u16::from_le_bytes([l0, l1]));
        let field = rest.get(..length)?;
        if u16::from_le_bytes([t0, t1]) == COMMON {
            let flags = u16::from_le_bytes(*field.get(COMMON_FLAGS..)?.first_chunk()?);
            said.fcs |= flags & FCS_PRESENT != 0;
            said.damaged |= flags & (FCS_WRONG | PHY_ERROR) != 0;
        }
        let step = match aligned {
            true => length.next_multiple_of(4),
            false => length,
        };
        // The last field may leave its padding out.
        fields = rest.get(step..).unwrap_or_default();
    }
    Some(said)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{IP, captured, downlink, with_fcs};
    use super::*;

    fn ppi(flags: u8, link_type: u32, fields: &[u8], inner: &[u8]) -> Vec<u8> {
        let mut out = vec![0, flags];
        out.extend(u16::try_from(HEADER + fields.len()).unwrap().to_le_bytes());
        out.extend(link_type.to_le_bytes());
        out.extend([fields, inner].concat());
        out
    }

    fn content(data: &[u8]) -> Content<'_> {
        read(&captured(data, data.len())).content
    }

    #[test]
    fn the_common_field_is_found_with_and_without_alignment() {
        let common = |flags: u8| [&[2, 0, 20, 0][..], &[0; 8], &[flags, 0], &[0; 10]].concat();
        let odd = [0x30, 0x75, 1, 0, 0xff];
        let inner = with_fcs(downlink());
        for (ppi_flags, padding) in [(0, 0), (ALIGNED, 3)] {
            let fields = |flags| [&odd[..], &vec![0; padding], &common(flags)].concat();
            let data = ppi(ppi_flags, 105, &fields(1), &inner);
            assert_eq!(content(&data), Content::Ip(&IP));
            for wrong in [5, 9] {
                let data = ppi(ppi_flags, 105, &fields(wrong), &inner);
                assert!(matches!(content(&data), Content::Unreadable(..)));
            }
        }
        let data = ppi(0, 105, &[2, 0, 21, 0, 0, 0], &inner);
        assert!(matches!(content(&data), Content::Unreadable(..)));
    }

    #[test]
    fn any_link_type_may_follow_but_not_another_such_header() {
        let ethernet = [&[2; 12][..], &[8, 0], &IP].concat();
        assert_eq!(content(&ppi(0, 1, &[], &ethernet)), Content::Ip(&IP));
        assert_eq!(content(&ppi(0, 12, &[], &IP)), Content::Ip(&IP));
        for id in [192, 258, 150, 0x0001_0001] {
            assert!(matches!(
                content(&ppi(0, id, &[], &ethernet)),
                Content::Unreadable(GapId::UnsupportedLink, _)
            ));
        }
    }
}
