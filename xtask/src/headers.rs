//! `cargo xtask headers`: the C headers, made of the Rust code that they declare.
//!
//! Headers are committed, so that C programmers need no Rust tools; `--check` says whether the committed ones are still
//! true. Nothing but this writes below `include/`.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::console;
use crate::workspace::Workspace;

/// What `cargo xtask headers` takes.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Only compare: fail when a header is not what the code says.
    #[arg(long)]
    check: bool,
}

/// A header and what it is made of.
struct Header {
    /// Where it is.
    path: &'static str,
    /// How cbindgen makes it.
    settings: &'static str,
    /// The module with the declarations; those that it names belong to it.
    module: &'static str,
}

const HEADERS: [Header; 2] = [
    Header {
        path: "include/apcsmart.h",
        settings: "libapcsmart/cbindgen.toml",
        module: "libapcsmart/src/capi/mod.rs",
    },
    Header {
        path: "include/opennmc_driver.h",
        settings: "opennmc-host/cbindgen.toml",
        module: "opennmc-host/src/driver/native/abi.rs",
    },
];

/// Writes the headers, or compares them.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    if options.check {
        return check(workspace);
    }
    for header in &HEADERS {
        let path = workspace.root().join(header.path);
        let text = make(workspace.root(), header)?;
        if fs::read_to_string(&path).is_ok_and(|present| present == text) {
            continue;
        }
        let folder = path.parent().context("a header lies in a folder")?;
        fs::create_dir_all(folder).with_context(|| format!("could not make {}", folder.display()))?;
        fs::write(&path, text).with_context(|| format!("could not write {}", path.display()))?;
        console::remark(&format!("wrote {}", header.path));
    }
    Ok(())
}

/// Fails when a committed header is not what the code says.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    for header in &HEADERS {
        let path = workspace.root().join(header.path);
        let committed =
            fs::read_to_string(&path).with_context(|| format!("could not read {}", path.display()))?;
        let made = make(workspace.root(), header)?;
        if committed != made {
            bail!(
                "{} is not what the code says ({}); run `cargo xtask headers` and commit it",
                header.path,
                first_difference(&committed, &made)
            );
        }
    }
    Ok(())
}

fn make(root: &Path, header: &Header) -> Result<String> {
    let settings = root.join(header.settings);
    let config = cbindgen::Config::from_file(&settings)
        .map_err(|problem| anyhow::anyhow!("{}: {problem}", settings.display()))?;
    let builder = cbindgen::Builder::new().with_config(config).with_src(root.join(header.module));
    let bindings = builder.generate().with_context(|| format!("cbindgen could not make {}", header.path))?;
    let mut text = Vec::new();
    bindings.write(&mut text);
    let text = String::from_utf8(text).context("cbindgen wrote something that is not UTF-8")?;
    Ok(text.trim_start().to_owned())
}

fn first_difference(committed: &str, made: &str) -> String {
    let differs = committed.lines().zip(made.lines()).position(|(one, other)| one != other);
    let line = differs.unwrap_or_else(|| committed.lines().count().min(made.lines().count()));
    format!("from line {}: {:?}", line + 1, made.lines().nth(line).unwrap_or("the end"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_headers_are_what_the_code_says() {
        check(&Workspace::find().unwrap()).unwrap();
    }

    #[test]
    fn a_difference_is_told_with_its_line() {
        assert_eq!(first_difference("a\nb\n", "a\nc\n"), "from line 2: \"c\"");
        assert_eq!(first_difference("a\n", "a\nc\n"), "from line 2: \"c\"");
        assert_eq!(first_difference("a\nb\n", "a\n"), "from line 2: \"the end\"");
    }
}
