//! Names of persons and accounts, under names that say so.

use super::text::Text;
use super::{Detector, Found, Kind, mask};

pub(super) const DETECTOR: Detector = Detector {
    kind: Kind::Name,
    keys: &[
        "realname",
        "firstname",
        "lastname",
        "surname",
        "givenname",
        "familyname",
        "fullname",
        "nickname",
        "pilotname",
        "contactname",
        "username",
        "loginname",
    ],
    find,
};

/// What programs write where no name is known.
const NOBODY: &[&str] = &[
    "anonymous",
    "default",
    "false",
    "guest",
    "nil",
    "nobody",
    "none",
    "null",
    "string",
    "true",
    "undefined",
    "unknown",
    "user",
];

fn find(text: &Text<'_>, out: &mut Vec<Found>) {
    for field in text.fields(Kind::Name) {
        let Some(value) = field.text() else { continue };
        if is_name(value) {
            out.push(Found {
                kind: Kind::Name,
                at: field.at,
                end: field.end(),
                plain: value.to_owned(),
                masked: mask::ends(value),
            });
        }
    }
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
    use crate::personal::found_by;

    #[test]
    fn names_under_their_names() {
        for value in ["Max Mustermann", "李雷", "jo_1987"] {
            assert_eq!(
                found_by(&DETECTOR, &format!(r#"{{"nickname":"{value}"}}"#)),
                [value]
            );
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
