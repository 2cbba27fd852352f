//! Packets in packets without encryption: IP in IP (RFC 2003), IPv6 in IPv4 (RFC 4213), GRE
//! (RFC 2784, with key and sequence number of RFC 2890).
//!
//! Says where the inner packet begins. GRE with routing (RFC 1701) and PPTP's version 1 are not
//! opened: to a local host they stay opaque.

/// What an IP packet carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Inner<'a> {
    /// An IP packet.
    Packet(&'a [u8]),
    /// What an ether type names, and the bytes behind it.
    Typed(u16, &'a [u8]),
}

/// GRE flags (RFC 2784 §2.1, RFC 2890 §2): checksum, routing, key, sequence; the version below.
const CHECKSUM: u16 = 0x8000;
const ROUTING: u16 = 0x4000;
const KEY: u16 = 0x2000;
const SEQUENCE: u16 = 0x1000;
const VERSION: u16 = 0x0007;

/// The packet inside, by the protocol number of the outer one.
pub fn inner(protocol: u8, payload: &[u8]) -> Option<Inner<'_>> {
    match protocol {
        4 | 41 => Some(Inner::Packet(payload)).filter(|_| !payload.is_empty()),
        47 => {
            let (flags, kind, rest) = match payload {
                [a, b, c, d, rest @ ..] => (
                    u16::from_be_bytes([*a, *b]),
                    u16::from_be_bytes([*c, *d]),
                    rest,
                ),
                _ => return None,
            };
            if flags & (ROUTING | VERSION) != 0 {
                return None;
            }
            let words = [CHECKSUM, KEY, SEQUENCE]
                .iter()
                .filter(|bit| flags & **bit != 0)
                .count();
            let rest = rest.get(words * 4..)?;
            Some(Inner::Typed(kind, rest)).filter(|_| !rest.is_empty())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_of_gre_are_passed_over_and_other_versions_stay_closed() {
        assert_eq!(
            inner(47, &[0, 0, 8, 0, 0x45]),
            Some(Inner::Typed(0x0800, &[0x45]))
        );
        let all = [
            0xb0, 0, 0x86, 0xdd, 1, 2, 0, 0, 0, 0, 0, 9, 0, 0, 0, 1, 0x60,
        ];
        assert_eq!(inner(47, &all), Some(Inner::Typed(0x86dd, &[0x60])));
        assert_eq!(inner(47, &[0x30, 1, 0x88, 0x0b, 0, 0, 0, 0]), None);
        assert_eq!(inner(47, &[0x40, 0, 8, 0, 0x45]), None);
        assert_eq!(inner(47, &[0x20, 0, 8, 0, 0, 0]), None);
        assert_eq!(inner(4, &[0x45]), Some(Inner::Packet(&[0x45])));
        assert_eq!(inner(17, &[0x45]), None);
    }
}
