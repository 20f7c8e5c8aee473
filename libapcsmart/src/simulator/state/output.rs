//! The load's supply: grace before it goes off, sleep, and what wakes it.
//!
//! Invariant: once the grace has begun, only `DEL` stops it. Mains that returns meanwhile does not: the load is
//! cycled, or a computer that is already halting would never start again.

use core::time::Duration;

use super::super::model::WakeStyle;
use super::{Activity, Ups};
use crate::Time;

/// One step of the `@` argument.
const HIBERNATE_STEP: Duration = Duration::from_secs(6 * 60);
/// A UPS never closes its relay sooner than this after it opened, or a computer's supply would ride through.
const SHORTEST_OFF: Duration = Duration::from_secs(4);
/// An empty battery keeps the processor alive for so long after the load is off.
const LAST_GASP: Duration = Duration::from_secs(10);

/// The supply of the load.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Output {
    On,
    Off { by: OffBy, since: Time, wake: Wake },
}

/// Why the output is off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum OffBy {
    /// `Z`, `K`, or the button: stays off.
    User,
    /// `S`.
    SoftHibernate,
    /// `@`.
    HardHibernate,
    /// The battery is empty; `dead` when not even the processor runs.
    EmptyBattery { dead: bool },
}

/// What turns the output on again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Wake {
    /// Only a command or the button.
    Never,
    /// This moment, whatever mains does.
    At(Time),
    /// Mains as such, without a delay.
    OnReturn,
    /// Mains, the minimum charge, the wake-up delay, and `extra` from the return of mains.
    WhenReady { extra: Duration, returned: Option<Time>, charged: Option<Time> },
}

/// A shutdown that was accepted and waits for its grace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Grace {
    until: Time,
    by: OffBy,
    extra: Duration,
}

impl Ups {
    /// `S`: off after the grace, back when mains is. False when it does not apply: on mains, or off already.
    pub(in super::super) fn hibernate_soft(&mut self) -> bool {
        self.on_battery() && self.begin_grace(OffBy::SoftHibernate, Duration::ZERO)
    }

    /// `@`: off after the grace, back after `steps` of six minutes.
    pub(in super::super) fn hibernate_hard(&mut self, steps: u32) -> bool {
        // Old units take the number as the whole sleep, so that none means nothing to do.
        if self.spec.wake == WakeStyle::Timed && steps == 0 {
            return false;
        }
        self.begin_grace(OffBy::HardHibernate, HIBERNATE_STEP * steps)
    }

    /// `K K`: off after the grace, for good.
    pub(in super::super) fn shut_down_for_good(&mut self) -> bool {
        self.begin_grace(OffBy::User, Duration::ZERO)
    }

    /// `DEL`. False when no shutdown is under way.
    pub(in super::super) fn abort_shutdown(&mut self) -> bool {
        let pending = self.grace.take().is_some();
        self.settle();
        pending
    }

    /// `Z Z`: off now.
    pub(in super::super) fn load_off(&mut self) {
        self.shutdowns += u64::from(self.output_is_on());
        self.grace = None;
        self.go_off(OffBy::User, Duration::ZERO);
        self.settle();
    }

    /// `^N ^N`, or the button.
    pub(in super::super) fn load_on(&mut self) {
        if !self.output_is_on() && self.is_alive() {
            self.output = Output::On;
            self.raise(b'?');
            self.settle();
        }
    }

    /// Called whenever time passed or something changed.
    pub(super) fn settle_output(&mut self) {
        if let Some(grace) = self.grace.filter(|grace| grace.until <= self.now()) {
            self.grace = None;
            self.raise(b'*');
            self.go_off(grace.by, grace.extra);
        }
        if self.on_battery() && self.charge <= 0.0 {
            self.grace = None;
            self.activity = Activity::None;
            self.raise(b'*');
            self.go_off(OffBy::EmptyBattery { dead: false }, Duration::ZERO);
        }
        self.settle_sleep();
    }

    /// The output, or a pending shutdown, changes by itself as time passes.
    pub(super) fn output_waits(&self) -> bool {
        let sleeps = match self.output {
            Output::On => false,
            Output::Off { by: OffBy::EmptyBattery { dead: true }, .. } => false,
            Output::Off { by: OffBy::EmptyBattery { dead: false }, .. } => true,
            Output::Off { wake: Wake::Never, .. } => false,
            Output::Off { wake: Wake::At(_), .. } => true,
            Output::Off { .. } => self.mains_good(),
        };
        sleeps || self.grace.is_some()
    }

    fn begin_grace(&mut self, by: OffBy, extra: Duration) -> bool {
        if !self.output_is_on() {
            return false;
        }
        self.shutdowns += 1;
        self.grace = Some(Grace { until: self.now() + self.settings.grace, by, extra });
        self.settle();
        true
    }

    fn go_off(&mut self, by: OffBy, extra: Duration) {
        if !self.output_is_on() {
            return;
        }
        let since = self.now();
        let wake = match (by, self.spec.wake) {
            (OffBy::User, _) => Wake::Never,
            (OffBy::HardHibernate, WakeStyle::Timed) => Wake::At(since + extra),
            (_, WakeStyle::Timed) => Wake::OnReturn,
            (_, WakeStyle::WhenReady) => Wake::WhenReady { extra, returned: None, charged: None },
        };
        self.output = Output::Off { by, since, wake };
        self.activity = Activity::None;
        self.load_drops += 1;
    }

    fn settle_sleep(&mut self) {
        let Output::Off { mut by, since, mut wake } = self.output else { return };
        let now = self.now();
        let mains = self.mains_good();
        if let OffBy::EmptyBattery { dead } = &mut by {
            *dead = !mains && (*dead || since + LAST_GASP <= now);
        }
        let ready = match &mut wake {
            Wake::Never => false,
            Wake::At(at) => *at <= now,
            Wake::OnReturn => mains,
            Wake::WhenReady { returned, charged, .. } if !mains => {
                (*returned, *charged) = (None, None);
                false
            }
            Wake::WhenReady { extra, returned, charged } => {
                let returned = *returned.get_or_insert(now);
                if self.charge >= self.settings.restart_charge {
                    charged.get_or_insert(now);
                }
                let delayed = charged.is_some_and(|charged| charged + self.settings.wake_delay <= now);
                delayed && returned + *extra <= now
            }
        };
        self.output =
            if ready && since + SHORTEST_OFF <= now { Output::On } else { Output::Off { by, since, wake } };
    }
}
