//! The pages over a real store: with data, without any, and with the names and texts that an attacker would send.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod backtests;
mod compare;
mod deliveries;
mod fixture;
mod hostile;
mod ingest;
mod ladder;
mod pages;
mod payload;
mod silences;
mod trace;
mod waterfall;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode, header};
use http_body_util::BodyExt;
use model::Nanos;
use tower::ServiceExt;

/// The time that the clock of the tests shows: 2026-11-22T16:04:05Z.
const NOW: Nanos = 1_795_363_445_000_000_000;

fn clock() -> Nanos {
    NOW
}

/// An answer, read to its end.
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Answer {
    fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    fn header(&self, name: header::HeaderName) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

async fn get(router: &Router, path: &str) -> Answer {
    get_with(router, path, &[]).await
}

async fn get_with(router: &Router, path: &str, headers: &[(header::HeaderName, &str)]) -> Answer {
    let mut request = Request::get(path);
    for (name, value) in headers {
        request = request.header(name, *value);
    }
    let response = router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes().to_vec();
    Answer { status: parts.status, headers: parts.headers, body }
}
