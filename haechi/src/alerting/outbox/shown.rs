//! What pages and errors may show of a request and its answer: nothing that is a secret, and not too much of it.

use reqwest::Url;
use reqwest::header::{HeaderMap, SET_COOKIE};

use super::signature::SIGNATURE;

/// As much of an answer as is read.
pub(super) const READ: usize = 2048;
/// Bytes of a body.
pub(super) const MAX_BODY: usize = 64 << 10;
/// Headers, and bytes of one of them.
const MAX_HEADERS: usize = 40;
const MAX_HEADER: usize = 300;
/// Shorter parts of an address are words such as `hooks` that a harmless answer may have.
const SECRET: usize = 6;

/// The beginning of `bytes`, whole characters.
pub(super) fn text(bytes: &[u8], max: usize) -> String {
    let cut = if bytes.len() > max { "…" } else { "" };
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(max)]);
    // Half of a character at the end is one that is no character.
    format!("{}{cut}", text.trim_end_matches(char::REPLACEMENT_CHARACTER))
}

/// A line for each header. A signature can be used again for some minutes, and a cookie for longer.
pub(super) fn headers(headers: &HeaderMap) -> String {
    let line = |(name, value): (&reqwest::header::HeaderName, &reqwest::header::HeaderValue)| {
        let is_secret = name == SET_COOKIE || name == SIGNATURE;
        let value = if is_secret { "•••".to_owned() } else { text(value.as_bytes(), MAX_HEADER) };
        format!("{name}: {value}\n")
    };
    headers.iter().take(MAX_HEADERS).map(line).collect()
}

/// The secrets of a request.
pub(super) struct Hides<'h> {
    /// An address of which nothing may be shown.
    pub(super) url: Option<&'h Url>,
    /// A text of its body.
    pub(super) secret: Option<&'h str>,
}

impl Hides<'_> {
    /// `text` without the secret of the body.
    pub(super) fn secret_of(&self, text: &str) -> String {
        self.secret.map_or(text.to_owned(), |secret| text.replace(secret, "•••"))
    }

    /// The beginning of what an answer says, without any secret. No more of it is shown than half of what is read, so that no
    /// part of a secret is shown because its end is missing.
    pub(super) fn all(&self, text: &str) -> String {
        match self.url {
            Some(url) if repeats(text, url) => "its text repeats the address, which is a secret".to_owned(),
            _ => self.secret_of(text).chars().take(READ / 2).collect(),
        }
    }
}

/// Whether a part of the address beyond its host is in the text.
fn repeats(text: &str, url: &Url) -> bool {
    let values = url.query_pairs().map(|(_, value)| value.into_owned());
    let raw = url.path().split('/').chain(url.query().unwrap_or_default().split(['&', '=']));
    let raw = raw.chain([url.username(), url.password().unwrap_or_default()]);
    let decoded = raw.clone().map(|part| percent_encoding::percent_decode_str(part).decode_utf8_lossy().into_owned());
    let parts = values.chain(decoded).chain(raw.map(str::to_owned));
    parts.filter(|part| part.len() >= SECRET).any(|part| text.contains(&part))
}
