//! Google's QUIC before it hid its handshake (Q024 to Q046): packets in clear with a checksum, and the tagged handshake messages.
//!
//! By Chromium's public code, there being no standard: header (public flags up to Q043, long header from Q044 on), packet number,
//! 96 bits of FNV-1a over header, frames and the sender's word, frames. Messages: tag, number of entries, and per entry a tag and
//! the end of its value. Q050 has the same messages inside Initial packets.
//!
//! The checksum plays the part of the tag of later versions: what fails it is encrypted, or broken, and says nothing.

use super::keys::Sender;
use super::version::google_number;
use crate::ground::host_name::HostName;
use crate::observe::dissect::wire::Reader;

/// Length of a connection id.
const ID_LEN: usize = 8;
/// Length of what a server adds to its headers so that keys differ.
const NONCE_LEN: usize = 32;

/// A packet in clear whose checksum holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clear<'a> {
    /// Who sent it; not told before Q036.
    pub sender: Option<Sender>,
    /// The frames, without the flags that stand before them up to Q033.
    pub frames: &'a [u8],
    /// Length of the packet number in bytes.
    pub number_len: usize,
}

/// Opens a packet of `version`, with or without the version in it.
pub fn open(bytes: &[u8], version: u32) -> Option<Clear<'_>> {
    let first = *bytes.first()?;
    if first & 0x80 != 0 {
        return long(bytes, version);
    }
    // In a client's packet the bit belongs to the id length of old versions.
    let may_have_nonce = first & 0x04 != 0 && first & 0x01 == 0;
    short(bytes, version, false).or_else(|| {
        may_have_nonce
            .then(|| short(bytes, version, true))
            .flatten()
    })
}

/// Public flags, id, version, nonce, packet number (up to Q043).
fn short(bytes: &[u8], version: u32, with_nonce: bool) -> Option<Clear<'_>> {
    const HAS_VERSION: u8 = 0x01;
    const HAS_ID: u8 = 0x08;
    const NUMBER_LENGTHS: [usize; 4] = [1, 2, 4, 6];
    let mut reader = Reader::new(bytes);
    let flags = reader.u8()?;
    if flags & HAS_ID != 0 {
        reader.take(ID_LEN)?;
    }
    if flags & HAS_VERSION != 0 {
        reader.u32().filter(|v| *v == version)?;
    }
    if with_nonce {
        reader.take(NONCE_LEN)?;
    }
    let number_len = *NUMBER_LENGTHS.get(usize::from(flags >> 4 & 0x03))?;
    reader.take(number_len)?;
    let mut clear = checked(bytes, reader.position(), number_len)?;
    if google_number(version)? < 34 {
        clear.frames = clear.frames.get(1..)?;
    }
    Some(clear)
}

/// First byte, version, both id lengths in a byte, ids, packet number (from Q044 on).
fn long(bytes: &[u8], version: u32) -> Option<Clear<'_>> {
    let mut reader = Reader::new(bytes);
    let first = reader.u8()?;
    reader.u32().filter(|v| *v == version)?;
    let lengths = reader.u8()?;
    for nibble in [lengths >> 4, lengths & 0x0f] {
        // 0 stands for none, others for three more than they say.
        let len = usize::from(nibble);
        reader.take(if len == 0 { 0 } else { len.saturating_add(3) })?;
    }
    let number_len = if google_number(version)? < 46 {
        4
    } else {
        usize::from(first & 0x03).saturating_add(1)
    };
    reader.take(number_len)?;
    checked(bytes, reader.position(), number_len)
}

/// Splits header, checksum and frames, and checks.
fn checked(bytes: &[u8], header_len: usize, number_len: usize) -> Option<Clear<'_>> {
    const CHECKSUM_LEN: usize = 12;
    let (header, rest) = bytes.split_at_checked(header_len)?;
    let (sum, frames) = rest.split_at_checked(CHECKSUM_LEN)?;
    let mut little_endian = [0; 16];
    little_endian.get_mut(..CHECKSUM_LEN)?.copy_from_slice(sum);
    let sum = u128::from_le_bytes(little_endian);
    let common = fnv1a(fnv1a(FNV_BASIS, header), frames);
    let holds = |word: &[u8]| fnv1a(common, word) & (u128::MAX >> 32) == sum;
    let sender = if holds(b"Client") {
        Some(Sender::Client)
    } else if holds(b"Server") {
        Some(Sender::Server)
    } else if holds(b"") {
        None
    } else {
        return None;
    };
    Some(Clear {
        sender,
        frames,
        number_len,
    })
}

/// Fowler, Noll and Vo's hash, 128 bits.
const FNV_BASIS: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
const FNV_PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;

fn fnv1a(hash: u128, bytes: &[u8]) -> u128 {
    bytes.iter().fold(hash, |hash, &byte| {
        (hash ^ u128::from(byte)).wrapping_mul(FNV_PRIME)
    })
}

/// What a client's first message says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClientHello {
    /// The server names in it.
    pub server_names: Vec<HostName>,
    /// All of it is there.
    pub whole: bool,
}

/// Reads the client's hellos at the start of a handshake: a client repeats its hello with more in it. `None` if there is none.
pub fn client_hello(handshake: &[u8]) -> Option<ClientHello> {
    /// Hellos looked at; three are sent at most.
    const HELLOS: usize = 8;
    let mut hello: Option<ClientHello> = None;
    let mut rest = handshake;
    for _ in 0..HELLOS {
        if !rest.starts_with(b"CHLO") {
            break;
        }
        let into = hello.get_or_insert_default();
        let length = entries(rest, into);
        into.whole = length.is_some();
        let Some(behind) = length.and_then(|length| rest.get(length..)) else {
            break;
        };
        rest = behind;
    }
    hello
}

/// Adds the server names of one message; its length, if all of it is there.
fn entries(message: &[u8], into: &mut ClientHello) -> Option<usize> {
    /// Chromium takes no more.
    const ENTRIES_MAX: u16 = 128;
    const ENTRY_LEN: usize = 8;
    let mut reader = Reader::new(message);
    let _tag = reader.u32()?;
    let count = reader.u16()?.swap_bytes();
    let _padding = reader.u16()?;
    if count > ENTRIES_MAX {
        return None;
    }
    let values = reader
        .position()
        .checked_add(ENTRY_LEN.checked_mul(usize::from(count))?)?;
    let mut begin = values;
    for _ in 0..count {
        let tag: [u8; 4] = reader.array()?;
        let end = usize::try_from(reader.u32()?.swap_bytes()).ok()?;
        let end = values.checked_add(end)?;
        let value = message.get(begin..end);
        if let (b"SNI\0", Some(name)) = (&tag, value) {
            into.server_names.push(HostName::read(name));
        }
        if end < begin {
            return None;
        }
        begin = end;
    }
    (begin <= message.len()).then_some(begin)
}

/// Messages and packets made for tests.
#[cfg(test)]
pub(in crate::observe::dissect) mod build {
    use super::*;

    /// A hello with padding before the name, as Chromium's.
    pub(in crate::observe::dissect) fn hello(name: &[u8], padding: usize) -> Vec<u8> {
        let mut message = b"CHLO\x02\x00\x00\x00PAD\x00".to_vec();
        let end = u32::try_from(padding).unwrap();
        message.extend(end.to_le_bytes());
        message.extend(b"SNI\x00");
        message.extend((end + u32::try_from(name.len()).unwrap()).to_le_bytes());
        message.resize(message.len() + padding, b'-');
        message.extend(name);
        message
    }

    /// A packet in clear.
    pub(in crate::observe::dissect) fn packet(
        header: &[u8],
        frames: &[u8],
        word: &[u8],
    ) -> Vec<u8> {
        let sum = fnv1a(fnv1a(fnv1a(FNV_BASIS, header), frames), word).to_le_bytes();
        [header, &sum[..12], frames].concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::dissect::wire::test_bytes::{Noise, hex};

    const Q043: u32 = 0x5130_3433;

    #[test]
    fn checksums_of_both_senders() {
        // FNV-1a of "foobar", from the test suite of its authors.
        assert_eq!(
            fnv1a(FNV_BASIS, b"foobar"),
            0x343e_1662_793c_64bf_6f0d_3597_ba44_6f18
        );
        let header = hex("09 0102030405060708 51303433 01");
        let sent = build::packet(&header, b"frames", b"Client");
        let clear = open(&sent, Q043).unwrap();
        assert_eq!(
            (clear.sender, clear.frames),
            (Some(Sender::Client), &b"frames"[..])
        );
        assert_eq!(open(&sent, 0x5130_3339), None, "another version");
        for at in 0..sent.len() {
            let mut forged = sent.clone();
            forged[at] ^= 0x40;
            assert_eq!(open(&forged, Q043), None, "byte {at}");
        }
        let mut answer = hex("0c 0102030405060708");
        answer.extend([7; NONCE_LEN]);
        answer.extend([1]);
        let sent = build::packet(&answer, b"frames", b"Server");
        assert_eq!(open(&sent, Q043).unwrap().sender, Some(Sender::Server));
        let q046 = hex("c1 51303436 50 0102030405060708 0001");
        let sent = build::packet(&q046, b"frames", b"Client");
        assert_eq!(open(&sent, 0x5130_3436).unwrap().frames, b"frames");
        let q033 = hex("0d 0102030405060708 51303333 01");
        let sent = build::packet(&q033, b"\x00frames", b"");
        let clear = open(&sent, 0x5130_3333).unwrap();
        assert_eq!((clear.sender, clear.frames), (None, &b"frames"[..]));
    }

    #[test]
    fn hellos_whole_and_cut() {
        let names = |handshake: &[u8]| -> Vec<String> {
            let hello = client_hello(handshake).unwrap_or_default();
            let names = hello.server_names.iter();
            names.filter_map(|n| n.name().map(str::to_owned)).collect()
        };
        let one = build::hello(b"one.example", 200);
        let two = [one.clone(), build::hello(b"two.example", 0)].concat();
        assert_eq!(names(&two), ["one.example", "two.example"]);
        for cut in 0..one.len() {
            assert_eq!(
                names(&one[..cut]),
                Vec::<String>::new(),
                "a part of a name is none"
            );
            assert!(!client_hello(&one[..cut]).is_some_and(|h| h.whole));
        }
        assert!(client_hello(&one).unwrap().whole);
        assert_eq!(client_hello(b"REJ\0\0\0\0\0"), None);
        let mut noise = Noise(9);
        for _ in 0..20_000 {
            client_hello(&noise.damage(&two));
        }
    }
}
