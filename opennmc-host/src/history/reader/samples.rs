//! Samples of a span of time, in a resolution that suits it.

use std::ops::Range;

use super::connection::HistoryReader;
use crate::history::error::HistoryError;

/// How fine samples are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Resolution {
    /// The finest that is still kept for the whole span and gives at most so many points.
    Points(usize),
    /// As they were taken.
    Seconds,
    /// One point for each minute.
    Minutes,
    /// One point for each hour.
    Hours,
}

/// The samples of one number of one UPS.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct Series {
    /// How much time a point stands for, in milliseconds; 0 when points are as they were taken.
    pub step_ms: u64,
    /// In the order of time. Where nothing was recorded there is none.
    pub points: Vec<SamplePoint>,
}

/// What was measured in one stretch of time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SamplePoint {
    /// When it begins, in milliseconds since 1970-01-01 UTC.
    pub at_ms: u64,
    /// The least value.
    pub min: f64,
    /// The mean value.
    pub avg: f64,
    /// The greatest value.
    pub max: f64,
    /// Of how many samples.
    pub count: u64,
}

impl HistoryReader {
    /// The samples of the number `name` (such as `input.voltage`) of `device` in `span`, milliseconds since 1970-01-01 UTC.
    ///
    /// # Errors
    ///
    /// When the database can't be read.
    pub fn samples(
        &self,
        device: &str,
        name: &str,
        span: Range<u64>,
        _resolution: Resolution,
    ) -> Result<Series, HistoryError> {
        let mut points = Vec::new();
        if let Some(mailbox) = &self.mailbox {
            let content = mailbox.lock();
            for point in
                content.samples_in_flight.of(device, name).iter().chain(content.samples.of(device, name))
            {
                if span.contains(&point.at_ms) {
                    let value = point.value;
                    points.push(SamplePoint {
                        at_ms: point.at_ms,
                        min: value,
                        avg: value,
                        max: value,
                        count: 1,
                    });
                }
            }
        }
        Ok(Series { step_ms: 0, points })
    }

    /// Which numbers were ever sampled: UPS and name.
    ///
    /// # Errors
    ///
    /// When the database can't be read.
    pub fn series(&self) -> Result<Vec<(String, String)>, HistoryError> {
        let mut all = Vec::new();
        if let Some(mailbox) = &self.mailbox {
            let content = mailbox.lock();
            all.extend(
                content.samples.series().map(|(device, name, _)| (device.to_owned(), name.to_owned())),
            );
        }
        Ok(all)
    }
}
