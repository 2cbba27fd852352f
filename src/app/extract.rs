//! The packets behind findings: which frames they are, and an excerpt of the captures with them.
//!
//! A frame is a finding's if the finding's display filter selects it ([`filter`](crate::tell::report::filter)):
//! nothing else decides, so that whoever pastes the filter into Wireshark sees the same packets. The
//! What shares address, port and window with a finding is selected too, of whatever app or name it is. The
//! captures are read the way the audit reads them, tunnels, fragments and quotes of ICMP errors included.
//!
//! A finding rests on more packets than it has: its name may come from DNS, or from the start of a
//! connection before the window; addresses are the device's because neighbour messages say so. Such
//! packets are taken along as context, and their comments say what for. With them the excerpt,
//! audited with the same options, gives the finding again; where windows count from the first packet,
//! absolute times have to be given.

mod selection;

pub use selection::{Chosen, Selection};

use crate::evidence::Devices;
use crate::ground::error::Error;
use crate::ground::interval::Schedule;
use crate::ground::moment::Timestamp;
use crate::ground::text;
use crate::observe::capture::excerpt::Excerpt;
use crate::observe::capture::{Capture, Declared, Means, Source};
use crate::observe::content::Policy;
use crate::observe::link::WifiKey;
use crate::observe::open::keylog::Keylog;
use crate::observe::session::observer::SharedWitness;
use crate::observe::session::{Settings, read};
use crate::tell::report::v1;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// A session of a report, and where its inputs lie, in the order of the report.
pub struct Session<'r> {
    /// The report of the session.
    pub report: &'r v1::Report,
    /// Its inputs.
    pub paths: Vec<PathBuf>,
    /// Keys of Wi-Fi networks that it was made with.
    pub wifi: Arc<[WifiKey]>,
}

/// A session of which frames were chosen.
pub struct Ready<'r> {
    session: &'r Session<'r>,
    /// Nanoseconds that the audit added to the times of each input.
    shifts: Vec<i64>,
    chosen: Chosen,
}

/// What was written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Written {
    /// Packets of findings.
    pub packets: u64,
    /// Packets that these rest on.
    pub context: u64,
    /// Findings without a packet of their own.
    pub empty: Vec<String>,
    /// Decryption secrets too long to be copied.
    pub long_secrets: u64,
    /// Decryption secrets of which it is not known whose they are.
    pub other_secrets: u64,
}

impl<'r> Session<'r> {
    /// Reads the captures and chooses the frames of the findings in `wanted`, or of all.
    ///
    /// # Errors
    /// Captures that cannot be read or are not those of the report, and filters of another version.
    pub fn choose(
        &'r self,
        wanted: Option<&BTreeSet<String>>,
        means: &Means,
    ) -> Result<Ready<'r>, Error> {
        let mut shifts = Vec::new();
        for (path, input) in self.paths.iter().zip(&self.report.inputs) {
            shifts.push(shift(path, input, means)?);
        }
        let sources: Vec<Source> = self
            .paths
            .iter()
            .zip(&shifts)
            .map(|(path, shift)| match shift {
                0 => Source::File(path.clone()),
                shift => Source::Declared(
                    path.clone(),
                    Declared {
                        shift: *shift,
                        series: None,
                    },
                ),
            })
            .collect();
        let selection = Arc::new(Mutex::new(Selection::new(self.report, wanted)?));
        let settings = Settings {
            schedule: Schedule::default(),
            devices: Devices::default(),
            local: Vec::new(),
            // Holes in time are the audit's concern.
            time_gap: i64::MAX,
            hash: true,
            sidecars: BTreeMap::new(),
            one_row_per_flow: None,
            content: Policy::Off,
            accuses: Arc::new(|_, _, _| false),
            names: Default::default(),
            wifi: Arc::clone(&self.wifi),
            // Frames are chosen by what stands around what was sealed.
            keylog: Default::default(),
            means: means.clone(),
            observer: Some(SharedWitness::of(Arc::clone(&selection))),
        };
        let evidence = read(&sources, &settings)?;
        drop(settings);
        // Frames are numbered by the place of their input: it has to be the report's.
        let places = evidence.inputs.iter().zip(&self.report.inputs);
        for (read, input) in places {
            if read.sha256 != input.sha256 {
                return Err(changed(&read.path.display().to_string()));
            }
        }
        let packets: Vec<u64> = evidence.inputs.iter().map(|i| i.packets).collect();
        let chosen = selection
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take(&packets);
        Ok(Ready {
            session: self,
            shifts,
            chosen,
        })
    }
}

fn changed(place: &str) -> Error {
    Error::at(
        place,
        "is not the capture of the report, or changed while it was read",
    )
    .advise("name the folder of the captures by --root")
}

/// What the audit added to the times of an input: a case file may put its clock right.
fn shift(path: &Path, input: &v1::Input, means: &Means) -> Result<i64, Error> {
    let mut capture = Capture::open(&Source::File(path.to_owned()), 0, false, means)?;
    let own = capture.next_frame().and_then(|f| f.moment.time.nanos());
    let digits = capture.interfaces().iter().map(|i| i.digits).max();
    let said = input.first.as_deref();
    let (Some(own), Some(said)) = (own, said) else {
        return Ok(0);
    };
    let shown = Timestamp::from_nanos(own.into()).rfc3339(digits.unwrap_or(9));
    if shown.as_deref() == Some(said) {
        return Ok(0);
    }
    let said: Option<jiff::Timestamp> = said.parse().ok();
    let said = said.and_then(|t| i64::try_from(t.as_nanosecond()).ok());
    let exact = said.map_or(0, |said| said.saturating_sub(own));
    // Interfaces that come later may have finer clocks; what is below a millisecond is no correction.
    const LEAST: u64 = 1_000_000;
    Ok(if exact.unsigned_abs() < LEAST {
        0
    } else {
        exact
    })
}

/// Writes the chosen frames as pcapng. `digest` is the report's. With `secrets`, those of the sessions that are written go along: of the
/// captures, and of this key log.
///
/// # Errors
/// Captures that cannot be read or changed meanwhile.
pub fn write(
    ready: &[Ready<'_>],
    digest: &str,
    secrets: Option<&Keylog>,
    means: &Means,
    out: &mut dyn Write,
) -> Result<Written, Failure> {
    let mut written = Written::default();
    let sessions = ready.iter().flat_map(|ready| ready.chosen.randoms());
    let sessions: BTreeSet<[u8; 32]> = sessions.copied().collect();
    let given = secrets.map(|log| log.lines(&sessions));
    let secrets = secrets.is_some();
    let mut excerpt = Excerpt::new(out, secrets.then_some(sessions));
    if let Some(given) = given {
        excerpt.secrets(given);
    }
    for ready in ready {
        let report = ready.session.report;
        let inputs = ready.session.paths.iter().zip(&report.inputs);
        for ((index, (path, input)), shift) in (0u32..).zip(inputs).zip(&ready.shifts) {
            let mut capture = Capture::open(&Source::File(path.clone()), index, true, means)?;
            capture.keep_beside();
            excerpt.input(about(input, report, digest, secrets, *shift));
            while let Some(frame) = capture.next_frame().map(|f| f.moment.at) {
                excerpt.beside(capture.take_beside()?)?;
                let Some(why) = ready.chosen.comment(frame) else {
                    continue;
                };
                let Some(record) = capture.record() else {
                    continue;
                };
                if ready.chosen.is_finding(frame) {
                    written.packets = written.packets.saturating_add(1);
                } else {
                    written.context = written.context.saturating_add(1);
                }
                let comment = format!("{why}; {}, frame {}", input.path, frame.frame);
                excerpt.packet(&record, capture.interfaces(), &comment)?;
            }
            excerpt.beside(capture.take_beside()?)?;
            let (facts, _) = capture.finish()?;
            if facts.sha256 != input.sha256 {
                return Err(changed(&path.display().to_string()).into());
            }
        }
        written.empty.extend(ready.chosen.empty());
    }
    written.long_secrets = excerpt.long_secrets;
    written.other_secrets = excerpt.other_secrets;
    Ok(written)
}

/// Why an excerpt was not written.
#[derive(Debug)]
pub enum Failure {
    /// The captures.
    Input(Error),
    /// The output.
    Output(io::Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Input(error)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

/// What a section of an excerpt says of itself.
fn about(
    input: &v1::Input,
    report: &v1::Report,
    digest: &str,
    secrets: bool,
    shift: i64,
) -> String {
    let mut out = format!(
        "An extract of findings from {} (SHA-256 {}), by the report with the digest {digest}. \
         It holds the packets of findings and those that they rest on, and says nothing about the rest of the \
         recording. Counters of lost packets were not carried over; they are in the recording and in the report.",
        text::terminal(&input.path),
        input.sha256.as_deref().unwrap_or("unknown"),
    );
    if secrets {
        out.push_str(" Decryption secrets of these sessions were copied.");
    } else {
        out.push_str(" Decryption secrets were not copied.");
    }
    for window in &report.scope.windows {
        if let (Some(start), Some(end)) = (&window.start, &window.end) {
            out.push_str(&format!(" Window of the audit: {start}/{end}."));
        }
    }
    if shift != 0 {
        out.push_str(&format!(
            " The audit added {} seconds to the times of this input, which stand here as they were recorded.",
            shift as f64 / Timestamp::SECOND as f64
        ));
    }
    out
}
