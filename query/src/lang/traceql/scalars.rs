//! Numbers computed from sets of spans, and their comparison: `avg(duration) > 2 * 10ms`.

use crate::error::QueryError;
use crate::lang::plan::{ScalarFilter, Stage};

use super::aggregate::{Aggregate, Scalar};
use super::fields::{arithmetic, comparison};
use super::lex::Kind;
use super::parse::Parser;
use super::types::{Type, type_of};
use super::value::{FieldValue, Operator};

impl Parser {
    /// `count() > 2`
    pub(super) fn filter(&mut self) -> Result<Stage, QueryError> {
        let position = self.position();
        let left = self.scalar(0)?;
        let operator = self.symbol().and_then(comparison);
        let Some(operator) = operator else {
            return Err(self.wrong("a comparison is expected after an aggregate, as in `count() > 2`"));
        };
        self.advance();
        let right = self.scalar(0)?;
        if !left.has_aggregate() && !right.has_aggregate() {
            let message = "one side must be computed from spans: count(), avg(…), max(…), min(…) or sum(…)";
            return Err(QueryError::bad_query(position, message));
        }
        Ok(Stage::Filter(ScalarFilter { left, operator, right }))
    }

    fn scalar(&mut self, least: u8) -> Result<Scalar, QueryError> {
        let mut left = self.scalar_operand()?;
        while let Some((operator, strength)) = self.symbol().and_then(arithmetic).filter(|it| it.1 >= least) {
            self.advance();
            let right = self.scalar(if operator == Operator::Power { strength } else { strength + 1 })?;
            left = Scalar::Binary(Box::new(left), operator, Box::new(right));
        }
        Ok(left)
    }

    fn scalar_operand(&mut self) -> Result<Scalar, QueryError> {
        let position = self.position();
        let expected = "a number, a duration, or one of count(), avg(…), max(…), min(…), sum(…) is expected here";
        Ok(match self.advance() {
            Some(Kind::Int(int)) => Scalar::Value(FieldValue::Int(int)),
            Some(Kind::Float(float)) => Scalar::Value(FieldValue::Float(float)),
            Some(Kind::Duration(nanos)) => Scalar::Value(FieldValue::Duration(nanos)),
            Some(Kind::Symbol("-")) => {
                let of = self.scalar_operand()?;
                Scalar::Binary(Box::new(Scalar::Value(FieldValue::Int(0))), Operator::Subtract, Box::new(of))
            }
            Some(Kind::Symbol("(")) => {
                let inner = self.scalar(0)?;
                self.expect(")", "an operator or `)`")?;
                inner
            }
            Some(Kind::Word(word)) if word == "count" => {
                self.expect("(", "`(`")?;
                self.expect(")", "`)`: count() takes nothing")?;
                Scalar::Count
            }
            Some(Kind::Word(word)) if Aggregate::parse(&word).is_some() => {
                self.expect("(", "`(`")?;
                let position = self.position();
                let (_, value) = self.grouping()?;
                let kind = type_of(&self.values[value]);
                if !kind.goes_with(Type::Number) {
                    let message = format!("{word}() is computed from numbers, not from {}", kind.name());
                    return Err(QueryError::bad_query(position, message));
                }
                self.expect(")", "an operator or `)`")?;
                Aggregate::parse(&word).map_or(Scalar::Count, |aggregate| Scalar::Of(aggregate, value))
            }
            _ => return Err(QueryError::bad_query(position, expected)),
        })
    }

    /// Whether the parenthesis here is around aggregates, and not around a pipeline that begins with one.
    pub(super) fn is_scalar_in_parentheses(&self) -> bool {
        let ahead = self.ahead();
        let first = ahead.iter().find(|token| token.kind != Kind::Symbol("("));
        let begins = first.is_some_and(|token| match &token.kind {
            Kind::Word(word) => word == "count" || Aggregate::parse(word).is_some(),
            Kind::Int(_) | Kind::Float(_) | Kind::Duration(_) => true,
            _ => false,
        });
        let mut symbols = self.within_parentheses().iter().filter_map(|token| match token.kind {
            Kind::Symbol(symbol) => Some(symbol),
            _ => None,
        });
        begins && !symbols.any(|symbol| symbol == "|" || comparison(symbol).is_some())
    }
}
