//! The door against a line that the test plays.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::*;
use crate::state::Availability;
use crate::users::{Origin, Principal, Role};

const NOW: Time = Time::from_millis(1000);
const LINK: LinkId = LinkId::from_number(1);

pub(super) fn principal(role: Role) -> Principal {
    Principal { name: "somebody".to_owned(), role, scopes: None, origin: Origin::Host }
}

pub(super) fn request(order: Order) -> OrderRequest {
    OrderRequest {
        device: "main".to_owned(),
        order,
        principal: principal(Role::Operator),
        danger_confirmed: false,
    }
}

pub(super) fn run(command: &str) -> Order {
    Order::Run { command: command.to_owned(), argument: None }
}

pub(super) fn set(variable: &str, value: &str) -> Order {
    Order::Set { variable: variable.to_owned(), value: value.to_owned() }
}

fn device() -> Device {
    Device {
        name: "main".to_owned(),
        description: None,
        availability: Availability::Live,
        generation: 1,
        heard_at_ms: None,
        variables: BTreeMap::new(),
        commands: BTreeSet::from(
            ["test.battery.start", "shutdown.return", "shutdown.stop"].map(str::to_owned),
        ),
    }
}

/// What whoever gave the order heard.
#[derive(Clone, Default)]
struct Heard(Arc<Mutex<Vec<Progress>>>);

impl Heard {
    fn progress(&self) -> Progressing {
        let heard = self.clone();
        Box::new(move |step| heard.0.lock().unwrap().push(step))
    }

    fn all(&self) -> Vec<Progress> {
        self.0.lock().unwrap().clone()
    }
}

fn hand_in(door: &mut Door, order: Order) -> Heard {
    let heard = Heard::default();
    door.hand_in(NOW, request(order), heard.progress(), Some((LINK, &device())));
    heard
}

#[test]
fn an_order_is_begun_and_ends_with_what_the_line_says() {
    let mut door = Door::default();
    let heard = hand_in(&mut door, run("test.battery.start"));
    assert_eq!(heard.all(), []);
    door.begin_next(NOW, LINK, |_| Ok(5));
    assert_eq!(heard.all(), [Progress::Begun(OrderId(1))]);
    door.ended(LINK, 6, OrderResult::Executed);
    assert_eq!(heard.all().len(), 1, "that was another order's end");
    door.ended(LINK, 5, OrderResult::Executed);
    door.ended(LINK, 5, OrderResult::NoEffect);
    assert_eq!(heard.all().len(), 1, "what came of it is not to be seen yet");
    let [ended] = &door.take_ended()[..] else { panic!("one ended") };
    assert_eq!((ended.begun, &ended.result), (true, &OrderResult::Executed));
    let ended = Progress::Ended(OrderId(1), OrderResult::Executed);
    assert_eq!(heard.all(), [Progress::Begun(OrderId(1)), ended]);
    assert!(door.links_with_orders().is_empty());
}

#[test]
fn what_is_refused_at_the_door_never_reaches_the_line_and_is_told_all_the_same() {
    let mut door = Door::default();
    let heard = Heard::default();
    let monitor = OrderRequest { principal: principal(Role::Monitor), ..request(run("load.off")) };
    door.hand_in(NOW, monitor, heard.progress(), Some((LINK, &device())));
    door.begin_next(NOW, LINK, |_| panic!("nothing is to be begun"));
    assert!(matches!(&door.take_ended()[..], [Ended { begun: false, .. }]));
    assert!(matches!(&heard.all()[..], [Progress::Ended(OrderId(1), OrderResult::Denied(_))]));
}

#[test]
fn an_order_for_a_busy_line_waits_and_a_shutdown_overtakes_it() {
    let mut door = Door::default();
    let setting = hand_in(&mut door, set("ups.id", "x"));
    door.begin_next(NOW, LINK, |_| Err(NotBegun::Busy));
    let shutdown = hand_in(&mut door, run("shutdown.return"));
    let mut begun = Vec::new();
    door.begin_next(NOW, LINK, |request| match begun.len() {
        0 => {
            begun.push(request.order.clone());
            Ok(1)
        }
        _ => Err(NotBegun::Busy),
    });
    assert_eq!(begun, [run("shutdown.return")]);
    assert_eq!(shutdown.all(), [Progress::Begun(OrderId(2))]);
    assert_eq!(setting.all(), []);
    door.begin_next(NOW, LINK, |_| Err(NotBegun::Ended(OrderResult::Invalid("no".into()))));
    door.take_ended();
    assert_eq!(setting.all(), [Progress::Ended(OrderId(1), OrderResult::Invalid("no".into()))]);
}

#[test]
fn every_order_ends_even_when_the_line_never_answers() {
    let mut door = Door::default();
    let begun = hand_in(&mut door, run("test.battery.start"));
    door.begin_next(NOW, LINK, |_| Ok(1));
    let waiting = hand_in(&mut door, run("test.battery.start"));
    let mut now = NOW;
    while door.deadline() != Time::NEVER {
        assert!(door.deadline() > now, "the deadline moves on");
        now = door.deadline();
        door.handle_timeout(now);
    }
    assert!(now < NOW + Duration::from_secs(3600));
    assert_eq!(door.take_ended().len(), 2);
    assert_eq!(begun.all().last(), Some(&Progress::Ended(OrderId(1), OrderResult::TimedOut)));
    assert!(matches!(&waiting.all()[..], [Progress::Ended(OrderId(2), OrderResult::Refused(_))]));
}

#[test]
fn a_ups_that_leaves_the_configuration_takes_its_orders_along() {
    let mut door = Door::default();
    let begun = hand_in(&mut door, run("test.battery.start"));
    door.begin_next(NOW, LINK, |_| Ok(1));
    let waiting = hand_in(&mut door, run("test.battery.start"));
    door.abandon(LINK);
    door.take_ended();
    assert_eq!(begun.all().last(), Some(&Progress::Ended(OrderId(1), OrderResult::TimedOut)));
    assert_eq!(waiting.all(), [Progress::Ended(OrderId(2), OrderResult::Stale)]);
    assert_eq!(door.deadline(), Time::NEVER);
}
