//! Runs all detectors over bytes: as one text, or string by string where the bytes are binary.

use super::text::{Text, unescape};
use super::{DETECTORS, Found, media, readable};

/// Shortest string in binary that is looked at: the shortest address worth finding is longer.
const STRING_MIN: usize = 8;

/// What was found, and what could not be opened.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    pub(super) found: Vec<Found>,
    /// Runs of digits that hide their content.
    pub(super) sealed: Vec<readable::Run>,
}

/// Looks at `bytes`; `sure` if they are text as a whole.
pub(super) fn scan(bytes: &[u8], sure: bool) -> Outcome {
    let mut out = Outcome::default();
    if sure {
        text(bytes, 0, true, &mut out.found);
        for run in readable::runs(bytes) {
            blob(bytes, run, &mut out);
        }
    } else {
        strings(bytes, &mut |at, string| {
            // Every detector needs one of these in what is not text as a whole.
            if string
                .iter()
                .any(|b| matches!(b, b'@' | b':' | b'=' | b'>' | b'$'))
            {
                text(string, at, false, &mut out.found);
            }
        });
    }
    out
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

/// A long run of digits: opened once.
fn blob(bytes: &[u8], run: readable::Run, out: &mut Outcome) {
    let digits = bytes.get(run.at..run.end).unwrap_or_default();
    let Some(inside) = readable::open(digits, |b| media::at_start(b).is_some()) else {
        if run.is_blob() {
            out.sealed.push(run);
        }
        return;
    };
    let mut found = Vec::new();
    match media::at_start(&inside) {
        Some(media) => {
            found.push(picture(media, 0));
            if let Some((latitude, longitude)) = media::position(&inside) {
                found.push(super::position::found(latitude, longitude, 0, 0));
            }
        }
        None => text(&inside, 0, true, &mut found),
    }
    out.found.extend(found.into_iter().map(|f| Found {
        at: run.at,
        end: run.end,
        ..f
    }));
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

fn text(bytes: &[u8], offset: usize, sure: bool, out: &mut Vec<Found>) {
    let unescaped = unescape(bytes);
    let (plain, places) = match &unescaped {
        Some((plain, places)) => (plain.as_slice(), Some(places)),
        None => (bytes, None),
    };
    let text = Text::of(plain, sure);
    let mut found = Vec::new();
    for detector in DETECTORS {
        (detector.find)(&text, &mut found);
    }
    let place = |at: usize| {
        let before = match places {
            Some(places) => places
                .get(at)
                .and_then(|p| usize::try_from(*p).ok())
                .unwrap_or(bytes.len()),
            None => at,
        };
        offset.saturating_add(before)
    };
    out.extend(found.into_iter().map(|f| Found {
        at: place(f.at),
        end: place(f.end),
        ..f
    }));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::personal::Kind;
    use base64::Engine as _;

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
    fn noise_holds_nothing() {
        let mut noise = crate::dissect::wire::test_bytes::Noise(21);
        for _ in 0..200 {
            let bytes = noise.bytes(1400);
            assert_eq!(kinds(&bytes, false), []);
        }
    }
}
