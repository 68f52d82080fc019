//! `haechi slo`: what can be done with SLO files without a box.

use std::error::Error;
use std::path::PathBuf;
use std::sync::Arc;

use clap::builder::PossibleValuesParser;
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Command};
use slo::backtest::Backtest;
use slo::formats::{Format, export};
use slo::routing::Routing;
use slo::spec::{HttpAnswers, Severity};
use slo::{Count, Slo, duration};

use crate::alerting::backtest::backtest;
use crate::alerting::{Checked, check, check_routes};
use crate::api::time;
use crate::config::Config;
use crate::inspect::many;
use crate::logging::{complain, say};
use crate::rule_files;

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
        .subcommand(rule_files::with_range(
            Command::new("backtest")
                .about("Says when SLOs would have alerted over stored data, and what it would have cost; changes nothing")
                .arg(path.clone()),
        ))
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
        Some(("backtest", matches)) => print_backtest(matches),
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

fn print_backtest(matches: &ArgMatches) -> Result<()> {
    let checked = checked(matches)?;
    let (snapshot, range, now) = rule_files::range(matches)?;
    for slo in checked.slos {
        let slo = Arc::new(slo);
        say(format_args!("{}: {}", slo.name, slo.sentence()));
        for (group, result) in backtest(&snapshot, &slo, range, now)? {
            if let Some(words) = group.words(slo.by.as_ref()) {
                say(format_args!("  {words}"));
            }
            print_result(&slo, &result);
        }
    }
    Ok(())
}

fn print_result(slo: &Slo, result: &Backtest) {
    for firing in &result.firings {
        let (since, lasted) = (time::format(firing.since), duration::format(firing.lasted));
        let end = firing.until.map_or("still fires".to_owned(), time::format);
        let (bad, total) = (firing.events.bad(), firing.events.total);
        say(format_args!(
            "    {since} to {end} ({lasted}): {}, {bad} bad of {total} events, {:.1} % of the budget, burn rate up to {:.1}",
            firing.tier,
            firing.budget_spent * 100.0,
            firing.peak,
        ));
    }
    let (pages, tickets) = (result.count(Severity::Page), result.count(Severity::Ticket));
    let (from, to) = (time::format(result.range.start), time::format(result.range.end));
    let (pages, tickets) = (many(pages as u64, "page"), many(tickets as u64, "ticket"));
    say(format_args!("    {pages} and {tickets} from {from} to {to}"));
    if let Some(budget) = result.budget.filter(|budget| budget.events.count.total > 0) {
        let Count { good, total } = budget.events.count;
        let left = budget.remaining.unwrap_or(1.0) * 100.0;
        let lowest = result.lowest.map_or(left, |(lowest, _)| lowest * 100.0);
        let window = slo.window.nominal();
        say(format_args!(
            "    {} bad of {total} events in the last {}: {left:.1} % of the budget left, at the lowest {lowest:.1} %",
            total - good,
            duration::format(window),
        ));
    } else {
        say("    no events are stored");
    }
    for (time, what) in [(result.held_back, "held back by the low-traffic guard"), (result.unknown, "not known")] {
        if time > 0 {
            say(format_args!("    {what} for {}, summed over the tiers", duration::format(time)));
        }
    }
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
