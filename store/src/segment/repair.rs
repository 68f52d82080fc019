//! The file `ID.repair` beside a segment: what restores parts of the others that cannot be read.
//!
//! `parity of the rows | parity of the times | copy of the tail of the Parquet file | checksums of the blocks of the times |
//! crc32 u32 of those`; the second, the fourth and the last only where there is a file of times. Nothing in it needs to be proven:
//! what is restored is, by the checksum that it always had. So damage to one place costs no other.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;

use crate::damage::DamageLog;
use crate::files::{BlockSums, ChecksummedWriter, Parity, Tail, Written, read_exact, read_whole};
use crate::layout::chunks;
use crate::manifest::{FileEntry, SegmentEntry};

pub(super) const SUFFIX: &str = "repair";

/// A file of this kind under construction.
pub(super) struct RepairWriter {
    file: ChecksummedWriter,
}

impl RepairWriter {
    pub(super) fn create(path: &Path) -> io::Result<Self> {
        Ok(RepairWriter { file: ChecksummedWriter::create(path)? })
    }

    /// Adds parity: of the rows, and after all of it that of the times.
    pub(super) fn add(&mut self, parity: &[u8]) -> io::Result<()> {
        self.file.write_all(parity)
    }

    /// Ends the file with the tail of the Parquet file and the checksums of the times.
    pub(super) fn finish(mut self, tail: &[u8], times: Option<&BlockSums>) -> io::Result<Written> {
        self.file.write_all(tail)?;
        if let Some(sums) = times {
            let bytes = sums.to_bytes();
            self.file.write_all(&bytes)?;
            self.file.write_all(&crc32fast::hash(&bytes).to_le_bytes())?;
        }
        self.file.finish()
    }
}

/// Where what is in such a file is.
pub(super) struct Repair<'a> {
    path: PathBuf,
    bytes: u64,
    rows: (PathBuf, Tail),
    times: Option<(PathBuf, &'a FileEntry)>,
}

impl<'a> Repair<'a> {
    /// The file of `segment` in the data directory `dir`. `None` if it has none: earlier versions wrote none.
    pub(super) fn of(dir: &Path, segment: &'a SegmentEntry) -> Option<Self> {
        let file = segment.file(".repair")?;
        let rows = segment.file(".parquet")?;
        let times = segment.file(chunks::TIMES).map(|times| (dir.join(&times.path), times));
        let rows = (dir.join(&rows.path), rows.tail?);
        Some(Repair { path: dir.join(&file.path), bytes: file.bytes, rows, times })
    }

    /// The bytes of the checksums of the times.
    fn sums_bytes(&self) -> u64 {
        let bytes =
            |(_, times): &(PathBuf, &FileEntry)| BlockSums::bytes_of(data_bytes(times)) + size_of::<u32>() as u64;
        self.times.as_ref().map_or(0, bytes)
    }

    /// Where the copy of the Parquet file's tail starts.
    fn tail_start(&self) -> io::Result<u64> {
        let start = self.bytes.checked_sub(self.sums_bytes()).and_then(|end| end.checked_sub(self.rows.1.bytes));
        start.ok_or_else(|| invalid(format!("{} bytes are too few", self.bytes)))
    }

    /// The tail of the Parquet file.
    pub(super) fn tail(&self) -> io::Result<Bytes> {
        let end = self.tail_start()? + self.rows.1.bytes;
        self.rows.1.read(&File::open(&self.path)?, end)
    }

    /// What restores blocks of the rows.
    pub(super) fn rows(&self, damage: &Arc<DamageLog>) -> Parity {
        Parity { of: self.rows.0.clone(), path: self.path.clone(), start: 0, damage: Arc::clone(damage) }
    }

    /// The checksums of the blocks of the times, and what restores them; `None` without times.
    pub(super) fn times(&self, damage: &Arc<DamageLog>) -> io::Result<Option<(BlockSums, Parity)>> {
        let Some((of, times)) = &self.times else { return Ok(None) };
        let wrong = || invalid("the checksums of the times are damaged".to_owned());
        let length = self.sums_bytes();
        let from = self.bytes.checked_sub(length).ok_or_else(wrong)?;
        let bytes = read_exact(&File::open(&self.path)?, from, length)?;
        let (sums, crc) = bytes.split_last_chunk::<4>().ok_or_else(wrong)?;
        if crc32fast::hash(sums) != u32::from_le_bytes(*crc) {
            return Err(wrong());
        }
        let sums = BlockSums::of_one_part(data_bytes(times), sums).ok_or_else(wrong)?;
        let start = self.tail_start()?.checked_sub(Parity::length(&sums)).ok_or_else(wrong)?;
        let parity = Parity { of: of.clone(), path: self.path.clone(), start, damage: Arc::clone(damage) };
        Ok(Some((sums, parity)))
    }
}

/// The tail of the Parquet file of `segment` in the data directory `dir`, from where there is a copy; `None` where there is none.
pub(super) fn tail_copy(dir: &Path, segment: &SegmentEntry) -> Option<io::Result<Bytes>> {
    match Repair::of(dir, segment) {
        Some(repair) => Some(repair.tail()),
        // As earlier versions kept it: alone.
        None => segment.file(".footer").map(|copy| read_whole(&dir.join(&copy.path), copy.bytes, copy.crc32)),
    }
}

/// The bytes of a file before its tail.
fn data_bytes(file: &FileEntry) -> u64 {
    file.bytes.saturating_sub(file.tail.unwrap_or_default().bytes)
}

fn invalid(message: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, message)
}
