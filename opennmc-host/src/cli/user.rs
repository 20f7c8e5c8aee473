//! `opennmc user`: one base of users for every service.
//!
//! Asks the daemon; works on the file itself when none runs. Passwords come from standard input or a prompt that does not
//! show them, never from the command line, where every process of the machine can read them.

use std::io::{BufRead as _, IsTerminal as _, stdin};
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};
use serde_json::Value;

use super::confirm::Confirm;
use super::connect::Connect;
use super::exit::{Exit, Failure};
use super::output::Output;
use super::table::Table;
use super::terminal::{Tone, clean};
use super::words;
use crate::control::ClientError;
use crate::control::protocol::{Request, UserRequest};
use crate::control::report::{TokenReport, UserReport};
use crate::control::users::carry_out;
use crate::users::{Principal, Role, Scope, UserBase};

#[derive(Debug, Args)]
pub(super) struct UserArguments {
    #[command(subcommand)]
    what: User,
    #[command(flatten)]
    place: Place,
}

/// Where the users are.
#[derive(Debug, Args)]
struct Place {
    #[command(flatten)]
    connect: Connect,

    /// Where the users are when no daemon runs [default: the configuration's]
    #[arg(long, value_name = "DIR", global = true, help_heading = "Connection")]
    state: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum User {
    /// Every user, without secrets
    List,
    /// Make a user
    Add(AddArguments),
    /// Remove a user and its tokens
    Remove(RemoveArguments),
    /// Set the password of a user
    Password(PasswordArguments),
    /// Set what a user may do at most
    Role {
        /// The user
        name: String,
        /// administrator (all), operator (commands and settings), monitor (reads) or backup (backup and restore only)
        role: Role,
    },
    /// Narrow what a user may do, or widen it to all of its role
    Scopes {
        /// The user
        name: String,
        /// What is left: read, login, fsd, command, command:NAME, set, set:NAME, backup, audit, admin
        #[arg(required_unless_present = "all", conflicts_with = "all")]
        scopes: Vec<Scope>,
        /// All that its role may
        #[arg(long)]
        all: bool,
    },
    /// Let a user try again who was locked out after wrong passwords
    Unlock {
        /// The user
        name: String,
    },
    /// Make, list and revoke tokens, with which programs log in
    Token(TokenArguments),
}

#[derive(Debug, Args)]
struct AddArguments {
    /// The name
    name: String,
    /// administrator (all), operator (commands and settings), monitor (reads) or backup (backup and restore only)
    #[arg(long)]
    role: Role,
    /// Leaves only this of the role (may be given several times)
    #[arg(long = "scope", value_name = "SCOPE")]
    scopes: Vec<Scope>,
    /// Without a password: the user can only use tokens
    #[arg(long)]
    no_password: bool,
    #[command(flatten)]
    password: PasswordSource,
}

#[derive(Debug, Args)]
struct RemoveArguments {
    /// The user
    name: String,
    #[command(flatten)]
    confirm: Confirm,
}

#[derive(Debug, Args)]
struct PasswordArguments {
    /// The user
    name: String,
    #[command(flatten)]
    password: PasswordSource,
}

#[derive(Debug, Args)]
struct PasswordSource {
    /// Read the password from standard input, its first line, instead of asking for it
    #[arg(long)]
    password_stdin: bool,
}

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, arg_required_else_help = true)]
struct TokenArguments {
    #[command(subcommand)]
    what: Option<Token>,
    #[command(flatten)]
    add: Option<NewToken>,
}

#[derive(Debug, Subcommand)]
enum Token {
    /// Make a token; the same as without the word
    Add(NewToken),
    /// Every token, without secrets
    List {
        /// Only of this user
        name: Option<String>,
    },
    /// Make a token worthless
    Revoke {
        /// Its id, as `list` shows it
        id: String,
    },
}

#[derive(Debug, Args)]
struct NewToken {
    /// Whose it is
    name: String,
    /// Leaves only this of its user's rights (may be given several times)
    #[arg(long = "scope", value_name = "SCOPE")]
    scopes: Vec<Scope>,
    /// What it is for
    #[arg(long, default_value = "")]
    label: String,
    /// How long it is good, such as 90d, 12h or 30m [default: until it is revoked]
    #[arg(long, value_name = "TIME", value_parser = lifetime)]
    lifetime: Option<Duration>,
}

pub(super) fn user(arguments: &UserArguments, output: Output) -> Result<Exit, Failure> {
    let UserArguments { what, place } = arguments;
    match what {
        User::List => {
            let users: Vec<UserReport> = parse(place.ask(UserRequest::List)?)?;
            if output.json { output.document(&users)? } else { output.text(&user_table(&users, output))? }
        }
        User::Add(add) => {
            let password = if add.no_password { None } else { Some(add.password.read(&add.name)?) };
            let user: UserReport = parse(place.ask(UserRequest::Add {
                name: add.name.clone(),
                role: add.role.to_string(),
                scopes: written(&add.scopes),
                password,
            })?)?;
            if output.json {
                output.document(&user)?;
            } else {
                let by = if user.has_password { "" } else { "; it has no password: make it a token" };
                output.text(&format!("{} is now a user, as {}{by}\n", clean(&user.name), user.role))?;
            }
        }
        User::Remove(remove) => {
            remove.confirm.ask(&format!("{} and its tokens will be removed.", clean(&remove.name)))?;
            place.ask(UserRequest::Remove { name: remove.name.clone() })?;
            done(output, &format!("{} is removed", clean(&remove.name)))?;
        }
        User::Password(of) => {
            let password = of.password.read(&of.name)?;
            place.ask(UserRequest::Password { name: of.name.clone(), password })?;
            done(output, &format!("the password of {} is set", clean(&of.name)))?;
        }
        User::Role { name, role } => {
            place.ask(UserRequest::Role { name: name.clone(), role: role.to_string() })?;
            done(output, &format!("{} is {role} now", clean(name)))?;
        }
        User::Scopes { name, scopes, .. } => {
            let left = written(scopes);
            let told = left.as_ref().map_or("all of its role".to_owned(), |scopes| scopes.join(" "));
            place.ask(UserRequest::Scopes { name: name.clone(), scopes: left })?;
            done(output, &format!("{} may {told}", clean(name)))?;
        }
        User::Unlock { name } => {
            place.ask(UserRequest::Unlock { name: name.clone() })?;
            done(output, &format!("{} can try again", clean(name)))?;
        }
        User::Token(token) => return tokens(token, place, output),
    }
    Ok(Exit::Done)
}

fn tokens(arguments: &TokenArguments, place: &Place, output: Output) -> Result<Exit, Failure> {
    match (&arguments.what, &arguments.add) {
        (Some(Token::List { name }), _) => {
            let mut tokens: Vec<TokenReport> = parse(place.ask(UserRequest::TokenList)?)?;
            tokens.retain(|token| name.as_ref().is_none_or(|name| token.user == *name));
            if output.json {
                output.document(&tokens)?
            } else {
                output.text(&token_table(&tokens, output))?
            }
        }
        (Some(Token::Revoke { id }), _) => {
            place.ask(UserRequest::TokenRevoke { id: id.clone() })?;
            done(output, &format!("the token {} is revoked", clean(id)))?;
        }
        (Some(Token::Add(new)), _) | (None, Some(new)) => {
            let token: TokenReport = parse(place.ask(UserRequest::TokenAdd {
                name: new.name.clone(),
                label: new.label.clone(),
                scopes: written(&new.scopes),
                lifetime_s: new.lifetime.map(|lifetime| lifetime.as_secs()),
            })?)?;
            if output.json {
                output.document(&token)?;
            } else {
                // The secret alone on standard output, so that a script can take it as it is.
                output.text(&format!("{}\n", token.secret.as_deref().unwrap_or_default()))?;
                output.remark(&format!("This is the token {}; it is shown this once.", token.id));
            }
        }
        (None, None) => return Err(Failure::new(Exit::BadUsage, "name the user: `opennmc user token NAME`")),
    }
    Ok(Exit::Done)
}

impl Place {
    /// Asks the daemon, or does it here when none runs.
    fn ask(&self, request: UserRequest) -> Result<Value, Failure> {
        if let Some(mut client) = self.connect.open_if_running()? {
            return Ok(client.ask(Request::User { user: request })?);
        }
        let state = match &self.state {
            Some(state) => state.clone(),
            None => self.connect.settings()?.state_dir,
        };
        if !state.is_dir() {
            let message = format!(
                "no daemon runs, and there is no state folder {}: start the daemon once, or name the folder with --state",
                state.display()
            );
            return Err(Failure::new(Exit::NoDaemon, message));
        }
        let base = UserBase::open(&state).map_err(|error| Failure::new(Exit::Failed, error.to_string()))?;
        // Whoever can write the file is its administrator.
        carry_out(&base, request, &Principal::host()).map_err(|problem| ClientError::Refused(problem).into())
    }
}

impl PasswordSource {
    fn read(&self, name: &str) -> Result<String, Failure> {
        if self.password_stdin {
            let mut line = String::new();
            stdin().lock().read_line(&mut line)?;
            return Ok(line.trim_end_matches(['\n', '\r']).to_owned());
        }
        if !stdin().is_terminal() {
            let message =
                "nobody can be asked for the password here: give it on standard input with --password-stdin";
            return Err(Failure::new(Exit::BadUsage, message));
        }
        let ask = |prompt: String| {
            rpassword::prompt_password(prompt)
                .map_err(|error| Failure::system("can't ask for the password", error))
        };
        let password = ask(format!("Password for {}: ", clean(name)))?;
        if ask("The same again: ".to_owned())? != password {
            return Err(Failure::new(Exit::Refused, "The two are not the same. Nothing was done."));
        }
        Ok(password)
    }
}

fn parse<T: serde::de::DeserializeOwned>(value: Value) -> Result<T, Failure> {
    serde_json::from_value(value).map_err(|error| ClientError::NotUnderstood(error).into())
}

fn done(output: Output, text: &str) -> Result<(), Failure> {
    if output.json {
        output.document(&serde_json::json!({ "done": true }))
    } else {
        output.text(&format!("{text}\n"))
    }
}

fn written(scopes: &[Scope]) -> Option<Vec<String>> {
    (!scopes.is_empty()).then(|| scopes.iter().map(ToString::to_string).collect())
}

fn user_table(users: &[UserReport], output: Output) -> String {
    if users.is_empty() {
        return "there are no users: `opennmc user add NAME --role administrator`\n".to_owned();
    }
    let mut table = Table::new(&["USER", "ROLE", "PASSWORD", "TOKENS", "LAST LOG-IN", "MAY"]);
    for user in users {
        let password = match (user.locked_s, user.has_password, user.weak) {
            (Some(seconds), ..) => (format!("locked, {}", words::duration(seconds as f64)), Tone::Critical),
            (None, false, _) => ("none".to_owned(), Tone::Faint),
            (None, true, true) => ("weak".to_owned(), Tone::Warning),
            (None, true, false) => ("set".to_owned(), Tone::Plain),
        };
        table.row([
            (clean(&user.name), Tone::Bold),
            (user.role.clone(), Tone::Plain),
            password,
            (user.tokens.to_string(), Tone::Plain),
            (user.login_at.as_deref().map(words::local_time).unwrap_or_default(), Tone::Plain),
            (
                user.scopes.as_ref().map_or("all of its role".to_owned(), |scopes| scopes.join(" ")),
                Tone::Plain,
            ),
        ]);
    }
    table.print(output.screen())
}

fn token_table(tokens: &[TokenReport], output: Output) -> String {
    if tokens.is_empty() {
        return "there are no tokens\n".to_owned();
    }
    let mut table = Table::new(&["TOKEN", "USER", "MADE", "EXPIRES", "LAST USE", "MAY", "FOR"]);
    for token in tokens {
        let at = |at: &Option<String>| at.as_deref().map_or("never".to_owned(), words::local_time);
        table.row([
            (token.id.clone(), Tone::Bold),
            (clean(&token.user), Tone::Plain),
            (words::local_time(&token.made_at), Tone::Plain),
            (at(&token.expires_at), Tone::Plain),
            (at(&token.used_at), Tone::Plain),
            (token.scopes.as_ref().map_or("as its user".to_owned(), |scopes| scopes.join(" ")), Tone::Plain),
            (clean(&token.label), Tone::Plain),
        ]);
    }
    table.print(output.screen())
}

fn lifetime(text: &str) -> Result<Duration, String> {
    let wrong = || "write a number with d, h, m or s behind it, such as 90d".to_owned();
    let unit = match text.chars().last() {
        Some('d') => 86_400,
        Some('h') => 3600,
        Some('m') => 60,
        Some('s') => 1,
        _ => return Err(wrong()),
    };
    let count: u64 = text[..text.len() - 1].parse().map_err(|_| wrong())?;
    count.checked_mul(unit).filter(|seconds| *seconds > 0).map(Duration::from_secs).ok_or_else(wrong)
}
