//! Divides the rows of a flush by windows of time, and writes a segment of each.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::RecordBatch;
use model::Nanos;
use model::time::HOUR;

use crate::error::ReadError;
use crate::layout::Layout;
use crate::manifest::SegmentEntry;
use crate::order::{RowKey, gather, keys};
use crate::schema::Table;
use crate::segment::{SegmentWriter, sync_names};
use crate::view::Shared;

/// Segments do not cross the bounds of a window, so retention drops them whole.
pub(crate) const WINDOW: Nanos = 2 * HOUR;
/// One flush writes no more segments of a table than this; with more, its windows are wider. A sender may spread times over
/// centuries, which must not become a file each. A month of windows fits.
const MAX_WINDOWS: usize = 400;

/// Writes `batches` of `table` as segments of level 0 and syncs them. The number of each is added to `ids` before its
/// first byte is written.
pub(super) fn write(
    shared: &Shared,
    table: Table,
    batches: &[RecordBatch],
    ids: &mut Vec<u64>,
) -> Result<Vec<SegmentEntry>, ReadError> {
    let failed = |error| ReadError::new(shared.dir.join("segments").join(table.name()), error);
    let mut rows = Vec::with_capacity(batches.iter().map(RecordBatch::num_rows).sum());
    for (number, batch) in batches.iter().enumerate() {
        rows.extend(keys(table, number as u32, batch).map_err(failed)?);
    }
    let mut entries = Vec::new();
    for rows in by_window(rows) {
        let id = shared.reserve_segment_id();
        ids.push(id);
        let mut segment = SegmentWriter::create(&shared.dir, table, id, 0, Layout::Rows);
        for group in row_groups(table, rows, shared.row_group_rows) {
            segment.write_group(&gather(batches, &group).map_err(failed)?)?;
        }
        entries.push(segment.finish()?);
    }
    if !entries.is_empty() {
        sync_names(&shared.dir, table)?;
    }
    Ok(entries)
}

/// `rows` by the window that each falls into, the oldest first.
fn by_window(rows: Vec<RowKey>) -> Vec<Vec<RowKey>> {
    let mut width = WINDOW;
    let mut windows: BTreeSet<Nanos> = rows.iter().map(|row| row.time.div_euclid(width)).collect();
    while windows.len() > MAX_WINDOWS {
        width = width.saturating_mul(2);
        windows = rows.iter().map(|row| row.time.div_euclid(width)).collect();
    }
    if windows.len() <= 1 {
        return if rows.is_empty() { Vec::new() } else { vec![rows] };
    }
    let mut divided: BTreeMap<Nanos, Vec<RowKey>> = BTreeMap::new();
    for row in rows {
        divided.entry(row.time.div_euclid(width)).or_default().push(row);
    }
    divided.into_values().collect()
}

/// Divides `rows` into row groups and sorts each as [`Table::sort_columns`] says.
fn row_groups(table: Table, mut rows: Vec<RowKey>, group_rows: usize) -> Vec<Vec<RowKey>> {
    if table == Table::Spans {
        // Slices of time, so that a range prunes; a trace is together within its slice.
        rows.sort_unstable_by_key(|row| (row.time, row.batch, row.row));
        rows.chunks_mut(group_rows).for_each(<[RowKey]>::sort_unstable);
    } else {
        rows.sort_unstable();
    }
    rows.chunks(group_rows).map(<[RowKey]>::to_vec).collect()
}
