//! J1, J2, J9, J10: ids, enums and the official examples in OTLP/JSON.

use std::path::Path;

use serde_json::Value as Json;

use crate::expect::{accepted, decoded, not_taken, noticed, rejects, taken};
use crate::message::{Message, base64};
use crate::probe::Probe;
use crate::protocol::{Protocol, Signal};
use crate::raw::{in_item, with_enum, with_ids};
use crate::request::Request;
use crate::rule::{Check, JSON, Miss, Rule, Test};
use crate::target::EXAMPLES;

pub(super) const ENCODING: &str = "otlp: JSON Protobuf Encoding";

pub(super) const RULES: &[Rule] = &[
    Rule::must(
        "J1.hex-lower",
        JSON,
        ENCODING,
        "trace and span ids are hex, in spans, log records and exemplars; in lower case",
        Test::Signals(|p, signal| with_ids(p, signal, "5b8efff798038103d269b633813fc60c", "eee19b7ec3c1b174"), taken),
    ),
    Rule::must(
        "J1.hex-upper",
        JSON,
        ENCODING,
        "in upper case",
        Test::Signals(|p, signal| with_ids(p, signal, "5B8EFFF798038103D269B633813FC60C", "EEE19B7EC3C1B174"), taken),
    ),
    Rule::must(
        "J1.hex-mixed",
        JSON,
        ENCODING,
        "and in mixed case",
        Test::Signals(|p, signal| with_ids(p, signal, "5b8EFFf798038103D269b633813fC60C", "Eee19b7EC3c1b174"), taken),
    ),
    Rule::must(
        "J1.not-base64",
        JSON,
        ENCODING,
        "they are not base64: a span with ids of 16 and 8 bytes in base64 is not taken as valid",
        Test::Send(|p| with_ids(p, Signal::Traces, &base64(&[0x5b; 16]), &base64(&[0xee; 8])), not_taken),
    ),
    Rule::practice(
        "J1.not-hex",
        JSON,
        ENCODING,
        "nor is one with ids that are neither",
        Test::Send(|p| with_ids(p, Signal::Traces, "zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz", "eee19b7ec3c1b174"), not_taken),
    ),
    Rule::must(
        "J1.links",
        JSON,
        ENCODING,
        "hex it is in links too",
        Test::Send(
            |p| {
                let ids = r#""traceId":"5B8EFFF798038103d269b633813fc60c","spanId":"EEE19B7Ec3c1b174""#;
                in_item(p, Signal::Traces, "links", &format!("[{{{ids}}}]"))
            },
            taken,
        ),
    ),
    Rule::must(
        "J1.empty-parent",
        JSON,
        "protojson: default values",
        "a parentSpanId that is an empty text is no parent, as a field that is not there",
        Test::Send(|p| in_item(p, Signal::Traces, "parentSpanId", "\"\""), taken),
    ),
    Rule::must(
        "J1.empty-ids",
        JSON,
        "protojson: default values",
        "a log record or an exemplar whose ids are empty texts has none",
        Test::Script(|p| Box::pin(empty_ids(p))),
    ),
    Rule::must(
        "J2.integers",
        JSON,
        ENCODING,
        "enums are integers: kind, status code, severity and temporality",
        Test::Script(|p| Box::pin(enums(p))),
    ),
    Rule::practice(
        "J2.names",
        JSON,
        ENCODING,
        "the name of an enum is not allowed for senders: it is refused, rejected or warned of, not passed over",
        Test::Signals(named_enum, noticed),
    ),
    Rule::must(
        "J9.vectors",
        JSON,
        ENCODING,
        "requests with every field of each signal are decoded",
        Test::Signals(|p, signal| p.export(signal, &full(p, signal)), decoded),
    ),
    Rule::must(
        "J9.official",
        JSON,
        "otlp: examples/*.json",
        "the official examples are decoded, with their times moved to now; needs --examples",
        Test::Script(|p| Box::pin(official(p))),
    ),
    Rule::practice(
        "J10.isolation",
        JSON,
        "practice: one bad id loses a batch",
        "an id that is no hex costs its span alone",
        Test::Send(one_bad_id, rejects::<1>),
    ),
];

/// For signals whose items need no ids.
async fn empty_ids(p: &Probe) -> Check {
    let mut outcome = Miss::not_applicable("the receiver is tested for spans alone, which need ids");
    for signal in p.signals().filter(|signal| *signal != Signal::Traces) {
        outcome = Ok(taken(&p.send(with_ids(p, signal, "", "")).await?)?);
    }
    outcome
}

async fn enums(p: &Probe) -> Check {
    for signal in p.signals() {
        let n_values = match signal {
            Signal::Traces => 0..=5,
            Signal::Metrics => 1..=2,
            Signal::Logs => 0..=24,
        };
        for value in n_values {
            taken(&p.send(with_enum(p, signal, &value.to_string())).await?)?;
        }
    }
    if p.takes(Signal::Traces) {
        for code in 0..=2 {
            taken(&p.send(in_item(p, Signal::Traces, "status/code", &code.to_string())).await?)?;
        }
    }
    Ok(())
}

fn named_enum(p: &Probe, signal: Signal) -> Request {
    let name = match signal {
        Signal::Traces => "SPAN_KIND_SERVER",
        Signal::Metrics => "AGGREGATION_TEMPORALITY_DELTA",
        Signal::Logs => "SEVERITY_NUMBER_INFO",
    };
    with_enum(p, signal, &format!("\"{name}\""))
}

fn one_bad_id(p: &Probe) -> Request {
    let mut json = p.traces([p.span(), p.span(), p.span()]).json();
    json["resourceSpans"][0]["scopeSpans"][0]["spans"][1]["traceId"] = "not hex".into();
    p.post(Signal::Traces, json.to_string())
}

/// A request with every field.
pub(super) fn full(p: &Probe, signal: Signal) -> Message {
    match signal {
        Signal::Traces => p.traces([super::traces::full_span(p)]),
        Signal::Logs => p.logs([super::logs::full_record(p)]),
        Signal::Metrics => {
            p.metrics(super::metrics::every_kind(p).into_iter().chain([super::metrics::with_exemplars(p)]))
        }
    }
}

async fn official(p: &Probe) -> Check {
    let Some(folder) = p.shared.options.examples.clone() else {
        return Miss::not_applicable("no folder was given with --examples");
    };
    for (file, signal) in EXAMPLES.into_iter().filter(|(_, signal)| p.takes(*signal)) {
        let mut json = example(&folder.join(file)).map_err(Miss::NotApplicable)?;
        accepted(&p.send(Request::post(Protocol::HttpJson, signal, json.to_string())).await?)?;
        move_to(&mut json, p.now());
        decoded(&p.send(Request::post(Protocol::HttpJson, signal, json.to_string())).await?)?;
    }
    Ok(())
}

fn example(path: &Path) -> Result<Json, String> {
    let text = std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
    serde_json::from_slice(&text).map_err(|error| format!("{}: {error}", path.display()))
}

/// Sets all times to `now`: those of the examples are of 2018, which a receiver may find too old to keep.
fn move_to(json: &mut Json, now: u64) {
    match json {
        Json::Object(object) => {
            for (key, value) in object {
                if key.to_ascii_lowercase().ends_with("timeunixnano") {
                    *value = now.to_string().into();
                } else {
                    move_to(value, now);
                }
            }
        }
        Json::Array(list) => list.iter_mut().for_each(|value| move_to(value, now)),
        _ => {}
    }
}
