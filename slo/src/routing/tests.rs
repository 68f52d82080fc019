//! Trees, files and groups by tables.

mod files;
mod timelines;

use super::*;

fn routing(text: &str) -> Routing {
    let receivers = ["default", "pager", "team"].map(str::to_owned);
    parse("routes.yaml", text, &receivers).unwrap_or_else(|errors| panic!("{errors}"))
}

/// `slo=a severity=page` as labels.
fn labels(text: &str) -> BTreeMap<String, String> {
    let pair = |pair: &str| pair.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()));
    text.split(' ').filter_map(pair).collect()
}

const TREE: &str = "
route:
  receiver: default
  group_by: [alertname]
  group_wait: 10s
  routes:
    - matchers: ['severity=\"page\"']
      receiver: pager
      continue: true
      group_by: ['...']
      routes:
        - matchers: [owner=core]
          group_wait: 0s
        - matchers: [owner=~\"c.*\"]
          receiver: team
    - matchers: [owner=core]
      receiver: team
    - matchers: [owner=core]
      receiver: default
    - matchers: ['{service=web, owner!=\"\"}']
      repeat_interval: 1d
";

#[test]
fn the_deepest_routes_that_match_tell() {
    let tree = routing(TREE);
    let table = [
        ("severity=ticket", "default {}"),
        ("severity=page", "pager {}/{severity=\"page\"}"),
        // It goes on after the first, and ends with the second.
        ("severity=page owner=core", "pager {}/{severity=\"page\"}/{owner=\"core\"} team {}/{owner=\"core\"}"),
        ("severity=page owner=cart", "team {}/{severity=\"page\"}/{owner=~\"c.*\"}"),
        ("owner=core", "team {}/{owner=\"core\"}"),
        ("service=web", "default {}"),
        ("service=web owner=x", "default {}/{service=\"web\",owner!=\"\"}"),
        ("", "default {}"),
    ];
    for (text, expected) in table {
        let found: Vec<String> =
            tree.routes_of(&labels(text)).iter().map(|route| format!("{} {}", route.receiver, route.key)).collect();
        assert_eq!(found.join(" "), expected, "{text}");
    }
}

#[test]
fn a_route_has_what_it_does_not_say_from_above() {
    use model::time::{DAY, HOUR, MINUTE, SECOND};
    let tree = routing(TREE);
    let of = |text: &str| tree.routes_of(&labels(text))[0].clone();
    let times = |route: &Route| (route.group_wait, route.group_interval, route.repeat_interval);
    assert_eq!(times(&of("")), (10 * SECOND, 5 * MINUTE, 4 * HOUR));
    assert_eq!(times(&of("severity=page owner=core")), (0, 5 * MINUTE, 4 * HOUR));
    assert_eq!(times(&of("service=web owner=x")), (10 * SECOND, 5 * MINUTE, DAY));
    let alert = labels("alertname=X severity=page owner=core");
    assert_eq!(of("severity=page owner=core").group_labels(&alert), alert);
    assert_eq!(of("").group_labels(&alert), labels("alertname=X"));
    assert_eq!(of("").group_labels(&labels("slo=a")), labels(""));
}

#[test]
fn two_routes_that_are_alike_tell_once() {
    let tree = routing(
        "route: {receiver: default, routes: [{matchers: [a=b], continue: true}, {matchers: [a=b], continue: true}]}",
    );
    assert_eq!(tree.routes_of(&labels("a=b")).len(), 1);
}
