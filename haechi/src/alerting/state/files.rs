//! The files of a state: bodies by their ids, and what is read back whole.

use std::io;
use std::path::{Path, PathBuf};

use super::saved::DecodeError;
use super::{DEAD, OpenError, saved};

pub(super) fn body_path(dir: &Path, id: u64) -> PathBuf {
    dir.join(format!("{id:020}.json"))
}

/// The ids of the bodies in `dir`, sorted.
pub(super) fn list(dir: &Path) -> io::Result<Vec<u64>> {
    let mut ids = Vec::new();
    for entry in std::fs::read_dir(dir)? {
        let name = entry?.file_name();
        ids.extend(name.to_str().and_then(|name| name.strip_suffix(".json")).and_then(|id| id.parse::<u64>().ok()));
    }
    ids.sort_unstable();
    Ok(ids)
}

/// Removes the oldest bodies beyond [`DEAD`]; gives the number that is left.
pub(super) fn prune(dir: &Path) -> io::Result<usize> {
    let ids = list(dir)?;
    let excess = ids.len().saturating_sub(DEAD);
    for id in &ids[..excess] {
        std::fs::remove_file(body_path(dir, *id))?;
    }
    Ok(ids.len() - excess)
}

/// The decoded content of the file, if there is one that can be used.
pub(super) fn read<T>(
    path: &Path,
    decode: impl Fn(&[u8]) -> Result<T, DecodeError>,
    problems: &mut Vec<String>,
) -> Result<Option<T>, OpenError> {
    let io_error = |error| OpenError::Io { path: path.to_owned(), error };
    let bytes = match std::fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        bytes => bytes.map_err(io_error)?,
    };
    match decode(&bytes) {
        Ok(value) => Ok(Some(value)),
        Err(DecodeError::NewerFormat(found)) => {
            Err(OpenError::NewerFormat { path: path.to_owned(), found, known: saved::VERSION })
        }
        Err(DecodeError::Damaged(reason)) => {
            let aside = path.with_extension("damaged");
            store::files::replace(&aside, &bytes).map_err(io_error)?;
            problems.push(format!("{} is damaged ({reason}) and was set aside as {}", path.display(), aside.display()));
            Ok(None)
        }
    }
}
