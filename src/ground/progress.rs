//! How far the reading of captures has come, for a person who waits.
//!
//! Counted where bytes are read from a file or pipe, a block at a time (64 KiB to 1 MiB), so that a
//! packet costs nothing but a look at its number. Nothing is shown in the first second, and then at
//! most ten times a second. It is on standard error alone and changes nothing of a report.

use crate::ground::text;
use std::fmt::Write as _;
use std::io::{self, Read, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// A run that is over by then shows nothing.
const QUIET_AT_FIRST: Duration = Duration::from_secs(1);
/// Between two drawings of the line: more often nobody can read.
const LINE_EVERY: Duration = Duration::from_millis(100);
/// Between two lines of a log, which keeps them all.
const LOG_EVERY: Duration = Duration::from_secs(5);
/// Packets between two reports of their number: a power of two, so that a mask tells.
const PACKETS_EVERY: u64 = 1 << 10;
/// Columns of a file name that are shown.
const NAME_COLUMNS: usize = 40;
/// To the first column, and everything behind it removed (ECMA-48, EL).
const WIPE: &[u8] = b"\r\x1b[K";

/// True while a line stands on the terminal. Signals concern the process, and so does this.
static ON_SCREEN: AtomicBool = AtomicBool::new(false);

/// Takes the line off the terminal, from the thread that waits for signals and has no [`Progress`].
pub(crate) fn wipe() {
    if ON_SCREEN.swap(false, Ordering::Relaxed) {
        // Who closed standard error sees no line.
        let _ = io::stderr().lock().write_all(WIPE);
    }
}

/// In which form it is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// One line of a terminal, so many columns wide, drawn over and over.
    Line(usize),
    /// A line each time, without control characters: for logs, and terminals that have none.
    Log,
}

/// Where the reading stands. Clones count together; the default counts nothing.
#[derive(Clone, Default)]
pub struct Progress(Option<Arc<Mutex<Meter>>>);

impl Progress {
    /// Shows it there.
    pub fn on(screen: Box<dyn Write + Send>, look: Look) -> Self {
        let meter = Meter::new(screen, look, Instant::now());
        Self(Some(Arc::new(Mutex::new(meter))))
    }

    fn with(&self, act: impl FnOnce(&mut Meter)) {
        if let Some(meter) = &self.0
            // Nothing here fails while it counts; if it did, a line less would be no loss.
            && let Ok(mut meter) = meter.lock()
        {
            act(&mut meter);
        }
    }

    /// So many sessions begin to be gone through, with so many bytes if all are known. They may be read at the
    /// same time, so that their passes are told as one.
    pub(crate) fn sessions(&self, of: usize, bytes: Option<u64>) {
        self.with(|meter| {
            meter.pass("reading", 1, bytes, Instant::now());
            meter.session = Some((0, of));
        });
    }

    /// The next session begins.
    pub(crate) fn session(&self) {
        self.with(|meter| {
            if let Some((number, _)) = &mut meter.session {
                *number = number.saturating_add(1);
            }
        });
    }

    /// Files begin to be gone through: what for, how many, and their bytes if all are known.
    pub(crate) fn pass(&self, doing: &'static str, files: usize, bytes: Option<u64>) {
        self.with(|meter| {
            if meter.session.is_none() {
                meter.pass(doing, files, bytes, Instant::now());
            }
        });
    }

    /// The next file of the pass begins.
    pub(crate) fn file(&self, name: &str) {
        self.with(|meter| meter.file(name));
    }

    /// A reader that counts what passes through.
    pub(crate) fn reader(&self, inner: Box<dyn Read>) -> Box<dyn Read> {
        match &self.0 {
            None => inner,
            Some(_) => Box::new(Counted {
                inner,
                progress: self.clone(),
            }),
        }
    }

    /// Packet number `number` of a file was read.
    pub(crate) fn packet(&self, number: u64) {
        if number & (PACKETS_EVERY - 1) == 0 {
            self.with(|meter| {
                meter.pass.packets = meter.pass.packets.saturating_add(PACKETS_EVERY)
            });
        }
    }

    /// Takes the line off the screen, before something else is written.
    pub(crate) fn clear(&self) {
        self.with(Meter::clear);
    }
}

/// A reader that counts.
struct Counted {
    inner: Box<dyn Read>,
    progress: Progress,
}

impl Read for Counted {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buf)?;
        self.progress
            .with(|meter| meter.bytes(read as u64, Instant::now()));
        Ok(read)
    }
}

/// One way through a number of files.
struct Pass {
    doing: &'static str,
    files: usize,
    file: usize,
    name: String,
    bytes: Option<u64>,
    done: u64,
    packets: u64,
    since: Instant,
}

struct Meter {
    screen: Box<dyn Write + Send>,
    look: Look,
    /// Not drawn before.
    next: Instant,
    session: Option<(usize, usize)>,
    pass: Pass,
    drawn: bool,
}

impl Meter {
    fn new(screen: Box<dyn Write + Send>, look: Look, now: Instant) -> Self {
        Self {
            screen,
            look,
            next: now.checked_add(QUIET_AT_FIRST).unwrap_or(now),
            session: None,
            pass: Pass {
                doing: "reading",
                files: 0,
                file: 0,
                name: String::new(),
                bytes: None,
                done: 0,
                packets: 0,
                since: now,
            },
            drawn: false,
        }
    }

    fn pass(&mut self, doing: &'static str, files: usize, bytes: Option<u64>, now: Instant) {
        self.pass = Pass {
            doing,
            files,
            file: 0,
            name: String::new(),
            bytes,
            done: 0,
            packets: 0,
            since: now,
        };
    }

    fn file(&mut self, name: &str) {
        self.pass.file = self.pass.file.saturating_add(1);
        self.pass.name = text::shorten(name, NAME_COLUMNS);
    }

    fn bytes(&mut self, read: u64, now: Instant) {
        self.pass.done = self.pass.done.saturating_add(read);
        if now < self.next {
            return;
        }
        let (every, shown) = match self.look {
            Look::Line(columns) => {
                // The last column stays free: some terminals would begin a new line.
                let line = text::shorten(&self.line(now), columns.saturating_sub(1));
                self.drawn = true;
                ON_SCREEN.store(true, Ordering::Relaxed);
                (LINE_EVERY, format!("\r{line}\x1b[K"))
            }
            Look::Log => (LOG_EVERY, format!("drone-audit: {}\n", self.line(now))),
        };
        self.next = now.checked_add(every).unwrap_or(now);
        self.put(shown.as_bytes());
    }

    fn put(&mut self, shown: &[u8]) {
        // Who closed standard error wants no progress.
        let _ = self
            .screen
            .write_all(shown)
            .and_then(|()| self.screen.flush());
    }

    fn clear(&mut self) {
        if self.drawn {
            self.drawn = false;
            ON_SCREEN.store(false, Ordering::Relaxed);
            self.put(WIPE);
        }
    }

    fn line(&self, now: Instant) -> String {
        let Pass {
            doing,
            files,
            file,
            name,
            bytes,
            done,
            packets,
            since,
        } = &self.pass;
        let mut line = String::new();
        // Writing to a string cannot fail.
        if let Some((number, of)) = self.session {
            let _ = write!(line, "session {number} of {of}: ");
        }
        let _ = write!(line, "{doing} {name}");
        if *files > 1 {
            let _ = write!(line, " ({file} of {files})");
        }
        let seconds = now.saturating_duration_since(*since).as_secs_f64();
        let rate = if seconds > 0.0 {
            *done as f64 / seconds
        } else {
            0.0
        };
        // A file that grows, or a pipe, has no end that is known.
        match bytes.filter(|total| total >= done && *total > 0) {
            Some(total) => {
                let percent = done.saturating_mul(100) / total;
                let _ = write!(line, ": {percent} %, {} of {}", size(*done), size(total));
            }
            None => {
                let _ = write!(line, ": {}", size(*done));
            }
        }
        if *packets > 0 {
            let _ = write!(line, ", {} packets", count(*packets));
        }
        let _ = write!(line, ", {}/s", size(rate as u64));
        if let Some(total) = bytes.filter(|total| total >= done)
            && rate > 0.0
        {
            let left = total.saturating_sub(*done) as f64 / rate;
            let _ = write!(line, ", {} left", duration(left as u64));
        }
        line
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        self.clear();
    }
}

/// Bytes in decimal units, as disks are sold.
fn size(bytes: u64) -> String {
    scaled(bytes, &["B", "kB", "MB", "GB", "TB"])
}

fn count(packets: u64) -> String {
    let scaled = scaled(packets, &["", "thousand", "million", "billion"]);
    scaled.trim_end().to_owned()
}

/// Three digits or so, and a unit of a thousand times the one before.
fn scaled(value: u64, units: &[&str]) -> String {
    let mut shown = value as f64;
    let mut units = units.iter();
    let mut unit = units.next().copied().unwrap_or_default();
    for larger in units {
        // What would be rounded up to a thousand is one of the next.
        if shown < 999.5 {
            break;
        }
        shown /= 1_000.0;
        unit = larger;
    }
    let digits = usize::from(shown < 99.95 && value >= 1_000);
    format!("{shown:.digits$} {unit}")
}

fn duration(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3_600, seconds % 3_600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A screen that a test can read.
    #[derive(Clone, Default)]
    struct Screen(Arc<Mutex<Vec<u8>>>);

    impl Write for Screen {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Screen {
        fn take(&self) -> String {
            String::from_utf8(std::mem::take(&mut *self.0.lock().unwrap())).unwrap()
        }
    }

    #[test]
    fn quiet_for_a_second_then_at_most_ten_lines_a_second_then_gone() {
        let screen = Screen::default();
        let begun = Instant::now();
        let after = |millis| begun + Duration::from_millis(millis);
        let mut meter = Meter::new(Box::new(screen.clone()), Look::Line(80), begun);
        meter.pass("reading", 2, Some(400_000_000), begun);
        meter.file("a\u{1b}[2J.pcap");
        meter.bytes(50_000_000, after(999));
        assert_eq!(screen.take(), "");
        meter.pass.packets = 123_456;
        meter.bytes(50_000_000, after(1_000));
        assert_eq!(
            screen.take(),
            "\rreading a\\u{1b}[2J.pcap (1 of 2): 25 %, 100 MB of 400 MB, 123 thousand packets…\u{1b}[K"
        );
        let mut drawn = 0;
        for millis in 1_001..2_001 {
            meter.bytes(1_000, after(millis));
            drawn += usize::from(!screen.take().is_empty());
        }
        assert_eq!(drawn, 10);
        meter.clear();
        meter.clear();
        assert_eq!(screen.take(), "\r\u{1b}[K");
        meter.bytes(0, after(5_000));
        screen.take();
        drop(meter);
        assert_eq!(screen.take(), "\r\u{1b}[K", "an error ends the run");
    }

    #[test]
    fn a_log_has_no_control_characters_and_few_lines() {
        let screen = Screen::default();
        let begun = Instant::now();
        let mut meter = Meter::new(Box::new(screen.clone()), Look::Log, begun);
        meter.session = Some((2, 7));
        meter.pass("reading", 1, None, begun);
        meter.file("-");
        for second in 1..=10 {
            meter.bytes(1_500, begun + Duration::from_secs(second));
        }
        drop(meter);
        assert_eq!(
            screen.take(),
            "drone-audit: session 2 of 7: reading -: 1.5 kB, 1.5 kB/s\n\
             drone-audit: session 2 of 7: reading -: 9.0 kB, 1.5 kB/s\n"
        );
    }

    #[test]
    fn numbers_for_people() {
        for (bytes, shown) in [
            (0, "0 B"),
            (999, "999 B"),
            (1_000, "1.0 kB"),
            (99_949, "99.9 kB"),
            (99_950, "100 kB"),
            (999_499, "999 kB"),
            (999_500, "1.0 MB"),
            (1_234_567_890, "1.2 GB"),
            (u64::MAX, "18446744 TB"),
        ] {
            assert_eq!(size(bytes), shown);
        }
        assert_eq!(count(2_048), "2.0 thousand");
        assert_eq!(
            (duration(59), duration(61)),
            ("59 s".into(), "1 min 1 s".into())
        );
        assert_eq!(duration(7_325), "2 h 2 min");
    }
}
