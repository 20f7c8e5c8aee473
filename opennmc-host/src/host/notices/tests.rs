use super::*;

const SECOND: Duration = Duration::from_secs(1);

/// Notices under a clock that only the test moves.
struct Scene {
    notices: Notices,
    now: Instant,
    tickets: u64,
}

impl Scene {
    fn with(notifiers: &[&str]) -> Scene {
        let mut scene = Scene { notices: Notices::default(), now: Instant::now(), tickets: 0 };
        for (run, notifier) in (1..).zip(notifiers) {
            scene.notices.came(scene.now, &(*notifier).into(), run);
        }
        scene
    }

    fn send(&mut self, from: &str) -> u64 {
        self.send_to(from, None)
    }

    fn send_to(&mut self, from: &str, to: Option<&str>) -> u64 {
        self.tickets += 1;
        let notice = Notice {
            severity: Severity::Warning,
            device: "main".to_owned(),
            title: "A title".to_owned(),
            body: String::new(),
            fields: Vec::new(),
        };
        self.notices.send(self.now, 1_000, self.tickets, &from.into(), notice, to.map(Into::into));
        self.tickets
    }

    fn pass(&mut self, time: Duration) {
        self.now += time;
        self.notices.handle_deadline(self.now);
    }

    /// Moves the clock to the next deadline; how far that was.
    fn pass_to_deadline(&mut self) -> Duration {
        let due = self.notices.next_deadline().expect("something waits");
        let pause = due.saturating_duration_since(self.now);
        self.pass(pause);
        pause
    }

    fn outputs(&mut self) -> Vec<Output> {
        std::iter::from_fn(|| self.notices.poll_output()).collect()
    }

    /// What is handed out: run, number and attempt.
    fn deliveries(&mut self) -> Vec<(u64, u64, u32)> {
        let deliver = |output| match output {
            Output::Deliver { run, delivery } => Some((run, delivery.number, delivery.attempt)),
            Output::Told { .. } => None,
        };
        self.outputs().into_iter().filter_map(deliver).collect()
    }

    /// What is told: kind and fields.
    fn told(&mut self) -> Vec<String> {
        let told = |output| match output {
            Output::Told { kind, fields, device, .. } => {
                assert_eq!(device, "main");
                let fields = fields.iter().filter(|(name, _)| *name != "plugin" && *name != "title");
                Some(fields.fold(kind.to_owned(), |text, (name, value)| format!("{text} {name}={value}")))
            }
            Output::Deliver { .. } => None,
        };
        self.outputs().into_iter().filter_map(told).collect()
    }
}

#[test]
fn a_notice_goes_to_every_notifier_and_each_says_for_itself_how_it_ended() {
    let mut scene = Scene::with(&["mail", "push"]);
    scene.send("a");
    assert_eq!(scene.deliveries(), [(1, 1, 1), (2, 2, 1)]);
    scene.notices.delivered(scene.now, &"mail".into(), 1);
    scene.notices.not_delivered(scene.now, &"push".into(), 2, "no such address", false);
    assert_eq!(
        scene.told(),
        [
            "notice.delivered notice=1 notifier=mail attempt=1",
            "notice.failed notice=1 reason=no such address notifier=push attempts=1",
        ]
    );
    assert_eq!(scene.notices.next_deadline(), None);
}

#[test]
fn a_notice_for_one_notifier_goes_to_no_other() {
    let mut scene = Scene::with(&["mail", "push"]);
    scene.send_to("a", Some("push"));
    assert_eq!(scene.deliveries(), [(2, 1, 1)]);
    scene.notices.delivered(scene.now, &"push".into(), 1);
    assert_eq!(scene.told(), ["notice.delivered notice=1 notifier=push attempt=1"]);
    assert_eq!(scene.notices.next_deadline(), None);
}

#[test]
fn a_notice_for_one_notifier_waits_for_that_and_fails_once_without_it() {
    let mut scene = Scene::with(&["mail"]);
    scene.send_to("a", Some("push"));
    scene.notices.came(scene.now, &"third".into(), 3);
    assert_eq!(scene.deliveries(), []);
    assert_eq!(scene.pass_to_deadline(), ARRIVAL);
    assert_eq!(scene.told(), ["notice.failed notice=1 reason=no notifier `push`"]);

    scene.send_to("a", Some("push"));
    scene.notices.came(scene.now, &"push".into(), 4);
    assert_eq!(scene.deliveries(), [(4, 1, 1)]);
    // It fails, and nobody else takes its place.
    scene.notices.went(scene.now, &"push".into(), 4);
    scene.pass(SECOND);
    assert_eq!(scene.deliveries(), []);
    scene.notices.came(scene.now, &"push".into(), 5);
    assert_eq!(scene.deliveries(), [(5, 2, 2)]);
}

#[test]
fn who_went_is_counted_for_as_long_as_it_is_expected_back() {
    let mut scene = Scene::with(&["push", "mail"]);
    let names = |scene: &Scene| -> Vec<String> {
        scene.notices.notifiers(scene.now).map(ToString::to_string).collect()
    };
    scene.notices.went(scene.now, &"push".into(), 1);
    assert_eq!(names(&scene), ["mail", "push"]);
    scene.pass(RETURN);
    assert_eq!(names(&scene), ["mail"]);
}

#[test]
fn what_makes_sense_to_try_again_is_tried_five_times_in_growing_pauses() {
    let mut scene = Scene::with(&["mail"]);
    scene.send("a");
    let mut pauses = Vec::new();
    for attempt in 1..=5 {
        assert_eq!(scene.deliveries(), [(1, attempt, attempt as u32)]);
        scene.notices.not_delivered(scene.now, &"mail".into(), attempt, "greylisted", true);
        if attempt < 5 {
            pauses.push(scene.pass_to_deadline().as_secs());
        }
    }
    assert_eq!(pauses, [5, 30, 120, 600]);
    assert_eq!(scene.told(), ["notice.failed notice=1 reason=greylisted notifier=mail attempts=5"]);
    assert_eq!(scene.notices.next_deadline(), None);
}

#[test]
fn a_notifier_that_says_nothing_is_given_two_minutes_and_then_another_attempt() {
    let mut scene = Scene::with(&["mail"]);
    scene.send("a");
    assert_eq!(scene.deliveries(), [(1, 1, 1)]);
    assert_eq!(scene.pass_to_deadline(), 120 * SECOND);
    // Too late: it was given up, and is tried again all the same.
    scene.notices.delivered(scene.now, &"mail".into(), 1);
    assert_eq!(scene.told(), Vec::<String>::new());
    scene.pass_to_deadline();
    assert_eq!(scene.deliveries(), [(1, 2, 2)]);
}

#[test]
fn a_notice_that_finds_no_notifier_waits_a_moment_for_one_and_fails_once() {
    let mut scene = Scene::with(&[]);
    scene.send("a");
    assert_eq!(scene.told(), ["notice.sent notice=1"]);
    assert_eq!(scene.pass_to_deadline(), ARRIVAL);
    assert_eq!(scene.told(), ["notice.failed notice=1 reason=no notifier"]);
    assert_eq!(scene.notices.next_deadline(), None);

    scene.send("a");
    scene.pass(ARRIVAL / 2);
    scene.notices.came(scene.now, &"mail".into(), 1);
    assert_eq!(scene.deliveries(), [(1, 1, 1)]);
}

#[test]
fn a_notifier_that_fails_gets_what_it_had_again_as_soon_as_it_is_back() {
    let mut scene = Scene::with(&["mail"]);
    scene.send("a");
    scene.outputs();
    scene.notices.went(scene.now, &"mail".into(), 1);
    // Sent while it is away: it is expected back.
    scene.send("a");
    scene.pass(SECOND);
    assert_eq!(scene.deliveries(), []);
    scene.notices.came(scene.now, &"mail".into(), 2);
    assert_eq!(scene.deliveries(), [(2, 2, 2), (2, 3, 2)]);
    // The end of the run before that is old news.
    scene.notices.went(scene.now, &"mail".into(), 1);
    scene.notices.delivered(scene.now, &"mail".into(), 2);
    assert_eq!(scene.told(), ["notice.delivered notice=1 notifier=mail attempt=2"]);
}

#[test]
fn a_notifier_that_does_not_come_back_fails_what_it_had_and_is_forgotten() {
    let mut scene = Scene::with(&["mail"]);
    scene.send("a");
    scene.notices.went(scene.now, &"mail".into(), 1);
    while scene.notices.next_deadline().is_some() {
        scene.pass_to_deadline();
    }
    let told = scene.told();
    assert_eq!(
        told.last().unwrap(),
        "notice.failed notice=1 reason=the notifier does not run notifier=mail attempts=5"
    );
    scene.pass(RETURN);
    scene.send("a");
    scene.pass(ARRIVAL);
    assert_eq!(scene.told().last().unwrap(), "notice.failed notice=2 reason=no notifier");
}

#[test]
fn a_notifier_has_so_much_in_its_hands_and_the_rest_waits_here() {
    let mut scene = Scene::with(&["mail"]);
    (0..MOST_UNDER_WAY + 3).for_each(|_| {
        scene.send("a");
    });
    let given = scene.deliveries();
    assert_eq!(given.len(), MOST_UNDER_WAY);
    // What waits for a place waits for no clock.
    assert_eq!(scene.notices.next_deadline(), Some(scene.now + ANSWER));
    scene.notices.delivered(scene.now, &"mail".into(), given[0].1);
    assert_eq!(scene.deliveries().len(), 1);
}

#[test]
fn one_plugin_can_not_take_all_places_and_all_of_them_can_not_take_more_than_there_are() {
    let mut scene = Scene::with(&["mail"]);
    let failed =
        |scene: &mut Scene| scene.told().iter().filter(|told| told.starts_with("notice.failed")).count();
    (0..MOST_OF_ONE + 2).for_each(|_| {
        scene.send("a");
    });
    assert_eq!(failed(&mut scene), 2);
    for from in ["b", "c", "d"] {
        (0..MOST_OF_ONE).for_each(|_| {
            scene.send(from);
        });
    }
    assert!(scene.notices.is_full());
    assert_eq!(failed(&mut scene), 0);
    scene.send("e");
    assert_eq!(failed(&mut scene), 1);
}

#[test]
fn nobody_speaks_for_another_notifier() {
    let mut scene = Scene::with(&["mail", "push"]);
    scene.send("a");
    scene.outputs();
    scene.notices.delivered(scene.now, &"push".into(), 1);
    scene.notices.not_delivered(scene.now, &"mail".into(), 2, "x", false);
    scene.notices.delivered(scene.now, &"mail".into(), 99);
    assert_eq!(scene.told(), Vec::<String>::new());
}
