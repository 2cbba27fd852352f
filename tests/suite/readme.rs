//! What the README quotes from the tree stands there.

use std::fs;
use std::path::Path;

/// Blocks of Rust begin with a comment that names their file.
#[test]
fn every_quoted_piece_of_code_is_in_the_file_that_it_names() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = fs::read_to_string(root.join("README.md")).expect("the README");
    let mut quoted = 0;
    for block in readme.split("```rust\n").skip(1) {
        let (code, _) = block.split_once("```").expect("the end of a block");
        let (file, piece) = code.split_once('\n').expect("a file and a piece of it");
        let file = file.strip_prefix("// ").expect("a comment with the file");
        let text = fs::read_to_string(root.join(file)).expect("the file");
        assert!(text.contains(piece), "{file} no longer holds:\n{piece}");
        quoted += 1;
    }
    assert!(quoted >= 6, "{quoted}");
    // And what it names in prose exists.
    for path in readme.split('`').skip(1).step_by(2) {
        let named = ["src/", "fixtures/", "tests/"]
            .iter()
            .any(|f| path.starts_with(f));
        if named && !path.contains(char::is_whitespace) {
            assert!(root.join(path).exists(), "{path}");
        }
    }
}

/// The case file that it shows is one, and its claims can be judged.
#[test]
fn the_case_file_in_it_is_right() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = fs::read_to_string(root.join("README.md")).expect("the README");
    let (_, rest) = readme.split_once("```toml\n").expect("a case file");
    let (case, _) = rest.split_once("```").expect("its end");
    let case = drone_audit::parts::CaseFile::parse(case, "case.toml").expect("it is right");
    assert_eq!(case.claims.len(), 2);
    for claim in &case.claims {
        let definition = claim.to_judge().expect("it can be judged");
        case.check_events(claim, &definition)
            .expect("its events are there");
    }
}
