//! One plugin that offers all that can be offered: `export!` knows every interface.

use opennmc_plugin::export::Slot;
use opennmc_plugin::{
    AdminHandler, AuthHandler, ConnectionHandler, ControlHandler, Datagram, Error, Event, EventListener,
    HistoryHandler, Host, HttpReplies, Inbound, Notice, Notifier, Outbound, Plugin, Principal, Reply,
    Response, Sample, Severity, SimulatedHost, TcpService, TimerHandler, UdpService, WebRequest, WebService,
};

/// Logs the name of whatever is called.
struct Everything;

#[derive(serde::Deserialize)]
struct Config {}

impl Plugin for Everything {
    type Config = Config;

    fn start(_: &impl Host, _: Config) -> Result<Self, String> {
        Ok(Everything)
    }
}

impl EventListener for Everything {
    fn on_event(&mut self, host: &impl Host, _: Event) {
        host.info("event");
    }
}

impl TimerHandler for Everything {
    fn on_timer(&mut self, host: &impl Host, _: u64) {
        host.info("timer");
    }
}

impl TcpService for Everything {
    fn on_data(&mut self, host: &impl Host, _: Vec<Inbound>) -> Vec<Outbound> {
        host.info("data");
        Vec::new()
    }

    fn on_closed(&mut self, host: &impl Host, _: u64, _: &str) {
        host.info("closed");
    }
}

impl ConnectionHandler for Everything {
    fn on_connected(&mut self, host: &impl Host, _: u64) {
        host.info("connected");
    }

    fn on_secured(&mut self, host: &impl Host, _: u64) {
        host.info("secured");
    }
}

impl UdpService for Everything {
    fn on_datagrams(&mut self, host: &impl Host, _: Vec<Datagram>) {
        host.info("datagrams");
    }
}

impl HttpReplies for Everything {
    fn on_reply(&mut self, host: &impl Host, _: u64, _: Result<Reply, String>) {
        host.info("reply");
    }
}

impl WebService for Everything {
    fn handle(&mut self, _: &impl Host, request: WebRequest) -> Option<Response> {
        Some(Response::text(200, "text/plain", request.path))
    }
}

impl AuthHandler for Everything {
    fn on_checked(&mut self, host: &impl Host, _: u64, _: Result<Principal, Error>) {
        host.info("checked");
    }
}

impl ControlHandler for Everything {
    fn on_ended(&mut self, host: &impl Host, _: u64, _: bool, _: &str, _: &str) {
        host.info("ended");
    }
}

impl Notifier for Everything {
    fn deliver(&mut self, host: &impl Host, id: u64, _: Notice, _: u64, _: u32) {
        // The host looks at the number itself.
        let _ = host.delivered(id);
    }
}

impl HistoryHandler for Everything {
    fn on_past_events(&mut self, host: &impl Host, _: u64, _: Result<Vec<Event>, Error>) {
        host.info("past events");
    }

    fn on_past_samples(&mut self, host: &impl Host, _: u64, _: Result<Vec<Sample>, Error>) {
        host.info("past samples");
    }
}

impl AdminHandler for Everything {
    fn on_admin_answer(&mut self, host: &impl Host, _: u64, _: Result<String, String>) {
        host.info("admin answer");
    }
}

opennmc_plugin::export!(
    Everything: lifecycle, events, timer_events, tcp_events, connection_events, udp_events, http_events, http_handler,
    auth_events, control_events, notifier, history_events, admin_events
);

#[test]
fn every_call_reaches_the_plugin() {
    let (host, slot) = (SimulatedHost::new(), Slot::<Everything>::empty());
    slot.start(&host, "{}").unwrap();
    let notice = Notice {
        severity: Severity::Info,
        device: String::new(),
        title: String::new(),
        body: String::new(),
        fields: Vec::new(),
    };
    slot.on_timer(&host, 1);
    assert!(slot.on_accept(&host, "nut", 1, "peer").is_err_and(|refusal| refusal.contains("nut")));
    slot.on_data(&host, Vec::new());
    slot.on_closed(&host, 1, "");
    slot.on_connected(&host, 1);
    slot.on_secured(&host, 1);
    slot.on_datagrams(&host, Vec::new());
    slot.on_reply(&host, 1, Err(String::new()));
    slot.on_checked(&host, 1, Ok(1));
    slot.on_ended(&host, 1, true, "", "");
    slot.deliver(&host, 9, notice, 0, 1);
    slot.on_past_events(&host, 1, Ok(Vec::new()));
    slot.on_past_samples(&host, 1, Ok(Vec::new()));
    slot.on_admin_answer(&host, 1, Ok(String::new()));
    let said: Vec<String> = host.logged().into_iter().map(|line| line.message).collect();
    assert_eq!(said.len(), 12, "{said:?}");
    assert_eq!(host.deliveries().len(), 1);
}
