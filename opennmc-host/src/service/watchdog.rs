//! Who watches over the daemon: systemd, the machine's watchdog device, or both.
//!
//! The main loop feeds them and nothing else does: a loop that hangs, and with it the watch over the UPSes, ends in a
//! restart. A device that is closed without a farewell resets the machine, so the farewell is only said at a clean end.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::fd::{FromRawFd as _, IntoRawFd as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::io::{FdFlags, fcntl_setfd};

/// A device is fed with any byte but this one, which says that it may be closed without a reset.
const FAREWELL: &[u8] = b"V";
const FOOD: &[u8] = b"\0";
/// The variable with the number of a device that stayed open while this process started anew.
pub const INHERITED: &str = "OPENNMC_WATCHDOG_FD";
/// Of the time that the watcher grants. One feeding may be late by as much again.
const SHARE: u32 = 3;
/// Watchdogs of small boards grant between some seconds and a minute, and the loop turns at least every second: half of that
/// makes each of those turns count.
const DEVICE_INTERVAL: Duration = Duration::from_millis(500);

/// Those who watch.
#[derive(Debug, Default)]
pub struct Watchdog {
    systemd: Option<Duration>,
    device: Option<Device>,
    /// In the loop's own time.
    fed: Option<Duration>,
}

#[derive(Debug)]
struct Device {
    path: PathBuf,
    file: File,
    complained: bool,
}

/// The device can't be used.
#[derive(Debug, thiserror::Error)]
#[error("can't open the watchdog {}: {source}; is `[service] watchdog` right, and does no other program have it open?", path.display())]
pub struct WatchdogError {
    path: PathBuf,
    source: io::Error,
}

impl Watchdog {
    /// Begins to be watched: by systemd when it asks for it, and by the device at `path` when there is one. From here on
    /// [`Watchdog::feed`] must be called at least once per second.
    ///
    /// # Errors
    /// The device can't be opened. It must be opened before root's rights are given up.
    pub fn begin(path: Option<&Path>) -> Result<Watchdog, WatchdogError> {
        let open = |path: &Path| match OpenOptions::new().write(true).open(path) {
            Ok(file) => Ok(Device { path: path.to_owned(), file, complained: false }),
            Err(source) => Err(WatchdogError { path: path.to_owned(), source }),
        };
        let inherited = path.and_then(inherited);
        let device = match inherited {
            Some(device) => Some(device),
            None => path.map(open).transpose()?,
        };
        Ok(Watchdog { systemd: sd_notify::watchdog_enabled(), device, fed: None })
    }

    /// Tells everybody that the loop turns, at `uptime` of the loop. Cheap when it is not time yet.
    pub fn feed(&mut self, uptime: Duration) {
        if self.fed.is_some_and(|fed| uptime.saturating_sub(fed) < self.interval()) {
            return;
        }
        self.fed = Some(uptime);
        if self.systemd.is_some()
            && let Err(error) = sd_notify::notify(&[sd_notify::NotifyState::Watchdog])
        {
            tracing::warn!("can't tell systemd that the daemon lives: {error}");
        }
        if let Some(device) = &mut self.device {
            device.feed();
        }
    }

    /// Nobody needs to watch any more: the daemon ends because it was asked to.
    pub fn end(&mut self) {
        if let Some(mut device) = self.device.take()
            && let Err(error) = device.file.write_all(FAREWELL)
        {
            tracing::error!("the watchdog {} may reset this machine: {error}", device.path.display());
        }
    }

    /// Keeps the device open over the start of this program in its own place, which may have no right to open it again and
    /// is given the number in [`INHERITED`].
    pub fn hand_over(self) -> io::Result<Option<String>> {
        let Some(Device { file, .. }) = self.device else { return Ok(None) };
        // Fed once more: the start has the whole of its time.
        (&file).write_all(FOOD)?;
        fcntl_setfd(&file, FdFlags::empty())?;
        Ok(Some(file.into_raw_fd().to_string()))
    }

    fn interval(&self) -> Duration {
        let device = self.device.as_ref().map(|_| DEVICE_INTERVAL);
        let systemd = self.systemd.map(|granted| granted / SHARE);
        [device, systemd].into_iter().flatten().min().unwrap_or(Duration::MAX)
    }
}

/// The device that this process had open before it started anew.
#[allow(unsafe_code, reason = "a descriptor that came over exec can be had in no other way")]
fn inherited(path: &Path) -> Option<Device> {
    let number: i32 = std::env::var(INHERITED).ok()?.parse().ok()?;
    // Only what really is open as this device, and no longer open over the next start by accident.
    let shown = std::fs::read_link(format!("/proc/self/fd/{number}")).ok()?;
    if number <= 2 || std::fs::canonicalize(path).ok()? != shown {
        return None;
    }
    // SAFETY: it is open, as was just seen, and nothing else in this process owns it: this runs before any thread or file
    // of the daemon's, and once.
    let file = unsafe { File::from_raw_fd(number) };
    fcntl_setfd(&file, FdFlags::CLOEXEC).ok()?;
    Some(Device { path: path.to_owned(), file, complained: false })
}

impl Device {
    fn feed(&mut self) {
        match self.file.write_all(FOOD) {
            Ok(()) => self.complained = false,
            Err(error) if !self.complained => {
                self.complained = true;
                tracing::error!("can't feed the watchdog {}: {error}", self.path.display());
            }
            Err(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn watchdog() -> (tempfile::NamedTempFile, Watchdog) {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut watchdog = Watchdog::begin(Some(file.path())).unwrap();
        watchdog.systemd = None;
        (file, watchdog)
    }

    fn written(file: &tempfile::NamedTempFile) -> Vec<u8> {
        std::fs::read(file.path()).unwrap()
    }

    #[test]
    fn a_device_is_fed_twice_per_second_at_most() {
        let (file, mut watchdog) = watchdog();
        for tenth in 0..35 {
            watchdog.feed(Duration::from_millis(100 * tenth));
        }
        assert_eq!(written(&file), [0; 7], "at 0, 0.5, 1 … 3 seconds");
    }

    #[test]
    fn a_device_hears_farewell_only_at_a_clean_end() {
        let (file, mut watchdog) = watchdog();
        watchdog.feed(Duration::ZERO);
        drop(watchdog);
        assert_eq!(written(&file), b"\0", "a crash is no farewell");
        let mut watchdog = Watchdog::begin(Some(file.path())).unwrap();
        watchdog.end();
        assert_eq!(written(&file), b"V");
    }

    #[test]
    fn systemd_is_told_three_times_in_the_time_it_grants() {
        let watchdog = Watchdog { systemd: Some(Duration::from_millis(1500)), ..Watchdog::default() };
        assert_eq!(watchdog.interval(), Duration::from_millis(500));
    }

    #[test]
    fn a_device_that_is_not_there_is_an_error_with_what_to_do() {
        let error = Watchdog::begin(Some(Path::new("/nowhere/watchdog"))).unwrap_err().to_string();
        assert!(error.contains("/nowhere/watchdog") && error.contains("[service] watchdog"), "{error}");
    }
}
