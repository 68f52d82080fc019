//! Arithmetic and comparison between two vectors: which element of one side meets which of the other.

use hashbrown::HashMap;

use super::super::annotations::Note;
use super::super::error::PromqlError;
use super::super::labels::{Labels, NAME};
use super::super::matrix::{Cells, Row};
use super::super::plan::{Binary, Cardinality, LabelChoice};
use super::binary::{compared, drops_name};
use super::operators::{Compared, of_cells};
use super::set::signature;

/// The results of `binary` on the elements that match.
pub(super) fn matched(
    binary: &Binary,
    left: &[Row],
    right: &[Row],
    len: usize,
    note: &dyn Fn(Note),
) -> Result<Vec<Row>, PromqlError> {
    // One side has at most one element per signature; with `group_right` it is the left one.
    let swapped = matches!(binary.cardinality, Cardinality::OneToMany(_));
    let (many, one) = if swapped { (right, left) } else { (left, right) };
    let ones = group(one, &binary.matching);
    check_unique(binary, &ones, many, one, len, swapped)?;

    let mut results = Results { rows: Vec::new(), by_pair: HashMap::new(), by_labels: HashMap::new() };
    let one_to_one = binary.cardinality == Cardinality::OneToOne;
    let keep = compared(binary, Compared::KeepLeft);
    // Of each signature, or with grouping of each result row, the steps that have had a match.
    let mut taken: Vec<Vec<bool>> = Vec::new();
    for (index, row) in many.iter().enumerate() {
        let Some(candidates) = ones.get(&signature(&row.labels, &binary.matching)) else { continue };
        let mut target: Option<(usize, usize)> = None;
        for step in 0..len {
            let Some(many_cell) = row.cells.get(step) else { continue };
            let found = candidates.rows.iter().find_map(|other| Some((*other, one[*other].cells.get(step)?)));
            let Some((other, one_cell)) = found else { continue };
            let result = match target {
                Some((partner, result)) if partner == other => result,
                _ => results.row(binary, (index, other), &row.labels, &one[other].labels, len),
            };
            target = Some((other, result));
            let slot = if one_to_one { candidates.number } else { result };
            if taken.len() <= slot {
                taken.resize_with(slot + 1, Vec::new);
            }
            taken[slot].resize(len, false);
            if std::mem::replace(&mut taken[slot][step], true) {
                return Err(PromqlError::execution(if one_to_one {
                    "multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)"
                } else {
                    "multiple matches for labels: grouping labels must ensure unique matches"
                }));
            }
            let (left, right) = if swapped { (one_cell, many_cell) } else { (many_cell, one_cell) };
            if let Some(value) = of_cells(binary.op, left, right, keep, note) {
                results.rows[result].cells.set(step, value);
            }
        }
    }
    results.rows.retain(|row| row.cells.has_any());
    Ok(results.rows)
}

/// The rows of one signature on the side of one.
struct Candidates {
    /// Counts the signatures.
    number: usize,
    rows: Vec<usize>,
}

fn group(rows: &[Row], matching: &LabelChoice) -> HashMap<Labels, Candidates> {
    let mut groups: HashMap<Labels, Candidates> = HashMap::new();
    for (index, row) in rows.iter().enumerate() {
        let number = groups.len();
        let candidates = groups.entry(signature(&row.labels, matching));
        candidates.or_insert(Candidates { number, rows: Vec::new() }).rows.push(index);
    }
    groups
}

/// Fails if the side of one has two elements of a signature at a step where the other side has any.
fn check_unique(
    binary: &Binary,
    ones: &HashMap<Labels, Candidates>,
    many: &[Row],
    one: &[Row],
    len: usize,
    swapped: bool,
) -> Result<(), PromqlError> {
    for candidates in ones.values().filter(|candidates| candidates.rows.len() > 1) {
        for step in 0..len {
            let mut present = candidates.rows.iter().map(|index| &one[*index]).filter(|row| row.cells.is_present(step));
            let (Some(first), Some(second)) = (present.next(), present.next()) else { continue };
            if !many.iter().any(|row| row.cells.is_present(step)) {
                continue;
            }
            let shared = signature(&first.labels, &binary.matching);
            let (first, second) =
                (std::cmp::min(&first.labels, &second.labels), std::cmp::max(&first.labels, &second.labels));
            let side = if swapped { "left" } else { "right" };
            return Err(PromqlError::execution(format!(
                "found duplicate series for the match group {shared} on the {side} hand-side of the operation: \
                 [{first}, {second}];many-to-many matching not allowed: matching labels must be unique on one side"
            )));
        }
    }
    Ok(())
}

/// The rows of a result as matches are found.
struct Results {
    rows: Vec<Row>,
    by_pair: HashMap<(usize, usize), usize>,
    by_labels: HashMap<Labels, usize>,
}

impl Results {
    /// The row for a pair of elements. Pairs that come and go may share it, as long as they do so at different steps.
    fn row(&mut self, binary: &Binary, pair: (usize, usize), many: &Labels, one: &Labels, len: usize) -> usize {
        if let Some(row) = self.by_pair.get(&pair) {
            return *row;
        }
        let labels = result_labels(binary, many, one);
        let rows = &mut self.rows;
        let row = *self.by_labels.entry(labels).or_insert_with_key(|labels| {
            rows.push(Row { labels: labels.clone(), cells: Cells::empty(len) });
            rows.len() - 1
        });
        self.by_pair.insert(pair, row);
        row
    }
}

fn result_labels(binary: &Binary, many: &Labels, one: &Labels) -> Labels {
    let named = |name: &str| name == NAME && drops_name(binary);
    let mut labels = match (&binary.cardinality, &binary.matching) {
        (Cardinality::OneToOne, LabelChoice::Only(names)) => {
            many.filter(|name| !named(name) && names.iter().any(|it| it == name))
        }
        (Cardinality::OneToOne, LabelChoice::Without(names)) => {
            many.filter(|name| !named(name) && !names.iter().any(|it| it == name))
        }
        _ => many.filter(|name| !named(name)),
    };
    if let Cardinality::ManyToOne(copied) | Cardinality::OneToMany(copied) = &binary.cardinality {
        for name in copied {
            labels = labels.with(name, one.get(name));
        }
    }
    labels
}
