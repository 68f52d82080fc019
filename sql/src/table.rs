//! The tables of SQL: which columns they have, in words a person writes, and what each is made from.
//!
//! A table is a list of [`ColumnSpec`]s over one table of the store. Columns are made only when a query asks for them,
//! so a count never decodes an attribute.

use std::sync::{Arc, LazyLock};

use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use store::Table;

pub(crate) mod build;
mod columns;
mod distribution;
mod series;
mod text;

/// A table that queries can name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum SqlTable {
    Spans,
    Logs,
    Metrics,
    Exemplars,
    Series,
}

/// One column: its name and type in SQL, and its origin.
pub(crate) struct ColumnSpec {
    pub(crate) name: &'static str,
    pub(crate) origin: Origin,
}

/// What a column is made from. Names are of the store's columns.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Origin {
    /// The same time.
    Time(&'static str),
    /// The same time, null when it is zero, which stands for unknown.
    KnownTime(&'static str),
    /// Start plus duration.
    EndTime,
    Integer(&'static str),
    Double(&'static str),
    /// The duration in milliseconds.
    Milliseconds,
    /// An id as lower-case hexadecimal digits.
    Hex(&'static str),
    /// Text that repeats.
    Word(&'static str),
    Text(&'static str),
    SpanKind,
    SpanStatus,
    /// The short name of a severity number's range.
    Severity,
    /// Attributes as a JSON object.
    Attributes(&'static str),
    /// The attributes of the resource as a JSON object.
    Resource,
    ScopeName,
    ScopeVersion,
    /// The attributes of the scope as a JSON object.
    ScopeAttributes,
    Events,
    Links,
    /// The value of a point that is one number.
    Value,
    Count,
    Sum,
    Min,
    Max,
    /// Buckets or quantiles as JSON.
    Distribution,
    OfSeries(SeriesField),
}

/// What a point's or an exemplar's series says about it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum SeriesField {
    Name,
    Unit,
    Description,
    Kind,
    Temporality,
    Monotonic,
    Service,
    Attributes,
    Resource,
    ScopeName,
    ScopeVersion,
    ScopeAttributes,
}

impl Origin {
    /// The store's columns to read.
    fn sources(self) -> &'static [&'static str] {
        match self {
            Origin::Time(name)
            | Origin::KnownTime(name)
            | Origin::Integer(name)
            | Origin::Double(name)
            | Origin::Hex(name)
            | Origin::Word(name)
            | Origin::Text(name)
            | Origin::Attributes(name) => columns::single(name),
            Origin::EndTime => &["start_time", "duration"],
            Origin::Milliseconds => &["duration"],
            Origin::SpanKind => &["kind"],
            Origin::SpanStatus => &["status"],
            Origin::Severity => &["severity_number"],
            Origin::Resource => &["resource"],
            Origin::ScopeName | Origin::ScopeVersion | Origin::ScopeAttributes => &["scope"],
            Origin::Events => &["events"],
            Origin::Links => &["links"],
            Origin::Value => &["double_value", "int_value"],
            Origin::Count | Origin::Sum | Origin::Min | Origin::Max | Origin::Distribution => {
                &["series", "distribution"]
            }
            Origin::OfSeries(_) => &["series"],
        }
    }

    fn data_type(self) -> DataType {
        match self {
            Origin::Time(_) | Origin::KnownTime(_) | Origin::EndTime => {
                DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into()))
            }
            Origin::Integer(_) | Origin::Count => DataType::Int64,
            Origin::Double(_) | Origin::Milliseconds | Origin::Value | Origin::Sum | Origin::Min | Origin::Max => {
                DataType::Float64
            }
            Origin::OfSeries(SeriesField::Monotonic) => DataType::Boolean,
            Origin::Hex(_)
            | Origin::Text(_)
            | Origin::Attributes(_)
            | Origin::Events
            | Origin::Links
            | Origin::Distribution => DataType::Utf8,
            // Views: a dictionary becomes one without a copy of its text.
            Origin::Word(_)
            | Origin::SpanKind
            | Origin::SpanStatus
            | Origin::Severity
            | Origin::Resource
            | Origin::ScopeName
            | Origin::ScopeVersion
            | Origin::ScopeAttributes
            | Origin::OfSeries(_) => DataType::Utf8View,
        }
    }
}

impl SqlTable {
    pub(crate) const ALL: [SqlTable; 5] =
        [SqlTable::Spans, SqlTable::Logs, SqlTable::Metrics, SqlTable::Exemplars, SqlTable::Series];

    pub(crate) fn name(self) -> &'static str {
        match self {
            SqlTable::Spans => "spans",
            SqlTable::Logs => "logs",
            SqlTable::Metrics => "metrics",
            SqlTable::Exemplars => "exemplars",
            SqlTable::Series => "series",
        }
    }

    pub(crate) fn parse(name: &str) -> Option<Self> {
        SqlTable::ALL.into_iter().find(|table| table.name() == name)
    }

    /// The table of the store that rows come from; of [`SqlTable::Series`] they come from the index in memory.
    pub(crate) fn stored(self) -> Table {
        match self {
            SqlTable::Spans => Table::Spans,
            SqlTable::Logs => Table::Logs,
            SqlTable::Metrics => Table::Points,
            SqlTable::Exemplars => Table::Exemplars,
            SqlTable::Series => Table::Series,
        }
    }

    /// The column that a time range selects by.
    pub(crate) fn time_column(self) -> Option<&'static str> {
        (self != SqlTable::Series).then(|| self.stored().time_column())
    }

    pub(crate) fn columns(self) -> &'static [ColumnSpec] {
        match self {
            SqlTable::Spans => columns::SPANS,
            SqlTable::Logs => columns::LOGS,
            SqlTable::Metrics => columns::METRICS,
            SqlTable::Exemplars => columns::EXEMPLARS,
            SqlTable::Series => columns::SERIES,
        }
    }

    pub(crate) fn column(self, name: &str) -> Option<&'static ColumnSpec> {
        self.columns().iter().find(|column| column.name == name)
    }

    pub(crate) fn schema(self) -> SchemaRef {
        static SCHEMAS: LazyLock<[SchemaRef; 5]> = LazyLock::new(|| {
            SqlTable::ALL.map(|table| {
                let field = |column: &ColumnSpec| {
                    let nullable = Some(column.name) != table.time_column();
                    Field::new(column.name, column.origin.data_type(), nullable)
                };
                Arc::new(Schema::new(table.columns().iter().map(field).collect::<Vec<_>>()))
            })
        });
        Arc::clone(&SCHEMAS[self as usize])
    }

    /// The store's columns that the columns `wanted` (indices into [`SqlTable::columns`]) are made from.
    pub(crate) fn sources(self, wanted: &[usize]) -> &'static [&'static str] {
        let made_from = wanted.iter().flat_map(|index| self.columns()[*index].origin.sources()).copied();
        match columns::covering(self.stored(), made_from) {
            // The time comes along with any other column, and alone when it is named.
            [] if !wanted.is_empty() => columns::single(self.stored().time_column()),
            sources => sources,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_column_reads_columns_that_the_store_has() {
        for table in [SqlTable::Spans, SqlTable::Logs, SqlTable::Metrics, SqlTable::Exemplars] {
            let stored = table.stored().schema();
            for column in table.columns() {
                for source in column.origin.sources() {
                    assert!(stored.field_with_name(source).is_ok(), "{}.{}: {source}", table.name(), column.name);
                }
            }
        }
    }

    #[test]
    fn a_query_reads_the_columns_it_names_and_not_the_heavy_ones() {
        let index = |name: &str| SqlTable::Spans.columns().iter().position(|column| column.name == name).unwrap();
        assert!(SqlTable::Spans.sources(&[]).is_empty());
        let sources = SqlTable::Spans.sources(&[index("service")]);
        assert!(sources.contains(&"service") && !sources.contains(&"attributes") && !sources.contains(&"resource"));
        assert!(SqlTable::Spans.sources(&[index("attributes")]).contains(&"attributes"));
    }
}
