//! D1, D2: attributes and their values, wherever they are.

use crate::expect::{accepted, answered, answered_or_undecoded, taken};
use crate::message::{Message, Value};
use crate::probe::Probe;
use crate::protocol::{Protocol, Signal};
use crate::raw::with_value;
use crate::request::{Flaw, Request};
use crate::rule::{ALL, Check, Rule, Test};
use crate::sample::{any, array, attribute, each_item, kvlist, string};
use crate::wire::put_bytes;

const ANY_VALUE: &str = "proto: common.proto, AnyValue";

pub(super) const RULES: &[Rule] = &[
    Rule::must(
        "D1.kinds",
        ALL,
        ANY_VALUE,
        "attributes of every kind are valid, in resources, scopes, spans, log records and data points",
        Test::Script(|p| Box::pin(everywhere(p, accepted))),
    ),
    Rule::practice(
        "D1.kinds-taken",
        ALL,
        ANY_VALUE,
        "and none of them makes an item rejected",
        Test::Script(|p| Box::pin(everywhere(p, taken))),
    ),
    Rule::must(
        "D1.empty-value",
        ALL,
        ANY_VALUE,
        "a value that is not set is valid; so is an attribute without one",
        Test::Signals(
            |p, signal| {
                with_attributes(p, signal, [attribute("empty", Message::new()), Message::new().text(1, "key", "none")])
            },
            accepted,
        ),
    ),
    Rule::must(
        "D1.nested",
        ALL,
        ANY_VALUE,
        "arrays of mixed kinds and maps in maps are valid, ten deep",
        Test::Signals(
            |p, signal| with_attributes(p, signal, [attribute("nested", nested(10)), attribute("mixed", mixed())]),
            accepted,
        ),
    ),
    Rule::must(
        "D1.unicode",
        ALL,
        "protobuf: string",
        "keys and texts are any Unicode",
        Test::Signals(
            |p, signal| {
                with_attributes(
                    p,
                    signal,
                    [attribute("ключ.鍵.🔑", string("значение 値 🔥 e\u{301} \u{200f}\u{fffd}"))],
                )
            },
            taken,
        ),
    ),
    Rule::practice(
        "D1.empty-key",
        ALL,
        ANY_VALUE,
        "an attribute with an empty key is no fault",
        Test::Signals(|p, signal| with_attributes(p, signal, [attribute("", string("v"))]), answered),
    ),
    Rule::practice(
        "D1.duplicate-keys",
        ALL,
        "proto: common.proto, KeyValueList",
        "a key that is there twice, which senders must not do, costs no more than its item",
        Test::Signals(
            |p, signal| with_attributes(p, signal, [attribute("k", string("1")), attribute("k", string("2"))]),
            accepted,
        ),
    ),
    Rule::practice(
        "D1.large-value",
        ALL,
        "practice: stack traces, SQL, prompts",
        "an attribute of 1 MB costs no more than its item",
        Test::Signals(
            |p, signal| with_attributes(p, signal, [attribute("large", string(&"x".repeat(1_000_000)))]),
            accepted,
        ),
    ),
    Rule::practice(
        "D1.many",
        ALL,
        "practice: hostile input",
        "10,000 attributes of one item cost no more than it",
        Test::Signals(
            |p, signal| with_attributes(p, signal, (0..10_000).map(|i| attribute(&format!("key.{i}"), string("v")))),
            accepted,
        ),
    ),
    Rule::practice(
        "D1.deep",
        ALL,
        "practice: hostile input",
        "a value 10,000 deep is taken or refused, without a fault, and the receiver lives on",
        Test::Script(|p| Box::pin(deep(p))),
    ),
    Rule::should(
        "D2.strindex",
        ALL,
        "proto: common.proto, *_strindex",
        "references to the string table of profiles are not fatal in other signals",
        Test::Signals(
            |p, signal| {
                let value = Message::new().set(8, "stringValueStrindex", Value::Int32(3));
                let entry = attribute("k", value).set(3, "keyStrindex", Value::Int32(2));
                with_attributes(p, signal, [entry])
            },
            accepted,
        ),
    ),
    Rule::must(
        "D1.schema-url",
        ALL,
        "proto: trace.proto, resource.proto",
        "schema URLs, entity references and counts of dropped attributes are valid",
        Test::Signals(|p, signal| p.export(signal, &all_envelope_fields(p, signal)), taken),
    ),
    Rule::must(
        "D1.several-resources",
        ALL,
        "proto: trace.proto, TracesData",
        "a request of many resources and scopes is valid",
        Test::Signals(
            |p, signal| {
                let many = (0..20).fold(Message::new(), |it, _| it.append(p.sample(signal)));
                p.export(
                    signal,
                    &many.each(1, |resource| {
                        let twice = resource.clone().without(1);
                        resource.append(twice)
                    }),
                )
            },
            taken,
        ),
    ),
];

/// One attribute of each kind.
fn kinds() -> Vec<Message> {
    vec![
        attribute("string", string("text")),
        attribute("bool", any(Value::Bool(false))),
        attribute("int", any(Value::Int64(i64::MIN))),
        attribute("double", any(Value::Double(-1.5e-300))),
        attribute("nan", any(Value::Double(f64::NAN))),
        attribute("bytes", any(Value::Bytes(vec![0, 0xff, 0x80]))),
        attribute("array", mixed()),
        attribute("map", kvlist(vec![attribute("inner", string("v")), attribute("none", Message::new())])),
        attribute("empty.array", array(Vec::new())),
        attribute("empty.map", kvlist(Vec::new())),
    ]
}

fn mixed() -> Message {
    array(vec![string("a"), any(Value::Int64(1)), any(Value::Bool(true)), Message::new(), array(vec![string("b")])])
}

/// A text in `depth` maps and arrays.
fn nested(depth: usize) -> Message {
    (0..depth).fold(string("x"), |value, level| match level % 2 {
        0 => array(vec![value]),
        _ => kvlist(vec![attribute("k", value)]),
    })
}

/// A request with one item that has these attributes.
fn with_attributes(p: &Probe, signal: Signal, attributes: impl IntoIterator<Item = Message>) -> Request {
    p.export(signal, &p.with_attributes(signal, attributes))
}

async fn everywhere(p: &Probe, expect: fn(&crate::reply::Reply) -> Check) -> Check {
    for signal in p.signals() {
        let sample = p.sample(signal);
        let in_resource = sample.clone().each(1, |it| it.each(1, |it| it.many(1, "attributes", kinds())));
        let in_scope = sample.each(1, |it| it.each(2, |it| it.each(1, |it| it.many(3, "attributes", kinds()))));
        expect(&p.send(p.export(signal, &in_resource)).await?)?;
        expect(&p.send(p.export(signal, &in_scope)).await?)?;
        expect(&p.send(with_attributes(p, signal, kinds())).await?)?;
    }
    Ok(())
}

fn all_envelope_fields(p: &Probe, signal: Signal) -> Message {
    const SCHEMA: &str = "https://opentelemetry.io/schemas/1.37.0";
    let entity = Message::new().text(1, "schemaUrl", SCHEMA).text(2, "type", "service").push(
        3,
        "idKeys",
        Value::Text("service.name".to_owned()),
    );
    let dropped = |it: Message, number| it.set(number, "droppedAttributesCount", Value::Uint32(3));
    let item = each_item(p.sample(signal), |it| it);
    item.each(1, |it| {
        let it = it.each(1, |resource| dropped(resource, 2).many(3, "entityRefs", [entity.clone()]));
        it.each(2, |scope| scope.each(1, |scope| dropped(scope, 4)).text(3, "schemaUrl", SCHEMA)).text(
            3,
            "schemaUrl",
            SCHEMA,
        )
    })
}

/// A request with an attribute whose value is `depth` arrays around a text, made inside out without recursion.
fn deep_request(p: &Probe, signal: Signal, depth: usize) -> Request {
    if p.protocol == Protocol::HttpJson {
        let (open, close) = ("{\"arrayValue\":{\"values\":[".repeat(depth), "]}}".repeat(depth));
        return with_value(p, signal, &format!("{open}{{\"stringValue\":\"x\"}}{close}"));
    }
    let wrap = |number: u32, inner: &[u8]| {
        let mut outer = Vec::with_capacity(inner.len() + 8);
        put_bytes(&mut outer, number, inner);
        outer
    };
    let mut value = wrap(1, b"x");
    for _ in 0..depth {
        value = wrap(5, &wrap(1, &value));
    }
    let entry = [wrap(1, b"deep"), wrap(2, &value)].concat();
    let item = match signal {
        Signal::Traces => [p.span().protobuf(), wrap(9, &entry)].concat(),
        Signal::Logs => [p.log().protobuf(), wrap(6, &entry)].concat(),
        Signal::Metrics => {
            let point = [p.number_point().protobuf(), wrap(7, &entry)].concat();
            [p.gauge().without(5).protobuf(), wrap(5, &wrap(1, &point))].concat()
        }
    };
    p.post(signal, wrap(1, &wrap(2, &wrap(2, &item))))
}

async fn deep(p: &Probe) -> Check {
    for signal in p.signals() {
        let reply = p.send(deep_request(p, signal, 10_000).with(Flaw::Undecodable)).await?;
        let exchange = p.last_exchange();
        taken(&p.send(p.export(signal, &p.sample(signal))).await?)?;
        exchange.into_iter().for_each(|exchange| p.note(exchange));
        answered_or_undecoded(&reply)?;
    }
    Ok(())
}
