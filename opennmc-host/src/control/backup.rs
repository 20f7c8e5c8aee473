//! A backup that the daemon makes for somebody who may not read its files.
//!
//! It is made in a file of the daemon's own, which goes again, and handed over piece by piece.

use std::io::{self, Read as _};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::answer::{Answered, Host};
use super::connection::Replies;
use super::protocol::{Code, Problem};
use crate::backup::{BackupError, Places, back_up};
use crate::users::Principal;

/// Bytes of a piece; twice as many letters.
const PIECE: usize = 256 * 1024;

/// A piece of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Piece {
    /// Its bytes, two digits each.
    pub hex: String,
}

impl Piece {
    /// Of these bytes.
    pub fn of(bytes: &[u8]) -> Piece {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
        Piece { hex: digits.map(|digit| char::from(DIGITS[usize::from(digit)])).collect() }
    }

    /// The bytes; none when they are spelt wrongly.
    pub fn bytes(&self) -> Option<Vec<u8>> {
        let digit = |letter: &u8| char::from(*letter).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        let digits: Vec<u8> = self.hex.as_bytes().iter().map(digit).collect::<Option<_>>()?;
        if !digits.len().is_multiple_of(2) {
            return None;
        }
        Some(digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect())
    }
}

/// Makes one for `by` and hands it over.
pub(super) fn hand_over(host: &Host, by: &Principal, replies: &mut Replies<'_>) -> Answered {
    let paths = &host.handle.paths;
    let places = Places { config: paths.config.clone(), state_dir: paths.state_dir.clone() };
    // Hidden, so that no backup ever holds one that is being made.
    let made = Made(paths.state_dir.join(format!(".backup-{:?}", std::thread::current().id())));
    let report = match back_up(&places, &made.0, true, by) {
        Ok(report) => report,
        Err(error) => return Ok(Err(problem(&error))),
    };
    tracing::info!("{} has made a backup", by.name);
    let failed = |error: io::Error| Problem::new(Code::Failed, format!("can't read the backup: {error}"));
    let mut file = match std::fs::File::open(&made.0) {
        Ok(file) => file,
        Err(error) => return Ok(Err(failed(error))),
    };
    let mut bytes = vec![0; PIECE];
    loop {
        match file.read(&mut bytes) {
            Ok(0) => break,
            Ok(count) => replies.item(&Piece::of(&bytes[..count]))?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Ok(Err(failed(error))),
        }
    }
    Ok(Ok(json!({ "manifest": report.manifest, "skipped": report.skipped })))
}

/// A file that goes when it is not needed any more.
struct Made(PathBuf);

impl Drop for Made {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn problem(error: &BackupError) -> Problem {
    let code = match error {
        BackupError::Denied { .. } => Code::Denied,
        _ => Code::Failed,
    };
    Problem::new(code, error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_piece_survives_the_way() {
        let bytes: Vec<u8> = (0..=255).collect();
        assert_eq!(Piece::of(&bytes).bytes(), Some(bytes));
        for wrong in ["a", "zz", "0é"] {
            assert_eq!(Piece { hex: wrong.to_owned() }.bytes(), None, "{wrong}");
        }
    }
}
