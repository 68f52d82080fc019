//! Full text of log bodies: the tokenizer, the index beside each log segment, and the phrase check on the text itself.
//!
//! A log segment has one sidecar file, the bundle: a tantivy index of one segment whose document id is the row number,
//! holding for each token the rows that contain it and nothing else. It narrows a search down to candidate rows; the
//! reader then tells true matches with [`Phrase`] on the body column. The three share one tokenizer.
//!
//! What holds between them, for every body and phrase: if [`Phrase::matches`] is true of the body, then every token of
//! [`query_tokens`] of that phrase is among the [`tokens`] of the body, so the index never hides a match.

mod build;
mod bundle;
mod directory;
mod frequent;
mod holds;
mod ids;
mod index;
mod matches;
mod phrase;
mod postings;
#[cfg(test)]
mod tests;
mod tokenizer;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use thiserror::Error;

pub use build::{Builder, MAX_INDEXED_BODY};
pub use bundle::BundleFile;
pub use holds::HoldsAll;
pub use index::{Index, Search};
pub use matches::Matches;
pub use phrase::Phrase;
pub use tokenizer::{MAX_TOKEN_BYTES, query_tokens, tokens};

/// Why a text index cannot be built or read. A segment without a readable index is searched by scanning its bodies.
#[derive(Clone, Debug, Error)]
pub enum TextError {
    #[error("text index {path}: {source}", path = path.display())]
    Io { path: PathBuf, source: Arc<io::Error> },
    /// The bytes are not those that were written, or the file ends early. `part` is the place within the file.
    #[error("text index {path}: {part}: {message}", path = path.display())]
    Damaged { path: PathBuf, part: String, message: String },
    #[error("text index {path}: format version {found}; this version of haechi reads version {known}", path = path.display())]
    Version { path: PathBuf, found: u32, known: u32 },
    #[error("text index: more than {limit} rows")]
    TooManyRows { limit: u32 },
    #[error("text index: cannot be built: {message}")]
    Build { message: String },
}
