//! WebSocket behind an upgrade of HTTP/1 (RFC 6455 §5.2): the client's frames, for those who look into payloads.
//!
//! It begins with no sign of its own: it is what follows the upgrade if nobody else claims it. It names nobody, and stays the connection of
//! the request before. Frames of the client are masked and say where each message begins and ends; what a message says is not read here, and
//! neither is what the server sends.

use super::drone_link;
use super::wire::{Fit, Reader};
use super::{Protocol, Session, Sink, Step};
use crate::evidence::flow::Side;
use crate::observe::flow::part::{Masked, Part};
use crate::observe::flow::{Carries, PayloadKind};

/// What an upgrade calls it (RFC 6455 §11.2).
pub(super) const TOKEN: &str = "websocket";

pub(super) const WEBSOCKET: Protocol = Protocol {
    id: TOKEN,
    fit: |bytes, _| match frame(bytes) {
        Frame::NeedMore => Fit::NeedMore,
        Frame::Strange => Fit::NotMine,
        Frame::Header { .. } => Fit::Mine,
    },
    names: false,
    until: None,
    payload: PayloadKind::Clear,
    open: || Box::new(WebSocket::default()),
};

#[derive(Debug, PartialEq, Eq)]
enum Frame {
    NeedMore,
    /// No frame of a client.
    Strange,
    /// Bytes of the header and of the payload, and what that is.
    Header {
        header: usize,
        length: u64,
        masked: Masked,
    },
}

fn frame(bytes: &[u8]) -> Frame {
    let mut reader = Reader::new(bytes);
    let Some([first, second]) = reader.array::<2>() else {
        return Frame::NeedMore;
    };
    let operation = first & 0x0f;
    // A client masks everything, and of three bits that are reserved two mean nothing (§5.2, RFC 7692 §6).
    if second & 0x80 == 0 || first & 0x30 != 0 || matches!(operation, 3..=7 | 11..=15) {
        return Frame::Strange;
    }
    let length = match second & 0x7f {
        126 => reader.u16().map(u64::from),
        127 => reader.array::<8>().map(u64::from_be_bytes),
        short => Some(u64::from(short)),
    };
    let Some((length, key)) = length.zip(reader.array::<4>()) else {
        return Frame::NeedMore;
    };
    let control = operation >= 8;
    let begins = (!control && operation != 0).then_some(first & 0x40 != 0);
    Frame::Header {
        header: reader.position(),
        length,
        masked: Masked {
            key,
            control,
            begins,
            ends: !control && first & 0x80 != 0,
        },
    }
}

#[derive(Default)]
struct WebSocket {
    client: Option<Side>,
}

impl Session for WebSocket {
    fn read(&mut self, bytes: &[u8], sink: &mut Sink<'_>) -> Step {
        sink.carries(Carries::Application);
        let side = sink.side();
        if *self.client.get_or_insert(side) != side {
            // A drone link shows itself in what nobody reads.
            drone_link::watch(bytes, sink);
            return Step::Consumed(bytes.len());
        }
        match frame(bytes) {
            Frame::NeedMore => Step::More,
            // A request, perhaps: the server did not agree.
            Frame::Strange => Step::Handover(0),
            Frame::Header {
                header,
                length,
                masked,
            } => {
                sink.part(header, Part::Marks);
                sink.parts.push((length, Part::Masked(masked)));
                Step::Skip((header as u64).saturating_add(length))
            }
        }
    }

    fn lost(&mut self, side: Side) -> bool {
        self.client != Some(side)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::dissect::conversation::Conversation;
    use crate::observe::dissect::wire::test_bytes::hex;

    #[test]
    fn frames_of_a_client_and_nothing_else() {
        let header = |text: &str| match frame(&hex(text)) {
            Frame::Header { header, length, .. } => Some((header, length)),
            _ => None,
        };
        // As in RFC 6455 §5.7.
        assert_eq!(header("8185 37fa213d 7f9f4d5158"), Some((6, 5)));
        assert_eq!(header("82fe 0100 37fa213d"), Some((8, 256)));
        assert_eq!(header("82ff 0000000000010000 37fa213d"), Some((14, 65_536)));
        for cut in ["", "81", "8185", "8185 37fa21", "82fe 01", "82ff 00"] {
            assert_eq!(frame(&hex(cut)), Frame::NeedMore, "{cut}");
        }
        for strange in ["8105 48656c6c6f", "9185", "8385", "4745"] {
            assert_eq!(frame(&hex(strange)), Frame::Strange, "{strange}");
        }
    }

    #[test]
    fn a_request_behind_an_upgrade_that_was_refused_is_found() {
        let mut talk = Conversation::tcp("45.33.92.2:80");
        talk.say("GET / HTTP/1.1\r\nHost: a.example\r\nUpgrade: websocket\r\n\r\n");
        talk.say(hex("8185 37fa213d 7f9f4d5158"));
        talk.say("GET / HTTP/1.1\r\nHost: b.example\r\n\r\n");
        assert_eq!(talk.names().len(), 2);
        assert_eq!((talk.protocol(), talk.gaps()), (Some("http"), vec![]));
    }
}
