//! What an MQTT client sends (OASIS MQTT 3.1.1 and 5.0): its login, and the topics and payloads that it publishes.

use super::encoding::Coding;
use super::held::Held;
use super::hits::Out;
use super::message::Message;
use super::watch::{Reader, Then};
use super::{Found, mask, scan};
use crate::evidence::content::Kind;
use crate::observe::dissect::wire::Reader as Cursor;

const PLACE: &str = "mqtt";
/// Longest packet that is put together; of longer ones the bytes are looked at as they come.
const PACKET_MAX: usize = 256 << 10;
const CONNECT: u8 = 1;
const PUBLISH: u8 = 3;

#[derive(Default)]
pub(super) struct Mqtt {
    held: Held,
    /// A packet too long to be kept.
    long: Option<(Message, usize)>,
    version: u8,
}

impl Reader for Mqtt {
    fn read(&mut self, bytes: &[u8], out: &mut Out<'_>) -> Then {
        let mut used = 0usize;
        while let Some(rest) = bytes.get(used..).filter(|rest| !rest.is_empty()) {
            if let Some((message, left)) = &mut self.long {
                let piece = rest.get(..(*left).min(rest.len())).unwrap_or(rest);
                message.push(piece, out);
                *left = left.saturating_sub(piece.len());
                used = used.saturating_add(piece.len());
                if *left == 0 {
                    message.end(out);
                    self.long = None;
                }
                continue;
            }
            // Up to the end of the fixed header one byte at a time, then as much as the packet has.
            let need = match length(&self.held.bytes) {
                Length::Packet(total) => total.saturating_sub(self.held.bytes.len()),
                Length::NeedMore => 1,
                Length::Strange => return Then::Again(std::mem::take(&mut self.held)),
            };
            let piece = rest.get(..need.min(rest.len())).unwrap_or(rest);
            self.held.push(piece, out.at, out.epoch);
            used = used.saturating_add(piece.len());
            if let Length::Packet(total) = length(&self.held.bytes) {
                if total > PACKET_MAX {
                    let mut message = Message::new(PLACE, Coding::Plain);
                    let held = std::mem::take(&mut self.held);
                    let have = held.bytes.len();
                    held.each(0, have, out, &mut |piece, out| message.push(piece, out));
                    self.long = Some((message, total.saturating_sub(have)));
                } else if self.held.bytes.len() >= total {
                    let held = std::mem::take(&mut self.held);
                    self.packet(&held, out);
                }
            }
        }
        Then::Stay
    }

    fn end(&mut self, out: &mut Out<'_>) {
        if let Some((mut message, _)) = self.long.take() {
            message.end(out);
        }
        let held = std::mem::take(&mut self.held);
        look(&held, 0, out);
    }

    fn size(&self) -> usize {
        let long = self.long.as_ref().map_or(0, |(message, _)| message.size());
        self.held.bytes.capacity().saturating_add(long)
    }
}

enum Length {
    NeedMore,
    /// Bytes of the whole packet.
    Packet(usize),
    Strange,
}

/// The length of the packet at the start: type, then up to four bytes of seven bits (MQTT 3.1.1 §2.2.3).
fn length(bytes: &[u8]) -> Length {
    let Some((first, rest)) = bytes.split_first() else {
        return Length::NeedMore;
    };
    if *first >> 4 == 0 {
        return Length::Strange;
    }
    let mut value = 0usize;
    for (place, byte) in rest.iter().take(4).enumerate() {
        value |= usize::from(byte & 0x7f) << (7 * place);
        if byte & 0x80 == 0 {
            return Length::Packet(value.saturating_add(place).saturating_add(2));
        }
    }
    if rest.len() >= 4 {
        Length::Strange
    } else {
        Length::NeedMore
    }
}

/// Looks at the rest of a packet as a message.
fn look(held: &Held, from: usize, out: &mut Out<'_>) {
    let mut message = Message::new(PLACE, Coding::Plain);
    held.each(from, held.bytes.len(), out, &mut |piece, out| {
        message.push(piece, out)
    });
    message.end(out);
}

impl Mqtt {
    fn packet(&mut self, held: &Held, out: &mut Out<'_>) {
        let bytes = held.bytes.as_slice();
        let Some(&first) = bytes.first() else { return };
        let header = bytes
            .iter()
            .skip(1)
            .take_while(|b| **b & 0x80 != 0)
            .count()
            .saturating_add(2);
        let body = bytes.get(header..).unwrap_or_default();
        match first >> 4 {
            CONNECT => {
                let moment = held.moment(bytes.len());
                let mut texts = Vec::new();
                if let Some(found) = self.connect(body, &mut texts) {
                    out.found(found, PLACE, moment);
                }
                // Who logs in, each by itself: a client id is often a number of the device.
                for text in texts {
                    for found in scan::scan(text, true).found {
                        out.found(found, PLACE, moment);
                    }
                }
                // Its fields are texts in a frame of lengths and flags.
                let mut credits = Vec::new();
                look(held, header, &mut out.inner(&mut credits));
                out.read(bytes.len(), out.at, out.epoch);
            }
            PUBLISH => {
                let qos = first >> 1 & 3;
                let payload = self
                    .payload_at(body, qos)
                    .unwrap_or(0)
                    .saturating_add(header);
                // The topic is text in a frame of a few bytes.
                let mut topic = Message::new(PLACE, Coding::Plain);
                let mut credits = Vec::new();
                held.each(
                    header,
                    payload,
                    &mut out.inner(&mut credits),
                    &mut |piece, out| {
                        topic.push(piece, out);
                    },
                );
                topic.end(&mut out.inner(&mut credits));
                out.read(payload, out.at, out.epoch);
                look(held, payload, out);
            }
            _ => {
                let mut credits = Vec::new();
                look(held, header, &mut out.inner(&mut credits));
                out.read(bytes.len(), out.at, out.epoch);
            }
        }
    }

    /// User and password of a login.
    fn connect<'b>(&mut self, body: &'b [u8], texts: &mut Vec<&'b [u8]>) -> Option<Found> {
        let mut cursor = Cursor::new(body);
        cursor.vector16()?;
        self.version = cursor.u8()? & 0x7f;
        let flags = cursor.u8()?;
        cursor.u16()?;
        self.properties(&mut cursor)?;
        texts.push(cursor.vector16()?);
        if flags & 0x04 != 0 {
            self.properties(&mut cursor)?;
            cursor.vector16()?;
            cursor.vector16()?;
        }
        let user = if flags & 0x80 != 0 {
            cursor.vector16()?
        } else {
            &[]
        };
        let password = if flags & 0x40 != 0 {
            cursor.vector16()?
        } else {
            &[]
        };
        texts.push(user);
        let (user, password) = (
            String::from_utf8_lossy(user),
            String::from_utf8_lossy(password),
        );
        (!password.is_empty()).then(|| Found {
            kind: Kind::Credential,
            at: 0,
            end: 0,
            plain: format!("{user}:{password}"),
            masked: format!("{}:{}", mask::ends(&user), mask::ends(&password)),
        })
    }

    /// Passes over properties, which version 5 has.
    fn properties(&self, cursor: &mut Cursor<'_>) -> Option<()> {
        if self.version >= 5 {
            let mut length = 0usize;
            for place in 0..4 {
                let byte = cursor.u8()?;
                length |= usize::from(byte & 0x7f) << (7 * place);
                if byte & 0x80 == 0 {
                    break;
                }
            }
            cursor.take(length)?;
        }
        Some(())
    }

    /// Where the payload of a publication begins.
    fn payload_at(&self, body: &[u8], qos: u8) -> Option<usize> {
        let mut cursor = Cursor::new(body);
        cursor.vector16()?;
        if qos > 0 {
            cursor.u16()?;
        }
        self.properties(&mut cursor)?;
        Some(cursor.position())
    }
}
