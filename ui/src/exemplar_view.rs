//! One exemplar of a trace as a line: what was measured, how much, and where.

use model::{Attrs, Nanos, SpanId, TraceId};
use query::traces::TraceExemplar;

use crate::app::App;
use crate::format::{self, clip};
use crate::page_url::PageUrl;
use crate::pages::trace::link;
use crate::parts::ServiceTag;

/// Characters of all attributes together.
const MAX_ATTRIBUTES: usize = 400;

/// An exemplar.
pub(crate) struct ExemplarView {
    time: Nanos,
    pub(crate) offset: String,
    /// `None` when no point of the series is stored any more.
    pub(crate) metric: Option<(PageUrl, String)>,
    pub(crate) service: Option<ServiceTag>,
    pub(crate) value: String,
    /// Those of the series, then those that only the exemplar has: `key=value`.
    pub(crate) attributes: String,
    pub(crate) span: Option<(PageUrl, SpanId)>,
}

impl ExemplarView {
    /// `start` is the time that the exemplar's is told from; `context` has the parameters that links keep.
    pub(crate) fn new(app: &App, exemplar: &TraceExemplar, id: TraceId, start: Nanos, context: &PageUrl) -> Self {
        let series = exemplar.series.as_deref();
        let unit = series.map_or("", |series| &*series.unit);
        let of_series = series.map(|series| series.attrs()).unwrap_or_default();
        ExemplarView {
            time: exemplar.time,
            offset: format!("+{}", format::duration(exemplar.time.saturating_sub(start))),
            metric: series.map(|series| (PageUrl::metric_as_sent(&series.name), clip(&series.name, 160))),
            service: series.map(|series| app.service(series.resource().service_name())),
            value: format::with_unit(exemplar.value, unit),
            attributes: clip(&pairs(of_series, exemplar.attrs()), MAX_ATTRIBUTES),
            span: exemplar.span_id.map(|span| (link(context, id).with("span", span), span)),
        }
    }

    pub(crate) fn rfc3339(&self) -> String {
        format::rfc3339(self.time)
    }
}

fn pairs(of_series: Attrs<'_>, own: Attrs<'_>) -> String {
    let pair = |(key, value)| format!("{}={}", clip(key, 200), clip(&model::Value::to_string(&value), 200));
    // More than are shown are not written.
    of_series.iter().chain(own.iter()).take(64).map(pair).collect::<Vec<_>>().join(" ")
}
