//! What is counted, and which of it is good.

use model::{Attrs, Nanos, SpanKind, Value};

use crate::duration;
use crate::fingerprint::Fnv;

/// The service-level indicator of an SLO: every kind gives good and total events for each bucket of time.
#[derive(Debug, Clone, PartialEq)]
pub enum Indicator {
    Spans(SpanSli),
    Logs(LogSli),
    Ratio(RatioSli),
    Slices(SliceSli),
}

/// Every span that is selected is an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpanSli {
    pub selector: Selector,
    pub good: GoodSpan,
    pub http: HttpAnswers,
}

/// Which spans of the service count at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selector {
    /// The name of the span; every name if `None`.
    pub operation: Option<String>,
    /// The kind of the span; every kind if `None` (`kind: any`).
    pub kind: Option<SpanKind>,
    /// Attributes that the span, or else its resource, must have, by key; compared in their string form.
    pub attributes: Vec<(String, String)>,
    /// A further condition in the search language for spans.
    pub filter: Option<String>,
}

/// Which of the selected spans are good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GoodSpan {
    /// A span whose status is not error. HTTP server spans have status error for 5xx only, so that 4xx and 429 are good
    /// unless [`HttpAnswers`] says otherwise (OpenTelemetry semantic conventions, "HTTP spans", section "Status").
    NoError,
    /// A span faster than `threshold`.
    Faster { threshold: Nanos, errors: ErrorsAre },
}

/// What a latency SLO makes of spans with status error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorsAre {
    /// They are bad however fast they were, the default: a failure at once is not the fast answer that was promised, and
    /// a service that only fails must not look like one without traffic.
    Bad,
    /// They do not count at all; for those who hold an availability SLO beside this one and want no failure counted twice.
    Excluded,
    /// They are judged by their time alone, like any other.
    Timed,
}

/// What spans are taken for whose `http.response.status_code` says that the client, not the service, was at fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HttpAnswers {
    /// 400 to 499, but 429.
    pub client_errors: Answer,
    /// 429, Too Many Requests: the service refused what it could have been asked for.
    pub rate_limited: Answer,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// What the status of the span says: no error on server spans, an error on client spans.
    ByStatus,
    /// Not an error, whatever the status of the span says; it must still be fast where that is asked.
    Good,
    Bad,
    /// It does not count at all.
    Excluded,
}

/// Every log record of the service that matches is an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogSli {
    /// Which records count, in the search language for logs; all if `None`.
    pub filter: Option<String>,
    pub judge: LogJudge,
}

/// A condition in the search language for logs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogJudge {
    /// Good are the records that match.
    Good(String),
    /// Good are those that do not.
    Bad(String),
}

/// PromQL expressions in which `$window` stands for the length of the time that is counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RatioSli {
    GoodOfTotal {
        good: String,
        total: String,
    },
    BadOfTotal {
        bad: String,
        total: String,
    },
    /// A number from 0 to 1. It tells no events, so that each bucket weighs the same however much it stands for.
    ErrorRatio(String),
}

/// Time itself is what counts: each slice is one event, good while the value keeps the condition.
#[derive(Debug, Clone, PartialEq)]
pub struct SliceSli {
    /// A PromQL expression; of several series all must keep the condition.
    pub query: String,
    pub op: Comparison,
    pub value: f64,
    /// Whole minutes, 1 minute to 1 hour.
    pub slice: Nanos,
    pub absent: Absent,
}

/// How a value must stand to the threshold to be good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// What a slice without a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Absent {
    /// Nothing is known of it, the default: no data is neither good nor bad.
    Excluded,
    Bad,
}

impl SpanSli {
    /// Whether a selected span is good, or `None` if it does not count. `status` is its `http.response.status_code`.
    pub fn judge(&self, is_error: bool, duration: Nanos, status: Option<i64>) -> Option<bool> {
        let is_error = match self.http.answer(status) {
            Answer::ByStatus => is_error,
            Answer::Good => false,
            Answer::Bad => return Some(false),
            Answer::Excluded => return None,
        };
        match (self.good, is_error) {
            (GoodSpan::NoError, _) => Some(!is_error),
            (GoodSpan::Faster { errors: ErrorsAre::Excluded, .. }, true) => None,
            (GoodSpan::Faster { errors: ErrorsAre::Bad, .. }, true) => Some(false),
            (GoodSpan::Faster { threshold, .. }, _) => Some(duration < threshold),
        }
    }

    /// Whether judging a span asks for its `http.response.status_code`.
    pub fn reads_http_status(&self) -> bool {
        self.http != HttpAnswers::BY_STATUS
    }
}

impl HttpAnswers {
    /// The status of the span decides everything.
    pub const BY_STATUS: HttpAnswers = HttpAnswers { client_errors: Answer::ByStatus, rate_limited: Answer::ByStatus };

    fn answer(&self, status: Option<i64>) -> Answer {
        match status {
            Some(429) => self.rate_limited,
            Some(400..=499) => self.client_errors,
            _ => Answer::ByStatus,
        }
    }

    /// How 4xx and 429 are counted, as a sentence.
    fn sentence(&self, kind: Option<SpanKind>) -> String {
        if *self == Self::BY_STATUS {
            let meaning = match kind {
                Some(SpanKind::Server) => "4xx and 429 count as good, as the status of server spans says",
                Some(SpanKind::Client) => "4xx and 429 count as errors, as the status of client spans says",
                _ => "4xx and 429 count as the status of the span says",
            };
            return meaning.to_owned();
        }
        // Of 4xx there are many, and one 429.
        let words = |answer, verb: &str| match answer {
            Answer::ByStatus => format!("{verb} as the status of the span says"),
            Answer::Good => format!("{verb} as good"),
            Answer::Bad => format!("{verb} as bad"),
            Answer::Excluded => if verb == "count" { "do not count" } else { "does not count" }.to_owned(),
        };
        if self.client_errors == self.rate_limited {
            return format!("4xx and 429 {}", words(self.client_errors, "count"));
        }
        format!("4xx {}, 429 {}", words(self.client_errors, "count"), words(self.rate_limited, "counts"))
    }
}

impl Answer {
    /// The word in files; `None` for [`Answer::ByStatus`], which is `status`.
    pub fn name(self) -> &'static str {
        match self {
            Answer::ByStatus => "status",
            Answer::Good => "good",
            Answer::Bad => "bad",
            Answer::Excluded => "excluded",
        }
    }
}

impl ErrorsAre {
    /// The word in files.
    pub fn name(self) -> &'static str {
        match self {
            ErrorsAre::Bad => "bad",
            ErrorsAre::Excluded => "excluded",
            ErrorsAre::Timed => "timed",
        }
    }
}

impl Comparison {
    pub const ALL: [Comparison; 4] = [Self::Less, Self::LessOrEqual, Self::Greater, Self::GreaterOrEqual];

    /// The sign in files and in PromQL.
    pub fn sign(self) -> &'static str {
        match self {
            Comparison::Less => "<",
            Comparison::LessOrEqual => "<=",
            Comparison::Greater => ">",
            Comparison::GreaterOrEqual => ">=",
        }
    }

    /// Whether `value` stands so to `threshold`; never so if one is not a number.
    pub fn holds(self, value: f64, threshold: f64) -> bool {
        match self {
            Comparison::Less => value < threshold,
            Comparison::LessOrEqual => value <= threshold,
            Comparison::Greater => value > threshold,
            Comparison::GreaterOrEqual => value >= threshold,
        }
    }
}

/// The status code among the attributes of an HTTP span, by the present convention or the one before it.
pub fn http_status(attrs: Attrs<'_>) -> Option<i64> {
    let value = attrs.get("http.response.status_code").or_else(|| attrs.get("http.status_code"))?;
    match value {
        Value::Int(code) => Some(code),
        Value::Str(text) => text.parse().ok(),
        _ => None,
    }
}

impl Indicator {
    /// The word of its kind, as in files.
    pub fn kind(&self) -> &'static str {
        match self {
            Indicator::Spans(SpanSli { good: GoodSpan::NoError, .. }) => "availability",
            Indicator::Spans(SpanSli { good: GoodSpan::Faster { .. }, .. }) => "latency",
            Indicator::Logs(_) => "logs",
            Indicator::Ratio(_) => "promql",
            Indicator::Slices(_) => "slices",
        }
    }

    /// The indicator of an SLO over spans.
    pub fn spans(&self) -> Option<&SpanSli> {
        match self {
            Indicator::Spans(spans) => Some(spans),
            _ => None,
        }
    }

    /// Whether its counts are of events; an error ratio has none.
    pub fn counts_events(&self) -> bool {
        !matches!(self, Indicator::Ratio(RatioSli::ErrorRatio(_)))
    }

    /// Adds all that decides what is counted.
    pub(super) fn hash(&self, hash: &mut Fnv) {
        // Of an enumeration that has only texts and numbers, `Debug` says everything, and each thing in its own place.
        match self {
            // The order and the words of the first version of the format, so that its counts stay of use.
            Indicator::Spans(spans) => spans.hash(hash),
            other => hash.field(&format!("{other:?}")),
        }
    }

    /// What is promised of `service`, in words, after "99.9% of ".
    pub(super) fn sentence(&self, service: &str) -> String {
        match self {
            Indicator::Spans(spans) => spans.sentence(service),
            Indicator::Logs(logs) => {
                let which = logs.filter.as_ref().map_or(String::new(), |filter| format!(" that match `{filter}`"));
                let (verb, text) = match &logs.judge {
                    LogJudge::Good(text) => ("match", text),
                    LogJudge::Bad(text) => ("do not match", text),
                };
                format!("log records of {service}{which} {verb} `{text}`")
            }
            Indicator::Ratio(RatioSli::GoodOfTotal { good, total }) => format!("`{total}` of {service} is `{good}`"),
            Indicator::Ratio(RatioSli::BadOfTotal { bad, total }) => format!("`{total}` of {service} is not `{bad}`"),
            Indicator::Ratio(RatioSli::ErrorRatio(ratio)) => {
                format!("the events of {service} are good by the error ratio `{ratio}`")
            }
            Indicator::Slices(slices) => {
                let length = duration::format(slices.slice);
                let absent = if slices.absent == Absent::Bad { ", no value being bad" } else { "" };
                let SliceSli { query, op, value, .. } = slices;
                format!("the {length} slices of {service} have `{query}` {} {value}{absent}", op.sign())
            }
        }
    }
}

impl SpanSli {
    fn hash(&self, hash: &mut Fnv) {
        let selector = &self.selector;
        hash.field(selector.operation.as_deref().map_or("", |_| "operation"));
        hash.field(selector.operation.as_deref().unwrap_or_default());
        hash.field(selector.kind.map_or("any", SpanKind::name));
        for (key, value) in &selector.attributes {
            hash.field(key);
            hash.field(value);
        }
        match self.good {
            GoodSpan::NoError => hash.field("availability"),
            GoodSpan::Faster { threshold, errors } => {
                hash.field("latency");
                hash.field(&threshold.to_string());
                hash.field(errors.name());
            }
        }
        if let Some(filter) = &selector.filter {
            hash.field("filter");
            hash.field(filter);
        }
        if self.http != HttpAnswers::BY_STATUS {
            hash.field("http");
            hash.field(self.http.client_errors.name());
            hash.field(self.http.rate_limited.name());
        }
    }

    fn sentence(&self, service: &str) -> String {
        let selector = &self.selector;
        let mut text = selector.kind.map_or(String::new(), |kind| format!("{} ", kind.name()));
        text.push_str("spans ");
        if let Some(operation) = &selector.operation {
            text.push_str(&format!("`{operation}` "));
        }
        text.push_str(&format!("of {service}"));
        for (index, (key, value)) in selector.attributes.iter().enumerate() {
            text.push_str(&format!("{} {key} = {value}", if index == 0 { " with" } else { "," }));
        }
        if let Some(filter) = &selector.filter {
            text.push_str(&format!(" that match `{filter}`"));
        }
        match self.good {
            GoodSpan::NoError => text.push_str(" have no error"),
            GoodSpan::Faster { threshold, errors } => {
                text.push_str(&format!(" are faster than {}", duration::format(threshold)));
                text.push_str(match errors {
                    ErrorsAre::Bad => " and have no error",
                    ErrorsAre::Excluded => ", errors not counted",
                    ErrorsAre::Timed => ", errors too",
                });
            }
        }
        text
    }

    /// How 4xx and 429 are counted, as a sentence for pages and for `haechi slo check`.
    pub fn http_sentence(&self) -> String {
        self.http.sentence(self.selector.kind)
    }
}
