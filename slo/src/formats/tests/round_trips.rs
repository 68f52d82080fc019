//! What one of these formats can say comes back as it was; what it cannot say is told.

use super::*;

const COUNTED: &str = r#"
name: checkout-errors
description: Orders get an answer
service: checkout
indicator:
  promql:
    bad: sum(increase(http_requests_total{code=~"5.."}[$window]))
    total: sum(increase(http_requests_total[$window]))
objective: 99.95
window: 30d
labels: {team: payments}
annotations: {summary: Orders fail}
alerting: {name: CheckoutErrors, min_bad_events: 1}
"#;

fn ours(text: &str) -> Slo {
    parse("ours.yaml", text).unwrap_or_else(|errors| panic!("{errors}")).remove(0)
}

/// The SLO after a trip through a format, and what was lost on the way out.
fn trip(slo: &Slo, format: Format) -> (Option<Slo>, Vec<String>) {
    let out = export(std::slice::from_ref(slo), format);
    if out.text.is_empty() {
        return (None, out.lost);
    }
    let mut back = load("out.yaml", &out.text).unwrap_or_else(|errors| panic!("{errors}\n{}", out.text)).slos;
    assert_eq!(back.len(), 1, "{}", out.text);
    (back.pop(), out.lost)
}

/// But for where it stands.
fn placed_as(slo: &Slo, other: Slo) -> Slo {
    Slo { file: slo.file.clone(), place: slo.place, ..other }
}

#[test]
fn counts_of_events_come_back_from_each_format() {
    let slo = ours(COUNTED);
    for format in Format::ALL {
        let (back, _) = trip(&slo, format);
        let mut back = placed_as(&slo, back.unwrap());
        // No format has our guard; Pyrra has tiers of its own, and OpenSLO no name of alerts.
        back.alerting.min_bad_events = slo.alerting.min_bad_events;
        if format == Format::Pyrra {
            back.alerting.tiers = slo.alerting.tiers.clone();
        }
        if format == Format::OpenSlo {
            // Its short windows are made anew: a twelfth, where the slower tickets have other ones.
            assert_eq!(back.alerting.tiers[1], slo.alerting.tiers[1]);
            back.alerting = slo.alerting.clone();
        }
        assert_eq!(back, slo, "{}", format.name());
    }
}

#[test]
fn what_a_format_cannot_say_is_told() {
    let slo = ours(COUNTED);
    assert_eq!(trip(&slo, Format::Sloth).1, Vec::<String>::new());
    assert_eq!(trip(&slo, Format::Pyrra).1, ["checkout-errors: the tiers are left out: Pyrra has its own"]);
    assert_eq!(
        trip(&slo, Format::OpenSlo).1,
        [
            "checkout-errors: the short windows, a twelfth of the long ones, are left out: a condition of OpenSLO has one window"
        ]
    );
    let text = "service: s\nby: [http.route]\nindicator: availability\nobjective: 99\nwindow: {calendar: month}\nexclusions: [{every: day, at: '02:00', for: 1h}]\n";
    let lost = trip(&ours(text), Format::Sloth).1;
    assert_eq!(
        lost,
        [
            "s-availability: counts the metrics of the Collector's connector spanmetrics, with http.route among its dimensions",
            "s-availability: exclusions are left out",
            "s-availability: the low-traffic guard is left out: few bad events may fire",
            "s-availability: the window of a calendar month (UTC) is left out: Sloth's is a setting, 30 days by default",
            "s-availability: groups are left out: Sloth alerts on the sum",
        ]
    );
}

#[test]
fn ratios_and_slices_come_back_where_the_format_has_them() {
    let ratio = ours("service: s\nindicator: {promql: {error_ratio: 'avg_over_time(r[$window])'}}\nobjective: 99\n");
    for format in [Format::Sloth, Format::OpenSlo] {
        let back = trip(&ratio, format).0.unwrap();
        let expected = match format {
            Format::OpenSlo => "(avg_over_time(r[$window]))",
            _ => "avg_over_time(r[$window])",
        };
        assert_eq!(back.indicator, error_ratio(expected));
    }
    let (none, lost) = trip(&ratio, Format::Pyrra);
    assert_eq!(
        (none, lost[0].as_str()),
        (None, "s-promql: left out: Pyrra divides by itself and takes no error ratio")
    );

    let slices = ours(
        "service: s\nindicator: {slices: {query: max(lag), op: <, value: 30, slice: 5m}}\nobjective: 99\nwindow: {calendar: week, time_zone: Asia/Seoul}\n",
    );
    let back = trip(&slices, Format::OpenSlo).0.unwrap();
    assert_eq!((&back.indicator, &back.window), (&slices.indicator, &slices.window));
    assert_eq!(
        trip(&slices, Format::Sloth).0.unwrap().indicator,
        error_ratio("1 - avg_over_time(((max(lag)) < bool 30)[$window:5m])")
    );
    assert_eq!(trip(&slices, Format::Pyrra).1, ["s-slices: left out: Pyrra has no time slices"]);
}

#[test]
fn spans_are_said_by_the_metrics_of_the_collector() {
    let text = "service: shop\noperation: GET /\nattributes: {tenant.id: 'a\"b'}\nindicator: {latency: {threshold: 150ms}}\nobjective: 95\nwindow: 28d\n";
    let common = r#"service_name="shop", span_kind="SPAN_KIND_SERVER", span_name="GET /", tenant_id="a\"b""#;
    let good = format!(
        "sum(increase(traces_span_metrics_duration_milliseconds_bucket{{{common}, status_code!=\"STATUS_CODE_ERROR\", le=\"150\"}}[$window]))"
    );
    let total = format!("sum(increase(traces_span_metrics_duration_milliseconds_count{{{common}}}[$window]))");
    let slo = ours(text);
    for format in [Format::Pyrra, Format::OpenSlo] {
        assert_eq!(trip(&slo, format).0.unwrap().indicator, good_of_total(&good, &total), "{}", format.name());
    }
    let back = trip(&slo, Format::Sloth).0.unwrap();
    assert_eq!(back.indicator, bad_of_total(&format!("({total}) - ({good})"), &total));
    let lost = trip(&slo, Format::Pyrra).1;
    assert_eq!(
        lost[0],
        "shop-get-latency: counts the metrics of the Collector's connector spanmetrics, with tenant.id among its dimensions"
    );
    assert_eq!(lost[1], "shop-get-latency: needs a histogram with a bucket that ends at 150 ms");
}

#[test]
fn groups_come_back_from_pyrra() {
    let text = "service: shop\nby: [tenant]\nindicator: availability\nobjective: 99\nwindow: 28d\n";
    let back = trip(&ours(text), Format::Pyrra).0.unwrap();
    assert_eq!(back.by.unwrap().keys, ["tenant"]);
    let Indicator::Ratio(RatioSli::BadOfTotal { total, .. }) = back.indicator else { panic!() };
    assert_eq!(
        total,
        "sum by (tenant) (increase(traces_span_metrics_calls_total{service_name=\"shop\", span_kind=\"SPAN_KIND_SERVER\"}[$window]))"
    );
}

#[test]
fn what_cannot_be_said_in_promql_is_left_out_with_the_reason() {
    let table = [
        ("indicator: {logs: {good: a}}", "s-logs: left out: log records are not in PromQL"),
        (
            "indicator: {availability: {rate_limited: bad}}",
            "s-availability: left out: span metrics tell no 4xx from another answer",
        ),
        ("indicator: availability\nfilter: a=b", "s-availability: left out: `filter` is a search of this box"),
    ];
    for (keys, expected) in table {
        for format in Format::ALL {
            let out = export(&[ours(&format!("service: s\n{keys}\nobjective: 99\n"))], format);
            assert_eq!((out.text.as_str(), &out.lost[..]), ("", &[expected.to_owned()][..]), "{}", format.name());
        }
    }
}

/// Texts that YAML could read as something else, or that could end a quoted text.
#[test]
fn hostile_texts_are_written_so_that_they_come_back() {
    for hostile in [
        "yes",
        "1e3",
        "null",
        "a: b",
        "- x",
        "# no",
        "\"quoted\"",
        "it's",
        "line\nline",
        "{}",
        "é한글",
        "~",
        "*a",
        "&a",
    ] {
        let mut slo = ours(COUNTED);
        slo.description = hostile.to_owned();
        slo.annotations.insert("summary".to_owned(), hostile.to_owned());
        for format in Format::ALL {
            let back = trip(&slo, format).0.unwrap();
            assert_eq!(
                (back.description.as_str(), back.annotations["summary"].as_str()),
                (hostile, hostile),
                "{}",
                format.name()
            );
        }
    }
}

#[test]
fn severities_that_are_off_stay_off() {
    let mut slo = ours(COUNTED);
    slo.alerting.tiers.retain(|tier: &Tier| tier.severity == Severity::Ticket);
    assert_eq!(trip(&slo, Format::Sloth).0.unwrap().alerting.tiers, slo.alerting.tiers);
    slo.alerting.tiers.clear();
    for format in Format::ALL {
        assert!(trip(&slo, format).0.unwrap().alerting.tiers.is_empty(), "{}", format.name());
    }
}
