//! The static and the dynamic table of HPACK (RFC 7541 §2.3, §4, Appendix A).

use super::Fault;
use std::collections::VecDeque;
use std::sync::Arc;

/// A field name. Entries of the table share theirs: a block could name a long one thousands of times.
pub(super) type Name = Arc<[u8]>;

/// Size of the dynamic table before the first update (RFC 9113 §6.5.2, SETTINGS_HEADER_TABLE_SIZE).
const INITIAL: u32 = 4096;
/// What an entry counts beside its text (§4.1).
const OVERHEAD: usize = 32;
/// Largest dynamic table kept, on each connection. Servers offer 4 kB, a few 64 kB, which takes long cookies to fill.
const KEPT_MAX: usize = 16 << 10;

/// Both tables in their common numbering (§2.3.3).
#[derive(Debug)]
pub(super) struct Table {
    /// Newest first.
    entries: VecDeque<(Name, Box<[u8]>)>,
    size: usize,
    limit: usize,
}

impl Default for Table {
    fn default() -> Self {
        Self {
            entries: VecDeque::new(),
            size: 0,
            limit: usize::try_from(INITIAL).unwrap_or_default(),
        }
    }
}

impl Table {
    /// The field with this index, counted from 1.
    pub(super) fn get(&self, index: u32) -> Option<(&[u8], &[u8])> {
        let at = usize::try_from(index.checked_sub(1)?).ok()?;
        if let Some((name, value)) = STATIC.get(at) {
            return Some((name.as_bytes(), value.as_bytes()));
        }
        let (name, value) = self.entries.get(at.checked_sub(STATIC.len())?)?;
        Some((name, value))
    }

    /// The name of the field with this index.
    pub(super) fn name(&self, index: u32) -> Option<Name> {
        let at = usize::try_from(index.checked_sub(1)?).ok()?;
        if let Some((name, _)) = STATIC.get(at) {
            return Some(Name::from(name.as_bytes()));
        }
        let (name, _) = self.entries.get(at.checked_sub(STATIC.len())?)?;
        Some(Arc::clone(name))
    }

    /// Adds a field; older ones make room, and one that is larger than the table empties it (§4.4).
    pub(super) fn insert(&mut self, name: Name, value: &[u8]) -> Result<(), Fault> {
        let size = cost(&name, value);
        self.shrink(self.limit.saturating_sub(size));
        if size > self.limit {
            return Ok(());
        }
        if self.size.saturating_add(size) > KEPT_MAX {
            return Err(Fault::TableTooLarge);
        }
        self.size = self.size.saturating_add(size);
        self.entries.push_front((name, Box::from(value)));
        Ok(())
    }

    /// The sender changes the size of the table (§4.3).
    pub(super) fn resize(&mut self, limit: u32) {
        self.limit = usize::try_from(limit).unwrap_or(usize::MAX);
        self.shrink(self.limit);
    }

    fn shrink(&mut self, to: usize) {
        while self.size > to {
            let Some((name, value)) = self.entries.pop_back() else {
                break;
            };
            self.size = self.size.saturating_sub(cost(&name, &value));
        }
    }

    #[cfg(test)]
    pub(super) fn size(&self) -> usize {
        self.size
    }
}

fn cost(name: &[u8], value: &[u8]) -> usize {
    name.len()
        .saturating_add(value.len())
        .saturating_add(OVERHEAD)
}

/// Appendix A.
const STATIC: [(&str, &str); 61] = [
    (":authority", ""),
    (":method", "GET"),
    (":method", "POST"),
    (":path", "/"),
    (":path", "/index.html"),
    (":scheme", "http"),
    (":scheme", "https"),
    (":status", "200"),
    (":status", "204"),
    (":status", "206"),
    (":status", "304"),
    (":status", "400"),
    (":status", "404"),
    (":status", "500"),
    ("accept-charset", ""),
    ("accept-encoding", "gzip, deflate"),
    ("accept-language", ""),
    ("accept-ranges", ""),
    ("accept", ""),
    ("access-control-allow-origin", ""),
    ("age", ""),
    ("allow", ""),
    ("authorization", ""),
    ("cache-control", ""),
    ("content-disposition", ""),
    ("content-encoding", ""),
    ("content-language", ""),
    ("content-length", ""),
    ("content-location", ""),
    ("content-range", ""),
    ("content-type", ""),
    ("cookie", ""),
    ("date", ""),
    ("etag", ""),
    ("expect", ""),
    ("expires", ""),
    ("from", ""),
    ("host", ""),
    ("if-match", ""),
    ("if-modified-since", ""),
    ("if-none-match", ""),
    ("if-range", ""),
    ("if-unmodified-since", ""),
    ("last-modified", ""),
    ("link", ""),
    ("location", ""),
    ("max-forwards", ""),
    ("proxy-authenticate", ""),
    ("proxy-authorization", ""),
    ("range", ""),
    ("referer", ""),
    ("refresh", ""),
    ("retry-after", ""),
    ("server", ""),
    ("set-cookie", ""),
    ("strict-transport-security", ""),
    ("transfer-encoding", ""),
    ("user-agent", ""),
    ("vary", ""),
    ("via", ""),
    ("www-authenticate", ""),
];
