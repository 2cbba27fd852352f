//! Types that carry no IP packet by their definition, from the registries (`not_ip.tsv`).
//!
//! "Not IP" is a statement and needs a reason: a row of this table, or a reader that knows the
//! protocol. A type without either could carry IP and is unreadable. Types that anybody may use for
//! anything say nothing of their content: there a valid IP header outranks the row, wherever it stands. Of
//! any other ether type it does where it stands first: then the type is what is wrong.

use super::Content;
use super::plausible::{stands, stands_in};
use crate::ground::cause::LinkCause;
use std::sync::LazyLock;

const TABLE: &str = include_str!("not_ip.tsv");

/// What a packet is that stands where there should be none.
const BEHIND_ANOTHER: Content<'static> = Content::unreadable(LinkCause::PacketBehindUnreadable);

/// Whether a definition leaves room for an IP packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Says {
    /// None.
    No,
    /// The number is for anybody's use.
    Nothing,
}

#[derive(Debug, Clone, Copy)]
struct Row {
    first: u64,
    last: u64,
    says: Says,
    name: &'static str,
}

#[derive(Default)]
struct Table {
    ether: Vec<Row>,
    snap: Vec<Row>,
}

static ROWS: LazyLock<Table> = LazyLock::new(|| {
    let mut table = Table::default();
    for line in TABLE.lines().filter(|line| !line.starts_with('#')) {
        let mut fields = line.split('\t');
        let mut field = || fields.next().unwrap_or_default();
        let space = match field() {
            "ether" => &mut table.ether,
            "snap" => &mut table.snap,
            _ => continue,
        };
        let mut number = || u64::from_str_radix(field(), 16).ok();
        let (Some(first), Some(last)) = (number(), number()) else {
            continue;
        };
        let says = match field() {
            "none" => Says::No,
            _ => Says::Nothing,
        };
        let name = field();
        space.push(Row {
            first,
            last,
            says,
            name,
        });
    }
    table
});

fn find(rows: &[Row], number: u64) -> Option<Row> {
    let at = rows.partition_point(|row| row.last < number);
    rows.get(at).filter(|row| row.first <= number).copied()
}

impl Row {
    fn content<'a>(self, rest: &[u8]) -> Content<'a> {
        match self.says {
            Says::No => Content::NotIp(self.name),
            Says::Nothing => unless_packet(rest, self.name),
        }
    }
}

/// What an ether type says that carries no IP; `None` for one that could.
pub(super) fn ether_type<'a>(kind: u16, rest: &[u8]) -> Option<Content<'a>> {
    let row = find(&ROWS.ether, kind.into())?;
    // A type that a bit was changed in would else take a packet out of sight.
    Some(match stands(rest, rest.len()) {
        true => BEHIND_ANOTHER,
        false => row.content(rest),
    })
}

/// The same of the protocol of a SNAP organisation.
pub(super) fn snap<'a>(organisation: [u8; 3], protocol: u16, rest: &[u8]) -> Option<Content<'a>> {
    let number = organisation
        .into_iter()
        .chain(protocol.to_be_bytes())
        .fold(0, |number, byte| number << 8 | u64::from(byte));
    Some(find(&ROWS.snap, number)?.content(rest))
}

/// An ARP packet, unless an IP packet stands in its place.
pub(super) fn arp(rest: &[u8]) -> Content<'_> {
    match stands(rest, rest.len()) {
        true => BEHIND_ANOTHER,
        false => Content::Arp(rest),
    }
}

/// Not IP by name, unless a valid IP header stands there.
pub(super) fn unless_packet<'a>(rest: &[u8], name: &'static str) -> Content<'a> {
    if stands_in(rest) {
        BEHIND_ANOTHER
    } else {
        Content::NotIp(name)
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    #[test]
    fn every_row_is_read_in_order_and_none_overlap() {
        let lines = TABLE.lines().filter(|line| !line.starts_with('#'));
        assert!(lines.clone().all(|line| line.split('\t').count() == 6));
        assert_eq!(
            ROWS.ether.len() + ROWS.snap.len() + 1,
            lines.count(),
            "all but the names of the columns"
        );
        for rows in [&ROWS.ether, &ROWS.snap] {
            assert!(rows.iter().all(|row| row.first <= row.last));
            assert!(rows.windows(2).all(|pair| pair[0].last < pair[1].first));
        }
    }

    #[test]
    fn what_is_for_anybody_s_use_may_hold_a_packet_and_the_rest_may_not() {
        let packet = [&[7; 9][..], &sample::ipv4(b"hidden")].concat();
        let nothing = [7; 60];
        for kind in [
            0x88d9, 0x886c, 0x886f, 0x88bf, 0x88f5, 0x6970, 0x88ab, 0x88f8,
        ] {
            assert!(matches!(ether_type(kind, &packet), Some(Content::NotIp(_))));
        }
        for kind in [0x88b5, 0x88b7] {
            let told = ether_type(kind, &packet);
            assert!(matches!(told, Some(Content::Unreadable(..))), "{kind:x}");
            assert!(matches!(
                ether_type(kind, &nothing),
                Some(Content::NotIp(_))
            ));
        }
        for kind in [0x0800, 0x8100, 0x893f, 0x1234, 0xffff] {
            assert!(ether_type(kind, &nothing).is_none(), "{kind:x}");
        }
        let discovery = snap([0, 0, 0x0c], 0x2000, &packet);
        assert!(matches!(discovery, Some(Content::NotIp(_))));
        assert!(snap([0, 0, 0x0c], 0x0800, &packet).is_none());
        assert!(matches!(
            snap([0, 0x40, 0x96], 9, &packet),
            Some(Content::Unreadable(..))
        ));
    }
}
