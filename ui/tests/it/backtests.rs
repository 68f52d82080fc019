//! Backtests on the pages of an SLO and of rules.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::http::StatusCode;
use model::time::{DAY, HOUR, MINUTE};
use query::QueryError;
use slo::backtest::{Backtest, Firing};
use slo::groups::Group;
use slo::rules::status::{GroupStatus, RuleStatus, RulesStatus};
use slo::rules::{Defaults, parse};
use slo::spec::Severity;
use slo::{Count, Status};
use ui::{RuleFiring, RulesBacktest, SloBacktest};

use crate::fixture::Fixture;
use crate::{clock, get};

fn firing(since: i64, until: Option<i64>) -> Firing {
    Firing {
        tier: "page/1h/5m".to_owned(),
        severity: Severity::Page,
        since: clock() - since,
        until: until.map(|until| clock() - until),
        lasted: 12 * MINUTE,
        events: Count { good: 900, total: 1_000 },
        budget_spent: 0.25,
        peak: 31.5,
    }
}

#[tokio::test]
async fn the_page_of_an_slo_says_when_it_would_have_fired() {
    let mut fixture = Fixture::shop(clock);
    let name = (fixture.state.slo_status)().slos[0].slo.name.clone();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&asked);
    fixture.state.backtests.slo = Arc::new(move |name, objective, range| {
        noted.lock().unwrap().push((name, objective.percent(), range.length()));
        let result = Backtest {
            range: model::TimeRange::new(range.start + DAY, range.end - HOUR),
            firings: vec![firing(2 * DAY, Some(2 * DAY - HOUR)), firing(DAY, None)],
            held_back: HOUR,
            unknown: 0,
            lowest: Some((-0.5, clock() - DAY)),
            budget: None,
        };
        Box::pin(async move { Ok(SloBacktest { groups: vec![(Group::All, result)], n_groups: 3 }) })
    });
    let router = ui::router(fixture.state.clone());
    let path = format!("/slos/{name}");
    let idle = get(&router, &path).await.text().to_owned();
    assert!(idle.contains(r#"name="backtest" value="7d""#) && asked.lock().unwrap().is_empty(), "{idle}");
    let page = get(&router, &format!("{path}?from=now-6h&backtest=7d&objective=99%25")).await;
    let text = page.text();
    for expected in [
        "<b>2 pages and 0 tickets.</b>",
        "The budget was lowest, 50 % overspent, at <time ",
        "Counted is the time since <time ",
        "It took too long and was stopped at <time ",
        "It took too long: 1 of 3 groups are in it",
        "held alerts back for 1h",
        "<td class=\"num\">100 of 1,000</td><td class=\"num\">25 %</td>",
        "still fires",
        r#"<input type="hidden" name="from" value="now-6h">"#,
        r#"name="objective" value="99""#,
    ] {
        assert!(text.contains(expected), "{expected}: {text}");
    }
    assert_eq!(*asked.lock().unwrap(), [(name, 99.0, 7 * DAY)]);
    for (query, expected) in [
        ("backtest=forever", "backtest: &#34;forever&#34; is not a duration"),
        ("backtest=1d&objective=%3Cb%3E", "objective: &#34;&#60;b&#62;&#34; is not a percentage"),
    ] {
        let text = get(&router, &format!("{path}?{query}")).await.text().to_owned();
        assert!(text.contains(expected), "{query}: {text}");
    }
    fixture.state.backtests.slo = Arc::new(|_, _, _| Box::pin(async { Err(QueryError::Overloaded) }));
    let page = get(&ui::router(fixture.state.clone()), &format!("{path}?backtest=1d")).await;
    assert!(page.status == StatusCode::OK && page.text().contains("Busy"), "{}", page.text());
}

const RULES: &str = "
groups:
- {name: queues, rules: [{alert: Long, expr: up > 5}]}
- {name: records, rules: [{record: a, expr: up}]}
";

#[tokio::test]
async fn the_page_of_rules_says_when_a_group_would_have_fired() {
    let mut fixture = Fixture::shop(clock);
    let groups = parse("r.yml", RULES, Defaults { interval: MINUTE, query_offset: 0 }, &|_| Ok(())).unwrap();
    let of = |group| {
        let rules = vec![RuleStatus::default()];
        Arc::new(GroupStatus { group: Arc::new(group), evaluated_at: 0, took: 0, evaluations: 0, missed: 0, rules })
    };
    let rules = RulesStatus { groups: groups.into_iter().map(of).collect(), ..RulesStatus::default() };
    let status = Arc::new(Status { rules, ..Status::default() });
    fixture.state.slo_status = Arc::new(move || Arc::clone(&status));
    fixture.state.backtests.rules = Arc::new(|group, range| {
        assert_eq!((group.name.as_str(), range.length()), ("queues", 6 * HOUR));
        let labels = [("alertname", "Long"), ("job", "a<b")].map(|(name, value)| (name.to_owned(), value.to_owned()));
        let fired = vec![RuleFiring { labels: labels.into(), since: range.start + HOUR, until: None }];
        let failed = BTreeMap::from([("Long".to_owned(), (7, "too many samples".to_owned()))]);
        let reached = range.start + 2 * HOUR;
        Box::pin(async move { Ok(RulesBacktest { fired, evaluations: 120, failed, reached }) })
    });
    let router = ui::router(fixture.state.clone());
    let idle = get(&router, "/alerts/rules").await.text().to_owned();
    assert!(idle.contains("<option>queues of r.yml</option>") && !idle.contains("records of r.yml</option>"), "{idle}");
    let text = get(&router, "/alerts/rules?backtest=queues+of+r.yml&last=6h").await.text().to_owned();
    for expected in [
        "<b>1 alert in 120 evaluations.</b>",
        "It took too long and was stopped at <time ",
        "Long failed 7 times: too many samples",
        "job=&#34;a&#60;b&#34;",
        "<td class=\"num\">1h</td>",
        "<option selected>queues of r.yml</option>",
    ] {
        assert!(text.contains(expected), "{expected}: {text}");
    }
    let text = get(&router, "/alerts/rules?backtest=none").await.text().to_owned();
    assert!(text.contains("there is no group &#34;none&#34; with alerts"), "{text}");
}
