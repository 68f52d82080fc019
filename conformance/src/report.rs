//! What a run found, and its forms: text for people, JSON for programs, Markdown for documents.

use std::time::Duration;

use crate::protocol::Protocol;
use crate::rule::{Level, Rule};
use crate::target::Target;

mod json;
mod markdown;
mod text;

#[cfg(test)]
pub(crate) use text::ID_WIDTH;

pub use markdown::list as markdown_list;
pub use text::list as text_list;

/// What became of a rule over a protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Pass,
    /// A MUST does not hold.
    Fail,
    /// A SHOULD, or what practice asks for, does not hold.
    Miss,
    /// What a receiver MAY do, this one does not.
    No,
    /// The condition of the rule did not come up.
    NotApplicable,
}

impl Verdict {
    /// The word in reports.
    pub fn word(self) -> &'static str {
        match self {
            Verdict::Pass => "pass",
            Verdict::Fail => "FAIL",
            Verdict::Miss => "miss",
            Verdict::No => "no",
            Verdict::NotApplicable => "n/a",
        }
    }
}

/// One rule over one protocol.
pub struct Entry {
    pub rule: &'static Rule,
    pub protocol: Protocol,
    pub verdict: Verdict,
    /// What was found wrong, or why the rule says nothing; empty when it holds.
    pub why: String,
    /// The last request of the test, and what came back.
    pub sent: String,
    pub got: String,
}

impl Entry {
    /// As in `T8.over-limit/grpc`.
    pub fn id(&self) -> String {
        format!("{}/{}", self.rule.id, self.protocol)
    }
}

/// What became of all rules that were run, in the order of the list.
pub struct Report {
    pub target: Target,
    pub entries: Vec<Entry>,
    pub took: Duration,
}

impl Report {
    /// How many entries of this level and protocol (`None`: of all) have this verdict.
    pub fn count(&self, level: Level, protocol: Option<Protocol>, verdict: Verdict) -> usize {
        let counted = |it: &&Entry| {
            it.rule.level == level && it.verdict == verdict && protocol.is_none_or(|protocol| it.protocol == protocol)
        };
        self.entries.iter().filter(counted).count()
    }

    /// Whether no check applied, so that nothing was tested.
    pub fn says_nothing(&self) -> bool {
        self.entries.iter().all(|entry| entry.verdict == Verdict::NotApplicable)
    }

    /// Whether no MUST failed.
    pub fn conforms(&self) -> bool {
        self.count(Level::Must, None, Verdict::Fail) == 0
    }

    /// For people, at most 100 columns wide.
    pub fn text(&self, colours: bool) -> String {
        text::report(self, colours)
    }

    pub fn json(&self) -> String {
        json::report(self)
    }

    pub fn markdown(&self) -> String {
        markdown::report(self)
    }

    /// The entries of one rule.
    fn of(&self, rule: &Rule) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(move |entry| entry.rule.id == rule.id)
    }
}
