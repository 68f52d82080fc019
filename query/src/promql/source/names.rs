//! OpenTelemetry names as Prometheus spells them.
//!
//! Source of the rules: "Prometheus and OpenMetrics Compatibility" of the OpenTelemetry specification, and the
//! `UnderscoreEscapingWithSuffixes` strategy of Prometheus' OTLP receiver.

use std::borrow::Cow;

use model::MetricKind;

/// Units of the UCUM and the words that Prometheus uses for them; after a slash they are singular.
const UNITS: [(&str, &str); 24] = [
    ("d", "days"),
    ("h", "hours"),
    ("min", "minutes"),
    ("s", "seconds"),
    ("ms", "milliseconds"),
    ("us", "microseconds"),
    ("ns", "nanoseconds"),
    ("By", "bytes"),
    ("KiBy", "kibibytes"),
    ("MiBy", "mebibytes"),
    ("GiBy", "gibibytes"),
    ("TiBy", "tebibytes"),
    ("KBy", "kilobytes"),
    ("MBy", "megabytes"),
    ("GBy", "gigabytes"),
    ("TBy", "terabytes"),
    ("m", "meters"),
    ("V", "volts"),
    ("A", "amperes"),
    ("J", "joules"),
    ("W", "watts"),
    ("g", "grams"),
    ("Cel", "celsius"),
    ("Hz", "hertz"),
];
const PER_UNITS: [(&str, &str); 7] =
    [("s", "second"), ("m", "minute"), ("h", "hour"), ("d", "day"), ("w", "week"), ("mo", "month"), ("y", "year")];

/// The Prometheus name of a metric, before the suffixes of histograms and summaries:
/// `http.server.request.duration` in `s` is `http_server_request_duration_seconds`.
pub fn prometheus_name(name: &str, unit: &str, kind: MetricKind, monotonic: bool) -> String {
    let is_total = kind == MetricKind::Sum && monotonic;
    let is_ratio = kind == MetricKind::Gauge && unit == "1";
    let mut words: Vec<Cow<'_, str>> = name
        .split(|character: char| !(character.is_ascii_alphanumeric() || character == ':'))
        .filter(|word| !word.is_empty())
        .map(Cow::Borrowed)
        .collect();
    for word in unit_words(unit) {
        if !words.contains(&word) {
            words.push(word);
        }
    }
    for (applies, suffix) in [(is_total, "total"), (is_ratio, "ratio")] {
        if applies {
            words.retain(|word| word != suffix);
            words.push(Cow::Borrowed(suffix));
        }
    }
    let mut joined = words.join("_");
    if joined.starts_with(|first: char| first.is_ascii_digit()) {
        joined.insert(0, '_');
    }
    joined
}

/// The words that a unit adds to a name. Annotations in braces add none.
fn unit_words(unit: &str) -> Vec<Cow<'_, str>> {
    let (main, per) = unit.split_once('/').unwrap_or((unit, ""));
    let mut words: Vec<Cow<'_, str>> = unit_word(main, &UNITS).into_iter().collect();
    if let Some(word) = unit_word(per, &PER_UNITS) {
        words.extend(["per".into(), word]);
    }
    words
}

fn unit_word<'a>(unit: &'a str, table: &[(&str, &'static str)]) -> Option<Cow<'a, str>> {
    let unit = unit.trim();
    if unit.is_empty() || unit == "1" || unit.contains(['{', '}']) {
        return None;
    }
    if unit == "%" {
        return Some("percent".into());
    }
    if let Some((_, word)) = table.iter().find(|(symbol, _)| *symbol == unit) {
        return Some((*word).into());
    }
    let word = classic(unit).trim_matches('_').to_owned();
    (!word.is_empty()).then_some(Cow::Owned(word))
}

/// `name` with everything but letters, digits and underscores as underscores.
fn classic(name: &str) -> Cow<'_, str> {
    let is_classic = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    if name.bytes().all(is_classic) {
        return Cow::Borrowed(name);
    }
    Cow::Owned(name.chars().map(|it| if it.is_ascii_alphanumeric() { it } else { '_' }).collect())
}

/// The Prometheus form of an attribute's key: `http.request.method` is `http_request_method`.
pub(in super::super) fn label_name(key: &str) -> Cow<'_, str> {
    let name = classic(key);
    if name.starts_with(|first: char| first.is_ascii_digit()) { Cow::Owned(format!("key_{name}")) } else { name }
}

/// The first word of a metric's name, which its Prometheus name begins with, whatever follows.
pub(in super::super) fn first_word(name: &str) -> &str {
    let is_word = |character: char| character.is_ascii_alphanumeric() || character == ':';
    let name = name.trim_start_matches(|character| !is_word(character));
    name.split(|character| !is_word(character)).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_compatibility_specification() {
        use MetricKind::*;
        let cases = [
            ("http.server.request.duration", "s", Histogram, false, "http_server_request_duration_seconds"),
            ("http.server.active_requests", "{request}", Sum, false, "http_server_active_requests"),
            ("requests", "1", Sum, true, "requests_total"),
            ("requests.total", "", Sum, true, "requests_total"),
            ("total.requests", "", Sum, true, "requests_total"),
            ("system.cpu.utilization", "1", Gauge, false, "system_cpu_utilization_ratio"),
            ("process.memory.usage", "By", Sum, false, "process_memory_usage_bytes"),
            ("disk.io", "By/s", Gauge, false, "disk_io_bytes_per_second"),
            ("disk.io", "{operation}/s", Gauge, false, "disk_io_per_second"),
            ("latency.seconds", "s", Gauge, false, "latency_seconds"),
            ("battery", "%", Gauge, false, "battery_percent"),
            ("3d.fps", "", Gauge, false, "_3d_fps"),
            ("__a..b__", "", Gauge, false, "a_b"),
            ("queue", "foo bar", Gauge, false, "queue_foo_bar"),
            ("요청", "", Gauge, false, ""),
        ];
        for (name, unit, kind, monotonic, expected) in cases {
            assert_eq!(prometheus_name(name, unit, kind, monotonic), expected, "{name} in {unit}");
        }
    }

    #[test]
    fn the_first_word_begins_the_prometheus_name() {
        for name in ["http.server.duration", "__a..b", "x", "9lives", "a:b.c"] {
            let full = prometheus_name(name, "s", MetricKind::Sum, false);
            assert!(full.trim_start_matches('_').starts_with(first_word(name)), "{name}: {full}");
        }
    }

    #[test]
    fn label_names_are_classic() {
        let cases = [("http.method", "http_method"), ("plain", "plain"), ("1st", "key_1st"), ("ä-b", "__b")];
        for (key, expected) in cases {
            assert_eq!(label_name(key), expected);
        }
    }
}
