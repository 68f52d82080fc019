//! Sets of spans in braces, and what stands between them.
//!
//! ```text
//! sets    = every { "OR" every }
//! every   = not { [ "AND" ] not }
//! not     = { "NOT" | "-" } related
//! related = set [ [ "NOT" ] relation "OF" related ]
//! set     = "{" [ any ] "}" | "(" sets ")"
//! ```
//!
//! There are no words between braces, so that operators may be written in either case there.

use crate::error::QueryError;
use crate::lang::ast::Expr;
use crate::lang::lex::{Kind, Token};
use crate::lang::plan::Relation;
use crate::lang::sets::{RELATIONS, SetExpr};
use crate::lang::similar::similar;

use super::Parser;

const OPERATORS: &str = "AND, OR, CHILD OF, DESCENDANT OF, SIBLING OF, PARENT OF or ANCESTOR OF";

impl Parser {
    /// Sets of spans to the end of the text.
    pub(super) fn sets(&mut self) -> Result<SetExpr, QueryError> {
        let root = self.any_set()?;
        match self.tokens.pop_front() {
            None => Ok(root),
            Some(token) => Err(self.misplaced(&token)),
        }
    }

    fn any_set(&mut self) -> Result<SetExpr, QueryError> {
        let mut parts = vec![self.every_set()?];
        while self.take_word(Kind::Or, "or") {
            parts.push(self.every_set()?);
        }
        Ok(if parts.len() == 1 { parts.swap_remove(0) } else { SetExpr::Or(parts) })
    }

    fn every_set(&mut self) -> Result<SetExpr, QueryError> {
        let mut parts = vec![self.not_set()?];
        loop {
            let and = self.take_word(Kind::And, "and");
            let more = self.tokens.front().is_some_and(|token| match &token.kind {
                Kind::OpenSet | Kind::Open | Kind::Not => true,
                Kind::Text(text) => !text.quoted && text.text.eq_ignore_ascii_case("not"),
                _ => false,
            });
            if !and && !more {
                return Ok(if parts.len() == 1 { parts.swap_remove(0) } else { SetExpr::And(parts) });
            }
            parts.push(self.not_set()?);
        }
    }

    fn not_set(&mut self) -> Result<SetExpr, QueryError> {
        let mut negated = false;
        while self.take_word(Kind::Not, "not") {
            negated = !negated;
        }
        let set = self.related()?;
        Ok(if negated { SetExpr::Not(Box::new(set)) } else { set })
    }

    fn related(&mut self) -> Result<SetExpr, QueryError> {
        let start = self.position();
        let of = self.set()?;
        let Some((relation, negated)) = self.relation()? else { return Ok(of) };
        let to_start = self.position();
        let to = self.related()?;
        for (side, position) in [(&of, start), (&to, to_start)] {
            if !side.selects() {
                let message = "what is related must select spans, which NOT alone does not";
                return Err(QueryError::bad_query(position, message));
            }
        }
        Ok(SetExpr::Related { of: Box::new(of), relation, to: Box::new(to), negated })
    }

    fn set(&mut self) -> Result<SetExpr, QueryError> {
        let Some(token) = self.tokens.pop_front() else {
            return Err(QueryError::bad_query(
                self.end,
                "a set of spans is expected at the end, as in `{ status=error }`",
            ));
        };
        let (set, close) = match token.kind {
            Kind::OpenSet if self.tokens.front().is_some_and(|token| token.kind == Kind::CloseSet) => {
                (SetExpr::Spans(Expr::All), Kind::CloseSet)
            }
            Kind::OpenSet => (SetExpr::Spans(self.any()?), Kind::CloseSet),
            Kind::Open => (self.any_set()?, Kind::Close),
            _ => return Err(self.misplaced(&token)),
        };
        match self.tokens.pop_front() {
            Some(token) if token.kind == close => Ok(set),
            Some(token) => Err(self.misplaced(&token)),
            None => Err(QueryError::bad_query(self.end, "a closing brace or parenthesis is expected at the end")),
        }
    }

    /// The relation that stands here, and whether it is negated.
    fn relation(&mut self) -> Result<Option<(Relation, bool)>, QueryError> {
        let Some(token) = self.tokens.front() else { return Ok(None) };
        let negated = token.kind == Kind::Not || is_word(token, "not");
        let n_before = usize::from(negated);
        let Some(word) = self.tokens.get(n_before) else { return Ok(None) };
        let Kind::Text(text) = &word.kind else { return Ok(None) };
        let lower = text.text.to_lowercase();
        if text.quoted || matches!(lower.as_str(), "and" | "or" | "not") {
            return Ok(None);
        }
        let names = RELATIONS.map(|(name, _)| name);
        let Some((_, relation)) = RELATIONS.iter().find(|(name, _)| *name == lower) else {
            let hint = similar(&lower, names).map(|meant| format!("; did you mean {} OF?", meant.to_uppercase()));
            let message =
                format!("{OPERATORS} is expected between sets, not `{}`{}", text.text, hint.unwrap_or_default());
            return Err(QueryError::bad_query(word.position, message));
        };
        match self.tokens.get(n_before + 1) {
            Some(token) if is_word(token, "of") => {}
            other => {
                let position = other.map_or(self.end, |token| token.position);
                let message = format!("OF is expected after {}", lower.to_uppercase());
                return Err(QueryError::bad_query(position, message));
            }
        }
        self.tokens.drain(..n_before + 2);
        Ok(Some((*relation, negated)))
    }

    /// Takes an operator, as a keyword or as the word between sets.
    fn take_word(&mut self, kind: Kind, word: &str) -> bool {
        self.take(|token| token.kind == kind || is_word(token, word))
    }

    fn position(&self) -> usize {
        self.tokens.front().map_or(self.end, |token| token.position)
    }

    fn misplaced(&self, token: &Token) -> QueryError {
        let message = match &token.kind {
            Kind::Text(_) | Kind::Field { .. } | Kind::Value(_) => {
                "conditions stand in braces where there are braces: `{ a } AND { b }`".to_owned()
            }
            Kind::Close | Kind::CloseSet => "a set of spans is expected before it is closed".to_owned(),
            _ => {
                format!("a set of spans is expected here, as in `{{ status=error }}`; between sets stands {OPERATORS}")
            }
        };
        QueryError::bad_query(token.position, message)
    }
}

fn is_word(token: &Token, word: &str) -> bool {
    matches!(&token.kind, Kind::Text(text) if !text.quoted && text.text.eq_ignore_ascii_case(word))
}
