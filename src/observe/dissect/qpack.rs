//! QPACK: the compressed header lists of HTTP/3 (RFC 9204).
//!
//! Reads the instructions of an encoder stream (§4.3), which fill the dynamic table, and header blocks (§4.5), which refer to it. Integers and
//! strings are those of HPACK. Fields are lent one by one and never collected, as in [`hpack`](super::hpack), and the table is bounded by a
//! limit of this reader: that is why the decoder is our own, since those of the HTTP/3 libraries hand out owned lists and take their bounds
//! from the peer they speak for. What a decoder stream says (§4.4) changes nothing here.
//!
//! A block may name entries that have not come yet (§2.1.2): it waits, in the hands of whoever has it. Where the encoder stream is torn, what
//! a block says without the dynamic table is still lent.

mod fixed;

use super::hpack::{integer, string_of};
use crate::observe::dissect::wire::Reader;
use fixed::STATIC;
use std::collections::VecDeque;
use std::sync::Arc;

/// What an entry counts beside its text (§3.2.1).
const OVERHEAD: usize = 32;
/// Largest dynamic table kept, on each connection: browsers and servers offer 64 kB or less.
const KEPT_MAX: usize = 64 << 10;
/// Longest instruction: one that is longer fills no table that is kept.
const INSTRUCTION_MAX: usize = KEPT_MAX;

/// Why a block cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It breaks the format.
    Malformed,
    /// It names entries that have not come. Nothing of it was lent.
    Blocked,
    /// It names entries that are not kept, or never came; the others were lent.
    Missing,
}

/// What came of the bytes of an encoder stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Instructions {
    /// So many bytes are done with.
    Done(usize),
    /// Nothing of the table can be told any more: it breaks the format, or is larger than is kept.
    Broken,
}

type Entry = (Arc<[u8]>, Arc<[u8]>);

/// The state of one direction of a connection.
#[derive(Debug, Default)]
pub struct Decoder {
    /// Newest last.
    entries: VecDeque<Entry>,
    /// Entries that there were before them.
    dropped: u64,
    size: usize,
    capacity: usize,
    /// The largest capacity that the receiver allows (§3.2.3), if its settings were seen.
    allowed: Option<usize>,
    /// The largest that the sender used.
    used: usize,
    broken: bool,
}

impl Decoder {
    /// The receiver of this direction allows a table of so many bytes.
    pub fn allows(&mut self, capacity: u64) {
        self.allowed = Some(usize::try_from(capacity).unwrap_or(usize::MAX));
    }

    /// Bytes of the encoder stream are missing, or it cannot be read on.
    pub fn tear(&mut self) {
        self.broken = true;
    }

    /// Entries that came so far.
    pub fn inserted(&self) -> u64 {
        self.dropped.saturating_add(self.entries.len() as u64)
    }

    /// Reads the whole instructions at the start of `bytes`, and lends each field that is added.
    pub fn instructions(
        &mut self,
        bytes: &[u8],
        field: &mut dyn FnMut(&[u8], &[u8]),
    ) -> Instructions {
        let mut reader = Reader::new(bytes);
        let mut done = 0;
        while !reader.is_empty() && !self.broken {
            match self.instruction(&mut reader, field) {
                Some(Ok(())) => done = reader.position(),
                Some(Err(Torn)) => self.broken = true,
                None if reader.remaining() > INSTRUCTION_MAX => self.broken = true,
                None => break,
            }
        }
        match self.broken {
            true => Instructions::Broken,
            false => Instructions::Done(done),
        }
    }

    /// One instruction, told by its leading bits (§4.3); `None` if it is not whole.
    fn instruction(
        &mut self,
        reader: &mut Reader<'_>,
        field: &mut dyn FnMut(&[u8], &[u8]),
    ) -> Option<Result<(), Torn>> {
        let mut ahead = *reader;
        let first = *ahead.rest().first()?;
        let entry = match first.leading_zeros() {
            // 1Txxxxxx: a name of a table, and a value (§4.3.2).
            0 => {
                let index = integer(&mut ahead, 6)?;
                let value = string_of(&mut ahead, 7)?;
                let name = match first & 0x40 != 0 {
                    true => fixed(index).map(|(name, _)| Arc::from(name)),
                    false => self.relative(index).map(|(name, _)| Arc::clone(name)),
                };
                name.map(|name| (name, Arc::from(&*value)))
            }
            // 01Hxxxxx: name and value (§4.3.3).
            1 => {
                let name = string_of(&mut ahead, 5)?;
                let value = string_of(&mut ahead, 7)?;
                Some((Arc::from(&*name), Arc::from(&*value)))
            }
            // 001xxxxx: the capacity (§4.3.1).
            2 => {
                let capacity = integer(&mut ahead, 5)?;
                self.resize(usize::try_from(capacity).unwrap_or(usize::MAX));
                *reader = ahead;
                return Some(Ok(()));
            }
            // 000xxxxx: an entry again (§4.3.4).
            _ => {
                let index = integer(&mut ahead, 5)?;
                self.relative(index).cloned()
            }
        };
        *reader = ahead;
        let Some((name, value)) = entry else {
            return Some(Err(Torn));
        };
        field(&name, &value);
        Some(self.insert((name, value)))
    }

    fn resize(&mut self, capacity: usize) {
        self.capacity = capacity;
        self.used = self.used.max(capacity);
        self.shrink(capacity);
    }

    fn shrink(&mut self, to: usize) {
        while self.size > to {
            let Some(entry) = self.entries.pop_front() else {
                break;
            };
            self.size = self.size.saturating_sub(cost(&entry));
            self.dropped = self.dropped.saturating_add(1);
        }
    }

    /// A receiver refuses what does not fit (§3.2.2), and what is not kept cannot be followed.
    fn insert(&mut self, entry: Entry) -> Result<(), Torn> {
        let size = cost(&entry);
        if size > self.capacity || size > KEPT_MAX {
            return Err(Torn);
        }
        self.shrink(self.capacity.min(KEPT_MAX).saturating_sub(size));
        self.size = self.size.saturating_add(size);
        self.entries.push_back(entry);
        Ok(())
    }

    /// An entry counted back from the newest one.
    fn relative(&self, index: u32) -> Option<&Entry> {
        let back = usize::try_from(index).ok()?.checked_add(1)?;
        self.entries.get(self.entries.len().checked_sub(back)?)
    }

    /// An entry counted from the first one that there ever was.
    fn absolute(&self, index: u64) -> Option<&Entry> {
        let at = usize::try_from(index.checked_sub(self.dropped)?).ok()?;
        self.entries.get(at)
    }

    /// Reads one whole header block and lends each field, name first, in order. At the `last` nothing comes any more that it could wait for.
    ///
    /// # Errors
    /// A [`Fault`]. It says nothing of other blocks.
    pub fn block(
        &self,
        block: &[u8],
        last: bool,
        field: &mut dyn FnMut(&[u8], &[u8]),
    ) -> Result<(), Fault> {
        let mut reader = Reader::new(block);
        let coded = integer(&mut reader, 8).ok_or(Fault::Malformed)?;
        let required = self.required(coded).ok_or(Fault::Malformed)?;
        let before = reader.rest().first().is_some_and(|b| b & 0x80 != 0);
        let delta = u64::from(integer(&mut reader, 7).ok_or(Fault::Malformed)?);
        let base = match before {
            true => required.checked_sub(delta).and_then(|b| b.checked_sub(1)),
            false => required.checked_add(delta),
        };
        let base = base.ok_or(Fault::Malformed)?;
        if required > self.inserted() && !last && !self.broken {
            return Err(Fault::Blocked);
        }
        let mut missing = false;
        while !reader.is_empty() {
            missing |= !self
                .line(&mut reader, base, field)
                .ok_or(Fault::Malformed)?;
        }
        match missing {
            true => Err(Fault::Missing),
            false => Ok(()),
        }
    }

    /// The number of entries that a block needs (§4.5.1.1).
    fn required(&self, coded: u32) -> Option<u64> {
        let coded = u64::from(coded);
        if coded == 0 {
            return Some(0);
        }
        let capacity = self.allowed.unwrap_or(self.used).max(OVERHEAD);
        let most = (capacity / OVERHEAD) as u64;
        let full = most.saturating_mul(2);
        if coded > full {
            return None;
        }
        let highest = self.inserted().saturating_add(most);
        let required = highest
            .checked_div(full)?
            .saturating_mul(full)
            .saturating_add(coded)
            .checked_sub(1)?;
        match required > highest {
            true => required.checked_sub(full).filter(|required| *required > 0),
            false => Some(required).filter(|required| *required > 0),
        }
    }

    /// One field, told by its leading bits (§4.5.2 to §4.5.6). False if it names an entry that is not there.
    fn line(
        &self,
        reader: &mut Reader<'_>,
        base: u64,
        field: &mut dyn FnMut(&[u8], &[u8]),
    ) -> Option<bool> {
        let first = *reader.rest().first()?;
        let before = |index: u32| {
            let back = u64::from(index).checked_add(1)?;
            self.absolute(base.checked_sub(back)?)
        };
        let behind = |index: u32| self.absolute(base.checked_add(u64::from(index))?);
        let found = match first.leading_zeros() {
            // 1Txxxxxx: a field of a table.
            0 => {
                let index = integer(reader, 6)?;
                if first & 0x40 != 0 {
                    let (name, value) = fixed(index)?;
                    field(name, value);
                    return Some(true);
                }
                before(index)
            }
            // 01NTxxxx: a name of a table, and a value.
            1 => {
                let index = integer(reader, 4)?;
                let value = string_of(reader, 7)?;
                let name: Option<&[u8]> = match first & 0x10 != 0 {
                    true => Some(fixed(index)?.0),
                    false => before(index).map(|(name, _)| &**name),
                };
                // What it is called is not known; what it says is.
                field(name.unwrap_or_default(), &value);
                return Some(name.is_some());
            }
            // 001NHxxx: name and value.
            2 => {
                let name = string_of(reader, 3)?;
                let value = string_of(reader, 7)?;
                field(&name, &value);
                return Some(true);
            }
            // 0001xxxx: a field of the dynamic table behind the base.
            3 => {
                let index = integer(reader, 4)?;
                behind(index)
            }
            // 0000Nxxx: a name of it, and a value.
            _ => {
                let index = integer(reader, 3)?;
                let value = string_of(reader, 7)?;
                let name = behind(index).map(|(name, _)| &**name);
                field(name.unwrap_or_default(), &value);
                return Some(name.is_some());
            }
        };
        if let Some((name, value)) = found {
            field(name, value);
        }
        Some(found.is_some())
    }
}

/// The table is not the sender's any more.
struct Torn;

fn cost((name, value): &Entry) -> usize {
    name.len()
        .saturating_add(value.len())
        .saturating_add(OVERHEAD)
}

/// A field of the static table.
fn fixed(index: u32) -> Option<(&'static [u8], &'static [u8])> {
    let (name, value) = STATIC.get(usize::try_from(index).ok()?)?;
    Some((name.as_bytes(), value.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::dissect::wire::test_bytes::{Noise, hex};

    fn read(decoder: &Decoder, block: &str) -> Result<Vec<String>, (Fault, Vec<String>)> {
        let mut fields = Vec::new();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let read = decoder.block(&hex(block), false, &mut |name, value| {
            fields.push(format!("{}: {}", text(name), text(value)));
        });
        match read {
            Ok(()) => Ok(fields),
            Err(fault) => Err((fault, fields)),
        }
    }

    fn insert(decoder: &mut Decoder, bytes: &str) -> Vec<String> {
        let mut fields = Vec::new();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let bytes = hex(bytes);
        let done = decoder.instructions(&bytes, &mut |name, value| {
            fields.push(format!("{}: {}", text(name), text(value)));
        });
        assert_eq!(done, Instructions::Done(bytes.len()));
        fields
    }

    /// RFC 9204, Appendix B.
    #[test]
    fn the_examples_of_the_specification() {
        let mut decoder = Decoder::default();
        decoder.allows(220);
        // B.1: a literal with a name of the static table.
        let path = read(&decoder, "0000 510b 2f69 6e64 6578 2e68 746d 6c");
        assert_eq!(path.unwrap(), [":path: /index.html"]);
        // B.2: two entries, and a block that waits for them.
        let block = "0381 10 11";
        assert_eq!(read(&decoder, block), Err((Fault::Blocked, vec![])));
        let added = insert(
            &mut decoder,
            "3fbd01 c00f 7777 772e 6578 616d 706c 652e 636f 6d c10c 2f73 616d 706c 652f 7061 7468",
        );
        assert_eq!(
            added,
            [":authority: www.example.com", ":path: /sample/path"]
        );
        assert_eq!(
            read(&decoder, block).unwrap(),
            [":authority: www.example.com", ":path: /sample/path"]
        );
        // B.3 and B.4: a name of its own, an entry again, and a block that refers to it.
        insert(
            &mut decoder,
            "4a63 7573 746f 6d2d 6b65 790c 6375 7374 6f6d 2d76 616c 7565",
        );
        insert(&mut decoder, "02");
        let block = read(&decoder, "0500 80 c1 81");
        assert_eq!(
            block.unwrap(),
            [
                ":authority: www.example.com",
                ":path: /",
                "custom-key: custom-value"
            ]
        );
        // B.5: the oldest makes room.
        insert(&mut decoder, "810d 6375 7374 6f6d 2d76 616c 7565 32");
        assert_eq!((decoder.inserted(), decoder.dropped), (5, 1));
        assert_eq!(decoder.size, 215);
    }

    #[test]
    fn what_needs_no_table_is_read_without_it() {
        let mut decoder = Decoder::default();
        decoder.allows(4096);
        decoder.tear();
        // An entry that never came, a literal with a name that never came, a literal with a static one.
        let block = "03 00 80 4103 616263 5003 782e79";
        assert_eq!(
            read(&decoder, block),
            Err((
                Fault::Missing,
                vec![": abc".into(), ":authority: x.y".into()]
            ))
        );
    }

    #[test]
    fn tables_are_bounded_and_noise_breaks_nothing() {
        let mut decoder = Decoder::default();
        // A capacity beyond what is kept, filled: entries leave, and the numbers go on.
        insert(&mut decoder, "3fe1ffff3f");
        let entry = format!("41 78 7f81 07{}", " 61".repeat(1024 - 128 + 128));
        for _ in 0..200 {
            insert(&mut decoder, &entry);
        }
        assert!(decoder.size <= KEPT_MAX && decoder.inserted() == 200);
        let mut noise = Noise(9);
        for _ in 0..20_000 {
            let bytes = noise.bytes(64);
            let _ = decoder.block(&bytes, noise.below(2) == 0, &mut |_, _| {});
            let mut other = Decoder::default();
            other.resize(noise.below(4096));
            let _ = other.instructions(&bytes, &mut |_, _| {});
            assert!(other.size <= other.capacity);
        }
        let mut large = Decoder::default();
        let broken = large.instructions(&hex("41 78 7f81 07 61"), &mut |_, _| {});
        assert_eq!(broken, Instructions::Done(0), "not whole");
        assert_eq!(
            large.instructions(&hex("41 78 01 61"), &mut |_, _| {}),
            Instructions::Broken,
            "no capacity was set"
        );
    }
}
