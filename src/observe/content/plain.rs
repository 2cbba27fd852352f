//! Bytes of a stream that nobody frames.

use super::encoding::Coding;
use super::hits::Out;
use super::message::Message;
use super::{position, scan};
use crate::evidence::content::{Kind, TrafficPart};
use crate::observe::dissect::drone;
use crate::observe::flow::PayloadKind;

/// Where in the traffic it is.
pub(super) const PLACE: TrafficPart = TrafficPart::TcpPayload;

/// One run of such bytes.
pub(super) struct Plain {
    message: Message,
    publication: Publication,
}

impl Default for Plain {
    fn default() -> Self {
        Self {
            message: Message::new(PLACE, Coding::Plain),
            publication: Publication::default(),
        }
    }
}

impl Plain {
    /// Takes the next bytes.
    pub(super) fn read(&mut self, bytes: &[u8], out: &mut Out<'_>) {
        if out.payload == PayloadKind::DroneLink {
            drone_positions(bytes, PLACE, out);
        }
        if out.payload == PayloadKind::Broadcast {
            self.publication.watch(bytes, out);
        }
        self.message.push(bytes, out);
    }

    /// Nothing follows.
    pub(super) fn end(&mut self, out: &mut Out<'_>) {
        self.message.end(out);
    }

    /// Memory held.
    pub(super) fn size(&self) -> usize {
        self.message.size()
    }
}

/// A live stream that a client sends over RTMP: the command `publish` as an AMF0 string (RTMP 1.0 §7.2.2.6), and then more than
/// commands need. Codecs without parameter sets show themselves in no other way.
#[derive(Default)]
struct Publication {
    tail: Vec<u8>,
    sent: Option<usize>,
    told: bool,
}

impl Publication {
    fn watch(&mut self, bytes: &[u8], out: &mut Out<'_>) {
        const PUBLISH: &[u8] = b"\x02\x00\x07publish";
        /// Commands and metadata take less.
        const SENT_MIN: usize = 8 << 10;
        if self.told {
            return;
        }
        match &mut self.sent {
            Some(sent) => {
                *sent = sent.saturating_add(bytes.len());
                if *sent >= SENT_MIN {
                    self.told = true;
                    let media = super::media::Media {
                        kind: Kind::Video,
                        format: "live stream over RTMP",
                    };
                    let moment = (out.at, out.interval);
                    out.found(scan::picture(media, 0), PLACE, moment);
                }
            }
            None => {
                self.tail.extend_from_slice(bytes);
                if self.tail.windows(PUBLISH.len()).any(|w| w == PUBLISH) {
                    self.sent = Some(0);
                    self.tail = Vec::new();
                } else {
                    let keep = self.tail.len().saturating_sub(PUBLISH.len());
                    self.tail.drain(..keep);
                }
            }
        }
    }
}

/// Positions in frames of a drone link.
pub(super) fn drone_positions(bytes: &[u8], place: TrafficPart, out: &mut Out<'_>) {
    for (latitude, longitude) in drone::positions(bytes) {
        if position::plausible(latitude, longitude) {
            let moment = (out.at, out.interval);
            out.found(position::found(latitude, longitude, 0, 0), place, moment);
        }
    }
}
