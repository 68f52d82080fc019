//! Reads pieces of row groups on several threads.
//!
//! A record costs a page and a dictionary of each of its columns, a millisecond maybe, wherever it is. Where a word is rare,
//! each of the records with it is in a row group of its own.

use std::num::NonZero;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use arrow::array::RecordBatch;

use super::logs::Piece;
use crate::error::ReadError;
use crate::segment::IdFilter;
use crate::text::HoldsAll;

/// Threads that a query reads with at most, its own included.
const MOST_THREADS: usize = 4;

type Read = Result<Option<RecordBatch>, ReadError>;

/// What of each of `pieces` holds all `words` and passes `ids`.
pub(super) fn read(pieces: &[Piece], words: &HoldsAll, ids: &[IdFilter]) -> Vec<Read> {
    if let [piece] = pieces {
        return vec![read_piece(piece, words, ids)];
    }
    let n_threads = thread::available_parallelism().map_or(1, NonZero::get).min(MOST_THREADS).min(pieces.len());
    let (results, next) = (Vec::from_iter(pieces.iter().map(|_| OnceLock::new())), AtomicUsize::new(0));
    let work = || {
        while let Some((piece, result)) = take(pieces, &results, &next) {
            result.get_or_init(|| read_piece(piece, words, ids));
        }
    };
    thread::scope(|scope| {
        for _ in 1..n_threads {
            // Without a thread the others do its work.
            _ = thread::Builder::new().name("haechi-read".to_owned()).spawn_scoped(scope, work);
        }
        work();
    });
    results.into_iter().map(|result| result.into_inner().unwrap_or(Ok(None))).collect()
}

/// The next piece that nobody has taken, and the place of what is read of it.
fn take<'a>(
    pieces: &'a [Piece],
    results: &'a [OnceLock<Read>],
    next: &AtomicUsize,
) -> Option<(&'a Piece, &'a OnceLock<Read>)> {
    let index = next.fetch_add(1, Ordering::Relaxed);
    Some((pieces.get(index)?, results.get(index)?))
}

fn read_piece(piece: &Piece, words: &HoldsAll, ids: &[IdFilter]) -> Read {
    let mut rows = piece.rows.clone();
    piece.logs.decide(piece.index, &mut rows, |body| words.matches(body))?;
    match rows.is_empty() {
        true => Ok(None),
        false => piece.logs.segment().read(piece.index, &piece.columns, Some(&rows), ids.to_vec()),
    }
}
