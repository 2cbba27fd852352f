//! Line ends that were translated on the way: a capture that went through a terminal or a transfer
//! in text mode.
//!
//! `adb shell tcpdump -w -` puts a pseudo terminal between program and file, which writes CR LF for
//! every byte 0x0a (LF); some adb versions on Windows write CR CR LF. pcapng has its first four
//! bytes for noticing that (draft-ietf-opsawg-pcapng §4.1), pcap has nothing: there the records
//! stop making sense behind the first such byte, and make sense again once the translation is
//! undone. Undoing it is proof enough to name the cause; evidence is not repaired.

/// Bytes in which a translated start is looked for.
pub(super) const START: usize = 64;

/// How many CRs a translation puts before each LF.
pub(super) const TRANSLATIONS: [usize; 2] = [1, 2];

/// What the translation did to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Translation {
    /// LF became CR LF.
    Inserted,
    /// CR LF became LF.
    Removed,
}

impl Translation {
    /// (what is wrong, what to do)
    pub(super) fn told(self) -> (&'static str, &'static str) {
        match self {
            Self::Inserted => (
                "the file went through a terminal that wrote CR LF for LF (adb shell); nothing in it can be trusted",
                "record again with adb exec-out instead of adb shell",
            ),
            Self::Removed => (
                "the file went through a transfer in text mode that wrote LF for CR LF; nothing in it can be trusted",
                "copy it again in binary mode",
            ),
        }
    }
}

/// `bytes` as they were when `crs` CRs were put before each LF; `None` when that cannot have
/// happened, because an LF stands without them, or there is none.
pub(super) fn undo(bytes: &[u8], crs: usize) -> Option<Vec<u8>> {
    let mut out: Vec<u8> = Vec::with_capacity(bytes.len());
    let mut undone = false;
    for &byte in bytes {
        if byte == b'\n' {
            let kept = out.len().checked_sub(crs)?;
            if !out.get(kept..)?.iter().all(|&b| b == b'\r') {
                return None;
            }
            out.truncate(kept);
            undone = true;
        }
        out.push(byte);
    }
    undone.then_some(out)
}

/// Whether a file begins like a pcapng whose section header was translated.
pub(super) fn section_header(start: &[u8]) -> Option<Translation> {
    const INSERTED: [&[u8]; 4] = [
        b"\r\n\r\r\r\n",
        b"\r\r\n\r\r\r\r\n",
        // A translation that leaves a CR LF as it is.
        b"\r\n\r\r\n",
        b"\r\r\n\r\r\n",
    ];
    const REMOVED: [&[u8]; 2] = [b"\n\r\n", b"\n\n"];
    let found = if INSERTED.iter().any(|m| start.starts_with(m)) {
        Translation::Inserted
    } else if REMOVED.iter().any(|m| start.starts_with(m)) {
        Translation::Removed
    } else {
        return None;
    };
    // The byte-order magic stands 8 bytes on, and the translation does not touch it.
    let near = start.get(..24).unwrap_or(start);
    near.windows(4)
        .any(|w| w == [0x1a, 0x2b, 0x3c, 0x4d] || w == [0x4d, 0x3c, 0x2b, 0x1a])
        .then_some(found)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// What a terminal makes of `bytes`.
    pub(in crate::observe::capture) fn translate(bytes: &[u8], crs: usize) -> Vec<u8> {
        let mut out = Vec::new();
        for &byte in bytes {
            if byte == b'\n' {
                out.extend(std::iter::repeat_n(b'\r', crs));
            }
            out.push(byte);
        }
        out
    }

    #[test]
    fn undoing_is_the_inverse_and_refuses_what_was_not_done() {
        let bytes = b"\n\r\r\n\x1c\0\0\0\r\n\n\r";
        for crs in TRANSLATIONS {
            assert_eq!(undo(&translate(bytes, crs), crs).unwrap(), bytes);
        }
        assert_eq!(undo(b"a\r\nb\n", 1), None);
        assert_eq!(undo(b"no line end", 1), None);
    }

    #[test]
    fn a_translated_section_header_is_recognised() {
        let header = b"\n\r\r\n\x1c\0\0\0\x4d\x3c\x2b\x1a\x01\0\0\0";
        assert_eq!(section_header(header), None);
        for crs in TRANSLATIONS {
            assert_eq!(
                section_header(&translate(header, crs)),
                Some(Translation::Inserted)
            );
        }
        assert_eq!(
            section_header(b"\r\n\r\r\n\x1c\0\0\0\x4d\x3c\x2b\x1a"),
            Some(Translation::Inserted)
        );
        assert_eq!(
            section_header(b"\n\r\n\x1c\0\0\0\x4d\x3c\x2b\x1a"),
            Some(Translation::Removed)
        );
        assert_eq!(section_header(b"\r\n\r\r\n\x1c\0\0\0 only text"), None);
    }
}
