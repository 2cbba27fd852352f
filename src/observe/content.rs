//! Personal data that leaves in readable form: positions, addresses, identifiers, credentials, images, video.
//!
//! Reads the payload of flows that may leave the site. Streams are framed by their dissectors, which say what each part is: heads and bodies of
//! HTTP/1 and HTTP/2, messages of WebSocket and MQTT; nothing is recognised here a second time. Read as well are names in DNS, TLS and STUN,
//! plain text over TCP and UDP, and the strings inside unknown binary. What is packed (gzip, deflate, zip) or written in digits (base64,
//! base32, hexadecimal, lists of numbers) is opened layer by layer, within bounds; what does not open is unread. Each kind of
//! datum has a file with its rules against false alarms and one line in [`DETECTORS`].
//!
//! What it says: this text, of this kind, was in this packet. What it cannot say: that nothing was there. Payload that is
//! encrypted, binary that nothing decodes, or beyond a bound counts as unread, and [`Credit`] tells the payload that was read.
//! Whose data it is, and which side is ours, is decided elsewhere.

mod account;
mod advertising;
mod base85;
mod blob;
mod columns;
#[cfg(test)]
mod corpus;
mod credential;
mod dense;
mod device;
mod direction;
mod email;
mod encoding;
mod exif;
mod grid;
mod held;
mod hits;
mod imei;
mod jpeg;
mod labels;
mod listed;
mod mac;
mod mask;
mod media;
mod message;
mod mqtt;
mod nmea;
mod phone;
mod plain;
mod position;
mod readable;
mod scan;
mod serial;
mod sim;
#[cfg(test)]
mod tests;
mod text;
mod video;
mod watch;
mod websocket;
mod window;
mod zip;

use crate::evidence::content::Kind;
pub use held::Credit;
pub use watch::{Framing, Payload, Slot, Slots, is_dissected};

use text::{Field, Text};

/// Whether payload is looked into at all, and what is kept of what is found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Policy {
    /// Nothing is looked into; all payload counts as unread.
    #[default]
    Off,
    /// What is found is kept masked only.
    Masked,
    /// The text itself is kept beside its mask.
    Revealed,
}

/// A rule that finds one kind of datum in text.
struct Detector {
    kind: Kind,
    /// Names of fields whose values it wants, in lower case without `_` and `-`; `*` in front stands for any beginning.
    keys: &'static [&'static str],
    find: fn(&Text<'_>, &mut Vec<Found>),
}

/// Something found in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Found {
    kind: Kind,
    /// Where it begins in the text.
    at: usize,
    /// Where it ends.
    end: usize,
    plain: String,
    masked: String,
}

impl Found {
    /// The value of a field, of which the ends are shown.
    fn of(kind: Kind, field: &Field<'_>, value: &str) -> Self {
        Self {
            kind,
            at: field.at,
            end: field.end(),
            plain: value.to_owned(),
            masked: mask::ends(value),
        }
    }
}

/// The fields of a kind whose values can be what their names say.
fn named(text: &Text<'_>, kind: Kind, holds: fn(&str) -> bool, out: &mut Vec<Found>) {
    let values = text
        .fields(kind)
        .filter_map(|field| Some((field, field.text()?)));
    let held = values.filter(|(_, value)| holds(value));
    out.extend(held.map(|(field, value)| Found::of(kind, field, value)));
}

/// All detectors of text. Two may share a kind.
static DETECTORS: &[Detector] = &[
    position::DETECTOR,
    nmea::DETECTOR,
    grid::DETECTOR,
    columns::DETECTOR,
    email::DETECTOR,
    phone::DETECTOR,
    account::DETECTOR,
    imei::DETECTOR,
    sim::IMSI,
    sim::ICCID,
    mac::DETECTOR,
    advertising::ADVERTISING_ID,
    advertising::ANDROID_ID,
    device::DETECTOR,
    serial::DETECTOR,
    credential::DETECTOR,
];

/// What a detector finds in a text, for its tests.
#[cfg(test)]
fn found_by(detector: &Detector, text: &str) -> Vec<String> {
    let text = Text::of(text.as_bytes(), true);
    let mut found = Vec::new();
    (detector.find)(&text, &mut found);
    found.into_iter().map(|f| f.plain).collect()
}
