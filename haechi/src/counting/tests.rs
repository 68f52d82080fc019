//! SLOs over the rows of a real store: the pass against what is written beside each row.

use std::path::Path;

use bytes::Bytes;
use model::span::{Events as SpanEvents, Links};
use model::time::{MINUTE, SECOND};
use model::{Attrs, AttrsBuf, LogRecord, Resource, Scope, Span, SpanId, SpanKind, StatusCode, Value};
use slo::Count;
use store::{Request, Rows, StoreConfig};

use super::*;

fn open(dir: &Path) -> Arc<Store> {
    let decode = Box::new(|rows: Rows, _: u8, _: &[u8], _: Nanos| Ok(rows));
    Store::open(StoreConfig::new(dir), decode).unwrap().0
}

fn append(store: &Store, rows: Rows, number: u64) {
    let body = Bytes::copy_from_slice(&number.to_le_bytes());
    store.append_blocking(Request { kind: 0, received_at: 0, body, dedup: true, rows }).unwrap();
}

fn attrs(pairs: &[(&str, Value<'_>)]) -> AttrsBuf {
    let mut attrs = AttrsBuf::new();
    pairs.iter().for_each(|(key, value)| attrs.push(key, *value));
    attrs
}

/// A failed server span `GET /` of service `shop` that took 50 ns, on a resource with environment `prod`.
fn push_span(rows: &mut Rows, start: Nanos, own: &AttrsBuf, status: StatusCode) {
    let resource = attrs(&[("deployment.environment.name", Value::Str("prod"))]);
    rows.spans.push(&Span {
        trace_id: TraceId((start as u128 + 1).to_be_bytes()),
        span_id: SpanId([1; 8]),
        parent_span_id: None,
        trace_state: "",
        flags: 0,
        name: "GET /",
        kind: SpanKind::Server,
        start,
        duration: 50,
        status,
        status_message: "",
        attrs: Attrs::new(own.as_bytes()),
        events: SpanEvents::default(),
        links: Links::default(),
        dropped_attributes: 0,
        dropped_events: 0,
        dropped_links: 0,
        service: "shop",
        resource: Resource::new(resource.as_bytes()),
        scope: Scope::default(),
    });
}

fn slo(keys: &str) -> Arc<Slo> {
    let text = format!("name: a\nobjective: 99\n{keys}");
    Arc::new(slo::spec::parse("f.yaml", &text).unwrap_or_else(|errors| panic!("{keys}: {errors}")).remove(0))
}

fn total(tally: &Tally) -> Count {
    tally.cells.iter().fold(Count::default(), |sum, (_, _, count)| sum + *count)
}

/// Events by group.
fn by_group(tally: &Tally) -> Vec<(Group, Count)> {
    let of = |place: usize| {
        let cells = tally.cells.iter().filter(move |(index, ..)| *index as usize == place);
        cells.fold(Count::default(), |sum, (_, _, count)| sum + *count)
    };
    let mut groups: Vec<_> = tally.groups.iter().cloned().enumerate().map(|(at, group)| (group, of(at))).collect();
    groups.sort_by(|a, b| a.0.cmp(&b.0));
    groups
}

#[test]
fn selects_spans_by_service_operation_kind_attributes_and_search() {
    let table = [
        ("service: shop", true),
        ("service: Shop", false),
        ("service: shop\noperation: GET /", true),
        ("service: shop\noperation: GET", false),
        ("service: shop\nkind: any", true),
        ("service: shop\nkind: client", false),
        ("service: shop\nattributes: {http.response.status_code: 500}", true),
        ("service: shop\nattributes: {http.response.status_code: '500'}", true),
        ("service: shop\nattributes: {http.response.status_code: 501}", false),
        ("service: shop\nattributes: {http.response.status_code: 500, cached: false}", true),
        ("service: shop\nattributes: {http.response.status_code: 500, cached: true}", false),
        ("service: shop\nattributes: {ratio: 0.5}", true),
        ("service: shop\nattributes: {absent: ''}", false),
        ("service: shop\nattributes: {deployment.environment.name: prod}", true),
        ("service: shop\nattributes: {deployment.environment.name: demo}", false),
        // The span's own attribute hides that of its resource.
        ("service: shop\nattributes: {zone: a}", true),
        ("service: shop\nattributes: {zone: b}", false),
        ("service: shop\nfilter: 'zone=a'", true),
        ("service: shop\nfilter: 'zone=a cached=true'", false),
        ("service: shop\nfilter: 'zone=b OR ratio>0.4'", true),
        ("service: shop\nfilter: 'NOT zone=a'", false),
        ("service: shop\nfilter: 'duration>40ns AND status=error'", true),
        ("service: shop\noperation: GET /\nattributes: {zone: a}\nfilter: 'duration>60ns'", false),
    ];
    let own = attrs(&[
        ("http.response.status_code", Value::Int(500)),
        ("cached", Value::Bool(false)),
        ("ratio", Value::Double(0.5)),
        ("zone", Value::Str("a")),
    ]);
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let stored = Stored::new(Arc::clone(&store)).unwrap();
    stored.look();
    let mut rows = Rows::default();
    push_span(&mut rows, 10 * MINUTE, &own, StatusCode::Error);
    append(&store, rows, 1);
    let slos: Vec<_> = table.iter().map(|(keys, _)| slo(&format!("{keys}\nindicator: availability\n"))).collect();
    let mut look = stored.look();
    let news = look.news(&slos).unwrap().unwrap();
    // The same from a segment, with the columns that are asked for and no more.
    store.flush().unwrap();
    let look = stored.look();
    for (at, (keys, expected)) in table.iter().enumerate() {
        let expected = Count { good: 0, total: u64::from(*expected) };
        assert_eq!(total(&news[at]), expected, "{keys}");
        let counted = look.count(&slos[at..=at], TimeRange::new(9 * MINUTE, 11 * MINUTE)).unwrap();
        assert_eq!(total(&counted[0]), expected, "{keys}, from a segment");
    }
}

#[test]
fn every_span_is_counted_once_for_each_slo_and_group() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let stored = Stored::new(Arc::clone(&store)).unwrap();
    let slos = [
        slo("service: shop\nindicator: availability\n"),
        slo("service: shop\nindicator: {latency: {threshold: 1ms, errors: excluded}}\nby: http.route\n"),
        slo(
            "service: shop\nindicator: {availability: {client_errors: bad}}\nby: [http.route, deployment.environment.name]\n",
        ),
        slo("service: other\nindicator: availability\n"),
        slo("service: shop\nindicator: {promql: {error_ratio: 'x[$window]'}}\n"),
    ];
    assert_eq!(stored.look().news(&slos).unwrap(), None);
    let mut sums = vec![Vec::<Tally>::new(); slos.len()];
    for round in 0..20_u64 {
        let mut rows = Rows::default();
        for number in 0..50 {
            let route = ["/a", "/b"][number as usize % 2];
            let status = if number % 10 == 0 { StatusCode::Error } else { StatusCode::Unset };
            let code = if number % 5 == 0 { 404 } else { 200 };
            let own = attrs(&[("http.route", Value::Str(route)), ("http.response.status_code", Value::Int(code))]);
            push_span(&mut rows, MINUTE + (round * 50 + number) as Nanos * SECOND, &own, status);
        }
        append(&store, rows, round);
        if round % 6 == 2 {
            store.flush().unwrap();
        }
        let news = stored.look().news(&slos).unwrap().unwrap();
        sums.iter_mut().zip(news).for_each(|(sums, tally)| sums.push(tally));
    }
    let of = |place: usize| sums[place].iter().map(total).fold(Count::default(), |a, b| a + b);
    assert_eq!([of(0), of(1), of(2)].map(|it| it.total), [1000, 900, 1000]);
    assert_eq!([of(0), of(1), of(2)].map(|it| it.good), [900, 900, 800]);
    assert_eq!((of(3).total, of(4).total), (0, 0));
    // What is counted again of all of it comes to the same, by group too.
    let counted = stored.look().count(&slos, TimeRange::new(0, 60 * MINUTE)).unwrap();
    assert_eq!(counted.iter().map(total).collect::<Vec<_>>(), (0..slos.len()).map(of).collect::<Vec<_>>());
    let groups = by_group(&counted[2]);
    let expected = [(["/a", "prod"], 400), (["/b", "prod"], 400)]
        .map(|(values, good)| (Group::of(values), Count { good, total: 500 }));
    assert_eq!(groups, expected);
    // Buckets are those of the times.
    let minute =
        counted[0].cells.iter().filter(|(_, bucket, _)| *bucket == 3).map(|(.., count)| count.total).sum::<u64>();
    assert_eq!(minute, 60);
    let bad = stored.look().bad_traces(
        &slos[2],
        &|group| *group == Group::of(["/b", "prod"]),
        TimeRange::new(0, 60 * MINUTE),
        3,
    );
    let start = |id: &TraceId| u128::from_be_bytes(id.0) as Nanos - 1;
    let seconds: Vec<_> = bad.iter().map(|id| (start(id) - MINUTE) / SECOND).collect();
    assert_eq!(seconds, [995, 985, 975]);
}

#[test]
fn log_records_are_counted_by_their_conditions() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let stored = Stored::new(Arc::clone(&store)).unwrap();
    let slos = [
        slo("service: shop\nindicator: {logs: {filter: 'order', bad: 'severity>=error'}}\n"),
        slo("service: shop\nindicator: {logs: {good: 'accepted'}}\nby: tenant\n"),
    ];
    stored.look();
    let mut rows = Rows::default();
    for number in 0..100_u8 {
        let own = attrs(&[("tenant", Value::Str(if number < 25 { "x" } else { "y" }))]);
        let body = if number % 4 == 0 { "order refused" } else { "order accepted" };
        rows.logs.push(&LogRecord {
            time: Nanos::from(number) * SECOND,
            observed_time: 0,
            severity_number: if number % 4 == 0 { 17 } else { 9 },
            severity_text: "",
            body: if number >= 90 { "something else" } else { body },
            body_value: &[],
            event_name: "",
            trace_id: Some(TraceId([number + 1; 16])),
            span_id: None,
            flags: 0,
            attrs: Attrs::new(own.as_bytes()),
            dropped_attributes: 0,
            service: "shop",
            resource: Resource::new(&[]),
            scope: Scope::default(),
        });
    }
    append(&store, rows, 1);
    let expected = [Count { good: 67, total: 90 }, Count { good: 67, total: 100 }];
    let news = stored.look().news(&slos).unwrap().unwrap();
    assert_eq!(news.iter().map(total).collect::<Vec<_>>(), expected);
    store.flush().unwrap();
    let look = stored.look();
    let range = TimeRange::new(0, 10 * MINUTE);
    let counted = look.count(&slos, range).unwrap();
    assert_eq!(counted.iter().map(total).collect::<Vec<_>>(), expected);
    let x = by_group(&counted[1]).into_iter().find(|(group, _)| *group == Group::of(["x"])).unwrap();
    assert_eq!(x.1, Count { good: 18, total: 25 });
    assert_eq!(
        look.bad_traces(&slos[1], &|group| *group == Group::of(["x"]), range, 2),
        [TraceId([25; 16]), TraceId([21; 16])]
    );
}

#[test]
fn more_groups_than_are_told_apart_are_of_the_rest() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let stored = Stored::new(Arc::clone(&store)).unwrap();
    stored.look();
    let mut rows = Rows::default();
    for number in 0..10_500_u32 {
        let own = attrs(&[("id", Value::Str(&number.to_string()))]);
        push_span(&mut rows, MINUTE, &own, StatusCode::Unset);
    }
    append(&store, rows, 1);
    let slos = [slo("service: shop\nindicator: availability\nby: id\n")];
    let news = stored.look().news(&slos).unwrap().unwrap();
    let rest = by_group(&news[0]).into_iter().find(|(group, _)| *group == Group::Rest).unwrap();
    assert_eq!((news[0].groups.len(), rest.1.total, total(&news[0]).total), (10_001, 500, 10_500));
}
