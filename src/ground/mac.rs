//! Hardware addresses of network cards (IEEE 802, 48 bits).

use std::fmt;

/// An IEEE 802 MAC address.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mac(pub [u8; 6]);

impl Mac {
    /// True for broadcast and multicast addresses (the I/G bit, IEEE 802-2014 §8.2).
    pub fn is_group(self) -> bool {
        self.0.first().is_some_and(|b| b & 1 != 0)
    }

    /// From the first six bytes; all-zero is no address (loopback captures write it).
    #[inline]
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let mac = *bytes.first_chunk::<6>()?;
        (mac != [0; 6]).then_some(Self(mac))
    }

    /// From `aa:bb:cc:dd:ee:ff` or with dashes.
    pub fn parse(text: &str) -> Option<Self> {
        let mut out = [0u8; 6];
        let mut parts = text.split([':', '-']);
        for byte in &mut out {
            let part = parts.next()?;
            // `from_str_radix` would take a sign.
            if part.len() != 2 || !part.bytes().all(|b| b.is_ascii_hexdigit()) {
                return None;
            }
            *byte = u8::from_str_radix(part, 16).ok()?;
        }
        parts.next().is_none().then_some(Self(out))
    }
}

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

impl fmt::Debug for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
