//! A bundle as tantivy sees it: a read-only directory whose every byte is checked before tantivy gets it.

use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tantivy::HasLen;
use tantivy::directory::error::{DeleteError, OpenReadError, OpenWriteError};
use tantivy::directory::{Directory, FileHandle, OwnedBytes, WatchCallback, WatchHandle, WritePtr};

use super::TextError;
use super::bundle::Bundle;

/// The part that holds tantivy's description of the index.
pub(super) const META: &str = "meta.json";

/// Parts that are files of the one tantivy segment, by their extension; the large ones first.
///
/// `store` holds no document: tantivy wants the file to be there, so it is cut down to the footer that closes it.
pub(super) const COMPONENTS: [&str; 6] = ["idx", "term", "pos", "fast", "fieldnorm", "store"];

#[derive(Clone, Debug)]
pub(super) struct BundleDirectory(pub(super) Arc<Bundle>);

impl BundleDirectory {
    fn part(&self, path: &Path) -> Result<PartHandle, OpenReadError> {
        let missing = || OpenReadError::FileDoesNotExist(path.to_owned());
        let file_name = path.to_str().ok_or_else(missing)?;
        // Files of the segment are called by its id, which is not recorded; there is only one.
        let name = match file_name.rsplit_once('.') {
            Some((_, extension)) if COMPONENTS.contains(&extension) => extension,
            _ => file_name,
        };
        let (part, length) = self.0.find(name).ok_or_else(missing)?;
        Ok(PartHandle { bundle: Arc::clone(&self.0), part, length })
    }
}

impl Directory for BundleDirectory {
    fn get_file_handle(&self, path: &Path) -> Result<Arc<dyn FileHandle>, OpenReadError> {
        Ok(Arc::new(self.part(path)?))
    }

    fn delete(&self, path: &Path) -> Result<(), DeleteError> {
        Err(DeleteError::IoError { io_error: Arc::new(read_only()), filepath: path.to_owned() })
    }

    fn exists(&self, path: &Path) -> Result<bool, OpenReadError> {
        Ok(self.part(path).is_ok())
    }

    fn open_write(&self, path: &Path) -> Result<WritePtr, OpenWriteError> {
        Err(OpenWriteError::wrap_io_error(read_only(), path.to_owned()))
    }

    fn atomic_read(&self, path: &Path) -> Result<Vec<u8>, OpenReadError> {
        let part = self.part(path)?;
        let bytes = part
            .read_bytes(0..part.length)
            .map_err(|error| OpenReadError::wrap_io_error(error, PathBuf::from(path)))?;
        Ok(bytes.to_vec())
    }

    fn atomic_write(&self, _path: &Path, _data: &[u8]) -> io::Result<()> {
        Err(read_only())
    }

    fn sync_directory(&self) -> io::Result<()> {
        Ok(())
    }

    fn watch(&self, _callback: WatchCallback) -> tantivy::Result<WatchHandle> {
        Ok(WatchHandle::empty())
    }
}

fn read_only() -> io::Error {
    io::Error::new(io::ErrorKind::ReadOnlyFilesystem, "a text index is never written in place")
}

#[derive(Debug)]
struct PartHandle {
    bundle: Arc<Bundle>,
    part: usize,
    length: usize,
}

impl HasLen for PartHandle {
    fn len(&self) -> usize {
        self.length
    }
}

impl FileHandle for PartHandle {
    fn read_bytes(&self, range: Range<usize>) -> io::Result<OwnedBytes> {
        let (bytes, within) = self.bundle.read(self.part, range).map_err(io::Error::other)?;
        Ok(OwnedBytes::new(bytes).slice(within))
    }
}

/// Returns the error of the bundle that is inside what tantivy made of it, or else what tantivy says.
pub(super) fn unwrap_error(bundle: &Bundle, error: tantivy::TantivyError) -> TextError {
    use tantivy::TantivyError as Outer;
    let inner = match &error {
        Outer::IoError(inner) | Outer::OpenReadError(OpenReadError::IoError { io_error: inner, .. }) => Some(inner),
        _ => None,
    };
    match inner.and_then(|it| it.get_ref()).and_then(|it| it.downcast_ref::<TextError>()) {
        Some(error) => error.clone(),
        None => bundle.file().damaged("index", error.to_string()),
    }
}
