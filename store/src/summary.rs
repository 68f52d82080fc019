//! What the spans of a segment add up to: rate, errors and durations of each operation, and the calls between services.
//!
//! A summary is a function of the rows of one segment and is published with it, so nothing is counted twice, whatever is
//! retried, restarted or compacted. Rows in memory, and those of segments without the file, are summarized when they are
//! asked for. Specified in `docs/formats/summary.md`.

use hashbrown::HashMap;
use model::{Nanos, SpanKind, StatusCode};

mod attributes;
mod block;
mod builder;
mod bytes;
mod calls;
mod cells;
mod durations;
mod file;
mod names;
mod read;
#[cfg(test)]
mod tests;

pub use attributes::named_end;
pub use block::{CallCell, SpanCell};
pub use builder::Builder as SummaryBuilder;
pub use calls::{Half, Side, join};
pub use cells::CallCounts;
pub use durations::{DurationCounts, Durations, MAX_BUCKETS, SCHEMA, bucket_of, exponent_of, upper_bound};
pub(crate) use file::SUFFIX;
pub use read::{Summaries, Wanted};

use block::Block;

/// Where spans are counted that have no place of their own: those of names beyond the limits, or too long.
pub const OTHER: &str = "(other)";
/// The caller of root spans of kind server: whoever sends requests and no spans.
pub const USER: &str = "user";

/// A service, by the attributes of its resource.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServiceName {
    /// `service.namespace`; empty when it sends none.
    pub namespace: String,
    pub name: String,
}

/// Spans that are counted together. `service` is an index of [`SpanSummary::services`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Operation {
    pub service: u32,
    pub name: String,
    pub kind: SpanKind,
    pub status: StatusCode,
    /// Whether the spans have no parent.
    pub is_root: bool,
}

/// One end of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum End {
    /// An index of [`SpanSummary::services`].
    Service(u32),
    /// An index of [`SpanSummary::peers`]: what sends no spans.
    Peer(u32),
}

/// How two ends are connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Connection {
    /// A request to a service that sends spans.
    Call = 0,
    /// A message: to or from a queue, or between services where no destination is named.
    Messaging = 1,
    Database = 2,
    /// One end sends no spans and is neither a queue nor a database.
    Virtual = 3,
}

impl Connection {
    pub const ALL: [Self; 4] = [Self::Call, Self::Messaging, Self::Database, Self::Virtual];

    /// The value of the label `connection_type` in metrics of a service graph.
    pub fn name(self) -> &'static str {
        match self {
            Connection::Call => "",
            Connection::Messaging => "messaging_system",
            Connection::Database => "database",
            Connection::Virtual => "virtual_node",
        }
    }
}

/// Calls that are counted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Edge {
    pub client: End,
    pub server: End,
    pub connection: Connection,
}

/// What resources said of their service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Trait {
    /// `service.version`
    Version = 0,
    /// `service.instance.id`
    Instance = 1,
    /// `deployment.environment.name`
    Environment = 2,
    /// `telemetry.sdk.language`
    Language = 3,
}

impl Trait {
    pub(crate) const ALL: [Self; 4] = [Self::Version, Self::Instance, Self::Environment, Self::Language];

    fn key(self) -> &'static str {
        match self {
            Trait::Version => "service.version",
            Trait::Instance => "service.instance.id",
            Trait::Environment => "deployment.environment.name",
            Trait::Language => "telemetry.sdk.language",
        }
    }
}

/// A [`Trait`] of a service, and the first and the last slot with spans that had it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    pub service: u32,
    pub what: Trait,
    pub value: String,
    pub slots: (i64, i64),
}

/// How a summary divides time: slot `n` begins `n` widths after the origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slots {
    pub origin: Nanos,
    /// At least 1.
    pub width: Nanos,
}

impl Slots {
    /// Whole minutes: those of every file.
    pub const MINUTES: Slots = Slots { origin: 0, width: model::time::MINUTE };

    pub fn of(self, time: Nanos) -> i64 {
        time.saturating_sub(self.origin).div_euclid(self.width)
    }

    pub fn start(self, slot: i64) -> Nanos {
        self.origin.saturating_add(slot.saturating_mul(self.width))
    }
}

/// What spans add up to. Names are counted from 0 in the order of their lists.
#[derive(Clone, Debug)]
pub struct SpanSummary {
    pub slots: Slots,
    pub services: Vec<ServiceName>,
    pub operations: Vec<Operation>,
    /// Databases, queues, and others that send no spans.
    pub peers: Vec<String>,
    pub edges: Vec<Edge>,
    pub facts: Vec<Fact>,
    /// Sides of calls whose other side is not among the rows.
    pub halves: Vec<Half>,
    /// Spans that are counted.
    pub n_spans: u64,
    /// Of these, spans that are counted as [`OTHER`], since there were too many names.
    pub n_other: u64,
    /// Spans on the serving side of calls that are not counted, since there was no room to wait for the other side.
    pub n_unpaired: u64,
    blocks: Vec<Block>,
}

impl SpanSummary {
    /// About how much memory it takes.
    pub(crate) fn memory(&self) -> usize {
        let blocks: usize = self.blocks.iter().map(Block::memory).sum();
        let names = self.operations.iter().map(|it| it.name.len() + size_of::<Operation>()).sum::<usize>();
        let facts = self.facts.iter().map(|it| it.value.len() + size_of::<Fact>()).sum::<usize>();
        blocks + names + facts + self.halves.len() * size_of::<Half>() + self.edges.len() * size_of::<Edge>()
    }
}

/// Indices of values in the order in which they came.
#[derive(Clone, Debug)]
struct Index<T> {
    list: Vec<T>,
    by_value: HashMap<T, u32>,
}

impl<T> Default for Index<T> {
    fn default() -> Self {
        Index { list: Vec::new(), by_value: HashMap::new() }
    }
}

impl<T: Clone + Eq + std::hash::Hash> Index<T> {
    fn get<Q: Eq + std::hash::Hash + ?Sized>(&self, value: &Q) -> Option<u32>
    where
        T: std::borrow::Borrow<Q>,
    {
        self.by_value.get(value).copied()
    }

    fn add(&mut self, value: T) -> u32 {
        if let Some(known) = self.get(&value) {
            return known;
        }
        let index = self.list.len() as u32;
        self.list.push(value.clone());
        self.by_value.insert(value, index);
        index
    }
}
