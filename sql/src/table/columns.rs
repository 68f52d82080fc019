//! The columns of each table, and the sets of stored columns that can be read together.

use std::sync::LazyLock;

use store::Table;

use super::{ColumnSpec, Origin, SeriesField};

const fn column(name: &'static str, origin: Origin) -> ColumnSpec {
    ColumnSpec { name, origin }
}

pub(super) const SPANS: &[ColumnSpec] = &[
    column("start_time", Origin::Time("start_time")),
    column("end_time", Origin::EndTime),
    column("duration_ns", Origin::Integer("duration")),
    column("duration_ms", Origin::Milliseconds),
    column("trace_id", Origin::Hex("trace_id")),
    column("span_id", Origin::Hex("span_id")),
    column("parent_span_id", Origin::Hex("parent_span_id")),
    column("service", Origin::Word("service")),
    column("name", Origin::Word("name")),
    column("kind", Origin::SpanKind),
    column("status", Origin::SpanStatus),
    column("status_message", Origin::Word("status_message")),
    column("attributes", Origin::Attributes("attributes")),
    column("events", Origin::Events),
    column("links", Origin::Links),
    column("resource", Origin::Resource),
    column("scope_name", Origin::ScopeName),
    column("scope_version", Origin::ScopeVersion),
    column("scope_attributes", Origin::ScopeAttributes),
    column("trace_state", Origin::Word("trace_state")),
    column("flags", Origin::Integer("flags")),
    column("dropped_attributes", Origin::Integer("dropped_attributes")),
    column("dropped_events", Origin::Integer("dropped_events")),
    column("dropped_links", Origin::Integer("dropped_links")),
];

pub(super) const LOGS: &[ColumnSpec] = &[
    column("time", Origin::Time("time")),
    column("observed_time", Origin::KnownTime("observed_time")),
    column("service", Origin::Word("service")),
    column("severity", Origin::Severity),
    column("severity_number", Origin::Integer("severity_number")),
    column("severity_text", Origin::Word("severity_text")),
    column("body", Origin::Text("body")),
    column("event_name", Origin::Word("event_name")),
    column("trace_id", Origin::Hex("trace_id")),
    column("span_id", Origin::Hex("span_id")),
    column("attributes", Origin::Attributes("attributes")),
    column("resource", Origin::Resource),
    column("scope_name", Origin::ScopeName),
    column("scope_version", Origin::ScopeVersion),
    column("scope_attributes", Origin::ScopeAttributes),
    column("flags", Origin::Integer("flags")),
    column("dropped_attributes", Origin::Integer("dropped_attributes")),
];

pub(super) const METRICS: &[ColumnSpec] = &[
    column("time", Origin::Time("time")),
    column("start_time", Origin::KnownTime("start_time")),
    column("name", Origin::OfSeries(SeriesField::Name)),
    column("unit", Origin::OfSeries(SeriesField::Unit)),
    column("kind", Origin::OfSeries(SeriesField::Kind)),
    column("temporality", Origin::OfSeries(SeriesField::Temporality)),
    column("monotonic", Origin::OfSeries(SeriesField::Monotonic)),
    column("service", Origin::OfSeries(SeriesField::Service)),
    column("attributes", Origin::OfSeries(SeriesField::Attributes)),
    column("value", Origin::Value),
    column("count", Origin::Count),
    column("sum", Origin::Sum),
    column("min", Origin::Min),
    column("max", Origin::Max),
    column("distribution", Origin::Distribution),
    column("description", Origin::OfSeries(SeriesField::Description)),
    column("resource", Origin::OfSeries(SeriesField::Resource)),
    column("scope_name", Origin::OfSeries(SeriesField::ScopeName)),
    column("scope_version", Origin::OfSeries(SeriesField::ScopeVersion)),
    column("scope_attributes", Origin::OfSeries(SeriesField::ScopeAttributes)),
    column("series", Origin::Hex("series")),
    column("flags", Origin::Integer("flags")),
];

pub(super) const EXEMPLARS: &[ColumnSpec] = &[
    column("time", Origin::Time("time")),
    column("name", Origin::OfSeries(SeriesField::Name)),
    column("unit", Origin::OfSeries(SeriesField::Unit)),
    column("service", Origin::OfSeries(SeriesField::Service)),
    column("value", Origin::Double("value")),
    column("trace_id", Origin::Hex("trace_id")),
    column("span_id", Origin::Hex("span_id")),
    column("attributes", Origin::OfSeries(SeriesField::Attributes)),
    column("filtered_attributes", Origin::Attributes("attributes")),
    column("resource", Origin::OfSeries(SeriesField::Resource)),
    column("series", Origin::Hex("series")),
];

pub(super) const SERIES: &[ColumnSpec] = &[
    column("name", Origin::OfSeries(SeriesField::Name)),
    column("unit", Origin::OfSeries(SeriesField::Unit)),
    column("description", Origin::OfSeries(SeriesField::Description)),
    column("kind", Origin::OfSeries(SeriesField::Kind)),
    column("temporality", Origin::OfSeries(SeriesField::Temporality)),
    column("monotonic", Origin::OfSeries(SeriesField::Monotonic)),
    column("service", Origin::OfSeries(SeriesField::Service)),
    column("attributes", Origin::OfSeries(SeriesField::Attributes)),
    column("resource", Origin::OfSeries(SeriesField::Resource)),
    column("scope_name", Origin::OfSeries(SeriesField::ScopeName)),
    column("scope_version", Origin::OfSeries(SeriesField::ScopeVersion)),
    column("scope_attributes", Origin::OfSeries(SeriesField::ScopeAttributes)),
    column("series", Origin::Hex("series")),
];

/// Stored columns that are read together when one of them is wanted. Time is always read. A scan names its columns by
/// a static list, so the sets to choose from are fixed: all unions of these groups.
fn groups(table: Table) -> &'static [&'static [&'static str]] {
    match table {
        Table::Spans => &[
            &["duration", "kind", "status"],
            &["trace_id", "span_id", "parent_span_id"],
            &["service"],
            &["name"],
            &["attributes"],
            &["events", "links"],
            &["resource", "scope"],
            &["status_message", "trace_state", "flags", "dropped_attributes", "dropped_events", "dropped_links"],
        ],
        Table::Logs => &[
            &["service"],
            &["severity_number", "severity_text"],
            &["body"],
            &["trace_id", "span_id"],
            &["attributes"],
            &["resource", "scope"],
            &["observed_time", "event_name", "flags", "dropped_attributes"],
        ],
        Table::Points => &[&["series"], &["double_value", "int_value"], &["distribution"], &["start_time", "flags"]],
        Table::Exemplars => &[&["series"], &["value"], &["trace_id", "span_id"], &["attributes"]],
        Table::Series => &[],
    }
}

/// The smallest set of groups that holds all of `names`.
pub(super) fn covering<'a>(table: Table, names: impl Iterator<Item = &'a str>) -> &'static [&'static str] {
    static UNIONS: LazyLock<[Vec<Vec<&'static str>>; 5]> = LazyLock::new(|| {
        Table::ALL.map(|table| {
            let groups = groups(table);
            let union =
                |set: usize| (0..groups.len()).filter(move |i| set >> i & 1 == 1).flat_map(|i| groups[i]).copied();
            (0..1 << groups.len()).map(|set| union(set).collect()).collect()
        })
    });
    let groups = groups(table);
    let set = names.fold(0usize, |set, name| {
        set | groups.iter().position(|group| group.contains(&name)).map_or(0, |index| 1 << index)
    });
    UNIONS[table as usize].get(set).map_or(&[], Vec::as_slice)
}

/// `name` as a list of itself, found among the groups.
pub(super) fn single(name: &'static str) -> &'static [&'static str] {
    const TIMES: &[&str] = &["time", "start_time"];
    let all = Table::ALL.into_iter().flat_map(|table| groups(table).iter().copied());
    for group in std::iter::once(TIMES).chain(all) {
        if let Some(index) = group.iter().position(|it| *it == name) {
            return &group[index..=index];
        }
    }
    &[]
}
