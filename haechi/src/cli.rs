//! The command line: one function per command.

use std::error::Error;
use std::path::PathBuf;

use clap::{Arg, ArgAction, ArgMatches, Command};

use crate::config::settings::with_flags;
use crate::config::{Config, Origin};
use crate::logging::say;
use crate::{demo, logging, serve};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn command() -> Command {
    let fault = Command::new("fault")
        .about("Switches a fault of the running demo on or off, or lists the faults")
        .arg(Arg::new("id").help("The fault, such as payment-errors").requires("state"))
        .arg(Arg::new("state").value_parser(["on", "off"]));
    let demo = with_flags(Command::new("demo"))
        .about("Starts the box and the Box Office microservices with their load: something real to look at")
        .subcommand_negates_reqs(true)
        .args_conflicts_with_subcommands(true)
        .arg(Arg::new("rate").long("rate").value_name("SESSIONS").help("Sessions that customers start per second"))
        .subcommand(fault);
    let demo_service = Command::new("demo-service")
        .about("Runs one service of the demo")
        .hide(true)
        .arg(Arg::new("args").num_args(0..).action(ArgAction::Append).allow_hyphen_values(true));
    let check = Command::new("check").about("Checks SLO files: prints every mistake with file, line and key").arg(
        Arg::new("dir")
            .help("Folder of *.yaml files")
            .default_value("./slos")
            .value_parser(clap::value_parser!(PathBuf)),
    );
    let slo = Command::new("slo").about("Works with SLO files").subcommand_required(true).subcommand(check);
    Command::new("haechi")
        .about("Observability stack in a box: OTLP in; traces, metrics, logs, SLOs and alerts in one place")
        .version(env!("CARGO_PKG_VERSION"))
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(with_flags(Command::new("serve")).about("Starts the box"))
        .subcommand(demo)
        .subcommand(demo_service)
        .subcommand(
            with_flags(Command::new("config"))
                .about("Prints the effective configuration and where each value came from"),
        )
        .subcommand(slo)
}

/// Does what the process's arguments ask for.
pub(crate) fn run() -> Result<()> {
    let matches = command().get_matches();
    match matches.subcommand() {
        Some(("serve", matches)) => {
            let config = load(matches)?;
            serve::run(&config)
        }
        Some(("demo", matches)) => match matches.subcommand() {
            Some((_, fault)) => demo::fault(fault.get_one("id"), fault.get_one::<String>("state").map(String::as_str)),
            None => {
                let config = load(matches)?;
                demo::run(config, matches.get_one::<String>("rate").map(String::as_str))
            }
        },
        Some(("demo-service", matches)) => {
            let args = matches.get_many::<String>("args").unwrap_or_default();
            Ok(demo_services::run_from_args(args)?)
        }
        Some(("config", matches)) => {
            print_config(&Config::load(matches)?);
            Ok(())
        }
        Some(("slo", matches)) => match matches.subcommand() {
            Some((_, check)) => check_slos(check),
            None => Ok(()),
        },
        _ => Ok(()),
    }
}

fn load(matches: &ArgMatches) -> Result<Config> {
    let config = Config::load(matches)?;
    logging::start(&config.log);
    Ok(config)
}

fn print_config(config: &Config) {
    for (key, value, origin) in &config.origins {
        let value = if value.is_empty() { "\"\"" } else { value };
        match origin {
            Origin::Default => say(format_args!("{key}: {value}  # default")),
            other => say(format_args!("{key}: {value}  # {other}")),
        }
    }
    if !config.webhooks.is_empty() {
        say("webhooks:");
        for webhook in &config.webhooks {
            say(format_args!("  - {{ name: {}, url: {} }}", webhook.name, webhook.url));
        }
    }
}

fn check_slos(matches: &ArgMatches) -> Result<()> {
    let dir: &PathBuf = matches.get_one("dir").expect("the argument has a default");
    let slos = crate::alerting::check_files(dir)?;
    for slo in &slos {
        say(format_args!("{}: {}", slo.name, slo.sentence()));
    }
    say(format_args!("{} SLOs, no mistakes", slos.len()));
    Ok(())
}
