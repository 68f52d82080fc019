//! Checksums of a Parquet file by block, so that a read proves what it reads and nothing more.
//!
//! Parquet has a checksum for the data of a page, but none for page headers, indexes and the footer, and the writer in use
//! does not write even that. So the file carries its own: the data is divided into parts, one for each row group, and each
//! part into blocks of 16 KiB whose CRC-32 is in the footer's key-value metadata. Damage to a block is damage to one row
//! group. What follows the last row group, the tail, is covered by a checksum in the manifest. Specified in
//! `docs/formats/segment.md`.

/// Bytes that share a checksum: small beside a page worth reading, large beside the four bytes of its CRC.
pub(crate) const BLOCK_BYTES: usize = 16 << 10;

/// The key of the checksums in a Parquet file's metadata.
pub(crate) const KEY: &str = "haechi.checksums";

/// The checksums of the first bytes of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct BlockSums {
    parts: Vec<Part>,
}

/// Consecutive blocks, of which the last may be shorter.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Part {
    start: u64,
    length: u64,
    sums: Vec<u32>,
}

impl Part {
    fn end(&self) -> u64 {
        self.start + self.length
    }
}

impl BlockSums {
    /// The number of bytes that have checksums, from the start of the file.
    pub(crate) fn covered(&self) -> u64 {
        self.parts.last().map_or(0, Part::end)
    }

    /// The memory that they take, in bytes.
    pub(crate) fn memory(&self) -> usize {
        self.parts.iter().map(|part| size_of::<Part>() + size_of_val(part.sums.as_slice())).sum()
    }

    /// Where each part starts, its length, and the checksums of its blocks.
    pub(super) fn parts(&self) -> impl Iterator<Item = (u64, u64, &[u32])> {
        self.parts.iter().map(|part| (part.start, part.length, part.sums.as_slice()))
    }

    /// The checksums of one part of `length` bytes, `sums` in little-endian.
    pub(crate) fn of_one_part(length: u64, sums: &[u8]) -> Option<Self> {
        let sums: Vec<u32> = sums.as_chunks::<4>().0.iter().map(|sum| u32::from_le_bytes(*sum)).collect();
        let whole = sums.len() as u64 == length.div_ceil(BLOCK);
        whole.then(|| BlockSums { parts: vec![Part { start: 0, length, sums }] })
    }

    /// The length of what [`BlockSums::to_bytes`] makes of one part of `length` bytes.
    pub(crate) fn bytes_of(length: u64) -> u64 {
        length.div_ceil(BLOCK) * size_of::<u32>() as u64
    }

    /// The checksums of all blocks, as [`BlockSums::of_one_part`] takes them.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        self.parts.iter().flat_map(|part| &part.sums).flat_map(|sum| sum.to_le_bytes()).collect()
    }

    /// Where the part that holds `offset` ends.
    pub(super) fn part_end(&self, offset: u64) -> Option<u64> {
        self.parts.get(self.parts.partition_point(|part| part.end() <= offset)).map(Part::end)
    }

    /// The blocks that hold the `length` bytes at `offset`: where they start, their length and their checksums. `None` when
    /// no part holds all the bytes.
    pub(super) fn blocks(&self, offset: u64, length: u64) -> Option<(u64, u64, &[u32])> {
        let part = &self.parts[self.parts.partition_point(|part| part.end() <= offset)..].first()?;
        let end = offset.checked_add(length).filter(|end| *end <= part.end())?;
        let (first, after) = ((offset - part.start) / BLOCK, (end - part.start).div_ceil(BLOCK));
        let start = part.start + first * BLOCK;
        let length = (part.start + after * BLOCK).min(part.end()) - start;
        Some((start, length, &part.sums[first as usize..after as usize]))
    }

    /// For each part: its length as u64, then the CRC-32 of each block; little-endian, in hex.
    pub(crate) fn encode(&self) -> String {
        let mut text = String::with_capacity(self.parts.iter().map(|part| 16 + part.sums.len() * 8).sum());
        let mut push = |bytes: &[u8]| {
            for byte in bytes {
                text.push(char::from(HEX[usize::from(byte >> 4)]));
                text.push(char::from(HEX[usize::from(byte & 15)]));
            }
        };
        for part in &self.parts {
            push(&part.length.to_le_bytes());
            part.sums.iter().for_each(|sum| push(&sum.to_le_bytes()));
        }
        text
    }

    /// What [`BlockSums::encode`] wrote.
    pub(crate) fn decode(text: &str) -> Option<Self> {
        let digit = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8);
        let pairs = text.as_bytes().as_chunks::<2>();
        if !pairs.1.is_empty() {
            return None;
        }
        let bytes: Vec<u8> =
            pairs.0.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect::<Option<_>>()?;
        let mut sums = BlockSums::default();
        let mut rest = bytes.as_slice();
        while let Some((length, after)) = rest.split_first_chunk::<8>() {
            let length = u64::from_le_bytes(*length);
            let n_blocks = usize::try_from(length.div_ceil(BLOCK)).ok()?;
            let (blocks, after) = after.split_at_checked(n_blocks.checked_mul(4)?)?;
            let start = sums.covered();
            start.checked_add(length)?;
            let blocks = blocks.as_chunks::<4>().0.iter().map(|sum| u32::from_le_bytes(*sum)).collect();
            sums.parts.push(Part { start, length, sums: blocks });
            rest = after;
        }
        rest.is_empty().then_some(sums)
    }
}

const BLOCK: u64 = BLOCK_BYTES as u64;
const HEX: &[u8; 16] = b"0123456789abcdef";

/// Computes [`BlockSums`] of bytes that pass by.
#[derive(Default)]
pub(super) struct BlockSummer {
    sums: BlockSums,
    /// Of the part that has begun: its finished blocks, and the block under way.
    blocks: Vec<u32>,
    block: crc32fast::Hasher,
    in_block: usize,
}

impl BlockSummer {
    pub(super) fn update(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let (now, later) = bytes.split_at(bytes.len().min(BLOCK_BYTES - self.in_block));
            self.block.update(now);
            self.in_block += now.len();
            bytes = later;
            if self.in_block == BLOCK_BYTES {
                self.end_block();
            }
        }
    }

    fn end_block(&mut self) {
        self.blocks.push(std::mem::take(&mut self.block).finalize());
        self.in_block = 0;
    }

    /// Ends a part: what follows shares no block with what came before.
    pub(super) fn end_part(&mut self) {
        let partial = self.in_block;
        if partial > 0 {
            self.end_block();
        }
        if self.blocks.is_empty() {
            return;
        }
        let sums = std::mem::take(&mut self.blocks);
        let whole = if partial > 0 { sums.len() - 1 } else { sums.len() };
        let length = (whole * BLOCK_BYTES + partial) as u64;
        self.sums.parts.push(Part { start: self.sums.covered(), length, sums });
    }

    /// The checksums of the parts that have ended.
    pub(super) fn sums(&self) -> &BlockSums {
        &self.sums
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sums(parts: &[&[u8]]) -> BlockSums {
        let mut summer = BlockSummer::default();
        for part in parts {
            part.chunks(1000).for_each(|bytes| summer.update(bytes));
            summer.end_part();
        }
        summer.sums().clone()
    }

    #[test]
    fn parts_share_no_block_and_blocks_are_those_that_hold_a_range() {
        let bytes: Vec<u8> = (0..3 * BLOCK_BYTES + 10).map(|it| (it * 31 % 251) as u8).collect();
        let (one, two) = bytes.split_at(2 * BLOCK_BYTES + 5);
        let sums = sums(&[one, two, &[]]);
        assert_eq!(sums.covered(), bytes.len() as u64);
        let table = [
            ((0, 1), Some((0, BLOCK, 1))),
            ((BLOCK - 1, 2), Some((0, 2 * BLOCK, 2))),
            ((2 * BLOCK, 5), Some((2 * BLOCK, 5, 1))),
            ((2 * BLOCK, 6), None), // of two parts
            ((2 * BLOCK + 5, BLOCK), Some((2 * BLOCK + 5, BLOCK, 1))),
            ((3 * BLOCK + 5, 5), Some((3 * BLOCK + 5, 5, 1))),
            ((3 * BLOCK + 5, 6), None), // beyond what is covered
            ((u64::MAX, 1), None),
            ((0, u64::MAX), None),
        ];
        for ((offset, length), expected) in table {
            let found = sums.blocks(offset, length);
            assert_eq!(found.map(|(start, length, sums)| (start, length, sums.len())), expected, "{offset} {length}");
            if let Some((start, length, sums)) = found {
                let bytes = &bytes[start as usize..(start + length) as usize];
                assert!(bytes.chunks(BLOCK_BYTES).map(crc32fast::hash).eq(sums.iter().copied()));
            }
        }
    }

    #[test]
    fn text_is_read_back_and_nonsense_is_not() {
        let sums = sums(&[&[1; 20_000], &[2; BLOCK_BYTES]]);
        let text = sums.encode();
        assert_eq!(BlockSums::decode(&text), Some(sums));
        assert_eq!(BlockSums::decode(""), Some(BlockSums::default()));
        for text in ["0", "zz", "00", "ffffffffffffffff", "0100000000000000", &text[..text.len() - 8], &text[1..]] {
            assert_eq!(BlockSums::decode(text), None, "{text:?}");
        }
    }
}
