//! One connection to a receiver of OTLP: HTTP/1.1 with protobuf, or gRPC. A request at a time.

use std::sync::Arc;
use std::time::Duration;

use bytes::buf::Chain;
use bytes::{Buf, Bytes};
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, HOST, TE, USER_AGENT};
use http::uri::Scheme;
use http::{Request, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;

use super::super::Error;
use super::super::payload::{Coding, Payload};
use super::reply::{self, Outcome};

/// How a receiver is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::load) enum Protocol {
    Http,
    Grpc,
}

/// Where requests go.
#[derive(Clone, Debug)]
pub(in crate::load) struct Target {
    /// Host and port.
    authority: String,
    /// Before the signal's path, without a slash at its end.
    prefix: String,
    protocol: Protocol,
}

impl Target {
    /// The target of an address such as `http://127.0.0.1:4318`.
    pub(in crate::load) fn parse(address: &str, protocol: Protocol) -> Result<Self, Error> {
        let wrong = || Error::usage(format!("--to: \"{address}\" is not an address such as http://127.0.0.1:4318"));
        let uri: Uri = address.parse().map_err(|_| wrong())?;
        if uri.scheme() != Some(&Scheme::HTTP) {
            return Err(wrong());
        }
        let authority = uri.authority().ok_or_else(wrong)?;
        let authority = match authority.port() {
            Some(_) => authority.to_string(),
            None => format!("{authority}:80"),
        };
        Ok(Target { authority, prefix: uri.path().trim_end_matches('/').to_owned(), protocol })
    }
}

/// What an exchange may take; a receiver that is this slow is taken to be stuck.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Answers are short; a longer one is not from a receiver.
const MAX_ANSWER: usize = 1 << 20;

/// The prefix of a message in gRPC, and the message. Both are shared, not copied, from attempt to attempt.
type Body = Full<Chain<Bytes, Bytes>>;

enum Sender {
    Http(http1::SendRequest<Body>),
    Grpc(http2::SendRequest<Body>),
}

/// A connection that is made when it is needed, and again after it broke.
pub(super) struct Connection {
    target: Arc<Target>,
    sender: Option<Sender>,
}

type AnyError = Box<dyn std::error::Error + Send + Sync>;

impl Connection {
    pub(super) fn new(target: Arc<Target>) -> Self {
        Connection { target, sender: None }
    }

    /// Sends a request once. A connection that fails counts as "try again": the same bytes do no harm.
    pub(super) async fn send(&mut self, payload: &Payload) -> Outcome {
        let (kind, error) = match tokio::time::timeout(TIMEOUT, self.exchange(payload)).await {
            Ok(Ok(outcome)) => return outcome,
            Ok(Err(error)) if self.sender.is_none() => ("cannot connect", error.to_string()),
            Ok(Err(error)) => ("connection broke", error.to_string()),
            Err(_) => ("timeout", String::new()),
        };
        tracing::debug!(kind, error, "an attempt to send failed");
        self.sender = None;
        Outcome::Later { kind: kind.to_owned(), pause: None }
    }

    async fn exchange(&mut self, payload: &Payload) -> Result<Outcome, AnyError> {
        if self.sender.is_none() {
            self.sender = Some(connect(&self.target).await?);
        }
        let request = request(&self.target, payload)?;
        let response = match self.sender.as_mut().ok_or("not connected")? {
            Sender::Http(sender) => {
                sender.ready().await?;
                sender.send_request(request).await?
            }
            Sender::Grpc(sender) => {
                sender.ready().await?;
                sender.send_request(request).await?
            }
        };
        let (head, body) = response.into_parts();
        let body = Limited::new(body, MAX_ANSWER).collect().await?;
        let trailers = body.trailers().cloned();
        let message = body.to_bytes();
        Ok(match self.target.protocol {
            Protocol::Http => reply::of_http(head.status.as_u16(), &head.headers, &message),
            Protocol::Grpc if head.status != 200 => reply::of_http(head.status.as_u16(), &head.headers, &message),
            Protocol::Grpc => reply::of_grpc(trailers.as_ref().unwrap_or(&head.headers), &message),
        })
    }
}

async fn connect(target: &Target) -> Result<Sender, AnyError> {
    let stream = TcpStream::connect(&target.authority).await?;
    stream.set_nodelay(true)?;
    let io = TokioIo::new(stream);
    // The task ends with its connection.
    Ok(match target.protocol {
        Protocol::Http => {
            let (sender, connection) = http1::handshake(io).await?;
            tokio::spawn(connection);
            Sender::Http(sender)
        }
        Protocol::Grpc => {
            let (sender, connection) = http2::handshake(TokioExecutor::new(), io).await?;
            tokio::spawn(connection);
            Sender::Grpc(sender)
        }
    })
}

fn request(target: &Target, payload: &Payload) -> Result<Request<Body>, http::Error> {
    let Target { authority, prefix, protocol } = target;
    let coding = payload.coding;
    let builder = Request::post(match protocol {
        Protocol::Http => format!("{prefix}{}", payload.signal.http_path()),
        Protocol::Grpc => format!("http://{authority}{}", payload.signal.grpc_path()),
    });
    let mut builder = builder.header(USER_AGENT, concat!("haechi-load/", env!("CARGO_PKG_VERSION")));
    let prefix = match protocol {
        Protocol::Http => {
            builder = builder.header(HOST, authority).header(CONTENT_TYPE, "application/x-protobuf");
            if coding != Coding::None {
                builder = builder.header(CONTENT_ENCODING, coding.name());
            }
            Bytes::new()
        }
        Protocol::Grpc => {
            builder = builder.header(CONTENT_TYPE, "application/grpc").header(TE, "trailers");
            if coding != Coding::None {
                builder = builder.header("grpc-encoding", coding.name());
            }
            let mut prefix = vec![u8::from(coding != Coding::None)];
            prefix.extend_from_slice(&(payload.body.len() as u32).to_be_bytes());
            Bytes::from(prefix)
        }
    };
    builder.body(Full::new(prefix.chain(payload.body.clone())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_have_a_host_and_perhaps_a_port_and_a_path() {
        let table = [
            ("http://127.0.0.1:4318", Some(("127.0.0.1:4318", ""))),
            ("http://otel/otlp/", Some(("otel:80", "/otlp"))),
            ("https://otel", None),
            ("127.0.0.1:4318", None),
            ("", None),
        ];
        for (address, expected) in table {
            let found = Target::parse(address, Protocol::Http).ok().map(|it| (it.authority, it.prefix));
            assert_eq!(
                found,
                expected.map(|(authority, prefix)| (authority.to_owned(), prefix.to_owned())),
                "{address}"
            );
        }
    }
}
