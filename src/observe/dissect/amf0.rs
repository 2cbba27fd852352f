//! AMF0: the values of RTMP commands (Adobe "AMF 0" specification, December 2007, §2).
//!
//! Reads strings, and the string properties of one object; everything else is passed over by its marker, nested objects included.
//! Values in AMF3 are not read: a command switches to them behind what is looked for here.

use crate::observe::dissect::wire::Reader;

/// Objects inside objects that are passed over. Commands nest two or three.
const DEPTH_MAX: u8 = 16;

/// Type markers (§2.1).
mod marker {
    pub(super) const NUMBER: u8 = 0x00;
    pub(super) const BOOLEAN: u8 = 0x01;
    pub(super) const STRING: u8 = 0x02;
    pub(super) const OBJECT: u8 = 0x03;
    pub(super) const NULL: u8 = 0x05;
    pub(super) const UNDEFINED: u8 = 0x06;
    pub(super) const REFERENCE: u8 = 0x07;
    pub(super) const ECMA_ARRAY: u8 = 0x08;
    pub(super) const OBJECT_END: u8 = 0x09;
    pub(super) const STRICT_ARRAY: u8 = 0x0a;
    pub(super) const DATE: u8 = 0x0b;
    pub(super) const LONG_STRING: u8 = 0x0c;
    pub(super) const UNSUPPORTED: u8 = 0x0d;
    pub(super) const XML: u8 = 0x0f;
    pub(super) const TYPED_OBJECT: u8 = 0x10;
}

/// A string value.
pub fn string<'a>(reader: &mut Reader<'a>) -> Option<&'a [u8]> {
    match reader.u8()? {
        marker::STRING => reader.vector16(),
        marker::LONG_STRING => long(reader),
        _ => None,
    }
}

/// A number value.
pub fn number(reader: &mut Reader<'_>) -> Option<f64> {
    match reader.u8()? {
        marker::NUMBER => reader.u64().map(f64::from_bits),
        _ => None,
    }
}

/// Lends the string properties of an object or ECMA array, name first. `None` if it breaks off or breaks the format; what came before
/// was lent all the same.
pub fn properties<'a>(
    reader: &mut Reader<'a>,
    property: &mut dyn FnMut(&'a [u8], &'a [u8]),
) -> Option<()> {
    match reader.u8()? {
        marker::OBJECT => {}
        marker::ECMA_ARRAY => {
            reader.u32()?;
        }
        marker::TYPED_OBJECT => {
            reader.vector16()?;
        }
        _ => return None,
    }
    loop {
        let name = reader.vector16()?;
        let kind = *reader.rest().first()?;
        match kind {
            marker::OBJECT_END => return reader.u8().map(|_| ()),
            marker::STRING | marker::LONG_STRING => property(name, string(reader)?),
            _ => pass(reader, DEPTH_MAX)?,
        }
    }
}

fn long<'a>(reader: &mut Reader<'a>) -> Option<&'a [u8]> {
    let length = usize::try_from(reader.u32()?).ok()?;
    reader.take(length)
}

/// Passes over one value.
fn pass(reader: &mut Reader<'_>, depth: u8) -> Option<()> {
    let deeper = depth.checked_sub(1)?;
    match reader.u8()? {
        marker::NUMBER => reader.take(8).map(|_| ()),
        marker::BOOLEAN => reader.take(1).map(|_| ()),
        marker::STRING => reader.vector16().map(|_| ()),
        marker::NULL | marker::UNDEFINED | marker::UNSUPPORTED => Some(()),
        marker::REFERENCE => reader.take(2).map(|_| ()),
        marker::DATE => reader.take(10).map(|_| ()),
        marker::LONG_STRING | marker::XML => long(reader).map(|_| ()),
        marker::OBJECT => pass_pairs(reader, deeper),
        marker::ECMA_ARRAY => {
            reader.u32()?;
            pass_pairs(reader, deeper)
        }
        marker::TYPED_OBJECT => {
            reader.vector16()?;
            pass_pairs(reader, deeper)
        }
        marker::STRICT_ARRAY => {
            // Each value takes a byte at least, so the count needs no bound of its own.
            let count = reader.u32()?;
            for _ in 0..count {
                pass(reader, deeper)?;
            }
            Some(())
        }
        _ => None,
    }
}

fn pass_pairs(reader: &mut Reader<'_>, depth: u8) -> Option<()> {
    loop {
        reader.vector16()?;
        if *reader.rest().first()? == marker::OBJECT_END {
            return reader.u8().map(|_| ());
        }
        pass(reader, depth)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::dissect::wire::test_bytes::{Noise, hex};

    #[test]
    fn strings_of_an_object_are_found_behind_values_of_every_kind() {
        let bytes = hex("03
            0001 61 00 3ff0000000000000  0001 62 01 01  0001 63 05  0001 64 06  0001 65 07 0001
            0001 66 08 00000001 0001 78 02 0001 79 0000 09
            0001 67 0a 00000002 05 02 0001 7a
            0001 68 0b 0000000000000000 0000  0001 69 0c 00000002 6c6c  0001 6a 0d  0001 6b 0f 00000001 78
            0001 6c 10 0001 54 0001 70 02 0001 71 0000 09
            0001 6d 03 0001 6e 03 0000 09 0000 09
            0001 6f 02 0002 6f6b 0000 09");
        let read = |bytes: &[u8]| {
            let mut found = Vec::new();
            let mut reader = Reader::new(bytes);
            let whole = properties(&mut reader, &mut |n, v| found.push([n, v].concat()));
            (whole, found, reader.position())
        };
        assert_eq!(
            read(&bytes),
            (
                Some(()),
                vec![b"ill".to_vec(), b"ook".to_vec()],
                bytes.len()
            )
        );
        for cut in 0..bytes.len() {
            assert_eq!(read(&bytes[..cut]).0, None, "{cut}");
        }
        let nested = [&hex("03 0001 61")[..], &hex("03 0001 61").repeat(40)].concat();
        assert_eq!(read(&nested).0, None, "deeper than is followed");
        let mut noise = Noise(3);
        for _ in 0..20_000 {
            let _ = read(&noise.damage(&bytes));
        }
    }
}
