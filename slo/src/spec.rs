//! What a service-level objective is, and the files that define it (`slos/*.yaml`, format in `docs/slos.md`).
//! The types here are checked: whoever holds an [`Slo`] may rely on every range named at its fields.

mod error;
mod exclusion;
pub(crate) mod groups;
mod indicator;
pub(crate) mod parse;
pub(crate) mod tiers;
mod window;
pub(crate) mod yaml;

#[cfg(test)]
pub(crate) mod bad_files;

use std::collections::BTreeMap;
use std::fmt;

use model::Nanos;
use model::time::SECOND;

use crate::duration;
use crate::fingerprint::Fnv;
use crate::ratio::{BurnRate, Objective};

pub use error::{Place, SpecError, SpecErrors};
pub use exclusion::{Days, Exclusion, Recurrence, When, excluded};
pub use groups::GroupBy;
pub use indicator::{
    Absent, Answer, Comparison, ErrorsAre, GoodSpan, HttpAnswers, Indicator, LogJudge, LogSli, RatioSli, Selector,
    SliceSli, SpanSli, http_status,
};
pub use parse::{parse, reject_duplicates};
pub use window::{Calendar, CalendarUnit, Window};

/// Most counting buckets that one SLO may need; 366 days of minutes are 527,040. At 24 bytes each that is 14 MB.
const MAX_BUCKETS: i64 = 600_000;

/// Widths that a counting bucket can have, in seconds: all divide a minute, so that buckets of all SLOs meet at minutes.
const BUCKET_WIDTHS: [i64; 10] = [60, 30, 20, 15, 12, 10, 6, 5, 2, 1];

/// One service-level objective: so many percent of certain events are good over a window.
#[derive(Debug, Clone, PartialEq)]
pub struct Slo {
    /// Unique over all files; lower-case letters, digits, `.`, `_`, `-`, at most 100: it names a file and a URL.
    pub name: String,
    /// Free text for people; may be empty.
    pub description: String,
    /// Who answers for it; becomes the label `owner` of its alerts.
    pub owner: Option<String>,
    /// `service.name` of the resource; becomes the label `service` of its alerts.
    pub service: String,
    pub indicator: Indicator,
    /// Whether each group of events has the objective for itself.
    pub by: Option<GroupBy>,
    pub objective: Objective,
    pub window: Window,
    /// In the order of the file; they may overlap.
    pub exclusions: Vec<Exclusion>,
    pub alerting: Alerting,
    /// Further labels of its alerts; none of those that Haechi sets itself.
    pub labels: BTreeMap<String, String>,
    /// Further annotations of its alerts, such as `summary` and `runbook_url`.
    pub annotations: BTreeMap<String, String>,
    /// The file that defines it, and where in it.
    pub file: String,
    pub place: Place,
}

/// When to alert.
#[derive(Debug, Clone, PartialEq)]
pub struct Alerting {
    /// The label `alertname`.
    pub name: String,
    /// Burn-rate tiers, the most urgent first; empty if the SLO is only watched.
    pub tiers: Vec<Tier>,
    /// A tier fires only with at least this many events in its long window; at least 1.
    pub min_events: u64,
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
    pub fn budget_consumed(&self, window: &Window) -> f64 {
        self.burn_rate.value() * self.long as f64 / window.nominal() as f64
    }
}

impl Slo {
    /// The width of the buckets in which its events are counted: a fifth of the shortest alert window or less, 1 s to 60 s.
    ///
    /// A window is summed in whole buckets, so that a fifth bounds the error of the shortest window to 20 %.
    pub fn bucket_width(&self) -> Nanos {
        bucket_width(&self.window, &self.alerting.tiers)
    }

    /// The number of buckets that cover its window, however long it is at the time.
    pub fn bucket_count(&self) -> i64 {
        bucket_count(&self.window, self.bucket_width())
    }

    /// A number that changes whenever stored counts would no longer mean the same: what is counted, in which groups, and
    /// in buckets of which width.
    pub fn counting_fingerprint(&self) -> u64 {
        let mut hash = Fnv::new();
        hash.field(&self.service);
        self.indicator.hash(&mut hash);
        if let Some(by) = &self.by {
            hash.field("by");
            by.keys.iter().for_each(|key| hash.field(key));
        }
        hash.field(&self.bucket_width().to_string());
        hash.finish()
    }

    /// The objective as a sentence, for example "99.5% of server spans `POST /v1/bookings` of booking have no error, over 30d".
    pub fn sentence(&self) -> String {
        let mut text = format!("{} of {}", self.objective, self.indicator.sentence(&self.service));
        if let Some(spans) = self.indicator.spans().filter(|spans| spans.http != HttpAnswers::BY_STATUS) {
            text.push_str(&format!(" ({})", spans.http_sentence()));
        }
        if let Some(by) = &self.by {
            text.push_str(&format!(", for each {}", by.keys.join(" and ")));
        }
        text.push_str(&format!(", over {}", self.window));
        text
    }
}

fn bucket_width(window: &Window, tiers: &[Tier]) -> Nanos {
    // Without tiers nothing needs detail but the chart, which has a few hundred points.
    let shortest = tiers.iter().map(|tier| tier.short).min().unwrap_or(window.nominal() / 60);
    let wanted = shortest / 5;
    BUCKET_WIDTHS.into_iter().map(|seconds| seconds * SECOND).find(|width| *width <= wanted).unwrap_or(SECOND)
}

fn bucket_count(window: &Window, width: Nanos) -> i64 {
    // One more than the window has, for the bucket that is still being filled.
    (window.longest() + width - 1) / width + 1
}

#[cfg(test)]
pub(crate) mod tests;
