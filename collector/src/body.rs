//! Receives a request body: capped, timed, counted against the budget of all requests, decompressed.
//!
//! Compressed bytes are collected first and inflated in one go, chunk by chunk into a buffer that refuses the first
//! byte over the cap, so a bomb costs no more memory than an honest body. What a body claims about its size is used
//! to refuse, never to allocate.

use std::io::{self, Write};
use std::time::Duration;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use flate2::write::MultiGzDecoder;
use http_body_util::BodyExt;

use crate::limits::Admission;
use crate::refusal::Refusal;

/// How a body is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Coding {
    Identity,
    Gzip,
}

impl Coding {
    /// The coding of a `content-encoding` or `grpc-encoding`, or `None` when it is not one of ours.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        match name.trim().to_ascii_lowercase().as_str() {
            "" | "identity" => Some(Coding::Identity),
            "gzip" | "x-gzip" => Some(Coding::Gzip),
            _ => None,
        }
    }
}

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

/// Undoes `coding`. All members of a gzip body are read, and nothing but members may follow.
pub(crate) fn decompress(
    body: Bytes,
    coding: Coding,
    limit: usize,
    admission: &mut Admission,
) -> Result<Bytes, Refusal> {
    if coding == Coding::Identity || body.is_empty() {
        return Ok(body);
    }
    let already = body.len();
    let mut decoder = MultiGzDecoder::new(CappedBuffer { bytes: Vec::new(), limit, already, admission, refusal: None });
    let written = decoder.write_all(&body).and_then(|()| decoder.try_finish());
    if let Some(refusal) = decoder.get_mut().refusal.take() {
        return Err(refusal);
    }
    written.map_err(|_| Refusal::Gzip)?;
    Ok(std::mem::take(&mut decoder.get_mut().bytes).into())
}

/// Takes bytes up to `limit` and as far as the budget goes.
struct CappedBuffer<'a> {
    bytes: Vec<u8>,
    limit: usize,
    /// Bytes of the request that are covered already.
    already: usize,
    admission: &'a mut Admission,
    refusal: Option<Refusal>,
}

impl Write for CappedBuffer<'_> {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        let size = self.bytes.len() + data.len();
        if size > self.limit {
            self.refusal = Some(Refusal::TooLarge { limit: self.limit });
        } else if self.admission.cover(self.already + size).is_err() {
            self.refusal = Some(Refusal::Overloaded);
        } else {
            self.bytes.extend_from_slice(data);
            return Ok(data.len());
        }
        Err(io::Error::other("refused"))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
