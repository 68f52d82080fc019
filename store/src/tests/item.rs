//! Rows of tests that are told by a few numbers: of any table, to and from the body of a request, and out of a snapshot.

use model::span::{Events, Links};
use model::{
    Attrs, Exemplar, LogRecord, Nanos, Point, PointValue, Resource, Scope, SeriesId, Span, SpanId, SpanKind,
    StatusCode, TraceId,
};

use super::gauge;
use crate::{Decode, Rows, Scan, Snapshot, Table};

pub(crate) const ITEM_BYTES: usize = 25;

/// The tables that items are rows of. The fifth describes the series of points and exemplars.
pub(crate) const TABLES: [Table; 4] = [Table::Spans, Table::Logs, Table::Points, Table::Exemplars];

/// A row of any of [`TABLES`]: its ids are few, so that the same ones come again, with another version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Item {
    pub(crate) table: Table,
    pub(crate) id: u64,
    pub(crate) time: Nanos,
    pub(crate) version: u64,
}

impl Item {
    pub(crate) fn to_bytes(self) -> [u8; ITEM_BYTES] {
        let parts =
            [&[self.table as u8][..], &self.id.to_le_bytes(), &self.time.to_le_bytes(), &self.version.to_le_bytes()];
        parts.concat().try_into().unwrap()
    }

    pub(crate) fn of(bytes: &[u8]) -> Item {
        let number = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap());
        Item { table: Table::ALL[usize::from(bytes[0])], id: number(1), time: number(9) as Nanos, version: number(17) }
    }

    fn push(self, rows: &mut Rows) {
        let (service, resource, scope) = ("shop", Resource::new(&[]), Scope::default());
        match self.table {
            Table::Spans => rows.spans.push(&Span {
                trace_id: trace(self.id),
                span_id: SpanId((self.id + 1).to_be_bytes()),
                parent_span_id: None,
                trace_state: "",
                flags: 1,
                name: if self.version.is_multiple_of(2) { "even" } else { "odd" },
                kind: SpanKind::Server,
                start: self.time,
                duration: self.version as Nanos,
                status: StatusCode::Unset,
                status_message: "",
                attrs: Attrs::default(),
                events: Events::default(),
                links: Links::default(),
                dropped_attributes: 0,
                dropped_events: 0,
                dropped_links: 0,
                service,
                resource,
                scope,
            }),
            Table::Logs => rows.logs.push(&LogRecord {
                time: self.time,
                observed_time: self.version as Nanos,
                severity_number: 9,
                severity_text: "INFO",
                body: &format!("version {} of {}", self.version, self.id),
                body_value: &[],
                event_name: "",
                trace_id: Some(trace(self.id)),
                span_id: None,
                flags: self.id as u32,
                attrs: Attrs::default(),
                dropped_attributes: 0,
                service,
                resource,
                scope,
            }),
            Table::Points => {
                let series = self.series(rows);
                let value = PointValue::Int(self.version as i64);
                rows.metrics.push(&Point { series, time: self.time, start_time: 0, flags: self.id as u32, value });
            }
            Table::Exemplars => {
                let series = self.series(rows);
                rows.exemplars.push(&Exemplar {
                    series,
                    time: self.time,
                    value: self.version as f64,
                    trace_id: Some(trace(self.id)),
                    span_id: Some(SpanId((self.id + 1).to_be_bytes())),
                    attrs: Attrs::default(),
                    attr_bytes: &[],
                });
            }
            Table::Series => unreachable!("no item is a series"),
        }
    }

    /// The series of a point or an exemplar, made known at its time.
    fn series(self, rows: &mut Rows) -> SeriesId {
        let name = format!("metric {}", self.id);
        rows.metrics.series(&gauge(&name, &[]), self.time)
    }
}

/// Several spans to a trace.
pub(crate) fn trace(id: u64) -> TraceId {
    TraceId((u128::from(id / 3) + 1).to_be_bytes())
}

pub(crate) fn decode() -> Decode {
    Box::new(|mut rows, _, body, _| {
        body.chunks_exact(ITEM_BYTES).for_each(|bytes| Item::of(bytes).push(&mut rows));
        Ok(rows)
    })
}

/// The rows of a scan: time and id, and version.
pub(crate) fn scan(snapshot: &Snapshot, table: Table, scan: Scan) -> Vec<((Nanos, u64), u64)> {
    let mut rows = Vec::new();
    let right = |series, id: u64| {
        let name = snapshot.series().get(series).map(|it| it.name.to_string());
        assert!(name.is_none_or(|name| name == format!("metric {id}")), "{id} has the series of another");
    };
    match table {
        Table::Spans => snapshot.spans(scan).map(Result::unwrap).for_each(|chunk| {
            rows.extend(
                (0..chunk.len())
                    .map(|row| chunk.row(row))
                    .map(|span| ((span.start, u64::from_be_bytes(span.span_id.0) - 1), span.duration as u64)),
            );
        }),
        Table::Logs => snapshot.logs(scan).map(Result::unwrap).for_each(|chunk| {
            rows.extend((0..chunk.len()).map(|row| chunk.row(row)).map(|log| {
                assert_eq!(log.body, format!("version {} of {}", log.observed_time, log.flags));
                ((log.time, u64::from(log.flags)), log.observed_time as u64)
            }));
        }),
        Table::Exemplars => snapshot.exemplars(scan).map(Result::unwrap).for_each(|chunk| {
            rows.extend((0..chunk.len()).map(|row| chunk.row(row)).map(|exemplar| {
                let id = u64::from_be_bytes(exemplar.span_id.unwrap().0) - 1;
                assert_eq!(exemplar.trace_id, Some(trace(id)));
                right(exemplar.series, id);
                ((exemplar.time, id), exemplar.value as u64)
            }));
        }),
        _ => snapshot.points(scan).map(Result::unwrap).for_each(|chunk| {
            rows.extend((0..chunk.len()).map(|row| chunk.row(row)).map(|point| {
                let PointValue::Int(version) = point.value else { panic!("a point without its value") };
                right(point.series, u64::from(point.flags));
                ((point.time, u64::from(point.flags)), version as u64)
            }));
        }),
    }
    rows
}
