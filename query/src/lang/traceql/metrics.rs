//! Metrics of spans: `{ status = error } | rate() by (resource.service.name) | topk(5)`.
//!
//! ```text
//! metric  = sum { "|" ( "topk" | "bottomk" ) "(" k ")" | comparison number }
//! sum     = product { ( "+" | "-" ) product }
//! product = unit { ( "*" | "/" ) unit }
//! unit    = number | "(" metric ")" | pipeline "|" function [ "by" "(" fields ")" ]
//! ```

use std::mem::take;

use crate::error::QueryError;
use crate::lang::plan::{Node, Plan, Stage};

use super::expr::Expr;
use super::fields::{arithmetic, comparison};
use super::lex::{Kind, Token, tokens};
use super::parse::{METRICS, Parser};
use super::types::{Type, type_of};
use super::value::Operator;

/// Series of numbers over time, as a query describes them.
#[derive(Clone, Debug)]
pub(crate) enum Metric {
    Spans(Box<SpanMetric>),
    Number(f64),
    Binary(Box<Metric>, Operator, Box<Metric>),
    /// The points that compare so with a number.
    Filter(Box<Metric>, Operator, f64),
    /// At each step, so many of the largest, or with `false` of the smallest.
    Top(Box<Metric>, usize, bool),
}

/// A function of the spans that a plan selects.
#[derive(Clone, Debug)]
pub(crate) struct SpanMetric {
    pub(crate) plan: Plan,
    pub(crate) function: Function,
    /// What the function is computed of: an index among the plan's values.
    pub(crate) of: Option<usize>,
    /// Names as written, and indices among the plan's values.
    pub(crate) by: Vec<(String, usize)>,
}

#[derive(Clone, Debug)]
pub(crate) enum Function {
    Rate,
    Count,
    Min,
    Max,
    Average,
    Sum,
    Quantiles(Vec<f64>),
    Histogram,
    Compare(Compare),
}

/// How often values of attributes are among selected spans, and among the others.
#[derive(Clone, Debug)]
pub(crate) struct Compare {
    pub(crate) selection: Expr,
    /// Values of each attribute, the most frequent.
    pub(crate) top: usize,
    /// In which selected spans start, in nanoseconds; outside of it they are among the others.
    pub(crate) within: Option<(i64, i64)>,
}

/// What a metrics query describes, and notes on it.
pub(crate) fn compile_metrics(text: &str) -> Result<(Metric, Vec<String>), QueryError> {
    compile(text).map_err(|error| error.in_text(text))
}

fn compile(text: &str) -> Result<(Metric, Vec<String>), QueryError> {
    let mut parser = Parser::new(text, tokens(text)?);
    let metric = parser.metric()?;
    if parser.is_word("with") {
        parser.advance();
        parser.hints()?;
    }
    if parser.peek().is_some() {
        return Err(
            parser.wrong("`| topk(…)`, a comparison, arithmetic between parentheses, or the end is expected here")
        );
    }
    if !has_spans(&metric) {
        return Err(QueryError::bad_query(0, "a function of spans is expected, such as `{ } | rate()`"));
    }
    Ok((metric, parser.notes))
}

fn has_spans(metric: &Metric) -> bool {
    match metric {
        Metric::Spans(_) => true,
        Metric::Number(_) => false,
        Metric::Binary(left, _, right) => has_spans(left) || has_spans(right),
        Metric::Filter(of, ..) | Metric::Top(of, ..) => has_spans(of),
    }
}

fn has_compare(metric: &Metric) -> bool {
    match metric {
        Metric::Spans(metric) => matches!(metric.function, Function::Compare(_)),
        Metric::Number(_) => false,
        Metric::Binary(left, _, right) => has_compare(left) || has_compare(right),
        Metric::Filter(of, ..) | Metric::Top(of, ..) => has_compare(of),
    }
}

impl Parser {
    fn metric(&mut self) -> Result<Metric, QueryError> {
        let mut metric = self.arithmetic(3)?.0;
        loop {
            let position = self.position();
            match self.symbol() {
                Some("|") => {
                    self.advance();
                    metric = self.top(metric)?;
                }
                Some(symbol) if comparison(symbol).is_some() => {
                    self.advance();
                    let operator = comparison(symbol).unwrap_or(Operator::Equal);
                    let number_position = self.position();
                    let Metric::Number(number) = self.arithmetic(3)?.0 else {
                        return Err(QueryError::bad_query(number_position, "a number or a duration is expected here"));
                    };
                    metric = Metric::Filter(Box::new(metric), operator, number);
                }
                _ => return Ok(metric),
            }
            if has_compare(&metric) {
                return Err(QueryError::bad_query(position, "nothing can follow compare()"));
            }
        }
    }

    fn top(&mut self, of: Metric) -> Result<Metric, QueryError> {
        let largest = match self.peek() {
            Some(Kind::Word(word)) if word == "topk" => true,
            Some(Kind::Word(word)) if word == "bottomk" => false,
            _ => return Err(self.wrong("topk(…) or bottomk(…) is expected here")),
        };
        self.advance();
        self.expect("(", "`(`")?;
        let position = self.position();
        let n_series = match self.advance() {
            Some(Kind::Int(number)) => usize::try_from(number).unwrap_or_default(),
            _ => 0,
        };
        if n_series == 0 {
            return Err(QueryError::bad_query(position, "a number of series from 1 is expected here"));
        }
        self.expect(")", "`)`")?;
        Ok(Metric::Top(Box::new(of), n_series, largest))
    }

    /// Arithmetic of at least this strength: 3 for sums, 5 for products. True for a function without parentheses around it.
    fn arithmetic(&mut self, least: u8) -> Result<(Metric, bool), QueryError> {
        let start = self.position();
        let (mut left, mut is_bare) = self.unit()?;
        while let Some((operator, strength)) = self.symbol().and_then(arithmetic).filter(|it| it.1 >= least) {
            let position = self.position();
            if matches!(operator, Operator::Power | Operator::Modulo) {
                return Err(QueryError::bad_query(position, "metrics are computed with `+`, `-`, `*` and `/`"));
            }
            self.advance();
            let right_position = self.position();
            let (right, right_is_bare) = self.arithmetic(strength + 1)?;
            for (is_bare, position) in [(is_bare, start), (right_is_bare, right_position)] {
                if is_bare {
                    let message = "parentheses are expected around what is computed with: `({ } | rate()) * 60`";
                    return Err(QueryError::bad_query(position, message));
                }
            }
            is_bare = false;
            if has_compare(&left) || has_compare(&right) {
                return Err(QueryError::bad_query(position, "compare() cannot be computed with"));
            }
            left = match (left, right) {
                (Metric::Number(left), Metric::Number(right)) => Metric::Number(compute(left, operator, right)),
                (left, right) => Metric::Binary(Box::new(left), operator, Box::new(right)),
            };
        }
        Ok((left, is_bare))
    }

    fn unit(&mut self) -> Result<(Metric, bool), QueryError> {
        let metric = match self.peek() {
            Some(Kind::Int(int)) => {
                let number = *int as f64;
                self.advance();
                Metric::Number(number)
            }
            Some(Kind::Float(float)) => {
                let number = *float;
                self.advance();
                Metric::Number(number)
            }
            Some(Kind::Duration(nanos)) => {
                let number = *nanos as f64 / 1e9;
                self.advance();
                Metric::Number(number)
            }
            Some(Kind::Symbol("-")) => {
                let position = self.position();
                self.advance();
                match self.unit()?.0 {
                    Metric::Number(number) => Metric::Number(-number),
                    _ => {
                        return Err(QueryError::bad_query(
                            position,
                            "`-` stands before a number or between two metrics",
                        ));
                    }
                }
            }
            Some(Kind::Symbol("(")) if self.is_metric_in_parentheses() => {
                self.advance();
                let inner = self.metric()?;
                self.expect(")", "an operator or `)`")?;
                inner
            }
            _ => return Ok((self.span_metric()?, true)),
        };
        Ok((metric, false))
    }

    /// Whether the parenthesis here is around a metric or a number, and not around sets of spans.
    fn is_metric_in_parentheses(&self) -> bool {
        let within = self.within_parentheses();
        let is_function = |token: &Token| matches!(&token.kind, Kind::Word(word) if METRICS.contains(&word.as_str()));
        within.iter().any(is_function) || !within.iter().any(|token| token.kind == Kind::Symbol("{"))
    }

    fn span_metric(&mut self) -> Result<Metric, QueryError> {
        let mut stages = Vec::new();
        let name = loop {
            if let Some(Kind::Word(word)) = self.peek()
                && METRICS.contains(&word.as_str())
                && !stages.is_empty()
            {
                break word.clone();
            }
            stages.push(self.stage()?);
            self.expect("|", "`| rate()` or another function of spans")?;
        };
        let position = self.position();
        self.advance();
        self.expect("(", "`(`")?;
        let mut of = None;
        let function = match name.as_str() {
            "rate" => Function::Rate,
            "count_over_time" => Function::Count,
            "compare" => Function::Compare(self.compare()?),
            "topk" | "bottomk" => {
                let message = format!("{name}() chooses among series: a function such as rate() stands before it");
                return Err(QueryError::bad_query(position, message));
            }
            name => {
                of = Some(self.measured(name)?);
                match name {
                    "min_over_time" => Function::Min,
                    "max_over_time" => Function::Max,
                    "avg_over_time" => Function::Average,
                    "sum_over_time" => Function::Sum,
                    "histogram_over_time" => Function::Histogram,
                    _ => Function::Quantiles(self.quantiles()?),
                }
            }
        };
        self.expect(")", "`)`")?;
        let mut by = Vec::new();
        if self.is_word("by") && !matches!(function, Function::Compare(_)) {
            self.advance();
            self.expect("(", "`(`")?;
            by = self.shown()?;
            self.expect(")", "`,` or `)`")?;
        }
        let root = match stages.as_slice() {
            [Stage::Select(node)] => node.clone(),
            _ => Node::Pipe(stages),
        };
        let mut plan = Plan::new(root, take(&mut self.leaves), take(&mut self.values), Vec::new());
        plan.has_all_columns = matches!(function, Function::Compare(_));
        Ok(Metric::Spans(Box::new(SpanMetric { plan, function, of, by })))
    }

    /// The field that a function is computed of.
    fn measured(&mut self, name: &str) -> Result<usize, QueryError> {
        let position = self.position();
        let Some(field) = self.field()? else {
            return Err(self.wrong(&format!("{name}() is computed of a field such as duration or span.KEY")));
        };
        let value = Expr::Field(field);
        let kind = type_of(&value);
        if !kind.goes_with(Type::Number) {
            let message = format!("{name}() is computed of numbers, not of {}", kind.name());
            return Err(QueryError::bad_query(position, message));
        }
        self.values.push(value);
        Ok(self.values.len() - 1)
    }

    fn quantiles(&mut self) -> Result<Vec<f64>, QueryError> {
        let mut quantiles = Vec::new();
        while self.symbol() == Some(",") || quantiles.is_empty() {
            self.expect(",", "`,` and a quantile")?;
            let position = self.position();
            let quantile = match self.advance() {
                Some(Kind::Int(int)) => int as f64,
                Some(Kind::Float(float)) => float,
                _ => f64::NAN,
            };
            if !(0.0..=1.0).contains(&quantile) {
                return Err(QueryError::bad_query(position, "a quantile from 0 to 1 is expected here"));
            }
            quantiles.push(quantile);
        }
        Ok(quantiles)
    }

    /// `{ selection }`, and so many values, and a range of time.
    fn compare(&mut self) -> Result<Compare, QueryError> {
        const MAX_TOP: i64 = 1_000;
        if self.symbol() != Some("{") {
            return Err(self.wrong("the selected spans are expected here, as in `compare({ status = error })`"));
        }
        let selection = self.condition()?;
        let mut numbers = Vec::new();
        while self.symbol() == Some(",") && numbers.len() < 3 {
            self.advance();
            let position = self.position();
            match self.advance() {
                Some(Kind::Int(int)) => numbers.push(int),
                _ => return Err(QueryError::bad_query(position, "an integer is expected here")),
            }
        }
        let (top, within) = match numbers.as_slice() {
            [] => (10, None),
            [top] => (*top, None),
            [top, start, end] => (*top, (*start > 0 && *end > 0).then_some((*start, *end))),
            _ => return Err(self.wrong("`,` and the end of the range is expected here")),
        };
        if !(1..=MAX_TOP).contains(&top) {
            return Err(self.wrong(&format!("from 1 to {MAX_TOP} values of each attribute can be compared")));
        }
        Ok(Compare { selection, top: top as usize, within })
    }
}

pub(crate) fn compute(left: f64, operator: Operator, right: f64) -> f64 {
    match operator {
        Operator::Add => left + right,
        Operator::Subtract => left - right,
        Operator::Multiply => left * right,
        // By zero, also zero, nothing is known.
        Operator::Divide if right == 0.0 => f64::NAN,
        Operator::Divide => left / right,
        _ => f64::NAN,
    }
}
