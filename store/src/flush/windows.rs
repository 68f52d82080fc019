//! Divides the rows of a flush by windows of time, and writes a segment of each.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::RecordBatch;
use model::Nanos;
use model::time::HOUR;

use crate::error::ReadError;
use crate::layout::Layout;
use crate::manifest::SegmentEntry;
use crate::order::{Gather, RowKey, append_keys};
use crate::schema::Table;
use crate::segment::{SegmentWriter, sync_names};
use crate::view::Shared;

/// Segments do not cross the bounds of a window, so retention drops them whole.
pub(crate) const WINDOW: Nanos = 2 * HOUR;

/// The first and the last time of a window, by its number.
pub(crate) fn window_bounds(window: i64) -> (Nanos, Nanos) {
    (window.saturating_mul(WINDOW), window.saturating_add(1).saturating_mul(WINDOW) - 1)
}

/// One flush writes no more segments of a table than this; with more, its windows are wider. A sender may spread times over
/// centuries, which must not become a file each. A month of windows fits.
const MAX_WINDOWS: usize = 400;
/// Rows that are gathered at once: so few that they are still in a cache of the processor when they are encoded.
const PART_ROWS: usize = 8 << 10;

/// Writes `batches` of `table` as segments of level 0 and syncs them. The number of each is added to `ids` before its
/// first byte is written. `each_part` is given the rows that are written, in their order.
pub(super) fn write(
    shared: &Shared,
    table: Table,
    batches: &[RecordBatch],
    ids: &mut Vec<u64>,
    mut each_part: impl FnMut(&RecordBatch),
) -> Result<Vec<SegmentEntry>, ReadError> {
    let failed = |error| ReadError::new(shared.dir.join("segments").join(table.name()), error);
    let mut rows = Vec::with_capacity(batches.iter().map(RecordBatch::num_rows).sum());
    for (number, batch) in batches.iter().enumerate() {
        append_keys(table, number as u32, batch, &mut rows).map_err(failed)?;
    }
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let mut gather = Gather::new(batches).map_err(failed)?;
    let mut entries = Vec::new();
    for mut rows in by_window(rows) {
        sort(table, &mut rows, shared.row_group_rows);
        let id = shared.reserve_segment_id();
        ids.push(id);
        let mut segment = SegmentWriter::create(&shared.dir, table, id, 0, Layout::Rows);
        for group in rows.chunks(shared.row_group_rows) {
            let parts = group.len().div_ceil(PART_ROWS);
            for (number, part) in (1..).zip(group.chunks(PART_ROWS)) {
                let part = gather.rows(part).map_err(failed)?;
                each_part(&part);
                segment.write_part(&part, number == parts)?;
            }
        }
        entries.push(segment.finish()?);
    }
    sync_names(&shared.dir, table)?;
    Ok(entries)
}

/// How wide the windows of rows with these times are.
pub(super) fn width(times: impl Iterator<Item = Nanos> + Clone) -> Nanos {
    let mut width = WINDOW;
    loop {
        let (mut windows, mut last) = (BTreeSet::new(), None);
        // Rows of one window come one after another, mostly.
        for window in times.clone().map(|time| time.div_euclid(width)) {
            if last.replace(window) != Some(window) {
                windows.insert(window);
            }
            if windows.len() > MAX_WINDOWS {
                break;
            }
        }
        if windows.len() <= MAX_WINDOWS {
            return width;
        }
        width = width.saturating_mul(2);
    }
}

/// `rows` by the window that each falls into, the oldest first.
fn by_window(rows: Vec<RowKey>) -> Vec<Vec<RowKey>> {
    let width = width(rows.iter().map(|row| row.time));
    let window = |row: &RowKey| row.time.div_euclid(width);
    if rows.first().is_some_and(|first| rows.iter().all(|row| window(row) == window(first))) {
        return vec![rows];
    }
    let mut divided: BTreeMap<Nanos, Vec<RowKey>> = BTreeMap::new();
    for run in rows.chunk_by(|a, b| window(a) == window(b)) {
        divided.entry(window(&run[0])).or_default().extend_from_slice(run);
    }
    divided.into_values().collect()
}

/// Brings `rows`, which are in the order of their batches, into that of row groups of `group_rows`, and sorts each of these as
/// [`Table::sort_columns`] says. The sorts are stable: they find the runs that are in order already, which of rows that came
/// as they happened are long.
fn sort(table: Table, rows: &mut [RowKey], group_rows: usize) {
    match table {
        Table::Spans => {
            // Slices of time, so that a range prunes; a trace is together within its slice.
            rows.sort_by_key(|row| row.time);
            rows.chunks_mut(group_rows).for_each(|group| group.sort_by_key(|row| row.id));
        }
        Table::Logs => rows.sort_by_key(|row| row.time),
        _ => rows.sort_unstable(),
    }
}
