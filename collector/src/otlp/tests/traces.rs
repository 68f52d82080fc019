//! Rules of spans.

use opentelemetry_proto::tonic::trace::v1::{Span, Status};
use prost::Message;

use crate::Signal;
use crate::otlp::decode;
use crate::testing::{KEEP_ALL, NOW, dump, sample};

#[test]
fn a_bad_span_is_rejected_alone_and_the_reason_says_what_is_allowed() {
    let good = sample::span(1);
    let cases: [(Span, &str); 9] = [
        (Span { trace_id: vec![], ..good.clone() }, "trace_id must be 16 bytes"),
        (Span { trace_id: vec![0; 16], ..good.clone() }, "trace_id must be 16 bytes"),
        (Span { trace_id: vec![1; 15], ..good.clone() }, "trace_id must be 16 bytes"),
        (Span { span_id: vec![0; 8], ..good.clone() }, "span_id must be 8 bytes"),
        (Span { span_id: vec![1; 16], ..good.clone() }, "span_id must be 8 bytes"),
        (Span { parent_span_id: vec![1; 3], ..good.clone() }, "parent_span_id must be empty or 8 bytes"),
        (Span { start_time_unix_nano: 0, ..good.clone() }, "start_time_unix_nano is 0"),
        (Span { start_time_unix_nano: u64::MAX, ..good.clone() }, "after the year 2262"),
        (Span { end_time_unix_nano: u64::MAX, ..good.clone() }, "after the year 2262"),
    ];
    for (bad, reason) in cases {
        let body = sample::traces(vec![good.clone(), bad, good.clone()]).encode_to_vec();
        let decoded = decode(Signal::Traces, &body, KEEP_ALL).unwrap();
        assert_eq!((decoded.n_items, decoded.rejected(), decoded.rows.spans.len()), (3, 1, 2), "{reason}");
        let message = decoded.report.message(Signal::Traces);
        assert!(message.starts_with("1 span rejected: ") && message.contains(reason), "{message}");
        assert!(message.ends_with("(first: resource_spans[0].scope_spans[0].spans[1])"), "{message}");
    }
}

#[test]
fn an_odd_span_is_kept() {
    let good = sample::span(1);
    const ODD: &str = "end_time_unix_nano is before start_time_unix_nano";
    const ODD_KIND: &str = "kind must be from 0 to 5";
    const ODD_STATUS: &str = "code of the status must be from 0 to 2";
    let status = |code| Some(Status { code, message: "told".into() });
    let cases: [(Span, &str, &str); 9] = [
        (Span { end_time_unix_nano: NOW as u64 - 1, ..good.clone() }, "duration=0", ODD),
        (Span { end_time_unix_nano: 0, ..good.clone() }, "duration=0", ODD),
        (Span { parent_span_id: vec![0; 8], ..good.clone() }, "parent= ", ""),
        (Span { kind: 0, ..good.clone() }, " internal ", ""),
        (Span { kind: 6, ..good.clone() }, " internal ", ODD_KIND),
        (Span { kind: -1, ..good.clone() }, " internal ", ODD_KIND),
        (Span { status: status(3), ..good.clone() }, "\"told\"", ODD_STATUS),
        (Span { status: status(2), ..good.clone() }, "\"told\"", ""),
        (Span { name: String::new(), ..good }, "name=\"\"", ""),
    ];
    for (span, expected, warning) in cases {
        let decoded = decode(Signal::Traces, &sample::traces(vec![span]).encode_to_vec(), KEEP_ALL).unwrap();
        assert!(decoded.report.is_empty() == warning.is_empty() && decoded.has_time && decoded.rejected() == 0);
        assert!(decoded.report.message(Signal::Traces).contains(warning));
        let rows = dump(decoded.rows);
        assert!(rows.contains(expected), "{rows}");
    }
}
