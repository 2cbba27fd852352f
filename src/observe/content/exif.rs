//! The position in Exif data (CIPA DC-008, TIFF 6.0 §2): the GPS directory of a TIFF structure.
//!
//! Byte order mark, 42, offset of the first directory; a directory is a count and entries of twelve bytes: tag, type, count,
//! value or offset. Tag 0x8825 points to the GPS directory: 1 and 3 are the letters, 2 and 4 three rationals each. The same
//! structure begins TIFF and DNG files.

/// Entries of a directory that are looked at; cameras write some dozens.
const ENTRIES_MAX: u16 = 512;

/// A TIFF structure with its byte order.
struct Tiff<'b> {
    bytes: &'b [u8],
    little: bool,
}

impl<'b> Tiff<'b> {
    fn read(bytes: &'b [u8]) -> Option<Self> {
        let little = match bytes.get(..4)? {
            b"II*\0" => true,
            b"MM\0*" => false,
            _ => return None,
        };
        Some(Self { bytes, little })
    }

    fn u16(&self, at: usize) -> Option<u16> {
        let raw = *self.bytes.get(at..)?.first_chunk::<2>()?;
        Some(if self.little {
            u16::from_le_bytes(raw)
        } else {
            u16::from_be_bytes(raw)
        })
    }

    fn u32(&self, at: usize) -> Option<u32> {
        let raw = *self.bytes.get(at..)?.first_chunk::<4>()?;
        Some(if self.little {
            u32::from_le_bytes(raw)
        } else {
            u32::from_be_bytes(raw)
        })
    }

    fn offset(&self, at: usize) -> Option<usize> {
        usize::try_from(self.u32(at)?).ok()
    }

    /// Where the entries of a directory stand.
    fn entries(&self, directory: usize) -> impl Iterator<Item = usize> {
        let count = self.u16(directory).unwrap_or(0).min(ENTRIES_MAX);
        (0..usize::from(count))
            .filter_map(move |n| directory.checked_add(2)?.checked_add(n.checked_mul(12)?))
    }

    fn entry(&self, directory: usize, tag: u16) -> Option<usize> {
        self.entries(directory)
            .find(|at| self.u16(*at) == Some(tag))
    }

    /// An angle of three rationals: degrees, minutes, seconds.
    fn angle(&self, entry: usize) -> Option<f64> {
        const RATIONAL: u16 = 5;
        if self.u16(entry.checked_add(2)?)? != RATIONAL || self.u32(entry.checked_add(4)?)? != 3 {
            return None;
        }
        let at = self.offset(entry.checked_add(8)?)?;
        let mut sum = 0.0;
        for (place, unit) in [1.0, 60.0, 3600.0].into_iter().enumerate() {
            let at = at.checked_add(place.checked_mul(8)?)?;
            let (numerator, denominator) = (self.u32(at)?, self.u32(at.checked_add(4)?)?);
            if denominator == 0 {
                return None;
            }
            sum += f64::from(numerator) / f64::from(denominator) / unit;
        }
        Some(sum)
    }
}

/// Latitude and longitude, if the structure at the start of `bytes` has them.
pub(super) fn position(bytes: &[u8]) -> Option<(f64, f64)> {
    const GPS: u16 = 0x8825;
    let tiff = Tiff::read(bytes)?;
    let first = tiff.offset(4)?;
    let gps = tiff.offset(tiff.entry(first, GPS)?.checked_add(8)?)?;
    let half = |letter_tag: u16, angle_tag: u16, negative: u8| {
        let letter = tiff
            .bytes
            .get(tiff.entry(gps, letter_tag)?.checked_add(8)?)?;
        let angle = tiff.angle(tiff.entry(gps, angle_tag)?)?;
        Some(if *letter == negative { -angle } else { angle })
    };
    let (latitude, longitude) = (half(1, 2, b'S')?, half(3, 4, b'W')?);
    super::position::plausible(latitude, longitude).then_some((latitude, longitude))
}

/// The position in the first TIFF structure with a GPS directory inside other bytes: pictures that are small, cut, or in a container
/// keep theirs. Its header and the directory behind it are no chance.
pub(super) fn inside(bytes: &[u8]) -> Option<(f64, f64)> {
    /// Headers that are tried; each costs a walk of a directory.
    const HEADERS_MAX: usize = 8;
    let little = memchr::memmem::find_iter(bytes, b"II*\0");
    let big = memchr::memmem::find_iter(bytes, b"MM\0*");
    little
        .take(HEADERS_MAX)
        .chain(big.take(HEADERS_MAX))
        .find_map(|at| position(bytes.get(at..)?))
}

/// True for a TIFF or DNG file: the first directory has the tags that every picture must have (TIFF 6.0 §4), in order, and a
/// size of a photo.
pub(super) fn is_picture(bytes: &[u8]) -> bool {
    /// See the same bound for JPEG.
    const SIDE_MIN: u32 = 32;
    const WIDTH: u16 = 256;
    const HEIGHT: u16 = 257;
    const SHORT: u16 = 3;
    let Some(tiff) = Tiff::read(bytes) else {
        return false;
    };
    let side = |tag| {
        let entry = tiff.entry(tiff.offset(4)?, tag)?;
        let value = entry.checked_add(8)?;
        match tiff.u16(entry.checked_add(2)?)? {
            SHORT => tiff.u16(value).map(u32::from),
            _ => tiff.u32(value),
        }
    };
    let ordered = tiff.offset(4).is_some_and(|directory| {
        let tags: Vec<u16> = tiff
            .entries(directory)
            .filter_map(|at| tiff.u16(at))
            .collect();
        tags.is_sorted()
    });
    ordered
        && [WIDTH, HEIGHT]
            .into_iter()
            .all(|tag| side(tag).is_some_and(|s| s >= SIDE_MIN))
}

#[cfg(test)]
pub(super) mod samples {
    /// A TIFF structure with a GPS directory: 48° 8' 13.632" N, 11° 34' 31.44" E, little-endian.
    pub(in crate::observe::content) fn gps() -> Vec<u8> {
        let mut out = b"II*\0\x08\0\0\0".to_vec();
        let entry = |tag: u16, kind: u16, count: u32, value: u32| {
            [
                &tag.to_le_bytes()[..],
                &kind.to_le_bytes(),
                &count.to_le_bytes(),
                &value.to_le_bytes(),
            ]
            .concat()
        };
        out.extend(1u16.to_le_bytes());
        out.extend(entry(0x8825, 4, 1, 26));
        out.extend(0u32.to_le_bytes());
        out.extend(4u16.to_le_bytes());
        out.extend(entry(1, 2, 2, u32::from(b'N')));
        out.extend(entry(2, 5, 3, 80));
        out.extend(entry(3, 2, 2, u32::from(b'E')));
        out.extend(entry(4, 5, 3, 104));
        out.extend(0u32.to_le_bytes());
        for (numerator, denominator) in [
            (48u32, 1u32),
            (8, 1),
            (13632, 1000),
            (11, 1),
            (34, 1),
            (3144, 100),
        ] {
            out.extend(numerator.to_le_bytes());
            out.extend(denominator.to_le_bytes());
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::dissect::wire::test_bytes::Noise;

    #[test]
    fn the_position_is_read_and_damage_is_survived() {
        let data = samples::gps();
        let (latitude, longitude) = position(&data).unwrap_or_default();
        assert!((latitude - 48.13712).abs() < 1e-6 && (longitude - 11.5754).abs() < 1e-6);
        for cut in 0..data.len() {
            assert_eq!(position(&data[..cut]), None);
        }
        let mut noise = Noise(7);
        for _ in 0..20_000 {
            position(&noise.damage(&data));
            is_picture(&noise.damage(&data));
        }
        assert!(!is_picture(&data), "a directory without a picture");
    }
}
