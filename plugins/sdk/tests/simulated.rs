//! The simulated host keeps the promises of the real one.

use opennmc_plugin::{
    Admin, Auth, Bus, Clock, Delivered, Delivery, Error, EventQuery, FetchRequest, History, HttpAnswers,
    HttpClient, Notice, Notify, Principal, Random, Response, SampleQuery, Security, SentDatagram, Severity,
    SimulatedHost, Store, Tcp, TcpConnect, Timers, Udp,
};

#[test]
fn timers_fire_in_their_order_with_the_clock_at_their_time() {
    let host = SimulatedHost::new();
    let late = host.after(500).unwrap();
    let often = host.every(200).unwrap();
    let mut fired = Vec::new();
    host.advance(600, |timer| fired.push((timer, host.uptime_ms())));
    assert_eq!(fired, [(often, 200), (often, 400), (late, 500), (often, 600)]);
    host.cancel(often);
    host.advance(10_000, |timer| panic!("{timer} was cancelled or is spent"));
    assert_eq!(host.uptime_ms(), 10_600);
}

#[test]
fn a_timer_that_is_set_by_a_timer_fires_in_the_same_time() {
    let host = SimulatedHost::new();
    host.after(100).unwrap();
    let mut times = Vec::new();
    host.advance(250, |_| {
        times.push(host.uptime_ms());
        host.after(100).unwrap();
    });
    assert_eq!(times, [100, 200]);
}

#[test]
fn a_full_store_changes_nothing() {
    let host = SimulatedHost::new();
    host.limit_store(10);
    host.keep("a", b"12345").unwrap();
    assert!(matches!(host.keep("b", b"12345"), Err(Error::Limit(_))));
    assert!(matches!(host.keep("", b"1"), Err(Error::Invalid(_))));
    host.keep("a", b"123456789").unwrap();
    assert!(matches!(host.keep("a", b"1234567890"), Err(Error::Limit(_))));
    assert_eq!(host.load("a"), Some(b"123456789".to_vec()));
    assert_eq!(host.kept_keys(""), ["a"]);
    host.forget("a");
    assert_eq!(host.load("a"), None);
}

#[test]
fn a_principal_comes_only_from_the_host_and_the_plugin_itself_is_nobody_s_deputy() {
    let host = SimulatedHost::new();
    host.add_user("eve", "secret", &["read"]);
    host.check_password(1, "eve", "secret").unwrap();
    let (_, principal) = host.next_check().unwrap();
    let principal = principal.unwrap();
    assert_eq!(principal, host.principal("eve"));
    assert_ne!(principal, Principal::PLUGIN);
    assert_eq!(host.may(principal, "read"), Ok(true));
    assert_eq!(host.may(principal, "admin"), Ok(false));
    assert_eq!(host.may(Principal::PLUGIN, "read"), Err(Error::NotFound));
    host.ask_admin(principal, r#"{"request":"plugins"}"#).unwrap();
    assert_eq!(host.admin_requests()[0].1, principal);
}

#[test]
fn hosts_that_are_not_granted_are_refused_for_every_kind_of_traffic() {
    let host = SimulatedHost::new();
    host.grant_hosts(&["log.lan", "ntfy.sh"]);
    let fetch = |url: &str| {
        let request = FetchRequest {
            method: "GET".to_owned(),
            url: url.to_owned(),
            headers: Vec::new(),
            body: Vec::new(),
            timeout_ms: 0,
        };
        host.fetch(&request)
    };
    assert!(matches!(host.connect("evil.example", 25, Security::Plain), Err(Error::Denied(_))));
    assert!(matches!(host.send_datagram("evil.example", 514, b"x"), Err(Error::Denied(_))));
    assert!(matches!(fetch("https://evil.example/x"), Err(Error::Denied(_))));
    let ticket = fetch("https://ntfy.sh:443/ups").unwrap();
    assert_eq!(host.next_fetch().unwrap().0, ticket);
    host.send_datagram("log.lan", 514, b"x").unwrap();
    assert_eq!(host.take_datagrams(), [SentDatagram::To("log.lan".to_owned(), 514, b"x".to_vec())]);
    let connection = host.connect("log.lan", 601, Security::Tls).unwrap();
    host.start_tls(connection).unwrap();
    assert_eq!(host.start_tls(connection + 1), Err(Error::NotFound));
}

#[test]
fn a_request_is_answered_once_and_a_notice_ends_once() {
    let host = SimulatedHost::new();
    let answer = Response::text(200, "text/plain", "hello");
    host.respond(7, &answer).unwrap();
    assert_eq!(host.respond(7, &answer), Err(Error::NotFound));
    host.not_delivered(3, "busy", true).unwrap();
    host.delivered(3).unwrap();
    assert_eq!(host.not_delivered(3, "late", false), Err(Error::NotFound));
    assert_eq!(host.deliveries().len(), 2);
    assert_eq!(host.deliveries()[1], Delivered::Yes(3));
}

#[test]
fn what_is_said_is_recorded() {
    let host = SimulatedHost::new();
    host.announce("reading", Severity::Info, "", &[("celsius".to_owned(), "21".to_owned())]).unwrap();
    assert_eq!(host.announced()[0].topic, "reading");
    let notice = Notice {
        severity: Severity::Warning,
        device: "main".to_owned(),
        title: "On battery".to_owned(),
        body: String::new(),
        fields: Vec::new(),
    };
    let ticket = host.notify(&notice).unwrap();
    assert_eq!(host.notices(), [(ticket, notice)]);
    assert_eq!(host.random_bytes(5_000).len(), 1_024);
}

#[test]
fn local_time_is_the_calendar_s() {
    let host = SimulatedHost::new();
    // 2024-02-29 23:59:58 UTC, a Thursday.
    let leap = host.local_time(1_709_251_198_000);
    assert_eq!((leap.year, leap.month, leap.day, leap.weekday), (2024, 2, 29, 4));
    assert_eq!((leap.hour, leap.minute, leap.second), (23, 59, 58));
    let next = host.local_time(1_709_251_200_000);
    assert_eq!((next.month, next.day, next.hour, next.weekday), (3, 1, 0, 5));
}

#[test]
fn timers_have_the_host_s_shortest_period_and_the_plugin_s_limit() {
    let host = SimulatedHost::new();
    assert!(matches!(host.every(9), Err(Error::Invalid(_))));
    host.limit_timers(1);
    let timer = host.after(0).unwrap();
    assert!(matches!(host.every(1_000), Err(Error::Limit(_))));
    host.advance(0, |due| assert_eq!(due, timer));
    host.every(1_000).unwrap();
}

#[test]
fn an_event_happens_at_the_clock_s_time() {
    let host = SimulatedHost::new();
    host.set_time_ms(7_000);
    let event = host.event("ups.low-battery", Severity::Critical, "main", &[("battery.charge", "9")]);
    assert_eq!(
        (event.at_ms, event.device.as_str(), event.field("battery.charge")),
        (7_000, "main", Some("9"))
    );
}

#[test]
fn a_closed_connection_takes_nothing_any_more_and_makes_room() {
    let host = SimulatedHost::new();
    host.limit_connections(1);
    let connection = host.connect("a.example", 25, Security::Plain).unwrap();
    assert!(matches!(host.connect("b.example", 25, Security::Plain), Err(Error::Limit(_))));
    host.send(connection, b"HELO").unwrap();
    host.close(connection);
    assert_eq!(host.send(connection, b"more"), Err(Error::NotFound));
    assert_eq!(host.take_sent(connection), b"HELO");
    assert_ne!(host.connect("b.example", 25, Security::Plain).unwrap(), connection);
}

#[test]
fn a_datagram_is_answered_only_where_one_came_from() {
    let host = SimulatedHost::new();
    assert_eq!(host.reply_datagram("snmp", "192.0.2.1:5000", b"x"), Err(Error::NotFound));
    let arrived = host.datagram("snmp", "192.0.2.1:5000", b"get");
    host.reply_datagram(&arrived.socket, &arrived.peer, b"x").unwrap();
    assert_eq!(host.take_datagrams().len(), 1);
    assert!(matches!(host.send_datagram("a.example", 1, &[0; 70_000]), Err(Error::Invalid(_))));
}

#[test]
fn a_request_over_http_is_refused_as_the_host_refuses_it() {
    let host = SimulatedHost::new();
    host.limit_requests(1);
    let fetch = |method: &str, body: &[u8]| {
        host.fetch(&FetchRequest {
            method: method.to_owned(),
            url: "https://a.example/".to_owned(),
            headers: Vec::new(),
            body: body.to_vec(),
            timeout_ms: 0,
        })
    };
    assert!(matches!(fetch("BREW", b""), Err(Error::Invalid(_))));
    assert!(matches!(fetch("GET", b"x"), Err(Error::Invalid(_))));
    let ticket = fetch("POST", b"x").unwrap();
    assert!(matches!(fetch("GET", b""), Err(Error::Limit(_))));
    assert_eq!(host.next_fetch().unwrap().0, ticket);
    fetch("GET", b"").unwrap();
}

#[test]
fn the_bus_takes_granted_topics_and_notices_one_line_both_so_many_a_minute() {
    let host = SimulatedHost::new();
    host.grant_topics(&["reading"]);
    assert!(matches!(host.announce("other", Severity::Info, "", &[]), Err(Error::Denied(_))));
    let notice = |title: &str| Notice {
        severity: Severity::Info,
        device: String::new(),
        title: title.to_owned(),
        body: String::new(),
        fields: Vec::new(),
    };
    assert!(matches!(host.notify(&notice("two\nlines")), Err(Error::Invalid(_))));
    assert!(matches!(host.notify(&notice("")), Err(Error::Invalid(_))));
    host.limit_messages(2);
    host.announce("reading", Severity::Info, "", &[]).unwrap();
    host.notify(&notice("on battery")).unwrap();
    assert!(matches!(host.notify(&notice("again")), Err(Error::Limit(_))));
    assert!(matches!(host.announce("reading", Severity::Info, "", &[]), Err(Error::Limit(_))));
    host.advance(60_000, |_| {});
    host.notify(&notice("again")).unwrap();
    assert_eq!((host.announced().len(), host.notices().len()), (1, 2));
}

#[test]
fn a_question_to_the_history_is_taken_once_for_its_answer() {
    let host = SimulatedHost::new();
    let query =
        EventQuery { from_ms: 0, until_ms: 0, device: String::new(), kind: "ups.*".to_owned(), limit: 10 };
    let ticket = host.past_events(&query).unwrap();
    assert_eq!(
        host.next_event_query().map(|(ticket, query)| (ticket, query.kind)),
        Some((ticket, "ups.*".to_owned()))
    );
    assert!(host.next_event_query().is_none());
    let query = SampleQuery {
        device: "main".to_owned(),
        variable: "ups.load".to_owned(),
        from_ms: 0,
        until_ms: 0,
        points: 0,
    };
    let ticket = host.past_samples(&query).unwrap();
    assert_eq!(host.next_sample_query().unwrap().0, ticket);
    assert!(host.next_sample_query().is_none() && host.sample_queries().is_empty());
}
