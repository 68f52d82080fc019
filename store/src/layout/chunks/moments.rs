//! When the series of chunks had points, without their values: a chunk of which the times are known already is not decoded.

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::{TimestampNanosecondType, UInt32Type, UInt64Type};
use arrow::error::ArrowError;
use model::{Nanos, SeriesId, TimeRange};

use super::bytes::Damaged;
use super::decode::{n_points, of_row, primitive};
use super::times::Times;

/// The columns that times are made of.
pub(crate) const MOMENT_COLUMNS: [&str; 5] = ["series", "min_time", "max_time", "points", "times"];

/// Feeds the times of each of `chunks` that overlaps `range` and whose series and vector, by its place in the file of times, are
/// wanted. Some of the times may be outside of the range. Gives what is wrong with chunks that cannot be decoded.
pub(crate) fn moments(
    chunks: &RecordBatch,
    times: &mut Times,
    range: TimeRange,
    mut is_wanted: impl FnMut(SeriesId, u64) -> bool,
    mut push: impl FnMut(SeriesId, &[Nanos]),
) -> Result<Vec<Damaged>, ArrowError> {
    let wrong = |name: &str| ArrowError::SchemaError(format!("no column \"{name}\" of the right type"));
    let series = chunks.column_by_name("series").and_then(|it| it.as_fixed_size_binary_opt());
    let series = series.filter(|ids| ids.value_length() == 16).ok_or_else(|| wrong("series"))?;
    let min_time = primitive::<TimestampNanosecondType>(chunks, "min_time")?;
    let max_time = primitive::<TimestampNanosecondType>(chunks, "max_time")?;
    let points = primitive::<UInt32Type>(chunks, "points")?;
    let places = primitive::<UInt64Type>(chunks, "times")?;
    let mut damage = Vec::new();
    for (row, id) in series.value_data().as_chunks::<16>().0.iter().enumerate() {
        let series = SeriesId(u128::from_be_bytes(*id));
        if !range.overlaps(min_time[row], max_time[row]) || !is_wanted(series, places[row]) {
            continue;
        }
        match n_points(points[row]).and_then(|n| times.times(places[row], n)) {
            Ok(vector) => push(series, &vector),
            Err(error) => damage.push(of_row(row, *id, &error)),
        }
    }
    Ok(damage)
}
