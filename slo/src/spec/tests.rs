//! Good files and what they mean; the bad ones are in `bad_files.rs`.

use model::time::{DAY, HOUR, MILLISECOND, MINUTE, SECOND};

use model::{Attrs, AttrsBuf, Resource, Scope, SpanId, StatusCode, TraceId, Value};

use super::*;

const FULL: &str = r#"
# Two SLOs of the Box Office; everything that can be set is set in the second.
slos:
  - name: booking-availability
    service: booking
    indicator: availability
    objective: 99.5
    window: 24h

  - name: catalogue-latency
    description: Browsing feels instant
    owner: team-catalogue
    labels: {tier: "1"}
    annotations:
      summary: Browsing is slow
      runbook_url: https://example.org/runbooks/catalogue
    service: catalogue
    operation: GET /v1/shows
    kind: any
    attributes:
      http.response.status_code: 200
      cache.hit: true
      ratio: 0.5
      deployment.environment.name: demo
    indicator:
      latency: {threshold: 150ms, errors: excluded}
    objective: 95%
    window: 30d
    alerting:
      name: CatalogueSlow
      min_bad_events: 10
      repeat_interval: 1h
      tiers:
        - {severity: ticket, long: 6h, short: 30m, burn_rate: 2, for: 5m, keep_firing_for: 10m}
        - {severity: page, long: 1h, short: 5m, burn_rate: 14.4}
"#;

fn one(text: &str) -> Slo {
    let mut slos = parse("f.yaml", text).unwrap();
    assert_eq!(slos.len(), 1);
    slos.remove(0)
}

fn minimal(window: &str, objective: &str) -> Slo {
    one(&format!("name: a\nservice: s\nindicator: availability\nwindow: {window}\nobjective: {objective}\n"))
}

#[test]
fn the_shortest_slo_gets_the_defaults() {
    let slo = &parse("slos/box-office.yaml", FULL).unwrap()[0];
    assert_eq!(slo.name, "booking-availability");
    assert_eq!(
        slo.selector,
        Selector { service: "booking".to_owned(), operation: None, kind: Some(SpanKind::Server), attributes: vec![] }
    );
    assert_eq!((slo.indicator, slo.objective.percent(), slo.window), (Indicator::Availability, 99.5, DAY));
    assert_eq!(
        (slo.alerting.name.as_str(), slo.alerting.min_bad_events, slo.alerting.repeat_interval),
        ("ErrorBudgetBurn", 2, 4 * HOUR)
    );
    let tiers: Vec<String> = slo.alerting.tiers.iter().map(Tier::id).collect();
    assert_eq!(tiers, ["page/2m/30s", "page/12m/1m", "ticket/48m/4m", "ticket/2h24m/12m"]);
    assert_eq!(slo.alerting.notes, ["page tier 2m/30s at burn rate 14.4: windows lengthened from 2m/10s"]);
    assert_eq!((slo.file.as_str(), slo.place), ("slos/box-office.yaml", Place { line: 4, column: 5 }));
}

#[test]
fn everything_that_can_be_set_is_read() {
    let slo = &parse("f.yaml", FULL).unwrap()[1];
    let expected = Slo {
        name: "catalogue-latency".to_owned(),
        description: "Browsing feels instant".to_owned(),
        owner: Some("team-catalogue".to_owned()),
        selector: Selector {
            service: "catalogue".to_owned(),
            operation: Some("GET /v1/shows".to_owned()),
            kind: None,
            attributes: [
                ("http.response.status_code", "200"),
                ("cache.hit", "true"),
                ("ratio", "0.5"),
                ("deployment.environment.name", "demo"),
            ]
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .to_vec(),
        },
        indicator: Indicator::Latency { threshold: 150 * MILLISECOND, errors: ErrorsAre::Excluded },
        objective: Objective::from_percent(95.0).unwrap(),
        window: 30 * DAY,
        alerting: Alerting {
            name: "CatalogueSlow".to_owned(),
            tiers: vec![
                Tier {
                    severity: Severity::Page,
                    long: HOUR,
                    short: 5 * MINUTE,
                    burn_rate: BurnRate::from_thousandths(14_400),
                    hold: 0,
                    keep_firing_for: 0,
                },
                Tier {
                    severity: Severity::Ticket,
                    long: 6 * HOUR,
                    short: 30 * MINUTE,
                    burn_rate: BurnRate::from_thousandths(2_000),
                    hold: 5 * MINUTE,
                    keep_firing_for: 10 * MINUTE,
                },
            ],
            min_bad_events: 10,
            repeat_interval: HOUR,
            notes: vec![],
        },
        labels: BTreeMap::from([("tier".to_owned(), "1".to_owned())]),
        annotations: BTreeMap::from([
            ("runbook_url".to_owned(), "https://example.org/runbooks/catalogue".to_owned()),
            ("summary".to_owned(), "Browsing is slow".to_owned()),
        ]),
        file: "f.yaml".to_owned(),
        place: Place { line: 10, column: 5 },
    };
    assert_eq!(*slo, expected);
}

#[test]
fn anchors_share_settings_between_slos() {
    let text = "slos:\n  - &base {name: a, service: s, indicator: availability, objective: 99, window: 30d}\n  - <<: *base\n    name: b\n    operation: GET /\n";
    let slos = parse("f.yaml", text).unwrap();
    assert_eq!((slos[1].name.as_str(), slos[1].selector.service.as_str()), ("b", "s"));
}

#[test]
fn alerting_can_be_switched_off() {
    let slo = one(
        "name: a\nservice: s\nindicator: {availability: }\nwindow: 30d\nobjective: 99\nalerting: {enabled: false}\n",
    );
    assert!(slo.alerting.tiers.is_empty());
    assert_eq!(slo.alerting.notes, ["alerting is switched off"]);
}

#[test]
fn an_empty_list_is_no_slo() {
    assert_eq!(parse("f.yaml", "slos: []\n").unwrap(), vec![]);
}

#[test]
fn names_are_unique_over_files() {
    let mut slos =
        parse("a.yaml", "name: x\nservice: s\nindicator: availability\nwindow: 30d\nobjective: 99\n").unwrap();
    slos.extend(
        parse("b.yaml", "\nname: x\nservice: s\nindicator: availability\nwindow: 30d\nobjective: 99\n").unwrap(),
    );
    let errors = reject_duplicates(&slos).unwrap_err();
    assert_eq!(
        errors.to_string(),
        "b.yaml:2:1: name: the name \"x\" is taken by the SLO at a.yaml:1; names are unique"
    );
}

#[test]
fn bucket_width_is_a_fifth_of_the_shortest_window_or_less() {
    let table = [
        ("24h", 6, 14_401),
        ("7d", 12, 50_401),
        ("28d", 30, 80_641),
        ("30d", 60, 43_201),
        ("366d", 60, 527_041),
        ("1h", 6, 601),
    ];
    for (window, seconds, count) in table {
        let slo = minimal(window, "99.9");
        assert_eq!((slo.bucket_width(), slo.bucket_count()), (seconds * SECOND, count), "{window}");
        assert!(slo.bucket_count() <= MAX_BUCKETS);
    }
}

#[test]
fn judges_spans_by_status_and_duration() {
    let latency = |errors| Indicator::Latency { threshold: 100, errors };
    let table = [
        (Indicator::Availability, false, 1_000, Some(true)),
        (Indicator::Availability, true, 1, Some(false)),
        (latency(ErrorsAre::Bad), false, 99, Some(true)),
        (latency(ErrorsAre::Bad), false, 100, Some(false)),
        (latency(ErrorsAre::Bad), true, 1, Some(false)),
        (latency(ErrorsAre::Excluded), true, 1, None),
        (latency(ErrorsAre::Excluded), false, 100, Some(false)),
    ];
    for (indicator, is_error, duration, expected) in table {
        assert_eq!(indicator.judge(is_error, duration), expected, "{indicator:?} {is_error} {duration}");
    }
}

#[test]
fn the_fingerprint_changes_with_what_is_counted_and_with_nothing_else() {
    let base = minimal("30d", "99.9");
    let print = |change: &dyn Fn(&mut Slo)| {
        let mut slo = base.clone();
        change(&mut slo);
        slo.counting_fingerprint() == base.counting_fingerprint()
    };
    assert!(print(&|slo| slo.objective = Objective::from_percent(50.0).unwrap()));
    assert!(print(&|slo| slo.description.push('x')));
    assert!(print(&|slo| slo.window += DAY));
    assert!(!print(&|slo| slo.selector.service.push('x')));
    assert!(!print(&|slo| slo.selector.operation = Some(String::new())));
    assert!(!print(&|slo| slo.selector.kind = None));
    assert!(!print(&|slo| slo.selector.attributes.push(("a".to_owned(), "b".to_owned()))));
    assert!(!print(&|slo| slo.indicator = Indicator::Latency { threshold: 1, errors: ErrorsAre::Bad }));
    assert!(!print(&|slo| slo.alerting.tiers[0].short = 30 * SECOND));
}

#[test]
fn says_itself_in_words() {
    let slos = parse("f.yaml", FULL).unwrap();
    assert_eq!(slos[0].sentence(), "99.5% of server spans of booking have no error, over 1d");
    assert_eq!(
        slos[1].sentence(),
        "95% of spans `GET /v1/shows` of catalogue with http.response.status_code = 200, cache.hit = true, ratio = 0.5, deployment.environment.name = demo are faster than 150ms, errors not counted, over 30d"
    );
}

/// A failed server span `GET /` of service `shop` that took 50 ns, on a resource with environment `prod`.
fn with_span(attributes: &[(&str, Value<'_>)], check: impl Fn(&Span<'_>)) {
    let mut attrs = AttrsBuf::new();
    attributes.iter().for_each(|(key, value)| attrs.push(key, *value));
    let mut resource = AttrsBuf::new();
    resource.push("deployment.environment.name", Value::Str("prod"));
    check(&Span {
        trace_id: TraceId([1; 16]),
        span_id: SpanId([1; 8]),
        parent_span_id: None,
        trace_state: "",
        flags: 0,
        name: "GET /",
        kind: SpanKind::Server,
        start: 0,
        duration: 50,
        status: StatusCode::Error,
        status_message: "",
        attrs: Attrs::new(attrs.as_bytes()),
        events: Default::default(),
        links: Default::default(),
        dropped_attributes: 0,
        dropped_events: 0,
        dropped_links: 0,
        service: "shop",
        resource: Resource::new(resource.as_bytes()),
        scope: Scope::default(),
    });
}

#[test]
fn selects_spans_by_service_operation_kind_and_attributes() {
    let table = [
        ("service: shop", true),
        ("service: Shop", false),
        ("service: shop\noperation: GET /", true),
        ("service: shop\noperation: GET", false),
        ("service: shop\nkind: any", true),
        ("service: shop\nkind: client", false),
        ("service: shop\nattributes: {http.response.status_code: 500}", true),
        ("service: shop\nattributes: {http.response.status_code: '500'}", true),
        ("service: shop\nattributes: {http.response.status_code: 501}", false),
        ("service: shop\nattributes: {http.response.status_code: 500, cached: false}", true),
        ("service: shop\nattributes: {http.response.status_code: 500, cached: true}", false),
        ("service: shop\nattributes: {ratio: 0.5}", true),
        ("service: shop\nattributes: {absent: ''}", false),
        ("service: shop\nattributes: {deployment.environment.name: prod}", true),
        ("service: shop\nattributes: {deployment.environment.name: demo}", false),
        ("service: shop\nattributes: {zone: a}", true),
    ];
    let attributes = [
        ("http.response.status_code", Value::Int(500)),
        ("cached", Value::Bool(false)),
        ("ratio", Value::Double(0.5)),
        ("zone", Value::Str("a")),
    ];
    for (selector, expected) in table {
        let slo = one(&format!("name: a\n{selector}\nindicator: availability\nwindow: 30d\nobjective: 99\n"));
        with_span(&attributes, |span| {
            assert_eq!(slo.judge(span), expected.then_some(false), "{selector}");
        });
    }
    // The span's own attribute hides that of its resource.
    let own = one(
        "name: a\nservice: shop\nattributes: {deployment.environment.name: prod}\nindicator: availability\nwindow: 30d\nobjective: 99\n",
    );
    with_span(&[("deployment.environment.name", Value::Str("demo"))], |span| assert_eq!(own.judge(span), None));
}
