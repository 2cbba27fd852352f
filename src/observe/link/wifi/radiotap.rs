//! The radiotap header (LINKTYPE 127; radiotap.org): version, little-endian length, a chain of
//! presence words, then the fields that they announce, each aligned from the start of the header.
//!
//! Three fields are read: Flags, RX flags and 0-length-PSDU. The rest is stepped over, vendor
//! namespaces by the length that they state.

use super::{Reception, behind, frame};
use crate::ground::cause::LinkCause;
use crate::observe::capture::Frame;
use crate::observe::link::{Content, Unwrapped};

/// Version, padding, length: the presence words follow.
const PRESENCE: usize = 4;
/// Bits that every presence word has: back to the standard namespace, a vendor's, another word.
const STANDARD: u32 = 1 << 29;
const VENDOR: u32 = 1 << 30;
const MORE: u32 = 1 << 31;

/// Alignment and size of the fields 0 to 27, in bytes. Field 28 (a list of type, length and value)
/// takes up the rest of the header.
const FIELDS: [(usize, usize); 28] = [
    (8, 8),  // TSFT
    (1, 1),  // Flags
    (1, 1),  // Rate
    (2, 4),  // Channel
    (2, 2),  // FHSS
    (1, 1),  // Antenna signal
    (1, 1),  // Antenna noise
    (2, 2),  // Lock quality
    (2, 2),  // TX attenuation
    (2, 2),  // dB TX attenuation
    (1, 1),  // dBm TX power
    (1, 1),  // Antenna
    (1, 1),  // dB antenna signal
    (1, 1),  // dB antenna noise
    (2, 2),  // RX flags
    (2, 2),  // TX flags
    (1, 1),  // RTS retries
    (1, 1),  // Data retries
    (4, 8),  // XChannel
    (1, 3),  // MCS
    (4, 8),  // A-MPDU status
    (2, 12), // VHT
    (8, 12), // Timestamp
    (2, 12), // HE
    (2, 12), // HE-MU
    (2, 6),  // HE-MU-other-user
    (1, 1),  // 0-length-PSDU
    (2, 4),  // L-SIG
];
const FLAGS: usize = 1;
const RX_FLAGS: usize = 14;
const ZERO_LENGTH_PSDU: usize = 26;

/// Flags: check sequence at the end, header padded to four bytes, check sequence wrong.
const FLAG_FCS: u8 = 0x10;
const FLAG_PADDED: u8 = 0x20;
const FLAG_BAD_FCS: u8 = 0x40;
/// RX flags: the check over the preamble's header failed.
const RX_BAD_PLCP: u8 = 0x02;
/// 0-length-PSDU: the transmission was for sounding and held no frame.
const SOUNDING: u8 = 0;

/// What a radiotap header says.
#[derive(Debug, Default, PartialEq, Eq)]
struct Header {
    said: Reception,
    /// No frame follows, and why.
    no_frame: Option<u8>,
}

pub(super) fn read<'a>(outer: &Frame<'a>) -> Unwrapped<'a> {
    let Some(&[version, _, low, high]) = outer.data.first_chunk::<PRESENCE>() else {
        return Unwrapped::unreadable(LinkCause::RadiotapShort);
    };
    if version != 0 {
        return Unwrapped::unreadable(LinkCause::RadiotapVersion);
    }
    let length = usize::from(u16::from_le_bytes([low, high]));
    let (Some(bytes), Some(inner)) = (outer.data.get(..length), behind(outer, length)) else {
        return Unwrapped::unreadable(LinkCause::RadiotapCut);
    };
    let Some(header) = header(bytes) else {
        return Unwrapped::unreadable(LinkCause::RadiotapFields);
    };
    match header.no_frame {
        None => frame::read(inner.data, inner.cut(), header.said),
        Some(SOUNDING) => Unwrapped::bare(Content::NotIp("802.11 sounding")),
        Some(_) => Unwrapped::unreadable(LinkCause::WifiNotTakenDown),
    }
}

/// Walks the fields; `None` if they run past the header. What stands behind a field of unknown size
/// is left: the three that matter are older than those.
fn header(bytes: &[u8]) -> Option<Header> {
    let word = |index: usize| {
        let at = index.checked_mul(4)?.checked_add(PRESENCE)?;
        Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
    };
    let mut words: usize = 1;
    while word(words.checked_sub(1)?)? & MORE != 0 {
        words = words.checked_add(1)?;
    }
    let mut out = Header::default();
    let mut at = words.checked_mul(4)?.checked_add(PRESENCE)?;
    // `None` in a vendor's namespace, else the count of words since the standard one began.
    let mut standard = Some(0u32);
    for index in 0..words {
        let present = word(index)?;
        match standard {
            None => {}
            Some(0) => {
                for (field, (align, size)) in FIELDS.iter().enumerate() {
                    if present >> field & 1 == 0 {
                        continue;
                    }
                    at = at.checked_next_multiple_of(*align)?;
                    let end = at.checked_add(*size)?;
                    out.note(field, *bytes.get(at..end)?.first()?);
                    at = end;
                }
                if present >> FIELDS.len() & 1 != 0 {
                    break;
                }
            }
            // Fields 32 and up.
            Some(_) if present & !(STANDARD | VENDOR | MORE) != 0 => break,
            Some(_) => {}
        }
        match (present & STANDARD != 0, present & VENDOR != 0) {
            (false, false) => standard = standard.and_then(|n| n.checked_add(1)),
            (true, false) => standard = Some(0),
            (false, true) => {
                // Three bytes of OUI, a sub-namespace, and the length of what follows.
                at = at.checked_next_multiple_of(2)?;
                let &[_, _, _, _, low, high] = bytes.get(at..)?.first_chunk()?;
                let skip = usize::from(u16::from_le_bytes([low, high]));
                at = at.checked_add(6)?.checked_add(skip)?;
                standard = None;
            }
            (true, true) => break,
        }
    }
    Some(out)
}

impl Header {
    /// Takes note of a field by its first byte.
    fn note(&mut self, field: usize, first: u8) {
        match field {
            FLAGS => {
                self.said.fcs |= first & FLAG_FCS != 0;
                self.said.padded |= first & FLAG_PADDED != 0;
                self.said.damaged |= first & FLAG_BAD_FCS != 0;
            }
            RX_FLAGS => self.said.damaged |= first & RX_BAD_PLCP != 0,
            ZERO_LENGTH_PSDU => self.no_frame = Some(first),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{IP, captured, downlink, with_fcs};
    use super::*;

    fn radiotap(words: &[u32], fields: &[u8]) -> Vec<u8> {
        let len = u16::try_from(PRESENCE + words.len() * 4 + fields.len()).unwrap();
        let mut out = vec![0, 0];
        out.extend(len.to_le_bytes());
        out.extend(words.iter().flat_map(|w| w.to_le_bytes()));
        out.extend(fields);
        out
    }

    #[test]
    fn fields_are_aligned_from_the_start_of_the_header() {
        // Two words end at byte 12: the timer begins at 16, the flags stand at 24, the RX flags
        // behind the rate at 26.
        let words = [1 | 1 << 1 | 1 << 2 | 1 << 14 | STANDARD | MORE, 1 << 5];
        let fields = |flags: u8, rx: u8| {
            let mut out = vec![0xff; 12];
            out.extend([flags, 0xff, rx, 0, 0xff]);
            out
        };
        let good = header(&radiotap(&words, &fields(FLAG_FCS | FLAG_PADDED, 0))).unwrap();
        let said = Reception {
            fcs: true,
            padded: true,
            damaged: false,
        };
        assert_eq!(good.said, said);
        for (flags, rx) in [(FLAG_BAD_FCS, 0), (0, RX_BAD_PLCP)] {
            let bad = header(&radiotap(&words, &fields(flags, rx))).unwrap();
            assert!(bad.said.damaged);
        }
        assert_eq!(header(&radiotap(&words, &[0; 16])), None);
        // A chain without end.
        assert_eq!(header(&radiotap(&[MORE; 40], &[])), None);
    }

    #[test]
    fn vendor_namespaces_are_skipped_by_their_length() {
        // Rate, then a vendor's field of five bytes, then the standard flags again.
        let words = [
            1 << 2 | VENDOR | MORE,
            u32::MAX >> 3 | STANDARD | MORE,
            1 << 1,
        ];
        let fields = [
            0xff, 0, 1, 2, 3, 0, 5, 0, 0xff, 0xff, 0xff, 0xff, 0xff, FLAG_FCS,
        ];
        assert!(header(&radiotap(&words, &fields)).unwrap().said.fcs);
        // Fields 32 and up have no known size; what stands before them is known.
        let words = [1 << 1 | MORE, 1 << 2];
        assert!(header(&radiotap(&words, &[FLAG_FCS])).unwrap().said.fcs);
    }

    #[test]
    fn padding_and_check_sequence_are_no_payload() {
        let qos = |body: &[u8]| {
            let mut out = downlink();
            let mut frame: Vec<u8> = out.drain(..24).collect();
            frame[0] = 0x88;
            frame.extend([0, 0]);
            frame.extend(body);
            frame
        };
        let whole = with_fcs(qos(&downlink()[24..]));
        // The two bytes of padding are not covered by the check sequence.
        let padded = [&whole[..26], &[0x55; 2], &whole[26..]].concat();
        let head = radiotap(&[1 << 1], &[FLAG_FCS | FLAG_PADDED]);
        let mut data = [head, padded].concat();
        let wire = data.len();
        assert_eq!(read(&captured(&data, wire)).content, Content::Ip(&IP));
        // Cut inside the check sequence, and inside the packet.
        assert_eq!(
            read(&captured(&data[..wire - 2], wire)).content,
            Content::Ip(&IP)
        );
        assert_eq!(
            read(&captured(&data[..wire - 5], wire)).content,
            Content::Ip(&IP[..19])
        );
        data[60] ^= 1;
        assert!(matches!(
            read(&captured(&data, wire)).content,
            Content::Unreadable(..)
        ));
    }

    #[test]
    fn a_transmission_without_a_frame() {
        let sounding = radiotap(&[1 << 26], &[SOUNDING]);
        assert!(matches!(
            read(&captured(&sounding, sounding.len())).content,
            Content::NotIp(_)
        ));
        let missed = radiotap(&[1 << 26], &[1]);
        assert!(matches!(
            read(&captured(&missed, missed.len())).content,
            Content::Unreadable(..)
        ));
    }
}
