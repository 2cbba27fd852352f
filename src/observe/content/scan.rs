//! Runs all detectors over bytes: as one text, or string by string where the bytes are binary. What is written in digits inside a text
//! is opened and looked at in turn, layer by layer, within bounds of depth and work.

use super::blob::{Closed, Run};
use super::columns::Rows;
use super::encoding::{Coding, Inflate, Stopped};
use super::hits::Out;
use super::text::{Text, Unescaped, unescape};
use super::{DETECTORS, Found, base85, blob, dense, exif, grid, listed, media, readable};
use crate::evidence::content::Kind;
use crate::ground::work::looks_at;
use memchr::memmem::Finder;
use std::collections::HashSet;
use std::hash::BuildHasher as _;
use std::ops::Range;
use std::sync::LazyLock;

/// Shortest string in binary that is looked at: the shortest address worth finding is longer.
const STRING_MIN: usize = 8;
/// Encodings within encodings: text in base64 in a form in base64 of a compressed text.
const DEPTH_MAX: u8 = 4;
/// Bytes that may come out of what is compressed inside one text; more stays sealed.
const INFLATED_MAX: usize = 512 << 10;
/// Ids and hashes in one text, digits together: a request has a few, and a list of them may hold a message cut in pieces.
const TOKENS_MAX: usize = 1024;

/// What was found, and what could not be opened.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    pub(super) found: Vec<Found>,
    /// Parts that hide their content.
    pub(super) sealed: Vec<Run>,
    /// Ids, hashes and keys by what they are, in order.
    pub(super) tokens: Vec<(Run, u64)>,
    /// Bytes that came out of what was compressed.
    pub(super) opened: usize,
    /// More would have come out.
    pub(super) beyond: bool,
    /// What it took beside the bytes, as bytes that would have taken as long.
    spent: usize,
}

/// What things take, as bytes of plain text that take as long: a text inside something else, however short, a place where something may
/// stand, and something that was found.
pub(super) const TEXT_COST: usize = 256;
const PLACE_COST: usize = 48;
const FOUND_COST: usize = 192;

/// Work that is left.
struct Work<'r> {
    inflated: usize,
    /// There was more.
    beyond: bool,
    /// See [`Outcome::spent`].
    spent: usize,
    /// The table that may have begun before, and the part of the text that was not looked at yet; the outermost text takes it.
    rows: Option<(&'r mut Rows, Range<usize>)>,
}

/// Looks at `bytes`; `sure` if they are text as a whole. For tests: of traffic, what is opened counts.
#[cfg(test)]
pub(super) fn scan(bytes: &[u8], sure: bool) -> Outcome {
    within(bytes, sure, INFLATED_MAX, None)
}

/// Looks at `bytes` of traffic; `sure` if they are text as a whole: what comes out of compressed parts counts, and where no more may come
/// out they stay sealed.
pub(super) fn scan_for(bytes: &[u8], sure: bool, out: &Out<'_>) -> Outcome {
    counted(bytes, sure, None, out)
}

/// As [`scan_for`], of a part of something longer: a table may have begun before, and go on behind.
pub(super) fn scan_part(
    bytes: &[u8],
    sure: bool,
    (rows, part): (&mut Rows, Range<usize>),
    out: &Out<'_>,
) -> Outcome {
    if !sure {
        *rows = Rows::default();
    }
    counted(bytes, sure, Some((rows, part)), out)
}

fn counted(
    bytes: &[u8],
    sure: bool,
    rows: Option<(&mut Rows, Range<usize>)>,
    out: &Out<'_>,
) -> Outcome {
    let most = match out.may_open(INFLATED_MAX) {
        true => INFLATED_MAX,
        false => 0,
    };
    let outcome = within(bytes, sure, most, rows);
    if outcome.opened > 0 {
        let _ = out.opened(outcome.opened);
    }
    if outcome.opened > 0 || out.packed {
        out.spent(outcome.spent);
    }
    if outcome.beyond {
        out.beyond();
    }
    outcome
}

fn within(
    bytes: &[u8],
    sure: bool,
    most: usize,
    rows: Option<(&mut Rows, Range<usize>)>,
) -> Outcome {
    let mut work = Work {
        inflated: most,
        beyond: false,
        spent: 0,
        rows,
    };
    let mut out = layer(bytes, sure, 0, &mut work);
    out.opened = most.saturating_sub(work.inflated);
    out.beyond = work.beyond;
    out.spent = work.spent;
    out
}

fn layer(bytes: &[u8], sure: bool, depth: u8, work: &mut Work<'_>) -> Outcome {
    looks_at(bytes.len() * DETECTORS.len());
    let mut out = Outcome::default();
    if depth > 0 {
        work.spent = work.spent.saturating_add(TEXT_COST);
    }
    if !sure {
        strings(bytes, &mut |at, string| {
            // Every detector needs one of these in what is not text as a whole.
            if string
                .iter()
                .any(|b| matches!(b, b'@' | b':' | b'=' | b'>' | b'$'))
            {
                let plain = Plain::of(string);
                let found = detect(&Text::of(plain.bytes(), false), &plain);
                out.found.extend(found.into_iter().map(|f| Found {
                    at: at.saturating_add(f.at),
                    end: at.saturating_add(f.end),
                    ..f
                }));
            }
        });
        return out;
    }
    let plain = Plain::of(bytes);
    let text = Text::of(plain.bytes(), true);
    out.found = detect(&text, &plain);
    let places = text.places().saturating_mul(PLACE_COST);
    let found = out.found.len().saturating_mul(FOUND_COST);
    work.spent = work.spent.saturating_add(places).saturating_add(found);
    if let Some((rows, part)) = work.rows.take() {
        let part = plain.after(part.start)..plain.after(part.end);
        let found = rows.go_on(plain.bytes(), part);
        out.found.extend(found.into_iter().map(|f| plain.placed(f)));
    }
    // Escaped more often than is undone: nobody saw what it says.
    if plain.deep {
        let (at, end) = (0, bytes.len());
        out.sealed.push(Run { at, end });
    }
    if depth >= DEPTH_MAX {
        return out;
    }
    for list in listed::lists(bytes) {
        let noise = listed::is_noise(&list.bytes);
        if !content(&list.bytes, list.run, depth, work, &mut out) && noise {
            out.sealed.push(list.run);
        }
    }
    // In the text as it stands: percent signs are digits too.
    for (run, digits) in base85::stretches(bytes) {
        let inside = base85::readings(&digits).find(|inside| readable::is_text(inside));
        if let Some(inside) = inside {
            content(&inside, run, depth, work, &mut out);
            if run.end.saturating_sub(run.at) > base85::DIGITS_MAX {
                out.sealed.push(run);
            }
        }
    }
    for list in listed::uuencoded(bytes) {
        content(&list.bytes, list.run, depth, work, &mut out);
    }
    let mut seen: Vec<(u64, usize)> = Vec::new();
    for run in blob::runs(plain.bytes()) {
        let place = plain.place(run);
        let written = plain.bytes().get(run.at..run.end).unwrap_or_default();
        let digits = blob::digits(written);
        // Of a longer one the start is opened.
        if written.len() > blob::OPENED_MAX {
            out.sealed.push(place);
        }
        if open(&digits, place, depth, work, &mut out) {
            continue;
        }
        match blob::closed(&text, run, &digits) {
            Closed::Words => {}
            Closed::Sealed => out.sealed.push(place),
            Closed::Token if blob::is_uuid(&digits) => {}
            Closed::Token => {
                let token = foldhash::fast::FixedState::default().hash_one(&digits);
                seen.push((token, digits.len()));
                out.tokens.push((place, token));
            }
        }
    }
    seen.sort_unstable_by_key(|(token, _)| *token);
    seen.dedup_by_key(|(token, _)| *token);
    let length: usize = seen.iter().map(|(_, length)| length).sum();
    if length >= TOKENS_MAX {
        out.sealed.extend(out.tokens.iter().map(|(run, _)| *run));
    }
    out.sealed.extend(
        dense::spans(plain.bytes())
            .into_iter()
            .map(|run| plain.place(run)),
    );
    if let Some(lines) = quoted_printable(bytes) {
        let plain = Plain::of(&lines);
        let found = detect(&Text::of(plain.bytes(), true), &plain).into_iter();
        // Places are lost with the line breaks; what is found anyway stays as it is.
        let known: HashSet<(Kind, &str)> = out
            .found
            .iter()
            .map(|have| (have.kind, have.plain.as_str()))
            .collect();
        let new: Vec<Found> = found
            .filter(|f| !known.contains(&(f.kind, f.plain.as_str())))
            .map(|f| Found {
                at: 0,
                end: bytes.len(),
                ..f
            })
            .collect();
        out.found.extend(new);
    }
    out
}

/// Text without escapes, and where its bytes stood.
struct Plain<'b> {
    bytes: std::borrow::Cow<'b, [u8]>,
    places: Option<Vec<u32>>,
    length: usize,
    /// There are escapes left.
    deep: bool,
}

impl<'b> Plain<'b> {
    fn of(bytes: &'b [u8]) -> Self {
        let length = bytes.len();
        match unescape(bytes) {
            Some(Unescaped {
                plain,
                places,
                deep,
            }) => Self {
                bytes: plain.into(),
                places: Some(places),
                length,
                deep,
            },
            None => Self {
                bytes: bytes.into(),
                places: None,
                length,
                deep: false,
            },
        }
    }

    fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    fn before(&self, at: usize) -> usize {
        match &self.places {
            Some(places) => places
                .get(at)
                .and_then(|p| usize::try_from(*p).ok())
                .unwrap_or(self.length),
            None => at,
        }
    }

    /// Where what stood at a place stands now.
    fn after(&self, at: usize) -> usize {
        match &self.places {
            Some(places) => places
                .partition_point(|place| usize::try_from(*place).is_ok_and(|place| place < at)),
            None => at,
        }
    }

    fn placed(&self, found: Found) -> Found {
        Found {
            at: self.before(found.at),
            end: self.before(found.end),
            ..found
        }
    }

    fn place(&self, run: Run) -> Run {
        Run {
            at: self.before(run.at),
            end: self.before(run.end),
        }
    }
}

fn detect(text: &Text<'_>, plain: &Plain<'_>) -> Vec<Found> {
    let mut found = Vec::new();
    for detector in DETECTORS {
        (detector.find)(text, &mut found);
    }
    found.into_iter().map(|f| plain.placed(f)).collect()
}

/// True if one of a run's readings was looked at as a whole.
fn open(digits: &[u8], place: Run, depth: u8, work: &mut Work<'_>, out: &mut Outcome) -> bool {
    let mut first = None;
    for inside in blob::readings(digits) {
        if let Some((latitude, longitude)) = grid::well_known_binary(&inside) {
            out.found.push(super::position::found(
                latitude, longitude, place.at, place.end,
            ));
            return true;
        }
        // As a body in UTF-16 is not read, neither is what is written in digits.
        if readable::is_wide(&inside) {
            out.sealed.push(place);
            return true;
        }
        let known = media::at_start(&inside).is_some() || packed(&inside).is_some();
        if known || (!inside.is_empty() && readable::is_text(&inside)) {
            return content(&inside, place, depth, work, out);
        }
        first.get_or_insert(inside);
    }
    // Strings in a binary record: they are found, and the rest stays unread.
    if let Some(inside) = first {
        take(
            layer(&inside, false, depth.saturating_add(1), work),
            place,
            out,
        );
    }
    false
}

/// Looks at what came out of a part of a text; true if nothing of it stays unread.
fn content(inside: &[u8], place: Run, depth: u8, work: &mut Work<'_>, out: &mut Outcome) -> bool {
    if let Some(media) = media::at_start(inside) {
        let mut found = vec![picture(media, 0)];
        if let Some((latitude, longitude)) = media::position(inside) {
            found.push(super::position::found(latitude, longitude, 0, 0));
        }
        take(
            Outcome {
                found,
                ..Outcome::default()
            },
            place,
            out,
        );
        return true;
    }
    if readable::is_text(inside) {
        let sub = layer(inside, true, depth.saturating_add(1), work);
        let whole = sub.sealed.is_empty() && depth.saturating_add(1) < DEPTH_MAX;
        take(sub, place, out);
        return whole;
    }
    if let Some(coding) = packed(inside)
        && depth < DEPTH_MAX
        && let Some(opened) = inflate(inside, coding, work)
    {
        return content(&opened, place, depth.saturating_add(1), work, out);
    }
    take(
        layer(inside, false, depth.saturating_add(1), work),
        place,
        out,
    );
    if let Some((latitude, longitude)) = exif::inside(inside) {
        let found = vec![super::position::found(latitude, longitude, 0, 0)];
        take(
            Outcome {
                found,
                ..Outcome::default()
            },
            place,
            out,
        );
    }
    false
}

/// Findings of what is inside stand where its writing stands.
fn take(sub: Outcome, place: Run, out: &mut Outcome) {
    out.found.extend(sub.found.into_iter().map(|f| Found {
        at: place.at,
        end: place.end,
        ..f
    }));
}

/// How bytes are compressed, by their first ones: gzip (RFC 1952 §2.3), zlib (RFC 1950 §2.2).
pub(super) fn packed(bytes: &[u8]) -> Option<Coding> {
    match bytes {
        [0x1f, 0x8b, 8, ..] => Some(Coding::Gzip),
        [0x78, flags @ (0x01 | 0x5e | 0x9c | 0xda), ..]
            if u16::from_be_bytes([0x78, *flags]).is_multiple_of(31) =>
        {
            Some(Coding::Deflate)
        }
        _ => None,
    }
}

fn inflate(bytes: &[u8], coding: Coding, work: &mut Work<'_>) -> Option<Vec<u8>> {
    if work.inflated == 0 {
        work.beyond = true;
        return None;
    }
    let mut inflate = Inflate::new(coding);
    let mut out = Vec::new();
    for piece in bytes.chunks(256) {
        let ended = inflate.push(piece, &mut |piece| out.extend_from_slice(piece));
        if out.len() > work.inflated {
            (work.inflated, work.beyond) = (0, true);
            return None;
        }
        if let Err(stopped) = ended {
            work.beyond |= stopped == Stopped::Grown;
            break;
        }
    }
    looks_at(out.len());
    work.inflated = work.inflated.saturating_sub(out.len());
    (!out.is_empty()).then_some(out)
}

/// Text with the soft line breaks and escapes of quoted-printable undone (RFC 2045 §6.7), if it has such line breaks: an equals sign
/// elsewhere stands before values.
fn quoted_printable(bytes: &[u8]) -> Option<Vec<u8>> {
    static MARKS: LazyLock<[Finder<'_>; 3]> = LazyLock::new(|| {
        [
            Finder::new(b"=\r\n"),
            Finder::new(b"uoted-printable"),
            // An equals sign is always escaped, and in nothing else so.
            Finder::new(b"=3D"),
        ]
    });
    MARKS.iter().find_map(|mark| mark.find(bytes))?;
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0usize;
    while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
        let (byte, length) = match rest {
            [b'=', b'\r', b'\n', ..] => (None, 3),
            [b'=', high, low, ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                (blob::unhex(&[*high, *low]).first().copied(), 3)
            }
            [byte, ..] => (Some(*byte), 1),
            [] => break,
        };
        out.extend(byte);
        at = at.saturating_add(length);
    }
    Some(out)
}

/// Lends the strings in binary, with their places.
fn strings(bytes: &[u8], lend: &mut dyn FnMut(usize, &[u8])) {
    // One byte in so many at least is part of a string that is long enough.
    let mut probe = STRING_MIN.saturating_sub(1);
    while let Some(byte) = bytes.get(probe) {
        if !readable::is_text_byte(*byte) {
            probe = probe.saturating_add(STRING_MIN);
            continue;
        }
        let before = bytes.get(..probe).unwrap_or_default();
        let is_text = |b: &&u8| readable::is_text_byte(**b);
        let lead = before.iter().rev().take_while(is_text).count();
        let behind = bytes.get(probe..).unwrap_or_default();
        let follow = behind.iter().take_while(is_text).count();
        let (at, end) = (probe.saturating_sub(lead), probe.saturating_add(follow));
        if end.saturating_sub(at) >= STRING_MIN {
            lend(at, bytes.get(at..end).unwrap_or_default());
        }
        probe = end.saturating_add(STRING_MIN);
    }
}

/// A picture or video as a finding.
pub(super) fn picture(media: media::Media, at: usize) -> Found {
    Found {
        kind: media.kind,
        at,
        end: at.saturating_add(1),
        plain: media.format.to_owned(),
        masked: media.format.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::content::Kind;
    use base64::Engine as _;

    /// What hides behind a bound is found, or what holds it counts as unread.
    #[test]
    fn nothing_hides_behind_a_bound() {
        let report = r#"{"latitude":40.12345,"longitude":-74.54321}"#;
        let mut nested = report.to_owned();
        let mut escaped = report.replace('"', "%22");
        for level in 1..9 {
            nested = format!("{{\"v\":{}}}", serde_json::Value::from(nested));
            escaped = escaped.replace('%', "%25");
            for text in [&nested, &escaped] {
                let outcome = scan(text.as_bytes(), true);
                let hidden: usize = outcome.sealed.iter().map(|run| run.end - run.at).sum();
                let seen = outcome.found.iter().any(|f| f.kind == Kind::Position);
                assert!(seen || hidden == text.len(), "{level}: {text}");
            }
        }
        // More than is opened of a run of digits; files of uuencode that hold nothing before the one that does.
        let base64 = base64::engine::general_purpose::STANDARD;
        let long = format!("{}{report}", "words and words ".repeat(20_000));
        let outcome = scan(format!("d={}", base64.encode(long)).as_bytes(), true);
        assert!(!outcome.sealed.is_empty());
        let empty = "begin 644 a\n`\nend\n".repeat(20);
        let row = "#8V]P\n".repeat(2);
        let mut file = String::from("begin 644 b\n");
        for piece in report.as_bytes().chunks(45) {
            file.push(char::from(b' ' + piece.len() as u8));
            for three in piece.chunks(3) {
                let bytes = [
                    three[0],
                    *three.get(1).unwrap_or(&0),
                    *three.get(2).unwrap_or(&0),
                ];
                let bits = u32::from_be_bytes([0, bytes[0], bytes[1], bytes[2]]);
                for shift in [18, 12, 6, 0] {
                    file.push(char::from(b' ' + (bits >> shift & 63) as u8));
                }
            }
            file.push('\n');
        }
        for lead in [empty, format!("begin 644 a\n{row}")] {
            let found = kinds(format!("{lead}{file}`\nend\n").as_bytes(), true);
            assert!(
                found.iter().any(|(kind, _)| *kind == Kind::Position),
                "{lead}{file}"
            );
        }
    }

    fn kinds(bytes: &[u8], sure: bool) -> Vec<(Kind, usize)> {
        scan(bytes, sure)
            .found
            .iter()
            .map(|f| (f.kind, f.at))
            .collect()
    }

    #[test]
    fn a_report_as_apps_send_it() {
        let body = br#"{"email":"pilot.jones@example.org","imei":"490154203237518","latitude":38.897676,"longitude":-77.036529}"#;
        let all = [(Kind::Position, 61), (Kind::Email, 10), (Kind::Imei, 36)];
        assert_eq!(kinds(body, true), all);
        let escaped = String::from_utf8_lossy(body)
            .replace('"', "%22")
            .replace('@', "%40");
        assert_eq!(kinds(format!("data={escaped}").as_bytes(), true).len(), 3);
        let sealed = base64::engine::general_purpose::STANDARD.encode(body);
        let found = kinds(format!("data={sealed}").as_bytes(), true);
        assert_eq!(found.len(), 3);
        assert!(found.iter().all(|(_, at)| *at == 5));
        let binary = [&b"\x0a\x68"[..], body, b"\x12\x01\xff\xfe"].concat();
        assert_eq!(kinds(&binary, false).len(), 3);
    }

    #[test]
    fn layers_are_opened_one_by_one() {
        use std::io::Write as _;
        let engine = &base64::engine::general_purpose::STANDARD;
        let body = br#"{"email":"pilot.jones@example.org","imei":"490154203237518"}"#;
        let hex = |bytes: &[u8]| bytes.iter().map(|b| format!("{b:02x}")).collect::<String>();
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        let _ = gzip.write_all(body);
        let gzip = gzip.finish().unwrap_or_default();
        let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
        let _ = zlib.write_all(engine.encode(body).as_bytes());
        let zlib = zlib.finish().unwrap_or_default();
        let numbers = body.iter().map(u8::to_string).collect::<Vec<_>>().join(",");
        let wide = engine
            .encode(body)
            .replace('+', "%2B")
            .replace('/', "%2F")
            .replace('=', "%3D");
        for text in [
            format!("d={}", engine.encode(&gzip)),
            format!("d={}", hex(&zlib)),
            format!("d={}", engine.encode(hex(body))),
            format!("d={wide}&x=1"),
            format!(r#"{{"d":[{numbers}]}}"#),
            format!(r#"{{"d":"{}"}}"#, engine.encode(&body[..40])),
        ] {
            let out = scan(text.as_bytes(), true);
            let email = out.found.iter().any(|f| f.kind == Kind::Email);
            assert!(email && out.sealed.is_empty(), "{text}: {:?}", out.sealed);
        }
        let deep = (0..8).fold(body.to_vec(), |inside, _| {
            engine.encode(inside).into_bytes()
        });
        assert!(
            !scan(&deep, true).sealed.is_empty(),
            "beyond the bound nothing is read"
        );
        // A message cut in pieces no longer than a hash.
        let pieces = crate::observe::dissect::wire::test_bytes::Noise(3).bytes(640);
        let pieces: Vec<String> = pieces.chunks(32).map(hex).collect();
        let list = format!(r#"{{"d":["{}"]}}"#, pieces.join(r#"",""#));
        assert!(!scan(list.as_bytes(), true).sealed.is_empty());
        let few = format!(r#"{{"sha256":"{}","etag":"{}"}}"#, pieces[0], pieces[1]);
        assert!(scan(few.as_bytes(), true).sealed.is_empty());
    }

    #[test]
    fn noise_holds_nothing() {
        let mut noise = crate::observe::dissect::wire::test_bytes::Noise(21);
        for _ in 0..200 {
            let bytes = noise.bytes(1400);
            assert_eq!(kinds(&bytes, false), []);
        }
    }
}
