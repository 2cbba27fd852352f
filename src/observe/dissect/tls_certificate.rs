//! The certificate that a server shows: in clear up to TLS 1.2, sealed in TLS 1.3, where it is read if the auditor has the secrets.
//!
//! Reads the body of a Certificate message (RFC 5246 §7.4.2; RFC 8446 §4.4.2 for TLS 1.3) and of its first certificate the host
//! names: subject alternative names (RFC 5280 §4.2.1.6), and the common name only where there are none (RFC 6125 §6.4.4); and the
//! issuer's organisation. Nothing is verified: neither signature, nor dates, nor that a name belongs to the address. Raw
//! public keys (RFC 7250) name nobody here. What came compressed (RFC 8879) is opened before (see [`super::tls_compressed`]).

use std::net::IpAddr;

use crate::ground::host_name::HostName;
use crate::observe::dissect::wire::Reader;
use crate::observe::dissect::x509::{self, Alternative, General, Names};

/// Host names kept of one certificate. Shared hosts list up to a hundred; more is a list of customers, not a name.
pub const NAMES_MAX: usize = 128;
/// Longest organisation kept, in characters: the upper bound of RFC 5280 appendix A.1.
const ORGANISATION_MAX: usize = 64;

/// What a Certificate message shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Certificate {
    /// The first certificate of the chain, which is the server's own.
    Leaf(Leaf),
    /// The chain is empty, as a client without a certificate sends it.
    Empty,
    /// The message or the first certificate breaks its form.
    Broken,
}

/// A server's own certificate.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Leaf {
    /// Host names, lower case; a wildcard keeps its `*.`. Names that are no regular host names are left out.
    pub names: Vec<String>,
    /// IP addresses among the alternative names.
    pub addresses: Vec<IpAddr>,
    /// The names come from the common name, for lack of alternative names.
    pub from_common_name: bool,
    /// Organisation of the issuer, as written, without control characters.
    pub issuer_organisation: Option<String>,
    /// Names were left out: no host names, or beyond [`NAMES_MAX`].
    pub names_left_out: usize,
}

/// Reads the body of a Certificate message of TLS 1.2 or older.
pub fn leaf(body: &[u8]) -> Certificate {
    chain(Reader::new(body))
}

/// Reads the body of a Certificate message of TLS 1.3: behind the context that only clients have to answer, and with extensions behind
/// each certificate.
pub fn leaf_13(body: &[u8]) -> Certificate {
    let mut reader = Reader::new(body);
    match reader.vector8() {
        Some(_context) => chain(reader),
        None => Certificate::Broken,
    }
}

/// Reads a chain; what stands behind its first certificate is not looked at.
fn chain(mut reader: Reader<'_>) -> Certificate {
    let Some(chain) = reader.vector24() else {
        return Certificate::Broken;
    };
    let mut chain = Reader::new(chain);
    if chain.is_empty() {
        return if reader.is_empty() {
            Certificate::Empty
        } else {
            Certificate::Broken
        };
    }
    let Some(der) = chain.vector24() else {
        return Certificate::Broken;
    };
    match Names::read(der) {
        Some(names) => Certificate::Leaf(read(names)),
        None => Certificate::Broken,
    }
}

fn read(names: Names<'_>) -> Leaf {
    let mut leaf = Leaf {
        issuer_organisation: names.issuer_organisation().and_then(organisation),
        ..Leaf::default()
    };
    match names.alternative {
        Alternative::Names(content) => {
            for name in x509::general_names(content) {
                match name {
                    Some(General::Dns(text)) => leaf.add(text),
                    Some(General::Address(bytes)) => leaf.add_address(bytes),
                    Some(General::Other) => {}
                    None => leaf.names_left_out = leaf.names_left_out.saturating_add(1),
                }
            }
        }
        Alternative::Absent => {
            leaf.from_common_name = true;
            for name in names.common_names() {
                // A common name is free text: only one with a dot was meant for a host.
                match name {
                    Some(text) if text.contains('.') => leaf.add(text.as_bytes()),
                    _ => leaf.names_left_out = leaf.names_left_out.saturating_add(1),
                }
            }
        }
        // The extension is there and breaks its form: the common name does not stand in for it.
        Alternative::Broken => leaf.names_left_out = 1,
    }
    leaf
}

fn organisation(text: &str) -> Option<String> {
    let text: String = text
        .trim()
        .chars()
        .filter(|c| !c.is_control())
        .take(ORGANISATION_MAX)
        .collect();
    (!text.is_empty()).then_some(text)
}

impl Leaf {
    fn add(&mut self, bytes: &[u8]) {
        let (wildcard, rest) = match bytes.strip_prefix(b"*.") {
            Some(rest) => ("*.", rest),
            None => ("", bytes),
        };
        match HostName::read(rest) {
            HostName::Name { text, odd: false } if self.names.len() < NAMES_MAX => {
                let text = format!("{wildcard}{text}");
                if !self.names.contains(&text) {
                    self.names.push(text);
                }
            }
            HostName::Address(address)
                if wildcard.is_empty() && self.addresses.len() < NAMES_MAX =>
            {
                self.addresses.push(address);
            }
            _ => self.names_left_out = self.names_left_out.saturating_add(1),
        }
    }

    fn add_address(&mut self, bytes: &[u8]) {
        let address = match (<[u8; 4]>::try_from(bytes), <[u8; 16]>::try_from(bytes)) {
            (Ok(v4), _) => IpAddr::from(v4),
            (_, Ok(v6)) => IpAddr::from(v6),
            _ => return self.names_left_out = self.names_left_out.saturating_add(1),
        };
        if self.addresses.len() < NAMES_MAX {
            self.addresses.push(address);
        }
    }
}

#[cfg(test)]
pub(in crate::observe::dissect) mod tests {
    use super::*;
    use crate::observe::dissect::wire::test_bytes::{Noise, hex};

    // Made for these tests with OpenSSL: issuer O=Example Drones, CN=Device Root.

    /// CN=cn.example; SAN DNS:API.Example, DNS:*.cdn.example, IP:192.0.2.9, DNS:"bad name.example".
    const WITH_ALTERNATIVE_NAMES: &str = "308201a63082014da003020102020107300a06082a8648ce3d040302302f31173015060355040a0c0e4578616d706c652044726f\
        6e65733114301206035504030c0b44657669636520526f6f743020170d3236313132313032323733345a180f3231323631303238\
        3032323733345a30273110300e060355040a0c075375626a6563743113301106035504030c0a636e2e6578616d706c6530593013\
        06072a8648ce3d020106082a8648ce3d03010703420004671c6515b4290fb79e9e5eb612988b5690ddf973acebe83eb0219d6976\
        135147e9212c31a19af0e315eb94b2d5986a84694b939f8128a8613fc8866b4cd604f3a360305e303d0603551d1104363034820b\
        4150492e4578616d706c65820d2a2e63646e2e6578616d706c658704c00002098210626164206e616d652e6578616d706c65301d\
        0603551d0e041604147848d1d543d0560f8de6a550e1175ce546b00473300a06082a8648ce3d0403020347003044022055013b27\
        82964e356816c57bfc6cbe3ed2ad163786c2d166a4667f92b77f51cf02203f856bff892887ef7f0c77e5813036c9ad18f7f3a14d\
        eb7f822b12ca60acc057";
    /// CN=Flight.Example, no alternative names.
    const COMMON_NAME_HOST: &str = "308201653082010ba003020102020107300a06082a8648ce3d040302302f31173015060355040a0c0e4578616d706c652044726f\
        6e65733114301206035504030c0b44657669636520526f6f743020170d3236313132313032323733345a180f3231323631303238\
        3032323733345a30193117301506035504030c0e466c696768742e4578616d706c653059301306072a8648ce3d020106082a8648\
        ce3d03010703420004671c6515b4290fb79e9e5eb612988b5690ddf973acebe83eb0219d6976135147e9212c31a19af0e315eb94\
        b2d5986a84694b939f8128a8613fc8866b4cd604f3a32c302a30090603551d1304023000301d0603551d0e041604147848d1d543\
        d0560f8de6a550e1175ce546b00473300a06082a8648ce3d0403020348003045022002ca7a93a3b4c9a6295ec9e36f6222dfa31f\
        19640d940fa61df19c0a978fb9eb022100b6d4edaf8833dec289432218e8d5f4cac2ba6be10245b18a542760a4048470e2";
    /// CN="DJI Device 7", no alternative names.
    const COMMON_NAME_FREE_TEXT: &str = "3082016230820109a003020102020107300a06082a8648ce3d040302302f31173015060355040a0c0e4578616d706c652044726f\
        6e65733114301206035504030c0b44657669636520526f6f743020170d3236313132313032323733345a180f3231323631303238\
        3032323733345a30173115301306035504030c0c444a492044657669636520373059301306072a8648ce3d020106082a8648ce3d\
        03010703420004671c6515b4290fb79e9e5eb612988b5690ddf973acebe83eb0219d6976135147e9212c31a19af0e315eb94b2d5\
        986a84694b939f8128a8613fc8866b4cd604f3a32c302a30090603551d1304023000301d0603551d0e041604147848d1d543d056\
        0f8de6a550e1175ce546b00473300a06082a8648ce3d0403020347003044022035e6c542df10d51abcaba01592da9daddf6f6ded\
        84af1b723586d717639b8ffc02204a3fe23e3c8f15ecaeb619ea5af0b348a332aff2d98844f7cf8cb4bd53ad2346";

    /// The body of a Certificate message for flight.example.
    pub(in crate::observe::dissect) fn flight_example() -> Vec<u8> {
        message(&hex(COMMON_NAME_HOST))
    }

    fn message(der: &[u8]) -> Vec<u8> {
        let length = u32::try_from(der.len()).unwrap();
        [
            &(length + 3).to_be_bytes()[1..],
            &length.to_be_bytes()[1..],
            der,
        ]
        .concat()
    }

    fn read_leaf(der: &str) -> Leaf {
        match leaf(&message(&hex(der))) {
            Certificate::Leaf(leaf) => leaf,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn alternative_names_outrank_the_common_name() {
        let leaf = read_leaf(WITH_ALTERNATIVE_NAMES);
        assert_eq!(leaf.names, ["api.example", "*.cdn.example"]);
        assert_eq!(leaf.addresses, [IpAddr::from([192, 0, 2, 9])]);
        assert_eq!((leaf.from_common_name, leaf.names_left_out), (false, 1));
        assert_eq!(leaf.issuer_organisation.as_deref(), Some("Example Drones"));
    }

    #[test]
    fn a_common_name_counts_only_if_it_is_a_host_name() {
        let leaf = read_leaf(COMMON_NAME_HOST);
        assert_eq!(
            (leaf.names, leaf.from_common_name),
            (vec!["flight.example".to_owned()], true)
        );
        let leaf = read_leaf(COMMON_NAME_FREE_TEXT);
        assert_eq!((leaf.names.len(), leaf.names_left_out), (0, 1));
    }

    #[test]
    fn a_second_extension_of_names_says_nothing_and_the_common_name_does_not_stand_in() {
        // id-ce-subjectKeyIdentifier becomes id-ce-subjectAltName.
        let doubled = WITH_ALTERNATIVE_NAMES.replace("0603551d0e", "0603551d11");
        let leaf = read_leaf(&doubled);
        assert_eq!((leaf.names.len(), leaf.addresses.len()), (0, 0));
        assert_eq!((leaf.from_common_name, leaf.names_left_out), (false, 1));
    }

    #[test]
    fn a_date_a_serial_number_or_a_length_of_odd_form_hides_no_name() {
        // A year that is no number; a serial number of zero (RFC 5280 §4.1.2.2 wants it positive).
        let dated = COMMON_NAME_HOST.replace("170d3236313132", "170d7878787878");
        let numbered = COMMON_NAME_HOST.replace("020107", "020100");
        // The length of the key in two bytes, of which one would do: 0x59 becomes 0x0059, and all around it grows by two.
        let long = COMMON_NAME_HOST
            .replace("3059301306", "30820059301306")
            .replacen("308201653082010b", "308201673082010d", 1);
        for der in [dated, numbered, long] {
            assert_eq!(read_leaf(&der).names, ["flight.example"]);
        }
    }

    #[test]
    fn what_is_broken_is_a_value() {
        let good = message(&hex(WITH_ALTERNATIVE_NAMES));
        for cut in 0..good.len() {
            assert_eq!(leaf(&good[..cut]), Certificate::Broken, "cut at {cut}");
        }
        assert_eq!(leaf(&[0, 0, 0]), Certificate::Empty);
        // The TLS 1.3 form begins with a request context.
        assert_eq!(leaf(&[&[0][..], &good].concat()), Certificate::Broken);
        let mut noise = Noise(0x5bd1_e995);
        for _ in 0..5_000 {
            let mut damaged = good.clone();
            let at = noise.below(damaged.len());
            damaged[at] = noise.number().to_le_bytes()[0];
            leaf(&damaged);
        }
    }
}
