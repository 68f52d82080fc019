//! Which fields differ, by how much at least, and how sure that is.

use super::fold::{self, What};
use super::numbers::{self, Observed, Range};
use super::statistics::{Factorials, false_discovery_rates, least_difference};
use super::table::{FieldName, Table};
use super::weight::{Weights, effective, side};
use super::{Difference, DifferentValue, LEAST_TRACES, Share};

/// Of the reported differences, the share that chance may have made.
const ERROR_RATE: f64 = 0.01;
/// Smaller differences are of no use to anybody, however certain they are.
const LEAST_DIFFERENCE: f64 = 0.02;
/// Values that fewer spans have are not tested.
const LEAST_SPANS: usize = 5;
/// A field with more different numbers is compared by ranges.
const MAX_SINGLE_NUMBERS: usize = 20;
/// Part of a field's values that must be numbers for that.
const NUMERIC: f64 = 0.95;
/// Differences that are reported, before some are folded.
const MAX_FOUND: usize = 200;
/// Values of a field that come with a difference.
const MAX_VALUES: usize = 4;

/// The differences of the two sides of `table`, and the number of fields that were tested.
pub(super) fn rank(table: &Table) -> (Vec<Difference>, usize) {
    let counts = [Counts::new(table, Weights::equal(table)), Counts::new(table, Weights::by_stratum(table))];
    let factorials = Factorials::up_to(table.rows.len());
    let mut values_of: Vec<Vec<u32>> = vec![Vec::new(); table.fields.len()];
    for (index, value) in table.values.iter().enumerate() {
        values_of[value.field as usize].push(index as u32);
    }
    let mut tested: Vec<Tested<'_>> = Vec::new();
    for (field, of_field) in
        table.fields.iter().zip(&values_of).enumerate().map(|(i, (field, values))| ((i, field), values))
    {
        let counts = &counts[usize::from(!field.1.is_operation)];
        if counts.weights.effective.iter().any(|&n| n < LEAST_TRACES as f64) {
            continue;
        }
        let field = Candidate { table, counts, factorials: &factorials, field: field.0, values: of_field };
        tested.extend(field.test());
    }
    let n_tested = tested.len();
    let rates = false_discovery_rates(&tested.iter().map(|it| it.p).collect::<Vec<f64>>());
    let mut found: Vec<(Difference, usize, What)> = Vec::new();
    for (tested, rate) in tested.into_iter().zip(rates) {
        if rate <= ERROR_RATE {
            found.extend(tested.into_difference(table, rate));
        }
    }
    found.sort_by(|(a, ..), (b, ..)| {
        let name = |it: &FieldName| (it.place, it.name.len(), it.name.clone());
        b.at_least.total_cmp(&a.at_least).then_with(|| name(&a.field).cmp(&name(&b.field)))
    });
    found.truncate(MAX_FOUND);
    (fold::fold(table, found), n_tested)
}

/// How often values and fields are on each side.
struct Counts {
    weights: Weights,
    of_value: Vec<Count>,
    /// Rows that have the field.
    of_field: Vec<Count>,
}

#[derive(Clone, Copy, Default)]
struct Count {
    mass: [f64; 2],
    n: [usize; 2],
}

impl Count {
    fn add(&mut self, side: usize, weight: f64) {
        self.mass[side] += weight;
        self.n[side] += 1;
    }

    fn of_others(&self, n: [usize; 2]) -> Self {
        Count { mass: self.mass.map(|mass| (1.0 - mass).clamp(0.0, 1.0)), n: [n[0] - self.n[0], n[1] - self.n[1]] }
    }

    fn share(&self, side: usize, n: [usize; 2]) -> Share {
        // Sums of weights are off by their rounding.
        let share = ((self.mass[side] * 1e9).round() / 1e9).clamp(0.0, 1.0);
        Share { share, n_with: self.n[side], n: n[side] }
    }
}

impl Counts {
    fn new(table: &Table, weights: Weights) -> Self {
        let mut of_value = vec![Count::default(); table.values.len()];
        let mut of_field = vec![Count::default(); table.fields.len()];
        let mut last_row = vec![usize::MAX; table.fields.len()];
        for (number, (row, &weight)) in table.rows.iter().zip(&weights.of_row).enumerate() {
            if weight <= 0.0 {
                continue;
            }
            for &value in &row.values {
                of_value[value as usize].add(side(row), weight);
                let field = table.values[value as usize].field as usize;
                if std::mem::replace(&mut last_row[field], number) != number {
                    of_field[field].add(side(row), weight);
                }
            }
        }
        Counts { weights, of_value, of_field }
    }
}

/// A field to test.
struct Candidate<'t> {
    table: &'t Table,
    counts: &'t Counts,
    factorials: &'t Factorials,
    field: usize,
    values: &'t [u32],
}

/// A field that was tested.
struct Tested<'t> {
    counts: &'t Counts,
    field: usize,
    values: &'t [u32],
    /// What is more frequent among the selected, and how likely that is by chance.
    found: Vec<(What, Count, f64)>,
    /// How likely it is by chance that one of the field's values is as different.
    p: f64,
}

impl<'t> Candidate<'t> {
    /// `None` when the field has nothing that could differ.
    fn test(&self) -> Option<Tested<'t>> {
        let n = self.counts.weights.n;
        let present = self.counts.of_field[self.field];
        let mut whats: Vec<(What, Count, Option<f64>)> = vec![(What::Absent, present.of_others(n), None)];
        match self.range(present) {
            Some((range, count)) => whats.push((What::Between(range.from, range.to), count, Some(range.p))),
            None => {
                let told_apart = self.values.iter().filter(|value| self.table.values[**value as usize].text.is_some());
                whats.extend(told_apart.map(|&it| (What::Value(it), self.counts.of_value[it as usize], None)));
            }
        }
        // Whether something can differ does not depend on which side has it: leaving out the rest biases nothing.
        let all = n[0] + n[1];
        whats.retain(|(_, count, _)| {
            let n_with = count.n[0] + count.n[1];
            LEAST_SPANS <= n_with && n_with < all
        });
        let n_tests = whats.len() as f64;
        let found: Vec<(What, Count, f64)> = whats
            .into_iter()
            .map(|(what, count, p)| (what, count, (p.unwrap_or_else(|| self.p(&count)) * n_tests).min(1.0)))
            .collect();
        let p = found.iter().map(|(_, _, p)| *p).reduce(f64::min)?;
        Some(Tested { counts: self.counts, field: self.field, values: self.values, found, p })
    }

    /// By Fisher's test on the numbers of observations that the sides are worth.
    fn p(&self, count: &Count) -> f64 {
        let [n0, n1] = self.counts.weights.effective;
        // Rounded so that the difference becomes smaller.
        let a = (count.mass[1] * n1 + 1e-6).floor().clamp(0.0, n1.floor());
        let b = (count.mass[0] * n0 - 1e-6).ceil().clamp(0.0, n0.floor());
        self.factorials.fisher(a as usize, n1.floor() as usize, b as usize, n0.floor() as usize)
    }

    /// The range of a field of many different numbers.
    fn range(&self, present: Count) -> Option<(Range, Count)> {
        let is_number = |&&value: &&u32| self.table.values[value as usize].number.is_some();
        let numbers = || self.values.iter().filter(is_number).map(|&value| self.counts.of_value[value as usize].n);
        let n_numbers: usize = numbers().map(|[n0, n1]| n0 + n1).sum();
        let n_present = present.n[0] + present.n[1];
        if numbers().count() <= MAX_SINGLE_NUMBERS || (n_numbers as f64) < n_present as f64 * NUMERIC {
            return None;
        }
        let table = self.table;
        let weighted =
            || table.rows.iter().zip(self.counts.weights.of_row.iter().copied()).filter(|(_, weight)| *weight > 0.0);
        let having =
            || weighted().filter_map(|(row, weight)| Some((row, weight, number(table, &row.values, self.field)?)));
        let effective = effective(having().map(|(row, weight, _)| (row, weight)));
        if effective.iter().any(|&n| n < LEAST_TRACES as f64) {
            return None;
        }
        let mut observed: Vec<Observed> = having().map(|(row, weight, number)| (number, side(row), weight)).collect();
        let range = numbers::range(&mut observed, effective)?;
        let mut count = Count::default();
        let within = |it: f64| range.from.is_none_or(|from| from <= it) && range.to.is_none_or(|to| it <= to);
        having().filter(|it| within(it.2)).for_each(|(row, weight, _)| count.add(side(row), weight));
        Some((range, count))
    }
}

/// The number that a row with `values` has in a field.
pub(super) fn number(table: &Table, values: &[u32], field: usize) -> Option<f64> {
    let of_field = values.iter().map(|&value| &table.values[value as usize]);
    of_field.filter(|value| value.field as usize == field).find_map(|value| value.number)
}

impl Tested<'_> {
    /// The value that differs most, if one does by enough.
    fn into_difference(self, table: &Table, error_rate: f64) -> Option<(Difference, usize, What)> {
        let Weights { effective: [n0, n1], n, .. } = self.counts.weights;
        let least = |count: &Count| least_difference(count.mass[1], n1, count.mass[0], n0);
        let differs = self.found.iter().filter(|(_, _, p)| *p <= ERROR_RATE);
        let (what, count, at_least) = differs
            .map(|(what, count, _)| (*what, *count, least(count)))
            .filter(|(.., at_least)| *at_least >= LEAST_DIFFERENCE)
            .max_by(|a, b| a.2.total_cmp(&b.2))?;
        let mut values: Vec<(DifferentValue, Share, Share)> = Vec::new();
        if !matches!(what, What::Between(..)) {
            let absent = (What::Absent, self.counts.of_field[self.field].of_others(n));
            let mut all: Vec<(What, Count)> =
                self.values.iter().map(|&it| (What::Value(it), self.counts.of_value[it as usize])).collect();
            all.push(absent);
            all.retain(|(_, count)| count.n[0] + count.n[1] > 0);
            let most = |(_, count): &(What, Count)| count.mass[0].max(count.mass[1]);
            all.sort_by(|a, b| (b.0 == what).cmp(&(a.0 == what)).then(most(b).total_cmp(&most(a))));
            let shown = all.iter().filter_map(|(what, it)| Some((what.value(table)?, it.share(1, n), it.share(0, n))));
            values = shown.take(MAX_VALUES).collect();
        }
        let difference = Difference {
            field: table.fields[self.field].name.clone(),
            value: what.value(table)?,
            selected: count.share(1, n),
            rest: count.share(0, n),
            at_least,
            error_rate,
            values,
            same: Vec::new(),
        };
        Some((difference, self.field, what))
    }
}
