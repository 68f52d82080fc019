//! The fields that rows have and their most common values: for completion and for facets. From a sample of the newest
//! rows, whose size every answer states.

mod rows;

use hashbrown::HashMap;
use model::TimeRange;
use store::Snapshot;

use crate::{Budget, QueryError};

pub use rows::SAMPLE_ROWS;
use rows::each_row;

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
    /// Sampled rows that have it.
    pub n_rows: u64,
}

/// A value of a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldValue {
    /// Its string form.
    pub value: String,
    /// That of the newest row that has it, as [`model::Value::type_name`] says it.
    pub type_name: &'static str,
    /// Sampled rows that have it.
    pub n_rows: u64,
}

/// An answer from a sample.
#[derive(Clone, Debug, Default)]
pub struct Sampled<T> {
    /// Most rows first, then by name.
    pub items: Vec<T>,
    /// Rows looked at.
    pub n_sampled: u64,
    /// Whether those are all rows of the range.
    pub complete: bool,
    pub warnings: Vec<String>,
}

/// The fields of every span, as the search language names them.
pub const SPAN_FIELDS: [&str; 10] = [
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
    let mut counts: HashMap<(FieldPlace, String), u64> = HashMap::new();
    let sample = each_row(snapshot, budget, signal, range, |row| {
        let places = [FieldPlace::Own, FieldPlace::Resource, FieldPlace::Scope];
        for (place, attrs) in places.into_iter().zip(row.attributes()) {
            for (key, _) in attrs.iter() {
                count(&mut counts, (place, key.to_owned()));
            }
        }
    })?;
    let intrinsic: &[&str] = match signal {
        Signal::Spans => &SPAN_FIELDS,
        Signal::Logs => &LOG_FIELDS,
    };
    let n_rows = sample.n_sampled;
    let every = |name: &&str| Field { name: (*name).to_owned(), place: FieldPlace::Intrinsic, n_rows };
    let mut attributes: Vec<Field> =
        counts.into_iter().map(|((place, name), n_rows)| Field { name, place, n_rows }).collect();
    attributes.sort_by(|a, b| b.n_rows.cmp(&a.n_rows).then_with(|| (&a.name, a.place).cmp(&(&b.name, b.place))));
    Ok(sample.with(intrinsic.iter().map(every).chain(attributes).collect()))
}

/// The most common values of the field `name`, at most `limit` of them: those that start with `prefix`, in any case.
/// Fields with a value of their own in each row, such as `duration`, `body` and the ids, have none to offer.
pub fn values(
    snapshot: &Snapshot,
    budget: &Budget,
    signal: Signal,
    range: TimeRange,
    name: &str,
    prefix: &str,
    limit: usize,
) -> Result<Sampled<FieldValue>, QueryError> {
    let prefix = prefix.to_lowercase();
    let mut counts: HashMap<String, (u64, &'static str)> = HashMap::new();
    let sample = each_row(snapshot, budget, signal, range, |row| {
        let wanted = |text: &str| text.len() <= MAX_VALUE_BYTES && text.to_lowercase().starts_with(&prefix);
        if let Some((text, type_name)) = row.value(name).filter(|(text, _)| wanted(text))
            && (counts.len() < MAX_DISTINCT || counts.contains_key(&text))
        {
            counts.entry(text).or_insert((0, type_name)).0 += 1;
        }
    })?;
    let of_counts = |(value, (n_rows, type_name))| FieldValue { value, type_name, n_rows };
    let mut items: Vec<FieldValue> = counts.into_iter().map(of_counts).collect();
    items.sort_by(|a, b| b.n_rows.cmp(&a.n_rows).then_with(|| a.value.cmp(&b.value)));
    items.truncate(limit);
    Ok(sample.with(items))
}

/// Counts `key`, unless it would be one too many.
fn count<K: std::hash::Hash + Eq>(counts: &mut HashMap<K, u64>, key: K) {
    if counts.len() < MAX_DISTINCT || counts.contains_key(&key) {
        *counts.entry(key).or_default() += 1;
    }
}

impl Sampled<()> {
    fn with<T>(self, items: Vec<T>) -> Sampled<T> {
        Sampled { items, n_sampled: self.n_sampled, complete: self.complete, warnings: self.warnings }
    }
}

#[cfg(test)]
mod tests;
