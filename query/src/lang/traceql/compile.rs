//! Conditions of TraceQL as those of the search language, where they say the same.
//!
//! What compares a field that has a column of its own is asked by distinct value and by the scan; the rest is computed span by
//! span.

use model::{SpanId, TraceId};

use crate::error::QueryError;
use crate::lang::ast::Operator as Compare;
use crate::lang::plan::Node;
use crate::lang::spans::{SpanFilter, Test};
use crate::lang::strings::StringTest;
use crate::lang::tree::Tree;

use super::expr::{Expr, Field, Scope, hex};
use super::lex::tokens;
use super::parse::Parser;
use super::test::Test as FieldTest;
use super::value::{FieldValue, Operator};

/// What a query says, before it is put together.
pub(in crate::lang) struct Compiled {
    pub(in crate::lang) root: Node,
    pub(in crate::lang) leaves: Vec<SpanFilter>,
    pub(in crate::lang) values: Vec<Expr>,
    pub(in crate::lang) notes: Vec<String>,
}

/// The compiled `text`; an empty one finds everything.
pub(in crate::lang) fn compile(text: &str) -> Result<Compiled, QueryError> {
    let tokens = tokens(text)?;
    if tokens.is_empty() {
        let leaves = vec![SpanFilter::all()];
        return Ok(Compiled { root: Node::Leaf(0), leaves, values: Vec::new(), notes: Vec::new() });
    }
    let mut parser = Parser::new(text, tokens);
    let root = parser.root()?;
    let Parser { leaves, values, notes, .. } = parser;
    Ok(Compiled { root, leaves, values, notes })
}

/// The spans for which `condition` is true.
pub(super) fn filter(condition: Expr) -> SpanFilter {
    SpanFilter::of_tests(tree(condition))
}

fn tree(condition: Expr) -> Tree<Test> {
    match condition {
        Expr::Value(FieldValue::Bool(true)) => Tree::all(),
        Expr::Value(_) => Tree::Or(Vec::new()),
        Expr::Binary(left, Operator::And, right) => Tree::And(vec![tree(*left), tree(*right)]),
        Expr::Binary(left, Operator::Or, right) => Tree::Or(vec![tree(*left), tree(*right)]),
        // What is neither true nor false has no opposite.
        Expr::Not(of) if is_decided(&of) => Tree::Not(Box::new(tree(*of))),
        other => leaf(other),
    }
}

/// Whether it is true or false of every span.
fn is_decided(expr: &Expr) -> bool {
    match expr {
        Expr::Exists(_) | Expr::Matches(..) | Expr::Value(FieldValue::Bool(_)) => true,
        Expr::Binary(_, operator, _) => operator.is_logic() || operator.is_comparison(),
        Expr::Not(of) => is_decided(of),
        _ => false,
    }
}

fn leaf(mut condition: Expr) -> Tree<Test> {
    if let Expr::Binary(left, _, right) = &mut condition
        && let (Expr::Field(field), Expr::Value(value)) = (left.as_ref(), right.as_mut())
    {
        write_out(field, value);
    }
    let test = match &condition {
        Expr::Binary(left, operator, right) => match (left.as_ref(), right.as_ref()) {
            (Expr::Field(field), Expr::Value(value)) => comparison(field, *operator, value),
            _ => None,
        },
        Expr::Matches(of, regex, wanted) => match of.as_ref() {
            Expr::Field(field) => {
                text(field, StringTest::Regex(regex.clone())).map(|test| if *wanted { is(test) } else { is_not(test) })
            }
            _ => None,
        },
        _ => None,
    };
    test.unwrap_or_else(|| is(Test::Fields(Box::new(FieldTest(condition)))))
}

/// Gives an id the leading zeros that may be missing.
fn write_out(field: &Field, value: &mut FieldValue<'static>) {
    let FieldValue::Text(text) = value else { return };
    let id: Option<Box<[u8]>> = match field {
        Field::LinkTraceId => TraceId::parse(text).map(|id| id.0.into()),
        Field::LinkSpanId => SpanId::parse(text).map(|id| id.0.into()),
        _ => None,
    };
    if let Some(id) = id {
        *value = hex(&id);
    }
}

fn is(test: Test) -> Tree<Test> {
    Tree::Leaf(test)
}

fn is_not(test: Test) -> Tree<Test> {
    Tree::Not(Box::new(Tree::Leaf(test)))
}

/// The test of a field that every span has, by its own column.
fn comparison(field: &Field, operator: Operator, value: &FieldValue<'static>) -> Option<Tree<Test>> {
    let equal = match operator {
        Operator::Equal => true,
        Operator::NotEqual => false,
        _ => return order(field, operator, value),
    };
    let test = match (field, value) {
        (Field::Kind, FieldValue::Kind(kind)) => Test::Kinds(kind.iter().copied().collect()),
        (Field::Status, FieldValue::Status(status)) => Test::Status(*status),
        (Field::TraceId, FieldValue::Text(id)) => Test::TraceId(TraceId::parse(id)?),
        (Field::SpanId, FieldValue::Text(id)) => Test::SpanId(SpanId::parse(id)?),
        (Field::ParentId, FieldValue::Text(id)) if id.is_empty() => return Some(root(!equal)),
        (Field::ParentId, FieldValue::Text(id)) => Test::ParentId(Some(SpanId::parse(id)?)),
        (Field::NestedParent, FieldValue::Int(-1)) => return Some(root(!equal)),
        (Field::Duration, FieldValue::Int(nanos) | FieldValue::Duration(nanos)) => {
            Test::Duration(Compare::Equal, *nanos)
        }
        (Field::TraceDuration, FieldValue::Int(nanos) | FieldValue::Duration(nanos)) => {
            Test::TraceDuration(Compare::Equal, *nanos)
        }
        // In one of several links, which `!=` asks all of.
        (Field::LinkTraceId, FieldValue::Text(id)) if equal => Test::LinkTraceId(Some(TraceId::parse(id)?)),
        (Field::LinkSpanId, FieldValue::Text(id)) if equal => Test::LinkSpanId(Some(SpanId::parse(id)?)),
        (_, FieldValue::Text(wanted)) => text(field, StringTest::Equal(wanted.to_string()))?,
        _ => return None,
    };
    Some(if equal { is(test) } else { is_not(test) })
}

fn order(field: &Field, operator: Operator, value: &FieldValue<'static>) -> Option<Tree<Test>> {
    let compare = match operator {
        Operator::Less => Compare::Less,
        Operator::LessOrEqual => Compare::LessOrEqual,
        Operator::Greater => Compare::Greater,
        Operator::GreaterOrEqual => Compare::GreaterOrEqual,
        _ => return None,
    };
    Some(match (field, value) {
        (Field::Duration, FieldValue::Int(nanos) | FieldValue::Duration(nanos)) => is(Test::Duration(compare, *nanos)),
        (Field::TraceDuration, FieldValue::Int(nanos) | FieldValue::Duration(nanos)) => {
            is(Test::TraceDuration(compare, *nanos))
        }
        // The usual way to ask for roots.
        (Field::NestedParent, FieldValue::Int(0)) if compare == Compare::Less => root(false),
        (_, FieldValue::Text(wanted)) => is(text(field, StringTest::Order(compare, wanted.to_string()))?),
        _ => return None,
    })
}

/// Spans without a parent; with `false`, those with one.
fn root(has_parent: bool) -> Tree<Test> {
    if has_parent { is(Test::ParentId(None)) } else { is_not(Test::ParentId(None)) }
}

fn text(field: &Field, test: StringTest) -> Option<Test> {
    Some(match field {
        Field::Name => Test::Name(test),
        Field::StatusMessage => Test::StatusMessage(test),
        Field::RootName => Test::RootName(test),
        Field::RootService => Test::RootService(test),
        Field::Attribute(Scope::Resource, key) if key == "service.name" => Test::Service(test),
        _ => return None,
    })
}
