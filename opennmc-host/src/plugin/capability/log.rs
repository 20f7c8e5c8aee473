//! The `log` interface: lines in the host's log, marked with the plugin's name.
//!
//! A plugin can't forge or flood the log: control characters are escaped, long lines cut, and more than
//! its limit of lines a minute are dropped and counted.

use std::sync::Arc;
use std::time::{Duration, Instant};

use wasmtime::component::{HasSelf, Linker};

use crate::plugin::bindings::wit::log;
use crate::plugin::instance::InstanceState;
use crate::plugin::{Lines, Mark};

const WINDOW: Duration = Duration::from_secs(60);
/// Bytes of one line.
const LINE: usize = 1_024;

pub(super) fn link(linker: &mut Linker<InstanceState>) -> wasmtime::Result<()> {
    log::add_to_linker::<_, HasSelf<InstanceState>>(linker, |state| state)
}

/// Whose lines they are, and how many there were of late.
pub(in crate::plugin) struct State {
    plugin: Arc<str>,
    /// Lines a minute.
    most: u32,
    /// None before the first line.
    window_began: Option<Instant>,
    lines: u32,
    /// For `opennmc plugin logs`.
    kept: Arc<Lines>,
    pub(in crate::plugin) mark: Mark,
}

impl State {
    pub(in crate::plugin) fn new(plugin: Arc<str>, most: u32, kept: Arc<Lines>) -> Self {
        Self { plugin, most, window_began: None, lines: 0, kept, mark: Mark::default() }
    }

    /// Whether one more line may be written now.
    fn admits(&mut self, now: Instant) -> bool {
        let began = *self.window_began.get_or_insert(now);
        if now.saturating_duration_since(began) >= WINDOW {
            if let dropped @ 1.. = self.lines.saturating_sub(self.most) {
                tracing::warn!(plugin = %self.plugin, "{dropped} log lines of this plugin were dropped");
            }
            self.window_began = Some(now);
            self.lines = 0;
        }
        self.lines = self.lines.saturating_add(1);
        if self.lines == self.most {
            tracing::warn!(plugin = %self.plugin, "logs too much; its next lines of this minute are dropped");
        }
        let admitted = self.lines < self.most;
        match admitted {
            true => self.mark.see(self.lines.into()),
            false => self.mark.hit(),
        }
        admitted
    }
}

impl log::Host for InstanceState {
    fn write(&mut self, level: log::Level, message: String) {
        if !self.log.admits(self.clock.now()) {
            return;
        }
        let plugin = &self.log.plugin;
        let message = shortened(&message);
        let name = match level {
            log::Level::Error => "error",
            log::Level::Warn => "warn",
            log::Level::Info => "info",
            log::Level::Debug => "debug",
        };
        self.log.kept.add(name, &message);
        match level {
            log::Level::Error => tracing::error!(%plugin, "{message}"),
            log::Level::Warn => tracing::warn!(%plugin, "{message}"),
            log::Level::Info => tracing::info!(%plugin, "{message}"),
            log::Level::Debug => tracing::debug!(%plugin, "{message}"),
        }
    }
}

/// The line, cut and without control characters.
fn shortened(message: &str) -> String {
    let cut = &message[..message.floor_char_boundary(LINE)];
    let mut line = crate::printable::printable(cut);
    if cut.len() < message.len() {
        line.push('…');
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_can_not_forge_a_second_line() {
        assert_eq!(shortened("a\nb\u{1b}[31m"), "a\\nb\\u{1b}[31m");
    }

    #[test]
    fn a_long_message_is_cut_at_a_character() {
        let line = shortened(&"ä".repeat(LINE));
        assert!(line.len() <= LINE + '…'.len_utf8() && line.ends_with("ä…"));
    }

    #[test]
    fn a_flood_is_cut_off_until_the_next_minute() {
        let mut state = State::new("x".into(), 600, Arc::default());
        let now = Instant::now();
        let admitted = (0..10_000).filter(|_| state.admits(now)).count();
        assert_eq!(admitted, 599);
        assert!(state.admits(now + WINDOW));
    }
}
