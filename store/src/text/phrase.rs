//! The check of a candidate: does a text contain these words, one after another?

use super::tokenizer::{Class, MAX_TOKEN_BYTES};

/// The words of a phrase, ready to be compared with many texts.
///
/// The words must follow one another in the text; what separates them does not matter, nor does the case. A word matches
/// whole: `time` is not in `timeout`. In scripts without spaces each character is a word; those that stand together in
/// the phrase must stand together in the text: `결제` is in `결제실패`, and not in `결 제`. So is each emoji and each other
/// symbol, for a phrase that has any; between the words of others they do not matter.
///
/// A phrase of nothing but other signs, such as `---`, is in a text that has them as they stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Phrase {
    words: Vec<PhraseWord>,
    has_symbols: bool,
    /// The phrase, when it has no words.
    signs: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct PhraseWord {
    lower: String,
    joined: bool,
}

impl Phrase {
    pub fn new(phrase: &str) -> Self {
        let mut words = Vec::new();
        each_word(phrase, true, |word, joined| {
            words.push(PhraseWord { lower: word.chars().flat_map(char::to_lowercase).collect(), joined });
        });
        let signs = if words.is_empty() { phrase.trim().to_owned() } else { String::new() };
        Phrase { words, has_symbols: phrase.chars().any(is_symbol), signs }
    }

    /// True when the phrase says nothing: it matches every text.
    pub fn is_empty(&self) -> bool {
        self.words.is_empty() && self.signs.is_empty()
    }

    /// True when the phrase is no more than one token: then the texts that match are exactly those that hold the token.
    pub fn is_one_token(&self) -> bool {
        let unspaced = |word: &PhraseWord| word.lower.chars().next().is_some_and(|it| Class::of(it) == Class::Unspaced);
        match self.words.as_slice() {
            _ if self.has_symbols => false,
            // A longer one may be the beginning of a word that was cut.
            [word] => !unspaced(word) && word.lower.len() <= MAX_TOKEN_BYTES - 4,
            [first, second] => unspaced(first) && unspaced(second) && second.joined,
            _ => false,
        }
    }

    /// True when `text` contains the phrase.
    pub fn matches(&self, text: &str) -> bool {
        let [first, rest @ ..] = self.words.as_slice() else { return text.contains(&self.signs) };
        if rest.is_empty() {
            let mut found = false;
            each_word(text, self.has_symbols, |word, _| found = found || equal_lower(word, &first.lower));
            return found;
        }
        let mut words = Vec::new();
        each_word(text, self.has_symbols, |word, joined| words.push((word, joined)));
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
/// of one stretch in a script without spaces, or of symbols. Symbols are words only where they are asked for.
fn each_word<'a>(text: &'a str, symbols: bool, mut each: impl FnMut(&'a str, bool)) {
    let mut before = Class::Separator;
    let mut after_symbol = false;
    let mut start = 0;
    for (at, character) in text.char_indices() {
        let class = Class::of(character);
        if before == Class::Word && class != Class::Word {
            each(&text[start..at], false);
        }
        let symbol = symbols && is_symbol(character);
        match class {
            Class::Word if before != Class::Word => start = at,
            Class::Unspaced => each(&text[at..at + character.len_utf8()], before == Class::Unspaced),
            _ if symbol => each(&text[at..at + character.len_utf8()], after_symbol),
            _ => {}
        }
        (before, after_symbol) = (class, symbol);
    }
    if before == Class::Word {
        each(&text[start..], false);
    }
}

/// Whether a character is an emoji or another symbol that somebody may look for beside words, by blocks of the Unicode standard.
/// No token has one. Punctuation, which only separates words, is none, nor are joiners and variation selectors.
fn is_symbol(character: char) -> bool {
    let in_blocks = matches!(u32::from(character),
        0xA2..=0xA9             // currency, copyright
        | 0xAC | 0xAE..=0xB1    // not, registered, degree, plus-minus
        | 0x20A0..=0x20CF       // currency
        | 0x2100..=0x214F       // letterlike symbols
        | 0x2190..=0x2BFF       // arrows, mathematics, technical, boxes, shapes, dingbats
        | 0x3200..=0x33FF       // enclosed and square letters
        | 0x1F000..=0x1FBFF     // tiles, cards, emoji
    );
    in_blocks && Class::of(character) == Class::Separator
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
            ("  ", "anything", true),
            ("!", "anything", false),
            ("!", "anything!", true),
            (" -- ", "a -- b", true),
            ("---", "a -- b", false),
            ("\u{200d}", "no joiner", false),
            ("🔥", "disk on 🔥 again", true),
            ("🔥", "disk on fire", false),
            ("🔥", "a🔥b", true),
            ("pay 🔥", "PAY 🔥", true),
            ("pay 🔥", "pay🔥", true),
            ("pay 🔥", "pay", false),
            ("pay 🔥", "🔥 pay", false),
            ("pay 🔥", "pay now 🔥", false),
            ("pay now", "pay 🔥 now", true),
            ("🔥🔥", "🔥 🔥", false),
            ("🔥🔥", "🔥🔥🔥", true),
            ("👍", "👍🏽", true),
            ("👍🏽", "👍", false),
            ("👩\u{200d}💻", "👩\u{200d}💻 at work", true),
            ("💻", "👩\u{200d}💻 at work", true),
            ("❤\u{fe0f}", "I ❤ it", true),
            ("결제🔥", "결제🔥실패", true),
            ("결제🔥", "결제 실패", false),
            ("costs €", "costs 5 €", false),
            ("costs 5 €", "costs 5€", true),
            ("done…", "done.", true),
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
