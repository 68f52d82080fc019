//! J1 to J4, J9, J10: ids, enums, unknown keys and the official examples in OTLP/JSON.

use std::path::Path;

use serde_json::{Map, Value as Json};

use crate::expect::{accepted, not_taken, noticed, rejects, taken};
use crate::message::{Message, Value, base64};
use crate::probe::Probe;
use crate::protocol::{Protocol, Signal};
use crate::request::Request;
use crate::rule::{ALL, Check, JSON, Miss, Rule, Test};
use crate::sample::{attribute, each_item, string};

const ENCODING: &str = "otlp: JSON Protobuf Encoding";

pub(super) const RULES: &[Rule] = &[
    Rule::must(
        "J1.hex-lower",
        JSON,
        ENCODING,
        "trace and span ids are hex; in lower case",
        Test::Send(|p| with_ids(p, "5b8efff798038103d269b633813fc60c", "eee19b7ec3c1b174"), taken),
    ),
    Rule::must(
        "J1.hex-upper",
        JSON,
        ENCODING,
        "in upper case",
        Test::Send(|p| with_ids(p, "5B8EFFF798038103D269B633813FC60C", "EEE19B7EC3C1B174"), taken),
    ),
    Rule::must(
        "J1.hex-mixed",
        JSON,
        ENCODING,
        "and in mixed case",
        Test::Send(|p| with_ids(p, "5b8EFFf798038103D269b633813fC60C", "Eee19b7EC3c1b174"), taken),
    ),
    Rule::must(
        "J1.not-base64",
        JSON,
        ENCODING,
        "they are not base64: a span with ids of 16 and 8 bytes in base64 is not taken as valid",
        Test::Send(|p| with_ids(p, &base64(&[0x5b; 16]), &base64(&[0xee; 8])), not_taken),
    ),
    Rule::practice(
        "J1.not-hex",
        JSON,
        ENCODING,
        "nor is one with ids that are neither",
        Test::Send(|p| with_ids(p, "zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz", "eee19b7ec3c1b174"), not_taken),
    ),
    Rule::must(
        "J1.links-logs-exemplars",
        JSON,
        ENCODING,
        "hex it is in links, log records and exemplars too",
        Test::Script(|p| Box::pin(ids_elsewhere(p))),
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
        Test::Send(|p| with_key(p, Signal::Traces, "kind", "\"SPAN_KIND_SERVER\""), noticed),
    ),
    Rule::must(
        "J3.unknown-request",
        ALL,
        ENCODING,
        "a field of the request that the receiver does not know is ignored; in protobuf as in JSON",
        Test::Signals(|p, signal| p.export(signal, &unknown(p.sample(signal))), taken),
    ),
    Rule::must(
        "J3.unknown-resource",
        ALL,
        ENCODING,
        "so is one of a resource, its attributes and the groups around it",
        Test::Signals(
            |p, signal| p.export(signal, &p.sample(signal).each(1, |it| unknown(it.each(1, unknown)))),
            taken,
        ),
    ),
    Rule::must(
        "J3.unknown-scope",
        ALL,
        ENCODING,
        "so is one of a scope",
        Test::Signals(
            |p, signal| p.export(signal, &p.sample(signal).each(1, |it| it.each(2, |it| unknown(it.each(1, unknown))))),
            taken,
        ),
    ),
    Rule::must(
        "J3.unknown-item",
        ALL,
        ENCODING,
        "so is one of a span, a metric or a log record",
        Test::Signals(|p, signal| p.export(signal, &each_item(p.sample(signal), unknown)), taken),
    ),
    Rule::must(
        "J3.unknown-value",
        ALL,
        ENCODING,
        "so is one of an attribute and its value",
        Test::Send(
            |p| {
                let value = unknown(string("v"));
                let span = p.span().many(9, "attributes", [unknown(attribute("k", value))]);
                p.export(Signal::Traces, &p.traces([span]))
            },
            taken,
        ),
    ),
    Rule::must(
        "J3.unknown-types",
        JSON,
        ENCODING,
        "whatever its JSON type is: null, number, object, nested arrays",
        Test::Script(|p| Box::pin(unknown_types(p))),
    ),
    Rule::must(
        "J4.snake-case-request",
        JSON,
        ENCODING,
        "resource_spans is no key but an unknown one: what is below it is ignored, and the reply a success",
        Test::Send(|p| p.post(Signal::Traces, "{\"resource_spans\":[{\"scope_spans\":7}]}"), taken),
    ),
    Rule::must(
        "J4.snake-case-field",
        JSON,
        ENCODING,
        "so are the original names of other fields: dropped_attributes_count with a text is ignored",
        Test::Send(|p| with_key(p, Signal::Traces, "dropped_attributes_count", "\"many\""), taken),
    ),
    Rule::practice(
        "J4.warning",
        JSON,
        "otlp: Partial Success, warnings",
        "the sender of resource_spans, all of whose data is ignored, is warned in partial_success",
        Test::Send(snake_case, noticed),
    ),
    Rule::must(
        "J9.vectors",
        JSON,
        ENCODING,
        "requests with every field of each signal are decoded",
        Test::Script(|p| Box::pin(vectors(p))),
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

/// Puts the JSON text `raw` at a key of the item of a request; `path` may lead below it, as in `status/code`.
pub(super) fn with_key(p: &Probe, signal: Signal, path: &str, raw: &str) -> Request {
    const MARK: &str = "@@conformance@@";
    let mut json = p.sample(signal).json();
    let mut place = json.pointer_mut(item_pointer(signal));
    for step in path.split('/') {
        place = place.map(|it| match it {
            Json::Array(list) => &mut list[0],
            other => other,
        });
        place = place.map(|it| &mut it[step]);
    }
    if let Some(place) = place {
        *place = Json::from(MARK);
    }
    p.post(signal, json.to_string().replace(&format!("\"{MARK}\""), raw))
}

fn item_pointer(signal: Signal) -> &'static str {
    match signal {
        Signal::Traces => "/resourceSpans/0/scopeSpans/0/spans/0",
        Signal::Metrics => "/resourceMetrics/0/scopeMetrics/0/metrics/0",
        Signal::Logs => "/resourceLogs/0/scopeLogs/0/logRecords/0",
    }
}

fn with_ids(p: &Probe, trace_id: &str, span_id: &str) -> Request {
    let mut json = p.sample(Signal::Traces).json();
    if let Some(span) = json.pointer_mut(item_pointer(Signal::Traces)) {
        span["traceId"] = trace_id.into();
        span["spanId"] = span_id.into();
        span["parentSpanId"] = span_id.into();
    }
    p.post(Signal::Traces, json.to_string())
}

fn one_bad_id(p: &Probe) -> Request {
    let mut json = p.traces([p.span(), p.span(), p.span()]).json();
    json["resourceSpans"][0]["scopeSpans"][0]["spans"][1]["traceId"] = "not hex".into();
    p.post(Signal::Traces, json.to_string())
}

async fn ids_elsewhere(p: &Probe) -> Check {
    let (trace_id, span_id) = ("5B8EFFF798038103d269b633813fc60c", "EEE19B7Ec3c1b174");
    let link = format!(r#"[{{"traceId":"{trace_id}","spanId":"{span_id}"}}]"#);
    taken(&p.send(with_key(p, Signal::Traces, "links", &link)).await?)?;
    let id = format!(r#""{trace_id}","spanId":"{span_id}""#);
    taken(&p.send(with_key(p, Signal::Logs, "traceId", &id)).await?)?;
    let exemplar = format!(r#"[{{"timeUnixNano":"{}","asInt":"1","traceId":{id}}}]"#, p.now());
    taken(&p.send(with_key(p, Signal::Metrics, "gauge/dataPoints/exemplars", &exemplar)).await?)
}

async fn enums(p: &Probe) -> Check {
    for kind in 0..=5 {
        taken(&p.send(with_key(p, Signal::Traces, "kind", &kind.to_string())).await?)?;
    }
    for code in 0..=2 {
        taken(&p.send(with_key(p, Signal::Traces, "status/code", &code.to_string())).await?)?;
    }
    taken(&p.send(with_key(p, Signal::Logs, "severityNumber", "17")).await?)?;
    let sum = p.metrics([p.sum(2, [p.number_point()])]);
    taken(&p.send(p.export(Signal::Metrics, &sum)).await?)
}

/// The message with a field that no version of the protocol has.
fn unknown(message: Message) -> Message {
    message.set(1999, "conformanceUnknown", Value::Message(Message::new().text(1, "key", "value")))
}

async fn unknown_types(p: &Probe) -> Check {
    let values = ["null", "-1.5e3", "\"text\"", "true", "[]", "{}", r#"[[{"a":[null,{"b":{}}]}],1]"#];
    for signal in Signal::ALL {
        for value in values {
            taken(&p.send(with_key(p, signal, "conformanceUnknown", value)).await?)?;
        }
    }
    Ok(())
}

/// A whole request with the names of the `.proto` files for keys.
fn snake_case(p: &Probe) -> Request {
    let name = |key: &str| -> String {
        key.chars()
            .flat_map(|letter| {
                letter.is_ascii_uppercase().then_some('_').into_iter().chain([letter.to_ascii_lowercase()])
            })
            .collect()
    };
    p.post(Signal::Traces, renamed(&p.sample(Signal::Traces).json(), &name).to_string())
}

/// `json` with other names for all keys.
fn renamed(json: &Json, name: &impl Fn(&str) -> String) -> Json {
    match json {
        Json::Object(object) => {
            let entries = object.iter().map(|(key, value)| (name(key), renamed(value, name)));
            Json::Object(entries.collect::<Map<_, _>>())
        }
        Json::Array(list) => list.iter().map(|value| renamed(value, name)).collect(),
        other => other.clone(),
    }
}

async fn vectors(p: &Probe) -> Check {
    let json = [
        (Signal::Traces, p.traces([super::traces::full_span(p)])),
        (Signal::Logs, p.logs([super::logs::full_record(p)])),
        (Signal::Metrics, p.metrics(super::metrics::every_kind(p))),
    ];
    for (signal, message) in json {
        taken(&p.send(p.export(signal, &message)).await?)?;
    }
    Ok(())
}

async fn official(p: &Probe) -> Check {
    let Some(folder) = p.shared.options.examples.clone() else {
        return Miss::not_applicable("no folder was given with --examples");
    };
    let files = [
        ("trace.json", Signal::Traces),
        ("metrics.json", Signal::Metrics),
        ("logs.json", Signal::Logs),
        ("events.json", Signal::Logs),
    ];
    for (file, signal) in files {
        let mut json = example(&folder.join(file)).map_err(Miss::NotApplicable)?;
        accepted(&p.send(Request::post(Protocol::HttpJson, signal, json.to_string())).await?)?;
        move_to(&mut json, p.now());
        taken(&p.send(Request::post(Protocol::HttpJson, signal, json.to_string())).await?)?;
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
