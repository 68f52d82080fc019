//! Files of other tools in, SLOs and what was not mapped out; and back.

use super::*;
use crate::spec::{Indicator, RatioSli, Severity, Slo, Tier, Window};

mod openslo;
mod pyrra;
mod round_trips;
mod sloth;

fn loaded(text: &str) -> Loaded {
    load("f.yaml", text).unwrap_or_else(|errors| panic!("{errors}\n{text}"))
}

fn unmapped(loaded: &Loaded) -> Vec<String> {
    loaded.unmapped.iter().map(ToString::to_string).collect()
}

fn errors(text: &str) -> String {
    load("f.yaml", text).expect_err(text).to_string()
}

fn bad_of_total(bad: &str, total: &str) -> Indicator {
    Indicator::Ratio(RatioSli::BadOfTotal { bad: bad.to_owned(), total: total.to_owned() })
}

fn good_of_total(good: &str, total: &str) -> Indicator {
    Indicator::Ratio(RatioSli::GoodOfTotal { good: good.to_owned(), total: total.to_owned() })
}

fn error_ratio(ratio: &str) -> Indicator {
    Indicator::Ratio(RatioSli::ErrorRatio(ratio.to_owned()))
}

fn tiers(slo: &Slo) -> Vec<String> {
    slo.alerting.tiers.iter().map(|tier| format!("{} {}", tier.id(), tier.burn_rate)).collect()
}

#[test]
fn our_own_files_are_read_as_ever() {
    let text = "service: s\nindicator: availability\nobjective: 99\n";
    assert_eq!(loaded(text), Loaded { slos: parse("f.yaml", text).unwrap(), unmapped: vec![] });
    assert_eq!(errors("service: s\n---\na: 1\n"), parse("f.yaml", "service: s\n---\na: 1\n").unwrap_err().to_string());
    assert_eq!(errors(""), parse("f.yaml", "").unwrap_err().to_string());
}

#[test]
fn files_of_other_formats_are_bounded_too() {
    let many = "apiVersion: openslo/v1\nkind: Service\n---\n".repeat(1_001);
    assert!(errors(&many).starts_with("f.yaml:1:1: 100"), "{}", errors(&many));
    let slo = "  - {name: a, objective: 99, sli: {raw: {error_ratio_query: 'r[{{.window}}]'}}}\n";
    let many = format!("version: prometheus/v1\nservice: s\nslos:\n{}", slo.repeat(1_001));
    assert!(errors(&many).starts_with("f.yaml:1:1: 1001 SLOs in one file, at most 1000 are allowed"));
}

#[test]
fn other_versions_are_named() {
    let allowed =
        "must be prometheus/v1 or sloth.slok.dev/v1 (Sloth), pyrra.dev/v1alpha1 (Pyrra) or openslo/v1 (OpenSLO), got";
    let ours = "; a file of our own format names none";
    let table = [
        ("version: prometheus/v2\n", format!("f.yaml:1:10: version: {allowed} \"prometheus/v2\"{ours}")),
        ("version: 1\n", format!("f.yaml:1:10: version: {allowed} the number 1{ours}")),
        ("apiVersion: openslo/v1alpha\n", format!("f.yaml:1:13: apiVersion: {allowed} \"openslo/v1alpha\"{ours}")),
    ];
    for (text, expected) in table {
        assert_eq!(errors(text), expected);
    }
}
