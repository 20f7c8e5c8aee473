//! `cargo xtask python`: the Python package, built and tested as its users get it.
//!
//! Everything happens in an environment of its own under `target/python`: the package is installed there with its library
//! inside, so that a library or a package of the system can not stand in for it. What comes from PyPI is what the package's
//! `pyproject.toml` names for its tests, and it is fetched again only when that file changes.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::command::Run;
use crate::setup;
use crate::steps::Steps;
use crate::venv::Venv;
use crate::workspace::{Profile, Workspace};

/// The simulator that the tests start, by this variable.
const SIMULATOR: &str = "apcsmart-sim";
const SIMULATOR_VARIABLE: &str = "APCSMART_SIM";

/// Builds the package and runs its tests.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    let mut steps = Steps::new("python");
    steps.step("Python itself", || setup::ensure(workspace, setup::Task::Python))?;
    add_to(&mut steps, workspace)?;
    steps.finish();
    Ok(())
}

/// The steps, for this task and for `test`.
pub(crate) fn add_to(steps: &mut Steps, workspace: &Workspace) -> Result<()> {
    let environment = Environment::of(workspace);
    steps.step("Python tools", || environment.prepare())?;
    steps.step("Python package", || environment.install())?;
    steps.step("Python tests", || environment.test())
}

/// A virtual environment with the package in it.
struct Environment<'a> {
    workspace: &'a Workspace,
    folder: PathBuf,
    venv: Venv,
    package: PathBuf,
}

impl Environment<'_> {
    fn of(workspace: &Workspace) -> Environment<'_> {
        let folder = workspace.target().join("python");
        Environment {
            workspace,
            venv: Venv::at(folder.clone()),
            folder,
            package: workspace.root().join("bindings/python"),
        }
    }

    /// Makes the environment with what the tests need, unless it is there.
    fn prepare(&self) -> Result<()> {
        let path = self.package.join("pyproject.toml");
        let wanted =
            fs::read_to_string(&path).with_context(|| format!("could not read {}", path.display()))?;
        self.venv.prepare(&wanted, requirements(&wanted)?)
    }

    /// Builds the package with its library and installs it.
    fn install(&self) -> Result<()> {
        self.here(self.venv.pip("install"))
            .args(["--no-deps", "--no-build-isolation", "--force-reinstall"])
            .arg(&self.package)
            .quiet()
    }

    fn test(&self) -> Result<()> {
        Run::cargo(self.workspace, "build")
            .args(["--package", "libapcsmart", "--bin", SIMULATOR, "--locked"])
            .show()?;
        self.here(self.venv.python())
            .args(["-m", "pytest", "-o"])
            .arg(format!("cache_dir={}", self.folder.join("pytest-cache").display()))
            .env(SIMULATOR_VARIABLE, self.workspace.program(SIMULATOR, Profile::Dev))
            .env("MYPY_CACHE_DIR", self.folder.join("mypy-cache"))
            .show()
    }

    /// What it builds with cargo is shared with us, and it uses the library that it was installed with.
    fn here(&self, run: Run) -> Run {
        run.in_folder(&self.package)
            .env("CARGO_TARGET_DIR", self.workspace.target())
            .env("APCSMART_LIBRARY", "")
    }
}

/// What builds the package, and what tests it.
fn requirements(pyproject: &str) -> Result<Vec<String>> {
    let project: toml::Table =
        toml::from_str(pyproject).context("the package's pyproject.toml does not parse")?;
    let build = project.get("build-system").and_then(|table| table.get("requires"));
    let test = project
        .get("project")
        .and_then(|table| table.get("optional-dependencies"))
        .and_then(|table| table.get("test"));
    let mut all = Vec::new();
    for list in [build, test] {
        let names =
            list.and_then(toml::Value::as_array).context("pyproject.toml does not say what it requires")?;
        all.extend(names.iter().filter_map(|name| name.as_str().map(str::to_owned)));
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_gets_what_builds_the_package_and_what_tests_it() {
        let workspace = Workspace::find().unwrap();
        let pyproject = fs::read_to_string(workspace.root().join("bindings/python/pyproject.toml")).unwrap();
        let names = requirements(&pyproject).unwrap();
        for wanted in ["hatchling", "mypy", "pytest"] {
            assert!(names.iter().any(|name| name.starts_with(wanted)), "{wanted} is not in {names:?}");
        }
    }

    #[test]
    fn a_project_that_names_nothing_is_refused() {
        assert!(requirements("[project]\nname = \"x\"\n").is_err());
    }
}
