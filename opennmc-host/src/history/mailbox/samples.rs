//! Samples that wait for the next time they are written.

use std::collections::BTreeMap;

/// Of all series together: 3 hours of one UPS with 20 numbers each second, 3.5 MB.
const MOST_POINTS: usize = 216_000;

/// A value at a time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::history) struct Point {
    /// Milliseconds since 1970-01-01 UTC.
    pub(in crate::history) at_ms: u64,
    pub(in crate::history) value: f64,
}

/// Samples by UPS and name, in the order of their coming.
#[derive(Debug, Clone, Default)]
pub(in crate::history) struct PendingSamples {
    devices: BTreeMap<String, BTreeMap<String, Vec<Point>>>,
    points: usize,
    lost: u64,
}

impl PendingSamples {
    pub(in crate::history) fn push(&mut self, device: &str, name: &str, point: Point) {
        self.extend(device, name, &[point]);
    }

    /// Puts those of `later` behind its own.
    pub(in crate::history) fn append(&mut self, later: &PendingSamples) {
        for (device, name, points) in later.series() {
            self.extend(device, name, points);
        }
    }

    fn extend(&mut self, device: &str, name: &str, later: &[Point]) {
        if self.points >= MOST_POINTS {
            self.forget_oldest();
        }
        // Not `entry`: it would allocate both names each time.
        if !self.devices.contains_key(device) {
            self.devices.insert(device.to_owned(), BTreeMap::new());
        }
        let Some(names) = self.devices.get_mut(device) else { return };
        match names.get_mut(name) {
            Some(points) => points.extend_from_slice(later),
            None => {
                names.insert(name.to_owned(), later.to_vec());
            }
        }
        self.points += later.len();
    }

    /// Forgets the older half of each series.
    fn forget_oldest(&mut self) {
        for points in self.devices.values_mut().flat_map(BTreeMap::values_mut) {
            points.drain(..points.len().div_ceil(2));
        }
        let left = self.devices.values().flat_map(BTreeMap::values).map(Vec::len).sum();
        self.lost += (self.points - left) as u64;
        self.points = left;
    }

    pub(in crate::history) fn is_empty(&self) -> bool {
        self.points == 0
    }

    /// Every series with points, by UPS and name.
    pub(in crate::history) fn series(&self) -> impl Iterator<Item = (&str, &str, &[Point])> {
        self.devices.iter().flat_map(|(device, names)| {
            names.iter().map(|(name, points)| (device.as_str(), name.as_str(), points.as_slice()))
        })
    }

    /// Those of one series.
    pub(in crate::history) fn of(&self, device: &str, name: &str) -> &[Point] {
        self.devices.get(device).and_then(|names| names.get(name)).map_or(&[], Vec::as_slice)
    }

    /// How many values were forgotten for want of room since this was last asked.
    pub(in crate::history) fn take_lost(&mut self) -> u64 {
        std::mem::take(&mut self.lost)
    }
}
