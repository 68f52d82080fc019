//! Alerts of rules, which are told by routes, without a file of them too, and are silenced as those of SLOs are.

use slo::alert::{Alert, RuleAlert};
use slo::groups::Group;
use slo::routing::Matcher;
use slo::silences::Draft;
use slo::status::{AttemptOutcome, Exchange};

use super::*;
use crate::alerting::Kind;
use crate::alerting::outbox::note;

const ROUTES: &str = "
route:
  receiver: team
  group_by: [alertname]
  group_wait: 0s
  group_interval: 10s
  repeat_interval: 4h
  routes:
    - {receiver: team, continue: true}
    - {receiver: am}
";

fn alert() -> Alert {
    let labels = [("alertname", "Down"), ("instance", "1")];
    Alert {
        tier: String::new(),
        group: Group::All,
        labels: labels.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
        starts_at: T0,
        ends_at: None,
        rule: Some(RuleAlert { annotations: BTreeMap::new(), expression: "up == 0".to_owned() }),
    }
}

fn open(bench: &Bench, routes: bool) -> Rounds {
    if routes {
        std::fs::write(bench.dir.path().join("routes.yaml"), ROUTES).unwrap();
    }
    let mut config = bench.config();
    config.rules = RuleFiles::new("nowhere/*.yml", SECOND).unwrap();
    config.receivers =
        vec![Receiver::new("team", ""), Receiver { kind: Kind::Alertmanager, ..Receiver::new("am", "") }];
    bench.open_with(config)
}

/// Tells of `firing` at `now` and lets all of it arrive; gives who was told what.
fn tell(rounds: &mut Rounds, firing: Vec<Alert>, now: Nanos) -> Vec<(&'static str, String)> {
    let events = Arc::clone(&rounds.sources.events);
    let mut commit = Commit::default();
    let silences = rounds.state.silences();
    let dispatch = rounds.dispatch.as_ref().unwrap();
    let alerting = Alerting { tracks: &rounds.tracks, of_rules: firing };
    dispatch.tell(alerting, &mut commit, now, events.look().as_ref(), &rounds.config, &silences);
    assert!(rounds.commit(commit, now));
    let mut told = Vec::new();
    for name in ["team", "am"] {
        while let Some(head) = rounds.state.heads(name).into_iter().next() {
            let attempt = note(&head, now, Duration::ZERO, AttemptOutcome::Delivered(200));
            rounds.state.record(head.id, attempt, &Exchange::default()).unwrap();
            told.push((name, head.status));
        }
    }
    told
}

#[test]
fn what_is_silenced_is_told_when_its_silence_ends() {
    for routes in [false, true] {
        let bench = Bench::new();
        let mut rounds = open(&bench, routes);
        let draft = Draft {
            id: None,
            matchers: Matcher::parse_all("alertname=Down").unwrap(),
            starts_at: T0,
            ends_at: T0 + 10 * MINUTE,
            created_by: "somebody".to_owned(),
            comment: "they know".to_owned(),
        };
        rounds.state.silence(draft, T0).unwrap();
        let mut told = Vec::new();
        for minute in 0..12 {
            if minute == 5 {
                rounds = open(&bench, routes);
            }
            let now = T0 + minute * MINUTE;
            told.extend(tell(&mut rounds, vec![alert()], now).into_iter().map(|it| (minute, it)));
        }
        let firing = |minute, name| (minute, (name, "firing".to_owned()));
        // The one that forgets is told again.
        assert_eq!(told, [firing(10, "team"), firing(10, "am"), firing(11, "am")], "routes: {routes}");
    }
}

#[test]
fn those_that_forget_are_told_every_minute_and_the_others_not() {
    for routes in [false, true] {
        let bench = Bench::new();
        let mut rounds = open(&bench, routes);
        let mut told = Vec::new();
        for half in 0..8 {
            let now = T0 + half * 30 * SECOND;
            let firing = if half < 6 { vec![alert()] } else { Vec::new() };
            told.extend(tell(&mut rounds, firing, now).into_iter().map(|(name, status)| (half, name, status)));
        }
        let told: Vec<_> = told.iter().map(|(half, name, status)| (*half, *name, status.as_str())).collect();
        let expected = [
            (0, "team", "firing"),
            (0, "am", "firing"),
            (2, "am", "firing"),
            (4, "am", "firing"),
            (6, "team", "resolved"),
            (6, "am", "resolved"),
        ];
        assert_eq!(told, expected, "routes: {routes}");
    }
}
