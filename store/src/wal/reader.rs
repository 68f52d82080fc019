//! Reads the records of a log file back, past damage.

use std::io;
use std::path::{Path, PathBuf};

use super::record::{HEAD, PREFIX, RecordHead, decode};
use super::writer::{FILE_HEADER, file_header};

/// Bytes of a log file that are no records although records follow them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Damage {
    pub(crate) path: PathBuf,
    pub(crate) offset: usize,
    pub(crate) bytes: usize,
}

/// Feeds each record of the file at `path` to `each`, in order. Returns the damaged parts; what follows the last record
/// is its unused end.
pub(crate) fn read_file(path: &Path, mut each: impl FnMut(RecordHead, &[u8])) -> io::Result<Vec<Damage>> {
    let bytes = std::fs::read(path)?;
    let mut damage = Vec::new();
    let Some((salt, _)) = file_header(&bytes) else {
        // A file whose header never reached the disk holds no acknowledged record. One with a damaged header might.
        if bytes.iter().any(|byte| *byte != 0) {
            damage.push(Damage { path: path.into(), offset: 0, bytes: bytes.len() });
        }
        return Ok(damage);
    };
    let mut offset = FILE_HEADER;
    let mut last_lsn = None;
    while offset < bytes.len() {
        if let Some((head, body, length)) = decode(&bytes[offset..], salt) {
            each(head, body);
            last_lsn = Some(head.lsn);
            offset += length;
        } else if let Some(next) = next_record(&bytes, offset + 1, salt, last_lsn) {
            damage.push(Damage { path: path.into(), offset, bytes: next - offset });
            offset = next;
        } else {
            break;
        }
    }
    Ok(damage)
}

/// The offset of the next record from `from` on. Its number must be near the last one's, which spares most checksums.
fn next_record(bytes: &[u8], from: usize, salt: u64, last_lsn: Option<u64>) -> Option<usize> {
    const NEAR: u64 = 1 << 32;
    (from..bytes.len().saturating_sub(PREFIX + HEAD)).find(|offset| {
        let lsn = bytes[offset + PREFIX..].first_chunk::<8>().map(|lsn| u64::from_le_bytes(*lsn));
        let plausible = lsn.is_some_and(|lsn| lsn != 0 && last_lsn.is_none_or(|last| lsn > last && lsn - last < NEAR));
        plausible && decode(&bytes[*offset..], salt).is_some()
    })
}
