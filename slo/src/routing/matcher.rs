//! Matchers of labels in Alertmanager's syntax: `severity="page"`, `{service=~"api-.*", owner!=core}`.

use std::collections::BTreeMap;
use std::fmt;

use regex::Regex;

/// A condition on one label; a label that is not there is an empty text.
#[derive(Debug, Clone)]
pub struct Matcher {
    pub name: String,
    pub operator: Operator,
    pub value: String,
    /// Of the whole value, for the two operators that have one.
    regex: Option<Regex>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    Equal,
    NotEqual,
    Matches,
    MatchesNot,
}

impl Operator {
    fn text(self) -> &'static str {
        match self {
            Operator::Equal => "=",
            Operator::NotEqual => "!=",
            Operator::Matches => "=~",
            Operator::MatchesNot => "!~",
        }
    }
}

impl Matcher {
    /// The error says what is wrong with the expression.
    pub fn new(name: &str, operator: Operator, value: &str) -> Result<Self, String> {
        let regex = match operator {
            Operator::Equal | Operator::NotEqual => None,
            Operator::Matches | Operator::MatchesNot => {
                let regex = Regex::new(&format!("^(?s:{value})$"));
                // The first lines of the error draw the place.
                let last = |error: regex::Error| error.to_string().lines().last().unwrap_or_default().trim().to_owned();
                Some(regex.map_err(|error| format!("{value:?} is not a regular expression: {}", last(error)))?)
            }
        };
        Ok(Self { name: name.to_owned(), operator, value: value.to_owned(), regex })
    }

    /// The matchers of a text: one, or several with commas between them, in braces or not.
    pub fn parse_all(text: &str) -> Result<Vec<Self>, String> {
        Parser { rest: text.trim() }.all()
    }

    pub fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        let value = labels.get(&self.name).map_or("", String::as_str);
        let finds = || self.regex.as_ref().is_some_and(|regex| regex.is_match(value));
        match self.operator {
            Operator::Equal => value == self.value,
            Operator::NotEqual => value != self.value,
            Operator::Matches => finds(),
            Operator::MatchesNot => !finds(),
        }
    }
}

impl PartialEq for Matcher {
    fn eq(&self, other: &Self) -> bool {
        (&self.name, self.operator, &self.value) == (&other.name, other.operator, &other.value)
    }
}

/// `severity="page"`
impl fmt::Display for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}{}", self.name, self.operator.text(), crate::webhook::go_quote(&self.value))
    }
}

struct Parser<'t> {
    rest: &'t str,
}

/// Characters that end a word without quotes.
fn is_special(character: char) -> bool {
    character.is_whitespace() || "{}!=~,\\\"'`".contains(character)
}

impl Parser<'_> {
    fn all(mut self) -> Result<Vec<Matcher>, String> {
        let in_braces = self.take("{");
        let mut matchers = Vec::new();
        while !self.rest.is_empty() && !self.rest.starts_with('}') {
            matchers.push(self.one()?);
            if !self.take(",") {
                break;
            }
        }
        if in_braces && !self.take("}") {
            return Err(match self.rest {
                "" => "a `}` is missing at its end".to_owned(),
                _ => self.unexpected(),
            });
        }
        if !self.rest.is_empty() {
            return Err(self.unexpected());
        }
        if matchers.is_empty() && !in_braces {
            return Err("is empty".to_owned());
        }
        Ok(matchers)
    }

    fn one(&mut self) -> Result<Matcher, String> {
        let name = self.word()?;
        if name.is_empty() {
            return Err(format!("a label is missing before {}", self.here()));
        }
        let operators = [Operator::Matches, Operator::MatchesNot, Operator::NotEqual, Operator::Equal];
        let operator = operators.into_iter().find(|operator| self.take(operator.text()));
        let operator =
            operator.ok_or_else(|| format!("one of =, !=, =~ and !~ must follow {name:?}, not {}", self.here()))?;
        if self.rest.starts_with(['=', '~', '!']) {
            return Err(format!("a value must follow {:?}, not {}", operator.text(), self.here()));
        }
        let value = self.word()?;
        Matcher::new(&name, operator, &value)
    }

    /// A text in quotes, or up to the next character that has a meaning; white space around it is skipped.
    fn word(&mut self) -> Result<String, String> {
        if !self.rest.starts_with('"') {
            let end = self.rest.find(is_special).unwrap_or(self.rest.len());
            let word = self.rest[..end].to_owned();
            self.rest = self.rest[end..].trim_start();
            return Ok(word);
        }
        let mut word = String::new();
        let mut characters = self.rest.char_indices().skip(1);
        while let Some((index, character)) = characters.next() {
            match character {
                '"' => {
                    self.rest = self.rest[index + 1..].trim_start();
                    return Ok(word);
                }
                '\\' => match characters.next() {
                    Some((_, 'n')) => word.push('\n'),
                    Some((_, quoted @ ('"' | '\\'))) => word.push(quoted),
                    // As Alertmanager has it, for expressions such as "\d+".
                    Some((_, other)) => word.extend(['\\', other]),
                    None => break,
                },
                other => word.push(other),
            }
        }
        Err(format!("the quotes that begin {} have no end", self.here()))
    }

    fn take(&mut self, text: &str) -> bool {
        let taken = self.rest.strip_prefix(text);
        if let Some(rest) = taken {
            self.rest = rest.trim_start();
        }
        taken.is_some()
    }

    fn here(&self) -> String {
        match self.rest {
            "" => "its end".to_owned(),
            rest => format!("{:?}", crate::spec::yaml::shorten(rest)),
        }
    }

    fn unexpected(&self) -> String {
        format!("a comma or its end must come before {}", self.here())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_alertmanager_reads() {
        let table = [
            ("severity=page", "severity=\"page\""),
            ("severity=\"page\"", "severity=\"page\""),
            (" severity != \"page\" ", "severity!=\"page\""),
            ("{a=b}", "a=\"b\""),
            ("{ a = b , c =~ \"d|e\" , }", "a=\"b\" c=~\"d|e\""),
            ("a=b,c!~d.*", "a=\"b\" c!~\"d.*\""),
            ("a=\"x, y={z}\"", "a=\"x, y={z}\""),
            ("a=\"say \\\"hi\\\"\\n\"", "a=\"say \\\"hi\\\"\\n\""),
            ("a=~\"\\d+\"", "a=~\"\\\\d+\""),
            ("\"http.route\"=\"/x\"", "http.route=\"/x\""),
            ("http.route=/x", "http.route=\"/x\""),
            ("a=\"\"", "a=\"\""),
            ("a=", "a=\"\""),
            ("größe=ü", "größe=\"ü\""),
            ("{}", ""),
        ];
        for (text, expected) in table {
            let parsed = Matcher::parse_all(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            let shown: Vec<String> = parsed.iter().map(ToString::to_string).collect();
            assert_eq!(shown.join(" "), expected, "{text}");
        }
    }

    #[test]
    fn mistakes_are_said() {
        let table = [
            ("", "is empty"),
            ("severity", "one of =, !=, =~ and !~ must follow \"severity\", not its end"),
            ("severity page", "one of =, !=, =~ and !~ must follow \"severity\", not \"page\""),
            ("=page", "a label is missing before \"=page\""),
            ("a==b", "a value must follow \"=\", not \"=b\""),
            ("a=~=b", "a value must follow \"=~\", not \"=b\""),
            ("a=b c=d", "a comma or its end must come before \"c=d\""),
            ("a=b}", "a comma or its end must come before \"}\""),
            ("{a=b", "a `}` is missing at its end"),
            ("{a=b}x", "a comma or its end must come before \"x\""),
            ("a=\"b", "the quotes that begin \"\\\"b\" have no end"),
            ("a=\"b\\", "the quotes that begin \"\\\"b\\\\\" have no end"),
            ("a=~\"(\"", "\"(\" is not a regular expression: error: unclosed group"),
            ("a=b,,c=d", "a label is missing before \",c=d\""),
        ];
        for (text, expected) in table {
            let error = Matcher::parse_all(text).unwrap_err();
            assert_eq!(error, expected, "{text}");
        }
    }

    #[test]
    fn expressions_match_whole_values_and_missing_labels_are_empty() {
        let labels = BTreeMap::from([("a".to_owned(), "page\nnow".to_owned()), ("b".to_owned(), "x".to_owned())]);
        let table = [
            ("b=x", true),
            ("b=X", false),
            ("b!=x", false),
            ("b=~\"x|y\"", true),
            ("b=~\"xy?\"", true),
            ("b!~\"x|y\"", false),
            ("a=~page", false),
            ("a=~\"page.*\"", true),
            ("a=~\"a|page.*now\"", true),
            ("c=\"\"", true),
            ("c!=x", true),
            ("c!=\"\"", false),
            ("c=~\".*\"", true),
            ("c=~\".+\"", false),
            ("c!~\".+\"", true),
        ];
        for (text, expected) in table {
            assert_eq!(Matcher::parse_all(text).unwrap()[0].matches(&labels), expected, "{text}");
        }
    }
}
