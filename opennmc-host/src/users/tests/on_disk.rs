//! The file: durable, private, shared with other processes, and never silently wrong.

use std::os::unix::fs::PermissionsExt as _;

use super::super::file::Step;
use super::*;

#[test]
fn the_file_is_for_the_daemons_user_alone_and_doctor_hears_when_it_is_not() {
    let scene = Scene::with_jo();
    let mode = || std::fs::metadata(scene.base.path()).unwrap().permissions().mode() & 0o7777;
    assert_eq!(mode(), 0o600);
    std::fs::set_permissions(scene.base.path(), std::fs::Permissions::from_mode(0o644)).unwrap();
    assert!(scene.base.findings().contains(&Finding::Permissions(0o644)));
    scene.add("al", Role::Monitor, "some other place");
    assert_eq!(mode(), 0o600, "a change makes it right again");
}

#[test]
fn a_failure_between_any_two_steps_leaves_the_old_file_or_the_new_one() {
    for step in [Step::Create, Step::Write, Step::Sync, Step::Rename, Step::SyncFolder] {
        let scene = Scene::with_jo();
        let before = scene.text();
        *scene.base.file.fails_at.lock().unwrap() = Some(step);
        let new_user = new("al", Role::Monitor, "some other place");
        let result = scene.base.add(new_user, PasswordRules::Strict, &Principal::host());
        assert!(matches!(result, Err(UserError::File { .. })), "{step:?}: a failure is told");
        let replaced = step == Step::SyncFolder;
        assert_eq!(scene.text() != before, replaced, "{step:?}");
        // Whoever comes next, after a crash too, finds it whole and can change it.
        let next = scene.another();
        assert_eq!(next.list().unwrap().len(), if replaced { 2 } else { 1 }, "{step:?}");
        next.add(new("bo", Role::Monitor, "some other place"), PasswordRules::Strict, &Principal::host())
            .unwrap();
        *scene.base.file.fails_at.lock().unwrap() = None;
        assert_eq!(scene.base.list().unwrap(), next.list().unwrap(), "{step:?}");
        let left: Vec<_> =
            std::fs::read_dir(scene.folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left.len(), 2, "{step:?}: {left:?}");
    }
}

#[test]
fn a_new_file_that_a_crash_left_behind_is_no_obstacle() {
    let scene = Scene::with_jo();
    std::fs::write(scene.folder.path().join(".users.toml.new"), "half of").unwrap();
    scene.add("al", Role::Monitor, "some other place");
    assert_eq!(scene.another().list().unwrap().len(), 2);
}

#[test]
fn what_another_process_changes_counts_at_once() {
    let scene = Scene::with_jo();
    let session = scene.log_in("jo", "a sunny place").unwrap();
    let other = scene.another();
    other
        .add(new("al", Role::Monitor, "some other place"), PasswordRules::Strict, &Principal::host())
        .unwrap();
    assert!(scene.log_in("al", "some other place").is_ok());
    other.remove("jo", &Principal::host()).unwrap();
    assert_eq!(scene.log_in("jo", "a sunny place"), Err(AuthError::Refused));
    assert_eq!(scene.base.renew(&session), None);
}

#[test]
fn two_processes_that_change_at_the_same_time_lose_nothing_of_each_other() {
    let scene = Scene::with_jo();
    std::thread::scope(|threads| {
        for process in 0..4 {
            let base = scene.another();
            threads.spawn(move || {
                for nth in 0..10 {
                    let user = new(&format!("user{process}-{nth}"), Role::Monitor, "a sunny place");
                    base.add(user, PasswordRules::Strict, &Principal::host()).unwrap();
                }
            });
        }
    });
    assert_eq!(scene.base.list().unwrap().len(), 41);
}

#[test]
fn a_damaged_file_lets_nobody_in_and_nobody_write_and_says_so() {
    let whole = {
        let scene = Scene::with_jo();
        scene.base.add_token("jo", NewToken::default(), &Principal::host()).unwrap();
        scene.text()
    };
    let damages = [
        ("cut off", whole[..whole.len() / 2].to_owned()),
        ("of a later version", whole.replace("version = 1", "version = 2")),
        ("with an unknown key", whole.replace("role =", "vip = true\nrole =")),
        ("with an unknown role", whole.replace("operator", "root")),
        ("with a hash that asks for a GiB", whole.replace("m=8,", "m=1048576,")),
        ("with another kind of hash", whole.replace("argon2id", "argon2d")),
        ("with a user twice", {
            let user = &whole[whole.find("[[user]]").unwrap()..whole.find("[[token]]").unwrap()];
            whole.replace("[[token]]", &format!("{user}\n[[token]]"))
        }),
        ("with a token of nobody", whole.replace("user = \"jo\"", "user = \"al\"")),
        ("with nothing", String::new()),
    ];
    for (how, text) in damages {
        assert_ne!(text, whole, "{how}");
        let scene = Scene::with_jo();
        scene.log_in("jo", "a sunny place").unwrap();
        std::fs::write(scene.base.path(), &text).unwrap();
        for base in [Arc::clone(&scene.base), scene.another()] {
            let result = base.authenticate("jo", &Secret::from("a sunny place"), network("192.0.2.7"));
            let Err(AuthError::Unavailable(problem)) = result else { panic!("{how}: {result:?}") };
            assert!(problem.contains("users.toml") && problem.contains("backup"), "{how}: {problem}");
            assert_eq!(base.problem(), Some(problem.clone()));
            assert!(base.first_start().is_err(), "{how}: no new administrator beside damaged users");
            let result = base.add(
                new("al", Role::Monitor, "some other place"),
                PasswordRules::Strict,
                &Principal::host(),
            );
            assert!(matches!(result, Err(UserError::Damaged { .. })), "{how}: {result:?}");
            assert_eq!(base.findings().len(), 1);
            assert!(!problem.contains("$argon2"), "{how}: {problem}");
        }
        assert_eq!(scene.text(), text, "{how}: it is left as it is");
        assert!(matches!(scene.happenings().last(), Some(Happening::Unreadable(_))), "{how}");
    }
}

#[test]
fn a_file_that_is_repaired_lets_people_in_again() {
    let scene = Scene::with_jo();
    let good = scene.text();
    std::fs::write(scene.base.path(), "x").unwrap();
    assert!(scene.base.problem().is_some());
    std::fs::write(scene.base.path(), good).unwrap();
    assert!(scene.log_in("jo", "a sunny place").is_ok());
    assert_eq!(scene.happenings().last(), Some(&Happening::Readable));
}

#[test]
fn a_file_that_vanishes_does_not_open_the_door() {
    let scene = Scene::with_jo();
    std::fs::remove_file(scene.base.path()).unwrap();
    assert!(matches!(scene.log_in("jo", "a sunny place"), Err(AuthError::Unavailable(_))));
    assert!(scene.base.first_start().is_err());
    assert!(
        scene
            .base
            .add(
                new("al", Role::Administrator, "some other place"),
                PasswordRules::Strict,
                &Principal::host()
            )
            .is_err()
    );
    assert!(!scene.base.path().exists());
}

#[test]
fn a_hash_of_other_settings_is_renewed_at_the_next_log_in() {
    let scene = Scene::with_jo();
    let text = scene.text();
    let stronger =
        UserBase::open_with(scene.folder.path(), Hasher::less_cheap(), Clock::simulated(&scene.now_ms))
            .unwrap();
    stronger.authenticate("jo", &Secret::from("a sunny place"), network("192.0.2.7")).unwrap();
    assert!(text.contains("m=8,") && scene.text().contains("m=16,"), "{}", scene.text());
    assert!(scene.log_in("jo", "a sunny place").is_ok());
}

#[test]
fn the_settings_of_the_product_are_those_that_are_recommended() {
    let base = UserBase::open(tempfile::tempdir().unwrap().path()).unwrap();
    let hash = String::from(base.hasher.hash(&Secret::from("x")).unwrap());
    assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
}
