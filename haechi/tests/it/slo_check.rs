//! `haechi slo check`: files of SLOs and of routes without a box.

use std::fs;

use crate::process::run;

const SLO: &str = "service: shop\nindicator: availability\nobjective: 99\n";
const ROUTES: &str = "route:\n  receiver: team\n  routes:\n    - {matchers: [severity=page], receiver: pager}\n";

#[test]
fn routes_are_checked_beside_slos() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str, text: &str| {
        let path = dir.path().join(name);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (slo, bad_slo) = (path("slo.yaml", SLO), path("bad.yaml", "service: shop\n"));
    let (routes, bad_routes) = (path("routes.yaml", ROUTES), path("bad-routes.yaml", "route: {receivr: team}\n"));
    let list = |names: &[&str]| -> String {
        names.iter().map(|name| format!("  - {{name: {name}, url: http://x}}\n")).collect()
    };
    let both = path("both.yaml", &format!("slos: {slo}\nroutes: {routes}\nreceivers:\n{}", list(&["team", "pager"])));
    let one = path("one.yaml", &format!("receivers:\n{}", list(&["team"])));
    let wrong = path("wrong.yaml", "receivers: x\n");
    // (arguments, what is said on success, or each mistake)
    let table: [(&[&str], bool, &[&str]); 9] = [
        (&[&slo], true, &["shop-availability: ", "1 SLOs, no mistakes"]),
        (
            &[&slo, "--routes", &routes],
            true,
            &["1 SLOs, no mistakes", "2 routes to pager, team; inhibition rules: 0; time intervals: 0; no mistakes"],
        ),
        (&["--routes", &routes], true, &["2 routes to pager, team"]),
        (&["--config", &both], true, &["1 SLOs, no mistakes", "2 routes to pager, team"]),
        (
            &[&slo, "--routes", &routes, "--config", &one],
            false,
            &["routes.yaml:4:45: route.routes[0].receiver: there is no receiver \"pager\"; the configuration has team"],
        ),
        (
            &[&bad_slo, "--routes", &bad_routes],
            false,
            &["bad.yaml:1:1: indicator", "bad.yaml:1:1: objective", "bad-routes.yaml:1:9: route.receivr: unknown key"],
        ),
        (&["--routes", "/nowhere.yaml"], false, &["/nowhere.yaml:1:1: cannot be read: No such file"]),
        (&[&slo, "--config", &wrong], false, &["wrong.yaml:1: receivers: expected a list"]),
        (&["/nowhere"], false, &["/nowhere"]),
    ];
    for (arguments, is_good, expected) in table {
        let output = run(&[&["slo", "check"], arguments].concat());
        let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert_eq!(output.status.success(), is_good, "{arguments:?}: {text}");
        for words in expected {
            assert!(text.contains(words), "{arguments:?}: {words}: {text}");
        }
    }
}
