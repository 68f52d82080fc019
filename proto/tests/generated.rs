//! Holds `src/gen` to the contracts: what the generator makes of the `.proto` files is what is committed.
//! `HAECHI_BLESS=1 cargo test -p proto` rewrites the committed code after a contract has changed.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

const CONTRACTS: &[&str] = &["boxoffice/payment/v1/payment.proto"];

#[test]
fn generated_code_matches_the_contracts() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let committed_folder = root.join("src/gen");
    let fresh_folder = tempfile::tempdir().expect("a temporary folder");
    let descriptors = protox::compile(CONTRACTS, [root]).expect("contracts compile");
    tonic_prost_build::configure()
        .out_dir(fresh_folder.path())
        .build_transport(false)
        .compile_fds(descriptors)
        .expect("code is generated");

    let fresh = rust_files(fresh_folder.path());
    assert!(!fresh.is_empty(), "the generator wrote no file");
    if std::env::var_os("HAECHI_BLESS").is_some_and(|value| value == "1") {
        for name in rust_files(&committed_folder).into_keys().filter(|name| !fresh.contains_key(name)) {
            fs::remove_file(committed_folder.join(name)).expect("stale code is removed");
        }
        for (name, code) in &fresh {
            fs::write(committed_folder.join(name), code).expect("fresh code is written");
        }
    }

    let committed = rust_files(&committed_folder);
    assert_eq!(
        committed.keys().collect::<Vec<_>>(),
        fresh.keys().collect::<Vec<_>>(),
        "src/gen holds other files than the contracts ask for; HAECHI_BLESS=1 rewrites them"
    );
    for (name, code) in &fresh {
        assert!(
            committed[name] == *code,
            "src/gen/{name} is not what its contract generates; HAECHI_BLESS=1 rewrites it"
        );
    }
}

/// File name to content of every Rust file in a folder.
fn rust_files(folder: &Path) -> BTreeMap<String, String> {
    fs::read_dir(folder)
        .expect("a folder of generated code")
        .map(|entry| entry.expect("a folder entry"))
        .filter(|entry| entry.path().extension().is_some_and(|extension| extension == "rs"))
        .map(|entry| {
            let name = entry.file_name().into_string().expect("a UTF-8 file name");
            (name, fs::read_to_string(entry.path()).expect("a readable file"))
        })
        .collect()
}
