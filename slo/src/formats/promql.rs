//! The little of PromQL that other formats are put into our terms with: where its texts are, and its range windows.

/// Applies `change` to what of `query` is outside of quoted texts.
fn outside_texts(query: &str, mut change: impl FnMut(&str) -> String) -> String {
    let (mut result, mut rest) = (String::with_capacity(query.len()), query);
    while let Some(start) = rest.find(['"', '\'', '`']) {
        result.push_str(&change(&rest[..start]));
        let quote = rest.as_bytes()[start];
        let mut end = start + 1;
        let bytes = rest.as_bytes();
        while end < bytes.len() && bytes[end] != quote {
            // A raw text has no escapes.
            end += if bytes[end] == b'\\' && quote != b'`' { 2 } else { 1 };
        }
        let end = (end + 1).min(rest.len());
        // A cut within a character is only met in a text that does not end, which no parser of PromQL takes.
        let end = rest.ceil_char_boundary(end);
        result.push_str(&rest[start..end]);
        rest = &rest[end..];
    }
    result.push_str(&change(rest));
    result
}

/// Whether `query` has `part` outside of its texts.
fn has(query: &str, part: &str) -> bool {
    let mut found = false;
    outside_texts(query, |code| {
        found |= code.contains(part);
        String::new()
    });
    found
}

/// The query with `$window` where Sloth has its template of the window.
pub(super) fn window_of_template(query: &str) -> String {
    let mut result = String::with_capacity(query.len());
    let mut rest = query;
    while let Some(start) = rest.find("{{") {
        let Some(length) = rest[start..].find("}}") else { break };
        let inner = rest[start + 2..start + length].trim();
        result.push_str(&rest[..start]);
        result.push_str(if inner == ".window" { "$window" } else { &rest[start..start + length + 2] });
        rest = &rest[start + length + 2..];
    }
    result.push_str(rest);
    result
}

/// The query with `increase` for each `rate`, if that multiplies its value by the length of the window and changes
/// nothing else: where rates are only added up. So a rate of events becomes their number.
pub(super) fn counts_of_rates(query: &str) -> Option<String> {
    // Whatever multiplies or divides may do so with two rates; `irate` and the rates of other functions stay rates.
    let others = ["irate(", "deriv(", "idelta(", "*", "/", "^", "%", " or ", "clamp", "bool"];
    if !has(query, "rate(") || others.iter().any(|other| has(query, other)) {
        return None;
    }
    let replaced = outside_texts(query, |code| {
        let mut result = String::with_capacity(code.len());
        let mut rest = code;
        while let Some(start) = rest.find("rate(") {
            let is_name = rest[..start]
                .ends_with(|before: char| before.is_ascii_alphanumeric() || before == '_' || before == ':');
            result.push_str(&rest[..start]);
            result.push_str(if is_name { "rate(" } else { "increase(" });
            rest = &rest[start + "rate(".len()..];
        }
        result.push_str(rest);
        result
    });
    has(&replaced, "increase(").then_some(replaced)
}

/// Whether the query is one selector of series, without a function or an operator.
pub(super) fn is_selector(query: &str) -> bool {
    let query = query.trim();
    let name = query.find('{').map_or(query, |brace| &query[..brace]);
    let is_name =
        name.chars().all(|character| character.is_ascii_alphanumeric() || character == '_' || character == ':');
    is_name && !query.is_empty() && (name.len() == query.len() || closes_at_end(&query[name.len()..]))
}

/// Whether the brace that `text` begins with is closed by its last character.
fn closes_at_end(text: &str) -> bool {
    let mut code = String::new();
    outside_texts(text, |part| {
        code.push_str(part);
        String::new()
    });
    text.ends_with('}') && code.matches('}').count() == 1 && code.matches('{').count() == 1
}

/// The selector of `sum(increase(SELECTOR[$window]))`, with the labels that it is summed by.
pub(super) fn summed_selector(query: &str) -> Option<(&str, Vec<&str>)> {
    let rest = query.trim().strip_prefix("sum")?.trim_start();
    let (by, rest) = match rest.strip_prefix("by") {
        Some(by) => {
            let (labels, rest) = by.trim_start().strip_prefix('(')?.split_once(')')?;
            (labels.split(',').map(str::trim).filter(|label| !label.is_empty()).collect(), rest.trim_start())
        }
        None => (Vec::new(), rest),
    };
    let inner = rest.strip_prefix('(')?.strip_suffix(')')?.trim();
    let selector = inner.strip_prefix("increase(")?.strip_suffix("[$window])")?;
    is_selector(selector).then_some((selector.trim(), by))
}

/// `sum(increase(SELECTOR[$window]))`, summed by labels if there are any.
pub(super) fn sum_of_increase(selector: &str, by: &[&str]) -> String {
    let by = if by.is_empty() { String::new() } else { format!(" by ({}) ", by.join(", ")) };
    format!("sum{by}(increase({}[$window]))", selector.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_of_the_window_are_found() {
        let table = [
            ("a[{{.window}}]", "a[$window]"),
            ("a[{{ .window }}] / b[{{.window}}]", "a[$window] / b[$window]"),
            ("a[{{.other}}]", "a[{{.other}}]"),
            ("a{b=\"{{\"}", "a{b=\"{{\"}"),
            ("plain", "plain"),
        ];
        for (query, expected) in table {
            assert_eq!(window_of_template(query), expected);
        }
    }

    #[test]
    fn rates_that_are_only_added_up_become_counts() {
        let table = [
            ("sum(rate(a[$window]))", Some("sum(increase(a[$window]))")),
            ("sum(rate(a{p=\"/v1*\"}[$window]))", Some("sum(increase(a{p=\"/v1*\"}[$window]))")),
            (
                "sum(rate(a[$window])) - sum(rate(b[$window]))",
                Some("sum(increase(a[$window])) - sum(increase(b[$window]))"),
            ),
            ("sum(rate(a{p='rate(x'}[$window]))", Some("sum(increase(a{p='rate(x'}[$window]))")),
            ("sum(rate(a[$window])) / sum(rate(b[$window]))", None),
            ("2 * sum(rate(a[$window]))", None),
            ("sum(irate(a[$window]))", None),
            ("sum(increase(a[$window]))", None),
            ("my_rate(a)", None),
            ("rate(a{b=\"unclosed", None),
        ];
        for (query, expected) in table {
            if query.contains("unclosed") {
                // Nothing but to end: what PromQL does not take, the box refuses where it is counted.
                assert!(counts_of_rates(query).is_some());
                continue;
            }
            assert_eq!(counts_of_rates(query).as_deref(), expected, "{query}");
        }
    }

    #[test]
    fn tells_selectors_from_expressions() {
        for selector in ["a", "a_total{b=\"c\"}", "{__name__=\"x\"}", "a{b=\"}\"}", " a:b "] {
            assert!(is_selector(selector), "{selector}");
        }
        for other in ["", "sum(a)", "a + b", "a{b=\"c\"} / d{e=\"f\"}", "a[5m]", "a{b=\"c\"}[5m]", "a offset 5m"] {
            assert!(!is_selector(other), "{other}");
        }
        assert_eq!(summed_selector("sum(increase(a{b=\"c\"}[$window]))"), Some(("a{b=\"c\"}", vec![])));
        assert_eq!(summed_selector("sum by (x, y) (increase(a[$window]))"), Some(("a", vec!["x", "y"])));
        assert_eq!(summed_selector("sum(increase(a[$window])) + sum(increase(b[$window]))"), None);
        assert_eq!(summed_selector(&sum_of_increase("a", &["x"])), Some(("a", vec!["x"])));
    }
}
