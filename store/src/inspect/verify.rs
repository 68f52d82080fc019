//! Checks a data directory: every checksum, and everything that one file says of another.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};

use super::Directory;
use crate::error::{OpenError, words_on};
use crate::manifest::SegmentEntry;
use crate::schema::Table;
use crate::segment::Segment;
use crate::summary::{SUFFIX, Wanted};

mod files;
mod log;
mod rows;
mod text;
mod unnamed;

/// Something that is wrong, or at least not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub path: PathBuf,
    /// Where in the file, and what.
    pub message: String,
}

/// What a check found.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Damage: rows, or means to find them, are lost or cannot be trusted.
    pub findings: Vec<Finding>,
    /// Harmless: left-overs, copies of what was damaged before, files of nobody.
    pub notes: Vec<Finding>,
    pub segments: usize,
    pub files: usize,
    pub bytes: u64,
    pub rows: u64,
    /// Distinct series.
    pub series: usize,
    pub log_files: usize,
    pub log_records: u64,
}

impl Report {
    fn wrong(&mut self, path: impl Into<PathBuf>, message: impl ToString) {
        let path = path.into();
        let message = words_on(&path, message);
        self.findings.push(Finding { path, message });
    }

    fn note(&mut self, path: impl Into<PathBuf>, message: impl ToString) {
        self.notes.push(Finding { path: path.into(), message: message.to_string() });
    }
}

/// Series that rows mention, and those that the table of series describes.
#[derive(Default)]
struct SeriesIds {
    described: HashSet<[u8; 16]>,
    /// With the file that mentioned it first.
    mentioned: HashMap<[u8; 16], PathBuf>,
}

impl SeriesIds {
    /// Every series that rows mention is described. Of a file, one of those that are not stands for all.
    fn check(self, report: &mut Report) {
        let missing = self.mentioned.into_iter().filter(|(id, _)| !self.described.contains(id));
        let mut by_file: BTreeMap<PathBuf, (u128, usize)> = BTreeMap::new();
        for (id, path) in missing {
            let (first, n) = by_file.entry(path).or_insert((u128::MAX, 0));
            *first = u128::from_be_bytes(id).min(*first);
            *n += 1;
        }
        for (path, (id, n)) in by_file {
            let series = if n == 1 { "a series".to_owned() } else { format!("{n} series") };
            report.wrong(path, format!("has rows of {series} that no segment describes, such as {id:032x}"));
        }
    }
}

/// Reads all of the data directory `dir` and checks it; `deep` looks every word of every log body up in its index, where
/// else some words stand for all. Takes no lock and changes nothing, so it may run beside a box that uses the directory:
/// what the box removes meanwhile is left out.
///
/// Segments that a damaged manifest does not name any more are checked by what their files say of themselves.
///
/// # Errors
/// When `dir` is no data directory, or of a newer format.
pub fn verify(dir: &Path, deep: bool) -> Result<Report, OpenError> {
    let directory = Directory::open(dir)?;
    let mut report = Report::default();
    directory.damage.iter().for_each(|it| report.wrong(&it.path, &it.message));
    let mut series = SeriesIds::default();
    for entry in directory.state.segments.values() {
        let before = report.findings.len();
        segment(&directory, entry, Some(entry.rows), deep, &mut series, &mut report);
        if report.findings.len() > before && !directory.still_has(entry.id) {
            report.findings.truncate(before);
        }
    }
    if !directory.whole {
        unnamed::check(&directory, deep, &mut series, &mut report);
    }
    report.series = series.described.len();
    series.check(&mut report);
    log::check(&directory, &mut report);
    files::left_overs(&directory, &mut report);
    Ok(report)
}

/// Checks the segment of `entry`, which has `rows` rows if that is known.
fn segment(
    directory: &Directory,
    entry: &SegmentEntry,
    rows: Option<u64>,
    deep: bool,
    series: &mut SeriesIds,
    report: &mut Report,
) {
    report.segments += 1;
    let before = report.findings.len();
    let wrong: Vec<_> = entry.files.iter().filter_map(|file| files::check(&directory.dir, file, report)).collect();
    let segment = match directory.segment(entry) {
        Ok((segment, None)) => segment,
        Ok((segment, Some(error))) => {
            let bloom = entry.file(".bloom").map_or("segments", |file| &file.path);
            report.wrong(directory.dir.join(bloom), error);
            segment
        }
        Err(error) => {
            report.wrong(directory.dir.join("manifest"), format!("segment {}: {error}", entry.id));
            return;
        }
    };
    rows::check(&segment, rows, series, report);
    // What was restored, or is read in another way.
    for place in segment.damage().stats().places.into_iter().rev() {
        let is_told = |it: &Finding| it.path == place.path && it.message.starts_with(&place.message);
        if !report.findings[before..].iter().any(is_told) {
            report.wrong(place.path, place.message);
        }
    }
    // Nothing more exact is known of these.
    let found: HashMap<PathBuf, String> =
        report.findings[before..].iter().map(|it| (it.path.clone(), it.message.clone())).collect();
    let is_told = |it: &Finding| found.get(&it.path).is_some_and(|told| it.path.exists() || told.contains(&it.message));
    wrong.into_iter().filter(|it| !is_told(it)).for_each(|it| report.findings.push(it));
    match segment.table() {
        Table::Logs => text::check(&segment, deep, report),
        Table::Spans => summary(&segment, report),
        _ => {}
    }
}

/// Checks that the summary of a segment of spans can be decoded and counts every row.
fn summary(segment: &Segment, report: &mut Report) {
    let path = segment.path().with_extension(SUFFIX);
    let summary = match segment.written_summary() {
        // Of an earlier version.
        None => return,
        // Its checksum is a finding already.
        Some(Err(_)) => return,
        Some(Ok(summary)) => summary,
    };
    let all = Wanted { slots: i64::MIN..i64::MAX, operation: &|_| true, edge: &|_| true };
    let mut n_spans = 0u64;
    let decoded = summary
        .spans(&all, |cell| n_spans = n_spans.saturating_add(cell.durations.n_total()))
        .and_then(|()| summary.calls(&all, |_| {}))
        .and_then(|()| summary.seen(&all.slots, |_, _| {}));
    match decoded {
        Err(error) => report.wrong(path, error.message),
        Ok(()) if n_spans != segment.n_rows() || summary.n_spans != n_spans => {
            report.wrong(path, format!("counts {n_spans} spans, the manifest says {}", segment.n_rows()));
        }
        Ok(()) => {}
    }
}
