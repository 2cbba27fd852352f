//! The command line: what a user can ask for, parsed and checked in itself, not acted on.
//!
//! A usage error is one line on standard error (what, where, what to do) and exit code 2. Nothing
//! here touches the file system: whether a capture exists is for those who open it.

mod campaign;
pub mod completing;
mod counters;
mod emit;
mod lenient;
mod notes;
mod shared;
mod usage;
mod value;

pub use crate::ground::declared::Device;
pub use campaign::{Campaign, CampaignCommand, FailOn, Merge};
pub use counters::assign;
pub use emit::{Embedded, Emit};
pub use shared::{Color, Keys, Sources, Subject, Terminal};
pub use value::Secret;

use crate::ground::error::Error;
use crate::ground::interval::WindowSpec;
use crate::judge::case::BaselineKind;
use crate::tell::report::anchor::Anchor;
use crate::tell::report::format::Format;
use crate::tell::report::output::Output;
use crate::tell::report::{flows, format, intoto};
use clap::error::ErrorKind;
use clap::{Args, Parser, Subcommand};
use std::ffi::OsString;
use std::path::PathBuf;

/// The claim that is judged when none is chosen.
pub const DEFAULT_CLAIM: &str = "local-data-mode";
/// The capture that is standard input.
pub const STDIN: &str = "-";

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
    #[command(after_help = notes::check())]
    Check(Check),
    /// Judges many sessions, each alone, and puts what they show into tables.
    #[command(after_help = campaign::NOTES)]
    Campaign(Campaign),
    /// Says whether case files are in order, without opening captures.
    #[command(after_help = notes::CASE)]
    Case(Case),
    /// Lists every flow of the captures, without judgement.
    Flows(Flows),
    /// Says whether captures could support `consistent`, and what to change in the next recording.
    #[command(after_help = notes::FITNESS)]
    Fitness(Fitness),
    /// Says what is new, gone or changed between two captures or two reports.
    #[command(after_help = notes::DIFF)]
    Diff(Diff),
    /// Writes the packets behind the findings of a report as pcapng, each with a comment.
    #[command(after_help = notes::EXTRACT)]
    Extract(Extract),
    /// Says whether a report reproduces: hashes its inputs and runs the audit again.
    #[command(after_help = notes::VERIFY)]
    Verify(Verify),
    /// Explains an id of a report; holds the guides and recording recipes; without an id, lists them.
    #[command(after_help = notes::EXPLAIN)]
    Explain(Explain),
    /// Writes out what is built into the program.
    #[command(after_help = notes::EMIT)]
    Emit(Emit),
}

/// Options of `check`.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct Check {
    /// Captures of one session (pcap or pcapng, also compressed); `-` is standard input.
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
    /// Captures of one session (pcap or pcapng, also compressed); `-` is standard input.
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
    /// Captures of one session (pcap or pcapng, also compressed); `-` is standard input.
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
    /// Puts files in the place of patterns, as shells do elsewhere.
    fn expand(&mut self) {
        let captures = match &mut self.command {
            Command::Check(check) => &mut check.captures,
            Command::Flows(flows) => &mut flows.captures,
            Command::Fitness(fitness) => &mut fitness.captures,
            // A campaign takes patterns itself, on every system.
            _ => return,
        };
        *captures = lenient::expanded(std::mem::take(captures));
    }

    /// Adds default outputs and refuses what contradicts itself.
    fn complete(&mut self) -> Result<(), Error> {
        if cfg!(windows) {
            self.expand();
        }
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

#[cfg(test)]
mod tests;
