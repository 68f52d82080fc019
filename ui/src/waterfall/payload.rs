//! The waterfall as bytes: typed columns that the browser reads in place, without an object per span.
//!
//! The eight bytes `haechi` and two blanks, the length of the header as an unsigned 64-bit number, the header as JSON, and
//! the columns in its order. All numbers are little-endian; header and columns are filled up to a multiple of 8 bytes.
//! Times are nanoseconds after the start of the trace.

use hashbrown::HashMap;
use model::{SpanId, TraceId};
use query::logs::{LogRow, SeverityClass};
use serde::Serialize;

use super::folds::repeated_statement;
use super::{Kind, Row, Scale, Waterfall};
use crate::app::App;
use crate::critical_path::critical_path;
use crate::format::clip;
use crate::parts::written_out;

/// Marks of log records on the bars, and of exceptions.
pub(crate) const MAX_MARKS: usize = 2_000;
/// Links within the trace that are drawn.
const MAX_LINKS: usize = 5_000;
/// Longest text sent of a name or a statement, and of each after [`MANY_TEXTS`] bytes of them.
const MAX_TEXT: usize = 200;
const SHORT_TEXT: usize = 40;
const MANY_TEXTS: usize = 4 << 20;

/// Flags of a row.
const IS_ERROR: u8 = 1;
const SHARED_ID: u8 = 2;
const CYCLE: u8 = 4;
const HAS_LINKS: u8 = 8;
const IS_LINKED: u8 = 16;

/// What a mark on a bar says: log records below a warning, warnings, errors and worse; exceptions, be they events or log
/// records.
const INFO: u8 = 0;
const WARN: u8 = 1;
const ERROR: u8 = 2;
const EXCEPTION: u8 = 3;

#[derive(Serialize)]
struct Header<'a> {
    trace_id: String,
    /// Nanoseconds since the epoch; as text, since it is more than a double holds.
    start: String,
    duration: i64,
    services: Vec<Service>,
    /// Names of spans, and statements.
    texts: Vec<String>,
    /// Long stretches in which nothing ran, and as how long each is drawn.
    gaps: Vec<[i64; 2]>,
    gap_length: f64,
    /// Whether there are more marks, or links, than sent.
    is_cut: bool,
    columns: &'a [(&'static str, &'static str, usize)],
}

#[derive(Serialize)]
struct Service {
    name: String,
    slot: usize,
}

/// The columns as they are written.
#[derive(Default)]
struct Columns {
    list: Vec<(&'static str, &'static str, usize)>,
    bytes: Vec<u8>,
}

impl Columns {
    fn push<const N: usize>(&mut self, name: &'static str, of: &'static str, values: impl Iterator<Item = [u8; N]>) {
        let begin = self.bytes.len();
        values.for_each(|value| self.bytes.extend_from_slice(&value));
        self.list.push((name, of, (self.bytes.len() - begin) / N));
        self.bytes.resize(self.bytes.len().next_multiple_of(8), 0);
    }

    fn u8(&mut self, name: &'static str, values: impl Iterator<Item = u8>) {
        self.push(name, "u8", values.map(u8::to_le_bytes));
    }

    fn u32(&mut self, name: &'static str, values: impl Iterator<Item = usize>) {
        self.push(name, "u32", values.map(|value| (value as u32).to_le_bytes()));
    }

    /// Doubles hold every nanosecond of 104 days.
    fn f64(&mut self, name: &'static str, values: impl Iterator<Item = i64>) {
        self.push(name, "f64", values.map(|value| (value as f64).to_le_bytes()));
    }
}

/// The texts of a header.
struct Texts {
    list: Vec<String>,
    n_bytes: usize,
}

impl Texts {
    fn push(&mut self, text: &str) -> usize {
        let limit = if self.n_bytes < MANY_TEXTS { MAX_TEXT } else { SHORT_TEXT };
        let text = written_out(&clip(text, limit));
        self.n_bytes += text.len();
        self.list.push(text);
        self.list.len() - 1
    }
}

/// A log record or an exception on the bar of a span.
struct Mark {
    row: usize,
    offset: i64,
    level: u8,
}

/// The payload of `waterfall` with marks for `logs`.
pub(crate) fn payload(app: &App, waterfall: &Waterfall<'_>, logs: &[LogRow]) -> Vec<u8> {
    let Waterfall { trace, rows, .. } = waterfall;
    let mut texts = Texts { list: Vec::with_capacity(trace.names.len()), n_bytes: 0 };
    trace.names.iter().for_each(|name| {
        texts.push(name);
    });
    let mut columns = Columns::default();
    let span_of = |row: &Row| &trace.spans[row.span];
    columns.u8("kind", rows.iter().map(|row| row.kind as u8));
    // How many rows above the parent is; 0 for none.
    columns.u32("up", rows.iter().enumerate().map(|(index, row)| row.parent.map_or(0, |parent| index - parent)));
    columns.push("id", "u8", rows.iter().flat_map(|row| id(waterfall, row).0.map(|byte| [byte])));
    columns.f64("offset", rows.iter().map(|row| row.start.saturating_sub(trace.start)));
    columns.f64("length", rows.iter().map(|row| row.end.saturating_sub(row.start)));
    columns.u32("service", rows.iter().map(|row| span_of(row).service));
    columns.u32("name", rows.iter().map(|row| span_of(row).name));
    columns.u8("spanKind", rows.iter().map(|row| span_of(row).kind as u8));
    let linking: Vec<usize> = (0..trace.spans.len()).filter(|&span| !trace.links(span).as_bytes().is_empty()).collect();
    let (links, linked, links_cut) = links(waterfall, &linking);
    columns.u8("flags", flags(waterfall, &linking, &linked).into_iter());

    let skewed = || rows.iter().enumerate().filter(|(_, row)| row.kind == Kind::Span && span_of(row).before_parent > 0);
    columns.u32("skewRow", skewed().map(|(index, _)| index));
    columns.f64("skewBy", skewed().map(|(_, row)| span_of(row).before_parent));
    columns.u32("linkFrom", links.iter().map(|link| link.0));
    columns.u32("linkTo", links.iter().map(|link| link.1));
    let (out, out_cut) = links_out(waterfall, &linking);
    columns.u32("outRow", out.iter().map(|(row, ..)| *row));
    columns.push("outTrace", "u8", out.iter().flat_map(|(_, trace, _)| trace.0.map(|byte| [byte])));
    columns.push("outSpan", "u8", out.iter().flat_map(|(.., span)| span.0.map(|byte| [byte])));

    let path = critical_path(trace);
    columns.u32("pathRow", path.iter().map(|part| waterfall.row_of[part.span]));
    columns.f64("pathOffset", path.iter().map(|part| part.start.saturating_sub(trace.start)));
    columns.f64("pathLength", path.iter().map(|part| part.end.saturating_sub(part.start)));

    let (marks, marks_cut) = marks(waterfall, logs);
    columns.u32("markRow", marks.iter().map(|mark| mark.row));
    columns.f64("markOffset", marks.iter().map(|mark| mark.offset));
    columns.u8("markLevel", marks.iter().map(|mark| mark.level));

    let repeated = repeated(waterfall);
    columns.u32("repeatRow", repeated.iter().map(|(row, _)| *row));
    columns
        .u32("repeatText", repeated.iter().map(|(_, statement)| texts.push(statement)).collect::<Vec<_>>().into_iter());

    let scale = Scale::new(trace);
    let header = Header {
        trace_id: trace.trace_id.to_string(),
        start: trace.start.to_string(),
        duration: trace.duration(),
        services: (trace.services.iter())
            .map(|it| Service { name: written_out(&clip(&it.service, MAX_TEXT)), slot: app.slot(&it.service) })
            .collect(),
        texts: texts.list,
        gaps: scale.gaps.iter().map(|gap| [gap.start, gap.end]).collect(),
        gap_length: scale.gap_length,
        is_cut: links_cut || out_cut || marks_cut,
        columns: &columns.list,
    };
    let mut json = serde_json::to_vec(&header).expect("texts and numbers can be written as JSON");
    json.resize(json.len().next_multiple_of(8), b' ');
    let mut bytes = Vec::with_capacity(16 + json.len() + columns.bytes.len());
    bytes.extend_from_slice(b"haechi  ");
    bytes.extend_from_slice(&(json.len() as u64).to_le_bytes());
    bytes.append(&mut json);
    bytes.append(&mut columns.bytes);
    bytes
}

/// The id of the span of `row`; of a missing parent its own.
fn id(waterfall: &Waterfall<'_>, row: &Row) -> SpanId {
    let span_id = waterfall.trace.spans[row.span].span_id;
    match row.kind {
        Kind::Missing => waterfall.trace.parent_span_id(row.span).unwrap_or(span_id),
        _ => span_id,
    }
}

fn flags(waterfall: &Waterfall<'_>, linking: &[usize], linked: &[usize]) -> Vec<u8> {
    let Waterfall { trace, rows, row_of, .. } = waterfall;
    let of_row = |row: &Row| {
        let span = &trace.spans[row.span];
        u8::from(span.is_error) * IS_ERROR + u8::from(span.shared_id) * SHARED_ID + u8::from(span.cycle) * CYCLE
    };
    let mut flags: Vec<u8> = rows.iter().map(|row| if row.kind == Kind::Span { of_row(row) } else { 0 }).collect();
    linking.iter().for_each(|&span| flags[row_of[span]] |= HAS_LINKS);
    linked.iter().for_each(|&row| flags[row] |= IS_LINKED);
    flags
}

/// The links from a span of the trace to another of it as rows, the rows that are linked to, and whether some are left out.
fn links(waterfall: &Waterfall<'_>, linking: &[usize]) -> (Vec<(usize, usize)>, Vec<usize>, bool) {
    let Waterfall { trace, row_of, .. } = waterfall;
    let links = linking.iter().flat_map(|&from| trace.links(from).iter().map(move |link| (from, link)));
    let mut here = links.filter(|(_, link)| link.trace_id == Some(trace.trace_id));
    let found: Vec<(usize, SpanId)> =
        here.by_ref().take(MAX_LINKS).filter_map(|(from, link)| Some((from, link.span_id?))).collect();
    let index_of = index_of(waterfall, !found.is_empty());
    let links = found.into_iter().filter_map(|(from, to)| Some((row_of[from], row_of[*index_of.get(&to)?])));
    let links: Vec<(usize, usize)> = links.collect();
    let linked = links.iter().map(|(_, to)| *to).collect();
    (links, linked, here.next().is_some())
}

/// The links from a span to one of another trace, with its row, and whether some are left out.
fn links_out(waterfall: &Waterfall<'_>, linking: &[usize]) -> (Vec<(usize, TraceId, SpanId)>, bool) {
    let Waterfall { trace, row_of, .. } = waterfall;
    let links = linking.iter().flat_map(|&from| trace.links(from).iter().map(move |link| (from, link)));
    let out = links.filter_map(|(from, link)| Some((row_of[from], link.trace_id?, link.span_id?)));
    let mut out = out.filter(|(_, other, _)| *other != trace.trace_id);
    (out.by_ref().take(MAX_LINKS).collect(), out.next().is_some())
}

/// The spans by id, the first of those that share one. Nothing unless `wanted`.
fn index_of(waterfall: &Waterfall<'_>, wanted: bool) -> HashMap<SpanId, usize> {
    let spans = if wanted { waterfall.trace.spans.as_slice() } else { &[] };
    // From the last to the first, so that the first stays.
    spans.iter().enumerate().rev().map(|(index, span)| (span.span_id, index)).collect()
}

fn marks(waterfall: &Waterfall<'_>, logs: &[LogRow]) -> (Vec<Mark>, bool) {
    let Waterfall { trace, row_of, .. } = waterfall;
    let index_of = index_of(waterfall, !logs.is_empty());
    let of_logs = logs.iter().take(MAX_MARKS).filter_map(|log| {
        let level = match SeverityClass::of(&log.record()) {
            _ if log.attrs().get("exception.type").is_some() => EXCEPTION,
            SeverityClass::Error | SeverityClass::Fatal => ERROR,
            SeverityClass::Warn => WARN,
            _ => INFO,
        };
        let span = *index_of.get(&log.span_id?)?;
        Some(Mark { row: row_of[span], offset: log.time.saturating_sub(trace.start), level })
    });
    let mut marks: Vec<Mark> = of_logs.collect();
    let exceptions = (0..trace.spans.len()).flat_map(|index| {
        let exceptions = trace.events(index).iter().filter(|event| event.name == "exception");
        exceptions.map(move |event| (index, event.time))
    });
    let mut exceptions = exceptions.map(|(index, time)| Mark {
        row: row_of[index],
        offset: time.saturating_sub(trace.start),
        level: EXCEPTION,
    });
    marks.extend(exceptions.by_ref().take(MAX_MARKS));
    (marks, logs.len() > MAX_MARKS || exceptions.next().is_some())
}

/// The folds of database calls that mostly waited for each other, by row, with their statement.
fn repeated<'a>(waterfall: &'a Waterfall<'_>) -> Vec<(usize, &'a str)> {
    let folds = waterfall.folds.iter();
    folds.filter_map(|(row, members)| Some((*row, repeated_statement(waterfall.trace, members)?))).collect()
}
