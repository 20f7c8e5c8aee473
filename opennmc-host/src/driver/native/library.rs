//! Finding out whether a library may be loaded, and loading it.
//!
//! What is checked is what is loaded: the file is opened once, judged and hashed through that descriptor, and given to the
//! dynamic linker through it too.

#![allow(unsafe_code)] // a library's code runs when it is loaded: that is what the checks before are for

use std::ffi::CStr;
use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW};
use rustix::process::geteuid;
use sha2::{Digest as _, Sha256};

use super::abi::{OPENNMC_DRIVER_ABI, opennmc_driver, opennmc_driver_entry_function};

/// What a library must export.
const ENTRY: &CStr = c"opennmc_driver_entry";
const ENTRY_NAME: &str = "opennmc_driver_entry";
/// Group and others may write.
const SHARED_WRITE: u32 = 0o022;
/// Only the owner of a file may move or remove it.
const STICKY: u32 = 0o1000;
/// A driver is some kilobytes of code; a file beyond this is something else.
const LARGEST: u64 = 64 * 1024 * 1024;

/// A driver's library. It stays loaded until the process ends.
#[derive(Debug, Clone)]
pub struct NativeLibrary {
    path: PathBuf,
    driver: &'static opennmc_driver,
    name: &'static str,
}

/// Why a library was not loaded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The path depends on where the daemon was started.
    #[error("{}: a native driver needs its whole path", .0.display())]
    Relative(PathBuf),
    /// The file can't be read.
    #[error("{}: {source}", path.display())]
    Unreadable {
        /// The library.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Somebody else could have written it.
    #[error("{} {problem}: a native driver must be out of everybody's reach but root's; {hint}", path.display())]
    Exposed {
        /// The library, or a folder above it.
        path: PathBuf,
        /// What is wrong with it.
        problem: &'static str,
        /// What to do.
        hint: &'static str,
    },
    /// It is another file than the one that was trusted.
    #[error(
        "{}: its SHA-256 is {found}, and the configuration trusts {expected}; when the new file is to be trusted, write its hash there",
        path.display()
    )]
    OtherFile {
        /// The library.
        path: PathBuf,
        /// From the configuration.
        expected: String,
        /// Of the file.
        found: String,
    },
    /// The dynamic linker refused it.
    #[error("{}: can't be loaded: {reason}", path.display())]
    Linker {
        /// The library.
        path: PathBuf,
        /// What the linker said.
        reason: String,
    },
    /// It is no driver, or one for another version of OpenNMC.
    #[error("{}: {problem}", path.display())]
    NoDriver {
        /// The library.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
}

impl NativeLibrary {
    /// Loads the library at `path` when its SHA-256, in hexadecimal, is `sha256`.
    pub fn load(path: &Path, sha256: &str) -> Result<NativeLibrary, LoadError> {
        if !path.is_absolute() {
            return Err(LoadError::Relative(path.to_owned()));
        }
        let unreadable = |source| LoadError::Unreadable { path: path.to_owned(), source };
        let mut file = File::open(path).map_err(unreadable)?;
        judge_file(path, &file.metadata().map_err(unreadable)?)?;
        judge_folders(path)?;
        let found = hash(&mut file).map_err(unreadable)?;
        if !found.eq_ignore_ascii_case(sha256) {
            let expected = sha256.to_owned();
            return Err(LoadError::OtherFile { path: path.to_owned(), expected, found });
        }
        let path = path.to_owned();
        let (driver, name) = match load_once(&file, &found) {
            Ok(loaded) => loaded,
            Err(Refused::Linker(reason)) => return Err(LoadError::Linker { path, reason }),
            Err(Refused::NoDriver(problem)) => return Err(LoadError::NoDriver { path, problem }),
        };
        tracing::warn!("the native driver {name} of {} is loaded; it is not sandboxed", path.display());
        Ok(NativeLibrary { path, driver, name })
    }

    /// NUT's `driver.name`, as the library says.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Where it was loaded from.
    pub fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn driver(&self) -> &'static opennmc_driver {
        self.driver
    }
}

fn judge_file(path: &Path, metadata: &std::fs::Metadata) -> Result<(), LoadError> {
    let exposed = |problem, hint| Err(LoadError::Exposed { path: path.to_owned(), problem, hint });
    if !metadata.is_file() {
        return exposed("is no regular file", "name the library itself");
    }
    if metadata.len() > LARGEST {
        return exposed("is larger than 64 MiB", "name the library itself");
    }
    judge_owner(path, metadata)?;
    if metadata.mode() & SHARED_WRITE != 0 {
        return exposed("may be written by its group or by others", "chmod go-w");
    }
    Ok(())
}

/// Whoever may rename a folder above the library may put another library in its place.
fn judge_folders(path: &Path) -> Result<(), LoadError> {
    let real =
        path.canonicalize().map_err(|source| LoadError::Unreadable { path: path.to_owned(), source })?;
    for folder in real.ancestors().skip(1).chain(path.ancestors().skip(1)) {
        let metadata = std::fs::metadata(folder)
            .map_err(|source| LoadError::Unreadable { path: folder.to_owned(), source })?;
        judge_owner(folder, &metadata)?;
        if metadata.mode() & SHARED_WRITE != 0 && metadata.mode() & STICKY == 0 {
            let problem = "may be written by its group or by others";
            return Err(LoadError::Exposed { path: folder.to_owned(), problem, hint: "chmod go-w" });
        }
    }
    Ok(())
}

fn judge_owner(path: &Path, metadata: &std::fs::Metadata) -> Result<(), LoadError> {
    // The daemon's own user could change the daemon itself anyway.
    if metadata.uid() == 0 || metadata.uid() == geteuid().as_raw() {
        return Ok(());
    }
    Err(LoadError::Exposed { path: path.to_owned(), problem: "does not belong to root", hint: "chown root" })
}

fn hash(file: &mut File) -> io::Result<String> {
    let mut bytes = Vec::new();
    file.take(LARGEST).read_to_end(&mut bytes)?;
    Ok(Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect())
}

/// What became of each content that was ever given to the dynamic linker, by SHA-256. The linker's own list is the
/// process's, and so is this one: it keeps a library from being run anew with every reload of the configuration.
static GIVEN: Mutex<Vec<(String, Loaded)>> = Mutex::new(Vec::new());

type Loaded = Result<(&'static opennmc_driver, &'static str), Refused>;

#[derive(Debug, Clone)]
enum Refused {
    Linker(String),
    NoDriver(String),
}

/// The driver in `file`, whose content has this hash.
fn load_once(file: &File, sha256: &str) -> Loaded {
    let mut given = GIVEN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, loaded)) = given.iter().find(|(content, _)| content == sha256) {
        return loaded.clone();
    }
    // The linker takes a library of the same name for the same library, and numbers of descriptors come again: no name is
    // used twice.
    let name = format!("/proc/self/fd/{}{}", "./".repeat(given.len()), file.as_raw_fd());
    let loaded = open(&name);
    given.push((sha256.to_owned(), loaded.clone()));
    loaded
}

fn open(name: &str) -> Loaded {
    let no_driver = |problem: &str| Err(Refused::NoDriver(problem.to_owned()));
    // SAFETY: the code that runs now is the file's, which the administrator trusts by its hash.
    let library = unsafe { Library::open(Some(name), RTLD_NOW | RTLD_LOCAL) };
    let library = library.map_err(|error| Refused::Linker(error.to_string()))?;
    // SAFETY: the symbol's type is what the header demands under this name.
    let entry = unsafe { library.get::<opennmc_driver_entry_function>(ENTRY.to_bytes_with_nul()) };
    let Some(function) = entry.ok().and_then(|entry| *entry) else {
        return no_driver(&format!("it has no function `{ENTRY_NAME}`: it is no driver"));
    };
    // From here on its code may be anywhere: it stays.
    std::mem::forget(library);
    // SAFETY: as declared in the header.
    let driver = unsafe { function() };
    // SAFETY: the header demands a structure that stays, or NULL; its first two members are the same in every version.
    let Some([abi, size]) = (unsafe { driver.cast::<[u32; 2]>().as_ref() }) else {
        return no_driver(&format!("its `{ENTRY_NAME}` gave NULL"));
    };
    if *abi != OPENNMC_DRIVER_ABI {
        return no_driver(&format!(
            "it was built for version {abi} of the driver interface, and this OpenNMC has {OPENNMC_DRIVER_ABI}; build it \
             with this version's opennmc_driver.h"
        ));
    }
    if usize::try_from(*size).unwrap_or(0) < size_of::<opennmc_driver>() {
        return no_driver("it says that its `opennmc_driver` is smaller than in the header");
    }
    // SAFETY: it is as large as its author said, and stays.
    let driver = unsafe { &*driver };
    if let Some(name) = missing_function(driver) {
        return no_driver(&format!("its function `{name}` is NULL"));
    }
    let name = read_name(driver).map_err(Refused::NoDriver)?;
    Ok((driver, name))
}

fn missing_function(driver: &opennmc_driver) -> Option<&'static str> {
    let present = [
        ("name", driver.name.is_some()),
        ("create", driver.create.is_some()),
        ("destroy", driver.destroy.is_some()),
        ("handle_open", driver.handle_open.is_some()),
        ("handle_close", driver.handle_close.is_some()),
        ("handle_input", driver.handle_input.is_some()),
        ("handle_timeout", driver.handle_timeout.is_some()),
        ("deadline", driver.deadline.is_some()),
        ("run", driver.run.is_some()),
        ("set", driver.set.is_some()),
    ];
    present.into_iter().find(|(_, there)| !there).map(|(name, _)| name)
}

fn read_name(driver: &opennmc_driver) -> Result<&'static str, String> {
    let Some(name) = driver.name else { return Err("its function `name` is NULL".to_owned()) };
    // SAFETY: as declared in the header.
    let name = unsafe { name() };
    if name.is_null() {
        return Err("its `name` gave NULL".to_owned());
    }
    // SAFETY: not NULL, and ended with NUL as the header demands.
    let name = unsafe { CStr::from_ptr(name) }.to_string_lossy().into_owned();
    let fits = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_');
    if name.is_empty() || name.len() > 32 || !name.chars().all(fits) {
        return Err(format!("its name {name:?} is not 1 to 32 letters, digits, `-` or `_`"));
    }
    // As long-lived as the library itself, which is never unloaded.
    Ok(name.leak())
}
