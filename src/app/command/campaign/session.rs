//! One session of a campaign: its options, its id, and its rows or why there are none.

use super::list::Spec;
use super::{Ids, number};
use crate::app::cli::{self, Campaign, Check, Cli, Command};
use crate::app::command::check::judge_with;
use crate::app::command::plan::Plan;
use crate::app::command::session::recorded;
use crate::app::command::tables::{audited, beside, file, name};
use crate::app::command::{catalog, flows, locator};
use crate::ground::error::Error;
use crate::ground::text;
use crate::judge::classify::catalog::Catalog;
use crate::judge::locate::Locator;
use crate::observe::capture::Means;
use crate::tell::report::flows::FlowRow;
use crate::tell::report::format::{Format, Setting, writer};
use crate::tell::report::output::Output;
use crate::tell::report::table::Style;
use crate::tell::report::{build, html, v1};
use crate::tell::tables::entry::Entry;
use crate::tell::tables::session::{Failed, Failure, File, Outcome, Session, id};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// What became of a session.
pub(super) enum Done {
    /// It was audited before, under this id.
    Before(String),
    /// It is done now.
    Now(Entry),
}

/// What sessions are judged with, which takes long to make: shared by all that name the same files.
#[derive(Clone)]
struct Data {
    catalog: Arc<Catalog>,
    locator: Arc<Locator>,
    tool: Arc<v1::Tool>,
}

/// Catalogs and databases by their paths.
type Files = (Vec<PathBuf>, Vec<PathBuf>);

/// Audits sessions.
pub(super) struct Auditor<'a> {
    options: &'a Campaign,
    /// Options of `check` for every session.
    arguments: Vec<String>,
    means: Means,
    known: &'a Ids,
    reports: Option<&'a Path>,
    data: Mutex<BTreeMap<Files, Data>>,
    /// The program and its data, for sessions of which no more is known.
    tool: v1::Tool,
}

/// A session, made ready.
struct Ready {
    check: Check,
    plan: Plan,
    data: Data,
}

impl<'a> Auditor<'a> {
    /// Refuses options that fit no session.
    ///
    /// # Errors
    /// The first such option.
    pub(super) fn new(
        options: &'a Campaign,
        means: Means,
        known: &'a Ids,
        reports: Option<&'a Path>,
    ) -> Result<Self, Error> {
        let mut arguments = Vec::new();
        let mut add = |option: &str, values: &[String]| {
            for value in values {
                arguments.extend([option.to_owned(), value.clone()]);
            }
        };
        add("--claim", &options.claims);
        add("--app", &options.apps);
        add("--device", &options.devices);
        add("--local", &options.local_networks);
        add("--window", &options.windows);
        for (option, given) in [("--reveal", options.reveal), ("--redact", options.redact)] {
            if given {
                arguments.push(option.to_owned());
            }
        }
        let mut auditor = Self {
            options,
            arguments,
            means,
            known,
            reports,
            data: Mutex::new(BTreeMap::new()),
            tool: build::tool(
                Catalog::embedded(),
                &Locator::embedded().map_err(|e| Error::new(e.to_string()))?,
            ),
        };
        // Found out now, not by a row for each session.
        let any = Spec {
            captures: vec![PathBuf::from("capture.pcap")],
            ..Spec::default()
        };
        let check = auditor.check(&any)?;
        let plan = Plan::of(&check)?;
        let data = auditor.data(&plan)?;
        plan.check_owners(&data.catalog)?;
        auditor.tool = v1::Tool::clone(&data.tool);
        Ok(auditor)
    }

    /// The options of `check` for a session.
    fn check(&self, spec: &Spec) -> Result<Check, Error> {
        // An option of the session takes the place of the one for all.
        let own = |option: &str| spec.arguments.iter().any(|a| a == option);
        let mut line: Vec<OsString> = vec!["drone-audit".into(), "check".into(), "--quiet".into()];
        let mut all = self.arguments.iter().peekable();
        while let Some(option) = all.next() {
            let value = all.next_if(|next| !next.starts_with("--"));
            if !own(option) {
                line.extend([option].into_iter().chain(value).map(OsString::from));
            }
        }
        line.extend(spec.arguments.iter().map(OsString::from));
        if let Some(case) = spec.case.as_ref().or(self.options.case.as_ref()) {
            line.extend(["--case".into(), case.clone().into_os_string()]);
        }
        for (option, files) in [
            ("--geo", &self.options.geo),
            ("--catalog", &self.options.catalogs),
        ] {
            for file in files {
                line.extend([option.into(), file.clone().into_os_string()]);
            }
        }
        line.push("--".into());
        line.extend(spec.captures.iter().map(|p| p.clone().into_os_string()));
        let cli: Cli = cli::parse(line).map_err(|exit| match exit {
            cli::Exit::Usage(error) => error,
            cli::Exit::Text(_) => Error::new("help and version are no options of a session"),
        })?;
        match cli.command {
            Command::Check(mut check) => {
                check.keys.clone_from(&self.options.keys);
                Ok(check)
            }
            _ => Err(Error::new("the options are those of another command")),
        }
    }

    fn data(&self, plan: &Plan) -> Result<Data, Error> {
        let key = (plan.catalogs.clone(), plan.geo.clone());
        let mut all = self.data.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(data) = all.get(&key) {
            return Ok(data.clone());
        }
        let catalog = Arc::new(catalog(&plan.catalogs)?);
        let locator = Arc::new(locator(&plan.geo)?);
        let tool = Arc::new(build::tool(&catalog, &locator));
        let data = Data {
            catalog,
            locator,
            tool,
        };
        all.insert(key, data.clone());
        Ok(data)
    }

    fn ready(&self, spec: &Spec) -> Result<Ready, Error> {
        let check = self.check(spec)?;
        let plan = Plan::of(&check)?;
        let data = self.data(&plan)?;
        plan.check_owners(&data.catalog)?;
        Ok(Ready { check, plan, data })
    }

    /// Audits a session, unless that was done before.
    ///
    /// # Errors
    /// What has nothing to do with the session: a report that cannot be written.
    pub(super) fn session(&self, spec: &Spec) -> Result<Done, Error> {
        // A pipe may never end, and nothing could be told apart by its hash.
        let odd = spec.captures.iter();
        let odd = odd.filter(|p| std::fs::metadata(p).is_ok_and(|meta| !meta.is_file()));
        if odd.count() > 0 {
            let (kind, said) = (Failed::Unreadable, "is no regular file");
            return self.failed(spec, &spec.arguments, &[], &self.tool, kind, said);
        }
        let ready = match self.ready(spec) {
            Ok(ready) => ready,
            Err(error) => {
                let (kind, said) = (Failed::Unreadable, error.to_string());
                return self.failed(spec, &spec.arguments, &[], &self.tool, kind, &said);
            }
        };
        let tool = &ready.data.tool;
        let arguments = recorded(&ready.check);
        let beside = beside(&ready.check);
        let of = |files: &[File]| {
            let all: Vec<File> = files.iter().chain(&beside).cloned().collect();
            id(&all, &arguments, &spec.labels, tool)
        };
        if !self.known.is_empty() {
            let files: Vec<File> = ready.plan.captures.iter().map(|p| file("", p)).collect();
            let id = of(&files);
            if self.known.contains(&number(&id)) {
                return Ok(Done::Before(id));
            }
        }
        let seconds = self.options.timeout.map(Duration::from_secs);
        let means = Means {
            until: seconds.and_then(|seconds| Instant::now().checked_add(seconds)),
            ..self.means.clone()
        };
        let ended = catch_unwind(AssertUnwindSafe(|| self.audit(&ready, &means)));
        let (report, flows) = match ended {
            Ok(Ok(audited)) => audited,
            Ok(Err(error)) => {
                let (kind, said) = match seconds {
                    Some(seconds) if means.is_over() => {
                        let seconds = seconds.as_secs();
                        (Failed::Timeout, format!("took longer than {seconds} s"))
                    }
                    _ => (Failed::Unreadable, error.to_string()),
                };
                return self.failed(spec, &arguments, &beside, tool, kind, &said);
            }
            Err(_) => {
                let said =
                    "the program made a mistake: please report it, with the capture if you can";
                return self.failed(spec, &arguments, &beside, tool, Failed::Internal, said);
            }
        };
        let entry = audited(
            &ready.check,
            &beside,
            &spec.labels,
            &report,
            flows.as_deref(),
        )?;
        if let Some(folder) = self.reports {
            write_report(folder, &entry.session, &report)?;
        }
        Ok(Done::Now(entry))
    }

    fn audit(
        &self,
        ready: &Ready,
        means: &Means,
    ) -> Result<(v1::Report, Option<Vec<FlowRow>>), Error> {
        let (catalog, locator) = (&ready.data.catalog, &ready.data.locator);
        let started = (jiff::Timestamp::now(), Instant::now());
        let report = judge_with(
            &ready.check,
            &ready.plan,
            None,
            started,
            means.clone(),
            (catalog, locator),
        )?;
        let flows = match self.options.flows {
            true => {
                let (rows, _) = flows::inventory(
                    &ready.plan.sources,
                    &ready.plan.subject,
                    (
                        Arc::clone(&ready.plan.keys.wifi),
                        Arc::clone(&ready.plan.keys.keylog),
                    ),
                    means.clone(),
                    (catalog, locator),
                )?;
                Some(rows)
            }
            false => None,
        };
        Ok((report, flows))
    }

    /// The row of a session that was not audited.
    fn failed(
        &self,
        spec: &Spec,
        arguments: &[String],
        beside: &[File],
        tool: &v1::Tool,
        kind: Failed,
        said: &str,
    ) -> Result<Done, Error> {
        let mut text = text::terminal(said).into_owned();
        // Where it lay on this machine is no part of what happened.
        for path in &spec.captures {
            let shown = path.display().to_string();
            text = text.replace(&*text::terminal(&shown), &name(path));
        }
        // The row says which captures they are.
        if let [path] = spec.captures.as_slice()
            && let Some(rest) = text.strip_prefix(&format!("{}: ", text::terminal(&name(path))))
        {
            text = rest.to_owned();
        }
        let files: Vec<File> = spec.captures.iter().map(|path| file("", path)).collect();
        let all: Vec<File> = files.iter().chain(beside).cloned().collect();
        let id = id(&all, arguments, &spec.labels, tool);
        if self.known.contains(&number(&id)) {
            return Ok(Done::Before(id));
        }
        let failure = Failure { kind, text };
        Entry::of(&Session {
            id: &id,
            labels: &spec.labels,
            arguments,
            tool,
            outcome: Outcome::Failed(&failure, &files),
            flows: None,
        })
        .map(Done::Now)
        .map_err(|e| Error::new(e.to_string()))
    }
}

fn write_report(folder: &Path, id: &str, report: &v1::Report) -> Result<(), Error> {
    let setting = Setting {
        style: Style {
            width: 100,
            color: false,
        },
        anchor: None,
    };
    for (format, ending) in [(Format::JSON, "json"), (html::FORMAT, "html")] {
        let output = Output {
            format,
            path: Some(folder.join(format!("{id}.{ending}"))),
        };
        output.write(|out| writer(format)(report, &setting, out))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(spec: &Spec, change: impl FnOnce(&mut Campaign)) -> serde_json::Value {
        let cli = cli::parse(["drone-audit", "campaign", "--device", "all", "x"]);
        let Ok(Cli {
            command: Command::Campaign(mut options),
            ..
        }) = cli
        else {
            panic!("no campaign");
        };
        change(&mut options);
        let known = Ids::new();
        let auditor = Auditor::new(&options, Means::default(), &known, None).unwrap();
        match auditor.session(spec).unwrap() {
            Done::Now(entry) => serde_json::from_str(entry.rows("sessions")[0].get()).unwrap(),
            Done::Before(id) => panic!("{id}"),
        }
    }

    #[test]
    fn a_session_that_takes_too_long_is_a_row_that_says_so() {
        let capture = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/honest-flight.pcap");
        let spec = Spec {
            captures: vec![capture],
            ..Spec::default()
        };
        let whole = row(&spec, |_| ());
        assert_eq!(whole["error"], serde_json::Value::Null);
        let over = row(&spec, |options| options.timeout = Some(0));
        assert_eq!(over["error"], "timeout");
        assert_eq!(over["error_text"], "took longer than 0 s");
        assert_eq!(over["session"], whole["session"], "the same session");
    }

    #[cfg(unix)]
    #[test]
    fn what_is_no_file_is_not_waited_for() {
        let spec = Spec {
            captures: vec![PathBuf::from("/dev/zero")],
            ..Spec::default()
        };
        let odd = row(&spec, |_| ());
        assert_eq!(odd["error_text"], "is no regular file");
    }
}
