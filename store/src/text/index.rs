//! An open text index, and a search of it: tokens in, rows out.

use std::ops::Range;
use std::sync::Arc;

use tantivy::postings::{BlockSegmentPostings, TermInfo};
use tantivy::schema::IndexRecordOption;
use tantivy::{InvertedIndexReader, SegmentReader, TERMINATED, TantivyError, Term};
use xxhash_rust::xxh3::xxh3_64;

use super::TextError;
use super::bundle::{Bundle, BundleFile};
use super::directory::{BundleDirectory, body_field, unwrap_error};
use super::matches::Matches;
use super::postings::ALIAS;
use super::tokenizer::is_id;

/// The text index of one log segment.
///
/// The dictionaries of words are read and kept at the first look-up; postings and ids are read for each.
pub struct Index {
    bundle: Arc<Bundle>,
    /// In the order of rows, with the first row of each.
    words: Vec<(u32, SegmentReader)>,
}

impl Index {
    /// Opens a bundle; checks its footer, its directory, and of the rest what it reads.
    pub fn open(file: Arc<BundleFile>) -> Result<Self, TextError> {
        let bundle = Arc::new(Bundle::open(file)?);
        let words = (0..bundle.contents().words.len()).map(|number| {
            let segment = open_words(&bundle, number).map_err(|error| unwrap_error(&bundle, error))?;
            Ok((bundle.contents().words[number].first_row, segment))
        });
        let words = words.collect::<Result<_, TextError>>()?;
        Ok(Index { bundle, words })
    }

    /// The number of rows in the segment.
    pub fn rows(&self) -> u32 {
        self.bundle.contents().rows
    }

    /// The memory that the index takes once its dictionaries are loaded, in bytes.
    pub fn memory(&self) -> usize {
        let dictionaries = self.bundle.contents().words.iter().map(|words| self.bundle.length_of(words.term));
        self.bundle.directory_bytes() + dictionaries.sum::<usize>()
    }

    /// The bytes of each kind of contents, for people.
    pub fn sizes(&self) -> String {
        let contents = self.bundle.contents();
        let sum = |blobs: &mut dyn Iterator<Item = usize>| blobs.map(|blob| self.bundle.length_of(blob)).sum::<usize>();
        format!(
            "{} bytes of postings and {} of dictionary in {} indexes of words, {} bytes of ids in {} groups",
            sum(&mut contents.words.iter().map(|words| words.idx)),
            sum(&mut contents.words.iter().map(|words| words.term)),
            contents.words.len(),
            sum(&mut contents.groups.iter().map(|group| group.blob)),
            contents.groups.len(),
        )
    }

    #[cfg(test)]
    pub(super) fn n_word_indexes(&self) -> usize {
        self.words.len()
    }

    /// Reads the whole bundle and checks every byte of it.
    pub fn verify(&self) -> Result<(), TextError> {
        self.bundle.verify()
    }

    /// Looks up the rows whose body holds every one of `tokens`, as [`super::query_tokens`] gives them.
    pub fn search(self: &Arc<Self>, tokens: &[String]) -> Result<Search, TextError> {
        let mut tokens: Vec<&str> = tokens.iter().map(String::as_str).collect();
        tokens.sort_unstable();
        tokens.dedup();
        let words = self.words.iter().zip(&self.bundle.contents().words).map(|((first_row, segment), words)| {
            let found = self.look_up(segment, &tokens).map_err(|error| unwrap_error(&self.bundle, error))?;
            Ok(WordSearch { rows: *first_row..first_row + words.rows, lists: found })
        });
        let words = words.collect::<Result<_, TextError>>()?;
        let ids = tokens.iter().map(|token| {
            let blocks = vec![None; self.bundle.contents().groups.len()];
            is_id(token).then(|| IdSearch { hash: xxh3_64(token.as_bytes()), blocks })
        });
        Ok(Search { words, ids: ids.collect(), index: Arc::clone(self) })
    }

    /// The postings of each token, in the order of `tokens`.
    fn look_up(&self, segment: &SegmentReader, tokens: &[&str]) -> Result<Vec<Option<List>>, TantivyError> {
        let inverted = segment.inverted_index(body_field())?;
        let mut lists = Vec::with_capacity(tokens.len());
        for token in tokens {
            let term = match inverted.get_term_info(&Term::from_field_text(body_field(), token))? {
                None => look_up_alias(&inverted, token)?,
                found => found,
            };
            lists.push(term.map(|term| List { inverted: Arc::clone(&inverted), term, start: None, cursor: None }));
        }
        Ok(lists)
    }
}

/// The postings of the word that stands in the same rows as `token` and is in the dictionary in its place.
fn look_up_alias(inverted: &InvertedIndexReader, token: &str) -> Result<Option<TermInfo>, TantivyError> {
    let from = [token.as_bytes(), &[ALIAS]].concat();
    let to = [token.as_bytes(), &[ALIAS + 1]].concat();
    let mut terms = inverted.terms().range().ge(&from).lt(&to).into_stream()?;
    if !terms.advance() {
        return Ok(None);
    }
    Ok(inverted.terms().get(&terms.key()[from.len()..])?)
}

fn open_words(bundle: &Arc<Bundle>, number: usize) -> Result<SegmentReader, TantivyError> {
    let index = tantivy::Index::open(BundleDirectory::new(bundle, number)?)?;
    let segments = index.searchable_segments()?;
    let [segment] = segments.as_slice() else {
        return Err(TantivyError::InvalidArgument(format!("{} segments, not one", segments.len())));
    };
    SegmentReader::open(segment)
}

/// A look-up in progress. What it has read it keeps, so asking for the rows of one stretch after the other reads once.
pub struct Search {
    index: Arc<Index>,
    words: Vec<WordSearch>,
    /// Of each token, if it is an id.
    ids: Vec<Option<IdSearch>>,
}

/// The tokens in one word index.
struct WordSearch {
    rows: Range<u32>,
    lists: Vec<Option<List>>,
}

/// The rows of a token in one word index.
struct List {
    inverted: Arc<InvertedIndexReader>,
    term: TermInfo,
    /// The postings at their start, once they are read.
    start: Option<BlockSegmentPostings>,
    /// The postings where they were left, and a row before which nothing is to be found there any more.
    cursor: Option<(BlockSegmentPostings, u32)>,
}

impl List {
    fn start(&mut self) -> Result<&BlockSegmentPostings, TantivyError> {
        if self.start.is_none() {
            let postings = self.inverted.read_block_postings_from_terminfo(&self.term, IndexRecordOption::Basic)?;
            self.start = Some(postings);
        }
        self.start.as_ref().ok_or_else(|| TantivyError::InternalError("postings were not kept".to_owned()))
    }

    /// Calls `each` with the documents in `range`.
    fn documents(&mut self, range: Range<u32>, mut each: impl FnMut(u32)) -> Result<(), TantivyError> {
        let (mut postings, _) = match self.cursor.take().filter(|(_, passed)| *passed <= range.start) {
            Some(cursor) => cursor,
            None => (self.start()?.clone(), 0),
        };
        let mut at = postings.seek(range.start);
        'blocks: loop {
            for document in &postings.docs()[at..] {
                if *document >= range.end {
                    break 'blocks; // also at the end, where documents are padded with a number beyond all rows
                }
                each(*document);
            }
            if postings.docs().last().is_none_or(|it| *it == TERMINATED) {
                break;
            }
            postings.advance();
            at = 0;
        }
        self.cursor = Some((postings, range.end));
        Ok(())
    }

    /// The number of documents below `document`.
    fn rank(&mut self, document: u32) -> Result<u32, TantivyError> {
        Ok(self.start()?.clone().rank(document))
    }
}

/// The blocks that may hold an id.
struct IdSearch {
    hash: u64,
    /// By group, a bit for each block; `None` when not read yet.
    blocks: Vec<Option<u64>>,
}

impl Search {
    /// Says which rows of `rows` may hold all tokens and which surely do.
    pub fn rows(&mut self, rows: Range<u32>) -> Result<Matches, TextError> {
        let mut all: Option<Matches> = None;
        for token in 0..self.ids.len() {
            let found = self.rows_with(token, rows.clone())?;
            match &mut all {
                None => all = Some(found),
                Some(all) => all.intersect(&found),
            }
            if all.as_ref().is_some_and(Matches::is_empty) {
                break;
            }
        }
        let Some(mut all) = all else { return Ok(Matches::unknown(rows)) };
        for row in self.unindexed(&rows) {
            all.leave(*row..*row + 1);
        }
        Ok(all)
    }

    /// The number of rows in `rows` with all tokens, if it is known without looking at rows: of a single word.
    pub fn count(&mut self, rows: Range<u32>) -> Result<Option<u64>, TextError> {
        if !self.unindexed(&rows).is_empty() || !matches!(self.ids.as_slice(), [None]) {
            return Ok(None);
        }
        let mut n = 0;
        for words in &mut self.words {
            let part = rows.start.max(words.rows.start)..rows.end.min(words.rows.end);
            let Some(Some(list)) = words.lists.first_mut() else { continue };
            if part.start >= part.end {
                continue;
            }
            if part == words.rows {
                n += u64::from(list.term.doc_freq);
                continue;
            }
            let rank = |document, list: &mut List| {
                list.rank(document).map_err(|error| unwrap_error(&self.index.bundle, error))
            };
            let before = rank(part.start - words.rows.start, list)?;
            n += u64::from(rank(part.end - words.rows.start, list)? - before);
        }
        Ok(Some(n))
    }

    fn unindexed(&self, rows: &Range<u32>) -> &[u32] {
        let unindexed = &self.index.bundle.contents().unindexed;
        let from = unindexed.partition_point(|row| *row < rows.start);
        let to = unindexed.partition_point(|row| *row < rows.end);
        &unindexed[from..to.max(from)]
    }

    fn rows_with(&mut self, token: usize, rows: Range<u32>) -> Result<Matches, TextError> {
        let mut found = Matches::none(rows.clone());
        for words in &mut self.words {
            let part = rows.start.max(words.rows.start)..rows.end.min(words.rows.end);
            let Some(list) = words.lists[token].as_mut().filter(|_| part.start < part.end) else { continue };
            let first = words.rows.start;
            list.documents(part.start - first..part.end - first, |document| found.add(first + document))
                .map_err(|error| unwrap_error(&self.index.bundle, error))?;
        }
        let Some(id) = &mut self.ids[token] else { return Ok(found) };
        let groups = &self.index.bundle.contents().groups;
        let from = groups.partition_point(|group| group.ids.starts.last().is_none_or(|end| *end <= rows.start));
        for (number, group) in groups.iter().enumerate().skip(from) {
            let starts = &group.ids.starts;
            if starts.first().is_none_or(|start| *start >= rows.end) {
                break;
            }
            let blocks = match id.blocks[number] {
                Some(blocks) => blocks,
                None => read_blocks(&self.index.bundle, number, id.hash)?,
            };
            id.blocks[number] = Some(blocks);
            for (block, bounds) in starts.windows(2).enumerate() {
                if blocks & (1 << block) != 0 {
                    found.leave(bounds[0]..bounds[1]);
                }
            }
        }
        Ok(found)
    }
}

/// The blocks of a group that may hold an id: two reads of some bytes.
fn read_blocks(bundle: &Bundle, number: usize, hash: u64) -> Result<u64, TextError> {
    let group = &bundle.contents().groups[number];
    let Some(offsets) = group.ids.offsets_of(hash) else { return Ok(0) };
    let (bytes, within) = bundle.read(group.blob, offsets)?;
    let bucket = group
        .ids
        .bucket(&bytes[within])
        .ok_or_else(|| bundle.file().damaged(&format!("ids {number}"), "has offsets beyond the range of 32 bits"))?;
    let (bytes, within) = bundle.read(group.blob, bucket)?;
    Ok(group.ids.blocks(&bytes[within], hash))
}
