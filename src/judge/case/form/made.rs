//! The schema of a case file, made from the structures that are read.

use crate::ground::schema::{held, published};
use crate::judge::case::raw;
use schemars::Schema;
use schemars::generate::SchemaSettings;
use schemars::transform::{Transform, transform_subschemas};
use serde_json::Value as Json;

/// The schema of what is read.
fn made() -> Schema {
    let mut schema = SchemaSettings::draft2020_12()
        .for_deserialize()
        .with_transform(NoNull)
        .into_generator()
        .into_root_schema_for::<raw::Case>();
    if let Some(definitions) = schema.get_mut("$defs").and_then(Json::as_object_mut) {
        // Of the grammar of claims, and of no use here: a case file chooses wordings by name.
        definitions.remove("Preset");
    }
    schema
}

/// TOML has no null: what may be missing is left out.
#[derive(Debug, Clone)]
struct NoNull;

impl Transform for NoNull {
    fn transform(&mut self, schema: &mut Schema) {
        if let Some(Json::Array(kinds)) = schema.get_mut("type") {
            kinds.retain(|kind| kind != "null");
            if let [kind] = kinds.as_slice() {
                let kind = kind.clone();
                schema.insert("type".to_owned(), kind);
            }
        }
        if let Some(Json::Array(choices)) = schema.get_mut("anyOf") {
            choices.retain(|choice| choice["type"] != "null");
            if let [Json::Object(choice)] = choices.as_slice() {
                let choice = choice.clone();
                schema.remove("anyOf");
                for (key, value) in choice {
                    schema.insert(key, value);
                }
            }
        }
        // A missing value is missing, and not null.
        if schema.get("default").is_some_and(Json::is_null) {
            schema.remove("default");
        }
        transform_subschemas(self, schema);
    }
}

#[test]
fn the_schema_is_that_of_what_is_read() {
    held("src/judge/case/form.json", &published("case", made()));
}
