//! What an expression reads and gives, without data: for those who keep it and evaluate it again and again. And selectors of
//! things that have labels and are no series.

use std::collections::BTreeSet;

use super::error::PromqlError;
use super::labels::NAME;
use super::matcher::{Matcher, Test};
use super::plan::{self, Type};

/// What is known of an expression before it is evaluated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outline {
    /// Whether it gives an instant vector or a scalar, and not a range vector or a text.
    pub gives_samples: bool,
    /// The names of all metrics that it reads; `None` if a selector does not say its name.
    pub names: Option<BTreeSet<String>>,
}

/// Parses and checks `query`.
pub fn outline(query: &str) -> Result<Outline, PromqlError> {
    let node = plan::plan(query)?;
    let name = |matchers: &[Matcher]| {
        matchers.iter().find_map(|matcher| match &matcher.test {
            Test::Equal(value) if matcher.name == NAME => Some(value.clone()),
            _ => None,
        })
    };
    let names = plan::selectors(&node).into_iter().map(name).collect();
    Ok(Outline { gives_samples: matches!(node.type_of(), Type::Scalar | Type::Vector), names })
}

/// The matchers of a series selector, for labels of anything.
#[derive(Clone, Debug)]
pub struct LabelMatchers(Vec<Matcher>);

impl LabelMatchers {
    /// Reads a selector such as `{severity="page"}`.
    pub fn parse(selector: &str) -> Result<Self, PromqlError> {
        plan::parse_selector(selector).map(Self)
    }

    /// Whether all of them accept labels whose values `value` gives, an empty one where there is none.
    pub fn accept<'v>(&self, value: impl Fn(&str) -> &'v str) -> bool {
        self.0.iter().all(|matcher| matcher.accepts(value(&matcher.name)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_selector_chooses_by_labels() {
        let value = |name: &str| if name == "severity" { "page" } else { "" };
        let table = [
            ("{severity=\"page\"}", true),
            ("{severity=~\"p.*\", team=\"\"}", true),
            ("{severity=~\".+\", severity!=\"page\"}", false),
            ("{severity=\"page\", team=\"a\"}", false),
        ];
        for (selector, expected) in table {
            assert_eq!(LabelMatchers::parse(selector).unwrap().accept(value), expected, "{selector}");
        }
        // As of series, one of the matchers must ask for something that is there.
        for refused in ["{severity", "{severity!=\"page\"}"] {
            assert!(LabelMatchers::parse(refused).is_err(), "{refused}");
        }
    }

    #[test]
    fn says_what_is_read_and_given() {
        let table = [
            ("1 + 2", true, Some(vec![])),
            ("sum(rate(a[5m])) / on () b", true, Some(vec!["a", "b"])),
            ("{__name__=\"a\", x=\"y\"}", true, Some(vec!["a"])),
            ("a + {job=\"b\"}", true, None),
            ("{__name__=~\"a|b\"}", true, None),
            ("a[5m]", false, Some(vec!["a"])),
            ("\"text\"", false, Some(vec![])),
        ];
        for (query, gives_samples, names) in table {
            let names = names.map(|names| names.into_iter().map(str::to_owned).collect());
            assert_eq!(outline(query), Ok(Outline { gives_samples, names }), "{query}");
        }
        assert!(outline("sum(").is_err() && outline("nope(a)").is_err());
    }
}
