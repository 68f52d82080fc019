//! J3, J4: fields that a receiver does not know, and names that are none.

use serde_json::{Map, Value as Json};

use super::json::{ENCODING, full};
use crate::expect::{decoded, noticed, taken};
use crate::message::{Message, Value};
use crate::probe::Probe;
use crate::protocol::Signal;
use crate::raw::{in_item, in_resource};
use crate::request::Request;
use crate::rule::{ALL, Check, JSON, PROTOBUF, Rule, Test};
use crate::sample::{attribute, each_item, string};

pub(super) const RULES: &[Rule] = &[
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
            |p, signal| {
                let resource = |it: Message| unknown(it.each(1, unknown));
                p.export(signal, &p.sample(signal).each(1, |it| unknown(it.each(1, resource))))
            },
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
        Test::Signals(
            |p, signal| p.export(signal, &p.with_attributes(signal, [unknown(attribute("k", unknown(string("v"))))])),
            taken,
        ),
    ),
    Rule::must(
        "J3.unknown-everywhere",
        ALL,
        ENCODING,
        "at any depth: events, links, status, data points, buckets, quantiles, exemplars, values in values",
        Test::Signals(|p, signal| p.export(signal, &full(p, signal).throughout(unknown)), decoded),
    ),
    Rule::must(
        "J3.unknown-wire-types",
        PROTOBUF,
        "protobuf: Message Structure",
        "an unknown field of each wire type is passed over: VARINT, I64, LEN and I32",
        Test::Signals(
            |p, signal| {
                p.export(
                    signal,
                    &p.sample(signal).throughout(|it| {
                        let it = it.set(1996, "", Value::Int64(-1)).set(1997, "", Value::Fixed64(u64::MAX));
                        it.set(1998, "", Value::Bytes(vec![0xff; 9])).set(1999, "", Value::Fixed32(u32::MAX))
                    }),
                )
            },
            taken,
        ),
    ),
    Rule::must(
        "J3.unknown-group",
        PROTOBUF,
        "protobuf: Groups",
        "so is an unknown group, of the wire types SGROUP and EGROUP, with a group in it",
        Test::Signals(
            |p, signal| {
                let inner = Message::new().text(1, "", "value").set(1999, "", Value::Group(Message::new()));
                p.export(signal, &each_item(p.sample(signal), |it| it.set(1999, "", Value::Group(inner.clone()))))
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
        Test::Signals(
            |p, signal| {
                let [resources, scopes, _] = signal.lists().map(snake_case);
                p.post(signal, format!("{{\"{resources}\":[{{\"{scopes}\":7}}]}}"))
            },
            taken,
        ),
    ),
    Rule::must(
        "J4.snake-case-field",
        JSON,
        ENCODING,
        "so are the original names of other fields: dropped_attributes_count with a text is ignored",
        Test::Signals(|p, signal| in_resource(p, signal, "dropped_attributes_count", "\"many\""), taken),
    ),
    Rule::practice(
        "J4.warning",
        JSON,
        "otlp: Partial Success, warnings",
        "the sender of resource_spans, all of whose data is ignored, is warned in partial_success",
        Test::Signals(all_snake_case, noticed),
    ),
];

/// The message with a field that no version of the protocol has.
fn unknown(message: Message) -> Message {
    message.set(1999, "conformanceUnknown", Value::Message(Message::new().text(1, "key", "value")))
}

async fn unknown_types(p: &Probe) -> Check {
    let values = ["null", "-1.5e3", "\"text\"", "true", "[]", "{}", r#"[[{"a":[null,{"b":{}}]}],1]"#];
    for signal in p.signals() {
        for value in values {
            taken(&p.send(in_item(p, signal, "conformanceUnknown", value)).await?)?;
        }
    }
    Ok(())
}

/// A whole request with the names of the `.proto` files for keys.
fn all_snake_case(p: &Probe, signal: Signal) -> Request {
    p.post(signal, renamed(&p.sample(signal).json()).to_string())
}

fn snake_case(key: &str) -> String {
    let underscore = |letter: char| letter.is_ascii_uppercase().then_some('_');
    key.chars().flat_map(|letter| underscore(letter).into_iter().chain([letter.to_ascii_lowercase()])).collect()
}

/// `json` with all keys in snake case.
fn renamed(json: &Json) -> Json {
    match json {
        Json::Object(object) => {
            Json::Object(object.iter().map(|(key, value)| (snake_case(key), renamed(value))).collect::<Map<_, _>>())
        }
        Json::Array(list) => list.iter().map(renamed).collect(),
        other => other.clone(),
    }
}
