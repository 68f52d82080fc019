//! What can go wrong in the store, in words for the person who runs it.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

/// Why a store cannot be opened.
#[derive(Debug, Error)]
pub enum OpenError {
    #[error("cannot open {path}: {source}", path = path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error(
        "{path} is no data directory: it has neither a file manifest nor a folder wal or segments; name the folder that haechi serve keeps its data in (data_dir)",
        path = path.display()
    )]
    NoStore { path: PathBuf },
    #[error("data directory {path} is in use by another process", path = path.display())]
    Locked { path: PathBuf },
    #[error("{path} has format version {found}; this version of haechi reads up to {known}", path = path.display())]
    NewerFormat { path: PathBuf, found: u32, known: u32 },
}

/// Why a request was not stored. Nothing of it is.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum AppendError {
    /// Worth another try after a pause.
    #[error("{0} rows wait in memory for the disk; try again later")]
    Busy(u64),
    /// Worth another try after a pause.
    #[error(
        "the disk is nearly full: {} MiB are free and {} MiB must stay free (disk_reserve); free space, or keep less by retention or max_disk",
        free >> 20, reserve >> 20
    )]
    Full { free: u64, reserve: u64 },
    /// Worth another try after a pause: a write failed.
    #[error("write-ahead log: {0}")]
    Disk(String),
    /// Worth another try after a pause.
    #[error("the request could not be stored: writing failed in an unforeseen way")]
    Failed,
    #[error("the store is closing")]
    Closed,
}

/// Why rows could not be read; names the file.
#[derive(Clone, Debug, Error)]
#[error("{path}: {message}", path = path.display())]
pub struct ReadError {
    pub path: PathBuf,
    pub message: String,
}

impl ReadError {
    pub(crate) fn new(path: impl Into<PathBuf>, error: impl ToString) -> Self {
        let path = path.into();
        let message = words_on(&path, error);
        ReadError { path, message }
    }
}

/// What `error` says of the file at `path`, which it need not name again.
pub(crate) fn words_on(path: &Path, error: impl ToString) -> String {
    own_words(error).replace(&format!("{}: ", path.display()), "")
}

/// `error` without what the Parquet reader says before an error that it only hands on, once for each of its layers.
fn own_words(error: impl ToString) -> String {
    const WRAPPERS: [&str; 4] =
        ["Parquet argument error: External: ", "Parquet error: External: ", "External error: ", "External: "];
    let text = error.to_string();
    if !text.contains("External") {
        return text;
    }
    WRAPPERS.iter().fold(text, |text, wrapper| text.replace(wrapper, ""))
}

#[cfg(test)]
mod tests {
    use parquet::errors::ParquetError;

    use super::*;

    #[test]
    fn an_error_that_parquet_hands_on_is_said_once_and_in_its_own_words() {
        let own = || std::io::Error::other("block 7 is damaged");
        let wrapped = || ParquetError::External(Box::new(own()));
        let twice = ParquetError::External(Box::new(wrapped()));
        let of_arrow = arrow::error::ArrowError::from(wrapped());
        let external = arrow::error::ArrowError::ExternalError(Box::new(wrapped()));
        for error in
            [own().to_string(), wrapped().to_string(), twice.to_string(), of_arrow.to_string(), external.to_string()]
        {
            assert_eq!(own_words(format!("row group 3: {error}")), "row group 3: block 7 is damaged", "{error}");
        }
        assert_eq!(own_words("Parquet error: EOF"), "Parquet error: EOF");
    }

    #[test]
    fn a_path_is_said_once() {
        let inner = ReadError::new("a/b.text", "the footer is damaged");
        let outer = ReadError::new("a/b.text", format!("cannot be searched: {inner}"));
        assert_eq!(outer.to_string(), "a/b.text: cannot be searched: the footer is damaged");
        assert_eq!(ReadError::new("a/c", &inner).to_string(), "a/c: a/b.text: the footer is damaged");
    }
}
