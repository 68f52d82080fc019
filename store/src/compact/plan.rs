//! Which segments to compact next: a function of what the manifest says and the time, and of nothing else.
//!
//! Segments are compacted with others of their table and window. Small ones are merged with small ones, so that a row is
//! written about twice: by its flush, and by the compaction that makes it part of a large segment. Of points, exemplars and
//! series, the windows of a day that is over are merged once more: a segment has its own description of every series, and a
//! query over a month opens 30 of them, not 360.

use std::collections::BTreeMap;
use std::ops::Range;

use model::Nanos;
use model::time::{DAY, MINUTE};

use crate::flush::WINDOW;
use crate::manifest::SegmentEntry;
use crate::schema::Table;

/// Rows of a window come late; it is taken as closed this long after its end.
const LATENESS: Nanos = 10 * MINUTE;
/// In a window that is not closed, compacted segments are merged with one another when there are this many.
const MANY_COMPACTED: usize = 16;
/// A segment is merged with others that have, together, at least one row to this many of its own. So each merge makes what it
/// takes in larger by a quarter or more, and a row is rewritten a bounded number of times however late others come.
const LARGEST_SHARE: u64 = 4;
/// The most rows in a segment of a day: some twenty seconds of work. Windows with a quarter of it gain little from being merged.
const ROWS_OF_A_DAY: u64 = 64 << 20;

/// How much a job may take in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Flushed segments of a window are compacted when they have this many bytes, few as they may be.
    pub(crate) flushed_bytes: u64,
    /// The most segments that a job over time-sorted tables reads.
    pub(crate) inputs: usize,
    /// The most segments that a job over series-sorted tables reads: it has a row group of each in memory.
    pub(crate) fan_in: usize,
    /// Whether metrics are kept for so long that a day more or less does not matter: segments go as a whole.
    pub(crate) days: bool,
}

/// Segments to be replaced by one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Job {
    pub(crate) table: Table,
    /// In the order in which their rows were stored.
    pub(crate) inputs: Vec<SegmentEntry>,
}

/// What differs between tables.
struct Bounds {
    /// Flushed segments of a window are compacted when there are this many.
    flushed: usize,
    /// A job makes no segment of more rows than this, unless it has one input. A segment with a quarter of it is left alone.
    rows: u64,
    inputs: usize,
}

impl Bounds {
    fn of(table: Table, limits: &Limits) -> Self {
        match table {
            Table::Spans | Table::Logs => Bounds { flushed: 8, rows: 4 << 20, inputs: limits.inputs },
            // The layout of points pays when a series has many in one place, and reading them takes few bytes a row.
            Table::Points | Table::Exemplars | Table::Series => {
                Bounds { flushed: 16, rows: 1 << 31, inputs: limits.fan_in }
            }
        }
    }
}

/// The job to do next among `segments`, or `None`. First the window with the most segments to a query, then closed
/// windows, the oldest first, then the days that are over.
pub(crate) fn next<'a>(segments: impl Iterator<Item = &'a SegmentEntry>, now: Nanos, limits: &Limits) -> Option<Job> {
    let segments: Vec<&SegmentEntry> = segments.collect();
    let job = of_windows(&segments, now, limits);
    let (table, inputs) = if limits.days { job.or_else(|| of_days(&segments, now, limits)) } else { job }?;
    Some(Job { table, inputs: inputs.into_iter().cloned().collect() })
}

type Inputs<'a> = (Table, Vec<&'a SegmentEntry>);

fn of_windows<'a>(segments: &[&'a SegmentEntry], now: Nanos, limits: &Limits) -> Option<Inputs<'a>> {
    let mut best: Option<(usize, Inputs<'_>)> = None;
    // A flush of rows from far apart writes wider segments. They are merged with their like: no output is wider than an input.
    for ((_, last, table), group) in groups(segments, WINDOW) {
        let bounds = Bounds::of(table, limits);
        let job = job_of(&group, is_over(last, WINDOW, now), &bounds, limits);
        let Some((urgency, inputs)) = job else { continue };
        if best.as_ref().is_none_or(|(most, _)| urgency > *most) {
            best = Some((urgency, (table, group[inputs].to_vec())));
        }
    }
    best.map(|(_, inputs)| inputs)
}

/// As [`of_windows`] when that has nothing to do.
fn of_days<'a>(segments: &[&'a SegmentEntry], now: Nanos, limits: &Limits) -> Option<Inputs<'a>> {
    groups(segments, DAY).into_iter().find_map(|((first, last, table), group)| {
        if matches!(table, Table::Spans | Table::Logs) || first != last || !is_over(last, DAY, now) {
            return None;
        }
        let bounds = Bounds { rows: ROWS_OF_A_DAY, ..Bounds::of(table, limits) };
        let fits = |run: &[&SegmentEntry]| run.iter().all(|segment| segment.level > 0) && is_balanced(run);
        best_run(&group, &bounds, &fits).map(|run| (table, group[run].to_vec()))
    })
}

/// The segments of a table whose first and last rows are in the same spans of `width`, in the order of storing. Keys are
/// the numbers of these spans.
fn groups<'a>(segments: &[&'a SegmentEntry], width: Nanos) -> BTreeMap<(Nanos, Nanos, Table), Vec<&'a SegmentEntry>> {
    let mut groups: BTreeMap<_, Vec<&SegmentEntry>> = BTreeMap::new();
    for segment in segments {
        let Some(table) = Table::parse(&segment.table) else { continue };
        let (first, last) = (segment.min_time.div_euclid(width), segment.max_time.div_euclid(width));
        groups.entry((first, last, table)).or_default().push(segment);
    }
    groups.values_mut().for_each(|group| group.sort_by_key(|segment| (segment.stored(), segment.id)));
    groups
}

/// Whether `now` no more rows are to be expected of what ends with span `last` of `width`.
fn is_over(last: i64, width: Nanos, now: Nanos) -> bool {
    last.saturating_add(1).saturating_mul(width).saturating_add(LATENESS) <= now
}

/// What to merge of the segments of a window, which are in the order of storing, and how urgent it is: 0 can wait, more
/// stands for too many segments.
fn job_of(group: &[&SegmentEntry], closed: bool, bounds: &Bounds, limits: &Limits) -> Option<(usize, Range<usize>)> {
    let flushed = || group.iter().filter(|segment| segment.level == 0);
    let n_flushed = flushed().count();
    let bytes = flushed().flat_map(|segment| &segment.files).map(|file| file.bytes).sum::<u64>();
    let many = n_flushed >= bounds.flushed || (n_flushed > 1 && bytes >= limits.flushed_bytes);
    let urgency = if many { n_flushed.div_ceil(bounds.flushed) } else { 0 };
    let runs = |fits: &dyn Fn(&[&SegmentEntry]) -> bool| best_run(group, bounds, fits);
    if closed {
        return runs(&|run| is_balanced(run)).map(|run| (urgency, run));
    }
    if many {
        return runs(&|run| run.iter().all(|segment| segment.level == 0)).map(|run| (urgency, run));
    }
    let compacted = |run: &[&SegmentEntry]| run.iter().all(|segment| segment.level > 0);
    runs(&|run| run.len() >= MANY_COMPACTED.min(bounds.inputs) && compacted(run) && is_even(run)).map(|run| (0, run))
}

/// Whether merging `run` is worth writing its rows again. What was only flushed is to be compacted in any case.
fn is_balanced(run: &[&SegmentEntry]) -> bool {
    let rows: u64 = run.iter().map(|segment| segment.rows).sum();
    let largest = run.iter().filter(|segment| segment.level > 0).map(|segment| segment.rows).max();
    largest.is_none_or(|largest| run.len() > 1 && largest <= (rows - largest).saturating_mul(LARGEST_SHARE))
}

/// Whether no segment of `run` has more than its share, so that what an open window has merged is not merged again with every
/// few that follow.
fn is_even(run: &[&SegmentEntry]) -> bool {
    let rows: u64 = run.iter().map(|segment| segment.rows).sum();
    run.iter().all(|segment| segment.rows.saturating_mul(LARGEST_SHARE) <= rows)
}

/// Of the runs of neighbours that are within `bounds` and `fit`, the one that compacts the most flushed segments, then the
/// longest, then the smallest. Only neighbours are merged: else nobody could tell which of two rows was stored later.
fn best_run(group: &[&SegmentEntry], bounds: &Bounds, fits: &dyn Fn(&[&SegmentEntry]) -> bool) -> Option<Range<usize>> {
    let mut best = None;
    for first in 0..group.len() {
        let (mut rows, mut n_flushed) = (0u64, 0usize);
        for (n, segment) in group[first..].iter().take(bounds.inputs.max(2)).enumerate() {
            rows = rows.saturating_add(segment.rows);
            n_flushed += usize::from(segment.level == 0);
            let is_large = segment.level > 0 && segment.rows >= bounds.rows / 4;
            if is_large || (rows > bounds.rows && n > 0) {
                break;
            }
            let run = first..first + n + 1;
            let useful = n > 0 || n_flushed > 0;
            let score = (n_flushed, run.len(), std::cmp::Reverse(rows), std::cmp::Reverse(first));
            if useful && best.as_ref().is_none_or(|(most, _)| score > *most) && fits(&group[run.clone()]) {
                best = Some((score, run));
            }
        }
    }
    best.map(|(_, run)| run)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { flushed_bytes: 1000, inputs: 64, fan_in: 4, days: true };
    const NONE: [u64; 0] = [];
    const OPEN: Nanos = 0;
    const CLOSED: Nanos = WINDOW + LATENESS;

    fn entry(table: Table, id: u64, level: u8, rows: u64) -> SegmentEntry {
        let file = crate::manifest::FileEntry { path: String::new(), bytes: 10, crc32: 0, tail: None };
        SegmentEntry {
            id,
            table: table.name().to_owned(),
            level,
            layout: "rows".to_owned(),
            newest: 0,
            min_time: 0,
            max_time: 1,
            rows,
            files: vec![file],
        }
    }

    fn ids(segments: &[SegmentEntry], now: Nanos) -> Vec<u64> {
        let job = next(segments.iter(), now, &LIMITS);
        job.map(|job| job.inputs.iter().map(|input| input.id).collect()).unwrap_or_default()
    }

    /// Spans with these levels and rows, numbered from 1.
    fn spans(segments: &[(u8, u64)]) -> Vec<SegmentEntry> {
        let numbered = segments.iter().enumerate();
        numbered.map(|(index, (level, rows))| entry(Table::Spans, index as u64 + 1, *level, *rows)).collect()
    }

    #[test]
    fn merges_what_is_worth_it() {
        const MILLION: u64 = 1 << 20;
        type Case<'a> = (&'a str, &'a [(u8, u64)], Nanos, &'a [u64]);
        let cases: &[Case<'_>] = &[
            ("nothing there", &[], CLOSED, &[]),
            ("seven flushed in an open window wait", &[(0, 9); 7], OPEN, &[]),
            ("eight do not", &[(0, 9); 8], OPEN, &[1, 2, 3, 4, 5, 6, 7, 8]),
            ("one flushed in a closed window", &[(0, 9)], CLOSED, &[1]),
            ("one just before it closes", &[(0, 9)], CLOSED - 1, &[]),
            ("a compacted one is done", &[(1, 9)], CLOSED, &[]),
            ("compacted ones of like size", &[(1, 9), (1, 30)], CLOSED, &[1, 2]),
            ("compacted ones of unlike size stay", &[(1, 9), (1, 37)], CLOSED, &[]),
            ("a small one after large ones holds nobody up", &[(1, 90), (1, 80), (1, 1)], CLOSED, &[1, 2, 3]),
            ("late rows do not rewrite a large segment", &[(1, 900), (0, 1)], CLOSED, &[2]),
            ("but go with a small one", &[(1, 900), (1, 3), (0, 1)], CLOSED, &[2, 3]),
            ("large ones are left alone", &[(1, MILLION), (1, MILLION)], CLOSED, &[]),
            ("output is bounded", &[(0, 2 * MILLION), (0, 2 * MILLION), (0, MILLION)], CLOSED, &[2, 3]),
            ("one input is always allowed", &[(0, 9 * MILLION)], CLOSED, &[1]),
            ("open windows merge compacted ones late", &[(1, 9); 15], OPEN, &[]),
        ];
        for (what, segments, now, expected) in cases {
            assert_eq!(ids(&spans(segments), *now), *expected, "{what}");
        }
        assert_eq!(ids(&spans(&[(1, 9); 16]), OPEN), (1..=16).collect::<Vec<_>>());
    }

    #[test]
    fn many_bytes_count_as_many_segments() {
        let mut segments = spans(&[(0, 9), (0, 9)]);
        assert_eq!(ids(&segments, OPEN), NONE);
        segments[1].files[0].bytes = 1000;
        assert_eq!(ids(&segments, OPEN), [1, 2]);
        assert_eq!(ids(&segments[1..], OPEN), NONE, "one segment is as good as one segment");
    }

    #[test]
    fn the_most_crowded_window_comes_first_then_the_oldest() {
        let mut segments = spans(&[(0, 9), (0, 9)]);
        segments[0].min_time += 5 * WINDOW;
        segments[0].max_time += 5 * WINDOW;
        assert_eq!(ids(&segments, 9 * WINDOW), [2]);
        let crowd = (10..18).map(|id| entry(Table::Logs, id, 0, 9));
        assert_eq!(ids(&segments.into_iter().chain(crowd).collect::<Vec<_>>(), 9 * WINDOW).len(), 8);
    }

    #[test]
    fn wide_segments_and_other_tables_keep_to_themselves() {
        let mut segments = spans(&[(0, 9); 8]);
        segments[3].max_time = 3 * WINDOW;
        segments[5].table = "logs".to_owned();
        assert_eq!(ids(&segments, OPEN), NONE);
        assert_eq!(ids(&segments, CLOSED), [1, 2, 3, 5, 7, 8]);
        assert_eq!(ids(&segments[3..4], 3 * WINDOW + CLOSED - 1), NONE);
        assert_eq!(ids(&segments[3..4], 3 * WINDOW + CLOSED), [4]);
    }

    #[test]
    fn merges_neighbours_in_the_order_of_storing_only() {
        // 20 was made of 1 to 4 while 5 was flushed.
        let mut compacted = entry(Table::Spans, 20, 1, 100);
        compacted.newest = 4;
        let mut late = entry(Table::Spans, 21, 1, 30);
        late.newest = 9;
        let large = entry(Table::Spans, 5, 1, 1 << 20);
        assert_eq!(ids(&[late.clone(), large, compacted.clone()], CLOSED), NONE, "a large one lies between");
        assert_eq!(ids(&[late, compacted], CLOSED), [20, 21]);
    }

    #[test]
    fn a_merge_by_series_reads_few_segments_at_a_time() {
        let segments: Vec<_> = (1..=9).map(|id| entry(Table::Points, id, 1, 10 + id)).collect();
        assert_eq!(ids(&segments, CLOSED), [1, 2, 3, 4]);
    }

    #[test]
    fn windows_of_a_day_that_is_over_are_merged_but_for_large_ones() {
        let of_window = |table, id: u64, window: i64, rows| SegmentEntry {
            min_time: window * WINDOW,
            max_time: (window + 1) * WINDOW - 1,
            ..entry(table, id, 1, rows)
        };
        let points: Vec<_> = (10..14).map(|id| of_window(Table::Points, id, id as i64, 10)).collect();
        let over = DAY + LATENESS;
        assert_eq!(ids(&points, over - 1), NONE);
        assert_eq!(ids(&points, over), [10, 11], "12 and 13 are of the next day");
        assert_eq!(ids(&points, 2 * DAY + LATENESS), [10, 11], "the oldest first");
        assert_eq!(ids(&points[2..], 2 * DAY + LATENESS), [12, 13]);
        let kept_shortly = Limits { days: false, ..LIMITS };
        assert_eq!(next(points.iter(), over, &kept_shortly), None);
        let spans: Vec<_> = (10..12).map(|id| of_window(Table::Spans, id, id as i64, 10)).collect();
        assert_eq!(ids(&spans, over), NONE);
        let mut flushed = points[..2].to_vec();
        flushed[1].level = 0;
        assert_eq!(ids(&flushed, over), [11], "its window comes first");
        let large = of_window(Table::Points, 9, 9, ROWS_OF_A_DAY / 4);
        assert_eq!(ids(&[&points[..2], &[large]].concat(), over), [10, 11]);
        let mut of_a_day = of_window(Table::Points, 12, 0, 1000);
        of_a_day.max_time = DAY - 1;
        let late = of_window(Table::Points, 13, 3, 100);
        assert_eq!(ids(&[of_a_day.clone(), late.clone()], over), NONE);
        let more = of_window(Table::Points, 14, 4, 150);
        assert_eq!(ids(&[of_a_day, late, more], over), [12, 13, 14]);
    }

    #[test]
    fn merging_until_nothing_is_left_to_do_ends_and_writes_each_row_a_few_times() {
        // A window of 1,000 flushes, then a late row a minute.
        let (mut segments, mut next_id, mut written) = (Vec::new(), 1, 0);
        for step in 0..1100 {
            segments.push(entry(Table::Spans, next_id, 0, if step < 1000 { 1000 } else { 1 }));
            next_id += 1;
            let now = if step < 999 { OPEN } else { CLOSED };
            while let Some(job) = next(segments.iter(), now, &LIMITS) {
                let rows = job.inputs.iter().map(|input| input.rows).sum();
                let newest = job.inputs.iter().map(SegmentEntry::stored).max().unwrap_or(0);
                written += rows;
                segments.retain(|it| job.inputs.iter().all(|input| input.id != it.id));
                segments.push(SegmentEntry { newest, ..entry(Table::Spans, next_id, 1, rows) });
                next_id += 1;
            }
        }
        assert!(segments.len() <= 8, "{} segments", segments.len());
        assert!(written < 3_500_000, "{written} rows written");
    }
}
