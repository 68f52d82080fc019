//! Writes the sample of the current format that tests keep for ever, and what is in it:
//! `cargo run -p store --example format_sample -- store/testdata/formats/vN`.

#![expect(clippy::unwrap_used, reason = "a tool of the developers, run by hand")]

#[path = "../tests/it/dump.rs"]
mod dump;
#[path = "../tests/it/sample.rs"]
mod sample;

use std::path::PathBuf;

fn main() {
    let folder = PathBuf::from(std::env::args().nth(1).expect("the folder to write the sample to"));
    let data = folder.join("data");
    assert!(!data.exists(), "{} is there: a kept sample is never written again", data.display());
    std::fs::create_dir_all(&data).unwrap();
    sample::write(&data, |_| {});
    let copy = tempfile::tempdir().unwrap();
    sample::write(copy.path(), |_| {});
    let (store, _) = sample::open(copy.path());
    let dump = dump::Dump::of(&store.snapshot());
    assert_eq!(dump.errors, Vec::<String>::new());
    std::fs::write(folder.join("rows.txt"), dump.rows.join("\n") + "\n").unwrap();
}
