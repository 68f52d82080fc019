//! Leaves out points and exemplars that were stored again later: a scan gives each once, as [`crate::unique`] has it.
//!
//! What a scan reads at once, a row group or a chunk in memory, is compared with what was stored later at the same times, of
//! which only the keys are read and one part at a time is held. Where nothing overlaps nothing is compared: a compacted segment
//! has no row twice in itself.

use std::sync::Arc;

use arrow::array::{BooleanArray, RecordBatch};
use hashbrown::HashMap;
use model::{Nanos, SeriesId, TimeRange};

use super::keep;
use super::unit::Part;
use crate::chunk::Times;
use crate::schema::Table;
use crate::segment::{IdFilter, Segment};
use crate::snapshot::MemoryChunk;
use crate::unique::{Key, Keys, key_columns};

/// What of `stored`, which is in the order of storing, may have rows of `segment` in `range` once more.
pub(super) fn later(stored: &[Arc<Segment>], segment: &Arc<Segment>, range: TimeRange) -> Vec<Part> {
    let place = stored.iter().position(|it| it.id() == segment.id());
    let (min_time, max_time) = segment.times();
    let mut later = Vec::new();
    for other in place.map_or(&[][..], |place| &stored[place..]) {
        // What a flush wrote may end a row group within a series.
        let itself = other.id() == segment.id();
        let overlaps = |(from, to): (Nanos, Nanos)| from <= max_time && to >= min_time && range.overlaps(from, to);
        if itself && is_compacted(segment) || !overlaps(other.times()) {
            continue;
        }
        // One that cannot be opened is named when its own turn comes.
        for (index, group) in other.row_groups().unwrap_or_default().into_iter().enumerate() {
            if overlaps((group.min_time, group.max_time)) {
                later.push(Part { segment: Arc::clone(other), index, group });
            }
        }
    }
    later
}

fn is_compacted(segment: &Segment) -> bool {
    segment.entry().level > 0
}

/// What the rows of one row group or chunk are to be compared with.
pub(super) struct Repeats {
    table: Table,
    /// They may be there twice among themselves.
    within: bool,
    groups: Vec<(Arc<Segment>, usize)>,
    memory: Vec<MemoryChunk>,
    /// Rows at other times are nowhere else.
    contested: Option<(Nanos, Nanos)>,
}

impl Repeats {
    /// Of chunk `number` in memory.
    pub(super) fn of_memory(table: Table, memory: &[MemoryChunk], number: usize) -> Self {
        let mut repeats = Repeats { table, within: true, groups: Vec::new(), memory: Vec::new(), contested: None };
        if !key_columns(table).is_empty() {
            let chunk = &memory[number];
            repeats.add_memory(&memory[number + 1..], (chunk.min_time, chunk.max_time));
        }
        repeats
    }

    /// Of the rows of `part`. What was stored later is all of `later` that is not of its own segment and before it, and `memory`.
    pub(super) fn of_part(table: Table, part: &Part, later: &[Part], memory: &[MemoryChunk]) -> Self {
        let within = !is_compacted(&part.segment);
        let mut repeats = Repeats { table, within, groups: Vec::new(), memory: Vec::new(), contested: None };
        if key_columns(table).is_empty() {
            return repeats;
        }
        let times = (part.group.min_time, part.group.max_time);
        for other in later {
            let follows = other.segment.id() != part.segment.id() || other.index > part.index;
            let share_series = match (part.group.series, other.group.series) {
                (Some(one), Some(other)) => one.0 <= other.1 && other.0 <= one.1,
                _ => true,
            };
            if follows && share_series && repeats.contest(times, (other.group.min_time, other.group.max_time)) {
                repeats.groups.push((Arc::clone(&other.segment), other.index));
            }
        }
        repeats.add_memory(memory, times);
        repeats
    }

    fn add_memory(&mut self, later: &[MemoryChunk], times: (Nanos, Nanos)) {
        for chunk in later {
            if self.contest(times, (chunk.min_time, chunk.max_time)) {
                self.memory.push(chunk.clone());
            }
        }
    }

    /// Whether two ranges of time, both ends included, overlap; takes note of where.
    fn contest(&mut self, one: (Nanos, Nanos), other: (Nanos, Nanos)) -> bool {
        let (from, to) = (one.0.max(other.0), one.1.min(other.1));
        if from <= to {
            self.contested = Some(self.contested.map_or((from, to), |it| (it.0.min(from), it.1.max(to))));
        }
        from <= to
    }

    /// The columns to compare.
    pub(super) fn columns(&self) -> &'static [&'static str] {
        if self.within || self.contested.is_some() { key_columns(self.table) } else { &[] }
    }

    /// `rows` without those that are stored again later; `None` when none is left. `ids` are those that the scan keeps.
    pub(super) fn drop_from(&self, rows: RecordBatch, ids: &[IdFilter]) -> Option<RecordBatch> {
        if self.columns().is_empty() {
            return Some(rows);
        }
        let keys = Keys::of(self.table, &rows);
        let n_rows = rows.num_rows();
        let ascending = (1..n_rows).all(|row| keys.get(row - 1) < keys.get(row));
        let mut is_last = vec![true; n_rows];
        let mut contested: HashMap<Key, usize> = HashMap::new();
        for row in 0..n_rows {
            let key = keys.get(row);
            let elsewhere = self.contested.is_some_and(|(from, to)| (from..=to).contains(&key.time));
            if (elsewhere || !ascending)
                && let Some(before) = contested.insert(key, row)
            {
                is_last[before] = false;
            }
        }
        if !contested.is_empty() {
            for (segment, index) in &self.groups {
                self.stored_again(segment, *index, ids, &contested).into_iter().for_each(|row| is_last[row] = false);
            }
            for chunk in &self.memory {
                self.found_in(&chunk.batch, &contested).into_iter().for_each(|row| is_last[row] = false);
            }
        }
        keep(&rows, &BooleanArray::from(is_last))
    }

    /// The rows among `contested` whose keys a row group has.
    fn stored_again(
        &self,
        segment: &Segment,
        index: usize,
        ids: &[IdFilter],
        contested: &HashMap<Key, usize>,
    ) -> Vec<usize> {
        let read = |columns| segment.read(index, &columns, None, ids.to_vec());
        let any = match (self.table, self.contested) {
            (Table::Points, Some((from, to))) => {
                let range = TimeRange::new(from, to.saturating_add(1));
                let mut any = false;
                let push = |series: SeriesId, times: &[Nanos]| {
                    let key = |time: &Nanos| Key { series: series.0, time: *time, content: 0 };
                    let mut inside = times.iter().filter(|time| (from..=to).contains(*time));
                    any = any || inside.any(|time| contested.contains_key(&key(time)));
                };
                let read = segment.moments(&segment.part(index), range, ids.to_vec(), |_, _| true, push);
                read.is_ok() && any
            }
            _ => {
                let rows = read(Some(key_columns(self.table).to_vec())).ok().flatten();
                rows.is_some_and(|rows| !self.found_in(&rows, contested).is_empty())
            }
        };
        if !any {
            return Vec::new();
        }
        // They count if all of them can be read: damage must not take what is there elsewhere.
        let undamaged = || segment.read_undamaged(index, &None, ids.to_vec()).map(|(rows, _)| rows);
        let rows = read(None).unwrap_or_else(|_| undamaged());
        rows.map_or_else(Vec::new, |rows| self.found_in(&rows, contested))
    }

    /// The rows among `contested` whose keys `rows` have.
    fn found_in(&self, rows: &RecordBatch, contested: &HashMap<Key, usize>) -> Vec<usize> {
        let Some((from, to)) = self.contested else { return Vec::new() };
        let (times, keys) = (Times::of(rows, self.table.time_column()), Keys::of(self.table, rows));
        let inside = (0..rows.num_rows()).filter(|row| (from..=to).contains(&times.get(*row)));
        inside.filter_map(|row| contested.get(&keys.get(row)).copied()).collect()
    }
}
