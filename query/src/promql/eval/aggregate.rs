//! Aggregations that make one value of many: `sum`, `avg`, `count`, `min`, `max`, `group`, `stddev`, `stdvar`,
//! `quantile` and `count_values`. Those that pick elements are in [`super::top`] and [`super::limit`].

use std::sync::Arc;

use hashbrown::HashMap;

use super::super::annotations::{Note, Position};
use super::super::error::PromqlError;
use super::super::functions::labels::name;
use super::super::functions::over_time::quantile_of;
use super::super::histogram::Histogram;
use super::super::kahan::{Mean, Sum};
use super::super::labels::Labels;
use super::super::matrix::{Cell, Cells, Grid, Row};
use super::super::number::decimal;
use super::super::plan::{Aggregate, Aggregation, LabelChoice, Node, NodeKind};
use super::super::value::{STALE, is_stale};
use super::set::signature;
use super::{Evaluator, row_if_any};

/// Rows that are aggregated together.
pub(super) struct Group {
    pub(super) labels: Labels,
    /// Indexes of rows.
    pub(super) members: Vec<usize>,
}

/// The groups of `rows`, in the order of their first rows.
pub(super) fn groups(rows: &[Row], grouping: &LabelChoice) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    let mut known: HashMap<Labels, usize> = HashMap::new();
    for (index, row) in rows.iter().enumerate() {
        let labels = signature(&row.labels, grouping);
        match known.get(&labels) {
            Some(group) => groups[*group].members.push(index),
            None => {
                known.insert(labels.clone(), groups.len());
                groups.push(Group { labels, members: vec![index] });
            }
        }
    }
    groups
}

impl Evaluator<'_> {
    pub(super) fn aggregate(&self, node: &Node, it: &Aggregate, grid: Grid) -> Result<Vec<Row>, PromqlError> {
        let param = |default: f64| match &it.param {
            Some(param) => self.scalar(param, grid),
            None => Ok(vec![default; grid.len]),
        };
        let position = it.inner.position;
        match it.op {
            Aggregation::CountValues => {
                let Some(Node { kind: NodeKind::Text(label), .. }) = &it.param else {
                    return Err(PromqlError::execution("count_values takes a label name"));
                };
                let label = name(label, "label name")?;
                let rows = self.vector(&it.inner, grid)?;
                Ok(count_values(&rows, label, &it.grouping, grid.len))
            }
            Aggregation::TopK | Aggregation::BottomK | Aggregation::LimitK => {
                let counts = super::limit::counts(&param(0.0)?)?;
                let rows = self.vector(&it.inner, grid)?;
                Ok(match it.op {
                    Aggregation::LimitK => super::limit::limitk(rows, &counts, &it.grouping),
                    _ => self.top(rows, &counts, it, position),
                })
            }
            Aggregation::LimitRatio => {
                let ratios =
                    self.ratios(param(0.0)?, it.param.as_ref().map_or(node.position, |param| param.position))?;
                Ok(super::limit::limit_ratio(self.vector(&it.inner, grid)?, &ratios))
            }
            Aggregation::Quantile => {
                let quantiles = param(f64::NAN)?;
                if let Some(param) = &it.param {
                    self.check_quantiles(&quantiles, param);
                }
                let rows = self.vector(&it.inner, grid)?;
                let note = |note: Note| self.meter.note(position, note);
                Ok(self.fold(&rows, it, grid.len, |members, step| {
                    let values = floats(&rows, members, step, "quantile", &note);
                    (!values.is_empty()).then(|| quantile_of(quantiles[step], values))
                }))
            }
            _ => {
                let rows = self.vector(&it.inner, grid)?;
                Ok(self.simple(&rows, it, grid.len, position))
            }
        }
    }

    /// One float of each group at each step.
    fn fold(
        &self,
        rows: &[Row],
        it: &Aggregate,
        len: usize,
        value: impl Fn(&[usize], usize) -> Option<f64>,
    ) -> Vec<Row> {
        let of_group = |group: Group| {
            let values = (0..len).map(|step| value(&group.members, step).unwrap_or(STALE)).collect();
            row_if_any(group.labels, Cells::of_floats(values))
        };
        groups(rows, &it.grouping).into_iter().filter_map(of_group).collect()
    }

    fn simple(&self, rows: &[Row], it: &Aggregate, len: usize, position: Position) -> Vec<Row> {
        let note = |note: Note| self.meter.note(position, note);
        let present =
            |members: &[usize], step: usize| members.iter().filter(|i| rows[**i].cells.is_present(step)).count();
        match it.op {
            Aggregation::Sum => self.totals(rows, it, len, &note, |state| state.sum.value(), |_| 1.0),
            Aggregation::Avg => self.totals(rows, it, len, &note, |state| state.mean.value(), |count| 1.0 / count),
            Aggregation::Count => self.fold(rows, it, len, |members, step| match present(members, step) {
                0 => None,
                count => Some(count as f64),
            }),
            Aggregation::Group => self.fold(rows, it, len, |members, step| (present(members, step) > 0).then_some(1.0)),
            Aggregation::Min => self.fold(rows, it, len, |members, step| {
                let values = floats(rows, members, step, "min", &note);
                values.into_iter().reduce(|best, value| if value < best || best.is_nan() { value } else { best })
            }),
            Aggregation::Max => self.fold(rows, it, len, |members, step| {
                let values = floats(rows, members, step, "max", &note);
                values.into_iter().reduce(|best, value| if value > best || best.is_nan() { value } else { best })
            }),
            Aggregation::Stddev => self.fold(rows, it, len, |members, step| {
                variance(&floats(rows, members, step, "stddev", &note)).map(f64::sqrt)
            }),
            Aggregation::Stdvar => {
                self.fold(rows, it, len, |members, step| variance(&floats(rows, members, step, "stdvar", &note)))
            }
            _ => Vec::new(),
        }
    }

    /// Sums or averages, of floats or of histograms. `of_floats` makes the value of what was added up, `scale` the
    /// factor for a sum of so many histograms.
    fn totals(
        &self,
        rows: &[Row],
        it: &Aggregate,
        len: usize,
        note: &dyn Fn(Note),
        of_floats: impl Fn(&Total) -> f64,
        scale: impl Fn(f64) -> f64,
    ) -> Vec<Row> {
        let mut results = Vec::new();
        for group in groups(rows, &it.grouping) {
            let mut totals = vec![Total::default(); len];
            for index in &group.members {
                let cells = &rows[*index].cells;
                if !cells.has_histograms() {
                    let present = cells.floats().iter().zip(&mut totals).filter(|(float, _)| !is_stale(**float));
                    present.for_each(|(float, total)| total.add_float(*float, it.op));
                    continue;
                }
                for (step, total) in totals.iter_mut().enumerate() {
                    match cells.get(step) {
                        Some(Cell::Float(float)) => total.add_float(float, it.op),
                        Some(Cell::Histogram(histogram)) => total.add_histogram(histogram, note),
                        None => {}
                    }
                }
            }
            let mut cells = Cells::empty(len);
            for (step, total) in totals.into_iter().enumerate() {
                match (total.n_floats, &total.histograms) {
                    (0, None) => {}
                    (_, None) => cells.set_float(step, of_floats(&total)),
                    (0, Some(histograms)) => {
                        if let Some(mut sum) = histograms.sum.clone() {
                            sum.scale(scale(histograms.count));
                            cells.set_histogram(step, Arc::new(sum));
                        }
                    }
                    _ => note(Note::MixedFloatsHistogramsInAggregation),
                }
            }
            results.extend(row_if_any(group.labels, cells));
        }
        results
    }
}

/// What has been added up of one group at one step.
#[derive(Clone, Default)]
struct Total {
    n_floats: u32,
    sum: Sum,
    mean: Mean,
    histograms: Option<Box<HistogramTotal>>,
}

#[derive(Clone, Default)]
struct HistogramTotal {
    count: f64,
    /// `None` when histograms of different kinds met.
    sum: Option<Histogram>,
}

impl Total {
    #[inline]
    fn add_float(&mut self, value: f64, op: Aggregation) {
        self.n_floats += 1;
        match op {
            Aggregation::Avg => self.mean.add(value),
            _ => self.sum.add(value),
        }
    }

    fn add_histogram(&mut self, histogram: &Histogram, note: &dyn Fn(Note)) {
        let Some(total) = &mut self.histograms else {
            self.histograms = Some(Box::new(HistogramTotal { count: 1.0, sum: Some(histogram.clone()) }));
            return;
        };
        total.count += 1.0;
        let Some(sum) = &mut total.sum else { return };
        match sum.add(histogram) {
            Ok(combined) => {
                if combined.bounds_differed {
                    note(Note::MismatchedBounds { operation: "aggregation" });
                }
                if combined.resets_conflict {
                    note(Note::ConflictingResets { operation: "aggregation" });
                }
            }
            Err(_) => {
                note(Note::MixedSchemasInAggregation);
                total.sum = None;
            }
        }
    }
}

/// The floats of `members` at `step`. Histograms are left out, and that is said.
fn floats(rows: &[Row], members: &[usize], step: usize, aggregation: &'static str, note: &dyn Fn(Note)) -> Vec<f64> {
    let mut values = Vec::with_capacity(members.len());
    for index in members {
        match rows[*index].cells.get(step) {
            Some(Cell::Float(float)) => values.push(float),
            Some(Cell::Histogram(_)) => note(Note::HistogramIgnored { aggregation }),
            None => {}
        }
    }
    values
}

/// The variance by Welford's method. A value that is not finite makes it not-a-number.
fn variance(values: &[f64]) -> Option<f64> {
    let (first, others) = values.split_first()?;
    let (mut mean, mut squares) = (*first, if first.is_finite() { 0.0 } else { f64::NAN });
    for (i, value) in others.iter().enumerate() {
        let delta = value - mean;
        mean += delta / (i + 2) as f64;
        squares += delta * (value - mean);
    }
    Some(squares / values.len() as f64)
}

fn count_values(rows: &[Row], label: &str, grouping: &LabelChoice, len: usize) -> Vec<Row> {
    let mut results: Vec<Row> = Vec::new();
    let mut known: HashMap<Labels, usize> = HashMap::new();
    for row in rows {
        let group = signature(&row.labels, grouping);
        for step in 0..len {
            let value = match row.cells.get(step) {
                Some(Cell::Float(float)) => decimal(float),
                Some(Cell::Histogram(histogram)) => histogram.to_string(),
                None => continue,
            };
            let index = *known.entry(group.with(label, &value)).or_insert_with_key(|labels| {
                results.push(Row { labels: labels.clone(), cells: Cells::empty(len) });
                results.len() - 1
            });
            let count = results[index].cells.float(step).unwrap_or(0.0);
            results[index].cells.set_float(step, count + 1.0);
        }
    }
    results
}
