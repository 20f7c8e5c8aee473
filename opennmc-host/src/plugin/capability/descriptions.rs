//! What NUT's variables and commands mean, in one sentence each, in our own words.
//!
//! A numbered name (`ambient.2.temperature`, `input.L1.voltage`) is described by the name without the number or phase.

/// What the variable with this NUT name means.
pub(super) fn variable(name: &str) -> Option<String> {
    if let Some(text) = find(VARIABLES, name) {
        return Some(text.to_owned());
    }
    let mut parts: Vec<&str> = name.split('.').collect();
    let place = parts.iter().position(|part| is_place(part))?;
    let place = parts.remove(place);
    let text = find(VARIABLES, &parts.join("."))?;
    let kind = if place.starts_with(|c: char| c.is_ascii_digit()) { "sensor" } else { "phase" };
    Some(format!("{} ({kind} {place})", text))
}

/// What the command with this NUT name does.
pub(super) fn command(name: &str) -> Option<&'static str> {
    find(COMMANDS, name)
}

/// A sensor's number, or a phase or pair of phases of a three-phase UPS.
fn is_place(part: &str) -> bool {
    let is_phase = |part: &str| matches!(part, "L1" | "L2" | "L3" | "N");
    part.parse::<u16>().is_ok() || part.split('-').all(is_phase)
}

/// The tables are sorted by name, which a test watches over.
fn find(table: &[(&str, &'static str)], name: &str) -> Option<&'static str> {
    table.binary_search_by_key(&name, |(known, _)| known).ok().map(|index| table[index].1)
}

const VARIABLES: &[(&str, &str)] = &[
    ("ambient.contacts.1.status", "State of the first dry contact of the environment probe"),
    ("ambient.contacts.2.status", "State of the second dry contact of the environment probe"),
    ("ambient.contacts.3.status", "State of the third dry contact of the environment probe"),
    ("ambient.contacts.4.status", "State of the fourth dry contact of the environment probe"),
    ("ambient.count", "How many environment probes are attached"),
    ("ambient.humidity", "Relative humidity at the environment probe, in percent"),
    ("ambient.humidity.high", "Relative humidity above which the probe raises an alarm, in percent"),
    ("ambient.humidity.low", "Relative humidity below which the probe raises an alarm, in percent"),
    ("ambient.name", "Name given to the environment probe"),
    ("ambient.present", "Whether an environment probe is attached"),
    ("ambient.temperature", "Temperature at the environment probe, in degrees Celsius"),
    ("ambient.temperature.high", "Temperature above which the probe raises an alarm, in degrees Celsius"),
    ("ambient.temperature.low", "Temperature below which the probe raises an alarm, in degrees Celsius"),
    ("battery.alarm.threshold", "When the UPS begins to beep after a power failure"),
    ("battery.capacity", "Nominal charge that the battery can hold, in ampere-hours"),
    ("battery.charge", "How full the battery is, in percent"),
    ("battery.charge.low", "Charge below which the battery counts as low, in percent"),
    (
        "battery.charge.restart",
        "Charge that the battery must regain before the UPS powers the load again, in percent",
    ),
    ("battery.charger.status", "What the charger is doing: charging, discharging, floating or resting"),
    ("battery.current", "Current that flows out of the battery, in amperes"),
    ("battery.date", "When the battery was last replaced"),
    ("battery.energysave", "Whether the UPS switches off by itself on battery when little is drawn"),
    (
        "battery.energysave.delay",
        "Minutes of light load on battery after which the UPS switches off by itself",
    ),
    ("battery.energysave.load", "Load below which the UPS counts as lightly loaded, in percent"),
    ("battery.energysave.realpower", "Real power below which the UPS counts as lightly loaded, in watts"),
    ("battery.mfr.date", "When the battery was made"),
    ("battery.packs", "How many battery packs are attached"),
    ("battery.packs.bad", "How many battery packs are faulty"),
    ("battery.packs.external", "How many battery packs are attached outside the UPS's case"),
    ("battery.runtime", "How long the battery would carry the present load, in seconds"),
    ("battery.runtime.low", "Remaining run time below which the battery counts as low, in seconds"),
    ("battery.temperature", "Temperature of the battery, in degrees Celsius"),
    ("battery.type", "Chemistry of the battery"),
    ("battery.voltage", "Voltage of the battery, in volts"),
    ("battery.voltage.nominal", "Voltage that the battery is rated for, in volts"),
    ("device.description", "What people call this device"),
    ("device.mfr", "Who made the device"),
    ("device.model", "Model of the device"),
    ("device.serial", "Serial number of the device"),
    ("device.type", "What kind of device this is"),
    ("device.uptime", "How long the device has been running, in seconds"),
    ("driver.name", "Which driver talks to the UPS"),
    ("driver.parameter.port", "Port on which the driver talks to the UPS"),
    ("driver.state", "What the driver is doing"),
    ("driver.version", "Version of the driver"),
    ("driver.version.internal", "Version of the part of the driver that is specific to this kind of UPS"),
    ("experimental.ups.mode.buzzwords", "The maker's own names for the mode that the UPS is in"),
    ("input.current", "Current drawn from the mains, in amperes"),
    ("input.frequency", "Frequency of the mains, in hertz"),
    ("input.frequency.high", "Mains frequency above which the UPS goes to battery, in hertz"),
    ("input.frequency.low", "Mains frequency below which the UPS goes to battery, in hertz"),
    ("input.frequency.nominal", "Mains frequency that the UPS is set for, in hertz"),
    ("input.phases", "How many phases the mains input has"),
    ("input.quality", "What the UPS thinks of the mains' quality"),
    ("input.sensitivity", "How readily the UPS reacts to a disturbed mains"),
    ("input.transfer.eco.high", "Mains voltage above which the UPS leaves its economy mode, in volts"),
    ("input.transfer.eco.low", "Mains voltage below which the UPS leaves its economy mode, in volts"),
    ("input.transfer.high", "Mains voltage above which the UPS goes to battery, in volts"),
    ("input.transfer.low", "Mains voltage below which the UPS goes to battery, in volts"),
    ("input.transfer.reason", "Why the UPS last went to battery"),
    ("input.voltage", "Voltage of the mains, in volts"),
    ("input.voltage.maximum", "Highest mains voltage that was seen, in volts"),
    ("input.voltage.minimum", "Lowest mains voltage that was seen, in volts"),
    ("input.voltage.nominal", "Mains voltage that the UPS is built or set for, in volts"),
    ("output.current", "Current that the load draws, in amperes"),
    ("output.frequency", "Frequency at the UPS's outlets, in hertz"),
    ("output.phases", "How many phases the output has"),
    ("output.power", "Apparent power that the load draws, in volt-amperes"),
    ("output.voltage", "Voltage at the UPS's outlets, in volts"),
    ("output.voltage.nominal", "Voltage that the UPS makes on battery, in volts"),
    ("server.info", "Which program serves these variables"),
    ("server.version", "Version of the program that serves these variables"),
    ("ups.alarm", "Alarms that the UPS raises, as text"),
    ("ups.beeper.status", "Whether the UPS's beeper is enabled, disabled or muted"),
    ("ups.contacts", "State of the UPS's dry contacts, as a bit mask"),
    ("ups.delay.reboot", "How long outlets stay off when the UPS is told to reboot them, in seconds"),
    ("ups.delay.shutdown", "How long the UPS waits between the order to shut down and doing so, in seconds"),
    ("ups.delay.start", "How long the UPS waits after mains returns before it powers the load, in seconds"),
    ("ups.display.language", "Language of the UPS's own display"),
    ("ups.firmware", "Version of the UPS's firmware"),
    ("ups.firmware.aux", "Version of the firmware of the UPS's second processor"),
    ("ups.id", "Name stored in the UPS"),
    ("ups.load", "Share of the UPS's capacity that the load uses, in percent"),
    ("ups.mfr", "Who made the UPS"),
    ("ups.mfr.date", "When the UPS was made"),
    ("ups.mode", "How the UPS feeds the load: online, line-interactive or bypass"),
    ("ups.model", "Model of the UPS"),
    ("ups.power", "Apparent power that the load draws, in volt-amperes"),
    ("ups.power.nominal", "Apparent power that the UPS is rated for, in volt-amperes"),
    ("ups.productid", "USB product number of the UPS"),
    ("ups.realpower", "Real power that the load draws, in watts"),
    ("ups.realpower.nominal", "Real power that the UPS is rated for, in watts"),
    ("ups.serial", "Serial number of the UPS"),
    ("ups.start.auto", "Whether the UPS powers the load by itself when mains returns"),
    ("ups.status", "State of the UPS as a list of tokens, such as OL for on line and OB for on battery"),
    ("ups.temperature", "Temperature inside the UPS, in degrees Celsius"),
    ("ups.test.date", "When the UPS last tested itself"),
    ("ups.test.interval", "How often the UPS tests itself, in seconds"),
    ("ups.test.result", "How the last self test ended"),
    ("ups.time", "Time of the UPS's own clock"),
    ("ups.timer.reboot", "Seconds until the UPS reboots its outlets; negative when it will not"),
    ("ups.timer.shutdown", "Seconds until the UPS shuts down; negative when it will not"),
    ("ups.timer.start", "Seconds until the UPS powers the load; negative when it will not"),
    ("ups.type", "What kind of UPS this is"),
    ("ups.vendorid", "USB vendor number of the UPS"),
];

const COMMANDS: &[(&str, &str)] = &[
    ("beeper.disable", "Keep the beeper silent from now on"),
    ("beeper.enable", "Let the beeper sound on alarms"),
    ("beeper.mute", "Silence the beeper for the present alarm"),
    ("bypass.start", "Feed the load straight from the mains"),
    ("bypass.stop", "Feed the load through the UPS again"),
    ("calibrate.start", "Run on battery until it is low, to measure how long it lasts"),
    ("calibrate.stop", "End the run-time calibration"),
    ("experimental.ecomode.start", "Enter the economy mode, which saves energy and protects less"),
    ("experimental.ecomode.stop", "Leave the economy mode"),
    ("load.off", "Switch the load off at once"),
    ("load.off.delay", "Switch the load off after the shutdown delay"),
    ("load.on", "Switch the load on at once"),
    ("load.on.delay", "Switch the load on after the start delay"),
    ("reset.input.minmax", "Forget the highest and lowest mains voltage seen so far"),
    ("shutdown.default", "Shut down in the way that suits the present state best"),
    ("shutdown.reboot", "Switch the load off for a moment, then on again"),
    ("shutdown.reboot.graceful", "Switch the load off after the shutdown delay, then on again"),
    ("shutdown.return", "Switch the load off, and on again once mains is back"),
    ("shutdown.stayoff", "Switch the load off, and leave it off when mains returns"),
    ("shutdown.stop", "Call off a shutdown that is under way"),
    ("test.battery.start", "Test the battery under load"),
    ("test.battery.start.deep", "Test the battery under load until it is low"),
    ("test.battery.start.quick", "Test the battery for a few seconds"),
    ("test.battery.stop", "End the battery test"),
    ("test.failure.start", "Pretend that mains failed"),
    ("test.failure.stop", "End the pretended mains failure"),
    ("test.panel.start", "Light all lamps and sound the beeper, to show that they work"),
    ("test.panel.stop", "End the test of lamps and beeper"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_are_sorted_and_each_name_is_there_once() {
        for table in [VARIABLES, COMMANDS] {
            assert!(table.is_sorted_by(|(left, _), (right, _)| left < right));
        }
    }

    #[test]
    fn known_names_are_described_and_unknown_ones_are_not() {
        for name in ["battery.charge", "ups.status", "input.transfer.reason", "battery.alarm.threshold"] {
            assert!(variable(name).is_some(), "{name}");
        }
        for name in ["shutdown.stop", "calibrate.start", "load.off", "beeper.mute"] {
            assert!(command(name).is_some(), "{name}");
        }
        assert_eq!(variable("no.such.name"), None);
        assert_eq!(command("no.such.name"), None);
    }

    #[test]
    fn numbered_sensors_and_phases_are_described_by_the_plain_name() {
        assert!(variable("ambient.2.temperature").is_some_and(|text| text.ends_with("(sensor 2)")));
        assert!(variable("input.L1-N.voltage").is_some_and(|text| text.ends_with("(phase L1-N)")));
        assert!(
            variable("ambient.1.contacts.2.status").is_some_and(|text| text.contains("second dry contact"))
        );
        assert_eq!(variable("ambient.2"), None);
    }
}
