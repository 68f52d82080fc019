//! JSON by hand: a sample with a piece of text in the place of one of its values, for what no encoder would write.

use serde_json::Value as Json;

use crate::message::Message;
use crate::probe::Probe;
use crate::protocol::Signal;
use crate::request::Request;

/// Stands where the text comes.
const MARK: &str = "@@conformance@@";

/// A sample whose item has the JSON text `raw` at a key; `path` may lead below the item, as in `status/code`.
pub(crate) fn in_item(p: &Probe, signal: Signal, path: &str, raw: &str) -> Request {
    in_message(p, signal, &p.sample(signal), &item_pointer(signal), path, raw)
}

/// The same in the resource of a sample.
pub(crate) fn in_resource(p: &Probe, signal: Signal, path: &str, raw: &str) -> Request {
    in_message(p, signal, &p.sample(signal), &format!("/{}/0/resource", signal.lists()[0]), path, raw)
}

/// A sample whose item has one attribute, with the JSON text `raw` for an `AnyValue`.
pub(crate) fn with_value(p: &Probe, signal: Signal, raw: &str) -> Request {
    let path = match signal {
        Signal::Metrics => "gauge/dataPoints/attributes",
        Signal::Traces | Signal::Logs => "attributes",
    };
    in_item(p, signal, path, &format!(r#"[{{"key":"k","value":{raw}}}]"#))
}

/// A sample with the JSON text `raw` for an enum of its item.
pub(crate) fn with_enum(p: &Probe, signal: Signal, raw: &str) -> Request {
    match signal {
        Signal::Traces => in_item(p, signal, "kind", raw),
        Signal::Logs => in_item(p, signal, "severityNumber", raw),
        Signal::Metrics => {
            let sum = p.metrics([p.sum(2, [p.number_point()])]);
            in_message(p, signal, &sum, &item_pointer(signal), "sum/aggregationTemporality", raw)
        }
    }
}

/// A sample with these JSON texts, without quotes, for a trace and a span id: of a span, of a log record, of an exemplar.
pub(crate) fn with_ids(p: &Probe, signal: Signal, trace_id: &str, span_id: &str) -> Request {
    let ids = format!(r#""traceId":"{trace_id}","spanId":"{span_id}""#);
    match signal {
        Signal::Traces => {
            let message = p.traces([p.span().without(1).without(2)]);
            let raw = format!(r#""{span_id}",{ids}"#);
            in_message(p, signal, &message, &item_pointer(signal), "parentSpanId", &raw)
        }
        Signal::Logs => in_item(p, signal, "severityText", &format!(r#""INFO",{ids}"#)),
        Signal::Metrics => {
            let exemplar = format!(r#"[{{"timeUnixNano":"{}","asInt":"1",{ids}}}]"#, p.now());
            in_item(p, signal, "gauge/dataPoints/exemplars", &exemplar)
        }
    }
}

/// A key of items that has a text with no meaning to receivers.
pub(crate) fn text_key(signal: Signal) -> &'static str {
    match signal {
        Signal::Traces => "name",
        Signal::Metrics => "description",
        Signal::Logs => "severityText",
    }
}

/// Where an item has a time.
pub(crate) fn time_path(signal: Signal) -> &'static str {
    match signal {
        Signal::Traces => "startTimeUnixNano",
        Signal::Metrics => "gauge/dataPoints/timeUnixNano",
        Signal::Logs => "timeUnixNano",
    }
}

fn item_pointer(signal: Signal) -> String {
    let [resources, scopes, items] = signal.lists();
    format!("/{resources}/0/{scopes}/0/{items}/0")
}

/// `message` with `raw` at `path` below `pointer`; of a list on the way, in its first element.
fn in_message(p: &Probe, signal: Signal, message: &Message, pointer: &str, path: &str, raw: &str) -> Request {
    let mut json = message.json();
    let mut place = json.pointer_mut(pointer);
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
