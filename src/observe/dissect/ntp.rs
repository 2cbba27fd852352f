//! NTP over UDP (RFC 5905 §7.3, RFC 4330): recognised, so that the protocol is named, and read as a clock. Nothing in it names
//! anybody.
//!
//! Its form is loose, so it is taken on its own port alone. Whether a time server belongs to the phone's system is decided by its name and
//! address, never by the protocol.
//!
//! The transmit timestamp of an answer is compared with the capture's clock, if the capture shows the request that it answers and
//! the server says that it knows the time. The way of the answer, which makes it older, is not taken off.

use super::wire::{Fit, Reader};
use super::{Protocol, Session, Sink, Step};
use crate::evidence::flow::Opening;
use crate::evidence::ledger::Ends;
use crate::evidence::ledger::clocks::ClockKind;
use crate::ground::moment::Timestamp;
use crate::observe::flow::{Carries, PayloadKind};

pub(super) const NTP: Protocol = Protocol {
    id: "ntp",
    fit,
    names: false,
    until: None,
    payload: PayloadKind::Clock,
    open: || Box::new(Ntp::default()),
};

const PORT: u16 = 123;
/// Bytes without extension fields and authentication.
const LEN_MIN: usize = 48;
/// Stratum beyond which values are reserved.
const STRATUM_MAX: u8 = 16;
/// Modes: symmetric 1 and 2, client 3, server 4, broadcast 5.
const CLIENT: u8 = 3;
const SERVER: u8 = 4;
/// Leap indicator of a clock that is not synchronised.
const ALARM: u8 = 3;
/// Strata of a clock that is: 0 is a refusal (RFC 5905 §7.4), 16 says that it is not.
const SYNCHRONISED: std::ops::RangeInclusive<u8> = 1..=15;
/// Seconds from the start of NTP's era 0 (1900) to 1970.
const UNIX: i64 = 2_208_988_800;

/// The mode of a message.
fn mode(bytes: &[u8]) -> Option<u8> {
    let mut reader = Reader::new(bytes);
    let (first, stratum) = (reader.u8()?, reader.u8()?);
    let (version, mode) = (first >> 3 & 7, first & 7);
    let sound = (1..=4).contains(&version)
        && (1..=5).contains(&mode)
        && stratum <= STRATUM_MAX
        && bytes.len() >= LEN_MIN
        && bytes.len().is_multiple_of(4);
    sound.then_some(mode)
}

fn fit(bytes: &[u8], ends: &Ends) -> Fit {
    if [ends.sender.1, ends.receiver.1].contains(&PORT) && mode(bytes).is_some() {
        Fit::Mine
    } else {
        Fit::NotMine
    }
}

/// Fields from the origin timestamp on.
const ORIGIN: usize = 24;
const TRANSMIT: usize = 40;

/// A timestamp: seconds of an era, and their fraction in 1/2^32.
fn timestamp(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_be_bytes(*bytes.get(at..)?.first_chunk()?))
}

/// True if the server knows the time.
fn is_synchronised(bytes: &[u8]) -> bool {
    matches!(bytes, [first, stratum, ..] if first >> 6 != ALARM && SYNCHRONISED.contains(stratum))
}

/// How many nanoseconds a timestamp is ahead of a time. Its era is the one in which they are nearest (RFC 5905 §6): right as long
/// as they are less than 68 years apart.
fn ahead(timestamp: u64, of: Timestamp) -> Option<i64> {
    let nanos = of.nanos()?;
    let here = nanos.div_euclid(Timestamp::SECOND).saturating_add(UNIX);
    // Modulo 2^32 by intention, for both.
    let seconds = ((timestamp >> 32) as u32).wrapping_sub(here as u32) as i32;
    let fraction =
        (u128::from(timestamp as u32) * u128::from(Timestamp::SECOND.unsigned_abs())) >> 32;
    let whole = i64::from(seconds).checked_mul(Timestamp::SECOND)?;
    whole
        .checked_add(i64::try_from(fraction).ok()?)?
        .checked_sub(nanos.rem_euclid(Timestamp::SECOND))
}

#[derive(Default)]
struct Ntp {
    /// Transmit timestamp of the request that waits for its answer.
    asked: Option<u64>,
}

impl Ntp {
    /// An answer repeats what the request said, and is one to it once.
    fn answer(&mut self, bytes: &[u8], sink: &mut Sink<'_>) {
        let asked = self.asked.take();
        if asked.is_none() || asked != timestamp(bytes, ORIGIN) || !is_synchronised(bytes) {
            return;
        }
        let said = timestamp(bytes, TRANSMIT).filter(|said| *said != 0);
        if let Some(ahead) = said.and_then(|said| ahead(said, sink.at.time)) {
            let (server, at) = (sink.ends.sender.0, sink.at);
            let clocks = &mut sink.ledger.clocks;
            clocks.said(ClockKind::Ntp, server, ahead, at);
        }
    }
}

impl Session for Ntp {
    fn read(&mut self, bytes: &[u8], sink: &mut Sink<'_>) -> Step {
        sink.carries(Carries::Application);
        match mode(bytes) {
            Some(CLIENT) => {
                sink.client_speaks();
                self.asked = timestamp(bytes, TRANSMIT);
            }
            Some(SERVER) => {
                let asker = sink.side().other();
                sink.flow.opened(asker, Opening::Request);
                self.answer(bytes, sink);
            }
            _ => {}
        }
        Step::Consumed(bytes.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::dissect::conversation::Conversation;

    #[test]
    fn a_request_on_its_port() {
        let mut request = [0; 48];
        request[0] = 0x23;
        let told = |server: &str, bytes: &[u8]| {
            let mut talk = Conversation::udp(server);
            talk.say(bytes);
            (talk.protocol(), talk.opened_by_client())
        };
        assert_eq!(told("192.0.2.1:123", &request), (Some("ntp"), true));
        assert_eq!(told("192.0.2.1:1123", &request).0, None);
        assert_eq!(told("192.0.2.1:123", &request[..44]).0, None);
        request[0] = 0x26;
        assert_eq!(told("192.0.2.1:123", &request).0, None, "a control message");
        request[0] = 0x24;
        let mut answer = Conversation::udp("192.0.2.1:123");
        answer.hear(request);
        assert!(answer.opened_by_client());
    }

    /// What the client and the server say at `at`, the server's clock at `said`.
    fn told(first: u8, stratum: u8, origin: u64, said: u64, at: i128) -> Option<i64> {
        let mut talk = Conversation::udp("192.0.2.1:123");
        let (mut request, mut answer) = ([0; 48], [0; 48]);
        request[0] = 0x23;
        request[40..].copy_from_slice(&7u64.to_be_bytes());
        answer[..2].copy_from_slice(&[first, stratum]);
        answer[24..32].copy_from_slice(&origin.to_be_bytes());
        answer[40..].copy_from_slice(&said.to_be_bytes());
        talk.at(Timestamp::from_nanos(at)).say(request).hear(answer);
        // It is an answer once.
        talk.hear(answer);
        let told: Vec<_> = talk.ledger.clocks.iter().collect();
        assert!(
            told.iter()
                .all(|(_, ip, o)| ip.to_string() == "192.0.2.1" && o.count == 1)
        );
        told.first().map(|(_, _, offsets)| offsets.least)
    }

    #[test]
    fn an_answer_of_a_clock_that_knows_the_time_is_compared() {
        const SECOND: i128 = 1_000_000_000;
        // 2025-03-01T10:00:00Z, and half a second behind it.
        let (unix, ntp) = (1_740_823_200i128, 3_949_812_000u64 << 32 | 1 << 31);
        let at = unix * SECOND;
        assert_eq!(told(0x24, 2, 7, ntp, at), Some(500_000_000));
        assert_eq!(
            told(0x24, 2, 7, ntp, at + 3600 * SECOND),
            Some(-3_599_500_000_000)
        );
        // A capture whose clock was never set.
        assert_eq!(told(0x24, 2, 7, ntp, 0), Some(1_740_823_200_500_000_000));
        // Era 1 begins 2036-02-07T06:28:16Z.
        let turn = 2_085_978_496 * SECOND;
        assert_eq!(
            told(0x24, 2, 7, 3 << 32, turn - SECOND),
            Some(4_000_000_000)
        );
        assert_eq!(
            told(0x24, 2, 7, u64::from(u32::MAX) << 32, turn),
            Some(-1_000_000_000)
        );
        for (first, stratum, origin, said) in [
            (0xe4, 2, 7, ntp),
            (0x24, 0, 7, ntp),
            (0x24, 16, 7, ntp),
            (0x24, 2, 8, ntp),
            (0x24, 2, 7, 0),
            (0x25, 2, 7, ntp),
        ] {
            assert_eq!(
                told(first, stratum, origin, said, at),
                None,
                "{first:x} {stratum} {origin}"
            );
        }
        assert_eq!(told(0x24, 2, 7, ntp, i128::MAX), None, "no time");
    }
}
