//! What a simulated UPS counted. Tests read it to learn what the other side really did.
//!
//! Only counting happens here; nothing may decide anything by a counter.

use core::fmt;

macro_rules! counters {
    ($($(#[$doc:meta])* $field:ident => $name:literal,)*) => {
        /// Everything counted since the simulator was made.
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
        #[non_exhaustive]
        pub struct Counters { $($(#[$doc])* pub $field: u64,)* }

        impl Counters {
            /// Each counter's name, as the control socket spells it, with its value.
            pub fn entries(&self) -> impl Iterator<Item = (&'static str, u64)> {
                [$(($name, self.$field)),*].into_iter()
            }
        }
    };
}

counters! {
    /// Bytes that reached the UPS.
    bytes_received => "bytes-received",
    /// Bytes that left the UPS, faults included.
    bytes_sent => "bytes-sent",
    /// Commands that the UPS understood, arguments not counted.
    commands => "commands",
    /// Replies, also `NA` and `NO`.
    replies => "replies",
    /// Commands that this model does not know.
    unknown_commands => "unknown-commands",
    /// Alert bytes.
    alerts => "alerts",
    /// Bytes that can ruin a real UPS: service mode, EEPROM dump and erase, changes of factory constants.
    hazardous_bytes => "hazardous-bytes",
    /// Argument bytes or repeats that came too fast for a UPS; such a command is not done.
    rushed => "rushed",
    /// Bytes that came while the UPS was not in smart mode, or too dead to listen.
    ignored_bytes => "ignored-bytes",
    /// EEPROM cells written: a real one stands about a hundred thousand in all.
    eeprom_writes => "eeprom-writes",
    /// Shutdowns of the load that were accepted, also those that wait for their grace.
    shutdowns => "shutdowns",
    /// Times the load lost its supply.
    load_drops => "load-drops",
    /// Fault: bytes that were lost on the way to the host.
    dropped => "fault.dropped",
    /// Fault: bytes that arrive with one bit changed.
    flipped => "fault.flipped",
    /// Fault: bytes that arrive twice.
    duplicated => "fault.duplicated",
    /// Fault: replies that arrive in two pieces with a pause.
    split => "fault.split",
    /// Fault: replies that arrive late.
    stalled => "fault.stalled",
    /// Fault: bytes and lines that nobody asked for.
    unsolicited => "fault.unsolicited",
    /// Fault: bytes from the host that were lost.
    deaf => "fault.deaf",
    /// Hang-ups, by fault or by `unplug`.
    hang_ups => "hang-ups",
}

impl fmt::Display for Counters {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in self.entries() {
            writeln!(out, "{name} {value}")?;
        }
        Ok(())
    }
}
