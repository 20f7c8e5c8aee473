//! Events, audit and engine memory over restarts.

use std::sync::Arc;

use opennmc_host::history::{EventFilter, HistoryOptions};
use opennmc_host::state::Event;

use crate::scene::{Scene, event, file_in};

#[test]
fn events_come_back_with_all_their_fields_and_numbering_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let mut scene = Scene::open(&file_in(&folder), HistoryOptions::default());
    assert_eq!(scene.history.next_event_id(), 1);
    for id in 1..=3 {
        scene.history.event(event(id));
    }
    scene.wait_until_committed(3);
    scene.close();

    let scene = Scene::open(&file_in(&folder), HistoryOptions::default());
    assert_eq!(scene.history.next_event_id(), 4);
    let events: Vec<_> = scene.history.reader().events(&EventFilter::default()).map(Result::unwrap).collect();
    assert_eq!(events, [event(1), event(2), event(3)].map(|event| (*event).clone()));
}

#[test]
fn what_was_remembered_is_recalled_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let scene = Scene::open(&file_in(&folder), HistoryOptions::default());
    scene.history.remember("ups.main", r#"{"kwh":1}"#).unwrap();
    scene.history.remember("ups.main", r#"{"kwh":2}"#).unwrap();
    assert_eq!(scene.history.recall("ups.main").as_deref(), Some(r#"{"kwh":2}"#));
    scene.close();

    let scene = Scene::open(&file_in(&folder), HistoryOptions::default());
    assert_eq!(scene.history.recall("ups.main").as_deref(), Some(r#"{"kwh":2}"#));
    assert_eq!(scene.history.recall("ups.other"), None);
}

#[test]
fn numbers_that_may_have_been_shown_are_not_given_again_after_a_crash() {
    let folder = tempfile::tempdir().unwrap();
    let scene = Scene::open(&file_in(&folder), HistoryOptions::default());
    assert_eq!(scene.history.next_event_id(), 1);
    // What a crash leaves, before any event was on disk.
    let copy = tempfile::tempdir().unwrap();
    for file in ["history.db", "history.db-wal"] {
        std::fs::copy(folder.path().join(file), copy.path().join(file)).unwrap();
    }
    let after = Scene::open(&file_in(&copy), HistoryOptions::default());
    assert_eq!(after.history.next_event_id(), 1001);
}

#[test]
fn an_event_under_a_number_that_is_taken_is_kept_under_another() {
    let folder = tempfile::tempdir().unwrap();
    let mut scene = Scene::open(&file_in(&folder), HistoryOptions::default());
    for kind in ["ups.on-battery", "ups.on-line", "ups.on-battery"] {
        scene.history.event(Arc::new(Event { kind: kind.to_owned(), ..(*event(7)).clone() }));
        scene.wait_until_committed(7);
    }
    let kinds: Vec<(u64, String)> = scene
        .history
        .reader()
        .events(&EventFilter::default())
        .map(|event| event.map(|event| (event.id, event.kind)).unwrap())
        .collect();
    let expected = [(7, "ups.on-battery"), (8, "ups.on-line")];
    assert_eq!(kinds, expected.map(|(id, kind)| (id, kind.to_owned())));
}
