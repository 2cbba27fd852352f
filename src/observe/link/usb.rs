//! USB transfers as a host recorded them: phones and controllers that are tethered over a cable.
//!
//! Read: usbmon of Linux (LINKTYPE 189 and 220) and USBPcap of Windows (249), and in the data of
//! their bulk transfers RNDIS ([`rndis`]), CDC NCM and MBIM ([`ncm`]), CDC ECM and bare IP
//! ([`bare`]), Qualcomm's MAP ([`map`]). A transfer names no protocol, and the descriptors that
//! would are seldom in a capture (they are read once, when the cable is plugged in): each transfer
//! is judged by its own bytes, whose signatures and lengths must agree.
//!
//! By definition no IP: isochronous, interrupt and control transfers, events without data, and the
//! protocols of [`foreign`]. Any other bulk data could carry IP and counts as unreadable; so do the
//! later transfers of what spans several (a message, a file, a debugging session), since nothing in
//! them says what they belong to. Not read: USB 2.0 packets of a hardware analyser, macOS (266).

mod bare;
mod duml;
mod foreign;
mod map;
mod ncm;
mod rndis;
mod usbmon;
mod usbpcap;

use crate::ground::cause::LinkCause;
pub(super) use usbmon::{USBMON, USBMON_MMAPPED};
pub(super) use usbpcap::USBPCAP;

use super::{Bundle, BundleStep, Content, Unwrapped};
use crate::ground::gaps::GapId;
use crate::observe::capture::{Direction, Frame};

/// Kinds of transfer, as usbmon and USBPcap both number them.
mod kind {
    pub(super) const ISOCHRONOUS: u8 = 0;
    pub(super) const INTERRUPT: u8 = 1;
    pub(super) const CONTROL: u8 = 2;
    pub(super) const BULK: u8 = 3;
}

/// Bit of an endpoint address: towards the host (USB 2.0 table 9-13).
const ENDPOINT_IN: u8 = 0x80;

/// Where a bundle has nothing more to read.
const END: usize = usize::MAX;

/// The data of a bulk transfer.
#[derive(Clone, Copy)]
struct Transfer<'a> {
    /// What of it was captured.
    data: &'a [u8],
    /// Its length on the bus, in bytes.
    wire: usize,
    cut: Cut,
}

/// What is missing at the end of a transfer.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Cut {
    Nothing,
    /// Bytes that the packet record counts as cut off.
    Told,
    /// Bytes of which only the USB header knows: its writer had no room for them.
    Untold,
}

/// How the packets in a transfer end.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ending {
    /// With the transfer.
    Whole,
    /// The capture cut the last one, and nothing stood behind it.
    LastCut,
    /// The capture cut off what may have been more packets.
    MoreLost,
}

/// The same walk over packets for each way to end: a [`BundleStep`] takes no other argument.
struct Steps {
    whole: BundleStep,
    last_cut: BundleStep,
    more_lost: BundleStep,
}

impl<'a> Transfer<'a> {
    /// `wire` bytes on the bus, of which `data` are in the record.
    fn new(data: &'a [u8], wire: usize, frame: &Frame<'_>) -> Self {
        let missing = wire.saturating_sub(data.len());
        Self {
            data,
            wire: wire.max(data.len()),
            cut: match missing {
                0 => Cut::Nothing,
                _ if frame.cut() >= missing => Cut::Told,
                _ => Cut::Untold,
            },
        }
    }

    /// The packets of the transfer; `reach` is where the last one of them ends by its own length.
    fn bundle(&self, reach: usize, steps: &Steps) -> Content<'a> {
        // A host pads with one byte rather than end on a full USB packet.
        let all = reach.saturating_add(1) >= self.wire;
        let step = match self.cut {
            Cut::Nothing => steps.whole,
            Cut::Told if all => steps.last_cut,
            Cut::Told | Cut::Untold => steps.more_lost,
        };
        Content::Bundle(Bundle::new(self.data, 0, step))
    }

    /// What the transfer holds.
    fn read(&self, direction: Option<Direction>) -> Unwrapped<'a> {
        let content = match self.data {
            [] if self.wire == 0 => Content::NotIp("USB transfer without data"),
            [] => uncaptured(),
            // Ends a transfer whose last USB packet is full ("Remote NDIS To USB Mapping").
            [0] if self.wire == 1 => Content::NotIp("padding of a USB transfer"),
            _ => match rndis::read(self).or_else(|| ncm::read(self)) {
                Some(content) => content,
                None => return self.without_signature(direction),
            },
        };
        Unwrapped::bare(content)
    }

    /// A transfer that does not begin with the signature of a network framing. What could be a
    /// packet is tried before what is none, which would hide it.
    fn without_signature(&self, direction: Option<Direction>) -> Unwrapped<'a> {
        if let Some(packet) = bare::read(self, direction) {
            return packet;
        }
        if let Some(packets) = map::read(self) {
            return Unwrapped::bare(packets);
        }
        Unwrapped::bare(match (foreign::name(self), self.cut) {
            (Some(name), _) => Content::NotIp(name),
            (None, Cut::Nothing) => Content::unreadable(LinkCause::UsbFraming),
            (None, Cut::Told | Cut::Untold) => {
                Content::Unreadable(GapId::SnaplenCut, LinkCause::UsbBulkCut)
            }
        })
    }
}

/// Data that went over the bus and is not in the record at all.
fn uncaptured<'a>() -> Content<'a> {
    Content::Unreadable(GapId::SnaplenCut, LinkCause::UsbDataMissing)
}

/// A packet that is not there, or not to its end.
fn lost<'a>(ending: Ending) -> Unwrapped<'a> {
    Unwrapped::bare(match ending {
        Ending::Whole => Content::unreadable(LinkCause::UsbPacketGoesOn),
        Ending::LastCut | Ending::MoreLost => {
            Content::Unreadable(GapId::SnaplenCut, LinkCause::UsbTransferCut)
        }
    })
}

/// A header that is not there in full.
fn short<'a>(frame: &Frame<'_>, cause: LinkCause) -> Unwrapped<'a> {
    let gap = match frame.cut() {
        0 => GapId::UnreadablePackets,
        _ => GapId::SnaplenCut,
    };
    Unwrapped::bare(Content::Unreadable(gap, cause))
}

/// Transfers that carry no packets, by their kind.
fn no_packets(transfer: u8) -> Option<&'static str> {
    match transfer {
        kind::ISOCHRONOUS => Some("USB isochronous transfer"),
        kind::INTERRUPT => Some("USB interrupt transfer"),
        // The control messages of RNDIS and MBIM are among them.
        kind::CONTROL => Some("USB control transfer"),
        _ => None,
    }
}

/// Direction as the host sees it, which is the machine that captured.
fn direction(endpoint: u8) -> Direction {
    match endpoint & ENDPOINT_IN {
        0 => Direction::Out,
        _ => Direction::In,
    }
}

/// A device is an interface of the host.
fn port(bus: u16, device: u16) -> u32 {
    (u32::from(bus) << 16) | u32::from(device)
}

/// Little-endian fields, as everything on USB.
fn le16(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

/// A length or offset.
fn le32(bytes: &[u8], at: usize) -> Option<usize> {
    usize::try_from(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?)).ok()
}

/// True for padding, of any length.
fn zeros(bytes: &[u8]) -> bool {
    bytes.iter().all(|b| *b == 0)
}

#[cfg(test)]
mod sample;

#[cfg(test)]
mod tests {
    use super::sample::{contents, ethernet, frame, ipv4, whole};
    use super::*;
    use crate::observe::dissect::wire::test_bytes::Noise;
    use crate::observe::link::reader;

    #[test]
    fn other_bulk_data_could_carry_packets() {
        fn content(bytes: &[u8]) -> Vec<Content<'_>> {
            contents(whole(bytes).read(None))
        }
        for bytes in [&[0x7e, 0xff, 3][..], b"AT+CSQ\r", &[0, 0], &[9; 512]] {
            assert!(matches!(content(bytes)[..], [Content::Unreadable(..)]));
        }
        assert!(matches!(content(&[0])[..], [Content::NotIp(_)]));
        assert!(matches!(content(&[])[..], [Content::NotIp(_)]));
    }

    #[test]
    fn damaged_records_are_read_without_panic_and_every_bundle_ends() {
        let packet = ethernet(0x0800, &ipv4(60));
        let rndis = rndis::tests::message(&packet, 4).repeat(3);
        let table = [0, 1, 0, 0, 52, 0, 74, 0, 126, 0, 74, 0, 0, 0, 0, 0];
        let ncm = [
            b"NCMH\x0c\0\0\0\xc8\0\x0c\0NCM0\x18\0\0\0",
            &table[4..],
            &[0; 20],
            &packet,
            &packet,
        ]
        .concat();
        let map = [&[0, 1, 0, 60][..], &ipv4(60)].concat().repeat(3);
        let mut noise = Noise(0x5eed_0123_4567_89ab);
        for data in [rndis, ncm, map, packet] {
            let size = data.len().to_le_bytes();
            let event = [0, 0, 0, 0, 0, 0, 0, 0, b'C', 3, 0x81, 5, 1, 0, b'-', 0];
            let lengths = [&size[..4], &size[..4]].concat();
            let usbmon = [&event[..], &[0; 16], &lengths, &[0; 24], &data].concat();
            let short = [&event[..], &[0; 16], &lengths, &[0; 8], &data].concat();
            let request = [
                27, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9, 0, 1, 1, 0, 5, 0, 0x81, 3,
            ];
            let usbpcap = [&request[..], &size[..4], &data].concat();
            for (link, record) in [(189, short), (220, usbmon), (249, usbpcap)] {
                let reader = reader(link).map(|r| r.read).expect("a reader");
                let intact = contents(reader(&frame(&record, record.len())));
                assert!(
                    matches!(intact[..], [Content::Ip(_), ..]),
                    "{link}: {intact:?}"
                );
                for round in 0..3000 {
                    let mut damaged = noise.damage(&record);
                    if round % 3 == 0 {
                        damaged.resize(record.len(), 0xff);
                    }
                    let original = damaged.len() + noise.below(400) * (round % 2);
                    assert!(!contents(reader(&frame(&damaged, original))).is_empty());
                }
            }
        }
    }
}
