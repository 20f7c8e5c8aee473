//! Plays the conversations in `tests/transcripts`.
//!
//! In a transcript `> ` is a line that the client sends, `< ` one that it gets, `= closed` says that the server closed
//! the connection, `# ` is a comment, and `{0A}` stands for a byte. Lines that the client sends one below the other go out in
//! one piece. Each file is one connection to the rack of the tests.

mod rack;

use std::fs;
use std::path::Path;

use rack::{Session, rack, unescape};

#[test]
fn every_transcript_is_answered_to_the_byte() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/transcripts");
    let mut played = 0;
    for file in fs::read_dir(folder).expect("the folder of transcripts") {
        let path = file.expect("an entry of the folder").path();
        play(&path.display().to_string(), &fs::read_to_string(&path).expect("a transcript"));
        played += 1;
    }
    assert!(played > 0, "no transcript was found");
}

fn play(name: &str, transcript: &str) {
    let host = rack();
    // The recorded server had no certificate either.
    host.lose_certificate();
    let mut session = Session::new(host);
    let mut question = Vec::new();
    let mut expected = String::new();
    let lines = transcript.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    for line in lines.chain(["> "]) {
        if line == "= closed" {
            check(&mut session, name, &mut question, &mut expected);
            assert!(session.closed, "{name}: the connection is still open");
        } else if let Some(answer) = line.strip_prefix("< ") {
            expected.push_str(answer);
            expected.push('\n');
        } else if let Some(sent) = line.strip_prefix("> ") {
            if !expected.is_empty() {
                check(&mut session, name, &mut question, &mut expected);
            }
            question.extend_from_slice(&unescape(sent));
            question.push(b'\n');
        } else {
            panic!("{name}: what is {line:?}?");
        }
    }
}

fn check(session: &mut Session, name: &str, question: &mut Vec<u8>, expected: &mut String) {
    let answer = session.send(question);
    let asked = String::from_utf8_lossy(question).into_owned();
    assert_eq!(String::from_utf8_lossy(&answer), *expected, "{name}: the answer to {asked:?}");
    question.clear();
    expected.clear();
}
