//! The check of a candidate: does a text contain these words, one after another?

use super::tokenizer::{Class, MAX_TOKEN_BYTES};

/// The words of a phrase, ready to be compared with many texts.
///
/// The words must follow one another in the text; what separates them does not matter, nor does the case. A word matches
/// whole: `time` is not in `timeout`. In scripts without spaces each character is a word; those that stand together in
/// the phrase must stand together in the text: `결제` is in `결제실패`, and not in `결 제`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Phrase {
    words: Vec<PhraseWord>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct PhraseWord {
    lower: String,
    joined: bool,
}

impl Phrase {
    pub fn new(phrase: &str) -> Self {
        let mut words = Vec::new();
        each_word(phrase, |word, joined| {
            words.push(PhraseWord { lower: word.chars().flat_map(char::to_lowercase).collect(), joined });
        });
        Phrase { words }
    }

    /// True when the phrase has no word and so says nothing: it matches every text.
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// True when the phrase is no more than one token: then the texts that match are exactly those that hold the token.
    pub fn is_one_token(&self) -> bool {
        let unspaced = |word: &PhraseWord| word.lower.chars().next().is_some_and(|it| Class::of(it) == Class::Unspaced);
        match self.words.as_slice() {
            // A longer one may be the beginning of a word that was cut.
            [word] => !unspaced(word) && word.lower.len() <= MAX_TOKEN_BYTES - 4,
            [first, second] => unspaced(first) && unspaced(second) && second.joined,
            _ => false,
        }
    }

    /// True when `text` contains the phrase.
    pub fn matches(&self, text: &str) -> bool {
        let [first, rest @ ..] = self.words.as_slice() else { return true };
        if rest.is_empty() {
            let mut found = false;
            each_word(text, |word, _| found = found || equal_lower(word, &first.lower));
            return found;
        }
        let mut words = Vec::new();
        each_word(text, |word, joined| words.push((word, joined)));
        words.windows(self.words.len()).any(|window| {
            self.words
                .iter()
                .zip(window)
                .all(|(wanted, (word, joined))| (*joined || !wanted.joined) && equal_lower(word, &wanted.lower))
        })
    }
}

fn equal_lower(word: &str, lower: &str) -> bool {
    if word.is_ascii() {
        word.eq_ignore_ascii_case(lower)
    } else {
        word.chars().flat_map(char::to_lowercase).eq(lower.chars())
    }
}

/// Calls `each` with the words of `text`, uncut, and whether the word is joined to the one before: both are characters
/// of one stretch in a script without spaces.
fn each_word<'a>(text: &'a str, mut each: impl FnMut(&'a str, bool)) {
    let mut before = Class::Separator;
    let mut start = 0;
    for (at, character) in text.char_indices() {
        let class = Class::of(character);
        if before == Class::Word && class != Class::Word {
            each(&text[start..at], false);
        }
        match class {
            Class::Word if before != Class::Word => start = at,
            Class::Unspaced => each(&text[at..at + character.len_utf8()], before == Class::Unspaced),
            _ => {}
        }
        before = class;
    }
    if before == Class::Word {
        each(&text[start..], false);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_words_that_follow_one_another() {
        let long = "x".repeat(70);
        let table = [
            ("connection refused", "dial tcp: Connection refused", true),
            ("connection refused", "connection was refused", false),
            ("refused connection", "connection refused", false),
            ("time", "timeout", false),
            ("timeout", "time out", false),
            ("/api/v1/cart", "GET /api/v1/cart 200", true),
            ("api v1", "GET /api/v1/cart 200", true),
            ("order_id", "order id", false),
            ("ÉCOLE", "une école", true),
            ("a b", "a a b", true),
            ("a a", "a", false),
            ("", "anything", true),
            ("!", "anything", true),
            ("word", "", false),
            ("결제", "결제실패", true),
            ("제실", "결제실패", true),
            ("결제", "결 제", false),
            ("결 제", "결제", true),
            ("결제 실패", "결제실패", true),
            ("결", "결제", true),
            ("api결제", "API 결제가", true),
            ("결제api", "결제api2", false),
            (&long, &format!("{long}y"), false),
        ];
        for (phrase, text, expected) in table {
            assert_eq!(Phrase::new(phrase).matches(text), expected, "{phrase:?} in {text:?}");
        }
    }
}
