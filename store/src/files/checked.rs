//! A Parquet file read by position, from any number of threads, whose bytes are proven before the reader gets them.

use std::fs::File;
use std::io::{self, Read};
use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use parquet::errors::ParquetError;
use parquet::file::reader::{ChunkReader, Length};
use rustix::buffer::spare_capacity;
use rustix::io::Errno;
use serde::{Deserialize, Serialize};

use super::parity::Parity;
use super::sums::{BLOCK_BYTES, BlockSums};

/// The checksum of the last bytes of a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Tail {
    pub(crate) bytes: u64,
    pub(crate) crc32: u32,
}

impl Tail {
    /// Reads the last bytes of `file`, which had `length` bytes when it was written, and checks them.
    pub(crate) fn read(self, file: &File, length: u64) -> io::Result<Bytes> {
        let Some(start) = length.checked_sub(self.bytes) else {
            let message = format!("{length} bytes are fewer than the {} at its end", self.bytes);
            return Err(io::Error::new(io::ErrorKind::InvalidData, message));
        };
        let bytes = read_exact(file, start, self.bytes)?;
        check(&bytes, start, self.crc32)?;
        Ok(bytes)
    }
}

/// Fails when the file at `path` does not begin with `length` bytes of this checksum. Reads all of them.
pub(crate) fn check_whole(path: &Path, length: u64, crc32: u32) -> io::Result<()> {
    mismatch(length, 0, crc32_of(&File::open(path)?, 0..length)?, crc32)
}

/// The checksum of the bytes of `file` in `range`.
pub(crate) fn crc32_of(file: &File, range: Range<u64>) -> io::Result<u32> {
    const STEP: u64 = 1 << 20;
    let mut crc = crc32fast::Hasher::new();
    for start in range.clone().step_by(STEP as usize) {
        crc.update(&read_exact(file, start, STEP.min(range.end - start))?);
    }
    Ok(crc.finalize())
}

/// What is wrong with the length of the file at `path`, which had `length` bytes when it was written; `None` when nothing is.
pub(crate) fn wrong_length(path: &Path, length: u64) -> Option<String> {
    match std::fs::metadata(path).map(|file| file.len()) {
        Ok(found) if found == length => None,
        Ok(found) if found > length => Some(format!("{} bytes at {length} are not of the segment", found - length)),
        Ok(found) => Some(beyond(0, length, found)),
        Err(error) => Some(error.to_string()),
    }
}

fn beyond(start: u64, length: u64, in_file: u64) -> String {
    format!("{length} bytes at {start} are beyond the file's {in_file}")
}

/// Reads the first `length` bytes of the file at `path` and checks them.
pub(crate) fn read_whole(path: &Path, length: u64, crc32: u32) -> io::Result<Bytes> {
    let bytes = read_exact(&File::open(path)?, 0, length)?;
    check(&bytes, 0, crc32)?;
    Ok(bytes)
}

/// So many bytes may be allocated without a look at whether the file has them.
const ALLOCATED_UNSEEN: usize = 1 << 20;

/// Reads `length` bytes at `start`. What is not in the file is not allocated, but for a little. The memory is not zeroed
/// before: of a read in the page cache that would be a good part.
pub(crate) fn read_exact(file: &File, start: u64, length: u64) -> io::Result<Bytes> {
    let beyond = |in_file: u64| io::Error::new(io::ErrorKind::UnexpectedEof, beyond(start, length, in_file));
    let wanted = usize::try_from(length).map_err(|_| beyond(u64::MAX))?;
    if wanted > ALLOCATED_UNSEEN {
        let in_file = file.metadata()?.len();
        if start.checked_add(length).is_none_or(|end| end > in_file) {
            return Err(beyond(in_file));
        }
    }
    let mut bytes = Vec::with_capacity(wanted);
    while bytes.len() < wanted {
        let position = start.saturating_add(bytes.len() as u64);
        match rustix::io::pread(file, spare_capacity(&mut bytes), position) {
            Ok(0) => return Err(beyond(file.metadata()?.len())),
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    bytes.truncate(wanted); // there may have been more room
    Ok(bytes.into())
}

/// Fails when `bytes`, which are at `start` of a file, do not have the checksum `expected`.
pub(super) fn check(bytes: &[u8], start: u64, expected: u32) -> io::Result<()> {
    mismatch(bytes.len() as u64, start, crc32fast::hash(bytes), expected)
}

fn mismatch(length: u64, start: u64, found: u32, expected: u32) -> io::Result<()> {
    if found == expected {
        return Ok(());
    }
    let message = format!("{length} bytes at {start} have checksum {found:08x}, recorded is {expected:08x}");
    Err(io::Error::new(io::ErrorKind::InvalidData, message))
}

/// A file that [`ChunkReader`] reads.
#[derive(Clone)]
pub(crate) struct CheckedFile {
    file: Arc<File>,
    /// What the file had when it was written; what may have been added since is nobody's.
    length: u64,
    proof: Proof,
}

/// What proves bytes of a file.
#[derive(Clone)]
enum Proof {
    /// Nothing but a check of the whole file before.
    Before,
    /// Checksums by block. The blocks read last are kept: pages are smaller than a block more often than not.
    Blocks { sums: Arc<BlockSums>, last: Arc<Mutex<Run>>, parity: Option<Parity> },
    /// These are the proven bytes; others cannot be read.
    Read(Run),
}

/// Consecutive bytes of a file.
#[derive(Clone, Default)]
struct Run {
    start: u64,
    bytes: Bytes,
}

impl Run {
    fn slice(&self, start: u64, length: usize) -> Option<Bytes> {
        let from = usize::try_from(start.checked_sub(self.start)?).ok()?;
        let end = from.checked_add(length)?;
        (end <= self.bytes.len()).then(|| self.bytes.slice(from..end))
    }
}

impl CheckedFile {
    /// Opens a file of `length` bytes whose checksums by block are `sums`; without them its bytes come out as they are. What
    /// does not come as it was written is restored by `parity`, as far as that goes.
    pub(crate) fn open(
        path: &Path,
        length: u64,
        sums: Option<Arc<BlockSums>>,
        parity: Option<Parity>,
    ) -> io::Result<Self> {
        let proof = match sums {
            Some(sums) => Proof::Blocks { sums, last: Arc::default(), parity },
            None => Proof::Before,
        };
        Ok(CheckedFile { file: Arc::new(File::open(path)?), length, proof })
    }

    /// Opens a file as [`CheckedFile::open`] does. One that is not there is read as well, if parity alone has all of it.
    pub(crate) fn open_or_gone(path: &Path, length: u64, sums: Arc<BlockSums>, parity: Parity) -> io::Result<Self> {
        match CheckedFile::open(path, length, Some(Arc::clone(&sums)), Some(parity.clone())) {
            Err(error) if error.kind() == io::ErrorKind::NotFound && Parity::is_whole_copy(&sums) => {
                CheckedFile::open_gone(length, sums, parity)
            }
            opened => opened,
        }
    }

    /// A file of `length` bytes that is not there: what parity has of it can be read.
    fn open_gone(length: u64, sums: Arc<BlockSums>, parity: Parity) -> io::Result<Self> {
        CheckedFile::open(Path::new("/dev/null"), length, Some(sums), Some(parity)) // it has no bytes either
    }

    /// Opens a file of `length` bytes to read nothing but its end.
    pub(crate) fn open_tail(path: &Path, length: u64, tail: Tail) -> io::Result<Self> {
        let file = File::open(path)?;
        let bytes = tail.read(&file, length)?;
        Ok(CheckedFile { file: Arc::new(file), length, proof: Proof::Read(Run { start: length - tail.bytes, bytes }) })
    }

    /// A file of `length` bytes, whether it is there or not, to read its end out of `bytes`, a copy that has been checked.
    pub(crate) fn open_copy(length: u64, bytes: Bytes) -> io::Result<Self> {
        let start = length.saturating_sub(bytes.len() as u64);
        let file = Arc::new(File::open("/dev/null")?);
        Ok(CheckedFile { file, length, proof: Proof::Read(Run { start, bytes }) })
    }

    /// Reads the bytes from `start` to before `end` and gives them to nobody: an error if one of them cannot be had.
    pub(crate) fn prove(&self, start: u64, end: u64) -> io::Result<()> {
        let mut rest = Cursor { file: self.clone(), position: start.min(end) }.take(end.saturating_sub(start));
        io::copy(&mut rest, &mut io::sink())?;
        Ok(())
    }

    fn read(&self, start: u64, length: usize) -> io::Result<Bytes> {
        let unproven = || {
            let message = format!("no one checksum covers the {length} bytes at {start}");
            io::Error::new(io::ErrorKind::InvalidData, message)
        };
        match &self.proof {
            Proof::Before => read_exact(&self.file, start, length as u64),
            Proof::Read(run) => run.slice(start, length).ok_or_else(unproven),
            Proof::Blocks { sums, last, parity } => {
                let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some(bytes) = last.slice(start, length) {
                    return Ok(bytes);
                }
                let (from, blocks_length, expected) = sums.blocks(start, length as u64).ok_or_else(unproven)?;
                let blocks = self.blocks(from, blocks_length, expected).or_else(|error| {
                    let parity = parity.as_ref().ok_or(error)?;
                    self.blocks_restored(from, blocks_length, expected, |at, error| {
                        parity.restore(&self.file, sums, at, error)
                    })
                })?;
                *last = Run { start: from, bytes: blocks };
                last.slice(start, length).ok_or_else(unproven)
            }
        }
    }

    /// Reads blocks, from `start` on, and proves each by its checksum in `expected`.
    fn blocks(&self, start: u64, length: u64, expected: &[u32]) -> io::Result<Bytes> {
        let blocks = read_exact(&self.file, start, length)?;
        for (index, (block, expected)) in blocks.chunks(BLOCK_BYTES).zip(expected).enumerate() {
            check(block, start + (index * BLOCK_BYTES) as u64, *expected)?;
        }
        Ok(blocks)
    }

    /// As [`CheckedFile::blocks`], each block that fails by `restore`, which gets its place and the error.
    fn blocks_restored(
        &self,
        start: u64,
        length: u64,
        expected: &[u32],
        restore: impl Fn(u64, io::Error) -> io::Result<Bytes>,
    ) -> io::Result<Bytes> {
        let mut blocks = Vec::with_capacity(length as usize);
        for (index, expected) in expected.iter().enumerate() {
            let done = (index * BLOCK_BYTES) as u64;
            let (at, left) = (start + done, (length - done).min(BLOCK_BYTES as u64));
            let block = self.blocks(at, left, std::slice::from_ref(expected)).or_else(|error| restore(at, error))?;
            blocks.extend_from_slice(&block);
        }
        Ok(blocks.into())
    }

    /// How many bytes from `start` on can be read at once.
    fn until_border(&self, start: u64) -> u64 {
        let end = match &self.proof {
            Proof::Blocks { sums, .. } => sums.part_end(start).unwrap_or(self.length),
            _ => self.length,
        };
        end.saturating_sub(start)
    }
}

impl Length for CheckedFile {
    fn len(&self) -> u64 {
        self.length
    }
}

impl ChunkReader for CheckedFile {
    type T = Cursor;

    fn get_read(&self, start: u64) -> Result<Cursor, ParquetError> {
        Ok(Cursor { file: self.clone(), position: start })
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        Ok(self.read(start, length)?)
    }
}

/// Reads a [`CheckedFile`] onward from a position.
pub(crate) struct Cursor {
    file: CheckedFile,
    position: u64,
}

impl Read for Cursor {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.file.until_border(self.position)).unwrap_or(usize::MAX);
        let bytes = self.file.read(self.position, buf.len().min(left))?;
        buf[..bytes.len()].copy_from_slice(&bytes);
        self.position += bytes.len() as u64;
        Ok(bytes.len())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write;

    use super::*;
    use crate::files::ChecksummedWriter;

    /// A file of two parts and a tail, and what to read it with.
    fn file(dir: &Path) -> (Vec<u8>, Arc<BlockSums>, Tail) {
        let bytes: Vec<u8> = (0..100_000u32).map(|it| (it.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        let mut writer = ChecksummedWriter::create(&dir.join("file")).unwrap();
        writer.write_all(&bytes[..70_000]).unwrap();
        writer.end_part();
        writer.write_all(&bytes[70_000..99_000]).unwrap();
        writer.end_part();
        let sums = Arc::new(writer.sums().clone());
        writer.write_all(&bytes[99_000..]).unwrap();
        let written = writer.finish().unwrap();
        assert_eq!((written.bytes, written.crc32), (100_000, crc32fast::hash(&bytes)));
        assert_eq!(written.tail, Tail { bytes: 1000, crc32: crc32fast::hash(&bytes[99_000..]) });
        (bytes, sums, written.tail)
    }

    #[test]
    fn bytes_come_out_as_they_were_written() {
        let dir = tempfile::tempdir().unwrap();
        let (bytes, sums, tail) = file(dir.path());
        let checked = CheckedFile::open(&dir.path().join("file"), 100_000, Some(sums), None).unwrap();
        for (start, length) in [(0, 1), (5, 40_000), (16_383, 2), (69_999, 1), (70_000, 29_000), (60_000, 10_000)] {
            assert_eq!(checked.get_bytes(start, length).unwrap(), bytes[start as usize..][..length]);
        }
        let mut read = vec![0; 29_000];
        checked.get_read(70_000).unwrap().read_exact(&mut read).unwrap();
        assert_eq!(read, bytes[70_000..99_000]);
        assert!(checked.get_bytes(99_000, 1).is_err(), "the tail is read as a whole or not at all");
        let checked = CheckedFile::open_tail(&dir.path().join("file"), 100_000, tail).unwrap();
        assert_eq!(checked.get_bytes(99_500, 500).unwrap(), bytes[99_500..]);
        assert!(checked.get_bytes(0, 1).is_err());
    }

    #[test]
    fn a_flipped_bit_is_an_error_with_its_place_and_of_its_block_only() {
        let dir = tempfile::tempdir().unwrap();
        let (bytes, sums, tail) = file(dir.path());
        let path = dir.path().join("file");
        let mut flipped = bytes.clone();
        flipped[40_000] ^= 4;
        flipped[99_999] ^= 4;
        fs::write(&path, flipped).unwrap();
        let checked = CheckedFile::open(&path, 100_000, Some(sums), None).unwrap();
        let error = checked.get_bytes(0, 70_000).unwrap_err().to_string();
        assert!(error.contains("16384 bytes at 32768 have checksum "), "{error}");
        assert_eq!(checked.get_bytes(0, 32_768).unwrap(), bytes[..32_768]);
        assert_eq!(checked.get_bytes(49_152, 20_000).unwrap(), bytes[49_152..69_152]);
        let mut read = [0; 10];
        assert!(checked.get_read(39_000).unwrap().read_exact(&mut read).is_err());
        let error = CheckedFile::open_tail(&path, 100_000, tail).err().unwrap().to_string();
        assert!(error.contains("1000 bytes at 99000 have checksum "), "{error}");
    }

    #[test]
    fn reads_beyond_the_end_are_errors_and_allocate_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("short");
        fs::write(&path, b"abc").unwrap();
        let file = CheckedFile::open(&path, 3, None, None).unwrap();
        assert_eq!(file.get_bytes(1, 2).unwrap(), "bc");
        assert!(file.get_bytes(1, usize::MAX).is_err());
        assert!(file.get_bytes(u64::MAX, 2).is_err());
        assert!(CheckedFile::open_tail(&path, 3, Tail { bytes: 4, crc32: 0 }).is_err());
        assert!(CheckedFile::open_tail(&path, 3, Tail { bytes: u64::MAX, crc32: 0 }).is_err());
    }
}
