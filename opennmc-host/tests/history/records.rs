//! Events, audit and engine memory over restarts.

use opennmc_host::history::{EventFilter, HistoryOptions};

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
