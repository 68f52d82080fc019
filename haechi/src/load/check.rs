//! `haechi load check`: whether a box holds what was acknowledged, each item once and as it was sent.
//!
//! What must be there is computed again from the ledger's workload, decoded, and compared with what SQL answers, window by
//! window of time. Some items are then looked up as a person would: a trace by its id, a metric by PromQL.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::{Arg, ArgMatches, Command, value_parser};
use collector::Signal;
use model::Nanos;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::ledger::Ledger;
use super::{AnyError, Error};
use crate::logging::say;
use crate::serve;

mod expected;
mod found;
mod samples;

use expected::{Expected, Row};
pub(super) use samples::pick;

pub(super) fn command() -> Command {
    Command::new("check")
        .about("Checks that a box holds every acknowledged item of a run once, as it was sent")
        .arg(ledger_arg())
        .arg(ui_arg())
        .arg(
            Arg::new("samples")
                .long("samples")
                .value_name("N")
                .default_value("100")
                .value_parser(value_parser!(u64))
                .help("How many traces and metrics to look up one by one besides"),
        )
}

pub(super) fn ledger_arg() -> Arg {
    Arg::new("ledger").required(true).value_parser(value_parser!(PathBuf)).help("The ledger that the run wrote")
}

pub(super) fn ui_arg() -> Arg {
    Arg::new("ui")
        .long("ui")
        .value_name("URL")
        .default_value("http://127.0.0.1:4319")
        .help("The box, where its UI and query APIs are")
}

pub(super) fn run(matches: &ArgMatches) -> Result<(), AnyError> {
    let ledger = matches.get_one::<PathBuf>("ledger").map_or_else(PathBuf::new, PathBuf::clone);
    let ledger = Ledger::open(&ledger)?;
    let api = Api::new(matches.get_one::<String>("ui").map_or("", String::as_str));
    let samples = matches.get_one::<u64>("samples").copied().unwrap_or_default();
    if ledger.rejected > 0 {
        return Err(
            Error::usage("the receiver rejected items of this run, so it cannot be known what must be there").into()
        );
    }
    let sound = serve::runtime()?.block_on(async {
        let mut sound = true;
        for signal in Signal::ALL {
            sound &= check(signal, &ledger, &api).await?;
        }
        Ok::<_, AnyError>(sound & samples::look_up(&ledger, &api, samples).await?)
    })?;
    if sound { Ok(()) } else { Err(Error::usage("the box does not hold what it acknowledged").into()) }
}

/// The query APIs of a box.
pub(super) struct Api {
    client: reqwest::Client,
    base: String,
}

/// What SQL answers, each row as a tuple.
#[derive(Deserialize)]
struct Answer<T> {
    rows: Vec<T>,
    truncated: bool,
    warnings: Vec<String>,
}

impl Api {
    pub(super) fn new(base: &str) -> Self {
        Api { client: reqwest::Client::new(), base: base.trim_end_matches('/').to_owned() }
    }

    /// The body of the answer to a request, with its status.
    pub(super) async fn get(&self, path: &str, parameters: &[(&str, &str)]) -> Result<(u16, bytes::Bytes), AnyError> {
        let request = self.client.get(format!("{}{path}", self.base)).query(parameters);
        let response = request.send().await?;
        Ok((response.status().as_u16(), response.bytes().await?))
    }

    /// The answer to a statement in SQL, in arrays.
    pub(super) async fn sql(&self, statement: String) -> Result<bytes::Bytes, AnyError> {
        let url = format!("{}/api/v1/sql?limit=1000000&rows=arrays", self.base);
        let response = self.client.post(url).body(statement.clone()).send().await?;
        let status = response.status();
        let body = response.bytes().await?;
        if status.is_success() {
            return Ok(body);
        }
        Err(format!("{statement}: {status}: {}", String::from_utf8_lossy(&body)).into())
    }

    /// All rows that a statement gives.
    async fn rows<T: DeserializeOwned>(&self, statement: String) -> Result<Vec<T>, AnyError> {
        let body = self.sql(statement.clone()).await?;
        let answer: Answer<T> = serde_json::from_slice(&body).map_err(|error| format!("{statement}: {error}"))?;
        for warning in &answer.warnings {
            say(format_args!("warning of the box: {warning}"));
        }
        if answer.truncated {
            return Err(format!("{statement}: the answer was cut off; {ALONE}").into());
        }
        Ok(answer.rows)
    }
}

/// What came of comparing.
#[derive(Debug, Default, PartialEq, Eq)]
struct Findings {
    /// Acknowledged items, found once.
    found: u64,
    /// Acknowledged and not found.
    missing: u64,
    /// Found more than once.
    repeated: u64,
    /// Found and not sent in this run, or not so.
    unknown: u64,
    /// Of each request in doubt, how many items were found and how many it has.
    in_doubt: BTreeMap<u64, (u64, u64)>,
}

impl Findings {
    /// Compares what should be in a window of time with what is. Both get sorted.
    fn compare(&mut self, expected: &mut [Row], found: &mut [(Nanos, u64)]) {
        expected.sort_unstable_by_key(|row| (row.time, row.content));
        found.sort_unstable();
        let mut at = 0;
        for row in expected {
            let key = (row.time, row.content);
            while at < found.len() && found[at] < key {
                self.unknown += 1;
                at += 1;
            }
            let times = found[at..].iter().take_while(|it| **it == key).count() as u64;
            at += times as usize;
            self.repeated += times.saturating_sub(1);
            if row.in_doubt {
                let request = self.in_doubt.entry(row.request).or_default();
                request.0 += times.min(1);
                request.1 += 1;
            } else if times == 0 {
                self.missing += 1;
            } else {
                self.found += 1;
            }
        }
        self.unknown += (found.len() - at) as u64;
    }

    fn torn(&self) -> usize {
        self.in_doubt.values().filter(|(found, all)| *found != 0 && found != all).count()
    }

    fn is_sound(&self) -> bool {
        self.missing == 0 && self.repeated == 0 && self.unknown == 0 && self.torn() == 0
    }

    fn say(&self, signal: Signal) {
        let (name, items) = (signal.name(), |n| signal.item(n));
        say(format_args!("{name}: {} acknowledged {} found once and as sent", self.found, items(self.found)));
        for (count, what) in [
            (self.missing, "acknowledged, and not found as sent"),
            (self.repeated, "found more than once"),
            (self.unknown, "found that were not sent so"),
        ] {
            if count > 0 {
                say(format_args!("{name}: {count} {} {what}", items(count)));
            }
        }
        if self.unknown > 0 {
            say(format_args!("{name}: {ALONE}"));
        }
        if !self.in_doubt.is_empty() {
            let whole = self.in_doubt.values().filter(|(found, all)| found == all).count();
            let (all, torn) = (self.in_doubt.len(), self.torn());
            say(format_args!("{name}: of {all} requests without an answer {whole} are there whole, {torn} in part"));
        }
    }
}

/// What the box must be like.
const ALONE: &str =
    "a box is checked that holds nothing but the run: what others sent cannot be told from what is wrong";

/// Rows that are compared at a time.
const WINDOW: usize = 100_000;

async fn check(signal: Signal, ledger: &Ledger, api: &Api) -> Result<bool, AnyError> {
    let mut expected = Expected::new(signal, ledger, WINDOW);
    let mut findings = Findings::default();
    let mut any = false;
    while let Some((range, mut rows)) = expected.next_window()? {
        any = true;
        let mut found = found::rows(signal, range, api).await?;
        findings.compare(&mut rows, &mut found);
    }
    if any {
        findings.say(signal);
    }
    Ok(findings.is_sound())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(time: Nanos, content: u64) -> Row {
        Row { time, content, request: 0, in_doubt: false }
    }

    #[test]
    fn differences_are_told_apart() {
        type Case<'a> = (&'a [Row], &'a [(Nanos, u64)], [u64; 4]);
        let two = [row(2, 20), row(1, 10)];
        let table: [Case<'_>; 7] = [
            (&two, &[(1, 10), (2, 20)], [2, 0, 0, 0]),
            (&two, &[(2, 20)], [1, 1, 0, 0]),
            (&two, &[(1, 10), (2, 20), (1, 10)], [2, 0, 1, 0]),
            (&two, &[(1, 10), (2, 21)], [1, 1, 0, 1]),
            (&two, &[(0, 1), (1, 10), (2, 20), (3, 1)], [2, 0, 0, 2]),
            (&two, &[], [0, 2, 0, 0]),
            (&[], &[(1, 10)], [0, 0, 0, 1]),
        ];
        for (expected, found, counts) in table {
            let mut findings = Findings::default();
            findings.compare(&mut expected.to_vec(), &mut found.to_vec());
            let Findings { found: n, missing, repeated, unknown, .. } = findings;
            assert_eq!([n, missing, repeated, unknown], counts, "{found:?}");
        }
    }

    #[test]
    fn a_request_in_doubt_is_there_whole_or_not_at_all() {
        for (found, sound) in
            [(&[][..], true), (&[(1, 10), (2, 20)], true), (&[(2, 20)], false), (&[(1, 10), (1, 10)], false)]
        {
            let mut findings = Findings::default();
            let mut expected = [row(1, 10), row(2, 20)].map(|row| Row { in_doubt: true, ..row });
            findings.compare(&mut expected, &mut found.to_vec());
            assert_eq!(findings.is_sound(), sound, "{found:?}");
        }
    }
}
