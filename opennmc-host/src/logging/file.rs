//! A log file that never grows beyond its limit: for machines without a journal.
//!
//! When the next line would make the file too large it becomes `FILE.1`, what was `FILE.1` becomes `FILE.2`, and the
//! oldest is removed. A rename never loses a line: a crash between two of them leaves a gap in the numbers and no more.
//! A file that was moved or removed by somebody else is made anew; a full disk costs lines, not the daemon.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use crate::config::LogFile;

/// The daemon's own and its group's; a log tells of addresses and names.
const MODE: u32 = 0o640;
/// A line in so many, whether the file is still the one at its path is looked up.
const LINES_BETWEEN_LOOKS: u32 = 64;

/// The newest file and what is known of it.
#[derive(Debug)]
pub(super) struct RotatedFile {
    settings: LogFile,
    open: Option<Open>,
    /// The reason why it can't be written was told once.
    complained: bool,
}

#[derive(Debug)]
struct Open {
    file: File,
    size: u64,
    until_look: u32,
}

impl RotatedFile {
    pub(super) fn new(settings: LogFile) -> RotatedFile {
        RotatedFile { settings, open: None, complained: false }
    }

    /// Writes one line, after putting a full file aside. After an error nothing, or a part of the line, was written; the
    /// caller has the line still.
    pub(super) fn write_line(&mut self, line: &[u8]) -> io::Result<()> {
        let result = self.try_write(line);
        match &result {
            Ok(()) => self.complained = false,
            Err(error) if !self.complained => {
                self.complained = true;
                let path = self.settings.path.display();
                let _ =
                    writeln!(io::stderr(), "can't write the log file {path}: {error}; lines go here instead");
            }
            Err(_) => {}
        }
        result
    }

    fn try_write(&mut self, line: &[u8]) -> io::Result<()> {
        let length = u64::try_from(line.len()).unwrap_or(u64::MAX);
        let mut open = match self.open.take() {
            Some(open) if open.until_look > 0 || is_at(&open.file, &self.settings.path) => open,
            _ => Open::new(&self.settings.path)?,
        };
        if open.size > 0 && open.size.saturating_add(length) > self.settings.largest {
            self.put_aside()?;
            open = Open::new(&self.settings.path)?;
        }
        open.until_look = open.until_look.checked_sub(1).unwrap_or(LINES_BETWEEN_LOOKS);
        // A file that failed is opened anew for the next line: its size is not known any more.
        open.file.write_all(line)?;
        open.size += length;
        self.open = Some(open);
        Ok(())
    }

    fn put_aside(&self) -> io::Result<()> {
        let LogFile { path, kept, .. } = &self.settings;
        for number in (1..*kept).rev() {
            let from = numbered(path, number);
            match std::fs::rename(&from, numbered(path, number + 1)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        if *kept == 0 { std::fs::remove_file(path) } else { std::fs::rename(path, numbered(path, 1)) }
    }
}

impl Open {
    fn new(path: &Path) -> io::Result<Open> {
        // Appending, so that a person's `truncate` in between is honoured.
        let file = OpenOptions::new().append(true).create(true).mode(MODE).open(path)?;
        let size = file.metadata()?.len();
        Ok(Open { file, size, until_look: LINES_BETWEEN_LOOKS })
    }
}

fn numbered(path: &Path, number: u32) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{number}"));
    name.into()
}

/// Whether `path` still leads to `file`.
fn is_at(file: &File, path: &Path) -> bool {
    let (Ok(own), Ok(there)) = (file.metadata(), std::fs::metadata(path)) else { return false };
    (own.dev(), own.ino()) == (there.dev(), there.ino())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder_with(largest: u64, kept: u32) -> (tempfile::TempDir, RotatedFile) {
        let folder = tempfile::tempdir().unwrap();
        let file = RotatedFile::new(LogFile { path: folder.path().join("log"), largest, kept });
        (folder, file)
    }

    fn read(folder: &tempfile::TempDir, name: &str) -> Option<String> {
        std::fs::read_to_string(folder.path().join(name)).ok()
    }

    #[test]
    fn a_full_file_is_put_aside_and_the_oldest_goes() {
        let (folder, mut file) = folder_with(10, 2);
        for line in ["1111\n", "2222\n", "3333\n", "4444\n", "5555\n", "6666\n", "7777\n"] {
            file.write_line(line.as_bytes()).unwrap();
        }
        assert_eq!(read(&folder, "log").as_deref(), Some("7777\n"));
        assert_eq!(read(&folder, "log.1").as_deref(), Some("5555\n6666\n"));
        assert_eq!(read(&folder, "log.2").as_deref(), Some("3333\n4444\n"));
        assert_eq!(read(&folder, "log.3"), None);
    }

    #[test]
    fn a_line_longer_than_the_limit_is_written_whole() {
        let (folder, mut file) = folder_with(10, 1);
        file.write_line(b"short\n").unwrap();
        file.write_line(b"longer than ten bytes\n").unwrap();
        assert_eq!(read(&folder, "log").as_deref(), Some("longer than ten bytes\n"));
        assert_eq!(read(&folder, "log.1").as_deref(), Some("short\n"));
    }

    #[test]
    fn the_size_from_before_a_restart_counts() {
        let (folder, mut file) = folder_with(10, 1);
        file.write_line(b"12345678\n").unwrap();
        let mut again = RotatedFile::new(file.settings.clone());
        again.write_line(b"next\n").unwrap();
        assert_eq!(read(&folder, "log.1").as_deref(), Some("12345678\n"));
        assert_eq!(read(&folder, "log").as_deref(), Some("next\n"));
    }

    #[test]
    fn a_file_that_somebody_moved_is_made_anew() {
        let (folder, mut file) = folder_with(1 << 20, 1);
        file.write_line(b"before\n").unwrap();
        std::fs::rename(folder.path().join("log"), folder.path().join("moved")).unwrap();
        for _ in 0..=LINES_BETWEEN_LOOKS {
            file.write_line(b"x\n").unwrap();
        }
        file.write_line(b"after\n").unwrap();
        assert!(read(&folder, "log").unwrap().contains("after\n"));
    }

    #[test]
    fn a_file_that_can_not_be_written_is_tried_again_with_the_next_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("not-yet/log");
        let mut file = RotatedFile::new(LogFile { path: path.clone(), largest: 100, kept: 1 });
        file.write_line(b"lost\n").unwrap_err();
        std::fs::create_dir(folder.path().join("not-yet")).unwrap();
        file.write_line(b"kept\n").unwrap();
        assert_eq!(std::fs::read_to_string(path).unwrap(), "kept\n");
    }
}
