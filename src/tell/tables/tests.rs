use super::*;
use crate::tell::report::sample::report;
use entry::Entry;
use session::{File, Labels, Outcome, Session, id};
use std::collections::BTreeSet;

fn entry(name: &str) -> Entry {
    let report = report();
    let files = [File {
        name: name.to_owned(),
        sha256: None,
        bytes: None,
    }];
    let labels = Labels::default();
    Entry::of(&Session {
        id: &id(&files, &[], &labels, &report.tool),
        labels: &labels,
        arguments: &[],
        tool: &report.tool,
        outcome: Outcome::Audited(&report),
        flows: None,
    })
    .unwrap()
}

fn files(root: &std::path::Path) -> BTreeSet<(String, Vec<u8>)> {
    let mut out = BTreeSet::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for file in std::fs::read_dir(folder).unwrap() {
            let path = file.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(root).unwrap().display().to_string();
                out.insert((name, std::fs::read(&path).unwrap()));
            }
        }
    }
    out
}

#[test]
fn each_cell_is_of_its_column_and_each_row_of_its_session() {
    let report = report();
    let labels = Labels::default();
    let session = Session {
        id: "0123",
        labels: &labels,
        arguments: &[],
        tool: &report.tool,
        outcome: Outcome::Audited(&report),
        flows: None,
    };
    for table in TABLES {
        let columns = (table.columns)();
        let names: BTreeSet<&str> = columns.iter().map(|c| c.name).collect();
        assert_eq!(names.len(), columns.len(), "{}", table.name);
        for row in (table.rows)(&session) {
            assert_eq!(row.len(), columns.len());
            assert_eq!(row[0], Cell::Text("0123".into()));
            for (cell, column) in row.iter().zip(&columns) {
                let fits = match (cell, column.kind) {
                    (Cell::Null, _) => column.nullable,
                    (Cell::Text(_), CellType::Text)
                    | (Cell::Texts(_), CellType::Texts)
                    | (Cell::Count(_), CellType::Count)
                    | (Cell::Number(_), CellType::Number)
                    | (Cell::Flag(_), CellType::Flag)
                    | (Cell::Time(_), CellType::Time)
                    | (Cell::Address(_), CellType::Address) => true,
                    _ => false,
                };
                assert!(fits, "{}.{}: {cell:?}", table.name, column.name);
            }
        }
    }
}

#[test]
fn a_dataset_is_the_same_in_whatever_order_and_form_its_sessions_came() {
    let root = tempfile::tempdir().unwrap();
    let names: Vec<String> = (0..40).map(|n| format!("{n}.pcap")).collect();
    let at = |name: &str| root.path().join(name);
    let forms = [parts::Form::Ndjson];
    let through = |folder: &str, order: &mut dyn Iterator<Item = &String>, form| {
        let folder = at(folder);
        let journal = journal::Journal::open(&folder).unwrap();
        for name in order {
            journal.add(&entry(name)).unwrap();
        }
        dataset::write(&folder, &[form], journal.entries(), |_| Ok(())).unwrap();
        journal.remove().unwrap();
    };
    through("a", &mut names.iter(), forms[0]);
    // Backwards, and one of them twice.
    through("b", &mut names.iter().rev().chain(&names[..1]), forms[0]);
    assert_eq!(files(&at("a")), files(&at("b")));

    // Two halves that overlap, one of them compressed, put together.
    through("c", &mut names[..25].iter(), parts::Form::NdjsonZstd);
    through("d", &mut names[20..].iter(), forms[0]);
    let parts: Vec<dataset::Dataset> = ["c", "d"]
        .iter()
        .map(|name| dataset::Dataset::open(&at(name)).unwrap().unwrap())
        .collect();
    let merged = || {
        let entries = parts
            .iter()
            .map(|d| Box::new(d.entries().unwrap()) as Box<dyn Iterator<Item = _>>);
        dataset::Merged::of(entries.collect())
    };
    let mut sessions = 0;
    let count = |_: &Entry| {
        sessions += 1;
        Ok(())
    };
    dataset::write(&at("e"), &forms, merged(), count).unwrap();
    assert_eq!(sessions, names.len());
    assert_eq!(files(&at("a")), files(&at("e")));
    // Written over itself, nothing of what was there stays.
    dataset::write(&at("c"), &forms, merged(), |_| Ok(())).unwrap();
    assert_eq!(files(&at("a")), files(&at("c")));
}

#[test]
fn a_line_that_was_cut_off_is_no_session() {
    let root = tempfile::tempdir().unwrap();
    let journal = journal::Journal::open(root.path()).unwrap();
    let (one, two) = (entry("one"), entry("two"));
    journal.add(&one).unwrap();
    journal.add(&two).unwrap();
    let path = root
        .path()
        .join("journal")
        .join(format!("{}.ndjson", &two.session[..2]));
    let whole = std::fs::read(&path).unwrap();
    for left in [whole.len() - 1, whole.len() / 2, 1] {
        std::fs::write(&path, &whole[..left]).unwrap();
        let again = journal::Journal::open(root.path()).unwrap();
        let found: Vec<String> = again.entries().map(|e| e.unwrap().session).collect();
        assert!(!found.contains(&two.session), "{left} of {}", whole.len());
    }
    std::fs::write(&path, &whole).unwrap();
    let again = journal::Journal::open(root.path()).unwrap();
    assert_eq!(again.entries().count(), 2);
}

#[test]
fn a_list_that_was_edited_opens_nothing_elsewhere() {
    let root = tempfile::tempdir().unwrap();
    let entries = || std::iter::once(Ok(entry("one")));
    dataset::write(root.path(), &[parts::Form::Ndjson], entries(), |_| Ok(())).unwrap();
    let list = root.path().join(dataset::LIST);
    let text = std::fs::read_to_string(&list).unwrap();
    for elsewhere in ["/etc/passwd", "../other"] {
        let edited = text.replacen("ndjson/claims/", &format!("{elsewhere}/"), 1);
        std::fs::write(&list, edited).unwrap();
        let dataset = dataset::Dataset::open(root.path()).unwrap().unwrap();
        let refused = dataset.entries().err().map(|e| e.to_string());
        assert!(refused.is_some_and(|e| e.contains("outside of its folder")));
    }
    // A table whose rows belong to nobody.
    std::fs::write(&list, &text).unwrap();
    let claims = std::fs::read_dir(root.path().join("ndjson/claims")).unwrap();
    let part = claims.map(|f| f.unwrap().path()).next().unwrap();
    let row = std::fs::read_to_string(&part).unwrap();
    std::fs::write(&part, row.replace("\"session\":\"", "\"session\":\"f")).unwrap();
    let dataset = dataset::Dataset::open(root.path()).unwrap().unwrap();
    let last = dataset.entries().unwrap().last().unwrap();
    assert!(
        last.unwrap_err()
            .to_string()
            .contains("rows of sessions that are not there")
    );
}

#[test]
fn addresses_sort_by_their_bytes() {
    let bytes = |text| match Cell::address(Some(text)) {
        Cell::Address(bytes) => bytes,
        other => panic!("{other:?}"),
    };
    assert!(bytes("9.255.0.1") < bytes("10.0.0.1") && bytes("::1") < bytes("9.255.0.1"));
    assert!(bytes("255.255.255.255") < bytes("2001:db8::1"));
    assert_eq!(Cell::address(Some("private-1")), Cell::Null);
}

/// The last table cannot be put in its place, when those before it stand in theirs.
#[test]
fn what_cannot_be_written_whole_leaves_the_dataset_that_was_there() {
    let root = tempfile::tempdir().unwrap();
    let at = |name: &str| root.path().join(name);
    let write = |folder: &str, sessions: usize| {
        let names = (0..sessions).map(|n| format!("{n}.pcap"));
        let mut entries: Vec<Entry> = names.map(|name| entry(&name)).collect();
        entries.sort_by(|a, b| a.session.cmp(&b.session));
        let entries = entries.into_iter().map(Ok);
        dataset::write(&at(folder), &[parts::Form::Ndjson], entries, |_| Ok(()))
    };
    write("whole", 9).unwrap();
    let whole = files(&at("whole"));
    let with_rows = TABLES.iter().rev().find_map(|table| {
        let folder = format!("/{}/part-", table.name);
        whole.iter().find(|(name, _)| name.contains(&folder))
    });
    let (blocked, _) = with_rows.unwrap();

    std::fs::create_dir_all(at("new").join(blocked)).unwrap();
    write("new", 9).unwrap_err();
    assert_eq!(files(&at("new")), BTreeSet::new());

    write("old", 4).unwrap();
    let before = files(&at("old"));
    std::fs::create_dir_all(at("old").join(blocked)).unwrap();
    write("old", 9).unwrap_err();
    assert_eq!(files(&at("old")), before);
    std::fs::remove_dir(at("old").join(blocked)).unwrap();
    write("old", 9).unwrap();
    assert_eq!(files(&at("old")), whole);
}
