//! Appends records and makes them durable.

use std::fs::{File, OpenOptions};
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::files;

const MAGIC: &[u8; 8] = b"HAECHIWL";
const VERSION: u32 = 1;
/// `magic | version u32 | salt u64 | sequence u64 | crc32 u32` of a file.
pub(super) const FILE_HEADER: usize = 32;
/// The length of a log file; a record that is longer gets a file of its own.
const FILE_BYTES: u64 = 32 << 20;
/// A new file is filled with zeros this far ahead of the records, so that one sync in many grows it.
const ZEROS_AHEAD: u64 = 1 << 20;
/// Files kept for reuse.
const MAX_SPARE: usize = 2;

/// The salt and the sequence number in a file's header.
pub(super) fn file_header(bytes: &[u8]) -> Option<(u64, u64)> {
    let header = bytes.first_chunk::<FILE_HEADER>()?;
    let crc = u32::from_le_bytes(*header[28..].first_chunk()?);
    if &header[..8] != MAGIC || crc32fast::hash(&header[..28]) != crc {
        return None;
    }
    let salt = u64::from_le_bytes(*header[12..].first_chunk()?);
    Some((salt, u64::from_le_bytes(*header[20..].first_chunk()?)))
}

/// The format version of a log file that a later version of this program has begun.
pub(crate) fn newer_version(path: &Path) -> Option<u32> {
    let mut start = [0; 12];
    File::open(path).and_then(|file| file.read_exact_at(&mut start, 0)).ok()?;
    let version = u32::from_le_bytes(*start[8..].first_chunk()?);
    (&start[..8] == MAGIC && version > VERSION).then_some(version)
}

/// The log files in `dir` in the order they were written, with their sequence numbers.
pub(crate) fn list(dir: &Path) -> io::Result<Vec<(u64, PathBuf)>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
        if let Some(sequence) = name.strip_suffix(".wal").and_then(|number| number.parse().ok()) {
            found.push((sequence, path));
        }
    }
    found.sort();
    Ok(found)
}

/// A file no longer written to.
struct Sealed {
    path: PathBuf,
    last_lsn: u64,
    reusable: bool,
}

/// The writing end of the log.
pub(crate) struct WalWriter {
    dir: PathBuf,
    sealed: Vec<Sealed>,
    spare: Vec<PathBuf>,
    sequence: u64,
    path: PathBuf,
    file: File,
    salt: u64,
    offset: u64,
    zeroed_to: u64,
    last_lsn: u64,
    /// A sync failed: what the file holds from then on is unknown, and nothing more may go to it.
    poisoned: bool,
}

impl WalWriter {
    /// Starts a new file in `dir`. `old` are the files that hold records up to the given numbers.
    pub(crate) fn create(dir: &Path, old: Vec<(PathBuf, u64)>, sequence: u64) -> io::Result<Self> {
        let (path, file, salt, zeroed_to) = start_file(dir, sequence, None)?;
        let sealed = old.into_iter().map(|(path, last_lsn)| Sealed { path, last_lsn, reusable: false }).collect();
        let (offset, last_lsn) = (FILE_HEADER as u64, 0);
        let spare = Vec::new();
        let dir = dir.to_owned();
        Ok(WalWriter { dir, sealed, spare, sequence, path, file, salt, offset, zeroed_to, last_lsn, poisoned: false })
    }

    /// Room for `bytes` in the current file, or a new one. Returns the salt to encode records with.
    pub(crate) fn prepare(&mut self, bytes: usize) -> io::Result<u64> {
        let full = self.offset > FILE_HEADER as u64 && self.offset + bytes as u64 > FILE_BYTES;
        if full || self.poisoned {
            let spare = self.spare.pop();
            let (path, file, salt, zeroed_to) = start_file(&self.dir, self.sequence + 1, spare.as_deref())?;
            let path = std::mem::replace(&mut self.path, path);
            self.sealed.push(Sealed { path, last_lsn: self.last_lsn, reusable: !self.poisoned });
            self.sequence += 1;
            (self.file, self.salt, self.zeroed_to) = (file, salt, zeroed_to);
            (self.offset, self.poisoned) = (FILE_HEADER as u64, false);
        }
        Ok(self.salt)
    }

    /// Writes `records`, of which `last_lsn` is the last number, and syncs. On an error none of them counts, and the next
    /// [`WalWriter::prepare`] starts a new file: a failed sync is never repeated, since the repetition may say OK
    /// although the bytes are gone.
    pub(crate) fn append(&mut self, records: &[u8], last_lsn: u64) -> io::Result<()> {
        let result = self.write(records);
        self.poisoned = result.is_err();
        self.last_lsn = self.last_lsn.max(last_lsn);
        result
    }

    fn write(&mut self, records: &[u8]) -> io::Result<()> {
        self.file.write_all_at(records, self.offset)?;
        self.offset += records.len() as u64;
        if self.offset > self.zeroed_to {
            let zeros = vec![0; ZEROS_AHEAD as usize];
            self.file.write_all_at(&zeros, self.offset)?;
            self.zeroed_to = self.offset + ZEROS_AHEAD;
        }
        self.file.sync_data()
    }

    /// Retires the files that hold no record after `low_water`. Errors leave a file for the next time.
    pub(crate) fn retire(&mut self, low_water: u64) {
        let sealed = std::mem::take(&mut self.sealed);
        for file in sealed {
            if file.last_lsn > low_water {
                self.sealed.push(file);
                continue;
            }
            let whole =
                std::fs::metadata(&file.path).is_ok_and(|it| it.len() >= FILE_BYTES / 2 && it.len() <= 2 * FILE_BYTES);
            let spare = self.dir.join(format!("spare-{}", self.spare.len()));
            let kept =
                file.reusable && whole && self.spare.len() < MAX_SPARE && files::rename(&file.path, &spare).is_ok();
            if kept {
                self.spare.push(spare);
            } else if let Err(error) = std::fs::remove_file(&file.path) {
                tracing::warn!(path = %file.path.display(), %error, "cannot remove a log file that is no longer needed");
                self.sealed.push(file);
            }
        }
    }

    /// The bytes of records not yet retired, about.
    pub(crate) fn bytes(&self) -> u64 {
        self.sealed.len() as u64 * FILE_BYTES + self.offset
    }
}

/// Creates the file with this sequence number, from `spare` when given, and makes its header durable.
fn start_file(dir: &Path, sequence: u64, spare: Option<&Path>) -> io::Result<(PathBuf, File, u64, u64)> {
    let path = dir.join(format!("{sequence:012}.wal"));
    match spare {
        // Until the new header is there, the file reads as what it was: records that segments already hold.
        Some(spare) => files::rename(spare, &path)?,
        None => drop(File::create(&path)?),
    }
    let file = OpenOptions::new().read(true).write(true).open(&path)?;
    let zeroed_to = file.metadata()?.len();
    let mut old = [0; FILE_HEADER];
    let old_salt = file.read_exact_at(&mut old, 0).ok().and_then(|()| file_header(&old)).map_or(0, |(salt, _)| salt);
    let salt = next_salt(old_salt, sequence);
    let mut header = Vec::with_capacity(FILE_HEADER);
    header.extend_from_slice(MAGIC);
    header.extend_from_slice(&VERSION.to_le_bytes());
    header.extend_from_slice(&salt.to_le_bytes());
    header.extend_from_slice(&sequence.to_le_bytes());
    header.extend_from_slice(&crc32fast::hash(&header).to_le_bytes());
    file.write_all_at(&header, 0)?;
    file.sync_all()?;
    files::sync_dir(dir)?;
    Ok((path, file, salt, zeroed_to))
}

/// A salt that no earlier use of the file had and that no sender can know: a body must not be able to hold a record.
fn next_salt(old: u64, sequence: u64) -> u64 {
    let random = RandomState::new().hash_one(sequence);
    if random == old { random ^ 1 } else { random }
}
