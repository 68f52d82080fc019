//! What a file may promise and this version does not count yet: refused when the file is read, since an SLO that is
//! silently not watched is worse than none.

use slo::Slo;
use slo::spec::{Indicator, SpecError};

/// The reasons for which `slo` is not counted; none if it is.
pub(super) fn refuse(slo: &Slo) -> Vec<SpecError> {
    let mut errors = Vec::new();
    let mut refuse = |key: &str, what: &str| {
        errors.push(SpecError::new(&slo.file, slo.place, key, format!("{what} are not counted by this version")));
    };
    match &slo.indicator {
        Indicator::Spans(spans) if spans.selector.filter.is_some() => refuse("filter", "spans by a search"),
        Indicator::Spans(_) => {}
        Indicator::Logs(_) => refuse("indicator.logs", "log records"),
        Indicator::Ratio(_) => refuse("indicator.promql", "ratios of PromQL expressions"),
        Indicator::Slices(_) => refuse("indicator.slices", "time slices of a PromQL expression"),
    }
    if slo.by.is_some() {
        refuse("by", "groups");
    }
    errors
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_counted_is_refused_with_the_key() {
        let table = [
            ("indicator: availability\nwindow: {calendar: month}\n", ""),
            ("indicator: {latency: {threshold: 1s, rate_limited: bad}}\n", ""),
            ("indicator: availability\nfilter: a=b\n", "filter: spans by a search are not counted by this version"),
            ("indicator: {logs: {good: a}}\n", "indicator.logs: log records are not counted by this version"),
            (
                "indicator: {promql: {error_ratio: 'a[$window]'}}\n",
                "indicator.promql: ratios of PromQL expressions are not counted by this version",
            ),
            (
                "indicator: {slices: {query: up, op: <, value: 1}}\n",
                "indicator.slices: time slices of a PromQL expression are not counted by this version",
            ),
            ("indicator: availability\nby: a\n", "by: groups are not counted by this version"),
        ];
        for (keys, expected) in table {
            let slo = slo::spec::parse("f.yaml", &format!("service: s\nobjective: 99\n{keys}")).unwrap().remove(0);
            let got: Vec<String> = refuse(&slo).iter().map(ToString::to_string).collect();
            let expected = if expected.is_empty() { vec![] } else { vec![format!("f.yaml:1:1: {expected}")] };
            assert_eq!(got, expected, "{keys}");
        }
    }
}
