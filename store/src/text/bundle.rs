//! The file of a text index: blobs one after another, a directory of them, and a footer.
//!
//! ```text
//! magic      8 bytes  "haechitx"
//! blobs      back to back, in the order of the directory
//! directory  see `contents`
//! footer     u64      offset of the directory
//!            u32      length of the directory
//!            u32      CRC-32 of the directory
//!            u32      CRC-32 of the 16 bytes before
//!            u32      version: 2
//!            8 bytes  "haechitx"
//! ```
//!
//! Integers are little-endian, CRC-32 is that of IEEE 802.3. Checksums go by block so that a look-up reads, and proves,
//! only the blocks it needs. Files are read at positions, never mapped: a file that shrinks must be an error, not a signal.

mod contents;
mod writer;

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::Arc;

use super::TextError;
pub(super) use contents::Contents;
use contents::{Cursor, parse};
pub(super) use writer::Writer;

const MAGIC: &[u8; 8] = b"haechitx";
const VERSION: u32 = 2;
const FOOTER_BYTES: usize = 32;

/// Bytes that share a checksum: small beside a postings list worth reading, large beside the four bytes of its CRC.
const BLOCK_BYTES: usize = 16 * 1024;

/// A bundle on disk: the open file, its length, and its path for messages.
#[derive(Debug)]
pub struct BundleFile {
    path: PathBuf,
    file: File,
    length: u64,
}

impl BundleFile {
    /// Takes a file of `length` bytes, open for reading; `path` is what errors call it.
    pub fn new(path: impl Into<PathBuf>, file: File, length: u64) -> Self {
        BundleFile { path: path.into(), file, length }
    }

    fn read(&self, at: u64, length: usize) -> Result<Vec<u8>, TextError> {
        let mut bytes = vec![0; length];
        match self.file.read_exact_at(&mut bytes, at) {
            Ok(()) => Ok(bytes),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                Err(self
                    .damaged("file", format!("ends before byte {}; it was {} bytes", at + length as u64, self.length)))
            }
            Err(error) => Err(TextError::Io { path: self.path.clone(), source: Arc::new(error) }),
        }
    }

    pub(super) fn damaged(&self, part: &str, message: impl Into<String>) -> TextError {
        TextError::Damaged { path: self.path.clone(), part: part.to_owned(), message: message.into() }
    }
}

/// Bytes within the bundle that are read by position.
#[derive(Debug)]
struct Blob {
    /// For messages.
    name: String,
    offset: u64,
    length: usize,
    checksums: Vec<u32>,
}

/// An open bundle: the directory in memory, the blobs on disk.
#[derive(Debug)]
pub(super) struct Bundle {
    file: Arc<BundleFile>,
    contents: Contents,
    blobs: Vec<Blob>,
    directory_bytes: usize,
}

impl Bundle {
    /// Reads footer and directory and checks them; the blobs are checked as they are read.
    pub(super) fn open(file: Arc<BundleFile>) -> Result<Self, TextError> {
        let length = file.length;
        if length < (MAGIC.len() + FOOTER_BYTES) as u64 {
            return Err(file.damaged("file", format!("{length} bytes are too few for a text index")));
        }
        if file.read(0, MAGIC.len())? != MAGIC {
            return Err(file.damaged("header", "is not that of a text index"));
        }
        let end = length - FOOTER_BYTES as u64;
        let (version, start, directory) = read_directory(&file, end)?;
        let (contents, blobs) = parse(version, &directory, start)
            .ok_or_else(|| file.damaged("directory", "its checksum is right but its entries make no sense"))?;
        Ok(Bundle { file, contents, blobs, directory_bytes: directory.len() })
    }

    pub(super) fn file(&self) -> &BundleFile {
        &self.file
    }

    pub(super) fn contents(&self) -> &Contents {
        &self.contents
    }

    pub(super) fn length_of(&self, blob: usize) -> usize {
        self.blobs[blob].length
    }

    /// What the directory takes in memory, in bytes, about.
    pub(super) fn directory_bytes(&self) -> usize {
        self.directory_bytes
    }

    /// Reads the blocks of a blob that hold `range` and checks each; returns them and where in them the range lies.
    pub(super) fn read(&self, blob: usize, range: Range<usize>) -> Result<(Vec<u8>, Range<usize>), TextError> {
        let blob = &self.blobs[blob];
        if range.start > range.end || range.end > blob.length {
            let (start, end) = (range.start, range.end);
            return Err(self
                .file
                .damaged(&blob.name, format!("has {} bytes, wanted are {start} to {end}", blob.length)));
        }
        if range.is_empty() {
            return Ok((Vec::new(), 0..0));
        }
        let first = range.start / BLOCK_BYTES;
        let start = first * BLOCK_BYTES;
        let end = (range.end.div_ceil(BLOCK_BYTES) * BLOCK_BYTES).min(blob.length);
        let bytes = self.file.read(blob.offset + start as u64, end - start)?;
        for (index, (block, expected)) in bytes.chunks(BLOCK_BYTES).zip(&blob.checksums[first..]).enumerate() {
            let found = crc32fast::hash(block);
            if found != *expected {
                let at = blob.offset + (start + index * BLOCK_BYTES) as u64;
                let message =
                    format!("{} bytes at {at} have checksum {found:08x}, recorded is {expected:08x}", block.len());
                return Err(self.file.damaged(&blob.name, message));
            }
        }
        Ok((bytes, range.start - start..range.end - start))
    }

    /// Reads every byte of every blob and checks it.
    pub(super) fn verify(&self) -> Result<(), TextError> {
        // A step is a whole number of blocks.
        const STEP: usize = 64 * BLOCK_BYTES;
        for (index, blob) in self.blobs.iter().enumerate() {
            for start in (0..blob.length).step_by(STEP) {
                self.read(index, start..(start + STEP).min(blob.length))?;
            }
        }
        Ok(())
    }
}

/// Reads the footer, which starts at `end`, and the directory, and checks both; returns the version, the directory's
/// offset and its bytes.
fn read_directory(file: &BundleFile, end: u64) -> Result<(u32, u64, Vec<u8>), TextError> {
    let bytes = file.read(end, FOOTER_BYTES)?;
    let short = || file.damaged("footer", "is too short");
    let mut cursor = Cursor::new(&bytes);
    let offset = cursor.u64().ok_or_else(short)?;
    let length = cursor.u32().ok_or_else(short)?;
    let directory_crc = cursor.u32().ok_or_else(short)?;
    let footer_crc = cursor.u32().ok_or_else(short)?;
    let version = cursor.u32().ok_or_else(short)?;
    if cursor.rest() != MAGIC {
        return Err(file.damaged("footer", "is not that of a text index, or the file was cut short"));
    }
    if !(1..=VERSION).contains(&version) {
        return Err(TextError::Version { path: file.path.clone(), found: version, known: VERSION });
    }
    if crc32fast::hash(&bytes[..16]) != footer_crc {
        return Err(file.damaged("footer", "does not have the checksum it records"));
    }
    if offset < MAGIC.len() as u64 || offset.checked_add(u64::from(length)) != Some(end) {
        return Err(
            file.damaged("footer", format!("places the directory at {offset}, {length} bytes long, before {end}"))
        );
    }
    let directory = file.read(offset, length as usize)?;
    if crc32fast::hash(&directory) != directory_crc {
        return Err(file.damaged("directory", "does not have the checksum recorded in the footer"));
    }
    Ok((version, offset, directory))
}
