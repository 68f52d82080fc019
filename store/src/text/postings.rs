//! The rows of each word, gathered in memory, and written in one go as a tantivy dictionary and postings.
//!
//! tantivy's own writer takes 5 µs and more for a body of 64 bytes, most of it for documents, fields and positions that do
//! not exist here. Its serializer takes any sorted terms with sorted rows, so only that is used.

use std::path::Path;

use hashbrown::{HashMap, HashTable};
use tantivy::directory::{OwnedBytes, RamDirectory};
use tantivy::postings::InvertedIndexSerializer;
use tantivy::{Directory, Index, IndexSettings};

use super::TextError;
use super::directory::{body_field, schema};

/// Between a word and the other word that stands for it; no token holds this byte.
pub(super) const ALIAS: u8 = 0;

/// Words in fewer rows get postings of their own: these take less than a second entry in the dictionary.
const MIN_ALIAS_ROWS: u32 = 24;

/// Chunks of postings do not cross pages.
const PAGE_BYTES: usize = 1 << 16;
/// The first chunk of a word; each further one is twice as large, up to the largest.
const FIRST_CHUNK_BYTES: u16 = 16;
const LAST_CHUNK_BYTES: u16 = 1024;
/// At the end of each chunk, the address of the next.
const LINK_BYTES: u32 = 4;

/// Words of up to this many bytes, most of them, are kept where their numbers are.
const INLINE_BYTES: usize = 16;

/// One line of the processor's cache: to add a row to a word takes this, a slot of the table and a byte of a chunk.
#[repr(align(64))]
struct Word {
    hash: u64,
    /// Of the rows so far, to find words that stand in the same rows.
    rows_hash: u64,
    inline: [u8; INLINE_BYTES],
    /// Where a longer one is in `texts`.
    text: u32,
    n_rows: u32,
    last_row: u32,
    first_chunk: u32,
    /// Where the next byte goes, and where the link of this chunk is.
    at: u32,
    link: u32,
    chunk_bytes: u16,
    text_bytes: u8,
}

/// The words of consecutive rows and in which of these they are.
#[derive(Default)]
pub(super) struct Postings {
    table: HashTable<u32>,
    words: Vec<Word>,
    texts: Vec<u8>,
    pages: Vec<Box<[u8]>>,
    /// Bytes used in the last page.
    used: usize,
    n_postings: u64,
}

/// The two files of a tantivy index that hold anything.
pub(super) struct Files {
    pub(super) idx: OwnedBytes,
    pub(super) term: OwnedBytes,
}

impl Postings {
    /// Notes that `row` holds `word`, whose XXH3-64 is `hash`. Rows come in ascending order, from 0 on.
    pub(super) fn add(&mut self, hash: u64, word: &str, row: u32) {
        let same = |index: &u32| {
            let it = &self.words[*index as usize];
            it.hash == hash && self.text(it) == word.as_bytes()
        };
        let index = match self.table.find(hash, same) {
            Some(index) => *index as usize,
            None => self.insert(hash, word),
        };
        let it = &mut self.words[index];
        if it.n_rows > 0 && it.last_row == row {
            return;
        }
        let mut delta = row - it.last_row;
        it.last_row = row;
        it.n_rows += 1;
        it.rows_hash = (it.rows_hash.rotate_left(5) ^ u64::from(row)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.n_postings += 1;
        while delta >= 0x80 {
            self.push(index, delta as u8 | 0x80);
            delta >>= 7;
        }
        self.push(index, delta as u8);
    }

    fn insert(&mut self, hash: u64, word: &str) -> usize {
        let first_chunk = self.chunk(FIRST_CHUNK_BYTES);
        let index = self.words.len();
        let mut inline = [0; INLINE_BYTES];
        let text = self.texts.len() as u32;
        match inline.get_mut(..word.len()) {
            Some(inline) => inline.copy_from_slice(word.as_bytes()),
            None => self.texts.extend_from_slice(word.as_bytes()),
        }
        self.words.push(Word {
            hash,
            rows_hash: 0,
            inline,
            text,
            n_rows: 0,
            last_row: 0,
            first_chunk,
            at: first_chunk,
            link: first_chunk + u32::from(FIRST_CHUNK_BYTES) - LINK_BYTES,
            chunk_bytes: FIRST_CHUNK_BYTES,
            text_bytes: word.len() as u8, // tokens are at most 64 bytes long
        });
        let words = &self.words;
        self.table.insert_unique(hash, index as u32, |it| words[*it as usize].hash);
        index
    }

    /// The address of a new chunk.
    fn chunk(&mut self, bytes: u16) -> u32 {
        if self.pages.is_empty() || self.used + usize::from(bytes) > PAGE_BYTES {
            self.pages.push(vec![0; PAGE_BYTES].into_boxed_slice());
            self.used = 0;
        }
        let address = (self.pages.len() - 1) * PAGE_BYTES + self.used;
        self.used += usize::from(bytes);
        address as u32
    }

    #[inline]
    fn push(&mut self, word: usize, byte: u8) {
        if self.words[word].at == self.words[word].link {
            let chunk_bytes = (self.words[word].chunk_bytes * 2).min(LAST_CHUNK_BYTES);
            let address = self.chunk(chunk_bytes);
            let it = &mut self.words[word];
            let link = it.link as usize;
            self.pages[link / PAGE_BYTES][link % PAGE_BYTES..][..4].copy_from_slice(&address.to_le_bytes());
            it.chunk_bytes = chunk_bytes;
            it.at = address;
            it.link = address + u32::from(chunk_bytes) - LINK_BYTES;
        }
        let it = &mut self.words[word];
        let at = it.at as usize;
        it.at += 1;
        self.pages[at / PAGE_BYTES][at % PAGE_BYTES] = byte;
    }

    /// The memory in use, in bytes.
    pub(super) fn memory(&self) -> usize {
        let words = self.words.capacity() * size_of::<Word>() + self.table.capacity() * 5;
        self.pages.len() * PAGE_BYTES + self.texts.capacity() + words
    }

    pub(super) fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    fn text<'a>(&'a self, word: &'a Word) -> &'a [u8] {
        let bytes = usize::from(word.text_bytes);
        word.inline.get(..bytes).unwrap_or_else(|| &self.texts[word.text as usize..][..bytes])
    }

    fn rows<'a>(&'a self, word: &Word) -> Rows<'a> {
        let mut rows = Rows { pages: &self.pages, bytes: &[], link: 0, chunk_bytes: 0, left: word.n_rows, row: 0 };
        rows.enter(word.first_chunk, FIRST_CHUNK_BYTES);
        rows
    }

    /// Writes words and rows as tantivy does.
    ///
    /// Lines made of one template have words that always come together, in exactly the same rows. Of such words one has
    /// postings, and the others are in the dictionary as `word 0 that one`, without rows.
    pub(super) fn serialize(&self) -> Result<Files, TextError> {
        let failed = |error: &dyn std::error::Error| TextError::Build { message: error.to_string() };
        let directory = RamDirectory::create();
        let index = Index::create(directory.clone(), schema(), IndexSettings::default()).map_err(|it| failed(&it))?;
        let segment = index.new_segment();
        let mut serializer = InvertedIndexSerializer::open(&segment).map_err(|it| failed(&it))?;
        let mut sorted: Vec<&Word> = self.words.iter().collect();
        sorted.sort_unstable_by_key(|word| self.text(word));
        let mut with_rows: HashMap<(u64, u32), &Word> = HashMap::new();
        let write = || -> std::io::Result<()> {
            let mut field = serializer.new_field(body_field(), self.n_postings, None)?;
            let mut alias = Vec::new();
            for word in sorted {
                let text = self.text(word);
                if word.n_rows >= MIN_ALIAS_ROWS {
                    let same = *with_rows.entry((word.rows_hash, word.n_rows)).or_insert(word);
                    if !std::ptr::eq(same, word) && self.rows(same).eq(self.rows(word)) {
                        alias.clear();
                        alias.extend_from_slice(text);
                        alias.push(ALIAS);
                        alias.extend_from_slice(self.text(same));
                        field.new_term_without_freq(&alias)?;
                        field.close_term()?;
                        continue;
                    }
                }
                field.new_term_without_freq(text)?;
                self.rows(word).for_each(|row| field.write_doc(row, 0, &[]));
                field.close_term()?;
            }
            field.close()
        };
        write().map_err(|it| failed(&it))?;
        serializer.close().map_err(|it| failed(&it))?;
        let name = segment.id().uuid_string();
        let file = |component: &str| {
            let file = directory.open_read(Path::new(&format!("{name}.{component}"))).map_err(|it| failed(&it))?;
            file.read_bytes().map_err(|it| failed(&it))
        };
        Ok(Files { idx: file("idx")?, term: file("term")? })
    }
}

/// The rows of one word.
struct Rows<'a> {
    pages: &'a [Box<[u8]>],
    /// What is left of the chunk.
    bytes: &'a [u8],
    link: u32,
    chunk_bytes: u16,
    left: u32,
    row: u32,
}

impl Rows<'_> {
    fn enter(&mut self, chunk: u32, bytes: u16) {
        let (page, at) = (chunk as usize / PAGE_BYTES, chunk as usize % PAGE_BYTES);
        let data = u32::from(bytes) - LINK_BYTES;
        self.bytes = &self.pages[page][at..][..data as usize];
        self.link = chunk + data;
        self.chunk_bytes = bytes;
    }

    #[inline]
    fn byte(&mut self) -> u8 {
        if self.bytes.is_empty() {
            let link = self.link as usize;
            let (link, _) = self.pages[link / PAGE_BYTES][link % PAGE_BYTES..]
                .split_first_chunk::<4>()
                .expect("a link lies within its page");
            self.enter(u32::from_le_bytes(*link), (self.chunk_bytes * 2).min(LAST_CHUNK_BYTES));
        }
        let byte = self.bytes[0];
        self.bytes = &self.bytes[1..];
        byte
    }
}

impl Iterator for Rows<'_> {
    type Item = u32;

    #[inline]
    fn next(&mut self) -> Option<u32> {
        self.left = self.left.checked_sub(1)?;
        let mut delta = 0;
        for shift in (0..).step_by(7) {
            let byte = self.byte();
            delta |= u32::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                break;
            }
        }
        self.row += delta;
        Some(self.row)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_rows_of_each_word() {
        let mut postings = Postings::default();
        let mut expected: HashMap<String, Vec<u32>> = HashMap::new();
        for row in 0..300_000u32 {
            for (word, every) in [("often", 1), ("some", 7), ("few", 40_000), ("last", 299_999)] {
                if row % every == 0 && (row > 0 || every != 7) {
                    for _ in 0..2 {
                        postings.add(u64::from(every) << 40, word, row); // one hash for several words must do no harm
                    }
                    expected.entry(word.to_owned()).or_default().push(row);
                }
            }
        }
        assert_eq!(postings.words.len(), expected.len());
        for word in &postings.words {
            let text = str::from_utf8(postings.text(word)).unwrap();
            assert_eq!(postings.rows(word).collect::<Vec<_>>(), expected[text], "{text}");
        }
        assert!(postings.memory() < 500_000, "{}", postings.memory());
    }

    #[test]
    fn words_of_the_same_rows_share_their_postings() {
        let size = |words: &[&str]| {
            let mut postings = Postings::default();
            for row in (0..100_000).step_by(3) {
                words.iter().for_each(|word| postings.add(xxhash_rust::xxh3::xxh3_64(word.as_bytes()), word, row));
            }
            let files = postings.serialize().unwrap();
            files.idx.len() + files.term.len()
        };
        assert!(size(&["connection", "refused", "by", "peer"]) < size(&["connection"]) + 100);
    }
}
