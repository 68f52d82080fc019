//! Segments of chunks: written and read as files.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use hashbrown::HashSet;
use model::metric::STALE;
use model::{AttrsBuf, Point, PointValue, SeriesId, TimeRange, Value};

use super::gauge;
use crate::chunk::PointChunk;
use crate::layout::Layout;
use crate::manifest::{FileEntry, SegmentEntry};
use crate::rows::MetricRows;
use crate::schema::Table;
use crate::segment::{IdFilter, Recent, Segment, SegmentWriter};
use crate::{Request, Rows, Samples, SamplesProgress, Scan, Store, StoreConfig};

#[path = "../../benches/mix/points.rs"]
#[expect(unreachable_pub, reason = "benchmarks use it too")]
mod mix;

use mix::{Clock, Numbers};

const START: i64 = 1_767_225_600_000_000_000;

/// The points of `resources` over a window, sorted by series and time, some series to a row group.
fn window(resources: usize, clock: Clock) -> Vec<RecordBatch> {
    let mut series: Vec<(SeriesId, usize, usize)> = Vec::new();
    for resource in 0..resources {
        let mut attrs = AttrsBuf::new();
        attrs.push("service.instance.id", Value::Int(resource as i64));
        for number in 0..mix::SERIES {
            let name = format!("system.metric.{number}");
            series.push((gauge(&name, attrs.as_bytes()).id(), resource, number));
        }
    }
    series.sort();
    series.chunks(100).map(|group| points_of(group, clock)).collect()
}

fn points_of(group: &[(SeriesId, usize, usize)], clock: Clock) -> RecordBatch {
    let mut rows = MetricRows::default();
    for (id, resource, number) in group {
        let times = mix::times(*resource, START, mix::POINTS_A_WINDOW, clock);
        let (numbers, counts) = mix::numbers(*resource, *number, times.len());
        for (row, time) in times.iter().enumerate() {
            let value = match &numbers {
                Numbers::Integers(values) => PointValue::Int(values[row]),
                Numbers::Doubles(values) => PointValue::Double(values[row]),
            };
            let start_time = if counts { START - 5_000_000_000 - *resource as i64 } else { 0 };
            rows.push(&Point { series: *id, time: *time, start_time, flags: 0, value });
        }
    }
    rows.finish().0
}

fn write(dir: &Path, layout: Layout, groups: &[RecordBatch]) -> SegmentEntry {
    let mut writer = SegmentWriter::create(dir, Table::Points, 1, 1, layout);
    groups.iter().for_each(|group| writer.write_group(group).unwrap());
    writer.finish().unwrap()
}

fn open(dir: &Path, entry: &SegmentEntry) -> Segment {
    let layout = Layout::parse(&entry.layout).unwrap();
    let (segment, error) = Segment::new(dir, Table::Points, layout, entry.clone(), &Arc::new(Recent::new(1 << 20)));
    assert!(error.is_none());
    segment
}

fn read(segment: &Segment, ids: &[IdFilter]) -> RecordBatch {
    let groups = segment.row_groups().unwrap();
    let batches = (0..groups.len()).map(|index| {
        let batch = segment.read(index, &None, None, ids.to_vec()).unwrap().unwrap();
        assert!(batch.num_rows() <= 128 << 10, "a unit is small enough to be held");
        batch
    });
    concat_batches(&Table::Points.schema(), &batches.collect::<Vec<_>>()).unwrap()
}

#[test]
fn points_come_back_from_a_file_and_by_series() {
    let dir = tempfile::tempdir().unwrap();
    let groups = window(3, Clock::Jittered);
    let entry = write(dir.path(), Layout::Chunks, &groups);
    let all = concat_batches(&Table::Points.schema(), &groups).unwrap();
    assert_eq!(entry.rows, all.num_rows() as u64);
    let segment = open(dir.path(), &entry);
    assert_eq!(read(&segment, &[]), all);

    let id_of = |series: usize| PointChunk::from(all.clone()).series(series * mix::POINTS_A_WINDOW);
    let wanted: Arc<HashSet<SeriesId>> = Arc::new([7, 150, 299].into_iter().map(id_of).collect());
    let found = read(&segment, &[IdFilter::Series(Arc::clone(&wanted))]);
    let expected = [7, 150, 299].map(|series| all.slice(series * mix::POINTS_A_WINDOW, mix::POINTS_A_WINDOW));
    assert_eq!(found, concat_batches(&Table::Points.schema(), &expected).unwrap());
    let groups = segment.row_groups().unwrap();
    let held: Vec<bool> = groups.iter().map(|group| group.may_hold_series(&[id_of(7)].into_iter().collect())).collect();
    assert_eq!(held, [true, false, false]);
}

#[test]
fn a_point_takes_less_than_a_byte() {
    let mut report = String::new();
    let mut bytes_a_point = |layout: Layout, clock: Clock| {
        let dir = tempfile::tempdir().unwrap();
        let entry = write(dir.path(), layout, &window(10, clock));
        let parts = entry.files.iter().map(|file| format!("{} {}", file.path, file.bytes)).collect::<Vec<_>>();
        let (parity, coded): (Vec<_>, Vec<_>) = entry.files.iter().partition(|file| file.path.ends_with(".repair"));
        let a_point =
            |files: Vec<&FileEntry>| files.iter().map(|file| file.bytes).sum::<u64>() as f64 / entry.rows as f64;
        let (parity, bytes) = (a_point(parity), a_point(coded));
        // A block of the rows and one of the times, and the footer. Of many rows it is about a hundredth.
        let few = layout == Layout::Rows || parity * entry.rows as f64 <= f64::from((2 * 16 + 4) << 10);
        assert!(few, "{parity} of {bytes}");
        report += &format!("{clock:?} {}: {bytes:.3} ({})\n", layout.name(), parts.join(", "));
        bytes
    };
    let chunks = [Clock::Aligned, Clock::Jittered].map(|clock| bytes_a_point(Layout::Chunks, clock));
    let rows = bytes_a_point(Layout::Rows, Clock::Jittered);
    assert!(chunks[0] < 0.75 && chunks[1] < 0.78 && rows > 2.0, "{report}");
}

/// A store and what is written to it: values of two series by time.
struct Sampled {
    _dir: tempfile::TempDir,
    store: Arc<Store>,
    ids: [SeriesId; 2],
    expected: [BTreeMap<i64, u64>; 2],
    requests: u64,
}

impl Sampled {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let config = StoreConfig { compact_automatically: false, ..StoreConfig::new(dir.path()) };
        let (store, _) = Store::open(config, Box::new(|rows, _, _, _| Ok(rows))).unwrap();
        let mut sampled =
            Sampled { _dir: dir, store, ids: [SeriesId(0); 2], expected: Default::default(), requests: 0 };
        sampled.ids = ["one", "two"].map(|name| gauge(name, &[]).id());
        sampled
    }

    /// Appends a request with a point of both series for each of `times`; the values are other ones each time.
    fn append(&mut self, times: impl IntoIterator<Item = i64>) {
        self.requests += 1;
        let mut rows = Rows::default();
        for time in times {
            for (place, name) in ["one", "two"].into_iter().enumerate() {
                let series = rows.metrics.series(&gauge(name, &[]), time);
                let number = self.requests as i64 * 1_000_000 + time;
                let (value, flags) = match (place, number % 97) {
                    (0, 5) => (PointValue::None, 1),
                    (0, _) => (PointValue::Int(number), 0),
                    _ => (PointValue::Double(number as f64 / 8.0), 0),
                };
                rows.metrics.push(&Point { series, time, start_time: 0, flags, value });
                let value = match value {
                    PointValue::None => STALE,
                    other => other.as_f64().unwrap(),
                };
                self.expected[place].insert(time, value.to_bits());
            }
        }
        let body = self.requests.to_le_bytes().to_vec().into();
        self.store.append_blocking(Request { kind: 1, received_at: 0, body, dedup: false, rows }).unwrap();
    }

    fn check(&self, range: TimeRange) {
        let snapshot = self.store.snapshot();
        let mut n_read = 0;
        let scan = snapshot.samples(self.ids.to_vec(), range);
        let mut tell = |progress| match progress {
            SamplesProgress::Read(n) => {
                n_read += n;
                Ok(())
            }
            SamplesProgress::Unreadable(error) => Err(error),
        };
        let whole = scan.read(0..2, &mut tell).unwrap();
        let apart = [scan.read(1..2, &mut tell).unwrap(), scan.read(0..1, &mut tell).unwrap()].concat();
        let bits = |it: &Samples| (it.times.clone(), it.values.iter().map(|value| value.to_bits()).collect::<Vec<_>>());
        assert!(
            apart.iter().map(bits).eq(whole.iter().rev().map(bits)) && scan.read(2..2, &mut tell).unwrap().is_empty()
        );
        let found = self.ids.iter().map(|id| &whole[scan.series().binary_search(id).unwrap()]);
        for (Samples { times, values }, expected) in found.zip(&self.expected) {
            let found: Vec<_> = times.iter().copied().zip(values.iter().map(|value| value.to_bits())).collect();
            let expected = expected.iter().filter(|(time, _)| range.contains(**time));
            assert_eq!(found, expected.map(|(time, value)| (*time, *value)).collect::<Vec<_>>());
        }
        assert!(n_read >= 2 * whole.iter().map(|it| it.times.len()).sum::<usize>());
    }
}

#[test]
fn samples_are_those_stored_last_wherever_they_are() {
    let mut sampled = Sampled::new();
    let ranges = [TimeRange::ALL, TimeRange::new(150, 2500), TimeRange::new(-5, 1), TimeRange::new(9000, 9001)];
    let check = |sampled: &Sampled| ranges.iter().for_each(|range| sampled.check(*range));
    check(&sampled);
    sampled.append(0..2000);
    check(&sampled);
    sampled.store.flush().unwrap();
    check(&sampled);
    sampled.append((100..300).rev()); // late, again, and out of order
    check(&sampled);
    sampled.store.flush().unwrap();
    sampled.append(250..260);
    check(&sampled);
    sampled.store.compact_all().unwrap();
    check(&sampled);
    sampled.store.flush().unwrap();
    sampled.append(3000..7000);
    sampled.append(255..6000);
    sampled.store.flush().unwrap();
    check(&sampled);
    sampled.append([255]);
    sampled.store.compact_all().unwrap();
    check(&sampled);
    let layouts: Vec<_> = sampled.store.snapshot().segments.iter().map(|it| it.entry().layout.clone()).collect();
    assert!(layouts.contains(&"chunks".to_owned()), "{layouts:?}");
}

#[test]
fn samples_end_when_the_reader_has_had_enough() {
    let mut sampled = Sampled::new();
    for start in (0..5000).step_by(1000) {
        sampled.append(start..start + 1000);
        sampled.store.flush().unwrap();
    }
    let mut left = 3000;
    let snapshot = sampled.store.snapshot();
    let result = snapshot.samples(sampled.ids.to_vec(), TimeRange::ALL).read(0..2, |progress| match progress {
        SamplesProgress::Read(n) if n < left => {
            left -= n;
            Ok(())
        }
        other => Err(format!("{other:?}")),
    });
    assert_eq!(result, Err("Read(2000)".to_owned()));
}

#[test]
fn a_damaged_vector_of_times_costs_its_chunks_and_is_named() {
    let mut sampled = Sampled::new();
    sampled.append((0..4000).map(|i| i * i));
    sampled.store.flush().unwrap();
    sampled.store.compact_all().unwrap();
    let snapshot = sampled.store.snapshot();
    let segment = snapshot.segments.iter().find(|segment| segment.entry().layout == "chunks").unwrap();
    let path = sampled._dir.path().join(&segment.entry().file(".times").unwrap().path);
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[40] ^= 8;
    std::fs::write(&path, bytes).unwrap();
    let read_all = || snapshot.points(Scan::new(TimeRange::ALL)).map(|it| it.unwrap().len()).sum::<usize>();
    assert_eq!(read_all(), 8000, "it is restored");
    std::fs::remove_file(path.with_extension("repair")).unwrap();

    let mut damage = Vec::new();
    let found = snapshot.samples(sampled.ids.to_vec(), TimeRange::ALL).read(0..2, |progress| {
        if let SamplesProgress::Unreadable(error) = progress {
            damage.push(error.to_string());
        }
        Ok::<(), ()>(())
    });
    let n_samples: usize = found.unwrap().iter().map(|it| it.times.len()).sum();
    assert_eq!((n_samples, damage.len()), (6000, 2), "one of four chunks of either series is lost: {damage:?}");
    let rows: Vec<_> = snapshot.points(Scan::new(TimeRange::ALL)).collect();
    let n_rows: usize = rows.iter().flatten().map(|chunk| chunk.len()).sum();
    let errors: Vec<_> = rows.iter().filter_map(|it| it.as_ref().err().map(ToString::to_string)).collect();
    assert_eq!((n_rows, errors.len()), (6000, 2), "{errors:?}");
    for error in damage.iter().chain(&errors) {
        let named = [".times: row group 0: chunk ", "series ", ": record at 28: "];
        assert!(named.iter().all(|part| error.contains(part)), "{error}");
    }
}

#[test]
fn without_the_list_of_units_row_groups_are_read_whole() {
    let dir = tempfile::tempdir().unwrap();
    let groups = window(4, Clock::Jittered);
    let entry = write(dir.path(), Layout::Chunks, &groups);
    let file = entry.file(".times").unwrap();
    let path = dir.path().join(&file.path);
    let mut bytes = std::fs::read(&path).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let segment = open(dir.path(), &entry);
    assert_eq!(segment.row_groups().unwrap().len(), 1);
    let all = segment.read(0, &None, None, Vec::new()).unwrap().unwrap();
    assert_eq!(all, concat_batches(&Table::Points.schema(), &groups).unwrap());
}

#[test]
fn a_flush_writes_chunks_where_series_have_several_points() {
    for (n_points, expected) in [(1, "rows"), (2, "rows"), (3, "chunks"), (2000, "chunks")] {
        let mut sampled = Sampled::new();
        sampled.append(0..n_points);
        sampled.store.flush().unwrap();
        let entries = sampled.store.shared.segment_entries(|_| true);
        let layouts: Vec<_> = entries.iter().filter(|it| it.table == "points").map(|it| it.layout.as_str()).collect();
        assert_eq!(layouts, [expected], "{n_points} points");
        sampled.check(TimeRange::ALL);
    }
}
