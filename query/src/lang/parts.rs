//! The text of a query in parts: what it is made of, and what it becomes with one condition more.

use super::lex::{Kind, tokens};
use super::parser::parse;

/// The conditions that `query` joins by AND, each as written. The whole text where they are joined otherwise, or where it is no
/// query of single spans or records.
pub fn conditions(query: &str) -> Vec<&str> {
    let whole = || Vec::from_iter(Some(query.trim()).filter(|text| !text.is_empty()));
    let (Ok(tokens), Ok(_)) = (tokens(query, true), parse(query)) else { return whole() };
    // Where each part starts and ends.
    let mut parts: Vec<(usize, usize)> = Vec::new();
    let (mut depth, mut is_open) = (0usize, false);
    for token in &tokens {
        let starts = match &token.kind {
            Kind::OpenSet | Kind::CloseSet => return whole(),
            Kind::Or if depth == 0 => return whole(),
            Kind::Close => {
                depth -= 1;
                false
            }
            Kind::Open => {
                depth += 1;
                depth == 1
            }
            Kind::And | Kind::Or | Kind::Value(_) => false,
            Kind::Not | Kind::Text(_) | Kind::Field { .. } => depth == 0,
        };
        if let Some(last) = parts.last_mut().filter(|_| depth == 0 || starts)
            && (token.kind == Kind::And || starts && !is_open)
            && last.1 == usize::MAX
        {
            last.1 = token.position;
        }
        if starts && !is_open {
            parts.push((token.position, usize::MAX));
        }
        // After NOT comes what is negated, after a field its value.
        is_open = depth == 0 && matches!(token.kind, Kind::Not | Kind::Field { .. });
    }
    parts.into_iter().map(|(start, end)| query[start..end.min(query.len())].trim_end()).collect()
}

/// A query for what satisfies both `query` and `condition`; `None` when `query` cannot be narrowed so, since it selects sets of
/// spans, or is none.
pub fn narrowed(query: &str, condition: &str) -> Option<String> {
    let is_plain = tokens(query, true).is_ok_and(|tokens| tokens.iter().all(|it| it.kind != Kind::OpenSet));
    if !is_plain || parse(query).is_err() {
        return None;
    }
    let query = query.trim();
    let joined = match conditions(query).as_slice() {
        [] => condition.to_owned(),
        // One part may hold an OR.
        [one] if tokens(one, false).is_ok_and(|it| it.iter().any(|it| it.kind == Kind::Or)) => {
            format!("({query}) AND {condition}")
        }
        _ => format!("{query} AND {condition}"),
    };
    parse(&joined).is_ok().then_some(joined)
}

/// `text` as one word of the language, in quotes if it needs them.
pub fn word(text: &str) -> String {
    if is_word(text) { text.to_owned() } else { quoted(text) }
}

/// `text` as one word of the language, in quotes.
pub fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for char in text.chars() {
        match char {
            '"' | '\\' => out.extend(['\\', char]),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            other => out.push(other),
        }
    }
    out.push('"');
    out
}

/// Whether the language takes `text` as one word without quotes.
pub fn is_word(text: &str) -> bool {
    let word = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-' | b'/');
    !text.is_empty() && text.bytes().all(word) && !["AND", "OR", "NOT"].contains(&text) && !text.starts_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_cut_where_conditions_are_joined() {
        let cases: [(&str, &[&str]); 12] = [
            ("", &[]),
            ("a=1", &["a=1"]),
            ("a=1 b=2", &["a=1", "b=2"]),
            ("a=1 AND NOT b:(x OR y) AND \"some words\" c>5 ", &["a=1", "NOT b:(x OR y)", "\"some words\"", "c>5"]),
            ("a=1 OR b=2", &["a=1 OR b=2"]),
            ("a=1 (b=2 OR c=3) -d:*", &["a=1", "(b=2 OR c=3)", "-d:*"]),
            ("NOT NOT (a=1 b=2) word", &["NOT NOT (a=1 b=2)", "word"]),
            ("a = \"x AND y\" b=2", &["a = \"x AND y\"", "b=2"]),
            ("{a=1} CHILD OF {b=2}", &["{a=1} CHILD OF {b=2}"]),
            ("((a=1))", &["((a=1))"]),
            ("a=(", &["a=("]),
            ("duration>5ms AND", &["duration>5ms AND"]),
        ];
        for (query, expected) in cases {
            assert_eq!(conditions(query), expected, "{query}");
        }
    }

    #[test]
    fn a_narrowed_query_holds_both() {
        let cases = [
            ("", Some("k=v")),
            ("a=1", Some("a=1 AND k=v")),
            ("a=1 OR b=2", Some("(a=1 OR b=2) AND k=v")),
            ("a=(b OR c)", Some("(a=(b OR c)) AND k=v")),
            ("{a=1} CHILD OF {b=2}", None),
            ("a=(", None),
        ];
        for (query, expected) in cases {
            assert_eq!(narrowed(query, "k=v").as_deref(), expected, "{query}");
        }
    }
}
