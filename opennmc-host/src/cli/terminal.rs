//! What the other end of standard output is, and how things look there.
//!
//! A terminal gets colour and bars within its width; anything else gets plain text of any width. Text that came from a UPS or
//! from the network never reaches a terminal with its control characters.

use std::io::{IsTerminal as _, stdout};

use clap::ValueEnum;

use crate::printable::printable;

/// Assumed of a terminal that does not tell its width.
const USUAL_WIDTH: usize = 80;

/// When to colour.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum When {
    /// On a terminal, unless NO_COLOR is set
    #[default]
    Auto,
    /// Even into a pipe
    Always,
    /// Never
    Never,
}

/// Where output goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Screen {
    /// Columns; none: as many as it takes.
    pub(super) width: Option<usize>,
    colour: bool,
}

/// How a piece of text looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    Plain,
    Bold,
    Faint,
    Good,
    Warning,
    Critical,
}

impl Screen {
    /// Standard output's.
    pub(super) fn of_stdout(when: When) -> Screen {
        let terminal = stdout().is_terminal();
        let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let colour = match when {
            When::Auto => terminal && !set("NO_COLOR") && !dumb,
            When::Always => true,
            When::Never => false,
        };
        Screen { width: (terminal || when == When::Always).then(columns), colour }
    }

    /// Without colour.
    pub(super) fn plain(width: Option<usize>) -> Screen {
        Screen { width, colour: false }
    }

    /// Whether people look at it: then there are bars.
    pub(super) fn is_rich(self) -> bool {
        self.width.is_some()
    }

    pub(super) fn paint(self, tone: Tone, text: &str) -> String {
        let code = match tone {
            _ if !self.colour => return text.to_owned(),
            Tone::Plain => return text.to_owned(),
            Tone::Bold => "1",
            Tone::Faint => "90",
            Tone::Good => "32",
            Tone::Warning => "33",
            Tone::Critical => "1;31",
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }

    /// `percent` of `width` columns, in eighths of a column.
    pub(super) fn bar(self, percent: f64, width: usize, tone: Tone) -> String {
        const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
        let eighths = (percent.clamp(0.0, 100.0) / 100.0 * width as f64 * 8.0).round() as usize;
        let mut filled = "█".repeat(eighths / 8);
        filled.push_str(EIGHTHS[eighths % 8]);
        let rest = "░".repeat(width - filled.chars().count());
        format!("{}{}", self.paint(tone, &filled), self.paint(Tone::Faint, &rest))
    }
}

fn columns() -> usize {
    let told = rustix::termios::tcgetwinsize(stdout()).ok().map(|size| usize::from(size.ws_col));
    let stated = || std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    told.filter(|columns| *columns > 0).or_else(stated).unwrap_or(USUAL_WIDTH)
}

/// `text` as one line that can't steer a terminal.
pub(super) fn clean(text: &str) -> String {
    printable(text)
}

/// `text` in at most `width` columns, its end marked when something is missing.
pub(super) fn clip(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let mut clipped: String = text.chars().take(width.saturating_sub(1)).collect();
    clipped.push('…');
    clipped
}

/// `text` and blanks up to `width` columns.
pub(super) fn pad(text: &str, width: usize) -> String {
    let missing = width.saturating_sub(text.chars().count());
    format!("{text}{}", " ".repeat(missing))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Screen = Screen { width: Some(80), colour: false };

    #[test]
    fn bars_fill_their_width_whatever_the_number() {
        for percent in [f64::NEG_INFINITY, -5.0, 0.0, 0.4, 33.3, 50.0, 99.9, 100.0, 180.0, f64::NAN] {
            assert_eq!(PLAIN.bar(percent, 10, Tone::Good).chars().count(), 10, "{percent}");
        }
        assert_eq!(PLAIN.bar(50.0, 4, Tone::Good), "██░░");
        assert_eq!(PLAIN.bar(100.0, 4, Tone::Good), "████");
        assert_eq!(PLAIN.bar(12.5, 4, Tone::Good), "▌░░░");
    }

    #[test]
    fn clipped_text_shows_that_something_is_missing() {
        assert_eq!(clip("Smart-UPS", 9), "Smart-UPS");
        assert_eq!(clip("Smart-UPS 1500", 9), "Smart-UP…");
    }
}
