//! Tests that every row of a scan must pass: the store answers them, or the index of series does.

use std::fmt;

use model::Attrs;
use store::{AttributeFilter, Filter, Place, StoredSeries, Texts, Wanted};

use crate::table::SeriesField;
use crate::table::build::comparable;

/// A field is one of a set of values.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Test {
    /// The text in this stored column.
    Text { column: &'static str, values: Vec<String> },
    /// The number in this stored column, which the table may show as a word.
    Number { column: &'static str, values: Vec<u8> },
    /// An attribute of the row itself or of its resource, as the function `attr` gives it.
    Attribute { place: Place, key: String, values: Vec<String> },
    /// A field of the row's series.
    Series { field: SeriesField, values: Vec<String> },
    /// An attribute of the row's series, or of its resource.
    SeriesAttribute { field: SeriesField, key: String, values: Vec<String> },
}

impl Test {
    pub(super) fn is_of_series(&self) -> bool {
        matches!(self, Test::Series { .. } | Test::SeriesAttribute { .. })
    }

    /// Whether a series passes; one of rows is no test of series.
    pub(super) fn passes_series(&self, series: &StoredSeries) -> bool {
        match self {
            Test::Text { .. } | Test::Number { .. } | Test::Attribute { .. } => true,
            Test::Series { field, values } => comparable(series, *field).is_some_and(|text| values.contains(&text)),
            Test::SeriesAttribute { field: SeriesField::Resource, key, values } => {
                is_one_of(series.resource().attrs(), key, values)
            }
            Test::SeriesAttribute { key, values, .. } => is_one_of(series.attrs(), key, values),
        }
    }

    /// The test as the store answers it of each row; `None` when it is of series.
    pub(super) fn filter(&self) -> Option<Filter> {
        match self {
            Test::Text { column, values } => {
                Some(Filter::Text { column, wanted: Texts::exactly(values.iter().cloned()) })
            }
            Test::Number { column, values } => Some(Filter::Number { column, wanted: values.clone() }),
            Test::Attribute { place, key, values } => {
                let wanted = Wanted::texts(values.iter().cloned());
                Some(Filter::Attribute(vec![AttributeFilter { place: *place, key: key.clone(), wanted }]))
            }
            Test::Series { .. } | Test::SeriesAttribute { .. } => None,
        }
    }

    /// Makes this one test of both, when both are of the same number; else false.
    pub(super) fn narrow(&mut self, other: &Test) -> bool {
        match (self, other) {
            (Test::Number { column, values }, Test::Number { column: of, values: others }) if column == of => {
                values.retain(|value| others.contains(value));
                true
            }
            _ => false,
        }
    }

    /// This test or `other`, when both are about the same thing.
    pub(super) fn or(mut self, other: &Test) -> Option<Test> {
        let (values, more) = match (&mut self, other) {
            (Test::Number { column, values }, Test::Number { column: of, values: more }) if column == of => {
                values.extend(more);
                return Some(self);
            }
            (Test::Text { column, values }, Test::Text { column: of, values: more }) if column == of => (values, more),
            (
                Test::Attribute { place, key, values },
                Test::Attribute { place: of_place, key: of_key, values: more },
            ) if (*place, &*key) == (*of_place, of_key) => (values, more),
            (Test::Series { field, values }, Test::Series { field: of, values: more }) if field == of => (values, more),
            (
                Test::SeriesAttribute { field, key, values },
                Test::SeriesAttribute { field: of_field, key: of_key, values: more },
            ) if (*field, &*key) == (*of_field, of_key) => (values, more),
            _ => return None,
        };
        values.extend(more.iter().cloned());
        Some(self)
    }
}

/// Whether attribute `key` has one of the texts `values`, as the function `attr` gives it.
fn is_one_of(attrs: Attrs<'_>, key: &str, values: &[String]) -> bool {
    match attrs.get(key) {
        None | Some(model::Value::Empty) => false,
        Some(model::Value::Str(text)) => values.iter().any(|value| value == text),
        Some(other) => values.contains(&other.to_string()),
    }
}

/// Numbers in short: `0-1, 17-20`.
fn runs(numbers: &[u8]) -> String {
    let mut sorted = numbers.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    let runs = sorted.chunk_by(|one, next| next - one == 1).filter_map(|run| match run {
        [] => None,
        [one] => Some(one.to_string()),
        [first, .., last] => Some(format!("{first}-{last}")),
    });
    runs.collect::<Vec<_>>().join(", ")
}

/// As `EXPLAIN` shows it.
impl fmt::Display for Test {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Test::Text { column, values } => write!(f, "{column} in {values:?}"),
            Test::Number { column, values } => write!(f, "{column} in [{}]", runs(values)),
            Test::Attribute { place, key, values } => {
                let column = if *place == Place::Resource { "resource" } else { "attributes" };
                write!(f, "{column}[{key:?}] in {values:?}")
            }
            Test::Series { field, values } => write!(f, "series {field:?} in {values:?}"),
            Test::SeriesAttribute { field, key, values } => write!(f, "series {field:?}[{key:?}] in {values:?}"),
        }
    }
}
