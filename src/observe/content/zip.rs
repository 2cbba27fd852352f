//! ZIP archives (APPNOTE.TXT §4.3.7): the entries behind their local headers, stored or deflated.

use super::encoding::{Coding, Inflate, Stopped};
use crate::observe::dissect::wire::Reader;

/// What an archive begins with.
pub(super) const MAGIC: &[u8] = b"PK\x03\x04";
/// Entries of an archive that are opened.
const ENTRIES_MAX: usize = 256;

/// Says of each entry how many bytes of the archive it takes, and lends its content. `open` gets the content in pieces, `None` at
/// the end of an entry.
pub(super) fn entries(archive: &[u8], open: &mut dyn FnMut(Entry<'_>)) {
    let mut rest = archive;
    for _ in 0..ENTRIES_MAX {
        let Some(length) = entry(rest, open) else {
            return;
        };
        rest = rest.get(length..).unwrap_or_default();
    }
    if rest.starts_with(MAGIC) {
        open(Entry::Beyond);
    }
}

/// Part of an entry.
pub(super) enum Entry<'b> {
    /// Its name begins it.
    Name(&'b [u8]),
    /// Some of its content.
    Content(&'b [u8]),
    /// There is more than is looked at: of an entry, or entries.
    Beyond,
    /// Its end: bytes of the archive that its content took, and whether it could be opened.
    End { packed: usize, opened: bool },
}

fn entry(bytes: &[u8], open: &mut dyn FnMut(Entry<'_>)) -> Option<usize> {
    let mut reader = Reader::new(bytes.strip_prefix(MAGIC)?);
    let mut u16 = || reader.array().map(u16::from_le_bytes);
    let (_, flags, method) = (u16()?, u16()?, u16()?);
    reader.take(8)?;
    let mut size = || {
        reader
            .array()
            .map(u32::from_le_bytes)
            .and_then(|n| usize::try_from(n).ok())
    };
    let (packed, _) = (size()?, size()?);
    let mut length = || reader.array().map(u16::from_le_bytes).map(usize::from);
    let (name, extra) = (length()?, length()?);
    open(Entry::Name(reader.take(name)?));
    reader.take(extra)?;
    let head = reader.position().checked_add(MAGIC.len())?;
    let content = reader.rest();
    // Sizes may stand behind the content (bit 3); then the content ends where deflate says so, which nobody asks here.
    let sized = flags & 0x0008 == 0;
    let content = if sized {
        content.get(..packed).unwrap_or(content)
    } else {
        content
    };
    let encrypted = flags & 0x0001 != 0;
    let opened = match method {
        0 if sized && !encrypted => {
            open(Entry::Content(content));
            true
        }
        8 if !encrypted => {
            let mut inflate = Inflate::new(Coding::Raw);
            let mut any = false;
            let ended = inflate.push(content, &mut |piece| {
                any |= !piece.is_empty();
                open(Entry::Content(piece));
            });
            if ended == Err(Stopped::Grown) {
                open(Entry::Beyond);
            }
            any
        }
        _ => false,
    };
    open(Entry::End {
        packed: content.len(),
        opened,
    });
    sized.then(|| head.saturating_add(packed))
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::write::DeflateEncoder;
    use std::io::Write as _;

    pub(in crate::observe::content) fn archive(
        name: &str,
        content: &[u8],
        deflated: bool,
    ) -> Vec<u8> {
        let mut encoder = DeflateEncoder::new(Vec::new(), flate2::Compression::default());
        let packed = match encoder.write_all(content).and_then(|()| encoder.finish()) {
            Ok(packed) if deflated => packed,
            _ => content.to_vec(),
        };
        let mut out = MAGIC.to_vec();
        out.extend([
            20,
            0,
            0,
            0,
            if deflated { 8 } else { 0 },
            0,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
        ]);
        out.extend(u32::try_from(packed.len()).unwrap_or(0).to_le_bytes());
        out.extend(u32::try_from(content.len()).unwrap_or(0).to_le_bytes());
        out.extend(u16::try_from(name.len()).unwrap_or(0).to_le_bytes());
        out.extend([0, 0]);
        out.extend(name.as_bytes());
        out.extend(packed);
        out
    }

    #[test]
    fn entries_one_by_one() {
        let bytes = [
            archive("a.txt", b"stored text", false),
            archive("b.txt", b"deflated deflated deflated", true),
        ]
        .concat();
        let mut read = Vec::new();
        entries(&bytes, &mut |entry| match entry {
            Entry::Name(name) => read.push(String::from_utf8_lossy(name).into_owned()),
            Entry::Content(piece) => read.extend(
                [String::from_utf8_lossy(piece).into_owned()]
                    .into_iter()
                    .filter(|p| !p.is_empty()),
            ),
            Entry::End { opened, .. } => assert!(opened),
            Entry::Beyond => unreachable!("little comes out"),
        });
        assert_eq!(
            read,
            [
                "a.txt",
                "stored text",
                "b.txt",
                "deflated deflated deflated"
            ]
        );
        let mut noise = crate::observe::dissect::wire::test_bytes::Noise(8);
        for _ in 0..5_000 {
            entries(&noise.damage(&bytes), &mut |_| {});
        }
    }
}
