//! Connections to a receiver: HTTP/1.1 or HTTP/2 with prior knowledge, without TLS.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::HOST;
use http_body_util::BodyExt;
use hyper::body::{Body, Frame, SizeHint};
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;
use tokio::sync::{Mutex, oneshot};
use tokio::task::JoinHandle;

use crate::reply::{MOST_READ, Reply};
use crate::request::Request;

/// How long a reply may take once the request is sent. SDKs give up after ten seconds by default.
const PATIENCE: Duration = Duration::from_secs(20);

/// What a second of sending carries at least, in bytes: a slow network is no fault of the receiver.
const SLOWEST: usize = 1 << 20;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Version {
    Http1,
    Http2,
}

/// A connection; it is closed on drop.
pub(crate) struct Connection {
    address: String,
    sender: Sender,
    driver: JoinHandle<()>,
}

enum Sender {
    Http1(Box<Mutex<http1::SendRequest<Payload>>>),
    Http2(http2::SendRequest<Payload>),
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

impl Connection {
    pub(crate) async fn open(address: &str, version: Version) -> Result<Self, String> {
        let connecting = async {
            let stream = TcpStream::connect(address).await.map_err(|error| format!("cannot connect: {error}"))?;
            stream.set_nodelay(true).map_err(|error| format!("cannot set TCP_NODELAY: {error}"))?;
            let io = TokioIo::new(stream);
            let failed = |error: hyper::Error| format!("the connection could not be set up: {error}");
            Ok::<_, String>(match version {
                Version::Http1 => {
                    let (sender, connection) = http1::handshake(io).await.map_err(failed)?;
                    let driver = tokio::spawn(async move { drop(connection.await) });
                    (Sender::Http1(Box::new(Mutex::new(sender))), driver)
                }
                Version::Http2 => {
                    let handshake = http2::Builder::new(TokioExecutor::new()).handshake(io);
                    let (sender, connection) = handshake.await.map_err(failed)?;
                    let driver = tokio::spawn(async move { drop(connection.await) });
                    (Sender::Http2(sender), driver)
                }
            })
        };
        let (sender, driver) =
            tokio::time::timeout(PATIENCE, connecting).await.map_err(|_| "connecting took too long".to_owned())??;
        Ok(Connection { address: address.to_owned(), sender, driver })
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Sends a request and reads its reply whole.
    pub(crate) async fn send(&self, request: Request) -> Result<Reply, String> {
        let patience = PATIENCE + Duration::from_secs((request.size() / SLOWEST) as u64);
        let waited = tokio::time::timeout(patience, self.exchange(request)).await;
        waited.map_err(|_| format!("no reply within {} s", patience.as_secs()))?
    }

    async fn exchange(&self, request: Request) -> Result<Reply, String> {
        let (protocol, signal) = (request.protocol, request.signal);
        let request = self.prepare(request)?;
        let gone = |error: hyper::Error| format!("no reply: {}", chain(&error));
        let response = match &self.sender {
            Sender::Http1(sender) => {
                let mut sender = sender.lock().await;
                sender.ready().await.map_err(gone)?;
                sender.send_request(request).await.map_err(gone)?
            }
            Sender::Http2(sender) => {
                let mut sender = sender.clone();
                sender.ready().await.map_err(gone)?;
                sender.send_request(request).await.map_err(gone)?
            }
        };
        let (parts, mut incoming) = response.into_parts();
        let (mut body, mut trailers) = (BytesMut::new(), None);
        while let Some(frame) = incoming.frame().await {
            // A reset after the trailers says that the rest of the request is not wanted; before them it is an error.
            let frame = frame.map_err(|error| format!("the reply broke off: {}", chain(&error)))?;
            match frame.into_data() {
                Ok(data) if body.len() + data.len() > MOST_READ => {
                    return Err(format!("the reply is larger than {MOST_READ} bytes"));
                }
                Ok(data) => body.extend_from_slice(&data),
                Err(frame) => trailers = frame.into_trailers().ok(),
            }
        }
        Ok(Reply::new(protocol, signal, parts.status.as_u16(), parts.headers, body.freeze(), trailers))
    }

    fn prepare(&self, request: Request) -> Result<http::Request<Payload>, String> {
        let mut builder = http::Request::builder().method(request.method.clone());
        builder = match self.sender {
            Sender::Http1(_) => builder.uri(&request.path).header(HOST, &self.address),
            Sender::Http2(_) => builder.uri(format!("http://{}{}", self.address, request.path)),
        };
        for (name, value) in &request.headers {
            builder = builder.header(name, value);
        }
        let length = request.sized.then(|| request.size() as u64);
        let payload = Payload { pieces: request.body.into(), length, gate: request.gate };
        builder.body(payload).map_err(|error| format!("the request cannot be made: {error}"))
    }
}

/// An error with what caused it.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(&format!(": {error}"));
        source = error.source();
    }
    text
}

/// The body of a request: its pieces, then what comes through the gate.
struct Payload {
    pieces: VecDeque<Bytes>,
    length: Option<u64>,
    gate: Option<oneshot::Receiver<Bytes>>,
}

impl Body for Payload {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        while let Some(piece) = self.pieces.pop_front() {
            if !piece.is_empty() {
                return Poll::Ready(Some(Ok(Frame::data(piece))));
            }
        }
        let Some(gate) = &mut self.gate else { return Poll::Ready(None) };
        let opened = std::task::ready!(Pin::new(gate).poll(context));
        self.gate = None;
        Poll::Ready(opened.ok().map(|rest| Ok(Frame::data(rest))))
    }

    fn is_end_stream(&self) -> bool {
        self.gate.is_none() && self.pieces.iter().all(Bytes::is_empty)
    }

    fn size_hint(&self) -> SizeHint {
        self.length.map_or_else(SizeHint::new, SizeHint::with_exact)
    }
}
