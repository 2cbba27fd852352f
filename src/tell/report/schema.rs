//! The JSON schemas of reports (`emit schema`), of `fitness` and of `diff`: files of the tree that a test makes from the
//! structures that are written.

/// Of a report.
pub const REPORT: &str = include_str!("schema/report.json");
/// Of what `fitness` says.
pub const FITNESS: &str = include_str!("schema/fitness.json");
/// Of the differences of two reports.
pub const DIFF: &str = include_str!("schema/diff.json");

#[cfg(test)]
mod tests {
    use crate::ground::schema::{held, published};
    use crate::tell::report::{diff, fitness, v1};
    use schemars::schema_for;

    #[test]
    fn the_schemas_are_those_of_what_is_written() {
        for (what, schema) in [
            ("report", schema_for!(v1::Report)),
            ("fitness", schema_for!(fitness::Fitness)),
            ("diff", schema_for!(diff::Diff)),
        ] {
            let file = format!("src/tell/report/schema/{what}.json");
            held(&file, &published(what, schema));
        }
    }
}
