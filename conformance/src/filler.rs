//! Valid requests of a given size that carry no telemetry: nothing but their size can be the reason of a refusal.
//!
//! The size is in a field that no receiver knows, which each must ignore.

use bytes::Bytes;

use crate::gzip::repeating;
use crate::protocol::Protocol;
use crate::wire::{put_tag, put_varint};

/// The field of the filler; no message of OTLP has one of this number.
const NUMBER: u32 = 1999;

const PIECE: usize = 1 << 20;

/// What is before and after the filler in a request that is `size` bytes in all.
fn ends(protocol: Protocol, size: usize) -> (Vec<u8>, Vec<u8>) {
    if protocol == Protocol::HttpJson {
        return (b"{\"conformanceFiller\":\"".to_vec(), b"\"}".to_vec());
    }
    let mut head = Vec::new();
    put_tag(&mut head, NUMBER, 2);
    // The length of the filler, in as many bytes as that of the whole has.
    let mut length = Vec::new();
    put_varint(&mut length, size as u64);
    let filler = size - head.len() - length.len();
    put_varint(&mut head, filler as u64);
    (head, Vec::new())
}

/// A request of `size` bytes.
pub(crate) fn plain(protocol: Protocol, size: usize) -> Bytes {
    let (mut body, after) = ends(protocol, size);
    body.resize(size - after.len(), b'x');
    body.extend_from_slice(&after);
    body.into()
}

/// A request of `size` bytes, compressed with gzip to about a thousandth.
pub(crate) fn gzipped(protocol: Protocol, size: usize) -> Bytes {
    let (mut before, after) = ends(protocol, size);
    let filler = size - before.len() - after.len();
    before.resize(before.len() + filler % PIECE, b'x');
    repeating(&before, &vec![b'x'; PIECE], filler / PIECE, &after).into()
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;
    use crate::wire::{Raw, fields};

    #[test]
    fn sizes_are_exact_and_messages_valid() {
        for protocol in Protocol::ALL {
            for size in [1 << 20, (3 << 20) + 1, 5_000_000] {
                let body = plain(protocol, size);
                assert_eq!(body.len(), size);
                match protocol {
                    Protocol::HttpJson => assert!(serde_json::from_slice::<serde_json::Value>(&body).is_ok()),
                    _ => assert!(matches!(fields(&body).unwrap()[..], [(1999, Raw::Bytes(_))])),
                }
                let mut inflated = Vec::new();
                flate2::read::GzDecoder::new(&gzipped(protocol, size)[..]).read_to_end(&mut inflated).unwrap();
                assert!(inflated == body, "{protocol} {size}");
            }
        }
    }
}
