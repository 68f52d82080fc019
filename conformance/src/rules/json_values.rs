//! J5 to J8, J11: numbers, base64, NaN, null and the syntax of JSON.

use crate::expect::{answered, decoded, not_taken, taken};
use crate::probe::Probe;
use crate::protocol::Signal;
use crate::raw::{in_item, in_resource, text_key, time_path, with_value};
use crate::request::Request;
use crate::rule::{Check, JSON, Rule, Test};

const INTEGERS: &str = "protojson: 64-bit integers";

pub(super) const RULES: &[Rule] = &[
    Rule::must(
        "J5.strings",
        JSON,
        INTEGERS,
        "64-bit integers are taken as decimal strings, to the last digit of their range",
        Test::Script(|p| Box::pin(integers(p, true))),
    ),
    Rule::must("J5.numbers", JSON, INTEGERS, "and as numbers", Test::Script(|p| Box::pin(integers(p, false)))),
    Rule::must(
        "J5.negative",
        JSON,
        INTEGERS,
        "signed ones may be negative, as strings and as numbers",
        Test::Script(|p| Box::pin(attributes(p, &[r#"{"intValue":"-9223372036854775808"}"#, r#"{"intValue":-1}"#]))),
    ),
    Rule::must(
        "J5.32-bit-strings",
        JSON,
        "protojson: 32-bit integers",
        "32-bit integers are taken as numbers and as strings",
        Test::Script(|p| Box::pin(counts(p, &["4294967295", "\"7\""]))),
    ),
    Rule::must(
        "J5.exponent",
        JSON,
        INTEGERS,
        "integers of 64 and 32 bits may be written with an exponent, as numbers and as strings: 1e3",
        Test::Script(|p| {
            Box::pin(async move {
                attributes(p, &[r#"{"intValue":1e3}"#, r#"{"intValue":"1e3"}"#]).await?;
                counts(p, &["1e3", "\"1e3\""]).await
            })
        }),
    ),
    Rule::practice(
        "J5.fraction-of-zero",
        JSON,
        "practice: conformance tests of protobuf",
        "integers may be written with a fraction of zero: 5.0",
        Test::Script(|p| Box::pin(attributes(p, &[r#"{"intValue":5.0}"#]))),
    ),
    Rule::practice(
        "J5.empty",
        JSON,
        INTEGERS,
        "an empty text is no integer: it is refused or rejected, not taken for zero",
        Test::Signals(|p, signal| with_value(p, signal, r#"{"intValue":""}"#), not_taken),
    ),
    Rule::practice(
        "J5.out-of-range",
        JSON,
        INTEGERS,
        "an integer that its type cannot hold is refused or rejected, not cut to size",
        Test::Signals(|p, signal| with_value(p, signal, r#"{"intValue":"9223372036854775808"}"#), not_taken),
    ),
    Rule::practice(
        "J5.fraction",
        JSON,
        INTEGERS,
        "nor is a fraction taken for an integer",
        Test::Signals(|p, signal| with_value(p, signal, r#"{"intValue":1.5}"#), not_taken),
    ),
    Rule::must(
        "J6.base64",
        JSON,
        "protojson: bytes",
        "bytesValue is standard base64 with padding",
        Test::Script(|p| Box::pin(attributes(p, &[r#"{"bytesValue":"+/+/aGVsbA=="}"#, r#"{"bytesValue":""}"#]))),
    ),
    Rule::must(
        "J6.variants",
        JSON,
        "protojson: bytes",
        "or URL-safe base64, or without padding: all are accepted",
        Test::Script(|p| {
            Box::pin(attributes(
                p,
                &[r#"{"bytesValue":"-_-_aGVsbA=="}"#, r#"{"bytesValue":"aGVsbA"}"#, r#"{"bytesValue":"-_-_aGVsbA"}"#],
            ))
        }),
    ),
    Rule::practice(
        "J6.not-base64",
        JSON,
        "protojson: bytes",
        "bytes that are not base64 are refused or rejected",
        Test::Signals(|p, signal| with_value(p, signal, r#"{"bytesValue":"not base64!"}"#), not_taken),
    ),
    Rule::must(
        "J7.words",
        JSON,
        "protojson: double",
        "NaN, Infinity and -Infinity are strings",
        Test::Script(|p| Box::pin(doubles(p, &["\"NaN\"", "\"Infinity\"", "\"-Infinity\""]))),
    ),
    Rule::must(
        "J7.numbers",
        JSON,
        "protojson: double",
        "doubles are numbers, with and without a fraction or an exponent, or strings of these",
        Test::Script(|p| Box::pin(doubles(p, &["1", "-0.0", "1.5e-300", "\"1.5\"", "\"-2e10\""]))),
    ),
    Rule::practice(
        "J7.nan-time",
        JSON,
        INTEGERS,
        "a time of NaN is refused or rejected",
        Test::Signals(|p, signal| in_item(p, signal, time_path(signal), "\"NaN\""), not_taken),
    ),
    Rule::must(
        "J8.null",
        JSON,
        "protojson: null",
        "null is the absence of a field, of each type",
        Test::Script(|p| Box::pin(nulls(p))),
    ),
    Rule::must(
        "J8.empty",
        JSON,
        "proto: common.proto, AnyValue",
        "an empty value, an empty list and an empty object are valid",
        Test::Script(|p| {
            let values = ["{}", r#"{"arrayValue":{}}"#, r#"{"arrayValue":{"values":[]}}"#, r#"{"kvlistValue":{}}"#];
            Box::pin(async move {
                for value in values {
                    attributes(p, &[value]).await?;
                }
                for signal in p.signals() {
                    taken(&p.send(in_resource(p, signal, "attributes", "[]")).await?)?;
                }
                Ok(())
            })
        }),
    ),
    Rule::practice(
        "J8.null-value",
        JSON,
        "protojson: null",
        "an attribute whose value is null has the empty value",
        Test::Signals(|p, signal| with_value(p, signal, "null"), taken),
    ),
    Rule::must(
        "J11.escapes",
        JSON,
        "rfc8259: 7 Strings",
        "escapes in texts and in keys mean what they stand for",
        Test::Script(|p| {
            // The key of the last one is that of the flags of spans and log records, and unknown in metrics.
            Box::pin(texts(p, &[r#""\u0041\n\t\"\\\/\b\f\r""#, r#""\ud83d\ude00""#, r#""x","\u0066lags":1"#]))
        }),
    ),
    Rule::must(
        "J11.whitespace",
        JSON,
        "rfc8259: 2 JSON Grammar",
        "spaces, tabs and line ends between tokens mean nothing",
        Test::Signals(whitespace, taken),
    ),
    Rule::practice(
        "J11.lone-surrogate",
        JSON,
        "rfc8259: 8.2 Unicode Characters",
        "half of a surrogate pair is no fault, whatever becomes of it",
        Test::Signals(|p, signal| in_item(p, signal, text_key(signal), r#""\ud83d""#), answered),
    ),
    Rule::practice(
        "J11.nul",
        JSON,
        "rfc8259: 7 Strings",
        "a NUL in a text is no fault",
        Test::Signals(|p, signal| in_item(p, signal, text_key(signal), r#""a\u0000b""#), answered),
    ),
    Rule::practice(
        "J11.deep-unknown",
        JSON,
        "practice: hostile input",
        "100,000 nested arrays under an unknown key are no fault, and the receiver lives on",
        Test::Script(|p| Box::pin(deep(p))),
    ),
];

/// Each as the value of an attribute of each signal.
async fn attributes(p: &Probe, values: &[&str]) -> Check {
    for signal in p.signals() {
        for value in values {
            taken(&p.send(with_value(p, signal, value)).await?)?;
        }
    }
    Ok(())
}

/// Each as a text of each signal.
async fn texts(p: &Probe, values: &[&str]) -> Check {
    for signal in p.signals() {
        for value in values {
            taken(&p.send(in_item(p, signal, text_key(signal), value)).await?)?;
        }
    }
    Ok(())
}

/// Each as the number of dropped attributes of a resource, for each signal.
async fn counts(p: &Probe, values: &[&str]) -> Check {
    for signal in p.signals() {
        for value in values {
            taken(&p.send(in_resource(p, signal, "droppedAttributesCount", value)).await?)?;
        }
    }
    Ok(())
}

/// Times, counts, bucket counts and integer values, quoted or not.
async fn integers(p: &Probe, quoted: bool) -> Check {
    let write = |number: &str| if quoted { format!("\"{number}\"") } else { number.to_owned() };
    let now = write(&p.now().to_string());
    for signal in p.signals() {
        taken(&p.send(in_item(p, signal, time_path(signal), &now)).await?)?;
        let value = format!(r#"{{"intValue":{}}}"#, write("9223372036854775807"));
        taken(&p.send(with_value(p, signal, &value)).await?)?;
    }
    if !p.takes(Signal::Metrics) {
        return Ok(());
    }
    let (one, two, three) = (write("1"), write("2"), write("3"));
    let point = format!(r#"[{{"timeUnixNano":{now},"asInt":{}}}]"#, write("9007199254740993"));
    taken(&p.send(in_item(p, Signal::Metrics, "gauge/dataPoints", &point)).await?)?;
    let histogram = format!(
        r#"{{"aggregationTemporality":2,"dataPoints":[{{"timeUnixNano":{now},"count":{three},"sum":3.5,"bucketCounts":[{one},{two}],"explicitBounds":[1.5]}}]}}"#
    );
    let request = p.post(
        Signal::Metrics,
        format!(
            r#"{{"resourceMetrics":[{{"scopeMetrics":[{{"metrics":[{{"name":"conformance.integers","histogram":{histogram}}}]}}]}}]}}"#
        ),
    );
    decoded(&p.send(request).await?)
}

/// As values of an attribute and of a data point.
async fn doubles(p: &Probe, values: &[&str]) -> Check {
    for value in values {
        attributes(p, &[&format!(r#"{{"doubleValue":{value}}}"#)]).await?;
        if p.takes(Signal::Metrics) {
            let point = format!(r#"[{{"timeUnixNano":"{}","asDouble":{value}}}]"#, p.now());
            taken(&p.send(in_item(p, Signal::Metrics, "gauge/dataPoints", &point)).await?)?;
        }
    }
    Ok(())
}

async fn nulls(p: &Probe) -> Check {
    for signal in p.signals() {
        let keys: &[&str] = match signal {
            Signal::Traces => {
                &["parentSpanId", "kind", "attributes", "events", "links", "status", "flags", "traceState"]
            }
            Signal::Metrics => &["description", "unit", "metadata", "sum"],
            Signal::Logs => &["body", "traceId", "severityNumber", "eventName", "observedTimeUnixNano", "attributes"],
        };
        for key in keys {
            taken(&p.send(in_item(p, signal, key, "null")).await?)?;
        }
        taken(&p.send(in_resource(p, signal, "droppedAttributesCount", "null")).await?)?;
        let [resources, scopes, _] = signal.lists();
        taken(&p.send(p.post(signal, format!("{{\"{resources}\":null}}"))).await?)?;
        let empty = format!("{{\"{resources}\":[{{\"resource\":null,\"{scopes}\":null}}]}}");
        taken(&p.send(p.post(signal, empty)).await?)?;
    }
    Ok(())
}

fn whitespace(p: &Probe, signal: Signal) -> Request {
    let text = format!("\r\n\t {:#} \n\n", p.sample(signal).json()).replace("\": ", "\"\t:\r\n");
    p.post(signal, text)
}

async fn deep(p: &Probe) -> Check {
    const DEPTH: usize = 100_000;
    let text = format!("{{\"conformanceUnknown\":{}{}}}", "[".repeat(DEPTH), "]".repeat(DEPTH));
    let reply = p.send(p.post(p.any(), text)).await?;
    answered(&reply)?;
    taken(&p.send(p.export(p.any(), &p.sample(p.any()))).await?)
}
