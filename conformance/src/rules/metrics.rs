//! D5: metrics. That a receiver keeps a kind of metric is no rule of the protocol, which allows it to reject items; that it
//! answers a valid request with a success, whole or partial, is.

use crate::expect::{accepted, noticed, rejects, taken};
use crate::message::{Message, Value};
use crate::protocol::Signal;
use crate::rule::{ALL, PROTOBUF, Rule, Test};
use crate::sample::SECOND;

mod made;

use made::{
    bad_histogram, flagged, flagged_kinds, histogram, numbers, of_scales, scales, short_exemplar_ids, unpacked,
    with_metadata, without_temporality, zero_times,
};
pub(super) use made::{every_kind, with_exemplars};

const METRIC: &str = "proto: metrics.proto, Metric";
const NO_VALUE: &str = "proto: metrics.proto, DataPointFlags";
const EXPONENTIAL: &str = "proto: metrics.proto, scale";
const HISTOGRAM: &str = "proto: metrics.proto, HistogramDataPoint";

pub(super) const RULES: &[Rule] = &[
    Rule::must(
        "D5.kinds",
        ALL,
        METRIC,
        "gauges, sums, histograms, exponential histograms and summaries are valid",
        Test::Send(|p| p.export(Signal::Metrics, &p.metrics(every_kind(p))), accepted),
    ),
    Rule::practice(
        "D5.kinds-taken",
        ALL,
        METRIC,
        "and none of them is rejected",
        Test::Send(|p| p.export(Signal::Metrics, &p.metrics(every_kind(p))), taken),
    ),
    Rule::practice(
        "D5.delta-taken",
        ALL,
        "metrics: Sums",
        "delta and cumulative temporality are both taken",
        Test::Send(
            |p| p.export(Signal::Metrics, &p.metrics([p.sum(1, [p.number_point()]), p.histogram(1, |point| point)])),
            taken,
        ),
    ),
    Rule::must(
        "D5.integers",
        ALL,
        "proto: metrics.proto, NumberDataPoint",
        "values are doubles or integers; zero, negative, NaN and infinity too",
        Test::Send(numbers, accepted),
    ),
    Rule::practice(
        "D5.integers-taken",
        ALL,
        "proto: metrics.proto, NumberDataPoint",
        "and none of them is rejected",
        Test::Send(numbers, taken),
    ),
    Rule::must(
        "D5.no-recorded-value",
        ALL,
        NO_VALUE,
        "a point with the flag NO_RECORDED_VALUE and without a value is valid, whatever other bits are set",
        Test::Send(flagged, accepted),
    ),
    Rule::practice(
        "D5.no-recorded-value-taken",
        ALL,
        NO_VALUE,
        "and not rejected: it says that a series has ended",
        Test::Send(flagged, taken),
    ),
    Rule::practice(
        "D5.no-recorded-value-kinds",
        ALL,
        NO_VALUE,
        "nor are points of histograms and summaries with the flag and nothing else",
        Test::Send(flagged_kinds, taken),
    ),
    Rule::must(
        "D5.exemplars",
        ALL,
        "proto: metrics.proto, Exemplar",
        "exemplars are valid, with and without ids, as doubles and integers, with filtered attributes",
        Test::Send(|p| p.export(Signal::Metrics, &p.metrics([with_exemplars(p)])), accepted),
    ),
    Rule::practice(
        "D5.exemplars-taken",
        ALL,
        "proto: metrics.proto, Exemplar",
        "and make no point rejected",
        Test::Send(|p| p.export(Signal::Metrics, &p.metrics([with_exemplars(p)])), taken),
    ),
    Rule::practice(
        "D5.exemplar-ids",
        ALL,
        "proto: metrics.proto, Exemplar",
        "an exemplar whose ids have a wrong length costs no more than its point",
        Test::Send(short_exemplar_ids, accepted),
    ),
    Rule::must(
        "D5.metadata",
        ALL,
        "proto: metrics.proto, Metric.metadata",
        "metadata of a metric is valid",
        Test::Send(with_metadata, accepted),
    ),
    Rule::practice(
        "D5.metadata-taken",
        ALL,
        "proto: metrics.proto, Metric.metadata",
        "and makes nothing rejected",
        Test::Send(with_metadata, taken),
    ),
    Rule::must(
        "D5.exponential-scales",
        ALL,
        EXPONENTIAL,
        "exponential histograms of every scale are valid: the protocol restricts it not",
        Test::Send(scales, accepted),
    ),
    Rule::practice(
        "D5.exponential-scales-taken",
        ALL,
        EXPONENTIAL,
        "and those of the scales from -10 to 20, which SDKs keep to, are not rejected",
        Test::Send(|p| of_scales(p, &[-10, -4, 0, 8, 20]), taken),
    ),
    Rule::must(
        "D5.histogram-without-buckets",
        ALL,
        HISTOGRAM,
        "a histogram without buckets, with count and sum only, is valid",
        Test::Send(|p| histogram(p, |point| point.without(6).without(7)), accepted),
    ),
    Rule::must(
        "D5.histogram-one-bucket",
        ALL,
        HISTOGRAM,
        "so is one with a single bucket and no bounds",
        Test::Send(
            |p| histogram(p, |point| point.set(6, "bucketCounts", Value::Fixed64s(vec![5])).without(7)),
            accepted,
        ),
    ),
    Rule::must(
        "D5.histogram-without-sum",
        ALL,
        HISTOGRAM,
        "so is one without a sum, which values below zero do not have, or with min and max",
        Test::Send(
            |p| {
                let min_max =
                    |point: Message| point.set(11, "min", Value::Double(-1.0)).set(12, "max", Value::Double(2.5));
                let metrics = [p.histogram(2, |point| point.without(5)), p.histogram(2, min_max)];
                p.export(Signal::Metrics, &p.metrics(metrics))
            },
            accepted,
        ),
    ),
    Rule::should(
        "D5.zero-time",
        ALL,
        "proto: metrics.proto, Metric",
        "a data point with the time 0 is rejected, the others are not",
        Test::Send(
            |p| {
                let bad = p.point_at(0).without(2).set(4, "asDouble", Value::Double(1.0));
                p.export(Signal::Metrics, &p.metrics([p.gauge_of([bad, p.number_point()])]))
            },
            rejects::<1>,
        ),
    ),
    Rule::should(
        "D5.zero-time-kinds",
        ALL,
        METRIC,
        "so are points of histograms and summaries with the time 0",
        Test::Send(zero_times, rejects::<3>),
    ),
    Rule::practice(
        "D5.no-temporality-kinds",
        ALL,
        "proto: metrics.proto, Temporality",
        "histograms of both kinds without a temporality have their points rejected, the others are not",
        Test::Send(without_temporality, rejects::<2>),
    ),
    Rule::practice(
        "D5.no-temporality",
        ALL,
        "proto: metrics.proto, Temporality",
        "a sum without a temporality, which must not be, has its points rejected, the others are not",
        Test::Send(|p| p.export(Signal::Metrics, &p.metrics([p.sum(0, [p.number_point()]), p.gauge()])), rejects::<1>),
    ),
    Rule::practice(
        "D5.no-value",
        ALL,
        "proto: metrics.proto, NumberDataPoint",
        "a point without a value and without the flag for that is rejected, the others are not",
        Test::Send(
            |p| p.export(Signal::Metrics, &p.metrics([p.gauge_of([p.own_point(), p.number_point()])])),
            rejects::<1>,
        ),
    ),
    Rule::practice(
        "D5.buckets",
        ALL,
        HISTOGRAM,
        "a histogram whose bucket counts are not one more than its bounds is rejected, the others are not",
        Test::Send(
            |p| bad_histogram(p, |point| point.set(6, "bucketCounts", Value::Fixed64s(vec![2, 3]))),
            rejects::<1>,
        ),
    ),
    Rule::practice(
        "D5.bounds",
        ALL,
        HISTOGRAM,
        "so is one whose bounds do not increase",
        Test::Send(
            |p| bad_histogram(p, |point| point.set(7, "explicitBounds", Value::Doubles(vec![2.0, 1.0]))),
            rejects::<1>,
        ),
    ),
    Rule::practice(
        "D5.bounds-alone",
        ALL,
        HISTOGRAM,
        "so is one with bounds and without bucket counts",
        Test::Send(|p| bad_histogram(p, |point| point.without(6)), rejects::<1>),
    ),
    Rule::practice(
        "D5.bucket-sum",
        ALL,
        HISTOGRAM,
        "a histogram whose buckets do not add up to its count, as they must, is rejected or warned of",
        Test::Send(|p| bad_histogram(p, |point| point.set(6, "bucketCounts", Value::Fixed64s(vec![1, 3, 7]))), noticed),
    ),
    Rule::should(
        "D5.exponential-overflow",
        ALL,
        "metrics: ExponentialHistogram",
        "an exponential histogram with a bucket index beyond 32 bits is rejected, the others are not",
        Test::Send(
            |p| {
                let buckets = Message::new().set(1, "offset", Value::Sint32(i32::MAX)).set(
                    2,
                    "bucketCounts",
                    Value::Uint64s(vec![1, 1]),
                );
                // Two there, two negative, one zero.
                let bad = p.exponential_histogram(2, |point| {
                    point.set(4, "count", Value::Fixed64(5)).one(8, "positive", buckets.clone())
                });
                p.export(Signal::Metrics, &p.metrics([bad, p.gauge()]))
            },
            rejects::<1>,
        ),
    ),
    Rule::practice(
        "D5.no-name",
        ALL,
        METRIC,
        "a metric without a name costs no more than itself",
        Test::Send(|p| p.export(Signal::Metrics, &p.metrics([p.gauge().without(1), p.gauge()])), accepted),
    ),
    Rule::practice(
        "D5.no-data",
        ALL,
        METRIC,
        "a metric without data, as one of a kind that is not known yet, costs nothing",
        Test::Send(|p| p.export(Signal::Metrics, &p.metrics([p.gauge().without(5), p.gauge()])), taken),
    ),
    Rule::practice(
        "D5.out-of-order",
        ALL,
        "metrics: Resets and Gaps",
        "points out of order, an hour old among them, and at the same time do not fail a request",
        Test::Send(
            |p| {
                let point = |age: u64| p.point_at(p.now() - age * SECOND).set(4, "asDouble", Value::Double(1.0));
                p.export(Signal::Metrics, &p.metrics([p.gauge_of([point(0), point(3600), point(5), point(5)])]))
            },
            taken,
        ),
    ),
    Rule::practice(
        "D5.start-is-time",
        ALL,
        "metrics: Unknown start time",
        "a point whose start is its time has an unknown start, and is taken; so is one without a start",
        Test::Send(
            |p| {
                let same = p.number_point().set(2, "startTimeUnixNano", Value::Fixed64(p.now()));
                p.export(Signal::Metrics, &p.metrics([p.sum(2, [same]), p.sum(2, [p.number_point().without(2)])]))
            },
            taken,
        ),
    ),
    Rule::must(
        "D5.unpacked",
        PROTOBUF,
        "protobuf: Repeated Elements, packed",
        "bucket counts and bounds may come unpacked, one field each: parsers must take both forms",
        Test::Send(unpacked, accepted),
    ),
    Rule::practice(
        "D5.unpacked-taken",
        PROTOBUF,
        "protobuf: Repeated Elements, packed",
        "and are read whole, so that the point is not rejected",
        Test::Send(unpacked, taken),
    ),
    Rule::practice(
        "D5.merged",
        PROTOBUF,
        "protobuf: Last One Wins",
        "a sum in two parts, of which one has the temporality and one the points, is merged and not rejected",
        Test::Send(
            |p| {
                let temporality = Message::new().set(2, "aggregationTemporality", Value::Enum(2));
                let points = Message::new().many(1, "dataPoints", [p.number_point()]);
                let metric = p.metric(7, "sum", temporality).push(7, "sum", Value::Message(points));
                p.export(Signal::Metrics, &p.metrics([metric]))
            },
            taken,
        ),
    ),
];
