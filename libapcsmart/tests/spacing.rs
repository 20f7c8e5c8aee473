//! Some units stop talking when they are asked more often than once a second.

mod pair;

use std::time::Duration;

use apcsmart::LinkState;
use pair::Pair;

/// Questions in a second that this unit stands.
const MOST_A_SECOND: usize = 3;
/// How long it is silent when there were more.
const OFFENDED_FOR: Duration = Duration::from_secs(15);

/// Lets `seconds` pass with a unit that falls silent when it is asked too fast. Returns for how many of them it was.
fn pass(pair: &mut Pair, seconds: u64) -> u64 {
    let mut silent_until = pair.now;
    let mut silent = 0;
    for _ in 0..seconds {
        let asked = pair.sent.len();
        pair.run(Duration::from_secs(1));
        // Nobody minds the start: `Y` and the first reads of `Q`.
        if pair.session.link() == LinkState::Up && pair.sent.len() - asked > MOST_A_SECOND {
            pair.control("mute on");
            silent_until = pair.now + OFFENDED_FOR;
        } else if pair.now >= silent_until {
            pair.control("mute off");
        }
        silent += u64::from(pair.now < silent_until);
    }
    silent
}

#[test]
fn a_unit_that_falls_silent_when_it_is_asked_fast_is_asked_more_slowly() {
    let mut pair = Pair::paced("smart-ups-1500");
    let first = pass(&mut pair, 300);
    assert!(first > 0, "it was offended at first");
    let later = pass(&mut pair, 600);
    assert_eq!(later, 0, "and no more");
    assert_eq!(pair.session.link(), LinkState::Up);
}

#[test]
fn a_unit_that_never_falls_silent_is_asked_without_pause() {
    let mut pair = Pair::paced("smart-ups-1500");
    pair.run(Duration::from_secs(60));
    let asked = pair.sent.len();
    pair.run(Duration::from_secs(60));
    assert!(pair.sent.len() - asked > 120, "{} questions in a minute", pair.sent.len() - asked);
}
