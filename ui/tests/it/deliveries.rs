//! What went over the wire, and receivers that are tried, on the pages.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use slo::status::Exchange;
use tower::ServiceExt;

use crate::fixture::Fixture;
use crate::{clock, get};

#[tokio::test]
async fn an_attempt_opens_to_its_request_and_answer() {
    let mut fixture = Fixture::shop(clock);
    fixture.state.deliveries.exchange = Arc::new(|number| {
        let exchange = Exchange {
            request_head: "POST http://127.0.0.1:9093/hook\ncontent-type: application/json\n".to_owned(),
            request_body: "{\"text\":\"<script>\"}".to_owned(),
            answer_head: "200 OK\n".to_owned(),
            answer_body: "thanks <b>".to_owned(),
        };
        Box::pin(async move { (number == 100).then_some(exchange) })
    });
    let router = ui::router(fixture.state.clone());
    let alerts = get(&router, "/alerts").await.text().to_owned();
    assert!(alerts.contains("href=\"/alerts/deliveries/100\"") && alerts.contains("Send a test"), "{alerts}");
    let page = get(&router, "/alerts/deliveries/100").await.text().to_owned();
    for words in
        ["POST http://127.0.0.1:9093/hook", "&#60;script&#62;", "thanks &#60;b&#62;", "Attempts of this notification"]
    {
        assert!(page.contains(words), "{words}: {page}");
    }
    let page = get(&router, "/alerts/deliveries/99").await.text().to_owned();
    assert!(page.contains("not kept any more"), "{page}");
    for path in ["/alerts/deliveries/0", "/alerts/deliveries/7", "/alerts/deliveries/x"] {
        assert_eq!(get(&router, path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn a_receiver_is_tried_by_a_button() {
    let mut fixture = Fixture::shop(clock);
    fixture.state.deliveries.test = Arc::new(|name| {
        Box::pin(
            async move { if name == "team" { Ok(vec![7, 8]) } else { Err(format!("there is no receiver {name:?}")) } },
        )
    });
    let router = ui::router(fixture.state.clone());
    let table = [
        ("receiver=team", None, StatusCode::SEE_OTHER, "/alerts/deliveries/7"),
        ("receiver=x", None, StatusCode::BAD_REQUEST, ""),
        ("receiver=team", Some("http://evil.example"), StatusCode::FORBIDDEN, ""),
    ];
    for (form, origin, status, location) in table {
        let mut request = Request::post("/alerts/receivers/test").header(header::HOST, "box:4319");
        request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        request = origin.into_iter().fold(request, |request, origin| request.header(header::ORIGIN, origin));
        let response = router.clone().oneshot(request.body(Body::from(form)).unwrap()).await.unwrap();
        let to = response.headers().get(header::LOCATION).map_or("", |value| value.to_str().unwrap());
        assert_eq!((response.status(), to), (status, location), "{form}");
    }
}
