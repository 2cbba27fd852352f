//! Patterns that name an app: what `--app` takes and the shipped lists hold.
//!
//! A pattern is `uid:N`, or a glob over the whole of one name: `*` stands for any number of characters
//! and `?` for one. There are no brackets and no escapes: package, process and app names need none.
//! Letters match in their own case only, for every kind of name. Package and process names are told
//! apart by case, and a title that differs in case may be another app; [`Pattern::near`] tells somebody
//! who typed it otherwise.
//!
//! Captures say less than a name: some formats cut names short (PCAPdroid's trailer at 20 bytes, Darwin's
//! process names at 16 characters), some packets carry a user id and no name, or the reverse. An answer
//! is therefore one of three, and [`Fit::Maybe`] is neither a match nor its absence: it may accuse
//! nobody, and it acquits nobody.

/// Longest pattern in bytes. PCAPdroid's block gives a name one length byte and Android itself takes no
/// longer package names, so that a longer pattern cannot be the name of anything. It also bounds the work
/// per name: at most pattern times name.
pub const PATTERN_MAX: usize = 255;

/// Most suggestions for a pattern that matched nothing: a line to read, not a list to search.
const NEAR_MAX: usize = 3;

/// Shortest text, in characters, that counts as near for being part of another: shorter ones are part of
/// nearly everything.
const PART_MIN: usize = 3;

/// User ids per Android user (AOSP `AID_USER_OFFSET`): the remainder names the app.
pub(super) const UIDS_PER_USER: u32 = 100_000;

/// The user id that recorders write where they found no owner (-1).
const UID_UNKNOWN: u32 = u32::MAX;

/// Stands for bytes that are no UTF-8 where a name was kept as text.
const UNREADABLE: char = char::REPLACEMENT_CHARACTER;

/// Whether a label is of the app that a pattern names. Ordered: of several names the greatest counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fit {
    /// It is not.
    No,
    /// It could be, and it could be another: the capture does not say enough.
    Maybe,
    /// It is.
    Yes,
}

/// A name as a label gives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name<'a> {
    /// As written; bytes that are no UTF-8 replaced by U+FFFD.
    pub text: &'a str,
    /// The format may have cut it short: the name may go on behind the text.
    pub cut: bool,
}

impl<'a> Name<'a> {
    /// A name that is known to be complete.
    pub fn whole(text: &'a str) -> Self {
        Self { text, cut: false }
    }

    /// A name that the format may have cut short.
    pub fn cut(text: &'a str) -> Self {
        Self { text, cut: true }
    }
}

/// One character of a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token {
    Char(char),
    Any,
}

impl Token {
    fn takes(self, c: char) -> bool {
        match self {
            Self::Char(own) => own == c,
            Self::Any => true,
        }
    }

    /// Whether it could stand for a character whose first bytes only are there. Such a character has
    /// several bytes, so that it is none of ASCII.
    fn could_take_broken(self) -> bool {
        match self {
            Self::Char(own) => !own.is_ascii(),
            Self::Any => true,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum PatternKind {
    Uid(u32),
    /// What stands before the first `*`, and what follows each of them. Without a `*` nothing follows.
    Glob {
        head: Vec<Token>,
        tails: Vec<Vec<Token>>,
    },
}

/// What names an app: a user id or a glob over a whole name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    text: String,
    kind: PatternKind,
}

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// A sentence for the user: an empty pattern, one of more than [`PATTERN_MAX`] bytes or with control
    /// characters, and a `uid:` without a user id behind it.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Err("an empty pattern names no app".to_owned());
        }
        if text.len() > PATTERN_MAX {
            return Err(format!(
                "a pattern of {} bytes; no name of an app has more than {PATTERN_MAX}",
                text.len()
            ));
        }
        if text.chars().any(char::is_control) {
            return Err(format!(
                "{text:?} has control characters, and names of apps have none"
            ));
        }
        let kind = match text.split_once(':') {
            Some((word, number)) if word.eq_ignore_ascii_case("uid") => {
                PatternKind::Uid(parse_uid(word, number)?)
            }
            _ => {
                let mut segments = text.split('*').map(tokens);
                let head = segments.next().unwrap_or_default();
                PatternKind::Glob {
                    head,
                    tails: segments.collect(),
                }
            }
        };
        Ok(Self {
            text: text.to_owned(),
            kind,
        })
    }

    /// The pattern as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether a label of this user id and these names is of the app. The names are different ones of the
    /// same program (package and title); one that fits is enough.
    ///
    /// [`Fit::Maybe`] also where the label has nothing of what the pattern asks about: no user id for
    /// `uid:N`, no name for a glob.
    pub fn matches(&self, uid: Option<u32>, names: &[Name<'_>]) -> Fit {
        match &self.kind {
            PatternKind::Uid(wanted) => match uid {
                Some(uid) if uid == *wanted => Fit::Yes,
                Some(_) => Fit::No,
                None => Fit::Maybe,
            },
            PatternKind::Glob { .. } => names
                .iter()
                .map(|name| self.matches_name(*name))
                .max()
                .unwrap_or(Fit::Maybe),
        }
    }

    /// Whether a name is the one that the glob stands for; [`Fit::No`] for `uid:N`.
    ///
    /// A name that was cut short fits as far as it goes: [`Fit::Yes`] if the glob takes the text that is
    /// there, [`Fit::Maybe`] if it could take a longer one.
    pub fn matches_name(&self, name: Name<'_>) -> Fit {
        let PatternKind::Glob { head, tails } = &self.kind else {
            return Fit::No;
        };
        let mut text: Vec<char> = name.text.chars().collect();
        // Cut inside a character: what is left of it is no text, and it is not the end of the name.
        let broken = name.cut && text.last() == Some(&UNREADABLE);
        if broken {
            text.pop();
        }
        let Some(rest) = text.get(head.len()..) else {
            // The text ends inside the part before the first `*`.
            let goes_on = head.get(text.len()..).and_then(<[Token]>::first);
            let possible = name.cut
                && head.iter().zip(&text).all(|(token, c)| token.takes(*c))
                && (!broken || goes_on.is_some_and(|token| token.could_take_broken()));
            return if possible { Fit::Maybe } else { Fit::No };
        };
        if !head.iter().zip(&text).all(|(token, c)| token.takes(*c)) {
            return Fit::No;
        }
        let Some((last, middle)) = tails.split_last() else {
            return if rest.is_empty() && !broken {
                Fit::Yes
            } else {
                Fit::No
            };
        };
        // Behind a `*` anything may follow, so that a cut name is never ruled out any more.
        let short_of = if name.cut { Fit::Maybe } else { Fit::No };
        let Some(rest) = middle.iter().try_fold(rest, |rest, part| after(rest, part)) else {
            return short_of;
        };
        // With a broken character at the end, only a `*` there is sure to take it.
        if ends_with(rest, last) && (!broken || last.is_empty()) {
            Fit::Yes
        } else {
            short_of
        }
    }

    /// Names that somebody may have meant whose pattern matched nothing, the nearest first, at most three:
    /// equal but for case, then one the beginning of the other, one a part of the other, few letters
    /// different. The order of `seen` does not matter. For `uid:N` the same app of another Android user.
    pub fn near<'a>(&self, seen: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
        let mut found: Vec<(u8, usize, &str)> = match &self.kind {
            PatternKind::Uid(wanted) => seen
                .into_iter()
                .filter_map(|name| {
                    let uid: u32 = name.strip_prefix("uid:")?.parse().ok()?;
                    let same = uid % UIDS_PER_USER == wanted % UIDS_PER_USER && uid != *wanted;
                    same.then_some((0, 0, name))
                })
                .collect(),
            PatternKind::Glob { .. } => {
                let wanted = self.text.replace(['*', '?'], "").to_lowercase();
                seen.into_iter()
                    .filter_map(|name| {
                        let (rank, amount) = nearness(&wanted, &name.to_lowercase())?;
                        Some((rank, amount, name))
                    })
                    .collect()
            }
        };
        found.sort_unstable();
        found.dedup();
        found
            .into_iter()
            .take(NEAR_MAX)
            .map(|(_, _, name)| name)
            .collect()
    }
}

fn parse_uid(word: &str, number: &str) -> Result<u32, String> {
    if word != "uid" {
        return Err(format!(
            "{word:?} is written in small letters: uid:{number}"
        ));
    }
    // `parse` would take a sign.
    let uid = Some(number)
        .filter(|number| number.bytes().all(|b| b.is_ascii_digit()))
        .and_then(|number| number.parse::<u32>().ok());
    match uid {
        Some(UID_UNKNOWN) => Err(format!(
            "user id {number} is what recorders write for packets without an owner; it names no app"
        )),
        Some(uid) => Ok(uid),
        None => Err(format!(
            "{number:?} is not a user id; write a whole number, as in uid:10234"
        )),
    }
}

fn tokens(text: &str) -> Vec<Token> {
    text.chars()
        .map(|c| match c {
            '?' => Token::Any,
            c => Token::Char(c),
        })
        .collect()
}

/// What follows the first place in `text` where `part` stands.
fn after<'t>(text: &'t [char], part: &[Token]) -> Option<&'t [char]> {
    if part.is_empty() {
        return Some(text);
    }
    text.windows(part.len())
        .position(|window| part.iter().zip(window).all(|(token, c)| token.takes(*c)))
        .and_then(|at| text.get(at.checked_add(part.len())?..))
}

fn ends_with(text: &[char], part: &[Token]) -> bool {
    text.len()
        .checked_sub(part.len())
        .and_then(|at| text.get(at..))
        .is_some_and(|end| part.iter().zip(end).all(|(token, c)| token.takes(*c)))
}

/// How near a name is to what was wanted, both in lower case: rank, then distance.
fn nearness(wanted: &str, name: &str) -> Option<(u8, usize)> {
    if wanted.is_empty() || name.is_empty() {
        return None;
    }
    if wanted == name {
        return Some((0, 0));
    }
    let (a, b) = (wanted.chars().count(), name.chars().count());
    let difference = a.abs_diff(b);
    if a.min(b) >= PART_MIN {
        let (long, short) = if a > b {
            (wanted, name)
        } else {
            (name, wanted)
        };
        if long.starts_with(short) {
            return Some((1, difference));
        }
        if long.contains(short) {
            return Some((2, difference));
        }
    }
    // A third of the letters at most, so that short names do not turn into each other.
    let limit = (a / 3).clamp(1, 3);
    // Never less than the difference of lengths, and dear to compute for a long name.
    (difference <= limit)
        .then(|| strsim::osa_distance(wanted, name))
        .filter(|distance| *distance <= limit)
        .map(|distance| (3, distance))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn fit(pattern: &str, name: Name<'_>) -> Fit {
        Pattern::parse(pattern).unwrap().matches(None, &[name])
    }

    #[test]
    fn a_glob_covers_the_whole_name_in_its_own_case() {
        for (pattern, name, expected) in [
            ("DJI Fly", "DJI Fly", Fit::Yes),
            ("DJI Fly", "DJI fly", Fit::No),
            ("DJI Fly", "DJI Fly 2", Fit::No),
            ("DJI Fl", "DJI Fly", Fit::No),
            ("DJI Pilot*", "DJI Pilot 2", Fit::Yes),
            ("DJI Pilot*", "DJI Pilot", Fit::Yes),
            ("DJI Pilot*", "My DJI Pilot", Fit::No),
            ("dji.go.v?", "dji.go.v5", Fit::Yes),
            ("dji.go.v?", "dji.go.v", Fit::No),
            ("dji.go.v?", "dji.go.v10", Fit::No),
            ("*.pilot", "dji.pilot", Fit::Yes),
            ("*.pilot", "dji.pilot.pad", Fit::No),
            ("*a*ab", "aab", Fit::Yes),
            ("*ab*ab", "ab", Fit::No),
            ("a**b", "ab", Fit::Yes),
            ("*", "anything", Fit::Yes),
            ("*", "", Fit::Yes),
            ("?", "大", Fit::Yes),
            ("??", "大", Fit::No),
            ("大疆*", "大疆飞行", Fit::Yes),
            // No brackets and no escapes.
            ("[a]", "a", Fit::No),
            ("[a]", "[a]", Fit::Yes),
            (r"\*", r"\x", Fit::Yes),
        ] {
            assert_eq!(
                fit(pattern, Name::whole(name)),
                expected,
                "{pattern} {name}"
            );
        }
    }

    #[test]
    fn a_cut_name_matches_only_as_cut() {
        // Darwin cuts "com.apple.WebKit.Networking" at 16 characters.
        for (pattern, name, expected) in [
            ("com.apple.WebKit", "com.apple.WebKit", Fit::Yes),
            (
                "com.apple.WebKit.Networking",
                "com.apple.WebKit",
                Fit::Maybe,
            ),
            ("com.apple.WebKi", "com.apple.WebKit", Fit::No),
            ("com.apple.Safari.Networking", "com.apple.WebKit", Fit::No),
            ("DJI Pilot*", "DJI Pilot 2 for the ", Fit::Yes),
            ("DJI Pilot 2 for the f*", "DJI Pilot 2 for the ", Fit::Maybe),
            ("DJI Fly*", "DJI Pilot 2 for the ", Fit::No),
            ("DJI Pilot*field", "DJI Pilot 2 for the ", Fit::Maybe),
            ("*field", "DJI Pilot 2 for the ", Fit::Maybe),
            ("*the ", "DJI Pilot 2 for the ", Fit::Yes),
            ("????", "abc", Fit::Maybe),
            ("???", "abc", Fit::Yes),
            ("??", "abc", Fit::No),
        ] {
            assert_eq!(fit(pattern, Name::cut(name)), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn a_name_cut_inside_a_character_is_never_sure() {
        // "DJI 大疆" cut behind the first byte of the last character.
        let name = Name::cut("DJI 大\u{fffd}");
        for (pattern, expected) in [
            ("DJI 大疆", Fit::Maybe),
            ("DJI 大疆 Fly", Fit::Maybe),
            ("DJI 大", Fit::No),
            ("DJI 大 Fly", Fit::No),
            ("DJI 大?", Fit::Maybe),
            ("DJI 大*", Fit::Yes),
            ("DJI*", Fit::Yes),
            ("*大", Fit::Maybe),
            ("DJI 小*", Fit::No),
        ] {
            assert_eq!(fit(pattern, name), expected, "{pattern}");
        }
        // In a whole name it is a character like any other.
        assert_eq!(fit("DJI ?", Name::whole("DJI \u{fffd}")), Fit::Yes);
        assert_eq!(fit("DJI 大", Name::whole("DJI \u{fffd}")), Fit::No);
    }

    #[test]
    fn what_a_label_does_not_say_is_not_denied() {
        let uid = Pattern::parse("uid:10234").unwrap();
        let name = [Name::whole("Chrome")];
        assert_eq!(uid.matches(Some(10_234), &name), Fit::Yes);
        assert_eq!(uid.matches(Some(1_010_234), &[]), Fit::No);
        assert_eq!(uid.matches(None, &name), Fit::Maybe);
        let app = Pattern::parse("dji.*").unwrap();
        assert_eq!(app.matches(Some(10_234), &[]), Fit::Maybe);
        assert_eq!(app.matches(Some(10_234), &name), Fit::No);
        // Package and title of one program: the better one counts.
        let both = [Name::whole("DJI Fly"), Name::whole("dji.go.v5")];
        assert_eq!(app.matches(None, &both), Fit::Yes);
    }

    #[test]
    fn patterns_that_can_name_nothing_are_refused() {
        for text in [
            "",
            "uid:",
            "uid:-1",
            "uid:+5",
            "uid: 5",
            "uid:x",
            "uid:4294967295",
            "uid:4294967296",
            "UID:5",
            "DJI\nFly",
        ] {
            assert!(Pattern::parse(text).is_err(), "{text:?}");
        }
        // A process of a package is named by its own colon.
        let service = "org.example.fly:push";
        assert_eq!(fit(service, Name::whole(service)), Fit::Yes);
        assert!(Pattern::parse(&"a".repeat(PATTERN_MAX)).is_ok());
        assert!(Pattern::parse(&"a".repeat(PATTERN_MAX + 1)).is_err());
        assert_eq!(Pattern::parse("uid:0").unwrap().as_str(), "uid:0");
    }

    #[test]
    fn many_stars_take_no_longer_than_their_product() {
        // Exponential for a matcher that tries every place of every `*`.
        let pattern = format!("{}b", "*a".repeat(120));
        let name = "a".repeat(60_000);
        assert_eq!(fit(&pattern, Name::whole(&name)), Fit::No);
        assert_eq!(fit(&pattern, Name::cut(&name)), Fit::Maybe);
    }

    #[test]
    fn near_names_come_nearest_first_and_in_any_order_of_input() {
        let seen = ["Chrome", "DJI Fly", "DJI Pilot 2", "dji.go.v5", "netd"];
        let near = |pattern: &str, seen: &[&'static str]| {
            Pattern::parse(pattern).unwrap().near(seen.iter().copied())
        };
        assert_eq!(near("dji fly", &seen), ["DJI Fly"]);
        assert_eq!(near("DJI Pilot", &seen), ["DJI Pilot 2"]);
        assert_eq!(near("dji.go.v4", &seen), ["dji.go.v5"]);
        assert_eq!(near("Fly*", &seen), ["DJI Fly"]);
        assert_eq!(near("DJI Fyl", &seen), ["DJI Fly"]);
        assert_eq!(near("com.example.else", &seen), [""; 0]);
        assert_eq!(near("*", &seen), [""; 0]);
        let many = ["DJI Flyer", "DJI FLY", "DJI Fly X", "My DJI Fly", "DJI FLY"];
        let mut back = many;
        back.reverse();
        assert_eq!(
            near("dji fly", &many),
            ["DJI FLY", "DJI Fly X", "DJI Flyer"]
        );
        assert_eq!(near("dji fly", &many), near("dji fly", &back));
        assert_eq!(
            near(
                "uid:10234",
                &["uid:10234", "uid:1010234", "uid:10235", "DJI Fly"]
            ),
            ["uid:1010234"]
        );
    }

    #[test]
    fn few_letters_are_near_to_few_names() {
        let near = |pattern: &str, name: &'static str| {
            let found = Pattern::parse(pattern).unwrap().near([name]);
            !found.is_empty()
        };
        // Nothing is near to no letters; two are a part of nearly everything.
        assert!(!near("*", "a") && !near("a", "") && !near("fl", "DJI Fly"));
        assert!(near("fly", "DJI Fly") && near("DJI Fly", "fly"));
        // A third of the letters may differ, and no more than three.
        assert!(near("fly4", "fly5") && !near("fly4", "flx5"));
        assert!(near("abcdefghi", "aXbcYdefZghi"));
        assert!(!near("abcdefghijkl", "aWbcXdefYghiZjkl"));
    }

    /// The definition, by trying everything.
    fn takes(pattern: &[char], name: &[char]) -> bool {
        match pattern.split_first() {
            None => name.is_empty(),
            Some(('*', rest)) => (0..=name.len()).any(|at| takes(rest, &name[at..])),
            Some((c, rest)) => name
                .split_first()
                .is_some_and(|(first, name)| (*c == '?' || c == first) && takes(rest, name)),
        }
    }

    proptest! {
        #[test]
        fn matching_agrees_with_its_definition(
            pattern in "[ab*?]{1,6}", name in "[ab]{0,6}", more in "[ab]{0,6}"
        ) {
            let chars = |text: &str| text.chars().collect::<Vec<char>>();
            let whole = takes(&chars(&pattern), &chars(&name));
            let expected = if whole { Fit::Yes } else { Fit::No };
            prop_assert_eq!(fit(&pattern, Name::whole(&name)), expected);
            // A cut name is ruled out only if no longer one fits either.
            let cut = fit(&pattern, Name::cut(&name));
            prop_assert_eq!(cut == Fit::Yes, whole);
            if takes(&chars(&pattern), &chars(&format!("{name}{more}"))) {
                prop_assert_ne!(cut, Fit::No);
            }
            if cut == Fit::Maybe {
                let longer = (0..=6).flat_map(|n: u32| (0..1u32 << n).map(move |bits| {
                    (0..n).map(|i| if bits >> i & 1 == 0 { 'a' } else { 'b' }).collect::<String>()
                }));
                let mut longer = longer.map(|tail| chars(&format!("{name}{tail}")));
                prop_assert!(longer.any(|text| takes(&chars(&pattern), &text)));
            }
        }
    }
}
