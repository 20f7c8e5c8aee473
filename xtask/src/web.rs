//! The pages of the plugin `web-ui`: built by npm into its `assets/`, and tested in a headless browser.
//!
//! What is up to date is neither installed nor built again. Nothing is taken from the npm registry but what the lock file
//! names with its hash.

use std::fs;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::command::Run;
use crate::setup;
use crate::workspace::{Profile, Workspace};
use crate::{build, console, steps::Steps};

/// What Vite needs; Debian's may be older.
const OLDEST_NODE: u32 = 20;
/// These make no difference to what is built.
const NOT_BUILT: [&str; 5] = ["node_modules", "tests", "mock", "test-results", "playwright-report"];

/// `cargo xtask web-test`: builds the pages and tries them in Chromium.
pub(crate) fn test(workspace: &Workspace) -> Result<()> {
    let mut steps = Steps::new("web-test");
    add_to(&mut steps, workspace)?;
    steps.finish();
    Ok(())
}

/// The steps, for this task and for `ci`.
pub(crate) fn add_to(steps: &mut Steps, workspace: &Workspace) -> Result<()> {
    let pages = Pages::of(workspace);
    steps.step("a browser for the pages", || setup::ensure(workspace, setup::Task::Pages))?;
    steps.step("the pages", || pages.build())?;
    // Another task may have left a daemon that was built for other tests.
    steps.step("what the pages are of", || build::everything(workspace, Profile::Dev))?;
    steps.step("the pages' types", || pages.npm(&["run", "--silent", "check"]).show())?;
    steps.step("the pages in a browser", || pages.npm(&["run", "--silent", "test"]).show())
}

/// Builds the pages unless they are as the sources say, before the plugins are packed. Who has no Node.js, or no network, gets the
/// plugin without its pages.
pub(crate) fn build(workspace: &Workspace) {
    let pages = Pages::of(workspace);
    let built = setup::ensure(workspace, setup::Task::Build).and_then(|()| pages.build());
    if let Err(problem) = built {
        console::notice(&format!("the plugin web-ui is packed without its pages: {problem:#}"));
    }
}

struct Pages {
    sources: PathBuf,
    assets: PathBuf,
    stamp: PathBuf,
}

impl Pages {
    fn of(workspace: &Workspace) -> Pages {
        let plugin = workspace.root().join("plugins/web-ui");
        Pages {
            sources: plugin.join("web"),
            assets: plugin.join("assets"),
            stamp: workspace.target().join("web-ui-built"),
        }
    }

    fn build(&self) -> Result<()> {
        let now = fingerprint(&self.sources)?;
        self.install()?;
        let built = fs::read_to_string(&self.stamp).unwrap_or_default();
        if built == now && self.assets.join("index.html").is_file() {
            return Ok(());
        }
        console::heading("Building the pages");
        require_node()?;
        self.npm(&["run", "--silent", "build"]).show()?;
        if let Some(folder) = self.stamp.parent() {
            fs::create_dir_all(folder).with_context(|| format!("could not make {}", folder.display()))?;
        }
        fs::write(&self.stamp, now).with_context(|| format!("could not write {}", self.stamp.display()))
    }

    /// `npm ci`, when the lock file is another than the one that was installed.
    fn install(&self) -> Result<()> {
        let wanted = fs::read_to_string(self.sources.join("package-lock.json"))
            .context("the pages have no lock file")?;
        let stamp = self.sources.join("node_modules/.installed-lock.json");
        if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
            return Ok(());
        }
        console::heading("Installing what builds the pages");
        require_node()?;
        self.npm(&["ci", "--no-audit", "--no-fund"]).quiet()?;
        fs::write(&stamp, wanted).with_context(|| format!("could not write {}", stamp.display()))
    }

    fn npm(&self, arguments: &[&str]) -> Run {
        // Playwright's own browsers are not wanted: the tests run in the system's.
        Run::new("npm")
            .args(arguments)
            .in_folder(&self.sources)
            .env("PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD", "1")
            .env("FORCE_COLOR", "0")
    }
}

fn require_node() -> Result<()> {
    let told = Run::new("node").arg("--version").read_stdout()?;
    match major(&told) {
        Some(version) if version >= OLDEST_NODE => Ok(()),
        _ => bail!(
            "the pages are built with Node.js {OLDEST_NODE} or newer, and `node` here is {}",
            told.trim()
        ),
    }
}

/// Of `v20.19.1`: 20.
fn major(told: &str) -> Option<u32> {
    told.trim().strip_prefix('v')?.split('.').next()?.parse().ok()
}

/// Of the names and contents of everything that goes into the build. Compared on this machine only.
fn fingerprint(sources: &Path) -> Result<String> {
    let mut files = Vec::new();
    collect(sources, &mut files)?;
    files.sort();
    let mut hash = DefaultHasher::new();
    for path in files {
        path.strip_prefix(sources).unwrap_or(&path).hash(&mut hash);
        fs::read(&path).with_context(|| format!("could not read {}", path.display()))?.hash(&mut hash);
    }
    Ok(format!("{:016x}", hash.finish()))
}

fn collect(folder: &Path, into: &mut Vec<PathBuf>) -> Result<()> {
    let entries = fs::read_dir(folder).with_context(|| format!("could not read {}", folder.display()))?;
    for entry in entries {
        let entry = entry?;
        if NOT_BUILT.iter().any(|name| entry.file_name() == *name) {
            continue;
        }
        if entry.file_type()?.is_dir() {
            collect(&entry.path(), into)?;
        } else {
            into.push(entry.path());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_major_version_is_read_from_what_node_says() {
        assert_eq!(major("v20.19.1\n"), Some(20));
        assert_eq!(major("20.19.1"), None);
    }

    #[test]
    fn the_fingerprint_changes_with_a_source_and_not_with_a_test() {
        let folder = tempfile::tempdir().unwrap();
        for part in ["src", "tests"] {
            fs::create_dir(folder.path().join(part)).unwrap();
        }
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        write("src/a.ts", "1");
        let first = fingerprint(folder.path()).unwrap();
        write("tests/a.ts", "1");
        assert_eq!(fingerprint(folder.path()).unwrap(), first);
        write("src/a.ts", "2");
        assert_ne!(fingerprint(folder.path()).unwrap(), first);
    }
}
