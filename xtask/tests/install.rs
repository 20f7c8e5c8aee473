//! The installed library, as somebody finds it who knows nothing but pkg-config: the examples' Makefile, C11 and C++17,
//! linked with the shared library and with the static one.

#![allow(clippy::unwrap_used, reason = "a test that can not go on has failed")]

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

const XTASK: &str = env!("CARGO_BIN_EXE_xtask");
/// What every C program here says when it is run without a UPS: it found its library, and that looked for the port.
const NO_PORT: &str = "there is no port /dev/no-such-port";

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"));
    let (said, complained) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?} ended with {}:\n{said}{complained}", output.status);
    said.into_owned()
}

fn sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("bindings/c")
}

struct Installed {
    folder: TempDir,
}

impl Installed {
    /// Installs below a prefix of its own.
    fn new() -> Installed {
        let folder = tempfile::tempdir().unwrap();
        run(Command::new(XTASK)
            .args(["install", "--library-only", "--prefix"])
            .arg(folder.path().join("prefix")));
        Installed { folder }
    }

    fn libraries(&self) -> PathBuf {
        self.folder.path().join("prefix/lib")
    }

    /// A program that finds the library by pkg-config alone.
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.env("PKG_CONFIG_PATH", self.libraries().join("pkgconfig"));
        command.env_remove("LD_LIBRARY_PATH");
        command
    }

    /// Runs a shell line in the folder of the examples.
    fn shell(&self, line: &str) -> String {
        run(self.command("sh").args(["-ec", line]).current_dir(sources()))
    }

    fn complaint(&self, program: &Path, libraries: Option<&Path>) -> String {
        let mut command = self.command(program.to_str().unwrap());
        command.arg("/dev/no-such-port");
        if let Some(libraries) = libraries {
            command.env("LD_LIBRARY_PATH", libraries);
        }
        let output = command.output().unwrap();
        assert!(!output.status.success());
        String::from_utf8_lossy(&output.stderr).into_owned()
    }
}

#[test]
fn shells_and_man_find_what_opennmc_tells_of_itself() {
    let folder = tempfile::tempdir().unwrap();
    run(Command::new(XTASK).args(["install", "--prefix", "/usr", "--destdir"]).arg(folder.path()));
    let share = folder.path().join("usr/share");
    let read = |file: &str| std::fs::read_to_string(share.join(file)).unwrap();
    let bash = share.join("bash-completion/completions/opennmc");
    let complete = "source \"$1\"; COMP_WORDS=(opennmc rest); COMP_CWORD=1; _opennmc opennmc rest opennmc; \
                    echo \"${COMPREPLY[@]}\"";
    let said = run(Command::new("bash").args(["-c", complete, "bash"]).arg(&bash));
    assert_eq!(said.trim(), "restore");
    assert!(read("zsh/site-functions/_opennmc").starts_with("#compdef opennmc"));
    assert!(read("fish/vendor_completions.d/opennmc.fish").contains("complete -c opennmc"));
    assert!(read("man/man1/opennmc.1").contains(".TH opennmc"));
    assert!(read("man/man1/opennmc-user-add.1").contains("password"));
    assert!(!folder.path().join("usr/bin").exists(), "what it installs is what it says");
}

#[test]
fn programs_are_built_with_pkg_config_alone() {
    let installed = Installed::new();
    let folder = installed.folder.path();
    assert_eq!(installed.shell("pkg-config --modversion apcsmart").trim(), env!("CARGO_PKG_VERSION"));

    // The examples, GLib's loop among them, by their own Makefile.
    let copy = folder.join("examples");
    run(Command::new("cp").arg("-r").arg(sources()).arg(&copy));
    run(installed.command("make").arg("-C").arg(&copy).args(["clean", "all"]));
    for program in ["blocking", "poll_loop", "glib_loop", "test_capi"] {
        assert!(copy.join(program).is_file(), "{program}");
    }
    let said = installed.complaint(&copy.join("blocking"), Some(&installed.libraries()));
    assert!(said.contains(NO_PORT), "{said}");

    for (language, compiler) in [("c11", "gcc -std=c11"), ("c++17", "g++ -std=c++17 -x c++")] {
        let strict = "-Wall -Wextra -Wpedantic -Werror";
        let (shared, carries) =
            (folder.join(format!("shared-{language}")), folder.join(format!("static-{language}")));
        installed.shell(&format!(
            "{compiler} {strict} blocking.c -x none -o {} $(pkg-config --cflags --libs apcsmart)",
            shared.display()
        ));
        let said = installed.complaint(&shared, Some(&installed.libraries()));
        assert!(said.contains(NO_PORT), "{said}");
        // As the guide says.
        installed.shell(&format!(
            "{compiler} {strict} blocking.c -x none -o {} $(pkg-config --cflags apcsmart) -Wl,--as-needed \
             \"$(pkg-config --variable=libdir apcsmart)/libapcsmart.a\" $(pkg-config --static --libs apcsmart)",
            carries.display()
        ));
        let said = installed.complaint(&carries, None);
        assert!(said.contains(NO_PORT), "it needs the shared library, or does not work: {said}");
    }
}
