//! What is known now, of the daemon and of every UPS, as everybody is told it.

use std::time::{SystemTime, UNIX_EPOCH};

use super::report::{DaemonReport, StatusReport, UpsReport, time};
use crate::host::HostHandle;
use crate::state::{Device, Snapshot};

/// Everything, or what there is of one UPS.
pub(crate) fn status(host: &HostHandle, snapshot: &Snapshot, ups: Option<&str>) -> StatusReport {
    let devices = snapshot.devices.iter();
    let wanted = devices.filter(|device| ups.is_none_or(|ups| device.name.eq_ignore_ascii_case(ups)));
    StatusReport {
        daemon: DaemonReport {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pid: std::process::id(),
            started_at: time(wall_ms(host.started)),
        },
        upses: wanted.map(|device| ups_of(host, device)).collect(),
    }
}

/// One UPS.
pub(crate) fn ups_of(host: &HostHandle, device: &Device) -> UpsReport {
    let age = device.heard_at_ms.map(|heard| host.heartbeat.uptime_ms().saturating_sub(heard));
    UpsReport::of(device, age, wall_ms(SystemTime::now()))
}

/// Milliseconds since 1970 UTC.
pub(super) fn wall_ms(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
