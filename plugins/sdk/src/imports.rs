//! The host as a component sees it: every method is one imported function.

use crate::bindings::imports::opennmc::plugin::{
    admin, auth, bus, clock, delivery, history, http_answers, http_client, log, notify, random, store, tcp,
    tcp_connect, timers, tls_server, udp, ups, ups_control,
};
use crate::{
    Admin, Auth, Bus, Clock, Delivery, Device, Error, EventQuery, FetchRequest, History, HttpAnswers,
    HttpClient, Level, LocalTime, Log, Notice, Notify, Principal, Random, Response, SampleQuery, Security,
    Severity, Store, Tcp, TcpConnect, Timers, TlsServer, Udp, Ups, UpsControl, Variable,
};

/// The functions that the host linked into this component.
#[derive(Debug, Clone, Copy, Default)]
pub struct Imports;

impl Log for Imports {
    fn log(&self, level: Level, message: &str) {
        log::write(level, message);
    }
}

impl Clock for Imports {
    fn wall_ms(&self) -> u64 {
        clock::wall_ms()
    }

    fn uptime_ms(&self) -> u64 {
        clock::uptime_ms()
    }

    fn local_time(&self, at_ms: u64) -> LocalTime {
        clock::local(at_ms)
    }
}

impl Ups for Imports {
    fn generation(&self) -> u64 {
        ups::generation()
    }

    fn devices(&self) -> Vec<Device> {
        ups::devices()
    }

    fn variables(&self, device: &str) -> Option<Vec<Variable>> {
        ups::variables(device)
    }

    fn commands(&self, device: &str) -> Option<Vec<String>> {
        ups::commands(device)
    }

    fn choices(&self, device: &str, variable: &str) -> Vec<String> {
        ups::choices(device, variable)
    }

    fn ranges(&self, device: &str, variable: &str) -> Vec<(i64, i64)> {
        ups::ranges(device, variable)
    }

    fn describe_variable(&self, name: &str) -> Option<String> {
        ups::describe_variable(name)
    }

    fn describe_command(&self, name: &str) -> Option<String> {
        ups::describe_command(name)
    }

    fn needs_confirmation(&self, name: &str) -> bool {
        ups::needs_confirmation(name)
    }
}

impl Timers for Imports {
    fn after(&self, ms: u64) -> Result<u64, Error> {
        timers::after(ms)
    }

    fn every(&self, ms: u64) -> Result<u64, Error> {
        timers::every(ms)
    }

    fn cancel(&self, timer: u64) {
        timers::cancel(timer);
    }
}

impl Tcp for Imports {
    fn send(&self, connection: u64, bytes: &[u8]) -> Result<(), Error> {
        tcp::send(connection, bytes)
    }

    fn close(&self, connection: u64) {
        tcp::close(connection);
    }
}

impl Auth for Imports {
    fn check_password(&self, connection: u64, name: &str, password: &str) -> Result<u64, Error> {
        auth::check_password(connection, name, password)
    }

    fn check_token(&self, connection: u64, token: &str) -> Result<u64, Error> {
        auth::check_token(connection, token)
    }

    fn may(&self, principal: Principal, right: &str) -> Result<bool, Error> {
        auth::may(principal.number(), right)
    }

    fn release(&self, principal: Principal) {
        auth::release(principal.number());
    }
}

impl UpsControl for Imports {
    fn run(
        &self,
        principal: Principal,
        device: &str,
        command: &str,
        argument: Option<&str>,
        danger_confirmed: bool,
    ) -> Result<u64, Error> {
        ups_control::run(principal.number(), device, command, argument, danger_confirmed)
    }

    fn set(&self, principal: Principal, device: &str, variable: &str, value: &str) -> Result<u64, Error> {
        ups_control::set(principal.number(), device, variable, value)
    }

    fn forced_shutdown(&self, principal: Principal, device: &str, on: bool) -> Result<u64, Error> {
        ups_control::forced_shutdown(principal.number(), device, on)
    }
}

impl Random for Imports {
    fn random_bytes(&self, count: u32) -> Vec<u8> {
        random::bytes(count)
    }
}

impl TlsServer for Imports {
    fn accept_tls(&self, connection: u64) -> Result<(), Error> {
        tls_server::accept_tls(connection)
    }
}

impl TcpConnect for Imports {
    fn connect(&self, host: &str, port: u16, security: Security) -> Result<u64, Error> {
        tcp_connect::connect(host, port, security)
    }

    fn start_tls(&self, connection: u64) -> Result<(), Error> {
        tcp_connect::start_tls(connection)
    }
}

impl Udp for Imports {
    fn send_datagram(&self, host: &str, port: u16, bytes: &[u8]) -> Result<(), Error> {
        udp::send(host, port, bytes)
    }

    fn reply_datagram(&self, socket: &str, peer: &str, bytes: &[u8]) -> Result<(), Error> {
        udp::reply(socket, peer, bytes)
    }
}

impl HttpClient for Imports {
    fn fetch(&self, request: &FetchRequest) -> Result<u64, Error> {
        http_client::fetch(request)
    }
}

impl HttpAnswers for Imports {
    fn respond(&self, request: u64, response: &Response) -> Result<(), Error> {
        http_answers::respond(request, response)
    }
}

impl Store for Imports {
    fn load(&self, key: &str) -> Option<Vec<u8>> {
        store::get(key)
    }

    fn keep(&self, key: &str, value: &[u8]) -> Result<(), Error> {
        store::set(key, value)
    }

    fn forget(&self, key: &str) {
        store::delete(key);
    }

    fn kept_keys(&self, prefix: &str) -> Vec<String> {
        store::keys(prefix)
    }
}

impl Bus for Imports {
    fn announce(
        &self,
        topic: &str,
        severity: Severity,
        device: &str,
        fields: &[(String, String)],
    ) -> Result<(), Error> {
        bus::publish(topic, severity, device, fields)
    }
}

impl Notify for Imports {
    fn notify(&self, notice: &Notice) -> Result<u64, Error> {
        notify::send(notice)
    }
}

impl Delivery for Imports {
    fn delivered(&self, notice: u64) -> Result<(), Error> {
        delivery::delivered(notice)
    }

    fn not_delivered(&self, notice: u64, reason: &str, again: bool) -> Result<(), Error> {
        delivery::failed(notice, reason, again)
    }
}

impl History for Imports {
    fn past_events(&self, query: &EventQuery) -> Result<u64, Error> {
        history::events(query)
    }

    fn past_samples(&self, query: &SampleQuery) -> Result<u64, Error> {
        history::samples(query)
    }
}

impl Admin for Imports {
    fn ask_admin(&self, principal: Principal, request: &str) -> Result<u64, Error> {
        admin::ask(principal.number(), request)
    }
}
