//! What is known about an order before the UPS is asked. Pure.

use super::{Order, OrderRequest, OrderResult};
use crate::state::{Availability, Device};
use crate::users::{Principal, Right};

/// Whether `request` may be handed to `device`, the UPS of its name.
///
/// The right comes first: who may not do it is not told either which UPSes and commands there are.
pub(super) fn check(request: &OrderRequest, device: Option<&Device>) -> Result<(), OrderResult> {
    if !request.principal.may(&request.order.right()) {
        return Err(OrderResult::Denied(lacking(&request.principal, &request.order.right())));
    }
    let Some(device) = device else {
        return Err(OrderResult::Unsupported(format!("there is no UPS `{}`", request.device)));
    };
    match &request.order {
        // Every machine on a UPS that can't be reached has the more reason to go down.
        Order::ForcedShutdown(_) => Ok(()),
        _ if device.availability != Availability::Live => Err(OrderResult::Stale),
        Order::Run { command, .. } => check_command(device, command),
        Order::Set { variable, .. } => check_variable(device, variable),
    }
}

fn check_command(device: &Device, command: &str) -> Result<(), OrderResult> {
    if device.commands.iter().any(|known| known.eq_ignore_ascii_case(command)) {
        return Ok(());
    }
    if device.commands.is_empty() {
        let text = "what this UPS can do is not known yet: try again in a few seconds";
        return Err(OrderResult::Refused(text.to_owned()));
    }
    Err(OrderResult::Unsupported(format!("`{}` has no command `{command}`", device.name)))
}

fn check_variable(device: &Device, variable: &str) -> Result<(), OrderResult> {
    let known = device.variables.iter().find(|(name, _)| name.eq_ignore_ascii_case(variable));
    match known {
        Some((_, variable)) if variable.settable => Ok(()),
        Some((name, _)) => Err(OrderResult::Refused(format!("{name} can not be set on this UPS"))),
        None => Err(OrderResult::Unsupported(format!("`{}` has no variable `{variable}`", device.name))),
    }
}

/// What a principal lacks, for it to read.
fn lacking(principal: &Principal, right: &Right) -> String {
    let what = match right {
        Right::Command(name) => format!("run {name}"),
        Right::Set(name) => format!("set {name}"),
        Right::ForcedShutdown => "force a shutdown".to_owned(),
        other => format!("{other:?}"),
    };
    let Principal { name, role, .. } = principal;
    if role.carries(right) {
        format!("the scopes of {name} do not let it {what}")
    } else {
        format!("{name} has the role {role}, which may not {what}")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;
    use crate::door::tests::{principal, request, run, set};
    use crate::state::{Kind, Variable};
    use crate::users::Role;

    fn device(availability: Availability) -> Device {
        let variable = |settable| Variable { value: "1".into(), kind: Kind::Text(8), settable };
        let variables = [("ups.id".to_owned(), variable(true)), ("ups.load".to_owned(), variable(false))];
        Device {
            name: "main".to_owned(),
            description: None,
            availability,
            generation: 1,
            heard_at_ms: None,
            variables: BTreeMap::from(variables),
            commands: BTreeSet::from(["test.battery.start".to_owned()]),
        }
    }

    #[test]
    fn what_is_permitted_and_known_passes_in_any_case_of_letters() {
        let device = device(Availability::Live);
        for order in [run("test.battery.start"), run("TEST.Battery.Start"), set("UPS.ID", "x")] {
            assert_eq!(check(&request(order), Some(&device)), Ok(()));
        }
    }

    #[test]
    fn who_may_not_learns_nothing_else() {
        for role in [Role::Monitor, Role::Backup] {
            for order in [run("no.such"), set("no.such", "x"), Order::ForcedShutdown(true)] {
                let request = OrderRequest { principal: principal(role), ..request(order) };
                let result = check(&request, None).unwrap_err();
                assert!(
                    matches!(&result, OrderResult::Denied(text) if text.contains(role.name())),
                    "{result:?}"
                );
            }
        }
        let scopes = Some(vec!["command:test.battery.start".parse().unwrap()]);
        let scoped = OrderRequest {
            principal: Principal { scopes, ..principal(Role::Operator) },
            ..request(run("load.off"))
        };
        let result = check(&scoped, None).unwrap_err();
        assert!(matches!(&result, OrderResult::Denied(text) if text.contains("scopes")), "{result:?}");
    }

    #[test]
    fn what_is_not_there_is_told_from_what_can_not_be_set() {
        let device = device(Availability::Live);
        let check = |order| check(&request(order), Some(&device)).unwrap_err();
        assert!(matches!(check(run("load.off")), OrderResult::Unsupported(_)));
        assert!(matches!(check(set("ups.none", "1")), OrderResult::Unsupported(_)));
        assert!(matches!(check(set("ups.load", "1")), OrderResult::Refused(_)));
        assert!(matches!(super::check(&request(run("x")), None), Err(OrderResult::Unsupported(_))));
    }

    #[test]
    fn without_contact_nothing_is_sent_but_a_forced_shutdown_is_taken() {
        for availability in [Availability::Waiting, Availability::Stale, Availability::Disconnected] {
            let device = device(availability);
            assert_eq!(check(&request(run("test.battery.start")), Some(&device)), Err(OrderResult::Stale));
            assert_eq!(check(&request(set("ups.id", "x")), Some(&device)), Err(OrderResult::Stale));
            assert_eq!(check(&request(Order::ForcedShutdown(true)), Some(&device)), Ok(()));
        }
    }

    #[test]
    fn a_ups_that_has_not_told_its_commands_yet_is_no_ups_without_them() {
        let mut device = device(Availability::Live);
        device.commands.clear();
        let result = check(&request(run("test.battery.start")), Some(&device)).unwrap_err();
        assert!(
            matches!(&result, OrderResult::Refused(text) if text.contains("not known yet")),
            "{result:?}"
        );
    }
}
