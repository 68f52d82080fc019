//! Log records of a segment: which rows a search leaves, and reading them a piece at a time.
//!
//! Records are sorted by time. So the newest of a row group are its last rows, and when these have been read, the time of the
//! first of them is the bound of the rest.

use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::RecordBatch;
use model::{Nanos, TimeRange};

use super::unit::{Source, Unit};
use super::{Chunks, together};
use crate::chunk::Times;
use crate::error::ReadError;
use crate::segment::Segment;
use crate::snapshot::Order;
use crate::text::{Matches, Search, TextError};

/// Rows whose bodies are decided on at once: what a page of the column holds, since no less is decoded.
const UNDECIDED_ROWS: usize = 4 << 10;

/// Row groups read together at most: what a reader may wait for in vain that has all it wants, or no time left. What was
/// read of each holds its dictionaries.
const MOST_TOGETHER: usize = 128;
/// Row groups looked at for that at most. In most of them the index finds nothing, in microseconds.
const MOST_LOOKED_AT: usize = 512;

/// The size of the first piece for a reader of `first` rows: somewhat more, so that the rest is known to be older.
pub(super) fn first_piece(first: usize) -> usize {
    first.saturating_add(first / 8 + 16)
}

/// A log segment that a query is reading.
pub(crate) struct LogSegment {
    segment: Arc<Segment>,
    words: Vec<String>,
    /// `None` without an index that can be read.
    search: Mutex<Option<Search>>,
}

impl LogSegment {
    /// The records of `segment` whose body holds all `words`.
    pub(crate) fn new(segment: &Arc<Segment>, words: &[String]) -> Self {
        let search = if words.is_empty() { None } else { segment.search(words) };
        LogSegment { segment: Arc::clone(segment), words: words.to_vec(), search: Mutex::new(search) }
    }

    pub(crate) fn segment(&self) -> &Segment {
        &self.segment
    }

    /// The rows of `rows` that the index leaves.
    pub(crate) fn matches(&self, rows: Range<u32>) -> Matches {
        if self.words.is_empty() {
            return Matches::all(rows);
        }
        let found = self.with_index(|search| search.rows(rows.clone()));
        found.unwrap_or_else(|| Matches::unknown(rows))
    }

    /// What the index says; without an index, `None`. The column still has the words: a damaged index costs time, not rows.
    pub(crate) fn with_index<R>(&self, ask: impl FnOnce(&mut Search) -> Result<R, TextError>) -> Option<R> {
        let mut search = self.search.lock().unwrap_or_else(PoisonError::into_inner);
        match ask(search.as_mut()?) {
            Ok(answer) => Some(answer),
            Err(error) => {
                self.segment.unreadable_text(&error);
                *search = None;
                None
            }
        }
    }

    /// The rows of row group `index`, whose rows are `rows`, that are in `range`.
    pub(crate) fn rows_in(&self, index: usize, rows: Range<u32>, range: TimeRange) -> Result<Range<u32>, ReadError> {
        let times = self.segment.times_of(index)?;
        if !times.is_sorted() || times.len() != rows.len() {
            return Ok(rows); // not as it should be: each row is looked at
        }
        let before = |end: Nanos| rows.start + times.partition_point(|time| *time < end) as u32;
        let end = if range.end == Nanos::MAX { rows.end } else { before(range.end) };
        Ok(before(range.start).min(end)..end)
    }

    /// Decides on the rows of row group `index` that the index has left open, by `matches` of their bodies.
    pub(crate) fn decide(
        &self,
        index: usize,
        rows: &mut Matches,
        matches: impl Fn(&str) -> bool,
    ) -> Result<(), ReadError> {
        let open = rows.unsure();
        if open.is_empty() {
            return Ok(());
        }
        let bodies = self.segment.bodies(index, &open)?;
        let mut bodies = bodies.iter();
        rows.decide(|_| bodies.next().flatten().is_some_and(&matches));
        Ok(())
    }
}

/// Rows of a row group to be read at once.
pub(super) struct Piece {
    pub(super) logs: Arc<LogSegment>,
    pub(super) index: usize,
    pub(super) rows: Matches,
    pub(super) columns: Option<Vec<&'static str>>,
    rest: Matches,
    /// Of all rows that are left.
    times: (Nanos, Nanos),
}

impl<T> Chunks<T> {
    /// Reads log records: all that are wanted of a row group or, where the reader wants few, a piece of them. Where that are
    /// fewer than it wants, pieces of the row groups that come next are read too, at the same time.
    pub(super) fn read_logs(&mut self, unit: Unit) {
        let n = self.piece;
        let mut pieces = Vec::new();
        let (mut n_units, mut n_rows) = (0, 0);
        let mut next = Some(unit);
        while let Some(unit) = next {
            n_units += 1;
            match self.piece(unit, n) {
                Ok(Some(piece)) => {
                    n_rows += piece.rows.len();
                    pieces.push(piece);
                }
                Ok(None) => {}
                Err(error) => self.errors.push_back(error),
            }
            let is_enough = n.is_none_or(|n| n_rows >= n) || pieces.len() >= MOST_TOGETHER || n_units >= MOST_LOOKED_AT;
            next = if is_enough { None } else { self.next_logs() };
        }
        self.piece = n.map(|n| n.saturating_mul(2));
        let read = together::read(&pieces, &self.words, &self.ids());
        for (piece, read) in pieces.into_iter().zip(read) {
            match read {
                Ok(batch) => self.take_piece(piece, batch),
                Err(error) => self.errors.push_back(error),
            }
        }
    }

    /// What comes next, if it is log records on disk.
    fn next_logs(&mut self) -> Option<Unit> {
        loop {
            match self.units.peek()?.source {
                Source::Logs { .. } => return self.units.pop(),
                Source::Segment(_) => {
                    let Some(Unit { source: Source::Segment(segment), .. }) = self.units.pop() else { return None };
                    if let Err(error) = self.push_row_groups(&segment) {
                        self.errors.push_back(error);
                    }
                }
                Source::Memory(_) | Source::RowGroup { .. } => return None,
            }
        }
    }

    /// The rows of `unit` to be read next, about `n` of them; `None` when none are wanted.
    fn piece(&self, unit: Unit, n: Option<usize>) -> Result<Option<Piece>, ReadError> {
        let Unit { min_time, max_time, source, .. } = unit;
        let Source::Logs { logs, index, rows } = source else { return Ok(None) };
        let mut rest = match rows {
            Some(rest) => rest,
            None => self.wanted(&logs, index, (min_time, max_time))?,
        };
        let rows = match (n, self.scan.order) {
            (None, _) => rest.take_first(usize::MAX, usize::MAX),
            (Some(n), Order::NewestFirst) => rest.take_last(n, n.max(UNDECIDED_ROWS)),
            (Some(n), Order::OldestFirst) => rest.take_first(n, n.max(UNDECIDED_ROWS)),
        };
        // The times of a piece are the bounds of the rest.
        let columns = self.columns(rest.is_empty() && self.is_inside(min_time, max_time));
        Ok((!rows.is_empty()).then_some(Piece { logs, index, rows, columns, rest, times: (min_time, max_time) }))
    }

    /// Makes what was read of `piece` ready, and leaves the rest of the row group for later.
    fn take_piece(&mut self, piece: Piece, batch: Option<RecordBatch>) {
        let Piece { logs, index, rest, times: (min_time, max_time), .. } = piece;
        let batch = batch.filter(|batch| batch.num_rows() > 0);
        if !rest.is_empty() {
            let (min_time, max_time) = self.bounds_of_rest(batch.as_ref(), min_time, max_time);
            self.push(min_time, max_time, Source::Logs { logs, index, rows: Some(rest) });
        }
        let inside = self.is_inside(min_time, max_time);
        let batch = batch.and_then(|batch| if inside { Some(batch) } else { self.in_range(batch) });
        if let Some(batch) = batch {
            let bound = match self.scan.order {
                Order::NewestFirst => max_time,
                Order::OldestFirst => min_time,
            };
            let batch = self.project(batch);
            self.ready.push_back((bound, batch));
        }
    }

    /// The rows of a row group that may be wanted.
    fn wanted(&self, logs: &LogSegment, index: usize, times: (Nanos, Nanos)) -> Result<Matches, ReadError> {
        let rows = logs.segment.rows_of(index)?;
        let mut wanted = logs.matches(rows.clone());
        if !wanted.is_empty() && !self.is_inside(times.0, times.1) {
            wanted.keep([logs.rows_in(index, rows, self.scan.range)?]);
        }
        Ok(wanted)
    }

    /// The bounds of a row group whose rows up to those of `batch` have been read.
    fn bounds_of_rest(&self, batch: Option<&RecordBatch>, min_time: Nanos, max_time: Nanos) -> (Nanos, Nanos) {
        let Some(batch) = batch else { return (min_time, max_time) };
        let times = Times::of(batch, self.table.time_column());
        let times = (0..batch.num_rows()).map(|row| times.get(row));
        match self.scan.order {
            Order::NewestFirst => (min_time, times.min().map_or(max_time, |time| time.min(max_time))),
            Order::OldestFirst => (times.max().map_or(min_time, |time| time.max(min_time)), max_time),
        }
    }
}
