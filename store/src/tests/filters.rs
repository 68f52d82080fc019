//! Filters hold of every row, whether it is in memory, in a segment as it was flushed, or in one that was compacted.

use arrow::array::AsArray;
use arrow::datatypes::TimestampNanosecondType;
use bytes::Bytes;
use model::{AttrsBuf, LogRecord, Resource, Scope, TimeRange, Value};

use super::{SECOND, open};
use crate::{AttributeFilter, Filter, Place, Request, Rows, Scan, Snapshot, Store, Table, Texts, Wanted};

/// Log records from second `first` on, with attributes that some have and some have not.
fn append(store: &Store, first: i64, n: i64) {
    let mut rows = Rows::default();
    for number in first..first + n {
        let service = ["shop", "bank"][number as usize % 2];
        let mut resource = AttrsBuf::new();
        resource.push("service.name", Value::Str(service));
        let mut attrs = AttrsBuf::new();
        attrs.push("route", Value::Str(["/", "/cart", "/orders"][number as usize % 3]));
        if number % 500 == 7 {
            attrs.push("rare", Value::Int(number));
        }
        rows.logs.push(&LogRecord {
            time: number * SECOND,
            observed_time: 0,
            severity_number: (number % 20) as u8,
            severity_text: "",
            body: "",
            body_value: &[],
            event_name: "",
            trace_id: None,
            span_id: None,
            flags: 0,
            attrs: attrs.as_attrs(),
            dropped_attributes: 0,
            service,
            resource: Resource::new(resource.as_bytes()),
            scope: Scope::default(),
        });
    }
    let body = Bytes::from(first.to_le_bytes().to_vec());
    store.append_blocking(Request { kind: 1, received_at: 0, body, dedup: false, rows }).unwrap();
}

/// The seconds of the log records that `filters` leave of those from second 100 on.
fn seconds(snapshot: &Snapshot, filters: &[Filter]) -> Vec<i64> {
    let range = TimeRange::new(100 * SECOND, TimeRange::ALL.end);
    let scan = filters.iter().fold(Scan::new(range), |scan, filter| scan.filter(filter.clone()));
    let mut seconds = Vec::new();
    for batch in snapshot.batches(Table::Logs, scan.clone().columns(&["service"])).map(Result::unwrap) {
        let times = batch.column_by_name("time").unwrap().as_primitive::<TimestampNanosecondType>().clone();
        seconds.extend(times.values().iter().map(|time| time / SECOND));
    }
    let counted: usize = snapshot.batches(Table::Logs, scan.columns(&[])).map(|batch| batch.unwrap().num_rows()).sum();
    assert_eq!(counted, seconds.len(), "rows without a column are counted");
    seconds.sort_unstable();
    seconds
}

/// Filters, and of which seconds they hold.
type Case = (Vec<Filter>, fn(i64) -> bool);

#[test]
fn a_filter_holds_of_every_row_wherever_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    let attribute = |place, key: &str, text: &str| AttributeFilter {
        place,
        key: key.to_owned(),
        wanted: Wanted::texts([text.to_owned()]),
    };
    let cases: [Case; 5] = [
        (vec![Filter::Attribute(vec![attribute(Place::Own, "route", "/cart")])], |it| it % 3 == 1),
        (vec![Filter::Attribute(vec![attribute(Place::Any, "service.name", "bank")])], |it| it % 2 == 1),
        (vec![Filter::Attribute(vec![attribute(Place::Own, "rare", "1507")])], |it| it == 1507),
        (
            vec![
                Filter::Text { column: "service", wanted: Texts::exactly(["shop".to_owned()]) },
                Filter::Number { column: "severity_number", wanted: vec![3, 4] },
            ],
            |it| it % 20 == 4,
        ),
        (vec![Filter::Attribute(vec![attribute(Place::Own, "route", "/no")])], |_| false),
    ];
    let check = |last: i64| {
        for (filters, holds) in &cases {
            let expected: Vec<i64> = (100..last).filter(|it| holds(*it)).collect();
            assert_eq!(seconds(&store.snapshot(), filters), expected, "{filters:?}");
        }
    };
    append(&store, 0, 3_000);
    check(3_000);
    store.flush().unwrap();
    check(3_000);
    store.compact_all().unwrap();
    check(3_000);
    append(&store, 3_000, 1_000);
    store.flush().unwrap();
    append(&store, 4_000, 1_000);
    check(5_000);
}

#[test]
fn a_reader_may_stop_between_chunks_of_which_nothing_is_left() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    append(&store, 0, 100);
    store.flush().unwrap();
    append(&store, 100, 100);
    store.flush().unwrap();
    let nothing = Filter::Text { column: "service", wanted: Texts::exactly(["no such".to_owned()]) };
    let scan = Scan::new(TimeRange::ALL).columns(&["severity_number"]).filter(nothing);
    let chunks: Vec<_> = store.snapshot().batches(Table::Logs, scan.clone()).map(Result::unwrap).collect();
    assert!(chunks.len() >= 2, "one for each row group at least");
    for chunk in chunks {
        assert_eq!(chunk.num_rows(), 0);
        assert!(chunk.column_by_name("severity_number").is_some() && chunk.num_columns() == 2, "{chunk:?}");
    }
    let counted = store.snapshot().batches(Table::Logs, scan.columns(&[]));
    assert_eq!(counted.map(|chunk| chunk.unwrap().num_rows()).sum::<usize>(), 0);
}
