//! In which blocks of rows an id may be: the index of tokens that are nearly all different.
//!
//! Postings of such tokens would be dictionary and little else, some 20 bytes each. Here an id is its hash: of each pair of an
//! id and a block that holds it, a position in a range of 2^r places to a pair, and the number of the block. Pairs are sorted
//! and positions kept as differences in a Rice code, which takes r + 1.6 bits; with a block's number of 6 bits and r = 4 a pair
//! takes 11.6 bits, and an id that is nowhere comes out with one block in every sixteen groups of 64 blocks, a false positive
//! for one block in a thousand. A bloom filter for each block needs 16 bits for that, and a read for each block besides.
//!
//! ```text
//! offsets  u32…    where in `pairs` each bucket starts, and where the last one ends
//! pairs            buckets, each from a full byte on, of 512 · 2^r positions; in a bucket for each pair, ascending:
//!                  the difference of its position to the one before (at first, to the start of the bucket) in a Rice code
//!                  (difference / 2^r as ones and a zero, then r bits), and 6 bits for the block. Bits are filled from the
//!                  least significant one on; ones fill the last byte of a bucket.
//! ```
//!
//! The position of an id is `(hash & !63) · n_pairs · 2^r / 2^64`, the hash being its XXH3-64.

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

/// Rows of a block, unless it has too many ids: those that one or two pages of the body column hold.
const BLOCK_ROWS: u32 = 4096;
/// Blocks that are searched together.
pub(super) const GROUP_BLOCKS: usize = 64;
const BLOCK_BITS: u32 = 6;
/// Bounds what the ids of a block, and of a group, take in memory while they are gathered: 8 bytes each.
const MAX_BLOCK_IDS: usize = 1 << 17;
const MAX_GROUP_PAIRS: usize = 1 << 20;

const REMAINDER_BITS: u8 = 4;
const BUCKET_PAIRS: u64 = 512;

/// What is known of a group of blocks beside its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Group {
    /// The first row of each block, and the row after the last.
    pub(super) starts: Vec<u32>,
    pub(super) n_pairs: u32,
    pub(super) remainder_bits: u8,
}

/// The ids of the rows since the last group.
#[derive(Default)]
pub(super) struct GroupBuilder {
    starts: Vec<u32>,
    /// Hashes, as they are.
    ids: HashTable<u64>,
    /// The hash of an id, its last bits replaced by the number of the block.
    pairs: Vec<u64>,
    end: u32,
}

impl GroupBuilder {
    /// Notes that `row` holds an id. Returns whether it is new in its block.
    #[inline]
    pub(super) fn add(&mut self, hash: u64) -> bool {
        match self.ids.entry(hash, |it| *it == hash, |it| *it) {
            Entry::Occupied(_) => false,
            Entry::Vacant(vacant) => {
                vacant.insert(hash);
                true
            }
        }
    }

    /// Called after the ids of each row, in ascending order from the end of the last group on. Returns whether the group is
    /// to be finished.
    pub(super) fn end_row(&mut self, row: u32) -> bool {
        if self.starts.is_empty() {
            self.starts.push(row);
        }
        self.end = row + 1;
        let start = self.starts.last().copied().unwrap_or(row);
        if self.end - start >= BLOCK_ROWS || self.ids.len() >= MAX_BLOCK_IDS {
            self.end_block();
        }
        self.starts.len() > GROUP_BLOCKS || self.pairs.len() >= MAX_GROUP_PAIRS && self.ids.is_empty()
    }

    fn end_block(&mut self) {
        let block = self.starts.len() as u64 - 1;
        let mask = (1 << BLOCK_BITS) - 1;
        self.pairs.extend(self.ids.drain().map(|hash| hash & !mask | block));
        self.starts.push(self.end);
    }

    /// The group and its bytes; `None` when it has no rows.
    pub(super) fn finish(&mut self) -> Option<(Group, Vec<u8>)> {
        let start = *self.starts.last()?;
        if start < self.end {
            self.end_block();
        }
        self.pairs.sort_unstable();
        self.pairs.dedup();
        let group = Group {
            starts: std::mem::take(&mut self.starts),
            n_pairs: self.pairs.len() as u32,
            remainder_bits: REMAINDER_BITS,
        };
        let bytes = group.encode(&self.pairs);
        self.pairs.clear();
        Some((group, bytes))
    }

    /// The memory in use, in bytes.
    pub(super) fn memory(&self) -> usize {
        self.pairs.capacity() * 8 + self.ids.capacity() * 9
    }
}

impl Group {
    fn position(&self, hash: u64) -> u64 {
        let range = u64::from(self.n_pairs) << self.remainder_bits;
        ((u128::from(hash >> BLOCK_BITS << BLOCK_BITS) * u128::from(range)) >> 64) as u64
    }

    fn bucket_positions(&self) -> u64 {
        BUCKET_PAIRS << self.remainder_bits
    }

    pub(super) fn n_buckets(&self) -> usize {
        u64::from(self.n_pairs).div_ceil(BUCKET_PAIRS) as usize
    }

    fn encode(&self, pairs: &[u64]) -> Vec<u8> {
        let out = vec![0; (self.n_buckets() + 1) * 4];
        let header = out.len();
        let mut bits = BitWriter { out, pending: 0, n_pending: 0 };
        let mut pairs = pairs.iter().map(|pair| (self.position(*pair), pair & ((1 << BLOCK_BITS) - 1))).peekable();
        for bucket in 0..self.n_buckets() {
            let mut last = bucket as u64 * self.bucket_positions();
            let end = last + self.bucket_positions();
            while let Some((position, block)) = pairs.next_if(|(position, _)| *position < end) {
                let difference = position - last;
                last = position;
                bits.ones(difference >> self.remainder_bits);
                bits.push(0, 1);
                bits.push(difference & ((1 << self.remainder_bits) - 1), u32::from(self.remainder_bits));
                bits.push(block, BLOCK_BITS);
            }
            bits.fill();
            let offset = (bits.out.len() - header) as u32;
            bits.out[(bucket + 1) * 4..][..4].copy_from_slice(&offset.to_le_bytes());
        }
        bits.out
    }

    /// The bytes of the group that hold the two offsets of the bucket an id is in.
    pub(super) fn offsets_of(&self, hash: u64) -> Option<std::ops::Range<usize>> {
        let bucket = (self.n_pairs > 0).then(|| (self.position(hash) / self.bucket_positions()) as usize)?;
        Some(bucket * 4..bucket * 4 + 8)
    }

    /// The bytes of the group that the bucket takes, of its two offsets.
    pub(super) fn bucket(&self, offsets: &[u8]) -> Option<std::ops::Range<usize>> {
        let header = (self.n_buckets() + 1) * 4;
        let offset = |at: usize| {
            let bytes = offsets.get(at..)?.first_chunk::<4>()?;
            header.checked_add(u32::from_le_bytes(*bytes) as usize)
        };
        Some(offset(0)?..offset(4)?)
    }

    /// The blocks that may hold the id, a bit each, of the bytes of its bucket.
    pub(super) fn blocks(&self, bucket: &[u8], hash: u64) -> u64 {
        let wanted = self.position(hash);
        let mut last = wanted / self.bucket_positions() * self.bucket_positions();
        let mut bits = BitReader { bytes: bucket, at: 0 };
        let mut blocks = 0;
        let mut next = || {
            let quotient = bits.ones()?;
            let remainder = bits.take(u32::from(self.remainder_bits))?;
            Some((quotient << self.remainder_bits | remainder, bits.take(BLOCK_BITS)?))
        };
        while let Some((difference, block)) = next() {
            last += difference;
            if last > wanted {
                break;
            }
            if last == wanted {
                blocks |= 1 << block;
            }
        }
        blocks
    }
}

struct BitWriter {
    out: Vec<u8>,
    pending: u64,
    n_pending: u32,
}

impl BitWriter {
    /// Appends the lower `n` bits of `value`, at most 32; the others are zero.
    #[inline]
    fn push(&mut self, value: u64, n: u32) {
        self.pending |= value << self.n_pending;
        self.n_pending += n;
        while self.n_pending >= 8 {
            self.out.push(self.pending as u8);
            self.pending >>= 8;
            self.n_pending -= 8;
        }
    }

    fn ones(&mut self, mut n: u64) {
        while n > 0 {
            let now = n.min(32) as u32;
            self.push((1 << now) - 1, now);
            n -= u64::from(now);
        }
    }

    /// Ends the byte.
    fn fill(&mut self) {
        if self.n_pending > 0 {
            self.ones(u64::from(8 - self.n_pending));
        }
    }
}

struct BitReader<'a> {
    bytes: &'a [u8],
    /// In bits.
    at: usize,
}

impl BitReader<'_> {
    /// The bits from here on, at least 56 of them; beyond the end they are ones.
    #[inline]
    fn window(&self) -> u64 {
        let rest = &self.bytes[self.at / 8..];
        let word = match rest.first_chunk::<8>() {
            Some(bytes) => u64::from_le_bytes(*bytes),
            None => {
                let mut bytes = [0xff; 8];
                bytes[..rest.len()].copy_from_slice(rest);
                u64::from_le_bytes(bytes)
            }
        };
        word >> (self.at % 8)
    }

    #[inline]
    fn advance(&mut self, n: u32) -> Option<()> {
        self.at += n as usize;
        (self.at <= self.bytes.len() * 8).then_some(())
    }

    /// The number of ones up to the next zero, which is taken too; `None` when there is no zero.
    #[inline]
    fn ones(&mut self) -> Option<u64> {
        let mut n = 0;
        loop {
            let ones = self.window().trailing_ones().min(56);
            n += u64::from(ones);
            if ones < 56 {
                self.advance(ones + 1)?;
                return Some(n);
            }
            self.advance(ones)?;
        }
    }

    #[inline]
    fn take(&mut self, n: u32) -> Option<u64> {
        let value = self.window() & ((1 << n) - 1);
        self.advance(n)?;
        Some(value)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use xxhash_rust::xxh3::xxh3_64;

    use super::*;

    fn blocks(group: &Group, bytes: &[u8], hash: u64) -> u64 {
        let Some(offsets) = group.offsets_of(hash) else { return 0 };
        group.blocks(&bytes[group.bucket(&bytes[offsets]).unwrap()], hash)
    }

    fn group_of(rows: &[Vec<u64>]) -> Vec<(Group, Vec<u8>)> {
        let mut builder = GroupBuilder::default();
        let mut groups = Vec::new();
        for (row, ids) in rows.iter().enumerate() {
            ids.iter().for_each(|id| _ = builder.add(*id));
            if builder.end_row(row as u32) {
                groups.extend(builder.finish());
            }
        }
        groups.extend(builder.finish());
        groups
    }

    #[test]
    fn finds_the_block_of_each_id_and_few_others() {
        let rows: Vec<Vec<u64>> = (0..300_000u64).map(|it| vec![xxh3_64(&it.to_le_bytes()), 7, it / 9000]).collect();
        let groups = group_of(&rows);
        assert_eq!(groups.len(), 2);
        assert_eq!(groups[1].0.starts.first(), groups[0].0.starts.last());
        let bytes: usize = groups.iter().map(|(_, bytes)| bytes.len()).sum();
        assert!(bytes * 8 < rows.len() * 12, "{} bits each", bytes as f64 * 8.0 / rows.len() as f64);
        for (group, bytes) in &groups {
            let n_blocks = group.starts.len() - 1;
            assert_eq!(blocks(group, bytes, 7), u64::MAX >> (64 - n_blocks), "an id of each row is in each block");
            for block in 0..n_blocks {
                for row in (group.starts[block]..group.starts[block + 1]).step_by(97) {
                    assert!(blocks(group, bytes, rows[row as usize][0]) & (1 << block) != 0, "{row}");
                }
            }
            let false_ones: u32 =
                (0..4096u64).map(|it| blocks(group, bytes, xxh3_64(&(it << 32).to_le_bytes())).count_ones()).sum();
            assert!(false_ones < 400, "{false_ones} blocks for 4,096 absent ids");
        }
    }

    #[test]
    fn memory_is_bounded_when_rows_hold_very_many_ids() {
        let mut builder = GroupBuilder::default();
        let (mut most, mut number, mut n_groups) = (0, 0u64, 0);
        for row in 0..600 {
            for _ in 0..4000 {
                number += 1;
                builder.add(xxh3_64(&number.to_le_bytes()));
            }
            if builder.end_row(row) {
                builder.finish().unwrap();
                n_groups += 1;
            }
            most = most.max(builder.memory());
        }
        assert!(n_groups > 1 && most < 32 << 20, "{n_groups} groups, {most} bytes");
    }

    #[test]
    fn rows_without_ids_make_groups_without_pairs() {
        let groups = group_of(&vec![vec![]; 10_000]);
        assert_eq!(groups.len(), 1);
        assert_eq!(groups[0].0.starts, [0, 4096, 8192, 10_000]);
        assert_eq!(blocks(&groups[0].0, &groups[0].1, 99), 0);
        assert!(GroupBuilder::default().finish().is_none());
    }

    proptest! {
        #[test]
        fn every_id_is_found_whatever_its_hash(
            rows in prop::collection::vec(prop::collection::vec(prop_oneof![any::<u64>(), 0u64..4, (0u64..64).prop_map(|it| u64::MAX - it)], 0..20), 1..60),
        ) {
            for (group, bytes) in group_of(&rows) {
                for (row, id) in rows.iter().enumerate().flat_map(|(row, ids)| ids.iter().map(move |id| (row, *id))) {
                    let block = group.starts.partition_point(|start| *start as usize <= row) - 1;
                    prop_assert!(blocks(&group, &bytes, id) & (1 << block) != 0);
                }
            }
        }

        #[test]
        fn bytes_that_were_not_written_here_do_no_harm(bytes in prop::collection::vec(any::<u8>(), 0..64), hash: u64, n_pairs in 0u32..5000) {
            let group = Group { starts: vec![0, 9], n_pairs, remainder_bits: REMAINDER_BITS };
            if n_pairs > 0 {
                group.blocks(&bytes, hash);
                group.bucket(&bytes);
            }
        }
    }
}
