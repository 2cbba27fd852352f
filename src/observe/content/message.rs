//! One message from its first byte: what it is, opened once if it is packed, and looked at.
//!
//! A message is a body, a frame's payload, a datagram. What is recognised as a picture or video counts as read: its finding says what it is.

use super::encoding::{Coding, DECODER_SIZE, Inflate, Stopped};
use super::held::{Credit, Held, add};
use super::hits::Out;
use super::window::Window;
use super::{media, position, scan, zip};
use crate::evidence::content::TrafficPart;

/// Bytes of a picture's head that may wait for its end: application segments with previews are this long.
const HEAD_MAX: usize = 160 << 10;
/// Archives are read as a whole up to this size; larger ones stay unread.
const ARCHIVE_MAX: usize = 1 << 20;

/// Packed contents within packed contents that are opened: a compressed log in a compressed body.
const DEPTH_MAX: u8 = 2;

/// A message.
pub(super) struct Message {
    place: TrafficPart,
    coding: Coding,
    /// It is the inside of so many others.
    depth: u8,
    state: State,
}

enum State {
    /// Too little has come to tell.
    Start(Held),
    Text(Window),
    /// A picture or video whose rest is passed over.
    Media,
    Packed(Box<Packed>),
    Archive(Held),
    /// Nothing that can be looked into.
    Sealed,
}

/// Compressed content.
struct Packed {
    inflate: Inflate,
    content: Message,
    /// The compressed bytes, by packet, until it is known how much of them was text.
    owed: Vec<Credit>,
    read: u64,
    total: u64,
}

impl Message {
    /// A message at this place of the traffic.
    pub(super) fn new(place: TrafficPart, coding: Coding) -> Self {
        Self {
            place,
            coding,
            depth: 0,
            state: State::Start(Held::default()),
        }
    }

    fn inside(place: TrafficPart, depth: u8) -> Self {
        Self {
            depth: depth.saturating_add(1),
            ..Self::new(place, Coding::Plain)
        }
    }

    /// Memory held.
    pub(super) fn size(&self) -> usize {
        match &self.state {
            State::Start(held) | State::Archive(held) => held.bytes.capacity(),
            State::Text(window) => window.size(),
            State::Packed(packed) => DECODER_SIZE.saturating_add(packed.content.size()),
            State::Media | State::Sealed => 0,
        }
    }

    /// Takes the packet's bytes.
    pub(super) fn push(&mut self, bytes: &[u8], out: &mut Out<'_>) {
        match &mut self.state {
            State::Start(held) => {
                held.push(bytes, out.at, out.interval);
                if held.bytes.len() >= media::START {
                    self.begin(false, out);
                }
            }
            State::Text(window) => window.push(bytes, out),
            State::Media => out.read(bytes.len(), out.at, out.interval),
            State::Packed(packed) => {
                if !packed.push(bytes, out) {
                    packed.end(out);
                    self.state = State::Sealed;
                }
            }
            State::Archive(held) => {
                held.push(bytes, out.at, out.interval);
                if held.bytes.len() > ARCHIVE_MAX {
                    archive(self.place, self.depth, held, out);
                    self.state = State::Sealed;
                }
            }
            State::Sealed => {}
        }
    }

    /// Nothing follows.
    pub(super) fn end(&mut self, out: &mut Out<'_>) {
        if matches!(self.state, State::Start(_)) {
            self.begin(true, out);
        }
        match &mut self.state {
            State::Text(window) => window.end(out),
            State::Packed(packed) => packed.end(out),
            State::Archive(held) => archive(self.place, self.depth, held, out),
            State::Start(_) | State::Media | State::Sealed => {}
        }
        self.state = State::Sealed;
    }

    /// Decides what the message is by its start.
    fn begin(&mut self, last: bool, out: &mut Out<'_>) {
        let State::Start(held) = &mut self.state else {
            return;
        };
        let held = std::mem::take(held);
        let start = held.bytes.as_slice();
        let coding = match self.coding {
            Coding::Plain => scan::packed(start).unwrap_or(Coding::Plain),
            coding => coding,
        };
        self.state = match coding {
            Coding::Other => State::Sealed,
            Coding::Plain => {
                if let Some(media) = media::at_start(start) {
                    let (at, interval) = held.moment(0);
                    out.found(scan::picture(media, 0), self.place, (at, interval));
                    if let Some((latitude, longitude)) = media::position(start) {
                        let found = position::found(latitude, longitude, 0, 0);
                        out.found(found, self.place, held.moment(start.len()));
                    }
                    State::Media
                } else if last && media::is_cut(start) {
                    let cut = media::CUT;
                    out.found(scan::picture(cut, 0), self.place, held.moment(0));
                    if let Some((latitude, longitude)) = super::exif::inside(start) {
                        let found = position::found(latitude, longitude, 0, 0);
                        out.found(found, self.place, held.moment(start.len()));
                    }
                    State::Media
                } else if !last && media::may_begin(start) && start.len() < HEAD_MAX {
                    self.state = State::Start(held);
                    return;
                } else if start.starts_with(zip::MAGIC) && self.depth < DEPTH_MAX {
                    State::Archive(Held::default())
                } else {
                    State::Text(Window::new(self.place))
                }
            }
            _ if self.depth >= DEPTH_MAX => State::Sealed,
            coding => State::Packed(Box::new(Packed {
                inflate: Inflate::new(coding),
                content: Self::inside(self.place, self.depth),
                owed: Vec::new(),
                read: 0,
                total: 0,
            })),
        };
        held.each(0, held.bytes.len(), out, &mut |piece, out| {
            self.push(piece, out)
        });
    }
}

impl Packed {
    /// False when nothing more can be opened.
    fn push(&mut self, bytes: &[u8], out: &mut Out<'_>) -> bool {
        add(&mut self.owed, out.at, out.interval, bytes.len() as u64);
        let mut credits = Vec::new();
        let (content, total) = (&mut self.content, &mut self.total);
        let mut inner = out.unpacked(&mut credits);
        let result = self.inflate.push(bytes, &mut |piece| {
            *total = total.saturating_add(piece.len() as u64);
            if inner.opened(piece.len()) {
                content.push(piece, &mut inner);
            }
        });
        if result == Err(Stopped::Grown) {
            inner.beyond();
        }
        self.read = self.read.saturating_add(sum(&credits));
        result.is_ok()
    }

    /// Settles what was read of the compressed bytes: the share that was read of what came out.
    fn end(&mut self, out: &mut Out<'_>) {
        let mut credits = Vec::new();
        self.content.end(&mut out.unpacked(&mut credits));
        self.read = self.read.saturating_add(sum(&credits));
        settle(&mut self.owed, self.read, self.total, out);
    }
}

pub(super) fn sum(credits: &[Credit]) -> u64 {
    credits.iter().map(|c| c.bytes).fold(0, u64::saturating_add)
}

/// Credits the share `read / total` of what is owed.
pub(super) fn settle(owed: &mut Vec<Credit>, read: u64, total: u64, out: &mut Out<'_>) {
    for credit in owed.drain(..) {
        let share = u128::from(credit.bytes)
            .saturating_mul(u128::from(read.min(total)))
            .checked_div(u128::from(total))
            .unwrap_or(0);
        let share = u64::try_from(share).unwrap_or(0);
        add(out.credits, credit.at, credit.interval, share);
    }
}

/// Looks into an archive. What its entries hold counts as found in its last packet.
fn archive(place: TrafficPart, depth: u8, held: &mut Held, out: &mut Out<'_>) {
    let held = std::mem::take(held);
    let mut content = Message::inside(place, depth);
    let (mut unread, mut entry_total, mut entry_credits) = (0usize, 0u64, Vec::new());
    zip::entries(&held.bytes, &mut |entry| match entry {
        zip::Entry::Name(name) => {
            // A name and a content, each a text by itself.
            out.spent(2 * scan::TEXT_COST);
            let mut names = Message::inside(place, depth);
            let mut credits = Vec::new();
            names.push(name, &mut out.unpacked(&mut credits));
            names.end(&mut out.unpacked(&mut credits));
        }
        zip::Entry::Content(piece) => {
            entry_total = entry_total.saturating_add(piece.len() as u64);
            if out.opened(piece.len()) {
                content.push(piece, &mut out.unpacked(&mut entry_credits));
            }
        }
        zip::Entry::Beyond => out.beyond(),
        zip::Entry::End { packed, opened } => {
            content.end(&mut out.unpacked(&mut entry_credits));
            content = Message::inside(place, depth);
            let read = sum(&entry_credits).min(entry_total);
            let share = (packed as u64)
                .saturating_mul(read)
                .checked_div(entry_total);
            let share = share.and_then(|s| usize::try_from(s).ok()).unwrap_or(0);
            unread = unread.saturating_add(if opened {
                packed.saturating_sub(share)
            } else {
                packed
            });
            (entry_total, entry_credits) = (0, Vec::new());
        }
    });
    let total = held.bytes.len();
    let mut owed = Vec::new();
    for (piece, at, interval) in held.pieces(0) {
        add(&mut owed, at, interval, piece.len() as u64);
    }
    settle(
        &mut owed,
        total.saturating_sub(unread) as u64,
        total as u64,
        out,
    );
}

#[cfg(test)]
mod tests {
    use super::super::hits::collected;
    use super::super::{Policy, exif, jpeg};
    use super::*;
    use crate::evidence::content::Kind;
    use std::io::Write as _;

    const REPORT: &[u8] =
        br#"{"email":"pilot.jones@example.org","latitude":38.897676,"longitude":-77.036529}"#;

    /// Kinds found, and bytes read, for a message in pieces.
    fn look(coding: Coding, bytes: &[u8], size: usize) -> (Vec<Kind>, usize) {
        let mut message = Message::new(TrafficPart::HttpBody, coding);
        let (hits, credits) = collected(Policy::Masked, |out| {
            for piece in bytes.chunks(size) {
                out.at.at.frame += 1;
                message.push(piece, out);
            }
            message.end(out);
        });
        let kinds = hits.iter().map(|h| h.kind).collect();
        (kinds, usize::try_from(sum(&credits)).unwrap_or(0))
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder
            .write_all(bytes)
            .and_then(|()| encoder.finish())
            .unwrap_or_default()
    }

    #[test]
    fn packed_contents_are_read_within_a_bound() {
        let both = vec![Kind::Position, Kind::Email];
        for size in [1, 33, 5000] {
            assert_eq!(
                look(Coding::Plain, REPORT, size),
                (both.clone(), REPORT.len())
            );
            let packed = gzip(REPORT);
            for coding in [Coding::Plain, Coding::Gzip] {
                assert_eq!(look(coding, &packed, size), (both.clone(), packed.len()));
            }
            let twice = gzip(&packed);
            assert_eq!(
                look(Coding::Gzip, &twice, size),
                (both.clone(), twice.len())
            );
            let thrice = gzip(&twice);
            assert_eq!(look(Coding::Gzip, &thrice, size), (vec![], 0));
            assert_eq!(look(Coding::Other, REPORT, size), (vec![], 0));
        }
    }

    #[test]
    fn a_photo_says_where_it_was_taken() {
        let photo = [
            jpeg::samples::jpeg(&exif::samples::gps(), 3000),
            vec![0xa5; 40_000],
        ]
        .concat();
        for size in [1, 1400, 100_000] {
            assert_eq!(
                look(Coding::Plain, &photo, size),
                (vec![Kind::Image, Kind::Position], photo.len())
            );
        }
    }

    #[test]
    fn noise_is_unread() {
        let mut noise = crate::observe::dissect::wire::test_bytes::Noise(17);
        let sealed = noise.bytes(5000);
        assert_eq!(look(Coding::Plain, &sealed, 1400), (vec![], 0));
        assert_eq!(look(Coding::Plain, &gzip(&sealed), 1400), (vec![], 0));
    }
}
