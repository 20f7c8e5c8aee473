//! What `upsd` is told on the driver socket, on a host that exists only in memory.

#![allow(clippy::unwrap_used, reason = "a test that can not go on has failed")]

use nut_driver::{Config, NutDriver};

use opennmc_plugin::{
    Availability, ControlHandler, Event, EventListener, Inbound, Kind, Ordered, Plugin, Severity,
    SimulatedHost, SimulatedUps, TcpService, TimerHandler, Variable,
};

const UPSD: u64 = 7;

struct Bench {
    host: SimulatedHost,
    driver: NutDriver,
}

fn variable(name: &str, value: &str, settable: bool, kind: Kind, max_length: u32) -> Variable {
    Variable { name: name.to_owned(), value: value.to_owned(), settable, kind, max_length }
}

fn ups(status: &str) -> SimulatedUps {
    let mut ups = SimulatedUps::new("main", "Rack A");
    ups.variables = vec![
        variable("ups.status", status, false, Kind::Text, 0),
        variable("ups.id", "RACK \"A\" #1", true, Kind::Text, 8),
        variable("input.sensitivity", "H", true, Kind::Choice, 0),
        variable("ups.delay.start", "20", true, Kind::Range, 0),
    ];
    ups.choices.insert("input.sensitivity".to_owned(), vec!["H".to_owned(), "L".to_owned()]);
    ups.ranges.insert("ups.delay.start".to_owned(), vec![(0, 600)]);
    ups.commands = vec!["beeper.mute".to_owned(), "test.battery.start".to_owned()];
    ups
}

impl Bench {
    fn new() -> Bench {
        let host = SimulatedHost::new();
        host.publish(ups("OL"));
        let mut driver = NutDriver::start(&host, Config::default()).unwrap();
        driver.on_accept(&host, "main", UPSD, "unix").unwrap();
        Bench { host, driver }
    }

    /// What comes back, whether as an answer or before it.
    fn say(&mut self, line: &str) -> String {
        let inbound = Inbound { connection: UPSD, bytes: format!("{line}\n").into_bytes() };
        let answers = self.driver.on_data(&self.host, vec![inbound]);
        let mut told = self.told();
        for answer in answers {
            told += &String::from_utf8(answer.bytes).unwrap();
            if answer.close {
                told += "(closed)";
            }
        }
        told
    }

    fn told(&mut self) -> String {
        String::from_utf8(self.host.take_sent(UPSD)).unwrap()
    }

    fn later(&mut self) -> String {
        for (timer, _) in self.host.timers() {
            self.driver.on_timer(&self.host, timer);
        }
        self.told()
    }
}

#[test]
fn a_dump_tells_values_what_can_be_set_commands_and_how_data_is() {
    let mut bench = Bench::new();
    bench.say("");
    assert_eq!(
        bench.say("DUMPALL"),
        "SETINFO input.sensitivity \"H\"\nSETFLAGS input.sensitivity RW\nADDENUM input.sensitivity \"H\"\n\
         ADDENUM input.sensitivity \"L\"\n\
         SETINFO ups.delay.start \"20\"\nSETFLAGS ups.delay.start RW NUMBER\nADDRANGE ups.delay.start 0 600\n\
         SETINFO ups.id \"RACK \\\"A\\\" \\#1\"\nSETFLAGS ups.id RW STRING\nSETAUX ups.id 8\n\
         SETINFO ups.status \"OL\"\nADDCMD beeper.mute\nADDCMD test.battery.start\nDATAOK\nDUMPDONE\n"
    );
    assert_eq!(bench.say("DUMPSTATUS"), "SETINFO ups.status \"OL\"\nDATAOK\nDUMPDONE\n");
    assert_eq!(bench.say("DUMPVALUE UPS.STATUS"), "SETINFO ups.status \"OL\"\nDUMPDONE\n");
    assert_eq!(bench.say("PING"), "PONG\n");
    assert_eq!(bench.say("GETPID"), "");
    assert_eq!(bench.say("LOGOUT"), "OK Goodbye\n(closed)");
}

#[test]
fn only_what_has_changed_is_told_and_an_event_tells_it_at_once() {
    let mut bench = Bench::new();
    bench.say("DUMPALL");
    assert_eq!(bench.later(), "");
    bench.host.publish(ups("OB"));
    let event = bench.host.event("ups.on-battery", Severity::Warning, "main", &[]);
    bench.driver.on_event(&bench.host, event);
    assert_eq!(bench.told(), "SETINFO ups.status \"OB\"\n");

    let mut less = ups("OB");
    less.variables.retain(|variable| variable.name != "ups.delay.start");
    less.commands.retain(|command| command == "beeper.mute");
    less.choices.insert("input.sensitivity".to_owned(), vec!["H".to_owned(), "M".to_owned()]);
    bench.host.publish(less);
    assert_eq!(
        bench.later(),
        "DELINFO ups.delay.start\nDELINFO input.sensitivity\nSETINFO input.sensitivity \"H\"\n\
         SETFLAGS input.sensitivity RW\nADDENUM input.sensitivity \"H\"\nADDENUM input.sensitivity \"M\"\n\
         DELCMD test.battery.start\n"
    );
}

#[test]
fn stale_data_is_told_as_such_until_it_is_live_again() {
    let mut bench = Bench::new();
    bench.say("DUMPALL");
    for availability in [Availability::Stale, Availability::Disconnected, Availability::Waiting] {
        let mut silent = ups("OL");
        silent.device.availability = availability;
        bench.host.publish(silent);
        assert_eq!(bench.later(), "DATASTALE\n", "{availability:?}");
        assert!(bench.say("DUMPALL").ends_with("DATASTALE\nDUMPDONE\n"));
        bench.host.publish(ups("OL"));
        assert_eq!(bench.later(), "DATAOK\n");
    }
}

#[test]
fn who_wants_no_changes_hears_none() {
    let mut bench = Bench::new();
    bench.say("DUMPALL");
    bench.say("NOBROADCAST");
    bench.host.publish(ups("OB"));
    assert_eq!(bench.later(), "");
    assert_eq!(bench.say("DUMPSTATUS"), "SETINFO ups.status \"OB\"\nDATAOK\nDUMPDONE\n");
    bench.say("BROADCAST 1");
    bench.host.publish(ups("OL"));
    assert_eq!(bench.later(), "SETINFO ups.status \"OL\"\n");
}

#[test]
fn orders_are_given_in_the_plugin_s_own_name_and_their_true_end_is_reported() {
    let mut bench = Bench::new();
    bench.say("DUMPALL");
    assert_eq!(bench.say("INSTCMD BEEPER.MUTE TRACKING 1234-ab"), "");
    let (ticket, ordered) = bench.host.next_order().unwrap();
    assert_eq!(ordered, Ordered::Run("main".to_owned(), "beeper.mute".to_owned(), None));
    bench.driver.on_ended(&bench.host, ticket, true, "executed", "");
    assert_eq!(bench.told(), "TRACKING 1234-ab 0\n");

    assert_eq!(bench.say("SET ups.id \"RACK B\" TRACKING 2"), "");
    let (ticket, ordered) = bench.host.next_order().unwrap();
    assert_eq!(ordered, Ordered::Set("main".to_owned(), "ups.id".to_owned(), "RACK B".to_owned()));
    bench.driver.on_ended(&bench.host, ticket, false, "timed-out", "no answer");
    assert_eq!(bench.told(), "TRACKING 2 3\n");

    assert_eq!(bench.say("INSTCMD no.such TRACKING 3"), "TRACKING 3 1\n");
    assert_eq!(bench.say("SET no.such 1 TRACKING 4"), "TRACKING 4 1\n");
    // Nobody wants to know.
    assert_eq!(bench.say("INSTCMD test.battery.start 10"), "");
    let (ticket, ordered) = bench.host.next_order().unwrap();
    let value = Some("10".to_owned());
    assert_eq!(ordered, Ordered::Run("main".to_owned(), "test.battery.start".to_owned(), value));
    bench.driver.on_ended(&bench.host, ticket, true, "executed", "");
    assert_eq!(bench.told(), "");
}

#[test]
fn a_listener_without_its_ups_takes_nobody_and_without_anybody_no_timer_runs() {
    let mut bench = Bench::new();
    let problem = bench.driver.on_accept(&bench.host, "cellar", 8, "unix").unwrap_err();
    assert!(problem.contains("`cellar`"), "{problem}");
    assert_eq!(bench.host.timers().len(), 1);
    bench.driver.on_closed(&bench.host, UPSD, "closed by the peer");
    assert_eq!(bench.host.timers().len(), 0);
    let event =
        Event { device: "main".to_owned(), ..bench.host.event("ups.alarm", Severity::Info, "main", &[]) };
    bench.driver.on_event(&bench.host, event);
}

#[test]
fn noise_is_answered_with_nothing_and_an_endless_line_ends_the_connection() {
    let mut bench = Bench::new();
    for line in ["", "\"open", "INSTCMD", "SET x", "DUMPVALUE", "WHAT is this", "\x01\x02"] {
        bench.say("DUMPALL");
        let answer = bench.say(line);
        assert!(answer.is_empty(), "{line}: {answer}");
    }
    assert!(bench.say(&"x".repeat(9_000)).ends_with("(closed)"));
}
