//! T1, T11, T16, T18: compression of requests and replies.

use std::io::Read;

use crate::expect::{accepted, bad_data, grpc_code, http_status, not_retryable, not_taken, response_message, taken};
use crate::gzip::{gzip, members, with_header_fields};
use crate::probe::Probe;
use crate::protocol::{Protocol, Signal};
use crate::reply::{INTERNAL, Reply, UNIMPLEMENTED};
use crate::request::{Flaw, Request};
use crate::rule::{ALL, Check, GRPC, HTTP, Miss, Rule, Test};
use crate::sample::request;
use crate::snappy::{block, framed};

const OTLP: &str = "otlp: Protocol Details";

pub(super) const RULES: &[Rule] = &[
    Rule::must(
        "T1.identity",
        ALL,
        OTLP,
        "requests without compression are taken, of each signal",
        Test::Signals(|p, signal| p.export(signal, &p.sample(signal)), taken),
    ),
    Rule::must(
        "T1.gzip",
        ALL,
        OTLP,
        "requests compressed with gzip are taken, of each signal",
        Test::Signals(|p, signal| p.gzipped(signal, &p.sample(signal)), taken),
    ),
    Rule::must(
        "T1.gzip-header-fields",
        ALL,
        "rfc1952: 2.3.1.2 Compliance",
        "a gzip header with a name, a comment and extra fields is read past",
        Test::Send(|p| p.coded(p.any(), "gzip", with_header_fields(&p.encode(&p.sample(p.any())))), taken),
    ),
    Rule::practice(
        "T1.gzip-members",
        ALL,
        "rfc1952: 2.2 File format",
        "a gzip body of several members is read whole; proxies and parallel compressors write such",
        Test::Send(|p| p.coded(p.any(), "gzip", members(&p.encode(&p.sample(p.any())))), taken),
    ),
    Rule::must(
        "T1.gzip-unread-rest",
        ALL,
        "otlp: Full Success",
        "success means that all was accepted: of two gzip members, the second with bad data, it is not said",
        Test::Send(unread_rest, not_taken),
    ),
    Rule::must(
        "T1.gzip-corrupt",
        ALL,
        "otlp: Bad Data",
        "a gzip body with a wrong checksum cannot be decoded and is refused as bad data",
        Test::Send(
            |p| {
                let mut body = gzip(&p.encode(&p.sample(p.any())));
                let checksum = body.len() - 8;
                body[checksum] ^= 0xff;
                p.coded(p.any(), "gzip", body).with(Flaw::Undecodable)
            },
            bad_data,
        ),
    ),
    Rule::must(
        "T1.gzip-truncated",
        ALL,
        "otlp: Bad Data",
        "a gzip body that ends early is refused as bad data",
        Test::Send(
            |p| {
                let body = gzip(&p.encode(&p.sample(p.any())));
                p.coded(p.any(), "gzip", body[..body.len() - 12].to_vec()).with(Flaw::Undecodable)
            },
            bad_data,
        ),
    ),
    Rule::must(
        "T1.gzip-is-not",
        ALL,
        "otlp: Bad Data",
        "a body that is said to be gzip and is not is refused as bad data",
        Test::Send(|p| p.coded(p.any(), "gzip", p.encode(&p.sample(p.any()))).with(Flaw::Undecodable), bad_data),
    ),
    Rule::should(
        "T1.gzip-empty",
        ALL,
        "otlp: Full Success",
        "an empty request that is compressed is a success, as any empty request",
        Test::Signals(|p, signal| p.coded(signal, "gzip", gzip(empty(p))), accepted),
    ),
    Rule::must(
        "T1.flag-off",
        GRPC,
        "grpc: Requests, Compressed-Flag",
        "a message whose compressed flag is 0 is read as it is, whatever grpc-encoding says",
        Test::Send(|p| p.export(p.any(), &p.sample(p.any())).header("grpc-encoding", "gzip"), taken),
    ),
    Rule::must(
        "T1.flag-without-encoding",
        GRPC,
        "grpc-zip: Test cases, 6",
        "a compressed flag without grpc-encoding fails with INTERNAL",
        Test::Send(|p| p.gzipped(p.any(), &p.sample(p.any())).without_header("grpc-encoding"), grpc_code::<INTERNAL>),
    ),
    Rule::must(
        "T1.identity-named",
        GRPC,
        "grpc: Requests, Message-Encoding",
        "grpc-encoding: identity is no compression",
        Test::Send(|p| p.export(p.any(), &p.sample(p.any())).header("grpc-encoding", "identity"), taken),
    ),
    Rule::must(
        "T11.letter-case",
        HTTP,
        "rfc9110: 8.4.1 Content Codings",
        "names of content codings are case-insensitive: GZIP is gzip",
        Test::Send(|p| p.coded(p.any(), "GZIP", gzip(&p.encode(&p.sample(p.any())))), taken),
    ),
    Rule::should(
        "T11.x-gzip",
        HTTP,
        "rfc9110: 8.4.1.3 Gzip Coding",
        "x-gzip is the same as gzip",
        Test::Send(|p| p.coded(p.any(), "x-gzip", gzip(&p.encode(&p.sample(p.any())))), taken),
    ),
    Rule::practice(
        "T11.identity",
        HTTP,
        "practice: content-encoding",
        "content-encoding: identity is no compression",
        Test::Send(|p| p.export(p.any(), &p.sample(p.any())).header("content-encoding", "identity"), taken),
    ),
    Rule::practice(
        "T11.unknown",
        HTTP,
        "rfc9110: 15.5.16 Unsupported Media Type",
        "a content coding that the receiver does not know is refused with 415",
        Test::Send(|p| p.coded(p.any(), "x-unknown", p.encode(&p.sample(p.any()))), http_status::<415>),
    ),
    Rule::practice(
        "T11.accept-encoding",
        HTTP,
        "rfc9110: 12.5.3 Accept-Encoding",
        "a refusal with 415 for a content coding has Accept-Encoding with those that are taken",
        Test::Send(|p| p.coded(p.any(), "x-unknown", p.encode(&p.sample(p.any()))), accept_encoding),
    ),
    Rule::practice(
        "T11.stacked",
        HTTP,
        "rfc9110: 8.4 Content-Encoding",
        "gzip, gzip is undone twice or refused for good, not read wrongly and not a fault",
        Test::Send(|p| p.coded(p.any(), "gzip, gzip", gzip(&gzip(&p.encode(&p.sample(p.any()))))), taken_or_refused),
    ),
    Rule::must(
        "T11.unknown-grpc",
        GRPC,
        "grpc-zip: Test cases, 4",
        "a grpc-encoding that the receiver does not know fails with UNIMPLEMENTED",
        Test::Send(|p| p.coded(p.any(), "x-unknown", p.encode(&p.sample(p.any()))), grpc_code::<UNIMPLEMENTED>),
    ),
    Rule::must(
        "T11.grpc-accept-encoding",
        GRPC,
        "grpc-zip: Compression Method Asymmetry",
        "the refusal of an unknown grpc-encoding has grpc-accept-encoding, without the unknown",
        Test::Send(
            |p| p.coded(p.any(), "x-unknown", p.encode(&p.sample(p.any()))),
            |reply| match reply.trailer("grpc-accept-encoding") {
                Some(names) if !lists(names, "x-unknown") => Ok(()),
                Some(names) => Miss::broken(format!("grpc-accept-encoding is {names:?}")),
                None => Miss::broken("there is no grpc-accept-encoding"),
            },
        ),
    ),
    Rule::practice(
        "T11.grpc-accept-gzip",
        GRPC,
        "grpc-zip: Compression Method Asymmetry",
        "gzip is among them, though a peer may leave out what it takes: clients learn from it what to send",
        Test::Send(
            |p| p.coded(p.any(), "x-unknown", p.encode(&p.sample(p.any()))),
            |reply| match reply.trailer("grpc-accept-encoding") {
                Some(names) if lists(names, "gzip") => Ok(()),
                names => Miss::broken(format!("grpc-accept-encoding is {:?}", names.unwrap_or_default())),
            },
        ),
    ),
    Rule::practice(
        "T16.zstd",
        ALL,
        "practice: OpenTelemetry Collector",
        "requests compressed with zstd are taken",
        Test::Send(|p| p.coded(p.any(), "zstd", zstd_of(&p.encode(&p.sample(p.any())))), taken),
    ),
    Rule::practice(
        "T16.deflate",
        ALL,
        "practice: OpenTelemetry Collector",
        "requests compressed with deflate (zlib) are taken",
        Test::Send(|p| p.coded(p.any(), "deflate", zlib_of(&p.encode(&p.sample(p.any())))), taken),
    ),
    Rule::practice(
        "T16.snappy",
        ALL,
        "practice: OpenTelemetry Collector",
        "requests compressed with snappy are taken, as the Collector sends them: over HTTP a block, over gRPC framed",
        Test::Send(
            |p| {
                let body = p.encode(&p.sample(p.any()));
                p.coded(p.any(), "snappy", if p.protocol == Protocol::Grpc { framed(&body) } else { block(&body) })
            },
            taken,
        ),
    ),
    Rule::practice(
        "T16.snappy-framed",
        HTTP,
        "practice: OpenTelemetry Collector",
        "and under x-snappy-framed the framing format",
        Test::Send(|p| p.coded(p.any(), "x-snappy-framed", framed(&p.encode(&p.sample(p.any())))), taken),
    ),
    Rule::may(
        "T18.gzip-reply",
        ALL,
        "otlp: OTLP/HTTP Response",
        "replies are compressed with gzip for clients that accept it",
        Test::Signals(asking_for_gzip, |reply| match reply.coding().as_str() {
            "gzip" => Ok(()),
            coding => Miss::broken(format!("the coding of the reply is {coding:?}")),
        }),
    ),
    Rule::must(
        "T18.gzip-reply-valid",
        ALL,
        "rfc9110: 8.4 Content-Encoding",
        "a reply that is said to be gzip is gzip, and what comes out is the response",
        Test::Signals(asking_for_gzip, gzip_reply),
    ),
];

/// A request without telemetry.
fn empty(p: &Probe) -> &'static [u8] {
    if p.protocol == Protocol::HttpJson { b"{}" } else { b"" }
}

/// A valid request in a first member, and what makes the whole invalid in a second.
fn unread_rest(p: &Probe) -> Request {
    let first = gzip(&p.encode(&p.sample(p.any())));
    // Neither may follow: JSON ends with its one value, and no field of protobuf has the number 0.
    let second = gzip(if p.protocol == Protocol::HttpJson { b"]]" } else { &[0x07, 0xff, 0xff] });
    p.coded(p.any(), "gzip", [first, second].concat()).with(Flaw::Undecodable)
}

fn accept_encoding(reply: &Reply) -> Check {
    if reply.http_status != 415 {
        return Miss::not_applicable("the refusal is not 415");
    }
    match reply.header("accept-encoding") {
        names if names.contains("gzip") => Ok(()),
        names => Miss::broken(format!("accept-encoding is {names:?}")),
    }
}

/// Whether `name` is in a list with commas.
fn lists(names: &str, name: &str) -> bool {
    names.split(',').any(|it| it.trim() == name)
}

fn taken_or_refused(reply: &Reply) -> Check {
    if reply.is_accepted() { taken(reply) } else { not_retryable(reply) }
}

fn zstd_of(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 0).unwrap_or_default()
}

fn zlib_of(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let read = flate2::read::ZlibEncoder::new(bytes, flate2::Compression::default()).read_to_end(&mut out);
    read.map(|_| out).unwrap_or_default()
}

/// A request with an invalid item, so that the reply may have a body that is worth compressing.
fn asking_for_gzip(p: &Probe, signal: Signal) -> Request {
    let request = p.export(signal, &request(signal, [p.item(signal), p.invalid_item(signal)]));
    match p.protocol {
        Protocol::Grpc => request.header("grpc-accept-encoding", "gzip"),
        Protocol::HttpProtobuf | Protocol::HttpJson => request.header("accept-encoding", "gzip"),
    }
}

fn gzip_reply(reply: &Reply) -> Check {
    match reply.coding().as_str() {
        "gzip" if reply.false_gzip => Miss::broken("the body is not valid gzip"),
        "gzip" if reply.is_accepted() => response_message(reply),
        "gzip" => Ok(()),
        _ => Miss::not_applicable("the reply is not compressed"),
    }
}
