//! How often each value of an attribute occurs in a row group: of a promoted attribute by its column alone.

use std::hash::Hash;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::buffer::BooleanBuffer;
use arrow::datatypes::{Float64Type, Int32Type, Int64Type, TimestampNanosecondType};
use hashbrown::HashMap;
use model::{Attrs, TimeRange, Value};

use super::REST;
use super::columns::{Column, Kind};
use super::group::Group;
use super::matching::blocks;
use super::rest::Summary;
use super::rows::Rows;

type Error = Box<dyn std::error::Error>;

/// Hands over the values that rows of `group` have under `key` among their own attributes, with how many have each; a value
/// may come in parts. With `within`, only rows whose time in the column of that name is in the range count. The answer is how
/// many they are.
pub(crate) fn count_values(
    group: &Group<'_>,
    key: &str,
    within: Option<(&str, TimeRange)>,
    each: &mut dyn FnMut(Value<'_>, u64),
) -> Result<u64, Error> {
    let mut rows = Rows::all(group.n_rows);
    if let Some((name, range)) = within {
        let times = group.column(group.place(name).ok_or("the column of times is missing")?, &rows)?;
        let times = times.as_primitive_opt::<TimestampNanosecondType>().ok_or("the column of times has none")?;
        rows.keep(BooleanBuffer::collect_bool(times.len(), |row| range.contains(times.value(row))));
    }
    if rows.is_empty() {
        return Ok(0);
    }
    let columns = group.names().enumerate().filter_map(|(place, name)| Some((place, Column::parse(name)?)));
    for (place, kind) in columns.filter(|(_, (of, _))| *of == key).map(|(place, (_, kind))| (place, kind)) {
        promoted(&group.column(place, &rows)?, kind, each);
    }
    let in_blocks = blocks(group, &rows, |summary: &Summary| summary.may_hold_key(key))?;
    if let (Some(place), false) = (group.place(REST), in_blocks.is_empty()) {
        let rest = group.column(place, &in_blocks)?;
        let rest = rest.as_binary_opt::<i32>().ok_or("column attributes holds no bytes")?;
        rest.iter().flatten().filter_map(|set| Attrs::new(set).get(key)).for_each(|value| each(value, 1));
    }
    Ok(rows.len() as u64)
}

fn promoted(column: &ArrayRef, kind: Kind, each: &mut dyn FnMut(Value<'_>, u64)) {
    match kind {
        Kind::Str => {
            if let Some(shared) = column.as_dictionary_opt::<Int32Type>() {
                let Some(texts) = shared.values().as_string_opt::<i32>() else { return };
                let mut counts = vec![0u64; texts.len()];
                shared.keys().iter().flatten().for_each(|key| counts[key as usize] += 1);
                let used = counts.into_iter().enumerate().filter(|(_, n)| *n > 0);
                used.for_each(|(text, n)| each(Value::Str(texts.value(text)), n));
            } else if let Some(texts) = column.as_string_opt::<i32>() {
                counted(texts.iter().flatten()).for_each(|(text, n)| each(Value::Str(text), n));
            }
        }
        Kind::Int => {
            let values = column.as_primitive_opt::<Int64Type>().into_iter().flatten().flatten();
            counted(values).for_each(|(value, n)| each(Value::Int(value), n));
        }
        Kind::Double => {
            let values = column.as_primitive_opt::<Float64Type>().into_iter().flatten().flatten();
            counted(values.map(f64::to_bits)).for_each(|(bits, n)| each(Value::Double(f64::from_bits(bits)), n));
        }
        Kind::Bool => {
            let values = column.as_boolean_opt().into_iter().flatten().flatten();
            counted(values).for_each(|(value, n)| each(Value::Bool(value), n));
        }
    }
}

fn counted<T: Hash + Eq>(values: impl Iterator<Item = T>) -> impl Iterator<Item = (T, u64)> {
    let mut counts: HashMap<T, u64> = HashMap::new();
    values.for_each(|value| *counts.entry(value).or_default() += 1);
    counts.into_iter()
}
