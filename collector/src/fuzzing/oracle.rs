//! The rows of a request as prost reads it: the same rules, written a second time over the generated types.

use model::metric::canonical;
use model::span::{Events, Links};
use model::wire::put_bytes_field;
use model::{
    Attrs, LogRecord, MetricKind, Nanos, Point, PointValue, Resource, Scope, Series, Span, SpanId, SpanKind,
    StatusCode, Temporality, TraceId, Value,
};
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{InstrumentationScope, KeyValue, KeyValueList, any_value};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{Exemplar, exemplar, number_data_point};
use opentelemetry_proto::tonic::resource::v1::Resource as ProtoResource;
use prost::Message;
use store::Rows;

use super::NOW;
use crate::otlp::MAX_AHEAD;
use crate::otlp::limited::MAX_ATTRIBUTES;

fn list(attributes: &[KeyValue]) -> Vec<u8> {
    KeyValueList { values: attributes.to_vec() }.encode_to_vec()
}

fn messages<M: Message>(messages: &[M]) -> Vec<u8> {
    let mut out = Vec::new();
    messages.iter().for_each(|message| put_bytes_field(&mut out, 1, &message.encode_to_vec()));
    out
}

fn with_url(message: Option<Vec<u8>>, schema_url: &str) -> Vec<u8> {
    let mut message = message.unwrap_or_default();
    if !schema_url.is_empty() {
        put_bytes_field(&mut message, 15, schema_url.as_bytes());
    }
    message
}

fn resource(resource: &Option<ProtoResource>, schema_url: &str) -> Vec<u8> {
    let resource = resource.clone().map(|mut resource| {
        limit(&mut resource.attributes, &mut resource.dropped_attributes_count);
        resource.encode_to_vec()
    });
    with_url(resource, schema_url)
}

fn scope(scope: &Option<InstrumentationScope>, schema_url: &str) -> Vec<u8> {
    let scope = scope.clone().map(|mut scope| {
        limit(&mut scope.attributes, &mut scope.dropped_attributes_count);
        scope.encode_to_vec()
    });
    with_url(scope, schema_url)
}

/// Neither after the year 2262 nor more than a day ahead.
fn in_range(time: u64) -> bool {
    time <= (NOW + MAX_AHEAD) as u64
}

/// Cuts attributes at the limit; the bodies of a fuzzer are too short for the limits of texts.
fn limit(attributes: &mut Vec<KeyValue>, dropped: &mut u32) {
    let n_over = attributes.len().saturating_sub(MAX_ATTRIBUTES);
    attributes.truncate(MAX_ATTRIBUTES);
    *dropped += n_over as u32;
}

pub(crate) fn traces(request: &ExportTraceServiceRequest) -> (Rows, u64) {
    let (mut rows, mut n_items) = (Rows::default(), 0);
    for group in &request.resource_spans {
        let resource = resource(&group.resource, &group.schema_url);
        let resource = Resource::new(&resource);
        for group in &group.scope_spans {
            let scope = scope(&group.scope, &group.schema_url);
            for span in &group.spans {
                n_items += 1;
                let mut span = span.clone();
                limit(&mut span.attributes, &mut span.dropped_attributes_count);
                for event in &mut span.events {
                    limit(&mut event.attributes, &mut event.dropped_attributes_count);
                }
                for link in &mut span.links {
                    limit(&mut link.attributes, &mut link.dropped_attributes_count);
                }
                let (Some(trace_id), Some(span_id)) =
                    (TraceId::from_bytes(&span.trace_id), SpanId::from_bytes(&span.span_id))
                else {
                    continue;
                };
                let (start, end) = (span.start_time_unix_nano, span.end_time_unix_nano);
                if start == 0 || !in_range(start) || !in_range(end) || ![0, 8].contains(&span.parent_span_id.len()) {
                    continue;
                }
                let (attrs, events, links) = (list(&span.attributes), messages(&span.events), messages(&span.links));
                let status = span.status.clone().unwrap_or_default();
                rows.spans.push(&Span {
                    trace_id,
                    span_id,
                    parent_span_id: SpanId::from_bytes(&span.parent_span_id),
                    trace_state: &span.trace_state,
                    flags: span.flags,
                    name: &span.name,
                    kind: SpanKind::from_number(span.kind as u64),
                    start: start as Nanos,
                    duration: end.saturating_sub(start) as Nanos,
                    status: StatusCode::from_number(status.code as u64),
                    status_message: &status.message,
                    attrs: Attrs::new(&attrs),
                    events: Events::new(&events),
                    links: Links::new(&links),
                    dropped_attributes: span.dropped_attributes_count,
                    dropped_events: span.dropped_events_count,
                    dropped_links: span.dropped_links_count,
                    service: resource.service_name(),
                    resource,
                    scope: Scope::new(&scope),
                });
            }
        }
    }
    (rows, n_items)
}

pub(crate) fn logs(request: &ExportLogsServiceRequest) -> (Rows, u64) {
    let (mut rows, mut n_items) = (Rows::default(), 0);
    for group in &request.resource_logs {
        let resource = resource(&group.resource, &group.schema_url);
        let resource = Resource::new(&resource);
        for group in &group.scope_logs {
            let scope = scope(&group.scope, &group.schema_url);
            for log in &group.log_records {
                n_items += 1;
                let mut log = log.clone();
                limit(&mut log.attributes, &mut log.dropped_attributes_count);
                let (time, observed) = (log.time_unix_nano, log.observed_time_unix_nano);
                let used = [time, observed].into_iter().find(|time| *time != 0).unwrap_or(NOW as u64);
                if !in_range(used) || i64::try_from(time).is_err() || i64::try_from(observed).is_err() {
                    continue;
                }
                let time = used;
                let body_value = log.body.as_ref().map(Message::encode_to_vec).unwrap_or_default();
                let is_text = matches!(
                    log.body.as_ref().and_then(|body| body.value.as_ref()),
                    // An index into a table of profiles is no value here.
                    None | Some(any_value::Value::StringValue(_) | any_value::Value::StringValueStrindex(_))
                );
                let attrs = list(&log.attributes);
                rows.logs.push(&LogRecord {
                    time: time as Nanos,
                    observed_time: observed as Nanos,
                    severity_number: if (0..=24).contains(&log.severity_number) {
                        log.severity_number as u8
                    } else {
                        0
                    },
                    severity_text: &log.severity_text,
                    body: &Value::parse(&body_value).to_string(),
                    body_value: if is_text { &[] } else { &body_value },
                    event_name: &log.event_name,
                    trace_id: TraceId::from_bytes(&log.trace_id),
                    span_id: SpanId::from_bytes(&log.span_id),
                    flags: log.flags,
                    attrs: Attrs::new(&attrs),
                    dropped_attributes: log.dropped_attributes_count,
                    service: resource.service_name(),
                    resource,
                    scope: Scope::new(&scope),
                });
            }
        }
    }
    (rows, n_items)
}

/// A point of any kind, after the rules of its kind.
struct AnyPoint<'a> {
    attributes: &'a [KeyValue],
    times: (u64, u64),
    flags: u32,
    exemplars: &'a [Exemplar],
    /// `None` when the point breaks a rule.
    value: Option<Kept>,
}

enum Kept {
    Number(PointValue<'static>),
    Distribution(Vec<u8>),
}

pub(crate) fn metrics(request: &ExportMetricsServiceRequest) -> (Rows, u64) {
    let (mut rows, mut n_items) = (Rows::default(), 0);
    for group in &request.resource_metrics {
        let resource = resource(&group.resource, &group.schema_url);
        let resource = Resource::new(&resource);
        for group in &group.scope_metrics {
            let scope = scope(&group.scope, &group.schema_url);
            for metric in &group.metrics {
                let Some(data) = &metric.data else { continue };
                let (kind, temporality, monotonic) = match data {
                    Data::Gauge(_) => (MetricKind::Gauge, Temporality::Unspecified, false),
                    Data::Sum(it) => {
                        (MetricKind::Sum, Temporality::from_number(it.aggregation_temporality as u64), it.is_monotonic)
                    }
                    Data::Histogram(it) => {
                        (MetricKind::Histogram, Temporality::from_number(it.aggregation_temporality as u64), false)
                    }
                    Data::ExponentialHistogram(it) => {
                        let temporality = Temporality::from_number(it.aggregation_temporality as u64);
                        (MetricKind::ExponentialHistogram, temporality, false)
                    }
                    Data::Summary(_) => (MetricKind::Summary, Temporality::Cumulative, false),
                };
                let unspecified = temporality == Temporality::Unspecified && kind != MetricKind::Gauge;
                for point in points(data) {
                    n_items += 1;
                    let (time, start) = point.times;
                    let Some(value) = &point.value else { continue };
                    let texts = metric.name.len() + metric.unit.len() + metric.description.len();
                    if unspecified
                        || texts > 4096
                        || metric.name.is_empty()
                        || time == 0
                        || !in_range(time)
                        || i64::try_from(start).is_err()
                    {
                        continue;
                    }
                    let sent = list(point.attributes);
                    let mut attr_bytes = Vec::new();
                    canonical(Attrs::new(&sent), &mut attr_bytes);
                    let series = Series {
                        name: &metric.name,
                        unit: &metric.unit,
                        description: &metric.description,
                        kind,
                        temporality,
                        monotonic,
                        attrs: Attrs::new(&attr_bytes),
                        attr_bytes: &attr_bytes,
                        service: resource.service_name(),
                        resource,
                        scope: Scope::new(&scope),
                    };
                    let series = rows.metrics.series(&series, time as Nanos);
                    let value = match value {
                        _ if point.flags & 1 == 1 => PointValue::None,
                        Kept::Number(value) => *value,
                        Kept::Distribution(bytes) => PointValue::Distribution(bytes),
                    };
                    let (time, start_time) = (time as Nanos, start as Nanos);
                    rows.metrics.push(&Point { series, time, start_time, flags: point.flags, value });
                    for exemplar in point.exemplars {
                        let value = match exemplar.value {
                            None => continue,
                            Some(exemplar::Value::AsDouble(value)) => value,
                            Some(exemplar::Value::AsInt(value)) => value as f64,
                        };
                        let own = exemplar.time_unix_nano;
                        if i64::try_from(own).is_ok() && !in_range(own) {
                            continue;
                        }
                        let attr_bytes = list(&exemplar.filtered_attributes);
                        rows.exemplars.push(&model::Exemplar {
                            series,
                            time: if own == 0 || i64::try_from(own).is_err() { time } else { own as Nanos },
                            value,
                            trace_id: TraceId::from_bytes(&exemplar.trace_id),
                            span_id: SpanId::from_bytes(&exemplar.span_id),
                            attrs: Attrs::new(&attr_bytes),
                            attr_bytes: &attr_bytes,
                        });
                    }
                }
            }
        }
    }
    (rows, n_items)
}

fn points(data: &Data) -> Vec<AnyPoint<'_>> {
    let unless_flagged = |flags: u32, valid: bool, value: Kept| (valid || flags & 1 == 1).then_some(value);
    match data {
        Data::Gauge(opentelemetry_proto::tonic::metrics::v1::Gauge { data_points })
        | Data::Sum(opentelemetry_proto::tonic::metrics::v1::Sum { data_points, .. }) => data_points
            .iter()
            .map(|point| {
                let value = match point.value {
                    None => PointValue::None,
                    Some(number_data_point::Value::AsInt(value)) => PointValue::Int(value),
                    Some(number_data_point::Value::AsDouble(value)) => PointValue::Double(value),
                };
                AnyPoint {
                    attributes: &point.attributes,
                    times: (point.time_unix_nano, point.start_time_unix_nano),
                    flags: point.flags,
                    exemplars: &point.exemplars,
                    value: unless_flagged(point.flags, point.value.is_some(), Kept::Number(value)),
                }
            })
            .collect(),
        Data::Histogram(histogram) => histogram
            .data_points
            .iter()
            .map(|point| {
                let (counts, bounds) = (&point.bucket_counts, &point.explicit_bounds);
                let valid = (counts.is_empty() && bounds.is_empty() || counts.len() == bounds.len() + 1)
                    && bounds.iter().all(|bound| !bound.is_nan())
                    && bounds.windows(2).all(|pair| pair[0] < pair[1]);
                let mut kept = point.clone();
                (kept.time_unix_nano, kept.start_time_unix_nano, kept.flags) = (0, 0, 0);
                (kept.attributes, kept.exemplars) = (Vec::new(), Vec::new());
                AnyPoint {
                    attributes: &point.attributes,
                    times: (point.time_unix_nano, point.start_time_unix_nano),
                    flags: point.flags,
                    exemplars: &point.exemplars,
                    value: unless_flagged(point.flags, valid, Kept::Distribution(kept.encode_to_vec())),
                }
            })
            .collect(),
        Data::ExponentialHistogram(histogram) => histogram
            .data_points
            .iter()
            .map(|point| {
                let valid = [&point.positive, &point.negative].into_iter().flatten().all(|buckets| {
                    i64::from(buckets.offset) + buckets.bucket_counts.len() as i64 <= i64::from(i32::MAX)
                });
                let mut kept = point.clone();
                (kept.time_unix_nano, kept.start_time_unix_nano, kept.flags) = (0, 0, 0);
                (kept.attributes, kept.exemplars) = (Vec::new(), Vec::new());
                AnyPoint {
                    attributes: &point.attributes,
                    times: (point.time_unix_nano, point.start_time_unix_nano),
                    flags: point.flags,
                    exemplars: &point.exemplars,
                    value: unless_flagged(point.flags, valid, Kept::Distribution(kept.encode_to_vec())),
                }
            })
            .collect(),
        Data::Summary(summary) => summary
            .data_points
            .iter()
            .map(|point| {
                let valid = point.quantile_values.iter().all(|it| (0.0..=1.0).contains(&it.quantile));
                let mut kept = point.clone();
                (kept.time_unix_nano, kept.start_time_unix_nano, kept.flags) = (0, 0, 0);
                kept.attributes = Vec::new();
                AnyPoint {
                    attributes: &point.attributes,
                    times: (point.time_unix_nano, point.start_time_unix_nano),
                    flags: point.flags,
                    exemplars: &[],
                    value: unless_flagged(point.flags, valid, Kept::Distribution(kept.encode_to_vec())),
                }
            })
            .collect(),
    }
}
