use std::path::PathBuf;

use arrow::array::{ArrayRef, AsArray, BinaryArray, RecordBatch, UInt32Array, UInt64Array};
use arrow::compute::{cast, concat, concat_batches};
use arrow::datatypes::DataType;
use model::metric::STALE;
use model::{Point, PointValue, SeriesId, TimeRange};
use proptest::prelude::*;

use super::*;
use crate::files::Tail;
use crate::manifest::FileEntry;
use crate::rows::MetricRows;
use crate::schema::Table;

const POINTS_SECOND: i64 = 1_000_000_000;

/// Points as rows, in the order given.
fn rows(points: &[Point<'_>]) -> RecordBatch {
    let mut rows = MetricRows::default();
    points.iter().for_each(|point| rows.push(point));
    rows.finish().0
}

fn point(series: u128, time: i64, value: PointValue<'_>) -> Point<'_> {
    Point { series: SeriesId(series), time, start_time: 0, flags: 0, value }
}

/// Chunks and the file beside them, as a segment has them.
struct Written {
    dir: tempfile::TempDir,
    entry: FileEntry,
    chunks: RecordBatch,
}

impl Written {
    fn path(&self) -> PathBuf {
        self.dir.path().join(&self.entry.path)
    }

    fn times(&self) -> Times {
        Times::open(&self.path(), &self.entry, None).unwrap()
    }
}

fn write(groups: &[RecordBatch]) -> Written {
    write_at(1, groups)
}

fn write_at(level: u8, groups: &[RecordBatch]) -> Written {
    let dir = tempfile::tempdir().unwrap();
    let mut encoder = Encoder::new(level);
    let (mut chunks, mut times) = (Vec::new(), Vec::new());
    for group in groups {
        chunks.push(encoder.encode(group).unwrap());
        encoder.end_group();
        times.extend(encoder.take_times());
    }
    let tail = Tail { bytes: encoder.finish().len() as u64, crc32: 0 };
    times.extend(encoder.finish());
    std::fs::write(dir.path().join("1.times"), &times).unwrap();
    let entry = FileEntry { path: "1.times".to_owned(), bytes: times.len() as u64, crc32: 0, tail: Some(tail) };
    Written { dir, entry, chunks: concat_batches(&SCHEMA, &chunks).unwrap() }
}

fn read(written: &Written, columns: Option<&[&str]>) -> RecordBatch {
    let decoded = decode(&written.chunks, &mut written.times(), TimeRange::ALL, columns).unwrap();
    assert_eq!(decoded.damage, []);
    decoded.rows
}

/// Doubles as the integers of their bits, to be compared.
fn comparable(rows: &RecordBatch) -> Vec<ArrayRef> {
    let column = |column: &ArrayRef| match column.as_primitive_opt::<arrow::datatypes::Float64Type>() {
        Some(doubles) => {
            let bits: UInt64Array = doubles.iter().map(|value| value.map(f64::to_bits)).collect();
            Arc::new(bits) as ArrayRef
        }
        None => Arc::clone(column),
    };
    rows.columns().iter().map(column).collect()
}

#[test]
fn points_of_many_series_come_back_and_equal_times_are_kept_once() {
    let mut points = Vec::new();
    for series in 0..50u32 {
        for i in 0..480i64 {
            let value = PointValue::Double(f64::from(series) + i as f64 / 4.0);
            let time = i * 15 * POINTS_SECOND + i * i % 1009;
            points.push(Point { start_time: 77, ..point(series.into(), time, value) });
        }
    }
    let rows = rows(&points);
    let written = write(std::slice::from_ref(&rows));
    assert_eq!(written.chunks.num_rows(), 50);
    let back = read(&written, None);
    assert_eq!(back.schema(), Table::Points.schema());
    assert_eq!(comparable(&back), comparable(&rows));
    let beside = std::fs::metadata(written.path()).unwrap().len();
    assert!(beside < 2000, "{beside} bytes beside");
    let sums = written.chunks.column_by_name("v_sum").unwrap().as_primitive::<arrow::datatypes::Float64Type>();
    assert_eq!(sums.value(1), 480.0 + (0..480).sum::<i64>() as f64 / 4.0);
}

#[test]
fn long_series_are_divided_evenly() {
    let points: Vec<_> = (0..3002).map(|i| point(1, i, PointValue::Int(i))).collect();
    let written = write(&[rows(&points)]);
    let lengths = cast(written.chunks.column_by_name("points").unwrap(), &DataType::Int64).unwrap();
    assert_eq!(lengths.as_primitive::<arrow::datatypes::Int64Type>().values(), &[1000, 1001, 1001]);
    assert_eq!(comparable(&read(&written, None)), comparable(&rows(&points)));
}

#[test]
fn large_distributions_are_divided_by_their_bytes() {
    let message = vec![0xff; 300 << 10];
    let points: Vec<_> = (0..8).map(|i| point(1, i, PointValue::Distribution(&message))).collect();
    let written = write(&[rows(&points)]);
    assert_eq!(written.chunks.num_rows(), 3, "three to a megabyte");
    assert_eq!(comparable(&read(&written, None)), comparable(&rows(&points)));
    let giant = vec![0xfe; 5 << 20];
    let points: Vec<_> = (0..3).map(|i| point(1, i, PointValue::Distribution(&giant))).collect();
    let written = write(&[rows(&points)]);
    assert_eq!((written.chunks.num_rows(), comparable(&read(&written, None))), (3, comparable(&rows(&points))));
}

#[test]
fn only_the_columns_asked_for_are_made() {
    let points: Vec<_> = (0..10).map(|i| point(1, i, PointValue::Int(i))).collect();
    let written = write(&[rows(&points)]);
    for columns in [&["series"][..], &["time", "int_value"], &[], &["start_time", "flags", "distribution"]] {
        let back = read(&written, Some(columns));
        let names: Vec<_> = back.schema().fields().iter().map(|field| field.name().clone()).collect();
        let schema = Table::Points.schema();
        let wanted = schema.fields().iter().map(|field| field.name());
        let wanted: Vec<_> = wanted.filter(|name| *name == "time" || columns.contains(&name.as_str())).collect();
        assert_eq!(names.iter().collect::<Vec<_>>(), wanted);
        assert_eq!(back.num_rows(), 10);
    }
}

/// `chunks` with another second row in one column.
fn with_second(chunks: &RecordBatch, name: &str, second: ArrayRef) -> RecordBatch {
    let index = chunks.schema().index_of(name).unwrap();
    let column = chunks.column(index);
    let mut columns = chunks.columns().to_vec();
    columns[index] = concat(&[&column.slice(0, 1), &second, &column.slice(2, 1)]).unwrap();
    RecordBatch::try_new(Arc::clone(&SCHEMA), columns).unwrap()
}

#[test]
fn a_damaged_chunk_costs_itself_and_is_named() {
    let points: Vec<_> =
        (0..3000).map(|i| point((i / 1000) as u128, i, PointValue::Double((i as f64).sin()))).collect();
    let written = write(&[rows(&points)]);
    let n: ArrayRef = Arc::new(UInt32Array::from(vec![0]));
    let many: ArrayRef = Arc::new(UInt32Array::from(vec![u32::MAX]));
    let place: ArrayRef = Arc::new(UInt64Array::from(vec![9]));
    let beyond: ArrayRef = Arc::new(UInt64Array::from(vec![u64::MAX]));
    let bytes = |bytes: &[u8]| Arc::new(BinaryArray::from_iter_values([bytes])) as ArrayRef;
    let cases = [
        ("points", n, "0 points, 1 to 2048 are allowed"),
        ("points", many, "4294967295 points, 1 to 2048 are allowed"),
        ("times", Arc::clone(&place), "1.times: record at 9: "),
        ("times", beyond, "1.times: record at 18446744073709551615: "),
        ("starts", place, "1.times: record at 9: "),
        ("values", bytes(&[]), "0 left"),
        ("values", bytes(&[9]), "no kind 9"),
        ("values", bytes(&[2, 0xb0, 4, 0, 0, 0]), "mode 4"),
    ];
    for (column, second, what) in cases {
        let chunks = with_second(&written.chunks, column, second);
        let decoded = decode(&chunks, &mut written.times(), TimeRange::ALL, None).unwrap();
        let messages: Vec<_> = decoded.damage.iter().map(ToString::to_string).collect();
        assert_eq!((decoded.rows.num_rows(), messages.len()), (2000, 1), "{column}");
        assert!(messages[0].starts_with("chunk 1, series 000") && messages[0].contains(what), "{messages:?}");
        let mut n_samples = 0;
        let count = |_, times: &[i64], _: &[f64]| n_samples += times.len();
        let damage = SampleDecoder::default().read(&chunks, &mut written.times(), TimeRange::ALL, count).unwrap();
        if column != "starts" {
            assert_eq!((n_samples, damage), (2000, decoded.damage), "{column}");
        }
    }
}

type Sample = (SeriesId, i64, u64);

fn samples(written: &Written, range: TimeRange) -> Vec<Sample> {
    let mut found = Vec::new();
    let damage =
        SampleDecoder::default().read(&written.chunks, &mut written.times(), range, |series, times, values| {
            found.extend(times.iter().zip(values).map(|(time, value)| (series, *time, value.to_bits())));
        });
    assert_eq!(damage.unwrap(), []);
    found
}

/// The samples that `points` are, by definition.
fn expected_samples(points: &[Point<'_>], range: TimeRange) -> Vec<Sample> {
    let sample = |point: &Point<'_>| {
        let value = match point.value {
            _ if point.flags & 1 != 0 && !matches!(point.value, PointValue::Distribution(_)) => STALE,
            PointValue::None => STALE,
            PointValue::Int(value) => value as f64,
            PointValue::Double(value) => value,
            PointValue::Distribution(_) => return None,
        };
        range.contains(point.time).then_some((point.series, point.time, value.to_bits()))
    };
    points.iter().filter_map(sample).collect()
}

#[derive(Clone, Debug)]
enum AnyValue {
    None,
    Int(i64),
    Double(u64),
    Distribution(Vec<u8>),
}

fn any_points() -> impl Strategy<Value = Vec<(u8, i64, i64, u32, AnyValue)>> {
    let value = prop_oneof![
        1 => Just(AnyValue::None),
        4 => prop_oneof![-50i64..50, any::<i64>()].prop_map(AnyValue::Int),
        4 => prop_oneof![any::<u64>(), (-500i32..500).prop_map(|it| (f64::from(it) / 100.0).to_bits())]
            .prop_map(AnyValue::Double),
        1 => prop::collection::vec(any::<u8>(), 0..30).prop_map(AnyValue::Distribution),
    ];
    let time = prop_oneof![0i64..100, any::<i64>()];
    let start = prop_oneof![Just(0i64), 0i64..100, any::<i64>()];
    let flags = prop_oneof![4 => Just(0u32), 1 => 0u32..3, 1 => any::<u32>()];
    prop::collection::vec((0u8..4, time, start, flags, value), 1..120)
}

proptest! {
    #[test]
    fn any_points_come_back_as_rows_and_as_samples(
        points in any_points(), in_order in any::<bool>(), range in (any::<i64>(), any::<i64>()), cut in 1usize..120,
    ) {
        let mut points = points;
        if in_order {
            points.sort_by_key(|point| (point.0, point.1));
        } else {
            points.sort_by_key(|point| point.0); // series are together, times are not in order
        }
        let points: Vec<Point<'_>> = points.iter().map(|(series, time, start_time, flags, value)| {
            let value = match value {
                AnyValue::None => PointValue::None,
                AnyValue::Int(value) => PointValue::Int(*value),
                AnyValue::Double(bits) => PointValue::Double(f64::from_bits(*bits)),
                AnyValue::Distribution(message) => PointValue::Distribution(message),
            };
            let series = SeriesId(u128::from(*series) << 120 | 5);
            Point { series, time: *time, start_time: *start_time, flags: *flags, value }
        }).collect();
        let all = rows(&points);
        let cut = cut.min(all.num_rows());
        let chosen = TimeRange::new(range.0.min(range.1), range.0.max(range.1));
        for level in [0, 1] {
            let written = write_at(level, &[all.slice(0, cut), all.slice(cut, all.num_rows() - cut)]);
            prop_assert_eq!(comparable(&read(&written, None)), comparable(&all));
            for range in [TimeRange::ALL, chosen, TimeRange::new(10, 60)] {
                prop_assert_eq!(samples(&written, range), expected_samples(&points, range));
            }
        }
    }
}
