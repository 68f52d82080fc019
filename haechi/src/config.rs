//! The effective configuration: each setting from a flag, else a variable, else the file, else its default.
//!
//! One table lists the settings ([`settings::SETTINGS`]); flags, variables, keys of the file and `haechi config` follow from it.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::ArgMatches;
use clap::parser::ValueSource;
use model::Nanos;
use model::time::SECOND;
use store::Retention;

use crate::alerting::{Heartbeat, Held, Receiver, RuleFiles};

mod file;
mod memory;
mod receivers;
pub(crate) mod settings;
mod values;

use file::File;
pub(crate) use memory::Memory;
use settings::{SETTINGS, Setting};
use values::{bytes, duration, is_http};

/// The log alone takes up to some hundred megabytes.
const MIN_MAX_DISK: u64 = 1 << 30;

#[derive(Clone, Debug)]
pub(crate) struct Config {
    pub(crate) data_dir: PathBuf,
    pub(crate) otlp_grpc: SocketAddr,
    pub(crate) otlp_http: SocketAddr,
    pub(crate) ui: SocketAddr,
    pub(crate) retention: Retention,
    pub(crate) memory: Memory,
    /// Bytes of one request after decompression.
    pub(crate) max_request: usize,
    pub(crate) max_series: usize,
    /// `None` goes by the size of the file system.
    pub(crate) disk_reserve: Option<u64>,
    pub(crate) flush_age: Duration,
    /// `None` stores none.
    pub(crate) own_metrics: Option<Duration>,
    pub(crate) slos: PathBuf,
    pub(crate) rules: RuleFiles,
    /// The file of routes.
    pub(crate) routes: Option<PathBuf>,
    pub(crate) external_url: String,
    pub(crate) heartbeat: Option<Heartbeat>,
    /// With names that differ.
    pub(crate) receivers: Vec<Receiver>,
    pub(crate) log: String,
    /// Every setting as text, with its origin, in the order of the table.
    /// What follows from others, such as `max_series` from `memory`, has the value that it has.
    pub(crate) origins: Vec<(&'static str, String, Origin)>,
}

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    Default,
    File(String),
    Variable(String),
    Flag(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Default => f.write_str("default"),
            Origin::File(place) | Origin::Variable(place) | Origin::Flag(place) => f.write_str(place),
        }
    }
}

/// What is wrong with the configuration: where, which key, what is allowed.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {message}")]
pub(crate) struct ConfigError {
    pub(crate) place: String,
    pub(crate) message: String,
}

impl Config {
    /// The configuration of a command with these arguments; reads the file that `--config` names.
    pub(crate) fn load(matches: &ArgMatches) -> Result<Self, ConfigError> {
        let path = matches.get_one::<String>("config");
        let file = match path {
            Some(path) => file::read(path)?,
            None => File::default(),
        };
        let mut values = Vec::new();
        for setting in SETTINGS {
            values.push((setting.key, resolve(setting, matches, &file)));
        }
        Config::from_values(values, file.receivers)
    }

    /// The configuration that a file gives with no flag and no variable.
    pub(crate) fn of_file(path: &str) -> Result<Self, ConfigError> {
        let file = file::read(path)?;
        let value = |setting: &Setting| match file.values.iter().find(|(key, ..)| key == setting.key) {
            Some((_, value, place)) => (setting.key, (value.clone(), Origin::File(place.clone()))),
            None => (setting.key, (setting.default.to_owned(), Origin::Default)),
        };
        Config::from_values(SETTINGS.iter().map(value).collect(), file.receivers)
    }

    fn from_values(
        values: Vec<(&'static str, (String, Origin))>,
        listed: Vec<receivers::Listed>,
    ) -> Result<Self, ConfigError> {
        let get = |key: &str| &values.iter().find(|(name, _)| *name == key).expect("the table has the key").1;
        let error = |key: &str, allowed: &str| {
            let (value, origin) = get(key);
            ConfigError { place: origin.to_string(), message: format!("{key}: \"{value}\" is not {allowed}") }
        };
        let text = |key: &str| get(key).0.clone();
        let address = |key: &str| {
            values::address(&text(key))
                .ok_or_else(|| error(key, "an IP address or localhost with a port, such as 127.0.0.1:4317"))
        };
        let age = |key: &str| -> Result<Option<Nanos>, ConfigError> {
            let age = duration(&text(key));
            let age = age.ok_or_else(|| error(key, "a duration such as 12h, 15d or 4w, or 0 to keep everything"))?;
            Ok((age > 0).then_some(age))
        };
        let all = age("retention")?;
        let age_of = |key: &str| if text(key).is_empty() { Ok(all) } else { age(key) };
        let max_disk = bytes(&text("max_disk")).filter(|bytes| *bytes == 0 || *bytes >= MIN_MAX_DISK);
        let max_disk = max_disk.ok_or_else(|| error("max_disk", "a size of at least 1GiB, or 0 for no limit"))?;
        let disk_reserve = match text("disk_reserve").as_str() {
            "" => None,
            size => Some(bytes(size).ok_or_else(|| error("disk_reserve", "a size such as 2GiB, or 0 for none"))?),
        };
        let memory = bytes(&text("memory")).filter(|bytes| *bytes >= memory::MIN);
        let memory = memory.and_then(|bytes| usize::try_from(bytes).ok()).map(Memory);
        let memory = memory.ok_or_else(|| error("memory", "a size of at least 384MiB, such as 2GiB"))?;
        let max_request = bytes(&text("max_request")).and_then(|bytes| usize::try_from(bytes).ok());
        let max_request = max_request.filter(|bytes| memory::REQUEST.contains(bytes));
        let max_request = max_request.ok_or_else(|| error("max_request", "a size from 1MiB to 64MiB"))?;
        let max_series = match text("max_series").as_str() {
            "" => Some(memory.series()),
            number => number.parse().ok().filter(|number| *number > 0),
        };
        let max_series = max_series.ok_or_else(|| error("max_series", "a number of series such as 2000000"))?;
        let retention = Retention {
            traces: age_of("retention_traces")?,
            logs: age_of("retention_logs")?,
            metrics: age_of("retention_metrics")?,
            max_bytes: (max_disk > 0).then_some(max_disk),
        };
        let flush_age = duration(&text("flush_age"))
            .and_then(|age| u64::try_from(age).ok().filter(|age| *age > 0))
            .ok_or_else(|| error("flush_age", "a duration such as 30s or 5m"))?;
        let own_metrics = duration(&text("own_metrics"))
            .and_then(|interval| u64::try_from(interval).ok().filter(|it| *it == 0 || *it >= SECOND as u64))
            .ok_or_else(|| error("own_metrics", "a duration from 1s up, or 0 to store none"))?;
        let interval = duration(&text("rules_interval")).filter(|interval| *interval >= SECOND);
        let interval = interval.ok_or_else(|| error("rules_interval", "a duration from 1s up, such as 30s"))?;
        let rules = RuleFiles::new(&text("rules"), interval)
            .map_err(|wrong| error("rules", &format!("paths or patterns such as rules/*.yml: {wrong}")))?;
        let ui = address("ui")?;
        let external_url = match text("external_url") {
            url if url.is_empty() => format!("http://{ui}"),
            url if is_http(&url) => url.trim_end_matches('/').to_owned(),
            _ => return Err(error("external_url", "an address that starts with http:// or https://")),
        };
        let receivers = receivers::all(&get, listed)?;
        let heartbeat = receivers::heartbeat(&get)?;
        if tracing_subscriber::EnvFilter::try_new(text("log")).is_err() {
            return Err(error("log", "a level (error, warn, info, debug, trace) or a tracing filter"));
        }
        let data_dir = PathBuf::from(text("data_dir"));
        // What is left out follows from others: it is told as what it is, with the origin of what it follows from.
        let follows = |key: &str| match key {
            "retention_traces" | "retention_logs" | "retention_metrics" => {
                Some((text("retention"), get("retention").1.clone()))
            }
            "max_series" => Some((max_series.to_string(), get("memory").1.clone())),
            "disk_reserve" => {
                store::usual_reserve(&data_dir).map(|reserve| (values::size_text(reserve), Origin::Default))
            }
            "external_url" => Some((external_url.clone(), get("ui").1.clone())),
            _ => None,
        };
        let origin = |(key, (value, origin)): &(&'static str, (String, Origin))| {
            let followed = if value.is_empty() { follows(key) } else { None };
            let (value, origin) = followed.unwrap_or_else(|| (value.clone(), origin.clone()));
            (*key, value, origin)
        };
        let origins = values.iter().map(origin).collect();
        Ok(Config {
            data_dir,
            otlp_grpc: address("otlp_grpc")?,
            otlp_http: address("otlp_http")?,
            ui,
            retention,
            memory,
            max_request,
            max_series,
            disk_reserve,
            flush_age: Duration::from_nanos(flush_age),
            own_metrics: (own_metrics > 0).then_some(Duration::from_nanos(own_metrics)),
            slos: text("slos").into(),
            rules,
            routes: Some(text("routes")).filter(|path| !path.is_empty()).map(PathBuf::from),
            external_url,
            heartbeat,
            receivers,
            log: text("log"),
            origins,
        })
    }

    /// The configuration as a file that says the same, with the origin of each value in a comment. What has no value is left out
    /// as a comment.
    pub(crate) fn lines(&self) -> Vec<String> {
        let line = |(key, value, origin): &(&str, String, Origin)| match value.as_str() {
            "" => format!("# {key}: none  # {origin}"),
            value => format!("{key}: {}  # {origin}", values::quoted(value)),
        };
        let mut lines: Vec<String> = self.origins.iter().map(line).collect();
        let named: Vec<_> = self.receivers.iter().filter(|it| !self.is_setting(it)).collect();
        if !named.is_empty() {
            lines.push("receivers:".to_owned());
        }
        lines.extend(named.iter().map(|it| receivers::line(it)));
        lines
    }

    /// An error when a folder of SLO files was named that is not there: without it nothing would be watched, and nobody told. The
    /// default one may be missing.
    pub(crate) fn check_slos(&self) -> Result<(), ConfigError> {
        let named = self.origins.iter().find(|(key, _, origin)| *key == "slos" && *origin != Origin::Default);
        match named {
            Some((_, value, origin)) if !self.slos.is_dir() => Err(ConfigError {
                place: origin.to_string(),
                message: format!(
                    "slos: \"{value}\" is not a folder; make it, or leave the setting out to have no SLOs"
                ),
            }),
            _ => Ok(()),
        }
    }

    /// Whether a receiver is that of the setting `webhook`, which has a line of its own.
    fn is_setting(&self, receiver: &Receiver) -> bool {
        let is_url = |value: &str| receiver.url == Held::Text(value.to_owned());
        receiver.name == "default" && self.origins.iter().any(|(key, value, _)| *key == "webhook" && is_url(value))
    }
}

fn resolve(setting: &Setting, matches: &ArgMatches, file: &File) -> (String, Origin) {
    let given = matches.get_one::<String>(setting.key);
    match (given, matches.value_source(setting.key)) {
        (Some(value), Some(ValueSource::CommandLine)) => (value.clone(), Origin::Flag(setting.flag())),
        (Some(value), Some(ValueSource::EnvVariable)) => (value.clone(), Origin::Variable(setting.variable())),
        _ => match file.values.iter().find(|(key, ..)| key == setting.key) {
            Some((_, value, place)) => (value.clone(), Origin::File(place.clone())),
            None => (setting.default.to_owned(), Origin::Default),
        },
    }
}

#[cfg(test)]
mod tests {
    use model::time::DAY;

    use super::*;

    fn load(args: &[&str]) -> Result<Config, ConfigError> {
        let command = settings::with_flags(clap::Command::new("serve"));
        Config::load(&command.try_get_matches_from([&["serve"], args].concat()).unwrap())
    }

    #[test]
    fn defaults_need_no_file() {
        let config = load(&[]).unwrap();
        assert_eq!(config.otlp_grpc.to_string(), "127.0.0.1:4317");
        assert_eq!(config.external_url, "http://127.0.0.1:4319");
        assert!(config.origins.iter().all(|(_, _, origin)| *origin == Origin::Default));
    }

    #[test]
    fn a_flag_wins_over_the_file_and_both_are_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("haechi.yaml");
        std::fs::write(&path, "# comment\nretention: 0\nui: 127.0.0.1:1\nwebhooks:\n  - name: a\n    url: http://x\n")
            .unwrap();
        let path = path.to_str().unwrap();
        let config = load(&["--config", path, "--ui", "127.0.0.1:2"]).unwrap();
        assert_eq!((config.retention.traces, config.ui.port()), (None, 2));
        assert_eq!(config.receivers, [Receiver::new("a", "http://x")]);
        let origin = |key: &str| config.origins.iter().find(|it| it.0 == key).unwrap().2.to_string();
        assert_eq!(origin("ui"), "--ui");
        assert_eq!(origin("retention"), format!("{path}:2"));
    }

    #[test]
    fn what_is_printed_is_a_file_that_says_the_same() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("haechi.yaml");
        let data = dir.path().join("not yet: # there");
        std::fs::write(&path, "webhooks:\n  - name: 'a: b'\n    url: http://x\n").unwrap();
        let flags =
            ["--config", path.to_str().unwrap(), "--memory", "2GiB", "--retention", "7d", "--retention-logs", "0"];
        let more = ["--webhook", "http://y", "--ui", "localhost:5", "--data-dir", data.to_str().unwrap()];
        let first = load(&[&flags[..], &more].concat()).unwrap();
        let printed = first.lines();
        assert!(printed.iter().all(|line| !line.contains("\"\"")), "{printed:#?}");
        for line in [
            "retention_traces: 7d  # --retention",
            "retention_logs: 0  # --retention-logs",
            "max_series: 699050  # --memory",
            "external_url: http://127.0.0.1:5  # --ui",
        ] {
            assert!(printed.iter().any(|it| it == line), "{line}: {printed:#?}");
        }
        std::fs::write(&path, printed.join("\n")).unwrap();
        let second = load(&["--config", path.to_str().unwrap()]).unwrap();
        assert!(second.disk_reserve.is_some_and(|bytes| bytes > 0), "{printed:#?}");
        let named = |config: &Config| -> Vec<Receiver> {
            let mut receivers = config.receivers.clone();
            receivers.sort_by(|a, b| a.name.cmp(&b.name));
            receivers
        };
        assert_eq!(named(&first), named(&second));
        let values = |config: &Config| -> Vec<String> { config.origins.iter().map(|it| it.1.clone()).collect() };
        assert_eq!(values(&first), values(&second));
        assert_eq!((first.ui, first.data_dir), (second.ui, second.data_dir));
    }

    #[test]
    fn each_signal_is_kept_as_long_as_all_unless_it_says_otherwise() {
        let config =
            load(&["--retention", "7d", "--retention-metrics", "0", "--retention-traces", "2d", "--max-disk", "2GiB"]);
        let Retention { traces, logs, metrics, max_bytes } = config.unwrap().retention;
        assert_eq!((traces, logs, metrics, max_bytes), (Some(2 * DAY), Some(7 * DAY), None, Some(2 << 30)));
        let default = load(&[]).unwrap();
        assert_eq!((default.retention.logs, default.retention.max_bytes), (Some(30 * DAY), None));
        assert_eq!((default.max_series, default.max_request), (349_525, 64 << 20));
        assert_eq!(load(&["--max-request", "4MiB"]).unwrap().max_request, 4 << 20);
        assert_eq!(load(&["--memory", "6GiB"]).unwrap().max_series, 2 << 20);
        assert_eq!(load(&["--memory", "16GiB", "--max-series", "5"]).unwrap().max_series, 5);
        for (flag, value, allowed) in [
            ("--retention-logs", "soon", "retention_logs: \"soon\" is not a duration such as 12h"),
            ("--max-disk", "10MiB", "max_disk: \"10MiB\" is not a size of at least 1GiB, or 0"),
            ("--disk-reserve", "1", "disk_reserve: \"1\" is not a size such as 2GiB, or 0 for none"),
            ("--memory", "383MiB", "memory: \"383MiB\" is not a size of at least 384MiB, such as 2GiB"),
            ("--max-request", "65MiB", "max_request: \"65MiB\" is not a size from 1MiB to 64MiB"),
            ("--max-request", "10KiB", "max_request: \"10KiB\" is not a size from 1MiB to 64MiB"),
            ("--max-series", "0", "max_series: \"0\" is not a number of series"),
        ] {
            let error = load(&[flag, value]).unwrap_err().to_string();
            assert!(error.contains(allowed), "{error}");
        }
    }

    #[test]
    fn errors_name_the_place_the_key_and_what_is_allowed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("haechi.yaml");
        let path_text = path.to_str().unwrap();
        let table = [
            (
                "retention: soon",
                "haechi.yaml:1: retention: \"soon\" is not a duration such as 12h, 15d or 4w, or 0 to keep everything",
            ),
            (
                "\nui: here",
                "haechi.yaml:2: ui: \"here\" is not an IP address or localhost with a port, such as 127.0.0.1:4317",
            ),
            (
                "retenton: 1d",
                "haechi.yaml:1: unknown key \"retenton\"; allowed: data_dir, otlp_grpc, otlp_http, ui, retention, retention_traces, retention_logs, retention_metrics, max_disk, disk_reserve, memory, max_request, max_series, flush_age, own_metrics, slos, rules, rules_interval, external_url, webhook, webhook_secret_file, webhook_networks, heartbeat, heartbeat_file, heartbeat_interval, routes, log, receivers, webhooks",
            ),
            (
                "webhooks:\n  - url: ftp://x\n    name: a",
                "haechi.yaml:2: webhooks[0].url: \"ftp://x\" is not an address that starts with http:// or https://",
            ),
            ("ui: [1]", "haechi.yaml:1: ui: expected a single value"),
        ];
        for (text, expected) in table {
            std::fs::write(&path, text).unwrap();
            let error = load(&["--config", path_text]).unwrap_err().to_string();
            assert!(error.ends_with(expected), "{error:?} does not end with {expected:?}");
        }
        assert_eq!(
            load(&["--retention", "1y"]).unwrap_err().to_string(),
            "--retention: retention: \"1y\" is not a duration such as 12h, 15d or 4w, or 0 to keep everything"
        );
        assert!(load(&["--config", "/nowhere.yaml"]).unwrap_err().to_string().starts_with("/nowhere.yaml: "));
    }
}
