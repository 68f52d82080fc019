//! Counting log records, by steps of time and by severity, without reading what an index or the bounds of a row group tell.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use arrow::array::RecordBatch;
use model::log::severity_number;
use model::{Nanos, TimeRange};

use crate::chunk::LogChunk;
use crate::error::ReadError;
use crate::scan::LogSegment;
use crate::schema::Table;
use crate::segment::{RowGroup, Segment};
use crate::snapshot::Snapshot;
use crate::text::{HoldsAll, Matches};

/// Counts of the severity numbers 0 (unspecified) to 24, and last of those beyond.
pub type SeverityCounts = [u64; 26];

/// Which log records to count, and how.
pub struct LogCount<'a> {
    pub range: TimeRange,
    /// Tokens that the body holds, as [`crate::text::query_tokens`] gives them.
    pub words: Vec<String>,
    /// Says of a body that holds them whether it matches; `None` when every one does, which an index can tell by itself.
    pub body: Option<&'a dyn Fn(&str) -> bool>,
    /// The step that a time in `range` falls in; a later time never in an earlier one.
    pub step_of: &'a dyn Fn(Nanos) -> usize,
    pub n_steps: usize,
    /// Whether severities are told apart; otherwise all is counted as unspecified. A severity that has no number is that of
    /// its text.
    pub by_severity: bool,
}

/// A count in progress.
pub struct LogCounter<'a> {
    count: LogCount<'a>,
    words: HoldsAll,
    memory: VecDeque<RecordBatch>,
    segments: VecDeque<Arc<Segment>>,
    groups: VecDeque<Group>,
    counts: Vec<SeverityCounts>,
    n_scanned: u64,
}

struct Group {
    logs: Arc<LogSegment>,
    index: usize,
    bounds: RowGroup,
}

/// Rows that fall in one step, and which.
type Run = (Range<u32>, usize);

impl Snapshot {
    /// A count of log records, for the caller to take on step by step.
    pub fn count_logs<'a>(&self, count: LogCount<'a>) -> LogCounter<'a> {
        let overlaps = |(min_time, max_time)| count.range.overlaps(min_time, max_time);
        let memory = self.memory[Table::Logs as usize].iter();
        let segments = self.segments.iter().filter(|segment| segment.table() == Table::Logs);
        LogCounter {
            words: HoldsAll::new(&count.words),
            memory: memory.filter(|it| overlaps((it.min_time, it.max_time))).map(|it| it.batch.clone()).collect(),
            segments: segments.filter(|segment| overlaps(segment.times())).cloned().collect(),
            groups: VecDeque::new(),
            counts: vec![[0; 26]; count.n_steps],
            n_scanned: 0,
            count,
        }
    }
}

impl LogCounter<'_> {
    /// Counts some more: a segment, a row group, or a chunk in memory. `None` when all is counted. What cannot be read comes
    /// out as an error, and the count can go on.
    pub fn step(&mut self) -> Option<Result<(), ReadError>> {
        if let Some(batch) = self.memory.pop_front() {
            self.count_memory(batch);
            return Some(Ok(()));
        }
        if let Some(group) = self.groups.pop_front() {
            return Some(self.count_group(&group));
        }
        let segment = self.segments.pop_front()?;
        Some(self.open(&segment))
    }

    /// By step of time, then by severity.
    pub fn counts(&self) -> &[SeverityCounts] {
        &self.counts
    }

    /// How many records have been looked at, or counted by an index.
    pub fn n_scanned(&self) -> u64 {
        self.n_scanned
    }

    /// The step that all of the times between two, both included, fall in.
    fn only_step(&self, min_time: Nanos, max_time: Nanos) -> Option<usize> {
        if !self.count.range.contains(min_time) || !self.count.range.contains(max_time) {
            return None;
        }
        let step = (self.count.step_of)(min_time);
        ((self.count.step_of)(max_time) == step).then_some(step)
    }

    fn open(&mut self, segment: &Arc<Segment>) -> Result<(), ReadError> {
        let logs = Arc::new(LogSegment::new(segment, &self.count.words));
        let (min_time, max_time) = segment.times();
        if let Some(step) = self.only_step(min_time, max_time)
            && segment.is_countable()
            && let Some(n) = self.count_by_index(&logs, None)
        {
            self.add(step, 0, n);
            return Ok(());
        }
        for (index, bounds) in segment.row_groups()?.into_iter().enumerate() {
            if self.count.range.overlaps(bounds.min_time, bounds.max_time) {
                self.groups.push_back(Group { logs: Arc::clone(&logs), index, bounds });
            }
        }
        Ok(())
    }

    /// The number of matching rows of `rows`, or of all, where no row need be read for it.
    fn count_by_index(&self, logs: &LogSegment, rows: Option<Range<u32>>) -> Option<u64> {
        if self.count.by_severity || self.count.body.is_some() {
            return None;
        }
        let all = u32::try_from(logs.segment().n_rows()).ok()?;
        let rows = rows.unwrap_or(0..all);
        match self.words.is_empty() {
            true => Some(rows.len() as u64),
            false => logs.with_index(|search| search.count(rows)).flatten(),
        }
    }

    fn add(&mut self, step: usize, severity: usize, n: u64) {
        self.n_scanned += n;
        self.counts[step][severity] += n;
    }

    fn count_group(&mut self, group: &Group) -> Result<(), ReadError> {
        let Group { logs, index, bounds } = group;
        logs.segment().check_countable(*index)?;
        let rows = logs.segment().rows_of(*index)?;
        let step = self.only_step(bounds.min_time, bounds.max_time);
        if let Some(step) = step
            && let Some(n) = self.count_by_index(logs, Some(rows.clone()))
        {
            self.add(step, 0, n);
            return Ok(());
        }
        let mut matches = logs.matches(rows.clone());
        if matches.is_empty() {
            return Ok(());
        }
        let runs = match step {
            Some(step) => vec![(rows, step)],
            None => {
                let runs = self.runs(rows.start, &logs.segment().times_of(*index)?);
                matches.keep(runs.iter().map(|(rows, _)| rows.clone()));
                runs
            }
        };
        let n_left = matches.len() as u64;
        if let Some(body) = self.count.body {
            matches.doubt();
            logs.decide(*index, &mut matches, |text| self.words.matches(text) && body(text))?;
        } else {
            logs.decide(*index, &mut matches, |text| self.words.matches(text))?;
        }
        self.n_scanned += n_left - matches.len() as u64;
        if matches.is_empty() {
            return Ok(());
        }
        if !self.count.by_severity {
            for (rows, step) in runs {
                let n = matches.len_in(rows);
                self.add(step, 0, n as u64);
            }
            return Ok(());
        }
        let severities = severities(logs.segment(), *index, &matches)?;
        self.add_runs(&runs, &matches, &severities);
        Ok(())
    }

    /// Counts the rows of `matches`, whose severities are given one after the other.
    fn add_runs(&mut self, runs: &[Run], matches: &Matches, severities: &[u8]) {
        let mut severities = severities.iter();
        for (rows, step) in runs {
            let mut counts = [0; 26];
            for severity in severities.by_ref().take(matches.len_in(rows.clone())) {
                counts[usize::from(*severity)] += 1;
            }
            counts.into_iter().enumerate().for_each(|(severity, n)| self.add(*step, severity, n));
        }
    }

    /// The rows from `first` on whose times are in the range, by step.
    fn runs(&self, first: u32, times: &[Nanos]) -> Vec<Run> {
        let mut runs: Vec<Run> = Vec::new();
        for (row, time) in (first..).zip(times) {
            if !self.count.range.contains(*time) {
                continue;
            }
            let step = (self.count.step_of)(*time);
            match runs.last_mut() {
                Some((rows, last)) if *last == step && rows.end == row => rows.end += 1,
                _ => runs.push((row..row + 1, step)),
            }
        }
        runs
    }

    fn count_memory(&mut self, batch: RecordBatch) {
        let chunk = LogChunk::from(batch);
        for row in 0..chunk.len() {
            let time = chunk.time(row);
            if !self.count.range.contains(time) {
                continue;
            }
            self.n_scanned += 1;
            let body = chunk.body(row);
            if self.words.matches(body) && self.count.body.is_none_or(|matches| matches(body)) {
                let severity = if self.count.by_severity { severity_of(&chunk, row) } else { 0 };
                self.counts[(self.count.step_of)(time)][usize::from(severity)] += 1;
            }
        }
    }
}

/// The place of a record's severity in [`SeverityCounts`].
fn severity_of(chunk: &LogChunk, row: usize) -> u8 {
    let number = match chunk.severity_number(row) {
        0 => severity_number(chunk.row(row).severity_text).unwrap_or(0),
        number => number,
    };
    number.min(25)
}

/// The severities of the rows of `matches`.
fn severities(segment: &Segment, index: usize, matches: &Matches) -> Result<Vec<u8>, ReadError> {
    let read = |columns| -> Result<Option<LogChunk>, ReadError> {
        Ok(segment.read(index, &Some(columns), Some(matches), Vec::new())?.map(LogChunk::from))
    };
    let Some(chunk) = read(vec!["severity_number"])? else { return Ok(Vec::new()) };
    let numbers = |chunk: &LogChunk| (0..chunk.len()).map(|row| severity_of(chunk, row)).collect::<Vec<u8>>();
    if (0..chunk.len()).all(|row| chunk.severity_number(row) > 0) {
        return Ok(numbers(&chunk));
    }
    Ok(read(vec!["severity_number", "severity_text"])?.map_or_else(Vec::new, |chunk| numbers(&chunk)))
}
