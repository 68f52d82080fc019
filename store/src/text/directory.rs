//! A word index as tantivy sees it: a read-only directory whose every byte is checked before tantivy gets it.
//!
//! Of the files of a tantivy index a bundle has those that hold something, postings and dictionary. The others, which tantivy
//! wants to be there, are those of an index without documents.

use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use tantivy::directory::error::{DeleteError, OpenReadError, OpenWriteError};
use tantivy::directory::{Directory, FileHandle, OwnedBytes, RamDirectory, WatchCallback, WatchHandle, WritePtr};
use tantivy::postings::InvertedIndexSerializer;
use tantivy::schema::{Field, IndexRecordOption, Schema, TextFieldIndexing, TextOptions};
use tantivy::{HasLen, Index, IndexSettings, SingleSegmentIndexWriter, TantivyError};

use super::TextError;
use super::bundle::Bundle;

/// The file with tantivy's description of the index.
const META: &str = "meta.json";

/// What tantivy sizes the tables of a writer by that writes nothing: the least it takes.
const WRITER_MEMORY: usize = 1 << 20;

/// One field of text: which rows hold a word, and nothing beside.
pub(super) fn schema() -> Schema {
    let mut schema = Schema::builder();
    let indexing = TextFieldIndexing::default().set_index_option(IndexRecordOption::Basic).set_fieldnorms(false);
    schema.add_text_field("body", TextOptions::default().set_indexing_options(indexing));
    schema.build()
}

pub(super) fn body_field() -> Field {
    Field::from_field_id(0)
}

/// The files that a bundle leaves out, of an index without documents: names without the segment's id, and bytes. The first
/// is [`META`].
fn empty_files() -> tantivy::Result<&'static [(String, Vec<u8>)]> {
    static FILES: OnceLock<Vec<(String, Vec<u8>)>> = OnceLock::new();
    if let Some(files) = FILES.get() {
        return Ok(files);
    }
    let directory = RamDirectory::create();
    let writer: SingleSegmentIndexWriter =
        Index::builder().schema(schema()).single_segment_index_writer(directory.clone(), WRITER_MEMORY)?;
    let index = writer.finalize()?;
    let segment = index.searchable_segment_ids()?.first().map(|it| it.uuid_string()).unwrap_or_default();
    let mut files = vec![(META.to_owned(), directory.atomic_read(Path::new(META))?)];
    for component in ["fast", "fieldnorm", "store"] {
        let file = directory.open_read(Path::new(&format!("{segment}.{component}")))?;
        files.push((component.to_owned(), file.read_bytes()?.to_vec()));
    }
    // Without documents there are no positions of the field either, which the readers of its words ask for.
    let directory = RamDirectory::create();
    let segment = Index::create(directory.clone(), schema(), IndexSettings::default())?.new_segment();
    let mut serializer = InvertedIndexSerializer::open(&segment)?;
    serializer.new_field(body_field(), 0, None)?.close()?;
    serializer.close()?;
    let file = directory.open_read(Path::new(&format!("{}.pos", segment.id().uuid_string())))?;
    files.push(("pos".to_owned(), file.read_bytes()?.to_vec()));
    Ok(FILES.get_or_init(|| files))
}

/// One word index of a bundle.
#[derive(Clone, Debug)]
pub(super) struct BundleDirectory {
    bundle: Arc<Bundle>,
    words: usize,
    meta: Arc<[u8]>,
}

impl BundleDirectory {
    pub(super) fn new(bundle: &Arc<Bundle>, words: usize) -> tantivy::Result<Self> {
        let files = empty_files()?;
        let mut meta: serde_json::Value = serde_json::from_slice(&files[0].1)
            .map_err(|error| TantivyError::InvalidArgument(format!("{META}: {error}")))?;
        if let Some(rows) = meta.pointer_mut("/segments/0/max_doc") {
            *rows = bundle.contents().words[words].rows.into();
        }
        Ok(BundleDirectory { bundle: Arc::clone(bundle), words, meta: meta.to_string().into_bytes().into() })
    }

    fn file(&self, path: &Path) -> Result<FileBytes, OpenReadError> {
        let missing = || OpenReadError::FileDoesNotExist(path.to_owned());
        let name = path.to_str().ok_or_else(missing)?;
        let words = &self.bundle.contents().words[self.words];
        let blob = |blob| FileBytes::Blob { bundle: Arc::clone(&self.bundle), blob };
        match name.rsplit_once('.') {
            _ if name == META => Ok(FileBytes::Memory(OwnedBytes::new(self.meta.to_vec()))),
            Some((_, "idx")) => Ok(blob(words.idx)),
            Some((_, "term")) => Ok(blob(words.term)),
            Some((_, component)) => {
                let files = empty_files().map_err(|error| {
                    OpenReadError::wrap_io_error(io::Error::other(error.to_string()), path.to_owned())
                })?;
                let (_, bytes) = files[1..].iter().find(|(name, _)| name == component).ok_or_else(missing)?;
                Ok(FileBytes::Memory(OwnedBytes::new(bytes.as_slice())))
            }
            None => Err(missing()),
        }
    }
}

impl Directory for BundleDirectory {
    fn get_file_handle(&self, path: &Path) -> Result<Arc<dyn FileHandle>, OpenReadError> {
        Ok(Arc::new(self.file(path)?))
    }

    fn delete(&self, path: &Path) -> Result<(), DeleteError> {
        Err(DeleteError::IoError { io_error: Arc::new(read_only()), filepath: path.to_owned() })
    }

    fn exists(&self, path: &Path) -> Result<bool, OpenReadError> {
        Ok(self.file(path).is_ok())
    }

    fn open_write(&self, path: &Path) -> Result<WritePtr, OpenWriteError> {
        Err(OpenWriteError::wrap_io_error(read_only(), path.to_owned()))
    }

    fn atomic_read(&self, path: &Path) -> Result<Vec<u8>, OpenReadError> {
        let file = self.file(path)?;
        let bytes =
            file.read_bytes(0..file.len()).map_err(|error| OpenReadError::wrap_io_error(error, PathBuf::from(path)))?;
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
enum FileBytes {
    Memory(OwnedBytes),
    Blob { bundle: Arc<Bundle>, blob: usize },
}

impl HasLen for FileBytes {
    fn len(&self) -> usize {
        match self {
            FileBytes::Memory(bytes) => bytes.len(),
            FileBytes::Blob { bundle, blob } => bundle.length_of(*blob),
        }
    }
}

impl FileHandle for FileBytes {
    fn read_bytes(&self, range: Range<usize>) -> io::Result<OwnedBytes> {
        match self {
            FileBytes::Memory(bytes) if range.end <= bytes.len() => Ok(bytes.slice(range)),
            FileBytes::Memory(_) => Err(io::ErrorKind::UnexpectedEof.into()),
            FileBytes::Blob { bundle, blob } => {
                let (bytes, within) = bundle.read(*blob, range).map_err(io::Error::other)?;
                Ok(OwnedBytes::new(bytes).slice(within))
            }
        }
    }
}

/// Returns the error of the bundle that is inside what tantivy made of it, or else what tantivy says.
pub(super) fn unwrap_error(bundle: &Bundle, error: TantivyError) -> TextError {
    use TantivyError as Outer;
    let inner = match &error {
        Outer::IoError(inner) | Outer::OpenReadError(OpenReadError::IoError { io_error: inner, .. }) => Some(inner),
        _ => None,
    };
    match inner.and_then(|it| it.get_ref()).and_then(|it| it.downcast_ref::<TextError>()) {
        Some(error) => error.clone(),
        None => bundle.file().damaged("index", error.to_string()),
    }
}
