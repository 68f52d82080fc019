//! The parent of a span as a distance in rows: small and repetitive, where its id is eight random bytes.
//!
//! Rows of a trace stand together in a row group. `parent_ord` is the row of the span less the row of its parent, 0 for a
//! span without one, and null when the parent is not among the rows of its trace there: then its id is kept as it is.

use arrow::array::{Array, FixedSizeBinaryArray, FixedSizeBinaryBuilder, Int32Array, Int32Builder};
use arrow::error::ArrowError;
use hashbrown::HashMap;

/// Traces up to this length are searched row by row, longer ones through a map.
const SHORT_TRACE: usize = 32;

/// The distances, and the ids of the parents that have none.
pub(super) fn encode(
    trace_ids: &FixedSizeBinaryArray,
    span_ids: &FixedSizeBinaryArray,
    parents: &FixedSizeBinaryArray,
) -> Result<(Int32Array, FixedSizeBinaryArray), ArrowError> {
    let n_rows = trace_ids.len();
    let mut distances = Int32Builder::with_capacity(n_rows);
    let mut elsewhere = FixedSizeBinaryBuilder::new(parents.value_length());
    let mut rows_by_id: HashMap<&[u8], usize> = HashMap::new();
    let mut first = 0;
    while first < n_rows {
        let trace_id = trace_ids.value(first);
        let end = (first + 1..n_rows).find(|row| trace_ids.value(*row) != trace_id).unwrap_or(n_rows);
        let long = end - first > SHORT_TRACE;
        if long {
            rows_by_id.clear();
            rows_by_id.extend((first..end).map(|row| (span_ids.value(row), row)));
        }
        for row in first..end {
            if parents.is_null(row) {
                distances.append_value(0);
                elsewhere.append_null();
                continue;
            }
            let parent = parents.value(row);
            let found = if long {
                rows_by_id.get(parent).copied()
            } else {
                (first..end).find(|other| *other != row && span_ids.value(*other) == parent)
            };
            match found.filter(|found| *found != row) {
                Some(found) => {
                    distances.append_value((row as i64 - found as i64) as i32);
                    elsewhere.append_null();
                }
                None => {
                    distances.append_null();
                    elsewhere.append_value(parent)?;
                }
            }
        }
        first = end;
    }
    Ok((distances.finish(), elsewhere.finish()))
}

/// The row that holds the parent of the span in row `row` of a row group, by its distance; `None` when there is none.
pub(super) fn parent_row(distances: &Int32Array, index: usize, row: u32) -> Option<i64> {
    if distances.is_null(index) || distances.value(index) == 0 {
        return None;
    }
    Some(i64::from(row) - i64::from(distances.value(index)))
}

/// The ids of the parents of the spans in `rows`; `span_id` gives that of a row, of which only those are asked that
/// [`parent_row`] gives.
pub(super) fn decode<'a>(
    distances: &Int32Array,
    elsewhere: &FixedSizeBinaryArray,
    rows: impl Iterator<Item = u32>,
    mut span_id: impl FnMut(i64) -> Option<&'a [u8]>,
) -> Result<FixedSizeBinaryArray, ArrowError> {
    let mut parents = FixedSizeBinaryBuilder::with_capacity(distances.len(), elsewhere.value_length());
    for (index, row) in rows.enumerate() {
        if let Some(parent) = parent_row(distances, index, row) {
            let damaged =
                || ArrowError::ParquetError(format!("row {row} has its parent in row {parent}, which there is not"));
            parents.append_value(span_id(parent).ok_or_else(damaged)?)?;
        } else if elsewhere.is_valid(index) {
            parents.append_value(elsewhere.value(index))?;
        } else {
            parents.append_null();
        }
    }
    Ok(parents.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids<const N: usize>(ids: &[Option<u8>]) -> FixedSizeBinaryArray {
        let ids = ids.iter().map(|id| id.map(|id| [id; N]));
        FixedSizeBinaryArray::try_from_sparse_iter_with_size(ids, N as i32).unwrap()
    }

    /// Encodes and decodes again; returns the distances.
    fn round_trip(traces: &[u8], spans: &[u8], parents: &[Option<u8>]) -> Vec<Option<i32>> {
        let some = |ids: &[u8]| ids.iter().copied().map(Some).collect::<Vec<_>>();
        let (traces, spans, parents) = (ids::<16>(&some(traces)), ids::<8>(&some(spans)), ids::<8>(parents));
        let (distances, elsewhere) = encode(&traces, &spans, &parents).unwrap();
        let rows = 0..spans.len() as u32;
        let span_id = |row: i64| Some(spans.value(usize::try_from(row).unwrap()));
        assert_eq!(decode(&distances, &elsewhere, rows, span_id).unwrap(), parents);
        distances.iter().collect()
    }

    #[test]
    fn a_parent_in_the_trace_becomes_a_distance() {
        let parents = [None, Some(1), Some(1), Some(3), Some(9)];
        assert_eq!(round_trip(&[7; 5], &[1, 2, 3, 4, 5], &parents), [Some(0), Some(1), Some(2), Some(1), None]);
    }

    #[test]
    fn a_parent_may_stand_behind_its_child() {
        assert_eq!(round_trip(&[7, 7], &[2, 1], &[Some(1), None]), [Some(-1), Some(0)]);
    }

    #[test]
    fn the_same_span_id_in_another_trace_is_no_parent() {
        assert_eq!(round_trip(&[7, 8], &[1, 2], &[None, Some(1)]), [Some(0), None]);
    }

    #[test]
    fn a_span_that_is_its_own_parent_keeps_the_id() {
        assert_eq!(round_trip(&[7, 7], &[1, 2], &[Some(1), Some(1)]), [None, Some(1)]);
    }

    #[test]
    fn long_traces_and_shared_ids_come_back_too() {
        let n = 200usize;
        let spans: Vec<u8> = (0..n).map(|row| (row / 2) as u8).collect();
        let parents: Vec<Option<u8>> = (0..n).map(|row| (row % 7 != 0).then_some((row * 31 % 150) as u8)).collect();
        round_trip(&vec![7; n], &spans, &parents);
        let own: Vec<Option<u8>> = (0..n).map(|row| Some(row as u8)).collect();
        assert_eq!(round_trip(&vec![7; n], &(0..n as u8).collect::<Vec<_>>(), &own), vec![None; n]);
    }

    #[test]
    fn a_distance_to_nowhere_is_damage() {
        let none = ids::<8>(&[None]);
        assert!(decode(&Int32Array::from(vec![5]), &none, 0..1, |_| None).is_err());
    }
}
