use super::*;
use crate::spec::{Absent, Comparison, SliceSli};

const FILE: &str = r#"
apiVersion: openslo/v1
kind: Service
metadata: {name: web}
---
apiVersion: openslo/v1
kind: DataSource
metadata: {name: prom}
spec: {type: Prometheus, connectionDetails: {url: "http://example.org"}}
---
apiVersion: openslo/v1
kind: SLI
metadata: {name: web-success}
spec:
  ratioMetric:
    counter: true
    good:
      metricSource: {metricSourceRef: prom, type: Prometheus, spec: {query: 'sum(http_requests_total{code!~"5.."})'}}
    total:
      metricSource: {type: Prometheus, spec: {query: http_requests_total}}
---
apiVersion: openslo/v1
kind: SLO
metadata: {name: web-availability, labels: {team: web}}
spec:
  service: web
  indicatorRef: web-success
  timeWindow:
    - duration: 1M
      isRolling: false
      calendar: {startTime: "2026-01-15 08:00:00", timeZone: Europe/Berlin}
  budgetingMethod: Occurrences
  objectives:
    - {displayName: Good, target: 0.995}
    - {displayName: Great, targetPercent: 99.9, compositeWeight: 2}
  alertPolicies:
    - burning
    - kind: AlertPolicy
      metadata: {name: inline}
      spec:
        conditions:
          - kind: AlertCondition
            metadata: {name: slow}
            spec: {severity: ticket, condition: {kind: burnrate, op: gte, threshold: 2, lookbackWindow: 6h, alertAfter: 5m}}
        notificationTargets: [{targetRef: pager}]
---
apiVersion: openslo/v1
kind: AlertPolicy
metadata: {name: burning}
spec:
  alertWhenBreaching: true
  conditions: [{conditionRef: fast}]
---
apiVersion: openslo/v1
kind: AlertCondition
metadata: {name: fast}
spec: {severity: critical, condition: {kind: burnrate, op: gt, threshold: 14.4, lookbackWindow: 1h, alertAfter: 2m}}
---
apiVersion: openslo/v1
kind: SLO
metadata: {name: lag}
spec:
  service: queue
  indicator:
    metadata: {name: lag-sli}
    spec: {thresholdMetric: {metricSource: {spec: {query: max(lag_seconds)}}}}
  timeWindow: [{duration: 28d, isRolling: true}]
  budgetingMethod: Timeslices
  objectives: [{op: lte, value: 30, target: 0.99, timeSliceTarget: 0.95, timeSliceWindow: 5m}]
"#;

#[test]
fn objects_are_found_and_objectives_become_slos() {
    let loaded = loaded(FILE);
    let [good, great, lag] = &loaded.slos[..] else { panic!("{:?}", loaded.slos) };
    assert_eq!((good.name.as_str(), good.objective.percent()), ("web-availability-good", 99.5));
    assert_eq!((great.name.as_str(), great.objective.percent()), ("web-availability-great", 99.9));
    assert_eq!(
        good.indicator,
        good_of_total(
            "sum(increase(http_requests_total{code!~\"5..\"}[$window]))",
            "sum(increase(http_requests_total[$window]))"
        )
    );
    assert_eq!(good.window.to_string(), "a calendar month from 2026-01-15 (Europe/Berlin)");
    assert_eq!(tiers(good), ["page/1h/5m 14.4", "ticket/6h/30m 2"]);
    let holds: Vec<_> = good.alerting.tiers.iter().map(|tier| tier.hold / model::time::MINUTE).collect();
    assert_eq!(holds, [2, 5]);
    assert_eq!(good.labels["team"], "web");
    let slices = SliceSli {
        query: "max(lag_seconds)".to_owned(),
        op: Comparison::LessOrEqual,
        value: 30.0,
        slice: 5 * model::time::MINUTE,
        absent: Absent::Excluded,
    };
    assert_eq!((&lag.indicator, lag.name.as_str()), (&Indicator::Slices(slices), "lag"));
    assert!(lag.alerting.tiers.is_empty());
}

#[test]
fn what_is_not_mapped_is_told() {
    assert_eq!(
        unmapped(&loaded(FILE)),
        [
            "f.yaml:6:1: kind: DataSource: data come from this box",
            "f.yaml:31:29: spec.timeWindow[0].calendar.startTime: windows begin at midnight here; the time of day is left out",
            "f.yaml:35:66: spec.objectives[1].compositeWeight: an SLO of several others is not known here; each is one of its own",
            "f.yaml:44:105: spec.alertPolicies[1].spec.conditions[0].spec.condition.lookbackWindow: has one window; the short one of 30m is made of it",
            "f.yaml:45:30: spec.alertPolicies[1].spec.notificationTargets: receivers are settings of the box",
            "f.yaml:57:97: spec.condition.lookbackWindow: has one window; the short one of 5m is made of it",
            "f.yaml:63:3: spec.alertPolicies: there are none: the SLO is watched without alerts",
            "f.yaml:69:68: spec.objectives[0].timeSliceTarget: of a threshold is left out: a slice has one value here, the one at its end",
        ]
    );
}

fn slo(spec: &str) -> String {
    format!("apiVersion: openslo/v1\nkind: SLO\nmetadata: {{name: a}}\nspec:\n  service: s\n{spec}")
}

const ROLLING: &str = "  timeWindow: [{duration: 28d, isRolling: true}]\n";

#[test]
fn ratios_of_every_kind_are_read() {
    let sli = |sli: &str, rest: &str| {
        let text = slo(&format!("{ROLLING}  indicator: {{spec: {{ratioMetric: {sli}}}}}\n{rest}"));
        loaded(&text).slos.remove(0).indicator
    };
    let q = |query: &str| format!("{{metricSource: {{spec: {{query: '{query}'}}}}}}");
    let occurrences = "  objectives: [{target: 0.99}]\n";
    let slices = "  budgetingMethod: RatioTimeslices\n  objectives: [{target: 0.99}]\n";
    let (bad, total) = (q("sum(e)"), q("sum(t)"));
    let counter = format!("{{counter: true, bad: {bad}, total: {total}}}");
    let plain = format!("{{counter: false, bad: {bad}, total: {total}}}");
    let complex = format!("{{counter: true, bad: {}, total: {total}}}", q("sum(a) + sum(b)"));
    let (failure, success) = (format!("{{rawType: failure, raw: {bad}}}"), format!("{{rawType: success, raw: {bad}}}"));
    let table = [
        (counter.as_str(), occurrences, bad_of_total("sum(increase(e[$window]))", "sum(increase(t[$window]))")),
        (&counter, slices, error_ratio("(sum(increase(e[$window]))) / (sum(increase(t[$window])))")),
        (&plain, occurrences, error_ratio("avg_over_time((sum(e))[$window:]) / avg_over_time((sum(t))[$window:])")),
        (&complex, occurrences, bad_of_total("increase((sum(a) + sum(b))[$window:])", "sum(increase(t[$window]))")),
        (&failure, occurrences, error_ratio("avg_over_time((sum(e))[$window:])")),
        (&success, occurrences, error_ratio("1 - avg_over_time((sum(e))[$window:])")),
    ];
    for (text, rest, expected) in table {
        assert_eq!(sli(text, rest), expected, "{text}");
    }
    let timeslices =
        "  budgetingMethod: Timeslices\n  objectives: [{target: 0.99, timeSliceTarget: 0.95, timeSliceWindow: 5m}]\n";
    let Indicator::Slices(slices) = sli(&counter, timeslices) else { panic!() };
    assert_eq!(slices.query, "1 - ((sum(increase(e[5m]))) / (sum(increase(t[5m]))))");
    assert_eq!((slices.op, slices.value, slices.slice), (Comparison::GreaterOrEqual, 0.95, 5 * model::time::MINUTE));
}

#[test]
fn mistakes_have_their_place() {
    let indicator = "  indicator: {spec: {thresholdMetric: {metricSource: {spec: {query: x}}}}}\n";
    let objectives = "  objectives: [{op: lt, value: 1, target: 0.9}]\n";
    let table = [
        (
            slo(&format!("{ROLLING}  indicatorRef: nowhere\n{objectives}")),
            "f.yaml:7:17: spec.indicatorRef: names the SLI \"nowhere\", which is not in this file",
        ),
        (slo(&format!("{ROLLING}{objectives}")), "f.yaml:5:3: spec: must have indicator or indicatorRef"),
        (slo(&format!("{indicator}{objectives}")), "f.yaml:5:3: spec.timeWindow: missing"),
        (
            slo(&format!(
                "  timeWindow: [{{duration: 2w, isRolling: false, calendar: {{startTime: '2026-01-01'}}}}]\n{indicator}{objectives}"
            )),
            "f.yaml:6:27: spec.timeWindow[0].duration: must be 1d, 1w, 1M, 1Q or 1Y where windows follow the calendar",
        ),
        (
            slo(&format!("{ROLLING}{indicator}  objectives: [{{op: eq, value: 1, target: 0.9}}]\n")),
            "f.yaml:8:21: spec.objectives[0].op: must be lt, lte, gt or gte",
        ),
        (
            slo(&format!("{ROLLING}{indicator}{objectives}  alertPolicies: [gone]\n")),
            "f.yaml:9:19: spec.alertPolicies[0]: names the AlertPolicy \"gone\", which is not in this file",
        ),
        (
            "apiVersion: openslo/v1\nkind: Slo\n".to_owned(),
            "f.yaml:1:1: kind: must be SLO, SLI, AlertPolicy, AlertCondition, AlertNotificationTarget, DataSource or Service, got \"Slo\"",
        ),
    ];
    for (text, expected) in table {
        assert_eq!(errors(&text), expected, "{text}");
    }
    // Queries of another language are no mistake of the file.
    let datadog = slo(&format!(
        "{ROLLING}  indicator: {{spec: {{thresholdMetric: {{metricSource: {{type: Datadog, spec: {{query: x}}}}}}}}}}\n{objectives}"
    ));
    let loaded = loaded(&datadog);
    assert!(loaded.slos.is_empty());
    assert!(
        unmapped(&loaded)[1].ends_with("type: the queries of \"datadog\" are no PromQL; the objective is left out")
    );
}
