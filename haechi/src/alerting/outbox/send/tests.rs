//! Answers of every kind, and addresses that are not to be used or not to be seen.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{Method, Uri};
use axum::response::{IntoResponse, Response};
use futures::stream;
use model::time::{HOUR, MINUTE};
use tokio::net::TcpListener;

use super::*;
use crate::alerting::Held;

/// A receiver that answers by the path, counts what it takes, and redirects `/to/<code>?<where>`.
async fn stub() -> (String, Arc<AtomicUsize>) {
    let taken = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&taken);
    let answer = move |method: Method, uri: Uri, body: Bytes| async move {
        let path = uri.path();
        if let Some(code) = path.strip_prefix("/to/") {
            let to = uri.query().unwrap().to_owned();
            return (StatusCode::from_u16(code.parse().unwrap()).unwrap(), [("location", to)]).into_response();
        }
        let piece = |_| Ok::<_, std::io::Error>(Bytes::from_static(&[b'x'; 1024]));
        let long = || Body::from_stream(stream::iter((0..10_240).map(piece)));
        match path {
            "/long" => Response::new(long()),
            "/long-error" => (StatusCode::BAD_GATEWAY, long()).into_response(),
            "/slow-error" => {
                let first = stream::once(async { Ok::<_, std::io::Error>(Bytes::from_static(b"wait")) });
                (StatusCode::BAD_GATEWAY, Body::from_stream(futures::StreamExt::chain(first, stream::pending())))
                    .into_response()
            }
            path if path.starts_with("/echo") => (StatusCode::NOT_FOUND, format!("Cannot POST {uri}")).into_response(),
            _ => {
                assert_eq!((method, &body[..]), (Method::POST, &b"{}"[..]));
                counted.fetch_add(1, Ordering::Relaxed);
                "ok".into_response()
            }
        }
    };
    let router = Router::new().fallback(answer);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    (base, taken)
}

async fn post(receiver: &Receiver, url: &str) -> Answer {
    let url = Url::parse(url).unwrap();
    let post =
        Post { url, keys: None, content_type: "application/json".to_owned(), body: b"{}".to_vec(), secret: None };
    send(&Clients::new().unwrap(), receiver, post, "k", 0).await.0
}

fn error(answer: &Answer) -> (&'static str, &str) {
    match answer {
        Answer::Delivered(_) => ("delivered", ""),
        Answer::Again { error, .. } => ("again", error),
        Answer::Final { error, .. } => ("final", error),
    }
}

#[tokio::test]
async fn redirects_stay_with_the_host_and_keep_the_alert() {
    let (base, taken) = stub().await;
    let (other, stolen) = stub().await;
    let receiver = Receiver::new("a", &base);
    let table = [
        (format!("{base}/to/307?/x"), "delivered"),
        (format!("{base}/to/308?{base}/x"), "delivered"),
        (format!("{base}/to/307?/to/307?/x"), "delivered"),
        (format!("{base}/to/301?/x"), "final"),
        (format!("{base}/to/302?/x"), "final"),
        (format!("{base}/to/303?/x"), "final"),
        (format!("{base}/to/307?{other}/x"), "final"),
        (format!("{base}/to/308?http://localhost:1/x"), "final"),
        (format!("{base}/to/307?/to/307?/to/307?/to/307?/to/307?/x"), "final"),
    ];
    for (url, expected) in table {
        assert_eq!(error(&post(&receiver, &url).await).0, expected, "{url}");
    }
    assert_eq!((taken.load(Ordering::Relaxed), stolen.load(Ordering::Relaxed)), (3, 0));
}

#[test]
fn only_tls_may_be_gained_by_a_redirect() {
    let table = [
        ("http://a/x", "https://a/y", true),
        ("http://a/x", "http://a/y", true),
        ("https://a/x", "http://a/y", false),
        ("http://a/x", "https://a:8443/y", false),
        ("http://a:81/x", "https://a/y", false),
        ("https://a/x", "https://a.b/y", false),
        ("https://a/x", "https://a:444/y", false),
    ];
    for (first, second, expected) in table {
        let parse = |text| Url::parse(text).unwrap();
        assert_eq!(is_same_host(&parse(first), &parse(second)), expected, "{first} {second}");
    }
}

#[tokio::test]
async fn long_and_slow_answers_are_cut() {
    let (base, _) = stub().await;
    let receiver = Receiver { timeout: Duration::from_secs(1), ..Receiver::new("a", &base) };
    assert_eq!(post(&receiver, &format!("{base}/long")).await, Answer::Delivered(200));
    let answer = post(&receiver, &format!("{base}/long-error")).await;
    let (kind, text) = error(&answer);
    assert_eq!((kind, text.len()), ("again", "the receiver answered 502 Bad Gateway: ".len() + EXCERPT));
    let answer = post(&receiver, &format!("{base}/slow-error")).await;
    assert_eq!(error(&answer), ("again", "the receiver answered 502 Bad Gateway: wait"));
}

#[tokio::test]
async fn private_addresses_are_refused_by_name_and_by_number() {
    let (base, taken) = stub().await;
    let port = Url::parse(&base).unwrap().port().unwrap();
    let receiver = Receiver { networks: Networks::Public, ..Receiver::new("a", &base) };
    for host in ["127.0.0.1", "localhost", "2130706433", "[::ffff:127.0.0.1]", "[::1]"] {
        let answer = post(&receiver, &format!("http://{host}:{port}/x")).await;
        let (kind, text) = error(&answer);
        assert!(kind == "again" && text.contains("is not a public address"), "{host}: {text}");
    }
    assert_eq!(taken.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn an_answer_that_repeats_a_secret_address_is_not_shown() {
    let (base, _) = stub().await;
    let open = Receiver::new("a", &base);
    let answer = post(&open, &format!("{base}/echo/T0KEN-1")).await;
    assert_eq!(error(&answer), ("final", "the receiver answered 404 Not Found: Cannot POST /echo/T0KEN-1"));
    let secret = Receiver { url: Held::Variable("X".to_owned()), ..open };
    for path in ["echo/T0KEN-1", "echo?key=T0KEN-1", "echo/T0KEN%2D1", "echo?key=T0KEN%2D1&x=1"] {
        let answer = post(&secret, &format!("{base}/{path}")).await;
        let expected = "the receiver answered 404 Not Found: its text repeats the address, which is a secret";
        assert_eq!(error(&answer), ("final", expected), "{path}");
    }
}

#[test]
fn retry_after_is_honoured_within_an_hour() {
    let date = "Wed, 21 Oct 2026 07:28:00 GMT";
    let table = [
        ("120", None, Some(2 * MINUTE)),
        (" 5 ", None, Some(5 * SECOND)),
        ("0", None, Some(0)),
        ("-5", None, None),
        ("soon", Some(date), None),
        ("9223372036854775807", None, Some(HOUR)),
        ("99999999999999999999", None, Some(HOUR)),
        ("0.65", None, Some(SECOND)),
        ("inf", None, None),
        (date, None, None),
        (date, Some("soon"), None),
        ("Wed, 21 Oct 2026 07:30:00 GMT", Some(date), Some(2 * MINUTE)),
        ("Thu, 22 Oct 2026 07:30:00 GMT", Some(date), Some(HOUR)),
        ("Tue, 20 Oct 2026 07:30:00 GMT", Some(date), Some(0)),
    ];
    for (text, date, expected) in table {
        let mut headers = HeaderMap::from_iter([(RETRY_AFTER, text.parse().unwrap())]);
        headers.extend(date.map(|date| (DATE, date.parse().unwrap())));
        assert_eq!(retry_after(&headers), expected, "{text} {date:?}");
    }
}
