//! Patterns of `--app`: `uid:N`, or a glob over a whole name (`*` any text, `?` one character).
//!
//! Letters are compared as they are written: packages and processes differ by case. A name that
//! its format cut short matches only as cut: where the rest would decide, the answer is "maybe",
//! which neither accuses nor acquits.

/// Longest pattern; a package name has at most a few dozen characters.
const LENGTH_MAX: usize = 256;
/// Names proposed when a pattern matches nothing.
const NEAR_MAX: usize = 3;

/// Whether a name matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Match {
    /// It does not, whatever was cut off.
    No,
    /// What was cut off decides.
    Maybe,
    /// It does.
    Yes,
}

/// A pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    text: String,
    uid: Option<u32>,
    glob: Vec<char>,
}

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// An empty or overlong pattern, or a user id that is no number.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.trim().is_empty() {
            return Err("is empty; give a package, process or app name, or uid:N".into());
        }
        if text.chars().count() > LENGTH_MAX {
            return Err(format!("is longer than {LENGTH_MAX} characters"));
        }
        let uid = match text.strip_prefix("uid:") {
            Some(number) => Some(
                number
                    .bytes()
                    .all(|b| b.is_ascii_digit())
                    .then(|| number.parse::<u32>().ok())
                    .flatten()
                    .ok_or("has no user id behind 'uid:'; write a number such as uid:10123")?,
            ),
            None => None,
        };
        Ok(Self {
            text: text.to_owned(),
            uid,
            glob: text.chars().collect(),
        })
    }

    /// As it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The user id that it stands for.
    pub fn uid(&self) -> Option<u32> {
        self.uid
    }

    /// Whether a name matches; `cut` when the format may have cut it short.
    pub fn matches(&self, name: &str, cut: bool) -> Match {
        if self.uid.is_some() {
            return Match::No;
        }
        // Which places of the pattern can be reached by the name read so far.
        let mut places = vec![false; self.glob.len() + 1];
        if let Some(start) = places.first_mut() {
            *start = true;
        }
        self.skip_stars(&mut places);
        for c in name.chars() {
            let mut next = vec![false; self.glob.len() + 1];
            for (at, want) in self.glob.iter().enumerate() {
                if !places.get(at).copied().unwrap_or(false) {
                    continue;
                }
                let to = match want {
                    '*' => at,
                    '?' => at + 1,
                    want if *want == c => at + 1,
                    _ => continue,
                };
                if let Some(place) = next.get_mut(to) {
                    *place = true;
                }
            }
            self.skip_stars(&mut next);
            places = next;
        }
        if places.last().copied().unwrap_or(false) {
            Match::Yes
        } else if cut && places.contains(&true) {
            Match::Maybe
        } else {
            Match::No
        }
    }

    /// A star may stand for nothing.
    fn skip_stars(&self, places: &mut [bool]) {
        for (at, want) in self.glob.iter().enumerate() {
            if *want == '*'
                && places.get(at).copied().unwrap_or(false)
                && let Some(next) = places.get_mut(at + 1)
            {
                *next = true;
            }
        }
    }

    /// Of the names seen those that come near, nearest first.
    pub fn near<'n>(&self, seen: &[&'n str]) -> Vec<&'n str> {
        let wanted: String = self
            .text
            .chars()
            .filter(|c| !matches!(c, '*' | '?'))
            .flat_map(char::to_lowercase)
            .collect();
        let mut ranked: Vec<(usize, &str)> = seen
            .iter()
            .filter_map(|name| {
                let low = name.to_lowercase();
                let rank = if low == wanted {
                    0
                } else if !wanted.is_empty() && (low.contains(&wanted) || wanted.contains(&low)) {
                    1
                } else {
                    let away = strsim::damerau_levenshtein(&low, &wanted);
                    // A third of the letters may differ.
                    (away * 3 <= wanted.chars().count()).then_some(1 + away)?
                };
                Some((rank, *name))
            })
            .collect();
        ranked.sort_unstable();
        ranked
            .into_iter()
            .map(|(_, name)| name)
            .take(NEAR_MAX)
            .collect()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn whole_names_match_and_cut_ones_only_as_cut() {
        let is =
            |pattern: &str, name: &str, cut| Pattern::parse(pattern).unwrap().matches(name, cut);
        assert_eq!(is("dji.go.v5", "dji.go.v5", false), Match::Yes);
        assert_eq!(is("dji.go.v5", "dji.go.v50", false), Match::No);
        assert_eq!(is("dji.go.v5", "DJI.go.v5", false), Match::No);
        assert_eq!(is("DJI Pilot*", "DJI Pilot 2", false), Match::Yes);
        assert_eq!(is("*", "", false), Match::Yes);
        assert_eq!(is("d?i*2", "dji pilot 2", false), Match::Yes);
        // Cut after 20 bytes: it may be this app, and it may be another.
        assert_eq!(
            is("com.example.drone.pilot", "com.example.drone.pi", true),
            Match::Maybe
        );
        assert_eq!(
            is("com.example.drone.pi", "com.example.drone.pi", true),
            Match::Yes
        );
        assert_eq!(
            is("com.example.drone.pilot", "com.example.drone.pi", false),
            Match::No
        );
        assert_eq!(is("com.other*", "com.example.drone.pi", true), Match::No);
        assert_eq!(is("uid:7", "7", false), Match::No);
        let hard = "*a".repeat(128);
        assert_eq!(is(&hard, &"a".repeat(5000), false), Match::Yes);
    }

    #[test]
    fn what_is_no_pattern_is_refused_and_near_names_are_found() {
        for wrong in [
            "",
            "  ",
            "uid:",
            "uid:-1",
            "uid:99999999999",
            &"x".repeat(257),
        ] {
            assert!(Pattern::parse(wrong).is_err(), "{wrong}");
        }
        assert_eq!(Pattern::parse("uid:10123").unwrap().uid(), Some(10_123));
        let near = Pattern::parse("dji fly").unwrap();
        assert_eq!(
            near.near(&["Chrome", "DJI Fly", "DJI Flt"]),
            ["DJI Fly", "DJI Flt"]
        );
    }
}
