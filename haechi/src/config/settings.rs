//! The table of settings.

use clap::{Arg, Command};

/// A setting with one value.
pub(crate) struct Setting {
    /// The key in the file; `--flag` and `HAECHI_VARIABLE` are made of it.
    pub(crate) key: &'static str,
    /// The placeholder in the help.
    pub(crate) value: &'static str,
    pub(crate) default: &'static str,
    pub(crate) help: &'static str,
}

impl Setting {
    pub(crate) fn flag(&self) -> String {
        format!("--{}", self.key.replace('_', "-"))
    }

    pub(crate) fn variable(&self) -> String {
        format!("HAECHI_{}", self.key.to_uppercase())
    }
}

pub(crate) const SETTINGS: &[Setting] = &[
    Setting { key: "data_dir", value: "DIR", default: "./haechi-data", help: "Where everything is stored" },
    Setting {
        key: "otlp_grpc",
        value: "ADDR",
        default: "127.0.0.1:4317",
        help: "Address for OTLP; both protocols are accepted",
    },
    Setting {
        key: "otlp_http",
        value: "ADDR",
        default: "127.0.0.1:4318",
        help: "Second address for OTLP; both protocols are accepted",
    },
    Setting { key: "ui", value: "ADDR", default: "127.0.0.1:4319", help: "Address of the web UI and the query APIs" },
    Setting {
        key: "retention",
        value: "DURATION",
        default: "30d",
        help: "How long to keep data, such as 12h or 30d; 0 keeps everything",
    },
    Setting {
        key: "retention_traces",
        value: "DURATION",
        default: "",
        help: "How long to keep spans; as retention by default",
    },
    Setting {
        key: "retention_logs",
        value: "DURATION",
        default: "",
        help: "How long to keep log records; as retention by default",
    },
    Setting {
        key: "retention_metrics",
        value: "DURATION",
        default: "",
        help: "How long to keep metrics; as retention by default",
    },
    Setting {
        key: "max_disk",
        value: "SIZE",
        default: "0",
        help: "Bytes on disk, such as 50GiB, beyond which the oldest data of all signals goes; 0 sets no limit",
    },
    Setting {
        key: "disk_reserve",
        value: "SIZE",
        default: "",
        help: "Refuse requests with less than this free on disk; by default 1 % of it and at least 256MiB",
    },
    Setting {
        key: "memory",
        value: "SIZE",
        default: "1GiB",
        help: "How much memory to take, about; where there is no more, requests are refused for now",
    },
    Setting {
        key: "max_request",
        value: "SIZE",
        default: "64MiB",
        help: "Size of one request after decompression, up to 64MiB; larger ones are refused for good",
    },
    Setting {
        key: "max_series",
        value: "NUMBER",
        default: "",
        help: "Series of metrics beyond which points of new ones are rejected; by default as many as memory is for",
    },
    Setting {
        key: "flush_age",
        value: "DURATION",
        default: "5m",
        help: "How long rows stay in memory and in the log alone before they are written to segments",
    },
    Setting {
        key: "own_metrics",
        value: "DURATION",
        default: "15s",
        help: "How often to store the box's own metrics, as those of the service haechi; 0 stores none",
    },
    Setting {
        key: "slos",
        value: "DIR",
        default: "./slos",
        help: "Folder of SLO files (*.yaml), read again when they change",
    },
    Setting {
        key: "rules",
        value: "GLOB",
        default: "",
        help: "Prometheus rule files, such as rules/*.yml, several with commas between; read again when they change",
    },
    Setting {
        key: "rules_interval",
        value: "DURATION",
        default: "1m",
        help: "How often groups of rules are evaluated that do not say it",
    },
    Setting {
        key: "external_url",
        value: "URL",
        default: "",
        help: "Address of this UI in notifications; the UI's own by default",
    },
    Setting { key: "webhook", value: "URL", default: "", help: "Send alert notifications here (Alertmanager v4 body)" },
    Setting {
        key: "webhook_secret_file",
        value: "FILE",
        default: "",
        help: "Secrets to sign requests to the webhook with, as whsec_…, one a line",
    },
    Setting {
        key: "webhook_networks",
        value: "WHICH",
        default: "any",
        help: "Where webhooks may be: any, or public for no private, loopback or link-local address",
    },
    Setting {
        key: "heartbeat",
        value: "URL",
        default: "",
        help: "Call this while alerts are evaluated, so that somebody notices when they are not",
    },
    Setting { key: "heartbeat_file", value: "FILE", default: "", help: "The same, with the address in a file" },
    Setting { key: "heartbeat_interval", value: "DURATION", default: "1m", help: "How often, from 10s to 1d" },
    Setting {
        key: "routes",
        value: "FILE",
        default: "",
        help: "Which receiver is told of which alerts (YAML), read again when it changes; by default each of all",
    },
    Setting {
        key: "log",
        value: "FILTER",
        default: "warn,haechi=info",
        help: "What the box says of itself on standard error",
    },
];

/// Adds `--config` and a flag for each setting to a command.
pub(crate) fn with_flags(mut command: Command) -> Command {
    let config = Arg::new("config").long("config").value_name("FILE").env("HAECHI_CONFIG");
    command = command.arg(config.help("Configuration file (YAML) with the same settings as the flags"));
    for setting in SETTINGS {
        let default =
            if setting.default.is_empty() { String::new() } else { format!(" [default: {}]", setting.default) };
        let arg = Arg::new(setting.key)
            .long(setting.key.replace('_', "-"))
            .env(setting.variable())
            .value_name(setting.value)
            .help(format!("{}{default}", setting.help))
            .hide_env(true);
        command = command.arg(arg);
    }
    command
}
