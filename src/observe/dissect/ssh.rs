//! SSH (RFC 4253): the session is recognised, and its key exchange in clear is told from what comes after it.
//!
//! All of it is application payload (contract, "Stages"). Identification (§4.2) and key exchange (§7) say nothing of people, so they count as
//! read; behind NEWKEYS everything is sealed: what was sent, and whether other connections were forwarded, it cannot say.

use super::tunnel_shape::{StreamOpening, recognise_tcp};
use super::wire::Fit;
use super::{Protocol, Session, Sink, Step};
use crate::evidence::flow::Pair;
use crate::evidence::seal::Seal;
use crate::observe::flow::{Carries, PayloadKind};

pub(super) const SSH: Protocol = Protocol {
    id: "ssh",
    fit: |bytes, ends| match recognise_tcp(bytes, ends.sender.1, ends.receiver.1) {
        Some(StreamOpening::Ssh) => Fit::Mine,
        _ => Fit::NotMine,
    },
    names: false,
    until: None,
    payload: PayloadKind::Opening,
    open: || Box::new(Ssh::default()),
};

/// Longest identification line, its end included.
const LINE_MAX: usize = 255;
/// Longest packet that programs must take (§6.1).
const PACKET_MAX: usize = 35_000;
/// Bytes of key exchange of one side that are taken for one: two proposals of 2 kB and post-quantum keys of 1 kB fit ten times.
const EXCHANGE_MAX: usize = 32 << 10;
/// Bytes of it that are no packet by their form.
const ODD_MAX: usize = 1 << 10;
/// Message numbers (§12): transport and key exchange; and the one behind which everything is sealed.
const NEW_KEYS: u8 = 21;

#[derive(Default)]
struct Ssh {
    sides: Pair<Side>,
}

#[derive(Default)]
struct Side {
    greeted: bool,
    /// Something came behind its line.
    goes_on: bool,
    /// Bytes in clear so far.
    clear: usize,
    /// Those of them that no packet holds.
    odd: usize,
}

impl Side {
    /// What comes next may be of SSH: its line (RFC 4253 §4.2), and behind it a packet whose length has no more than three bytes (§6.1). One
    /// side's line makes nothing else of what the other says; a server that greets with other lines first is recognised behind them.
    fn may_be(&self, bytes: &[u8]) -> bool {
        const LINE: &[u8] = b"SSH-";
        let common = LINE.len().min(bytes.len());
        match self.greeted {
            false => bytes.get(..common) == LINE.get(..common),
            true => self.goes_on || bytes.first() == Some(&0),
        }
    }
}

impl Session for Ssh {
    fn read(&mut self, bytes: &[u8], sink: &mut Sink<'_>) -> Step {
        sink.carries(Carries::Application);
        let side = sink.side();
        let state = self.sides.of_mut(side);
        if !state.may_be(bytes) {
            return Step::Handover(0);
        }
        let step = if state.greeted {
            state.goes_on = true;
            packet(bytes)
        } else {
            line(bytes)
        };
        let clear = match step {
            Clear::More => state.clear.saturating_add(bytes.len()) <= EXCHANGE_MAX,
            Clear::Whole { length, last: _ } => {
                state.clear = state.clear.saturating_add(length);
                state.greeted = true;
                state.clear <= EXCHANGE_MAX
            }
            // Nothing is sealed before new keys are agreed on: a message of a method that is not known, or one whose start was lost.
            Clear::Sealed if state.greeted && state.odd.saturating_add(bytes.len()) <= ODD_MAX => {
                state.odd = state.odd.saturating_add(bytes.len());
                *sink.flow.understood.of_mut(side) = true;
                return Step::Consumed(bytes.len());
            }
            Clear::Sealed => false,
        };
        *sink.flow.understood.of_mut(side) = clear;
        match step {
            _ if !clear => {
                sink.rest_sealed(Seal::NoKey);
                Step::DoneHere
            }
            Clear::More => Step::More,
            Clear::Whole { length, last } if last => {
                // What stands behind it in this segment is sealed already.
                *sink.flow.understood.of_mut(side) = bytes.len() == length;
                self.sealed_next(side);
                Step::Consumed(length)
            }
            Clear::Whole { length, .. } => Step::Consumed(length),
            Clear::Sealed => {
                sink.rest_sealed(Seal::NoKey);
                Step::DoneHere
            }
        }
    }
}

impl Ssh {
    /// Nothing more of this side is in clear.
    fn sealed_next(&mut self, side: crate::evidence::flow::Side) {
        let state = self.sides.of_mut(side);
        (state.clear, state.odd) = (EXCHANGE_MAX, ODD_MAX);
    }
}

/// What stands next in clear.
#[derive(Clone, Copy)]
enum Clear {
    More,
    Whole { length: usize, last: bool },
    Sealed,
}

fn line(bytes: &[u8]) -> Clear {
    match bytes.iter().take(LINE_MAX).position(|b| *b == b'\n') {
        Some(at) => Clear::Whole {
            length: at + 1,
            last: false,
        },
        None if bytes.len() < LINE_MAX => Clear::More,
        None => Clear::Sealed,
    }
}

/// A packet in clear (§6): its length, that of the padding, and a message number.
fn packet(bytes: &[u8]) -> Clear {
    let Some(length) = bytes.first_chunk::<4>() else {
        return Clear::More;
    };
    let length = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
    if !(2..=PACKET_MAX).contains(&length) {
        return Clear::Sealed;
    }
    let message = bytes.get(5).copied();
    if message.is_some_and(|m| !matches!(m, 1..=4 | 7 | 20..=49)) {
        return Clear::Sealed;
    }
    match bytes.get(..4 + length) {
        Some(_) => Clear::Whole {
            length: 4 + length,
            last: message == Some(NEW_KEYS),
        },
        None => Clear::More,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::dissect::conversation::Conversation;

    fn message(kind: u8, size: usize) -> Vec<u8> {
        let length = u32::try_from(size + 2).unwrap_or_default().to_be_bytes();
        [&length[..], &[0, kind], &vec![kind; size]].concat()
    }

    #[test]
    fn key_exchange_is_understood_and_what_follows_is_not() {
        for server_first in [false, true] {
            let mut talk = Conversation::tcp("192.0.2.7:22");
            let banner = b"SSH-2.0-OpenSSH_9.6\r\n";
            if server_first {
                talk.hear(banner).say(banner);
            } else {
                talk.say(banner).hear(banner);
            }
            let client = talk.client();
            let now = |talk: &mut Conversation| {
                let flow = talk.flow();
                (*flow.carries.of(client), *flow.understood.of(client))
            };
            assert_eq!(now(&mut talk), (Carries::Application, true));
            let exchange = [message(20, 1400), message(30, 32)].concat();
            talk.say_in_pieces(&exchange, 700);
            assert_eq!(now(&mut talk), (Carries::Application, true));
            talk.say(message(NEW_KEYS, 10));
            assert_eq!(now(&mut talk), (Carries::Application, true));
            talk.say([0x5a; 100]);
            assert_eq!(now(&mut talk), (Carries::Application, false));
            talk.say(message(20, 100));
            assert_eq!(now(&mut talk), (Carries::Application, false));
        }
    }

    #[test]
    fn a_line_of_one_side_hides_nothing_that_the_other_says() {
        let connect = b"CONNECT far.example:443 HTTP/1.1\r\n\r\n";
        let banner = b"SSH-2.0-x\r\n";
        let mut heard = Conversation::tcp("192.168.2.60:9000");
        heard.hear(banner).say(connect);
        let mut both = Conversation::tcp("192.168.2.60:9000");
        both.hear(banner).say(banner).say(connect);
        let mut own = Conversation::tcp("192.168.2.60:9000");
        own.say([&banner[..], connect].concat());
        for talk in [&mut heard, &mut both, &mut own] {
            assert_eq!((talk.names().len(), talk.gaps()), (1, vec![]));
        }
    }

    #[test]
    fn an_endless_exchange_is_none() {
        let mut talk = Conversation::tcp("192.0.2.7:22");
        talk.say(b"SSH-2.0-x\r\n");
        for _ in 0..40 {
            talk.say(message(20, 1000));
        }
        let client = talk.client();
        assert!(!*talk.flow().understood.of(client));
    }
}
