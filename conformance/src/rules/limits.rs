//! T7 to T10: how large requests and replies may be.

use crate::expect::{accepted, no_retry_info, status_in_kind, taken, too_large};
use crate::filler::{gzipped, plain};
use crate::probe::{Observation, Probe};
use crate::protocol::{Protocol, Signal};
use crate::raw::with_enum;
use crate::reply::Reply;
use crate::request::{Flaw, Request};
use crate::rule::{ALL, Check, Cost, GRPC, HTTP, Miss, Rule, Test};
use crate::sample::request;
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
        Test::Send(|p| p.post(p.any(), plain(p.protocol, over(p))).with(Flaw::TooLarge), too_large),
    )
    .costs(Cost::Heavy),
    Rule::must(
        "T8.over-limit-gzip",
        ALL,
        REQUEST,
        "a request that is 65/64 of --max-body after decompression is refused with 413 or RESOURCE_EXHAUSTED",
        Test::Send(|p| p.coded(p.any(), "gzip", gzipped(p.protocol, over(p))).with(Flaw::TooLarge), too_large),
    )
    .costs(Cost::Heavy),
    Rule::must(
        "T8.not-retryable",
        GRPC,
        "otlp: OTLP/gRPC Request",
        "RESOURCE_EXHAUSTED for the size, also after decompression, comes without RetryInfo, which would make it retryable",
        Test::Audit(|it| too_large_one(it).and_then(|()| no_retry_info(&it.reply))),
    ),
    Rule::must(
        "T8.status-body",
        HTTP,
        "otlp: OTLP/HTTP Response, Failures",
        "the refusal with 413, also after decompression, has a google.rpc.Status in the encoding of the request",
        Test::Audit(|it| too_large_one(it).and_then(|()| status_in_kind(&it.reply))),
    ),
    Rule::must(
        "T10.bomb",
        ALL,
        REQUEST,
        "sixteen times --max-body in a small gzip body is refused for its size, and the receiver lives on",
        Test::Script(|p| Box::pin(bomb(p))),
    )
    .costs(Cost::Heavy),
    Rule::should(
        "T9.many-rejected",
        ALL,
        RESPONSE,
        "the reply to 20,000 invalid items is at most 4 MiB, of each signal",
        Test::Script(|p| Box::pin(replies_to(p, many_invalid, small_reply))),
    ),
    Rule::should(
        "T9.long-value",
        ALL,
        RESPONSE,
        "the reply to a request whose fault is a value of 5 MiB is at most 4 MiB, of each signal",
        Test::Script(|p| Box::pin(replies_to(p, long_value, small_reply))),
    ),
    Rule::practice(
        "T9.short-grpc-message",
        GRPC,
        "practice: header limits of clients",
        "grpc-message and the details stay below 6 KiB: clients drop replies with more than 8 KiB of headers",
        Test::Script(|p| Box::pin(replies_to(p, long_value, short_headers))),
    ),
];

fn within(p: &Probe) -> usize {
    p.max_body() - p.max_body() / 64
}

fn over(p: &Probe) -> usize {
    p.max_body() + p.max_body() / 64
}

/// Whether this is one of the requests that are too large.
fn too_large_one(it: &Observation) -> Check {
    if it.flaw == Flaw::TooLarge { Ok(()) } else { Miss::not_applicable("") }
}

async fn bomb(p: &Probe) -> Check {
    let reply = p.send(p.coded(p.any(), "gzip", gzipped(p.protocol, 16 * p.max_body())).with(Flaw::TooLarge)).await?;
    too_large(&reply)?;
    let exchange = p.last_exchange();
    accepted(&p.send(p.export(p.any(), &p.sample(p.any()))).await?)?;
    exchange.into_iter().for_each(|exchange| p.note(exchange));
    Ok(())
}

/// What `expect` says of the replies to `make` of each signal, if so much may be sent at all.
async fn replies_to(p: &Probe, make: fn(&Probe, Signal) -> Request, expect: fn(&Reply) -> Check) -> Check {
    if p.max_body() < 8 << 20 {
        return Miss::not_applicable("a request that could have so long a reply is over a limit of less than 8 MiB");
    }
    for signal in p.signals() {
        expect(&p.send(make(p, signal)).await?)?;
    }
    Ok(())
}

fn many_invalid(p: &Probe, signal: Signal) -> Request {
    p.export(signal, &request(signal, (0..20_000).map(|_| p.invalid_item(signal))))
}

/// A long text that cannot be taken: in JSON for an enum, in protobuf one that is not UTF-8.
fn long_value(p: &Probe, signal: Signal) -> Request {
    const SIZE: usize = 5 << 20;
    if p.protocol == Protocol::HttpJson {
        return with_enum(p, signal, &format!("\"{}\"", "K".repeat(SIZE))).with(Flaw::Undecodable);
    }
    let mut message = vec![0xff; SIZE];
    let text = match signal {
        Signal::Traces => 5,
        Signal::Metrics => 1,
        Signal::Logs => 3,
    };
    for number in [text, 2, 2, 1] {
        let mut outer = Vec::new();
        put_bytes(&mut outer, number, &message);
        message = outer;
    }
    p.post(signal, message).with(Flaw::Undecodable)
}

fn small_reply(reply: &Reply) -> Check {
    let size = reply.size();
    if size <= MOST_REPLIED { Ok(()) } else { Miss::broken(format!("the reply has {size} bytes")) }
}

fn short_headers(reply: &Reply) -> Check {
    let of = |name| reply.trailer_bytes(name).map_or(0, <[u8]>::len);
    let size = of("grpc-message") + of("grpc-status-details-bin");
    if size <= MOST_HEADER { Ok(()) } else { Miss::broken(format!("{size} bytes of error in headers")) }
}
