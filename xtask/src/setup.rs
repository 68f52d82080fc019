//! Installs what the tests need beyond a Rust toolchain: the packages of the pages, and a browser.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::root;
use crate::step::{Step, cargo};

/// Where Debian and Ubuntu put it, and where the browser test looks.
pub(crate) const CHROMIUM: &str = "/usr/bin/chromium";

/// Installs everything. What could not be installed and only leaves a test out comes back in words.
pub(crate) fn all() -> Result<Vec<String>, String> {
    check_node()?;
    node_modules("ui/web")?;
    Ok(browser().err().map(|why| format!("the browser test was left out: {why}")).into_iter().collect())
}

pub(crate) fn npm() -> Command {
    Command::new("npm")
}

pub(crate) fn has_nextest() -> bool {
    succeeds(cargo().args(["nextest", "--version"]))
}

fn succeeds(command: &mut Command) -> bool {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

pub(crate) fn check_node() -> Result<(), String> {
    const NEED: &str = "Node.js 20 or newer with npm bundles the pages' scripts";
    let output = Command::new("node").arg("--version").output().map_err(|error| format!("{NEED}; node: {error}"))?;
    let version = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    let major = version.trim_start_matches('v').split('.').next().and_then(|it| it.parse::<u32>().ok());
    match major {
        Some(20..) if succeeds(npm().arg("--version")) => Ok(()),
        Some(20..) => Err(format!("{NEED}; npm is not installed")),
        _ => Err(format!("{NEED}; node is {version:?}")),
    }
}

/// `npm ci` in `folder`, named from the root, unless the packages there are those of the lock file.
pub(crate) fn node_modules(folder: &str) -> Result<(), String> {
    let path = root().join(folder);
    let modified = |file: &str| path.join(file).metadata().and_then(|it| it.modified()).ok();
    let installed = modified("node_modules/.package-lock.json");
    if installed.is_some() && installed >= modified("package-lock.json") {
        return Ok(());
    }
    let args = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
    Step::new(&format!("packages of {folder}"), npm().args(args).current_dir(&path)).run()
}

/// Chromium by apt-get, where that is there and allowed. An error says why there is none; what needs it may be left out.
pub(crate) fn browser() -> Result<(), String> {
    if Path::new(CHROMIUM).exists() {
        return Ok(());
    }
    let note = |why: &str| format!("{CHROMIUM} is missing and {why}");
    if !succeeds(Command::new("apt-get").arg("--version")) {
        return Err(note("there is no apt-get here; install Chromium by hand"));
    }
    let is_root = Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout == b"0\n");
    if !is_root && !succeeds(Command::new("sudo").args(["-n", "true"])) {
        return Err(note("installing it needs root: sudo apt-get install chromium"));
    }
    let apt = |args: &[&str]| {
        let mut command = if is_root { Command::new("apt-get") } else { Command::new("sudo") };
        if !is_root {
            command.args(["-n", "apt-get"]);
        }
        command.args(args).env("DEBIAN_FRONTEND", "noninteractive");
        command
    };
    let install = ["install", "--yes", "--no-install-recommends", "chromium"];
    Step::new("package lists", &mut apt(&["update", "--quiet"]))
        .run()
        .and_then(|()| Step::new("chromium", &mut apt(&install)).run())
        .map_err(|error| note(&error))?;
    if Path::new(CHROMIUM).exists() { Ok(()) } else { Err(note("the package chromium does not bring it")) }
}
