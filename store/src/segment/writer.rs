//! Writes a segment, one row group after the other: what a flush and a compaction end in.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use arrow::array::{AsArray, RecordBatch};
use model::Nanos;
use parquet::arrow::ArrowWriter;
use parquet::file::metadata::KeyValue;

use super::bloom::BloomBuilder;
use super::repair::{self, RepairWriter};
use crate::chunk::Times;
use crate::error::ReadError;
use crate::files::{BlockSums, CHECKSUMS_KEY, ChecksummedWriter, Written};
use crate::layout::{Encoder, Layout};
use crate::manifest::{FileEntry, SegmentEntry};
use crate::schema::Table;
use crate::summary::{self, Slots, SummaryBuilder};
use crate::text;

/// What the words of a full-text index may take in memory before they are written, at most. Writing them takes as much again.
const TEXT_MEMORY: usize = 64 << 20;

type Error = Box<dyn std::error::Error>;

/// A segment under construction. Its files count for nothing until the manifest names what [`SegmentWriter::finish`]
/// returns; a writer that is dropped before leaves files behind for [`remove_files`].
pub(crate) struct SegmentWriter {
    dir: PathBuf,
    table: Table,
    id: u64,
    level: u8,
    layout: Layout,
    /// Since the first row group.
    parquet: Option<(Encoder, ArrowWriter<ChecksummedWriter>)>,
    /// The file that the layout has besides.
    own: Option<ChecksummedWriter>,
    repair: Option<RepairWriter>,
    min_time: Nanos,
    max_time: Nanos,
    rows: u64,
    traces: BloomBuilder,
    /// Of spans.
    summary: Option<SummaryBuilder>,
    text: Option<text::Builder<ChecksummedWriter>>,
    text_memory: usize,
}

impl SegmentWriter {
    /// A segment of `table` under the data directory `dir`, with the reserved number `id`.
    pub(crate) fn create(dir: &Path, table: Table, id: u64, level: u8, layout: Layout) -> Self {
        SegmentWriter {
            dir: dir.to_owned(),
            table,
            id,
            level,
            layout,
            parquet: None,
            own: None,
            repair: None,
            min_time: Nanos::MAX,
            max_time: Nanos::MIN,
            rows: 0,
            traces: BloomBuilder::default(),
            summary: (table == Table::Spans).then(|| SummaryBuilder::new(Slots::MINUTES)),
            text: None,
            text_memory: TEXT_MEMORY,
        }
    }

    /// The words of a full-text index take no more than `bytes` in memory before they are written.
    pub(crate) fn with_text_memory(self, bytes: usize) -> Self {
        SegmentWriter { text_memory: bytes.min(TEXT_MEMORY), ..self }
    }

    /// Writes `rows`, which has the schema of the table, is sorted as the table wants it and not empty: as a row group, or as a
    /// part of one where that is what the layout wants.
    pub(crate) fn write_group(&mut self, rows: &RecordBatch) -> Result<(), ReadError> {
        self.group(rows, true).map_err(|error| self.failed("parquet", &*error))?;
        // What a flush writes is small and soon compacted: its bodies are scanned, and indexed once.
        if self.table == Table::Logs && self.level > 0 {
            self.index(rows).map_err(|error| self.failed("text", &*error))?;
        }
        Ok(())
    }

    /// Writes `rows` as [`SegmentWriter::write_group`] does, of a segment of level 0 and in the layout `rows`. The row group goes
    /// on with what is written next, unless this is its `last` part.
    pub(crate) fn write_part(&mut self, rows: &RecordBatch, last: bool) -> Result<(), ReadError> {
        self.group(rows, last).map_err(|error| self.failed("parquet", &*error))
    }

    fn group(&mut self, rows: &RecordBatch, last: bool) -> Result<(), Error> {
        if self.parquet.is_none() {
            std::fs::create_dir_all(self.dir.join(folder(self.table)))?;
            let file = ChecksummedWriter::create_with_parity(&self.dir.join(self.path("parquet")))?;
            self.repair = Some(RepairWriter::create(&self.dir.join(self.path(repair::SUFFIX)))?);
            let encoder = Encoder::new(self.layout, self.table, self.level, rows);
            let writer = ArrowWriter::try_new(file, encoder.schema(), Some(encoder.properties()))?;
            self.parquet = Some((encoder, writer));
            if let Some(suffix) = self.layout.own_file() {
                self.own = Some(ChecksummedWriter::create_with_parity(&self.dir.join(self.path(suffix)))?);
            }
        }
        let Some((encoder, writer)) = &mut self.parquet else { return Ok(()) };
        writer.write(&encoder.encode(rows)?)?;
        if last && encoder.end_group() {
            end_row_group(writer)?;
            if let Some(repair) = &mut self.repair {
                repair.add(&writer.inner_mut().take_parity())?;
            }
        }
        if let Some(own) = &mut self.own {
            own.write_all(&encoder.take_own())?;
        }
        self.note(rows, last);
        Ok(())
    }

    /// Takes from `rows` what the rest of the segment tells of them.
    fn note(&mut self, rows: &RecordBatch, last_part: bool) {
        let first = Times::of(rows, self.table.time_column());
        let last = Times::of(rows, self.table.last_time_column());
        self.min_time = self.min_time.min(first.bounds().0);
        self.max_time = self.max_time.max(last.bounds().1);
        self.rows += rows.num_rows() as u64;
        if self.table.has_trace_id() {
            self.traces.add(rows);
            if last_part {
                self.traces.end_group();
            }
        }
        if let Some(summary) = &mut self.summary {
            summary.add(rows);
        }
    }

    /// Adds the bodies of `rows` to the full-text index.
    fn index(&mut self, rows: &RecordBatch) -> Result<(), Error> {
        let path = self.dir.join(self.path("text"));
        let index = match &mut self.text {
            Some(index) => index,
            none => none.insert(text::Builder::new(ChecksummedWriter::create(&path)?, self.text_memory)?),
        };
        let bodies = rows.column_by_name("body").and_then(|bodies| bodies.as_string_opt::<i32>());
        bodies.into_iter().flatten().try_for_each(|body| Ok(index.push(body.unwrap_or_default())?))
    }

    /// Writes the rest, syncs all files but not their names (see [`sync_names`]), and returns what the manifest is to say of the segment.
    pub(crate) fn finish(mut self) -> Result<SegmentEntry, ReadError> {
        let mut files = Vec::new();
        let (rows, own) = self.finish_parquet().map_err(|error| self.failed("parquet", &*error))?;
        let repair = self.finish_repair(&rows, own.as_ref()).map_err(|error| self.failed(repair::SUFFIX, &*error))?;
        files.extend([rows, repair]);
        files.extend(own.map(|own| own.entry));
        if self.table.has_trace_id() {
            let bloom = std::mem::take(&mut self.traces).finish();
            files.push(self.write_file("bloom", &bloom.to_bytes())?);
        }
        if let Some(summary) = self.summary.take() {
            files.push(self.write_file(summary::SUFFIX, &summary.finish().to_bytes())?);
        }
        if let Some(index) = self.text.take() {
            let written = finish_text(index).map_err(|error| self.failed("text", &*error))?;
            let Written { bytes, crc32, tail } = written;
            files.push(FileEntry { path: text_of(&self.path("text")), bytes, crc32, tail: Some(tail) });
        }
        Ok(SegmentEntry {
            id: self.id,
            table: self.table.name().to_owned(),
            level: self.level,
            layout: self.layout.name().to_owned(),
            newest: 0,
            min_time: self.min_time,
            max_time: self.max_time,
            rows: self.rows,
            files,
        })
    }

    /// Returns also the file that the layout has besides.
    fn finish_parquet(&mut self) -> Result<(FileEntry, Option<OwnFile>), Error> {
        let (encoder, mut writer) = self.parquet.take().ok_or("a segment needs rows")?;
        if writer.in_progress_rows() > 0 {
            end_row_group(&mut writer)?;
            if let Some(repair) = &mut self.repair {
                repair.add(&writer.inner_mut().take_parity())?;
            }
        }
        let own = self.finish_own(encoder)?;
        let sums = writer.inner().sums().encode();
        writer.append_key_value_metadata(KeyValue::new(CHECKSUMS_KEY.to_owned(), sums));
        let Written { bytes, crc32, tail } = writer.into_inner()?.finish()?;
        let rows = FileEntry { path: text_of(&self.path("parquet")), bytes, crc32, tail: Some(tail) };
        Ok((rows, own))
    }

    fn finish_own(&mut self, mut encoder: Encoder) -> Result<Option<OwnFile>, Error> {
        let (Some(mut file), Some(suffix)) = (self.own.take(), self.layout.own_file()) else { return Ok(None) };
        file.write_all(&encoder.take_own())?;
        file.end_part();
        let (parity, sums) = (file.take_parity(), file.sums().clone());
        file.write_all(&encoder.finish_own())?;
        let Written { bytes, crc32, tail } = file.finish()?;
        let entry = FileEntry { path: text_of(&self.path(suffix)), bytes, crc32, tail: Some(tail) };
        Ok(Some(OwnFile { entry, parity, sums }))
    }

    fn finish_repair(&mut self, rows: &FileEntry, own: Option<&OwnFile>) -> Result<FileEntry, Error> {
        let mut repair = self.repair.take().ok_or("a segment needs rows")?;
        repair.add(own.map_or(&[], |own| &own.parity))?;
        // Damage to the footer would cost every row.
        let tail = rows.tail.unwrap_or_default().read(&File::open(self.dir.join(&rows.path))?, rows.bytes)?;
        let Written { bytes, crc32, .. } = repair.finish(&tail, own.map(|own| &own.sums))?;
        Ok(FileEntry { path: text_of(&self.path(repair::SUFFIX)), bytes, crc32, tail: None })
    }

    fn write_file(&self, suffix: &str, bytes: &[u8]) -> Result<FileEntry, ReadError> {
        let path = self.path(suffix);
        let write = || {
            let mut file = ChecksummedWriter::create(&self.dir.join(&path))?;
            file.write_all(bytes)?;
            file.finish()
        };
        let Written { bytes, crc32, .. } = write().map_err(|error: std::io::Error| self.failed(suffix, &error))?;
        Ok(FileEntry { path: text_of(&path), bytes, crc32, tail: None })
    }

    /// Relative to the data directory.
    fn path(&self, suffix: &str) -> PathBuf {
        path(self.table, self.id, suffix)
    }

    fn failed(&self, suffix: &str, error: &dyn std::error::Error) -> ReadError {
        ReadError::new(self.dir.join(self.path(suffix)), error)
    }
}

/// The file that a layout has besides, and what is kept to restore it.
struct OwnFile {
    entry: FileEntry,
    parity: Vec<u8>,
    sums: BlockSums,
}

/// Ends a full-text index. Its last bytes have checksums of the rest.
fn finish_text(index: text::Builder<ChecksummedWriter>) -> Result<Written, Error> {
    let (mut file, tail) = index.finish()?;
    file.end_part();
    file.write_all(&tail)?;
    Ok(file.finish()?)
}

fn end_row_group(writer: &mut ArrowWriter<ChecksummedWriter>) -> Result<(), Error> {
    writer.flush()?;
    writer.sync()?; // so that the file has seen all of it
    writer.inner_mut().end_part();
    Ok(())
}

fn folder(table: Table) -> PathBuf {
    Path::new("segments").join(table.name())
}

fn path(table: Table, id: u64, suffix: &str) -> PathBuf {
    folder(table).join(format!("{id:012}.{suffix}"))
}

fn text_of(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// Makes the names of the segments of `table` durable: once, before the manifest names them.
pub(crate) fn sync_names(dir: &Path, table: Table) -> Result<(), ReadError> {
    let folder = dir.join(folder(table));
    crate::files::sync_dir(&folder).map_err(|error| ReadError::new(folder, error))
}

/// Removes the files of segments of `table` with these ids, which were never published.
pub(crate) fn remove_files(dir: &Path, table: Table, ids: &[u64]) {
    for id in ids {
        for suffix in ["parquet", repair::SUFFIX, "times", "bloom", "text", summary::SUFFIX] {
            // Not every table has every file, and the writer may not have come to it.
            _ = std::fs::remove_file(dir.join(path(table, *id, suffix)));
        }
    }
}
