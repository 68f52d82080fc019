//! What is different about some spans: which values they have more often than the others do.
//!
//! 1. `sample` takes at most 2,500 spans of each side, chosen by a hash and so the same each time, and reads their fields into a
//!    `table`.
//! 2. Selected spans are mostly of other operations than the rest, and each operation has attributes of its own, which says
//!    nothing. So operations are compared first, and everything else among spans of the same operation: `weight` gives each
//!    side the same mix of operations.
//! 3. `rank` tests each field: one value against all others by Fisher's exact test, many different numbers by Kuiper's test, with
//!    the error rate held over all that was tested (`statistics`). Spans of one trace are no independent observations: a side
//!    counts as many as if all spans of a trace said the same (Kish's effective sample size).
//! 4. What is left is ordered by how large the difference is at least, and fields that say the same are folded into one
//!    (`fold`).

mod fold;
mod numbers;
mod rank;
mod sample;
mod statistics;
mod table;
#[cfg(test)]
mod tests;
mod weight;

pub use sample::{SpanComparison, SpanSelection, of_spans};
pub use table::FieldName;

/// How two sets of spans differ.
#[derive(Clone, Debug, Default)]
pub struct Differences {
    /// Spans on each side; at least so many when `truncated`.
    pub n_selected: u64,
    pub n_rest: u64,
    /// Of which so many were compared, of so many traces.
    pub selected: Compared,
    pub rest: Compared,
    /// The largest first.
    pub differences: Vec<Difference>,
    /// Fields that were tested.
    pub n_tested: usize,
    /// Why nothing could be compared.
    pub too_few: Option<TooFew>,
    /// Not all spans of the range were looked at.
    pub truncated: bool,
    pub warnings: Vec<String>,
}

/// A side as far as it was read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Compared {
    pub n_spans: usize,
    pub n_traces: usize,
    /// Spans of operations that the other side has too.
    pub n_same_operation: usize,
}

/// A side that is too small to say anything about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TooFew {
    Selected,
    Rest,
}

/// Traces that each side needs: with fewer, chance alone could explain whatever they have in common.
pub const LEAST_TRACES: usize = 5;

/// A field of which one value is more frequent among the selected spans.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    pub field: FieldName,
    pub value: DifferentValue,
    pub selected: Share,
    pub rest: Share,
    /// Lower bound of the difference of the two shares (95 %, after Newcombe and Wilson).
    pub at_least: f64,
    /// The share of differences at most as clear as this one that chance makes (after Benjamini and Hochberg).
    pub error_rate: f64,
    /// The most frequent values of the field on both sides, this one among them; empty for ranges of numbers.
    pub values: Vec<(DifferentValue, Share, Share)>,
    /// Other fields that say the same of nearly the same spans.
    pub same: Vec<(FieldName, DifferentValue)>,
}

/// Spans with a value among those of a side.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Share {
    /// 0 to 1, with the mix of operations of both sides made equal.
    pub share: f64,
    /// Spans that were read: with the value, and all.
    pub n_with: usize,
    pub n: usize,
}

/// What a span has in a field.
#[derive(Clone, Debug, PartialEq)]
pub enum DifferentValue {
    /// Its string form, and the name of its type, as [`model::Value::type_name`] says it.
    Is(String, &'static str),
    /// The span does not have the field.
    Absent,
    /// Both included; `None` where the range goes on.
    Between(Option<f64>, Option<f64>),
}
