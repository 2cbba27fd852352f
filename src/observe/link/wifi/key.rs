//! Shared keys of Wi-Fi networks that the auditor holds: as a passphrase with the name of its network
//! (IEEE 802.11-2020 annex J.4: PBKDF2 with HMAC-SHA-1, 4096 rounds), or as the 256 bits themselves,
//! which is how the key of a WPA3 association (PMK) is given, for no passphrase leads there.
//!
//! Nothing shows a key: errors say what is wrong with one and never quote it.

use super::derive::SHARED_LEN;
use sha1::Sha1;
use std::fmt;
use zeroize::Zeroizing;

/// Bytes of a network's name (§9.4.2.2), and characters of a passphrase (annex J.4.1).
const NAME_MAX: usize = 32;
const PASSPHRASE: std::ops::RangeInclusive<usize> = 8..=63;
const ROUNDS: u32 = 4096;

/// Keys that are tried for a handshake: an auditor has a few, and each costs four hashes a message.
pub const KEYS_MAX: usize = 64;

/// A shared key, wiped when it goes.
#[derive(Clone, PartialEq, Eq)]
pub struct WifiKey(Zeroizing<[u8; SHARED_LEN]>);

impl fmt::Debug for WifiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WifiKey(..)")
    }
}

impl WifiKey {
    /// From `SSID:PASSPHRASE`. Both may hold colons: every reading that can be meant is a key.
    ///
    /// # Errors
    /// What is wrong, without the text.
    pub fn of_passphrase(text: &str) -> Result<Vec<Self>, &'static str> {
        let mut out = Vec::new();
        for (at, _) in text.match_indices(':') {
            let (Some(name), Some(phrase)) = (text.get(..at), text.get(at.saturating_add(1)..))
            else {
                continue;
            };
            if name.is_empty()
                || name.len() > NAME_MAX
                || !PASSPHRASE.contains(&phrase.len())
                || !phrase.bytes().all(|b| matches!(b, b' '..=b'~'))
            {
                continue;
            }
            let mut key = Zeroizing::new([0; SHARED_LEN]);
            pbkdf2::pbkdf2_hmac::<Sha1>(phrase.as_bytes(), name.as_bytes(), ROUNDS, &mut *key);
            out.push(Self(key));
        }
        match out.is_empty() {
            true => Err(
                "is not SSID:PASSPHRASE, with a name of 1 to 32 bytes and a passphrase of 8 to 63 ASCII characters",
            ),
            false => Ok(out),
        }
    }

    /// From 64 hexadecimal digits.
    ///
    /// # Errors
    /// What is wrong, without the text.
    pub fn of_hex(text: &str) -> Result<Self, &'static str> {
        let mut key = Zeroizing::new([0; SHARED_LEN]);
        let digits = text.as_bytes();
        if digits.len() != 2 * SHARED_LEN {
            return Err("is not a key of 64 hexadecimal digits");
        }
        let digit = |b: u8| {
            char::from(b)
                .to_digit(16)
                .and_then(|d| u8::try_from(d).ok())
        };
        for (room, pair) in key.iter_mut().zip(digits.chunks_exact(2)) {
            let mut pair = pair.iter().map(|b| digit(*b));
            let (Some(Some(high)), Some(Some(low))) = (pair.next(), pair.next()) else {
                return Err("is not a key of 64 hexadecimal digits");
            };
            *room = high << 4 | low;
        }
        Ok(Self(key))
    }

    /// From a line of a file: 64 hexadecimal digits, or `SSID:PASSPHRASE`.
    ///
    /// # Errors
    /// What is wrong, without the text.
    pub fn of_line(line: &str) -> Result<Vec<Self>, &'static str> {
        match Self::of_hex(line) {
            Ok(key) => Ok(vec![key]),
            Err(_) => Self::of_passphrase(line).map_err(|_| {
                "is neither SSID:PASSPHRASE (1 to 32 bytes, 8 to 63 ASCII characters) nor 64 hexadecimal digits"
            }),
        }
    }

    pub(super) fn shared(&self) -> &[u8; SHARED_LEN] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// IEEE 802.11-2020 annex J.4.2.
    #[test]
    fn passphrases_lead_to_the_published_keys() {
        for (given, key) in [
            (
                "IEEE:password",
                "f42c6fc52df0ebef9ebb4b90b38a5f902e83fe1b135a70e23aed762e9710a12e",
            ),
            (
                "ThisIsASSID:ThisIsAPassword",
                "0dc0d6eb90555ed6419756b9a15ec3e3209b63df707dd508d14581f8982721af",
            ),
            (
                "ZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZ:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
                "becb93866bb8c3832cb777c2f559807c8c59afcb6eae734885001300a981cc62",
            ),
        ] {
            let keys = WifiKey::of_passphrase(given).unwrap();
            assert!(keys == [WifiKey::of_hex(key).unwrap()], "{given}");
            assert!(WifiKey::of_line(key).unwrap() == keys);
            assert_eq!(format!("{keys:?}"), "[WifiKey(..)]");
        }
    }

    #[test]
    fn every_reading_of_colons_is_tried_and_nonsense_is_refused() {
        assert_eq!(WifiKey::of_passphrase("a:b:12345678").unwrap().len(), 2);
        for bad in [
            "",
            "a:",
            ":12345678",
            "a:1234567",
            "a:12345678\u{e4}",
            "nothing",
            "withheld",
        ] {
            assert!(WifiKey::of_line(bad).is_err(), "{bad}");
        }
        let long = format!("{}:12345678", "s".repeat(33));
        assert!(WifiKey::of_passphrase(&long).is_err());
        assert!(WifiKey::of_hex(&"g".repeat(64)).is_err());
        assert!(WifiKey::of_hex(&"é".repeat(32)).is_err());
    }
}
