//! Packets that are like the one before in their flow skip stages; that must never change what is found.

use super::order::{captures, read_as, said};
use crate::evidence::Evidence;
use crate::observe::packet::checksum::right;
use proptest::prelude::*;
use std::io::Write;
use std::path::Path;

/// All that a series says.
fn told(evidence: &Evidence) -> String {
    let mut text = said(evidence);
    for series in &evidence.series {
        let ledger = &series.ledger;
        text.push_str(&format!(
            "{:?}\n{:?}\n{:?}\n{:?}\n{}\n",
            series.unflowed,
            series.unflowed_over_time,
            series.extents,
            series.time_gaps,
            series.folded
        ));
        text.push_str(&format!(
            "{:?}\n{:?}\n{:?}\n{:?}\n{:?}\n{:?}\n{:?}\n",
            ledger.stations,
            ledger.on_link,
            ledger.nearness,
            ledger.device,
            ledger.device_macs,
            ledger.device_seen,
            ledger.oddities,
        ));
    }
    text
}

fn assert_same(path: &Path) -> bool {
    let read = |thorough| read_as(path, thorough).map(|evidence| told(&evidence));
    let (short, long) = (read(false), read(true));
    assert!(short == long, "{} is read otherwise", path.display());
    short.is_some()
}

#[test]
fn the_short_way_changes_nothing_of_any_fixture() {
    let mut paths = Vec::new();
    captures(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures"),
        &mut paths,
    );
    let compared = paths.iter().filter(|path| assert_same(path)).count();
    assert!(compared > 100, "only {compared} fixtures were read");
}

/// One packet of a small world, so that flows, copies and collisions come again and again.
#[derive(Debug, Clone)]
struct Packet {
    six: bool,
    tcp: bool,
    back: bool,
    host: u8,
    far: u8,
    flags: u8,
    /// Where in its stream it stands, in tens of bytes.
    at: u8,
    payload: u8,
    hop_limit: u8,
    id: u8,
    router: u8,
    odd: u8,
    later: u8,
}

prop_compose! {
    fn packet()(
        (six, tcp, back) in (any::<bool>(), any::<bool>(), any::<bool>()),
        (host, far) in (0u8..2, 0u8..2),
        flags in prop::sample::select(vec![0x10, 0x10, 0x10, 0x18, 0x18, 0x02, 0x12, 0x11, 0x04]),
        (at, payload) in (0u8..6, 0u8..4),
        (hop_limit, id, router) in (0u8..12, 0u8..3, 0u8..12),
        (odd, later) in (0u8..30, 0u8..3),
    ) -> Packet {
        Packet { six, tcp, back, host, far, flags, at, payload, hop_limit, id, router, odd, later }
    }
}

impl Packet {
    fn frame(&self) -> Vec<u8> {
        let payload = match self.payload {
            0 => Vec::new(),
            1 => [23, 3, 3, 0, 5, 1, 2, 3, 4, 5].to_vec(),
            2 => vec![self.at; 40],
            _ => vec![7; 200],
        };
        let (mine, theirs) = ((u16::from(self.host) + 40_000), 443 + u16::from(self.far));
        let ports = if self.back {
            (theirs, mine)
        } else {
            (mine, theirs)
        };
        let mut message = Vec::new();
        message.extend(ports.0.to_be_bytes());
        message.extend(ports.1.to_be_bytes());
        if self.tcp {
            message.extend((u32::from(self.at) * 10).to_be_bytes());
            message.extend((u32::from(self.payload) * 10).to_be_bytes());
            message.extend([0x50, self.flags, 1, 0, 0, 0, 0, 0]);
        } else {
            let length = 8 + payload.len() as u16;
            message.extend(length.to_be_bytes());
            message.extend([0, 0]);
        }
        message.extend(payload);
        let number = if self.tcp { 6 } else { 17 };
        let hop_limit = 64 - self.hop_limit / 10;
        let length = message.len() as u16;
        let mut packet = match self.six {
            false => {
                let mut header = vec![0x45, 0];
                header.extend((20 + length).to_be_bytes());
                header.extend([0, self.id, 0x40, 0, hop_limit, number, 0, 0]);
                header
            }
            true => {
                let mut header = vec![0x60, 0, 0, 0];
                header.extend(length.to_be_bytes());
                header.extend([number, hop_limit]);
                header
            }
        };
        let address = |near: bool| match (self.six, near) {
            (false, true) => vec![10, 0, 0, self.host + 2],
            (false, false) => vec![203, 0, 113, self.far + 1],
            (true, near) => {
                let mut address = vec![0; 16];
                address[0] = if near { 0xfd } else { 0x2a };
                address[15] = if near { self.host } else { self.far };
                address
            }
        };
        packet.extend(address(!self.back));
        packet.extend(address(self.back));
        let header = packet.len();
        packet.extend(message);
        let field = if self.tcp { 16 } else { 6 };
        right(&mut packet, header, field);
        match self.odd {
            // A wrong sum, no sum, padding, a fragment.
            0 => packet[header + field] ^= 1,
            1 if !self.tcp => packet[header + 6..header + 8].fill(0),
            2 => packet.extend([0; 6]),
            3 if !self.six => packet[6] = 0x20,
            4 if !self.six => packet[10] ^= 1,
            _ => {}
        }
        let router = 1 + self.router / 11;
        let (phone, router) = ([2, 0, 0, 0, 1, self.host], [2, 0, 0, 0, 0, router]);
        let (target, source) = if self.back {
            (phone, router)
        } else {
            (router, phone)
        };
        let kind: [u8; 2] = if self.six { [0x86, 0xdd] } else { [8, 0] };
        [&target[..], &source, &kind, &packet].concat()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]
    #[test]
    fn the_short_way_changes_nothing_of_any_packets(
        packets in prop::collection::vec(packet(), 1..160),
    ) {
        let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
        let mut bytes = Vec::new();
        bytes.extend(0xa1b2_c3d4_u32.to_le_bytes());
        bytes.extend([2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        bytes.extend(65_535_u32.to_le_bytes());
        bytes.extend(1_u32.to_le_bytes());
        let mut millis = 0u32;
        for packet in &packets {
            millis += [0, 2, 900][usize::from(packet.later)];
            let frame = packet.frame();
            bytes.extend((1_700_000_000 + millis / 1000).to_le_bytes());
            bytes.extend((millis % 1000 * 1000).to_le_bytes());
            let captured = frame.len() as u32;
            let original = captured + u32::from(packet.odd == 5) * 9;
            bytes.extend(captured.to_le_bytes());
            bytes.extend(original.to_le_bytes());
            bytes.extend(frame);
        }
        file.write_all(&bytes).expect("written");
        prop_assert!(assert_same(file.path()));
    }
}
