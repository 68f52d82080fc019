//! What a test works with: the receiver, the protocol, fresh telemetry, and a note of what was sent and came back.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

use crate::client::{Connection, Version};
use crate::gzip::gzip;
use crate::message::Message;
use crate::protocol::{Protocol, Signal};
use crate::reply::Reply;
use crate::request::{Flaw, Request};
use crate::rule::Miss;
use crate::target::{Options, Target};

/// A request with its reply, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Exchange {
    pub(crate) sent: String,
    pub(crate) got: String,
}

/// A reply of the run, for the rules about all replies.
#[derive(Clone)]
pub(crate) struct Observation {
    pub(crate) exchange: Exchange,
    /// The content type of the request without parameters, in lower case.
    pub(crate) request_type: String,
    pub(crate) asked_for_gzip: bool,
    /// Whether the request broke the framing of gRPC or its compression, for which libraries answer with INTERNAL.
    pub(crate) breaks_framing: bool,
    pub(crate) flaw: Flaw,
    pub(crate) reply: Reply,
}

/// What all tests of a run share.
pub(crate) struct Shared {
    pub(crate) target: Target,
    pub(crate) options: Options,
    counter: AtomicU64,
    observations: Mutex<Vec<Observation>>,
}

impl Shared {
    pub(crate) fn new(target: Target, options: Options) -> Self {
        Shared { target, options, counter: AtomicU64::new(1), observations: Mutex::new(Vec::new()) }
    }

    pub(crate) fn observations(&self) -> Vec<Observation> {
        self.observations.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// One test over one protocol.
pub(crate) struct Probe {
    pub(crate) shared: Arc<Shared>,
    pub(crate) protocol: Protocol,
    last: Mutex<Option<Exchange>>,
}

impl Probe {
    pub(crate) fn new(shared: Arc<Shared>, protocol: Protocol) -> Self {
        Probe { shared, protocol, last: Mutex::new(None) }
    }

    /// The last request that was sent and what came back, or what a test noted instead.
    pub(crate) fn last_exchange(&self) -> Option<Exchange> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn note(&self, exchange: Exchange) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(exchange);
    }

    /// A number that no other test of this run has.
    pub(crate) fn fresh(&self) -> u64 {
        self.shared.counter.fetch_add(1, Ordering::Relaxed)
    }

    pub(crate) fn now(&self) -> u64 {
        self.shared.options.now
    }

    /// The signals that the receiver takes.
    pub(crate) fn signals(&self) -> impl Iterator<Item = Signal> {
        self.shared.options.signals.iter().copied()
    }

    pub(crate) fn takes(&self, signal: Signal) -> bool {
        self.signals().any(|it| it == signal)
    }

    /// The signal for rules that are about none: log records, or what the receiver takes.
    pub(crate) fn any(&self) -> Signal {
        let first = self.signals().next().unwrap_or(Signal::Logs);
        if self.takes(Signal::Logs) { Signal::Logs } else { first }
    }

    pub(crate) fn max_body(&self) -> usize {
        self.shared.options.max_body
    }

    /// A request with a body that is given in the encoding of the protocol.
    pub(crate) fn post(&self, signal: Signal, body: impl Into<Bytes>) -> Request {
        Request::post(self.protocol, signal, body)
    }

    /// A request with this message.
    pub(crate) fn export(&self, signal: Signal, message: &Message) -> Request {
        self.post(signal, self.encode(message))
    }

    pub(crate) fn encode(&self, message: &Message) -> Vec<u8> {
        match self.protocol {
            Protocol::HttpJson => message.json().to_string().into_bytes(),
            Protocol::Grpc | Protocol::HttpProtobuf => message.protobuf(),
        }
    }

    /// A request whose body is compressed already, by the coding of this name.
    pub(crate) fn coded(&self, signal: Signal, coding: &str, body: impl Into<Bytes>) -> Request {
        let request = self.post(signal, Bytes::new()).body(body);
        match self.protocol {
            Protocol::Grpc => request.framed(1).header("grpc-encoding", coding),
            Protocol::HttpProtobuf | Protocol::HttpJson => request.header("content-encoding", coding),
        }
    }

    pub(crate) fn gzipped(&self, signal: Signal, message: &Message) -> Request {
        self.coded(signal, "gzip", gzip(&self.encode(message)))
    }

    fn address(&self, protocol: Protocol) -> Result<&str, Miss> {
        let address = self.shared.target.address(protocol);
        address.ok_or_else(|| Miss::NotApplicable("no address of this protocol was given".to_owned()))
    }

    /// A connection as this protocol has it by default: HTTP/1.1, for gRPC HTTP/2.
    pub(crate) async fn connect(&self) -> Result<Connection, Miss> {
        let version = if self.protocol == Protocol::Grpc { Version::Http2 } else { Version::Http1 };
        self.connect_to(self.protocol, version).await
    }

    pub(crate) async fn connect_to(&self, protocol: Protocol, version: Version) -> Result<Connection, Miss> {
        Connection::open(self.address(protocol)?, version).await.map_err(|error| {
            self.note(Exchange { sent: "a new connection".to_owned(), got: error.clone() });
            Miss::Broken(error)
        })
    }

    /// Sends a request on a connection of its own.
    pub(crate) async fn send(&self, request: Request) -> Result<Reply, Miss> {
        self.send_on(&self.connect().await?, request).await
    }

    pub(crate) async fn send_on(&self, connection: &Connection, request: Request) -> Result<Reply, Miss> {
        if let Some(signal) = request.signal.filter(|signal| !self.takes(*signal)) {
            return Miss::not_applicable(format!("the receiver is not tested for {}", signal.name()));
        }
        let request = self.complete(request);
        let sent = request.describe();
        // Not what was sent to the port of the other transport: that one need not know this protocol.
        let at_home = self.shared.target.address(self.protocol) == Some(connection.address());
        let observed = at_home && request.protocol == self.protocol && request.method == http::Method::POST;
        let request_type = request.header_value("content-type").unwrap_or_default();
        let request_type = request_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let asks = |name: &str| request.header_value(name).is_some_and(|value| value.contains("gzip"));
        let asked_for_gzip = asks("accept-encoding") || asks("grpc-accept-encoding");
        let (breaks_framing, flaw) = (request.breaks_framing(), request.flaw);
        match connection.send(self.with_target(request)).await {
            Ok(reply) => {
                let exchange = Exchange { sent, got: reply.describe() };
                self.note(exchange.clone());
                if observed {
                    let reply = reply.clone();
                    let observation =
                        Observation { exchange, request_type, asked_for_gzip, breaks_framing, flaw, reply };
                    self.shared.observations.lock().unwrap_or_else(PoisonError::into_inner).push(observation);
                }
                Ok(reply)
            }
            Err(error) => {
                self.note(Exchange { sent, got: error.clone() });
                Err(Miss::Broken(error))
            }
        }
    }

    /// The request with the path's prefix.
    fn complete(&self, mut request: Request) -> Request {
        if request.protocol != Protocol::Grpc {
            request.path.insert_str(0, &self.shared.target.http_prefix);
        }
        request
    }

    /// The request with the headers of the target, which are not shown. A preflight has none of them, as in browsers.
    fn with_target(&self, mut request: Request) -> Request {
        if request.method != http::Method::OPTIONS {
            request.headers.extend(self.shared.target.headers.iter().cloned());
        }
        request
    }
}
