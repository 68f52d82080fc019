//! How often values of attributes are among selected spans, and among the others.

use std::cmp::Reverse;

use hashbrown::HashMap;
use model::Attrs;

use crate::QueryError;
use crate::lang::{Compare, FieldValue, Plan, Row};

use super::functions::MAX_POINTS;
use super::rows::each_row;
use super::{Context, SpanSeries};

/// Values of one attribute that are told apart; others count in its total alone.
const MAX_VALUES: usize = 1_000;

#[derive(Default)]
struct Counted {
    /// For each step.
    total: Vec<f64>,
    values: HashMap<Vec<u8>, (FieldValue<'static>, Vec<f64>)>,
}

/// For each attribute and field: its most frequent values with their counts, and the count of all spans that have it.
/// `__meta_type` says of which spans: `selection` or `baseline`, and `_total` behind it for all values.
pub(super) fn series(context: &mut Context<'_>, plan: &Plan, wanted: &Compare) -> Result<Vec<SpanSeries>, QueryError> {
    let steps = context.steps;
    let mut counted: [HashMap<String, Counted>; 2] = Default::default();
    let mut n_left_out = 0u64;
    // Attributes and values together.
    let mut n_free = MAX_POINTS / steps.n_steps.max(1);
    let is_of_trace = wanted.selection.is_of_trace();
    let mut name = String::new();
    let mut value_key = Vec::new();
    each_row(context, plan, is_of_trace, |row| {
        let within = wanted.within.is_none_or(|(start, end)| start < row.span.start && row.span.start <= end);
        let is_selected = within && wanted.selection.eval(row) == FieldValue::Bool(true);
        let step = steps.step_of(row.span.start);
        let counted = &mut counted[usize::from(is_selected)];
        each_value(row, &mut name, &mut |name, value| {
            if !counted.contains_key(name) {
                if n_free == 0 {
                    n_left_out += 1;
                    return;
                }
                n_free -= 1;
                counted.insert(name.to_owned(), Counted { total: vec![0.0; steps.n_steps], values: HashMap::new() });
            }
            let Some(counted) = counted.get_mut(name) else { return };
            counted.total[step] += 1.0;
            value_key.clear();
            value.put_key(&mut value_key);
            if let Some((_, counts)) = counted.values.get_mut(&value_key) {
                counts[step] += 1.0;
            } else if counted.values.len() < MAX_VALUES && n_free > 0 {
                n_free -= 1;
                let mut counts = vec![0.0; steps.n_steps];
                counts[step] = 1.0;
                counted.values.insert(value_key.clone(), (value.into_owned(), counts));
            } else {
                n_left_out += 1;
            }
        });
    })?;
    if n_left_out > 0 {
        context.truncated = true;
        context.warnings.push(format!(
            "{n_left_out} values are not told apart: there are too many of an attribute, or too many attributes"
        ));
    }
    let [baseline, selection] = counted;
    let of = |kind: &'static str, all: HashMap<String, Counted>| {
        all.into_iter().flat_map(move |(name, counted)| counted.finish(kind, &name, wanted.top)).collect::<Vec<_>>()
    };
    Ok([of("baseline", baseline), of("selection", selection)].concat())
}

impl Counted {
    fn finish(self, kind: &str, name: &str, top: usize) -> Vec<SpanSeries> {
        let series = |kind: String, value, values| SpanSeries {
            labels: vec![("__meta_type".to_owned(), FieldValue::Text(kind.into())), (name.to_owned(), value)],
            values,
            exemplars: Vec::new(),
        };
        let mut values: Vec<(FieldValue<'static>, Vec<f64>)> = self.values.into_values().collect();
        values.sort_by_cached_key(|(value, counts)| (Reverse(counts.iter().sum::<f64>() as u64), format!("{value:?}")));
        values.truncate(top);
        let of_values = values.into_iter().map(|(value, counts)| series(kind.to_owned(), value, counts));
        let total = series(format!("{kind}_total"), FieldValue::Nil, self.total);
        std::iter::once(total).chain(of_values).collect()
    }
}

/// The fields and attributes of a span by which it is compared.
fn each_value<'a>(row: &Row<'a>, name: &mut String, each: &mut impl FnMut(&str, FieldValue<'a>)) {
    let span = &row.span;
    each("name", FieldValue::text(span.name));
    each("kind", FieldValue::Kind(Some(span.kind)));
    each("status", FieldValue::Status(span.status));
    if !span.status_message.is_empty() {
        each("statusMessage", FieldValue::text(span.status_message));
    }
    let mut each_of = |scope: &str, attrs: Attrs<'a>| {
        for (key, value) in attrs.iter() {
            name.clear();
            name.push_str(scope);
            name.push_str(key);
            each(name, FieldValue::of(value));
        }
    };
    each_of("span.", span.attrs);
    each_of("resource.", span.resource.attrs());
}
