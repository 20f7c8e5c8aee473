//! Events by their meaning, against the document that says what they mean.

use std::collections::BTreeSet;

use opennmc_plugin::{Event, Happening, KNOWN_KINDS, Power, Severity};

const DOCUMENT: &str = include_str!("../../../docs/events.md");

fn event(kind: &str, fields: &[(&str, &str)]) -> Event {
    Event {
        kind: kind.to_owned(),
        severity: Severity::Info,
        device: "main".to_owned(),
        at_ms: 0,
        fields: fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
    }
}

#[test]
fn every_kind_in_the_document_s_tables_is_known_and_no_kind_of_a_ups_is_made_up() {
    let rows = DOCUMENT.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
    let kinds =
        rows.map(|(kind, _)| kind).filter(|kind| kind.starts_with("ups.") || kind.starts_with("host."));
    // Variables have names of the same form and stand in a table above the kinds.
    let kinds = DOCUMENT
        .split("## Kinds")
        .nth(1)
        .into_iter()
        .flat_map(|after| kinds.clone().filter(move |kind| after.contains(&format!("| `{kind}` |"))));
    let documented: BTreeSet<&str> = kinds.collect();
    let known: BTreeSet<&str> = KNOWN_KINDS.iter().copied().collect();
    assert!(documented.len() > 30, "{documented:?}");
    assert_eq!(documented.difference(&known).collect::<Vec<_>>(), Vec::<&&str>::new());
    let of_a_ups: BTreeSet<&str> = known.into_iter().filter(|kind| kind.starts_with("ups.")).collect();
    assert_eq!(of_a_ups.difference(&documented).collect::<Vec<_>>(), Vec::<&&str>::new());
}

#[test]
fn an_outage_carries_how_the_ups_was() {
    let fields = [("ups.status", "OB"), ("battery.charge", "99.0"), ("battery.runtime", "1200")];
    let power = Power { status: "OB", charge: "99.0", runtime: "1200" };
    let outage = event("ups.on-battery", &fields);
    assert_eq!(Happening::of(&outage), Happening::OnBattery { power });
    let back = event("ups.on-line", &[("lasted-s", "61")]);
    assert_eq!(
        Happening::of(&back),
        Happening::OnLine { lasted_s: "61", cause: "", power: Power::default() }
    );
}

#[test]
fn what_is_newer_than_this_crate_is_told_by_its_name() {
    assert_eq!(Happening::of(&event("ups.levitates", &[])), Happening::Other("ups.levitates"));
}

#[test]
fn what_another_plugin_says_is_split_into_who_and_about_what() {
    let said = event("bus.thermo.reading.rack", &[]);
    assert_eq!(Happening::of(&said), Happening::Bus { plugin: "thermo", topic: "reading.rack" });
}
