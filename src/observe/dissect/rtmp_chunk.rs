//! RTMP chunks and the `connect` command in them (Adobe "Real Time Messaging Protocol" 1.0, December 2012).
//!
//! Reads the length of the handshake (§5.2), chunk headers (§5.3.1), Set Chunk Size and Abort (§5.4) and the `tcUrl` of `connect`
//! (§7.2.1.1). A message lies in chunks of 128 bytes at first, so that a URL may have the header of the next chunk in its middle;
//! messages on other chunk streams may lie between. Media is passed over. RTMPE (first byte 6 or 8) is encrypted and not recognised.

use super::amf0;
use crate::observe::dissect::wire::{Fit, Reader};

/// First byte of the client: version 3 (§5.2.2).
pub const VERSION: u8 = 3;
/// Bytes of C0, C1 and C2.
pub const HANDSHAKE_LEN: usize = 1 + 2 * HALF;
/// Bytes of C0 and C1, behind which the client waits for the server.
pub const OPENING_LEN: usize = 1 + HALF;
const HALF: usize = 1536;

/// Chunk size until it is set (§5.4.1).
const CHUNK_SIZE: usize = 128;
/// Bytes kept of a command. A `connect` has a few hundred, with long tokens in its URL a few thousand.
const COMMAND_MAX: usize = 16 << 10;
/// Chunk streams followed at a time; clients use about six.
const STREAMS_MAX: usize = 16;
/// Stands in a timestamp field when the time follows behind (§5.3.1.3).
const EXTENDED: u32 = 0xff_ffff;

/// Message types (§5.4, §7.1).
mod message_type {
    pub(super) const SET_CHUNK_SIZE: u8 = 1;
    pub(super) const ABORT: u8 = 2;
    pub(super) const COMMAND_AMF3: u8 = 17;
    pub(super) const COMMAND_AMF0: u8 = 20;
}

/// Whether the bytes are a `connect` command from its first chunk header on.
pub fn is_connect(bytes: &[u8]) -> bool {
    /// The name as an AMF0 string, behind a header of type 0.
    const NAME: &[u8] = b"\x02\x00\x07connect";
    let mut reader = Reader::new(bytes);
    let Some(header) = Header::read(&mut reader) else {
        return false;
    };
    let name = match header.message {
        Some((_, message_type::COMMAND_AMF0)) => reader.rest(),
        Some((_, message_type::COMMAND_AMF3)) => reader.rest().get(1..).unwrap_or_default(),
        _ => return false,
    };
    header.format == 0 && name.starts_with(NAME)
}

/// Whether chunks lead to a `connect` command: nothing but protocol control messages (§5.4) comes before it.
pub fn leads_to_connect(bytes: &[u8]) -> Fit {
    /// The longest of them is Set Peer Bandwidth with 5 bytes, User Control has up to 10.
    const CONTROL_MAX: usize = 16;
    /// Basic header 3, message header 11, extended time 4, a zero byte, the name.
    const CONNECT_HEAD_MAX: usize = 3 + 11 + 4 + 1 + 10;
    let mut rest = bytes;
    loop {
        if is_connect(rest) {
            return Fit::Mine;
        }
        let mut reader = Reader::new(rest);
        match Header::read(&mut reader).map(|h| (h.format, h.message)) {
            Some((0, Some((length, 1..=6)))) if length <= CONTROL_MAX => {
                let end = reader.position().saturating_add(length);
                match rest.get(end..) {
                    Some(behind) => rest = behind,
                    None => return Fit::NeedMore,
                }
            }
            _ if rest.len() < CONNECT_HEAD_MAX => return Fit::NeedMore,
            _ => return Fit::NotMine,
        }
    }
}

/// A chunk header.
struct Header {
    /// How much of the message header stands there, 0 for all to 3 for nothing (§5.3.1.2).
    format: u8,
    chunk_stream: u32,
    /// Length and type of the message, if they stand there.
    message: Option<(usize, u8)>,
    /// The timestamp field, if it stands there.
    time: Option<u32>,
}

impl Header {
    /// Up to the timestamp field's extension, which depends on the chunk before.
    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let first = reader.u8()?;
        let chunk_stream = match first & 0x3f {
            0 => u32::from(reader.u8()?).wrapping_add(64),
            // The third byte counts 256 (§5.3.1.1).
            1 => {
                let [low, high] = reader.array()?;
                u32::from(u16::from_le_bytes([low, high])).wrapping_add(64)
            }
            id => u32::from(id),
        };
        let format = first >> 6;
        let time = if format < 3 {
            Some(reader.u24()?)
        } else {
            None
        };
        let message = if format < 2 {
            Some((usize::try_from(reader.u24()?).ok()?, reader.u8()?))
        } else {
            None
        };
        if format == 0 {
            reader.u32()?;
        }
        if time == Some(EXTENDED) {
            reader.u32()?;
        }
        Some(Self {
            format,
            chunk_stream,
            message,
            time,
        })
    }
}

/// What is known of one chunk stream.
#[derive(Debug, Default)]
struct ChunkStream {
    id: u32,
    length: usize,
    kind: u8,
    extended: bool,
    /// Bytes of the message that were not in chunks yet; 0 between messages.
    left: usize,
    /// The message so far, if it is one that is read.
    kept: Vec<u8>,
}

impl ChunkStream {
    fn is_kept(&self) -> bool {
        matches!(
            self.kind,
            message_type::SET_CHUNK_SIZE
                | message_type::ABORT
                | message_type::COMMAND_AMF0
                | message_type::COMMAND_AMF3
        )
    }
}

/// What comes of the next chunk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Chunk {
    /// The chunk is not whole.
    NeedMore,
    /// This many bytes are done with, whether they are here or not.
    Passed(usize),
    /// A `connect` was read, and this many bytes are done with.
    Connect(Connect, usize),
    /// More chunk streams than are followed.
    TooMany,
    /// These bytes are no chunk.
    Broken,
}

/// What a `connect` says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Connect {
    /// The URLs of the server, as sent; one in honest commands.
    pub urls: Vec<Vec<u8>>,
    /// The command was longer than is kept, and no URL was found in what was.
    pub cut: bool,
}

/// The chunks of one direction.
#[derive(Debug)]
pub struct Chunks {
    size: usize,
    streams: Vec<ChunkStream>,
}

impl Default for Chunks {
    fn default() -> Self {
        Self {
            size: CHUNK_SIZE,
            streams: Vec::new(),
        }
    }
}

impl Chunks {
    /// Reads the chunk at the start of `bytes`.
    pub fn next(&mut self, bytes: &[u8]) -> Chunk {
        let mut reader = Reader::new(bytes);
        let Some(header) = Header::read(&mut reader) else {
            return Chunk::NeedMore;
        };
        let known = self
            .streams
            .iter()
            .position(|s| s.id == header.chunk_stream);
        let at = match known {
            Some(at) => at,
            // The first chunk of a stream has a whole header.
            None if header.format != 0 => return Chunk::Broken,
            None if self.streams.len() >= STREAMS_MAX => return Chunk::TooMany,
            None => {
                self.streams.push(ChunkStream {
                    id: header.chunk_stream,
                    ..ChunkStream::default()
                });
                self.streams.len().saturating_sub(1)
            }
        };
        let Some(stream) = self.streams.get_mut(at) else {
            return Chunk::Broken;
        };
        // A chunk without a time of its own repeats the extended one of its message (§5.3.1.3).
        if header.format == 3 && stream.extended && reader.u32().is_none() {
            return Chunk::NeedMore;
        }
        let (length, kind) = header.message.unwrap_or((stream.length, stream.kind));
        let begins = stream.left == 0;
        if !begins && header.message.is_some() && (length, kind) != (stream.length, stream.kind) {
            return Chunk::Broken;
        }
        let left = if begins { length } else { stream.left };
        let payload = left.min(self.size);
        let used = reader.position().saturating_add(payload);
        let kept = ChunkStream {
            kind,
            ..ChunkStream::default()
        }
        .is_kept();
        let room = COMMAND_MAX.saturating_sub(if begins { 0 } else { stream.kept.len() });
        let wanted = payload.min(room);
        let taken = if kept {
            reader.take(wanted)
        } else {
            Some(&[][..])
        };
        let Some(taken) = taken else {
            return Chunk::NeedMore;
        };
        // From here on the chunk counts as read.
        (stream.length, stream.kind) = (length, kind);
        if let Some(time) = header.time {
            stream.extended = time == EXTENDED;
        }
        if begins {
            stream.kept.clear();
        }
        stream.kept.extend_from_slice(taken);
        stream.left = left.saturating_sub(payload);
        if stream.left > 0 || !stream.is_kept() {
            return Chunk::Passed(used);
        }
        let message = std::mem::take(&mut stream.kept);
        self.message(kind, length, &message, used)
    }

    fn message(&mut self, kind: u8, length: usize, message: &[u8], used: usize) -> Chunk {
        let number = Reader::new(message).u32();
        match (kind, number) {
            (message_type::SET_CHUNK_SIZE, Some(size)) => {
                // The first bit is 0, and no chunk is empty (§5.4.1).
                let size = usize::try_from(size & 0x7fff_ffff).unwrap_or(usize::MAX);
                self.size = size.max(1);
            }
            (message_type::ABORT, Some(id)) => {
                if let Some(stream) = self.streams.iter_mut().find(|s| s.id == id) {
                    stream.left = 0;
                    stream.kept.clear();
                }
            }
            (message_type::COMMAND_AMF0 | message_type::COMMAND_AMF3, _) => {
                if let Some(connect) = connect(kind, message, length > message.len()) {
                    return Chunk::Connect(connect, used);
                }
            }
            _ => {}
        }
        Chunk::Passed(used)
    }

    /// The connection ended with `bytes` unread: a `connect` may be among what was begun.
    pub fn end(&mut self, bytes: &[u8]) -> Option<Connect> {
        let mut reader = Reader::new(bytes);
        let begun = Header::read(&mut reader).and_then(|header| {
            let found = self
                .streams
                .iter_mut()
                .find(|s| s.id == header.chunk_stream);
            let (kind, mut kept) = match (found, header.message) {
                (Some(stream), _) if stream.left > 0 => {
                    (stream.kind, std::mem::take(&mut stream.kept))
                }
                (_, Some((_, kind))) => (kind, Vec::new()),
                _ => return None,
            };
            kept.extend(reader.rest().iter().take(self.size));
            Some((kind, kept))
        });
        let others = self.streams.iter().map(|s| (s.kind, s.kept.clone()));
        begun
            .into_iter()
            .chain(others)
            .find_map(|(kind, kept)| connect(kind, &kept, false))
    }
}

/// Reads a `connect`; `None` for every other command.
fn connect(kind: u8, message: &[u8], cut: bool) -> Option<Connect> {
    let mut reader = Reader::new(message);
    match kind {
        message_type::COMMAND_AMF0 => {}
        // The format of what follows; 0 is AMF0.
        message_type::COMMAND_AMF3 if reader.u8()? == 0 => {}
        _ => return None,
    }
    if amf0::string(&mut reader)? != b"connect" {
        return None;
    }
    amf0::number(&mut reader)?;
    let mut found = Connect::default();
    let whole = amf0::properties(&mut reader, &mut |name, value| {
        if name == b"tcUrl" {
            found.urls.push(value.to_vec());
        }
    });
    found.cut = cut && whole.is_none() && found.urls.is_empty();
    Some(found)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::observe::dissect::wire::test_bytes::Noise;

    /// A `connect` as clients send it.
    pub(crate) fn command(url: &str) -> Vec<u8> {
        let text = |text: &str| {
            [
                &u16::try_from(text.len()).unwrap().to_be_bytes(),
                text.as_bytes(),
            ]
            .concat()
        };
        let pair = |name: &str, value: &str| [&text(name)[..], &[2], &text(value)].concat();
        [
            &[2][..],
            &text("connect"),
            &[0, 0x3f, 0xf0, 0, 0, 0, 0, 0, 0, 3],
            &pair("app", "live"),
            &pair("type", "nonprivate"),
            &pair("flashVer", "FMLE/3.0 (compatible; Lavf59.27.100)"),
            &text("fpad"),
            &[1, 0],
            &pair("tcUrl", url),
            &[0, 0, 9],
        ]
        .concat()
    }

    /// A message in chunks of `size`, on chunk stream 3, with a time that is extended or not.
    pub(crate) fn chunked(message: &[u8], kind: u8, size: usize, extended: bool) -> Vec<u8> {
        let length = u32::try_from(message.len()).unwrap().to_be_bytes();
        let time: &[u8] = if extended { &[0xff; 3] } else { &[0; 3] };
        let extension: &[u8] = if extended { &[1, 2, 3, 4] } else { &[] };
        let mut bytes = [&[3][..], time, &length[1..], &[kind, 0, 0, 0, 0], extension].concat();
        for (at, piece) in message.chunks(size).enumerate() {
            if at > 0 {
                bytes.push(0xc3);
                bytes.extend(extension);
            }
            bytes.extend(piece);
        }
        bytes
    }

    fn read(chunks: &mut Chunks, bytes: &[u8]) -> Result<Connect, Chunk> {
        let mut rest = bytes;
        loop {
            match chunks.next(rest) {
                Chunk::Passed(used) => rest = rest.get(used..).unwrap_or_default(),
                Chunk::Connect(connect, used) if used == rest.len() => return Ok(connect),
                other => return Err(other),
            }
        }
    }

    fn found(url: &str) -> Result<Connect, Chunk> {
        Ok(Connect {
            urls: vec![url.into()],
            cut: false,
        })
    }

    const URL: &str = "rtmp://live-push.eu-central-1.streaming.vendor.example:1935/live/session?token=0123456789abcdef";

    #[test]
    fn the_url_comes_whole_out_of_any_chunks() {
        let message = command(URL);
        assert!(message.len() > 2 * CHUNK_SIZE - 64);
        for extended in [false, true] {
            let bytes = chunked(&message, 20, CHUNK_SIZE, extended);
            assert_eq!(read(&mut Chunks::default(), &bytes), found(URL));
            for cut in 0..bytes.len() {
                let result = read(&mut Chunks::default(), &bytes[..cut]);
                assert_eq!(result, Err(Chunk::NeedMore), "{cut}");
            }
        }
        // AMF3 command with AMF0 values inside.
        let amf3 = chunked(&[&[0], &message[..]].concat(), 17, CHUNK_SIZE, false);
        assert_eq!(read(&mut Chunks::default(), &amf3), found(URL));
        assert!(is_connect(&amf3) && is_connect(&chunked(&message, 20, 128, true)));
        assert!(!is_connect(&chunked(&command(URL)[1..], 20, 128, false)));
    }

    #[test]
    fn other_messages_lie_before_and_between() {
        let message = command(URL);
        // Set Chunk Size 64 on chunk stream 2, media on a two-byte and a three-byte stream id.
        let mut bytes = vec![2, 0, 0, 0, 0, 0, 4, 1, 0, 0, 0, 0, 0, 0, 0, 64];
        bytes.extend([0x00, 6, 0, 0, 0, 0, 0, 70, 9, 1, 0, 0, 0]);
        bytes.extend([7; 64]);
        bytes.extend([0x01, 1, 1, 0, 0, 0, 0, 0, 3, 8, 1, 0, 0, 0, 7, 7, 7]);
        let connect = chunked(&message, 20, 64, false);
        bytes.extend(&connect[..12 + 64]);
        // The rest of the media, then a delta header with a length, then only a delta.
        bytes.extend([0xc0, 6, 7, 7, 7, 7, 7, 7]);
        bytes.extend([0x40, 6, 0, 0, 9, 0, 0, 2, 9, 7, 7]);
        bytes.extend([0x80, 6, 0, 0, 9, 7, 7]);
        bytes.extend(&connect[12 + 64..]);
        assert_eq!(read(&mut Chunks::default(), &bytes), found(URL));
        // An aborted command is begun anew.
        let mut bytes = chunked(&message, 20, 128, false)[..12 + 128].to_vec();
        bytes.extend([2, 0, 0, 0, 0, 0, 4, 2, 0, 0, 0, 0, 0, 0, 0, 3]);
        bytes.extend(chunked(&message, 20, 128, false));
        assert_eq!(read(&mut Chunks::default(), &bytes), found(URL));
    }

    #[test]
    fn an_end_in_the_middle_bounds_and_noise() {
        let bytes = chunked(&command("rtmp://a.example/live"), 20, 128, false);
        let mut chunks = Chunks::default();
        assert_eq!(chunks.next(&bytes), Chunk::Passed(140));
        let connect = chunks.end(&bytes[140..bytes.len() - 3]);
        assert_eq!(connect.unwrap().urls, [b"rtmp://a.example/live"]);

        let long = command(&"x".repeat(COMMAND_MAX));
        let bytes = chunked(&long, 20, 128, false);
        let cut = Connect {
            urls: vec![],
            cut: true,
        };
        assert_eq!(read(&mut Chunks::default(), &bytes), Ok(cut));
        let streams: Vec<u8> = (2..40)
            .flat_map(|id| [id, 0, 0, 0, 0, 0, 1, 8, 0, 0, 0, 0, 7])
            .collect();
        assert_eq!(read(&mut Chunks::default(), &streams), Err(Chunk::TooMany));
        assert_eq!(Chunks::default().next(&[0xc3, 0]), Chunk::Broken);
        let mut noise = Noise(9);
        for _ in 0..20_000 {
            let _ = read(&mut Chunks::default(), &noise.damage(&bytes[..400]));
            Chunks::default().end(&noise.bytes(64));
        }
    }
}
