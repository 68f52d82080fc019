//! Errors of the disk, for tests: the next calls on files below a directory fail as told.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

pub(crate) use super::Op;
use super::Space;

/// How a call fails.
#[derive(Clone, Copy, Debug)]
pub(crate) enum How {
    Error(io::ErrorKind),
    Panic,
    /// It is carried out after this time.
    Slowly(Duration),
}

struct Fault {
    dir: PathBuf,
    /// A part of the file's path below the directory.
    part: &'static str,
    op: Op,
    how: How,
    skip: usize,
    calls: usize,
}

static FAULTS: Mutex<Vec<Fault>> = Mutex::new(Vec::new());
static SPACES: Mutex<Vec<(PathBuf, Space)>> = Mutex::new(Vec::new());

/// Lets the file system of `dir` have `space`.
pub(crate) fn pretend_space(dir: &Path, space: Space) {
    let mut spaces = SPACES.lock().unwrap_or_else(PoisonError::into_inner);
    spaces.retain(|(other, _)| other != dir);
    spaces.push((dir.to_owned(), space));
}

pub(super) fn pretended_space(dir: &Path) -> Option<Space> {
    let spaces = SPACES.lock().unwrap_or_else(PoisonError::into_inner);
    spaces.iter().find(|(other, _)| other == dir).map(|(_, space)| *space)
}

fn faults() -> MutexGuard<'static, Vec<Fault>> {
    FAULTS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Lets some calls of `op` on files below `dir` whose path has `part` fail: after `skip` that do not, `calls`.
pub(crate) fn inject(dir: &Path, part: &'static str, op: Op, how: How, skip: usize, calls: usize) {
    faults().push(Fault { dir: dir.to_owned(), part, op, how, skip, calls });
}

/// Ends the faults below `dir`.
pub(crate) fn heal(dir: &Path) {
    faults().retain(|fault| fault.dir != dir);
}

pub(super) fn check(op: Op, path: &Path) -> io::Result<()> {
    let how = {
        let mut faults = faults();
        let fault = faults.iter_mut().find(|fault| {
            let below = path.strip_prefix(&fault.dir).ok().and_then(|below| below.to_str());
            fault.op == op && fault.calls > 0 && below.is_some_and(|below| below.contains(fault.part))
        });
        let Some(fault) = fault else { return Ok(()) };
        if fault.skip > 0 {
            fault.skip -= 1;
            return Ok(());
        }
        fault.calls -= 1;
        fault.how
    };
    match how {
        How::Error(kind) => Err(io::Error::new(kind, "injected")),
        How::Panic => panic!("injected"),
        How::Slowly(time) => {
            std::thread::sleep(time);
            Ok(())
        }
    }
}
