//! The fields that rows have and their most common values: for completion and for facets.
//!
//! Values are counted over the whole range where columns and dictionaries tell them (`counts`). Fields, and values of what no column
//! tells, are from a sample of rows from all of the range (`rows`), whose numbers stand for it. Every answer says which.

mod counts;
mod rows;
mod unknown;

use hashbrown::{HashMap, HashSet};
use model::TimeRange;
use store::{Snapshot, Table};

use crate::lang::{Plan, SpanTerms};
use crate::{Budget, QueryError};

pub use rows::SAMPLE_ROWS;
use rows::each_row;
pub use unknown::unknown;

/// How many fields, and values of a field, are told apart.
const MAX_DISTINCT: usize = 10_000;
/// Longer values are not offered: nobody completes them.
const MAX_VALUE_BYTES: usize = 256;

/// What the rows are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    Spans,
    Logs,
}

/// Where a field stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FieldPlace {
    /// One of [`SPAN_FIELDS`] or [`LOG_FIELDS`].
    Intrinsic,
    /// An attribute of the span or the log record.
    Own,
    Resource,
    Scope,
    /// An attribute of an event or of a link of the span.
    Event,
    Link,
}

/// A field of the sampled rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    pub name: String,
    pub place: FieldPlace,
    /// Rows of the range that have it, unless the answer is complete an estimate.
    pub n_rows: u64,
}

/// A value of a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldValue {
    /// Its string form.
    pub value: String,
    /// That of the newest row that has it, as [`model::Value::type_name`] says it.
    pub type_name: &'static str,
    /// Rows of the range that have it, unless the answer is complete an estimate.
    pub n_rows: u64,
}

/// Which values to find.
#[derive(Clone, Copy, Debug)]
pub struct ValueSearch<'a> {
    pub signal: Signal,
    pub range: TimeRange,
    /// The field, as the search language names it.
    pub name: &'a str,
    /// With which they begin, in any case.
    pub prefix: &'a str,
    pub limit: usize,
    /// A TraceQL query: values of the spans that it finds. One that is not understood, or not about single spans, counts as
    /// none, since whoever completes a query has not finished it.
    pub of: &'a str,
}

/// An answer, and what it is from.
#[derive(Clone, Debug, Default)]
pub struct Sampled<T> {
    /// Most rows first, then by name.
    pub items: Vec<T>,
    /// Rows looked at one by one; 0 where columns told all.
    pub n_sampled: u64,
    /// Whether all rows of the range were counted: otherwise numbers are estimates from those that were.
    pub complete: bool,
    pub warnings: Vec<String>,
}

/// The fields of every span, as the search language names them.
pub const SPAN_FIELDS: [&str; 12] = [
    "service",
    "name",
    "kind",
    "status",
    "duration",
    "trace_id",
    "span_id",
    "parent_span_id",
    "status_message",
    "event_name",
    "root",
    "root.service",
];

/// The fields of every log record.
pub const LOG_FIELDS: [&str; 7] = ["service", "severity", "severity_text", "body", "trace_id", "span_id", "event_name"];

/// The fields of rows in `range`: first the intrinsic ones, then attributes.
pub fn names(
    snapshot: &Snapshot,
    budget: &Budget,
    signal: Signal,
    range: TimeRange,
) -> Result<Sampled<Field>, QueryError> {
    let mut counts: HashMap<FieldPlace, HashMap<String, u64>> = HashMap::new();
    let mut n_distinct = 0;
    let mut count = |place, key: &str| {
        let of_place: &mut HashMap<String, u64> = counts.entry(place).or_default();
        if let Some(n) = of_place.get_mut(key) {
            *n += 1;
        } else if n_distinct < MAX_DISTINCT {
            n_distinct += 1;
            of_place.insert(key.to_owned(), 1);
        }
    };
    let sample = each_row(snapshot, budget, signal, range, None, |row| {
        let places = [FieldPlace::Own, FieldPlace::Resource, FieldPlace::Scope];
        for (place, attrs) in places.into_iter().zip(row.attributes()) {
            attrs.iter().for_each(|(key, _)| count(place, key));
        }
        row.each_inner(|place, key, _| count(place, key));
    })?;
    let n_rows = if sample.complete { sample.n_sampled } else { counts::rows(snapshot, budget, signal, range)? };
    let scale = n_rows as f64 / sample.n_sampled.max(1) as f64;
    let intrinsic: &[&str] = match signal {
        Signal::Spans => &SPAN_FIELDS,
        Signal::Logs => &LOG_FIELDS,
    };
    let every = |name: &&str| Field { name: (*name).to_owned(), place: FieldPlace::Intrinsic, n_rows };
    let fields = counts.into_iter().flat_map(|(place, keys)| {
        keys.into_iter().map(move |(name, n)| Field { name, place, n_rows: scaled(n, scale) })
    });
    let mut attributes: Vec<Field> = fields.collect();
    // What many rows have somewhere is a field, though none of the sample may have it.
    let table = if signal == Signal::Spans { Table::Spans } else { Table::Logs };
    let known: HashSet<String> =
        attributes.iter().filter(|it| it.place == FieldPlace::Own).map(|it| it.name.clone()).collect();
    let others = snapshot.attribute_keys(table, range).into_iter().filter(|key| !known.contains(key));
    attributes.extend(others.map(|name| Field { name, place: FieldPlace::Own, n_rows: 1 }));
    attributes.sort_by(|a, b| b.n_rows.cmp(&a.n_rows).then_with(|| (&a.name, a.place).cmp(&(&b.name, b.place))));
    Ok(sample.with(intrinsic.iter().map(every).chain(attributes).collect()))
}

/// The most common values of a field, at most as many as wanted. Fields with a value of their own in each row, such as
/// `duration`, `body` and the ids, have none to offer.
pub fn values(
    snapshot: &Snapshot,
    budget: &Budget,
    search: &ValueSearch<'_>,
) -> Result<Sampled<FieldValue>, QueryError> {
    let ValueSearch { signal, range, name, limit, of, .. } = *search;
    let prefix = search.prefix.to_lowercase();
    let wanted = |text: &str| text.len() <= MAX_VALUE_BYTES && text.to_lowercase().starts_with(&prefix);
    let plan = Plan::traceql(&SpanTerms { query: of, ..SpanTerms::default() }).ok().filter(|_| signal == Signal::Spans);
    let filter = plan.as_ref().and_then(Plan::single).filter(|filter| !filter.is_all());
    if filter.is_none()
        && let Some(mut counted) = counts::values(snapshot, budget, search, &wanted)?
    {
        counted.items.truncate(limit);
        return Ok(counted);
    }
    let mut counts: HashMap<String, (u64, &'static str)> = HashMap::new();
    let sample = each_row(snapshot, budget, signal, range, filter, |row| {
        row.each_value(name, |text, type_name| {
            if wanted(&text) && (counts.len() < MAX_DISTINCT || counts.contains_key(&text)) {
                counts.entry(text).or_insert((0, type_name)).0 += 1;
            }
        });
    })?;
    // Of a filtered sample it is not known how many rows it stands for.
    let scale = match sample.complete || filter.is_some() {
        true => 1.0,
        false => counts::rows(snapshot, budget, signal, range)? as f64 / sample.n_sampled.max(1) as f64,
    };
    let of_counts = |(value, (n, type_name))| FieldValue { value, type_name, n_rows: scaled(n, scale) };
    let mut items: Vec<FieldValue> = counts.into_iter().map(of_counts).collect();
    sort(&mut items);
    items.truncate(limit);
    Ok(sample.with(items))
}

fn sort(items: &mut [FieldValue]) {
    items.sort_by(|a, b| b.n_rows.cmp(&a.n_rows).then_with(|| a.value.cmp(&b.value)));
}

fn scaled(n: u64, scale: f64) -> u64 {
    (n as f64 * scale).round() as u64
}

impl Sampled<()> {
    fn with<T>(self, items: Vec<T>) -> Sampled<T> {
        Sampled { items, n_sampled: self.n_sampled, complete: self.complete, warnings: self.warnings }
    }
}

#[cfg(test)]
mod tests;
