//! Samples, and what becomes of them with time.

use opennmc_host::history::{HistoryOptions, Resolution};

use crate::scene::{Scene, assert_whole, file_in};

const HOUR_MS: u64 = 3_600_000;
/// A Sunday's midnight, so that hours and minutes are easy to read.
const START: u64 = 1_795_305_600_000;

/// `hours` of one sample a second: the value is the second's number in its minute.
fn record(scene: &Scene, from: u64, hours: u64) {
    for second in 0..hours * 3600 {
        scene.history.sample("main", from + second * 1000, [("input.voltage", (second % 60) as f64)]);
    }
}

#[test]
fn samples_come_back_exactly_whether_they_are_on_disk_yet_or_not() {
    let folder = tempfile::tempdir().unwrap();
    let path = file_in(&folder);
    let scene = Scene::open(&path, HistoryOptions::default());
    let values = [230.4, 229.95, 0.1, -3.0, std::f64::consts::PI, 1e-9];
    for (second, value) in (0..).zip(values) {
        scene.history.sample("main", START + second * 1000, [("input.voltage", value), ("gone", f64::NAN)]);
    }
    let read = |scene: &Scene| -> Vec<f64> {
        let span = START..START + HOUR_MS;
        let series =
            scene.history.reader().samples("main", "input.voltage", span, Resolution::Seconds).unwrap();
        series.points.iter().map(|point| point.avg).collect()
    };
    assert_eq!(read(&scene), values);
    scene.close();
    let scene = Scene::open(&path, HistoryOptions::default());
    assert_eq!(read(&scene), values);
    assert_eq!(scene.history.reader().series().unwrap(), [("main".to_owned(), "input.voltage".to_owned())]);
    scene.close();
    assert_whole(&path);
}

#[test]
fn minutes_and_hours_tell_the_least_mean_and_greatest_value() {
    let folder = tempfile::tempdir().unwrap();
    let scene = Scene::open(&file_in(&folder), HistoryOptions::default());
    record(&scene, START, 2);
    scene.close();
    let scene = Scene::open(&file_in(&folder), HistoryOptions::default());
    // More of the last hour, part of it on disk and part of it not.
    record(&scene, START + 2 * HOUR_MS, 1);
    let span = START..START + 3 * HOUR_MS;
    let read = |resolution| {
        scene.history.reader().samples("main", "input.voltage", span.clone(), resolution).unwrap().points
    };
    for (resolution, points, count) in [(Resolution::Minutes, 180, 60), (Resolution::Hours, 3, 3600)] {
        let buckets = read(resolution);
        assert_eq!(buckets.len(), points);
        for bucket in buckets {
            assert_eq!((bucket.min, bucket.max, bucket.count), (0.0, 59.0, count), "{bucket:?}");
            assert!((bucket.avg - 29.5).abs() < 1e-9, "{bucket:?}");
        }
    }
    assert_eq!(read(Resolution::Seconds).len(), 3 * 3600);
}

#[test]
fn samples_that_come_later_join_those_of_the_same_minute_on_disk() {
    let folder = tempfile::tempdir().unwrap();
    let path = file_in(&folder);
    for second in 0..3 {
        let scene = Scene::open(&path, HistoryOptions::default());
        scene.history.sample("main", START + second * 1000, [("input.voltage", 230.0 + second as f64)]);
        scene.close();
    }
    let scene = Scene::open(&path, HistoryOptions::default());
    let read = |resolution| {
        let span = START..START + HOUR_MS;
        scene.history.reader().samples("main", "input.voltage", span, resolution).unwrap().points
    };
    assert_eq!(read(Resolution::Seconds).len(), 3);
    for resolution in [Resolution::Minutes, Resolution::Hours] {
        let points = read(resolution);
        assert_eq!(points.len(), 1);
        assert_eq!((points[0].min, points[0].max, points[0].count), (230.0, 232.0, 3));
        assert!((points[0].avg - 231.0).abs() < 1e-9, "{points:?}");
    }
}

#[test]
fn a_graph_gets_as_many_points_as_it_can_show() {
    let folder = tempfile::tempdir().unwrap();
    let scene = Scene::open(&file_in(&folder), HistoryOptions::default());
    record(&scene, START, 4);
    scene.close();
    let scene = Scene::open(&file_in(&folder), HistoryOptions::default());
    let reader = scene.history.reader();
    for (hours, most, step_s) in [(4, 20_000, 1), (4, 500, 30), (1, 500, 10), (4, 100, 300), (4, 5, 7200)] {
        let span = START..START + hours * HOUR_MS;
        let series = reader.samples("main", "input.voltage", span, Resolution::Points(most)).unwrap();
        assert_eq!(series.step_ms, step_s * 1000, "{hours} h in {most} points");
        assert!(series.points.len() <= most, "{} points", series.points.len());
        let samples: u64 = series.points.iter().map(|point| point.count).sum();
        assert_eq!(samples, hours * 3600, "nothing is left out");
    }
}

#[test]
fn a_clock_that_goes_backwards_loses_no_sample_of_another_time() {
    let folder = tempfile::tempdir().unwrap();
    let scene = Scene::open(&file_in(&folder), HistoryOptions::default());
    record(&scene, START + HOUR_MS, 1);
    record(&scene, START, 1);
    record(&scene, START + HOUR_MS / 2, 1);
    scene.close();
    let scene = Scene::open(&file_in(&folder), HistoryOptions::default());
    let span = START..START + 2 * HOUR_MS;
    let series = scene.history.reader().samples("main", "input.voltage", span, Resolution::Seconds).unwrap();
    assert_eq!(series.points.len(), 7200);
    assert!(series.points.windows(2).all(|pair| pair[0].at_ms < pair[1].at_ms));
}
