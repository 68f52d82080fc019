//! D5: metrics. That a receiver keeps a kind of metric is no rule of the protocol, which allows it to reject items; that it
//! answers a valid request with a success, whole or partial, is.

use crate::expect::{accepted, rejects, taken};
use crate::message::{Message, Value};
use crate::probe::Probe;
use crate::protocol::Signal;
use crate::request::Request;
use crate::rule::{ALL, Rule, Test};
use crate::sample::{SECOND, attribute, string};

const METRIC: &str = "proto: metrics.proto, Metric";
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
        "values are doubles or integers, zero and negative too",
        Test::Send(|p| p.export(Signal::Metrics, &p.metrics([p.gauge_of(numbers(p))])), taken),
    ),
    Rule::must(
        "D5.no-recorded-value",
        ALL,
        "proto: metrics.proto, DataPointFlags",
        "a point with the flag NO_RECORDED_VALUE and without a value is valid, whatever other bits are set",
        Test::Send(
            |p| {
                let flagged = |flags| p.point_at(p.now()).set(8, "flags", Value::Uint32(flags));
                p.export(Signal::Metrics, &p.metrics([p.gauge_of([flagged(1), flagged(5)])]))
            },
            taken,
        ),
    ),
    Rule::must(
        "D5.exemplars",
        ALL,
        "proto: metrics.proto, Exemplar",
        "exemplars are valid, with and without ids, as doubles and integers, with filtered attributes",
        Test::Send(|p| p.export(Signal::Metrics, &p.metrics([with_exemplars(p)])), taken),
    ),
    Rule::must(
        "D5.metadata",
        ALL,
        "proto: metrics.proto, Metric.metadata",
        "metadata of a metric is valid",
        Test::Send(
            |p| {
                let metric = p.gauge().many(12, "metadata", [attribute("prometheus.type", string("gauge"))]);
                p.export(Signal::Metrics, &p.metrics([metric]))
            },
            taken,
        ),
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
            |p| p.export(Signal::Metrics, &p.metrics([p.gauge_of([p.point_at(p.now()), p.number_point()])])),
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
        "D5.exponential-overflow",
        ALL,
        "metrics: Consumer Recommendations",
        "an exponential histogram with a bucket index beyond 32 bits is rejected, the others are not",
        Test::Send(
            |p| {
                let buckets = Message::new().set(1, "offset", Value::Sint32(i32::MAX)).set(
                    2,
                    "bucketCounts",
                    Value::Uint64s(vec![1, 1]),
                );
                let bad = p.exponential_histogram(|point| point.one(8, "positive", buckets.clone()));
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
        crate::rule::PROTOBUF,
        "protobuf: Repeated Elements, packed",
        "bucket counts and bounds may come unpacked, one field each: parsers must take both forms",
        Test::Send(
            |p| {
                histogram(p, |point| {
                    let point = point.without(6).without(7);
                    let point =
                        [1, 3, 1].into_iter().fold(point, |it, n| it.push(6, "bucketCounts", Value::Fixed64(n)));
                    [1.0, 2.0].into_iter().fold(point, |it, bound| it.push(7, "explicitBounds", Value::Double(bound)))
                })
            },
            taken,
        ),
    ),
];

fn histogram(p: &Probe, change: impl Fn(Message) -> Message) -> Request {
    p.export(Signal::Metrics, &p.metrics([p.histogram(2, change)]))
}

/// A changed histogram, then a good gauge.
fn bad_histogram(p: &Probe, change: impl Fn(Message) -> Message) -> Request {
    p.export(Signal::Metrics, &p.metrics([p.histogram(2, change), p.gauge()]))
}

fn numbers(p: &Probe) -> Vec<Message> {
    let point = || p.point_at(p.now() - p.fresh());
    vec![
        point().set(4, "asDouble", Value::Double(0.0)),
        point().set(4, "asDouble", Value::Double(-2.5)),
        point().set(4, "asDouble", Value::Double(f64::INFINITY)),
        point().set(4, "asDouble", Value::Double(f64::NAN)),
        point().set(6, "asInt", Value::Sfixed64(0)),
        point().set(6, "asInt", Value::Sfixed64(i64::MIN)),
    ]
}

fn with_exemplars(p: &Probe) -> Message {
    let exemplar = || Message::new().set(2, "timeUnixNano", Value::Fixed64(p.now()));
    let exemplars = [
        exemplar().set(3, "asDouble", Value::Double(1.5)),
        exemplar()
            .set(6, "asInt", Value::Sfixed64(3))
            .set(4, "spanId", Value::Id(p.span_id()))
            .set(5, "traceId", Value::Id(p.trace_id()))
            .many(7, "filteredAttributes", [attribute("customer", string("c-42"))]),
    ];
    p.sum(2, [p.number_point().many(5, "exemplars", exemplars)])
}

/// A metric of each kind and temporality.
pub(super) fn every_kind(p: &Probe) -> Vec<Message> {
    let up_down = p.sum(2, [p.number_point()]).each(7, |sum| sum.set(3, "isMonotonic", Value::Bool(false)));
    let metrics = vec![
        p.gauge(),
        p.sum(2, [p.number_point()]),
        p.sum(1, [p.number_point()]),
        up_down,
        p.histogram(2, |point| point),
        p.histogram(1, |point| point),
        p.exponential_histogram(|point| {
            point.set(12, "min", Value::Double(-3.0)).set(13, "max", Value::Double(9.0)).set(
                14,
                "zeroThreshold",
                Value::Double(1e-9),
            )
        }),
        p.summary(),
    ];
    metrics.into_iter().map(|metric| metric.text(2, "description", "of the conformance suite")).collect()
}
