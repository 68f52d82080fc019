//! Bodies in, bundle out.

use std::io::{self, Write};

use xxhash_rust::xxh3::xxh3_64;

use super::TextError;
use super::bundle::Writer;
use super::frequent::Frequent;
use super::ids::GroupBuilder;
use super::postings::Postings;
use super::tokenizer::{Scanner, is_id};

/// The longest body that is indexed, in bytes. Rows with longer ones are listed in the bundle and are left over by every
/// search, so that one huge record costs a look at itself and no more.
pub const MAX_INDEXED_BODY: usize = 1 << 20;

/// Row numbers end where tantivy's do.
const MAX_ROWS: u32 = tantivy::TERMINATED - 1;

/// Builds the index of a segment while its rows are written. Same rows and same memory, same bytes.
///
/// Words are gathered in memory and written as a word index when they take what is allowed, so a segment of many
/// words has several of them.
pub struct Builder<W> {
    bundle: Writer<W>,
    words: Postings,
    ids: GroupBuilder,
    frequent: Frequent,
    token: String,
    tokens: Tokens,
    /// Of the word index that is being gathered.
    first_row: u32,
    row: u32,
    unindexed: Vec<u32>,
    memory: usize,
}

impl<W: Write> Builder<W> {
    /// Writes the bundle to `out`. Words are kept to `memory` bytes; one body can exceed that by what its tokens take.
    /// When they are written they take up to that much again, and ids some 20 MiB.
    pub fn new(out: W, memory: usize) -> Result<Self, TextError> {
        Ok(Builder {
            bundle: Writer::new(out).map_err(failed)?,
            words: Postings::default(),
            ids: GroupBuilder::default(),
            frequent: Frequent::default(),
            token: String::new(),
            tokens: Tokens::default(),
            first_row: 0,
            row: 0,
            unindexed: Vec::new(),
            memory,
        })
    }

    /// Adds the body of the next row.
    ///
    /// # Errors
    /// [`TextError::TooManyRows`] beyond 2³¹ - 2, [`TextError::Build`] when the bundle cannot be written.
    pub fn push(&mut self, body: &str) -> Result<(), TextError> {
        if self.row == MAX_ROWS {
            return Err(TextError::TooManyRows { limit: MAX_ROWS });
        }
        if body.len() <= MAX_INDEXED_BODY {
            self.index(body);
        } else {
            self.unindexed.push(self.row);
        }
        if self.ids.end_row(self.row) {
            self.end_group()?;
        }
        self.row += 1;
        if self.words.memory() > self.memory {
            self.end_words()?;
        }
        Ok(())
    }

    fn index(&mut self, body: &str) {
        self.tokens.clear();
        let mut scanner = Scanner::new(body);
        while scanner.next(&mut self.token).is_some() {
            self.tokens.push(&self.token);
        }
        let row = self.row - self.first_row;
        // Apart from the scanning, whose branches are hard to predict, the processor can wait for many tables at once.
        for (hash, token) in self.tokens.iter() {
            if is_id(token) && !self.frequent.contains(hash) {
                if self.ids.add(hash) {
                    self.frequent.count(hash);
                }
            } else {
                self.words.add(hash, token, row);
            }
        }
    }

    fn end_group(&mut self) -> Result<(), TextError> {
        if let Some((group, bytes)) = self.ids.finish().filter(|(group, _)| group.n_pairs > 0) {
            self.bundle.group(group, &bytes).map_err(failed)?;
        }
        Ok(())
    }

    fn end_words(&mut self) -> Result<(), TextError> {
        if !self.words.is_empty() {
            let files = std::mem::take(&mut self.words).serialize()?;
            self.bundle.words(self.first_row, self.row - self.first_row, &files).map_err(failed)?;
        }
        self.first_row = self.row;
        Ok(())
    }

    /// The memory in use, in bytes.
    pub fn memory(&self) -> usize {
        self.words.memory() + self.ids.memory() + self.frequent.memory()
    }

    /// Returns what the bundle was written to, and its last bytes, which the caller is to write: they have checksums of all
    /// the rest.
    pub fn finish(mut self) -> Result<(W, Vec<u8>), TextError> {
        self.end_group()?;
        self.end_words()?;
        Ok(self.bundle.finish(self.row, self.unindexed))
    }
}

/// The tokens of one body.
#[derive(Default)]
struct Tokens {
    text: String,
    /// The hash of each, and where it ends in `text`.
    ends: Vec<(u64, usize)>,
}

impl Tokens {
    fn clear(&mut self) {
        self.text.clear();
        self.ends.clear();
    }

    #[inline]
    fn push(&mut self, token: &str) {
        self.text.push_str(token);
        self.ends.push((xxh3_64(token.as_bytes()), self.text.len()));
    }

    fn iter(&self) -> impl Iterator<Item = (u64, &str)> {
        let mut start = 0;
        self.ends.iter().map(move |(hash, end)| {
            let token = &self.text[start..*end];
            start = *end;
            (*hash, token)
        })
    }
}

fn failed(error: io::Error) -> TextError {
    TextError::Build { message: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_body_of_the_largest_size_takes_less_than_48_times_its_size() {
        // Nearly every token is new, the dearest text there is.
        let mut worst = String::new();
        for number in 0u32.. {
            let letters = (0..4).map(|place| char::from(b'a' + (number / 26u32.pow(place) % 26) as u8));
            worst.extend(letters.chain([' ']));
            if worst.len() + 5 > MAX_INDEXED_BODY {
                break;
            }
        }
        let mut builder = Builder::new(Vec::new(), usize::MAX).unwrap();
        let before = builder.memory();
        builder.push(&worst).unwrap();
        assert!(builder.memory() - before < 48 * MAX_INDEXED_BODY, "{}", builder.memory() - before);
    }
}
