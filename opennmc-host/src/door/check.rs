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
        // Whether the UPS has it, and permits it, its driver knows best: right after a start it does not know yet, and says so.
        _ => Ok(()),
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
    use crate::users::Role;

    fn device(availability: Availability) -> Device {
        Device {
            name: "main".to_owned(),
            description: None,
            availability,
            generation: 1,
            heard_at_ms: None,
            variables: BTreeMap::new(),
            commands: BTreeSet::new(),
        }
    }

    #[test]
    fn what_is_permitted_passes() {
        let device = device(Availability::Live);
        for order in [run("test.battery.start"), set("ups.id", "x"), Order::ForcedShutdown(true)] {
            assert_eq!(check(&request(order), Some(&device)), Ok(()));
        }
        let nowhere = check(&request(run("test.battery.start")), None);
        assert!(matches!(nowhere, Err(OrderResult::Unsupported(_))));
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
    fn without_contact_nothing_is_sent_but_a_forced_shutdown_is_taken() {
        for availability in [Availability::Waiting, Availability::Stale, Availability::Disconnected] {
            let device = device(availability);
            assert_eq!(check(&request(run("test.battery.start")), Some(&device)), Err(OrderResult::Stale));
            assert_eq!(check(&request(set("ups.id", "x")), Some(&device)), Err(OrderResult::Stale));
            assert_eq!(check(&request(Order::ForcedShutdown(true)), Some(&device)), Ok(()));
        }
    }
}
