//! Bytes written with so many characters that it is neither language nor data: base85 and Ascii85 (RFC 1924, Z85), base91,
//! uuencode, yEnc, and alphabets beyond ASCII.
//!
//! Language, markup and program text use few marks, and each letter at its own rate. An encoding of compressed or encrypted bytes
//! uses all of its alphabet evenly. Both are measured over a stretch; nothing is decoded, and short stretches say nothing.

use super::blob::Run;

/// Characters that are judged together.
const GRAIN: usize = 128;
/// Different marks in a stretch: JSON, XML and URLs have up to a dozen, alphabets of 85 characters some eighteen.
const MARKS_MIN: usize = 14;
/// Bits to the character in a stretch of 128: base85 has 5.8 there, JSON with ids and numbers 5.2.
const BITS_MIN: f64 = 5.4;

/// Bits to the character, by how often each one stands there.
fn bits(counts: impl Iterator<Item = usize>, length: usize) -> f64 {
    let length = length.max(1) as f64;
    counts
        .filter(|count| *count > 0)
        .map(|count| {
            let share = count as f64 / length;
            -share * share.log2()
        })
        .sum()
}

fn counts(bytes: impl Iterator<Item = u8>) -> [usize; 256] {
    let mut counts = [0usize; 256];
    for byte in bytes {
        if let Some(count) = counts.get_mut(usize::from(byte)) {
            *count = count.saturating_add(1);
        }
    }
    counts
}

/// True if all characters that occur do so about equally often, and in many orders.
pub(super) fn is_even(digits: &[u8]) -> bool {
    /// Words of one case miss the evenly spread by half a bit.
    const SLACK: f64 = 0.12;
    let counts = counts(digits.iter().copied());
    let kinds = counts.iter().filter(|count| **count > 0).count();
    if kinds < 2 {
        return false;
    }
    let length = digits.len().max(1) as f64;
    // Few samples look uneven (Miller and Madow).
    let bias = (kinds as f64 - 1.0) / (2.0 * length * std::f64::consts::LN_2);
    let even = bits(counts.into_iter(), digits.len()) + bias >= (kinds as f64).log2() - SLACK;
    even && is_mixed(digits)
}

/// True if characters follow one another in nearly as many orders as chance would have it: not for what counts or repeats.
pub(super) fn is_mixed(digits: &[u8]) -> bool {
    let kinds = counts(digits.iter().copied());
    let kinds = kinds.iter().filter(|count| **count > 0).count();
    let mut pairs: Vec<[u8; 2]> = digits
        .windows(2)
        .filter_map(|w| w.first_chunk().copied())
        .collect();
    pairs.sort_unstable();
    pairs.dedup();
    let most = (kinds.saturating_mul(kinds)) as f64;
    let expected = most * (1.0 - (-(digits.len() as f64) / most.max(1.0)).exp());
    kinds >= 2 && pairs.len() as f64 >= 0.6 * expected
}

/// The stretches of a text that are nothing to a reader.
pub(super) fn spans(bytes: &[u8]) -> Vec<Run> {
    let mut out: Vec<Run> = Vec::new();
    let mut note = |run: Run| match out.last_mut() {
        Some(last) if last.end >= run.at => last.end = last.end.max(run.end),
        _ => out.push(run),
    };
    if bytes.len() < GRAIN {
        return out;
    }
    ascii(bytes, &mut note);
    if !bytes.is_ascii() {
        beyond_ascii(bytes, &mut note);
    }
    out.sort_by_key(|run| run.at);
    out
}

/// Stretches of printable ASCII, white space left out: lines are broken anywhere.
fn ascii(bytes: &[u8], note: &mut dyn FnMut(Run)) {
    // How often each byte stands in a grain: as many as fit in a byte.
    let mut counts = [0u8; 256];
    let (mut length, mut marks) = (0usize, 0usize);
    let mut at = 0usize;
    for (place, byte) in bytes.iter().enumerate() {
        if byte.is_ascii_whitespace() {
            continue;
        }
        if length == 0 {
            at = place;
        }
        length = length.saturating_add(1);
        if let Some(count) = counts.get_mut(usize::from(*byte)) {
            marks = marks.saturating_add(usize::from(*count == 0 && byte.is_ascii_punctuation()));
            *count = count.saturating_add(1);
        }
        if length < GRAIN {
            continue;
        }
        if marks >= MARKS_MIN && bits(counts.into_iter().map(usize::from), length) >= BITS_MIN {
            note(Run {
                at,
                end: place.saturating_add(1),
            });
        }
        counts.fill(0);
        (length, marks) = (0, 0);
    }
}

/// Stretches of characters that need more than one byte.
fn beyond_ascii(bytes: &[u8], note: &mut dyn FnMut(Run)) {
    /// In scripts of letters, bits to the character: Cyrillic, Greek, Arabic, Devanagari stay below.
    const LETTERS_BITS: f64 = 5.3;
    /// In scripts of syllables and ideographs, how many of 128 characters differ: in language seven in ten at most.
    const DIFFERENT: usize = 122;
    let syllables = |c: char| matches!(c, '\u{3040}'..='\u{d7ff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}');
    let mut grain: Vec<char> = Vec::with_capacity(GRAIN);
    let mut at = 0usize;
    let mut base = 0usize;
    for chunk in bytes.utf8_chunks() {
        for (place, character) in chunk.valid().char_indices() {
            if character.is_ascii() {
                continue;
            }
            let place = base.saturating_add(place);
            if grain.is_empty() {
                at = place;
            }
            grain.push(character);
            if grain.len() < GRAIN {
                continue;
            }
            let many = grain.iter().filter(|c| syllables(**c)).count();
            grain.sort_unstable();
            let counts = grain.chunk_by(|a, b| a == b).map(<[char]>::len);
            let different = grain.chunk_by(|a, b| a == b).count();
            let dense = if many.saturating_mul(2) >= grain.len() {
                different >= DIFFERENT
            } else {
                bits(counts, grain.len()) >= LETTERS_BITS
            };
            if dense {
                note(Run {
                    at,
                    end: place.saturating_add(character.len_utf8()),
                });
            }
            grain.clear();
        }
        base = base
            .saturating_add(chunk.valid().len())
            .saturating_add(chunk.invalid().len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::dissect::wire::test_bytes::Noise;

    /// Noise in an alphabet.
    fn written(alphabet: &[char], count: usize) -> String {
        let mut noise = Noise(12);
        (0..count)
            .filter_map(|_| alphabet.get(noise.below(alphabet.len())).copied())
            .collect()
    }

    #[test]
    fn alphabets_and_language() {
        let ascii = |from: u8, to: u8| (from..=to).map(char::from).collect::<Vec<_>>();
        let z85: Vec<char> =
            "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#"
                .chars()
                .collect();
        let latin: Vec<char> = ('\u{80}'..='\u{ff}').collect();
        let braille: Vec<char> = ('\u{2800}'..='\u{28ff}').collect();
        let ideographs: Vec<char> = ('\u{4e00}'..='\u{9000}').collect();
        for alphabet in [
            &ascii(b'!', b'u'),
            &z85,
            &ascii(b' ', b'`'),
            &ascii(b'!', b'~'),
            &latin,
            &braille,
            &ideographs,
        ] {
            let text = written(alphabet, 2000);
            let sealed: usize = spans(text.as_bytes())
                .iter()
                .map(|run| run.end - run.at)
                .sum();
            assert!(
                sealed * 10 > text.len() * 8,
                "{sealed} of {}: {text}",
                text.len()
            );
        }
        let record = r#"{"ts":1740823200123,"id":"cdda802e-fb9c-47ad-9866-0794d394c912","v":"4.3.40","ua":"Dalvik/2.1.0 (Linux; U; Android 13; SM-S908B Build/TP1A.220624.014)","k":[1,2,3],"u":"https://a.example/p?q=1&r=%20#x"},"#;
        let page = r#"<a href="https://example.org/p?q=1&amp;r=2" class="x y" style="color:#fff;margin:0 auto!important">A (b) [c] {d}</a>"#;
        for text in [
            record.repeat(20),
            page.repeat(20),
            "Straße für Übergrößen: Äpfel, Öl und Müßiggang über alles. ".repeat(40),
            "Съешь же ещё этих мягких французских булок да выпей чаю. ".repeat(40),
            "无人机在起飞前必须检查电池电量和螺旋桨的状态，飞行过程中请保持视距内飞行，并遵守当地的法律法规。如果信号丢失，飞机会自动返航到起飞点，请确认返航高度足够。".repeat(8),
        ] {
            assert_eq!(spans(text.as_bytes()), [], "{text}");
        }
    }
}
