//! Which passwords people may choose.
//!
//! Length is what counts; rules about kinds of letters only make people write `Password1!`. What is refused besides short
//! ones is what a guesser tries first. Passwords are compared byte by byte as UTF-8, with no normalisation: what was
//! typed is what counts. NUT's own tools send ASCII only, so a user for them needs an ASCII password.

use super::secret::Secret;

/// Letters. With the lock-out and a slow hash this is out of reach for guessing over the network.
const SHORTEST: usize = 10;
/// Bytes. NUT's protocol takes words of 512.
const LONGEST: usize = 512;
/// Fewer different letters are a pattern.
const FEWEST_DIFFERENT: usize = 5;
/// What people take when they are made to take something long, without what they put around it.
const COMMON: &str = include_str!("common.txt");
/// Rows and orders that fingers follow.
const RUNS: [&str; 7] = [
    "abcdefghijklmnopqrstuvwxyz",
    "01234567890",
    "qwertyuiopasdfghjklzxcvbnm",
    "qwertzuiopasdfghjklyxcvbnm",
    "azertyuiopqsdfghjklmwxcvbn",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm",
    "!@#$%^&*()",
];
/// Shorter pieces of a run are in many good passwords.
const RUN: usize = 6;

/// Whether any service could take it at all.
pub(super) fn check_form(password: &Secret) -> Result<(), String> {
    let text = password.reveal();
    if text.is_empty() {
        return Err("it is empty".to_owned());
    }
    if text.len() > LONGEST {
        return Err(format!("it is longer than {LONGEST} bytes"));
    }
    if text.chars().any(char::is_control) {
        return Err("it holds a line end, a tab or another control character".to_owned());
    }
    Ok(())
}

/// Why it is too easy to guess, if it is.
pub(super) fn weakness(name: &str, password: &Secret) -> Option<String> {
    let text = password.reveal();
    if text.chars().count() < SHORTEST {
        return Some(format!("it is shorter than {SHORTEST} letters"));
    }
    let plain = text.to_lowercase();
    let name = name.to_lowercase();
    let without = plain.replace(&name, "");
    if plain.contains(&name) && without.chars().count() < SHORTEST / 2 {
        return Some("it is little more than the user's name".to_owned());
    }
    let mut letters: Vec<char> = plain.chars().collect();
    letters.sort_unstable();
    letters.dedup();
    if letters.len() < FEWEST_DIFFERENT || is_repetition(&plain) {
        return Some("it repeats the same few letters".to_owned());
    }
    if left_of_runs(&plain) < SHORTEST / 2 {
        return Some("it follows the order of the alphabet or of the keyboard".to_owned());
    }
    if is_common(&plain) {
        return Some("it is one of those that are tried first".to_owned());
    }
    None
}

/// A piece twice or more often and nothing else.
fn is_repetition(text: &str) -> bool {
    let letters: Vec<char> = text.chars().collect();
    (1..=letters.len() / 2)
        .any(|period| letters.iter().zip(letters.iter().skip(period)).all(|(one, other)| one == other))
}

/// How many letters are in no run, forwards or backwards.
fn left_of_runs(text: &str) -> usize {
    let letters: Vec<char> = text.chars().collect();
    let mut left = 0;
    let mut at = 0;
    while at < letters.len() {
        let length = (RUN..=letters.len() - at).rev().find(|length| {
            let piece: String = letters[at..at + length].iter().collect();
            let backwards: String = piece.chars().rev().collect();
            RUNS.iter().any(|run| run.contains(&piece) || run.contains(&backwards))
        });
        left += usize::from(length.is_none());
        at += length.unwrap_or(1);
    }
    left
}

/// A common word, whatever digits and signs are around it or in the place of its letters.
fn is_common(text: &str) -> bool {
    let letters = |text: &str| -> String {
        text.chars()
            .map(|letter| match letter {
                '0' => 'o',
                '1' | '!' => 'i',
                '3' => 'e',
                '4' | '@' => 'a',
                '5' | '$' => 's',
                '7' => 't',
                letter => letter,
            })
            .filter(|letter| letter.is_alphabetic())
            .collect()
    };
    let trimmed = text.trim_matches(|letter: char| !letter.is_alphabetic());
    let candidates = [letters(text), letters(trimmed), trimmed.to_owned()];
    COMMON.lines().any(|common| candidates.iter().any(|candidate| candidate == common) || text == common)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_passwords_of_any_letters_are_taken() {
        for good in [
            "a sunny place",
            "correct donkey",
            "zwölf Boxkämpfer",
            "k7pqm-2xw9d",
            "no digits here",
            "xkcd-936 ok",
        ] {
            assert_eq!(weakness("jo", &Secret::from(good)), None, "{good}");
            assert_eq!(check_form(&Secret::from(good)), Ok(()), "{good}");
        }
    }

    #[test]
    fn what_guessers_try_first_is_refused() {
        for bad in [
            "short",
            "ninechars",
            "1234567890",
            "password12",
            "P@ssw0rd123!",
            "Passw0rd2026",
            "qwertyuiop",
            "aaaaaaaaaa",
            "abcabcabcabc",
            "gardengarden",
            "abcdefghij",
            "0987654321",
            "!!administrator!!",
            "correct horse battery staple",
            "upsmonpassword",
            "QWERTZUIOP",
            "changeme2026",
        ] {
            assert!(weakness("jo", &Secret::from(bad)).is_some(), "{bad}");
        }
        assert!(weakness("maximilian", &Secret::from("Maximilian1")).is_some());
        assert_eq!(weakness("jo", &Secret::from("john went home")), None, "a short name is in many words");
    }

    #[test]
    fn a_password_that_no_line_can_carry_is_refused_even_from_an_import() {
        for bad in ["", "a\nb", "tab\there", &"x".repeat(513)] {
            assert!(check_form(&Secret::from(bad)).is_err(), "{bad}");
        }
    }
}
