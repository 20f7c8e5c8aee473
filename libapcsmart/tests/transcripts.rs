//! Behaviours as conversations: every file in `transcripts/` is one, and its name is what it shows.
//!
//! A transcript plays the UPS against a session, byte by byte, on a simulated clock. Lines are carried out in order:
//!
//! ```text
//! # a comment                      use UNIT                  take over the standing answers in units/UNIT.txt
//! ~ KEY TEXT                       from now on the UPS answers KEY with TEXT and CR LF
//! ~raw KEY TEXT                    the same without CR LF      ~silent KEY         it answers nothing
//! > KEY…                           the session sends these next, leaving aside what has a standing answer
//! < TEXT                           20 ms later the UPS says TEXT, exactly: write \r\n where it ends a line
//! @+MS                             time passes; `<` directly behind it comes at that very moment
//! ! open | close | run NAME [ARGUMENT] [confirmed] | set NAME VALUE
//! = CHECK                          holds within a simulated minute (outcomes: half an hour)
//! == CHECK                         holds now
//! =! CHECK                         does not hold now, and no event of this transcript ever said so
//! ```
//!
//! KEY is a character, `^A`, `ESC`, `DEL` or four hexadecimal digits; TEXT takes `\r \n \0 \\ \xNN`. A question without a
//! standing answer that no `>` expects is a failure, so nothing dangerous can slip through. CHECKs: `reading NAME VALUE`,
//! `known NAME`, `status TOKENS`, `link STATE`, `alert WORDS`, `diagnosis NAME`, `discovered`, `scanned`,
//! `outcome TEXT`, `accepted`, `refusal TEXT`, `command NAME`, `settable NAME`, `choices NAME A, B`, `text NAME`,
//! `number NAME`, `quality COUNTER NUMBER`, and of what was sent since the last order `sent KEY COUNT` and
//! `sequence KEY…` (its beginning).

#![allow(clippy::unwrap_used)]

mod transcript;

use std::path::{Path, PathBuf};

use transcript::Player;

/// Miri takes seconds for each.
const ONE_OF: usize = if cfg!(miri) { 10 } else { 1 };

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/transcripts")
}

fn transcripts() -> Vec<PathBuf> {
    let files = std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> =
        files.filter(|path| path.extension().is_some_and(|extension| extension == "txt")).collect();
    files.sort();
    files
}

/// `ONLY=part-of-a-name` plays those alone.
#[test]
fn every_transcript_is_followed_to_its_end() {
    let only = std::env::var("ONLY").unwrap_or_default();
    let mut failures = Vec::new();
    let mut played = 0;
    let wanted = transcripts().into_iter().filter(|path| path.to_string_lossy().contains(&only));
    for path in wanted.step_by(ONE_OF) {
        let text = std::fs::read_to_string(&path).unwrap();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        played += 1;
        if let Err(difference) = Player::new(&folder()).play(&text) {
            failures.push(format!("{name}.txt:{difference}"));
        }
    }
    println!("{played} transcripts, {} failed", failures.len());
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
    assert!(played > 0, "there is no transcript called {only}");
}

/// What the player itself must notice, or no transcript proves anything.
#[test]
fn a_transcript_that_is_not_followed_is_reported_with_its_line() {
    for (text, line, words) in [
        ("> Q", 1, "sent Y"),
        (
            "~ Y SM\n> Q\n< 08\\r\\n\n> Q\n< 08\\r\\n\n> Q\n< 08\\r\\n\n> a\n== reading ups.status OL\n== status OB",
            10,
            "OL",
        ),
        ("~ Y SM\n~ Q 08\n= scanned", 3, "sent a"),
        ("~ Y SM\n~ Q 08\n> a\n=! status OL", 4, "status OL"),
        ("> Y\n~ Q 08\n= link up", 3, "x1b"),
        ("= nonsense", 1, "nonsense"),
    ] {
        let difference = Player::new(&folder()).play(text).unwrap_err();
        assert!(difference.starts_with(&format!("{line}: ")) && difference.contains(words), "{difference}");
    }
}
