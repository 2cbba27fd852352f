//! What a DNS query carries that no lookup needs: bytes behind the message, records that answer nothing, options for private use.
//!
//! RFC 1035 §4.1 (a query is a question), RFC 6891 §6.1.2 (options), RFC 7830 and RFC 8467 §4.1 (padding), RFC 8945 (signatures). Any resolver
//! takes a query with such bytes, and the server that it is sent to may read them: they are payload. Names that carry data are told by their
//! number and shape elsewhere.

use super::{Data, Message};

/// Records that sign a query: SIG(0) (RFC 2931) and TSIG (RFC 8945), and what they need.
const SIGNATURES: [u16; 2] = [24, 250];
const SIGNATURE_MAX: usize = 1024;

/// Bytes behind the place where a query cannot be read that are not taken for payload: the capture may have cut it.
const CUT_MAX: usize = 255;

/// Bytes of padding: queries are filled up to a multiple of 128 bytes (RFC 8467 §4.1).
const PADDING: u16 = 12;
const PADDING_MAX: usize = 128;

/// Options of the registry ("DNS EDNS0 Option Codes") that a client may send, and the most that each needs.
const OPTIONS: [(u16, usize); 13] = [
    (1, 18), // long-lived queries
    (2, 8),  // update lease
    (3, 0),  // identifier of the server
    (5, 32), // algorithms understood (RFC 6975)
    (6, 32),
    (7, 32),
    (8, 20),   // client subnet
    (9, 4),    // expiry
    (10, 40),  // cookie
    (11, 2),   // keep-alive
    (13, 255), // chain
    (14, 128), // key tags
    (18, 255), // agent domain for reports
];

/// Bytes of an option that no lookup needs; all of an option that is for private use or not known.
pub(super) fn option(code: u16, value: &[u8]) -> usize {
    if code == PADDING {
        return if value.len() <= PADDING_MAX && value.iter().all(|b| *b == 0) {
            0
        } else {
            value.len()
        };
    }
    let known = OPTIONS.iter().find(|(known, _)| *known == code);
    match known {
        Some((_, most)) if value.len() <= *most => 0,
        _ => value.len(),
    }
}

impl Message {
    /// Bytes of this query, `length` bytes long, that are no part of a lookup.
    pub fn foreign(&self, length: usize) -> usize {
        let records = self.records.iter().map(|record| match record.data {
            Data::Edns { odd, .. } => odd,
            _ if SIGNATURES.contains(&record.rtype) && record.length <= SIGNATURE_MAX => 0,
            // An option record that breaks its own form, and records that answer what was not asked yet.
            _ => record.length,
        });
        let records = records.fold(0, usize::saturating_add);
        let behind = match self.damaged {
            None => self.trailing,
            Some(damage) => {
                let rest = length.saturating_sub(damage.offset);
                if rest > CUT_MAX { rest } else { 0 }
            }
        };
        records.saturating_add(behind)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{QUESTION, message, rr};
    use super::super::{parse, rtype};

    fn foreign(counts: [u16; 4], body: &[&[u8]]) -> usize {
        let bytes = message(0x0100, counts, body);
        parse(&bytes).unwrap().foreign(bytes.len())
    }

    fn option(code: u16, value: &[u8]) -> Vec<u8> {
        let length = u16::try_from(value.len()).unwrap();
        let data = [&code.to_be_bytes(), &length.to_be_bytes(), value].concat();
        rr(&[0], rtype::OPT, 0, &data)
    }

    #[test]
    fn a_query_is_a_question_and_what_it_needs() {
        assert_eq!(foreign([1, 0, 0, 0], &[QUESTION]), 0);
        for (code, size) in [(10, 24), (12, 100), (8, 7), (3, 0)] {
            let opt = option(code, &vec![0; size]);
            assert_eq!(foreign([1, 0, 0, 1], &[QUESTION, &opt]), 0, "{code}");
        }
        let signed = rr(&[0], 250, 0, &[7; 60]);
        assert_eq!(foreign([1, 0, 0, 1], &[QUESTION, &signed]), 0);
        // Cut by the capture inside a record.
        assert_eq!(foreign([1, 0, 0, 1], &[QUESTION, &signed[..40]]), 0);
    }

    #[test]
    fn what_a_lookup_does_not_need_is_counted() {
        assert_eq!(foreign([1, 0, 0, 0], &[QUESTION, &[7; 40]]), 40);
        for (code, value) in [
            (65001, vec![1; 30]),
            (12, vec![0; 300]),
            (12, vec![9; 20]),
            (10, vec![0; 90]),
        ] {
            let opt = option(code, &value);
            assert_eq!(
                foreign([1, 0, 0, 1], &[QUESTION, &opt]),
                value.len(),
                "{code}"
            );
        }
        let text = rr(b"\x01x\x00", rtype::TXT, 0, &[7; 90]);
        assert_eq!(foreign([1, 1, 0, 0], &[QUESTION, &text]), 90);
        assert_eq!(
            foreign([1, 0, 0, 1], &[QUESTION, &[0x77; 600]]),
            600,
            "no record at all"
        );
    }
}
