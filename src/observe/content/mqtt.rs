//! What an MQTT client sends (OASIS MQTT 3.1.1 and 5.0), as its dissector frames it: its login, and the texts in its packets.

use super::encoding::Coding;
use super::held::Held;
use super::hits::Out;
use super::message::Message;
use super::{Found, mask, scan};
use crate::evidence::content::{Kind, TrafficPart};
use crate::observe::dissect::mqtt::{Login, login};

/// Where in the traffic it is.
pub(super) const PLACE: TrafficPart = TrafficPart::Mqtt;

/// Looks at a login: who logs in, each text by itself, and all of them together.
pub(super) fn look_at_login(header: usize, held: &Held, out: &mut Out<'_>) {
    let body = held.bytes.get(header..).unwrap_or_default();
    if let Some(login) = login(body) {
        let moment = (out.at, out.interval);
        if let Some(found) = credential(login) {
            out.found(found, PLACE, moment);
        }
        for text in [login.client, login.user] {
            for found in scan::scan_for(text, true, out).found {
                out.found(found, PLACE, moment);
            }
        }
    }
    look_at_frame(header, held, out);
}

/// Looks at texts in a frame of lengths and flags, all of which is read.
pub(super) fn look_at_frame(header: usize, held: &Held, out: &mut Out<'_>) {
    let (at, interval) = (out.at, out.interval);
    let mut credits = Vec::new();
    let mut message = Message::new(PLACE, Coding::Plain);
    let mut header = header;
    for (piece, when, of) in held.pieces(0) {
        let behind = piece.get(header..).unwrap_or_default();
        header = header.saturating_sub(piece.len());
        if !behind.is_empty() {
            (out.at, out.interval) = (when, of);
            message.push(behind, &mut out.inner(&mut credits));
        }
    }
    (out.at, out.interval) = (at, interval);
    message.end(&mut out.inner(&mut credits));
    out.read(held.bytes.len(), at, interval);
}

fn credential(login: Login<'_>) -> Option<Found> {
    let text = |bytes| String::from_utf8_lossy(bytes);
    let (user, password) = (text(login.user), text(login.password));
    (!password.is_empty()).then(|| Found {
        kind: Kind::Credential,
        at: 0,
        end: 0,
        plain: format!("{user}:{password}"),
        masked: format!("{}:{}", mask::ends(&user), mask::ends(&password)),
    })
}
