//! Figures for docs/history.md, measured and printed: `cargo test --release --test history measure -- --ignored --nocapture`.

use std::time::{Duration, Instant};

use opennmc_host::history::{History, HistoryHandle, HistoryOptions, Resolution};

use crate::scene::{PATIENCE, Scene, event, file_in};

const START: u64 = 1_795_305_600_000;
const NUMBERS: usize = 20;

#[test]
#[ignore = "prints figures"]
fn rows_per_second_and_memory() {
    let folder = tempfile::tempdir().unwrap();
    let path = file_in(&folder);
    let before = resident_kib();
    let history = History::open(&path, HistoryOptions::default(), |_| {}).unwrap();
    one_day(&history);
    let cpu = cpu_time();
    println!(
        "a day of one UPS with {NUMBERS} numbers each second, written each minute: {:.1} s of CPU ({:.4} % of a core), \
         {:.1} MiB on disk; resident: {} KiB more than before",
        cpu.as_secs_f64(),
        cpu.as_secs_f64() / 864.0,
        size_of(folder.path()) as f64 / 1048576.0,
        resident_kib() - before,
    );
    let started = Instant::now();
    let span = START..START + 86_400_000;
    let graph = history.reader().samples("main", "number.0", span, Resolution::Points(1000)).unwrap();
    println!(
        "a graph of that day in {} points: {:.1} ms",
        graph.points.len(),
        started.elapsed().as_secs_f64() * 1e3
    );
    assert!(history.close(PATIENCE));

    let mut scene = Scene::open(&path, HistoryOptions::default());
    let first = scene.history.next_event_id();
    let started = Instant::now();
    for id in first..first + 1000 {
        scene.history.event(event(id));
        scene.wait_until_committed(id);
    }
    let one_by_one = started.elapsed();
    let started = Instant::now();
    for id in first + 1000..first + 51_000 {
        // As fast as it is written, without losing any.
        while scene.history.waiting() > 5000 {
            std::thread::yield_now();
        }
        scene.history.event(event(id));
    }
    scene.wait_until_committed(first + 50_999);
    let burst = started.elapsed();
    println!(
        "events, each waited for: {:.0}/s; in a burst: {:.0}/s",
        rate(1000, one_by_one),
        rate(50_000, burst)
    );
    let started = Instant::now();
    let read = scene.history.reader().events(&Default::default()).count();
    println!("{read} events read: {:.0}/s", rate(read as u64, started.elapsed()));
    scene.close();
}

/// An event each minute stands for the minute's write.
fn one_day(history: &HistoryHandle) {
    let names: Vec<String> = (0..NUMBERS).map(|number| format!("number.{number}")).collect();
    for minute in 0..1440_u64 {
        for second in 0..60 {
            let at = minute * 60 + second;
            // Half of the numbers flicker in their last place, half stand still.
            let values = names.iter().enumerate().map(|(number, name)| {
                let flicker = if number % 2 == 0 { (at * 7919 % 13) as f64 / 10.0 } else { 0.0 };
                (name, 230.0 + number as f64 + flicker)
            });
            history.sample("main", START + at * 1000, values);
        }
        history.event(event(minute + 1));
        while history.waiting() > 0 {
            std::thread::yield_now();
        }
    }
}

fn rate(count: u64, time: Duration) -> f64 {
    count as f64 / time.as_secs_f64()
}

fn size_of(folder: &std::path::Path) -> u64 {
    std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().metadata().unwrap().len()).sum()
}

fn resident_kib() -> i64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Of all threads but this one: it waits actively.
fn cpu_time() -> Duration {
    let mut ticks = 0;
    for task in std::fs::read_dir("/proc/self/task").unwrap() {
        let task = task.unwrap().path();
        let name = std::fs::read_to_string(task.join("comm")).unwrap();
        if name.trim() == "history" {
            let stat = std::fs::read_to_string(task.join("stat")).unwrap();
            let fields: Vec<u64> = stat
                .rsplit(')')
                .next()
                .unwrap()
                .split_whitespace()
                .skip(11)
                .take(2)
                .map(|n| n.parse().unwrap())
                .collect();
            ticks += fields[0] + fields[1];
        }
    }
    // Linux counts in hundredths of a second here.
    Duration::from_millis(ticks * 10)
}
