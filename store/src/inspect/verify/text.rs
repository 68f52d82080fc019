//! That the full-text index of a segment finds every row that holds a word.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};

use arrow::array::{Array, AsArray};

use super::Report;
use crate::error::ReadError;
use crate::segment::Segment;
use crate::text;

/// Rows whose words stand for all of a segment, unless the check is deep.
const SAMPLE_ROWS: u64 = 32;
/// Occurrences of words that are held at a time, four bytes each and the words.
const OCCURRENCES: u64 = 16 << 20;

/// Reads the whole index of `segment` and looks words up in it.
pub(super) fn check(segment: &Segment, deep: bool, report: &mut Report) {
    let Some(file) = segment.entry().file(".text") else { return }; // a segment without an index is scanned
    let path = segment.path().with_file_name(file.path.rsplit('/').next().unwrap_or_default());
    if let Err(error) = segment.check_text() {
        return report.wrong(path, error);
    }
    // What of the rows cannot be read has been reported.
    if let Ok(Some(message)) = look_up(segment, deep) {
        report.wrong(path, message);
    }
}

/// What is wrong with the first word that is not found where it is.
fn look_up(segment: &Segment, deep: bool) -> Result<Option<String>, ReadError> {
    let mut sample = HashSet::new();
    let mut occurrences = 0u64;
    let step = (segment.n_rows() / SAMPLE_ROWS).max(1);
    each_body(segment, |row, body| {
        text::tokens(body, |word| {
            occurrences += 1;
            if u64::from(row).is_multiple_of(step) {
                sample.insert(word.to_owned());
            }
        });
    })?;
    if !deep {
        return missed(segment, |word| sample.contains(word));
    }
    // Over the rows again and again, each time for a share of the words, so that memory stays bounded.
    let (shares, hasher) = (occurrences.div_ceil(OCCURRENCES).max(1), RandomState::new());
    for share in 0..shares {
        if let Some(message) = missed(segment, |word| hasher.hash_one(word) % shares == share)? {
            return Ok(Some(message));
        }
    }
    Ok(None)
}

fn missed(segment: &Segment, wanted: impl Fn(&str) -> bool) -> Result<Option<String>, ReadError> {
    let mut rows_of: HashMap<String, Vec<u32>> = HashMap::new();
    each_body(segment, |row, body| {
        text::tokens(body, |word| {
            if wanted(word) {
                match rows_of.get_mut(word) {
                    Some(rows) => rows.push(row),
                    None => drop(rows_of.insert(word.to_owned(), vec![row])),
                }
            }
        });
    })?;
    let n_rows = u32::try_from(segment.n_rows()).unwrap_or(u32::MAX);
    for (word, rows) in rows_of {
        let Some(mut search) = segment.search(std::slice::from_ref(&word)) else { continue };
        let Ok(found) = search.rows(0..n_rows) else { continue };
        let mut found = found.iter().peekable();
        for row in rows {
            while found.next_if(|it| *it < row).is_some() {}
            if found.peek() != Some(&row) {
                return Ok(Some(format!("does not find \"{word}\" in row {row}")));
            }
        }
    }
    Ok(None)
}

/// Calls `each` with every row of `segment` and its body.
fn each_body(segment: &Segment, mut each: impl FnMut(u32, &str)) -> Result<(), ReadError> {
    let mut row = 0;
    for group in 0..segment.row_groups()?.len() {
        let Some(batch) = segment.read(group, &Some(vec!["body"]), None, Vec::new())? else { continue };
        let Some(bodies) = batch.column_by_name("body").and_then(|it| it.as_string_opt::<i32>()) else { continue };
        for body in 0..bodies.len() {
            each(row, bodies.value(body));
            row += 1;
        }
    }
    Ok(())
}
