//! Flags that say nothing beside others: a run that ignored them would not be the one that was asked for.

use clap::ArgMatches;
use clap::parser::ValueSource;

use super::super::Error;
use super::super::amount::Amount;

/// What the requests of a file are, which their file says.
const WORKLOAD: [&str; 15] = [
    "shops",
    "spans",
    "logs",
    "samples",
    "seed",
    "span",
    "start",
    "batch",
    "spans-per-trace",
    "interval",
    "jitter",
    "histograms",
    "exemplars",
    "churn",
    "unique-bodies",
];
/// How requests are sent, where none is.
const SENDING: [&str; 8] = ["to", "protocol", "connections", "retry-for", "probe", "every", "speed", "max"];

fn is_given(matches: &ArgMatches, name: &str) -> bool {
    matches.value_source(name) == Some(ValueSource::CommandLine)
}

/// Fails on the first flag that is given and that another one makes useless.
pub(in crate::load) fn refuse(matches: &ArgMatches) -> Result<(), Error> {
    let given = |names: &[&'static str]| names.iter().copied().find(|name| is_given(matches, name));
    let wrong =
        |mode: &str, flag: &str, why: &str| Err(Error::usage(format!("--{flag}: {why}; leave it out with --{mode}")));
    if is_given(matches, "replay") {
        if let Some(flag) = given(&WORKLOAD).or_else(|| given(&["late"])) {
            return wrong("replay", flag, "the requests are those of the file");
        }
        if given(&["compression"]).is_some() {
            return wrong("replay", "compression", "the requests are compressed as the file has them");
        }
        if is_given(matches, "duration") && !matches.get_flag("max") {
            return wrong("replay", "duration", "the requests have their times, unless --max is given too");
        }
    }
    if is_given(matches, "write")
        && let Some(flag) = given(&SENDING).or_else(|| given(&["ledger", "json"]))
    {
        return wrong("write", flag, "nothing is sent");
    }
    if is_given(matches, "into") {
        if let Some(flag) = given(&SENDING).or_else(|| given(&["compression"])) {
            return wrong("into", flag, "nothing is sent");
        }
        let amount = |name: &&str| matches.get_one::<Amount>(name).copied();
        let amounts = ["spans", "logs", "samples"];
        if let Some(flag) = amounts.iter().find(|name| matches!(amount(name), Some(Amount::Rate(_)))) {
            return wrong(
                "into",
                flag,
                "a rate means nothing where requests are taken as they are made: give a total, such as 20M",
            );
        }
        if amounts.iter().all(|name| amount(name).is_none()) {
            return Err(Error::usage("--into: give totals, such as --spans 20M"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::command;
    use super::*;

    #[test]
    fn flags_that_would_be_ignored_are_refused_by_name() {
        let table: [(&[&str], &str); 12] = [
            (&["--replay", "f", "--max", "--duration", "5s", "--to", "http://h:1", "--json"], ""),
            (&["--replay", "f", "--logs", "5"], "--logs: the requests are those of the file"),
            (&["--replay", "f", "--late", "5"], "--late: "),
            (&["--replay", "f", "--compression", "gzip"], "--compression: "),
            (&["--replay", "f", "--duration", "5s"], "--duration: "),
            (&["--write", "f", "--logs", "5", "--compression", "gzip"], ""),
            (&["--write", "f", "--ledger", "l"], "--ledger: nothing is sent"),
            (&["--into", "d", "--logs", "5", "--span", "1h", "--ledger", "l", "--json"], ""),
            (&["--into", "d", "--logs", "5/s"], "--logs: a rate means nothing"),
            (&["--into", "d", "--logs", "5", "--spans", "5/s"], "--spans: a rate means nothing"),
            (&["--into", "d", "--logs", "5", "--connections", "5"], "--connections: "),
            (&["--into", "d"], "--into: give totals"),
        ];
        for (args, expected) in table {
            let matches = command().try_get_matches_from([&["load"], args].concat()).unwrap();
            let said = refuse(&matches).err().map_or_else(String::new, |error| error.to_string());
            assert!(said.starts_with(expected) && said.is_empty() == expected.is_empty(), "{args:?}: {said}");
        }
    }
}
