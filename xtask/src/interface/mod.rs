//! The plugin interface: that it parses, that it still fits the plugins of released versions, and its reference for people.
//!
//! `opennmc-host/wit/plugin.wit` is the only source. What was released lies in `wit/baseline/VERSION/` and is never changed.

mod reference;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use wit_parser::{Resolve, WorldId};

use crate::console;
use crate::workspace::Workspace;

/// The world that has every interface.
const WORLD: &str = "everything";
const FOLDER: &str = "opennmc-host/wit";
const REFERENCE: &str = "docs/plugin-interface.md";
/// Two packages in one resolve need two versions; the check itself forgets them.
const BASELINE_SUFFIX: &str = "-baseline";

/// What `cargo xtask interface` takes.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Only compare: fail when the reference is not what the interface says.
    #[arg(long)]
    check: bool,
}

/// Writes the reference, or checks everything.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    if options.check {
        return check(workspace);
    }
    let text = reference::text(&read(&workspace.root().join(FOLDER).join("plugin.wit"))?)?;
    let path = workspace.root().join(REFERENCE);
    if !fs::read_to_string(&path).is_ok_and(|present| present == text) {
        fs::write(&path, text).with_context(|| format!("could not write {}", path.display()))?;
        console::remark(&format!("wrote {REFERENCE}"));
    }
    Ok(())
}

/// The interface fits what was released, and the reference fits the interface.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    let folder = workspace.root().join(FOLDER);
    let now = read(&folder.join("plugin.wit"))?;
    for released in baselines(&folder.join("baseline"))? {
        fits(&read(&released)?, &now).with_context(|| {
            format!(
                "plugins built against {} would no longer run; add a function or an interface instead, or begin another \
                 version of the package",
                released.display()
            )
        })?;
        console::remark(&format!("fits plugins built against {}", released.display()));
    }
    let committed = read(&workspace.root().join(REFERENCE))?;
    if committed != reference::text(&now)? {
        bail!("{REFERENCE} is not what {FOLDER}/plugin.wit says; run `cargo xtask interface` and commit it");
    }
    Ok(())
}

fn baselines(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).with_context(|| format!("could not read {}", folder.display()))?;
    let mut files: Vec<PathBuf> = entries
        .flatten()
        .map(|entry| entry.path().join("plugin.wit"))
        .filter(|path| path.is_file())
        .collect();
    files.sort();
    if files.is_empty() {
        bail!("{} has no baseline: nothing would be compared", folder.display());
    }
    Ok(files)
}

/// Whether every plugin that was built against `before` runs on a host that offers `now`.
fn fits(before: &str, now: &str) -> Result<()> {
    let mut resolve = Resolve::default();
    let before = world(&mut resolve, &as_baseline(before)?)?;
    let now = world(&mut resolve, now)?;
    // The host asks a component what it exports: an interface that an old plugin lacks is one that it does not offer.
    let known: Vec<String> =
        resolve.worlds[before].exports.keys().map(|key| interface(&resolve.name_world_key(key))).collect();
    let new: Vec<_> = resolve.worlds[now].exports.keys().cloned().collect();
    for key in new {
        if !known.contains(&interface(&resolve.name_world_key(&key))) {
            resolve.worlds[now].exports.shift_remove(&key);
        }
    }
    wit_component::semver_check(resolve, before, now)
}

fn world(resolve: &mut Resolve, text: &str) -> Result<WorldId> {
    let package = resolve.push_source("plugin.wit", text)?;
    resolve.select_world(&[package], Some(WORLD))
}

/// The name without the version.
fn interface(name: &str) -> String {
    name.split('@').next().unwrap_or(name).to_owned()
}

fn as_baseline(text: &str) -> Result<String> {
    let line =
        text.lines().find(|line| line.starts_with("package ")).context("the baseline names no package")?;
    let renamed = line.trim_end_matches(';').to_owned() + BASELINE_SUFFIX + ";";
    Ok(text.replacen(line, &renamed, 1))
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("could not read {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const RELEASED: &str = include_str!("../../../opennmc-host/wit/baseline/0.1/plugin.wit");

    fn changed(from: &str, to: &str) -> String {
        assert!(RELEASED.contains(from), "the baseline has no `{from}`");
        RELEASED.replacen(from, to, 1)
    }

    #[test]
    fn the_interface_fits_itself() {
        fits(RELEASED, RELEASED).unwrap();
    }

    #[test]
    fn a_new_field_of_a_record_breaks_plugins() {
        let now = changed("    generation: u64,\n", "    generation: u64,\n    rack: string,\n");
        assert!(fits(RELEASED, &now).is_err());
    }

    #[test]
    fn a_new_function_of_an_imported_interface_breaks_none() {
        let now = changed(
            "  wall-ms: func() -> u64;\n",
            "  wall-ms: func() -> u64;\n  leap-seconds: func() -> u32;\n",
        );
        fits(RELEASED, &now).unwrap();
    }

    #[test]
    fn a_new_interface_breaks_none_on_either_side() {
        let interface =
            "interface lamps {\n  light: func();\n}\n\nworld everything {\n  import lamps;\n  export lamps;";
        fits(RELEASED, &changed("world everything {", interface)).unwrap();
    }

    #[test]
    fn a_new_function_that_plugins_would_have_to_export_breaks_them() {
        let now = changed("  stop: func();\n", "  stop: func();\n  pause: func();\n");
        assert!(fits(RELEASED, &now).is_err());
    }

    #[test]
    fn a_function_that_goes_or_changes_breaks_plugins() {
        assert!(fits(RELEASED, &changed("  uptime-ms: func() -> u64;\n", "")).is_err());
        assert!(
            fits(RELEASED, &changed("  uptime-ms: func() -> u64;", "  uptime-ms: func() -> u32;")).is_err()
        );
    }

    #[test]
    fn the_reference_names_every_function() {
        let text = reference::text(RELEASED).unwrap();
        let functions: Vec<&str> = RELEASED
            .lines()
            .filter_map(|line| line.strip_prefix("  ")?.split_once(": func("))
            .map(|(name, _)| name)
            .collect();
        assert!(functions.len() > 50, "{functions:?}");
        for function in functions {
            assert!(text.contains(&format!("\n{function}: func(")), "{function}");
        }
    }
}
