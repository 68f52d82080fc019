//! What a query has to say beside its result: warnings and hints, in Prometheus' words.

use std::fmt;

/// The place in the query that a note is about: a byte offset, shown as line and column.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Position(pub(super) usize);

impl Position {
    /// The place as `line:column`, both from 1.
    pub(super) fn in_text(self, text: &str) -> String {
        let before = &text.as_bytes()[..self.0.min(text.len())];
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        let column = before.iter().rev().take_while(|byte| **byte != b'\n').count() + 1;
        format!("{line}:{column}")
    }
}

/// Something that the person who asked should know.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Note {
    BadBucketLabel { le: String, metric: String },
    ConflictingResets { operation: &'static str },
    GaugeAsCounter { metric: String },
    HistogramIgnored { aggregation: &'static str },
    HistogramsIgnoredInRange { metric: String },
    IncompatibleTypes { operator: &'static str, left: &'static str, right: &'static str },
    InvalidQuantile(f64),
    InvalidRatio { given: f64, used: f64 },
    MismatchedBounds { operation: &'static str },
    MixedClassicNative { metric: String },
    MixedFloatsHistograms { metric: String },
    MixedFloatsHistogramsInAggregation,
    MixedSchemas { metric: String },
    MixedSchemasInAggregation,
    NotACounter { metric: String },
    NotMonotonic { metric: String },
    HistogramNotCounter { metric: String },
    HistogramNotGauge { metric: String },
    Unreadable(String),
}

impl Note {
    fn is_info(&self) -> bool {
        matches!(
            self,
            Note::GaugeAsCounter { .. }
                | Note::HistogramIgnored { .. }
                | Note::HistogramsIgnoredInRange { .. }
                | Note::IncompatibleTypes { .. }
                | Note::MismatchedBounds { .. }
                | Note::NotACounter { .. }
                | Note::NotMonotonic { .. }
        )
    }
}

/// `for metric name "x"`, or nothing when the name is gone.
struct Named<'a>(&'a str);

impl fmt::Display for Named<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() { Ok(()) } else { write!(f, " for metric name {:?}", self.0) }
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Note::BadBucketLabel { le, metric } => {
                write!(f, "bucket label \"le\" is missing or has a malformed value of {le:?}{}", Named(metric))
            }
            Note::ConflictingResets { operation } => {
                write!(f, "conflicting counter resets during histogram {operation}")
            }
            Note::GaugeAsCounter { metric } => write!(f, "metric is a gauge, not a counter: {metric:?}"),
            Note::HistogramIgnored { aggregation } => write!(f, "ignored histogram in {aggregation} aggregation"),
            Note::HistogramsIgnoredInRange { metric } => {
                write!(f, "ignored histograms in a range containing both floats and histograms{}", Named(metric))
            }
            Note::IncompatibleTypes { operator, left, right } => write!(
                f,
                "incompatible sample types encountered for binary operator {operator:?}: {left} {operator} {right}"
            ),
            Note::InvalidQuantile(quantile) => {
                write!(f, "quantile value should be between 0 and 1, got {}", super::number::general(*quantile))
            }
            Note::InvalidRatio { given, used } => {
                write!(f, "ratio value should be between -1 and 1, got {given}, capping to {used}")
            }
            Note::MismatchedBounds { operation } => {
                write!(f, "mismatched custom buckets were reconciled during {operation}")
            }
            Note::MixedClassicNative { metric } => {
                write!(f, "vector contains a mix of classic and native histograms{}", Named(metric))
            }
            Note::MixedFloatsHistograms { metric } => {
                write!(f, "encountered a mix of histograms and floats{}", Named(metric))
            }
            Note::MixedFloatsHistogramsInAggregation => {
                f.write_str("encountered a mix of histograms and floats for aggregation")
            }
            Note::MixedSchemas { metric } => write!(
                f,
                "vector contains a mix of histograms with exponential and custom buckets schemas{}",
                Named(metric)
            ),
            Note::MixedSchemasInAggregation => f.write_str(
                "vector contains a mix of histograms with exponential and custom buckets schemas for aggregation",
            ),
            Note::NotACounter { metric } => {
                write!(f, "metric might not be a counter, name does not end in _total/_sum/_count/_bucket: {metric:?}")
            }
            Note::NotMonotonic { metric } => write!(
                f,
                "input to histogram_quantile needed to be fixed for monotonicity (see https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile){}",
                Named(metric)
            ),
            Note::HistogramNotCounter { metric } => {
                write!(f, "this native histogram metric is not a counter: {metric:?}")
            }
            Note::HistogramNotGauge { metric } => write!(f, "this native histogram metric is not a gauge: {metric:?}"),
            Note::Unreadable(what) => write!(f, "some data could not be read: {what}"),
        }
    }
}

/// The notes of one query, each once. Bounded: a million series with the same fault are one line.
#[derive(Debug, Default)]
pub(super) struct Annotations {
    notes: Vec<(Option<Position>, Note)>,
}

/// How many different notes a query may collect; Prometheus' API shows ten of each kind.
const MAX_NOTES: usize = 32;

impl Annotations {
    pub(super) fn add(&mut self, position: Option<Position>, note: Note) {
        // Asked for every sample that a note is about, so nothing is formatted here.
        if self.notes.len() < MAX_NOTES && !self.notes.iter().any(|known| known.0 == position && known.1 == note) {
            self.notes.push((position, note));
        }
    }

    /// The warnings and the hints, with their places in `query`.
    pub(super) fn into_texts(self, query: &str) -> (Vec<String>, Vec<String>) {
        let (mut warnings, mut infos) = (Vec::new(), Vec::new());
        for (position, note) in self.notes {
            let place = position.map_or(String::new(), |position| format!(" ({})", position.in_text(query)));
            let (kind, texts) = if note.is_info() { ("info", &mut infos) } else { ("warning", &mut warnings) };
            let text = format!("PromQL {kind}: {note}{place}");
            // A note about not-a-number does not equal itself.
            if !texts.contains(&text) {
                texts.push(text);
            }
        }
        (warnings, infos)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_lines_and_columns() {
        let text = "sum(\n  rate(x[5m]))";
        assert_eq!(Position(0).in_text(text), "1:1");
        assert_eq!(Position(7).in_text(text), "2:3");
        assert_eq!(Position(999).in_text(text), "2:15");
    }

    #[test]
    fn the_same_note_is_kept_once_and_their_number_is_bounded() {
        let mut nan = Annotations::default();
        (0..3).for_each(|_| nan.add(None, Note::InvalidQuantile(f64::NAN)));
        assert_eq!(nan.into_texts("").0.len(), 1);
        let mut notes = Annotations::default();
        for i in 0..1000 {
            notes.add(Some(Position(0)), Note::InvalidQuantile(2.0));
            notes.add(None, Note::NotACounter { metric: format!("m{i}") });
        }
        let (warnings, infos) = notes.into_texts("quantile(2, x)");
        assert_eq!(warnings, ["PromQL warning: quantile value should be between 0 and 1, got 2 (1:1)"]);
        assert_eq!(infos.len(), MAX_NOTES - 1);
    }
}
