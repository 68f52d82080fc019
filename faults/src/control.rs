//! The page of memory that directs the preloaded library.

use std::ffi::OsStr;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The environment variable that names the page to the process under test.
const CONTROL: &str = "FAULTS_CONTROL";
const LOG: &str = "FAULTS_LOG";

// Offsets of `struct control` in `preload.c`.
const CALLS: u64 = 0;
const FIRST: u64 = 8;
const LAST: u64 = 16;
const ACTION: u64 = 24;
const ERROR: u64 = 32;
const KINDS: u64 = 40;
const FIRED: u64 = 48;
const CLOCK: u64 = 56;
const RECORDING: u64 = 64;
const ROOT: u64 = 72;
const ROOT_BYTES: usize = 256;
const PATH: u64 = ROOT + ROOT_BYTES as u64;
const PATH_BYTES: usize = 64;
const THREAD: u64 = PATH + PATH_BYTES as u64;
const THREAD_BYTES: usize = 16;
const HIT: u64 = THREAD + THREAD_BYTES as u64;
const HIT_BYTES: usize = 256;
const BYTES: u64 = HIT + HIT_BYTES as u64;

/// Kinds of file calls, to be joined by `|`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kinds(u64);

impl Kinds {
    /// `open` that may create or truncate, `link`.
    pub const CREATE: Kinds = Kinds(1);
    pub const WRITE: Kinds = Kinds(2);
    /// `fsync` and `fdatasync`, of files and folders.
    pub const SYNC: Kinds = Kinds(4);
    pub const RENAME: Kinds = Kinds(8);
    /// `unlink` and `rmdir`.
    pub const REMOVE: Kinds = Kinds(16);
    /// `ftruncate` and `fallocate`.
    pub const RESIZE: Kinds = Kinds(32);
    pub const MKDIR: Kinds = Kinds(64);
    /// `read`, and `open` that changes nothing.
    pub const READ: Kinds = Kinds(128);
    /// All that changes files or makes changes durable.
    pub const CHANGES: Kinds = Kinds(127);
    /// What a full disk refuses.
    pub const GROWTH: Kinds = Kinds(1 | 2 | 8 | 32 | 64);
}

impl std::ops::BitOr for Kinds {
    type Output = Kinds;

    fn bitor(self, other: Kinds) -> Kinds {
        Kinds(self.0 | other.0)
    }
}

/// What a call fails with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// The disk is broken.
    Eio = 5,
    /// The disk is full.
    Enospc = 28,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    Fail(Error),
    /// As [`Action::Fail`], but half the bytes of a write are written first.
    FailHalfway(Error),
    /// The process is killed before the call.
    Kill,
}

/// Which calls fail, and how.
#[derive(Clone, Debug)]
pub struct Fault {
    pub action: Action,
    pub kinds: Kinds,
    /// The first call that fails, from 1.
    pub first: u64,
    /// The last one.
    pub last: u64,
    /// Only paths that hold this count.
    pub path: &'static str,
    /// Only calls of the thread with this name count; of any when empty. Linux keeps 15 bytes of a name.
    pub thread: &'static str,
}

impl Fault {
    /// The call number `number` of these kinds fails, on any path, from any thread.
    pub fn once(action: Action, kinds: Kinds, number: u64) -> Self {
        Fault { action, kinds, first: number, last: number, path: "", thread: "" }
    }

    /// All calls of these kinds from number `number` on fail until [`Control::heal`].
    pub fn from(action: Action, kinds: Kinds, number: u64) -> Self {
        Fault { last: u64::MAX, ..Fault::once(action, kinds, number) }
    }
}

/// Directs the faults of one process under test, from outside or from itself.
pub struct Control {
    page: File,
    path: PathBuf,
    log: PathBuf,
}

impl Control {
    /// Creates the page at `path`, for calls on paths below `root`. What is recorded goes to a file beside it.
    pub fn create(path: &Path, root: &Path) -> io::Result<Self> {
        let page = OpenOptions::new().read(true).write(true).create(true).truncate(true).open(path)?;
        page.set_len(BYTES)?;
        let control = Control { page, path: path.to_owned(), log: path.with_extension("log") };
        control.set_root(root)?;
        Ok(control)
    }

    /// The page that a parent process has created; `path` is the value of the environment variable [`Control::VARIABLE`].
    pub fn open(path: impl Into<PathBuf>) -> io::Result<Self> {
        let path = path.into();
        let page = OpenOptions::new().read(true).write(true).open(&path)?;
        Ok(Control { page, log: path.with_extension("log"), path })
    }

    /// Names the page to the process under test; absent where nothing is preloaded.
    pub const VARIABLE: &'static str = CONTROL;

    /// Puts the process that `command` starts under this control.
    pub fn preload(&self, command: &mut Command) {
        command.env("LD_PRELOAD", env!("FAULTS_LIBRARY")).env(CONTROL, &self.path).env(LOG, &self.log);
    }

    /// Only calls on paths below `root` count from here on.
    pub fn set_root(&self, root: &Path) -> io::Result<()> {
        self.put_text(ROOT, ROOT_BYTES, root.as_os_str())
    }

    /// Makes calls fail from here on, counted from this moment.
    pub fn arm(&self, fault: &Fault) -> io::Result<()> {
        self.put(KINDS, 0)?;
        let (action, error) = match fault.action {
            Action::Fail(error) => (0, error as u64),
            Action::FailHalfway(error) => (1, error as u64),
            Action::Kill => (2, 0),
        };
        self.put(CALLS, 0)?;
        self.put(FIRED, 0)?;
        self.put(FIRST, fault.first)?;
        self.put(LAST, fault.last)?;
        self.put(ACTION, action)?;
        self.put(ERROR, error)?;
        self.put_text(PATH, PATH_BYTES, OsStr::new(fault.path))?;
        self.put_text(THREAD, THREAD_BYTES, OsStr::new(fault.thread))?;
        self.put_text(HIT, HIT_BYTES, OsStr::new(""))?;
        self.put(KINDS, fault.kinds.0)
    }

    /// Ends the fault; counts stay.
    pub fn heal(&self) -> io::Result<()> {
        self.put(KINDS, 0)
    }

    /// How many calls were counted since [`Control::arm`].
    pub fn calls(&self) -> io::Result<u64> {
        self.get(CALLS)
    }

    /// How many of them failed.
    pub fn fired(&self) -> io::Result<u64> {
        self.get(FIRED)
    }

    /// The last call that failed: `kind path by thread`.
    pub fn hit(&self) -> io::Result<String> {
        let mut bytes = [0; HIT_BYTES];
        self.page.read_exact_at(&mut bytes, HIT)?;
        let text = bytes.split(|byte| *byte == 0).next().unwrap_or_default();
        Ok(String::from_utf8_lossy(text).into_owned())
    }

    /// Moves the wall clock of the process; `nanos` is added to the true time.
    pub fn set_clock(&self, nanos: i64) -> io::Result<()> {
        self.put(CLOCK, nanos as u64)
    }

    /// Starts or ends the recording of calls, in the file at [`Control::log`].
    pub fn record(&self, on: bool) -> io::Result<()> {
        self.put(RECORDING, u64::from(on))
    }

    /// Where calls are recorded; see [`crate::Recording`].
    pub fn log(&self) -> &Path {
        &self.log
    }

    fn put(&self, at: u64, value: u64) -> io::Result<()> {
        self.page.write_all_at(&value.to_ne_bytes(), at)
    }

    fn get(&self, at: u64) -> io::Result<u64> {
        let mut bytes = [0; 8];
        self.page.read_exact_at(&mut bytes, at)?;
        Ok(u64::from_ne_bytes(bytes))
    }

    /// Writes a text of at most `room` bytes, the end included where it is shorter.
    fn put_text(&self, at: u64, room: usize, text: &OsStr) -> io::Result<()> {
        let mut bytes = vec![0; room];
        let text = text.as_bytes();
        if text.len() >= room {
            return Err(io::Error::other(format!("{} bytes of text where {} fit", text.len(), room - 1)));
        }
        bytes[..text.len()].copy_from_slice(text);
        self.page.write_all_at(&bytes, at)
    }
}
