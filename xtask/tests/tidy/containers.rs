//! The container files, parsed and held to the binary: no container engine is at hand to run them.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use crate::tree::{read, root};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Compose {
    name: String,
    services: BTreeMap<String, Service>,
    volumes: BTreeMap<String, Option<Volume>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Volume {}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Service {
    image: String,
    build: Option<String>,
    command: Vec<String>,
    #[serde(default)]
    ports: Vec<String>,
    #[serde(default)]
    volumes: Vec<String>,
    #[serde(default)]
    depends_on: BTreeMap<String, Dependency>,
    healthcheck: Option<HealthCheck>,
    restart: Option<String>,
    stop_grace_period: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Dependency {
    condition: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "their being there is the test")]
struct HealthCheck {
    test: Vec<String>,
    interval: String,
    timeout: String,
    retries: u32,
    start_period: String,
}

fn compose() -> Compose {
    serde_saphyr::from_str(&read("docker-compose.yml")).unwrap_or_else(|error| panic!("docker-compose.yml: {error}"))
}

/// The names of the demo's services, from the match that writes them.
fn demo_services() -> BTreeSet<String> {
    let text = read("demo-services/src/name.rs");
    let lines = text.lines().filter_map(|line| line.trim().strip_prefix("Self::")?.split_once(" => \""));
    lines.map(|(_, name)| name.trim_end_matches(['"', ',']).to_owned()).collect()
}

#[test]
fn the_box_and_every_demo_service_have_a_container() {
    let compose = compose();
    assert_eq!(compose.name, "haechi");
    let expected: BTreeSet<String> = demo_services().into_iter().chain(["haechi".to_owned()]).collect();
    assert_eq!(compose.services.keys().cloned().collect::<BTreeSet<_>>(), expected);
    let built: Vec<_> = compose.services.values().filter(|service| service.build.is_some()).collect();
    assert_eq!(built.len(), 1, "one service builds the image, the others use it");
    assert!(compose.services.values().all(|service| service.image == built[0].image));
}

#[test]
fn commands_are_those_of_the_binary() {
    let compose = compose();
    let cli = read("haechi/src/cli.rs");
    let settings = read("haechi/src/config/settings.rs");
    let keys = read("demo-services/src/config.rs");
    for (name, service) in &compose.services {
        let (subcommand, arguments) = service.command.split_first().unwrap();
        assert!(cli.contains(&format!("Command::new(\"{subcommand}\")")), "{name}: haechi has no command {subcommand}");
        match subcommand.as_str() {
            "serve" => {
                for flag in arguments.iter().filter(|argument| argument.starts_with("--")) {
                    let key = flag.trim_start_matches("--").split('=').next().unwrap().replace('-', "_");
                    assert!(settings.contains(&format!("key: \"{key}\"")), "{name}: haechi serve has no flag {flag}");
                }
            }
            "demo-service" => {
                let (service, settings) = arguments.split_first().unwrap();
                assert_eq!(service, name, "a container is named for its service");
                for setting in settings {
                    let (key, value) =
                        setting.split_once('=').unwrap_or_else(|| panic!("{name}: {setting} has no value"));
                    let known = keys.contains(&format!("\"{key}\"")) || demo_services().contains(key);
                    assert!(known, "{name}: demo services have no setting {key}");
                    check_address(&compose, name, value);
                }
            }
            other => panic!("{name}: {other} is not for a container"),
        }
    }
}

/// A URL leads to a container, at a port that its command listens on.
fn check_address(compose: &Compose, name: &str, value: &str) {
    let Some(address) = value.strip_prefix("http://") else { return };
    let (host, port) = address.trim_end_matches('/').split_once(':').unwrap();
    let target = compose.services.get(host).unwrap_or_else(|| panic!("{name}: there is no container {host}"));
    let listens = target.command.iter().any(|argument| argument.ends_with(&format!("0.0.0.0:{port}")));
    assert!(listens, "{name}: container {host} does not listen on {port}");
}

#[test]
fn services_know_every_peer_and_the_box() {
    let compose = compose();
    let names = read("demo-services/src/name.rs");
    for (name, service) in compose.services.iter().filter(|(name, _)| *name != "haechi") {
        assert!(service.command.iter().any(|argument| argument == "otlp=http://haechi:4317"), "{name} sends nothing");
        let variant = format!("Self::{}{}", name[..1].to_uppercase(), &name[1..]);
        let peers =
            names.lines().find_map(|line| line.trim().strip_prefix(&format!("{variant} => &["))?.split(']').next());
        for peer in peers.unwrap_or_default().split(", ").filter(|peer| !peer.is_empty()) {
            let peer = peer.trim_start_matches("Self::").to_lowercase();
            let start = format!("{peer}=http://{peer}:");
            assert!(service.command.iter().any(|argument| argument.starts_with(&start)), "{name} lacks {start}…");
        }
    }
}

#[test]
fn what_containers_refer_to_exists() {
    let compose = compose();
    for (name, service) in &compose.services {
        for (dependency, how) in &service.depends_on {
            assert!(compose.services.contains_key(dependency), "{name} depends on {dependency}");
            let healthy = how.condition == "service_healthy";
            assert!(healthy || how.condition == "service_started", "{name}: {}", how.condition);
            assert!(!healthy || compose.services[dependency].healthcheck.is_some(), "{dependency} has no health check");
        }
        for volume in &service.volumes {
            let source = volume.split(':').next().unwrap();
            let exists =
                compose.volumes.contains_key(source) || source.starts_with('.') && root().join(source).exists();
            assert!(exists, "{name}: there is no volume {source}");
        }
        for port in &service.ports {
            let inside = port.rsplit(':').next().unwrap();
            let listens = service.command.iter().any(|argument| argument.ends_with(&format!("0.0.0.0:{inside}")));
            assert!(listens, "{name} publishes {inside} and does not listen on it");
            assert!(
                port.starts_with("127.0.0.1:"),
                "{name}: {port} is open to the network; there is no authentication yet"
            );
        }
        assert!(service.restart.as_deref() == Some("unless-stopped") && service.stop_grace_period.is_some(), "{name}");
    }
}

#[test]
fn the_dockerfile_copies_what_exists() {
    let text = read("Dockerfile");
    let mut stages = BTreeSet::new();
    let mut images = 0;
    for line in text.lines().map(str::trim).filter(|line| !line.starts_with('#')) {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            ["FROM", image, rest @ ..] => {
                images += 1;
                assert!(stages.contains(*image) || image.contains(':'), "{image} has no version");
                stages.extend(rest.get(1).map(|name| (*name).to_owned()));
            }
            ["COPY", from, ..] if from.starts_with("--from=") => {
                assert!(stages.contains(&from["--from=".len()..]), "no stage {from}");
            }
            ["COPY", sources @ .., _] => {
                for source in sources.iter().filter(|source| !source.starts_with("--")) {
                    assert!(root().join(source).exists(), "COPY {source}");
                }
            }
            _ => {}
        }
    }
    assert!(images >= 3, "pages, binary, image");
    assert!(text.contains("ENTRYPOINT [\"/usr/local/bin/haechi\"]"));
    // The toolchain of the image is that of the repository.
    let toolchain: toml::Table = read("rust-toolchain.toml").parse().unwrap();
    let version = toolchain["toolchain"]["channel"].as_str().unwrap().trim_end_matches(".0").to_owned();
    assert!(
        text.contains(&format!("FROM docker.io/library/rust:{version}")),
        "Dockerfile builds with another Rust than {version}"
    );
}
