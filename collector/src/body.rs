//! Receives a request body: capped, timed, counted against the budget of all requests. `coding` decompresses it then.

use std::time::Duration;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;

use crate::limits::Admission;
use crate::refusal::Refusal;

/// Reads all of `body`, at most `limit` bytes of it.
///
/// The rest of a body that is refused is read and thrown away for as long as the timeout allows: a client that is
/// still writing does not see the reply when the stream is reset or the connection is closed under it.
pub(crate) async fn read(
    mut body: Body,
    limit: usize,
    timeout: Duration,
    admission: &mut Admission,
) -> Result<Bytes, Refusal> {
    let mut collected = BytesMut::new();
    let mut single = Bytes::new();
    let mut size = 0;
    let mut refusal = None;
    let reading = async {
        while let Some(frame) = body.frame().await {
            let Ok(data) = frame.map_err(|_| Refusal::Aborted)?.into_data() else { continue };
            size += data.len();
            if refusal.is_some() {
                continue;
            }
            if size > limit {
                refusal = Some(Refusal::TooLarge { limit });
            } else if let Err(overloaded) = admission.cover(size) {
                refusal = Some(overloaded.into());
            } else if single.is_empty() && collected.is_empty() {
                single = data;
            } else {
                collected.extend_from_slice(&std::mem::take(&mut single));
                collected.extend_from_slice(&data);
            }
            if refusal.is_some() {
                collected = BytesMut::new();
                single = Bytes::new();
            }
        }
        Ok(())
    };
    match tokio::time::timeout(timeout, reading).await {
        Ok(Ok(())) => {}
        Ok(Err(aborted)) => return Err(aborted),
        Err(_) if refusal.is_none() => return Err(Refusal::SlowBody(timeout.as_secs())),
        Err(_) => {}
    }
    match refusal {
        Some(refusal) => Err(refusal),
        None if collected.is_empty() => Ok(single),
        None => Ok(collected.freeze()),
    }
}
