//! Writes the points of a flush: a segment for each window of time, as those of other tables, but in chunks of series.

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::TimestampNanosecondType;

use super::windows::width;
use crate::error::ReadError;
use crate::layout::Layout;
use crate::manifest::SegmentEntry;
use crate::order::{PointsOfWindow, by_series};
use crate::schema::Table;
use crate::segment::{SegmentWriter, sync_names};
use crate::view::Shared;

/// With fewer points of a series on average, a row for each point takes less time and space than a chunk for each series.
const FEW_POINTS: usize = 3;
/// Points that are encoded at once, but for those of the series that they end in.
const PART_ROWS: usize = 16 << 10;

/// Writes `batches` of points as [`super::windows::write`] does those of other tables.
pub(super) fn write(
    shared: &Shared,
    batches: &[RecordBatch],
    ids: &mut Vec<u64>,
    mut each_part: impl FnMut(&RecordBatch),
) -> Result<Vec<SegmentEntry>, ReadError> {
    let table = Table::Points;
    if batches.is_empty() {
        return Ok(Vec::new());
    }
    let times = batches
        .iter()
        .filter_map(|batch| batch.column_by_name(table.time_column())?.as_primitive_opt::<TimestampNanosecondType>());
    let width = width(times.flat_map(|times| times.values().iter().copied()));
    let failed = |error| ReadError::new(shared.dir.join("segments").join(table.name()), error);
    let mut entries = Vec::new();
    for PointsOfWindow { rows, n_series } in by_series(batches, |time| time.div_euclid(width)).map_err(failed)? {
        let id = shared.reserve_segment_id();
        ids.push(id);
        let layout = if rows.num_rows() < FEW_POINTS * n_series { Layout::Rows } else { Layout::Chunks };
        let mut segment = SegmentWriter::create(&shared.dir, table, id, 0, layout);
        for (part, last) in parts(&rows, shared.row_group_rows) {
            each_part(&part);
            segment.write_part(&part, last)?;
        }
        entries.push(segment.finish()?);
    }
    sync_names(&shared.dir, table)?;
    Ok(entries)
}

/// `rows` in parts of whole series, and whether a row group of about `group_rows` is to end with each.
fn parts(rows: &RecordBatch, group_rows: usize) -> Vec<(RecordBatch, bool)> {
    let ids = rows.column_by_name("series").and_then(|ids| ids.as_fixed_size_binary_opt());
    let ids = ids.map_or_else(Default::default, |ids| ids.value_data().as_chunks::<16>().0);
    let (mut parts, mut start, mut in_group) = (Vec::new(), 0, 0);
    while start < rows.num_rows() {
        let wanted = rows.num_rows().min(start + PART_ROWS.min(group_rows));
        let end = wanted + ids[wanted..].iter().take_while(|id| **id == ids[wanted - 1]).count();
        in_group += end - start;
        let last = in_group >= group_rows || end == rows.num_rows();
        parts.push((rows.slice(start, end - start), last));
        (start, in_group) = (end, if last { 0 } else { in_group });
    }
    parts
}
