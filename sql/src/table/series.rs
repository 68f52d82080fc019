//! The series of a batch of points or exemplars: looked up once each, not once per row.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Int32Array, StringArray};
use arrow::error::ArrowError;
use model::{MetricKind, SeriesId, Temporality};
use store::{RecordBatch, SeriesIndex, StoredSeries};

use super::{SeriesField, text};

/// The distinct series of a batch, and of each row the index of its series.
pub(crate) struct SeriesOfRows {
    distinct: Vec<Arc<StoredSeries>>,
    /// Null where the index does not know the series: retention has dropped it since the scan began.
    keys: Int32Array,
}

impl SeriesOfRows {
    pub(crate) fn of(batch: &RecordBatch, index: &SeriesIndex) -> Self {
        let mut distinct: Vec<Arc<StoredSeries>> = Vec::new();
        let mut known: HashMap<u128, Option<i32>> = HashMap::new();
        let ids = batch.column_by_name("series").and_then(|column| column.as_fixed_size_binary_opt());
        let keys = (0..batch.num_rows()).map(|row| {
            let id = u128::from_be_bytes(ids?.value(row).try_into().ok()?);
            *known.entry(id).or_insert_with(|| {
                distinct.push(index.get(SeriesId(id))?);
                i32::try_from(distinct.len() - 1).ok()
            })
        });
        let keys = keys.collect();
        SeriesOfRows { distinct, keys }
    }

    pub(crate) fn is_known(&self, row: usize) -> bool {
        self.keys.is_valid(row)
    }

    pub(crate) fn get(&self, row: usize) -> Option<&StoredSeries> {
        self.is_known(row).then(|| self.distinct[self.keys.value(row) as usize].as_ref())
    }

    pub(super) fn column(&self, field: SeriesField) -> Result<ArrayRef, ArrowError> {
        if field == SeriesField::Monotonic {
            let monotonic: BooleanArray = (0..self.keys.len()).map(|row| Some(self.get(row)?.monotonic)).collect();
            return Ok(Arc::new(monotonic));
        }
        let values: StringArray = self.distinct.iter().map(|series| Some(field_text(series, field))).collect();
        text::views(self.keys.clone(), Arc::new(values))
    }
}

fn field_text(series: &StoredSeries, field: SeriesField) -> String {
    let mut out = String::new();
    match field {
        SeriesField::Name => out.push_str(&series.name),
        SeriesField::Unit => out.push_str(&series.unit),
        SeriesField::Description => out.push_str(&series.description),
        SeriesField::Kind => out.push_str(series.kind.name()),
        SeriesField::Temporality => out.push_str(temporality_name(series.temporality)),
        SeriesField::Monotonic => out.push_str(if series.monotonic { "true" } else { "false" }),
        SeriesField::Service => out.push_str(series.resource().service_name()),
        SeriesField::Attributes => series.attrs().write_sorted_json(&mut out),
        SeriesField::Resource => series.resource().attrs().write_sorted_json(&mut out),
        SeriesField::ScopeName => out.push_str(series.scope().name()),
        SeriesField::ScopeVersion => out.push_str(series.scope().version()),
        SeriesField::ScopeAttributes => series.scope().attrs().write_sorted_json(&mut out),
    }
    out
}

/// The text of a field that a comparison can be answered by, before any row is read.
pub(crate) fn comparable(series: &StoredSeries, field: SeriesField) -> Option<String> {
    matches!(
        field,
        SeriesField::Name | SeriesField::Unit | SeriesField::Kind | SeriesField::Temporality | SeriesField::Service
    )
    .then(|| field_text(series, field))
}

fn temporality_name(temporality: Temporality) -> &'static str {
    match temporality {
        Temporality::Unspecified => "",
        Temporality::Delta => "delta",
        Temporality::Cumulative => "cumulative",
    }
}

impl SeriesOfRows {
    pub(super) fn kind(&self, row: usize) -> Option<MetricKind> {
        self.get(row).map(|series| series.kind)
    }
}
