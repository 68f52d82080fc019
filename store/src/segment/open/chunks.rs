//! Reads the layout `chunks`: units of row groups, and the file of times beside them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::RecordBatch;
use model::TimeRange;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, RowSelector};

use super::super::IdFilter;
use super::super::repair::Repair;
use super::{Error, Open, RowGroup, row_groups};
use crate::damage::{DamageKind, DamageLog};
use crate::error::ReadError;
use crate::files::{BlockSums, CheckedFile, Parity};
use crate::layout::chunks::{self, Damaged, Unit};
use crate::manifest::{FileEntry, SegmentEntry};

/// The file of times of a segment.
pub(super) struct TimesFile {
    path: PathBuf,
    entry: FileEntry,
    /// The checksums of its blocks, and what restores them.
    parity: Option<(Arc<BlockSums>, Parity)>,
}

impl TimesFile {
    pub(super) fn of(dir: &Path, segment: &SegmentEntry, damage: &Arc<DamageLog>) -> Result<Self, Error> {
        let entry = segment.file(chunks::TIMES).ok_or("the manifest names no file of times")?;
        // What cannot be read there is missed where something is to be restored.
        let parity = Repair::of(dir, segment).and_then(|repair| repair.times(damage).ok()?);
        let parity = parity.map(|(sums, parity)| (Arc::new(sums), parity));
        Ok(TimesFile { path: dir.join(&entry.path), entry: entry.clone(), parity })
    }

    /// The units that the row groups of `metadata` are divided into. If their list is damaged, the row groups as they are,
    /// the columns of whose times are `times`.
    pub(super) fn units(
        &self,
        metadata: &ArrowReaderMetadata,
        times: (&str, &str),
        damage: &DamageLog,
    ) -> Result<Vec<RowGroup>, Error> {
        let listed = chunks::units(&self.path, &self.entry).map_err(Error::from);
        listed.and_then(|list| groups_of(&list, metadata)).or_else(|error| {
            let message = format!("the list of units is damaged: {error}; whole row groups are read");
            damage.note(DamageKind::Restored, &ReadError::new(&self.path, message));
            row_groups(metadata, times)
        })
    }

    pub(super) fn is_at(&self, path: &Path) -> bool {
        self.path == path
    }

    /// As [`Open::prove`].
    pub(super) fn prove(&self, start: u64) -> Result<(), Error> {
        let (sums, parity) = self.parity.clone().ok_or("there is no parity of it")?;
        let end = sums.covered();
        Ok(CheckedFile::open_or_gone(&self.path, end, sums, parity)?.prove(start, end)?)
    }
}

fn groups_of(units: &[Unit], metadata: &ArrowReaderMetadata) -> Result<Vec<RowGroup>, Error> {
    let mut rows_left: Vec<i64> = metadata.metadata().row_groups().iter().map(|group| group.num_rows()).collect();
    let mut groups = Vec::with_capacity(units.len());
    let mut first_row = 0;
    let mut last = (0, 0);
    for unit in units {
        let group = unit.row_group as usize;
        let before = if last.0 == group { last.1 } else { 0 };
        let n_rows = unit.chunks as usize;
        last = (group, before + n_rows);
        let left = rows_left.get_mut(group).ok_or("its units are in more row groups than there are")?;
        *left -= i64::from(unit.chunks);
        groups.push(RowGroup {
            min_time: unit.min_time,
            max_time: unit.max_time,
            n_rows,
            first_row,
            part: (group, before),
            traces: None,
            series: Some(unit.series),
        });
        first_row += n_rows as u64;
    }
    if rows_left.iter().any(|left| *left != 0) {
        return Err("its units are not its row groups".into());
    }
    Ok(groups)
}

impl Open {
    /// The points of the chunks of unit `index` that can be decoded, and what is wrong with the others.
    pub(in super::super) fn read_chunks(
        &self,
        index: usize,
        columns: &Option<Vec<&'static str>>,
        ids: Vec<IdFilter>,
    ) -> Result<(RecordBatch, Vec<Damaged>), Error> {
        let chunks = self.chunks_of(&[index], &chunks::COLUMNS, ids)?;
        let decoded = chunks::decode(&chunks, &mut self.times()?, TimeRange::ALL, columns.as_deref())?;
        Ok((decoded.rows, decoded.damage))
    }

    /// The chunks of the units numbered `indices`, which are in ascending order and of one row group of the file, with `columns` of
    /// the file.
    pub(in super::super) fn chunks_of(
        &self,
        indices: &[usize],
        columns: &[&'static str],
        ids: Vec<IdFilter>,
    ) -> Result<RecordBatch, Error> {
        let mut selectors = Vec::with_capacity(2 * indices.len());
        let mut done = 0;
        for index in indices {
            let RowGroup { part: (_, before), n_rows, .. } = self.groups[*index];
            selectors.extend([RowSelector::skip(before - done), RowSelector::select(n_rows)]);
            done = before + n_rows;
        }
        let first = indices.first().copied().unwrap_or_default();
        self.read_file(first, &Some(columns.to_vec()), Some(selectors.into()), ids)
    }

    /// The times of the segment's chunks.
    pub(in super::super) fn times(&self) -> Result<chunks::Times, Error> {
        let file = self.times.as_ref().ok_or("the segment has no file of times")?;
        Ok(chunks::Times::open(&file.path, &file.entry, file.parity.clone())?)
    }
}
