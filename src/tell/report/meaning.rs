//! What makes traffic of two recordings the same: what stays when time, place and chance change.
//!
//! Used for the ids of findings and for comparing captures, so that both agree.

use crate::judge::locate::embedded_ipv4;
use std::net::IpAddr;

/// From this port on a number was most likely picked for the moment: Linux, and with it Android,
/// picks from 32768 to 60999, other systems from 49152 on (RFC 6335 §6). Peers behind such ports
/// differ between two recordings of the same behaviour. Ports registered in between are few, and
/// for them only the number is lost, not the destination.
pub const DYNAMIC_PORT_MIN: u16 = 32_768;

/// True for a port that was most likely picked for the moment.
pub fn is_dynamic(port: u16) -> bool {
    port >= DYNAMIC_PORT_MIN
}

/// The address that says who is meant: the IPv4 address inside a translated one, because whether
/// a network translates is the network's doing and not the app's.
pub fn address(ip: IpAddr) -> IpAddr {
    embedded_ipv4(ip).map_or(ip, IpAddr::V4)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_translated_address_means_the_one_inside() {
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        assert_eq!(address(ip("64:ff9b::203.0.113.7")), ip("203.0.113.7"));
        assert_eq!(address(ip("::ffff:203.0.113.7")), ip("203.0.113.7"));
        assert_eq!(address(ip("2001:db8::1")), ip("2001:db8::1"));
        assert!(is_dynamic(49_152) && !is_dynamic(8_883));
    }
}
