//! Watches the free space of the data directory's file system.
//!
//! A log that meets a full disk refuses requests as well, but then there is no room left for what frees space: the manifest's
//! record of a retention, the output of a compaction. So requests are refused while that room is still there.

use std::fs::OpenOptions;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::files::{self, Space};

/// How old a look at the file system may be.
const LOOK: Duration = Duration::from_secs(1);
/// The file that gives way when not even the manifest can be written: of a few thousand segments, in both its files.
const RESERVE_BYTES: u64 = 4 << 20;

/// How full the file system of the data directory is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DiskState {
    #[default]
    Enough,
    /// Segments are compacted only where that frees space soon.
    Low,
    /// Requests are refused for now. Queries go on, and so does the retention.
    Full,
}

/// What the last look at the file system found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DiskStats {
    pub state: DiskState,
    /// Bytes that the process may still write; 0 of 0 when the file system does not tell.
    pub free: u64,
    pub total: u64,
    /// With less than this free it is low, …
    pub low: u64,
    /// … and full.
    pub full: u64,
}

impl DiskStats {
    /// Full is 1 % of the file system and at least 256 MiB, low 5 % and at least 1 GiB; of a small one no more than a tenth
    /// and a quarter. `reserve` is another limit for full; low is then at least twice that.
    fn of(space: Space, reserve: Option<u64>) -> Self {
        let Space { free, total } = space;
        let share = |percent: u64, least: u64, most: u64| (total / 100 * percent).max(least).min(total / most);
        let full = reserve.unwrap_or_else(|| share(1, 256 << 20, 10));
        let low = match reserve {
            Some(0) => 0,
            _ => share(5, 1 << 30, 4).max(full.saturating_mul(2)),
        };
        let state = match free {
            _ if total == 0 => DiskState::Enough,
            free if free < full => DiskState::Full,
            free if free < low => DiskState::Low,
            _ => DiskState::Enough,
        };
        DiskStats { state, free, total, low, full }
    }
}

/// Bytes that must stay free in the file system of `dir`, or of the nearest directory above it that is there, when nobody says
/// how many; `None` when it does not tell.
pub fn usual_reserve(dir: &Path) -> Option<u64> {
    let above = dir.ancestors().map(|path| if path.as_os_str().is_empty() { Path::new(".") } else { path });
    let space = above.into_iter().find_map(|path| files::space(path).ok())?;
    (space.total > 0).then(|| DiskStats::of(space, None).full)
}

/// Looks at the file system when somebody asks, at most once a second.
pub(crate) struct DiskGuard {
    dir: PathBuf,
    reserve: Option<u64>,
    last: Mutex<Option<(Instant, DiskStats)>>,
}

impl DiskGuard {
    pub(crate) fn new(dir: &Path, reserve: Option<u64>) -> Self {
        DiskGuard { dir: dir.to_owned(), reserve, last: Mutex::default() }
    }

    pub(crate) fn stats(&self) -> DiskStats {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        match *last {
            Some((at, stats)) if at.elapsed() < LOOK => stats,
            before => {
                let stats = DiskStats::of(files::space(&self.dir).unwrap_or_default(), self.reserve);
                say(before.map(|(_, stats)| stats.state).unwrap_or_default(), &stats);
                *last = Some((Instant::now(), stats));
                stats
            }
        }
    }

    /// Whether a compaction that reads `bytes` may write its output. When space is low only one that takes the place of
    /// flushed segments, which are larger than what it makes of them.
    pub(crate) fn allows_compaction(&self, bytes: u64, of_flushed: bool) -> bool {
        let stats = self.stats();
        match stats.state {
            DiskState::Enough => true,
            DiskState::Low => of_flushed && stats.free.saturating_sub(stats.full) > bytes,
            DiskState::Full => false,
        }
    }

    fn reserve_path(&self) -> PathBuf {
        self.dir.join("reserve")
    }

    /// Sets space aside for [`DiskGuard::release`], unless it is there or space is low.
    pub(crate) fn set_aside(&self) {
        let path = self.reserve_path();
        if self.stats().state != DiskState::Enough || path.exists() {
            return;
        }
        let set_aside = || -> io::Result<()> {
            let file = OpenOptions::new().write(true).create(true).truncate(true).open(&path)?;
            files::allocate(&file, RESERVE_BYTES)
        };
        if let Err(error) = set_aside() {
            tracing::debug!(%error, "no space is set aside for a full disk");
            self.release();
        }
    }

    /// Gives the space that was set aside to whatever is written next. Whether there was any.
    pub(crate) fn release(&self) -> bool {
        std::fs::remove_file(self.reserve_path()).is_ok()
    }
}

/// Tells the log of a change.
fn say(before: DiskState, stats: &DiskStats) {
    let DiskStats { state, free, full, low, .. } = stats;
    match state {
        _ if *state == before => {}
        DiskState::Full => tracing::error!(free, full, "the disk is nearly full; requests are refused until it is not"),
        DiskState::Low if before == DiskState::Full => {
            tracing::warn!(free, low, "the disk has a little more space; requests are taken again");
        }
        DiskState::Low => tracing::warn!(free, low, "the disk has little space left"),
        // As loud as what it ends.
        DiskState::Enough => tracing::warn!(free, "the disk has enough space again; requests are taken"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIB: u64 = 1 << 30;
    const MIB: u64 = 1 << 20;

    #[test]
    fn limits_follow_the_size_of_the_file_system() {
        // Total, limit of the configuration; low and full.
        let table = [
            (1000 * GIB, None, 50 * GIB, 10 * GIB),
            (10 * GIB, None, GIB, 256 * MIB),
            (GIB, None, GIB / 4, GIB / 10),
            (64 * MIB, None, 16 * MIB, 64 * MIB / 10),
            (10 * GIB, Some(2 * GIB), 4 * GIB, 2 * GIB),
            (10 * GIB, Some(GIB / 4), GIB, GIB / 4),
            (10 * GIB, Some(0), 0, 0),
        ];
        for (total, reserve, low, full) in table {
            let stats = DiskStats::of(Space { free: 0, total }, reserve);
            let close = |a: u64, b: u64| a.abs_diff(b) <= 100;
            assert!(close(stats.low, low) && close(stats.full, full), "{total} {reserve:?}: {stats:?}");
        }
    }

    #[test]
    fn the_state_follows_what_is_free() {
        let state = |free, reserve| DiskStats::of(Space { free, total: 100 * GIB }, reserve).state;
        assert_eq!(state(6 * GIB, None), DiskState::Enough);
        assert_eq!(state(4 * GIB, None), DiskState::Low);
        assert_eq!(state(GIB - 200, None), DiskState::Full);
        assert_eq!(state(0, Some(0)), DiskState::Enough, "0 switches the guard off");
        assert_eq!(DiskStats::of(Space::default(), None).state, DiskState::Enough, "nobody knows");
    }

    #[test]
    fn space_is_set_aside_and_given_back() {
        let dir = tempfile::tempdir().unwrap();
        let guard = DiskGuard::new(dir.path(), Some(0));
        assert!(!guard.release());
        guard.set_aside();
        assert_eq!(std::fs::metadata(dir.path().join("reserve")).unwrap().len(), RESERVE_BYTES);
        guard.set_aside();
        assert!(guard.release() && !guard.release());
    }
}
