//! Questions to the daemon's administration: a few at a time, the others wait their turn.
//!
//! The host takes four of a plugin at once. A question lives as long as its request: the host's number of who asks ends
//! when that is answered, by whomever.

use std::collections::{BTreeMap, VecDeque};

use opennmc_plugin::{Error, Host, Principal};
use serde_json::Value;

use crate::problem::Problem;
use crate::step::Then;

/// As the host has it.
const MOST_ASKED: usize = 4;

/// A question that waits or was asked.
pub struct Question {
    /// The request that it is for.
    pub request: u64,
    /// In whose name.
    pub principal: Principal,
    /// The user's name.
    pub user: String,
    /// What is asked; empty once it was.
    pub text: String,
    /// What is done with the answer.
    pub then: Then,
}

/// The questions.
#[derive(Default)]
pub struct Desk {
    waiting: VecDeque<Question>,
    /// By ticket.
    asked: BTreeMap<u64, Question>,
}

impl core::fmt::Debug for Desk {
    fn fmt(&self, out: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        // Questions may carry passwords.
        write!(out, "Desk({} asked, {} waiting)", self.asked.len(), self.waiting.len())
    }
}

impl Question {
    /// One of a request.
    pub fn new(request: u64, principal: Principal, user: String, asked: &Value, then: Then) -> Self {
        Question { request, principal, user, text: asked.to_string(), then }
    }
}

impl Desk {
    /// Takes a question.
    pub fn take(&mut self, question: Question) {
        self.waiting.push_back(question);
    }

    /// Asks what can be asked now; gives the requests that can't be, and why.
    pub fn ask(&mut self, host: &impl Host) -> Vec<(u64, Problem)> {
        let mut refused = Vec::new();
        while self.asked.len() < MOST_ASKED {
            let Some(mut question) = self.waiting.pop_front() else { break };
            match host.ask_admin(question.principal, &question.text) {
                Ok(ticket) => {
                    question.text = String::new();
                    self.asked.insert(ticket, question);
                }
                // The next answer makes room, if one is to come.
                Err(Error::Limit(_) | Error::Busy) if !self.asked.is_empty() => {
                    self.waiting.push_front(question);
                    break;
                }
                Err(error) => refused.push((question.request, Problem::from(error))),
            }
        }
        refused
    }

    /// The question with this ticket is answered.
    pub fn answered(&mut self, ticket: u64) -> Option<Question> {
        self.asked.remove(&ticket)
    }
}
