//! Looks at a data directory without changing anything in it: beside a running box, or at what a crash left.
//!
//! Segments never change, so they can be read while a box compacts and drops them: what is gone by the time it is read was
//! removed, if the manifest says so by then. Log files are read up to where their records end.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::OpenError;
use crate::layout::Layout;
use crate::manifest::{self, Damage, FORMAT, Loaded, ManifestError, SegmentEntry, State};
use crate::schema::Table;
use crate::segment::{Recent, Segment};
use crate::wal;

mod export;
mod snapshot;
mod stat;
mod verify;

pub use export::ParquetFile;
pub use snapshot::snapshot;
pub use stat::{LevelStat, Stat, stat};
pub use verify::{Finding, Report, verify};

/// What the manifest of a directory says.
struct Directory {
    dir: PathBuf,
    state: State,
    /// Whether the state is all that was published; if not, there may be segments that it does not name.
    whole: bool,
    /// What is wrong with the files of the manifest.
    damage: Vec<Damage>,
}

impl Directory {
    /// Reads the manifest in `dir`. That none can be read is damage.
    fn open(dir: &Path) -> Result<Self, OpenError> {
        if !manifest::is_in(dir) && !["wal", "segments"].iter().any(|name| dir.join(name).is_dir()) {
            return Err(OpenError::NoStore { path: dir.to_owned() });
        }
        let io = |source| OpenError::Io { path: dir.to_owned(), source };
        for (_, path) in wal::list(&dir.join("wal")).map_err(io)? {
            if let Some(found) = wal::newer_version(&path) {
                return Err(OpenError::NewerFormat { path, found, known: FORMAT });
            }
        }
        let dir = dir.to_owned();
        match manifest::read(&dir) {
            Ok(Loaded { state, whole, damage, .. }) => Ok(Directory { dir, state, whole, damage }),
            Err(ManifestError::NewerFormat(found)) => Err(OpenError::NewerFormat { path: dir, found, known: FORMAT }),
            Err(ManifestError::Io(_)) => {
                let damage = manifest::unreadable(&dir);
                Ok(Directory { dir, state: State::default(), whole: false, damage })
            }
        }
    }

    /// The segment of an entry, with what is wrong with its small files; an error when this version cannot know its rows.
    fn segment(&self, entry: &SegmentEntry) -> Result<(Segment, Option<String>), String> {
        let table = Table::parse(&entry.table).ok_or_else(|| format!("unknown table \"{}\"", entry.table))?;
        let layout = Layout::parse(&entry.layout).ok_or_else(|| format!("unknown layout \"{}\"", entry.layout))?;
        let (segment, error) = Segment::new(&self.dir, table, layout, entry.clone(), &Arc::new(Recent::new(1 << 20)));
        Ok((segment, error.map(|error| error.to_string())))
    }

    /// Whether the manifest names the segment now: it may have been removed since the directory was opened.
    fn still_has(&self, id: u64) -> bool {
        manifest::read(&self.dir).map_or(true, |loaded| loaded.state.segments.contains_key(&id))
    }
}
