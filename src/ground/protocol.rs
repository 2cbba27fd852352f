//! Protocol numbers of IP (IANA "Assigned Internet Protocol Numbers").

use std::borrow::Cow;

/// ICMP (RFC 792).
pub const ICMP: u8 = 1;
/// TCP (RFC 9293).
pub const TCP: u8 = 6;
/// UDP (RFC 768).
pub const UDP: u8 = 17;
/// SCTP (RFC 9260).
pub const SCTP: u8 = 132;
/// ICMPv6 (RFC 4443).
pub const ICMPV6: u8 = 58;
/// UDP-Lite (RFC 3828): UDP whose length is that of the packet, and whose checksum may cover a part.
pub const UDP_LITE: u8 = 136;

/// The port of resolvers (RFC 1035 §4.2).
pub const DNS_PORT: u16 = 53;

/// Numbers of tunnels that are opened.
pub mod tunnel {
    /// IPv4 in IP (RFC 2003).
    pub const IPV4: u8 = 4;
    /// IPv6 in IP (RFC 4213).
    pub const IPV6: u8 = 41;
    /// GRE (RFC 2784).
    pub const GRE: u8 = 47;
    /// IP in IP as KA9Q wrote it.
    pub const IPIP: u8 = 94;
    /// Ethernet in IP (RFC 3378).
    pub const ETHERIP: u8 = 97;
    /// Protocol Independent Multicast (RFC 7761): its register messages hold packets.
    pub const PIM: u8 = 103;
    /// L2TP version 3 (RFC 3931).
    pub const L2TP: u8 = 115;
    /// MPLS in IP (RFC 4023).
    pub const MPLS: u8 = 137;
    /// Ethernet of SRv6 (RFC 8986).
    pub const ETHERNET: u8 = 143;

    /// All of them.
    pub const ALL: [u8; 9] = [IPV4, IPV6, GRE, IPIP, ETHERIP, PIM, L2TP, MPLS, ETHERNET];
}

/// The name of a protocol number, as reports write it.
pub fn name(number: u8) -> Cow<'static, str> {
    Cow::Borrowed(match number {
        TCP => "tcp",
        UDP => "udp",
        ICMP => "icmp",
        ICMPV6 => "icmpv6",
        SCTP => "sctp",
        tunnel::GRE => "gre",
        50 => "esp",
        51 => "ah",
        other => return Cow::Owned(format!("ip-{other}")),
    })
}
