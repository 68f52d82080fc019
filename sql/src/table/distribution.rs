//! Histograms, exponential histograms and summaries as SQL sees them: four numbers and a JSON text.

use model::MetricKind;
use model::metric::distribution::{ExponentialBuckets, ExponentialHistogram, Histogram, Summary};

use super::text::list;

/// What a distribution says of all its measurements together.
#[derive(Default)]
pub(super) struct Totals {
    pub(super) count: u64,
    pub(super) sum: Option<f64>,
    pub(super) min: Option<f64>,
    pub(super) max: Option<f64>,
}

pub(super) fn totals(kind: MetricKind, message: &[u8]) -> Totals {
    match kind {
        MetricKind::Histogram => {
            let Histogram { count, sum, min, max, .. } = Histogram::decode(message);
            Totals { count, sum, min, max }
        }
        MetricKind::ExponentialHistogram => {
            let ExponentialHistogram { count, sum, min, max, .. } = ExponentialHistogram::decode(message);
            Totals { count, sum, min, max }
        }
        MetricKind::Summary => {
            let Summary { count, sum, .. } = Summary::decode(message);
            Totals { count, sum: Some(sum), ..Totals::default() }
        }
        MetricKind::Gauge | MetricKind::Sum => Totals::default(),
    }
}

/// `{"bounds", "counts"}`, `{"scale", "zero_count", "zero_threshold", "positive", "negative"}` with buckets as
/// `{"offset", "counts"}`, or `{"quantiles": [[quantile, value], …]}`.
pub(super) fn write_json(kind: MetricKind, message: &[u8], out: &mut String) {
    match kind {
        MetricKind::Histogram => {
            let histogram = Histogram::decode(message);
            out.push_str("{\"bounds\":");
            list(out, histogram.bounds.iter(), |bound, out| number(*bound, out));
            out.push_str(",\"counts\":");
            list(out, histogram.counts.iter(), |count, out| out.push_str(&count.to_string()));
            out.push('}');
        }
        MetricKind::ExponentialHistogram => {
            let histogram = ExponentialHistogram::decode(message);
            out.push_str(&format!("{{\"scale\":{},\"zero_count\":{}", histogram.scale, histogram.zero_count));
            out.push_str(",\"zero_threshold\":");
            number(histogram.zero_threshold, out);
            out.push_str(",\"positive\":");
            buckets(&histogram.positive, out);
            out.push_str(",\"negative\":");
            buckets(&histogram.negative, out);
            out.push('}');
        }
        MetricKind::Summary => {
            out.push_str("{\"quantiles\":");
            list(out, Summary::decode(message).quantiles.iter(), |(quantile, value), out| {
                list(out, [*quantile, *value].into_iter(), number);
            });
            out.push('}');
        }
        MetricKind::Gauge | MetricKind::Sum => out.push_str("null"),
    }
}

fn buckets(buckets: &ExponentialBuckets, out: &mut String) {
    out.push_str(&format!("{{\"offset\":{},\"counts\":", buckets.offset));
    list(out, buckets.counts.iter(), |count, out| out.push_str(&count.to_string()));
    out.push('}');
}

fn number(number: f64, out: &mut String) {
    model::Value::Double(number).write_json(out);
}
