//! Go's template language with the functions that Prometheus adds, for labels and annotations of alerting rules:
//! `{{ $labels.job }} fails {{ $value | humanizePercentage }}`. It does no I/O: what `query` asks is answered by the [`Host`].
//!
//! Sources: the documentation of Go's `text/template` and `fmt`, and Prometheus' template reference. What is not there:
//! methods of values, but for those of times; complex numbers; `call`. A text, its nesting, the steps of one rendering and what it
//! writes are bounded, so that no template hangs or fills the memory.

mod builtins;
mod functions;
mod humanize;
mod lex;
mod parse;
mod print;
mod run;
mod value;

use std::collections::BTreeMap;

use model::Nanos;

pub(crate) use self::builtins::query_escape;
use self::parse::Node;
pub use self::value::{Sample, Value};

/// The longest text of a template, in bytes.
const MAX_TEXT: usize = 64 << 10;
/// The deepest nesting of blocks and parentheses.
const MAX_NESTING: usize = 40;
/// The most actions, terms and elements that one rendering goes through.
const MAX_STEPS: usize = 100_000;
/// The most bytes that one rendering writes, or that a value of its holds.
const MAX_OUTPUT: usize = 64 << 10;
/// The most queries of one rendering.
const MAX_QUERIES: usize = 20;

/// What a template is wrong in, or fails by; a sentence without its end.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TemplateError(String);

impl TemplateError {
    fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

type Result<T> = std::result::Result<T, TemplateError>;

/// What a template asks of the outside.
pub trait Host {
    /// The vector that an expression of PromQL gives at [`Host::now`].
    fn query(&self, expression: &str) -> std::result::Result<Vec<Sample>, String>;

    /// The time for which the template is rendered.
    fn now(&self) -> Nanos;

    /// Where people reach the box, without a slash at its end.
    fn external_url(&self) -> &str;
}

/// A template that can be rendered.
#[derive(Debug, Clone, PartialEq)]
pub struct Template {
    body: Vec<Node>,
    /// By name, those of `define` and `block`.
    defined: BTreeMap<String, Vec<Node>>,
    /// Names that are set to fields of the data before it begins: `$labels` to `.Labels`.
    variables: &'static [(&'static str, &'static str)],
}

impl Template {
    /// Reads `text`, in which `variables` can be used besides its own: names, each with the field of the data that it stands for.
    ///
    /// Errors: what does not parse, functions and variables that are not there.
    pub fn parse(text: &str, variables: &'static [(&'static str, &'static str)]) -> Result<Self> {
        if text.len() > MAX_TEXT {
            return Err(TemplateError::new(format!("has {} bytes, at most {MAX_TEXT} are allowed", text.len())));
        }
        let names: Vec<&str> = variables.iter().map(|(name, _)| *name).collect();
        let (body, defined) = parse::parse(text, &names)?;
        Ok(Self { body, defined, variables })
    }

    /// The text that it makes of `data`.
    pub fn render(&self, data: &Value, host: &dyn Host) -> Result<String> {
        run::render(self, data, host)
    }
}

#[cfg(test)]
mod tests;
