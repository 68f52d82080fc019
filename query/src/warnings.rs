//! What a result has to say about itself: files that could not be read, limits that cut it short.

use store::ReadError;

/// How many different warnings one result carries; the rest is counted.
const MAX_WARNINGS: usize = 20;

/// The warnings of a query while it runs: each kept once, the number bounded.
#[derive(Clone, Debug, Default)]
pub struct Warnings {
    texts: Vec<String>,
    n_more: usize,
}

impl Warnings {
    pub fn new() -> Self {
        Self::default()
    }

    /// Warnings that begin with `texts`.
    pub(crate) fn of(texts: &[String]) -> Self {
        Warnings { texts: texts.to_vec(), n_more: 0 }
    }

    pub fn push(&mut self, text: impl Into<String>) {
        let text = text.into();
        if self.texts.contains(&text) {
            return;
        }
        if self.texts.len() < MAX_WARNINGS {
            self.texts.push(text);
        } else {
            self.n_more += 1;
        }
    }

    /// Notes rows that could not be read.
    pub fn unreadable(&mut self, error: &ReadError) {
        self.push(format!("rows are missing, part of the stored data could not be read: {error}"));
    }

    pub fn is_empty(&self) -> bool {
        self.texts.is_empty()
    }

    /// The warnings in the order in which they came.
    pub fn into_texts(mut self) -> Vec<String> {
        if self.n_more > 0 {
            self.texts.push(format!("and {} more warnings", self.n_more));
        }
        self.texts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_each_warning_once_and_counts_the_overflow() {
        let mut warnings = Warnings::new();
        for number in 0..50 {
            warnings.push(format!("warning {}", number % 25));
        }
        let texts = warnings.into_texts();
        assert_eq!(texts.len(), MAX_WARNINGS + 1);
        assert_eq!(texts.last().map(String::as_str), Some("and 10 more warnings"));
    }
}
