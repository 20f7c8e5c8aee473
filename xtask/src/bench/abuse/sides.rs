//! Processors for the server's side and for the other one, as if they were machines.
//!
//! Without this a kernel that works on an abuser's connection keeps the server from running for milliseconds, which no abuser on
//! another machine could do. With one processor there is nothing to divide.

use rustix::thread::{CpuSet, sched_setaffinity};

/// The server and whoever asks it in good will: this thread from now on, and what it starts.
pub(super) fn server() {
    stay_on(0..1);
}

/// Whoever abuses it: this thread from now on.
pub(super) fn abuser() {
    stay_on(1..processors());
}

/// All of the machine's, whatever this thread may use of them.
fn processors() -> usize {
    std::fs::read_dir("/sys/devices/system/cpu").map_or(1, |entries| {
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        names.filter(|name| name.strip_prefix("cpu").is_some_and(|rest| rest.parse::<u32>().is_ok())).count()
    })
}

fn stay_on(processors: std::ops::Range<usize>) {
    if processors.is_empty() || self::processors() < 2 {
        return;
    }
    let mut set = CpuSet::new();
    processors.for_each(|number| set.set(number));
    // Where it may not, the figures are worse, and nothing else is wrong.
    let _ = sched_setaffinity(None, &set);
}
