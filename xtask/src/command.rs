//! Running other programs to their end, with errors that a person can act on.
//!
//! A failure always carries the whole command line, and the last lines of what the program said unless those were on
//! the screen already. Programs that keep running beside us are in `child.rs`.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::Path;
use std::process::{Command, ExitStatus, Output, Stdio};

use anyhow::{Context, Result, bail};

use crate::workspace::Workspace;

/// As many lines as fit on a small terminal together with the command line.
const LAST_LINES: usize = 20;

/// One program with its arguments.
pub(crate) struct Run {
    command: Command,
}

impl Run {
    /// `program` is looked up in `PATH`. Nothing is ever read from standard input.
    pub(crate) fn new(program: impl AsRef<OsStr>) -> Self {
        let mut command = Command::new(program);
        command.stdin(Stdio::null());
        Self { command }
    }

    /// The cargo that runs us, in the workspace's folder, with its fixed target directory.
    pub(crate) fn cargo(workspace: &Workspace, subcommand: &str) -> Self {
        Self::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
            .arg(subcommand)
            .in_folder(workspace.root())
            .env("CARGO_TARGET_DIR", workspace.target())
    }

    /// Adds one argument.
    pub(crate) fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.command.arg(argument);
        self
    }

    /// Adds arguments.
    pub(crate) fn args<A: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        self.command.args(arguments);
        self
    }

    /// Sets a variable of the environment.
    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Runs it elsewhere than in the present folder.
    pub(crate) fn in_folder(mut self, folder: &Path) -> Self {
        self.command.current_dir(folder);
        self
    }

    /// Runs it with its output on our screen.
    pub(crate) fn show(mut self) -> Result<()> {
        let status = self.command.status().with_context(|| self.not_started())?;
        if !status.success() {
            bail!("this command failed ({}); its output is above:\n  {self}", ending(status));
        }
        Ok(())
    }

    /// Runs it silently; its last lines are part of the error when it fails.
    pub(crate) fn quiet(self) -> Result<()> {
        self.finish().map(drop)
    }

    /// Runs it and gives what it wrote to standard output.
    pub(crate) fn read_stdout(self) -> Result<String> {
        let output = self.finish()?;
        String::from_utf8(output.stdout).context("a program's output is not UTF-8")
    }

    /// Runs it silently and says only whether it succeeded; a missing program is a no.
    pub(crate) fn succeeds(mut self) -> bool {
        self.command.output().is_ok_and(|output| output.status.success())
    }

    fn finish(mut self) -> Result<Output> {
        let output = self.command.output().with_context(|| self.not_started())?;
        if !output.status.success() {
            let mut said = String::from_utf8_lossy(&output.stdout).into_owned();
            said.push_str(&String::from_utf8_lossy(&output.stderr));
            bail!("this command failed ({}):\n  {self}\n{}", ending(output.status), last_lines(&said));
        }
        Ok(output)
    }

    fn not_started(&self) -> String {
        format!("could not start this command:\n  {self}")
    }
}

/// The command line as it could be typed into a shell.
impl fmt::Display for Run {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", quoted(self.command.get_program()))?;
        for argument in self.command.get_args() {
            write!(out, " {}", quoted(argument))?;
        }
        Ok(())
    }
}

/// Whether a program is in `PATH` or, for those of the system, in the folders that `PATH` of a normal user lacks.
pub(crate) fn find_program(name: &str) -> Option<std::path::PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin", "/sbin", "/usr/local/sbin"].map(Into::into))
        .map(|folder| folder.join(name))
        .find(|candidate| candidate.is_file())
}

/// The end of what a program said, indented, ready to stand under an error.
pub(crate) fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    let skipped = lines.len().saturating_sub(LAST_LINES);
    let mut shown: Vec<String> = lines[skipped..].iter().map(|line| format!("    {line}")).collect();
    if skipped > 0 {
        shown.insert(0, format!("    … {skipped} lines before"));
    }
    shown.join("\n")
}

/// How a process ended, in words.
pub(crate) fn ending(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt;
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit code {code}"),
        (None, Some(signal)) => format!("killed by signal {signal}"),
        (None, None) => status.to_string(),
    }
}

fn quoted(word: &OsStr) -> String {
    let word = OsString::from(word).to_string_lossy().into_owned();
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,+@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_command_is_reported_with_its_command_line_and_its_last_lines() {
        let error =
            Run::new("sh").args(["-c", "echo one; echo two >&2; exit 3"]).quiet().unwrap_err().to_string();
        assert!(error.contains("sh -c 'echo one; echo two >&2; exit 3'"), "{error}");
        assert!(error.contains("exit code 3"), "{error}");
        assert!(error.contains("    one\n    two"), "{error}");
    }

    #[test]
    fn a_program_that_does_not_exist_is_named() {
        let error = Run::new("opennmc-no-such-program").quiet().unwrap_err().to_string();
        assert!(error.contains("opennmc-no-such-program"), "{error}");
    }

    #[test]
    fn only_the_end_of_a_long_output_is_shown_and_it_says_so() {
        let text: String = (0..100).map(|n| format!("line {n}\n")).collect();
        let shown = last_lines(&text);
        assert!(shown.starts_with("    … 80 lines before\n    line 80\n"), "{shown}");
        assert!(shown.ends_with("line 99"), "{shown}");
    }

    #[test]
    fn words_with_blanks_are_quoted_so_that_the_line_can_be_pasted() {
        assert_eq!(Run::new("echo").args(["a b", "it's", ""]).to_string(), r"echo 'a b' 'it'\''s' ''");
    }
}
