//! When to try a port again.
//!
//! Two clocks: a growing pause after each failure, so that a dead port costs nothing, and a look once a second at
//! whether the device file has changed, so that a cable that is plugged back in works at once. Pure except for that
//! look.

use std::path::Path;
use std::time::Duration;

use apcsmart::Time;

/// A line that was hung up by a glitch, or by a terminal server that starts anew, is back within this time. The state engine
/// waits a little longer before it tells anybody.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
/// So many times longer is each pause than the one before.
const GROWTH: u32 = 4;
/// A converter that was away for long is found this late at most.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// One `stat` a second is below what can be measured, and nobody notices a second.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// The plan for the next attempt. Begins as "at once".
#[derive(Debug, Default)]
pub(super) struct Reopen {
    pause: Option<Duration>,
    attempt_at: Time,
    look_at: Option<Time>,
    identity: Option<PortIdentity>,
    answering_since: Option<Time>,
}

impl Reopen {
    /// The attempt failed, or the connection is lost. `device` is the file of the port, when it has one.
    pub(super) fn plan(&mut self, now: Time, device: Option<&Path>) {
        // Contact that lasts has mended the port. Shorter contact has not: a port that comes and goes is not chased.
        if self.answering_since.take().is_some_and(|since| now.since(since) >= LONGEST_PAUSE) {
            self.pause = None;
        }
        let pause = self.pause.map_or(FIRST_PAUSE, |pause| (pause * GROWTH).min(LONGEST_PAUSE));
        self.pause = Some(pause);
        self.attempt_at = now + pause;
        self.identity = device.and_then(PortIdentity::of);
        self.look_at = device.map(|_| now + LOOK_INTERVAL);
    }

    /// Whether to try now. Looks at the device file when it is time to.
    pub(super) fn is_due(&mut self, now: Time, device: Option<&Path>) -> bool {
        if now >= self.attempt_at {
            return true;
        }
        let (Some(look_at), Some(device)) = (self.look_at, device) else { return false };
        if now < look_at {
            return false;
        }
        self.look_at = Some(now + LOOK_INTERVAL);
        let identity = PortIdentity::of(device);
        let appeared = identity.is_some() && identity != self.identity;
        self.identity = identity;
        appeared
    }

    /// When to ask [`Reopen::is_due`] next.
    pub(super) fn deadline(&self) -> Time {
        self.look_at.map_or(self.attempt_at, |look_at| look_at.min(self.attempt_at))
    }

    /// The UPS answers. An open port alone does not count, because a converter may accept and hang up for hours.
    pub(super) fn succeeded(&mut self, now: Time) {
        self.answering_since.get_or_insert(now);
    }
}

/// What tells a device file from the one that was there before, and from itself with other permissions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct PortIdentity {
    inode: (u64, u64),
    device: u64,
    changed: (i64, i64),
}

impl PortIdentity {
    fn of(path: &Path) -> Option<PortIdentity> {
        use std::os::unix::fs::MetadataExt;
        let metadata = std::fs::metadata(path).ok()?;
        Some(PortIdentity {
            inode: (metadata.dev(), metadata.ino()),
            device: metadata.rdev(),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_up_to_ten_seconds_and_start_over_after_contact_that_lasted() {
        let mut reopen = Reopen::default();
        let mut now = Time::from_millis(1000);
        let mut pauses = Vec::new();
        for _ in 0..7 {
            reopen.plan(now, None);
            pauses.push(reopen.deadline().since(now).as_millis());
            now = reopen.deadline();
            assert!(reopen.is_due(now, None));
        }
        assert_eq!(pauses, [20, 80, 320, 1280, 5120, 10000, 10000]);
        reopen.succeeded(now);
        now = now + Duration::from_secs(9);
        reopen.succeeded(now);
        reopen.plan(now, None);
        assert_eq!(reopen.deadline().since(now).as_millis(), 10000, "nine seconds are no contact");
        reopen.succeeded(now);
        now = now + Duration::from_secs(10);
        reopen.plan(now, None);
        assert_eq!(reopen.deadline().since(now).as_millis(), 20);
    }

    #[test]
    fn a_device_that_appears_is_tried_at_the_next_look_and_not_at_the_end_of_the_pause() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ttyUSB0");
        let mut reopen = Reopen::default();
        let mut now = Time::ZERO;
        for _ in 0..6 {
            reopen.plan(now, Some(&path));
            now = now + LONGEST_PAUSE;
        }
        let planned = now;
        reopen.plan(planned, Some(&path));
        now = reopen.deadline();
        assert!(!reopen.is_due(now, Some(&path)), "there is nothing yet");
        std::fs::write(&path, "").unwrap();
        now = reopen.deadline();
        assert!(reopen.is_due(now, Some(&path)));
        assert_eq!(now.since(planned), Duration::from_secs(2));
    }

    #[test]
    fn a_device_that_stays_as_it_is_waits_for_the_end_of_the_pause() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut reopen = Reopen::default();
        for _ in 0..4 {
            reopen.plan(Time::ZERO, Some(file.path()));
        }
        let mut now = Time::ZERO;
        while !reopen.is_due(now, Some(file.path())) {
            now = reopen.deadline();
        }
        assert_eq!(now, Time::from_millis(1280));
    }
}
