//! Exports, filters and what must not be in them.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use opennmc_host::door::{Order, OrderRequest, OrderResult};
use opennmc_host::history::{AuditFilter, AuditRecord, EventFilter, Format, HistoryOptions, Sync};
use opennmc_host::state::{Event, Severity};
use opennmc_host::users::{Origin, Principal, Role};

use crate::scene::{Scene, event, file_in};

fn bob() -> Principal {
    let origin =
        Origin::Network { service: "nut-server".to_owned(), peer: IpAddr::V4(Ipv4Addr::new(10, 0, 0, 7)) };
    Principal { name: "bob".to_owned(), role: Role::Operator, scopes: None, origin }
}

fn set(variable: &str, value: &str) -> OrderRequest {
    let order = Order::Set { variable: variable.to_owned(), value: value.to_owned() };
    OrderRequest { device: "main".to_owned(), order, principal: bob(), danger_confirmed: false }
}

fn text(pieces: impl Iterator<Item = Result<String, opennmc_host::history::HistoryError>>) -> String {
    pieces.map(Result::unwrap).collect()
}

#[test]
fn filters_pick_events_the_same_way_on_disk_and_in_memory() {
    let folder = tempfile::tempdir().unwrap();
    let path = file_in(&folder);
    let mut scene = Scene::open(&path, HistoryOptions::default());
    let severities = [Severity::Info, Severity::Warning, Severity::Critical];
    let kinds = ["ups.on-battery", "ups.on-line", "host.started"];
    for id in 1..=1800_u64 {
        let at = id as usize;
        scene.history.event(Arc::new(Event {
            severity: severities[at % 3],
            kind: kinds[at / 3 % 3].to_owned(),
            device: ["main", "other"][at % 2].to_owned(),
            // The clock goes backwards in the middle.
            at_ms: if id < 900 { 1_000_000 + id } else { id },
            ..(*event(id)).clone()
        }));
    }
    scene.wait_until_committed(1800);
    let read = |filter: EventFilter| -> Vec<u64> {
        scene.history.reader().events(&filter).map(|event| event.unwrap().id).collect()
    };
    let any = EventFilter::default;
    assert!(read(any()).into_iter().eq(1..=1800), "by number, whatever the clock said");
    assert_eq!(read(EventFilter { newest_first: true, limit: Some(3), ..any() }), [1800, 1799, 1798]);
    assert_eq!(read(EventFilter { after_id: Some(1797), ..any() }), [1798, 1799, 1800]);
    let between = EventFilter { from_ms: Some(1_000_010), to_ms: Some(1_000_013), ..any() };
    assert_eq!(read(between), [10, 11, 12]);
    assert_eq!(read(EventFilter { from_ms: Some(5_000_000), ..any() }), Vec::<u64>::new());
    let main = EventFilter { device: Some("main".to_owned()), limit: Some(3), ..any() };
    assert_eq!(read(main), [2, 4, 6]);
    let urgent = EventFilter { severity: Some(Severity::Critical), limit: Some(3), ..any() };
    assert_eq!(read(urgent), [2, 5, 8]);
    let of_ups = EventFilter { kinds: vec!["ups.*".to_owned()], ..any() };
    assert_eq!(read(of_ups).len(), 1200);
    let started = EventFilter { kinds: vec!["host.started".to_owned()], limit: Some(3), ..any() };
    assert_eq!(read(started), [6, 7, 8]);
}

#[test]
fn a_csv_of_events_is_no_danger_to_a_spreadsheet() {
    let folder = tempfile::tempdir().unwrap();
    let mut scene = Scene::open(&file_in(&folder), HistoryOptions::default());
    let device = "=HYPERLINK(\"http://evil.example\",\"x\")".to_owned();
    let fields = vec![("note".to_owned(), "a \"quoted\", comma\nand a line".to_owned())];
    scene.history.event(Arc::new(Event { device, fields, at_ms: 1_000, ..(*event(1)).clone() }));
    scene.wait_until_committed(1);
    let csv = text(scene.history.reader().export_events(&EventFilter::default(), Format::Csv));
    let mut lines = csv.split("\r\n");
    assert_eq!(lines.next(), Some("id,time,epoch_ms,severity,kind,device,fields"));
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    let row = reader.records().next().unwrap().unwrap();
    assert_eq!(&row[1], "1970-01-01T00:00:01.000Z");
    assert_eq!(&row[2], "1000");
    assert_eq!(&row[5], "'=HYPERLINK(\"http://evil.example\",\"x\")");
    assert_eq!(&row[6], r#"{"note":"a \"quoted\", comma\nand a line"}"#);
}

#[test]
fn json_is_one_array_or_one_object_a_line() {
    let folder = tempfile::tempdir().unwrap();
    let mut scene = Scene::open(&file_in(&folder), HistoryOptions::default());
    let empty = text(scene.history.reader().export_events(&EventFilter::default(), Format::Json));
    assert_eq!(serde_json::from_str::<serde_json::Value>(&empty).unwrap(), serde_json::json!([]));
    for id in 1..=3 {
        scene.history.event(event(id));
    }
    scene.wait_until_committed(3);
    let reader = scene.history.reader();
    let array = text(reader.export_events(&EventFilter::default(), Format::Json));
    let array: Vec<serde_json::Value> = serde_json::from_str(&array).unwrap();
    assert_eq!(array.len(), 3);
    assert_eq!(array[2]["fields"]["number"], "3");
    assert_eq!(array[2]["epoch_ms"], 1_795_363_200_003_u64);
    let lines = text(reader.export_events(&EventFilter::default(), Format::JsonLines));
    assert_eq!(lines.lines().count(), 3);
}

#[test]
fn the_audit_tells_who_did_what_from_where_and_how_it_ended_but_no_secret() {
    let folder = tempfile::tempdir().unwrap();
    let path = file_in(&folder);
    let scene = Scene::open(&path, HistoryOptions::default());
    let order = set("ups.id", "rack");
    scene.history.audit(AuditRecord::of_order(1_000, &order, &OrderResult::Verified));
    let secret = set("snmp.community", "hunter2");
    let refused = OrderResult::Invalid("`hunter2` is too short".to_owned());
    scene.history.audit(AuditRecord::of_order(2_000, &secret, &refused));
    let added = "user add eve password=hunter2 role=monitor";
    scene.history.audit(AuditRecord::new(3_000, &bob(), "", added, "token: hunter2"));
    let fields = vec![("api-token".to_owned(), "hunter2".to_owned())];
    scene.history.event(Arc::new(Event { fields, ..(*event(1)).clone() }));
    scene.close();

    let scene = Scene::open(&path, HistoryOptions::default());
    let reader = scene.history.reader();
    let lines: Vec<AuditRecord> =
        reader.audit(&AuditFilter::default()).map(|entry| entry.unwrap().record).collect();
    let first = &lines[0];
    assert_eq!((first.principal.as_str(), first.role.as_str()), ("bob", "operator"));
    assert_eq!((first.origin.as_str(), first.device.as_str()), ("nut-server 10.0.0.7", "main"));
    assert_eq!((first.what.as_str(), first.result.as_str()), ("set ups.id = \"rack\"", "verified"));
    assert_eq!(lines[1].what, "set snmp.community = ***");
    assert_eq!(lines[2].what, "user add eve password=*** role=monitor");
    let newest = AuditFilter { newest_first: true, limit: Some(1), ..AuditFilter::default() };
    assert_eq!(reader.audit(&newest).next().unwrap().unwrap().record.at_ms, 3_000);
    scene.close();
    for file in std::fs::read_dir(folder.path()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        assert!(!bytes.windows(7).any(|window| window == b"hunter2"), "a secret is on disk");
    }
}

#[test]
fn a_reader_that_dawdles_sees_no_event_twice_or_out_of_order_while_old_ones_go() {
    let folder = tempfile::tempdir().unwrap();
    let options = HistoryOptions { max_bytes: 4 << 20, sync: Sync::Lazy, ..HistoryOptions::default() };
    let mut scene = Scene::open(&file_in(&folder), options);
    let long = |id| {
        let fields = vec![("text".to_owned(), "x".repeat(500))];
        Arc::new(Event { fields, ..(*event(id)).clone() })
    };
    let mut id = 0;
    for _ in 0..3000 {
        id += 1;
        scene.history.event(long(id));
    }
    scene.wait_until_committed(id);
    let reader = scene.history.reader();
    let mut seen = Vec::new();
    for event in reader.events(&EventFilter::default()) {
        seen.push(event.unwrap().id);
        if seen.len() % 100 == 0 && id < 20_000 {
            for _ in 0..500 {
                id += 1;
                scene.history.event(long(id));
            }
            scene.wait_until_committed(id);
        }
    }
    assert!(seen.windows(2).all(|pair| pair[0] < pair[1]));
    assert_eq!(seen.last(), Some(&id));
}
