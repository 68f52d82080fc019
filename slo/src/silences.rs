//! Silences: alerts that nobody is to be told of for a while. `(silences, change, now) -> silences`: it has no clock and stores
//! nothing. Meaning and limits are those of Alertmanager (`silence/silence.go`, `api/v2`).

mod preview;
pub mod saved;

use std::collections::BTreeMap;

use model::Nanos;
use model::time::{DAY, MINUTE};

use crate::routing::Matcher;

pub use preview::{Preview, PreviewedAlert, preview};

/// How long a silence is kept after its end, as in Alertmanager.
const KEEP: Nanos = 5 * DAY;
/// A silence that ends within this time is warned of.
pub const ENDS_SOON: Nanos = 10 * MINUTE;
/// Silences that are kept, matchers of one, and bytes of one of its texts.
const MAX_SILENCES: usize = 1000;
const MAX_MATCHERS: usize = 50;
const MAX_TEXT: usize = 2000;

type Labels = BTreeMap<String, String>;

/// While it is active, nobody is told of alerts that all of its matchers match.
#[derive(Debug, Clone, PartialEq)]
pub struct Silence {
    pub id: String,
    pub matchers: Vec<Matcher>,
    pub starts_at: Nanos,
    /// Later than its start.
    pub ends_at: Nanos,
    pub updated_at: Nanos,
    pub created_by: String,
    pub comment: String,
}

/// Where a silence is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SilenceState {
    Active,
    Pending,
    Expired,
}

/// A silence as somebody wants it.
#[derive(Debug, Clone, PartialEq)]
pub struct Draft {
    /// The silence that it takes the place of; `None` for a new one.
    pub id: Option<String>,
    pub matchers: Vec<Matcher>,
    pub starts_at: Nanos,
    pub ends_at: Nanos,
    pub created_by: String,
    pub comment: String,
}

/// Why a change is not made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("there is no silence {0:?}")]
    Unknown(String),
    #[error("{0}")]
    Wrong(String),
    /// What was asked for is right, but could not be stored.
    #[error("cannot store silences: {0}")]
    NotStored(String),
}

impl SilenceState {
    /// The word of Alertmanager.
    pub fn name(self) -> &'static str {
        match self {
            SilenceState::Active => "active",
            SilenceState::Pending => "pending",
            SilenceState::Expired => "expired",
        }
    }
}

impl Silence {
    pub fn state(&self, now: Nanos) -> SilenceState {
        if now < self.starts_at {
            SilenceState::Pending
        } else if now < self.ends_at {
            SilenceState::Active
        } else {
            SilenceState::Expired
        }
    }

    pub fn matches(&self, labels: &Labels) -> bool {
        matches(&self.matchers, labels)
    }

    /// Whether it is active and ends within [`ENDS_SOON`].
    pub fn ends_soon(&self, now: Nanos) -> bool {
        self.state(now) == SilenceState::Active && self.ends_at.saturating_sub(now) <= ENDS_SOON
    }

    /// Whether a change to it is one of the same silence: another one is made where what was silenced would look different.
    fn can_become(&self, draft: &Draft, now: Nanos) -> bool {
        if self.matchers != draft.matchers {
            return false;
        }
        match self.state(now) {
            SilenceState::Active => draft.starts_at == self.starts_at && draft.ends_at >= now,
            SilenceState::Pending => draft.starts_at >= now,
            SilenceState::Expired => false,
        }
    }
}

/// Whether all of the matchers match.
pub fn matches(matchers: &[Matcher], labels: &Labels) -> bool {
    matchers.iter().all(|matcher| matcher.matches(labels))
}

/// All silences that there are, those that have ended for [`KEEP`].
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Silences(Vec<Silence>);

impl Silences {
    /// In the order in which they were made.
    pub fn iter(&self) -> impl Iterator<Item = &Silence> {
        self.0.iter()
    }

    pub fn get(&self, id: &str) -> Option<&Silence> {
        self.0.iter().find(|silence| silence.id == id)
    }

    /// Those that keep an alert with these labels from being told at `now`.
    pub fn of<'s>(&'s self, labels: &'s Labels, now: Nanos) -> impl Iterator<Item = &'s Silence> {
        self.0.iter().filter(move |silence| silence.state(now) == SilenceState::Active && silence.matches(labels))
    }

    pub fn is_silenced(&self, labels: &Labels, now: Nanos) -> bool {
        self.of(labels, now).next().is_some()
    }

    /// Whether the labels are silenced no more at `now` by one that ended after `since`: whoever was told before is told again.
    pub fn has_returned(&self, labels: &Labels, since: Nanos, now: Nanos) -> bool {
        let ended = |silence: &Silence| {
            since < silence.ends_at
                && silence.ends_at <= now
                && silence.starts_at < silence.ends_at
                && silence.matches(labels)
        };
        self.0.iter().any(ended) && !self.is_silenced(labels, now)
    }

    /// The silences with `draft`, and its id: `new_id` unless it is a change of one that it can be a change of. What it takes the
    /// place of ends otherwise.
    ///
    /// A start that has been is now.
    pub fn with(&self, draft: Draft, new_id: String, now: Nanos) -> Result<(Self, String), Refusal> {
        check(&draft, now).map_err(Refusal::Wrong)?;
        let mut next = self.collected(now);
        let Draft { id, matchers, starts_at, ends_at, created_by, comment } = draft.clone();
        let silence = |id: String, starts_at: Nanos| Silence {
            id,
            matchers,
            starts_at,
            ends_at,
            updated_at: now,
            created_by,
            comment,
        };
        if let Some(id) = id {
            let old = next.0.iter_mut().find(|silence| silence.id == id).ok_or_else(|| Refusal::Unknown(id.clone()))?;
            if old.can_become(&draft, now) {
                *old = silence(id.clone(), starts_at);
                return Ok((next, id));
            }
            expire(old, now);
        }
        if next.0.len() >= MAX_SILENCES {
            return Err(Refusal::Wrong(format!("there are {MAX_SILENCES} silences; no more are taken")));
        }
        next.0.push(silence(new_id.clone(), starts_at.max(now)));
        Ok((next, new_id))
    }

    /// The silences after one was ended; one that has ended stays as it is.
    pub fn without(&self, id: &str, now: Nanos) -> Result<Self, Refusal> {
        let mut next = self.collected(now);
        let silence = next.0.iter_mut().find(|silence| silence.id == id);
        expire(silence.ok_or_else(|| Refusal::Unknown(id.to_owned()))?, now);
        Ok(next)
    }

    /// Without those that ended long ago.
    fn collected(&self, now: Nanos) -> Self {
        let keeps = |silence: &&Silence| now.saturating_sub(silence.ends_at) < KEEP;
        Self(self.0.iter().filter(keeps).cloned().collect())
    }
}

fn expire(silence: &mut Silence, now: Nanos) {
    match silence.state(now) {
        SilenceState::Active => silence.ends_at = now,
        // One that never began.
        SilenceState::Pending => (silence.starts_at, silence.ends_at) = (now, now),
        SilenceState::Expired => return,
    }
    silence.updated_at = now;
}

fn check(draft: &Draft, now: Nanos) -> Result<(), String> {
    let Draft { matchers, starts_at, ends_at, created_by, comment, .. } = draft;
    if matchers.is_empty() || matchers.len() > MAX_MATCHERS {
        return Err(format!("a silence has 1 to {MAX_MATCHERS} matchers, such as severity=\"page\""));
    }
    if matches(matchers, &Labels::new()) {
        return Err(
            "at least one matcher must not match an empty text: this silence would be one of all alerts".to_owned()
        );
    }
    if starts_at >= ends_at {
        return Err("its start must be before its end".to_owned());
    }
    if *ends_at <= now {
        return Err("its end has been".to_owned());
    }
    let texts = matchers.iter().flat_map(|matcher| [&matcher.name, &matcher.value]).chain([created_by, comment]);
    if texts.into_iter().any(|text| text.len() > MAX_TEXT) {
        return Err(format!("a text of it has more than {MAX_TEXT} bytes"));
    }
    if matchers.iter().any(|matcher| matcher.name.is_empty()) {
        return Err("a matcher has no label".to_owned());
    }
    let missing =
        [("createdBy", created_by), ("comment", comment)].into_iter().find(|(_, text)| text.trim().is_empty());
    missing.map_or(Ok(()), |(name, _)| Err(format!("{name} is missing: others must know who wanted it, and why")))
}

#[cfg(test)]
mod tests;
