//! JUnit XML against the schema of Jenkins' xUnit plugin.

use super::xml::{Element, read};
use super::{each, everything, shapes, written};

const SCHEMA: &str = include_str!("../../../../../fixtures/schemas/junit-10.xsd");

/// Checks an element and all below it. The schema orders nothing and counts nothing, so children,
/// attributes and text are all there is to check.
pub(super) fn check(element: &Element) {
    let schema = read(SCHEMA);
    valid(&schema, element);
}

fn valid(schema: &Element, element: &Element) {
    let named = |e: &&Element| e.name == "xs:element" && e.attribute("name") == Some(&element.name);
    let definition = schema.children.iter().find(named);
    let definition = definition.unwrap_or_else(|| panic!("{} is no element", element.name));
    let Some(complex) = definition.children.first() else {
        assert_eq!(definition.attribute("type"), Some("xs:string"));
        assert!(element.children.is_empty() && element.attributes.is_empty());
        return;
    };
    let parts = complex.all();
    let attributes = || parts.iter().filter(|p| p.name == "xs:attribute");
    for (name, value) in &element.attributes {
        let known = attributes().find(|a| a.attribute("name") == Some(name));
        let known = known.unwrap_or_else(|| panic!("{} has no {name}", element.name));
        if known.attribute("type") == Some("SUREFIRE_TIME") {
            assert!(
                value.bytes().all(|b| b.is_ascii_digit() || b == b'.'),
                "{value}"
            );
        }
    }
    for required in attributes().filter(|a| a.attribute("use") == Some("required")) {
        let name = required.attribute("name").unwrap();
        assert!(
            element.attribute(name).is_some(),
            "{} without {name}",
            element.name
        );
    }
    if complex.attribute("mixed") != Some("true") {
        assert_eq!(element.text.trim(), "", "text in {}", element.name);
    }
    for child in &element.children {
        let allowed = parts
            .iter()
            .any(|p| p.attribute("ref") == Some(&child.name));
        assert!(allowed, "{} in {}", child.name, element.name);
        valid(schema, child);
    }
}

/// Elements of a name.
fn count(root: &Element, name: &str) -> usize {
    root.all().iter().filter(|e| e.name == name).count()
}

#[test]
fn the_schema_of_jenkins_holds() {
    for report in shapes() {
        check(&read(&written("junit", &report)));
    }
}

#[test]
fn one_case_per_claim_and_the_counts_are_those_of_the_verdicts() {
    let root = read(&written("junit", &everything()));
    assert_eq!(
        (
            count(&root, "testcase"),
            count(&root, "failure"),
            count(&root, "error")
        ),
        (3, 1, 1)
    );
    let root = read(&written("junit", &each()));
    assert_eq!(
        (count(&root, "testsuite"), count(&root, "testcase")),
        (2, 4)
    );
    for suite in root
        .all()
        .iter()
        .filter(|e| e.name.starts_with("testsuite"))
    {
        for (attribute, element) in [
            ("tests", "testcase"),
            ("failures", "failure"),
            ("errors", "error"),
        ] {
            let said: usize = suite.attribute(attribute).unwrap().parse().unwrap();
            assert_eq!(said, count(suite, element), "{} {attribute}", suite.name);
        }
    }
    let names = root.all().into_iter().filter(|e| e.name == "testcase");
    let mut names: Vec<_> = names
        .map(|e| (e.attribute("classname"), e.attribute("name")))
        .collect();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), 4, "panes tell tests apart by class and name");
}
