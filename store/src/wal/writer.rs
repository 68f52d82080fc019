//! Appends records and makes them durable.

use std::fs::{File, OpenOptions};
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::header::{self, Header};
use super::record::RECORD_OVERHEAD;
use crate::files;

/// A new file is filled with zeros this far ahead of the records, so that one sync in many grows it.
const ZEROS_AHEAD: u64 = 1 << 20;
/// A file that is being begun.
const UNNAMED: &str = "next";
/// The length of a file by default.
const USUAL_BYTES: u64 = 32 << 20;
/// Memory kept for records between groups: most groups take no more.
const MAX_KEPT_BYTES: usize = 4 << 20;
/// Files kept for reuse.
const MAX_SPARE: usize = 2;

/// The log files in `dir` in the order they were written, with their sequence numbers.
pub(crate) fn list(dir: &Path) -> io::Result<Vec<(u64, PathBuf)>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
        if let Some(sequence) = name.strip_suffix(".wal").and_then(|number| number.parse().ok()) {
            found.push((sequence, path));
        }
    }
    found.sort();
    Ok(found)
}

/// How a file is called that a start could not read, after its name as a log file.
const UNREAD: &str = "wal-unread";

/// What such a file means.
pub(crate) const SET_ASIDE: &str = "was set aside by a start that could not read it: its requests are in no answer";

/// Sets a file aside that cannot be read: once later requests are in segments, its own would pass for being there, too.
pub(crate) fn set_aside(path: &Path) -> io::Result<PathBuf> {
    let aside = path.with_extension(UNREAD);
    files::rename(path, &aside)?;
    Ok(aside)
}

/// The files in `dir` that were set aside.
pub(crate) fn list_set_aside(dir: &Path) -> io::Result<Vec<PathBuf>> {
    let paths: io::Result<Vec<_>> = std::fs::read_dir(dir)?.map(|entry| Ok(entry?.path())).collect();
    let mut paths = paths?;
    paths.retain(|path| path.extension().is_some_and(|it| it == UNREAD));
    paths.sort();
    Ok(paths)
}

/// Makes log files again of those that were set aside, can be read now, and hold requests after `low_water` only.
pub(crate) fn bring_back(dir: &Path, low_water: u64) -> io::Result<()> {
    for path in list_set_aside(dir)? {
        let first_lsn = Header::read(&path).and_then(|header| header.first_lsn);
        if first_lsn.is_some_and(|first_lsn| first_lsn > low_water) {
            files::rename(&path, &path.with_extension("wal"))?;
        }
    }
    Ok(())
}

/// How many records the file at `path` may hold, by its length where that is known.
pub(crate) fn most_records(path: &Path) -> u64 {
    let bytes = std::fs::metadata(path).ok().filter(std::fs::Metadata::is_file).map_or(USUAL_BYTES, |it| it.len());
    bytes / RECORD_OVERHEAD as u64
}

/// A file no longer written to.
struct Sealed {
    path: PathBuf,
    last_lsn: u64,
    bytes: u64,
    reusable: bool,
}

/// The file being written.
struct Current {
    path: PathBuf,
    file: File,
    salt: u64,
    offset: u64,
    zeroed_to: u64,
    /// The last number whose record is durable in it; 0 before the first.
    last_lsn: u64,
}

/// The writing end of the log. Its first file is begun by the first record, so that a store opens on a full disk.
pub(crate) struct WalWriter {
    dir: PathBuf,
    sealed: Vec<Sealed>,
    spare: Vec<PathBuf>,
    /// The length of a file; a record that is longer gets a file of its own.
    file_bytes: u64,
    next_sequence: u64,
    current: Option<Current>,
    /// The records of a group; memory that is used again.
    records: Vec<u8>,
}

impl WalWriter {
    /// The log in `dir`. `old` are the files that hold records up to the given numbers.
    pub(crate) fn new(dir: &Path, old: Vec<(PathBuf, u64)>, next_sequence: u64, file_bytes: u64) -> Self {
        let sealed = old.into_iter().map(|(path, last_lsn)| {
            let bytes = std::fs::metadata(&path).map_or(0, |it| it.len());
            Sealed { path, last_lsn, bytes, reusable: false }
        });
        let spare = (0..MAX_SPARE).map(|number| spare_path(dir, number)).filter(|path| path.exists());
        _ = remove(&dir.join(UNNAMED)); // or the next file takes its place
        let (dir, sealed, spare) = (dir.to_owned(), sealed.collect(), spare.collect());
        WalWriter { dir, sealed, spare, file_bytes, next_sequence, current: None, records: Vec::new() }
    }

    /// Makes the records of a group durable, of which `first_lsn` and `last_lsn` are the first and the last number.
    /// `encode` writes them, about `bytes` of them, with the salt that it is given.
    ///
    /// After an error none of them counts. The file is given up, since a sync that is repeated may say OK although the bytes
    /// are gone, and the next one says in its header that they do not count; as long as no next file can be begun, they may
    /// come back at a restart.
    pub(crate) fn append(
        &mut self,
        (first_lsn, last_lsn): (u64, u64),
        bytes: usize,
        encode: impl FnOnce(&mut Vec<u8>, u64),
    ) -> io::Result<()> {
        let full = |it: &Current| it.last_lsn > 0 && it.offset + bytes as u64 > self.file_bytes;
        if self.current.as_ref().is_none_or(full) {
            self.begin_file(first_lsn)?;
        }
        let Some(current) = &mut self.current else { return Err(io::Error::other("no log file")) };
        let records = &mut self.records;
        records.clear();
        records.shrink_to(MAX_KEPT_BYTES.max(bytes)); // after a group that was large
        records.reserve(bytes);
        encode(records, current.salt);
        if let Err(error) = current.write(records, ZEROS_AHEAD.min(self.file_bytes)) {
            self.give_up(first_lsn);
            return Err(error);
        }
        current.last_lsn = last_lsn;
        Ok(())
    }

    /// Writes nothing more to the current file and says in the next one that records from `next_lsn` on do not count in it.
    pub(crate) fn give_up(&mut self, next_lsn: u64) {
        let Some(current) = self.current.take() else { return };
        self.sealed.push(current.seal(false));
        if let Err(error) = self.begin_file(next_lsn) {
            tracing::error!(%error, "cannot begin another log file; the next request tries again");
        }
    }

    /// Begins a file whose first record will have the number `first_lsn`.
    ///
    /// The file before ends here even if this fails: the header may have reached the disk, and then says that nothing in
    /// earlier files has that number.
    fn begin_file(&mut self, first_lsn: u64) -> io::Result<()> {
        self.sealed.extend(self.current.take().map(|it| it.seal(true)));
        let sequence = self.next_sequence;
        // A number is not used again: what a failed try has left in its file is unknown.
        self.next_sequence += 1;
        let path = self.dir.join(format!("{sequence:012}.wal"));
        match Current::begin(&path, sequence, first_lsn, self.spare.pop()) {
            Ok(next) => self.current = Some(next),
            Err(error) => {
                _ = std::fs::remove_file(&path); // or it stays, and holds nothing
                return Err(error);
            }
        }
        Ok(())
    }

    /// Retires the files that hold no record after `low_water`: up to two are kept to be used again, if `keep_spare`. Errors
    /// leave a file for the next time.
    pub(crate) fn retire(&mut self, low_water: u64, keep_spare: bool) {
        if !keep_spare {
            self.spare.retain(|path| remove(path).is_err());
        }
        for file in std::mem::take(&mut self.sealed) {
            if file.last_lsn > low_water {
                self.sealed.push(file);
                continue;
            }
            let whole = (self.file_bytes / 2..=2 * self.file_bytes).contains(&file.bytes);
            let free = (0..MAX_SPARE).map(|number| spare_path(&self.dir, number)).find(|it| !self.spare.contains(it));
            match free.filter(|_| keep_spare && file.reusable && whole) {
                Some(spare) if rename(&file.path, &spare).is_ok() => self.spare.push(spare),
                _ => {
                    if let Err(error) = remove(&file.path) {
                        let path = file.path.display();
                        tracing::warn!(%path, %error, "cannot remove a log file that is no longer needed");
                        self.sealed.push(file);
                    }
                }
            }
        }
    }

    /// The bytes of the files, of those kept for reuse too.
    pub(crate) fn bytes(&self) -> u64 {
        let sealed: u64 = self.sealed.iter().map(|file| file.bytes).sum();
        let current = self.current.as_ref().map_or(0, |it| it.offset.max(it.zeroed_to));
        sealed + current + self.spare.len() as u64 * self.file_bytes
    }
}

/// Renames a file whose records segments hold. A crash may undo that: it reads as holding nothing that is needed under either
/// name.
#[expect(clippy::disallowed_methods, reason = "neither name needs to be durable")]
fn rename(from: &Path, to: &Path) -> io::Result<()> {
    std::fs::rename(from, to)
}

/// Removes a file; one that is not there is removed already.
fn remove(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn spare_path(dir: &Path, number: usize) -> PathBuf {
    dir.join(format!("spare-{number}"))
}

impl Current {
    /// Creates the file with this sequence number, from `spare` when given. It gets its name when its header is durable: a log
    /// file without one is damaged, not unfinished.
    fn begin(path: &Path, sequence: u64, first_lsn: u64, spare: Option<PathBuf>) -> io::Result<Self> {
        let reused = spare.is_some();
        let unnamed = spare.unwrap_or_else(|| path.with_file_name(UNNAMED));
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(!reused).open(&unnamed)?;
        let mut old = [0; header::LENGTH];
        let old = file.read_exact_at(&mut old, 0).ok().and_then(|()| Header::decode(&old));
        if old.is_none_or(|old| old.records_at != header::RECORDS_AT) {
            // Under its old name, which a crash may bring back, the second header would be damage of a record.
            file.set_len(0)?;
        }
        let zeroed_to = file.metadata()?.len();
        let salt = next_salt(old.map_or(0, |old| old.salt), sequence);
        let header = Header::encode(salt, sequence, first_lsn);
        for place in [0, header::COPY_AT] {
            files::write_all_at(&file, &unnamed, &header, place as u64)?;
        }
        files::sync_data(&file, &unnamed)?;
        files::rename(&unnamed, path)?;
        Ok(Current { path: path.to_owned(), file, salt, offset: header::RECORDS_AT as u64, zeroed_to, last_lsn: 0 })
    }

    /// Writes `records`, with zeros after them when the file grows.
    fn write(&mut self, records: &[u8], zeros_ahead: u64) -> io::Result<()> {
        files::write_all_at(&self.file, &self.path, records, self.offset)?;
        self.offset += records.len() as u64;
        if self.offset > self.zeroed_to {
            // Zeros only make later syncs cheaper: a disk that has no room for them may have room for the records.
            let zeros = vec![0; zeros_ahead as usize];
            let written = files::write_all_at(&self.file, &self.path, &zeros, self.offset);
            self.zeroed_to = if written.is_ok() { self.offset + zeros_ahead } else { self.offset };
        }
        files::sync_data(&self.file, &self.path)
    }

    fn seal(self, reusable: bool) -> Sealed {
        let bytes = self.offset.max(self.zeroed_to);
        Sealed { path: self.path, last_lsn: self.last_lsn, bytes, reusable }
    }
}

/// A salt that no earlier use of the file had and that no sender can know: a body must not be able to hold a record.
fn next_salt(old: u64, sequence: u64) -> u64 {
    let random = RandomState::new().hash_one(sequence);
    if random == old { random ^ 1 } else { random }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wal::{Record, RecordHead, encode, read_file};

    fn append(wal: &mut WalWriter, lsn: u64, body: &[u8]) {
        let head = RecordHead { lsn, received_at: 0, kind: 1, hash: 0 };
        let record = Record { head, body, decisions: &[] };
        wal.append((lsn, lsn), body.len() + 52, |out, salt| encode(out, salt, &record)).unwrap();
    }

    fn numbers(dir: &Path) -> Vec<u64> {
        let mut numbers = Vec::new();
        for (sequence, path) in list(dir).unwrap() {
            let damage = read_file(&path, sequence, 0, u64::MAX, |record| numbers.push(record.head.lsn)).unwrap();
            assert_eq!(damage, []);
        }
        numbers
    }

    #[test]
    fn full_files_are_used_again_also_by_the_next_process() {
        let dir = tempfile::tempdir().unwrap();
        let mut wal = WalWriter::new(dir.path(), Vec::new(), 1, 32 << 20);
        let body = vec![7; 10 << 20];
        (1..=10).for_each(|lsn| append(&mut wal, lsn, &body));
        assert_eq!(list(dir.path()).unwrap().len(), 4);
        wal.retire(9, true);
        assert_eq!((list(dir.path()).unwrap().len(), wal.spare.len(), wal.sealed.len()), (1, 2, 0));
        wal.retire(9, true);
        drop(wal);
        let old = dir.path().join("000000000004.wal");
        let mut wal = WalWriter::new(dir.path(), vec![(old, 10)], 5, 32 << 20);
        assert_eq!(wal.spare.len(), 2);
        append(&mut wal, 11, b"small");
        assert_eq!((wal.spare.len(), numbers(dir.path())), (1, vec![10, 11]));
        assert!(wal.bytes() > 64 << 20);
        wal.retire(11, false);
        assert_eq!((wal.spare.len(), std::fs::read_dir(dir.path()).unwrap().count()), (0, 1));
    }

    #[test]
    fn a_file_that_somebody_removed_is_retired() {
        let dir = tempfile::tempdir().unwrap();
        let mut wal = WalWriter::new(dir.path(), vec![(dir.path().join("000000000001.wal"), 3)], 2, 1);
        wal.retire(3, true);
        assert!(wal.sealed.is_empty());
    }
}
