//! Writes the rows of one table as segments, one for each window of time that they fall into.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use arrow::array::{AsArray, RecordBatch, UInt32Array};
use arrow::compute::{concat_batches, take_record_batch};
use model::Nanos;
use model::time::HOUR;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;

use super::TraceBloom;
use crate::chunk::{Ids, Times};
use crate::error::ReadError;
use crate::files::ChecksummedWriter;
use crate::manifest::{FileEntry, SegmentEntry};
use crate::schema::Table;
use crate::text::{self, TextError};

/// Segments do not cross the bounds of a window, so retention drops them whole.
const WINDOW: Nanos = 2 * HOUR;
/// One flush writes no more segments of a table than this; with more, its windows are wider. A sender may spread times over
/// centuries, which must not become a file each. A month of windows fits.
const MAX_WINDOWS: usize = 400;
/// Rows that a read decodes at once; of spans also the slice of time that is sorted by trace.
const ROW_GROUP_ROWS: usize = 64 << 10;
const PAGE_ROWS: usize = 8 << 10;

/// Writes `batches` of `table` under the data directory `dir` and syncs the files. Each segment takes its id from `next_id`.
pub(crate) fn write(
    dir: &Path,
    table: Table,
    batches: &[RecordBatch],
    mut next_id: impl FnMut() -> u64,
) -> Result<Vec<SegmentEntry>, ReadError> {
    let failed = |error: &dyn std::error::Error| ReadError::new(dir.join("segments").join(table.name()), error);
    let all = concat_batches(&table.schema(), batches).map_err(|error| failed(&error))?;
    let times = Times::of(&all, table.time_column());
    let mut width = WINDOW;
    let windows = loop {
        let mut windows: BTreeMap<Nanos, Vec<u32>> = BTreeMap::new();
        for row in 0..all.num_rows() {
            windows.entry(times.get(row).div_euclid(width)).or_default().push(row as u32);
        }
        if windows.len() <= MAX_WINDOWS {
            break windows;
        }
        width = width.saturating_mul(2);
    };
    let mut entries = Vec::new();
    for rows in windows.into_values() {
        entries.push(write_segment(dir, table, &all, rows, next_id())?);
    }
    Ok(entries)
}

fn write_segment(
    dir: &Path,
    table: Table,
    all: &RecordBatch,
    rows: Vec<u32>,
    id: u64,
) -> Result<SegmentEntry, ReadError> {
    let folder = Path::new("segments").join(table.name());
    let name = |suffix: &str| folder.join(format!("{id:012}.{suffix}"));
    let failed = |path: &Path, error: &dyn std::error::Error| ReadError::new(dir.join(path), error);
    std::fs::create_dir_all(dir.join(&folder)).map_err(|error| failed(&folder, &error))?;

    let path = name("parquet");
    let groups = row_groups(table, all, rows);
    let mut batches = Vec::with_capacity(groups.len());
    for group in groups {
        batches.push(take_record_batch(all, &UInt32Array::from(group)).map_err(|error| failed(&path, &error))?);
    }
    let mut files = Vec::new();
    let (bytes, crc32) = write_parquet(&dir.join(&path), table, &batches).map_err(|error| failed(&path, &*error))?;
    files.push(FileEntry { path: text_of(&path), bytes, crc32 });
    if table.has_trace_id() {
        let path = name("bloom");
        files.push(write_file(dir, &path, &TraceBloom::of(batches.iter()).to_bytes())?);
    }
    if table == Table::Logs {
        let path = name("text");
        let bodies = batches.iter().flat_map(|batch| {
            let bodies = batch.column_by_name("body").map(|bodies| bodies.as_string::<i32>());
            bodies.into_iter().flat_map(|bodies| bodies.iter().map(Option::unwrap_or_default))
        });
        match text::build(bodies) {
            Ok(bundle) => files.push(write_file(dir, &path, &bundle)?),
            // The rows count, the index only makes them quicker to find: a segment without one is scanned.
            Err(error @ (TextError::TooLarge { .. } | TextError::TooManyRows { .. })) => {
                tracing::warn!(segment = id, %error, "a segment of logs gets no full-text index");
            }
            Err(error) => return Err(failed(&path, &error)),
        }
    }
    crate::files::sync_dir(&dir.join(&folder)).map_err(|error| failed(&folder, &error))?;

    let (mut min_time, mut max_time, mut rows) = (Nanos::MAX, Nanos::MIN, 0);
    for batch in &batches {
        let first = Times::of(batch, table.time_column());
        let last =
            if table == Table::Series { Times::of(batch, "last_time") } else { Times::of(batch, table.time_column()) };
        for row in 0..batch.num_rows() {
            min_time = min_time.min(first.get(row));
            max_time = max_time.max(last.get(row));
        }
        rows += batch.num_rows() as u64;
    }
    Ok(SegmentEntry { id, table: table.name().to_owned(), min_time, max_time, rows, files })
}

/// Divides `rows` of `all` into row groups and sorts each as [`Table::sort_columns`] says.
fn row_groups(table: Table, all: &RecordBatch, mut rows: Vec<u32>) -> Vec<Vec<u32>> {
    let times = Times::of(all, table.time_column());
    let key_column = table.sort_columns()[0];
    let keys = (key_column != table.time_column()).then(|| Ids::<16>::of(all, key_column));
    let key = |row: &u32| {
        let row = *row as usize;
        (keys.as_ref().map(|keys| keys.get(row)), times.get(row), row)
    };
    match table {
        // Slices of time, so that a range prunes; a trace is together within its slice.
        Table::Spans => {
            rows.sort_unstable_by_key(|row| (times.get(*row as usize), *row));
            rows.chunks_mut(ROW_GROUP_ROWS).for_each(|slice| slice.sort_unstable_by_key(key));
        }
        _ => rows.sort_unstable_by_key(key),
    }
    rows.chunks(ROW_GROUP_ROWS).map(<[u32]>::to_vec).collect()
}

fn write_parquet(path: &Path, table: Table, groups: &[RecordBatch]) -> Result<(u64, u32), Box<dyn std::error::Error>> {
    let mut file = ChecksummedWriter::create(path)?;
    let mut writer = ArrowWriter::try_new(&mut file, table.schema(), Some(properties(table)))?;
    for group in groups {
        writer.write(group)?;
        writer.flush()?; // ends the row group
    }
    writer.close()?;
    Ok(file.finish()?)
}

fn properties(table: Table) -> WriterProperties {
    let mut builder = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .set_data_page_row_count_limit(PAGE_ROWS)
        .set_write_batch_size(PAGE_ROWS)
        .set_statistics_enabled(EnabledStatistics::Chunk);
    let dense = ["start_time", "time", "observed_time", "last_time", "duration"];
    for column in table.schema().fields().iter().map(|field| field.name().as_str()) {
        let path = ColumnPath::from(column);
        if dense.contains(&column) && !(table == Table::Points && column == "start_time") {
            builder = builder.set_column_dictionary_enabled(path.clone(), false);
            builder = builder.set_column_encoding(path, Encoding::DELTA_BINARY_PACKED);
        } else if matches!(column, "span_id" | "body") || (column == "series" && table == Table::Series) {
            builder = builder.set_column_dictionary_enabled(path, false); // distinct in nearly every row
        }
    }
    builder.build()
}

fn write_file(dir: &Path, path: &Path, bytes: &[u8]) -> Result<FileEntry, ReadError> {
    let write = || {
        let mut file = ChecksummedWriter::create(&dir.join(path))?;
        file.write_all(bytes)?;
        file.finish()
    };
    let (bytes, crc32) = write().map_err(|error| ReadError::new(dir.join(path), error))?;
    Ok(FileEntry { path: text_of(path), bytes, crc32 })
}

fn text_of(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// Removes the files of segments with these ids, which were never published.
pub(crate) fn remove_files(dir: &Path, ids: std::ops::Range<u64>) {
    for table in Table::ALL {
        let folder = dir.join("segments").join(table.name());
        for id in ids.clone() {
            for suffix in ["parquet", "bloom", "text"] {
                // Most are not there: a segment belongs to one table.
                _ = std::fs::remove_file(folder.join(format!("{id:012}.{suffix}")));
            }
        }
    }
}
