//! Positions in tables: a line of column names, and lines of values below it (RFC 4180, with other separators too).

use super::position::{pair_of, plausible};
use super::text::Text;
use super::{Detector, Found};
use crate::evidence::content::Kind;
use memchr::memmem;

pub(super) const DETECTOR: Detector = Detector {
    kind: Kind::Position,
    keys: &[],
    find,
};

/// Longest line of names or values that is read: flight logs have some two hundred columns.
const LINE_MAX: usize = 8 << 10;
/// Lines below the names that are read: a log begins before its receiver knows where it is.
const LINES_MAX: usize = 4096;
/// Heads of tables in one text.
const TABLES_MAX: usize = 8;

fn find(text: &Text<'_>, out: &mut Vec<Found>) {
    let mut from = 0usize;
    for _ in 0..TABLES_MAX {
        let rest = text.bytes.get(from..).unwrap_or_default();
        let Some(near) = memmem::find(rest, b"itude").or_else(|| memmem::find(rest, b"lat")) else {
            return;
        };
        let near = from.saturating_add(near);
        let before = text.bytes.get(near.saturating_sub(LINE_MAX)..near);
        let lead = before.unwrap_or_default().iter().rev();
        let begin = near.saturating_sub(lead.take_while(|b| **b != b'\n').count());
        let mut lines = Lines { text, at: begin };
        let Some((_, head)) = lines.next() else {
            return;
        };
        from = lines.at;
        let Some(columns) = Columns::of(head) else {
            continue;
        };
        for (at, line) in lines.by_ref().take(LINES_MAX) {
            let Some((latitude, longitude)) = columns.position(line) else {
                // Another table, or the end of this one.
                if !line.contains(columns.separator) {
                    break;
                }
                continue;
            };
            if plausible(latitude, longitude) {
                let end = at.saturating_add(line.len());
                out.push(super::position::found(latitude, longitude, at, end));
                break;
            }
        }
        from = from.max(lines.at);
    }
}

/// Lines with where they begin.
struct Lines<'a, 't> {
    text: &'a Text<'t>,
    at: usize,
}

impl<'t> Iterator for Lines<'_, 't> {
    type Item = (usize, &'t str);

    fn next(&mut self) -> Option<Self::Item> {
        let at = self.at;
        let rest = self.text.bytes.get(at..).filter(|rest| !rest.is_empty())?;
        // What is longer is read in pieces.
        let rest = rest.get(..LINE_MAX).unwrap_or(rest);
        // As it is, or in a string.
        let plain = memchr::memchr(b'\n', rest).map(|length| (length, 1));
        let quoted = memmem::find(rest, b"\\n").map(|length| (length, 2));
        let (length, mark) = plain
            .into_iter()
            .chain(quoted)
            .min()
            .unwrap_or((rest.len(), 0));
        self.at = at.saturating_add(length).saturating_add(mark);
        let line = rest.get(..length).unwrap_or_default();
        let line = std::str::from_utf8(line).unwrap_or_default();
        Some((at, line.trim_end_matches('\r')))
    }
}

/// Which columns hold what.
struct Columns {
    separator: char,
    latitude: usize,
    longitude: usize,
}

impl Columns {
    fn of(head: &str) -> Option<Self> {
        [',', ';', '\t', '|'].into_iter().find_map(|separator| {
            let names: Vec<&str> = head.split(separator).collect();
            let place = |endings: &[&str]| {
                names.iter().position(|name| {
                    // A unit may follow in brackets.
                    let name = name.split(['[', '(']).next().unwrap_or_default();
                    let name: String = name
                        .chars()
                        .filter(char::is_ascii_alphanumeric)
                        .map(|c| c.to_ascii_lowercase())
                        .collect();
                    endings.iter().any(|ending| name.ends_with(ending))
                })
            };
            let (latitude, longitude) = (
                place(&["latitude", "lat"])?,
                place(&["longitude", "lon", "lng", "long"])?,
            );
            (latitude != longitude).then_some(Self {
                separator,
                latitude,
                longitude,
            })
        })
    }

    fn position(&self, line: &str) -> Option<(f64, f64)> {
        let value = |at: usize| {
            let value = line.split(self.separator).nth(at)?;
            Some(value.trim().trim_matches('"'))
        };
        pair_of(value(self.latitude)?, value(self.longitude)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::content::found_by;

    #[test]
    fn columns_are_named_in_the_line_above() {
        for text in [
            "time,latitude,longitude,alt\n1,0.0,0.0,0\n2,47.620512,-122.349387,10\n",
            "OSD.latitude [deg];OSD.longitude [deg]\r\n47.620512;-122.349387\r\n",
            "\"lat\"\t\"lng\"\n\"47.620512\"\t\"-122.349387\"",
            r#"{"csv":"t,lat,lon\n1,47.620512,-122.349387\n"}"#,
            "lat|lon\n476205120|-1223493870\n",
        ] {
            assert_eq!(
                found_by(&DETECTOR, text),
                ["47.62051, -122.34939"],
                "{text}"
            );
        }
        for text in [
            "latency,long\n47.620512,122.349387\n",
            "lat,lon\n1,2\n",
            "latitude,longitude\n0,0\n",
            "a flat, a longitude\nand more",
            "platform,lat\n47.620512,122.349387\n",
        ] {
            assert_eq!(found_by(&DETECTOR, text), [""; 0], "{text}");
        }
    }
}
