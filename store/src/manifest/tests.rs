//! Publications, damage of one file and of both, crashes between them, and older formats.

use super::file::{decode, encode_record};
use super::*;
use crate::files::faults::{How, Op, heal, inject};

fn entry(id: u64) -> SegmentEntry {
    SegmentEntry {
        id,
        table: "spans".into(),
        level: 0,
        layout: rows_layout(),
        newest: 0,
        min_time: 0,
        max_time: 1,
        rows: 1,
        files: Vec::new(),
    }
}

fn open(dir: &Path) -> (Manifest, Loaded) {
    Manifest::open(dir).unwrap_or_else(|_| panic!("the manifest opens"))
}

fn ids(manifest: &Manifest) -> Vec<u64> {
    manifest.state().segments.keys().copied().collect()
}

/// A directory whose manifest names segments 1 to 3, and its bytes, which are those of both files.
fn three_segments() -> (tempfile::TempDir, [PathBuf; 2], Vec<u8>) {
    let dir = tempfile::tempdir().unwrap();
    let (mut manifest, _) = open(dir.path());
    let add: Vec<_> = (1..=3).map(entry).collect();
    manifest.publish(&Record { add, low_water: Some(9), ..Record::default() }).unwrap();
    let bytes = manifest.paths.each_ref().map(|path| std::fs::read(path).unwrap());
    assert_eq!(bytes[0], bytes[1]);
    let [bytes, _] = bytes;
    (dir, manifest.paths, bytes)
}

/// Where the records of a file begin.
fn record_starts(bytes: &[u8]) -> Vec<usize> {
    let mut starts = vec![0];
    while let Some(length) = bytes[*starts.last().unwrap()..].first_chunk::<4>() {
        starts.push(starts.last().unwrap() + 8 + u32::from_le_bytes(*length) as usize);
    }
    starts
}

#[test]
fn folds_what_was_published() {
    let dir = tempfile::tempdir().unwrap();
    let (mut manifest, _) = open(dir.path());
    let first = manifest.next_segment_id();
    manifest.publish(&Record { add: vec![entry(first)], low_water: Some(7), ..Record::default() }).unwrap();
    manifest.publish(&Record { add: vec![entry(5)], remove: vec![first], ..Record::default() }).unwrap();
    let (manifest, loaded) = open(dir.path());
    assert!(loaded.whole && manifest.is_sound());
    assert_eq!((ids(&manifest), loaded.damage), (vec![5], vec![]));
    assert_eq!((manifest.state().low_water, manifest.state().next_segment), (7, 6));
}

/// A file as older versions appended it.
fn appended(records: &[Record]) -> Vec<u8> {
    let mut bytes = Vec::new();
    records.iter().for_each(|record| encode_record(&mut bytes, record));
    bytes
}

#[test]
fn a_torn_last_record_of_an_older_version_counts_as_never_written() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("manifest");
    let record = |low_water| Record { format: Some(1), low_water: Some(low_water), ..Record::default() };
    let whole_bytes = appended(&[record(1)]).len();
    let bytes = appended(&[record(1), record(2)]);
    for cut in whole_bytes..bytes.len() {
        std::fs::write(&path, &bytes[..cut]).unwrap();
        let (manifest, loaded) = open(dir.path());
        assert_eq!(loaded.whole, cut == whole_bytes);
        assert_eq!(manifest.state().low_water, 1, "cut at {cut}");
        _ = std::fs::remove_file(dir.path().join("manifest-copy"));
    }
}

/// `whole` with each bit flipped, and cut at each length; with the place of the damage.
fn damaged(whole: &[u8]) -> Vec<(usize, Vec<u8>)> {
    let flip = |bit: usize| {
        let mut bytes = whole.to_vec();
        bytes[bit / 8] ^= 1 << (bit % 8);
        (bit / 8, bytes)
    };
    let cuts = (0..whole.len()).map(|cut| (cut, whole[..cut].to_vec()));
    (0..8 * whole.len()).map(flip).chain(cuts).collect()
}

#[test]
fn each_flipped_bit_and_each_cut_of_one_file_costs_nothing_and_is_named() {
    let (dir, paths, whole) = three_segments();
    // Of the second file one in seven cases: the same code reads it.
    for (path, step) in paths.iter().zip([1, 7]) {
        for (place, bytes) in damaged(&whole).into_iter().step_by(step) {
            std::fs::write(path, &bytes).unwrap();
            let loaded = read(dir.path()).unwrap_or_else(|_| panic!("the manifest is read"));
            let state = &loaded.state;
            assert!(loaded.whole && state.segments.keys().eq(&[1, 2, 3]), "byte {place}");
            assert_eq!((state.low_water, state.next_segment), (9, 4));
            // The record that has the place, or all that is left from there on.
            let start = *record_starts(&whole).iter().rfind(|start| **start <= place).unwrap();
            let Damage { path: named, message } = &loaded.damage[0];
            let at = message.contains(&format!(" at {start} ")) || message.contains(&format!("ends at {place} "));
            assert!(named == path && at && loaded.damage.len() == 1, "byte {place}: {:?}", loaded.damage);
        }
        std::fs::write(path, &whole).unwrap();
    }
}

#[test]
fn a_damaged_file_is_kept_and_written_anew() {
    let (dir, paths, whole) = three_segments();
    for path in &paths {
        for (place, bytes) in damaged(&whole).into_iter().step_by(331) {
            std::fs::write(path, &bytes).unwrap();
            let (manifest, loaded) = open(dir.path());
            assert!(loaded.whole && manifest.is_sound(), "byte {place}");
            assert_eq!((ids(&manifest), loaded.damage.len()), (vec![1, 2, 3], 1));
            assert_eq!(std::fs::read(path).unwrap(), whole, "byte {place}");
            let kept = path.with_extension("damaged-1");
            assert_eq!(std::fs::read(&kept).unwrap_or_default(), bytes);
            _ = std::fs::remove_file(kept); // of a file that was cut to nothing there is none
        }
    }
}

#[test]
fn damage_of_both_files_costs_the_segments_whose_records_it_hits_in_both() {
    let (dir, paths, whole) = three_segments();
    let starts = record_starts(&whole);
    for one in (0..whole.len()).step_by(61) {
        for other in (0..whole.len()).step_by(67) {
            for (path, place) in paths.iter().zip([one, other]) {
                let mut bytes = whole.clone();
                bytes[place] ^= 4;
                std::fs::write(path, &bytes).unwrap();
            }
            let record = |place: usize| starts.iter().rposition(|start| *start <= place).unwrap() as u64 + 1;
            let lost = (record(one) == record(other)).then(|| record(one));
            let expected: Vec<u64> = (1..=3).filter(|id| Some(*id) != lost).collect();
            let (manifest, loaded) = open(dir.path());
            assert_eq!((ids(&manifest), loaded.whole), (expected.clone(), expected.len() == 3), "{one}, {other}");
            assert_eq!((manifest.state().low_water, manifest.state().next_segment), (9, 4));
            assert_eq!(loaded.damage.len(), if loaded.whole { 2 } else { 3 }, "{:?}", loaded.damage);
            let (again, loaded) = open(dir.path());
            assert_eq!((ids(&again), loaded.damage), (expected, vec![]), "what is left is a manifest");
            paths.iter().for_each(|path| std::fs::remove_file(path.with_extension("damaged-1")).unwrap());
        }
    }
}

#[test]
fn a_crash_between_the_files_leaves_either_state_and_the_newer_one_counts() {
    let (dir, paths, before) = three_segments();
    let (mut manifest, _) = open(dir.path());
    manifest.publish(&Record { remove: vec![2], ..Record::default() }).unwrap();
    let after = std::fs::read(&paths[0]).unwrap();
    let damaged = [&after[..50], b"?", &after[51..]].concat();
    // What the files hold, the segments that count, and whether something is wrong.
    let table = [
        ([&after, &before], vec![1, 3], false),
        ([&before, &after], vec![1, 3], false),
        ([&before, &before], vec![1, 2, 3], false),
        // The crash, and then damage of the file that was ahead: the one behind holds as well.
        ([&damaged, &before], vec![1, 2, 3], true),
        ([&before, &damaged], vec![1, 2, 3], true),
        ([&damaged, &after], vec![1, 3], true),
    ];
    for (files, expected, is_damaged) in table {
        paths.iter().zip(files).for_each(|(path, bytes)| std::fs::write(path, bytes).unwrap());
        let (manifest, loaded) = open(dir.path());
        assert_eq!((ids(&manifest), loaded.whole), (expected.clone(), true));
        assert_eq!(!loaded.damage.is_empty(), is_damaged, "{:?}", loaded.damage);
        let (again, loaded) = open(dir.path());
        assert_eq!((ids(&again), loaded.damage), (expected, vec![]));
        assert_eq!(std::fs::read(&paths[0]).unwrap(), std::fs::read(&paths[1]).unwrap());
    }
}

#[test]
fn a_publication_that_fails_half_way_leaves_the_state_before() {
    for (part, op) in [("manifest.new", Op::Write), ("manifest-copy.new", Op::Sync), ("", Op::Sync)] {
        for calls in [1, usize::MAX] {
            let (dir, _, _) = three_segments();
            let (mut manifest, _) = open(dir.path());
            let skip = if part.is_empty() { 2 } else { 0 }; // the sync of the folder
            inject(dir.path(), part, op, How::Error(io::ErrorKind::StorageFull), skip, calls);
            manifest.publish(&Record { remove: vec![2], ..Record::default() }).unwrap_err();
            heal(dir.path());
            assert_eq!((ids(&manifest), manifest.is_sound()), (vec![1, 2, 3], calls == 1), "{part}");
            if manifest.is_sound() {
                let (again, loaded) = open(dir.path());
                assert_eq!((ids(&again), loaded.damage), (vec![1, 2, 3], vec![]), "{part}");
            }
            manifest.publish(&Record { remove: vec![3], ..Record::default() }).unwrap();
            assert!(manifest.is_sound());
            assert_eq!(ids(&open(dir.path()).0), [1, 2], "{part}");
        }
    }
}

#[test]
fn the_first_publication_into_a_directory_of_an_older_format_makes_it_the_current_one() {
    let entry = r#"{"id":3,"table":"logs","min_time":0,"max_time":1,"rows":1,"files":[]}"#;
    let first = [format!(r#"{{"format":1,"add":[{entry}]}}"#)];
    let second =
        [format!(r#"{{"format":2,"low_water":0,"add":[{entry}]}}"#), r#"{"format":2,"segments":1}"#.to_owned()];
    for records in [&first[..], &second[..]] {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("manifest");
        let old: Vec<_> = records.iter().map(|record| serde_json::from_str(record).unwrap()).collect();
        let old = appended(&old);
        std::fs::write(&path, &old).unwrap();
        let (mut manifest, loaded) = open(dir.path());
        assert!(loaded.whole && loaded.damage.is_empty());
        let entry = &manifest.state().segments[&3];
        assert_eq!((entry.level, entry.layout.as_str()), (0, "rows"));
        assert_eq!(std::fs::read(&path).unwrap(), old, "opening alone changes nothing");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
        manifest.publish(&Record::default()).unwrap();
        for path in &manifest.paths {
            let records = decode(&std::fs::read(path).unwrap()).records;
            assert!(!records.is_empty() && records.iter().all(|record| record.format == Some(FORMAT)));
        }
    }
}

#[test]
fn refuses_a_newer_format_and_leaves_it_alone() {
    for name in copies::NAMES {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(name);
        let newer = appended(&[Record { format: Some(FORMAT + 1), ..Record::default() }]);
        std::fs::write(&path, &newer).unwrap();
        assert!(matches!(Manifest::open(dir.path()), Err(ManifestError::NewerFormat(found)) if found == FORMAT + 1));
        assert_eq!(std::fs::read(&path).unwrap(), newer);
    }
}
