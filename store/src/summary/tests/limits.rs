//! What is bounded: names, ranges, blocks.

use model::time::MINUTE;
use model::{AttrsBuf, Resource, Scope, Span, SpanId, SpanKind, StatusCode, TimeRange, TraceId, Value};

use super::*;

fn server(id: usize, name: &str) -> RecordBatch {
    let mut rows = Rows::default();
    let mut resource = AttrsBuf::new();
    resource.push("service.name", Value::Str("shop"));
    rows.spans.push(&Span {
        trace_id: TraceId((id as u128 + 1).to_be_bytes()),
        span_id: SpanId((id as u64 + 1).to_be_bytes()),
        parent_span_id: None,
        trace_state: "",
        flags: 0,
        name,
        kind: SpanKind::Server,
        start: id as i64,
        duration: 5,
        status: StatusCode::Unset,
        status_message: "",
        attrs: Default::default(),
        events: Events::default(),
        links: Links::default(),
        dropped_attributes: 0,
        dropped_events: 0,
        dropped_links: 0,
        service: "shop",
        resource: Resource::new(resource.as_bytes()),
        scope: Scope::default(),
    });
    rows.finish().into_iter().find(|(table, _)| *table == Table::Spans).unwrap().1
}

#[test]
fn names_without_end_are_counted_as_others() {
    let mut builder = SummaryBuilder::new(Slots::MINUTES);
    (0..1_200).for_each(|id| builder.add(&server(id, &format!("GET /user/{id}"))));
    builder.add(&server(1_200, &"x".repeat(5 << 20)));
    builder.add(&server(1_201, "GET /user/7"));
    let summary = SpanSummary::from_bytes(&builder.finish().to_bytes()).unwrap();
    assert_eq!((summary.operations.len(), summary.n_spans, summary.n_other), (1_001, 1_202, 201));
    let mut of_others = 0;
    let is_other = |operation: u32| summary.operations[operation as usize].name == OTHER;
    let wanted = Wanted { slots: 0..1, operation: &is_other, edge: &|_| true };
    summary.spans(&wanted, |cell| of_others += cell.durations.n_total()).unwrap();
    assert_eq!(of_others, 201);
}

#[test]
fn a_range_counts_what_starts_in_it_and_pairs_across_its_ends() {
    let call = |id, parent, kind, start: Nanos| Sent {
        trace: 0,
        id,
        parent,
        service: id % 2,
        name: 0,
        kind,
        status: StatusCode::Unset,
        start,
        duration: 1_000,
        other: 1,
    };
    // Two calls: one is served within the range, one after it.
    let spans = [
        call(2, 9, SpanKind::Client, 900),
        call(3, 2, SpanKind::Server, 1_000),
        call(4, 9, SpanKind::Client, 1_900),
        call(5, 4, SpanKind::Server, 2_000),
    ];
    let range = TimeRange::new(1_000, 2_000);
    let mut builder = SummaryBuilder::of_range(Slots { origin: 1_000, width: 250 }, range);
    builder.add(&batch(&spans));
    let summary = builder.finish();
    let totals = Totals::of(&[summary]);
    let calls: Vec<_> = totals.calls.iter().map(|(key, calls)| (key.2, key.3, calls.0)).collect();
    assert_eq!(calls, [(Connection::Call, 0, 1)]);
    let slots: Vec<i64> = totals.spans.keys().map(|key| key.5).collect();
    assert_eq!(slots, [3, 0], "by name of the service");
}

#[test]
fn many_cells_take_several_blocks_and_add_up() {
    let mut builder = SummaryBuilder::new(Slots::MINUTES);
    let spans: Vec<Sent> = (0..70_000i64)
        .map(|n| Sent {
            trace: (n % 200) as u8,
            id: (n % 251) as u8 + 1,
            parent: 0,
            service: (n % 4) as u8,
            name: (n % 3) as u8,
            kind: SpanKind::Internal,
            status: StatusCode::Unset,
            start: n * MINUTE / 3,
            duration: n,
            other: 0,
        })
        .collect();
    spans.chunks(10_000).for_each(|spans| builder.add(&batch(spans)));
    let summary = SpanSummary::from_bytes(&builder.finish().to_bytes()).unwrap();
    assert!(summary.blocks.len() > 1);
    assert!(Totals::of(&[summary]) == Totals::naive(&spans));
}
