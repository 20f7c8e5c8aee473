//! `upsd.conf`: where the server listens, and how long data counts as fresh.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs as _};

use super::draft::{Draft, would_be_accepted};
use super::lexer::Statement;
use super::report::Judgement;

/// NUT's registered port.
pub(super) const NUT_PORT: u16 = 3493;

const NO_TLS: &str = "OpenNMC's NUT server does not speak TLS yet: clients that require it will not connect";

/// Judges all statements, in their order.
pub(super) fn read(statements: &[Statement], draft: &mut Draft) -> Vec<Judgement> {
    let judgements = statements.iter().map(|statement| judge(statement, draft)).collect();
    finish(draft);
    judgements
}

/// What is left unsaid, and addresses that others include.
pub(super) fn finish(draft: &mut Draft) {
    if draft.listen.is_empty() {
        draft.listen.push(SocketAddr::from((Ipv4Addr::LOCALHOST, NUT_PORT)));
    }
    let all = draft.listen.clone();
    let covered = |address: &SocketAddr| {
        let family =
            |other: &&SocketAddr| other.is_ipv4() == address.is_ipv4() && other.port() == address.port();
        !address.ip().is_unspecified() && all.iter().filter(family).any(|other| other.ip().is_unspecified())
    };
    draft.listen.retain(|address| !covered(address));
}

fn judge(statement: &Statement, draft: &mut Draft) -> Judgement {
    if let Some(fault) = statement.fault {
        return Judgement::not_carried(format!("NUT skips this line: {fault}"));
    }
    let value = statement.word(1);
    match statement.word(0) {
        "LISTEN" => judge_listen(statement, draft),
        "MAXAGE" => match would_be_accepted(&format!("stale-after = {value}\n")) {
            Ok(()) => {
                draft.stale_after = value.parse().ok();
                Judgement::carried(format!("stale-after = {value}, for each UPS"))
            }
            Err(problem) => Judgement::not_carried(problem),
        },
        "MAXCONN" => match value.parse() {
            Ok(most) if most > 0 => {
                draft.max_connections = Some(most);
                Judgement::carried(format!("max-connections = {most}, which here counts clients only"))
            }
            _ => Judgement::not_carried(format!("`{value}` is not a number of connections")),
        },
        "ALLOW_NO_DEVICE" => Judgement::not_needed("`allow-no-ups` is written when there is no UPS"),
        "ALLOW_NOT_ALL_LISTENERS" => {
            Judgement::not_carried("the server starts only when it can listen on every address")
        }
        "STATEPATH" => Judgement::not_needed("there is no socket between driver and server"),
        "DATAPATH" => Judgement::not_needed("descriptions are built in"),
        "DEBUG_MIN" => Judgement::not_needed("how much is logged is said by `[log] level`"),
        "DISABLE_WEAK_SSL" | "CERTFILE" | "CERTPATH" | "CERTIDENT" | "CERTREQUEST" | "CERTREQ" => {
            Judgement::not_carried(NO_TLS)
        }
        "TRACKINGDELAY" => Judgement::not_carried("how long results of commands are kept is not adjustable"),
        "ACL" | "ACCEPT" | "REJECT" => Judgement::not_carried(
            "NUT itself has ignored this for many years: say with LISTEN or a firewall who may connect",
        ),
        "CHROOT" | "RUN_AS_USER" => {
            Judgement::not_needed("the service's unit file says which user the daemon runs as")
        }
        other => Judgement::not_carried(format!("NUT has no `{other}` in upsd.conf, and skips this line")),
    }
}

fn judge_listen(statement: &Statement, draft: &mut Draft) -> Judgement {
    let port = match statement.words.get(2).map(|text| text.parse::<u16>()) {
        None => NUT_PORT,
        Some(Ok(port)) if port > 0 => port,
        Some(_) => return Judgement::not_carried(format!("`{}` is not a port number", statement.word(2))),
    };
    let host = statement.word(1);
    let (addresses, is_name) = match addresses(host, port) {
        Ok(found) => found,
        Err(problem) => return Judgement::not_carried(problem),
    };
    for address in &addresses {
        if !draft.listen.contains(address) {
            draft.listen.push(*address);
        }
    }
    let shown: Vec<String> = addresses.iter().map(|address| format!("`{address}`")).collect();
    let resolved = if is_name { ", to which the name resolves now" } else { "" };
    Judgement::carried(format!("the NUT server listens on {}{resolved}", shown.join(" and ")))
}

/// The addresses that `host` means, and whether it is a name.
fn addresses(host: &str, port: u16) -> Result<(Vec<SocketAddr>, bool), String> {
    if host == "*" {
        let all: [IpAddr; 2] = [Ipv4Addr::UNSPECIFIED.into(), Ipv6Addr::UNSPECIFIED.into()];
        return Ok((all.map(|address| SocketAddr::new(address, port)).into(), false));
    }
    if let Ok(address) = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>() {
        return Ok((vec![SocketAddr::new(address, port)], false));
    }
    let found = (host, port).to_socket_addrs().map(Iterator::collect::<Vec<_>>);
    match found {
        Ok(mut found) if !found.is_empty() => {
            found.sort();
            found.dedup();
            Ok((found, true))
        }
        _ => Err(format!(
            "`{host}` is no address of this machine that can be found out now: write the address itself"
        )),
    }
}
