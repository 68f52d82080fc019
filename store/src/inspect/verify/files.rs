//! Lengths and checksums of whole files, and files that should not be there.

use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};

use super::{Directory, Finding, Report};
use crate::files::{check_whole, wrong_length};
use crate::manifest::{self, FileEntry};

/// Compares a file with what the manifest says of it. Returns that it is not what was written; where, reading it says.
pub(super) fn check(dir: &Path, file: &FileEntry, report: &mut Report) -> Option<Finding> {
    report.files += 1;
    let path = dir.join(&file.path);
    match check_whole(&path, file.bytes, file.crc32) {
        Ok(()) => {
            report.bytes += file.bytes;
            // All that was written is there: there is more.
            wrong_length(&path, file.bytes).into_iter().for_each(|message| report.wrong(&path, message));
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
        let mut unnamed = Vec::new();
        for path in files_in(&folder) {
            if folder.ends_with("lost") {
                report.note(path, "was set aside by a start: the manifest did not name it");
            } else if !named.contains(&path) && !then.contains(&path) {
                unnamed.push(path);
            }
        }
        if directory.whole {
            let message = "the manifest does not name it: a flush that is under way, or was cut short";
            unnamed.into_iter().for_each(|path| report.note(path, message));
        } else if !unnamed.is_empty() {
            let n = unnamed.len();
            let message =
                format!("what is left of the manifest does not name {n} files; the next start sets them aside");
            report.note(folder, message);
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
pub(super) fn files_in(folder: &Path) -> Vec<PathBuf> {
    let entries: io::Result<Vec<_>> =
        std::fs::read_dir(folder).and_then(|entries| entries.map(|it| Ok(it?.path())).collect());
    let mut paths = entries.unwrap_or_default();
    paths.sort();
    paths
}
