//! The stored form of [`Buckets`], version 1. Numbers are little-endian; `varint` is unsigned LEB128.
//!
//! ```text
//! magic        8 bytes   "HAESLO" 0x00 0x01 (the last two are the version)
//! fingerprint  u64       Slo::counting_fingerprint of the SLO that counted
//! width        i64       nanoseconds per bucket
//! first        i64       number of the first bucket
//! buckets      u32       how many follow, one after the other
//! runs         …         until all buckets are said: varint total, then
//!                          total = 0: varint n, standing for n further empty buckets
//!                          total > 0: varint bad (0 ..= total)
//! crc          u32       CRC-32 (IEEE) of everything before
//! ```
//!
//! A month of minutes with 3,000 requests each and few errors takes 130 kB, an idle one 44 bytes.

use super::{Buckets, Cell, Count};

const MAGIC: &[u8; 8] = b"HAESLO\x00\x01";
const HEADER: usize = 8 + 8 + 8 + 8 + 4;
/// More buckets than any SLO may have; bounds what a forged length can allocate.
const MAX_BUCKETS: u32 = 1 << 20;

/// Why stored buckets cannot be used; they are then counted anew from stored spans.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    #[error("the counts were made by another definition of the SLO")]
    OtherDefinition,
    #[error("the counts are damaged: {0}")]
    Damaged(&'static str),
    #[error("the counts are in format {0}, this program knows format 1")]
    OtherFormat(u16),
}

impl Buckets {
    /// The stored form; `fingerprint` is that of the SLO that was counted.
    pub fn encode(&self, fingerprint: u64) -> Vec<u8> {
        let count = self.covered.end - self.covered.start;
        let mut out = Vec::with_capacity(HEADER + 4 + count as usize * 3);
        out.extend_from_slice(MAGIC);
        out.extend_from_slice(&fingerprint.to_le_bytes());
        out.extend_from_slice(&self.width.to_le_bytes());
        out.extend_from_slice(&self.covered.start.to_le_bytes());
        out.extend_from_slice(&(count as u32).to_le_bytes());
        let mut bucket = self.covered.start;
        while bucket < self.covered.end {
            let cell = self.cell(bucket);
            bucket += 1;
            put_varint(&mut out, cell.total);
            if cell.total > 0 {
                put_varint(&mut out, cell.total - cell.good);
                continue;
            }
            let begin = bucket;
            while bucket < self.covered.end && self.cell(bucket).total == 0 {
                bucket += 1;
            }
            put_varint(&mut out, (bucket - begin) as u32);
        }
        out.extend_from_slice(&crc32fast::hash(&out).to_le_bytes());
        out
    }

    /// Reads what [`Buckets::encode`] wrote into a ring of `capacity` buckets, the newest if there are more.
    ///
    /// Fails if the bytes are damaged, of another format, or of another `fingerprint` or `width`.
    pub fn decode(bytes: &[u8], fingerprint: u64, width: i64, capacity: usize) -> Result<Self, DecodeError> {
        let Some((body, crc)) = bytes.split_last_chunk::<4>() else {
            return Err(DecodeError::Damaged("shorter than its checksum"));
        };
        if body.len() < HEADER || body[..6] != MAGIC[..6] {
            return Err(DecodeError::Damaged("not a file of counts"));
        }
        if crc32fast::hash(body) != u32::from_le_bytes(*crc) {
            return Err(DecodeError::Damaged("wrong checksum"));
        }
        if body[6..8] != MAGIC[6..8] {
            return Err(DecodeError::OtherFormat(u16::from_be_bytes([body[6], body[7]])));
        }
        let mut input = Input(&body[8..]);
        let stored_fingerprint = u64::from_le_bytes(input.array()?);
        let stored_width = i64::from_le_bytes(input.array()?);
        let first = i64::from_le_bytes(input.array()?);
        let count = u32::from_le_bytes(input.array()?);
        if stored_fingerprint != fingerprint || stored_width != width {
            return Err(DecodeError::OtherDefinition);
        }
        if count > MAX_BUCKETS || first.checked_add(count.into()).is_none() {
            return Err(DecodeError::Damaged("more buckets than any window has"));
        }
        let counts = input.counts(count as usize)?;
        let mut buckets = Buckets::new(width, capacity);
        buckets.replace(first, &counts);
        Ok(buckets)
    }
}

fn put_varint(out: &mut Vec<u8>, mut value: u32) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// The bytes still to be read.
struct Input<'b>(&'b [u8]);

impl Input<'_> {
    fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let (head, rest) = self.0.split_first_chunk().ok_or(DecodeError::Damaged("ends in its header"))?;
        self.0 = rest;
        Ok(*head)
    }

    fn varint(&mut self) -> Result<u32, DecodeError> {
        let mut value = 0_u32;
        for shift in (0..35).step_by(7) {
            let [byte] = self.array()?;
            let bits = u32::from(byte & 0x7f);
            value |= bits
                .checked_shl(shift)
                .filter(|shifted| shifted >> shift == bits)
                .ok_or(DecodeError::Damaged("a number beyond 32 bits"))?;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(DecodeError::Damaged("a number beyond 32 bits"))
    }

    fn counts(&mut self, wanted: usize) -> Result<Vec<Count>, DecodeError> {
        let mut counts = Vec::with_capacity(wanted);
        while counts.len() < wanted {
            let total = self.varint()?;
            if total > 0 {
                let bad = self.varint()?;
                let good = total.checked_sub(bad).ok_or(DecodeError::Damaged("more bad events than events"))?;
                counts.push(Count::from(Cell { good, total }));
                continue;
            }
            let run = self.varint()? as usize + 1;
            if run > wanted - counts.len() {
                return Err(DecodeError::Damaged("more buckets than it says"));
            }
            counts.resize(counts.len() + run, Count::default());
        }
        if self.0.is_empty() { Ok(counts) } else { Err(DecodeError::Damaged("bytes after its end")) }
    }
}
