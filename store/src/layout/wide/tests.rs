//! Rows written in this layout and read back, whole and in part.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch, UInt32Array};
use arrow::compute::take_record_batch;
use arrow::datatypes::Int32Type;
use model::span::{Events, Links};
use model::{Attrs, AttrsBuf, LogRecord, Resource, Scope, Span, SpanId, SpanKind, StatusCode, TraceId, Value};

use crate::filter::{AttributeFilter, Filter, Place, Texts, Wanted};
use crate::layout::Layout;
use crate::manifest::SegmentEntry;
use crate::rows::{LogRows, SpanRows};
use crate::schema::Table;
use crate::segment::{IdFilter, Recent, Segment, SegmentWriter};
use crate::text::Matches;

/// A pseudo-random number for each `seed`, the same every time.
fn random(seed: u64) -> u64 {
    xxhash_rust::xxh3::xxh3_64(&seed.to_le_bytes())
}

fn trace(number: u64) -> TraceId {
    TraceId([random(number).to_be_bytes(), number.to_be_bytes()].concat().try_into().unwrap())
}

/// Attributes of the most different kinds, some frequent, some rare, some of two types, some twice.
fn attributes(number: u64) -> AttrsBuf {
    let mut attrs = AttrsBuf::new();
    attrs.push("http.route", Value::Str(["/", "/cart", "/orders/{id}"][(number % 3) as usize]));
    attrs
        .push("status", if number.is_multiple_of(5) { Value::Str("200") } else { Value::Int(200 + number as i64 % 7) });
    if number.is_multiple_of(2) {
        attrs.push("share", Value::Double(number as f64 / 3.0));
        attrs.push("unique", Value::Str(&format!("{:x}", random(number))));
    }
    if number.is_multiple_of(11) {
        attrs.push("ok", Value::Bool(number.is_multiple_of(22)));
        attrs.push("status", Value::Int(0));
    }
    if number % 300 == 7 {
        attrs.push(&format!("rare.{}", number % 900), Value::Str(&"z".repeat(number as usize % 200)));
        attrs.push("list", Value::Map(attrs.clone().as_attrs()));
        attrs.push("both", Value::Str("own"));
    }
    attrs
}

/// A trace of up to 40 spans each, sorted by trace id and time as a segment wants them.
fn spans(numbers: std::ops::Range<u64>) -> RecordBatch {
    let mut rows = SpanRows::default();
    let mut traces: Vec<u64> = numbers.collect();
    traces.sort_by_key(|number| trace(*number));
    let resources: Vec<AttrsBuf> = (0..4u8)
        .map(|pod| {
            let mut attrs = AttrsBuf::new();
            attrs.push("service.name", Value::Str(["shop", "bank"][usize::from(pod % 2)]));
            attrs.push("pod", Value::Int(pod.into()));
            attrs.push("both", Value::Str("of the resource"));
            attrs
        })
        .collect();
    for number in traces {
        for index in 0..random(number) % 40 {
            let seed = number * 1000 + index;
            let id = |index: u64| SpanId((number << 8 | index).to_be_bytes());
            let parent = match random(seed) % 10 {
                0 => None,
                1 => Some(id(255)),
                2 => Some(id(index)),
                way => Some(id((index + way) % 40)),
            };
            let attrs = attributes(seed);
            rows.push(&Span {
                trace_id: trace(number),
                span_id: id(index % 37),
                parent_span_id: parent,
                trace_state: if seed.is_multiple_of(50) { "a=b" } else { "" },
                flags: (seed % 3) as u32,
                name: ["GET /", "charge", ""][(seed % 3) as usize],
                kind: SpanKind::from_number(seed % 6),
                start: (number * 1_000_000 + index * 777) as i64,
                duration: (random(seed) % 1_000_000) as i64,
                status: StatusCode::from_number(seed % 3),
                status_message: if seed % 3 == 2 { "failed" } else { "" },
                attrs: attrs.as_attrs(),
                events: Events::new(if seed.is_multiple_of(40) { &[0x0a, 2, 0x12, 0] } else { &[] }),
                links: Links::new(if seed.is_multiple_of(90) { &[0x0a, 0] } else { &[] }),
                dropped_attributes: u32::from(seed.is_multiple_of(70)),
                dropped_events: 0,
                dropped_links: 7,
                service: ["shop", "bank"][(seed % 2) as usize],
                resource: Resource::new(resources[(seed % 4) as usize].as_bytes()),
                scope: Scope::new(&[]),
            });
        }
    }
    rows.finish()
}

fn logs(numbers: std::ops::Range<u64>) -> RecordBatch {
    let mut rows = LogRows::default();
    for number in numbers {
        let attrs = attributes(number);
        rows.push(&LogRecord {
            time: number as i64 * 1000,
            observed_time: [0, number as i64 * 1000 + 5, i64::MIN, number as i64][(number % 4) as usize],
            severity_number: (number % 25) as u8,
            severity_text: ["INFO", "WARN", ""][(number % 3) as usize],
            body: &format!("request {number} took {} ms", random(number) % 500),
            body_value: if number.is_multiple_of(30) { &[0x18, 5] } else { &[] },
            event_name: if number.is_multiple_of(9) { "checkout" } else { "" },
            trace_id: (number % 4 != 0).then(|| trace(number / 10)),
            span_id: (number % 8 != 0).then(|| SpanId((number / 3 + 1).to_be_bytes())),
            flags: 1,
            attrs: attrs.as_attrs(),
            dropped_attributes: 0,
            service: ["shop", "bank"][(number % 2) as usize],
            resource: Resource::new(&[]),
            scope: Scope::new(&[]),
        });
    }
    rows.finish()
}

fn write(dir: &Path, table: Table, groups: &[RecordBatch]) -> (SegmentEntry, Segment) {
    let mut writer = SegmentWriter::create(dir, table, 1, 1, Layout::Wide);
    groups.iter().for_each(|group| writer.write_group(group).unwrap());
    let entry = writer.finish().unwrap();
    let (segment, error) = Segment::new(dir, table, Layout::Wide, entry.clone(), &Arc::new(Recent::new(1 << 20)));
    assert!(error.is_none());
    (entry, segment)
}

/// Each row as text, its attributes in order of their keys.
fn texts(batch: &RecordBatch) -> Vec<String> {
    let mut texts = vec![String::new(); batch.num_rows()];
    for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
        for (row, text) in texts.iter_mut().enumerate() {
            let value = match column.as_dictionary_opt::<Int32Type>() {
                Some(shared) => shared.values().slice(shared.key(row).unwrap(), 1),
                None => column.slice(row, 1),
            };
            if field.name() == "attributes" {
                let mut entries: Vec<String> =
                    Attrs::new(value.as_binary::<i32>().value(0)).iter().map(|entry| format!("{entry:?}")).collect();
                entries.sort_by_key(|entry| entry.split(',').next().map(str::to_owned)); // by key, else as they were
                text.push_str(&entries.join(" "));
            } else {
                text.push_str(&format!("{}={value:?} ", field.name()));
            }
        }
    }
    texts
}

fn read_all(segment: &Segment, index: usize, columns: Option<&[&'static str]>) -> RecordBatch {
    segment.read(index, &columns.map(<[&str]>::to_vec), None, Vec::new()).unwrap().unwrap()
}

#[test]
fn rows_of_both_tables_come_back() {
    for (table, groups) in
        [(Table::Spans, [spans(0..200), spans(200..260)]), (Table::Logs, [logs(0..3_000), logs(3_000..4_000)])]
    {
        let dir = tempfile::tempdir().unwrap();
        let (entry, segment) = write(dir.path(), table, &groups);
        assert_eq!(entry.rows, groups.iter().map(|group| group.num_rows() as u64).sum::<u64>());
        for (index, group) in groups.iter().enumerate() {
            let read = read_all(&segment, index, None);
            assert_eq!(read.schema(), table.schema());
            assert_eq!(texts(&read), texts(group));
        }
    }
}

#[test]
fn each_column_comes_back_alone() {
    for (table, group) in [(Table::Spans, spans(0..60)), (Table::Logs, logs(0..1_000))] {
        let dir = tempfile::tempdir().unwrap();
        let (_, segment) = write(dir.path(), table, std::slice::from_ref(&group));
        for (place, field) in table.schema().fields().iter().enumerate() {
            let name: &'static str = Box::leak(field.name().clone().into_boxed_str());
            let read = read_all(&segment, 0, Some(&[name]));
            assert_eq!(texts(&read), texts(&group.project(&[place]).unwrap()), "{name}");
        }
    }
}

#[test]
fn any_selection_of_rows_comes_back() {
    let group = spans(0..100);
    let dir = tempfile::tempdir().unwrap();
    let (_, segment) = write(dir.path(), Table::Spans, std::slice::from_ref(&group));
    for seed in 0..40 {
        let rows: Vec<u32> = (0..group.num_rows() as u32)
            .filter(|row| random(seed * 10_000 + u64::from(*row)).is_multiple_of(seed + 1))
            .collect();
        let columns: Option<Vec<&'static str>> = (seed.is_multiple_of(2)).then(|| vec!["parent_span_id", "attributes"]);
        let wanted = Matches::of(0..group.num_rows() as u32, &rows);
        let read = segment.read(0, &columns, Some(&wanted), Vec::new()).unwrap().unwrap();
        let mut expected = take_record_batch(&group, &UInt32Array::from(rows)).unwrap();
        if columns.is_some() {
            let place = |name: &str| expected.schema().index_of(name).unwrap();
            expected = expected.project(&[place("parent_span_id"), place("attributes")]).unwrap();
        }
        assert_eq!(texts(&read), texts(&expected), "seed {seed}");
    }
}

/// `n` records whose attributes are what `attributes` makes of their numbers.
fn logs_with(n: u64, attributes: impl Fn(u64) -> AttrsBuf) -> RecordBatch {
    let mut rows = LogRows::default();
    for number in 0..n {
        let attrs = attributes(number);
        rows.push(&LogRecord {
            time: number as i64 * 1000,
            observed_time: number as i64 * 1000 + 5,
            severity_number: 9,
            severity_text: "INFO",
            body: &format!("record {number}"),
            body_value: if number % 7 == 3 { &[0x18, 5] } else { &[] },
            event_name: "",
            trace_id: (number % 3 == 0).then(|| trace(number)),
            span_id: None,
            flags: 1,
            attrs: attrs.as_attrs(),
            dropped_attributes: 0,
            service: "shop",
            resource: Resource::new(&[]),
            scope: Scope::new(&[]),
        });
    }
    rows.finish()
}

#[test]
fn single_rows_come_back_whatever_columns_they_have() {
    let keys = |number: u64, keys: &mut dyn Iterator<Item = u64>| {
        let mut attrs = AttrsBuf::new();
        keys.for_each(|key| attrs.push(&format!("key.{key}"), Value::Int((number * key) as i64)));
        attrs
    };
    let cases: [(&str, RecordBatch); 7] = [
        ("no attributes", logs_with(50, |_| AttrsBuf::new())),
        ("one row", logs_with(1, |number| keys(number, &mut (0..3)))),
        ("none, one, all", logs_with(300, |number| keys(number, &mut (0..(number % 3) * 10)))),
        ("another one each", logs_with(2_000, |number| keys(number, &mut (number % 50..number % 50 + 1)))),
        (
            "more shapes than are kept",
            logs_with(3_000, |number| keys(number, &mut (0..12).filter(|bit| random(number) >> bit & 1 == 1))),
        ),
        (
            "rare keys, which have no column",
            logs_with(2_000, |number| keys(number, &mut (0..if number % 400 == 1 { number } else { 0 }).take(30))),
        ),
        ("of many kinds", logs(0..2_000)),
    ];
    for (name, group) in cases {
        let dir = tempfile::tempdir().unwrap();
        let (_, segment) = write(dir.path(), Table::Logs, &[group.slice(0, group.num_rows()), group.clone()]);
        for index in 0..2 {
            segment.check(index).unwrap();
            let first = segment.rows_of(index).unwrap().start;
            for seed in 0..25 {
                let n_rows = group.num_rows() as u64;
                let mut rows: Vec<u32> = (0..seed % 4 + 1).map(|it| (random(seed * 4 + it) % n_rows) as u32).collect();
                rows.sort_unstable();
                rows.dedup();
                let wanted: Vec<u32> = rows.iter().map(|row| first + row).collect();
                let wanted = Matches::of(first..first + n_rows as u32, &wanted);
                let read = segment.read(index, &None, Some(&wanted), Vec::new()).unwrap().unwrap();
                let expected = take_record_batch(&group, &UInt32Array::from(rows.clone())).unwrap();
                assert_eq!(texts(&read), texts(&expected), "{name}, rows {rows:?}");
            }
        }
    }
}

#[test]
fn columns_that_were_constant_in_the_first_row_group_come_back_where_they_are_not() {
    let groups = [logs_with(500, |_| AttrsBuf::new()), logs(0..2_000), logs_with(10, attributes)];
    let dir = tempfile::tempdir().unwrap();
    let (_, segment) = write(dir.path(), Table::Logs, &groups);
    for (index, group) in groups.iter().enumerate() {
        assert_eq!(texts(&read_all(&segment, index, None)), texts(group));
    }
}

#[test]
fn traces_are_found_by_their_ids() {
    let groups = [spans(0..300), spans(250..500)];
    let dir = tempfile::tempdir().unwrap();
    let (_, segment) = write(dir.path(), Table::Spans, &groups);
    for wanted in [vec![7], vec![260, 3, 499], (0..500).collect(), vec![900]] {
        let mut wanted: Vec<TraceId> = wanted.into_iter().map(trace).collect();
        wanted.sort_unstable();
        let filter = IdFilter::Traces(wanted.clone().into());
        for (index, group) in groups.iter().enumerate() {
            let expected = arrow::compute::filter_record_batch(group, &filter.mask(group)).unwrap();
            assert!(expected.num_rows() == 0 || segment.group_may_hold_trace(index, &wanted));
            let read = segment.read(index, &None, None, vec![filter.clone()]).unwrap().unwrap();
            assert_eq!(texts(&read), texts(&expected));
        }
    }
}

/// Filters of every kind, that many rows satisfy, few, or none.
fn filters() -> Vec<Filter> {
    let attribute = |place, key: &str, wanted: Wanted| {
        Filter::Attribute(vec![AttributeFilter { place, key: key.to_owned(), wanted }])
    };
    let text = |text: &str| Wanted::texts([text.to_owned()]);
    let texts = |text: &str, ignore_case| Texts { texts: vec![text.to_owned()], ignore_case };
    let mut filters = vec![
        Filter::Text { column: "service", wanted: Texts::exactly(["shop".to_owned()]) },
        Filter::Text { column: "service", wanted: texts("no such", false) },
        Filter::Text { column: "name", wanted: texts("get /", true) },
        Filter::Text { column: "no_such_column", wanted: texts("x", false) },
        Filter::Number { column: "kind", wanted: vec![2, 5] },
        Filter::Number { column: "severity_number", wanted: (9..=255).collect() },
        Filter::Attribute(vec![]),
    ];
    let values = [
        ("http.route", text("/cart")),
        ("http.route", text("absent")),
        ("http.route", Wanted { texts: texts("/orders/{id}", true), ..Wanted::default() }),
        ("status", text("200")),
        ("status", text("0")),
        ("status", Wanted { ints: vec![201, 203], ..Wanted::default() }),
        ("status", Wanted::numbers([201.0..=203.0])),
        ("share", text("0")),
        ("share", Wanted::numbers([7.5..=f64::INFINITY])),
        ("unique", Wanted::numbers([1.0..=1.0])),
        ("rare.7", Wanted::numbers([0.0..=f64::INFINITY])),
        ("pod", Wanted::numbers([2.0..=3.0])),
        ("share", Wanted { doubles: vec![8.0], ..Wanted::default() }),
        ("ok", text("true")),
        ("unique", text("1")),
        ("rare.7", text("")),
        ("rare.7", text("zzzzzzz")),
        ("rare.607", Wanted { texts: texts("", true), ..Wanted::default() }),
        ("list", Wanted { arrays: true, ..Wanted::default() }),
        ("pod", text("2")),
        ("service.name", text("bank")),
        ("no such key", text("x")),
        ("both", text("own")),
        ("both", text("of the resource")),
    ];
    for (key, wanted) in values {
        for place in [Place::Own, Place::Resource, Place::Any] {
            filters.push(attribute(place, key, wanted.clone()));
        }
    }
    let [Filter::Attribute(a), Filter::Attribute(b)] =
        [attribute(Place::Own, "ok", text("false")), attribute(Place::Any, "pod", text("1"))]
    else {
        unreachable!()
    };
    filters.push(Filter::Attribute([a, b].concat()));
    filters
}

#[test]
fn filters_leave_the_same_rows_as_in_memory() {
    for (table, group) in [(Table::Spans, spans(0..300)), (Table::Logs, logs(0..20_000))] {
        let dir = tempfile::tempdir().unwrap();
        let (_, segment) = write(dir.path(), table, std::slice::from_ref(&group));
        let mut found = 0;
        for filter in filters() {
            let mask = filter.mask(&group);
            let expected = arrow::compute::filter_record_batch(&group, &mask).unwrap();
            let keep = vec![IdFilter::Filter(Arc::new(filter.clone()))];
            let columns = Some(vec![table.time_column()]);
            let read = segment.read(0, &columns, None, keep.clone()).unwrap().unwrap();
            assert_eq!(read.num_rows(), expected.num_rows(), "{filter:?}");
            found += usize::from(read.num_rows() > 0);
            // And under a selection, which here is every third row.
            let rows: Vec<u32> = (0..group.num_rows() as u32).step_by(3).collect();
            let third = take_record_batch(&group, &UInt32Array::from(rows.clone())).unwrap();
            let expected = arrow::compute::filter_record_batch(&third, &filter.mask(&third)).unwrap();
            let third = Matches::of(0..group.num_rows() as u32, &rows);
            let read = segment.read(0, &None, Some(&third), keep).unwrap().unwrap();
            assert_eq!(texts(&read), texts(&expected), "{filter:?}");
        }
        assert!(found > 20, "{found} filters find something");
    }
}
