//! Which sessions a campaign is of: captures, folders, patterns, lists and manifests.
//!
//! Nothing is opened here but folders and lists: whether a file is a capture shows when it is audited, and costs
//! that session alone.

use super::super::screen::note;
use crate::app::cli::{Campaign, STDIN, Terminal};
use crate::ground::error::{Error, reason};
use crate::ground::{file, text};
use crate::tell::tables::session::Labels;
use serde::Deserialize;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Endings of captures in folders, before that of a compression.
const ENDINGS: [&str; 6] = ["pcap", "pcapng", "cap", "ntar", "dmp", "pcap-ng"];
/// Endings of compressed captures.
const COMPRESSED: [&str; 6] = ["gz", "zst", "zstd", "xz", "lz4", "bz2"];
/// Folders inside folders that are gone into: deeper there is a circle, or no collection.
const DEPTH_MAX: u8 = 32;
/// Bytes of a list or a manifest: a million rows are far below.
const LIST_MAX: u64 = 512 << 20;

/// A session that is to be audited.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Spec {
    /// Its captures; none where a case file names them.
    pub(super) captures: Vec<PathBuf>,
    /// What it is declared to be.
    pub(super) labels: Labels,
    /// Options of `check` for it alone.
    pub(super) arguments: Vec<String>,
    /// Its case file.
    pub(super) case: Option<PathBuf>,
}

/// A row of a manifest.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Row {
    path: Option<Texts>,
    app: Option<Texts>,
    version: Option<Texts>,
    device: Option<Texts>,
    mode: Option<Texts>,
    window: Option<Texts>,
    case: Option<Texts>,
}

impl Row {
    /// The place of a column.
    fn column(&mut self, name: &str) -> Option<&mut Option<Texts>> {
        Some(match name {
            "path" => &mut self.path,
            "app" => &mut self.app,
            "version" => &mut self.version,
            "device" => &mut self.device,
            "mode" => &mut self.mode,
            "window" => &mut self.window,
            "case" => &mut self.case,
            _ => return None,
        })
    }
}

/// The columns, for messages.
const COLUMNS: &str = "the columns are path, app, version, device, mode, window and case";

/// A text or several; a version may be written as a number.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Texts {
    One(String),
    Many(Vec<String>),
    Number(serde_json::Number),
}

impl Texts {
    /// In CSV several stand in one cell.
    fn all(self, between: Option<char>) -> Vec<String> {
        let all = match (self, between) {
            (Self::Many(all), _) => all,
            (Self::One(text), Some(between)) => text.split(between).map(str::to_owned).collect(),
            (Self::One(text), None) => vec![text],
            (Self::Number(number), _) => vec![number.to_string()],
        };
        let all = all.into_iter().map(|text| text.trim().to_owned());
        all.filter(|text| !text.is_empty()).collect()
    }
}

/// The sessions of the command line.
///
/// # Errors
/// A path that is not there or a pattern that nothing fits, a list or a manifest that cannot be read.
pub(super) fn sessions(options: &Campaign, terminal: &Terminal) -> Result<Vec<Spec>, Error> {
    let mut found = Found::default();
    for path in &options.paths {
        found.path(path)?;
    }
    if found.passed_over > 0 {
        let files = found.passed_over;
        note(
            terminal,
            &format!("{files} files in folders do not end as captures do and are passed over"),
        );
    }
    if found.specs.is_empty() {
        return Err(Error::new("there is no capture to audit")
            .advise("name captures, folders with captures, or a manifest"));
    }
    Ok(found.specs)
}

#[derive(Default)]
struct Found {
    specs: Vec<Spec>,
    passed_over: usize,
}

fn shown(path: &Path) -> String {
    text::terminal(&path.display().to_string()).into_owned()
}

impl Found {
    fn capture(&mut self, path: PathBuf) {
        self.specs.push(Spec {
            captures: vec![path],
            ..Spec::default()
        });
    }

    fn path(&mut self, path: &Path) -> Result<(), Error> {
        if path.as_os_str() == STDIN {
            return self.list();
        }
        if path.is_dir() {
            return self.folder(path, 0);
        }
        let written = path.to_string_lossy();
        if !path.exists() && written.contains(['*', '?', '[']) {
            return self.pattern(&written);
        }
        match path.extension().and_then(|end| end.to_str()) {
            Some("csv") => self.csv(path),
            Some("ndjson" | "jsonl") => self.ndjson(path),
            _ => {
                self.capture(path.to_owned());
                Ok(())
            }
        }
    }

    fn folder(&mut self, path: &Path, depth: u8) -> Result<(), Error> {
        let cannot = |e: std::io::Error| {
            Error::at(
                shown(path),
                format!("cannot read the folder: {}", reason(&e)),
            )
        };
        if depth > DEPTH_MAX {
            return Err(Error::at(
                shown(path),
                "lies deeper than folders are gone into",
            ));
        }
        let mut entries: Vec<PathBuf> = Vec::new();
        for entry in fs::read_dir(path).map_err(cannot)? {
            entries.push(entry.map_err(cannot)?.path());
        }
        entries.sort();
        for entry in entries {
            let hidden = entry
                .file_name()
                .is_some_and(|name| name.to_string_lossy().starts_with('.'));
            if hidden {
                continue;
            }
            // A link to a folder may lead back.
            let link = fs::symlink_metadata(&entry).is_ok_and(|meta| meta.is_symlink());
            if entry.is_dir() {
                if !link {
                    self.folder(&entry, depth.saturating_add(1))?;
                }
            } else if is_capture(&entry) {
                self.capture(entry);
            } else {
                self.passed_over = self.passed_over.saturating_add(1);
            }
        }
        Ok(())
    }

    fn pattern(&mut self, pattern: &str) -> Result<(), Error> {
        let place = text::terminal(pattern).into_owned();
        let options = glob::MatchOptions {
            require_literal_leading_dot: true,
            ..glob::MatchOptions::new()
        };
        let paths = glob::glob_with(pattern, options)
            .map_err(|e| Error::at(&place, format!("is no pattern of paths: {}", e.msg)))?;
        let before = self.specs.len();
        for path in paths {
            let path = path.map_err(|e| {
                Error::at(
                    shown(e.path()),
                    format!("cannot read: {}", reason(e.error())),
                )
            })?;
            if path.is_dir() {
                self.folder(&path, 0)?;
            } else {
                self.capture(path);
            }
        }
        if self.specs.len() == before {
            return Err(Error::at(place, "fits no file").advise("check the path"));
        }
        Ok(())
    }

    /// Paths from standard input, one a line.
    fn list(&mut self) -> Result<(), Error> {
        let mut text = String::new();
        std::io::stdin()
            .lock()
            .take(LIST_MAX)
            .read_to_string(&mut text)
            .map_err(|e| Error::at(STDIN, format!("cannot read the list: {}", reason(&e))))?;
        let paths = text.lines().map(str::trim).filter(|line| !line.is_empty());
        for path in paths {
            self.path_of_list(Path::new(path))?;
        }
        Ok(())
    }

    fn path_of_list(&mut self, path: &Path) -> Result<(), Error> {
        if path.as_os_str() == STDIN {
            return Err(Error::at(STDIN, "a list cannot name itself"));
        }
        self.path(path)
    }

    fn read(path: &Path) -> Result<String, Error> {
        let refuse = |e: std::io::Error| {
            Error::at(
                shown(path),
                format!("cannot read the manifest: {}", reason(&e)),
            )
            .advise("check the path; the file has to be UTF-8 text")
        };
        let mut text = String::new();
        let file = file::open(path).map_err(refuse)?;
        file.take(LIST_MAX)
            .read_to_string(&mut text)
            .map_err(refuse)?;
        Ok(text)
    }

    fn csv(&mut self, path: &Path) -> Result<(), Error> {
        let text = Self::read(path)?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
        let mut reader = csv::ReaderBuilder::new()
            .trim(csv::Trim::All)
            .from_reader(text.as_bytes());
        let refuse = |line: u64, what: &str| {
            let place = format!("{}: line {line}", shown(path));
            Error::at(place, text::terminal(what).into_owned()).advise(COLUMNS)
        };
        let wrong = |e: csv::Error| {
            let line = e.position().map_or(1, csv::Position::line);
            refuse(line, &format!("is no row of a table: {e}"))
        };
        let names = reader.headers().map_err(wrong)?.clone();
        for name in &names {
            if Row::default().column(name).is_none() {
                return Err(refuse(1, &format!("names a column '{name}'")));
            }
        }
        for record in reader.records() {
            let record = record.map_err(wrong)?;
            let mut row = Row::default();
            for (name, value) in names.iter().zip(&record) {
                if let Some(column) = row.column(name) {
                    *column = Some(Texts::One(value.to_owned()));
                }
            }
            let line = record.position().map_or(1, csv::Position::line);
            self.row(row, path, line, Some(';'))?;
        }
        Ok(())
    }

    fn ndjson(&mut self, path: &Path) -> Result<(), Error> {
        let text = Self::read(path)?;
        let lines = text.lines().enumerate();
        for (at, line) in lines.filter(|(_, line)| !line.trim().is_empty()) {
            let number = at.saturating_add(1) as u64;
            let row: Row = serde_json::from_str(line).map_err(|e| {
                let place = format!("{}: line {number}", shown(path));
                Error::at(place, text::terminal(&e.to_string()).into_owned()).advise(COLUMNS)
            })?;
            self.row(row, path, number, None)?;
        }
        Ok(())
    }

    fn row(
        &mut self,
        row: Row,
        manifest: &Path,
        line: u64,
        between: Option<char>,
    ) -> Result<(), Error> {
        let folder = manifest.parent().unwrap_or(Path::new(""));
        let all = |texts: Option<Texts>| texts.map(|t| t.all(between)).unwrap_or_default();
        let one = |texts: &[String]| (!texts.is_empty()).then(|| texts.join(", "));
        let mut spec = Spec::default();
        let (apps, devices) = (all(row.app), all(row.device));
        spec.labels = Labels {
            app: one(&apps),
            version: one(&all(row.version)),
            device: one(&devices),
            mode: one(&all(row.mode)),
        };
        let mut add = |option: &str, values: Vec<String>| {
            for value in values {
                spec.arguments.extend([option.to_owned(), value]);
            }
        };
        add("--app", apps);
        add("--device", devices);
        add("--window", all(row.window));
        let paths = all(row.path);
        spec.captures = paths.iter().map(|path| folder.join(path)).collect();
        spec.case = all(row.case).pop().map(|path| folder.join(path));
        if spec.captures.is_empty() && spec.case.is_none() {
            let place = format!("{}: line {line}", shown(manifest));
            return Err(Error::at(place, "names no capture and no case file").advise(COLUMNS));
        }
        self.specs.push(spec);
        Ok(())
    }
}

/// True for names that end as captures do.
fn is_capture(path: &Path) -> bool {
    let ending = |path: &Path, known: &[&str]| {
        path.extension()
            .and_then(|end| end.to_str())
            .is_some_and(|end| known.contains(&end.to_ascii_lowercase().as_str()))
    };
    if ending(path, &COMPRESSED) {
        return path
            .file_stem()
            .is_some_and(|stem| ending(Path::new(stem), &ENDINGS));
    }
    ending(path, &ENDINGS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(paths: &[&Path]) -> Result<Vec<Spec>, Error> {
        let mut found = Found::default();
        for path in paths {
            found.path(path)?;
        }
        Ok(found.specs)
    }

    #[test]
    fn folders_patterns_and_manifests_name_sessions() {
        let root = tempfile::tempdir().unwrap();
        let at = |name: &str| root.path().join(name);
        fs::create_dir(at("b")).unwrap();
        for name in [
            "b/z.pcap",
            "b/a.PCAPNG",
            "b/c.pcap.zst",
            "b/notes.txt",
            "b/.hidden.pcap",
            "x.gz",
        ] {
            fs::write(at(name), "").unwrap();
        }
        let names = |specs: Vec<Spec>| -> Vec<String> {
            let name = |p: &PathBuf| {
                let below = p.strip_prefix(root.path()).unwrap().display().to_string();
                below.replace('\\', "/")
            };
            specs
                .iter()
                .flat_map(|s| s.captures.iter().map(name))
                .collect()
        };
        let all = ["b/a.PCAPNG", "b/c.pcap.zst", "b/z.pcap"];
        assert_eq!(names(found(&[root.path()]).unwrap()), all);
        assert_eq!(names(found(&[&at("b/*.pcap")]).unwrap()), ["b/z.pcap"]);
        assert!(
            found(&[&at("b/*.none")])
                .unwrap_err()
                .to_string()
                .contains("fits no file")
        );
        // What is named is taken, whatever its name; whether it is there shows later.
        assert_eq!(
            names(found(&[&at("x.gz"), &at("gone.pcap")]).unwrap()).len(),
            2
        );

        fs::write(
            at("fleet.csv"),
            "path,app,version,mode,window\nb/z.pcap;b/a.PCAPNG, dji.go.v5 ,1.2,on,+60/+660\n",
        )
        .unwrap();
        fs::write(
            at("fleet.ndjson"),
            "{\"path\":[\"b/z.pcap\",\"b/a.PCAPNG\"],\"app\":\"dji.go.v5\",\"version\":\"1.2\",\"mode\":\"on\",\"window\":\"+60/+660\"}\n",
        )
        .unwrap();
        let csv = found(&[&at("fleet.csv")]).unwrap();
        assert_eq!(csv, found(&[&at("fleet.ndjson")]).unwrap());
        let [spec] = csv.as_slice() else {
            panic!("{csv:?}")
        };
        assert_eq!(
            spec.arguments,
            ["--app", "dji.go.v5", "--window", "+60/+660"]
        );
        assert_eq!(spec.labels.version.as_deref(), Some("1.2"));

        fs::write(at("bad.csv"), "path,mod\nx.pcap,on\n").unwrap();
        let bad = found(&[&at("bad.csv")]).unwrap_err().to_string();
        assert!(
            bad.contains("bad.csv: line 1") && bad.contains("'mod'"),
            "{bad}"
        );
    }
}
