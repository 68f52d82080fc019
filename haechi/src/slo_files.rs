//! `haechi slo`: what can be done with SLO files without a box.

use std::error::Error;
use std::path::PathBuf;

use clap::builder::PossibleValuesParser;
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Command};
use slo::formats::{Format, export};
use slo::routing::Routing;
use slo::spec::HttpAnswers;

use crate::alerting::{Checked, check, check_routes};
use crate::config::Config;
use crate::logging::{complain, say};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

pub(crate) fn command() -> Command {
    let path = Arg::new("path")
        .help("Folder of *.yaml files, or one file: ours, Sloth's, Pyrra's or OpenSLO's")
        .default_value("./slos")
        .value_parser(clap::value_parser!(PathBuf));
    let format = Arg::new("format")
        .long("format")
        .required(true)
        .value_parser(PossibleValuesParser::new(Format::ALL.map(Format::name)))
        .help("The format to write");
    Command::new("slo")
        .about("Works with SLO files")
        .subcommand_required(true)
        .subcommand(
            Command::new("check")
                .about("Checks SLO files, and a file of routes: prints every mistake with file, line and key")
                .arg(path.clone())
                .arg(
                    Arg::new("routes")
                        .long("routes")
                        .value_name("FILE")
                        .value_parser(clap::value_parser!(PathBuf))
                        .help("File of routes; by default that of the configuration file"),
                )
                .arg(
                    Arg::new("config")
                        .long("config")
                        .value_name("FILE")
                        .help("Configuration file with the receivers that routes may name; without it any name is taken"),
                ),
        )
        .subcommand(
            Command::new("export")
                .about("Writes SLOs to standard output in a format of another tool, and to standard error what it cannot say")
                .arg(format)
                .arg(path),
        )
        .subcommand(Command::new("schema").about("Prints the JSON Schema of SLO files, for editors"))
}

pub(crate) fn run(matches: &ArgMatches) -> Result<()> {
    match matches.subcommand() {
        Some(("check", matches)) => check_all(matches),
        Some(("export", matches)) => print_export(matches),
        Some(("schema", _)) => {
            say(slo::schema::SCHEMA.trim_end());
            Ok(())
        }
        _ => Ok(()),
    }
}

/// Checks what the arguments name; what the configuration file names where they do not.
fn check_all(matches: &ArgMatches) -> Result<()> {
    let config = matches.get_one::<String>("config").map(|path| Config::of_file(path)).transpose()?;
    let named: &PathBuf = matches.get_one("path").expect("the argument has a default");
    let is_default = matches.value_source("path") == Some(ValueSource::DefaultValue);
    let slos = config.as_ref().filter(|_| is_default).map_or(named, |config| &config.slos);
    let routes = matches.get_one::<PathBuf>("routes").or(config.as_ref().and_then(|config| config.routes.as_ref()));
    let mut mistakes = Vec::new();
    // Who asks for routes alone may have no SLOs here.
    if !(is_default && routes.is_some() && !slos.exists()) {
        match check(slos) {
            Ok(checked) => print_check(&checked),
            Err(error) => mistakes.push(error.to_string()),
        }
    }
    if let Some(path) = routes {
        match check_routes(path, config.as_ref().map(|config| config.receivers.as_slice())) {
            Ok(routing) => print_routes(&routing),
            Err(errors) => mistakes.push(errors.to_string()),
        }
    }
    if mistakes.is_empty() { Ok(()) } else { Err(mistakes.join("\n").into()) }
}

fn print_routes(routing: &Routing) {
    let routes = routing.root.all();
    let mut receivers: Vec<&str> = routes.iter().map(|route| route.receiver.as_str()).collect();
    receivers.sort_unstable();
    receivers.dedup();
    let (rules, times) = (routing.inhibit_rules.len(), routing.time_intervals.len());
    say(format_args!(
        "{} routes to {}; inhibition rules: {rules}; time intervals: {times}; no mistakes",
        routes.len(),
        receivers.join(", ")
    ));
}

fn checked(matches: &ArgMatches) -> Result<Checked> {
    let path: &PathBuf = matches.get_one("path").expect("the argument has a default");
    Ok(check(path)?)
}

fn print_check(checked: &Checked) {
    for slo in &checked.slos {
        say(format_args!("{}: {}", slo.name, slo.sentence()));
        // Where the file says what 4xx and 429 are, the sentence does.
        if let Some(spans) = slo.indicator.spans().filter(|spans| spans.http == HttpAnswers::BY_STATUS) {
            say(format_args!("    {}", spans.http_sentence()));
        }
        for note in &slo.alerting.notes {
            say(format_args!("    {note}"));
        }
    }
    for note in &checked.unmapped {
        say(format_args!("not mapped: {note}"));
    }
    say(format_args!("{} SLOs, no mistakes", checked.slos.len()));
}

fn print_export(matches: &ArgMatches) -> Result<()> {
    let name: &String = matches.get_one("format").expect("the argument is required");
    let format = Format::ALL.into_iter().find(|format| format.name() == name).expect("one of those that are allowed");
    let checked = checked(matches)?;
    let export = export(&checked.slos, format);
    for note in &checked.unmapped {
        complain(&format_args!("not mapped: {note}"));
    }
    for note in &export.lost {
        complain(note);
    }
    if export.text.is_empty() {
        return Err(format!("no SLO can be written as {name}").into());
    }
    say(export.text.trim_end());
    Ok(())
}
