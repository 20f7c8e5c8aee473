//! Carries out what is asked about users: in the daemon, or on the file of one that does not run.

use std::time::Duration;

use serde::Serialize;
use serde_json::Value;

use super::protocol::{Code, Problem, UserRequest};
use super::report::{TokenReport, UserReport};
use crate::users::{NewToken, NewUser, PasswordRules, Principal, Role, Scope, Secret, UserBase, UserError};

/// Does it for `by`, whose rights the base checks once more.
pub fn carry_out(base: &UserBase, request: UserRequest, by: &Principal) -> Result<Value, Problem> {
    match request {
        UserRequest::List => {
            let users = base.list().map_err(problem)?;
            json(&users.iter().map(UserReport::of).collect::<Vec<UserReport>>())
        }
        UserRequest::Add { name, role, scopes, password } => {
            let new = NewUser {
                name,
                role: role_named(&role)?,
                scopes: scopes_named(scopes)?,
                password: password.map(Secret::from),
            };
            json(&UserReport::of(&base.add(new, PasswordRules::Strict, by).map_err(problem)?))
        }
        UserRequest::Remove { name } => nothing(base.remove(&name, by)),
        UserRequest::Password { name, password } => {
            nothing(base.set_password(&name, &Secret::from(password), PasswordRules::Strict, by))
        }
        UserRequest::Role { name, role } => {
            let scopes = one(base, &name)?.scopes;
            nothing(base.set_role(&name, role_named(&role)?, scopes, by))
        }
        UserRequest::Scopes { name, scopes } => {
            let role = one(base, &name)?.role;
            nothing(base.set_role(&name, role, scopes_named(scopes)?, by))
        }
        UserRequest::Unlock { name } => nothing(base.unlock(&name, by)),
        UserRequest::TokenList => {
            let tokens = base.tokens().map_err(problem)?;
            json(&tokens.iter().map(TokenReport::of).collect::<Vec<TokenReport>>())
        }
        UserRequest::TokenAdd { name, label, scopes, lifetime_s } => {
            let new = NewToken {
                label,
                scopes: scopes_named(scopes)?,
                lifetime: lifetime_s.map(Duration::from_secs),
            };
            let (secret, info) = base.add_token(&name, new, by).map_err(problem)?;
            json(&TokenReport { secret: Some(secret.reveal().to_owned()), ..TokenReport::of(&info) })
        }
        UserRequest::TokenRevoke { id } => nothing(base.revoke_token(&id, by)),
    }
}

fn one(base: &UserBase, name: &str) -> Result<crate::users::UserInfo, Problem> {
    let users = base.list().map_err(problem)?;
    users
        .into_iter()
        .find(|user| user.name == name)
        .ok_or_else(|| problem(UserError::Unknown(name.to_owned())))
}

fn role_named(name: &str) -> Result<Role, Problem> {
    name.parse().map_err(|error| Problem::new(Code::BadRequest, format!("{error}")))
}

fn scopes_named(names: Option<Vec<String>>) -> Result<Option<Vec<Scope>>, Problem> {
    let parse =
        |name: String| name.parse().map_err(|error| Problem::new(Code::BadRequest, format!("{error}")));
    names.map(|names| names.into_iter().map(parse).collect()).transpose()
}

fn nothing(done: Result<(), UserError>) -> Result<Value, Problem> {
    done.map(|()| Value::Null).map_err(problem)
}

fn problem(error: UserError) -> Problem {
    let code = match &error {
        UserError::Unknown(_) | UserError::UnknownToken(_) => Code::NotFound,
        UserError::Denied(_) => Code::Denied,
        UserError::Damaged { .. } | UserError::File { .. } | UserError::Crypto(_) => Code::Failed,
        _ => Code::Refused,
    };
    Problem::new(code, error.to_string())
}

fn json(value: &impl Serialize) -> Result<Value, Problem> {
    serde_json::to_value(value).map_err(|error| Problem::new(Code::Failed, error.to_string()))
}
