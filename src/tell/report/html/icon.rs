//! Icons for verdicts and attributions: a shape each, so that colour is never needed.
//!
//! Against: an octagon with a cross. Open: a triangle with a question mark. For: a circle with two
//! level lines, the sign for "agrees with"; a tick would say that something was passed. Aside: a
//! hollow circle.

use super::markup::Page;
use crate::tell::report::words::Sense;
use std::io;

impl Sense {
    /// Class of the style.
    pub(super) fn class(self) -> &'static str {
        match self {
            Self::Against => "against",
            Self::Open => "open",
            Self::For => "for",
            Self::Aside => "aside",
        }
    }
}

/// Outline and sign of each, on a field of 24 by 24.
fn shape(sense: Sense) -> (&'static str, &'static str) {
    match sense {
        Sense::Against => (
            "M8 1.5h8L22.5 8v8L16 22.5H8L1.5 16V8z",
            "M8 8l8 8M16 8l-8 8",
        ),
        Sense::Open => (
            "M12 1.5L23 22H1z",
            "M9.2 11.2a2.8 2.3 0 1 1 3.9 2.2q-1.1.5-1.1 1.9M12 18.3v1",
        ),
        Sense::For => (
            "M12 1.5a10.5 10.5 0 1 1 0 21a10.5 10.5 0 1 1 0-21z",
            "M7 9.5h10M7 14.5h10",
        ),
        Sense::Aside => ("M12 4a8 8 0 1 1 0 16a8 8 0 1 1 0-16z", ""),
    }
}

/// Draws the icon. The word beside it says the same, so it is hidden from screen readers.
pub(super) fn icon(page: &mut Page<'_>, sense: Sense) -> io::Result<()> {
    let (outline, sign) = shape(sense);
    let class = format!("icon {}", sense.class());
    let attributes = [
        ("class", class.as_str()),
        ("viewBox", "0 0 24 24"),
        ("aria-hidden", "true"),
        ("focusable", "false"),
    ];
    page.tag("svg", &attributes, |page| {
        page.leaf("path", &[("class", "shape"), ("d", outline)], "")?;
        match sign {
            "" => Ok(()),
            sign => page.leaf("path", &[("class", "sign"), ("d", sign)], ""),
        }
    })
}

/// A word with its icon.
pub(super) fn chip(page: &mut Page<'_>, sense: Sense, word: &str) -> io::Result<()> {
    let class = format!("chip {}", sense.class());
    page.tag("span", &[("class", &class)], |page| {
        icon(page, sense)?;
        page.text(word)
    })
}

/// The outline alone, for marks in a drawing.
pub(super) fn outline(sense: Sense) -> &'static str {
    shape(sense).0
}
