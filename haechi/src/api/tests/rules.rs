//! `/api/v1/rules` and `/api/v1/alerts` of Prometheus' rules: the fields and filters of Prometheus' API.

use slo::rules::alerts::step;
use slo::rules::status::{GroupStatus, RuleStatus, RulesStatus};
use slo::rules::{Defaults, RuleGroup, expand, parse};
use slo::template::{Host, Sample};

use super::*;

struct Quiet;

impl Host for Quiet {
    fn query(&self, _: &str) -> Result<Vec<Sample>, String> {
        Ok(Vec::new())
    }

    fn now(&self) -> Nanos {
        NOW
    }

    fn external_url(&self) -> &str {
        "http://box"
    }
}

const RULES: &str = "
groups:
- name: first
  interval: 30s
  limit: 9
  rules:
  - {record: 'job:up:sum', expr: sum by (job) (up), labels: {team: a}}
  - alert: Down
    expr: up == 0
    for: 1m
    keep_firing_for: 5m
    labels: {severity: page, team: '{{ $labels.job }}'}
    annotations: {summary: '{{ $labels.job }} is down'}
- name: second
  rules:
  - {alert: Idle, expr: up, labels: {severity: ticket}}
  - {record: broken, expr: up}
";

/// An alert of `Down` that fires, is gone and is held.
pub(super) fn status() -> Status {
    let defaults = Defaults { interval: 60 * SECOND, query_offset: 0 };
    let groups = parse("rules/a.yml", RULES, defaults, &|_| Ok(())).unwrap();
    let of = |group: RuleGroup| {
        let mut rules = vec![RuleStatus::default(); group.rules.len()];
        if let Some(alerting) = group.rules[1].alerting() {
            let labels = [("__name__", "up"), ("job", "x")].map(|(name, value)| (name.to_owned(), value.to_owned()));
            let sample = Sample { labels: labels.into(), value: 0.5 };
            let found = || vec![expand(&group.rules[1], &sample, &Quiet)];
            let (active, _) = step(&Default::default(), alerting, found(), 0, NOW - 120 * SECOND).unwrap();
            let (active, _) = step(&active, alerting, found(), 0, NOW - 60 * SECOND).unwrap();
            let (active, _) = step(&active, alerting, Vec::new(), 0, NOW).unwrap();
            rules[1] =
                RuleStatus { evaluated_at: NOW, took: SECOND / 4, active: active.into(), ..RuleStatus::default() };
        } else {
            rules[1].error = Some("it cannot be".to_owned());
        }
        let (group, took) = (Arc::new(group), SECOND / 2);
        Arc::new(GroupStatus { group, evaluated_at: NOW, took, evaluations: 3, missed: 0, rules })
    };
    let rules = RulesStatus { groups: groups.into_iter().map(of).collect(), ..RulesStatus::default() };
    Status { rules, ..Status::default() }
}

#[tokio::test]
async fn groups_have_the_fields_of_prometheus() {
    let api = Api::with_status(status()).await;
    let (code, body) = api.get("/api/v1/rules").await;
    assert_eq!(code, StatusCode::OK);
    let alert = json!({
        "labels": {"alertname": "Down", "job": "x", "severity": "page", "team": "x"},
        "annotations": {"summary": "x is down"},
        "state": "firing",
        "activeAt": "2026-11-22T13:32:00Z",
        "keepFiringSince": "2026-11-22T13:34:00Z",
        "value": "5e-01",
    });
    let first = json!({
        "name": "first", "file": "rules/a.yml", "interval": 30.0, "limit": 9, "evaluationTime": 0.5,
        "lastEvaluation": "2026-11-22T13:34:00Z",
        "rules": [
            {
                "name": "job:up:sum", "query": "sum by (job) (up)", "labels": {"team": "a"}, "health": "unknown",
                "evaluationTime": 0.0, "lastEvaluation": "0001-01-01T00:00:00Z", "type": "recording",
            },
            {
                "state": "firing", "name": "Down", "query": "up == 0", "duration": 60.0, "keepFiringFor": 300.0,
                "labels": {"severity": "page", "team": "{{ $labels.job }}"},
                "annotations": {"summary": "{{ $labels.job }} is down"},
                "alerts": [alert], "health": "ok", "evaluationTime": 0.25,
                "lastEvaluation": "2026-11-22T13:34:00Z", "type": "alerting",
            },
        ],
    });
    assert_eq!(body["data"]["groups"][0], first);
    let broken = &body["data"]["groups"][1]["rules"][1];
    assert_eq!((&broken["health"], &broken["lastError"]), (&json!("err"), &json!("it cannot be")));
    assert_eq!(body["data"].get("groupNextToken"), None);
    let (_, body) = api.get("/api/v1/alerts").await;
    assert_eq!(body["data"]["alerts"], json!([alert]));
}

#[tokio::test]
async fn filters_choose_rules_and_leave_out_groups_without_any() {
    let api = Api::with_status(status()).await;
    let table = [
        ("type=alert", "Down Idle"),
        ("type=record", "job:up:sum broken"),
        ("rule_name[]=Idle&rule_name[]=broken", "Idle broken"),
        ("rule_group[]=first", "job:up:sum Down"),
        ("file[]=rules/a.yml&rule_group[]=second&type=alert", "Idle"),
        ("file[]=rules/b.yml", ""),
        ("match[]=%7Bseverity%3D%22page%22%7D", "Down"),
        ("match[]=%7Bseverity%3D%22page%22%7D&match[]=%7Bteam%3D%22a%22%7D", "job:up:sum Down"),
        // What is a template is no value.
        ("match[]=%7Bteam%3D~%22.%2Blabels.%2B%22%7D", ""),
        ("group_limit=1", "job:up:sum Down"),
    ];
    for (query, expected) in table {
        let (code, body) = api.get(&format!("/api/v1/rules?{query}")).await;
        assert_eq!(code, StatusCode::OK, "{query}: {body}");
        let groups = body["data"]["groups"].as_array().unwrap();
        let rules = groups.iter().flat_map(|group| group["rules"].as_array().unwrap());
        let names: Vec<&str> = rules.map(|rule| rule["name"].as_str().unwrap()).collect();
        assert_eq!(names.join(" "), expected, "{query}");
        assert!(groups.iter().all(|group| !group["rules"].as_array().unwrap().is_empty()), "{query}");
    }
    let (_, body) = api.get("/api/v1/rules?exclude_alerts=true&rule_name[]=Down").await;
    assert_eq!(body["data"]["groups"][0]["rules"][0]["alerts"], json!([]));
}

#[tokio::test]
async fn groups_come_page_by_page() {
    let api = Api::with_status(status()).await;
    let (_, body) = api.get("/api/v1/rules?group_limit=1").await;
    let token = body["data"]["groupNextToken"].as_str().unwrap().to_owned();
    let (_, body) = api.get(&format!("/api/v1/rules?group_limit=1&group_next_token={token}")).await;
    assert_eq!(body["data"]["groups"].as_array().unwrap().len(), 1);
    assert_eq!((&body["data"]["groups"][0]["name"], body["data"].get("groupNextToken")), (&json!("second"), None));
    for (query, reason) in [
        (format!("group_next_token={token}"), "it is needed with group_next_token"),
        ("group_limit=0".to_owned(), "a number above 0"),
        ("group_limit=1&group_next_token=x".to_owned(), "were the rule files changed?"),
        ("type=x".to_owned(), "alert and record are allowed"),
        ("exclude_alerts=maybe".to_owned(), "true and false"),
        ("match[]=%7B".to_owned(), "match[]"),
    ] {
        let (code, body) = api.get(&format!("/api/v1/rules?{query}")).await;
        assert_eq!(code, StatusCode::BAD_REQUEST, "{query}");
        assert!(body["error"].as_str().unwrap().contains(reason), "{query}: {body}");
    }
}
