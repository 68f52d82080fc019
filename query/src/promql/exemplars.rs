//! Exemplars of the series that an expression selects: measurements that were kept as examples, with the spans that made them.

use model::{Nanos, TimeRange};

use super::error::PromqlError;
use super::labels::Labels;
use super::limits::{Limits, Meter};
use super::metadata::Listing;
use super::plan::{self, selectors};
use super::source::Source;

/// Exemplars in an answer; newer ones go first where there are more.
pub const MAX_EXEMPLARS: usize = 10_000;

/// The exemplars of a series, in the order of their times.
#[derive(Clone, Debug, PartialEq)]
pub struct SeriesExemplars {
    pub labels: Labels,
    pub exemplars: Vec<FoundExemplar>,
}

/// An exemplar with its labels: `trace_id`, `span_id`, and the attributes that the aggregation dropped.
#[derive(Clone, Debug, PartialEq)]
pub struct FoundExemplar {
    pub labels: Labels,
    pub value: f64,
    pub time: Nanos,
}

/// The exemplars in `range` of all series that the selectors of `query` accept, sorted by labels. As in Prometheus, ranges,
/// offsets and what is calculated make no difference.
pub fn exemplars(
    source: &Source,
    query: &str,
    range: TimeRange,
    limits: &Limits,
) -> Result<Listing<SeriesExemplars>, PromqlError> {
    let node = plan::plan(query)?;
    let meter = Meter::new(limits);
    let mut warnings = Vec::new();
    let mut items: Vec<SeriesExemplars> = Vec::new();
    let mut left = MAX_EXEMPLARS;
    let mut asked = selectors(&node);
    // The same selector twice, as in a ratio, finds the same.
    asked.sort_by_key(|matchers| format!("{matchers:?}"));
    asked.dedup_by_key(|matchers| format!("{matchers:?}"));
    for matchers in asked {
        let found = source.exemplars(matchers, range, left, &meter)?;
        left = left.saturating_sub(found.iter().map(|series| series.exemplars.len()).sum());
        items.extend(found);
    }
    if left == 0 {
        warnings.push(format!("there may be more than these {MAX_EXEMPLARS} exemplars; narrow the time range"));
    }
    items.sort_by(|a, b| a.labels.cmp(&b.labels));
    items.dedup_by(|next, before| next.labels == before.labels);
    warnings.extend(meter.into_notes().into_texts(query).0);
    Ok(Listing { items, warnings })
}
