//! A start that cannot succeed says why in one sentence and exits with 1.

use std::fs;
use std::net::TcpListener;

use crate::process::{Haechi, run};

/// Standard error of a start that must fail.
fn failure(args: &[&str]) -> String {
    let output = run(args);
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{error}");
    error
}

const ANY: [&str; 6] = ["--otlp-grpc", "127.0.0.1:0", "--otlp-http", "127.0.0.1:0", "--ui", "127.0.0.1:0"];

#[test]
fn a_port_in_use_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let dir = tempfile::tempdir().unwrap();
    let args = ["serve", "--data-dir", dir.path().to_str().unwrap(), "--otlp-grpc", &address, "--ui", "127.0.0.1:0"];
    let error = failure(&args);
    assert!(error.contains(&address) && error.contains("in use") && error.contains("--otlp-grpc"), "{error}");
    assert_eq!(error.trim().lines().count(), 1, "{error}");
}

#[test]
fn a_directory_in_use_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let _running = Haechi::start(dir.path());
    let error = failure(&[&["serve", "--data-dir", dir.path().to_str().unwrap()][..], &ANY].concat());
    assert!(error.contains(dir.path().to_str().unwrap()) && error.contains("in use by another process"), "{error}");
}

#[test]
fn a_directory_that_cannot_be_written_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, "").unwrap();
    let inside = file.join("data");
    let error = failure(&[&["serve", "--data-dir", inside.to_str().unwrap()][..], &ANY].concat());
    assert!(error.contains(inside.to_str().unwrap()), "{error}");
}

#[test]
fn a_newer_format_is_refused_untouched() {
    let dir = tempfile::tempdir().unwrap();
    let record = br#"{"format":99}"#;
    let mut manifest = (record.len() as u32).to_le_bytes().to_vec();
    manifest.extend_from_slice(&crc32fast::hash(record).to_le_bytes());
    manifest.extend_from_slice(record);
    fs::write(dir.path().join("manifest"), &manifest).unwrap();
    let error = failure(&[&["serve", "--data-dir", dir.path().to_str().unwrap()][..], &ANY].concat());
    assert!(error.contains("format version 99"), "{error}");
    assert_eq!(fs::read(dir.path().join("manifest")).unwrap(), manifest);
}

#[test]
fn a_bad_configuration_names_file_line_and_key() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("haechi.yaml");
    fs::write(&file, "# the box\nretenshun: 3d\n").unwrap();
    let error = failure(&["serve", "--config", file.to_str().unwrap()]);
    assert!(error.contains("haechi.yaml:2") && error.contains("retenshun") && error.contains("allowed"), "{error}");
}

#[test]
fn a_folder_of_slos_that_is_not_there_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let (data, slos) = (dir.path().join("data"), dir.path().join("sloes"));
    let args = ["serve", "--data-dir", data.to_str().unwrap(), "--slos", slos.to_str().unwrap()];
    let error = failure(&[&args[..], &ANY].concat());
    assert!(error.contains("--slos") && error.contains("sloes") && error.contains("is not a folder"), "{error}");
}

#[test]
fn a_bad_slo_file_names_file_line_and_key() {
    let dir = tempfile::tempdir().unwrap();
    let slos = dir.path().join("slos");
    fs::create_dir(&slos).unwrap();
    fs::write(slos.join("bad.yaml"), "name: a\nservice: b\nobjective: 120\nwindow: 30d\nindicator: availability\n")
        .unwrap();
    let data = dir.path().join("data");
    let args = ["serve", "--data-dir", data.to_str().unwrap(), "--slos", slos.to_str().unwrap()];
    let error = failure(&[&args[..], &ANY].concat());
    assert!(error.contains("bad.yaml:3") && error.contains("objective"), "{error}");
}
