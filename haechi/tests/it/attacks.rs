//! Hostile clients against the real binary: it goes on, within its memory, and others are served meanwhile.
//!
//! Frames of HTTP/2 are made by hand, since no client library sends what is sent here (RFC 9113, 4.1 and 6).

use std::cell::Cell;
use std::io::Write;
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::GzEncoder;
use model::wire::{put_bytes_field, put_fixed64_field, put_varint};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::otlp;
use crate::process::Haechi;

const MIB: usize = 1 << 20;
const PROTOBUF: &str = "application/x-protobuf";
const JSON: &str = "application/json";

/// The budget, and what the process may take beside it on the way.
const MEMORY: &str = "384MiB";
const PEAK: usize = 448 * MIB;

/// Runs `attack` against a box, while another client sends a log record every few milliseconds, and again when it is told to come
/// again. All of them must be stored, none after more than `patience`, and the box must stay within its memory.
async fn withstands<T>(patience: Duration, attack: impl AsyncFnOnce(&Haechi) -> T) -> T {
    let dir = tempfile::tempdir().unwrap();
    let haechi = Haechi::start_with(dir.path(), &["--memory", MEMORY]);
    let (n_stored, slowest) = (Cell::new(0), Cell::new(Duration::ZERO));
    let good = async {
        loop {
            let started = Instant::now();
            let body = format!(
                r#"{{"resourceLogs":[{{"scopeLogs":[{{"logRecords":[{{"timeUnixNano":"{}","body":{{"stringValue":"good {}"}}}}]}}]}}]}}"#,
                otlp::now(),
                n_stored.get(),
            );
            loop {
                let answer = otlp::post_bytes(&haechi.otlp_http, "logs", JSON, body.clone().into()).await;
                if matches!(answer, Ok(200)) {
                    break;
                }
                assert!(started.elapsed() < patience, "a good client is shut out; at last: {answer:?}");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            n_stored.set(n_stored.get() + 1);
            slowest.set(slowest.get().max(started.elapsed()));
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let outcome = tokio::select! {
        outcome = attack(&haechi) => outcome,
        () = good => unreachable!("it goes on for ever"),
    };
    assert!(slowest.get() < patience, "a good client waited for {:?}", slowest.get());
    let (status, count) = haechi.get("/api/v1/logs/count?query=good").await;
    let counted = count["total"].as_u64();
    assert!(counted >= Some(n_stored.get()), "of {} good records: {status}, {count}", n_stored.get());
    let peak = haechi.peak_memory();
    println!("{} good requests, the slowest {:?}; {} MiB at most", n_stored.get(), slowest.get(), peak / MIB);
    assert!(peak < PEAK, "{} MiB at most, {} allowed", peak / MIB, PEAK / MIB);
    assert_eq!(haechi.terminate(), Some(0));
    outcome
}

/// What a good client waits for at most, on a machine that is busy with other things, too.
const PATIENCE: Duration = Duration::from_secs(30);

#[tokio::test]
async fn bombs_cost_no_more_than_the_limit() {
    let zeros = vec![0; 256 * MIB];
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(&zeros).unwrap();
    let bombs = [("gzip", gzip.finish().unwrap()), ("zstd", zstd::encode_all(&zeros[..], 1).unwrap())];
    drop(zeros);
    withstands(PATIENCE, async |haechi| {
        let mut attack = JoinSet::new();
        let send = |coding: &'static str, bomb: &Vec<u8>| {
            let request = reqwest::Client::new().post(format!("{}/v1/traces", haechi.otlp_http)).body(bomb.clone());
            let request = request.header("content-type", PROTOBUF).header("content-encoding", coding);
            async { request.send().await.map(|response| response.status().as_u16()) }
        };
        for (coding, bomb) in bombs.iter().cycle().take(40) {
            attack.spawn(send(coding, bomb));
        }
        // Many at once have less room together than one may have alone: they may all be told to come again before any of
        // them is found to be too large. Whoever is refused is told so: a connection closed under it would be an error.
        for status in attack.join_all().await {
            assert!(matches!(status, Ok(413 | 429)), "a bomb among many: {status:?}");
        }
        for (coding, bomb) in &bombs {
            let deadline = Instant::now() + PATIENCE;
            let mut status = send(coding, bomb).await;
            // Requests that were refused end a moment after their answer has been read, and good ones go on.
            while matches!(status, Ok(429)) && Instant::now() < deadline {
                status = send(coding, bomb).await;
            }
            assert!(matches!(status, Ok(413)), "a bomb of {coding} alone: {status:?}");
        }
    })
    .await;
}

/// A log record whose body is nested `depth` times, in protobuf.
fn nested_protobuf(depth: usize) -> Vec<u8> {
    // From the inside out, by putting tags and lengths before what is there: copying it each time would be quadratic.
    let mut reversed = Vec::new();
    let mut wrap = |tag: u8| {
        let mut header = vec![tag];
        put_varint(&mut header, reversed.len() as u64);
        reversed.extend(header.iter().rev());
    };
    for _ in 0..depth {
        wrap(0x0a);
        wrap(0x2a);
    }
    // LogRecord.body, then log_records, scope_logs and resource_logs.
    for tag in [0x2a, 0x12, 0x12, 0x0a] {
        wrap(tag);
    }
    reversed.reverse();
    reversed
}

fn nested_json(depth: usize) -> Vec<u8> {
    let (open, close) = (r#"{"arrayValue":{"values":["#.repeat(depth), "]}}".repeat(depth));
    format!(r#"{{"resourceLogs":[{{"scopeLogs":[{{"logRecords":[{{"body":{open}{close}}}]}}]}}]}}"#).into()
}

#[tokio::test]
async fn values_nested_without_end_are_refused_by_their_depth() {
    withstands(PATIENCE, async |haechi| {
        for depth in [51, 200, 10_000, 200_000] {
            for (kind, body) in [(PROTOBUF, nested_protobuf(depth)), (JSON, nested_json(depth))] {
                let status = otlp::post_bytes(&haechi.otlp_http, "logs", kind, body).await.unwrap();
                assert_eq!(status, 400, "{depth} levels as {kind}");
            }
        }
        let status = otlp::post_bytes(&haechi.otlp_http, "logs", PROTOBUF, nested_protobuf(50)).await.unwrap();
        assert_eq!(status, 200, "50 levels are allowed");
    })
    .await;
}

#[tokio::test]
async fn a_span_of_a_million_attributes_is_stored_with_as_many_as_a_span_may_have() {
    let mut span = Vec::new();
    put_bytes_field(&mut span, 1, &[7; 16]);
    put_bytes_field(&mut span, 2, &[7; 8]);
    put_bytes_field(&mut span, 5, b"stuffed");
    put_fixed64_field(&mut span, 7, otlp::now());
    put_fixed64_field(&mut span, 8, otlp::now() + 1);
    for i in 0..1_000_000 {
        let (mut entry, mut any) = (Vec::new(), Vec::new());
        put_bytes_field(&mut entry, 1, format!("key.{i}").as_bytes());
        put_bytes_field(&mut any, 1, b"value");
        put_bytes_field(&mut entry, 2, &any);
        put_bytes_field(&mut span, 9, &entry);
    }
    for field in [2, 2, 1] {
        let mut outer = Vec::new();
        put_bytes_field(&mut outer, field, &span);
        span = outer;
    }
    withstands(PATIENCE, async |haechi| {
        for _ in 0..3 {
            let status = otlp::post_bytes(&haechi.otlp_http, "traces", PROTOBUF, span.clone()).await.unwrap();
            assert_eq!(status, 200);
        }
        let (status, trace) = haechi.get(&format!("/api/traces/{}", "07".repeat(16))).await;
        let tags = trace["data"][0]["spans"][0]["tags"].as_array().map(Vec::len).unwrap_or_default();
        assert!(status == 200 && (1024..1100).contains(&tags), "{status}, {tags} attributes");
    })
    .await;
}

const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// POST to `/v1/logs` as HPACK without a table: the indexes are those of RFC 7541, appendix A.
const BLOCK: &[u8] = b"\x83\x86\x04\x08/v1/logs\x01\x01x";

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut frame = (payload.len() as u32).to_be_bytes()[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// Sends `frames` over one connection for as long as it is open, at most `patience`. Gives how many were sent, and whether the
/// box ended the connection.
async fn flood(
    haechi: &Haechi,
    settings: &[u8],
    patience: Duration,
    frames: impl Iterator<Item = Vec<u8>>,
) -> (usize, bool) {
    let stream = TcpStream::connect(haechi.otlp_grpc.strip_prefix("http://").unwrap()).await.unwrap();
    let (mut read, mut write) = stream.into_split();
    let mut answers = tokio::spawn(async move {
        let mut buffer = vec![0; 64 << 10];
        while read.read(&mut buffer).await.is_ok_and(|n| n > 0) {}
    });
    let mut n_sent = 0;
    let sending = async {
        write.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await?;
        write.write_all(&frame(SETTINGS, 0, 0, settings)).await?;
        for frame in frames {
            write.write_all(&frame).await?;
            n_sent += 1;
        }
        Ok::<_, std::io::Error>(())
    };
    let sent = tokio::time::timeout(patience, sending).await;
    let ended = matches!(sent, Ok(Err(_))) || tokio::time::timeout(Duration::from_secs(10), &mut answers).await.is_ok();
    answers.abort();
    (n_sent, ended)
}

fn streams() -> impl Iterator<Item = u32> {
    (0..).map(|i| 2 * i + 1)
}

#[tokio::test]
async fn streams_that_are_reset_at_once_end_the_connection() {
    // CVE-2023-44487.
    let frames = streams().take(100_000).map(|stream| {
        [frame(HEADERS, END_HEADERS, stream, BLOCK), frame(RST_STREAM, 0, stream, &8u32.to_be_bytes())].concat()
    });
    let (n_sent, ended) = withstands(PATIENCE, async |haechi| flood(haechi, &[], PATIENCE, frames).await).await;
    assert!(ended || n_sent == 100_000, "{n_sent}");
}

#[tokio::test]
async fn streams_that_the_box_is_made_to_reset_end_the_connection() {
    // CVE-2025-8671: an increment of 0 is an error of the stream (RFC 9113, 6.9).
    let frames = streams().take(100_000).map(|stream| {
        [frame(HEADERS, END_HEADERS, stream, BLOCK), frame(WINDOW_UPDATE, 0, stream, &0u32.to_be_bytes())].concat()
    });
    let (n_sent, ended) = withstands(PATIENCE, async |haechi| flood(haechi, &[], PATIENCE, frames).await).await;
    assert!(ended, "{n_sent} were sent, and more could be");
}

#[tokio::test]
async fn headers_without_end_end_the_connection() {
    // CVE-2024-27316. A literal of 120 bytes that is not indexed, again and again.
    let header = [b"\x00\x01k\x78".as_slice(), &[b'v'; 120]].concat();
    let block = header.repeat(130);
    let first = std::iter::once(frame(HEADERS, 0, 1, BLOCK));
    let frames = first.chain(std::iter::repeat_with(|| frame(CONTINUATION, 0, 1, &block)).take(20_000));
    let (n_sent, ended) = withstands(PATIENCE, async |haechi| flood(haechi, &[], PATIENCE, frames).await).await;
    assert!(ended && n_sent < 10_000, "{n_sent} frames of 16 KiB");
}

#[tokio::test]
async fn a_client_that_takes_no_answers_holds_up_nobody() {
    // SETTINGS_INITIAL_WINDOW_SIZE (4) of 0: no byte of an answer may be sent.
    let settings = [0, 4, 0, 0, 0, 0];
    withstands(PATIENCE, async |haechi| {
        let mut connections = JoinSet::new();
        for _ in 0..5 {
            let frames = streams().take(250).map(|stream| frame(HEADERS, END_HEADERS | END_STREAM, stream, BLOCK));
            let frames: Vec<_> = frames.collect();
            let grpc = TcpStream::connect(haechi.otlp_grpc.strip_prefix("http://").unwrap()).await.unwrap();
            connections.spawn(async move {
                let mut stream = grpc;
                _ = stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
                _ = stream.write_all(&frame(SETTINGS, 0, 0, &settings)).await;
                _ = stream.write_all(&frames.concat()).await;
                tokio::time::sleep(Duration::from_secs(3)).await;
            });
        }
        connections.join_all().await;
    })
    .await;
}

#[tokio::test]
async fn hundreds_of_clients_that_trickle_hold_up_nobody() {
    withstands(PATIENCE, async |haechi| {
        let mut clients = JoinSet::new();
        for i in 0..400 {
            let address = haechi.otlp_http.strip_prefix("http://").unwrap().to_owned();
            clients.spawn(async move {
                let Ok(mut stream) = TcpStream::connect(address).await else { return };
                let head = match i % 2 {
                    0 => &b"POST /v1/logs HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 999999\r\n\r\n"[..],
                    _ => b"POST /v1/logs HTTP/1.1\r\nx: ",
                };
                _ = stream.write_all(head).await;
                for _ in 0..20 {
                    _ = stream.write_all(b" ").await;
                    tokio::time::sleep(Duration::from_millis(150)).await;
                }
            });
        }
        clients.join_all().await;
    })
    .await;
}
