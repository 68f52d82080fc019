//! The questions.

use std::fmt;
use std::ops::Range;

use collector::Signal;
use model::TimeRange;
use model::time::{HOUR, SECOND};
use serde_json::Value;

use super::super::check::pick;
use super::super::generate::dice::mix;
use super::super::generate::{Generator, hex};
use super::super::ledger::Ledger;
use super::nanos;

pub(super) struct Question {
    pub(super) name: &'static str,
    /// The request for a random number.
    pub(super) request: fn(&Ledger, &Generator, u64) -> Request,
    /// What an answer holds, in a few words.
    pub(super) finds: fn(&Value) -> String,
    /// The status of a right answer, if it is not 200.
    pub(super) status: u16,
    signal: Signal,
}

pub(super) enum Request {
    Get(String, Vec<(&'static str, String)>),
    Sql(String),
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Request::Get(path, parameters) => write!(f, "{path} {parameters:?}"),
            Request::Sql(statement) => f.write_str(statement),
        }
    }
}

/// A word that one record in six or so has, one that one in a hundred has, and one that one in 250,000 has.
const COMMON: &str = "order";
const USUAL: &str = "refused";
const RARE: &str = "quarantined";

const fn question(
    name: &'static str,
    signal: Signal,
    request: fn(&Ledger, &Generator, u64) -> Request,
    finds: fn(&Value) -> String,
) -> Question {
    Question { name, request, finds, status: 200, signal }
}

const QUESTIONS: [Question; 22] = [
    question("trace by id", Signal::Traces, |ledger, generator, roll| by_id(&trace_id(ledger, generator, roll)), spans),
    Question {
        status: 404,
        ..question(
            "trace by an id that is nowhere",
            Signal::Traces,
            |_, _, roll| by_id(&hex(&[mix(roll).to_be_bytes(); 2].concat())),
            spans,
        )
    },
    question("traces: service, attribute, duration", Signal::Traces, |ledger, _, _| slow_payments(ledger), traces),
    question(
        "spans: count by SQL, all",
        Signal::Traces,
        |_, _, _| Request::Sql("SELECT count(*) FROM spans".into()),
        cell,
    ),
    question(
        "spans: count of an attribute's value",
        Signal::Traces,
        |_, _, _| Request::Sql("SELECT count(*) FROM spans WHERE attributes['http.route'] = '/api/checkout'".into()),
        cell,
    ),
    question(
        "spans: errors by service and route",
        Signal::Traces,
        |_, _, _| {
            Request::Sql(
                "SELECT service, attributes['http.route'] AS route, count(*) FROM spans WHERE status = 'error' GROUP BY 1, 2 ORDER BY 3 DESC".into(),
            )
        },
        rows,
    ),
    question(
        "spans: rates by service and kind, a day",
        Signal::Traces,
        |ledger, _, _| of_a_day(ledger, "sum by (service, span_kind) (rate(traces_spanmetrics_calls_total[24h]))"),
        series,
    ),
    question(
        "spans: calls between services, a day",
        Signal::Traces,
        |ledger, _, _| of_a_day(ledger, "sum by (client, server) (rate(traces_service_graph_request_total[24h]))"),
        series,
    ),
    question("logs: newest 100 of a common word", Signal::Logs, |ledger, _, _| newest(ledger, COMMON), records),
    question("logs: newest 100 of a usual word", Signal::Logs, |ledger, _, _| newest(ledger, USUAL), records),
    question("logs: newest 100 of a rare word", Signal::Logs, |ledger, _, _| newest(ledger, RARE), records),
    question(
        "logs: newest 100 of a word that is nowhere",
        Signal::Logs,
        |ledger, _, _| newest(ledger, "zebra"),
        records,
    ),
    question(
        "logs: newest 100 errors of a service",
        Signal::Logs,
        |ledger, _, _| newest(ledger, "service=payment severity>=error"),
        records,
    ),
    question("logs: count of a common word", Signal::Logs, |ledger, _, _| count(ledger, COMMON), total),
    question("logs: count of a rare word", Signal::Logs, |ledger, _, _| count(ledger, RARE), total),
    question(
        "logs: of a trace",
        Signal::Logs,
        |ledger, generator, roll| newest(ledger, &format!("trace_id={}", trace_of_log(ledger, generator, roll))),
        records,
    ),
    question("logs: count by SQL, all", Signal::Logs, |_, _, _| Request::Sql("SELECT count(*) FROM logs".into()), cell),
    question(
        "logs: count of an attribute's value",
        Signal::Logs,
        |_, _, _| Request::Sql("SELECT count(*) FROM logs WHERE attributes['http.route'] = '/api/checkout'".into()),
        cell,
    ),
    question("logs: count by severity, an hour", Signal::Logs, |ledger, _, _| severities(ledger), rows),
    question(
        "metrics: rate by route, an hour",
        Signal::Metrics,
        |ledger, _, _| range_query(ledger, "sum by (http_route) (rate(http_server_requests_total[5m]))"),
        series,
    ),
    question(
        "metrics: one series, an hour",
        Signal::Metrics,
        |ledger, generator, _| {
            let instance = generator.exported(0, 0).resource_attribute("service.instance.id").to_owned();
            range_query(ledger, &format!("process_thread_count{{instance=\"{instance}\"}}"))
        },
        series,
    ),
    question(
        "metrics: gauge of all instances, now",
        Signal::Metrics,
        |ledger, _, _| {
            let time = seconds(ledger.covered().end - 2 * model::time::MINUTE);
            Request::Get(
                "/api/v1/query".into(),
                vec![("query", "count by (job) (process_thread_count)".into()), ("time", time)],
            )
        },
        series,
    ),
];

/// Those about signals that the run has.
pub(super) fn questions(ledger: &Ledger) -> Vec<&'static Question> {
    QUESTIONS.iter().filter(|question| ledger.acked.of(question.signal).len() > 0).collect()
}

fn by_id(id: &str) -> Request {
    Request::Get(format!("/api/traces/{id}"), Vec::new())
}

/// A trace of the run.
fn trace_id(ledger: &Ledger, generator: &Generator, roll: u64) -> String {
    let request = pick(ledger.acked.of(Signal::Traces), roll).unwrap_or_default();
    hex(&generator.trace(one_of(ledger.workload.traces_in(request), roll)).0)
}

/// The trace of a log record of the run.
fn trace_of_log(ledger: &Ledger, generator: &Generator, roll: u64) -> String {
    let request = pick(ledger.acked.of(Signal::Logs), roll).unwrap_or_default();
    hex(&generator.trace_of_log(one_of(ledger.workload.logs_in(request), roll)))
}

fn one_of(numbers: Range<u64>, roll: u64) -> u64 {
    numbers.start + (roll >> 40) % (numbers.end - numbers.start).max(1)
}

fn slow_payments(ledger: &Ledger) -> Request {
    let TimeRange { start, end } = ledger.covered();
    let micros = |nanos: i64| (nanos / 1000).to_string();
    let parameters = vec![
        ("service", "payment".to_owned()),
        ("tags", "{\"payment.provider\":\"acme-pay\"}".to_owned()),
        ("minDuration", "200ms".to_owned()),
        ("limit", "20".to_owned()),
        ("start", micros(start)),
        ("end", micros(end)),
    ];
    Request::Get("/api/traces".into(), parameters)
}

fn newest(ledger: &Ledger, query: &str) -> Request {
    let TimeRange { start, end } = ledger.covered();
    let parameters =
        vec![("query", query.to_owned()), ("limit", "100".to_owned()), ("start", nanos(start)), ("end", nanos(end))];
    Request::Get("/api/v1/logs".into(), parameters)
}

fn count(ledger: &Ledger, query: &str) -> Request {
    let TimeRange { start, end } = ledger.covered();
    let parameters = vec![("query", query.to_owned()), ("start", nanos(start)), ("end", nanos(end))];
    Request::Get("/api/v1/logs/count".into(), parameters)
}

/// The last hour of the run.
fn last_hour(ledger: &Ledger) -> TimeRange {
    let TimeRange { start, end } = ledger.covered();
    TimeRange::new(start.max(end - HOUR), end)
}

fn severities(ledger: &Ledger) -> Request {
    let TimeRange { start, end } = last_hour(ledger);
    Request::Sql(format!(
        "SELECT severity, count(*) FROM logs WHERE time >= to_timestamp_nanos({start}) AND time < to_timestamp_nanos({end}) GROUP BY 1"
    ))
}

/// With a point a minute.
fn range_query(ledger: &Ledger, query: &str) -> Request {
    let TimeRange { start, end } = last_hour(ledger);
    let parameters =
        vec![("query", query.to_owned()), ("start", seconds(start)), ("end", seconds(end)), ("step", "60".to_owned())];
    Request::Get("/api/v1/query_range".into(), parameters)
}

/// At the end of the run, of a range of a day.
fn of_a_day(ledger: &Ledger, query: &str) -> Request {
    let time = seconds(ledger.covered().end);
    Request::Get("/api/v1/query".into(), vec![("query", query.to_owned()), ("time", time)])
}

fn seconds(time: i64) -> String {
    (time / SECOND).to_string()
}

fn length(value: &Value) -> usize {
    value.as_array().map_or(0, Vec::len)
}

fn spans(answer: &Value) -> String {
    format!("{} spans", length(&answer["data"][0]["spans"]))
}

fn traces(answer: &Value) -> String {
    format!("{} traces", length(&answer["data"]))
}

fn records(answer: &Value) -> String {
    format!("{} records of {} scanned", length(&answer["logs"]), answer["scanned"])
}

fn total(answer: &Value) -> String {
    format!("{} records, {} looked at", answer["total"], answer["scanned"])
}

fn rows(answer: &Value) -> String {
    format!("{} rows", length(&answer["rows"]))
}

fn cell(answer: &Value) -> String {
    answer["rows"][0][0].to_string()
}

fn series(answer: &Value) -> String {
    format!("{} series", length(&answer["data"]["result"]))
}
