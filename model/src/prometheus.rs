//! Series that came with Prometheus' own names and labels: how they are marked, and their types.
//!
//! Name and attributes of such a series are its labels, letter by letter: nothing is added to the name and nothing is
//! respelled. `job` and `instance` are `service.name` and `service.instance.id` of the resource, where they were sent.

use crate::wire::{Raw, Reader, put_varint_field};

/// The field of a scope that marks its series, beside those of OTLP's `InstrumentationScope`: a varint, the number of the
/// metric's type, with [`METADATA`] for a record that only describes a metric.
pub const MARK_FIELD: u32 = 14;

/// Added to the type where a series has no samples and tells type, help and unit of the metric that it is named after.
const METADATA: u64 = 16;

/// What Prometheus knows of a metric. Numbers as in `Metadata.MetricType` of Remote-Write, 1.0 and 2.0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum MetricType {
    #[default]
    Unknown = 0,
    Counter = 1,
    Gauge = 2,
    Histogram = 3,
    GaugeHistogram = 4,
    Summary = 5,
    Info = 6,
    StateSet = 7,
}

impl MetricType {
    /// The type of this number; of one that is not known here, [`MetricType::Unknown`].
    pub fn from_number(number: u64) -> Self {
        match number {
            1 => MetricType::Counter,
            2 => MetricType::Gauge,
            3 => MetricType::Histogram,
            4 => MetricType::GaugeHistogram,
            5 => MetricType::Summary,
            6 => MetricType::Info,
            7 => MetricType::StateSet,
            _ => MetricType::Unknown,
        }
    }

    /// As Prometheus' metadata API names it.
    pub fn name(self) -> &'static str {
        match self {
            MetricType::Unknown => "unknown",
            MetricType::Counter => "counter",
            MetricType::Gauge => "gauge",
            MetricType::Histogram => "histogram",
            MetricType::GaugeHistogram => "gaugehistogram",
            MetricType::Summary => "summary",
            MetricType::Info => "info",
            MetricType::StateSet => "stateset",
        }
    }

    /// What a metric of this type adds to its name for its series.
    pub fn suffixes(self) -> &'static [&'static str] {
        match self {
            MetricType::Histogram => &["_bucket", "_count", "_sum"],
            MetricType::GaugeHistogram => &["_bucket", "_gcount", "_gsum"],
            MetricType::Summary => &["_count", "_sum"],
            _ => &[],
        }
    }

    /// The name of the metric that the series `name` belongs to, if its metric is of this type.
    pub fn family(self, name: &str) -> &str {
        self.suffixes().iter().find_map(|suffix| name.strip_suffix(suffix)).unwrap_or(name)
    }

    /// Whether numbers of the series `name` count since a start: those of counters, and counts and sums of observations.
    pub fn counts(self, name: &str) -> bool {
        match self {
            MetricType::Counter => true,
            MetricType::Histogram | MetricType::Summary => self.family(name) != name,
            _ => false,
        }
    }
}

/// The mark of a series with Prometheus' labels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    pub metric_type: MetricType,
    /// There are no samples, only a description.
    pub is_metadata: bool,
}

impl Mark {
    /// A scope with this mark and nothing else.
    pub fn scope(self, out: &mut Vec<u8>) {
        out.clear();
        put_varint_field(out, MARK_FIELD, self.metric_type as u64 | if self.is_metadata { METADATA } else { 0 });
    }

    /// The mark that the message of a scope has.
    pub(crate) fn of(scope: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(scope);
        let mut mark = None;
        while let Ok(Some((number, raw))) = reader.next_field() {
            if let (MARK_FIELD, Raw::Varint(value)) = (number, raw) {
                let metric_type = MetricType::from_number(value & !METADATA);
                mark = Some(Mark { metric_type, is_metadata: value & METADATA != 0 });
            }
        }
        mark
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Scope;

    #[test]
    fn a_scope_says_what_it_was_marked_with() {
        let mut scope = Vec::new();
        for number in 0..8 {
            for is_metadata in [false, true] {
                let mark = Mark { metric_type: MetricType::from_number(number), is_metadata };
                mark.scope(&mut scope);
                assert_eq!(Scope::new(&scope).prometheus(), Some(mark));
                assert_eq!(mark.metric_type as u64, number);
            }
        }
        assert_eq!(Scope::default().prometheus(), None);
        assert_eq!(MetricType::from_number(8), MetricType::Unknown);
    }

    #[test]
    fn series_of_histograms_and_summaries_belong_to_a_metric_of_another_name() {
        use MetricType::*;
        let cases = [
            (Histogram, "x_seconds_bucket", "x_seconds", true),
            (Histogram, "x_seconds", "x_seconds", false),
            (GaugeHistogram, "x_gsum", "x", false),
            (Summary, "x_count", "x", true),
            (Summary, "x_bucket", "x_bucket", false),
            (Counter, "x_count", "x_count", true),
            (Unknown, "x_sum", "x_sum", false),
        ];
        for (metric_type, name, family, counts) in cases {
            assert_eq!(
                (metric_type.family(name), metric_type.counts(name)),
                (family, counts),
                "{metric_type:?} {name}"
            );
        }
    }
}
