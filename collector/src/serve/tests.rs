//! Real connections on loopback: both protocols on one port, limits, shutdown.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use opentelemetry_proto::tonic::collector::logs::v1::{ExportLogsServiceRequest, ExportLogsServiceResponse};
use opentelemetry_proto::tonic::collector::metrics::v1::{ExportMetricsServiceRequest, ExportMetricsServiceResponse};
use opentelemetry_proto::tonic::collector::trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse};
use prost::Message;
use store::{Store, Table};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tonic::codec::CompressionEncoding;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status};

use super::serve;
use crate::stats::{Attempt, Fate, Outcome, Step};
use crate::testing::{collector, gzip, sample};
use crate::{Collector, Limits, Signal};

mod refused;

struct Server {
    _dir: TempDir,
    store: Arc<Store>,
    collector: Arc<Collector>,
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

async fn server(limits: Limits) -> Server {
    let (_dir, store, collector) = collector(limits);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel();
    let shutdown = async move { drop(stopped.await) };
    let task = tokio::spawn(serve(listener, Arc::clone(&collector), shutdown));
    Server { _dir, store, collector, address, stop, task }
}

async fn channel(address: SocketAddr) -> Channel {
    Endpoint::from_shared(format!("http://{address}")).unwrap().connect().await.unwrap()
}

/// Calls `Export` of `signal`, as the generated clients do.
async fn export<Q, R>(channel: &Channel, signal: Signal, request: Q, compress: bool) -> Result<R, Status>
where
    Q: Message + Send + Sync + 'static,
    R: Message + Default + Send + Sync + 'static,
{
    let mut client = tonic::client::Grpc::new(channel.clone());
    if compress {
        client = client.send_compressed(CompressionEncoding::Gzip);
    }
    client.ready().await.unwrap();
    let path = http::uri::PathAndQuery::from_static(signal.grpc_path());
    let codec = tonic_prost::ProstCodec::default();
    Ok(client.unary(tonic::Request::new(request), path, codec).await?.into_inner())
}

async fn export_traces(
    channel: &Channel,
    request: ExportTraceServiceRequest,
    compress: bool,
) -> Result<ExportTraceServiceResponse, Status> {
    export(channel, Signal::Traces, request, compress).await
}

/// Sends `request` over HTTP/1.1 and returns the whole answer.
async fn http1(address: SocketAddr, head: &str, body: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!("{head}\r\nhost: x\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", body.len());
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(body).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn grpc_and_http_are_answered_on_one_port() {
    let server = server(Limits::default()).await;
    let channel = channel(server.address).await;
    for (n, compress) in [(1, false), (2, true)] {
        let request = sample::traces(vec![sample::span(n)]);
        assert_eq!(export_traces(&channel, request, compress).await.unwrap(), Default::default());
    }
    let request = ExportLogsServiceRequest::decode(&sample::body(Signal::Logs)[..]).unwrap();
    let response: ExportLogsServiceResponse = export(&channel, Signal::Logs, request, true).await.unwrap();
    assert_eq!(response.partial_success, None);
    let request = ExportMetricsServiceRequest::decode(&sample::body(Signal::Metrics)[..]).unwrap();
    let response: ExportMetricsServiceResponse = export(&channel, Signal::Metrics, request, false).await.unwrap();
    assert_eq!(response.partial_success, None);

    let head = "POST /v1/traces HTTP/1.1\r\ncontent-type: application/x-protobuf";
    let body = sample::traces(vec![sample::span(3)]).encode_to_vec();
    let answer = http1(server.address, head, &body).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");

    let snapshot = server.store.snapshot();
    let counts = [Table::Spans, Table::Logs, Table::Points].map(|table| snapshot.n_rows(table));
    assert_eq!(counts, [3, 1, 1]);
    let stats = server.collector.stats();
    assert_eq!(stats.signals[0].accepted, 3);
    assert!(stats.senders.iter().any(|sender| sender.user_agent.starts_with("tonic/")), "{:?}", stats.senders);
    assert!(stats.connections.open >= 1);
}

#[tokio::test]
async fn grpc_tells_what_was_rejected() {
    let server = server(Limits::default()).await;
    let mut bad = sample::span(2);
    bad.span_id = vec![0; 8];
    let request = sample::traces(vec![sample::span(1), bad]);
    let response = export_traces(&channel(server.address).await, request, true).await.unwrap();
    let partial = response.partial_success.unwrap();
    assert_eq!(partial.rejected_spans, 1);
    assert!(partial.error_message.contains("span_id must be 8 bytes"), "{}", partial.error_message);
}

#[tokio::test]
async fn grpc_refusals_have_their_code_and_say_whether_to_retry() {
    let limits = Limits { max_body: 2048, max_in_progress: 1 << 20, ..Limits::default() };
    let server = server(limits).await;
    let channel = channel(server.address).await;

    let large = sample::traces((1..=100).map(sample::span).collect());
    for compress in [false, true] {
        let status = export_traces(&channel, large.clone(), compress).await.unwrap_err();
        assert_eq!(status.code(), Code::ResourceExhausted);
        assert!(status.message().contains("limit of 2048 bytes"), "{status}");
        assert!(!String::from_utf8_lossy(status.details()).contains("RetryInfo"));
    }

    // A string that is not UTF-8, sent as a message with one bytes field in place of resource_spans.
    #[derive(Clone, PartialEq, prost::Message)]
    struct Raw {
        #[prost(bytes = "vec", tag = "1")]
        group: Vec<u8>,
    }
    let raw = Raw { group: vec![0x1a, 1, 0xff] };
    let status = export::<_, ExportTraceServiceResponse>(&channel, Signal::Traces, raw, false).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    assert_eq!(status.message(), "resource_spans[0].schema_url: string is not valid UTF-8");
    assert!(String::from_utf8_lossy(status.details()).contains("google.rpc.BadRequest"));

    server.store.close();
    let status = export_traces(&channel, sample::traces(vec![sample::span(9)]), false).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    assert!(String::from_utf8_lossy(status.details()).contains("google.rpc.RetryInfo"));
    assert_eq!(server.collector.stats().bytes_in_progress, 0);
}

#[tokio::test]
async fn grpc_of_an_unknown_method_or_coding_is_unimplemented() {
    let server = server(Limits::default()).await;
    let channel = channel(server.address).await;
    let mut client = tonic::client::Grpc::new(channel);
    client.ready().await.unwrap();
    let path = http::uri::PathAndQuery::from_static("/opentelemetry.proto.collector.profiles.v1.P/Export");
    let codec = tonic_prost::ProstCodec::<ExportTraceServiceRequest, ExportTraceServiceResponse>::default();
    let status = client.unary(tonic::Request::new(Default::default()), path, codec).await.unwrap_err();
    assert_eq!(status.code(), Code::Unimplemented);

    let head =
        format!("POST {} HTTP/1.1\r\ncontent-type: application/grpc\r\ngrpc-encoding: lz4", Signal::Traces.grpc_path());
    let answer = http1(server.address, &head, &[0; 5]).await;
    assert!(
        answer.contains("grpc-status: 12\r\n")
            && answer.contains("grpc-accept-encoding: zstd,gzip,snappy,deflate,identity\r\n")
    );
}

#[tokio::test]
async fn grpc_reads_every_member_of_a_gzip_message() {
    let server = server(Limits::default()).await;
    let body = sample::traces(vec![sample::span(1), sample::span(2)]).encode_to_vec();
    let (head, tail) = body.split_at(body.len() / 2);
    let members = [gzip(head), gzip(tail)].concat();
    let mut framed = vec![1];
    framed.extend((members.len() as u32).to_be_bytes());
    framed.extend(members);
    let head = format!(
        "POST {} HTTP/1.1\r\ncontent-type: application/grpc\r\ngrpc-encoding: gzip",
        Signal::Traces.grpc_path()
    );
    let answer = http1(server.address, &head, &framed).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert_eq!(server.store.snapshot().n_rows(Table::Spans), 2);
}

#[tokio::test]
async fn connections_over_the_cap_are_closed_and_silent_ones_end() {
    let limits = Limits { max_connections: 2, idle_timeout: Duration::from_millis(300), ..Limits::default() };
    let server = server(limits).await;
    let mut silent = TcpStream::connect(server.address).await.unwrap();
    let mut half = TcpStream::connect(server.address).await.unwrap();
    half.write_all(b"POST /v1/lo").await.unwrap();
    let mut buffer = [0; 256];
    let mut refused = TcpStream::connect(server.address).await.unwrap();
    assert_eq!(refused.read(&mut buffer).await.unwrap_or(0), 0);
    assert_eq!(server.collector.stats().connections.refused, 1);
    for stream in [&mut silent, &mut half] {
        let ended = tokio::time::timeout(Duration::from_secs(5), stream.read(&mut buffer)).await;
        assert!(ended.is_ok(), "the connection was not ended");
    }
    let mut open = usize::MAX;
    for _ in 0..100 {
        open = server.collector.stats().connections.open;
        if open == 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(open, 0);
}

#[tokio::test]
async fn who_has_sent_no_whole_request_makes_room_for_others() {
    let limits = Limits { max_connections: 20, ..Limits::default() };
    let server = server(limits).await;
    let good = channel(server.address).await;
    export_traces(&good, sample::traces(vec![sample::span(1)]), false).await.unwrap();
    let mut slow = Vec::new();
    for i in 0..19 {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        let half: &[u8] = if i % 2 == 0 {
            b"POST /v1/lo"
        } else {
            b"POST /v1/logs HTTP/1.1\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\nx"
        };
        stream.write_all(half).await.unwrap();
        slow.push(stream);
    }
    tokio::time::sleep(Duration::from_millis(1200)).await;
    // The first to come in are answered, and stay; those that dawdle go one by one, the oldest first.
    let mut later = Vec::new();
    for n in 2..=15 {
        let channel = channel(server.address).await;
        export_traces(&channel, sample::traces(vec![sample::span(n)]), false).await.unwrap();
        later.push(channel);
    }
    export_traces(&good, sample::traces(vec![sample::span(20)]), false).await.unwrap();
    let mut buffer = [0; 16];
    let ended = tokio::time::timeout(Duration::from_secs(5), slow[0].read(&mut buffer)).await;
    assert!(matches!(ended, Ok(Ok(0) | Err(_))), "the oldest has been ended");
    let connections = server.collector.stats().connections;
    assert_eq!((server.store.snapshot().n_rows(Table::Spans), connections.refused, connections.displaced), (16, 0, 14));
}

#[tokio::test]
async fn an_old_connection_ends_with_an_answer_and_not_before() {
    let server = server(Limits { max_connection_age: Duration::from_millis(100), ..Limits::default() }).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let request = "POST /v1/logs HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}";
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut first = [0; 4096];
    let n = stream.read(&mut first).await.unwrap();
    assert!(!String::from_utf8_lossy(&first[..n]).contains("connection: close"));
    tokio::time::sleep(Duration::from_millis(400)).await;
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut rest = String::new();
    stream.read_to_string(&mut rest).await.unwrap();
    assert!(rest.starts_with("HTTP/1.1 200 OK") && rest.contains("connection: close"), "{rest}");
}

#[tokio::test]
async fn shutdown_finishes_requests_in_progress_and_ends() {
    let server = server(Limits::default()).await;
    let idle = channel(server.address).await;
    export_traces(&idle, sample::traces(vec![sample::span(1)]), false).await.unwrap();

    let body = sample::traces(vec![sample::span(2)]).encode_to_vec();
    let mut slow = TcpStream::connect(server.address).await.unwrap();
    let head = format!(
        "POST /v1/traces HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-protobuf\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    slow.write_all(head.as_bytes()).await.unwrap();
    slow.write_all(&body[..10]).await.unwrap();
    tokio::time::sleep(Duration::from_millis(200)).await;

    server.stop.send(()).unwrap();
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(TcpStream::connect(server.address).await.is_err(), "no new connections");
    slow.write_all(&body[10..]).await.unwrap();
    let mut answer = Vec::new();
    slow.read_to_end(&mut answer).await.unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 200 OK"), "{}", String::from_utf8_lossy(&answer));
    tokio::time::timeout(Duration::from_secs(5), server.task).await.unwrap().unwrap();
    assert_eq!(server.store.snapshot().n_rows(Table::Spans), 2);
}

/// Sends `bytes` and waits until the connection ends.
async fn send_raw(address: SocketAddr, bytes: &[u8]) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    _ = stream.shutdown().await;
    _ = stream.read_to_end(&mut Vec::new()).await;
}

#[tokio::test]
async fn what_is_wrong_with_a_connection_or_request_is_noted_with_what_to_change() {
    let server = server(Limits::default()).await;
    let grpc = format!("POST {} HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n", Signal::Traces.grpc_path());
    let table: [(&[u8], Step, &str); 7] = [
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", Step::Connection, "OTEL_EXPORTER_OTLP_INSECURE=true"),
        (b"\x82\x21\x01\x0aemitBatch", Step::Connection, "a Collector in between"),
        (b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n", Step::Request, "OTEL_EXPORTER_OTLP_ENDPOINT"),
        (b"POST /v1/trace HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n", Step::Request, "it is /v1/traces"),
        (
            b"POST /v1/traces HTTP/1.1\r\nhost: x\r\ncontent-type: application/grpc\r\ncontent-length: 0\r\n\r\n",
            Step::Request,
            "gRPC was sent to a path of OTLP/HTTP",
        ),
        (grpc.as_bytes(), Step::Request, "without content-type: application/grpc, over HTTP/1.1"),
        (
            b"POST /v1/traces HTTP/1.1\r\nhost: x\r\ncontent-type: text/csv\r\ncontent-length: 0\r\n\r\n",
            Step::Request,
            "It was text/csv",
        ),
    ];
    for (i, (bytes, expected, words)) in table.into_iter().enumerate() {
        send_raw(server.address, bytes).await;
        let attempts = server.collector.attempts();
        let told = |it: &Attempt| matches!(&it.outcome, Outcome::Stopped { step, fix, .. } if *step == expected && fix.contains(words));
        assert!(attempts.iter().any(told), "{i}: {attempts:?}");
        assert!(attempts.iter().all(|it| it.peer.is_some_and(|peer| peer.ip().is_loopback())));
    }
    let version = server.collector.attempts_version();
    let body = sample::traces(vec![sample::span(1)]).encode_to_vec();
    http1(server.address, "POST /v1/traces HTTP/1.1\r\ncontent-type: application/x-protobuf", &body).await;
    assert!(server.collector.attempts_version() > version);
    let outcomes = server.collector.attempts().into_iter().map(|it| it.outcome);
    let stored =
        outcomes.filter_map(|it| if let Outcome::Stored(stored) = it { Some(stored) } else { None }).next().unwrap();
    assert_eq!((stored.service.as_str(), stored.accepted), ("shop", 1));
    assert_eq!(stored.example, Some(crate::otlp::Example::Span(model::TraceId([1; 16]))));
    let reasons = server.collector.stats().reasons;
    assert!(reasons.len() == 7 && reasons.iter().any(|it| it.fate == Fate::Connection), "{reasons:?}");
}

#[tokio::test]
async fn a_connection_on_which_nothing_comes_is_told_of_until_it_ends() {
    let server = server(Limits::default()).await;
    let silent = TcpStream::connect(server.address).await.unwrap();
    let wait = async |n: usize| {
        for _ in 0..100 {
            if server.collector.attempts().len() == n {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("{:?}", server.collector.attempts());
    };
    wait(1).await;
    assert_eq!(server.collector.attempts()[0].outcome, Outcome::Silent);
    drop(silent);
    wait(0).await;
}
