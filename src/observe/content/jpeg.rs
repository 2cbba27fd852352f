//! JPEG files (ITU-T T.81 annex B): a start of image, then marker segments that chain; and the Exif segment among them.

/// Segments walked before the picture itself: an application segment each for Exif, XMP, ICC, maker notes, thumbnails.
const SEGMENTS_MAX: usize = 64;
/// Below this in either direction it is a pixel of an analytics service or an icon, not a photo.
const SIDE_MIN: u16 = 32;

/// What the head of a JPEG says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Head<'b> {
    /// A picture; with the Exif data, if it has any.
    Picture(Option<&'b [u8]>),
    /// Good so far: the picture's frame header has not come.
    More,
    /// None, or too small to be a photo.
    No,
}

/// Reads the head at the start of `bytes`.
pub(super) fn head(bytes: &[u8]) -> Head<'_> {
    if !bytes.starts_with(&[0xff, 0xd8]) {
        return Head::No;
    }
    let mut exif = None;
    let mut at = 2usize;
    for _ in 0..SEGMENTS_MAX {
        let rest = bytes.get(at..).unwrap_or_default();
        let Some(&[start, marker, high, low]) = rest.first_chunk::<4>() else {
            return if rest.first().is_none_or(|&b| b == 0xff) {
                Head::More
            } else {
                Head::No
            };
        };
        let length = usize::from(u16::from_be_bytes([high, low]));
        if start != 0xff || length < 2 {
            return Head::No;
        }
        match marker {
            // Application data, tables, comments, restart interval.
            0xe0..=0xef | 0xdb | 0xc4 | 0xcc | 0xfe | 0xdd => {
                let body = rest.get(4..2usize.saturating_add(length).min(rest.len()));
                if marker == 0xe1
                    && let Some(tiff) = body.and_then(|b| b.strip_prefix(b"Exif\0\0"))
                {
                    exif = exif.or(Some(tiff));
                }
            }
            // Frame headers: precision, height, width, components.
            0xc0..=0xc3 | 0xc5..=0xc7 | 0xc9..=0xcb | 0xcd..=0xcf => {
                let Some(&[precision, h0, h1, w0, w1, components]) =
                    rest.get(4..).and_then(|b| b.first_chunk::<6>())
                else {
                    return Head::More;
                };
                let (height, width) = (u16::from_be_bytes([h0, h1]), u16::from_be_bytes([w0, w1]));
                let fits = matches!(precision, 8 | 12 | 16)
                    && matches!(components, 1..=4)
                    && length == 8usize.saturating_add(usize::from(components).saturating_mul(3));
                let large = width >= SIDE_MIN && height >= SIDE_MIN;
                return if fits && large {
                    Head::Picture(exif)
                } else {
                    Head::No
                };
            }
            _ => return Head::No,
        }
        at = at.saturating_add(2).saturating_add(length);
    }
    Head::No
}

#[cfg(test)]
pub(super) mod samples {
    /// A JPEG head with this Exif data, and this picture size.
    pub(in crate::observe::content) fn jpeg(exif: &[u8], side: u16) -> Vec<u8> {
        let mut out = vec![0xff, 0xd8];
        if !exif.is_empty() {
            let length = u16::try_from(exif.len() + 8).unwrap_or(u16::MAX);
            out.extend([0xff, 0xe1]);
            out.extend(length.to_be_bytes());
            out.extend(b"Exif\0\0");
            out.extend(exif);
        }
        out.extend([0xff, 0xdb, 0, 4, 0, 1]);
        out.extend([0xff, 0xc0, 0, 17, 8]);
        out.extend(side.to_be_bytes());
        out.extend(side.to_be_bytes());
        out.extend([3, 1, 0x22, 0, 2, 0x11, 1, 3, 0x11, 1]);
        out.extend([
            0xff, 0xda, 0, 12, 3, 1, 0, 2, 0x11, 3, 0x11, 0, 0x3f, 0, 0x5a, 0x5a,
        ]);
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_whole_small_or_broken() {
        let photo = samples::jpeg(b"II*\0", 3000);
        assert_eq!(head(&photo), Head::Picture(Some(&b"II*\0"[..])));
        for cut in 2..photo.len() - 20 {
            assert!(
                matches!(head(&photo[..cut]), Head::More | Head::Picture(_)),
                "{cut}"
            );
        }
        assert_eq!(head(&samples::jpeg(b"", 1)), Head::No);
        assert_eq!(head(b"\xff\xd8\xff\x00\x00\x00"), Head::No);
        assert_eq!(head(b"\xff\xd8not one"), Head::No);
    }
}
