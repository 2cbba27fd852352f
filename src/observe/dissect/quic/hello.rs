//! What the client's side of a QUIC handshake says: hellos of TLS (RFC 9001 §4) or of Google's own protocol, whole or cut.
//!
//! Handshake messages stand one behind the other without records (RFC 9001 §4.1.3). After a HelloRetryRequest there are two hellos.
//! What a hello has encrypted inside is read as well, if the auditor holds its secret (see [`crate::observe::dissect::tls_ech`]).

use super::gquic;
use super::version::Handshake;
use crate::ground::host_name::HostName;
use crate::observe::dissect::ja4::{Over, fingerprint};
use crate::observe::dissect::tls_ech;
use crate::observe::dissect::tls_hello::{Ech, client_hello};
use crate::observe::dissect::tls_record::handshake_type;
use crate::observe::dissect::wire::Reader;
use crate::observe::open::keylog::Keylog;

/// The hellos of one client.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Said {
    /// Server names of all hellos, in order.
    pub server_names: Vec<HostName>,
    /// Application protocols of all hellos.
    pub alpn: Vec<String>,
    /// An encrypted hello is offered or imitated, and the last one was not opened.
    pub ech: bool,
    /// The last one was opened.
    pub revealed: bool,
    /// The server name is sent encrypted by the withdrawn extension.
    pub esni: bool,
    /// Randoms of the hellos that are whole, and of those inside, by which secrets are logged.
    pub randoms: Vec<[u8; 32]>,
    /// Fingerprints of the hellos that are whole (see [`crate::observe::dissect::ja4`]).
    pub ja4: Vec<String>,
    /// All messages are there as far as they can be followed.
    pub whole: bool,
}

/// Reads the start of a handshake, as far as it is there. `None` if it does not begin with a client's hello.
pub fn read(handshake: &[u8], kind: Handshake, log: Option<&Keylog>) -> Option<Said> {
    match kind {
        Handshake::Tls => tls(handshake, log),
        Handshake::Google => gquic::client_hello(handshake).map(|hello| Said {
            server_names: hello.server_names,
            whole: hello.whole,
            ..Said::default()
        }),
    }
}

fn tls(handshake: &[u8], log: Option<&Keylog>) -> Option<Said> {
    /// Messages looked at: two hellos, and room for what is not known.
    const MESSAGES: usize = 8;
    let mut said: Option<Said> = None;
    let mut reader = Reader::new(handshake);
    for _ in 0..MESSAGES {
        let Some((kind, length)) = reader.u8().zip(reader.u24()) else {
            break;
        };
        if kind != handshake_type::CLIENT_HELLO {
            // A client sends nothing else before its keys change.
            break;
        }
        let rest = reader.rest();
        let body = usize::try_from(length).ok().and_then(|n| reader.take(n));
        // Where a body is cut, names that are whole in it count.
        if let Some(hello) = client_hello(body.unwrap_or(rest)) {
            let into = said.get_or_insert_default();
            if body.is_some() {
                into.ja4.extend(fingerprint(&hello, Over::Quic));
                into.randoms.push(hello.random);
            }
            let log = log.filter(|_| hello.ech.is_some());
            let inner = log
                .zip(body)
                .and_then(|(log, body)| tls_ech::inner(log, &hello.random, body));
            if matches!(hello.ech, Some(Ech::Outer { .. })) {
                (into.ech, into.revealed) = (true, false);
            }
            into.esni |= hello.esni;
            into.server_names.extend(hello.server_names);
            into.alpn.extend(hello.alpn);
            if let Some(inner) = inner {
                // Nothing of it hides any more.
                (into.ech, into.revealed) = (false, true);
                into.randoms.push(inner.random);
                into.server_names.extend(inner.server_names);
                into.alpn.extend(inner.alpn);
            }
            into.whole = body.is_some();
        }
        if body.is_none() {
            break;
        }
    }
    said
}

/// Hellos made for tests.
#[cfg(test)]
pub(in crate::observe::dissect) mod build {
    use crate::observe::dissect::wire::test_bytes::hex;

    /// A hello of TLS 1.3 with a name, an application protocol and so many bytes of padding before them.
    pub(in crate::observe::dissect) fn hello(name: &str, alpn: &str, padding: u16) -> Vec<u8> {
        let vector = |bytes: &[u8]| {
            let length = u16::try_from(bytes.len()).unwrap().to_be_bytes();
            [&length[..], bytes].concat()
        };
        let entry = [&[0], &vector(name.as_bytes())[..]].concat();
        let protocol = [&[u8::try_from(alpn.len()).unwrap()], alpn.as_bytes()].concat();
        let extensions = [
            hex("0015"),
            vector(&vec![0; padding.into()]),
            hex("0000"),
            vector(&vector(&entry)),
            hex("0010"),
            vector(&vector(&protocol)),
        ]
        .concat();
        let body = [
            hex("0303"),
            vec![7; 32],
            hex("00 0002 1301 01 00"),
            vector(&extensions),
        ]
        .concat();
        let length = u32::try_from(body.len()).unwrap().to_be_bytes();
        [&[1], length.get(1..).unwrap(), &body].concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::dissect::wire::test_bytes::hex;

    #[test]
    fn two_hellos_and_their_prefixes() {
        let first = build::hello("a.test", "h3", 20);
        let both = [first.clone(), build::hello("b.test", "h3", 0)].concat();
        let names = |said: &Said| -> Vec<String> {
            let names = said.server_names.iter();
            names.filter_map(|n| n.name().map(str::to_owned)).collect()
        };
        let said = read(&both, Handshake::Tls, None).unwrap_or_default();
        assert_eq!(
            (names(&said), said.whole),
            (vec!["a.test".into(), "b.test".into()], true)
        );
        assert_eq!(said.alpn, ["h3", "h3"]);
        let behind_name = "0010 0005 0003 02 6833".len() / 2 - 2;
        for cut in 0..first.len() {
            let part = first.get(..cut).unwrap_or_default();
            let said = read(part, Handshake::Tls, None).unwrap_or_default();
            let all = cut + behind_name >= first.len();
            assert_eq!(
                (said.whole, names(&said).len()),
                (false, usize::from(all)),
                "cut at {cut}"
            );
        }
        assert_eq!(read(&[2, 0, 0, 1, 0], Handshake::Tls, None), None);
    }

    /// Two hellos of `fixtures/open/ech.py`, one after a retry; the first does not open.
    #[test]
    fn what_is_encrypted_inside_hides_until_the_last_hello_is_opened() {
        macro_rules! fixture {
            ($name:literal) => {
                include_str!(concat!(
                    env!("CARGO_MANIFEST_DIR"),
                    "/fixtures/open/",
                    $name
                ))
            };
        }
        let mut log = Keylog::default();
        log.read(&mut fixture!("ech.log").as_bytes()).unwrap();
        let hellos: Vec<Vec<u8>> = fixture!("ech.txt").lines().map(hex).collect();
        let both = hellos.concat();
        let read = |bytes: &[u8], log| read(bytes, Handshake::Tls, log).unwrap();
        let inner = |said: &Said| {
            let mut names = said.server_names.iter();
            names.any(|n| n.name() == Some("log-up.djiservice.org"))
        };
        let said = read(&both, Some(&log));
        assert_eq!((said.ech, said.revealed, inner(&said)), (false, true, true));
        assert_eq!(said.randoms.len(), 3);
        let (first, cut) = (&hellos[0], &both[..both.len() - 1]);
        for (bytes, log) in [(&both[..], None), (first, Some(&log)), (cut, Some(&log))] {
            let said = read(bytes, log);
            assert_eq!(
                (said.ech, said.revealed, inner(&said)),
                (true, false, false)
            );
        }
        // What opened is followed by one that does not.
        let said = read(&[&hellos[1][..], first].concat(), Some(&log));
        assert_eq!((said.ech, said.revealed, inner(&said)), (true, false, true));
    }
}
