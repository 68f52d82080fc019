//! OTLP/JSON against OTLP/protobuf, the official examples, and every rule of the encoding.

use std::path::PathBuf;

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message;

use super::{JsonError, Transcoded, transcode};
use crate::Signal;
use crate::otlp::{Decoded, decode};
use crate::testing::{KEEP_ALL, dump, sample};

mod nesting;

const LIMIT: usize = 1 << 20;

fn transcoded(signal: Signal, body: &str) -> Transcoded {
    transcode(signal, body.as_bytes(), LIMIT).unwrap_or_else(|error| panic!("{error:?}"))
}

fn refusal(signal: Signal, body: &str) -> String {
    match transcode(signal, body.as_bytes(), LIMIT) {
        Err(JsonError::Malformed(error)) => error.to_string(),
        other => panic!("{other:?}"),
    }
}

fn decoded(signal: Signal, body: &str) -> Decoded {
    decode(signal, &transcoded(signal, body).body, KEEP_ALL).unwrap()
}

fn rows(signal: Signal, body: &str) -> String {
    dump(decoded(signal, body).rows)
}

/// A body with one span that has `fields`.
fn span(fields: &str) -> String {
    format!(r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{{{fields}}}]}}]}}]}}"#)
}

const IDS: &str = r#""traceId":"5B8EFFF798038103D269B633813FC60C","spanId":"eee19b7ec3c1b174","startTimeUnixNano":"1""#;

/// A body with one span that has the attribute value `value`.
fn attribute(value: &str) -> String {
    span(&format!(r#"{IDS},"attributes":[{{"key":"k","value":{value}}}]"#))
}

#[test]
fn official_examples_give_the_rows_of_their_protobuf() {
    let dir = match std::env::var_os("HAECHI_TESTDATA") {
        Some(dir) => PathBuf::from(dir),
        None => PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/testdata"),
    }
    .join("otlp");
    if !dir.exists() {
        println!("skipped: {} is not there; set HAECHI_TESTDATA", dir.display());
        return;
    }
    let cases = [
        ("trace.json", Signal::Traces, 1),
        ("metrics.json", Signal::Metrics, 4),
        ("logs.json", Signal::Logs, 1),
        ("events.json", Signal::Logs, 1),
    ];
    for (file, signal, n_items) in cases {
        let json = std::fs::read_to_string(dir.join(file)).unwrap();
        let ours = decoded(signal, &json);
        assert_eq!((ours.n_items, ours.rejected(), ours.report.is_empty()), (n_items, 0, true), "{file}");
        assert!(
            dump(ours.rows).contains(r#"scope="my.library" "1.0.0" {"my.scope.attribute":"some scope attribute"}"#)
        );
    }
    let example = rows(Signal::Traces, &std::fs::read_to_string(dir.join("trace.json")).unwrap());
    assert!(example.starts_with(
        "span 5b8efff798038103d269b633813fc60c eee19b7ec3c1b174 parent=eee19b7ec3c1b173 state=\"\" flags=0 \
         name=\"I'm a server span\" server start=1544712660000000000 duration=1000000000"
    ));
}

#[test]
fn own_examples_use_every_field_and_equal_their_protobuf() {
    for (file, signal) in [("traces", Signal::Traces), ("metrics", Signal::Metrics), ("logs", Signal::Logs)] {
        let path = format!("{}/testdata/{file}.json", env!("CARGO_MANIFEST_DIR"));
        let json = std::fs::read_to_string(path).unwrap();
        // The generated types read the same JSON with serde; what they encode is the reference.
        let reference = match signal {
            Signal::Traces => serde_json::from_str::<ExportTraceServiceRequest>(&json).unwrap().encode_to_vec(),
            Signal::Metrics => serde_json::from_str::<ExportMetricsServiceRequest>(&json).unwrap().encode_to_vec(),
            Signal::Logs => serde_json::from_str::<ExportLogsServiceRequest>(&json).unwrap().encode_to_vec(),
        };
        let ours = decoded(signal, &json);
        assert!(ours.n_items > 1 && ours.report.is_empty(), "{:?}", ours.report);
        let reference = decode(signal, &reference, KEEP_ALL).unwrap();
        assert_eq!(dump(ours.rows), dump(reference.rows), "{file}");
    }
}

#[test]
fn the_bytes_equal_those_of_a_protobuf_sender() {
    let request = sample::traces(vec![sample::span(1), sample::span(2)]);
    let json = serde_json::to_string(&request).unwrap();
    assert_eq!(transcoded(Signal::Traces, &json).body, request.encode_to_vec());
}

#[test]
fn ids_are_hex_of_either_case_and_a_bad_one_costs_its_item_only() {
    let good = rows(Signal::Traces, &span(IDS));
    assert!(good.starts_with("span 5b8efff798038103d269b633813fc60c eee19b7ec3c1b174 parent= "), "{good}");
    let bad_ids =
        ["", "5B8EFFF798038103D269B633813FC6", "W47/95gDgQPSabYzgT/GDA==", "zz8efff798038103d269b633813fc60c", "5"];
    for id in bad_ids {
        let two = format!(
            r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[
                {{"traceId":"{id}","spanId":"eee19b7ec3c1b174","startTimeUnixNano":"1"}}, {{{IDS}}}]}}]}}]}}"#
        );
        let decoded = decoded(Signal::Traces, &two);
        assert_eq!((decoded.n_items, decoded.rejected()), (2, 1), "{id}");
    }
    let parent = decoded(Signal::Traces, &span(&format!(r#"{IDS},"parentSpanId":"not hex""#)));
    assert_eq!(parent.rejected(), 1);
    let root = rows(Signal::Traces, &span(&format!(r#"{IDS},"parentSpanId":"""#)));
    assert_eq!(root, good);
}

#[test]
fn an_id_that_looks_like_base64_is_called_that() {
    let message = |signal, body: String| decoded(signal, &body).report.message(signal);
    let (trace_id, span_id) = ("W47/kL2yTkVxhwXrhqsc6A==", "7uGbfsPBsXM=");
    let told = message(Signal::Traces, span(&IDS.replace("5B8EFFF798038103D269B633813FC60C", trace_id)));
    assert!(
        told.starts_with("1 span rejected: trace_id looks like base64; in OTLP/JSON it is 32 hex digits"),
        "{told}"
    );
    let parent = format!(r#"{IDS},"parentSpanId":"{}""#, span_id.trim_end_matches('='));
    let told = message(Signal::Traces, span(&parent));
    assert!(told.starts_with("1 span rejected: parent_span_id looks like base64"), "{told}");
    let link = format!(r#"{IDS},"links":[{{"traceId":"{trace_id}","spanId":"11"}},{{}}]"#);
    let told = message(Signal::Traces, span(&link));
    assert!(told.contains("warning: trace_id of a link looks like base64"), "{told}");
    assert!(told.contains("; warning: span_id of a link must be empty or 8 bytes (16 hex digits in JSON)"), "{told}");
    let record = |ids: &str| format!(r#"{{"resourceLogs":[{{"scopeLogs":[{{"logRecords":[{{{ids}}}]}}]}}]}}"#);
    for (ids, expected) in [
        (
            format!(r#""traceId":"{trace_id}""#),
            "warning: trace_id looks like base64; in OTLP/JSON it is 32 hex digits;",
        ),
        (format!(r#""spanId":"{span_id}""#), "warning: span_id looks like base64; in OTLP/JSON it is 16 hex digits;"),
        (r#""traceId":"abc""#.to_owned(), "warning: trace_id must be empty or 16 bytes (32 hex digits in JSON);"),
        (r#""spanId":"00""#.to_owned(), "warning: span_id must be empty or 8 bytes (16 hex digits in JSON);"),
        (format!(r#""traceId":"{}","spanId":"""#, "0".repeat(32)), ""),
    ] {
        let told = message(Signal::Logs, record(&ids));
        assert!(told.starts_with(expected) && told.is_empty() == expected.is_empty(), "{told}");
    }
}

#[test]
fn half_of_a_character_becomes_the_replacement_character_and_is_warned_about() {
    let (open, close) = (r#"{"arrayValue":{"values":["#.repeat(40), "]}}".repeat(40));
    let deep = format!(r#"{open}{{"stringValue":"\udc00"}}{close}"#);
    for (value, row) in [
        (r#"{"stringValue":"cut \ud83d"}"#, "\"k\":\"cut \u{fffd}\""),
        (r#"{"stringValue":"\ud83d\n\ud83d\ude00"}"#, "\"k\":\"\u{fffd}\\n\u{1f600}\""),
        (&deep, "\u{fffd}"),
    ] {
        let transcoded = transcoded(Signal::Traces, &attribute(value));
        let told = transcoded.report.message(Signal::Traces);
        assert!(told.starts_with("warning: half of a character"), "{told}");
        assert!(told.contains("(once, first: resourceSpans[0].scopeSpans[0].spans[0].attributes[0].value."), "{told}");
        let rows = dump(decode(Signal::Traces, &transcoded.body, KEEP_ALL).unwrap().rows);
        assert!(rows.contains(row), "{rows}");
    }
    let key = attribute("{}").replace(r#""k""#, r#""k\ud83d""#);
    assert!(rows(Signal::Traces, &key).contains('\u{fffd}'));
    let other = refusal(Signal::Traces, &attribute(r#"{"stringValue":"\ud83d","boolValue":1}"#));
    assert!(other.contains("1 is not allowed"), "{other}");
}

#[test]
fn values_of_every_json_form() {
    let cases = [
        (r#"{"intValue":5}"#, r#""k":5"#),
        (r#"{"intValue":"-9223372036854775808"}"#, r#""k":-9223372036854775808"#),
        (r#"{"intValue":"9007199254740993"}"#, r#""k":9007199254740993"#),
        (r#"{"intValue":9007199254740993}"#, r#""k":9007199254740993"#),
        (r#"{"intValue":1e3}"#, r#""k":1000"#),
        (r#"{"intValue":"1e3"}"#, r#""k":1000"#),
        (r#"{"intValue":"-1250.0e-1"}"#, r#""k":-125"#),
        (r#"{"intValue":"9.007199254740993e15"}"#, r#""k":9007199254740993"#),
        (r#"{"intValue":"0e99999999"}"#, r#""k":0"#),
        (r#"{"intValue":0}"#, r#""k":0"#),
        (r#"{"doubleValue":5}"#, r#""k":5"#),
        (r#"{"doubleValue":"2.5e1"}"#, r#""k":25"#),
        // A reader that is off by one bit gives the neighbour, 0.028714279.
        (r#"{"doubleValue":0.028714279000000002}"#, r#""k":0.028714279000000002"#),
        (r#"{"doubleValue":"0.013175820999999999"}"#, r#""k":0.013175820999999999"#),
        (r#"{"doubleValue":"NaN"}"#, r#""k":"NaN""#),
        (r#"{"doubleValue":"-Infinity"}"#, r#""k":"-Infinity""#),
        (r#"{"boolValue":false}"#, r#""k":false"#),
        (r#"{"stringValue":""}"#, r#""k":"""#),
        (r#"{"stringValue":"\u00e9\n"}"#, r#""k":"é\n""#),
        (r#"{"bytesValue":"_-8"}"#, r#""k":"/+8=""#),
        (r#"{"bytesValue":"/+8="}"#, r#""k":"/+8=""#),
        (r#"{"arrayValue":{"values":[{"intValue":"1"},{},null]}}"#, r#""k":[1,null,null]"#),
        (r#"{"kvlistValue":{"values":[{"key":"a","value":{"boolValue":true}}]}}"#, r#""k":{"a":true}"#),
        ("{}", r#""k":null"#),
        ("null", r#""k":null"#),
        (r#"{"stringValue":null}"#, r#""k":null"#),
        (r#"{"stringValueStrindex":3}"#, r#""k":null"#),
    ];
    for (value, expected) in cases {
        let rows = rows(Signal::Traces, &attribute(value));
        assert!(rows.contains(expected), "{value}: {rows}");
    }
}

#[test]
fn refuses_values_of_another_type_and_names_the_place() {
    let at = "resourceSpans[0].scopeSpans[0].spans[0].attributes[0].value.";
    let cases = [
        (r#"{"intValue":"x"}"#, r#"intValue: the string "x" is not allowed, expected a 64-bit integer"#),
        (r#"{"intValue":""}"#, r#"intValue: the string "" is not allowed"#),
        (r#"{"intValue":"1e"}"#, r#"intValue: the string "1e" is not allowed"#),
        (r#"{"intValue":"e3"}"#, r#"intValue: the string "e3" is not allowed"#),
        (r#"{"intValue":"1.25e1"}"#, r#"intValue: the string "1.25e1" is not allowed"#),
        (r#"{"intValue":"1e19"}"#, "intValue: the number 10000000000000000000 is not allowed"),
        (r#"{"intValue":"1e2147483648"}"#, r#"intValue: the string "1e2147483648" is not allowed"#),
        (r#"{"intValue":1.5}"#, "intValue: the number 1.5 is not allowed"),
        (r#"{"intValue":18446744073709551616}"#, "intValue: the number 18446744073709552000 is not allowed"),
        (r#"{"doubleValue":"inf"}"#, r#"doubleValue: the string "inf" is not allowed"#),
        (r#"{"boolValue":"true"}"#, r#"boolValue: the string "true" is not allowed, expected true or false"#),
        (r#"{"stringValue":5}"#, "stringValue: the number 5 is not allowed, expected a string"),
        (r#"{"bytesValue":"!"}"#, r#"bytesValue: the string "!" is not allowed, expected a string in base64"#),
        (r#"{"arrayValue":{"values":{}}}"#, "arrayValue.values: invalid type: map, expected an array"),
        (r#"{"kvlistValue":[]}"#, "kvlistValue: invalid type: sequence, expected an object"),
    ];
    for (value, expected) in cases {
        let error = refusal(Signal::Traces, &attribute(value));
        assert!(error.starts_with(&format!("{at}{expected}")), "{value}: {error}");
    }
    let cases = [
        (span(r#""startTimeUnixNano":-1"#), "startTimeUnixNano: the number -1 is not allowed, expected an unsigned"),
        (span(r#""kind":"SERVER""#), r#"kind: the string "SERVER" is not allowed, expected the integer of an enum"#),
        (
            span(r#""droppedAttributesCount":4294967296"#),
            "droppedAttributesCount: the number 4294967296 is not allowed",
        ),
        (span(r#""name":["a"]"#), "name: invalid type: sequence, expected a string"),
    ];
    for (body, expected) in cases {
        let error = refusal(Signal::Traces, &body);
        assert!(error.starts_with(&format!("resourceSpans[0].scopeSpans[0].spans[0].{expected}")), "{error}");
    }
    let long = refusal(Signal::Traces, &span(&format!(r#""startTimeUnixNano":"{}\n""#, "ü".repeat(500))));
    let shown = format!(r#"startTimeUnixNano: the string "{}"… is not allowed"#, "ü".repeat(20));
    assert!(long.contains(&shown) && long.len() < 300, "{long}");
}

#[test]
fn refuses_what_is_not_json_without_repeating_it() {
    let long = format!(r#"{{"resourceSpans":"{}"}}"#, "secret".repeat(1000));
    for body in ["[]", "5", "null", "\"x\"", "{", r#"{"resourceSpans":[}"#, "{} {}", &long] {
        let error = refusal(Signal::Traces, body);
        assert!(error.len() <= 256 && error.contains("line 1") && !error.contains("secret"), "{body}: {error}");
    }
    assert!(transcode(Signal::Traces, b"{\"resourceSpans\":[{\"schemaUrl\":\"\xff\"}]}", LIMIT).is_err());
}

#[test]
fn a_byte_order_mark_is_passed_over_with_a_warning() {
    let transcoded = transcoded(Signal::Traces, &format!("\u{feff}{}", span(IDS)));
    assert_eq!(transcoded.body, self::transcoded(Signal::Traces, &span(IDS)).body);
    let told = transcoded.report.message(Signal::Traces);
    assert!(told.starts_with("warning: the body begins with a byte order mark"), "{told}");
}

#[test]
fn a_number_that_json_does_not_have_is_told_how_to_be_written() {
    for number in ["NaN", "Infinity", "-Infinity"] {
        for before in ["", "\n \r\n"] {
            let error =
                refusal(Signal::Traces, &format!("{before}{}", attribute(&format!(r#"{{"doubleValue":{number}}}"#))));
            assert!(
                error.contains(r#"is a string: "NaN", "Infinity" or "-Infinity""#) && error.contains("column"),
                "{error}"
            );
        }
    }
    assert!(!refusal(Signal::Traces, &attribute(r#"{"doubleValue":nan}"#)).contains("is a string"));
}

#[test]
fn empty_bodies_are_empty_requests() {
    for body in ["", " \n", "{}", r#"{"resourceSpans":[]}"#, r#"{"resourceSpans":null}"#] {
        let transcoded = transcoded(Signal::Traces, body);
        assert!(transcoded.body.is_empty() && transcoded.report.is_empty(), "{body}");
    }
}

#[test]
fn enum_names_are_read_with_a_warning() {
    let body = span(&format!(r#"{IDS},"kind":"SPAN_KIND_CLIENT","status":{{"code":"STATUS_CODE_ERROR"}}"#));
    let Transcoded { body, report } = transcoded(Signal::Traces, &body);
    let rows = dump(decode(Signal::Traces, &body, KEEP_ALL).unwrap().rows);
    assert!(rows.contains(" client ") && rows.contains(" error "), "{rows}");
    let message = report.message(Signal::Traces);
    assert!(message.contains("the enum name SPAN_KIND_CLIENT was read as 3"), "{message}");
    assert_eq!((report.rejected(), report.findings().len()), (0, 2));
}

#[test]
fn unknown_keys_are_ignored_at_any_depth_and_named() {
    let plain = rows(Signal::Traces, &span(IDS));
    let odd = span(&format!(r#"{IDS},"zebra":{{"a":[1,{{"b":null}}]}},"start_time_unix_nano":"7""#));
    assert_eq!(rows(Signal::Traces, &odd), plain);
    let message = transcoded(Signal::Traces, &odd).report.message(Signal::Traces);
    assert!(message.contains(r#""start_time_unix_nano" is unknown and was ignored; "startTimeUnixNano""#), "{message}");
    assert!(message.contains(r#"the key "zebra" is unknown and was ignored (once"#), "{message}");

    let snake = transcoded(Signal::Traces, r#"{"resource_spans":[{"scope_spans":[]}]}"#);
    let message = snake.report.message(Signal::Traces);
    assert!(snake.body.is_empty() && snake.report.rejected() == 0);
    assert!(message.contains("no key of the body is known") && message.contains("expected resourceSpans"), "{message}");
}

#[test]
fn a_body_that_grows_in_protobuf_is_stopped_at_the_limit() {
    let zeros = "1,".repeat(200_000);
    let body = format!(
        r#"{{"resourceMetrics":[{{"scopeMetrics":[{{"metrics":[{{"histogram":{{"dataPoints":[{{"bucketCounts":[{zeros}1]}}]}}}}]}}]}}]}}"#
    );
    assert!(body.len() < LIMIT);
    assert!(matches!(transcode(Signal::Metrics, body.as_bytes(), LIMIT), Err(JsonError::TooLarge)));
}

#[test]
fn a_body_cut_anywhere_is_refused_and_never_panics() {
    let json = serde_json::to_string(&sample::traces(vec![sample::span(1)])).unwrap();
    for length in 1..json.len() {
        assert!(transcode(Signal::Traces, &json.as_bytes()[..length], LIMIT).is_err(), "cut at {length}");
    }
}

#[test]
fn members_that_exclude_each_other_are_warned_about() {
    let told = |signal, body: &str| transcoded(signal, body).report.message(signal);
    let metric = |members: &str| {
        format!(r#"{{"resourceMetrics":[{{"scopeMetrics":[{{"metrics":[{{"name":"m",{members}}}]}}]}}]}}"#)
    };
    let said = told(Signal::Metrics, &metric(r#""gauge":{"dataPoints":[]},"sum":{"dataPoints":[]}"#));
    assert!(said.contains("gauge and sum exclude each other; only sum was read"), "{said}");
    assert!(said.contains("resourceMetrics[0].scopeMetrics[0].metrics[0]"), "{said}");
    let body = |value: &str| format!(r#"{{"resourceLogs":[{{"scopeLogs":[{{"logRecords":[{{"body":{value}}}]}}]}}]}}"#);
    let said = told(Signal::Logs, &body(r#"{"stringValue":"a","intValue":"1"}"#));
    assert!(said.contains("stringValue and intValue exclude each other; only intValue was read"), "{said}");
    // What is null is not set.
    assert_eq!(told(Signal::Logs, &body(r#"{"stringValue":null,"intValue":"1"}"#)), "");
    assert_eq!(told(Signal::Metrics, &metric(r#""gauge":null,"sum":{"dataPoints":[]}"#)), "");
}
