use super::*;

fn times(n: i64, jitter: i64) -> Vec<i64> {
    (0..n).map(|i| 1_700_000_000_000_000_000 + i * 15_000_000_000 + i * i % 977 * jitter).collect()
}

/// A file of what `writer` was given, without units.
fn file(writer: &mut TimesWriter) -> (tempfile::TempDir, FileEntry) {
    let dir = tempfile::tempdir().unwrap();
    let bytes = writer.take_pending();
    std::fs::write(dir.path().join("7.times"), &bytes).unwrap();
    (dir, FileEntry { path: "7.times".to_owned(), bytes: bytes.len() as u64, crc32: 0, tail: None })
}

fn open((dir, entry): &(tempfile::TempDir, FileEntry)) -> Times {
    Times::open(&dir.path().join(&entry.path), entry, None).unwrap()
}

#[test]
fn equal_vectors_are_kept_once() {
    let mut writer = TimesWriter::new(Effort::Much);
    let (one, other) = (times(480, 4019), times(480, 1));
    let places = [writer.place_times(&one), writer.place_times(&other), writer.place_times(&one.clone())];
    assert_eq!(places[0], MAGIC.len() as u64);
    assert_eq!(places[2], places[0]);
    assert_ne!(places[1], places[0]);
    let before = writer.end;
    assert_eq!(writer.place_starts(&vec![one[0]; 480], &one), before);
    assert!(writer.end < before + 24, "the same start at every point");
    let file = file(&mut writer);
    let mut times = open(&file);
    for _ in 0..2 {
        assert_eq!(*times.times(places[0], 480).unwrap(), *one);
        assert_eq!(*times.times(places[1], 480).unwrap(), *other);
        assert_eq!(*times.starts(before, &one).unwrap(), *vec![one[0]; 480]);
    }
}

#[test]
fn starts_of_delta_temporality_are_the_times_before() {
    let at = times(480, 4019);
    let starts: Vec<i64> = [at[0] - 5].into_iter().chain(at[..479].iter().copied()).collect();
    let mut writer = TimesWriter::new(Effort::Much);
    let place = writer.place_starts(&starts, &at);
    assert!(writer.end - place < 24);
    // Of other times with the same first start, the place is the same and the vector is not.
    let later = times(480, 1);
    let later_starts: Vec<i64> = [at[0] - 5].into_iter().chain(later[..479].iter().copied()).collect();
    assert_eq!(writer.place_starts(&later_starts, &later), place);
    let file = file(&mut writer);
    let mut times = open(&file);
    assert_eq!(*times.starts(place, &at).unwrap(), *starts);
    assert_eq!(*times.starts(place, &later).unwrap(), *later_starts);
}

#[test]
fn a_vector_that_looks_like_the_key_of_another_form_is_its_own() {
    let mut writer = TimesWriter::new(Effort::Much);
    let starts = writer.place_starts(&[7, 20, 30], &[20, 30, 40]);
    assert_ne!(writer.place_times(&[7]), starts);
}

#[test]
fn points_without_start_times_need_no_vector() {
    let mut writer = TimesWriter::new(Effort::Much);
    assert_eq!(writer.place_starts(&[0, 0], &[5, 6]), NO_STARTS);
    assert_eq!(
        writer.place_starts(&[0, 5], &[5, 6]),
        MAGIC.len() as u64,
        "the first is unknown, the second the time before"
    );
    let file = file(&mut writer);
    let mut times = open(&file);
    assert_eq!(*times.starts(NO_STARTS, &[5, 6]).unwrap(), [0, 0]);
    assert_eq!(*times.starts(MAGIC.len() as u64, &[5, 6]).unwrap(), [0, 5]);
}

#[test]
fn damage_is_named_with_file_and_place() {
    let mut writer = TimesWriter::new(Effort::Much);
    let at = times(480, 4019);
    let place = writer.place_times(&at);
    let file = file(&mut writer);
    let path = file.0.path().join("7.times");
    let whole = std::fs::read(&path).unwrap();
    for index in [place as usize, place as usize + 5, place as usize + 60] {
        let mut bytes = whole.clone();
        bytes[index] ^= 4;
        std::fs::write(&path, &bytes).unwrap();
        let error = open(&file).times(place, 480).unwrap_err().to_string();
        assert!(error.contains("7.times: record at 8: "), "{error}");
    }
    std::fs::write(&path, &whole).unwrap();
    let mut times = open(&file);
    for (place, n) in [(place + 1, 480), (u64::MAX, 480), (whole.len() as u64, 480), (0, 480), (place, 2048)] {
        assert!(times.times(place, n).is_err(), "{n} times at {place}");
    }
    std::fs::write(&path, &whole[..40]).unwrap();
    assert!(open(&file).times(place, 480).is_err());
    std::fs::remove_file(&path).unwrap();
    assert!(Times::open(&path, &file.1, None).is_err());
}
