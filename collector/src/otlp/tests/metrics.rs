//! Rules of metrics and their data points.

use model::time::DAY;
use opentelemetry_proto::tonic::common::v1::{AnyValue, any_value};
use opentelemetry_proto::tonic::metrics::v1::exponential_histogram_data_point::Buckets;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::summary_data_point::ValueAtQuantile;
use opentelemetry_proto::tonic::metrics::v1::{
    Exemplar, ExponentialHistogram, ExponentialHistogramDataPoint, Gauge, Histogram, HistogramDataPoint, Metric,
    NumberDataPoint, Sum, Summary, SummaryDataPoint, exemplar,
};
use prost::Message;

use crate::Signal;
use crate::otlp::{Context, Decoded, decode};
use crate::testing::{KEEP_ALL, NOW, dump, sample};

fn decoded(metric: Metric) -> Decoded {
    decode(Signal::Metrics, &sample::metrics(vec![metric]).encode_to_vec(), KEEP_ALL).unwrap()
}

fn gauge(data_points: Vec<NumberDataPoint>) -> Metric {
    sample::metric(Data::Gauge(Gauge { data_points }))
}

fn histogram(point: HistogramDataPoint) -> Metric {
    let data_points = vec![HistogramDataPoint { time_unix_nano: NOW as u64, ..point }];
    sample::metric(Data::Histogram(Histogram { data_points, aggregation_temporality: 2 }))
}

fn exponential(point: ExponentialHistogramDataPoint) -> Metric {
    let data_points = vec![ExponentialHistogramDataPoint { time_unix_nano: NOW as u64, ..point }];
    sample::metric(Data::ExponentialHistogram(ExponentialHistogram { data_points, aggregation_temporality: 1 }))
}

fn summary(quantile: f64) -> Metric {
    let quantile_values = vec![ValueAtQuantile { quantile, value: 1.0 }];
    let data_points = vec![SummaryDataPoint { time_unix_nano: NOW as u64, quantile_values, ..Default::default() }];
    sample::metric(Data::Summary(Summary { data_points }))
}

#[test]
fn a_bad_point_is_rejected_and_the_reason_says_what_is_allowed() {
    let good = sample::number(1);
    let buckets = |offset| Some(Buckets { offset, bucket_counts: vec![1, 1] });
    let sum = |aggregation_temporality| {
        let data_points = vec![sample::number(1)];
        sample::metric(Data::Sum(Sum { data_points, aggregation_temporality, is_monotonic: true }))
    };
    let cases = [
        (gauge(vec![NumberDataPoint { value: None, ..good.clone() }]), "neither as_double nor as_int"),
        (gauge(vec![NumberDataPoint { time_unix_nano: 0, ..good.clone() }]), "time_unix_nano is 0"),
        (gauge(vec![NumberDataPoint { time_unix_nano: 1 << 63, ..good.clone() }]), "after the year 2262"),
        (gauge(vec![NumberDataPoint { start_time_unix_nano: 1 << 63, ..good.clone() }]), "after the year 2262"),
        (Metric { name: String::new(), ..gauge(vec![good]) }, "the metric has no name"),
        (sum(0), "aggregation_temporality must be 1 (delta) or 2 (cumulative)"),
        (sum(3), "aggregation_temporality must be 1 (delta) or 2 (cumulative)"),
        (
            histogram(HistogramDataPoint { bucket_counts: vec![1], explicit_bounds: vec![1.0], ..Default::default() }),
            "one element more",
        ),
        (histogram(HistogramDataPoint { explicit_bounds: vec![1.0], ..Default::default() }), "one element more"),
        (
            histogram(HistogramDataPoint {
                bucket_counts: vec![1, 0, 0],
                explicit_bounds: vec![2.0, 2.0],
                ..Default::default()
            }),
            "increase strictly",
        ),
        (
            histogram(HistogramDataPoint {
                bucket_counts: vec![1, 0],
                explicit_bounds: vec![f64::NAN],
                ..Default::default()
            }),
            "increase strictly",
        ),
        (
            exponential(ExponentialHistogramDataPoint { positive: buckets(i32::MAX - 1), ..Default::default() }),
            "does not fit 32 bits",
        ),
        (summary(1.5), "a quantile must be from 0 to 1"),
        (summary(f64::NAN), "a quantile must be from 0 to 1"),
    ];
    for (metric, reason) in cases {
        let decoded = decoded(metric);
        assert_eq!((decoded.n_items, decoded.rejected()), (1, 1), "{reason}");
        assert!(decoded.rows.is_empty(), "{reason}: neither points nor series");
        let message = decoded.report.message(Signal::Metrics);
        assert!(message.starts_with("1 data point rejected: ") && message.contains(reason), "{message}");
        assert!(message.contains(".scope_metrics[0].metrics[0].") && message.contains(".data_points[0]"), "{message}");
    }
}

#[test]
fn a_flagged_point_needs_no_value() {
    let flagged = NumberDataPoint { value: None, flags: 1, ..sample::number(1) };
    let stale = NumberDataPoint { flags: 3, ..sample::number(1) };
    for point in [flagged, stale] {
        let decoded = decoded(gauge(vec![point]));
        assert_eq!(decoded.rejected(), 0);
        assert!(dump(decoded.rows).contains(" None"));
    }
}

#[test]
fn what_does_not_add_up_is_stored_with_a_warning() {
    let buckets =
        || HistogramDataPoint { count: 2, bucket_counts: vec![1, 1], explicit_bounds: vec![1.0], ..Default::default() };
    let later = NumberDataPoint { start_time_unix_nano: NOW as u64 + 1, ..sample::number(1) };
    for (metric, warning) in [
        (histogram(HistogramDataPoint { count: 3, ..buckets() }), "count is not the sum"),
        (histogram(HistogramDataPoint { min: Some(9.0), max: Some(1.0), ..buckets() }), "min is greater than max"),
        (
            exponential(ExponentialHistogramDataPoint { min: Some(0.5), max: Some(-0.5), ..Default::default() }),
            "min is greater than max",
        ),
        (gauge(vec![later]), "start_time_unix_nano is after time_unix_nano"),
    ] {
        let decoded = decoded(metric);
        assert_eq!((decoded.rejected(), decoded.rows.metrics.len(), decoded.report.findings().len()), (0, 1, 1));
        let told = decoded.report.message(Signal::Metrics);
        assert!(told.starts_with(&format!("warning: {warning}")), "{told}");
    }
    let good = decoded(histogram(HistogramDataPoint { min: Some(1.0), max: Some(1.0), ..buckets() }));
    assert!(good.report.is_empty());
}

#[test]
fn a_metric_without_data_is_a_warning() {
    let decoded = decoded(Metric { name: "empty".into(), ..Default::default() });
    assert_eq!((decoded.n_items, decoded.rejected()), (0, 0));
    assert!(decoded.report.message(Signal::Metrics).starts_with("warning: the metric has no gauge"));
}

#[test]
fn points_with_the_same_attributes_in_any_order_share_a_series() {
    let (a, b) = (sample::attribute("a", sample::text("1")), sample::attribute("b", sample::text("2")));
    let one = NumberDataPoint { attributes: vec![a.clone(), b.clone()], ..sample::number(1) };
    let other = NumberDataPoint { attributes: vec![b, a], ..sample::number(2) };
    let rows = dump(decoded(gauge(vec![one, other])).rows);
    assert_eq!(rows.lines().filter(|line| line.starts_with("series")).count(), 1, "{rows}");
    assert_eq!(rows.lines().filter(|line| line.starts_with("point")).count(), 2, "{rows}");
}

#[test]
fn exemplars_keep_their_trace_and_are_neither_older_than_the_retention_nor_far_ahead() {
    let exemplar = |time_unix_nano| Exemplar {
        time_unix_nano,
        trace_id: vec![7; 16],
        span_id: vec![8; 8],
        value: Some(exemplar::Value::AsInt(3)),
        filtered_attributes: vec![sample::attribute("user", sample::text("u1"))],
    };
    let ahead = exemplar((NOW + 2 * DAY) as u64);
    let odd = Exemplar { trace_id: vec![1; 4], ..exemplar(NOW as u64 - 20) };
    let exemplars = vec![exemplar(NOW as u64 - 10), exemplar(0), exemplar(5), ahead, odd, Exemplar::default()];
    let body = sample::metrics(vec![gauge(vec![NumberDataPoint { exemplars, ..sample::number(1) }])]).encode_to_vec();
    let decoded = decode(Signal::Metrics, &body, Context { oldest_accepted: NOW - 100, ..KEEP_ALL }).unwrap();
    assert_eq!((decoded.rejected(), decoded.rows.exemplars.len()), (0, 3));
    for warning in
        ["neither as_double nor as_int", "an exemplar is more than a day ahead", "trace_id of an exemplar must be"]
    {
        assert!(decoded.report.message(Signal::Metrics).contains(warning));
    }
    let rows = dump(decoded.rows);
    let ids = "07070707070707070707070707070707 0808080808080808";
    for time in [NOW - 10, NOW] {
        assert!(rows.contains(&format!("time={time} value=3.0 {ids} {{\"user\":\"u1\"}}")), "{rows}");
    }
}

#[test]
fn points_beyond_the_limit_of_the_sdk_are_stored_and_counted_for_their_service() {
    let yes = AnyValue { value: Some(any_value::Value::BoolValue(true)) };
    let attributes = vec![sample::attribute("otel.metric.overflow", yes)];
    let overflow = NumberDataPoint { attributes, ..sample::number(1) };
    let unstored = NumberDataPoint { time_unix_nano: 0, ..overflow.clone() };
    let decoded = decoded(gauge(vec![sample::number(1), overflow.clone(), overflow, unstored]));
    assert_eq!((decoded.rows.metrics.len(), decoded.rejected()), (3, 1));
    let sent = &decoded.services[0];
    assert_eq!((sent.overflowed, sent.overflow_metric.as_deref()), (2, Some("requests")));
    assert_eq!(decoded.report.findings().len(), 1, "the sender is told nothing of what is no mistake of the request");
}
