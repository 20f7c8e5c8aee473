//! What a log-in rests on, and when that is gone.

use super::*;

#[test]
fn a_log_in_with_a_password_stands_until_the_password_the_role_or_the_user_changes() {
    let host = Principal::host();
    let set = |scene: &Scene| {
        let password = Secret::from("a rainy place");
        scene.base.set_password("jo", &password, PasswordRules::Strict, &host).unwrap();
    };
    let demote = |scene: &Scene| scene.base.set_role("jo", Role::Monitor, None, &host).unwrap();
    let narrow = |scene: &Scene| {
        scene.base.set_role("jo", Role::Operator, Some(scopes("read")), &host).unwrap();
    };
    let remove = |scene: &Scene| scene.base.remove("jo", &host).unwrap();
    let replace = |scene: &Scene| {
        scene.base.remove("jo", &host).unwrap();
        scene.add("jo", Role::Operator, "a sunny place");
    };
    let changes: [&dyn Fn(&Scene); 5] = [&set, &demote, &narrow, &remove, &replace];
    for (index, change) in changes.into_iter().enumerate() {
        let scene = Scene::with_jo();
        scene.add("root", Role::Administrator, "another sunny place");
        let basis = scene.base.basis("jo").unwrap();
        let origin = network("192.0.2.7");
        let principal = scene.base.principal(&basis, origin.clone()).unwrap();
        assert_eq!((principal.name.as_str(), principal.role), ("jo", Role::Operator));
        scene.pass(Duration::from_secs(1));
        change(&scene);
        assert_eq!(scene.base.principal(&basis, origin), None, "change {index}");
    }
}

#[test]
fn a_log_in_with_a_token_stands_until_the_token_ends_or_is_revoked() {
    let scene = Scene::with_jo();
    let (host, origin) = (Principal::host(), network("192.0.2.7"));
    let lifetime = Some(Duration::from_secs(60));
    let (secret, info) = scene.base.add_token("jo", NewToken::default(), &host).unwrap();
    let (brief, _) = scene.base.add_token("jo", NewToken { lifetime, ..NewToken::default() }, &host).unwrap();
    let (lasting, brief) =
        (scene.base.basis_of_token(&secret).unwrap(), scene.base.basis_of_token(&brief).unwrap());
    assert!(scene.base.principal(&brief, origin.clone()).is_some());
    scene.pass(Duration::from_secs(61));
    assert_eq!(scene.base.principal(&brief, origin.clone()), None);
    assert!(scene.base.principal(&lasting, origin.clone()).is_some());
    scene.base.revoke_token(&info.id, &host).unwrap();
    assert_eq!(scene.base.principal(&lasting, origin), None);
    assert_eq!(scene.base.basis_of_token(&Secret::from("onmc_x")), None);
}
