//! What the box says of itself: the same to a scraper and to PromQL.

use std::time::{Duration, Instant};

use reqwest::header::{ACCEPT, CONTENT_TYPE};

use crate::process::Haechi;

#[tokio::test]
async fn own_metrics_have_the_same_names_and_samples_in_the_store_and_for_scrapers() {
    let dir = tempfile::tempdir().unwrap();
    let haechi = Haechi::start_with(dir.path(), &["--own-metrics", "1s"]);
    let client = reqwest::Client::new();
    let metrics = |accept: &'static str| client.get(format!("{}/metrics", haechi.ui)).header(ACCEPT, accept).send();
    let page = metrics("text/html,application/xhtml+xml,*/*;q=0.8").await.unwrap();
    assert!(page.headers()[CONTENT_TYPE].to_str().unwrap().starts_with("text/html"));
    let scraped = metrics("text/plain;version=0.0.4;q=0.5,*/*;q=0.1").await.unwrap();
    assert_eq!(scraped.headers()[CONTENT_TYPE], "text/plain; version=0.0.4; charset=utf-8");
    let text = scraped.text().await.unwrap();

    let deadline = Instant::now() + Duration::from_secs(30);
    while haechi.get("/api/v1/query?query=process_threads").await.1["data"]["result"][0].is_null() {
        assert!(Instant::now() < deadline, "the box has not stored its metrics");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let (_, metadata) = haechi.get("/api/v1/metadata").await;
    let heads: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' ')).collect();
    assert!(heads.len() > 30);
    for (name, kind) in heads {
        assert_eq!(metadata["data"][name][0]["type"], kind, "{name}: {}", metadata["data"][name]);
        let mut expected: Vec<_> = text
            .lines()
            .filter_map(|line| line.strip_prefix(name)?.rsplit_once(' '))
            .map(|(labels, _)| labels.trim_matches(['{', '}']).replace('"', ""))
            .filter(|labels| labels.is_empty() || labels.contains('='))
            .collect();
        let (_, answer) = haechi.get(&format!("/api/v1/query?query={name}")).await;
        let mut stored: Vec<_> = answer["data"]["result"]
            .as_array()
            .unwrap()
            .iter()
            .map(|series| {
                let labels = series["metric"].as_object().unwrap();
                assert_eq!(labels["job"], "haechi");
                let own = labels.iter().find(|(label, _)| matches!(label.as_str(), "signal" | "table" | "kind"));
                own.map(|(label, value)| format!("{label}={}", value.as_str().unwrap())).unwrap_or_default()
            })
            .collect();
        expected.sort();
        stored.sort();
        assert_eq!(stored, expected, "{name}");
    }
    // They are not counted among what was received.
    let received = "haechi_requests_total{signal=\"metrics\"} 0";
    assert!(text.lines().any(|line| line == received), "{text}");
    assert_eq!(haechi.terminate(), Some(0));
}
