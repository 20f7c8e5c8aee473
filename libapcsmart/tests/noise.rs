//! A bad line never changes what is published.
//!
//! Each campaign is deterministic: seeds are fixed, the clock is simulated, the figures are printed.

mod pair;

use std::time::Duration;

use apcsmart::LinkState;
use apcsmart::simulator::{FaultSpec, SimulatorOptions};
use pair::Pair;
use pair::witness::Witness;

fn noisy(seed: u64, faults: FaultSpec) -> Pair {
    Pair::with("smart-ups-1500", SimulatorOptions { seed, pace: true, faults, ..SimulatorOptions::default() })
}

fn run_campaign(
    mut pair: Pair,
    replies: u64,
    mut each_minute: impl FnMut(&mut Pair, u64),
) -> (Pair, Witness) {
    let mut witness = Witness::of("smart-ups-1500");
    let mut seconds = 0;
    while pair.session.quality().answered < replies {
        pair.run(Duration::from_secs(1));
        witness.observe(&pair);
        seconds += 1;
        if seconds % 60 == 0 {
            each_minute(&mut pair, seconds / 60);
            witness.observe(&pair);
        }
        assert!(seconds < 200_000, "the session stopped: {:?}", pair.session.quality());
    }
    (pair, witness)
}

fn report(name: &str, pair: &Pair, witness: &Witness) {
    let quality = pair.session.quality();
    println!(
        "{name}: {} answers, {} faults seen, {} resyncs, {} values published, {} wrong",
        quality.answered,
        quality.faults(),
        quality.resyncs,
        witness.published,
        witness.wrong.len()
    );
    assert_eq!(witness.wrong, Vec::<String>::new(), "{name}");
    assert_eq!(pair.sim.counters().hazardous_bytes, 0);
}

#[test]
fn one_percent_noise_over_ten_thousand_replies_publishes_nothing_wrong() {
    let (pair, witness) = run_campaign(noisy(1, FaultSpec::noise(0.01)), 10_000, |_, _| {});
    report("noise 1 %, steady UPS", &pair, &witness);
    assert!(pair.session.quality().faults() > 100, "the noise was real");
    assert!(pair.shown().len() >= 35, "and nothing was lost for good: {:?}", pair.shown());
}

#[test]
fn noise_during_outages_publishes_nothing_wrong() {
    let (pair, witness) = run_campaign(noisy(2, FaultSpec::noise(0.01)), 10_000, |pair, minute| {
        let line = match minute % 4 {
            1 => "line off",
            2 => "load 40",
            3 => "line on",
            _ => "load 20",
        };
        pair.control(line);
    });
    report("noise 1 %, outages", &pair, &witness);
}

#[test]
fn noise_that_begins_on_a_clean_line_publishes_nothing_wrong() {
    for seed in 10..20 {
        let mut pair = noisy(seed, FaultSpec::default());
        pair.run(Duration::from_secs(30));
        pair.control("noise 0.01");
        let (pair, witness) = run_campaign(pair, 1_500, |_, _| {});
        report(&format!("noise begins, seed {seed}"), &pair, &witness);
    }
}

#[test]
fn the_link_is_back_within_thirty_seconds_of_the_last_fault() {
    for (seed, spec) in
        [(1, "stall=0.2"), (2, "drop=0.2"), (3, "flip=0.2"), (4, "hang-up=0.05"), (5, "deaf=0.3")]
    {
        let mut pair = noisy(seed, spec.parse().unwrap());
        pair.run(Duration::from_secs(300));
        pair.control("noise off");
        let back = pair.run_until(pair.now + Duration::from_secs(30), |pair| {
            pair.session.link() == LinkState::Up && pair.ups_status() == "OL"
        });
        assert!(back, "{spec}: {:?} {:?}", pair.session.link(), pair.session.quality());
    }
}

#[test]
#[ignore = "minutes long: `cargo xtask soak` runs it"]
fn a_hundred_seeds_of_noise_publish_nothing_wrong() {
    let mut wrong = Vec::new();
    let (mut answers, mut published) = (0, 0);
    for seed in 100..200 {
        let rate = [0.001, 0.003, 0.01, 0.03][seed as usize % 4];
        let mut pair = noisy(seed, FaultSpec::default());
        pair.run(Duration::from_secs(30));
        pair.control(&format!("noise {rate}"));
        let (pair, witness) = run_campaign(pair, 10_000, |pair, minute| {
            let lines = ["line off", "load 40", "line on", "load 20"];
            pair.control(lines[minute as usize % 4]);
        });
        answers += pair.session.quality().answered;
        published += witness.published;
        wrong.extend(witness.wrong.into_iter().map(|wrong| format!("seed {seed}, noise {rate}: {wrong}")));
    }
    println!("100 seeds: {answers} answers, {published} values published, {} wrong", wrong.len());
    assert_eq!(wrong, Vec::<String>::new());
}
