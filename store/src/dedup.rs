//! Which request bodies were stored lately, so that a retried export is acknowledged and not stored twice.
//!
//! OTLP has no request id; a retry repeats the body byte by byte. The window holds the hashes of the last ten minutes
//! and of at most 256 k requests. It survives a restart: hashes in the log are read back from there, older ones from
//! a file that each flush writes.

use std::collections::VecDeque;
use std::path::Path;

use hashbrown::HashMap;
use model::Nanos;
use model::time::MINUTE;

use crate::error::ReadError;
use crate::files;

const WINDOW: Nanos = 10 * MINUTE;
const MAX_REQUESTS: usize = 256 << 10;
const MAGIC: &[u8; 8] = b"HAECHID1";

/// A stored body: its hash and when it was received.
pub(crate) type Stored = (u128, Nanos);

/// The bodies of the window.
#[derive(Default)]
pub(crate) struct Dedup {
    seen: HashMap<u128, Nanos>,
    /// Oldest first.
    order: VecDeque<Stored>,
}

impl Dedup {
    /// Whether the same body was stored within the window before `now`. A hash of 0 stands for a body that may be repeated.
    pub(crate) fn contains(&self, hash: u128, now: Nanos) -> bool {
        hash != 0 && self.seen.get(&hash).is_some_and(|at| now.saturating_sub(*at) <= WINDOW)
    }

    /// Notes a stored body.
    pub(crate) fn insert(&mut self, hash: u128, received_at: Nanos) {
        if hash == 0 || self.contains(hash, received_at) {
            return;
        }
        self.seen.insert(hash, received_at);
        self.order.push_back((hash, received_at));
        while let Some(&(oldest, at)) = self.order.front() {
            if self.order.len() <= MAX_REQUESTS && received_at.saturating_sub(at) <= WINDOW {
                break;
            }
            if self.seen.get(&oldest) == Some(&at) {
                self.seen.remove(&oldest); // else it was stored again since
            }
            self.order.pop_front();
        }
    }

    /// When the last of them was received.
    pub(crate) fn newest(&self) -> Option<Nanos> {
        self.order.iter().map(|(_, at)| *at).max()
    }

    /// Everything noted, oldest first, to be saved.
    pub(crate) fn to_saved(&self) -> Vec<Stored> {
        self.order.iter().copied().collect()
    }

    /// What [`save`] wrote. A flush does that before it is published: with requests in segments, up to number `low_water`, there
    /// is such a file.
    pub(crate) fn load(path: &Path, low_water: u64) -> Result<Self, ReadError> {
        let mut dedup = Dedup::default();
        let bytes = match std::fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && low_water == 0 => return Ok(dedup),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(ReadError::new(path, "is missing"));
            }
            Err(error) => return Err(ReadError::new(path, error)),
        };
        let checked =
            bytes.split_last_chunk::<4>().filter(|(it, crc)| crc32fast::hash(it) == u32::from_le_bytes(**crc));
        let entries = checked.and_then(|(bytes, _)| bytes.strip_prefix(MAGIC));
        let Some(entries) = entries.filter(|it| it.len() % 24 == 0) else {
            let message = format!("its {} bytes are no hashes of bodies with their checksum", bytes.len());
            return Err(ReadError::new(path, message));
        };
        for entry in entries.as_chunks::<24>().0 {
            let (hash, at) = entry.split_at(16);
            if let (Ok(hash), Ok(at)) = (hash.try_into(), at.try_into()) {
                dedup.insert(u128::from_le_bytes(hash), Nanos::from_le_bytes(at));
            }
        }
        Ok(dedup)
    }
}

/// `magic | (hash u128, received_at i64)* | crc32`.
pub(crate) fn save(path: &Path, stored: &[Stored]) -> std::io::Result<()> {
    let mut bytes = Vec::with_capacity(12 + stored.len() * 24);
    bytes.extend_from_slice(MAGIC);
    for (hash, at) in stored {
        bytes.extend_from_slice(&hash.to_le_bytes());
        bytes.extend_from_slice(&at.to_le_bytes());
    }
    bytes.extend_from_slice(&crc32fast::hash(&bytes).to_le_bytes());
    files::replace(path, &bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forgets_what_is_older_than_the_window() {
        let mut dedup = Dedup::default();
        dedup.insert(1, 0);
        assert!(dedup.contains(1, WINDOW));
        assert!(!dedup.contains(1, WINDOW + 1), "also when nothing came since");
        dedup.insert(2, WINDOW);
        dedup.insert(3, WINDOW + 1);
        assert_eq!(dedup.seen.len(), 2);
        dedup.insert(0, WINDOW);
        assert!(!dedup.contains(0, WINDOW));
    }

    #[test]
    fn a_body_stored_again_after_the_window_is_known_from_then_on() {
        let mut dedup = Dedup::default();
        dedup.insert(1, 0);
        dedup.insert(1, WINDOW + 1);
        dedup.insert(2, WINDOW + 2);
        assert!(dedup.contains(1, 2 * WINDOW + 1) && !dedup.contains(1, 2 * WINDOW + 2));
        assert_eq!(dedup.order.len(), 2);
    }

    #[test]
    fn survives_a_save_and_names_damage() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("dedup");
        let mut dedup = Dedup::default();
        (1..100).for_each(|hash| dedup.insert(hash, 5));
        save(&path, &dedup.to_saved()).unwrap();
        assert!((1..100).all(|hash| Dedup::load(&path, 0).unwrap().contains(hash, 6)));
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[20] ^= 1;
        std::fs::write(&path, bytes).unwrap();
        assert!(Dedup::load(&path, 0).is_err());
        std::fs::remove_file(&path).unwrap();
        assert!(Dedup::load(&path, 0).is_ok() && Dedup::load(&path, 1).is_err());
    }
}
