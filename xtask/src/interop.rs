//! `cargo xtask interop`: OpenTelemetry SDKs from their registries send to a box, and everything must come back.
//!
//! The senders and the checker are in `interop/`; docs/interop.md says what they do.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::root;
use crate::setup;
use crate::step::Step;

mod install;
mod running;

use running::Running;

/// A sender as one of its SDK's exporters has it. The name is that of the service, after `interop-`.
struct Variant {
    name: &'static str,
    sender: Sender,
    /// As `OTEL_EXPORTER_OTLP_PROTOCOL` names it.
    protocol: &'static str,
    compression: &'static str,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Sender {
    Python,
    Flask,
    Node,
    Express,
    Rust,
    /// All variants of the page in one run of the browser.
    Web,
}

const fn variant(name: &'static str, sender: Sender, protocol: &'static str, compression: &'static str) -> Variant {
    Variant { name, sender, protocol, compression }
}

const GRPC: &str = "grpc";
const PROTOBUF: &str = "http/protobuf";
const JSON: &str = "http/json";

const VARIANTS: [Variant; 20] = [
    variant("python-grpc", Sender::Python, GRPC, "none"),
    variant("python-grpc-gzip", Sender::Python, GRPC, "gzip"),
    variant("python-grpc-deflate", Sender::Python, GRPC, "deflate"),
    variant("python-http", Sender::Python, PROTOBUF, "none"),
    variant("python-http-gzip", Sender::Python, PROTOBUF, "gzip"),
    variant("python-http-deflate", Sender::Python, PROTOBUF, "deflate"),
    variant("python-flask", Sender::Flask, PROTOBUF, "gzip"),
    variant("python-flask-grpc", Sender::Flask, GRPC, "gzip"),
    variant("node-grpc", Sender::Node, GRPC, "none"),
    variant("node-grpc-gzip", Sender::Node, GRPC, "gzip"),
    variant("node-protobuf", Sender::Node, PROTOBUF, "none"),
    variant("node-protobuf-gzip", Sender::Node, PROTOBUF, "gzip"),
    variant("node-json", Sender::Node, JSON, "none"),
    variant("node-json-gzip", Sender::Node, JSON, "gzip"),
    variant("node-express", Sender::Express, PROTOBUF, "none"),
    variant("node-express-json", Sender::Express, JSON, "gzip"),
    variant("rust-grpc-gzip", Sender::Rust, GRPC, "gzip"),
    variant("rust-protobuf", Sender::Rust, PROTOBUF, "none"),
    variant("rust-json", Sender::Rust, JSON, "none"),
    variant("web", Sender::Web, JSON, "none"),
];

/// The longest that one sender, or the checker, may run. Each needs a few seconds.
const LIMIT: Duration = Duration::from_secs(180);

/// Runs the variants that `names` begin, all of them without names, and the checker. Without Chromium, what needs it is left out
/// and fails.
pub(crate) fn run(names: &[String]) -> Result<(), String> {
    let started = Instant::now();
    let mut chosen = chosen(names)?;
    let mut failures = Vec::new();
    if chosen.iter().any(|variant| variant.sender == Sender::Web) {
        failures.extend(install::browser().err().map(|why| format!("web was left out: {why}")));
    }
    if !failures.is_empty() {
        chosen.retain(|variant| variant.sender != Sender::Web);
    }
    if chosen.is_empty() {
        return Err(failures.concat());
    }
    let installed = install::all(&chosen)?;
    let binary = install::haechi()?;
    let folder = std::env::temp_dir().join(format!("haechi-interop-{}", std::process::id()));
    let manifests = folder.join("manifests");
    fs::create_dir_all(&manifests).map_err(|error| format!("{}: {error}", manifests.display()))?;
    let running = Running::start(&binary, &folder)?;

    for variant in &chosen {
        let mut command = command(variant, &installed, &running, &manifests);
        failures.extend(Step::new(variant.name, &mut command).within(LIMIT).run().err());
    }
    let mut check = Command::new("node");
    check.arg("check.mjs").arg(&running.ui).args(written(&manifests)?).current_dir(root().join("interop"));
    failures.extend(Step::new("what came back", &mut check).within(LIMIT).run().err());
    drop(running);
    if failures.is_empty() {
        println!("{} variants in {:.0} s", chosen.len(), started.elapsed().as_secs_f64());
        return fs::remove_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()));
    }
    Err(format!("{}\nmanifests and data are in {}", failures.join("\n"), folder.display()))
}

fn chosen(names: &[String]) -> Result<Vec<&'static Variant>, String> {
    for name in names {
        if !VARIANTS.iter().any(|variant| variant.name.starts_with(name.as_str())) {
            let all = VARIANTS.map(|variant| variant.name).join(", ");
            return Err(format!("interop knows {all} and how they begin, not {name:?}"));
        }
    }
    let is_chosen = |it: &&Variant| names.is_empty() || names.iter().any(|name| it.name.starts_with(name.as_str()));
    Ok(VARIANTS.iter().filter(is_chosen).collect())
}

/// The command that sends as `variant` does.
fn command(variant: &Variant, installed: &install::Installed, running: &Running, manifests: &Path) -> Command {
    let Variant { name, protocol, compression, .. } = *variant;
    let endpoint = if protocol == GRPC { &running.otlp_grpc } else { &running.otlp_http };
    let manifest = manifests.join(format!("{name}.json"));
    let folder = |name: &str| root().join("interop").join(name);
    let python = installed.python.join("bin");
    let mut command = match variant.sender {
        Sender::Python => Command::new(python.join("python")),
        Sender::Flask => Command::new(python.join("opentelemetry-instrument")),
        Sender::Node | Sender::Express | Sender::Web => Command::new("node"),
        Sender::Rust => Command::new(&installed.rust),
    };
    // What is set for other programs of this machine would set up the SDKs otherwise.
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("OTEL_")) {
        command.env_remove(name);
    }
    match variant.sender {
        // The SDK's own notices of what it will rename are none of ours.
        Sender::Python => command.args(["-W", "ignore", "send.py"]).current_dir(folder("python")),
        Sender::Flask => command.arg(python.join("python")).arg("flask_app.py").current_dir(folder("python")),
        Sender::Node => command.arg("send.mjs").current_dir(folder("node")),
        Sender::Express => command
            .args(["--require", "@opentelemetry/auto-instrumentations-node/register", "express_app.cjs"])
            .current_dir(folder("node")),
        Sender::Web => command.arg("run.mjs").current_dir(folder("web")),
        Sender::Rust => &mut command,
    };
    match variant.sender {
        Sender::Python | Sender::Node | Sender::Rust => {
            command.args([name, protocol, compression, endpoint]).arg(manifest)
        }
        Sender::Flask | Sender::Express => command.arg(name).arg(manifest).envs([
            ("OTEL_SERVICE_NAME", format!("interop-{name}").as_str()),
            ("OTEL_TRACES_EXPORTER", "otlp"),
            ("OTEL_METRICS_EXPORTER", "otlp"),
            ("OTEL_LOGS_EXPORTER", "otlp"),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", protocol),
            ("OTEL_EXPORTER_OTLP_COMPRESSION", compression),
            // Only what is on this machine: the detectors of clouds wait for answers that do not come.
            ("OTEL_NODE_RESOURCE_DETECTORS", "env,host,os,process"),
            ("OTEL_SEMCONV_STABILITY_OPT_IN", "http"),
        ]),
        Sender::Web => command.arg(endpoint).arg(manifests),
    };
    command
}

/// The manifests that senders wrote, in the order of their names.
fn written(manifests: &Path) -> Result<Vec<PathBuf>, String> {
    let entries = fs::read_dir(manifests).map_err(|error| format!("{}: {error}", manifests.display()))?;
    let mut files: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    files.sort();
    if files.is_empty() { Err("no sender wrote a manifest".to_owned()) } else { Ok(files) }
}
