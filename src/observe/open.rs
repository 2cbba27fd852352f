//! Opening TLS, DTLS and QUIC with secrets that the auditor holds.
//!
//! A key log is read once, before the captures ([`keylog`]). The dissector of the protocol knows connections and hellos: it makes an opener
//! for each direction when both hellos were read, hands over whole records in order, and gives what comes out to the stream layer, which
//! reads it as a connection of its own. What stays sealed has a reason. TLS is wired so; the openers of DTLS and QUIC packets stand by
//! themselves.

pub mod dtls;
pub mod keylog;
pub mod quic;
pub mod tls;
