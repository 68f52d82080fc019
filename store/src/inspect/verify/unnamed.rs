//! Segments that no record names, when the manifest has lost some: checked on their own, by what their files say of themselves.

use std::collections::HashSet;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use model::Nanos;
use parquet::arrow::arrow_reader::ArrowReaderMetadata;

use super::files::files_in;
use super::{Directory, Report, SeriesIds, segment};
use crate::files::{BlockSums, CHECKSUMS_KEY, Tail, crc32_of};
use crate::layout::{Layout, chunks};
use crate::manifest::{FileEntry, SegmentEntry};
use crate::schema::Table;

type Error = Box<dyn std::error::Error>;

/// The columns that only a compacted segment of spans or of logs has.
const WIDE_COLUMNS: [&str; 2] = ["parent_ord", "observed_delay"];

/// Checks every segment that `directory` has and its state does not name.
pub(super) fn check(directory: &Directory, deep: bool, series: &mut SeriesIds, report: &mut Report) {
    let entries = directory.state.segments.values();
    let named: HashSet<PathBuf> =
        entries.flat_map(|entry| &entry.files).map(|file| directory.dir.join(&file.path)).collect();
    for table in Table::ALL {
        let files = files_in(&directory.dir.join("segments").join(table.name()));
        let rows = files.iter().filter(|path| path.extension().is_some_and(|it| it == "parquet"));
        for path in rows.filter(|path| !named.contains(*path)) {
            let beside = files.iter().filter(|it| it.with_extension("") == path.with_extension(""));
            match entry(&directory.dir, table, path, beside) {
                Ok((entry, rows)) => segment(directory, &entry, rows, deep, series, report),
                Err(error) => {
                    report.segments += 1;
                    report.files += 1;
                    report.wrong(path, format!("its footer cannot be read, and so nothing of it: {error}"));
                }
            }
        }
    }
}

/// What the manifest may have said of the segment whose rows are in the file at `path` and whose files are `files`, and how many
/// rows it has, if the footer tells.
fn entry<'a>(
    dir: &Path,
    table: Table,
    path: &Path,
    files: impl Iterator<Item = &'a PathBuf>,
) -> Result<(SegmentEntry, Option<u64>), Error> {
    let footer = Footer::read(path)?;
    let mut layout = if footer.is_wide { Layout::Wide } else { Layout::Rows };
    let mut entries = Vec::new();
    for file in files {
        let is_times = file.extension().is_some_and(|it| it == chunks::TIMES);
        let data = match () {
            () if file == path => footer.data,
            () if is_times => chunks::records_end(file).ok(),
            () => None,
        };
        if is_times {
            layout = Layout::Chunks;
        }
        entries.push(file_entry(dir, file, data)?);
    }
    let id = path.file_stem().and_then(|it| it.to_str()?.parse().ok()).unwrap_or_default();
    let entry = SegmentEntry {
        id,
        table: table.name().to_owned(),
        level: 0,
        layout: layout.name().to_owned(),
        newest: 0,
        min_time: Nanos::MIN,
        max_time: Nanos::MAX,
        rows: footer.rows,
        files: entries,
    };
    Ok((entry, (layout != Layout::Chunks).then_some(footer.rows)))
}

/// The file as it is, with `data` bytes before its tail; without a tail when that is not known.
fn file_entry(dir: &Path, path: &Path, data: Option<u64>) -> io::Result<FileEntry> {
    let file = File::open(path)?;
    let bytes = file.metadata()?.len();
    let tail = |data: u64| Ok::<_, io::Error>(Tail { bytes: bytes - data, crc32: crc32_of(&file, data..bytes)? });
    Ok(FileEntry {
        path: path.strip_prefix(dir).unwrap_or(path).to_string_lossy().into_owned(),
        bytes,
        crc32: crc32_of(&file, 0..bytes)?,
        tail: data.filter(|data| *data <= bytes).map(tail).transpose()?,
    })
}

/// What the footer of a Parquet file tells.
struct Footer {
    rows: u64,
    is_wide: bool,
    /// The bytes that have checksums of their own; files of format 1 have none.
    data: Option<u64>,
}

impl Footer {
    fn read(path: &Path) -> Result<Self, Error> {
        let file = File::open(path)?;
        let metadata = ArrowReaderMetadata::load(&file, Default::default())?;
        let described = metadata.metadata().file_metadata();
        let pairs = described.key_value_metadata().into_iter().flatten();
        let sums = pairs.filter(|pair| pair.key == CHECKSUMS_KEY).find_map(|pair| pair.value.as_deref());
        let data = match sums {
            Some(text) => Some(BlockSums::decode(text).ok_or("its checksums are damaged")?.covered()),
            None => None,
        };
        let names = metadata.schema().fields();
        Ok(Footer {
            rows: u64::try_from(described.num_rows())?,
            is_wide: names.iter().any(|field| WIDE_COLUMNS.contains(&field.name().as_str())),
            data,
        })
    }
}
