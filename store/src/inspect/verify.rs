//! Checks a data directory: every checksum, and everything that one file says of another.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use super::Directory;
use crate::damage::DamageKind;
use crate::error::{OpenError, own_words};
use crate::manifest::SegmentEntry;
use crate::schema::Table;
use crate::segment::Segment;
use crate::summary::{SUFFIX, Wanted};

mod files;
mod log;
mod rows;
mod text;

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
        self.findings.push(Finding { path: path.into(), message: own_words(message) });
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
    mentioned: std::collections::HashMap<[u8; 16], PathBuf>,
}

/// Reads all of the data directory `dir` and checks it; `deep` looks every word of every log body up in its index, where
/// else some words stand for all. Takes no lock and changes nothing, so it may run beside a box that uses the directory:
/// what the box removes meanwhile is left out.
///
/// # Errors
/// When the manifest cannot be read at all, or is of a newer format.
pub fn verify(dir: &Path, deep: bool) -> Result<Report, OpenError> {
    let directory = Directory::open(dir)?;
    let mut report = Report::default();
    directory.damage.iter().for_each(|it| report.wrong(&it.path, &it.message));
    let mut series = SeriesIds::default();
    for entry in directory.state.segments.values() {
        let before = report.findings.len();
        segment(&directory, entry, deep, &mut series, &mut report);
        if report.findings.len() > before && !directory.still_has(entry.id) {
            report.findings.truncate(before);
        }
    }
    report.series = series.described.len();
    let mut missing: Vec<_> = series.mentioned.into_iter().filter(|(id, _)| !series.described.contains(id)).collect();
    missing.sort();
    for (id, path) in missing {
        let id = u128::from_be_bytes(id);
        report.wrong(path, format!("has rows of series {id:032x}, which no segment describes"));
    }
    log::check(&directory, &mut report);
    files::left_overs(&directory, &mut report);
    Ok(report)
}

fn segment(directory: &Directory, entry: &SegmentEntry, deep: bool, series: &mut SeriesIds, report: &mut Report) {
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
    rows::check(&segment, series, report);
    for place in segment.damage().stats().places.into_iter().rev().filter(|it| it.kind == DamageKind::Restored) {
        let (path, message) = place.text.split_once(": ").unwrap_or(("", &place.text));
        report.wrong(path, message);
    }
    // Nothing more exact is known of these.
    let found: HashSet<PathBuf> = report.findings[before..].iter().map(|it| it.path.clone()).collect();
    wrong.into_iter().filter(|it| !found.contains(&it.path)).for_each(|it| report.findings.push(it));
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
