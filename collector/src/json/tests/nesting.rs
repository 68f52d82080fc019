//! Values in values: JSON and protobuf take the same depth, wherever a value may be, and say the same of what is deeper.

use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, KeyValue, KeyValueList, any_value::Value};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{
    Exemplar, ExponentialHistogram, ExponentialHistogramDataPoint, Gauge, Histogram, HistogramDataPoint,
    NumberDataPoint, Summary, SummaryDataPoint, exemplar,
};
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link};

use super::*;
use crate::json::in_camel_case;
use crate::testing::NOW;

/// A text within `depth` arrays, maps or one in the other.
fn nested(depth: usize, is_map: impl Fn(usize) -> bool) -> KeyValue {
    let value = (0..depth).fold(sample::text("deep"), |inner, level| {
        let value = match is_map(level) {
            true => Value::KvlistValue(KeyValueList { values: vec![sample::attribute("k", inner)] }),
            false => Value::ArrayValue(ArrayValue { values: vec![sample::text("beside"), inner] }),
        };
        AnyValue { value: Some(value) }
    });
    sample::attribute("nested", value)
}

/// The rows of a body in protobuf, or why it is refused.
fn verdict(signal: Signal, body: &[u8]) -> Result<String, String> {
    match decode(signal, body, KEEP_ALL) {
        Ok(decoded) => Ok(dump(decoded.rows)),
        Err(error) => Err(error.spelt(in_camel_case).to_string()),
    }
}

/// The same of a body in JSON.
fn verdict_of_json(signal: Signal, json: &str) -> Result<String, String> {
    match transcode(signal, json.as_bytes(), LIMIT) {
        Ok(transcoded) => verdict(signal, &transcoded.body),
        Err(JsonError::Malformed(error)) => Err(error.to_string()),
        Err(JsonError::TooLarge) => panic!("it is small"),
    }
}

/// A request of each place where a value may be, with `it` there: the signal, the bytes and the JSON.
fn everywhere(it: &KeyValue) -> Vec<(&'static str, Signal, Vec<u8>, String)> {
    let list = || vec![it.clone()];
    let exemplars = || {
        let value = Some(exemplar::Value::AsInt(1));
        vec![Exemplar { filtered_attributes: list(), time_unix_nano: NOW as u64, value, ..Exemplar::default() }]
    };
    let time_unix_nano = NOW as u64;
    let mut requests = Vec::new();

    let traces = |place, change: &dyn Fn(&mut ExportTraceServiceRequest)| {
        let mut request = sample::traces(vec![sample::span(1)]);
        change(&mut request);
        (place, Signal::Traces, request.encode_to_vec(), serde_json::to_string(&request).unwrap())
    };
    let span = |place, change: &dyn Fn(&mut opentelemetry_proto::tonic::trace::v1::Span)| {
        traces(place, &|request| change(&mut request.resource_spans[0].scope_spans[0].spans[0]))
    };
    requests.push(traces("resource", &|it| it.resource_spans[0].resource.as_mut().unwrap().attributes = list()));
    requests
        .push(traces("scope", &|it| it.resource_spans[0].scope_spans[0].scope.as_mut().unwrap().attributes = list()));
    requests.push(span("span", &|it| it.attributes = list()));
    requests.push(span("event", &|it| it.events = vec![Event { attributes: list(), ..Event::default() }]));
    requests.push(span("link", &|it| it.links = vec![Link { attributes: list(), ..Link::default() }]));

    let mut with_body = sample::log(it.value.clone().unwrap());
    with_body.event_name = "e".into();
    let mut with_attribute = sample::log(sample::text("b"));
    with_attribute.attributes = list();
    for (place, log) in [("body", with_body), ("log record", with_attribute)] {
        let request = sample::logs(vec![log]);
        requests.push((place, Signal::Logs, request.encode_to_vec(), serde_json::to_string(&request).unwrap()));
    }

    let number = sample::number(1);
    let gauge = |point| Data::Gauge(Gauge { data_points: vec![point] });
    let histogram = |point| Data::Histogram(Histogram { data_points: vec![point], aggregation_temporality: 2 });
    let exponential = |point| {
        Data::ExponentialHistogram(ExponentialHistogram { data_points: vec![point], aggregation_temporality: 2 })
    };
    for (place, data) in [
        ("point", gauge(NumberDataPoint { attributes: list(), ..number.clone() })),
        ("exemplar", gauge(NumberDataPoint { exemplars: exemplars(), ..number.clone() })),
        ("histogram", histogram(HistogramDataPoint { time_unix_nano, attributes: list(), ..Default::default() })),
        (
            "exemplar of a histogram",
            histogram(HistogramDataPoint { time_unix_nano, exemplars: exemplars(), ..Default::default() }),
        ),
        (
            "exponential histogram",
            exponential(ExponentialHistogramDataPoint { time_unix_nano, attributes: list(), ..Default::default() }),
        ),
        (
            "exemplar of an exponential histogram",
            exponential(ExponentialHistogramDataPoint { time_unix_nano, exemplars: exemplars(), ..Default::default() }),
        ),
        (
            "summary",
            Data::Summary(Summary {
                data_points: vec![SummaryDataPoint { time_unix_nano, attributes: list(), ..Default::default() }],
            }),
        ),
        ("metadata", gauge(number.clone())),
    ] {
        let mut metric = sample::metric(data);
        if place == "metadata" {
            metric.metadata = list();
        }
        let request = sample::metrics(vec![metric]);
        requests.push((place, Signal::Metrics, request.encode_to_vec(), serde_json::to_string(&request).unwrap()));
    }
    requests
}

#[test]
fn fifty_levels_are_taken_and_fifty_one_refused_wherever_they_are_as_in_protobuf() {
    type IsMap = fn(usize) -> bool;
    let kinds: [(&str, IsMap); 3] = [("maps", |_| true), ("arrays", |_| false), ("both", |level| level % 2 == 0)];
    for (kind, is_map) in kinds {
        for depth in [24, 25, 26, 27, 49, 50, 51, 52, 60] {
            for (place, signal, body, json) in everywhere(&nested(depth, is_map)) {
                let (ours, reference) = (verdict_of_json(signal, &json), verdict(signal, &body));
                assert_eq!(ours, reference, "{depth} {kind} in {place}");
                match reference {
                    Ok(rows) => assert!(depth <= 50 && !rows.is_empty(), "{depth} {kind} in {place}"),
                    Err(message) => {
                        let told = message.ends_with("…: value is nested deeper than 50 levels");
                        assert!(depth > 50 && told, "{depth} {kind} in {place}: {message}");
                    }
                }
            }
        }
    }
}

/// The value of an attribute in JSON that is `depth` arrays, or maps, around `inner`.
fn wrapped(depth: usize, map: bool, inner: &str) -> String {
    let (open, close) = match map {
        true => (r#"{"kvlistValue":{"values":[{"key":"k","value":"#, "}]}}"),
        false => (r#"{"arrayValue":{"values":["#, "]}}"),
    };
    [&open.repeat(depth), inner, &close.repeat(depth)].concat()
}

#[test]
fn what_is_wrong_deep_inside_is_named_like_anywhere_else() {
    for map in [false, true] {
        for depth in [1, 25, 26, 27, 50] {
            for (inner, expected) in [
                (r#"{"intValue":"x"}"#, r#"the string "x" is not allowed, expected a 64-bit integer"#),
                ("5", "invalid type: integer `5`, expected an object"),
                (r#"{"stringValue":"a" "b"}"#, "expected `,` or `}`"),
                (r#"{"arrayValue":{"values":{}}}"#, "invalid type: map, expected an array"),
            ] {
                let body = attribute(&wrapped(depth, map, inner));
                let error = refusal(Signal::Traces, &body);
                // One array more is one too many for the last.
                let expected = if depth == 50 && inner.contains("array") { "deeper than 50 levels" } else { expected };
                assert!(error.contains(expected) && error.matches(" column ").count() <= 1, "{depth}: {error}");
                assert!(error.starts_with("resourceSpans[0].scopeSpans[0].spans[0].attributes[0].value."), "{error}");
            }
            // Nothing there is no array.
            let body = attribute(&wrapped(depth, map, r#"{"arrayValue":null,"kvlistValue":null}"#));
            assert!(transcode(Signal::Traces, body.as_bytes(), LIMIT).is_ok(), "{depth}");
        }
    }
}

#[test]
fn the_depth_is_that_of_one_value_and_not_of_all_before_it() {
    let value = |depth| format!(r#"{{"key":"k","value":{}}}"#, wrapped(depth, true, r#"{"boolValue":true}"#));
    let list: Vec<_> = [50, 3, 50, 26, 50].map(value).into();
    let body = span(&format!(r#"{IDS},"attributes":[{}]"#, list.join(",")));
    assert_eq!(rows(Signal::Traces, &body).matches("true").count(), 5);
}

#[test]
fn the_stack_is_bounded_however_deep_a_body_is() {
    // A quarter of what a thread has.
    let small_stack = std::thread::Builder::new().stack_size(512 << 10).spawn(|| {
        for depth in [50, 51, 200, 10_000, 200_000] {
            for map in [false, true] {
                let body = attribute(&wrapped(depth, map, r#"{"intValue":1}"#));
                let verdict = transcode(Signal::Traces, body.as_bytes(), LIMIT);
                assert_eq!(verdict.is_ok(), depth <= 50, "{depth}");
                // Cut short, it is no JSON.
                assert!(transcode(Signal::Traces, &body.as_bytes()[..body.len() / 2], LIMIT).is_err(), "{depth}");
            }
        }
        // What an unknown key has is skipped without recursion, also where values are nested, and in protobuf it is nothing.
        let unknown = format!(r#""x":{}{}"#, "[".repeat(2_000_000), "]".repeat(2_000_000));
        let of_value = attribute(&wrapped(50, true, &format!("{{{unknown},\"intValue\":1}}")));
        for body in [format!("{{{unknown}}}"), of_value] {
            assert!(transcode(Signal::Traces, body.as_bytes(), LIMIT).is_ok());
        }
        // Where a text is expected, a list is refused at its first bracket.
        let list = span(&format!(r#""name":{}"#, "[".repeat(2_000_000)));
        assert_eq!(
            refusal(Signal::Traces, &list).split(" at ").next().unwrap(),
            "resourceSpans[0].scopeSpans[0].spans[0].name: invalid type: sequence, expected a string"
        );
    });
    small_stack.unwrap().join().unwrap();
}
