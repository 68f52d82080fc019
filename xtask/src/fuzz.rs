//! The fuzz targets of `fuzz/`, built with the coverage instrumentation of libFuzzer and run side by side.
//!
//! The stable compiler has all that it takes, so neither a nightly one nor cargo-fuzz is needed; both work too.

use std::path::PathBuf;
use std::{env, fs};

use crate::root;
use crate::step::{Step, cargo};

const TARGETS: [&str; 4] = ["otlp_protobuf", "otlp_json", "remote_write", "compressed"];

/// What cargo-fuzz passes for `--sanitizer none`: the crates forbid unsafe code, so an address sanitizer has little to see.
const FLAGS: [&str; 6] = [
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "--cfg=fuzzing",
];

pub(crate) fn run(args: &[String]) -> Result<(), String> {
    let [target, rest @ ..] = args else { return Err(format!("fuzz needs one of {}", TARGETS.join(", "))) };
    if !TARGETS.contains(&target.as_str()) {
        return Err(format!("fuzz knows {}, not {target:?}", TARGETS.join(", ")));
    }
    let minutes: u64 = match rest {
        [] => 10,
        [minutes] => minutes.parse().map_err(|_| format!("minutes must be a number, not {minutes:?}"))?,
        [_, more, ..] => return Err(format!("fuzz takes a target and minutes, and no {more:?}")),
    };
    let target_dir = env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from).join("fuzz");
    let mut build = cargo();
    build.args(["build", "--release", "--manifest-path", "fuzz/Cargo.toml", "--bin", target]);
    // With a triple, build scripts and macros are spared the instrumentation.
    build.args(["--target", &host()?]).env("CARGO_TARGET_DIR", &target_dir).env("RUSTFLAGS", FLAGS.join(" "));
    Step::new("instrumented build", &mut build).run()?;

    let corpus = target_dir.join("corpus").join(target);
    let artifacts = target_dir.join("artifacts").join(target);
    for folder in [&corpus, &artifacts] {
        fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    }
    let mut fuzzer = std::process::Command::new(target_dir.join(host()?).join("release").join(target));
    fuzzer.arg(&corpus);
    let regressions = root().join("fuzz/regressions").join(target);
    if regressions.is_dir() {
        fuzzer.arg(regressions);
    }
    fuzzer.arg(format!("-max_total_time={}", minutes * 60)).arg(format!("-artifact_prefix={}/", artifacts.display()));
    fuzzer.args(["-max_len=16384", "-timeout=10", "-rss_limit_mb=2048", "-print_final_stats=1"]);
    Step::new(target, &mut fuzzer).run()
}

/// The triple of this machine, as the compiler names it.
fn host() -> Result<String, String> {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let version = std::process::Command::new(rustc).arg("-vV").output().map_err(|error| format!("rustc: {error}"))?;
    let text = String::from_utf8_lossy(&version.stdout);
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).ok_or_else(|| "rustc -vV names no host".to_owned())
}
