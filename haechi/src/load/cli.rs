//! The command line of `haechi load`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Arg, ArgAction, ArgGroup, ArgMatches, Command, value_parser};
use model::Nanos;

use super::Error;
use super::amount::Amount;
use super::payload::Coding;
use super::plan::Wish;
use super::send::{Protocol, Sending, Target};

mod ignored;

pub(super) use ignored::refuse;

fn value(name: &'static str, placeholder: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).value_name(placeholder).help(help)
}

fn switch(name: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).action(ArgAction::SetTrue).help(help)
}

/// The arguments that say what is generated.
fn workload_args() -> Vec<Arg> {
    let amount = |name, help| value(name, "AMOUNT", help).value_parser(Amount::parse);
    let number = |name, placeholder, default, help| {
        value(name, placeholder, help).default_value(default).value_parser(value_parser!(u64))
    };
    let args = vec![
        amount("spans", "Spans: 20k/s for a rate, 20M for so many in all; 0 for none"),
        amount("logs", "Log records, likewise"),
        amount("samples", "Points of metrics, likewise; without any of the three 2k/s, 5k/s and 10k/s"),
        number("seed", "N", "1", "The same seed and flags give the same bytes, the start time aside"),
        value("duration", "DURATION", "How long to send").default_value("1m").value_parser(duration),
        value("span", "DURATION", "Fill so much of the past instead, as fast as requests are answered")
            .value_parser(duration)
            .conflicts_with("duration"),
        value("start", "TIME", "Time of the first item (RFC 3339); now, or the span before now").value_parser(time),
        value("speed", "FACTOR", "Send so many times as fast as the items' times say").value_parser(factor),
        switch("max", "Send as fast as requests are answered; times begin a day ago then").conflicts_with("speed"),
        number("batch", "N", "1000", "Items in a request"),
        number("spans-per-trace", "N", "25", "Spans in a trace, in the mean"),
        number("shops", "N", "1", "Shops side by side that send the spans and logs, each of twelve services"),
        value("interval", "DURATION", "Between exports of a resource").default_value("15s").value_parser(duration),
        value("jitter", "DURATION", "By how much times of exports stray, in nanoseconds")
            .default_value("0")
            .value_parser(duration),
        number("histograms", "N", "0", "Histograms of each resource, besides its 100 other series; at most 20"),
        switch("exemplars", "Histograms have exemplars that name traces"),
        value("churn", "DURATION", "Every pod is replaced after so long, with new series")
            .default_value("0")
            .value_parser(duration),
        switch("unique-bodies", "No two log records share a word of their bodies"),
        number("late", "PERCENT", "0", "Of the requests, how many are 10 minutes to 2 hours late"),
    ];
    args.into_iter().map(|arg| arg.help_heading("What is sent")).collect()
}

fn sending_args() -> Vec<Arg> {
    let args = vec![
        value("to", "URL", "Receiver of OTLP").default_value("http://127.0.0.1:4318"),
        value("protocol", "NAME", "How to send").default_value("http").value_parser(["http", "grpc"]),
        value("compression", "NAME", "Of requests").default_value("none").value_parser(["none", "gzip", "zstd"]),
        value("connections", "N", "Connections for each signal, one request at a time on each")
            .default_value("4")
            .value_parser(value_parser!(u64).range(1..=1000)),
        value("retry-for", "DURATION", "How long a request is tried again").default_value("5m").value_parser(duration),
        value("ledger", "FILE", "Note what was acknowledged, for `check` and `query`")
            .value_parser(value_parser!(PathBuf)),
        value("probe", "DIR", "Sync a file there ten times a second, and say how long it takes")
            .value_parser(value_parser!(PathBuf)),
        value("every", "DURATION", "Report so often").default_value("5s").value_parser(duration),
        switch("json", "Report in lines of JSON"),
    ];
    args.into_iter().map(|arg| arg.help_heading("How it is sent")).collect()
}

pub(crate) fn command() -> Command {
    let path = |name, help| value(name, "FILE", help).value_parser(value_parser!(PathBuf)).help_heading("Files");
    Command::new("load")
        .about("Generates realistic telemetry from a seed and sends it to any OTLP receiver, as capacity test and benchmark")
        .args_conflicts_with_subcommands(true)
        .args(workload_args())
        .args(sending_args())
        .arg(path("write", "Write the requests to a file instead of sending them"))
        .arg(
            value("format", "NAME", "Of the file: requests of OTLP, or lines for /api/v1/import of VictoriaMetrics")
                .default_value("otlp")
                .value_parser(["otlp", "victoria-metrics"])
                .requires("write")
                .help_heading("Files"),
        )
        .arg(switch("force", "Write over a file that is there").requires("write").help_heading("Files"))
        .arg(path("replay", "Send the requests of such a file"))
        .arg(
            value("into", "DIR", "Put the requests into a data directory that no box uses, and tell what each step costs")
                .value_parser(value_parser!(PathBuf))
                .help_heading("Files"),
        )
        .group(ArgGroup::new("file").args(["write", "replay", "into"]))
        .subcommand(super::check::command())
        .subcommand(super::query::command())
}

/// What is asked of the generator.
pub(super) fn wish(matches: &ArgMatches) -> Wish {
    let number = |name| matches.get_one::<u64>(name).copied().unwrap_or_default();
    let duration = |name| matches.get_one::<Nanos>(name).copied();
    Wish {
        seed: number("seed"),
        spans: matches.get_one("spans").copied(),
        logs: matches.get_one("logs").copied(),
        samples: matches.get_one("samples").copied(),
        duration: duration("duration").unwrap_or_default(),
        span: duration("span"),
        start: duration("start"),
        speed: matches.get_one("speed").copied(),
        max: matches.get_flag("max"),
        batch: number("batch"),
        spans_per_trace: number("spans-per-trace"),
        shops: number("shops"),
        interval: duration("interval").unwrap_or_default(),
        jitter: duration("jitter").unwrap_or_default(),
        histograms: number("histograms"),
        exemplars: matches.get_flag("exemplars"),
        churn: duration("churn").unwrap_or_default(),
        unique_bodies: matches.get_flag("unique-bodies"),
        late_percent: number("late"),
    }
}

/// Bodies are compressed so.
pub(super) fn coding(matches: &ArgMatches) -> Coding {
    let name = matches.get_one::<String>("compression").map_or("none", String::as_str);
    Coding::parse(name).unwrap_or(Coding::None)
}

/// How requests are sent; pace and limit are the plan's.
pub(super) fn sending(matches: &ArgMatches, plan: &super::plan::Plan) -> Result<Sending, Error> {
    let text = |name| matches.get_one::<String>(name).map_or("", String::as_str);
    let protocol = if text("protocol") == "grpc" { Protocol::Grpc } else { Protocol::Http };
    Ok(Sending {
        target: Target::parse(text("to"), protocol)?,
        coding: coding(matches),
        connections: matches.get_one::<u64>("connections").map_or(1, |number| *number as usize),
        pace: plan.pace,
        limit: plan.limit,
        retry_for: after(matches, "retry-for"),
    })
}

/// The duration that a flag says.
pub(super) fn after(matches: &ArgMatches, name: &str) -> Duration {
    Duration::from_nanos(matches.get_one::<Nanos>(name).map_or(0, |nanos| *nanos as u64))
}

fn duration(text: &str) -> Result<Nanos, String> {
    query::lang::parse_duration(text).ok_or_else(|| format!("\"{text}\" is not a duration such as 15s, 4ms or 1h30m"))
}

fn time(text: &str) -> Result<Nanos, String> {
    let time = text.parse::<jiff::Timestamp>().ok().and_then(|time| Nanos::try_from(time.as_nanosecond()).ok());
    time.ok_or_else(|| format!("\"{text}\" is not a time such as 2026-01-31T12:00:00Z"))
}

fn factor(text: &str) -> Result<f64, String> {
    let factor = text.parse().ok().filter(|factor: &f64| (1e-3..=1e6).contains(factor));
    factor.ok_or_else(|| format!("\"{text}\" is not a number from 0.001 to 1000000"))
}

#[cfg(test)]
mod tests {
    use model::time::{HOUR, MILLISECOND};

    use super::*;

    #[test]
    fn flags_become_a_wish() {
        command().debug_assert();
        let matches = command()
            .try_get_matches_from([
                "load", "--spans", "20k/s", "--span", "24h", "--jitter", "4ms", "--late", "30", "--max",
            ])
            .unwrap();
        let wish = wish(&matches);
        assert_eq!((wish.spans, wish.logs), (Some(Amount::Rate(20_000.0)), None));
        assert_eq!((wish.span, wish.jitter, wish.late_percent, wish.max), (Some(24 * HOUR), 4 * MILLISECOND, 30, true));
        assert_eq!((wish.seed, wish.batch, wish.interval), (1, 1000, 15 * model::time::SECOND));
    }

    #[test]
    fn wrong_values_are_named() {
        let table = [
            (["--spans", "many"], "20M or 50k/s"),
            (["--duration", "soon"], "15s, 4ms or 1h30m"),
            (["--start", "yesterday"], "2026-01-31T12:00:00Z"),
            (["--speed", "0"], "0.001 to 1000000"),
            (["--connections", "0"], "1..=1000"),
            (["--protocol", "udp"], "possible values: http, grpc"),
        ];
        for (args, expected) in table {
            let error = command().try_get_matches_from([&["load"][..], &args].concat()).unwrap_err().to_string();
            assert!(error.contains(expected), "{args:?}: {error}");
        }
    }
}
