//! Versions of QUIC, and what differs between them: type bits, salts and labels of the Initial keys, the language of the handshake.
//!
//! RFC 9000 §15 and RFC 9001 §5.2 (version 1), RFC 9369 §3 (version 2) and its drafts, draft-ietf-quic-tls-22 to -34 (salts of the
//! drafts), and versions that never were standards: Facebook's mvfst (0xfaceb0xx) and Google's Q050, T050 and T051, whose salts
//! stand in their public code. Versions before draft 22 have another header and are not read.
//!
//! Where a number stands for several sets of constants, all are listed: the authentication tag tells which was meant.

use super::super::quic_shape::PacketKind;

/// Version 1 (RFC 9000 §15).
pub const VERSION_1: u32 = 0x0000_0001;
/// Version 2 (RFC 9369 §3.1).
pub const VERSION_2: u32 = 0x6b33_43cf;
/// The provisional number of version 2, with its type bits and another salt.
pub const VERSION_2_DRAFT: u32 = 0x709a_50c4;
/// Google's `Q050`: Initial packets as in the drafts, Google's frames and handshake messages inside.
pub const Q050: u32 = 0x5130_3530;
/// Google's `T050`: Google's frames, TLS.
pub const T050: u32 = 0x5430_3530;
/// Google's `T051`: Google's frames, TLS.
pub const T051: u32 = 0x5430_3531;

/// The public constants that Initial keys are made with (RFC 9001 §5.1, §5.2).
#[derive(Debug, PartialEq, Eq)]
pub struct Constants {
    /// Salt of the first step.
    pub salt: [u8; 20],
    /// Labels of packet key, initialization vector and header protection key.
    pub labels: [&'static [u8]; 3],
}

/// The frames in an Initial packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Frames {
    /// Of RFC 9000 §19.
    Standard,
    /// Google's own, as they are since Q039.
    Google,
    /// The same with numbers in little-endian order, before Q039.
    GoogleLittleEndian,
}

/// The handshake inside the frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Handshake {
    /// TLS 1.3.
    Tls,
    /// Google's tagged messages.
    Google,
}

const LABELS: [&[u8]; 3] = [b"quic key", b"quic iv", b"quic hp"];
const LABELS_2: [&[u8]; 3] = [b"quicv2 key", b"quicv2 iv", b"quicv2 hp"];

const fn constants(salt: u128, salt_end: u32, labels: [&'static [u8]; 3]) -> Constants {
    let (a, b) = (salt.to_be_bytes(), salt_end.to_be_bytes());
    Constants {
        salt: [
            a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7], a[8], a[9], a[10], a[11], a[12], a[13],
            a[14], a[15], b[0], b[1], b[2], b[3],
        ],
        labels,
    }
}

/// RFC 9001 §5.2; the same since draft 33.
const V1: Constants = constants(0x38762cf7f55934b34d179ae6a4c80cad, 0xccbb7f0a, LABELS);
/// RFC 9369 §3.3.1.
const V2: Constants = constants(0x0dede3def700a6db819381be6e269dcb, 0xf9bd2ed9, LABELS_2);
/// draft-ietf-quic-v2-01 §3.3.1.
const V2_DRAFT: Constants = constants(0xa707c203a59b47184a1d62ca570406ea, 0x7ae3e5d3, LABELS_2);
/// Drafts 29 to 32.
const DRAFT_29: Constants = constants(0xafbfec289993d24c9e9786f19c6111e0, 0x4390a899, LABELS);
/// Drafts 23 to 28, and mvfst.
const DRAFT_23: Constants = constants(0xc3eef712c72ebb5a11a7d2432bb46365, 0xbef9f502, LABELS);
/// Draft 22, and the first mvfst.
const DRAFT_22: Constants = constants(0x7fbcdb0e7c66bbe9193a96cd21519ebd, 0x7a02644a, LABELS);
const GOOGLE_Q050: Constants = constants(0x504574efd066fe2f9d945cfcdbd3a7f0, 0xd3b56b45, LABELS);
const GOOGLE_T050: Constants = constants(0x7ff579e5acd072915580304c43a2367c, 0x60488310, LABELS);
const GOOGLE_T051: Constants = constants(0x7a4edef4e7ccee5fa4506c19124fc8cc, 0xda6e033d, LABELS);

/// The sets of constants that Initial packets of a version may be protected with, likeliest first; none if it is not known.
pub fn constants_of(version: u32) -> &'static [Constants] {
    match version {
        VERSION_1 | 0xff00_0021..=0xff00_0022 => &[V1],
        VERSION_2 => &[V2],
        VERSION_2_DRAFT => &[V2_DRAFT],
        0xff00_001d..=0xff00_0020 => &[DRAFT_29],
        0xff00_0017..=0xff00_001c => &[DRAFT_23],
        0xff00_0016 => &[DRAFT_22],
        0xface_b001 => &[DRAFT_22, DRAFT_23],
        // Aliases of mvfst itself and of version 1 under numbers that come and go.
        0xface_b000..=0xface_b01f => &[DRAFT_23, V1],
        Q050 => &[GOOGLE_Q050],
        T050 => &[GOOGLE_T050],
        T051 => &[GOOGLE_T051],
        _ => &[],
    }
}

/// The frames inside Initial packets of a version, or inside Google's packets in clear.
pub fn frames_of(version: u32) -> Frames {
    match (version, google_number(version)) {
        (_, Some(..39)) => Frames::GoogleLittleEndian,
        (T050 | T051, _) | (_, Some(_)) => Frames::Google,
        _ => Frames::Standard,
    }
}

/// The handshake inside them.
pub fn handshake_of(version: u32) -> Handshake {
    match google_number(version) {
        Some(_) => Handshake::Google,
        None => Handshake::Tls,
    }
}

/// `Q0nn` as nn: Google's versions with a handshake of their own. `None` for others.
pub fn google_number(version: u32) -> Option<u8> {
    match version.to_be_bytes() {
        [b'Q', b'0', tens @ b'0'..=b'9', ones @ b'0'..=b'9'] => {
            Some((tens & 0x0f).saturating_mul(10).saturating_add(ones & 0x0f))
        }
        _ => None,
    }
}

/// How the two type bits of a long header are read; `None` for versions whose packets are not known.
pub fn kind_of(version: u32, first: u8) -> Option<PacketKind> {
    const V1_KINDS: [PacketKind; 4] = [
        PacketKind::Initial,
        PacketKind::ZeroRtt,
        PacketKind::Handshake,
        PacketKind::Retry,
    ];
    /// RFC 9369 §3.2.
    const V2_KINDS: [PacketKind; 4] = [
        PacketKind::Retry,
        PacketKind::Initial,
        PacketKind::ZeroRtt,
        PacketKind::Handshake,
    ];
    let kinds = match version {
        VERSION_2 | VERSION_2_DRAFT => V2_KINDS,
        _ if !constants_of(version).is_empty() => V1_KINDS,
        _ => return None,
    };
    kinds.get(usize::from(first >> 4 & 0x03)).copied()
}

/// `?a?a?a?a`: reserved to test negotiation (RFC 9000 §15).
pub fn is_reserved(version: u32) -> bool {
    version & 0x0f0f_0f0f == 0x0a0a_0a0a
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::dissect::wire::test_bytes::hex;

    #[test]
    fn salts_and_type_bits() {
        for (version, salt) in [
            (1, "38762cf7f55934b34d179ae6a4c80cadccbb7f0a"),
            (0xff00_0022, "38762cf7f55934b34d179ae6a4c80cadccbb7f0a"),
            (VERSION_2, "0dede3def700a6db819381be6e269dcbf9bd2ed9"),
            (VERSION_2_DRAFT, "a707c203a59b47184a1d62ca570406ea7ae3e5d3"),
            (0xff00_001d, "afbfec289993d24c9e9786f19c6111e04390a899"),
            (0xff00_0020, "afbfec289993d24c9e9786f19c6111e04390a899"),
            (0xff00_0017, "c3eef712c72ebb5a11a7d2432bb46365bef9f502"),
            (0xff00_001c, "c3eef712c72ebb5a11a7d2432bb46365bef9f502"),
            (0xface_b002, "c3eef712c72ebb5a11a7d2432bb46365bef9f502"),
            (0xff00_0016, "7fbcdb0e7c66bbe9193a96cd21519ebd7a02644a"),
            (0xface_b001, "7fbcdb0e7c66bbe9193a96cd21519ebd7a02644a"),
            (Q050, "504574efd066fe2f9d945cfcdbd3a7f0d3b56b45"),
            (T050, "7ff579e5acd072915580304c43a2367c60488310"),
            (T051, "7a4edef4e7ccee5fa4506c19124fc8ccda6e033d"),
        ] {
            let first = constants_of(version).first();
            assert_eq!(
                first.map(|c| c.salt.to_vec()),
                Some(hex(salt)),
                "{version:08x}"
            );
        }
        assert_eq!(kind_of(VERSION_1, 0xc0), Some(PacketKind::Initial));
        assert_eq!(kind_of(VERSION_2, 0xc0), Some(PacketKind::Retry));
        assert_eq!(kind_of(VERSION_2, 0xd0), Some(PacketKind::Initial));
        assert_eq!(kind_of(0x0000_0002, 0xc0), None);
        assert_eq!((google_number(Q050), google_number(T050)), (Some(50), None));
        assert_eq!(frames_of(0x5130_3338), Frames::GoogleLittleEndian);
        assert!(is_reserved(0x1a2a_3a4a) && !is_reserved(VERSION_1));
    }
}
