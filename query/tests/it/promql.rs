//! PromQL by scripts in the language of Prometheus' own tests: `load` series, then `eval` queries against them.
//!
//! The project's scripts (`testdata/promql/*.test`) pass whole. Prometheus' scripts are no part of this repository; they
//! run where they are found, and `testdata/promql/prometheus.ratchet` says how many of their evals pass.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

mod compare;
mod limits;
mod metadata;
mod notation;
mod otlp;
mod run;
mod script;
mod spans;
mod target_info;

fn scripts_in(dir: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(dir) else { return Vec::new() };
    let mut scripts: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    scripts.retain(|path| path.extension().is_some_and(|extension| extension == "test"));
    scripts.sort();
    scripts
}

fn testdata() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/promql")
}

#[test]
fn own_scripts_pass_whole() {
    let scripts = scripts_in(&testdata());
    assert!(scripts.len() >= 8, "found {scripts:?}");
    let mut failures = Vec::new();
    for path in scripts {
        let outcome = run::run(&std::fs::read_to_string(&path).unwrap());
        assert!(outcome.n_evals > 0, "{} has no eval", path.display());
        failures.extend(outcome.failures.into_iter().map(|failure| format!("{}:{failure}", path.display())));
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// Prometheus' scripts: in `promql/` below `HAECHI_TESTDATA`, or of `../shared/testdata` beside the workspace.
fn prometheus_scripts() -> Vec<PathBuf> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/testdata");
    let root = std::env::var_os("HAECHI_TESTDATA").map_or_else(beside, PathBuf::from);
    scripts_in(&root.join("promql"))
}

#[test]
fn prometheus_scripts_pass_as_recorded() {
    let scripts = prometheus_scripts();
    if scripts.is_empty() {
        println!("skipped: Prometheus' scripts are not here");
        return;
    }
    let ratchet = std::fs::read_to_string(testdata().join("prometheus.ratchet")).unwrap();
    let recorded: BTreeMap<&str, &str> = ratchet
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with(['#', ' ']))
        .map(|line| line.split_once(' ').unwrap())
        .collect();
    let mut different = Vec::new();
    for path in scripts {
        let outcome = run::run(&std::fs::read_to_string(&path).unwrap());
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let passed = format!("{}/{}", outcome.n_evals - outcome.failures.len(), outcome.n_evals);
        println!("{name} {passed}");
        outcome.failures.iter().for_each(|failure| println!("  {name}:{failure}"));
        if recorded.get(name.as_str()) != Some(&passed.as_str()) {
            different.push(format!("{name} {passed}, recorded {:?}", recorded.get(name.as_str())));
        }
    }
    assert!(different.is_empty(), "prometheus.ratchet is to be changed if this is an improvement: {different:#?}");
}

#[test]
fn a_wrong_expectation_fails() {
    let load = "load 1m\n  x{a=\"1\"} 1 2\n  h {{count:1 sum:2 buckets:[1]}}\n\n";
    let wrong = [
        "eval instant at 1m x\n  x{a=\"1\"} 3",
        "eval instant at 1m x\n  x{a=\"2\"} 2",
        "eval instant at 1m x",
        "eval instant at 1m nothing\n  x 1",
        "eval instant at 1m x\n  expect fail",
        "eval instant at 1m x\n  expect warn\n  x{a=\"1\"} 2",
        "eval instant at 0 h\n  h {{count:1 sum:2 buckets:[2]}}",
        "eval range from 0 to 1m step 1m x\n  x{a=\"1\"} 1",
        "eval instant at 0 rate(x)\n  expect fail msg: something else",
        "eval instant at 0 quantile(2, x)\n  expect no_warn\n  {} Inf",
    ];
    for eval in wrong {
        assert_eq!(run::run(&format!("{load}{eval}\n")).failures.len(), 1, "{eval}");
    }
}
