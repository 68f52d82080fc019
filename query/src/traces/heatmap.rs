//! The spans that a search finds, counted by when they start and how long they last: what a list of some of them cannot show.

use hashbrown::HashSet;
use model::{Nanos, TimeRange, TraceId};
use store::{Scan, Snapshot, SpanChunk, Table};

use crate::ids::Ids;
use crate::lang::{Plan, SpanFilter};
use crate::steps::Steps;
use crate::{Budget, QueryError, Warnings};

use super::search::plan;
use super::sets::{each_trace, joined, select};
use super::{Language, TraceSearch};

/// Bands to a doubling of the duration, before neighbours are joined.
const BANDS: usize = 2;
/// All durations below have one band: what is faster than a microsecond is the clock's noise.
const SHORTEST: u32 = 10; // 1,024 ns
const ALL_BANDS: usize = BANDS * (63 - SHORTEST as usize) + 1;
/// More bands than these are joined, two and two.
const MAX_BANDS: usize = 40;
/// Without a filter, traces are counted among so many spans: reading an id takes longer than counting a span.
const FEW_SPANS: u64 = 2_000_000;
/// Traces that are told apart; 16 bytes and a little more each.
const MAX_TRACES: usize = 1_000_000;
/// Times of a heatmap, at most.
const MAX_COLUMNS: usize = 400;

/// Spans by time and by duration, on a logarithmic scale.
#[derive(Clone, Debug, Default)]
pub struct Heatmap {
    /// Where each column of time starts, and where the last one ends.
    pub times: Vec<Nanos>,
    /// Where each band of durations starts, and where the last one ends; empty when there are no spans.
    pub durations: Vec<Nanos>,
    /// The cells of the first column, from the shortest duration on, then those of the next.
    pub cells: Vec<Cell>,
    pub n_spans: u64,
    pub n_errors: u64,
    /// How many traces the spans are of; `None` where they were not counted, or not all of them.
    pub n_traces: Option<u64>,
    /// Not all spans of the range were counted.
    pub truncated: bool,
    pub warnings: Vec<String>,
}

/// Spans of about one time and one duration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cell {
    pub n_spans: u32,
    pub n_errors: u32,
}

impl Heatmap {
    pub fn n_columns(&self) -> usize {
        self.times.len().saturating_sub(1)
    }

    pub fn n_bands(&self) -> usize {
        self.durations.len().saturating_sub(1)
    }

    /// The cell of a column and a band.
    pub fn cell(&self, column: usize, band: usize) -> Cell {
        self.cells[column * self.n_bands() + band]
    }
}

/// Counts the spans that `search` finds in `n_columns` equal steps of its range, at most 400. Of a search for single spans those
/// that match; of one for several those that it selects. Order and limit do not matter.
pub fn heatmap(
    snapshot: &Snapshot,
    budget: &Budget,
    search: &TraceSearch,
    n_columns: usize,
) -> Result<Heatmap, QueryError> {
    let plan = plan(search)?;
    let mut counts = Counts::new(search.range, n_columns.clamp(1, MAX_COLUMNS));
    let mut warnings = Warnings::new();
    let single = plan.single().filter(|_| search.language == Language::Search || plan.values.is_empty());
    let (complete, n_traces) = match single {
        Some(filter) => alone(snapshot, budget, filter, search.range, &mut counts, &mut warnings)?,
        None => in_traces(snapshot, budget, &plan, search.range, &mut counts, &mut warnings)?,
    };
    let map = counts.into_heatmap(!complete, warnings.into_texts());
    Ok(Heatmap { n_traces: n_traces.filter(|_| complete), ..map })
}

/// Counts the spans that satisfy `filter`, and their traces where that is cheap. False when not all were read.
fn alone(
    snapshot: &Snapshot,
    budget: &Budget,
    filter: &SpanFilter,
    range: TimeRange,
    counts: &mut Counts,
    warnings: &mut Warnings,
) -> Result<(bool, Option<u64>), QueryError> {
    let all = filter.is_all();
    let mut traces = Traces { are_many: all && snapshot.n_rows(Table::Spans) > FEW_SPANS, ..Traces::default() };
    let mut complete = true;
    let scan = filter.with_hints(Scan::new(range));
    let scan = if traces.are_many { filter.with_durations(scan) } else { filter.with_durations_and_ids(scan) };
    for chunk in snapshot.spans(scan) {
        if budget.is_out_of_time()? {
            warnings.push("the time limit was reached: not all spans were counted");
            return Ok((false, None));
        }
        match chunk {
            Ok(chunk) => {
                let mut bound = filter.bind(&chunk);
                let ids = Ids::of(chunk.batch(), "trace_id");
                for row in (0..chunk.len()).filter(|&row| all || bound.matches(row)) {
                    counts.add_row(&chunk, row);
                    traces.add(|| ids.get(row).map(TraceId));
                }
            }
            Err(error) => {
                complete = false;
                warnings.unreadable(&error);
            }
        }
    }
    Ok((complete, traces.count()))
}

/// Counts the spans that `plan` selects of the traces of the range, and these. False when not all were read.
fn in_traces(
    snapshot: &Snapshot,
    budget: &Budget,
    plan: &Plan,
    range: TimeRange,
    counts: &mut Counts,
    warnings: &mut Warnings,
) -> Result<(bool, Option<u64>), QueryError> {
    let mut n_traces = 0;
    let found = select::candidates(snapshot, budget, plan, range, warnings)?;
    let read = each_trace(snapshot, budget, plan, &found.ids, false, warnings, |trace, sets| {
        n_traces += u64::from(!sets.is_empty());
        let spans = joined(&sets).into_iter().map(|index| trace.span(index as usize));
        spans.filter(|span| range.contains(span.start)).for_each(|span| {
            counts.add(span.start, span.duration, span.is_error());
        });
    })?;
    if !read {
        warnings.push("the time limit was reached: not all spans were counted");
    }
    Ok((read && !found.truncated, Some(n_traces)))
}

/// Distinct traces, until they are too many.
#[derive(Default)]
struct Traces {
    seen: HashSet<TraceId>,
    /// Spans of one trace mostly follow each other.
    last: Option<TraceId>,
    are_many: bool,
}

impl Traces {
    fn add(&mut self, id: impl FnOnce() -> Option<TraceId>) {
        if self.are_many {
            return;
        }
        let id = id();
        if id == self.last {
            return;
        }
        self.last = id;
        self.seen.extend(id);
        if self.seen.len() > MAX_TRACES {
            (self.seen, self.are_many) = (HashSet::new(), true);
        }
    }

    fn count(&self) -> Option<u64> {
        (!self.are_many).then_some(self.seen.len() as u64)
    }
}

struct Counts {
    steps: Steps,
    /// Column by column, with all bands that there may be.
    cells: Vec<Cell>,
}

impl Counts {
    fn new(range: TimeRange, n_columns: usize) -> Self {
        let steps = Steps::new(range, n_columns);
        Counts { steps, cells: vec![Cell::default(); steps.n_steps * ALL_BANDS] }
    }

    fn add_row(&mut self, chunk: &SpanChunk, row: usize) {
        self.add(chunk.start(row), chunk.duration(row), chunk.is_error(row));
    }

    fn add(&mut self, start: Nanos, duration: Nanos, is_error: bool) {
        let cell = &mut self.cells[self.steps.step_of(start) * ALL_BANDS + band_of(duration)];
        cell.n_spans = cell.n_spans.saturating_add(1);
        cell.n_errors = cell.n_errors.saturating_add(is_error.into());
    }

    /// Leaves out bands at both ends that have no span, and joins bands while they are too many.
    fn into_heatmap(self, truncated: bool, warnings: Vec<String>) -> Heatmap {
        let Counts { steps, cells } = self;
        let times = (0..=steps.n_steps).map(|step| steps.start_of(step)).collect();
        let used = |band: &usize| cells.iter().skip(*band).step_by(ALL_BANDS).any(|cell| cell.n_spans > 0);
        let (first, last) = ((0..ALL_BANDS).find(used), (0..ALL_BANDS).rfind(used));
        let (Some(first), Some(last)) = (first, last) else {
            return Heatmap { times, truncated, warnings, ..Heatmap::default() };
        };
        let mut joined = 1;
        while (last - first) / joined + 1 > MAX_BANDS {
            joined *= 2;
        }
        let n_bands = (last - first) / joined + 1;
        let mut out = vec![Cell::default(); steps.n_steps * n_bands];
        let (mut n_spans, mut n_errors) = (0, 0);
        for (column, cells) in cells.chunks_exact(ALL_BANDS).enumerate() {
            for (offset, cell) in cells[first..=last].iter().enumerate() {
                let into = &mut out[column * n_bands + offset / joined];
                into.n_spans = into.n_spans.saturating_add(cell.n_spans);
                into.n_errors = into.n_errors.saturating_add(cell.n_errors);
                n_spans += u64::from(cell.n_spans);
                n_errors += u64::from(cell.n_errors);
            }
        }
        let durations = (0..=n_bands).map(|band| start_of(first + band * joined)).collect();
        Heatmap { times, durations, cells: out, n_spans, n_errors, n_traces: None, truncated, warnings }
    }
}

/// The band of a duration: each doubling is cut into halves of equal width.
fn band_of(duration: Nanos) -> usize {
    let duration = duration.max(0) as u64;
    if duration < 1 << SHORTEST {
        return 0;
    }
    let doubling = duration.ilog2();
    let half = duration >> (doubling - 1) & 1;
    1 + BANDS * (doubling - SHORTEST) as usize + half as usize
}

/// The shortest duration of a band.
fn start_of(band: usize) -> Nanos {
    let Some(band) = band.checked_sub(1) else { return 0 };
    let (doubling, half) = (SHORTEST as usize + band / BANDS, (band % BANDS) as u64);
    let start = (1u64 << doubling.min(62)).saturating_add(half << (doubling.min(62) - 1));
    if doubling > 62 { Nanos::MAX } else { start as Nanos }
}

#[cfg(test)]
mod tests {
    use model::{SpanKind, Value};

    use super::*;
    use crate::testing::{TestSpan, TestStore};

    #[test]
    fn bands_tile_all_durations() {
        let mut last = 0;
        for shift in 0..63 {
            for duration in [(1i64 << shift) - 1, 1 << shift, (1 << shift) + (1 << shift) / 2] {
                let band = band_of(duration);
                assert!(band >= last && band < ALL_BANDS, "{duration}");
                assert!(start_of(band) <= duration && duration < start_of(band + 1), "{duration}: {band}");
                last = band;
            }
        }
        assert_eq!((band_of(-5), band_of(Nanos::MAX)), (0, ALL_BANDS - 1));
    }

    fn store() -> TestStore {
        let spans: Vec<TestSpan> = (0..300)
            .map(|n: i64| {
                let span = TestSpan::new(1 + n as u128 / 3, n as u64 + 1, n * 1_000)
                    .of("shop", "work", SpanKind::Server)
                    .lasting(if n % 3 == 0 { 3_000_000 } else { 5_000 })
                    .attr("n", Value::Int(n));
                let span = if n % 3 == 0 { span } else { span.below((n / 3 * 3 + 1) as u64) };
                if n % 30 == 0 { span.failed("no") } else { span }
            })
            .collect();
        TestStore::in_thirds(&spans, TestStore::add_spans)
    }

    fn ask(store: &TestStore, search: &TraceSearch) -> Heatmap {
        heatmap(&store.snapshot(), &Budget::unlimited(), search, 10).unwrap()
    }

    #[test]
    fn counts_every_matching_span_once() {
        let store = store();
        let range = TimeRange::new(0, 300_000);
        let all = ask(&store, &TraceSearch::new(range));
        assert_eq!((all.n_spans, all.n_errors, all.truncated, all.n_columns()), (300, 10, false, 10));
        assert_eq!((all.times[0], all.times[10]), (0, 300_000));
        assert!(all.durations[0] <= 5_000 && all.durations[all.n_bands()] > 3_000_000, "{:?}", all.durations);
        for column in 0..10 {
            let cells: Vec<Cell> = (0..all.n_bands()).map(|band| all.cell(column, band)).collect();
            assert_eq!(cells[0], Cell { n_spans: 20, n_errors: 0 });
            assert_eq!(cells[all.n_bands() - 1], Cell { n_spans: 10, n_errors: 1 });
            assert!(cells[1..all.n_bands() - 1].iter().all(|cell| *cell == Cell::default()));
        }
        assert_eq!(all.n_traces, Some(100));
        let counts = |query: &str, language| {
            let found = ask(&store, &TraceSearch { query: query.to_owned(), language, ..TraceSearch::new(range) });
            (found.n_spans, found.n_errors, found.n_traces.unwrap())
        };
        for (query, language, expected) in [
            ("n < 30 duration > 1ms", Language::Search, (10, 1, 10)),
            ("nobody = 1", Language::Search, (0, 0, 0)),
            ("{ status = error } child of { n > 0 }", Language::Search, (0, 0, 0)),
            ("{ n > 0 } child of { status = error }", Language::Search, (20, 0, 10)),
            ("{ span.n < 30 }", Language::TraceQl, (30, 1, 10)),
            ("{ status = error } > { duration < 1ms }", Language::TraceQl, (20, 0, 10)),
        ] {
            assert_eq!(counts(query, language), expected, "{query}");
        }
        let half = ask(&store, &TraceSearch::new(TimeRange::new(150_000, 300_000)));
        assert_eq!(half.n_spans, 150);
    }

    #[test]
    fn of_no_spans_there_are_no_bands() {
        let none = ask(&TestStore::new(), &TraceSearch::new(TimeRange::new(0, 10)));
        assert_eq!((none.n_spans, none.n_bands(), none.n_columns()), (0, 0, 10));
    }

    #[test]
    fn durations_of_all_sizes_share_few_bands() {
        let spans: Vec<TestSpan> = (0..60).map(|n| TestSpan::new(1, n + 1, n as i64).lasting(1 << n)).collect();
        let all = ask(&TestStore::of_spans(&spans), &TraceSearch::new(TimeRange::new(0, 60)));
        assert!(all.n_bands() <= MAX_BANDS, "{}", all.n_bands());
        assert_eq!(all.cells.iter().map(|cell| cell.n_spans).sum::<u32>(), 60);
        assert!(all.durations.is_sorted());
    }
}
