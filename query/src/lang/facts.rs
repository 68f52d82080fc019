//! What conditions may ask of the trace that a span is in.

use model::Nanos;

/// A whole trace, as far as conditions on its spans ask for it.
#[derive(Clone, Debug, Default)]
pub(crate) struct TraceFacts {
    /// Of the earliest span without a parent; empty when that has not arrived.
    pub(crate) root_service: String,
    pub(crate) root_name: String,
    /// From the start of the earliest span to the end of the last.
    pub(crate) duration: Nanos,
    /// In depth-first order.
    pub(crate) spans: Vec<SpanPlace>,
}

/// A span's place in its trace.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SpanPlace {
    /// Index in [`TraceFacts::spans`].
    pub(crate) parent: Option<usize>,
    pub(crate) depth: usize,
    /// They follow the span directly.
    pub(crate) n_descendants: usize,
    pub(crate) n_children: usize,
    /// It names a parent that is not there.
    pub(crate) is_orphan: bool,
}

/// A span within its trace.
#[derive(Clone, Copy, Debug)]
pub(crate) struct At<'a> {
    pub(crate) facts: &'a TraceFacts,
    /// Index in [`TraceFacts::spans`].
    pub(crate) index: usize,
}

impl At<'_> {
    pub(super) fn place(&self) -> SpanPlace {
        self.facts.spans[self.index]
    }

    /// The number of a span in the nested set of its trace, on its way down: from 1, in depth-first order.
    pub(super) fn left(&self) -> i64 {
        left(self.index, self.place().depth)
    }

    /// The number on the way up.
    pub(super) fn right(&self) -> i64 {
        self.left() + 2 * self.place().n_descendants as i64 + 1
    }

    /// The left number of the parent; -1 of a root, 0 when the parent is not there.
    pub(super) fn parent_left(&self) -> i64 {
        match self.place() {
            SpanPlace { parent: Some(parent), depth, .. } => left(parent, depth - 1),
            SpanPlace { is_orphan: true, .. } => 0,
            _ => -1,
        }
    }
}

/// Each span before this one has been entered, and all but its ancestors have been left.
fn left(index: usize, depth: usize) -> i64 {
    2 * index as i64 - depth as i64 + 1
}
