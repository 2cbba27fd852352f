//! Pictures and video by their first bytes, checked beyond the magic number.
//!
//! JPEG, PNG (W3C PNG §5.2, §11.2.1), WebP (RFC 9649 §2), TIFF and DNG; files of the ISO base media family (ISO/IEC 14496-12 §4.3:
//! MP4, QuickTime, HEIC, AVIF), Matroska and WebM (RFC 8794 §11.2.1), FLV, transport streams, H.264 and H.265. At the start of a message
//! all of them; inside other bytes only those whose head is long enough to be no chance.

use super::{exif, jpeg, video};
use crate::evidence::content::Kind;
use memchr::memmem;

/// Bytes of the start of a message that are enough to tell, JPEG's application segments aside.
pub(super) const START: usize = 64;
/// Pictures smaller than this in either direction are icons and pixels of analytics services.
const SIDE_MIN: u32 = 32;

/// A picture or video that was recognised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Media {
    pub(super) kind: Kind,
    /// Its format, for texts.
    pub(super) format: &'static str,
}

const fn image(format: &'static str) -> Option<Media> {
    Some(Media {
        kind: Kind::Image,
        format,
    })
}

const fn film(format: &'static str) -> Option<Media> {
    Some(Media {
        kind: Kind::Video,
        format,
    })
}

/// Brands of ISO base media files (MP4 Registration Authority): still pictures first.
const PICTURE_BRANDS: &[&[u8; 4]] = &[
    b"heic", b"heix", b"heim", b"heis", b"mif1", b"msf1", b"avif", b"avis",
];
const FILM_BRANDS: &[&[u8; 4]] = &[
    b"isom", b"iso2", b"iso3", b"iso4", b"iso5", b"iso6", b"mp41", b"mp42", b"mp71", b"avc1",
    b"hvc1", b"qt  ", b"M4V ", b"M4VH", b"M4VP", b"MSNV", b"3gp4", b"3gp5", b"3gp6", b"3g2a",
    b"dash", b"f4v ",
];

/// What begins at the start of `bytes`.
pub(super) fn at_start(bytes: &[u8]) -> Option<Media> {
    match bytes {
        [0xff, 0xd8, 0xff, ..] => match jpeg::head(bytes) {
            jpeg::Head::Picture(_) => image("JPEG"),
            jpeg::Head::More | jpeg::Head::No => None,
        },
        [0x89, b'P', ..] => png(bytes),
        [b'R', b'I', b'F', b'F', ..] => {
            (bytes.get(8..15) == Some(b"WEBPVP8")).then_some(image("WebP")?)
        }
        [b'I', b'I', ..] | [b'M', b'M', ..] => exif::is_picture(bytes).then_some(image("TIFF")?),
        [_, _, _, _, b'f', b't', b'y', b'p', ..] => iso(bytes),
        [0x1a, 0x45, 0xdf, 0xa3, ..] => {
            let head = bytes.get(..START).unwrap_or(bytes);
            let named = |name: &[u8]| head.windows(name.len()).any(|w| w == name);
            (named(b"webm") || named(b"matroska")).then_some(film("Matroska")?)
        }
        // Version 1, video flag, header of nine bytes, no tag before.
        [b'F', b'L', b'V', 1, flags, 0, 0, 0, 9, ..] => (flags & 1 == 1).then_some(film("FLV")?),
        [0x47, ..] => video::is_transport_stream(bytes).then_some(film("MPEG-TS")?),
        [0, 0, 0, 1, ..] => (video::find(bytes, 0) == Some(1)).then_some(film("H.264/H.265")?),
        _ => None,
    }
}

/// True while more bytes may turn what begins here into a picture.
pub(super) fn may_begin(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0xff, 0xd8, 0xff]) && jpeg::head(bytes) == jpeg::Head::More
        || (bytes.len() < 4096 && (bytes.starts_with(b"II*\0") || bytes.starts_with(b"MM\0*")))
        || (bytes.len() < 3 * 188 && bytes.first() == Some(&0x47))
}

/// A photo of which the capture or the connection lost all but the head.
pub(super) const CUT: Media = Media {
    kind: Kind::Image,
    format: "JPEG",
};

/// True for the head of a JPEG that ends before the picture: with Exif, or with segments that chain too long to be chance.
pub(super) fn is_cut(bytes: &[u8]) -> bool {
    /// Two segments and more.
    const LONG: usize = 64;
    let exif = bytes.get(6..10) == Some(b"Exif");
    bytes.len() >= LONG
        && exif
        && bytes.starts_with(&[0xff, 0xd8, 0xff])
        && jpeg::head(bytes) == jpeg::Head::More
}

/// The first picture or video that begins in `bytes` at `from` or behind, inside other data.
pub(super) fn inside(bytes: &[u8], from: usize) -> Option<(usize, Media)> {
    let place = |back: usize| move |at: usize| from.checked_add(at)?.checked_sub(back);
    let rest = bytes.get(from..).unwrap_or_default();
    let jpeg = memmem::find_iter(rest, &[0xff, 0xd8, 0xff]).filter_map(place(0));
    let jpeg = jpeg.filter(|at| {
        matches!(
            bytes.get(at.saturating_add(6)..),
            Some([b'J' | b'E', b'F' | b'x', ..])
        )
    });
    let png = memmem::find_iter(rest, b"\x89PNG").filter_map(place(0));
    let iso = memmem::find_iter(rest, b"ftyp").filter_map(place(4));
    let first = |mut places: &mut dyn Iterator<Item = usize>| {
        (&mut places).find_map(|at| at_start(bytes.get(at..)?).map(|media| (at, media)))
    };
    let still = [
        first(&mut { jpeg }),
        first(&mut { png }),
        first(&mut { iso }),
    ];
    let still = still.into_iter().flatten().min_by_key(|(at, _)| *at);
    let moving =
        video::find(bytes, from).and_then(|at| film("H.264/H.265").map(|media| (at, media)));
    [still, moving]
        .into_iter()
        .flatten()
        .min_by_key(|(at, _)| *at)
}

fn png(bytes: &[u8]) -> Option<Media> {
    let body = bytes.strip_prefix(b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR")?;
    let (
        &[
            w0,
            w1,
            w2,
            w3,
            h0,
            h1,
            h2,
            h3,
            depth,
            colour,
            0,
            0,
            interlace,
        ],
        _,
    ) = body.split_first_chunk::<13>()?
    else {
        return None;
    };
    let (width, height) = (
        u32::from_be_bytes([w0, w1, w2, w3]),
        u32::from_be_bytes([h0, h1, h2, h3]),
    );
    let fits = matches!(depth, 1 | 2 | 4 | 8 | 16)
        && matches!(colour, 0 | 2 | 3 | 4 | 6)
        && interlace <= 1;
    let large = (SIDE_MIN..1 << 20).contains(&width) && (SIDE_MIN..1 << 20).contains(&height);
    if fits && large { image("PNG") } else { None }
}

fn iso(bytes: &[u8]) -> Option<Media> {
    let size = u32::from_be_bytes(*bytes.first_chunk::<4>()?);
    let brand = bytes.get(8..)?.first_chunk::<4>()?;
    if !(16..=256).contains(&size) || size % 4 != 0 {
        return None;
    }
    if PICTURE_BRANDS.contains(&brand) {
        image("HEIF")
    } else if FILM_BRANDS.contains(&brand) {
        film("MP4")
    } else {
        None
    }
}

/// The position in a picture's head.
pub(super) fn position(head: &[u8]) -> Option<(f64, f64)> {
    match jpeg::head(head) {
        jpeg::Head::Picture(tiff) => exif::position(tiff?),
        jpeg::Head::More | jpeg::Head::No => exif::position(head),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::dissect::wire::test_bytes::{Noise, hex};

    fn format(bytes: &[u8]) -> &'static str {
        at_start(bytes).map_or("", |media| media.format)
    }

    #[test]
    fn formats_by_their_heads() {
        let photo = jpeg::samples::jpeg(&exif::samples::gps(), 4000);
        assert_eq!(format(&photo), "JPEG");
        assert!(position(&photo).is_some());
        assert_eq!(format(&jpeg::samples::jpeg(b"", 16)), "");
        let png = |side: &str| {
            hex(&format!(
                "89504e470d0a1a0a 0000000d 49484452 {side} {side} 08 06 00 00 00"
            ))
        };
        assert_eq!(
            (format(&png("00000400")), format(&png("00000001"))),
            ("PNG", "")
        );
        assert_eq!(format(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"), "HEIF");
        assert_eq!(
            format(b"\0\0\0\x20ftypisom\0\0\x02\0isomiso2avc1mp41"),
            "MP4"
        );
        assert_eq!(format(b"\0\0\0\x20ftypzzzz\0\0\x02\0"), "");
        assert_eq!(format(b"RIFF\x24\0\0\0WEBPVP8X"), "WebP");
        assert_eq!(
            format(&hex("1a45dfa3 01000000 0000001f 4282 84 7765626d")),
            "Matroska"
        );
        assert_eq!(format(b"FLV\x01\x05\0\0\0\x09\0\0\0\0"), "FLV");
        let message = [
            &b"\x02header of its own"[..],
            &jpeg::samples::jpeg(&exif::samples::gps(), 640),
        ]
        .concat();
        assert_eq!(
            inside(&message, 0).map(|(at, m)| (at, m.format)),
            Some((18, "JPEG"))
        );
    }

    #[test]
    fn noise_is_no_picture() {
        let mut noise = Noise(5);
        for _ in 0..300 {
            let bytes = noise.bytes(1400);
            assert!(inside(&bytes, 0).is_none() && at_start(&bytes).is_none());
        }
    }
}
