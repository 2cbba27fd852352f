//! Positions in tables: a line of column names, and lines of values below it (RFC 4180, with other separators too).

use super::position::{pair_of, plausible};
use super::text::Text;
use super::{Detector, Found};
use crate::evidence::content::Kind;

pub(super) const DETECTOR: Detector = Detector {
    kind: Kind::Position,
    keys: &[],
    find,
};

/// Longest line of names or values that is read: flight logs have some two hundred columns. What is longer is read in pieces.
const LINE_MAX: usize = 8 << 10;

fn find(text: &Text<'_>, out: &mut Vec<Found>) {
    let mut rows = Rows::default();
    for (at, line) in Lines::of(text.bytes) {
        out.extend(rows.line(at, line).map(|(found, _)| found));
    }
}

/// The table under way, which may be longer than what is looked at together.
#[derive(Debug, Default)]
pub(super) struct Rows {
    open: Option<Columns>,
    /// Its head stood in what was looked at before.
    before: bool,
}

impl Rows {
    /// Takes the lines of a text that begin in a part of it, and says what stands in rows whose head stood before that part.
    pub(super) fn go_on(&mut self, text: &[u8], part: std::ops::Range<usize>) -> Vec<Found> {
        self.before = self.open.is_some();
        let mut lines = Lines::of(text);
        // A line that began before is that part's.
        if let Some(before) = part.start.checked_sub(1) {
            lines.at = before;
            let _ = lines.next();
        }
        let mut out = Vec::new();
        for (at, line) in lines.take_while(|(at, _)| part.contains(at)) {
            out.extend(self.line(at, line).filter(|(_, before)| *before));
        }
        out.into_iter().map(|(found, _)| found).collect()
    }

    /// The first position of a table, and whether its head stood before.
    fn line(&mut self, at: usize, line: &str) -> Option<(Found, bool)> {
        if let Some(columns) = Columns::of(line) {
            (self.open, self.before) = (Some(columns), false);
            return None;
        }
        let columns = self.open?;
        let Some((latitude, longitude)) = columns.position(line) else {
            // The end of this one; a row may lack values.
            if !line.contains(columns.separator) {
                self.open = None;
            }
            return None;
        };
        if !plausible(latitude, longitude) {
            return None;
        }
        self.open = None;
        let end = at.saturating_add(line.len());
        let found = super::position::found(latitude, longitude, at, end);
        Some((found, self.before))
    }
}

/// Lines with where they begin.
struct Lines<'t> {
    bytes: &'t [u8],
    at: usize,
}

impl<'t> Lines<'t> {
    fn of(bytes: &'t [u8]) -> Self {
        Self { bytes, at: 0 }
    }
}

impl<'t> Iterator for Lines<'t> {
    type Item = (usize, &'t str);

    fn next(&mut self) -> Option<Self::Item> {
        let at = self.at;
        let rest = self.bytes.get(at..).filter(|rest| !rest.is_empty())?;
        let rest = rest.get(..LINE_MAX).unwrap_or(rest);
        // As it is, or in a string.
        let mark = |at: usize| match rest.get(at..)? {
            [b'\n', ..] => Some((at, 1)),
            [_, b'n', ..] => Some((at, 2)),
            _ => None,
        };
        let (length, mark) = memchr::memchr2_iter(b'\n', b'\\', rest)
            .find_map(mark)
            .unwrap_or((rest.len(), 0));
        self.at = at.saturating_add(length).saturating_add(mark);
        let line = rest.get(..length).unwrap_or_default();
        let line = std::str::from_utf8(line).unwrap_or_default();
        Some((at, line.trim_end_matches('\r')))
    }
}

/// Which columns hold what.
#[derive(Debug, Clone, Copy)]
struct Columns {
    separator: char,
    latitude: usize,
    longitude: usize,
}

impl Columns {
    fn of(head: &str) -> Option<Self> {
        // Most lines have no such name, in whatever case.
        let rest = |at: usize| head.as_bytes().get(at..at.saturating_add(3));
        let names = |begins: &[u8; 3]| {
            let first = begins[0];
            memchr::memchr2_iter(first, first.to_ascii_uppercase(), head.as_bytes())
                .any(|at| rest(at).is_some_and(|name| name.eq_ignore_ascii_case(begins)))
        };
        if !names(b"lat") && !names(b"wei") {
            return None;
        }
        let mut separators = [',', ';', '\t', '|'].into_iter();
        separators.find_map(|separator| {
            // Two columns have one between.
            head.find(separator)?;
            let place = |endings: &[&str]| {
                head.split(separator).position(|name| {
                    // A unit may follow in brackets.
                    let name = name.split(['[', '(']).next().unwrap_or_default();
                    endings.iter().any(|ending| ends_as(name, ending))
                })
            };
            let (latitude, longitude) = (
                place(super::position::LATITUDE)?,
                place(super::position::LONGITUDE)?,
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

/// What of a name is letters and digits, in lower case, has this ending.
fn ends_as(name: &str, ending: &str) -> bool {
    let letters = name.bytes().rev().filter(u8::is_ascii_alphanumeric);
    let mut letters = letters.map(|byte| byte.to_ascii_lowercase());
    ending
        .bytes()
        .rev()
        .all(|byte| letters.next() == Some(byte))
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
            "gao,jingdu,weidu\n10,-122.349387,47.620512\n",
            "LATITUDE,LONGITUDE\n47.620512,-122.349387\n",
            "Time,Lat,Lon\n1,47.620512,-122.349387\n",
            // A word that ends like a name, further on.
            "lat,lon\n47.620512,-122.349387\n\non the attitude of the aircraft\n",
            // Heads of other tables before it, with and without rows.
            "a,b,c,lat,lon\nt,latitude,longitude\n1,47.620512,-122.349387\n",
        ] {
            assert_eq!(
                found_by(&DETECTOR, text),
                ["47.62051, -122.34939"],
                "{text}"
            );
        }
        let heads = "lat,lon\nnothing\n".repeat(100);
        let zeros = format!("lat,lon\n{}", "0.0,0.0\n".repeat(9000));
        for lead in [heads, zeros] {
            let text = format!("{lead}lat,lon\n47.620512,-122.349387\n");
            assert_eq!(found_by(&DETECTOR, &text), ["47.62051, -122.34939"]);
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

    #[test]
    fn a_table_goes_on_in_the_next_part() {
        let text = "time,lat,lon\n1,0.0,0.0\n2,0.0,0.0\n3,47.620512,-122.349387\n4,47.6,-122.3\n";
        for cut in 0..text.len() {
            let mut rows = Rows::default();
            let mut found = Vec::new();
            for part in [0..cut, cut..text.len()] {
                found.push(rows.go_on(text.as_bytes(), part).len());
            }
            // The head in one part and the row in the other; what stands in one part is found there by others.
            let row = text.find("3,").expect("the row");
            let apart = (1..=row).contains(&cut);
            assert_eq!(found, [0, usize::from(apart)], "{cut}");
        }
    }
}
