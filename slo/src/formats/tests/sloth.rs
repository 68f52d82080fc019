use super::*;

const FILE: &str = r#"
version: prometheus/v1
service: checkout
labels: {team: payments, severity: low}
slo_plugins:
  chain: [{id: example.org/strip}]
slos:
  - name: requests-availability
    objective: 99.9
    description: Orders get an answer
    labels: {tier: "1"}
    sli:
      events:
        error_query: sum(rate(http_requests_total{job="checkout",code=~"(5..|429)"}[{{.window}}]))
        total_query: sum(rate(http_requests_total{job="checkout"}[{{ .window }}]))
    alerting:
      name: CheckoutAvailability
      labels: {category: availability}
      annotations:
        summary: Orders fail
        detail: "{{ $labels.instance }} fails"
      page_alert:
        labels: {severity: pageteam}
      ticket_alert:
        disable: true
  - name: Slow Answers
    objective: 95
    sli:
      raw:
        error_ratio_query: |
          1 - (sum(rate(d_bucket{le="0.3"}[{{.window}}])) / sum(rate(d_count[{{.window}}])))
    alerting:
      page_alert: {disable: true}
      ticket_alert: {disable: true}
  - name: halves
    objective: 99
    sli:
      events:
        error_query: sum(rate(a[{{.window}}])) / 2
        total_query: sum(rate(b[{{.window}}]))
    alerting: {}
  - name: by-plugin
    objective: 99
    sli: {plugin: {id: sloth-common/http}}
    alerting: {}
"#;

#[test]
fn a_service_is_read_as_it_is() {
    let loaded = loaded(FILE);
    let names: Vec<&str> = loaded.slos.iter().map(|slo| slo.name.as_str()).collect();
    assert_eq!(names, ["checkout-requests-availability", "checkout-slow-answers", "checkout-halves"]);
    let slo = &loaded.slos[0];
    assert_eq!(
        (slo.service.as_str(), slo.objective.percent(), slo.window.to_string().as_str()),
        ("checkout", 99.9, "30d")
    );
    assert_eq!(slo.description, "Orders get an answer");
    // Rates that are only added up are counted, and the ratio stays the same.
    assert_eq!(
        slo.indicator,
        bad_of_total(
            "sum(increase(http_requests_total{job=\"checkout\",code=~\"(5..|429)\"}[$window]))",
            "sum(increase(http_requests_total{job=\"checkout\"}[$window]))"
        )
    );
    let labels: Vec<_> = slo.labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
    assert_eq!(labels, ["category=availability", "team=payments", "tier=1"]);
    assert_eq!(slo.annotations.iter().collect::<Vec<_>>(), [(&"summary".to_owned(), &"Orders fail".to_owned())]);
    assert_eq!(slo.alerting.name, "CheckoutAvailability");
    assert_eq!(tiers(slo), ["page/1h/5m 14.4", "page/6h/30m 6"]);
    assert_eq!(
        loaded.slos[1].indicator,
        error_ratio("1 - (sum(rate(d_bucket{le=\"0.3\"}[$window])) / sum(rate(d_count[$window])))")
    );
    assert!(loaded.slos[1].alerting.tiers.is_empty());
    assert_eq!(loaded.slos[2].indicator, error_ratio("(sum(rate(a[$window])) / 2) / (sum(rate(b[$window])))"));
    assert_eq!(loaded.slos[2].alerting.tiers.len(), 4);
}

#[test]
fn what_is_not_mapped_is_told_once_with_its_place() {
    assert_eq!(
        unmapped(&loaded(FILE)),
        [
            "f.yaml:4:26: labels.severity: cannot be a label of alerts here and is left out",
            "f.yaml:6:3: slo_plugins: plugins are programs of Sloth and change nothing here",
            "f.yaml:21:17: slos[0].alerting.annotations.detail: is a template and is left out",
            "f.yaml:23:17: slos[0].alerting.page_alert.labels: alerts of all severities have the same here; left out",
            "f.yaml:44:19: slos[3].sli.plugin: an SLI that a plugin makes is a program; the SLO is left out",
        ]
    );
}

#[test]
fn the_form_of_kubernetes_is_read_too() {
    let text = "apiVersion: sloth.slok.dev/v1\nkind: PrometheusServiceLevel\nmetadata: {name: x}\nspec:\n  service: s\n  slos:\n    - name: a\n      objective: 99\n      sli: {events: {errorQuery: 'sum(increase(e[{{.window}}]))', totalQuery: 'sum(increase(t[{{.window}}]))'}}\n      alerting: {name: A, pageAlert: {disable: true}, ticketAlert: {}}\n";
    let loaded = loaded(text);
    assert_eq!(loaded.slos[0].indicator, bad_of_total("sum(increase(e[$window]))", "sum(increase(t[$window]))"));
    assert_eq!(tiers(&loaded.slos[0]), ["ticket/1d/2h 3", "ticket/3d/6h 1"]);
    assert!(unmapped(&loaded).is_empty());
}

#[test]
fn mistakes_have_their_place() {
    let file = |slo: &str| format!("version: prometheus/v1\nservice: s\nslos:\n  - {slo}\n");
    let ok = "sli: {raw: {error_ratio_query: 'a[{{.window}}]'}}";
    let table = [
        ("version: prometheus/v1\nslos: []\n".to_owned(), "f.yaml:1:1: service: missing"),
        ("version: prometheus/v1\nservice: s\n".to_owned(), "f.yaml:1:1: slos: missing"),
        (file(&format!("{{objective: 99, {ok}}}")), "f.yaml:4:5: slos[0].name: missing"),
        (file(&format!("{{name: a, {ok}}}")), "f.yaml:4:5: slos[0].objective: missing"),
        (file("{name: a, objective: 99}"), "f.yaml:4:5: slos[0].sli: missing"),
        (file("{name: a, objective: 99, sli: {}}"), "f.yaml:4:35: slos[0].sli: must have raw, events or plugin"),
        (
            file("{name: a, objective: 99, sli: {events: {error_query: 'x[{{.window}}]'}}}"),
            "f.yaml:4:44: slos[0].sli.events.total_query: missing",
        ),
        (
            file("{name: a, objective: 99, sli: {raw: {error_ratio_query: 'x[{{.other}}]'}}}"),
            "f.yaml:4:61: slos[0].sli.raw.error_ratio_query: has a template other than {{.window}}, which only Sloth can fill in",
        ),
        (
            file(&format!("{{name: a, objective: 100, {ok}}}")),
            "f.yaml:4:26: slos[0].objective: must be a percentage above 0 and below 100, such as 99.9, got the number 100",
        ),
    ];
    for (text, expected) in table {
        assert_eq!(errors(&text), expected, "{text}");
    }
}
