//! The last lines that a plugin has logged, for `opennmc plugin logs`. Bounded, and only in memory: the daemon's log has all.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use super::epitaph::wall_ms;

/// So many lines of one plugin are kept. A line has at most a KiB, most have a tenth of it.
const KEPT: usize = 200;

/// One line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// Counts from 1 and never repeats.
    pub number: u64,
    /// Milliseconds since 1970 UTC.
    pub at_ms: u64,
    /// `error`, `warn`, `info` or `debug`.
    pub level: String,
    /// Without control characters.
    pub text: String,
}

/// The last lines of one plugin, through all its instances.
#[derive(Debug, Default)]
pub struct Lines(Mutex<(u64, VecDeque<Line>)>);

impl Lines {
    /// Adds one; the oldest goes.
    pub(super) fn add(&self, level: &str, text: &str) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.0 += 1;
        let line = Line { number: kept.0, at_ms: wall_ms(), level: level.to_owned(), text: text.to_owned() };
        if kept.1.len() == KEPT {
            kept.1.pop_front();
        }
        kept.1.push_back(line);
    }

    /// Those after the line with this number; all that are kept after 0.
    pub fn after(&self, number: u64) -> Vec<Line> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.1.iter().filter(|line| line.number > number).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_are_kept_and_the_number_goes_on() {
        let lines = Lines::default();
        (0..KEPT + 5).for_each(|count| lines.add("info", &count.to_string()));
        let all = lines.after(0);
        assert_eq!((all.len(), all[0].number), (KEPT, 6));
        assert_eq!(lines.after(KEPT as u64 + 4).len(), 1);
    }
}
