//! IEEE 802.11 in monitor mode: plain frames (LINKTYPE 105), and frames behind what the receiver
//! says of their reception: radiotap (127), PPI (192), AVS (163) and Prism (119).
//!
//! [`frame`] reads the frame itself, the other modules the header before it. What these headers say
//! of signal and rate is skipped; what matters is whether a frame check sequence stands at the end,
//! whether it was wrong, and whether the frame header is padded.
//!
//! The readers keep no state between frames: a packet in several fragments stays unreadable, a retransmitted
//! frame is another frame. Protected frames and the handshakes before them are handed to the [`Opener`] of
//! the series, which keeps what the auditor's keys make of them.

mod amsdu;
mod avs;
mod cipher;
mod derive;
mod frame;
mod handshake;
mod key;
mod opener;
mod ppi;
mod prism;
mod radiotap;

pub use frame::{KeyExchange, Protected};
pub use key::{KEYS_MAX, WifiKey};
pub use opener::Opener;

use super::{LinkType, Unwrapped};
use crate::observe::capture::Frame;
use crate::observe::packet::encapsulation::Reception as Before;

pub(super) const PLAIN: LinkType = LinkType {
    ids: &[105],
    name: "ieee802-11",
    read: read_plain,
};

pub(super) const RADIOTAP: LinkType = LinkType {
    ids: &[127],
    name: "ieee802-11-radiotap",
    read: radiotap::read,
};

pub(super) const PPI: LinkType = LinkType {
    ids: &[192],
    name: "ppi",
    read: ppi::read,
};

pub(super) const AVS: LinkType = LinkType {
    ids: &[163],
    name: "ieee802-11-avs",
    read: avs::read,
};

pub(super) const PRISM: LinkType = LinkType {
    ids: &[119],
    name: "prism",
    read: prism::read,
};

/// What the receiver says of the frame that it handed over.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Reception {
    /// The frame ends with its check sequence. Unset: nothing is said, it may still be there.
    fcs: bool,
    /// The frame was received with errors: no bit of it can be relied on.
    damaged: bool,
    /// The frame header is padded to a multiple of four bytes.
    padded: bool,
}

fn read_plain<'a>(frame: &Frame<'a>) -> Unwrapped<'a> {
    frame::read(frame.data, frame.cut(), Reception::default())
}

/// The frame behind a cooked header, by the ARPHRD value in it: 801 says a plain one, 802 Prism,
/// 803 radiotap (Linux `if_arp.h`). `None` for any other hardware.
pub(super) fn in_cooked<'a>(hardware: u16, frame: &Frame<'a>) -> Option<Unwrapped<'a>> {
    match hardware {
        801 => Some(read_plain(frame)),
        802 => Some(prism::read(frame)),
        803 => Some(radiotap::read(frame)),
        _ => None,
    }
}

/// A frame inside a tunnel, by what stands before it.
pub(super) fn inside<'a>(before: Before, captured: &Frame<'a>) -> Unwrapped<'a> {
    match before {
        Before::Plain => frame::read_either(captured.data, captured.cut()),
        Before::Prism => prism::read(captured),
        Before::Avs => avs::read(captured),
    }
}

/// The frame without the `len` bytes of the header before it; `None` if it ends inside them.
fn behind<'a>(frame: &Frame<'a>, len: usize) -> Option<Frame<'a>> {
    Some(Frame {
        data: frame.data.get(len..)?,
        original_len: frame.original_len.saturating_sub(u32::try_from(len).ok()?),
        ..*frame
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ground::mac::Mac;
    use crate::ground::moment::Moment;
    use crate::observe::link::Content;
    use crate::observe::link::{LINK_TYPES, reader};
    use std::collections::BTreeSet;

    /// A captured packet of `wire` bytes, of which `data` was recorded.
    pub(super) fn captured(data: &[u8], wire: usize) -> Frame<'_> {
        Frame {
            moment: Moment::NONE,
            interface: 0,
            direction: None,
            checksum_pending: false,
            label: None,
            original_len: u32::try_from(wire).unwrap(),
            data,
        }
    }

    pub(super) const IP: [u8; 20] = [
        0x45, 0, 0, 20, 0, 1, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2,
    ];

    /// From an access point to its station: an IPv4 packet behind LLC and SNAP.
    pub(super) fn downlink() -> Vec<u8> {
        let mut out = vec![0x08, 0x02, 0, 0];
        out.extend(
            [
                [2, 0, 0, 0, 0, 1],
                [2, 0, 0, 0, 0, 0xaa],
                [2, 0, 0, 0, 0, 9],
            ]
            .concat(),
        );
        out.extend([0x10, 0]);
        out.extend([0xaa, 0xaa, 3, 0, 0, 0, 8, 0]);
        out.extend(IP);
        out
    }

    /// The same with its check sequence behind it.
    pub(super) fn with_fcs(mut frame: Vec<u8>) -> Vec<u8> {
        let mut crc = flate2::Crc::new();
        crc.update(&frame);
        frame.extend(crc.sum().to_le_bytes());
        frame
    }

    #[test]
    fn every_header_leads_to_the_same_packet() {
        let plain = downlink();
        let mut prism = vec![0x44, 0, 0, 0, 144, 0, 0, 0];
        prism.resize(144, 0);
        let mut avs = vec![0x80, 0x21, 0x10, 0x01, 0, 0, 0, 64];
        avs.resize(64, 0);
        let cases: &[(u16, &[u8])] = &[
            (105, &[]),
            (127, &[0, 0, 8, 0, 0, 0, 0, 0]),
            (192, &[0, 0, 8, 0, 105, 0, 0, 0]),
            (163, &avs),
            (119, &prism),
            (119, &avs),
        ];
        for (id, header) in cases {
            let bytes = [header, plain.as_slice()].concat();
            let got = (reader(*id).unwrap().read)(&captured(&bytes, bytes.len()));
            assert_eq!(got.content, Content::Ip(&IP), "{id}");
            assert_eq!(got.source, Some(Mac([2, 0, 0, 0, 0, 9])), "{id}");
            assert_eq!(got.target, Some(Mac([2, 0, 0, 0, 0, 1])), "{id}");
            // Wherever the capture cuts inside the headers, that is said.
            for len in 0..header.len() + 24 + 8 {
                let got = (reader(*id).unwrap().read)(&captured(&bytes[..len], bytes.len()));
                assert!(
                    matches!(got.content, Content::Unreadable(..)),
                    "{id} cut at {len}"
                );
            }
        }
        for (hardware, header) in [
            (801, &[][..]),
            (802, &prism),
            (803, &[0, 0, 8, 0, 0, 0, 0, 0]),
        ] {
            let bytes = [header, plain.as_slice()].concat();
            let got = in_cooked(hardware, &captured(&bytes, bytes.len())).unwrap();
            assert_eq!(got.content, Content::Ip(&IP), "{hardware}");
        }
    }

    proptest::proptest! {
        /// Whatever the bytes say, every reader ends, and no bundle goes on without end.
        #[test]
        fn no_bytes_lead_astray(
            id in proptest::sample::select(vec![105u16, 127, 192, 163, 119]),
            head in proptest::collection::vec(0u8.., 0..40),
            control in proptest::array::uniform2(0u8..),
            rest in proptest::collection::vec(0u8..8, 0..120),
            cut in 0usize..40,
        ) {
            let header: &[u8] = match id {
                127 => &[0, 0, 16, 0, 2, 64, 0, 4],
                192 => &[0, 1, 28, 0, 105, 0, 0, 0, 2, 0, 16, 0],
                163 => &[0x80, 0x21, 0x10, 1, 0, 0, 0, 12],
                119 => &[0x41, 0, 0, 0, 28, 0, 0, 0],
                _ => &[],
            };
            let framed = [header, &head, &control, &rest].concat();
            for bytes in [&framed, &[&control[..], &rest].concat(), &head] {
                let got = (reader(id).unwrap().read)(&captured(bytes, bytes.len() + cut));
                if let Content::Bundle(bundle) = got.content {
                    proptest::prop_assert!(bundle.count() <= bytes.len() / 14 + 1);
                }
            }
        }
    }

    #[test]
    fn link_type_numbers_are_unique() {
        let ids: Vec<u16> = LINK_TYPES.iter().flat_map(|l| l.ids).copied().collect();
        assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len());
    }
}
