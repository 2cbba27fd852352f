//! Options of `campaign`: those of `check` that hold for every session, and how many are gone through.

use super::{Keys, value};
use crate::ground::error::Error;
use crate::tell::campaign;
use crate::tell::report::format::Format;
use crate::tell::report::output::Output;
use clap::{Args, Subcommand, ValueEnum};
use std::num::NonZeroUsize;
use std::path::PathBuf;

pub(super) const NOTES: &str = "\
A folder stands for the captures in it and below it (by their endings), a pattern with * for those that it
fits. A manifest is a file that ends in .csv, .ndjson or .jsonl, with a row for each session and the columns
path (several captures of one session: a list in NDJSON, `;` between them in CSV), app, version, device,
mode, window and case; app, device, window and case are the options of that name for the session alone. Paths
in it count from its folder.

A run that was ended goes on when it is started again with the same folder: what is done (same captures by
SHA-256, options, program, catalog and databases) is not done again. Ctrl-C ends a run with what is done by then.

Exit codes:
  0  every session is consistent
  1  at least one session is contradicted
  2  at least one session could not be audited, or the campaign could not be done
  3  nothing is contradicted, but at least one session is inconclusive
--fail-on says which of them count.

Examples:
  drone-audit campaign --device all -o tables=dataset captures/
  drone-audit campaign -o tables=dataset -o html=campaign.html fleet.csv
  drone-audit campaign merge -o tables=all dataset-1 dataset-2
  duckdb -c \"SELECT verdict, count(*) FROM 'dataset/ndjson/claims/*.ndjson' GROUP BY ALL\"";

/// Options of `campaign`.
#[derive(Debug, Clone, PartialEq, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct Campaign {
    /// What else can be done with datasets.
    #[command(subcommand)]
    pub command: Option<CampaignCommand>,
    /// Captures, each a session of its own; folders, patterns and manifests of them; `-` reads such
    /// paths from standard input, one a line.
    #[arg(value_name = "PATH", required = true)]
    pub paths: Vec<PathBuf>,
    /// Write `tables` (NDJSON, and Parquet where it is built in) or `parquet` into a folder, `html`, `junit` or
    /// `sarif` to a file, `table` to standard output; repeatable [default: table].
    #[arg(short, long = "output", value_name = "FORMAT[=PATH]", value_parser = value::output(campaign::formats()), add = super::completing::formats(campaign::formats()))]
    pub outputs: Vec<Output>,
    /// Sessions audited at a time [default: as many as the machine has processors].
    #[arg(long, value_name = "N", value_parser = value::threads)]
    pub jobs: Option<NonZeroUsize>,
    /// Give up a session that takes longer than so many seconds.
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    pub timeout: Option<u64>,
    /// What ends the run with another exit code than 0; several are separated by commas, `none` is nothing
    /// [default: contradicted,inconclusive,error].
    #[arg(
        long = "fail-on",
        value_name = "WHAT",
        value_enum,
        value_delimiter = ','
    )]
    pub fail_on: Vec<FailOn>,
    /// Fill the table `flows`, too: each session is read a second time.
    #[arg(long)]
    pub flows: bool,
    /// Compress the NDJSON of the tables with Zstandard.
    #[arg(long)]
    pub zstd: bool,
    /// Write the report of each session into this folder, as ID.json and ID.html; the page of `-o html` links to
    /// them.
    #[arg(long, value_name = "DIR")]
    pub reports: Option<PathBuf>,
    /// Case file for every session, as in `check`.
    #[arg(long, value_name = "FILE")]
    pub case: Option<PathBuf>,
    /// Claim to judge, as in `check`; repeatable.
    #[arg(long = "claim", value_name = "ID", add = super::completing::claims())]
    pub claims: Vec<String>,
    /// App under audit, as in `check`; repeatable.
    #[arg(long = "app", value_name = "PATTERN", add = super::completing::apps())]
    pub apps: Vec<String>,
    /// Device under audit, as in `check`; repeatable.
    #[arg(long = "device", value_name = "ADDR")]
    pub devices: Vec<String>,
    /// Further network to treat as local, as in `check`; repeatable.
    #[arg(long = "local", value_name = "CIDR")]
    pub local_networks: Vec<String>,
    /// When the mode was on, as in `check`; repeatable.
    #[arg(long = "window", value_name = "START/END")]
    pub windows: Vec<String>,
    /// What opens protected Wi-Fi.
    #[command(flatten)]
    pub keys: Keys,
    /// MaxMind DB to use instead of the embedded one; repeatable.
    #[arg(long = "geo", value_name = "FILE")]
    pub geo: Vec<PathBuf>,
    /// Host rows to add to the embedded catalog or to replace in it; repeatable.
    #[arg(long = "catalog", value_name = "FILE")]
    pub catalogs: Vec<PathBuf>,
    /// Show personal data that was found in clear, which tables mask otherwise.
    #[arg(long, conflicts_with = "redact")]
    pub reveal: bool,
    /// Replace MAC addresses, addresses of the site and local names by labels.
    #[arg(long)]
    pub redact: bool,
}

/// What can be done with datasets.
#[derive(Debug, Clone, PartialEq, Subcommand)]
pub enum CampaignCommand {
    /// Puts datasets together; a session that is in several is one row.
    Merge(Merge),
}

/// Options of `campaign merge`.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct Merge {
    /// Folders of datasets.
    #[arg(value_name = "DIR", required = true)]
    pub datasets: Vec<PathBuf>,
    /// As in `campaign`.
    #[arg(short, long = "output", value_name = "FORMAT[=PATH]", value_parser = value::output(campaign::formats()), add = super::completing::formats(campaign::formats()))]
    pub outputs: Vec<Output>,
    /// Compress the NDJSON of the tables with Zstandard.
    #[arg(long)]
    pub zstd: bool,
    /// As in `campaign`.
    #[arg(
        long = "fail-on",
        value_name = "WHAT",
        value_enum,
        value_delimiter = ','
    )]
    pub fail_on: Vec<FailOn>,
}

/// What ends a run with another exit code than 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FailOn {
    /// A contradicted session.
    Contradicted,
    /// An inconclusive session.
    Inconclusive,
    /// A session that could not be audited.
    Error,
    /// Nothing.
    None,
}

impl Campaign {
    /// Adds the default output and refuses what contradicts itself.
    pub(super) fn complete(&mut self) -> Result<(), Error> {
        match &mut self.command {
            Some(CampaignCommand::Merge(merge)) => complete(&mut merge.outputs),
            None => complete(&mut self.outputs),
        }
    }
}

fn complete(outputs: &mut Vec<Output>) -> Result<(), Error> {
    if outputs.is_empty() {
        outputs.push(Output::stdout(Format::TABLE));
    }
    check_folders(outputs)?;
    let on_stdout = outputs.iter().filter(|output| output.path.is_none());
    if on_stdout.count() > 1 {
        return Err(
            Error::at("--output", "two reports would be mixed on standard output")
                .advise("give all but one a file: FORMAT=PATH"),
        );
    }
    Ok(())
}

/// Refuses a folder without a name, and two of them.
pub(super) fn check_folders(outputs: &[Output]) -> Result<(), Error> {
    let folders = outputs.iter().filter(|o| o.format.is_folder());
    if let Some(nowhere) = folders.clone().find(|o| o.path.is_none()) {
        let place = format!("--output {}", nowhere.format);
        return Err(Error::at(place, "needs a folder").advise(format!("{}=DIR", nowhere.format)));
    }
    if folders.count() > 1 {
        return Err(Error::at("--output", "two datasets are asked for")
            .advise("'tables' writes Parquet, too, where it is built in"));
    }
    Ok(())
}
