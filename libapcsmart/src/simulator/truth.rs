//! What a perfect reader would publish now, by NUT's names.
//!
//! Invariant: this table is the simulator's own. It is what readers are compared with, so it must not be made from
//! theirs. Numbers come without padding, durations in seconds, codes as the UPS spells them.

use std::collections::BTreeMap;

use super::command::Firmware;

/// How the bytes on the wire become what people read.
#[derive(Clone, Copy)]
enum Shape {
    Text,
    /// Leading zeros are padding.
    Number,
    Minutes,
    /// Hours, or the words `ON` and `OFF`.
    Hours,
    /// Two values with a comma, for the first and the second probe; the name's `.0.` becomes `.1.` and `.2.`.
    Pair(&'static [&'static str; 2]),
}

const NAMES: &[(u8, &str, Shape)] = &[
    (0x01, "ups.model", Shape::Text),
    (0x01, "device.model", Shape::Text),
    (0x0C, "ups.display.language", Shape::Text),
    (b'/', "output.current", Shape::Number),
    (b'9', "input.quality", Shape::Text),
    (b'<', "battery.packs.bad", Shape::Number),
    (b'>', "battery.packs", Shape::Number),
    (b'B', "battery.voltage", Shape::Number),
    (b'C', "ups.temperature", Shape::Number),
    (b'E', "ups.test.interval", Shape::Hours),
    (b'F', "input.frequency", Shape::Number),
    (b'G', "input.transfer.reason", Shape::Text),
    (b'L', "input.voltage", Shape::Number),
    (b'M', "input.voltage.maximum", Shape::Number),
    (b'N', "input.voltage.minimum", Shape::Number),
    (b'O', "output.voltage", Shape::Number),
    (b'P', "ups.load", Shape::Number),
    (b'X', "ups.test.result", Shape::Text),
    (b'c', "ups.id", Shape::Text),
    (b'e', "battery.charge.restart", Shape::Number),
    (b'f', "battery.charge", Shape::Number),
    (b'g', "battery.voltage.nominal", Shape::Number),
    (b'h', "ambient.humidity", Shape::Number),
    (b'i', "ups.contacts", Shape::Text),
    (b'j', "battery.runtime", Shape::Minutes),
    (b'k', "battery.alarm.threshold", Shape::Text),
    (b'l', "input.transfer.low", Shape::Number),
    (b'm', "ups.mfr.date", Shape::Text),
    (b'n', "ups.serial", Shape::Text),
    (b'n', "device.serial", Shape::Text),
    (b'o', "output.voltage.nominal", Shape::Number),
    (b'p', "ups.delay.shutdown", Shape::Number),
    (b'q', "battery.runtime.low", Shape::Minutes),
    (b'r', "ups.delay.start", Shape::Number),
    (b's', "input.sensitivity", Shape::Text),
    (b't', "ambient.temperature", Shape::Number),
    (b'u', "input.transfer.high", Shape::Number),
    (b'v', "ups.firmware.aux", Shape::Text),
    (b'x', "battery.date", Shape::Text),
    (b'[', "", Shape::Pair(&["ambient.1.temperature.high", "ambient.2.temperature.high"])),
    (b']', "", Shape::Pair(&["ambient.1.temperature.low", "ambient.2.temperature.low"])),
    (b'{', "", Shape::Pair(&["ambient.1.humidity.high", "ambient.2.humidity.high"])),
    (b'}', "", Shape::Pair(&["ambient.1.humidity.low", "ambient.2.humidity.low"])),
];

pub(super) fn truth(firmware: &Firmware) -> BTreeMap<&'static str, String> {
    let mut truth = BTreeMap::from([
        ("device.mfr", "APC".to_owned()),
        ("device.type", "ups".to_owned()),
        ("ups.mfr", "APC".to_owned()),
        ("ups.status", status(firmware)),
    ]);
    for (command, name, shape) in NAMES {
        if let Some(value) = firmware.value(*command) {
            insert(&mut truth, name, *shape, &plain(&value));
        }
    }
    if let Some(current) = firmware.pair_value([0x9F, 0xD4]) {
        truth.insert("battery.current", number(&plain(&current)));
    }
    // Where mains has its own frequency command, `F` tells that of the output.
    if let Some(hertz) = firmware.pair_value([0x9F, 0xD3])
        && let Some(output) = truth.insert("input.frequency", number(&plain(&hertz)))
    {
        truth.insert("output.frequency", output);
    }
    // The new firmware string says more than the old one.
    if let Some(version) = firmware.value(b'b').or_else(|| firmware.value(b'V')) {
        truth.insert("ups.firmware", plain(&version));
    }
    if let Some(value) = firmware.value(b'T') {
        let value = plain(&value);
        if firmware.measure.attached {
            truth.insert("ambient.1.temperature", number(&value));
        } else if let Ok(hours) = value.parse::<f64>() {
            truth.insert("device.uptime", format!("{:.0}", hours * 3600.0));
        }
    }
    if let Some(value) = firmware.value(b'H') {
        truth.insert("ambient.1.humidity", number(&plain(&value)));
    }
    truth
}

fn status(firmware: &Firmware) -> String {
    const TOKENS: [(u8, &str); 8] = [
        (0x01, "CAL"),
        (0x02, "TRIM"),
        (0x04, "BOOST"),
        (0x08, "OL"),
        (0x10, "OB"),
        (0x20, "OVER"),
        (0x40, "LB"),
        (0x80, "RB"),
    ];
    let status = firmware.status();
    if status & 0x18 == 0 {
        return "OFF".to_owned();
    }
    let tokens: Vec<&str> =
        TOKENS.iter().filter(|(bit, _)| status & bit != 0).map(|(_, token)| *token).collect();
    tokens.join(" ")
}

fn insert(truth: &mut BTreeMap<&'static str, String>, name: &'static str, shape: Shape, value: &str) {
    match shape {
        Shape::Text => {
            truth.insert(name, value.to_owned());
        }
        Shape::Number => {
            truth.insert(name, number(value));
        }
        Shape::Minutes => {
            let minutes: u64 = value.trim_end_matches(':').parse().unwrap_or_default();
            truth.insert(name, (minutes * 60).to_string());
        }
        Shape::Hours => {
            let text = match value.parse::<u64>() {
                Ok(hours) => (hours * 3600).to_string(),
                Err(_) => value.to_owned(),
            };
            truth.insert(name, text);
        }
        Shape::Pair(names) => {
            for (name, half) in names.iter().zip(value.split(',')) {
                truth.insert(name, number(half));
            }
        }
    }
}

fn plain(value: &[u8]) -> String {
    String::from_utf8_lossy(value).trim_matches(['\0', ' ']).to_owned()
}

/// Without the zeros that fill the field; `NO` and the like stay.
fn number(text: &str) -> String {
    let digits = text.trim_start_matches('0');
    match digits.as_bytes().first() {
        Some(byte) if byte.is_ascii_digit() || !text.as_bytes()[0].is_ascii_digit() => digits.to_owned(),
        _ => format!("0{digits}"),
    }
}

#[cfg(test)]
mod tests {
    use super::number;

    #[test]
    fn padding_goes_and_zero_stays() {
        for (wire, plain) in [
            ("023.5", "23.5"),
            ("000.0", "0.0"),
            ("000", "0"),
            ("100.0", "100.0"),
            ("NO", "NO"),
            ("01.78", "1.78"),
        ] {
            assert_eq!(number(wire), plain);
        }
    }
}
