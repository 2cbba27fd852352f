//! Tags that close themselves, and the one way for text to reach the page.
//!
//! The page is a tree by construction: a tag is written around what a closure writes. Text and
//! attribute values pass [`escape`], which first makes visible what a reader would not see
//! (control characters, bidirectional marks; see [`crate::ground::text`]) and then what HTML would
//! read as markup. Every run of letters that is written from right to left is isolated, so that it
//! cannot reorder what stands beside it (HTML Living Standard, `bdi`).
//!
//! Not `maud` or another template: text has to be made visible and isolated before it is escaped, wherever it stands, and the
//! page is written as it is made, as one with ten thousand destinations is larger than what drew it.

use crate::ground::text;
use crate::tell::report::moments;
use std::borrow::Cow;
use std::io::{self, Write};

/// An attribute: name and value before escaping.
pub(in crate::tell) type Attribute<'a> = (&'a str, &'a str);

/// Tags behind which a line ends, so that the source of the page can be read and compared.
const BLOCKS: [&str; 30] = [
    "article",
    "body",
    "caption",
    "dd",
    "details",
    "div",
    "dl",
    "dt",
    "figcaption",
    "figure",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "head",
    "header",
    "html",
    "li",
    "main",
    "nav",
    "p",
    "section",
    "summary",
    "table",
    "title",
    "tr",
    "ul",
    "ol",
];

/// Text that HTML shows as it is, in an element and in a quoted attribute alike.
pub(in crate::tell) fn escape(text: &str) -> Cow<'_, str> {
    let visible = text::terminal(text);
    let special = |c: char| matches!(c, '&' | '<' | '>' | '"' | '\'');
    if !visible.contains(special) {
        return visible;
    }
    let mut out = String::with_capacity(visible.len());
    for c in visible.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            _ => out.push(c),
        }
    }
    Cow::Owned(out)
}

/// True for the blocks of letters that are written from right to left (Unicode, Bidi_Class R and
/// AL, reserved code points of those blocks included).
fn runs_left(c: char) -> bool {
    matches!(
        u32::from(c),
        0x590..=0x8ff | 0xfb1d..=0xfdff | 0xfe70..=0xfeff | 0x10800..=0x10fff | 0x1e800..=0x1efff
    )
}

/// The page, tag by tag.
pub(in crate::tell) struct Page<'a> {
    out: &'a mut dyn Write,
}

impl<'a> Page<'a> {
    pub(in crate::tell) fn new(out: &'a mut dyn Write) -> Self {
        Self { out }
    }

    /// Markup of the program itself: never anything of a report.
    pub(in crate::tell) fn raw(&mut self, markup: &'static str) -> io::Result<()> {
        self.out.write_all(markup.as_bytes())
    }

    fn open(&mut self, name: &'static str, attributes: &[Attribute<'_>]) -> io::Result<()> {
        write!(self.out, "<{name}")?;
        for (key, value) in attributes {
            write!(self.out, " {key}=\"{}\"", escape(value))?;
        }
        self.out.write_all(b">")
    }

    fn end_line(&mut self, name: &str) -> io::Result<()> {
        if BLOCKS.contains(&name) {
            return self.out.write_all(b"\n");
        }
        Ok(())
    }

    /// An element and what is inside.
    pub(in crate::tell) fn tag(
        &mut self,
        name: &'static str,
        attributes: &[Attribute<'_>],
        inside: impl FnOnce(&mut Self) -> io::Result<()>,
    ) -> io::Result<()> {
        self.open(name, attributes)?;
        inside(self)?;
        write!(self.out, "</{name}>")?;
        self.end_line(name)
    }

    /// An element without an end (`meta`, `wbr`), of HTML only.
    pub(in crate::tell) fn void(
        &mut self,
        name: &'static str,
        attributes: &[Attribute<'_>],
    ) -> io::Result<()> {
        self.open(name, attributes)?;
        self.out.write_all(b"\n")
    }

    /// An element with nothing but text in it.
    pub(in crate::tell) fn leaf(
        &mut self,
        name: &'static str,
        attributes: &[Attribute<'_>],
        text: &str,
    ) -> io::Result<()> {
        self.open(name, attributes)?;
        // Titles and words of SVG hold no elements of HTML; the style isolates the latter.
        match name {
            "title" | "desc" | "text" | "tspan" => self.out.write_all(escape(text).as_bytes())?,
            _ => self.text(text)?,
        }
        write!(self.out, "</{name}>")?;
        self.end_line(name)
    }

    /// Text, wherever it comes from.
    pub(in crate::tell) fn text(&mut self, text: &str) -> io::Result<()> {
        let mut rest = text;
        while let Some(at) = rest.find(runs_left) {
            let (before, tail) = rest.split_at_checked(at).unwrap_or((rest, ""));
            let end = tail.find(|c| !runs_left(c)).unwrap_or(tail.len());
            let (run, tail) = tail.split_at_checked(end).unwrap_or((tail, ""));
            write!(self.out, "{}<bdi>{}</bdi>", escape(before), escape(run))?;
            rest = tail;
        }
        self.out.write_all(escape(rest).as_bytes())
    }

    /// A name, address, hash or filter: something to compare letter by letter. What is not
    /// visible ASCII is escaped, so that no Cyrillic letter passes for a Latin one.
    pub(in crate::tell) fn host(&mut self, name: &str) -> io::Result<()> {
        self.leaf("code", &[("class", "host")], &text::host(name))
    }

    /// Something to be copied as it is: one click selects it.
    pub(in crate::tell) fn code(&mut self, text: &str) -> io::Result<()> {
        self.leaf("code", &[], text)
    }

    /// A link out of the page, to an address of the program's own and never of a report's.
    pub(in crate::tell) fn outward(&mut self, to: &'static str, text: &str) -> io::Result<()> {
        self.leaf("a", &[("href", to), ("rel", "noreferrer")], text)
    }

    /// A heading of level 1 to 6.
    pub(in crate::tell) fn heading(
        &mut self,
        level: u8,
        id: Option<&str>,
        text: &str,
    ) -> io::Result<()> {
        let name = heading(level);
        match id {
            // A link to it moves the keyboard there too.
            Some(id) => self.leaf(name, &[("id", id), ("tabindex", "-1")], text),
            None => self.leaf(name, &[], text),
        }
    }

    /// An instant; it is not broken over lines.
    pub(in crate::tell) fn time(&mut self, time: Option<&str>) -> io::Result<()> {
        match time {
            Some(time) => self.leaf("time", &[("datetime", time)], &moments::moment(time)),
            None => self.text("time not recorded"),
        }
    }

    /// First to last, as far as known.
    pub(in crate::tell) fn span(
        &mut self,
        first: Option<&str>,
        last: Option<&str>,
    ) -> io::Result<()> {
        match (first, last) {
            (Some(first), Some(last)) => {
                self.leaf("span", &[("class", "span")], &moments::span(first, last))
            }
            _ => self.time(first.or(last)),
        }
    }

    /// A paragraph.
    pub(in crate::tell) fn p(&mut self, text: &str) -> io::Result<()> {
        self.leaf("p", &[], text)
    }

    /// Small print below something else.
    pub(in crate::tell) fn small(&mut self, text: &str) -> io::Result<()> {
        self.aside(|page| page.text(text))
    }

    /// Small print that is more than text.
    pub(in crate::tell) fn aside(
        &mut self,
        inside: impl FnOnce(&mut Self) -> io::Result<()>,
    ) -> io::Result<()> {
        self.tag("div", &[("class", "small")], inside)
    }

    /// A list of texts; nothing without any.
    pub(in crate::tell) fn list<T: AsRef<str>>(&mut self, items: &[T]) -> io::Result<()> {
        if items.is_empty() {
            return Ok(());
        }
        self.tag("ul", &[], |page| {
            items
                .iter()
                .try_for_each(|item| page.leaf("li", &[], item.as_ref()))
        })
    }

    /// A term and what is said of it, inside a `dl`.
    pub(in crate::tell) fn term(
        &mut self,
        term: &str,
        inside: impl FnOnce(&mut Self) -> io::Result<()>,
    ) -> io::Result<()> {
        self.tag("div", &[], |page| {
            page.leaf("dt", &[], term)?;
            page.tag("dd", &[], inside)
        })
    }

    /// A fold, shut. One of the class `rest` stays off paper.
    pub(in crate::tell) fn fold(
        &mut self,
        class: &str,
        summary: &str,
        inside: impl FnOnce(&mut Self) -> io::Result<()>,
    ) -> io::Result<()> {
        self.tag("details", &[("class", class)], |page| {
            page.leaf("summary", &[], summary)?;
            inside(page)
        })
    }

    /// A table with a caption and one row of column heads. Its roles are said, as a narrow
    /// window lays its cells below each other, which some browsers take for no table any more.
    pub(in crate::tell) fn table(
        &mut self,
        class: &str,
        caption: &str,
        heads: &[&str],
        rows: impl FnOnce(&mut Self) -> io::Result<()>,
    ) -> io::Result<()> {
        let attributes = [("class", class), ("role", "table")];
        self.tag("table", &attributes, |page| {
            page.leaf("caption", &[], caption)?;
            page.tag("thead", &[("role", "rowgroup")], |page| {
                page.row(&[], |page| {
                    heads.iter().try_for_each(|head| {
                        page.leaf("th", &[("scope", "col"), ("role", "columnheader")], head)
                    })
                })
            })?;
            page.tag("tbody", &[("role", "rowgroup")], rows)
        })
    }

    /// A row of a table.
    pub(in crate::tell) fn row(
        &mut self,
        attributes: &[Attribute<'_>],
        cells: impl FnOnce(&mut Self) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut all = vec![("role", "row")];
        all.extend_from_slice(attributes);
        self.tag("tr", &all, cells)
    }

    /// The cell that names a row.
    pub(in crate::tell) fn name(
        &mut self,
        inside: impl FnOnce(&mut Self) -> io::Result<()>,
    ) -> io::Result<()> {
        self.tag("th", &[("scope", "row"), ("role", "rowheader")], inside)
    }

    /// A cell.
    pub(in crate::tell) fn cell(
        &mut self,
        inside: impl FnOnce(&mut Self) -> io::Result<()>,
    ) -> io::Result<()> {
        self.tag("td", &[("role", "cell")], inside)
    }

    /// A cell with text.
    pub(in crate::tell) fn cell_text(&mut self, text: &str) -> io::Result<()> {
        self.leaf("td", &[("role", "cell")], text)
    }

    /// A bar as long as `part` of `most`. It repeats the number beside it.
    pub(in crate::tell) fn bar(&mut self, class: &str, part: u64, most: u64) -> io::Result<()> {
        let share = share(part, most);
        let attributes = [
            ("class", "bar"),
            ("aria-hidden", "true"),
            ("focusable", "false"),
        ];
        self.tag("svg", &attributes, |page| {
            page.leaf(
                "rect",
                &[("class", class), ("width", &share), ("height", "100%")],
                "",
            )
        })
    }
}

/// The tag of a heading.
pub(in crate::tell) fn heading(level: u8) -> &'static str {
    match level {
        0 | 1 => "h1",
        2 => "h2",
        3 => "h3",
        4 => "h4",
        5 => "h5",
        _ => "h6",
    }
}

/// `part` of `most` in percent with one digit, rounded down; something is never nothing.
fn share(part: u64, most: u64) -> String {
    let permille = u128::from(part)
        .saturating_mul(1000)
        .checked_div(u128::from(most))
        .unwrap_or(0)
        .max(u128::from(part > 0) * 5);
    format!("{}.{}%", permille / 10, permille % 10)
}
