//! Plugins that let people log in and act for them: what they get, and what they do not get.

use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};

use opennmc_host::door::{Order, OrderId, OrderRequest, OrderResult, Progress};
use opennmc_host::plugin::{PluginSettings, Services};
use opennmc_host::users::{
    Check, NewToken, NewUser, Origin, PasswordRules, Principal, Role, Scope, Secret, UserBase,
};
use tempfile::TempDir;

use crate::guests::guests;
use crate::host::{Client, Host, write_package};

const NEEDS: &str = "listen = { main = [\"127.0.0.1:0\"] }\nauth = true\ncontrol = \"as-principal\"";

/// A host with users, a door that notes what comes, and a plugin that does what its clients say.
struct Scene {
    host: Host,
    users: Arc<UserBase>,
    ordered: Receiver<OrderRequest>,
    /// How orders end.
    result: Arc<Mutex<OrderResult>>,
    _state: TempDir,
}

impl Scene {
    fn start() -> Scene {
        let state = tempfile::tempdir().unwrap();
        let users = UserBase::open(state.path()).unwrap();
        for (name, role, scopes) in [
            ("jo", Role::Operator, None),
            ("upsmon", Role::Operator, Some("fsd")),
            ("guest", Role::Monitor, None),
        ] {
            let scopes = scopes.map(|scope| vec![scope.parse::<Scope>().unwrap()]);
            let password = Some(Secret::from("a-sunny-place"));
            let new = NewUser { name: name.to_owned(), role, scopes, password };
            users.add(new, PasswordRules::Strict, &Principal::host()).unwrap();
        }
        let (sender, ordered) = channel();
        let result = Arc::new(Mutex::new(OrderResult::Executed));
        let end = Arc::clone(&result);
        let orders = Arc::new(move |request, mut progress: opennmc_host::host::Progressing| {
            sender.send(request).unwrap();
            progress(Progress::Begun(OrderId(1)));
            progress(Progress::Ended(OrderId(1), end.lock().unwrap().clone()));
        });
        let packages = tempfile::tempdir().unwrap();
        write_package(packages.path(), "clerk", NEEDS, &guests().clerk);
        let settings = PluginSettings { id: "clerk".to_owned(), ..PluginSettings::default() };
        let services = Services::new(Arc::clone(&users), orders);
        let host = Host::start_offering(packages, vec![settings], Some(services));
        Scene { host, users, ordered, result, _state: state }
    }

    fn client(&self) -> Client {
        self.host.client("clerk")
    }

    fn logged_in(&self, name: &str) -> (Client, String) {
        let mut client = self.client();
        let answer = client.ask(&format!("login {name} a-sunny-place"));
        let principal = answer.strip_prefix("principal ").unwrap_or_else(|| panic!("{answer}")).to_owned();
        (client, principal)
    }
}

#[test]
fn the_right_password_gives_a_number_and_the_rights_that_its_user_has() {
    let scene = Scene::start();
    let (mut jo, principal) = scene.logged_in("jo");
    for (right, may) in
        [("command:load.off", "true"), ("set:ups.id", "true"), ("login", "true"), ("admin", "false")]
    {
        assert_eq!(jo.ask(&format!("may {principal} {right}")), may, "{right}");
    }
    assert!(jo.ask(&format!("may {principal} everything")).starts_with("invalid"));
    assert!(jo.ask("login jo a-rainy-place").starts_with("denied"));
    assert!(jo.ask("login nobody a-sunny-place").starts_with("denied"));
}

#[test]
fn a_token_gives_what_it_and_its_user_have_in_common() {
    let scene = Scene::start();
    let new = NewToken { scopes: Some(vec!["set".parse().unwrap()]), ..NewToken::default() };
    let (secret, _) = scene.users.add_token("jo", new, &Principal::host()).unwrap();
    let mut client = scene.client();
    let answer = client.ask(&format!("token {}", secret.reveal()));
    let principal = answer.strip_prefix("principal ").unwrap();
    assert_eq!(client.ask(&format!("may {principal} set:ups.id")), "true");
    assert_eq!(client.ask(&format!("may {principal} command:load.off")), "false");
}

#[test]
fn an_order_carries_who_gives_it_and_where_from_and_its_end_comes_back() {
    let scene = Scene::start();
    let (mut jo, principal) = scene.logged_in("jo");
    assert_eq!(
        jo.ask(&format!("run {principal} main test.battery.start")),
        "ended true executed: done: its effect was seen"
    );
    let request = scene.ordered.recv().unwrap();
    let run = Order::Run { command: "test.battery.start".to_owned(), argument: None };
    assert_eq!((request.device.as_str(), &request.order, request.danger_confirmed), ("main", &run, false));
    assert_eq!((request.principal.name.as_str(), request.principal.role), ("jo", Role::Operator));
    let origin = Origin::Network { service: "clerk".to_owned(), peer: "127.0.0.1".parse().unwrap() };
    assert_eq!(request.principal.origin, origin);
    *scene.result.lock().unwrap() = OrderResult::Refused("not now".to_owned());
    let answer = jo.ask(&format!("set {principal} main ups.id x"));
    assert!(answer.starts_with("ended false refused") && answer.contains("not now"), "{answer}");
}

#[test]
fn a_plugin_can_act_for_nobody_who_has_not_logged_in() {
    let scene = Scene::start();
    let mut client = scene.client();
    let answer = client.ask("run 0 main load.off");
    assert!(answer.starts_with("denied") && answer.contains("in its own name"), "{answer}");
    for line in
        ["run 2 main load.off", "run 1 main load.off", "fsd 7 main", "set 1 main ups.id x", "may 1 read"]
    {
        assert_eq!(client.ask(line), "not-found", "{line}");
    }
    assert!(client.ask("login-as 12345 jo a-sunny-place").starts_with("not-found"));
    assert!(scene.ordered.try_recv().is_err());
}

#[test]
fn a_principal_ends_with_its_connection_and_when_it_is_released() {
    let scene = Scene::start();
    let mut witness = scene.client();
    let (jo, principal) = scene.logged_in("jo");
    let ask = format!("may {principal} read");
    assert_eq!(witness.ask(&ask), "true");
    drop(jo);
    // The plugin's loop sees the end of a connection in a later turn.
    while witness.ask(&ask) != "not-found" {}
    let (mut jo, principal) = scene.logged_in("jo");
    assert_eq!(jo.ask(&format!("release {principal}")), "released");
    assert_eq!(jo.ask(&format!("run {principal} main load.off")), "not-found");
}

#[test]
fn a_user_who_is_removed_or_narrowed_loses_it_on_open_connections() {
    let scene = Scene::start();
    let (mut jo, principal) = scene.logged_in("jo");
    let host = Principal::host();
    scene.users.set_role("jo", Role::Operator, Some(vec!["read".parse().unwrap()]), &host).unwrap();
    assert_eq!(jo.ask(&format!("may {principal} command:load.off")), "false");
    // What is ordered all the same goes to the door with the rights that are left.
    jo.ask(&format!("run {principal} main load.off"));
    let request = scene.ordered.recv().unwrap();
    assert!(!request.principal.may(&request.order.right()));
    scene.users.remove("jo", &host).unwrap();
    assert!(jo.ask(&format!("run {principal} main load.off")).starts_with("denied"));
    assert!(scene.ordered.try_recv().is_err());
}

#[test]
fn while_a_password_is_being_checked_the_plugin_serves_others() {
    let scene = Scene::start();
    // Somebody's check holds the thread that checks until the gate opens.
    let (open, gate) = channel::<()>();
    let (arrived, at_the_gate) = channel();
    let check = Check::Password { name: "jo".to_owned(), password: Secret::from("a-sunny-place") };
    let hold = Box::new(move |_| {
        arrived.send(()).unwrap();
        let _ = gate.recv();
    });
    scene.users.check_later(check, Origin::Host, hold).unwrap();
    at_the_gate.recv().unwrap();
    let (mut jo, mut other) = (scene.client(), scene.client());
    jo.send("login jo a-sunny-place\n");
    for round in 0..10 {
        assert_eq!(other.ask(&format!("round {round}")), format!("round {round}"));
    }
    drop(open);
    assert!(jo.line().starts_with("principal"));
}

#[test]
fn guessing_through_a_plugin_locks_the_peer_out() {
    let scene = Scene::start();
    let mut client = scene.client();
    let answers: Vec<String> =
        (0..12).map(|nth| client.ask(&format!("login user{nth} a-sunny-place"))).collect();
    assert!(answers.iter().all(|answer| answer.starts_with("denied")), "{answers:?}");
    assert!(answers[9].contains("wrong") && answers[11].contains("too many"), "{answers:?}");
    assert_eq!(scene.users.locked_peers().len(), 1);
}

#[test]
fn damaged_users_are_said_to_be_so_and_let_nobody_in() {
    let scene = Scene::start();
    std::fs::write(scene.users.path(), "no toml").unwrap();
    let answer = scene.client().ask("login jo a-sunny-place");
    assert!(answer.starts_with("unavailable") && answer.contains("users.toml"), "{answer}");
}

#[test]
fn without_its_grant_neither_interface_is_there() {
    for (needs, missing) in [
        ("listen = { main = [\"127.0.0.1:0\"] }", "auth"),
        ("listen = { main = [\"127.0.0.1:0\"] }\nauth = true", "ups-control"),
    ] {
        let packages = tempfile::tempdir().unwrap();
        write_package(packages.path(), "clerk", needs, &guests().clerk);
        let settings = PluginSettings { id: "clerk".to_owned(), ..PluginSettings::default() };
        let host = Host::start_in(packages, vec![settings]);
        let epitaph = host.status("clerk").epitaph.unwrap().text;
        assert!(epitaph.contains(&format!("opennmc:plugin/{missing}@")), "{epitaph}");
        assert!(epitaph.contains("not granted"), "{epitaph}");
    }
}

#[test]
fn a_plugin_that_asks_to_hear_of_log_ins_must_be_able_to() {
    let packages = tempfile::tempdir().unwrap();
    write_package(packages.path(), "actor", &format!("ups = \"read\"\n{NEEDS}"), &guests().actor);
    let settings = PluginSettings { id: "actor".to_owned(), ..PluginSettings::default() };
    let host = Host::start_in(packages, vec![settings]);
    let epitaph = host.status("actor").epitaph.unwrap().text;
    assert!(epitaph.contains("exports no opennmc:plugin/auth-events"), "{epitaph}");
}
