//! Passwords: who gets in, what it costs, and who is locked out.

use super::*;

#[test]
fn the_right_password_gives_the_users_role_and_where_it_came_in() {
    let scene = Scene::with_jo();
    let principal = scene.log_in("jo", "a sunny place").unwrap();
    assert_eq!((principal.name.as_str(), principal.role), ("jo", Role::Operator));
    assert_eq!(principal.origin, network("192.0.2.7"));
    assert_eq!(scene.base.list().unwrap()[0].login_ms, Some(MORNING_MS));
}

#[test]
fn a_wrong_password_an_unknown_user_and_one_without_password_are_refused_alike() {
    let scene = Scene::with_jo();
    let tokens_only = NewUser { password: None, ..new("robot", Role::Monitor, "") };
    scene.base.add(tokens_only, PasswordRules::Strict, &Principal::host()).unwrap();
    for (name, password) in [("jo", "a rainy place"), ("jo", ""), ("nobody", "a sunny place"), ("robot", "")]
    {
        assert_eq!(scene.log_in(name, password), Err(AuthError::Refused), "{name}");
    }
    assert_eq!(scene.log_in("Jo", "a sunny place"), Err(AuthError::Refused), "names have a case");
}
