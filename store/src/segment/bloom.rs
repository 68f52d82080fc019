//! The trace ids of a segment: a bloom filter for each row group, so that a look-up by id names the row groups to read.
//!
//! Ids are hashed first, since a sender may choose them.

use std::path::Path;

use arrow::array::{Array, AsArray, RecordBatch};
use hashbrown::HashSet;
use model::TraceId;
use xxhash_rust::xxh3::xxh3_64;

use crate::bloom::Bloom;
use crate::error::ReadError;
use crate::files;
use crate::manifest::FileEntry;

const MAGIC: &[u8; 8] = b"HAECHIB2";
/// Of format 1: one filter for all row groups, and the checksum at the end, so that all such files have the same CRC-32 and
/// the manifest's told none from another.
const MAGIC_1: &[u8; 8] = b"HAECHIB1";
/// Bits per distinct id: one false positive in about two hundred look-ups.
const BITS_PER_ID: usize = 12;

/// Says of a trace id in which row groups it is surely absent.
pub(crate) struct TraceBlooms {
    /// By row group; of a file of the first version, one for all.
    groups: Vec<Bloom>,
}

/// Gathers the trace ids of a segment, row group by row group.
#[derive(Default)]
pub(crate) struct BloomBuilder {
    groups: Vec<Bloom>,
    /// Of the row group that has not ended.
    hashes: HashSet<u64>,
}

impl BloomBuilder {
    /// Adds the ids in the `trace_id` column of `batch` to the row group.
    pub(crate) fn add(&mut self, batch: &RecordBatch) {
        if let Some(ids) = batch.column_by_name("trace_id").and_then(|ids| ids.as_fixed_size_binary_opt()) {
            self.hashes.extend((0..ids.len()).filter(|row| ids.is_valid(*row)).map(|row| xxh3_64(ids.value(row))));
        }
    }

    /// Ends the row group.
    pub(crate) fn end_group(&mut self) {
        self.groups.push(Bloom::of(self.hashes.drain(), BITS_PER_ID));
    }

    pub(crate) fn finish(self) -> TraceBlooms {
        TraceBlooms { groups: self.groups }
    }
}

impl TraceBlooms {
    /// Whether any row group may hold a row of trace `id`.
    pub(crate) fn may_hold(&self, id: TraceId) -> bool {
        let hash = xxh3_64(&id.0);
        self.groups.iter().any(|bloom| bloom.may_hold(hash))
    }

    /// Whether row group `index` may hold a row of trace `id`.
    pub(crate) fn group_may_hold(&self, index: usize, id: TraceId) -> bool {
        let bloom = match self.groups.as_slice() {
            [one] => Some(one),
            groups => groups.get(index),
        };
        bloom.is_none_or(|bloom| bloom.may_hold(xxh3_64(&id.0)))
    }

    /// `magic | crc32 of the rest | groups u32 | blocks u32 of each | blocks of each`, little-endian.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut rest = (self.groups.len() as u32).to_le_bytes().to_vec();
        rest.extend(self.groups.iter().flat_map(|bloom| (bloom.n_blocks() as u32).to_le_bytes()));
        self.groups.iter().for_each(|bloom| bloom.write(&mut rest));
        [&MAGIC[..], &crc32fast::hash(&rest).to_le_bytes(), &rest].concat()
    }

    /// Reads the filters in the file of `entry` in the data directory `dir`.
    pub(crate) fn load(dir: &Path, entry: &FileEntry) -> Result<Self, ReadError> {
        let path = dir.join(&entry.path);
        let bytes = files::read_whole(&path, entry.bytes, entry.crc32).map_err(|error| ReadError::new(&path, error))?;
        TraceBlooms::from_bytes(&bytes).ok_or_else(|| ReadError::new(path, "the bloom filter is damaged"))
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let Some(rest) = bytes.strip_prefix(MAGIC) else {
            let (checked, crc) = bytes.split_last_chunk::<4>()?;
            let whole = crc32fast::hash(checked) == u32::from_le_bytes(*crc);
            let bloom = Bloom::read(checked.strip_prefix(MAGIC_1)?)?;
            return whole.then_some(TraceBlooms { groups: vec![bloom] });
        };
        let (crc, rest) = rest.split_first_chunk::<4>()?;
        if crc32fast::hash(rest) != u32::from_le_bytes(*crc) {
            return None;
        }
        let (n_groups, rest) = rest.split_first_chunk::<4>()?;
        let (lengths, mut blocks) = rest.split_at_checked((u32::from_le_bytes(*n_groups) as usize).checked_mul(4)?)?;
        let mut groups = Vec::new();
        for length in lengths.as_chunks::<4>().0 {
            let length = (u32::from_le_bytes(*length) as usize).checked_mul(32)?;
            let (of_group, rest) = blocks.split_at_checked(length)?;
            groups.push(Bloom::read(of_group)?);
            blocks = rest;
        }
        (blocks.is_empty() && !groups.is_empty()).then_some(TraceBlooms { groups })
    }
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

    fn group(numbers: std::ops::Range<u64>) -> RecordBatch {
        let ids = numbers.map(|number| (number % 10 != 0).then_some(id(number).0));
        let ids = FixedSizeBinaryArray::try_from_sparse_iter_with_size(ids, 16).unwrap();
        RecordBatch::try_from_iter([("trace_id", Arc::new(ids) as _)]).unwrap()
    }

    fn blooms(groups: &[std::ops::Range<u64>]) -> Vec<u8> {
        let mut builder = BloomBuilder::default();
        groups.iter().for_each(|numbers| {
            builder.add(&group(numbers.clone()));
            builder.end_group();
        });
        builder.finish().to_bytes()
    }

    #[test]
    fn tells_the_row_groups_apart() {
        let blooms = TraceBlooms::from_bytes(&blooms(&[0..5_000, 5_000..5_000, 5_000..10_000])).unwrap();
        for number in (0..10_000).filter(|number| number % 10 != 0) {
            assert!(blooms.group_may_hold(if number < 5_000 { 0 } else { 2 }, id(number)));
            assert!(!blooms.group_may_hold(1, id(number)));
        }
        let wrong = (5_000..10_000).filter(|number| blooms.group_may_hold(0, id(*number))).count();
        assert!(wrong < 100, "{wrong} of 5,000");
        assert!(blooms.group_may_hold(3, id(1)), "of a row group that it does not know, it knows nothing");
    }

    #[test]
    fn one_filter_of_the_first_version_is_for_all_row_groups() {
        let mut bytes = MAGIC_1.to_vec();
        Bloom::of([xxh3_64(&id(1).0)].into_iter(), 12).write(&mut bytes);
        bytes.extend_from_slice(&crc32fast::hash(&bytes).to_le_bytes());
        let blooms = TraceBlooms::from_bytes(&bytes).unwrap();
        assert!(
            [0, 1, 7].iter().all(|group| blooms.group_may_hold(*group, id(1)) && !blooms.group_may_hold(*group, id(2)))
        );
    }

    #[test]
    fn damage_is_noticed() {
        let bytes = blooms(&[0..100, 100..200]);
        for at in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1;
            assert!(TraceBlooms::from_bytes(&damaged).is_none(), "byte {at}");
            assert!(TraceBlooms::from_bytes(&bytes[..at]).is_none(), "cut at {at}");
        }
    }
}
