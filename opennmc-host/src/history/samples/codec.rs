//! Blocks as bytes.
//!
//! A UPS measures in decimals (`230.4`), so nearly every series is integers once its point is moved: the first byte of a
//! block says by how many places, and points are differences from the one before. A series that is something else is
//! kept in floating point. Either way what comes out is exactly what went in; of buckets only the mean is rounded, to a
//! thousandth of the measure's last place.
//!
//! Bytes that end early give the points before the end: a reader must not fail because of them.

use super::bytes::{put, put_signed, take, take_float, take_signed};
use super::fold::Bucket;
use crate::history::mailbox::Point;

/// In place of the number of decimal places: this block is in floating point.
const FLOATING: u8 = 0xff;
/// More decimal places than any UPS measures.
const MOST_PLACES: u8 = 6;
/// Beyond this, floating point does not hold every integer.
const MOST_EXACT: f64 = 9.0e15;
/// The mean's places beyond the values': a thousand samples can't hide behind one another.
const MEAN_FACTOR: f64 = 1000.0;

/// `points` in the order of time, none before `start_ms`.
pub(in crate::history) fn encode_points(start_ms: u64, points: &[Point]) -> Vec<u8> {
    let scale = Scale::for_all(points.iter().map(|point| point.value));
    let mut bytes = vec![scale.map_or(FLOATING, |scale| scale.places)];
    let (mut time, mut last) = (start_ms, 0);
    for point in points {
        put(&mut bytes, point.at_ms.saturating_sub(time));
        time = point.at_ms;
        match scale {
            Some(scale) => {
                let number = scale.to_integer(point.value);
                put_signed(&mut bytes, number - last);
                last = number;
            }
            None => bytes.extend(point.value.to_le_bytes()),
        }
    }
    bytes
}

/// What [`encode_points`] was given.
pub(in crate::history) fn decode_points(start_ms: u64, bytes: &[u8]) -> Vec<Point> {
    let Some((places, mut bytes)) = bytes.split_first() else { return Vec::new() };
    let scale = Scale::of_places(*places);
    let (mut time, mut last) = (start_ms, 0_i64);
    let next = || {
        time = time.checked_add(take(&mut bytes)?)?;
        let value = match scale {
            Some(scale) => {
                last = last.checked_add(take_signed(&mut bytes)?)?;
                scale.to_value(last)
            }
            None => take_float(&mut bytes)?,
        };
        Some(Point { at_ms: time, value })
    };
    std::iter::from_fn(next).collect()
}

/// `buckets` in the order of time, none before `start_ms`, all at multiples of `step_ms`.
pub(in crate::history) fn encode_buckets(start_ms: u64, step_ms: u64, buckets: &[Bucket]) -> Vec<u8> {
    let scale = Scale::for_all(buckets.iter().flat_map(|bucket| [bucket.min, bucket.max]));
    let mut bytes = vec![scale.map_or(FLOATING, |scale| scale.places)];
    let (mut place, mut last) = (start_ms / step_ms, 0);
    for bucket in buckets {
        put(&mut bytes, (bucket.at_ms / step_ms).saturating_sub(place));
        place = bucket.at_ms / step_ms;
        put(&mut bytes, bucket.count);
        match scale {
            Some(scale) => {
                let (min, max) = (scale.to_integer(bucket.min), scale.to_integer(bucket.max));
                put_signed(&mut bytes, min - last);
                put(&mut bytes, max.abs_diff(min));
                put(&mut bytes, ((bucket.avg - bucket.min) * scale.factor() * MEAN_FACTOR).round() as u64);
                last = min;
            }
            None => [bucket.min, bucket.avg, bucket.max]
                .into_iter()
                .for_each(|value| bytes.extend(value.to_le_bytes())),
        }
    }
    bytes
}

/// What [`encode_buckets`] was given.
pub(in crate::history) fn decode_buckets(start_ms: u64, step_ms: u64, bytes: &[u8]) -> Vec<Bucket> {
    let Some((places, mut bytes)) = bytes.split_first() else { return Vec::new() };
    let scale = Scale::of_places(*places);
    let (mut place, mut last) = (start_ms / step_ms, 0_i64);
    let next = || {
        place = place.checked_add(take(&mut bytes)?)?;
        let at_ms = place.checked_mul(step_ms)?;
        let count = take(&mut bytes)?;
        Some(match scale {
            Some(scale) => {
                last = last.checked_add(take_signed(&mut bytes)?)?;
                let max = last.checked_add_unsigned(take(&mut bytes)?)?;
                let min = scale.to_value(last);
                let avg = min + take(&mut bytes)? as f64 / MEAN_FACTOR / scale.factor();
                Bucket { at_ms, min, avg, max: scale.to_value(max), count }
            }
            None => {
                let (min, avg) = (take_float(&mut bytes)?, take_float(&mut bytes)?);
                Bucket { at_ms, min, avg, max: take_float(&mut bytes)?, count }
            }
        })
    };
    std::iter::from_fn(next).collect()
}

/// By how many decimal places values are moved to be integers.
#[derive(Clone, Copy)]
struct Scale {
    places: u8,
}

impl Scale {
    /// The least that makes integers of all `values` without losing anything.
    fn for_all(values: impl Iterator<Item = f64>) -> Option<Scale> {
        let mut scale = Scale { places: 0 };
        for value in values {
            while !scale.keeps(value) {
                scale = Scale::of_places(scale.places + 1)?;
            }
        }
        Some(scale)
    }

    fn of_places(places: u8) -> Option<Scale> {
        (places <= MOST_PLACES).then_some(Scale { places })
    }

    fn factor(self) -> f64 {
        10_f64.powi(i32::from(self.places))
    }

    fn keeps(self, value: f64) -> bool {
        let number = (value * self.factor()).round();
        // By bits: -0 is not 0.
        number.abs() < MOST_EXACT && (number / self.factor()).to_bits() == value.to_bits()
    }

    fn to_integer(self, value: f64) -> i64 {
        (value * self.factor()).round() as i64
    }

    fn to_value(self, number: i64) -> f64 {
        number as f64 / self.factor()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points(values: &[f64]) -> Vec<Point> {
        (0..)
            .zip(values)
            .map(|(second, value)| Point { at_ms: 900_000 + second * 1000, value: *value })
            .collect()
    }

    #[test]
    fn points_come_back_exactly_whatever_they_are() {
        let cases: [&[f64]; 6] = [
            &[],
            &[230.4, 230.4, 229.1, 0.0, -12.75, 100.0],
            &[0.1, 0.000_001, 12_345.678_901],
            &[std::f64::consts::PI, 1e300, -1e-300],
            &[-0.0, 9.1e15],
            &[f64::MIN, f64::MAX, f64::MIN_POSITIVE],
        ];
        for values in cases {
            let points = points(values);
            assert_eq!(decode_points(900_000, &encode_points(900_000, &points)), points);
        }
    }

    #[test]
    fn a_decimal_that_hardly_changes_takes_three_bytes() {
        let points = points(&[230.4; 900]);
        assert!(encode_points(900_000, &points).len() < 900 * 3 + 10);
    }

    #[test]
    fn buckets_come_back_with_a_mean_to_a_thousandth_of_the_last_place() {
        let bucket = |at_ms, min, avg, max, count| Bucket { at_ms, min, avg, max, count };
        let exact = vec![bucket(0, -1.5, 0.25, 2.0, 60), bucket(180_000, 230.1, 230.2, 230.4, 3)];
        assert_eq!(decode_buckets(0, 60_000, &encode_buckets(0, 60_000, &exact)), exact);
        let third = [bucket(0, 1.0, 4.0 / 3.0, 2.0, 3)];
        let back = decode_buckets(0, 60_000, &encode_buckets(0, 60_000, &third));
        assert!((back[0].avg - 4.0 / 3.0).abs() <= 0.0005, "{back:?}");
        let floating = vec![bucket(60_000, std::f64::consts::E, 3.0, std::f64::consts::PI, 2)];
        assert_eq!(decode_buckets(0, 60_000, &encode_buckets(0, 60_000, &floating)), floating);
    }

    #[test]
    fn bytes_that_end_early_or_mean_nothing_give_what_is_before_and_no_panic() {
        let points = points(&[230.4, 229.1, 12.0]);
        let bytes = encode_points(900_000, &points);
        for end in 0..bytes.len() {
            let whole = decode_points(900_000, &bytes[..end]);
            assert_eq!(whole, points[..whole.len()]);
        }
        for byte in 0..=255 {
            let noise = [byte; 40];
            decode_points(u64::MAX, &noise);
            decode_buckets(u64::MAX, 1000, &noise);
        }
    }
}
