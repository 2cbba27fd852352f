//! The Prism header (LINKTYPE 119): message code and length in the byte order of the capturing
//! machine, a device name, then items (LINKTYPE_IEEE802_11_PRISM page of the link types). Drivers
//! that write an AVS header state this link type too. Nothing is said of the check sequence.

use super::{Reception, avs, behind, frame};
use crate::ground::cause::LinkCause;
use crate::observe::capture::Frame;
use crate::observe::link::Unwrapped;

/// Message codes of the two generations of drivers.
const CODES: [u32; 2] = [0x41, 0x44];

/// Code, length and device name: what the header has at least.
const MIN: u32 = 24;

pub(super) fn read<'a>(outer: &Frame<'a>) -> Unwrapped<'a> {
    if avs::is(outer.data) {
        return avs::read(outer);
    }
    let Some(&[c0, c1, c2, c3, l0, l1, l2, l3]) = outer.data.first_chunk() else {
        return Unwrapped::unreadable(LinkCause::PrismShort);
    };
    let (code, length) = ([c0, c1, c2, c3], [l0, l1, l2, l3]);
    let length = if CODES.contains(&u32::from_le_bytes(code)) {
        u32::from_le_bytes(length)
    } else if CODES.contains(&u32::from_be_bytes(code)) {
        u32::from_be_bytes(length)
    } else {
        return Unwrapped::unreadable(LinkCause::PrismMissing);
    };
    let inner = usize::try_from(length)
        .ok()
        .filter(|_| length >= MIN)
        .and_then(|n| behind(outer, n));
    match inner {
        Some(inner) => frame::read(inner.data, inner.cut(), Reception::default()),
        None => Unwrapped::unreadable(LinkCause::PrismCut),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{IP, captured, downlink};
    use super::*;
    use crate::observe::link::Content;

    #[test]
    fn both_codes_in_both_byte_orders() {
        for code in CODES {
            for swap in [false, true] {
                let bytes = |n: u32| {
                    if swap {
                        n.to_be_bytes()
                    } else {
                        n.to_le_bytes()
                    }
                };
                let mut data = [bytes(code), bytes(144)].concat();
                data.resize(144, 0);
                data.extend(downlink());
                let got = read(&captured(&data, data.len()));
                assert_eq!(got.content, Content::Ip(&IP));
            }
        }
        let mut stranger = vec![0x45, 0, 0, 0, 144, 0, 0, 0];
        stranger.resize(300, 0);
        let got = read(&captured(&stranger, 300));
        assert!(matches!(got.content, Content::Unreadable(..)));
    }
}
