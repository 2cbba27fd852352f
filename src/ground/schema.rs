//! JSON schemas (draft 2020-12) are made by the tests, from the structures that are read and written, and lie in the tree
//! beside these: the program prints files, and a build needs none of what makes them.

use super::vocabulary::{Open, Vocabulary};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use std::borrow::Cow;
use std::path::Path;
use std::{env, fs};

/// Set, files that differ are written anew.
const UPDATE: &str = "UPDATE_SCHEMAS";

/// A schema as it is published, with the name that others refer to it by (JSON Schema 2020-12, section 8.2.1): an URN, as
/// nothing is to be fetched.
pub(crate) fn published(what: &str, mut schema: Schema) -> String {
    let id = format!("urn:drone-audit:schema:{what}:v1");
    schema.insert("$id".to_owned(), id.into());
    let mut text = serde_json::to_string_pretty(&schema).unwrap();
    text.push('\n');
    text
}

/// Holds a file of the tree against what the structures make now.
#[track_caller]
pub(crate) fn held(file: &str, made: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    if fs::read_to_string(&path).is_ok_and(|lies| lies == made) {
        return;
    }
    assert!(
        env::var_os(UPDATE).is_some(),
        "{file} is not what the structures say now: run {UPDATE}=1 cargo test --lib schema"
    );
    fs::write(&path, made).unwrap();
}

/// The schema of a closed list.
pub(crate) fn words<V: Vocabulary>() -> Schema {
    let words: Vec<&str> = V::EVERY.iter().map(|one| one.word()).collect();
    json_schema!({ "type": "string", "enum": words })
}

impl<V: Vocabulary> JsonSchema for Open<V> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        V::NOUN.into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let words: Vec<&str> = V::EVERY.iter().map(|one| one.word()).collect();
        json_schema!({ "type": "string", "examples": words })
    }
}
