//! What each row counts, and how many independent observations a side is worth.

use hashbrown::HashMap;

use super::table::{Row, Table};

/// The weights of the rows of a table. Those of a side add up to 1; rows that cannot be compared have none.
pub(super) struct Weights {
    pub(super) of_row: Vec<f64>,
    /// The effective number of observations of the rest and of the selection.
    pub(super) effective: [f64; 2],
    /// Rows that have a weight.
    pub(super) n: [usize; 2],
}

impl Weights {
    /// Every row counts the same.
    pub(super) fn equal(table: &Table) -> Self {
        let mut n = [0usize; 2];
        table.rows.iter().for_each(|row| n[side(row)] += 1);
        let of_row = table.rows.iter().map(|row| 1.0 / n[side(row)] as f64).collect();
        Weights::new(&table.rows, of_row)
    }

    /// Both sides have the same mix of strata: each stratum weighs n1 n0 / (n1 + n0), as Mantel and Haenszel have it, so that
    /// strata which one side lacks count nothing.
    pub(super) fn by_stratum(table: &Table) -> Self {
        let mut n = vec![[0usize; 2]; table.n_strata()];
        table.rows.iter().for_each(|row| n[row.stratum as usize][side(row)] += 1);
        let weight = |[rest, selected]: [usize; 2]| (rest * selected) as f64 / (rest + selected).max(1) as f64;
        let total: f64 = n.iter().map(|&n| weight(n)).sum();
        let of_row = table.rows.iter().map(|row| {
            let n = n[row.stratum as usize];
            if total > 0.0 { weight(n) / n[side(row)] as f64 / total } else { 0.0 }
        });
        Weights::new(&table.rows, of_row.collect())
    }

    fn new(rows: &[Row], of_row: Vec<f64>) -> Self {
        let mut n = [0; 2];
        for (row, &weight) in rows.iter().zip(&of_row) {
            n[side(row)] += usize::from(weight > 0.0);
        }
        let effective = effective(rows.iter().zip(of_row.iter().copied()));
        Weights { of_row, effective, n }
    }
}

/// 0 for the rest, 1 for the selection.
pub(super) fn side(row: &Row) -> usize {
    usize::from(row.is_selected)
}

/// Effective sample sizes after Kish, of sides whose rows of one cluster all say the same: the square of the sum of weights by
/// the sum of the squares of each cluster's.
pub(super) fn effective<'a>(rows: impl Iterator<Item = (&'a Row, f64)>) -> [f64; 2] {
    let mut clusters: HashMap<(usize, u64), f64> = HashMap::new();
    for (row, weight) in rows {
        *clusters.entry((side(row), row.cluster)).or_default() += weight;
    }
    let (mut sums, mut squares) = ([0.0; 2], [0.0; 2]);
    for ((side, _), weight) in clusters {
        sums[side] += weight;
        squares[side] += weight * weight;
    }
    [0, 1].map(|side| if squares[side] > 0.0 { sums[side] * sums[side] / squares[side] } else { 0.0 })
}
