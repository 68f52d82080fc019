//! Files as the store handles them: replaced atomically, summed while they are written, read by position, never mapped.
//!
//! A truncated file that is mapped kills the process with SIGBUS; read by `pread` it gives an error.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

mod checked;
mod parity;
mod sums;

pub(crate) use checked::{CheckedFile, Tail, check_whole, crc32_of, read_exact, read_whole, wrong_length};
pub(crate) use parity::Parity;
use parity::ParityBuilder;
use sums::BlockSummer;
pub(crate) use sums::{BlockSums, KEY as CHECKSUMS_KEY};

#[cfg(test)]
pub(crate) mod faults;

/// The name of a file that is being written to take the place of `path`.
pub(crate) fn beside(path: &Path) -> PathBuf {
    path.with_extension("new")
}

/// Writes `bytes` to `path` so that after a crash either the old or the new content is there, whole: write beside it,
/// sync, rename, sync the directory.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    replace_all(&[path], bytes)
}

/// [`replace`] for several files of one folder, each of which gets all of `bytes`. Nothing is renamed before all of it is
/// synced, so at every moment, and after a crash, each file is whole: the old or the new one. After an error too.
pub(crate) fn replace_all(paths: &[&Path], bytes: &[u8]) -> io::Result<()> {
    let write = |path: &&Path| {
        let beside = beside(path);
        let file = File::create(&beside)?;
        write_all_at(&file, &beside, bytes, 0)?;
        sync_data(&file, &beside)
    };
    let replaced = paths.iter().try_for_each(write).and_then(|()| {
        paths.iter().try_for_each(|path| rename_unsynced(&beside(path), path))?;
        paths.first().and_then(|path| path.parent()).map_or(Ok(()), sync_dir)
    });
    if replaced.is_err() {
        paths.iter().for_each(|path| _ = fs::remove_file(beside(path))); // a full disk would stay full of it
    }
    replaced
}

/// Writes all of `bytes` at `offset` of the file at `path`.
pub(crate) fn write_all_at(file: &File, path: &Path, bytes: &[u8], offset: u64) -> io::Result<()> {
    check(Op::Write, path)?;
    file.write_all_at(bytes, offset)
}

/// Makes what was written to the file at `path`, and its length, durable. After an error what the file holds is unknown, and
/// another sync may say OK: it must be given up.
pub(crate) fn sync_data(file: &File, path: &Path) -> io::Result<()> {
    check(Op::Sync, path)?;
    file.sync_data()
}

/// Creates `path` and the folders above it, and makes their names durable.
pub(crate) fn create_dir_all(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    create_dir_all(parent)?;
    match fs::create_dir(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => sync_dir(parent),
    }
}

/// Renames a synced file and makes the rename durable.
pub(crate) fn rename(from: &Path, to: &Path) -> io::Result<()> {
    rename_unsynced(from, to)?;
    match to.parent() {
        Some(dir) => sync_dir(dir),
        None => Ok(()),
    }
}

#[expect(clippy::disallowed_methods, reason = "the helpers that the ban points to use it")]
fn rename_unsynced(from: &Path, to: &Path) -> io::Result<()> {
    fs::rename(from, to)
}

/// The space of a file system.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Space {
    /// Bytes that this process may still write.
    pub(crate) free: u64,
    pub(crate) total: u64,
}

/// The space of the file system that `dir` is on.
pub(crate) fn space(dir: &Path) -> io::Result<Space> {
    #[cfg(test)]
    if let Some(pretended) = faults::pretended_space(dir) {
        return Ok(pretended);
    }
    let found = rustix::fs::statvfs(dir)?;
    let bytes = |blocks: u64| blocks.saturating_mul(found.f_frsize);
    Ok(Space { free: bytes(found.f_bavail), total: bytes(found.f_blocks) })
}

/// Makes `file` this long and takes the space for it.
pub(crate) fn allocate(file: &File, bytes: u64) -> io::Result<()> {
    Ok(rustix::fs::fallocate(file, rustix::fs::FallocateFlags::empty(), 0, bytes)?)
}

/// Makes the names in `dir` durable.
pub fn sync_dir(dir: &Path) -> io::Result<()> {
    check(Op::Sync, dir)?;
    File::open(dir)?.sync_all()
}

/// What a call does to a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Op {
    Write,
    Sync,
}

/// Where tests let calls fail.
fn check(op: Op, path: &Path) -> io::Result<()> {
    #[cfg(test)]
    return faults::check(op, path);
    #[cfg(not(test))]
    {
        _ = (op, path);
        Ok(())
    }
}

/// What a [`ChecksummedWriter`] wrote.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Written {
    pub(crate) bytes: u64,
    pub(crate) crc32: u32,
    /// What follows the last part that [`ChecksummedWriter::end_part`] ended.
    pub(crate) tail: Tail,
}

/// Passes bytes on to a file and keeps their count and checksums.
pub(crate) struct ChecksummedWriter {
    path: PathBuf,
    file: io::BufWriter<File>,
    crc: crc32fast::Hasher,
    tail: crc32fast::Hasher,
    bytes: u64,
    blocks: BlockSummer,
    parity: Option<ParityBuilder>,
}

impl ChecksummedWriter {
    pub(crate) fn create(path: &Path) -> io::Result<Self> {
        let file = io::BufWriter::with_capacity(1 << 20, File::create(path)?);
        let (crc, tail) = Default::default();
        let blocks = BlockSummer::default();
        Ok(ChecksummedWriter { path: path.to_owned(), file, crc, tail, bytes: 0, blocks, parity: None })
    }

    /// As [`ChecksummedWriter::create`], and computes the [parity](Parity) of the parts.
    pub(crate) fn create_with_parity(path: &Path) -> io::Result<Self> {
        Ok(ChecksummedWriter { parity: Some(ParityBuilder::default()), ..ChecksummedWriter::create(path)? })
    }

    /// Ends a part of the file: see [`BlockSums`].
    pub(crate) fn end_part(&mut self) {
        self.blocks.end_part();
        self.parity.iter_mut().for_each(ParityBuilder::end_part);
        self.crc.combine(&std::mem::take(&mut self.tail));
    }

    /// The checksums by block of the parts that have ended.
    pub(crate) fn sums(&self) -> &BlockSums {
        self.blocks.sums()
    }

    /// The parity of the parts that have ended since this was asked last.
    pub(crate) fn take_parity(&mut self) -> Vec<u8> {
        self.parity.as_mut().map(ParityBuilder::take).unwrap_or_default()
    }

    /// Syncs the file.
    pub(crate) fn finish(mut self) -> io::Result<Written> {
        let file = self.file.into_inner().map_err(|error| error.into_error())?;
        sync_data(&file, &self.path)?;
        let tail_bytes = self.bytes - self.blocks.sums().covered();
        self.crc.combine(&self.tail);
        let tail = Tail { bytes: tail_bytes, crc32: self.tail.finalize() };
        Ok(Written { bytes: self.bytes, crc32: self.crc.finalize(), tail })
    }
}

impl Write for ChecksummedWriter {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        check(Op::Write, &self.path)?;
        let n = self.file.write(buf)?;
        self.blocks.update(&buf[..n]);
        self.parity.iter_mut().for_each(|parity| parity.update(&buf[..n]));
        self.tail.update(&buf[..n]);
        self.bytes += n as u64;
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replace_leaves_one_whole_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state");
        replace(&path, b"old").unwrap();
        replace(&path, b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn several_files_are_replaced_together_or_stay_as_they_are() {
        let dir = tempfile::tempdir().unwrap();
        let paths = ["a", "b"].map(|name| dir.path().join(name));
        let both: Vec<&Path> = paths.iter().map(PathBuf::as_path).collect();
        replace_all(&both, b"old").unwrap();
        faults::inject(dir.path(), "b.new", Op::Sync, faults::How::Error(io::ErrorKind::Other), 0, 1);
        assert!(replace_all(&both, b"new").is_err());
        assert!(both.iter().all(|path| fs::read(path).unwrap() == b"old"));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2);
        replace_all(&both, b"new").unwrap();
        assert!(both.iter().all(|path| fs::read(path).unwrap() == b"new"));
    }

    #[test]
    fn folders_are_created_to_any_depth_and_once() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a/b/c");
        create_dir_all(&path).unwrap();
        create_dir_all(&path).unwrap();
        assert!(path.is_dir());
        fs::write(dir.path().join("file"), "").unwrap();
        assert!(create_dir_all(&dir.path().join("file/d")).is_err());
    }
}
