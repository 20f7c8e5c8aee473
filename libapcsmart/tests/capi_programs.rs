//! C and C++ programs with the library and a simulated UPS: the examples, the test program, the guide's code.
//!
//! All of it is compiled as C11 and as C++17 with warnings as errors. The programs run under valgrind: no error, no leak.

mod capi;
#[path = "peers/process.rs"]
#[allow(dead_code, clippy::unwrap_used)] // another test program's; this one uses a part
mod process;
#[path = "peers/simulated.rs"]
#[allow(dead_code, clippy::unwrap_used)]
mod simulated;

use std::path::{Path, PathBuf};
use std::process::Command;

use capi::{libraries, need, root, run};
use simulated::Simulated;
use tempfile::TempDir;

/// A language with its compiler.
#[derive(Clone, Copy, Debug)]
enum Language {
    C,
    Cpp,
}

const LANGUAGES: [Language; 2] = [Language::C, Language::Cpp];

impl Language {
    fn compiler(self) -> Command {
        let (program, package, settings): (_, _, &[&str]) = match self {
            Language::C => ("gcc", "gcc", &["-std=c11", "-D_GNU_SOURCE"]),
            Language::Cpp => ("g++", "g++", &["-std=c++17", "-x", "c++"]),
        };
        need(program, package);
        let mut command = Command::new(program);
        command.args(settings).args(["-g", "-Wall", "-Wextra", "-Wpedantic", "-Werror"]);
        command.arg("-I").arg(root().join("include"));
        command
    }
}

/// The sources in `bindings/c`, and what pkg-config knows of the packages beside ours.
fn compile(language: Language, sources: &[&str], packages: &[(&str, &str)], folder: &Path) -> PathBuf {
    let program = folder.join(format!("{}-{language:?}", sources[0].trim_end_matches(".c")));
    let mut compiler = language.compiler();
    compiler.args(pkg_config("--cflags", packages));
    compiler.args(sources.iter().map(|source| root().join("bindings/c").join(source)));
    compiler.args(["-pthread", "-o"]).arg(&program).args(["-x", "none"]);
    compiler.arg("-L").arg(libraries()).args(["-lapcsmart", "-lm"]).args(pkg_config("--libs", packages));
    run(&mut compiler);
    program
}

fn pkg_config(what: &str, packages: &[(&str, &str)]) -> Vec<String> {
    let mut flags = Vec::new();
    for (name, package) in packages {
        need("pkg-config", "pkg-config");
        let known = Command::new("pkg-config").args(["--exists", name]).status();
        assert!(
            known.is_ok_and(|status| status.success()),
            "pkg-config does not know {name}; install Debian's package {package}: apt-get install {package}"
        );
        let said = run(Command::new("pkg-config").arg(what).arg(name));
        flags.extend(said.split_whitespace().map(str::to_owned));
    }
    flags
}

fn valgrind(program: &Path) -> Command {
    need("valgrind", "valgrind");
    let mut command = Command::new("valgrind");
    command.args([
        "--quiet",
        "--error-exitcode=99",
        "--leak-check=full",
        "--show-leak-kinds=definite,indirect,possible",
    ]);
    command.args(["--errors-for-leak-kinds=definite,indirect,possible"]);
    command.arg(program).env("LD_LIBRARY_PATH", libraries());
    command
}

/// At the pace of a real line: the session doubts answers that come sooner than a line can carry them. The slack is for
/// programs that valgrind makes slow.
fn ups() -> Simulated {
    Simulated::start("smart-ups-1500", ["--pace", "--timing-slack", "5000"])
}

fn folder() -> TempDir {
    tempfile::tempdir().expect("no temporary folder")
}

#[test]
fn the_test_program_passes_in_c_and_in_cpp_without_memory_errors() {
    let folder = folder();
    for language in LANGUAGES {
        let program = compile(language, &["test_capi.c", "tty.c"], &[], folder.path());
        let ups = ups();
        let said = run(valgrind(&program).arg(ups.link()).arg(ups.socket()));
        assert!(said.contains("all checks passed"), "{said}");
    }
}

#[test]
fn the_blocking_example_prints_the_charge() {
    let folder = folder();
    for language in LANGUAGES {
        let program = compile(language, &["blocking.c"], &[], folder.path());
        let ups = ups();
        ups.control("charge 42");
        let said = run(valgrind(&program).arg(ups.link()));
        // The battery charges on while a busy machine takes its time.
        assert!(said.starts_with("42.") && said.ends_with(" %\n"), "{said}");
    }
}

#[test]
fn the_examples_with_a_loop_read_everything() {
    let folder = folder();
    const GLIB: &[(&str, &str)] = &[("glib-2.0", "libglib2.0-dev")];
    for (source, packages) in [("poll_loop.c", &[][..]), ("glib_loop.c", GLIB)] {
        for language in LANGUAGES {
            let program = compile(language, &[source, "tty.c"], packages, folder.path());
            let ups = ups();
            let said = run(valgrind(&program).arg(ups.link()));
            assert!(said.contains("battery.charge = 100.0 %\n"), "{said}");
        }
    }
}

#[test]
fn a_program_can_carry_the_library_inside() {
    let folder = folder();
    let program = folder.path().join("blocking-static");
    let mut compiler = Language::C.compiler();
    compiler.arg(root().join("bindings/c/blocking.c")).arg("-o").arg(&program);
    compiler.arg(libraries().join("libapcsmart.a"));
    compiler.args(["-lgcc_s", "-lutil", "-lrt", "-lpthread", "-lm", "-ldl", "-lc"]);
    run(&mut compiler);
    let ups = ups();
    assert_eq!(run(Command::new(&program).arg(ups.link())), "100.0 %\n");
}

#[test]
fn every_code_block_of_the_guide_compiles() {
    let folder = folder();
    let guide = std::fs::read_to_string(root().join("docs/c-guide.md")).unwrap();
    let blocks: Vec<&str> =
        guide.split("```c\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert!(blocks.len() > 3, "the guide has {} code blocks", blocks.len());
    for (place, block) in blocks.iter().enumerate() {
        let source = folder.path().join(format!("block-{place}.c"));
        // A block is a program, or what stands in a function that has the usual names at hand.
        let text = if block.contains("int main") {
            (*block).to_owned()
        } else {
            format!("{PROLOGUE}{block}\n    return result;\n}}\n")
        };
        std::fs::write(&source, text).unwrap();
        for language in LANGUAGES {
            let object = folder.path().join("block.o");
            run(language
                .compiler()
                .arg("-I")
                .arg(root().join("bindings/c"))
                .arg("-c")
                .arg(&source)
                .arg("-o")
                .arg(object));
        }
    }
}

const PROLOGUE: &str = "#include <apcsmart.h>\n#include <stdio.h>\n#include \"tty.h\"\n\
    apcsmart_result block(apcsmart_port *port, apcsmart_session *session, int tty);\n\
    apcsmart_result block(apcsmart_port *port, apcsmart_session *session, int tty)\n{\n    \
    apcsmart_result result = APCSMART_RESULT_OK;\n    (void)port;\n    (void)session;\n    (void)tty;\n";
