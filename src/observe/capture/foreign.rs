//! What is passed by mistake in place of a capture, by its first bytes: archives, other capture
//! formats, reports. Only for a message that says what it is and what to do.

use std::path::Path;

/// Bytes that are looked at: the magic of a tar archive lies at 257.
pub(super) const LOOK: usize = 512;

const UNPACK: &str = "unpack it first and name the capture in it";
const DECOMPRESS: &str = "decompress it first; gzip, zstd, lz4 and xz are read as they are";
const CONVERT: &str = "convert it first: editcap -F pcapng INPUT OUTPUT, or Save As in Wireshark";
const NO_PACKETS: &str = "it holds no packets; record with tcpdump, PCAPdroid or Wireshark";
const FETCH: &str = "fetch the file itself";

/// (at, magic, what it is, what to do)
const MAGICS: [(usize, &[u8], &str, &str); 33] = [
    (0, b"PK\x03\x04", "a zip archive", UNPACK),
    (0, b"PK\x05\x06", "an empty zip archive", UNPACK),
    (0, b"PK\x07\x08", "a zip archive", UNPACK),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", UNPACK),
    (0, b"Rar!\x1a\x07", "a RAR archive", UNPACK),
    (257, b"ustar", "a tar archive", UNPACK),
    (0, b"BZh", "compressed with bzip2", DECOMPRESS),
    (0, b"LZIP", "compressed with lzip", DECOMPRESS),
    (0, b"\x89LZO\0", "compressed with lzop", DECOMPRESS),
    (0, b"\x1f\x9d", "compressed with compress", DECOMPRESS),
    (0, b"\x5d\0\0", "compressed with lzma", DECOMPRESS),
    (
        0,
        b"\x02\x21\x4c\x18",
        "in the legacy format of lz4",
        DECOMPRESS,
    ),
    // Seen once one layer of compression is off.
    (0, b"\x1f\x8b", "compressed a second time", DECOMPRESS),
    (
        0,
        b"\x28\xb5\x2f\xfd",
        "compressed a second time",
        DECOMPRESS,
    ),
    (
        0,
        b"\x04\x22\x4d\x18",
        "compressed a second time",
        DECOMPRESS,
    ),
    (0, b"\xfd7zXZ", "compressed a second time", DECOMPRESS),
    (0, b"snoop\0\0\0", "a snoop capture (RFC 1761)", CONVERT),
    (0, b"GMBU", "a Microsoft Network Monitor capture", CONVERT),
    (0, b"RTSS", "a Microsoft Network Monitor capture", CONVERT),
    (0, b"TRSNIFF data    \x1a", "a Sniffer capture", CONVERT),
    (0, b"XCP\0", "a NetXRay or Sniffer capture", CONVERT),
    (0, b"iptrace ", "an AIX iptrace capture", CONVERT),
    (0, b"\x05VNF", "a Visual Networks capture", CONVERT),
    (0, b"\x7fver", "an EtherPeek or OmniPeek capture", CONVERT),
    (0, b"btsnoop\0", "a Bluetooth log (btsnoop)", NO_PACKETS),
    (0, b"SQLite format 3\0", "an SQLite database", NO_PACKETS),
    (0, b"%PDF-", "a PDF document", NO_PACKETS),
    (0, b"\x89PNG", "a picture", NO_PACKETS),
    (0, b"\xff\xd8\xff", "a picture", NO_PACKETS),
    (4, b"ftyp", "a video", NO_PACKETS),
    (0, b"\x7fELF", "a program", NO_PACKETS),
    (
        0,
        b"version https://git-lfs",
        "a Git LFS pointer",
        "fetch the file itself: git lfs pull",
    ),
    (
        0,
        b"\xff\xfe",
        "UTF-16 text, as a redirection in Windows PowerShell writes it",
        "record again, and let tcpdump write the file (-w FILE) or redirect in cmd.exe",
    ),
];

/// Formats without a magic, by the name's ending.
const ENDINGS: [(&str, &str, &str); 5] = [
    ("br", "compressed with Brotli, by its name", DECOMPRESS),
    (
        "etl",
        "a Windows event trace, by its name",
        "convert it first: pktmon etl2pcap or etl2pcapng",
    ),
    ("erf", "an Endace ERF capture, by its name", CONVERT),
    ("flow", "a mitmproxy flow file, by its name", NO_PACKETS),
    ("flows", "a mitmproxy flow file, by its name", NO_PACKETS),
];

/// What `start` (the first [`LOOK`] bytes of `name`) is, and what to do about it.
pub(super) fn recognise(start: &[u8], name: &str) -> Option<(&'static str, &'static str)> {
    let magic = MAGICS
        .iter()
        .find(|(at, magic, ..)| start.get(*at..).is_some_and(|s| s.starts_with(magic)));
    if let Some((.., what, todo)) = magic {
        return Some((what, todo));
    }
    let ending = Path::new(name).extension().and_then(|e| e.to_str());
    let named = ending.and_then(|ending| {
        ENDINGS
            .iter()
            .find(|(e, ..)| e.eq_ignore_ascii_case(ending))
            .map(|(_, what, todo)| (*what, *todo))
    });
    // A few compressed bytes can pass for text: what the name says comes first.
    named.or_else(|| text(start))
}

/// Kinds of text; `None` when it is none.
fn text(start: &[u8]) -> Option<(&'static str, &'static str)> {
    let start = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start);
    // The look may end inside a character.
    let whole = start.utf8_chunks().next()?;
    let binary = whole.valid().len() + 4 < start.len()
        || whole
            .valid()
            .chars()
            .any(|c| c.is_control() && !c.is_whitespace() && c != '\u{1b}');
    if binary {
        return None;
    }
    let text = whole.valid().trim_start();
    let lower: String = text.to_ascii_lowercase();
    Some(if text.starts_with(['{', '[']) {
        if lower.contains("drone-audit/report/") {
            (
                "a report of this program",
                "name the capture that it was made from",
            )
        } else if lower.contains("\"log\"") && lower.contains("\"creator\"") {
            (
                "a HAR file: what a browser or proxy says it did",
                NO_PACKETS,
            )
        } else {
            ("JSON text", NO_PACKETS)
        }
    } else if lower.starts_with("<!doctype html") || lower.starts_with("<html") {
        ("a web page", FETCH)
    } else if lower.starts_with("<?xml") {
        ("XML text", NO_PACKETS)
    } else {
        (
            "text",
            "without -w FILE tcpdump prints text; record again with it. text2pcap turns a hex dump into a capture",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_passed_by_mistake_is_named() {
        let mut tar = vec![0; 512];
        tar[..12].copy_from_slice(b"flight.pcapn");
        tar[257..262].copy_from_slice(b"ustar");
        for (start, name, what) in [
            (&b"PK\x03\x04\x14\0"[..], "flight.zip", "a zip archive"),
            (&tar, "flight.tar", "a tar archive"),
            (b"BZh91AY&SY", "x.pcap.bz2", "compressed with bzip2"),
            (b"snoop\0\0\0\0\0\0\x02", "x", "a snoop capture (RFC 1761)"),
            (
                b"GMBU\0\x02",
                "x.cap",
                "a Microsoft Network Monitor capture",
            ),
            (
                b"{\n \"log\": {\"version\": \"1.2\", \"creator\": {}",
                "x.har",
                "a HAR file: what a browser or proxy says it did",
            ),
            (
                b"{\"schema\":\"drone-audit/report/v1\"",
                "r.json",
                "a report of this program",
            ),
            (b"\xef\xbb\xbf[]", "x", "JSON text"),
            (b"<!DOCTYPE html><html>", "x.pcap", "a web page"),
            (
                b"12:00:00.000000 IP 10.0.0.1.5 > 10.0.0.2.53: UDP\r\n",
                "x.txt",
                "text",
            ),
            (
                b"\xff\xfe\xe1\x25\x93\x25",
                "x.pcap",
                "UTF-16 text, as a redirection in Windows PowerShell writes it",
            ),
            (
                b"\x0b\x2f\x80\x00\x03",
                "x.pcap.br",
                "compressed with Brotli, by its name",
            ),
            (
                b"\0\0\x01\0\x48\x02",
                "trace.ETL",
                "a Windows event trace, by its name",
            ),
        ] {
            assert_eq!(recognise(start, name).map(|r| r.0), Some(what), "{name}");
        }
        assert_eq!(recognise(b"\x01\x02\x03\x04", "x.pcap"), None);
        // Text cut inside a character is text; a capture's bytes are not.
        assert!(recognise(b"f\xc3", "x").is_some());
        assert_eq!(recognise(b"\xd4\xc3\xb2\xa1\x02\0\x04\0", "x"), None);
    }
}
