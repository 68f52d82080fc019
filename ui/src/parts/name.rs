//! A name as its sender chose it. Whatever it is made of, it takes little room on a page and is told from others.

use askama::Template;
use askama::filters::HtmlSafe;

use crate::format::clip;

/// Characters that no style sheet cuts: longer names have a title.
const ALWAYS_SHOWN: usize = 18;
/// Longest title.
const MAX_TITLE: usize = 1_000;

/// A name, isolated from the direction of the text around it; the whole of it in the title where it may be cut.
#[derive(Clone, Debug, Default, Template)]
#[template(source = "<bdi{% if !title.is_empty() %} title=\"{{ title }}\"{% endif %}>{{ shown }}</bdi>", ext = "html")]
pub(crate) struct Name {
    /// The text alone.
    pub(crate) shown: String,
    title: String,
}

impl HtmlSafe for Name {}

impl Name {
    /// At most `limit` characters of `name`, as [`written_out`].
    pub(crate) fn new(name: &str, limit: usize) -> Self {
        let is_short = name.chars().nth(ALWAYS_SHOWN).is_none();
        let title = if is_short { String::new() } else { written_out(&clip(name, MAX_TITLE)) };
        Name { shown: written_out(&clip(name, limit)), title }
    }
}

/// `name` with what would not be seen, or would turn round what is, written out: `\u{202e}`. One of blanks is in quotes.
pub(crate) fn written_out(name: &str) -> String {
    if name.is_empty() {
        return "(no name)".to_owned();
    }
    if name.trim().is_empty() {
        return format!("{name:?}");
    }
    plain(&name.replace('\r', "\\r")).replace('\n', "\\n").replace('\t', "\\t")
}

/// `text` with what would not be seen, or would turn round what is, written out, but for line breaks and tabs.
pub(crate) fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for (c, next) in text.chars().zip(text.chars().skip(1).map(Some).chain([None])) {
        match c {
            '\n' | '\t' => out.push(c),
            '\r' if next == Some('\n') => {}
            '\r' => out.push_str("\\r"),
            // Zero-width spaces, the byte order mark, and what Unicode's bidirectional algorithm calls explicit formatting.
            '\u{200b}' | '\u{2060}' | '\u{feff}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
                out.extend(c.escape_unicode());
            }
            c if c.is_control() => out.extend(c.escape_unicode()),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_seen_or_turns_text_round_is_written_out() {
        let table = [
            ("GET /orders", "GET /orders"),
            ("مرحبا-خدمة", "مرحبا-خدمة"),
            ("👩‍👩‍👧‍👧", "👩‍👩‍👧‍👧"),
            ("\u{202e}evil\u{202c}", "\\u{202e}evil\\u{202c}"),
            ("nul\0esc\u{1b}[31m\r\nnl", "nul\\u{0}esc\\u{1b}[31m\\r\\nnl"),
            ("a\u{200b}b", "a\\u{200b}b"),
            ("", "(no name)"),
            ("  ", "\"  \""),
        ];
        for (name, expected) in table {
            assert_eq!(written_out(name), expected);
        }
    }

    #[test]
    fn a_long_name_is_cut_and_whole_in_its_title() {
        let long = "a".repeat(300);
        let cut = "a".repeat(80);
        assert_eq!(Name::new(&long, 80).to_string(), format!("<bdi title=\"{long}\">{cut}…</bdi>"));
        assert_eq!(Name::new("booking", 80).to_string(), "<bdi>booking</bdi>");
        // No character is cut in two, and what is written out counts as one.
        assert_eq!(Name::new("해\u{202e}치해치", 3).shown, "해\\u{202e}치…");
        assert!(Name::new(&"x".repeat(100_000), 80).to_string().len() < 1_200);
    }
}
