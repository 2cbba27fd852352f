//! Blocks beside the packets that are kept for later: PCAPdroid's custom blocks with app names,
//! name resolution (§4.5), decryption secrets (§4.7).
//!
//! Names of addresses are what the recording machine believed; they are counted and nothing else.
//! Secrets open recorded sessions: they are kept in memory and shown by nothing.

use super::super::bytes::ByteStream;
use super::super::facts::Collected;
use super::options::{half, word};
use crate::evidence::input::{Secrets, SecretsKind, UidName};

/// Private enterprise number of PCAPdroid.
const PEN_PCAPDROID: u32 = 62_652;
/// The only version of its blocks that exists.
const PCAPDROID_VERSION: u16 = 1;
/// Block that names the app of a user id.
const PCAPDROID_UID_MAP: u8 = 1;

/// What became of a custom block.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Custom {
    /// It is kept, or says nothing that is kept.
    Taken,
    /// One of PCAPdroid's in a form that is not known.
    Unknown,
    /// One of PCAPdroid's whose lengths cannot be.
    Malformed,
    /// There are more names than are kept.
    TooMany,
}

/// True for the body of one of PCAPdroid's blocks.
pub(super) fn is_pcapdroid(body: &[u8], big: bool) -> bool {
    word(body, 0, big) == Some(PEN_PCAPDROID)
}

/// A custom block (§4.8); those of strangers are ignored, as the draft wants it.
pub(super) fn custom(body: &[u8], big: bool, collected: &mut Collected) -> Custom {
    if !is_pcapdroid(body, big) {
        return Custom::Taken;
    }
    let known =
        half(body, 4, big) == Some(PCAPDROID_VERSION) && body.get(6) == Some(&PCAPDROID_UID_MAP);
    if !known {
        return Custom::Unknown;
    }
    let read = || {
        let uid = word(body, 8, big)?;
        let (package, app) = (usize::from(*body.get(12)?), usize::from(*body.get(13)?));
        let (package, rest) = body.get(14..)?.split_at_checked(package)?;
        Some((uid, package, rest.get(..app)?))
    };
    let Some((uid, package, app)) = read() else {
        return Custom::Malformed;
    };
    // Negative: the owner is not known, so neither is the name.
    if i32::try_from(uid).is_err() || (package.is_empty() && app.is_empty()) {
        return Custom::Taken;
    }
    let name = UidName {
        package: String::from_utf8_lossy(package).into_owned(),
        app: String::from_utf8_lossy(app).into_owned(),
    };
    if collected.uid_name(uid, name) {
        Custom::Taken
    } else {
        Custom::TooMany
    }
}

/// Names in a Name Resolution Block; `None` when its records run past its end.
pub(super) fn names(mut body: &[u8], big: bool) -> Option<u64> {
    const END: u16 = 0;
    let mut count = 0u64;
    // The end record may be missing, as opt_endofopt may.
    while !body.is_empty() {
        let (kind, len) = (half(body, 0, big)?, usize::from(half(body, 2, big)?));
        if kind == END {
            break;
        }
        let value = body.get(4..4 + len)?;
        // nrb_record_ipv4, ipv6, eui48, eui64: an address, and names that end with a NUL.
        let address = match kind {
            1 => 4,
            2 => 16,
            3 => 6,
            4 => 8,
            _ => len,
        };
        let names = value.get(address..).unwrap_or_default().split(|&b| b == 0);
        count += names.filter(|n| !n.is_empty()).count() as u64;
        body = body.get(4 + len.next_multiple_of(4)..).unwrap_or_default();
    }
    Some(count)
}

fn kind(secrets_type: u32) -> SecretsKind {
    match secrets_type {
        0x544c_534b => SecretsKind::TlsKeyLog,
        0x5353_484b => SecretsKind::SshKeyLog,
        0x5747_4b4c => SecretsKind::WireGuardKeyLog,
        0x5a4e_574b => SecretsKind::ZigbeeNetworkKey,
        0x5a41_5053 => SecretsKind::ZigbeeLinkKey,
        0x5541_4b4c => SecretsKind::OpcUaKeyLog,
        _ => SecretsKind::Other,
    }
}

/// The decryption secrets of a block that begins at the next unread byte and is `padded` bytes
/// long; it may be longer than what can be held. All of it is consumed. False when its length
/// cannot be right.
pub(super) fn secrets(
    stream: &mut ByteStream,
    padded: usize,
    big: bool,
    secrets: &mut Secrets,
) -> bool {
    const FIXED: usize = 16;
    let head = stream.exact(FIXED);
    let fixed = head.and_then(|h| Some((word(h, 8, big)?, word(h, 12, big)?)));
    let room = padded.checked_sub(FIXED + 4);
    let (Some((secrets_type, len)), Some(room)) = (fixed, room) else {
        stream.skip(padded as u64);
        return false;
    };
    let len = usize::try_from(len).unwrap_or(usize::MAX);
    if len > room {
        stream.skip(padded as u64);
        return false;
    }
    let kind = kind(secrets_type);
    let count = secrets.counts.entry(kind).or_default();
    count.blocks = count.blocks.saturating_add(1);
    count.bytes = count.bytes.saturating_add(len as u64);
    stream.consume(FIXED);
    let mut left = len;
    if kind == SecretsKind::TlsKeyLog {
        secrets.tls.begin();
        while left > 0 {
            let have = stream.need(1);
            let piece = have.get(..left).unwrap_or(have);
            if piece.is_empty() {
                break;
            }
            secrets.tls.push(piece);
            let taken = piece.len();
            stream.consume(taken);
            left -= taken;
        }
    }
    stream.skip((left + (padded - FIXED - len)) as u64);
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(uid: i32, package: &[u8], app: &[u8], big: bool) -> Vec<u8> {
        let mut out = Vec::new();
        if big {
            out.extend(62_652u32.to_be_bytes());
            out.extend(1u16.to_be_bytes());
            out.extend([1, 0]);
            out.extend(uid.to_be_bytes());
        } else {
            out.extend(62_652u32.to_le_bytes());
            out.extend(1u16.to_le_bytes());
            out.extend([1, 0]);
            out.extend(uid.to_le_bytes());
        }
        out.extend([package.len() as u8, app.len() as u8]);
        out.extend(package);
        out.extend(app);
        out
    }

    #[test]
    fn app_names_of_a_user_id_in_either_byte_order() {
        let mut collected = Collected::default();
        let mut take = |body: &[u8], big| custom(body, big, &mut collected);
        let good = block(10_234, b"dji.go.v5", b"DJI Fly", true);
        assert_eq!(take(&good, true), Custom::Taken);
        assert_eq!(take(&good, true), Custom::Taken);
        assert_eq!(
            take(&block(10_234, b"dji.pilot2", b"", false), false),
            Custom::Taken
        );
        assert_eq!(
            take(&block(10_001, b"caf\xc3\xa9.\xff", b"x", false), false),
            Custom::Taken
        );
        assert_eq!(
            take(&block(-1, b"Unknown", b"Unknown", true), true),
            Custom::Taken
        );
        assert_eq!(take(&good, false), Custom::Taken, "a stranger's number");
        assert_eq!(take(good.split_last().unwrap().1, true), Custom::Malformed);
        let mut other = good.clone();
        other.splice(4..6, 2u16.to_be_bytes());
        assert_eq!(take(&other, true), Custom::Unknown);
        let named: Vec<_> = collected
            .uid_names
            .iter()
            .flat_map(|(uid, names)| names.iter().map(move |n| (*uid, &*n.package, &*n.app)))
            .collect();
        assert_eq!(
            named,
            [
                (10_001, "café.\u{fffd}", "x"),
                (10_234, "dji.go.v5", "DJI Fly"),
                (10_234, "dji.pilot2", ""),
            ]
        );
    }

    #[test]
    fn names_are_counted_to_the_end_record() {
        let mut body = vec![0, 1, 0, 18, 192, 0, 2, 1];
        body.extend(b"one.example\0b\0");
        body.extend([0; 2]);
        body.extend([0, 9, 0, 1, 7, 0, 0, 0]);
        assert_eq!(names(&body, true), Some(2), "without an end record");
        body.extend([0, 0, 0, 0, 0, 1, 0xff, 0xff]);
        assert_eq!(names(&body, true), Some(2));
        assert_eq!(names(&[0, 1, 0, 18, 192, 0], true), None);
    }

    #[test]
    fn key_logs_of_any_length_are_read_and_others_counted() {
        let long = "CLIENT_RANDOM 00 11\n".repeat(100_000);
        let mut file = Vec::new();
        for (kind, text, stated) in [
            (0x544c_534bu32, "CLIENT_RANDOM aa bb", 19u32),
            (0x544c_534b, &long, long.len() as u32),
            (0x5353_484b, "cookie", 6),
            (0x544c_534b, "lie", 3000),
        ] {
            let padded = 20 + text.len().next_multiple_of(4);
            let start = file.len();
            file.extend(10u32.to_le_bytes());
            file.extend((padded as u32).to_le_bytes());
            file.extend(kind.to_le_bytes());
            file.extend(stated.to_le_bytes());
            file.extend(text.bytes());
            file.resize(start + padded, 0);
        }
        let end = file.len() as u64;
        let mut stream = ByteStream::new(Box::new(std::io::Cursor::new(file)), None);
        let mut found = Secrets::default();
        let mut results = Vec::new();
        while let Some(len) = stream.exact(8).and_then(|h| word(h, 4, false)) {
            results.push(secrets(&mut stream, len as usize, false, &mut found));
        }
        assert_eq!(results, [true, true, true, false]);
        assert_eq!(stream.offset(), end);
        let text = found.tls.text();
        assert!(text.starts_with(b"CLIENT_RANDOM aa bb\nCLIENT_RANDOM 00 11\n"));
        assert_eq!(text.len(), 20 + long.len());
        let counts: Vec<_> = found.counts.into_iter().collect();
        let count = |blocks, bytes| crate::evidence::input::SecretsCount { blocks, bytes };
        assert_eq!(
            counts,
            [
                (SecretsKind::TlsKeyLog, count(2, 19 + long.len() as u64)),
                (SecretsKind::SshKeyLog, count(1, 6)),
            ]
        );
    }
}
