//! The file of a text index: parts one after another, a directory of them, and a footer.
//!
//! ```text
//! magic      8 bytes  "haechitx"
//! parts      the files of the tantivy index, back to back in the order of the directory
//! directory  u32      rows of the segment
//!            u32, u32…  number and numbers, ascending, of the rows that are not indexed (see `build`)
//!            u16      number of parts, then for each:
//!              u8, bytes  length of the name, name
//!              u64        offset from the start of the file
//!              u64        length in bytes
//!              u32…       CRC-32 of each block of 16 KiB; the last block may be shorter
//! footer     u64      offset of the directory
//!            u32      length of the directory
//!            u32      CRC-32 of the directory
//!            u32      CRC-32 of the 16 bytes before
//!            u32      version: 1
//!            8 bytes  "haechitx"
//! ```
//!
//! Integers are little-endian, CRC-32 is that of IEEE 802.3. Checksums go by block so that a look-up reads, and proves,
//! only the blocks it needs. Files are read at positions, never mapped: a file that shrinks must be an error, not a signal.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::Arc;

use super::TextError;

const MAGIC: &[u8; 8] = b"haechitx";
const VERSION: u32 = 1;
const FOOTER_BYTES: usize = 32;

/// Bytes that share a checksum: small beside a postings list worth reading, large beside the four bytes of its CRC.
const BLOCK_BYTES: usize = 16 * 1024;

/// Returns the bytes of a bundle. Fewer than 65,536 parts; names shorter than 256 bytes.
pub(super) fn encode<B: AsRef<[u8]>>(rows: u32, unindexed: &[u32], parts: &[(&str, B)]) -> Vec<u8> {
    let size: usize = parts.iter().map(|(_, bytes)| bytes.as_ref().len()).sum();
    let mut out = Vec::with_capacity(size + size / BLOCK_BYTES * 4 + 512);
    out.extend_from_slice(MAGIC);
    let mut directory = Vec::new();
    directory.extend_from_slice(&rows.to_le_bytes());
    directory.extend_from_slice(&(unindexed.len() as u32).to_le_bytes());
    directory.extend(unindexed.iter().flat_map(|it| it.to_le_bytes()));
    directory.extend_from_slice(&(parts.len() as u16).to_le_bytes());
    for (name, bytes) in parts {
        let bytes = bytes.as_ref();
        directory.push(name.len() as u8);
        directory.extend_from_slice(name.as_bytes());
        directory.extend_from_slice(&(out.len() as u64).to_le_bytes());
        directory.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
        directory.extend(bytes.chunks(BLOCK_BYTES).flat_map(|it| crc32fast::hash(it).to_le_bytes()));
        out.extend_from_slice(bytes);
    }
    let offset = out.len() as u64;
    out.extend_from_slice(&directory);
    let footer = out.len();
    out.extend_from_slice(&offset.to_le_bytes());
    out.extend_from_slice(&(directory.len() as u32).to_le_bytes());
    out.extend_from_slice(&crc32fast::hash(&directory).to_le_bytes());
    let crc = crc32fast::hash(&out[footer..]);
    out.extend_from_slice(&crc.to_le_bytes());
    out.extend_from_slice(&VERSION.to_le_bytes());
    out.extend_from_slice(MAGIC);
    out
}

/// The number of bytes at the end of `bundle` that vouch for the rest: directory and footer. Not the footer alone: it ends in
/// a checksum of itself, and what does has the same checksum whatever it says.
pub(crate) fn tail_bytes(bundle: &[u8]) -> usize {
    let footer = bundle.len().saturating_sub(FOOTER_BYTES);
    let directory = bundle[footer..].first_chunk().map_or(0, |offset| u64::from_le_bytes(*offset) as usize);
    bundle.len().saturating_sub(directory)
}

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

/// One file within the bundle.
#[derive(Debug)]
struct Part {
    name: String,
    offset: u64,
    length: usize,
    checksums: Vec<u32>,
}

/// An open bundle: the directory in memory, the parts on disk.
#[derive(Debug)]
pub(super) struct Bundle {
    file: Arc<BundleFile>,
    pub(super) rows: u32,
    /// Rows that the index does not cover, ascending.
    pub(super) unindexed: Vec<u32>,
    parts: Vec<Part>,
}

impl Bundle {
    /// Reads footer and directory and checks them; the parts are checked as they are read.
    pub(super) fn open(file: Arc<BundleFile>) -> Result<Self, TextError> {
        let length = file.length;
        if length < (MAGIC.len() + FOOTER_BYTES) as u64 {
            return Err(file.damaged("file", format!("{length} bytes are too few for a text index")));
        }
        if file.read(0, MAGIC.len())? != MAGIC {
            return Err(file.damaged("header", "is not that of a text index"));
        }
        let end = length - FOOTER_BYTES as u64;
        let (start, directory) = read_directory(&file, end)?;
        let mut cursor = Cursor { bytes: &directory };
        let mut bundle = Bundle { file: Arc::clone(&file), rows: 0, unindexed: Vec::new(), parts: Vec::new() };
        bundle
            .parse(&mut cursor, start)
            .filter(|()| cursor.bytes.is_empty())
            .ok_or_else(|| file.damaged("directory", "its checksum is right but its entries make no sense"))?;
        Ok(bundle)
    }

    /// Reads the directory; `None` when it runs short or the parts do not fill the bytes up to `end` exactly.
    fn parse(&mut self, cursor: &mut Cursor<'_>, end: u64) -> Option<()> {
        self.rows = cursor.u32()?;
        let unindexed = cursor.u32()? as usize;
        let numbers = cursor.take(unindexed.checked_mul(4)?)?;
        self.unindexed = numbers.as_chunks().0.iter().map(|it| u32::from_le_bytes(*it)).collect();
        if !self.unindexed.is_sorted_by(|a, b| a < b) || self.unindexed.last().is_some_and(|it| *it >= self.rows) {
            return None;
        }
        let mut next = MAGIC.len() as u64;
        for _ in 0..cursor.u16()? {
            let name_length = cursor.u8()?;
            let name = str::from_utf8(cursor.take(usize::from(name_length))?).ok()?.to_owned();
            let (offset, length) = (cursor.u64()?, cursor.u64()?);
            if offset != next {
                return None;
            }
            next = offset.checked_add(length).filter(|it| *it <= end)?;
            let length = usize::try_from(length).ok()?;
            let checksums = cursor.take(length.div_ceil(BLOCK_BYTES).checked_mul(4)?)?;
            let checksums = checksums.as_chunks().0.iter().map(|it| u32::from_le_bytes(*it)).collect();
            self.parts.push(Part { name, offset, length, checksums });
        }
        (next == end).then_some(())
    }

    pub(super) fn file(&self) -> &BundleFile {
        &self.file
    }

    /// The number of the part called `name` and its length.
    pub(super) fn find(&self, name: &str) -> Option<(usize, usize)> {
        let index = self.parts.iter().position(|it| it.name == name)?;
        Some((index, self.parts[index].length))
    }

    /// Reads the blocks of a part that hold `range` and checks each; returns them and where in them the range lies.
    pub(super) fn read(&self, part: usize, range: Range<usize>) -> Result<(Vec<u8>, Range<usize>), TextError> {
        let part = &self.parts[part];
        if range.start > range.end || range.end > part.length {
            let (start, end) = (range.start, range.end);
            return Err(self
                .file
                .damaged(&part.name, format!("has {} bytes, wanted are {start} to {end}", part.length)));
        }
        if range.is_empty() {
            return Ok((Vec::new(), 0..0));
        }
        let first = range.start / BLOCK_BYTES;
        let start = first * BLOCK_BYTES;
        let end = (range.end.div_ceil(BLOCK_BYTES) * BLOCK_BYTES).min(part.length);
        let bytes = self.file.read(part.offset + start as u64, end - start)?;
        for (index, (block, expected)) in bytes.chunks(BLOCK_BYTES).zip(&part.checksums[first..]).enumerate() {
            let found = crc32fast::hash(block);
            if found != *expected {
                let at = part.offset + (start + index * BLOCK_BYTES) as u64;
                let message =
                    format!("{} bytes at {at} have checksum {found:08x}, recorded is {expected:08x}", block.len());
                return Err(self.file.damaged(&part.name, message));
            }
        }
        Ok((bytes, range.start - start..range.end - start))
    }

    /// Reads every byte of every part and checks it.
    pub(super) fn verify(&self) -> Result<(), TextError> {
        // A step is a whole number of blocks.
        const STEP: usize = 64 * BLOCK_BYTES;
        for (index, part) in self.parts.iter().enumerate() {
            for start in (0..part.length).step_by(STEP) {
                self.read(index, start..(start + STEP).min(part.length))?;
            }
        }
        Ok(())
    }
}

/// Reads the footer, which starts at `end`, and the directory, and checks both; returns the directory's offset and bytes.
fn read_directory(file: &BundleFile, end: u64) -> Result<(u64, Vec<u8>), TextError> {
    let bytes = file.read(end, FOOTER_BYTES)?;
    let short = || file.damaged("footer", "is too short");
    let mut cursor = Cursor { bytes: &bytes };
    let offset = cursor.u64().ok_or_else(short)?;
    let length = cursor.u32().ok_or_else(short)?;
    let directory_crc = cursor.u32().ok_or_else(short)?;
    let footer_crc = cursor.u32().ok_or_else(short)?;
    let version = cursor.u32().ok_or_else(short)?;
    if cursor.bytes != MAGIC {
        return Err(file.damaged("footer", "is not that of a text index, or the file was cut short"));
    }
    if version != VERSION {
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
    Ok((offset, directory))
}

/// Little-endian integers from the front of a slice.
struct Cursor<'a> {
    bytes: &'a [u8],
}

impl<'a> Cursor<'a> {
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

    fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }
}
