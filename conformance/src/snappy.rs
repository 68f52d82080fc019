//! Snappy without compression: literals alone, which each decoder must take. Source: google/snappy, `format_description.txt` and
//! `framing_format.txt`.

use crate::wire::put_varint;

/// The most of a chunk of the framing format.
const CHUNK: usize = 1 << 16;

/// The block format: the length, then literals.
pub(crate) fn block(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    put_varint(&mut out, bytes.len() as u64);
    for literal in bytes.chunks(CHUNK) {
        // A literal whose length, less one, is in the two bytes that follow its tag.
        out.push(61 << 2);
        out.extend_from_slice(&((literal.len() - 1) as u16).to_le_bytes());
        out.extend_from_slice(literal);
    }
    out
}

/// The framing format: the identifier of the stream, then chunks with checksums.
pub(crate) fn framed(bytes: &[u8]) -> Vec<u8> {
    let mut out = b"\xff\x06\0\0sNaPpY".to_vec();
    for chunk in bytes.chunks(CHUNK) {
        let data = block(chunk);
        let length = (data.len() as u32 + 4).to_le_bytes();
        out.push(0);
        out.extend_from_slice(&length[..3]);
        out.extend_from_slice(&masked(crc32c(chunk)).to_le_bytes());
        out.extend_from_slice(&data);
    }
    out
}

fn masked(crc: u32) -> u32 {
    crc.rotate_right(15).wrapping_add(0xa282_ead8)
}

/// CRC-32C, bit by bit. Source: RFC 3720, appendix B.4.
fn crc32c(bytes: &[u8]) -> u32 {
    let fold = |crc: u32| (0..8).fold(crc, |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0x82f6_3b78 } else { crc >> 1 });
    !bytes.iter().fold(u32::MAX, |crc, byte| fold(crc ^ u32::from(*byte)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_those_of_rfc_3720() {
        assert_eq!(crc32c(&[0; 32]), 0x8a91_36aa);
        assert_eq!(crc32c(&[0xff; 32]), 0x62a8_ab43);
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
    }

    #[test]
    fn both_formats_hold_all_of_the_text() {
        assert_eq!(block(b"abc"), b"\x03\xf4\x02\0abc");
        assert_eq!(framed(b""), b"\xff\x06\0\0sNaPpY");
        let long = vec![b'x'; CHUNK + 1];
        assert_eq!(block(&long).len(), 3 + 3 + CHUNK + 3 + 1);
        assert_eq!(framed(&long).len(), 10 + (4 + 4 + 3 + 3 + CHUNK) + (4 + 4 + 1 + 3 + 1));
        assert_eq!(framed(b"abc")[10..18], [&[0, 11, 0, 0][..], &masked(crc32c(b"abc")).to_le_bytes()].concat());
    }
}
