//! The search for what an SLO counts as bad.

use model::TimeRange;
use query::traces::TraceSearch;
use slo::spec::{Answer, ErrorsAre, GoodSpan, Slo, SpanSli};

use super::EXAMPLES;
use crate::attributes::condition;

/// The search for the spans that `slo` counts as bad, newest first; `None` if it does not count spans.
pub(super) fn requests(slo: &Slo, range: TimeRange) -> Option<TraceSearch> {
    let spans = slo.indicator.spans()?;
    let mut parts: Vec<String> = Vec::new();
    if let Some(kind) = spans.selector.kind {
        parts.push(format!("kind={}", kind.name()));
    }
    parts.extend(spans.selector.attributes.iter().map(|(key, value)| condition(key, value)));
    parts.extend(spans.selector.filter.iter().map(|filter| format!("({filter})")));
    parts.push(is_bad(spans));
    Some(TraceSearch {
        query: parts.join(" AND "),
        service: Some(slo.service.clone()),
        operation: spans.selector.operation.clone(),
        limit: EXAMPLES,
        ..TraceSearch::new(range)
    })
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
}
