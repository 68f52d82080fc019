//! Conditions of a scan on the fields of a row: equality with one of a set of values.
//!
//! They hold of every row that comes out, wherever it was, in memory or on disk. Where a column tells by its distinct values,
//! rows that do not match are never put together.

use std::ops::RangeInclusive;

use model::attrs::number_of;
use model::{Attrs, Resource, Scope, Value};

mod mask;

pub(crate) use mask::{Answers, by_number, by_value};

/// A condition that every row of a scan satisfies.
#[derive(Clone, Debug, PartialEq)]
pub enum Filter {
    /// The text in this column of the table, one of those that repeat such as `service` or `name`.
    Text { column: &'static str, wanted: Texts },
    /// The number in this column is one of these: `kind`, `status`, `severity_number`.
    Number { column: &'static str, wanted: Vec<u8> },
    /// At least one of these.
    Attribute(Vec<AttributeFilter>),
}

/// An attribute has one of a set of values.
#[derive(Clone, Debug, PartialEq)]
pub struct AttributeFilter {
    pub place: Place,
    pub key: String,
    pub wanted: Wanted,
}

/// Where an attribute is looked for. Of a key that occurs twice the last one counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Among the row's own.
    Own,
    /// Among those of its resource.
    Resource,
    /// Among the row's own, else its resource's, else its scope's: the first that has the key decides.
    Any,
}

/// A set of texts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Texts {
    pub texts: Vec<String>,
    /// Then `texts` are in lower case, and a text is compared after it was brought into lower case.
    pub ignore_case: bool,
}

/// A set of attribute values: those that any part of it takes. An empty value is never taken.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Wanted {
    /// Compared with the string form of a value.
    pub texts: Texts,
    pub ints: Vec<i64>,
    pub doubles: Vec<f64>,
    /// The values whose string form is a number in one of these, as a double.
    pub numbers: Vec<RangeInclusive<f64>>,
    /// Every array.
    pub arrays: bool,
}

impl Texts {
    /// Exactly these.
    pub fn exactly(texts: impl IntoIterator<Item = String>) -> Self {
        Texts { texts: texts.into_iter().collect(), ignore_case: false }
    }

    pub(crate) fn takes(&self, text: &str) -> bool {
        self.texts.iter().any(|wanted| match self.ignore_case {
            false => wanted == text,
            true if text.is_ascii() => wanted.eq_ignore_ascii_case(text),
            true => *wanted == text.to_lowercase(),
        })
    }
}

impl Wanted {
    /// The values with one of these string forms.
    pub fn texts(texts: impl IntoIterator<Item = String>) -> Self {
        Wanted { texts: Texts::exactly(texts), ..Wanted::default() }
    }

    /// The values with a string form that is a number in one of `ranges`.
    pub fn numbers(ranges: impl IntoIterator<Item = RangeInclusive<f64>>) -> Self {
        Wanted { numbers: ranges.into_iter().collect(), ..Wanted::default() }
    }

    pub(crate) fn takes(&self, value: &Value<'_>) -> bool {
        match value {
            Value::Empty => false,
            Value::Str(text) => self.takes_text(text),
            Value::Bool(bit) => self.takes_bool(*bit),
            Value::Int(int) => self.takes_int(*int),
            Value::Double(double) => self.takes_double(*double),
            Value::Array(_) => self.arrays || self.texts.takes(&value.to_string()),
            Value::Bytes(_) | Value::Map(_) => self.takes_text(&value.to_string()),
        }
    }

    pub(crate) fn takes_text(&self, text: &str) -> bool {
        let is_wanted = |number| self.takes_number(number);
        self.texts.takes(text) || (!self.numbers.is_empty() && number_of(text).is_some_and(is_wanted))
    }

    fn takes_number(&self, number: f64) -> bool {
        self.numbers.iter().any(|range| range.contains(&number))
    }

    pub(crate) fn takes_bool(&self, bit: bool) -> bool {
        self.texts.takes(if bit { "true" } else { "false" })
    }

    pub(crate) fn takes_int(&self, int: i64) -> bool {
        // Few texts are numbers: parsing them is less work than writing each number.
        let is = |text: &String| text.parse() == Ok(int) && *text == int.to_string();
        self.ints.contains(&int) || self.takes_number(int as f64) || self.texts.texts.iter().any(is)
    }

    /// The integers that are taken, but for those in `numbers`.
    pub(crate) fn all_ints(&self) -> Vec<i64> {
        let canonical = |text: &String| text.parse::<i64>().ok().filter(|int| *text == int.to_string());
        self.ints.iter().copied().chain(self.texts.texts.iter().filter_map(canonical)).collect()
    }

    pub(crate) fn takes_double(&self, double: f64) -> bool {
        let form = || Value::Double(double).to_string();
        if self.takes_number(double) {
            return true;
        }
        if !double.is_finite() {
            return self.doubles.contains(&double) || self.texts.takes(&form());
        }
        let is = |text: &String| text.parse() == Ok(double) && *text == form();
        self.doubles.contains(&double) || self.texts.texts.iter().any(is)
    }
}

impl AttributeFilter {
    /// Whether an attribute with the key is in `attrs` and has a wanted value; `None` when it is not there.
    pub(crate) fn of(&self, attrs: Attrs<'_>) -> Option<bool> {
        attrs.get(&self.key).map(|value| self.wanted.takes(&value))
    }

    pub(crate) fn of_resource(&self, bytes: &[u8]) -> Option<bool> {
        self.of(Resource::new(bytes).attrs())
    }

    pub(crate) fn of_scope(&self, bytes: &[u8]) -> Option<bool> {
        self.of(Scope::new(bytes).attrs())
    }
}

impl Filter {
    /// The columns of the table that it looks at.
    pub(crate) fn columns(&self) -> Vec<&'static str> {
        match self {
            Filter::Text { column, .. } | Filter::Number { column, .. } => vec![column],
            Filter::Attribute(any) => {
                let own = any.iter().any(|it| it.place != Place::Resource);
                let resource = any.iter().any(|it| it.place != Place::Own);
                let scope = any.iter().any(|it| it.place == Place::Any);
                let columns = [(own, "attributes"), (resource, "resource"), (scope, "scope")];
                columns.into_iter().filter_map(|(needed, column)| needed.then_some(column)).collect()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use model::AttrsBuf;

    use super::*;

    #[test]
    fn values_are_taken_by_their_string_form_or_as_numbers() {
        let nested = AttrsBuf::new();
        let text = |text: &str| Wanted::texts([text.to_owned()]);
        let lower = |text: &str| Wanted {
            texts: Texts { texts: vec![text.to_owned()], ignore_case: true },
            ..Wanted::default()
        };
        let cases = [
            (text("200"), Value::Str("200"), true),
            (text("200"), Value::Int(200), true),
            (text("200"), Value::Double(200.0), true),
            (text("200.0"), Value::Double(200.0), false),
            (text("2e2"), Value::Double(200.0), false),
            (text("+200"), Value::Int(200), false),
            (text("-0"), Value::Double(-0.0), true),
            (text("0"), Value::Double(-0.0), false),
            (text("NaN"), Value::Double(f64::NAN), true),
            (text("-Infinity"), Value::Double(f64::NEG_INFINITY), true),
            (text("inf"), Value::Double(f64::INFINITY), false),
            (text("true"), Value::Bool(true), true),
            (text("true"), Value::Bool(false), false),
            (text("{}"), Value::Map(nested.as_attrs()), true),
            (text("aGVsbA=="), Value::Bytes(b"hell"), true),
            (text(""), Value::Empty, false),
            (text(""), Value::Str(""), true),
            (text("GET"), Value::Str("get"), false),
            (lower("get"), Value::Str("GET"), true),
            (lower("straße"), Value::Str("STRAßE"), true),
            (lower("nan"), Value::Double(f64::NAN), true),
            (Wanted { ints: vec![5], ..Wanted::default() }, Value::Int(5), true),
            (Wanted { ints: vec![5], ..Wanted::default() }, Value::Double(5.0), false),
            (Wanted { doubles: vec![0.0], ..Wanted::default() }, Value::Double(-0.0), true),
            (Wanted { doubles: vec![f64::NAN], ..Wanted::default() }, Value::Double(f64::NAN), false),
            (Wanted::numbers([500.0..=500.0]), Value::Int(500), true),
            (Wanted::numbers([500.0..=500.0]), Value::Double(500.0), true),
            (Wanted::numbers([500.0..=500.0]), Value::Str("500"), true),
            (Wanted::numbers([500.0..=500.0]), Value::Str("5.00e2"), true),
            (Wanted::numbers([500.0..=500.0]), Value::Str("500 "), false),
            (Wanted::numbers([500.0..=500.0]), Value::Double(500.5), false),
            (Wanted::numbers([500.0..=500.0]), Value::Bool(true), false),
            (Wanted::numbers([500.0..=500.0]), Value::Empty, false),
            (Wanted::numbers([0.0..=0.0]), Value::Double(-0.0), true),
            (Wanted::numbers([0.0..=1.0, 5.0..=f64::INFINITY]), Value::Int(2), false),
            (Wanted::numbers([0.0..=1.0, 5.0..=f64::INFINITY]), Value::Int(i64::MAX), true),
            (Wanted::numbers([0.0..=1.0, 5.0..=f64::INFINITY]), Value::Double(f64::INFINITY), true),
            (Wanted::numbers([f64::NEG_INFINITY..=f64::INFINITY]), Value::Double(f64::NAN), false),
            (Wanted::numbers([f64::NEG_INFINITY..=f64::INFINITY]), Value::Str("NaN"), false),
            (Wanted::numbers([f64::NEG_INFINITY..=f64::INFINITY]), Value::Str("n/a"), false),
        ];
        for (wanted, value, expected) in cases {
            assert_eq!(wanted.takes(&value), expected, "{wanted:?} {value:?}");
        }
    }

    #[test]
    fn arrays_pass_when_all_do_or_by_their_string_form() {
        let array = Value::parse(&[0x2a, 0]); // AnyValue { array_value: [] }
        assert!(Wanted { arrays: true, ..Wanted::default() }.takes(&array));
        assert!(!Wanted::default().takes(&array) && Wanted::texts(["[]".to_owned()]).takes(&array));
    }
}
