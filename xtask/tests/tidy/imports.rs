//! Dependencies point one way, and each technology has its home.

use std::collections::{BTreeMap, BTreeSet};

use crate::tree::{files, read};

/// Which crates of ours each crate may import. Adding a pair is an architecture change: edit ARCHITECTURE.md in the same
/// commit.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("proto", &[]),
    ("slo", &["model"]),
    ("store", &["model"]),
    ("collector", &["proto", "store", "model"]),
    ("query", &["store", "model"]),
    ("sql", &["store", "model"]),
    ("ui", &["query", "slo", "model"]),
    ("haechi", &["collector", "demo-services", "model", "query", "slo", "sql", "store", "ui"]),
    ("demo-services", &["proto"]),
    ("faults", &[]),
    ("conformance", &[]),
    ("xtask", &[]),
];

/// What tests of a crate may import besides: `ui` shows the rows of a real store, what writes files is put to the test by
/// disks that fail, and what receives OTLP by the rules of OTLP.
const TESTS_MAY_IMPORT: &[(&str, &[&str])] =
    &[("ui", &["store"]), ("store", &["faults"]), ("haechi", &["faults", "conformance"])];

/// Outside technology that only these crates know. Tests may know more: they play the part of users.
const CONFINED: &[(&str, &[&str])] = &[
    ("arrow", &["store", "query", "sql"]),
    ("askama", &["ui"]),
    ("clap", &["haechi"]),
    ("datafusion", &["sql"]),
    ("lettre", &["haechi"]),
    ("minijinja", &["haechi"]),
    ("opentelemetry", &["demo-services"]),
    ("opentelemetry-otlp", &["demo-services"]),
    ("opentelemetry_sdk", &["demo-services"]),
    ("parquet", &["store"]),
    ("pco", &["store"]),
    ("promql-parser", &["query"]),
    ("reqwest", &["haechi", "demo-services"]),
    ("rusqlite", &["demo-services"]),
    // Not `model`: core types are no contract. Each edge has wire structures of its own.
    ("serde", &["slo", "store", "query", "ui", "collector", "haechi", "demo-services"]),
    ("tantivy", &["store"]),
    ("tikv-jemallocator", &["haechi"]),
    ("tonic", &["collector", "proto", "demo-services"]),
];

/// Crates of which two versions in one binary would not understand each other.
const ONE_VERSION: [&str; 9] =
    ["arrow", "axum", "http", "hyper", "opentelemetry", "parquet", "prost", "tokio", "tonic"];

fn manifest(name: &str) -> toml::Table {
    read(&format!("{name}/Cargo.toml")).parse().unwrap()
}

fn dependencies(manifest: &toml::Table, kind: &str) -> BTreeSet<String> {
    let table = manifest.get(kind).and_then(toml::Value::as_table);
    table.map(|table| table.keys().cloned().collect()).unwrap_or_default()
}

#[test]
fn every_member_of_the_workspace_has_its_row() {
    let workspace: toml::Table = read("Cargo.toml").parse().unwrap();
    let members = workspace["workspace"]["members"].as_array().unwrap();
    let members: BTreeSet<&str> = members.iter().map(|member| member.as_str().unwrap()).collect();
    assert_eq!(members, MAY_IMPORT.iter().map(|(name, _)| *name).collect());
}

#[test]
fn dependencies_point_one_way() {
    let names: BTreeSet<&str> = MAY_IMPORT.iter().map(|(name, _)| *name).collect();
    for (name, allowed) in MAY_IMPORT {
        let manifest = manifest(name);
        for kind in ["dependencies", "dev-dependencies", "build-dependencies"] {
            for dependency in dependencies(&manifest, kind) {
                let dependency = dependency.as_str();
                let in_tests = TESTS_MAY_IMPORT.iter().any(|(crate_name, allowed)| {
                    crate_name == name && kind == "dev-dependencies" && allowed.contains(&dependency)
                });
                assert!(
                    !names.contains(dependency) || allowed.contains(&dependency) || in_tests,
                    "{name} must not import {dependency} ({kind}): see ARCHITECTURE.md"
                );
            }
        }
    }
}

#[test]
fn each_technology_stays_in_its_home() {
    for (name, _) in MAY_IMPORT {
        for dependency in dependencies(&manifest(name), "dependencies") {
            for (technology, homes) in CONFINED {
                assert!(dependency != *technology || homes.contains(name), "{name} must not know {technology}");
            }
        }
    }
}

#[test]
fn versions_are_chosen_in_one_place() {
    for (name, _) in MAY_IMPORT {
        let manifest = manifest(name);
        for kind in ["dependencies", "build-dependencies"] {
            let table = manifest.get(kind).and_then(toml::Value::as_table);
            for (dependency, value) in table.into_iter().flatten() {
                let inherited = value.get("workspace").and_then(toml::Value::as_bool) == Some(true);
                assert!(inherited, "{name}: {dependency} must take its version from the root Cargo.toml");
            }
        }
    }
}

#[test]
fn there_is_one_version_of_what_crosses_crates() {
    let lock: toml::Table = read("Cargo.lock").parse().unwrap();
    let mut versions: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for package in lock["package"].as_array().unwrap() {
        versions.entry(package["name"].as_str().unwrap()).or_default().insert(package["version"].as_str().unwrap());
    }
    for name in ONE_VERSION {
        assert_eq!(versions.get(name).map(BTreeSet::len), Some(1), "{name}: {:?}", versions.get(name));
    }
}

/// `cargo` holds the names in manifests; this holds what needs no manifest.
#[test]
fn the_environment_is_read_at_the_top_only() {
    let words = ["env::var(", "env::var_os(", "env::vars(", "env::args("];
    for file in files(&[".rs"]) {
        let top =
            ["haechi/", "xtask/", "conformance/src/main.rs", "interop/"].iter().any(|folder| file.starts_with(folder));
        let aside = ["/build.rs", "/tests/", "/benches/", "/examples/", "tests.rs"].iter().any(|it| file.contains(it));
        if top || aside {
            continue;
        }
        let text = read(&file);
        for word in words {
            assert!(!text.contains(word), "{file} has {word}…): pass the value in");
        }
    }
}
