//! T6, T15, T17: calls of gRPC.

use std::time::Duration;

use bytes::Bytes;
use tokio::sync::oneshot;

use crate::expect::{accepted, answered, grpc_code, http_status, taken};
use crate::frames;
use crate::probe::{Exchange, Probe};
use crate::reply::{Reply, UNIMPLEMENTED};
use crate::rule::{Check, Cost, GRPC, Miss, Rule, Test};
use crate::together::join_all;

const PROFILES: &str = "/opentelemetry.proto.collector.profiles.v1development.ProfilesService/Export";

pub(super) const RULES: &[Rule] = &[
    Rule::must(
        "T6.services",
        GRPC,
        "otlp: OTLP/gRPC",
        "Export of TraceService, MetricsService and LogsService is there, unary",
        Test::Signals(|p, signal| p.export(signal, &p.sample(signal)), accepted),
    ),
    Rule::may(
        "T6.profiles",
        GRPC,
        "otlp: OTLP/gRPC",
        "Export of ProfilesService is there",
        Test::Send(|p| p.post(p.any(), "").path(PROFILES), accepted),
    ),
    Rule::must(
        "T6.unknown-method",
        GRPC,
        "grpc-codes: UNIMPLEMENTED",
        "a method that is not there is answered with UNIMPLEMENTED",
        Test::Send(
            |p| p.post(p.any(), "").path("/opentelemetry.proto.collector.trace.v1.TraceService/Import"),
            grpc_code::<UNIMPLEMENTED>,
        ),
    ),
    Rule::must(
        "T6.content-type",
        GRPC,
        "grpc: Requests, Content-Type",
        "application/grpc+proto is taken as application/grpc is",
        Test::Send(|p| p.export(p.any(), &p.sample(p.any())).content_type("application/grpc+proto"), taken),
    ),
    Rule::should(
        "T6.foreign-content-type",
        GRPC,
        "grpc: Requests, Content-Type",
        "another content type is answered with HTTP 415, so that no other client takes 200 for success",
        Test::Send(
            |p| p.export(p.any(), &p.sample(p.any())).content_type("application/x-conformance"),
            http_status::<415>,
        ),
    ),
    Rule::must(
        "T6.reply-headers",
        GRPC,
        "grpc: Responses",
        "a reply has HTTP status 200 and a content type that begins with application/grpc",
        Test::Signals(
            |p, signal| p.export(signal, &p.sample(signal)),
            |reply| {
                if reply.http_status != 200 || !reply.essence().starts_with("application/grpc") {
                    return Miss::broken(format!("HTTP {}, content-type {:?}", reply.http_status, reply.essence()));
                }
                Ok(())
            },
        ),
    ),
    Rule::must(
        "T6.reply-message",
        GRPC,
        "grpc: Responses",
        "a success has exactly one message, then trailers with grpc-status 0",
        Test::Signals(
            |p, signal| p.export(signal, &p.sample(signal)),
            |reply| {
                accepted(reply)?;
                if reply.grpc_message().is_none() {
                    return Miss::broken("the reply has not exactly one message");
                }
                let in_trailers = reply.trailers.as_ref().is_some_and(|trailers| trailers.contains_key("grpc-status"));
                if in_trailers { Ok(()) } else { Miss::broken("grpc-status is not in trailers") }
            },
        ),
    ),
    Rule::must(
        "T6.error-shape",
        GRPC,
        "grpc: Responses",
        "an error has HTTP status 200 and a grpc-status other than 0",
        Test::Signals(Probe::undecodable, |reply| match (reply.http_status, reply.grpc_code()) {
            (200, None | Some(0)) => Miss::broken("there is no grpc-status of an error"),
            (200, Some(_)) => Ok(()),
            (status, _) => Miss::broken(format!("HTTP {status}")),
        }),
    ),
    Rule::practice(
        "T6.error-message",
        GRPC,
        "grpc: Responses, Status-Message",
        "an error has a grpc-message that says what is wrong",
        Test::Signals(Probe::undecodable, |reply| match reply.trailer("grpc-message") {
            Some(message) if !message.trim().is_empty() => Ok(()),
            _ => Miss::broken("grpc-message is missing or empty"),
        }),
    ),
    Rule::must(
        "T6.split-frames",
        GRPC,
        "grpc: Length-Prefixed-Message",
        "boundaries of DATA frames mean nothing: a message in pieces of three bytes is taken",
        Test::Send(|p| p.export(p.any(), &p.sample(p.any())).in_pieces(3), taken),
    ),
    Rule::must(
        "T6.cut-message",
        GRPC,
        "otlp: Full Success",
        "a message that is shorter than its prefix says is not acknowledged",
        Test::Send(
            |p| {
                let request = p.export(p.any(), &p.sample(p.any()));
                let body = request.whole_body();
                request.body(body.slice(..body.len() - 3))
            },
            not_acknowledged,
        ),
    ),
    Rule::practice(
        "T6.no-message",
        GRPC,
        "grpc-codes: cardinality violation",
        "a call without a message is refused: Export takes exactly one",
        Test::Send(|p| p.post(p.any(), "").body(Bytes::new()), not_acknowledged),
    ),
    Rule::practice(
        "T6.two-messages",
        GRPC,
        "grpc-codes: cardinality violation",
        "a call with two messages is refused: one would be lost",
        Test::Send(
            |p| {
                let request = p.export(p.any(), &p.sample(p.any()));
                let body = request.whole_body();
                request.body([&body[..], &body[..]].concat())
            },
            not_acknowledged,
        ),
    ),
    Rule::must(
        "T6.deadline",
        GRPC,
        "grpc: Requests, Timeout",
        "a call with grpc-timeout is taken in time",
        Test::Send(|p| p.export(p.any(), &p.sample(p.any())).header("grpc-timeout", "10S"), taken),
    ),
    Rule::must(
        "T6.metadata",
        GRPC,
        "grpc: Requests, Custom-Metadata",
        "custom metadata, binary too, changes nothing",
        Test::Send(
            |p| {
                let request = p.export(p.any(), &p.sample(p.any()));
                request.header("x-tenant-id", "conformance").header("x-trace-bin", "AAEC")
            },
            taken,
        ),
    ),
    Rule::practice(
        "T15.pings",
        GRPC,
        "practice: keepalive of gRPC clients",
        "a client that pings every ten seconds, without calls, is not sent away with GOAWAY",
        Test::Script(|p| Box::pin(pings(p))),
    )
    .costs(Cost::Waits),
    Rule::should(
        "T17.concurrent",
        GRPC,
        "otlp: OTLP/gRPC Concurrent Requests",
        "thirty-two unary calls at a time on one connection are served",
        Test::Script(|p| Box::pin(concurrent(p))),
    ),
    Rule::practice(
        "T17.slow-call",
        GRPC,
        "otlp: OTLP/gRPC Concurrent Requests",
        "a call whose message does not arrive does not hold up the others of its connection",
        Test::Script(|p| Box::pin(slow_call(p))),
    ),
];

fn not_acknowledged(reply: &Reply) -> Check {
    match reply.grpc_code() {
        Some(0) => Miss::broken("it was acknowledged"),
        Some(_) => Ok(()),
        None => Miss::broken("the reply has no grpc-status"),
    }
}

async fn pings(p: &Probe) -> Check {
    // Clients of gRPC do not ping more often, whatever they are told: proposal A8 raises an interval below ten seconds to that.
    const EVERY: Duration = Duration::from_secs(10);
    // Servers that mind let two pass and send GOAWAY at the third that came too early, which is the fourth of all.
    const PINGS: u64 = 4;
    let address = p.shared.target.address(p.protocol).unwrap_or_default().to_owned();
    let outcome = frames::ping(&address, EVERY, PINGS).await;
    let got = outcome.clone().err().unwrap_or_else(|| "an acknowledgement of each".to_owned());
    p.note(Exchange { sent: format!("{PINGS} PING frames, one every {} s", EVERY.as_secs()), got });
    outcome.map_err(Miss::Broken)
}

async fn concurrent(p: &Probe) -> Check {
    let connection = p.connect().await?;
    let requests: Vec<_> = (0..32).map(|_| p.export(p.any(), &p.sample(p.any()))).collect();
    let replies = join_all(requests.into_iter().map(|request| p.send_on(&connection, request))).await;
    replies.into_iter().try_for_each(|reply| taken(&reply?))
}

async fn slow_call(p: &Probe) -> Check {
    const PATIENCE: Duration = Duration::from_secs(5);
    let connection = p.connect().await?;
    let (open, gate) = oneshot::channel();
    let mut slow = p.export(p.any(), &p.sample(p.any())).in_pieces(16);
    let rest: Bytes = slow.body.split_off(1).concat().into();
    slow.gate = Some(gate);
    let others = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let mut outcome = Ok(());
        for _ in 0..3 {
            let request = p.export(p.any(), &p.sample(p.any()));
            let reply = tokio::time::timeout(PATIENCE, p.send_on(&connection, request)).await;
            outcome = match reply {
                Ok(reply) => reply.and_then(|reply| taken(&reply)),
                Err(_) => Miss::broken("a call had no reply while another was waiting for its message"),
            };
            if outcome.is_err() {
                break;
            }
        }
        drop(open.send(rest));
        outcome
    };
    let (slow, others) = tokio::join!(p.send_on(&connection, slow), others);
    others?;
    let slow = slow?;
    answered(&slow)?;
    taken(&slow)
}
