//! Reads a page back, strictly: what HTML would forgive is an error here.

use std::collections::{BTreeMap, BTreeSet};

/// Elements without an end.
const VOID: [&str; 2] = ["meta", "br"];

/// What a page holds.
pub(super) struct Tree {
    /// Elements by name.
    pub(super) elements: BTreeMap<String, usize>,
    /// All text in the body, entities read.
    pub(super) text: String,
    /// Class and column heads of every table.
    pub(super) tables: Vec<(String, Vec<String>)>,
    ids: Vec<String>,
    /// What has to be the id of something.
    references: Vec<String>,
    headings: Vec<u8>,
    attributes: BTreeSet<String>,
    captions: usize,
}

fn unescape(text: &str) -> String {
    let named = [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&#39;", "'"),
        ("&amp;", "&"),
    ];
    let mut rest = text;
    let mut out = String::new();
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        let (entity, c) = named
            .iter()
            .find(|(entity, _)| rest[at..].starts_with(entity))
            .unwrap_or_else(|| panic!("a bare & in {text:?}"));
        out.push_str(c);
        rest = &rest[at + entity.len()..];
    }
    out + rest
}

impl Tree {
    pub(super) fn read(page: &str) -> Self {
        let mut tree = Self {
            elements: BTreeMap::new(),
            text: String::new(),
            tables: Vec::new(),
            ids: Vec::new(),
            references: Vec::new(),
            headings: Vec::new(),
            attributes: BTreeSet::new(),
            captions: 0,
        };
        let mut rest = page.strip_prefix("<!DOCTYPE html>\n").expect("a doctype");
        let mut open: Vec<String> = Vec::new();
        while let Some(at) = rest.find('<') {
            tree.text(&rest[..at], &open);
            rest = &rest[at + 1..];
            let end = rest.find('>').expect("a tag that ends");
            let inside = &rest[..end];
            rest = &rest[end + 1..];
            if let Some(name) = inside.strip_prefix('/') {
                assert_eq!(open.pop().as_deref(), Some(name), "tags that cross");
                continue;
            }
            let name = tree.tag(inside);
            match name.as_str() {
                void if VOID.contains(&void) => continue,
                // Raw text: it ends at its own end tag.
                "style" => {
                    let end = rest.find("</style>").expect("the end of the style");
                    assert!(!rest[..end].contains("</") && !rest[..end].contains("url("));
                    assert!(!rest[..end].contains("@import"));
                    rest = &rest[end..];
                }
                _ => {}
            }
            open.push(name);
        }
        assert!(open.is_empty(), "never closed: {open:?}");
        assert_eq!(rest.trim(), "");
        tree
    }

    fn text(&mut self, raw: &str, open: &[String]) {
        let text = unescape(raw);
        assert!(!raw.contains('>'), "a bare > in {raw:?}");
        if open.iter().any(|name| name == "thead") && open.last().is_some_and(|name| name == "th") {
            self.tables
                .last_mut()
                .expect("a table")
                .1
                .push(text.clone());
        }
        let turned = text.contains('\u{5d0}');
        let alone = ["bdi", "title", "desc", "text"];
        assert!(
            !turned || alone.contains(&open.last().unwrap().as_str()),
            "not isolated: {text:?}"
        );
        if open.iter().any(|name| name == "body") {
            self.text.push_str(&text);
        }
    }

    fn tag(&mut self, inside: &str) -> String {
        let (name, mut rest) = match inside.split_once(' ') {
            Some((name, rest)) => (name, rest),
            None => (inside, ""),
        };
        assert!(
            name.bytes().all(|b| b.is_ascii_alphanumeric()),
            "{inside:?}"
        );
        *self.elements.entry(name.to_owned()).or_default() += 1;
        let mut seen = BTreeMap::new();
        while !rest.is_empty() {
            let (key, tail) = rest.split_once("=\"").expect("a quoted value");
            let (value, tail) = tail.split_once('"').expect("the end of a value");
            assert!(
                key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'),
                "{inside:?}"
            );
            assert!(
                seen.insert(key.to_owned(), unescape(value)).is_none(),
                "{key} twice"
            );
            rest = tail.trim_start();
        }
        for (key, value) in &seen {
            self.attributes.insert(key.clone());
            match key.as_str() {
                "id" => self.ids.push(value.clone()),
                // What the licence of the address data asks for; no link of a report leads out.
                "href" if value == "https://db-ip.com" => {}
                "href" => self.references.push(
                    value
                        .strip_prefix('#')
                        .expect("a link into the page")
                        .to_owned(),
                ),
                "aria-labelledby" => self.references.extend(value.split(' ').map(str::to_owned)),
                "fill" => self.references.push(
                    value
                        .strip_prefix("url(#")
                        .and_then(|v| v.strip_suffix(')'))
                        .expect("a pattern of the page")
                        .to_owned(),
                ),
                _ => {}
            }
        }
        match (
            name,
            name.strip_prefix('h').and_then(|level| level.parse().ok()),
        ) {
            (_, Some(level)) => self.headings.push(level),
            ("table", _) => self.tables.push((seen["class"].clone(), Vec::new())),
            ("caption", _) => self.captions += 1,
            ("th", _) => assert!(seen.contains_key("scope")),
            ("svg", _) => assert!(
                seen.contains_key("aria-hidden")
                    || seen.contains_key("aria-labelledby")
                    || seen.contains_key("x"),
                "{inside}"
            ),
            _ => {}
        }
        name.to_owned()
    }

    /// Ids are unique, what refers to one finds it, headings skip no level, tables have captions.
    pub(super) fn check(&self) {
        let ids: BTreeSet<&String> = self.ids.iter().collect();
        assert_eq!(ids.len(), self.ids.len(), "an id twice");
        for to in &self.references {
            assert!(ids.contains(to), "nothing has the id {to}");
        }
        assert_eq!(self.headings.first(), Some(&1));
        assert_eq!(self.headings.iter().filter(|level| **level == 1).count(), 1);
        for pair in self.headings.windows(2) {
            assert!(
                pair[1] <= pair[0] + 1,
                "a level is skipped: {:?}",
                self.headings
            );
        }
        assert_eq!(self.captions, self.tables.len());
        for one in ["main", "header", "nav", "h1"] {
            assert_eq!(self.elements[one], 1, "{one}");
        }
    }

    /// Nothing that could make a browser fetch or run anything.
    pub(super) fn loads_nothing(&self) -> bool {
        let known = [
            "a",
            "article",
            "bdi",
            "blockquote",
            "body",
            "br",
            "caption",
            "circle",
            "code",
            "data",
            "dd",
            "defs",
            "desc",
            "details",
            "div",
            "dl",
            "dt",
            "figcaption",
            "figure",
            "g",
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
            "line",
            "main",
            "meta",
            "nav",
            "ol",
            "p",
            "path",
            "pattern",
            "rect",
            "section",
            "span",
            "strong",
            "style",
            "summary",
            "svg",
            "table",
            "tbody",
            "td",
            "text",
            "th",
            "thead",
            "time",
            "title",
            "tr",
            "tspan",
            "ul",
            "use",
        ];
        let never = [
            "src",
            "srcset",
            "style",
            "action",
            "data",
            "poster",
            "background",
            "xlink:href",
        ];
        self.elements
            .keys()
            .all(|name| known.contains(&name.as_str()))
            && self
                .attributes
                .iter()
                .all(|key| !never.contains(&key.as_str()) && !key.starts_with("on"))
    }
}
