//! Which text of counters belongs to which capture.

use crate::ground::error::Error;
use std::path::{Path, PathBuf};

/// The capture of each `--counters`: the only one, or the one that is named in front of an equals
/// sign, as it was given on the command line.
///
/// # Errors
/// It cannot be told which capture is meant, or two texts are given for one.
pub fn assign<'c>(
    captures: &'c [PathBuf],
    given: &[PathBuf],
) -> Result<Vec<(&'c Path, PathBuf)>, Error> {
    let mut out: Vec<(&Path, PathBuf)> = Vec::new();
    for value in given {
        let named = captures.iter().find_map(|capture| {
            let rest = value.to_str()?.strip_prefix(capture.to_str()?)?;
            let text = rest.strip_prefix('=').filter(|text| !text.is_empty())?;
            Some((capture.as_path(), PathBuf::from(text)))
        });
        let (capture, text) = match (named, captures) {
            (Some(named), _) => named,
            (None, [only]) => (only.as_path(), value.clone()),
            (None, _) => {
                return Err(Error::at(
                    format!("--counters {}", value.display()),
                    "does not say which of the captures it belongs to",
                )
                .advise("give CAPTURE=FILE, the capture as it is named on the command line"));
            }
        };
        if out.iter().any(|(taken, _)| *taken == capture) {
            return Err(Error::at(
                format!("--counters {}", value.display()),
                format!("is the second one for {}", capture.display()),
            )
            .advise("give one text for each capture"));
        }
        out.push((capture, text));
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(captures: &[&str], given: &[&str]) -> Result<Vec<(String, String)>, String> {
        let paths = |list: &[&str]| list.iter().map(PathBuf::from).collect::<Vec<_>>();
        let captures = paths(captures);
        let text = |path: &Path| path.display().to_string();
        assign(&captures, &paths(given))
            .map(|all| all.iter().map(|(c, t)| (text(c), text(t))).collect())
            .map_err(|e| e.to_string())
    }

    #[test]
    fn each_text_belongs_to_one_capture() {
        let pair = |capture: &str, text: &str| (capture.to_owned(), text.to_owned());
        assert_eq!(told(&["a.pcap"], &[]), Ok(vec![]));
        assert_eq!(
            told(&["a.pcap"], &["a=b.txt"]),
            Ok(vec![pair("a.pcap", "a=b.txt")])
        );
        assert_eq!(
            told(&["a.pcap"], &["a.pcap=a.txt"]),
            Ok(vec![pair("a.pcap", "a.txt")])
        );
        assert_eq!(
            told(&["a.pcap", "-"], &["-=b.txt", "a.pcap=x/a.txt"]),
            Ok(vec![pair("-", "b.txt"), pair("a.pcap", "x/a.txt")])
        );
        for (captures, given) in [
            (&["a.pcap", "b.pcap"][..], &["a.txt"][..]),
            (&["a.pcap", "b.pcap"], &["c.pcap=a.txt"]),
            (&["a.pcap", "b.pcap"], &["a.pcap="]),
            (&["a.pcap", "b.pcap"], &["a.pcap=1.txt", "a.pcap=2.txt"]),
            (&["a.pcap"], &["1.txt", "2.txt"]),
        ] {
            assert!(told(captures, given).is_err(), "{captures:?} {given:?}");
        }
    }
}
