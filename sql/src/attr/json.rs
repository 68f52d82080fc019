//! Finds one key of a JSON object given as text, without building the document and without recursion.

/// The value of `key` in the object `text`, of the last one when it repeats: a string's content, anything else as
/// written. `None` when the key is absent, its value is null, or `text` is not an object.
pub(super) fn get(text: &str, key: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let mut at = skip_space(bytes, 0);
    if bytes.get(at) != Some(&b'{') {
        return None;
    }
    at += 1;
    let mut found = None;
    loop {
        at = skip_space(bytes, at);
        if bytes.get(at) == Some(&b',') {
            at = skip_space(bytes, at + 1);
        }
        if bytes.get(at) != Some(&b'"') {
            break;
        }
        let name_end = string_end(bytes, at)?;
        let colon = skip_space(bytes, name_end);
        if bytes.get(colon) != Some(&b':') {
            return None;
        }
        let start = skip_space(bytes, colon + 1);
        let end = value_end(bytes, start)?;
        if is_key(&text[at..name_end], key) {
            found = Some(start..end);
        }
        at = end;
    }
    let value = &text[found?];
    match value.as_bytes().first()? {
        b'n' => None,
        b'"' => unquote(value),
        _ => Some(value.trim_end().to_owned()),
    }
}

fn skip_space(bytes: &[u8], mut at: usize) -> usize {
    while bytes.get(at).is_some_and(u8::is_ascii_whitespace) {
        at += 1;
    }
    at
}

/// The index after the closing quote of the string that opens at `at`.
fn string_end(bytes: &[u8], at: usize) -> Option<usize> {
    let mut at = at + 1;
    loop {
        match bytes.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

/// The index after the value that starts at `at`.
fn value_end(bytes: &[u8], at: usize) -> Option<usize> {
    let mut depth = 0usize;
    let mut at = at;
    loop {
        match bytes.get(at)? {
            b'"' => at = string_end(bytes, at)?,
            b'{' | b'[' => {
                depth += 1;
                at += 1;
            }
            b'}' | b']' if depth == 0 => return Some(at),
            b'}' | b']' => {
                depth -= 1;
                at += 1;
            }
            b',' if depth == 0 => return Some(at),
            _ => {
                at += 1;
                continue;
            }
        }
        if depth == 0 {
            return Some(at);
        }
    }
}

/// Whether the quoted `name` says `key`.
fn is_key(name: &str, key: &str) -> bool {
    let content = &name[1..name.len() - 1];
    if content.contains('\\') { unquote(name).as_deref() == Some(key) } else { content == key }
}

fn unquote(quoted: &str) -> Option<String> {
    let content = quoted.get(1..quoted.len().checked_sub(1)?)?;
    if !content.contains('\\') {
        return Some(content.to_owned());
    }
    serde_json::from_str(quoted).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_values_of_every_type() {
        let text = r#"{"a":"x \"y\"\n","b":1,"c":-2.5e3,"d":true,"e":null,"f":{"a":"inner","g":[1,{"h":2}]},"k\"q":"z","a.b":"dot","b":2}"#;
        let cases = [
            ("a", Some("x \"y\"\n")),
            ("b", Some("2")),
            ("c", Some("-2.5e3")),
            ("d", Some("true")),
            ("e", None),
            ("f", Some(r#"{"a":"inner","g":[1,{"h":2}]}"#)),
            ("k\"q", Some("z")),
            ("a.b", Some("dot")),
            ("g", None),
            ("", None),
        ];
        for (key, expected) in cases {
            assert_eq!(get(text, key).as_deref(), expected, "{key}");
        }
    }

    #[test]
    fn gives_nothing_for_what_is_not_an_object() {
        for text in ["", "[]", "\"a\"", "{", "{\"a\"", "{\"a\":", "{\"a\":\"", "{\"a\" 1}", "1", "{\"a\":{", "{\"a\\"] {
            assert_eq!(get(text, "a"), None, "{text}");
        }
    }

    #[test]
    fn deep_nesting_costs_no_stack() {
        let text = format!("{{\"a\":{}{}}}", "[".repeat(1_000_000), "]".repeat(1_000_000));
        assert_eq!(get(&text, "a").map(|it| it.len()), Some(2_000_000));
    }

    #[test]
    fn white_space_is_allowed() {
        assert_eq!(get(" { \"a\" : 1 , \"b\" : \"c\" } ", "b").as_deref(), Some("c"));
        assert_eq!(get(" { \"a\" : 1 , \"b\" : \"c\" } ", "a").as_deref(), Some("1"));
    }
}
