//! The tree of a query, before it is known whether it is about spans or logs.

/// A parsed query. An empty text matches everything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    pub(super) root: Expr,
    pub(super) notes: Vec<String>,
}

impl Query {
    /// What the writer of the query may have meant otherwise.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Expr {
    /// True for everything.
    All,
    And(Vec<Expr>),
    Or(Vec<Expr>),
    Not(Box<Expr>),
    Text(Text),
    Compare(Comparison),
}

/// Words to find in the text of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Text {
    pub(super) text: String,
    /// In quotes, `*` is a character like any other.
    pub(super) quoted: bool,
    pub(super) position: usize,
}

/// A field compared with a value. `!=` and `!~` are parsed as the opposite of `=` and `=~`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Comparison {
    pub(super) key: Key,
    pub(super) operator: Operator,
    pub(super) value: Literal,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) text: String,
    /// In quotes, it is the key of an attribute even if an intrinsic field has the same name.
    pub(super) quoted: bool,
    pub(super) position: usize,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Literal {
    pub(super) text: String,
    pub(super) quoted: bool,
    pub(super) position: usize,
}

impl Literal {
    /// `*` alone: any value.
    pub(super) fn is_any(&self) -> bool {
        !self.quoted && self.text == "*"
    }

    /// Holds `*` as a wildcard.
    pub(super) fn is_glob(&self) -> bool {
        !self.quoted && self.text.contains('*')
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Operator {
    /// `:`, equal whatever the case, and for texts the words in it.
    Has,
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    /// `=~`
    Matches,
}

impl Operator {
    pub(super) fn symbol(self) -> &'static str {
        match self {
            Operator::Has => ":",
            Operator::Equal => "=",
            Operator::Less => "<",
            Operator::LessOrEqual => "<=",
            Operator::Greater => ">",
            Operator::GreaterOrEqual => ">=",
            Operator::Matches => "=~",
        }
    }

    /// Whether it asks for an order.
    pub(super) fn is_order(self) -> bool {
        matches!(self, Operator::Less | Operator::LessOrEqual | Operator::Greater | Operator::GreaterOrEqual)
    }

    /// Whether a value that compares with the wanted one as `order` satisfies an operator of order or equality.
    pub(super) fn holds(self, order: std::cmp::Ordering) -> bool {
        match self {
            Operator::Has | Operator::Equal => order.is_eq(),
            Operator::Less => order.is_lt(),
            Operator::LessOrEqual => order.is_le(),
            Operator::Greater => order.is_gt(),
            Operator::GreaterOrEqual => order.is_ge(),
            Operator::Matches => false,
        }
    }
}
