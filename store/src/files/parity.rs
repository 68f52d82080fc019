//! Parity of the blocks of a file, kept beside it: a block that is damaged or that the disk does not give is restored from
//! the others.
//!
//! Each part of a file (see [`BlockSums`]) is divided into fields of 2,048 blocks, the last one shorter. The blocks of a field
//! take turns in its stripes, and of each stripe the exclusive or of its blocks is kept. There is a stripe for each 128 blocks.
//! What is lost at once may lie on the border of two blocks: they are of two stripes or, where there is only one, each has what
//! the other lacks. Specified in `docs/formats/segment.md`.

use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;

use super::checked::{check, read_exact};
use super::sums::{BLOCK_BYTES, BlockSums};
use crate::damage::{DamageKind, DamageLog};
use crate::error::ReadError;

/// The most stripes of a field.
const MOST_STRIPES: usize = 16;
/// Blocks that share a block of parity: under one percent more bytes.
const BLOCKS_OF_STRIPE: usize = 128;
/// Storage loses whole sectors: the least of those in use.
const SECTOR_BYTES: usize = 512;
const FIELD_BLOCKS: usize = MOST_STRIPES * BLOCKS_OF_STRIPE;

/// The number of stripes of a field. Powers of two, so that many stripes fold into fewer when it ends.
fn stripes(n_blocks: usize) -> usize {
    n_blocks.div_ceil(BLOCKS_OF_STRIPE).next_power_of_two()
}

/// The bytes of parity of a field of `length` bytes.
fn parity_bytes(length: u64) -> u64 {
    let n_blocks = length.div_ceil(BLOCK_BYTES as u64);
    stripes(n_blocks as usize) as u64 * length.min(BLOCK_BYTES as u64)
}

/// Computes the parity of bytes that pass by.
#[derive(Default)]
pub(super) struct ParityBuilder {
    /// Of the field that has begun: its stripes, as if it were to have the most, and its bytes.
    stripes: Vec<Vec<u8>>,
    in_field: usize,
    done: Vec<u8>,
}

impl ParityBuilder {
    pub(super) fn update(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let (block, at) = (self.in_field / BLOCK_BYTES, self.in_field % BLOCK_BYTES);
            let (now, later) = bytes.split_at(bytes.len().min(BLOCK_BYTES - at));
            if self.stripes.len() <= block && self.stripes.len() < MOST_STRIPES {
                self.stripes.push(vec![0; BLOCK_BYTES]);
            }
            xor(&mut self.stripes[block % MOST_STRIPES][at..], now);
            self.in_field += now.len();
            bytes = later;
            if self.in_field == FIELD_BLOCKS * BLOCK_BYTES {
                self.end_field();
            }
        }
    }

    fn end_field(&mut self) {
        let n_stripes = stripes(self.in_field.div_ceil(BLOCK_BYTES));
        let (kept, folded) = self.stripes.split_at_mut(n_stripes);
        folded.iter().enumerate().for_each(|(number, stripe)| xor(&mut kept[number % n_stripes], stripe));
        let length = self.in_field.min(BLOCK_BYTES);
        kept.iter().for_each(|stripe| self.done.extend_from_slice(&stripe[..length]));
        self.stripes.iter_mut().for_each(|stripe| stripe.fill(0));
        self.in_field = 0;
    }

    /// Ends a part, and a field with it.
    pub(super) fn end_part(&mut self) {
        if self.in_field > 0 {
            self.end_field();
        }
    }

    /// The parity of the fields that have ended since this was asked last.
    pub(super) fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.done)
    }
}

fn xor(into: &mut [u8], bytes: &[u8]) {
    into.iter_mut().zip(bytes).for_each(|(into, byte)| *into ^= byte);
}

/// Restores blocks of one file.
#[derive(Clone)]
pub(crate) struct Parity {
    /// The file whose blocks it restores.
    pub(crate) of: PathBuf,
    /// Where the parity is, …
    pub(crate) path: PathBuf,
    /// … and from which byte on.
    pub(crate) start: u64,
    /// What was restored is noted here.
    pub(crate) damage: Arc<DamageLog>,
}

impl Parity {
    /// The bytes of parity of a file with these checksums.
    pub(crate) fn length(sums: &BlockSums) -> u64 {
        sums.parts().flat_map(|(start, length, _)| fields(start, length)).map(|(_, length)| parity_bytes(length)).sum()
    }

    /// Whether the parity of a file with these checksums has all of its bytes: each part of it is one block.
    pub(super) fn is_whole_copy(sums: &BlockSums) -> bool {
        sums.parts().all(|(_, length, _)| length <= BLOCK_BYTES as u64)
    }

    /// The block of `file` at `start`, which came as `error`. Fails with that when it cannot be restored.
    pub(super) fn restore(&self, file: &File, sums: &BlockSums, start: u64, error: io::Error) -> io::Result<Bytes> {
        match self.compute(file, sums, start) {
            Ok(bytes) => {
                let message = format!("{error}; these bytes are restored from {}", self.path.display());
                self.damage.note(DamageKind::Restored, &ReadError::new(&self.of, message));
                Ok(bytes)
            }
            Err(reason) => Err(io::Error::new(error.kind(), format!("{error}; they cannot be restored: {reason}"))),
        }
    }

    fn compute(&self, file: &File, sums: &BlockSums, at: u64) -> io::Result<Bytes> {
        let block = BLOCK_BYTES as u64;
        let mut place = self.start;
        let all = sums.parts().flat_map(|(start, length, sums)| {
            fields(start, length).zip(sums.chunks(FIELD_BLOCKS)).map(|((start, length), sums)| (start, length, sums))
        });
        for (start, length, sums) in all {
            if at >= start + length {
                place += parity_bytes(length);
                continue;
            }
            let number = ((at - start) / block) as usize;
            return Field { file, start, length, sums }.restore(number, &File::open(&self.path)?, place);
        }
        Err(io::Error::new(io::ErrorKind::InvalidInput, "no part has it"))
    }
}

/// A field of a file that is read, its checksums and where it is.
struct Field<'a> {
    file: &'a File,
    start: u64,
    length: u64,
    sums: &'a [u32],
}

impl Field<'_> {
    /// The block of this number, by the parity of the field, which is in `parity` from `place` on.
    fn restore(&self, number: usize, parity: &File, place: u64) -> io::Result<Bytes> {
        let n_stripes = stripes(self.sums.len());
        let stripe_bytes = self.length.min(BLOCK_BYTES as u64);
        let place = place + (number % n_stripes) as u64 * stripe_bytes;
        // What the blocks of the stripe that did not come are, by exclusive or.
        let mut lost = read_exact(parity, place, stripe_bytes)?.to_vec();
        let mut neighbour = None;
        for other in (number % n_stripes..self.sums.len()).step_by(n_stripes).filter(|it| *it != number) {
            match self.block(other) {
                Ok(bytes) => xor(&mut lost, &bytes),
                Err(error) if neighbour.is_none() && other.abs_diff(number) == 1 => neighbour = Some((other, error)),
                Err(error) => return Err(error),
            }
        }
        let mut restored = match neighbour {
            None => lost,
            Some((other, error)) => {
                let [first, second] = self.divide(number.min(other), lost).ok_or(error)?;
                if number < other { first } else { second }
            }
        };
        restored.truncate(self.place(number).1 as usize);
        match crc32fast::hash(&restored) == self.sums[number] {
            true => Ok(restored.into()),
            false => Err(io::Error::new(io::ErrorKind::InvalidData, "its parity is damaged too")),
        }
    }

    /// The block of this number and the next one, both damaged, out of their exclusive or: what was lost at once on their border
    /// has left the first one whole up to some sector, and the second one from the same place in it on.
    fn divide(&self, number: usize, both: Vec<u8>) -> Option<[Vec<u8>; 2]> {
        let read = self.salvage(number);
        // The first one if nothing of it was read, then with ever more of what was.
        let mut first = both.clone();
        xor(&mut first, &self.salvage(number + 1));
        for end in (0..=first.len()).step_by(SECTOR_BYTES) {
            let sector = end.saturating_sub(SECTOR_BYTES)..end;
            first[sector.clone()].copy_from_slice(&read[sector]);
            if crc32fast::hash(&first) == self.sums[number] {
                let mut second = both;
                xor(&mut second, &first);
                return Some([first, second]);
            }
        }
        None
    }

    /// Where a block is, and how long.
    fn place(&self, number: usize) -> (u64, u64) {
        let from = number as u64 * BLOCK_BYTES as u64;
        (self.start + from, (self.length - from).min(BLOCK_BYTES as u64))
    }

    fn block(&self, number: usize) -> io::Result<Bytes> {
        let (start, length) = self.place(number);
        let bytes = read_exact(self.file, start, length)?;
        check(&bytes, start, self.sums[number])?;
        Ok(bytes)
    }

    /// A block as it is read, unproven, with zeros for what cannot be.
    fn salvage(&self, number: usize) -> Vec<u8> {
        let (start, length) = self.place(number);
        let mut bytes = vec![0; length as usize];
        for (piece, at) in bytes.chunks_mut(SECTOR_BYTES).zip((start..).step_by(SECTOR_BYTES)) {
            if let Ok(read) = read_exact(self.file, at, piece.len() as u64) {
                piece.copy_from_slice(&read);
            }
        }
        bytes
    }
}

/// The fields of a part: where each starts, and its length.
fn fields(start: u64, length: u64) -> impl Iterator<Item = (u64, u64)> {
    let most = (FIELD_BLOCKS * BLOCK_BYTES) as u64;
    (0..length.div_ceil(most)).map(move |number| (start + number * most, most.min(length - number * most)))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write;

    use parquet::file::reader::ChunkReader;

    use super::*;
    use crate::files::{CheckedFile, ChecksummedWriter};

    const B: usize = BLOCK_BYTES;

    /// A file with parts of these lengths, and what to read it with.
    struct Written {
        dir: tempfile::TempDir,
        bytes: Vec<u8>,
        sums: Arc<BlockSums>,
        damage: Arc<DamageLog>,
    }

    impl Written {
        fn new(parts: &[usize]) -> Self {
            let dir = tempfile::tempdir().unwrap();
            let total: usize = parts.iter().sum();
            let bytes: Vec<u8> =
                (0..total as u64).map(|it| (it.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as u8).collect();
            let mut writer = ChecksummedWriter::create_with_parity(&dir.path().join("file")).unwrap();
            let (mut rest, mut parity) = (&bytes[..], b"before".to_vec());
            for length in parts {
                rest[..*length].chunks(60_000).for_each(|bytes| writer.write_all(bytes).unwrap());
                writer.end_part();
                parity.extend(writer.take_parity());
                rest = &rest[*length..];
            }
            let sums = Arc::new(writer.sums().clone());
            writer.finish().unwrap();
            assert_eq!(Parity::length(&sums), parity.len() as u64 - 6);
            fs::write(dir.path().join("parity"), parity).unwrap();
            Written { dir, bytes, sums, damage: Arc::default() }
        }

        fn parity(&self) -> Parity {
            let path = |name: &str| self.dir.path().join(name);
            Parity { of: path("file"), path: path("parity"), start: 6, damage: Arc::clone(&self.damage) }
        }

        /// Reads every part whole, with these ranges overwritten.
        fn read(&self, damaged: &[std::ops::Range<usize>]) -> io::Result<()> {
            let mut bytes = self.bytes.clone();
            damaged.iter().for_each(|range| bytes[range.clone()].fill(0x55));
            let path = self.dir.path().join("file");
            fs::write(&path, bytes).unwrap();
            let file =
                CheckedFile::open(&path, self.bytes.len() as u64, Some(Arc::clone(&self.sums)), Some(self.parity()))?;
            for (start, length, _) in self.sums.parts() {
                let read = file.get_bytes(start, length as usize).map_err(io::Error::other)?;
                assert_eq!(read, self.bytes[start as usize..][..length as usize]);
            }
            Ok(())
        }
    }

    #[test]
    fn what_one_stripe_lost_once_comes_back_and_is_noted() {
        let parts = [3, B, B + 1, 5 * B + 100, 64 * B, 300 * B + 9];
        let written = Written::new(&parts);
        written.read(&[]).unwrap();
        assert_eq!(written.damage.count(), (0, 0));
        let mut start = 0;
        for (number, length) in parts.into_iter().enumerate() {
            let end = start + length;
            // Also on the border of two blocks, the last one of them short or not.
            let border = start + length / B / 2 * B;
            let hits = [
                start..start + 1,
                end - 1..end,
                end.saturating_sub(4096).max(start)..end,
                border.saturating_sub(7).max(start)..(border + 4089).min(end),
                border.saturating_sub(B - 512).max(start)..(border + 512).min(end),
                border.saturating_sub(512).max(start)..(border + B - 512).min(end),
            ];
            for hit in hits {
                written
                    .read(std::slice::from_ref(&hit))
                    .unwrap_or_else(|error| panic!("part {number}, {hit:?}: {error}"));
            }
            start = end;
        }
        let places = written.damage.stats().places;
        assert!(places.iter().all(|it| it.kind == DamageKind::Restored), "{places:?}");
        assert!(
            places[0].message.contains(" have checksum ") && places[0].message.contains("restored from "),
            "{places:?}"
        );
        // What is longer than a block takes two stripes.
        written.read(std::slice::from_ref(&(B + 100..2 * B + 101 + 512 + B))).unwrap_err();
        // Each part for itself.
        written.read(&[1..2, 3..9, B + 3..B + 9, 3 * B..3 * B + 1, 100 * B..103 * B]).unwrap();
    }

    #[test]
    fn of_a_long_part_as_many_blocks_in_a_row_come_back_as_there_are_stripes() {
        let written = Written::new(&[(FIELD_BLOCKS + 3) * B + 77]);
        written.read(&[40 * B..56 * B, FIELD_BLOCKS * B..FIELD_BLOCKS * B + 1]).unwrap();
        let error = written.read(std::slice::from_ref(&(40 * B..56 * B + 1))).unwrap_err().to_string();
        let place = 40 * B;
        assert!(error.contains(&format!("16384 bytes at {place} have checksum ")), "{error}");
        assert!(error.contains("they cannot be restored: 16384 bytes at "), "{error}");
    }

    #[test]
    fn what_the_disk_does_not_give_on_a_border_comes_back() {
        let written = Written::new(&[5 * B + 100]);
        let path = written.dir.path().join("file");
        for lost in [50, 100, 101, 6_000, B - 412] {
            fs::write(&path, &written.bytes[..5 * B + 100 - lost]).unwrap();
            let open = CheckedFile::open(&path, 5 * B as u64 + 100, Some(written.sums.clone()), Some(written.parity()));
            assert!(open.unwrap().get_bytes(0, 5 * B + 100).unwrap() == written.bytes, "{lost}");
        }
    }

    #[test]
    fn without_parity_that_holds_the_damage_is_what_it_was() {
        let written = Written::new(&[5 * B]);
        for parity in [Vec::new(), vec![0; 6 + 2 * B], vec![1; 7]] {
            fs::write(written.dir.path().join("parity"), parity).unwrap();
            let error = written.read(std::slice::from_ref(&(9..10))).unwrap_err().to_string();
            assert!(
                error.contains("16384 bytes at 0 have checksum ") && error.contains("cannot be restored"),
                "{error}"
            );
        }
        fs::remove_file(written.dir.path().join("parity")).unwrap();
        assert!(written.read(std::slice::from_ref(&(9..10))).is_err());
        assert_eq!(written.damage.count(), (0, 0));
    }
}
