//! How many log records there are, by time and severity.

use model::log::severity_number;
use model::{LogRecord, Nanos, TimeRange};
use store::{LogChunk, LogCount, Snapshot};

use crate::lang::CountableLogs;
use crate::steps::Steps;
use crate::{Budget, QueryError, Warnings};

use super::LogSearch;
use super::search::Plan;

/// The range of a severity number (logs data model, "Displaying Severity").
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SeverityClass {
    Unspecified,
    Trace,
    Debug,
    Info,
    Warn,
    Error,
    Fatal,
}

impl SeverityClass {
    pub const ALL: [SeverityClass; 7] = [
        SeverityClass::Unspecified,
        SeverityClass::Trace,
        SeverityClass::Debug,
        SeverityClass::Info,
        SeverityClass::Warn,
        SeverityClass::Error,
        SeverityClass::Fatal,
    ];

    /// The class of a severity number; 0 and numbers above 24 are unspecified.
    pub fn of_number(number: u8) -> Self {
        match number {
            1..=24 => SeverityClass::ALL[usize::from(number).div_ceil(4)],
            _ => SeverityClass::Unspecified,
        }
    }

    /// The class of a record: of its number, or of its text when it has no number.
    pub fn of(record: &LogRecord<'_>) -> Self {
        SeverityClass::of_number(effective_number(record.severity_number, record.severity_text))
    }

    /// `unspecified`, `trace`, … in lower case.
    pub fn name(self) -> &'static str {
        match self {
            SeverityClass::Unspecified => "unspecified",
            SeverityClass::Trace => "trace",
            SeverityClass::Debug => "debug",
            SeverityClass::Info => "info",
            SeverityClass::Warn => "warn",
            SeverityClass::Error => "error",
            SeverityClass::Fatal => "fatal",
        }
    }
}

/// The number, or what the text stands for when there is none.
pub(crate) fn effective_number(number: u8, text: &str) -> u8 {
    if number == 0 { severity_number(text).unwrap_or(0) } else { number }
}

/// Numbers above this count as one.
const MAX_NUMBER: u8 = 25;

/// Counts of the records that match a search, in equal steps of its range.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogHistogram {
    /// Oldest first.
    pub buckets: Vec<LogBucket>,
    /// Nanoseconds; the last bucket may end after the range.
    pub width: Nanos,
    /// The number of matching records; at least that many when `truncated`.
    pub n_total: u64,
    pub n_scanned: u64,
    /// Whether the time limit came before the end.
    pub truncated: bool,
    pub warnings: Vec<String>,
}

/// One step of a [`LogHistogram`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LogBucket {
    pub start: Nanos,
    /// By [`SeverityClass`], in the order of [`SeverityClass::ALL`].
    pub counts: [u64; 7],
}

impl LogBucket {
    pub fn count(&self, class: SeverityClass) -> u64 {
        self.counts[class as usize]
    }

    pub fn n_total(&self) -> u64 {
        self.counts.iter().sum()
    }
}

/// Counts all records that match `search`, whatever its limit, in `n_buckets` steps.
///
/// A search over all time is counted over the time that has records. Unless `by_severity`, severities may be left out: all
/// count as unspecified, and words are counted by the text index alone.
pub fn histogram(
    snapshot: &Snapshot,
    budget: &Budget,
    search: &LogSearch,
    n_buckets: usize,
    by_severity: bool,
) -> Result<LogHistogram, QueryError> {
    let plan = Plan::new(search)?;
    let steps = Steps::new(within_extent(snapshot, search.range), n_buckets);
    let starts = (0..steps.n_steps).map(|step| LogBucket { start: steps.start_of(step), counts: [0; 7] });
    let mut found = LogHistogram { buckets: starts.collect(), width: steps.width, ..LogHistogram::default() };
    let mut warnings = Warnings::new();
    match plan.filter.as_countable() {
        Some(countable) => {
            let by_severity = by_severity || !(0..=MAX_NUMBER).all(|number| countable.takes_severity(number));
            count(snapshot, budget, &countable, &steps, by_severity, &mut found, &mut warnings)?;
        }
        None => read(snapshot, budget, &plan, &steps, &mut found, &mut warnings)?,
    }
    found.n_total = found.buckets.iter().map(LogBucket::n_total).sum();
    found.warnings = warnings.into_texts();
    Ok(found)
}

/// Whether the time is up; if so, the histogram is said to be incomplete.
fn is_late(budget: &Budget, found: &mut LogHistogram, warnings: &mut Warnings) -> Result<bool, QueryError> {
    found.truncated = budget.is_out_of_time()?;
    if found.truncated {
        warnings.push("the time limit was reached: not all records of the range are counted");
    }
    Ok(found.truncated)
}

/// Counts by words and severities, for which few records are read or none.
fn count(
    snapshot: &Snapshot,
    budget: &Budget,
    countable: &CountableLogs<'_>,
    steps: &Steps,
    by_severity: bool,
    found: &mut LogHistogram,
    warnings: &mut Warnings,
) -> Result<(), QueryError> {
    let matches = |body: &str| countable.matches_body(body);
    let step_of = |time| steps.step_of(time);
    let mut counter = snapshot.count_logs(LogCount {
        range: steps.range,
        words: countable.words().to_vec(),
        body: if countable.is_decided_by_words() { None } else { Some(&matches) },
        step_of: &step_of,
        n_steps: steps.n_steps,
        by_severity,
    });
    while !is_late(budget, found, warnings)? {
        match counter.step() {
            Some(Ok(())) => {}
            Some(Err(error)) => warnings.unreadable(&error),
            None => break,
        }
    }
    found.n_scanned = counter.n_scanned();
    for (bucket, counts) in found.buckets.iter_mut().zip(counter.counts()) {
        let taken = |number: &u8| !by_severity || countable.takes_severity(*number);
        for (number, n) in (0u8..).zip(counts).filter(|(number, _)| taken(number)) {
            bucket.counts[SeverityClass::of_number(number) as usize] += n;
        }
    }
    Ok(())
}

/// Counts by looking at the records.
fn read(
    snapshot: &Snapshot,
    budget: &Budget,
    plan: &Plan,
    steps: &Steps,
    found: &mut LogHistogram,
    warnings: &mut Warnings,
) -> Result<(), QueryError> {
    let mut chunks = snapshot.logs(plan.counting_scan(steps.range));
    while !is_late(budget, found, warnings)? {
        let chunk: LogChunk = match chunks.next() {
            Some(Ok(chunk)) => chunk,
            Some(Err(error)) => {
                warnings.unreadable(&error);
                continue;
            }
            None => break,
        };
        found.n_scanned += chunk.len() as u64;
        let mut bound = plan.filter.bind(&chunk);
        for row in 0..chunk.len() {
            if bound.matches(row) {
                let class = match chunk.severity_number(row) {
                    0 => SeverityClass::of(&chunk.row(row)),
                    number => SeverityClass::of_number(number),
                };
                found.buckets[steps.step_of(chunk.time(row))].counts[class as usize] += 1;
            }
        }
    }
    Ok(())
}

/// `range` as far as there are records, when it has no ends of its own.
fn within_extent(snapshot: &Snapshot, range: TimeRange) -> TimeRange {
    let Some((oldest, newest)) = snapshot.extent(store::Table::Logs) else { return range };
    TimeRange {
        start: if range.start == TimeRange::ALL.start { oldest } else { range.start },
        end: if range.end == TimeRange::ALL.end { newest.saturating_add(1) } else { range.end },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn severity_classes_are_ranges_of_four() {
        let classes: Vec<&str> =
            [0, 1, 4, 5, 9, 12, 13, 16, 17, 20, 21, 24, 25, 255].map(|it| SeverityClass::of_number(it).name()).into();
        assert_eq!(
            classes.join(" "),
            "unspecified trace trace debug info info warn warn error error fatal fatal unspecified unspecified"
        );
        assert_eq!(effective_number(0, "Warning"), 13);
    }
}
