//! Filters on rows in the schema of their table: in memory, and of segments in the layout `rows`.

use arrow::array::{Array, AsArray, BinaryArray, BooleanArray, DictionaryArray, RecordBatch};
use arrow::buffer::BooleanBuffer;
use arrow::datatypes::{Int32Type, UInt8Type};
use model::Attrs;

use super::{AttributeFilter, Filter, Place};

impl Filter {
    /// Of each row of `batch`, whether it satisfies the filter. A column that is not there holds nothing that is wanted.
    pub(crate) fn mask(&self, batch: &RecordBatch) -> BooleanArray {
        let n_rows = batch.num_rows();
        let none = || BooleanBuffer::new_unset(n_rows);
        let shared = |name: &str| batch.column_by_name(name).and_then(|column| column.as_dictionary_opt::<Int32Type>());
        let mask = match self {
            Filter::Text { column, wanted } => {
                shared(column).map_or_else(none, |column| by_value(column, |text| wanted.takes(text)))
            }
            Filter::Number { column, wanted } => {
                let numbers = batch.column_by_name(column).and_then(|column| column.as_primitive_opt::<UInt8Type>());
                numbers.map_or_else(none, |numbers| by_number(numbers.values(), wanted))
            }
            Filter::Attribute(any) => {
                let own = batch.column_by_name("attributes").and_then(|column| column.as_binary_opt::<i32>());
                let masks = any.iter().map(|filter| filter.mask(n_rows, own, shared("resource"), shared("scope")));
                masks.reduce(|a, b| &a | &b).unwrap_or_else(none)
            }
        };
        BooleanArray::new(mask, None)
    }
}

/// Of each row of `column`, whether `takes` its text. Asks once for each distinct text.
pub(crate) fn by_value(column: &DictionaryArray<Int32Type>, takes: impl Fn(&str) -> bool) -> BooleanBuffer {
    let Some(texts) = column.values().as_string_opt::<i32>() else { return BooleanBuffer::new_unset(column.len()) };
    let taken: Vec<bool> = texts.iter().map(|text| text.is_some_and(&takes)).collect();
    by_key(column, &taken)
}

/// Of each row of `column`, what `taken` says of its dictionary key; false for null.
pub(crate) fn by_key(column: &DictionaryArray<Int32Type>, taken: &[bool]) -> BooleanBuffer {
    if !taken.contains(&true) {
        return BooleanBuffer::new_unset(column.len());
    }
    let keys = column.keys().values();
    let mask = BooleanBuffer::collect_bool(keys.len(), |row| taken.get(keys[row] as usize).copied().unwrap_or(false));
    match column.nulls() {
        Some(nulls) => &mask & nulls.inner(),
        None => mask,
    }
}

pub(crate) fn by_number(numbers: &[u8], wanted: &[u8]) -> BooleanBuffer {
    let mut taken = [false; 256];
    wanted.iter().for_each(|number| taken[usize::from(*number)] = true);
    BooleanBuffer::collect_bool(numbers.len(), |row| taken[usize::from(numbers[row])])
}

impl AttributeFilter {
    fn mask(
        &self,
        n_rows: usize,
        own: Option<&BinaryArray>,
        resource: Option<&DictionaryArray<Int32Type>>,
        scope: Option<&DictionaryArray<Int32Type>>,
    ) -> BooleanBuffer {
        let resource = Answers::new(resource.filter(|_| self.place != Place::Own), |bytes| self.of_resource(bytes));
        let scope = Answers::new(scope.filter(|_| self.place == Place::Any), |bytes| self.of_scope(bytes));
        let own = own.filter(|_| self.place != Place::Resource);
        BooleanBuffer::collect_bool(n_rows, |row| {
            let own = || own.and_then(|own| own.is_valid(row).then(|| self.of(Attrs::new(own.value(row))))?);
            own().or_else(|| resource.of_row(row)).or_else(|| scope.of_row(row)).unwrap_or(false)
        })
    }
}

/// What a test says of the distinct values of a column of resources or scopes.
pub(crate) struct Answers<'a> {
    column: Option<&'a DictionaryArray<Int32Type>>,
    /// By dictionary key; `None` where the key of the attribute is not there.
    answers: Vec<Option<bool>>,
}

impl<'a> Answers<'a> {
    pub(crate) fn new(column: Option<&'a DictionaryArray<Int32Type>>, test: impl Fn(&[u8]) -> Option<bool>) -> Self {
        let values = column.and_then(|column| column.values().as_binary_opt::<i32>());
        let answers = values.map(|values| values.iter().map(|bytes| test(bytes.unwrap_or_default())).collect());
        Answers { column, answers: answers.unwrap_or_default() }
    }

    pub(crate) fn of_row(&self, row: usize) -> Option<bool> {
        self.answers.get(self.column?.key(row)?).copied().flatten()
    }

    /// Whether any value passes.
    pub(crate) fn any(&self) -> bool {
        self.answers.contains(&Some(true))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, UInt8Array};
    use model::{AttrsBuf, Value};

    use super::super::{Texts, Wanted};
    use super::*;

    fn set(attributes: &[(&str, &str)]) -> Vec<u8> {
        let mut attrs = AttrsBuf::new();
        attributes.iter().for_each(|(key, value)| attrs.push(key, Value::Str(value)));
        attrs.as_bytes().to_vec()
    }

    /// Rows of services a, b, a, b with these attributes of their own and of their resources.
    fn batch() -> RecordBatch {
        let own = [set(&[("k", "own")]), set(&[("k", "x"), ("k", "last")]), set(&[]), set(&[("l", "own")])];
        let resources = [set(&[("k", "of a")]), set(&[("k", "of b"), ("l", "of b")])];
        let resources = BinaryArray::from_iter_values([0, 1, 0, 1].map(|row| &resources[row]));
        let shared = arrow::compute::cast(
            &resources,
            &crate::Table::Spans.schema().field_with_name("resource").unwrap().data_type().clone(),
        );
        let services: DictionaryArray<Int32Type> = ["a", "b", "a", "b"].into_iter().collect();
        let columns: [(&str, ArrayRef); 4] = [
            ("service", Arc::new(services)),
            ("kind", Arc::new(UInt8Array::from(vec![1, 2, 3, 2]))),
            ("attributes", Arc::new(BinaryArray::from_iter_values(own))),
            ("resource", shared.unwrap()),
        ];
        RecordBatch::try_from_iter(columns).unwrap()
    }

    #[test]
    fn rows_that_satisfy_a_filter() {
        let attribute = |place, key: &str, text: &str| AttributeFilter {
            place,
            key: key.to_owned(),
            wanted: Wanted::texts([text.to_owned()]),
        };
        let text = |column, text: &str| Filter::Text { column, wanted: Texts::exactly([text.to_owned()]) };
        let one = |place, key: &str, text: &str| Filter::Attribute(vec![attribute(place, key, text)]);
        let cases = [
            (text("service", "a"), [true, false, true, false]),
            (text("service", "c"), [false; 4]),
            (text("kind", "a"), [false; 4]),
            (text("name", "a"), [false; 4]),
            (Filter::Number { column: "kind", wanted: vec![2, 9] }, [false, true, false, true]),
            (Filter::Number { column: "service", wanted: vec![2] }, [false; 4]),
            (one(Place::Own, "k", "own"), [true, false, false, false]),
            (one(Place::Own, "k", "x"), [false; 4]),
            (one(Place::Own, "k", "last"), [false, true, false, false]),
            (one(Place::Resource, "k", "of a"), [true, false, true, false]),
            (one(Place::Any, "k", "of a"), [false, false, true, false]),
            (one(Place::Any, "k", "of b"), [false, false, false, true]),
            (one(Place::Any, "l", "of b"), [false, true, false, false]),
            (Filter::Attribute(vec![]), [false; 4]),
            (
                Filter::Attribute(vec![attribute(Place::Own, "l", "own"), attribute(Place::Any, "k", "own")]),
                [true, false, false, true],
            ),
        ];
        for (filter, expected) in cases {
            assert_eq!(filter.mask(&batch()), BooleanArray::from(expected.to_vec()), "{filter:?}");
        }
    }
}
