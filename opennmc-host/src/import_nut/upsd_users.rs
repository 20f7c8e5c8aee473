//! `upsd.users`: who may do what.
//!
//! NUT's grants are scopes here, below the least role that carries them, so that nobody can do more than before.

use super::draft::{Draft, DraftUser};
use super::lexer::{Statement, ascii};
use super::report::Judgement;
use crate::users::{Role, Scope, is_name};

/// Judges all statements, in their order.
pub(super) fn read(statements: &[Statement], draft: &mut Draft) -> Vec<Judgement> {
    let mut judgements = Vec::new();
    let mut rest = statements;
    while let Some((first, behind)) = rest.split_first() {
        let is_header = |statement: &Statement| statement.section().is_some() && statement.fault.is_none();
        let end = behind.iter().position(is_header).unwrap_or(behind.len());
        let (fields, next) = behind.split_at(end);
        match first.section().filter(|_| first.fault.is_none()) {
            Some(name) => judgements.extend(read_user(&ascii(name), fields, draft)),
            None => {
                let outside = || {
                    Judgement::not_carried("this belongs to no user: it stands in front of the first [name]")
                };
                judgements.extend(std::iter::repeat_with(outside).take(1 + fields.len()));
            }
        }
        rest = next;
    }
    judgements
}

/// Which positions of a statement hold secrets: everything behind `password`, and behind what may be a slip of the pen.
pub(super) fn is_secret(statement: &Statement, position: usize) -> bool {
    let harmless =
        statement.section().is_some() || matches!(statement.word(0), "actions" | "instcmds" | "upsmon");
    position > 0 && !harmless && statement.word(position) != "="
}

/// The judgements of the header and of each field.
fn read_user(name: &str, fields: &[Statement], draft: &mut Draft) -> Vec<Judgement> {
    let all = |reason: &str| (0..=fields.len()).map(|_| Judgement::not_carried(reason)).collect();
    if draft.users.iter().any(|user| user.name == name) {
        return all("NUT takes the first section of this name and skips this one");
    }
    if let Some(twin) = draft.users.iter().find(|user| user.name.eq_ignore_ascii_case(name)) {
        return all(&format!("the name differs from `{}` in nothing but case", twin.name));
    }
    if !is_name(name) {
        return all("OpenNMC's users have names of 1 to 64 letters, digits, `.`, `_`, `-`, `@` or `+`");
    }
    let mut user = Grants { password: None, scopes: vec![scope("read")] };
    let mut judgements: Vec<Judgement> = fields.iter().map(|field| user.judge(field)).collect();
    let role = user.role();
    let header = match user.password {
        Some(password) => {
            draft.users.push(DraftUser { name: name.to_owned(), password, role, scopes: user.scopes });
            Judgement::carried(format!("user `{name}`, role {role}"))
        }
        None => {
            let reason = "a user without a password can do nothing, in NUT as here: not made";
            judgements.iter_mut().for_each(|judgement| *judgement = Judgement::not_needed(reason));
            Judgement::not_needed(reason)
        }
    };
    judgements.insert(0, header);
    judgements
}

struct Grants {
    password: Option<String>,
    scopes: Vec<Scope>,
}

impl Grants {
    fn judge(&mut self, field: &Statement) -> Judgement {
        if let Some(fault) = field.fault {
            return Judgement::not_carried(format!("NUT skips this line: {fault}"));
        }
        // `=` may be left out.
        let from = if field.word(1) == "=" { 2 } else { 1 };
        let values: Vec<String> = field.words.iter().skip(from).map(|word| ascii(word)).collect();
        match field.word(0) {
            "password" => match values.first() {
                Some(_) if self.password.is_some() => Judgement::not_needed("NUT takes the first password"),
                Some(password) if !password.is_empty() => {
                    self.password = Some(password.clone());
                    Judgement::carried("kept, as a hash")
                }
                _ => Judgement::not_carried("there is no password"),
            },
            "actions" => self.grant(&values, "action", |action| match action.to_ascii_uppercase().as_str() {
                "SET" => Some(vec!["set".to_owned()]),
                "FSD" => Some(vec!["fsd".to_owned()]),
                _ => None,
            }),
            "instcmds" => self.grant(&values, "command", |command| {
                let all = command.eq_ignore_ascii_case("ALL");
                Some(vec![if all { "command".to_owned() } else { format!("command:{command}") }])
            }),
            "upsmon" => {
                self.grant(&values, "kind of upsmon", |kind| match kind.to_ascii_lowercase().as_str() {
                    "primary" | "master" => Some(vec!["login".to_owned(), "fsd".to_owned()]),
                    "secondary" | "slave" => Some(vec!["login".to_owned()]),
                    _ => None,
                })
            }
            "allowfrom" => Judgement::not_carried(
                "NUT itself has ignored this for many years: say with LISTEN or a firewall who may connect",
            ),
            other => Judgement::not_carried(format!("NUT has no `{other}` in upsd.users")),
        }
    }

    fn grant(
        &mut self,
        values: &[String],
        what: &str,
        scopes: impl Fn(&str) -> Option<Vec<String>>,
    ) -> Judgement {
        let mut granted = Vec::new();
        for value in values {
            let parsed: Option<Vec<Scope>> =
                scopes(value).and_then(|names| names.iter().map(|name| name.parse().ok()).collect());
            match parsed {
                Some(scopes) => granted.extend(scopes),
                None => return Judgement::not_carried(format!("NUT has no {what} `{value}`")),
            }
        }
        if granted.is_empty() {
            return Judgement::not_carried(format!("there is no {what}"));
        }
        let shown: Vec<String> = granted.iter().map(|scope| format!("`{scope}`")).collect();
        for scope in granted {
            if !self.scopes.contains(&scope) {
                self.scopes.push(scope);
            }
        }
        Judgement::carried(format!("scope {}", shown.join(", ")))
    }

    /// The least role that carries the scopes.
    fn role(&self) -> Role {
        let harmless = |scope: &Scope| matches!(scope.as_str(), "read" | "login");
        if self.scopes.iter().all(harmless) { Role::Monitor } else { Role::Operator }
    }
}

/// One that exists.
fn scope(name: &str) -> Scope {
    name.parse().expect("a scope without an argument")
}
