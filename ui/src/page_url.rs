//! The address of a page: a path and its query parameters, which hold everything that changes what is on screen.

use std::fmt::{self, Write};

use askama::filters::HtmlSafe;

/// Longest query string that is read. Longer ones lose their tail, parameter by parameter.
const MAX_QUERY: usize = 8 * 1024;

/// A path with query parameters in the order they were given. Displays as a relative reference that is safe both in
/// HTML and in a `Location` header.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct PageUrl {
    path: String,
    pairs: Vec<(String, String)>,
}

impl HtmlSafe for PageUrl {}

impl PageUrl {
    pub(crate) fn new(path: impl Into<String>) -> Self {
        PageUrl { path: path.into(), pairs: Vec::new() }
    }

    /// The page of a metric by its name as sent.
    pub(crate) fn metric_as_sent(name: &str) -> Self {
        let name = name.replace('\\', "\\\\").replace('"', "\\\"");
        PageUrl::new("/metrics").with("q", format!("{{\"{name}\"}}"))
    }

    /// The address of a request. A `+` is a space, as forms encode it; what is not UTF-8 is replaced.
    pub(crate) fn of(uri: &http::Uri) -> Self {
        let mut url = PageUrl { path: decode(uri.path(), false), pairs: Vec::new() };
        let query = uri.query().unwrap_or_default();
        let mut length = 0;
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            length += pair.len() + 1;
            if length > MAX_QUERY {
                break;
            }
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            url.pairs.push((decode(key, true), decode(value, true)));
        }
        url
    }

    /// The address of another path with the same parameters.
    pub(crate) fn at_path(&self, path: impl Into<String>) -> Self {
        PageUrl { path: path.into(), pairs: self.pairs.clone() }
    }

    /// The page of the service `name` with the same parameters. Browsers take `.` and `..` out of a path, encoded or not, so
    /// that a name with such a part is a parameter.
    pub(crate) fn to_service(&self, name: &str) -> Self {
        if name.split('/').any(|part| matches!(part, "" | "." | "..")) {
            self.at_path("/services").with("name", name)
        } else {
            self.at_path(format!("/services/{name}"))
        }
    }

    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    /// The value of `key`, trimmed; the last one when it repeats; empty when it is absent.
    pub(crate) fn get(&self, key: &str) -> &str {
        self.pairs.iter().rev().find(|(name, _)| name == key).map_or("", |(_, value)| value.trim())
    }

    /// Every value of `key`.
    pub(crate) fn all<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a str> {
        self.pairs.iter().filter(move |(name, _)| name == key).map(|(_, value)| value.trim())
    }

    /// The address with `key` set to `value`, or without it when `value` is empty.
    pub(crate) fn with(&self, key: &str, value: impl fmt::Display) -> Self {
        let mut url = self.without(key);
        let value = value.to_string();
        if !value.is_empty() {
            url.pairs.push((key.to_owned(), value));
        }
        url
    }

    /// The address with another `key` beside those it has.
    pub(crate) fn and(&self, key: &str, value: impl fmt::Display) -> Self {
        let mut url = self.clone();
        url.pairs.push((key.to_owned(), value.to_string()));
        url
    }

    pub(crate) fn without(&self, key: &str) -> Self {
        let mut url = self.clone();
        url.pairs.retain(|(name, _)| name != key);
        url
    }

    /// The parameters but `keys`, for the hidden fields of a form that sets these.
    pub(crate) fn others<'a>(&'a self, keys: &'a [&str]) -> impl Iterator<Item = &'a (String, String)> {
        self.pairs.iter().filter(move |(name, value)| !keys.contains(&name.as_str()) && !value.is_empty())
    }
}

impl fmt::Display for PageUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        encode(f, &self.path, b"/")?;
        for (i, (key, value)) in self.pairs.iter().filter(|(_, value)| !value.is_empty()).enumerate() {
            f.write_char(if i == 0 { '?' } else { '&' })?;
            encode(f, key, b"")?;
            f.write_char('=')?;
            encode(f, value, b"")?;
        }
        Ok(())
    }
}

/// Percent-encodes all but the unreserved characters of RFC 3986, `:` and those in `also`.
fn encode(f: &mut fmt::Formatter<'_>, text: &str, also: &[u8]) -> fmt::Result {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~:".contains(&byte) || also.contains(&byte) {
            f.write_char(char::from(byte))?;
        } else {
            write!(f, "%{byte:02X}")?;
        }
    }
    Ok(())
}

fn decode(text: &str, form: bool) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut i = 0;
    while i < bytes.len() {
        let hex = bytes.get(i + 1..i + 3).and_then(|hex| std::str::from_utf8(hex).ok());
        match (bytes[i], hex.and_then(|hex| u8::from_str_radix(hex, 16).ok())) {
            (b'%', Some(byte)) => {
                out.push(byte);
                i += 2;
            }
            (b'+', _) if form => out.push(b' '),
            (byte, _) => out.push(byte),
        }
        i += 1;
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(uri: &str) -> PageUrl {
        PageUrl::of(&uri.parse().unwrap())
    }

    #[test]
    fn round_trips_every_character() {
        let nasty = "a&b=c+d \"<script>'%00%zz/?#é שלום";
        let url = PageUrl::new("/logs").with("q", nasty);
        assert_eq!(parse(&url.to_string()).get("q"), nasty);
        assert!(!url.to_string().contains(['"', '<', '\'', ' ']));
    }

    #[test]
    fn setting_replaces_and_empty_removes() {
        let url = parse("/traces?q=a&from=now-1h&q=b");
        assert_eq!(url.get("q"), "b");
        assert_eq!(url.all("q").count(), 2);
        assert_eq!(url.with("q", "c").to_string(), "/traces?from=now-1h&q=c");
        assert_eq!(url.with("q", "").to_string(), "/traces?from=now-1h");
        assert_eq!(url.others(&["q"]).count(), 1);
    }

    #[test]
    fn a_service_whose_name_browsers_would_take_for_a_step_in_a_path_is_a_parameter() {
        let table = [
            ("booking", "/services/booking?from=now-1h"),
            ("a/b", "/services/a/b?from=now-1h"),
            ("..%2f..", "/services/..%252f..?from=now-1h"),
            (".", "/services?from=now-1h&name=."),
            ("..", "/services?from=now-1h&name=.."),
            ("../../etc/passwd", "/services?from=now-1h&name=..%2F..%2Fetc%2Fpasswd"),
            ("//evil.example", "/services?from=now-1h&name=%2F%2Fevil.example"),
        ];
        for (name, expected) in table {
            assert_eq!(parse("/?from=now-1h").to_service(name).to_string(), expected);
        }
    }

    #[test]
    fn reads_what_is_malformed_without_failing() {
        assert_eq!(parse("/a?x=%&y=%4&z=%ff&&=v").get("z"), "\u{fffd}");
        assert_eq!(parse(&format!("/a?k=v&long={}", "x".repeat(9000))).get("long"), "");
    }
}
