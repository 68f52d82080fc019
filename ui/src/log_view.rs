//! One log record, folded to a line and unfolded to everything it carries.

use model::{Nanos, SpanId, TraceId};
use query::logs::{LogRow, SeverityClass};

use crate::app::App;
use crate::attributes::{self, Attribute};
use crate::format::{self, Stamp, clip};
use crate::page_url::PageUrl;
use crate::pages::trace::link;
use crate::parts::{ServiceTag, plain, written_out};

/// Characters of the body in the line, and unfolded.
const MAX_LINE: usize = 400;
const MAX_BODY: usize = 64_000;

/// A log record.
pub(crate) struct LogView {
    pub(crate) time: Nanos,
    /// After the start of the trace, on the page of one.
    pub(crate) offset: Option<String>,
    pub(crate) class: &'static str,
    pub(crate) severity: String,
    pub(crate) service: ServiceTag,
    pub(crate) line: String,
    pub(crate) body: String,
    /// Whether the body says more than the line.
    pub(crate) has_more: bool,
    pub(crate) event_name: String,
    pub(crate) trace: Option<(PageUrl, TraceId)>,
    pub(crate) span_id: Option<SpanId>,
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) n_more_attributes: usize,
    pub(crate) resource: Vec<Attribute>,
    pub(crate) scope_name: String,
    pub(crate) observed: Option<String>,
    pub(crate) around: PageUrl,
}

impl LogView {
    /// `context` has the parameters that links keep.
    pub(crate) fn new(app: &App, row: &LogRow, context: &PageUrl) -> Self {
        let search = context.at_path("/logs");
        let (attributes, n_more_attributes) = attributes::rows(row.attrs(), Some(&search));
        let body = attributes::in_words(&row.body_value(), row.body.clone());
        let line: String = body.chars().take(MAX_LINE).map(|c| if c.is_control() { ' ' } else { c }).collect();
        let line = plain(&line);
        let scope = row.scope();
        let trace = row.trace_id.map(|id| {
            let page = link(context, id).without("q").without("service").without("severity").without("before");
            (row.span_id.map_or(page.clone(), |span| page.with("span", span)), id)
        });
        let reach = 30 * model::time::SECOND;
        LogView {
            time: row.time,
            offset: None,
            class: severity_class(SeverityClass::of(&row.record())),
            severity: if row.severity().is_empty() { String::new() } else { written_out(&clip(row.severity(), 12)) },
            service: app.service(&row.service),
            has_more: body.chars().count() > MAX_LINE || body.contains(['\n', '\r']),
            line,
            body: plain(&clip(&body, MAX_BODY)),
            event_name: clip(&row.event_name, 200),
            trace,
            span_id: row.span_id,
            attributes,
            n_more_attributes,
            resource: attributes::rows(row.resource().attrs(), Some(&search)).0,
            scope_name: clip(&format!("{} {}", scope.name(), scope.version()), 200).trim().to_owned(),
            observed: (row.observed_time != 0 && row.observed_time != row.time)
                .then(|| format!("{} later", format::duration(row.observed_time.saturating_sub(row.time)))),
            around: PageUrl::new("/logs")
                .with("service", &row.service)
                .with("from", format::rfc3339(row.time.saturating_sub(reach)))
                .with("to", format::rfc3339(row.time.saturating_add(reach))),
        }
    }

    /// The record with its time given after the start of its trace.
    pub(crate) fn at_offset(mut self, offset: Nanos) -> Self {
        self.offset = Some(format!("+{}", format::duration(offset)));
        self
    }

    pub(crate) fn stamp(&self) -> Stamp {
        Stamp::millis(self.time)
    }

    pub(crate) fn rfc3339(&self) -> String {
        format::rfc3339(self.time)
    }
}

/// The class of the style sheet for a severity.
pub(crate) fn severity_class(class: SeverityClass) -> &'static str {
    match class {
        SeverityClass::Unspecified => "sev-none",
        SeverityClass::Trace => "sev-trace",
        SeverityClass::Debug => "sev-debug",
        SeverityClass::Info => "sev-info",
        SeverityClass::Warn => "sev-warn",
        SeverityClass::Error => "sev-error",
        SeverityClass::Fatal => "sev-fatal",
    }
}
