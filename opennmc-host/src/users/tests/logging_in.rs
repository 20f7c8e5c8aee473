//! Passwords: who gets in, what it costs, and who is locked out.

use std::sync::mpsc::channel;

use super::*;

const RIGHT: &str = "a sunny place";
const WRONG: &str = "a rainy place";
const ELSEWHERE: &str = "198.51.100.9";

#[test]
fn the_right_password_gives_the_users_role_and_where_it_came_in() {
    let scene = Scene::with_jo();
    let principal = scene.log_in("jo", RIGHT).unwrap();
    assert_eq!((principal.name.as_str(), principal.role), ("jo", Role::Operator));
    assert_eq!(principal.origin, network("192.0.2.7"));
    assert_eq!(scene.base.list().unwrap()[0].login_ms, Some(MORNING_MS));
}

#[test]
fn a_wrong_password_an_unknown_user_and_one_without_password_are_refused_alike() {
    let scene = Scene::with_jo();
    let tokens_only = NewUser { password: None, ..new("robot", Role::Monitor, "") };
    scene.base.add(tokens_only, PasswordRules::Strict, &Principal::host()).unwrap();
    for (name, password) in [("jo", WRONG), ("jo", ""), ("nobody", RIGHT), ("robot", "")] {
        assert_eq!(scene.log_in(name, password), Err(AuthError::Refused), "{name}");
    }
    assert_eq!(scene.log_in("Jo", RIGHT), Err(AuthError::Refused), "names have a case");
}

#[test]
fn a_hash_is_computed_for_unknown_users_and_for_users_without_password_too() {
    let scene = Scene::with_jo();
    let tokens_only = NewUser { password: None, ..new("robot", Role::Monitor, "") };
    scene.base.add(tokens_only, PasswordRules::Strict, &Principal::host()).unwrap();
    for name in ["jo", "nobody", "robot"] {
        let before = scene.base.hasher.computed();
        let _ = scene.log_in(name, WRONG);
        assert_eq!(scene.base.hasher.computed(), before + 1, "{name}");
    }
}

#[test]
fn a_password_that_was_right_a_moment_ago_is_not_hashed_again_until_it_changes() {
    let scene = Scene::with_jo();
    scene.log_in("jo", RIGHT).unwrap();
    let before = scene.base.hasher.computed();
    for peer in ["192.0.2.7", "192.0.2.8", "2001:db8::1"] {
        scene.log_in_from(peer, "jo", RIGHT).unwrap();
    }
    assert_eq!(scene.base.hasher.computed(), before);
    let new = Secret::from("another place");
    scene.base.set_password("jo", &new, PasswordRules::Strict, &Principal::host()).unwrap();
    assert_eq!(scene.log_in("jo", RIGHT), Err(AuthError::Refused));
    assert!(scene.log_in("jo", "another place").is_ok());
}

#[test]
fn a_user_is_locked_out_after_five_failures_and_each_time_for_longer() {
    let scene = Scene::with_jo();
    let fail = |nth: u32| scene.log_in_from(&format!("203.0.113.{nth}"), "jo", WRONG);
    for nth in 0..5 {
        assert_eq!(fail(nth), Err(AuthError::Refused));
    }
    let mut waits = Vec::new();
    for nth in 5..14 {
        let Err(AuthError::LockedOut { wait }) = fail(nth) else { panic!("{nth}: not locked out") };
        assert_eq!(scene.log_in("jo", RIGHT), Err(AuthError::LockedOut { wait }), "nor with the right one");
        waits.push(wait.as_secs());
        scene.pass(wait);
        assert_eq!(fail(nth), Err(AuthError::Refused), "after the wait it is looked at again");
    }
    assert_eq!(waits, [30, 60, 120, 240, 480, 960, 1920, 3600, 3600]);
}

#[test]
fn a_lock_out_costs_no_hash() {
    let scene = Scene::with_jo();
    for nth in 0..5 {
        let _ = scene.log_in_from(&format!("203.0.113.{nth}"), "jo", WRONG);
    }
    let before = scene.base.hasher.computed();
    assert!(matches!(scene.log_in("jo", WRONG), Err(AuthError::LockedOut { .. })));
    assert_eq!(scene.base.hasher.computed(), before);
}

#[test]
fn names_that_do_not_exist_are_locked_out_as_those_that_do() {
    let scene = Scene::with_jo();
    let answers = |name: &str| -> Vec<_> {
        (0..12).map(|nth| scene.log_in_from(&format!("203.0.113.{nth}"), name, WRONG)).collect()
    };
    // Two names at the same peers: twelve failures in all per name, but the peers stay below their limit.
    assert_eq!(answers("jo"), answers("nobody"));
}

#[test]
fn an_attacker_elsewhere_can_not_lock_a_user_out_of_where_it_logs_in() {
    let scene = Scene::with_jo();
    scene.log_in("jo", RIGHT).unwrap();
    for _ in 0..50 {
        let _ = scene.log_in_from(ELSEWHERE, "jo", WRONG);
    }
    assert!(matches!(scene.log_in_from("203.0.113.1", "jo", RIGHT), Err(AuthError::LockedOut { .. })));
    assert!(scene.log_in("jo", RIGHT).is_ok());
}

#[test]
fn where_a_user_logged_in_before_guessing_is_bounded_by_the_peers_own_failures() {
    let scene = Scene::with_jo();
    scene.log_in("jo", RIGHT).unwrap();
    let refused = (0..50).filter(|_| scene.log_in("jo", WRONG) == Err(AuthError::Refused)).count();
    assert_eq!(refused, 10);
}

#[test]
fn a_machine_with_an_old_password_does_not_lock_its_user_out_elsewhere() {
    let scene = Scene::with_jo();
    scene.log_in("jo", RIGHT).unwrap();
    for _ in 0..9 {
        assert_eq!(scene.log_in("jo", WRONG), Err(AuthError::Refused));
    }
    assert!(scene.log_in_from(ELSEWHERE, "jo", RIGHT).is_ok());
}

#[test]
fn a_peer_that_tries_many_names_is_locked_out_but_a_network_of_ipv6_is_one_peer() {
    let scene = Scene::with_jo();
    for nth in 0..10 {
        let peer = format!("2001:db8:0:1::{nth}");
        assert_eq!(scene.log_in_from(&peer, &format!("user{nth}"), WRONG), Err(AuthError::Refused));
    }
    let wait = Duration::from_secs(10);
    assert_eq!(scene.log_in_from("2001:db8:0:1::ffff", "jo", RIGHT), Err(AuthError::LockedOut { wait }));
    assert!(scene.log_in_from("2001:db8:0:2::1", "jo", RIGHT).is_ok());
    assert_eq!(scene.base.locked_peers(), [("2001:db8:0:1::".parse().unwrap(), wait)]);
    assert!(scene.base.unlock_peer("2001:db8:0:1::5".parse().unwrap(), &Principal::host()).unwrap());
    assert!(scene.log_in_from("2001:db8:0:1::1", "jo", RIGHT).is_ok());
}

#[test]
fn logging_in_in_between_does_not_buy_a_peer_more_guesses() {
    let scene = Scene::with_jo();
    scene.add("guest", Role::Monitor, "come in here");
    let mut refused = 0;
    for nth in 0..100 {
        // Each name is below its own limit; the peer is not.
        refused += u32::from(scene.log_in(&format!("user{nth}"), WRONG) == Err(AuthError::Refused));
        let _ = scene.log_in("guest", "come in here");
    }
    assert!(refused <= 10, "{refused} guesses were looked at");
}

#[test]
fn a_person_can_end_a_lock_out() {
    let scene = Scene::with_jo();
    for nth in 0..5 {
        let _ = scene.log_in_from(&format!("203.0.113.{nth}"), "jo", WRONG);
    }
    assert_eq!(scene.base.list().unwrap()[0].locked_seconds, Some(30));
    scene.base.unlock("jo", &Principal::host()).unwrap();
    assert_eq!(scene.base.list().unwrap()[0].locked_seconds, None);
    assert!(scene.log_in("jo", RIGHT).is_ok());
    assert!(scene.happenings().contains(&Happening::Unlocked { user: "jo".into() }));
}

#[test]
fn the_audit_hears_of_failures_and_lock_outs_without_names_that_do_not_exist() {
    let scene = Scene::with_jo();
    scene.notices.lock().unwrap().clear();
    for _ in 0..10 {
        let _ = scene.log_in("hunter2, oops", WRONG);
    }
    let _ = scene.log_in_from(ELSEWHERE, "jo", WRONG);
    let told = format!("{:?}", scene.notices.lock().unwrap());
    assert!(!told.contains("hunter2") && !told.contains("rainy"), "{told}");
    let happenings = scene.happenings();
    assert!(happenings.contains(&Happening::LoginFailed { user: None }));
    assert!(happenings.contains(&Happening::LoginFailed { user: Some("jo".into()) }));
    assert!(happenings.contains(&Happening::UserLockedOut { user: None, wait: Duration::from_secs(30) }));
    assert_eq!(scene.notices.lock().unwrap().last().unwrap().origin, network(ELSEWHERE));
}

#[test]
fn checks_on_the_other_thread_are_each_answered_once() {
    let scene = Scene::with_jo();
    let (answered, answers) = channel();
    for (nth, password) in [RIGHT, WRONG, RIGHT].into_iter().enumerate() {
        let check = Check::Password { name: "jo".into(), password: password.into() };
        let answered = answered.clone();
        let reply = Box::new(move |result: Result<Principal, AuthError>| {
            answered.send((nth, result.is_ok())).unwrap()
        });
        scene.base.check_later(check, network("192.0.2.7"), reply).unwrap();
    }
    drop(answered);
    assert_eq!(answers.iter().collect::<Vec<_>>(), [(0, true), (1, false), (2, true)]);
}

#[test]
fn a_peer_that_floods_the_checks_leaves_room_for_others() {
    let scene = Scene::with_jo();
    // The first check holds the thread until the gate opens.
    let (open, gate) = channel::<()>();
    let (arrived, at_the_gate) = channel();
    let hold: Reply = Box::new(move |_| {
        arrived.send(()).unwrap();
        let _ = gate.recv();
    });
    let check = || Check::Password { name: "jo".into(), password: RIGHT.into() };
    scene.base.check_later(check(), network("192.0.2.1"), hold).unwrap();
    at_the_gate.recv().unwrap();
    let ask = |peer: &str| scene.base.check_later(check(), network(peer), Box::new(|_| {}));
    let taken = (0..100).filter(|_| ask(ELSEWHERE).is_ok()).count();
    assert_eq!(taken, 16);
    assert_eq!(ask(ELSEWHERE), Err(AuthError::Busy));
    assert_eq!(ask("192.0.2.7"), Ok(()));
    drop(open);
}
