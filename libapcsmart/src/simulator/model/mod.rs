//! The UPSes that can be simulated: one file each, and each file is data.
//!
//! Invariant: what a model answers stands in its [`Spec`]; no other file of the simulator asks for a model by name.
//! The tables come from dumps of real units and say so. They share nothing with the session's tables on purpose.

mod back_ups_cs_350;
mod matrix_3000;
mod smart_ups_1500;
mod smart_ups_700;
mod smart_ups_rt;
mod smart_ups_spm_2000;
mod smart_ups_vs_420;

use core::fmt;

/// Every model, the default first.
static ALL: &[&Spec] = &[
    &smart_ups_1500::SPEC,
    &smart_ups_700::SPEC,
    &smart_ups_rt::RT_1000,
    &smart_ups_rt::RT_5000,
    &smart_ups_spm_2000::SPEC,
    &matrix_3000::SPEC,
    &back_ups_cs_350::SPEC,
    &smart_ups_vs_420::SPEC,
    &smart_ups_vs_420::EARLY,
];

/// A kind of UPS that can be simulated.
#[derive(Clone, Copy)]
pub struct Model(&'static Spec);

impl Model {
    /// The model called `name`, such as `smart-ups-1500`.
    ///
    /// # Errors
    /// When there is none; the error lists those that there are.
    pub fn named(name: &str) -> Result<Model, UnknownModel> {
        Model::all().find(|model| model.name() == name).ok_or_else(|| UnknownModel { name: name.to_owned() })
    }

    /// Every model.
    pub fn all() -> impl Iterator<Item = Model> {
        ALL.iter().map(|spec| Model(spec))
    }

    /// The name that [`Model::named`] takes.
    pub fn name(self) -> &'static str {
        self.0.name
    }

    /// One sentence for people.
    pub fn summary(self) -> &'static str {
        self.0.summary
    }

    pub(super) fn spec(self) -> &'static Spec {
        self.0
    }
}

impl fmt::Debug for Model {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Model({})", self.name())
    }
}

/// No model has this name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownModel {
    name: String,
}

impl fmt::Display for UnknownModel {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "there is no simulated UPS called `{}`; there are:", self.name)?;
        for model in Model::all() {
            write!(out, " {}", model.name())?;
        }
        Ok(())
    }
}

impl core::error::Error for UnknownModel {}

/// What a model is and answers.
pub(super) struct Spec {
    pub(super) name: &'static str,
    pub(super) summary: &'static str,
    /// The raw reply to `a`, without CR LF.
    pub(super) command_set: Option<&'static [u8]>,
    /// Every command byte that is answered, also those that `a` keeps quiet about.
    pub(super) commands: &'static [u8],
    pub(super) unknown: Unknown,
    pub(super) alerts: &'static [u8],
    /// Replies that never change, without CR LF.
    pub(super) constants: &'static [(u8, &'static [u8])],
    /// First bytes of two-byte commands, and what each pair answers.
    pub(super) prefixes: &'static [u8],
    pub(super) pairs: &'static [([u8; 2], &'static [u8])],
    /// The unit's locale: the last character of its firmware.
    pub(super) locale: u8,
    pub(super) eeprom: &'static [Record],
    /// Eight-character texts and what the factory wrote.
    pub(super) texts: &'static [(u8, &'static str)],
    pub(super) capabilities: Capabilities,
    /// How `K` and `@` are accepted.
    pub(super) shutdown_accepted: &'static [u8],
    pub(super) wake: WakeStyle,
    pub(super) calibration: CalibrationReply,
    /// Which bits of the registers `~`, `'` and `8` this model has.
    pub(super) register_masks: [u8; 3],
    pub(super) can_bypass: bool,
    pub(super) electrics: Electrics,
    pub(super) battery: Battery,
}

impl Spec {
    pub(super) fn answers(&self, command: u8) -> bool {
        self.commands.contains(&command)
    }
}

/// What happens on a byte that the model does not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unknown {
    /// The reply is `NA`.
    NotAvailable,
    /// No reply at all, so that each probe costs the reader a timeout.
    Silence,
}

/// One setting in the EEPROM, for one locale (`4` is all of them).
pub(super) struct Record {
    pub(super) command: u8,
    pub(super) locale: u8,
    /// In the order of the cycle that `-` steps through.
    pub(super) values: &'static [&'static str],
    /// What the factory chose, as an index.
    pub(super) factory: usize,
}

/// How `^Z` is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Capabilities {
    /// One `#`, then the records.
    Plain,
    /// `##` before every record.
    Doubled,
    /// As a Smart-UPS RT 5000: one record announces less than zero values, and the last one is cut off.
    Damaged,
}

/// When a UPS that was told to sleep wakes up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WakeStyle {
    /// When mains is back, the battery has its minimum charge and the delays have passed.
    WhenReady,
    /// After the time given with `@`, whatever mains does; after `S` as soon as mains is back.
    Timed,
}

/// What `D` answers beside the alerts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CalibrationReply {
    /// `OK` at the start, `NO` when it is aborted.
    Lines,
    /// Only the alerts.
    AlertsOnly,
}

/// The mains side.
pub(super) struct Electrics {
    /// Mains when nothing is wrong, in volts.
    pub(super) volts: f64,
    pub(super) hertz: f64,
    /// On-line units make their own sine: the output does not follow the mains.
    pub(super) output: Output,
    /// What `o` says, for units without that setting.
    pub(super) nominal: f64,
    /// Transfer points for units without `l` and `u`, in volts.
    pub(super) window: (f64, f64),
    pub(super) volt_amperes: f64,
    /// Load at start, in per cent of full.
    pub(super) load: f64,
}

/// Where the output voltage comes from while mains is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Output {
    /// Passed through.
    Direct,
    /// Passed through, lifted when it is low.
    Boost,
    /// Passed through, lifted when low, lowered when high.
    BoostAndTrim,
    /// Always made by the inverter.
    Inverter,
}

/// The battery.
pub(super) struct Battery {
    pub(super) volts: f64,
    /// Minutes at full load from a full battery.
    pub(super) minutes: f64,
    /// Hours from empty to 90 %.
    pub(super) charge_hours: f64,
    /// Minutes of runtime left when the warning comes, for units without `q`.
    pub(super) warning_minutes: f64,
}
