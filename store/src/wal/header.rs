//! The header of a log file.
//!
//! `magic | version u32 | salt u64 | sequence u64 | first lsn u64 | crc32 u32`, little-endian, at the start and a second time in
//! another block: without the salt no record of the file can be told from what it held before. Version 3 is the same but for its
//! records, version 2 has the first one only, version 1 also has no first number.

use std::fs::File;
use std::io::Read;
use std::path::Path;

const MAGIC: &[u8; 8] = b"HAECHIWL";
const VERSION: u32 = 4;
/// The length of a header since version 2. Later versions begin with these fields and their checksum, too.
pub(super) const LENGTH: usize = 40;
const LENGTH_OF_VERSION_1: usize = 32;
/// Where the second header is.
pub(super) const COPY_AT: usize = 4096;
/// Where the records of this version begin.
pub(super) const RECORDS_AT: usize = COPY_AT + LENGTH;

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
    pub(crate) records_at: usize,
    /// The offset of the one of its two places where it is damaged.
    pub(crate) damaged_at: Option<usize>,
}

impl Header {
    /// What is written at the start and at [`COPY_AT`].
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

    /// The header of the file that begins with `bytes`, or `None` when there is none that this version reads.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let copy = bytes.get(COPY_AT..).and_then(Header::at).filter(|copy| copy.records_at == RECORDS_AT);
        match Header::at(bytes) {
            Some(header) if header.records_at == RECORDS_AT && copy.is_none() => {
                Some(Header { damaged_at: Some(COPY_AT), ..header })
            }
            Some(header) => Some(header),
            None => copy.map(|copy| Header { damaged_at: Some(0), ..copy }),
        }
    }

    /// The header at the start of `bytes`.
    fn at(bytes: &[u8]) -> Option<Self> {
        let (length, records_at) = match version(bytes)? {
            1 => (LENGTH_OF_VERSION_1, LENGTH_OF_VERSION_1),
            2 => (LENGTH, LENGTH),
            3 | VERSION => (LENGTH, RECORDS_AT),
            _ => return None,
        };
        let part = checked(bytes.get(..length)?)?;
        let number = |at: usize| part.get(at..)?.first_chunk().map(|bytes| u64::from_le_bytes(*bytes));
        Some(Header { salt: number(12)?, sequence: number(20)?, first_lsn: number(28), records_at, damaged_at: None })
    }

    /// The header of the file at `path`.
    pub(crate) fn read(path: &Path) -> Option<Self> {
        Header::decode(&start(path)?)
    }
}

/// What both headers are in.
fn start(path: &Path) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path).and_then(|file| file.take(RECORDS_AT as u64).read_to_end(&mut bytes)).ok()?;
    Some(bytes)
}

fn version(bytes: &[u8]) -> Option<u32> {
    let rest = bytes.strip_prefix(MAGIC)?;
    rest.first_chunk().map(|version| u32::from_le_bytes(*version))
}

/// What precedes the checksum that `bytes` end with, when it holds.
fn checked(bytes: &[u8]) -> Option<&[u8]> {
    let (part, crc) = bytes.split_last_chunk::<4>()?;
    (crc32fast::hash(part) == u32::from_le_bytes(*crc)).then_some(part)
}

/// The format version of a log file that a later version of this program has begun. A version in a damaged header is damage.
pub(crate) fn newer_version(path: &Path) -> Option<u32> {
    let bytes = start(path)?;
    version(checked(bytes.get(..LENGTH)?)?).filter(|version| *version > VERSION)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The start of a file: both headers.
    fn file(header: &[u8]) -> Vec<u8> {
        let mut bytes = header.to_vec();
        bytes.resize(COPY_AT, 0);
        bytes.extend_from_slice(header);
        bytes
    }

    #[test]
    fn one_of_the_two_headers_is_enough() {
        let bytes = file(&Header::encode(7, 8, 9));
        let whole = Header { salt: 7, sequence: 8, first_lsn: Some(9), records_at: 4136, damaged_at: None };
        assert_eq!((bytes.len(), Header::decode(&bytes)), (RECORDS_AT, Some(whole)));
        for i in 0..LENGTH {
            for at in [0, COPY_AT] {
                let mut flipped = bytes.clone();
                flipped[at + i] ^= 1;
                assert_eq!(
                    Header::decode(&flipped),
                    Some(Header { damaged_at: Some(at), ..whole }),
                    "byte {i} at {at}"
                );
                flipped[COPY_AT - at + i] ^= 1;
                assert_eq!(Header::decode(&flipped), None, "byte {i} of both");
            }
            assert_eq!(Header::decode(&bytes[..i]), None, "cut at {i}");
        }
    }

    #[test]
    fn reads_older_versions_and_no_damage_of_them() {
        for version in [1, 2] {
            let numbers: &[u64] = if version == 1 { &[7, 8] } else { &[7, 8, 9] };
            let mut old = b"HAECHIWL".to_vec();
            old.extend_from_slice(&u32::to_le_bytes(version));
            numbers.iter().for_each(|number| old.extend_from_slice(&number.to_le_bytes()));
            old.extend_from_slice(&crc32fast::hash(&old).to_le_bytes());
            let records_at = old.len();
            let header =
                Header { salt: 7, sequence: 8, first_lsn: numbers.get(2).copied(), records_at, damaged_at: None };
            old.extend_from_slice(&[0; 100]);
            assert_eq!(Header::decode(&old), Some(header));
            for i in 0..records_at {
                let mut flipped = old.clone();
                flipped[i] ^= 1;
                assert_eq!(Header::decode(&flipped), None, "flipped byte {i} of version {version}");
            }
        }
    }
}
