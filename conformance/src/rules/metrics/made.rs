//! Metrics that the rules about them send.

use crate::message::{Message, Value};
use crate::probe::Probe;
use crate::protocol::Signal;
use crate::request::Request;
use crate::sample::{SECOND, attribute, string};

/// A point of each value, each of a series of its own, in the order of their times.
pub(super) fn numbers(p: &Probe) -> Request {
    let values = [
        (4, "asDouble", Value::Double(0.0)),
        (4, "asDouble", Value::Double(-2.5)),
        (4, "asDouble", Value::Double(f64::INFINITY)),
        (4, "asDouble", Value::Double(f64::NAN)),
        (6, "asInt", Value::Sfixed64(0)),
        (6, "asInt", Value::Sfixed64(i64::MIN)),
    ];
    let points = values.into_iter().zip(1..).map(|((number, key, value), nth)| {
        let time = p.now() - SECOND + nth;
        p.own_point().set(3, "timeUnixNano", Value::Fixed64(time)).set(number, key, value)
    });
    p.export(Signal::Metrics, &p.metrics([p.gauge_of(points)]))
}

/// Points without a value, with the flag for that and with bits beside it.
pub(super) fn flagged(p: &Probe) -> Request {
    let points = [1, 5].map(|flags| p.own_point().set(8, "flags", Value::Uint32(flags)));
    p.export(Signal::Metrics, &p.metrics([p.gauge_of(points)]))
}

/// The same of the other kinds of metrics.
pub(super) fn flagged_kinds(p: &Probe) -> Request {
    let flagged = |number| p.point_at(p.now()).set(number, "flags", Value::Uint32(1));
    let metrics =
        [p.histogram(2, |_| flagged(10)), p.exponential_histogram(2, |_| flagged(10)), p.summary(|_| flagged(8))];
    p.export(Signal::Metrics, &p.metrics(metrics))
}

/// A point of each kind but numbers with the time 0, then a good one.
pub(super) fn zero_times(p: &Probe) -> Request {
    let zero = |point: Message| point.without(2).set(3, "timeUnixNano", Value::Fixed64(0));
    let metrics = [p.histogram(2, zero), p.exponential_histogram(2, zero), p.summary(zero), p.gauge()];
    p.export(Signal::Metrics, &p.metrics(metrics))
}

/// A histogram of both kinds, then a good gauge.
pub(super) fn without_temporality(p: &Probe) -> Request {
    let metrics = [p.histogram(0, |point| point), p.exponential_histogram(0, |point| point), p.gauge()];
    p.export(Signal::Metrics, &p.metrics(metrics))
}

/// Scales as SDKs have them, and beyond.
pub(super) fn scales(p: &Probe) -> Request {
    of_scales(p, &[-11, -10, -4, 0, 8, 20, 21, 30])
}

/// An exponential histogram of each scale, with values about 1, which has a bucket at any.
pub(super) fn of_scales(p: &Probe, scales: &[i32]) -> Request {
    let buckets = |offset| {
        Message::new().set(1, "offset", Value::Sint32(offset)).set(2, "bucketCounts", Value::Uint64s(vec![2, 2]))
    };
    let metrics = scales.iter().map(|scale| {
        p.exponential_histogram(2, |point| {
            let point = point.set(6, "scale", Value::Sint32(*scale)).set(4, "count", Value::Fixed64(7));
            point.set(5, "sum", Value::Double(4.0)).one(8, "positive", buckets(-1)).one(9, "negative", {
                Message::new().set(1, "offset", Value::Sint32(-1)).set(2, "bucketCounts", Value::Uint64s(vec![2]))
            })
        })
    });
    p.export(Signal::Metrics, &p.metrics(metrics))
}

pub(super) fn with_metadata(p: &Probe) -> Request {
    let metric = p.gauge().many(12, "metadata", [attribute("prometheus.type", string("gauge"))]);
    p.export(Signal::Metrics, &p.metrics([metric]))
}

pub(super) fn unpacked(p: &Probe) -> Request {
    histogram(p, |point| {
        let point = point.without(6).without(7);
        let point = [1, 3, 1].into_iter().fold(point, |it, n| it.push(6, "bucketCounts", Value::Fixed64(n)));
        [1.0, 2.0].into_iter().fold(point, |it, bound| it.push(7, "explicitBounds", Value::Double(bound)))
    })
}

pub(super) fn short_exemplar_ids(p: &Probe) -> Request {
    let exemplar = Message::new()
        .set(2, "timeUnixNano", Value::Fixed64(p.now()))
        .set(3, "asDouble", Value::Double(1.5))
        .set(4, "spanId", Value::Id(vec![1; 3]))
        .set(5, "traceId", Value::Id(vec![1; 15]));
    let point = p.number_point().many(5, "exemplars", [exemplar]);
    p.export(Signal::Metrics, &p.metrics([p.gauge_of([point]), p.gauge()]))
}

pub(super) fn histogram(p: &Probe, change: impl Fn(Message) -> Message) -> Request {
    p.export(Signal::Metrics, &p.metrics([p.histogram(2, change)]))
}

/// A changed histogram, then a good gauge.
pub(super) fn bad_histogram(p: &Probe, change: impl Fn(Message) -> Message) -> Request {
    p.export(Signal::Metrics, &p.metrics([p.histogram(2, change), p.gauge()]))
}

pub(in crate::rules) fn with_exemplars(p: &Probe) -> Message {
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
pub(in crate::rules) fn every_kind(p: &Probe) -> Vec<Message> {
    let up_down = p.sum(2, [p.number_point()]).each(7, |sum| sum.set(3, "isMonotonic", Value::Bool(false)));
    let metrics = vec![
        p.gauge(),
        p.sum(2, [p.number_point()]),
        p.sum(1, [p.number_point()]),
        up_down,
        p.histogram(2, |point| point),
        p.histogram(1, |point| point),
        p.exponential_histogram(2, |point| {
            point.set(12, "min", Value::Double(-3.0)).set(13, "max", Value::Double(9.0)).set(
                14,
                "zeroThreshold",
                Value::Double(1e-9),
            )
        }),
        p.summary(|point| point),
    ];
    metrics.into_iter().map(|metric| metric.text(2, "description", "of the conformance suite")).collect()
}
