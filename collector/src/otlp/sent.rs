//! What a body says of those who sent it, gathered while it is decoded: for the Ingest and Connect pages.
//!
//! Costs a few words a resource and looks at the first items of each alone, so that a large body pays no more than a small one.

use model::{Attrs, LogRecord, Nanos, Resource, Span, TraceId, Value};

/// How many services one body is counted for; a collector in front of many services batches a few dozen of them.
pub const MAX_SERVICES: usize = 64;
/// Spans or log records of a resource whose names or keys are looked at.
const LOOKED_AT: usize = 32;
/// Names of a service that one body notes.
const MAX_NAMES: usize = 32;
/// Longer names are cut: they are shown, not looked up.
const MAX_NAME: usize = 200;

/// What one service sent in one body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sent {
    /// The start of `service.name`.
    pub service: String,
    pub accepted: u64,
    pub rejected: u64,
    /// Bytes of its resources with all that is in them, decompressed.
    pub bytes: u64,
    /// `telemetry.sdk.language`, `telemetry.sdk.name` and `telemetry.sdk.version`, those that were sent.
    pub sdk: String,
    /// Whether `service.version` was sent.
    pub has_version: bool,
    /// One of the items, to look at.
    pub example: Option<Example>,
    /// Names of spans or keys of log attributes, each once, of the first items.
    pub names: Vec<String>,
    /// Data points with `otel.metric.overflow`: the SDK has reached a limit of series of its own.
    pub overflowed: u64,
    /// The metric of one of them.
    pub overflow_metric: Option<String>,
}

/// An accepted item, by what it is found by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Example {
    Span(TraceId),
    /// `trace_id` when the record is correlated with a span.
    Log {
        time: Nanos,
        trace_id: Option<TraceId>,
    },
    Metric(String),
}

/// What has been gathered of the resource that is being decoded.
#[derive(Default)]
pub(crate) struct Gathered {
    example: Option<Example>,
    names: Vec<String>,
    n_looked_at: usize,
    overflowed: u64,
    overflow_metric: Option<String>,
}

impl Gathered {
    pub(super) fn span(&mut self, span: &Span<'_>) {
        if self.n_looked_at < LOOKED_AT {
            self.n_looked_at += 1;
            self.example.get_or_insert(Example::Span(span.trace_id));
            self.name(span.name);
        }
    }

    pub(super) fn log(&mut self, log: &LogRecord<'_>) {
        if self.n_looked_at < LOOKED_AT {
            self.n_looked_at += 1;
            // A correlated one says more.
            if !matches!(self.example, Some(Example::Log { trace_id: Some(_), .. })) {
                self.example = Some(Example::Log { time: log.time, trace_id: log.trace_id });
            }
            log.attrs.iter().for_each(|(key, _)| self.name(key));
        }
    }

    pub(super) fn metric(&mut self, name: &str) {
        if self.example.is_none() {
            self.example = Some(metric_example(name));
        }
    }

    pub(super) fn overflow(&mut self, metric: &str) {
        self.overflowed += 1;
        self.overflow_metric.get_or_insert_with(|| cut(metric));
    }

    fn name(&mut self, name: &str) {
        let name = &name[..name.floor_char_boundary(MAX_NAME)];
        if self.names.len() < MAX_NAMES && !self.names.iter().any(|known| known == name) {
            self.names.push(name.to_owned());
        }
    }

    /// Adds what was gathered of `resource` to what its service sent, and begins anew.
    pub(super) fn end(&mut self, services: &mut Vec<Sent>, resource: Resource<'_>, service: &str, counts: Counted) {
        let Gathered { example, names, overflowed, overflow_metric, .. } = std::mem::take(self);
        if counts.accepted + counts.rejected == 0 {
            return;
        }
        let Some(sent) = of_service(services, service) else { return };
        if sent.bytes == 0 {
            (sent.sdk, sent.has_version) = sdk(resource.attrs());
        }
        sent.count(counts);
        sent.example = sent.example.take().or(example);
        sent.overflowed += overflowed;
        sent.overflow_metric = overflow_metric.or(sent.overflow_metric.take());
        for name in names {
            if sent.names.len() < MAX_NAMES && !sent.names.contains(&name) {
                sent.names.push(name);
            }
        }
    }
}

/// How much a resource or series brought.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Counted {
    pub(crate) accepted: u64,
    pub(crate) rejected: u64,
    pub(crate) bytes: u64,
}

impl Sent {
    pub(super) fn count(&mut self, counts: Counted) {
        let Counted { accepted, rejected, bytes } = counts;
        self.accepted += accepted;
        self.rejected += rejected;
        self.bytes += bytes;
    }
}

/// What `service` sent, begun if it is new; `None` when there are as many services as are counted.
pub(super) fn of_service<'a>(services: &'a mut Vec<Sent>, service: &str) -> Option<&'a mut Sent> {
    let service = start_of(service);
    let at = services.iter().position(|sent| sent.service == service).unwrap_or(services.len());
    if at == services.len() {
        if at == MAX_SERVICES {
            return None;
        }
        services.push(Sent { service: service.to_owned(), ..Sent::default() });
    }
    services.get_mut(at)
}

pub(super) fn metric_example(name: &str) -> Example {
    Example::Metric(cut(name))
}

/// The SDK in words, such as `python opentelemetry 1.38.0`, and whether there is a `service.version`.
fn sdk(attrs: Attrs<'_>) -> (String, bool) {
    let (mut words, mut has_version) = ([""; 3], false);
    for (key, value) in attrs.iter() {
        let Value::Str(text) = value else { continue };
        match key {
            "telemetry.sdk.language" => words[0] = text,
            "telemetry.sdk.name" => words[1] = text,
            "telemetry.sdk.version" => words[2] = text,
            "service.version" => has_version = !text.is_empty(),
            _ => {}
        }
    }
    let words: Vec<&str> = words.into_iter().filter(|word| !word.is_empty()).collect();
    (cut(&words.join(" ")), has_version)
}

fn cut(text: &str) -> String {
    start_of(text).to_owned()
}

fn start_of(text: &str) -> &str {
    &text[..text.floor_char_boundary(MAX_NAME)]
}
