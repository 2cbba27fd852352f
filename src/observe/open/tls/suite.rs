//! Cipher suites of TLS that can be opened, as data (IANA's registry of TLS cipher suites).
//!
//! Not here, and so not opened: export and null ciphers, RC4, DES and 3DES, IDEA, SEED, Camellia, ARIA, GOST, SM4.

/// How records are protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cipher {
    /// AES-GCM (RFC 5288); bytes of the key.
    Gcm(usize),
    /// AES-CCM (RFC 6655); bytes of the key and of the tag.
    Ccm(usize, usize),
    /// ChaCha20-Poly1305 (RFC 7905).
    ChaCha,
    /// AES-CBC with an HMAC; bytes of the key.
    Cbc(usize, Hash),
}

/// A hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hash {
    /// SHA-1, as a check of records only.
    Sha1,
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
}

impl Hash {
    /// Bytes of its output.
    pub fn len(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha384 => 48,
        }
    }
}

/// A cipher suite.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Suite {
    /// How records are protected.
    pub cipher: Cipher,
    /// The hash that keys are made with; not used by TLS 1.0 and 1.1.
    pub hash: Hash,
}

const GCM_128: Suite = suite(Cipher::Gcm(16), Hash::Sha256);
const GCM_256: Suite = suite(Cipher::Gcm(32), Hash::Sha384);
const CHACHA: Suite = suite(Cipher::ChaCha, Hash::Sha256);
const CCM_128: Suite = suite(Cipher::Ccm(16, 16), Hash::Sha256);
const CCM_256: Suite = suite(Cipher::Ccm(32, 16), Hash::Sha256);
const CCM_8_128: Suite = suite(Cipher::Ccm(16, 8), Hash::Sha256);
const CCM_8_256: Suite = suite(Cipher::Ccm(32, 8), Hash::Sha256);
const CBC_128_SHA: Suite = suite(Cipher::Cbc(16, Hash::Sha1), Hash::Sha256);
const CBC_256_SHA: Suite = suite(Cipher::Cbc(32, Hash::Sha1), Hash::Sha256);
const CBC_128_SHA256: Suite = suite(Cipher::Cbc(16, Hash::Sha256), Hash::Sha256);
const CBC_256_SHA256: Suite = suite(Cipher::Cbc(32, Hash::Sha256), Hash::Sha256);
const CBC_256_SHA384: Suite = suite(Cipher::Cbc(32, Hash::Sha384), Hash::Sha384);

const fn suite(cipher: Cipher, hash: Hash) -> Suite {
    Suite { cipher, hash }
}

/// The suite of a number in a server's hello; `None` for those that are not opened.
pub fn suite_of(number: u16) -> Option<Suite> {
    Some(match number {
        // TLS 1.3 (RFC 8446 §B.4).
        0x1301 => GCM_128,
        0x1302 => GCM_256,
        0x1303 => CHACHA,
        0x1304 => CCM_128,
        0x1305 => CCM_8_128,
        // RSA, DH, DHE, DSS, anonymous and their PSK kin; then elliptic curves (RFC 5288, 5289, 5487, 8442).
        0x009c | 0x009e | 0x00a0 | 0x00a2 | 0x00a4 | 0x00a6 | 0x00a8 | 0x00aa | 0x00ac => GCM_128,
        0x009d | 0x009f | 0x00a1 | 0x00a3 | 0x00a5 | 0x00a7 | 0x00a9 | 0x00ab | 0x00ad => GCM_256,
        0xc02b | 0xc02d | 0xc02f | 0xc031 | 0xd001 => GCM_128,
        0xc02c | 0xc02e | 0xc030 | 0xc032 | 0xd002 => GCM_256,
        // RFC 7905.
        0xcca8..=0xccae => CHACHA,
        // RFC 6655, 7251, 8442.
        0xc09c | 0xc09e | 0xc0a4 | 0xc0a6 | 0xc0ac | 0xd005 => CCM_128,
        0xc09d | 0xc09f | 0xc0a5 | 0xc0a7 | 0xc0ad => CCM_256,
        0xc0a0 | 0xc0a2 | 0xc0a8 | 0xc0aa | 0xc0ae | 0xd003 => CCM_8_128,
        0xc0a1 | 0xc0a3 | 0xc0a9 | 0xc0ab | 0xc0af => CCM_8_256,
        // RFC 5246, 4279, 4492, 5489, 5054.
        0x002f..=0x0034 | 0x008c | 0x0090 | 0x0094 => CBC_128_SHA,
        0x0035..=0x003a | 0x008d | 0x0091 | 0x0095 => CBC_256_SHA,
        0xc004 | 0xc009 | 0xc00e | 0xc013 | 0xc018 | 0xc01d..=0xc01f | 0xc035 => CBC_128_SHA,
        0xc005 | 0xc00a | 0xc00f | 0xc014 | 0xc019 | 0xc020..=0xc022 | 0xc036 => CBC_256_SHA,
        0x003c | 0x003e..=0x0040 | 0x0067 | 0x006c | 0x00ae | 0x00b2 | 0x00b6 => CBC_128_SHA256,
        0x003d | 0x0068..=0x006b | 0x006d => CBC_256_SHA256,
        0xc023 | 0xc025 | 0xc027 | 0xc029 | 0xc037 => CBC_128_SHA256,
        0xc024 | 0xc026 | 0xc028 | 0xc02a | 0xc038 | 0x00af | 0x00b3 | 0x00b7 => CBC_256_SHA384,
        _ => return None,
    })
}
