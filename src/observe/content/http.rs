//! Requests of HTTP/1 with their bodies (RFC 9112): the URL, the header fields, and what is sent.

use super::encoding::Coding;
use super::held::Held;
use super::hits::Out;
use super::message::Message;
use super::watch::{Reader, Then};
use super::websocket::WebSocket;
use super::window::Window;
use crate::observe::dissect::http1::{Chunked, HEAD_MAX, Parsed, Target, fit, head_end, request};
use crate::observe::dissect::wire::Fit;

#[derive(Default)]
pub(super) struct Http {
    head: Held,
    searched: usize,
    body: Option<Body>,
}

struct Body {
    framing: Framing,
    message: Message,
}

enum Framing {
    Length(u64),
    Chunked(Chunked),
}

impl Reader for Http {
    fn read(&mut self, bytes: &[u8], out: &mut Out<'_>) -> Then {
        let mut used = 0usize;
        while let Some(rest) = bytes.get(used..).filter(|rest| !rest.is_empty()) {
            if let Some(body) = &mut self.body {
                let (taken, state) = body.push(rest, out);
                used = used.saturating_add(taken);
                if state == Over::No {
                    continue;
                }
                body.message.end(out);
                self.body = None;
                if state == Over::Broken {
                    return Then::Sniff(used);
                }
                continue;
            }
            let before = self.head.bytes.len();
            self.head.push(rest, out.at, out.interval);
            let Some(end) = head_end(&self.head.bytes, self.searched) else {
                self.searched = self.head.bytes.len();
                let strange = fit(&self.head.bytes) == Fit::NotMine;
                if strange || self.searched >= HEAD_MAX {
                    return Then::Again(std::mem::take(&mut self.head));
                }
                return Then::Stay;
            };
            used = used.saturating_add(end.saturating_sub(before));
            let mut head = std::mem::take(&mut self.head);
            head.truncate(end);
            self.searched = 0;
            match self.request(&head, used, out) {
                Then::Stay => {}
                then => return then,
            }
        }
        Then::Stay
    }

    fn end(&mut self, out: &mut Out<'_>) {
        if let Some(mut body) = self.body.take() {
            body.message.end(out);
        }
        let head = std::mem::take(&mut self.head);
        look("http header", &head, 0, head.bytes.len(), out);
        self.searched = 0;
    }

    fn size(&self) -> usize {
        let body = self.body.as_ref().map_or(0, |body| body.message.size());
        self.head.bytes.capacity().saturating_add(body)
    }
}

impl Http {
    fn request(&mut self, head: &Held, used: usize, out: &mut Out<'_>) -> Then {
        let line = head
            .bytes
            .iter()
            .position(|&b| b == b'\n')
            .map_or(head.bytes.len(), |at| at.saturating_add(1));
        look("http url", head, 0, line, out);
        look("http header", head, line, head.bytes.len(), out);
        let Parsed::Head(request) = request(&head.bytes) else {
            return Then::Sniff(used);
        };
        if matches!(request.target, Target::Tunnel(_)) || request.bad_framing {
            return Then::Sniff(used);
        }
        let framing = match request.content_length {
            _ if request.chunked => Some(Framing::Chunked(Chunked::new())),
            Some(length) if length > 0 => Some(Framing::Length(length)),
            _ => None,
        };
        match request.upgrade.as_deref() {
            Some("websocket") if framing.is_none() => {
                return Then::Become(Box::new(WebSocket::default()), used);
            }
            Some("h2c") if framing.is_none() => return Then::Sniff(used),
            _ => {}
        }
        self.body = framing.map(|framing| Body {
            framing,
            message: Message::new("http body", coding(&head.bytes)),
        });
        Then::Stay
    }
}

/// What the Content-Encoding fields say; several codings are not opened.
fn coding(head: &[u8]) -> Coding {
    const FIELD: &str = "content-encoding:";
    let mut found = Coding::Plain;
    for line in head.split(|&b| b == b'\n') {
        let value = line
            .split_at_checked(FIELD.len())
            .filter(|(name, _)| name.eq_ignore_ascii_case(FIELD.as_bytes()));
        if let Some((_, value)) = value {
            let coding = Coding::of(&String::from_utf8_lossy(value));
            found = if found == Coding::Plain {
                coding
            } else {
                Coding::Other
            };
        }
    }
    found
}

/// Looks at a part of held bytes.
fn look(place: &'static str, held: &Held, from: usize, to: usize, out: &mut Out<'_>) {
    let mut window = Window::new(place);
    held.each(from, to, out, &mut |piece, out| window.push(piece, out));
    window.end(out);
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Over {
    No,
    Yes,
    Broken,
}

impl Body {
    /// Takes what belongs to the body; how much that is, and whether it is over.
    fn push(&mut self, bytes: &[u8], out: &mut Out<'_>) -> (usize, Over) {
        match &mut self.framing {
            Framing::Length(left) => {
                let taken = usize::try_from(*left)
                    .unwrap_or(usize::MAX)
                    .min(bytes.len());
                *left = left.saturating_sub(taken as u64);
                self.message.push(bytes.get(..taken).unwrap_or(bytes), out);
                (taken, if *left == 0 { Over::Yes } else { Over::No })
            }
            Framing::Chunked(chunked) => {
                let data = usize::try_from(chunked.skippable()).unwrap_or(usize::MAX);
                let taken = if data > 0 {
                    let piece = bytes.get(..data.min(bytes.len())).unwrap_or(bytes);
                    chunked.skip(piece.len() as u64);
                    self.message.push(piece, out);
                    piece.len()
                } else {
                    // Sizes and line breaks, one byte at a time: data must not be passed over.
                    let taken = chunked.feed(bytes.get(..1).unwrap_or(bytes));
                    out.read(taken, out.at, out.interval);
                    taken
                };
                let over = if chunked.is_done() {
                    Over::Yes
                } else if chunked.is_broken() || taken == 0 {
                    Over::Broken
                } else {
                    Over::No
                };
                (taken, over)
            }
        }
    }
}
