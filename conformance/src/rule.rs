//! What a rule is: where it comes from, how binding it is, and how it is tested.

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use crate::probe::{Observation, Probe};
use crate::protocol::{Protocol, Signal};
use crate::reply::Reply;
use crate::request::Request;

/// How binding a rule is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// The source says MUST, or defines the format that is tested.
    Must,
    /// The source says SHOULD or RECOMMENDED.
    Should,
    /// The source leaves it open; the report says what the receiver does.
    May,
    /// No source asks for it; clients in the field need it, or people lose data or time without it.
    Practice,
}

impl Level {
    pub const ALL: [Level; 4] = [Level::Must, Level::Should, Level::Practice, Level::May];
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Level::Must => "MUST",
            Level::Should => "SHOULD",
            Level::May => "MAY",
            Level::Practice => "PRACTICE",
        })
    }
}

/// One rule. It is tested once over each of its protocols.
pub struct Rule {
    /// The row of the checklist and what of it is tested: `T8.over-limit`.
    pub id: &'static str,
    pub level: Level,
    pub protocols: &'static [Protocol],
    /// `document: section`; [`crate::rules::DOCUMENTS`] has the documents.
    pub source: &'static str,
    /// What must hold, as a statement.
    pub text: &'static str,
    pub(crate) test: Test,
    pub(crate) cost: Cost,
}

/// How a test is scheduled.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cost {
    /// Beside others.
    Light,
    /// Takes seconds of waiting: started first, beside all others.
    Waits,
    /// Bodies as large as the receiver takes: alone among its like, after the light ones.
    Heavy,
}

/// What a test found: nothing wrong, or [`Miss`].
pub(crate) type Check = Result<(), Miss>;

/// Why a rule is not seen to hold.
#[derive(Clone, Debug)]
pub(crate) enum Miss {
    /// It does not hold; what was found.
    Broken(String),
    /// Its condition did not come up, so it says nothing.
    NotApplicable(String),
}

impl Miss {
    pub(crate) fn broken<T>(why: impl Into<String>) -> Result<T, Miss> {
        Err(Miss::Broken(why.into()))
    }

    pub(crate) fn not_applicable<T>(why: impl Into<String>) -> Result<T, Miss> {
        Err(Miss::NotApplicable(why.into()))
    }
}

pub(crate) type Script = for<'p> fn(&'p Probe) -> Pin<Box<dyn Future<Output = Check> + Send + 'p>>;

pub(crate) enum Test {
    /// One request and what its reply must be.
    Send(fn(&Probe) -> Request, fn(&Reply) -> Check),
    /// The same for each signal.
    Signals(fn(&Probe, Signal) -> Request, fn(&Reply) -> Check),
    /// More than that.
    Script(Script),
    /// A look at every reply of the run, by this protocol.
    Audit(fn(&Observation) -> Check),
}

pub(crate) const ALL: &[Protocol] = &Protocol::ALL;
pub(crate) const GRPC: &[Protocol] = &[Protocol::Grpc];
pub(crate) const HTTP: &[Protocol] = &[Protocol::HttpProtobuf, Protocol::HttpJson];
pub(crate) const JSON: &[Protocol] = &[Protocol::HttpJson];
pub(crate) const PROTOBUF: &[Protocol] = &[Protocol::Grpc, Protocol::HttpProtobuf];

impl Rule {
    const fn new(
        id: &'static str,
        level: Level,
        protocols: &'static [Protocol],
        source: &'static str,
        text: &'static str,
        test: Test,
    ) -> Self {
        Rule { id, level, protocols, source, text, test, cost: Cost::Light }
    }

    pub(crate) const fn must(
        id: &'static str,
        protocols: &'static [Protocol],
        source: &'static str,
        text: &'static str,
        test: Test,
    ) -> Self {
        Rule::new(id, Level::Must, protocols, source, text, test)
    }

    pub(crate) const fn should(
        id: &'static str,
        protocols: &'static [Protocol],
        source: &'static str,
        text: &'static str,
        test: Test,
    ) -> Self {
        Rule::new(id, Level::Should, protocols, source, text, test)
    }

    pub(crate) const fn may(
        id: &'static str,
        protocols: &'static [Protocol],
        source: &'static str,
        text: &'static str,
        test: Test,
    ) -> Self {
        Rule::new(id, Level::May, protocols, source, text, test)
    }

    pub(crate) const fn practice(
        id: &'static str,
        protocols: &'static [Protocol],
        source: &'static str,
        text: &'static str,
        test: Test,
    ) -> Self {
        Rule::new(id, Level::Practice, protocols, source, text, test)
    }

    pub(crate) const fn costs(mut self, cost: Cost) -> Self {
        self.cost = cost;
        self
    }
}
