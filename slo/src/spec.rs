//! What a service-level objective is, and the files that define it (`slos/*.yaml`, format in `docs/slos.md`).
//! The types here are checked: whoever holds an [`Slo`] may rely on every range named at its fields.

mod error;
mod parse;
mod tiers;
mod yaml;

#[cfg(test)]
mod bad_files;

use std::collections::BTreeMap;
use std::fmt;

use model::time::SECOND;
use model::{Nanos, Span, SpanKind};

use crate::duration;
use crate::fingerprint::Fnv;
use crate::ratio::{BurnRate, Objective};

pub use error::{Place, SpecError, SpecErrors};
pub use parse::{parse, reject_duplicates};

/// Most counting buckets that one SLO may need; 366 days of minutes are 527,040. At 24 bytes each that is 14 MB.
const MAX_BUCKETS: i64 = 600_000;

/// Widths that a counting bucket can have, in seconds: all divide a minute, so that buckets of all SLOs meet at minutes.
const BUCKET_WIDTHS: [i64; 10] = [60, 30, 20, 15, 12, 10, 6, 5, 2, 1];

/// One service-level objective: so many percent of certain spans are good over a rolling window.
#[derive(Debug, Clone, PartialEq)]
pub struct Slo {
    /// Unique over all files; lower-case letters, digits, `.`, `_`, `-`, at most 100: it names a file and a URL.
    pub name: String,
    /// Free text for people; may be empty.
    pub description: String,
    /// Who answers for it; becomes the label `owner` of its alerts.
    pub owner: Option<String>,
    pub selector: Selector,
    pub indicator: Indicator,
    pub objective: Objective,
    /// Length of the rolling window, 1 hour to 366 days.
    pub window: Nanos,
    pub alerting: Alerting,
    /// Further labels of its alerts; none of those that Haechi sets itself.
    pub labels: BTreeMap<String, String>,
    /// Further annotations of its alerts, such as `summary` and `runbook_url`.
    pub annotations: BTreeMap<String, String>,
    /// The file that defines it, and where in it.
    pub file: String,
    pub place: Place,
}

/// Which spans count at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selector {
    /// `service.name` of the resource.
    pub service: String,
    /// The name of the span; every name if `None`.
    pub operation: Option<String>,
    /// The kind of the span; every kind if `None` (`kind: any`).
    pub kind: Option<SpanKind>,
    /// Attributes that the span, or else its resource, must have, by key; compared in their string form.
    pub attributes: Vec<(String, String)>,
}

/// Which of the selected spans are good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Indicator {
    /// Good is a span whose status is not error. HTTP server spans have status error for 5xx only, so that 4xx and 429
    /// are good (OpenTelemetry semantic conventions, "HTTP spans", section "Status").
    Availability,
    /// Good is a span faster than `threshold`.
    Latency { threshold: Nanos, errors: ErrorsAre },
}

/// What a latency SLO makes of spans with status error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorsAre {
    /// They are bad however fast they were, the default: a failure at once is not the fast answer that was promised, and
    /// a service that only fails must not look like one without traffic.
    Bad,
    /// They do not count at all; for those who hold an availability SLO beside this one and want no failure counted twice.
    Excluded,
}

/// When to alert.
#[derive(Debug, Clone, PartialEq)]
pub struct Alerting {
    /// The label `alertname`.
    pub name: String,
    /// Burn-rate tiers, the most urgent first; empty if the SLO is only watched.
    pub tiers: Vec<Tier>,
    /// A tier fires only with at least this many bad events in its long window; at least 1.
    pub min_bad_events: u64,
    /// How long a firing alert is silent before it is sent again.
    pub repeat_interval: Nanos,
    /// What was done to the default tiers to fit them to this SLO, in sentences for the page.
    pub notes: Vec<String>,
}

/// One multi-window burn-rate alert: it fires while both windows burn faster than `burn_rate`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tier {
    pub severity: Severity,
    /// Decides that enough of the budget went; at most the window of the SLO.
    pub long: Nanos,
    /// Decides that it still goes on; shorter than `long`.
    pub short: Nanos,
    pub burn_rate: BurnRate,
    /// How long the condition must hold before the alert fires (`for`).
    pub hold: Nanos,
    /// How long the condition must be gone before the alert is resolved (`keep_firing_for`).
    pub keep_firing_for: Nanos,
}

/// How urgent an alert is, most urgent first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Somebody must act now.
    Page,
    /// Somebody must act within days.
    Ticket,
}

impl Severity {
    /// `page` or `ticket`, as in files and labels.
    pub fn name(self) -> &'static str {
        match self {
            Severity::Page => "page",
            Severity::Ticket => "ticket",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Tier {
    /// What identifies the tier within its SLO, for example `page/1h/5m`: alert state is kept under it, so that a changed
    /// burn rate goes on with the state and changed windows begin anew.
    pub fn id(&self) -> String {
        format!("{}/{}/{}", self.severity, duration::format(self.long), duration::format(self.short))
    }

    /// The share of the budget of `window` that is gone when the alert fires after its long window at exactly its rate.
    pub fn budget_consumed(&self, window: Nanos) -> f64 {
        self.burn_rate.value() * self.long as f64 / window as f64
    }
}

impl Selector {
    /// Whether the span is one that counts.
    pub fn matches(&self, span: &Span<'_>) -> bool {
        let attribute = |key: &str| span.attrs.get(key).or_else(|| span.resource.attrs().get(key));
        span.service == self.service
            && self.kind.is_none_or(|kind| span.kind == kind)
            && self.operation.as_ref().is_none_or(|name| span.name == name)
            && self.attributes.iter().all(|(key, text)| attribute(key).is_some_and(|value| value.to_string() == *text))
    }
}

impl Indicator {
    /// Whether a selected span is good, or `None` if it does not count.
    pub fn judge(&self, is_error: bool, duration: Nanos) -> Option<bool> {
        match (*self, is_error) {
            (Indicator::Latency { errors: ErrorsAre::Excluded, .. }, true) => None,
            (_, true) => Some(false),
            (Indicator::Availability, false) => Some(true),
            (Indicator::Latency { threshold, .. }, false) => Some(duration < threshold),
        }
    }
}

impl Slo {
    /// Whether the span counts and is good: `None` if it does not count.
    pub fn judge(&self, span: &Span<'_>) -> Option<bool> {
        if !self.selector.matches(span) {
            return None;
        }
        self.indicator.judge(span.is_error(), span.duration)
    }

    /// The width of the buckets in which its events are counted: a fifth of the shortest alert window or less, 1 s to 60 s.
    ///
    /// A window is summed in whole buckets, so that a fifth bounds the error of the shortest window to 20 %.
    pub fn bucket_width(&self) -> Nanos {
        bucket_width(self.window, &self.alerting.tiers)
    }

    /// The number of buckets that cover its window.
    pub fn bucket_count(&self) -> i64 {
        bucket_count(self.window, self.bucket_width())
    }

    /// A number that changes whenever stored counts would no longer mean the same: selector, indicator or bucket width.
    pub fn counting_fingerprint(&self) -> u64 {
        let mut hash = Fnv::new();
        let mut part = |text: &str| hash.field(text);
        part(&self.selector.service);
        part(self.selector.operation.as_deref().map_or("", |_| "operation"));
        part(self.selector.operation.as_deref().unwrap_or_default());
        part(self.selector.kind.map_or("any", SpanKind::name));
        for (key, value) in &self.selector.attributes {
            part(key);
            part(value);
        }
        match self.indicator {
            Indicator::Availability => part("availability"),
            Indicator::Latency { threshold, errors } => {
                part("latency");
                part(&threshold.to_string());
                part(if errors == ErrorsAre::Bad { "bad" } else { "excluded" });
            }
        }
        part(&self.bucket_width().to_string());
        hash.finish()
    }

    /// The objective as a sentence, for example "99.5% of server spans `POST /v1/bookings` of booking have no error, over 30d".
    pub fn sentence(&self) -> String {
        let mut text = format!("{} of ", self.objective);
        if let Some(kind) = self.selector.kind {
            text.push_str(kind.name());
            text.push(' ');
        }
        text.push_str("spans ");
        if let Some(operation) = &self.selector.operation {
            text.push_str(&format!("`{operation}` "));
        }
        text.push_str(&format!("of {}", self.selector.service));
        for (index, (key, value)) in self.selector.attributes.iter().enumerate() {
            text.push_str(&format!("{} {key} = {value}", if index == 0 { " with" } else { "," }));
        }
        match self.indicator {
            Indicator::Availability => text.push_str(" have no error"),
            Indicator::Latency { threshold, errors } => {
                text.push_str(&format!(" are faster than {}", duration::format(threshold)));
                text.push_str(match errors {
                    ErrorsAre::Bad => " and have no error",
                    ErrorsAre::Excluded => ", errors not counted",
                });
            }
        }
        text.push_str(&format!(", over {}", duration::format(self.window)));
        text
    }
}

fn bucket_width(window: Nanos, tiers: &[Tier]) -> Nanos {
    // Without tiers nothing needs detail but the chart, which has a few hundred points.
    let shortest = tiers.iter().map(|tier| tier.short).min().unwrap_or(window / 60);
    let wanted = shortest / 5;
    BUCKET_WIDTHS.into_iter().map(|seconds| seconds * SECOND).find(|width| *width <= wanted).unwrap_or(SECOND)
}

fn bucket_count(window: Nanos, width: Nanos) -> i64 {
    // One more than the window has, for the bucket that is still being filled.
    (window + width - 1) / width + 1
}

#[cfg(test)]
mod tests;
