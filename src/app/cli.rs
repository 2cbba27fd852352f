//! The command line: what a user can ask for, parsed and checked in itself, not acted on.
//!
//! A usage error is one line on standard error (what, where, what to do) and exit code 2. Nothing
//! here touches the file system: whether a capture exists is for those who open it.

mod campaign;
pub mod completing;
mod counters;
mod lenient;
mod usage;
mod value;

pub use crate::ground::declared::Device;
pub use campaign::{Campaign, CampaignCommand, FailOn, Merge};
pub use counters::assign;
pub use value::Secret;

use crate::ground::error::Error;
use crate::ground::interval::WindowSpec;
use crate::ground::{declared, text};
use crate::judge::case::BaselineKind;
use crate::judge::classify::app_pattern::Pattern;
use crate::tell::report::anchor::Anchor;
use crate::tell::report::format::Format;
use crate::tell::report::output::Output;
use crate::tell::report::{flows, format, intoto};
use clap::error::ErrorKind;
use clap::{Args, Parser, Subcommand, ValueEnum};
use ipnet::IpNet;
use std::ffi::OsString;
use std::num::NonZeroUsize;
use std::path::PathBuf;

/// The claim that is judged when none is chosen.
pub const DEFAULT_CLAIM: &str = "local-data-mode";
/// The capture that is standard input.
pub const STDIN: &str = "-";

/// Heading of the options that open what is protected.
const KEYS: &str = "Keys";
/// Heading of the options that every command has.
const MESSAGES: &str = "Messages";

fn check_notes() -> String {
    format!("Formats:\n{}\n\n{CHECK_NOTES}", format::list())
}

const CHECK_NOTES: &str = "\
Exit codes:
  0  every chosen claim is consistent with the captures
  1  at least one claim is contradicted
  2  usage error, or the audit could not be done; there is no verdict
  3  nothing is contradicted, but at least one claim is inconclusive

Example: the mode was on from minute 1 to minute 11 of the recording
  drone-audit check --device 192.168.1.50 --window +60/+660 \\
    -o table -o json=report.json flight.pcapng";

const FITNESS_NOTES: &str = "\
Looks at coverage only, not at what the traffic shows. What each gap means: drone-audit explain GAP.

Exit codes:
  0  the captures could support `consistent` for the claim local-data-mode
  2  usage error, or a capture could not be read
  3  they could not: a gap forbids it; the output says what to change in the next recording";

const DIFF_NOTES: &str = "\
Each side is a capture, or a report that `check -o json` wrote; `-` is standard input. Options of
judging hold for captures; a report keeps its own. Captures are compared over their whole length.

Exit codes:
  0  the capture shows nothing that the baseline does not
  1  something is new: a name or an address, or what is known goes further, to another place,
     sends much more, or is now the app's; rows marked with !
  2  usage error, or a side could not be read

Example: mode off against mode on
  drone-audit diff --device 192.168.1.50 mode-off.pcapng mode-on.pcapng";

const CASE_NOTES: &str = "\
Reads what `check --case` would read: keys, values, times, claims. Whether the captures are there and
what they hold is not looked at, so that the files can be checked where captures are not kept.

Exit codes:
  0  every file is in order
  2  usage error, or a file is not in order; each is named";

const EMIT_NOTES: &str = "\
Examples:
  drone-audit emit man | man -l -                    the manual page of the program
  drone-audit emit man check                         that of a command
  drone-audit emit man --dir /usr/local/share/man/man1
  drone-audit emit completions bash > /etc/bash_completion.d/drone-audit
  drone-audit emit schema > report-v1.schema.json";

const EXTRACT_NOTES: &str = "\
The captures are hashed first and have to be those of the report. The display filter of a finding
selects its packets in the captures and in what is written. Packets that a finding rests on are
written too, and their comments say what for. Nothing is changed but comments: bytes, times, interfaces
and app labels stay. What is left out is left out of an audit too: audited again, it can contradict
a claim, and never be consistent.

Exit codes:
  0  written
  2  a capture is missing or another one, the report was made with --no-hash or --redact, or it has no
     finding";

const VERIFY_NOTES: &str = "\
Runs the audit again with the recorded arguments, on the files found by name and hash. Writes
no file, whatever outputs the arguments name.

Exit codes:
  0  the report reproduces
  1  it differs: the report was edited, a capture is another one, or the audit finds something else;
     the first difference is named, another version of the program or of its data before all
  2  it cannot be run again: a file is missing, or the report was made with --no-hash";

const EXPLAIN_NOTES: &str = "\
Examples:
  drone-audit explain                   the list of all ids
  drone-audit explain guide             how to use the program and read its report
  drone-audit explain kernel-drops      a gap
  drone-audit explain recipe-android    how to record on an Android phone";

/// Reads packet captures of drone apps and says, per vendor claim, whether the packets contradict it.
#[derive(Debug, Clone, PartialEq, Parser)]
#[command(name = "drone-audit", bin_name = "drone-audit", version)]
#[command(disable_help_subcommand = true)]
#[command(arg_required_else_help = false, max_term_width = 100)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// How to talk to the user.
    #[command(flatten)]
    pub terminal: Terminal,
}

/// The commands.
#[derive(Debug, Clone, PartialEq, Subcommand)]
pub enum Command {
    /// Judges the claims on one session's captures.
    #[command(after_help = check_notes())]
    Check(Check),
    /// Judges many sessions, each alone, and puts what they show into tables.
    #[command(after_help = campaign::NOTES)]
    Campaign(Campaign),
    /// Says whether case files are in order, without opening captures.
    #[command(after_help = CASE_NOTES)]
    Case(Case),
    /// Lists every flow of the captures, without judgement.
    Flows(Flows),
    /// Says whether captures could support `consistent`, and what to change in the next recording.
    #[command(after_help = FITNESS_NOTES)]
    Fitness(Fitness),
    /// Says what is new, gone or changed between two captures or two reports.
    #[command(after_help = DIFF_NOTES)]
    Diff(Diff),
    /// Writes the packets behind the findings of a report as pcapng, each with a comment.
    #[command(after_help = EXTRACT_NOTES)]
    Extract(Extract),
    /// Says whether a report reproduces: hashes its inputs and runs the audit again.
    #[command(after_help = VERIFY_NOTES)]
    Verify(Verify),
    /// Explains an id of a report; holds the guides and recording recipes; without an id, lists them.
    #[command(after_help = EXPLAIN_NOTES)]
    Explain(Explain),
    /// Writes out what is built into the program.
    #[command(after_help = EMIT_NOTES)]
    Emit(Emit),
}

/// Options of `check`.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct Check {
    /// Captures of one session (pcap or pcapng, also gzip or zstd); `-` is standard input.
    #[arg(value_name = "CAPTURE", required_unless_present = "case")]
    pub captures: Vec<PathBuf>,
    /// Case file (TOML): captures, windows, claims, allowances of a whole audit; other options
    /// override it.
    #[arg(long, value_name = "FILE")]
    pub case: Option<PathBuf>,
    /// Claim to judge, by its id, or `all`; repeatable.
    #[arg(long = "claim", value_name = "ID", add = completing::claims())]
    #[arg(
        help = "Claim to judge: ID, ID:PRESET for another of its wordings, or `all`; repeatable [default: local-data-mode]"
    )]
    pub claims: Vec<String>,
    /// Whose traffic it is.
    #[command(flatten)]
    pub subject: Subject,
    /// What opens protected Wi-Fi and TLS.
    #[command(flatten)]
    pub keys: Keys,
    /// When the mode was on: RFC 3339 times, or +SECONDS from the first packet; the end is not
    /// included; repeatable [default: the whole capture].
    #[arg(long = "window", value_name = "START/END", value_parser = value::window)]
    pub windows: Vec<WindowSpec>,
    /// What the recorder of a capture wrote to standard error, with its counters of lost packets;
    /// CAPTURE=FILE if there are several captures; repeatable.
    #[arg(long = "counters", value_name = "FILE")]
    pub counters: Vec<PathBuf>,
    /// What addresses and names are looked up in.
    #[command(flatten)]
    pub sources: Sources,
    /// Host rows to add to the embedded catalog or to replace in it; repeatable.
    #[arg(long = "catalog", value_name = "FILE")]
    pub catalogs: Vec<PathBuf>,
    /// A recording of the same device without the mode, or without the app, for the contrast;
    /// repeatable for one series. It explains nothing unless --baseline-kind says without-app.
    #[arg(long = "baseline", value_name = "CAPTURE")]
    pub baselines: Vec<PathBuf>,
    /// What the baseline was recorded without. Without the app, it explains what the phone does by
    /// itself: the same host of the same operator, up to four times as much.
    #[arg(long = "baseline-kind", value_name = "KIND", requires = "baselines")]
    pub baseline_kind: Option<BaselineKind>,
    /// Mark each finding as new or known, by the findings of this report (`check -o json`).
    #[arg(long, value_name = "REPORT")]
    pub against: Option<PathBuf>,
    /// Judge every capture alone, as a session of its own.
    #[arg(long)]
    pub each: bool,
    /// Write the report in this format (below), to standard output or to a file; repeatable
    /// [default: table].
    #[arg(short, long = "output", value_name = "FORMAT[=PATH]", value_parser = value::output(format::of_check()), add = completing::formats(format::of_check()))]
    pub outputs: Vec<Output>,
    /// Show personal data that was found in clear, which reports mask otherwise.
    #[arg(long, conflicts_with = "redact")]
    pub reveal: bool,
    /// Replace MAC addresses, addresses of the site and local names by labels (`mac-1`, `private-1`,
    /// `local-name-1`), so that the report can be handed on; display filters become partial.
    #[arg(long)]
    pub redact: bool,
    /// Line of a text file of yours that `sarif` results and `github` notes point at [default: the
    /// case file, else the capture].
    #[arg(long = "annotate", value_name = "PATH[:LINE]", value_parser = Anchor::parse)]
    pub annotate: Option<Anchor>,
    /// Exit with 0 whatever the verdict (an error stays 2); the report records it.
    #[arg(long)]
    pub exit_zero: bool,
    /// Exit with 0 instead of 3 when inconclusive; the report records it.
    #[arg(long)]
    pub allow_inconclusive: bool,
    /// Do not compute the SHA-256 of the captures; the report then cannot be tied to them.
    #[arg(long)]
    pub no_hash: bool,
}

/// Options of `case`.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct Case {
    /// Case files (TOML).
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,
}

/// Options of `flows`.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct Flows {
    /// Captures of one session (pcap or pcapng, also gzip or zstd); `-` is standard input.
    #[arg(value_name = "CAPTURE", required = true)]
    pub captures: Vec<PathBuf>,
    /// Whose traffic it is.
    #[command(flatten)]
    pub subject: Subject,
    /// What opens protected Wi-Fi.
    #[command(flatten)]
    pub keys: Keys,
    /// What addresses are looked up in.
    #[command(flatten)]
    pub sources: Sources,
    /// Write the flows as `ndjson` or `csv`, to standard output or to a file; repeatable [default: ndjson].
    #[arg(short, long = "output", value_name = "FORMAT[=PATH]", value_parser = value::output(flows::FORMATS.to_vec()), add = completing::formats(flows::FORMATS.to_vec()))]
    pub outputs: Vec<Output>,
}

/// Options of `fitness`.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct Fitness {
    /// Captures of one session (pcap or pcapng, also gzip or zstd); `-` is standard input.
    #[arg(value_name = "CAPTURE", required = true)]
    pub captures: Vec<PathBuf>,
    /// Whose traffic it is.
    #[command(flatten)]
    pub subject: Subject,
    /// What opens protected Wi-Fi.
    #[command(flatten)]
    pub keys: Keys,
    /// When the mode was on: RFC 3339 times, or +SECONDS from the first packet; the end is not
    /// included; repeatable [default: the whole capture].
    #[arg(long = "window", value_name = "START/END", value_parser = value::window)]
    pub windows: Vec<WindowSpec>,
    /// What the recorder of a capture wrote to standard error, with its counters of lost packets;
    /// CAPTURE=FILE if there are several captures; repeatable.
    #[arg(long = "counters", value_name = "FILE")]
    pub counters: Vec<PathBuf>,
    /// Write the result as `table` or `json`, to standard output or to a file; repeatable
    /// [default: table].
    #[arg(short, long = "output", value_name = "FORMAT[=PATH]", value_parser = value::output(FITNESS_FORMATS.to_vec()), add = completing::formats(FITNESS_FORMATS.to_vec()))]
    pub outputs: Vec<Output>,
    /// Do not compute the SHA-256 of the captures; the result then cannot be tied to them.
    #[arg(long)]
    pub no_hash: bool,
}

/// Options of `diff`.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct Diff {
    /// What to compare with: a capture, or a JSON report.
    #[arg(value_name = "BASELINE")]
    pub baseline: PathBuf,
    /// What to compare: a capture, or a JSON report.
    #[arg(value_name = "CAPTURE")]
    pub capture: PathBuf,
    /// Whose traffic it is.
    #[command(flatten)]
    pub subject: Subject,
    /// What opens protected Wi-Fi.
    #[command(flatten)]
    pub keys: Keys,
    /// What addresses are looked up in.
    #[command(flatten)]
    pub sources: Sources,
    /// Host rows to add to the embedded catalog or to replace in it; repeatable.
    #[arg(long = "catalog", value_name = "FILE")]
    pub catalogs: Vec<PathBuf>,
    /// Write the comparison as `table`, `json` or `markdown`, to standard output or to a file;
    /// repeatable [default: table].
    #[arg(short, long = "output", value_name = "FORMAT[=PATH]", value_parser = value::output(DIFF_FORMATS.to_vec()), add = completing::formats(DIFF_FORMATS.to_vec()))]
    pub outputs: Vec<Output>,
    /// Do not compute the SHA-256 of the captures; the result then cannot be tied to them.
    #[arg(long)]
    pub no_hash: bool,
}

/// Options of `extract`.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct Extract {
    /// A report that `check -o json` wrote.
    #[arg(value_name = "REPORT")]
    pub report: PathBuf,
    /// Folder of the captures, and of the case file [default: the folder of the report, then where they
    /// were].
    #[arg(long, value_name = "DIR")]
    pub root: Option<PathBuf>,
    /// Finding whose packets are written, by its id; repeatable [default: all].
    #[arg(long = "finding", value_name = "ID")]
    pub findings: Vec<String>,
    /// Where the packets go; `-` is standard output [default: REPORT with the ending
    /// .findings.pcapng, or into the bundle].
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Write the decryption secrets of the sessions too whose packets are written, from the captures and --keylog: they open what was
    /// recorded.
    #[arg(long)]
    pub secrets: bool,
    /// What opens protected Wi-Fi.
    #[command(flatten)]
    pub keys: Keys,
    /// Write a new folder with the packets, the report as JSON and HTML, its case file and SHA256SUMS.
    #[arg(long, value_name = "DIR")]
    pub bundle: Option<PathBuf>,
}

/// Options of `verify`.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct Verify {
    /// A report that `check -o json` wrote.
    #[arg(value_name = "REPORT")]
    pub report: PathBuf,
    /// Folder of the captures and of the other files that the audit read [default: the folder of the
    /// report, then where they were].
    #[arg(long, value_name = "DIR")]
    pub root: Option<PathBuf>,
    /// What opens protected Wi-Fi.
    #[command(flatten)]
    pub keys: Keys,
    /// What a label in the arguments of a redacted report stands for, such as
    /// private-1=192.168.1.50; repeatable.
    #[arg(long = "label", value_name = "LABEL=VALUE", value_parser = value::label)]
    pub labels: Vec<(String, String)>,
}

/// Options of `explain`.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct Explain {
    /// Id of a claim, a rule, a gap or of anything else that a report names, or of a recipe
    /// [default: the list].
    #[arg(value_name = "ID", add = completing::ids())]
    pub id: Option<String>,
}

/// Whose traffic it is, and what is local.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct Subject {
    /// App under audit, as the capture labels it: a package, process or app name (`*` stands for
    /// any text), or `uid:N`; repeatable [default with labels: the known drone apps].
    #[arg(long = "app", value_name = "PATTERN", value_parser = Pattern::parse, add = completing::apps())]
    pub apps: Vec<Pattern>,
    /// Device under audit, by IP or MAC address, or `all` if the capture holds no other; repeatable.
    #[arg(long = "device", value_name = "ADDR", value_parser = Device::parse)]
    pub devices: Vec<Device>,
    /// Further network to treat as local, such as 203.0.113.0/24; repeatable.
    #[arg(long = "local", value_name = "CIDR", value_parser = declared::network)]
    pub local_networks: Vec<IpNet>,
}

/// What opens protected Wi-Fi and sealed connections.
#[derive(Debug, Clone, PartialEq, Default, Args)]
pub struct Keys {
    /// Passphrase of a Wi-Fi network in the captures: with the handshake of a station, its protected frames are
    /// opened (WPA2-PSK); repeatable. Keys are in no report.
    #[arg(long = "wifi-key", value_name = "SSID:PASSPHRASE", value_parser = value::secret(), help_heading = KEYS)]
    pub wifi_keys: Vec<Secret>,
    /// The same by its key of 64 hexadecimal digits (PSK or, with WPA3, PMK); repeatable.
    #[arg(long = "wifi-psk", value_name = "HEX", value_parser = value::secret(), help_heading = KEYS)]
    pub wifi_psks: Vec<Secret>,
    /// Text file of such keys, one a line, so that they are in no shell history; repeatable. Lines can also stand in
    /// the environment variable DRONE_AUDIT_WIFI_KEYS.
    #[arg(long = "wifi-keys", value_name = "FILE", help_heading = KEYS)]
    pub wifi_files: Vec<PathBuf>,
    /// Key log of connections in the captures, as clients write it (SSLKEYLOGFILE): TLS, DTLS and QUIC are opened with
    /// it, and what is inside is read; repeatable. Key logs inside a pcapng are used without it.
    #[arg(long = "keylog", value_name = "FILE", help_heading = KEYS)]
    pub keylogs: Vec<PathBuf>,
}

impl Keys {
    /// True if no option gives a key.
    pub fn is_empty(&self) -> bool {
        self.wifi_keys.is_empty()
            && self.wifi_psks.is_empty()
            && self.wifi_files.is_empty()
            && self.keylogs.is_empty()
    }
}

/// What addresses are looked up in.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct Sources {
    /// MaxMind DB to use instead of the embedded one; repeatable.
    #[arg(long = "geo", value_name = "FILE")]
    pub geo: Vec<PathBuf>,
}

/// How to talk to the user; understood by every command.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct Terminal {
    /// When to use colour: `auto` (on a terminal; see also NO_COLOR, CLICOLOR, CLICOLOR_FORCE), `always`
    /// or `never`.
    #[arg(long, value_name = "WHEN", value_enum, default_value_t = Color::Auto, global = true)]
    #[arg(hide_possible_values = true, help_heading = MESSAGES)]
    pub color: Color,
    /// Show how far the reading of captures is, on standard error; without this option only on a
    /// terminal, and only after a second.
    #[arg(long, global = true, overrides_with = "no_progress", help_heading = MESSAGES)]
    pub progress: bool,
    /// Never show how far the reading is.
    #[arg(long, global = true, overrides_with = "progress", help_heading = MESSAGES)]
    pub no_progress: bool,
    /// Use at most so many threads, for several captures at once and for hashing; the report is the same with 1.
    /// The report is the same [default: as many as are of use].
    #[arg(long, value_name = "N", value_parser = value::threads, global = true, help_heading = MESSAGES)]
    pub threads: Option<NonZeroUsize>,
    /// Write no notes to standard error, only errors.
    #[arg(short, long, global = true, conflicts_with = "verbose", help_heading = MESSAGES)]
    pub quiet: bool,
    /// Write more notes to standard error; twice for still more.
    #[arg(short, long, global = true, action = clap::ArgAction::Count, help_heading = MESSAGES)]
    pub verbose: u8,
}

/// When to use colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal that wants it.
    Auto,
    /// In pipes and files too.
    Always,
    /// Not at all.
    Never,
}

/// Options of `emit`.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct Emit {
    /// What to write to standard output.
    #[arg(value_enum)]
    pub what: Embedded,
    /// With `man`, the command whose page is wanted; with `completions`, the shell.
    #[arg(value_name = "NAME", add = completing::names())]
    pub name: Option<String>,
    /// With `man`, write the pages of the program and of all its commands into this folder.
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
}

/// What is built into the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Embedded {
    /// The JSON schema of the report.
    Schema,
    /// The JSON schema of what `fitness` writes.
    FitnessSchema,
    /// The JSON schema of a case file.
    CaseSchema,
    /// The JSON schema of what `diff` writes.
    DiffSchema,
    /// The manual page of the program, or of the command NAME (roff).
    Man,
    /// Completions for the shell NAME.
    Completions,
    /// The address database (MaxMind DB).
    Geo,
    /// The schema of the tables that `campaign` writes (JSON).
    Tables,
    /// A job for Apache Spark (Python) that runs campaigns on its executors.
    SparkJob,
}

const FITNESS_FORMATS: &[Format] = &[Format::TABLE, Format::JSON];
const DIFF_FORMATS: &[Format] = &[
    Format::TABLE,
    Format::JSON,
    crate::tell::report::markdown::FORMAT,
];

/// Why there is nothing to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Exit {
    /// Help or version: this text goes to standard output, exit code 0.
    Text(String),
    /// A usage error: one line for standard error, exit code 2.
    Usage(Error),
}

impl Exit {
    /// Writes the text, if that is what there is.
    ///
    /// # Errors
    /// The usage error, or that the text cannot be written. A closed pipe is no error.
    pub fn told(self) -> Result<(), Error> {
        match self {
            Self::Text(text) => {
                Output::stdout(Format::TABLE).write(|out| out.write_all(text.as_bytes()))
            }
            Self::Usage(error) => Err(error),
        }
    }
}

/// Reads the command line, the program's name first.
///
/// # Errors
/// [`Exit`], when there is nothing to run.
pub fn parse<I>(arguments: I) -> Result<Cli, Exit>
where
    I: IntoIterator,
    I::Item: Into<OsString>,
{
    let arguments: Vec<OsString> = arguments.into_iter().map(Into::into).collect();
    let arguments = lenient::arguments(arguments).map_err(Exit::Usage)?;
    let mut cli = Cli::try_parse_from(&arguments).map_err(|error| match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            Exit::Text(error.render().to_string())
        }
        _ => Exit::Usage(usage::one_line(&error, usage::help_command(&arguments))),
    })?;
    cli.complete().map_err(Exit::Usage)?;
    Ok(cli)
}

impl Cli {
    /// Adds default outputs and refuses what contradicts itself.
    fn complete(&mut self) -> Result<(), Error> {
        self.hashes_for_statements()?;
        let (captures, counters, subject, outputs, default): (Vec<&PathBuf>, _, _, _, _) =
            match &mut self.command {
                Command::Check(check) => (
                    check.captures.iter().collect(),
                    check.counters.as_slice(),
                    &check.subject,
                    &mut check.outputs,
                    Format::TABLE,
                ),
                Command::Flows(flows) => (
                    flows.captures.iter().collect(),
                    [].as_slice(),
                    &flows.subject,
                    &mut flows.outputs,
                    Format::NDJSON,
                ),
                Command::Fitness(fitness) => (
                    fitness.captures.iter().collect(),
                    fitness.counters.as_slice(),
                    &fitness.subject,
                    &mut fitness.outputs,
                    Format::TABLE,
                ),
                Command::Diff(diff) => (
                    vec![&diff.baseline, &diff.capture],
                    [].as_slice(),
                    &diff.subject,
                    &mut diff.outputs,
                    Format::TABLE,
                ),
                Command::Emit(emit) => return emit.complete(),
                Command::Campaign(campaign) => return campaign.complete(),
                Command::Extract(_)
                | Command::Verify(_)
                | Command::Explain(_)
                | Command::Case(_) => return Ok(()),
            };
        if outputs.is_empty() {
            outputs.push(Output::stdout(default));
        }
        campaign::check_folders(outputs)?;
        if captures
            .iter()
            .filter(|path| path.as_os_str() == STDIN)
            .count()
            > 1
        {
            return Err(Error::at(STDIN, "standard input can be read only once")
                .advise("give '-' a single time"));
        }
        // Captures of a case file are known when it is read.
        if !captures.is_empty() {
            let named: Vec<PathBuf> = captures.iter().map(|c| (*c).clone()).collect();
            assign(&named, counters)?;
        }
        if subject.devices.contains(&Device::All)
            && subject.devices.iter().any(|device| *device != Device::All)
        {
            return Err(Error::at(
                "--device all",
                "says that there is no other device, but another is declared",
            )
            .advise("give either 'all' or addresses"));
        }
        let on_stdout = outputs
            .iter()
            .filter(|output| output.path.is_none())
            .count();
        if on_stdout > 1 {
            return Err(
                Error::at("--output", "two reports would be mixed on standard output")
                    .advise("give all but one a file: FORMAT=PATH"),
            );
        }
        Ok(())
    }

    /// A statement names its subjects by nothing but their hash.
    fn hashes_for_statements(&self) -> Result<(), Error> {
        match &self.command {
            Command::Check(check)
                if check.no_hash && check.outputs.iter().any(|o| o.format == intoto::FORMAT) =>
            {
                Err(Error::at(
                    "--no-hash",
                    "an in-toto statement needs the SHA-256 of every capture",
                )
                .advise("leave out --no-hash, or -o intoto"))
            }
            Command::Check(check)
                if check.no_hash && check.outputs.iter().any(|o| o.format.is_folder()) =>
            {
                Err(Error::at(
                    "--no-hash",
                    "rows of tables are told apart by the SHA-256 of the captures",
                )
                .advise("leave out --no-hash"))
            }
            _ => Ok(()),
        }
    }
}

impl Emit {
    /// Refuses a name or a folder for what has none.
    fn complete(&self) -> Result<(), Error> {
        let named = matches!(self.what, Embedded::Man | Embedded::Completions);
        let (what, advice) = match (&self.name, &self.dir) {
            (Some(name), _) if !named => (
                text::terminal(name).into_owned(),
                "only 'man' and 'completions' take a name",
            ),
            (_, Some(_)) if self.what != Embedded::Man => {
                ("--dir".to_owned(), "it is for 'emit man'")
            }
            (Some(_), Some(_)) => (
                "--dir".to_owned(),
                "it writes the pages of all commands: leave out the name",
            ),
            _ => return Ok(()),
        };
        Err(Error::at(what, "has no use here").advise(advice))
    }
}

#[cfg(test)]
mod tests;
