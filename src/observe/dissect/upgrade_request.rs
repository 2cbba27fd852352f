//! Requests of binary protocols to go on in TLS: PostgreSQL (Frontend/Backend Protocol, `SSLRequest` and `GSSENCRequest`), MySQL
//! (Client/Server Protocol, `SSLRequest`) and LDAP (RFC 4511 §4.14, StartTLS).
//!
//! The request alone is recognised. It names no server; the hello behind it does, and a MySQL client does not wait for an answer before it
//! says it. What these protocols say in clear is not read.

use super::wire::{Fit, Reader};
use super::{Protocol, Session, Sink, Step};
use crate::observe::flow::{Carries, PayloadKind};

pub(super) const POSTGRESQL: Protocol = Protocol {
    id: "postgresql",
    fit: |bytes, _| fit(postgresql(bytes)),
    names: false,
    until: None,
    payload: PayloadKind::Clear,
    open: || Box::new(Request(postgresql)),
};

pub(super) const MYSQL: Protocol = Protocol {
    id: "mysql",
    fit: |bytes, _| fit(mysql(bytes)),
    names: false,
    until: None,
    payload: PayloadKind::Clear,
    open: || Box::new(Request(mysql)),
};

pub(super) const LDAP: Protocol = Protocol {
    id: "ldap",
    fit: |bytes, _| fit(ldap(bytes)),
    names: false,
    until: None,
    payload: PayloadKind::Clear,
    open: || Box::new(Request(ldap)),
};

/// Length of a request at the start of the bytes, or what else they are.
type Recognise = fn(&[u8]) -> Result<usize, Fit>;

fn fit(read: Result<usize, Fit>) -> Fit {
    match read {
        Ok(_) => Fit::Mine,
        Err(undecided) => undecided,
    }
}

/// Whether `bytes` begin with `start`, as far as they go.
fn begins(bytes: &[u8], start: &[u8]) -> Result<(), Fit> {
    let common = bytes.len().min(start.len());
    if bytes.get(..common) != start.get(..common) {
        Err(Fit::NotMine)
    } else if common < start.len() {
        Err(Fit::NeedMore)
    } else {
        Ok(())
    }
}

/// Length 8, then a number in place of the protocol version: 1234 in the upper half, 5679 (TLS) or 5680 (GSSAPI) in the lower.
fn postgresql(bytes: &[u8]) -> Result<usize, Fit> {
    const REQUESTS: [[u8; 8]; 2] = [
        [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f],
        [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x30],
    ];
    let [tls, gssapi] = REQUESTS.map(|request| begins(bytes, &request));
    tls.or(gssapi).map(|()| 8)
}

/// A packet of 32 bytes with number 1: capabilities, packet size, character set and 23 zeros.
fn mysql(bytes: &[u8]) -> Result<usize, Fit> {
    /// CLIENT_PROTOCOL_41 and CLIENT_SSL.
    const CAPABILITIES: u32 = 0x0200 | 0x0800;
    const FILLER: [u8; 23] = [0; 23];
    begins(bytes, &[32, 0, 0, 1])?;
    let mut reader = Reader::at(bytes, 4).ok_or(Fit::NeedMore)?;
    let capabilities = reader.array().ok_or(Fit::NeedMore)?;
    if u32::from_le_bytes(capabilities) & CAPABILITIES != CAPABILITIES {
        return Err(Fit::NotMine);
    }
    reader.take(5).ok_or(Fit::NeedMore)?;
    begins(reader.rest(), &FILLER)?;
    Ok(36)
}

/// An extended request with the name of StartTLS and nothing else; all lengths in their short form, as they must be in DER and are in all
/// implementations.
fn ldap(bytes: &[u8]) -> Result<usize, Fit> {
    const NAME: &[u8] = b"1.3.6.1.4.1.1466.20037";
    let mut reader = Reader::new(bytes);
    let byte = |reader: &mut Reader<'_>, holds: fn(u8) -> bool| match reader.u8() {
        None => Err(Fit::NeedMore),
        Some(byte) if holds(byte) => Ok(usize::from(byte)),
        Some(_) => Err(Fit::NotMine),
    };
    byte(&mut reader, |tag| tag == 0x30)?;
    let length = byte(&mut reader, |length| length < 0x80)?;
    byte(&mut reader, |tag| tag == 2)?;
    let id = byte(&mut reader, |length| matches!(length, 1..=4))?;
    reader.take(id).ok_or(Fit::NeedMore)?;
    byte(&mut reader, |tag| tag == 0x77)?;
    byte(&mut reader, |length| length == 24)?;
    byte(&mut reader, |tag| tag == 0x80)?;
    byte(&mut reader, |length| length == 22)?;
    begins(reader.rest(), NAME)?;
    let len = reader.position().saturating_add(NAME.len());
    if len == length.saturating_add(2) {
        Ok(len)
    } else {
        Err(Fit::NotMine)
    }
}

struct Request(Recognise);

impl Session for Request {
    fn read(&mut self, bytes: &[u8], sink: &mut Sink<'_>) -> Step {
        sink.carries(Carries::Application);
        match (self.0)(bytes) {
            Ok(len) => {
                sink.client_speaks();
                Step::Handover(len)
            }
            Err(_) => Step::Handover(0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::flow::NameSource;
    use crate::observe::dissect::conversation::Conversation;
    use crate::observe::dissect::tls::tests::{hello, server_flight};
    use crate::observe::dissect::wire::test_bytes::hex;

    /// Requests, and the server's answers.
    fn requests() -> [(&'static str, Vec<u8>, Vec<u8>); 4] {
        let starttls = [
            &hex("30 1d 02 01 01 77 18 80 16")[..],
            b"1.3.6.1.4.1.1466.20037",
        ]
        .concat();
        [
            ("postgresql", hex("00000008 04d2162f"), b"S".to_vec()),
            ("postgresql", hex("00000008 04d21630"), b"N".to_vec()),
            (
                "mysql",
                [&hex("20 0000 01 05aeff01 00000001 21")[..], &[0; 23]].concat(),
                Vec::new(),
            ),
            (
                "ldap",
                starttls,
                hex("30 0c 02 01 01 78 07 0a 01 00 04 00 04 00"),
            ),
        ]
    }

    #[test]
    fn the_hello_behind_a_request_is_read_and_so_is_the_certificate() {
        for (id, request, answer) in requests() {
            for together in [false, true] {
                let mut talk = Conversation::tcp("45.33.92.2:40002");
                if together {
                    talk.say([request.clone(), hello("db.example")].concat());
                } else {
                    talk.say(&request).hear(&answer).say(hello("db.example"));
                }
                talk.hear(server_flight());
                let names = [
                    ("db.example".to_owned(), NameSource::TlsSni),
                    ("flight.example".to_owned(), NameSource::Certificate),
                ];
                assert_eq!(talk.names(), names, "{id} {together}");
                assert_eq!(talk.protocol(), Some(id));
            }
        }
    }

    #[test]
    fn prefixes_wait_and_changes_are_refused() {
        for (id, request, _) in requests() {
            let recognise = match id {
                "postgresql" => postgresql,
                "mysql" => mysql,
                _ => ldap,
            };
            assert_eq!(recognise(&request), Ok(request.len()));
            for cut in 0..request.len() {
                assert_eq!(recognise(&request[..cut]), Err(Fit::NeedMore), "{id} {cut}");
            }
        }
        let [
            (_, mut postgresql_, _),
            _,
            (_, mut mysql_, _),
            (_, mut ldap_, _),
        ] = requests();
        postgresql_[7] = 0x2e;
        assert_eq!(
            postgresql(&postgresql_),
            Err(Fit::NotMine),
            "a cancel request"
        );
        mysql_[5] &= !0x08;
        assert_eq!(mysql(&mysql_), Err(Fit::NotMine), "a login without TLS");
        ldap_[1] += 1;
        assert_eq!(ldap(&ldap_), Err(Fit::NotMine));
    }
}
