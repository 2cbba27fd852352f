//! What a client says in WebSocket frames (RFC 6455 §5.2), as its dissector frames them: unmasked, put together to messages, and those that
//! are compressed one by one (RFC 7692) opened.

use super::encoding::{Coding, DECODER_SIZE, Inflate, Stopped};
use super::held::{Credit, add};
use super::hits::Out;
use super::message::{Message, settle, sum};
use crate::evidence::content::TrafficPart;
use crate::observe::flow::part::Masked;

const PLACE: TrafficPart = TrafficPart::WebSocket;
/// Numbers of reasons to close (RFC 6455 §7.4.2).
const CODES: std::ops::RangeInclusive<u16> = 1000..=4999;
/// What a sender leaves out at the end of each compressed message (RFC 7692 §7.2.1).
const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];

/// The messages of one direction.
#[derive(Default)]
pub(super) struct WebSocket {
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

impl WebSocket {
    /// A frame begins.
    pub(super) fn begin(&mut self, frame: Masked) {
        if let Some(packed) = frame.begins {
            self.packed = packed;
            self.message = Some(Message::new(PLACE, Coding::Plain));
        }
    }

    /// Takes what it holds, from the byte `at` of its payload on.
    pub(super) fn payload(&mut self, frame: Masked, at: u64, bytes: &[u8], out: &mut Out<'_>) {
        let turn = usize::try_from(at % 4).unwrap_or(0);
        let mask = frame.key.iter().cycle().skip(turn);
        let clear: Vec<u8> = bytes.iter().zip(mask).map(|(b, mask)| b ^ mask).collect();
        if frame.control {
            // Pings carry up to 125 bytes of anything; a reason to close is text behind a number.
            let mut message = Message::new(PLACE, Coding::Plain);
            let first = clear.first_chunk().map(|code| u16::from_be_bytes(*code));
            let coded = at == 0 && first.is_some_and(|code| CODES.contains(&code));
            let (code, text) = clear
                .split_at_checked(if coded { size_of::<u16>() } else { 0 })
                .unwrap_or_default();
            out.read(code.len(), out.at, out.interval);
            message.push(text, out);
            message.end(out);
        } else if self.packed {
            add(&mut self.owed, out.at, out.interval, clear.len() as u64);
            self.open(&clear, out);
        } else if let Some(message) = &mut self.message {
            message.push(&clear, out);
        }
    }

    /// The frame is over, and with it perhaps the message.
    pub(super) fn over(&mut self, frame: Masked, out: &mut Out<'_>) {
        if frame.ends {
            if self.packed {
                self.open(&TAIL, out);
            }
            self.end(out);
        }
    }

    /// Nothing follows of the message at hand.
    pub(super) fn end(&mut self, out: &mut Out<'_>) {
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

    /// Memory held.
    pub(super) fn size(&self) -> usize {
        let decoder = match self.inflate {
            Some(_) => DECODER_SIZE,
            None => 0,
        };
        decoder.saturating_add(self.message.as_ref().map_or(0, Message::size))
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
            if let (true, Some(message)) = (inner.opened(piece.len()), &mut *message) {
                message.push(piece, &mut inner);
            }
        });
        if result == Err(Stopped::Grown) {
            inner.beyond();
        }
        self.stuck = result.is_err();
        self.read = self.read.saturating_add(sum(&credits));
    }
}
