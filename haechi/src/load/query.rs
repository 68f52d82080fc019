//! `haechi load query`: how long a box takes to answer, over the data of a run.
//!
//! A fixed list of questions is asked one after another, one at a time, some rounds over; those about single traces ask for
//! another one each time. What the first answer held is shown too: a fast answer to nothing says nothing.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use model::Nanos;
use serde_json::{Value, json};

use super::check::{Api, ledger_arg, ui_arg};
use super::generate::Generator;
use super::generate::dice::Stream;
use super::histogram::Histogram;
use super::ledger::Ledger;
use super::report::latency;
use super::{AnyError, Error, cpu};
use crate::logging::say;
use crate::serve;

mod questions;

use questions::{Question, questions};

pub(super) fn command() -> Command {
    Command::new("query")
        .about("Asks a box a fixed list of questions about the data of a run, and says how long the answers take")
        .arg(ledger_arg())
        .arg(ui_arg())
        .arg(number("rounds", "100", "How often each question is asked"))
        .arg(number("warm-up", "3", "How often before that, without being counted"))
        .arg(Arg::new("only").long("only").value_name("TEXT").help("Only questions whose name holds this"))
        .arg(
            Arg::new("pid")
                .long("pid")
                .value_name("PID")
                .value_parser(value_parser!(u32))
                .help("The box's process on this machine, to say what an answer costs it"),
        )
        .arg(Arg::new("json").long("json").action(ArgAction::SetTrue).help("Say it in lines of JSON"))
}

fn number(name: &'static str, default: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).value_name("N").default_value(default).value_parser(value_parser!(u64)).help(help)
}

pub(super) fn run(matches: &ArgMatches) -> Result<(), AnyError> {
    let ledger = Ledger::open(&matches.get_one::<PathBuf>("ledger").cloned().unwrap_or_default())?;
    let number = |name| matches.get_one::<u64>(name).copied().unwrap_or_default();
    let asking = Asking {
        api: Api::new(matches.get_one::<String>("ui").map_or("", String::as_str)),
        generator: Generator::new(&ledger.workload),
        stream: Stream::new(ledger.workload.seed, "questions"),
        rounds: number("rounds"),
        warm_up: number("warm-up"),
        pid: matches.get_one::<u32>("pid").copied(),
        ledger,
    };
    let only = matches.get_one::<String>("only").map_or("", String::as_str);
    let json = matches.get_flag("json");
    if !json {
        say(format_args!("{:<44}{:>10}{:>10}{:>10}{:>10}{:>10}  finds", "", "p50", "p90", "p99", "max", "CPU"));
    }
    serve::runtime()?.block_on(async {
        let mut failed = 0;
        for question in questions(&asking.ledger).iter().filter(|question| question.name.contains(only)) {
            match asking.ask(question).await {
                Ok(answered) => answered.say(question.name, json),
                Err(error) => {
                    failed += 1;
                    tracing::error!("{error}");
                }
            }
        }
        if failed > 0 {
            return Err(Error::usage(format!("{failed} questions were not answered")).into());
        }
        Ok(())
    })
}

struct Asking {
    api: Api,
    ledger: Ledger,
    generator: Generator,
    stream: Stream,
    rounds: u64,
    warm_up: u64,
    pid: Option<u32>,
}

/// The answers to one question.
#[derive(Default)]
struct Answered {
    latencies: Histogram,
    rounds: u64,
    /// Of the box, for an answer.
    cpu: Option<Duration>,
    /// What the first answer held.
    finds: String,
}

impl Asking {
    async fn ask(&self, question: &Question) -> Result<Answered, AnyError> {
        let mut answered = Answered { rounds: self.rounds, ..Answered::default() };
        let mut cpu_before = None;
        for round in 0..self.warm_up + self.rounds {
            if round == self.warm_up {
                cpu_before = self.pid.and_then(cpu::of_process);
            }
            let roll = self.stream.at(round);
            let request = (question.request)(&self.ledger, &self.generator, roll);
            let started = Instant::now();
            let (status, body) = match &request {
                questions::Request::Get(path, parameters) => {
                    let parameters: Vec<(&str, &str)> =
                        parameters.iter().map(|(key, value)| (*key, value.as_str())).collect();
                    self.api.get(path, &parameters).await?
                }
                questions::Request::Sql(statement) => (200, self.api.sql(statement.clone()).await?),
            };
            let took = started.elapsed();
            if status != 200 && status != question.status {
                let text = String::from_utf8_lossy(&body).chars().take(500).collect::<String>();
                return Err(Error::usage(format!("{}: {request}: HTTP {status}: {text}", question.name)).into());
            }
            if round == 0 {
                let body: Value = serde_json::from_slice(&body).unwrap_or_default();
                answered.finds = (question.finds)(&body);
            }
            if round >= self.warm_up {
                answered.latencies.record(took);
            }
        }
        let after = self.pid.and_then(cpu::of_process);
        let total = cpu_before.zip(after).map(|(before, after)| after.saturating_sub(before));
        answered.cpu = total.map(|total| total / u32::try_from(self.rounds.max(1)).unwrap_or(u32::MAX));
        Ok(answered)
    }
}

impl Answered {
    fn say(&self, name: &str, json: bool) {
        let quantiles = [0.5, 0.9, 0.99].map(|share| self.latencies.quantile(share));
        if json {
            let [p50, p90, p99] = quantiles.map(|it| it.as_secs_f64() * 1e3);
            let max = self.latencies.max().as_secs_f64() * 1e3;
            let cpu = self.cpu.map(|cpu| cpu.as_secs_f64() * 1e3);
            say(json!({
                "question": name, "rounds": self.rounds, "finds": self.finds, "cpu_ms": cpu,
                "latency_ms": { "p50": p50, "p90": p90, "p99": p99, "max": max },
            }));
            return;
        }
        let [p50, p90, p99] = quantiles.map(latency);
        let (max, cpu) = (latency(self.latencies.max()), self.cpu.map_or_else(|| "-".to_owned(), latency));
        say(format_args!("{name:<44}{p50:>10}{p90:>10}{p99:>10}{max:>10}{cpu:>10}  {}", self.finds));
    }
}

/// A time as the APIs take it: nanoseconds.
fn nanos(time: Nanos) -> String {
    time.to_string()
}
