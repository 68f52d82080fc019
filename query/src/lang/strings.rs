//! Tests of one text: a service, a name, the string form of an attribute.

use regex::Regex;
use store::Texts;

use crate::error::QueryError;

use super::ast::{Comparison, Literal, Operator, Text};
use super::glob;
use super::words::Words;

#[derive(Clone, Debug)]
pub(super) enum StringTest {
    /// Not empty: an intrinsic text that is missing is empty.
    Exists,
    Equal(String),
    /// In lower case.
    EqualIgnoringCase(String),
    /// Contains words.
    Words(Words),
    Regex(Regex),
    /// Compared character by character.
    Order(Operator, String),
}

impl StringTest {
    /// The test of a comparison with a text field. `prose` fields are searched for words by `:`.
    pub(super) fn new(comparison: &Comparison, prose: bool) -> Result<Self, QueryError> {
        let Comparison { operator, value, .. } = comparison;
        Ok(match operator {
            Operator::Has | Operator::Equal if value.is_any() => StringTest::Exists,
            Operator::Has if prose => StringTest::Words(Words::new(&as_text(value))?),
            Operator::Has | Operator::Equal if value.is_glob() => {
                StringTest::Regex(glob::glob(value, *operator == Operator::Has)?)
            }
            Operator::Has => StringTest::EqualIgnoringCase(value.text.to_lowercase()),
            Operator::Equal => StringTest::Equal(value.text.clone()),
            Operator::Matches => StringTest::Regex(glob::regex(value)?),
            order => StringTest::Order(*order, value.text.clone()),
        })
    }

    pub(super) fn matches(&self, text: &str) -> bool {
        match self {
            StringTest::Exists => !text.is_empty(),
            StringTest::Equal(wanted) => text == wanted,
            StringTest::EqualIgnoringCase(wanted) => equal_ignoring_case(text, wanted),
            StringTest::Words(words) => words.matches(text),
            StringTest::Regex(regex) => regex.is_match(text),
            StringTest::Order(operator, wanted) => operator.holds(text.cmp(wanted)),
        }
    }

    /// The texts that match, when they can be listed. Never the empty one, which also stands for what is missing.
    pub(super) fn listed(&self) -> Option<Texts> {
        let (text, ignore_case) = match self {
            StringTest::Equal(text) => (text, false),
            StringTest::EqualIgnoringCase(lower) => (lower, true),
            _ => return None,
        };
        (!text.is_empty()).then(|| Texts { texts: vec![text.clone()], ignore_case })
    }

    /// The words that a text which matches holds.
    pub(super) fn tokens(&self) -> &[String] {
        match self {
            StringTest::Words(words) => words.tokens(),
            _ => &[],
        }
    }
}

/// Whether `text` in lower case is `lower`.
pub(super) fn equal_ignoring_case(text: &str, lower: &str) -> bool {
    if text.is_ascii() { text.eq_ignore_ascii_case(lower) } else { text.to_lowercase() == lower }
}

fn as_text(value: &Literal) -> Text {
    Text { text: value.text.clone(), quoted: value.quoted, position: value.position }
}
