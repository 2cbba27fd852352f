//! A strict reader of small XML documents: what it reads is well-formed (XML 1.0), and it reads
//! nothing that an ordinary parser would refuse. No DTD, CDATA or namespaces.

/// An element.
#[derive(Debug)]
pub(super) struct Element {
    pub(super) name: String,
    pub(super) attributes: Vec<(String, String)>,
    pub(super) children: Vec<Element>,
    pub(super) text: String,
}

impl Element {
    pub(super) fn attribute(&self, name: &str) -> Option<&str> {
        let found = self.attributes.iter().find(|(have, _)| have == name);
        found.map(|(_, value)| value.as_str())
    }

    /// This element and all below it.
    pub(super) fn all(&self) -> Vec<&Element> {
        let below = self.children.iter().flat_map(Element::all);
        std::iter::once(self).chain(below).collect()
    }
}

/// Reads a document and panics where it is not well-formed.
pub(super) fn read(document: &str) -> Element {
    for c in document.chars() {
        let allowed = matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..);
        assert!(allowed, "{c:?} is no character of XML 1.0");
    }
    let mut rest = document;
    if let Some(declaration) = rest.strip_prefix("<?xml ") {
        rest = declaration.split_once("?>").expect("a declaration ends").1;
    }
    let mut rest = blank(rest);
    let root = element(&mut rest);
    assert_eq!(blank(rest), "", "behind the root");
    root
}

/// Skips blanks and comments.
fn blank(mut rest: &str) -> &str {
    loop {
        rest = rest.trim_start();
        let Some(comment) = rest.strip_prefix("<!--") else {
            return rest;
        };
        rest = comment.split_once("-->").expect("a comment ends").1;
    }
}

fn name<'a>(rest: &mut &'a str) -> &'a str {
    let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && !"-_.:".contains(c));
    let (name, tail) = rest.split_at(end.expect("a name ends"));
    assert!(
        name.starts_with(|c: char| c.is_ascii_alphabetic()),
        "name {name:?}"
    );
    *rest = tail;
    name
}

fn element(rest: &mut &str) -> Element {
    *rest = rest.strip_prefix('<').expect("an element");
    let mut it = Element {
        name: name(rest).to_owned(),
        attributes: Vec::new(),
        children: Vec::new(),
        text: String::new(),
    };
    loop {
        let apart = rest.len();
        *rest = rest.trim_start();
        if let Some(tail) = rest.strip_prefix("/>") {
            *rest = tail;
            return it;
        }
        if let Some(tail) = rest.strip_prefix('>') {
            *rest = tail;
            break;
        }
        assert!(rest.len() < apart, "a blank before an attribute");
        let attribute = name(rest).to_owned();
        assert!(it.attribute(&attribute).is_none(), "{attribute} twice");
        let quoted = rest.strip_prefix("=\"").expect("a value");
        let (value, tail) = quoted.split_once('"').expect("a value ends");
        assert!(!value.contains('<'), "{value}");
        it.attributes.push((attribute, decoded(value)));
        *rest = tail;
    }
    loop {
        let (text, tail) = rest.split_at(rest.find('<').expect("an end tag"));
        assert!(!text.contains("]]>"), "{text}");
        it.text.push_str(&decoded(text));
        *rest = tail;
        if rest.starts_with("<!--") {
            *rest = blank(rest);
        } else if let Some(tail) = rest.strip_prefix("</") {
            *rest = tail;
            assert_eq!(name(rest), it.name);
            *rest = rest.strip_prefix('>').expect("an end tag ends");
            return it;
        } else {
            it.children.push(element(rest));
        }
    }
}

fn decoded(text: &str) -> String {
    let mut parts = text.split('&');
    let mut out = parts.next().unwrap().to_owned();
    for part in parts {
        let (entity, tail) = part.split_once(';').expect("an entity ends");
        out.push(match entity {
            "amp" => '&',
            "lt" => '<',
            "gt" => '>',
            "quot" => '"',
            "apos" => '\'',
            other => panic!("the entity {other} is not known"),
        });
        out.push_str(tail);
    }
    out
}
