//! How samples are kept: in blocks, one blob for each series and stretch of time, in three classes of fineness.
//!
//! A row for each sample would take ten times the room and, on flash, wear it by a page for each number. A block is
//! read, extended and written again whenever its samples go to disk, so a stored block is always whole.

mod bytes;
mod codec;
mod fold;

pub(super) use self::codec::{decode_buckets, decode_points, encode_buckets, encode_points};
pub(super) use self::fold::{Bucket, fold_buckets, fold_points};
use super::notice::Class;

const MINUTE_MS: u64 = 60_000;
const HOUR_MS: u64 = 60 * MINUTE_MS;

/// How much time a point of this class stands for, in milliseconds.
pub(super) fn step_ms(class: Class) -> u64 {
    match class {
        Class::Minutes => MINUTE_MS,
        Class::Hours => HOUR_MS,
        _ => 1000,
    }
}

/// How much time a block of this class spans, in milliseconds. A coarser class's step never crosses a finer one's
/// block; with a sample each second a block takes 1 to 3 KiB.
pub(super) fn span_ms(class: Class) -> u64 {
    match class {
        Class::Minutes => 6 * HOUR_MS,
        Class::Hours => 7 * 24 * HOUR_MS,
        _ => 15 * MINUTE_MS,
    }
}

/// Where the block that `at_ms` falls into begins.
pub(super) fn block_start(class: Class, at_ms: u64) -> u64 {
    at_ms - at_ms % span_ms(class)
}

/// As the database has it.
pub(super) fn class_code(class: Class) -> u8 {
    match class {
        Class::Minutes => 1,
        Class::Hours => 2,
        _ => 0,
    }
}
