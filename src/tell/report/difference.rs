//! The first difference between two reports, as a path in the JSON and the two values there.
//!
//! What a report was made with comes before what it found, and what it found in the order of the
//! report: a reader wants to know why before what.

use crate::ground::text;
use serde_json::{Map, Value};
use std::fmt;

/// The parts of a report in the order of the model; `run` and `digest` differ between equal reports.
pub const PARTS: [&str; 16] = [
    "schema",
    "inputs",
    "verdict",
    "scope",
    "case",
    "baseline",
    "against",
    "claims",
    "findings",
    "destinations",
    "lookups",
    "coverage",
    "timeline",
    "clocks",
    "limits",
    "sessions",
];

/// What a report is made with, the likeliest cause of differences first.
const DATA: [(&str, &str); 5] = [
    ("version", "another version of the program"),
    ("commit", "another build of the program"),
    ("catalog_sha256", "another catalog of hosts"),
    ("claims_sha256", "another wording of the claims"),
    ("geo", "another address database"),
];

/// A place where two reports differ.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    /// Where, as a path in the JSON.
    pub path: String,
    /// What the difference means, if more than that the values differ.
    pub means: Option<&'static str>,
    /// The value in the one report; `None` where it has no such field.
    pub one: Option<Value>,
    /// The value in the other.
    pub other: Option<Value>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        /// Columns of a value that are repeated.
        const SHOWN_MAX: usize = 200;
        let show = |value: &Option<Value>| match value {
            Some(value) => text::shorten(&value.to_string(), SHOWN_MAX),
            None => "nothing".to_owned(),
        };
        if let Some(means) = self.means {
            write!(f, "{means}: ")?;
        }
        write!(
            f,
            "{} is {} in the report and {} here",
            self.path,
            show(&self.one),
            show(&self.other)
        )
    }
}

/// The first difference in what two reports were made with.
pub fn of_tool(one: &Value, other: &Value) -> Option<Difference> {
    let (one, other) = (one.get("tool"), other.get("tool"));
    let named = DATA.iter().find_map(|(field, means)| {
        let mut path = format!("tool.{field}");
        let found = between(
            one.and_then(|t| t.get(field)),
            other.and_then(|t| t.get(field)),
            &mut path,
        )?;
        Some(Difference {
            means: Some(*means),
            ..found
        })
    });
    named.or_else(|| between(one, other, &mut "tool".to_owned()))
}

/// The first difference in everything but what they were made with and what differs between runs.
pub fn of_content(one: &Value, other: &Value) -> Option<Difference> {
    let known = PARTS.iter().find_map(|part| {
        if *part == "sessions" {
            return of_sessions(one.get(part)?, other.get(part)?);
        }
        between(one.get(part), other.get(part), &mut (*part).to_owned())
    });
    known.or_else(|| {
        // Fields of another version of the model.
        let skip = |key: &str| PARTS.contains(&key) || ["run", "digest", "tool"].contains(&key);
        let (one, other) = (one.as_object()?, other.as_object()?);
        keys(one, other)
            .filter(|key| !skip(key))
            .find_map(|key| between(one.get(key), other.get(key), &mut key.to_owned()))
    })
}

/// Sessions are reports too, with runs and digests of their own.
fn of_sessions(one: &Value, other: &Value) -> Option<Difference> {
    let empty = Vec::new();
    let list = |value: &Value| value.as_array().cloned().unwrap_or(empty.clone());
    let (one, other) = (list(one), list(other));
    let inside = one.iter().zip(&other).enumerate().find_map(|(at, (a, b))| {
        let found = of_content(a, b)?;
        Some(Difference {
            path: format!("sessions[{at}].{}", found.path),
            ..found
        })
    });
    inside.or_else(|| {
        (one.len() != other.len()).then(|| Difference {
            path: "sessions (their number)".to_owned(),
            means: None,
            one: Some(one.len().into()),
            other: Some(other.len().into()),
        })
    })
}

fn keys<'v>(
    one: &'v Map<String, Value>,
    other: &'v Map<String, Value>,
) -> impl Iterator<Item = &'v str> {
    let only_there = other.keys().filter(|key| !one.contains_key(*key));
    one.keys().chain(only_there).map(String::as_str)
}

fn between(one: Option<&Value>, other: Option<&Value>, path: &mut String) -> Option<Difference> {
    if one == other {
        return None;
    }
    let length = path.len();
    let inner = match (one, other) {
        (Some(Value::Object(a)), Some(Value::Object(b))) => keys(a, b).find_map(|key| {
            path.truncate(length);
            path.push('.');
            path.push_str(key);
            between(a.get(key), b.get(key), path)
        }),
        (Some(Value::Array(a)), Some(Value::Array(b))) => {
            (0..a.len().max(b.len())).find_map(|at| {
                path.truncate(length);
                path.push_str(&format!("[{at}]"));
                between(a.get(at), b.get(at), path)
            })
        }
        _ => None,
    };
    inner.or_else(|| {
        path.truncate(length);
        Some(Difference {
            path: path.clone(),
            means: None,
            one: one.cloned(),
            other: other.cloned(),
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn causes_come_first_and_places_are_exact() {
        let one = json!({"tool": {"version": "1", "geo": [{"sha256": "a"}]}, "verdict": "consistent",
            "claims": [{"id": "x", "reasons": []}], "run": 1, "digest": 1});
        let mut other = one.clone();
        other["run"] = 2.into();
        other["digest"] = 2.into();
        assert_eq!(
            (of_tool(&one, &other), of_content(&one, &other)),
            (None, None)
        );
        other["claims"][0]["reasons"] = json!(["y"]);
        let found = of_content(&one, &other).unwrap();
        assert_eq!(
            found.to_string(),
            "claims[0].reasons[0] is nothing in the report and \"y\" here"
        );
        other["verdict"] = "contradicted".into();
        assert_eq!(of_content(&one, &other).unwrap().path, "verdict");
        other["tool"]["geo"][0]["sha256"] = "b".into();
        let found = of_tool(&one, &other).unwrap();
        assert_eq!(found.path, "tool.geo[0].sha256");
        assert_eq!(found.means, Some("another address database"));
        other["tool"]["version"] = "2".into();
        assert_eq!(of_tool(&one, &other).unwrap().path, "tool.version");

        let each = |seconds: u32, verdict: &str| json!({"sessions": [{"run": seconds, "digest": "d", "verdict": verdict}]});
        assert_eq!(of_content(&each(1, "a"), &each(2, "a")), None);
        let found = of_content(&each(1, "a"), &each(2, "b")).unwrap();
        assert_eq!(found.path, "sessions[0].verdict");
    }

    #[test]
    fn every_part_of_the_model_is_compared() {
        let value = serde_json::to_value(crate::tell::report::sample::report()).unwrap();
        for key in value.as_object().unwrap().keys() {
            assert!(
                PARTS.contains(&key.as_str()) || ["run", "digest", "tool"].contains(&key.as_str()),
                "{key}"
            );
        }
    }
}
