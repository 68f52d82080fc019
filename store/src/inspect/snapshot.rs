//! The rows of a data directory, without opening it as a store.

use std::path::Path;
use std::sync::Arc;

use super::Directory;
use crate::damage::DamageKind;
use crate::dedup::Dedup;
use crate::error::{OpenError, ReadError};
use crate::memtable::{Memtable, PreparedRequest};
use crate::recovery::{self, Recovery};
use crate::rows::{Earlier, Rows};
use crate::segment::Recent;
use crate::snapshot::Snapshot;
use crate::store::Decode;
use crate::wal::{self, Header};

/// Requests in the log are read again this often when a box retires them meanwhile.
const TRIES: usize = 5;
/// What a store with its default settings keeps of opened segments.
const CACHE_BYTES: usize = 64 << 20;

/// The rows that are durable in `dir`: those in segments, and those of requests that are in the log only, which are held in
/// memory. Takes no lock and changes nothing; segments that a running box removes later turn into errors of the scan that
/// reads them. Also says what could not be read.
pub fn snapshot(dir: &Path, decode: &Decode) -> Result<(Snapshot, Recovery), OpenError> {
    let mut tries = 0;
    loop {
        let directory = Directory::open(dir)?;
        let (snapshot, recovery) = read(&directory, decode)?;
        tries += 1;
        // A flush that ended in between may have retired log files before they were read.
        if Directory::open(dir)?.state.low_water == directory.state.low_water || tries == TRIES {
            return Ok((snapshot, recovery));
        }
    }
}

fn read(directory: &Directory, decode: &Decode) -> Result<(Snapshot, Recovery), OpenError> {
    let dir = &directory.dir;
    let mut recovery = Recovery::default();
    directory.damage.iter().for_each(|damage| recovery.note(DamageKind::Manifest, damage.into()));
    let segments = recovery::open_segments(dir, &directory.state, &Arc::new(Recent::new(CACHE_BYTES)), &mut recovery);
    let memory = std::array::from_fn(|_| Vec::new());
    let mut snapshot = Snapshot { memory, segments: Arc::new(segments), series: Arc::default() };
    recovery::load_series(&snapshot, &snapshot.series, &mut recovery);

    let io = |source| OpenError::Io { path: dir.join("wal"), source };
    let files = wal::list(&dir.join("wal")).map_err(io)?;
    let first_lsns: Vec<_> = files.iter().map(|(_, path)| Header::read(path)?.first_lsn).collect();
    let (mut memory, mut seen, mut previous) = (Memtable::default(), Dedup::default(), directory.state.low_water);
    for (index, (sequence, path)) in files.iter().enumerate() {
        let end = first_lsns[index + 1..].iter().flatten().min().copied().unwrap_or(u64::MAX);
        let damage = wal::read_file(path, *sequence, previous, end, |record| {
            let head = record.head;
            previous = previous.max(head.lsn);
            // As at a start: a request that was refused may be here and, retried, a second time.
            if head.lsn <= directory.state.low_water || seen.earlier(head.hash, head.received_at).is_some() {
                return;
            }
            seen.insert(head.hash, Earlier::new(head.received_at, record.decisions));
            let rows = Rows::of_replay(&snapshot.series);
            match recovery::rows_of(&record, rows, decode) {
                Ok(decoded) => {
                    recovery.replayed_requests += 1;
                    let prepared = PreparedRequest::new(decoded);
                    prepared.series.iter().for_each(|series| snapshot.series.note(series));
                    prepared.rows.into_iter().for_each(|prepared| memory.push(prepared));
                }
                Err(error) => {
                    let message = format!("request {}: {error}", head.lsn);
                    recovery.note(DamageKind::Log, ReadError::new(path, message));
                }
            }
        });
        match damage {
            Ok(damage) => damage.into_iter().for_each(|damage| recovery.note(DamageKind::Log, damage.into())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {} // retired
            Err(error) => recovery.note(DamageKind::Log, ReadError::new(path, error)),
        }
    }
    recovery.replayed_rows = memory.rows;
    snapshot.memory = memory.chunks;
    Ok((snapshot, recovery))
}
