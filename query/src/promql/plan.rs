//! A query as it is evaluated: the parsed tree with positions, types checked, functions and matchers resolved.

use super::annotations::Position;
use super::error::PromqlError;
use super::functions::Function;
use super::matcher::Matcher;
use super::value::Millis;

mod cursor;
mod lower;
mod selectors;
mod syntax;
mod words;

pub(super) use lower::parse_selector;
pub(super) use selectors::selectors;

/// An expression, and where it begins in the query.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) position: Position,
    pub(super) kind: NodeKind,
    /// It has the same value at every step, since all times in it are fixed.
    pub(super) pinned: bool,
}

#[derive(Clone, Debug)]
pub(super) enum NodeKind {
    Number(f64),
    Text(Vec<u8>),
    Selector(Selector),
    /// A range vector of stored samples.
    Range {
        selector: Selector,
        range: Millis,
    },
    Subquery(Subquery),
    Negate(Box<Node>),
    Call {
        function: Function,
        args: Vec<Node>,
    },
    Aggregate(Box<Aggregate>),
    Binary(Box<Binary>),
}

#[derive(Clone, Debug)]
pub(super) struct Selector {
    pub(super) matchers: Vec<Matcher>,
    pub(super) when: When,
}

/// The time that a selector or subquery looks at, relative to the step or fixed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct When {
    pub(super) at: Option<At>,
    /// How much earlier.
    pub(super) offset: Millis,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum At {
    Time(Millis),
    Start,
    End,
}

/// A range vector computed by evaluating `inner` at a resolution of its own.
#[derive(Clone, Debug)]
pub(super) struct Subquery {
    pub(super) inner: Box<Node>,
    pub(super) range: Millis,
    pub(super) step: Option<Millis>,
    pub(super) when: When,
}

/// Which labels count, of a grouping or a matching.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum LabelChoice {
    /// These (`by`, `on`).
    Only(Vec<String>),
    /// All but these and the metric's name (`without`, `ignoring`).
    Without(Vec<String>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Aggregation {
    Avg,
    BottomK,
    Count,
    CountValues,
    Group,
    LimitK,
    LimitRatio,
    Max,
    Min,
    Quantile,
    Stddev,
    Stdvar,
    Sum,
    TopK,
}

#[derive(Clone, Debug)]
pub(super) struct Aggregate {
    pub(super) op: Aggregation,
    pub(super) param: Option<Node>,
    pub(super) inner: Node,
    pub(super) grouping: LabelChoice,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Add,
    Sub,
    Mul,
    Div,
    Mod,
    Pow,
    Atan2,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    And,
    Or,
    Unless,
}

impl Operator {
    pub(super) fn is_comparison(self) -> bool {
        use Operator::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual, NotEqual};
        matches!(self, Equal | NotEqual | Less | LessOrEqual | Greater | GreaterOrEqual)
    }

    pub(super) fn symbol(self) -> &'static str {
        match self {
            Operator::Add => "+",
            Operator::Sub => "-",
            Operator::Mul => "*",
            Operator::Div => "/",
            Operator::Mod => "%",
            Operator::Pow => "^",
            Operator::Atan2 => "atan2",
            Operator::Equal => "==",
            Operator::NotEqual => "!=",
            Operator::Less => "<",
            Operator::LessOrEqual => "<=",
            Operator::Greater => ">",
            Operator::GreaterOrEqual => ">=",
            Operator::And => "and",
            Operator::Or => "or",
            Operator::Unless => "unless",
        }
    }
}

/// How many elements of either side may match one of the other; the labels are copied from the side of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Cardinality {
    OneToOne,
    ManyToOne(Vec<String>),
    OneToMany(Vec<String>),
}

#[derive(Clone, Debug)]
pub(super) struct Binary {
    pub(super) op: Operator,
    pub(super) left: Node,
    pub(super) right: Node,
    pub(super) matching: LabelChoice,
    pub(super) cardinality: Cardinality,
    /// Comparisons give 0 or 1 instead of filtering.
    pub(super) returns_bool: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Type {
    Scalar,
    Text,
    Vector,
    Range,
}

impl Type {
    /// The type's name in Prometheus' errors.
    pub(super) fn name(self) -> &'static str {
        match self {
            Type::Scalar => "scalar",
            Type::Text => "string",
            Type::Vector => "instant vector",
            Type::Range => "range vector",
        }
    }
}

impl Node {
    pub(super) fn type_of(&self) -> Type {
        match &self.kind {
            NodeKind::Number(_) => Type::Scalar,
            NodeKind::Text(_) => Type::Text,
            NodeKind::Selector(_) | NodeKind::Aggregate(_) => Type::Vector,
            NodeKind::Range { .. } | NodeKind::Subquery(_) => Type::Range,
            NodeKind::Negate(inner) => inner.type_of(),
            NodeKind::Call { function, .. } => function.returns(),
            NodeKind::Binary(binary) => binary.type_of(),
        }
    }
}

impl Binary {
    /// Walks the chain of left operands in a loop: it may be two thousand long.
    fn type_of(&self) -> Type {
        let mut binary = self;
        loop {
            if binary.right.type_of() != Type::Scalar {
                return Type::Vector;
            }
            match &binary.left.kind {
                NodeKind::Binary(left) => binary = left,
                _ => return binary.left.type_of(),
            }
        }
    }
}

/// The plan of `text`.
pub(super) fn plan(text: &str) -> Result<Node, PromqlError> {
    lower::parse(text)
}
