//! A checker of JSON Schema for the keywords that the schemas at hand use (drafts 4 to 2020-12).
//! A keyword that it does not know is a failure, so that nothing of a schema goes unchecked.

use serde_json::Value;

/// Checks a value and panics at the first thing that is wrong.
pub(super) fn check(schema: &Value, value: &Value) {
    if let Err(wrong) = walk(schema, schema, value, "$") {
        panic!("{wrong}");
    }
}

/// Says whether a value holds.
pub(super) fn holds(schema: &Value, value: &Value) -> bool {
    walk(schema, schema, value, "$").is_ok()
}

fn walk(whole: &Value, schema: &Value, value: &Value, at: &str) -> Result<(), String> {
    let keywords = match schema {
        Value::Bool(true) => return Ok(()),
        Value::Bool(false) => return Err(format!("{at}: nothing is allowed here")),
        other => other.as_object().expect("a schema"),
    };
    let wrong = |what: String| Err(format!("{at}: {what}: {value}"));
    for (keyword, says) in keywords {
        let list = || says.as_array().expect("a list");
        let holds = |schema: &&Value| walk(whole, schema, value, at).is_ok();
        let ok = match keyword.as_str() {
            "$schema" | "$id" | "id" | "title" | "description" | "default" | "examples"
            | "definitions" | "$defs" => true,
            "$ref" => {
                let pointer = says.as_str().unwrap().strip_prefix('#').expect("inside");
                walk(whole, whole.pointer(pointer).expect("defined"), value, at)?;
                true
            }
            "type" => match says {
                Value::Array(any) => any.iter().any(|one| is_a(one, value)),
                one => is_a(one, value),
            },
            "enum" => list().contains(value),
            "const" => says == value,
            "anyOf" => list().iter().any(|one| holds(&one)),
            "oneOf" => list().iter().filter(holds).count() == 1,
            "allOf" => {
                list()
                    .iter()
                    .try_for_each(|one| walk(whole, one, value, at))?;
                true
            }
            "properties" => {
                for (name, schema) in says.as_object().unwrap() {
                    if let Some(field) = value.get(name) {
                        walk(whole, schema, field, &format!("{at}.{name}"))?;
                    }
                }
                true
            }
            "required" => match value.as_object() {
                Some(fields) => list()
                    .iter()
                    .all(|name| fields.contains_key(name.as_str().unwrap())),
                None => true,
            },
            "additionalProperties" => {
                let named = schema["properties"].as_object();
                for (name, field) in value.as_object().into_iter().flatten() {
                    if !named.is_some_and(|named| named.contains_key(name)) {
                        walk(whole, says, field, &format!("{at}.{name}"))?;
                    }
                }
                true
            }
            "items" => {
                for (index, item) in value.as_array().into_iter().flatten().enumerate() {
                    walk(whole, says, item, &format!("{at}[{index}]"))?;
                }
                true
            }
            "minItems" => value
                .as_array()
                .is_none_or(|v| v.len() as u64 >= says.as_u64().unwrap()),
            "uniqueItems" => match value.as_array() {
                Some(items) if says == &Value::Bool(true) => {
                    let repeated = |(index, item)| items[..index].contains(item);
                    !items.iter().enumerate().any(repeated)
                }
                _ => true,
            },
            "minimum" => value.as_f64().is_none_or(|v| v >= says.as_f64().unwrap()),
            "maximum" => value.as_f64().is_none_or(|v| v <= says.as_f64().unwrap()),
            "pattern" => value
                .as_str()
                .is_none_or(|v| matches(says.as_str().unwrap(), v)),
            "format" => value
                .as_str()
                .is_none_or(|v| formatted(says.as_str().unwrap(), v)),
            other => panic!("{at}: the keyword {other} is not known"),
        };
        if !ok {
            return wrong(format!("{keyword} {says}"));
        }
    }
    Ok(())
}

fn is_a(kind: &Value, value: &Value) -> bool {
    match kind.as_str().expect("a type") {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("the type {other} is not known"),
    }
}

/// The patterns of the SARIF schema that values of ours meet.
fn matches(pattern: &str, text: &str) -> bool {
    match pattern {
        "[^/]+/.+" => text
            .split_once('/')
            .is_some_and(|(a, b)| !a.is_empty() && !b.is_empty()),
        other => panic!("the pattern {other} is not known"),
    }
}

/// RFC 3986 and RFC 3339 as far as ASCII and structure go.
fn formatted(format: &str, text: &str) -> bool {
    let uri = |text: &str| {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&'()*+,;=%".contains(&b);
        text.bytes().all(allowed)
            && text.split('%').skip(1).all(|hex| {
                hex.get(..2)
                    .is_some_and(|hex| u8::from_str_radix(hex, 16).is_ok())
            })
    };
    match format {
        "uri" => uri(text) && text.contains(':'),
        // A first segment with a colon would be a scheme.
        "uri-reference" => uri(text) && !text.split('/').next().unwrap().contains(':'),
        "date-time" => text.parse::<jiff::Timestamp>().is_ok(),
        "uint8" | "uint16" | "uint32" | "uint64" | "double" => panic!("a number: {text}"),
        other => panic!("the format {other} is not known"),
    }
}

#[test]
fn the_checker_refuses() {
    use serde_json::json;
    let schema = json!({
        "type": "object",
        "required": ["a"],
        "additionalProperties": false,
        "properties": {
            "a": { "$ref": "#/definitions/count" },
            "b": { "type": "array", "uniqueItems": true, "items": { "enum": ["x", "y"] } },
            "c": { "format": "uri-reference" },
            "d": { "oneOf": [{ "type": "null" }, { "type": "string" }] },
        },
        "definitions": { "count": { "type": "integer", "minimum": 1 } },
    });
    assert!(holds(
        &schema,
        &json!({ "a": 1, "b": ["x", "y"], "c": "a%20b", "d": null })
    ));
    for bad in [
        json!([]),
        json!({}),
        json!({ "a": 0 }),
        json!({ "a": 1.5 }),
        json!({ "a": 1, "e": 1 }),
        json!({ "a": 1, "b": ["x", "x"] }),
        json!({ "a": 1, "b": ["z"] }),
        json!({ "a": 1, "c": "a b" }),
        json!({ "a": 1, "c": "a:b" }),
        json!({ "a": 1, "c": "%zz" }),
        json!({ "a": 1, "d": 1 }),
    ] {
        assert!(!holds(&schema, &bad), "{bad}");
    }
}
