//! Why something was not taken, as the senders were told: one entry for each reason and sender, for an hour.

use model::Nanos;

use super::kept::{KEPT, Kept};
use super::{Protocol, Status, cut};
use crate::signal::Signal;

/// Reasons kept.
const MAX_REASONS: usize = 512;
/// Of one sender; what it is told beyond that counts together. A sender of 100,000 reasons does not push out the others'.
const MAX_OF_SENDER: usize = 64;
/// A message is cut here: some name a key that the sender chose.
const MAX_MESSAGE: usize = 1_000;
const OTHERS: &str = "other reasons of this sender";

/// What became of what a reason is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fate {
    /// The bytes on a connection were no request.
    Connection,
    /// A request was refused as a whole.
    Refused,
    /// Items were left out of a request.
    Rejected,
    /// Items were stored, with a warning.
    Warned,
}

impl Fate {
    /// `connection`, `refused`, `rejected` or `warned`.
    pub fn name(self) -> &'static str {
        match self {
            Fate::Connection => "connection",
            Fate::Refused => "refused",
            Fate::Rejected => "rejected",
            Fate::Warned => "warned",
        }
    }
}

/// A reason and how often one sender was told it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReasonStats {
    pub fate: Fate,
    /// `None` when the request did not tell.
    pub signal: Option<Signal>,
    pub protocol: Option<Protocol>,
    /// `service.name`, where all of the request was of one; else empty.
    pub service: String,
    pub user_agent: String,
    pub peer: String,
    /// What a refusal was answered with.
    pub status: Option<Status>,
    /// The box had no room, whoever had sent: not the mistake or the measure of one sender.
    pub is_of_box: bool,
    /// What the sender was told, the last time.
    pub message: String,
    /// What to change; empty where the message says it.
    pub fix: String,
    /// Requests or connections.
    pub times: u64,
    /// Items left out or warned about.
    pub items: u64,
    pub first: Nanos,
    pub last: Nanos,
}

/// What tells reasons apart: numbers within a message do not.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    sender: (String, String),
    fate: Fate,
    signal: Option<Signal>,
    reason: String,
}

/// The reasons of the last hour.
pub(super) struct Reasons {
    kept: Kept<Key, ReasonStats>,
    /// How many reasons each sender has brought since when: counted anew after an hour.
    of_sender: Kept<(String, String), (usize, Nanos)>,
}

impl Default for Reasons {
    fn default() -> Self {
        Reasons { kept: Kept::new(MAX_REASONS), of_sender: Kept::new(MAX_REASONS) }
    }
}

impl Reasons {
    /// Counts `told`. `reason` is its message without what differs from time to time; numbers may.
    pub(super) fn note(&mut self, at: Nanos, reason: &str, told: ReasonStats) {
        // The address tells those apart that say nothing of themselves.
        let name = if told.user_agent.is_empty() { &told.peer } else { &told.user_agent };
        let sender = (cut(&told.service), cut(name));
        let mut key = Key { sender, fate: told.fate, signal: told.signal, reason: without_numbers(reason) };
        if self.kept.get_mut(&key).is_none() {
            let (n_reasons, since) = &mut self.of_sender.see(key.sender.clone(), at, || (0, at)).value;
            if at.saturating_sub(*since) >= KEPT {
                (*n_reasons, *since) = (0, at);
            }
            if *n_reasons >= MAX_OF_SENDER {
                OTHERS.clone_into(&mut key.reason);
            } else {
                *n_reasons += 1;
            }
        }
        let ReasonStats { items, message, .. } = &told;
        let (items, message) = (*items, message[..message.floor_char_boundary(MAX_MESSAGE)].to_owned());
        let stats = &mut self.kept.see(key, at, || ReasonStats { items: 0, ..told }).value;
        stats.items += items;
        stats.message = message;
    }

    /// The reasons of the hour before `now`, newest first.
    pub(super) fn recent(&self, now: Nanos) -> Vec<ReasonStats> {
        let slots = self.kept.recent(now).into_iter().map(|(_, slot)| slot);
        let stats = slots.map(|slot| {
            let (times, first, last) = (slot.times, slot.first, slot.last);
            ReasonStats { times, first, last, ..slot.value.clone() }
        });
        stats.collect()
    }

    /// Reasons that gave way to others within their hour.
    pub(super) fn displaced(&self) -> u64 {
        self.kept.displaced
    }
}

/// `text` with `#` for each run of digits, cut.
fn without_numbers(text: &str) -> String {
    let mut out = String::new();
    for character in text.chars().take(MAX_MESSAGE) {
        if !character.is_ascii_digit() {
            out.push(character);
        } else if !out.ends_with('#') {
            out.push('#');
        }
    }
    out
}
