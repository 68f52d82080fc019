//! What the fields of spans and of log records have in common.

use arrow::array::{Array, StringArray};

use crate::error::QueryError;

use super::ast::{Comparison, Literal, Operator};

/// The outcome of `test` for the dictionary entry at `row`, asked once per entry.
pub(super) fn by_dictionary(
    column: Option<(&StringArray, &[i32])>,
    known: &mut Vec<Option<bool>>,
    row: usize,
    test: impl FnOnce(&str) -> bool,
) -> bool {
    let Some((values, keys)) = column else { return test("") };
    if known.is_empty() {
        known.resize(values.len(), None);
    }
    let key = keys[row] as usize;
    *known[key].get_or_insert_with(|| test(values.value(key)))
}

/// The value of a comparison that may only ask whether a field is one of the values `expected`.
pub(super) fn equality<'a>(comparison: &'a Comparison, expected: &str) -> Result<&'a Literal, QueryError> {
    let Comparison { key, operator, value } = comparison;
    match operator {
        Operator::Has | Operator::Equal => Ok(value),
        other => {
            let message = format!("`{}` is {expected}: it has no `{}`, only `=` and `!=`", key.text, other.symbol());
            Err(QueryError::bad_query(key.position, message))
        }
    }
}

/// The id that a comparison asks for.
pub(super) fn id<T>(comparison: &Comparison, expected: &str, parse: fn(&str) -> Option<T>) -> Result<T, QueryError> {
    let value = equality(comparison, expected)?;
    parse(&value.text)
        .ok_or_else(|| QueryError::bad_query(value.position, format!("{expected} is expected, not `{}`", value.text)))
}
