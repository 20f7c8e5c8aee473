//! A task made of steps: numbered headings while it runs, one line per step at its end.
//!
//! The first step that fails ends the task. The order is the caller's; cheap steps should come first.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::console::{heading, spoken};

/// The steps done so far.
pub(crate) struct Steps {
    task: &'static str,
    started: Instant,
    done: Vec<Step>,
}

struct Step {
    name: String,
    took: Duration,
    failed: bool,
}

impl Steps {
    /// Starts the clock; `task` is the command that a person typed.
    pub(crate) fn new(task: &'static str) -> Self {
        Self { task, started: Instant::now(), done: Vec::new() }
    }

    /// Runs one step. When it fails the summary is printed and the error says which step it was.
    pub(crate) fn step<T>(&mut self, name: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
        heading(&format!("[{} {}] {name}", self.task, self.done.len() + 1));
        let started = Instant::now();
        let outcome = work();
        self.done.push(Step { name: name.to_owned(), took: started.elapsed(), failed: outcome.is_err() });
        if outcome.is_err() {
            eprintln!("{}", self.summary());
        }
        outcome.with_context(|| format!("`cargo xtask {}` stopped at the step \"{name}\"", self.task))
    }

    /// All went well: prints the summary.
    pub(crate) fn finish(self) {
        eprintln!("{}", self.summary());
    }

    fn summary(&self) -> String {
        let mut text = format!("\n{}:\n", self.task);
        for step in &self.done {
            let verdict = if step.failed { "FAILED" } else { "ok" };
            text.push_str(&format!("  {verdict:6} {:>14}  {}\n", spoken(step.took), step.name));
        }
        text.push_str(&format!("  {:6} {:>14}  in all", "", spoken(self.started.elapsed())));
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_has_a_line_per_step_and_names_the_one_that_failed() {
        let mut steps = Steps::new("test");
        steps.step("first", || Ok(())).unwrap();
        let error = steps.step::<()>("second", || anyhow::bail!("no good")).unwrap_err();
        assert_eq!(format!("{error:#}"), "`cargo xtask test` stopped at the step \"second\": no good");
        let summary = steps.summary();
        let line =
            |name: &str| summary.lines().find(|line| line.ends_with(name)).unwrap().trim_start().to_owned();
        assert!(line("first").starts_with("ok"), "{summary}");
        assert!(line("second").starts_with("FAILED"), "{summary}");
    }
}
