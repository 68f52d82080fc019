//! The list of units at the end of the file of times.
//!
//! A unit is a run of chunks that is read at once: as many as decode to some megabytes. The row groups of the file are
//! larger, since each of them costs a kilobyte. For each unit 56 bytes, little-endian: `row group u32 | chunks u32 |
//! least series 16 bytes | greatest series 16 bytes | least time i64 | greatest time i64`. They are the tail of the file:
//! their checksum is in the manifest.

use std::fs::File;
use std::path::Path;

use super::Head;
use super::bytes::{Cursor, Damaged};
use crate::manifest::FileEntry;

/// A unit with as many points, or with as many bytes of distributions, takes no more.
pub(super) const FULL_POINTS: usize = 64 << 10;
pub(super) const FULL_BYTES: usize = 4 << 20;
/// A row group with as many units takes no more.
const UNITS_OF_A_GROUP: u32 = 64;

const ENTRY_BYTES: usize = 56;

/// Chunks that are read together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unit {
    pub(crate) row_group: u32,
    pub(crate) chunks: u32,
    pub(crate) series: (u128, u128),
    pub(crate) min_time: i64,
    pub(crate) max_time: i64,
}

impl Unit {
    fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.row_group.to_le_bytes());
        out.extend_from_slice(&self.chunks.to_le_bytes());
        out.extend_from_slice(&self.series.0.to_be_bytes());
        out.extend_from_slice(&self.series.1.to_be_bytes());
        out.extend_from_slice(&self.min_time.to_le_bytes());
        out.extend_from_slice(&self.max_time.to_le_bytes());
    }

    fn read(from: &mut Cursor<'_>) -> Result<Self, Damaged> {
        Ok(Unit {
            row_group: u32::from_le_bytes(from.array()?),
            chunks: u32::from_le_bytes(from.array()?),
            series: (u128::from_be_bytes(from.array()?), u128::from_be_bytes(from.array()?)),
            min_time: i64::from_le_bytes(from.array()?),
            max_time: i64::from_le_bytes(from.array()?),
        })
    }
}

/// The units of a file under construction.
#[derive(Default)]
pub(super) struct Units {
    done: Vec<Unit>,
    /// Points and bytes of distributions of the last unit; none when it is full.
    open: Option<(usize, usize)>,
    row_group: u32,
    units_of_group: u32,
}

impl Units {
    /// Counts a chunk that is written next.
    pub(super) fn add(&mut self, head: &Head, distribution_bytes: usize) {
        let series = u128::from_be_bytes(head.series);
        let (points, bytes) = match (self.open, self.done.last_mut()) {
            (Some(open), Some(unit)) => {
                unit.chunks += 1;
                unit.series = (unit.series.0.min(series), unit.series.1.max(series));
                unit.min_time = unit.min_time.min(head.min_time);
                unit.max_time = unit.max_time.max(head.max_time);
                open
            }
            _ => {
                let Head { min_time, max_time, .. } = *head;
                let unit = Unit { row_group: self.row_group, chunks: 1, series: (series, series), min_time, max_time };
                self.done.push(unit);
                self.units_of_group += 1;
                (0, 0)
            }
        };
        let (points, bytes) = (points + head.points as usize, bytes + distribution_bytes);
        self.open = (points < FULL_POINTS && bytes < FULL_BYTES).then_some((points, bytes));
    }

    /// Whether the row group under way is to end. If so, the next one begins.
    pub(super) fn end_group(&mut self) -> bool {
        let full = self.units_of_group >= UNITS_OF_A_GROUP;
        if full {
            (self.row_group, self.units_of_group, self.open) = (self.row_group + 1, 0, None);
        }
        full
    }

    /// The end of the file.
    pub(super) fn finish(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.done.len() * ENTRY_BYTES);
        self.done.iter().for_each(|unit| unit.put(&mut out));
        out
    }
}

/// The units of a segment, in the order of its chunks, out of the file of times at `path`. Errors do not name the file.
pub(crate) fn units(path: &Path, entry: &FileEntry) -> Result<Vec<Unit>, Damaged> {
    let tail = entry.tail.ok_or_else(|| Damaged::new("the manifest has no checksum of the list of units"))?;
    let list = File::open(path).and_then(|file| tail.read(&file, entry.bytes)).map_err(Damaged::new)?;
    let mut from = Cursor(&list);
    let units = (0..list.len() / ENTRY_BYTES).map(|_| Unit::read(&mut from)).collect::<Result<_, _>>()?;
    from.end()?;
    Ok(units)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::Tail;

    fn head(series: u8, points: u32) -> Head {
        Head { series: [series; 16], min_time: -5, max_time: i64::from(points), points, times: 8, starts: 0 }
    }

    fn written(units: &Units) -> (tempfile::TempDir, FileEntry) {
        let dir = tempfile::tempdir().unwrap();
        let list = units.finish();
        let bytes = [b"records".as_slice(), &list].concat();
        std::fs::write(dir.path().join("1.times"), &bytes).unwrap();
        let tail = Tail { bytes: list.len() as u64, crc32: crc32fast::hash(&list) };
        let (path, crc32) = ("1.times".to_owned(), crc32fast::hash(&bytes));
        (dir, FileEntry { path, bytes: bytes.len() as u64, crc32, tail: Some(tail) })
    }

    fn read((dir, entry): &(tempfile::TempDir, FileEntry)) -> Result<Vec<Unit>, Damaged> {
        units(&dir.path().join(&entry.path), entry)
    }

    #[test]
    fn units_end_when_they_are_full_and_are_read_back() {
        let mut units = Units::default();
        units.add(&head(1, 60_000), 0);
        units.add(&head(2, 6_000), 0);
        units.add(&head(3, 1), FULL_BYTES);
        units.add(&head(3, 2), 0);
        let found = read(&written(&units)).unwrap();
        let id = |byte: u8| u128::from_be_bytes([byte; 16]);
        assert_eq!(found.iter().map(|it| it.chunks).collect::<Vec<_>>(), [2, 1, 1]);
        assert_eq!((found[0].series, found[0].min_time, found[0].max_time), ((id(1), id(2)), -5, 60_000));
    }

    #[test]
    fn row_groups_end_between_units() {
        let mut units = Units::default();
        let mut ends = Vec::new();
        for chunk in 0..200 {
            units.add(&head(7, 40_000), 0);
            if units.end_group() {
                ends.push(chunk);
            }
        }
        let found = read(&written(&units)).unwrap();
        assert_eq!(ends.len() as u32, found.last().unwrap().row_group);
        for (end, group) in ends.iter().zip(0..) {
            let chunks: u32 = found.iter().filter(|it| it.row_group <= group).map(|it| it.chunks).sum();
            assert_eq!(chunks, end + 1);
        }
    }

    #[test]
    fn a_damaged_list_is_named() {
        let mut units = Units::default();
        units.add(&head(1, 1), 0);
        let written = written(&units);
        let path = written.0.path().join("1.times");
        let whole = std::fs::read(&path).unwrap();
        for index in 7..whole.len() {
            let mut bytes = whole.clone();
            bytes[index] ^= 0x10;
            std::fs::write(&path, &bytes).unwrap();
            let error = read(&written).unwrap_err().to_string();
            assert!(error.contains("56 bytes at 7 have checksum"), "{index}: {error}");
        }
        for cut in 0..whole.len() {
            std::fs::write(&path, &whole[..cut]).unwrap();
            assert!(read(&written).is_err(), "{cut}");
        }
    }
}
