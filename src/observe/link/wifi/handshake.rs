//! Messages of the 4-way and the group key handshake: EAPOL-Key frames (IEEE 802.11-2020 §12.7.2), the
//! RSN element in them (§9.4.2.24) and the key data (§12.7.2, figure 12-37).
//!
//! Only what keys are made of is read. Checks of 192 bits and more stand in a longer field, and are
//! not recognised.

use super::derive::CHECK_LEN;

/// Packet type, version and length of IEEE 802.1X §11.3 before the body.
const EAPOL_LEN: usize = 4;
const EAPOL_KEY: u8 = 3;
/// Descriptor types: RSN, and that of WPA before the standard.
const RSN: u8 = 2;
const WPA: u8 = 254;

/// Key information.
const VERSION: u16 = 0x0007;
const PAIRWISE: u16 = 0x0008;
const ACK: u16 = 0x0080;
const CHECKED: u16 = 0x0100;
const WRAPPED: u16 = 0x1000;

/// From the first byte of EAPOL on.
const NONCE_AT: usize = 17;
const CHECK_AT: usize = 81;
const DATA_AT: usize = CHECK_AT + CHECK_LEN + 2;

/// A message of a handshake.
#[derive(Clone, Copy)]
pub(super) struct Message<'a> {
    whole: &'a [u8],
    info: u16,
    /// All zero where it holds none.
    pub(super) nonce: [u8; 32],
    pub(super) check: [u8; CHECK_LEN],
    /// Key data.
    pub(super) data: &'a [u8],
}

impl<'a> Message<'a> {
    /// Reads an EAPOL packet; what stands behind its length is padding.
    pub(super) fn read(packet: &'a [u8]) -> Option<Self> {
        let [_, kind, high, low, descriptor, ..] = packet else {
            return None;
        };
        if *kind != EAPOL_KEY || !matches!(*descriptor, RSN | WPA) {
            return None;
        }
        let len = usize::from(u16::from_be_bytes([*high, *low]));
        let whole = packet.get(..EAPOL_LEN + len)?;
        let check = *whole.get(CHECK_AT..)?.first_chunk()?;
        let data_len = usize::from(u16::from_be_bytes(
            *whole.get(CHECK_AT + CHECK_LEN..)?.first_chunk()?,
        ));
        Some(Self {
            whole,
            info: u16::from_be_bytes(*whole.get(5..)?.first_chunk()?),
            nonce: *whole.get(NONCE_AT..)?.first_chunk()?,
            check,
            data: whole.get(DATA_AT..)?.get(..data_len)?,
        })
    }

    /// Which functions it was made with.
    pub(super) fn version(&self) -> u16 {
        self.info & VERSION
    }

    /// It is about the keys of a pair, not of the group.
    pub(super) fn is_pairwise(&self) -> bool {
        self.info & PAIRWISE != 0
    }

    /// It wants an answer: the authenticator sent it.
    pub(super) fn is_authenticators(&self) -> bool {
        self.info & ACK != 0
    }

    /// It is checked.
    pub(super) fn is_checked(&self) -> bool {
        self.info & CHECKED != 0
    }

    /// Its data are wrapped.
    pub(super) fn is_wrapped(&self) -> bool {
        self.info & WRAPPED != 0
    }

    pub(super) fn has_nonce(&self) -> bool {
        self.nonce != [0; 32]
    }

    /// What the check is made over: the packet with zeros where the check stands.
    pub(super) fn checked_parts(&self) -> [&'a [u8]; 3] {
        const ZEROS: [u8; CHECK_LEN] = [0; CHECK_LEN];
        [
            self.whole.get(..CHECK_AT).unwrap_or_default(),
            &ZEROS,
            self.whole.get(CHECK_AT + CHECK_LEN..).unwrap_or_default(),
        ]
    }

    /// The packet as it was sent.
    pub(super) fn packet(&self) -> &'a [u8] {
        self.whole
    }
}

/// What an RSN element chooses: types of selectors under 00-0F-AC, 0 for others.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Chosen {
    pub(super) group: Option<u8>,
    pub(super) pairwise: Option<u8>,
    pub(super) management: Option<u8>,
}

/// Elements of key data: an id and a length each.
fn elements(data: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    let mut rest = data;
    std::iter::from_fn(move || {
        let (&[id, len], behind) = rest.split_first_chunk()?;
        let (body, behind) = behind.split_at_checked(usize::from(len))?;
        rest = behind;
        Some((id, body))
    })
}

const RSN_ELEMENT: u8 = 0x30;
const VENDOR_ELEMENT: u8 = 0xdd;
/// The vendor element that WPA had before the standard; its selectors are numbered the same.
const WPA_ELEMENT: [u8; 4] = [0, 0x50, 0xf2, 1];
const GROUP_KEY: [u8; 4] = [0, 0x0f, 0xac, 1];

impl Chosen {
    /// The first RSN element of key data in clear.
    pub(super) fn read(data: &[u8]) -> Option<Self> {
        elements(data).find_map(|(id, body)| match id {
            RSN_ELEMENT => Self::element(body),
            VENDOR_ELEMENT => Self::element(body.strip_prefix(&WPA_ELEMENT)?),
            _ => None,
        })
    }

    /// Version 1, the group's suite, lists of suites with their counts: the first of each.
    fn element(body: &[u8]) -> Option<Self> {
        let rest = body.strip_prefix(&[1, 0])?;
        let mut out = Self::default();
        let Some((group, rest)) = rest.split_first_chunk::<4>() else {
            return Some(out);
        };
        out.group = Some(selector(*group));
        let (first, rest) = list(rest);
        out.pairwise = first;
        out.management = list(rest).0;
        Some(out)
    }
}

fn list(bytes: &[u8]) -> (Option<u8>, &[u8]) {
    let Some((count, rest)) = bytes.split_first_chunk::<2>() else {
        return (None, &[]);
    };
    let len = usize::from(u16::from_le_bytes(*count)).saturating_mul(4);
    let first = rest.first_chunk::<4>().filter(|_| len > 0);
    (
        first.map(|s| selector(*s)),
        rest.get(len..).unwrap_or_default(),
    )
}

fn selector(suite: [u8; 4]) -> u8 {
    match suite {
        [0, 0x0f, 0xac, kind] | [0, 0x50, 0xf2, kind] => kind,
        _ => 0,
    }
}

/// The group key of unwrapped key data, with its number (§12.7.2, figure 12-38).
pub(super) fn group_key(data: &[u8]) -> Option<(u8, &[u8])> {
    elements(data).find_map(|(id, body)| {
        let body = body
            .strip_prefix(&GROUP_KEY)
            .filter(|_| id == VENDOR_ELEMENT)?;
        let (&[flags, _], key) = body.split_first_chunk()?;
        Some((flags & 3, key))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_chosen_is_read_and_nothing_else_is_believed() {
        let rsn = [
            &[0x30, 20, 1, 0][..],
            &[0, 0x0f, 0xac, 2],
            &[1, 0, 0, 0x0f, 0xac, 4],
            &[1, 0, 0, 0x0f, 0xac, 6],
            &[0, 0],
        ]
        .concat();
        let read = Chosen::read(&rsn).unwrap();
        assert_eq!(
            (read.group, read.pairwise, read.management),
            (Some(2), Some(4), Some(6))
        );
        for len in 0..rsn.len() {
            // Cut elements are none.
            assert_eq!(Chosen::read(&rsn[..len]), None, "{len}");
        }
        let foreign = [&[0x30, 8, 1, 0, 1, 2, 3, 4, 9, 9][..]].concat();
        assert_eq!(
            Chosen::read(&foreign),
            Some(Chosen {
                group: Some(0),
                ..Chosen::default()
            })
        );
        assert_eq!(Chosen::read(&[0x30, 2, 2, 0]), None);
    }

    #[test]
    fn group_keys_stand_among_other_elements() {
        let data = [
            &[0x30, 2, 1, 0][..],
            &[0xdd, 8, 0, 0x0f, 0xac, 9, 1, 2, 3, 4],
            &[0xdd, 10, 0, 0x0f, 0xac, 1, 6, 0, 7, 8, 9, 10],
            &[0xdd, 0, 0, 0],
        ]
        .concat();
        assert_eq!(group_key(&data), Some((2, &[7, 8, 9, 10][..])));
        assert_eq!(group_key(&data[..20]), None);
    }

    #[test]
    fn messages_end_where_they_say() {
        let mut packet = vec![2, 3, 0, 95 + 4, 2, 0x01, 0x0a];
        packet.resize(97, 0);
        packet.extend([0, 4, 9, 9, 9, 9]);
        packet.extend([0xff; 7]);
        let message = Message::read(&packet).unwrap();
        assert_eq!(message.data, [9; 4]);
        assert_eq!(message.packet().len(), 103);
        assert!(message.is_pairwise() && message.is_checked() && !message.is_authenticators());
        assert_eq!(message.version(), 2);
        for len in 0..103 {
            assert!(Message::read(&packet[..len]).is_none(), "{len}");
        }
        packet[98] = 9;
        assert!(Message::read(&packet).is_none());
    }
}
