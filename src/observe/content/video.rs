//! Moving pictures by their parameter sets: H.264 and H.265 as byte streams (ITU-T H.264 and H.265 annex B), in RTP (RFC 6184,
//! RFC 7798), in RTMP and FLV (a decoder configuration, ISO/IEC 14496-15 §5.3.3), and MPEG transport streams (ISO/IEC 13818-1 §2.4.3).
//!
//! A start code alone is everywhere in binary; a parameter set with a registered profile and level behind it is not.

/// H.264 profiles and levels in use (H.264 annex A).
const PROFILES: [u8; 8] = [66, 77, 88, 100, 110, 122, 244, 44];
const LEVELS: [u8; 20] = [
    9, 10, 11, 12, 13, 20, 21, 22, 30, 31, 32, 40, 41, 42, 50, 51, 52, 60, 61, 62,
];

/// A sequence parameter set at the start: NAL type 7, profile, reserved bits zero, level.
fn is_sps(unit: &[u8]) -> bool {
    matches!(unit, [0x27 | 0x47 | 0x67, profile, constraints, level, ..]
        if PROFILES.contains(profile) && constraints & 0x03 == 0 && LEVELS.contains(level))
}

/// An H.265 video parameter set at the start (H.265 §7.3.2.1): its header, then fields with fixed values.
fn is_vps(unit: &[u8]) -> bool {
    matches!(unit, [0x40, 0x01, 0x0c, 0x00..=0x02, 0xff, 0xff, ..])
}

/// Where in `bytes`, from `from` on, a parameter set stands behind a start code or in a decoder configuration.
pub(super) fn find(bytes: &[u8], from: usize) -> Option<usize> {
    let rest = bytes.get(from..).unwrap_or_default();
    memchr::memmem::find_iter(rest, &[0, 0, 1])
        .map(|at| from.saturating_add(at))
        .find(|&at| {
            let unit = bytes.get(at.saturating_add(3)..).unwrap_or_default();
            let long_code = at.checked_sub(1).and_then(|b| bytes.get(b)) == Some(&0);
            // FLV: key frame of AVC, a header, composition time zero; then version 1, profile, compatibility, level, lengths.
            let flv = at
                .checked_sub(3)
                .and_then(|begin| bytes.get(begin..at))
                .is_some_and(|before| before == [0x17, 0, 0]);
            (long_code && (is_sps(unit) || is_vps(unit))) || (flv && is_configuration(unit))
        })
}

/// The rest of a decoder configuration record behind its version: one parameter set that repeats profile and level.
fn is_configuration(record: &[u8]) -> bool {
    let &[
        profile,
        compatibility,
        level,
        lengths,
        sets,
        _,
        _,
        ref unit @ ..,
    ] = record
    else {
        return false;
    };
    lengths & 0xfc == 0xfc
        && sets == 0xe1
        && is_sps(unit)
        && unit.get(1..4) == Some(&[profile, compatibility, level])
}

/// A transport stream: sync bytes at the distance of a packet, at least three.
pub(super) fn is_transport_stream(bytes: &[u8]) -> bool {
    const PACKET: usize = 188;
    let packets = bytes.chunks_exact(PACKET);
    packets.len() >= 3
        && packets.take(16).all(
            |p| matches!(p, [0x47, flags, _, last, ..] if flags & 0x80 == 0 && last & 0x30 != 0),
        )
}

/// The source of an RTP packet that carries an H.264 or H.265 parameter set; its sequence number beside it.
pub(super) fn rtp(datagram: &[u8]) -> Option<(u32, u16)> {
    /// Parameter sets are small; in larger units a match is chance.
    const UNIT_MAX: usize = 160;
    let (&[first, kind, s0, s1, _, _, _, _, c0, c1, c2, c3], _) =
        datagram.split_first_chunk::<12>()?;
    // Version 2, and a payload type that the session defines (RFC 3551 §6).
    if first >> 6 != 2 || !(96..=127).contains(&(kind & 0x7f)) {
        return None;
    }
    let mut at = 12usize.checked_add(usize::from(first & 0x0f).checked_mul(4)?)?;
    if first & 0x10 != 0 {
        let words = datagram.get(at.checked_add(2)?..)?.first_chunk::<2>()?;
        let words = usize::from(u16::from_be_bytes(*words));
        at = at.checked_add(4)?.checked_add(words.checked_mul(4)?)?;
    }
    let payload = datagram.get(at..)?;
    let single = payload.len() <= UNIT_MAX && (is_sps(payload) || is_vps(payload));
    (single || is_aggregate(payload)).then(|| {
        (
            u32::from_be_bytes([c0, c1, c2, c3]),
            u16::from_be_bytes([s0, s1]),
        )
    })
}

/// STAP-A (RFC 6184 §5.7.1): units with their lengths, which add up to the payload, the first a parameter set.
fn is_aggregate(payload: &[u8]) -> bool {
    let Some((&[first], mut rest)) = payload.split_first_chunk::<1>() else {
        return false;
    };
    if first & 0x1f != 24 {
        return false;
    }
    let mut starts_with_set = None;
    while let Some((&length, behind)) = rest.split_first_chunk::<2>() {
        let length = usize::from(u16::from_be_bytes(length));
        let Some((unit, next)) = behind.split_at_checked(length).filter(|_| length > 0) else {
            return false;
        };
        starts_with_set.get_or_insert(is_sps(unit));
        rest = next;
    }
    rest.is_empty() && starts_with_set == Some(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::dissect::wire::test_bytes::{Noise, hex};

    #[test]
    fn parameter_sets_and_no_noise() {
        let sps = hex("67 64 00 28 ac d9 40 78 02 27 e5");
        let stream = [&hex("00 00 00 01")[..], &sps, &hex("00 00 00 01 68 eb e3")].concat();
        assert_eq!(find(&[&b"head"[..], &stream].concat(), 0), Some(5));
        assert!(find(&hex("00 00 00 01 40 01 0c 01 ff ff 01 60"), 0).is_some());
        let flv = [&hex("17 00 00 00 00 01 64 00 28 ff e1 00 0b")[..], &sps].concat();
        assert!(find(&flv, 0).is_some());
        let header = hex("80 60 0001 00000001 12345678");
        assert_eq!(rtp(&[&header[..], &sps].concat()), Some((0x1234_5678, 1)));
        let stap = [&header[..], &hex("18 00 0b"), &sps, &hex("00 03 68 eb e3")].concat();
        assert!(rtp(&stap).is_some());
        assert!(rtp(&[&stap[..], &[0]].concat()).is_none());
        let mut packet = vec![0; 188];
        packet.splice(..4, [0x47, 0x40, 0x00, 0x10]);
        assert!(is_transport_stream(&packet.repeat(7)) && !is_transport_stream(&packet));
        let mut noise = Noise(99);
        for _ in 0..300 {
            let bytes = noise.bytes(1400);
            assert!(
                find(&bytes, 0).is_none() && !is_transport_stream(&bytes) && rtp(&bytes).is_none()
            );
        }
    }
}
