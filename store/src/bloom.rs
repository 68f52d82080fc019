//! A bloom filter: says of a hash whether it is surely absent, with one cache line a look-up.
//!
//! The split-block filter of the Parquet format (`BloomFilter.md`): blocks of 256 bits, one bit in each of eight words.

/// The multipliers of the Parquet specification.
const SALT: [u32; 8] =
    [0x47b6_137b, 0x4497_4d91, 0x8824_ad5b, 0xa2b7_289d, 0x7054_95c7, 0x2df1_424b, 0x9efc_4947, 0x5c6b_fb31];

const BLOCK_BYTES: usize = 32;

pub(crate) struct Bloom {
    blocks: Vec<[u32; 8]>,
}

impl Bloom {
    /// The filter of `hashes`, which are uniformly spread, with so many bits to each.
    pub(crate) fn of(hashes: impl ExactSizeIterator<Item = u64>, bits: usize) -> Self {
        let mut bloom = Bloom { blocks: vec![[0; 8]; (hashes.len() * bits).div_ceil(8 * BLOCK_BYTES).max(1)] };
        for hash in hashes {
            let block = bloom.block(hash);
            for (word, bit) in bloom.blocks[block].iter_mut().zip(mask(hash)) {
                *word |= bit;
            }
        }
        bloom
    }

    pub(crate) fn may_hold(&self, hash: u64) -> bool {
        self.blocks[self.block(hash)].iter().zip(mask(hash)).all(|(word, bit)| word & bit != 0)
    }

    fn block(&self, hash: u64) -> usize {
        (((hash >> 32) * self.blocks.len() as u64) >> 32) as usize
    }

    /// The length of [`Bloom::write`]'s bytes in blocks.
    pub(crate) fn n_blocks(&self) -> usize {
        self.blocks.len()
    }

    /// Appends the blocks, words little-endian.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        out.extend(self.blocks.iter().flatten().flat_map(|word| word.to_le_bytes()));
    }

    /// `None` when `bytes` is not one block or more.
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        if bytes.is_empty() || !bytes.len().is_multiple_of(BLOCK_BYTES) {
            return None;
        }
        let words: Vec<u32> = bytes.as_chunks::<4>().0.iter().map(|word| u32::from_le_bytes(*word)).collect();
        Some(Bloom { blocks: words.as_chunks::<8>().0.to_vec() })
    }
}

fn mask(hash: u64) -> [u32; 8] {
    SALT.map(|salt| 1 << ((hash as u32).wrapping_mul(salt) >> 27))
}

#[cfg(test)]
mod tests {
    use xxhash_rust::xxh3::xxh3_64;

    use super::*;

    fn hash(number: u64) -> u64 {
        xxh3_64(&number.to_le_bytes())
    }

    #[test]
    fn holds_every_hash_and_few_others() {
        let mut bytes = Vec::new();
        let bloom = Bloom::of((0..10_000).map(hash).collect::<Vec<_>>().into_iter(), 12);
        bloom.write(&mut bytes);
        assert_eq!(bytes.len(), bloom.n_blocks() * BLOCK_BYTES);
        let bloom = Bloom::read(&bytes).unwrap();
        assert!((0..10_000).all(|number| bloom.may_hold(hash(number))));
        let false_positives = (10_000..30_000).filter(|number| bloom.may_hold(hash(*number))).count();
        assert!(false_positives < 400, "{false_positives} of 20,000");
    }

    #[test]
    fn of_nothing_holds_nothing_and_of_no_block_is_none() {
        assert!(!Bloom::of([].into_iter(), 12).may_hold(hash(1)));
        assert!(Bloom::read(&[]).is_none() && Bloom::read(&[0; 33]).is_none());
    }
}
