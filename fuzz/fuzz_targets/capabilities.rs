//! Any answer to `^Z`, for any locale.

#![no_main]

use apcsmart::capability::Capabilities;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((locale, reply)) = data.split_first() else { return };
    let found = Capabilities::parse(reply, Some(*locale));
    let held: usize = found.settings.iter().flat_map(|setting| &setting.cycle).map(String::len).sum();
    assert!(held <= reply.len(), "a value from nowhere");
    for setting in &found.settings {
        assert!(!setting.cycle.is_empty() && !setting.choices().is_empty());
        assert!(setting.choices().len() <= setting.cycle.len());
        assert!(setting.cycle.iter().all(|value| !value.is_empty() && value.is_ascii()));
        assert!(found.of(setting.code).is_some());
    }
});
