//! What a process did to its files, in order, as the preloaded library wrote it down.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// A change that was carried out, a sync that succeeded, or a mark.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A file was opened that may have been created or truncated by it.
    Open {
        inode: u64,
        truncate: bool,
        path: PathBuf,
    },
    Write {
        inode: u64,
        offset: usize,
        bytes: Vec<u8>,
    },
    /// Of a file or a folder.
    Sync {
        inode: u64,
    },
    Resize {
        inode: u64,
        length: usize,
    },
    /// The file is at least this long.
    Allocate {
        inode: u64,
        length: usize,
    },
    Rename {
        from: PathBuf,
        to: PathBuf,
    },
    Link {
        from: PathBuf,
        to: PathBuf,
    },
    /// Of a file or an empty folder.
    Remove {
        path: PathBuf,
    },
    MakeFolder {
        inode: u64,
        path: PathBuf,
    },
    /// What the test has written in between.
    Mark(String),
}

/// The events of a run.
#[derive(Debug, Default)]
pub struct Recording {
    pub events: Vec<Event>,
}

impl Recording {
    /// Adds a mark to the recording at `log`, which may be going on.
    pub fn mark(log: &Path, text: &str) -> io::Result<()> {
        OpenOptions::new().append(true).open(log)?.write_all(format!("mark {text}\n").as_bytes())
    }

    /// Reads the recording at `log`. What is not understood is an error: a recording with a gap proves nothing.
    pub fn read(log: &Path) -> io::Result<Self> {
        let bytes = fs::read(log)?;
        let mut recording = Recording::default();
        let mut rest = bytes.as_slice();
        while !rest.is_empty() {
            let end = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
            let line = String::from_utf8_lossy(&rest[..end]).into_owned();
            rest = rest.get(end + 1..).unwrap_or_default();
            let event = event(&line, &mut rest).ok_or_else(|| io::Error::other(format!("no event: {line:?}")))?;
            recording.events.push(event);
        }
        Ok(recording)
    }
}

/// The event of `line`; the bytes of a write are taken from `rest`.
fn event(line: &str, rest: &mut &[u8]) -> Option<Event> {
    let (kind, what) = line.split_once(' ')?;
    let numbered = || {
        let (inode, rest) = what.split_once(' ')?;
        Some((inode.parse().ok()?, rest))
    };
    let two_paths = || what.split_once('\t').map(|(from, to)| (PathBuf::from(from), PathBuf::from(to)));
    Some(match kind {
        "open" => {
            let (inode, what) = numbered()?;
            let (truncate, path) = what.split_once(' ')?;
            Event::Open { inode, truncate: truncate == "1", path: path.into() }
        }
        "write" => {
            let (inode, what) = numbered()?;
            let (offset, length) = what.split_once(' ')?;
            let (bytes, after) = rest.split_at_checked(length.parse().ok()?)?;
            *rest = after;
            Event::Write { inode, offset: offset.parse().ok()?, bytes: bytes.to_vec() }
        }
        "sync" => Event::Sync { inode: what.parse().ok()? },
        "resize" => numbered().and_then(|(inode, to)| Some(Event::Resize { inode, length: to.parse().ok()? }))?,
        "allocate" => numbered().and_then(|(inode, to)| Some(Event::Allocate { inode, length: to.parse().ok()? }))?,
        "rename" => two_paths().map(|(from, to)| Event::Rename { from, to })?,
        "link" => two_paths().map(|(from, to)| Event::Link { from, to })?,
        "remove" => Event::Remove { path: what.into() },
        "mkdir" => numbered().map(|(inode, path)| Event::MakeFolder { inode, path: path.into() })?,
        "mark" => Event::Mark(what.to_owned()),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_is_written_and_refuses_what_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("log");
        fs::write(&log, "open 7 1 /a b\nwrite 7 12 3\nx\nyrename /a\t/b\nsync 7\n").unwrap();
        Recording::mark(&log, "acked 3").unwrap();
        let events = Recording::read(&log).unwrap().events;
        let expected = [
            Event::Open { inode: 7, truncate: true, path: "/a b".into() },
            Event::Write { inode: 7, offset: 12, bytes: b"x\ny".to_vec() },
            Event::Rename { from: "/a".into(), to: "/b".into() },
            Event::Sync { inode: 7 },
            Event::Mark("acked 3".into()),
        ];
        assert_eq!(events, expected);
        for wrong in ["write 7 0 9\nshort", "chmod 7\n", "sync x\n"] {
            fs::write(&log, wrong).unwrap();
            assert!(Recording::read(&log).is_err(), "{wrong:?}");
        }
    }
}
