//! `haechi demo`: the box, and beside it the Box Office microservices as processes of their own.

use std::error::Error;
use std::fs;
use std::path::Path;

use demo_services::supervisor::{self, Console, DemoConfig};
use demo_services::{Addresses, ServiceName};

use crate::alerting::Receiver;
use crate::config::{Config, Origin};
use crate::logging::say;
use crate::serve;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// The SLOs of the demo, written where a user can change them while it runs.
const SLOS: [(&str, &str); 2] = [
    ("booking-availability.yaml", include_str!("demo/booking-availability.yaml")),
    ("browse-latency.yaml", include_str!("demo/browse-latency.yaml")),
];

/// Runs until SIGINT or SIGTERM.
pub(crate) fn run(mut config: Config, rate: Option<&str>) -> Result<()> {
    let sessions_per_second = match rate {
        None => demo_services::DEFAULT_SESSIONS_PER_SECOND,
        Some(text) => {
            text.parse().ok().filter(|rate| (0.0..=demo_services::MAX_SESSIONS_PER_SECOND).contains(rate)).ok_or_else(
                || format!("--rate: \"{text}\" is not a number from 0 to {}", demo_services::MAX_SESSIONS_PER_SECOND),
            )?
        }
    };
    if is_default(&config, "slos") {
        config.slos = config.data_dir.join("box-office").join("slos");
        write_slos(&config.slos)?;
    }
    let addresses = Addresses::default();
    let receiver = format!("http://{}/", addresses.get(ServiceName::Receiver));
    config.receivers.push(Receiver::new("box-office", &receiver));
    let runtime = serve::runtime()?;
    runtime.block_on(async {
        let (running, told_to_stop) = serve::start(&config).await?;
        let demo = DemoConfig {
            executable: std::env::current_exe()?,
            leading_args: vec!["demo-service".to_owned()],
            addresses,
            data_dir: config.data_dir.join("box-office"),
            otlp: Some(running.otlp_grpc.into()),
            sessions_per_second,
            console: Console::new(|line| say(line)),
        };
        welcome(&config, &running);
        let ended = supervisor::run(demo, told_to_stop).await;
        running.stop().await;
        ended.map_err(Into::into)
    })
}

fn is_default(config: &Config, key: &str) -> bool {
    config.origins.iter().any(|(name, _, origin)| *name == key && *origin == Origin::Default)
}

/// Puts the demo's SLO files in place unless they are there already: somebody may have edited them.
fn write_slos(dir: &Path) -> Result<()> {
    let failed = |error: std::io::Error| format!("{}: {error}", dir.display());
    fs::create_dir_all(dir).map_err(failed)?;
    for (name, text) in SLOS {
        let path = dir.join(name);
        if !path.exists() {
            fs::write(&path, text).map_err(failed)?;
        }
    }
    Ok(())
}

fn welcome(config: &Config, running: &serve::Running) {
    say("");
    say(format_args!("  Haechi is watching the Box Office:  http://localhost:{}", running.ui.port()));
    say("");
    // As this process was called: after `cargo run` there is no `haechi` on the path.
    let program = std::env::args().next().unwrap_or_else(|| "haechi".to_owned());
    say(format_args!("  Break it:    {program} demo fault payment-errors on      (and off)"));
    say(format_args!("  Its SLOs:    {}", config.slos.display()));
    say("  Stop it:     Ctrl-C");
    say("");
}

/// Switches a fault of the running demo, or lists all faults when `id` is `None`.
pub(crate) fn fault(id: Option<&String>, state: Option<&str>) -> Result<()> {
    let control = Addresses::default().get(ServiceName::Psp);
    serve::runtime()?.block_on(async {
        let states = match id {
            Some(id) => vec![demo_services::fault::set(control, id, state == Some("on")).await?],
            None => demo_services::fault::list(control).await?,
        };
        for fault in states {
            say(format_args!("{}: {}   {}", fault.id, if fault.on { "on" } else { "off" }, fault.description));
        }
        Ok(())
    })
}
