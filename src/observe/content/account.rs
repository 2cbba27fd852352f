//! Names of persons and accounts, under names that say so.
//!
//! Some fields hold a person's name in one program and a device's, a file's or a product's in another (`displayName`): there the
//! value must look like a person's, and nothing near it may speak of a thing.

use super::text::{Field, Text};
use super::{Detector, Found};
use crate::evidence::content::Kind;

pub(super) const DETECTOR: Detector = Detector {
    kind: Kind::Name,
    keys: &[
        "*realname",
        "*firstname",
        "*lastname",
        "*surname",
        "*givenname",
        "*familyname",
        "middlename",
        "maidenname",
        "*fullname",
        "legalname",
        "*nickname",
        "pilotname",
        "contactname",
        "customername",
        "operatorname",
        "ownername",
        "holdername",
        "cardholder",
        "cardholdername",
        "recipientname",
        "*username",
        "*loginname",
        "screenname",
        "vorname",
        "nachname",
        // Of a person or of a thing.
        "*displayname",
        "pilot",
        "customer",
        "recipient",
        "cn",
    ],
    find,
};

/// Fields whose values are as often no person's.
const UNSURE: &[&str] = &["displayname", "pilot", "customer", "recipient", "cn"];

/// Words that are in names of things, and in no person's.
const THINGS: &[&str] = &[
    "air",
    "aircraft",
    "album",
    "android",
    "app",
    "avata",
    "back",
    "battery",
    "beta",
    "camera",
    "cam",
    "car",
    "center",
    "channel",
    "controller",
    "default",
    "desktop",
    "device",
    "dji",
    "dock",
    "door",
    "drone",
    "evo",
    "file",
    "fleet",
    "flight",
    "folder",
    "front",
    "galaxy",
    "garage",
    "gimbal",
    "gps",
    "group",
    "home",
    "house",
    "huawei",
    "image",
    "inspire",
    "ipad",
    "iphone",
    "kitchen",
    "lens",
    "living",
    "log",
    "main",
    "map",
    "matrice",
    "mavic",
    "mini",
    "mission",
    "mode",
    "my",
    "neo",
    "new",
    "office",
    "osmo",
    "phantom",
    "phone",
    "photo",
    "pixel",
    "plan",
    "player",
    "plus",
    "pro",
    "product",
    "project",
    "radio",
    "rear",
    "redmi",
    "remote",
    "room",
    "route",
    "samsung",
    "screen",
    "sensor",
    "server",
    "settings",
    "site",
    "smart",
    "spark",
    "speaker",
    "station",
    "studio",
    "system",
    "tablet",
    "task",
    "team",
    "tello",
    "test",
    "the",
    "tv",
    "ultra",
    "unit",
    "user",
    "video",
    "view",
    "watch",
    "waypoint",
    "wide",
    "wifi",
    "workspace",
    "xiaomi",
    "zone",
    "zoom",
];

/// What stands in front of a thing's name: the object or the field that it belongs to.
const OWNERS: &[&str] = &[
    "device",
    "product",
    "file",
    "camera",
    "model",
    "aircraft",
    "drone",
    "album",
    "folder",
    "layer",
    "group",
    "channel",
    "printer",
    "package",
    "application",
    "place",
];

/// What programs write where no name is known.
const NOBODY: &[&str] = &[
    "admin",
    "administrator",
    "anonymous",
    "default",
    "false",
    "guest",
    "nil",
    "nobody",
    "none",
    "null",
    "password",
    "root",
    "string",
    "system",
    "test",
    "true",
    "undefined",
    "unknown",
    "user",
    "username",
];

fn find(text: &Text<'_>, out: &mut Vec<Found>) {
    for field in text.fields(Kind::Name) {
        let Some(value) = field.text() else { continue };
        // Spaces of a form.
        let spaced = value.replace('+', " ");
        let unsure = UNSURE.iter().any(|ending| field.name().ends_with(ending));
        if is_name(&spaced) && (!unsure || is_person(text, field, &spaced)) {
            out.push(Found::of(Kind::Name, field, value));
        }
    }
}

/// Two to four words with a capital each, or a few Chinese, Japanese or Korean characters, and no word of a thing in it or before.
fn is_person(text: &Text<'_>, field: &Field<'_>, value: &str) -> bool {
    /// The object around a field begins this close before it.
    const NEAR: usize = 64;
    let ideographic = |c: char| matches!(c, '\u{3400}'..='\u{9fff}' | '\u{ac00}'..='\u{d7af}');
    let short = (2..=4).contains(&value.chars().count()) && value.chars().all(ideographic);
    let words: Vec<&str> = value.split_whitespace().collect();
    let capital = |word: &&str| {
        let mut letters = word.chars();
        letters.next().is_some_and(char::is_uppercase)
            && letters.all(|c| c.is_alphabetic() || matches!(c, '.' | '-' | '\''))
            && !THINGS.contains(&word.to_lowercase().as_str())
    };
    // A name in capitals alone is a title.
    let lower = value.chars().any(char::is_lowercase);
    let named = lower && (2..=4).contains(&words.len()) && words.iter().all(capital);
    let before = text.around(field.at, NEAR, 0);
    (short || named) && !OWNERS.iter().any(|owner| before.contains(owner))
}

fn is_name(value: &str) -> bool {
    let length = value.chars().count();
    let letters = value.chars().filter(|c| c.is_alphabetic()).count();
    (2..=64).contains(&length)
        && letters >= 2
        // Long ones without a space are ids.
        && (length <= 24 || value.contains(' '))
        // Addresses have a detector of their own; braces and dollars are templates.
        && !value.contains(['@', '{', '}', '$', '/', ':', '='])
        && !NOBODY.contains(&value.to_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::content::found_by;

    #[test]
    fn names_under_their_names() {
        for value in ["Max Mustermann", "李雷", "jo_1987"] {
            assert_eq!(
                found_by(&DETECTOR, &format!(r#"{{"nickname":"{value}"}}"#)),
                [value]
            );
        }
        for (text, found) in [
            (r#"{"displayName":"Erika Mustermann"}"#, true),
            (r#"{"user":{"display_name":"李雷"}}"#, true),
            ("pilot=Erika+Mustermann", true),
            (r#"{"displayName":"Mavic 3 Pro"}"#, false),
            (r#"{"displayName":"Main Camera"}"#, false),
            (r#"{"device":{"id":7,"displayName":"Erikas Auge"}}"#, false),
            (r#"{"displayName":"flight_0042.srt"}"#, false),
            (r#"{"name":"Erika Mustermann"}"#, false),
        ] {
            assert_eq!(!found_by(&DETECTOR, text).is_empty(), found, "{text}");
        }
        for value in ["null", "Guest", "a@b.example", "${user}", "12345678", "x"] {
            assert_eq!(
                found_by(&DETECTOR, &format!(r#"{{"nickname":"{value}"}}"#)),
                [""; 0],
                "{value}"
            );
        }
    }
}
