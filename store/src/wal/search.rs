//! Finds the next record of a log file, wherever it is.
//!
//! What is left of an earlier use of the file are records but for their checksums, and bodies are chosen by senders. So what
//! looks like the head of a long record may be at every few bytes, and the checksum of what it claims to hold must not cost a
//! look at all of it: it is put together from checksums of the file's beginnings.

use std::cell::OnceCell;

use crc32fast::Hasher;

use super::record::{Claim, PREFIX, decode};

/// Every so many bytes the checksum of the file up to there is kept.
const STEP: usize = 1 << 10;

/// Numbers are consecutive; this leaves room for those of records that are lost.
const CLOSE: u64 = 1 << 20;

/// Searches of one file.
pub(super) struct Search<'a> {
    bytes: &'a [u8],
    salt: u64,
    /// Of the first `n * STEP` bytes each. Most files end with zeros or with what nobody could take for a record.
    checksums: OnceCell<Vec<u32>>,
}

impl<'a> Search<'a> {
    pub(super) fn new(bytes: &'a [u8], salt: u64) -> Self {
        Search { bytes, salt, checksums: OnceCell::new() }
    }

    /// The offset of the next record from `from` on, whose number is close after `last_lsn`.
    pub(super) fn next_record(&self, from: usize, last_lsn: u64) -> Option<usize> {
        let close = |offset: &usize| {
            let lsn = self.bytes[offset + PREFIX..].first_chunk::<8>().map_or(0, |lsn| u64::from_le_bytes(*lsn));
            lsn > last_lsn && lsn - last_lsn <= CLOSE
        };
        (from..self.bytes.len().saturating_sub(PREFIX)).filter(close).find(|offset| self.is_record(*offset))
    }

    fn is_record(&self, offset: usize) -> bool {
        let rest = &self.bytes[offset..];
        let start = offset + PREFIX;
        let right = |claim: Claim<'_>| self.checksum(start, start + claim.part.len()) == claim.checksum;
        Claim::at(rest).is_some_and(right) && decode(rest, self.salt).is_some()
    }

    /// That of the salt and the bytes from `start` to `end`. With c of a and b one after the other, c(ab) is c(a) followed
    /// by as many zeros as b has bytes, xor c(b). So c(b) is c(ab) xor c(a) followed by zeros, and c(salt b) that xor
    /// c(salt) followed by the same zeros.
    fn checksum(&self, start: usize, end: usize) -> u32 {
        let before = self.up_to(start) ^ crc32fast::hash(&self.salt.to_le_bytes());
        let mut followed = Hasher::new_with_initial(before);
        followed.combine(&Hasher::new_with_initial_len(0, (end - start) as u64));
        followed.finalize() ^ self.up_to(end)
    }

    /// The checksum of the first `end` bytes.
    fn up_to(&self, end: usize) -> u32 {
        let checksums = self.checksums.get_or_init(|| {
            let mut hasher = Hasher::new();
            let mut checksums = vec![0];
            for block in self.bytes.chunks_exact(STEP) {
                hasher.update(block);
                checksums.push(hasher.clone().finalize());
            }
            checksums
        });
        let n_blocks = end / STEP;
        let mut hasher = Hasher::new_with_initial(checksums[n_blocks]);
        hasher.update(&self.bytes[n_blocks * STEP..end]);
        hasher.finalize()
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::header::{self, Header};
    use super::*;
    use crate::wal::{Record, RecordHead, encode, read_bytes};

    const SALT: u64 = 0x5EED_0000_0009;

    fn record(lsn: u64, body: &[u8]) -> Vec<u8> {
        let head = RecordHead { lsn, received_at: 5, kind: 1, hash: 77 };
        let mut bytes = Vec::new();
        encode(&mut bytes, SALT, &Record { head, body, decisions: b"" });
        bytes
    }

    /// The head of a record with number 4 that says that so many bytes of it follow.
    fn fake(n_following: usize) -> Vec<u8> {
        let mut head = record(4, b"");
        head[4] ^= 1;
        head[..4].copy_from_slice(&(n_following as u32).to_le_bytes());
        head
    }

    #[test]
    fn a_record_is_found_behind_whatever_looks_like_one() {
        for (n_fakes, before, body) in
            [(0, 0, 0), (1, 7, 1), (3, 1000, 3000), (50, STEP, 5 * STEP), (2, STEP - 8, STEP)]
        {
            let wanted = record(4, &vec![7; body]);
            let length = n_fakes * 52 + before + wanted.len();
            let mut bytes = Vec::new();
            for _ in 0..n_fakes {
                bytes.extend(fake(length - bytes.len() - PREFIX));
            }
            bytes.resize(bytes.len() + before, 1);
            bytes.extend(&wanted);
            assert_eq!(bytes.len(), length);
            let search = Search::new(&bytes, SALT);
            let at = length - wanted.len();
            assert_eq!(search.next_record(0, 3), Some(at), "{n_fakes} {before} {body}");
            assert_eq!(search.next_record(at + 1, 3), None);
            assert_eq!(search.next_record(0, 4), None, "not after the last number");
            assert_eq!(Search::new(&bytes, SALT + 1).next_record(0, 3), None, "not of this use");
        }
    }

    #[test]
    fn what_looks_like_long_records_is_no_damage() {
        let mut bytes = Header::encode(SALT, 1, 3);
        bytes.resize(header::COPY_AT, 0);
        bytes.extend(Header::encode(SALT, 1, 3));
        bytes.extend(record(3, b"body"));
        // All that these hold would be 1.7 GB to look at.
        let n = 1 << 13;
        for i in 0..n {
            bytes.extend(fake((n - i) * 52 - PREFIX));
        }
        let mut numbers = Vec::new();
        let damage = read_bytes(Path::new("1.wal"), &bytes, 1, 2, u64::MAX, |record| numbers.push(record.head.lsn));
        assert_eq!((numbers, damage), (vec![3], vec![]));
    }
}
