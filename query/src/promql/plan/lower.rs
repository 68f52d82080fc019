//! Makes a plan of `promql-parser`'s tree.
//!
//! The tree has no positions, but it was made of the same text as our tokens. So the two are walked in step: every
//! node takes the tokens that it was written with.

use std::time::{Duration, SystemTime};

use promql_parser::label::{MatchOp, Matchers};
use promql_parser::parser::value::ValueType;
use promql_parser::parser::{self, AtModifier, BinaryExpr, Expr, LabelModifier, Offset, VectorMatchCardinality};

use super::super::annotations::Position;
use super::super::error::PromqlError;
use super::super::functions::Function;
use super::super::labels::NAME;
use super::super::lex::{self, error_at};
use super::super::matcher::{Matcher, Test, pattern};
use super::super::value::Millis;
use super::cursor::Cursor;
use super::syntax;
use super::words::{aggregation, operator};
use super::{
    Aggregate, Aggregation, At, Binary, Cardinality, LabelChoice, Node, NodeKind, Selector, Subquery, Type, When,
};

/// The plan of `text`.
pub(super) fn parse(text: &str) -> Result<Node, PromqlError> {
    let tokens = lex::scan(text)?;
    if tokens.is_empty() {
        return Err(error_at(text, text.len(), "no expression found in input"));
    }
    let tree = parser::parse(text).map_err(|message| syntax::error(text, &tokens, &message))?;
    Lowering { tokens: Cursor::new(text, &tokens) }.node(&tree)
}

/// The matchers of a series selector, such as a `match[]` parameter holds.
pub(in super::super) fn parse_selector(text: &str) -> Result<Vec<Matcher>, PromqlError> {
    match parse(text)?.kind {
        NodeKind::Selector(Selector { matchers, when }) if when == When::default() => Ok(matchers),
        _ => Err(error_at(text, 0, "a series selector is expected, such as up{job=\"a\"}")),
    }
}

struct Lowering<'a> {
    tokens: Cursor<'a>,
}

impl Lowering<'_> {
    fn error(&self, position: Position, message: impl AsRef<str>) -> PromqlError {
        self.tokens.error(position, message)
    }

    fn node(&mut self, tree: &Expr) -> Result<Node, PromqlError> {
        let position = self.tokens.position();
        self.tokens.skip_signs(&["+"]);
        let kind = match tree {
            Expr::Paren(paren) => {
                self.tokens.skip("(");
                let inner = self.node(&paren.expr)?;
                self.tokens.skip(")");
                return Ok(Node { position, ..inner });
            }
            Expr::NumberLiteral(number) => {
                self.tokens.skip_signs(&["+", "-"]);
                self.tokens.advance();
                NodeKind::Number(number.val)
            }
            Expr::StringLiteral(string) => NodeKind::Text(self.tokens.string(&string.val)),
            Expr::VectorSelector(selector) => {
                let (matchers, when) = self.selector(selector)?;
                self.tokens.skip_modifiers();
                NodeKind::Selector(Selector { matchers, when })
            }
            Expr::MatrixSelector(range) => {
                let (matchers, when) = self.selector(&range.vs)?;
                self.tokens.skip_group("[");
                self.tokens.skip_modifiers();
                NodeKind::Range { selector: Selector { matchers, when }, range: self.range(position, range.range)? }
            }
            Expr::Subquery(subquery) => {
                let inner = Box::new(self.node(&subquery.expr)?);
                self.tokens.skip_group("[");
                self.tokens.skip_modifiers();
                let when = when(subquery.at.as_ref(), subquery.offset.as_ref());
                let step = subquery.step.map(|step| self.range(position, step)).transpose()?;
                NodeKind::Subquery(Subquery { inner, range: self.range(position, subquery.range)?, step, when })
            }
            Expr::Unary(unary) => {
                self.tokens.skip("-");
                NodeKind::Negate(Box::new(self.node(&unary.expr)?))
            }
            Expr::Call(call) => self.call(position, call)?,
            Expr::Aggregate(aggregate) => self.aggregate(position, aggregate)?,
            Expr::Binary(binary) => return self.binary_chain(position, binary),
            Expr::Extension(_) => return Err(self.error(position, "extensions are not allowed")),
        };
        Ok(Node { position, pinned: is_pinned(&kind), kind })
    }

    fn selector(&mut self, selector: &parser::VectorSelector) -> Result<(Vec<Matcher>, When), PromqlError> {
        let position = self.tokens.position();
        self.tokens.skip_name();
        self.tokens.skip_group("{");
        let mut matchers = self.matchers(position, &selector.matchers)?;
        if let Some(name) = &selector.name {
            matchers.insert(0, Matcher::equal(NAME, name.as_str()));
        }
        Ok((matchers, when(selector.at.as_ref(), selector.offset.as_ref())))
    }

    fn matchers(&self, position: Position, matchers: &Matchers) -> Result<Vec<Matcher>, PromqlError> {
        if !matchers.or_matchers.is_empty() {
            return Err(self.error(position, "\"or\" between label matchers is not allowed; use =~ with a|b"));
        }
        let resolve = |matcher: &promql_parser::label::Matcher| {
            let regex = || pattern(&matcher.value).map_err(|message| self.error(position, message));
            let test = match &matcher.op {
                MatchOp::Equal => Test::Equal(matcher.value.clone()),
                MatchOp::NotEqual => Test::NotEqual(matcher.value.clone()),
                MatchOp::Re(_) => Test::Matches(regex()?),
                MatchOp::NotRe(_) => Test::NotMatches(regex()?),
            };
            Ok(Matcher { name: matcher.name.clone(), test })
        };
        matchers.matchers.iter().map(resolve).collect()
    }

    fn range(&self, position: Position, range: Duration) -> Result<Millis, PromqlError> {
        match millis(range) {
            0 => Err(self.error(position, "duration must be greater than 0")),
            millis => Ok(millis),
        }
    }

    fn call(&mut self, position: Position, call: &parser::Call) -> Result<NodeKind, PromqlError> {
        let name = call.func.name;
        let Some(function) = Function::parse(name) else {
            return Err(self.error(position, format!("unknown function with name {name:?}")));
        };
        self.tokens.advance();
        self.tokens.skip("(");
        let mut args = Vec::with_capacity(call.args.len());
        for (i, arg) in call.args.args.iter().enumerate() {
            if i > 0 {
                self.tokens.skip(",");
            }
            let arg = self.node(arg)?;
            if let Some(expected) = call.func.arg_types.get(i).or(call.func.arg_types.last()) {
                self.expect(&arg, type_of(*expected), &format!("call to function {name:?}"))?;
            }
            args.push(arg);
        }
        self.tokens.skip(")");
        Ok(NodeKind::Call { function, args })
    }

    fn expect(&self, node: &Node, expected: Type, place: &str) -> Result<(), PromqlError> {
        let found = node.type_of();
        if found == expected {
            return Ok(());
        }
        let message = format!("expected type {} in {place}, got {}", expected.name(), found.name());
        Err(self.error(node.position, message))
    }

    fn aggregate(&mut self, position: Position, tree: &parser::AggregateExpr) -> Result<NodeKind, PromqlError> {
        let Some(op) = aggregation(tree.op.id()) else {
            return Err(self.error(position, format!("unknown aggregation {:?}", tree.op.to_string())));
        };
        self.tokens.advance();
        self.tokens.skip_grouping();
        self.tokens.skip("(");
        let param = match &tree.param {
            None => None,
            Some(param) => {
                let param = self.node(param)?;
                let expected = if op == Aggregation::CountValues { Type::Text } else { Type::Scalar };
                self.expect(&param, expected, "aggregation parameter")?;
                self.tokens.skip(",");
                Some(param)
            }
        };
        let inner = self.node(&tree.expr)?;
        self.expect(&inner, Type::Vector, "aggregation expression")?;
        self.tokens.skip(")");
        self.tokens.skip_grouping();
        let grouping = match &tree.modifier {
            None => LabelChoice::Only(Vec::new()),
            Some(modifier) => choice(modifier),
        };
        Ok(NodeKind::Aggregate(Box::new(Aggregate { op, param, inner, grouping })))
    }

    /// A chain of operators nests to the left as deep as it is long, so that side is walked in a loop.
    fn binary_chain(&mut self, position: Position, outermost: &BinaryExpr) -> Result<Node, PromqlError> {
        let mut chain = vec![outermost];
        let mut first = outermost.lhs.as_ref();
        while let Expr::Binary(inner) = first {
            chain.push(inner);
            first = inner.lhs.as_ref();
        }
        let mut left = self.node(first)?;
        for binary in chain.into_iter().rev() {
            let kind = NodeKind::Binary(Box::new(self.binary(left, binary)?));
            left = Node { position, pinned: is_pinned(&kind), kind };
        }
        Ok(left)
    }

    fn binary(&mut self, left: Node, tree: &BinaryExpr) -> Result<Binary, PromqlError> {
        let position = self.tokens.position();
        let Some(op) = operator(tree.op.id()) else {
            return Err(self.error(position, format!("unknown operator {:?}", tree.op.to_string())));
        };
        self.tokens.advance();
        while self.tokens.is_word(&[
            "bool",
            "on",
            "ignoring",
            "group_left",
            "group_right",
            "fill",
            "fill_left",
            "fill_right",
        ]) {
            let labelled = !self.tokens.is_word(&["bool"]);
            self.tokens.advance();
            if labelled {
                self.tokens.skip_group("(");
            }
        }
        let right = self.node(&tree.rhs)?;
        let modifier = tree.modifier.clone().unwrap_or_default();
        if modifier.fill_values.lhs.is_some() || modifier.fill_values.rhs.is_some() {
            return Err(self.error(position, "fill modifiers are not supported"));
        }
        let cardinality = match modifier.card {
            VectorMatchCardinality::ManyToOne(labels) => Cardinality::ManyToOne(labels.labels),
            VectorMatchCardinality::OneToMany(labels) => Cardinality::OneToMany(labels.labels),
            VectorMatchCardinality::OneToOne | VectorMatchCardinality::ManyToMany => Cardinality::OneToOne,
        };
        let matching = modifier.matching.as_ref().map_or(LabelChoice::Without(Vec::new()), choice);
        Ok(Binary { op, left, right, matching, cardinality, returns_bool: modifier.return_bool })
    }
}

fn is_pinned(kind: &NodeKind) -> bool {
    match kind {
        NodeKind::Number(_) | NodeKind::Text(_) => true,
        NodeKind::Selector(selector) | NodeKind::Range { selector, .. } => selector.when.at.is_some(),
        NodeKind::Subquery(subquery) => subquery.when.at.is_some(),
        NodeKind::Negate(inner) => inner.pinned,
        NodeKind::Call { function, args } => !function.depends_on_step() && args.iter().all(|arg| arg.pinned),
        NodeKind::Aggregate(it) => it.inner.pinned && it.param.as_ref().is_none_or(|param| param.pinned),
        NodeKind::Binary(it) => it.left.pinned && it.right.pinned,
    }
}

fn millis(duration: Duration) -> Millis {
    Millis::try_from(duration.as_millis()).unwrap_or(Millis::MAX / 4)
}

fn when(at: Option<&AtModifier>, offset: Option<&Offset>) -> When {
    let at = at.map(|at| match at {
        AtModifier::Start => At::Start,
        AtModifier::End => At::End,
        AtModifier::At(time) => At::Time(match time.duration_since(SystemTime::UNIX_EPOCH) {
            Ok(after) => millis(after),
            Err(before) => -millis(before.duration()),
        }),
    });
    let offset = offset.map_or(0, |offset| match offset {
        Offset::Pos(duration) => millis(*duration),
        Offset::Neg(duration) => -millis(*duration),
    });
    When { at, offset }
}

fn choice(modifier: &LabelModifier) -> LabelChoice {
    match modifier {
        LabelModifier::Include(labels) => LabelChoice::Only(labels.labels.clone()),
        LabelModifier::Exclude(labels) => LabelChoice::Without(labels.labels.clone()),
    }
}

fn type_of(value_type: ValueType) -> Type {
    match value_type {
        ValueType::Scalar => Type::Scalar,
        ValueType::String => Type::Text,
        ValueType::Vector => Type::Vector,
        ValueType::Matrix => Type::Range,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The nodes of a plan in the order of the text, with their places.
    fn places(node: &Node, text: &str, out: &mut Vec<String>) {
        let label = match &node.kind {
            NodeKind::Number(_) => "number",
            NodeKind::Text(_) => "text",
            NodeKind::Selector(_) => "selector",
            NodeKind::Range { .. } => "range",
            NodeKind::Subquery(subquery) => {
                places(&subquery.inner, text, out);
                "subquery"
            }
            NodeKind::Negate(inner) => {
                places(inner, text, out);
                "negate"
            }
            NodeKind::Call { args, .. } => {
                args.iter().for_each(|arg| places(arg, text, out));
                "call"
            }
            NodeKind::Aggregate(aggregate) => {
                aggregate.param.iter().for_each(|param| places(param, text, out));
                places(&aggregate.inner, text, out);
                "aggregate"
            }
            NodeKind::Binary(binary) => {
                places(&binary.left, text, out);
                places(&binary.right, text, out);
                "binary"
            }
        };
        out.push(format!("{label} {}", node.position.in_text(text)));
    }

    #[test]
    fn nodes_know_where_they_begin() {
        let cases: [(&str, &[&str]); 9] = [
            ("rate(x{a=\"b\"}[5m] offset 1m)", &["range 1:6", "call 1:1"]),
            ("sum by (a) (x) + y", &["selector 1:13", "aggregate 1:1", "selector 1:18", "binary 1:1"]),
            ("topk(3, x) by (a)", &["number 1:6", "selector 1:9", "aggregate 1:1"]),
            ("-2^---1*3", &["number 1:2", "number 1:4", "binary 1:2", "negate 1:1", "number 1:9", "binary 1:1"]),
            ("a / on (x) group_left (y) b", &["selector 1:1", "selector 1:27", "binary 1:1"]),
            ("a > bool +b", &["selector 1:1", "selector 1:10", "binary 1:1"]),
            ("(x @ start() offset -5m)[5m:1m] @ 10", &["selector 1:1", "subquery 1:1"]),
            ("label_join(x, \"a\", \",\")", &["selector 1:12", "text 1:15", "text 1:20", "call 1:1"]),
            ("{\"a.b\", c=~\"d\"} or\n vector(-1)", &["selector 1:1", "number 2:9", "call 2:2", "binary 1:1"]),
        ];
        for (text, expected) in cases {
            let mut found = Vec::new();
            places(&parse(text).unwrap(), text, &mut found);
            assert_eq!(found, expected, "{text}");
        }
    }

    #[test]
    fn errors_name_the_place() {
        let cases = [
            ("", "1:1: parse error: no expression found in input"),
            (
                "sum(rate(x))",
                "1:5: parse error: expected type range vector in call to function 'rate', got instant vector",
            ),
            ("nosuch(x)", "1:1: parse error: unknown function with name 'nosuch'"),
            ("exp(NaN)", "1:5: parse error: expected type instant vector in call to function \"exp\", got scalar"),
            ("limitk(x, x)", "1:8: parse error: expected type scalar in aggregation parameter, got instant vector"),
            ("x[0]", "1:1: parse error: duration must be greater than 0"),
            (
                "x{a=\"1\" or b=\"2\"}",
                "1:1: parse error: \"or\" between label matchers is not allowed; use =~ with a|b",
            ),
            ("a +", "1:4: parse error: unexpected end of input"),
            ("a b", "1:3: parse error: unexpected \"b\""),
            ("sum(a,)", "1:7: parse error: unexpected \")\""),
            ("a + * b", "1:5: parse error: unexpected \"*\""),
        ];
        for (text, expected) in cases {
            assert_eq!(parse(text).unwrap_err().to_string(), expected, "{text}");
        }
    }

    #[test]
    fn what_has_fixed_times_is_pinned() {
        let cases = [
            ("x", false),
            ("x @ 5", true),
            ("rate(x[5m] @ end())", true),
            ("predict_linear(x[5m] @ 5, 60)", false),
            ("time()", false),
            ("1 + pi()", true),
            ("sum(x @ 5) + y", false),
        ];
        for (text, expected) in cases {
            assert_eq!(parse(text).unwrap().pinned, expected, "{text}");
        }
    }

    #[test]
    fn selectors_of_metadata_requests_are_plain() {
        assert_eq!(parse_selector("up{job=\"a\"}").unwrap().len(), 2);
        assert!(parse_selector("up offset 5m").is_err());
        assert!(parse_selector("sum(up)").is_err());
    }
}
