//! The number of the last record that was acknowledged, beside the log.
//!
//! Where the log ends, no record follows, and its last file cannot tell whether records followed once. So the number is kept in
//! a file of its own, written over after each sync of the log and never synced itself: whatever value a crash leaves there, the
//! records up to that number were durable before it was written.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use crate::error::ReadError;
use crate::files;

const NAME: &str = "acknowledged";
const MAGIC: &[u8; 8] = b"HAECHIA1";
/// With the number and a checksum; within one sector, so that it is written whole.
const LENGTH: usize = 20;

/// Keeps the number.
pub(crate) struct Acknowledged {
    path: PathBuf,
    /// `None` until it can be made: a disk that has no room for it may have room for the log.
    file: Option<File>,
}

impl Acknowledged {
    /// In the data directory `dir`. `last` is what [`read`] found, or a number that is surely durable; when it is `None`, what
    /// is there is left until the next number.
    ///
    /// # Errors
    /// When files cannot be made in the directory at all.
    pub(crate) fn open(dir: &Path, last: Option<u64>) -> io::Result<Self> {
        let path = dir.join(NAME);
        let file = match last.map(|last| make(&path, last)).transpose() {
            Err(error) if matches!(error.kind(), ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem) => {
                return Err(error);
            }
            Err(error) => {
                tracing::warn!(path = %path.display(), %error, "cannot note what is acknowledged");
                None
            }
            Ok(file) => file,
        };
        Ok(Acknowledged { path, file })
    }

    /// Notes that the records up to `lsn` are durable. An error leaves an earlier number, which is true as well.
    pub(crate) fn set(&mut self, lsn: u64) {
        match &self.file {
            Some(file) => _ = files::write_all_at(file, &self.path, &encode(lsn), 0),
            None => self.file = make(&self.path, lsn).ok(),
        }
    }
}

fn make(path: &Path, last: u64) -> io::Result<File> {
    files::replace(path, &encode(last))?;
    OpenOptions::new().write(true).open(path)
}

fn encode(lsn: u64) -> Vec<u8> {
    let mut bytes = [MAGIC.as_slice(), &lsn.to_le_bytes()].concat();
    bytes.extend_from_slice(&crc32fast::hash(&bytes).to_le_bytes());
    bytes
}

/// The number that was noted in the data directory `dir`; `None` in one of an earlier version.
pub(crate) fn read(dir: &Path) -> Result<Option<u64>, ReadError> {
    let path = dir.join(NAME);
    let bytes = match std::fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(ReadError::new(&path, error)),
    };
    let lsn = bytes.get(MAGIC.len()..).and_then(|rest| rest.first_chunk()).map(|lsn| u64::from_le_bytes(*lsn));
    match lsn.filter(|lsn| bytes.len() == LENGTH && encode(*lsn) == bytes) {
        Some(lsn) => Ok(Some(lsn)),
        None => Err(ReadError::new(&path, "is damaged; what the end of the log has lost cannot be told")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_is_read_back_and_damage_is_named() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(read(dir.path()).unwrap(), None);
        let mut acknowledged = Acknowledged::open(dir.path(), Some(7)).unwrap();
        assert_eq!(read(dir.path()).unwrap(), Some(7));
        acknowledged.set(300);
        assert_eq!(read(dir.path()).unwrap(), Some(300));
        let path = dir.path().join(NAME);
        let whole = std::fs::read(&path).unwrap();
        let flipped = |at: usize| {
            let mut bytes = whole.clone();
            bytes[at] ^= 1;
            bytes
        };
        let longer = [whole.as_slice(), b"0"].concat();
        for bytes in (0..LENGTH).map(flipped).chain([Vec::new(), whole[..LENGTH - 1].to_vec(), longer]) {
            std::fs::write(&path, &bytes).unwrap();
            let error = read(dir.path()).unwrap_err();
            assert_eq!(error.path, path, "{bytes:?}");
            let mut acknowledged = Acknowledged::open(dir.path(), None).unwrap();
            assert_eq!(std::fs::read(&path).unwrap(), bytes, "it stays until there is a number");
            acknowledged.set(301);
            assert_eq!(read(dir.path()).unwrap(), Some(301));
        }
    }
}
