//! The number of the last record that was acknowledged, beside the log.
//!
//! Where the log ends, no record follows, and its last file cannot tell whether records followed once. So the number is kept in
//! a file of its own, written over after each sync of the log and never synced itself: whatever value a crash leaves there, the
//! records up to that number were durable before it was written.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::error::ReadError;
use crate::files;

const NAME: &str = "acknowledged";
const MAGIC: &[u8; 8] = b"HAECHIA1";
/// With the number and a checksum.
const LENGTH: usize = 20;
/// The number is in two places, written in turns: a write that fails halfway leaves the other as it was.
const PLACES: usize = 2;
/// A write takes microseconds.
const READS: usize = 3;
const BETWEEN_READS: Duration = Duration::from_millis(5);

/// Keeps the number.
pub(crate) struct Acknowledged {
    path: PathBuf,
    /// `None` until it can be made: a disk that has no room for it may have room for the log.
    file: Option<File>,
    /// Where the next number goes.
    place: usize,
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
        Ok(Acknowledged { path, file, place: 0 })
    }

    /// Notes that the records up to `lsn` are durable. An error leaves an earlier number, which is true as well.
    pub(crate) fn set(&mut self, lsn: u64) {
        let Some(file) = &self.file else {
            self.file = make(&self.path, lsn).ok();
            return;
        };
        if files::write_all_at(file, &self.path, &encode(lsn), (self.place * LENGTH) as u64).is_ok() {
            self.place = (self.place + 1) % PLACES;
        }
    }
}

fn make(path: &Path, last: u64) -> io::Result<File> {
    files::replace(path, &encode(last).repeat(PLACES))?;
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
    let last = bytes.chunks(LENGTH).take(PLACES).filter_map(decode).max();
    let damaged = || ReadError::new(&path, "is damaged; what the end of the log has lost cannot be told");
    last.map(Some).ok_or_else(damaged)
}

/// What is wrong with either place in the file of the data directory `dir`, where [`read`] finds a number. A store that is open
/// writes there, so that what looks wrong is read again.
pub(crate) fn damaged_places(dir: &Path) -> Vec<ReadError> {
    let path = dir.join(NAME);
    let look = || -> Vec<usize> {
        let Ok(bytes) = std::fs::read(&path) else { return Vec::new() };
        let is_whole = |place: &usize| bytes.chunks(LENGTH).nth(*place).and_then(decode).is_some();
        (0..PLACES).filter(|place| !is_whole(place)).collect()
    };
    let mut damaged = look();
    for _ in 0..READS {
        if damaged.is_empty() {
            break;
        }
        std::thread::sleep(BETWEEN_READS);
        let again = look();
        damaged.retain(|place| again.contains(place));
    }
    let error = |place: usize| {
        let at = place * LENGTH;
        let message = format!(
            "{LENGTH} bytes at {at} are no number with its checksum; the other {LENGTH} bytes are whole, and nothing is lost"
        );
        ReadError::new(&path, message)
    };
    damaged.into_iter().map(error).collect()
}

fn decode(place: &[u8]) -> Option<u64> {
    let lsn = u64::from_le_bytes(*place.get(MAGIC.len()..)?.first_chunk()?);
    (encode(lsn) == place).then_some(lsn)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_is_read_back_and_damage_costs_the_last_one_at_most() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(read(dir.path()).unwrap(), None);
        let mut acknowledged = Acknowledged::open(dir.path(), Some(7)).unwrap();
        assert_eq!(read(dir.path()).unwrap(), Some(7));
        for lsn in [300, 301, 302] {
            acknowledged.set(lsn);
            assert_eq!(read(dir.path()).unwrap(), Some(lsn));
        }
        let path = dir.path().join(NAME);
        let whole = std::fs::read(&path).unwrap();
        for at in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[at] ^= 1;
            std::fs::write(&path, &bytes).unwrap();
            assert_eq!(read(dir.path()).unwrap(), Some(if at < LENGTH { 301 } else { 302 }), "flipped byte {at}");
        }
        for (bytes, place) in [(&whole[..LENGTH], LENGTH), (&[&[0], &whole[1..]].concat(), 0)] {
            std::fs::write(&path, bytes).unwrap();
            let damaged = damaged_places(dir.path());
            let [error] = damaged.as_slice() else { panic!("{damaged:?}") };
            assert!(
                error.path == path && error.message.starts_with(&format!("20 bytes at {place} are no number")),
                "{error}"
            );
        }
        std::fs::write(&path, &whole).unwrap();
        assert!(damaged_places(dir.path()).is_empty());
    }

    #[test]
    fn what_cannot_be_read_is_named_and_stays_until_there_is_a_number() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(NAME);
        for bytes in [Vec::new(), encode(5)[..LENGTH - 1].to_vec(), vec![0; PLACES * LENGTH]] {
            std::fs::write(&path, &bytes).unwrap();
            assert_eq!(read(dir.path()).unwrap_err().path, path, "{bytes:?}");
            let mut acknowledged = Acknowledged::open(dir.path(), None).unwrap();
            assert_eq!(std::fs::read(&path).unwrap(), bytes);
            acknowledged.set(301);
            assert_eq!(read(dir.path()).unwrap(), Some(301));
        }
    }
}
