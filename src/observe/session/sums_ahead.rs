//! Whose checksums are mostly wrong, found out before the first wrong one is judged: a look through all records that reads headers and
//! sums, and nothing else.
//!
//! What it counts is what the [tracker](super::tracker) will count of the same packets: outer ones, those in tunnels, and datagrams put
//! together from fragments. Left out are packets that dissectors find in streams, what protected Wi-Fi holds, and everything that depends
//! on who is believed. So it is an expectation and no judgement: where the count itself comes out otherwise, the series is read a second
//! time (see [`super::senders`]). Most captures hold no wrong sum, and are not looked through.

use super::inside::{Found, Seen, of_datagram, of_echo, of_number, of_unknown};
use super::senders::{FrameSender, Senders};
use super::tracker::Link;
use super::{Held, Settings, TIME_EVERY, resolved};
use crate::ground::mac::Mac;
use crate::observe::capture::{Capture, Frame, Means, Source};
use crate::observe::link::{self, Content, Unwrapped};
use crate::observe::packet::fragments::{Fragments, Piece};
use crate::observe::packet::plain::{self, Apart};
use crate::observe::packet::transport::{Checksum, Transport, read, verify};
use crate::observe::packet::{Datagram, Decoded, decode};
use std::net::IpAddr;

/// Packets inside packets that are counted: nearly no tunnel is in another one.
const DEPTH_MAX: u8 = 3;

/// Counts the sums of these inputs, of which each can be read again. What cannot be opened any more is left out.
pub(super) fn count(sources: &[(u32, Source)], settings: &Settings) -> Senders {
    // Nobody is told of it: what is read next is.
    let means = Means {
        until: settings.means.until,
        ..Means::default()
    };
    let mut ahead = Ahead::default();
    for (index, source) in sources {
        let Ok(mut capture) = Capture::open(source, *index, false, &means) else {
            continue;
        };
        let mut links: Vec<Link> = Vec::new();
        while let Some(frame) = capture.next_frame() {
            if frame.moment.at.frame % TIME_EVERY == 1 && means.is_over() {
                return ahead.senders;
            }
            match links.get(frame.interface as usize) {
                Some(link) => ahead.frame(&frame, *link),
                None => {
                    let held = Held::of(&frame);
                    links = resolved(capture.interfaces());
                    if let Some(link) = links.get(held.interface as usize) {
                        ahead.frame(&held.frame(), *link);
                    }
                }
            }
        }
    }
    ahead.senders
}

#[derive(Default)]
struct Ahead {
    senders: Senders,
    fragments: Fragments,
}

impl Ahead {
    fn frame(&mut self, frame: &Frame<'_>, (kind, reader): Link) {
        let Some(reader) = reader else { return };
        let plain = link::plain(kind, frame).and_then(|(addresses, packet)| {
            let (source, destination) = Apart::of(packet)?.addresses();
            let [_, _, _, _, _, _, sender @ ..] = addresses;
            Some((
                Mac::read(sender)?,
                plain::read(packet, source, destination)?,
            ))
        });
        if let Some((sender, plain)) = plain {
            let source = plain.datagram.source;
            if source.is_ipv4() {
                self.senders.header(FrameSender::Mac(sender), true);
            }
            if plain.summed {
                self.senders.transport(source, true);
            }
            if let Transport::Udp(udp) = &plain.transport {
                self.found(
                    of_datagram(udp),
                    source,
                    0,
                    &Piece::uncounted(frame.moment, 0),
                    0,
                );
            }
            return;
        }
        let unwrapped = (reader.read)(frame);
        match unwrapped.content {
            Content::Bundle(packets) => {
                for one in packets {
                    self.content(&one, one.source.or(unwrapped.source), frame);
                }
            }
            _ => self.content(&unwrapped, unwrapped.source, frame),
        }
    }

    fn content(&mut self, unwrapped: &Unwrapped<'_>, source: Option<Mac>, frame: &Frame<'_>) {
        let Content::Ip(bytes) = unwrapped.content else {
            return;
        };
        let sender = FrameSender::of(source, frame);
        let piece = Piece::uncounted(frame.moment, 0);
        match decode(bytes, frame.cut()) {
            Decoded::Datagram(datagram) => {
                if datagram.source.is_ipv4() {
                    self.senders.header(sender, true);
                }
                self.packet(&datagram, &piece, 0);
            }
            Decoded::BadChecksum(datagram) => {
                if !frame.checksum_pending {
                    self.senders.header(sender, false);
                }
                self.packet(&datagram, &piece, 0);
            }
            Decoded::Unreadable(_) | Decoded::Cut(_) => {}
        }
    }

    fn packet(&mut self, datagram: &Datagram<'_>, piece: &Piece, depth: u8) {
        let Some(fragment) = datagram.fragment else {
            self.whole(datagram, piece, depth);
            return;
        };
        for joined in self.fragments.add(datagram, fragment, *piece) {
            // Of copies that differ, those whose sum holds are taken.
            if joined.complete && !joined.repeated && joined.rivals.is_empty() {
                self.whole(&joined.first(), piece, depth);
            }
        }
    }

    fn whole(&mut self, datagram: &Datagram<'_>, piece: &Piece, depth: u8) {
        let source = datagram.source;
        match verify(datagram) {
            Checksum::Right => {
                self.senders.transport(source, true);
            }
            Checksum::Wrong => {
                self.senders.transport(source, false);
            }
            Checksum::Pending => self.senders.pending(source),
            Checksum::Unknown => {}
        }
        let cut = datagram.cut();
        let found = match read(datagram) {
            Transport::Udp(udp) => of_datagram(&udp),
            Transport::Icmp { body, .. } => of_echo(body.get(4..).unwrap_or_default(), cut),
            Transport::Other => of_number(datagram.protocol, datagram.payload, cut)
                .or_else(|| of_unknown(datagram.payload, datagram.wire_len)),
            _ => None,
        };
        self.found(found, source, cut, piece, depth);
    }

    /// A packet inside another one.
    fn found(
        &mut self,
        found: Option<Found<'_>>,
        sender: IpAddr,
        cut: usize,
        piece: &Piece,
        depth: u8,
    ) {
        let Some(Found {
            seen: Seen::Opened(read),
            ..
        }) = found
        else {
            return;
        };
        if depth >= DEPTH_MAX {
            return;
        }
        let sender = FrameSender::Tunnel(sender);
        let mut inside = |content: &Content<'_>| {
            let Content::Ip(bytes) = content else { return };
            match decode(bytes, cut) {
                Decoded::Datagram(datagram) => {
                    if datagram.source.is_ipv4() {
                        self.senders.header(sender, true);
                    }
                    self.packet(&datagram, piece, depth + 1);
                }
                Decoded::BadChecksum(datagram) => {
                    self.senders.header(sender, false);
                    self.packet(&datagram, piece, depth + 1);
                }
                Decoded::Unreadable(_) | Decoded::Cut(_) => {}
            }
        };
        match read.content {
            Content::Bundle(packets) => packets.for_each(|one| inside(&one.content)),
            content => inside(&content),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::packet::checksum::right;
    use crate::observe::session::SeriesReader;
    use crate::observe::session::order::{captures, settings};
    use std::path::Path;

    /// How often senders were misjudged, with a look through their sums or by the count so far; `None` if the capture is refused.
    fn misjudged(path: &Path, look: bool) -> Option<usize> {
        let inputs = [Source::File(path.to_owned())];
        let settings = settings(false);
        let mut reader = SeriesReader {
            inputs: &inputs,
            settings: &settings,
            intervals: None,
        };
        let senders = match look {
            true => reader.unread(&[0]),
            false => Senders::default(),
        };
        let read = reader.read(&[0], false, senders).ok()?;
        Some(read.senders.misjudged())
    }

    #[test]
    fn of_no_fixture_it_expects_what_does_not_come() {
        let mut paths = Vec::new();
        let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
        captures(&fixtures, &mut paths);
        for path in paths {
            let wrongly = misjudged(&path, true);
            assert!(wrongly.is_none_or(|n| n == 0), "{}", path.display());
        }
    }

    /// An IPv4 packet with this number and payload from the machine with this one.
    fn packet((sender, id): (u8, u8), protocol: u8, fragment: u16, payload: &[u8]) -> Vec<u8> {
        let length = 20 + payload.len() as u16;
        let mut packet = vec![0x45, 0];
        packet.extend(length.to_be_bytes());
        packet.extend([0, id]);
        packet.extend(fragment.to_be_bytes());
        packet.extend([64, protocol, 0, 0, 10, 0, 0, sender, 203, 0, 113, 7]);
        packet.extend(payload);
        let mut header = [&packet[..20], &[0; 2]].concat();
        right(&mut header, 20, 0);
        packet[..20].copy_from_slice(&header[..20]);
        packet
    }

    /// A datagram with a sum that is right, or not.
    fn datagram(sender: u8, number: u8, is_right: bool) -> Vec<u8> {
        let mut message = vec![0x9c, 0x40, 0x23, 0x28, 0, 16, 0, 0];
        message.extend([number; 8]);
        let mut whole = packet((sender, number), 17, 0, &message);
        right(&mut whole, 20, 6);
        whole[27] ^= u8::from(!is_right);
        whole
    }

    #[test]
    fn senders_are_known_before_the_first_wrong_sum_outside_and_inside() {
        // Most are wrong and the first ones right, and the other way round.
        let orders: [&[bool]; 2] = [
            &[true, true, false, false, false],
            &[false, true, true, true, false],
        ];
        let gre = |inner: &[u8]| [&[0, 0, 8, 0], inner].concat();
        type Sent = Vec<Vec<u8>>;
        type Form<'a> = (&'a str, &'a dyn Fn((u8, u8), Vec<u8>) -> Sent);
        let forms: [Form<'_>; 3] = [
            ("plain", &|_, inner| vec![inner]),
            ("in a tunnel", &|_, inner| {
                vec![packet((99, 1), 47, 0, &gre(&inner))]
            }),
            ("in fragments", &|sender, inner| {
                let (one, other) = inner[20..].split_at(8);
                let more = 0x2000;
                vec![packet(sender, 17, more, one), packet(sender, 17, 1, other)]
            }),
        ];
        for (name, form) in forms {
            let mut file = Vec::new();
            file.extend(0xa1b2_c3d4_u32.to_le_bytes());
            file.extend([2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 101, 0, 0, 0]);
            let mut second = 1_700_000_000u32;
            for (sender, order) in (1..).zip(orders) {
                for (number, is_right) in (1..).zip(order) {
                    second += 1;
                    for packet in form((sender, number), datagram(sender, number, *is_right)) {
                        file.extend(second.to_le_bytes());
                        file.extend([0; 4]);
                        file.extend((packet.len() as u32).to_le_bytes());
                        file.extend((packet.len() as u32).to_le_bytes());
                        file.extend(packet);
                    }
                }
            }
            let path = tempfile::NamedTempFile::new().expect("a temporary file");
            std::fs::write(path.path(), &file).expect("written");
            assert_eq!(misjudged(path.path(), true), Some(0), "{name}");
            assert_eq!(misjudged(path.path(), false), Some(2), "{name}");
        }
    }
}
