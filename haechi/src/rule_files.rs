//! `haechi rules`: what can be done with Prometheus' rule files without a box.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::PathBuf;
use std::sync::Arc;

use clap::{Arg, ArgMatches, Command};
use model::time::MINUTE;
use model::{Nanos, TimeRange};
use slo::rules::RuleGroup;
use store::Snapshot;

use crate::alerting::RuleFiles;
use crate::alerting::rules::replay::{Replayed, read, replay};
use crate::api::time;
use crate::inspect::many;
use crate::logging::{complain, say};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// How far a backtest goes back that does not say it.
const USUAL_RANGE: Nanos = 24 * 60 * MINUTE;

pub(crate) fn command() -> Command {
    let files =
        Arg::new("files").num_args(1..).required(true).value_name("FILE").help("Rule files, or patterns of them");
    let backtest = Command::new("backtest")
        .about("Says when alerts of rules would have fired over stored data; changes nothing")
        .arg(files.clone());
    Command::new("rules")
        .about("Works with Prometheus' rule files")
        .subcommand_required(true)
        .subcommand(Command::new("check").about("Checks rule files: prints every mistake with its place").arg(files))
        .subcommand(with_range(backtest))
}

/// Adds the arguments of a backtest: which data, and which time.
pub(crate) fn with_range(command: Command) -> Command {
    let time = |name: &'static str, help: &'static str| {
        Arg::new(name).long(name).value_name("TIME").help(help).value_parser(time::from_argument)
    };
    let dir = Arg::new("data-dir")
        .long("data-dir")
        .value_name("DIR")
        .default_value("./haechi-data")
        .value_parser(clap::value_parser!(PathBuf))
        .help("The data directory; a box may be using it");
    command
        .arg(dir)
        .arg(time("from", "Its start, as RFC 3339 or seconds since the epoch [default: a day before its end]"))
        .arg(time("to", "Its end [default: now]"))
}

/// The data and the time that a backtest is about, and the time now.
pub(crate) fn range(matches: &ArgMatches) -> Result<(Snapshot, TimeRange, Nanos)> {
    let now = crate::clock::now();
    let to = matches.get_one("to").copied().unwrap_or(now);
    let from = matches.get_one("from").copied().unwrap_or(to.saturating_sub(USUAL_RANGE));
    if from >= to {
        return Err("--from: it is not before --to".into());
    }
    let dir: &PathBuf = matches.get_one("data-dir").expect("the argument has a default");
    let (snapshot, recovery) =
        store::inspect::snapshot(dir, &(Box::new(collector::decode_for_replay) as store::Decode))?;
    recovery.damage.iter().for_each(|damage| complain(damage));
    Ok((snapshot, TimeRange::new(from, to), now))
}

pub(crate) fn run(matches: &ArgMatches) -> Result<()> {
    match matches.subcommand() {
        Some(("check", matches)) => {
            print_check(&groups(matches)?);
            Ok(())
        }
        Some(("backtest", matches)) => {
            let groups = groups(matches)?;
            let (snapshot, range, _) = self::range(matches)?;
            print_replay(&replay(snapshot, &groups, range, || true), range);
            Ok(())
        }
        _ => Ok(()),
    }
}

fn groups(matches: &ArgMatches) -> Result<Vec<Arc<RuleGroup>>> {
    let files = matches.get_many::<String>("files").unwrap_or_default().cloned().collect();
    Ok(read(&RuleFiles::listed(files, MINUTE))?)
}

fn print_check(groups: &[Arc<RuleGroup>]) {
    let mut files: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    for group in groups {
        let (n_groups, n_rules) = files.entry(&group.file).or_default();
        (*n_groups, *n_rules) = (*n_groups + 1, *n_rules + group.rules.len() as u64);
        let mut seen: BTreeMap<String, u64> = BTreeMap::new();
        for rule in &group.rules {
            if let Some(line) = seen.insert(rule.identity(), rule.place.line) {
                let (file, here) = (&group.file, rule.place.line);
                say(format_args!(
                    "{file}:{here}: note: {} has the name and the labels of the rule in line {line}",
                    rule.name
                ));
            }
        }
    }
    for (file, (n_groups, n_rules)) in files {
        say(format_args!("{file}: {}, {}, no mistakes", many(n_groups, "group"), many(n_rules, "rule")));
    }
    if groups.is_empty() {
        say("no groups of rules");
    }
}

fn print_replay(replayed: &Replayed, range: TimeRange) {
    for fired in &replayed.fired {
        let until = fired.until.unwrap_or(range.end);
        let lasted = slo::duration::format(until - fired.since);
        let end = fired.until.map_or("still fires".to_owned(), time::format);
        let labels = fired.labels.iter().filter(|(name, _)| *name != slo::rules::ALERT_NAME);
        let labels: Vec<String> = labels.map(|(name, value)| format!("{name}={value:?}")).collect();
        let (since, name, group) = (time::format(fired.since), fired.name(), &fired.group);
        say(format_args!("{since} to {end} ({lasted}): {name} {{{}}} of {group}", labels.join(", ")));
    }
    for ((group, rule), (times, error)) in &replayed.failed {
        complain(&format_args!("{group}: {rule} failed in {}: {error}", many(*times as u64, "evaluation")));
    }
    let (from, to) = (time::format(range.start), time::format(range.end));
    let evaluations = many(replayed.evaluations as u64, "evaluation");
    say(format_args!("{} from {from} to {to}, in {evaluations}", many(replayed.fired.len() as u64, "alert")));
}
