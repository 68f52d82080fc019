//! Connections: HTTP/1.1 and HTTP/2 without TLS, gRPC and OTLP/HTTP, all on one port.
//!
//! Served by hyper-util rather than by axum or tonic, because every limit of HTTP/2 and every timeout is set here in
//! words; tonic's own server lifts two of hyper's limits.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::response::Response;
use http::header::CONNECTION;
use http::{HeaderValue, Version};
use hyper::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tower::ServiceExt;

use crate::collector::Collector;
use crate::fairness::Peer;
use crate::limits::Limits;
use crate::{grpc, http as otlp_http};

mod connections;
mod first_bytes;
mod idle;

pub(crate) use connections::Connections;
use connections::Place;
use first_bytes::FirstBytes;
use idle::IdleTimeout;

/// Requests in progress on one HTTP/2 connection.
const MAX_STREAMS: u32 = 256;
/// Streams that we reset because of what the client sent, before the connection is ended (CVE-2025-8671).
const MAX_LOCAL_ERROR_RESETS: usize = 1024;
/// Streams that the client reset before we looked at them (CVE-2023-44487).
const MAX_PENDING_RESETS: usize = 20;
const MAX_HEADER_LIST: u32 = 32 << 10;
const STREAM_WINDOW: u32 = 1 << 20;
const CONNECTION_WINDOW: u32 = 4 << 20;
const PING_INTERVAL: Duration = Duration::from_secs(20);
const PING_TIMEOUT: Duration = Duration::from_secs(20);

/// Answers OTLP on `listener` until `shutdown` completes: then it stops accepting, lets requests in progress finish,
/// and returns when the last connection has ended or [`Limits::shutdown_grace`] is over.
pub async fn serve(listener: TcpListener, collector: Arc<Collector>, shutdown: impl Future<Output = ()>) {
    let (stop, stopped) = watch::channel(false);
    let router = otlp_http::router(Arc::clone(&collector));
    let mut connections = JoinSet::new();
    let mut shutdown = pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            () = &mut shutdown => break,
            Some(_) = connections.join_next(), if !connections.is_empty() => continue,
            accepted = listener.accept() => accepted,
        };
        let (stream, peer) = match accepted {
            Ok((stream, address)) => (stream, Peer::from(address)),
            Err(error) => {
                pause_after(&error).await;
                continue;
            }
        };
        let Some(place) = collector.connections().admit() else {
            collector.ledger().refused_connections += 1;
            continue;
        };
        collector.note_connection(peer.address());
        connections.spawn(serve_connection(
            stream,
            peer,
            place,
            Arc::clone(&collector),
            router.clone(),
            stopped.clone(),
        ));
    }
    drop(listener);
    stop.send_replace(true);
    let drained = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(collector.limits().shutdown_grace, drained).await.is_err() {
        tracing::warn!(connections = connections.len(), "connections were still open at the end of the grace period");
    }
}

/// Waits after an error of `accept` that stays for a while, such as having no descriptors left.
async fn pause_after(error: &io::Error) {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    if !matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset) {
        tracing::warn!(%error, "accepting a connection failed");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

async fn serve_connection(
    stream: TcpStream,
    peer: Peer,
    place: Place,
    collector: Arc<Collector>,
    router: Router,
    mut stopped: watch::Receiver<bool>,
) {
    // Replies are small; waiting to fill a packet would only delay them.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "TCP_NODELAY was not set");
    }
    let limits = collector.limits().clone();
    let stream = IdleTimeout::new(stream, limits.idle_timeout);
    let io = TokioIo::new(FirstBytes::new(stream, Arc::clone(&collector), peer.address()));
    let builder = builder(&limits);
    let is_old = Arc::new(AtomicBool::new(false));
    let open = Arc::clone(&place.connection);
    let service = service_fn({
        let is_old = Arc::clone(&is_old);
        move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(peer);
            let (collector, router) = (Arc::clone(&collector), router.clone());
            let (open, is_old) = (Arc::clone(&open), Arc::clone(&is_old));
            async move {
                let is_http2 = request.version() == Version::HTTP_2;
                let in_progress = open.begins(is_http2);
                let request = request.map(|body| Body::new(open.watch(body)));
                let mut response = answer(&collector, router, request).await;
                in_progress.answered();
                if is_old.load(Ordering::Relaxed) && !is_http2 {
                    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
                }
                Ok::<_, Infallible>(response)
            }
        }
    });
    let mut connection = pin!(builder.serve_connection(io, service));
    let mut age = pin!(tokio::time::sleep(limits.max_connection_age));
    let finished = loop {
        tokio::select! {
            finished = connection.as_mut() => break Some(finished),
            _ = stopped.wait_for(|stopped| *stopped) => break None,
            () = place.connection.told_to_go() => return,
            () = &mut age, if !is_old.load(Ordering::Relaxed) => {
                is_old.store(true, Ordering::Relaxed);
                // HTTP/2 says that it ends, and loses no request. Over HTTP/1 the next answer says so: an idle connection that
                // is closed meets a request on its way often enough.
                if place.connection.is_http2() {
                    break None;
                }
            }
        }
    };
    let finished = match finished {
        Some(finished) => finished,
        None => {
            connection.as_mut().graceful_shutdown();
            // A client that neither sends nor ends is cut off by the idle timeout, one that never ends by this.
            let limit = limits.body_timeout + limits.idle_timeout;
            tokio::time::timeout(limit, connection).await.unwrap_or(Ok(()))
        }
    };
    if let Err(error) = finished {
        tracing::debug!(error, "connection ended with an error");
    }
}

/// A server of HTTP/1.1 and HTTP/2 with every limit stated.
fn builder(limits: &Limits) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(limits.idle_timeout).max_buf_size(64 << 10);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(MAX_STREAMS)
        .max_local_error_reset_streams(MAX_LOCAL_ERROR_RESETS)
        .max_pending_accept_reset_streams(MAX_PENDING_RESETS)
        .max_header_list_size(MAX_HEADER_LIST)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(PING_TIMEOUT);
    builder
}

async fn answer(collector: &Arc<Collector>, router: Router, request: Request<Body>) -> Response {
    if grpc::is_grpc(request.headers()) {
        return grpc::answer(collector, request).await;
    }
    match router.oneshot(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    }
}

#[cfg(test)]
mod tests;
