//! Silences on the pages: what fires is silenced by the form, and shown so.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use slo::routing::Matcher;
use slo::silences::{Draft, Silences};
use tower::ServiceExt;

use crate::fixture::Fixture;
use crate::{clock, get};

/// The pages of the shop over silences in memory.
fn pages(silences: Silences) -> (Fixture, Router, Arc<Mutex<Silences>>) {
    let mut fixture = Fixture::shop(clock);
    let kept = Arc::new(Mutex::new(silences));
    let (status, shown) = (Arc::clone(&fixture.state.slo_status), Arc::clone(&kept));
    fixture.state.slo_status = Arc::new(move || {
        let silences = shown.lock().unwrap().clone();
        Arc::new(slo::Status { silences, most_changes: 500, ..(*status()).clone() })
    });
    let (set, expire) = (Arc::clone(&kept), Arc::clone(&kept));
    fixture.state.silences = ui::Silencing {
        set: Arc::new(move |draft| {
            let mut kept = set.lock().unwrap();
            let answer = kept.with(draft, "id-1".to_owned(), clock()).map(|(next, id)| {
                *kept = next;
                id
            });
            Box::pin(async move { answer })
        }),
        expire: Arc::new(move |id| {
            let mut kept = expire.lock().unwrap();
            let answer = kept.without(&id, clock()).map(|next| *kept = next);
            Box::pin(async move { answer })
        }),
    };
    let router = ui::router(fixture.state.clone());
    (fixture, router, kept)
}

async fn text(router: &Router, path: &str) -> String {
    get(router, path).await.text().to_owned()
}

async fn post(router: &Router, path: &str, origin: Option<&str>, form: &str) -> (StatusCode, String, String) {
    let mut request = Request::post(path).header(header::HOST, "box:4319");
    request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    if let Some(origin) = origin {
        request = request.header(header::ORIGIN, origin);
    }
    let response = router.clone().oneshot(request.body(Body::from(form.to_owned())).unwrap()).await.unwrap();
    let (status, headers) = (response.status(), response.headers().clone());
    let location = headers.get(header::LOCATION).map_or(String::new(), |value| value.to_str().unwrap().to_owned());
    let body = http_body_util::BodyExt::collect(response.into_body()).await.unwrap().to_bytes();
    (status, location, String::from_utf8(body.to_vec()).unwrap())
}

const FORM: &str = "id=&matchers=slo%3Dbooking-availability&from=&until=5m&by=me&comment=they+know+%3Cb%3E";

#[tokio::test]
async fn an_alert_is_silenced_by_the_form_and_shown_so() {
    let (_fixture, router, kept) = pages(Silences::default());
    let alerts = text(&router, "/alerts").await;
    assert!(!alerts.contains(">silenced<") && alerts.contains("/alerts/silence?matchers=alertname"), "{alerts}");
    let (status, location, _) = post(&router, "/alerts/silence", Some("http://box:4319"), FORM).await;
    assert_eq!((status, location.as_str()), (StatusCode::SEE_OTHER, "/alerts#silences"));
    let alerts = text(&router, "/alerts").await;
    for words in [
        ">silenced<",
        "title=\"me: they know &#60;b&#62;\"",
        "slo=&#34;booking-availability&#34;",
        "1 active",
        "A silence ends in",
    ] {
        assert!(alerts.contains(words), "{words}: {alerts}");
    }
    let change = text(&router, "/alerts/silence?id=id-1").await;
    assert!(change.contains("Change a silence") && change.contains("value=\"me\""), "{change}");
    let (status, location, _) = post(&router, "/alerts/silence/id-1/expire", None, "").await;
    assert_eq!((status, location.as_str()), (StatusCode::SEE_OTHER, "/alerts#silences"));
    assert!(kept.lock().unwrap().get("id-1").unwrap().ends_at <= clock());
    assert!(!get(&router, "/alerts").await.text().contains(">silenced<"));
}

#[tokio::test]
async fn the_preview_shows_what_fires_and_what_fired() {
    let (_fixture, router, _) = pages(Silences::default());
    let page = text(&router, "/alerts/silence?matchers=slo%3Dbooking-availability").await;
    assert!(page.contains("Firing now") && page.contains("severity=page"), "{page}");
    assert!(page.contains("Fired in the last 7 days"), "{page}");
    let page = text(&router, "/alerts/silence?matchers=slo%3Dnone").await;
    assert!(page.contains("Nothing that fires matches") && page.contains("Nothing that has fired matches"), "{page}");
}

#[tokio::test]
async fn mistakes_are_shown_with_what_was_entered() {
    let (_fixture, router, kept) = pages(Silences::default());
    let table = [
        ("matchers=slo&until=1h&by=me&comment=x", "matchers: one of =, !=, =~ and !~ must follow"),
        ("matchers=slo%3Da&until=soon&by=me&comment=x", "is not a time such as 2026-09-01T10:00:00Z or a duration"),
        ("matchers=slo%3Da&until=1h&from=soon&by=me&comment=x", "from: "),
        ("matchers=slo%3Da&until=1h&by=&comment=x", "createdBy is missing"),
        ("id=nope&matchers=slo%3Da&until=1h&by=me&comment=x", "there is no silence"),
    ];
    for (form, expected) in table {
        let (status, _, page) = post(&router, "/alerts/silence", None, form).await;
        assert!(status == StatusCode::BAD_REQUEST && page.contains(expected), "{form}: {page}");
        assert!(page.contains("name=\"comment\" value=\"x\""), "{form}: {page}");
    }
    assert_eq!(get(&router, "/alerts/silence?id=nope").await.status, StatusCode::BAD_REQUEST);
    // Forms of other sites change nothing.
    for (path, form) in [("/alerts/silence", FORM), ("/alerts/silence/id-1/expire", "")] {
        let (status, ..) = post(&router, path, Some("http://evil.example"), form).await;
        assert_eq!(status, StatusCode::FORBIDDEN);
    }
    assert_eq!(kept.lock().unwrap().iter().count(), 0);
}

#[tokio::test]
async fn a_silence_that_has_ended_can_be_made_again() {
    let draft = Draft {
        id: None,
        matchers: Matcher::parse_all("slo=x").unwrap(),
        starts_at: clock() - 10_000_000_000,
        ends_at: clock() - 1,
        created_by: "me".to_owned(),
        comment: "again".to_owned(),
    };
    let (silences, _) = Silences::default().with(draft, "old".to_owned(), clock() - 20_000_000_000).unwrap();
    let (_fixture, router, _) = pages(silences);
    assert!(get(&router, "/alerts").await.text().contains(">Again<"));
    let page = text(&router, "/alerts/silence?id=old").await;
    assert!(page.contains("New silence") && page.contains("name=\"id\" value=\"\"") && page.contains("value=\"2h\""));
}

#[tokio::test]
async fn an_alert_that_another_inhibits_is_marked() {
    let mut fixture = Fixture::shop(clock);
    let status = Arc::clone(&fixture.state.slo_status);
    let routes = "route: {receiver: a}
inhibit_rules: [{source_matchers: [severity=page], target_matchers: [severity=ticket], equal: [slo]}]";
    let routing = Arc::new(slo::routing::parse_for_any("routes.yaml", routes).unwrap());
    let marked = r#"title="while ErrorBudgetBurn fires: "#;
    let before = text(&ui::router(fixture.state.clone()), "/alerts").await;
    assert!(before.contains(">ticket</span>") && !before.contains(marked), "{before}");
    fixture.state.slo_status =
        Arc::new(move || Arc::new(slo::Status { routing: Some(Arc::clone(&routing)), ..(*status()).clone() }));
    let after = text(&ui::router(fixture.state.clone()), "/alerts").await;
    let rows: Vec<&str> = after.split("<tr").filter(|row| row.contains(">inhibited</span>")).collect();
    assert!(
        !rows.is_empty() && rows.iter().all(|row| row.contains(">ticket</span>") && row.contains(marked)),
        "{after}"
    );
}
