//! Bundles the web assets and writes the list that `src/assets.rs` embeds.
//!
//! `web/dist` is taken as it is when it is newer than every source (a container build makes it in a stage of its own);
//! else `web/build.mjs` runs with Node into `OUT_DIR`, after `npm ci` when `web/node_modules` is absent.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, exit};
use std::time::SystemTime;
use std::{env, fs};

const SOURCES: [&str; 5] = ["src", "styles", "package.json", "package-lock.json", "build.mjs"];

fn main() {
    let web = Path::new(&variable("CARGO_MANIFEST_DIR")).join("web");
    let out = PathBuf::from(variable("OUT_DIR"));
    for source in SOURCES {
        println!("cargo::rerun-if-changed={}", web.join(source).display());
    }

    let dist = web.join("dist");
    let bundle = if is_fresh(&dist, &web) {
        println!("cargo::rerun-if-changed={}", dist.display());
        dist
    } else {
        let bundle = out.join("web");
        build(&web, &bundle);
        bundle
    };
    write_list(&bundle, &out.join("assets.rs"));
}

fn variable(name: &str) -> String {
    env::var(name).unwrap_or_else(|_| fail(&format!("{name} is not set: this script is run by cargo")))
}

#[expect(clippy::print_stderr, reason = "cargo shows what a failed build script wrote there")]
fn fail(message: &str) -> ! {
    eprintln!("\nui: {message}\n");
    exit(1)
}

/// Whether `dist` holds a bundle that is newer than all sources.
fn is_fresh(dist: &Path, web: &Path) -> bool {
    let Some(built) = modified(&dist.join("manifest.tsv")) else { return false };
    SOURCES.iter().all(|source| newest(&web.join(source)).is_some_and(|changed| changed <= built))
}

fn modified(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).ok()?.modified().ok()
}

fn newest(path: &Path) -> Option<SystemTime> {
    let mut newest_time = modified(path)?;
    if path.is_dir() {
        for entry in fs::read_dir(path).ok()? {
            newest_time = newest_time.max(newest(&entry.ok()?.path())?);
        }
    }
    Some(newest_time)
}

fn build(web: &Path, bundle: &Path) {
    if !web.join("node_modules/esbuild").is_dir() {
        run(Command::new("npm").args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]).current_dir(web), "npm ci");
    }
    run(Command::new("node").arg("build.mjs").arg(bundle).current_dir(web), "node build.mjs");
}

fn run(command: &mut Command, what: &str) {
    match command.status() {
        Ok(status) if status.success() => {}
        Ok(status) => fail(&format!("`{what}` in ui/web ended with {status}; its output is above")),
        Err(error) => fail(&format!(
            "cannot run `{what}` in ui/web: {error}. The web assets are bundled with Node 20 or newer and npm: install \
             them, or run `npm ci --ignore-scripts && npm run build` in ui/web elsewhere and copy ui/web/dist here"
        )),
    }
}

/// Writes the expression that lists every asset of the bundle's manifest with its bytes.
fn write_list(bundle: &Path, list: &Path) {
    let manifest = bundle.join("manifest.tsv");
    let text = fs::read_to_string(&manifest)
        .unwrap_or_else(|error| fail(&format!("cannot read {}: {error}", manifest.display())));
    let mut rust = String::from("&[\n");
    for line in text.lines() {
        let fields: Vec<&str> = line.split('\t').collect();
        let [logical, file, content_type, encoding] = fields[..] else {
            fail(&format!("{} has a line that is not four fields: {line:?}", manifest.display()));
        };
        let body = bundle.join(file);
        let gzip = match encoding {
            "gzip" => format!("Some(include_bytes!({:?}))", bundle.join(format!("{file}.gz"))),
            _ => "None".to_owned(),
        };
        writeln!(
            rust,
            "Asset {{ name: {logical:?}, file: {file:?}, content_type: {content_type:?}, body: include_bytes!({body:?}), gzip: {gzip} }},"
        )
        .expect("writing to a String cannot fail");
    }
    rust.push_str("]\n");
    fs::write(list, rust).unwrap_or_else(|error| fail(&format!("cannot write {}: {error}", list.display())));
}
