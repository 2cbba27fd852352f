//! WebSocket behind an upgrade of HTTP/1 (RFC 6455 §5.2): the frames of both sides, and the client's for those who look into payloads.
//!
//! It begins with no sign of its own: it is what follows the upgrade as long as the client sends frames, and stays the connection of the request
//! before.
//! Frames say where each message begins and ends; those of the client are masked. What the first binary messages of a side hold is read as a
//! stream of its own: tunnels send requests to a relay and hellos in them. Text is people's and programs', and quotes requests; what a message
//! says else is not read here, and neither are compressed ones.

use super::drone_link;
use super::wire::Reader;
use super::{Inside, Session, Sink, Step};
use crate::evidence::flow::{Pair, Side};
use crate::observe::flow::Carries;
use crate::observe::flow::part::{Masked, Part};

/// What an upgrade calls it (RFC 6455 §11.2).
pub(super) const TOKEN: &str = "websocket";

/// A reader of what follows the upgrade that `client` asked for.
pub(super) fn open(client: Side) -> Box<dyn Session> {
    Box::new(WebSocket {
        client,
        inside: Pair::default(),
        other: Pair::default(),
        begun: false,
        lost: false,
    })
}

/// Bytes of a side's messages that are read as a stream: who is asked to pass something on is told so at once.
const INSIDE_MAX: usize = 64 << 10;
/// What a frame counts for beside its bytes: many short ones cost as much as few long ones.
const FRAME_COST: usize = 64;
/// The number of text messages (§5.2).
const TEXT: u8 = 1;
/// Longest frame that is waited for.
const FRAME_MAX: u64 = 16 << 10;

#[derive(Debug, PartialEq, Eq)]
enum Frame {
    NeedMore,
    /// No frame.
    Strange,
    /// Bytes of the header and of the payload, and what that is.
    Header {
        header: usize,
        length: u64,
        masked: Masked,
    },
}

/// The first frame. A client masks each of its own, a server none (§5.1); who breaks that is read all the same. The key of a frame that is not
/// masked changes no byte. The first of a client begins a message, and is not packed without a mask: other protocols begin like that.
fn frame(bytes: &[u8], begins: bool) -> Frame {
    let mut reader = Reader::new(bytes);
    let Some([first, second]) = reader.array::<2>() else {
        return Frame::NeedMore;
    };
    let operation = first & 0x0f;
    let control = operation >= 8;
    // Of three bits that are reserved two mean nothing (§5.2, RFC 7692 §6). What controls is short, and in one piece (§5.5).
    let is_control = first & 0xc0 == 0x80 && second & 0x7f <= 125;
    let is_opening = operation != 0 && (first & 0x40 == 0 || second & 0x80 != 0);
    if first & 0x30 != 0
        || matches!(operation, 3..=7 | 11..=15)
        || (control && !is_control)
        || (begins && !is_opening)
    {
        return Frame::Strange;
    }
    let length = match second & 0x7f {
        126 => reader.u16().map(u64::from),
        127 => reader.array::<8>().map(u64::from_be_bytes),
        short => Some(u64::from(short)),
    };
    let key = match second & 0x80 {
        0 => Some([0; 4]),
        _ => reader.array::<4>(),
    };
    let Some((length, key)) = length.zip(key) else {
        return Frame::NeedMore;
    };
    let start = (!control && operation != 0).then_some(first & 0x40 != 0);
    Frame::Header {
        header: reader.position(),
        length,
        masked: Masked {
            key,
            control,
            begins: start,
            ends: !control && first & 0x80 != 0,
        },
    }
}

/// The payload without its mask (§5.3).
fn unmasked(payload: &[u8], key: [u8; 4]) -> Vec<u8> {
    let mask = key.iter().cycle();
    payload.iter().zip(mask).map(|(byte, m)| byte ^ m).collect()
}

struct WebSocket {
    client: Side,
    /// Bytes of messages of each side that were read as a stream.
    inside: Pair<usize>,
    /// The message at hand of each side is text, or compressed.
    other: Pair<bool>,
    /// A frame of the client was read.
    begun: bool,
    /// Where the frames of the server begin is not known any more.
    lost: bool,
}

impl Session for WebSocket {
    fn read(&mut self, bytes: &[u8], sink: &mut Sink<'_>) -> Step {
        sink.carries(Carries::Application);
        let side = sink.side();
        let client = self.client == side;
        if !client {
            // A drone link shows itself in what nobody reads.
            drone_link::watch(bytes, sink);
            if self.lost {
                return Step::Consumed(bytes.len());
            }
        }
        match frame(bytes, client && !self.begun) {
            Frame::NeedMore => Step::More,
            // A request, perhaps: the server did not agree.
            Frame::Strange if client => Step::Handover(0),
            Frame::Strange => {
                self.lost = true;
                Step::Consumed(bytes.len())
            }
            Frame::Header {
                header,
                length,
                masked,
            } => {
                self.begun |= client;
                let total = (header as u64).saturating_add(length);
                let (other, inside) = (self.other.of_mut(side), self.inside.of_mut(side));
                if let Some(packed) = masked.begins {
                    let text = bytes.first().is_some_and(|first| first & 0x0f == TEXT);
                    *other = packed || text;
                }
                let looks = !masked.control && !*other && length <= FRAME_MAX;
                if looks && *inside < INSIDE_MAX {
                    let whole = usize::try_from(total)
                        .ok()
                        .and_then(|end| bytes.get(header..end));
                    let Some(payload) = whole else {
                        return Step::More;
                    };
                    let taken = payload.len().saturating_add(FRAME_COST);
                    *inside = inside.saturating_add(taken);
                    sink.inside = Some(Inside {
                        length: payload.len(),
                        front: 0,
                        bytes: unmasked(payload, masked.key),
                        torn: false,
                        clear: true,
                    });
                }
                if client {
                    sink.part(header, Part::Marks);
                    sink.parts.push((length, Part::Masked(masked)));
                }
                Step::Skip(total)
            }
        }
    }

    fn lost(&mut self, side: Side) -> bool {
        self.lost = true;
        self.client != side
    }

    fn end(&mut self, bytes: &[u8], sink: &mut Sink<'_>) {
        // A frame whose end was waited for: what is here of it is looked at.
        if self.client == sink.side()
            && let Frame::Header {
                header,
                length,
                masked,
            } = frame(bytes, !self.begun)
        {
            sink.part(header, Part::Marks);
            sink.parts.push((length, Part::Masked(masked)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::dissect::conversation::Conversation;
    use crate::observe::dissect::wire::test_bytes::hex;

    #[test]
    fn frames_and_nothing_else() {
        let header = |text: &str| match frame(&hex(text), true) {
            Frame::Header { header, length, .. } => Some((header, length)),
            _ => None,
        };
        // As in RFC 6455 §5.7.
        assert_eq!(header("8185 37fa213d 7f9f4d5158"), Some((6, 5)));
        assert_eq!(header("8105 48656c6c6f"), Some((2, 5)));
        assert_eq!(header("82fe 0100 37fa213d"), Some((8, 256)));
        assert_eq!(header("82ff 0000000000010000 37fa213d"), Some((14, 65_536)));
        for cut in ["", "81", "8185", "8185 37fa21", "82fe 01", "82ff 00"] {
            assert_eq!(frame(&hex(cut), true), Frame::NeedMore, "{cut}");
        }
        for strange in [
            "9185", "8385", "4745", "4845", "0985", "89fe", "0005", "4155",
        ] {
            assert_eq!(frame(&hex(strange), true), Frame::Strange, "{strange}");
        }
    }

    #[test]
    fn of_a_frame_that_breaks_off_what_is_here_is_labelled() {
        let mut talk = Conversation::tcp("192.168.2.60:80");
        let whole = framed(0x82, b"lat=48.13712&lon=11.57540");
        let masked = |parts: &[(u64, Part)]| {
            let is = |(_, part): &&(u64, Part)| matches!(part, Part::Masked(_));
            parts.iter().filter(is).count()
        };
        talk.as_client(|sink| {
            let mut session = open(sink.side());
            let cut = &whole[..20];
            assert_eq!(session.read(cut, sink), Step::More);
            assert_eq!(masked(&sink.parts), 0);
            session.end(cut, sink);
            assert_eq!(masked(&std::mem::take(&mut sink.parts)), 1);
            assert_eq!(session.read(&whole, sink), Step::Skip(whole.len() as u64));
            assert_eq!(masked(&sink.parts), 1);
        });
    }

    /// A frame of a client.
    fn framed(first: u8, payload: &[u8]) -> Vec<u8> {
        let key = [1, 2, 3, 4];
        let length = u8::try_from(payload.len()).unwrap();
        [&[first, 0x80 | length][..], &key, &unmasked(payload, key)].concat()
    }

    #[test]
    fn what_messages_hold_is_read_as_a_stream() {
        let open = || {
            let mut talk = Conversation::tcp("192.168.2.60:80");
            talk.say("GET /t HTTP/1.1\r\nHost: camera.lan\r\nUpgrade: websocket\r\n\r\n");
            talk.hear("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n");
            talk
        };
        let (front, back) = (b"CONNECT far.exa", b"mple:443 HTTP/1.1\r\n\r\n");
        let names = |frames: &[Vec<u8>]| {
            let mut talk = open();
            frames.iter().for_each(|frame| {
                talk.say(frame);
            });
            talk.names()
                .into_iter()
                .map(|(name, _)| name)
                .skip(1)
                .collect::<Vec<_>>()
        };
        assert_eq!(
            names(&[framed(0x02, front), framed(0x80, back)]),
            ["far.example"]
        );
        let whole = [&front[..], back].concat();
        assert_eq!(
            names(&[framed(0x81, b"hi"), framed(0x82, &whole)]),
            ["far.example"]
        );
        // Text may quote anything.
        assert_eq!(names(&[framed(0x81, &whole)]), [""; 0]);
        // One that is not masked as it ought to be.
        let bare = [&[0x82, whole.len() as u8][..], &whole].concat();
        assert!(whole.len() <= 125);
        assert_eq!(names(&[bare]), ["far.example"]);
        // A ping, and a compressed message.
        assert_eq!(names(&[framed(0x89, &whole)]), [""; 0]);
        assert_eq!(names(&[framed(0xc2, &whole)]), [""; 0]);
    }

    #[test]
    fn what_the_server_says_is_read_too_and_are_its_words() {
        let message = b"CONNECT far.example:443 HTTP/1.1\r\n\r\n";
        let frame = [&[0x82, message.len() as u8][..], message].concat();
        let said = |frames: &[&[u8]], lost: bool| {
            let mut talk = Conversation::tcp("192.168.2.60:80");
            talk.say("GET / HTTP/1.1\r\nHost: 192.168.2.60\r\nUpgrade: websocket\r\n\r\n");
            talk.hear("HTTP/1.1 101 Switching Protocols\r\n\r\n");
            talk.say(framed(0x81, b"hello"));
            for frame in frames {
                talk.hear(frame);
            }
            if lost {
                // No frame: the rest of its side is not followed.
                talk.hear(b"\xff\xff").hear(&frame);
            }
            assert_eq!(talk.names().len(), 1);
            talk.names_back()
                .into_iter()
                .map(|(name, _)| name)
                .collect::<Vec<_>>()
        };
        assert_eq!(said(&[&frame], false), ["far.example"]);
        // Before the client says anything, and after its first byte.
        for begins in [&b""[..], b"\x81"] {
            let mut talk = Conversation::tcp("192.168.2.60:80");
            talk.say("GET / HTTP/1.1\r\nHost: 192.168.2.60\r\nUpgrade: websocket\r\n\r\n");
            talk.hear("HTTP/1.1 101 Switching Protocols\r\n\r\n");
            talk.say(begins).hear(&frame);
            assert_eq!(talk.names_back().len(), 1);
        }
        assert_eq!(said(&[&frame[..9], &frame[9..]], false), ["far.example"]);
        assert_eq!(said(&[b"\x81\x02{}", &frame], false), ["far.example"]);
        assert_eq!(said(&[b"\x81\x02{}"], true), [""; 0]);
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
