//! Changes to users: who may, what must hold afterwards.

use super::*;

fn host() -> Principal {
    Principal::host()
}

fn administrator(scopes: Option<Vec<Scope>>) -> Principal {
    Principal {
        name: "root".into(),
        role: Role::Administrator,
        scopes,
        origin: Origin::Socket { uid: 0, pid: 1 },
    }
}

#[test]
fn the_first_start_makes_an_administrator_with_a_password_that_is_nowhere_else() {
    let scene = Scene::new();
    let first = scene.base.first_start().unwrap().unwrap();
    assert_eq!(first.name, "admin");
    let principal = scene.log_in("admin", first.password.reveal()).unwrap();
    assert!(principal.may(&Right::Administer));
    assert!(scene.base.first_start().unwrap().is_none(), "it is shown once");
    assert!(!scene.text().contains(first.password.reveal()));
    assert!(!format!("{first:?}{:?}", scene.notices.lock().unwrap()).contains(first.password.reveal()));
    let other = Scene::new().base.first_start().unwrap().unwrap();
    assert_ne!(first.password, other.password);
    let text = first.password.reveal();
    assert!(text.len() == 23 && text.split('-').all(|group| group.len() == 5), "{text}");
}

#[test]
fn a_first_start_beside_imported_users_makes_an_administrator_of_another_name() {
    let scene = Scene::new();
    scene.add("Admin", Role::Operator, "a sunny place");
    assert_eq!(scene.base.first_start().unwrap().unwrap().name, "administrator");
}

#[test]
fn only_administrators_change_users() {
    let scene = Scene::with_jo();
    let jo = scene.log_in("jo", "a sunny place").unwrap();
    let narrowed = administrator(Some(scopes("read command")));
    for by in [jo, narrowed] {
        let base = &scene.base;
        let denied = [
            base.add(new("eve", Role::Monitor, "a sunny place"), PasswordRules::Strict, &by).map(|_| ()),
            base.remove("jo", &by),
            base.set_role("jo", Role::Administrator, None, &by),
            base.unlock("jo", &by),
            base.add_token("jo", NewToken::default(), &by).map(|_| ()),
            base.revoke_token("000000000000", &by),
        ];
        for result in denied {
            assert!(matches!(result, Err(UserError::Denied(_))), "{result:?}");
        }
    }
    assert_eq!(scene.base.list().unwrap().len(), 1);
    scene.base.remove("jo", &administrator(Some(scopes("admin")))).unwrap();
}

#[test]
fn people_may_set_their_own_password_but_a_narrowed_log_in_may_not() {
    let scene = Scene::with_jo();
    scene.add("al", Role::Monitor, "some other place");
    let jo = scene.log_in("jo", "a sunny place").unwrap();
    let set = |name: &str, by: &Principal| {
        scene.base.set_password(name, &Secret::from("a brand new place"), PasswordRules::Strict, by)
    };
    assert!(matches!(set("al", &jo), Err(UserError::Denied(_))));
    let narrowed = Principal { scopes: Some(scopes("read")), ..jo.clone() };
    assert!(matches!(set("jo", &narrowed), Err(UserError::Denied(_))));
    set("jo", &jo).unwrap();
    assert!(scene.log_in("jo", "a brand new place").is_ok());
}

#[test]
fn the_last_administrator_can_neither_be_removed_nor_made_less() {
    let scene = Scene::with_jo();
    scene.add("ann", Role::Administrator, "a sunny place");
    for result in [
        scene.base.remove("ann", &host()),
        scene.base.set_role("ann", Role::Operator, None, &host()),
        scene.base.set_role("ann", Role::Administrator, Some(scopes("read")), &host()),
    ] {
        assert!(matches!(result, Err(UserError::LastAdministrator(_))), "{result:?}");
    }
    scene.base.set_role("jo", Role::Administrator, None, &host()).unwrap();
    scene.base.remove("ann", &host()).unwrap();
}

#[test]
fn a_name_is_taken_whatever_its_capitals() {
    let scene = Scene::with_jo();
    let result = scene.base.add(new("JO", Role::Monitor, "a sunny place"), PasswordRules::Strict, &host());
    assert!(matches!(result, Err(UserError::Exists(name)) if name == "jo"));
    let result =
        scene.base.add(new("jo ann", Role::Monitor, "a sunny place"), PasswordRules::Strict, &host());
    assert!(matches!(result, Err(UserError::Name(_))));
}

#[test]
fn scopes_narrow_a_user_and_must_be_carried_by_its_role() {
    let scene = Scene::new();
    let upsmon =
        NewUser { scopes: Some(scopes("read login fsd")), ..new("upsmon", Role::Operator, "a sunny place") };
    scene.base.add(upsmon, PasswordRules::Strict, &host()).unwrap();
    let upsmon = scene.log_in("upsmon", "a sunny place").unwrap();
    assert!(upsmon.may(&Right::Login) && upsmon.may(&Right::ForcedShutdown) && upsmon.may(&Right::Read));
    assert!(!upsmon.may(&Right::Command("load.off".into())) && !upsmon.may(&Right::Set("ups.id".into())));
    for wrong in ["fsd", "command:load.off", "admin"] {
        let result = scene.base.set_role("upsmon", Role::Monitor, Some(scopes(wrong)), &host());
        assert!(matches!(result, Err(UserError::Scope(_))), "{wrong}");
    }
    assert!(matches!(
        scene.base.set_role("upsmon", Role::Monitor, Some(vec![]), &host()),
        Err(UserError::Scope(_))
    ));
}

#[test]
fn weak_passwords_are_refused_from_people_and_kept_from_an_import_with_a_mark() {
    let scene = Scene::new();
    let weak = || new("monuser", Role::Monitor, "secret");
    let result = scene.base.add(weak(), PasswordRules::Strict, &host());
    assert!(matches!(result, Err(UserError::Password(_))));
    let info = scene.base.add(weak(), PasswordRules::KeepWeak, &host()).unwrap();
    assert!(info.weak && scene.log_in("monuser", "secret").is_ok());
    let findings = scene.base.findings();
    assert!(findings.contains(&Finding::WeakPassword("monuser".into())), "{findings:?}");
    let strong = Secret::from("another place");
    scene.base.set_password("monuser", &strong, PasswordRules::Strict, &host()).unwrap();
    assert!(!scene.base.findings().contains(&Finding::WeakPassword("monuser".into())));
}

#[test]
fn a_token_has_what_its_user_and_its_scopes_have_in_common() {
    let scene = Scene::new();
    let al = NewUser { scopes: Some(scopes("read command")), ..new("al", Role::Operator, "a sunny place") };
    scene.base.add(al, PasswordRules::Strict, &host()).unwrap();
    let wanted = NewToken { scopes: Some(scopes("command:Test.Battery.Start set")), ..NewToken::default() };
    let (secret, info) = scene.base.add_token("al", wanted, &host()).unwrap();
    let principal = scene.base.token(&secret, network("192.0.2.7")).unwrap();
    assert_eq!(principal.scopes, Some(scopes("command:test.battery.start")));
    assert!(principal.may(&Right::Command("test.battery.start".into())));
    assert!(
        !principal.may(&Right::Command("load.off".into())) && !principal.may(&Right::Set("ups.id".into()))
    );
    assert!(!scene.text().contains(&secret.reveal()["onmc_".len()..]), "only its hash is kept");
    assert!(secret.reveal().starts_with("onmc_") && secret.reveal().len() == 69);
    assert!(info.id.len() == 12 && !secret.reveal().contains(&info.id));
    let nothing = NewToken { scopes: Some(scopes("set")), ..NewToken::default() };
    assert!(matches!(scene.base.add_token("al", nothing, &host()), Err(UserError::Scope(_))));
}

#[test]
fn a_token_does_not_widen_a_user_who_may_run_one_command() {
    let scene = Scene::new();
    let al = NewUser {
        scopes: Some(scopes("command:test.battery.start")),
        ..new("al", Role::Operator, "a sunny place")
    };
    scene.base.add(al, PasswordRules::Strict, &host()).unwrap();
    let wide = NewToken { scopes: Some(scopes("command")), ..NewToken::default() };
    let (secret, _) = scene.base.add_token("al", wide, &host()).unwrap();
    let principal = scene.base.token(&secret, network("192.0.2.7")).unwrap();
    assert!(principal.may(&Right::Command("test.battery.start".into())));
    assert!(!principal.may(&Right::Command("load.off".into())));
}

#[test]
fn a_token_ends_with_its_time_its_revocation_and_its_user() {
    let scene = Scene::with_jo();
    let day = Duration::from_secs(86_400);
    let token =
        |lifetime| scene.base.add_token("jo", NewToken { lifetime, ..NewToken::default() }, &host()).unwrap();
    let ((short, _), (long, long_info), (last, _)) = (token(Some(day)), token(None), token(None));
    let good = |secret: &Secret| scene.base.token(secret, network("192.0.2.7")).is_ok();
    assert!(good(&short) && good(&long) && good(&last));
    scene.pass(day);
    assert!(!good(&short) && good(&long));
    scene.base.revoke_token(&long_info.id, &host()).unwrap();
    assert!(!good(&long) && good(&last));
    scene.base.remove("jo", &host()).unwrap();
    assert!(!good(&last));
    assert!(scene.happenings().contains(&Happening::TokenRefused { user: Some("jo".into()), expired: true }));
}

#[test]
fn a_clock_that_has_lost_its_time_makes_no_expired_token_good() {
    let scene = Scene::with_jo();
    let lifetime = Some(Duration::from_secs(60));
    let (secret, _) =
        scene.base.add_token("jo", NewToken { lifetime, ..NewToken::default() }, &host()).unwrap();
    scene.now_ms.store(1_000, SeqCst);
    assert_eq!(scene.base.token(&secret, network("192.0.2.7")), Err(AuthError::Refused));
}

#[test]
fn the_last_use_of_a_token_is_shown_at_once_and_written_once_a_day() {
    let scene = Scene::with_jo();
    let (secret, info) = scene.base.add_token("jo", NewToken::default(), &host()).unwrap();
    let shown = |base: &UserBase| {
        base.tokens().unwrap().into_iter().find(|token| token.id == info.id).unwrap().used_ms
    };
    scene.base.token(&secret, network("192.0.2.7")).unwrap();
    scene.base.save_last_used().unwrap();
    assert_eq!(shown(&scene.another()), Some(MORNING_MS));
    scene.pass(Duration::from_secs(3_600));
    scene.base.token(&secret, network("192.0.2.7")).unwrap();
    let before = scene.text();
    scene.base.save_last_used().unwrap();
    assert_eq!(scene.text(), before, "an hour is no reason to write");
    assert_eq!(shown(&scene.base), Some(MORNING_MS + 3_600_000));
    scene.pass(Duration::from_secs(86_400));
    scene.base.token(&secret, network("192.0.2.7")).unwrap();
    scene.base.save_last_used().unwrap();
    assert_eq!(shown(&scene.another()), shown(&scene.base));
}

#[test]
fn a_session_loses_what_its_user_loses() {
    let scene = Scene::with_jo();
    let session = scene.log_in("jo", "a sunny place").unwrap();
    assert_eq!(scene.base.renew(&session).as_ref(), Some(&session));
    scene.base.set_role("jo", Role::Operator, Some(scopes("read")), &host()).unwrap();
    assert!(!scene.base.renew(&session).unwrap().may(&Right::Login));
    scene.base.set_role("jo", Role::Monitor, None, &host()).unwrap();
    assert_eq!(scene.base.renew(&session).unwrap().role, Role::Monitor);
    scene.base.remove("jo", &host()).unwrap();
    assert_eq!(scene.base.renew(&session), None);
}

#[test]
fn every_change_is_told_with_who_made_it() {
    let scene = Scene::with_jo();
    let root = administrator(None);
    let (_, token) = scene.base.add_token("jo", NewToken::default(), &root).unwrap();
    scene.base.set_role("jo", Role::Monitor, None, &root).unwrap();
    scene.base.revoke_token(&token.id, &root).unwrap();
    scene.base.remove("jo", &root).unwrap();
    let by_root: Vec<_> = scene
        .notices
        .lock()
        .unwrap()
        .iter()
        .filter(|notice| notice.by.as_ref() == Some(&root) && notice.origin == root.origin)
        .map(|notice| notice.what.to_string())
        .collect();
    assert_eq!(by_root.len(), 4, "{by_root:?}");
}
