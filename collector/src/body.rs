//! Receives a request body: capped, timed, counted against the budget of all requests. `coding` decompresses it then.

use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http::header::EXPECT;
use http_body_util::BodyExt;

use crate::limits::Admission;
use crate::refusal::Refusal;

/// A body on its way in.
pub(crate) struct Arriving {
    body: Body,
    /// The client sends the body once it is told to go on (RFC 9110, 10.1.1), which the first read does.
    is_held_back: bool,
}

impl Arriving {
    /// The body of `request`, and what comes before it, as a request without a body.
    pub(crate) fn split(request: Request) -> (Request<()>, Self) {
        let (parts, body) = request.into_parts();
        let is_held_back = expects_to_be_asked(&parts.headers);
        (Request::from_parts(parts, ()), Arriving { body, is_held_back })
    }

    /// Reads all of it, at most `limit` bytes. Whoever refuses the request then calls [`Arriving::discard`].
    pub(crate) async fn read(
        &mut self,
        limit: usize,
        timeout: Duration,
        admission: &mut Admission,
    ) -> Result<Bytes, Refusal> {
        self.is_held_back = false;
        let reading = collect(&mut self.body, limit, admission);
        tokio::time::timeout(timeout, reading).await.unwrap_or(Err(Refusal::SlowBody(timeout.as_secs())))
    }

    /// Reads and throws away what is left of the body of a request that was refused, for `timeout` at most: a client that is
    /// still writing does not see the answer when the connection is closed under it, or the stream reset (RFC 9112, 9.6).
    pub(crate) async fn discard(mut self, refusal: &Refusal, timeout: Duration) {
        if self.is_held_back || matches!(refusal, Refusal::SlowBody(_) | Refusal::Aborted) {
            return;
        }
        let reading = async { while let Some(Ok(_)) = self.body.frame().await {} };
        _ = tokio::time::timeout(timeout, reading).await;
    }
}

fn expects_to_be_asked(headers: &HeaderMap) -> bool {
    headers.get(EXPECT).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"100-continue"))
}

async fn collect(body: &mut Body, limit: usize, admission: &mut Admission) -> Result<Bytes, Refusal> {
    let mut collected = BytesMut::new();
    let mut single = Bytes::new();
    let mut size = 0;
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| Refusal::Aborted)?.into_data() else { continue };
        size += data.len();
        if size > limit {
            return Err(Refusal::TooLarge { limit });
        }
        admission.cover(size)?;
        if single.is_empty() && collected.is_empty() {
            single = data;
        } else {
            collected.extend_from_slice(&std::mem::take(&mut single));
            collected.extend_from_slice(&data);
        }
    }
    Ok(if collected.is_empty() { single } else { collected.freeze() })
}
