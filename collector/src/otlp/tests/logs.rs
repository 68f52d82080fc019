//! Rules of log records.

use model::wire::put_bytes_field;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, any_value::Value};
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use prost::Message;

use crate::Signal;
use crate::otlp::decode;
use crate::testing::{KEEP_ALL, NOW, dump, sample};

#[test]
fn a_log_record_is_kept_whatever_its_ids_times_and_severity() {
    let log = sample::log(sample::text("hello"));
    const ODD: &str = "severity_number must be from 0 to 24";
    const ODD_ID: &str =
        "trace_id must be empty or 16 bytes (32 hex digits in JSON); the log record was stored without it";
    let cases: [(LogRecord, &str, &str); 6] = [
        (LogRecord { trace_id: vec![1; 3], span_id: vec![0; 8], ..log.clone() }, "event=\"\"   flags=0", ODD_ID),
        (LogRecord { time_unix_nano: 0, observed_time_unix_nano: 7, ..log.clone() }, "log time=7 observed=7", ""),
        (LogRecord { time_unix_nano: 5, observed_time_unix_nano: 7, ..log.clone() }, "log time=5 observed=7", ""),
        (LogRecord { severity_number: 99, ..log.clone() }, "severity=0", ODD),
        (LogRecord { severity_number: -1, ..log.clone() }, "severity=0", ODD),
        (LogRecord { body: None, ..log }, "body=\"\"", ""),
    ];
    for (log, expected, warning) in cases {
        let decoded = decode(Signal::Logs, &sample::logs(vec![log]).encode_to_vec(), KEEP_ALL).unwrap();
        assert!(decoded.report.is_empty() == warning.is_empty() && decoded.has_time && decoded.rejected() == 0);
        assert!(decoded.report.message(Signal::Logs).contains(warning));
        let rows = dump(decoded.rows);
        assert!(rows.contains(expected), "{rows}");
    }
}

#[test]
fn a_log_record_without_a_time_gets_the_time_of_receipt_and_no_deduplication() {
    let log = LogRecord { time_unix_nano: 0, ..sample::log(sample::text("hello")) };
    let decoded = decode(Signal::Logs, &sample::logs(vec![log]).encode_to_vec(), KEEP_ALL).unwrap();
    assert!(!decoded.has_time);
    assert!(dump(decoded.rows).contains(&format!("log time={NOW} observed=0")));
}

#[test]
fn a_time_that_cannot_be_stored_rejects_the_record() {
    let good = sample::log(sample::text("hello"));
    for bad in [
        LogRecord { time_unix_nano: u64::MAX, ..good.clone() },
        LogRecord { observed_time_unix_nano: 1 << 63, ..good.clone() },
    ] {
        let body = sample::logs(vec![bad, good.clone()]).encode_to_vec();
        let decoded = decode(Signal::Logs, &body, KEEP_ALL).unwrap();
        assert_eq!((decoded.rejected(), decoded.rows.logs.len()), (1, 1));
        assert!(decoded.report.message(Signal::Logs).starts_with("1 log record rejected: "));
    }
}

#[test]
fn a_body_of_any_type_is_kept_and_has_a_string_form() {
    let value = |value| AnyValue { value: Some(value) };
    let array = ArrayValue { values: vec![sample::text("a"), value(Value::IntValue(2)), AnyValue { value: None }] };
    let cases = [
        (sample::text("plain"), r#"body="plain" value="plain""#),
        (value(Value::BoolValue(true)), r#"body="true" value=true"#),
        (value(Value::IntValue(-5)), r#"body="-5" value=-5"#),
        (value(Value::DoubleValue(f64::INFINITY)), r#"body="Infinity" value="Infinity""#),
        (value(Value::BytesValue(vec![1, 2])), r#"body="AQI=" value="AQI=""#),
        (value(Value::ArrayValue(array)), r#"body="[\"a\",2,null]" value=["a",2,null]"#),
        (AnyValue { value: None }, r#"body="" value="""#),
    ];
    for (body, expected) in cases {
        let decoded = decode(Signal::Logs, &sample::logs(vec![sample::log(body)]).encode_to_vec(), KEEP_ALL).unwrap();
        let rows = dump(decoded.rows);
        assert!(rows.contains(expected), "{rows}");
    }
}

/// As protobuf has it for a message field given twice: an empty one takes nothing away, a later value counts.
#[test]
fn a_body_given_twice_is_merged() {
    let field = |any: &[u8]| [&[0x2a, any.len() as u8], any].concat();
    let (yes, none, text) = (field(&[0x10, 1]), field(&[]), field(b"\x0a\x01t"));
    let cases = [([yes.clone(), none], "body=\"true\" value=true"), ([yes, text], "body=\"t\" value=\"t\"")];
    for (fields, expected) in cases {
        let mut scope = Vec::new();
        put_bytes_field(&mut scope, 2, &fields.concat());
        let mut resource = Vec::new();
        put_bytes_field(&mut resource, 2, &scope);
        let mut body = Vec::new();
        put_bytes_field(&mut body, 1, &resource);
        let rows = dump(decode(Signal::Logs, &body, KEEP_ALL).unwrap().rows);
        assert!(rows.contains(expected), "{rows}");
    }
}
