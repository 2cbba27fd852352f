//! Types of DNS records that are read (IANA registry "Resource Record (RR) TYPEs").

/// IPv4 address.
pub const A: u16 = 1;
/// Authoritative server.
pub const NS: u16 = 2;
/// Alias.
pub const CNAME: u16 = 5;
/// Start of authority.
pub const SOA: u16 = 6;
/// Pointer, mostly from a reverse name.
pub const PTR: u16 = 12;
/// Text.
pub const TXT: u16 = 16;
/// IPv6 address.
pub const AAAA: u16 = 28;
/// Service location (RFC 2782).
pub const SRV: u16 = 33;
/// EDNS pseudo-record (RFC 6891).
pub const OPT: u16 = 41;
/// Service binding (RFC 9460).
pub const SVCB: u16 = 64;
/// Service binding for the web (RFC 9460).
pub const HTTPS: u16 = 65;
/// All records, a question type only.
pub const ANY: u16 = 255;
