use std::collections::BTreeMap;

use model::{Point, PointValue, SeriesId};

use super::*;
use crate::order::{RowKey, append_keys, gather};
use crate::rows::MetricRows;
use crate::schema::Table;

const WIDTH: i64 = 1000;

fn window_of(time: Nanos) -> i64 {
    time.div_euclid(WIDTH)
}

fn batch(points: &[(u32, i64, u32)]) -> RecordBatch {
    let mut rows = MetricRows::default();
    for (series, time, value) in points {
        let message = vec![b'x'; *value as usize % 5];
        let value = match value % 4 {
            0 => PointValue::None,
            1 => PointValue::Int(i64::from(*value)),
            2 => PointValue::Double(f64::from(*value)),
            _ => PointValue::Distribution(&message),
        };
        let series = SeriesId(u128::from(series.wrapping_mul(2_654_435_761)) << 90 | 5);
        rows.push(&Point { series, time: *time, start_time: time / 2, flags: 1, value });
    }
    rows.finish().0
}

/// What sorting keys and gathering rows gives.
fn expected(batches: &[RecordBatch]) -> Vec<(RecordBatch, usize)> {
    let mut keys = Vec::new();
    for (number, batch) in batches.iter().enumerate() {
        append_keys(Table::Points, number as u32, batch, &mut keys).unwrap();
    }
    let mut windows: BTreeMap<i64, Vec<RowKey>> = BTreeMap::new();
    keys.into_iter().for_each(|key| windows.entry(window_of(key.time)).or_default().push(key));
    let of_window = |mut keys: Vec<RowKey>| {
        keys.sort();
        let n_series = keys.chunk_by(|a, b| a.id == b.id).count();
        (gather(batches, &keys).unwrap(), n_series)
    };
    windows.into_values().map(of_window).collect()
}

#[test]
fn gives_what_sorting_and_gathering_gives() {
    let exports = |n: u32, step: i64| -> Vec<(u32, i64, u32)> {
        (0..n)
            .flat_map(|export| (0..7).map(move |series| (series, i64::from(export) * step, export * 7 + series)))
            .collect()
    };
    let mut late = exports(40, 30);
    late.extend([(3, 5, 1), (3, 5, 2), (0, -7, 3), (6, 1200, 4)]);
    let same_time: Vec<_> = (0..20).map(|number| (number % 2, 500, number)).collect();
    for points in [exports(40, 30), exports(1, 1), exports(500, 7), late, same_time, exports(90, -30)] {
        for batch_rows in [1, 5, 1000] {
            let batches: Vec<RecordBatch> = points.chunks(batch_rows).map(batch).collect();
            let found = by_series(&batches, window_of).unwrap();
            let found: Vec<_> = found.into_iter().map(|it| (it.rows, it.n_series)).collect();
            assert_eq!(found, expected(&batches), "{points:?} in batches of {batch_rows}");
        }
    }
}

#[test]
fn of_no_batches_there_is_nothing() {
    assert_eq!(by_series(&[], window_of).unwrap().len(), 0);
    let other = RecordBatch::new_empty(Table::Logs.schema());
    assert!(by_series(&[other], window_of).is_err());
}
