//! How commands and settings went that were given with tracking on.
//!
//! NUT's clients take only ids of 36 characters for ids, in the form of a UUID; they need to be unique, not secret.

use std::collections::VecDeque;

use crate::refusal::Refusal;

/// More than clients ask after within any hour; the oldest is forgotten first.
const MOST: usize = 256;
/// How long an outcome can be asked for, in milliseconds.
const KEPT_MS: u64 = 3_600_000;

/// The orders that can be asked after.
#[derive(Debug, Default)]
pub struct Tracking {
    orders: VecDeque<Tracked>,
}

#[derive(Debug)]
struct Tracked {
    id: String,
    ticket: u64,
    since_ms: u64,
    outcome: Option<Result<(), Refusal>>,
}

impl Tracking {
    /// The id of a new order. `wall_ms` makes it unlike those of an earlier run.
    pub fn add(&mut self, ticket: u64, now_ms: u64, wall_ms: u64) -> String {
        while self.orders.len() >= MOST
            || self.orders.front().is_some_and(|oldest| now_ms.saturating_sub(oldest.since_ms) > KEPT_MS)
        {
            self.orders.pop_front();
        }
        let (high, low) = (mixed(wall_ms ^ ticket.rotate_left(40)), mixed(ticket));
        let id = format!(
            "{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}",
            high >> 32,
            (high >> 16) & 0xffff,
            high & 0xfff,
            low >> 52,
            low & 0xffff_ffff_ffff
        );
        self.orders.push_back(Tracked { id: id.clone(), ticket, since_ms: now_ms, outcome: None });
        id
    }

    /// An order has ended; false: nobody can ask after it.
    pub fn ended(&mut self, ticket: u64, outcome: Result<(), Refusal>) -> bool {
        match self.orders.iter_mut().find(|order| order.ticket == ticket) {
            Some(order) => {
                order.outcome = Some(outcome);
                true
            }
            None => false,
        }
    }

    /// The answer to `GET TRACKING` with an id.
    pub fn answer(&self, id: &str) -> Result<&'static [u8], Refusal> {
        match self.orders.iter().find(|order| order.id == id).map(|order| order.outcome) {
            None => Err(Refusal::Unknown),
            Some(None) => Ok(b"PENDING\n"),
            Some(Some(Ok(()))) => Ok(b"SUCCESS\n"),
            Some(Some(Err(Refusal::CmdNotSupported | Refusal::VarNotSupported))) => Err(Refusal::Unknown),
            Some(Some(Err(Refusal::InvalidArgument | Refusal::InvalidValue))) => {
                Err(Refusal::InvalidArgument)
            }
            Some(Some(Err(_))) => Err(Refusal::Failed),
        }
    }
}

/// Spreads a number over all 64 bits and is one to one (the finisher of SplitMix64), so that ids of different tickets differ.
fn mixed(number: u64) -> u64 {
    let number = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}
