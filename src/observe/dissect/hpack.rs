//! HPACK: the compressed header lists of HTTP/2 (RFC 7541).
//!
//! Reads integers (§5.1), strings (§5.2, Appendix B) and the field representations of §6 in one complete header block, and
//! keeps the dynamic table (§4) that ties the blocks of one direction together. Fields are lent one by one and never
//! collected: one byte may stand for a field of many kilobytes. A block means nothing without all blocks before it: who
//! misses one must stop.
//!
//! The maximum that the receiver sets for the table is not known here. The sender names what it really uses in a size
//! update (§4.2), which is believed; memory is bounded by a limit of this reader instead.

mod huffman;
mod table;

use crate::observe::dissect::wire::Reader;
use std::borrow::Cow;
use table::Table;

/// Why a block cannot be read, and none behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It breaks the format: a receiver ends the connection over it.
    Malformed,
    /// Its table is larger than is kept.
    TableTooLarge,
}

/// The state of one direction of a connection.
#[derive(Debug, Default)]
pub struct Decoder {
    table: Table,
}

impl Decoder {
    /// Reads one whole header block and lends each field, name first, in order.
    ///
    /// # Errors
    /// A [`Fault`] ends the reading of this direction: the table is no longer the sender's.
    pub fn decode(
        &mut self,
        block: &[u8],
        field: &mut dyn FnMut(&[u8], &[u8]),
    ) -> Result<(), Fault> {
        let mut reader = Reader::new(block);
        while !reader.is_empty() {
            self.representation(&mut reader, field)?;
        }
        Ok(())
    }

    /// One representation, told by its leading bits (§6).
    fn representation(
        &mut self,
        reader: &mut Reader<'_>,
        field: &mut dyn FnMut(&[u8], &[u8]),
    ) -> Result<(), Fault> {
        let first = *reader.rest().first().ok_or(Fault::Malformed)?;
        match first.leading_zeros() {
            // 1xxxxxxx: a field of the tables.
            0 => {
                let index = integer(reader, 7).ok_or(Fault::Malformed)?;
                let (name, value) = self.table.get(index).ok_or(Fault::Malformed)?;
                field(name, value);
            }
            // 01xxxxxx: a literal that is added to the table.
            1 => {
                let name = self.name(reader, 6)?;
                let value = string(reader).ok_or(Fault::Malformed)?;
                field(&name, &value);
                self.table.insert(name, &value)?;
            }
            // 001xxxxx: the size of the table.
            2 => {
                let size = integer(reader, 5).ok_or(Fault::Malformed)?;
                self.table.resize(size);
            }
            // 0000xxxx, 0001xxxx: a literal that is not added.
            _ => {
                let name = self.name(reader, 4)?;
                let value = string(reader).ok_or(Fault::Malformed)?;
                field(&name, &value);
            }
        }
        Ok(())
    }

    /// The name of a literal: that of a field of the tables, or a string behind an index of 0.
    fn name(&self, reader: &mut Reader<'_>, prefix: u32) -> Result<table::Name, Fault> {
        match integer(reader, prefix).ok_or(Fault::Malformed)? {
            0 => string(reader)
                .map(|name| table::Name::from(&*name))
                .ok_or(Fault::Malformed),
            index => self.table.name(index).ok_or(Fault::Malformed),
        }
    }
}

/// An integer whose first `prefix` bits stand in the low end of the first byte (§5.1). More than 32 bits, or more bytes than
/// such a number takes, are refused, as the section allows.
pub(super) fn integer(reader: &mut Reader<'_>, prefix: u32) -> Option<u32> {
    /// Bits of the number that the last byte of five begins at.
    const SHIFT_MAX: u32 = 28;
    let full = (1u32 << prefix).wrapping_sub(1);
    let mut value = u32::from(reader.u8()?) & full;
    if value < full {
        return Some(value);
    }
    for shift in (0..=SHIFT_MAX).step_by(7) {
        let byte = reader.u8()?;
        let bits = u64::from(byte & 0x7f) << shift;
        value = value.checked_add(u32::try_from(bits).ok()?)?;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

/// A string: the Huffman bit, a length, the bytes (§5.2).
fn string<'b>(reader: &mut Reader<'b>) -> Option<Cow<'b, [u8]>> {
    string_of(reader, 7)
}

/// A string whose length begins in the last `prefix` bits of the first byte, the Huffman bit before them (RFC 9204 §4.1.2).
pub(super) fn string_of<'b>(reader: &mut Reader<'b>, prefix: u32) -> Option<Cow<'b, [u8]>> {
    let coded = reader.rest().first()? >> prefix & 1 != 0;
    let length = usize::try_from(integer(reader, prefix)?).ok()?;
    let bytes = reader.take(length)?;
    if coded {
        huffman::decode(bytes).map(Cow::Owned)
    } else {
        Some(Cow::Borrowed(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::dissect::wire::test_bytes::{Noise, hex};

    fn read(decoder: &mut Decoder, block: &[u8]) -> Result<Vec<String>, Fault> {
        let mut fields = Vec::new();
        decoder.decode(block, &mut |name, value| {
            let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
            fields.push(format!("{}: {}", text(name), text(value)));
        })?;
        Ok(fields)
    }

    #[test]
    fn integers_of_appendix_c_1() {
        let number = |text: &str, prefix| integer(&mut Reader::new(&hex(text)), prefix);
        assert_eq!(number("ea", 5), Some(10));
        assert_eq!(number("1f9a0a", 5), Some(1337));
        assert_eq!(number("2a", 8), Some(42));
        // The largest number, and what is beyond it, too long, or cut.
        assert_eq!(number("ff80feffff0f", 8), Some(u32::MAX));
        for bad in [
            "ff81feffff0f",
            "ffffffffff10",
            "ff808080808001",
            "ff80",
            "ff",
            "",
        ] {
            assert_eq!(number(bad, 8), None, "{bad}");
        }
    }

    const GET: &str = ":method: GET";
    const EXAMPLE: &str = ":authority: www.example.com";
    const CACHE: &str = "cache-control: no-cache";
    const CUSTOM: &str = "custom-key: custom-value";
    const PRIVATE: &str = "cache-control: private";
    const DATE_21: &str = "date: Mon, 21 Oct 2013 20:13:21 GMT";
    const DATE_22: &str = "date: Mon, 21 Oct 2013 20:13:22 GMT";
    const LOCATION: &str = "location: https://www.example.com";
    const COOKIE: &str = "set-cookie: foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1";

    fn requests(blocks: [&str; 3]) -> Vec<(&str, Vec<&str>, usize, Vec<&str>)> {
        let http = [GET, ":scheme: http", ":path: /", EXAMPLE];
        let https = [GET, ":scheme: https", ":path: /index.html", EXAMPLE, CUSTOM];
        vec![
            (blocks[0], http.to_vec(), 57, vec![EXAMPLE]),
            (
                blocks[1],
                [&http[..], &[CACHE]].concat(),
                110,
                vec![CACHE, EXAMPLE],
            ),
            (blocks[2], https.to_vec(), 164, vec![CUSTOM, CACHE, EXAMPLE]),
        ]
    }

    fn responses(blocks: [&str; 3]) -> Vec<(&str, Vec<&str>, usize, Vec<&str>)> {
        let (found, moved, ok) = (":status: 302", ":status: 307", ":status: 200");
        let gzip = "content-encoding: gzip";
        vec![
            (
                blocks[0],
                vec![found, PRIVATE, DATE_21, LOCATION],
                222,
                vec![LOCATION, DATE_21, PRIVATE, found],
            ),
            (
                blocks[1],
                vec![moved, PRIVATE, DATE_21, LOCATION],
                222,
                vec![moved, LOCATION, DATE_21, PRIVATE],
            ),
            (
                blocks[2],
                vec![ok, PRIVATE, DATE_22, LOCATION, gzip, COOKIE],
                215,
                vec![COOKIE, gzip, DATE_22],
            ),
        ]
    }

    #[test]
    fn connections_of_appendix_c_2_to_c_6() {
        let single = |block, field, size, table: &[&'static str]| {
            (4096, vec![(block, vec![field], size, table.to_vec())])
        };
        let custom = "custom-key: custom-header";
        let connections = [
            single(
                "400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572",
                custom,
                55,
                &[custom],
            ),
            single(
                "040c 2f73 616d 706c 652f 7061 7468",
                ":path: /sample/path",
                0,
                &[],
            ),
            single(
                "1008 7061 7373 776f 7264 0673 6563 7265 74",
                "password: secret",
                0,
                &[],
            ),
            single("82", GET, 0, &[]),
            (
                4096,
                requests([
                    "8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
                    "8286 84be 5808 6e6f 2d63 6163 6865",
                    "8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65",
                ]),
            ),
            (
                4096,
                requests([
                    "8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff",
                    "8286 84be 5886 a8eb 1064 9cbf",
                    "8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf",
                ]),
            ),
            (
                256,
                responses([
                    "4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 \
                 2032 303a 3133 3a32 3120 474d 546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
                    "4803 3330 37c1 c0bf",
                    "88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d \
                 54c0 5a04 677a 6970 7738 666f 6f3d 4153 444a 4b48 514b 425a 584f 5157 454f 5049 \
                 5541 5851 5745 4f49 553b 206d 6178 2d61 6765 3d33 3630 303b 2076 6572 7369 6f6e 3d31",
                ]),
            ),
            (
                256,
                responses([
                    "4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 \
                 2d1b ff6e 919d 29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3",
                    "4883 640e ffc1 c0bf",
                    "88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab \
                 77ad 94e7 821d d7f2 e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f \
                 9587 3160 65c0 03ed 4ee5 b106 3d50 07",
                ]),
            ),
        ];
        for (table_size, blocks) in connections {
            let mut decoder = Decoder::default();
            decoder.table.resize(table_size);
            for (block, fields, size, table) in blocks {
                assert_eq!(read(&mut decoder, &hex(block)).unwrap(), fields, "{block}");
                assert_eq!(decoder.table.size(), size, "{block}");
                let entries: Vec<String> = (62..)
                    .map_while(|index| decoder.table.get(index))
                    .map(|(n, v)| {
                        format!(
                            "{}: {}",
                            String::from_utf8_lossy(n),
                            String::from_utf8_lossy(v)
                        )
                    })
                    .collect();
                assert_eq!(entries, table, "{block}");
            }
        }
    }

    #[test]
    fn the_table_follows_the_size_updates_of_the_sender() {
        let mut decoder = Decoder::default();
        let add = hex("4001 61 01 62"); // a: b, 34 bytes
        read(&mut decoder, &add).unwrap();
        assert_eq!(
            read(&mut decoder, &hex("20 be")),
            Err(Fault::Malformed),
            "emptied"
        );
        // 33 bytes hold no such entry; it is read all the same (§4.4).
        assert_eq!(
            read(&mut decoder, &[&hex("3f02")[..], &add].concat()).unwrap(),
            ["a: b"]
        );
        assert_eq!(decoder.table.size(), 0);
        // A table of a gigabyte may be announced; what is kept is bounded.
        read(&mut decoder, &hex("3fe1ffffff03")).unwrap();
        let value = vec![b'x'; 8000];
        let large = [&hex("4001 61 7f c13d")[..], &value].concat();
        let results: Vec<_> = (0..3)
            .map(|_| read(&mut decoder, &large).map(|f| f.len()))
            .collect();
        assert_eq!(results, [Ok(1), Ok(1), Err(Fault::TableTooLarge)]);
    }

    #[test]
    fn what_breaks_the_format_is_refused() {
        for bad in [
            "80",       // index 0
            "be",       // beyond the tables
            "7e 00",    // a name beyond the tables
            "41 05 61", // a string longer than the block
            "41",
            "bf ff ff ff ff ff",
            "41 81 00",          // Huffman padding of zeros
            "41 82 1f ff",       // more than seven bits of padding
            "41 84 ff ff ff ff", // the end-of-string symbol
        ] {
            assert_eq!(
                read(&mut Decoder::default(), &hex(bad)),
                Err(Fault::Malformed),
                "{bad}"
            );
        }
        let mut noise = Noise(7);
        let good = hex("8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf 3fe1 1f");
        for _ in 0..20_000 {
            let mut decoder = Decoder::default();
            read(&mut decoder, &hex("4001 61 01 62 4001 63 01 64")).unwrap();
            let _ = read(&mut decoder, &noise.damage(&good));
            let _ = read(&mut decoder, &noise.bytes(64));
        }
    }
}
