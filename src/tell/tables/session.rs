//! A session as the tables see it: its report, or why there is none, and what it was declared to be.

use crate::ground::hex::hex;
use crate::tell::report::flows::FlowRow;
use crate::tell::report::v1::{Report, Tool};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// What a session was declared to be; groups sessions, and judges nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Labels {
    /// The app under audit.
    pub app: Option<String>,
    /// Its version.
    pub version: Option<String>,
    /// The device under audit.
    pub device: Option<String>,
    /// The state of the mode under test (`on`, `off`, or the auditor's own word).
    pub mode: Option<String>,
}

impl Labels {
    /// What is missing here is taken from the facts that a case file reports.
    #[must_use]
    pub fn or_reported(mut self, report: &Report) -> Self {
        let Some(case) = &report.case else {
            return self;
        };
        let reported = |key: &str| case.reported.get(key).cloned();
        self.app = self.app.or_else(|| reported("app"));
        self.version = self.version.or_else(|| reported("version"));
        self.device = self.device.or_else(|| reported("device"));
        self.mode = self.mode.or_else(|| reported("mode"));
        self
    }
}

/// Why a session could not be audited.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// A stable word: see [`Failed`].
    pub kind: Failed,
    /// In words, on one line.
    pub text: String,
}

crate::vocabulary! {
    /// What kept a session from being audited.
    "kind of failure" pub enum Failed {
        /// A file is missing, is no capture, or an option does not fit it.
        Unreadable = "unreadable",
        /// It took longer than it was given.
        Timeout = "timeout",
        /// The program made a mistake.
        Internal = "internal",
    }
}

/// A capture of a session that was not audited.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct File {
    /// The file name alone.
    pub name: String,
    /// SHA-256; `None` where it could not be read.
    pub sha256: Option<String>,
    /// Size in bytes, where it is known.
    pub bytes: Option<u64>,
}

/// How it ended.
#[derive(Debug, Clone, Copy)]
pub enum Outcome<'a> {
    /// With a report.
    Audited(&'a Report),
    /// Without one.
    Failed(&'a Failure, &'a [File]),
}

/// A session.
#[derive(Debug, Clone, Copy)]
pub struct Session<'a> {
    /// Its id: see [`id`].
    pub id: &'a str,
    /// What it was declared to be.
    pub labels: &'a Labels,
    /// The options that it was audited with, inputs left out.
    pub arguments: &'a [String],
    /// The program and its data.
    pub tool: &'a Tool,
    /// How it ended.
    pub outcome: Outcome<'a>,
    /// Its flows, where they were asked for.
    pub flows: Option<&'a [FlowRow]>,
}

impl<'a> Session<'a> {
    /// Its report, if there is one.
    pub fn report(&self) -> Option<&'a Report> {
        match self.outcome {
            Outcome::Audited(report) => Some(report),
            Outcome::Failed(..) => None,
        }
    }
}

/// The id of a session: the first 32 hexadecimal digits of a SHA-256 over everything that its result depends on
/// (names and hashes of its captures, options, labels, program, catalog, claims and databases), each with its
/// length in front. Whoever audits the same again gets the same id. Keys are no part of it: nothing may be told of
/// them, not even a hash.
pub fn id(files: &[File], arguments: &[String], labels: &Labels, tool: &Tool) -> String {
    let mut hash = Sha256::new();
    let mut part = |text: &str| {
        hash.update((text.len() as u64).to_be_bytes());
        hash.update(text.as_bytes());
    };
    part(super::SCHEMA);
    let mut files: Vec<&File> = files.iter().collect();
    files.sort();
    for file in files {
        part(&file.name);
        part(file.sha256.as_deref().unwrap_or_default());
    }
    part("");
    arguments.iter().for_each(|argument| part(argument));
    part("");
    for label in [&labels.app, &labels.version, &labels.device, &labels.mode] {
        part(label.as_deref().unwrap_or_default());
    }
    part(&tool.version);
    part(tool.commit.as_deref().unwrap_or_default());
    part(&tool.catalog_sha256);
    part(&tool.claims_sha256);
    tool.geo.iter().for_each(|geo| part(&geo.sha256));
    let mut id = hex(&hash.finalize());
    id.truncate(32);
    id
}
