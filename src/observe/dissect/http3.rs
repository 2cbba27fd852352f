//! HTTP/3 (RFC 9114) in a QUIC connection that was opened: the authority of every request, bodies, and lookups by DNS over HTTPS.
//!
//! Each stream is a stream of its own. On those for requests (§4.1) stand frames with header blocks and bodies; on one stream of each side its
//! settings (§6.2.1), on another what fills the header table of its blocks (RFC 9204 §4.2). A block that comes before its entries waits. Answers
//! are not read but those of a resolver. What a CONNECT carries counts as an opaque tunnel beside the name of its target. Pushed answers are
//! the server's word. Frames and streams of types that nobody knows (§9) are payload that nobody frames.

use super::http1::HEAD_MAX;
use super::qpack::{Decoder, Fault, Instructions};
use super::quic_shape::varint;
use super::request_fields::{Exchange, Request, list};
use super::wire::Reader;
use super::{Session, Sink, Step};
use crate::evidence::flow::{Pair, Side};
use crate::ground::cause::ReadingCause;
use crate::observe::flow::Carries;
use crate::observe::flow::part::{Coding, Fields, Part, Place};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What reports call what a CONNECT carries.
const TUNNEL: &str = "http3-connect";

/// Frame types (§7.2).
mod frame_type {
    pub(super) const DATA: u64 = 0x00;
    pub(super) const HEADERS: u64 = 0x01;
    pub(super) const CANCEL_PUSH: u64 = 0x03;
    pub(super) const SETTINGS: u64 = 0x04;
    pub(super) const GOAWAY: u64 = 0x07;
    pub(super) const MAX_PUSH_ID: u64 = 0x0d;
    pub(super) const PRIORITY_UPDATE: u64 = 0xf0700;
    pub(super) const PRIORITY_UPDATE_OF_PUSH: u64 = 0xf0701;
}

/// True for a type that is reserved to be sent without a meaning (§7.2.8).
fn is_reserved(kind: u64) -> bool {
    kind.checked_sub(0x21).is_some_and(|n| n % 0x1f == 0)
}

/// Types of streams in one direction (§6.2, RFC 9204 §4.2).
mod stream_type {
    pub(super) const CONTROL: u64 = 0x00;
    pub(super) const PUSH: u64 = 0x01;
    pub(super) const ENCODER: u64 = 0x02;
    pub(super) const DECODER: u64 = 0x03;
}

/// The setting that bounds the peer's header table (RFC 9204 §5).
const TABLE_CAPACITY: u64 = 0x01;
/// Longest settings: a dozen pairs of numbers, some of them made up (RFC 9114 §7.2.4.1).
const SETTINGS_MAX: usize = 1 << 10;
/// Longest number (RFC 9000 §16).
const NUMBER_MAX: u64 = 8;
/// Longest frame of a reserved type, which means nothing (§7.2.8): those who send them put a few random bytes in.
const RESERVED_MAX: u64 = 16;
/// Numbers of the protocol on one stream: acknowledgements of header blocks, priorities.
const NUMBERS_MAX: usize = 64 << 10;

/// What the streams of a connection share: the header table of each side's blocks.
#[derive(Default)]
struct Tables(Pair<Decoder>);

/// A connection.
#[derive(Clone, Default)]
pub struct Http3(Arc<Mutex<Tables>>);

impl Http3 {
    /// A reader for a stream, by its number (RFC 9000 §2.1).
    pub(super) fn stream(&self, number: u64, client: Side) -> Box<dyn Session> {
        let connection = self.clone();
        match number & 2 != 0 {
            true => Box::new(Uni {
                connection,
                kind: None,
                numbers: 0,
            }),
            false => Box::new(Exchanges {
                connection,
                client,
                lookup: None,
            }),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Tables> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Type and length of a frame, and the bytes of both; `None` if they are not whole.
fn frame(bytes: &[u8]) -> Option<(u64, u64, usize)> {
    let mut reader = Reader::new(bytes);
    let (kind, length) = (varint(&mut reader)?, varint(&mut reader)?);
    Some((kind, length, reader.position()))
}

/// What a header block says, on its way to those who look into payloads.
fn fields(marks: usize) -> Fields {
    Fields {
        text: Vec::new(),
        total: 0,
        marks,
        unread: 0,
        stream: 0,
        coding: Coding::Plain,
        last: false,
    }
}

/// A stream with a request and its answer.
struct Exchanges {
    connection: Http3,
    client: Side,
    /// It asks for a name.
    lookup: Option<Exchange>,
}

impl Session for Exchanges {
    fn read(&mut self, bytes: &[u8], sink: &mut Sink<'_>) -> Step {
        sink.carries(Carries::Application);
        let asks = sink.side() == self.client;
        if !asks && self.lookup.is_none() {
            return Step::DoneHere;
        }
        let Some((kind, length, header)) = frame(bytes) else {
            return Step::More;
        };
        let total = length.saturating_add(header as u64);
        match kind {
            frame_type::HEADERS if asks => self.headers(bytes, (length, header), false, sink),
            frame_type::DATA => self.data(bytes, (length, header), asks, sink),
            // An answer's.
            frame_type::HEADERS => {
                sink.part(usize::try_from(total).unwrap_or(usize::MAX), Part::Marks);
                Step::Skip(total)
            }
            // No other known frame belongs here.
            _ => {
                let marks = match is_reserved(kind) && length <= RESERVED_MAX {
                    true => usize::try_from(total).unwrap_or(usize::MAX),
                    false => header,
                };
                sink.part(marks, Part::Marks);
                Step::Skip(total)
            }
        }
    }

    fn end(&mut self, bytes: &[u8], sink: &mut Sink<'_>) {
        if sink.side() == self.client
            && let Some((frame_type::HEADERS, length, header)) = frame(bytes)
        {
            // Its table, or its end, does not come any more.
            self.headers(bytes, (length, header), true, sink);
        }
        if let Some(lookup) = &mut self.lookup {
            lookup.end(sink.side() == self.client, sink);
        }
    }
}

impl Exchanges {
    fn headers(
        &mut self,
        bytes: &[u8],
        (length, header): (u64, usize),
        last: bool,
        sink: &mut Sink<'_>,
    ) -> Step {
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        let total = header.saturating_add(length);
        if length > HEAD_MAX {
            sink.over(ReadingCause::RequestHeadLong);
            sink.part(usize::MAX, Part::Sealed);
            return Step::DoneHere;
        }
        let rest = bytes.get(header..).unwrap_or_default();
        let block = match rest.get(..length) {
            Some(block) => block,
            None if last => rest,
            None => return Step::More,
        };
        let mut request = Request::default();
        let mut said = fields(header);
        let heard = *sink.flow.heard.of(sink.side());
        let read = {
            let tables = self.connection.lock();
            tables.0.of(self.client).block(block, last, &mut |n, v| {
                request.field(n, v);
                if heard {
                    list(&mut said, n, v);
                }
            })
        };
        if read == Err(Fault::Blocked) {
            return Step::More;
        }
        request.say(TUNNEL, sink);
        match request.exchange() {
            Some(mut lookup) if self.lookup.is_none() => {
                lookup.begin(sink);
                self.lookup = Some(lookup);
            }
            _ => sink.flow.within.others = true,
        }
        match read {
            Ok(()) => {
                if heard {
                    sink.part(total, Part::Fields(Box::new(said)));
                }
            }
            Err(_) => {
                sink.part(total, Part::Closed);
                sink.unreadable(ReadingCause::Http3Request);
            }
        }
        Step::Consumed(total)
    }

    /// A frame of a body. That of a lookup is waited for.
    fn data(
        &mut self,
        bytes: &[u8],
        (length, header): (u64, usize),
        asks: bool,
        sink: &mut Sink<'_>,
    ) -> Step {
        let total = length.saturating_add(header as u64);
        let size = usize::try_from(length).unwrap_or(usize::MAX);
        let mut asked = false;
        if let Some(lookup) = &mut self.lookup
            && size <= super::doh::MESSAGE_MAX
        {
            let Some(body) = bytes.get(header..).and_then(|rest| rest.get(..size)) else {
                return Step::More;
            };
            asked = lookup.body(asks, body, sink);
        }
        sink.part(header, Part::Marks);
        sink.part(
            size,
            match asked {
                true => Part::Lookup { header: 0 },
                false => Part::Body {
                    place: Place::HttpBody,
                    stream: 0,
                    coding: Coding::Plain,
                    last: false,
                },
            },
        );
        Step::Skip(total)
    }
}

/// A stream of one direction.
struct Uni {
    connection: Http3,
    kind: Option<u64>,
    /// Bytes of numbers so far.
    numbers: usize,
}

impl Session for Uni {
    fn read(&mut self, bytes: &[u8], sink: &mut Sink<'_>) -> Step {
        sink.carries(Carries::Application);
        let Some(kind) = self.kind else {
            let mut reader = Reader::new(bytes);
            let Some(kind) = varint(&mut reader) else {
                return Step::More;
            };
            self.kind = Some(kind);
            sink.part(reader.position(), Part::Marks);
            return Step::Consumed(reader.position());
        };
        match kind {
            stream_type::CONTROL => self.control(bytes, sink),
            stream_type::ENCODER => self.encoder(bytes, sink),
            stream_type::DECODER => {
                self.numbers = self.numbers.saturating_add(bytes.len());
                if self.numbers <= NUMBERS_MAX {
                    sink.part(bytes.len(), Part::Marks);
                }
                Step::Consumed(bytes.len())
            }
            stream_type::PUSH => Step::DoneHere,
            _ => Step::Consumed(bytes.len()),
        }
    }

    fn lost(&mut self, side: Side) -> bool {
        match self.kind {
            Some(stream_type::ENCODER) => {
                self.connection.lock().0.of_mut(side).tear();
                true
            }
            Some(stream_type::DECODER) => true,
            _ => false,
        }
    }
}

impl Uni {
    fn control(&mut self, bytes: &[u8], sink: &mut Sink<'_>) -> Step {
        let Some((kind, length, header)) = frame(bytes) else {
            return Step::More;
        };
        let size = usize::try_from(length).unwrap_or(usize::MAX);
        let total = header.saturating_add(size);
        if kind == frame_type::SETTINGS && size <= SETTINGS_MAX {
            let Some(settings) = bytes.get(header..total) else {
                return Step::More;
            };
            let mut reader = Reader::new(settings);
            while let (Some(id), Some(value)) = (varint(&mut reader), varint(&mut reader)) {
                if id == TABLE_CAPACITY {
                    // It bounds what the other side's blocks refer to.
                    let mut tables = self.connection.lock();
                    tables.0.of_mut(sink.side().other()).allows(value);
                }
            }
        }
        self.numbers = self.numbers.saturating_add(total);
        let numbers = match kind {
            frame_type::SETTINGS => size <= SETTINGS_MAX,
            frame_type::GOAWAY | frame_type::MAX_PUSH_ID | frame_type::CANCEL_PUSH => {
                length <= NUMBER_MAX
            }
            _ => is_reserved(kind) && length <= RESERVED_MAX,
        };
        if numbers && self.numbers <= NUMBERS_MAX {
            sink.part(total, Part::Marks);
        } else {
            // Whose priority it is (RFC 9218 §7.2), and then text.
            let whose = match kind {
                frame_type::PRIORITY_UPDATE | frame_type::PRIORITY_UPDATE_OF_PUSH => {
                    let mut reader = Reader::new(bytes.get(header..).unwrap_or_default());
                    if varint(&mut reader).is_none() && size > 0 {
                        return Step::More;
                    }
                    reader.position().min(size)
                }
                _ => 0,
            };
            sink.part(header.saturating_add(whose), Part::Marks);
            // One text may go on over many frames of a type.
            let kind = u8::try_from(kind & 0xff).unwrap_or_default();
            sink.part(size.saturating_sub(whose), Part::beside(kind, false));
        }
        Step::Skip(total as u64)
    }

    fn encoder(&mut self, bytes: &[u8], sink: &mut Sink<'_>) -> Step {
        let side = sink.side();
        let heard = *sink.flow.heard.of(side);
        let mut said = fields(0);
        let read = {
            let mut tables = self.connection.lock();
            tables.0.of_mut(side).instructions(bytes, &mut |n, v| {
                if heard {
                    list(&mut said, n, v);
                }
            })
        };
        match read {
            Instructions::Done(0) => Step::More,
            Instructions::Done(length) => {
                said.coding = Coding::Plain;
                if heard {
                    sink.part(length, Part::Fields(Box::new(said)));
                }
                Step::Consumed(length)
            }
            Instructions::Broken => {
                sink.over(ReadingCause::Http3Table);
                sink.part(usize::MAX, Part::Sealed);
                Step::DoneHere
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::dissect::conversation::Conversation;

    /// What a stream of one direction makes of these bytes.
    fn parts(uni: &mut Uni, bytes: &[u8]) -> (Step, Vec<Part>) {
        let mut talk = Conversation::udp("47.88.2.11:443");
        talk.as_client(|sink| {
            *sink.flow.heard.of_mut(sink.side()) = true;
            let step = uni.read(bytes, sink);
            (
                step,
                std::mem::take(&mut sink.parts)
                    .into_iter()
                    .map(|(_, part)| part)
                    .collect(),
            )
        })
    }

    fn uni(kind: u64) -> Uni {
        Uni {
            connection: Http3::default(),
            kind: Some(kind),
            numbers: 0,
        }
    }

    #[test]
    fn settings_are_waited_for_up_to_a_bound() {
        let settings = |length: usize| {
            [
                &[0x04, 0x80, 0, (length >> 8) as u8, length as u8][..],
                &[0x21; 10],
            ]
            .concat()
        };
        for (length, waits) in [(SETTINGS_MAX, true), (SETTINGS_MAX + 1, false)] {
            let (step, _) = parts(&mut uni(stream_type::CONTROL), &settings(length));
            assert_eq!(matches!(step, Step::More), waits, "{length}");
            assert_eq!(matches!(step, Step::Skip(_)), !waits, "{length}");
        }
    }

    #[test]
    fn numbers_beyond_those_of_the_protocol_are_no_marks() {
        let mut decoder = uni(stream_type::DECODER);
        let bytes = [0x81; 1024];
        let marks = |(_, parts): (Step, Vec<Part>)| parts == [Part::Marks];
        let told = (0..100).filter(|_| marks(parts(&mut decoder, &bytes)));
        assert_eq!(told.count(), NUMBERS_MAX / bytes.len());
        let beside = |frame: &[u8]| {
            let (_, parts) = parts(&mut uni(stream_type::CONTROL), frame);
            parts.iter().any(|part| matches!(part, Part::Body { .. }))
        };
        // The id of a push, and one that cannot be; a frame that means nothing, and one that is somebody's data; a priority update.
        assert!(!beside(&[0x0d, 0x02, 0x40, 0x01]));
        assert!(beside(&[&[0x0d, 0x10][..], &[0; 16]].concat()));
        assert!(!beside(&[&[0x21, 0x04][..], &[7; 4]].concat()));
        assert!(beside(&[&[0x21, 0x20][..], &[7; 32]].concat()));
        assert!(beside(
            &[&[0x80, 0x0f, 0x07, 0x00, 0x04][..], b"\0u=1"].concat()
        ));
        // Many of what is a number each.
        let mut control = uni(stream_type::CONTROL);
        let frame = [&[0x21, 0x10][..], &[7; 16]].concat();
        let told = (0..5000).filter(|_| marks(parts(&mut control, &frame)));
        assert_eq!(told.count(), NUMBERS_MAX / frame.len());
    }
}
