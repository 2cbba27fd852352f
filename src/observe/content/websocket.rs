//! WebSocket frames of the client (RFC 6455 §5.2), unmasked; messages that are compressed one by one (RFC 7692) are opened.

use super::encoding::{Coding, DECODER_SIZE, Inflate};
use super::held::{Credit, add};
use super::hits::Out;
use super::message::{Message, settle, sum};
use super::watch::{Reader, Then};

const PLACE: &str = "websocket";
/// First two bytes, eight of length, four of mask.
const HEADER_MAX: usize = 14;
/// What a sender leaves out at the end of each compressed message (RFC 7692 §7.2.1).
const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];

#[derive(Default)]
pub(super) struct WebSocket {
    header: Vec<u8>,
    frame: Option<Frame>,
    message: Option<Message>,
    /// The message at hand is compressed.
    packed: bool,
    /// Lives as long as the connection: messages refer to earlier ones (RFC 7692 §7.1.1).
    inflate: Option<Inflate>,
    /// Nothing more can be opened.
    stuck: bool,
    owed: Vec<Credit>,
    read: u64,
    total: u64,
}

#[derive(Clone, Copy)]
struct Frame {
    last: bool,
    control: bool,
    left: u64,
    mask: [u8; 4],
    /// Bytes unmasked so far.
    at: usize,
}

impl Reader for WebSocket {
    fn read(&mut self, bytes: &[u8], out: &mut Out<'_>) -> Then {
        let mut used = 0usize;
        while let Some(&next) = bytes.get(used) {
            if let Some(mut frame) = self.frame.take() {
                let left = usize::try_from(frame.left).unwrap_or(usize::MAX);
                let rest = bytes.get(used..).unwrap_or_default();
                let piece = rest.get(..left.min(rest.len())).unwrap_or(rest);
                let clear: Vec<u8> = piece
                    .iter()
                    .zip(frame.mask.iter().cycle().skip(frame.at % 4))
                    .map(|(byte, mask)| byte ^ mask)
                    .collect();
                self.payload(frame.control, &clear, out);
                frame.at = frame.at.wrapping_add(piece.len());
                frame.left = frame.left.saturating_sub(piece.len() as u64);
                used = used.saturating_add(piece.len());
                if frame.left > 0 {
                    self.frame = Some(frame);
                } else {
                    self.over(frame, out);
                }
                continue;
            }
            self.header.push(next);
            used = used.saturating_add(1);
            out.read(1, out.at, out.interval);
            match self.begin() {
                Begun::NeedMore => {}
                Begun::Frame(frame) if frame.left == 0 => self.over(frame, out),
                Begun::Frame(frame) => self.frame = Some(frame),
                Begun::Strange => return Then::Sniff(used),
            }
        }
        Then::Stay
    }

    fn end(&mut self, out: &mut Out<'_>) {
        self.finish(out);
        *self = Self::default();
    }

    fn size(&self) -> usize {
        let decoder = if self.inflate.is_some() {
            DECODER_SIZE
        } else {
            0
        };
        decoder.saturating_add(self.message.as_ref().map_or(0, Message::size))
    }
}

enum Begun {
    NeedMore,
    Frame(Frame),
    Strange,
}

impl WebSocket {
    fn begin(&mut self) -> Begun {
        let header = self.header.as_slice();
        let &[first, second, ref rest @ ..] = header else {
            return Begun::NeedMore;
        };
        let opcode = first & 0x0f;
        // A client masks everything, and the two other reserved bits mean nothing.
        if second & 0x80 == 0 || first & 0x30 != 0 || matches!(opcode, 3..=7 | 11..=15) {
            return Begun::Strange;
        }
        let (left, rest) = match second & 0x7f {
            126 => match rest.split_first_chunk::<2>() {
                Some((length, rest)) => (u64::from(u16::from_be_bytes(*length)), rest),
                None => return Begun::NeedMore,
            },
            127 => match rest.split_first_chunk::<8>() {
                Some((length, rest)) => (u64::from_be_bytes(*length), rest),
                None => return Begun::NeedMore,
            },
            length => (u64::from(length), rest),
        };
        let Some(mask) = rest.first_chunk::<4>() else {
            return if header.len() < HEADER_MAX {
                Begun::NeedMore
            } else {
                Begun::Strange
            };
        };
        let mask = *mask;
        self.header.clear();
        let control = opcode >= 8;
        if !control && opcode != 0 {
            self.packed = first & 0x40 != 0;
            self.message = Some(Message::new(PLACE, Coding::Plain));
        }
        Begun::Frame(Frame {
            last: first & 0x80 != 0,
            control,
            left,
            mask,
            at: 0,
        })
    }

    fn payload(&mut self, control: bool, clear: &[u8], out: &mut Out<'_>) {
        if control {
            // Pings carry up to 125 bytes of anything; a reason to close is text.
            let mut message = Message::new(PLACE, Coding::Plain);
            message.push(clear, out);
            message.end(out);
        } else if self.packed {
            add(&mut self.owed, out.at, out.interval, clear.len() as u64);
            self.open(clear, out);
        } else if let Some(message) = &mut self.message {
            message.push(clear, out);
        }
    }

    fn open(&mut self, packed: &[u8], out: &mut Out<'_>) {
        if self.stuck {
            return;
        }
        let inflate = self
            .inflate
            .get_or_insert_with(|| Inflate::new(Coding::Raw));
        let mut credits = Vec::new();
        let mut inner = out.inner(&mut credits);
        let (message, total) = (&mut self.message, &mut self.total);
        let result = inflate.push(packed, &mut |piece| {
            *total = total.saturating_add(piece.len() as u64);
            inner.opened(piece.len());
            if let Some(message) = message {
                message.push(piece, &mut inner);
            }
        });
        self.stuck = result.is_err();
        self.read = self.read.saturating_add(sum(&credits));
    }

    /// A frame is over, and with it perhaps the message.
    fn over(&mut self, frame: Frame, out: &mut Out<'_>) {
        if frame.last && !frame.control {
            if self.packed {
                self.open(&TAIL, out);
            }
            self.finish(out);
        }
    }

    fn finish(&mut self, out: &mut Out<'_>) {
        let Some(mut message) = self.message.take() else {
            return;
        };
        if self.packed {
            let mut credits = Vec::new();
            message.end(&mut out.inner(&mut credits));
            let read = self.read.saturating_add(sum(&credits));
            settle(&mut self.owed, read, self.total, out);
            (self.read, self.total) = (0, 0);
        } else {
            message.end(out);
        }
    }
}
