//! Which native histograms are stored, and as what.

use model::metric::distribution::{self, ExponentialBuckets};
use prost::Message;

use super::prompb::{
    BucketSpan, Exemplar, Histogram, MetricMetadata, NOW_MILLIS, TimeSeries, WriteRequest, labels, v2,
};
use crate::otlp::Decoded;
use crate::remote_write::histogram::NativeHistogram;
use crate::remote_write::{Version, decode};
use crate::testing::{KEEP_ALL, dump};

fn histogram(schema: i32, spans: &[(i32, u32)], deltas: &[i64]) -> Histogram {
    let positive_spans = spans.iter().map(|(offset, length)| BucketSpan { offset: *offset, length: *length }).collect();
    Histogram {
        count_int: Some(9),
        sum: 4.5,
        schema,
        positive_spans,
        positive_deltas: deltas.to_vec(),
        timestamp: NOW_MILLIS,
        ..Default::default()
    }
}

fn custom(bounds: &[f64], spans: &[(i32, u32)], deltas: &[i64]) -> Histogram {
    Histogram { custom_values: bounds.to_vec(), ..histogram(-53, spans, deltas) }
}

fn decoded(histograms: Vec<Histogram>) -> Decoded {
    let series = TimeSeries { labels: labels(&[("__name__", "x")]), histograms, ..Default::default() };
    let body = WriteRequest { timeseries: vec![series], metadata: Vec::new() }.encode_to_vec();
    decode(Version::V1, &body, KEEP_ALL).unwrap()
}

fn distribution_of(histogram: &Histogram) -> Vec<u8> {
    let (mut native, mut out) = (NativeHistogram::default(), Vec::new());
    native.read(&histogram.encode_to_vec()).unwrap();
    native.distribution(&mut out, &mut 0).unwrap();
    out
}

#[test]
fn sparse_buckets_become_dense_ones_that_begin_where_prometheus_ends() {
    let it = Histogram {
        zero_count_int: Some(2),
        zero_threshold: 0.5,
        reset_hint: 3,
        negative_spans: vec![BucketSpan { offset: 5, length: 1 }],
        negative_deltas: vec![7],
        ..histogram(3, &[(-2, 2), (3, 1)], &[1, 2, -1])
    };
    let bytes = distribution_of(&it);
    let point = distribution::ExponentialHistogram::decode(&bytes);
    assert_eq!(point.positive, ExponentialBuckets { offset: -3, counts: vec![1, 3, 0, 0, 0, 2] });
    assert_eq!(point.negative, ExponentialBuckets { offset: 4, counts: vec![7] });
    assert_eq!((point.scale, point.zero_count, point.zero_threshold, point.count), (3, 2, 0.5, 9));
    assert_eq!((point.sum, distribution::reset_hint(&bytes)), (Some(4.5), distribution::GAUGE));
}

#[test]
fn custom_buckets_become_explicit_bounds() {
    let bytes = distribution_of(&custom(&[0.1, 1.0, 10.0], &[(1, 1), (1, 1)], &[4, 1]));
    let point = distribution::Histogram::decode(&bytes);
    assert_eq!((point.bounds, point.counts), (vec![0.1, 1.0, 10.0], vec![0, 4, 0, 5]));
    let without_bounds = distribution::Histogram::decode(&distribution_of(&custom(&[], &[(0, 1)], &[9])));
    assert_eq!((without_bounds.bounds, without_bounds.counts), (vec![], vec![9]));
}

#[test]
fn whole_counts_of_a_float_histogram_are_those_of_an_integer_one() {
    let it = histogram(0, &[(0, 2)], &[1, 2]);
    let float = Histogram {
        count_int: None,
        count_float: Some(9.0),
        zero_count_float: Some(0.0),
        positive_counts: vec![1.0, 3.0],
        positive_deltas: Vec::new(),
        ..it.clone()
    };
    assert_eq!(distribution_of(&float), distribution_of(&it));
}

#[test]
fn what_cannot_be_stored_is_rejected_with_the_reason() {
    let float = |count: f64| Histogram { count_int: None, count_float: Some(count), ..histogram(0, &[], &[]) };
    let cases = [
        (histogram(9, &[], &[]), "schema of a native histogram must be -53 or from -4 to 8"),
        (histogram(-5, &[], &[]), "schema"),
        (float(1.5), "no whole numbers"),
        (float(f64::NAN), "no whole numbers"),
        (float(-1.0), "negative count"),
        (float(1e17), "no whole numbers"),
        (histogram(0, &[(0, 2)], &[1, -2]), "negative count"),
        (histogram(0, &[(0, 2)], &[i64::MAX, 1]), "negative count, or one of more than 63 bits"),
        (histogram(0, &[(0, 2)], &[1]), "spans of the histogram do not fit"),
        (histogram(0, &[(0, 1)], &[1, 1]), "spans of the histogram do not fit"),
        (histogram(0, &[(0, u32::MAX)], &[1]), "spans of the histogram do not fit"),
        (histogram(0, &[(5, 1), (-1, 1)], &[1, 1]), "spans of the histogram do not fit"),
        (histogram(0, &[(0, 1), (16_384, 1)], &[1, 1]), "more than 16384 buckets"),
        (histogram(0, &[(i32::MAX, 1)], &[1]), "more than 16384 buckets"),
        (histogram(0, &[(i32::MIN, 1)], &[1]), "more than 16384 buckets"),
        (histogram(0, &[(0, 20_000)], &[0; 20_000]), "more than 16384 buckets"),
        (Histogram { timestamp: 0, ..histogram(0, &[], &[]) }, "timestamp must be after 1970"),
        (custom(&[1.0, 1.0], &[], &[]), "custom_values must increase"),
        (custom(&[f64::NAN], &[], &[]), "custom_values must increase"),
        (custom(&[1.0, f64::INFINITY], &[], &[]), "and be less than +Inf"),
        (custom(&[1.0], &[(2, 1)], &[1]), "spans of the histogram do not fit"),
        (custom(&[1.0], &[(-1, 1)], &[1]), "spans of the histogram do not fit"),
        (
            Histogram { zero_count_int: Some(1), ..custom(&[1.0], &[], &[]) },
            "neither negative buckets nor a zero bucket",
        ),
    ];
    for (bad, expected) in cases {
        let decoded = decoded(vec![bad.clone(), histogram(0, &[(0, 1)], &[9])]);
        assert_eq!((decoded.rejected(), decoded.written.histograms), (1, 1), "{bad:?}");
        let finding = &decoded.report.findings()[0];
        assert!(finding.reason.contains(expected), "{}: {bad:?}", finding.reason);
        assert_eq!(finding.first, "timeseries[0].histograms[0]");
    }
}

#[test]
fn counts_that_are_not_the_sum_of_their_buckets_are_warned_about() {
    let with = |count: u64, it: Histogram| Histogram { count_int: Some(count), ..it };
    let negative = BucketSpan { offset: 5, length: 1 };
    let both = || Histogram {
        zero_count_int: Some(3),
        negative_spans: vec![negative],
        negative_deltas: vec![7],
        ..histogram(0, &[(0, 2)], &[50, 0])
    };
    let nan = |it: Histogram| Histogram { sum: f64::NAN, ..it };
    let cases = [
        (with(110, both()), true),
        (with(109, both()), false),
        (with(111, both()), false),
        (nan(with(111, both())), true),
        (nan(with(109, both())), false),
        (with(3, custom(&[1.0, 2.0], &[(0, 3)], &[1, 0, 0])), true),
        (with(4, custom(&[1.0, 2.0], &[(0, 3)], &[1, 0, 0])), false),
        (with(0, histogram(0, &[], &[])), true),
        (with(99, histogram(0, &[], &[])), false),
    ];
    for (it, agree) in cases {
        let decoded = decoded(vec![it.clone()]);
        assert_eq!((decoded.rejected(), decoded.written.histograms), (0, 1), "{it:?}");
        assert_eq!(
            decoded.report.findings().iter().map(|it| it.rejected).collect::<Vec<_>>(),
            vec![false; usize::from(!agree)],
            "{it:?}"
        );
    }
}

#[test]
fn the_empty_buckets_of_a_request_are_bounded() {
    let wide = Histogram { count_int: Some(2), ..histogram(0, &[(0, 1), (16_000, 1)], &[1, 0]) };
    let decoded = decoded(vec![wide; 1100]);
    assert_eq!((decoded.written.histograms, decoded.rejected()), (16_777_216 / 16_000, 1100 - 16_777_216 / 16_000));
    assert!(decoded.report.findings()[0].reason.contains("empty buckets"));
}

#[test]
fn a_histogram_that_is_rejected_for_its_time_or_series_costs_none_of_them() {
    let wide = Histogram { count_int: Some(2), ..histogram(0, &[(0, 1), (16_000, 1)], &[1, 0]) };
    let late = Histogram { timestamp: 0, ..wide.clone() };
    let decoded = decoded([vec![late; 1100], vec![wide; 1000]].concat());
    assert_eq!((decoded.written.histograms, decoded.rejected()), (1000, 1100));
    assert_eq!(decoded.report.findings().len(), 1, "{:?}", decoded.report);
}

#[test]
fn exemplars_belong_to_the_series_of_the_histograms() {
    let exemplar = Exemplar { timestamp: NOW_MILLIS, value: 0.3, labels: Vec::new() };
    let request = |name: &str, histograms: Vec<Histogram>| WriteRequest {
        timeseries: vec![TimeSeries {
            labels: labels(&[("__name__", name)]),
            histograms,
            exemplars: vec![exemplar.clone()],
            ..Default::default()
        }],
        metadata: vec![MetricMetadata { r#type: 3, ..Default::default() }],
    };
    for (histogram, kind) in [(histogram(0, &[], &[]), "exponential_histogram"), (custom(&[], &[], &[]), " histogram")]
    {
        let request = request("x", vec![histogram]);
        let first = WriteRequest { metadata: Vec::new(), ..request.clone() };
        let bodies = [(Version::V1, first.encode_to_vec()), (Version::V2, v2(&request).encode_to_vec())];
        for (version, body) in bodies {
            let dump = dump(decode(version, &body, KEEP_ALL).unwrap().rows);
            assert_eq!(dump.matches("series SeriesId").count(), 1, "{dump}");
            assert!(dump.contains(kind), "{dump}");
        }
    }
    // Prometheus sends them apart. In 2.0 there is the type.
    for (name, kind) in [("x", "exponential_histogram"), ("x_bucket", " sum "), ("x_count", " sum ")] {
        let body = v2(&request(name, Vec::new())).encode_to_vec();
        let dump = dump(decode(Version::V2, &body, KEEP_ALL).unwrap().rows);
        assert!(dump.contains(kind), "{name}: {dump}");
    }
}

#[test]
fn a_stale_histogram_has_no_value() {
    let sum = f64::from_bits(0x7ff0_0000_0000_0002);
    let decoded = decoded(vec![Histogram { sum, timestamp: NOW_MILLIS, ..Default::default() }]);
    assert_eq!(decoded.written.histograms, 1);
    let dump = dump(decoded.rows);
    assert!(dump.contains("flags=1 None") && dump.contains("exponential_histogram"), "{dump}");
}
