use super::*;

const FILE: &str = r#"
apiVersion: pyrra.dev/v1alpha1
kind: ServiceLevelObjective
metadata:
  name: api-errors
  namespace: monitoring
  labels:
    prometheus: k8s
    pyrra.dev/team: core
    pyrra.dev/service: apiserver
  annotations: {pyrra.dev/runbook_url: "https://example.org/r"}
spec:
  target: "99.9"
  window: 4w
  description: Requests succeed
  indicator:
    ratio:
      errors: {metric: 'apiserver_request_total{job="api",code=~"5.."}'}
      total: {metric: 'apiserver_request_total{job="api"}'}
      grouping: [verb]
  alerting: {name: ApiErrors, absent: true}
---
apiVersion: pyrra.dev/v1alpha1
kind: ServiceLevelObjective
metadata: {name: api-latency}
spec:
  target: "95"
  window: 2w
  indicator:
    latency:
      success: {metric: 'd_bucket{le="0.5"}'}
      total: {metric: d_count}
---
apiVersion: pyrra.dev/v1alpha1
kind: ServiceLevelObjective
metadata: {name: native}
spec:
  target: 90
  window: 28d
  indicator: {latencyNative: {latency: 200ms, total: {metric: d}}}
  alerting: {disabled: true}
---
apiVersion: pyrra.dev/v1alpha1
kind: ServiceLevelObjective
metadata: {name: up}
spec:
  target: "99"
  window: 28d
  indicator: {bool_gauge: {metric: probe_success, grouping: [instance]}}
  alerting: {burnrates: false}
"#;

#[test]
fn every_indicator_is_read() {
    let loaded = loaded(FILE);
    let [errors, latency, native, up] = &loaded.slos[..] else { panic!("{:?}", loaded.slos) };
    assert_eq!(
        (errors.name.as_str(), errors.service.as_str(), errors.objective.percent()),
        ("api-errors", "apiserver", 99.9)
    );
    assert_eq!(
        errors.indicator,
        bad_of_total(
            "sum by (verb) (increase(apiserver_request_total{job=\"api\",code=~\"5..\"}[$window]))",
            "sum by (verb) (increase(apiserver_request_total{job=\"api\"}[$window]))"
        )
    );
    assert_eq!(errors.by.as_ref().unwrap().keys, ["verb"]);
    assert_eq!(errors.labels.iter().next().unwrap(), (&"team".to_owned(), &"core".to_owned()));
    assert_eq!(errors.annotations["runbook_url"], "https://example.org/r");
    assert_eq!(tiers(errors), ["page/1h/5m 14", "page/6h/30m 7", "ticket/1d/2h 2", "ticket/4d/6h 1"]);
    assert_eq!(errors.alerting.tiers[0].hold / model::time::MINUTE, 2);
    assert_eq!(errors.window, Window::Rolling(28 * model::time::DAY));

    assert_eq!(
        latency.indicator,
        good_of_total("sum(increase(d_bucket{le=\"0.5\"}[$window]))", "sum(increase(d_count[$window]))")
    );
    // Half of 28 days: windows of half the length.
    assert_eq!(tiers(latency), ["page/30m/2m30s 14", "page/3h/15m 7", "ticket/12h/1h 2", "ticket/2d/3h 1"]);

    assert_eq!(
        native.indicator,
        good_of_total(
            "histogram_fraction(0, 0.2, sum(increase(d[$window]))) * histogram_count(sum(increase(d[$window])))",
            "histogram_count(sum(increase(d[$window])))"
        )
    );
    assert!(native.alerting.tiers.is_empty() && up.alerting.tiers.is_empty());
    assert_eq!(
        up.indicator,
        good_of_total(
            "sum by (instance) (sum_over_time(probe_success[$window]))",
            "sum by (instance) (count_over_time(probe_success[$window]))"
        )
    );
}

#[test]
fn what_is_not_mapped_is_told() {
    let stands = "metadata.name: stands for the service too, which the label pyrra.dev/service would name";
    assert_eq!(
        unmapped(&loaded(FILE)),
        [
            "f.yaml:21:39: spec.alerting.absent: without data an alert stays as it is here, and the SLO says no data"
                .to_owned(),
            format!("f.yaml:25:18: {stands}"),
            format!("f.yaml:36:18: {stands}"),
            format!("f.yaml:45:18: {stands}"),
        ]
    );
}

#[test]
fn mistakes_have_their_place() {
    let file = |spec: &str| {
        format!("apiVersion: pyrra.dev/v1alpha1\nkind: ServiceLevelObjective\nmetadata: {{name: a}}\nspec: {spec}\n")
    };
    let table = [
        (file("{window: 4w, indicator: {}}"), "f.yaml:4:7: spec.target: missing"),
        (
            file("{target: '99', window: 4w, indicator: {}}"),
            "f.yaml:4:45: spec.indicator: must have ratio, latency, latencyNative or bool_gauge",
        ),
        (
            file("{target: '99', window: 4w, indicator: {ratio: {errors: {metric: sum(a)}, total: {metric: b}}}}"),
            "f.yaml:4:71: spec.indicator.ratio.errors.metric: must be a selector of series, such as requests_total{code=~\"5..\"}",
        ),
        (
            file("{target: high, window: 4w, indicator: {bool_gauge: {metric: up}}}"),
            "f.yaml:4:16: slos[0].objective: must be a percentage above 0 and below 100, such as 99.9, got \"high\"",
        ),
    ];
    for (text, expected) in table {
        assert_eq!(errors(&text), expected, "{text}");
    }
}
