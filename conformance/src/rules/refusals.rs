//! R7, R8: what a refusal looks like, and what must be refused.

use bytes::Bytes;
use http::Method;

use crate::expect::{
    answered_or_undecoded, bad_data, bad_request_detail, invalid_argument, not_taken, status_body, status_in_kind,
    status_message,
};
use crate::probe::Probe;
use crate::protocol::Signal;
use crate::raw::{in_item, in_resource, text_key, time_path};
use crate::request::{Flaw, Request};
use crate::rule::{ALL, Check, GRPC, HTTP, JSON, PROTOBUF, Rule, Test};
use crate::wire::put_bytes;

const BAD_DATA: &str = "otlp: Bad Data, OTLP/gRPC Failures";
const FAILURES: &str = "otlp: OTLP/HTTP Response, Failures";

pub(super) const RULES: &[Rule] = &[
    Rule::must(
        "R7.bad-data",
        HTTP,
        FAILURES,
        "the body of a refusal with 400 is a google.rpc.Status in the encoding of the request",
        Test::Signals(Probe::undecodable, status_in_kind),
    ),
    Rule::should(
        "R7.message",
        HTTP,
        FAILURES,
        "Status.message says what is wrong",
        Test::Signals(Probe::undecodable, status_message),
    ),
    Rule::must(
        "R7.unknown-path",
        HTTP,
        FAILURES,
        "the body of a refusal with 404 is a Status too, in the encoding of the request",
        Test::Send(|p| p.post(p.any(), "{}").path("/v1/conformance"), status_in_kind),
    ),
    Rule::must(
        "R7.method",
        HTTP,
        FAILURES,
        "so is that of a refused PUT",
        Test::Send(|p| p.export(p.any(), &p.sample(p.any())).method(Method::PUT), status_in_kind),
    ),
    Rule::must(
        "R7.get",
        HTTP,
        FAILURES,
        "so is that of a refused GET; in which encoding is left open, as the request has none",
        Test::Send(|p| p.post(p.any(), "").method(Method::GET).without_header("content-type"), status_body),
    ),
    Rule::must(
        "R7.content-type",
        HTTP,
        FAILURES,
        "so is that of a refused content type, in either encoding",
        Test::Send(|p| p.export(p.any(), &p.sample(p.any())).content_type("text/plain"), status_body),
    ),
    Rule::must(
        "R7.content-encoding",
        HTTP,
        FAILURES,
        "so is that of a refused content coding, in the encoding of the request",
        Test::Send(|p| p.coded(p.any(), "x-unknown", vec![0xff; 9]).with(Flaw::Undecodable), status_in_kind),
    ),
    Rule::must(
        "R8.undecodable",
        ALL,
        BAD_DATA,
        "data that cannot be decoded is refused with 400, over gRPC with a code that is not retryable",
        Test::Signals(Probe::undecodable, bad_data),
    ),
    Rule::should(
        "R8.invalid-argument",
        GRPC,
        "otlp: OTLP/gRPC Response, Failures",
        "over gRPC the code is INVALID_ARGUMENT, which is recommended",
        Test::Signals(Probe::undecodable, invalid_argument),
    ),
    Rule::should(
        "R8.bad-request",
        HTTP,
        BAD_DATA,
        "Status.details has a BadRequest that describes the bad data",
        Test::Signals(Probe::undecodable, bad_request_detail),
    ),
    Rule::may(
        "R8.bad-request-grpc",
        GRPC,
        "otlp: OTLP/gRPC Response, Failures",
        "the status over gRPC has a BadRequest among its details",
        Test::Signals(Probe::undecodable, bad_request_detail),
    ),
    Rule::must(
        "R8.truncated",
        ALL,
        BAD_DATA,
        "a request whose last byte is missing is refused as bad data, of each signal",
        Test::Signals(truncated, bad_data),
    ),
    Rule::must(
        "R8.wire-type",
        PROTOBUF,
        "protobuf: Message Structure",
        "wire types 6 and 7 do not exist; a message with one is refused",
        Test::Signals(|p, signal| bad(p, signal, vec![0x0f, 0x01, 0x01]), bad_data),
    ),
    Rule::must(
        "R8.field-number-0",
        PROTOBUF,
        "protobuf: Message Structure",
        "field number 0 does not exist; a message with it is refused",
        Test::Signals(|p, signal| bad(p, signal, vec![0x02, 0x01, 0x01]), bad_data),
    ),
    Rule::must(
        "R8.long-varint",
        PROTOBUF,
        "protobuf: Base 128 Varints",
        "a varint of more than ten bytes is refused",
        Test::Signals(|p, signal| bad(p, signal, [&[0xf8, 0x7c][..], &[0xff; 11], &[0x01]].concat()), bad_data),
    ),
    Rule::must(
        "R8.length-overflow",
        PROTOBUF,
        "protobuf: Length-Delimited Records",
        "a field that claims 2^63 bytes is refused, and not given memory",
        Test::Signals(|p, signal| bad(p, signal, [&[0x0a][..], &[0xff; 8], &[0x7f]].concat()), bad_data),
    ),
    Rule::practice(
        "R8.invalid-utf8",
        PROTOBUF,
        "protobuf: proto3 strings are UTF-8",
        "a span name that is not UTF-8 is refused or rejected; some decoders take it, so it is no MUST",
        Test::Send(|p| bad(p, Signal::Traces, in_span(5, &[b'a', 0xff])), not_taken),
    ),
    Rule::practice(
        "R8.other-wire-type",
        PROTOBUF,
        "protobuf: Updating A Message Type",
        "a known field with another wire type is unknown or bad data, and no fault",
        Test::Signals(|p, signal| bad(p, signal, vec![0x08, 0x01]), answered_or_undecoded),
    ),
    Rule::must(
        "R8.json-syntax",
        JSON,
        BAD_DATA,
        "what is not JSON is refused with 400",
        Test::Script(|p| Box::pin(each_refused(p, NOT_JSON))),
    ),
    Rule::must(
        "R8.json-type",
        JSON,
        "protojson: types",
        "a value of another JSON type than the field has is refused with 400",
        Test::Script(|p| Box::pin(wrong_types(p))),
    ),
    Rule::must(
        "R8.json-not-object",
        JSON,
        "protojson: types",
        "a request that is a JSON value but no object is refused with 400",
        Test::Script(|p| Box::pin(each_refused(p, &["[]", "5", "\"{}\"", "true"]))),
    ),
];

const NOT_JSON: &[&str] = &[
    "{",
    "{\"resourceSpans\":[}",
    "{\"resourceSpans\":[]}]",
    "{'resourceSpans':[]}",
    "{\"resourceSpans\":[],}",
    "not json",
    "{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":[{\"name\":\"unterminated}]}]}]}",
];

fn bad(p: &Probe, signal: Signal, body: impl Into<Bytes>) -> Request {
    p.post(signal, body).with(Flaw::Undecodable)
}

fn truncated(p: &Probe, signal: Signal) -> Request {
    let mut body = p.encode(&p.sample(signal));
    body.pop();
    bad(p, signal, body)
}

/// A request with one span that has only this field.
fn in_span(number: u32, bytes: &[u8]) -> Vec<u8> {
    let mut message = bytes.to_vec();
    for number in [number, 2, 2, 1] {
        let mut outer = Vec::new();
        put_bytes(&mut outer, number, &message);
        message = outer;
    }
    message
}

async fn each_refused(p: &Probe, bodies: &'static [&'static str]) -> Check {
    for body in bodies {
        bad_data(&p.send(bad(p, p.any(), *body)).await?)?;
    }
    Ok(())
}

async fn wrong_types(p: &Probe) -> Check {
    for signal in p.signals() {
        let [resources, scopes, _] = signal.lists();
        for request in [
            p.post(signal, format!("{{\"{resources}\":5}}")),
            p.post(signal, format!("{{\"{resources}\":{{\"{scopes}\":[]}}}}")),
            in_item(p, signal, text_key(signal), "{}"),
            in_item(p, signal, time_path(signal), "[1]"),
            in_resource(p, signal, "attributes", r#"[{"key":"a","value":{"boolValue":{}}}]"#),
        ] {
            bad_data(&p.send(request.with(Flaw::Undecodable)).await?)?;
        }
    }
    Ok(())
}
