//! Debian's `dummy-ups` as a repeater of our server, with Debian's `upsd` behind it; and a whole outage with three `upsmon`s.

use opennmc_host::users::Role;

use super::scene::{Scene, until};
use super::upsd::Upsd;
use super::variables;

#[test]
fn an_upsd_chained_behind_ours_shows_the_same() {
    let scene = Scene::start();
    let ours = until(
        "every variable",
        || scene.upsc(&["main"]),
        |out| variables(out).contains_key("output.current"),
    );
    let mut upsd = Upsd::new(
        &format!(
            "[again]\n  driver = dummy-ups\n  port = main@127.0.0.1:{}\n  mode = repeater\n",
            scene.port()
        ),
        "",
    );
    upsd.start_driver("dummy-ups", "again");
    upsd.start_server();
    let upsc = || upsd.upsc("again");
    let theirs = until("the values behind it", upsc, |out| variables(out).get("ups.status") == Some(&"OL"));
    let (ours, theirs) = (variables(&ours), variables(&theirs));
    for (name, value) in &ours {
        // Its own, and what moves.
        if name.starts_with("driver.") || name.ends_with(".trend") || name.starts_with("server.") {
            continue;
        }
        let shown = theirs.get(name).unwrap_or_else(|| panic!("{name} is missing behind upsd"));
        assert!(super::same_value(shown, value), "{name} is {value}, behind upsd {shown}");
    }
    scene.control("line off");
    until("the outage behind upsd", upsc, |out| {
        variables(out).get("ups.status").is_some_and(|status| status.contains("OB"))
    });
}

#[test]
fn a_primary_waits_for_two_secondaries_and_goes_down_last() {
    let scene = Scene::with_users(&[
        ("primary", "primary-long-one", Role::Operator, "read login fsd"),
        ("secondary", "secondary-long-one", Role::Operator, "read login"),
    ]);
    until("the UPS", || scene.upsc(&["main", "ups.status"]), |status| status == "OL\n");
    let primary = scene.upsmon("one", "primary", "primary-long-one", "primary");
    let secondaries = [
        scene.upsmon("two", "secondary", "secondary-long-one", "secondary"),
        scene.upsmon("three", "secondary", "secondary-long-one", "secondary"),
    ];
    until("three log-ins", || scene.upsc(&["-c", "main"]), |clients| clients.lines().count() == 3);
    scene.control("line off");
    until("the outage", || scene.upsc(&["main", "ups.status"]), |status| status.contains("OB"));
    assert_eq!(primary.has_shut_down(), "no", "there is no need yet");
    scene.control("low-battery");
    for secondary in &secondaries {
        until("a secondary's shutdown", || secondary.has_shut_down(), |yes| yes == "yes");
    }
    until("the primary's shutdown", || primary.has_shut_down(), |yes| yes == "yes");
    let [first, second] = &secondaries;
    assert!(
        primary.when_it_shut_down() >= first.when_it_shut_down()
            && primary.when_it_shut_down() >= second.when_it_shut_down(),
        "the primary carries the others and goes last"
    );
    assert!(scene.upsc(&["main", "ups.status"]).contains("FSD"));
}
