//! The labels of stored series, in their two spellings.
//!
//! A series can be asked for as Prometheus would have named it (`http_requests_total{http_method="GET"}`) and as it
//! was sent (`{"http.requests", "http.method"="GET"}`). A selector gets the first of the two that all its matchers
//! accept, so no series comes twice. A series that came from Prometheus has the labels that it came with, and no others.

use std::sync::Arc;

use hashbrown::HashMap;
use model::{Attrs, MetricKind, Series, Value};

use super::super::labels::{LE, Labels, NAME};
use super::super::matcher::{Matcher, all_accept};
use super::super::number::decimal;
use super::names::{label_name, prometheus_name};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Spelling {
    Prometheus,
    AsSent,
}

const SPELLINGS: [Spelling; 2] = [Spelling::Prometheus, Spelling::AsSent];

/// What of a stored series' points a virtual series shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Part {
    /// The point's value: a number, or a whole native histogram.
    Value,
    /// The cumulative counts of a classic histogram's buckets; one series for each bound.
    Buckets,
    Count,
    Sum,
    /// The quantiles of a summary; one series for each.
    Quantiles,
}

impl Part {
    pub(super) fn of_kind(kind: MetricKind) -> &'static [Part] {
        match kind {
            MetricKind::Gauge | MetricKind::Sum => &[Part::Value],
            MetricKind::Histogram => &[Part::Value, Part::Buckets, Part::Count, Part::Sum],
            MetricKind::ExponentialHistogram => &[Part::Value, Part::Count, Part::Sum],
            MetricKind::Summary => &[Part::Quantiles, Part::Count, Part::Sum],
        }
    }

    /// The parts that a series shows. One that came with Prometheus' labels is what it is: classic histograms came as series
    /// of their own. One that only describes a metric shows nothing.
    pub(super) fn of_series(series: &Series<'_>) -> &'static [Part] {
        match series.scope.prometheus() {
            None => Part::of_kind(series.kind),
            Some(mark) if mark.is_metadata => &[],
            Some(_) => &[Part::Value],
        }
    }

    pub(super) fn suffix(self) -> &'static str {
        match self {
            Part::Value | Part::Quantiles => "",
            Part::Buckets => "_bucket",
            Part::Count => "_count",
            Part::Sum => "_sum",
        }
    }

    /// The label that tells the series of one part from each other.
    pub(super) fn split_label(self) -> Option<&'static str> {
        match self {
            Part::Buckets => Some(LE),
            Part::Quantiles => Some("quantile"),
            Part::Value | Part::Count | Part::Sum => None,
        }
    }
}

/// The value of a split label for a bound or quantile.
pub(super) fn split_value(bound: f64) -> String {
    decimal(bound)
}

type Pair = (Arc<str>, Arc<str>);

/// Makes labels of stored series. Resources and scopes are shared by many series, and so is what is made of them.
#[derive(Default)]
pub(super) struct Speller {
    targets: HashMap<Vec<u8>, Arc<[Pair]>>,
    /// By spelling.
    scopes: [HashMap<Vec<u8>, Arc<[Pair]>>; 2],
    words: HashMap<String, Arc<str>>,
    last_metric: Metric,
}

/// The metric that was named last. Series come metric by metric, so it is nearly always the one wanted.
#[derive(Default)]
struct Metric {
    name: String,
    unit: String,
    kind: Option<MetricKind>,
    monotonic: bool,
    prometheus_name: String,
}

impl Speller {
    /// The labels of `part` of `series` in the spelling that all `matchers` but those on the part's own label accept.
    pub(super) fn accepted(&mut self, series: &Series<'_>, part: Part, matchers: &[Matcher]) -> Option<Labels> {
        if series.scope.prometheus().is_some() {
            let named = matchers.iter().all(|matcher| matcher.name != NAME || matcher.accepts(series.name));
            return named.then(|| self.labels_as_written(series)).and_then(|labels| if_accepted(labels, matchers));
        }
        let split = part.split_label();
        for spelling in SPELLINGS {
            let name = self.metric_name(series, part, spelling);
            if name.is_empty() || !matchers.iter().all(|matcher| matcher.name != NAME || matcher.accepts(&name)) {
                continue;
            }
            let labels = self.labels(series, &name, spelling);
            let others = matchers.iter().filter(|matcher| Some(matcher.name.as_str()) != split);
            if others.into_iter().all(|matcher| matcher.accepts(labels.get(&matcher.name))) {
                return Some(labels);
            }
        }
        None
    }

    /// The name of `part` of a series; empty when it has none in this spelling.
    pub(super) fn metric_name(&mut self, series: &Series<'_>, part: Part, spelling: Spelling) -> String {
        let base = match spelling {
            Spelling::AsSent => series.name,
            Spelling::Prometheus => {
                let last = &self.last_metric;
                let known = last.name == series.name
                    && last.unit == series.unit
                    && last.kind == Some(series.kind)
                    && last.monotonic == series.monotonic;
                if !known {
                    self.last_metric = Metric {
                        name: series.name.to_owned(),
                        unit: series.unit.to_owned(),
                        kind: Some(series.kind),
                        monotonic: series.monotonic,
                        prometheus_name: prometheus_name(series.name, series.unit, series.kind, series.monotonic),
                    };
                }
                &self.last_metric.prometheus_name
            }
        };
        if base.is_empty() { String::new() } else { format!("{base}{}", part.suffix()) }
    }

    fn labels(&mut self, series: &Series<'_>, name: &str, spelling: Spelling) -> Labels {
        let mut pairs = self.attributes(series.attrs, spelling, "");
        pairs.extend(self.scope(series, spelling).iter().cloned());
        pairs.extend(self.target(series).iter().cloned());
        pairs.push((self.word(NAME), self.word(name)));
        Labels::new(pairs)
    }

    /// The labels of a series that came with Prometheus' own.
    fn labels_as_written(&mut self, series: &Series<'_>) -> Labels {
        let mut pairs = self.attributes(series.attrs, Spelling::AsSent, "");
        let resource = series.resource.attrs();
        for (label, key) in [("job", "service.name"), ("instance", "service.instance.id")] {
            if let Some(value) = resource.get_str(key) {
                pairs.push((self.word(label), self.word(value)));
            }
        }
        pairs.push((self.word(NAME), self.word(series.name)));
        Labels::new(pairs)
    }

    /// `job` and `instance` of the series' resource.
    fn target(&mut self, series: &Series<'_>) -> Arc<[Pair]> {
        let key = series.resource.as_bytes();
        if let Some(known) = self.targets.get(key) {
            return Arc::clone(known);
        }
        let pairs = target_labels(series.service, series.resource.attrs())
            .into_iter()
            .map(|(name, value)| (self.word(name), self.word(&value)))
            .collect::<Arc<[_]>>();
        self.targets.insert(key.to_vec(), Arc::clone(&pairs));
        pairs
    }

    fn scope(&mut self, series: &Series<'_>, spelling: Spelling) -> Arc<[Pair]> {
        let key = series.scope.as_bytes();
        if let Some(known) = self.scopes[spelling as usize].get(key) {
            return Arc::clone(known);
        }
        let scope = series.scope;
        let mut pairs = self.attributes(scope.attrs(), spelling, "otel_scope_");
        pairs.push((self.word("otel_scope_name"), self.word(scope.name())));
        pairs.push((self.word("otel_scope_version"), self.word(scope.version())));
        let pairs: Arc<[Pair]> = pairs.into();
        self.scopes[spelling as usize].insert(key.to_vec(), Arc::clone(&pairs));
        pairs
    }

    /// Attributes as labels. In the Prometheus spelling several keys can become one name: their values are joined by
    /// semicolons, in the order of the keys.
    pub(super) fn attributes(&mut self, attrs: Attrs<'_>, spelling: Spelling, prefix: &str) -> Vec<Pair> {
        let mut entries: Vec<(&str, Value<'_>)> = attrs.iter().collect();
        entries.sort_by_key(|(key, _)| *key);
        let mut pairs: Vec<Pair> = Vec::with_capacity(entries.len() + 4);
        for (key, value) in entries {
            let name = match spelling {
                Spelling::Prometheus => label_name(key),
                Spelling::AsSent => key.into(),
            };
            let name = if prefix.is_empty() { name } else { format!("{prefix}{name}").into() };
            if name.is_empty() || name == NAME {
                continue; // nobody but the metric names itself
            }
            let value = match value {
                Value::Str(text) => self.word(text),
                other => self.word(&other.to_string()),
            };
            let name = self.word(&name);
            match pairs.iter_mut().find(|(known, _)| *known == name) {
                Some((_, joined)) if spelling == Spelling::Prometheus => *joined = format!("{joined};{value}").into(),
                Some((_, last)) => *last = value,
                None => pairs.push((name, value)),
            }
        }
        pairs
    }

    /// A shared copy of `text`: the same few names and values are in thousands of series.
    fn word(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.words.get(text) {
            return Arc::clone(known);
        }
        let word: Arc<str> = text.into();
        self.words.insert(text.to_owned(), Arc::clone(&word));
        word
    }
}

/// `job` and `instance`, by the compatibility specification. Where no instance id was sent, what usually tells
/// replicas apart stands in for it: pod, container or host.
pub(super) fn target_labels(service: &str, resource: Attrs<'_>) -> Vec<(&'static str, String)> {
    let job = match resource.get_str("service.namespace") {
        Some(namespace) if !namespace.is_empty() => format!("{namespace}/{service}"),
        _ => service.to_owned(),
    };
    let instance = INSTANCE_KEYS.iter().find_map(|key| resource.get_str(key).filter(|value| !value.is_empty()));
    vec![("job", job), ("instance", instance.unwrap_or_default().to_owned())]
}

pub(super) const INSTANCE_KEYS: [&str; 4] = ["service.instance.id", "k8s.pod.name", "container.id", "host.name"];

/// Whether the matchers on a part's own label accept one of its values.
pub(super) fn accepts_split(matchers: &[Matcher], part: Part, value: &str) -> bool {
    let label = part.split_label();
    matchers.iter().all(|matcher| Some(matcher.name.as_str()) != label || matcher.accepts(value))
}

/// The labels, if all `matchers` accept them.
pub(super) fn if_accepted(labels: Labels, matchers: &[Matcher]) -> Option<Labels> {
    all_accept(matchers, &labels).then_some(labels)
}
