//! The tests of durability at length. They are those that `test` runs, told to go on for longer.

use std::env;
use std::path::PathBuf;

use crate::root;
use crate::step::{Step, cargo};

pub(crate) fn run(args: &[String]) -> Result<(), String> {
    let [what, numbers @ ..] = args else { return Err(format!("torture needs one of {}", names())) };
    if what == "calls" {
        let mut test = cargo();
        test.args(["test", "--release", "--package", "store", "--lib", "tests::faults", "--", "--nocapture"]);
        return Step::new("every file call", test.env("HAECHI_FAULTS", "1")).run();
    }
    let kind = KINDS.iter().find(|kind| kind.name == what);
    let Some(kind) = kind else { return Err(format!("torture knows {}, not {what:?}", names())) };
    Step::new("release build", cargo().args(["build", "--release", "--package", "haechi"])).run()?;
    let mut test = cargo();
    test.args(["test", "--package", "haechi", "--test", "it", kind.test, "--", "--nocapture"]);
    test.env("HAECHI_BIN", binary());
    for (value, variable) in numbers.iter().zip([kind.count, kind.seed]) {
        test.env(variable, value);
    }
    if numbers.is_empty() {
        test.env(kind.count, "100");
    }
    Step::new(kind.name, &mut test).run()
}

/// A kind of torture: its test in `haechi/tests/it`, and the variables that say how often and with which seed.
struct Kind {
    name: &'static str,
    test: &'static str,
    count: &'static str,
    seed: &'static str,
}

const KINDS: [Kind; 3] = [
    Kind { name: "kill", test: "kill::", count: "HAECHI_KILL_CYCLES", seed: "HAECHI_KILL_SEED" },
    Kind { name: "alerts", test: "kill_alerts::", count: "HAECHI_ALERT_KILL_CYCLES", seed: "HAECHI_ALERT_KILL_SEED" },
    Kind { name: "power", test: "power::", count: "HAECHI_POWER_CUTS", seed: "HAECHI_POWER_SEED" },
];

fn names() -> String {
    let names = KINDS.iter().map(|kind| kind.name);
    ["calls"].into_iter().chain(names).collect::<Vec<_>>().join(", ")
}

fn binary() -> PathBuf {
    let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
    target.join("release/haechi")
}
