//! Looking at a directory: what is sound is called sound, what is not is named, and nothing is changed.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use store::inspect::{self, Report};
use store::{OpenError, Table};

use crate::dump::Dump;
use crate::{formats, sample};

/// Every file below `dir` with its bytes.
fn files(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for path in fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.insert(path.clone(), fs::read(path).unwrap());
        }
    }
    found
}

fn copy(from: &Path, to: &Path) {
    fs::write(to, fs::read(from).unwrap()).unwrap();
}

fn sound(dir: &Path, deep: bool) -> Report {
    let before = files(dir);
    let report = sound_in_use(dir, deep);
    assert!(files(dir) == before, "a check changes nothing");
    report
}

/// As [`sound`], of a directory whose store may be at work in the background.
fn sound_in_use(dir: &Path, deep: bool) -> Report {
    let report = inspect::verify(dir, deep).unwrap();
    assert_eq!((&report.findings, &report.notes), (&vec![], &vec![]));
    report
}

#[test]
fn samples_of_every_format_are_sound() {
    for version in formats::VERSIONS {
        let dir = formats::copy_of(version);
        let report = sound(dir.path(), true);
        assert_eq!((report.log_records, report.series), (7, 15), "{version}");
        assert!(
            report.segments >= 8 && report.files > report.segments && report.bytes > 40_000,
            "{version} {report:?}"
        );
        let (snapshot, recovery) = inspect::snapshot(dir.path(), &sample::decode()).unwrap();
        assert_eq!((recovery.damage.len(), recovery.replayed_requests), (0, 4), "{version}");
        let rows = fs::read_to_string(formats::kept(version).join("rows.txt")).unwrap();
        formats::same(&Dump::of(&snapshot), &rows, version);
    }
}

#[test]
fn a_directory_in_use_is_checked_and_read_beside_its_store() {
    let dir = formats::copy_of("v1");
    let (store, _) = sample::open(dir.path());
    let (rows, wanted) = (Dump::of(&store.snapshot()), sample::decode());
    sound_in_use(dir.path(), false);
    assert!(Dump::of(&inspect::snapshot(dir.path(), &wanted).unwrap().0) == rows);
    store.flush().unwrap();
    let report = sound_in_use(dir.path(), false);
    assert!(report.rows as usize > rows.rows.len());
    assert!(Dump::of(&inspect::snapshot(dir.path(), &wanted).unwrap().0) == rows);
}

#[test]
fn space_is_told_by_table_level_and_column() {
    let dir = formats::copy_of("v1");
    drop(sample::open(dir.path()).0);
    let stat = inspect::stat(dir.path()).unwrap();
    assert!(stat.damage.is_empty());
    assert_eq!(stat.series, 15);
    assert_eq!(stat.levels.iter().map(|level| level.table).collect::<Vec<_>>(), Table::ALL);
    for level in &stat.levels {
        assert!(level.parts.is_sorted_by_key(|(_, bytes)| std::cmp::Reverse(*bytes)) && level.times.0 < level.times.1);
    }
    let logs = &stat.levels[1];
    assert_eq!((logs.rows, logs.segments, logs.level), (58, 3, 0));
    for part in ["body", "(text index)", "(bloom filter)", "(footer)"] {
        assert!(logs.parts.iter().any(|(name, bytes)| name == part && *bytes > 0), "{part}: {:?}", logs.parts);
    }
    // Space is set aside where the disk has room for it.
    let names: Vec<_> = stat.others.iter().map(|(name, _)| name.as_str()).filter(|name| *name != "reserve").collect();
    assert_eq!(names, ["acknowledged", "dedup", "lock", "manifest", "wal"]);
}

#[test]
fn every_byte_of_a_segment_counts_once() {
    for version in formats::VERSIONS {
        let dir = formats::copy_of(version);
        let sums = || {
            let levels = inspect::stat(dir.path()).unwrap().levels;
            for level in &levels {
                let sum: u64 = level.parts.iter().map(|(_, bytes)| bytes).sum();
                assert_eq!(sum, level.bytes, "{version}: {level:?}");
            }
            levels
        };
        sums();
        let (store, _) = sample::open(dir.path());
        store.flush().unwrap();
        drop(store);
        assert!(sums().iter().any(|level| level.parts.iter().any(|(name, _)| name == "(parity)")));
    }
}

#[test]
fn what_is_no_data_directory_is_an_error_and_stays_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    assert!(matches!(inspect::verify(dir.path(), false), Err(OpenError::NoStore { .. })));
    assert!(matches!(inspect::stat(&dir.path().join("nowhere")), Err(OpenError::NoStore { .. })));
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn wrong_files_are_findings_with_their_paths_and_places() {
    // A file, what is done to it, and what a finding then says.
    type Damage = fn(&Path);
    let flip: Damage = |path| {
        let mut bytes = fs::read(path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 8;
        fs::write(path, bytes).unwrap();
    };
    let table: [(&str, Damage, &str); 12] = [
        ("segments/spans/000000000003.parquet", flip, "have checksum"),
        ("segments/logs/000000000005.bloom", flip, "have checksum"),
        ("segments/logs/000000000005.text", flip, "have checksum"),
        ("segments/logs/000000000005.text", |path| fs::write(path, "").unwrap(), "are beyond the file's 0"),
        ("segments/points/000000000007.parquet", |path| fs::remove_file(path).unwrap(), "No such file"),
        (
            "segments/points/000000000007.parquet",
            |path| fs::write(path, [fs::read(path).unwrap(), b"more".to_vec()].concat()).unwrap(),
            "4 bytes at 3439 are not of the segment",
        ),
        ("wal/000000000002.wal", flip, "are no record"),
        ("dedup", flip, "are no hashes of bodies"),
        ("dedup", |path| fs::write(path, "").unwrap(), "its 0 bytes are no hashes of bodies"),
        ("manifest", flip, "are no record of the manifest"),
        // Sound files of other segments.
        (
            "segments/logs/000000000005.bloom",
            |path| copy(&path.with_file_name("000000000006.text"), path),
            "have checksum",
        ),
        (
            "segments/series/000000000009.parquet",
            |path| copy(&path.with_file_name("000000000014.parquet"), path),
            "are beyond the file's",
        ),
    ];
    for (name, damage, expected) in table {
        let dir = formats::copy_of("v1");
        let path = dir.path().join(name);
        damage(&path);
        let report = inspect::verify(dir.path(), true).unwrap();
        let found: Vec<String> =
            report.findings.iter().map(|it| format!("{}: {}", it.path.display(), it.message)).collect();
        assert!(
            found.iter().any(|it| it.starts_with(path.to_str().unwrap()) && it.contains(expected)),
            "{name}, {expected}: {found:#?}"
        );
    }
}

#[test]
fn without_a_manifest_every_segment_is_checked_on_its_own() {
    // Of the first format, and of this one.
    for is_new in [false, true] {
        let dir = formats::copy_of("v1");
        if is_new {
            let (store, _) = sample::open(dir.path());
            store.flush().unwrap();
            store.compact_all().unwrap();
        }
        let whole = inspect::verify(dir.path(), false).unwrap();
        let manifests = ["manifest", "manifest-copy"].map(|name| dir.path().join(name));
        for gone in [true, false] {
            for path in &manifests {
                if gone { _ = fs::remove_file(path) } else { fs::write(path, "nothing that is a record").unwrap() }
            }
            let report = inspect::verify(dir.path(), false).unwrap();
            assert!(report.findings.iter().all(|it| manifests.contains(&it.path)), "{:?}", report.findings);
            assert!(manifests.iter().all(|path| report.findings.iter().any(|it| it.path == *path)));
            let found = |it: &Report| (it.segments, it.rows, it.series, it.files, it.bytes);
            assert_eq!(found(&report), found(&whole), "{is_new} {gone}");
            let stat = inspect::stat(dir.path()).unwrap();
            assert!(stat.levels.is_empty() && stat.damage.len() >= 2, "{stat:?}");
            let unnamed = stat.others.iter().find(|(name, _)| name == "segments that the manifest does not name");
            assert_eq!(unnamed.map(|(_, bytes)| *bytes), Some(whole.bytes));
            assert!(inspect::snapshot(dir.path(), &sample::decode()).unwrap().1.damage.len() >= 2);
        }
        // Damage of a segment is found there too.
        let spans = fs::read_dir(dir.path().join("segments/spans")).unwrap().map(|it| it.unwrap().path());
        let path = spans.filter(|it| it.extension().is_some_and(|it| it == "parquet")).min().unwrap();
        let mut bytes = fs::read(&path).unwrap();
        bytes[20] ^= 1;
        fs::write(&path, bytes).unwrap();
        let report = inspect::verify(dir.path(), false).unwrap();
        let found = report.findings.iter().find(|it| it.path == path);
        assert!(found.is_some_and(|it| !is_new || it.message.contains("bytes at 0 have checksum")), "{found:?}");
    }
}

#[test]
fn left_overs_are_noted_and_no_damage() {
    let dir = formats::copy_of("v1");
    fs::write(dir.path().join("segments/spans/000000000099.parquet"), "half").unwrap();
    fs::write(dir.path().join("manifest.damaged-1"), "old").unwrap();
    fs::create_dir(dir.path().join("segments/lost")).unwrap();
    fs::write(dir.path().join("segments/lost/spans-000000000001.parquet"), "old").unwrap();
    let report = inspect::verify(dir.path(), false).unwrap();
    assert_eq!((report.findings.len(), report.notes.len()), (0, 3), "{report:?}");
}
