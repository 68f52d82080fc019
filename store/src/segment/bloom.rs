//! A bloom filter of the trace ids in a segment: one cache line a look-up.
//!
//! The split-block filter of the Parquet format (`BloomFilter.md`): blocks of 256 bits, one bit in each of eight words.
//! Ids are hashed first, since a sender may choose them.

use std::path::Path;

use arrow::array::{Array, AsArray, RecordBatch};
use hashbrown::HashSet;
use model::TraceId;
use xxhash_rust::xxh3::xxh3_64;

use crate::error::ReadError;
use crate::files;
use crate::manifest::FileEntry;

const MAGIC: &[u8; 8] = b"HAECHIB2";
/// Of format 1, whose checksum was at the end: all such files have the same CRC-32, so that the manifest's told none from
/// another.
const MAGIC_1: &[u8; 8] = b"HAECHIB1";
/// Bits per distinct id: one false positive in about a hundred look-ups.
const BITS_PER_ID: usize = 12;
/// The multipliers of the Parquet specification.
const SALT: [u32; 8] =
    [0x47b6_137b, 0x4497_4d91, 0x8824_ad5b, 0xa2b7_289d, 0x7054_95c7, 0x2df1_424b, 0x9efc_4947, 0x5c6b_fb31];

/// Says of a trace id whether it is surely absent.
pub(crate) struct TraceBloom {
    blocks: Vec<[u32; 8]>,
}

/// Gathers the trace ids of a segment, batch by batch. Keeps 8 bytes of each distinct one.
#[derive(Default)]
pub(crate) struct BloomBuilder {
    hashes: HashSet<u64>,
}

impl BloomBuilder {
    /// Adds the ids in the `trace_id` column of `batch`.
    pub(crate) fn add(&mut self, batch: &RecordBatch) {
        let Some(ids) = batch.column_by_name("trace_id") else { return };
        let ids = ids.as_fixed_size_binary();
        self.hashes.extend((0..ids.len()).filter(|row| ids.is_valid(*row)).map(|row| xxh3_64(ids.value(row))));
    }

    pub(crate) fn finish(self) -> TraceBloom {
        let blocks = (self.hashes.len() * BITS_PER_ID).div_ceil(256).max(1);
        let mut bloom = TraceBloom { blocks: vec![[0; 8]; blocks] };
        for hash in self.hashes {
            let block = bloom.block(hash);
            for (word, bit) in bloom.blocks[block].iter_mut().zip(mask(hash)) {
                *word |= bit;
            }
        }
        bloom
    }
}

impl TraceBloom {
    pub(crate) fn may_hold(&self, id: TraceId) -> bool {
        let hash = xxh3_64(&id.0);
        self.blocks[self.block(hash)].iter().zip(mask(hash)).all(|(word, bit)| word & bit != 0)
    }

    fn block(&self, hash: u64) -> usize {
        (((hash >> 32) * self.blocks.len() as u64) >> 32) as usize
    }

    /// `magic | crc32 of the blocks | blocks`.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let blocks: Vec<u8> = self.blocks.iter().flatten().flat_map(|word| word.to_le_bytes()).collect();
        [&MAGIC[..], &crc32fast::hash(&blocks).to_le_bytes(), &blocks].concat()
    }

    /// Reads the filter in the file of `entry` in the data directory `dir`.
    pub(crate) fn load(dir: &Path, entry: &FileEntry) -> Result<Self, ReadError> {
        let path = dir.join(&entry.path);
        let bytes = files::read_whole(&path, entry.bytes, entry.crc32).map_err(|error| ReadError::new(&path, error))?;
        TraceBloom::from_bytes(&bytes).ok_or_else(|| ReadError::new(path, "the bloom filter is damaged"))
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (checked, crc, blocks) = match bytes.strip_prefix(MAGIC) {
            Some(rest) => {
                let (crc, blocks) = rest.split_first_chunk::<4>()?;
                (blocks, crc, blocks)
            }
            None => {
                let (checked, crc) = bytes.split_last_chunk::<4>()?;
                (checked, crc, checked.strip_prefix(MAGIC_1)?)
            }
        };
        if crc32fast::hash(checked) != u32::from_le_bytes(*crc) || blocks.is_empty() || blocks.len() % 32 != 0 {
            return None;
        }
        let words: Vec<u32> = blocks.as_chunks::<4>().0.iter().map(|word| u32::from_le_bytes(*word)).collect();
        Some(TraceBloom { blocks: words.as_chunks::<8>().0.to_vec() })
    }
}

fn mask(hash: u64) -> [u32; 8] {
    SALT.map(|salt| 1 << ((hash as u32).wrapping_mul(salt) >> 27))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::FixedSizeBinaryArray;

    use super::*;

    fn id(number: u64) -> TraceId {
        let mut id = [7; 16];
        id[..8].copy_from_slice(&number.to_le_bytes());
        TraceId(id)
    }

    #[test]
    fn holds_every_id_and_few_others() {
        let ids: FixedSizeBinaryArray =
            FixedSizeBinaryArray::try_from_iter((0..10_000).map(|number| id(number).0)).unwrap();
        let batch = RecordBatch::try_from_iter([("trace_id", Arc::new(ids) as _)]).unwrap();
        let mut builder = BloomBuilder::default();
        builder.add(&batch);
        let bloom = TraceBloom::from_bytes(&builder.finish().to_bytes()).unwrap();
        assert!((0..10_000).all(|number| bloom.may_hold(id(number))));
        let false_positives = (10_000..30_000).filter(|number| bloom.may_hold(id(*number))).count();
        assert!(false_positives < 400, "{false_positives} of 20,000");
    }

    #[test]
    fn damage_is_noticed() {
        let mut bytes = BloomBuilder::default().finish().to_bytes();
        assert!(!TraceBloom::from_bytes(&bytes).unwrap().may_hold(id(1)));
        bytes[20] ^= 1;
        assert!(TraceBloom::from_bytes(&bytes).is_none());
        assert!(TraceBloom::from_bytes(&bytes[..9]).is_none());
    }
}
