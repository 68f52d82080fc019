//! Searches for several spans against the meaning of the words, on random traces.

use std::collections::BTreeMap;

use model::{SpanKind, TimeRange};
use proptest::prelude::*;

use crate::testing::{TestSpan, TestStore};
use crate::traces::{Language, TraceOrder, TraceSearch};

use super::{find, wanted};

/// Spans with ids of their own in each trace, below one with a smaller id, which may be missing.
fn any_spans() -> impl Strategy<Value = Vec<TestSpan>> {
    let span = (1..8u128, 1..30u64, 0..30u64, 0..200i64, prop::sample::select(vec!["a", "b", "c"]));
    prop::collection::vec(span, 1..90).prop_map(|spans| {
        let mut by_id: BTreeMap<(u128, u64), TestSpan> = BTreeMap::new();
        for (trace, id, parent, start, name) in spans {
            let span = TestSpan::new(trace, id, start).below(parent % id).of("s", name, SpanKind::Internal);
            by_id.insert((trace, id), span);
        }
        // Stored in the order of time, so that parts of the store follow one another.
        let mut spans: Vec<TestSpan> = by_id.into_values().collect();
        spans.sort_by_key(|span| span.start);
        spans
    })
}

/// The spans above one, the nearest first.
fn above<'a>(spans: &'a [TestSpan], span: &'a TestSpan) -> impl Iterator<Item = &'a TestSpan> {
    let parent = |span: &TestSpan| {
        let (trace, id) = (span.trace, span.parent);
        spans.iter().find(move |other| id > 0 && other.trace == trace && other.id == id)
    };
    std::iter::successors(parent(span), move |span| parent(span))
}

type Related = fn(&[TestSpan], &TestSpan, &TestSpan) -> bool;

/// In words, in TraceQL, and as a test of a span against another of its trace.
const RELATIONS: [(&str, &str, Related); 5] = [
    ("CHILD OF", ">", |spans, a, b| above(spans, a).next().is_some_and(|it| it.id == b.id)),
    ("DESCENDANT OF", ">>", |spans, a, b| above(spans, a).any(|it| it.id == b.id)),
    ("PARENT OF", "<", |spans, a, b| above(spans, b).next().is_some_and(|it| it.id == a.id)),
    ("ANCESTOR OF", "<<", |spans, a, b| above(spans, b).any(|it| it.id == a.id)),
    ("SIBLING OF", "~", |spans, a, b| {
        let parent = |span| above(spans, span).next().map(|it| it.id);
        a.id != b.id && parent(a).is_some() && parent(a) == parent(b)
    }),
];

proptest! {
    // Each case writes a store; each store is asked many questions.
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn relations_find_what_they_say(
        spans in any_spans(),
        questions in prop::collection::vec((0..5usize, 0..3usize, 0..3usize, any::<bool>(), 0..150i64, 1..250i64, 1..6usize), 12),
    ) {
        let store = TestStore::in_thirds(&spans, TestStore::add_spans);
        for (relation, a, b, negated, from, length, limit) in questions {
            let (words, sign, is_related) = RELATIONS[relation];
            let (a, b) = (["a", "b", "c"][a], ["a", "b", "c"][b]);
            let range = TimeRange::new(from, from + length);
            let in_range = |trace: u128, name: &str| {
                spans.iter().any(|span| span.trace == trace && span.name == name && range.contains(span.start))
            };
            let matches = |trace: u128| {
                let of = |name: &'static str| spans.iter().filter(move |span| span.trace == trace && span.name == name);
                in_range(trace, a)
                    && (negated || in_range(trace, b))
                    && of(a).any(|span| of(b).any(|other| is_related(&spans, span, other)) != negated)
            };
            let expected: Vec<u128> = (1..8).filter(|trace| matches(*trace)).collect();
            let (not, bang) = if negated { ("NOT ", "!") } else { ("", "") };
            for (language, query) in [
                (Language::Search, format!("{{ name={a} }} {not}{words} {{ name={b} }}")),
                (Language::TraceQl, format!("{{ name = \"{b}\" }} {bang}{sign} {{ name = \"{a}\" }}")),
            ] {
                for order in [TraceOrder::Newest, TraceOrder::MostSpans] {
                    let search = TraceSearch { range, order, ..wanted(language, &query) };
                    let hits = find(&store, &search).unwrap();
                    let mut found: Vec<u128> =
                        hits.traces.iter().map(|trace| u128::from_be_bytes(trace.trace_id.0)).collect();
                    found.sort_unstable();
                    prop_assert_eq!(&found, &expected, "{} in {:?}", &query, range);
                    let few = find(&store, &TraceSearch { limit, ..search }).unwrap();
                    prop_assert_eq!(few.traces.len(), limit.min(expected.len()), "{}", &query);
                    prop_assert!(few.truncated || few.n_traces == expected.len(), "{}", &query);
                }
            }
        }
    }
}
