//! Label sets: the identity of a series in PromQL.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

/// The label that holds the metric's name.
pub const NAME: &str = "__name__";
/// The label that holds the upper bound of a classic histogram's bucket.
pub const LE: &str = "le";

type Pair = (Arc<str>, Arc<str>);

/// A set of labels, sorted by name, without empty values. Cheap to clone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Labels(Arc<[Pair]>);

impl PartialOrd for Labels {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// By the first pair that differs. Within a query equal texts are mostly one and the same, which is told without reading them.
impl Ord for Labels {
    fn cmp(&self, other: &Self) -> Ordering {
        let of_texts = |a: &Arc<str>, b: &Arc<str>| if Arc::ptr_eq(a, b) { Ordering::Equal } else { a.cmp(b) };
        let pairs = self.0.iter().zip(other.0.iter());
        let first = pairs.map(|(a, b)| of_texts(&a.0, &b.0).then_with(|| of_texts(&a.1, &b.1)));
        first.into_iter().find(|order| order.is_ne()).unwrap_or_else(|| self.0.len().cmp(&other.0.len()))
    }
}

impl Labels {
    /// The set of `pairs` in any order. Of equal names the last counts; an empty value is as good as none.
    pub fn new<N: Into<Arc<str>>, V: Into<Arc<str>>>(pairs: impl IntoIterator<Item = (N, V)>) -> Self {
        let mut pairs: Vec<Pair> = pairs.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        pairs.reverse(); // the sort is stable, and dedup keeps the first of equals
        pairs.sort_by(|a, b| a.0.cmp(&b.0));
        pairs.dedup_by(|a, b| a.0 == b.0);
        pairs.retain(|(_, value)| !value.is_empty());
        Labels(pairs.into())
    }

    /// The value of `name`; empty when there is none.
    pub fn get(&self, name: &str) -> &str {
        self.0.binary_search_by(|(known, _)| known.as_ref().cmp(name)).map_or("", |index| &self.0[index].1)
    }

    /// The metric's name; empty when there is none.
    pub fn name(&self) -> &str {
        self.get(NAME)
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_ref(), value.as_ref()))
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// These labels with `name` set to `value`, or without it when `value` is empty.
    pub fn with(&self, name: &str, value: &str) -> Self {
        let mut pairs = self.0.to_vec();
        match (pairs.binary_search_by(|(known, _)| known.as_ref().cmp(name)), value.is_empty()) {
            (Ok(index), true) => drop(pairs.remove(index)),
            (Ok(index), false) => pairs[index].1 = value.into(),
            (Err(_), true) => return self.clone(),
            (Err(index), false) => pairs.insert(index, (name.into(), value.into())),
        }
        Labels(pairs.into())
    }

    /// These labels without the metric's name.
    pub fn without_name(&self) -> Self {
        if self.name().is_empty() { self.clone() } else { self.filter(|name| name != NAME) }
    }

    /// The labels whose name passes `keep`.
    pub fn filter(&self, keep: impl Fn(&str) -> bool) -> Self {
        Labels(self.0.iter().filter(|(name, _)| keep(name)).cloned().collect())
    }
}

/// As Prometheus prints them: `{a="1", b="2"}`.
impl fmt::Display for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{")?;
        for (i, (name, value)) in self.iter().enumerate() {
            let separator = if i > 0 { ", " } else { "" };
            if is_classic_label(name) {
                write!(f, "{separator}{name}={value:?}")?;
            } else {
                write!(f, "{separator}{name:?}={value:?}")?;
            }
        }
        f.write_str("}")
    }
}

/// Whether `name` needs no quotes: `[a-zA-Z_][a-zA-Z0-9_]*`.
fn is_classic_label(name: &str) -> bool {
    let bytes = name.as_bytes();
    bytes.first().is_some_and(|byte| byte.is_ascii_alphabetic() || *byte == b'_')
        && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn last_of_equal_names_counts_and_empty_is_absent() {
        let labels = Labels::new([("b", "1"), ("a", "x"), ("b", "2"), ("c", "")]);
        assert_eq!(labels.to_string(), r#"{a="x", b="2"}"#);
        assert_eq!(labels.get("c"), "");
        assert_eq!(labels, Labels::new([("a", "x"), ("b", "2")]));
    }

    #[test]
    fn with_inserts_replaces_and_removes() {
        let labels = Labels::new([("a", "1"), ("c", "3")]);
        assert_eq!(labels.with("b", "2").to_string(), r#"{a="1", b="2", c="3"}"#);
        assert_eq!(labels.with("c", "4").to_string(), r#"{a="1", c="4"}"#);
        assert_eq!(labels.with("a", "").to_string(), r#"{c="3"}"#);
        assert_eq!(labels.with("x", ""), labels);
    }

    #[test]
    fn names_outside_the_classic_alphabet_are_quoted() {
        let labels = Labels::new([("http.method", "GET"), (NAME, "a")]);
        assert_eq!(labels.to_string(), r#"{__name__="a", "http.method"="GET"}"#);
        assert_eq!(labels.without_name().len(), 1);
    }
}
