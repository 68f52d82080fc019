//! The header of a log file.
//!
//! `magic | version u32 | salt u64 | sequence u64 | first lsn u64 | crc32 u32`, little-endian. Version 1 has no first number.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::FileExt;
use std::path::Path;

const MAGIC: &[u8; 8] = b"HAECHIWL";
const VERSION: u32 = 2;
/// The length of a header of this version.
pub(super) const LENGTH: usize = 40;
const LENGTH_OF_VERSION_1: usize = 32;

/// What the header of a log file says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    /// Part of every checksum in the file.
    pub(crate) salt: u64,
    /// The number in the file's name. A file with another one was renamed to be used again and never begun: it holds nothing.
    pub(crate) sequence: u64,
    /// Records of earlier files with this number or a later one do not count: their requests were refused.
    pub(crate) first_lsn: Option<u64>,
    /// Where the records begin.
    pub(crate) length: usize,
}

impl Header {
    pub(super) fn encode(salt: u64, sequence: u64, first_lsn: u64) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(LENGTH);
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        for number in [salt, sequence, first_lsn] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        bytes.extend_from_slice(&crc32fast::hash(&bytes).to_le_bytes());
        bytes
    }

    /// The header at the start of `bytes`, or `None` when there is none that this version reads.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let length = match version(bytes)? {
            1 => LENGTH_OF_VERSION_1,
            VERSION => LENGTH,
            _ => return None,
        };
        let (part, crc) = bytes.get(..length)?.split_last_chunk::<4>()?;
        if crc32fast::hash(part) != u32::from_le_bytes(*crc) {
            return None;
        }
        let number = |at: usize| part.get(at..)?.first_chunk().map(|bytes| u64::from_le_bytes(*bytes));
        Some(Header { salt: number(12)?, sequence: number(20)?, first_lsn: number(28), length })
    }

    /// The header of the file at `path`.
    pub(crate) fn read(path: &Path) -> Option<Self> {
        let mut bytes = Vec::new();
        File::open(path).and_then(|file| file.take(LENGTH as u64).read_to_end(&mut bytes)).ok()?;
        Header::decode(&bytes)
    }
}

fn version(bytes: &[u8]) -> Option<u32> {
    let rest = bytes.strip_prefix(MAGIC)?;
    rest.first_chunk().map(|version| u32::from_le_bytes(*version))
}

/// The format version of a log file that a later version of this program has begun.
pub(crate) fn newer_version(path: &Path) -> Option<u32> {
    let mut start = [0; 12];
    File::open(path).and_then(|file| file.read_exact_at(&mut start, 0)).ok()?;
    version(&start).filter(|version| *version > VERSION)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_both_versions_and_no_damage() {
        let bytes = Header::encode(7, 8, 9);
        let header = Header { salt: 7, sequence: 8, first_lsn: Some(9), length: LENGTH };
        assert_eq!((bytes.len(), Header::decode(&bytes)), (LENGTH, Some(header)));
        for i in 0..bytes.len() {
            let mut flipped = bytes.clone();
            flipped[i] ^= 1;
            assert_eq!(Header::decode(&flipped), None, "flipped byte {i}");
            assert_eq!(Header::decode(&bytes[..i]), None, "cut at {i}");
        }
        let mut old = b"HAECHIWL\x01\0\0\0".to_vec();
        old.extend_from_slice(&7u64.to_le_bytes());
        old.extend_from_slice(&8u64.to_le_bytes());
        old.extend_from_slice(&crc32fast::hash(&old).to_le_bytes());
        old.extend_from_slice(&[0; 100]);
        assert_eq!(Header::decode(&old), Some(Header { salt: 7, sequence: 8, first_lsn: None, length: 32 }));
    }
}
