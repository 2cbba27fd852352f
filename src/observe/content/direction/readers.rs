//! Who reads which part of a direction.

use super::STREAMS_MAX;
#[cfg(test)]
use super::told;
use crate::evidence::content::TrafficPart;
use crate::observe::content::encoding::Coding;
use crate::observe::content::held::{Held, add};
use crate::observe::content::hits::Out;
use crate::observe::content::labels;
use crate::observe::content::message::{Message, settle, sum};
use crate::observe::content::mqtt;
use crate::observe::content::plain::Plain;
use crate::observe::content::websocket::WebSocket;
use crate::observe::content::window::Window;
use crate::observe::flow::part::{Fields, Part, Place};
use std::collections::BTreeMap;

/// Who reads what.
#[derive(Default)]
pub(super) struct Readers {
    /// By itself, as most directions of many have none.
    pub(super) plain: Option<Box<Plain>>,
    bodies: BTreeMap<u32, Message>,
    socket: Option<Box<WebSocket>>,
    /// Bytes are missing of the body at hand: what is packed cannot be opened any more.
    pub(super) torn: bool,
    #[cfg(test)]
    id: told::Id,
}

impl Readers {
    pub(super) fn begin(&mut self, part: &Part) {
        if let Part::Masked(frame) = part {
            self.socket.get_or_insert_default().begin(*frame);
        }
    }

    pub(super) fn piece(&mut self, part: &Part, at: u64, bytes: &[u8], out: &mut Out<'_>) {
        match part {
            Part::Body {
                place,
                stream,
                coding,
                ..
            } => {
                #[cfg(test)]
                told::body(self.id, *place, *stream, bytes.len());
                let known = self.bodies.contains_key(stream);
                if known || self.bodies.len() < STREAMS_MAX {
                    let coding = if self.torn { Coding::Plain } else { *coding };
                    let new = || Message::new(word(*place), coding);
                    let body = self.bodies.entry(*stream).or_insert_with(new);
                    body.push(bytes, out);
                }
            }
            Part::Masked(frame) => {
                let socket = self.socket.get_or_insert_default();
                socket.payload(*frame, at, bytes, out);
            }
            Part::Marks => out.read(bytes.len(), out.at, out.interval),
            Part::Padding if bytes.iter().all(|byte| *byte == 0) => {
                out.read(bytes.len(), out.at, out.interval);
            }
            Part::Padding => {
                let mut message = Message::new(word(Place::HttpBody), Coding::Plain);
                message.push(bytes, out);
                message.end(out);
            }
            _ => {}
        }
    }

    pub(super) fn over(&mut self, part: &Part, out: &mut Out<'_>) {
        match part {
            Part::Body {
                stream, last: true, ..
            } => self.end_body(*stream, out),
            Part::Masked(frame) => {
                if let Some(socket) = &mut self.socket {
                    socket.over(*frame, out);
                }
            }
            _ => {}
        }
    }

    /// Takes what is looked at as a whole, `all` of it or some.
    pub(super) fn whole(&mut self, part: &Part, held: &Held, all: bool, out: &mut Out<'_>) {
        if !matches!(part, Part::Fields(_)) {
            self.end_framed(out);
        }
        let length = held.bytes.len();
        #[cfg(test)]
        told::head(self.id, part, &held.bytes, out.inside.is_some());
        match part {
            Part::Head if all => {
                self.torn = false;
                let line = memchr::memchr(b'\n', &held.bytes);
                let line = line.map_or(length, |at| at.saturating_add(1));
                look(TrafficPart::HttpUrl, held, 0, line, out);
                look(TrafficPart::HttpHeader, held, line, length, out);
            }
            Part::Login { header } if all => mqtt::look_at_login(*header, held, out),
            Part::Frame { header } if all => mqtt::look_at_frame(*header, held, out),
            Part::Lookup { header } if all => {
                let message = held.bytes.get(*header..).unwrap_or_default();
                labels::query(message, out);
                out.read(length, out.at, out.interval);
            }
            Part::Login { .. } | Part::Frame { .. } => mqtt::look_at_frame(0, held, out),
            Part::Fields(fields) => self.fields(fields, held, out),
            Part::Head | Part::Beginning => look(TrafficPart::HttpHeader, held, 0, length, out),
            _ => {}
        }
    }

    /// Looks at what a header block says.
    fn fields(&mut self, fields: &Fields, held: &Held, out: &mut Out<'_>) {
        let length = held.bytes.len();
        let marks = fields.marks.min(length);
        let mut owed = Vec::new();
        let said = length.saturating_sub(marks).saturating_sub(fields.unread);
        held.each(0, said, out, &mut |bytes, out| {
            add(&mut owed, out.at, out.interval, bytes.len() as u64);
        });
        out.read(marks, out.at, out.interval);
        let mut credits = Vec::new();
        // A byte of it may stand for a field of thousands.
        if out.opened(fields.text.len().saturating_sub(length)) {
            let mut window = Window::new(TrafficPart::HttpHeader);
            window.push(&fields.text, &mut out.inner(&mut credits));
            window.end(&mut out.inner(&mut credits));
        }
        settle(&mut owed, sum(&credits), fields.total, out);
        if fields.coding != Coding::Plain && self.bodies.len() < STREAMS_MAX {
            let body = Message::new(word(Place::HttpBody), fields.coding);
            self.bodies.insert(fields.stream, body);
        }
        if fields.last {
            self.end_body(fields.stream, out);
        }
    }

    fn end_body(&mut self, stream: u32, out: &mut Out<'_>) {
        if let Some(mut body) = self.bodies.remove(&stream) {
            body.end(out);
        }
    }

    pub(super) fn end_plain(&mut self, out: &mut Out<'_>) {
        if let Some(mut plain) = self.plain.take() {
            plain.end(out);
        }
    }

    pub(super) fn end_framed(&mut self, out: &mut Out<'_>) {
        while let Some((_, mut body)) = self.bodies.pop_first() {
            body.end(out);
        }
        if let Some(mut socket) = self.socket.take() {
            socket.end(out);
        }
    }

    pub(super) fn end(&mut self, out: &mut Out<'_>) {
        self.end_plain(out);
        self.end_framed(out);
    }

    pub(super) fn size(&self) -> usize {
        let plain = self.plain.as_ref().map_or(0, |plain| plain.size());
        let socket = self.socket.as_ref().map_or(0, |socket| socket.size());
        let bodies = self.bodies.values().map(Message::size);
        bodies.fold(plain.saturating_add(socket), usize::saturating_add)
    }
}

/// What reports call it.
fn word(place: Place) -> TrafficPart {
    match place {
        Place::HttpBody => TrafficPart::HttpBody,
        Place::Mqtt => mqtt::PLACE,
    }
}

/// Looks at a part of held bytes.
fn look(place: TrafficPart, held: &Held, from: usize, to: usize, out: &mut Out<'_>) {
    let mut window = Window::new(place);
    held.each(from, to, out, &mut |piece, out| window.push(piece, out));
    window.end(out);
}
