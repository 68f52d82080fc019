//! The tables of the store and their columns.
//!
//! A table is one Parquet schema: spans, logs, metric points, exemplars, and the series that the two last refer to.
//! Memory and disk share these schemas; a column added later must be nullable, so that old segments read as nulls.

use std::sync::{Arc, LazyLock};

use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};

/// One kind of row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Table {
    Spans,
    Logs,
    Points,
    Exemplars,
    Series,
}

impl Table {
    pub const ALL: [Table; 5] = [Table::Spans, Table::Logs, Table::Points, Table::Exemplars, Table::Series];

    /// The name in paths, in the manifest and on screen.
    pub fn name(self) -> &'static str {
        match self {
            Table::Spans => "spans",
            Table::Logs => "logs",
            Table::Points => "points",
            Table::Exemplars => "exemplars",
            Table::Series => "series",
        }
    }

    pub fn parse(name: &str) -> Option<Self> {
        Table::ALL.into_iter().find(|table| table.name() == name)
    }

    /// The column that a time range selects by.
    pub fn time_column(self) -> &'static str {
        match self {
            Table::Spans => "start_time",
            _ => "time",
        }
    }

    /// The column that says until when a row reaches; a row of the series table stands for a stretch of time.
    pub(crate) fn last_time_column(self) -> &'static str {
        match self {
            Table::Series => "last_time",
            _ => self.time_column(),
        }
    }

    /// The columns that rows are sorted by within a row group, most significant first.
    pub(crate) fn sort_columns(self) -> &'static [&'static str] {
        match self {
            Table::Spans => &["trace_id", "start_time"],
            Table::Logs => &["time"],
            Table::Points | Table::Exemplars => &["series", "time"],
            Table::Series => &["series"],
        }
    }

    /// Whether rows carry a trace id, so that a segment has a bloom filter of them.
    pub(crate) fn has_trace_id(self) -> bool {
        matches!(self, Table::Spans | Table::Logs | Table::Exemplars)
    }

    pub fn schema(self) -> SchemaRef {
        let schemas = LazyLock::force(&SCHEMAS);
        Arc::clone(&schemas[self as usize])
    }
}

static SCHEMAS: LazyLock<[SchemaRef; 5]> =
    LazyLock::new(|| [spans(), logs(), points(), exemplars(), series()].map(|fields| Arc::new(Schema::new(fields))));

/// Text that repeats: dictionary-encoded in memory and on disk.
fn words(name: &str) -> Field {
    Field::new(name, DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8)), false)
}

/// Bytes that repeat.
fn shared_bytes(name: &str) -> Field {
    Field::new(name, DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Binary)), false)
}

fn time(name: &str) -> Field {
    Field::new(name, DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into())), false)
}

fn id(name: &str, width: i32, nullable: bool) -> Field {
    Field::new(name, DataType::FixedSizeBinary(width), nullable)
}

fn plain(name: &str, data_type: DataType) -> Field {
    Field::new(name, data_type, false)
}

fn spans() -> Vec<Field> {
    vec![
        time("start_time"),
        plain("duration", DataType::Int64),
        id("trace_id", 16, false),
        id("span_id", 8, false),
        id("parent_span_id", 8, true),
        words("service"),
        words("name"),
        plain("kind", DataType::UInt8),
        plain("status", DataType::UInt8),
        words("status_message"),
        plain("attributes", DataType::Binary),
        plain("events", DataType::Binary),
        plain("links", DataType::Binary),
        words("trace_state"),
        plain("flags", DataType::UInt32),
        plain("dropped_attributes", DataType::UInt32),
        plain("dropped_events", DataType::UInt32),
        plain("dropped_links", DataType::UInt32),
        shared_bytes("resource"),
        shared_bytes("scope"),
    ]
}

fn logs() -> Vec<Field> {
    vec![
        time("time"),
        time("observed_time"),
        words("service"),
        plain("severity_number", DataType::UInt8),
        words("severity_text"),
        plain("body", DataType::Utf8),
        plain("body_value", DataType::Binary),
        words("event_name"),
        id("trace_id", 16, true),
        id("span_id", 8, true),
        plain("flags", DataType::UInt32),
        plain("attributes", DataType::Binary),
        plain("dropped_attributes", DataType::UInt32),
        shared_bytes("resource"),
        shared_bytes("scope"),
    ]
}

fn points() -> Vec<Field> {
    vec![
        id("series", 16, false),
        time("time"),
        time("start_time"),
        plain("flags", DataType::UInt32),
        Field::new("double_value", DataType::Float64, true),
        Field::new("int_value", DataType::Int64, true),
        Field::new("distribution", DataType::Binary, true),
    ]
}

fn exemplars() -> Vec<Field> {
    vec![
        id("series", 16, false),
        time("time"),
        plain("value", DataType::Float64),
        id("trace_id", 16, true),
        id("span_id", 8, true),
        plain("attributes", DataType::Binary),
    ]
}

fn series() -> Vec<Field> {
    vec![
        id("series", 16, false),
        time("time"),
        time("last_time"),
        words("name"),
        words("unit"),
        words("description"),
        plain("kind", DataType::UInt8),
        plain("temporality", DataType::UInt8),
        plain("monotonic", DataType::Boolean),
        plain("attributes", DataType::Binary),
        shared_bytes("resource"),
        shared_bytes("scope"),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_specification_has_every_column() {
        let text = include_str!("../../docs/formats/segment.md");
        let specified = |table: Table, column: &str| {
            let lists = text.lines().filter(|line| line.starts_with("| ")).filter_map(|line| line.split('|').nth(3));
            lists.flat_map(|list| list.split(';')).filter_map(|part| part.split_once(':')).any(|(tables, columns)| {
                tables.contains(table.name()) && columns.split(',').any(|it| it.contains(&format!("`{column}`")))
            })
        };
        for table in Table::ALL {
            for field in table.schema().fields() {
                assert!(specified(table, field.name()), "{} {}", table.name(), field.name());
            }
        }
    }
}
