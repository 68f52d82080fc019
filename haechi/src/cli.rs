//! The command line: one function per command.

use std::error::Error;
use std::path::PathBuf;

use clap::{Arg, ArgAction, ArgMatches, Command};

use crate::config::Config;
use crate::config::settings::with_flags;
use crate::logging::say;
use crate::{demo, inspect, load, logging, serve};

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
    let folder = || Arg::new("data-dir").value_name("DIR").required(true).value_parser(clap::value_parser!(PathBuf));
    let verify = Command::new("verify")
        .about("Checks every checksum and what files say of each other")
        .arg(folder().help("The data directory"))
        .arg(
            Arg::new("deep")
                .long("deep")
                .action(ArgAction::SetTrue)
                .help("Looks every word of every log body up in its full-text index, not only some"),
        );
    let stat = Command::new("stat")
        .about("Prints rows, bytes per row, segments and series, and what takes the space")
        .arg(folder().help("The data directory"))
        .arg(Arg::new("json").long("json").action(ArgAction::SetTrue).help("Prints one JSON object"));
    let store = Command::new("store")
        .about("Looks at a data directory and changes nothing, also beside a box that uses it")
        .subcommand_required(true)
        .subcommand(verify)
        .subcommand(stat);
    let command = Command::new("haechi")
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
        .subcommand(crate::slo_files::command())
        .subcommand(crate::rule_files::command())
        .subcommand(store)
        .subcommand(load::command());
    #[cfg(feature = "sql")]
    let command = command.subcommand(export(folder()));
    command
}

#[cfg(feature = "sql")]
fn export(folder: Arg) -> Command {
    let time = |name: &'static str, help: &'static str| {
        Arg::new(name).long(name).value_name("TIME").help(help).value_parser(crate::api::time::from_argument)
    };
    Command::new("export")
        .about("Writes rows as plain Parquet files, with the columns that the tables have in SQL")
        .arg(folder.help("The data directory; a box may be using it"))
        .arg(Arg::new("table").long("table").required(true).value_parser(sql::Export::TABLES).help("Which rows"))
        .arg(
            Arg::new("out")
                .long("out")
                .value_name("DIR")
                .required(true)
                .value_parser(clap::value_parser!(PathBuf))
                .help("The folder to write to; files that are there stay as they are"),
        )
        .arg(time("from", "The first time to write, as RFC 3339 or seconds since the epoch [default: the oldest]"))
        .arg(time("to", "The time before which rows are written [default: the newest]"))
}

/// Does what the process's arguments ask for.
pub(crate) fn run() -> Result<()> {
    let matches = command().get_matches();
    match matches.subcommand() {
        Some(("serve", matches)) => {
            let config = load(matches)?;
            config.check_slos()?;
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
        Some(("load", matches)) => load::run(matches),
        Some(("slo", matches)) => crate::slo_files::run(matches),
        Some(("rules", matches)) => crate::rule_files::run(matches),
        Some(("store", matches)) => match matches.subcommand() {
            Some(("verify", matches)) => inspect::verify(path(matches, "data-dir"), matches.get_flag("deep")),
            Some(("stat", matches)) => inspect::stat(path(matches, "data-dir"), matches.get_flag("json")),
            _ => Ok(()),
        },
        #[cfg(feature = "sql")]
        Some(("export", matches)) => {
            let time = |name: &str, other: model::Nanos| matches.get_one(name).copied().unwrap_or(other);
            let (from, to) = (time("from", model::Nanos::MIN), time("to", model::Nanos::MAX));
            if from >= to {
                return Err("--to is not after --from: there is no time between them".into());
            }
            let range = model::TimeRange::new(from, to);
            let table: &String = matches.get_one("table").expect("the argument is required");
            crate::export::run(path(matches, "data-dir"), table, path(matches, "out"), range)
        }
        _ => Ok(()),
    }
}

fn path<'a>(matches: &'a ArgMatches, name: &str) -> &'a PathBuf {
    matches.get_one(name).expect("the argument is required")
}

fn load(matches: &ArgMatches) -> Result<Config> {
    let config = Config::load(matches)?;
    logging::start(&config.log);
    Ok(config)
}

fn print_config(config: &Config) {
    config.lines().iter().for_each(say);
}
