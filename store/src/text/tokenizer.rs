//! Text to tokens: the one tokenizer of index and queries.
//!
//! A run is a longest stretch of letters, digits (both as Unicode has them) and `_`; everything else separates. Within
//! a run, scripts that are written without spaces between words (Han, Hangul, Kana, Thai and their like) are cut off
//! from the rest. Those give overlapping pairs of characters: `결제실패` is `결제`, `제실`, `실패`, so any part of two or
//! more characters can be looked up without a dictionary, and a Korean stem is found whatever particle follows. A
//! stretch of a single such character gives that character. The rest of a run is one token, in lower case, character by
//! character and independent of what stands around it.

/// The longest token, in bytes of UTF-8. Of a longer one only the leading characters that fit are kept, all but four bytes at most.
pub const MAX_TOKEN_BYTES: usize = 64;

/// Calls `each` with the tokens of `text`, in order and with repetitions.
pub fn tokens(text: &str, mut each: impl FnMut(&str)) {
    let mut scanner = Scanner::new(text);
    let mut token = String::new();
    while scanner.next(&mut token).is_some() {
        each(&token);
    }
}

/// Returns the tokens that every body matched by `phrase` must hold, sorted and without repetitions.
///
/// Empty means that the phrase says nothing the index could use. A single character of a script without spaces is left
/// out: in a body it may stand inside a longer stretch, of which only pairs are indexed.
pub fn query_tokens(phrase: &str) -> Vec<String> {
    let mut scanner = Scanner::new(phrase);
    let mut token = String::new();
    let mut found = Vec::new();
    while let Some(kind) = scanner.next(&mut token) {
        if kind != TokenKind::Single {
            found.push(token.clone());
        }
    }
    found.sort_unstable();
    found.dedup();
    found
}

/// The longest token with digits that is still a word.
const MAX_NUMBER_WORD_BYTES: usize = 3;

/// Whether a token is an id: of more than three bytes, with an ASCII digit. Numbers, hexadecimal ids, the parts of UUIDs and
/// of times: most are rare, and in the index they are found in another way than words.
#[inline]
pub(super) fn is_id(token: &str) -> bool {
    token.len() > MAX_NUMBER_WORD_BYTES && token.bytes().any(|byte| byte.is_ascii_digit())
}

/// What a character is to the tokenizer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    Separator,
    Word,
    /// A letter of a script written without spaces between words.
    Unspaced,
}

impl Class {
    /// Whether an ASCII byte is part of a word.
    #[inline]
    pub(super) fn is_word_byte(byte: u8) -> bool {
        WORD_BYTES[usize::from(byte & 0x7f)]
    }

    #[inline]
    pub(super) fn of(character: char) -> Class {
        if character.is_ascii() {
            if WORD_BYTES[character as usize] { Class::Word } else { Class::Separator }
        } else if !character.is_alphanumeric() {
            Class::Separator
        } else if is_unspaced(character) {
            Class::Unspaced
        } else {
            Class::Word
        }
    }
}

static WORD_BYTES: [bool; 128] = {
    let mut table = [false; 128];
    let mut byte = 0u8;
    while byte < 128 {
        table[byte as usize] = byte.is_ascii_alphanumeric() || byte == b'_';
        byte += 1;
    }
    table
};

/// By blocks of the Unicode standard; asked only of letters and digits.
///
/// A change here, as in anything that decides on tokens, is a new version of the bundle: tokens of old ones stay.
fn is_unspaced(character: char) -> bool {
    matches!(u32::from(character),
        0x0E00..=0x0EFF         // Thai, Lao
        | 0x1000..=0x109F       // Myanmar
        | 0x1100..=0x11FF       // Hangul Jamo
        | 0x1780..=0x17FF       // Khmer
        | 0x3005..=0x3007       // iteration mark, closing mark, zero
        | 0x3031..=0x3035       // Kana repeat marks
        | 0x3038..=0x303C       // Hangzhou numerals and signs
        | 0x3040..=0x318F       // Hiragana, Katakana, Bopomofo, Hangul compatibility Jamo
        | 0x31A0..=0x31BF       // Bopomofo extended
        | 0x31F0..=0x31FF       // Katakana phonetic extensions
        | 0x3400..=0x4DBF       // Han, extension A
        | 0x4E00..=0x9FFF       // Han
        | 0xA960..=0xA97F       // Hangul Jamo extended A
        | 0xAC00..=0xD7FF       // Hangul syllables, Jamo extended B
        | 0xF900..=0xFAFF       // Han, compatibility
        | 0xFF66..=0xFFDC       // half-width Katakana and Hangul
        | 0x1AFF0..=0x1B16F     // Kana extensions and supplement
        | 0x20000..=0x3FFFF     // Han, the supplementary planes
    )
}

/// What a token was made from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TokenKind {
    Word,
    Pair,
    /// One character of a script without spaces, alone between others.
    Single,
}

/// A place in a text; gives one token after the other.
pub(super) struct Scanner<'a> {
    text: &'a str,
    at: usize,
    /// The last character before `at`, when it is the second of a pair and so may be the first of another.
    pending: Option<char>,
}

impl<'a> Scanner<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Scanner { text, at: 0, pending: None }
    }

    /// Puts the next token in place of what is in `token`; `None` at the end of the text.
    pub(super) fn next(&mut self, token: &mut String) -> Option<TokenKind> {
        token.clear();
        if let Some(first) = self.pending.take()
            && let Some(second) = self.take_unspaced()
        {
            return Some(self.pair(first, second, token));
        }
        match self.skip_separators()? {
            Class::Unspaced => {
                let first = self.take_unspaced()?;
                if let Some(second) = self.take_unspaced() {
                    return Some(self.pair(first, second, token));
                }
                token.push(first);
                Some(TokenKind::Single)
            }
            _ => {
                self.word(token);
                Some(TokenKind::Word)
            }
        }
    }

    fn pair(&mut self, first: char, second: char, token: &mut String) -> TokenKind {
        token.push(first);
        token.push(second);
        self.pending = Some(second);
        TokenKind::Pair
    }

    /// Goes to the next character of a token and returns its class.
    fn skip_separators(&mut self) -> Option<Class> {
        let bytes = self.text.as_bytes();
        loop {
            let byte = *bytes.get(self.at)?;
            if byte.is_ascii() {
                if WORD_BYTES[usize::from(byte)] {
                    return Some(Class::Word);
                }
                self.at += 1;
            } else {
                let character = self.text[self.at..].chars().next()?;
                match Class::of(character) {
                    Class::Separator => self.at += character.len_utf8(),
                    class => return Some(class),
                }
            }
        }
    }

    fn take_unspaced(&mut self) -> Option<char> {
        let character = self.text[self.at..].chars().next().filter(|it| Class::of(*it) == Class::Unspaced)?;
        self.at += character.len_utf8();
        Some(character)
    }

    /// Takes a word: its ASCII beginning, which is mostly all there is, in one copy, the rest by characters.
    fn word(&mut self, token: &mut String) {
        let bytes = &self.text.as_bytes()[self.at..];
        let ascii = bytes.iter().position(|it| !it.is_ascii() || !WORD_BYTES[usize::from(*it)]).unwrap_or(bytes.len());
        token.push_str(&self.text[self.at..self.at + ascii.min(MAX_TOKEN_BYTES)]);
        token.make_ascii_lowercase();
        self.at += ascii;
        if bytes.get(ascii).is_none_or(u8::is_ascii) {
            return;
        }
        let mut full = ascii > MAX_TOKEN_BYTES;
        for character in self.text[self.at..].chars() {
            if Class::of(character) != Class::Word {
                break;
            }
            self.at += character.len_utf8();
            for lower in character.to_lowercase() {
                full |= token.len() + lower.len_utf8() > MAX_TOKEN_BYTES;
                if !full {
                    token.push(lower);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &str) -> Vec<String> {
        let mut found = Vec::new();
        tokens(text, |it| found.push(it.to_owned()));
        found
    }

    #[test]
    fn splits_text_into_tokens() {
        let table: &[(&str, &[&str])] = &[
            ("", &[]),
            (" \t-./!", &[]),
            ("Payment failed", &["payment", "failed"]),
            ("failed: failed", &["failed", "failed"]),
            ("order_id=42, retry=3", &["order_id", "42", "retry", "3"]),
            ("__init__", &["__init__"]),
            ("GET /api/v1/Cart?id=7", &["get", "api", "v1", "cart", "id", "7"]),
            ("10.0.0.1:8080", &["10", "0", "0", "1", "8080"]),
            ("4bf92f3577b34da6a3ce929d0e0e4736", &["4bf92f3577b34da6a3ce929d0e0e4736"]),
            ("123e4567-E89B-12d3", &["123e4567", "e89b", "12d3"]),
            ("Café ÉCOLE Straße", &["café", "école", "straße"]),
            ("naïveté—Ωμέγα", &["naïveté", "ωμέγα"]),
            ("ΟΔΟΣ Σ", &["οδοσ", "σ"]),
            ("İstanbul", &["i\u{307}stanbul"]),
            ("ошибка ПЛАТЕЖА", &["ошибка", "платежа"]),
            ("٣٤ ²½", &["٣٤", "²½"]),
            ("done ✅🎉 ok👍🏽ok", &["done", "ok", "ok"]),
            ("결제 실패", &["결제", "실패"]),
            ("결제실패", &["결제", "제실", "실패"]),
            ("결제가", &["결제", "제가"]),
            ("결 제", &["결", "제"]),
            ("支付失败。订", &["支付", "付失", "失败", "订"]),
            ("データ・ベース", &["デー", "ータ", "ベー", "ース"]),
            ("ﾃﾞｰﾀ", &["ﾃﾞ", "ﾞｰ", "ｰﾀ"]),
            ("v2결제API실패ok", &["v2", "결제", "api", "실패", "ok"]),
            ("a결b", &["a", "결", "b"]),
            ("é결제é", &["é", "결제", "é"]),
            ("𠀀𠀁x", &["𠀀𠀁", "x"]),
            ("ไทย", &["ไท", "ทย"]),
        ];
        for (text, expected) in table {
            assert_eq!(all(text), *expected, "{text:?}");
        }
    }

    #[test]
    fn cuts_long_tokens_to_whole_characters_within_64_bytes() {
        let table = [
            ("a".repeat(64), "a".repeat(64)),
            ("A".repeat(65), "a".repeat(64)),
            (format!("{}É", "a".repeat(62)), format!("{}é", "a".repeat(62))),
            (format!("{}Éb", "a".repeat(63)), "a".repeat(63)),
            (format!("{}é", "a".repeat(70)), "a".repeat(64)),
            ("é".repeat(33), "é".repeat(32)),
            (format!("a{}", "é".repeat(40)), format!("a{}", "é".repeat(31))),
        ];
        for (text, expected) in table {
            assert_eq!(all(&text), [expected.as_str()], "{text}");
            assert_eq!(query_tokens(&text), [expected.as_str()], "{text}");
        }
        assert_eq!(all(&format!("{} next", "x".repeat(1000))).last().map(String::as_str), Some("next"));
    }

    #[test]
    fn query_asks_only_for_tokens_that_every_match_holds() {
        let table: &[(&str, &[&str])] = &[
            ("", &[]),
            ("!?", &[]),
            ("timeout Timeout", &["timeout"]),
            ("connection refused", &["connection", "refused"]),
            ("결제", &["결제"]),
            ("결제실패", &["결제", "실패", "제실"]),
            ("결", &[]),
            ("a결", &["a"]),
            ("결 제품", &["제품"]),
        ];
        for (phrase, expected) in table {
            assert_eq!(query_tokens(phrase), *expected, "{phrase:?}");
        }
    }
}
