//! What spans and log records have in common for who counts them.

use model::{Attrs, Nanos, Resource};
use query::lang::{BoundLogs, BoundSpans, LogFilter, SpanFilter};
use store::{LogChunk, SpanChunk};

/// Rows of one kind, in chunks, with filters in the search language. Spans and log records are the two there are.
pub(super) trait Signal {
    type Chunk;
    type Filter;
    type Bound<'a>;

    fn len(chunk: &Self::Chunk) -> usize;
    /// The distinct services, and each row's index among them.
    fn services(chunk: &Self::Chunk) -> Option<(Vec<&str>, &[i32])>;
    /// As the services, the names of operations; `None` where rows have none.
    fn names(chunk: &Self::Chunk) -> Option<(Vec<&str>, &[i32])>;
    /// The number of the kind; 0 where rows have none.
    fn kind(chunk: &Self::Chunk, row: usize) -> u8;
    fn time(chunk: &Self::Chunk, row: usize) -> Nanos;
    /// Whether its status is error, and how long it took; of spans only.
    fn outcome(chunk: &Self::Chunk, row: usize) -> (bool, Nanos);
    fn attrs(chunk: &Self::Chunk, row: usize) -> Attrs<'_>;
    fn resource(chunk: &Self::Chunk, row: usize) -> Resource<'_>;
    fn resource_key(chunk: &Self::Chunk, row: usize) -> Option<usize>;
    fn bind<'a>(filter: &'a Self::Filter, chunk: &'a Self::Chunk) -> Self::Bound<'a>;
    fn matches(bound: &mut Self::Bound<'_>, row: usize) -> bool;
}

pub(super) struct Spans;

impl Signal for Spans {
    type Chunk = SpanChunk;
    type Filter = SpanFilter;
    type Bound<'a> = BoundSpans<'a>;

    fn len(chunk: &SpanChunk) -> usize {
        chunk.len()
    }

    fn services(chunk: &SpanChunk) -> Option<(Vec<&str>, &[i32])> {
        chunk.services().map(|(names, keys)| (names.iter().map(Option::unwrap_or_default).collect(), keys))
    }

    fn names(chunk: &SpanChunk) -> Option<(Vec<&str>, &[i32])> {
        chunk.names().map(|(names, keys)| (names.iter().map(Option::unwrap_or_default).collect(), keys))
    }

    fn kind(chunk: &SpanChunk, row: usize) -> u8 {
        chunk.kind(row) as u8
    }

    fn time(chunk: &SpanChunk, row: usize) -> Nanos {
        chunk.start(row)
    }

    fn outcome(chunk: &SpanChunk, row: usize) -> (bool, Nanos) {
        (chunk.is_error(row), chunk.duration(row))
    }

    fn attrs(chunk: &SpanChunk, row: usize) -> Attrs<'_> {
        chunk.attrs(row)
    }

    fn resource(chunk: &SpanChunk, row: usize) -> Resource<'_> {
        chunk.resource(row)
    }

    fn resource_key(chunk: &SpanChunk, row: usize) -> Option<usize> {
        chunk.resource_key(row)
    }

    fn bind<'a>(filter: &'a SpanFilter, chunk: &'a SpanChunk) -> BoundSpans<'a> {
        filter.bind(chunk)
    }

    fn matches(bound: &mut BoundSpans<'_>, row: usize) -> bool {
        bound.matches(row)
    }
}

pub(super) struct Logs;

impl Signal for Logs {
    type Chunk = LogChunk;
    type Filter = LogFilter;
    type Bound<'a> = BoundLogs<'a>;

    fn len(chunk: &LogChunk) -> usize {
        chunk.len()
    }

    fn services(chunk: &LogChunk) -> Option<(Vec<&str>, &[i32])> {
        chunk.services().map(|(names, keys)| (names.iter().map(Option::unwrap_or_default).collect(), keys))
    }

    fn names(_: &LogChunk) -> Option<(Vec<&str>, &[i32])> {
        None
    }

    fn kind(_: &LogChunk, _: usize) -> u8 {
        0
    }

    fn time(chunk: &LogChunk, row: usize) -> Nanos {
        chunk.time(row)
    }

    fn outcome(_: &LogChunk, _: usize) -> (bool, Nanos) {
        (false, 0)
    }

    fn attrs(chunk: &LogChunk, row: usize) -> Attrs<'_> {
        chunk.attrs(row)
    }

    fn resource(chunk: &LogChunk, row: usize) -> Resource<'_> {
        chunk.resource(row)
    }

    fn resource_key(chunk: &LogChunk, row: usize) -> Option<usize> {
        chunk.resource_key(row)
    }

    fn bind<'a>(filter: &'a LogFilter, chunk: &'a LogChunk) -> BoundLogs<'a> {
        filter.bind(chunk)
    }

    fn matches(bound: &mut BoundLogs<'_>, row: usize) -> bool {
        bound.matches(row)
    }
}
