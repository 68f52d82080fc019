//! The directory of a bundle, in memory and as bytes.
//!
//! ```text
//! version 2:
//!   u32        rows of the segment
//!   u32, u32…  number and numbers, ascending, of the rows that are not indexed (see `build`)
//!   u32        number of word indexes, then for each, in the order of rows:
//!     u32        its first row
//!     u32        its number of rows
//!     blob       tantivy's postings, its file `idx`
//!     blob       tantivy's dictionary, its file `term`
//!   u32        number of groups of ids, then for each, in the order of rows:
//!     u8         bits of a remainder
//!     u32        number of pairs
//!     u8         number of blocks
//!     u32…       the first row of each block, and the row after the last
//!     blob       see `ids`
//! version 1:
//!   u32        rows of the segment
//!   u32, u32…  number and numbers, ascending, of the rows that are not indexed
//!   u16        number of blobs, the files of one tantivy index over all rows, then for each:
//!     u8, bytes  length of the name, name
//!     blob
//! blob:
//!   u64        offset from the start of the file
//!   u64        length in bytes
//!   u32…       CRC-32 of each block of 16 KiB; the last block may be shorter
//! ```

use super::{BLOCK_BYTES, Blob, MAGIC};
use crate::text::ids;

/// More would be more than a segment can have rows.
const MAX_REMAINDER_BITS: u8 = 16;

/// What a bundle holds. Numbers of blobs are valid.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::text) struct Contents {
    pub(in crate::text) rows: u32,
    /// Rows that nothing here covers, ascending.
    pub(in crate::text) unindexed: Vec<u32>,
    /// In the order of rows. Rows between them hold no words.
    pub(in crate::text) words: Vec<WordIndex>,
    /// In the order of rows. Rows between them hold no ids.
    pub(in crate::text) groups: Vec<Group>,
}

/// A tantivy index over consecutive rows; its document 0 is `first_row`.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::text) struct WordIndex {
    pub(in crate::text) first_row: u32,
    pub(in crate::text) rows: u32,
    pub(in crate::text) idx: usize,
    pub(in crate::text) term: usize,
}

/// A group of blocks and where its pairs are.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::text) struct Group {
    pub(in crate::text) ids: ids::Group,
    pub(in crate::text) blob: usize,
}

/// Reads a directory that starts at `end`; `None` when it is not one, or the blobs do not fill the bytes before exactly.
pub(super) fn parse(version: u32, bytes: &[u8], end: u64) -> Option<(Contents, Vec<Blob>)> {
    let mut cursor = Cursor::new(bytes);
    let mut blobs = Blobs { list: Vec::new(), next: MAGIC.len() as u64, end };
    let mut contents = Contents { rows: cursor.u32()?, ..Contents::default() };
    let unindexed = cursor.u32()?;
    contents.unindexed = cursor.u32s(unindexed as usize)?;
    let ascending = contents.unindexed.is_sorted_by(|a, b| a < b);
    if !ascending || contents.unindexed.last().is_some_and(|it| *it >= contents.rows) {
        return None;
    }
    match version {
        1 => parse_first(&mut cursor, &mut contents, &mut blobs)?,
        _ => parse_second(&mut cursor, &mut contents, &mut blobs)?,
    }
    (cursor.rest().is_empty() && blobs.next == end).then_some((contents, blobs.list))
}

fn parse_first(cursor: &mut Cursor<'_>, contents: &mut Contents, blobs: &mut Blobs) -> Option<()> {
    for _ in 0..cursor.u16()? {
        let length = cursor.u8()?;
        let name = str::from_utf8(cursor.take(usize::from(length))?).ok()?.to_owned();
        blobs.read(cursor, name)?;
    }
    let find = |name: &str| blobs.list.iter().position(|it| it.name == name);
    let words = WordIndex { first_row: 0, rows: contents.rows, idx: find("idx")?, term: find("term")? };
    contents.words.push(words);
    Some(())
}

fn parse_second(cursor: &mut Cursor<'_>, contents: &mut Contents, blobs: &mut Blobs) -> Option<()> {
    let mut next_row = 0;
    for number in 0..cursor.u32()? {
        let (first_row, rows) = (cursor.u32()?, cursor.u32()?);
        let end = first_row.checked_add(rows).filter(|end| first_row >= next_row && *end <= contents.rows)?;
        next_row = end;
        let idx = blobs.read(cursor, format!("words {number}, idx"))?;
        let term = blobs.read(cursor, format!("words {number}, term"))?;
        contents.words.push(WordIndex { first_row, rows, idx, term });
    }
    next_row = 0;
    for number in 0..cursor.u32()? {
        let remainder_bits = cursor.u8().filter(|it| *it <= MAX_REMAINDER_BITS)?;
        let n_pairs = cursor.u32()?;
        let n_blocks = cursor.u8().map(usize::from).filter(|it| (1..=ids::GROUP_BLOCKS).contains(it))?;
        let starts = cursor.u32s(n_blocks + 1)?;
        if !starts.is_sorted_by(|a, b| a < b) || starts[0] < next_row || starts[n_blocks] > contents.rows {
            return None;
        }
        next_row = starts[n_blocks];
        let blob = blobs.read(cursor, format!("ids {number}"))?;
        contents.groups.push(Group { ids: ids::Group { starts, n_pairs, remainder_bits }, blob });
    }
    Some(())
}

/// Returns the directory of a bundle in version 2.
pub(super) fn encode(contents: &Contents, blobs: &[Blob]) -> Vec<u8> {
    let mut out = Vec::new();
    let u32s = |out: &mut Vec<u8>, values: &[u32]| out.extend(values.iter().flat_map(|it| it.to_le_bytes()));
    let blob = |out: &mut Vec<u8>, number: usize| {
        let blob = &blobs[number];
        out.extend_from_slice(&blob.offset.to_le_bytes());
        out.extend_from_slice(&(blob.length as u64).to_le_bytes());
        u32s(out, &blob.checksums);
    };
    u32s(&mut out, &[contents.rows, contents.unindexed.len() as u32]);
    u32s(&mut out, &contents.unindexed);
    u32s(&mut out, &[contents.words.len() as u32]);
    for words in &contents.words {
        u32s(&mut out, &[words.first_row, words.rows]);
        blob(&mut out, words.idx);
        blob(&mut out, words.term);
    }
    u32s(&mut out, &[contents.groups.len() as u32]);
    for group in &contents.groups {
        out.push(group.ids.remainder_bits);
        u32s(&mut out, &[group.ids.n_pairs]);
        out.push((group.ids.starts.len() - 1) as u8);
        u32s(&mut out, &group.ids.starts);
        blob(&mut out, group.blob);
    }
    out
}

/// Blobs as the directory lists them.
struct Blobs {
    list: Vec<Blob>,
    /// Where the next one must start, and where all must have ended.
    next: u64,
    end: u64,
}

impl Blobs {
    fn read(&mut self, cursor: &mut Cursor<'_>, name: String) -> Option<usize> {
        let (offset, length) = (cursor.u64()?, cursor.u64()?);
        // Word indexes and groups alternate in the file but not in the directory.
        self.next = self.next.checked_add(length)?;
        offset.checked_add(length).filter(|it| offset >= MAGIC.len() as u64 && *it <= self.end)?;
        let length = usize::try_from(length).ok()?;
        let checksums = cursor.u32s(length.div_ceil(BLOCK_BYTES))?;
        self.list.push(Blob { name, offset, length, checksums });
        Some(self.list.len() - 1)
    }
}

/// Little-endian integers from the front of a slice.
pub(super) struct Cursor<'a> {
    bytes: &'a [u8],
}

impl<'a> Cursor<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Cursor { bytes }
    }

    pub(super) fn rest(&self) -> &'a [u8] {
        self.bytes
    }

    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.bytes.split_at_checked(length)?;
        self.bytes = rest;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.bytes.split_first_chunk::<N>()?;
        self.bytes = rest;
        Some(*taken)
    }

    fn u8(&mut self) -> Option<u8> {
        self.array().map(u8::from_le_bytes)
    }

    fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_le_bytes)
    }

    pub(super) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    fn u32s(&mut self, n: usize) -> Option<Vec<u32>> {
        let bytes = self.take(n.checked_mul(4)?)?;
        Some(bytes.as_chunks().0.iter().map(|it| u32::from_le_bytes(*it)).collect())
    }

    pub(super) fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }
}
