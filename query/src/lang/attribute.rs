//! Conditions on attributes: of the row itself, its resource, or its scope.
//!
//! Resources and scopes are shared by many rows, so a condition is tried once for each of them in a chunk.

use arrow::array::{Array, AsArray, BinaryArray, DictionaryArray, RecordBatch};
use arrow::datatypes::Int32Type;
use model::attrs::number_of;
use model::{Attrs, Resource, Scope, Value};
use store::{AttributeFilter, Filter, Wanted};

use crate::error::QueryError;

use super::ast::{Comparison, Operator};
use super::literal::Number;
use super::strings::StringTest;

/// A test of an attribute's value. An array satisfies it when one of its elements does.
#[derive(Clone, Debug)]
pub(super) enum ValueTest {
    Exists,
    /// Of the string form; equality with a number besides, whatever way the number is written.
    Text(StringTest, Option<Number>),
    /// Of numbers, and of texts that are numbers.
    Order(Operator, Number),
    /// Of texts only.
    TextOrder(StringTest),
}

impl ValueTest {
    pub(super) fn new(comparison: &Comparison) -> Result<Self, QueryError> {
        let Comparison { key, operator, value } = comparison;
        if value.is_any() && matches!(operator, Operator::Has | Operator::Equal) {
            return Ok(ValueTest::Exists);
        }
        let number = if value.quoted { None } else { Number::parse(&value.text) };
        if !operator.is_order() {
            let number = number.filter(|_| *operator != Operator::Matches);
            return Ok(ValueTest::Text(StringTest::new(comparison, false)?, number));
        }
        match number {
            Some(number) => Ok(ValueTest::Order(*operator, number)),
            None if value.quoted => Ok(ValueTest::TextOrder(StringTest::new(comparison, false)?)),
            None => {
                let message = format!(
                    "a number such as 500, 1.5 or 10KB is expected after `{} {}`; texts are compared in quotes",
                    key.text,
                    operator.symbol()
                );
                Err(QueryError::bad_query(value.position, message))
            }
        }
    }

    /// Equality with the string form.
    pub(super) fn equal(text: &str) -> Self {
        ValueTest::Text(StringTest::Equal(text.to_owned()), Number::parse(text))
    }

    /// Values among which are all that match; `None` when they cannot be listed.
    fn listed(&self) -> Option<Wanted> {
        let (test, number) = match self {
            ValueTest::Text(test, number) => (test, number),
            // With the bound itself, which as a double may be that of a neighbour.
            ValueTest::Order(operator, number) => {
                let bound = number.as_f64();
                let range = match operator {
                    Operator::Greater | Operator::GreaterOrEqual => bound..=f64::INFINITY,
                    _ => f64::NEG_INFINITY..=bound,
                };
                return Some(Wanted { arrays: true, ..Wanted::numbers([range]) });
            }
            ValueTest::Exists | ValueTest::TextOrder(_) => return None,
        };
        // Of an array, one element is enough.
        let mut wanted = Wanted { texts: test.listed()?, arrays: true, ..Wanted::default() };
        if let Some(number) = number {
            let (int, double) = number.equals()?;
            wanted.ints.extend(int);
            wanted.doubles.push(double);
        }
        Some(wanted)
    }

    pub(super) fn matches(&self, value: &Value<'_>) -> bool {
        if let (Value::Array(values), false) = (value, matches!(self, ValueTest::Exists)) {
            return values.iter().any(|value| self.matches(&value));
        }
        match self {
            ValueTest::Exists => true,
            ValueTest::Text(test, number) => {
                let equal = number.is_some_and(|number| compare(value, number).is_some_and(std::cmp::Ordering::is_eq));
                equal
                    || match value {
                        Value::Str(text) => test.matches(text),
                        other => test.matches(&other.to_string()),
                    }
            }
            ValueTest::Order(operator, number) => {
                let order = match value {
                    // Units are for those who ask: a text that was sent is a number when it is one by itself.
                    Value::Str(text) => number_of(text).and_then(|_| Number::parse(text)).and_then(|it| match it {
                        Number::Int(int) => number.compare_int(int),
                        Number::Double(double) => number.compare_double(double),
                    }),
                    other => compare(other, *number),
                };
                order.is_some_and(|order| operator.holds(order))
            }
            ValueTest::TextOrder(test) => matches!(value, Value::Str(text) if test.matches(text)),
        }
    }
}

/// How a value that is a number compares with `number`.
fn compare(value: &Value<'_>, number: Number) -> Option<std::cmp::Ordering> {
    match value {
        Value::Int(int) => number.compare_int(*int),
        Value::Double(double) => number.compare_double(*double),
        _ => None,
    }
}

/// Where to look for an attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// The row itself, else its resource, else its scope: the first that has the key decides.
    Any,
    Own,
    Resource,
    Scope,
}

#[derive(Clone, Debug)]
pub(super) struct AttributeTest {
    place: Place,
    key: String,
    /// The key with the prefix that said the place: `log.file.name` is also the whole name of an attribute.
    whole_key: Option<String>,
    test: ValueTest,
}

impl AttributeTest {
    /// The test of an attribute named as in a query. `own` is the prefix of the row's own attributes: `span.` or `log.`.
    pub(super) fn new(key: &str, quoted: bool, own: &str, test: ValueTest) -> Self {
        let prefixes = [
            (own, Place::Own),
            ("resource.", Place::Resource),
            ("scope.", Place::Scope),
            ("otel.scope.", Place::Scope),
        ];
        let found = prefixes.into_iter().filter(|_| !quoted).find_map(|(prefix, place)| {
            key.strip_prefix(prefix).filter(|rest| !rest.is_empty()).map(|rest| (place, rest.to_owned()))
        });
        match found {
            Some((place, rest)) => AttributeTest { place, key: rest, whole_key: Some(key.to_owned()), test },
            None => AttributeTest { place: Place::Any, key: key.to_owned(), whole_key: None, test },
        }
    }

    /// The attribute, as the search language names it.
    pub(super) fn name(&self) -> &str {
        self.whole_key.as_deref().unwrap_or(&self.key)
    }

    /// A filter that every row which matches satisfies.
    pub(super) fn filter(&self) -> Option<Filter> {
        let place = match self.place {
            Place::Any => store::Place::Any,
            Place::Own => store::Place::Own,
            Place::Resource => store::Place::Resource,
            Place::Scope => return None, // its name and version are no attributes
        };
        let wanted = self.test.listed()?;
        let of_key = AttributeFilter { place, key: self.key.clone(), wanted: wanted.clone() };
        let of_whole_key = self.whole_key.clone().map(|key| AttributeFilter { place: store::Place::Any, key, wanted });
        Some(Filter::Attribute(std::iter::once(of_key).chain(of_whole_key).collect()))
    }

    pub(super) fn matches(&self, columns: &Columns<'_>, memo: &mut Memo, row: usize) -> bool {
        let [first, second] = &mut memo.0;
        self.find(self.place, &self.key, columns, first, row)
            .or_else(|| self.find(Place::Any, self.whole_key.as_deref()?, columns, second, row))
            .unwrap_or_default()
    }

    /// The outcome of the test, or `None` when the key is not there.
    fn find(&self, place: Place, key: &str, columns: &Columns<'_>, memo: &mut Known, row: usize) -> Option<bool> {
        let of = |attrs: Attrs<'_>| attrs.get(key).map(|value| self.test.matches(&value));
        let own = || of(Attrs::new(columns.attributes?.value(row)));
        let resource =
            |known: &mut Vec<Answer>| shared(columns.resource, known, row, |bytes| of(Resource::new(bytes).attrs()));
        let in_scope = |bytes: &[u8]| {
            let scope = Scope::new(bytes);
            let named = |text: &str| (!text.is_empty()).then(|| self.test.matches(&Value::Str(text)));
            match key {
                "name" if place == Place::Scope => named(scope.name()),
                "version" if place == Place::Scope => named(scope.version()),
                _ => of(scope.attrs()),
            }
        };
        let scope = |known: &mut Vec<Answer>| shared(columns.scope, known, row, in_scope);
        match place {
            Place::Any => own().or_else(|| resource(&mut memo.resource)).or_else(|| scope(&mut memo.scope)),
            Place::Own => own(),
            Place::Resource => resource(&mut memo.resource),
            Place::Scope => scope(&mut memo.scope),
        }
    }
}

/// The columns of a chunk that hold attributes; missing ones were not asked for.
pub(super) struct Columns<'a> {
    attributes: Option<&'a BinaryArray>,
    resource: Option<&'a DictionaryArray<Int32Type>>,
    scope: Option<&'a DictionaryArray<Int32Type>>,
}

impl<'a> Columns<'a> {
    pub(super) fn of(batch: &'a RecordBatch) -> Self {
        let shared = |name| batch.column_by_name(name).and_then(|column| column.as_dictionary_opt::<Int32Type>());
        Columns {
            attributes: batch.column_by_name("attributes").and_then(|column| column.as_binary_opt::<i32>()),
            resource: shared("resource"),
            scope: shared("scope"),
        }
    }
}

/// What is known of a condition in a chunk: for its key, and for the key with the prefix.
#[derive(Clone, Debug, Default)]
pub(super) struct Memo([Known; 2]);

#[derive(Clone, Debug, Default)]
struct Known {
    resource: Vec<Answer>,
    scope: Vec<Answer>,
}

/// Of a dictionary entry: not asked yet, or the outcome.
type Answer = Option<Option<bool>>;

/// The outcome of `test` for the entry of `column` at `row`, asked once per entry.
fn shared(
    column: Option<&DictionaryArray<Int32Type>>,
    known: &mut Vec<Answer>,
    row: usize,
    test: impl FnOnce(&[u8]) -> Option<bool>,
) -> Option<bool> {
    let column = column?;
    let key = column.key(row)?;
    if known.is_empty() {
        known.resize(column.values().len(), None);
    }
    *known[key].get_or_insert_with(|| test(column.values().as_binary_opt::<i32>().map_or(&[], |it| it.value(key))))
}
