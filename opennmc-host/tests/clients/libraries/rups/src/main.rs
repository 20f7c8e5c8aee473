//! `with-rups PORT USER PASSWORD`: all that the crate `rups` can do with a NUT server, told as one JSON object.
//!
//! It can not set variables, nor log in at a UPS.

use std::collections::BTreeMap;
use std::time::Duration;

use rups::blocking::Connection;
use rups::{Auth, ConfigBuilder, Host, Variable};
use serde_json::{Value, json};

const UPS: &str = "main";
/// NUT's clients give up after so long.
const PATIENCE: Duration = Duration::from_secs(5);

fn main() -> rups::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let mut argument = || arguments.next().expect("usage: with-rups PORT USER PASSWORD");
    let port: u16 = argument().parse().expect("a port");
    let (user, password) = (argument(), argument());
    let connect = |password: &str| {
        let host = Host::try_from(("localhost".to_owned(), port))?;
        let auth = Auth::new(user.clone(), Some(password.to_owned()));
        Connection::new(
            &ConfigBuilder::new().with_host(host).with_auth(Some(auth)).with_timeout(PATIENCE).build(),
        )
    };

    let mut client = connect(&password)?;
    let mut commands = BTreeMap::new();
    for name in client.list_commands(UPS)? {
        let description = client.get_command_description(UPS, &name)?;
        commands.insert(name, description);
    }
    let mut types = BTreeMap::new();
    let settable = named(client.list_mutable_vars(UPS)?);
    for name in settable.keys() {
        let kind = client.get_var_type(UPS, name)?;
        let choices = if kind.is_enum() { client.list_var_enum(UPS, name)? } else { Vec::new() };
        let ranges: Vec<_> = if kind.is_range() {
            client.list_var_range(UPS, name)?.into_iter().map(|range| json!([range.0, range.1])).collect()
        } else {
            Vec::new()
        };
        let description = client.get_var_description(UPS, name)?;
        types.insert(
            name.clone(),
            json!({
                "settable": kind.is_mutable(),
                "length": kind.get_string_length(),
                "choices": choices,
                "ranges": ranges,
                "description": description,
            }),
        );
    }
    let told = json!({
        "version": client.get_server_version()?,
        "protocol": client.get_network_version()?,
        "upses": client.list_ups()?.into_iter().collect::<BTreeMap<_, _>>(),
        "description": client.get_ups_description(UPS)?,
        "variables": named(client.list_vars(UPS)?),
        "status": client.get_var(UPS, "ups.status")?.value(),
        "commands": commands,
        "settable": settable,
        "types": types,
        "clients": client.list_clients(UPS)?,
        "logins": client.get_num_logins(UPS)?,
        "unknown": outcome(client.list_vars("bogus").map(drop)),
        "denied": outcome(connect("wrong")?.run_command(UPS, Some("load.off"))),
        // Its name for the UPS is "command", and for the command "parameter".
        "run": outcome(client.run_command(UPS, Some("test.battery.start"))),
    });
    client.close()?;
    println!("{told}");
    Ok(())
}

fn named(variables: Vec<Variable>) -> BTreeMap<String, String> {
    variables.into_iter().map(|variable| (variable.name().to_owned(), variable.value())).collect()
}

fn outcome(result: rups::Result<()>) -> Value {
    match result {
        Ok(()) => json!("OK"),
        Err(error) => json!(error.to_string()),
    }
}
