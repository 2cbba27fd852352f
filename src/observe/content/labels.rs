//! Data in the fields of messages that are no payload: names asked of a resolver (RFC 1035 §4.1.2), server names of TLS and QUIC,
//! user names of STUN (RFC 8489 §14.3).
//!
//! A name is text, plain or in digits that a host label may hold (base32, hexadecimal, base64url); it leaves with each lookup. That
//! it was only looked up is another matter, judged elsewhere.

use super::hits::Out;
use super::scan;
use crate::evidence::content::{Kind, TrafficPart};
use crate::observe::dissect::wire::Reader;

/// RFC 1035 §3.1.
const NAME_MAX: usize = 255;
/// Questions of a message that are looked at; resolvers answer one.
const QUESTIONS_MAX: u16 = 8;
/// Labels at the end of a name that say whose it is.
const DOMAIN_LABELS: std::ops::RangeInclusive<usize> = 2..=4;

/// Looks at the names that a DNS query asks for, and at text anywhere else in it.
pub(super) fn query(message: &[u8], out: &mut Out<'_>) {
    const PLACE: TrafficPart = TrafficPart::DnsQuery;
    const RESPONSE: u16 = 0x8000;
    let mut reader = Reader::new(message);
    let (Some(_), Some(flags), Some(questions)) = (reader.u16(), reader.u16(), reader.u16()) else {
        return;
    };
    if flags & RESPONSE != 0 || reader.take(6).is_none() {
        return;
    }
    for _ in 0..questions.min(QUESTIONS_MAX) {
        let Some(labels) = labels(&mut reader) else {
            return;
        };
        name(&labels, PLACE, out);
        if reader.take(4).is_none() {
            return;
        }
    }
    // What stands behind the questions: options, and bytes behind the message.
    let moment = (out.at, out.interval);
    for found in scan::scan_for(reader.rest(), false, out).found {
        out.found(found, PLACE, moment);
    }
}

/// The labels at the reader's place; `None` for a compressed or broken name, which no query has in its question.
fn labels<'b>(reader: &mut Reader<'b>) -> Option<Vec<&'b [u8]>> {
    let mut out = Vec::new();
    let mut length = 0usize;
    loop {
        let size = usize::from(reader.u8()?);
        length = length.saturating_add(size).saturating_add(1);
        if size == 0 {
            return Some(out);
        }
        if size > 63 || length > NAME_MAX {
            return None;
        }
        out.push(reader.take(size)?);
    }
}

/// Looks at a host name.
pub(super) fn host(text: &str, place: TrafficPart, out: &mut Out<'_>) {
    let labels: Vec<&[u8]> = text.as_bytes().split(|b| *b == b'.').collect();
    name(&labels, place, out);
}

fn name(labels: &[&[u8]], place: TrafficPart, out: &mut Out<'_>) {
    let moment = (out.at, out.interval);
    let whole = labels.join(&b'.');
    let mut found = scan::scan_for(&whole, true, out).found;
    // Names come in lower case, and serial numbers are known by capitals.
    if may_hold_serial_number(labels) {
        let capitals = scan::scan_for(&whole.to_ascii_uppercase(), true, out).found;
        let capitals = capitals.into_iter();
        found.extend(capitals.filter(|f| f.kind == Kind::SerialNumber));
    }
    // Digits are cut to the length of a label; how many labels behind them name the receiver is not known.
    for domain in DOMAIN_LABELS {
        let data = labels.get(..labels.len().saturating_sub(domain));
        if let Some(data) = data.filter(|data| data.len() > 1) {
            found.extend(scan::scan_for(&data.concat(), true, out).found);
        }
    }
    found.sort_by(|a, b| (a.kind, &a.plain).cmp(&(b.kind, &b.plain)));
    found.dedup_by(|a, b| (a.kind, &a.plain) == (b.kind, &b.plain));
    for found in found {
        out.found(found, place, moment);
    }
}

/// A name may say a serial number, as it is or in digits of some kind: most names are words, and are not looked at twice.
fn may_hold_serial_number(labels: &[&[u8]]) -> bool {
    /// The shortest one, and the digits it has.
    const SHORTEST: usize = 8;
    const DIGITS: usize = 4;
    /// A run of digits of bytes, and a list of numbers with points between, are no shorter.
    const ENCODED: usize = 16;
    let tells = |label: &&[u8]| {
        let digits = label.iter().filter(|b| b.is_ascii_digit()).count();
        let plain = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
        label.len() >= ENCODED
            || (label.len() >= SHORTEST && digits >= DIGITS)
            || !label.iter().all(plain)
    };
    labels.len() >= ENCODED || labels.iter().any(tells)
}

/// Looks at the texts of a STUN message: user, realm, software.
pub(super) fn stun(message: &[u8], out: &mut Out<'_>) {
    const PLACE: TrafficPart = TrafficPart::Stun;
    const COOKIE: u32 = 0x2112_a442;
    /// USERNAME, REALM, SOFTWARE.
    const TEXTS: [u16; 3] = [0x0006, 0x0014, 0x8022];
    let mut reader = Reader::new(message);
    let header = reader.u32().and_then(|_| reader.u32());
    if header != Some(COOKIE) || reader.take(12).is_none() {
        return;
    }
    let moment = (out.at, out.interval);
    while let (Some(kind), Some(length)) = (reader.u16(), reader.u16()) {
        let length = usize::from(length);
        let Some(value) = reader.take(length) else {
            return;
        };
        if TEXTS.contains(&kind) {
            // ICE joins two fragments by a colon (RFC 8445 §7.2.2).
            for part in value.split(|b| *b == b':').chain([value]) {
                for found in scan::scan_for(part, true, out).found {
                    out.found(found, PLACE, moment);
                }
            }
        }
        if reader.take(length.wrapping_neg() & 3).is_none() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Policy;
    use super::super::hits::collected;
    use super::*;
    use crate::evidence::content::Kind;
    use proptest::prelude::*;

    fn kinds(look: &dyn Fn(&mut Out<'_>)) -> Vec<Kind> {
        let (hits, _) = collected(Policy::Masked, look);
        hits.iter().map(|h| h.kind).collect()
    }

    fn asked(name: &str) -> Vec<u8> {
        let mut out = vec![0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        for label in name.split('.').filter(|l| !l.is_empty()) {
            out.push(u8::try_from(label.len()).unwrap_or(0));
            out.extend(label.as_bytes());
        }
        out.extend([0, 0, 1, 0, 1]);
        out
    }

    #[test]
    fn names_that_carry_data() {
        // {"email":"jo.pilot@example.org"} in base64url and hexadecimal, cut in labels.
        let base64 = "eyJlbWFpbCI6ImpvLnBpbG90QGV4YW1w.bGUub3JnIn0";
        let hex = "7b22656d61696c223a226a6f2e70696c6f74.406578616d706c652e6f7267227d";
        for (name, kind) in [
            ("imei-490154203237518.t.example.net", Kind::Imei),
            (&format!("{base64}.t.example.net"), Kind::Email),
            (&format!("{hex}.t.example.net"), Kind::Email),
        ] {
            assert_eq!(kinds(&|out| query(&asked(name), out)), [kind], "{name}");
        }
        for name in [
            "www.example.net",
            "f9d1c2b3a4958677f9d1c2b3a4958677.cdn.example.net",
            "10.2.168.192.in-addr.arpa",
            "a1b2c3d4e5f6a7b8c9d0.eu-west-1.elb.amazonaws.com",
            "",
        ] {
            assert_eq!(kinds(&|out| query(&asked(name), out)), [], "{name}");
        }
        let behind = [
            asked("a.example"),
            br#"{"email":"jo.pilot@example.org"}"#.to_vec(),
        ]
        .concat();
        assert_eq!(kinds(&|out| query(&behind, out)), [Kind::Email]);
        let mut noise = crate::observe::dissect::wire::test_bytes::Noise(9);
        for _ in 0..2000 {
            let damaged = noise.damage(&behind);
            kinds(&|out| query(&damaged, out));
            kinds(&|out| stun(&damaged, out));
        }
    }

    proptest! {
        #[test]
        fn no_serial_number_is_in_a_name_that_may_hold_none(
            name in "([a-f0-9]{1,4}[.-]|[a-z0-9_-]{1,24}[.]|1581f[0-9a-z]{15}[.]|sn[=:]?|[%=:]){1,12}x"
        ) {
            let labels: Vec<&[u8]> = name.as_bytes().split(|b| *b == b'.').collect();
            if !may_hold_serial_number(&labels) {
                let found = scan::scan(&name.as_bytes().to_ascii_uppercase(), true).found;
                prop_assert!(found.iter().all(|f| f.kind != Kind::SerialNumber));
            }
        }
    }

    #[test]
    fn a_serial_number_in_a_name() {
        for name in [
            "1581f4abcde123456789.example.net",
            "x.1581f4abcde123456789.t.example.net",
        ] {
            assert_eq!(
                kinds(&|out| query(&asked(name), out)),
                [Kind::SerialNumber],
                "{name}"
            );
        }
    }

    #[test]
    fn users_of_stun() {
        let mut message = vec![0, 1, 0, 28, 0x21, 0x12, 0xa4, 0x42];
        message.extend([7; 12]);
        message.extend([0, 6, 0, 21]);
        message.extend(b"jo@example.de:fragmnt");
        message.extend([0; 3]);
        assert_eq!(kinds(&|out| stun(&message, out)), [Kind::Email]);
    }
}
