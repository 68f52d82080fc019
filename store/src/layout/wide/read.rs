//! Reads the rows of a row group that a scan asks for: first which they are, by as few columns as tell, then what they hold.

use arrow::array::RecordBatch;
use parquet::arrow::arrow_reader::RowSelection;

use super::decode::decode;
use super::group::Group;
use super::matching::narrow;
use super::rows::Rows;
use crate::schema::Table;
use crate::segment::IdFilter;

type Error = Box<dyn std::error::Error>;

/// The rows of `group` that `selection` and `ids` leave, in the schema of `table` projected to `columns` (`None` for all).
pub(crate) fn read(
    group: &Group<'_>,
    table: Table,
    columns: Option<&[&str]>,
    selection: Option<RowSelection>,
    ids: &[IdFilter],
) -> Result<RecordBatch, Error> {
    let mut rows = match selection {
        Some(selection) => Rows::selected(group.n_rows, &selection),
        None => Rows::all(group.n_rows),
    };
    for filter in ids {
        match filter {
            IdFilter::Traces(wanted) => {
                let Some(place) = group.place("trace_id") else { continue };
                rows.intersect(&group.pages_with_traces(place, wanted));
                if !rows.is_empty() {
                    let batch = group.read([place], &rows)?;
                    rows.keep(filter.mask(&batch).values().clone());
                }
            }
            IdFilter::Filter(filter) => narrow(group, filter, &mut rows)?,
            IdFilter::Series(_) => {} // spans and logs have none
        }
    }
    decode(group, table, columns, &rows)
}
