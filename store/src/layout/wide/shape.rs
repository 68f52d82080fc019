//! Which columns have a value in a row, so that whoever reads a few rows opens no column that is null in all of them.
//!
//! Each kind of record has its own attributes: most of the columns are null in any one of them, and to find that out costs a
//! page and a dictionary of each. A *shape* is a bitmap of the file's columns, by their places: a clear bit says that the
//! column is null in the row, a set bit says nothing. The column of shapes is null, which says nothing either, in rows beyond
//! the first so many shapes of a row group.

use arrow::array::{Array, ArrayRef, AsArray, BinaryArray, BinaryBuilder};
use arrow::datatypes::SchemaRef;
use hashbrown::HashMap;

use super::group::Group;
use super::rows::Rows;
use super::{SHAPE, SUMMARY};

type Error = Box<dyn std::error::Error>;

/// Distinct shapes in a row group: what is said of a row is at most a byte.
const MAX_SHAPES: usize = 256;

/// Of more rows every column is likely to have a value in one of them.
const MOST_ROWS: usize = 512;
/// What would have to be saved at least: shapes are a column to read themselves.
const LEAST_COLUMNS: usize = 3;

/// The column of shapes for a row group with the columns `arrays`, in the order of `schema`, which may have more.
pub(super) fn encode(schema: &SchemaRef, arrays: &[ArrayRef]) -> BinaryArray {
    let n_rows = arrays.first().map_or(0, |array| array.len());
    let width = arrays.len().div_ceil(8);
    let mut bits = vec![0xff; n_rows * width];
    for (place, (field, array)) in schema.fields().iter().zip(arrays).enumerate() {
        let Some(nulls) = array.nulls().filter(|_| field.name() != SUMMARY) else { continue };
        let mut byte = place / 8;
        for has_value in nulls {
            bits[byte] &= !(u8::from(!has_value) << (place % 8));
            byte += width;
        }
    }
    let mut known: HashMap<&[u8], ()> = HashMap::new();
    let mut shapes = BinaryBuilder::with_capacity(n_rows, bits.len());
    for shape in bits.chunks_exact(width.max(1)) {
        let told = known.contains_key(shape) || (known.len() < MAX_SHAPES && known.insert(shape, ()).is_none());
        shapes.append_option(told.then_some(shape));
    }
    shapes.finish()
}

/// What the shapes of some rows say together.
pub(super) struct Shape(Vec<u8>);

impl Shape {
    /// Whether the column at `place` may have a value in one of the rows.
    pub(super) fn may_hold(&self, place: usize) -> bool {
        self.0.get(place / 8).is_none_or(|bits| bits >> (place % 8) & 1 == 1)
    }
}

/// The shape of `rows` together, when it is worth its while for whoever reads the columns at `places`; `None` when it is not, or
/// the file says nothing of one of them.
pub(super) fn of(group: &Group<'_>, places: &[usize], rows: &Rows) -> Result<Option<Shape>, Error> {
    let Some(place) = group.place(SHAPE) else { return Ok(None) };
    let nullable = places.iter().filter(|place| group.metadata.schema().field(**place).is_nullable());
    if rows.len() > MOST_ROWS || nullable.count() < LEAST_COLUMNS {
        return Ok(None);
    }
    let shapes = group.column(place, rows)?;
    Ok(together(shapes.as_binary_opt::<i32>().ok_or("column shape holds no bytes")?))
}

fn together(shapes: &BinaryArray) -> Option<Shape> {
    let mut all: Option<Vec<u8>> = None;
    for shape in shapes {
        let shape = shape?;
        match &mut all {
            None => all = Some(shape.to_vec()),
            Some(all) if all.len() == shape.len() => all.iter_mut().zip(shape).for_each(|(all, bits)| *all |= bits),
            Some(_) => return None,
        }
    }
    all.map(Shape)
}

/// Fails when a shape says of a column that it is null in a row where it is not. Reads all of them.
pub(crate) fn check(group: &Group<'_>) -> Result<(), Error> {
    let Some(shapes) = group.place(SHAPE) else { return Ok(()) };
    let all = Rows::all(group.n_rows);
    let shapes = group.column(shapes, &all)?;
    let shapes = shapes.as_binary_opt::<i32>().ok_or("column shape holds no bytes")?;
    for (place, field) in group.metadata.schema().fields().iter().enumerate().filter(|(_, field)| field.is_nullable()) {
        let column = group.column(place, &all)?;
        if let Some(row) = denied(shapes, place, &column) {
            return Err(format!("row {row} has a value in column {}, its shape says it has none", field.name()).into());
        }
    }
    Ok(())
}

/// The first row in which `column`, at `place`, has a value and the shape says that it has none.
fn denied(shapes: &BinaryArray, place: usize, column: &ArrayRef) -> Option<usize> {
    let says_null = |shape: &[u8]| shape.get(place / 8).is_some_and(|bits| bits >> (place % 8) & 1 == 0);
    let mut rows = (0..column.len()).filter(|row| column.is_valid(*row) && shapes.is_valid(*row));
    rows.find(|row| says_null(shapes.value(*row)))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::Int64Array;
    use arrow::datatypes::{DataType, Field, Schema};

    use super::*;

    /// As many nullable columns as `values` has, and what they hold by row.
    fn columns(values: &[Vec<Option<i64>>]) -> (SchemaRef, Vec<ArrayRef>) {
        let field = |place| Field::new(format!("column {place}"), DataType::Int64, true);
        let arrays = values.iter().map(|values| Arc::new(Int64Array::from(values.clone())) as ArrayRef);
        (Arc::new(Schema::new((0..values.len()).map(field).collect::<Vec<_>>())), arrays.collect())
    }

    #[test]
    fn say_of_each_row_which_columns_are_null() {
        // A column that is never null, one that always is, and one for each row.
        let n = 20;
        let mut values = vec![vec![Some(1); n], vec![None; n]];
        values.extend((0..n).map(|column| (0..n).map(|row| (row == column).then_some(7)).collect()));
        let (schema, arrays) = columns(&values);
        let shapes = encode(&schema, &arrays);
        assert_eq!((shapes.len(), shapes.null_count(), shapes.value(0).len()), (n, 0, 3));
        for row in 0..n {
            let shape = together(&shapes.slice(row, 1)).unwrap();
            let held: Vec<usize> = (0..arrays.len()).filter(|place| shape.may_hold(*place)).collect();
            assert_eq!(held, [0, 2 + row]);
            assert!(shape.may_hold(24), "nothing is said of columns beyond");
        }
        let shape = together(&shapes.slice(3, 2)).unwrap();
        let held: Vec<usize> = (0..arrays.len()).filter(|place| shape.may_hold(*place)).collect();
        assert_eq!(held, [0, 5, 6]);
    }

    #[test]
    fn of_too_many_shapes_the_later_ones_say_nothing() {
        let bit = |bit: usize| (0..2_000).map(|row| ((row % 512) >> bit & 1 == 1).then_some(1)).collect();
        let (schema, arrays) = columns(&(0..9).map(bit).collect::<Vec<_>>());
        let shapes = encode(&schema, &arrays);
        let told: Vec<bool> = (0..2_000).map(|row| shapes.is_valid(row)).collect();
        assert_eq!(told, (0..2_000).map(|row| row % 512 < MAX_SHAPES).collect::<Vec<_>>());
        assert!(together(&shapes.slice(255, 2)).is_none() && together(&shapes.slice(512, 256)).is_some());
    }

    #[test]
    fn that_deny_a_value_are_found() {
        let shapes = BinaryArray::from_iter([Some(&[1u8][..]), Some(&[0]), None, Some(&[2]), Some(&[])]);
        let column = |rows: &[usize]| {
            Arc::new(Int64Array::from_iter((0..5).map(|row| rows.contains(&row).then_some(1)))) as ArrayRef
        };
        let cases =
            [(0, vec![0, 2, 4], None), (0, vec![0, 1], Some(1)), (1, vec![2, 3, 4], None), (1, vec![0], Some(0))];
        for (place, rows, expected) in cases {
            assert_eq!(denied(&shapes, place, &column(&rows)), expected, "{place} {rows:?}");
        }
    }

    #[test]
    fn of_no_rows_or_no_columns_there_are_none() {
        let (schema, arrays) = columns(&[vec![]]);
        assert_eq!(encode(&schema, &arrays).len(), 0);
        let (schema, arrays) = columns(&[]);
        assert_eq!(encode(&schema, &arrays).len(), 0);
        assert!(together(&BinaryArray::from_iter_values([[0u8; 0]; 0])).is_none());
    }

    #[test]
    fn of_two_lengths_say_nothing_together() {
        assert!(together(&BinaryArray::from_iter_values([&[0u8][..], &[0, 0]])).is_none());
    }
}
