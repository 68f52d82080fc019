//! Attribute sets as rows of a page: sorted by key, each value bounded.

use model::{Attrs, Value};

use crate::format::clip;
use crate::page_url::PageUrl;
use crate::parts::{plain, written_out};

/// Attributes shown of one set.
const MAX_ATTRIBUTES: usize = 200;
/// Characters shown of one value; stack traces are long, and read.
const MAX_VALUE: usize = 16_000;
/// Longest double that is written without an exponent.
const MAX_DIGITS: usize = 24;
/// Values up to this length can be searched for.
const MAX_SEARCHED: usize = 200;

/// One attribute.
pub(crate) struct Attribute {
    /// Cut where a long key may be broken.
    pub(crate) key: Vec<String>,
    pub(crate) value: String,
    /// The search for others with this value.
    pub(crate) href: Option<PageUrl>,
}

/// The attributes of `attrs` by key, and how many more there are. `search` is the page that finds others like it.
pub(crate) fn rows(attrs: Attrs<'_>, search: Option<&PageUrl>) -> (Vec<Attribute>, usize) {
    let mut entries: Vec<(&str, Value<'_>)> = attrs.iter().collect();
    entries.sort_by_key(|(key, _)| *key);
    let n_more = entries.len().saturating_sub(MAX_ATTRIBUTES);
    let rows = entries.into_iter().take(MAX_ATTRIBUTES).map(|(key, value)| {
        let text = value.to_string();
        let href =
            search.filter(|_| is_searchable(key, &value, &text)).map(|page| page.with("q", condition(key, &text)));
        Attribute {
            key: breakable(&written_out(&clip(key, 200))),
            value: plain(&clip(&in_words(&value, text), MAX_VALUE)),
            href,
        }
    });
    (rows.collect(), n_more)
}

/// `text`, which is that of `value`, as a page shows it: what has none is named, and no number has hundreds of zeros.
pub(crate) fn in_words(value: &Value<'_>, text: String) -> String {
    match value {
        Value::Empty => "(no value)".to_owned(),
        Value::Str("") => "(empty text)".to_owned(),
        Value::Bytes([]) => "(no bytes)".to_owned(),
        Value::Double(number) if text.len() > MAX_DIGITS => format!("{number:e}"),
        _ => text,
    }
}

fn breakable(key: &str) -> Vec<String> {
    key.split_inclusive(['.', '_', '/', '-']).map(str::to_owned).collect()
}

fn is_searchable(key: &str, value: &Value<'_>, text: &str) -> bool {
    let plain_key = key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
    let scalar = matches!(value, Value::Str(_) | Value::Bool(_) | Value::Int(_) | Value::Double(_));
    plain_key
        && !key.is_empty()
        && scalar
        && !text.is_empty()
        && text.len() <= MAX_SEARCHED
        && !text.contains(['\n', '\r'])
}

/// The condition `key="value"` of the search language.
pub(crate) fn condition(key: &str, value: &str) -> String {
    format!("{key}=\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::AttrsBuf;

    #[test]
    fn sorts_by_key_and_bounds_values() {
        let mut attrs = AttrsBuf::new();
        attrs.push("z", Value::Str(&"x".repeat(20_000)));
        attrs.push("a.b", Value::Int(5));
        let (rows, n_more) = rows(attrs.as_attrs(), Some(&PageUrl::new("/traces")));
        assert_eq!(n_more, 0);
        assert_eq!((rows[0].key.concat().as_str(), rows[0].value.as_str()), ("a.b", "5"));
        assert_eq!(rows[0].key.len(), 2);
        assert_eq!(rows[0].href.as_ref().map(|href| href.get("q").to_owned()).as_deref(), Some("a.b=\"5\""));
        assert_eq!(rows[1].value.chars().count(), MAX_VALUE + 1);
        assert!(rows[1].href.is_none());
    }

    #[test]
    fn values_without_a_text_are_told_apart_and_numbers_stay_short() {
        let table = [
            (Value::Empty, "(no value)"),
            (Value::Str(""), "(empty text)"),
            (Value::Bytes(&[]), "(no bytes)"),
            (Value::Double(f64::MAX), "1.7976931348623157e308"),
            (Value::Double(5e-324), "5e-324"),
            (Value::Double(0.1), "0.1"),
            (Value::Double(-2.5e15), "-2500000000000000"),
        ];
        for (value, expected) in table {
            let mut attrs = AttrsBuf::new();
            attrs.push("k", value);
            assert_eq!(rows(attrs.as_attrs(), None).0[0].value, expected);
        }
    }

    #[test]
    fn quotes_values() {
        assert_eq!(condition("k", r#"a "b" \c"#), r#"k="a \"b\" \\c""#);
    }
}
