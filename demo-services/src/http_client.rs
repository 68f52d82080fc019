//! Calling another service over HTTP: a client span and a duration per call, and the trace context in its headers.

use std::time::{Duration, Instant};

use http::{HeaderMap, Method, StatusCode};
use opentelemetry::KeyValue;
use opentelemetry::trace::{FutureExt, SpanBuilder, SpanKind, Status, TraceContextExt};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::DemoError;
use crate::peer::Peer;
use crate::telemetry::attributes::{
    ERROR_TYPE, HTTP_REQUEST_METHOD, HTTP_REQUEST_RESEND_COUNT, HTTP_RESPONSE_STATUS_CODE, SERVER_ADDRESS, SERVER_PORT,
    URL_FULL, URL_TEMPLATE,
};
use crate::telemetry::{Telemetry, inject, record_since};

/// Calls one service.
#[derive(Clone)]
pub(crate) struct HttpClient {
    client: reqwest::Client,
    telemetry: Telemetry,
    peer: Peer,
    timeout: Duration,
}

/// One call.
pub(crate) struct Call {
    pub(crate) method: Method,
    /// The path with its parameters by name, for span names.
    pub(crate) template: &'static str,
    pub(crate) path: String,
    /// The JSON body, if the call has one.
    pub(crate) body: Option<Vec<u8>>,
    /// 4xx answers that are part of the conversation and not an error of this call: a seat that is taken.
    pub(crate) expected: &'static [u16],
    /// How many times the call was sent before.
    pub(crate) resend_count: u32,
}

impl Call {
    pub(crate) fn get(template: &'static str, path: String) -> Self {
        Self { method: Method::GET, template, path, body: None, expected: &[], resend_count: 0 }
    }

    /// Returns a call with a body that is JSON already.
    pub(crate) fn post(template: &'static str, path: String, body: Vec<u8>) -> Self {
        Self { method: Method::POST, body: Some(body), ..Self::get(template, path) }
    }

    /// Returns a call with a body written as JSON.
    pub(crate) fn post_json(template: &'static str, path: String, body: &impl Serialize) -> Self {
        let body = serde_json::to_vec(body).expect("the bodies of calls are plain structs, which always serialise");
        Self::post(template, path, body)
    }

    pub(crate) fn expecting(self, expected: &'static [u16]) -> Self {
        Self { expected, ..self }
    }
}

/// An answer, whatever its status.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    /// Returns the body read as JSON.
    pub(crate) fn json<T: DeserializeOwned>(&self) -> Result<T, CallError> {
        serde_json::from_slice(&self.body).map_err(|error| CallError::Body(error.to_string()))
    }
}

/// Why a call has no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CallError {
    #[error("no answer within {} ms", .0.as_millis())]
    Timeout(Duration),
    #[error("no connection")]
    Connect,
    #[error("the connection broke: {0}")]
    Broken(String),
    #[error("the answer's body is not what was expected: {0}")]
    Body(String),
}

impl CallError {
    fn error_type(&self) -> &'static str {
        match self {
            Self::Timeout(_) => "timeout",
            Self::Connect => "connection_refused",
            Self::Broken(_) => "connection_broken",
            Self::Body(_) => "invalid_body",
        }
    }
}

impl HttpClient {
    pub(crate) fn new(telemetry: &Telemetry, peer: &Peer, timeout: Duration) -> Result<Self, DemoError> {
        Ok(Self { client: plain_client()?, telemetry: telemetry.clone(), peer: peer.clone(), timeout })
    }

    /// Returns the answer of a call; a status of any kind is an answer.
    pub(crate) async fn call(&self, call: Call) -> Result<Reply, CallError> {
        let started = Instant::now();
        let mut recorded = vec![
            KeyValue::new(HTTP_REQUEST_METHOD, call.method.to_string()),
            KeyValue::new(URL_TEMPLATE, call.template),
            KeyValue::new(SERVER_ADDRESS, self.peer.host().to_owned()),
            KeyValue::new(SERVER_PORT, i64::from(self.peer.port())),
        ];
        let url = self.peer.url(&call.path);
        let mut attributes = recorded.clone();
        attributes.push(KeyValue::new(URL_FULL, url.clone()));
        if call.resend_count > 0 {
            attributes.push(KeyValue::new(HTTP_REQUEST_RESEND_COUNT, i64::from(call.resend_count)));
        }
        let name = format!("{} {}", call.method, call.template);
        let span = SpanBuilder::from_name(name).with_kind(SpanKind::Client).with_attributes(attributes);
        let context = self.telemetry.start(span);
        let mut headers = HeaderMap::new();
        inject(&context, &mut headers);

        let expected = call.expected;
        let result = self.send(call, url, headers).with_context(context.clone()).await;
        let outcome = match &result {
            Ok(reply) => {
                let code = reply.status.as_u16();
                recorded.push(KeyValue::new(HTTP_RESPONSE_STATUS_CODE, i64::from(code)));
                let refused =
                    (reply.status.is_client_error() && !expected.contains(&code)) || reply.status.is_server_error();
                refused.then(|| (reply.status.as_str().to_owned(), String::new()))
            }
            Err(error) => Some((error.error_type().to_owned(), error.to_string())),
        };
        let span = context.span();
        if let Some((error_type, description)) = outcome {
            recorded.push(KeyValue::new(ERROR_TYPE, error_type));
            span.set_status(Status::error(description));
        }
        // The first four are on the span since its start.
        span.set_attributes(recorded[4..].iter().cloned());
        record_since(&self.telemetry.http_client_duration, started, &recorded);
        span.end();
        result
    }

    async fn send(&self, call: Call, url: String, headers: HeaderMap) -> Result<Reply, CallError> {
        let mut request = self.client.request(call.method, url).headers(headers).timeout(self.timeout);
        if let Some(body) = call.body {
            request = request.header(http::header::CONTENT_TYPE, "application/json").body(body);
        }
        let response = request.send().await.map_err(|error| self.error(&error))?;
        let status = response.status();
        let body = response.bytes().await.map_err(|error| self.error(&error))?;
        Ok(Reply { status, body: body.to_vec() })
    }

    fn error(&self, error: &reqwest::Error) -> CallError {
        if error.is_timeout() {
            CallError::Timeout(self.timeout)
        } else if error.is_connect() {
            CallError::Connect
        } else {
            CallError::Broken(error.to_string())
        }
    }
}

/// Returns a client for services nearby: no TLS roots to load, and never a proxy, which the environment could name.
pub(crate) fn plain_client() -> Result<reqwest::Client, DemoError> {
    reqwest::Client::builder()
        .no_proxy()
        .tls_built_in_root_certs(false)
        .user_agent(concat!("box-office/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(DemoError::HttpClient)
}
