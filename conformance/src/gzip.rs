//! Gzip as clients write it, and as RFC 1952 allows it.

use std::io::Write;

use flate2::{Compress, Compression, Crc, FlushCompress, GzBuilder, write::GzEncoder};

/// One member.
pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).and_then(|()| encoder.finish()).unwrap_or_default()
}

/// Several members, cut at the middle and at three quarters, with an empty one between: RFC 1952, section 2.2.
pub(crate) fn members(bytes: &[u8]) -> Vec<u8> {
    let (head, tail) = bytes.split_at(bytes.len() / 2);
    let (middle, tail) = tail.split_at(tail.len() / 2);
    [gzip(head), gzip(&[]), gzip(middle), gzip(tail)].concat()
}

/// One member with all that its header may hold: a name, a comment, extra fields. RFC 1952, section 2.3.
pub(crate) fn with_header_fields(bytes: &[u8]) -> Vec<u8> {
    let builder = GzBuilder::new().filename("export.bin").comment("conformance").extra(&b"ab\x02\x00xy"[..]);
    let mut encoder = builder.write(Vec::new(), Compression::default());
    encoder.write_all(bytes).and_then(|()| encoder.finish()).unwrap_or_default()
}

/// `before`, then `n` times `repeated`, then `after` in one member, without ever having it all: a full flush makes the
/// compressed form of what follows independent of what went before, so that of one repetition serves for all.
pub(crate) fn repeating(before: &[u8], repeated: &[u8], n: usize, after: &[u8]) -> Vec<u8> {
    let mut compress = Compress::new(Compression::default(), false);
    let mut out = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    deflate(&mut compress, before, FlushCompress::Full, &mut out);
    let mut one = Vec::new();
    deflate(&mut compress, repeated, FlushCompress::Full, &mut one);
    (0..n).for_each(|_| out.extend_from_slice(&one));
    deflate(&mut compress, after, FlushCompress::Finish, &mut out);
    let crc_of = |bytes: &[u8]| {
        let mut crc = Crc::new();
        crc.update(bytes);
        crc
    };
    let mut crc = crc_of(before);
    // Doubling: the checksum of n repetitions from those of its binary digits.
    let mut power = crc_of(repeated);
    let mut rest = n;
    while rest > 0 {
        if rest & 1 == 1 {
            crc.combine(&power);
        }
        let same = crc_copy(&power);
        power.combine(&same);
        rest >>= 1;
    }
    crc.combine(&crc_of(after));
    let size = (before.len() + n * repeated.len() + after.len()) as u32;
    out.extend_from_slice(&crc.sum().to_le_bytes());
    out.extend_from_slice(&size.to_le_bytes());
    out
}

/// A checksum that goes on from where `crc` is.
fn crc_copy(crc: &Crc) -> Crc {
    let mut copy = Crc::new();
    copy.combine(crc);
    copy
}

fn deflate(compress: &mut Compress, mut input: &[u8], flush: FlushCompress, out: &mut Vec<u8>) {
    loop {
        out.reserve(64 << 10);
        let before = compress.total_in();
        let status = compress.compress_vec(input, out, flush);
        input = &input[(compress.total_in() - before) as usize..];
        let ended = matches!(status, Ok(flate2::Status::StreamEnd) | Err(_));
        // With room left in the output, all that was flushed is there.
        let flushed = input.is_empty() && out.len() < out.capacity() && !matches!(flush, FlushCompress::Finish);
        if ended || flushed {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use flate2::read::{GzDecoder, MultiGzDecoder};

    use super::*;

    #[test]
    fn what_repeats_inflates_to_all_of_it() {
        for n in [0, 1, 2, 7, 100] {
            let compressed = repeating(b"{\"a\":\"", &[b'x'; 100_000], n, b"\"}");
            let mut text = String::new();
            GzDecoder::new(&compressed[..]).read_to_string(&mut text).unwrap();
            assert_eq!(text, format!("{{\"a\":\"{}\"}}", "x".repeat(100_000 * n)));
        }
    }

    #[test]
    fn members_and_header_fields_inflate_to_the_same() {
        let text = "some telemetry".repeat(10);
        for compressed in [members(text.as_bytes()), with_header_fields(text.as_bytes()), gzip(text.as_bytes())] {
            let mut found = String::new();
            MultiGzDecoder::new(&compressed[..]).read_to_string(&mut found).unwrap();
            assert_eq!(found, text);
        }
    }
}
