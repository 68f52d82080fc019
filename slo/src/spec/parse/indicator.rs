//! The `indicator:` of an SLO file, and the keys that say which spans it counts.

use model::time::{HOUR, MINUTE};
use model::{Nanos, SpanKind};

use super::values::MAX_PAIRS;
use super::{Decoder, Fields, join};
use crate::duration;
use crate::spec::error::one_of;
use crate::spec::indicator::{
    Absent, Answer, Comparison, ErrorsAre, GoodSpan, HttpAnswers, Indicator, LogJudge, LogSli, RatioSli, Selector,
    SliceSli, SpanSli,
};
use crate::spec::yaml::{self, Node, Value};

const INDICATOR: &str = "`availability`, or a mapping with availability, latency, logs, promql or slices";
const KINDS: [&str; 6] = ["server", "client", "producer", "consumer", "internal", "any"];
/// Keys beside `indicator` that select spans.
const SPAN_KEYS: [&str; 4] = ["operation", "kind", "attributes", "filter"];
const PROMQL: &str = "a PromQL expression with `$window` where the length of the counted time belongs, such as sum(increase(requests_total[$window]))";
const ANSWERS: [(&str, Answer); 4] =
    [("status", Answer::ByStatus), ("good", Answer::Good), ("bad", Answer::Bad), ("excluded", Answer::Excluded)];

impl Decoder<'_> {
    pub(super) fn indicator(&mut self, fields: &Fields<'_>) -> Option<Indicator> {
        let node = self.required(fields, "indicator", INDICATOR)?;
        let path = fields.path("indicator");
        match &node.value {
            Value::Text(text) if text == "availability" => return self.spans(fields, None, GoodSpan::NoError),
            Value::Map(entries) if entries.len() == 1 => {}
            _ => {
                self.expected(node, &path, INDICATOR);
                return None;
            }
        }
        let inner = self.fields(node, &path, &["availability", "latency", "logs", "promql", "slices"])?;
        let (kind, node) = *inner.entries.first()?;
        match kind {
            "availability" if matches!(node.value, Value::Null) => self.spans(fields, None, GoodSpan::NoError),
            "availability" => {
                let answers = self.fields(node, &inner.path(kind), &["client_errors", "rate_limited"])?;
                self.spans(fields, Some(&answers), GoodSpan::NoError)
            }
            "latency" => self.latency(fields, node, &inner.path(kind)),
            "logs" => {
                self.without_span_keys(fields, kind, "its `filter` says which records count");
                self.logs(node, &inner.path(kind))
            }
            "promql" => {
                self.without_span_keys(fields, kind, "its expressions say what counts");
                self.ratio(node, &inner.path(kind))
            }
            "slices" => {
                self.without_span_keys(fields, kind, "its query says what counts");
                self.slices(node, &inner.path(kind))
            }
            _ => None,
        }
    }

    fn without_span_keys(&mut self, fields: &Fields<'_>, kind: &str, instead: &str) {
        for key in SPAN_KEYS {
            if let Some(node) = fields.get(key) {
                let message =
                    format!("selects spans, which an indicator of the kind `{kind}` does not count; {instead}");
                self.error(node.place, &fields.path(key), message);
            }
        }
    }

    fn spans(&mut self, fields: &Fields<'_>, answers: Option<&Fields<'_>>, good: GoodSpan) -> Option<Indicator> {
        let operation = self.text(fields, "operation");
        let filter = self.text(fields, "filter");
        let kind = self.kind(fields);
        let attributes = self.attributes(fields);
        let http = answers.map_or(HttpAnswers::BY_STATUS, |answers| self.http_answers(answers));
        let selector = Selector { operation, kind: kind?, attributes, filter };
        Some(Indicator::Spans(SpanSli { selector, good, http }))
    }

    /// `client_errors` speaks for 429 too, unless `rate_limited` does.
    fn http_answers(&mut self, fields: &Fields<'_>) -> HttpAnswers {
        let client_errors = self.word(fields, "client_errors", &ANSWERS).unwrap_or(Answer::ByStatus);
        let rate_limited = self.word(fields, "rate_limited", &ANSWERS).unwrap_or(client_errors);
        HttpAnswers { client_errors, rate_limited }
    }

    fn latency(&mut self, fields: &Fields<'_>, node: &Node, path: &str) -> Option<Indicator> {
        let latency = self.fields(node, path, &["threshold", "errors", "client_errors", "rate_limited"])?;
        self.required(&latency, "threshold", duration::ALLOWED);
        let threshold = self.duration(&latency, "threshold", 1, HOUR);
        let words = [ErrorsAre::Bad, ErrorsAre::Excluded, ErrorsAre::Timed].map(|errors| (errors.name(), errors));
        let errors = self.word(&latency, "errors", &words).unwrap_or(ErrorsAre::Bad);
        // Looked at even without a threshold, so that all mistakes come to light at once.
        let spans = self.spans(fields, Some(&latency), GoodSpan::Faster { threshold: threshold.unwrap_or(1), errors });
        threshold.and(spans)
    }

    fn kind(&mut self, fields: &Fields<'_>) -> Option<Option<SpanKind>> {
        let Some(node) = fields.get("kind") else { return Some(Some(SpanKind::Server)) };
        match &node.value {
            Value::Text(text) if text == "any" => Some(None),
            Value::Text(text) if KINDS.contains(&text.as_str()) => Some(SpanKind::parse(text)),
            _ => {
                self.expected(node, &fields.path("kind"), &one_of(&KINDS));
                None
            }
        }
    }

    fn attributes(&mut self, fields: &Fields<'_>) -> Vec<(String, String)> {
        let Some(node) = fields.get("attributes") else { return Vec::new() };
        let path = fields.path("attributes");
        let Value::Map(entries) = &node.value else {
            self.expected(node, &path, "a mapping of attribute keys to values");
            return Vec::new();
        };
        if entries.len() > MAX_PAIRS {
            self.error(node.place, &path, format!("has {} entries, at most {MAX_PAIRS} are allowed", entries.len()));
            return Vec::new();
        }
        let mut attributes = Vec::new();
        for (key, node) in entries {
            let text = match &node.value {
                Value::Text(text) => text.clone(),
                Value::Integer(value) => value.to_string(),
                Value::Float(value) => value.to_string(),
                Value::Boolean(value) => value.to_string(),
                Value::Null | Value::List(_) | Value::Map(_) => {
                    self.expected(node, &join(&path, &yaml::shorten(&key.name)), "a text, a number or a boolean");
                    continue;
                }
            };
            attributes.push((key.name.clone(), text));
        }
        attributes
    }

    fn logs(&mut self, node: &Node, path: &str) -> Option<Indicator> {
        let logs = self.fields(node, path, &["filter", "good", "bad"])?;
        let filter = self.text(&logs, "filter");
        let judge = match (logs.get("good"), logs.get("bad")) {
            (Some(_), None) => LogJudge::Good(self.text(&logs, "good")?),
            (None, Some(_)) => LogJudge::Bad(self.text(&logs, "bad")?),
            (good, _) => {
                let got = if good.is_some() { "both" } else { "neither" };
                let message =
                    format!("must have either `good` or `bad`, a condition in the search language, got {got}");
                self.error(node.place, path, message);
                return None;
            }
        };
        Some(Indicator::Logs(LogSli { filter, judge }))
    }

    fn ratio(&mut self, node: &Node, path: &str) -> Option<Indicator> {
        let ratio = self.fields(node, path, &["good", "bad", "total", "error_ratio"])?;
        let has = |key| ratio.get(key).is_some();
        let sli = match (has("good"), has("bad"), has("total"), has("error_ratio")) {
            (true, false, true, false) => {
                let (good, total) = (self.counted(&ratio, "good"), self.counted(&ratio, "total"));
                RatioSli::GoodOfTotal { good: good?, total: total? }
            }
            (false, true, true, false) => {
                let (bad, total) = (self.counted(&ratio, "bad"), self.counted(&ratio, "total"));
                RatioSli::BadOfTotal { bad: bad?, total: total? }
            }
            (false, false, false, true) => RatioSli::ErrorRatio(self.counted(&ratio, "error_ratio")?),
            _ => {
                let keys: Vec<&str> = ratio.entries.iter().map(|(key, _)| *key).collect();
                let got = if keys.is_empty() { "nothing".to_owned() } else { keys.join(", ") };
                let message = format!("must have good and total, bad and total, or error_ratio alone, got {got}");
                self.error(node.place, path, message);
                return None;
            }
        };
        Some(Indicator::Ratio(sli))
    }

    /// A PromQL expression over the counted time.
    fn counted(&mut self, fields: &Fields<'_>, key: &str) -> Option<String> {
        let text = self.text(fields, key)?;
        if text.contains("$window") {
            return Some(text);
        }
        let node = fields.get(key)?;
        self.expected(node, &fields.path(key), PROMQL);
        None
    }

    fn slices(&mut self, node: &Node, path: &str) -> Option<Indicator> {
        const VALUE: &str = "the number that the query is compared with";
        let slices = self.fields(node, path, &["query", "op", "value", "slice", "absent"])?;
        for (key, what) in [("query", "a PromQL expression"), ("op", "<, <=, > or >="), ("value", VALUE)] {
            self.required(&slices, key, what);
        }
        let query = self.text(&slices, "query");
        let op = self.word(&slices, "op", &Comparison::ALL.map(|op| (op.sign(), op)));
        let value = slices.get("value").and_then(|node| match node.value {
            Value::Integer(value) => Some(value as f64),
            Value::Float(value) if value.is_finite() => Some(value),
            _ => {
                self.expected(node, &slices.path("value"), VALUE);
                None
            }
        });
        let slice = self.slice(&slices);
        let absent = self
            .word(&slices, "absent", &[("excluded", Absent::Excluded), ("bad", Absent::Bad)])
            .unwrap_or(Absent::Excluded);
        Some(Indicator::Slices(SliceSli { query: query?, op: op?, value: value?, slice: slice?, absent }))
    }

    fn slice(&mut self, fields: &Fields<'_>) -> Option<Nanos> {
        let Some(node) = fields.get("slice") else { return Some(MINUTE) };
        let slice = self.duration(fields, "slice", MINUTE, HOUR)?;
        if slice % MINUTE != 0 {
            self.expected(node, &fields.path("slice"), "whole minutes");
            return None;
        }
        Some(slice)
    }
}
