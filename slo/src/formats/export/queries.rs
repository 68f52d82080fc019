//! The SLI of an SLO in PromQL.

use model::SpanKind;
use model::time::MILLISECOND;

use super::Lost;
use crate::duration;
use crate::spec::{ErrorsAre, GoodSpan, HttpAnswers, Indicator, RatioSli, SliceSli, SpanSli};
use crate::spec::{GroupBy, Slo, groups::label_name};

/// The names that the connector `spanmetrics` of the OpenTelemetry Collector gives by default, as Prometheus has them.
const CALLS: &str = "traces_span_metrics_calls_total";
const DURATION: &str = "traces_span_metrics_duration_milliseconds";

/// Good, bad and total as PromQL with `$window`; `None` if it cannot be said in PromQL.
pub(super) fn of(slo: &Slo, lost: &mut Lost<'_>) -> Option<RatioSli> {
    match &slo.indicator {
        Indicator::Spans(spans) => of_spans(slo, spans, lost),
        Indicator::Logs(_) => {
            lost.add("left out: log records are not in PromQL");
            None
        }
        Indicator::Ratio(ratio) => Some(ratio.clone()),
        Indicator::Slices(slices) => Some(RatioSli::ErrorRatio(bad_slices(slices))),
    }
}

/// The share of the slices of `$window` that are bad.
fn bad_slices(slices: &SliceSli) -> String {
    let SliceSli { query, op, value, slice, .. } = slices;
    format!("1 - avg_over_time((({query}) {} bool {value})[$window:{}])", op.sign(), duration::format(*slice))
}

fn of_spans(slo: &Slo, spans: &SpanSli, lost: &mut Lost<'_>) -> Option<RatioSli> {
    if spans.http != HttpAnswers::BY_STATUS {
        lost.add("left out: span metrics tell no 4xx from another answer");
        return None;
    }
    if spans.selector.filter.is_some() {
        lost.add("left out: `filter` is a search of this box");
        return None;
    }
    let mut matchers = vec![format!("service_name={}", quoted(&slo.service))];
    if let Some(kind) = spans.selector.kind {
        matchers.push(format!("span_kind={}", quoted(&kind_name(kind))));
    }
    if let Some(operation) = &spans.selector.operation {
        matchers.push(format!("span_name={}", quoted(operation)));
    }
    let mut dimensions: Vec<&str> = spans.selector.attributes.iter().map(|(key, _)| key.as_str()).collect();
    for (key, value) in &spans.selector.attributes {
        matchers.push(format!("{}={}", label_name(key), quoted(value)));
    }
    let keys = slo.by.as_ref().map_or(&[][..], |by| &by.keys);
    dimensions.extend(keys.iter().map(String::as_str));
    let dimensions = match dimensions[..] {
        [] => String::new(),
        _ => format!(", with {} among its dimensions", dimensions.join(", ")),
    };
    lost.add(&format!("counts the metrics of the Collector's connector spanmetrics{dimensions}"));
    let by: Vec<String> = slo.by.iter().flat_map(GroupBy::labels).collect();
    let by = if by.is_empty() { String::new() } else { format!(" by ({}) ", by.join(", ")) };
    let matchers = matchers.join(", ");
    let count = |metric: &str, more: &str| format!("sum{by}(increase({metric}{{{matchers}{more}}}[$window]))");
    let (failed, well) = (", status_code=\"STATUS_CODE_ERROR\"", ", status_code!=\"STATUS_CODE_ERROR\"");
    Some(match spans.good {
        GoodSpan::NoError => RatioSli::BadOfTotal { bad: count(CALLS, failed), total: count(CALLS, "") },
        GoodSpan::Faster { threshold, errors } => {
            let milliseconds = threshold as f64 / MILLISECOND as f64;
            lost.add(&format!("needs a histogram with a bucket that ends at {milliseconds} ms"));
            let (good, total) = match errors {
                ErrorsAre::Bad => (well, ""),
                ErrorsAre::Excluded => (well, well),
                ErrorsAre::Timed => ("", ""),
            };
            let good = format!("{good}, le=\"{milliseconds}\"");
            RatioSli::GoodOfTotal {
                good: count(&format!("{DURATION}_bucket"), &good),
                total: count(&format!("{DURATION}_count"), total),
            }
        }
    })
}

/// The name of a kind in OTLP, which the connector has as a label.
fn kind_name(kind: SpanKind) -> String {
    format!("SPAN_KIND_{}", kind.name().to_ascii_uppercase())
}

/// A text of PromQL.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
}
