//! Many points into one: least, mean and greatest.

use crate::history::mailbox::Point;

/// What was measured in one stretch of time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::history) struct Bucket {
    pub(in crate::history) at_ms: u64,
    pub(in crate::history) min: f64,
    pub(in crate::history) avg: f64,
    pub(in crate::history) max: f64,
    pub(in crate::history) count: u64,
}

impl Bucket {
    /// Of this and `other`, at this one's time.
    pub(in crate::history) fn with(self, other: Bucket) -> Bucket {
        let count = self.count.saturating_add(other.count);
        // Never without a sample: a blob that says so must not make a mean that is no number.
        let share = other.count as f64 / count.max(1) as f64;
        Bucket {
            at_ms: self.at_ms,
            min: self.min.min(other.min),
            avg: self.avg + (other.avg - self.avg) * share,
            max: self.max.max(other.max),
            count,
        }
    }
}

impl From<Point> for Bucket {
    fn from(Point { at_ms, value }: Point) -> Bucket {
        Bucket { at_ms, min: value, avg: value, max: value, count: 1 }
    }
}

/// One bucket for each stretch of `step_ms` that has points; `points` in the order of time.
pub(in crate::history) fn fold_points(points: &[Point], step_ms: u64) -> Vec<Bucket> {
    fold(points.iter().copied().map(Bucket::from), step_ms)
}

/// As [`fold_points`], of buckets.
pub(in crate::history) fn fold_buckets(buckets: &[Bucket], step_ms: u64) -> Vec<Bucket> {
    fold(buckets.iter().copied(), step_ms)
}

fn fold(buckets: impl Iterator<Item = Bucket>, step_ms: u64) -> Vec<Bucket> {
    let mut folded: Vec<Bucket> = Vec::new();
    for bucket in buckets {
        let bucket = Bucket { at_ms: bucket.at_ms - bucket.at_ms % step_ms, ..bucket };
        match folded.last_mut() {
            Some(last) if last.at_ms == bucket.at_ms => *last = last.with(bucket),
            _ => folded.push(bucket),
        }
    }
    folded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_is_its_least_mean_and_greatest_value_and_a_gap_is_a_gap() {
        let points = [(60_000, 1.0), (61_000, 2.0), (119_999, 6.0), (240_000, 4.0)];
        let points = points.map(|(at_ms, value)| Point { at_ms, value });
        let expected = [
            Bucket { at_ms: 60_000, min: 1.0, avg: 3.0, max: 6.0, count: 3 },
            Bucket { at_ms: 240_000, min: 4.0, avg: 4.0, max: 4.0, count: 1 },
        ];
        assert_eq!(fold_points(&points, 60_000), expected);
    }

    #[test]
    fn the_mean_of_an_hour_weighs_minutes_by_their_samples() {
        let minutes = [
            Bucket { at_ms: 0, min: 1.0, avg: 1.0, max: 1.0, count: 1 },
            Bucket { at_ms: 60_000, min: 4.0, avg: 5.0, max: 6.0, count: 3 },
        ];
        let hour = Bucket { at_ms: 0, min: 1.0, avg: 4.0, max: 6.0, count: 4 };
        assert_eq!(fold_buckets(&minutes, 3_600_000), [hour]);
    }
}
