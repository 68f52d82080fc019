//! How long the disk takes to sync while a run is going on: what a receiver that syncs before it answers cannot be faster than.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::Error;
use super::histogram::Histogram;

/// A file that is written to and synced from time to time, by a thread of its own.
pub(super) struct Probe {
    dir: PathBuf,
    stop: Sender<()>,
    thread: JoinHandle<io::Result<Histogram>>,
}

/// Few enough to be no load themselves.
const PAUSE: Duration = Duration::from_millis(100);
/// A page of the file system.
const SIZE: usize = 4096;

impl Probe {
    pub(super) fn start(dir: &Path) -> Result<Self, Error> {
        let file = unnamed_file(dir).map_err(|error| Error::file(dir, error))?;
        let (stop, stopped) = mpsc::channel();
        let thread = thread::spawn(move || {
            let (mut file, mut syncs) = (file, Histogram::default());
            loop {
                let started = Instant::now();
                file.write_all(&[0x55; SIZE])?;
                file.sync_data()?;
                syncs.record(started.elapsed());
                if stopped.recv_timeout(PAUSE) != Err(RecvTimeoutError::Timeout) {
                    return Ok(syncs);
                }
            }
        });
        Ok(Probe { dir: dir.to_owned(), stop, thread })
    }

    /// The latencies of writing a page at the end of the file and syncing it.
    pub(super) fn finish(self) -> Result<Histogram, Error> {
        drop(self.stop);
        let syncs = self.thread.join().unwrap_or_else(|_| Err(io::Error::other("the thread ended early")));
        syncs.map_err(|error| Error::file(&self.dir, error))
    }
}

/// A file in `dir` that is gone when it is closed.
fn unnamed_file(dir: &Path) -> io::Result<File> {
    let path = dir.join(format!(".haechi-load-probe-{}", std::process::id()));
    let file = OpenOptions::new().write(true).create_new(true).open(&path)?;
    fs::remove_file(&path)?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn syncs_are_timed_and_nothing_is_left() {
        let dir = tempfile::tempdir().unwrap();
        let probe = Probe::start(dir.path()).unwrap();
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
        let syncs = probe.finish().unwrap();
        assert!(syncs.quantile(1.0) > Duration::ZERO);
    }

    #[test]
    fn a_directory_that_is_missing_is_named() {
        let error = Probe::start(Path::new("/nowhere/at/all")).err().unwrap().to_string();
        assert!(error.starts_with("/nowhere/at/all: "), "{error}");
    }
}
