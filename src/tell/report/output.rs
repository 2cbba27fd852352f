//! Where a report goes: standard output, or a file that is written whole or not at all.
//!
//! A file is written beside its target under a temporary name and renamed when complete, so that a
//! pipeline never picks up half a report. Targets that are no regular files (a pipe, `/dev/null`)
//! cannot be replaced and are written to directly. A closed pipe is success: the reader had enough.

use crate::ground::error::{self, Error};
use crate::ground::unfinished::Unfinished;
use crate::ground::{file, text};
use crate::tell::report::format::Format;
use std::fs;
use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};

/// A format and where it goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// In which form.
    pub format: Format,
    /// The file; `None` for standard output.
    pub path: Option<PathBuf>,
}

impl Output {
    /// Standard output in this format.
    pub fn stdout(format: Format) -> Self {
        Self { format, path: None }
    }

    /// Reads `FORMAT[=PATH]`, where `-` as the path is standard output.
    ///
    /// # Errors
    /// When the format is none of `allowed` (naming the closest one), or the path is empty.
    pub fn parse(value: &str, allowed: &[Format]) -> Result<Self, Error> {
        let (name, path) = match value.split_once('=') {
            Some((name, path)) => (name, Some(path)),
            None => (value, None),
        };
        let Some(format) = allowed.iter().copied().find(|format| format.name == name) else {
            let error = Error::new(format!(
                "'{}' is no output format here",
                text::terminal(name)
            ));
            return Err(error.advise(match by_ending(name, allowed) {
                Some(format) => format!("to write that file: -o {format}={}", text::terminal(name)),
                None => advice(name, allowed),
            }));
        };
        match path {
            Some("") => Err(
                Error::new(format!("the path after '{format}=' is empty")).advise(format!(
                    "'{format}={format}.out' writes a file, '{format}' standard output"
                )),
            ),
            Some("-") | None => Ok(Self::stdout(format)),
            Some(path) => Ok(Self {
                format,
                path: Some(PathBuf::from(path)),
            }),
        }
    }

    /// Lets `render` write this output, buffered.
    ///
    /// # Errors
    /// When it cannot be written, naming the file and the reason. A file that existed before is
    /// then as it was. A closed pipe is no error.
    pub fn write(
        &self,
        render: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> Result<(), Error> {
        let (place, done) = match &self.path {
            None => (
                "standard output".to_owned(),
                render_into(io::stdout().lock(), render),
            ),
            Some(path) => (
                text::terminal(&path.display().to_string()).into_owned(),
                write_file(path, render),
            ),
        };
        match done {
            Err(error) if !had_enough(&error) => Err(Error::at(
                place,
                format!("cannot write: {}", reason(&error)),
            )),
            _ => Ok(()),
        }
    }
}

/// The reader closed its end.
fn had_enough(error: &io::Error) -> bool {
    /// `ERROR_PIPE_NOT_CONNECTED`: what Windows says of some pipes, and Rust has no kind for.
    const NOT_CONNECTED: i32 = 233;
    error.kind() == ErrorKind::BrokenPipe
        || (cfg!(windows) && error.raw_os_error() == Some(NOT_CONNECTED))
}

/// Refuses outputs that would overwrite evidence or each other.
///
/// # Errors
/// When an output is one of `inputs`, or two outputs share a file or standard output.
pub fn check_targets(outputs: &[Output], inputs: &[PathBuf]) -> Result<(), Error> {
    let inputs: Vec<PathBuf> = inputs.iter().map(|path| identity(path)).collect();
    let mut seen: Vec<Option<PathBuf>> = Vec::new();
    for output in outputs {
        let target = output.path.as_deref().map(identity);
        let place = format!("--output {}", output.format);
        let given = |path: &Path| text::terminal(&path.display().to_string()).into_owned();
        if let (Some(target), Some(path)) = (&target, &output.path)
            && inputs.contains(target)
        {
            return Err(
                Error::at(place, format!("{} is one of the inputs", given(path)))
                    .advise("choose another file"),
            );
        }
        if seen.contains(&target) {
            let what = match &output.path {
                None => "two reports would be mixed on standard output".to_owned(),
                Some(path) => format!("two reports would go to {}", given(path)),
            };
            return Err(Error::at(place, what).advise("give each its own file: FORMAT=PATH"));
        }
        seen.push(target);
    }
    Ok(())
}

/// The file behind a path, as far as it exists.
fn identity(path: &Path) -> PathBuf {
    if let Ok(real) = fs::canonicalize(path) {
        return real;
    }
    match (fs::canonicalize(directory(path)), path.file_name()) {
        (Ok(directory), Some(name)) => directory.join(file::folded(name.into())),
        _ => path.to_owned(),
    }
}

fn directory(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

fn render_into(
    sink: impl Write,
    render: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    let mut out = BufWriter::new(sink);
    render(&mut out)?;
    out.flush()
}

fn write_file(
    path: &Path,
    render: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    if file::is_device(path) {
        return render_into(fs::OpenOptions::new().write(true).open(path)?, render);
    }
    // Renaming would replace a link instead of the file that it names.
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    match fs::metadata(&target) {
        Ok(meta) if meta.is_dir() => return Err(io::Error::from(ErrorKind::IsADirectory)),
        Ok(meta) if !meta.is_file() => {
            return render_into(fs::OpenOptions::new().write(true).open(&target)?, render);
        }
        _ => {}
    }
    let mut file = Unfinished::inside(directory(&target))?;
    render_into(&mut file, render)?;
    file.persist(&target)
}

/// The reason on one line.
fn reason(error: &io::Error) -> String {
    let words = error::reason(error);
    // The temporary name that a failed creation mentions says nothing to the user.
    let words = words.split(" at path ").next().unwrap_or(&words);
    text::terminal(words).into_owned()
}

/// The format of a file that was named without one, by its ending.
fn by_ending(name: &str, allowed: &[Format]) -> Option<Format> {
    let (_, ending) = name.rsplit_once('.')?;
    let format = match ending {
        "md" => "markdown",
        "xml" => "junit",
        "txt" => "table",
        "htm" => "html",
        "jsonl" => "ndjson",
        other => other,
    };
    allowed.iter().copied().find(|known| known.name == format)
}

fn advice(name: &str, allowed: &[Format]) -> String {
    /// Edits up to which a name counts as mistyped rather than as another word.
    const TYPO_MAX: usize = 2;
    let closest = allowed
        .iter()
        .map(|format| (distance(&name.to_lowercase(), format.name), format))
        .min_by_key(|(edits, _)| *edits);
    if let Some((edits, format)) = closest
        && edits <= TYPO_MAX
    {
        return format!("did you mean '{format}'?");
    }
    let names: Vec<&str> = allowed.iter().map(|format| format.name).collect();
    format!("use one of: {}", names.join(", "))
}

/// Edit distance (Levenshtein), one row at a time.
pub(crate) fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.chars().count()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = i;
        let mut left = i.saturating_add(1);
        let mut next = vec![left];
        for (y, above) in b.chars().zip(row.iter().skip(1)) {
            let replaced = diagonal.saturating_add(usize::from(x != y));
            left = replaced
                .min(left.saturating_add(1))
                .min(above.saturating_add(1));
            next.push(left);
            diagonal = *above;
        }
        row = next;
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHECK: &[Format] = &[Format::TABLE, Format::JSON];

    fn refused(value: &str) -> String {
        Output::parse(value, CHECK).unwrap_err().to_string()
    }

    #[test]
    fn a_format_with_and_without_a_path() {
        assert_eq!(
            Output::parse("json", CHECK).unwrap(),
            Output::stdout(Format::JSON)
        );
        assert_eq!(
            Output::parse("json=-", CHECK).unwrap(),
            Output::stdout(Format::JSON)
        );
        let file = Output::parse("table=a=b.txt", CHECK).unwrap();
        assert_eq!(file.path.as_deref(), Some(Path::new("a=b.txt")));
    }

    #[test]
    fn a_mistyped_format_names_the_closest() {
        assert!(refused("jsno").ends_with("(did you mean 'json'?)"));
        assert!(refused("Tabel=x").ends_with("(did you mean 'table'?)"));
        assert!(refused("sarif").ends_with("(use one of: table, json)"));
        assert_eq!(refused("\u{1b}[2J").lines().count(), 1);
        assert!(refused("json=").contains("is empty"));
        assert_eq!(distance("kitten", "sitting"), 3);
    }

    #[test]
    fn a_failed_report_leaves_the_old_one_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("report.json");
        fs::write(&path, "old").unwrap();
        let output = Output {
            format: Format::JSON,
            path: Some(path.clone()),
        };
        let failed = output.write(|out| {
            out.write_all(b"half of a rep")?;
            Err(io::Error::other("out of ink"))
        });
        assert!(
            failed
                .unwrap_err()
                .to_string()
                .ends_with("report.json: cannot write: out of ink")
        );
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
        output.write(|out| writeln!(out, "new")).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "new\n");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn links_are_followed_and_devices_are_not_replaced() {
        use std::os::unix::fs::{FileTypeExt, PermissionsExt, symlink};
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("real.json");
        let link = dir.path().join("link.json");
        fs::write(&file, "old").unwrap();
        symlink(&file, &link).unwrap();
        let to = |path: &Path| Output {
            format: Format::JSON,
            path: Some(path.to_owned()),
        };
        to(&link).write(|out| writeln!(out, "new")).unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read_to_string(&file).unwrap(), "new\n");

        to(Path::new("/dev/null"))
            .write(|out| writeln!(out, "gone"))
            .unwrap();
        assert!(
            fs::metadata("/dev/null")
                .unwrap()
                .file_type()
                .is_char_device()
        );

        // A new file gets the mode that any other program would give it.
        let (ours, plain) = (dir.path().join("ours"), dir.path().join("plain"));
        to(&ours).write(|out| writeln!(out, "x")).unwrap();
        fs::write(&plain, "x").unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode(&ours), mode(&plain));
    }

    #[test]
    fn what_cannot_be_written_says_where_and_why_on_one_line() {
        let dir = tempfile::tempdir().unwrap();
        let to = |path: PathBuf| Output {
            format: Format::JSON,
            path: Some(path),
        };
        let into_directory = to(dir.path().to_owned()).write(|_| Ok(())).unwrap_err();
        assert!(
            into_directory
                .to_string()
                .contains("cannot write: is a directory")
        );
        let nowhere = to(dir.path().join("none\n/x"))
            .write(|_| Ok(()))
            .unwrap_err()
            .to_string();
        assert!(
            nowhere.ends_with(r"none\u{a}/x: cannot write: No such file or directory"),
            "{nowhere}"
        );
    }

    #[test]
    fn a_closed_pipe_is_success() {
        let closed =
            Output::stdout(Format::JSON).write(|_| Err(io::Error::from(ErrorKind::BrokenPipe)));
        assert_eq!(closed, Ok(()));
        // The same number is another error elsewhere.
        let numbered =
            Output::stdout(Format::JSON).write(|_| Err(io::Error::from_raw_os_error(233)));
        assert_eq!(numbered.is_ok(), cfg!(windows));
    }

    #[test]
    fn evidence_and_other_reports_are_not_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let capture = dir.path().join("flight.pcap");
        fs::write(&capture, "x").unwrap();
        let json = |path: PathBuf| Output {
            format: Format::JSON,
            path: Some(path),
        };
        let aliased = dir.path().join(".").join("flight.pcap");
        let evidence = check_targets(&[json(aliased)], std::slice::from_ref(&capture)).unwrap_err();
        assert!(evidence.to_string().contains("is one of the inputs"));
        let new = dir.path().join("new.json");
        let twice = [
            json(new.clone()),
            json(dir.path().join(".").join("new.json")),
        ];
        assert!(check_targets(&twice, &[]).is_err());
        let mixed = [Output::stdout(Format::TABLE), Output::stdout(Format::JSON)];
        assert!(check_targets(&mixed, &[]).is_err());
        assert_eq!(
            check_targets(&[Output::stdout(Format::TABLE), json(new)], &[capture]),
            Ok(())
        );
    }
}
