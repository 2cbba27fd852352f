//! Display filters without the times of the windows: those are the same in every finding of a report, so that a page
//! for readers says them once.

use super::filter::Filter;
use super::v1::Report;

/// The windows of a report as a filter; `None` without any, or where one of them is open.
pub(super) fn windows(report: &Report) -> Option<String> {
    let nanos = |time: &Option<String>| {
        let time: jiff::Timestamp = time.as_ref()?.parse().ok()?;
        i64::try_from(time.as_nanosecond()).ok()
    };
    let windows = report.scope.windows.iter();
    let all: Option<Vec<(i64, i64)>> = windows
        .map(|window| Some((nanos(&window.start)?, nanos(&window.end)?)))
        .collect();
    let filter = Filter::inside(all?)?;
    Some(match filter {
        Filter::Any(_) => format!("({filter})"),
        _ => filter.to_string(),
    })
}

/// A filter without the windows that stand at its end; as it is where they do not.
pub(super) fn short<'a>(filter: &'a str, windows: Option<&str>) -> &'a str {
    let without = windows.and_then(|windows| filter.strip_suffix(windows)?.strip_suffix(" && "));
    without.unwrap_or(filter)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tell::report::sample::report;
    use crate::tell::report::v1::Window;

    #[test]
    fn windows_are_taken_off_where_they_stand_at_the_end() {
        let mut report = report();
        let window = |start: &str, end: &str| Window {
            start: Some(start.to_owned()),
            end: Some(end.to_owned()),
            name: None,
            grace_seconds: 0.0,
            phases: Vec::new(),
            first: None,
            last: None,
            seconds: 0.0,
        };
        report.scope.windows = vec![window("1970-01-01T00:00:10Z", "1970-01-01T00:00:20.5Z")];
        let one = windows(&report).unwrap();
        assert_eq!(one, "frame.time_epoch >= 10 && frame.time_epoch < 20.5");
        assert_eq!(short(&format!("tcp && {one}"), Some(&one)), "tcp");
        assert_eq!(short(&one, Some(&one)), one);
        let again = window("1970-01-01T00:01:00Z", "1970-01-01T00:02:00Z");
        report.scope.windows.push(again);
        let two = windows(&report).unwrap();
        assert!(two.starts_with("((") && two.ends_with("))"), "{two}");
        let written = Filter::parse("tcp || udp").unwrap();
        let all = Filter::parse(&two).unwrap();
        assert_eq!(
            short(&written.and(all).to_string(), Some(&two)),
            "(tcp || udp)"
        );
        report.scope.windows[0].end = None;
        assert_eq!(windows(&report), None);
    }
}
