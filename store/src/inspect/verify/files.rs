//! Lengths and checksums of whole files, and files that should not be there.

use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};

use super::{Directory, Finding, Report};
use crate::files::check_whole;
use crate::manifest::{self, FileEntry};

/// Compares a file with what the manifest says of it. Returns that it is not what was written; where, reading it says.
pub(super) fn check(dir: &Path, file: &FileEntry, report: &mut Report) -> Option<Finding> {
    report.files += 1;
    let path = dir.join(&file.path);
    match std::fs::metadata(&path) {
        Ok(found) if found.len() > file.bytes => {
            let (more, bytes) = (found.len() - file.bytes, file.bytes);
            report.wrong(&path, format!("{more} bytes at {bytes} are not of the segment"));
        }
        _ => {}
    }
    match check_whole(&path, file.bytes, file.crc32) {
        Ok(()) => {
            report.bytes += file.bytes;
            None
        }
        Err(error) => Some(Finding { path, message: error.to_string() }),
    }
}

/// Notes files that no record of the manifest names.
pub(super) fn left_overs(directory: &Directory, report: &mut Report) {
    let dir = &directory.dir;
    // Read again: a flush may have ended since.
    let state = manifest::read(dir).map_or_else(|_| directory.state.clone(), |loaded| loaded.state);
    let named: HashSet<PathBuf> =
        state.segments.values().flat_map(|entry| &entry.files).map(|file| dir.join(&file.path)).collect();
    let then: HashSet<PathBuf> =
        directory.state.segments.values().flat_map(|entry| &entry.files).map(|file| dir.join(&file.path)).collect();
    let segments = dir.join("segments");
    for folder in files_in(&segments) {
        for path in files_in(&folder) {
            if folder.ends_with("lost") {
                report.note(path, "was set aside by a start: the manifest did not name it");
            } else if !named.contains(&path) && !then.contains(&path) {
                report.note(path, "the manifest does not name it: a flush that is under way, or was cut short");
            }
        }
    }
    for path in files_in(dir) {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.contains("damaged") {
            report.note(&path, "a copy of what was found damaged by a start");
        }
    }
}

/// The paths in a folder, in order; none when it cannot be read.
fn files_in(folder: &Path) -> Vec<PathBuf> {
    let entries: io::Result<Vec<_>> =
        std::fs::read_dir(folder).and_then(|entries| entries.map(|it| Ok(it?.path())).collect());
    let mut paths = entries.unwrap_or_default();
    paths.sort();
    paths
}
