//! Tests that every row of a scan must pass: the store answers them, or the index of series does.

use std::fmt;
use std::ops::RangeInclusive;

use model::attrs::number_of;
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
    Attribute { place: Place, key: String, values: Values },
    /// A field of the row's series.
    Series { field: SeriesField, values: Vec<String> },
    /// An attribute of the row's series, or of its resource.
    SeriesAttribute { field: SeriesField, key: String, values: Values },
}

/// A set of values of an attribute.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Values {
    /// With one of these string forms.
    Texts(Vec<String>),
    /// With a string form that is a number in one of these, as a double.
    Numbers(Vec<RangeInclusive<f64>>),
}

impl Values {
    fn take(&self, value: &model::Value<'_>) -> bool {
        match (self, value) {
            (_, model::Value::Empty) => false,
            (Values::Texts(texts), model::Value::Str(text)) => texts.iter().any(|value| value == text),
            (Values::Texts(texts), other) => texts.contains(&other.to_string()),
            (Values::Numbers(ranges), value) => {
                number_of(&value.to_string()).is_some_and(|number| ranges.iter().any(|range| range.contains(&number)))
            }
        }
    }

    fn wanted(&self) -> Wanted {
        match self {
            Values::Texts(texts) => Wanted::texts(texts.iter().cloned()),
            Values::Numbers(ranges) => Wanted::numbers(ranges.iter().cloned()),
        }
    }

    /// Leaves what `others` has too, when each is one range of numbers, as those of `BETWEEN` are; else false.
    fn narrow(&mut self, others: &Values) -> bool {
        let (Values::Numbers(ranges), Values::Numbers(others)) = (self, others) else { return false };
        let ([range], [other]) = (ranges.as_mut_slice(), others.as_slice()) else { return false };
        *range = range.start().max(*other.start())..=range.end().min(*other.end());
        true
    }

    /// Adds `others`, when they are of the same kind.
    fn extend(&mut self, others: &Values) -> Option<()> {
        match (self, others) {
            (Values::Texts(texts), Values::Texts(more)) => texts.extend(more.iter().cloned()),
            (Values::Numbers(ranges), Values::Numbers(more)) => ranges.extend(more.iter().cloned()),
            _ => return None,
        }
        Some(())
    }
}

impl fmt::Display for Values {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // This form has exponents where zeros would fill the line.
        let form = |number: f64| format!("{number:?}").trim_end_matches(".0").to_owned();
        let range = |range: &RangeInclusive<f64>| match (*range.start(), *range.end()) {
            (low, high) if low == high => form(low),
            (low, f64::INFINITY) => format!("{}..", form(low)),
            (f64::NEG_INFINITY, high) => format!("..{}", form(high)),
            (low, high) => format!("{}..{}", form(low), form(high)),
        };
        match self {
            Values::Texts(texts) => write!(f, "in {texts:?}"),
            Values::Numbers(ranges) => write!(f, "in [{}]", ranges.iter().map(range).collect::<Vec<_>>().join(", ")),
        }
    }
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
                series.resource().attrs().get(key).is_some_and(|value| values.take(&value))
            }
            Test::SeriesAttribute { key, values, .. } => {
                series.attrs().get(key).is_some_and(|value| values.take(&value))
            }
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
                let wanted = values.wanted();
                Some(Filter::Attribute(vec![AttributeFilter { place: *place, key: key.clone(), wanted }]))
            }
            Test::Series { .. } | Test::SeriesAttribute { .. } => None,
        }
    }

    /// Makes this one test of both, when both are of the same number or range of numbers; else false.
    pub(super) fn narrow(&mut self, other: &Test) -> bool {
        match (self, other) {
            (Test::Number { column, values }, Test::Number { column: of, values: others }) if column == of => {
                values.retain(|value| others.contains(value));
                true
            }
            (
                Test::Attribute { place, key, values },
                Test::Attribute { place: of_place, key: of_key, values: others },
            ) if (*place, &*key) == (*of_place, of_key) => values.narrow(others),
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
            ) if (*place, &*key) == (*of_place, of_key) => {
                values.extend(more)?;
                return Some(self);
            }
            (Test::Series { field, values }, Test::Series { field: of, values: more }) if field == of => (values, more),
            (
                Test::SeriesAttribute { field, key, values },
                Test::SeriesAttribute { field: of_field, key: of_key, values: more },
            ) if (*field, &*key) == (*of_field, of_key) => {
                values.extend(more)?;
                return Some(self);
            }
            _ => return None,
        };
        values.extend(more.iter().cloned());
        Some(self)
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
                write!(f, "{column}[{key:?}] {values}")
            }
            Test::Series { field, values } => write!(f, "series {field:?} in {values:?}"),
            Test::SeriesAttribute { field, key, values } => write!(f, "series {field:?}[{key:?}] {values}"),
        }
    }
}
