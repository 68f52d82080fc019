//! T3 to T5, T12, T13: addresses, versions, methods and content types of OTLP/HTTP.

use ::http::Method;

use crate::client::Version;
use crate::expect::{accepted, answered, http_status, taken};
use crate::probe::Probe;
use crate::protocol::{Protocol, Signal};
use crate::reply::Reply;
use crate::request::{Flaw, Request};
use crate::rule::{Check, GRPC, HTTP, JSON, Miss, Rule, Test};
use crate::together::join_all;

const PROTOBUF_ONLY: &[Protocol] = &[Protocol::HttpProtobuf];

pub(super) const RULES: &[Rule] = &[
    Rule::should(
        "T3.one-port",
        PROTOBUF_ONLY,
        "otlp: OTLP/HTTP Connection",
        "protobuf and JSON are received on one port, chosen by content-type, also on one connection",
        Test::Script(|p| Box::pin(both_encodings(p))),
    ),
    Rule::may(
        "T4.grpc-on-http",
        GRPC,
        "otlp: OTLP/HTTP Connection",
        "gRPC is received on the port of HTTP",
        Test::Script(|p| Box::pin(on_other_port(p))),
    ),
    Rule::may(
        "T4.http-on-grpc",
        HTTP,
        "otlp: OTLP/HTTP Connection",
        "HTTP is received on the port of gRPC",
        Test::Script(|p| Box::pin(on_other_port(p))),
    ),
    Rule::must(
        "T5.paths",
        HTTP,
        "otlp: OTLP/HTTP Request",
        "POST to /v1/traces, /v1/metrics and /v1/logs is answered with 200",
        Test::Signals(|p, signal| p.export(signal, &p.sample(signal)), http_status::<200>),
    ),
    Rule::may(
        "T5.profiles",
        HTTP,
        "otlp: OTLP/HTTP Request",
        "profiles are received at /v1development/profiles",
        Test::Send(|p| p.post(p.any(), empty(p)).path("/v1development/profiles"), accepted),
    ),
    Rule::practice(
        "T5.query",
        HTTP,
        "rfc9110: 4.2.1 http URI Scheme",
        "a query after the path changes nothing",
        Test::Signals(|p, signal| with_path(p, signal, "?source=conformance"), taken),
    ),
    Rule::practice(
        "T5.trailing-slash",
        HTTP,
        "practice: endpoints are pasted so",
        "a slash at the end of the path changes nothing",
        Test::Signals(|p, signal| with_path(p, signal, "/"), taken),
    ),
    Rule::should(
        "T5.keep-alive",
        HTTP,
        "rfc9112: 9.3 Persistence",
        "a connection of HTTP/1.1 serves one request after another",
        Test::Script(|p| Box::pin(many_on_one(p, Version::Http1, 5))),
    ),
    Rule::must(
        "T5.chunked",
        HTTP,
        "rfc9112: 7.1 Chunked Transfer Coding",
        "a request without content-length, in chunks, is taken, unless the receiver asks for a length with 411",
        Test::Send(
            |p| p.export(p.any(), &p.sample(p.any())).in_pieces(7),
            |reply| match reply.http_status {
                411 => Miss::not_applicable("it asks for a length, as RFC 9112 allows"),
                _ => taken(reply),
            },
        ),
    ),
    Rule::may(
        "T5.http2",
        HTTP,
        "otlp: OTLP/HTTP",
        "HTTP/2 with prior knowledge is received on the port of HTTP",
        Test::Script(|p| Box::pin(many_on_one(p, Version::Http2, 2))),
    ),
    Rule::practice(
        "T5.parallel",
        HTTP,
        "otlp: OTLP/HTTP Concurrent Requests",
        "sixteen requests at a time on as many connections are served",
        Test::Script(|p| Box::pin(parallel(p))),
    ),
    Rule::practice(
        "T12.no-content-type",
        HTTP,
        "rfc9110: 15.5.16 Unsupported Media Type",
        "a request without content-type is refused with 415",
        Test::Send(|p| p.export(p.any(), &p.sample(p.any())).without_header("content-type"), http_status::<415>),
    ),
    Rule::practice(
        "T12.foreign-content-type",
        HTTP,
        "rfc9110: 15.5.16 Unsupported Media Type",
        "text/plain is refused with 415; a form of any site could send it",
        Test::Send(|p| p.export(p.any(), &p.sample(p.any())).content_type("text/plain"), http_status::<415>),
    ),
    Rule::practice(
        "T12.get",
        HTTP,
        "rfc9110: 15.5.6 Method Not Allowed",
        "GET is refused with 405",
        Test::Send(|p| bare(p, Method::GET), http_status::<405>),
    ),
    Rule::practice(
        "T12.put",
        HTTP,
        "rfc9110: 15.5.6 Method Not Allowed",
        "PUT is refused with 405",
        Test::Send(|p| p.export(p.any(), &p.sample(p.any())).method(Method::PUT), http_status::<405>),
    ),
    Rule::must(
        "T12.allow",
        HTTP,
        "rfc9110: 15.5.6 Method Not Allowed",
        "a refusal with 405 has Allow with POST",
        Test::Send(|p| bare(p, Method::GET), allow),
    ),
    Rule::practice(
        "T12.options",
        HTTP,
        "rfc9110: 9.3.7 OPTIONS",
        "OPTIONS without an origin is answered without a fault",
        Test::Send(|p| bare(p, Method::OPTIONS), answered),
    ),
    Rule::practice(
        "T12.unknown-path",
        HTTP,
        "rfc9110: 15.5.5 Not Found",
        "a path that no signal has is answered with 404",
        Test::Send(|p| p.export(p.any(), &p.sample(p.any())).path("/v1/conformance"), http_status::<404>),
    ),
    Rule::practice(
        "T13.parameters",
        HTTP,
        "rfc9110: 8.3.1 Media Type",
        "parameters of the content type change nothing: charset=utf-8 with or without a space",
        Test::Script(|p| Box::pin(content_types(p, &["; charset=utf-8", ";charset=UTF-8", " ; x=\"y\""], false))),
    ),
    Rule::must(
        "T13.letter-case",
        HTTP,
        "rfc9110: 8.3.1 Media Type",
        "the content type is case-insensitive",
        Test::Script(|p| Box::pin(content_types(p, &["", "; Charset=utf-8"], true))),
    ),
    Rule::practice(
        "T13.encodings-not-mixed",
        JSON,
        "otlp: OTLP/HTTP Connection",
        "the decoder is chosen by content-type alone: protobuf under application/json is refused with 400",
        Test::Send(|p| p.post(p.any(), p.sample(p.any()).protobuf()).with(Flaw::Undecodable), http_status::<400>),
    ),
    Rule::practice(
        "T13.custom-headers",
        HTTP,
        "practice: OTEL_EXPORTER_OTLP_HEADERS",
        "headers that the receiver does not know change nothing",
        Test::Send(
            |p| {
                let request = p.export(p.any(), &p.sample(p.any()));
                request.header("x-tenant-id", "conformance").header("x-trace-bin", "AAEC")
            },
            taken,
        ),
    ),
];

fn empty(p: &Probe) -> &'static str {
    if p.protocol == Protocol::HttpJson { "{}" } else { "" }
}

/// A request with something behind the path of its signal.
fn with_path(p: &Probe, signal: Signal, rest: &str) -> Request {
    p.export(signal, &p.sample(signal)).path(&format!("{}{rest}", signal.http_path()))
}

/// A request without a body.
fn bare(p: &Probe, method: Method) -> Request {
    p.post(p.any(), "").method(method).without_header("content-type")
}

fn allow(reply: &Reply) -> Check {
    if reply.http_status != 405 {
        return Miss::not_applicable("the refusal is not 405");
    }
    match reply.header("allow") {
        methods if methods.to_ascii_uppercase().contains("POST") => Ok(()),
        methods => Miss::broken(format!("allow is {methods:?}")),
    }
}

async fn both_encodings(p: &Probe) -> Check {
    let connection = p.connect().await?;
    for protocol in [Protocol::HttpProtobuf, Protocol::HttpJson, Protocol::HttpProtobuf] {
        let sample = p.sample(p.any());
        let body = if protocol == Protocol::HttpJson { sample.json().to_string().into() } else { sample.protobuf() };
        taken(&p.send_on(&connection, Request::post(protocol, p.any(), body)).await?)?;
    }
    Ok(())
}

/// Sends to the address of the other transport, when that is another one.
async fn on_other_port(p: &Probe) -> Check {
    let target = &p.shared.target;
    if target.grpc == target.http {
        let reply = p.send(p.export(p.any(), &p.sample(p.any()))).await?;
        return taken(&reply);
    }
    let connection = match p.protocol {
        Protocol::Grpc => p.connect_to(Protocol::HttpProtobuf, Version::Http2).await?,
        Protocol::HttpProtobuf | Protocol::HttpJson => p.connect_to(Protocol::Grpc, Version::Http1).await?,
    };
    taken(&p.send_on(&connection, p.export(p.any(), &p.sample(p.any()))).await?)
}

async fn many_on_one(p: &Probe, version: Version, n: usize) -> Check {
    let connection = p.connect_to(p.protocol, version).await?;
    for _ in 0..n {
        taken(&p.send_on(&connection, p.export(p.any(), &p.sample(p.any()))).await?)?;
    }
    Ok(())
}

async fn parallel(p: &Probe) -> Check {
    let mut connections = Vec::new();
    for _ in 0..16 {
        connections.push(p.connect().await?);
    }
    let sent = connections.iter().map(|connection| p.send_on(connection, p.export(p.any(), &p.sample(p.any()))));
    join_all(sent).await.into_iter().try_for_each(|reply| taken(&reply?))
}

async fn content_types(p: &Probe, suffixes: &[&str], upper: bool) -> Check {
    for suffix in suffixes {
        let name = p.protocol.content_type();
        let name = if upper { name.to_ascii_uppercase() } else { name.to_owned() };
        let request = p.export(p.any(), &p.sample(p.any())).content_type(&format!("{name}{suffix}"));
        taken(&p.send(request).await?)?;
    }
    Ok(())
}
