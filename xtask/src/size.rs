//! `cargo xtask size`: the program as it ships for the card, for this machine's processor, weighed; and what it is made of.
//!
//! It is linked with its symbols, which say what belongs to which crate, and weighed without them. A function counts for the crate
//! that its name begins with: what a crate makes of the generics of another is mostly the other's.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};

use crate::command::Run;
use crate::workspace::Workspace;

/// What design and card allow the program, stripped.
const MOST_BYTES: u64 = 6_000_000;
/// Crates that are named in the table; the others are counted together.
const NAMED: usize = 24;
/// Relocations as bit maps, a hundredth of their size otherwise. The program then needs a libc that knows them: glibc 2.36, musl 1.2.4.
const LINK_FLAGS: [&str; 2] = ["-Cstrip=none", "-Clink-arg=-Wl,-z,pack-relative-relocs"];
/// What the C compiler need not make: nothing of ours unwinds through C.
const C_FLAGS: &str = "-fno-asynchronous-unwind-tables -fno-unwind-tables";

/// What `cargo xtask size` takes.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Fail when the program is too large.
    #[arg(long)]
    enforce: bool,
}

/// Builds the program, says what is in it, and weighs it.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    Run::cargo(workspace, "rustc")
        .args(["--package", "opennmc-host", "--bin", "opennmc", "--no-default-features"])
        .args(["--profile", "dist", "--locked", "--"])
        .args(LINK_FLAGS)
        .env("CFLAGS", C_FLAGS)
        .show()?;
    let folder = workspace.target().join("dist");
    let (program, stripped) = (folder.join("opennmc"), folder.join("opennmc.stripped"));
    Run::new("strip").arg("--strip-all").arg("-o").arg(&stripped).arg(&program).quiet()?;
    print!("{}{}", crates(&program, &in_c(&folder)?)?, sections(&stripped)?);
    let bytes = fs::metadata(&stripped).with_context(|| format!("no {}", stripped.display()))?.len();
    let kept = bytes <= MOST_BYTES;
    let verdict = if kept { "kept" } else { "MISSED" };
    println!("opennmc without a compiler, stripped: {bytes} bytes; target {MOST_BYTES}: {verdict}");
    ensure!(kept || !options.enforce, "the target was missed");
    Ok(())
}

/// The names that C libraries define, and the crates that bring them along.
fn in_c(folder: &Path) -> Result<HashMap<String, String>> {
    let mut names = HashMap::new();
    let builds = folder.join("build");
    for entry in fs::read_dir(&builds).with_context(|| format!("could not read {}", builds.display()))? {
        let build = entry?;
        let Ok(files) = fs::read_dir(build.path().join("out")) else { continue };
        let package = build.file_name().to_string_lossy().into_owned();
        let package = package.rsplit_once('-').map_or(package.as_str(), |(package, _hash)| package);
        for file in files {
            let path = file?.path();
            if path.extension().is_none_or(|extension| extension != "a") {
                continue;
            }
            let listed =
                Run::new("nm").args(["--defined-only", "--format=posix"]).arg(&path).read_stdout()?;
            for name in listed.lines().filter_map(|line| line.split(' ').next()) {
                names.insert(name.to_owned(), package.to_owned());
            }
        }
    }
    Ok(names)
}

/// The code by crate, as a table.
fn crates(program: &Path, in_c: &HashMap<String, String>) -> Result<String> {
    let listed =
        Run::new("nm").args(["--print-size", "--demangle", "--defined-only"]).arg(program).read_stdout()?;
    let mut crates: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    for symbol in listed.lines().filter_map(Symbol::read).filter(|symbol| symbol.is_code) {
        let name = in_c.get(symbol.name).map_or_else(|| crate_of(symbol.name), String::as_str);
        let (bytes, functions) = crates.entry(name).or_default();
        *bytes += symbol.size;
        *functions += 1;
    }
    let all: u64 = crates.values().map(|(bytes, _)| bytes).sum();
    let mut sorted: Vec<(&str, (u64, u64))> = crates.into_iter().collect();
    sorted.sort_by_key(|(_, (bytes, _))| std::cmp::Reverse(*bytes));
    let rest = sorted.split_off(sorted.len().min(NAMED));
    let mut table = format!("{:>10} {:>6} {:>10}  code of\n", "bytes", "share", "functions");
    let mut row = |name: &str, (bytes, functions): (u64, u64)| {
        let share = bytes as f64 * 100.0 / all.max(1) as f64;
        table.push_str(&format!("{bytes:>10} {share:>5.1}% {functions:>10}  {name}\n"));
    };
    sorted.iter().for_each(|(name, figures)| row(name, *figures));
    let sum = |figures: fn(&(u64, u64)) -> u64| rest.iter().map(|(_, both)| figures(both)).sum::<u64>();
    row(&format!("{} others", rest.len()), (sum(|both| both.0), sum(|both| both.1)));
    Ok(table)
}

/// One line of `nm`.
struct Symbol<'l> {
    size: u64,
    is_code: bool,
    name: &'l str,
}

impl<'l> Symbol<'l> {
    /// None of those that have no size.
    fn read(line: &'l str) -> Option<Self> {
        let mut words = line.splitn(4, ' ');
        let (_address, size, kind, name) = (words.next()?, words.next()?, words.next()?, words.next()?);
        let size = u64::from_str_radix(size, 16).ok()?;
        Some(Self { size, is_code: matches!(kind, "t" | "T" | "w" | "W"), name })
    }
}

/// The crate that a demangled name belongs to: the first that is not the language's own, so that a list of things is of the things'
/// crate.
fn crate_of(name: &str) -> &str {
    let mut first = None;
    let mut begin = None;
    for (index, letter) in name.char_indices() {
        let is_word = letter.is_alphanumeric() || letter == '_';
        match begin {
            None if is_word => begin = Some(index),
            Some(from) if !is_word => {
                begin = None;
                let is_root = name[index..].starts_with("::") && !name[..from].ends_with("::");
                let word = &name[from..index];
                if is_root && word.starts_with(|letter: char| letter.is_lowercase() || letter == '_') {
                    if !["alloc", "core", "std"].contains(&word) {
                        return word;
                    }
                    first = first.or(Some(word));
                }
            }
            _ => {}
        }
    }
    first.unwrap_or("(other C)")
}

/// What the file is made of, in the large.
fn sections(program: &Path) -> Result<String> {
    let listed = Run::new("size").arg("-A").arg(program).read_stdout()?;
    let mut kinds: BTreeMap<&str, u64> = BTreeMap::new();
    for line in listed.lines() {
        let mut words = line.split_whitespace();
        let (Some(name), Some(Ok(bytes))) = (words.next(), words.next().map(str::parse::<u64>)) else {
            continue;
        };
        let kind = match name {
            ".text" => "code",
            ".eh_frame" | ".eh_frame_hdr" | ".gcc_except_table" => "unwinding",
            ".rodata" => "constants",
            ".rela.dyn" | ".relr.dyn" | ".rela.plt" => "relocations",
            ".data" | ".data.rel.ro" => "data",
            _ => continue,
        };
        *kinds.entry(kind).or_default() += bytes;
    }
    Ok(kinds.iter().map(|(kind, bytes)| format!("{bytes:>10} {kind}\n")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_counts_for_the_first_crate_that_is_not_the_languages_own() {
        for (name, expected) in [
            ("rhai::eval::stmt::run", "rhai"),
            ("<toml::value::Value as serde::de::Deserialize>::deserialize", "toml"),
            ("core::ptr::drop_in_place<alloc::vec::Vec<clap::Arg>>", "clap"),
            ("<alloc::vec::Vec<u8> as core::clone::Clone>::clone", "alloc"),
            ("sqlite3_step", "(other C)"),
            ("_$LT$T$GT$::x", "(other C)"),
        ] {
            assert_eq!(crate_of(name), expected, "{name}");
        }
    }

    #[test]
    fn symbols_without_a_size_are_left_out() {
        let symbol = Symbol::read("000000000019f0a0 00000000000000a7 t <a::B as c::D>::e f").unwrap();
        assert_eq!((symbol.size, symbol.is_code, symbol.name), (0xa7, true, "<a::B as c::D>::e f"));
        assert!(Symbol::read("0000000000000000 T _init").is_none());
    }
}
