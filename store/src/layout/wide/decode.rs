//! Rows of the file in, rows of the table out.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, FixedSizeBinaryArray, RecordBatch, RecordBatchOptions,
    TimestampNanosecondArray,
};
use arrow::datatypes::{Int32Type, Int64Type, Schema, TimestampNanosecondType};

use super::columns::Column;
use super::group::Group;
use super::join::{self, Source};
use super::rows::Rows;
use super::{DELAY, EMPTY_AS_NULL, OBSERVED, PARENT, PARENT_ROW, REST, parents, shape};
use crate::schema::Table;

type Error = Box<dyn std::error::Error>;

/// `rows` of `group` in the schema of `table`, projected to `columns` (`None` for all).
pub(super) fn decode(
    group: &Group<'_>,
    table: Table,
    columns: Option<&[&str]>,
    rows: &Rows,
) -> Result<RecordBatch, Error> {
    let schema = table.schema();
    let wanted = |name: &str| columns.is_none_or(|columns| columns.contains(&name));
    let mut places = Vec::new();
    for name in schema.fields().iter().map(|field| field.name().as_str()).filter(|name| wanted(name)) {
        match name {
            PARENT => places.extend([PARENT_ROW, PARENT, "span_id"].map(|name| group.place(name))),
            OBSERVED => places.extend([DELAY, "time"].map(|name| group.place(name))),
            REST => {
                places.push(group.place(REST));
                let promoted = |name: &str| Column::parse(name).is_some();
                places
                    .extend(group.names().enumerate().filter(|(_, name)| promoted(name)).map(|(place, _)| Some(place)));
            }
            _ => places.push(group.place(name)),
        }
    }
    if places.is_empty() {
        let count = RecordBatchOptions::new().with_row_count(Some(rows.len()));
        return Ok(RecordBatch::try_new_with_options(Arc::new(Schema::empty()), Vec::new(), &count)?);
    }
    let places: Vec<usize> = places.into_iter().flatten().collect();
    let shape = shape::of(group, &places, rows)?;
    let read = group.read_shaped(places, rows, shape.as_ref())?;
    let mut fields = Vec::new();
    let mut arrays: Vec<ArrayRef> = Vec::new();
    for field in schema.fields().iter().filter(|field| wanted(field.name())) {
        let array = match field.name().as_str() {
            PARENT => parent_ids(group, &read, rows)?,
            OBSERVED => observed(&read),
            REST => attributes(&read)?,
            name if EMPTY_AS_NULL.contains(&name) => read.column_by_name(name).map(empty_for_null),
            name => read.column_by_name(name).cloned(),
        };
        if let Some(array) = array {
            fields.push(Arc::clone(field));
            arrays.push(array);
        }
    }
    Ok(RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)?)
}

fn attributes(read: &RecordBatch) -> Result<Option<ArrayRef>, Error> {
    let rest = read.column_by_name(REST).and_then(|rest| rest.as_binary_opt::<i32>());
    let schema = read.schema_ref();
    let sources: Vec<Source<'_>> = schema
        .fields()
        .iter()
        .zip(read.columns())
        .filter_map(|(field, array)| Source::new(field.name(), array))
        .collect();
    Ok(Some(Arc::new(join::join(read.num_rows(), &sources, rest)?)))
}

fn observed(read: &RecordBatch) -> Option<ArrayRef> {
    let times = read.column_by_name("time")?.as_primitive_opt::<TimestampNanosecondType>()?;
    let delays = read.column_by_name(DELAY)?.as_primitive_opt::<Int64Type>()?;
    let observed =
        times.values().iter().zip(delays).map(|(time, delay)| delay.map_or(0, |delay| time.wrapping_add(delay)));
    Some(Arc::new(TimestampNanosecondArray::from_iter_values(observed).with_timezone("UTC")))
}

fn empty_for_null(array: &ArrayRef) -> ArrayRef {
    match array.as_binary_opt::<i32>() {
        Some(bytes) if bytes.null_count() > 0 => {
            Arc::new(BinaryArray::from_iter_values(bytes.iter().map(Option::unwrap_or_default)))
        }
        _ => Arc::clone(array),
    }
}

fn parent_ids(group: &Group<'_>, read: &RecordBatch, rows: &Rows) -> Result<Option<ArrayRef>, Error> {
    let ids = |name: &str| read.column_by_name(name).and_then(|ids| ids.as_fixed_size_binary_opt());
    let distances = read.column_by_name(PARENT_ROW).and_then(|rows| rows.as_primitive_opt::<Int32Type>());
    let (Some(distances), Some(elsewhere), Some(span_ids)) = (distances, ids(PARENT), ids("span_id")) else {
        return Ok(None);
    };
    let numbers = rows.iter().map(|row| row as u32);
    if rows.is_all() {
        let of_row = |row: i64| usize::try_from(row).ok().filter(|row| *row < span_ids.len());
        let ids = parents::decode(distances, elsewhere, numbers, |row| of_row(row).map(|row| span_ids.value(row)))?;
        return Ok(Some(Arc::new(ids)));
    }
    // The parent of a row that was selected may be one that was not.
    let needed = rows.iter().enumerate().filter_map(|(index, row)| parents::parent_row(distances, index, row as u32));
    let needed = Rows::numbered(group.n_rows, needed.filter_map(|row| usize::try_from(row).ok()));
    let all_selected = {
        let mut both = needed.clone();
        both.intersect(rows);
        both.len() == needed.len()
    };
    let ids = if all_selected {
        Ids::new(group.n_rows, rows, span_ids.clone())
    } else {
        let place = group.place("span_id").ok_or("the file has no column span_id")?;
        let ids = group.column(place, &needed)?;
        let ids = ids.as_fixed_size_binary_opt().ok_or("column span_id holds no ids")?;
        Ids::new(group.n_rows, &needed, ids.clone())
    };
    Ok(Some(Arc::new(parents::decode(distances, elsewhere, numbers, |row| ids.of_row(row))?)))
}

/// The ids of some spans of a row group, by row.
struct Ids {
    /// By row, the place of its id.
    places: Vec<u32>,
    ids: FixedSizeBinaryArray,
}

const NO_PLACE: u32 = u32::MAX;

impl Ids {
    fn new(n_rows: usize, rows: &Rows, ids: FixedSizeBinaryArray) -> Self {
        let mut places = vec![NO_PLACE; n_rows];
        rows.iter().enumerate().for_each(|(place, row)| places[row] = place as u32);
        Ids { places, ids }
    }

    fn of_row(&self, row: i64) -> Option<&[u8]> {
        let place = *self.places.get(usize::try_from(row).ok()?)?;
        (place != NO_PLACE).then(|| self.ids.value(place as usize))
    }
}
