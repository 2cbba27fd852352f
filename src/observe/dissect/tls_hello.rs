//! ClientHello and ServerHello: the name a client asks for, and what both sides agree on.
//!
//! Reads handshake message bodies of TLS 1.0 to 1.3 (RFC 8446 §4.1.2, §4.1.3, RFC 5246 §7.4.1), TLCP (version 0x0101) and DTLS
//! (RFC 6347 §4.2.1, RFC 9147 §5.3): the body without type and length. Extensions: server_name (RFC 6066 §3), ALPN (RFC 7301),
//! signature_algorithms, supported_versions, key_share, pre_shared_key, early_data (RFC 8446 §4.2), encrypted_client_hello (RFC 9849 §5) and its
//! forerunner ESNI. A broken extension is skipped and sets `damaged`; the ones behind it are still read.
//!
//! A server name is an assertion of the client. With an outer Encrypted Client Hello it may be a stand-in, and the dummy (GREASE)
//! form looks the same by design: presence alone says nothing.

use tls_parser::parse_tls_handshake_client_hello;

use crate::ground::host_name::{HostName, printable};
use crate::observe::dissect::wire::Reader;

/// Extension types (IANA "TLS ExtensionType Values").
mod extension {
    pub(super) const SERVER_NAME: u16 = 0;
    pub(super) const SIGNATURE_ALGORITHMS: u16 = 13;
    pub(super) const ALPN: u16 = 16;
    pub(super) const ENCRYPT_THEN_MAC: u16 = 22;
    pub(super) const PRE_SHARED_KEY: u16 = 41;
    pub(super) const EARLY_DATA: u16 = 42;
    pub(super) const SUPPORTED_VERSIONS: u16 = 43;
    pub(super) const KEY_SHARE: u16 = 51;
    pub(super) const ECH: u16 = 0xfe0d;
    pub(super) const ESNI: u16 = 0xffce;
}

/// The random of a ServerHello that is a HelloRetryRequest: SHA-256 of that word (RFC 8446 §4.1.3).
const HELLO_RETRY_REQUEST: [u8; 32] = [
    0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91,
    0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
];

/// Names and protocols kept of one hello. Clients send one name and a handful of protocols.
const LIST_MAX: usize = 64;

/// Extension types kept of one hello, and compared for doubles. Browsers send about twenty.
const EXTENSIONS_MAX: usize = 256;

/// Encrypted Client Hello as seen from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ech {
    /// The outer hello, real or dummy.
    Outer {
        /// Key derivation function (HPKE registry).
        kdf: u16,
        /// Cipher (HPKE registry).
        aead: u16,
        /// Which of the server's keys.
        config_id: u8,
        /// Length of the encrypted inner hello in bytes.
        payload_len: usize,
    },
    /// The inner hello: never in clear on a real wire.
    Inner,
    /// The extension is there and breaks its form.
    Damaged,
}

/// What a ClientHello says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClientHello {
    /// The version field; 0x0303 in TLS 1.2 and 1.3, 0xfefd in DTLS 1.2, 0x0101 in TLCP.
    pub legacy_version: u16,
    /// The client's random: the key into a key log.
    pub random: [u8; 32],
    /// Length of the session id in bytes.
    pub session_id_len: usize,
    /// The host names of all server_name entries, in order.
    pub server_names: Vec<HostName>,
    /// Application protocols, printable ASCII in lower case and the rest as `\DDD`.
    pub alpn: Vec<String>,
    /// The first application protocol as it stands there; empty without one.
    pub first_alpn: Vec<u8>,
    /// Signature algorithms in order; GREASE values are kept.
    pub signature_algorithms: Vec<u16>,
    /// Encrypted Client Hello, if offered or imitated.
    pub ech: Option<Ech>,
    /// The withdrawn encrypted server name extension (0xffce) is present.
    pub esni: bool,
    /// Versions offered by extension, in order; GREASE values are kept.
    pub supported_versions: Vec<u16>,
    /// Groups for which a key share is sent; GREASE values are kept.
    pub key_share_groups: Vec<u16>,
    /// Application data follows before the server has said a word (0-RTT).
    pub early_data: bool,
    /// An earlier session is resumed by pre-shared key.
    pub psk: bool,
    /// Cipher suites in order; GREASE values are kept.
    pub cipher_suites: Vec<u16>,
    /// Extension types in order of appearance; GREASE values are kept.
    pub extension_types: Vec<u16>,
    /// Something was cut, broken, doubled or beyond a bound. What is listed was read whole.
    pub damaged: bool,
}

/// What a ServerHello says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServerHello {
    /// The version agreed on: from the supported_versions extension, else the version field.
    pub selected_version: u16,
    /// The cipher suite agreed on.
    pub cipher: u16,
    /// The server's random.
    pub random: [u8; 32],
    /// It agrees to encrypt first (RFC 7366 §2).
    pub encrypt_then_mac: bool,
    /// It chose a compression.
    pub compressed: bool,
    /// It asks for a second ClientHello.
    pub is_hello_retry_request: bool,
    /// The application protocol, where it stands in clear (TLS 1.2 and older).
    pub alpn: Option<String>,
    /// Something was cut or broken.
    pub damaged: bool,
}

/// True for the reserved values that clients send to keep servers tolerant (RFC 8701 §2).
pub fn is_grease(value: u16) -> bool {
    let [high, low] = value.to_be_bytes();
    high == low && low & 0x0f == 0x0a
}

/// Reads a TLS ClientHello body, whole or cut. `None` if not even version and random are there.
pub fn client_hello(body: &[u8]) -> Option<ClientHello> {
    match parse_tls_handshake_client_hello(body) {
        Ok((rest, contents)) => {
            let mut hello = ClientHello {
                legacy_version: contents.version.0,
                random: *contents.random.first_chunk()?,
                session_id_len: contents.session_id.map_or(0, <[u8]>::len),
                cipher_suites: contents.ciphers.iter().map(|suite| suite.0).collect(),
                ..ClientHello::default()
            };
            match contents.ext {
                Some(extensions) => {
                    hello.damaged |= !rest.is_empty();
                    hello.extensions(extensions);
                }
                // tls-parser drops an extension block that is cut, without an error.
                None => hello.extension_block(Reader::new(rest)),
            }
            Some(hello)
        }
        // It refuses what a lenient server takes, such as a session id over 32 bytes, and all that is cut.
        Err(_) => walk_client_hello(body, false),
    }
}

/// Reads a DTLS ClientHello body: as TLS, with a cookie behind the session id (RFC 6347 §4.2.1).
pub fn dtls_client_hello(body: &[u8]) -> Option<ClientHello> {
    walk_client_hello(body, true)
}

fn walk_client_hello(body: &[u8], with_cookie: bool) -> Option<ClientHello> {
    let mut reader = Reader::new(body);
    let mut hello = ClientHello {
        legacy_version: reader.u16()?,
        random: reader.array()?,
        ..ClientHello::default()
    };
    hello.damaged = hello.fixed_part(&mut reader, with_cookie).is_none();
    if !hello.damaged {
        hello.extension_block(reader);
    }
    Some(hello)
}

impl ClientHello {
    fn fixed_part(&mut self, reader: &mut Reader<'_>, with_cookie: bool) -> Option<()> {
        self.session_id_len = reader.vector8()?.len();
        if with_cookie {
            reader.vector8()?;
        }
        self.cipher_suites = u16_list(reader.vector16()?)?;
        reader.vector8().map(|_compression_methods| ())
    }

    /// The two-byte length and what it covers; nothing at all is legal before TLS 1.3.
    fn extension_block(&mut self, mut reader: Reader<'_>) {
        if reader.is_empty() {
            return;
        }
        match reader.vector16() {
            Some(extensions) => {
                self.damaged |= !reader.is_empty();
                self.extensions(extensions);
            }
            None => {
                self.damaged = true;
                self.extensions(reader.rest().get(2..).unwrap_or_default());
            }
        }
    }

    fn extensions(&mut self, block: &[u8]) {
        let mut reader = Reader::new(block);
        while !reader.is_empty() {
            let Some(kind) = reader.u16() else {
                self.damaged = true;
                return;
            };
            let Some(data) = reader.vector16() else {
                self.damaged = true;
                return;
            };
            let more = self.extension_types.len() < EXTENSIONS_MAX;
            self.damaged |= !more || self.extension_types.contains(&kind);
            if more {
                self.extension_types.push(kind);
            }
            self.damaged |= self.extension(kind, data).is_none();
        }
    }

    fn extension(&mut self, kind: u16, data: &[u8]) -> Option<()> {
        let mut reader = Reader::new(data);
        match kind {
            extension::SERVER_NAME => return self.server_name(reader),
            extension::ALPN => {
                let mut list = Reader::new(reader.vector16()?);
                while !list.is_empty() {
                    let protocol = list.vector8()?;
                    if self.alpn.is_empty() {
                        self.first_alpn = protocol.to_vec();
                    }
                    (self.alpn.len() < LIST_MAX).then(|| self.alpn.push(printable(protocol)))?;
                }
            }
            extension::SIGNATURE_ALGORITHMS => {
                self.signature_algorithms = u16_list(reader.vector16()?)?;
            }
            extension::SUPPORTED_VERSIONS => self.supported_versions = u16_list(reader.vector8()?)?,
            extension::KEY_SHARE => {
                let mut shares = Reader::new(reader.vector16()?);
                while !shares.is_empty() {
                    let group = shares.u16()?;
                    shares.vector16()?;
                    self.key_share_groups.push(group);
                }
            }
            extension::PRE_SHARED_KEY => {
                self.psk = true;
                return Some(());
            }
            extension::EARLY_DATA => self.early_data = true,
            extension::ECH => {
                let read = ech(&mut reader);
                self.ech = Some(read.unwrap_or(Ech::Damaged));
                read?;
            }
            extension::ESNI => {
                self.esni = true;
                return Some(());
            }
            _ => return Some(()),
        }
        reader.is_empty().then_some(())
    }

    /// ServerNameList (RFC 6066 §3). The list length is checked but not trusted: entries that are whole count.
    fn server_name(&mut self, mut reader: Reader<'_>) -> Option<()> {
        const HOST_NAME: u8 = 0;
        let declared = usize::from(reader.u16()?);
        let sound = declared == reader.remaining() && declared > 0;
        while !reader.is_empty() {
            let kind = reader.u8()?;
            let name = reader.vector16()?;
            if kind == HOST_NAME {
                (self.server_names.len() < LIST_MAX)
                    .then(|| self.server_names.push(HostName::read(name)))?;
            }
        }
        sound.then_some(())
    }
}

fn ech(reader: &mut Reader<'_>) -> Option<Ech> {
    match reader.u8()? {
        0 => {
            let (kdf, aead, config_id) = (reader.u16()?, reader.u16()?, reader.u8()?);
            // Empty after a HelloRetryRequest.
            let _encapsulated_key = reader.vector16()?;
            let payload_len = reader.vector16()?.len();
            Some(Ech::Outer {
                kdf,
                aead,
                config_id,
                payload_len,
            })
        }
        1 => Some(Ech::Inner),
        _ => None,
    }
}

fn u16_list(bytes: &[u8]) -> Option<Vec<u16>> {
    let (pairs, rest) = bytes.as_chunks::<2>();
    rest.is_empty()
        .then(|| pairs.iter().map(|pair| u16::from_be_bytes(*pair)).collect())
}

/// Reads a ServerHello body of TLS, TLCP or DTLS. `None` if it is cut before the cipher suite.
pub fn server_hello(body: &[u8]) -> Option<ServerHello> {
    let mut reader = Reader::new(body);
    let version = reader.u16()?;
    let random: [u8; 32] = reader.array()?;
    // The drafts of TLS 1.3 before number 22 (0x7f..) had neither session id nor compression here.
    let is_draft = version >> 8 == 0x7f;
    if !is_draft {
        reader.vector8()?;
    }
    let mut hello = ServerHello {
        selected_version: version,
        cipher: reader.u16()?,
        random,
        is_hello_retry_request: random == HELLO_RETRY_REQUEST,
        ..ServerHello::default()
    };
    hello.damaged = hello.tail(&mut reader, is_draft).is_none();
    Some(hello)
}

/// The application protocol that a server chose, by its encrypted extensions (RFC 8446 §4.3.1), which stand at the start of its sealed handshake.
pub fn chosen_protocol(handshake: &[u8]) -> Option<String> {
    /// EncryptedExtensions (RFC 8446 §4).
    const ENCRYPTED_EXTENSIONS: u8 = 8;
    let mut reader = Reader::new(handshake);
    reader.u8().filter(|kind| *kind == ENCRYPTED_EXTENSIONS)?;
    reader.u24()?;
    let mut extensions = Reader::new(reader.vector16()?);
    while let (Some(kind), Some(data)) = (extensions.u16(), extensions.vector16()) {
        if kind == extension::ALPN {
            return Some(printable(
                Reader::new(Reader::new(data).vector16()?).vector8()?,
            ));
        }
    }
    None
}

impl ServerHello {
    fn tail(&mut self, reader: &mut Reader<'_>, is_draft: bool) -> Option<()> {
        if !is_draft {
            self.compressed = reader.u8()? != 0;
        }
        if reader.is_empty() {
            return Some(());
        }
        let mut extensions = Reader::new(reader.vector16()?);
        while !extensions.is_empty() {
            let kind = extensions.u16()?;
            let mut data = Reader::new(extensions.vector16()?);
            match kind {
                extension::ENCRYPT_THEN_MAC => self.encrypt_then_mac = true,
                extension::SUPPORTED_VERSIONS => self.selected_version = data.u16()?,
                extension::ALPN => {
                    self.alpn = Some(printable(Reader::new(data.vector16()?).vector8()?))
                }
                _ => {}
            }
        }
        reader.is_empty().then_some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::dissect::wire::test_bytes::{Noise, hex};

    /// RFC 8448 §3, the ClientHello of the simple 1-RTT handshake, without its four-byte header.
    fn rfc_8448() -> Vec<u8> {
        hex(
            "0303cb34ecb1e78163ba1c38c6dacb196a6dffa21a8d9912ec18a2ef6283024dece7000006130113031302010000910000000b\
             0009000006736572766572ff01000100000a00140012001d0017001800190100010101020103010400230000003300260024001d\
             002099381de560e4bd43d23d8e435a7dbafeb3c06e51c13cae4d5413691e529aaf2c002b0003020304000d0020001e0403050306\
             03020308040805080604010501060102010402050206020202002d00020101001c00024001",
        )
    }

    fn with_extensions(extensions: &[u8]) -> Vec<u8> {
        let mut body = hex("0303");
        body.extend([7; 32]);
        body.extend(hex("00 0002 1301 01 00"));
        body.extend(u16::try_from(extensions.len()).unwrap().to_be_bytes());
        body.extend(extensions);
        body
    }

    fn names(hello: &ClientHello) -> Vec<&str> {
        hello
            .server_names
            .iter()
            .filter_map(HostName::name)
            .collect()
    }

    #[test]
    fn rfc_8448_hello_and_its_prefixes() {
        let body = rfc_8448();
        assert_eq!(body.len(), 0xc0);
        let hello = client_hello(&body).unwrap();
        assert_eq!(names(&hello), ["server"]);
        assert_eq!(hello.cipher_suites, [0x1301, 0x1303, 0x1302]);
        assert_eq!(
            hello.extension_types,
            [0, 0xff01, 10, 35, 51, 43, 13, 45, 28]
        );
        assert_eq!(
            (&hello.supported_versions[..], &hello.key_share_groups[..]),
            (&[0x0304][..], &[29][..])
        );
        assert!(!hello.damaged && hello.ech.is_none() && !hello.psk && !hello.early_data);
        for cut in 0..body.len() {
            let Some(part) = client_hello(&body[..cut]) else {
                assert!(cut < 34);
                continue;
            };
            // Without any extensions it would be a legal hello of TLS 1.0.
            assert_eq!(part.damaged, cut != 45, "cut at {cut}");
            assert_eq!(part.random, hello.random);
            // A name appears when all of it is there, and never a part of it.
            assert_eq!(!names(&part).is_empty(), cut >= 62, "cut at {cut}");
            assert!(names(&part).iter().all(|name| *name == "server"));
        }
        let mut tlcp = body.clone();
        tlcp[..2].copy_from_slice(&[1, 1]);
        assert_eq!(names(&client_hello(&tlcp).unwrap()), ["server"]);
        let mut dtls = body.clone();
        dtls.splice(35..35, [3, 9, 9, 9]);
        assert_eq!(names(&dtls_client_hello(&dtls).unwrap()), ["server"]);
        let mut noise = Noise(0x9e37_79b9);
        for _ in 0..20_000 {
            let damaged = noise.damage(&body);
            client_hello(&damaged);
            dtls_client_hello(&damaged);
            server_hello(&damaged);
        }
    }

    #[test]
    fn a_broken_extension_hides_nothing_behind_it() {
        // supported_groups that overruns itself (tls-parser then drops the rest), ALPN with a protocol that is cut, then two names.
        let hello = client_hello(&with_extensions(&hex("000a 0003 00ff1d  0010 0007 0005 0268 32 0868 \
             0000 0011 000f 00 0005 412e746573 00 0004 622e7465  002a 0000 0029 0001 00 ffce 0000 0000 0006 0004 000001 63")))
        .unwrap();
        assert!(hello.damaged);
        assert_eq!(
            names(&hello),
            ["a.tes", "b.te", "c"],
            "all entries of all copies"
        );
        assert_eq!(hello.alpn, ["h2"]);
        assert!(hello.early_data && hello.psk && hello.esni);

        let odd = client_hello(&with_extensions(&hex(
            "0000 000b 0009 00 0006 612e62 002e63",
        )))
        .unwrap();
        assert_eq!(
            (odd.server_names.len(), names(&odd).len()),
            (1, 1),
            "a NUL is written as what it is"
        );
    }

    #[test]
    fn encrypted_client_hello_forms() {
        let outer = client_hello(&with_extensions(&hex(
            "fe0d 000f 00 0001 0003 2a 0002 aabb 0003 010203",
        )))
        .unwrap();
        assert_eq!(
            outer.ech,
            Some(Ech::Outer {
                kdf: 1,
                aead: 3,
                config_id: 42,
                payload_len: 3
            })
        );
        assert!(!outer.damaged);
        let inner = client_hello(&with_extensions(&hex("fe0d 0001 01"))).unwrap();
        assert_eq!(inner.ech, Some(Ech::Inner));
        let cut = client_hello(&with_extensions(&hex("fe0d 0003 00 0001"))).unwrap();
        assert_eq!((cut.ech, cut.damaged), (Some(Ech::Damaged), true));
        assert!(is_grease(0x1a1a) && !is_grease(0x1a2a) && !is_grease(0x1b1b));
    }

    #[test]
    fn server_hellos() {
        // RFC 8448 §3
        let body = hex(
            "0303a6af06a4121860dc5e6e60249cd34c95930c8ac5cb1434dac155772ed3e2692800130100002e00330024001d0020\
             c9828876112095fe66762bdbf7c672e156d6cc253b833df1dd69b1b04e751f0f002b00020304",
        );
        let hello = server_hello(&body).unwrap();
        assert_eq!(
            (
                hello.selected_version,
                hello.cipher,
                hello.is_hello_retry_request
            ),
            (0x0304, 0x1301, false)
        );
        assert!(!hello.damaged);
        for cut in 0..body.len() {
            assert_eq!(server_hello(&body[..cut]).is_some(), cut >= 37);
        }
        let mut retry = body;
        retry[2..34].copy_from_slice(&HELLO_RETRY_REQUEST);
        assert!(server_hello(&retry).unwrap().is_hello_retry_request);
        let mut old = hex("0303");
        old.extend([1; 32]);
        old.extend(hex("00 c02f 00 0009 0010 0005 0003 02 6832"));
        let old = server_hello(&old).unwrap();
        assert_eq!(
            (old.selected_version, old.alpn.as_deref(), old.damaged),
            (0x0303, Some("h2"), false)
        );
    }

    /// The first record of a session of OpenSSL 3 with TLS 1.3, from the project's lab.
    #[test]
    fn a_captured_hello_in_its_record() {
        use crate::observe::dissect::tls_record::{Handshakes, Records, handshake_type};
        let stream = hex(
            "160301010a010001060303f9a994c31419c9c20c59e9a3c7265d37bdaf91f30b15efc7420a2cb25b7e8fc420\
             95a366eaa68ec735059ed20294451d7897d51c972a2e071908de2945c8dd7c13000813021303130100ff0100\
             00b5000000180016000013666c79736166652d6170692e646a692e636f6d000b000403000102000a00160014\
             001d0017001e0019001801000101010201030104002300000010000e000c02683208687474702f312e310016\
             000000170000000d001e001c040305030603080708080809080a080b080408050806040105010601002b0003\
             020304002d00020101003300260024001d0020b59907fc369beee868dd6109d8d796a38bf9406a02982d8157\
             05eddb6d771d22",
        );
        let mut handshakes = Handshakes::default();
        for record in Records::new(&stream) {
            handshakes.push(record.fragment).unwrap();
        }
        let message = handshakes.pop().unwrap();
        assert_eq!(message.kind, handshake_type::CLIENT_HELLO);
        let hello = client_hello(&message.body).unwrap();
        assert_eq!(names(&hello), ["flysafe-api.dji.com"]);
        assert_eq!(hello.alpn, ["h2", "http/1.1"]);
        assert!(!hello.damaged && handshakes.missing() == 0);
    }
}
