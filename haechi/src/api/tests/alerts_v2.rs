//! `/api/v2/alerts`: what clients of Alertmanager, such as `amtool alert query`, are told.

use slo::routing::{Matcher, parse};
use slo::silences::{Draft, Silences};

use super::rules::status as of_rules;
use super::slos::burning;
use super::*;

const ROUTES: &str = "
route:
  receiver: all
  routes:
    - {matchers: [severity=page], receiver: pager, continue: true}
    - {matchers: ['slo!=\"\"'], receiver: team}
inhibit_rules:
  - {source_matchers: [severity=page, slo=~\".+\"], target_matchers: [severity=ticket], equal: [slo]}
";

/// An SLO with pages and tickets that fire, and the alert `Down` of a rule, which is silenced.
fn status() -> Status {
    let draft = Draft {
        id: None,
        matchers: Matcher::parse_all("alertname=Down").unwrap(),
        starts_at: NOW,
        ends_at: NOW + 3600 * SECOND,
        created_by: "me".to_owned(),
        comment: "known".to_owned(),
    };
    let (silences, _) = Silences::default().with(draft, "id-0".to_owned(), NOW).unwrap();
    let receivers = ["all", "pager", "team"].map(str::to_owned);
    let routing = parse("routes.yaml", ROUTES, &receivers).unwrap();
    Status { silences, routing: Some(Arc::new(routing)), rules: of_rules().rules, ..burning() }
}

#[tokio::test]
async fn alerts_say_what_keeps_them_quiet() {
    let api = Api::with_status(status()).await;
    let (code, body) = api.get("/api/v2/alerts").await;
    assert_eq!(code, StatusCode::OK, "{body}");
    let all = body.as_array().unwrap();
    let of = |name: &str, value: &str| -> Vec<&Value> { all.iter().filter(|it| it["labels"][name] == value).collect() };
    let (down, tickets) = (of("alertname", "Down"), of("severity", "ticket"));
    assert_eq!(
        down[0]["status"],
        json!({"inhibitedBy": [], "mutedBy": [], "silencedBy": ["id-0"], "state": "suppressed"})
    );
    assert_eq!(
        (&down[0]["receivers"], &down[0]["endsAt"], &down[0]["annotations"]),
        (&json!([{"name": "pager"}]), &json!("2026-11-22T13:38:00Z"), &json!({"summary": "x is down"}))
    );
    let pages: Vec<&Value> = all.iter().filter(|it| it["status"]["state"] == "active").collect();
    assert!(!tickets.is_empty() && !pages.is_empty(), "{body}");
    for ticket in tickets {
        let by = ticket["status"]["inhibitedBy"][0].as_str().unwrap();
        assert!(pages.iter().any(|page| page["fingerprint"] == by && page["labels"]["severity"] == "page"), "{ticket}");
        assert_eq!(
            (&ticket["status"]["state"], &ticket["receivers"]),
            (&json!("suppressed"), &json!([{"name": "team"}]))
        );
    }
    assert_eq!(pages[0]["receivers"], json!([{"name": "pager"}, {"name": "team"}]));

    let (n_all, n_pages) = (all.len(), pages.len());
    for (query, expected) in [
        ("active=false", n_all - n_pages),
        ("silenced=false&inhibited=false", n_pages),
        ("inhibited=false", n_pages + 1),
        ("filter=alertname%3DDown", 1),
        ("filter=severity%3Dpage&filter=slo%3D~%22.%2B%22", n_pages),
        ("receiver=pag.%2A", n_pages + 1),
        ("receiver=age", 0),
    ] {
        let (_, body) = api.get(&format!("/api/v2/alerts?{query}")).await;
        assert_eq!(body.as_array().unwrap().len(), expected, "{query}: {body}");
    }
    for query in ["filter=x", "active=maybe", "receiver=%28"] {
        let (code, body) = api.get(&format!("/api/v2/alerts?{query}")).await;
        assert!(code == StatusCode::BAD_REQUEST && body.is_string(), "{query}: {code} {body}");
    }
}
