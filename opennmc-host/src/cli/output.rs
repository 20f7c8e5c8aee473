//! Standard output: text for people, JSON for programs.

use std::io::{Write as _, stderr, stdout};

use clap::Args;
use serde::Serialize;

use super::exit::Failure;
use super::terminal::{Screen, When};

/// How results are told; every command has these.
#[derive(Debug, Clone, Copy, Args)]
pub(super) struct Output {
    /// Print JSON instead of text
    ///
    /// One document, or for what does not end one per line. The schemas are in docs/schema/.
    #[arg(long, global = true, help_heading = "Output")]
    pub(super) json: bool,

    /// When to use colour
    #[arg(long, global = true, value_name = "WHEN", value_enum, default_value_t = When::Auto, help_heading = "Output")]
    color: When,
}

impl Output {
    pub(super) fn screen(self) -> Screen {
        Screen::of_stdout(self.color)
    }

    /// Says `text`; the newline is its own.
    pub(super) fn text(self, text: &str) -> Result<(), Failure> {
        let mut out = stdout().lock();
        out.write_all(text.as_bytes())?;
        Ok(out.flush()?)
    }

    /// Says something beside the result, on standard error.
    pub(super) fn remark(self, text: &str) {
        // Nothing depends on it.
        let _ = writeln!(stderr(), "{text}");
    }

    /// Says `value` as a JSON document.
    pub(super) fn document(self, value: &impl Serialize) -> Result<(), Failure> {
        let text = serde_json::to_string_pretty(value)
            .map_err(|error| Failure::system("can't write JSON", error))?;
        self.text(&(text + "\n"))
    }

    /// Says `value` as one line of JSON.
    pub(super) fn line(self, value: &impl Serialize) -> Result<(), Failure> {
        let text =
            serde_json::to_string(value).map_err(|error| Failure::system("can't write JSON", error))?;
        self.text(&(text + "\n"))
    }
}
