//! Searches for what an SLO counts as bad.

use model::TimeRange;
use query::traces::TraceSearch;
use slo::spec::{Answer, ErrorsAre, GoodSpan, Indicator, LogJudge, LogSli, Slo, SpanSli};

use super::EXAMPLES;
use crate::attributes::condition;
use crate::page_url::PageUrl;

/// The search for the spans that `slo` counts as bad, newest first; `None` if it does not count spans.
pub(super) fn requests(slo: &Slo, range: TimeRange) -> Option<TraceSearch> {
    let spans = slo.indicator.spans()?;
    let mut parts = events(spans);
    parts.push(is_bad(spans));
    Some(TraceSearch {
        query: parts.join(" AND "),
        service: Some(slo.service.clone()),
        operation: spans.selector.operation.clone(),
        limit: EXAMPLES,
        ..TraceSearch::new(range)
    })
}

/// The conditions of the spans that an SLO counts.
fn events(spans: &SpanSli) -> Vec<String> {
    let kind = spans.selector.kind.iter().map(|kind| format!("kind={}", kind.name()));
    let attributes = spans.selector.attributes.iter().map(|(key, value)| condition(key, value));
    let filter = spans.selector.filter.iter().map(|filter| format!("({filter})"));
    kind.chain(attributes).chain(filter).collect()
}

/// The page with what is different about the bad spans of the last hours; `None` if `slo` does not count spans.
pub(super) fn differences(slo: &Slo) -> Option<PageUrl> {
    let spans = slo.indicator.spans()?;
    let operation = spans.selector.operation.as_deref().unwrap_or_default();
    let url = PageUrl::new("/traces").with("q", events(spans).join(" AND ")).with("service", &slo.service);
    Some(url.with("operation", operation).with("from", "now-6h").with("diff", is_bad(spans)))
}

/// The page with all bad spans or log records of the last hours; `None` for an SLO over metrics.
pub(super) fn page(slo: &Slo, spans: Option<&TraceSearch>) -> Option<PageUrl> {
    let (page, query, operation) = match &slo.indicator {
        Indicator::Spans(sli) => {
            ("/traces", spans?.query.clone(), sli.selector.operation.as_deref().unwrap_or_default())
        }
        Indicator::Logs(logs) => ("/logs", bad_records(logs), ""),
        Indicator::Ratio(_) | Indicator::Slices(_) => return None,
    };
    let url = PageUrl::new(page).with("q", query).with("service", &slo.service);
    Some(url.with("operation", operation).with("from", "now-6h"))
}

fn bad_records(logs: &LogSli) -> String {
    let filter = logs.filter.iter().map(|filter| format!("({filter})"));
    let is_bad = match &logs.judge {
        LogJudge::Good(good) => format!("NOT ({good})"),
        LogJudge::Bad(bad) => format!("({bad})"),
    };
    filter.chain([is_bad]).collect::<Vec<_>>().join(" AND ")
}

fn is_bad(spans: &SpanSli) -> String {
    let (mut bad, slow) = match spans.good {
        GoodSpan::NoError => ("status=error".to_owned(), None),
        GoodSpan::Faster { threshold, errors } => {
            let slow = format!("duration>={threshold}ns");
            let bad = match errors {
                ErrorsAre::Bad => format!("(status=error OR {slow})"),
                ErrorsAre::Excluded => format!("status!=error AND {slow}"),
                ErrorsAre::Timed => slow.clone(),
            };
            (bad, Some(slow))
        }
    };
    let client_error =
        "(http.response.status_code>=400 AND http.response.status_code<500 AND http.response.status_code!=429)";
    let answers =
        [(spans.http.client_errors, client_error), (spans.http.rate_limited, "http.response.status_code=429")];
    for (answer, is_so) in answers {
        bad = match (answer, &slow) {
            (Answer::ByStatus, _) => bad,
            (Answer::Bad, _) => format!("({bad} OR {is_so})"),
            (Answer::Good, Some(slow)) => format!("(({bad} AND NOT {is_so}) OR ({is_so} AND {slow}))"),
            (Answer::Good, None) | (Answer::Excluded, _) => format!("({bad} AND NOT {is_so})"),
        };
    }
    bad
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(indicator: &str) -> String {
        let text = format!("service: s\nobjective: 99\nindicator: {indicator}\n");
        let slo = slo::spec::parse("f.yaml", &text).unwrap().remove(0);
        requests(&slo, TimeRange::ALL).unwrap().query
    }

    #[test]
    fn asks_for_what_the_slo_counts_as_bad() {
        let client =
            "(http.response.status_code>=400 AND http.response.status_code<500 AND http.response.status_code!=429)";
        let limited = "http.response.status_code=429";
        let table = [
            ("availability", "kind=server AND status=error".to_owned()),
            (
                "{availability: {client_errors: excluded, rate_limited: bad}}",
                format!("kind=server AND ((status=error AND NOT {client}) OR {limited})"),
            ),
            (
                "{latency: {threshold: 1ms, client_errors: good, rate_limited: status}}",
                format!(
                    "kind=server AND (((status=error OR duration>=1000000ns) AND NOT {client}) OR ({client} AND duration>=1000000ns))"
                ),
            ),
            ("{latency: {threshold: 1ms, errors: timed}}", "kind=server AND duration>=1000000ns".to_owned()),
        ];
        for (indicator, expected) in table {
            assert_eq!(query(indicator), expected);
            // What the page asks must be something that the search language takes.
            assert!(query::lang::parse(&expected).is_ok(), "{expected}");
        }
    }

    #[test]
    fn bad_log_records_are_on_their_page() {
        let page_of = |indicator: &str| {
            let text = format!("service: s\nobjective: 99\nindicator: {indicator}\n");
            page(&slo::spec::parse("f.yaml", &text).unwrap().remove(0), None).map(|url| url.to_string())
        };
        for (indicator, query) in
            [("{logs: {bad: a}}", "(a)"), ("{logs: {filter: a b, good: c OR d}}", "(a b) AND NOT (c OR d)")]
        {
            let url = PageUrl::new("/logs").with("q", query).with("service", "s").with("from", "now-6h");
            assert_eq!(page_of(indicator), Some(url.to_string()));
            assert!(query::lang::parse(query).is_ok(), "{query}");
        }
        assert_eq!(page_of("{promql: {error_ratio: 'a[$window]'}}"), None);
    }
}
