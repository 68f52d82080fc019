//! Expressions over fields, with the precedence that Tempo gives operators.
//!
//! From weak to strong: `&&` and `||`, which are equal; comparisons; `+` and `-`; `!`; `*`, `/` and `%`; `^`. All but `^` group
//! from the left.

use crate::error::QueryError;
use crate::lang::glob;
use crate::lang::similar::similar;

use super::expr::{Expr, Field, Scope};
use super::lex::Kind;
use super::parse::Parser;
use super::types::{Type, type_of};
use super::value::{FieldValue, Operator};

const LOGIC: u8 = 1;
const SUM: u8 = 3;
const NOT: u8 = 4;
const PRODUCT: u8 = 5;
const POWER: u8 = 6;

enum Infix {
    Operator(Operator),
    /// A regular expression, that matches or not.
    Regex(bool),
}

/// The operator of `symbol` and its strength.
fn infix(symbol: &str) -> Option<(Infix, u8)> {
    let operator = |operator, strength| Some((Infix::Operator(operator), strength));
    match symbol {
        "&&" => operator(Operator::And, LOGIC),
        "||" => operator(Operator::Or, LOGIC),
        "=~" => Some((Infix::Regex(true), 2)),
        "!~" => Some((Infix::Regex(false), 2)),
        _ => match arithmetic(symbol) {
            Some((arithmetic, strength)) => operator(arithmetic, strength),
            None => operator(comparison(symbol)?, 2),
        },
    }
}

pub(super) fn comparison(symbol: &str) -> Option<Operator> {
    Some(match symbol {
        "=" => Operator::Equal,
        "!=" => Operator::NotEqual,
        "<" => Operator::Less,
        "<=" => Operator::LessOrEqual,
        ">" => Operator::Greater,
        ">=" => Operator::GreaterOrEqual,
        _ => return None,
    })
}

pub(super) fn arithmetic(symbol: &str) -> Option<(Operator, u8)> {
    Some(match symbol {
        "+" => (Operator::Add, SUM),
        "-" => (Operator::Subtract, SUM),
        "*" => (Operator::Multiply, PRODUCT),
        "/" => (Operator::Divide, PRODUCT),
        "%" => (Operator::Modulo, PRODUCT),
        "^" => (Operator::Power, POWER),
        _ => return None,
    })
}

impl Parser {
    pub(super) fn field_expr(&mut self) -> Result<Expr, QueryError> {
        self.binary(LOGIC)
    }

    /// Operators of at least the strength `least`.
    fn binary(&mut self, least: u8) -> Result<Expr, QueryError> {
        let mut left = self.prefix()?;
        let mut logic = None;
        loop {
            let position = self.position();
            let Some(symbol) = self.symbol() else { return Ok(left) };
            let Some((infix, strength)) = infix(symbol).filter(|(_, strength)| *strength >= least) else {
                return Ok(left);
            };
            if strength == LOGIC && logic.replace(symbol).is_some_and(|other| other != symbol) {
                self.note_mixed();
            }
            self.advance();
            left = match infix {
                Infix::Regex(wanted) => self.regex(left, wanted, position)?,
                Infix::Operator(operator) => {
                    let right_position = self.position();
                    let right = self.binary(if strength == POWER { POWER } else { strength + 1 })?;
                    combine(left, operator, right, symbol, position, right_position)?
                }
            };
        }
    }

    fn regex(&mut self, of: Expr, wanted: bool, position: usize) -> Result<Expr, QueryError> {
        let at = self.position();
        let pattern = match self.advance() {
            Some(Kind::Text(pattern)) => pattern,
            _ => return Err(QueryError::bad_query(at, "a regular expression in quotes is expected here")),
        };
        if !type_of(&of).goes_with(Type::Text) {
            let message = format!("only texts match regular expressions; this is {}", type_of(&of).name());
            return Err(QueryError::bad_query(position, message));
        }
        Ok(Expr::Matches(Box::new(of), glob::whole(&pattern, at)?, wanted))
    }

    pub(super) fn prefix(&mut self) -> Result<Expr, QueryError> {
        let position = self.position();
        match self.symbol() {
            Some("-") => {
                self.advance();
                let of = self.binary(SUM + 1)?;
                if !type_of(&of).goes_with(Type::Number) {
                    let message = format!("`-` needs a number, not {}", type_of(&of).name());
                    return Err(QueryError::bad_query(position, message));
                }
                Ok(match of {
                    Expr::Value(value) => Expr::Value(value.negated()),
                    of => Expr::Negated(Box::new(of)),
                })
            }
            Some("!") => {
                self.advance();
                let of = self.binary(NOT + 1)?;
                if !type_of(&of).goes_with(Type::Bool) {
                    let message = format!("`!` needs true or false, not {}", type_of(&of).name());
                    return Err(QueryError::bad_query(position, message));
                }
                Ok(Expr::Not(Box::new(of)))
            }
            Some("(") => {
                self.advance();
                let inner = self.field_expr()?;
                self.expect(")", "an operator or `)`")?;
                Ok(inner)
            }
            _ => self.operand(),
        }
    }

    fn operand(&mut self) -> Result<Expr, QueryError> {
        if let Some(field) = self.field()? {
            return Ok(Expr::Field(field));
        }
        let position = self.position();
        let expected = |found: &str| {
            let message = format!("a field such as span.KEY or duration, or a value is expected here, not {found}");
            QueryError::bad_query(position, message)
        };
        let value = match self.advance() {
            Some(Kind::Text(text)) => FieldValue::Text(text.into()),
            Some(Kind::Int(int)) => FieldValue::Int(int),
            Some(Kind::Float(float)) => FieldValue::Float(float),
            Some(Kind::Duration(nanos)) => FieldValue::Duration(nanos),
            Some(Kind::Word(word)) => match constant(&word) {
                Some(value) => value,
                None => return Err(unknown(&word, position)),
            },
            Some(Kind::Symbol(symbol)) => return Err(expected(&format!("`{symbol}`"))),
            Some(Kind::Intrinsic(..) | Kind::Attribute(..)) | None => return Err(expected("the end")),
        };
        Ok(Expr::Value(value))
    }

    /// The field that stands here, if one does.
    pub(super) fn field(&mut self) -> Result<Option<Field>, QueryError> {
        let position = self.position();
        let field = match self.peek() {
            Some(Kind::Word(word)) => match word.as_str() {
                "parent" => return Err(no_parent(position)),
                word => intrinsic(word),
            },
            Some(Kind::Intrinsic(scope, _)) if scope == "parent" => return Err(no_parent(position)),
            Some(Kind::Intrinsic(scope, name)) => match scoped(scope, name) {
                Some(field) => Some(field),
                None => return Err(unknown_intrinsic(scope, name, position)),
            },
            Some(Kind::Attribute(scope, _)) if scope == "parent" => return Err(no_parent(position)),
            Some(Kind::Attribute(scope, key)) => Some(Field::Attribute(scope_of(scope), key.clone())),
            _ => None,
        };
        if field.is_some() {
            self.advance();
        }
        Ok(field)
    }
}

fn combine(
    left: Expr,
    operator: Operator,
    right: Expr,
    symbol: &str,
    position: usize,
    right_position: usize,
) -> Result<Expr, QueryError> {
    if is_nil(&left) || is_nil(&right) {
        return existence(left, operator, right, position);
    }
    let (left_type, right_type) = (type_of(&left), type_of(&right));
    for (side, at) in [(left_type, position), (right_type, right_position)] {
        if !side.allows(operator) {
            return Err(QueryError::bad_query(at, format!("{} has no `{symbol}`", side.name())));
        }
    }
    if !left_type.goes_with(right_type) {
        let message = format!(
            "both sides of `{symbol}` must be of one type: the left is {}, the right {}",
            left_type.name(),
            right_type.name()
        );
        return Err(QueryError::bad_query(position, message));
    }
    Ok(match (left, right) {
        (Expr::Value(left), Expr::Value(right)) => match left.operate(operator, &right) {
            FieldValue::Nil => return Err(QueryError::bad_query(right_position, "this divides by zero")),
            value => Expr::Value(value),
        },
        // The value is on the right from here on.
        (left @ Expr::Value(_), right) if operator.is_comparison() => {
            Expr::Binary(Box::new(right), operator.flipped(), Box::new(left))
        }
        (left, right) => Expr::Binary(Box::new(left), operator, Box::new(right)),
    })
}

fn is_nil(expr: &Expr) -> bool {
    matches!(expr, Expr::Value(FieldValue::Nil))
}

/// `field = nil` and `field != nil`.
fn existence(left: Expr, operator: Operator, right: Expr, position: usize) -> Result<Expr, QueryError> {
    if !matches!(operator, Operator::Equal | Operator::NotEqual) {
        return Err(QueryError::bad_query(position, "nil is compared with `=` and `!=` only"));
    }
    let of = if is_nil(&left) { right } else { left };
    if is_nil(&of) {
        return Ok(Expr::Value(FieldValue::Bool(false)));
    }
    let is_service = |key: &str| key == "service.name";
    let always_there = match &of {
        Expr::Field(Field::Attribute(scope, key)) => *scope == Scope::Resource && is_service(key),
        Expr::Field(_) => true,
        _ => false,
    };
    if operator == Operator::Equal && always_there {
        let message = "this is never nil; roots are `{ nestedSetParent < 0 }`, and an empty text is `\"\"`";
        return Err(QueryError::bad_query(position, message));
    }
    let exists = Expr::Exists(Box::new(of));
    Ok(if operator == Operator::Equal { Expr::Not(Box::new(exists)) } else { exists })
}

fn constant(word: &str) -> Option<FieldValue<'static>> {
    use model::{SpanKind, StatusCode};
    Some(match word {
        "true" => FieldValue::Bool(true),
        "false" => FieldValue::Bool(false),
        "nil" => FieldValue::Nil,
        "minInt" => FieldValue::Int(i64::MIN),
        "maxInt" => FieldValue::Int(i64::MAX),
        "ok" => FieldValue::Status(StatusCode::Ok),
        "error" => FieldValue::Status(StatusCode::Error),
        "unset" => FieldValue::Status(StatusCode::Unset),
        "unspecified" => FieldValue::Kind(None),
        "internal" | "server" | "client" | "producer" | "consumer" => FieldValue::Kind(SpanKind::parse(word)),
        _ => return None,
    })
}

const INTRINSICS: [(&str, Field); 11] = [
    ("name", Field::Name),
    ("status", Field::Status),
    ("statusMessage", Field::StatusMessage),
    ("kind", Field::Kind),
    ("duration", Field::Duration),
    ("traceDuration", Field::TraceDuration),
    ("rootName", Field::RootName),
    ("rootServiceName", Field::RootService),
    ("nestedSetLeft", Field::NestedLeft),
    ("nestedSetRight", Field::NestedRight),
    ("nestedSetParent", Field::NestedParent),
];

const SCOPED: [(&str, &str, Field); 18] = [
    ("trace", "duration", Field::TraceDuration),
    ("trace", "rootName", Field::RootName),
    ("trace", "rootService", Field::RootService),
    ("trace", "id", Field::TraceId),
    ("span", "duration", Field::Duration),
    ("span", "name", Field::Name),
    ("span", "kind", Field::Kind),
    ("span", "status", Field::Status),
    ("span", "statusMessage", Field::StatusMessage),
    ("span", "id", Field::SpanId),
    ("span", "parentID", Field::ParentId),
    ("span", "childCount", Field::ChildCount),
    ("event", "name", Field::EventName),
    ("event", "timeSinceStart", Field::EventSinceStart),
    ("link", "traceID", Field::LinkTraceId),
    ("link", "spanID", Field::LinkSpanId),
    ("instrumentation", "name", Field::ScopeName),
    ("instrumentation", "version", Field::ScopeVersion),
];

fn intrinsic(word: &str) -> Option<Field> {
    INTRINSICS.iter().find(|(name, _)| *name == word).map(|(_, field)| field.clone())
}

fn scoped(scope: &str, word: &str) -> Option<Field> {
    SCOPED.iter().find(|(of, name, _)| *of == scope && *name == word).map(|(.., field)| field.clone())
}

fn scope_of(scope: &str) -> Scope {
    match scope {
        "span" => Scope::Span,
        "resource" => Scope::Resource,
        "event" => Scope::Event,
        "link" => Scope::Link,
        "instrumentation" => Scope::Instrumentation,
        _ => Scope::Any,
    }
}

fn no_parent(position: usize) -> QueryError {
    let message = "`parent` is not answered, as in Tempo; a condition on the parent is `{ parent } > { child }`";
    QueryError::bad_query(position, message)
}

fn unknown(word: &str, position: usize) -> QueryError {
    let known = INTRINSICS.iter().map(|(name, _)| *name);
    let known =
        known.chain(["error", "unset", "internal", "server", "client", "producer", "consumer", "true", "false"]);
    let message = match similar(word, known) {
        Some(meant) => format!("`{word}` is unknown; did you mean `{meant}`?"),
        None => format!(
            "`{word}` is unknown; attributes begin with a dot or a scope (`.{word}`, `span.{word}`), texts stand in quotes"
        ),
    };
    QueryError::bad_query(position, message)
}

fn unknown_intrinsic(scope: &str, name: &str, position: usize) -> QueryError {
    let known: Vec<&str> = SCOPED.iter().filter(|(of, ..)| *of == scope).map(|(_, name, _)| *name).collect();
    let message = if known.is_empty() {
        format!("`{scope}:` has no fields of its own; attributes are `{scope}.{name}`")
    } else {
        format!("`{scope}:` has {}, not `{name}`; attributes are `{scope}.{name}`", known.join(", "))
    };
    QueryError::bad_query(position, message)
}
