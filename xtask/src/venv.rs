//! Python environments under `target/`: what is in one is what was asked for, and it is fetched again only when that changes.

use std::ffi::OsStr;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::command::Run;
use crate::console;

/// A virtual environment of the Python that is first in `PATH`.
pub(crate) struct Venv {
    folder: PathBuf,
}

impl Venv {
    /// The one in `folder`, which may be missing.
    pub(crate) fn at(folder: PathBuf) -> Venv {
        Venv { folder }
    }

    /// Makes it with what these arguments of `pip install` name, unless it was made for the same `wanted`.
    pub(crate) fn prepare<A: AsRef<OsStr>>(
        &self,
        wanted: &str,
        install: impl IntoIterator<Item = A>,
    ) -> Result<()> {
        if self.is_made_for(wanted) {
            console::remark("they are there");
            return Ok(());
        }
        console::remark(&format!(
            "making {}, and fetching from PyPI what goes into it",
            self.folder.display()
        ));
        Run::new("python3").args(["-m", "venv", "--clear"]).arg(&self.folder).quiet()?;
        self.pip("install").args(install).quiet()?;
        let stamp = self.stamp();
        fs::write(&stamp, wanted).with_context(|| format!("could not write {}", stamp.display()))
    }

    /// Whether it is there, and nothing else was asked for when it was made.
    pub(crate) fn is_made_for(&self, wanted: &str) -> bool {
        fs::read_to_string(self.stamp()).is_ok_and(|made_for| made_for == wanted)
            && self.python().arg("--version").succeeds()
    }

    /// Its Python, with nothing of the caller's in its way.
    pub(crate) fn python(&self) -> Run {
        Run::new(self.folder.join("bin/python")).env("PYTHONPATH", "").env("PYTHONDONTWRITEBYTECODE", "1")
    }

    /// Its pip.
    pub(crate) fn pip(&self, subcommand: &str) -> Run {
        self.python().args(["-m", "pip", "--disable-pip-version-check", subcommand])
    }

    fn stamp(&self) -> PathBuf {
        self.folder.join("made-for")
    }
}
