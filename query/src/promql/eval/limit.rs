//! `limitk` and `limit_ratio`: some elements, whatever their values. The same series are chosen every time.

use super::super::annotations::{Note, Position};
use super::super::error::PromqlError;
use super::super::labels::Labels;
use super::super::matrix::Row;
use super::super::plan::LabelChoice;
use super::Evaluator;
use super::aggregate::groups;

/// How many elements are wanted at each step.
pub(super) fn counts(params: &[f64]) -> Result<Vec<usize>, PromqlError> {
    let count = |param: &f64| {
        if param.is_nan() {
            return Err(PromqlError::execution("Parameter value is NaN"));
        }
        Ok(*param as usize) // saturates: negative numbers are 0, large ones all
    };
    params.iter().map(count).collect()
}

pub(super) fn limitk(mut rows: Vec<Row>, counts: &[usize], grouping: &LabelChoice) -> Vec<Row> {
    for group in groups(&rows, grouping) {
        for (step, count) in counts.iter().enumerate() {
            let present = group.members.iter().filter(|index| rows[**index].cells.is_present(step));
            let beyond: Vec<usize> = present.skip(*count).copied().collect();
            beyond.into_iter().for_each(|index| rows[index].cells.clear(step));
        }
    }
    rows.retain(|row| row.cells.has_any());
    rows
}

impl Evaluator<'_> {
    /// The ratios, each between -1 and 1.
    pub(super) fn ratios(&self, params: Vec<f64>, position: Position) -> Result<Vec<f64>, PromqlError> {
        let ratio = |given: f64| {
            if given.is_nan() {
                return Err(PromqlError::execution("Ratio value is NaN"));
            }
            let used = given.clamp(-1.0, 1.0);
            if used != given {
                self.meter.note(position, Note::InvalidRatio { given, used });
            }
            Ok(used)
        };
        params.into_iter().map(ratio).collect()
    }
}

/// A share of the rows by a hash of their labels; with `-r` the rows that `1 - r` leaves out.
pub(super) fn limit_ratio(mut rows: Vec<Row>, ratios: &[f64]) -> Vec<Row> {
    for row in &mut rows {
        let place = place_of(&row.labels);
        for (step, ratio) in ratios.iter().enumerate() {
            let chosen = if *ratio >= 0.0 { place < *ratio } else { place >= 1.0 + ratio };
            if !chosen {
                row.cells.clear(step);
            }
        }
    }
    rows.retain(|row| row.cells.has_any());
    rows
}

/// A number from 0 to 1 that depends on the labels only: FNV-1a, mixed, since only the high bits count.
fn place_of(labels: &Labels) -> f64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for (name, value) in labels.iter() {
        for byte in name.bytes().chain([0xff]).chain(value.bytes()).chain([0xff]) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    (hash >> 11) as f64 / (1u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::super::super::matrix::Cells;
    use super::*;

    fn rows(count: usize) -> Vec<Row> {
        (0..count)
            .map(|i| Row { labels: Labels::new([("i", i.to_string())]), cells: Cells::of_floats(vec![1.0]) })
            .collect()
    }

    #[test]
    fn a_ratio_and_its_complement_are_the_whole() {
        let n = 2000;
        let some = limit_ratio(rows(n), &[0.3]).len();
        let others = limit_ratio(rows(n), &[-0.7]).len();
        assert_eq!(some + others, n);
        assert!((500..700).contains(&some), "{some}");
    }
}
