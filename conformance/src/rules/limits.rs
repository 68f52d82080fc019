//! T7 to T10: how large requests and replies may be.

use crate::expect::{accepted, no_retry_info, status_in_kind, taken, too_large};
use crate::filler::{gzipped, plain};
use crate::message::{Message, Value};
use crate::probe::{Observation, Probe};
use crate::protocol::{Protocol, Signal};
use crate::reply::Reply;
use crate::request::Request;
use crate::rule::{ALL, Check, Cost, GRPC, HTTP, Miss, Rule, Test};
use crate::wire::put_bytes;

const REQUEST: &str = "otlp: Request (gRPC and HTTP)";
const RESPONSE: &str = "otlp: Response (gRPC and HTTP)";

/// What the specification recommends as the limit of replies.
const MOST_REPLIED: usize = 4 << 20;

/// Clients take headers up to 8 KiB by default (gRPC Core and Java: `grpc.max_metadata_size`).
const MOST_HEADER: usize = 6 << 10;

pub(super) const RULES: &[Rule] = &[
    Rule::should(
        "T7.within",
        ALL,
        REQUEST,
        "a request of 63/64 of --max-body is taken; 64 MiB is recommended as the limit",
        Test::Send(|p| p.post(p.any(), plain(p.protocol, within(p))), taken),
    )
    .costs(Cost::Heavy),
    Rule::should(
        "T7.within-gzip",
        ALL,
        REQUEST,
        "a request that is 63/64 of --max-body after decompression is taken",
        Test::Send(|p| p.coded(p.any(), "gzip", gzipped(p.protocol, within(p))), taken),
    )
    .costs(Cost::Heavy),
    Rule::must(
        "T8.over-limit",
        ALL,
        REQUEST,
        "a request of 65/64 of --max-body is refused with 413 or RESOURCE_EXHAUSTED",
        Test::Send(|p| p.post(p.any(), plain(p.protocol, over(p))), too_large),
    )
    .costs(Cost::Heavy),
    Rule::must(
        "T8.over-limit-gzip",
        ALL,
        REQUEST,
        "a request that is 65/64 of --max-body after decompression is refused with 413 or RESOURCE_EXHAUSTED",
        Test::Send(|p| p.coded(p.any(), "gzip", gzipped(p.protocol, over(p))), too_large),
    )
    .costs(Cost::Heavy),
    Rule::must(
        "T8.not-retryable",
        GRPC,
        "otlp: OTLP/gRPC Request",
        "RESOURCE_EXHAUSTED for the size comes without RetryInfo, which would make it retryable",
        Test::Audit(|it| over_limit(it).and_then(|()| no_retry_info(&it.reply))),
    ),
    Rule::must(
        "T8.status-body",
        HTTP,
        "otlp: OTLP/HTTP Response, Failures",
        "the refusal with 413 has a google.rpc.Status in the encoding of the request",
        Test::Audit(|it| over_limit(it).and_then(|()| status_in_kind(&it.reply))),
    ),
    Rule::must(
        "T10.bomb",
        ALL,
        REQUEST,
        "sixteen times --max-body in a small gzip body is refused for its size, and the receiver lives on",
        Test::Script(|p| Box::pin(bomb(p))),
    )
    .costs(Cost::Heavy),
    Rule::must(
        "T9.many-rejected",
        ALL,
        RESPONSE,
        "the reply to 20,000 bad spans is at most 4 MiB",
        Test::Send(|p| p.export(Signal::Traces, &p.traces((0..20_000).map(|_| bad_span(p)))), small_reply),
    ),
    Rule::must(
        "T9.long-value",
        ALL,
        RESPONSE,
        "the reply to a request whose fault is a value of 5 MiB is at most 4 MiB",
        Test::Send(long_value, small_reply),
    ),
    Rule::practice(
        "T9.short-grpc-message",
        GRPC,
        "practice: header limits of clients",
        "grpc-message and the details stay below 6 KiB: clients drop replies with more than 8 KiB of headers",
        Test::Send(long_value, |reply| {
            let of = |name| reply.trailer_bytes(name).map_or(0, <[u8]>::len);
            let size = of("grpc-message") + of("grpc-status-details-bin");
            if size <= MOST_HEADER { Ok(()) } else { Miss::broken(format!("{size} bytes of error in headers")) }
        }),
    ),
];

fn within(p: &Probe) -> usize {
    p.max_body() - p.max_body() / 64
}

fn over(p: &Probe) -> usize {
    p.max_body() + p.max_body() / 64
}

/// Whether this is one of the requests that are too large as they are.
fn over_limit(it: &Observation) -> Check {
    if it.over_limit { Ok(()) } else { Miss::not_applicable("") }
}

async fn bomb(p: &Probe) -> Check {
    let reply = p.send(p.coded(p.any(), "gzip", gzipped(p.protocol, 16 * p.max_body()))).await?;
    too_large(&reply)?;
    let exchange = p.last_exchange();
    accepted(&p.send(p.export(p.any(), &p.sample(p.any()))).await?)?;
    exchange.into_iter().for_each(|exchange| p.note(exchange));
    Ok(())
}

/// A span with ids of all zeros.
fn bad_span(p: &Probe) -> Message {
    p.span().set(1, "traceId", Value::Id(vec![0; 16])).set(2, "spanId", Value::Id(vec![0; 8]))
}

/// A number where a long text is: an enum, in protobuf a text that is not UTF-8.
fn long_value(p: &Probe) -> Request {
    const SIZE: usize = 5 << 20;
    if p.protocol == Protocol::HttpJson {
        let text =
            format!(r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{{"kind":"{}"}}]}}]}}]}}"#, "K".repeat(SIZE));
        return p.post(Signal::Traces, text);
    }
    let mut message = vec![0xff; SIZE];
    for number in [5, 2, 2, 1] {
        let mut outer = Vec::new();
        put_bytes(&mut outer, number, &message);
        message = outer;
    }
    p.post(Signal::Traces, message)
}

fn small_reply(reply: &Reply) -> Check {
    let size = reply.body.len();
    if size <= MOST_REPLIED { Ok(()) } else { Miss::broken(format!("the reply has {size} bytes")) }
}
