//! Orders to UPSes, words to people and plugins, HTTP requests, questions to the history.

use std::rc::Rc;

use rhai::{Dynamic, Engine, FnPtr, ImmutableString, Map};

use super::super::instance::{Asked, Shared};
use super::super::value::{self, HIDDEN, Secret};
use super::Given;
use super::read::Ups;
use crate::plugin::bindings::wit::{bus, history, http_client, log, types, ups_control};

/// Acts of the script itself, not of a person.
const OWN: u64 = 0;
/// A title is one line of so many bytes; the whole text is in the body.
const TITLE: usize = 160;

/// Something that was begun and has not ended.
#[derive(Clone)]
struct Ticket {
    asked: Asked,
    number: u64,
}

pub(super) fn register(engine: &mut Engine, shared: &Rc<Shared>) {
    orders(engine, shared);
    words(engine, shared);
    requests(engine, shared);
    questions(engine, shared);
    engine.register_type_with_name::<Ticket>("Ticket");
    let host = Rc::clone(shared);
    engine.register_fn("then", move |ticket: &mut Ticket, function: FnPtr| {
        host.waiting.borrow_mut().insert((ticket.asked, ticket.number), function);
    });
    engine.register_get("number", |ticket: &mut Ticket| i64::try_from(ticket.number).unwrap_or(i64::MAX));
}

/// Does it and gives the ticket; a dry script only notes it.
fn begin(
    shared: &Shared,
    asked: Asked,
    shown: impl FnOnce() -> String,
    work: impl FnOnce(&mut crate::plugin::instance::InstanceState) -> Result<u64, types::Error>,
) -> Given<Ticket> {
    let number = match &shared.dry {
        Some(noted) => {
            noted.borrow_mut().push(shown());
            noted.borrow().len() as u64
        }
        None => shared.with(work)?.map_err(|error| shared.refused(error))?,
    };
    Ok(Ticket { asked, number })
}

fn orders(engine: &mut Engine, shared: &Rc<Shared>) {
    fn run(shared: &Shared, ups: &str, command: &str, argument: &Dynamic) -> Given<Ticket> {
        let argument = if argument.is_unit() { None } else { Some(value::to_text(argument)?) };
        let shown = || format!("run({ups:?}, {command:?})");
        begin(shared, Asked::Order, shown, |state| {
            // Whoever has allowed the command in the configuration has said that it may be run.
            ups_control::Host::run(state, OWN, ups.to_owned(), command.to_owned(), argument.clone(), true)
        })
    }
    fn set(shared: &Shared, ups: &str, variable: &str, value: &Dynamic) -> Given<Ticket> {
        let text = value::to_text(value)?;
        let shown = || format!("set({ups:?}, {variable:?}, {text:?})");
        begin(shared, Asked::Order, shown, |state| {
            ups_control::Host::set(state, OWN, ups.to_owned(), variable.to_owned(), text.clone())
        })
    }
    type Text = ImmutableString;
    let host = Rc::clone(shared);
    engine.register_fn("run", move |ups: Text, command: Text| run(&host, &ups, &command, &Dynamic::UNIT));
    let host = Rc::clone(shared);
    engine.register_fn("run", move |ups: Text, command: Text, argument: Dynamic| {
        run(&host, &ups, &command, &argument)
    });
    let host = Rc::clone(shared);
    engine.register_fn("run", move |ups: Ups, command: Text| run(&host, &ups.0, &command, &Dynamic::UNIT));
    let host = Rc::clone(shared);
    engine.register_fn("run", move |ups: Ups, command: Text, argument: Dynamic| {
        run(&host, &ups.0, &command, &argument)
    });
    let host = Rc::clone(shared);
    engine.register_fn("set", move |ups: Text, variable: Text, value: Dynamic| {
        set(&host, &ups, &variable, &value)
    });
    let host = Rc::clone(shared);
    engine.register_fn("set", move |ups: Ups, variable: Text, value: Dynamic| {
        set(&host, &ups.0, &variable, &value)
    });
}

fn words(engine: &mut Engine, shared: &Rc<Shared>) {
    for (name, level) in [
        ("log", log::Level::Info),
        ("warn", log::Level::Warn),
        ("error", log::Level::Error),
        ("debug_log", log::Level::Debug),
    ] {
        let host = Rc::clone(shared);
        engine.register_fn(name, move |text: Dynamic| write(&host, level, &value::to_text(&text)?));
    }
    // The language has a logarithm of this name, which would be nearer to a number than what is meant.
    let host = Rc::clone(shared);
    engine.register_fn("log", move |number: f64| {
        write(&host, log::Level::Info, &value::to_text(&Dynamic::from_float(number))?)
    });
    let host = Rc::clone(shared);
    engine.on_print(move |text| drop(write(&host, log::Level::Info, text)));
    let host = Rc::clone(shared);
    engine.on_debug(move |text, _, place| {
        drop(write(&host, log::Level::Debug, &host.place(place, text)));
    });
    let host = Rc::clone(shared);
    engine.register_fn("notify", move |severity: ImmutableString, text: Dynamic| {
        tell(&host, &severity, &value::to_text(&text)?, &Map::new())
    });
    let host = Rc::clone(shared);
    engine.register_fn("notify", move |severity: ImmutableString, text: Dynamic, more: Map| {
        tell(&host, &severity, &value::to_text(&text)?, &more)
    });
    let host = Rc::clone(shared);
    engine.register_fn("publish", move |topic: ImmutableString, said: Dynamic| publish(&host, &topic, &said));
}

fn write(shared: &Shared, level: log::Level, text: &str) -> Given<()> {
    match &shared.dry {
        Some(noted) => noted.borrow_mut().push(format!("log({text:?})")),
        None => shared.with(|state| log::Host::write(state, level, text.to_owned()))?,
    }
    Ok(())
}

fn severity(name: &str) -> Given<types::Severity> {
    Ok(match name {
        "info" => types::Severity::Info,
        "warning" => types::Severity::Warning,
        "critical" => types::Severity::Critical,
        _ => return Err(format!("`{name}` is no severity; use info, warning or critical").into()),
    })
}

fn fields(map: &Map, besides: &[&str]) -> Given<Vec<(String, String)>> {
    let wanted = map.iter().filter(|(name, _)| !besides.contains(&name.as_str()));
    wanted.map(|(name, value)| Ok((name.to_string(), value::to_text(value)?))).collect()
}

fn tell(shared: &Shared, level: &str, text: &str, more: &Map) -> Given<()> {
    let severity = severity(level)?;
    let first = text.lines().next().unwrap_or("").trim();
    let title: String =
        first[..first.floor_char_boundary(TITLE)].chars().filter(|c| !c.is_control()).collect();
    if title.is_empty() {
        return Err("a notice needs a text".into());
    }
    let body = if title == text { String::new() } else { text.to_owned() };
    let device = match more.get("ups") {
        Some(named) => named
            .clone()
            .try_cast::<Ups>()
            .map_or_else(|| value::to_text(named), |ups| Ok(ups.0.to_string()))?,
        None => String::new(),
    };
    let notice = types::Notice { severity, device, title, body, fields: fields(more, &["ups", "to"])? };
    let to = more.get("to").map(value::to_text).transpose()?;
    match &shared.dry {
        Some(noted) => noted.borrow_mut().push(format!("notify({level}, {text:?})")),
        None => drop(
            shared.with(|state| state.tell(notice, to.as_deref()))?.map_err(|error| shared.refused(error))?,
        ),
    }
    Ok(())
}

fn publish(shared: &Shared, topic: &str, said: &Dynamic) -> Given<()> {
    let fields = match said.clone().try_cast::<Map>() {
        Some(map) => fields(&map, &[])?,
        None => vec![("text".to_owned(), value::to_text(said)?)],
    };
    match &shared.dry {
        Some(noted) => noted.borrow_mut().push(format!("publish({topic:?}, {said})")),
        None => {
            let sent = shared.with(|state| {
                bus::Host::publish(state, topic.to_owned(), types::Severity::Info, String::new(), fields)
            });
            sent?.map_err(|error| shared.refused(error))?;
        }
    }
    Ok(())
}

fn requests(engine: &mut Engine, shared: &Rc<Shared>) {
    engine.register_type_with_name::<Secret>("Secret");
    let host = Rc::clone(shared);
    engine.register_fn("secret", move |name: ImmutableString| -> Given<Secret> {
        match host.secrets.get(name.as_str()) {
            Some(secret) => Ok(Secret::new(secret.to_string())),
            // What a dry script says does not leave it.
            None if host.dry.is_some() => Ok(Secret::new(HIDDEN.to_owned())),
            None => Err(format!("there is no secret `{name}`; name its file in opennmc.toml: secrets = {{ {name} = {{ file = \"…\" }} }}").into()),
        }
    });
    engine.register_fn("+", |secret: Secret, text: ImmutableString| {
        Secret::new(format!("{}{text}", secret.0.as_str()))
    });
    engine.register_fn("+", |text: ImmutableString, secret: Secret| {
        Secret::new(format!("{text}{}", secret.0.as_str()))
    });
    engine.register_fn("+", |one: Secret, other: Secret| {
        Secret::new(format!("{}{}", one.0.as_str(), other.0.as_str()))
    });
    engine.register_fn("to_string", |_: &mut Secret| HIDDEN);
    engine.register_fn("to_debug", |_: &mut Secret| HIDDEN);
    let host = Rc::clone(shared);
    engine.register_fn("http_get", move |url: Dynamic| fetch(&host, "GET", &url, None, &Map::new()));
    let host = Rc::clone(shared);
    engine.register_fn("http_get", move |url: Dynamic, more: Map| fetch(&host, "GET", &url, None, &more));
    for (name, method) in [("http_post", "POST"), ("http_put", "PUT")] {
        let host = Rc::clone(shared);
        engine.register_fn(name, move |url: Dynamic, body: Dynamic| {
            fetch(&host, method, &url, Some(&body), &Map::new())
        });
        let host = Rc::clone(shared);
        engine.register_fn(name, move |url: Dynamic, body: Dynamic, more: Map| {
            fetch(&host, method, &url, Some(&body), &more)
        });
    }
}

/// `more` has `headers` and `timeout`. A body that is no text is sent as JSON.
fn fetch(shared: &Shared, method: &str, url: &Dynamic, body: Option<&Dynamic>, more: &Map) -> Given<Ticket> {
    if let Some(unknown) = more.keys().find(|key| !["headers", "timeout"].contains(&key.as_str())) {
        return Err(format!("`{unknown}` is no option of a request; there is headers and timeout").into());
    }
    let address = value::to_sendable(url)?;
    let mut headers = Vec::new();
    if let Some(given) = more.get("headers") {
        let given = given.clone().try_cast::<Map>().ok_or("headers must be a map")?;
        for (name, text) in given {
            headers.push((name.to_string(), value::to_sendable(&text)?));
        }
    }
    let body = match body {
        None => Vec::new(),
        Some(text) if text.is_string() || text.is::<Secret>() => value::to_sendable(text)?.into_bytes(),
        Some(other) => {
            if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type")) {
                headers.push(("content-type".to_owned(), "application/json".to_owned()));
            }
            value::to_json(other, true)?.to_string().into_bytes()
        }
    };
    let timeout = more.get("timeout").map(value::duration_ms).transpose()?.unwrap_or(0);
    let request = http_client::Request {
        method: method.to_owned(),
        url: address.clone(),
        headers,
        body,
        timeout_ms: u32::try_from(timeout).unwrap_or(u32::MAX),
    };
    let shown = || {
        let address = if url.is::<Secret>() { HIDDEN.to_owned() } else { address.clone() };
        format!("{method} {address}")
    };
    begin(shared, Asked::Http, shown, |state| http_client::Host::fetch(state, request))
}

fn questions(engine: &mut Engine, shared: &Rc<Shared>) {
    let host = Rc::clone(shared);
    engine.register_fn("history_events", move |query: Map| -> Given<Ticket> {
        let text = |key: &str| query.get(key).map_or(Ok(String::new()), value::to_text);
        let asked = history::EventQuery {
            from_ms: time(&host, &query, "from")?,
            until_ms: time(&host, &query, "until")?,
            device: text("ups")?,
            kind: text("kind")?,
            limit: count(&query, "limit")?,
        };
        begin(
            &host,
            Asked::Past,
            || "history_events(…)".to_owned(),
            |state| history::Host::events(state, asked),
        )
    });
    let host = Rc::clone(shared);
    engine.register_fn(
        "history",
        move |device: ImmutableString, variable: ImmutableString, query: Map| -> Given<Ticket> {
            let shown = || format!("history({device:?}, {variable:?}, …)");
            let asked = history::SampleQuery {
                device: device.to_string(),
                variable: variable.to_string(),
                from_ms: time(&host, &query, "from")?,
                until_ms: time(&host, &query, "until")?,
                points: count(&query, "points")?,
            };
            begin(&host, Asked::Past, shown, |state| history::Host::samples(state, asked))
        },
    );
}

/// A moment in milliseconds since 1970, or a duration before now.
fn time(shared: &Shared, query: &Map, key: &str) -> Given<u64> {
    match query.get(key) {
        None => Ok(0),
        Some(moment) => match moment.as_int() {
            Ok(ms) => u64::try_from(ms).map_err(|_| format!("{key} is before 1970").into()),
            Err(_) => Ok(shared.clock.wall_ms().saturating_sub(value::duration_ms(moment)?)),
        },
    }
}

fn count(query: &Map, key: &str) -> Given<u32> {
    let given = query.get(key).map_or(Ok(0), Dynamic::as_int);
    given
        .ok()
        .and_then(|count| u32::try_from(count).ok())
        .ok_or_else(|| format!("{key} must be a whole number").into())
}
