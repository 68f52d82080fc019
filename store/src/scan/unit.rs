//! What a scan has yet to read, and what of it comes next.

use std::cmp::{Ordering, Reverse};
use std::sync::Arc;

use model::Nanos;

use super::logs::LogSegment;
use crate::segment::{RowGroup, Segment};
use crate::snapshot::Order;
use crate::text::Matches;

/// Rows between two times, both included.
pub(super) struct Unit {
    pub(super) order: Order,
    pub(super) min_time: Nanos,
    pub(super) max_time: Nanos,
    /// Earlier ones come first where times are equal.
    pub(super) number: usize,
    pub(super) source: Source,
}

pub(super) enum Source {
    /// A chunk in memory, by its number.
    Memory(usize),
    /// Not opened yet.
    Segment(Arc<Segment>),
    RowGroup {
        part: Part,
        /// Where rows of the segment may be once more.
        later: Arc<[Part]>,
    },
    /// Log records of a row group: those that are left, or all when nothing has been asked yet.
    Logs { logs: Arc<LogSegment>, index: usize, rows: Option<Matches> },
}

/// A row group of a segment, with its number and its bounds.
pub(super) struct Part {
    pub(super) segment: Arc<Segment>,
    pub(super) index: usize,
    pub(super) group: RowGroup,
}

impl Unit {
    /// The time that none of its rows is beyond.
    pub(super) fn bound(&self) -> Nanos {
        match self.order {
            Order::NewestFirst => self.max_time,
            Order::OldestFirst => self.min_time,
        }
    }

    pub(super) fn is_read_from_disk(&self) -> bool {
        matches!(self.source, Source::RowGroup { .. } | Source::Logs { .. })
    }

    /// The greater the sooner.
    fn rank(&self) -> (Nanos, Reverse<usize>) {
        let time = match self.order {
            Order::NewestFirst => self.max_time,
            Order::OldestFirst => !self.min_time, // as a minus sign, for every number there is
        };
        (time, Reverse(self.number))
    }
}

impl Ord for Unit {
    fn cmp(&self, other: &Self) -> Ordering {
        self.rank().cmp(&other.rank())
    }
}

impl PartialOrd for Unit {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Unit {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Unit {}
