//! Stages of TraceQL: sets of spans, what stands between them, and the pipeline.

use crate::error::QueryError;
use crate::lang::plan::{Keep, Node, Relation, Stage};
use crate::lang::similar::similar;
use crate::lang::spans::SpanFilter;

use super::compile;
use super::expr::Expr;
use super::lex::{Kind, Token};
use super::types::{Type, type_of};
use super::value::FieldValue;

pub(super) const METRICS: [&str; 11] = [
    "rate",
    "count_over_time",
    "min_over_time",
    "max_over_time",
    "avg_over_time",
    "sum_over_time",
    "quantile_over_time",
    "histogram_over_time",
    "compare",
    "topk",
    "bottomk",
];

const STAGES: [&str; 8] = ["by", "coalesce", "select", "count", "avg", "max", "min", "sum"];

pub(super) struct Parser {
    text: String,
    tokens: Vec<Token>,
    /// The next token.
    at: usize,
    pub(super) leaves: Vec<SpanFilter>,
    pub(super) values: Vec<Expr>,
    pub(super) notes: Vec<String>,
}

impl Parser {
    pub(super) fn new(text: &str, tokens: Vec<Token>) -> Self {
        Parser { text: text.to_owned(), tokens, at: 0, leaves: Vec::new(), values: Vec::new(), notes: Vec::new() }
    }

    /// The whole text.
    pub(super) fn root(&mut self) -> Result<Node, QueryError> {
        let root = self.pipeline()?;
        if self.is_word("with") {
            self.advance();
            self.hints()?;
        }
        match self.peek() {
            None => Ok(root),
            Some(_) => Err(self.wrong("`|`, an operator between sets of spans, or the end is expected here")),
        }
    }

    fn pipeline(&mut self) -> Result<Node, QueryError> {
        let mut stages = vec![self.stage()?];
        while self.symbol() == Some("|") {
            self.advance();
            stages.push(self.stage()?);
        }
        Ok(match stages.as_slice() {
            [Stage::Select(_)] => match stages.swap_remove(0) {
                Stage::Select(node) => node,
                other => Node::Pipe(vec![other]),
            },
            _ => Node::Pipe(stages),
        })
    }

    pub(super) fn stage(&mut self) -> Result<Stage, QueryError> {
        let position = self.position();
        let word = match self.peek() {
            Some(Kind::Symbol("{")) => return Ok(Stage::Select(self.sets()?)),
            Some(Kind::Symbol("(")) if !self.is_scalar_in_parentheses() => return Ok(Stage::Select(self.sets()?)),
            Some(Kind::Word(word)) => word.clone(),
            Some(Kind::Symbol("(" | "-") | Kind::Int(_) | Kind::Float(_) | Kind::Duration(_)) => return self.filter(),
            _ => return Err(self.wrong("a set of spans such as `{ status = error }` is expected here")),
        };
        match word.as_str() {
            "by" => {
                self.advance();
                self.expect("(", "`(`")?;
                let (name, value) = self.grouping()?;
                self.expect(")", "`)`")?;
                Ok(Stage::Group(name, value))
            }
            "coalesce" => {
                self.advance();
                self.expect("(", "`(`")?;
                self.expect(")", "`)`")?;
                Ok(Stage::Coalesce)
            }
            "select" => {
                self.advance();
                self.expect("(", "`(`")?;
                let shown = self.shown()?;
                self.expect(")", "`,` or `)`")?;
                Ok(Stage::Show(shown))
            }
            "count" | "avg" | "max" | "min" | "sum" => self.filter(),
            metric if METRICS.contains(&metric) => {
                let message = format!("`{metric}` makes a metric of spans, which is no search for traces");
                Err(QueryError::bad_query(position, message))
            }
            word => Err(QueryError::bad_query(
                position,
                match similar(word, STAGES) {
                    Some(meant) => format!("`{word}` is unknown; did you mean `{meant}`?"),
                    None => {
                        format!("a set of spans in braces or one of {} is expected, not `{word}`", STAGES.join(", "))
                    }
                },
            )),
        }
    }

    pub(super) fn grouping(&mut self) -> Result<(String, usize), QueryError> {
        let position = self.position();
        let value = self.field_expr()?;
        let mut has_field = false;
        value.each_field(&mut |_| has_field = true);
        if !has_field {
            return Err(QueryError::bad_query(position, "a field of the span is expected here"));
        }
        Ok((self.since(position), self.value(value)))
    }

    pub(super) fn shown(&mut self) -> Result<Vec<(String, usize)>, QueryError> {
        let mut shown = Vec::new();
        loop {
            let position = self.position();
            let Some(field) = self.field()? else {
                return Err(self.wrong("a field such as span.KEY or duration is expected here"));
            };
            shown.push((self.since(position), self.value(Expr::Field(field))));
            if self.symbol() != Some(",") {
                return Ok(shown);
            }
            self.advance();
        }
    }

    fn value(&mut self, value: Expr) -> usize {
        self.values.push(value);
        self.values.len() - 1
    }

    /// Sets of spans; `&&` and `||` bind equally.
    fn sets(&mut self) -> Result<Node, QueryError> {
        let mut left = self.related()?;
        let mut logic = None;
        while let Some(symbol @ ("&&" | "||")) = self.symbol() {
            if logic.replace(symbol).is_some_and(|other| other != symbol) {
                self.note_mixed();
            }
            self.advance();
            let right = Box::new(self.related()?);
            let join = if symbol == "&&" { Node::And } else { Node::Or };
            left = join(Box::new(left), right);
        }
        Ok(left)
    }

    fn related(&mut self) -> Result<Node, QueryError> {
        let mut start = self.position();
        let mut to = self.set()?;
        while let Some((relation, keep)) = self.symbol().and_then(relation) {
            self.advance();
            let right = self.position();
            let of = self.set()?;
            for (side, position) in [(&to, start), (&of, right)] {
                if is_grouped(side) {
                    let message = "groups have no relation to each other; make one set of them with `| coalesce()`";
                    return Err(QueryError::bad_query(position, message));
                }
            }
            start = right;
            to = Node::Related { of: Box::new(of), relation, to: Box::new(to), keep };
        }
        Ok(to)
    }

    fn set(&mut self) -> Result<Node, QueryError> {
        match self.symbol() {
            Some("(") => {
                self.advance();
                let inner = self.pipeline()?;
                self.expect(")", "`|`, an operator between sets of spans, or `)`")?;
                Ok(inner)
            }
            Some("{") => {
                let condition = self.condition()?;
                self.leaves.push(compile::filter(condition));
                Ok(Node::Leaf(self.leaves.len() - 1))
            }
            _ => Err(self.wrong("a set of spans such as `{ status = error }` is expected here")),
        }
    }

    /// `{ … }`
    pub(super) fn condition(&mut self) -> Result<Expr, QueryError> {
        self.expect("{", "`{`")?;
        let position = self.position();
        let condition = match self.symbol() {
            Some("}") => Expr::Value(FieldValue::Bool(true)),
            _ => self.field_expr()?,
        };
        if !type_of(&condition).goes_with(Type::Bool) {
            let message = format!("a condition is expected in braces, not {}", type_of(&condition).name());
            return Err(QueryError::bad_query(position, message));
        }
        self.expect("}", "an operator or `}`")?;
        Ok(condition)
    }

    /// `(most_recent=true)`: what Tempo may be told of how to search. None of it changes what is found here.
    pub(super) fn hints(&mut self) -> Result<(), QueryError> {
        self.expect("(", "`(`")?;
        loop {
            let position = self.position();
            let Some(Kind::Word(_)) = self.advance() else {
                return Err(QueryError::bad_query(
                    position,
                    "the name of a hint is expected, as in `with (most_recent=true)`",
                ));
            };
            self.expect("=", "`=`")?;
            let position = self.position();
            if !matches!(self.prefix()?, Expr::Value(_)) {
                return Err(QueryError::bad_query(position, "a value is expected here"));
            }
            if self.symbol() != Some(",") {
                return self.expect(")", "`,` or `)`");
            }
            self.advance();
        }
    }

    pub(super) fn note_mixed(&mut self) {
        let note =
            "`&&` and `||` bind equally in TraceQL and group from the left; parentheses say what belongs together";
        if !self.notes.iter().any(|other| other == note) {
            self.notes.push(note.to_owned());
        }
    }

    pub(super) fn peek(&self) -> Option<&Kind> {
        self.tokens.get(self.at).map(|token| &token.kind)
    }

    /// The tokens to come.
    pub(super) fn ahead(&self) -> &[Token] {
        &self.tokens[self.at..]
    }

    /// The tokens of the parenthesis that opens here, without the one that closes it.
    pub(super) fn within_parentheses(&self) -> &[Token] {
        let ahead = self.ahead();
        let mut depth = 0;
        let length = ahead.iter().position(|token| {
            match token.kind {
                Kind::Symbol("(") => depth += 1,
                Kind::Symbol(")") => depth -= 1,
                _ => {}
            }
            depth == 0
        });
        &ahead[..length.unwrap_or(ahead.len())]
    }

    /// The symbol that stands here.
    pub(super) fn symbol(&self) -> Option<&'static str> {
        match self.peek() {
            Some(Kind::Symbol(symbol)) => Some(symbol),
            _ => None,
        }
    }

    pub(super) fn is_word(&self, wanted: &str) -> bool {
        matches!(self.peek(), Some(Kind::Word(word)) if word == wanted)
    }

    pub(super) fn position(&self) -> usize {
        self.tokens.get(self.at).map_or(self.text.len(), |token| token.position)
    }

    pub(super) fn advance(&mut self) -> Option<Kind> {
        let token = self.tokens.get(self.at)?;
        self.at += 1;
        Some(token.kind.clone())
    }

    pub(super) fn expect(&mut self, symbol: &str, expected: &str) -> Result<(), QueryError> {
        if self.symbol() == Some(symbol) {
            self.advance();
            return Ok(());
        }
        Err(self.wrong(&format!("{expected} is expected here")))
    }

    pub(super) fn wrong(&self, message: &str) -> QueryError {
        QueryError::bad_query(self.position(), message)
    }

    /// The text from `position` to the last token taken.
    fn since(&self, position: usize) -> String {
        self.text[position..self.position()].trim().to_owned()
    }
}

/// What `to symbol of` asks for: the spans of the right side are what is found.
fn relation(symbol: &str) -> Option<(Relation, Keep)> {
    let (keep, symbol) = match symbol {
        "!~" => (Keep::Unrelated, "~"),
        symbol => match (symbol.strip_prefix('!'), symbol.strip_prefix('&')) {
            (Some(rest), _) => (Keep::Unrelated, rest),
            (_, Some(rest)) => (Keep::Both, rest),
            _ => (Keep::Related, symbol),
        },
    };
    let relation = match symbol {
        ">" => Relation::Child,
        ">>" => Relation::Descendant,
        "<" => Relation::Parent,
        "<<" => Relation::Ancestor,
        "~" => Relation::Sibling,
        _ => return None,
    };
    Some((relation, keep))
}

/// Whether `node` can select several sets of spans.
fn is_grouped(node: &Node) -> bool {
    let Node::Pipe(stages) = node else { return false };
    let last = stages.iter().rev().find(|stage| matches!(stage, Stage::Group(..) | Stage::Coalesce));
    matches!(last, Some(Stage::Group(..)))
}
