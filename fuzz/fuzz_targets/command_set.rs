//! Any answer to `a`.

#![no_main]

use apcsmart::protocol::CommandSet;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|reply: &[u8]| {
    if let Some(set) = CommandSet::parse(reply) {
        assert!((1..=9).contains(&set.version));
        assert!(set.commands.iter().count() <= reply.len(), "a command from nowhere");
        assert!(set.commands.iter().all(|code| set.commands.contains(code)));
    }
});
