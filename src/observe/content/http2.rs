//! Requests of HTTP/2 in clear (RFC 9113): header fields, and the data of each stream.

use super::encoding::Coding;
use super::held::{Credit, add};
use super::hits::Out;
use super::message::{Message, settle, sum};
use super::watch::{Reader, Then};
use super::window::Window;
use crate::observe::dissect::hpack::Decoder;
use crate::observe::dissect::http1::HTTP2_PREFACE;
use crate::observe::dissect::http2_frame::{BLOCK_MAX, HEADER_LEN, frame_type};
use std::collections::BTreeMap;

/// Streams whose data are put together at a time; RFC 9113 §6.5.2 recommends to allow a hundred, clients use a few.
const STREAMS_MAX: usize = 128;
const DATA: u8 = 0;
const END_STREAM: u8 = 0x01;
const END_HEADERS: u8 = 0x04;
const PADDED: u8 = 0x08;
const PRIORITY: u8 = 0x20;

pub(super) struct Http2 {
    /// Bytes of the preface that are still to come.
    preface: usize,
    header: Vec<u8>,
    frame: Option<Frame>,
    decoder: Decoder,
    block: Vec<u8>,
    owed: Vec<Credit>,
    streams: BTreeMap<u32, Message>,
}

impl Default for Http2 {
    fn default() -> Self {
        Self {
            preface: HTTP2_PREFACE.len(),
            header: Vec::new(),
            frame: None,
            decoder: Decoder::default(),
            block: Vec::new(),
            owed: Vec::new(),
            streams: BTreeMap::new(),
        }
    }
}

#[derive(Clone, Copy)]
struct Frame {
    kind: u8,
    flags: u8,
    stream: u32,
    left: usize,
    /// Bytes at the end that mean nothing; known once the first byte was read.
    padding: usize,
    /// Fields in front that are not read yet: length of the padding, priority.
    front: usize,
}

impl Reader for Http2 {
    fn read(&mut self, bytes: &[u8], out: &mut Out<'_>) -> Then {
        let mut used = self.preface.min(bytes.len());
        self.preface = self.preface.saturating_sub(used);
        out.read(used, out.at, out.interval);
        while let Some(rest) = bytes.get(used..).filter(|rest| !rest.is_empty()) {
            let Some(mut frame) = self.frame.take() else {
                used = used.saturating_add(1);
                self.header.extend(rest.first());
                self.begin(out);
                continue;
            };
            let taken = frame.left.min(rest.len());
            let mut piece = rest.get(..taken).unwrap_or(rest);
            used = used.saturating_add(taken);
            while frame.front > 0 && !piece.is_empty() {
                let first = piece.split_off_first().copied().unwrap_or(0);
                if frame.flags & PADDED != 0 && frame.padding == usize::MAX {
                    frame.padding = usize::from(first);
                }
                frame.front = frame.front.saturating_sub(1);
                frame.left = frame.left.saturating_sub(1);
                out.read(1, out.at, out.interval);
            }
            frame.left = frame.left.saturating_sub(piece.len());
            // What is padding lies in the last bytes of the frame.
            let padding = if frame.padding == usize::MAX {
                0
            } else {
                frame.padding
            };
            let beyond = padding.saturating_sub(frame.left).min(piece.len());
            let content = piece
                .get(..piece.len().saturating_sub(beyond))
                .unwrap_or(piece);
            out.read(beyond, out.at, out.interval);
            if !self.content(frame, content, out) {
                return Then::Done;
            }
            if frame.left > 0 {
                self.frame = Some(frame);
            } else if !self.over(frame, out) {
                return Then::Done;
            }
        }
        Then::Stay
    }

    fn end(&mut self, out: &mut Out<'_>) {
        for message in self.streams.values_mut() {
            message.end(out);
        }
        self.streams.clear();
    }

    fn size(&self) -> usize {
        self.streams
            .values()
            .map(Message::size)
            .fold(self.block.capacity(), usize::saturating_add)
    }
}

impl Http2 {
    /// Takes up a frame once its header is whole.
    fn begin(&mut self, out: &mut Out<'_>) {
        let Some(&[l0, l1, l2, kind, flags, s0, s1, s2, s3]) =
            self.header.first_chunk::<HEADER_LEN>()
        else {
            return;
        };
        self.header.clear();
        out.read(HEADER_LEN, out.at, out.interval);
        let left = usize::try_from(u32::from_be_bytes([0, l0, l1, l2])).unwrap_or(usize::MAX);
        let padded = flags & PADDED != 0 && matches!(kind, DATA | frame_type::HEADERS);
        let priority = flags & PRIORITY != 0 && kind == frame_type::HEADERS;
        let front = usize::from(padded).saturating_add(if priority { 5 } else { 0 });
        let frame = Frame {
            kind,
            flags: if padded { flags } else { flags & !PADDED },
            stream: u32::from_be_bytes([s0, s1, s2, s3]) & 0x7fff_ffff,
            left,
            padding: if padded { usize::MAX } else { 0 },
            front: front.min(left),
        };
        if left > 0 {
            self.frame = Some(frame);
        } else {
            let _ = self.over(frame, out);
        }
    }

    /// False when header fields cannot be read any more.
    fn content(&mut self, frame: Frame, bytes: &[u8], out: &mut Out<'_>) -> bool {
        match frame.kind {
            DATA => {
                let known = self.streams.contains_key(&frame.stream);
                if known || self.streams.len() < STREAMS_MAX {
                    self.streams
                        .entry(frame.stream)
                        .or_insert_with(|| Message::new("http body", Coding::Plain))
                        .push(bytes, out);
                }
            }
            frame_type::HEADERS | frame_type::CONTINUATION => {
                self.block.extend_from_slice(bytes);
                add(&mut self.owed, out.at, out.interval, bytes.len() as u64);
                return self.block.len() <= BLOCK_MAX;
            }
            // Settings, pings, windows: numbers of the protocol.
            _ => out.read(bytes.len(), out.at, out.interval),
        }
        true
    }

    fn over(&mut self, frame: Frame, out: &mut Out<'_>) -> bool {
        let headers = matches!(frame.kind, frame_type::HEADERS | frame_type::CONTINUATION);
        if headers && frame.flags & END_HEADERS != 0 && !self.fields(frame.stream, out) {
            return false;
        }
        if frame.flags & END_STREAM != 0
            && matches!(frame.kind, DATA | frame_type::HEADERS)
            && let Some(mut message) = self.streams.remove(&frame.stream)
        {
            message.end(out);
        }
        true
    }

    /// Reads a header block; false if its table is lost.
    fn fields(&mut self, stream: u32, out: &mut Out<'_>) -> bool {
        let block = std::mem::take(&mut self.block);
        let mut text = Vec::new();
        let mut coding = Coding::Plain;
        let result = self.decoder.decode(&block, &mut |name, value| {
            if name == b"content-encoding" {
                coding = Coding::of(&String::from_utf8_lossy(value));
            }
            text.extend_from_slice(name);
            text.extend_from_slice(b": ");
            text.extend_from_slice(value);
            text.extend_from_slice(b"\r\n");
        });
        let mut credits = Vec::new();
        let mut window = Window::new("http header");
        window.push(&text, &mut out.inner(&mut credits));
        window.end(&mut out.inner(&mut credits));
        settle(&mut self.owed, sum(&credits), text.len() as u64, out);
        if coding != Coding::Plain && self.streams.len() < STREAMS_MAX {
            self.streams
                .insert(stream, Message::new("http body", coding));
        }
        result.is_ok()
    }
}
