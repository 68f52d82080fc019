//! `and`, `or` and `unless`: which elements are there, whatever their values.

use hashbrown::HashMap;

use super::super::error::PromqlError;
use super::super::labels::{Labels, NAME};
use super::super::matrix::{Row, merge_same};
use super::super::plan::LabelChoice;

/// The labels that tell which elements match.
pub(super) fn signature(labels: &Labels, matching: &LabelChoice) -> Labels {
    match matching {
        LabelChoice::Only(names) => labels.filter(|name| names.iter().any(|it| it == name)),
        LabelChoice::Without(names) => labels.filter(|name| name != NAME && !names.iter().any(|it| it == name)),
    }
}

/// At which steps a signature has an element.
type Presence = HashMap<Labels, Vec<bool>>;

fn presence(rows: &[Row], matching: &LabelChoice) -> Presence {
    let mut presence = Presence::new();
    for row in rows {
        let steps = presence.entry(signature(&row.labels, matching)).or_insert_with(|| vec![false; row.cells.len()]);
        for (step, present) in steps.iter_mut().enumerate() {
            *present |= row.cells.is_present(step);
        }
    }
    presence
}

/// The rows, at the steps where whether `others` have their signature is `wanted`.
fn keep_where(rows: Vec<Row>, others: &Presence, matching: &LabelChoice, wanted: bool) -> Vec<Row> {
    let mut kept = Vec::with_capacity(rows.len());
    for mut row in rows {
        let steps = others.get(&signature(&row.labels, matching));
        for step in 0..row.cells.len() {
            if steps.is_some_and(|steps| steps[step]) != wanted {
                row.cells.clear(step);
            }
        }
        if row.cells.has_any() {
            kept.push(row);
        }
    }
    kept
}

pub(super) fn and(left: Vec<Row>, right: &[Row], matching: &LabelChoice) -> Vec<Row> {
    keep_where(left, &presence(right, matching), matching, true)
}

pub(super) fn unless(left: Vec<Row>, right: &[Row], matching: &LabelChoice) -> Vec<Row> {
    keep_where(left, &presence(right, matching), matching, false)
}

pub(super) fn or(mut left: Vec<Row>, right: Vec<Row>, matching: &LabelChoice) -> Result<Vec<Row>, PromqlError> {
    let on_the_left = presence(&left, matching);
    left.extend(keep_where(right, &on_the_left, matching, false));
    merge_same(left)
}
