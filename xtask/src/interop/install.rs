//! What the senders need: packages from their registries, each version pinned, and the binary of the box.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Sender, Variant, setup};
use crate::root;
use crate::step::{Step, cargo};

/// Where things were installed.
pub(super) struct Installed {
    /// The virtual environment of Python.
    pub(super) python: PathBuf,
    /// The binary of the sender in Rust.
    pub(super) rust: PathBuf,
}

/// Installs what `variants` need and is not there.
pub(super) fn all(variants: &[&Variant]) -> Result<Installed, String> {
    let target = target().join("interop");
    let installed = Installed { python: target.join("python"), rust: target.join("rust/debug/interop") };
    let needs = |senders: &[Sender]| variants.iter().any(|variant| senders.contains(&variant.sender));
    setup::check_node()?;
    if needs(&[Sender::Python, Sender::Flask]) {
        python(&installed.python)?;
    }
    if needs(&[Sender::Node, Sender::Express]) {
        setup::node_modules("interop/node")?;
    }
    if needs(&[Sender::Web]) {
        for folder in ["interop/web", "interop/web/sdk2", "interop/web/sdk3"] {
            setup::node_modules(folder)?;
        }
    }
    if needs(&[Sender::Rust]) {
        let mut build = cargo();
        build.args(["build", "--quiet", "--manifest-path", "interop/rust/Cargo.toml"]);
        Step::new("the sender in Rust", build.env("CARGO_TARGET_DIR", target.join("rust"))).run()?;
    }
    Ok(installed)
}

/// Chromium for the page: that of `CHROMIUM`, or the one that the browser test has. An error says why there is none.
pub(super) fn browser() -> Result<(), String> {
    match env::var_os("CHROMIUM").map(PathBuf::from) {
        Some(path) if path.exists() => Ok(()),
        Some(path) => Err(format!("CHROMIUM is {}, which is not there", path.display())),
        None => setup::browser(),
    }
}

/// The binary of the box: that of `HAECHI_BIN`, or a debug build.
pub(super) fn haechi() -> Result<PathBuf, String> {
    if let Some(binary) = env::var_os("HAECHI_BIN") {
        return Ok(binary.into());
    }
    Step::new("the box", cargo().args(["build", "--package", "haechi"])).run()?;
    Ok(target().join("debug/haechi"))
}

fn target() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// A virtual environment with the packages of `requirements.txt`, unless it has them: a copy of that file says so.
fn python(folder: &Path) -> Result<(), String> {
    let requirements = root().join("interop/python/requirements.txt");
    let wanted = fs::read(&requirements).map_err(|error| format!("{}: {error}", requirements.display()))?;
    let copy = folder.join("requirements.txt");
    if fs::read(&copy).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    Step::new("environment of Python", Command::new("python3").args(["-m", "venv", "--clear"]).arg(folder)).run()?;
    let mut pip = Command::new(folder.join("bin/pip"));
    pip.args(["install", "--quiet", "--disable-pip-version-check", "--no-deps", "--requirement"]).arg(&requirements);
    Step::new("packages of Python", &mut pip).run()?;
    fs::write(&copy, wanted).map_err(|error| format!("{}: {error}", copy.display()))
}
