//! Prometheus' rules from outside: a file in, series, APIs and webhooks out, with a sudden death in the middle.

use std::time::Duration;

use serde_json::{Value, json};

use crate::otlp;
use crate::process::Haechi;
use crate::slos::receiver;

const PATIENCE: Duration = Duration::from_secs(90);

const RULES: &str = r#"
groups:
  - name: shop
    interval: 1s
    labels: {team: shop}
    rules:
      - record: job:queue_length:max
        expr: max by (job) (queue_length)
      - alert: QueueIsLong
        expr: job:queue_length:max > 5
        for: 2s
        labels: {severity: page}
        annotations:
          summary: '{{ $labels.job }} has {{ $value | humanize }} jobs, {{ query "count(queue_length)" | first | value }} series'
"#;

async fn send(haechi: &Haechi, length: i64) {
    let points = [(otlp::now(), length)];
    let request = otlp::metrics("shop", vec![otlp::counter("queue.length", &points, Vec::new())]);
    assert_eq!(otlp::post(&haechi.otlp_http, "metrics", &request).await.unwrap(), 200);
}

/// What the API answers, once `wanted` holds of it.
async fn until(haechi: &Haechi, path: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        let (_, body) = haechi.get(path).await;
        if wanted(&body["data"]) {
            return body["data"].clone();
        }
        assert!(tokio::time::Instant::now() < deadline, "{path}: {body}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

#[tokio::test]
async fn an_alert_of_a_rule_is_told_once_and_survives_a_kill() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("shop.yml");
    // The counter is a name in `_total`; the rules are as people have them.
    std::fs::write(&file, RULES.replace("(queue_length)", "(queue_length_total)")).unwrap();
    let (url, mut bodies) = receiver().await;
    let pattern = dir.path().join("*.yml");
    let flags = ["--rules", pattern.to_str().unwrap(), "--webhook", &url];
    let data = dir.path().join("data");
    let haechi = Haechi::start_with(&data, &flags);
    send(&haechi, 7).await;

    let firing = until(&haechi, "/api/v1/alerts", |data| data["alerts"][0]["state"] == "firing").await;
    let alert = &firing["alerts"][0];
    let labels = json!({"alertname": "QueueIsLong", "job": "shop", "severity": "page", "team": "shop"});
    assert_eq!((&alert["labels"], &alert["value"]), (&labels, &json!("7e+00")));
    assert_eq!(alert["annotations"]["summary"], "shop has 7 jobs, 1 series");
    let body = tokio::time::timeout(PATIENCE, bodies.recv()).await.unwrap().unwrap();
    let told = &body["alerts"][0];
    assert_eq!((&body["status"], &told["labels"]), (&json!("firing"), &labels), "{body}");
    assert_eq!(told["annotations"], alert["annotations"]);
    assert_eq!(body["groupLabels"], json!({"alertname": "QueueIsLong"}));
    let generator = told["generatorURL"].as_str().unwrap();
    assert!(generator.ends_with("/metrics?q=job%3Aqueue_length%3Amax+%3E+5"), "{generator}");

    let series = until(&haechi, "/api/v1/query?query=ALERTS", |data| data["result"][0]["value"][1] == "1").await;
    assert_eq!(series["result"][0]["metric"]["alertstate"], "firing", "{series}");
    let (_, rules) = haechi.get("/api/v1/rules?type=record").await;
    let rule = &rules["data"]["groups"][0]["rules"][0];
    assert_eq!((&rule["name"], &rule["health"]), (&json!("job:queue_length:max"), &json!("ok")), "{rules}");
    let page = reqwest::get(format!("{}/alerts/rules", haechi.ui)).await.unwrap().text().await.unwrap();
    assert!(page.contains("QueueIsLong") && page.contains("shop has 7 jobs"), "{page}");

    // It fires on, as the same alert, and nobody is told again.
    haechi.kill();
    let haechi = Haechi::start_with(&data, &flags);
    let again = until(&haechi, "/api/v1/alerts", |data| data["alerts"][0]["state"] == "firing").await;
    assert_eq!(again["alerts"][0]["activeAt"], alert["activeAt"]);
    send(&haechi, 3).await;
    let body = tokio::time::timeout(PATIENCE, bodies.recv()).await.unwrap().unwrap();
    assert_eq!(body["status"], "resolved", "{body}");
    for field in ["startsAt", "fingerprint"] {
        assert_eq!(body["alerts"][0][field], told[field], "{field}");
    }
    until(&haechi, "/api/v1/query?query=ALERTS", |data| data["result"] == json!([])).await;

    // A mistake in the file changes nothing and is shown.
    std::fs::write(&file, "groups: [{name: shop, rules: [{alert: a, expr: 'sum('}]}]").unwrap();
    let shown = async {
        loop {
            let page = reqwest::get(format!("{}/alerts/rules", haechi.ui)).await.unwrap().text().await.unwrap();
            if page.contains("could not parse expression") && page.contains("QueueIsLong") {
                return;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    tokio::time::timeout(PATIENCE, shown).await.unwrap();
    let page = reqwest::get(format!("{}/alerts", haechi.ui)).await.unwrap().text().await.unwrap();
    assert!(page.contains("could not parse expression"), "{page}");
}

#[tokio::test]
async fn an_alert_of_a_rule_that_is_silenced_is_told_when_its_silence_ends() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("shop.yml");
    std::fs::write(&file, RULES.replace("(queue_length)", "(queue_length_total)")).unwrap();
    let (url, mut bodies) = receiver().await;
    let haechi = Haechi::start_with(&dir.path().join("data"), &["--rules", file.to_str().unwrap(), "--webhook", &url]);
    let silences = format!("{}/api/v2/silences", haechi.ui);
    let draft = json!({
        "matchers": [{"name": "alertname", "value": "QueueIsLong", "isRegex": false, "isEqual": true}],
        "startsAt": "2026-01-01T00:00:00Z", "endsAt": "2126-01-01T00:00:00Z", "createdBy": "me", "comment": "known",
    });
    let client = reqwest::Client::new();
    let made = client.post(&silences).json(&draft).send().await.unwrap();
    assert!(made.status().is_success(), "{}", made.text().await.unwrap());
    let made: Value = made.json().await.unwrap();
    send(&haechi, 7).await;
    until(&haechi, "/api/v1/alerts", |data| data["alerts"][0]["state"] == "firing").await;
    let matchers = "/api/v1/silences/preview?matchers=alertname%3DQueueIsLong";
    let found = until(&haechi, matchers, |data| data["firing"][0]["times"] == 1).await;
    assert_eq!((&found["firing"][0]["labels"]["job"], &found["firing"][0]["slo"]), (&json!("shop"), &Value::Null));
    assert_eq!(found["fired"], found["firing"]);
    let page = reqwest::get(format!("{}/alerts", haechi.ui)).await.unwrap().text().await.unwrap();
    assert!(page.contains("me: known") && page.contains("silenced"), "{page}");
    let form = reqwest::get(format!("{}/alerts/silence?matchers=alertname%3DQueueIsLong", haechi.ui)).await.unwrap();
    assert!(form.text().await.unwrap().contains("/alerts/rules\">QueueIsLong"));
    // A change of the alert is told within the same look that the page has; had it been told, it would be here.
    assert!(bodies.try_recv().is_err());
    let id = made["silenceID"].as_str().unwrap();
    let ended = client.delete(format!("{}/api/v2/silence/{id}", haechi.ui)).send().await.unwrap();
    assert!(ended.status().is_success());
    let body = tokio::time::timeout(PATIENCE, bodies.recv()).await.unwrap().unwrap();
    assert_eq!(
        (&body["status"], &body["notification_reason"]),
        (&json!("firing"), &json!("first notification")),
        "{body}"
    );
}

#[test]
fn a_bad_rule_file_stops_the_start_with_its_place() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("bad.yml");
    std::fs::write(&file, "groups:\n- name: g\n  rules:\n  - alert: A\n    expr: up[5m]\n    lables: {}\n").unwrap();
    let data = dir.path().join("data");
    let args = ["serve", "--data-dir", data.to_str().unwrap(), "--rules", file.to_str().unwrap()];
    let ports = ["--otlp-grpc", "127.0.0.1:0", "--otlp-http", "127.0.0.1:0", "--ui", "127.0.0.1:0"];
    let output = crate::process::run(&[&args[..], &ports].concat());
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    for expected in [
        "bad.yml:5:11: groups[0].rules[0].expr: could not parse expression: it gives neither",
        "bad.yml:6:5: groups[0].rules[0].lables: unknown key, did you mean `labels`?",
    ] {
        assert!(text.contains(expected), "{text}");
    }
}

/// Waits until the SLO of the box has so many events.
async fn until_counted(haechi: &Haechi, events: u64) {
    let is_counted = |data: &Value| data["slos"][0]["budget"]["totalEvents"] == events;
    until(haechi, "/api/v1/slos", is_counted).await;
}

#[tokio::test]
async fn backtests_say_when_alerts_would_have_fired() {
    const MINUTE: u64 = 60 * otlp::SECOND;
    let dir = tempfile::tempdir().unwrap();
    let slos = dir.path().join("slos");
    std::fs::create_dir(&slos).unwrap();
    let slo = slos.join("slo.yaml");
    let tiers = "{tiers: [{severity: page, long: 5m, short: 1m, burn_rate: 10}]}";
    let text = format!("service: shop\nindicator: availability\nobjective: 99\nwindow: 24h\nalerting: {tiers}\n");
    std::fs::write(&slo, text).unwrap();
    let rules = dir.path().join("r.yml");
    let rule =
        "groups: [{name: g, rules: [{record: q, expr: queue_length_total}, {alert: Long, expr: q > 5, for: 1m}]}]";
    std::fs::write(&rules, rule).unwrap();
    let data = dir.path().join("data");
    let flags = ["--slos", slos.to_str().unwrap(), "--rules", rules.to_str().unwrap()];
    let haechi = Haechi::start_with(&data, &flags);
    // Forty minutes, of which five are bad.
    let start = otlp::now() / MINUTE * MINUTE - 40 * MINUTE;
    let is_bad = |minute: u64| (10..15).contains(&minute);
    let mut spans = Vec::new();
    for minute in 0..40 {
        for number in 0..10 {
            let (id, at) = (minute * 10 + number + 1, start + minute * MINUTE + number * 6 * otlp::SECOND);
            let span = otlp::span(u128::from(id), id, 0, "GET /", at, at + otlp::SECOND / 10);
            spans.push(if is_bad(minute) { otlp::failed(span, "no") } else { span });
        }
    }
    assert_eq!(otlp::post(&haechi.otlp_http, "traces", &otlp::traces("shop", spans)).await.unwrap(), 200);
    let points: Vec<(u64, i64)> =
        (0..40).map(|minute| (start + minute * MINUTE, if is_bad(minute) { 9 } else { 1 })).collect();
    let metrics = otlp::metrics("shop", vec![otlp::counter("queue.length", &points, Vec::new())]);
    assert_eq!(otlp::post(&haechi.otlp_http, "metrics", &metrics).await.unwrap(), 200);

    // The pages, once all is counted.
    until_counted(&haechi, 400).await;
    let page = async |path: &str| reqwest::get(format!("{}{path}", haechi.ui)).await.unwrap().text().await.unwrap();
    let text = page("/slos/shop-availability?backtest=2h").await;
    for expected in ["<b>1 page and 0 tickets.</b>", "The budget was lowest, ", "5m and 1m", "<td class=\"num\">50 of "]
    {
        assert!(text.contains(expected), "{expected}: {text}");
    }
    // Half of all may fail.
    let text = page("/slos/shop-availability?backtest=2h&objective=50").await;
    assert!(text.contains("<b>0 pages and 0 tickets.</b>"), "{text}");
    let text = page(&format!("/alerts/rules?backtest=g+of+{}&last=2h", rules.to_str().unwrap())).await;
    assert!(text.contains("<b>1 alert in 120 evaluations.</b>") && text.contains("job=&#34;shop&#34;"), "{text}");

    let (from, to) = ((start / otlp::SECOND).to_string(), ((start + 40 * MINUTE) / otlp::SECOND).to_string());
    let data = data.to_str().unwrap();
    let says = |args: &[&str]| {
        let output = crate::process::run(&[args, &["--data-dir", data, "--from", &from, "--to", &to]].concat());
        let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{text}");
        text
    };
    let text = says(&["slo", "backtest", slo.to_str().unwrap()]);
    for expected in ["1 page and 0 tickets from ", "page/5m/1m, 50 bad of ", "50 bad of 400 events in the last 1d: "] {
        assert!(text.contains(expected), "{expected}: {text}");
    }
    let text = says(&["rules", "backtest", rules.to_str().unwrap()]);
    assert!(
        text.contains(": Long {job=\"shop\", otel_scope_name=\"it\"} of g") && text.contains("1 alert from "),
        "{text}"
    );
    assert!(text.ends_with("in 40 evaluations\n"), "{text}");
    let output = crate::process::run(&["rules", "check", rules.to_str().unwrap()]);
    assert!(String::from_utf8_lossy(&output.stdout).ends_with("r.yml: 1 group, 2 rules, no mistakes\n"));
}
