//! Compiled plugins on disk: so that a start does not compile again.
//!
//! A compiled form is as trusted as the program itself: wasmtime runs what it finds. So each file is sealed with a key that
//! only the host's user can read, under its own name; one that was cut off, changed or renamed is thrown away and made anew.
//! Nothing here is ever needed: a folder that can't be written costs time, not plugins.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use super::Target;
use crate::config::{Existing, write_file};
use crate::plugin::Digest;

/// Goes up when compiled forms of before must not be used any more, whatever wasmtime says of them: when it mends its
/// compiler within a major version.
const GENERATION: u32 = 1;
/// The key's file, in the folder for state. Hidden files are in no backup.
const KEY: &str = ".cache.key";
const KEY_BYTES: usize = 32;
/// In front of what was compiled.
const SEAL_BYTES: usize = 32;
/// A host has a dozen plugins; some versions of each.
const FILES: usize = 64;

/// The folder and its key.
pub(super) struct Cache {
    folder: PathBuf,
    key: Vec<u8>,
}

impl Cache {
    /// The cache in a folder for state; made when there is none.
    pub(super) fn open(state_dir: &Path) -> io::Result<Self> {
        let folder = state_dir.join("cache");
        match DirBuilder::new().mode(0o700).create(&folder) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        Ok(Self { folder, key: key(&state_dir.join(KEY))? })
    }

    /// The compiled form of this component, if it was kept and nobody has touched it.
    pub(super) fn read(&self, digest: Digest, target: Target) -> Option<Vec<u8>> {
        let name = name(digest, target);
        let path = self.folder.join(&name);
        let mut file = fs::read(&path).ok()?;
        if file.len() >= SEAL_BYTES {
            let (seal, compiled) = file.split_at(SEAL_BYTES);
            // Compares in constant time.
            if self.mac(&name, compiled).verify_slice(seal).is_ok() {
                file.drain(..SEAL_BYTES);
                return Some(file);
            }
        }
        tracing::warn!(file = %path.display(), "a compiled plugin was changed behind our back; it is made anew");
        self.forget(digest, target);
        None
    }

    /// Keeps a compiled form.
    pub(super) fn write(&self, digest: Digest, target: Target, compiled: &[u8]) -> io::Result<()> {
        let name = name(digest, target);
        let mut file = self.mac(&name, compiled).finalize().into_bytes().to_vec();
        file.extend_from_slice(compiled);
        write_file(&self.folder.join(name), &file, 0o600, Existing::Replace)?;
        self.prune()
    }

    /// Removes a compiled form that is no good.
    pub(super) fn forget(&self, digest: Digest, target: Target) {
        // If it can't be removed, it can't be replaced either, and is judged again the next time.
        let _ = fs::remove_file(self.folder.join(name(digest, target)));
    }

    /// Removes every compiled form of a component; needs no key. Tells how many that were.
    pub(super) fn drop_forms(state_dir: &Path, digest: Digest) -> io::Result<usize> {
        let Ok(entries) = fs::read_dir(state_dir.join("cache")) else { return Ok(0) };
        let of_it = format!("{digest}-");
        let mut count = 0;
        for entry in entries.filter_map(Result::ok) {
            if entry.file_name().to_str().is_some_and(|name| name.starts_with(&of_it)) {
                fs::remove_file(entry.path())?;
                count += 1;
            }
        }
        Ok(count)
    }

    /// Keeps the newest files only.
    fn prune(&self) -> io::Result<()> {
        let mut files: Vec<(SystemTime, PathBuf)> = fs::read_dir(&self.folder)?
            .filter_map(Result::ok)
            .filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path())))
            .collect();
        files.sort_unstable();
        let surplus = files.len().saturating_sub(FILES);
        files.iter().take(surplus).try_for_each(|(_, path)| fs::remove_file(path))
    }

    fn mac(&self, name: &str, compiled: &[u8]) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key).expect("HMAC takes keys of any length");
        mac.update(name.as_bytes());
        mac.update(&[0]);
        mac.update(compiled);
        mac
    }
}

/// Which wasmtime it was made by is in the file itself.
fn name(digest: Digest, target: Target) -> String {
    format!("{digest}-{target}-{GENERATION}.cwasm")
}

fn key(path: &Path) -> io::Result<Vec<u8>> {
    match fs::read(path) {
        Ok(key) if key.len() == KEY_BYTES => return Ok(key),
        // What was sealed with something else is compiled again.
        Ok(_) => fs::remove_file(path)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let mut key = vec![0; KEY_BYTES];
    getrandom::fill(&mut key).map_err(io::Error::other)?;
    match write_file(path, &key, 0o600, Existing::Keep) {
        // Somebody else was a moment faster.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => fs::read(path),
        written => written.map(|()| key),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: Digest = Digest([7; 32]);
    const TARGET: Target = Target::Pulley64;

    fn file(state: &Path) -> PathBuf {
        state.join("cache").join(name(DIGEST, TARGET))
    }

    #[test]
    fn what_was_kept_is_found_again_by_another_process_with_the_same_key() {
        let state = tempfile::tempdir().unwrap();
        Cache::open(state.path()).unwrap().write(DIGEST, TARGET, b"code").unwrap();
        let cache = Cache::open(state.path()).unwrap();
        assert_eq!(cache.read(DIGEST, TARGET).unwrap(), b"code");
        assert_eq!(cache.read(DIGEST, Target::Pulley32), None);
        assert_eq!(cache.read(Digest([8; 32]), TARGET), None);
    }

    #[test]
    fn a_compiled_form_that_was_changed_cut_off_or_renamed_is_thrown_away() {
        let state = tempfile::tempdir().unwrap();
        let cache = Cache::open(state.path()).unwrap();
        let changes: [fn(&mut Vec<u8>); 4] =
            [|file| file[40] ^= 1, |file| file.truncate(35), |file| file.truncate(3), |file| file.clear()];
        for change in changes {
            cache.write(DIGEST, TARGET, b"code of a plugin").unwrap();
            let mut bytes = fs::read(file(state.path())).unwrap();
            change(&mut bytes);
            fs::write(file(state.path()), bytes).unwrap();
            assert_eq!(cache.read(DIGEST, TARGET), None);
            assert!(!file(state.path()).exists());
        }
        cache.write(Digest([8; 32]), TARGET, b"code of another").unwrap();
        fs::rename(state.path().join("cache").join(name(Digest([8; 32]), TARGET)), file(state.path()))
            .unwrap();
        assert_eq!(cache.read(DIGEST, TARGET), None);
    }

    #[test]
    fn another_key_opens_nothing() {
        let state = tempfile::tempdir().unwrap();
        Cache::open(state.path()).unwrap().write(DIGEST, TARGET, b"code").unwrap();
        fs::remove_file(state.path().join(KEY)).unwrap();
        assert_eq!(Cache::open(state.path()).unwrap().read(DIGEST, TARGET), None);
    }

    #[test]
    fn the_cache_does_not_grow_without_end() {
        let state = tempfile::tempdir().unwrap();
        let cache = Cache::open(state.path()).unwrap();
        for number in 0..FILES as u8 + 5 {
            cache.write(Digest([number; 32]), TARGET, b"code").unwrap();
        }
        assert_eq!(fs::read_dir(state.path().join("cache")).unwrap().count(), FILES);
        assert!(cache.read(Digest([FILES as u8 + 4; 32]), TARGET).is_some());
    }
}
