//! One segment and its files: what comes out of damaged ones.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::RecordBatch;
use model::{Attrs, LogRecord, Resource, Scope, TraceId};

use super::{Recent, Segment, SegmentWriter};
use crate::Rows;
use crate::layout::Layout;
use crate::manifest::SegmentEntry;
use crate::schema::Table;

const GROUPS: usize = 3;
const ROWS: usize = 1000;

/// The rows of a row group of logs: every column has something in it.
fn group(number: usize) -> RecordBatch {
    let mut rows = Rows::default();
    for row in number * ROWS..(number + 1) * ROWS {
        rows.logs.push(&LogRecord {
            time: row as i64,
            observed_time: row as i64 + 3,
            severity_number: (row % 24) as u8,
            severity_text: "INFO",
            body: &format!("order {row} of {:x} accepted", row * 7919),
            body_value: &[],
            event_name: "",
            trace_id: Some(TraceId((row as u128 * 0x9e37_79b9_7f4a_7c15 + 1).to_be_bytes())),
            span_id: None,
            flags: 0,
            attrs: Attrs::default(),
            dropped_attributes: 0,
            service: "shop",
            resource: Resource::default(),
            scope: Scope::default(),
        });
    }
    rows.finish().remove(0).1
}

fn write(dir: &Path, id: u64) -> SegmentEntry {
    let mut writer = SegmentWriter::create(dir, Table::Logs, id, 1, Layout::Rows);
    (0..GROUPS).for_each(|number| writer.write_group(&group(number)).unwrap());
    writer.finish().unwrap()
}

fn path(dir: &Path, entry: &SegmentEntry, suffix: &str) -> PathBuf {
    dir.join(&entry.file(suffix).unwrap().path)
}

/// What each row group reads as, or the error. Fails when rows come out that were not written.
fn read(dir: &Path, entry: &SegmentEntry) -> Vec<Result<(), String>> {
    let (segment, _) = Segment::new(dir, Table::Logs, Layout::Rows, entry.clone(), &Arc::new(Recent::new(1 << 20)));
    let read = |index| match segment.read(index, &None, None, Vec::new()) {
        Ok(batch) => {
            assert_eq!(batch.unwrap(), group(index));
            Ok(())
        }
        Err(error) => Err(error.to_string()),
    };
    (0..GROUPS).map(read).collect()
}

#[test]
fn a_damaged_byte_of_the_rows_costs_nothing_or_without_parity_its_row_group() {
    let dir = tempfile::tempdir().unwrap();
    let entry = write(dir.path(), 1);
    let repair = self::path(dir.path(), &entry, ".repair");
    let rows = entry.file(".parquet").map(|file| (file.bytes - file.tail.unwrap().bytes) as usize).unwrap();
    let path = path(dir.path(), &entry, ".parquet");
    let bytes = fs::read(&path).unwrap();
    let mut hit = [0; GROUPS];
    for at in (0..bytes.len()).step_by(bytes.len() / 50) {
        let mut flipped = bytes.clone();
        flipped[at] ^= 1 << (at % 8);
        fs::write(&path, flipped).unwrap();
        assert_eq!(read(dir.path(), &entry), [const { Ok(()) }; GROUPS], "byte {at}");
        if at >= rows {
            continue; // of the footer, whose copy is there
        }
        let parity = fs::read(&repair).unwrap();
        fs::remove_file(&repair).unwrap();
        let errors: Vec<_> = read(dir.path(), &entry).into_iter().enumerate().collect();
        fs::write(&repair, parity).unwrap();
        let failed: Vec<_> = errors.iter().filter_map(|(index, it)| Some((*index, it.as_ref().err()?))).collect();
        assert!(failed.len() <= 1, "byte {at}: {failed:?}");
        for (index, error) in failed {
            hit[index] += 1;
            let named = format!("{}: row group {index}: ", path.display());
            assert!(error.starts_with(&named) && error.contains(" have checksum "), "byte {at}: {error}");
        }
    }
    assert!(hit.iter().all(|n| *n > 10), "{hit:?}");
}

#[test]
fn a_file_without_its_end_is_read_by_the_copy_of_it() {
    let dir = tempfile::tempdir().unwrap();
    let entry = write(dir.path(), 1);
    let path = path(dir.path(), &entry, ".parquet");
    let (bytes, tail) = (fs::read(&path).unwrap(), entry.file(".parquet").unwrap().tail.unwrap().bytes as usize);
    for left in [bytes.len() - 1, bytes.len() - tail / 2, bytes.len() - tail] {
        fs::write(&path, &bytes[..left]).unwrap();
        assert_eq!(read(dir.path(), &entry), [const { Ok(()) }; GROUPS], "{left} bytes left");
    }
    fs::write(&path, &bytes[..bytes.len() - tail - 1]).unwrap();
    assert_eq!(read(dir.path(), &entry), [const { Ok(()) }; GROUPS], "the last block is restored");
    fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    let whole: Vec<_> = read(dir.path(), &entry).iter().map(Result::is_ok).collect();
    assert!(whole[0] && !whole[GROUPS - 1], "{whole:?}");
    fs::write(&path, [&bytes[..], b"something more"].concat()).unwrap();
    assert_eq!(read(dir.path(), &entry), [const { Ok(()) }; GROUPS], "what follows is nobody's");
    fs::write(&path, &bytes[..bytes.len() - 1]).unwrap();
    fs::remove_file(self::path(dir.path(), &entry, ".repair")).unwrap();
    let errors = read(dir.path(), &entry);
    assert!(errors.iter().all(|it| it.as_ref().is_err_and(|it| it.starts_with(path.to_str().unwrap()))), "{errors:?}");
}

#[test]
fn files_of_another_segment_are_not_taken_for_those_of_this() {
    let dir = tempfile::tempdir().unwrap();
    let one = write(dir.path(), 1);
    let mut writer = SegmentWriter::create(dir.path(), Table::Logs, 2, 1, Layout::Rows);
    (0..GROUPS).for_each(|number| writer.write_group(&group(GROUPS - number)).unwrap());
    let other = writer.finish().unwrap();
    for suffix in [".parquet", ".repair", ".bloom", ".text"] {
        let (path, bytes) = (path(dir.path(), &one, suffix), fs::read(path(dir.path(), &one, suffix)).unwrap());
        fs::copy(self::path(dir.path(), &other, suffix), &path).unwrap();
        let (segment, error) =
            Segment::new(dir.path(), Table::Logs, Layout::Rows, one.clone(), &Arc::new(Recent::new(1 << 20)));
        assert_eq!(error.is_some(), suffix == ".bloom");
        match suffix {
            ".parquet" => assert!(read(dir.path(), &one).iter().all(Result::is_err)),
            _ => assert_eq!(read(dir.path(), &one), [const { Ok(()) }; GROUPS], "{suffix}"),
        }
        assert_eq!(segment.search(&["42".to_owned()]).is_none(), suffix == ".text", "{suffix}");
        assert!((0..3 * ROWS).all(|row| {
            let id = TraceId((row as u128 * 0x9e37_79b9_7f4a_7c15 + 1).to_be_bytes());
            !segment.traces_among(&[id]).is_empty()
        }));
        fs::write(path, bytes).unwrap();
    }
}
