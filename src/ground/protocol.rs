//! Protocol numbers of IP (IANA "Assigned Internet Protocol Numbers").

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
