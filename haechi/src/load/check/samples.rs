//! Single items, looked up through the APIs that people use: a trace by its id, its log records, a metric by PromQL.

use std::collections::BTreeSet;

use collector::Signal;
use model::time::SECOND;
use serde_json::Value;

use super::super::AnyError;
use super::super::generate::dice::Stream;
use super::super::generate::{Generator, hex, series_names};
use super::super::ledger::{Ledger, Ranges};
use super::Api;
use crate::logging::say;

/// A random number of `ranges`.
pub(in crate::load) fn pick(ranges: &Ranges, roll: u64) -> Option<u64> {
    let place = roll.checked_rem(ranges.len())?;
    ranges.nth(place)
}

/// Looks up `n` traces and `n` metrics; says what it found.
pub(super) async fn look_up(ledger: &Ledger, api: &Api, n: u64) -> Result<bool, AnyError> {
    let generator = Generator::new(&ledger.workload);
    let stream = Stream::new(ledger.workload.seed, "check");
    let mut wrong = Vec::new();
    let (mut n_traces, mut n_metrics) = (0, 0);
    for index in 0..n {
        let roll = stream.at(index);
        if let Some(request) = pick(ledger.acked.of(Signal::Traces), roll) {
            let numbers = ledger.workload.traces_in(request);
            let number = numbers.start + (roll >> 32) % (numbers.end - numbers.start).max(1);
            wrong.extend(trace(&generator, number, api).await?);
            n_traces += 1;
        }
        if let Some(request) = pick(ledger.acked.of(Signal::Metrics), roll) {
            wrong.extend(metric(&generator, request, roll, api).await?);
            n_metrics += 1;
        }
    }
    if n_traces + n_metrics > 0 {
        say(format_args!("looked up {n_traces} traces by id and {n_metrics} metrics by PromQL, {} wrong", wrong.len()));
    }
    wrong.iter().take(10).for_each(|wrong| say(format_args!("  {wrong}")));
    Ok(wrong.is_empty())
}

/// What is wrong with the answer for a trace.
async fn trace(generator: &Generator, number: u64, api: &Api) -> Result<Option<String>, AnyError> {
    let (id, spans) = generator.trace(number);
    let id = hex(&id);
    let (status, body) = api.get(&format!("/api/traces/{id}"), &[]).await?;
    let answer: Value = serde_json::from_slice(&body).unwrap_or_default();
    let ids = answer["data"][0]["spans"].as_array().into_iter().flatten().filter_map(|span| span["spanID"].as_str());
    let found: BTreeSet<String> = ids.map(str::to_owned).collect();
    let wanted: BTreeSet<String> = spans.iter().map(|id| hex(id)).collect();
    let right = status == 200 && found == wanted;
    Ok((!right).then(|| format!("trace {id}: HTTP {status}, {} of {} spans", found.len(), wanted.len())))
}

/// What is wrong with the answer for one series at the time of an export.
async fn metric(generator: &Generator, request: u64, roll: u64, api: &Api) -> Result<Option<String>, AnyError> {
    let lateness = generator.lateness(Signal::Metrics, request);
    let Some((resource, tick)) = generator.exports_in(request).next() else { return Ok(None) };
    let export = generator.exported(resource, tick);
    let names = series_names();
    let index = (roll >> 40) as usize % names.len();
    let (name, _, attributes) = &names[index];
    let instance = export.resource_attribute("service.instance.id");
    let mut selector = format!("{{\"{name}\", instance=\"{instance}\"");
    attributes.iter().for_each(|(key, value)| selector.push_str(&format!(", \"{key}\"=\"{value}\"")));
    selector.push('}');
    let time = export.time - lateness;
    let time = format!("{}.{:09}", time / SECOND, time % SECOND);
    let (status, body) = api.get("/api/v1/query", &[("query", &selector), ("time", &time)]).await?;
    let answer: Value = serde_json::from_slice(&body).unwrap_or_default();
    let found = answer["data"]["result"][0]["value"][1].as_str().and_then(|text| text.parse::<f64>().ok());
    let wanted = export.values[index].as_f64();
    let right = found == Some(wanted);
    Ok((!right).then(|| format!("{selector} at {time}: HTTP {status}, {found:?} instead of {wanted}")))
}
