//! What the schema says where a derived one would not do.

use super::{Claim, Day, Size, Time};
use crate::judge::case::source::Spot;
use crate::judge::claim::definition::Definition;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Value as Json, json};
use std::borrow::Cow;

/// The place is no part of the form.
impl<T: JsonSchema> JsonSchema for Spot<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }

    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }

    fn schema_id() -> Cow<'static, str> {
        T::schema_id()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}

/// The keys are those of the grammar, so that they are defined once; but a claim that ships is only
/// named here, and `preset` chooses one of its wordings instead of defining them.
impl JsonSchema for Claim {
    fn schema_name() -> Cow<'static, str> {
        "Claim".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut schema = Definition::json_schema(generator);
        schema.insert("required".to_owned(), json!(["id"]));
        schema.insert(
            "description".to_owned(),
            json!(
                "A claim to judge: one that ships, by its id, perhaps in another wording or with other parameters; or a new one with `statement`, `source` and rules."
            ),
        );
        if let Some(keys) = schema.get_mut("properties").and_then(Json::as_object_mut) {
            let key = |text: &str, example: &str| json!({ "type": "string", "description": text, "examples": [example] });
            for (name, text, example) in [
                (
                    "id",
                    "Id of a claim that ships, or the id of the new one.",
                    "local-data-mode",
                ),
                (
                    "preset",
                    "The wording that is tested, where a claim that ships has several.",
                    "strict-2017",
                ),
                (
                    "statement",
                    "The sentence that is tested, as it was said; makes it a new claim.",
                    "The app uploads no flight logs.",
                ),
                (
                    "source",
                    "Who said it, where and when; of a new claim.",
                    "Vendor's privacy page, 2 May 2025",
                ),
            ] {
                keys.insert(name.to_owned(), key(text, example));
            }
        }
        schema
    }
}

impl JsonSchema for Time {
    fn schema_name() -> Cow<'static, str> {
        "Time".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A time with its zone (RFC 3339), or `+LENGTH` after the first packet of the session: seconds, or with a unit (`ms`, `s`, `m`, `h`).",
            "anyOf": [
                { "type": "string", "format": "date-time" },
                { "type": "string", "pattern": "^\\+[0-9]+(\\.[0-9]{1,9})?(ms|s|m|h)?$" },
            ],
        })
    }
}

impl JsonSchema for Day {
    fn schema_name() -> Cow<'static, str> {
        "Day".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A day, YYYY-MM-DD.",
            "type": "string",
            "format": "date",
        })
    }
}

impl JsonSchema for Size {
    fn schema_name() -> Cow<'static, str> {
        "Size".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "Bytes, or a whole number with one of the units B, kB, MB, GB, KiB, MiB, GiB.",
            "anyOf": [
                { "type": "integer", "minimum": 0 },
                { "type": "string", "pattern": "^[0-9]+ ?(B|kB|MB|GB|KiB|MiB|GiB)$" },
            ],
        })
    }
}
