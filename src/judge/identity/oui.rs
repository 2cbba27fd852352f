//! Who registered a MAC address: the IEEE blocks of drone and controller makers (`oui.tsv`).
//!
//! Blocks have 24, 28 or 36 bits (IEEE 802-2014 §8.2; registries MA-L, MA-M, MA-S) and the longest one
//! that holds the address counts. Group addresses and locally administered ones (the I/G and U/L bits)
//! belong to nobody and never match: phones randomise theirs, and access points derive further ones.
//!
//! A registered block says whose number it is, not what the device is: makers sell modules and
//! cameras, drones carry other makers' radios, and anybody can set any address. So it describes a
//! machine for the reader and decides nothing. The list is short and ends with the registry copies
//! named in it; an address without a row says nothing.

use crate::ground::mac::Mac;
use crate::ground::vocabulary::Vocabulary;
use crate::vocabulary;
use std::sync::OnceLock;

/// The embedded rows.
const ROWS: &str = include_str!("oui.tsv");

/// Bits of a MAC address.
const MAC_BITS: u32 = 48;

/// The U/L bit of the first byte: the address was not assigned by the registry.
const LOCALLY_ADMINISTERED: u8 = 0x02;

vocabulary! {
    /// What a registrant makes, which is not what a device is.
    "kind of maker" pub enum MakerKind {
        /// Drones.
        Drone = "drone",
        /// Remote controllers, autopilots or ground stations.
        Controller = "controller",
        /// Cameras or gimbals that fly too.
        Camera = "camera",
        /// Drones and other things.
        Mixed = "mixed",
        /// It cannot be told from the registration.
        Unknown = "unknown",
    }
}

/// Who registered a block of addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Maker {
    /// The registrant, as the registry writes it.
    pub organisation: &'static str,
    /// The owner in the host catalog, where the registrant is one of its drone vendors.
    pub vendor: Option<&'static str>,
    /// What the registrant makes.
    pub kind: MakerKind,
    /// The block, as lower-case hexadecimal digits.
    pub prefix: &'static str,
    /// Which copies of the registry have the block.
    pub source: &'static str,
}

/// A block of the list.
#[derive(Debug)]
struct Block {
    /// The leading bits, as a number.
    value: u64,
    /// How many.
    bits: u32,
    maker: Maker,
}

/// Who registered the block that this address lies in; `None` for an address of no listed block, for a
/// group address and for a locally administered one.
pub fn maker(mac: Mac) -> Option<Maker> {
    let [first, ..] = mac.0;
    if mac.is_group() || first & LOCALLY_ADMINISTERED != 0 {
        return None;
    }
    let address = number(&mac.0);
    blocks()
        .iter()
        .filter(|block| leading(address, block.bits) == Some(block.value))
        .max_by_key(|block| block.bits)
        .map(|block| block.maker)
}

fn blocks() -> &'static [Block] {
    static BLOCKS: OnceLock<Vec<Block>> = OnceLock::new();
    // A test sees to it that every line of the embedded text is read.
    BLOCKS.get_or_init(|| rows().filter_map(parse).collect())
}

/// Lines with a block: not the comments and not the header.
fn rows() -> impl Iterator<Item = &'static str> {
    ROWS.lines()
        .filter(|line| !line.starts_with('#') && !line.trim().is_empty())
        .skip(1)
}

fn parse(line: &'static str) -> Option<Block> {
    let mut cells = line.split('\t');
    let mut next = || cells.next();
    let (prefix, bits, organisation, vendor, kind, source) =
        (next()?, next()?, next()?, next()?, next()?, next()?);
    if next().is_some() || organisation.is_empty() || source.is_empty() {
        return None;
    }
    let bits: u32 = bits.parse().ok()?;
    Some(Block {
        value: parse_prefix(prefix, bits)?,
        bits,
        maker: Maker {
            organisation,
            vendor: (!vendor.is_empty()).then_some(vendor),
            kind: MakerKind::of(kind)?,
            prefix,
            source,
        },
    })
}

/// The number behind `60:60:1f` or `18:d7:93:6`, if it has that many bits.
fn parse_prefix(text: &str, bits: u32) -> Option<u64> {
    let digits: String = text.split(':').collect();
    let fits = matches!(bits, 24 | 28 | 36)
        && digits.len() == usize::try_from(bits / 4).ok()?
        && digits
            .bytes()
            .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
        && text.split(':').rev().skip(1).all(|group| group.len() == 2);
    fits.then(|| u64::from_str_radix(&digits, 16).ok())?
}

fn number(bytes: &[u8; 6]) -> u64 {
    bytes
        .iter()
        .fold(0, |sum, byte| (sum << 8) | u64::from(*byte))
}

fn leading(address: u64, bits: u32) -> Option<u64> {
    address.checked_shr(MAC_BITS.checked_sub(bits)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::classify::catalog::{Catalog, RoleAttribution};

    fn at(text: &str) -> Option<Maker> {
        maker(Mac::parse(text).unwrap())
    }

    #[test]
    fn every_row_is_read_sorted_unique_and_inside_no_other() {
        let mut before = String::new();
        for line in rows() {
            let block = parse(line).unwrap_or_else(|| panic!("unreadable: {line}"));
            assert!(*before < *block.maker.prefix, "not sorted: {line}");
            before = block.maker.prefix.to_owned();
            assert!(block.maker.source.len() > 20, "{line}");
            // The two lowest bits of the first byte, in the leading digits.
            let first = block.value >> (block.bits - 8);
            assert_eq!(first & 3, 0, "never assigned by the registry: {line}");
        }
        assert_eq!(rows().count(), blocks().len());
        for outer in blocks() {
            for inner in blocks().iter().filter(|inner| inner.bits > outer.bits) {
                assert_ne!(
                    inner.value >> (inner.bits - outer.bits),
                    outer.value,
                    "{} names the whole of a block that is split",
                    outer.maker.prefix
                );
            }
        }
    }

    #[test]
    fn a_vendor_is_an_owner_of_vendor_hosts() {
        for block in blocks() {
            if let Some(vendor) = block.maker.vendor {
                assert!(
                    Catalog::embedded().hosts().iter().any(|host| {
                        host.owner == vendor && host.attribution == RoleAttribution::Vendor
                    }),
                    "{vendor}"
                );
            }
        }
    }

    #[test]
    fn blocks_end_where_the_registry_ends_them() {
        // 24 bits, first and last address.
        for text in ["60:60:1f:00:00:00", "60:60:1f:ff:ff:ff"] {
            let dji = at(text).unwrap();
            assert_eq!(dji.vendor, Some("SZ DJI Technology"));
            assert_eq!((dji.kind, dji.prefix), (MakerKind::Drone, "60:60:1f"));
        }
        assert_eq!(at("60:60:1e:ff:ff:ff"), None);
        assert_eq!(at("60:60:20:00:00:00"), None);
        // 28 bits: the sixteenth part beside it is somebody else's.
        assert_eq!(at("18:d7:93:60:00:00").unwrap().vendor, Some("Autel"));
        assert!(at("18:d7:93:6f:ff:ff").is_some());
        for text in [
            "18:d7:93:5f:ff:ff",
            "18:d7:93:70:00:00",
            "ec:5b:cd:40:00:01",
        ] {
            assert_eq!(at(text), None, "{text}");
        }
        // 36 bits.
        assert!(at("70:b3:d5:48:20:00").is_some());
        assert!(at("70:b3:d5:48:2f:ff").is_some());
        assert_eq!(at("70:b3:d5:48:30:00"), None);
        // The maker of capacitors that has the name of a drone brand.
        assert_eq!(at("00:0c:bf:00:00:01"), None);
    }

    #[test]
    fn addresses_that_nobody_registered_match_nothing() {
        // The drone-maker's block with the U/L bit, the I/G bit and both.
        for text in [
            "62:60:1f:00:00:01",
            "61:60:1f:00:00:01",
            "63:60:1f:00:00:01",
        ] {
            assert_eq!(at(text), None, "{text}");
        }
        assert_eq!(maker(Mac([0xff; 6])), None);
        assert_eq!(maker(Mac([0; 6])), None);
    }

    #[test]
    fn prefixes_in_another_form_are_refused() {
        assert_eq!(parse_prefix("18:d7:93:6", 28), Some(0x18d_7936));
        for (text, bits) in [
            ("18:d7:93:6", 24),
            ("18:d7:93", 28),
            ("18:D7:93", 24),
            ("18d7:93", 24),
            ("18:d7:9:3", 24),
            ("18:d7:93:60", 32),
            ("+8:d7:93", 24),
            ("", 24),
        ] {
            assert_eq!(parse_prefix(text, bits), None, "{text}/{bits}");
        }
    }
}
