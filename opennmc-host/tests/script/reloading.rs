//! A thousand new versions of a script under events, half of them broken: no event twice, none lost, no memory kept.

use std::fs;
use std::process::Command;

use crate::host::Host;
use crate::{event, logged, script};

const WARM_UP: usize = 200;
const ROUNDS: usize = 1_000;
const MOST_GROWTH: u64 = 1 << 20;
/// Set in the process that runs nothing but the test: the others beside it take memory of their own.
const ALONE: &str = "OPENNMC_TEST_ALONE";

#[test]
fn a_thousand_reloads_half_of_them_broken_lose_no_event_and_no_memory() {
    if std::env::var_os(ALONE).is_none() {
        let name = "reloading::a_thousand_reloads_half_of_them_broken_lose_no_event_and_no_memory";
        let mut alone = Command::new(std::env::current_exe().unwrap());
        let output = alone.args(["--exact", name, "--nocapture"]).env(ALONE, "1").output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        print!("{said}");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert!(said.contains("reloads, "), "it did not run:\n{said}");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let settings = script(&folder, "x", &good(0));
    let file = settings.script.as_ref().unwrap().file.clone();
    let host = Host::start_in(folder, vec![settings.clone()]);
    let (mut before, mut published) = (0, 0u64);
    for round in 1..=WARM_UP + ROUNDS {
        if round == WARM_UP {
            before = resident();
        }
        let is_broken = round % 2 == 0;
        fs::write(&file, if is_broken { "fn on_alarm(ups, event) { upps }".to_owned() } else { good(round) })
            .unwrap();
        published += 1;
        host.publish(event("ups.alarm", &[("number", &published.to_string())]));
        assert_eq!(host.replace(settings.clone()).is_err(), is_broken);
        published += 1;
        host.publish(event("ups.alarm", &[("number", &published.to_string())]));
        let lines = logged(&host, "x", &format!("event {published}."));
        for number in [published - 1, published] {
            let heard = lines.iter().filter(|line| line.contains(&format!("event {number}."))).count();
            assert_eq!(heard, 1, "event {number} in round {round}: {lines:#?}");
        }
        host.forget();
    }
    let after = resident();
    println!("{ROUNDS} reloads, {published} events: {before} bytes resident before, {after} after");
    assert!(after.saturating_sub(before) < MOST_GROWTH, "from {before} to {after} bytes");
    assert_eq!(host.status("script.x").missed_events, 0);
}

fn good(version: usize) -> String {
    format!("fn on_alarm(ups, event) {{ log(`event ${{event.number}}. heard by {version}`); }}")
}

fn resident() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches("kB").trim().parse::<u64>().unwrap() * 1024
}
