//! Why something was not taken, as the senders were told: one entry for each reason and sender, for an hour.

use hashbrown::HashMap;
use model::Nanos;

use super::kept::Kept;
use super::{Protocol, Status, cut};
use crate::signal::Signal;

/// Reasons kept.
const MAX_REASONS: usize = 512;
/// Of one sender: one of 100,000 reasons displaces its own, and not the others'.
const MAX_OF_SENDER: usize = 64;
/// A message is cut here: some name a key that the sender chose.
const MAX_MESSAGE: usize = 1_000;

/// In the place of an address, where more than one was told the same.
pub const SEVERAL: &str = "several addresses";

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
    /// An address, or [`SEVERAL`].
    pub peer: String,
    /// What a refusal was answered with.
    pub status: Option<Status>,
    /// The box had no room, whoever had sent: not the mistake or the measure of one sender.
    pub is_of_box: bool,
    /// It passes by itself: the sender is to come again. Those that say nothing of themselves are told apart by no address then.
    pub is_passing: bool,
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

/// Who was told: the service, and by what it says of itself.
type Of = (String, String);

/// What tells reasons apart.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    of: Of,
    fate: Fate,
    signal: Option<Signal>,
    status: Option<Status>,
    reason: String,
}

/// The reasons of the last hour.
pub(super) struct Reasons {
    kept: Kept<Key, ReasonStats>,
    /// How many of those kept are of each sender.
    of_senders: HashMap<Of, usize>,
}

impl Default for Reasons {
    fn default() -> Self {
        Reasons { kept: Kept::new(MAX_REASONS), of_senders: HashMap::new() }
    }
}

impl Reasons {
    /// Counts `told`. `reason` is what it has in common with others of the same mistake; numbers may differ.
    pub(super) fn note(&mut self, at: Nanos, reason: &str, mut told: ReasonStats) {
        // The address tells those apart that say nothing of themselves, but what passes is no mistake of any of them.
        let is_by_address = told.user_agent.is_empty() && !told.is_passing;
        let name = if is_by_address { &told.peer } else { &told.user_agent };
        let of = (cut(&told.service), cut(name));
        let ReasonStats { fate, signal, status, .. } = told;
        let key = Key { of, fate, signal, status, reason: without_numbers(reason) };
        match self.kept.get_mut(&key) {
            Some(slot) => {
                told.items += slot.value.items;
                if told.is_passing && told.peer != slot.value.peer {
                    told.peer = SEVERAL.to_owned();
                }
            }
            None => self.make_room(at, &key.of),
        }
        told.message.truncate(told.message.floor_char_boundary(MAX_MESSAGE));
        // All of it but the sum is of the same request, the last.
        self.kept.set(key, at, told);
    }

    /// Lets a new reason of `sender` in: where it or all have as many as they may, what was told least gives way.
    fn make_room(&mut self, at: Nanos, sender: &Of) {
        let gone = if self.of_senders.get(sender).is_some_and(|n_reasons| *n_reasons >= MAX_OF_SENDER) {
            self.kept.make_room(at, |key, _| key.of == *sender)
        } else if self.kept.is_full() {
            self.kept.make_room(at, |_, _| true)
        } else {
            Vec::new()
        };
        for key in gone {
            if let Some(n_reasons) = self.of_senders.get_mut(&key.of) {
                *n_reasons -= 1;
                if *n_reasons == 0 {
                    self.of_senders.remove(&key.of);
                }
            }
        }
        *self.of_senders.entry(sender.clone()).or_default() += 1;
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

/// `text` without what is in quotes, which a sender chose: a value that is not allowed, in `the string "abc" is not allowed`. A
/// quote within is escaped, as Rust's `Debug` does it.
pub(super) fn without_quoted(text: &str) -> String {
    let (mut out, mut is_quoted, mut is_escaped) = (String::new(), false, false);
    for character in text.chars() {
        match character {
            '"' if !is_escaped => {
                is_quoted = !is_quoted;
                out.push('"');
            }
            _ if !is_quoted => out.push(character),
            _ => {}
        }
        is_escaped = is_quoted && character == '\\' && !is_escaped;
    }
    out
}
