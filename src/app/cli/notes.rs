//! What stands below the options in the help of a command: exit codes, examples, and what it does not do.

use crate::tell::report::format;

pub(super) fn check() -> String {
    format!("Formats:\n{}\n\n{CHECK}", format::list())
}

const CHECK: &str = "\
Exit codes:
  0  every chosen claim is consistent with the captures
  1  at least one claim is contradicted
  2  usage error, or the audit could not be done; there is no verdict
  3  nothing is contradicted, but at least one claim is inconclusive

Example: the mode was on from minute 1 to minute 11 of the recording
  drone-audit check --device 192.168.1.50 --window +60/+660 \\
    -o table -o json=report.json flight.pcapng";

pub(super) const FITNESS: &str = "\
Looks at coverage only, not at what the traffic shows. What each gap means: drone-audit explain GAP.

Exit codes:
  0  the captures could support `consistent` for the claim local-data-mode
  2  usage error, or a capture could not be read
  3  they could not: a gap forbids it; the output says what to change in the next recording";

pub(super) const DIFF: &str = "\
Each side is a capture, or a report that `check -o json` wrote; `-` is standard input. Options of
judging hold for captures; a report keeps its own. Captures are compared over their whole length.

Exit codes:
  0  the capture shows nothing that the baseline does not
  1  something is new: a name or an address, or what is known goes further, to another place,
     sends much more, or is now the app's; rows marked with !
  2  usage error, or a side could not be read

Example: mode off against mode on
  drone-audit diff --device 192.168.1.50 mode-off.pcapng mode-on.pcapng";

pub(super) const CASE: &str = "\
Reads what `check --case` would read: keys, values, times, claims. Whether the captures are there and
what they hold is not looked at, so that the files can be checked where captures are not kept.

Exit codes:
  0  every file is in order
  2  usage error, or a file is not in order; each is named";

pub(super) const EMIT: &str = "\
Examples:
  drone-audit emit man | man -l -                    the manual page of the program
  drone-audit emit man check                         that of a command
  drone-audit emit man --dir /usr/local/share/man/man1
  drone-audit emit completions bash > /etc/bash_completion.d/drone-audit
  drone-audit emit schema > report-v1.schema.json";

pub(super) const EXTRACT: &str = "\
The captures are hashed first and have to be those of the report. The display filter of a finding
selects its packets in the captures and in what is written. Packets that a finding rests on are
written too, and their comments say what for. Nothing is changed but comments: bytes, times, interfaces
and app labels stay. What is left out is left out of an audit too: audited again, it can contradict
a claim, and never be consistent.

Exit codes:
  0  written
  2  a capture is missing or another one, the report was made with --no-hash or --redact, or it has no
     finding";

pub(super) const VERIFY: &str = "\
Runs the audit again with the recorded arguments, on the files found by name and hash. Writes
no file, whatever outputs the arguments name.

Exit codes:
  0  the report reproduces
  1  it differs: the report was edited, a capture is another one, or the audit finds something else;
     the first difference is named, another version of the program or of its data before all
  2  it cannot be run again: a file is missing, or the report was made with --no-hash";

pub(super) const EXPLAIN: &str = "\
Examples:
  drone-audit explain                   the list of all ids
  drone-audit explain guide             how to use the program and read its report
  drone-audit explain kernel-drops      a gap
  drone-audit explain recipe-android    how to record on an Android phone";
