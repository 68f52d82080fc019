//! Compiles the preloaded library with the C compiler that links every Rust program here.

use std::path::PathBuf;
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=src/preload.c");
    println!("cargo::rerun-if-env-changed=CC");
    let compiler = std::env::var_os("CC").unwrap_or_else(|| "cc".into());
    let library = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo sets it")).join("libfaults.so");
    let mut command = Command::new(&compiler);
    command.args(["-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror", "src/preload.c", "-o"]).arg(&library);
    let status = command.arg("-pthread").status();
    assert!(
        status.as_ref().is_ok_and(|status| status.success()),
        "{compiler:?} cannot compile faults/src/preload.c: {status:?}; a C compiler and the C library's headers are needed"
    );
    println!("cargo::rustc-env=FAULTS_LIBRARY={}", library.display());
}
