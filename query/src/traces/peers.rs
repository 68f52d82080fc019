//! How a span stands among the other spans of its operation that start around it.

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashSet};
use model::time::HOUR;
use model::{Nanos, Span, TimeRange, Value};
use store::{Filter, Order, Scan, Snapshot, SpanChunk, Texts};

use crate::{Budget, QueryError, Warnings};

/// How far from the span others are looked for, on either side, and how many of each side are enough.
const REACH: Nanos = HOUR;
const ENOUGH: usize = 2_500;
/// Attributes of the span that are compared, and of each the distinct values that are counted.
const MAX_KEYS: usize = 64;
const MAX_DISTINCT: usize = 500;
/// Longer texts are not compared, and neither are bytes, arrays and maps.
const MAX_TEXT: usize = 200;

const COLUMNS: &[&str] = &["trace_id", "span_id", "start_time", "duration", "kind", "status", "attributes"];

/// The other spans with the service, name and kind of a span, those nearest in time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Peers {
    /// Ascending.
    pub durations: Vec<Nanos>,
    pub n_errors: usize,
    /// Start of the first and of the last of them.
    pub first: Nanos,
    pub last: Nanos,
    /// Whether there are more of them within the hour before the span and the hour after it.
    pub truncated: bool,
    /// By attribute of the span that is a number, a truth value or a text of up to 200 bytes, in its order.
    pub values: Vec<PeerValue>,
    pub warnings: Vec<String>,
}

/// How common the value of an attribute is among the others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerValue {
    pub key: String,
    /// The string form.
    pub value: String,
    /// Others with the attribute, and of them those with the value.
    pub n_with: usize,
    pub n_same: usize,
    /// Distinct values of the others, 500 at most.
    pub n_distinct: usize,
}

impl Peers {
    /// The duration that at least the share `quantile` (0 to 1) of them is not above; `None` when there is none.
    pub fn quantile(&self, quantile: f64) -> Option<Nanos> {
        let rank = (quantile * self.durations.len() as f64).ceil() as usize;
        self.durations.get(rank.saturating_sub(1).min(self.durations.len().saturating_sub(1))).copied()
    }

    /// How many of them take less time than `duration`.
    pub fn n_shorter(&self, duration: Nanos) -> usize {
        self.durations.partition_point(|other| *other < duration)
    }
}

/// The peers of `of`: the 2,500 before it and the 2,500 after it that are about nearest, none further than an hour. What
/// was found by then when the time is up.
pub fn peers(snapshot: &Snapshot, budget: &Budget, of: &Span<'_>) -> Result<Peers, QueryError> {
    let mut found = Found::new(of);
    let mut warnings = Warnings::new();
    let sides = [
        (TimeRange::new(of.start.saturating_sub(REACH), of.start), Order::NewestFirst),
        (TimeRange::new(of.start, of.start.saturating_add(REACH)), Order::OldestFirst),
    ];
    for (range, order) in sides {
        let service = Filter::Text { column: "service", wanted: Texts::exactly([of.service.to_owned()]) };
        let name = Filter::Text { column: "name", wanted: Texts::exactly([of.name.to_owned()]) };
        let kind = Filter::Number { column: "kind", wanted: vec![of.kind as u8] };
        let scan = Scan::new(range).order(order).columns(COLUMNS).filter(service).filter(name).filter(kind);
        let before = found.peers.durations.len();
        for chunk in snapshot.spans(scan) {
            if budget.is_out_of_time()? || found.peers.durations.len() - before >= ENOUGH {
                found.peers.truncated = true;
                break;
            }
            match chunk {
                Ok(chunk) => found.add(&chunk, order, before + ENOUGH),
                Err(error) => warnings.unreadable(&error),
            }
        }
    }
    let mut peers = found.finish();
    peers.warnings = warnings.into_texts();
    Ok(peers)
}

/// Peers while they come in.
struct Found<'a> {
    of: &'a Span<'a>,
    /// Its attributes, with the hashes of their values.
    attrs: Vec<(&'a str, u64)>,
    hasher: DefaultHashBuilder,
    distinct: Vec<HashSet<u64>>,
    peers: Peers,
}

impl<'a> Found<'a> {
    fn new(of: &'a Span<'a>) -> Self {
        let hasher = DefaultHashBuilder::default();
        let compared = || of.attrs.iter().filter(|(_, value)| is_compared(value)).take(MAX_KEYS);
        let attrs: Vec<_> = compared().map(|(key, value)| (key, hash(&hasher, &value))).collect();
        let value = |(key, value): (&str, Value<'_>)| PeerValue {
            key: key.to_owned(),
            value: value.to_string(),
            n_with: 0,
            n_same: 0,
            n_distinct: 0,
        };
        let values = compared().map(value).collect();
        let peers = Peers { first: Nanos::MAX, last: Nanos::MIN, values, ..Peers::default() };
        Found { of, distinct: vec![HashSet::new(); attrs.len()], attrs, hasher, peers }
    }

    /// Counts the spans of `chunk`, in `order`, until there are `limit`.
    fn add(&mut self, chunk: &SpanChunk, order: Order, limit: usize) {
        let mut rows: Vec<usize> = (0..chunk.len()).collect();
        match order {
            Order::NewestFirst => rows.sort_by_key(|&row| std::cmp::Reverse(chunk.start(row))),
            Order::OldestFirst => rows.sort_by_key(|&row| chunk.start(row)),
        }
        let itself = (self.of.trace_id, self.of.span_id, self.of.start);
        for row in rows {
            let span = chunk.row(row);
            if (span.trace_id, span.span_id, span.start) == itself {
                continue;
            }
            let peers = &mut self.peers;
            if peers.durations.len() >= limit {
                peers.truncated = true;
                return;
            }
            peers.durations.push(span.duration);
            peers.n_errors += usize::from(span.is_error());
            peers.first = peers.first.min(span.start);
            peers.last = peers.last.max(span.start);
            for (key, other) in span.attrs.iter() {
                let Some(index) = self.attrs.iter().position(|(wanted, _)| *wanted == key) else { continue };
                let (hash, value) = (hash(&self.hasher, &other), &mut self.peers.values[index]);
                value.n_with += 1;
                value.n_same += usize::from(hash == self.attrs[index].1);
                if self.distinct[index].len() < MAX_DISTINCT {
                    self.distinct[index].insert(hash);
                }
            }
        }
    }

    fn finish(mut self) -> Peers {
        self.peers.durations.sort_unstable();
        for (value, distinct) in self.peers.values.iter_mut().zip(&self.distinct) {
            value.n_distinct = distinct.len();
        }
        if self.peers.durations.is_empty() {
            (self.peers.first, self.peers.last) = (self.of.start, self.of.start);
        }
        self.peers
    }
}

fn is_compared(value: &Value<'_>) -> bool {
    match value {
        Value::Str(text) => text.len() <= MAX_TEXT,
        Value::Bool(_) | Value::Int(_) | Value::Double(_) => true,
        _ => false,
    }
}

/// Of the string form, which for text is the text; what is not compared is not read.
fn hash(hasher: &DefaultHashBuilder, value: &Value<'_>) -> u64 {
    match value {
        value if !is_compared(value) => 0,
        Value::Str(text) => hasher.hash_one(text),
        other => hasher.hash_one(other.to_string().as_str()),
    }
}

#[cfg(test)]
mod tests {
    use model::SpanKind;
    use model::time::{MINUTE, SECOND};

    use super::*;
    use crate::testing::{TestSpan, TestStore, trace_id};
    use crate::traces::trace;

    const AT: Nanos = 10 * HOUR;

    fn charge(trace: u128, start: Nanos, duration: Nanos) -> TestSpan {
        TestSpan::new(trace, 1, start).of("pay", "charge", SpanKind::Server).lasting(duration)
    }

    fn peers_of(store: &TestStore, id: u128) -> Peers {
        let (snapshot, budget) = (store.snapshot(), Budget::unlimited());
        let trace = trace(&snapshot, &budget, trace_id(id)).unwrap().unwrap();
        peers(&snapshot, &budget, &trace.span(0)).unwrap()
    }

    #[test]
    fn counts_the_spans_of_the_operation_within_an_hour_and_not_itself() {
        let store = TestStore::of_spans(&[
            charge(1, AT, 50)
                .attr("region", Value::Str("eu"))
                .attr("id", Value::Int(1))
                .attr("long", Value::Str(&"x".repeat(201))),
            charge(2, AT - MINUTE, 10).attr("region", Value::Str("us")).attr("id", Value::Int(2)),
            charge(3, AT + MINUTE, 90).attr("region", Value::Str("us")).attr("id", Value::Int(3)),
            charge(4, AT + 30 * MINUTE, 50).attr("region", Value::Str("eu")).failed("declined"),
            charge(5, AT - HOUR, 20),
            // Too far away, of another service, name and kind.
            charge(6, AT + 61 * MINUTE, 1),
            TestSpan::new(7, 1, AT).of("shop", "charge", SpanKind::Server),
            TestSpan::new(8, 1, AT).of("pay", "refund", SpanKind::Server),
            TestSpan::new(9, 1, AT).of("pay", "charge", SpanKind::Client),
        ]);
        let peers = peers_of(&store, 1);
        assert_eq!(peers.durations, [10, 20, 50, 90]);
        assert_eq!((peers.n_errors, peers.first, peers.last), (1, AT - HOUR, AT + 30 * MINUTE));
        assert_eq!((peers.n_shorter(50), peers.quantile(0.5), peers.quantile(0.95)), (2, Some(20), Some(90)));
        assert_eq!((peers.truncated, peers.warnings.len()), (false, 0));
        let values: Vec<_> = peers.values.iter().map(|it| (&*it.key, it.n_with, it.n_same, it.n_distinct)).collect();
        assert_eq!(values, [("region", 3, 1, 2), ("id", 2, 0, 2)]);
    }

    #[test]
    fn takes_the_nearest_of_many() {
        let mut spans = vec![charge(1, AT, 5)];
        spans.extend((0..3_000).map(|i| charge(2 + i, AT - (i as Nanos + 1) * SECOND, i as Nanos)));
        let peers = peers_of(&TestStore::of_spans(&spans), 1);
        assert!(peers.truncated);
        assert_eq!(peers.durations.len(), ENOUGH);
    }

    #[test]
    fn an_operation_that_ran_once_has_no_peers() {
        let peers = peers_of(&TestStore::of_spans(&[charge(1, AT, 5)]), 1);
        assert_eq!((peers.durations.len(), peers.quantile(0.5), peers.n_shorter(5)), (0, None, 0));
    }
}
