//! Good files and what they mean; the bad ones are in `bad_files.rs`.

use model::time::{DAY, HOUR, MILLISECOND, MINUTE, SECOND};

use model::{SpanKind, TimeRange};

use super::*;

mod judging;

pub(crate) const FULL: &str = r#"
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

fn spans(kind: Option<SpanKind>, good: GoodSpan) -> Indicator {
    let selector = Selector { operation: None, kind, attributes: vec![], filter: None };
    Indicator::Spans(SpanSli { selector, good, http: HttpAnswers::BY_STATUS })
}

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
    assert_eq!(slo.service, "booking");
    assert_eq!(slo.indicator, spans(Some(SpanKind::Server), GoodSpan::NoError));
    assert_eq!((slo.objective.percent(), &slo.window), (99.5, &Window::Rolling(DAY)));
    assert_eq!((&slo.by, &slo.exclusions[..]), (&None, &[][..]));
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
        service: "catalogue".to_owned(),
        indicator: Indicator::Spans(SpanSli {
            selector: Selector {
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
                filter: None,
            },
            good: GoodSpan::Faster { threshold: 150 * MILLISECOND, errors: ErrorsAre::Excluded },
            http: HttpAnswers::BY_STATUS,
        }),
        by: None,
        exclusions: vec![],
        objective: Objective::from_percent(95.0).unwrap(),
        window: Window::Rolling(30 * DAY),
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
            min_events: 1,
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
    assert_eq!((slos[1].name.as_str(), slos[1].service.as_str()), ("b", "s"));
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
fn the_fingerprint_changes_with_what_is_counted_and_with_nothing_else() {
    let base = minimal("30d", "99.9");
    let print = |change: &dyn Fn(&mut Slo)| {
        let mut slo = base.clone();
        change(&mut slo);
        slo.counting_fingerprint() == base.counting_fingerprint()
    };
    assert!(print(&|slo| slo.objective = Objective::from_percent(50.0).unwrap()));
    assert!(print(&|slo| slo.description.push('x')));
    assert!(print(&|slo| slo.window = Window::Rolling(31 * DAY)));
    assert!(print(&|slo| slo.exclusions.push(Exclusion { when: When::Once(TimeRange::ALL), reason: String::new() })));
    assert!(!print(&|slo| slo.service.push('x')));
    let selector = |change: &dyn Fn(&mut Selector)| {
        print(&|slo| {
            let Indicator::Spans(spans) = &mut slo.indicator else { unreachable!() };
            change(&mut spans.selector);
        })
    };
    assert!(!selector(&|selector| selector.operation = Some(String::new())));
    assert!(!selector(&|selector| selector.kind = None));
    assert!(!selector(&|selector| selector.attributes.push(("a".to_owned(), "b".to_owned()))));
    assert!(!selector(&|selector| selector.filter = Some("a=b".to_owned())));
    let latency = |errors| spans(Some(SpanKind::Server), GoodSpan::Faster { threshold: 1, errors });
    assert!(!print(&|slo| slo.indicator = latency(ErrorsAre::Bad)));
    assert!(!print(&|slo| slo.by = Some(GroupBy { keys: vec!["a".to_owned()], max: 5 })));
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

pub(crate) const KINDS: &str = r#"
slos:
  - service: Booking
    operation: POST /v1/bookings
    indicator: {availability: {client_errors: excluded, rate_limited: bad}}
    filter: deployment.environment.name=prod
    by: [http.route, tenant]
    max_groups: 20
    objective: 99.9
    window: {calendar: month, time_zone: Asia/Seoul, from: 2026-01-15}
    exclusions:
      - {from: 2026-12-24T22:00, to: 2026-12-25T02:00:00Z, time_zone: Europe/Berlin, reason: move}
      - {every: week, on: [sat, sun, sat], at: "02:30", for: 90m, time_zone: Europe/Berlin}
      - {every: month, on: 1, at: "00:00", for: 1h, from: 2026-01-01, until: 2026-06-30}
      - {every: day, at: "04:00", for: 5m}
  - service: checkout
    indicator: {logs: {filter: "event=order", bad: "severity>=error"}}
    objective: 99
  - service: checkout
    indicator: {promql: {good: 'sum(increase(ok[$window]))', total: 'sum(increase(all[$window]))'}}
    objective: 99
  - name: by-bad
    service: checkout
    indicator: {promql: {bad: 'sum(increase(no[$window]))', total: 'sum(increase(all[$window]))'}}
    objective: 99
  - name: ratio
    service: checkout
    indicator: {promql: {error_ratio: 'avg_over_time(r[$window])'}}
    objective: 99
    alerting: {repeat_interval: 1h}
  - service: queue
    indicator: {slices: {query: max(lag), op: <=, value: 30, slice: 5m, absent: bad}}
    objective: 99
    alerting: {min_events: 20, min_bad_events: 3}
"#;

#[test]
fn every_kind_of_indicator_window_and_exclusion_is_read() {
    let slos = parse("f.yaml", KINDS).unwrap();
    let slo = &slos[0];
    assert_eq!(slo.name, "booking-post-v1-bookings-availability");
    let sli = slo.indicator.spans().unwrap();
    assert_eq!(sli.http, HttpAnswers { client_errors: Answer::Excluded, rate_limited: Answer::Bad });
    assert_eq!(sli.selector.filter.as_deref(), Some("deployment.environment.name=prod"));
    assert_eq!(slo.by, Some(GroupBy { keys: vec!["http.route".to_owned(), "tenant".to_owned()], max: 20 }));
    assert_eq!(slo.by.as_ref().unwrap().labels().collect::<Vec<_>>(), ["http_route", "tenant"]);
    assert_eq!(slo.window.to_string(), "a calendar month from 2026-01-15 (Asia/Seoul)");
    // 22:00 in Berlin is 21:00 in UTC.
    let day = 86_400 * SECOND;
    let christmas = 20_812 * day;
    let move_ = TimeRange::new(christmas - 3 * HOUR, christmas + 2 * HOUR);
    assert_eq!(slo.exclusions[0], Exclusion { when: When::Once(move_), reason: "move".to_owned() });
    let days: Vec<_> = slo.exclusions[1..]
        .iter()
        .map(|exclusion| match &exclusion.when {
            When::Recurring(recurrence) => (recurrence.days.clone(), recurrence.length / MINUTE),
            When::Once(_) => unreachable!(),
        })
        .collect();
    use jiff::civil::Weekday::{Saturday, Sunday};
    assert_eq!(days, [(Days::Weekdays(vec![Saturday, Sunday]), 90), (Days::OfMonth(1), 60), (Days::Every, 5)]);
    let of = |index: usize| (slos[index].name.as_str(), slos[index].indicator.clone());
    let bad = "severity>=error".to_owned();
    let filter = Some("event=order".to_owned());
    assert_eq!(of(1), ("checkout-logs", Indicator::Logs(LogSli { filter, judge: LogJudge::Bad(bad) })));
    let total = "sum(increase(all[$window]))".to_owned();
    let good = "sum(increase(ok[$window]))".to_owned();
    assert_eq!(of(2), ("checkout-promql", Indicator::Ratio(RatioSli::GoodOfTotal { good, total: total.clone() })));
    let bad = "sum(increase(no[$window]))".to_owned();
    assert_eq!(of(3), ("by-bad", Indicator::Ratio(RatioSli::BadOfTotal { bad, total })));
    let ratio = RatioSli::ErrorRatio("avg_over_time(r[$window])".to_owned());
    assert_eq!(of(4), ("ratio", Indicator::Ratio(ratio)));
    let (query, slice) = ("max(lag)".to_owned(), 5 * MINUTE);
    let slices = SliceSli { query, op: Comparison::LessOrEqual, value: 30.0, slice, absent: Absent::Bad };
    assert_eq!(of(5), ("queue-slices", Indicator::Slices(slices)));
    assert_eq!((slos[5].alerting.min_events, slos[5].alerting.min_bad_events), (20, 3));
    assert_eq!(slos[5].window, Window::Rolling(30 * DAY));
}

#[test]
fn every_kind_says_itself_in_words() {
    let sentences: Vec<String> = parse("f.yaml", KINDS).unwrap().iter().map(Slo::sentence).collect();
    assert_eq!(
        sentences,
        [
            "99.9% of server spans `POST /v1/bookings` of Booking that match `deployment.environment.name=prod` have no error (4xx do not count, 429 counts as bad), for each http.route and tenant, over a calendar month from 2026-01-15 (Asia/Seoul)",
            "99% of log records of checkout that match `event=order` do not match `severity>=error`, over 30d",
            "99% of `sum(increase(all[$window]))` of checkout is `sum(increase(ok[$window]))`, over 30d",
            "99% of `sum(increase(all[$window]))` of checkout is not `sum(increase(no[$window]))`, over 30d",
            "99% of the events of checkout are good by the error ratio `avg_over_time(r[$window])`, over 30d",
            "99% of the 5m slices of queue have `max(lag)` <= 30, no value being bad, over 30d",
        ]
    );
}

/// The least a file needs, and what 4xx and 429 mean without a word about them.
#[test]
fn service_objective_and_indicator_are_enough() {
    let slo = one("service: booking\nobjective: 99.9\nindicator: availability\n");
    assert_eq!((slo.name.as_str(), &slo.window), ("booking-availability", &Window::Rolling(30 * DAY)));
    let sentence = |kind| one(&format!("service: a\nobjective: 99\nindicator: availability\nkind: {kind}\n")).indicator;
    let words = |kind| sentence(kind).spans().unwrap().http_sentence();
    assert_eq!(words("server"), "4xx and 429 count as good, as the status of server spans says");
    assert_eq!(words("client"), "4xx and 429 count as errors, as the status of client spans says");
    assert_eq!(words("any"), "4xx and 429 count as the status of the span says");
}
