//! The Ingest page in each of its states.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::http::StatusCode;
use ui::{IngestReport, ReasonReport};

use crate::fixture::shop::SERVICES;
use crate::fixture::{Fixture, receiving};
use crate::{NOW, clock, get};

/// What the Ingest page shows of `report`.
pub(crate) async fn ingest(report: IngestReport, query: &str) -> String {
    let mut fixture = Fixture::empty(clock);
    fixture.state.report = Arc::new(move || report.clone());
    let answer = get(&ui::router(fixture.state.clone()), &format!("/ingest{query}")).await;
    assert_eq!(answer.status, StatusCode::OK);
    answer.text().to_owned()
}

fn thousands(n: u64) -> String {
    if n < 1000 { n.to_string() } else { format!("{},{:03}", n / 1000, n % 1000) }
}

#[tokio::test]
async fn each_state_of_receiving_has_its_own_words() {
    let words = [
        "Nothing has been received yet",
        "Nothing accepted",
        "Accepted, but nothing stored",
        "Nothing for minutes",
        "Refusing now",
        "All refused for minutes",
    ];
    let receiving = || receiving::receiving(NOW, &SERVICES);
    let mut all_refused = receiving::nothing(NOW);
    all_refused.signals[0].refused = 3;
    let mut nothing_stored = receiving();
    nothing_stored.signals.iter_mut().for_each(|signal| signal.accepted = 0);
    nothing_stored.signals[1].duplicates = 0;
    let mut silent = receiving();
    silent.signals.iter_mut().for_each(|signal| signal.last_received = Some(NOW - 400_000_000_000));
    // Of the past, or else it would be refusing now.
    silent.reasons.iter_mut().for_each(|reason| reason.last -= 300_000_000_000);
    let mut refused = silent.clone();
    refused.signals[2].last_refused = Some(NOW);
    let mut lost = silent.clone();
    lost.reasons[1].last = NOW;
    let table = [
        (receiving::nothing(NOW), Some(0)),
        (all_refused, Some(1)),
        (nothing_stored, Some(2)),
        (silent, Some(3)),
        (receiving::refusing(NOW, &SERVICES), Some(4)),
        (refused, Some(5)),
        (lost, Some(5)),
        (receiving(), None),
    ];
    for (i, (report, expected)) in table.into_iter().enumerate() {
        let text = ingest(report, "").await;
        for (at, words) in words.iter().enumerate() {
            assert_eq!(text.contains(words), expected == Some(at), "{i}: {words}");
        }
        assert!(text.contains("Pressure") && text.contains("max_series"), "{i}: the room is shown in every state");
    }
}

#[tokio::test]
async fn the_address_chooses_signal_service_and_order() {
    let report = || receiving::receiving(NOW, &SERVICES);
    let order = |text: &str| -> Vec<usize> {
        let table = text.split("id=\"senders\"").nth(1).unwrap().split("</table>").next().unwrap();
        SERVICES.iter().filter_map(|service| table.find(&format!("href=\"/services/{service}\""))).collect()
    };
    let by_name = ingest(report(), "?sort=service").await;
    let mut names = SERVICES.to_vec();
    names.sort_unstable();
    let table = by_name.split("id=\"senders\"").nth(1).unwrap();
    let places: Vec<usize> = names.iter().map(|name| table.find(&format!("/services/{name}\"")).unwrap()).collect();
    assert!(places.is_sorted() && by_name.contains("aria-sort=\"ascending\""));
    assert!(order(&ingest(report(), "?sort=bytes").await).is_sorted(), "the first sends most");
    let one = ingest(report(), &format!("?service={}&signal=traces", SERVICES[1])).await;
    assert_eq!(order(&one).len(), 1);
    assert!(one.contains("<a class=\"cover\" href=\"/ingest?service=") && !one.contains(">metrics</a>"));
    assert!(one.contains("data-refresh=\"/ingest/now?service="), "a refresh keeps the choice");
    assert!(ingest(report(), "?service=nobody").await.contains("No service of that name"));
}

#[tokio::test]
async fn an_sdk_at_its_limit_of_series_is_told_of_with_what_to_change() {
    let report = receiving::receiving(NOW, &SERVICES);
    let text = ingest(report.clone(), "").await;
    assert!(text.contains("1,212 data points stand for all that it no longer tells apart"), "{text}");
    assert!(text.contains("Raise the cardinality limit in the SDK"));
    let mut calm = report;
    calm.cardinality.overflows.clear();
    assert!(!ingest(calm, "").await.contains("otel.metric.overflow"));
}

#[tokio::test]
async fn what_a_choice_hides_is_not_said_to_be_nothing() {
    let report = receiving::receiving(NOW, &SERVICES);
    let (hidden, nothing) = ("Nothing here for what is chosen", "Everything of the last hour was taken");
    let mut of_traces = report.clone();
    of_traces.reasons.retain(|reason| reason.signal == Some("traces"));
    let mut without = report;
    without.reasons.clear();
    for (report, query, expected) in [
        (&of_traces, "", [false, false]),
        (&of_traces, "?signal=logs", [true, false]),
        (&without, "?signal=logs", [false, true]),
        (&without, "", [false, true]),
    ] {
        let text = ingest(report.clone(), query).await;
        assert_eq!([hidden, nothing].map(|words| text.contains(words)), expected, "{query}");
    }
    assert!(ingest(of_traces, "?signal=logs&sort=bytes").await.contains("<a href=\"/ingest?sort=bytes\">All signals"));
}

#[tokio::test]
async fn what_is_of_a_service_is_told_apart_from_what_is_of_all() {
    let mut report = receiving::receiving(NOW, &SERVICES);
    report.reasons[0].service = SERVICES[1].to_owned();
    let sender = report.senders[1].clone();
    let part = |text: &str, from: &str| text.split(from).nth(1).unwrap().split("</section>").next().unwrap().to_owned();

    let text = ingest(report.clone(), &format!("?service={}", SERVICES[1])).await;
    let own = part(&text, "id=\"of-service\"");
    for (i, signal) in ["traces", "metrics", "logs"].into_iter().enumerate() {
        let row = own.split(&format!(">{signal}</a>")).nth(1).unwrap().split("</tr>").next().unwrap();
        assert!(row.contains(&thousands(sender.accepted[i])), "{signal}: {row}");
    }
    assert!(
        text.contains("<h2>Signals of all services</h2>") && text.contains("<h2>Pressure of the box</h2>"),
        "{text}"
    );
    let reasons = part(&text, "id=\"reasons\"");
    let places = ["3 spans rejected", "Of any service", "content-type is not allowed"].map(|words| reasons.find(words));
    assert!(places.is_sorted() && places[0].is_some(), "{places:?} in {reasons}");

    let other = part(&ingest(report.clone(), &format!("?service={}", SERVICES[2])).await, "id=\"reasons\"");
    assert!(!other.contains("3 spans rejected") && other.contains("1 of other signals or services"), "{other}");
    let all = ingest(report, "").await;
    assert!(!all.contains("id=\"of-service\"") && !all.contains("of all services") && !all.contains("Of any service"));
}

#[tokio::test]
async fn a_refusal_that_passes_is_of_no_service() {
    let reason = |message: &str, is_passing| ReasonReport {
        fate: "refused",
        message: message.to_owned(),
        is_passing,
        times: 1,
        last: NOW,
        ..ReasonReport::default()
    };
    let report = || IngestReport {
        reasons: vec![reason("too many requests", true), reason("no such path", false)],
        ..receiving::nothing(NOW)
    };
    let all = ingest(report(), "").await;
    assert!(all.contains("too many requests") && all.contains("no such path"));
    let of_one = ingest(report(), "?service=shop").await;
    assert!(!of_one.contains("too many requests") && of_one.contains("no such path"));
}

#[tokio::test]
async fn requests_that_are_of_no_signal_are_on_no_tab_of_one() {
    let report = receiving::receiving(NOW, &SERVICES);
    let words = "the client speaks TLS";
    assert!(ingest(report.clone(), "").await.contains(words));
    for signal in ["traces", "metrics", "logs"] {
        let text = ingest(report.clone(), &format!("?signal={signal}")).await;
        assert!(!text.contains(words), "{signal}");
        assert!(text.contains("or of none"), "{signal}: it is said that there is more");
    }
}

#[tokio::test]
async fn senders_that_gave_way_are_told_of_and_growth_has_its_time() {
    let mut report = receiving::receiving(NOW, &SERVICES);
    let text = ingest(report.clone(), "").await;
    assert!(text.contains(">In 40 m</th>") && text.contains("<td class=\"num muted\">–</td>"), "{text}");
    assert!(!text.contains("gave way"));
    report.displaced_senders = 1_200;
    report.cardinality.growth = None;
    let text = ingest(report, "").await;
    assert!(text.contains("1,200 that sent least often gave way") && text.contains(">Growth</th>"), "{text}");
}

#[tokio::test]
async fn no_thread_that_serves_connections_makes_the_report() {
    let mut fixture = Fixture::empty(clock);
    let serving = std::thread::current().id();
    fixture.state.report = Arc::new(move || {
        assert_ne!(std::thread::current().id(), serving);
        receiving::nothing(NOW)
    });
    for path in ["/ingest", "/ingest/now"] {
        assert_eq!(get(&ui::router(fixture.state.clone()), path).await.status, StatusCode::OK, "{path}");
    }
    fixture.state.report = Arc::new(|| panic!("a defect"));
    assert_eq!(get(&ui::router(fixture.state.clone()), "/ingest").await.status, StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn hostile_texts_of_senders_stay_texts() {
    let nasty = "\"><script>alert(1)</script>";
    let mut report = receiving::receiving(NOW, &[nasty]);
    for reason in &mut report.reasons {
        (reason.message, reason.fix, reason.user_agent) = (nasty.to_owned(), nasty.to_owned(), nasty.to_owned());
    }
    report.cardinality.metrics[0].name = nasty.to_owned();
    report.cardinality.span_names[0].newest = nasty.to_owned();
    report.cardinality.overflows[0].metric = nasty.to_owned();
    assert!(!ingest(report, "?service=%22%3E%3Cscript%3E").await.contains("<script>alert"));
}

#[tokio::test]
async fn the_page_of_a_large_box_is_rendered_fast() {
    let services: Vec<String> = (0..256).map(|i| format!("service {i}")).collect();
    let names: Vec<&str> = services.iter().map(String::as_str).collect();
    let mut report = receiving::receiving(NOW, &names);
    report.reasons = report.reasons.iter().cycle().take(512).cloned().collect();
    let start = Instant::now();
    let text = ingest(report, "").await;
    let took = start.elapsed();
    println!("{} bytes in {took:?}", text.len());
    assert!(took < Duration::from_secs(2), "{took:?}");
}

#[tokio::test]
async fn damage_on_disk_is_counted_and_the_newest_is_listed_by_file_and_offset() {
    let mut report = receiving::receiving(NOW, &SERVICES);
    report.damage.places[0].file = "data/<b>.parquet".to_owned();
    let newest = report.damage.places[0].clone();
    report.damage.places.splice(0..0, (0..20).map(|_| newest.clone()));
    report.damage.unreadable += 20;
    let text = ingest(report, "").await;
    let words =
        ["2 in segments", "1 in the write-ahead log", "data/&#60;b&#62;.parquet", "2,097,152", "and 13 more since"];
    for words in words {
        assert!(text.contains(words), "{words} is missing");
    }
    assert!(!text.contains("wal/000000000007.wal"), "the list is bounded");
    assert!(!ingest(receiving::nothing(NOW), "").await.contains("Damage on disk"));
}
