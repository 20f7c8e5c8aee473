//! Clients that log in and act: who waits, who is counted, and what they are told.

mod rack;

use opennmc_plugin::{AuthHandler, ControlHandler, Error, Ordered, SimulatedHost, TcpService, TimerHandler};
use rack::{CLIENT, Session, rack};

const OTHER: u64 = 8;

fn logged_in(name: &str, password: &str) -> Session {
    let mut session = Session::new(rack());
    assert_eq!(session.ask(&format!("USERNAME {name}\nPASSWORD \"{password}\"")), "OK\nOK\n");
    session
}

#[test]
fn a_client_whose_password_is_being_checked_keeps_nobody_else_waiting() {
    let mut session = logged_in("monitor", "pass word");
    session.server.on_accept(&session.host, "nut", OTHER, "192.0.2.2:1").unwrap();
    assert_eq!(session.send_only(CLIENT, b"LOGIN main\nGET VAR main ups.status\n"), b"");
    assert_eq!(session.send_only(OTHER, b"GET VAR main ups.status\n"), b"VAR main ups.status \"OL\"\n");
    assert_eq!(session.send_only(CLIENT, b"VER\n"), b"", "its own answers stay in order");
    session.let_the_host_work();
    let answers = String::from_utf8(session.host.take_sent(CLIENT)).unwrap();
    assert!(answers.starts_with("OK\nVAR main ups.status \"OL\"\nOpenNMC "), "{answers}");
}

#[test]
fn a_line_that_arrives_in_two_pieces_around_a_check_is_one_line() {
    let mut session = logged_in("monitor", "pass word");
    assert_eq!(session.send_only(CLIENT, b"LOGIN main\nGET VAR ma"), b"");
    assert_eq!(session.send_only(CLIENT, b"in ups.sta"), b"");
    session.let_the_host_work();
    assert_eq!(session.host.take_sent(CLIENT), b"OK\n");
    assert_eq!(session.send(b"tus\n"), b"VAR main ups.status \"OL\"\n");
}

#[test]
fn a_client_that_goes_on_sending_while_it_waits_is_dropped_in_the_end() {
    let mut session = logged_in("monitor", "pass word");
    session.send_only(CLIENT, b"LOGIN main\n");
    let flood = b"VER\n".repeat(400);
    let dropped = (0..10).any(|_| !session.send_only(CLIENT, &flood).is_empty());
    assert!(dropped);
    session.server.on_closed(&session.host, CLIENT, "dropped");
    session.let_the_host_work();
    assert_eq!(session.server.unfinished_bytes(), 0);
}

#[test]
fn the_count_of_logins_falls_when_a_client_is_gone() {
    let mut session = logged_in("monitor", "pass word");
    session.ask("LOGIN main");
    session.server.on_accept(&session.host, "nut", OTHER, "[2001:db8::5]:40000").unwrap();
    session.send_only(OTHER, b"USERNAME monitor\nPASSWORD \"pass word\"\nLOGIN main\n");
    session.let_the_host_work();
    assert_eq!(session.ask("GET NUMLOGINS main"), "NUMLOGINS main 2\n");
    let clients =
        "BEGIN LIST CLIENT main\nCLIENT main 192.0.2.1\nCLIENT main 2001:db8::5\nEND LIST CLIENT main\n";
    assert_eq!(session.ask("LIST CLIENT main"), clients);
    session.server.on_closed(&session.host, OTHER, "reset");
    assert_eq!(session.ask("GET NUMLOGINS main"), "NUMLOGINS main 1\n");
}

#[test]
fn a_client_that_goes_while_it_is_being_checked_is_not_counted() {
    let mut session = logged_in("monitor", "pass word");
    session.server.on_accept(&session.host, "nut", OTHER, "192.0.2.2:1").unwrap();
    session.send_only(OTHER, b"USERNAME monitor\nPASSWORD \"pass word\"\nLOGIN main\n");
    session.server.on_closed(&session.host, OTHER, "reset");
    session.let_the_host_work();
    assert_eq!(session.ask("GET NUMLOGINS main"), "NUMLOGINS main 0\n");
}

#[test]
fn who_may_only_read_may_do_nothing_else() {
    let mut session = logged_in("guest", "guest");
    for line in ["LOGIN main", "PRIMARY main", "FSD main", "SET VAR main ups.id x", "INSTCMD main load.off"] {
        assert_eq!(session.ask(line), "ERR ACCESS-DENIED\n", "{line}");
    }
    assert!(session.ordered.is_empty());
}

#[test]
fn a_right_that_was_taken_counts_at_once() {
    let mut session = logged_in("admin", "secret");
    assert_eq!(session.ask("INSTCMD main load.off"), "OK\n");
    session.host.take_rights("admin");
    assert_eq!(session.ask("INSTCMD main load.off"), "ERR ACCESS-DENIED\n");
}

#[test]
fn orders_reach_the_host_in_its_own_spelling_with_their_values() {
    let mut session = logged_in("admin", "secret");
    session.ask("INSTCMD MAIN Test.Battery.Start");
    session.ask("INSTCMD main load.off 5");
    session.ask("SET VAR Main UPS.Id \"a \\\"b\\\"\"");
    session.ask("FSD main");
    let (main, text) = (|| "main".to_owned(), |text: &str| text.to_owned());
    assert_eq!(
        session.ordered,
        [
            Ordered::Run(main(), text("test.battery.start"), None),
            Ordered::Run(main(), text("load.off"), Some(text("5"))),
            Ordered::Set(main(), text("ups.id"), text("a \"b\"")),
            Ordered::ForcedShutdown(main(), true),
        ]
    );
}

#[test]
fn what_became_of_an_order_is_told_in_the_protocols_words() {
    let cases = [
        ("refused", "ERR INSTCMD-FAILED\n", "ERR SET-FAILED\n"),
        ("denied", "ERR ACCESS-DENIED\n", "ERR ACCESS-DENIED\n"),
        ("unsupported", "ERR CMD-NOT-SUPPORTED\n", "ERR VAR-NOT-SUPPORTED\n"),
        ("invalid", "ERR INVALID-ARGUMENT\n", "ERR INVALID-VALUE\n"),
        ("no-effect", "ERR INSTCMD-FAILED\n", "ERR SET-FAILED\n"),
        ("timed-out", "ERR INSTCMD-FAILED\n", "ERR SET-FAILED\n"),
        ("stale", "ERR DATA-STALE\n", "ERR DATA-STALE\n"),
    ];
    for (outcome, command, setting) in cases {
        let mut session = logged_in("admin", "secret");
        session.outcome = outcome;
        assert_eq!(session.ask("INSTCMD main load.off"), command, "{outcome}");
        assert_eq!(session.ask("SET VAR main ups.id x"), setting, "{outcome}");
    }
}

#[test]
fn an_order_that_the_host_does_not_take_is_not_ok() {
    let mut session = logged_in("admin", "secret");
    session.host.refuse_orders(Error::Limit("too many".to_owned()));
    assert_eq!(session.ask("INSTCMD main load.off"), "ERR INSTCMD-FAILED\n");
    assert_eq!(session.ask("SET VAR main ups.id x"), "ERR SET-FAILED\n");
}

#[test]
fn an_order_that_takes_long_is_answered_in_time_and_its_failure_is_logged() {
    let mut session = logged_in("admin", "secret");
    session.ask("LOGIN main");
    session.send_only(CLIENT, b"SET VAR main ups.id x\nVER\n");
    let (ticket, _) = session.host.next_order().unwrap();
    let (timer, ms) = *session.host.timers().last().unwrap();
    assert!(ms < 5_000, "NUT's clients wait for five seconds");
    session.server.on_timer(&session.host, timer);
    let answers = String::from_utf8(session.host.take_sent(CLIENT)).unwrap();
    assert!(answers.starts_with("OK\nOpenNMC "), "{answers}");
    session.server.on_ended(&session.host, ticket, false, "timed-out", "no answer");
    assert_eq!(session.host.take_sent(CLIENT), b"", "it was answered once");
    assert!(session.host.logged().iter().any(|line| line.message.contains("no answer")));
}

#[test]
fn tracked_orders_are_answered_at_once_and_can_be_asked_after() {
    let mut session = logged_in("admin", "secret");
    session.ask("LOGIN main\nSET TRACKING ON");
    let give = |session: &mut Session, line: &str| {
        let answer = String::from_utf8(session.send_only(CLIENT, format!("{line}\n").as_bytes())).unwrap();
        let id = answer.strip_prefix("OK TRACKING ").unwrap().trim_end().to_owned();
        assert_eq!(id.len(), 36, "clients take no other length");
        assert_eq!(session.send_only(CLIENT, format!("GET TRACKING {id}\n").as_bytes()), b"PENDING\n");
        (session.host.next_order().unwrap().0, id)
    };
    let outcomes = [
        (true, "verified", "SUCCESS\n"),
        (false, "unsupported", "ERR UNKNOWN\n"),
        (false, "invalid", "ERR INVALID-ARGUMENT\n"),
        (false, "no-effect", "ERR FAILED\n"),
    ];
    let mut ids = Vec::new();
    for (success, outcome, told) in outcomes {
        let (ticket, id) = give(&mut session, "SET VAR main ups.id x");
        session.server.on_ended(&session.host, ticket, success, outcome, "");
        assert_eq!(session.ask(&format!("GET TRACKING {id}")), told);
        ids.push(id);
    }
    ids.dedup();
    assert_eq!(ids.len(), outcomes.len(), "each has its own");
}

#[test]
fn a_log_in_that_the_host_can_not_check_yet_is_tried_again() {
    let mut session = logged_in("monitor", "pass word");
    session.host.busy_checks(2);
    assert_eq!(session.send_only(CLIENT, b"LOGIN main\n"), b"");
    for _ in 0..2 {
        assert!(session.host.next_check().is_none());
        let (timer, _) = *session.host.timers().last().unwrap();
        session.server.on_timer(&session.host, timer);
    }
    session.let_the_host_work();
    assert_eq!(session.host.take_sent(CLIENT), b"OK\n");
}

#[test]
fn a_refused_log_in_is_one_line_in_the_log_without_the_password() {
    let mut session = logged_in("monitor", "wrong one");
    session.ask("LOGIN main\nLOGIN main\nPRIMARY main");
    let logged: Vec<String> = session.host.logged().into_iter().map(|line| line.message).collect();
    assert_eq!(logged.len(), 1, "{logged:?}");
    assert!(
        logged[0].contains("LOGIN from 192.0.2.1:40000") && !logged[0].contains("wrong one"),
        "{logged:?}"
    );
}

#[test]
fn a_password_is_what_the_client_was_given_whether_it_quotes_or_not() {
    for (password, lines) in [
        ("a b", &["PASSWORD a b", "PASSWORD \"a b\"", "password  a b \r", "PASSWORD a\\ b"][..]),
        ("a=b#c", &["PASSWORD a=b#c", "PASSWORD \"a=b\\#c\""]),
        ("a\"b", &["PASSWORD a\"b", "PASSWORD \"a\\\"b\""]),
        ("a\\b", &["PASSWORD a\\\\b"]),
    ] {
        for line in lines {
            let host = rack();
            host.add_user("someone", password, &["read", "login"]);
            let mut session = Session::new(host);
            session.ask(&format!("USERNAME someone\n{line}"));
            assert_eq!(session.ask("LOGIN main"), "OK\n", "{line}");
        }
    }
}

#[test]
fn a_host_without_anything_is_no_reason_to_fall() {
    let mut session = Session::new(SimulatedHost::new());
    session.ask("USERNAME a\nPASSWORD b");
    assert_eq!(session.ask("LOGIN main"), "ERR UNKNOWN-UPS\n");
    session.server.on_ended(&session.host, 99, true, "executed", "");
    session.host.add_user("admin", "secret", &[]);
    let principal = session.host.principal("admin");
    session.server.on_checked(&session.host, 99, Ok(principal));
    session.server.on_timer(&session.host, 99);
}
