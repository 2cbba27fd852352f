//! The line of a text file that results are attached to where a format wants a place in a
//! repository: SARIF (code scanning) and GitHub's annotations.
//!
//! A finding is about packets, and packets have no line that a reviewer could look at. So the user
//! names a file that stands for the audit (`--annotate audits/flight-12.toml:7`), best the case
//! file. Without that the case file is taken, as the command line names it, then the capture
//! itself: a valid place, though one that code scanning cannot show.
//!
//! A place is always a relative path with `/`, as code scanning refuses others. It says nothing
//! about whether the file exists.

use super::v1::Report;
use std::fmt;

/// A line of a file, by its path from the root of the repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Anchor {
    /// The path, with `/`, not absolute and without `..`.
    pub path: String,
    /// The line, from 1.
    pub line: u32,
}

impl Anchor {
    /// Reads `PATH[:LINE]`.
    ///
    /// # Errors
    /// What is wrong with it, in words that follow the value.
    pub fn parse(value: &str) -> Result<Self, String> {
        let (path, line) = match value.rsplit_once(':') {
            Some((path, line)) if line.bytes().all(|b| b.is_ascii_digit()) => (path, line),
            _ => (value, "1"),
        };
        let line = line.parse().ok().filter(|line| *line > 0);
        let line = line.ok_or("has no line number behind ':' (lines count from 1)")?;
        let path = relative(path).ok_or(
            "is no path inside a repository (relative to its root, with '/', without '..')",
        )?;
        Ok(Self { path, line })
    }

    /// The place for this report: the given one, else the case file, else the first capture.
    pub fn of(report: &Report, given: Option<&Self>) -> Self {
        let first = |path: &str| Self {
            path: relative(path).unwrap_or_else(|| file_name(path)),
            line: 1,
        };
        if let Some(given) = given {
            return given.clone();
        }
        if let Some(case) = &report.case {
            return first(case_argument(report).unwrap_or(&case.path));
        }
        let as_given = report.run.paths.first().filter(|path| *path != "-");
        let listed = report.inputs.first().map(|input| &input.path);
        first(as_given.or(listed).map_or("capture", String::as_str))
    }

    /// The path as a relative URI (RFC 3986, section 4.2).
    pub fn uri(&self) -> String {
        uri(&self.path)
    }
}

impl fmt::Display for Anchor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.path, self.line)
    }
}

/// The case file as the command line names it: the report's own `case` has its file name alone.
fn case_argument(report: &Report) -> Option<&str> {
    let arguments = &report.run.arguments;
    let behind = arguments.iter().position(|a| a == "--case");
    let next = behind.and_then(|at| arguments.get(at.checked_add(1)?));
    let joined = || arguments.iter().find_map(|a| a.strip_prefix("--case="));
    next.map(String::as_str).or_else(joined)
}

/// The path from the current folder downwards; `None` for one that leads elsewhere.
fn relative(path: &str) -> Option<String> {
    let drive = path
        .split_once(':')
        .is_some_and(|(drive, _)| drive.len() == 1);
    if path.starts_with(['/', '\\']) || drive || path.chars().any(char::is_control) {
        return None;
    }
    let separators: &[char] = if cfg!(windows) { &['/', '\\'] } else { &['/'] };
    let mut parts = Vec::new();
    for part in path.split(separators) {
        match part {
            "" | "." => {}
            ".." => return None,
            part => parts.push(part),
        }
    }
    (!parts.is_empty()).then(|| parts.join("/"))
}

fn file_name(path: &str) -> String {
    let name = path.rsplit(['/', '\\']).find(|part| !part.is_empty());
    match name {
        None | Some("." | "..") => "capture".to_owned(),
        Some(name) => name.to_owned(),
    }
}

/// A path as a relative URI: everything but unreserved characters and `/` is percent-encoded, so
/// that no `:` makes a scheme of its beginning and no `?` or `#` ends it.
pub(super) fn uri(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                out.push(char::from(byte));
            }
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tell::report::sample;

    #[test]
    fn places_are_lines_of_files_inside_the_repository() {
        let read = |value| Anchor::parse(value).map(|a| a.to_string());
        assert_eq!(
            read("audits/./flight.toml:7").unwrap(),
            "audits/flight.toml:7"
        );
        assert_eq!(read("README.md").unwrap(), "README.md:1");
        assert_eq!(read("of:tens.md:2").unwrap(), "of:tens.md:2");
        for bad in [
            "",
            ".",
            "/etc/passwd",
            "../x",
            "a/../../x",
            "x:0",
            "x:",
            "x:99999999999",
            "C:\\x",
            "a\nb",
        ] {
            assert!(Anchor::parse(bad).is_err(), "{bad}");
        }
        assert_eq!(uri("a b/c:d?é#.toml"), "a%20b/c%3Ad%3F%C3%A9%23.toml");
    }

    #[test]
    fn the_given_place_wins_then_the_case_file_then_the_capture() {
        let mut report = sample::report();
        assert_eq!(
            Anchor::of(&report, None).uri(),
            "flight%1B%5D0%3Bx%07.pcapng"
        );
        report.run.paths = vec!["captures/flight.pcapng".into()];
        assert_eq!(
            Anchor::of(&report, None).to_string(),
            "captures/flight.pcapng:1"
        );
        report.run.paths = vec!["/tmp/../flight.pcapng".into()];
        assert_eq!(Anchor::of(&report, None).to_string(), "flight.pcapng:1");
        report.case = Some(crate::tell::report::format::tests::case());
        assert_eq!(Anchor::of(&report, None).to_string(), "case.toml:1");
        report.run.arguments = vec!["check".into(), "--case".into(), "audits/case.toml".into()];
        assert_eq!(Anchor::of(&report, None).to_string(), "audits/case.toml:1");
        let given = Anchor::parse("README.md:3").unwrap();
        assert_eq!(Anchor::of(&report, Some(&given)), given);
    }
}
