//! Which request bodies were stored lately, so that a retried export is acknowledged and not stored twice.
//!
//! OTLP has no request id; a retry repeats the body byte by byte. The window holds the hashes of the last ten minutes
//! and of at most 256 k requests. It survives a restart: hashes in the log are read back from there, older ones from
//! a file that each flush writes.

use std::collections::VecDeque;
use std::path::Path;

use hashbrown::HashSet;
use model::Nanos;
use model::time::MINUTE;

use crate::files;

const WINDOW: Nanos = 10 * MINUTE;
const MAX_REQUESTS: usize = 256 << 10;
const MAGIC: &[u8; 8] = b"HAECHID1";

/// The hashes of the window, oldest first.
#[derive(Clone, Default)]
pub(crate) struct Dedup {
    seen: HashSet<u128>,
    order: VecDeque<(u128, Nanos)>,
}

impl Dedup {
    pub(crate) fn contains(&self, hash: u128) -> bool {
        hash != 0 && self.seen.contains(&hash)
    }

    /// Notes a stored body. A hash of 0 stands for a body that may be repeated.
    pub(crate) fn insert(&mut self, hash: u128, received_at: Nanos) {
        if hash == 0 || !self.seen.insert(hash) {
            return;
        }
        self.order.push_back((hash, received_at));
        while let Some((oldest, at)) = self.order.front() {
            if self.order.len() <= MAX_REQUESTS && received_at.saturating_sub(*at) <= WINDOW {
                break;
            }
            self.seen.remove(oldest);
            self.order.pop_front();
        }
    }

    /// `magic | (hash u128, received_at i64)* | crc32`.
    pub(crate) fn save(&self, path: &Path) -> std::io::Result<()> {
        let mut bytes = Vec::with_capacity(12 + self.order.len() * 24);
        bytes.extend_from_slice(MAGIC);
        for (hash, at) in &self.order {
            bytes.extend_from_slice(&hash.to_le_bytes());
            bytes.extend_from_slice(&at.to_le_bytes());
        }
        bytes.extend_from_slice(&crc32fast::hash(&bytes).to_le_bytes());
        files::replace(path, &bytes)
    }

    /// What [`Dedup::save`] wrote; nothing when the file is missing or damaged, which costs a duplicate at worst.
    pub(crate) fn load(path: &Path) -> Self {
        let mut dedup = Dedup::default();
        let Ok(bytes) = std::fs::read(path) else { return dedup };
        let Some((bytes, crc)) = bytes.split_last_chunk::<4>() else { return dedup };
        let Some(entries) = bytes.strip_prefix(MAGIC) else { return dedup };
        if crc32fast::hash(bytes) != u32::from_le_bytes(*crc) {
            return dedup;
        }
        for entry in entries.as_chunks::<24>().0 {
            let (hash, at) = entry.split_at(16);
            if let (Ok(hash), Ok(at)) = (hash.try_into(), at.try_into()) {
                dedup.insert(u128::from_le_bytes(hash), Nanos::from_le_bytes(at));
            }
        }
        dedup
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forgets_what_is_older_than_the_window() {
        let mut dedup = Dedup::default();
        dedup.insert(1, 0);
        dedup.insert(2, WINDOW);
        assert!(dedup.contains(1) && dedup.contains(2));
        dedup.insert(3, WINDOW + 1);
        assert!(!dedup.contains(1) && dedup.contains(2));
        dedup.insert(0, WINDOW);
        assert!(!dedup.contains(0));
    }

    #[test]
    fn survives_a_save_and_ignores_damage() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("dedup");
        let mut dedup = Dedup::default();
        (1..100).for_each(|hash| dedup.insert(hash, 5));
        dedup.save(&path).unwrap();
        assert!((1..100).all(|hash| Dedup::load(&path).contains(hash)));
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[20] ^= 1;
        std::fs::write(&path, bytes).unwrap();
        assert!(!Dedup::load(&path).contains(1));
    }
}
