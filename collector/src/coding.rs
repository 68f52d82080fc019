//! What a body may be compressed with, and how that is undone.
//!
//! Compressed bytes are collected first and inflated in one go, piece by piece into a buffer that refuses the first byte
//! over the cap, so a bomb costs no more memory than an honest body. What a body claims about its size is used to refuse,
//! never to allocate beyond the cap. A body that ends early, or goes on after its end, is refused: half of it would
//! be acknowledged otherwise.

use std::io::{self, Read, Write};

use bytes::Bytes;
use flate2::write::MultiGzDecoder;
use flate2::{Decompress, FlushDecompress, Status};
use zstd::stream::raw::{Decoder, InBuffer, Operation, OutBuffer};

use crate::limits::{Admission, Lent};
use crate::refusal::Refusal;

/// How a body is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Coding {
    Identity,
    Gzip,
    Zstd,
    /// The zlib format, which is what HTTP calls deflate (RFC 9110, 8.4.1.2).
    Deflate,
    /// Either format of Snappy, told apart by the first bytes: the block, which Prometheus sends, or framed, which is what
    /// the codecs of gRPC and the OpenTelemetry Collector make.
    Snappy,
}

/// For `accept-encoding` and `grpc-accept-encoding`.
pub(crate) const ACCEPTED: &str = "zstd,gzip,snappy,deflate,identity";

impl Coding {
    /// The coding of a `content-encoding` or `grpc-encoding`, or `None` when it is not one of ours.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        match name.trim().to_ascii_lowercase().as_str() {
            "" | "identity" => Some(Coding::Identity),
            "gzip" | "x-gzip" => Some(Coding::Gzip),
            "zstd" => Some(Coding::Zstd),
            // The Collector sends `zlib` for the same format.
            "deflate" | "zlib" => Some(Coding::Deflate),
            "snappy" | "x-snappy-framed" => Some(Coding::Snappy),
            _ => None,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Coding::Identity => "identity",
            Coding::Gzip => "gzip",
            Coding::Zstd => "zstd",
            Coding::Deflate => "deflate",
            Coding::Snappy => "snappy",
        }
    }
}

/// Undoes `coding`. All members of a gzip body and all frames of a zstd body are read, and nothing else may follow.
pub(crate) fn decompress(
    body: Bytes,
    coding: Coding,
    limit: usize,
    admission: &mut Admission,
) -> Result<Bytes, Refusal> {
    if coding == Coding::Identity || body.is_empty() {
        return Ok(body);
    }
    if coding == Coding::Gzip && has_many_members(&body) {
        return Err(Refusal::GzipMembers(MAX_MEMBERS));
    }
    let mut out =
        CappedBuffer { bytes: Vec::new(), limit, already: body.len(), window: None, admission, refusal: None };
    let inflated = match coding {
        Coding::Identity => Ok(()),
        Coding::Gzip => gzip(&body, &mut out),
        Coding::Zstd => zstd(&body, &mut out),
        Coding::Deflate => deflate(&body, &mut out),
        Coding::Snappy if body.starts_with(SNAPPY_STREAM) => copy(snap::read::FrameDecoder::new(&body[..]), &mut out),
        Coding::Snappy => snappy_block(&body, &mut out),
    };
    match (out.refusal, inflated) {
        (Some(refusal), _) => Err(refusal),
        (None, Err(error)) => Err(why(coding, &error)),
        (None, Ok(())) => Ok(out.bytes.into()),
    }
}

fn why(coding: Coding, error: &io::Error) -> Refusal {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => Refusal::CutShort(coding.name()),
        // The error of libzstd has no kind of its own here.
        _ if coding == Coding::Zstd && error.to_string().contains("too much memory") => Refusal::ZstdWindow,
        _ => Refusal::Compressed(coding.name()),
    }
}

/// What one step of a decoder may write.
const STEP: usize = 32 << 10;

/// The largest window: 32 MiB, which the best levels of the Collector's encoder have.
const ZSTD_WINDOW_LOG: u32 = 25;
/// Windows up to this are taken of any body: RFC 8878 (3.1.1.1.2) recommends it. Larger ones take memory from the budget.
const USUAL_WINDOW: usize = 8 << 20;

/// The stream identifier that opens a framed stream (framing_format.txt, 4.1). No block begins like this: it would have
/// one literal byte, and then a copy of what is long before its start.
const SNAPPY_STREAM: &[u8] = b"\xff\x06\x00\x00sNaPpY";

/// The two bytes that open a member (RFC 1952, 2.3.1).
const GZIP: &[u8] = &[0x1f, 0x8b];

/// Members of a gzip body. Each costs a decoder anew and may hold nothing, so that its size would not bound the work.
const MAX_MEMBERS: usize = 1024;

/// Whether a gzip body may have more members than are read. What opens one (RFC 1952, 2.3.1, with the one method there is) comes once
/// in 16 MiB of compressed data by chance.
fn has_many_members(body: &[u8]) -> bool {
    memchr::memmem::find_iter(body, &[0x1f, 0x8b, 8]).nth(MAX_MEMBERS).is_some()
}

fn gzip(body: &[u8], out: &mut CappedBuffer<'_>) -> io::Result<()> {
    let mut decoder = MultiGzDecoder::new(out);
    decoder.write_all(body)?;
    // All there is was read, and the end was not among it. What is shorter than a header is not looked at before.
    decoder
        .try_finish()
        .map_err(|error| if body.starts_with(GZIP) { io::ErrorKind::UnexpectedEof.into() } else { error })
}

fn zstd(mut body: &[u8], out: &mut CappedBuffer<'_>) -> io::Result<()> {
    let mut decoder = Decoder::new()?;
    decoder.set_parameter(zstd::stream::raw::DParameter::WindowLogMax(ZSTD_WINDOW_LOG))?;
    let mut step = vec![0; STEP];
    out.lend(zstd_window(body))?;
    loop {
        let (mut from, mut to) = (InBuffer::around(body), OutBuffer::around(&mut step[..]));
        // How much more the frame wants; 0 once it has ended and all of it is written.
        let wanted = decoder.run(&mut from, &mut to)?;
        let (n_read, n_written, full) = (from.pos(), to.pos(), to.pos() == STEP);
        body = &body[n_read..];
        out.write_all(&step[..n_written])?;
        if body.is_empty() && wanted == 0 {
            return Ok(());
        }
        if wanted == 0 {
            out.lend(zstd_window(body))?; // another frame
        }
        if n_read == 0 && !full {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
}

/// The window that the header of a frame states, in bytes; 0 for what is no frame. RFC 8878, 3.1.1.1.
fn zstd_window(frame: &[u8]) -> usize {
    const SINGLE_SEGMENT: u8 = 1 << 5;
    let [0x28, 0xb5, 0x2f, 0xfd, descriptor, rest @ ..] = frame else { return 0 };
    if descriptor & SINGLE_SEGMENT == 0 {
        let window = rest.first().map_or(0, |byte| (1 << (10 + (byte >> 3))) / 8 * (8 + u64::from(byte & 7)));
        return usize::try_from(window).unwrap_or(usize::MAX);
    }
    // The window is the content then, whose size is after the id of a dictionary.
    let at = [0, 1, 2, 4][usize::from(descriptor & 3)];
    let n_bytes = 1 << (descriptor >> 6);
    let Some(size) = rest.get(at..at + n_bytes) else { return 0 };
    let size = size.iter().rev().fold(0u64, |size, byte| size << 8 | u64::from(*byte));
    // Two bytes count from 256 on.
    let size = if n_bytes == 2 { size + 256 } else { size };
    usize::try_from(size).unwrap_or(usize::MAX)
}

fn deflate(body: &[u8], out: &mut CappedBuffer<'_>) -> io::Result<()> {
    let mut decoder = Decompress::new(true);
    let mut step = vec![0; STEP];
    loop {
        let (read_before, written_before) = (decoder.total_in(), decoder.total_out());
        let status = decoder.decompress(&body[read_before as usize..], &mut step, FlushDecompress::None)?;
        out.write_all(&step[..(decoder.total_out() - written_before) as usize])?;
        match status {
            Status::StreamEnd if decoder.total_in() == body.len() as u64 => return Ok(()),
            Status::StreamEnd => return Err(io::ErrorKind::InvalidData.into()),
            _ if (decoder.total_in(), decoder.total_out()) == (read_before, written_before) => {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            _ => {}
        }
    }
}

/// A block states its size, which is checked before that is allocated.
fn snappy_block(body: &[u8], out: &mut CappedBuffer<'_>) -> io::Result<()> {
    let size = snap::raw::decompress_len(body)?;
    out.admit(size)?;
    out.bytes = snap::raw::Decoder::new().decompress_vec(body)?;
    Ok(())
}

fn copy(mut from: impl Read, out: &mut CappedBuffer<'_>) -> io::Result<()> {
    io::copy(&mut from, out).map(drop)
}

/// Takes bytes up to `limit` and as far as the budget goes.
struct CappedBuffer<'a> {
    bytes: Vec<u8>,
    limit: usize,
    /// Bytes of the request that are covered already.
    already: usize,
    /// Of a decoder whose window is large.
    window: Option<Lent>,
    admission: &'a mut Admission,
    refusal: Option<Refusal>,
}

impl CappedBuffer<'_> {
    /// Whether the buffer may grow to `size` bytes.
    fn admit(&mut self, size: usize) -> io::Result<()> {
        if size > self.limit {
            self.refusal = Some(Refusal::TooLarge { limit: self.limit });
        } else if self.admission.cover(self.already + size).is_err() {
            self.refusal = Some(self.no_memory(self.window.as_ref().map_or(0, Lent::bytes), size));
        } else {
            return Ok(());
        }
        Err(io::Error::other("refused"))
    }

    /// Takes memory for a decoder with a window of so many bytes, as far as it takes more than any does. No more of a window is
    /// used than there is content.
    fn lend(&mut self, window: usize) -> io::Result<()> {
        let window = window.min(self.limit);
        // The decoder refuses what is larger, and keeps what it has from frame to frame.
        let is_usual = window <= USUAL_WINDOW || window > 1 << ZSTD_WINDOW_LOG;
        if is_usual || self.window.as_ref().is_some_and(|lent| lent.bytes() >= window) {
            return Ok(());
        }
        self.window = None;
        match self.admission.lend(window) {
            Ok(lent) => self.window = Some(lent),
            Err(_) => {
                self.refusal = Some(self.no_memory(window, self.bytes.len()));
                return Err(io::Error::other("refused"));
            }
        }
        Ok(())
    }

    /// The refusal of a buffer of `size` bytes beside a window: for good, where the body with its window can never fit.
    fn no_memory(&self, window: usize, size: usize) -> Refusal {
        let never = window > 0 && window + self.already + size > self.admission.budget();
        if never { Refusal::ZstdWindow } else { Refusal::Overloaded }
    }
}

impl Write for CappedBuffer<'_> {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.admit(self.bytes.len() + data.len())?;
        self.bytes.extend_from_slice(data);
        Ok(data.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
