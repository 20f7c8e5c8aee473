//! NUT's configuration, turned into OpenNMC's: `opennmc import-nut /etc/nut`.
//!
//! ```text
//! files ─ lexer ─ statements ─ one judgement each ─┬─ report: what became of every line
//!                                                  └─ draft ─ opennmc.toml, users
//! ```
//!
//! The invariant: each statement has exactly one entry in the report. [`read`] only reads; [`Import::apply`] writes, and
//! either everything or nothing. NUT's own files are never touched.

mod apply;
mod draft;
mod lexer;
mod nut_conf;
mod report;
mod ups_conf;
mod upsd_conf;
mod upsd_users;
mod upsmon_conf;

use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

pub use self::apply::ImportOptions;
pub use self::report::{Entry, Fate, FileRead, ImportReport, UserFound};

use crate::config::DEFAULT_STATE_DIR;

use self::draft::Draft;
use self::lexer::Statement;
use self::report::{Judgement, shown};

/// Larger files were not written by a person for NUT.
const MOST_BYTES: u64 = 1 << 20;

/// What was made of NUT's configuration, not written yet.
#[derive(Debug)]
pub struct Import {
    report: ImportReport,
    draft: Draft,
}

/// Why nothing was imported, or nothing was written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// None of NUT's files is there.
    #[error("{}: there is no NUT configuration here: neither ups.conf nor upsd.conf nor upsd.users", folder.display())]
    NotNut {
        /// The folder.
        folder: PathBuf,
    },
    /// A file is there and can't be read. Half an import would be worse than none.
    #[error("{}: can't read this: {source}; NUT's files are for root and NUT's own group", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The output exists.
    #[error("{}: this exists; nothing was written. Name another file with --output, or overwrite it with --force", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// There are users of these names already.
    #[error("there are users already that NUT has too: {}; nothing was written. --force gives them NUT's passwords and rights", names.join(", "))]
    UsersExist {
        /// Their names.
        names: Vec<String>,
    },
    /// The users could not be made; those that were are gone again.
    #[error("can't make the users, nothing was written: {0}")]
    Users(String),
    /// The output can't be written; no user was made.
    #[error("{}: can't write the configuration: {source}; no user was made", path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// What would be written does not pass the check: a mistake in OpenNMC.
    #[error("the configuration that would be written is not valid, please report this:\n{0}")]
    Invalid(String),
}

/// Reads NUT's configuration in `folder`, and decides about each of its lines.
pub fn read(folder: &Path) -> Result<Import, ImportError> {
    let mut reading = Reading { folder, files: Vec::new(), entries: Vec::new() };
    let mut draft = Draft::default();
    let ups = reading.file("ups.conf", lexer::statements)?;
    let upsd = reading.file("upsd.conf", lexer::statements)?;
    let users = reading.file("upsd.users", lexer::statements)?;
    if reading.files.iter().all(|file| file.lines.is_none()) {
        return Err(ImportError::NotNut { folder: folder.to_owned() });
    }
    let upsmon = reading.file("upsmon.conf", lexer::statements)?;
    let scheduler = reading.file("upssched.conf", lexer::statements)?;
    let nut = reading.file("nut.conf", nut_conf::statements)?;

    reading.judged("ups.conf", &ups, ups_conf::read(&ups, &mut draft), is_ups_secret);
    reading.judged(
        "upsd.conf",
        &upsd,
        upsd_conf::read(&upsd, &mut draft),
        upsmon_conf::is_certificate_secret,
    );
    reading.judged("upsd.users", &users, upsd_users::read(&users, &mut draft), upsd_users::is_secret);
    reading.judged("upsmon.conf", &upsmon, upsmon_conf::read(&upsmon, &draft), upsmon_conf::is_secret);
    reading.judged("upssched.conf", &scheduler, upsmon_conf::read_scheduler(&scheduler), |_, _| false);
    reading.judged("nut.conf", &nut, nut_conf::read(&nut), |_, _| false);

    let users = draft.users.iter().map(|user| UserFound {
        name: user.name.clone(),
        role: user.role.to_string(),
        scopes: user.scopes.iter().map(ToString::to_string).collect(),
        weak: false,
    });
    let report = ImportReport {
        folder: folder.to_owned(),
        users: users.collect(),
        next: next_steps(&draft, nut_conf::mode(&nut).as_deref(), &reading.entries),
        files: reading.files,
        entries: reading.entries,
    };
    Ok(Import { report, draft })
}

impl Import {
    /// What became of every line. Which passwords are weak is known after [`Import::apply`].
    pub fn report(&self) -> &ImportReport {
        &self.report
    }

    /// The text of the configuration, for a daemon that keeps its state in `state_dir`.
    pub fn configuration(&self, state_dir: &Path) -> String {
        self.draft
            .render(&self.report.folder, Some(state_dir).filter(|dir| *dir != Path::new(DEFAULT_STATE_DIR)))
    }
}

struct Reading<'f> {
    folder: &'f Path,
    files: Vec<FileRead>,
    entries: Vec<Entry>,
}

impl Reading<'_> {
    /// The statements of one file, or none when it is not there.
    fn file(
        &mut self,
        name: &'static str,
        cut: impl Fn(&str) -> Vec<Statement>,
    ) -> Result<Vec<Statement>, ImportError> {
        let path = self.folder.join(name);
        let mut bytes = Vec::new();
        let read = fs::File::open(&path).and_then(|file| file.take(MOST_BYTES + 1).read_to_end(&mut bytes));
        match read {
            Ok(_) if bytes.len() as u64 <= MOST_BYTES => {}
            Ok(_) => {
                let source = io::Error::new(io::ErrorKind::FileTooLarge, "larger than any such file");
                return Err(ImportError::Unreadable { path, source });
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.files.push(FileRead { name, lines: None, idle: 0 });
                return Ok(Vec::new());
            }
            Err(source) => return Err(ImportError::Unreadable { path, source }),
        }
        let text = String::from_utf8_lossy(&bytes);
        let statements = cut(&text);
        let (lines, busy) =
            (text.lines().count(), statements.iter().map(|statement| statement.lines).sum::<usize>());
        self.files.push(FileRead { name, lines: Some(lines), idle: lines - busy });
        Ok(statements)
    }

    fn judged(
        &mut self,
        file: &'static str,
        statements: &[Statement],
        judgements: Vec<Judgement>,
        is_secret: impl Fn(&Statement, usize) -> bool,
    ) {
        assert_eq!(statements.len(), judgements.len(), "{file}: a statement without a judgement");
        self.entries.extend(statements.iter().zip(judgements).map(|(statement, judgement)| {
            let text = shown(&statement.words, |position| is_secret(statement, position));
            Entry::new(file, statement, text, judgement)
        }));
    }
}

/// Options of other drivers hold passwords and SNMP communities.
fn is_ups_secret(statement: &Statement, position: usize) -> bool {
    let key = statement.word(0).to_ascii_lowercase();
    position > 1 && ["pass", "secret", "community", "login"].iter().any(|part| key.contains(part))
}

fn next_steps(draft: &Draft, mode: Option<&str>, entries: &[Entry]) -> Vec<String> {
    let mut steps = Vec::new();
    if entries.iter().any(|entry| entry.fate == Fate::NotCarried) {
        steps.push("Read above what was not carried over, and decide whether you miss it.".to_owned());
    }
    if draft.upses.is_empty() {
        steps
            .push("Add a section [ups.NAME] with the port of the UPS, and remove `allow-no-ups`.".to_owned());
    }
    if !matches!(mode, Some("none" | "netclient")) {
        steps.push(
            "Stop NUT's driver and server, which hold the serial port and the address: \
             `systemctl disable --now nut-server nut-driver.target`, and set MODE=netclient in nut.conf so that upsmon goes on."
                .to_owned(),
        );
    }
    steps.push("Run `opennmc check`, then start OpenNMC. `upsc` and `upsmon` need no change.".to_owned());
    steps
}
