//! The points of a flush, by window of time, series and time.
//!
//! Most points come in the order of time, and those of one request have the series of the request before in the same order. So
//! they are counted and put where they belong, column by column, which reads memory in one go and writes to one place of each
//! series: half of what sorting keys and gathering rows costs.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, ArrowPrimitiveType, AsArray, BinaryArray, BooleanBufferBuilder, FixedSizeBinaryArray,
    PrimitiveArray, RecordBatch, new_null_array,
};
use arrow::buffer::{NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{DataType, Float64Type, Int64Type, SchemaRef, TimestampNanosecondType, UInt32Type};
use arrow::error::ArrowError;
use hashbrown::HashMap;
use model::Nanos;

/// The points of one window of time, those of a series one after another in the order of time.
pub(crate) struct PointsOfWindow {
    pub(crate) rows: RecordBatch,
    pub(crate) n_series: usize,
}

/// The rows of `batches`, which have the schema of points, by the window that each falls into as `window_of` says, the oldest
/// first. Points of one series at one time stay in the order of their batches.
pub(crate) fn by_series(
    batches: &[RecordBatch],
    window_of: impl Fn(Nanos) -> i64,
) -> Result<Vec<PointsOfWindow>, ArrowError> {
    let Some(schema) = batches.first().map(RecordBatch::schema) else { return Ok(Vec::new()) };
    let mut groups = Groups::default();
    let mut places = Vec::with_capacity(batches.iter().map(RecordBatch::num_rows).sum());
    let times = columns::<PrimitiveArray<TimestampNanosecondType>>(batches, "time")?;
    let ids = columns::<FixedSizeBinaryArray>(batches, "series")?;
    for (ids, times) in ids.iter().zip(&times) {
        for (id, time) in ids.value_data().as_chunks::<16>().0.iter().zip(times.values()) {
            places.push(groups.add(window_of(*time), u128::from_be_bytes(*id)));
        }
    }
    let windows = groups.place(&mut places);
    groups.put_in_order_of_time(&times, &mut places);
    let columns = schema.fields().iter().enumerate().map(|(index, field)| {
        let sources: Vec<&ArrayRef> = batches.iter().map(|batch| batch.column(index)).collect();
        scatter(field.data_type(), &sources, &places)
    });
    let rows = RecordBatch::try_new(SchemaRef::clone(&schema), columns.collect::<Result<_, _>>()?)?;
    let slice = |(rows_of, n_series): (Range<usize>, usize)| PointsOfWindow {
        rows: rows.slice(rows_of.start, rows_of.len()),
        n_series,
    };
    Ok(windows.into_iter().map(slice).collect())
}

/// The points of a series in a window.
struct Group {
    window: i64,
    series: u128,
    n: usize,
    /// Where its rows begin.
    start: usize,
    /// The group of the point that followed one of this group the last time.
    follower: u32,
}

#[derive(Default)]
struct Groups {
    all: Vec<Group>,
    number_of: HashMap<(i64, u128), u32>,
    last: u32,
}

impl Groups {
    /// Counts a point. Returns the number of its group.
    fn add(&mut self, window: i64, series: u128) -> u32 {
        let is = |group: &Group| (group.window, group.series) == (window, series);
        let guess = self.all.get(self.last as usize).map(|last| last.follower);
        let number = match guess {
            Some(guess) if is(&self.all[guess as usize]) => guess,
            _ => {
                let new = self.all.len() as u32;
                let number = *self.number_of.entry((window, series)).or_insert(new);
                if number == new {
                    self.all.push(Group { window, series, n: 0, start: 0, follower: 0 });
                }
                self.all[self.last as usize].follower = number;
                number
            }
        };
        self.all[number as usize].n += 1;
        self.last = number;
        number
    }

    /// Replaces the number of the group of each row by the row's place in the order of windows and series. Returns the places
    /// of each window, and how many series it has.
    fn place(&mut self, rows: &mut [u32]) -> Vec<(Range<usize>, usize)> {
        let mut order: Vec<u32> = (0..self.all.len() as u32).collect();
        order.sort_unstable_by_key(|number| {
            let group = &self.all[*number as usize];
            (group.window, group.series)
        });
        let mut windows: Vec<(Range<usize>, usize)> = Vec::new();
        let (mut end, mut window) = (0, None);
        for number in order {
            let group = &mut self.all[number as usize];
            group.start = end;
            end += group.n;
            if window.replace(group.window) != Some(group.window) {
                windows.push((group.start..group.start, 0));
            }
            if let Some((range, n_series)) = windows.last_mut() {
                (range.end, *n_series) = (end, *n_series + 1);
            }
        }
        let mut next: Vec<u32> = self.all.iter().map(|group| group.start as u32).collect();
        for row in rows {
            let next = &mut next[*row as usize];
            *row = *next;
            *next += 1;
        }
        windows
    }

    /// Changes `places` where points of a series came in another order than that of time.
    fn put_in_order_of_time(&self, sources: &[&PrimitiveArray<TimestampNanosecondType>], places: &mut [u32]) {
        let mut times: Vec<Nanos> = vec![0; places.len()];
        let values = sources.iter().flat_map(|source| source.values().iter());
        places.iter().zip(values).for_each(|(place, time)| times[*place as usize] = *time);
        let mut new_place: Option<Vec<u32>> = None;
        for group in &self.all {
            let of_group = group.start..group.start + group.n;
            if times[of_group.clone()].is_sorted() {
                continue;
            }
            let mut order: Vec<usize> = of_group.clone().collect();
            order.sort_by_key(|place| times[*place]);
            let new_place = new_place.get_or_insert_with(|| (0..places.len() as u32).collect());
            order.into_iter().zip(of_group).for_each(|(old, new)| new_place[old] = new as u32);
        }
        if let Some(new_place) = new_place {
            places.iter_mut().for_each(|place| *place = new_place[*place as usize]);
        }
    }
}

/// The column `name` of each batch.
fn columns<'a, T: Array + 'static>(batches: &'a [RecordBatch], name: &str) -> Result<Vec<&'a T>, ArrowError> {
    let column = |batch: &'a RecordBatch| batch.column_by_name(name)?.as_any().downcast_ref::<T>();
    let columns = batches.iter().map(column).collect::<Option<_>>();
    columns.ok_or_else(|| ArrowError::SchemaError(format!("no column \"{name}\" of the right type")))
}

/// One column of the rows of all `sources`, each at its place.
fn scatter(data_type: &DataType, sources: &[&ArrayRef], places: &[u32]) -> Result<ArrayRef, ArrowError> {
    if sources.iter().all(|source| source.null_count() == source.len()) {
        return Ok(new_null_array(data_type, places.len()));
    }
    match data_type {
        DataType::Int64 => Ok(primitives::<Int64Type>(sources, places)),
        DataType::UInt32 => Ok(primitives::<UInt32Type>(sources, places)),
        DataType::Float64 => Ok(primitives::<Float64Type>(sources, places)),
        DataType::Timestamp(..) => Ok(primitives::<TimestampNanosecondType>(sources, places)),
        DataType::FixedSizeBinary(16) => ids(sources, places),
        DataType::Binary => binary(sources, places),
        other => Err(ArrowError::NotYetImplemented(format!("a column of {other} in points"))),
    }
}

fn nulls(sources: &[&ArrayRef], places: &[u32]) -> Option<NullBuffer> {
    if sources.iter().all(|source| source.null_count() == 0) {
        return None;
    }
    let mut valid = BooleanBufferBuilder::new(places.len());
    valid.append_n(places.len(), false);
    let mut start = 0;
    for source in sources {
        let places = &places[start..start + source.len()];
        match source.nulls() {
            None => places.iter().for_each(|place| valid.set_bit(*place as usize, true)),
            Some(nulls) => nulls.valid_indices().for_each(|row| valid.set_bit(places[row] as usize, true)),
        }
        start += source.len();
    }
    Some(NullBuffer::new(valid.finish()))
}

fn primitives<T: ArrowPrimitiveType>(sources: &[&ArrayRef], places: &[u32]) -> ArrayRef {
    let mut values = vec![T::Native::default(); places.len()];
    let from = sources.iter().flat_map(|source| source.as_primitive::<T>().values().iter());
    places.iter().zip(from).for_each(|(place, value)| values[*place as usize] = *value);
    let array = PrimitiveArray::<T>::new(ScalarBuffer::from(values), nulls(sources, places));
    Arc::new(array.with_data_type(sources[0].data_type().clone()))
}

fn ids(sources: &[&ArrayRef], places: &[u32]) -> Result<ArrayRef, ArrowError> {
    let mut values = vec![[0u8; 16]; places.len()];
    let from = sources.iter().flat_map(|source| source.as_fixed_size_binary().value_data().as_chunks::<16>().0);
    places.iter().zip(from).for_each(|(place, id)| values[*place as usize] = *id);
    Ok(Arc::new(FixedSizeBinaryArray::try_new(16, values.into_flattened().into(), nulls(sources, places))?))
}

fn binary(sources: &[&ArrayRef], places: &[u32]) -> Result<ArrayRef, ArrowError> {
    let rows = || {
        sources.iter().flat_map(|source| {
            let source = source.as_binary::<i32>();
            (0..source.len()).map(move |row| source.value(row))
        })
    };
    let mut ends = vec![0usize; places.len()];
    places.iter().zip(rows()).for_each(|(place, bytes)| ends[*place as usize] = bytes.len());
    let mut offsets = Vec::with_capacity(places.len() + 1);
    let mut total = 0usize;
    offsets.push(0);
    for end in &mut ends {
        total += *end;
        *end = total;
        offsets.push(i32::try_from(total).map_err(|_| ArrowError::OffsetOverflowError(total))?);
    }
    let mut values = vec![0; total];
    for (place, bytes) in places.iter().zip(rows()) {
        let end = ends[*place as usize];
        values[end - bytes.len()..end].copy_from_slice(bytes);
    }
    let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
    Ok(Arc::new(BinaryArray::try_new(offsets, values.into(), nulls(sources, places))?))
}

#[cfg(test)]
mod tests;
