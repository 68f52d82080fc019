//! `haechi load`: realistic telemetry, made from a seed, sent to any receiver of OTLP. docs/load.md is its manual.
//!
//! `workload` says what is made, `generate` makes it, `send` sends it. Everything is a function of the workload and the
//! number of a request, so that what must be found afterwards can be computed again.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

use clap::ArgMatches;
use tokio::sync::watch;

use crate::{clock, logging, serve};

mod amount;
mod check;
mod cli;
mod cpu;
mod file;
mod generate;
mod histogram;
mod into;
mod ledger;
mod payload;
mod plan;
mod probe;
mod query;
mod report;
mod send;
mod victoria;
mod workload;
mod write;

pub(crate) use cli::command;
use file::Reader;
use ledger::Ledger;
use probe::Probe;
use report::{Asked, Report};
use send::{Generated, Run, Sending, Source};
use workload::Workload;

/// What went wrong, for the person at the terminal.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("{}: {message}", path.display())]
    File { path: PathBuf, message: String },
    #[error("{0}")]
    Usage(String),
    #[error("not every request was accepted whole")]
    Incomplete,
}

impl Error {
    fn file(path: &Path, message: impl fmt::Display) -> Self {
        Error::File { path: path.to_owned(), message: message.to_string() }
    }

    fn usage(message: impl Into<String>) -> Self {
        Error::Usage(message.into())
    }
}

type AnyError = Box<dyn std::error::Error>;

/// Does what the arguments ask for.
pub(crate) fn run(matches: &ArgMatches) -> Result<(), AnyError> {
    logging::start("warn");
    match matches.subcommand() {
        Some(("check", matches)) => check::run(matches),
        Some(("query", matches)) => query::run(matches),
        _ => generate_and_send(matches),
    }
}

fn generate_and_send(matches: &ArgMatches) -> Result<(), AnyError> {
    cli::refuse(matches)?;
    let plan = cli::wish(matches).plan(clock::now())?;
    if let Some(path) = matches.get_one::<PathBuf>("write") {
        if path.exists() && !matches.get_flag("force") {
            return Err(Error::file(path, "is there already; name another file, or write over it with --force").into());
        }
        match matches.get_one::<String>("format").map(String::as_str) {
            Some("victoria-metrics") => victoria::series(path, &plan.workload)?,
            _ => write::requests(path, &plan.workload, cli::coding(matches))?,
        }
        return Ok(());
    }
    let ledger = matches.get_one::<PathBuf>("ledger").map(PathBuf::as_path);
    if let Some(dir) = matches.get_one::<PathBuf>("into") {
        return into::run(dir, &plan.workload, ledger, matches.get_flag("json"));
    }
    let sending = cli::sending(matches, &plan)?;
    let (source, workload, asked) = match matches.get_one::<PathBuf>("replay") {
        Some(path) => {
            let reader = Reader::open(path)?;
            let workload = reader.workload().cloned();
            (Source::File(Box::new(Mutex::new(reader))), workload, Asked::default())
        }
        None => (Source::Generated(Box::new(Generated::new(&plan.workload))), Some(plan.workload), plan.asked),
    };
    let probe = matches.get_one::<PathBuf>("probe").map(|dir| Probe::start(dir)).transpose()?;
    let mut report = Report::new(matches.get_flag("json"), asked);
    let every = cli::after(matches, "every");
    let sent = serve::runtime()?.block_on(send(sending, source, workload, ledger, &mut report, every));
    if let Some(probe) = probe {
        report.syncs(&probe.finish()?);
    }
    sent
}

/// Sends until the source is empty, the time is over or a signal to stop comes, and reports.
async fn send(
    sending: Sending,
    source: Source,
    workload: Option<Workload>,
    ledger: Option<&Path>,
    report: &mut Report,
    every: Duration,
) -> Result<(), AnyError> {
    let (stop, stopped) = watch::channel(false);
    let run = Run::new(sending, source);
    let mut tasks = run.start(&stopped);
    let mut interval = tokio::time::interval(every.max(Duration::from_millis(100)));
    interval.tick().await;
    let told_to_stop = serve::told_to_stop();
    tokio::pin!(told_to_stop);
    loop {
        tokio::select! {
            finished = tasks.join_next() => if finished.is_none() { break },
            _ = interval.tick() => report.interval(&run),
            () = &mut told_to_stop, if !*stopped.borrow() => drop(stop.send_replace(true)),
        }
    }
    let whole = report.summary(&run, *stopped.borrow());
    if let (Some(path), Some(workload)) = (ledger, workload) {
        let (acked, unsure) = run.fates();
        let rejected = collector::Signal::ALL.into_iter().map(|signal| run.total(signal).rejected).sum();
        Ledger { acked, unsure, rejected, ..Ledger::new(&workload) }.save(path)?;
    }
    match run.take_error() {
        Some(error) => Err(error.into()),
        None if !whole => Err(Error::Incomplete.into()),
        None => Ok(()),
    }
}
