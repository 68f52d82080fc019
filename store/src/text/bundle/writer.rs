//! Writes a bundle from front to back, so that no more of it is in memory than the blob being written.

use std::io::{self, Write};

use super::contents::{Contents, Group, WordIndex, encode};
use super::{BLOCK_BYTES, Blob, MAGIC, VERSION};
use crate::text::ids;
use crate::text::postings::Files;

pub(in crate::text) struct Writer<W> {
    out: W,
    offset: u64,
    contents: Contents,
    blobs: Vec<Blob>,
}

impl<W: Write> Writer<W> {
    pub(in crate::text) fn new(mut out: W) -> io::Result<Self> {
        out.write_all(MAGIC)?;
        Ok(Writer { out, offset: MAGIC.len() as u64, contents: Contents::default(), blobs: Vec::new() })
    }

    fn blob(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.out.write_all(bytes)?;
        let checksums = bytes.chunks(BLOCK_BYTES).map(crc32fast::hash).collect();
        self.blobs.push(Blob { name: String::new(), offset: self.offset, length: bytes.len(), checksums });
        self.offset += bytes.len() as u64;
        Ok(self.blobs.len() - 1)
    }

    /// Adds the index of the words of `rows` rows from `first_row` on.
    pub(in crate::text) fn words(&mut self, first_row: u32, rows: u32, files: &Files) -> io::Result<()> {
        let (idx, term) = (self.blob(&files.idx)?, self.blob(&files.term)?);
        self.contents.words.push(WordIndex { first_row, rows, idx, term });
        Ok(())
    }

    pub(in crate::text) fn group(&mut self, ids: ids::Group, bytes: &[u8]) -> io::Result<()> {
        let blob = self.blob(bytes)?;
        self.contents.groups.push(Group { ids, blob });
        Ok(())
    }

    /// Ends the bundle of a segment of `rows` rows. Returns what it was written to, and the directory and the footer, which
    /// are yet to be written.
    ///
    /// Not the footer alone vouches for the rest: it ends in a checksum of itself, and what does has the same checksum whatever
    /// it says.
    pub(in crate::text) fn finish(mut self, rows: u32, unindexed: Vec<u32>) -> (W, Vec<u8>) {
        self.contents.rows = rows;
        self.contents.unindexed = unindexed;
        let mut tail = encode(&self.contents, &self.blobs);
        let directory_bytes = tail.len() as u32;
        let directory_crc = crc32fast::hash(&tail);
        let mut footer = Vec::new();
        footer.extend_from_slice(&self.offset.to_le_bytes());
        footer.extend_from_slice(&directory_bytes.to_le_bytes());
        footer.extend_from_slice(&directory_crc.to_le_bytes());
        footer.extend_from_slice(&crc32fast::hash(&footer).to_le_bytes());
        footer.extend_from_slice(&VERSION.to_le_bytes());
        footer.extend_from_slice(MAGIC);
        tail.extend_from_slice(&footer);
        (self.out, tail)
    }
}
