//! An open text index: tokens in, candidate rows out.

use std::sync::Arc;

use tantivy::postings::TermInfo;
use tantivy::schema::{Field, IndexRecordOption};
use tantivy::{DocSet, InvertedIndexReader, SegmentReader, TantivyError, Term};

use super::TextError;
use super::build::BODY;
use super::bundle::{Bundle, BundleFile};
use super::directory::{BundleDirectory, unwrap_error};

/// The rows that a search has to look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Candidates {
    /// So many that a scan is as good: read every row.
    All,
    /// Row numbers, ascending.
    Rows(Vec<u32>),
}

/// The text index of one log segment.
///
/// The dictionary of tokens is read and kept at the first look-up; postings are read for each.
pub struct Index {
    bundle: Arc<Bundle>,
    segment: SegmentReader,
    body: Field,
}

impl Index {
    /// Opens a bundle; checks its footer, its directory, and of the rest what it reads.
    pub fn open(file: Arc<BundleFile>) -> Result<Self, TextError> {
        let bundle = Arc::new(Bundle::open(file)?);
        let (segment, body) = open_segment(&bundle).map_err(|error| unwrap_error(&bundle, error))?;
        if segment.max_doc() != bundle.rows {
            let message = format!("covers {} rows, the directory says {}", segment.max_doc(), bundle.rows);
            return Err(bundle.file().damaged("index", message));
        }
        Ok(Index { bundle, segment, body })
    }

    /// The number of rows in the segment.
    pub fn rows(&self) -> u32 {
        self.bundle.rows
    }

    /// The memory that the dictionary takes once it is loaded, in bytes: the bulk of what an open index holds.
    pub fn dictionary_bytes(&self) -> usize {
        self.bundle.find("term").map_or(0, |(_, length)| length)
    }

    /// Reads the whole bundle and checks every byte of it.
    pub fn verify(&self) -> Result<(), TextError> {
        self.bundle.verify()
    }

    /// Returns the rows whose body holds every one of `tokens`, as [`super::query_tokens`] gives them, and the rows
    /// with a body beyond [`super::MAX_INDEXED_BODY`]. [`Candidates::All`] for more than a third of the rows or no tokens.
    pub fn rows_with_all(&self, tokens: &[String]) -> Result<Candidates, TextError> {
        if tokens.is_empty() {
            return Ok(Candidates::All);
        }
        let limit = (self.rows() / 3) as usize;
        let indexed = self.indexed_rows(tokens, limit).map_err(|error| unwrap_error(&self.bundle, error))?;
        let Some(mut rows) = indexed else { return Ok(Candidates::All) };
        if !self.bundle.unindexed.is_empty() {
            rows.extend_from_slice(&self.bundle.unindexed);
            rows.sort_unstable();
        }
        Ok(if rows.len() > limit { Candidates::All } else { Candidates::Rows(rows) })
    }

    /// The indexed rows with all of `tokens`, of which there is at least one; `None` when they are known to be more
    /// than `limit` without counting.
    fn indexed_rows(&self, tokens: &[String], limit: usize) -> Result<Option<Vec<u32>>, TantivyError> {
        let inverted = self.segment.inverted_index(self.body)?;
        let mut tokens: Vec<&str> = tokens.iter().map(String::as_str).collect();
        tokens.sort_unstable();
        tokens.dedup();
        let mut terms = Vec::with_capacity(tokens.len());
        for token in tokens {
            match inverted.get_term_info(&Term::from_field_text(self.body, token))? {
                Some(term) => terms.push(term),
                None => return Ok(Some(Vec::new())),
            }
        }
        terms.sort_by_key(|it| it.doc_freq);
        let Some((rarest, others)) = terms.split_first() else { return Ok(None) };
        if others.is_empty() && rarest.doc_freq as usize > limit {
            return Ok(None);
        }
        let mut rows = read_rows(&inverted, rarest)?;
        for term in others {
            if rows.is_empty() {
                break;
            }
            let mut postings = inverted.read_postings_from_terminfo(term, IndexRecordOption::Basic)?;
            rows.retain(|row| {
                let at = postings.doc();
                (if at < *row { postings.seek(*row) } else { at }) == *row
            });
        }
        Ok(Some(rows))
    }
}

fn open_segment(bundle: &Arc<Bundle>) -> Result<(SegmentReader, Field), TantivyError> {
    let index = tantivy::Index::open(BundleDirectory(Arc::clone(bundle)))?;
    let body = index.schema().get_field(BODY)?;
    let segments = index.searchable_segments()?;
    let [segment] = segments.as_slice() else {
        return Err(TantivyError::InvalidArgument(format!("{} segments, not one", segments.len())));
    };
    Ok((SegmentReader::open(segment)?, body))
}

fn read_rows(inverted: &InvertedIndexReader, term: &TermInfo) -> Result<Vec<u32>, TantivyError> {
    let mut block = inverted.read_block_postings_from_terminfo(term, IndexRecordOption::Basic)?;
    let mut rows = Vec::with_capacity(term.doc_freq as usize);
    while !block.docs().is_empty() {
        rows.extend_from_slice(block.docs());
        block.advance();
    }
    Ok(rows)
}
