//! `[ups.NAME]`: the UPSes.

use std::time::Duration;

use apcsmart::serial::Cable;
use serde::Deserialize;

use super::drivers::{self, DriverChoice, DriverLibrary};
use super::name::DeviceName;
use super::port::Port;
use super::rules;
use super::section::{Reader, Section, suggestion};
use crate::state::Rules;

/// NUT's `MAXAGE`: after this time without a valid answer, clients are told that data is stale.
const DEFAULT_STALE_AFTER: Duration = Duration::from_secs(15);
/// Below the first a slow unit's lost answer would already count; above the second nobody would call it fresh.
const STALE_AFTER_S: std::ops::RangeInclusive<u64> = 5..=600;
/// With more than a second between two questions, reading all variables would take minutes.
const SPACING_MS: std::ops::RangeInclusive<u64> = 0..=1000;

/// One UPS.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct UpsSettings {
    /// What NUT clients call it.
    pub name: DeviceName,
    /// Where it is.
    pub port: Port,
    /// For people.
    pub description: Option<String>,
    /// How DTR and RTS are to be set; means nothing unless the port is a serial device.
    pub cable: Cable,
    /// Silence between an answer and the next question; none for the protocol's own pace.
    pub spacing: Option<Duration>,
    /// Silence of this length makes the data stale.
    pub stale_after: Duration,
    /// By which rules it is judged; `stale_after` is one of them.
    pub rules: Rules,
    /// What speaks with it.
    pub driver: DriverChoice,
}

/// A cable by APC's part number.
#[derive(Deserialize)]
#[serde(try_from = "String")]
struct CableName(Cable);

impl TryFrom<String> for CableName {
    type Error = String;

    fn try_from(text: String) -> Result<CableName, String> {
        Cable::named(&text).map(CableName).ok_or_else(|| {
            let names = Cable::ALL.map(|(name, _)| name);
            format!("`{text}` is not a cable that OpenNMC knows; {}", suggestion(&text, &names))
        })
    }
}

pub(super) fn read_all(
    reader: &mut Reader<'_>,
    file: &mut Section<'_>,
    drivers: &[DriverLibrary],
) -> Vec<UpsSettings> {
    let sections = file.named_sections(reader, "ups");
    let allow_none = file.optional(reader, "allow-no-ups").unwrap_or(false);
    if sections.is_empty() && file.is_empty("ups") && !allow_none {
        let message =
            "there is no UPS to watch; add a section such as `[ups.main]` with `port = \"/dev/ttyS0\"`";
        reader.problem(file.span(), "ups", message);
    }
    let mut all: Vec<UpsSettings> = Vec::new();
    for (name, section) in sections {
        let port_span = section.value_span("port");
        let path = section.path_of("port");
        let Some(ups) = read_one(reader, name.get_ref(), section, drivers) else { continue };
        if let Some(twin) =
            all.iter().find(|other| other.name.as_str().eq_ignore_ascii_case(ups.name.as_str()))
        {
            let message = format!("NUT clients can't tell this name from `{}`: they ignore case", twin.name);
            reader.problem(name.span(), format!("ups.{}", ups.name), message);
        }
        let sharing =
            all.iter().find(|other| other.port == ups.port && !matches!(ups.port, Port::Simulator(_)));
        if let Some(twin) = sharing {
            reader.problem(port_span, path, format!("`{}` is already the port of `{}`", ups.port, twin.name));
        }
        all.push(ups);
    }
    all
}

fn read_one(
    reader: &mut Reader<'_>,
    name: &str,
    mut section: Section<'_>,
    drivers: &[DriverLibrary],
) -> Option<UpsSettings> {
    let parsed = DeviceName::try_from(name.to_owned());
    if let Err(error) = &parsed {
        reader.problem(section.span(), "ups", error.to_string());
    }
    let port = section.required(reader, "port", "\"/dev/ttyS0\"");
    let description = section.optional(reader, "description");
    let cable = section.optional(reader, "cable").map(|CableName(cable)| cable);
    let spacing = section.number_within(reader, "spacing-ms", SPACING_MS, "milliseconds");
    let stale_after = section.number_within(reader, "stale-after", STALE_AFTER_S, "seconds");
    let stale_after = stale_after.map_or(DEFAULT_STALE_AFTER, Duration::from_secs);
    let rules = rules::read(reader, &mut section, stale_after);
    let driver = drivers::read_choice(reader, &mut section, drivers);
    section.finish(reader);
    Some(UpsSettings {
        name: parsed.ok()?,
        port: port?,
        description,
        cable: cable.unwrap_or_default(),
        spacing: spacing.map(Duration::from_millis),
        stale_after,
        rules,
        driver,
    })
}
