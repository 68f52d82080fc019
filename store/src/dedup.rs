//! Which request bodies were stored lately, so that a retried export is acknowledged and not stored twice.
//!
//! OTLP has no request id; a retry repeats the body byte by byte. The window holds the hashes of the last ten minutes
//! and of at most 256 k requests, and with each what was decided of the body: a retry is told what the first was, whatever
//! the settings are by then. It survives a restart: hashes in the log are read back from there, older ones from
//! a file that each flush writes.

use std::collections::VecDeque;
use std::path::Path;

use hashbrown::HashMap;
use model::Nanos;
use model::time::MINUTE;

use crate::error::ReadError;
use crate::files;
use crate::rows::Earlier;

const WINDOW: Nanos = 10 * MINUTE;
const MAX_REQUESTS: usize = 256 << 10;
const MAGIC: &[u8; 8] = b"HAECHID2";
/// Bytes of an entry.
const ENTRY: usize = 40;
/// Of version 1, which does not say what was decided.
const MAGIC_1: &[u8; 8] = b"HAECHID1";
const ENTRY_1: usize = 24;

/// A stored body: its hash and how it was judged.
pub(crate) type Stored = (u128, Earlier);

/// The bodies of the window.
#[derive(Default)]
pub(crate) struct Dedup {
    seen: HashMap<u128, Earlier>,
    /// When each was received, oldest first.
    order: VecDeque<(u128, Nanos)>,
}

impl Dedup {
    /// How the same body was judged, if it was stored within the window before `now`. A hash of 0 stands for a body that may be
    /// repeated.
    pub(crate) fn earlier(&self, hash: u128, now: Nanos) -> Option<Earlier> {
        let earlier = *self.seen.get(&hash)?;
        (now.saturating_sub(earlier.received_at) <= WINDOW).then_some(earlier)
    }

    /// Notes a stored body.
    pub(crate) fn insert(&mut self, hash: u128, earlier: Earlier) {
        let received_at = earlier.received_at;
        if hash == 0 || self.earlier(hash, received_at).is_some() {
            return;
        }
        self.seen.insert(hash, earlier);
        self.order.push_back((hash, received_at));
        while let Some(&(oldest, at)) = self.order.front() {
            if self.order.len() <= MAX_REQUESTS && received_at.saturating_sub(at) <= WINDOW {
                break;
            }
            if self.seen.get(&oldest).is_some_and(|earlier| earlier.received_at == at) {
                self.seen.remove(&oldest); // else it was stored again since
            }
            self.order.pop_front();
        }
    }

    /// When the last of them was received.
    pub(crate) fn newest(&self) -> Option<Nanos> {
        self.order.iter().map(|(_, at)| *at).max()
    }

    /// Everything noted, oldest first, to be saved. Of a body that was stored again after the window, the last alone counts.
    pub(crate) fn to_saved(&self) -> Vec<Stored> {
        let counts = |(hash, at): &(u128, Nanos)| {
            Some((*hash, *self.seen.get(hash).filter(|earlier| earlier.received_at == *at)?))
        };
        self.order.iter().filter_map(counts).collect()
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
        let entries = checked.and_then(|(bytes, _)| entries(bytes));
        let Some(entries) = entries else {
            let message = format!("its {} bytes are no hashes of bodies with their checksum", bytes.len());
            return Err(ReadError::new(path, message));
        };
        entries.into_iter().for_each(|(hash, earlier)| dedup.insert(hash, earlier));
        Ok(dedup)
    }
}

/// The entries of a file without its checksum; `None` when it is no such file.
fn entries(bytes: &[u8]) -> Option<Vec<Stored>> {
    let (magic, entries) = bytes.split_first_chunk::<8>()?;
    let size = match magic {
        MAGIC => ENTRY,
        MAGIC_1 => ENTRY_1,
        _ => return None,
    };
    entries.len().is_multiple_of(size).then(|| entries.chunks_exact(size).filter_map(entry).collect())
}

fn entry(bytes: &[u8]) -> Option<Stored> {
    let (hash, rest) = bytes.split_first_chunk::<16>()?;
    let (received_at, rest) = rest.split_first_chunk::<8>()?;
    let (hash, received_at) = (u128::from_le_bytes(*hash), Nanos::from_le_bytes(*received_at));
    // Of version 1 there is no more: nothing is known to have been left out.
    let Some((oldest_accepted, rest)) = rest.split_first_chunk::<8>() else {
        return Some((hash, Earlier::new(received_at, &[])));
    };
    let oldest_accepted = Nanos::from_le_bytes(*oldest_accepted);
    let (admitted, refused) = rest.split_first_chunk::<4>()?;
    let (admitted, refused) = (u32::from_le_bytes(*admitted), u32::from_le_bytes(refused.try_into().ok()?));
    Some((hash, Earlier { received_at, oldest_accepted, admitted, refused }))
}

/// `magic | (hash u128, received at i64, oldest accepted i64, admitted u32, refused u32)* | crc32`.
pub(crate) fn save(path: &Path, stored: &[Stored]) -> std::io::Result<()> {
    let mut bytes = Vec::with_capacity(12 + stored.len() * ENTRY);
    bytes.extend_from_slice(MAGIC);
    for (hash, Earlier { received_at, oldest_accepted, admitted, refused }) in stored {
        bytes.extend_from_slice(&hash.to_le_bytes());
        bytes.extend_from_slice(&received_at.to_le_bytes());
        bytes.extend_from_slice(&oldest_accepted.to_le_bytes());
        bytes.extend_from_slice(&admitted.to_le_bytes());
        bytes.extend_from_slice(&refused.to_le_bytes());
    }
    bytes.extend_from_slice(&crc32fast::hash(&bytes).to_le_bytes());
    files::replace(path, &bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(received_at: Nanos) -> Earlier {
        Earlier { received_at, oldest_accepted: 7, admitted: 1 << 30, refused: 3 }
    }

    fn contains(dedup: &Dedup, hash: u128, now: Nanos) -> bool {
        dedup.earlier(hash, now).is_some()
    }

    #[test]
    fn forgets_what_is_older_than_the_window() {
        let mut dedup = Dedup::default();
        dedup.insert(1, at(0));
        assert!(contains(&dedup, 1, WINDOW));
        assert!(!contains(&dedup, 1, WINDOW + 1), "also when nothing came since");
        dedup.insert(2, at(WINDOW));
        dedup.insert(3, at(WINDOW + 1));
        assert_eq!(dedup.seen.len(), 2);
        dedup.insert(0, at(WINDOW));
        assert!(!contains(&dedup, 0, WINDOW));
    }

    #[test]
    fn a_body_stored_again_after_the_window_is_known_from_then_on() {
        let mut dedup = Dedup::default();
        dedup.insert(1, at(0));
        dedup.insert(1, at(WINDOW + 1));
        dedup.insert(2, at(WINDOW + 2));
        assert!(contains(&dedup, 1, 2 * WINDOW + 1) && !contains(&dedup, 1, 2 * WINDOW + 2));
        assert_eq!(dedup.order.len(), 2);
    }

    #[test]
    fn survives_a_save_and_names_damage() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("dedup");
        let mut dedup = Dedup::default();
        (1..100).for_each(|hash| dedup.insert(hash, at(5)));
        save(&path, &dedup.to_saved()).unwrap();
        assert!((1..100).all(|hash| Dedup::load(&path, 0).unwrap().earlier(hash, 6) == Some(at(5))));
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[20] ^= 1;
        std::fs::write(&path, bytes).unwrap();
        assert!(Dedup::load(&path, 0).is_err());
        std::fs::remove_file(&path).unwrap();
        assert!(Dedup::load(&path, 0).is_ok() && Dedup::load(&path, 1).is_err());
    }

    #[test]
    fn of_a_file_of_version_1_the_hashes_are_known() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("dedup");
        let mut bytes = [MAGIC_1, &5u128.to_le_bytes()[..], &9i64.to_le_bytes()].concat();
        bytes.extend_from_slice(&crc32fast::hash(&bytes).to_le_bytes());
        std::fs::write(&path, bytes).unwrap();
        let expected = Earlier { received_at: 9, oldest_accepted: Nanos::MIN, admitted: 0, refused: 0 };
        assert_eq!(Dedup::load(&path, 0).unwrap().earlier(5, 10), Some(expected));
    }
}
