//! The form of a case file: its JSON schema (draft 2020-12), and the check of a file against it.
//!
//! The schema comes from the structures that are read ([`super::raw`]); a test makes it and holds the file beside this one
//! against it. A case file is compared with it before it is read, because a schema knows what a deserialiser does not: what a key is for and
//! what would be right instead. Keys and types are checked here, meanings later.

#[cfg(test)]
mod made;

use super::source::{Text, quoted};
use crate::ground::error::Error;
use crate::ground::text::terminal;
use serde_json::Value as Json;
use std::fmt;
use std::ops::Range;
use std::sync::LazyLock;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// The JSON schema of a case file. Dates and times of TOML stand as strings.
pub const SCHEMA: &str = include_str!("form.json");

/// Compares a file with the schema.
///
/// # Errors
/// The first thing in the file that is not in the schema, or not as it says.
pub(super) fn check(text: &Text, root: &Spanned<DeTable<'_>>) -> Result<(), Error> {
    static FORM: LazyLock<serde_json::Result<Json>> =
        LazyLock::new(|| serde_json::from_str(SCHEMA));
    let form = FORM
        .as_ref()
        .map_err(|error| Error::at("form of case files", error.to_string()))?;
    let mut check = Check {
        text,
        whole: form,
        first: None,
    };
    check.table(form, root.get_ref(), &root.span(), "");
    check.first.map_or(Ok(()), |(_, error)| Err(error))
}

struct Check<'a> {
    text: &'a Text,
    whole: &'a Json,
    /// The problem that comes first in the file: keys are not walked in its order.
    first: Option<(usize, Error)>,
}

impl<'a> Check<'a> {
    fn problem(&mut self, span: &Range<usize>, what: String, advice: String) {
        if self.first.as_ref().is_none_or(|(at, _)| span.start < *at) {
            let error = self.text.error(span, what).advise(advice);
            self.first = Some((span.start, error));
        }
    }

    /// The definition behind a reference; examples beside the reference are for the key and stay there.
    fn definition(&self, schema: &'a Json) -> &'a Json {
        schema["$ref"]
            .as_str()
            .and_then(|name| self.whole.pointer(name.strip_prefix('#')?))
            .unwrap_or(schema)
    }

    fn table(&mut self, schema: &'a Json, table: &DeTable<'_>, span: &Range<usize>, path: &str) {
        let schema = self.definition(schema);
        let known = schema["properties"].as_object();
        for (key, value) in table {
            let name = key.get_ref().as_ref();
            let inner = if path.is_empty() {
                name.to_owned()
            } else {
                format!("{path}.{name}")
            };
            let shown = terminal(name);
            let subject = Subject::Key(&shown);
            match (
                known.and_then(|known| known.get(name)),
                &schema["additionalProperties"],
            ) {
                (Some(property), _) => self.value(property, value, &inner, subject),
                (None, Json::Bool(false)) => {
                    let what = format!("{} is no key of {}", quoted(name), self.header(path));
                    let advice = self.instead(name, schema);
                    self.problem(&key.span(), what, advice);
                }
                (None, Json::Object(_)) => {
                    self.value(&schema["additionalProperties"], value, &inner, subject);
                }
                // Passed on as it is, for those who know more.
                (None, _) => {}
            }
        }
        for name in schema["required"].as_array().into_iter().flatten() {
            let name = name.as_str().unwrap_or_default();
            if !table.contains_key(name) {
                let what = format!("{} has no '{name}'", self.header(path));
                let property = property(schema, name);
                let words = self.words(property);
                let advice = match example(property) {
                    Some(example) => format!("add it, such as {name} = {example}"),
                    None if words.is_empty() => format!("add '{name}'"),
                    None => format!("add it with one of: {}", words.join(", ")),
                };
                self.problem(span, what, advice);
            }
        }
    }

    /// The words that a schema allows; none if it allows all.
    fn words(&self, schema: &'a Json) -> Vec<&'a str> {
        let choices = self.definition(schema)["oneOf"].as_array();
        let choices = choices.into_iter().flatten();
        choices.filter_map(|c| c["const"].as_str()).collect()
    }

    fn value(
        &mut self,
        schema: &'a Json,
        value: &Spanned<DeValue<'_>>,
        path: &str,
        subject: Subject<'_>,
    ) {
        let definition = self.definition(schema);
        let choices: Vec<&Json> = match definition["anyOf"]
            .as_array()
            .or(definition["oneOf"].as_array())
        {
            Some(choices) => choices.iter().map(|c| self.definition(c)).collect(),
            None => vec![definition],
        };
        let fitting: Vec<&Json> = choices
            .iter()
            .copied()
            .filter(|choice| admits(choice, value.get_ref()))
            .collect();
        let fits = match fitting.as_slice() {
            [] => {
                let (what, advice) = self.mismatch(schema, &choices, value, path, subject);
                return self.problem(&value.span(), what, advice);
            }
            [one] => *one,
            several => {
                // Of several kinds of tables it is the one whose keys are there.
                let fits = several
                    .iter()
                    .find(|c| missing(c, value.get_ref()).is_empty());
                let Some(fits) = fits else {
                    let keys: Vec<&str> = several
                        .iter()
                        .flat_map(|choice| missing(choice, value.get_ref()))
                        .collect();
                    let what = format!("{subject} has none of: {}", keys.join(", "));
                    return self.problem(&value.span(), what, "write one of them".to_owned());
                };
                fits
            }
        };
        match value.get_ref() {
            DeValue::Table(table) => self.table(fits, table, &value.span(), path),
            DeValue::Integer(number) => {
                let radix = number.radix();
                let number = i128::from_str_radix(number.as_str(), radix).unwrap_or(i128::MAX);
                let (least, most) = range(fits);
                if number < least || number > most {
                    let what = format!("{subject} is out of range");
                    let advice = if most == i128::from(i64::MAX) {
                        format!("write {least} or more")
                    } else {
                        format!("write a number from {least} to {most}")
                    };
                    self.problem(&value.span(), what, advice);
                }
            }
            DeValue::Array(items) if items.is_empty() && fits["minItems"].is_u64() => {
                // What an empty list would mean is anybody's guess: everything, or nothing.
                let what = format!("{subject} is empty");
                let example = example(schema).unwrap_or_default();
                let advice = format!("leave it out, or fill it: {subject} = {example}");
                self.problem(&value.span(), what, advice);
            }
            DeValue::Array(items) if fits["items"].is_object() => {
                for item in items {
                    self.value(&fits["items"], item, path, subject.item());
                }
            }
            DeValue::String(word) => {
                let words = self.words(schema);
                if !words.is_empty() && !words.contains(&word.as_ref()) {
                    let what = format!("{subject} cannot be {}", quoted(word));
                    let advice = meant(word, &words)
                        .unwrap_or_else(|| format!("use one of: {}", words.join(", ")));
                    self.problem(&value.span(), what, advice);
                }
            }
            _ => {}
        }
    }

    /// What is wrong with a value's type, and what to write instead.
    fn mismatch(
        &self,
        schema: &Json,
        choices: &[&Json],
        value: &Spanned<DeValue<'_>>,
        path: &str,
        subject: Subject<'_>,
    ) -> (String, String) {
        let (Subject::Key(key) | Subject::Item(key)) = subject;
        let written = self.text.written(&value.span());
        let mut wanted: Vec<&str> = choices.iter().map(|c| self.noun(c)).collect();
        wanted.dedup();
        let wants = |noun: &str| wanted.contains(&noun);
        let found = found(value.get_ref());
        let what = format!("{subject} is {found}, not {}", wanted.join(" or "));
        // The span of an array of tables is its first header.
        let tables = value.get_ref().is_array() && written.starts_with("[[");
        let scalar = !matches!(value.get_ref(), DeValue::Array(_) | DeValue::Table(_));
        let advice = if wants(TABLES) {
            format!("write [[{path}]] above each")
        } else if wants(TABLE) && tables {
            format!("write [{path}] once")
        } else if wanted.iter().all(|noun| [STRING, TABLE].contains(noun))
            && wants(STRING)
            && scalar
            && !written.contains('\n')
        {
            format!("write it in quotes: \"{}\"", terminal(written))
        } else if wants(TABLE) {
            format!("write its keys under the header [{path}]")
        } else if wants(ARRAY) && scalar && !written.contains('\n') {
            format!("write it in brackets: {key} = [{}]", terminal(written))
        } else if wanted == [INTEGER] && found == STRING {
            "write digits without quotes".to_owned()
        } else if let Some(example) = example(schema) {
            format!("such as {key} = {example}")
        } else {
            format!("write {}", wanted.join(" or "))
        };
        (what, advice)
    }

    /// What a schema asks for, in the words of TOML.
    fn noun(&self, schema: &Json) -> &'static str {
        match schema["type"].as_str() {
            Some("string") => match schema["format"].as_str() {
                Some("date") => "a date",
                Some("date-time") => "a time",
                _ => STRING,
            },
            Some("integer") => INTEGER,
            Some("number") => "a number",
            Some("boolean") => "true or false",
            Some("array") => {
                let items = schema.pointer("/items/$ref").and_then(Json::as_str);
                let items = items.and_then(|name| self.whole.pointer(name.strip_prefix('#')?));
                if items.is_some_and(|items| items["type"] == "object") {
                    TABLES
                } else {
                    ARRAY
                }
            }
            Some("object") => TABLE,
            _ => "another value",
        }
    }

    /// The header under which a table's keys stand.
    fn header(&self, path: &str) -> String {
        if path.is_empty() {
            return "the case file".to_owned();
        }
        let mut schema = self.whole;
        for name in path.split('.') {
            let inside = self.definition(schema);
            let inside = if inside["type"] == "array" {
                self.definition(&inside["items"])
            } else {
                inside
            };
            schema = property(inside, name);
        }
        if self.definition(schema)["type"] == "array" {
            format!("[[{path}]]")
        } else {
            format!("[{path}]")
        }
    }

    /// What to write instead of a key that is not known.
    fn instead(&self, name: &str, schema: &Json) -> String {
        let keys = |schema: &Json| -> Vec<String> {
            let properties = schema["properties"].as_object();
            properties
                .map(|p| p.keys().cloned().collect())
                .unwrap_or_default()
        };
        let known = keys(schema);
        let known: Vec<&str> = known.iter().map(String::as_str).collect();
        if let Some(meant) = meant(name, &known) {
            return meant;
        }
        let top = property(self.whole, name);
        if top.is_object() {
            return match self.noun(self.definition(top)) {
                TABLE => format!("write [{name}] on its own"),
                TABLES => format!("write [[{name}]] on its own"),
                // TOML counts every key behind a header to that header.
                _ => format!("put {name} above the first [header]"),
            };
        }
        format!("use one of: {}", known.join(", "))
    }
}

/// What a problem is about, by the key that stands there, safe to show.
#[derive(Clone, Copy)]
enum Subject<'k> {
    /// The value of a key.
    Key(&'k str),
    /// One of the items of its array.
    Item(&'k str),
}

impl Subject<'_> {
    fn item(self) -> Self {
        match self {
            Self::Key(key) | Self::Item(key) => Subject::Item(key),
        }
    }
}

impl fmt::Display for Subject<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(key) => f.write_str(key),
            Self::Item(key) => write!(f, "an item of {key}"),
        }
    }
}

const STRING: &str = "a string";
const INTEGER: &str = "an integer";
const ARRAY: &str = "an array";
const TABLE: &str = "a table";
const TABLES: &str = "an array of tables";

/// Whether a schema allows a value of this type. One that names no type allows all.
fn admits(schema: &Json, value: &DeValue<'_>) -> bool {
    let Some(kind) = schema["type"]
        .as_str()
        .or(schema["const"].as_str().map(|_| "string"))
    else {
        return true;
    };
    match value {
        DeValue::String(_) => kind == "string",
        DeValue::Integer(_) => matches!(kind, "integer" | "number"),
        DeValue::Float(_) => kind == "number",
        DeValue::Boolean(_) => kind == "boolean",
        // A date or time of TOML stands for its text.
        DeValue::Datetime(_) => schema["format"]
            .as_str()
            .is_some_and(|format| format.starts_with("date")),
        DeValue::Array(_) => kind == "array",
        DeValue::Table(_) => kind == "object",
    }
}

/// The keys that a schema wants and a table does not have; none of all else.
fn missing<'s>(schema: &'s Json, value: &DeValue<'_>) -> Vec<&'s str> {
    let wanted = schema["required"].as_array().into_iter().flatten();
    let table = value.as_table();
    wanted
        .filter_map(Json::as_str)
        .filter(|name| table.is_some_and(|table| !table.contains_key(*name)))
        .collect()
}

/// The integers that a schema allows; TOML has those of 64 bits.
fn range(schema: &Json) -> (i128, i128) {
    let least = schema["minimum"].as_i64().unwrap_or(i64::MIN);
    let most = schema["maximum"].as_i64().unwrap_or(i64::MAX);
    (least.into(), most.into())
}

fn found(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => STRING,
        DeValue::Integer(_) => INTEGER,
        DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date or time",
        DeValue::Array(_) => ARRAY,
        DeValue::Table(_) => TABLE,
    }
}

/// What a schema says of a key; null if nothing.
fn property<'a>(schema: &'a Json, name: &str) -> &'a Json {
    static NOTHING: Json = Json::Null;
    let known = schema["properties"].as_object();
    known.and_then(|known| known.get(name)).unwrap_or(&NOTHING)
}

/// A key's example as it would be written. JSON's strings, numbers and arrays are TOML's as well.
fn example(schema: &Json) -> Option<String> {
    Some(schema["examples"].get(0)?.to_string())
}

/// The nearest of the known words, if one is near enough to be meant.
pub(super) fn meant(word: &str, known: &[&str]) -> Option<String> {
    nearest(word, known).map(|near| format!("did you mean '{near}'?"))
}

/// The nearest of the known words: equal but for case and separators, or few letters different.
fn nearest<'k>(word: &str, known: &[&'k str]) -> Option<&'k str> {
    /// A longer word is nobody's typing error, and comparing takes the product of the lengths.
    const WORD_MAX: usize = 64;
    if word.len() > WORD_MAX {
        return None;
    }
    let plain = |text: &str| text.to_lowercase().replace(['-', ' '], "_");
    let word = plain(word);
    let limit = (word.chars().count() / 3).clamp(1, 3);
    known
        .iter()
        .map(|near| (strsim::osa_distance(&word, &plain(near)), *near))
        .filter(|(distance, _)| *distance <= limit)
        .min()
        .map(|(_, near)| near)
}
