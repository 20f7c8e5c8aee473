//! `docs/coverage.md` tells no tales: the tests that it names exist, and it leaves out no variable and no command.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use apcsmart::table::{INSTANT_COMMANDS, VARIABLES};

fn crate_folder() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn document() -> String {
    std::fs::read_to_string(crate_folder().join("../docs/coverage.md")).unwrap()
}

/// What stands between backticks.
fn quoted(text: &str) -> BTreeSet<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| match path.is_dir() {
            true => rust_files(&path),
            false => vec![path],
        })
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .collect()
}

/// The names of all functions marked as tests.
fn tests() -> BTreeSet<String> {
    let files = ["src", "tests"].iter().flat_map(|folder| rust_files(&crate_folder().join(folder)));
    let mut names = BTreeSet::new();
    for file in files {
        let text = std::fs::read_to_string(file).unwrap();
        for after in text.split("#[test]").skip(1) {
            let name = after.split("fn ").nth(1).and_then(|rest| rest.split('(').next());
            names.extend(name.map(str::to_owned));
        }
    }
    names
}

#[test]
fn every_test_and_transcript_that_the_document_names_exists() {
    let (document, tests) = (document(), tests());
    let transcripts = crate_folder().join("tests/transcripts");
    let is_name =
        |name: &&str| name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-'));
    let mut named = 0;
    let mut missing = Vec::new();
    for name in quoted(&document).into_iter().filter(is_name) {
        let exists = match (name.contains('-'), name.contains('_')) {
            (true, false) => transcripts.join(name).with_extension("txt").is_file(),
            (false, true) => tests.contains(name),
            _ => continue,
        };
        named += 1;
        if !exists {
            missing.push(name);
        }
    }
    assert_eq!(missing, Vec::<&str>::new(), "named in docs/coverage.md");
    assert!(named > 100, "the document was read: {named}");
}

#[test]
fn every_variable_and_every_command_stands_in_the_document() {
    let document = document();
    let known = quoted(&document);
    let variables = VARIABLES.iter().flat_map(|row| row.names).copied().filter(|name| !name.is_empty());
    let commands = INSTANT_COMMANDS.iter().map(|command| command.name);
    let missing: Vec<&str> = variables.chain(commands).filter(|name| !known.contains(name)).collect();
    assert_eq!(missing, Vec::<&str>::new(), "missing in docs/coverage.md");
}
