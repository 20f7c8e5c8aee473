//! What keeps the plugin within its memory and its clients honest.

mod rack;

use nut_server::lexer::MAX_LINE;
use nut_server::{Config, NutServer};
use opennmc_plugin::{Inbound, Level, Plugin, SimulatedHost, TcpService, TimerHandler};
use rack::{CLIENT, Session, ask, config, main_ups, number, rack};

#[test]
fn a_line_that_does_not_end_closes_the_connection() {
    let mut session = Session::new(rack());
    assert_eq!(session.send(&vec![b'x'; MAX_LINE - 1]), b"");
    assert!(!session.closed);
    assert_eq!(session.send(b"x"), b"ERR INVALID-ARGUMENT\n");
    assert!(session.closed);
    assert_eq!(session.send(b"VER\n"), b"", "nothing is answered after the close");
}

#[test]
fn connections_beyond_the_limit_are_refused_until_one_is_gone() {
    let host = rack();
    let mut server = NutServer::start(&host, Config { max_connections: 2, ..config() }).expect("a server");
    assert!(server.on_accept(&host, "nut", 1, "192.0.2.1:1").is_ok());
    assert!(server.on_accept(&host, "nut", 2, "192.0.2.1:2").is_ok());
    assert!(server.on_accept(&host, "nut", 3, "192.0.2.1:3").is_err());
    server.on_closed(&host, 1, "reset");
    assert!(server.on_accept(&host, "nut", 4, "192.0.2.1:4").is_ok());
}

#[test]
fn unfinished_lines_of_many_clients_share_one_budget() {
    let host = rack();
    let mut server = NutServer::start(&host, config()).expect("a server");
    let mut refused = 0;
    for connection in 0..200 {
        server.on_accept(&host, "nut", connection, "192.0.2.1:1").expect("room");
        // Many words: of a single one, only the first 512 characters would be kept.
        let bytes = format!("{} ", "x".repeat(500)).repeat(16).into_bytes();
        refused +=
            server.on_data(&host, vec![Inbound { connection, bytes }]).iter().filter(|it| it.close).count();
    }
    assert!(server.unfinished_bytes() <= 512 * 1024);
    assert!(server.unfinished_bytes() > 0);
    assert!(refused > 0, "200 clients with a full line each exceed the budget");
}

#[test]
fn long_answers_leave_through_the_host_in_order() {
    let mut session = Session::new(rack());
    let one = session.ask("LIST VAR main");
    let count = 2000;
    let answer = session.send(&b"LIST VAR main\n".repeat(count));
    assert_eq!(answer.len(), one.len() * count);
    assert_eq!(String::from_utf8_lossy(&answer), one.repeat(count));
    assert!(session.host.longest_send() <= 32 * 1024 + one.len(), "{} bytes", session.host.longest_send());
}

#[test]
fn no_answer_of_one_call_is_large_whatever_is_asked() {
    let host = rack();
    let mut server = NutServer::start(&host, config()).expect("a server");
    let batch = (0..300)
        .map(|connection| {
            server.on_accept(&host, "nut", connection, "192.0.2.1:1").expect("room");
            Inbound { connection, bytes: b"LIST VAR main\n".repeat(20) }
        })
        .collect();
    let returned: usize = server.on_data(&host, batch).iter().map(|answer| answer.bytes.len()).sum();
    assert!(returned <= 256 * 1024, "{returned} bytes");
    let sent: usize = (0..300).map(|connection| host.take_sent(connection).len()).sum();
    let one = ask("LIST VAR main").len();
    assert_eq!(returned + sent, 300 * 20 * one);
}

#[test]
fn a_client_that_does_not_read_is_dropped() {
    let host = rack();
    host.limit_unsent(100_000);
    let mut session = Session::new(host);
    session.send(&b"LIST VAR main\n".repeat(2000));
    assert!(session.closed);
}

#[test]
fn a_silent_client_is_disconnected_after_the_idle_time_and_a_busy_one_is_not() {
    let mut session = Session::new(rack());
    let timers = session.host.timers();
    let [(timer, period)] = timers[..] else { panic!("one timer, not {timers:?}") };
    session.server.on_accept(&session.host, "nut", 8, "192.0.2.2:1").expect("room");
    let mut passed = 0;
    while session.host.closed().is_empty() {
        session.ask("GET VAR main ups.status");
        session.server.on_timer(&session.host, timer);
        passed += period;
        assert!(passed <= 400_000, "nobody was disconnected");
    }
    assert!(passed > 300_000, "disconnected after {passed} ms");
    assert_eq!(session.host.closed(), [8]);
    session.server.on_timer(&session.host, timer);
    assert_eq!(session.host.closed(), [8], "closed once");
}

#[test]
fn bytes_without_an_end_of_line_do_not_keep_a_connection() {
    let mut session = Session::new(rack());
    for _ in 0..6 {
        session.send(b"x");
        session.server.on_timer(&session.host, 1);
    }
    assert_eq!(session.host.closed(), [CLIENT]);
}

#[test]
fn an_idle_time_of_zero_sets_no_timer() {
    let host = SimulatedHost::new();
    NutServer::start(&host, Config { idle_seconds: 0, ..config() }).expect("a server");
    assert!(host.timers().is_empty());
}

#[test]
fn a_change_is_seen_by_the_next_request() {
    let mut session = Session::new(rack());
    assert_eq!(session.ask("GET VAR main battery.charge"), "VAR main battery.charge \"100\"\n");
    let mut main = main_ups();
    main.variables.retain(|variable| variable.name != "battery.charge");
    main.variables.push(number("battery.charge", "7"));
    session.host.publish(main);
    assert_eq!(session.ask("GET VAR main battery.charge"), "VAR main battery.charge \"7\"\n");
    assert_eq!(session.ask("GET VAR main battery.charge"), "VAR main battery.charge \"7\"\n");
}

#[test]
fn a_ups_that_goes_away_is_refused_although_its_lines_were_rendered() {
    let mut session = Session::new(rack());
    session.ask("GET VAR main ups.status");
    let mut main = main_ups();
    main.device.availability = opennmc_plugin::Availability::Stale;
    session.host.publish(main);
    assert_eq!(session.ask("GET VAR main ups.status"), "ERR DATA-STALE\n");
}

#[test]
fn a_ups_whose_name_breaks_the_protocol_is_reported_and_not_served() {
    let host = SimulatedHost::new();
    host.publish(opennmc_plugin::SimulatedUps::new("rack a", "Two words"));
    let mut session = Session::new(host);
    assert_eq!(session.ask("LIST UPS"), "BEGIN LIST UPS\nEND LIST UPS\n");
    assert!(
        session.host.logged().iter().any(|line| line.level == Level::Warn && line.message.contains("rack a"))
    );
}

#[test]
fn a_refused_login_is_in_the_log_once_with_the_client_s_address() {
    let mut session = Session::new(rack());
    session.send(b"USERNAME a\nPASSWORD b\nLOGIN main\nLOGIN main\n");
    let logged = session.host.logged();
    assert_eq!(logged.len(), 1);
    assert!(logged[0].message.contains("192.0.2.1:40000"), "{}", logged[0].message);
}

#[test]
fn a_finished_line_gives_its_memory_back() {
    let mut session = Session::new(rack());
    session.send(b"GET VAR");
    session.send(b" main");
    assert!(session.server.unfinished_bytes() > 0);
    assert_eq!(session.send(b" ups.status\n"), b"VAR main ups.status \"OL\"\n");
    assert_eq!(session.server.unfinished_bytes(), 0);
}

#[test]
fn the_end_of_a_split_line_is_not_taken_for_a_request_of_its_own() {
    let mut session = Session::new(rack());
    session.ask("GET VAR main ups.status");
    session.send(b"VER ");
    assert_eq!(session.send(b"GET VAR main ups.status\n"), b"ERR INVALID-ARGUMENT\n");
}

#[test]
fn a_reply_that_would_be_too_long_is_cut_or_refused() {
    assert_eq!(ask(&format!("GET DESC main {}", "y".repeat(505))), "ERR INVALID-ARGUMENT\n");
    let cut = ask(&format!("GET DESC main {}", "y".repeat(490)));
    assert_eq!(cut.len(), 511);
    assert!(cut.ends_with("\"Descrip\"\n"), "{cut}");
}
