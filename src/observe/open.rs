//! Opening TLS, DTLS and QUIC with secrets that the auditor holds.
//!
//! A key log is read once, before the captures ([`keylog`]). The stream layer knows connections, hellos and holes: it makes an opener
//! for each direction when both hellos were read, hands over whole records, packets or datagrams in order, and re-emits what comes out
//! with the frames of its record, through the door by which streams came in. What stays sealed has a reason, which is
//! the word of the row and of `payload-unread`.

pub mod dtls;
pub mod keylog;
pub mod quic;
pub mod tls;
