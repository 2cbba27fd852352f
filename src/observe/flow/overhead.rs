//! How much of a flow may be the business of its security protocol before it is payload (contract, "Stages").
//!
//! Handshakes, alerts and the like are no application payload. Nothing but good manners keeps a program from writing data into
//! them: a record says itself what it is. What goes beyond what the protocols can need is payload, whatever it calls itself. The
//! bounds hold for one direction of one flow, and are far above what honest programs send. What stays below them is summed per far end
//! when destinations are judged: forty flows to one address need no more than their far end answers.

/// Handshake messages of a client: two hellos of 2 kB, each with post-quantum key shares and a session ticket, and a certificate chain of its own.
const CLIENT_HANDSHAKE_MAX: u64 = 24 << 10;

/// Those of a server: certificate chains take 3 to 16 kB, with post-quantum signatures twice that, and DTLS sends lost flights anew.
const SERVER_HANDSHAKE_MAX: u64 = 64 << 10;

/// Initial packets of QUIC hold hellos of 2 kB, sent anew while nobody answers: twice each for about ten waits that double. Their padding
/// does not count.
const INITIAL_MAX: u64 = 48 << 10;

/// An Initial packet whose keys are not known: a capture that begins in a handshake may hold its last one.
const SEALED_MAX: u64 = 1_500;

/// How often such bytes count among those of a far end: captures begin in few handshakes.
const SEALED_WEIGHT: u64 = 8;

/// Alerts, changes of cipher and heartbeats: a heartbeat of 61 bytes every ten seconds for three quarters of an hour.
const CONTROL_MAX: u64 = 16 << 10;

/// Bytes of STUN attributes that no attribute of the registry needs: vendors add a few dozen to some messages.
const ODD_ATTRIBUTES_MAX: u64 = 4 << 10;

/// Options of IP headers beyond padding, router alerts and jumbo lengths: a route or a time stamp in a few packets. Hardly any network
/// lets more of them through (RFC 7126).
const OPTIONS_MAX: u64 = 256;

/// What bytes are that are no application payload by what they say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overhead {
    /// Handshake of a security protocol.
    Handshake,
    /// Initial packets of QUIC.
    Initial,
    /// Initial packets that no keys open.
    Sealed,
    /// Alert, change of cipher, heartbeat.
    Control,
    /// STUN attributes of no known use, or longer than theirs.
    OddAttribute,
    /// Options of IP headers.
    Options,
}

/// Bytes of one direction, by kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OverheadBytes {
    handshake: u64,
    initial: u64,
    sealed: u64,
    control: u64,
    odd: u64,
    options: u64,
}

impl OverheadBytes {
    /// No bytes of any kind.
    pub const NOTHING: Self = Self {
        handshake: 0,
        initial: 0,
        sealed: 0,
        control: 0,
        odd: 0,
        options: 0,
    };

    /// What bytes within the bounds count for when those of a far end are summed.
    pub fn weight(kind: Overhead, bytes: u64) -> u64 {
        match kind {
            Overhead::Sealed => bytes.saturating_mul(SEALED_WEIGHT),
            _ => bytes,
        }
    }

    /// Adds bytes; how many of them go beyond what there can be. `client` is the side that opened the flow, if that is known.
    pub fn add(&mut self, kind: Overhead, bytes: u64, client: bool) -> u64 {
        let (sum, most) = match kind {
            Overhead::Handshake if client => (&mut self.handshake, CLIENT_HANDSHAKE_MAX),
            Overhead::Handshake => (&mut self.handshake, SERVER_HANDSHAKE_MAX),
            Overhead::Initial => (&mut self.initial, INITIAL_MAX),
            Overhead::Sealed => (&mut self.sealed, SEALED_MAX),
            Overhead::Control => (&mut self.control, CONTROL_MAX),
            Overhead::OddAttribute => (&mut self.odd, ODD_ATTRIBUTES_MAX),
            Overhead::Options => (&mut self.options, OPTIONS_MAX),
        };
        let before = *sum;
        *sum = before.saturating_add(bytes);
        sum.saturating_sub(most).min(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_beyond_a_bound_is_counted_once() {
        let mut of = OverheadBytes::default();
        assert_eq!(of.add(Overhead::Handshake, CLIENT_HANDSHAKE_MAX, true), 0);
        assert_eq!(of.add(Overhead::Handshake, 7, true), 7);
        assert_eq!(
            of.add(Overhead::Control, CONTROL_MAX + 5, true),
            5,
            "kinds are apart"
        );
        assert_eq!(
            of.add(Overhead::Control, u64::MAX, true),
            u64::MAX - CONTROL_MAX
        );
        let mut server = OverheadBytes::default();
        assert_eq!(
            server.add(Overhead::Handshake, SERVER_HANDSHAKE_MAX, false),
            0
        );
    }
}
