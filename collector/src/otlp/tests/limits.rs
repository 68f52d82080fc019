//! What is over the limits of one item is cut, counted and reported; everything else of it is kept.

use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, KeyValue, KeyValueList, any_value::Value};
use opentelemetry_proto::tonic::metrics::v1::{Gauge, NumberDataPoint, metric};
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link};
use prost::Message;
use store::SpanChunk;

use crate::Signal;
use crate::otlp::limited::{MAX_ATTRIBUTES, MAX_ITEMS, MAX_NAME, MAX_VALUE};
use crate::otlp::{Decoded, decode};
use crate::testing::{KEEP_ALL, dump, sample};

fn attributes(n: usize) -> Vec<KeyValue> {
    (0..n).map(|i| sample::attribute(&format!("key {i}"), sample::text("v"))).collect()
}

fn message(decoded: &Decoded, signal: Signal) -> String {
    decoded.report.message(signal)
}

#[test]
fn attributes_beyond_the_limit_are_counted_where_they_were() {
    let mut span = sample::span(1);
    span.attributes = attributes(MAX_ATTRIBUTES + 3);
    span.dropped_attributes_count = 4;
    span.name = "kept".into();
    span.events = vec![Event { attributes: attributes(MAX_ATTRIBUTES + 1), name: "e".into(), ..Event::default() }];
    span.links = vec![Link { attributes: attributes(MAX_ATTRIBUTES), ..Link::default() }];
    let decoded = decode(Signal::Traces, &sample::traces(vec![span]).encode_to_vec(), KEEP_ALL).unwrap();
    let told = message(&decoded, Signal::Traces);
    assert!(told.contains("attributes beyond 1024 of one item"), "{told}");
    assert!(told.contains("(once, first: resource_spans[0].scope_spans[0].spans[0])"), "{told}");
    assert_eq!(decoded.rejected(), 0);
    let (_, batch) = decoded.rows.finish().into_iter().next().unwrap();
    let chunk = SpanChunk::from(batch);
    let row = chunk.row(0);
    assert_eq!((row.attrs.iter().count(), row.dropped_attributes, row.name), (MAX_ATTRIBUTES, 7, "kept"));
    let event = row.events.iter().next().unwrap();
    assert_eq!((event.attrs.iter().count(), event.dropped_attributes, event.name), (MAX_ATTRIBUTES, 1, "e"));
    let link = row.links.iter().next().unwrap();
    assert_eq!((link.attrs.iter().count(), link.dropped_attributes), (MAX_ATTRIBUTES, 0));
}

#[test]
fn long_texts_are_cut_at_a_character_and_other_long_values_left_out() {
    // Two bytes a character, after one of one byte: the limit falls within a character.
    let long = format!("x{}", "é".repeat(MAX_VALUE));
    let mut log = sample::log(sample::text(&long));
    let nested = AnyValue {
        value: Some(Value::KvlistValue(KeyValueList { values: vec![sample::attribute("k", sample::text(&long))] })),
    };
    log.attributes = vec![
        sample::attribute("long", sample::text(&long)),
        sample::attribute("fits", sample::text(&"y".repeat(MAX_VALUE))),
        sample::attribute("nested", nested.clone()),
        sample::attribute("last", sample::text("z")),
    ];
    log.event_name = "n".repeat(MAX_NAME + 1);
    let decoded = decode(Signal::Logs, &sample::logs(vec![log.clone()]).encode_to_vec(), KEEP_ALL).unwrap();
    assert!(message(&decoded, Signal::Logs).contains("a text was cut at its limit"));
    let (_, batch) = decoded.rows.finish().into_iter().next().unwrap();
    let chunk = store::LogChunk::from(batch);
    let row = chunk.row(0);
    assert_eq!((row.body.len(), row.event_name.len(), row.dropped_attributes), (MAX_VALUE - 1, MAX_NAME, 1));
    let lengths: Vec<_> = row.attrs.iter().map(|(key, _)| (key, row.attrs.get_str(key).unwrap().len())).collect();
    assert_eq!(lengths, [("long", MAX_VALUE - 1), ("fits", MAX_VALUE), ("last", 1)]);

    // A body that is no text becomes the start of its text.
    log.body = Some(nested);
    let decoded = decode(Signal::Logs, &sample::logs(vec![log]).encode_to_vec(), KEEP_ALL).unwrap();
    let (_, batch) = decoded.rows.finish().into_iter().next().unwrap();
    let chunk = store::LogChunk::from(batch);
    assert!(chunk.row(0).body.starts_with("{\"k\":\"xé") && chunk.row(0).body.len() <= MAX_VALUE);
}

#[test]
fn a_body_that_is_longer_as_text_is_cut_there() {
    // Eleven bytes each, and three hundred digits.
    let number = AnyValue { value: Some(Value::DoubleValue(1e-300)) };
    let array = |n| AnyValue { value: Some(Value::ArrayValue(ArrayValue { values: vec![number.clone(); n] })) };
    for (n, is_cut) in [(3, false), (90_000, true)] {
        let body = sample::logs(vec![sample::log(array(n))]).encode_to_vec();
        assert!(body.len() < MAX_VALUE);
        let decoded = decode(Signal::Logs, &body, KEEP_ALL).unwrap();
        assert_eq!(message(&decoded, Signal::Logs).contains("a text was cut at its limit"), is_cut);
        let (_, batch) = decoded.rows.finish().into_iter().next().unwrap();
        let length = store::LogChunk::from(batch).row(0).body.len();
        assert_eq!((length == MAX_VALUE, length < 1_000), (is_cut, !is_cut), "{length}");
    }
}

#[test]
fn items_beyond_what_a_request_may_have_are_rejected() {
    // A log record that says nothing is two bytes.
    let records = |n: u64| {
        let scope = [0x12, 0].repeat(n as usize);
        let mut resource = Vec::new();
        model::wire::put_bytes_field(&mut resource, 2, &scope);
        let mut body = Vec::new();
        model::wire::put_bytes_field(&mut body, 1, &resource);
        body
    };
    let decoded = decode(Signal::Logs, &records(MAX_ITEMS), KEEP_ALL).unwrap();
    assert_eq!((decoded.accepted(), decoded.rejected()), (MAX_ITEMS, 0));
    let decoded = decode(Signal::Logs, &records(MAX_ITEMS + 3), KEEP_ALL).unwrap();
    assert_eq!((decoded.accepted(), decoded.rejected()), (MAX_ITEMS, 3));
    assert!(message(&decoded, Signal::Logs).contains("a request may have 1048576 spans"));
}

#[test]
fn what_is_shown_of_a_sender_is_the_start_of_its_name() {
    let mut request = sample::traces(vec![sample::span(1)]);
    let name = "T".repeat(MAX_VALUE - 10);
    request.resource_spans[0].resource.as_mut().unwrap().attributes =
        vec![sample::attribute("service.name", sample::text(&name))];
    let decoded = decode(Signal::Traces, &request.encode_to_vec(), KEEP_ALL).unwrap();
    assert!(decoded.services.iter().all(|it| it.service.len() == 200), "{}", decoded.services[0].service.len());
}

#[test]
fn a_resource_is_cut_for_all_that_it_owns() {
    let mut request = sample::traces(vec![sample::span(1), sample::span(2)]);
    let mut resource = sample::resource("shop");
    resource.attributes.extend(attributes(MAX_ATTRIBUTES));
    request.resource_spans[0].resource = Some(resource);
    let decoded = decode(Signal::Traces, &request.encode_to_vec(), KEEP_ALL).unwrap();
    assert!(message(&decoded, Signal::Traces).contains("(once, first: resource_spans[0].resource)"));
    let services: Vec<_> = decoded.services.iter().map(|sent| (sent.service.as_str(), sent.accepted)).collect();
    assert_eq!((decoded.rows.spans.len(), &services[..]), (2, &[("shop", 2)][..]));
    assert!(!dump(decoded.rows).contains("key 1023"));
}

#[test]
fn series_that_are_too_large_to_index_are_rejected() {
    let point = |attributes| NumberDataPoint { attributes, ..sample::number(1) };
    let gauge = |points| sample::metric(metric::Data::Gauge(Gauge { data_points: points }));
    let long = vec![sample::attribute("k", sample::text(&"v".repeat(70_000)))];
    let mut named = gauge(vec![sample::number(1)]);
    named.name = "n".repeat(5000);
    let metrics = vec![gauge(vec![point(long), sample::number(2)]), named];
    let mut request = sample::metrics(metrics);
    let decoded = decode(Signal::Metrics, &request.encode_to_vec(), KEEP_ALL).unwrap();
    let told = message(&decoded, Signal::Metrics);
    assert!(told.contains("1 data point rejected: the attributes of the data point take more than 64 KiB"), "{told}");
    assert!(told.contains("1 data point rejected: the name, unit and description of the metric take more than 4 KiB"));
    assert_eq!((decoded.rejected(), decoded.rows.metrics.len()), (2, 1));

    request.resource_metrics[0].resource.as_mut().unwrap().attributes.extend(attributes(9000));
    request.resource_metrics[0].resource.as_mut().unwrap().attributes[0] =
        sample::attribute("k", sample::text(&"v".repeat(70_000)));
    let decoded = decode(Signal::Metrics, &request.encode_to_vec(), KEEP_ALL).unwrap();
    let told = message(&decoded, Signal::Metrics);
    assert!(told.contains("2 data points rejected: the resource takes more than 64 KiB"), "{told}");
    assert_eq!((decoded.rejected(), decoded.rows.metrics.len()), (3, 0));
}
